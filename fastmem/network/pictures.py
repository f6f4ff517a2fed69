"""What pictures of a network show, whoever draws them: layers together, the plane with its lines, bars of radii."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from fastmem.data.as_labels import as_labels, positions
from fastmem.data.as_points import as_points
from fastmem.errors import InvalidInput

__all__ = [
    "Layers", "bars", "label_positions", "layers_together", "limits_of", "pixel_centres", "points_and_positions",
    "segments", "unit_hyperplanes",
]  # fmt: skip

DEEP = 40  # layers that are drawn one by one
_FARTHEST = 2.0**1020  # of which a few can be added


class Layers(NamedTuple):
    """A layer, or layers one after the other that do the same: their largest width, and all of their connections."""

    name: str
    stage: str
    width: int
    n_weights: int


def layers_together(network):
    """Each layer by itself; of deep networks those that do the same together."""
    numbers = range(1, network.depth + 1)
    groups = [[number] for number in numbers]
    if network.depth > DEEP:
        groups = [list(group) for _, group in itertools.groupby(numbers, lambda number: network.stages[number - 1])]
    return [
        Layers(
            f"layer {group[0]}" if len(group) == 1 else f"layers {group[0]} to {group[-1]}",
            network.stages[group[0] - 1] + (f", {len(group):,} layers" if len(group) > 1 else ""),
            max(network.layers[number - 1].n_units for number in group),
            sum(network.layers[number - 1].n_weights for number in group),
        )
        for group in groups
    ]


# The plane


def points_and_positions(network, X, y):
    """Points, and the positions of their labels in the classes."""
    if X is None:
        if y is not None:
            raise InvalidInput("y holds labels of points: give X too")
        return np.empty((0, 2)), np.empty(0, np.int64)
    points = as_points(X, 2, names=network.feature_names)
    points.check_finite(0, points.n)
    labels = network.predict(X) if y is None else y
    return points.block(0, points.n), label_positions(labels, network.classes, points.n)


def label_positions(labels, classes, n=None):
    """Positions of labels in the classes: int64 array of shape (n,)."""
    found = as_labels(labels, len(labels) if n is None else n)
    try:
        return positions(found.classes, classes)[found.indices]
    except KeyError as error:
        raise InvalidInput(
            f"y holds the label {error.args[0]!r:.100}, which is none of the network's classes"
        ) from None


def unit_hyperplanes(network):
    """Normals of length 1, shape (m, 2), and distances from the origin along them, shape (m,)."""
    weights, thresholds = network.hyperplanes.weights.astype(np.float64), network.hyperplanes.thresholds
    lengths = np.linalg.norm(weights, axis=1)
    is_line = lengths > 0
    return weights[is_line] / lengths[is_line, None], thresholds[is_line] / lengths[is_line]


def limits_of(limits, points, weights, offsets):
    """Left, right, bottom, top: as given, or what holds the points, or a square that all lines pass through."""
    if limits is None:
        with np.errstate(over="ignore"):
            limits = _limits_around(points, weights, offsets)
    array = np.asarray(limits, np.float64)
    if np.abs(array).max(initial=0) > _FARTHEST:
        raise InvalidInput("the picture reaches beyond 2^1020, where sums of coordinates are no numbers")
    if array.shape != (4,) or not np.isfinite(array).all() or array[0] >= array[1] or array[2] >= array[3]:
        raise InvalidInput(f"limits are left < right and bottom < top, four finite numbers, not {limits!r}")
    return tuple(array.tolist())


def _limits_around(points, weights, offsets):
    if len(points):
        low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
        margin = 0.05 * np.where(high > low, high - low, max((high - low).max(), 1.0))
        # Far from 0 that may be less than numbers tell apart.
        margin = np.maximum(margin, 8 * np.spacing(np.maximum(np.abs(low), np.abs(high))))
    else:
        # The point nearest to all lines, and how far it is from the farthest.
        low = high = np.linalg.lstsq(weights, offsets)[0] if len(weights) else np.zeros(2)
        margin = np.full(2, 1.25 * np.abs(weights @ low - offsets).max(initial=0.0))
        if margin[0] <= 1e-9 * np.abs(low).max():
            margin[:] = max(np.abs(low).max(), 1.0)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return left, right, bottom, top


def pixel_centres(limits, resolution):
    """Centres of the pixels of a square picture, line by line from the bottom: float64 array (resolution^2, 2)."""
    left, right, bottom, top = limits
    steps = (np.arange(resolution) + 0.5) / resolution
    across, up = np.meshgrid(left + (right - left) * steps, bottom + (top - bottom) * steps)
    return np.stack([across.ravel(), up.ravel()], axis=1)


def segments(weights, offsets, limits):
    """Pieces of the lines that cross the rectangle and reach beyond it: float64 array of shape (k, 2 ends, 2)."""
    left, right, bottom, top = limits
    centre, reach = np.array([left + right, bottom + top]) / 2, math.hypot(right - left, top - bottom) / 2
    distances = offsets - weights @ centre
    near = np.abs(distances) <= reach
    feet = centre + distances[near, None] * weights[near]
    along = reach * np.stack([-weights[near, 1], weights[near, 0]], axis=1)
    return np.stack([feet - along, feet + along], axis=1)


# Radii


def bars(distances, n_bars):
    """Scale of the axis, and edges of the bars: all of equal width on it."""
    positive = distances[distances > 0]
    if not len(positive) or positive.max() / 10 <= positive.min():
        return "linear", np.linspace(*_ends(distances.min(), distances.max()), n_bars + 1)
    edges = np.geomspace(positive.min(), positive.max(), n_bars + 1)
    # geomspace may round its ends inwards.
    edges[[0, -1]] = positive.min(), positive.max()
    return "log", edges


def _ends(low, high):
    """Ends of an axis; of numbers that are equal, or nearly, with room around them."""
    if high - low > 1e-9 * high:
        return low, high
    room = 0.1 * high if high else 0.5
    return low - room, high + min(room, np.finfo(np.float64).max - high)
