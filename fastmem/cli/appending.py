"""Tables with one more column, that of labels: text as it stands in the file, cell by cell, or .parquet.

A table was read once for its points. Here its rows are read once more, as many at a time as there are labels, so that
no more of them are in memory.
"""

import contextlib
import csv
import io
import re
from itertools import islice

import click
import numpy as np

from fastmem.cli.files import as_text, is_parquet, is_table, place_of, suffix, writing_utf8
from fastmem.errors import InvalidInput
from fastmem.machine.disk import writing_whole
from fastmem.machine.partners import need

__all__ = ["refuse_other_files", "writing_table"]

_MARK = "\ufeff"  # a byte order mark
_ROWS = 2**12  # of text, of which each is an object, at a time


def refuse_other_files(data, output, json):
    """Raise `UsageError` where columns of `data` cannot be written beside labels, before anything is read."""
    if not is_table(data):
        raise click.UsageError(
            f"{data}: --append and --keep are for tables, .csv files and the like: leave them out, labels have the "
            "order of the rows"
        )
    if json and output is None:
        raise click.UsageError("--json prints labels alone: write the table to a file with -o, or leave --json out")
    if is_parquet(data) and (output is None or suffix(output) != ".parquet"):
        raise click.UsageError(f"{data}: with --append or --keep it becomes a .parquet file: give its name with -o")
    if not is_parquet(data) and output is not None and suffix(output) in (".npy", ".npz", ".safetensors", ".parquet"):
        raise click.UsageError(f"{output}: a text table stays one with --append or --keep: give it the name of one")


@contextlib.contextmanager
def writing_table(output, table, empty, name=None, keep=()):
    """Context that yields a function which writes the next rows of a table, with the labels that it is given.

    Parameters
    ----------
    output : pathlib.Path or None
        A file that is written whole or not at all; None for standard output.
    table : DelimitedTable, ParquetTable or ParquetFolder
    empty : ndarray of shape (0,) or (0, k)
        No labels, of the dtype and number of values of those to come.
    name : str, optional
        Of the column of labels; ``label`` where only some columns are kept. Those of k values are k columns, with a
        number from 0 each.
    keep : tuple of str
        Columns to write, by name or number; all, if there are none.

    Raises
    ------
    InvalidInput
        There is a column of this name already, or the file has not as many rows as there are labels.
    """
    if not is_parquet(table.path):
        _refuse_as_tabs(output, table)
    places = [place_of(table, column) for column in keep] or list(range(table.width))
    name = "label" if name is None else name
    names = [name] if empty.ndim == 1 else [f"{name}_{k}" for k in range(empty.shape[1])]
    taken = {table.header[place] for place in places} & set(names) if table.header else ()
    for name in names:
        if name in taken:
            raise InvalidInput(f"{table.path} has a column {name!r} already: give labels another name with --append")
    writing = _writing_parquet if is_parquet(table.path) else _writing_text
    with writing(output, table, empty, names, places if keep else None) as write:
        yield write


# Text


def _refuse_as_tabs(output, table):
    if output is not None and suffix(output) in (".tsv", ".tsv.gz") and table.separator != "\t":
        raise click.UsageError(
            f"{output}: columns stay separated by {table.separator!r}, as in {table.path}: end the name with .csv"
        )


@contextlib.contextmanager
def _writing_text(output, table, empty, names, places):
    line, text_of = _line_of(table.separator), _text_in(table, empty.dtype)
    rows = _rows(table, places, line)
    with writing_utf8(output) as write:
        if table.header is not None:
            text, end = next(rows)
            write(f"{_names(table, text, places, line)}{table.separator}{line(names)}{end}")

        def add(labels):
            for start in range(0, len(labels), _ROWS):
                block = labels[start : start + _ROWS]
                texts = list(islice(rows, len(block)))
                _need(len(texts) == len(block) and texts[-1][0] is not None, table)
                cells = (map(text_of, label if labels.ndim == 2 else (label,)) for label in block)
                lines = zip(texts, map(line, cells), strict=True)
                write("".join(f"{text}{table.separator}{beside}{end}" for (text, end), beside in lines))

        yield add
        text, rest = next(rows, (None, ""))
        _need(text is None, table)
        write(rest)


def _rows(table, places, line):
    """Of each row, names first, its text or that of some cells, and how the line ends; then None and what is left."""
    end = "\n"
    for text, cells in _records(table.file, table.separator):
        if not cells:
            yield None, text if places is None else ""
            return
        body = text.rstrip("\r\n")
        end = text[len(body) :] or end  # the last line may have none
        if places is not None:
            body = line(cells[place] for place in places if place < len(cells))
        yield body, end


def _records(file, separator):
    """Text and cells of each row, as the csv module parts them, with empty lines before it; then those at the end."""
    with file.open() as opened, io.TextIOWrapper(opened, "utf-8", newline="") as lines:
        seen = []

        def recorded():
            mark = _MARK
            for line in lines:
                seen.append(line)
                yield line.removeprefix(mark)
                mark = ""

        for cells in csv.reader(recorded(), delimiter=separator, strict=True):
            if cells:
                yield "".join(seen), cells
                seen.clear()
        if seen:
            yield "".join(seen), []


def _names(table, text, places, line):
    """Names as they stand, if there is one for each column or, as R writes it, none for that of names of rows."""
    if places is not None:
        return line(table.header[place] for place in places)
    (cells,) = csv.reader([text.lstrip(f"{_MARK}\r\n")], delimiter=table.separator)
    return text if cells in (table.header, table.header[1:]) else line(table.header)


def _text_in(table, dtype):
    """A function that makes text of a label as numbers are written in a table."""
    if table.decimal == "." or dtype.kind != "f":
        return as_text
    return lambda label: as_text(label).replace(".", table.decimal)


def _line_of(separator):
    """A function that makes a line of texts of cells, each in quotes if it needs them."""
    needs_quotes = re.compile(f'[{re.escape(separator)}"\r\n]').search

    def line(cells):
        return separator.join('"' + cell.replace('"', '""') + '"' if needs_quotes(cell) else cell for cell in cells)

    return line


def _need(is_true, table):
    if not is_true:
        raise InvalidInput(f"{table.path} changed while it was read")


# Parquet


@contextlib.contextmanager
def _writing_parquet(output, table, empty, names, places):
    arrow, parquet = (need(module, what="writing .parquet files", extra="parquet") for module in _MODULES)
    kind = _kind(arrow, empty.dtype)
    places = range(table.width) if places is None else places
    fields = [table.schema.field(place) for place in places] + [arrow.field(name, kind) for name in names]
    schema = arrow.schema(fields, table.schema.metadata)
    rows = _Rows(arrow, table)
    with writing_whole(output) as file, parquet.ParquetWriter(file, schema) as writer:

        def add(labels):
            of_table = rows.take(len(labels))
            beside = [_array(arrow, values, kind) for values in np.atleast_2d(labels.T)]
            columns = [*(of_table.column(place) for place in places), *beside]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))

        yield add
        _need(rows.are_taken(), table)


_MODULES = ("pyarrow", "pyarrow.parquet")


class _Rows:
    """Rows of a table one after the other, however they are divided in the file."""

    def __init__(self, arrow, table):
        self._arrow, self._table = arrow, table
        self._batches, self._left = table.batches(), table.schema.empty_table()

    def take(self, n):
        """The next n rows."""
        parts, found = [self._left], len(self._left)
        while found < n:
            batch = next(self._batches, None)
            _need(batch is not None, self._table)
            parts.append(self._arrow.Table.from_arrays(batch.columns, schema=self._table.schema))
            found += len(batch)
        rows = self._arrow.concat_tables(parts)
        self._left = rows.slice(n)
        return rows.slice(0, n)

    def are_taken(self):
        """Whether there are no more."""
        return not len(self._left) and next(self._batches, None) is None


def _kind(arrow, dtype):
    """The kind of a column that holds such labels as they are; of others, their text."""
    if dtype.kind == "S":
        return arrow.binary()
    with contextlib.suppress(arrow.ArrowException):
        if dtype.kind in "biufmM":
            return arrow.from_numpy_dtype(dtype)
    return arrow.string()


def _array(arrow, labels, kind):
    if kind == arrow.string():
        return arrow.array([as_text(label) for label in labels], kind)
    return arrow.array(np.ascontiguousarray(labels), kind)
