"""Points on a line: there one column orders them all, and cuts along it are as few as there can be.

In R^d too points may lie on a line, exactly or within the rounding of their coordinates: a constant column, the same
quantity in two units. Every hyperplane parts the line at one point, so no hyperplanes are fewer than those of
`cuts_along`, and no search for better ones is needed.
"""

import numpy as np

from fastmem.data.sorting import run_starts
from fastmem.separate.frame import threshold_between

__all__ = ["cuts_along", "ordering_column"]

_LEAST, _FEW, _SOME = 4, 8, 512  # fewer lie on many lines
_NUMBERS = 2**20  # coordinates that are looked at first
_INTEGERS = 2.0**24
_ROUNDINGS = 16.0  # of a coordinate, in units of its dtype's precision: what a few operations leave


def ordering_column(points, n_threads=1):
    """The column along which all points lie on a line, the steepest of those that tell most apart; None if they do not.

    Parameters
    ----------
    points : Points
    n_threads : int

    Returns
    -------
    int or None
    """
    if points.d == 1:
        return 0
    if points.n < _LEAST:
        return None
    for is_last, n in enumerate((_FEW, _SOME)):  # few show it mostly
        n = min(points.n, n, max(_NUMBERS // points.d, _FEW))
        sample = points.take(np.linspace(0, points.n - 1, n).astype(np.int64)).astype(np.float64)
        precision = _precision(sample, points, n_threads)
        line = _line_through(sample, precision, np.abs(sample).max(axis=0))
        if (is_last and line is None) or (line is not None and not line.holds(sample)):
            return None
    line = _line_through(sample, precision, np.abs(points.extremes(n_threads).astype(np.float64)).max(axis=0))
    is_off = []

    def work(start, stop, block):
        if not is_off and not line.holds(block.astype(np.float64)):
            is_off.append(True)

    points.over_rows(work, n_threads)
    return None if is_off else line.column


def _precision(sample, points, n_threads):
    """Relative distance of neighbouring numbers as coarse as the coordinates are: by their values, whatever the dtype.

    Integers that float32 need not round are taken to be exact.
    """
    are_exact = np.array_equal(sample, np.rint(sample)) and np.abs(sample).max() <= _INTEGERS
    is_coarse = points.fit_float32(n_threads) and not are_exact
    return float(np.finfo(np.float32 if is_coarse else np.float64).eps)


class _Line:
    """A line by one of its points and its slopes in the coordinates, scaled so that none is large."""

    def __init__(self, column, point, slopes, powers, precision):
        self.column, self._precision = column, precision
        self._point, self._slopes, self._powers = point, slopes, powers
        self._size = np.abs(point) + np.abs(slopes * point[column])

    def holds(self, rows):
        """Whether rows, float64, lie on the line within the rounding of their own coordinates and of its point."""
        rows = np.ldexp(rows, self._powers)
        along = rows[:, self.column, None]
        off = np.abs(rows - self._point - self._slopes * (along - self._point[self.column]))
        size = np.abs(rows) + np.abs(self._slopes * along) + self._size
        return bool(np.all(off <= _ROUNDINGS * self._precision * size))


def _line_through(sample, precision, largest):
    """The line through the middle of a sample and the point furthest from it; None if all are one point."""
    powers = -np.frexp(largest)[1]
    scaled = np.ldexp(sample, powers)
    in_order = np.sort(scaled, axis=0)
    n_values = np.count_nonzero(np.diff(in_order, axis=0), axis=0)
    spread = np.ldexp((in_order[-1] - in_order[0]) / 4, -powers)  # at most a quarter of the largest number
    column = int(np.lexsort((spread, n_values))[-1])
    middle = scaled[np.argsort(scaled[:, column])[len(scaled) // 2]]
    furthest = scaled[np.abs(scaled[:, column] - middle[column]).argmax()]
    length = furthest[column] - middle[column]
    return _Line(column, middle, (furthest - middle) / length, powers, precision) if length else None


def cuts_along(x, classes):
    """Thresholds between all neighbours on the line that must differ: as few as there can be.

    Every such pair of neighbours needs a threshold between them, and one threshold lies between one pair.

    Parameters
    ----------
    x : float array of shape (n,)
    classes : int32 array of shape (n,)
        Points with equal x and different classes stay together.

    Returns
    -------
    thresholds : float64 array of shape (m,), ascending
    """
    order = np.argsort(x)
    x, classes = x[order].astype(np.float64), classes[order]
    starts = run_starts(x)
    least, largest = np.minimum.reduceat(classes, starts), np.maximum.reduceat(classes, starts)
    # Where both are of one class, and of the same, both differences are 0.
    changes = np.flatnonzero((largest[:-1] != least[1:]) | (least[:-1] != largest[1:]))
    x = x[starts]
    return threshold_between(x[changes], x[changes + 1])
