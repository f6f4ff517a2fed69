"""A closer look at clusters far apart: which points it takes, and that each cluster is then as any other data."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

import fastmem
from fastmem.separate.sample import Sample
from fastmem.separate.zoom import around_one_bucket


def clusters(n=3000, d=8, width=1e-6, apart=1e6, seed=0):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(10, d)) * apart
    return centres[random.integers(0, 10, n)] + width * random.normal(size=(n, d))


@pytest.mark.parametrize("options", [{}, {"separate": "all"}, {"effort": "fast"}, {"effort": "small"}], ids=str)
def test_ten_clusters_take_some_times_the_hyperplanes_of_one(options):
    X, y = clusters(), np.random.default_rng(1).integers(0, 2, 3000)
    net = fastmem.memorize(X, y, random_state=0, **options)
    assert np.array_equal(net.predict(X), y)
    one = fastmem.memorize(np.random.default_rng(2).normal(size=(300, 8)), y[:300], random_state=0, **options)
    assert net.n_hyperplanes < 50 * one.n_hyperplanes  # and 120 times as many in one frame for all
    assert fastmem.memorize(X, y, random_state=0, n_threads=2, **options) == net


@pytest.mark.parametrize(("width", "apart"), [(1e-3, 1e3), (1e-9, 1.0), (1e-300, 1e-290), (1e290, 1e297)])
def test_clusters_of_any_scale_are_told_apart(width, apart):
    X, y = clusters(800, 3, width, apart), np.random.default_rng(1).integers(0, 2, 800)
    _, rows = np.unique(X, axis=0, return_index=True)
    assert np.array_equal(fastmem.memorize(X[rows], y[rows], random_state=0).predict(X[rows]), y[rows])


@examples(100)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4))
def test_what_is_taken_lies_around_one_bucket_and_in_buckets_that_are_open(seed, n_buckets, d):
    random = np.random.default_rng(seed)
    sizes = random.integers(8, 15, n_buckets)
    centres = random.normal(size=(3, d))[random.integers(0, 3, n_buckets)]
    X = np.repeat(centres, sizes, axis=0) + 10.0 ** -random.integers(5, 9) * random.normal(size=(sizes.sum(), d))
    classes = np.concatenate([np.sort(np.append(random.integers(0, 2, size - 2), [0, 1])) for size in sizes])
    starts = np.append(0, np.cumsum(sizes))
    sample = Sample(X, classes.astype(np.int32), starts, sizes.astype(float))
    found = around_one_bucket(sample, random)
    extents = [np.ptp(sample.coordinates[a:b], axis=0).max() for a, b in itertools.pairwise(starts)]
    if found is None:
        assert np.median(extents) > 2.0**-22 * np.sqrt(d)
        return
    positions, firsts, chosen = found
    assert len(firsts) == len(chosen) + 1
    assert firsts[-1] == len(positions)
    for bucket, a, b in zip(chosen, firsts, firsts[1:], strict=False):
        inside = positions[a:b]
        assert np.all((inside >= starts[bucket]) & (inside < starts[bucket + 1]))
        assert set(classes[inside].tolist()) == {0, 1}
    spread = np.ptp(sample.coordinates[positions], axis=0).max()
    assert spread <= 16.001 * max(extents)


def test_pairs_nearer_than_that_are_not_parted_one_by_one_in_frames_of_their_own():
    random = np.random.default_rng(4)
    one = random.normal(size=(500, 16))
    X = np.concatenate([one, one + 3e-8 * random.normal(size=(500, 16))])
    sample = Sample(X[np.argsort(np.arange(1000) % 500, kind="stable")], np.arange(1000, dtype=np.int32),
                    2 * np.arange(501), np.full(500, 2.0))  # fmt: skip
    assert around_one_bucket(sample, random) is None


def test_pairs_that_float32_weights_part_are_parted_many_at_a_time():
    """A hyperplane passes through as many pairs as there are dimensions."""
    pairs = fastmem.theory.instances.tight_pairs(2000, 16, random_state=0)
    net = fastmem.memorize(pairs.X, np.arange(2000), random_state=0)
    assert net.n_hyperplanes < 1.3 * pairs.bound


def test_other_points_are_looked_at_as_they_are():
    random = np.random.default_rng(3)
    X, classes = random.normal(size=(400, 3)), np.tile([0, 1], 200).astype(np.int32)
    sample = Sample(X, classes, 2 * np.arange(201), np.full(200, 2.0))
    state = random.bit_generator.state
    assert around_one_bucket(sample, random) is None
    assert random.bit_generator.state == state
