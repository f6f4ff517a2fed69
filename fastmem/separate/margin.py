"""Hyperplanes with an empty slab: every memorized point keeps a Euclidean distance r from them.

Noise below r then changes no sign of a memorized point. A direction drawn for what it separates has points within
r of any useful threshold as soon as the n projections are denser than 1/r. So the hyperplane is turned: the points
inside its slab are pushed out, each to the side where it is, by the smallest change of (w, t) that does it (as in
passive-aggressive learning; Crammer et al. 2006), again and again, since others may have come in. With k points in
the slab this is k equations in d + 1 unknowns.
"""

import copy
import math

import numpy as np

from fastmem.data.sorting import distinct
from fastmem.errors import MarginNotReached

__all__ = ["Margin"]

_TURNS = 40
_FAR, _NEAR = 1.3, 1.03  # how far out points are pushed, in margins: few, and many
_ROUNDING = 1e-9
_SHIFT = 0.05  # of the points may change sides when the emptiest slab is looked for


class Margin:
    """The distance to keep, and the points to keep it from.

    Parameters
    ----------
    points : Points
    margin : float
        Positive, in the units of the points.
    n_threads : int

    Attributes
    ----------
    largest : float
        The largest distance kept by any hyperplane since `forget` that splits points still together.
    """

    def __init__(self, points, margin, n_threads):
        self.points, self.margin, self.n_threads = points, margin, n_threads
        self.forget()
        some = points.take(distinct(np.linspace(0, points.n - 1, 512).astype(np.int64))).astype(np.float64)
        self.centre = 2 * np.median(some / 2, axis=0)  # a sum of two may overflow
        with np.errstate(all="ignore"):
            self.scale = np.sqrt(((some - self.centre) ** 2).sum(axis=1).mean()) + 1e-300

    def forget(self):
        """Begin to look for another hyperplane."""
        self.largest = 0.0

    def at(self, margin):
        """The same with another margin."""
        other = copy.copy(self)
        other.margin = margin
        return other

    def diagonal(self):
        """Of the box around the points: at least the distance of any two, of which a hyperplane between keeps half."""
        lowest, highest = self.points.extremes(self.n_threads)
        with np.errstate(over="ignore"):
            sides = highest.astype(np.float64) - lowest
        return math.hypot(*sides.tolist())

    def keeps(self, distance):
        """Whether a distance, rounded, is large enough."""
        return distance >= self.margin * (1 + _ROUNDING)

    def give_up(self, n_before):
        """Raise `MarginNotReached`."""
        # Distances are rounded down, so one that is just reached may not be certain.
        largest = min(float(self.largest), math.nextafter(self.margin, 0))
        raise MarginNotReached(
            f"margin={self.margin:g} was not reached: {n_before} hyperplanes keep it, but none was found that parts "
            f"points still together and keeps more than {largest:.3g} from all points; ask for less",
            self.margin,
            largest,
        )

    def check(self, hyperplanes):
        """Raise `MarginNotReached` unless all points keep the margin from all hyperplanes, rounding included."""
        self.largest = float(hyperplanes.certified_radius(self.points, self.n_threads).min())
        if self.largest < self.margin:
            self.give_up(0)

    def project(self, weights):
        """w.(x - centre) of all points, for one w of unit length: float64, rounded."""
        values = np.empty(self.points.n)
        offset = self.centre @ weights

        def work(start, stop, block):
            with np.errstate(all="ignore"):
                # BLAS adds up another layout in another order.
                values[start:stop] = np.ascontiguousarray(block) @ weights - offset

        self.points.over_rows(work, self.n_threads)
        return values

    def clear(self, weights, threshold):
        """A hyperplane near the given one that keeps the margin.

        Returns
        -------
        weights : float32 array of shape (d,)
        threshold : float
        distance : float
            That of the nearest point, below the margin if none was found that keeps it.
        """
        with np.errstate(all="ignore"):  # what overflows is not cleared
            return self._clear(weights, threshold)

    def _clear(self, weights, threshold):
        best = weights, threshold, 0.0
        length = np.linalg.norm(weights.astype(np.float64))
        if not 0 < length < np.inf:
            return best
        w, level = weights / length, threshold / length - self.centre @ (weights / length)
        held = np.empty(0, np.int64)
        for turn in range(_TURNS):
            w32 = w.astype(np.float32)
            length = np.linalg.norm(w32.astype(np.float64))
            w = w32 / length
            values = self.project(w)
            level = _middle_of_gap(values, level) if turn else self._emptiest(values, level)
            distances = values - level
            nearest = np.abs(distances).min()
            if nearest > best[2]:
                best = w32, length * (level + self.centre @ w), nearest
            if self.keeps(nearest) or not np.isfinite(nearest):
                break
            w, level, held = self._pushed(w, level, distances, held)
        return best

    def _emptiest(self, values, level):
        """The level of the slab with the fewest points, among those that few points away from the given one."""
        values = np.sort(values)
        here, few = np.searchsorted(values, level), int(_SHIFT * len(values)) + 1
        lows = values[max(here - few, 0) : here + few]
        if not len(lows):
            return level
        inside = np.searchsorted(values, lows + 2 * self.margin, side="right") - np.searchsorted(
            values, lows, side="right"
        )
        fewest = np.flatnonzero(inside == inside.min())
        low = lows[fewest[np.argmin(np.abs(lows[fewest] + self.margin - level))]]
        return low + self.margin if inside.min() else _middle_of_gap(values, low + self.margin)

    def _pushed(self, w, level, distances, held):
        """Least change of (w, level) that puts the points inside the slab out, and leaves those held where they are.

        Points once pushed are held, but no more than there are unknowns.
        """
        inside = np.flatnonzero(np.abs(distances) < self.margin * _NEAR)
        reach = self.margin * (_FAR if 4 * len(inside) < self.points.d else _NEAR)
        inside = inside[np.argsort(np.abs(distances[inside]), kind="stable")]
        held = np.append(inside, np.setdiff1d(held, inside))[: self.points.d]
        rows = np.column_stack([(self.points.take(held) - self.centre) / self.scale, np.full(len(held), -1.0)])
        distances = distances[held]
        wanted = np.where(distances >= 0, 1.0, -1.0) * np.maximum(reach - np.abs(distances), 0.0)
        if not (np.isfinite(rows).all() and np.isfinite(wanted).all()):
            return w, level, held
        change = np.linalg.lstsq(rows, wanted, rcond=1e-10)[0]
        w = w + change[:-1] / self.scale
        length = np.linalg.norm(w) + 1e-300
        return w / length, (level + change[-1]) / length, held


def _middle_of_gap(values, level):
    """The middle between the nearest values on both sides of a level."""
    below, above = values[values < level], values[values >= level]
    return (below.max() + above.min()) / 2 if len(below) and len(above) else level
