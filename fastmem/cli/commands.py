"""The command line: ``fastmem demo | build | predict | verify | info | report | compare | export | completion``.

Points and labels are read from .npy, .npz (arrays X and y), .csv or .parquet (`fastmem.cli.files`). Errors are one
line on standard error and exit status 1; a wrong use of the command line is exit status 2. With ``--json`` a command
prints one line of JSON in place of text.
"""

import functools
import io
import math
import re
import sys
import time
import warnings
from json import loads
from pathlib import Path
from typing import get_args

import click
import numpy as np
from click.shell_completion import get_completion_class

import fastmem
from fastmem.api import DEFAULTS
from fastmem.cli.delimited import TableOptions
from fastmem.cli.files import (
    as_json,
    as_text,
    has_labels,
    labelled_blocks,
    read_labelled,
    read_points,
    refuse_other_columns,
    suffix,
    writing_labels,
)
from fastmem.cli.wording import in_options
from fastmem.compare import CONTESTANTS
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.as_points import as_points
from fastmem.data.columns import in_order, names_of
from fastmem.data.differing import differing_rows, expected_labels
from fastmem.data.options import COLUMNS, Form, Output, Recognise, Separate
from fastmem.data.plain import label_text
from fastmem.errors import RecognitionWarning
from fastmem.hyperplanes.hyperplanes import MAX_COLUMNS
from fastmem.machine.disk import write_whole, writing_whole
from fastmem.machine.partners import need
from fastmem.machine.progress import progress_bar
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS

__all__ = ["main"]

_PROGRESS = click.option(
    "--progress/--no-progress", default=None, help="Show progress bars (default: if standard error is a terminal)."
)
_THREADS = click.option("--threads", type=click.IntRange(min=1), help="Number of threads (default: all cores).")
_LABEL = click.option(
    "--label", metavar="COLUMN", help="Column of a .csv or .parquet file that holds labels, by name or number from 0."
)
_JSON = click.option("--json", "json", is_flag=True, help="Print JSON instead of text; NaN and infinity are null.")
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_DATA = click.Path(exists=True, path_type=Path, allow_dash=True)
_LABELS = click.Path(exists=True, path_type=Path)
_DELTA = click.FloatRange(0, 2, min_open=True)


def _delimiter(context, parameter, text):
    """One character; a tab may be written as a word or as Python writes it."""
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if text is not None and (len(text) != 1 or text in '"\r\n'):
        raise click.BadParameter("it is one character, or tab")
    return text


def _columns(context, parameter, text):
    """A word, column numbers, of which a range may be short, or names."""
    parts = [part.strip() for part in text.split(",")]
    if text in COLUMNS or not all(re.fullmatch(r"\d+(-\d+)?", part) for part in parts):
        return text if text in COLUMNS else parts
    ends = [[int(end) for end in part.split("-")] for part in parts]
    if max(map(max, ends)) > MAX_COLUMNS:
        raise click.BadParameter(f"there are at most {MAX_COLUMNS} columns")
    return [column for end in ends for column in range(end[0], end[-1] + 1)]


def _own_options(context, parameter, texts):
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


def _table_options(command):
    """Options by which a user says what the columns of a file are, handed over as one `TableOptions`."""

    @functools.wraps(command)
    def with_table(*arguments, header, delimiter, decimal, use, drop, **options):
        return command(*arguments, table=TableOptions(header, delimiter, decimal, use, drop), **options)

    for option in (
        click.option("--drop", multiple=True, metavar="COLUMN", help="Column of a table to leave out; repeatable."),
        click.option("--use", multiple=True, metavar="COLUMN", help="Column of a table that holds points; repeatable."),
        click.option("--decimal", type=click.Choice([".", ","]), default=".", help="Decimal mark of a text table."),
        click.option("--delimiter", callback=_delimiter, help="What separates columns of a text table, or tab."),
        click.option("--header/--no-header", default=None, help="Whether a text table begins with names."),
    ):
        with_table = option(with_table)
    return with_table


_OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)
_RUNTIMES = {".onnx": "onnx", ".pt2": "torch", ".c": "c", ".js": "js", ".mjs": "js"}  # by the end of a file's name
# Rows and bytes predicted at a time at most, of points as of labels: enough for many threads.
_BLOCK_ROWS, _BLOCK_BYTES = 2**19, 2**27


class _Command(click.Command):
    """Command whose expected errors are one line and exit status 1."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click ends quietly: nobody reads what is printed
            raise
        except (fastmem.FastmemError, ImportError, OSError, MemoryError, UnicodeEncodeError) as error:
            raise click.ClickException(in_options(error)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fastmem.__version__, prog_name="fastmem")
def main():
    """Construct threshold networks that return the label of every given point, exactly."""


main.command_class = _Command


@main.command()
@click.option("--points", "n", default=100_000, show_default=True, type=click.IntRange(min=2), help="Number of points.")
@click.option("--features", "d", default=8, show_default=True, type=click.IntRange(min=1), help="Dimension.")
@click.option("--classes", default=2, show_default=True, type=click.IntRange(1, 2**31), help="Number of random labels.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of data and network.")
@_JSON
@_THREADS
@_PROGRESS
def demo(n, d, classes, seed, json, threads, progress):
    """Memorize random points of the unit sphere with random labels, and show what it took."""
    progress = _progress(progress)
    X, y = _random_points(n, d, classes, np.random.default_rng(seed))
    if not json:
        where = f"of the unit sphere in R^{d}" if d > 1 else "between -1 and 1"
        click.echo(f"{n:,} random points {where}, labels drawn at random from {classes}")
    net, built = _timed(fastmem.memorize, X, y, random_state=seed, n_threads=threads, progress=progress)
    labels, predicted = _timed(net.predict, X, n_threads=threads)
    report = net.report(fastmem.separation(X, n_threads=threads, progress=progress).delta)
    wrong = int(np.count_nonzero(labels != y))
    if json:
        speed = {"build_seconds": built, "predictions_per_second": n / predicted}
        click.echo(as_json({"n": n, "n_wrong": wrong, **speed, "report": report.to_dict()}))
    else:
        click.echo(report)
        click.echo(f"built and verified in {built:.2f} s; predicted {n / predicted / 1e6:.2f} million points a second")
        click.echo(f"labels returned: {n - wrong:,} of {n:,}")
    if wrong:
        raise click.exceptions.Exit(1)


def _random_points(n, d, classes, rng):
    """Different points of the unit sphere, which has two in one dimension: there of the segment; and random labels."""
    X = rng.standard_normal((n, d))
    dtype = np.float32 if d > 2 else np.float64  # so many points of a circle have equal ones among them in float32
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(dtype)
    y = rng.integers(0, classes, n)
    return X if d > 1 else rng.permutation(np.linspace(-1, 1, n))[:, None], y


@main.command()
@click.argument("data", type=_DATA)
@click.argument("labels", type=_LABELS, required=False)
@click.option("-o", "--output", type=_OUTPUT, required=True, help="Network file to write (.safetensors).")
@_LABEL
@click.option("--construction", type=click.Choice(list(CONSTRUCTIONS)), default=DEFAULTS["construction"],
              show_default=True,
              help="How the network is built: the smallest we know, or as a paper's theorem does.")  # fmt: skip
@click.option("--delta", type=_DELTA, help="For rajput2021: smallest distance in the unit ball (default: computed).")
@click.option("--option", "construction_options", metavar="NAME=VALUE", multiple=True, callback=_own_options,
              help="Option that the construction alone takes, as form=theorem of dirksen2024. May be repeated.",
              )  # fmt: skip
@click.option("--store", type=click.Choice(list(STORES)), default=DEFAULTS["store"], show_default=True,
              help="How labels are kept: in the fewest bits, or the fewest units.")  # fmt: skip
@click.option("--separate", type=click.Choice(get_args(Separate)), default=DEFAULTS["separate"], show_default=True,
              help="Which points get different codes.")  # fmt: skip
@click.option("--effort", type=click.Choice(list(EFFORTS)), default=DEFAULTS["effort"], show_default=True,
              help="How hard to search for few hyperplanes.")  # fmt: skip
@click.option("--columns", callback=_columns, default=DEFAULTS["columns"], show_default=True,
              help="Columns of the points that are read: auto, all, or numbers from 0 (3,8-15) or names with commas.",
              )  # fmt: skip
@click.option("--margin", type=click.FloatRange(min=0), default=DEFAULTS["margin"], show_default=True,
              help="Distance that every point keeps from every hyperplane.")  # fmt: skip
@click.option("--fingerprint-bits", type=click.IntRange(0, MOST_FINGERPRINT_BITS), default=DEFAULTS["fingerprint_bits"],
              show_default=True,
              help="Bits a point by which inputs never stored are recognised.")  # fmt: skip
@click.option("--recognise", type=click.Choice(get_args(Recognise)), default=DEFAULTS["recognise"], show_default=True,
              help="With fingerprints: whether what lies in the cell of a point is known, or equal rows alone.",
              )  # fmt: skip
@click.option("--negatives", type=_DATA, help="With fingerprints: points that must not be known, as DATA of predict.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed and data give the same network on one machine.")
@click.option("--scratch", type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
              help="Folder for files, to build from more points than memory holds.")  # fmt: skip
@click.option("--resume", type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
              help="With --scratch: folder for a few kilobytes, with which a killed build goes on.")  # fmt: skip
@_table_options
@_JSON
@_THREADS
@_PROGRESS
def build(data, labels, output, label, seed, json, threads, progress, negatives, table, **options):
    """Memorize DATA and write the network.

    DATA is a .npy file of points with LABELS another one, a .npz file with arrays X and y, or a .csv or .parquet file
    whose label column (default: the last) is chosen by --label. A folder of .parquet files is one table; .zarr holds
    an array, or a group with arrays X and y.
    """
    blocks = None if options["scratch"] is None else labelled_blocks(data, labels, label, table)
    data_given = (blocks,) if blocks is not None else read_labelled(data, labels, label, options=table)
    memorize = fastmem.memorize if blocks is None else fastmem.from_blocks
    if negatives is not None:
        options["negatives"] = read_points(
            negatives, options=table if suffix(negatives) == suffix(data) else TableOptions()
        )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", RecognitionWarning)
        net, seconds = _timed(
            memorize, *data_given, random_state=seed, n_threads=threads, progress=_progress(progress), **options
        )
    for warning in said:
        click.echo(f"Warning: {in_options(str(warning.message))}", err=True)
    net.save(output)
    if json:
        click.echo(as_json({**_written(output), "build_seconds": seconds, "report": net.report().to_dict()}))
    else:
        click.echo(f"{output}: {net!r}, built and verified in {seconds:.2f} s")


@main.command()
@click.argument("network", type=_EXISTING)
@click.argument("data", type=_DATA)
@click.option("-o", "--output", type=_OUTPUT, help="Where to write labels, .npy or text (default: standard output).")
@click.option("--unknown", metavar="LABEL", help="What points get that were never stored (needs fingerprints).")
@click.option("--tolerance", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="Distance by which unknown points may have crossed hyperplanes.")  # fmt: skip
@click.option("--label", metavar="COLUMN", help="Column of a .csv or .parquet file to leave out, by name or number.")
@_table_options
@_JSON
@_THREADS
@_PROGRESS
def predict(network, data, output, unknown, tolerance, label, json, threads, progress, table):
    """Labels that NETWORK gives to the points in DATA, one a line, or with --json one array.

    Labels of several values are written with commas between them.

    DATA holds points only, but for a column named by --label: .npy, .npz with an array X, .csv or .parquet. A .npy file
    and the labels may be larger than memory: they are read and written block by block. An output file is written whole
    or not at all, and with --json described; standard output ends early, with exit status 1, where a row is wrong.
    """
    net = fastmem.load(network)
    if output is not None and suffix(output) in (".npz", ".safetensors", ".parquet"):
        raise click.UsageError(f"{output}: labels are written as .npy or as text, one a line")
    options = {} if unknown is None else {"unknown": _as_label(unknown, net.classes.dtype)}
    if tolerance:
        options["tolerance"] = tolerance
    if options and not net.fingerprint_bits:
        raise click.ClickException(
            "--unknown and --tolerance need fingerprints: build the network with --fingerprint-bits 16, say, and "
            "--construction compact"
        )
    X = read_points(data, label, table, net.feature_names)
    if names_of(X) is not None and net.feature_names is not None:  # the columns that are read are enough
        if options:
            X = in_order(X, net.feature_names, net.columns_to_know.tolist())
            net = net if len(net.columns_to_know) == net.n_features_in else net.on_columns()
        else:
            X, net = in_order(X, net.feature_names, net.columns.tolist()), net.without_fingerprints().on_columns()
    points = as_points(X, net.n_features_in, empty=True, names=net.feature_names)
    empty = net.predict(points.array[:0], **options)
    with writing_labels(output, empty, points.n, json_array=json) as write:
        for labels in _predicted(net, points, empty, _progress(progress), n_threads=threads, **options):
            write(labels)
    if json and output is not None:
        click.echo(as_json({**_written(output), "n": points.n, "dtype": str(empty.dtype)}))


def _predicted(net, points, empty, progress, **options):
    """Labels of the points, block by block."""
    row_bytes = max(points.array.itemsize * points.d, empty.itemsize * math.prod(empty.shape[1:]))
    size = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // max(row_bytes, 1)))
    with progress_bar(progress, points.n, "predicting") as bar:
        for start in range(0, points.n, size):
            stop = min(start + size, points.n)
            try:
                labels = net.predict(points.array[start:stop], **options)
            except fastmem.InvalidInput:
                points.check_finite(start, stop)  # names the row of the whole
                raise
            bar.update(stop - start)
            yield labels


@main.command()
@click.argument("network", type=_EXISTING)
@click.argument("data", type=_DATA)
@click.argument("labels", type=_LABELS, required=False)
@_LABEL
@_table_options
@_JSON
@_THREADS
@_PROGRESS
def verify(network, data, labels, label, json, threads, progress, table):
    """Check that NETWORK returns every label of DATA; exit status 1 if it does not.

    DATA and LABELS are given as for build.
    """
    net = fastmem.load(network)
    X, y = read_labelled(data, labels, label, text=True, options=table)
    refuse_other_columns(data, X, net.feature_names)
    predicted = net.predict(X, n_threads=threads, progress=_progress(progress))
    if (
        _is_text(y) and predicted.ndim == 1 and predicted.dtype.kind not in "UOT"
    ):  # text: compare with what `predict` writes
        predicted, y = np.array([as_text(label) for label in predicted], object), np.array(y, object)
    expected = expected_labels(y, predicted)
    wrong = differing_rows(predicted, expected)
    first = int(wrong[0]) if len(wrong) else None
    if json:
        pair = {"predicted": None, "expected": None}
        if len(wrong):
            pair = {"predicted": predicted[first], "expected": expected[first]}
        click.echo(as_json({"n": len(predicted), "n_wrong": len(wrong), "first_wrong_row": first, **pair}))
        if len(wrong):
            raise click.exceptions.Exit(1)
        return
    if len(wrong):
        raise click.ClickException(
            f"{len(wrong):,} of {len(predicted):,} labels differ, the first in row {first}: the network gives "
            f"{label_text(predicted[first])}, the data {label_text(expected[first])}"
        )
    click.echo(f"all {len(predicted):,} labels returned")


def _is_text(y):
    return isinstance(y, list) and all(isinstance(label, str) for label in y)


@main.command()
@click.argument("network", type=_EXISTING)
@click.option("--delta", type=_DELTA, help="Smallest distance in the unit ball.")
@_JSON
def info(network, delta, json):
    """What NETWORK is made of, beside the theorem's sizes if delta is given."""
    report = fastmem.load(network).report(delta)
    click.echo(as_json(report.to_dict()) if json else report)


@main.command()
@click.argument("network", type=_EXISTING)
@click.option("-o", "--output", type=_OUTPUT, required=True, help="Page to write (.html).")
@click.option("--data", type=_DATA, help="Points to ask the network about, as DATA of build or of predict.")
@click.option("--labels", type=_LABELS, help="Their labels, if they are in a file of their own.")
@_LABEL
@click.option("--delta", type=_DELTA, help="Smallest distance in the unit ball, for the sizes of theorems.")
@click.option("--title", help="Heading of the page (default: how many points were memorized).")
@click.option("--date", help="What stands above it; the page names no day of its own.")
@_table_options
@_JSON
@_THREADS
def report(network, output, data, labels, label, delta, title, date, json, threads, table):
    """Write a page about NETWORK: one file of HTML, which loads nothing from anywhere.

    It shows the layers, the bytes by part, and all numbers; with --delta what theorems say; with --data how far points
    may move, and the cells of points of the plane; and how many of them get their label, if labels come with them.

    \b
    fastmem report net.safetensors -o page.html
    fastmem report net.safetensors --data data.npz --delta 0.1 -o page.html
    fastmem report net.safetensors --data points.npy --labels labels.npy -o page.html
    fastmem report net.safetensors --data data.csv --label species -o page.html
    """  # noqa: D301 - \b keeps the lines
    if data is None and (labels, label) != (None, None):
        raise click.UsageError("--labels and --label are about the points of --data")
    net = fastmem.load(network)
    X, y = (None, None) if data is None else _points_and_labels(net, data, labels, label, table)
    built = net.report(delta)
    built.to_html(output, X, y, title=title, date=date, n_threads=threads)
    if json:
        click.echo(as_json({**_written(output), "report": built.to_dict()}))
    else:
        click.echo(f"{output}: a page, {output.stat().st_size:,} bytes")


def _points_and_labels(net, data, labels, label, table):
    """Points of a file, and the labels that come with them or None: those of text as the network has them."""
    if labels is None and label is None and not has_labels(data):
        return read_points(data, None, table, net.feature_names), None
    X, y = read_labelled(data, labels, label, text=True, options=table)
    refuse_other_columns(data, X, net.feature_names)
    if _is_text(y) and net.classes.ndim == 1 and net.classes.dtype.kind not in "UOT":
        classes = {as_text(value): value for value in net.classes}
        other = next((text for text in y if text not in classes), None)
        if other is not None:
            raise fastmem.InvalidInput(f"{data}: {other!r:.100} is no label of the network: is --label that column?")
        y = np.array([classes[text] for text in y], net.classes.dtype)
    return X, y


_FORMS = {  # of a comparison
    "table": in_options,
    "json": lambda comparison: as_json(comparison.to_dict()),
    "csv": fastmem.Comparison.to_csv,
    "latex": fastmem.Comparison.to_latex,
}


@main.command()
@click.argument("data", type=_DATA)
@click.argument("labels", type=_LABELS, required=False)
@_LABEL
@click.option("--construction", "constructions", multiple=True, type=click.Choice([*{**CONTESTANTS, **CONSTRUCTIONS}]),
              help="Build only this one; may be given several times.")  # fmt: skip
@click.option("--separate", type=click.Choice(get_args(Separate)), default="labels", show_default=True,
              help="Which points must be told apart, by the constructions that take it.")  # fmt: skip
@click.option("--delta", type=_DELTA, help="Smallest distance in the unit ball (default: computed).")
@click.option("--format", "form", type=click.Choice(list(_FORMS)),
              help="What to print (default: table; --json is --format json).")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True,
              help="How many networks of each to build, with --seed and what follows it; means are shown.")  # fmt: skip
@click.option("--plot", type=_OUTPUT, help="Draw neurons and weights of each to this picture (.png, .svg, .pdf).")
@click.option(
    "--seed", type=click.IntRange(min=0), help="The same seed and data give the same networks on one machine."
)
@_table_options
@_JSON
@_THREADS
@_PROGRESS
def compare(
    data, labels, label, constructions, separate, delta, form, seeds, plot, seed, json, threads, progress, table
):
    """Build every construction on DATA, verify each, and show them in one table.

    DATA and LABELS are given as for build.
    """
    if json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and not --format {form}")
    form = "json" if json else form or "table"
    kind = None if plot is None else _kind_of_picture(plot)
    X, y = read_labelled(data, labels, label, options=table)
    comparison = fastmem.compare(
        X,
        y,
        constructions=list(constructions) or None,
        separate=separate,
        delta=delta,
        seeds=seeds,
        random_state=seed,
        n_threads=threads,
        progress=_progress(progress),
    )
    click.echo(_FORMS[form](comparison).removesuffix("\n"))
    if plot is not None:
        content = io.BytesIO()
        axes = fastmem.plot.comparison(comparison)
        axes.figure.savefig(content, format=kind, dpi=150)
        write_whole(plot, content.getvalue())


def _kind_of_picture(path):
    """The format that a file's name asks for, before anything is built for it."""
    try:
        matplotlib = need("matplotlib.figure", what="--plot", extra="plot")
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    kind, kinds = suffix(path).removeprefix("."), matplotlib.Figure().canvas.get_supported_filetypes()
    if kind not in kinds:
        raise click.UsageError(f"{path}: pictures are written as {', '.join(kinds)}")
    return kind


@main.command()
@click.argument("network", type=_EXISTING)
@click.option("--to", "runtime", type=click.Choice(["onnx", "torch", "c", "js"]),
              help="What to write (default: what the file's name ends with).")  # fmt: skip
@click.option("-o", "--output", type=_OUTPUT, required=True,
              help="File to write: .onnx, .pt2 of torch.export, .c, or .js or .mjs.")  # fmt: skip
@click.option("--form", type=click.Choice(get_args(Form)),
              help="Look labels up, as predict does, or evaluate every unit of the layers, which js does not "
              "(default: lookup, if the network has codes).")  # fmt: skip
@click.option("--dtype", type=click.Choice(["float64", "float32"]),
              help="Dtype of the points that it takes (default: float32 for c and js, else float64).")  # fmt: skip
@click.option("--returns", type=click.Choice(get_args(Output)), default="label", show_default=True,
              help="Return labels or their positions among the classes.")  # fmt: skip
@click.option("--data", type=_EXISTING, help="The memorized points, of which each is checked in the export.")
@click.option("--label", metavar="COLUMN", help="Column of a .csv or .parquet file of points to leave out.")
@click.option("--unsafe", is_flag=True, help="Go on although rounding may change the labels of some points.")
@_table_options
@_JSON
def export(network, runtime, output, form, dtype, returns, data, label, unsafe, json, table):
    """Write NETWORK for another runtime: an ONNX model, a PyTorch program, C, or a JavaScript module."""
    if label is not None and data is None:
        raise click.UsageError("--label chooses a column of --data")
    runtime = runtime or _RUNTIMES.get(suffix(output))
    if runtime is None:
        raise click.UsageError(f"{output}: say with --to what to write, or end the name with {', '.join(_RUNTIMES)}")
    if runtime == "js" and form == "layers":
        raise click.UsageError("--form layers is not for --to js, which looks labels up")
    net = fastmem.load(network)
    X = None if data is None else read_points(data, label, table, net.feature_names)
    options = {"output": returns, "unsafe": unsafe, "X": X}
    if dtype is not None:
        options["dtype"] = dtype
    if runtime != "js":
        options["form"] = form
    report = _export(net, runtime, output, dtype or "float64", options)
    written = {**_written(output), "format": runtime}
    if json:
        click.echo(as_json(written if report is None else {**written, "report": report.to_dict()}))
        return
    if report is not None:
        click.echo(report)
    click.echo(f"{output}: {runtime}, {written['bytes']:,} bytes")


def _export(net, runtime, path, dtype, options):
    """Write a network for another runtime; what `Network.to_c` reports."""
    if runtime == "c":
        return net.to_c(path, **options)
    if runtime == "js":
        return net.to_js(path, **options)
    if runtime == "onnx":
        return net.to_onnx(path, **options)
    return _save_program(net.to_torch(**options), net.n_features_in, dtype, path)


def _save_program(module, d, dtype, path):
    """Write a PyTorch module as a program for any number of points."""
    import torch

    example = torch.zeros((2, d), dtype=getattr(torch, dtype))
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")},))
    with writing_whole(path) as file:
        torch.export.save(program, file)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell):
    """Print the script by which SHELL completes commands, options and file names of fastmem.

    \b
    bash: fastmem completion bash > ~/.local/share/bash-completion/completions/fastmem
    zsh:  fastmem completion zsh > a file that ~/.zshrc sources after compinit
    fish: fastmem completion fish > ~/.config/fish/completions/fastmem.fish
    """  # noqa: D301 - \b keeps the lines
    complete = get_completion_class(shell)(main, {}, "fastmem", "_FASTMEM_COMPLETE")
    click.echo(complete.source(), nl=False)


def _written(path):
    """What JSON says of a file that was written."""
    return {"path": str(path), "bytes": path.stat().st_size}


def _progress(wanted):
    return sys.stderr.isatty() if wanted is None else wanted


def _timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


def _as_label(text, dtype):
    """A label given as text: a number where labels are numbers that it can stand among, else the text."""
    if dtype.kind == "S":
        return text.encode()
    if dtype.kind in "biufc":
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    return text
