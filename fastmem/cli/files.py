"""Data files of the command line: points and labels in, labels out.

Points and labels are read from .npy, .npz (arrays X and y), text tables (`fastmem.cli.delimited`) or .parquet. Labels
are written block by block, so that they need not fit in memory, and to a file whole or not at all.
"""

import contextlib
import csv
import gzip
import io
import re

import click
import numpy as np

from fastmem.cli.arrow_delimited import ArrowDelimitedTable, NotPlain, is_possible
from fastmem.cli.delimited import DelimitedTable, TableOptions
from fastmem.cli.parquet import ParquetFolder, ParquetTable
from fastmem.cli.text_file import TextFile
from fastmem.data.blocks import n_rows_of
from fastmem.data.columns import Named, names_of
from fastmem.data.plain import as_json, as_text
from fastmem.errors import InvalidInput
from fastmem.machine.disk import writing_whole
from fastmem.machine.partners import need

__all__ = [
    "about_file", "as_json", "as_text", "has_labels", "is_parquet", "is_table", "labelled_blocks", "labels_are_text",
    "place_of", "read_labelled", "read_points", "read_points_of_table", "refuse_as_network", "refuse_as_output",
    "refuse_as_page", "refuse_more_columns", "refuse_other_columns", "suffix", "writing_labels", "writing_utf8",
]  # fmt: skip


_TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
_NO_NETWORKS = (*_TABLES, ".npy", ".npz", ".zarr", ".onnx", ".pt2", ".c", ".js", ".mjs")
_KINDS = ".npy, .npz, .csv, .tsv, .csv.gz, .parquet and .zarr"
# Bytes of a text table from which pyarrow is quicker: to import it takes 0.02 to 0.03 s of processor time, more where
# it comes from the disk for the first time. The csv module and float read a megabyte in 0.045 s, pyarrow in 0.0025.
_LARGE = 2**20


def is_table(path):
    """Whether a file is one of columns: text, as standard input is, or .parquet."""
    return str(path) == "-" or suffix(path) in _TABLES or is_parquet(path)


def is_parquet(path):
    """Whether this is a .parquet file, or a folder of such."""
    return suffix(path) == ".parquet" or (path.is_dir() and suffix(path) != ".zarr")


def suffix(path):
    """How a file's name ends, in small letters; both endings if it is compressed."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    return "".join(endings) if endings[1:] == [".gz"] else path.suffix.lower()


# Points and labels in


def read_points(path, column=None, options=TableOptions(), known=None):  # noqa: B008
    """Points of a file, those of a .npy file memory-mapped; a column by name or number is left out, if given.

    Of a table with names, if some are known, others are refused before anything is read.
    """
    if not is_table(path):
        options.refuse(path, TableOptions._fields)
        if column is not None:
            raise click.UsageError("--label chooses a column of a .csv or .parquet file")
        return _read_array(path, "X")
    return read_points_of_table(path, column, options, known)[0]


def read_points_of_table(path, column, options, known):
    """As `read_points`: the points of a table, and the table, whose rows can be read once more."""

    def points(table):
        columns = _columns_of_points(table, options, None if column is None else place_of(table, column))
        refuse_other_columns(path, _named(np.empty((0, len(columns))), table, columns), known)
        return _named(table.read(columns)[0], table, columns), table

    return _of_table(path, options, points, on_disk=True)


def read_labelled(data, labels, column, text=False, options=TableOptions()):  # noqa: B008
    """Points and labels: of one file, with a column of labels or arrays X and y, or of a file each.

    Where `text` is true, labels of a .csv file that look like integers stay text.
    """
    if is_table(data) and labels is None:
        return _of_table(data, options, lambda table: _points_and_labels(table, column, text, options))
    if column is not None:
        raise click.UsageError("--label chooses a column of a single .csv or .parquet file")
    if labels is not None:
        X = read_points(data, options=options)
        return X, _read_labels(labels, text, n_rows_of(X), options)
    options.refuse(data, TableOptions._fields)
    if suffix(data) == ".npz" or _has_both(data):
        return _read_array(data, "X"), _read_array(data, "y")
    if suffix(data) != ".npy":
        raise click.UsageError(f"{data}: only {_KINDS} files are read")
    raise click.UsageError(f"{data} holds points only: give a file of labels after it")


def _points_and_labels(table, column, text, options):
    place = table.width - 1 if column is None else place_of(table, column)
    columns = _columns_of_points(table, options, place)
    if not columns:
        others = "" if table.is_typed else "; say --delimiter if neither commas, semicolons nor tabs are between them"
        raise InvalidInput(f"{table.path} has one column: points and labels need two{others}")
    X, y = table.read(columns, place)
    return _named(X, table, columns), y if table.is_typed or text else _integers_or_text(y)


def _read_labels(path, text, n, options):
    """Labels of n points from a file of their own."""
    if not is_table(path):
        return _read_array(path, "y")

    def labels(table):
        if table.width != 1:
            raise InvalidInput(f"{path} has {table.width} columns: a file of labels has one")
        y = table.read([], 0)[1]
        if not table.is_typed and table.header and len(y) == n - 1 and options.header is None:  # it is the first label
            y = [*table.header, *y]
        return y if table.is_typed or text else _integers_or_text(y)

    return _of_table(path, TableOptions(options.header if suffix(path) != ".parquet" else None), labels)


def place_of(table, column):
    """Number of the column that is meant by a name or a number from 0."""
    header = table.header or []
    if header.count(column) > 1:
        raise InvalidInput(
            f"{table.path} has {header.count(column)} columns {column!r}: choose one by its number from 0"
        )
    if column in header:
        return header.index(column)
    if column.isascii() and column.isdigit() and int(column) < table.width:
        return int(column)
    names = ", ".join(header) if header else f"numbers 0 to {table.width - 1}"
    raise InvalidInput(f"{table.path} has no column {column!r}, only {names}")


def _read_array(path, name):
    """Array of a .npy file (memory-mapped), of a .npz file by name, or of Zarr."""
    if suffix(path) == ".zarr":
        return _zarr_array(path, name)
    if suffix(path) not in (".npy", ".npz"):
        raise click.UsageError(f"{path}: only {_KINDS} files are read")
    try:
        if suffix(path) == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if not isinstance(array, np.ndarray):
                array.close()
                raise ValueError("it is a .npz file by another name")
            return array
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                raise ValueError("it is a .npy file by another name")
            if name in arrays:
                return arrays[name]
            names = ", ".join(arrays)
    except MemoryError:
        raise
    except Exception as error:  # NumPy's readers meet damage with almost any exception
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    raise InvalidInput(f"{path} has no array {name!r}, only {names}")


def _zarr_array(path, name):
    """An array of Zarr, of which nothing is read yet, or the one of a name in a group."""
    held = _zarr(path)
    if hasattr(held, "shape"):
        return held
    if name in held:
        return held[name]
    raise InvalidInput(f"{path} has no array {name!r}, only {', '.join(sorted(held)) or 'none'}")


def _zarr(path):
    zarr = need("zarr", what="reading .zarr", extra="zarr")
    try:
        return zarr.open(str(path), mode="r")
    except Exception as error:  # by the format, the version and the damage
        raise InvalidInput(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def labels_are_text(y):
    """Whether labels are those of a text table, which have no dtype yet."""
    return isinstance(y, list) and all(isinstance(label, str) for label in y)


def has_labels(path):
    """Whether a file without a table holds labels beside points: arrays X and y."""
    if suffix(path) != ".npz":
        return suffix(path) == ".zarr" and _has_both(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return not isinstance(arrays, np.ndarray) and "y" in arrays
    except Exception:  # NumPy's readers meet damage with almost any exception; it is told where the points are read
        return False


def _has_both(path):
    return suffix(path) == ".zarr" and not hasattr(_zarr(path), "shape")


def _of_table(path, options, work, on_disk=False):
    """What work makes of a table of the kind that a file's name, or a dash for standard input, says."""
    if is_parquet(path):
        options.refuse(path, ("header", "delimiter", "decimal"))
        return work(ParquetFolder(path) if path.is_dir() else ParquetTable(path))
    file = TextFile(path)
    if file.size >= _LARGE and is_possible():
        try:
            return work(ArrowDelimitedTable(file, options, on_disk))
        except (NotPlain, InvalidInput, click.UsageError):
            pass  # what is wrong is found and said below, if anything is
    return work(DelimitedTable(file, options))


def _named(X, table, columns):
    """Points with the names of their columns, if all have different ones."""
    named = Named(X, [table.header[column] for column in columns] if table.header else ())
    return X if names_of(named) is None or "" in named.columns else named


def refuse_as_network(path):
    """Raise `UsageError` where a name is that of another kind of file, which may be the user's data."""
    if suffix(path) in _NO_NETWORKS:
        raise click.UsageError(f"{path}: a network is another kind of file: give it a name that ends in .safetensors")


def refuse_as_page(path):
    """Raise `UsageError` where a name is that of another kind of file."""
    if suffix(path) in (*_NO_NETWORKS, ".safetensors"):
        raise click.UsageError(f"{path}: a page is another kind of file: give it a name that ends in .html")


def refuse_as_output(output, *inputs):
    """Raise `UsageError` where a file to write is one that is read, under whatever name, or a part of a folder of such.

    Inputs may be None, and so may `output`, which is standard output then.
    """
    for path in inputs:
        if output is not None and path is not None and _is_part(output, path):
            raise click.UsageError(f"{output} would be written over what is read, {path}: give -o another name")


def _is_part(output, path):
    if path.is_dir():
        is_within = output.resolve().is_relative_to(path.resolve())
        return is_within and (suffix(path) == ".zarr" or suffix(output) == ".parquet")
    return output.exists() and path.exists() and output.samefile(path)


def refuse_more_columns(path, X, d):
    """Say how to leave out columns of a table where a network takes only d, that of the labels mostly."""
    width = getattr(X, "array", X).shape[1]
    if width > d:
        raise InvalidInput(
            f"{path} has {width} columns, but the network was built for {d}: leave the others out, --label for that of "
            "the labels, --drop for others"
        )


def refuse_other_columns(path, X, known):
    """Say at once which named columns of a file a network does not know, that of the labels mostly."""
    others = [name for name in names_of(X) or () if name not in (known or (name,))]
    if others:
        raise InvalidInput(
            f"{path} has columns of which the network was not built, {', '.join(map(repr, others[:5]))}: leave them "
            "out, --label for that of the labels, --drop for others"
        )


def _columns_of_points(table, options, label=None):
    """Numbers of the columns that hold points: those used, or all but the label, row names and those dropped."""
    if options.use and options.drop:
        raise click.UsageError("--use says which columns hold points, --drop which do not: say one of them")
    kept = [place_of(table, column) for column in options.keep]
    if len(set(kept)) < len(kept):
        raise click.UsageError("--keep names a column twice")
    if options.use:
        columns = [place_of(table, column) for column in options.use]
        if label in columns or len(set(columns)) < len(columns):
            raise click.UsageError("--use names a column twice, or that of the labels")
        if set(columns) & set(kept):
            raise click.UsageError("--use says which columns hold points, --keep which do not: both name one of them")
        return columns
    left_out = {label, *table.row_names, *kept, *(place_of(table, column) for column in options.drop)}
    return [column for column in range(table.width) if column not in left_out]


def _integers_or_text(cells):
    """Integers if every label is written as one, else the text itself: no two different labels become one."""
    different = set(cells)  # of many rows mostly few
    if all(len(cell) < 19 and re.fullmatch(r"0|-?[1-9][0-9]*", cell) for cell in different):
        integers = {cell: int(cell) for cell in different}
        return list(map(integers.__getitem__, cells))
    return cells


def labelled_blocks(data, labels, column, options):
    """Points and labels of a .parquet file or a folder of such, block by block; None of anything else.

    Returns
    -------
    generator of (X, y), or None
    """
    if not is_parquet(data):
        return None
    if labels is None:
        return _of_table(data, options, lambda table: _blocks_of_table(table, column, options))
    if column is not None:
        raise click.UsageError("--label chooses a column of a single .csv or .parquet file")
    return _of_table(data, options, lambda table: _beside(table, options, labels))


def _blocks_of_table(table, column, options):
    place = table.width - 1 if column is None else place_of(table, column)
    columns = _columns_of_points(table, options, place)
    if not columns:
        raise InvalidInput(f"{table.path} has one column: points and labels need two")
    return ((_named(X, table, columns), y) for X, y in table.blocks(columns, place))


def _beside(table, options, labels):
    columns = _columns_of_points(table, options)
    y, start = _read_labels(labels, False, table.n, TableOptions()), 0
    if len(y) != table.n:
        raise InvalidInput(f"{table.path} has {table.n} rows, but {labels} has {len(y)} labels")
    for X, _ in table.blocks(columns):
        yield _named(X, table, columns), y[start : start + len(X)]
        start += len(X)


# Labels out


def about_file(path):
    """What JSON says of a file that was written."""
    return {"path": str(path), "bytes": path.stat().st_size}


@contextlib.contextmanager
def writing_labels(output, empty, n, json_array=False):
    """Context that yields a function which writes the next of `n` labels: to a file or standard output.

    Parameters
    ----------
    output : pathlib.Path or None
        A .npy file, or another of one label a line, that is written whole or not at all; None for standard output.
    empty : ndarray of shape (0,) or (0, k)
        No labels, of the dtype and number of values of those to come.
    n : int
    json_array : bool
        Write one JSON array to standard output, in place of lines.

    Raises
    ------
    InvalidInput
        The labels are Python objects, which .npy does not hold.
    """
    if output is None and json_array:
        begin = "["

        def write(labels):
            nonlocal begin
            click.echo(begin + as_json(list(labels))[1:-1], nl=False)
            begin = ", "

        yield write
        click.echo("[]" if begin == "[" else "]")
    elif output is None:
        yield lambda labels: click.echo(_lines(labels), nl=False)
    elif suffix(output) == ".npy":
        if empty.dtype.kind in "OT":
            raise InvalidInput("these labels are Python objects, which .npy does not hold: write text instead")
        with writing_whole(output) as file:
            header = np.lib.format.header_data_from_array_1_0(empty)
            np.lib.format.write_array_header_1_0(file, header | {"shape": (n, *empty.shape[1:])})
            yield lambda labels: file.write(labels.tobytes())
    else:
        with writing_utf8(output) as write:
            yield lambda labels: write(_lines(labels))


@contextlib.contextmanager
def writing_utf8(output):
    """Context that yields a function which writes text as UTF-8: to a file whole or not at all, or standard output.

    A file is compressed if its name ends in .gz.
    """
    if output is None:
        yield lambda text: click.echo(_encoded(text), nl=False)
        return
    with writing_whole(output) as whole, contextlib.ExitStack() as stack:
        file = whole
        if suffix(output).endswith(".gz"):
            file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=whole, mtime=0))
        yield lambda text: file.write(_encoded(text))


def _encoded(text):
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "a label or the name of its column is no text that UTF-8 holds: without --append and --keep, write .npy, "
            f"or use --json ({error})"
        ) from error


def _lines(labels):
    if labels.ndim == 2:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([as_text(entry) for entry in row] for row in labels)
        return text.getvalue()
    return "".join(f"{as_text(label)}\n" for label in labels)
