"""Text tables of other programs, .csv, .tsv and their like: read as they are meant, or refused by file and line.

What a first line is, names or numbers, and what separates columns, is decided by what the file holds where only one
reading is possible. Where two are, the user says which: ``--header``, ``--delimiter``, ``--decimal``, ``--use`` and
``--drop``.
"""

import csv
import io
import math
import re
from typing import NamedTuple

import click
import numpy as np

from fastmem.cli.text_file import TextFile
from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.errors import InvalidInput

__all__ = ["BOOLEANS", "LOOKED_AT", "DelimitedTable", "TableOptions"]

_DELIMITERS = {",": "','", ";": "';'", "\t": "tab"}
LOOKED_AT = 100  # rows in which numbers are looked at for a decimal point
# As CSV writers write them; Python's float takes more, as 1_000.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_NO_NAMES = {"", "?", "-", "na", "n/a", "null", "none", "nan", "inf", "+inf", "-inf", "infinity", "-infinity"}
BOOLEANS = {"true": 1.0, "false": 0.0}


class TableOptions(NamedTuple):
    """What a user says of the columns of a file.

    Attributes
    ----------
    header : bool or None
        Whether the first line holds names; None: as the file shows.
    delimiter : str or None
        What separates columns; None: as the file shows.
    decimal : {".", ","}
    use, drop : tuple of str
        Columns that hold the points, and columns that hold nothing, by name or number from 0.
    keep : tuple of str
        Columns that hold no points and are written beside the labels.
    """

    header: bool | None = None
    delimiter: str | None = None
    decimal: str = "."
    use: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def refuse(self, path, names):
        """Raise `UsageError` if one of these options was given, which are not for such a file."""
        for name in names:
            if getattr(self, name) != TableOptions._field_defaults[name]:
                raise click.UsageError(f"{path}: --{name} is for tables, .csv files and the like")


class _Row(NamedTuple):
    line: int  # of the file, from 1
    cells: list[str]


class DelimitedTable:
    """A text table, with the attributes and the reading of `fastmem.cli.parquet.ParquetTable`.

    Parameters
    ----------
    file : TextFile or pathlib.Path
    options : TableOptions

    Attributes
    ----------
    file : TextFile
    header : list of str or None
    width : int
        Number of columns.
    separator : str
        What is between them.
    decimal : str
        What is before the digits of a fraction.
    row_names : set of int
        The column of row names, which holds no points, if there is one.
    is_typed : bool
        Labels are read as text.
    """

    is_typed = False

    def __init__(self, file, options):
        self.file = file if isinstance(file, TextFile) else TextFile(file)
        self.path = self.file.path
        self._look_at(self.file.text(), options)

    def _look_at(self, text, options):
        """Rows, and what the first of them is."""
        self.decimal, self.separator = options.decimal, options.delimiter or self._delimiter(text)
        rows = self._rows_by(self.separator, text)
        if not rows:
            raise InvalidInput(f"{self.path} has no rows")
        has_header = self._has_header(rows) if options.header is None else options.header
        header = rows.pop(0).cells if has_header else None
        if not rows:
            raise InvalidInput(f"{self.path} has no rows behind its header")
        self._rows, self.width = rows, len(rows[0].cells)
        for row in rows:
            if len(row.cells) != self.width:
                raise InvalidInput(
                    f"{self.path}, line {row.line}: {len(row.cells)} columns, but line {rows[0].line} has {self.width}"
                )
        self.header, self.row_names = self._names(header, bool(options.use or options.drop or "0" in options.keep))

    # What the file shows

    def _rows_by(self, delimiter, text):
        reader, rows, line = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [], 1
        try:
            for cells in reader:
                if cells:
                    rows.append(_Row(line, cells))
                line = reader.line_num + 1
        except csv.Error as error:
            raise InvalidInput(f"{self.path}, line {line}, is no line of a table: {error}") from error
        return rows

    def _delimiter(self, text):
        """What separates columns: of those that the first line holds, the only one by which all lines are alike."""
        if self.path.name.lower().removesuffix(".gz").endswith(".tsv"):
            return "\t"
        found = self._separators(text)
        if len(found) > 1:
            possible = [delimiter for delimiter in found if self._is_table(delimiter, text)]
            if len(possible) > 1:
                named = " or ".join(_DELIMITERS[delimiter] for delimiter in possible)
                raise InvalidInput(
                    f"{self.path}, line 1: columns may be separated by {named}: say --delimiter, and --decimal , if "
                    "numbers have commas"
                )
            found = possible or found
        return found[0] if found else ","

    def _separators(self, text):
        first = text.lstrip("\r\n").partition("\n")[0]
        return [delimiter for delimiter in _DELIMITERS if delimiter in re.sub('"[^"]*"', "", first)]

    def _is_table(self, delimiter, text):
        try:
            widths = {len(row.cells) for row in self._rows_by(delimiter, text)[1:]}
        except InvalidInput:
            return False
        return len(widths) <= 1

    def _has_header(self, rows):
        """Whether the first row holds names; raises an error where it may hold names or numbers."""
        first, body = rows[0].cells, [row.cells for row in rows[1:]]
        if not body:
            return False
        columns = range(min(len(first), *(len(cells) for cells in body)))
        are_numbers = [self._is_number(cell) for cell in first]
        # A name over numbers: nothing else explains it, but perhaps the label of the first point.
        over_numbers = any(self._stands_over_numbers(first[column], column, body) for column in columns)
        if not any(are_numbers):
            narrow = len(first) < len(body[0])  # names of fewer columns: the others must be told apart below
            return over_numbers or (narrow and all(map(_is_name, first)))
        if self._count_up([cell for cell in first if self._is_number(cell)]) and (
            over_numbers if not all(are_numbers) else self._have_fractions(body, columns)
        ):
            shown = ", ".join(map(repr, first[:3]))
            raise InvalidInput(
                f"{self.path}, line {rows[0].line}: {shown}, ... may be names of columns or a row of data: say "
                "--header or --no-header"
            )
        return False

    def _stands_over_numbers(self, cell, column, body):
        return _is_name(cell) and all(self._is_number(cells[column]) for cells in body)

    def _count_up(self, cells):
        """Whether these are two integers or more that count up by one, as numbers of columns and years do."""
        if len(cells) < 2 or not all(re.fullmatch(r"\s*\d{1,6}\s*", cell, re.ASCII) for cell in cells):
            return False
        numbers = [int(cell) for cell in cells]
        return numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def _have_fractions(self, body, columns):
        """Whether all columns but the last one, which may hold labels, have a number that is not written as integer."""
        some = body[:LOOKED_AT]
        return all(
            any(self._is_number(cells[column]) and not _INTEGER.fullmatch(cells[column].strip()) for cells in some)
            for column in list(columns)[:-1]
        )

    def _names(self, header, are_chosen):
        """Names of all columns, and the columns of row names; the header may have one name more or less."""
        first = self._rows[0]
        if header is None:
            return None, set()
        if len(header) == self.width + 1 and header[-1].strip() == "":
            header = header[:-1]
        if len(header) == self.width - 1:
            # A separator ends each line, and the column is refused where it is read; or R wrote names of rows.
            ends_empty = all(row.cells[-1].strip() == "" for row in self._rows)
            header = [*header, ""] if ends_empty else ["", *header]
        if len(header) != self.width:
            raise InvalidInput(
                f"{self.path}: line 1 names {len(header)} columns, but line {first.line} has {self.width}: mend the "
                "file, or say --no-header if line 1 is data"
            )
        return header, set() if are_chosen else self._unnamed_index(header)

    def _unnamed_index(self, header):
        """The first column, if it has no name and counts the rows or names them, as pandas and R write an index."""
        if header[0].strip() or len(header) < 2:
            return set()
        cells = [row.cells[0].strip() for row in self._rows]
        if any(cells == [str(i) for i in range(start, start + len(cells))] for start in (0, 1)):
            return {0}
        if not any(map(self._is_number, cells)) and len(set(cells)) == len(cells) and "" not in cells:
            return {0}
        raise InvalidInput(
            f"{self.path}: column 0 has no name, and neither counts the rows nor names them: say --drop 0, or --use "
            "for each column of points"
        )

    # Values

    def read(self, columns, label=None):
        """Points as float64, each a finite number that is not rounded as an integer, and labels if asked for."""
        y = None if label is None else [self._label(row, label) for row in self._rows]
        X = np.empty((len(self._rows), len(columns)))
        for k, column in enumerate(columns):
            cells = [row.cells[column] for row in self._rows]
            if cells[0].strip().lower() in BOOLEANS:
                booleans = [BOOLEANS.get(cell.strip().lower()) for cell in cells]
                if None not in booleans:
                    X[:, k] = booleans
                    continue
            if not any(cell.strip() for cell in cells):
                raise InvalidInput(f"{self.path}: column {self._name(column)} is empty: say --drop {column}")
            X[:, k] = self._numbers(cells, column)
        return X, y

    def _numbers(self, cells, column):
        texts = [self._with_point(cell) for cell in cells]
        if all(map(_NUMBER.fullmatch, texts)):
            numbers = np.array(list(map(float, texts)))
            if np.all(np.abs(numbers) < LARGEST_INTEGER):
                return numbers
        # One by one, since some may be none that can be used.
        return [self._number(cell, row.line, column) for cell, row in zip(cells, self._rows, strict=True)]

    def _label(self, row, column):
        if row.cells[column].strip() == "":
            raise InvalidInput(
                f"{self.path}, line {row.line}: the label, in column {self._name(column)}, is empty: write one, leave "
                "the line out, or say which column holds labels, --label"
            )
        return row.cells[column]

    def _name(self, column):
        return self.header[column] or column if self.header else column

    def _with_point(self, cell):
        """The text of a cell, with a decimal point if it is a number, and no number else."""
        text = cell.strip()
        return text if self.decimal == "." else text.replace(".", "x").replace(",", ".")

    def _is_number(self, cell):
        return _NUMBER.fullmatch(self._with_point(cell)) is not None

    def _number(self, cell, line, column):
        text = self._with_point(cell)
        if not _NUMBER.fullmatch(text):
            problem = "is not a number"
            if self.decimal == "." and _COMMA.fullmatch(text):
                problem += ": say --decimal , if that is a decimal comma"
            elif len(self._rows) > 1 and not any(self._is_number(row.cells[column]) for row in self._rows):
                problem += f", and no cell below: say --drop {column} if the column holds no points"
            elif line == 1:
                problem += ": say --header if line 1 holds names"
            elif text.lower() in BOOLEANS:
                problem += ": columns of True and False are read as 1 and 0 if they hold nothing else"
        elif not math.isfinite(number := float(text)):
            problem = "is not finite"
        elif abs(number) >= LARGEST_INTEGER and _INTEGER.fullmatch(text) and _is_too_large(text):
            problem = "is an integer beyond ±2^53, which float64 does not hold exactly"
        else:
            return number
        raise InvalidInput(f"{self.path}, line {line}, column {self._name(column)}: {cell!r} {problem}")


def _is_too_large(text):
    return abs(int(text.partition(".")[0])) > LARGEST_INTEGER


def _is_name(cell):
    """Whether this is a name: no number, nor what a row of data may have in its place, as 1.O or N/A."""
    return not (re.match(r"[+-]?\.?\d", cell.strip()) or cell.strip().lower() in _NO_NAMES)
