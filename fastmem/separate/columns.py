"""Which columns of the points the hyperplanes read: few already tell points apart.

A first layer on r of d columns takes m r weights instead of m d and reads r columns of each row that is predicted.
It needs more hyperplanes, the fewer its columns: how many is estimated on a sample.

After k hyperplanes with random whitened directions, a share E[(1 - a / pi)^k] of all pairs is still together, a the
angle between two points as seen from the centre. For Gaussian points of R^D the law of a has density sin(a)^(D-2). So
the share of a sample's pairs that are together after some hyperplanes gives its points a dimension D, as if they were
Gaussian, and D gives the share that k hyperplanes leave of all n^2 / 2 pairs. The last pairs fall r at a time, since a
hyperplane has the freedom to pass between r pairs: m is about 3/4 of the least k + pairs / r (the choice among
directions that `fastmem.separate.adaptive` has is the rest). Pairs that 64 hyperplanes leave together in the sample
are near ones of their own kind, and are counted apart: of these too, a hyperplane parts about r.

Columns are runs of neighbours, which share cache lines, or scattered ones, by pivoted QR of the sample: each column
the one that varies most beside those before it (Businger and Golub, "Linear least squares solutions by Householder
transformations", 1965).
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem.data.sorting import run_starts
from fastmem.hyperplanes.frame import column_frame

__all__ = ["SAMPLE_ROWS", "ColumnPlan", "column_plans", "covering_columns"]

SAMPLE_ROWS = 2048
_SEED = 0
_FEW_COLUMNS = 16  # of which none is left out
_SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_FIRST_SIZE = 16
_BLOCKS = 16  # of neighbouring columns that are looked at, where there are very many
_CHOOSING_ROWS, _SCALING_ROWS = 256, 64
_SMALL_N, _FEW_ROWS = 8192, 512
_TAME = 8.0
_SIMILAR_SCALES = 10  # powers of two
_RESIDUAL, _RIDGE = 1e-6, 1e-5
_MOST_ALIKE = 3.0  # logarithm of how much less of its variance a column has beside its neighbours
# Hyperplanes of the estimate, a stage after another, each for what those before left together.
_STAGES = (8, 4, 4, 8, 8, 16, 16)
_MEDIAN_OF, _LOWER = 64, 26
_ROWS_A_COLUMN = 4  # that show how they spread
_SURE = 10.0  # pairs together that measure their share well
_GREEDY = 0.74
_CELLS = 64.0  # pairs that the last hyperplanes part at once
_MOST_COLLISIONS = 1000.0
# About nanoseconds: the store, a hyperplane, a line on its own and one in a row of lines, a column gathered.
_STORE, _HYPERPLANE, _LINE, _NEXT_LINE, _GATHER = 12.0, 0.05, 8.0, 2.5, 0.3
_PRODUCT = {4: 0.014, 8: 0.02}  # by the bytes of a number
_CACHE, _CACHED = 2**19, 0.25  # numbers; the share of the time of lines that are at hand
_SIZE_COUNTS = 0.7
_FEW_CLASSES = 16
_FIT_RIDGE = 0.01
_NETWORK_BYTES = 512
_TINY = 1e-30
_STEADY = 0.5  # how much as the first columns more columns lower the number of equal pairs
_GAIN = 0.95  # of the time and of the weights at most, or all columns are read


class ColumnPlan(NamedTuple):
    """Columns to read, the number of hyperplanes expected on them, and the cost of a row in about nanoseconds."""

    columns: np.ndarray
    n_hyperplanes: float
    cost: float


def column_plans(sample, classes, n, numbers_a_line):
    """Choices of few columns, the best first and then others with ever more columns.

    Parameters
    ----------
    sample : float32 or float64 array of shape (s, d)
        Rows drawn at random, `SAMPLE_ROWS` of them or all.
    classes : int32 array of shape (s,)
        Points must be told apart if their classes differ.
    n : int
        Number of points that the sample stands for.
    numbers_a_line : int
        How many neighbouring columns share a cache line.

    Returns
    -------
    list of ColumnPlan
        Those that cost less than all columns; empty if all are to be read.
    """
    s, d = sample.shape
    if d <= _FEW_COLUMNS or s < 2 or n < 2:
        return []
    s = min(s, _FEW_ROWS if n <= _SMALL_N else SAMPLE_ROWS)
    choice = _Choice(sample[:s], classes[:s], n, numbers_a_line)
    return choice.plans() if choice.differing > 0 else []


def covering_columns(differences):
    """The fewest columns, greedily, such that every pair differs in one of them at least.

    Parameters
    ----------
    differences : bool array of shape (p, d)
        Which columns part each pair.

    Returns
    -------
    int64 array
        Ascending. Pairs that differ in no column count for nothing.
    """
    left, chosen = np.arange(len(differences)), []
    counts = _counts(differences, left)
    while counts.size and counts.max() > 0:
        column = int(counts.argmax())
        chosen.append(column)
        is_covered = differences[left, column]
        counts -= _counts(differences, left[is_covered])  # so each pair is read twice, however many columns it takes
        left = left[~is_covered]
    return np.sort(np.array(chosen, np.int64))


def _counts(differences, rows):
    """How many of the rows have True in each column."""
    counts = np.zeros(differences.shape[1], np.int64)
    for start in range(0, len(rows), 255):  # as many as a byte counts
        counts += differences[rows[start : start + 255]].view(np.uint8).sum(axis=0, dtype=np.uint8)
    return counts


class _Choice:
    """The search for columns on a sample."""

    def __init__(self, sample, classes, n, numbers_a_line):
        self.sample, self.n, self.numbers_a_line = sample, n, numbers_a_line
        self.s, self.d = sample.shape
        self.classes = np.unique(classes, return_inverse=True)[1].reshape(-1)
        shares = np.bincount(self.classes) / self.s
        self.differing = (1 - float(shares @ shares)) * self.s / (self.s - 1)
        self.pairs = self.differing * self.s * (self.s - 1) / 2
        self.times_as_many = (n / self.s) ** 2  # pairs among all points
        label_bits = 1.0 if 2 * len(shares) > self.s else float(-(shares * np.log2(shares)).sum())
        self.other_bytes = _NETWORK_BYTES + n * label_bits / 8
        self.line_cost = _CACHED if n * self.d <= _CACHE else 1.0
        m = _expected(n, self.d, self.d, self.differing)
        lines = -(-self.d // numbers_a_line)
        self.limit = ColumnPlan(
            np.arange(self.d), m, self._row_cost(m * self.d, m, self.line_cost * _NEXT_LINE * lines)
        )

    def plans(self):
        """Those that cost less than all columns, the best first."""
        frame = _ColumnFrame(self.sample, _candidates(self.d, self.numbers_a_line))
        if not frame.varies.any():
            return []
        kinds = [_Scattered(frame)]
        if self.numbers_a_line > 1 and self.line_cost == 1:
            kinds.append(_Runs(frame, self.numbers_a_line))
        found = [plans for plans in (self._search(kind, frame) for kind in kinds) if plans]
        if not found:
            return []
        plans = min(found, key=lambda plans: self._value(plans[0]))
        if self._is_one_hyperplane(frame, plans[0].columns):
            return []
        return [plan for plan in plans if self._is_worth(plan)]

    def _search(self, kind, frame):
        """The best size of a kind, and then larger ones: more columns as long as it pays, or fewer."""
        sizes = [size for size in _SIZES if size < self.d]
        first = sizes.index(_FIRST_SIZE) if _FIRST_SIZE in sizes else len(sizes) - 1
        tried, collisions, best = [], _Collisions(self), None
        for size in sizes[first:]:
            plan = self._plan(kind(size), collisions, frame) if self._can_be_worth(size, best) else None
            if plan is None:
                break
            tried.append(plan)
            if best is not None and self._value(plan) > self._value(best):
                break
            best = plan if plan.cost < np.inf else None
            if len(plan.columns) < size:
                break
        if not tried:
            return []
        if best is tried[0]:
            for size in sizes[:first][::-1]:
                plan = self._plan(kind(size), _Collisions(self), frame)
                if self._value(plan) >= self._value(best):
                    break
                best = plan
                tried.insert(0, plan)
        return [] if best is None else tried[[plan is best for plan in tried].index(True) :]

    def _can_be_worth(self, size, best):
        """Whether as few hyperplanes as can be expected would make a plan of that size better than all columns."""
        m = _expected(self.n, size, size, self.differing) / 2
        least = ColumnPlan(np.arange(size), m, self._row_cost(m * size, m, 0.0))
        return self._is_worth(least) and (best is None or self._value(least) <= self._value(best))

    def _is_worth(self, plan):
        weights = plan.n_hyperplanes * len(plan.columns)
        all_weights = self.limit.n_hyperplanes * self.d
        return plan.cost <= _GAIN * self.limit.cost and weights <= _GAIN * all_weights

    def _value(self, plan):
        """Time, and size with a little less weight."""
        size = self.other_bytes + 4 * plan.n_hyperplanes * len(plan.columns)
        return plan.cost * size**_SIZE_COUNTS

    def _row_cost(self, products, m, reading):
        return _STORE + _PRODUCT[self.sample.itemsize] * products + _HYPERPLANE * m + reading

    def _plan(self, columns, collisions, frame):
        """A plan, with what points that are equal in its columns need: a few hyperplanes on a few other columns."""
        if columns is None:
            return None
        m, equal = self._estimate(columns, frame)
        r, pairs = len(columns), collisions.of_all(len(columns), equal)
        if pairs > _MOST_COLLISIONS:
            return ColumnPlan(columns, m, np.inf)
        doublings = math.log2(1 + pairs)
        more = min(pairs, 4 * doublings, self.d - r)
        products = m * r + (1 + doublings) * more
        m += min(pairs, 1 + doublings)
        return ColumnPlan(columns, m, self._row_cost(products, m, self._reading_cost(columns, more)))

    def _reading_cost(self, columns, more):
        r = len(columns)
        lines = np.unique(columns // self.numbers_a_line)
        alone = np.count_nonzero(np.diff(lines) > 1) + 1
        gathering = _GATHER * (r + more) if columns[-1] - columns[0] >= r else _GATHER * more
        of_lines = _LINE * (alone + more) + _NEXT_LINE * (len(lines) - alone)
        return min(of_lines, _NEXT_LINE * -(-self.d // self.numbers_a_line)) * self.line_cost + gathering

    def _estimate(self, columns, frame):
        """Hyperplanes that all points need on these columns, and the sample's pairs that are equal on them."""
        r = len(columns)
        rows = np.ascontiguousarray(self.sample[:, columns])
        left, members, buckets = _pairs_left(frame.coordinates(rows, columns), self.classes)
        equal = _equal_pairs(rows[members], self.classes[members], buckets) if len(members) else 0.0
        dimension = _dimension(left - left[-1], self.pairs)
        usual = self.pairs * _share_together(dimension, sum(_STAGES))
        near = max(left[-1] - equal - usual - 2 * math.sqrt(usual + 1), 0.0)
        return _expected(self.n, dimension, r, self.differing) + near * self.times_as_many / r, equal

    def _is_one_hyperplane(self, frame, columns):
        """Whether all columns tell the classes apart linearly, and these few do not."""
        n_classes = int(self.classes.max()) + 1
        if n_classes > _FEW_CLASSES:
            return False
        classes = self.classes[: len(frame.chosen_on)]
        by_chance = len(classes[1::2]) - np.bincount(classes[1::2], minlength=1).max()
        of_all = _linear_errors(frame.chosen_on, classes)
        if 16 * of_all > by_chance:
            return False
        few = np.searchsorted(frame.candidates, columns)
        return _linear_errors(frame.chosen_on[:, few], classes) > of_all + len(classes) / 64


class _Collisions:
    """Pairs of points that are equal in the columns of plans of more and more columns."""

    def __init__(self, choice):
        self.times_as_many = choice.times_as_many
        self.seen = [(0, choice.pairs)]

    def of_all(self, size, equal):
        """How many of all points' pairs are equal, given the sample's.

        If the sample has none, by how they fell with more columns.
        """
        if equal or len(self.seen) < 2:
            self.seen += [(size, equal)] if equal else []
            return equal * self.times_as_many
        (_, pairs), (last, few) = self.seen[0], self.seen[-1]
        fall = _STEADY * math.log(max(pairs / few, 1.0)) / last
        return min(few * math.exp(-fall * (size - last)), 1.0) * self.times_as_many


def _candidates(d, numbers_a_line):
    """All columns, or if they are very many, runs of them at equal distances."""
    longest = _SIZES[-1]
    if d <= _BLOCKS * longest:
        return np.arange(d)
    starts = np.linspace(0, d - longest, _BLOCKS).astype(np.int64) // numbers_a_line * numbers_a_line
    return (starts[:, None] + np.arange(longest)).ravel()


class _ColumnFrame:
    """Coordinates without outliers, of one scale unless that of columns differs very much.

    Attributes
    ----------
    chosen_on : float32 array
        Those of some rows, centred.
    """

    def __init__(self, sample, candidates):
        rows = sample[:_CHOOSING_ROWS]
        rows = np.ascontiguousarray(rows if len(candidates) == sample.shape[1] else rows[:, candidates])
        self.candidates = candidates
        self.centre, exponents = column_frame(rows[:_SCALING_ROWS])
        self.varies = rows.max(axis=0) > rows.min(axis=0)
        exponents = exponents.astype(np.int32)
        varying = exponents[self.varies]
        if len(varying) and np.ptp(varying) <= _SIMILAR_SCALES:
            exponents[:] = varying.max()
        self.scales = np.ldexp(1.0, -exponents)
        self.chosen_on = self._placed(rows, slice(None))
        self.chosen_on -= self.chosen_on.mean(axis=0)

    def coordinates(self, rows, columns):
        """Those of rows of which only some columns are given."""
        return self._placed(rows, np.searchsorted(self.candidates, columns))

    def _placed(self, rows, places):
        coordinates = np.empty(rows.shape, np.float32)
        kernels.place_rows(rows, self.centre[places], self.scales[places], _TAME, coordinates)
        return coordinates


class _Runs:
    """Runs of neighbouring columns from the beginning of a cache line on: of each length the most various."""

    def __init__(self, frame, numbers_a_line):
        self.coordinates, self.candidates, self.numbers_a_line = frame.chosen_on, frame.candidates, numbers_a_line

    def __call__(self, size):
        starts = np.arange(0, len(self.candidates) - size + 1, self.numbers_a_line)
        starts = starts[self.candidates[starts + size - 1] - self.candidates[starts] == size - 1]
        if not len(starts):
            return None
        starts = starts[:: -(-len(starts) // _BLOCKS)]
        runs = np.stack([self.coordinates[:, start : start + size] for start in starts.tolist()])
        covariances = (runs.transpose(0, 2, 1) @ runs).astype(np.float64)
        variances = np.diagonal(covariances, axis1=1, axis2=2)
        ridges = _RIDGE * variances.max() + _TINY
        volumes = np.linalg.slogdet(covariances + ridges * np.eye(size))[1]
        best = int(volumes.argmax())
        if volumes[best] < np.log(variances[best] + ridges).sum() - _MOST_ALIKE * size:
            return None
        return self.candidates[starts[best] : starts[best] + size]


class _Scattered:
    """Columns by pivoted QR, as many as are asked for or as many as are independent."""

    def __init__(self, frame):
        self.coordinates, self.candidates = frame.chosen_on, frame.candidates
        self.variances = np.einsum("ij,ij->j", self.coordinates, self.coordinates)
        self.least = _RESIDUAL * float(self.variances.max())
        self.basis = np.empty((_SIZES[-1], len(self.coordinates)), np.float32)
        self.chosen = []

    def __call__(self, size):
        while len(self.chosen) < size:
            column = int(self.variances.argmax())
            if self.variances[column] <= self.least:
                break
            before, rest = self.basis[: len(self.chosen)], self.coordinates[:, column]
            for _ in range(2):  # the second time for what rounding left
                rest = rest - (before @ rest) @ before
            rest /= np.linalg.norm(rest) + _TINY
            self.basis[len(self.chosen)] = rest
            self.variances -= (rest @ self.coordinates) ** 2
            self.variances[column] = -np.inf
            self.chosen.append(column)
        return self.candidates[np.sort(self.chosen[:size])] if self.chosen else None


def _pairs_left(coordinates, classes):
    """Pairs that must differ and are together after each stage of hyperplanes; the rows left at the end, their bucket.

    Directions are drawn at random and whiten the rows that are together with others; a threshold is about their
    median, each counted as often, but not a point itself: that would part it from the nearest.
    """
    random = np.random.default_rng(_SEED)
    members, buckets = np.arange(len(coordinates)), np.zeros(len(coordinates), np.int64)
    n_classes, left = int(classes.max()) + 1, np.zeros(len(_STAGES))
    for stage, count in enumerate(_STAGES):
        directions = random.standard_normal((coordinates.shape[1], count), np.float32)
        if not stage or len(members) >= _ROWS_A_COLUMN * coordinates.shape[1]:
            whitening = _whitening(coordinates)
        projections = coordinates @ (whitening @ directions)
        some = np.sort(projections[_by_company(buckets)], axis=0)
        signs = np.packbits(projections >= (some[_LOWER] + some[-_LOWER]) / 2, axis=1)
        codes = signs[:, 0] if count <= 8 else signs.view(np.uint16)[:, 0]
        left[stage], chosen, buckets = _open_buckets(buckets << 16 | codes, classes[members], n_classes)
        if not len(chosen):
            return left, chosen, buckets
        members, coordinates = members[chosen], coordinates[chosen]
    return left, members, buckets


def _by_company(buckets):
    """Positions of a few rows, each as likely as it has rows in its bucket; buckets are numbered in order."""
    together = np.cumsum(np.bincount(buckets)[buckets])
    return np.searchsorted(together, (np.arange(_MEDIAN_OF) + 0.5) / _MEDIAN_OF * together[-1])


def _open_buckets(buckets, classes, n_classes):
    """Pairs of different classes that share a bucket, and the positions and new buckets of their points."""
    key = buckets * n_classes + classes
    order = np.argsort(key)
    key = key[order]
    bucket = key // n_classes
    groups, firsts = run_starts(key), run_starts(bucket)
    ends = np.append(firsts[1:], len(key))
    sizes = ends - firsts
    group_sizes = np.append(groups[1:], len(key)) - groups
    pairs = (int(sizes @ sizes) - int(group_sizes @ group_sizes)) / 2
    is_open = key[firsts] != key[ends - 1]
    of_open = sizes[is_open]
    return pairs, order[np.repeat(is_open, sizes)], np.repeat(np.arange(len(of_open)), of_open)


def _whitening(coordinates):
    """Directions in which the rows spread alike: R^-1, if their covariance is R^T R."""
    centred = coordinates - coordinates.mean(axis=0)
    covariance = (centred.T @ centred).astype(np.float64) / len(centred)
    places = np.arange(len(covariance))
    covariance[places, places] += _RIDGE * covariance[places, places].sum() + _TINY
    try:
        return np.linalg.inv(np.linalg.cholesky(covariance)).T.astype(np.float32)
    except np.linalg.LinAlgError:
        return np.eye(len(covariance), dtype=np.float32)


def _equal_pairs(rows, classes, buckets):
    """Pairs of equal rows whose classes differ, among those that share a bucket."""
    same = np.unique(rows + 0.0, axis=0, return_inverse=True)[1].reshape(-1)  # +0.0: a zero has no sign
    return _open_buckets(same, classes, int(classes.max()) + 1)[0]


def _linear_errors(coordinates, classes):
    """How many of every other row a least squares fit to the rest takes for another class."""
    fitted, others = coordinates[::2], coordinates[1::2]
    products = (fitted @ fitted.T).astype(np.float64)
    places = np.arange(len(products))
    products[places, places] += _FIT_RIDGE * np.trace(products) / len(products) + _TINY
    targets = (classes[::2, None] == np.arange(int(classes.max()) + 1)).astype(np.float64)
    middle = targets.mean(axis=0)
    found = middle + (others @ fitted.T) @ np.linalg.solve(products, targets - middle)
    return int(np.count_nonzero(found.argmax(axis=1) != classes[1::2]))


@functools.lru_cache(maxsize=1)
def _shares():
    """The share of pairs of Gaussian points that are together after some hyperplanes, by dimension.

    Returns
    -------
    dimensions, counts : float arrays
    logarithms : float array of shape (dimensions, counts)
    """
    dimensions = np.concatenate([np.geomspace(1.1, 64, 48), [128.0, 512.0, 2048.0]])
    counts = np.unique(np.concatenate([np.arange(65), np.geomspace(65, 2.0**17, 64).round()]))
    x = (np.arange(400) + 0.5) / 400
    angles = np.pi * x**3  # small ones count most
    weights = np.log(np.sin(angles)) * (dimensions[:, None] - 2) + np.log(x**2)
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    together = np.exp(np.log1p(-angles / np.pi)[:, None] * counts)
    return dimensions, counts, np.log(weights @ together + 1e-300)


def _share_together(dimension, count):
    dimensions, counts, logarithms = _shares()
    return math.exp(np.interp(dimension, dimensions, logarithms[:, np.searchsorted(counts, count)]))


def _dimension(left, pairs):
    """That of Gaussian points of whose pairs as many are left, after as many hyperplanes as leave some at all."""
    dimensions, counts, logarithms = _shares()
    ends = np.cumsum(_STAGES)
    stage = max(int(np.count_nonzero(left >= _SURE)) - 1, 0)
    share = math.log(max(left[stage], 1.0) / pairs)
    return float(np.interp(-share, -logarithms[:, np.searchsorted(counts, ends[stage])], dimensions))


def _expected(n, dimension, r, differing):
    """How many hyperplanes part n points of that dimension on r columns."""
    dimensions, counts, logarithms = _shares()
    place = float(np.interp(dimension, dimensions, np.arange(len(dimensions))))
    below = min(int(place), len(dimensions) - 2)
    share = place - below
    shares = np.exp((1 - share) * logarithms[below] + share * logarithms[below + 1])
    pairs = differing * n * n / 2
    return max(_GREEDY * float((counts + pairs * shares / r).min()), math.log2(1 + pairs / _CELLS) - 1, 1.0)
