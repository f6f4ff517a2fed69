"""Which columns of the points the hyperplanes read: few already tell points apart.

A first layer on r of d columns takes m r weights instead of m d and reads r columns of each row that is predicted. It
needs more hyperplanes, the fewer its columns; how many is foreseen on a sample (`fastmem.separate.foresight`), and with
it what a row costs: lines of memory, products, and the rest of a network.

Columns are runs of neighbours, which share cache lines, or scattered ones, by pivoted QR of the sample: each column
the one that varies most beside those before it (Businger and Golub, "Linear least squares solutions by Householder
transformations", 1965). Where columns are alike, a run tells as much as any; neighbouring pixels do not.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem.hyperplanes.frame import column_frame
from fastmem.separate.foresight import differing_share, expected_hyperplanes, foresee

__all__ = ["FEW_COLUMNS", "SAMPLE_ROWS", "ColumnPlan", "column_plans", "covering_columns"]

SAMPLE_ROWS = 2048
FEW_COLUMNS = 16  # of which none is left out
_SEED = 0
_SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_FIRST_SIZE = 16
_BLOCKS = 16  # of neighbouring columns that are looked at, where there are very many
_CHOOSING_ROWS, _SCALING_ROWS = 256, 64
_TAME = 8.0
_SIMILAR_SCALES = 10  # powers of two
_RESIDUAL, _RIDGE, _TINY = 1e-6, 1e-5, 1e-30
_MOST_ALIKE = 3.0  # logarithm of how much less of its variance a column has beside its neighbours
_MOST_COLLISIONS = 1000.0
_STEADY, _STEEP = 0.5, 2.0  # how much as the first columns more columns lower the number of equal pairs
# About nanoseconds: the store, a hyperplane, a line on its own and one in a row of lines, a column gathered.
_STORE, _HYPERPLANE, _LINE, _NEXT_LINE, _GATHER = 4.0, 0.2, 5.0, 1.0, 0.3
_PRODUCT = {4: 0.0125, 8: 0.018}  # by the bytes of a number
_MOST_SIGNS = 40  # that cost anything beside their products
_CACHE, _CACHED = 2**19, 0.25  # numbers; the share of the time of lines that are at hand
_NETWORK_BYTES, _HYPERPLANE_BYTES = 160, 9  # beside weights and labels
_SIZE_COUNTS, _UNITS_COUNT = 0.7, 0.1
_HOPELESS = 1.3
_LESS, _CLEARLY_LESS = 0.95, 0.75
_FEW_CLASSES, _SIMPLE, _FITTED_COLUMNS = 16, 16, 128
_FIT_RIDGE = 0.01


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
        Rows drawn at random, `SAMPLE_ROWS` of them or all, in any order.
    classes : int32 array of shape (s,)
        Points must be told apart if their classes differ.
    n : int
        Number of points that the sample stands for.
    numbers_a_line : int
        How many neighbouring columns share a cache line; 1 if columns are stored one after another.

    Returns
    -------
    list of ColumnPlan
        Those that cost less than all columns; empty if all are to be read.
    """
    if sample.shape[1] <= FEW_COLUMNS or len(sample) < 2 or n < 2:
        return []
    rows = slice(None)
    if len(sample) > SAMPLE_ROWS:  # at random: neighbours may be alike
        rows = np.sort(np.random.default_rng(_SEED).permutation(len(sample))[:SAMPLE_ROWS])
    classes = np.unique(classes[rows], return_inverse=True)[1].reshape(-1)
    if not classes.any():
        return []
    sample = np.ascontiguousarray(sample[rows])
    cost = _Cost(sample, classes, n, numbers_a_line)
    return _Search(sample, classes, cost).plans()


def _spread(length, count):
    """About as many positions, at equal distances."""
    return slice(None, None, -(-length // count))


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


class _Cost:
    """What reading columns costs, in the time of a row and the bytes of a network.

    Attributes
    ----------
    all_columns : ColumnPlan
    """

    def __init__(self, sample, classes, n, numbers_a_line):
        self.n, self.d, self.numbers_a_line = n, sample.shape[1], numbers_a_line
        self.differing = differing_share(classes)
        self.product = _PRODUCT[sample.itemsize]
        self.line = _CACHED if n * self.d <= _CACHE else 1.0
        shares = np.bincount(classes) / len(classes)
        label_bits = 1.0 if 2 * len(shares) > len(classes) else -float(shares @ np.log2(shares))
        self.other_bytes = _NETWORK_BYTES + n * label_bits / 8
        self.all_lines = self.line * _NEXT_LINE * -(-self.d // numbers_a_line)
        m = self.hyperplanes(self.d, self.d)
        self.all_columns = ColumnPlan(np.arange(self.d), m, self.of_row(m * self.d, m, self.all_lines))

    def hyperplanes(self, dimension, r):
        """How many the points need if they have that dimension in r columns."""
        return expected_hyperplanes(self.n, dimension, r, self.differing)

    def plan(self, columns, m, collisions=0.0):
        """A plan, with what pairs of points that are equal in its columns need.

        Half of them are parted by a random hyperplane over a few other columns.
        """
        if collisions > _MOST_COLLISIONS:
            return ColumnPlan(columns, m, math.inf)
        doublings = math.log2(1 + collisions)
        more_columns = min(collisions, 4 * doublings, self.d - len(columns))
        more = min(collisions, 1 + doublings)
        cost = self.of_row(m * len(columns) + more * more_columns, m + more, self.of_reading(columns, more_columns))
        return ColumnPlan(columns, m + more, cost)

    def of_row(self, products, m, reading):
        """Nanoseconds."""
        return _STORE + self.product * products + _HYPERPLANE * min(m, _MOST_SIGNS) + reading

    def of_reading(self, columns, more=0.0):
        """Nanoseconds for these columns, and more that are anywhere."""
        if self.numbers_a_line == 1:
            return _NEXT_LINE * (len(columns) + more)
        lines = np.unique(columns // self.numbers_a_line)
        alone = 1 + int(np.count_nonzero(np.diff(lines) > 1))
        gathered = more + (len(columns) if columns[-1] - columns[0] >= len(columns) else 0)
        of_lines = self.line * (_LINE * (alone + more) + _NEXT_LINE * (len(lines) - alone))
        return min(of_lines, self.all_lines) + _GATHER * gathered

    def of(self, plan):
        """By which plans are compared: time, and size and units with less weight."""
        size = self.other_bytes + plan.n_hyperplanes * (4 * len(plan.columns) + _HYPERPLANE_BYTES)
        return plan.cost * size**_SIZE_COUNTS * plan.n_hyperplanes**_UNITS_COUNT

    def is_worth(self, plan):
        """Whether a plan takes fewer weights and less time than all columns, and of both together clearly less."""
        weights, all_weights = (p.n_hyperplanes * len(p.columns) for p in (plan, self.all_columns))
        is_less = weights <= _LESS * all_weights and plan.cost <= _LESS * self.all_columns.cost
        return is_less and self.of(plan) <= _CLEARLY_LESS * self.of(self.all_columns)


class _Search:
    """The search for columns on a sample."""

    def __init__(self, sample, classes, cost):
        self.sample, self.classes, self.cost = sample, classes, cost
        self.frame = _ColumnFrame(sample, _candidates(cost.d, cost.numbers_a_line))
        self.sizes = [size for size in _SIZES if size < cost.d]

    def plans(self):
        """Those that cost less than all columns, the best first."""
        if not self.frame.varies.any():
            return []
        kinds = [_Scattered(self.frame)]
        if self.cost.numbers_a_line > 1 and self.cost.line == 1:
            kinds.insert(0, _Runs(self.frame, self.cost.numbers_a_line))
        found, least = [], math.inf
        for kind in kinds:
            plans = self._of_kind(kind, least)
            if plans and self.cost.of(plans[0]) < least:
                found, least = plans, self.cost.of(plans[0])
        if not found or not self.cost.is_worth(found[0]) or self._is_simple(found[0].columns):
            return []
        return [plan for plan in found if self.cost.is_worth(plan)]

    def _of_kind(self, kind, least):
        """The best of a kind and then larger ones; none if another kind's cost will hardly be reached."""
        larger = self._larger(kind, least)
        if not larger:
            return []
        smaller = self._smaller(kind, larger[0]) if larger[0] is min(larger, key=self.cost.of) else []
        plans = smaller[::-1] + larger
        is_worth = [self.cost.is_worth(plan) for plan in plans]
        if not any(is_worth):
            is_worth = [True] * len(plans)
        costs = [self.cost.of(plan) if taken else math.inf for plan, taken in zip(plans, is_worth, strict=True)]
        plans = plans[costs.index(min(costs)) :]
        return plans if len(plans) > 1 else plans + self._doubled(kind, plans[0])

    def _larger(self, kind, least):
        """Plans of more and more columns from the first size on, as long as it pays, and one more."""
        plans, collisions, best, dimension = [], _Collisions(self), None, math.inf
        for size in self.sizes[self.sizes.index(min(_FIRST_SIZE, self.sizes[-1])) :]:
            if collisions.at_least(size) > _MOST_COLLISIONS:
                continue
            columns = kind(size) if self._can_be_better(size, dimension, best) else None
            if columns is None:
                break
            plan, dimension = self._plan(columns, collisions)
            if not plans and _HOPELESS * least < self.cost.of(plan) < math.inf:
                break
            plans.append(plan)
            if len(columns) < size or (best is not None and self.cost.of(plan) > self.cost.of(best)):
                break
            best = plan
        return plans

    def _smaller(self, kind, best):
        """Plans of fewer and fewer columns than the best so far, as long as it pays."""
        plans = []
        for size in [size for size in self.sizes if size < len(best.columns)][::-1]:
            plan, _ = self._plan(kind(size), _Collisions(self))
            if self.cost.of(plan) >= self.cost.of(best):
                break
            best = plan
            plans.append(plan)
        return plans

    def _can_be_better(self, size, dimension, best):
        """Whether a plan of that size can be better than all columns, and than the best, whose dimension is given.

        It cannot have more dimensions for each column.
        """
        if best is None or best.cost == math.inf:
            m, reading = self.cost.hyperplanes(size, size) / 2, 0.0
        else:
            m = self.cost.hyperplanes(dimension * size / len(best.columns), size)
            reading = self.cost.of_reading(best.columns)
        plan = ColumnPlan(np.arange(size), m, self.cost.of_row(m * size, m, reading))
        return self.cost.is_worth(plan) and (best is None or self.cost.of(plan) < self.cost.of(best))

    def _doubled(self, kind, plan):
        """A plan of twice as many columns, for where the other fails."""
        size = 2 * len(plan.columns)
        columns = kind(size) if size < self.cost.d else None
        is_more = columns is not None and len(columns) == size
        return [self._plan(columns, _Collisions(self))[0]] if is_more else []

    def _plan(self, columns, collisions):
        """A plan for these columns, and the points' dimension in them."""
        rows = np.ascontiguousarray(self.sample[:, columns])
        foreseen = foresee(rows, self.frame.coordinates(rows, columns), self.classes, self.cost.n)
        equal = collisions.of_all(len(columns), foreseen.equal)
        return self.cost.plan(columns, foreseen.n_hyperplanes, equal), foreseen.dimension

    def _is_simple(self, columns):
        """Whether a column or a linear function of all tells the classes well apart, and of these columns none."""
        if int(self.classes.max()) >= _FEW_CLASSES:
            return False
        coordinates, classes = self.frame.chosen_on, self.classes[_spread(len(self.classes), _CHOOSING_ROWS)]
        few = np.searchsorted(self.frame.candidates, columns)
        place = _most_telling(coordinates, classes)
        if place not in few and _is_told_by(coordinates[:, place], classes):
            return True
        if self.cost.d <= _FITTED_COLUMNS:
            coordinates, classes = self.frame.coordinates(self.sample, self.frame.candidates), self.classes
        by_chance = len(classes) / 2 * (1 - float(np.bincount(classes).max()) / len(classes))
        errors = _linear_errors(coordinates, classes)
        return _SIMPLE * errors <= by_chance and _linear_errors(coordinates[:, few], classes) > 2 * errors + 3


class _Collisions:
    """Pairs of points that are equal in the columns of plans of more and more columns."""

    def __init__(self, search):
        s = len(search.sample)
        self.times_as_many = (search.cost.n / s) ** 2
        self.pairs = search.cost.differing * s * s / 2
        self.size, self.equal = 0, self.pairs  # the last size at which the sample has equal pairs

    def of_all(self, size, equal):
        """How many of all points' pairs are equal, given the sample's.

        If the sample has none, by how they fell with more columns before.
        """
        if equal:
            self.size, self.equal = size, equal
        return (equal or min(self._falling(size, _STEADY), 1.0)) * self.times_as_many

    def at_least(self, size):
        """How many are still equal with so many columns, even if they fall faster than before."""
        return self._falling(size, _STEEP) * self.times_as_many

    def _falling(self, size, as_fast):
        if not self.size:
            return 0.0
        fall = math.log(max(self.pairs / self.equal, 1.0)) / self.size
        return self.equal * math.exp(-as_fast * fall * (size - self.size))


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
        rows = sample[_spread(len(sample), _CHOOSING_ROWS)]
        rows = np.ascontiguousarray(rows if len(candidates) == sample.shape[1] else rows[:, candidates])
        self.candidates = candidates
        self.centre, exponents = column_frame(rows[_spread(len(rows), _SCALING_ROWS)])
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


def _most_telling(coordinates, classes):
    """The column that varies most between classes, for its variance."""
    is_of_class = (np.arange(int(classes.max()) + 1)[:, None] == classes).astype(np.float32)
    means = is_of_class @ coordinates / np.maximum(is_of_class.sum(axis=1), 1)[:, None]
    between = is_of_class.sum(axis=1) @ means**2
    return int((between / (np.einsum("ij,ij->j", coordinates, coordinates) + _TINY)).argmax())


def _is_told_by(x, classes):
    """Whether each class has an interval of its own."""
    return np.count_nonzero(np.diff(classes[x.argsort()])) == classes.max()


def _linear_errors(coordinates, classes):
    """How many of every other row a least squares fit to the rest takes for another class."""
    fitted, others = coordinates[::2].astype(np.float64), coordinates[1::2].astype(np.float64)
    targets = (classes[::2, None] == np.arange(int(classes.max()) + 1)).astype(np.float64)
    middle = targets.mean(axis=0)
    if len(fitted) < fitted.shape[1]:
        weights = fitted.T @ np.linalg.solve(_with_ridge(fitted @ fitted.T), targets - middle)
    else:
        weights = np.linalg.solve(_with_ridge(fitted.T @ fitted), fitted.T @ (targets - middle))
    return int(np.count_nonzero((middle + others @ weights).argmax(axis=1) != classes[1::2]))


def _with_ridge(products):
    return products + (_FIT_RIDGE * np.trace(products) / len(products) + _TINY) * np.eye(len(products))
