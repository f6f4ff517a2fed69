"""The signs of m hyperplanes, decided exactly, and their distances from points.

A hyperplane (w, t) gives a point x the bit ``[w.x >= t]``, evaluated over the real numbers: see the essay in
``src_cython/fastmem/_kernels/signs.pyx`` for how a rounded sum decides an exact sign.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastmem._kernels import ISA
from fastmem._kernels import distances as distance_kernels
from fastmem._kernels import signs as kernels
from fastmem.data.points import refuse_row
from fastmem.errors import InvalidInput
from fastmem.hyperplanes.frame import MAX_EXPONENT
from fastmem.hyperplanes.margins import Margins
from fastmem.hyperplanes.tables import sign_steps
from fastmem.machine.floats import default_environment
from fastmem.machine.once import cached_property

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MAX_COLUMNS", "Hyperplanes", "is_dense_enough"]


MAX_COLUMNS = 2**28  # as far as the bounds of rounding and the digits of exact sums in signs.pyx hold
_WORD = 64
_LARGEST = np.finfo(np.float64).max
_NORMAL32 = np.finfo(np.float32).smallest_normal
_CACHE = 2**19  # bytes
_FEW_ROWS, _FEW_COLUMNS = 128, 16
_SPARSE = 2  # bytes of a weight with the place of its column, in bytes of a weight
_SAVING = 0.75
_MOST_TIMES, _MANY_WEIGHTS = 64, 2**20


class Hyperplanes:
    """m hyperplanes in R^d whose signs are exact.

    Parameters
    ----------
    weights : float32 array of shape (m, d)
    thresholds : float64 array of shape (m,)
    centre : float64 array of shape (d,)
    exponents : int16 array of shape (d,)
        Where the points lie and how widely each column spreads (`column_frame`). They make the float32 step
        decide more signs and change none; exponents beyond ±900 are taken as ±900, which its proof needs.

    Attributes
    ----------
    only_column : int or None
        The column c, if all of them are x_c = t for ascending t: then the sign of one is that of all before it too.
    """

    weights: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    centre: NDArray[np.float64]
    exponents: NDArray[np.int16]
    m: int
    d: int
    only_column: int | None
    isa: int = ISA  # tests set others

    def __init__(self, weights: ArrayLike, thresholds: ArrayLike, centre: ArrayLike, exponents: ArrayLike) -> None:
        if np.shape(weights)[1] > MAX_COLUMNS:
            raise InvalidInput(f"points have {np.shape(weights)[1]} columns: {MAX_COLUMNS} are the most")
        self.weights = np.ascontiguousarray(weights, np.float32)
        self.thresholds = np.ascontiguousarray(thresholds, np.float64)
        self.centre = np.ascontiguousarray(centre, np.float64)
        self.exponents = np.ascontiguousarray(exponents, np.int16).clip(-MAX_EXPONENT, MAX_EXPONENT)
        self.m, self.d = self.weights.shape
        self._prepare()

    @default_environment()
    def _prepare(self):
        self.only_column = self._find_only_column()
        # Rounded up: squares of float32 numbers are exact in float64, their sum errs by d 2^-53.
        above = 1 + (self.d + 4) * 2.0**-52
        if self.only_column is not None:  # and no tables, which would take many times the bytes of the weights
            self._norms = np.full(self.m, above)
            return
        weights = self.weights.astype(np.float64)
        self._steps = sign_steps(self.weights, self.thresholds, self.centre, self.exponents)
        self._constant = ~weights.any(axis=1)
        self._norms = np.sqrt((weights**2).sum(axis=1)) * above

    def _find_only_column(self):
        """Where all read one column a sign is a comparison of two float64 numbers."""
        column = int(self.weights[0].argmax()) if self.m else 0
        if self.d > 1 and (self.m < 2 or np.count_nonzero(self.weights) > self.m):
            return None
        is_ascending = (self.weights[:, column] == 1).all() and np.all(self.thresholds[1:] >= self.thresholds[:-1])
        return column if is_ascending else None

    def __reduce__(self):
        return Hyperplanes, (self.weights, self.thresholds, self.centre, self.exponents)

    def on_all(self, reading, exponent=0):
        """The same hyperplanes for points of which they read some columns, a `Reading`; its exponent for the others."""
        weights, centre = reading.of_all(self.weights), reading.of_all(self.centre)
        return Hyperplanes(weights, self.thresholds, centre, reading.of_all(self.exponents, exponent))

    def xor_codes(self, block, columns, counts=None, codes=None, margins=None):
        """XOR of ``columns[j]`` over the hyperplanes j with sign 1, for each row.

        Parameters
        ----------
        block : float32 or float64 array of shape (n, d), any strides
        columns : uint64 array of shape (m,)
        counts : int64 array of shape (2,), optional
            Grows by the number of signs that float32 and then float64 left undecided.
        codes : uint64 array of shape (n,), optional
            Where to put the result.
        margins : float64 array of shape (m,), optional
            Lowered to a bound of ``|w_j.x - t_j|`` over the rows: never above the least of them, and above half of it
            but for distances that float64 hardly tells from 0. Unlike codes, it may differ between processors.

        Returns
        -------
        codes : uint64 array of shape (n,)
        bad : int
            First row with a NaN or an infinity, or -1.
        """
        if len(block) > _FEW_ROWS and self._pieces:
            return self._xor_pieces(block, columns, counts, codes, margins)
        return self._xor_codes(block, None, columns, counts, codes, margins)

    @cached_property
    def apart(self):
        """How many of the first hyperplanes read only the first columns, and how many these, while others read none.

        Returns
        -------
        m, d : int
            Such that the weights of the first hyperplanes and those of the others that are not 0 take the fewest bytes;
            m and d of all unless that saves a quarter.
        """
        read = self.weights != 0
        if not self.m:
            return self.m, self.d
        first = np.where(read.any(axis=1), read.argmax(axis=1), self.d)
        last = np.where(read.any(axis=1), self.d - read[:, ::-1].argmax(axis=1), 0)
        ends, begins = np.maximum.accumulate(last), np.append(np.minimum.accumulate(first[::-1])[-2::-1], self.d)
        others = np.count_nonzero(read) - np.cumsum(np.count_nonzero(read, axis=1))
        sizes = np.arange(1, self.m + 1) * ends + _SPARSE * others
        sizes[(ends > begins) | (ends == 0)] = self.m * self.d
        best = int(sizes.argmin())
        saves = sizes[best] <= _SAVING * self.m * self.d and best + 1 < self.m
        saves = saves and is_dense_enough(self.m * self.d, int((best + 1) * ends[best] + others[best]))
        return (best + 1, int(ends[best])) if saves else (self.m, self.d)

    @cached_property
    def _pieces(self):
        """The same hyperplanes in slices, with the columns they read, none if one suffices.

        Of hyperplanes so many that they stay in the cache while a block of rows passes, or those that read the first
        columns apart from those that read the others.
        """
        m, d = self.apart if self.d > _FEW_COLUMNS else (self.m, self.d)
        if m < self.m:
            parts = (slice(0, m), slice(0, d)), (slice(m, self.m), slice(d, self.d))
            return tuple((part, columns, self.some(part, columns)) for part, columns in parts)
        # Of each hyperplane: weights, a distance for every row of a block, thresholds, bounds and a column.
        size = _CACHE // (4 * self.d + 4 * kernels.BLOCK_ROWS + 32) // _WORD * _WORD or _WORD
        if self.only_column is not None or self.m <= 2 * size:
            return ()
        parts = [slice(start, start + size) for start in range(0, self.m, size)]
        return tuple((part, slice(None), self.some(part)) for part in parts)

    def _xor_pieces(self, block, columns, counts, codes, margins):
        codes = np.empty(len(block), np.uint64) if codes is None else codes
        codes[:], of_piece, found = 0, np.empty(len(block), np.uint64), []
        for part, read, hyperplanes in self._pieces:
            lowered = None if margins is None else margins[part]
            _, bad = hyperplanes.xor_codes(block[:, read], columns[part], counts, of_piece, lowered)
            if bad >= 0:
                found.append(bad)
            else:
                codes ^= of_piece
        return codes, min(found, default=-1)

    def _xor_codes(self, block, part, columns, counts, codes, margins=None):
        """The same for some hyperplanes, a slice that begins at a multiple of 64, or for all if it is None."""
        if codes is None:
            codes = np.empty(len(block), np.uint64)
        if self.only_column is not None:
            return codes, self._xor_codes_in_a_column(block, part, columns, codes, margins)
        first, last = (
            (0, len(self._steps.firsts) - 1)
            if part is None
            else self._steps.firsts.searchsorted((part.start, part.stop))
        )
        scratch = np.empty(len(columns) * kernels.BLOCK_ROWS, np.float32)
        gathered = None
        if block.strides[1] != block.itemsize and self.d > 1:
            gathered = np.empty((kernels.BLOCK_ROWS, self.d), block.dtype)
        arguments = self.isa, block, first, last, columns, codes, scratch, gathered, counts
        if margins is None:
            return codes, self._xor(block.dtype)(*arguments)
        with default_environment():
            return codes, self._lower_margins(arguments, margins)

    def _xor(self, dtype):
        return self._steps.tables.xor_float if dtype == np.float32 else self._steps.tables.xor_double

    def _lower_margins(self, arguments, margins):
        """The call of the kernel for all hyperplanes with margins: see "Margins" in signs.pyx."""
        before, block = margins.copy(), arguments[1]
        with np.errstate(over="ignore", under="ignore"):
            nearest = (np.ldexp(margins, self._steps.powers) * (1 + 2.0**-21)).astype(np.float32)
            nearest[(margins > 0) & (nearest < _NORMAL32)] = _NORMAL32
            first = nearest.copy()
            bad = self._xor(block.dtype)(*arguments, self._steps.slack + nearest, nearest, margins)
            lower = np.ldexp(nearest.astype(np.float64) * (1 - 2.0**-22), -self._steps.powers)
        lower = np.where(lower < 2.0**-1000, np.nextafter(lower, 0), lower.clip(max=_LARGEST))
        np.minimum(margins, lower, out=margins, where=nearest < first)
        if len(block):
            margins[self._constant] = np.minimum(before, np.abs(self.thresholds))[self._constant]
        return bad

    @default_environment()
    def _xor_codes_in_a_column(self, block, part, columns, codes, margins):
        """The same where only one column is read, in m log m + n log m steps instead of n m."""
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if bad.size:
            return int(bad[0])
        x, thresholds = block[:, self.only_column].astype(np.float64), self.thresholds[part or slice(None)]
        prefixes = np.append(np.uint64(0), np.bitwise_xor.accumulate(columns))
        codes[:] = prefixes[np.searchsorted(thresholds, x, side="right")]
        if margins is not None and x.size:
            x = np.concatenate([[-np.inf], np.sort(x), [np.inf]])
            above = np.searchsorted(x, thresholds)
            with np.errstate(over="ignore"):
                distances = np.minimum(x[above] - thresholds, thresholds - x[above - 1])
            # Below the normal numbers, and a little above, differences are exact.
            np.minimum(margins, np.where(distances < 2.0**-1021, distances, np.nextafter(distances, 0)), out=margins)
        return -1

    def signs_of_block(self, block):
        """Signs of the rows of a block, packed: uint64 array of shape (n, ceil(m / 64)).

        Bit j % 64 of word j // 64 is hyperplane j. In the work of `Points.over_rows`.
        """
        words = np.empty((len(block), -(-self.m // _WORD)), np.uint64)
        if self.m == 0:
            refuse_row(self.xor_codes(block, np.empty(0, np.uint64))[1])
        for word in range(words.shape[1]):
            part = slice(word * _WORD, min((word + 1) * _WORD, self.m))
            columns = np.uint64(1) << np.arange(part.stop - part.start, dtype=np.uint64)
            words[:, word], bad = self._xor_codes(block, part, columns, None, None)
            refuse_row(bad)
        return words

    def signs(self, points, n_threads=1):
        """Signs of all points, packed as those of `signs_of_block`."""
        words = np.empty((points.n, -(-self.m // _WORD)), np.uint64)

        def work(start, stop, block):
            words[start:stop] = self.signs_of_block(block)

        points.over_rows(work, n_threads)
        return words

    def sign_steps(self, points):
        """How many signs each step of the exact predicate decided: dict with float32, float64 and exact.

        On the line, where a sign is one comparison, all count as float32.
        """
        counts = np.zeros(2, np.int64)
        columns = np.zeros(self.m, np.uint64)

        def work(start, stop, block):
            refuse_row(self.xor_codes(block, columns, counts)[1])

        points.over_rows(work)
        undecided, exact = map(int, counts)
        return {"float32": points.n * self.m - undecided, "float64": undecided - exact, "exact": exact}

    @cached_property
    @default_environment()
    def _lengths(self):
        """||w_j||, correctly rounded but for the square root, so that it is the same on every machine."""
        squares = self.weights.astype(np.float64) ** 2
        return np.array([math.sqrt(math.fsum(row)) for row in squares.tolist()], np.float64)

    def distances(self, block):
        """Euclidean distance of each row from each hyperplane, rounded alike everywhere: float64 array (n, m).

        Infinite for a hyperplane without weights.
        """
        distances = np.empty((len(block), self.m))
        distance_kernels.distances(block, self._transposed, self.thresholds, self._lengths, distances)
        return distances

    @cached_property
    @default_environment()
    def _transposed(self):
        return np.ascontiguousarray(self.weights.T, np.float64)

    def certified_radius(self, points, n_threads=1, norm="euclidean"):
        """Distance of each point from its nearest hyperplane, rounded down: float64 array of shape (n,).

        With norm="maximum" the distance is the largest difference of a coordinate: |w.x - t| over the sum of the |w|.
        """
        radii = np.full(points.n, np.inf)
        norms = self._norms if norm == "euclidean" else self._sums  # no smaller: bounds of roundings hold
        column = self.only_column if self.m else None

        def work(start, stop, block):
            if column is None:
                bad = distance_kernels.certified_radii(
                    block, self._transposed, self.thresholds, norms, np.empty(self.m), radii[start:stop]
                )
            else:
                bad = distance_kernels.certified_radii_in_a_column(
                    block, column, self._weights_of_one, self.thresholds, norms[0], radii[start:stop]
                )
            refuse_row(bad)

        points.over_rows(work, n_threads, width=self.d + (self.m if column is None else 0))
        return radii

    @cached_property
    @default_environment()
    def _sums(self):
        """Sums of the absolute weights, rounded up: float64 array of shape (m,)."""
        return np.abs(self.weights.astype(np.float64)).sum(axis=1) * (1 + (self.d + 4) * 2.0**-52)

    @cached_property
    def _weights_of_one(self):
        """Of the first hyperplane, which all others share where there is only one column: float64 array (d, 1)."""
        return self.weights[:1].T.astype(np.float64)

    def smallest_distance(self, points, n_threads=1, margins=None):
        """Smallest `certified_radius` of the points, in less time.

        Parameters
        ----------
        points : Points
        n_threads : int
        margins : float64 array of shape (m,), optional
            Lower bounds of ``|w_j.x - t_j|`` over the points, from `xor_codes`, where they are known.
        """
        if not self.m:
            return math.inf
        if margins is None:
            margins = self._margins(points, n_threads)
        lower = self._lower_distances(margins)
        upper = self.some([lower.argmin()]).certified_radius(points, n_threads).min()
        with np.errstate(over="ignore"):
            near = np.flatnonzero(lower <= upper * (1 + 2.0**-20))  # radii are rounded down
        return float(self.some(near).certified_radius(points, n_threads).min()) if len(near) else float(upper)

    def lowest_distances(self, margins):
        """For each of some blocks of points a bound that no point of it is nearer to a hyperplane: array of shape (b,).

        Parameters
        ----------
        margins : float64 array of shape (b, m)
            Of each block lower bounds of ``|w_j.x - t_j|``.
        """
        return self._lower_distances(margins).min(axis=1) * (1 - 2.0**-20)  # radii are rounded down

    def _lower_distances(self, margins):
        with np.errstate(divide="ignore", over="ignore"):
            return np.divide(margins, self._norms, out=np.full(margins.shape, np.inf), where=self._norms > 0)

    def _margins(self, points, n_threads):
        margins, columns = Margins(self.m), np.zeros(self.m, np.uint64)

        def work(start, stop, block):
            self.xor_codes(block, columns, margins=margins.of_this_thread())

        points.over_rows(work, n_threads)
        return margins.lowest()

    def some(self, chosen, columns=slice(None)):
        """Those chosen, by a slice, a mask or their numbers, in the space of some columns."""
        weights = self.weights[chosen][:, columns]
        return Hyperplanes(weights, self.thresholds[chosen], self.centre[columns], self.exponents[columns])


def is_dense_enough(n_weights, n_stored):
    """Whether so many weights, most of them 0, may stand for those stored: no small file is read as a large matrix."""
    return n_weights <= _MOST_TIMES * n_stored + _MANY_WEIGHTS
