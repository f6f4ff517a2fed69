"""n points of R^d, as the caller holds them, read in row blocks by the kernels.

The array is never copied as a whole: kernels read float32 and float64 rows in place, whatever their strides,
and any other dtype is converted block by block to the float dtype that holds all its values.
"""

import math

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem.data.sorting import possibly_repeated, run_starts, sort_codes
from fastmem.errors import InvalidInput
from fastmem.machine.threads import over_row_blocks

__all__ = ["Points", "norms_of"]

_KERNEL_DTYPES = {np.dtype(np.float32), np.dtype(np.float64)}
_EXACT_IN_FLOAT32 = {np.dtype(t) for t in ("bool", "int8", "uint8", "int16", "uint16", "float16", "float32")}
_HASH_SEED = 0
_SMALL, _ENLARGED = 2.0**-450, 900  # norms whose squares lose digits, and the power of two that saves these


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
    """

    def __init__(self, array):
        self.array = array
        self._largest_square = None  # until all rows have been read
        self.n, self.d = array.shape
        if array.flags.c_contiguous and array.flags.aligned and array.dtype in _KERNEL_DTYPES:
            self._dtype, self._in_place = array.dtype, True
            return
        native = array.dtype.newbyteorder("=")
        self._dtype = np.dtype(np.float32 if native in _EXACT_IN_FLOAT32 else np.float64)
        whole_steps = all(step % self._dtype.itemsize == 0 for step in array.strides)
        self._in_place = array.dtype == self._dtype and array.dtype.isnative and array.flags.aligned and whole_steps

    def block(self, start, stop):
        """Rows start to stop as float32 or float64, a view where the array allows it."""
        return self._for_kernels(self.array[start:stop])

    def take(self, rows):
        """The given rows, copied, as float32 or float64 in C order: sums over them do not depend on the layout."""
        if not self._in_place:
            return self.array[rows].astype(self._dtype, order="C")
        taken = np.empty((len(rows), self.d), self._dtype)
        kernels.take_rows(self.array, np.ascontiguousarray(rows, np.int64), taken)
        return taken

    def _for_kernels(self, rows):
        return rows if self._in_place else rows.astype(self._dtype)

    def check_finite(self, start, stop):
        """Raise `InvalidInput` if the rows start to stop hold a NaN or an infinity."""
        bad = np.flatnonzero(~np.isfinite(self.block(start, stop)).all(axis=1))
        if bad.size:
            self.raise_not_finite(start + int(bad[0]))

    def raise_not_finite(self, row):
        """Raise `InvalidInput` for the NaN or infinity that a kernel found in a row."""
        column = int(np.flatnonzero(~np.isfinite(self.block(row, row + 1)[0]))[0])
        raise InvalidInput(
            f"X[{row}, {column}] is {self.array[row, column]}: every coordinate must be finite; "
            "remove or impute such rows"
        )

    def equal_rows(self, n_threads=1, bar=None):
        """Find all rows that are equal, as points, to an earlier row.

        Also the place where NaN and infinities are found, since it reads every row.

        Returns
        -------
        later, first : int64 arrays of equal length
            ``X[later[i]] == X[first[i]]``, ``first[i] < later[i]`` the lowest such row; empty if all rows differ.
        """
        hashes = self._hashes(n_threads, bar)
        pending = possibly_repeated(hashes)
        hashes, pending = sort_codes(hashes[pending], pending)
        same = hashes[1:] == hashes[:-1]
        in_run = np.append(False, same) | np.append(same, False)[: pending.size]
        pending, hashes = pending[in_run], hashes[in_run]
        later, first = [], []
        while pending.size:  # twice or more only after a hash collision
            starts = run_starts(hashes)
            leader = np.repeat(pending[starts], np.diff(np.append(starts, pending.size)))
            equal = self._pairs_equal(pending, leader)
            found = equal & (pending != leader)
            later.append(pending[found])
            first.append(leader[found])
            pending, hashes = pending[~equal], hashes[~equal]
        if not later:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        later, first = np.concatenate(later), np.concatenate(first)
        order = np.argsort(later)
        return later[order], first[order]

    def fit_float32(self):
        """Whether float32 holds every coordinate."""
        if self._dtype == np.float32:
            return True
        size = 2**20 // self.d + 1
        with np.errstate(over="ignore", under="ignore"):
            blocks = (self.block(start, start + size) for start in range(0, self.n, size))
            return all(np.array_equal(block, block.astype(np.float32)) for block in blocks)

    def largest_norm(self, n_threads=1):
        """Largest Euclidean norm of a point, the same on every machine; infinite if its square overflows in float64."""
        if self._largest_square is None:
            self._hashes(n_threads)
        largest = math.sqrt(self._largest_square)
        if largest >= _SMALL:
            return largest
        size = 2**20 // self.d + 1
        return max(float(norms_of(self.block(start, start + size)).max()) for start in range(0, self.n, size))

    def _hashes(self, n_threads, bar=None):
        """A hash of each row: uint64 array of shape (n,). The largest norm is found on the way."""
        hashes, squares = np.empty(self.n, np.uint64), []
        keys = self._hash_keys()

        def work(start, stop):
            bad, largest = kernels.hash_rows(self.block(start, stop), keys, hashes[start:stop])
            if bad >= 0:
                self.raise_not_finite(start + bad)
            squares.append(largest)

        over_row_blocks(work, self.n, self.d, n_threads, bar)
        self._largest_square = max(squares)
        return hashes

    def _hash_keys(self):
        words = self.d * self._dtype.itemsize // 4
        return np.random.PCG64(_HASH_SEED).random_raw(2 * words).astype(np.uint32).reshape(2, words)

    def _pairs_equal(self, a, b):
        equal = np.empty(a.size, np.uint8)

        def compare(start, stop):
            kernels.equal_rows(self.take(a[start:stop]), self.take(b[start:stop]), equal[start:stop])

        over_row_blocks(compare, a.size, self.d, 1)
        return equal.astype(bool)


def norms_of(rows):
    """Euclidean norms of rows in float64: infinite where squares overflow, and right where they underflow."""
    rows = rows.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.linalg.norm(rows, axis=1)
        small = norms < _SMALL
        norms[small] = np.ldexp(np.linalg.norm(np.ldexp(rows[small], _ENLARGED), axis=1), -_ENLARGED)
    return norms
