"""How far an input may move before it enters or leaves a box, for networks of boxes (`fastmem.constructions.boxes`).

Units of such a network's first layer are sides [x_a >= t]; a unit of the second is 1 between its sides, where all its
lower ones are 1 and none of its upper ones; an output is 1, or is 0, where one of its boxes holds the input. So a label
bit stays as long as the input stays in one of the boxes, or outside all of them. That is farther than to the nearest
side, which may be one of a box far away.

Distances are those of sums of a few differences of float64 numbers, rounded down.
"""

import numpy as np

from fastmem.data.points import refuse_row

__all__ = ["Boxes"]


class Boxes:
    """Boxes of label bits.

    Parameters
    ----------
    columns, thresholds : arrays of shape (m,)
        Of the sides.
    boxes : list of (lower, upper)
        For each box the numbers of its sides: int arrays.
    bits : list of slice
        Which boxes are those of a bit.
    """

    def __init__(self, columns, thresholds, boxes, bits):
        self.columns, self.thresholds, self.boxes, self.bits = columns, thresholds, boxes, bits

    @classmethod
    def of(cls, hyperplanes, layers):
        """The boxes that layers behind hyperplanes are; None if they are others."""
        weights, thresholds = hyperplanes.weights, hyperplanes.thresholds
        if len(layers) != 2 or not hyperplanes.m:
            return None
        columns = weights.argmax(axis=1)
        if np.count_nonzero(weights) != len(weights) or not (weights[np.arange(len(weights)), columns] == 1).all():
            return None
        inside, outputs = layers
        boxes = [_box(inside, unit, columns) for unit in range(inside.n_units)]
        ends = outputs.weights.indptr
        is_union = (
            all(box is not None for box in boxes)
            and np.array_equal(outputs.weights.indices, np.arange(len(boxes)))
            and all(_is_or(outputs, unit) for unit in range(outputs.n_units))
        )
        bits = [slice(start, stop) for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        return cls(columns, thresholds, boxes, bits) if is_union else None

    def certified_radius(self, points, n_threads, norm):
        """Distance within which no output changes, rounded down: float64 array of shape (n,)."""
        radii = np.empty(points.n)

        def work(start, stop, block):
            bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
            refuse_row(int(bad[0]) if len(bad) else -1)
            X = block.astype(np.float64)
            radii[start:stop] = np.min([self._radius_of_bit(X, self.boxes[part], norm) for part in self.bits], axis=0)

        points.over_rows(work, n_threads, width=points.d + 2 * sum(len(a) + len(b) for a, b in self.boxes))
        return radii

    def _radius_of_bit(self, X, boxes, norm):
        """How far rows may move in or outside the boxes of a bit."""
        depth, distance = np.full(len(X), -np.inf), np.full(len(X), np.inf)
        for lower, upper in boxes:
            inside, outside = self._of_box(X, lower, upper, norm)
            np.maximum(depth, inside, out=depth)
            np.minimum(distance, outside, out=distance)
        return np.where(depth >= 0, depth, distance)

    def _of_box(self, X, lower, upper, norm):
        """How far rows may move within a box, negative outside; and without entering it, 0 inside."""
        above = _differences_below(X[:, self.columns[lower]], self.thresholds[lower])
        below = _differences_below(self.thresholds[upper], X[:, self.columns[upper]])
        slack, is_out = np.hstack([above, below]), np.hstack([above < 0, below <= 0])
        depth = np.where(is_out.any(axis=1), -1.0, slack.min(axis=1, initial=_LARGEST))
        beyond = np.where(is_out, np.nextafter(-slack, 0), 0.0)
        return depth, beyond.max(axis=1, initial=0.0) if norm == "maximum" else _lengths_below(beyond)


def _differences_below(a, b):
    """A - b, rounded down; the least or largest number where it overflows. Its sign is that of the difference."""
    with np.errstate(over="ignore", invalid="ignore"):
        difference = a - b
        of_b = a - difference
        error = (a - (difference + of_b)) + (of_b - b)  # a - b = difference + error (Knuth)
        return np.where(error < 0, np.nextafter(difference, -np.inf), difference).clip(-_LARGEST, _LARGEST)


_LARGEST = np.finfo(np.float64).max


def _lengths_below(rows):
    """Euclidean length of rows without negative numbers, rounded down, by a share of 2^-40 at most."""
    largest = rows.max(axis=1, initial=0.0)
    scaled = rows / np.where(largest > 0, largest, 1.0)[:, None]
    lengths = np.sqrt((scaled**2).sum(axis=1)) * (1 - 2.0**-40)
    with np.errstate(over="ignore"):
        return np.maximum(lengths * largest, largest).clip(max=_LARGEST)


def _box(layer, unit, columns):
    """Lower and upper sides that a unit reads, or None if it is no box with one of each for a column."""
    part = slice(layer.weights.indptr[unit], layer.weights.indptr[unit + 1])
    sides, signs = layer.weights.indices[part], layer.weights.data[part]
    lower, upper = sides[signs == 1], sides[signs == -1]
    fits = (
        len(lower) + len(upper) == len(sides)
        and layer.thresholds[unit] == len(lower)
        and all(len(np.unique(columns[part])) == len(part) for part in (lower, upper))
    )
    return (lower, upper) if fits else None


def _is_or(layer, unit):
    """Whether a unit is 1, or is 0, where one of its inputs is 1."""
    part = slice(layer.weights.indptr[unit], layer.weights.indptr[unit + 1])
    signs = layer.weights.data[part]
    sign = 1 if layer.thresholds[unit] == 1 else -1
    return bool((signs == sign).all()) and layer.thresholds[unit] in (0, 1)
