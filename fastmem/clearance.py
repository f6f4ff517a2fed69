"""How near memorized points come to hyperplanes, and thresholds moved away from them.

A sign is exact however near its point is, but programs that take it in rounded arithmetic (an export to float32,
say), and noise in the inputs, need room. Thresholds are chosen on samples, so that among all points some may lie
next to one. The sign kernels bound each hyperplane's distance from the points in passing
(`Hyperplanes.xor_codes`); only where that is too little are the points looked at again.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.blocks import over_row_blocks
from fastmem.encoder import Hyperplanes
from fastmem.points import Points
from fastmem.runs import sort_codes
from fastmem.separate.exact import signs_of

__all__ = ["Clearance", "clear"]

# Relative to the largest norm of a point. The search leaves no less wherever the points do.
_LEAST = 1e-9
# `xor_codes` gives bounds of at least half a distance, `certified_radius` rounds down by less than this.
_BOUNDS = 2.1
_NEAREST, _TRIES = 64, 4
_TOGETHER, _PROJECTED = 64, 4
_WORK = 1e9  # multiplications, about
_TINY, _HUGE = 1e-300, 1e300


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


def clear(hyperplanes, code, codes, classes, margins, points, n_threads):
    """Hyperplanes further from the points if need be, with codes that still tell them apart, and how far.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    code : LinearCode
    codes : uint64 array of shape (n,)
        Of the points; different for different classes. Brought up to date.
    classes : int32 array of shape (n,)
    margins : float64 array of shape (m,)
        Lower bounds of ``|w_j.x - t_j|`` over the points, as `Hyperplanes.xor_codes` gives them.
    points : Points
    n_threads : int

    Returns
    -------
    hyperplanes : Hyperplanes
        Thresholds that a point nearly touched are moved to the widest gap nearby that can be.
    clearance : Clearance
    """
    if not hyperplanes.m:
        return hyperplanes, Clearance(math.inf, _largest_norm(points, n_threads))
    with np.errstate(all="ignore"):  # what overflows is not cleared and counts as near
        work = _Distances(hyperplanes, margins.copy(), points, n_threads)
        if points.d > 1 and work.is_bounded:  # on the line they are in the middle already
            work.move_thresholds(code, codes, classes)
        return work.hyperplanes, Clearance(work.smallest(), work.largest_norm)


class _Distances:
    def __init__(self, hyperplanes, margins, points, n_threads):
        self.hyperplanes, self.margins, self.points, self.n_threads = hyperplanes, margins, points, n_threads
        self.thresholds = hyperplanes.thresholds.copy()
        self.lengths = np.linalg.norm(hyperplanes.weights.astype(np.float64), axis=1) + _TINY
        self.largest_norm = _largest_norm(points, n_threads)
        # Of w_j.x in float64, summed in any order, where no sum overflows.
        self.errors = (points.d + 8) * 2.0**-52 * self.lengths * self.largest_norm + points.d * _TINY
        self.is_bounded = bool(self.largest_norm < _HUGE and self.lengths.max() * self.largest_norm < _HUGE)

    def move_thresholds(self, code, codes, classes):
        """Move the thresholds that points nearly touch.

        Bounds only say where to look: they may depend on the number of threads, what is moved does not.
        """
        least = _LEAST * self.lengths * self.largest_norm
        near = np.flatnonzero(self.margins < least)
        left = 1 + int(_WORK / (self.points.n * (self.points.d + 16.0)))
        stored = _Stored(codes, classes) if len(near) else None
        for start in range(0, len(near), _PROJECTED):
            chosen = near[start : start + _PROJECTED]
            for j, values in zip(chosen.tolist(), self._projections(chosen), strict=True):
                margin = float(np.abs(values - self.thresholds[j]).min())
                if margin < least[j] and left:
                    left -= 1
                    self._move(j, values, margin, code.columns[j], codes, stored)
            if not left:
                break
        old = self.hyperplanes
        if not np.array_equal(self.thresholds, old.thresholds):
            self.hyperplanes = Hyperplanes(old.weights, self.thresholds, old.centre, old.exponents)

    def _move(self, j, values, least, column, codes, stored):
        """Move threshold j to the widest of the gaps between the nearest points that keeps classes apart."""
        old = float(self.thresholds[j])
        nearest = np.sort(values[np.argpartition(np.abs(values - old), min(_NEAREST, len(values)) - 1)[:_NEAREST]])
        widths = np.diff(nearest)
        # The widest, and the one it is in, which changes no sign.
        widest = np.lexsort((np.abs((nearest[1:] + nearest[:-1]) / 2 - old), -widths))[:_TRIES].tolist()
        own = min(max(int(np.searchsorted(nearest, old)) - 1, 0), max(len(widths) - 1, 0))
        for place in sorted({*widest, own}, key=lambda place: -widths[place]) if len(widths) else ():
            margin = widths[place] / 2 - self.errors[j]
            if not 2 * least < margin < np.inf:
                return
            new = float(nearest[place] / 2 + nearest[place + 1] / 2)
            low, high = min(old, new) - self.errors[j], max(old, new) + self.errors[j]
            between = np.flatnonzero((values >= low) & (values <= high))
            flipped = between[self._signs(j, old, between) != self._signs(j, new, between)]
            if stored.can_flip(flipped, codes[flipped] ^ column):
                stored.flip(flipped, codes[flipped] ^ column)
                codes[flipped] ^= column
                self.thresholds[j], self.margins[j] = new, margin
                return

    def _signs(self, j, threshold, rows):
        old = self.hyperplanes
        alone = Hyperplanes(old.weights[j : j + 1], [threshold], old.centre, old.exponents)
        return signs_of(alone, self.points, self.n_threads, rows)[0]

    def _projections(self, chosen):
        """w_j.x of all points for some hyperplanes, rounded: float64 array of shape (len(chosen), n)."""
        transposed = np.ascontiguousarray(self.hyperplanes.weights[chosen].T, np.float64)
        values = np.empty((len(chosen), self.points.n))

        def work(start, stop):
            with np.errstate(all="ignore"):
                values[:, start:stop] = (self.points.block(start, stop) @ transposed).T

        over_row_blocks(work, self.points.n, self.points.d, self.n_threads)
        return values

    def smallest(self):
        """The certified radius of the nearest point: of all that may be it by the bounds."""
        if self.points.d == 1 and np.all(self.lengths == 1):  # differences, rounded down
            return float(self.margins.min())
        if not self.is_bounded:
            return float(self.hyperplanes.certified_radius(self.points, self.n_threads).min())
        distances = self.margins / self.lengths
        reach = _BOUNDS * distances.min() + 2 * (self.errors / self.lengths).max()
        near = np.flatnonzero(distances <= reach)
        rows = [self._near(near[start : start + _TOGETHER], reach) for start in range(0, len(near), _TOGETHER)]
        rows = np.unique(np.concatenate(rows))
        return float(self.hyperplanes.certified_radius(Points(self.points.take(rows)), self.n_threads).min())

    def _near(self, chosen, reach):
        """Points that may be as near as `reach` to one of some hyperplanes."""
        transposed = np.ascontiguousarray(self.hyperplanes.weights[chosen].T, np.float64)
        limits = reach * self.lengths[chosen]
        found = []

        def work(start, stop):
            with np.errstate(all="ignore"):
                values = self.points.block(start, stop) @ transposed - self.hyperplanes.thresholds[chosen]
                found.append(start + np.flatnonzero(~(np.abs(values) > limits).all(axis=1)))

        over_row_blocks(work, self.points.n, self.points.d + len(chosen), self.n_threads)
        return np.concatenate(found)


def _largest_norm(points, n_threads):
    """Largest Euclidean norm of a point; infinite if its square overflows in float64."""
    norms = []

    def work(start, stop):
        with np.errstate(all="ignore"):
            block = points.block(start, stop)
            squares = np.einsum("ij,ij->i", block, block).max()
            if not 1e-30 < squares < np.inf:
                block = block.astype(np.float64)
                squares = np.einsum("ij,ij->i", block, block).max()
            norms.append(float(squares))

    over_row_blocks(work, points.n, points.d, n_threads)
    return math.sqrt(max(norms))


class _Stored:
    """The codes taken and the classes that took them, for a few changes."""

    def __init__(self, codes, classes):
        self._codes, order = sort_codes(codes.copy())
        self._classes, self._class_of_row = classes[order], classes
        self._changed = {}

    def can_flip(self, rows, codes):
        """Whether no row gets a code of another class."""
        taken = dict(self._changed)
        places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        for row, new, place in zip(rows.tolist(), codes.tolist(), places.tolist(), strict=True):
            # A code that only rows which have left it had is taken to be theirs still: never wrong, seldom too strict.
            own = int(self._class_of_row[row])
            other = int(self._classes[place]) if int(self._codes[place]) == new else own
            if other != own or taken.setdefault(new, own) != own:
                return False
        return True

    def flip(self, rows, codes):
        """Take the new codes."""
        for row, new in zip(rows.tolist(), codes.tolist(), strict=True):
            self._changed[new] = int(self._class_of_row[row])
