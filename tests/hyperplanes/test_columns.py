"""Hyperplanes of which some read the first columns alone, and others the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from fastmem.data.points import Points
from fastmem.data.reading import Reading
from fastmem.hyperplanes.columns import hyperplanes_of, tensors_of
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes


def in_blocks(m, d, first_m, first_d, seed):
    """Hyperplanes of which the first read the first columns, and the others the others; and points."""
    rng = np.random.default_rng(seed)
    weights = np.round(8 * rng.standard_normal((m, d))).astype(np.float32)
    weights[:first_m, first_d:] = weights[first_m:, :first_d] = 0
    X = np.round(8 * rng.standard_normal((90, d))).astype(np.float32)
    return Hyperplanes(weights, np.round(8 * rng.standard_normal(m)), *column_frame(X)), X


SHAPES = st.tuples(st.integers(1, 70), st.integers(2, 40)).flatmap(
    lambda shape: st.tuples(
        st.just(shape[0]), st.just(shape[1]), st.integers(0, shape[0]), st.integers(0, shape[1]), st.integers(0, 99)
    )
)


def bits_of(hyperplanes, X):
    return X.astype(np.float64) @ hyperplanes.weights.T.astype(np.float64) >= hyperplanes.thresholds


@examples(150)
@given(SHAPES)
def test_signs_codes_and_radii_are_those_of_all_weights(shape):
    hyperplanes, X = in_blocks(*shape)
    bits = bits_of(hyperplanes, X)
    columns = np.random.default_rng(0).integers(0, 2**62, hyperplanes.m, dtype=np.uint64)
    margins = np.full(hyperplanes.m, np.inf)
    codes, bad = hyperplanes.xor_codes(X, columns, margins=margins)
    assert bad == -1
    assert codes.tolist() == [int(np.bitwise_xor.reduce(columns[row], initial=0)) for row in bits]
    sums = X.astype(np.float64) @ hyperplanes.weights.T.astype(np.float64) - hyperplanes.thresholds
    least = np.abs(sums).min(axis=0)
    assert np.all(margins <= least)
    words = hyperplanes.signs_of_block(X)
    for j in range(hyperplanes.m):
        assert np.array_equal(words[:, j // 64] >> np.uint64(j % 64) & np.uint64(1) != 0, bits[:, j])


@examples(150)
@given(SHAPES)
def test_hyperplanes_are_parted_only_where_none_reads_the_others_columns(shape):
    hyperplanes, _ = in_blocks(*shape)
    m, d = hyperplanes.apart
    assert 0 < m <= hyperplanes.m
    assert 0 < d <= hyperplanes.d
    if m < hyperplanes.m:
        assert not hyperplanes.weights[:m, d:].any()
        assert not hyperplanes.weights[m:, :d].any()


def test_a_few_hyperplanes_on_other_columns_are_read_apart():
    assert in_blocks(36, 44, 30, 16, 0)[0].apart == (30, 16)
    assert in_blocks(36, 44, 36, 44, 0)[0].apart == (36, 44)


@pytest.mark.parametrize(("row", "column"), [(7, 3), (5, 40)])
def test_the_first_row_that_is_not_finite_is_found_in_either_part(row, column):
    hyperplanes, X = in_blocks(36, 44, 30, 16, 0)
    X[row, column] = X[60, 2] = X[70, 43] = np.nan
    assert hyperplanes.xor_codes(X, np.zeros(36, np.uint64))[1] == row


@examples(100)
@given(SHAPES, st.integers(0, 300))
def test_tensors_give_the_same_hyperplanes(shape, more):
    hyperplanes, _ = in_blocks(*shape)
    n_features = hyperplanes.d + more
    reading = Reading(np.random.default_rng(1).permutation(n_features)[: hyperplanes.d], n_features)
    again, same = hyperplanes_of(tensors_of(hyperplanes, reading), n_features)
    assert same == reading
    for name in ("weights", "thresholds", "centre", "exponents"):
        assert np.array_equal(getattr(again, name), getattr(hyperplanes, name))


# Points with some of their columns


@examples(100)
@given(
    n=st.integers(1, 40),
    d=st.integers(1, 30),
    dtype=st.sampled_from(["f4", "f8", "i8", ">f4", "f2", "u1"]),
    order=st.sampled_from("CFKX"),
    seed=st.integers(0, 999),
)
def test_points_on_some_columns_are_these_columns(n, d, dtype, order, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 100, (n, d)).astype(dtype)
    X = np.repeat(X, 2, axis=1)[:, ::2] if order == "X" else np.array(X, order="C" if order == "K" else order)
    columns = rng.permutation(d)[: rng.integers(1, d + 1)]
    columns = np.sort(columns) if seed % 2 else columns
    points = Points(X).on(Reading(columns, d))
    expected = X[:, columns].astype(np.float64)
    assert (points.n, points.d) == expected.shape
    assert np.array_equal(points.block(0, n), expected)
    assert np.array_equal(points.as_array(), expected)
    rows = rng.integers(0, n, 15)
    assert np.array_equal(points.take(rows), expected[rows])
    found = np.full(expected.shape, np.nan)

    def work(start, stop, block):
        found[start:stop] = block

    points.over_rows(work, 2)
    assert np.array_equal(found, expected)
    assert points.largest_norm() == Points(np.ascontiguousarray(X[:, columns])).largest_norm()
    assert points.fit_float32()
