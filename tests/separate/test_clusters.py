"""Hyperplanes through many clusters: clusters that are found, cuts in them, and how few are enough."""

import numpy as np
import pytest
from oracles import naive

import fastmem
from fastmem.separate.clusters import _Inside as Inside
from fastmem.separate.clusters import cluster_move, find_clusters
from fastmem.separate.moves import midpoint_move
from fastmem.separate.sample import Sample

SOME_SEEDS = pytest.mark.parametrize("seed", range(6))


def clusters(n=6000, k=80, d=20, spreads=(-3, -1), dtype=np.float64, seed=0):
    """Points of Gaussian clusters of different widths, and which cluster each is of."""
    rng = np.random.default_rng([seed, n, k, d])
    centres, widths, which = rng.standard_normal((k, d)), 10 ** rng.uniform(*spreads, k), rng.integers(0, k, n)
    return (centres[which] + widths[which, None] * rng.standard_normal((n, d))).astype(dtype), which


def sample_of(X, classes, bucket):
    """A sample of which all points are open."""
    order = np.lexsort((classes, bucket))
    starts = np.flatnonzero(np.append(True, np.diff(bucket[order]) > 0))
    starts = np.append(starts, len(X))
    return Sample(X[order], classes[order].astype(np.int32), starts, 2.5 * np.diff(starts)), order


def in_one_bucket(X):
    return sample_of(X, np.arange(len(X)), np.zeros(len(X), int))


@SOME_SEEDS
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [20, 100])
def test_clusters_that_are_far_apart_are_found(d, dtype, seed):
    """Nearly all: by chance a cluster has no leader, or one alone."""
    X, which = clusters(k=2 * d, d=d, dtype=dtype, seed=seed)
    sample, order = in_one_bucket(X)
    find_clusters(sample, d)
    pairs, counts = np.unique(np.column_stack([sample.cluster, which[order]]), axis=0, return_counts=True)
    for side in range(2):
        most = np.zeros(pairs[:, side].max() + 1, int)
        np.maximum.at(most, pairs[:, side], counts)
        assert most.sum() >= 0.95 * len(X)


NO_CLUSTERS = {
    "one Gaussian": lambda rng: rng.standard_normal((4000, 20)),
    "few dimensions": lambda rng: rng.standard_normal((4000, 9)),
    "a sphere": lambda rng: clusters(4000, 4000, 20, (-9, -9))[0],
    "pairs": lambda rng: clusters(4000, 2000, 20, (-4, -4))[0],
    "fewer clusters than dimensions": lambda rng: clusters(4000, 15, 20)[0],
    "more clusters than are seen": lambda rng: clusters(4000, 700, 20)[0],
    "few points": lambda rng: rng.standard_normal((12, 20)),
    "equal coordinates": lambda rng: np.ones((100, 20)),
}


@pytest.mark.parametrize("kind", NO_CLUSTERS)
def test_no_clusters_are_found_where_there_are_none_or_few_or_too_many(kind):
    sample, _ = in_one_bucket(NO_CLUSTERS[kind](np.random.default_rng(0)))
    find_clusters(sample, 20)
    assert sample.cluster is None


@SOME_SEEDS
def test_cuts_split_in_each_cluster_what_their_definition_says(seed):
    rng = np.random.default_rng(seed)
    X, which = clusters(300, 12, 5, seed=seed)
    sample, order = sample_of(X, rng.integers(0, 40, 300), rng.integers(0, 6, 300))
    sample.cluster, sample.centres = which[order].astype(np.int16), np.zeros((12, 5))
    sample.split(rng.random(300) < 0.5)

    def split(above, k):
        inside = (sample.cluster == k) & (sample.bucket >= 0)
        weights = sample.pair_weights.tolist()
        return naive.split_pairs(above[inside], sample.bucket[inside], sample.classes[inside], weights)

    normal = rng.standard_normal(5)
    values = sample.coordinates @ normal
    cuts = Inside(sample).cuts(np.append(normal, np.median(values)))
    for k in range(12):
        every = [split(values >= t, k) for t in values]
        assert cuts.split[k] == pytest.approx(split(values >= np.median(values), k))
        assert split(values >= cuts.levels[k] + np.median(values), k) == pytest.approx(max(every))


@SOME_SEEDS
def test_a_hyperplane_through_clusters_splits_more_than_the_best_of_many_through_midpoints(seed):
    X, which = clusters(seed=seed)
    rng = np.random.default_rng(seed)
    sample, _ = sample_of(X, np.arange(len(X)), 4 * which + rng.integers(0, 4, len(X)))
    find_clusters(sample, 20)
    assert cluster_move(sample, 20, rng).score > midpoint_move(sample, 20, 24, 2**17, rng).score


def test_a_hyperplane_does_not_go_through_more_clusters_than_there_are():
    sample, _ = in_one_bucket(clusters()[0])
    find_clusters(sample, 20)
    assert cluster_move(sample, len(sample.centres) + 1, np.random.default_rng(0)) is None


IN_SPACE = np.random.default_rng(1).standard_normal((12, 20))

KINDS = {
    "all": (clusters, "all", 46),
    "labels": (clusters, "labels", 44),
    "float32": (lambda: clusters(dtype=np.float32), "all", 46),
    "clusters in a space of 12 dimensions": (lambda: (clusters(d=12)[0] @ IN_SPACE,), "all", 74),
}


@pytest.mark.parametrize("kind", KINDS)
def test_clustered_points_take_few_hyperplanes(kind):
    make, by, most = KINDS[kind]
    X, y = make()[0], np.random.default_rng(2).integers(0, 3, 6000)
    net = fastmem.memorize(X, y, separate=by, columns="all", effort="small", random_state=0)
    assert np.array_equal(net.predict(X), y)
    assert net.n_hyperplanes <= most
    assert fastmem.memorize(X, y, separate=by, columns="all", effort="small", random_state=0, n_threads=2) == net
