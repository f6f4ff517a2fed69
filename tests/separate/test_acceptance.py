"""Rates at which inputs share cells with memorized points, estimated without bias from all pairs that there are."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from fastmem.data.sorting import SortedCodes
from fastmem.separate.acceptance import CutAgreement, Mates, PoolAgreement, cuts_of_columns, estimated, mates_of

RNG = np.random.default_rng(0)


@examples(100)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), max_size=20))
def test_mates_are_all_points_of_the_same_code(stored, inputs):
    mates = mates_of(np.array(inputs, np.uint64), SortedCodes(np.array(stored, np.uint64)), RNG)
    expected = [(i, row) for i, code in enumerate(inputs) for row, other in enumerate(stored) if code == other]
    assert list(zip(mates.inputs.tolist(), mates.rows.tolist(), strict=True)) == expected
    assert mates.n == len(inputs)


@examples(50)
@given(st.data())
def test_the_rate_is_the_mean_over_all_choices_from_the_pool(data):
    size, e = 8, data.draw(st.integers(0, 8))
    signs = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=4))
    of_rows = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=4))
    pairs = [(i, i % len(of_rows)) for i in range(len(signs))]  # a mate each
    mates = Mates(*np.array(pairs).T, 5.0)
    pool = PoolAgreement(
        mates, np.array(signs, np.uint64)[:, None], np.array(of_rows, np.uint64)[:, None], mates.rows, size
    )
    passing = [
        sum(all(not (signs[i] ^ of_rows[j]) >> k & 1 for k in chosen) for i, j in pairs)
        for chosen in itertools.combinations(range(size), e)
    ]
    assert pool.estimate(e).rate == pytest.approx(np.mean(passing) / 5)


def test_an_input_with_several_mates_counts_once():
    mates = Mates(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 0]), 4.0)
    same = np.zeros((3, 1), np.uint64)
    assert PoolAgreement(mates, same, same, mates.rows, 64).estimate(3).rate == 0.5


def test_the_rate_of_cuts_is_that_of_their_random_shift():
    apart = np.array([[0.1, 0.02], [0.3, 0.0]])
    mates = Mates(np.arange(2), np.arange(2), 2.0)
    e, hits = 7, 0
    shifts = np.random.default_rng(1).random((20_000, 2))
    for pair in apart:
        same = np.ones(len(shifts), bool)
        for column, count in enumerate(cuts_of_columns(e, 2).tolist()):
            cuts = (np.arange(count) + shifts[:, column, None]) / count
            same &= ~np.any((cuts >= 0.4) & (cuts < 0.4 + pair[column]), axis=1)
        hits += same.mean()
    assert CutAgreement(mates, apart).estimate(e).rate == pytest.approx(hits / 2, rel=0.03)


def test_the_end_of_the_interval_is_above_the_rate_nine_times_of_ten():
    rng = np.random.default_rng(2)
    shares = rng.beta(0.2, 4, (300, 400))
    above = [estimated(sample, 400.0).at_most >= 0.2 / 4.2 for sample in shares]
    assert np.mean(above) > 0.9


def test_a_pair_that_is_there_twice_is_no_more_certain():
    shares = np.random.default_rng(3).beta(0.2, 4, 50)
    once = estimated(shares, 400.0)
    twice = estimated(np.repeat(shares, 2), 800.0, times=2.0)
    assert twice == pytest.approx(once)


def test_where_no_input_has_a_mate_the_rule_of_three_holds():
    nothing = estimated(np.empty(0), 300.0)
    assert (nothing.rate, nothing.at_most, nothing.carried_by) == (0.0, 0.01, 0.0)
    assert estimated(np.empty(0), 300.0, 8).at_most < 0.01
