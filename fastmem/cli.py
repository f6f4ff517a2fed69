"""The command line: ``fastmem demo | build | predict | verify | info | compare``.

Points and labels are read from .npy, .npz (arrays X and y) or .csv. Errors are one line on standard error and
exit status 1; a wrong use of the command line is exit status 2.
"""

import csv
import io
import math
import sys
import time
from pathlib import Path

import click
import numpy as np

import fastmem
from fastmem.compare import CONTESTANTS
from fastmem.constructions import CONSTRUCTIONS
from fastmem.io import write_whole
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS
from fastmem.validation import as_labels

__all__ = ["main"]

_PROGRESS = click.option(
    "--progress/--no-progress", default=None, help="Show progress bars (default: if standard error is a terminal)."
)
_THREADS = click.option("--threads", type=click.IntRange(min=1), help="Number of threads (default: all cores).")
_LABEL = click.option(
    "--label", metavar="COLUMN", help="Column of a .csv file that holds the labels, by name or number from 0."
)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_DELTA = click.FloatRange(0, 2, min_open=True)
_OUTPUT = click.Path(dir_okay=False, writable=True, path_type=Path)


class _Command(click.Command):
    """Command whose expected errors are one line and exit status 1."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (fastmem.FastmemError, OSError, MemoryError) as error:
            raise click.ClickException(str(error) or type(error).__name__) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fastmem.__version__, package_name="fastmem")
def main():
    """Construct threshold networks that return the label of every given point, exactly."""


main.command_class = _Command


@main.command()
@click.option("--points", "n", default=100_000, show_default=True, type=click.IntRange(min=2), help="Number of points.")
@click.option("--features", "d", default=8, show_default=True, type=click.IntRange(min=1), help="Dimension.")
@click.option("--classes", default=2, show_default=True, type=click.IntRange(min=1), help="Number of random labels.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of data and network.")
@_THREADS
@_PROGRESS
def demo(n, d, classes, seed, threads, progress):
    """Memorize random points of the unit sphere with random labels, and show what it took."""
    progress = _progress(progress)
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    y = rng.integers(0, classes, n)
    if d == 1:  # the sphere has two points: use the segment
        X = rng.permutation(np.linspace(-1, 1, n))[:, None]
    click.echo(f"{n:,} random points of the unit sphere in R^{d}, labels drawn at random from {classes}")
    net, built = _timed(fastmem.memorize, X, y, random_state=seed, n_threads=threads, progress=progress)
    labels, predicted = _timed(net.predict, X, n_threads=threads)
    delta = fastmem.separation(X, n_threads=threads, progress=progress).delta
    click.echo(net.report(delta))
    click.echo(f"built and verified in {built:.2f} s; predicted {n / predicted / 1e6:.2f} million points a second")
    right = int(np.count_nonzero(labels == y))
    click.echo(f"labels returned: {right:,} of {n:,}")
    if right != n:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("data", type=_EXISTING)
@click.argument("labels", type=_EXISTING, required=False)
@click.option("-o", "--output", type=_OUTPUT, required=True, help="Network file to write (.safetensors).")
@_LABEL
@click.option("--construction", type=click.Choice(list(CONSTRUCTIONS)), default="compact", show_default=True,
              help="How the network is built: the smallest we know, or as a paper's theorem does.")  # fmt: skip
@click.option("--delta", type=_DELTA, help="For rajput2021: smallest distance in the unit ball (default: computed).")
@click.option("--store", type=click.Choice(list(STORES)), default="binary", show_default=True,
              help="How labels are kept: in the fewest bits, or the fewest units.")  # fmt: skip
@click.option("--separate", type=click.Choice(["labels", "all"]), default="labels", show_default=True,
              help="Which points get different codes.")  # fmt: skip
@click.option("--effort", type=click.Choice(list(EFFORTS)), default="balanced", show_default=True,
              help="How hard to search for few hyperplanes.")  # fmt: skip
@click.option("--margin", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="Distance that every point keeps from every hyperplane.")  # fmt: skip
@click.option("--fingerprint-bits", type=click.IntRange(0, MOST_FINGERPRINT_BITS), default=0, show_default=True,
              help="Bits a point by which inputs never stored are recognised.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="The same seed and data give the same network.")
@_THREADS
@_PROGRESS
def build(data, labels, output, label, seed, threads, progress, **options):
    """Memorize DATA and write the network.

    DATA is a .npy file of points with LABELS another one, a .npz file with arrays X and y, or a .csv file whose
    label column (default: the last) is chosen by --label.
    """
    X, y = _read_labelled(data, labels, label)
    progress = _progress(progress)
    net, seconds = _timed(
        fastmem.memorize,
        X,
        y,
        random_state=seed,
        n_threads=threads,
        progress=progress,
        **options,
    )
    net.save(output)
    click.echo(f"{output}: {net!r}, built and verified in {seconds:.2f} s")


@main.command()
@click.argument("network", type=_EXISTING)
@click.argument("data", type=_EXISTING)
@click.option("-o", "--output", type=_OUTPUT, help="Where to write labels, .npy or text (default: standard output).")
@click.option("--unknown", metavar="LABEL", help="What points get that were never stored (needs fingerprints).")
@click.option("--tolerance", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="Distance by which unknown points may have crossed hyperplanes.")  # fmt: skip
@_THREADS
@_PROGRESS
def predict(network, data, output, unknown, tolerance, threads, progress):
    """Labels that NETWORK gives to the points in DATA, one a line.

    DATA holds points only: .npy, .npz with an array X, or .csv.
    """
    net = fastmem.load(network)
    if output is not None and _suffix(output) in (".npz", ".safetensors"):
        raise click.UsageError(f"{output}: labels are written as .npy or as text, one a line")
    options = {} if unknown is None else {"unknown": _as_label(unknown, net.classes.dtype)}
    if tolerance:
        options["tolerance"] = tolerance
    if options and not isinstance(net, fastmem.EncodedNetwork):
        raise click.ClickException(f"--unknown and --tolerance need fingerprints: {net.construction} has no codes")
    X = _read_points(data)
    labels = net.predict(X, n_threads=threads, progress=_progress(progress), **options)
    _write_labels(labels, output)


@main.command()
@click.argument("network", type=_EXISTING)
@click.argument("data", type=_EXISTING)
@click.argument("labels", type=_EXISTING, required=False)
@_LABEL
@_THREADS
@_PROGRESS
def verify(network, data, labels, label, threads, progress):
    """Check that NETWORK returns every label of DATA; exit status 1 if it does not.

    DATA and LABELS are given as for build.
    """
    net = fastmem.load(network)
    X, y = _read_labelled(data, labels, label, text=net.classes.dtype.kind in "UOT")
    predicted = net.predict(X, n_threads=threads, progress=_progress(progress))
    expected = as_labels(y, len(predicted))
    expected = expected.classes[expected.indices]
    differs = predicted != expected
    if predicted.dtype.kind == expected.dtype.kind == "f":
        differs |= np.signbit(predicted) != np.signbit(expected)
    wrong = np.flatnonzero(differs)
    if len(wrong):
        first = int(wrong[0])
        raise click.ClickException(
            f"{len(wrong):,} of {len(predicted):,} labels differ, the first in row {first}: the network gives "
            f"{_as_text(predicted[first])}, the data {_as_text(expected[first])}"
        )
    click.echo(f"all {len(predicted):,} labels returned")


@main.command()
@click.argument("network", type=_EXISTING)
@click.option("--delta", type=_DELTA, help="Smallest distance in the unit ball.")
def info(network, delta):
    """What NETWORK is made of, beside the theorem's sizes if delta is given."""
    click.echo(fastmem.load(network).report(delta))


@main.command()
@click.argument("data", type=_EXISTING)
@click.argument("labels", type=_EXISTING, required=False)
@_LABEL
@click.option("--construction", "constructions", multiple=True, type=click.Choice(list(CONTESTANTS)),
              help="Build only this one; may be given several times.")  # fmt: skip
@click.option("--delta", type=_DELTA, help="Smallest distance in the unit ball (default: computed).")
@click.option("--plot", type=_OUTPUT, help="Draw neurons and weights of each to this picture (.png, .svg, .pdf).")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed and data give the same networks.")
@_THREADS
@_PROGRESS
def compare(data, labels, label, constructions, delta, plot, seed, threads, progress):
    """Build every construction on DATA, verify each, and show them in one table.

    DATA and LABELS are given as for build.
    """
    kind = None if plot is None else _kind_of_picture(plot)
    X, y = _read_labelled(data, labels, label)
    comparison = fastmem.compare(
        X,
        y,
        constructions=list(constructions) or None,
        delta=delta,
        random_state=seed,
        n_threads=threads,
        progress=_progress(progress),
    )
    click.echo(comparison)
    if plot is not None:
        content = io.BytesIO()
        axes = fastmem.plot.comparison(comparison.to_dict()["rows"])
        axes.figure.savefig(content, format=kind, dpi=150)
        write_whole(plot, content.getvalue())


def _kind_of_picture(path):
    """The format that a file's name asks for, before anything is built for it."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        message = '--plot draws with matplotlib, which is not installed: pip install "fastmem[plot]"'
        raise click.ClickException(message) from error
    kind, kinds = _suffix(path).removeprefix("."), Figure().canvas.get_supported_filetypes()
    if kind not in kinds:
        raise click.UsageError(f"{path}: pictures are written as {', '.join(kinds)}")
    return kind


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


def _as_text(label):
    return label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else str(label)


def _write_labels(labels, output):
    """Labels to standard output, a text file or a .npy file, files whole or not at all."""
    if output is not None and _suffix(output) == ".npy":
        if labels.dtype.kind == "O":
            raise click.ClickException("these labels are Python objects, which .npy does not hold: write text instead")
        content = io.BytesIO()
        np.save(content, labels, allow_pickle=False)
        write_whole(output, content.getvalue())
        return
    text = "".join(f"{_as_text(label)}\n" for label in labels)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text.encode())


def _read_labelled(data, labels, column, text=False):
    """Points and labels of a build or verify command; `text` keeps labels of a .csv file as text."""
    if _suffix(data) == ".csv" and labels is None:
        return _split_csv(data, column, text)
    if column is not None:
        raise click.UsageError("--label chooses a column of a single .csv file")
    if labels is not None:
        if _suffix(labels) != ".csv":
            return _read_points(data), _read_array(labels, "y")
        _, rows = _read_csv(labels)
        if len(rows[0]) != 1:
            raise click.ClickException(f"{labels} has {len(rows[0])} columns: a file of labels has one")
        return _read_points(data), _labels([row[0] for row in rows], text)
    if _suffix(data) == ".npz":
        return _read_array(data, "X"), _read_array(data, "y")
    raise click.UsageError(f"{data} holds points only: give a file of labels after it")


def _suffix(path):
    return path.suffix.lower()


def _read_points(path):
    if _suffix(path) != ".csv":
        return _read_array(path, "X")
    header, rows = _read_csv(path)
    return _numbers(path, header, rows, range(len(rows[0])))


def _read_array(path, name):
    """Array of a .npy file (memory-mapped), or of a .npz file by name."""
    if _suffix(path) not in (".npy", ".npz"):
        raise click.UsageError(f"{path}: only .npy, .npz and .csv files are read")
    try:
        if _suffix(path) == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(array, np.ndarray):
                array.close()
                raise ValueError("it is a .npz file by another name")
            return array
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if name in arrays:
                return arrays[name]
            names = ", ".join(arrays)
    except MemoryError:
        raise
    except Exception as error:  # NumPy's readers meet damage with almost any exception
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    raise click.ClickException(f"{path} has no array {name!r}, only {names}")


def _split_csv(path, column, text):
    header, rows = _read_csv(path)
    width = len(rows[0])
    if width < 2:
        raise click.ClickException(f"{path} has one column: points and labels need two")
    if column is None:
        place = width - 1
    elif header is not None and column in header:
        place = header.index(column)
    elif column.isascii() and column.isdigit() and int(column) < width:
        place = int(column)
    else:
        names = ", ".join(header) if header else f"numbers 0 to {width - 1}"
        raise click.ClickException(f"{path} has no column {column!r}, only {names}")
    X = _numbers(path, header, rows, [i for i in range(width) if i != place])
    return X, _labels([row[place] for row in rows], text)


def _read_csv(path):
    """Header, if the first row is text where the second has numbers, and rows of text."""
    try:
        rows = [row for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is not comma-separated UTF-8 text: {error}") from error
    header = None
    if len(rows) > 1 and not any(map(_is_number, rows[0])) and any(map(_is_number, rows[1])):
        header = rows.pop(0)
    if not rows:
        raise click.ClickException(f"{path} has no rows")
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise click.ClickException(f"{path}: row {i} has {len(row)} columns, row 0 has {len(rows[0])}")
    return header, rows


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(path, header, rows, columns):
    """Columns of a .csv file as float64, each cell a finite number that is not rounded as an integer."""
    X = np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for k, column in enumerate(columns):
            cell = row[column]
            problem = None
            try:
                X[i, k] = float(cell)
            except ValueError:
                problem = "is not a number"
            else:
                if not math.isfinite(X[i, k]):
                    problem = "is not finite"
                elif abs(X[i, k]) >= 2**53 and _is_integer(cell) and abs(int(cell)) > 2**53:
                    problem = "is an integer beyond ±2^53, which float64 does not hold exactly"
            if problem:
                name = header[column] if header else column
                raise click.ClickException(f"{path}: row {i}, column {name}: {cell!r} {problem}")
    return X


def _is_integer(cell):
    return cell.strip().lstrip("+-").isdecimal()


def _labels(cells, text):
    """Integers if every label is written as one, else the text itself: no two different labels become one."""
    if not text and all(_is_integer(cell) and len(cell) < 19 and str(int(cell)) == cell for cell in cells):
        return [int(cell) for cell in cells]
    return cells
