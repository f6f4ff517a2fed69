"""Trimming: its kernels, held to their plain twins in `naive`, and what it leaves out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import trim as kernels
from fastmem.data.points import Points
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.machine.progress import progress_bar
from fastmem.separate import separate
from fastmem.separate.trim import spare, trim

PROPERTY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)
SOME_SEEDS = pytest.mark.parametrize("seed", range(6))


# Climbing


def aimed(middles, halves, weights, starts, iterations, step):
    k, n = middles.shape
    best, scores = np.empty(starts.shape), np.empty(len(starts))
    kernels.aim(
        middles, halves, weights, starts.copy(), iterations, step, np.empty((2, n)), np.empty(k), np.empty(k), best,
        scores,
    )  # fmt: skip
    return best, scores


def pairs_to_aim_at(seed):
    rng = np.random.default_rng(seed)
    k, n, n_starts = rng.integers(2, 8), rng.integers(1, 40), rng.integers(1, 4)
    middles, halves = rng.standard_normal((k, n)), rng.standard_normal((k, n)) * rng.choice([0.1, 1.0])
    starts = rng.standard_normal((n_starts, k))
    weights = rng.integers(1, 9, n).astype(float)  # whole numbers, so that sums in any order are equal
    return middles, halves, weights, starts / np.linalg.norm(starts, axis=1, keepdims=True)


@PROPERTY
@given(SEEDS, st.integers(1, 6), st.sampled_from([0.01, 0.1, 0.5]))
def test_a_hyperplane_climbs_as_its_definition_does(seed, iterations, step):
    middles, halves, weights, starts = pairs_to_aim_at(seed)
    best, scores = aimed(middles, halves, weights, starts, iterations, step)
    for start, hyperplane, score in zip(starts, best, scores, strict=True):
        expected_score, expected = naive.climb(middles, halves, weights, start, iterations, step)
        assert score == expected_score
        np.testing.assert_allclose(hyperplane, expected, rtol=0, atol=1e-9)


@PROPERTY
@given(SEEDS, st.integers(1, 60), st.sampled_from([0.01, 0.1, 0.5]))
def test_a_turned_hyperplane_splits_its_score_and_no_less_than_before(seed, iterations, step):
    middles, halves, weights, starts = pairs_to_aim_at(seed)
    best, scores = aimed(middles, halves, weights, starts, iterations, step)
    for start, hyperplane, score in zip(starts, best, scores, strict=True):
        assert score == naive.split_weight(middles, halves, weights, hyperplane)
        assert score >= naive.split_weight(middles, halves, weights, start)


def test_pairs_that_one_hyperplane_splits_are_split_by_turning_one():
    rng = np.random.default_rng(0)
    middles, halves = rng.standard_normal((8, 60)) * 0.3, rng.standard_normal((8, 60)) * 0.1
    middles[0], halves[0] = rng.standard_normal(60) * 0.01, 1.0  # axis 0 splits all
    starts = rng.standard_normal((5, 8))
    starts /= np.linalg.norm(starts, axis=1, keepdims=True)
    _, before = aimed(middles, halves, np.ones(60), starts, 1, 0.1)
    _, after = aimed(middles, halves, np.ones(60), starts, 60, 0.1)
    assert before.max() < 60
    assert after.tolist() == [60] * 5


# Steps


class Few:
    """A few Gaussian points, hyperplanes that need not separate them, and the kernel's arrays."""

    def __init__(self, seed, most=200):
        rng = np.random.default_rng(seed)
        self.rng, self.n, self.d, self.m = (
            rng,
            int(rng.integers(2, 14)),
            int(rng.integers(1, 5)),
            int(rng.integers(1, 4)),
        )
        self.coordinates = rng.standard_normal((self.n, self.d))
        self.basis = rng.standard_normal((self.d, self.d))
        self.inside = np.ascontiguousarray((self.coordinates - 0.1) @ self.basis.T)
        self.classes = rng.integers(0, rng.integers(1, 4), self.n).astype(np.int32)
        self.directions, self.levels = rng.standard_normal((self.m, self.d)), 0.3 * rng.standard_normal(self.m)
        above = self.coordinates @ self.directions.T >= self.levels
        self.codes = naive.pack_bits(above)[:, 0]
        self.gains = np.zeros(2**20)  # hardly any two pairs share one
        self.recent, self.n_recent, self.changed = np.zeros((2, 300), int), np.zeros(1, int), np.zeros(self.m, np.uint8)
        k = self.d + 2
        self.kernel = kernels.Turning(
            self.coordinates, self.inside, self.basis, self.classes, self.codes, self.directions, self.levels,
            self.gains, self.recent, self.n_recent, self.changed, np.empty(64, np.uint8), np.empty(self.n, int),
            np.empty(64, np.int32), np.empty(64, np.uint8), np.empty(self.n, np.int32), np.empty((2, most), np.int32),
            np.empty((k, most)), np.empty((k, most)), np.empty((2, most)), np.empty(most), np.empty(most, np.uint8),
            np.empty((2, 2 * most)), np.empty((2, 2 * most), np.int32), np.empty((5, k)),
        )  # fmt: skip

    def starts(self, steps):
        starts = 0.3 * self.rng.standard_normal((steps, self.d + 2))
        starts[:, -2] += 1
        return starts / np.linalg.norm(starts, axis=1, keepdims=True)


@PROPERTY
@given(SEEDS, st.integers(1, 3))
def test_steps_turn_hyperplanes_as_their_definition_does(seed, steps):
    few = Few(seed)
    picks, starts = few.rng.integers(0, few.m, steps), few.starts(steps)
    expected = naive.Turning(few.coordinates, few.inside, few.basis, few.classes, few.codes, few.directions, few.levels)
    done, n_pairs, is_open = 0, 0, True
    while done < steps and is_open:
        pairs = expected.turn(int(picks[done]), starts[done], 8, 0.2, 0.25)
        done, n_pairs, is_open = done + 1, n_pairs + len(pairs), bool(expected.left)
    state, *counts = few.kernel.turn(picks, starts, 8, 0.2, 0.25)
    assert (state == kernels.SEPARATED, *counts) == (not is_open, done, n_pairs)
    assert few.codes.tolist() == expected.codes
    assert np.flatnonzero(few.changed).tolist() == sorted(expected.changed)
    np.testing.assert_allclose(few.directions, expected.directions, atol=1e-5)
    np.testing.assert_allclose(few.levels, expected.levels, atol=1e-5)
    assert few.gains.sum() == sum(expected.gains.values())
    pairs_left = few.recent[:, few.n_recent[0] - len(expected.left) : few.n_recent[0]].T.tolist()
    assert sorted(map(tuple, pairs_left)) == sorted(expected.left)


@SOME_SEEDS
def test_a_search_stops_at_once_where_pairs_are_too_many(seed):
    few = Few(seed, most=3)
    few.classes[:], few.codes[:] = np.arange(few.n), 0
    few.codes[:1] = 1
    state, steps, n_pairs = few.kernel.turn(np.zeros(4, int), few.starts(4), 8, 0.2, 0.25)
    if few.n > 3:
        assert (state, steps, n_pairs, few.changed.any()) == (kernels.CROWDED, 0, 0, False)


# All of it


def trimmed(separation, X, y, work, seed=0):
    with progress_bar(False, separation.hyperplanes.m, "trimming") as bar:
        return trim(*separation, Points(X), y, work, None, np.random.default_rng(seed), 1, bar)


def are_separated(hyperplanes, codes, X, y):
    assert np.array_equal(
        naive.unpack_bits(codes[:, None], hyperplanes.m), naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
    )
    order = np.lexsort((y, codes))
    same = codes[order][1:] == codes[order][:-1]
    return np.array_equal(y[order][1:][same], y[order][:-1][same])


@SOME_SEEDS
def test_few_points_are_separated_by_fewer_hyperplanes(seed):
    rng = np.random.default_rng(seed)
    scales = np.array([1.0, 1e-6, 1e6, 1.0])
    X, y = (rng.standard_normal((150, 4)) * scales).astype(np.float32), rng.integers(0, 3, 150).astype(np.int32)
    separation = separate(Points(X), y, np.random.default_rng(seed), effort="fast")
    hyperplanes, codes, margins = trimmed(separation, X, y, 3e7)
    assert hyperplanes.m < separation.hyperplanes.m
    assert are_separated(hyperplanes, codes, X, y)
    distances = np.abs(X.astype(float) @ hyperplanes.weights.T.astype(float) - hyperplanes.thresholds).min(axis=0)
    assert np.all(margins.min(axis=0) <= distances * (1 + 1e-6))


def test_hyperplanes_that_nothing_needs_are_spared():
    X = np.random.default_rng(0).standard_normal((1000, 3)).astype(np.float32)
    y = (X[:, 1] > 0).astype(np.int32)
    directions = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    hyperplanes = Hyperplanes(directions, np.array([0.0, 0.0, 0.5, 1.0]), np.zeros(3), np.zeros(3))
    codes = naive.pack_bits(hyperplanes.thresholds <= X @ directions.T)[:, 0]
    left, codes, margins = spare(hyperplanes, codes, np.arange(8.0).reshape(2, 4), y)
    assert left.weights.tolist() == [[0, 1, 0]]
    assert left.thresholds.tolist() == [0]
    assert are_separated(left, codes, X, y)
    assert margins.tolist() == [[1], [5]]


def test_hyperplanes_are_not_looked_at_again_where_most_codes_differ():
    X = np.random.default_rng(0).standard_normal((1000, 3)).astype(np.float32)
    separation = separate(Points(X), np.arange(1000, dtype=np.int32), np.random.default_rng(0))
    assert spare(*separation, np.arange(1000))[0] is separation.hyperplanes
