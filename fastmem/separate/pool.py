"""Hyperplanes that part unseen inputs from memorized points: random half-spaces, and cuts along the columns.

Half-spaces have directions w ~ N(0, (C + 0.1 tr(C)/d)^-1) of scaled columns, C their correlations: whitened, so that
correlated columns are told apart, but softly, so that noise in what hardly varies is not. Their thresholds stand in the
widest gap of the memorized points between the 35 % and the 65 % quantile: near the median each parts about half of all,
and few memorized points are near. Where columns are many, each half-space may read some of them, and as many as there
are groups of columns read all.

In few dimensions random half-spaces part near points slowly. There, each column is cut at equally spaced ranks with one
random shift, in the middle of gaps between values.
"""

import math

import numpy as np

from fastmem.separate.acceptance import cuts_of_columns

__all__ = ["POOL", "Cuts", "HalfSpaces", "Law", "between"]

POOL = 256
_FLOOR = 0.1
_INNER = 0.35, 0.65
_TOGETHER, _GROUPS = 64, 8  # columns of a half-space, and the most groups of columns
_MOST_TOGETHER, _MOST_ALONE, _WHITENED, _PARTITIONS = 128, 512, 2048, 4


class Law:
    """What is known of the inputs: a sample of rows, of which some are memorized.

    Parameters
    ----------
    rows : float array of shape (s, d)
    is_memorized : bool array of shape (s,)

    Attributes
    ----------
    varies : bool array of shape (d,)
        Which columns are not constant.
    scaled : float64 array of shape (s, d)
        The rows with columns of mean 0 and variance 1, or 0.
    units : float64 array of shape (d,)
        By which columns are multiplied for that; of a constant one, which other inputs may differ in, as of most.
    """

    def __init__(self, rows, is_memorized):
        self.rows, self.is_memorized = np.ascontiguousarray(rows, np.float64), is_memorized
        with np.errstate(all="ignore"):
            largest = np.frexp(np.abs(self.rows).max(axis=0))[1]
            scaled = np.ldexp(self.rows, -largest)  # within [-1, 1]
            self.centre = scaled.mean(axis=0)
            deviations = scaled.std(axis=0)
            self.varies = (scaled.min(axis=0) < scaled.max(axis=0)) & (deviations > 0)
            deviations = np.where(self.varies, deviations, 1.0)
            self.scaled = (scaled - self.centre) / deviations
            self.scaled[:, ~self.varies] = 0.0
            self.units = np.where(self.varies, np.ldexp(1 / deviations, -largest), 0.0)
            self.units[~np.isfinite(self.units)] = 0.0
            self.varies &= self.units > 0
            self.units[~self.varies] = np.median(self.units[self.varies]) if self.varies.any() else 0.0

    @property
    def d(self):
        """Number of columns."""
        return self.rows.shape[1]


class HalfSpaces:
    """A pool of random half-spaces of a law.

    Parameters
    ----------
    law : Law
    random_state : numpy.random.Generator
    on_some : bool
        Whether each reads some of the columns, where these are many; all otherwise.

    Attributes
    ----------
    weights : float32 array of shape (POOL, d)
    thresholds : float64 array of shape (POOL,)
    n_groups : int
        So many of them, one after another, read all columns.
    """

    def __init__(self, law, random_state, on_some=True):
        columns = np.flatnonzero(law.units)
        self.n_groups = min(_GROUPS, -(-len(columns) // _TOGETHER)) if on_some else 1
        weights = np.zeros((POOL, law.d))
        groups = _groups(law, columns, self.n_groups, random_state)
        for j in range(POOL):
            for part, whitening in groups[j % len(groups)]:
                direction = whitening @ random_state.standard_normal(whitening.shape[1])
                weights[j, part] = direction * law.units[part]
        largest = np.abs(weights).max(axis=1, keepdims=True)
        self.weights = np.divide(weights, largest, out=np.zeros_like(weights), where=largest > 0).astype(np.float32)
        self.thresholds = self._thresholds(law, random_state)

    def _thresholds(self, law, random_state):
        thresholds = np.empty(POOL)
        with np.errstate(all="ignore"):
            values = law.rows @ self.weights.T.astype(np.float64)
        for j in range(POOL):
            threshold = _middle_of_widest_gap(values[:, j], law.is_memorized)
            if not np.isfinite(threshold):  # sums overflowed: one column does not
                column = int(random_state.choice(np.flatnonzero(law.varies)))
                self.weights[j] = 0
                self.weights[j, column] = 1
                threshold = _middle_of_widest_gap(law.rows[:, column], law.is_memorized)
            thresholds[j] = threshold
        return thresholds

    def signs_of(self, rows):
        """Rounded signs, as estimates need them: uint64 array of shape (n, POOL / 64)."""
        with np.errstate(all="ignore"):
            signs = np.asarray(rows, np.float64) @ self.weights.T.astype(np.float64) >= self.thresholds
        return np.packbits(signs, axis=1, bitorder="little").view(np.uint64)


def _groups(law, columns, n_groups, random_state):
    """Groups of columns, some times all of them cut into so many: each in parts that are whitened together."""
    groups = []
    for _ in range(_PARTITIONS if n_groups > 1 else 1):
        mixed = random_state.permutation(columns) if n_groups > 1 else columns
        for group in np.array_split(mixed, n_groups):
            most = _MOST_TOGETHER if n_groups > 1 else _MOST_ALONE
            parts = np.array_split(group, -(-len(group) // most))
            groups.append([(part, _whitening(law.scaled[:_WHITENED, part])) for part in parts])
    return groups


def _whitening(scaled):
    """Columns whose random combinations are N(0, (C + floor)^-1)."""
    correlations = scaled.T @ scaled / len(scaled)
    values, vectors = np.linalg.eigh(correlations)
    return vectors / np.sqrt(np.maximum(values, 0) + _FLOOR * max(float(values.mean()), 1e-300))


def _middle_of_widest_gap(values, is_memorized):
    """Between memorized values in the inner quantiles of all; nan where there are none."""
    if not np.isfinite(values).all():
        return np.nan
    order = np.argsort(values)
    first, last = int(_INNER[0] * (len(order) - 1)), math.ceil(_INNER[1] * (len(order) - 1))
    order = order[first : last + 1]
    inside = values[order[is_memorized[order]]]
    ends = values[order[[0, -1]]] if len(inside) < 2 else inside
    with np.errstate(over="ignore"):
        widest = int(np.diff(ends).argmax())
    return between(ends[widest], ends[widest + 1])


def between(low, high):
    """Numbers above `low` and not above `high`, in the middle where there are such."""
    middle = low / 2 + high / 2  # a sum of two may overflow
    return np.where((low < middle) & (middle <= high), middle, high)[()]


class Cuts:
    """Cuts along the columns of a law.

    Attributes
    ----------
    d : int
        How many columns vary.
    most : int
        With so many cuts there is one in each gap between values.
    """

    def __init__(self, law):
        self._columns = np.flatnonzero(law.varies)
        self._gaps = [_Gaps(law.rows[:, column]) for column in self._columns]
        self.d, self._all = len(self._columns), law.d
        self.most = self.d * len(law.rows)

    def apart(self, rows, others, are_of_law):
        """How far inputs lie from others in each column, as a share of the places of cuts: float64 array (p, d).

        As fresh ones do: of inputs that may be of the law, as if it were drawn without each.
        """
        apart = np.empty((len(rows), self.d))
        for j, (column, gaps) in enumerate(zip(self._columns, self._gaps, strict=True)):
            inputs, of_others = (of[:, column].astype(np.float64) for of in (rows, others))
            apart[:, j] = gaps.apart(inputs, of_others, are_of_law)
        return apart

    def hyperplanes(self, e, random_state):
        """Weights and thresholds of about e cuts: where values are few, no more than there are gaps between them."""
        columns, thresholds = [], []
        for column, gaps, count in zip(self._columns, self._gaps, cuts_of_columns(e, self.d).tolist(), strict=True):
            cuts = gaps.cuts(count, random_state.random())
            thresholds.append(cuts)
            columns += [column] * len(cuts)
        weights = np.zeros((len(columns), self._all), np.float32)
        weights[np.arange(len(columns)), columns] = 1
        return weights, np.concatenate(thresholds)


class _Gaps:
    """Where cuts along a column may stand: between different values, for each as many places as the lower one has rows.

    An input that was never seen has no cuts beside its own value. For one of the law they are taken away: where it is
    the only one of its value, one cut between its neighbours takes the place of those on both its sides.
    """

    def __init__(self, column):
        self._sorted = np.sort(column)
        self._values, counts = np.unique(self._sorted, return_counts=True)
        values = self._values
        self._counts = np.append(counts, 0)
        self._below = np.append(0, np.cumsum(counts[:-1]))
        never = np.array([np.inf])
        self._cuts = np.concatenate([never, between(values[:-1], values[1:]), never])  # below and above each value
        self._instead = np.concatenate([never, between(values[:-2], values[2:]), never])[: len(values)]

    def cuts(self, count, shift):
        """Cuts at so many equally spaced ranks."""
        values = self._sorted
        ranks = (np.arange(count) + shift) / max(count, 1)
        places = np.minimum((ranks * len(values)).astype(np.int64), len(values) - 1)
        above = np.searchsorted(values, values[places], side="right")
        above = np.unique(above[above < len(values)])
        return between(values[above - 1], values[above])

    def apart(self, inputs, others, are_of_law):
        """Places between inputs and others, as a share of all."""
        place = np.minimum(np.searchsorted(self._values, inputs), len(self._values) - 1)
        alone = are_of_law & (self._values[place] == inputs) & (self._counts[place] == 1)
        return np.abs(self._rank(inputs, place, alone) - self._rank(others, place, alone)) / len(self._sorted)

    def _rank(self, numbers, place, alone):
        """Places below numbers, without the values at places that are alone."""
        below = self._below[np.searchsorted(self._cuts[1:-1], numbers, side="right")]
        lower = self._counts[place - 1]
        moved = lower * (self._instead[place] <= numbers) - lower * (self._cuts[place] <= numbers)
        return below + alone * (moved - (self._cuts[place + 1] <= numbers))
