"""Slabs around groups of points, which hold no point of another label: what Baum's construction (1988) is made of.

A group's hyperplane is a direction at right angles to the differences of its points, found by QR in float64 and then
rounded to float32 weights, by which the group's projections spread over about 1e-8. All projections are known up to
bounds of their rounding errors (Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1), and a slab is
taken only if a gap is left between the group's projections and those of the other label, these bounds and the rounding
of the thresholds taken off; its sides lie about the middle of the gaps. So a slab is right however the points lie, but
there is not always one. Other points on the hyperplane itself are refused even where rounding parts them.
"""

import threading
from typing import NamedTuple

import numpy as np

from fastmem.separate.frame import Frame

__all__ = ["Slabs", "Space"]

_SCALINGS = 4
_SAMPLES = 3
_NARROW = 16.0  # in spreads of a group by the rounding of weights
_CLEAR = 64.0  # the same of a group before that
_INDEPENDENT = 3e-7  # of the largest singular value
_NUMBERS = 2**21  # of coordinates at a time
_TILE = 256, 256  # points and groups, in the cache
_OUTLIER = 8.0
_FAR = 1e29  # beyond, the frame may have moved a coordinate
_UNIT = 2.0**-53
_UNDERFLOW = 2.0**-480  # far above what products, and the squares in a norm, may lose


class Slabs(NamedTuple):
    """Slabs around groups of points.

    Attributes
    ----------
    weights : float32 array of shape (g, d)
    lower, upper : float64 array of shape (g,)
        Slab j is where ``lower[j] <= weights[j] @ x < upper[j]``.
    width : float64 array of shape (g,)
        Distance of the group from the nearest point of the other label, in the frame, rounding errors taken off; 0 or
        less where there is no slab.
    """

    weights: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    width: np.ndarray

    @property
    def exist(self):
        """Whether each group has its slab."""
        return self.width > 0

    def replace(self, places, slabs):
        """Put others into some places."""
        for values, others in zip(self, slabs, strict=True):
            values[places] = others

    def take(self, places):
        """Those in some places."""
        return Slabs(*(values[places] for values in self))


class Space:
    """The points in coordinates of comparable scale, and hyperplanes through some of them.

    Parameters
    ----------
    points : Points
    distinct : int64 array
        Rows of which no two are equal.
    sample : array
        Some of these rows in random order.
    random_state : numpy.random.Generator
    n_threads : int
    is_alone : bool
        Whether a slab holds no point of another group either: what is outside is then all but the group.

    Attributes
    ----------
    dimension : int
        As many points lie on a hyperplane that others do not lie on.
    """

    def __init__(self, points, distinct, sample, random_state, n_threads, is_alone=False):
        self.points, self.n_threads, self.is_alone = points, n_threads, is_alone
        # With the extremes the frame knows which columns vary.
        self.frame = Frame(np.concatenate([sample, self.points.extremes(n_threads)], dtype=np.float64))
        # Of d terms, of a coordinate's rounding and of the few operations that follow, with a direction of length 2.
        self._growth = (points.d + 16) * _UNIT * 2.02
        self._steps = self._place(sample[: 4 * (points.d + 1)])[0].clip(-_OUTLIER, _OUTLIER)
        self._steps -= self._steps.mean(axis=0)
        self.dimension = self._affine_dimension(distinct, random_state)

    def _place(self, X):
        """Coordinates of rows, and bounds of the errors of their projections.

        Those on directions of length 1, or on such directions rounded, which doubles them at most.
        """
        coordinates, _ = self.frame.coordinates(X)
        norms = np.sqrt(np.einsum("ij,ij->i", coordinates, coordinates))
        return coordinates, np.where(norms < _FAR, self._growth * norms + _UNDERFLOW, np.inf)

    def _affine_dimension(self, distinct, random_state):
        """The most points of which as many and one more, drawn at random, are affinely independent."""
        dimension = min(self.points.d, len(distinct) - 1)
        while dimension > 1:
            ranks = [self._affine_rank(random_state.choice(distinct, dimension + 1, False)) for _ in range(_SAMPLES)]
            rank = sorted(ranks)[_SAMPLES // 2]
            if rank == dimension:
                break
            dimension = rank
        return max(dimension, 1)

    def _affine_rank(self, rows):
        coordinates, bounds = self._place(self.points.take(rows))
        base = np.argmin(bounds)
        steps = np.delete(coordinates, base, axis=0) - coordinates[base]
        steps /= np.linalg.norm(steps, axis=1, keepdims=True) + 1e-300
        values = np.linalg.svd(steps, compute_uv=False)
        return int(np.count_nonzero(values > _INDEPENDENT * values[0]))

    def slabs(self, groups, is_outside, random_state):
        """A slab around each group that holds no row for which is_outside is true, if one is found."""
        directions = np.empty((len(groups), self.points.d))
        for places, coordinates, _ in self._in_batches(groups):
            directions[places] = self._directions_through(coordinates, random_state)
        slabs, spread = self._slabs_along(directions, groups, is_outside, random_state)
        narrow = np.flatnonzero(slabs.width < _NARROW * spread)
        if narrow.size:
            clear = self._are_clear(directions[narrow], [groups[place] for place in narrow], is_outside)
            slabs.width[narrow[~clear]] = 0.0
            narrow = narrow[clear]
        # Scaled otherwise, weights are rounded otherwise.
        for _ in range(_SCALINGS if narrow.size else 0):
            scaled = directions[narrow] * random_state.uniform(0.5, 1.0, (narrow.size, 1))
            some = [groups[place] for place in narrow]
            others, _ = self._slabs_along(scaled, some, is_outside, random_state)
            wider = np.flatnonzero(others.width > slabs.width[narrow])
            slabs.replace(narrow[wider], others.take(wider))
        return slabs

    def _are_clear(self, directions, groups, is_outside):
        """Whether hyperplanes through groups are, before weights are rounded, clear of the rows outside.

        Rounding may by chance part points that lie on one hyperplane.
        """
        middles, lowest, highest = self._extents(directions, groups)
        below, above = self._nearest(directions, middles, is_outside, groups)
        with np.errstate(invalid="ignore"):
            return np.minimum(lowest - below, above - highest) > _CLEAR * (highest - lowest)

    def _in_batches(self, groups):
        """Places of groups of equal size, with coordinates (g, s, d) and error bounds (g, s) of their points."""
        sizes = np.array([len(group) for group in groups])
        for size in np.unique(sizes).tolist():
            places = np.flatnonzero(sizes == size)
            step = max(_NUMBERS // (size * self.points.d), 1)
            for start in range(0, len(places), step):
                some = places[start : start + step]
                rows = np.concatenate([groups[place] for place in some])
                coordinates, bounds = self._place(self.points.take(rows))
                yield some, coordinates.reshape(len(some), size, -1), bounds.reshape(len(some), size)

    def _directions_through(self, coordinates, random_state):
        """Unit vectors at right angles to the differences of the points of each group.

        Where there are several dimensions of these, a random one along which the points vary.
        """
        directions = random_state.standard_normal((len(coordinates), len(self._steps))) @ self._steps
        across = None
        if coordinates.shape[1] > 1:
            across = np.linalg.qr((coordinates[:, 1:] - coordinates[:, :1]).transpose(0, 2, 1))[0]
        for _ in range(2):  # what the first projection leaves may be small, and then is not at right angles
            directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-300
            if across is not None:
                along = across.transpose(0, 2, 1) @ directions[:, :, None]
                directions -= (across @ along)[:, :, 0]
        return directions / (np.linalg.norm(directions, axis=1, keepdims=True) + 1e-300)

    def _slabs_along(self, directions, groups, is_outside, random_state):
        """Slabs between hyperplanes at right angles to directions, and how far each group's projections spread."""
        weights, rounded, powers = self.frame.round(directions)
        middles, lowest, highest = self._extents(rounded, groups)
        below, above = self._nearest(rounded, middles, is_outside, groups)
        # With nothing on one side, the slab reaches as far as on the other.
        with np.errstate(invalid="ignore"):  # infinite bounds, of coordinates that do not fit the frame
            below = np.where(below == -np.inf, lowest - (above - highest), below)
            above = np.where(above == np.inf, highest + (lowest - below), above)
            width = np.minimum(lowest - below, above - highest)
            spread = highest - lowest
        width[~(width > 0)] = 0.0
        lower, upper = np.zeros(len(width)), np.zeros(len(width))
        some = np.flatnonzero(width)
        # In a lattice, points of the group's own label lie in the very middle.
        shares = random_state.uniform(0.45, 0.55, (2, len(some)))
        for share, thresholds, low, high in (shares[0], lower, below, lowest), (shares[1], upper, highest, above):
            levels = middles[some] + (low[some] + share * (high[some] - low[some]))
            thresholds[some], errors = self._thresholds(weights[some], levels, powers[some])
            width[some[~(high[some] - low[some] > 4 * errors)]] = 0.0
        return Slabs(weights, lower, upper, width), spread

    def _extents(self, directions, groups):
        """Middle of the projections of each group, and bounds of the least and the largest, less that."""
        middles, lowest, highest = np.empty((3, len(groups)))
        for places, coordinates, bounds in self._in_batches(groups):
            values = (coordinates @ directions[places][:, :, None])[:, :, 0]
            middles[places] = (values.min(axis=1) + values.max(axis=1)) / 2
            values -= middles[places][:, None]
            lowest[places], highest[places] = (values - bounds).min(axis=1), (values + bounds).max(axis=1)
        return middles, lowest, highest

    def _nearest(self, directions, middles, is_outside, groups):
        """Bounds of the projections of the rows outside nearest to the middles from either side, less the middles."""
        below, above = np.full(len(middles), -np.inf), np.full(len(middles), np.inf)
        lock, group_of = threading.Lock(), self._groups_of_rows(groups)

        def work(start, stop, block):
            rows = np.flatnonzero(is_outside[start:stop])
            coordinates, bounds = self._place(block[rows])
            own = None if group_of is None else group_of[start:stop][rows]
            nearest = _nearest_in_tiles(coordinates, bounds[:, None], directions, middles, own)
            with lock:
                np.maximum(below, nearest[0], out=below)
                np.minimum(above, nearest[1], out=above)

        self.points.over_rows(work, self.n_threads)
        # Differences from the middles were rounded.
        return below * (1 - 8 * _UNIT), above * (1 - 8 * _UNIT)

    def _groups_of_rows(self, groups):
        """Which group a row belongs to, which is not outside of it; None where no row outside belongs to one."""
        if not self.is_alone:
            return None
        group_of = np.full(self.points.n, -1)
        group_of[np.concatenate(groups)] = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        return group_of

    def _thresholds(self, weights, levels, powers):
        """Thresholds for levels in the frame, and bounds of the errors of these and of the levels, in the frame."""
        thresholds = np.array(
            [self.frame.threshold(*plane) for plane in zip(weights, levels, powers, strict=True)], np.float64
        )
        underflow = (self.points.d + 1) * 2.0**-1073
        with np.errstate(all="ignore"):
            errors = np.ldexp(np.spacing(np.abs(thresholds)) + underflow, -powers) + np.spacing(np.abs(levels))
        return thresholds, errors

    def rows_near(self, group, is_outside, random_state):
        """Rows outside that a hyperplane through a group is not clear of, or else the one nearest to it."""
        ((_, coordinates, _),) = self._in_batches([group])
        direction = self._directions_through(coordinates, random_state)
        (middle,), (lowest,), (highest,) = self._extents(direction, [group])
        distances = np.full(self.points.n, np.inf)

        def work(start, stop, block):
            rows = np.flatnonzero(is_outside[start:stop])
            coordinates, bounds = self._place(block[rows])
            values = coordinates @ direction[0] - middle
            distances[start + rows] = np.maximum(lowest - values, values - highest) - bounds

        self.points.over_rows(work, self.n_threads)
        is_other = is_outside.copy()
        is_other[group] = False
        near = max(distances[is_other].min(), _CLEAR * (highest - lowest))  # infinite where all distances are
        return np.flatnonzero(is_other & (distances <= near))


def _nearest_in_tiles(coordinates, bounds, directions, middles, own=None):
    """Largest negative and least other ``coordinates @ directions.T - middles``, moved up and down by the bounds.

    Rows whose own number is that of the direction do not count.
    """
    below, above = np.full(len(middles), -np.inf), np.full(len(middles), np.inf)
    n_rows, n_groups = _TILE
    for start in range(0, len(coordinates), n_rows):
        rows = slice(start, start + n_rows)
        for first in range(0, len(middles), n_groups):
            some = slice(first, first + n_groups)
            values = coordinates[rows] @ directions[some].T
            values -= middles[some]
            is_below = values < 0
            is_above = ~is_below
            if own is not None:
                is_other = own[rows, None] != np.arange(first, first + values.shape[1])
                is_below &= is_other
                is_above &= is_other
            low = np.where(is_below, values + bounds[rows], -np.inf).max(axis=0)
            high = np.where(is_above, values - bounds[rows], np.inf).min(axis=0)
            np.maximum(below[some], low, out=below[some])
            np.minimum(above[some], high, out=above[some])
    return below, above
