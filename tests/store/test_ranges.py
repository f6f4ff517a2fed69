"""Stores and filters that are built range by range: concatenated, they answer as each range's own."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from fastmem.store import BinaryStore, Filter, IntegerStore, build_store, build_store_of_ranges
from fastmem.store.ranges import Ranges, distinct_codes

LAWS = {
    "two": [0.5, 0.5],
    "ten": [0.1] * 10,
    "geometric": [0.6, 0.24, 0.1, 0.04, 0.02],
    "rare": [0.9, 0.06, 0.04],  # a filter
    "nested": [0.93, 0.03, 0.02, 0.01, 0.01],
}


def stored(law, n, n_bits=40, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.unique(rng.integers(0, 1 << n_bits, n, dtype=np.uint64))
    return codes, rng.choice(len(LAWS[law]), len(codes), p=LAWS[law]).astype(np.int32)


def cut(codes, symbols, bounds, n_threads=1):
    bounds = np.unique(np.append(np.uint64(0), bounds))
    places = [*np.searchsorted(codes, bounds), len(codes)]
    parts = [(codes[a:b], symbols[a:b]) for a, b in itertools.pairwise(places)]
    return Ranges(parts, bounds, n_threads)


def same_tensors(a, b):
    return all(np.array_equal(one, other) for one, other in zip(a.values(), b.values(), strict=True))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("store", [BinaryStore, IntegerStore])
@pytest.mark.parametrize("n_ranges", [2, 7])
def test_a_store_of_ranges_returns_every_class_also_from_a_file(store, law, n_ranges):
    codes, classes = stored(law, 8000)
    ranges = cut(codes, classes, codes[:: len(codes) // n_ranges + 1], n_threads=2)
    built = store.of_ranges(ranges, 40, len(LAWS[law]))
    assert np.array_equal(built.lookup(codes), classes)
    again = store.from_tensors(built.tensors(), 40, len(LAWS[law]))
    other = np.random.default_rng(1).integers(0, 1 << 40, 1000, dtype=np.uint64)
    assert np.array_equal(again.lookup(other), built.lookup(other))
    serial = store.of_ranges(cut(codes, classes, codes[:: len(codes) // n_ranges + 1]), 40, len(LAWS[law]))
    assert same_tensors(serial.tensors(), built.tensors())


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["binary", "integer"])
def test_one_range_is_the_store_of_sorted_codes_bit_for_bit(name, law):
    codes, classes = stored(law, 3000)
    whole, _ = build_store(name, codes, classes, 40, len(LAWS[law]))
    ranges, _ = build_store_of_ranges(name, Ranges.whole(codes, classes), 40, len(LAWS[law]))
    assert same_tensors(whole.tensors(), ranges.tensors())


def test_a_range_costs_half_a_row_of_cells():
    codes, classes = stored("two", 200_000)
    whole = BinaryStore.build(codes, classes, 40, 2)
    ranges = BinaryStore.of_ranges(cut(codes, classes, codes[::20_000]), 40, 2)
    n_columns = whole.ribbons[0].n_columns
    assert whole.n_cells < ranges.n_cells <= whole.n_cells + 10 * n_columns


def test_an_integer_store_of_ranges_is_that_of_one_but_for_starts():
    codes, classes = stored("geometric", 3000)
    whole = IntegerStore.build(codes, classes, 40, 5)
    ranges = IntegerStore.of_ranges(cut(codes, classes, codes[::500]), 40, 5)
    assert np.array_equal(whole.run_classes, ranges.run_classes)


def test_a_filter_of_ranges_accepts_every_code_and_hardly_another():
    codes, _ = stored("two", 30_000)
    accepting = Filter.recognising(cut(codes, codes, codes[::7000]), 40, 8)
    assert accepting.accepts(codes).all()
    others = np.random.default_rng(1).integers(0, 1 << 40, 100_000, dtype=np.uint64)
    assert accepting.accepts(others).mean() < 2 * 2.0**-8


def test_a_binary_store_of_ranges_that_would_be_too_large_is_an_integer_one():
    codes, classes = stored("two", 40)
    store, reason = build_store_of_ranges("binary", cut(codes, classes, codes[::10]), 40, 2)
    assert store.name == "integer"
    assert "cells" in reason
    assert np.array_equal(store.lookup(codes), classes)


@examples(30)
@given(
    st.lists(st.tuples(st.integers(0, 2**12 - 1), st.integers(0, 2)), min_size=1, max_size=300),
    st.lists(st.integers(1, 2**12 - 1), max_size=6),
)
def test_ranges_may_be_empty_and_lie_anywhere(pairs, bounds):
    codes, classes = zip(*sorted(dict(pairs).items()), strict=True)
    codes, classes = distinct_codes(np.array(codes, np.uint64), np.array(classes, np.int32))
    ranges = cut(codes, classes, np.array(bounds, np.uint64))
    assert len(ranges) == len(codes)
    places = np.arange(0, len(codes), 3)
    assert np.array_equal(ranges[places], codes[places])
    assert np.array_equal(ranges[1::2], codes[1::2])
    for store in (BinaryStore, IntegerStore):
        built = store.of_ranges(ranges, 12, 3)
        assert np.array_equal(built.lookup(codes), classes)
        again = store.from_tensors(built.tensors(), 12, 3) if len(set(classes.tolist())) > 2 else built
        assert np.array_equal(again.lookup(codes), classes)
    accepting = Filter.recognising(ranges, 12, 4)
    assert accepting.accepts(codes).all()
