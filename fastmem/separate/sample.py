"""A sample of the open points: where candidate hyperplanes are drawn, scored and compared.

Everything here only chooses hyperplanes. Whether one really splits a pair is decided by the exact signs of the
points themselves when the batch is applied (`fastmem.separate.adaptive`).
"""

import math
from dataclasses import dataclass

import numpy as np

from fastmem._kernels import search as kernels
from fastmem.separate.frame import Frame, threshold_between

__all__ = ["Candidate", "Sample"]

# Neighbours along a direction count as tied if closer than this share of the range of the middle 80 %...
_TIE = 1e-8
# ...or than this share of their distances from the centre, which is what rounding leaves of equal points.
_ROUNDING = 1e-13
# The same for float32 coordinates: they are rounded to 2^-24, and sums of hundreds of them to a few times that.
_TIE32, _ROUNDING32 = 2e-6, 5e-7
_OFF_MIDDLE = 0.49  # the middle of two integers in the sample may be another point's, outside it
_FLOAT64_DIMENSIONS = 64
_TAME = 8.0
_ENDS, _RESOLVED, _FEW_NEAR = 256, 2.0**-6, 0.1
_RADIX = 1024
_SPARSE = 0.75


@dataclass(frozen=True)
class Candidate:
    """A hyperplane, its score on the sample, and the sample's points on its side 1."""

    weights: np.ndarray
    threshold: float
    score: float
    above: np.ndarray


class Sample:
    """Points of some open buckets, with coordinates of comparable scale.

    Parameters
    ----------
    X : float array of shape (t, d)
    classes : int32 array of shape (t,)
    starts : int64 array of shape (b + 1,)
        Bucket k holds points starts[k] to starts[k + 1], sorted by class.
    sizes : float64 array of shape (b,)
        How many points each bucket has outside the sample too.
    frame : Frame, optional
        That of X by default.
    """

    def __init__(self, X, classes, starts, sizes, frame=None):
        self.X = X
        self.classes = classes
        self.frame = Frame(X) if frame is None else frame
        self.coordinates, self.is_tame = self._placed(np.asarray(starts))
        # Positions of open points, bucket by bucket and class by class: `bucket` and `group` number these.
        self.members = np.arange(len(X))
        # The number of each point's cluster, and the clusters' centres, if `fastmem.separate.clusters` found some.
        self.cluster = self.centres = None
        self._set_buckets(starts, sizes)
        self.initial_weight = self.open_weight

    def _placed(self, starts):
        """Coordinates, and whether the largest is small.

        In float32 where they are many and rounding them is harmless: no outliers, and points that must differ, as far
        as the ends of some buckets show, at distances that float32 resolves.
        """
        if self.d > _FLOAT64_DIMENSIONS:
            coordinates, largest = self.frame.coordinates(self.X, np.float32)
            some = slice(None, None, -(-len(starts) // _ENDS))
            differences = coordinates[starts[:-1][some]] - coordinates[starts[1:][some] - 1]
            near = np.count_nonzero(np.abs(differences).max(axis=1, initial=0) < _RESOLVED)
            if largest <= _TAME and near <= _FEW_NEAR * len(differences):
                return coordinates, True
        coordinates, largest = self.frame.coordinates(self.X)
        return coordinates, largest <= _TAME

    def _set_buckets(self, starts, sizes):
        self.starts = np.ascontiguousarray(starts, np.int64)
        self.sizes = sizes
        self._counts = np.diff(self.starts)
        self.bucket, self.group = np.empty(len(self.X), np.int32), np.empty(len(self.X), np.int32)
        group_sizes = np.empty(len(self.members))
        n_groups = kernels.number_sample(
            self.members, self.starts, self.classes, self.bucket, self.group, group_sizes
        )  # fmt: skip
        self.group_sizes = group_sizes[:n_groups].copy()
        self.counts = self._counts.astype(np.float64)
        # A bucket's pairs together weigh as much as it has points.
        self.pair_weights = sizes / self.counts**2

    @property
    def d(self):
        """Dimension of the points."""
        return self.X.shape[1]

    @property
    def n_buckets(self):
        """Number of open buckets left in the sample."""
        return len(self.starts) - 1

    @property
    def open_weight(self):
        """Points, of all the sampled buckets stand for, that are still in open buckets."""
        return float(self.sizes.sum())

    def split(self, above):
        """Split the buckets by a hyperplane's signs, and close those that are done."""
        kept, starts = np.empty_like(self.members), np.empty(2 * self.n_buckets + 1, np.int64)
        parents = np.empty(2 * self.n_buckets, np.int64)
        n = kernels.split_sample(above.view(np.uint8), self.members, self.starts, self.classes, kept, starts, parents)
        starts, parents = starts[: n + 1], parents[:n]
        sizes = np.maximum(self.sizes[parents] * np.diff(starts) / self.counts[parents], 2.0)
        self.members = kept[: starts[-1]]
        if len(self.members) < _SPARSE * len(self.X):
            self.X, self.classes = self.X[self.members], self.classes[self.members]
            self.coordinates = self.coordinates[self.members]
            self.cluster = None if self.cluster is None else self.cluster[self.members]
            self.members = np.arange(len(self.X))
        self._set_buckets(starts, sizes)

    def clipped(self):
        """Coordinates without outliers: most lie within [-1, 1]."""
        return self.coordinates if self.is_tame else self.coordinates.clip(-_TAME, _TAME)

    def random_pairs(self, buckets, random_state):
        """A random pair that must differ from each of the given buckets: two arrays of sample positions."""
        first, counts = self.starts[buckets], self._counts[buckets]
        a = first + (random_state.random(buckets.shape) * counts).astype(np.int64)
        b = first + (random_state.random(buckets.shape) * counts).astype(np.int64)
        a, b, first, last = (self.members[place] for place in (a, b, first, first + counts - 1))
        same = self.group[a] == self.group[b]
        # The ends of a bucket differ in class, so at least one of them does from any point.
        other = np.where(self.group[a] == self.group[first], last, first)
        return a, np.where(same, other, b)

    def near_pairs(self, buckets, random_state):
        """As `random_pairs`, but the second point of a pair is the nearest that must differ from the first."""
        a, b = self.random_pairs(buckets, random_state)
        kernels.nearest_others(self.coordinates, self.members, self.starts, self.group, buckets, a, b)
        return a, b

    def count_layers(self, directions):
        """Number of different projections, ties counted once, along each direction."""
        projections = np.sort(directions @ self.coordinates.T, axis=1)
        gaps = np.diff(projections, axis=1)
        return 1 + (gaps > _TIE * (projections[:, -1:] - projections[:, :1])).sum(axis=1)

    def sweep(self, directions, slack=0.0):
        """Best candidate over all thresholds of each direction; None if none splits anything.

        Parameters
        ----------
        directions : float array of shape (T, d)
            In the frame's coordinates.
        slack : float
            Of thresholds whose score is within this share of the best, the one in the widest gap is taken.
        """
        weights, directions, powers = self.frame.round(directions)
        projections = self.project(directions)
        orders = _orders(projections)
        best, cut, score = self._best_cut(projections, orders, _all_above(projections), slack)
        if score <= 0:
            return None
        p = projections[best]
        level = float(threshold_between(p[orders[best, cut]], p[orders[best, cut + 1]]))
        threshold = self.frame.threshold(weights[best], level, int(powers[best]))
        return Candidate(weights[best], threshold, score, p >= level) if math.isfinite(threshold) else None

    def project(self, directions):
        """Projections of the coordinates on each direction, in their precision: float64 array of shape (T, t)."""
        directions = directions.astype(self.coordinates.dtype, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):  # next to the largest numbers the frame does not reach
            return np.ascontiguousarray(directions @ self.coordinates.T, np.float64)

    def sweep_pencils(self, first, second):
        """Best direction among pencils of hyperplanes; None if none splits anything.

        Parameters
        ----------
        first, second : float arrays of shape (T, d + 1)
            A pencil is all the combinations of two hyperplanes (w, t) in the frame's coordinates: for s from -1 to 1,
            (1 - |s|) first + s second, the second scaled so that both take values of like size.

        Returns
        -------
        direction : float64 array of shape (d,), or None
        """
        T, t = len(first), len(self.X)
        values = self.project(np.concatenate([first[:, :-1], second[:, :-1]]))
        levels = np.concatenate([first[:, -1], second[:, -1]])
        events, above, scale = np.empty((T, t)), np.empty((T, t), np.uint8), np.empty(T)
        kernels.pencil_events(values, levels, events, above, scale)
        orders = _orders(events)
        best, cut, score = self._best_cut(events, orders, above, 0.0)
        if score <= 0:
            return None
        s = events[best, orders[best, cut : cut + 2]].mean()
        with np.errstate(all="ignore"):
            direction = (1 - abs(s)) * first[best, :-1] + s * scale[best] * second[best, :-1]
        return direction if np.isfinite(direction).all() else None

    def _best_cut(self, events, orders, above, slack):
        """The best of some one-parameter families: its number, where its cut is, and the score."""
        is_exact = self.coordinates.dtype == np.float64
        tie, rounding = (_TIE, _ROUNDING) if is_exact else (_TIE32, _ROUNDING32)
        tenth = len(self.X) // 10
        families = np.arange(len(events))
        low, high = events[families, orders[:, tenth]], events[families, orders[:, -1 - tenth]]
        with np.errstate(invalid="ignore"):
            ties = tie * high - tie * low
        scores, cuts = np.empty(len(events)), np.empty(len(events), np.int64)
        kernels.sweep_cuts(
            events, orders, above, self.bucket, self.group, self.counts, self.group_sizes, self.pair_weights, ties,
            rounding, slack, np.empty(self.n_buckets), np.empty(len(self.group_sizes)), np.empty(len(self.X)), scores,
            cuts,
        )  # fmt: skip
        best = int(np.argmax(scores))
        return best, int(cuts[best]), float(scores[best])

    def sweep_column(self, column):
        """Best candidate that compares one coordinate with a threshold; None if all its values are tied."""
        values = np.ascontiguousarray(self.X[None, :, column], np.float64)
        orders = np.argsort(values)
        _, cut, score = self._best_cut(values, orders, _all_above(values), 0.0)
        below, above = values[0, orders[0, cut : cut + 2]]
        return self.cut_column(column, below, above, score) if score > 0 else None

    def cut_column(self, column, below, above, score=0.0):
        """The hyperplane [x_column >= t], below < t <= above: no rounding here, nor when its signs are taken."""
        weights = np.zeros(self.d, np.float32)
        weights[column] = 1.0
        threshold = float(threshold_between(below, above))
        if threshold.is_integer() and above / 2 - below / 2 > 0.5:
            beside = float((1 - _OFF_MIDDLE) * below + _OFF_MIDDLE * above)
            threshold = beside if below < beside <= above else threshold  # neighbours of the largest numbers
        return Candidate(weights, threshold, score, self.X[:, column].astype(np.float64) >= threshold)

    def is_split(self, above):
        """Whether points of one bucket lie on both sides."""
        counts = np.bincount(self.bucket[self.members], above[self.members], self.n_buckets)
        return bool(np.any((counts > 0) & (counts < self.counts)))


def _all_above(events):
    """As a direction's threshold grows, every point begins above it."""
    return np.ones(events.shape, np.uint8)


def _orders(events):
    """What sorts each row of events, or nearly so where they are many."""
    n_families, n = events.shape
    if n < _RADIX:
        return np.argsort(events, axis=1)
    orders = np.empty((n_families, n), np.int64)
    kernels.sort_events(
        events, orders, np.empty((2, n), np.uint64), np.empty((2, n), np.int32), np.empty((4, 2**11), np.int32)
    )
    return orders
