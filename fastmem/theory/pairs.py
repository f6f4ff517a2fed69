"""The closest of all pairs of rows: matrix products exclude nearly all, the rest are compared coordinate by coordinate.

Rows are centred, which changes no distance. Then ``|a - b|^2 = |a|^2 + |b|^2 - 2 a.b`` is the inner product of
``(-2a, |a|^2, 1)`` and ``(b, 1, |b|^2)``, and a tile of pairs is one matrix product. A pair is excluded if its
product exceeds the smallest square found so far by more than the product's error.

Error. Let u be 2^-24 in float32, 2^-53 in float64, and M the largest squared norm in the tile. In any order of
summation, fused or not, an inner product of d + 2 terms errs by at most (d + 2) u / (1 - (d + 2) u) times the sum
of the terms' absolute values (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1), which
is at most 2 (|a|^2 + |b|^2) <= 4 M. Rounding the factors changes the terms by at most 3 u (|a|^2 + |b|^2) <= 6 u M
in all. For d <= 10^5 and u = 2^-24 the two make less than (4.1 d + 15) u M, and what is computed in float64 (the
centred rows, their norms, the squares compared with) errs by less than 32 (d + 8) 2^-53 M, which is below u M.
`_Filter` adds up to more.

Rows are sorted by norm: those far out share tiles, and spoil the bound of no other tile.
"""

import math
import threading

import numpy as np

from fastmem.machine.blas import single_threaded_blas
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_blocks

__all__ = ["closest_pair", "squared_distances"]

_TILE = 512, 1024
_RUN = 32  # tiles that a thread takes together, and Ctrl-C waits for
_MOST_COORDINATES = 10**5  # for which the bound of float32 is proved
_LARGEST_SQUARE = 2.0**120  # of a norm in float32, beside a median of about 1: the sum of four is finite
_LEAST_SQUARE = 2.0**-900  # of the median norm: smaller ones underflow in float64 too
_MANY = 1 / 64  # share of a tile's pairs that takes longer to compare than another product in float64


def closest_pair(rows, n_threads, progress, classes=None):
    """Smallest squared distance of two rows, and the first pair (i, j), i < j, in lexicographic order that has it.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
        All different; coordinates of absolute value at most 2^500, so that no square overflows.
    n_threads : int
        The result does not depend on it.
    progress : bool or tqdm class
    classes : int array of shape (n,), optional
        Only rows of different classes are a pair; there are two of them.

    Returns
    -------
    square : float
        As `squared_distances` computes it.
    pair : tuple of (int, int)
    """
    n = len(rows)
    pairs = _Filter(rows, classes)
    best = _Best()
    runs = [(start, other) for start in range(0, n, _TILE[0]) for other in range(start, n, _RUN * _TILE[1])]

    def compare(run, _):
        memory = np.empty(_TILE[0] * _TILE[1], np.float32)
        start, first = runs[run]
        for other in range(first, min(first + _RUN * _TILE[1], n), _TILE[1]):
            pairs.compare_tile(start, other, best, memory)

    with single_threaded_blas(), progress_bar(progress, len(runs), "comparing pairs", "runs") as bar:
        over_blocks(compare, len(runs), 1, n_threads, bar)
    return best.square, best.pair


class _Best:
    """Closest pair so far. The least of all (square, pair) offered, whatever the order of the threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.square, self.pair = math.inf, (0, 1)

    def offer(self, square, pair):
        """Keep the pair if it is closer, or as close and first in order."""
        with self.lock:
            if (square, pair) < (self.square, self.pair):
                self.square, self.pair = square, pair


class _Filter:
    """Tiles of pairs, each compared as far as the best pair so far leaves open."""

    def __init__(self, rows, classes):
        self.n, self.d = rows.shape
        centre = np.array([np.median(column) for column in rows.T])  # one by one: a call holds Ctrl-C off
        centred = rows - centre
        norms = (centred**2).sum(axis=1)
        self.order = np.argsort(norms, kind="stable")
        self.rows, self.centred, self.norms = rows[self.order], centred[self.order], norms[self.order]
        self.classes = None if classes is None else classes[self.order]
        # At most one row is the centre itself, so half of the norms are positive, unless they underflow.
        middle = float(self.norms[self.n // 2])
        power = math.frexp(middle)[1] // 2
        self.scale = 2.0 ** (2 * power)
        self.n_float32 = 0
        if self.d <= _MOST_COORDINATES and middle > _LEAST_SQUARE:
            most = math.ldexp(_LARGEST_SQUARE, 2 * power) if 2 * power < 900 else math.inf
            self.n_float32 = int(np.searchsorted(self.norms, most))
        scaled = np.ldexp(self.centred[: self.n_float32], -power)
        squares = np.ldexp(self.norms[: self.n_float32], -2 * power)
        self.left, self.right = (factor.astype(np.float32) for factor in _factors(scaled, squares, scaled, squares))
        unit = _unit_of_exact_sums(float(self.norms[self.n_float32 - 1])) if self.n_float32 else 0.0
        self.is_exact = bool(unit) and all(
            _are_multiples(part, unit) for part in (self.rows[:16], centre, self.rows[: self.n_float32])
        )

    def compare_tile(self, start, other, best, memory):
        """Offer the closest pair of rows start, ... and other, ... if it may be as close as the best.

        `memory` takes the float32 squares: as much as a tile has pairs.
        """
        stop, end = min(start + _TILE[0], self.n), min(other + _TILE[1], self.n)
        excluded = self._excluded(start, stop, other, end)
        candidates = None
        if end <= self.n_float32:
            squares = memory[: (stop - start) * (end - other)].reshape(stop - start, -1)
            np.matmul(self.left[start:stop], self.right[other:end].T, out=squares)
            candidates = self._candidates_by_float32(squares, excluded, float(self.norms[end - 1]), best.square)
        if candidates is None:
            tile = slice(start, stop), slice(other, end)
            left, right = _factors(*(part for rows in tile for part in (self.centred[rows], self.norms[rows])))
            error = 32 * (self.d + 8) * 2.0**-53 * float(self.norms[end - 1])
            candidates = _places(_near(left @ right.T, excluded, error, best.square))
        if len(candidates[0]):
            best.offer(*self._closest(candidates[0] + start, candidates[1] + other))

    def _excluded(self, start, stop, other, end):
        """Which of a tile's pairs are none: bool array, or None if all are pairs."""
        above = np.tri(stop - start, end - other, dtype=bool) if start == other else None
        if self.classes is None:
            return above
        same = self.classes[start:stop, None] == self.classes[other:end]
        return same if above is None else above | same

    def _candidates_by_float32(self, squares, excluded, largest, best):
        """Pairs of a tile that may be as close as the best and as any pair of the tile; None if they are not few."""
        if self.is_exact:
            a, b = _places(_near(squares, excluded, 0.0, best / self.scale))
            first = np.lexsort(self._pairs(a, b))[:1]
            return a[first], b[first]
        # The second term is for what is subnormal in float32.
        error = 5 * (self.d + 8) * (2.0**-24 * largest / self.scale + 2.0**-120)
        near = _near(squares, excluded, error, best / self.scale)
        return _places(near) if np.count_nonzero(near) <= max(_MANY * near.size, 64) else None

    def _closest(self, a, b):
        """Square and numbers of the closest of the pairs a[k], b[k] of sorted rows, the first one of equals."""
        squares = squared_distances(self.rows, a, b)
        closest = squares == squares.min()
        second, first = self._pairs(a[closest], b[closest])
        k = np.lexsort((second, first))[0]
        return float(squares.min()), (int(first[k]), int(second[k]))

    def _pairs(self, a, b):
        """Larger and smaller original numbers of sorted rows."""
        a, b = self.order[a], self.order[b]
        return np.maximum(a, b), np.minimum(a, b)


def _near(squares, excluded, error, best):
    """Which squares, each known up to `error`, may be as small as the best and as the least of them."""
    if excluded is not None:
        squares[excluded] = math.inf
    least = float(squares.min())
    if least == math.inf or least > best + error:
        return np.zeros((0, 1), bool)
    # Rounding the limit to float32 moves it by less than 8 u M: there is room for it in the bounds.
    return squares <= min(best, least + error) + error if error else squares == least


def _places(mask):
    """Rows and columns of what is true; `np.nonzero` takes longer than the product."""
    return np.divmod(np.flatnonzero(mask), mask.shape[1])


def _factors(a, a_norms, b, b_norms):
    """Matrices whose rows have the squared distances as inner products."""
    return (
        np.column_stack([-2 * a, a_norms, np.ones(len(a))]),
        np.column_stack([b, np.ones(len(b)), b_norms]),
    )


def _unit_of_exact_sums(largest):
    """Power of two: products of vectors with coordinates in multiples of it are summed by float32 without rounding.

    The terms' absolute values sum to at most 4 times the largest squared norm, which is at most 2^24 units^2. So
    for digits, one-hot rows and other small integers the filter's error is 0, however many pairs are equally close.
    """
    return 2.0 ** (-(-math.frexp(4 * largest)[1] // 2) - 12)


def _are_multiples(array, unit):
    """Whether all are whole multiples of unit, small enough for their differences to be exact."""
    multiples = array / unit
    return bool((multiples == np.rint(multiples)).all() and np.abs(multiples).max() <= 2.0**52)


def squared_distances(rows, a, b):
    """Squared distances of the rows a[k] and b[k], each summed from its coordinates' differences."""
    squares = np.empty(len(a))
    for start in range(0, len(a), 2**14):
        part = slice(start, start + 2**14)
        squares[part] = ((rows[a[part]] - rows[b[part]]) ** 2).sum(axis=1)
    return squares
