"""A sample of the open points: where candidate hyperplanes are drawn, scored and compared.

Everything here only chooses hyperplanes. Whether one really splits a pair is decided by the exact signs of the
points themselves when the batch is applied (`fastmem.separate.adaptive`).
"""

import math
from dataclasses import dataclass

import numpy as np

from fastmem._kernels import search as kernels
from fastmem.encoder import column_frame, split_exactly
from fastmem.runs import run_starts

__all__ = ["Candidate", "Sample", "threshold_between"]

# Neighbours along a direction count as tied if closer than this share of the range of the middle 80 %...
_TIE = 1e-8
# ...or than this share of their distances from the centre, which is what rounding leaves of equal points.
_ROUNDING = 1e-13
_FARTHEST = 1e30
# Weights reach over fewer powers of two in float32; columns of much larger scale are left out.
_WIDEST = 120
_ZERO = -100_000


def threshold_between(below, above):
    """Numbers t with below < t <= above, in the middle wherever float64 has a number there."""
    middle = below / 2 + above / 2
    return np.where((below < middle) & (middle <= above), middle, above)


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
    """

    def __init__(self, X, classes, starts, sizes):
        self.X = X
        self.classes = classes
        centre, exponents = column_frame(X)
        self._centre_parts = split_exactly(centre)
        self.exponents = exponents.astype(np.int32)
        self._varies = X.max(axis=0) > X.min(axis=0)
        with np.errstate(over="ignore"):
            coordinates = np.ldexp(X - centre, -self.exponents).clip(-_FARTHEST, _FARTHEST)
        self.coordinates = np.where(self._varies, coordinates, 0.0)
        self._set_buckets(starts, sizes)
        self.initial_weight = self.open_weight

    def _set_buckets(self, starts, sizes):
        self.starts = np.ascontiguousarray(starts, np.int64)
        self.sizes = sizes
        counts = np.diff(self.starts)
        self.bucket = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        changes = np.append(True, self.classes[1:] != self.classes[:-1]) if len(self.classes) else np.empty(0, bool)
        changes[self.starts[:-1]] = True
        self.group = np.cumsum(changes, dtype=np.int32) - np.int32(1)
        self.group_sizes = np.bincount(self.group).astype(np.float64)
        self.counts = counts.astype(np.float64)
        # A bucket's pairs together weigh as much as it has points.
        self.pair_weights = sizes / self.counts**2 if len(counts) else np.empty(0)

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
        """Split the buckets by a hyperplane's signs and drop the points of those that are done."""
        key = self.bucket * np.int32(2) + above
        order = np.argsort(key, kind="stable")
        key = key[order]
        firsts = run_starts(key)
        ends = np.append(firsts[1:], len(key))
        classes = self.classes[order]
        is_open = classes[firsts] != classes[ends - 1]
        counts = (ends - firsts)[is_open]
        parent = key[firsts[is_open]] >> 1
        sizes = np.maximum(self.sizes[parent] * counts / self.counts[parent], 2.0)
        order = order[np.repeat(is_open, ends - firsts)]
        self.X, self.classes, self.coordinates = self.X[order], self.classes[order], self.coordinates[order]
        self._set_buckets(np.append(0, np.cumsum(counts)), sizes)

    def random_pairs(self, buckets, random_state):
        """A random pair that must differ from each of the given buckets: two arrays of sample positions."""
        first, counts = self.starts[buckets], np.diff(self.starts)[buckets]
        a = first + (random_state.random(buckets.shape) * counts).astype(np.int64)
        b = first + (random_state.random(buckets.shape) * counts).astype(np.int64)
        same = self.group[a] == self.group[b]
        # The ends of a bucket differ in class, so at least one of them does from any point.
        last = first + counts - 1
        other = np.where(self.group[a] == self.group[first], last, first)
        return a, np.where(same, other, b)

    def sweep(self, directions):
        """Best candidate over all thresholds of each direction; None if none splits anything.

        Parameters
        ----------
        directions : float array of shape (T, d)
            In the sample's own coordinates.
        """
        weights, directions, powers = self._round(directions)
        projections = np.ascontiguousarray(directions @ self.coordinates.T)
        orders = np.argsort(projections, axis=1)
        tenth = len(self.X) // 10
        middle = np.take_along_axis(projections, orders[:, [tenth, -1 - tenth]], axis=1)
        best, cut, score = self._sweep_kernel(projections, orders, _TIE * (middle[:, 1] - middle[:, 0]), _ROUNDING)
        if score <= 0:
            return None
        p = projections[best]
        level = float(threshold_between(p[orders[best, cut]], p[orders[best, cut + 1]]))
        threshold = self._threshold(weights[best], level, int(powers[best]))
        return Candidate(weights[best], threshold, score, p >= level) if math.isfinite(threshold) else None

    def _sweep_kernel(self, projections, orders, tolerances, rounding):
        n_directions = len(projections)
        scores, cuts = np.empty(n_directions), np.empty(n_directions, np.int64)
        kernels.sweep_thresholds(
            projections, orders, self.bucket, self.group, self.counts, self.group_sizes, self.pair_weights,
            tolerances, rounding, np.empty(self.n_buckets), np.empty(len(self.group_sizes)), scores, cuts,
        )  # fmt: skip
        best = int(np.argmax(scores))
        return best, int(cuts[best]), float(scores[best])

    def best_direction(self, directions, levels):
        """Index of the best of several hyperplanes (T, d), (T,), and its score."""
        projections = np.ascontiguousarray(self._round(directions)[1] @ self.coordinates.T)
        scores = np.empty(len(projections))
        kernels.score_thresholds(projections, levels, self.starts, self.group, self.pair_weights, scores)
        best = int(np.argmax(scores))
        return best, float(scores[best])

    def sweep_column(self, column):
        """Best candidate that compares one coordinate with a threshold; None if all its values are tied."""
        values = np.ascontiguousarray(self.X[:, column], np.float64)
        orders = np.argsort(values)[None]
        _, cut, score = self._sweep_kernel(values[None], orders, np.zeros(1), 0.0)
        below, above = values[orders[0, cut : cut + 2]]
        return self.cut_column(column, below, above, score) if score > 0 else None

    def cut_column(self, column, below, above, score=0.0):
        """The hyperplane [x_column >= t], below < t <= above: no rounding here, nor when its signs are taken."""
        weights = np.zeros(self.d, np.float32)
        weights[column] = 1.0
        threshold = float(threshold_between(below, above))
        return Candidate(weights, threshold, score, self.X[:, column].astype(np.float64) >= threshold)

    def is_split(self, above):
        """Whether points of one bucket lie on both sides."""
        counts = np.bincount(self.bucket, above, self.n_buckets)
        return bool(np.any((counts > 0) & (counts < self.counts)))

    def _round(self, directions):
        """float32 weights for the points' own coordinates, and the directions in the sample's that they stand for.

        Weights are scaled to a largest entry of about 1, or 2^120 where they differ by more than that; entries too
        small for float32 beside it become 0. If the columns' scales differ by more still, direction t leaves out
        columns of much smaller scale than column t modulo d, which would silence all others.

        Returns
        -------
        weights : float32 array of shape (T, d)
        rounded : float64 array of shape (T, d)
            `directions`, rounded.
        powers : int array of shape (T,)
            ``weights @ (x - centre) == 2.0**powers * (rounded @ coordinates of x)``.
        """
        fractions, powers = np.frexp(np.where(self._varies, directions, 0.0))
        powers = np.where(fractions != 0, powers - self.exponents, _ZERO)
        places = np.arange(len(powers))
        least = np.where(powers > _ZERO, powers, -_ZERO).min(axis=1)
        wide = powers.max(axis=1) - least > _WIDEST
        reference = powers[places, places % self.d]
        skipped = (wide & (reference > _ZERO))[:, None] & (powers > reference[:, None] + _WIDEST // 2)
        fractions, powers = np.where(skipped, 0.0, fractions), np.where(skipped, _ZERO, powers)
        shift = np.where(wide, _WIDEST, 0) - powers.max(axis=1)
        weights = np.ldexp(fractions, np.maximum(powers + shift[:, None], -1000)).astype(np.float32)
        return weights, np.ldexp(weights.astype(np.float64), self.exponents - shift[:, None]), shift

    def _threshold(self, weights, level, power):
        """A level in the sample's coordinates as a threshold for the points' own; infinite if it overflows."""
        with np.errstate(over="ignore"):
            parts = [weights.astype(np.float64) * part for part in self._centre_parts]
            level = float(np.ldexp(level, power))
        try:
            return math.fsum([level, *parts[0].tolist(), *parts[1].tolist()])
        except (OverflowError, ValueError):
            return math.inf
