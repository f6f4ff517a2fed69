"""How many hyperplanes points will need, foreseen on a sample.

After k hyperplanes in random whitened directions a share E[(1 - a / pi)^k] of all pairs is still together, a the
angle between two points as seen from the centre. For Gaussian points of R^D its density is sin(a)^(D-2). So the share
of a sample's pairs that some hyperplanes leave together gives its points a dimension D, as if they were Gaussian, and
that gives the share that k hyperplanes leave of all n^2 / 2 pairs. The last pairs fall r at a time, for points with r
columns: a hyperplane has the freedom to pass between as many. The least k + pairs / r, and of that about 3/4, as
`fastmem.separate.adaptive` chooses among directions, is m: within a tenth for Gaussian points, a quarter for digits;
up to twice too many for image patches, of widely different scales, and half as many as clusters of few points take.

Pairs that 56 hyperplanes leave together in the sample are near ones of a kind of their own and counted apart: a
hyperplane parts about r of these too. Where some are equal, others on columns of their own are needed anyway
(`fastmem.separate.few_columns`), and part half of the near ones each.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

__all__ = ["Foreseen", "differing_share", "expected_hyperplanes", "foresee"]

_SEED = 0
# Hyperplanes, a stage after another, each for what those before left together.
_STAGES = (8, 4, 4, 8, 16, 16)
_ROWS_A_COLUMN = 4  # that show how they spread
_CHANGED = 0.75
_QUANTILES, _LOWER = (np.arange(64) + 0.5) / 64, 26
_RIDGE, _TINY = 1e-5, 1e-30
_SURE = 10.0  # pairs together that measure their share well
_GREEDY = 0.74
_CELLS = 64.0  # pairs that the last hyperplanes part at once


class Foreseen(NamedTuple):
    """What a sample says of all points: hyperplanes, the dimension of the points, the sample's pairs that are equal."""

    n_hyperplanes: float
    dimension: float
    equal: float


def differing_share(classes):
    """The share of all pairs of points whose classes, numbers from 0, differ."""
    counts = np.bincount(classes).astype(np.float64)
    return 1 - float(counts @ (counts - 1)) / (len(classes) * (len(classes) - 1))


def foresee(rows, coordinates, classes, n):
    """What n points need, of which a sample is given.

    Parameters
    ----------
    rows : float array of shape (s, r)
    coordinates : float32 array of shape (s, r)
        The same without outliers.
    classes : int64 array of shape (s,)
        Numbers from 0; not all are equal.
    n : int

    Returns
    -------
    Foreseen
        Equal pairs are not among those that its hyperplanes part.
    """
    s, r = rows.shape
    differing = differing_share(classes)
    pairs = differing * s * (s - 1) / 2
    left, members = _pairs_left(coordinates, classes)
    equal = _equal_pairs(rows[members], classes[members]) if len(members) else 0.0
    dimension = _dimension(left - left[-1], pairs)
    usual = pairs * _share_together(dimension, sum(_STAGES))
    near = max(float(left[-1]) - equal - usual - 2 * math.sqrt(usual + 1), 0.0)
    near *= (n / s) ** 2
    more = min(near / r, math.log2(1 + near)) if equal else near / r
    m = expected_hyperplanes(n, dimension, r, differing) + more
    return Foreseen(m, dimension, equal)


def expected_hyperplanes(n, dimension, r, differing):
    """How many hyperplanes part n points of that dimension with r columns, of whose pairs a share must differ."""
    dimensions, counts, logarithms = _shares()
    place = float(np.interp(dimension, dimensions, np.arange(len(dimensions))))
    below = min(int(place), len(dimensions) - 2)
    share = place - below
    shares = np.exp((1 - share) * logarithms[below] + share * logarithms[below + 1])
    pairs = differing * n * n / 2
    return max(_GREEDY * float((counts + pairs * shares / r).min()), math.log2(1 + pairs / _CELLS) - 1, 1.0)


def _pairs_left(coordinates, classes):
    """Pairs that must differ and are together after each stage of hyperplanes; the rows left at the end.

    Directions are drawn at random and whiten the rows that are together with others; a threshold is about their
    median, each counted as often, but not a point itself: that would part it from the nearest.
    """
    s, r = coordinates.shape
    members, buckets, together = np.arange(s), np.zeros(s, np.int64), np.ones(s, np.int64)
    n_classes, left = int(classes.max()) + 1, np.zeros(len(_STAGES))
    whitening, of = _whitening(coordinates), s
    for stage, directions in enumerate(_directions(r)):
        if _ROWS_A_COLUMN * r <= len(members) <= _CHANGED * of:
            whitening, of = _whitening(coordinates), len(members)
        projections = coordinates @ (whitening @ directions)
        some = projections[_drawn_by(together)]
        some.sort(axis=0)
        signs = np.packbits(projections >= (some[_LOWER] + some[-_LOWER]) / 2, axis=1)
        codes = signs[:, 0] if signs.shape[1] == 1 else signs.view(np.uint16)[:, 0]
        left[stage], chosen, buckets, together = _open_buckets(buckets << 16 | codes, classes[members], n_classes)
        members, coordinates = members[chosen], coordinates[chosen]
        if not len(members):
            break
    return left, members


@functools.lru_cache(maxsize=16)
def _directions(r):
    """Gaussian directions of each stage."""
    random = np.random.default_rng(_SEED)
    return tuple(random.standard_normal((r, count), np.float32) for count in _STAGES)


def _drawn_by(weights):
    """Positions of a few rows, each as likely as it weighs."""
    sums = weights.cumsum()
    return sums.searchsorted(_QUANTILES * sums[-1])


def _open_buckets(buckets, classes, n_classes):
    """Where points must still be told apart.

    Returns
    -------
    pairs : float
        Of different classes in one bucket.
    chosen : int64 array
        The positions of all points in buckets that hold such.
    buckets, together : int64 arrays
        New numbers of their buckets, and how many points are in there.
    """
    key = buckets * n_classes + classes
    order = key.argsort()
    key = key[order]
    number, group = _runs(key // n_classes), _runs(key)
    sizes, group_sizes = np.bincount(number), np.bincount(group)
    pairs = (int(sizes @ sizes) - int(group_sizes @ group_sizes)) / 2
    lasts = sizes.cumsum() - 1
    is_open = key[lasts] != key[lasts - sizes + 1]
    chosen = is_open[number]
    number = number[chosen]
    return pairs, order[chosen], (is_open.cumsum() - 1)[number], sizes[number]


def _runs(ascending):
    """The number of the run of equal values that each is in."""
    begins = np.zeros(len(ascending), np.int64)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:], casting="unsafe")
    return begins.cumsum()


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


def _equal_pairs(rows, classes):
    """Pairs of equal rows whose classes differ; by a hash, for an estimate."""
    words = (rows + 0.0).view(np.uint32).astype(np.uint64)  # +0.0: a zero has no sign
    hashes = (words * np.random.PCG64(_SEED).random_raw(words.shape[1])).sum(axis=1)
    same = np.unique(hashes, return_inverse=True)[1].reshape(-1)
    return _open_buckets(same, classes, int(classes.max()) + 1)[0]


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
    """That of Gaussian points of whose pairs as many are left, by the last stage that leaves enough and the next."""
    dimensions, counts, logarithms = _shares()
    last = max(int(np.count_nonzero(left >= _SURE)) - 1, 0)
    found = []
    for stage, some in [(last, max(left[last], 1.0)), (min(last + 1, len(left) - 1), _SURE)]:
        column = logarithms[:, np.searchsorted(counts, sum(_STAGES[: stage + 1]))]
        found.append(float(np.interp(-math.log(some / pairs), -column, dimensions)))
    return max(found)
