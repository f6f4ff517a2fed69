"""Kernels of partitions against their definitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import partitions as kernels
from fastmem.distributed.build import images_of_bytes
from fastmem.distributed.partitions import hashes_of_codes, marks
from fastmem.distributed.ranges import Partition

CODES = st.lists(st.integers(0, 2**62 - 1) | st.integers(0, 40), max_size=80)


@examples(30)
@given(CODES, st.integers(0, 2**64 - 1))
def test_codes_are_found_by_their_hashes(codes, limit):
    array, positions = np.array(codes, np.uint64), np.empty(len(codes) + 1, np.int32)
    hashes = [naive.hash_code(code) for code in codes]
    assert hashes_of_codes(array).tolist() == hashes
    found = positions[: kernels.find_below(array, limit, positions)]
    assert found.tolist() == [i for i, hashed in enumerate(hashes) if hashed <= limit]
    table, shift = marks(array[::2])
    marked = {hashed >> shift for hashed in hashes[::2]}
    found = positions[: kernels.find_marked(array, table, shift, positions)]
    assert found.tolist() == [i for i, hashed in enumerate(hashes) if hashed >> shift in marked]


@examples(30)
@given(CODES, st.lists(st.integers(1, 2**62 - 1) | st.integers(1, 40), max_size=9), st.data())
def test_codes_are_grouped_by_ranges(codes, bounds, data):
    bounds = sorted({0, *bounds})
    first = data.draw(st.integers(0, len(bounds) - 1))
    end = data.draw(st.integers(first + 1, len(bounds)))
    array, partition = np.array(codes, np.uint64), Partition(np.array(bounds, np.uint64), 62)
    counts = partition.count(array)
    numbers = [naive.range_of(code, bounds) for code in codes]
    assert counts.tolist() == [numbers.count(s) for s in range(len(bounds))]
    order = partition.group(array, counts, first, end)
    assert order.tolist() == [i for s in range(first, end) for i, number in enumerate(numbers) if number == s]


@examples(30)
@given(CODES, st.lists(st.integers(0, 2**62 - 1), max_size=62))
def test_a_linear_map_goes_byte_by_byte(codes, columns):
    mask = (1 << len(columns)) - 1
    array = np.array([code & mask for code in codes], np.uint64)
    expected = [naive.xor_of_columns(int(code), columns) for code in array]
    kernels.map_codes(array, images_of_bytes(np.array(columns, np.uint64)))
    assert array.tolist() == expected


@examples(30)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=40))
def test_codes_of_two_classes_are_open(pairs):
    pairs.sort(key=lambda pair: pair[0])
    codes = np.array([code for code, _ in pairs], np.uint64)
    for dtype in (np.int32, np.int64):
        classes, opened = np.array([of for _, of in pairs], dtype), np.empty(len(pairs), np.uint64)
        found = opened[: kernels.find_open(codes, classes, opened)]
        assert found.tolist() == naive.open_codes(pairs)
