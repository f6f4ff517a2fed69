"""Many hyperplanes at a time for points on curves and in few dimensions: exact, few, and chosen as said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

import fastmem
from fastmem._kernels import search
from fastmem.data.points import Points
from fastmem.separate.buckets import Buckets
from fastmem.separate.crowd import _cover as cover
from fastmem.separate.crowd import crowded_hyperplanes, is_crowded
from fastmem.theory import instances


def angles(n, seed=0):
    return np.random.default_rng(seed).uniform(0, 2 * np.pi, n)


def circle(n):
    return np.c_[np.cos(angles(n)), np.sin(angles(n))]


def moment_curve(n):
    return np.stack([np.linspace(-1, 1, n) ** k for k in (1, 2, 3, 4)], axis=1)


def categories(n):
    return np.c_[1.7e9 + np.random.default_rng(1).permutation(10 * n)[:n], np.arange(n) % 5]


CROWDS = {"circle": circle, "moment curve": moment_curve, "timestamps of five categories": categories}


@pytest.mark.parametrize("make", CROWDS.values(), ids=CROWDS)
@pytest.mark.parametrize("options", [{}, {"separate": "all", "effort": "fast"}, {"effort": "small"}], ids=str)
def test_crowded_points_are_told_apart(make, options):
    X, y = make(1500), np.random.default_rng(2).integers(0, 3, 1500)
    net = fastmem.memorize(X, y, random_state=0, **options)
    assert np.array_equal(net.predict(X), y)
    assert fastmem.memorize(X, y, random_state=0, n_threads=2, **options) == net


def test_a_circle_takes_little_more_hyperplanes_than_it_must():
    """Two arcs a chord: half as many as labels change around the circle."""
    found = instances.circle(4000)
    net = fastmem.memorize(found.X, found.y, random_state=0)
    assert found.bound <= net.n_hyperplanes <= 1.15 * found.bound


ALONG = {
    "circle": lambda X: np.arctan2(X[:, 1], X[:, 0]),
    "moment curve": lambda X: X[:, 0],
    "timestamps of five categories": lambda X: 1e12 * X[:, 1] + X[:, 0],
}


@pytest.mark.parametrize("name", CROWDS)
def test_hyperplanes_split_as_many_buckets_as_there_are_dimensions_on_average(name):
    X, y = CROWDS[name](4000), np.random.default_rng(3).integers(0, 2, 4000)
    points, buckets = Points(X), Buckets(y.astype(np.int32))
    stripes = np.argsort(np.argsort(ALONG[name](X))) // 12
    buckets.refine(stripes[buckets.rows].astype(np.uint64))
    random = np.random.default_rng(4)
    assert is_crowded(buckets, points, random)
    frame = np.zeros(X.shape[1]), np.zeros(X.shape[1], np.int16)
    hyperplanes = crowded_hyperplanes(buckets, points, frame, random)
    assert hyperplanes.m > 50
    signs = np.unpackbits(hyperplanes.signs(points).view(np.uint8), axis=1, bitorder="little")[:, : hyperplanes.m]
    rank = X.shape[1]
    split = [
        sum(len(set(column[rows].tolist())) > 1 for rows in np.split(buckets.rows, buckets.starts[1:-1]))
        for column in signs.T[:50]
    ]
    assert np.mean(split) >= 0.9 * rank


def test_points_in_a_plane_and_few_points_are_no_crowd():
    X = np.random.default_rng(5).normal(size=(4000, 2))
    buckets = Buckets(np.arange(4000, dtype=np.int32) % 2)
    assert not is_crowded(buckets, Points(X), np.random.default_rng(0))
    buckets.refine((np.floor(X[buckets.rows] * 8) @ [1, 1000] + 10**6).astype(np.uint64))
    assert buckets.n_buckets > 200
    assert not is_crowded(buckets, Points(X), np.random.default_rng(0))
    wide = np.random.default_rng(6).normal(size=(4000, 40))
    assert not is_crowded(buckets, Points(wide), np.random.default_rng(0))


@examples(100)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 40), st.integers(0, 1200))
def test_pairs_that_hyperplanes_split_are_those_of_the_definition(seed, d, t, n):
    random = np.random.default_rng(seed)
    A, B, directions = random.integers(-3, 4, (d, n)), random.integers(-3, 4, (d, n)), random.integers(-2, 3, (t, d))
    levels = random.integers(-4, 5, t)
    split = np.full((t, n), 7, np.uint8)
    work = np.empty((2, search.PAIRS_TOGETHER))
    floats = (np.ascontiguousarray(values, np.float64) for values in (A, B, directions, levels))
    search.split_pairs(*floats, work, split)
    expected = (directions @ A >= levels[:, None]) != (directions @ B >= levels[:, None])
    assert np.array_equal(split, expected)


@examples(100)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 40), st.integers(1, 4))
def test_each_hyperplane_that_is_kept_splits_pairs_that_those_before_it_do_not(seed, n, t, rank):
    split = np.random.default_rng(seed).random((t, n)) < 0.15
    chosen, remain = cover(np.packbits(split, axis=1, bitorder="little"), n, rank)
    least = max(rank, int(0.75 * split.sum(axis=1).max()))
    left = np.ones(n, bool)
    for place in chosen:
        assert (split[place] & left).sum() >= least
        assert (split[place] & left).sum() == (split & left).sum(axis=1).max()
        left &= ~split[place]
    assert np.array_equal(remain, np.flatnonzero(left))
    assert (split & left).sum(axis=1).max(initial=0) < least
