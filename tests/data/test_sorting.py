"""Sorted codes, held to their plain twins in `oracles.naive`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import sort
from fastmem.data.sorting import SortedCodes, distinct, sort_codes

PROPERTY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def codes_with_companions(draw, most=60):
    """Codes that differ in a few bits anywhere, or in all."""
    bits = draw(st.sampled_from([0, 1, 5, 9, 10, 18, 27, 64]))
    shift = draw(st.integers(0, 64 - bits))
    codes = draw(st.lists(st.integers(0, 2**bits - 1).map(lambda code: code << shift), max_size=most))
    base = draw(st.integers(0, 2**64 - 1)) & ~((2**bits - 1) << shift)
    return np.array([code | base for code in codes], np.uint64), np.arange(len(codes))[::-1] * 3


@PROPERTY
@given(codes_with_companions(), st.sampled_from([np.int32, np.int64]))
def test_codes_are_sorted_stably_with_their_companions(pairs, dtype):
    codes, companions = pairs[0], pairs[1].astype(dtype)
    expected = naive.sort_codes(codes, companions)
    spare = np.empty_like(codes), np.empty_like(companions)
    sort.radix_sort(codes, companions, *spare, np.empty(sort.COUNTS, np.int64))
    assert (codes.tolist(), companions.tolist()) == expected


@pytest.mark.parametrize("bits", [1, 9, 10, 19, 38, 62, 64])
@pytest.mark.parametrize("n", [1, 2, 1000, 2047, 2048, 20_000])
def test_a_sort_of_any_length_is_stable(n, bits):
    codes = np.random.default_rng(n).integers(0, 2**bits - 1, n, np.uint64, endpoint=True)
    order = np.argsort(codes, kind="stable")
    for companions in (None, np.arange(n)):
        ascending, found = sort_codes(codes.copy(), companions)
        assert np.array_equal(ascending, codes[order])
        assert np.array_equal(found, order)


@PROPERTY
@given(SEEDS, st.sampled_from([1, 3, 8]))
def test_codes_replaced_in_a_sorted_list_are_where_sorting_puts_them(seed, bits):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**bits, 30).astype(np.uint64)
    ordered = SortedCodes(codes)
    changed = rng.choice(30, rng.integers(0, 31), replace=False)
    codes[changed] = rng.integers(0, 2**bits, len(changed)).astype(np.uint64)
    ordered.replace(changed, codes[changed])
    assert (ordered.codes.tolist(), ordered.rows.tolist()) == naive.sort_codes(codes, np.arange(30))


@PROPERTY
@given(st.lists(st.integers(-5, 20)))
def test_distinct_numbers_are_those_of_a_set(numbers):
    assert distinct(np.array(numbers, np.int64)).tolist() == sorted(set(numbers))


@PROPERTY
@given(SEEDS, st.sampled_from([1, 3, 12, 64]))
def test_buckets_are_split_by_codes_and_parts_of_one_class_left_out(seed, bits):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, rng.choice([4, 20, 200]), rng.integers(0, 12))  # inserted one by one, and by digits
    n = int(sizes.sum()) + 5
    classes = rng.integers(0, rng.integers(1, 5), n).astype(np.int32)
    starts = np.append(0, np.cumsum(sizes))
    members = np.split(rng.permutation(n)[: starts[-1]], starts[1:-1]) if len(sizes) else []
    buckets = [rows[np.argsort(classes[rows], kind="stable")].tolist() for rows in members]
    points = np.array([row for rows in buckets for row in rows], np.int64)
    codes = rng.integers(0, 2**bits - 1, len(points), np.uint64, endpoint=True)
    expected, n_parts = naive.split_buckets(codes, buckets, classes.tolist())
    largest, new_starts = sizes.max(initial=0), np.empty(len(points) // 2 + 1, np.int64)
    spare = np.empty(largest, np.uint64), np.empty(largest, np.int64)
    found = sort.split_buckets(codes, points, starts, classes, *spare, np.empty(sort.COUNTS, np.int64), new_starts)
    assert found == (len(expected), n_parts)
    assert new_starts[0] == 0
    assert [points[new_starts[k] : new_starts[k + 1]].tolist() for k in range(found[0])] == expected
