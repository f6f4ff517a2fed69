"""The linear code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem.hyperplanes.code import LinearCode

PROPERTY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)


@PROPERTY
@given(st.integers(1, 400), st.integers(1, 2**40), st.integers(0, 63), SEEDS)
def test_a_drawn_code_has_at_most_62_bits_and_columns_within_its_range_of_ones(m, n, attempt, seed):
    code = LinearCode.draw(m, n, np.random.default_rng(seed), attempt)
    assert 10 <= code.n_bits <= 62
    assert code.columns.dtype == np.uint64
    assert code.columns.shape == (m,)
    ones = [column.bit_count() for column in code.columns.tolist()]
    half = code.n_bits // 2
    assert max(column.bit_length() for column in code.columns.tolist()) <= code.n_bits
    assert min(3 + attempt, half) <= min(ones)
    assert max(ones) <= min(5 + attempt, half)


@PROPERTY
@given(st.integers(63, 200), st.integers(2, 2**30), st.integers(0, 20), SEEDS)
def test_a_drawn_code_depends_on_the_seed_alone(m, n, attempt, seed):
    first, second = (LinearCode.draw(m, n, np.random.default_rng(seed), attempt) for _ in range(2))
    assert first.n_bits == second.n_bits
    assert np.array_equal(first.columns, second.columns)


def test_drawn_codes_use_every_bit_and_every_number_of_ones():
    code = LinearCode.draw(5000, 1000, np.random.default_rng(0))
    assert code.n_bits == 30
    assert np.bitwise_or.reduce(code.columns) == 2**30 - 1
    assert {column.bit_count() for column in code.columns.tolist()} == {3, 4, 5}


@pytest.mark.parametrize("m", [0, 1, 2, 61, 62])
def test_the_identity_keeps_signs_as_they_are(m):
    code = LinearCode.identity(m)
    assert code.is_identity
    assert code.n_bits == m
    signs = np.random.default_rng(m).random((20, m)) < 0.5
    assert np.array_equal(naive.unpack_bits(naive.xor_codes(signs, code.columns)[:, None], m), signs)


def test_a_code_of_other_columns_is_not_the_identity():
    assert not LinearCode(np.array([2, 1], np.uint64), 2).is_identity
    assert not LinearCode(np.array([1, 2], np.uint64), 3).is_identity
