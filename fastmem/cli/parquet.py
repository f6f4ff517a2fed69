"""Points and labels in .parquet files, one or all of a folder, read by pyarrow: exactly, or refused by column and row.

Without pyarrow, reading raises `ImportError`: ``pip install "fastmem-nn[parquet]"``.
"""

import contextlib

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.errors import InvalidInput
from fastmem.machine.partners import need

__all__ = ["ParquetFolder", "ParquetTable"]


class ParquetTable:
    """A .parquet file of points, labels, or both; one row a point.

    Parameters
    ----------
    path : str or os.PathLike

    Attributes
    ----------
    path
    header : list of str
        Names of the columns.
    width : int
        Their number.
    n : int
        Number of rows.
    row_names : set of int
        Columns that name rows: none.
    is_typed : bool
        Whether labels are what they are, not all text.
    schema : pyarrow.Schema

    Raises
    ------
    InvalidInput
        The file cannot be read.
    ImportError
        There is no pyarrow.
    """

    is_typed = True

    def __init__(self, path):
        self.path = path
        self._arrow = _pyarrow()
        with self._reading():
            with self._open() as file:
                self.schema, self.n = file.schema_arrow, file.metadata.num_rows
            known = (self.schema.pandas_metadata or {}).get("index_columns", [])
            self._indices = [name for name in known if isinstance(name, str)]  # others are not in the file
        self.header, self.width, self.row_names = self.schema.names, len(self.schema.names), set()

    def columns(self):
        """Names and kinds of the columns."""
        return list(zip(self.header, map(str, self.schema.types), strict=True))

    def read(self, columns, label=None):
        """Points, and labels if their column is given.

        Parameters
        ----------
        columns : list of int
        label : int, optional

        Returns
        -------
        X : ndarray of shape (n, len(columns))
            float32 if all columns are, else float64.
        y : array_like of shape (n,), or None

        Raises
        ------
        InvalidInput
            A column is of a kind that X or y cannot hold, or a value is null, not finite or not exact as a float.
        """
        labels, start = [], 0
        X = np.empty((self.n, len(columns)), self._checked(columns, label))
        for block, of_block in self.blocks(columns, label):
            X[start : start + len(block)] = block
            labels.append(of_block)
            start += len(block)
        return X, None if label is None else _joined(labels)

    def blocks(self, columns, label=None):
        """The same block by block: a generator of pairs."""
        dtype, start = self._checked(columns, label), 0
        with self._reading(), self._open() as file:
            for batch in file.iter_batches():
                X = np.empty((batch.num_rows, len(columns)), dtype)
                for k, column in enumerate(columns):
                    X[:, k] = self._numbers(batch.column(column), column, start)
                y = None if label is None else self._labels(batch.column(label), label, start)
                start += batch.num_rows
                yield X, y
            if start != self.n:
                raise ValueError(f"it holds {start:,} rows, but names {self.n:,}")

    def batches(self):
        """Rows as they are: a generator of record batches."""
        with self._reading(), self._open() as file:
            yield from file.iter_batches()

    def _checked(self, columns, label):
        """The dtype of points, if columns and label can be read."""
        self._refuse_index(columns if label is None else [*columns, label])
        dtype = self._dtype_of_points(columns)
        if label is not None:
            self._check_labels(label)
        return dtype

    def _open(self):
        return self._arrow.parquet.ParquetFile(self.path, page_checksum_verification=True)

    @contextlib.contextmanager
    def _reading(self):
        try:
            yield
        except (InvalidInput, MemoryError):
            raise
        except Exception as error:  # Arrow's reader meets damage with errors of many kinds
            raise InvalidInput(f"{self.path} cannot be read: {' '.join(str(error).split())}") from error

    def _refuse_index(self, columns):
        index = next((self.header[column] for column in columns if self.header[column] in self._indices), None)
        if index is not None:
            raise InvalidInput(
                f"{self.path}: column {index} is the index of a pandas data frame: say --drop {index}, or write the "
                "index as a column of its own if it is data"
            )

    def _dtype_of_points(self, columns):
        types, kinds = self._arrow.types, [self.schema.types[column] for column in columns]
        numbers = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
        for column, kind in zip(columns, kinds, strict=True):
            if not any(is_kind(kind) for is_kind in numbers):
                raise self._wrong_kind(column, "which is not numbers: write it as numbers, or leave it out with --drop")
        return np.float32 if all(map(types.is_float32, kinds)) else np.float64

    def _check_labels(self, column):
        types, kind = self._arrow.types, self.schema.types[column]
        if types.is_dictionary(kind):
            kind = kind.value_type
        if types.is_timestamp(kind) and kind.tz is not None:
            raise self._wrong_kind(column, "and NumPy's times have no zone: write it as UTC, without one")
        taken = [types.is_integer, types.is_floating, types.is_boolean]
        taken += [
            types.is_date,
            types.is_timestamp,
            types.is_duration,
            types.is_null,
        ]  # each null is refused by its row
        if not (_is_text(types, kind) or any(is_kind(kind) for is_kind in taken)):
            raise self._wrong_kind(column, "which cannot be labels: write it as text or as integers")

    def _wrong_kind(self, column, why):
        kind = str(self.schema.types[column]).replace(", tz=", " in ")
        return InvalidInput(f"{self.path}: column {self.header[column]} holds {kind}, {why}")

    def _numbers(self, array, column, start):
        """Values of a column as numbers that a float holds exactly."""
        self._refuse(array.is_null(), array, column, start, "is not a number")
        types, kind = self._arrow.types, array.type
        if types.is_decimal(kind):
            decimals = array.to_pylist()
            values = np.array([float(decimal) for decimal in decimals])
            rounded = [value != decimal for value, decimal in zip(values.tolist(), decimals, strict=True)]
            why = "is a decimal that float64 does not hold exactly: write the column as floats if it may be rounded"
            self._refuse(rounded, array, column, start, why)
            return values
        values = array.to_numpy(zero_copy_only=False)
        if types.is_floating(kind):
            self._refuse(~np.isfinite(values), array, column, start, "is not finite")
        elif types.is_integer(kind):
            beyond = (values > LARGEST_INTEGER) | (values < -LARGEST_INTEGER)
            why = "is an integer beyond ±2^53, which float64 does not hold exactly"
            self._refuse(beyond, array, column, start, why)
        return values

    def _labels(self, array, column, start):
        """Values of a column as an array, or a list if they are text, of which NumPy would drop zeros at an end."""
        types = self._arrow.types
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        why = "is no label: give such rows a label of their own, or drop them"
        self._refuse(array.is_null(), array, column, start, why)
        if not _is_text(types, array.type):
            return array.to_numpy(zero_copy_only=False)
        values = array.to_pylist()
        why = "ends in a zero byte, which NumPy drops: write such labels as text"
        self._refuse([type(value) is bytes and value.endswith(b"\0") for value in values], array, column, start, why)
        return values

    def _refuse(self, wrong, array, column, start, why):
        """Raise `InvalidInput` that names the first wrong value, if there is one."""
        rows = np.flatnonzero(wrong)
        if rows.size:
            value = array[int(rows[0])].as_py()
            shown = "null" if value is None else value
            raise InvalidInput(f"{self.path}: row {start + rows[0]}, column {self.header[column]}: {shown} {why}")


class ParquetFolder:
    """All .parquet files of a folder, in the order of their names, as one table.

    Attributes are those of `ParquetTable`.

    Raises
    ------
    InvalidInput
        There is no such file, or they differ in their columns.
    """

    is_typed = True

    def __init__(self, path):
        self.path = path
        self._tables = [ParquetTable(file) for file in sorted(path.glob("*.parquet"))]
        if not self._tables:
            raise InvalidInput(f"{path} holds no .parquet file")
        first = self._tables[0]
        self.header, self.width, self.row_names = first.header, first.width, first.row_names
        for table in self._tables:
            if table.columns() != first.columns():
                raise InvalidInput(
                    f"{table.path} has other columns than {first.path}: all files of a folder are one table"
                )
        self.schema = _schema_of_all([table.schema for table in self._tables])
        self.n = sum(table.n for table in self._tables)

    def read(self, columns, label=None):
        """As `ParquetTable.read`."""
        points, labels = zip(*(table.read(columns, label) for table in self._tables), strict=True)
        return np.concatenate(points), None if label is None else _joined(labels)

    def blocks(self, columns, label=None):
        """As `ParquetTable.blocks`."""
        for table in self._tables:
            yield from table.blocks(columns, label)

    def batches(self):
        """As `ParquetTable.batches`."""
        for table in self._tables:
            yield from table.batches()


def _schema_of_all(schemas):
    """The schema of the first, in which a column may have nulls if it may in any."""
    first = schemas[0]
    for k in range(len(first)):
        if any(schema.field(k).nullable for schema in schemas):
            first = first.set(k, first.field(k).with_nullable(True))
    return first


def _is_text(types, kind):
    """Whether values are strings or bytes."""
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    binaries = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    return any(is_kind(kind) for is_kind in texts + binaries)


def _joined(parts):
    if parts and isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [label for part in parts for label in part]


def _pyarrow():
    need("pyarrow.parquet", what="reading .parquet files", extra="parquet")
    return need("pyarrow", what="reading .parquet files", extra="parquet")
