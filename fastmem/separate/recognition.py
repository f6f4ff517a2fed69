"""Further hyperplanes, so that unseen inputs do not lie in the cell of a memorized point.

Hyperplanes that separate are few, and a cell holds whatever lies between them: of fresh inputs of the law of the points
half may share one with a memorized point. So hyperplanes are added until, by inputs held out, at most a share of 2^-f
does (`fastmem.separate.acceptance`). Held-out inputs are rows: the points are separated anew without a fifth of them,
in several folds where they are few. Rows that must stay unknown, where the user has some, take their place. Where these
are few, the largest rate counts among theirs, that of Gaussian inputs, and that of rows with their columns permuted.

How many hyperplanes is the smallest number whose rate is low enough by the end of its 95 % interval, and a fourth more,
or half as many more where few inputs carry that rate.
Of half-spaces (`fastmem.separate.pool`) up to 128 are tried, of cuts along the columns up to 8,192, and no more than
there are gaps between values: more part nothing, so that in the plane and on curves a rate soon stays where it is.

Cuts stand between rows, those held out among them, beside which fresh inputs have none: so a row that is held out is
looked at as if cuts were drawn without it. Where inputs that carry a rate become too few, it goes on as it fell, and
no faster than the dimensions of the rows allow (`fastmem.separate.dimension`).
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points
from fastmem.separate.acceptance import CutAgreement, Estimate, PoolAgreement, mates_of
from fastmem.separate.dimension import intrinsic_dimension
from fastmem.separate.pool import POOL, Cuts, HalfSpaces, Law

__all__ = ["Chosen", "Inputs", "Some", "choose", "rates_of_kinds"]

_LAW_ROWS = 5000
_FOLDS = ((2000, 5), (20_000, 3))  # up to so many points
_PARTS, _LEAST_POINTS = 5, 5
_HELD_OUT, _HELD_FROM = 20_000, 2**20
_FEW, _GROUPS = 200, 8
_SYNTHETIC = 4000
_MORE, _UNSURE_MORE, _FEW_MORE = 1.25, 1.5, 24
_MOST, _MOST_CUTS = 128, 2**13
_CARRIED = 16.0
_CUT_DIMENSIONS, _FEW_DIMENSIONS, _MANY = 16, 3, 64
_STEPS, _FALLING = 4, 6  # sizes of cuts that are tried, for each doubling, and of these the last that tell a slope
_SPACE = 2.5  # dimensions: more than those of a surface
_KIND_ROWS, _NEIGHBOURS, _NEIGHBOUR_WORK = 1000, 200, 1e9
_MOVES = (0.1, 0.3, 1.0)


class Some:
    """Some of the points, where these need not be copied.

    Parameters
    ----------
    points : Points
    rows : int64 array, ascending
    """

    def __init__(self, points, rows):
        self._points, self._rows = points, rows
        self.n, self.d = len(rows), points.d

    def take(self, positions):
        """The given ones, copied."""
        return self._points.take(self._rows[positions])

    def over_rows(self, work):
        """As `Points.over_rows`."""
        self._points.over_rows(work, rows=self._rows)


class Inputs(NamedTuple):
    """Inputs beside memorized points.

    Attributes
    ----------
    name : str
        What they are.
    rows : float array of shape (q, d)
    mates : Mates
    mate_rows : float array of shape (p, d)
        The points among the mates, each once.
    numbers : int64 array
        The mates' positions among these.
    are_of_law : bool
        Whether they may be among the rows between which cuts are placed, as fresh inputs are not.
    share : float
        Of the memorized points, those that may be mates.
    times : float
        How often a pair is there on average: up to twice where folds are several, as each of both was held out.
    """

    name: str
    rows: np.ndarray
    mates: tuple
    mate_rows: np.ndarray
    numbers: np.ndarray
    are_of_law: bool = False
    share: float = 1.0
    times: float = 1.0

    @classmethod
    def beside(cls, name, rows, codes, ordered, points, random_state):
        """Of inputs with these codes, beside points whose codes are ordered."""
        mates = mates_of(codes, ordered, random_state)
        of_mates, numbers = np.unique(mates.rows, return_inverse=True)
        return cls(name, rows, mates, points.take(of_mates), numbers.reshape(-1))

    @classmethod
    def joined(cls, parts):
        """Inputs of several folds as one."""
        inputs, rows = (np.cumsum([0, *(len(numbers) for numbers in of)]) for of in (
            [part.rows for part in parts], [part.mate_rows for part in parts]
        ))  # fmt: skip
        mates = type(parts[0].mates)(
            np.concatenate([part.mates.inputs + first for part, first in zip(parts, inputs, strict=False)]),
            np.concatenate([part.mates.rows for part in parts]),
            sum(part.mates.n for part in parts),
        )
        return cls(
            parts[0].name,
            np.concatenate([part.rows for part in parts]),
            mates,
            np.concatenate([part.mate_rows for part in parts]),
            np.concatenate([part.numbers + first for part, first in zip(parts, rows, strict=False)]),
            parts[0].are_of_law,
            parts[0].share,
            1 + (1 / parts[0].share - 1) * (len(parts) - 1),
        )

    def in_pool(self, half_spaces):
        """`PoolAgreement`."""
        signs, of_rows = half_spaces.signs_of(self.rows), half_spaces.signs_of(self.mate_rows)
        return PoolAgreement(self.mates, signs, of_rows, self.numbers, POOL)

    def between_cuts(self, cuts):
        """`CutAgreement`."""
        apart = cuts.apart(self.rows[self.mates.inputs], self.mate_rows[self.numbers], self.are_of_law)
        return CutAgreement(self.mates._replace(n=self.mates.n * self.share), apart, self.times)


class Chosen(NamedTuple):
    """Further hyperplanes and what they promise.

    Attributes
    ----------
    weights : float32 array of shape (e, d)
    thresholds : float64 array of shape (e,)
    others : tuple of two arrays
        Weights and thresholds of more, should some of these not do.
    by : str
        Of which inputs the estimate is.
    n_inputs : int
    estimate : Estimate
    is_extrapolated, is_reached : bool
    rate_of : callable
        From `Inputs` to the `Estimate` of these hyperplanes.
    """

    weights: np.ndarray
    thresholds: np.ndarray
    others: tuple
    by: str
    n_inputs: int
    estimate: Estimate
    is_extrapolated: bool
    is_reached: bool
    rate_of: object


def choose(points, ordered, codes_of, separated_anew, promise, negatives, least, random_state):
    """Hyperplanes such that a share of at most `promise` of fresh inputs share a cell with a memorized point.

    Parameters
    ----------
    points : Points or Some
        Memorized ones, all different.
    ordered : SortedCodes
        Of their codes.
    codes_of : callable
        From `Points` to codes.
    separated_anew : callable
        From rows of the points to ``ordered, codes_of`` of a separation of these alone.
    promise : float
    negatives : Points or None
        Inputs that are to stay unknown.
    least : bool
        Whether further hyperplanes must read every column at least once.
    random_state : numpy.random.Generator

    Returns
    -------
    Chosen
    Law
    """
    law = _law(points, negatives, random_state)
    if not law.varies.any():
        return _nothing(law), law
    sources = _sources(points, ordered, codes_of, separated_anew, negatives, law, random_state)
    pool, best = _pool(law, sources, promise, least, random_state)
    columns = np.count_nonzero(law.varies)
    if columns <= _FEW_DIMENSIONS or (columns <= _CUT_DIMENSIONS and (best.e > _MANY or not best.is_reached)):
        cuts = Cuts(law)
        dimension = intrinsic_dimension(law.scaled[:, law.varies])
        other = _cuts([source.between_cuts(cuts) for source in sources], promise, cuts, dimension)
        if other.is_better_than(best):
            weights, thresholds = cuts.hyperplanes(other.e, random_state)
            few = 0 if law.varies.all() else max(pool.n_groups, _GROUPS)  # which read the columns that are not cut
            weights = np.concatenate([weights, pool.weights[:few]])
            thresholds = np.concatenate([thresholds, pool.thresholds[:few]])
            rest = pool.weights[few:], pool.thresholds[few:]
            return other.chosen(sources, weights, thresholds, rest, lambda of: of.between_cuts(cuts)), law
    parts = (pool.weights[: best.e], pool.thresholds[: best.e], (pool.weights[best.e :], pool.thresholds[best.e :]))
    return best.chosen(sources, *parts, lambda inputs: inputs.in_pool(pool)), law


def _pool(law, sources, promise, least, random_state):
    """Half-spaces, and their `_Size`: on all columns where those that read some are clearly more."""
    pool = HalfSpaces(law, random_state)
    best = _half_spaces(pool, [source.in_pool(pool) for source in sources], promise, least)
    if pool.n_groups > 1 and (best.e > _FEW_MORE or not best.is_reached):
        whole = HalfSpaces(law, random_state, on_some=False)
        other = _half_spaces(whole, [source.in_pool(whole) for source in sources], promise, least)
        if other._replace(e=math.ceil(_MORE * other.e)).is_better_than(best):
            return whole, other
    return pool, best


class _Size(NamedTuple):
    """How many hyperplanes, the rate by the source where it is largest, and how sure that is."""

    e: int
    source: int
    estimate: Estimate
    is_extrapolated: bool
    is_reached: bool

    def is_better_than(self, other):
        """Whether they reach the rate where others do not, or are fewer, or come nearer to it."""
        if self.is_reached != other.is_reached:
            return self.is_reached
        return self.e < other.e if self.is_reached else self.estimate.at_most < other.estimate.at_most

    def chosen(self, sources, weights, thresholds, others, agreement_of):
        """As `Chosen`."""
        source = sources[self.source]
        return Chosen(
            weights, thresholds, others, source.name, len(source.rows), self.estimate, self.is_extrapolated,
            self.is_reached, lambda inputs: agreement_of(inputs).estimate(self.e),
        )  # fmt: skip


def _nothing(law):
    """Where nothing varies."""
    weights, thresholds = np.empty((0, law.d), np.float32), np.empty(0)
    nothing = Estimate(1.0, 1.0, 0.0)
    return Chosen(weights, thresholds, (weights, thresholds), "one row", 0, nothing, False, False, None)


def _law(points, negatives, random_state):
    """A sample of the points, and of the inputs that are to stay unknown."""
    counts = [points.n, 0 if negatives is None else negatives.n]
    total = sum(counts)
    chosen = np.arange(total) if total <= _LAW_ROWS else np.sort(random_state.permutation(total)[:_LAW_ROWS])
    is_memorized = chosen < points.n
    if not is_memorized.any():  # few of many
        chosen[:1], is_memorized[:1] = random_state.integers(points.n), True
    rows = [points.take(chosen[is_memorized]).astype(np.float64)]
    if negatives is not None:
        rows.append(negatives.take(chosen[~is_memorized] - points.n).astype(np.float64))
    mixed = random_state.permutation(len(chosen))
    return Law(np.concatenate(rows)[mixed], np.sort(~is_memorized)[mixed] == 0)


def _sources(points, ordered, codes_of, separated_anew, negatives, law, random_state):
    """Inputs by which rates are judged."""
    sources = []
    if negatives is not None:
        rows = random_state.permutation(negatives.n)[:_HELD_OUT]
        some = Points(negatives.take(np.sort(rows)))
        inputs = Inputs.beside("negatives", some.array, codes_of(some), ordered, points, random_state)
        sources.append(inputs._replace(are_of_law=True))
    elif points.n >= _LEAST_POINTS:
        sources.append(_held_out(points, separated_anew, random_state))
    if not sources or len(sources[0].rows) < _FEW:
        for name, rows in _synthetic(law, _SYNTHETIC, points, random_state):
            sources.append(Inputs.beside(name, rows, codes_of(Points(rows)), ordered, points, random_state))
    return sources


def _held_out(points, separated_anew, random_state):
    """Rows beside the points of a separation that does not know them."""
    mixed = random_state.permutation(points.n)[:_HELD_FROM]
    n_folds = next((folds for n, folds in _FOLDS if points.n <= n), 1)
    size = min(-(-len(mixed) // _PARTS), _HELD_OUT)
    parts = []
    for fold in range(n_folds):
        part = slice(fold * size, (fold + 1) * size)
        held, kept = np.sort(mixed[part]), np.sort(np.delete(mixed, part))
        if not len(held):
            continue
        ordered, codes_of = separated_anew(kept)
        rows, others = points.take(held), Some(points, kept)
        inputs = Inputs.beside("rows held out", rows, codes_of(Points(rows)), ordered, others, random_state)
        parts.append(inputs._replace(are_of_law=True, share=len(kept) / points.n))
    return Inputs.joined(parts)


def _synthetic(law, q, points, random_state):
    """Inputs that are not of the law: Gaussian ones of its correlations, and rows with their columns permuted."""
    s = len(law.rows)
    with np.errstate(all="ignore"):
        deviations = random_state.standard_normal((q, s)) @ law.scaled / math.sqrt(max(s - 1, 1))
        mean, unit = law.rows.mean(axis=0), np.divide(1, law.units, out=np.zeros(law.d), where=law.varies)
        gaussian = mean + deviations * unit
    permuted = np.column_stack([law.rows[random_state.integers(0, s, q), column] for column in range(law.d)])
    for name, rows in (("Gaussian inputs", gaussian), ("rows with columns permuted", permuted)):
        yield name, _as_points(rows, points)


def _as_points(rows, points):
    """Rows in the float dtype in which points are read, all finite."""
    with np.errstate(all="ignore"):
        rows = rows.astype(points.take(np.zeros(1, np.int64)).dtype)
    return np.nan_to_num(rows, copy=False, posinf=np.finfo(rows.dtype).max, neginf=np.finfo(rows.dtype).min)


def _half_spaces(pool, agreements, promise, least):
    """`_Size` of the first half-spaces of a pool."""
    for e in range(0, _MOST + 1, 2):
        source, estimate = _largest(agreements, e)
        if estimate.at_most <= promise:
            break
    is_reached = estimate.at_most <= promise
    factor = _MORE if estimate.carried_by >= _CARRIED / 2 or not is_reached else _UNSURE_MORE
    more = max(math.ceil(factor * e), pool.n_groups if least or pool.n_groups > 1 else 0)
    after = _largest(agreements, more)
    # Where few inputs carry the rate it looks better than it is.
    is_extrapolated = after[1].carried_by < _CARRIED
    if not is_extrapolated:
        source, estimate = after
    return _Size(more, source, estimate, is_extrapolated, is_reached or estimate.at_most <= promise)


def _cuts(agreements, promise, cuts, dimension):
    """`_Size` of cuts, at most as many as there are gaps for, in a law of so many dimensions."""
    known, most = [], min(cuts.most, _MOST_CUTS)
    for step in range(math.ceil(_STEPS * math.log2(most / cuts.d)) + 1):
        e = min(round(cuts.d * 2 ** (step / _STEPS)), most)
        source, estimate = _largest(agreements, e)
        if estimate.carried_by < _CARRIED / 2 and known:
            break
        known.append((e, source, estimate))
        if estimate.at_most <= promise:
            return _Size(min(math.ceil(_MORE * e), most), source, estimate, False, True)
    e, source, estimate = known[-1]
    slope = _slope(known, dimension)
    doublings = math.log2(estimate.at_most / promise) / max(slope, 1e-9)
    needed = _MORE * e * 2 ** min(doublings, 60)
    more = min(math.ceil(needed), most)
    fallen = max(more / _MORE / e, 1.0) ** -slope
    estimate = Estimate(estimate.rate * fallen, estimate.at_most * fallen, estimate.carried_by)
    return _Size(more, source, estimate, more > e, needed <= most)


def _slope(known, dimension):
    """How many bits a rate falls while cuts double beyond those that are known.

    With c cuts a column a share of about c^-D of near inputs shares a cell, so that a rate falls by D bits in the end.
    It goes on as it fell over the last sizes; in space and beyond, where it still gets steeper, half-way to D bits.
    """
    (before, _, higher), (e, _, estimate) = known[-min(len(known), 1 + _FALLING)], known[-1]
    slope = math.log2(higher.at_most / estimate.at_most) / math.log2(e / before) if before < e else 0.0
    slope = min(slope, dimension)
    return slope if dimension < _SPACE else (slope + dimension) / 2


def _largest(agreements, e):
    """Which source has the highest rate, and the rate."""
    estimates = [agreement.estimate(e) for agreement in agreements]
    source = max(range(len(estimates)), key=lambda i: estimates[i].at_most)
    return source, estimates[source]


# What is measured besides


def rates_of_kinds(chosen, law, points, ordered, codes_of, random_state):
    """Shares of inputs of several kinds that lie in the cell of a memorized point, by name: dict."""
    kinds = dict(_synthetic(law, _KIND_ROWS, points, random_state))
    some = points.take(np.sort(random_state.integers(0, points.n, _KIND_ROWS))).astype(np.float64)
    others = points.take(random_state.integers(0, points.n, _KIND_ROWS)).astype(np.float64)
    part = random_state.uniform(0.1, 0.9, (_KIND_ROWS, 1))
    directions = random_state.standard_normal(some.shape)
    distance = _neighbour_distance(points, random_state)
    with np.errstate(all="ignore"):
        kinds["mixtures of two rows"] = _as_points(part * some + (1 - part) * others, points)
        for times in _MOVES:
            lengths = np.linalg.norm(directions, axis=1, keepdims=True)
            moved = some + times * distance * directions / np.maximum(lengths, 1e-300)
            kinds[f"rows moved by {times:g} neighbour distances"] = _as_points(moved, points)
    rates = {}
    for name, rows in kinds.items():
        inputs = Inputs.beside(name, rows, codes_of(Points(rows)), ordered, points, random_state)
        rates[name] = chosen.rate_of(inputs).rate
    return rates


def _neighbour_distance(points, random_state):
    """The median distance of a point from its nearest neighbour, by some points."""
    if points.n < 2:
        return 0.0
    count = max(int(min(_NEIGHBOURS, points.n, _NEIGHBOUR_WORK / (points.n * points.d))), 8)
    rows = np.sort(random_state.permutation(points.n)[:count])
    some = points.take(rows).astype(np.float64)
    with np.errstate(all="ignore"):
        centre, least = some.mean(axis=0), []
        some -= centre
        squares = (some**2).sum(axis=1)

    def work(start, stop, block):
        block = block - centre
        distances = (block**2).sum(axis=1)[:, None] + squares - 2 * (block @ some.T)
        own = np.flatnonzero((rows >= start) & (rows < stop))
        distances[rows[own] - start, own] = np.inf
        least.append(distances.min(axis=0))

    with np.errstate(all="ignore"):
        points.over_rows(work)
        return float(np.sqrt(np.median(np.maximum(np.min(least, axis=0), 0.0))))
