"""Fewer hyperplanes: leave one out and turn the others until they separate all points without it.

Hyperplanes chosen one after the other are each the best at their time, not together. Here one is dropped, which
leaves some pairs of points with the same signs; then, again and again, a random hyperplane is taken out and aimed
anew (``src_cython/fastmem/_kernels/trim.pyx``) at the pairs that the others leave together, until none is. Pairs that
stay open gain weight, so that the search leaves local optima (breakout; Morris 1993, "The breakout method for escaping
from local minima"). A step climbs a little from where the hyperplane is: many such steps find more than few that climb
far, or from several starts. Few points take many steps in one call of a kernel, with signs that may round. Signs are
taken exactly after each step, or call: what this returns separates, or what it was given is returned.
"""

import numpy as np

from fastmem._kernels import search
from fastmem._kernels import trim as kernels
from fastmem.data.sorting import distinct, run_starts, sort_codes
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import signs_and_margins
from fastmem.separate.frame import Frame, threshold_between
from fastmem.separate.moves import whitened_basis
from fastmem.separate.sample import Sample

__all__ = ["spare", "trim"]

_MOST_CODES = 1024
_OVERVIEW_OF_CODES = 4096
_POINTS_A_CODE = 4
_MOST_NUMBERS = 2**22  # coordinates of pairs
_MOST_PAIRS = 4096
_SOME_PAIRS = 1024  # drawn where there are more, beside those that have stayed open before
_OVERVIEW = 8192
_NOISE = 0.4
_ITERATIONS = 12
_STEP = 0.2
_GAIN = 0.05  # of the weight of a pair that stays open
_GAINS = 2**16
_FEW_NUMBERS = 2**21  # coordinates of points that are copied
_STEPS_TOGETHER = 64
_OF_PAIR = 50.0


def spare(hyperplanes, codes, margins, classes):
    """Hyperplanes without some that the others do not need, if many points share few codes.

    That is where labels are simple; it takes a sort of the codes. Those chosen first are tried first: later ones were
    chosen for what these had left.

    Parameters
    ----------
    hyperplanes, codes, margins, classes
        As for `trim`.

    Returns
    -------
    hyperplanes : Hyperplanes
    codes : uint64 array of shape (n,)
    margins : float64 array of shape (b, m)
    """
    some = codes[:: -(-len(codes) // _OVERVIEW_OF_CODES)]
    most = min(_MOST_CODES, len(some) // _POINTS_A_CODE)
    if len(distinct(some)) > most:
        return hyperplanes, codes, margins
    ascending, rows = sort_codes(codes.copy())
    firsts = run_starts(ascending)
    if len(firsts) > 2 * most:
        return hyperplanes, codes, margins
    kept = _needed(ascending[firsts], classes[rows[firsts]], hyperplanes.m)
    shorter = np.zeros_like(codes)
    for i, j in enumerate(kept):
        shorter |= ((codes >> np.uint64(j)) & np.uint64(1)) << np.uint64(i)
    return hyperplanes.some(kept), shorter, margins[:, kept]


def _needed(codes, classes, m):
    """Bits without which different codes of different classes are equal."""
    kept, mask = [], (1 << m) - 1
    for j in range(m):
        ascending, of_code = sort_codes(codes & np.uint64(mask ^ (1 << j)), classes.copy())
        if np.any((ascending[1:] == ascending[:-1]) & (of_code[1:] != of_code[:-1])):
            kept.append(j)
        else:
            mask ^= 1 << j
    return kept


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
    trimming = _Search(hyperplanes, codes, margins, points, classes, margin_kept, random_state, n_threads)
    while trimming.m > 1 and work > trimming.cost_of_drop:
        work -= trimming.cost_of_drop
        trimming.drop()
        while trimming.is_open and work > 0:
            work -= trimming.turn(work)
        if not trimming.is_open:
            hyperplanes, codes, margins = trimming.hyperplanes(), trimming.codes.copy(), trimming.margins.copy()
            bar.update(1)
    return hyperplanes, codes, margins


class _Search:
    """The hyperplanes left, and the exact signs of all points."""

    def __init__(self, hyperplanes, codes, margins, points, classes, margin_kept, random_state, n_threads):
        self.points, self.classes, self.margin_kept, self.n_threads = points, classes, margin_kept, n_threads
        self.random_state = random_state
        self.weights, self.thresholds = hyperplanes.weights.copy(), hyperplanes.thresholds.copy()
        self._frame_of_signs = hyperplanes.centre, hyperplanes.exponents
        self.codes, self.margins = codes.copy(), margins.copy()
        self._counters = np.empty(1 << max(points.n, 64).bit_length(), np.uint8)
        self._positions = np.empty(points.n, np.int64)
        # What pairs that stayed open gained, at hashes of them, and the last such pairs.
        self.gains = np.zeros(_GAINS)
        self.recent, self.n_recent = np.zeros((2, _MOST_PAIRS), np.int64), np.zeros(1, np.int64)
        self._set_basis()
        few = points.n * points.d <= _FEW_NUMBERS and not margin_kept
        self._turning = _Turning(self) if few else None

    def _set_basis(self):
        """Whitened coordinates of the points, as seen on some of them."""
        rows = distinct(self.random_state.integers(0, self.points.n, min(self.points.n, _OVERVIEW)))
        rows = rows[np.argsort(self.classes[rows], kind="stable")]
        X = self.points.take(rows)
        self.frame = Frame(X)
        overview = Sample(X, self.classes[rows], np.array([0, len(rows)]), np.array([1.0]), self.frame)
        self.basis = np.ascontiguousarray(whitened_basis(overview, self.random_state)[0])
        self.middle = overview.coordinates.mean(axis=0)

    @property
    def m(self):
        return len(self.weights)

    def hyperplanes(self, weights=None, thresholds=None):
        """Those left, or some with other weights and thresholds."""
        weights, thresholds = (self.weights, self.thresholds) if weights is None else (weights, thresholds)
        return Hyperplanes(weights, thresholds, *self._frame_of_signs)

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
        self.gains[:], self.n_recent[:] = 0, 0
        if self._turning:
            self._turning.leave_out(self, j)

    def turn(self, work):
        """Aim random hyperplanes at the pairs that the others leave together, many where that is quick.

        Returns the work done.
        """
        done = self._turning.turn(self, work) if self._turning else 0.0
        return done or self._aim_one()

    def _aim_one(self):
        j = int(self.random_state.integers(self.m))
        a, b, n_open = self._pairs(self._without(j))
        slots = self._slots(a, b)
        weights = 1.0 + self.gains[slots]
        split = ((self.codes[a] ^ self.codes[b]) >> np.uint64(j)) & np.uint64(1) != 0
        turned = self._aimed(j, a, b, weights)
        if turned is not None:
            signs, margins = signs_and_margins(turned, self.points, self.n_threads)
            newly = signs[a] != signs[b]
            if weights[newly].sum() >= weights[split].sum():
                self.replace(np.array([j]), turned, signs, margins)
                split = newly
                if self._turning:
                    self._turning.place(self, [j])
        self.gains[slots[~split]] += _GAIN
        self._remember(a[~split], b[~split])
        self.is_open = not split.all() or (n_open > len(a) and self.is_any_open())
        passes = 16.0 if self.margin_kept else 1.0
        of_pair = _OF_PAIR + 3.0 * _ITERATIONS * (len(self.basis) + 8)
        in_passes = passes * (16.0 + 0.5 * self.points.d) * self.points.n
        return 4e5 + in_passes + 50.0 * self._repeated + len(a) * of_pair

    def replace(self, which, hyperplanes, signs, margins):
        """Replace some hyperplanes by as many whose signs and margins are known."""
        self.weights[which], self.thresholds[which] = hyperplanes.weights, hyperplanes.thresholds
        self.margins[:, which] = margins
        for i, j in enumerate(which.tolist()):
            bits = ((signs >> np.uint64(i)) & np.uint64(1)) << np.uint64(j)
            np.bitwise_or(self.codes & self._without(j), bits, out=self.codes)

    def is_any_open(self):
        """Whether two points that must differ have the same signs."""
        return self._pairs(self._all)[2] > 0

    def _slots(self, a, b):
        """Where the gains of pairs are."""
        keys = (a * self.points.n + b).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return ((keys ^ (keys >> np.uint64(32))) & np.uint64(_GAINS - 1)).astype(np.int64)

    def _remember(self, a, b):
        places = (self.n_recent[0] + np.arange(len(a))) % _MOST_PAIRS
        self.recent[0, places], self.recent[1, places] = a, b
        self.n_recent[0] += len(a)

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
        return self.hyperplanes(weights[None], [threshold])

    def _climb(self, A, B, weights):
        """Climb from hyperplane j, whose value is the last coordinate but one, disturbed a little."""
        k = A.shape[1]
        best, scores = np.empty((1, k)), np.empty(1)
        kernels.aim(
            np.ascontiguousarray((A + B).T) / 2, np.ascontiguousarray((A - B).T) / 2, weights,
            disturbed(1, k, self.random_state), _ITERATIONS, _STEP, np.empty((2, len(A))), np.empty(k), np.empty(k),
            best, scores,
        )  # fmt: skip
        return best[0]

    def _pairs(self, mask):
        """Pairs of points that must differ and have the same signs under a mask.

        Returns
        -------
        a, b : int64 arrays
            a < b. All such pairs, or if there are more than about 4096 some.
        n_open : int
            How many there are, about; exactly if no more than returned.
        """
        self._repeated = found = search.possibly_repeated(self.codes, mask, self._counters, self._positions)
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
        one, other = self.recent[:, : self.n_recent[0]]
        known = one * self.points.n + other
        together = (self.codes[one] ^ self.codes[other]) & mask == 0
        pairs = np.union1d(drawn, known[together])
        return pairs // self.points.n, pairs % self.points.n

    @property
    def _all(self):
        return np.uint64((1 << self.m) - 1)

    def _without(self, j):
        return self._all ^ np.uint64(1 << j)


class _Turning:
    """Many steps at once on few points: with signs that may round, and exact ones of what they end with."""

    def __init__(self, search):
        points = search.points
        X = points.take(np.arange(points.n))
        self.coordinates, _ = search.frame.coordinates(X)
        self.inside = np.ascontiguousarray((self.coordinates - search.middle) @ search.basis.T)
        self._k = self.inside.shape[1] + 2
        slots = 4 << points.n.bit_length()
        most, width = _MOST_PAIRS, max(self._k, points.d)
        self._space = (
            np.empty(1 << max(points.n, 64).bit_length(), np.uint8), np.empty(points.n, np.int64),
            np.empty(slots, np.int32), np.empty(slots, np.uint8), np.empty(points.n, np.int32),
            np.empty((2, most), np.int32), np.empty((self._k, most)), np.empty((self._k, most)), np.empty((2, most)),
            np.empty(most), np.empty(most, np.uint8), np.empty((2, 2 * most)), np.empty((2, 2 * most), np.int32),
            np.empty((5, width)),
        )  # fmt: skip
        self.directions, self.levels = np.empty((search.m, points.d)), np.empty(search.m)
        self.place(search, range(search.m))

    def leave_out(self, search, j):
        """Go on without hyperplane j, which the search has left out."""
        self.directions, self.levels = np.delete(self.directions, j, axis=0), np.delete(self.levels, j)
        self.changed = np.zeros(search.m, np.uint8)
        self._kernel = kernels.Turning(
            self.coordinates, self.inside, search.basis, search.classes, search.codes, self.directions, self.levels,
            search.gains, search.recent, search.n_recent, self.changed, *self._space,
        )  # fmt: skip

    def place(self, search, which):
        """Hyperplanes in the frame, by their exact signs."""
        for j in which:
            self.directions[j] = search.frame.direction(search.weights[j])
            values = self.coordinates @ self.directions[j]
            above = (search.codes >> np.uint64(j)) & np.uint64(1) != 0
            below = values[~above].max(initial=values.min() - 1)
            self.levels[j] = threshold_between(below, values[above].min(initial=values.max() + 1))

    def turn(self, search, work):
        """Turn hyperplanes until none is open, too many are, or the work is done; returns the work, 0 if none was."""
        d, n = search.points.d, search.points.n
        of_step, of_pair = 5e3 + n * (4 + 0.5 * d), _OF_PAIR + 2 * d + _ITERATIONS * (12 + 1.5 * self._k)
        most = int(min(_STEPS_TOGETHER, 1 + work // of_step))
        picks = search.random_state.integers(search.m, size=most)
        starts = disturbed(most, self._k, search.random_state)
        state, steps, n_pairs = self._kernel.turn(picks, starts, _ITERATIONS, _STEP, _GAIN)
        self._take_over(search)
        search.is_open = state != kernels.SEPARATED or search.is_any_open()
        return steps * of_step + n_pairs * of_pair

    def _take_over(self, search):
        """Give the search the hyperplanes that are other ones now, and their exact signs."""
        which = np.flatnonzero(self.changed)
        if not len(which):
            return
        self.changed[:] = 0
        weights, _, powers = search.frame.round(self.directions[which])
        levels = zip(weights, self.levels[which].tolist(), powers.tolist(), strict=True)
        thresholds = np.array([search.frame.threshold(*level) for level in levels])
        lost = ~np.isfinite(thresholds)
        weights[lost], thresholds[lost] = search.weights[which[lost]], search.thresholds[which[lost]]
        hyperplanes = search.hyperplanes(weights, thresholds)
        search.replace(which, hyperplanes, *signs_and_margins(hyperplanes, search.points, search.n_threads))
        self.place(search, which[lost].tolist())


def disturbed(n, k, random_state):
    """The vector of all zeros but one, the last but one of k, and a little noise, n times: float64 array (n, k)."""
    starts = _NOISE / np.sqrt(k) * random_state.standard_normal((n, k))
    starts[:, -2] += 1.0
    return starts / np.linalg.norm(starts, axis=1, keepdims=True)
