"""Data files of the command line: points and labels in, labels out.

Points and labels are read from .npy, .npz (arrays X and y), .csv or .parquet. Labels are written block by block, so
that they need not fit in memory, and to a file whole or not at all.
"""

import contextlib
import csv
import json
import math
import re

import click
import numpy as np

from fastmem.cli.parquet import ParquetTable
from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.errors import InvalidInput
from fastmem.machine.disk import writing_whole

__all__ = ["as_json", "as_text", "read_labelled", "read_points", "suffix", "writing_labels"]


def suffix(path):
    """How a file's name ends, in small letters."""
    return path.suffix.lower()


# Points and labels in


def read_points(path, column=None):
    """Points of a file, those of a .npy file memory-mapped; a column by name or number is left out, if given."""
    if suffix(path) not in _TABLES:
        if column is not None:
            raise click.UsageError("--label chooses a column of a .csv or .parquet file")
        return _read_array(path, "X")
    table = _TABLES[suffix(path)](path)
    place = None if column is None else _place(table, column)
    return table.read([i for i in range(table.width) if i != place])[0]


def read_labelled(data, labels, column, text=False):
    """Points and labels: of one file, with a column of labels or arrays X and y, or of a file each.

    Where `text` is true, labels of a .csv file that look like integers stay text.
    """
    if suffix(data) in _TABLES and labels is None:
        table = _TABLES[suffix(data)](data)
        if table.width < 2:
            raise InvalidInput(f"{data} has one column: points and labels need two")
        place = table.width - 1 if column is None else _place(table, column)
        X, y = table.read([i for i in range(table.width) if i != place], place)
        return X, y if table.is_typed or text else _integers_or_text(y)
    if column is not None:
        raise click.UsageError("--label chooses a column of a single .csv or .parquet file")
    if labels is not None:
        X = read_points(data)
        return X, _read_labels(labels, text, len(X))
    if suffix(data) == ".npz":
        return _read_array(data, "X"), _read_array(data, "y")
    raise click.UsageError(f"{data} holds points only: give a file of labels after it")


def _read_labels(path, text, n):
    """Labels of n points from a file of their own."""
    if suffix(path) not in _TABLES:
        return _read_array(path, "y")
    table = _TABLES[suffix(path)](path)
    if table.width != 1:
        raise InvalidInput(f"{path} has {table.width} columns: a file of labels has one")
    y = table.read([], 0)[1]
    if not table.is_typed and table.header and len(y) == n - 1:  # it is the first label, not a name
        y = [*table.header, *y]
    return y if table.is_typed or text else _integers_or_text(y)


def _place(table, column):
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
    """Array of a .npy file (memory-mapped), or of a .npz file by name."""
    if suffix(path) not in (".npy", ".npz"):
        raise click.UsageError(f"{path}: only .npy, .npz, .csv and .parquet files are read")
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


class CsvTable:
    """A .csv file, with the attributes and the reading of `fastmem.cli.parquet.ParquetTable`.

    A first row of names is the header where the second row has numbers; without one, `header` is None. Labels are read
    as text.
    """

    is_typed = False

    def __init__(self, path):
        self.path, self.header = path, None
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:  # line ends within quotes are kept
                rows = [row for row in csv.reader(file, strict=True) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidInput(f"{path} is not comma-separated UTF-8 text: {error}") from error
        if len(rows) > 1 and _is_header(rows[0]) and any(map(_is_number, rows[1])):
            self.header = rows.pop(0)
        if not rows:
            raise InvalidInput(f"{path} has no rows")
        for i, row in enumerate(rows):
            if len(row) != len(rows[0]):
                raise InvalidInput(f"{path}: row {i} has {len(row)} columns, row 0 has {len(rows[0])}")
        self._rows, self.width = rows, len(rows[0])

    def read(self, columns, label=None):
        """Points as float64, each a finite number that is not rounded as an integer, and labels if asked for."""
        X = np.empty((len(self._rows), len(columns)))
        for i, row in enumerate(self._rows):
            for k, column in enumerate(columns):
                X[i, k] = self._number(row[column], i, column)
        return X, None if label is None else [row[label] for row in self._rows]

    def _number(self, cell, row, column):
        if not _is_number(cell):
            problem = "is not a number"
        elif not math.isfinite(number := float(cell)):
            problem = "is not finite"
        elif abs(number) >= LARGEST_INTEGER and _INTEGER.fullmatch(cell.strip()) and _is_too_large(cell):
            problem = "is an integer beyond ±2^53, which float64 does not hold exactly"
        else:
            return number
        name = self.header[column] if self.header else column
        raise InvalidInput(f"{self.path}: row {row}, column {name}: {cell!r} {problem}")


_TABLES = {".csv": CsvTable, ".parquet": ParquetTable}


# As CSV writers write them; Python's float takes more, as 1_000.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_NO_NAMES = {"", "?", "-", "na", "n/a", "null", "none", "nan", "inf", "+inf", "-inf", "infinity", "-infinity"}


def _is_too_large(cell):
    return abs(int(cell.partition(".")[0])) > LARGEST_INTEGER


def _is_number(cell):
    return _NUMBER.fullmatch(cell.strip()) is not None


def _is_header(cells):
    """Whether these are names: no numbers, nor what a row of data may have in their place, as 1.O or N/A."""
    return not any(re.match(r"[+-]?\.?\d", cell.strip()) or cell.strip().lower() in _NO_NAMES for cell in cells)


def _integers_or_text(cells):
    """Integers if every label is written as one, else the text itself: no two different labels become one."""
    if all(len(cell) < 19 and re.fullmatch(r"0|-?[1-9][0-9]*", cell) for cell in cells):
        return [int(cell) for cell in cells]
    return cells


# Labels out


def as_text(label):
    """A label as it is printed."""
    return label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else str(label)


def as_json(value):
    """JSON of plain values, of NumPy's, and of labels: those that JSON lacks as text, NaN and infinities as null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic) and value.dtype.kind in "biu":
        return value.item()
    if isinstance(value, float | np.float32 | np.float16):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else as_text(value)


@contextlib.contextmanager
def writing_labels(output, dtype, n, json_array=False):
    """Context that yields a function which writes the next of `n` labels of a dtype: to a file or standard output.

    Parameters
    ----------
    output : pathlib.Path or None
        A .npy file, or another of one label a line, that is written whole or not at all; None for standard output.
    dtype : dtype
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
        if dtype.kind in "OT":
            raise InvalidInput("these labels are Python objects, which .npy does not hold: write text instead")
        with writing_whole(output) as file:
            header = np.lib.format.header_data_from_array_1_0(np.empty(0, dtype))
            np.lib.format.write_array_header_1_0(file, header | {"shape": (n,)})
            yield lambda labels: file.write(labels.tobytes())
    else:
        with writing_whole(output) as file:
            yield lambda labels: file.write(_encoded(labels))


def _encoded(labels):
    try:
        return _lines(labels).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a label is no text that UTF-8 holds: write .npy, or use --json ({error})") from error


def _lines(labels):
    return "".join(f"{as_text(label)}\n" for label in labels)
