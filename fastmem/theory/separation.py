"""delta, the smallest distance of points scaled into the unit ball: what the theorem's first layer depends on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastmem.data.as_labels import as_labels, refuse_contradictions
from fastmem.data.as_points import as_points
from fastmem.errors import InvalidInput
from fastmem.html.elements import fragment, pairs
from fastmem.machine.floats import default_environment
from fastmem.machine.partners import need
from fastmem.machine.threads import over_row_blocks, resolve_threads
from fastmem.theory.pairs import closest_pair, squared_distances

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.points import Points
    from fastmem.machine.progress import Progress

__all__ = ["Separation", "separation", "separation_of", "unit_ball"]

# A KD-tree beats comparing all pairs up to about this dimension.
_TREE_DIMENSION = 10
_QUERY_WIDTH = 480  # coordinates of a row for whose blocks Ctrl-C need not wait
_SCALE = 500
_LEAST_SQUARE = 2.0**-969  # below it the squares of coordinates lose digits


class Separation(NamedTuple):
    """A closest pair of distinct rows.

    Attributes
    ----------
    distance : float
        Euclidean, in the units of X.
    rows : tuple of (int, int)
    delta : float
        The distance after X is moved and scaled into the unit ball as `unit_ball` does: ``distance / radius``, the
        delta of Rajput et al. (2021, arXiv 2106.07724, theorem 1). At most 2.
    """

    distance: float
    rows: tuple[int, int]
    delta: float

    def _repr_html_(self) -> str:
        """The three, in all digits and with what they are, for a notebook."""
        first, second = self.rows
        rows = [
            ("distance", f"{self.distance!r}, in the units of X"),
            ("rows", f"{first} and {second}"),
            ("delta", f"{self.delta!r}, in the unit ball"),
        ]
        return fragment(pairs(rows, caption="Smallest distance of two rows"))


@default_environment()
def separation(
    X: ArrayLike, y: ArrayLike | None = None, *, n_threads: int | None = None, progress: Progress = False
) -> Separation:
    """Smallest distance between two distinct rows, with the pair, and as the theorem's delta.

    With labels, the smallest distance between two rows of different labels, which other theorems ask for.

    No approximation: every pair is compared or excluded by a proved bound; only the distances themselves are
    rounded, to float64 (relative error below d 2^-52). Equal rows are one point. Up to 10 dimensions a KD-tree
    is used (SciPy), beyond that n^2 / 2 inner products in blocks (``fastmem.theory.pairs``).

    Parameters
    ----------
    X : array_like of shape (n, d)
        Finite numbers.
    y : array_like of shape (n,) or (n, k), optional
        Labels as for `fastmem.memorize`.
    n_threads : int, optional
        All cores by default. The result does not depend on it.
    progress : bool or tqdm class

    Returns
    -------
    Separation
        ``distance``, ``rows`` and ``delta``.

    Raises
    ------
    InvalidInput
        X is not finite numbers, has fewer than two distinct rows or labels, spans more than the 300 orders of magnitude
        between a coordinate and a difference that squares of float64 can, or has a distance that overflows float64.
    ContradictoryLabels
        Equal rows have different labels.

    Examples
    --------
    >>> separation([[0, 0], [6, 8], [6, 7], [0, 0]])
    Separation(distance=1.0, rows=(1, 2), delta=0.19222773253288467)
    >>> separation([[0, 0], [6, 8], [6, 7], [0, 0]], ["a", "b", "b", "a"]).rows
    (0, 2)
    """
    n_threads = resolve_threads(n_threads)
    points = as_points(X)
    labels = None if y is None else as_labels(y, points.n)
    later, first = points.equal_rows(n_threads)
    if labels is not None:
        refuse_contradictions(labels, later, first)
        if len(labels.classes) < 2:
            raise InvalidInput(f"all {points.n} labels are equal: the separation of labels needs two of them")
    distinct = np.setdiff1d(np.arange(points.n), later)
    if len(distinct) < 2:
        raise InvalidInput(f"all {points.n} rows of X are equal: a separation needs two distinct rows")
    return separation_of(points, distinct, None if labels is None else labels.indices, n_threads, progress)


def separation_of(points, distinct, classes, n_threads, progress):
    """`separation` of validated data.

    Parameters
    ----------
    points : Points
    distinct : int64 array
        The rows that count, two or more, all different.
    classes : int array of shape (n,) or None
        Only rows of different classes are compared; there are two among the distinct rows.
    n_threads : int
    progress : bool or tqdm class
    """
    _, radius, radius_power = _ball(points, n_threads)
    rows = points.take(distinct).astype(np.float64)
    power = _SCALE - int(np.frexp(np.abs(rows).max())[1])
    rows = np.ldexp(rows, power)
    classes = None if classes is None else classes[distinct]
    if points.d > _TREE_DIMENSION:
        square, pair = closest_pair(rows, n_threads, progress, classes)
    elif classes is None:
        square, pair = _closest_by_tree(rows, n_threads)
    else:
        square, pair = _closest_of_classes_by_tree(rows, classes, n_threads)
    if square < _LEAST_SQUARE:
        rows = points.take(distinct).astype(np.float64)
        difference = np.abs(rows[pair[0]] - rows[pair[1]])
        # With no column larger than others, where they differ the difference may be large enough.
        helps = np.any(difference > math.ldexp(math.sqrt(_LEAST_SQUARE), -_SCALE) * np.abs(rows).max(axis=0))
        raise InvalidInput(
            f"rows {distinct[pair[0]]} and {distinct[pair[1]]} differ by too little beside the largest coordinate "
            f"to square their distance{': rescale the columns' if helps else ''}"
        )
    i, j = sorted(int(distinct[k]) for k in pair)
    distance = math.sqrt(square)
    delta = math.ldexp(distance / radius, -radius_power - power)
    return Separation(_unscaled(distance, -power), (i, j), delta)


@default_environment()
def unit_ball(points: Points, n_threads: int = 1) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of a ball that holds all points: ``(x - centre) / radius`` lies in the unit ball.

    The centre is the origin or the mean of the points, whichever needs the smaller radius, the origin if they
    agree up to rounding: points of the unit sphere around the origin stay where they are. The radius is at most
    twice the smallest there is, since the mean lies in every ball that holds the points.

    Parameters
    ----------
    points : fastmem.data.points.Points
        n finite points of R^d, read in blocks.
    n_threads : int
        The result does not depend on it.

    Returns
    -------
    centre : float64 ndarray of shape (d,)
    radius : float
        Largest distance from the centre, rounded up by a relative (d + 8) 2^-52, more than all roundings in it
        and in ``(x - centre) / radius`` and its norm; 1 if all points are the centre.

    Raises
    ------
    InvalidInput
        The radius overflows float64.

    Examples
    --------
    >>> from fastmem.data.points import Points
    >>> centre, radius = unit_ball(Points(np.array([[0.0, 0.0], [6.0, 8.0], [6.0, 7.0], [0.0, 0.0]])))
    >>> centre, round(radius, 12)
    (array([3.  , 3.75]), 5.202163011671)
    """
    centre, radius, power = _ball(points, n_threads)
    return np.ldexp(centre, power), _unscaled(radius, power)


def _ball(points, n_threads):
    """Centre and radius of `unit_ball`, both divided by 2^power, and this power, so that no square overflows."""
    largest = max(_of_blocks(points, n_threads, lambda rows: float(np.abs(rows).max())))
    power = math.frexp(largest)[1]
    sums, squares = zip(
        *_of_blocks(points, n_threads, lambda rows: _sum_and_largest_square(np.ldexp(rows, -power))), strict=True
    )
    radius = math.sqrt(max(squares))
    mean = np.ldexp(np.ldexp(np.sum(sums, axis=0) / points.n, power), -power)  # as float64 holds it unscaled
    squares = _of_blocks(points, n_threads, lambda rows: _sum_and_largest_square(np.ldexp(rows, -power) - mean)[1])
    around_mean = math.sqrt(max(squares))
    rounding = (points.d + 8) * 2.0**-52
    centre = np.zeros(points.d)
    if around_mean < radius * (1 - 4 * rounding):
        centre, radius = mean, around_mean
    if not radius:
        return np.ldexp(centre, power), 1.0, 0
    return centre, radius * (1 + rounding), power


def _unscaled(distance, power):
    try:
        return math.ldexp(distance, power)
    except OverflowError:
        raise InvalidInput("distances between rows of X overflow float64: rescale the columns") from None


def _sum_and_largest_square(rows):
    return rows.sum(axis=0), float((rows * rows).sum(axis=1).max())


def _of_blocks(points, n_threads, function):
    """Values of a function of blocks of rows, float64 in C order, in the order of the blocks."""
    values = {}

    def work(start, stop, block):
        values[start] = function(block.astype(np.float64, order="C"))

    points.over_rows(work, n_threads)
    return [values[start] for start in sorted(values)]


def _closest_by_tree(rows, n_threads):
    neighbours = _nearest(rows, rows, 2, n_threads)
    a = np.arange(len(rows))
    b = np.where(neighbours[:, 0] == a, neighbours[:, 1], neighbours[:, 0])
    return _closest_of(rows, a, b)


def _closest_of_classes_by_tree(rows, classes, n_threads):
    """The closest pair of different classes: their numbers differ in some binary digit."""
    best = []
    for bit in range(int(classes.max()).bit_length()):
        one = classes >> bit & 1 == 1
        a, b = np.flatnonzero(one), np.flatnonzero(~one)
        if len(a) and len(b):
            best.append(_closest_of(rows, a, b[_nearest(rows[b], rows[a], 1, n_threads)[:, 0]]))
    return min(best)


def _nearest(rows, of, k, n_threads):
    """Numbers of the k rows nearest to each of other rows: array of shape (len(of), k)."""
    spatial = need("scipy.spatial", what="separation")
    tree, neighbours = spatial.cKDTree(rows), np.empty((len(of), k), np.intp)

    # Not by threads of SciPy: Ctrl-C ends its call while they go on, in memory that is then freed.
    def work(start, stop):
        neighbours[start:stop] = tree.query(of[start:stop], k=np.arange(1, k + 1))[1]

    over_row_blocks(work, len(of), _QUERY_WIDTH, n_threads)
    return neighbours


def _closest_of(rows, a, b):
    squares = squared_distances(rows, a, b)
    best = int(np.argmin(squares))
    return float(squares[best]), (int(a[best]), int(b[best]))
