"""Boxes around points: every input near a point, in the largest difference of a coordinate, has its label.

Robust memorization in the maximum norm, by threshold units, with a construction and a proof of our own; that it takes
width d or more is known from Yu, Gao & Zhang, "Optimal robust memorization with ReLU neural networks" (ICLR 2024). Let
lambda be the least distance of two points with different labels in the maximum norm, and mu < lambda/2. Cubes of radius
mu around points with different labels do not meet.

1. **Sides.** Units [x_a >= t], each for one column.
2. **Boxes.** A unit that is 1 between its sides: [sum of lower sides - sum of upper sides >= number of lower sides].
3. **Output**: an OR of the boxes, for each label bit (`fastmem.constructions.unions`).

With a cube for each of P points inside that is 2dP + P + 1 units. Fewer do: cubes that have a box free of cubes outside
share it, as far as near ones are tried; a box has only sides that keep a cube outside off, chosen greedily, each
halfway to the cubes that it keeps off; and equal sides are one unit. `Network.certified_radius` knows boxes: of each
memorized point it is mu or more, in the maximum norm.
"""

import math

import numpy as np

from fastmem.constructions.unions import bits_of, joined, network_of
from fastmem.data.options import OwnOption, as_distance
from fastmem.data.points import distinct_rows
from fastmem.errors import MarginNotReached, NetworkTooLarge
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.layer import Layer
from fastmem.layers.rows import as_rows
from fastmem.machine.partners import need
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_blocks
from fastmem.separate.frame import threshold_between
from fastmem.theory.boxes import bound

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]


def _radius(name, value):
    return None if value is None else as_distance(name, value)


OPTIONS = ()
OWN_OPTIONS = {"radius": OwnOption(None, _radius)}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = None

_SHARE = 0.98  # of the largest radius, lambda/2
_MOST_NUMBERS = 2**28  # of the cubes that a box is compared with, and of the weights of sides
_TRIES = 16  # cubes near a box that may have no room in it, until it is closed
_TREE_DIMENSION = 10
_LARGEST = np.finfo(np.float64).max
_PAIRS = 2**20


def build(points, labels, point_numbers, *, radius, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    radius : float or None
        mu; 0.98 of the largest one by default, or 0 where float64 has no room for cubes.
    random_state : numpy.random.Generator
        Nothing is drawn from it.
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    LayeredNetwork

    Raises
    ------
    MarginNotReached
        Cubes of that radius around points with different labels meet.
    NetworkTooLarge
        The points have too many coordinates.
    """
    distinct = distinct_rows(point_numbers)
    X = points.take(distinct).astype(np.float64)
    bits, sides, boxes = bits_of(labels.indices[distinct], labels.n_bits), _Sides(points.d), []
    if bits:
        size = bound(len(X), points.d, 1.0, labels.n_bits)
        _refuse_too_many(len(X), points.d, f"there are {len(X):,} points", size)
        half = min(_half_distance(X[bit.inside], X[bit.outside], n_threads) for bit in bits)
        radius, cubes = _cubes(X, half, radius)
        with progress_bar(progress, sum(len(bit.inside) for bit in bits), "boxing points", unit="points") as bar:
            boxes = [_boxes_around(cubes, bit, X, sides, bar) for bit in bits]
    return network_of(
        points, labels, sides.hyperplanes(X), sides.layers(bits, boxes), n_threads,
        construction="boxes", construction_options={"radius": radius},
        stages=("sides of boxes", "inside a box", "in a box") if bits else (),
    )  # fmt: skip


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


def _refuse_too_many(n, d, what, size=(0, 0)):
    """Raise `NetworkTooLarge` if n rows of d numbers are too many to be kept."""
    if n * d > _MOST_NUMBERS:
        raise NetworkTooLarge(
            f"{what} in R^{d}, more numbers than the {_MOST_NUMBERS:,} that are kept: use "
            'construction="compact", whose hyperplanes are few',
            *size,
        )


def _half_distance(one, other, n_threads):
    """Half of the least distance of two rows in the maximum norm."""
    spatial = need("scipy.spatial", what="construction='boxes'")
    one, other = one / 2, other / 2  # so that no difference overflows
    if one.shape[1] <= _TREE_DIMENSION:
        tree = spatial.cKDTree(other)
        return float(tree.query(one, p=math.inf)[0].min())
    least, rows = [], max(_PAIRS // len(other), 1)

    def work(start, stop):
        least.append(spatial.distance.cdist(one[start:stop], other, "chebyshev").min())

    over_blocks(work, len(one), rows, n_threads)
    return float(min(least))


def _cubes(X, half, radius):
    """mu, and lower and upper ends of cubes of that radius around the rows, rounded outwards: inputs in [lower, upper).

    With mu = 0 a cube holds its point alone.
    """
    mu = _SHARE * half if radius is None else radius
    with np.errstate(over="ignore"):
        room = 16 * np.spacing(min(np.abs(X).max() + mu, _LARGEST) / 2)  # for the rounding of distances and of ends
        if half - mu >= room and mu:
            return mu, (np.nextafter(X - mu, -np.inf), np.nextafter(X + mu, np.inf))
        if not radius:
            return 0.0, (X, np.nextafter(X, np.inf))
    raise MarginNotReached(
        f"points with different labels are {2 * half:.6g} apart in the largest coordinate: cubes around them must "
        f"have a radius below {half:.6g}, by more than float64 rounds, not {mu:.6g}",
        mu,
        half,
    )


def _boxes_around(cubes, bit, X, sides, bar):
    """Boxes that hold the cubes inside and meet none outside: pairs of numbers of lower and of upper sides."""
    lower, upper = cubes
    outside, boxes = (lower[bit.outside], upper[bit.outside]), []
    left = bit.inside
    while len(left):
        box = _grown(lower, upper, outside, left, X)
        chosen = _sides_of(*box, *outside)
        boxes.append(sides.numbers(*chosen))
        (low_columns, low), (high_columns, high) = chosen
        held = (lower[np.ix_(left, low_columns)] >= low).all(axis=1)
        held &= (upper[np.ix_(left, high_columns)] <= high).all(axis=1)
        bar.update(int(held.sum()))
        left = left[~held]
    return boxes


def _grown(lower, upper, outside, left, X):
    """Lower and upper ends of a box around the first cube left, and around those near it for which there is room."""
    first = left[0]
    low, high = lower[first], upper[first]
    with np.errstate(over="ignore"):
        distances = np.abs(X[left] - X[first]).max(axis=1)
    tries_left = _TRIES
    for row in left[np.argsort(distances, kind="stable")[1:]].tolist():
        wider = np.minimum(low, lower[row]), np.maximum(high, upper[row])
        if (wider[0] == low).all() and (wider[1] == high).all():
            continue
        if _is_free(*wider, *outside):
            low, high = wider
            continue
        tries_left -= 1
        if not tries_left:
            break
    return low, high


def _is_free(low, high, lower, upper):
    """Whether a box meets none of the cubes."""
    return bool(((upper <= low) | (lower >= high)).any(axis=1).all())


def _sides_of(low, high, lower, upper):
    """Columns and thresholds of lower sides, and of upper ones, which keep all cubes outside off a box.

    Of all sides that which keeps off most is taken, until none is left; a threshold is halfway to the cubes that no
    side before keeps off.
    """
    d, left = len(low), np.arange(len(lower))
    off = np.hstack([upper <= low, lower >= high])
    chosen = [], []
    while len(left):
        side = int(off[left].sum(axis=0).argmax())
        kept_off, column = left[off[left, side]], side % d
        if side < d:
            threshold = _between(upper[kept_off, column].max(), low[column])
        else:
            threshold = _between(high[column], lower[kept_off, column].min())
        chosen[side >= d].append((column, threshold))
        left = left[~off[left, side]]
    return tuple(
        (np.array([column for column, _ in part], np.int64), np.array([t for _, t in part], np.float64))
        for part in chosen
    )


def _between(below, above):
    """A number t with below <= t <= above, halfway where float64 has one there."""
    return below if below == above else float(threshold_between(below, above))


class _Sides:
    """Units [x_a >= t], each once."""

    def __init__(self, d):
        self.d, self._numbers = d, {}

    def numbers(self, lower, upper):
        """Numbers of the units for columns and thresholds of lower and of upper sides."""
        return tuple(
            [
                self._numbers.setdefault(side, len(self._numbers))
                for side in zip(*map(np.ndarray.tolist, part), strict=True)
            ]
            for part in (lower, upper)
        )

    def hyperplanes(self, X):
        """All of them."""
        _refuse_too_many(len(self._numbers), self.d, f"boxes have {len(self._numbers):,} sides")
        weights = np.zeros((len(self._numbers), self.d), np.float32)
        weights[np.arange(len(weights)), [column for column, _ in self._numbers]] = 1
        return Hyperplanes(weights, [threshold for _, threshold in self._numbers], *column_frame(X))

    def layers(self, bits, boxes):
        """The second and the third layer, for the boxes of each bit."""
        if not bits:
            return ()
        entries = [(row, side, sign) for row, box in enumerate(b for part in boxes for b in part)
                   for sign, sides in zip((1, -1), box, strict=True) for side in sides]  # fmt: skip
        rows, columns, signs = np.array(entries, np.int64).T
        n_boxes = list(map(len, boxes))
        weights = as_rows((signs, (rows, columns)), (sum(n_boxes), len(self._numbers)))
        n_lower = np.bincount(rows[signs > 0], minlength=len(weights.indptr) - 1)
        return Layer(weights, n_lower.astype(np.int64)), joined([bit.value for bit in bits], n_boxes)
