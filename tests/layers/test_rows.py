"""Rows of weights, held to their definitions in plain NumPy."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from scipy.sparse import csr_array
from support.examples import examples

from fastmem.layers.layer import Layer
from fastmem.layers.rows import (
    added_up,
    alternating_sums,
    as_rows,
    beside,
    block_diagonal,
    counters,
    number_row,
    ranks,
    relays,
    stacked,
)

PROPERTY = examples(100)
COUNTS = st.lists(st.integers(0, 9), max_size=9)
PARTS = [np.array([[1, 0, -2]]), np.zeros((0, 3), int), csr_array([[0, 0, 5], [7, 0, 0]])]


def dense(matrix):
    assert isinstance(matrix, csr_array)
    assert matrix.dtype == np.int64
    assert matrix.has_canonical_format
    assert np.all(matrix.data != 0)
    return matrix.toarray()


def test_a_matrix_is_kept_and_anything_else_becomes_one():
    matrix = as_rows([[0, 3], [4, 0]])
    assert as_rows(matrix) is matrix
    assert dense(matrix).tolist() == [[0, 3], [4, 0]]
    assert dense(as_rows(([5, 6], ([1, 0], [0, 2])), (3, 4))).tolist() == [[0, 0, 6, 0], [5, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("n_bits", [0, 1, 20, 62])
def test_the_number_row_reads_the_number_of_bits(n_bits):
    bits = np.random.default_rng(n_bits).random(n_bits) < 0.5
    row = number_row(n_bits)
    assert row.dtype == np.int64
    assert row.shape == (n_bits,)
    assert int(bits @ row) == sum(1 << i for i in range(n_bits) if bits[i])


def test_relays_repeat_inputs():
    assert np.array_equal(dense(relays(4)), np.eye(4))
    assert np.array_equal(dense(relays(4, [2, 0, 2])), np.eye(4)[[2, 0, 2]])
    assert dense(relays(0)).shape == (0, 0)


def test_a_relay_of_no_input_reads_nothing():
    assert np.array_equal(dense(relays(2, np.array([-1, 1, 2]))), [[0, 0], [0, 1], [0, 0]])
    assert dense(relays(0, np.arange(3))).shape == (3, 0)


@PROPERTY
@given(COUNTS)
def test_ranks_count_each_run_from_0(counts):
    assert ranks(counts).tolist() == [rank for count in counts for rank in range(count)]


@PROPERTY
@given(COUNTS)
def test_alternating_sums_begin_with_1_in_each_row(counts):
    expected = np.zeros((len(counts), sum(counts)))
    ends = np.append(0, np.cumsum(counts, dtype=int))
    for row, (start, end) in enumerate(itertools.pairwise(ends)):
        expected[row, start:end] = [(-1) ** rank for rank in range(end - start)]
    assert np.array_equal(dense(alternating_sums(counts)), expected)


@PROPERTY
@given(COUNTS)
def test_neighbouring_rows_are_added_up(counts):
    n = sum(counts)
    rows = np.diag(np.arange(1, n + 1)).astype(np.int64)  # no two read the same input
    firsts = np.append(0, np.cumsum(counts, dtype=int))[:-1]
    expected = [rows[first : first + count].sum(axis=0) for first, count in zip(firsts, counts, strict=True)]
    assert np.array_equal(dense(added_up(as_rows(rows), counts)), np.reshape(expected, (len(counts), n)))


@PROPERTY
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_alternating_sums_of_counters_are_parities(counts, seed):
    groups = np.repeat(np.eye(len(counts), dtype=np.int64), counts, axis=1)
    weights, thresholds = counters(groups, counts)
    bits = np.random.default_rng(seed).random((20, sum(counts))) < 0.5
    assert np.array_equal(dense(weights), np.repeat(groups, counts, axis=0))
    outputs = naive.integer_layers([Layer(weights, thresholds)], bits)
    assert np.array_equal(outputs @ dense(alternating_sums(counts)).T, (bits @ groups.T) % 2)


def test_units_are_stacked_beside_and_apart():
    parts = [part.toarray() if isinstance(part, csr_array) else part for part in PARTS]
    assert np.array_equal(dense(stacked(PARTS)), np.concatenate(parts))
    assert np.array_equal(dense(beside([part.T for part in parts])), np.concatenate([p.T for p in parts], axis=1))
    apart = [[1, 0, -2, 0, 0, 0], [0, 0, 0, 0, 0, 5], [0, 0, 0, 7, 0, 0]]
    assert np.array_equal(dense(block_diagonal(PARTS[::2])), apart)
