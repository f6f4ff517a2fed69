"""Hyperplanes that read few columns: chosen columns first, and hyperplanes of their own for what is equal there.

Columns are chosen on a sample (`fastmem.separate.columns`). All points are then looked at. Where points that must
differ are equal in the chosen columns, hyperplanes on these go on until a fourth of the points is left in open buckets:
those that are equal, and those that are near and would take many. A few hyperplanes on a few other columns part these.
Where too many are equal, where more hyperplanes are needed than was expected, or a margin is not reached, more columns
are read, and at last all.
"""

import math

import numpy as np

from fastmem.data.points import Points
from fastmem.data.reading import Reading
from fastmem.data.sorting import distinct, run_starts, sort_codes
from fastmem.errors import MarginNotReached
from fastmem.hyperplanes.code import MAX_BITS
from fastmem.hyperplanes.columns import nbytes_of
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import signs_and_margins
from fastmem.separate.adaptive import Separation, separate
from fastmem.separate.columns import FEW_COLUMNS, SAMPLE_ROWS, column_plans, covering_columns
from fastmem.separate.line import ordering_column

__all__ = ["parting_columns", "plans_of", "separate_on_few_columns"]

_SEED = 0  # of its own, so that random numbers are the same where all columns are read
_LINE = 64  # bytes
_TRIES = 2
_CROWD = 0.6
_SURE = 0.8
_MANY, _MORE = 1.3, 4  # times as many hyperplanes as expected, and more
_HALVINGS = 1.5  # hyperplanes for each binary digit of n, that all columns would take
# Of the points, one in so many, and coordinates that are looked at.
_LEFT, _MOST_LEFT, _MOST_NUMBERS = 4, 2**15, 2**24


def separate_on_few_columns(points, classes, random_state, *, margin, n_threads, **options):
    """Hyperplanes whose signs differ for any two points of different classes, on few columns where that is faster.

    Parameters
    ----------
    points, classes, random_state, margin, n_threads, **options
        As for `fastmem.separate.separate`.

    Returns
    -------
    separation : Separation
        In the space of the columns that are read.
    points : Points
        The points, with these columns.

    Raises
    ------
    MarginNotReached
        As `separate`, which has then tried all columns.
    """
    options |= {"margin": margin, "n_threads": n_threads}
    best = None
    if points.d > FEW_COLUMNS and classes.min() < classes.max():
        column = ordering_column(points, n_threads)
        if column is None:
            best = _best(points, classes, random_state, options)
        elif not margin:  # distances along the line are longer than in a column
            along = points.on(Reading([column], points.d))
            # Points that lie on the line within rounding may be equal there.
            points = points if len(_together(along, classes, n_threads)[0]) else along
    return best or (separate(points, classes, random_state, **options), points)


def _best(points, classes, random_state, options):
    """What came of the first plan that does as expected, or of the best of some; None if all columns do better."""
    built = []
    for plan in _plans(points, classes, options["margin"])[:_TRIES]:
        found = _follow(plan, points, classes, random_state, options)
        if found is not None:
            built.append(found)
            if found[0].hyperplanes.m <= _most_expected(plan):
                return found
    best = min(built, key=lambda found: _size(found[0].hyperplanes), default=None)
    m = _HALVINGS * math.log2(points.n)
    return best if best is not None and _size(best[0].hyperplanes) < m * (4 * points.d + 8) else None


def _size(hyperplanes):
    """Bytes, with those of a linear code if they need one."""
    of_code = 0 if hyperplanes.m <= MAX_BITS else 8 * hyperplanes.m
    return nbytes_of(hyperplanes, Reading(np.arange(hyperplanes.d), hyperplanes.d)) + of_code


def _plans(points, classes, margin):
    """Choices of columns, as for rows in C order, whatever the order of these points: the network is the same then."""
    rows = np.arange(points.n)
    if points.n > SAMPLE_ROWS // 2:
        rows = distinct(np.random.default_rng(_SEED).integers(0, points.n, SAMPLE_ROWS))
    sample = points.take(rows)
    return plans_of(sample, classes[rows], points.n, margin)


def plans_of(sample, classes, n, margin=0.0):
    """Choices of columns for n points, by a sample of them: list of `ColumnPlan`."""
    with np.errstate(all="ignore"):  # whatever the user has errors do
        plans = column_plans(sample, classes, n, _LINE // sample.itemsize)
    plans = [plan for plan in plans if not margin or _is_roomy(sample[:, plan.columns], n * margin)]
    # More hyperplanes would take a linear code, and its layers of units.
    return [plan for plan in plans if plan.n_hyperplanes <= _SURE * MAX_BITS] or plans


def _is_roomy(rows, margins):
    """Whether hardly more points lie within the margin of a hyperplane than can be pushed out: one for each column."""
    with np.errstate(all="ignore"):  # what overflows is wide enough
        deviations = rows.std(axis=0, dtype=np.float64)
        return bool(margins <= _CROWD * rows.shape[1] * np.median(deviations))


def _follow(plan, points, classes, random_state, options):
    """Separation and points on the columns of a plan; None if too many points are equal there, or near."""
    reading = Reading(plan.columns, points.d)
    read = points.on(reading)
    rows, groups = _together(read, classes, options["n_threads"])
    left = min(points.n // _LEFT, _MOST_LEFT, _MOST_NUMBERS // points.d)
    try:
        if not len(rows):
            return separate(read, classes, random_state, **options), read
        if options["margin"] or len(rows) > left:
            return None
        for leave in (left, 0):  # those that are near may differ in no other columns
            found = _with_others(reading, points, classes, rows, groups, leave, random_state, options)
            if found is not None:
                return found
        return None
    except MarginNotReached:
        return None


def _most_expected(plan):
    return min(_MANY * plan.n_hyperplanes + _MORE, MAX_BITS)


def _together(read, classes, n_threads):
    """Rows that equal a row of another class in the columns read, and the first of those that are equal."""
    later, first = read.equal_rows(n_threads)
    mixed = np.unique(first[classes[later] != classes[first]])
    among = np.isin(first, mixed)
    rows, groups = np.concatenate([mixed, later[among]]), np.concatenate([mixed, first[among]])
    order = np.lexsort((rows, groups))
    return rows[order], groups[order]


def _with_others(reading, points, classes, rows, groups, leave, random_state, options):
    """Hyperplanes on the columns of a reading, and others, on other columns, that part what is equal or near there.

    `leave` says how many points may be near. None if some differ in no other column.
    """
    # Those that are equal are a class of their own, of which the others tell more.
    firsts = classes.copy()
    firsts[rows] = int(classes.max()) + 1 + np.unique(groups, return_inverse=True)[1]
    chosen, codes, _ = separate(points.on(reading), firsts, random_state, leave=leave, **options)
    if codes is None:
        return None
    rows, groups = _of_equal_codes(codes, classes)
    taken = points.take(rows)
    taken[:, reading.columns] = 0
    columns = parting_columns(taken, classes[rows], groups)
    if columns is None:
        return None
    few = Points(np.ascontiguousarray(taken[:, columns]))
    others = separate(few, classes[rows], random_state, together=groups, **options | {"effort": "small"}).hyperplanes
    weights = np.zeros((chosen.m + others.m, chosen.d + others.d), np.float32)
    weights[: chosen.m, : chosen.d], weights[chosen.m :, chosen.d :] = chosen.weights, others.weights
    both = Hyperplanes(
        weights,
        np.concatenate([chosen.thresholds, others.thresholds]),
        np.concatenate([chosen.centre, others.centre]),
        np.concatenate([chosen.exponents, others.exponents]),
    )
    read = points.on(Reading(np.concatenate([reading.columns, columns]), points.d))
    if both.m > MAX_BITS:
        return Separation(both), read
    return Separation(both, *signs_and_margins(both, read, options["n_threads"])), read


def _of_equal_codes(codes, classes):
    """Rows whose code a row of another class has, code by code, and a number for each code."""
    codes, rows = sort_codes(codes.copy())
    starts = run_starts(codes)
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(codes)))
    least, most = (ends.reduceat(classes[rows], starts) for ends in (np.minimum, np.maximum))
    is_mixed = (least != most)[group]
    return rows[is_mixed], group[is_mixed]


def parting_columns(taken, classes, groups):
    """Few columns in which points of a group differ whose classes do: int64 array, ascending; None if some do not."""
    columns = np.empty(0, np.int64)
    while True:
        later, first = Points(np.column_stack([groups, taken[:, columns]]).astype(np.float64)).equal_rows()
        differ = classes[later] != classes[first]
        if not differ.any():
            return columns
        more = covering_columns(taken[later[differ]] != taken[first[differ]])
        if not len(more):
            return None
        columns = np.union1d(columns, more)
