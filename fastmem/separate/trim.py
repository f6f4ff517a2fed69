"""Fewer hyperplanes: leave one out and turn the others until they separate all points without it.

Hyperplanes chosen one after the other are each the best at their time, not together. Here one is dropped, which
leaves some pairs of points with the same signs; then, again and again, a random hyperplane is taken out and aimed
anew (`fastmem._kernels.search.aim`) at the pairs that the others leave together, until none is. Pairs that stay
open gain weight, so that the search leaves local optima (breakout; Morris 1993, "The breakout method for escaping
from local minima"). Signs are taken exactly after every step: what this returns separates, or what it was given is
returned.
"""

import numpy as np

from fastmem._kernels import search as kernels
from fastmem.data.sorting import distinct, run_starts, sort_codes
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import signs_and_margins
from fastmem.separate.frame import Frame
from fastmem.separate.moves import whitened_basis
from fastmem.separate.sample import Sample

__all__ = ["trim"]

_MOST_NUMBERS = 2**22  # coordinates of pairs
_MOST_PAIRS = 4096
_SOME_PAIRS = 1024  # drawn where there are more, beside those that have stayed open before
_OVERVIEW = 8192
_NOISE = (0.0, 0.3, 0.9)
_ITERATIONS = 40
_STEP = 0.1
_GAIN = 0.05  # of the weight of a pair that stays open


def trim(hyperplanes, codes, margins, points, classes, work, margin_kept, random_state, n_threads, bar):
    """Hyperplanes that separate the same points, often fewer.

    Parameters
    ----------
    hyperplanes : Hyperplanes
        At most 62; they separate points of different classes.
    codes : uint64 array of shape (n,)
        Their signs.
    margins : float64 array of shape (b, m)
        How near the points come to them (`fastmem.hyperplanes.passes.signs_and_margins`).
    points : Points
    classes : int32 array of shape (n,)
    work : float
        How long to search, about in nanoseconds.
    margin_kept : Margin or None
        The margin to keep.
    random_state : numpy.random.Generator
    n_threads : int
        The result does not depend on it.
    bar : tqdm
        Advanced by every hyperplane that is left out.

    Returns
    -------
    hyperplanes : Hyperplanes
    codes : uint64 array of shape (n,)
    margins : float64 array of shape (b, m)
    """
    search = _Search(hyperplanes, codes, margins, points, classes, margin_kept, random_state, n_threads)
    while search.m > 1 and work > search.cost_of_drop:
        work -= search.cost_of_drop
        search.drop()
        while search.is_open and work > 0:
            work -= search.aim_one()
        if not search.is_open:
            hyperplanes, codes, margins = search.hyperplanes(), search.codes, search.margins.copy()
            bar.update(1)
    return hyperplanes, codes, margins


class _Search:
    def __init__(self, hyperplanes, codes, margins, points, classes, margin_kept, random_state, n_threads):
        self.points, self.classes, self.margin_kept, self.n_threads = points, classes, margin_kept, n_threads
        self.random_state = random_state
        self.weights, self.thresholds = hyperplanes.weights.copy(), hyperplanes.thresholds.copy()
        self._frame_of_signs = hyperplanes.centre, hyperplanes.exponents
        self.codes, self.margins = codes, margins.copy()
        self._counters = np.empty(1 << max(points.n, 64).bit_length(), np.uint8)
        self._positions = np.empty(points.n, np.int64)
        self.memory = {}
        self._set_basis()

    def _set_basis(self):
        """Whitened coordinates of the points, as seen on some of them."""
        rows = distinct(self.random_state.integers(0, self.points.n, min(self.points.n, _OVERVIEW)))
        rows = rows[np.argsort(self.classes[rows], kind="stable")]
        X = self.points.take(rows)
        self.frame = Frame(X)
        overview = Sample(X, self.classes[rows], np.array([0, len(rows)]), np.array([1.0]), self.frame)
        self.basis, _ = whitened_basis(overview, self.random_state)
        self.middle = overview.coordinates.mean(axis=0)

    @property
    def m(self):
        return len(self.weights)

    def hyperplanes(self):
        return Hyperplanes(self.weights, self.thresholds, *self._frame_of_signs)

    @property
    def cost_of_drop(self):
        return 16.0 * self.points.n * self.m

    def drop(self):
        """Leave out the hyperplane that the fewest pairs need."""
        needed = [self._pairs(self._without(j))[2] for j in range(self.m)]
        j = int(np.argmin(needed))
        low = np.uint64((1 << j) - 1)
        self.codes = (self.codes & low) | ((self.codes >> np.uint64(1)) & ~low)
        self.weights, self.thresholds = np.delete(self.weights, j, axis=0), np.delete(self.thresholds, j)
        self.margins = np.delete(self.margins, j, axis=1)
        self.is_open = needed[j] > 0
        self.memory = {}

    def aim_one(self):
        """Aim a random hyperplane at the pairs that the others leave together; returns the work done."""
        j = int(self.random_state.integers(self.m))
        a, b, n_open = self._pairs(self._without(j))
        keys = (a * self.points.n + b).tolist()
        weights = np.array([self.memory.get(key, 1.0) for key in keys])
        split = ((self.codes[a] ^ self.codes[b]) >> np.uint64(j)) & np.uint64(1) != 0
        turned = self._aimed(j, a, b, weights)
        if turned is not None:
            signs, margins = signs_and_margins(turned, self.points, self.n_threads)
            newly = signs[a] != signs[b]
            if weights[newly].sum() >= weights[split].sum():
                self.weights[j], self.thresholds[j] = turned.weights[0], turned.thresholds[0]
                self.margins[:, j] = margins[:, 0]
                self.codes = (self.codes & self._without(j)) | signs << np.uint64(j)
                split = newly
        for i in np.flatnonzero(~split).tolist():
            self.memory[keys[i]] = weights[i] + _GAIN
        self.is_open = not split.all() or (n_open > len(a) and self._pairs(self._all)[2] > 0)
        passes = 16.0 if self.margin_kept else 1.0
        return (
            passes * (self.points.d + 64.0) * self.points.n + 24.0 * _ITERATIONS * len(a) * (len(self.basis) + 8) + 1e6
        )

    def _aimed(self, j, a, b, weights):
        """The hyperplane that splits most of the pairs' weight among those that hyperplane j is turned to, or None."""
        most = max(_MOST_NUMBERS // (2 * self.points.d), 1)
        if len(a) > most:
            heaviest = np.sort(np.argsort(-weights, kind="stable")[:most])
            a, b, weights = a[heaviest], b[heaviest], weights[heaviest]
        rows = np.column_stack([a, b]).ravel()
        classes = np.arange(len(rows), dtype=np.int32)
        pairs = Sample(self.points.take(rows), classes, 2 * np.arange(len(a) + 1), 4.0 * weights, self.frame)
        direction = self.frame.direction(self.weights[j])
        values = pairs.coordinates @ direction
        above = (self.codes[rows] >> np.uint64(j)) & np.uint64(1) != 0
        values -= (values[~above].max(initial=values.min()) + values[above].min(initial=values.max())) / 2
        scale = np.sqrt((values**2).mean()) + 1e-300
        inside = (pairs.coordinates - self.middle) @ self.basis.T
        # Homogeneous coordinates: the whitened ones, hyperplane j's own value, 1.
        Z = np.column_stack([inside, values / scale, np.ones(len(rows))])
        turned = self._climb(Z[0::2], Z[1::2], weights)
        candidate = pairs.sweep((turned[:-2] @ self.basis + turned[-2] / scale * direction)[None])
        return None if candidate is None else self._cleared(candidate)

    def _cleared(self, candidate):
        weights, threshold = candidate.weights, candidate.threshold
        if self.margin_kept:
            weights, threshold, distance = self.margin_kept.clear(weights, threshold)
            if not self.margin_kept.keeps(distance):
                return None
        return Hyperplanes(weights[None], [threshold], *self._frame_of_signs)

    def _climb(self, A, B, weights):
        """Climb from hyperplane j, whose value is the last coordinate but one, and from disturbances of it."""
        k, n_starts = A.shape[1], len(_NOISE)
        starts = np.array(_NOISE)[:, None] * self.random_state.standard_normal((n_starts, k)) / np.sqrt(k)
        starts[:, -2] += 1.0
        starts /= np.linalg.norm(starts, axis=1, keepdims=True)
        best, scores = np.empty((n_starts, k)), np.empty(n_starts)
        kernels.aim(
            np.ascontiguousarray((A + B).T) / 2, np.ascontiguousarray((A - B).T) / 2, weights, starts, _ITERATIONS,
            _STEP, np.empty((2, len(A))), np.empty(k), np.empty(k), best, scores,
        )  # fmt: skip
        return best[n_starts - 1 - np.argmax(scores[::-1])]

    def _pairs(self, mask):
        """Pairs of points that must differ and have the same signs under a mask.

        Returns
        -------
        a, b : int64 arrays
            a < b. All such pairs, or if there are more than about 4096 some.
        n_open : int
            How many there are, about; exactly if no more than returned.
        """
        found = kernels.possibly_repeated(self.codes, mask, self._counters, self._positions)
        codes, rows = sort_codes(self.codes[self._positions[:found]] & mask, self._positions[:found].copy())
        if not found:
            return rows, rows, 0
        starts = run_starts(codes)
        sizes = np.diff(np.append(starts, found))
        classes = self.classes[rows]
        is_open = np.minimum.reduceat(classes, starts) != np.maximum.reduceat(classes, starts)
        rows, sizes = rows[np.repeat(is_open, sizes)], sizes[is_open]
        n_pairs = int((sizes * (sizes - 1) // 2).sum())
        a, b = self._all_pairs(rows, sizes) if n_pairs <= _MOST_PAIRS else self._some_pairs(rows, sizes, mask)
        return np.minimum(a, b), np.maximum(a, b), len(a) if n_pairs <= _MOST_PAIRS else n_pairs

    def _all_pairs(self, rows, sizes):
        places = np.arange(len(rows))
        ends = np.repeat(np.cumsum(sizes), sizes)
        firsts = [places[places + step < ends] for step in range(1, sizes.max(initial=0))]
        a = np.concatenate([*firsts, places[:0]])
        b = np.concatenate([*(first + step for step, first in enumerate(firsts, 1)), places[:0]])
        differ = self.classes[rows[a]] != self.classes[rows[b]]
        return rows[a[differ]], rows[b[differ]]

    def _some_pairs(self, rows, sizes, mask):
        """Pairs that stayed open before, and random points with random ones of their bucket that must differ."""
        starts = np.cumsum(sizes) - sizes
        rows = rows[np.lexsort((self.classes[rows], np.repeat(np.arange(len(sizes)), sizes)))]
        places = self.random_state.integers(0, len(rows), _SOME_PAIRS)
        bucket = np.searchsorted(starts, places, side="right") - 1
        first, size = starts[bucket], sizes[bucket]
        others = first + (self.random_state.random(_SOME_PAIRS) * size).astype(np.int64)
        classes = self.classes[rows]
        ends = np.where(classes[places] == classes[first], first + size - 1, first)
        others = np.where(classes[places] == classes[others], ends, others)
        a, b = rows[places], rows[others]
        drawn = np.minimum(a, b) * self.points.n + np.maximum(a, b)
        known = np.array(list(self.memory)[-_MOST_PAIRS:], np.int64)
        together = (self.codes[known // self.points.n] ^ self.codes[known % self.points.n]) & mask == 0
        pairs = np.union1d(drawn, known[together])
        return pairs // self.points.n, pairs % self.points.n

    @property
    def _all(self):
        return np.uint64((1 << self.m) - 1)

    def _without(self, j):
        return self._all ^ np.uint64(1 << j)
