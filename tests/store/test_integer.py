"""The integer store and its kernels, held to their plain twins in `oracles.naive`."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import runs
from fastmem.errors import FormatError, MemorizationError
from fastmem.store import IntegerStore

PROPERTY = examples(200)


@st.composite
def stored_codes(draw, most=40):
    """Sorted codes of some bits, equal ones of one class: crowded at either end, at one place, or anywhere."""
    n_bits = draw(st.integers(1, 62))
    top = 2**n_bits - 1
    middle = draw(st.integers(0, top))
    some = st.one_of(
        st.integers(0, top),
        st.integers(0, min(15, top)),
        st.integers(0, min(15, top)).map(lambda below: top - below),
        st.integers(0, 9).map(lambda above: min(middle + above, top)),
        st.integers(0, n_bits - 1).map(lambda bit: 1 << bit),
        st.integers(0, n_bits - 1).map(lambda bit: middle ^ (1 << bit)),
    )
    class_of = draw(st.dictionaries(some, st.integers(0, 3), min_size=1, max_size=most))
    codes = sorted(draw(st.lists(st.sampled_from(sorted(class_of)), max_size=5)) + list(class_of))
    classes = [class_of[code] for code in codes]
    queries = [*codes, *draw(st.lists(some, max_size=20)), 0, top]
    return n_bits, np.array(codes, np.uint64), np.array(classes, np.int32), np.array(queries, np.uint64)


@PROPERTY
@given(stored_codes())
def test_runs_are_merged_and_their_starts_rounded(stored):
    _, codes, classes, _ = stored
    starts, run_classes = np.empty(len(codes), np.uint64), np.empty(len(codes), np.int32)
    n_runs = runs.merge_runs(codes, classes, starts, run_classes)
    assert (starts[:n_runs].tolist(), run_classes[:n_runs].tolist()) == naive.merge_runs(codes, classes)


@PROPERTY
@given(stored_codes(), st.integers(0, 6))
def test_each_prefix_has_the_run_of_its_first_code(stored, prefix_bits):
    n_bits, codes, classes, _ = stored
    starts, _ = naive.merge_runs(codes, classes)
    prefix_bits = min(prefix_bits, n_bits)
    index = np.empty(2**prefix_bits + 1, np.int32)
    runs.index_runs(np.array(starts, np.uint64), n_bits - prefix_bits, index)
    assert index.tolist() == naive.index_runs(starts, 2**prefix_bits, n_bits - prefix_bits)


@PROPERTY
@given(stored_codes())
def test_stored_codes_have_their_class(stored):
    n_bits, codes, classes, _ = stored
    assert np.array_equal(IntegerStore.build(codes, classes, n_bits, 4).lookup(codes), classes)


@PROPERTY
@given(stored_codes())
def test_any_code_has_the_class_of_the_run_it_lies_in(stored):
    n_bits, codes, classes, queries = stored
    table = IntegerStore.build(codes, classes, n_bits, 4)
    assert table.starts.dtype == (np.uint32 if n_bits <= 32 else np.uint64)
    assert table.lookup(queries).tolist() == naive.lookup(queries, *naive.merge_runs(codes, classes))


@pytest.mark.parametrize("n_bits", [1, 12, 31, 32, 33, 62])
def test_lookup_is_right_among_thousands_of_skewed_codes(n_bits):
    rng = np.random.default_rng(n_bits)
    top = 2**n_bits - 1
    spread = (rng.random(4000) ** 20 * top).astype(np.uint64)
    codes = np.unique(np.concatenate([spread, np.uint64(top) - spread[:500], np.array([0, top], np.uint64)]))
    classes = rng.integers(0, 7, len(codes)).astype(np.int32)
    table = IntegerStore.build(codes, classes, n_bits, 7)
    assert np.array_equal(table.lookup(codes), classes)
    queries = rng.integers(0, top, 500, np.uint64, endpoint=True)
    assert table.lookup(queries).tolist() == naive.lookup(queries, table.starts, table.run_classes)


def test_a_store_of_codes_without_bits_has_one_class():
    table = IntegerStore.build(np.zeros(3, np.uint64), np.zeros(3, np.int32), 0, 1)
    assert table.lookup(np.zeros(5, np.uint64)).tolist() == [0] * 5
    assert table.layers() == ()


@PROPERTY
@given(stored_codes(), st.data())
def test_equal_codes_of_two_classes_are_refused(stored, data):
    n_bits, codes, classes, _ = stored
    place = data.draw(st.integers(0, len(codes) - 1))
    codes, classes = np.insert(codes, place, codes[place]), np.insert(classes, place, classes[place] + 1)
    conflicts = [i for i in range(1, len(codes)) if codes[i] == codes[i - 1] and classes[i] != classes[i - 1]]
    outputs = np.empty(len(codes), np.uint64), np.empty(len(codes), np.int32)
    assert runs.merge_runs(codes, classes, *outputs) == -1 - conflicts[0]
    with pytest.raises(MemorizationError, match=f"code {codes[conflicts[0]]} "):
        IntegerStore.build(codes, classes, n_bits, 5)


@PROPERTY
@given(stored_codes(most=25))
def test_the_layers_of_a_store_look_codes_up(stored):
    n_bits, codes, classes, queries = stored
    assume(classes.any())
    table = IntegerStore.build(codes, classes, n_bits, 4)
    bits = naive.unpack_bits(queries[:, None], n_bits)
    expected = naive.lookup(queries, *naive.merge_runs(codes, classes))
    outputs = naive.integer_layers(table.layers(), bits)
    assert (outputs @ [1, 2]).tolist() == expected
    words = queries[:, None]
    for layer in table.layers():
        words = layer.forward(words)
    assert words[:, 0].tolist() == expected


@pytest.mark.parametrize("run_classes", [[0], [0, 2], [0, 4]])
def test_runs_that_leave_a_label_bit_unused_or_use_more_are_refused(run_classes):
    tensors = {"starts": np.arange(len(run_classes), dtype=np.uint32), "run_classes": np.array(run_classes, np.uint8)}
    with pytest.raises(FormatError):
        IntegerStore.from_tensors(tensors, 3, 4)


@st.composite
def drawn_runs(draw):
    n_bits = draw(st.sampled_from([1, 2, 3, 8, 31]))
    classes = draw(st.lists(st.integers(0, 2**n_bits - 1), min_size=1, max_size=40))
    classes = [c for i, c in enumerate(classes) if i == 0 or c != classes[i - 1]]
    return n_bits, np.array(classes, np.int32)


def cut_blocks(run_classes, capacities):
    used, block_starts = np.empty(len(capacities), np.int64), np.empty(len(run_classes), np.int64)
    blocks = runs.cut_blocks(run_classes, np.array(capacities, np.int64), used, block_starts)
    return block_starts[:blocks].tolist(), used.tolist()


def used_by(run_classes, block_starts, n_bits):
    blocks = np.split(run_classes, block_starts[1:])
    return [max(naive.changes(block.tolist(), bit) for block in blocks) for bit in range(n_bits)]


@PROPERTY
@given(drawn_runs(), st.data())
def test_blocks_are_as_long_as_the_capacities_allow(drawn, data):
    n_bits, run_classes = drawn
    capacities = data.draw(st.lists(st.integers(1, 6), min_size=n_bits, max_size=n_bits))
    block_starts, used = cut_blocks(run_classes, capacities)
    assert block_starts == naive.cut_blocks(run_classes, capacities)
    assert used == used_by(run_classes, block_starts, n_bits)
    assert all(u <= capacity for u, capacity in zip(used, capacities, strict=True))


@PROPERTY
@given(drawn_runs(), st.data())
def test_blocks_keep_capacities_of_at_least_1(drawn, data):
    n_bits, run_classes = drawn
    capacities = data.draw(st.lists(st.integers(0, 2), min_size=n_bits, max_size=n_bits))
    block_starts, used = cut_blocks(run_classes, capacities)
    assert used == used_by(run_classes, block_starts, n_bits)
    assert all(u <= max(capacity, 1) for u, capacity in zip(used, capacities, strict=True))
