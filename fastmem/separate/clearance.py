"""How near memorized points come to hyperplanes, and thresholds moved away from them.

A sign is exact however near its point is, but programs that take it in rounded arithmetic (an export to float32,
say), and noise in the inputs, need room. Thresholds are chosen on samples, so that among all points some may lie
next to one. The sign kernels bound each hyperplane's distance from the points in passing
(`Hyperplanes.xor_codes`); only where that is too little are the points looked at again.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points
from fastmem.data.sorting import distinct
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import signs_of
from fastmem.machine.threads import block_starts

__all__ = ["Clearance", "clear"]

# Relative to the largest norm of a point. The search leaves no less wherever the points do.
_LEAST = 1e-9
# `xor_codes` gives bounds of at least half a distance, `certified_radius` rounds down by less than this.
_BOUNDS = 2.1
_NEAREST, _TRIES = 64, 4
_TOGETHER = 64
_SOME, _MORE = 2**14, 3
_WORK = 1e9  # multiplications, about
_TINY, _HUGE = 1e-300, 1e300
_TINY32, _HUGE32 = 1e-44, 1e37


class Clearance(NamedTuple):
    """Distances of memorized points.

    Attributes
    ----------
    smallest_distance : float
        Smallest Euclidean distance of a point from a hyperplane, rounded down; infinite without hyperplanes.
    largest_norm : float
        Largest Euclidean norm of a point.
    """

    smallest_distance: float
    largest_norm: float


def clear(hyperplanes, code, codes, ordered, classes, margins, points, n_threads):
    """Hyperplanes further from the points if need be, with codes that still tell them apart, and how far.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    code : LinearCode
    codes : uint64 array of shape (n,)
        Of the points; different for different classes. Brought up to date.
    ordered : SortedCodes
        The same. Brought up to date.
    classes : int32 array of shape (n,)
    margins : float64 array of shape (b, m)
        Lower bounds of ``|w_j.x - t_j|`` over all points (b = 1), or over those of each block
        (`fastmem.hyperplanes.passes.signs_and_margins`).
    points : Points
    n_threads : int

    Returns
    -------
    hyperplanes : Hyperplanes
        Thresholds that a point nearly touched are moved to the widest gap nearby that can be.
    clearance : Clearance
    """
    if not hyperplanes.m:
        return hyperplanes, Clearance(math.inf, points.largest_norm(n_threads))
    with np.errstate(all="ignore"):  # what overflows is not cleared and counts as near
        work = _Distances(hyperplanes, margins, points, n_threads)
        if hyperplanes.only_column is None and work.is_bounded:  # on the line they are in the middle already
            work.move_thresholds(code, codes, ordered, classes)
        return work.hyperplanes, Clearance(work.smallest(), work.largest_norm)


class _Distances:
    def __init__(self, hyperplanes, margins, points, n_threads):
        self.hyperplanes, self.points, self.n_threads = hyperplanes, points, n_threads
        self.block_margins, self.margins = margins.copy(), margins.min(axis=0)
        self.starts = block_starts(points.n, points.width) if len(margins) > 1 else np.array([0, points.n])
        self.thresholds = hyperplanes.thresholds.copy()
        self.lengths = np.ones(hyperplanes.m) + _TINY
        if hyperplanes.only_column is None:
            self.lengths = np.linalg.norm(hyperplanes.weights.astype(np.float64), axis=1) + _TINY
        self.largest_norm = points.largest_norm(n_threads)
        # Of w_j.x in float64, summed in any order, where no sum overflows.
        self.errors = (points.d + 8) * 2.0**-52 * self.lengths * self.largest_norm + points.d * _TINY
        self.is_bounded = bool(self.largest_norm < _HUGE and self.lengths.max() * self.largest_norm < _HUGE)

    def move_thresholds(self, code, codes, ordered, classes):
        """Move the thresholds that points nearly touch.

        Bounds only say where to look: they may depend on the number of threads, what is moved does not.
        """
        least = _LEAST * self.lengths * self.largest_norm
        near = np.flatnonzero(self.margins < least)
        left = 1 + int(_WORK / (self.points.n * (self.points.d + 16.0)))
        stored = _Stored(ordered, classes)
        for j in near.tolist():
            rows, values = self._nearest(j)
            margin = float(np.abs(values - self.thresholds[j]).min())
            if margin < least[j]:
                left -= 1
                self._move(j, rows, values, margin, code.columns[j], codes, stored)
            if not left:
                break
        rows = stored.flipped()
        if len(rows):
            ordered.replace(rows, codes[rows])
        old = self.hyperplanes
        if not np.array_equal(self.thresholds, old.thresholds):
            self.hyperplanes = Hyperplanes(old.weights, self.thresholds, old.centre, old.exponents)

    def _move(self, j, rows, values, least, column, codes, stored):
        """Move threshold j to the widest of the gaps between the nearest points that keeps classes apart."""
        old = float(self.thresholds[j])
        nearest = np.sort(values[np.argpartition(np.abs(values - old), min(_NEAREST, len(values)) - 1)[:_NEAREST]])
        widths = np.diff(nearest)
        # The widest, and the one it is in, which changes no sign.
        widest = np.lexsort((np.abs((nearest[1:] + nearest[:-1]) / 2 - old), -widths))[:_TRIES].tolist()
        own = min(max(int(np.searchsorted(nearest, old)) - 1, 0), max(len(widths) - 1, 0))
        places = np.array(sorted({*widest, own}, key=lambda place: -widths[place]) if len(widths) else (), np.int64)
        margins = widths[places] / 2 - self.errors[j]
        places = places[np.logical_and.accumulate((margins > 2 * least) & (margins < np.inf))]
        levels = nearest[places] / 2 + nearest[places + 1] / 2
        for new, margin, flipped in zip(
            levels.tolist(), margins.tolist(), self._flipped(j, old, levels, rows, values), strict=False
        ):
            if stored.can_flip(flipped, codes[flipped] ^ column):
                stored.flip(flipped, codes[flipped] ^ column)
                codes[flipped] ^= column
                self.thresholds[j], self.margins[j], self.block_margins[:, j] = new, margin, margin
                return

    def _flipped(self, j, old, levels, rows, values):
        """For each of some levels the rows whose sign differs from that of the old threshold of hyperplane j."""
        low = min(old, levels.min(initial=old)) - self.errors[j]
        high = max(old, levels.max(initial=old)) + self.errors[j]
        between = rows[(values >= low) & (values <= high)]
        if not len(between):
            return [between] * len(levels)
        before = self.hyperplanes
        weights = np.repeat(before.weights[j : j + 1], 1 + len(levels), axis=0)
        together = Hyperplanes(weights, [old, *levels], before.centre, before.exponents)
        signs = signs_of(together, self.points, self.n_threads, between)
        return [between[((signs >> np.uint64(i)) ^ signs) & np.uint64(1) == 1] for i in range(1, 1 + len(levels))]

    def _nearest(self, j):
        """Points nearest to hyperplane j, at least _NEAREST or all, ascending, and their w_j.x in float64."""
        rows = np.arange(self.points.n)
        some = rows[:: max(self.points.n // _SOME, 1)]
        distances = np.abs(self._values(j, some) - self.thresholds[j])
        rank = min(math.ceil(_NEAREST * len(some) / self.points.n) + _MORE, len(some)) - 1
        distance = float(np.partition(distances, rank)[rank])
        near = self._within(j, distance)
        values = self._values(j, near)
        is_near = np.abs(values - self.thresholds[j]) <= distance  # all that are, and none of the others
        if np.count_nonzero(is_near) < _NEAREST:
            return rows, self._values(j, rows)
        return near[is_near], values[is_near]

    def _within(self, j, distance):
        """All points up to that much from threshold j, in units of w_j.x, and some others."""
        weights, length = self.hyperplanes.weights[j], self.lengths[j] * self.largest_norm
        # Sums in any order; in float32 where they do not overflow.
        dtype = self.points.block(0, 1).dtype if length < _HUGE32 else np.dtype(np.float64)
        tiny = _TINY if dtype == np.float64 else _TINY32
        distance += (self.points.d + 8) * float(np.finfo(dtype).eps) * length + self.points.d * tiny
        found = []

        def work(start, stop, block):
            with np.errstate(all="ignore"):
                values = block @ weights.astype(dtype) - self.thresholds[j]
                found.append(start + np.flatnonzero(~(np.abs(values) > distance)))

        self.points.over_rows(work, self.n_threads)
        return np.sort(np.concatenate(found))

    def _values(self, j, rows):
        """w_j.x of some points in float64, rounded."""
        values, w = np.empty(len(rows)), self.hyperplanes.weights[j].astype(np.float64)

        def work(start, stop, block):
            with np.errstate(all="ignore"):
                values[start:stop] = block @ w

        self.points.over_rows(work, self.n_threads, rows=rows)
        return values

    def smallest(self):
        """The certified radius of the nearest point: of all that may be it by the bounds."""
        if self.hyperplanes.only_column is not None:  # differences, rounded down
            return float(self.margins.min())
        if not self.is_bounded:
            return float(self.hyperplanes.certified_radius(self.points, self.n_threads).min())
        distances = self.margins / self.lengths
        reach = _BOUNDS * distances.min() + 2 * (self.errors / self.lengths).max()
        near = np.flatnonzero(distances <= reach)
        rows = [self._near(near[start : start + _TOGETHER], reach) for start in range(0, len(near), _TOGETHER)]
        nearest = Points(self.points.take(distinct(np.concatenate(rows))))
        return float(self.hyperplanes.some(near).certified_radius(nearest, self.n_threads).min())

    def _near(self, chosen, reach):
        """Points that may be as near as `reach` to one of some hyperplanes."""
        transposed = np.ascontiguousarray(self.hyperplanes.weights[chosen].T, np.float64)
        limits = reach * self.lengths[chosen]
        found = [np.empty(0, np.int64)]
        for block in np.flatnonzero((self.block_margins[:, chosen] <= limits).any(axis=1)).tolist():
            first, end = self.starts[block : block + 2].tolist()

            def work(start, stop, block, first=first):
                with np.errstate(all="ignore"):
                    values = block @ transposed
                    values -= self.hyperplanes.thresholds[chosen]
                    found.append(first + start + np.flatnonzero(~(np.abs(values) > limits).all(axis=1)))

            width = self.points.d + len(chosen)
            self.points.over_rows(work, self.n_threads, rows=slice(first, end), width=width)
        return np.concatenate(found)


class _Stored:
    """The codes taken and the classes that took them, for a few changes."""

    def __init__(self, ordered, classes):
        self._ordered, self._classes = ordered, classes
        self._changed, self._flipped = {}, set()

    def can_flip(self, rows, codes):
        """Whether no row gets a code of another class."""
        taken = dict(self._changed)
        places = np.searchsorted(self._ordered.codes, codes).clip(max=len(self._classes) - 1)
        for row, new, place in zip(rows.tolist(), codes.tolist(), places.tolist(), strict=True):
            # A code that only rows which have left it had is taken to be theirs still: never wrong, seldom too strict.
            own = int(self._classes[row])
            taken_by = int(self._classes[self._ordered.rows[place]])
            other = taken_by if int(self._ordered.codes[place]) == new else own
            if other != own or taken.setdefault(new, own) != own:
                return False
        return True

    def flip(self, rows, codes):
        """Take the new codes."""
        for row, new in zip(rows.tolist(), codes.tolist(), strict=True):
            self._changed[new] = int(self._classes[row])
            self._flipped.add(row)

    def flipped(self):
        """Rows that have taken new codes, ascending."""
        return np.array(sorted(self._flipped), np.int64)
