"""n points of R^d, as the caller holds them, read in row blocks by the kernels.

The array is never copied as a whole: kernels read float32 and float64 rows in place, whatever their strides,
and any other dtype is converted block by block to the float dtype that holds all its values. `Points.on` gives the same
points with some of their columns, in place where these are neighbours, and else gathered block by block.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem.data.sorting import possibly_repeated, run_starts, sort_codes
from fastmem.errors import InvalidInput
from fastmem.machine.threads import over_row_blocks

__all__ = ["NotFinite", "Points", "distinct_rows", "first_of_equal", "norms_of", "refuse_row"]

_KERNEL_DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}
_EXACT_IN_FLOAT32 = {np.dtype(t) for t in ("bool", "int8", "uint8", "int16", "uint16", "float16", "float32")}
_HASH_SEED = 0
_GATHERED_WIDTH = 96  # coordinates: blocks of some 8,000 rows
_SMALL, _ENLARGED = 2.0**-450, 900  # norms whose squares lose digits, and the power of two that saves these


class NotFinite(Exception):
    """A row of a block holds a NaN or an infinity; `Points.over_rows` tells the caller which row of X that is.

    Attributes
    ----------
    row : int
        In the block.
    """

    def __init__(self, row):
        super().__init__(row)
        self.row = row


def refuse_row(bad):
    """Raise `NotFinite` for the row that a kernel found, if it found one: it says -1 otherwise."""
    if bad >= 0:
        raise NotFinite(bad)


def first_of_equal(n, later, first, dtype=np.int32):
    """For each of n rows the lowest row that equals it, by what `Points.equal_rows` finds: integer array."""
    numbers = np.arange(n, dtype=dtype)
    numbers[later] = first
    return numbers


def distinct_rows(numbers):
    """The rows that equal no lower one, by `first_of_equal`: int64 array, ascending."""
    return np.flatnonzero(numbers == np.arange(len(numbers)))


class Points:
    """Rows of a validated array (`fastmem.data.as_points` makes them).

    Parameters
    ----------
    array : ndarray of shape (n, d)
        Booleans, integers within 2^53, or floats; not copied.

    Attributes
    ----------
    n, d : int
        Number of points and their dimension.
    reading : Reading or None
        Which columns of the user's points these are: all, in their order, if None.
    first_row : int
        Which of the user's rows is the first, as errors name it.
    """

    reading = None

    def __init__(self, array, first_row=0):
        self.array = array
        self.first_row = first_row
        self._found = None  # until all rows have been read
        self.n, self.d = array.shape
        if array.flags.c_contiguous and array.flags.aligned and array.dtype in _KERNEL_DTYPES:
            self._dtype, self._in_place = array.dtype, True
            return
        native = array.dtype.newbyteorder("=")
        self._dtype = np.dtype(np.float32 if native in _EXACT_IN_FLOAT32 else np.float64)
        whole_steps = all(step % self._dtype.itemsize == 0 for step in array.strides)
        self._in_place = array.dtype == self._dtype and array.dtype.isnative and array.flags.aligned and whole_steps

    @property
    def width(self):
        """Blocks of rows are as long as for points of so many coordinates."""
        return self.d

    def block(self, start, stop):
        """Rows start to stop as float32 or float64, a view where the array allows it."""
        return self._for_kernels(self.array[start:stop])

    def as_array(self):
        """All of them as an array of their own dtype, a view where these are whole columns side by side."""
        return self.array

    def on(self, reading):
        """The same points with the columns of a `Reading` alone; all of them for None."""
        return self if reading is None else (_Neighbours if reading.are_neighbours else _Gathered)(self, reading)

    def take(self, rows):
        """The given rows, copied, as float32 or float64 in C order: sums over them do not depend on the layout."""
        if not self._in_place:
            return self.array[rows].astype(self._dtype, order="C")
        taken = np.empty((len(rows), self.d), self._dtype)
        kernels.take_rows(self.array, np.ascontiguousarray(rows, np.int64), taken)
        return taken

    def _for_kernels(self, rows):
        return rows if self._in_place else rows.astype(self._dtype)

    def over_rows(self, work, n_threads=1, bar=None, *, rows=None, columns=None, width=None):
        """Call ``work(start, stop, block)`` for blocks of consecutive rows, in threads: the way in which X is read.

        Parameters
        ----------
        work : callable
            Takes positions and the rows there, a float32 or float64 array. It raises `NotFinite` (`refuse_row`) where
            it finds a NaN or an infinity in a column that it reads.
        n_threads : int
        bar : object, optional
            Its ``update`` is called with the number of rows done.
        rows : slice or int64 array, optional
            The rows to read; positions count these.
        columns : int64 array, optional
            The columns that `work` reads, all by default. Others are checked here.
        width : int, optional
            Blocks are as long as for points of so many coordinates, `width` by default.

        Raises
        ------
        InvalidInput
            It names row and column of X that hold a NaN or an infinity.
        """
        rows = slice(0, self.n) if rows is None else rows
        n = rows.stop - rows.start if isinstance(rows, slice) else len(rows)

        def checked(start, stop):
            self._run(work, start, stop, rows, columns)

        over_row_blocks(checked, n, width or self.width, n_threads, bar)

    def at_once(self, work, result):
        """Call ``work(block, result)`` with all rows, as `over_rows` does with blocks of them: faster for few."""
        try:
            work(self.block(0, self.n), result)
            return
        except NotFinite as error:
            row = error.row
        self.raise_not_finite(row)

    def _run(self, work, start, stop, rows, columns):
        if isinstance(rows, slice):
            block = self.block(rows.start + start, rows.start + stop)
        else:
            block = self.take(rows[start:stop])
        try:
            work(start, stop, block)
            if columns is not None:
                _refuse_others(block, columns)
            return
        except NotFinite as error:
            position = start + error.row
        self.raise_not_finite(rows.start + position if isinstance(rows, slice) else int(rows[position]))

    def extremes(self, n_threads=1):
        """Least and largest value of each column: float32 or float64 array of shape (2, d)."""
        lowest, highest = [], []

        def work(start, stop, block):
            lowest.append(block.min(axis=0))
            highest.append(block.max(axis=0))

        self.over_rows(work, n_threads)
        return np.array([np.min(lowest, axis=0), np.max(highest, axis=0)])

    def check_finite(self, start, stop):
        """Raise `InvalidInput` if the rows start to stop hold a NaN or an infinity."""
        self._run(lambda *_: None, 0, stop - start, slice(start, stop), np.empty(0, np.int64))

    def raise_not_finite(self, row, columns=None):
        """Raise `InvalidInput` for the NaN or infinity that a kernel found in a row, in one of some columns."""
        is_finite = np.isfinite(self.block(row, row + 1)[0])
        columns = np.arange(self.d) if columns is None else np.sort(columns)
        column = int(columns[np.flatnonzero(~is_finite[columns])[0]])
        of_user = column if self.reading is None else int(self.reading.columns[column])
        raise InvalidInput(
            f"X[{self.first_row + row}, {of_user}] is {self.array[row, column]}: every coordinate must be finite; "
            "remove or impute such rows"
        )

    def equal_rows(self, n_threads=1, bar=None):
        """Find all rows that are equal, as points, to an earlier row; this reads all rows (`read`).

        Returns
        -------
        later, first : int64 arrays of equal length
            ``X[later[i]] == X[first[i]]``, ``first[i] < later[i]`` the lowest such row; empty if all rows differ.
        """
        hashes = self.read(n_threads, bar)
        pending = possibly_repeated(hashes)
        hashes, pending = sort_codes(hashes[pending], pending)
        same = hashes[1:] == hashes[:-1]
        in_run = np.append(False, same) | np.append(same, False)[: pending.size]
        pending, hashes = pending[in_run], hashes[in_run]
        later, first = [], []
        while pending.size:  # twice or more only after a hash collision
            starts = run_starts(hashes)
            leader = np.repeat(pending[starts], np.diff(np.append(starts, pending.size)))
            equal = self.are_equal(pending, leader)
            found = equal & (pending != leader)
            later.append(pending[found])
            first.append(leader[found])
            pending, hashes = pending[~equal], hashes[~equal]
        if not later:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        later, first = np.concatenate(later), np.concatenate(first)
        order = np.argsort(later)
        return later[order], first[order]

    def read(self, n_threads=1, bar=None):
        """Read every row once. NaN and infinities are found here, the largest norm, and whether float32 is enough.

        Returns
        -------
        uint64 array of shape (n,)
            A hash of each row.
        """
        hashes, squares, rounded = np.empty(self.n, np.uint64), [], []
        keys, is_narrow = self._hash_keys(), self._dtype == np.float32

        def work(start, stop, block):
            bad, largest = kernels.hash_rows(block, keys, hashes[start:stop])
            refuse_row(bad)
            squares.append(largest)
            if not (is_narrow or rounded) and not _fit_float32(block):
                rounded.append(start)

        self.over_rows(work, n_threads, bar)
        self._found = _Found(self._norm(math.sqrt(max(squares)), n_threads), not rounded)
        return hashes

    def largest_norm(self, n_threads=1):
        """Largest Euclidean norm of a point, the same on every machine; infinite if its square overflows in float64.

        Found by `read`, which is called if it was not.
        """
        return self._facts(n_threads).largest_norm

    def fit_float32(self, n_threads=1):
        """Whether float32 holds every coordinate; found by `read`, which is called if it was not."""
        return self._facts(n_threads).fits_float32

    def _facts(self, n_threads):
        if self._found is None:
            self.read(n_threads)
        return self._found

    def _norm(self, largest, n_threads):
        """The largest norm, given the root of the largest square, which lost digits if it is small."""
        if largest >= _SMALL:
            return largest
        norms = []
        self.over_rows(lambda start, stop, block: norms.append(float(norms_of(block).max())), n_threads)
        return max(norms)

    def _hash_keys(self):
        words = self.d * self._dtype.itemsize // 4
        return np.random.PCG64(_HASH_SEED).random_raw(2 * words).astype(np.uint32).reshape(2, words)

    def are_equal(self, a, b):
        """Whether rows a[i] and b[i] are equal, as points: bool array."""
        equal = np.empty(a.size, np.uint8)

        def compare(start, stop):
            kernels.equal_rows(self.take(a[start:stop]), self.take(b[start:stop]), equal[start:stop])

        over_row_blocks(compare, a.size, self.d, 1)
        return equal.astype(bool)


class _Neighbours(Points):
    """Points with some neighbouring columns, which are read in place."""

    def __init__(self, points, reading):
        first = int(reading.columns[0])
        super().__init__(points.array[:, first : first + len(reading.columns)])
        self.reading, self._all = reading, points

    def raise_not_finite(self, row):
        """Raise `InvalidInput` for the NaN or infinity that a kernel found in a row."""
        self._all.raise_not_finite(row, self.reading.columns)


class _Gathered(_Neighbours):
    """Points with some columns that lie apart: each block is copied, as long as the cache holds it."""

    def __init__(self, points, reading):
        self.__dict__.update(points.__dict__)
        self.reading, self._all, self._found = reading, points, None
        self.d = len(reading.columns)
        self._lines = reading.lines(self.array.strides[1])

    @property
    def width(self):
        """Blocks of rows are as long as for points of so many coordinates."""
        return max(self.d, _GATHERED_WIDTH)

    def as_array(self):
        """All of them, copied."""
        return self.array[:, self.reading.columns]

    def take(self, rows):
        """The given rows, copied."""
        if not self._in_place:
            return self.array[np.ix_(rows, self.reading.columns)].astype(self._dtype, order="C")
        taken = np.empty((len(rows), self.d), self._dtype)
        rows = np.ascontiguousarray(rows, np.int64)
        kernels.take_entries(self.array, rows, self.reading.columns, self._lines, taken)
        return taken

    def _for_kernels(self, rows):
        if not self._in_place:
            return rows[:, self.reading.columns].astype(self._dtype, order="C")
        taken = np.empty((len(rows), self.d), self._dtype)
        if len(rows):
            kernels.take_columns(rows, self.reading.columns, self._lines, taken)
        return taken


class _Found(NamedTuple):
    """What is found when all rows are read."""

    largest_norm: float
    fits_float32: bool


def _refuse_others(block, columns):
    """Raise `NotFinite` for the first row that is not finite in a column that is not among these."""
    others = np.delete(block, columns, axis=1) if len(columns) else block
    finite = np.isfinite(others).all(axis=1)
    if not finite.all():
        raise NotFinite(int(finite.argmin()))


def _fit_float32(block):
    with np.errstate(over="ignore", under="ignore"):
        return np.array_equal(block, block.astype(np.float32))


def norms_of(rows):
    """Euclidean norms of rows in float64: infinite where squares overflow, and right where they underflow."""
    rows = rows.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.linalg.norm(rows, axis=1)
        small = norms < _SMALL
        norms[small] = np.ldexp(np.linalg.norm(np.ldexp(rows[small], _ENLARGED), axis=1), -_ENLARGED)
    return norms
