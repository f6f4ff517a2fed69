"""Hyperplanes through many clusters at once, each cut where that splits most.

A hyperplane meets few of many clusters that are narrow beside their distances, but one can be laid through any d of
them. And then through each of these at any level: where a cluster is narrow, another level in it hardly turns the
hyperplane, and so hardly changes what the others lose. So d clusters are drawn, by how much is open in them, a
hyperplane is laid through their centres, and then through the levels at which its direction splits most in each: as a
ham sandwich is cut, but for as many pairs of points as possible rather than in halves. From there it climbs: on the
pencil of it and the hyperplane through what would be the best levels now, and on pencils that let go of one cluster,
to meet another.

Everything here only chooses hyperplanes, as in `fastmem.separate.sample`.
"""

from typing import NamedTuple

import numpy as np

from fastmem.separate.moves import off_the_rows

__all__ = ["cluster_move", "find_clusters"]

_PROBES, _NEAR = 32, 8
_REACH = 2.0  # times the distance to a near point: within it others are of the same cluster
_LEADERS, _POINTS_A_LEADER = 1024, 8
_POINTS_TOGETHER = 2048
_FEW = 4  # points that are no cluster
_A_DIMENSION = 1.5  # clusters: of fewer, most are met by chance
_RESOLVED = 0.67  # of the leaders: more clusters have leaders of their own by chance, and others have none
_STEPS, _LET_GO = 4, 2


def find_clusters(sample, rank):
    """Tell a sample its clusters, if they are many and narrow: `Sample.cluster` and `Sample.centres`.

    Points around a leader belong together, and so do leaders that are hardly farther from each other than from the
    points around them. Nothing is drawn: leaders are some points, in the sample's order.

    Parameters
    ----------
    sample : Sample
    rank : int
        Number of dimensions in which it spreads.
    """
    X = sample.clipped()
    if not _are_clustered(X, rank):
        return
    leaders = X[:: max(_POINTS_A_LEADER, -(-len(X) // _LEADERS))].astype(np.float64)
    nearest = _nearest(X, leaders)
    joined = _joined(leaders, _reach(X, leaders, nearest))
    _, cluster, counts = np.unique(joined[nearest], return_inverse=True, return_counts=True)
    many = np.count_nonzero(counts >= _FEW)
    if many < _A_DIMENSION * rank or len(counts) > _RESOLVED * len(leaders):
        return
    in_order = X[np.argsort(cluster, kind="stable")]
    sums = np.add.reduceat(in_order, np.cumsum(counts) - counts, axis=0, dtype=np.float64)
    sample.cluster, sample.centres = cluster.astype(np.int16), sums / counts[:, None]


def _are_clustered(X, rank):
    """Whether few points are hardly farther from some than the nearest are: of fewer clusters, or none, many are."""
    if len(X) <= 2 * _NEAR:
        return False
    probes = X[:: -(-len(X) // _PROBES)]
    squares = np.einsum("ij,ij->i", X, X)
    distances = squares - 2 * probes @ X.T + np.einsum("ij,ij->i", probes, probes)[:, None]
    near = np.partition(distances, _NEAR, axis=1)[:, _NEAR]
    around = np.count_nonzero(distances <= _REACH**2 * near[:, None], axis=1)
    return np.median(around) * rank < len(X)


def _nearest(X, leaders):
    """Each point's nearest leader, or one about as near."""
    nearest = np.empty(len(X), np.int64)
    # x.l - |l|^2 / 2, largest for the nearest leader, as one product.
    products = np.column_stack([leaders, -np.einsum("ij,ij->i", leaders, leaders) / 2]).astype(np.float32).T
    ones = np.ones((_POINTS_TOGETHER, 1), np.float32)
    for start in range(0, len(X), _POINTS_TOGETHER):
        some = X[start : start + _POINTS_TOGETHER].astype(np.float32)
        nearest[start : start + len(some)] = (np.hstack([some, ones[: len(some)]]) @ products).argmax(axis=1)
    return nearest


def _reach(X, leaders, nearest):
    """How far from each leader the next is of the same cluster: by the nearest point around it, 0 if there is none."""
    order = np.lexsort((np.linalg.norm(X - leaders[nearest], axis=1), nearest))
    counts = np.bincount(nearest, minlength=len(leaders))
    second = order[np.minimum(np.cumsum(counts) - counts + 1, len(X) - 1)]  # the first is the leader
    return _REACH * np.where(counts > 1, np.linalg.norm(X[second] - leaders, axis=1), 0.0)


def _joined(leaders, reach):
    """For each leader the first of those that are linked with it, by others that are within reach of each other."""
    squares = np.einsum("ij,ij->i", leaders, leaders)
    distances = squares[:, None] + squares - 2 * leaders @ leaders.T
    one, other = np.nonzero(distances <= np.minimum(reach[:, None], reach) ** 2)
    first, before = np.arange(len(leaders)), None
    while not np.array_equal(first, before):
        before, first = first, first.copy()
        np.minimum.at(first, one, before[other])
        first = first[first]
    return first


def cluster_move(sample, rank, random_state):
    """A hyperplane through `rank` clusters, each cut where much is split; None if fewer hold pairs to split.

    Parameters
    ----------
    sample : Sample
        With clusters.
    rank : int
        Number of dimensions in which the sample spreads.
    random_state : numpy.random.Generator

    Returns
    -------
    Candidate or None
    """
    inside = _Inside(sample)
    if np.count_nonzero(inside.open_weights) < rank:
        return None
    plane, best = _through_drawn_clusters(inside, rank, random_state), None
    for _ in range(_STEPS):
        cuts = inside.cuts(plane)
        chosen = np.sort(np.argpartition(-cuts.split, rank - 1)[:rank])
        rows = inside.rows(cuts, chosen)
        second = [_projected(plane, rows)]
        for i in random_state.choice(rank, min(_LET_GO, rank - 1), replace=False):
            second.append(_projected(rows[i], np.delete(rows, i, axis=0)))
        direction = sample.sweep_pencils(np.repeat(plane[None], len(second), axis=0), np.stack(second))
        candidate = None if direction is None else sample.sweep(direction[None])
        if candidate is None or (best and candidate.score <= best.score):
            break
        best, values = candidate, sample.project(direction[None])[0]
        plane = np.append(direction, values[best.above].min() / 2 + values[~best.above].max() / 2)
    return best


def _through_drawn_clusters(inside, rank, random_state):
    """A hyperplane through clusters that are drawn by the weight of what is open in them."""
    shares = inside.open_weights / inside.open_weights.sum()
    chosen = np.sort(random_state.choice(len(shares), rank, replace=False, p=shares))
    # Directions that are left free lie among the clusters: elsewhere their points may hardly spread.
    leaning = random_state.standard_normal(len(shares)) @ (inside.centres - inside.centres.mean(axis=0))
    drawn = np.append(leaning, random_state.standard_normal())
    plane = _projected(drawn, _rows_of(inside.centres[chosen]))
    return _projected(plane, inside.rows(inside.cuts(plane), chosen))


def _rows_of(points):
    """What hyperplanes through points are orthogonal to."""
    rows = np.concatenate([points, -np.ones((len(points), 1))], axis=1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _projected(plane, rows):
    """The nearest hyperplane that is orthogonal to some rows."""
    return off_the_rows(plane[None, :, None], rows[None])[0, :, 0]


class _Cuts(NamedTuple):
    """A hyperplane and those parallel to it: what it splits in each cluster, and which of them splits most there."""

    plane: np.ndarray
    split: np.ndarray
    levels: np.ndarray


class _Inside:
    """What is open inside clusters: pairs of points of one bucket and one cluster.

    A hyperplane is an array (w, t) of d + 1 numbers.
    """

    def __init__(self, sample):
        cluster = sample.cluster[sample.members]
        order = np.argsort(cluster, kind="stable")
        members, cluster = sample.members[order], cluster[order]
        self._X = sample.coordinates[members]
        present, starts, number = np.unique(cluster, return_index=True, return_inverse=True)
        self.centres = sample.centres[present]
        self._cluster, self._starts, self._sizes = cluster, starts, np.diff(np.append(starts, len(cluster)))
        self._buckets, self._groups = (_Parts(number, kind[members]) for kind in (sample.bucket, sample.group))
        self._weights = sample.pair_weights[sample.bucket[members]]
        self.open_weights = np.bincount(number, self._weights * (self._buckets.counts - self._groups.counts))

    def cuts(self, plane):
        """Hyperplanes parallel to one."""
        values = self._X @ plane[:-1] - plane[-1]
        order = np.argsort(values)
        gains = self._weights * (self._buckets.gains(order) - self._groups.gains(order))
        order = order[np.argsort(self._cluster[order], kind="stable")]
        starts, sizes, values = self._starts, self._sizes, values[order]
        sums = np.append(0.0, np.cumsum(gains[order]))
        # What is split between a point and the next one of its cluster.
        split = sums[1:] - np.repeat(sums[starts], sizes)
        below = np.add.reduceat(values < 0, starts, dtype=np.int64)
        places = np.flatnonzero(split == np.repeat(np.maximum.reduceat(split, starts), sizes))
        places = places[np.searchsorted(places, starts)]
        levels = values[places] / 2 + values[np.minimum(places + 1, starts + sizes - 1)] / 2
        return _Cuts(plane, np.where(below > 0, split[starts + np.maximum(below, 1) - 1], 0.0), levels)

    def rows(self, cuts, chosen):
        """What hyperplanes are orthogonal to that meet some clusters at the levels where most is split."""
        centres, direction = self.centres[chosen], cuts.plane[:-1]
        steps = cuts.levels[chosen] - (centres @ direction - cuts.plane[-1])
        with np.errstate(all="ignore"):  # pencils that are not finite are left out
            return _rows_of(centres + steps[:, None] * direction / (direction @ direction))


class _Parts:
    """Points of one cluster that share a number."""

    def __init__(self, cluster, numbers):
        keys = cluster * (int(numbers.max()) + 1) + numbers
        _, self._part, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        self.counts = sizes[self._part]
        self._starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        if len(sizes) < 2**16:
            self._part = self._part.astype(np.uint16)  # sorted faster

    def gains(self, order):
        """What each point adds to the pairs of its part that are split, as points change sides in this order."""
        order = order[np.argsort(self._part[order], kind="stable")]
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order)) - self._starts
        return self.counts - 1 - 2 * places
