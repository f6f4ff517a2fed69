"""Options and arguments that commands of the command line share, and what stands behind them."""

import functools
import re
import sys
from json import loads
from pathlib import Path

import click

from fastmem.cli.delimited import TableOptions
from fastmem.data.options import COLUMNS
from fastmem.hyperplanes.hyperplanes import MAX_COLUMNS

__all__ = [
    "DATA", "DELTA", "EXISTING", "FOLDER", "LABELS", "OUTPUT", "column_numbers", "own_options", "wants_progress",
    "with_json", "with_label", "with_progress", "with_table_options", "with_threads",
]  # fmt: skip


class _Output(click.Path):
    """A file to write, in a folder that there is: nobody waits for what cannot be written then."""

    def convert(self, value, param, ctx):
        path = super().convert(value, param, ctx)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {str(path.parent)!r}", param, ctx)
        return path


EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
DATA = click.Path(exists=True, path_type=Path, allow_dash=True)
LABELS = click.Path(exists=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, writable=True, path_type=Path)
OUTPUT = _Output(dir_okay=False, writable=True, path_type=Path)
DELTA = click.FloatRange(0, 2, min_open=True)


def _delimiter(context, parameter, text):
    """One character; a tab may be written as a word or as Python writes it."""
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if text is not None and (len(text) != 1 or text in '"\r\n'):
        raise click.BadParameter("it is one character, or tab")
    return text


def with_table_options(command):
    """Options by which a user says what the columns of a file are, handed over as one `TableOptions`.

    The command may have an option ``--keep``, which becomes one of them.
    """

    @functools.wraps(command)
    def with_table(*arguments, header, delimiter, decimal, use, drop, keep=(), **options):
        return command(*arguments, table=TableOptions(header, delimiter, decimal, use, drop, keep), **options)

    for option in (
        click.option("--drop", multiple=True, metavar="COLUMN", help="Column of a table to leave out; repeatable."),
        click.option("--use", multiple=True, metavar="COLUMN", help="Column of a table that holds points; repeatable."),
        click.option("--decimal", type=click.Choice([".", ","]), default=".", help="Decimal mark of a text table."),
        click.option("--delimiter", callback=_delimiter, help="What separates columns of a text table, or tab."),
        click.option("--header/--no-header", default=None, help="Whether a text table begins with names."),
    ):
        with_table = option(with_table)
    return with_table


def with_progress(command):
    """Take ``--progress``."""
    said = "Show progress bars (default: if standard error is a terminal)."
    return click.option("--progress/--no-progress", default=None, help=said)(command)


def with_threads(command):
    """Take ``--threads``."""
    said = "Number of threads (default: all cores)."
    return click.option("--threads", type=click.IntRange(min=1), help=said)(command)


def with_label(command):
    """Take ``--label``, the column of labels."""
    said = "Column of a .csv or .parquet file that holds labels, by name or number from 0."
    return click.option("--label", metavar="COLUMN", help=said)(command)


def with_json(command):
    """Take ``--json``."""
    return click.option("--json", is_flag=True, help="Print JSON instead of text; NaN and infinity are null.")(command)


def wants_progress(wanted):
    """Whether to show bars: as asked for, else where standard error is a terminal."""
    return sys.stderr.isatty() if wanted is None else wanted


def column_numbers(context, parameter, text):
    """A word, column numbers, of which a range may be short, or names."""
    parts = [part.strip() for part in text.split(",")]
    if text in COLUMNS or not all(re.fullmatch(r"\d+(-\d+)?", part) for part in parts):
        return text if text in COLUMNS else parts
    ends = [[int(end) for end in part.split("-")] for part in parts]
    if max(map(max, ends)) > MAX_COLUMNS:
        raise click.BadParameter(f"there are at most {MAX_COLUMNS} columns")
    return [column for end in ends for column in range(end[0], end[-1] + 1)]


def own_options(context, parameter, texts):
    """Names and values; a value is what JSON reads it as, else text."""
    options = {}
    for text in texts:
        name, is_given, value = text.partition("=")
        if not is_given or not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE")
        if name in options:
            raise click.BadParameter(f"{name} is given twice")
        try:
            options[name] = loads(value)
        except ValueError:
            options[name] = value
    return options or None
