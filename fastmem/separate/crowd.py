"""Many hyperplanes at a time, where each can split only few of the open buckets.

Points on a curve, or in few dimensions, fall into so many cells of so many hyperplanes that any hyperplane meets few of
these cells. A search for the best next one then gains next to nothing over another that splits a few pairs by its
construction. A hyperplane has as many degrees of freedom as the points have dimensions r: it passes through the
midpoints of r pairs. So pairs of neighbours that must differ are taken, many hyperplanes laid through r of them, and of
these the ones kept that split the most pairs not split yet (the greedy algorithm for set cover; Chvátal 1979), until
others would split no more than their own.

Everything here only chooses hyperplanes, as in `fastmem.separate.sample`; signs are taken exactly afterwards.
"""

import copy
import heapq

import numpy as np

from fastmem._kernels import search as kernels
from fastmem.data.sorting import distinct
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.machine.threads import over_blocks
from fastmem.separate.frame import Frame

__all__ = ["crowded_hyperplanes", "is_crowded"]

_MOST_DIMENSIONS = 16
_LOOKED_AT, _POINTS, _PAIRS = 2**12, 2**15, 2**13
_NEIGHBOURS = 32  # points of a bucket that are looked at together
_NUMBERS = 2**21
_FLOOR = 1e-6  # eigenvalues, of the largest, of directions in which points spread
_BUCKETS = 64  # open ones a dimension: of fewer, hyperplanes split a good part
_TRIED = 64
_MET = 4.5  # buckets that a hyperplane splits, a dimension
_WINDOW = 8  # tuples among which near pairs are exchanged
_TUPLES, _TUPLES_TOGETHER = 2**11, 2**8
_COPIES = 4  # how many of the hyperplanes that are tried pass through a pair
_OF_BEST = 0.75  # of the pairs that the best of them splits: the least that one which is kept splits
_ROUNDS = 200
_WHOLE = np.uint8(255)


def is_crowded(buckets, points, random_state):
    """Whether hyperplanes through neighbours that must differ split few buckets, on average of some, of many.

    Parameters
    ----------
    buckets : Buckets
    points : Points
    random_state : numpy.random.Generator
        What is drawn here is drawn from a copy: where there is no crowd, nothing is changed.
    """
    if points.d > _MOST_DIMENSIONS or buckets.n_buckets < _BUCKETS:
        return False
    random_state = copy.deepcopy(random_state)
    pairs = _Pairs(buckets, points, random_state, _LOOKED_AT)
    if pairs.rank > _MOST_DIMENSIONS or buckets.n_buckets < _BUCKETS * pairs.rank or pairs.n < pairs.rank:
        return False
    tuples, normals = pairs.tuples(np.arange(pairs.n), 1, random_state)
    return pairs.count_split_buckets(tuples[:_TRIED], normals[:_TRIED]).mean() < _MET * pairs.rank


def crowded_hyperplanes(buckets, points, centre_and_exponents, random_state, n_threads=1):
    """Hyperplanes that split pairs of neighbours that must differ: all, or nearly all, of some thousands.

    Parameters
    ----------
    buckets : Buckets
    points : Points
    centre_and_exponents : tuple
        Of the hyperplanes (`fastmem.hyperplanes.frame.column_frame`).
    random_state : numpy.random.Generator
    n_threads : int
        The result does not depend on it.

    Returns
    -------
    Hyperplanes
    """
    pairs = _Pairs(buckets, points, random_state, _POINTS)
    left, weights, thresholds = np.arange(pairs.n), [], []
    for _ in range(_ROUNDS):
        if len(left) < pairs.rank:
            break
        planes = pairs.planes_through(*pairs.tuples(left, _COPIES, random_state), left, n_threads)
        chosen, remain = _cover(planes.split, len(left), pairs.rank)
        weights.append(planes.weights[chosen])
        thresholds += [planes.threshold(place) for place in chosen]
        if not chosen:
            break
        left = left[remain]
    weights = np.concatenate([*weights, np.empty((0, points.d), np.float32)])
    thresholds = np.array(thresholds, np.float64)
    fine = np.isfinite(thresholds)
    return Hyperplanes(weights[fine], thresholds[fine], *centre_and_exponents)


def _cover(split, n, rank):
    """Places of the hyperplanes that are kept, in order, and which of the n pairs they leave together.

    Bits of split say which pairs each hyperplane splits.
    """
    open_bits = np.packbits(np.ones(n, bool), bitorder="little")
    gains = np.bitwise_count(split).sum(axis=1, dtype=np.int64)
    heap = [(-gain, place) for place, gain in enumerate(gains.tolist())]
    heapq.heapify(heap)
    chosen, least = [], max(rank, int(_OF_BEST * gains.max(initial=0)))
    while heap:
        gain, place = heap[0]
        now = int(np.bitwise_count(split[place] & open_bits).sum(dtype=np.int64))
        if now < least:  # others through pairs that are left will do better
            heapq.heappop(heap)
        elif now < -gain:
            heapq.heapreplace(heap, (-now, place))
        else:
            heapq.heappop(heap)
            chosen.append(place)
            open_bits &= split[place] ^ _WHOLE
    return chosen, np.flatnonzero(np.unpackbits(open_bits, bitorder="little"))


class _Planes:
    """Hyperplanes that are tried: float32 weights, levels in the frame, and which pairs they split, as bits."""

    def __init__(self, frame, weights, powers, levels, split):
        self._frame, self.weights, self._powers, self._levels, self.split = frame, weights, powers, levels, split

    def threshold(self, place):
        return self._frame.threshold(self.weights[place], self._levels[place], self._powers[place])


class _Pairs:
    """Pairs of neighbours in open buckets that must differ."""

    def __init__(self, buckets, points, random_state, most):
        rows, starts = _some_buckets(buckets, most, random_state)
        self._share = buckets.n_buckets / (len(starts) - 1)
        X = points.take(rows)
        self.frame = Frame(X)
        coordinates, _ = self.frame.coordinates(X)
        a, b = _neighbours(coordinates, buckets.classes[rows], starts, random_state)
        if len(a) > _PAIRS:
            some = np.sort(random_state.choice(len(a), _PAIRS, replace=False))
            a, b = a[some], b[some]
        self.n, self._a, self._b = len(a), coordinates[a], coordinates[b]
        self._between = (self._a + self._b) / 2
        self._coordinates, self._starts = coordinates, starts
        self._spread(coordinates)

    def _spread(self, coordinates):
        """Find the directions in which the points spread, scaled alike."""
        clipped = coordinates.clip(-8, 8)
        self._middle = clipped.mean(axis=0)
        inside = clipped - self._middle
        eigenvalues, vectors = np.linalg.eigh(inside.T @ inside / len(inside))
        wide = eigenvalues > _FLOOR * max(eigenvalues[-1], 1e-300)
        self.rank = max(int(wide.sum()), 1)
        self._basis = (vectors[:, wide] / np.sqrt(eigenvalues[wide])).T if wide.any() else np.eye(len(vectors))[:1]
        self._midpoints = (self._between - self._middle) @ self._basis.T
        steps = (self._a - self._b) @ self._basis.T
        self._steps = steps / (np.linalg.norm(steps, axis=1, keepdims=True) + 1e-300)

    def tuples(self, left, copies, random_state):
        """Tuples of as many pairs as there are dimensions, each pair in so many, and normals: arrays of shape (t, r).

        Every second one is of pairs near each other along a random direction, every other one of any.
        """
        tuples = np.concatenate([self._grouped(left, i % 2 == 1, random_state) for i in range(copies)])
        tuples = random_state.permutation(tuples)[: 2 * _TUPLES]
        # Between points that a hyperplane parts at a small angle it is near to both, and to others.
        normals = self._normals(tuples)
        slopes = np.abs((self._steps[tuples] * normals[:, None]).sum(axis=2)).min(axis=1)
        steepest = np.argsort(slopes, kind="stable")[::-1][: -(-len(tuples) // 2)]
        return tuples[steepest], normals[steepest]

    def _grouped(self, left, near, random_state):
        order = random_state.permutation(left)
        if near:
            along = self._midpoints[order] @ random_state.standard_normal(self.rank)
            window = np.argsort(np.argsort(along)) // (_WINDOW * self.rank)
            order = order[np.argsort(window, kind="stable")]
        return order[: len(order) // self.rank * self.rank].reshape(-1, self.rank)

    def count_split_buckets(self, tuples, normals):
        """Number of open buckets that each hyperplane splits: its own, and of all others as of those looked at."""
        _, rounded, _, levels = self._through(tuples, normals)
        above = self._coordinates @ rounded.T >= levels
        counts = np.add.reduceat(above, self._starts[:-1], axis=0, dtype=np.int64)
        split = (counts > 0) & (counts < np.diff(self._starts)[:, None])
        return self.rank + (split.sum(axis=0) - self.rank) * self._share

    def planes_through(self, tuples, normals, left, n_threads):
        """Hyperplanes through the midpoints of the pairs of each tuple, and which of the pairs left they split."""
        weights, rounded, powers, levels = self._through(tuples, normals)
        split = np.empty((len(tuples), len(left)), np.uint8)
        A, B = (np.ascontiguousarray(ends[left].T) for ends in (self._a, self._b))

        def work(start, stop):
            values = np.empty((2, kernels.PAIRS_TOGETHER))
            kernels.split_pairs(A, B, rounded[start:stop], levels[start:stop], values, split[start:stop])

        over_blocks(work, len(tuples), _TUPLES_TOGETHER, n_threads)
        split = np.packbits(split, axis=1, bitorder="little")
        return _Planes(self.frame, weights, powers, levels, split)

    def _normals(self, tuples):
        """Of hyperplanes through the midpoints, in the directions in which points spread: float64 array (t, r)."""
        midpoints = self._midpoints[tuples]
        if self.rank == 2:
            normals = (midpoints[:, 1] - midpoints[:, 0]) @ [[0.0, 1.0], [-1.0, 0.0]]
        else:
            rows = np.concatenate([midpoints, -np.ones((*tuples.shape, 1))], axis=2)
            normals = np.linalg.svd(rows)[2][:, -1, :-1]
        return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-300)

    def _through(self, tuples, normals):
        """Hyperplanes with these normals: weights, directions and powers as `Frame.round` gives them, and levels."""
        weights, rounded, powers = self.frame.round(normals @ self._basis)
        return weights, rounded, powers, np.einsum("tjd,td->tj", self._between[tuples], rounded).mean(axis=1)


def _some_buckets(buckets, most, random_state):
    """The points of some open buckets, so many at most of more than one: rows, and where each bucket begins."""
    sizes = np.diff(buckets.starts)
    order = random_state.permutation(len(sizes))
    fit = max(int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")), 1)
    chosen = np.sort(order[:fit])
    counts = sizes[chosen]
    starts = np.append(0, np.cumsum(counts))
    places = np.repeat(buckets.starts[chosen] - starts[:-1], counts) + np.arange(starts[-1])
    return buckets.rows[places], starts


def _neighbours(coordinates, classes, starts, random_state):
    """Of each point the nearest of its bucket that must differ from it: pairs of positions, each once."""
    sizes = np.diff(starts)
    found = []
    for size in np.unique(np.minimum(sizes, _NEIGHBOURS)).tolist():
        of_size = np.flatnonzero(np.minimum(sizes, _NEIGHBOURS) == size)
        together = max(_NUMBERS // (size * size * coordinates.shape[1]), 1)
        for start in range(0, len(of_size), together):
            some = of_size[start : start + together]
            members = starts[some][:, None] + np.arange(size)
            if size == _NEIGHBOURS:
                members = np.stack([_near_each_other(coordinates, *starts[k : k + 2], random_state) for k in some])
            found.append(_nearest_that_differ(coordinates, classes, members))
    pairs = np.concatenate(found)
    keys = distinct(pairs.min(axis=1) * len(coordinates) + pairs.max(axis=1))
    return keys // len(coordinates), keys % len(coordinates)


def _near_each_other(coordinates, start, stop, random_state):
    """Some points of a bucket around one of them."""
    centre = coordinates[random_state.integers(start, stop)]
    distances = ((coordinates[start:stop] - centre) ** 2).sum(axis=1)
    return start + np.sort(np.argpartition(distances, _NEIGHBOURS - 1)[:_NEIGHBOURS])


def _nearest_that_differ(coordinates, classes, members):
    """For each row of positions, pairs of one with the nearest other that must differ: int array of shape (p, 2)."""
    inside = coordinates[members]
    distances = ((inside[:, :, None] - inside[:, None]) ** 2).sum(axis=3)
    of_class = classes[members]
    distances[of_class[:, :, None] == of_class[:, None]] = np.inf
    nearest = distances.argmin(axis=2)
    differ = np.isfinite(np.take_along_axis(distances, nearest[:, :, None], axis=2)[:, :, 0])
    others = np.take_along_axis(members, nearest, axis=1)
    return np.column_stack([members[differ], others[differ]])
