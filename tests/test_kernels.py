"""Every kernel but those of the signs and of the search, held to its plain twin in `naive`."""

import ctypes
import platform
import sys

import naive
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array

from fastmem import ContradictoryLabels, memorize
from fastmem._kernels import lifts, rows, runs, sort
from fastmem.data.as_points import as_points
from fastmem.data.sorting import SortedCodes, distinct, sort_codes
from fastmem.errors import FormatError, InvalidInput, MemorizationError
from fastmem.hyperplanes.code import LinearCode
from fastmem.layers.layer import Layer
from fastmem.layers.parity import parity_layers
from fastmem.store import BlockStore, IntegerStore

PROPERTY = settings(deadline=None, max_examples=200)
FEW = settings(deadline=None, max_examples=50)
SEEDS = st.integers(0, 2**32 - 1)
LARGEST = 2**62


# Equal rows

# Few values, so that rows are often equal; zeros of both signs, neighbours, extremes.
VALUES = [0.0, -0.0, 1.0, 1 + 2.0**-23, -1.0, 2.0**-149, 2.0**127]
VALUES64 = [*VALUES, 1 + 2.0**-52, 5e-324, 1e308]


@st.composite
def points_with_equal_rows(draw):
    dtype, values = draw(st.sampled_from([(np.float32, VALUES), (np.float64, VALUES64)]))
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 3)))
    return draw(hnp.arrays(dtype, shape, elements=st.sampled_from(values), fill=st.nothing()))


def pairs_of(X, n_threads=1):
    later, first = as_points(X).equal_rows(n_threads)
    assert later.dtype == first.dtype == np.int64
    return list(zip(later.tolist(), first.tolist(), strict=True))


@PROPERTY
@given(points_with_equal_rows())
def test_equal_rows_are_those_with_equal_numbers(X):
    assert pairs_of(X) == naive.equal_rows(X)


@pytest.mark.parametrize("n_hashes", [1, 2, 3])
@PROPERTY
@given(X=points_with_equal_rows())
def test_equal_rows_are_found_among_colliding_hashes(n_hashes, X):
    def hash_rows(X, keys, hashes):
        # Equal rows must get equal hashes; many others share them.
        hashes[:] = [hash(tuple(row)) % n_hashes for row in X.tolist()]
        return -1, 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastmem.data.points.kernels.hash_rows", hash_rows)
        assert pairs_of(X) == naive.equal_rows(X)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_equal_rows_do_not_depend_on_the_number_of_threads(n_threads):
    rng = np.random.default_rng(0)
    X = np.ldexp(rng.integers(0, 300, (40_000, 2)), -4)
    firsts = {}
    expected = []
    for i, row in enumerate(map(tuple, X.tolist())):
        first = firsts.setdefault(row, i)
        if first < i:
            expected.append((i, first))
    assert pairs_of(X, n_threads) == expected


@pytest.mark.parametrize("dtype", [bool, "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", object])
def test_equal_rows_do_not_depend_on_dtype(dtype):
    X = np.random.default_rng(1).integers(0, 2, (40, 4))
    assert pairs_of(X.astype(dtype)) == naive.equal_rows(X)


def keys_of(X, seed=0):
    return np.random.default_rng(seed).integers(0, 2**32, (2, X.shape[1] * X.itemsize // 4), np.uint32)


def hashes_of(X, seed=0):
    hashes = np.empty(len(X), np.uint64)
    assert rows.hash_rows(X, keys_of(X, seed), hashes)[0] == -1
    return hashes


@PROPERTY
@given(points_with_equal_rows(), SEEDS)
def test_a_hash_is_the_mixed_sum_of_words_times_keys(X, seed):
    assert hashes_of(X, seed).tolist() == [naive.mix(h) for h in naive.hash_sums(X, keys_of(X, seed))]


@pytest.mark.parametrize("d", [255, 256, 257, 600])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_column_of_a_long_row_is_hashed(d, dtype):
    X = np.random.default_rng(d).standard_normal((3, d)).astype(dtype)
    assert hashes_of(X).tolist() == [naive.mix(h) for h in naive.hash_sums(X, keys_of(X))]
    assert np.array_equal(hashes_of(np.asfortranarray(X)), hashes_of(X))


def squared_norm_of(X):
    return rows.hash_rows(X, keys_of(X), np.empty(len(X), np.uint64))[1]


@PROPERTY
@given(SEEDS, st.integers(1, 40), st.sampled_from([np.float32, np.float64]))
def test_the_largest_squared_norm_is_found_while_hashing(seed, d, dtype):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((5, d)) * 10.0 ** rng.integers(-30, 30, (5, 1))).astype(dtype)
    found = squared_norm_of(X)
    assert found == pytest.approx(float(naive.largest_squared_norm(X)), rel=d * 2.0**-53)
    for layout in (np.asfortranarray(X), X[::-1], np.repeat(X, 2, axis=1)[:, ::2]):
        assert squared_norm_of(layout) == found


@pytest.mark.parametrize("d", [255, 256, 257, 600])
def test_every_column_of_a_long_row_counts_in_its_norm(d):
    X = np.ones((3, d), np.float32)
    assert squared_norm_of(X) == d
    assert squared_norm_of(X * np.float32(1e30)) == pytest.approx(d * 1e60)
    assert squared_norm_of(X.astype(float) * 1e200) == np.inf


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_largest_norm_of_points_does_not_depend_on_threads_or_on_when_it_is_asked_for(n_threads):
    X = np.random.default_rng(4).standard_normal((40_000, 7))
    before, after = as_points(X), as_points(X)
    after.equal_rows(n_threads)
    assert before.largest_norm(n_threads) == after.largest_norm() == as_points(X).largest_norm(1)


@PROPERTY
@given(SEEDS, st.sampled_from([np.float32, np.float64]), st.sampled_from([np.float32, np.float64]))
def test_rows_are_placed_about_their_centre(seed, dtype, to_dtype):
    rng = np.random.default_rng(seed)
    X, centre = rng.standard_normal((7, 5)).astype(dtype), rng.standard_normal(5)
    X[rng.random(X.shape) < 0.1] = np.finfo(dtype).max
    centre[rng.random(5) < 0.2] = -np.finfo(float).max
    scales = np.ldexp(1.0, rng.integers(-900, 900, 5)) * (rng.random(5) < 0.8)
    farthest = 10.0 ** rng.integers(0, 31)
    places = np.full(X.shape, 7, to_dtype)
    largest = rows.place_rows(X, centre, scales, farthest, places)
    expected = np.array(naive.places(X, centre, scales, farthest))
    assert np.array_equal(places, expected.astype(to_dtype))
    assert largest == np.abs(expected).max()


@PROPERTY
@given(points_with_equal_rows(), SEEDS)
def test_equal_rows_have_equal_hashes(X, seed):
    hashes = hashes_of(X, seed)
    for later, first in naive.equal_rows(X):
        assert hashes[later] == hashes[first]


@PROPERTY
@given(points_with_equal_rows())
def test_hashes_do_not_depend_on_layout(X):
    hashes = hashes_of(X)
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    assert np.array_equal(hashes_of(np.asfortranarray(X)), hashes)
    assert np.array_equal(hashes_of(wide[::2, ::3]), hashes)
    assert np.array_equal(hashes_of(X[::-1])[::-1], hashes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hashes_tell_apart_grid_points_and_permuted_coordinates(dtype):
    grid = np.array(np.meshgrid(*[np.arange(20.0)] * 3)).reshape(3, -1).T.astype(dtype)
    assert len(np.unique(hashes_of(grid))) == 8000
    assert len(np.unique(hashes_of(-grid, seed=5))) == 8000


@PROPERTY
@given(st.data(), points_with_equal_rows())
def test_rows_are_taken_from_any_layout(data, X):
    taken = np.array(data.draw(st.lists(st.integers(0, len(X) - 1), max_size=30)), np.int64)
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    for layout in (X, np.asfortranarray(X), wide[::2, ::3], wide[:, ::3][::2]):
        out = np.full((len(taken), X.shape[1]), 7, X.dtype)
        rows.take_rows(layout, taken, out)
        assert out.tobytes() == X[taken].tobytes()


def test_points_give_rows_in_any_order_and_of_any_dtype():
    X = np.random.default_rng(2).integers(-9, 9, (3000, 40))
    taken = np.random.default_rng(3).integers(0, 3000, 1000)
    for dtype in ("f4", "f8", ">f4", "i1", "i8"):
        points = as_points(X.astype(dtype))
        assert np.array_equal(points.take(taken[::2]), X[taken[::2]])
        assert points.take(taken).dtype == points.block(0, 1).dtype


@PROPERTY
@given(st.data(), st.sampled_from([np.float32, np.float64]))
def test_rows_are_compared_number_by_number(data, dtype):
    shape = data.draw(st.tuples(st.integers(1, 8), st.integers(1, 3)))
    values = st.sampled_from([0.0, -0.0, 1.0, 1 + 2.0**-23])
    A, B = (data.draw(hnp.arrays(dtype, shape, elements=values)) for _ in range(2))
    equal = np.full(len(A), 7, np.uint8)
    rows.equal_rows(A, B, equal)
    assert equal.tolist() == [int(a == b) for a, b in zip(A.tolist(), B.tolist(), strict=True)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_row_that_is_not_finite_is_found_while_hashing(value, dtype):
    X = np.zeros((30, 5), dtype)
    X[11, 4] = X[12, 0] = X[29, 2] = value
    assert rows.hash_rows(X, keys_of(X), np.empty(30, np.uint64))[0] == 11
    with pytest.raises(InvalidInput, match=rf"X\[11, 4\] is {value}"):
        as_points(X).equal_rows()


@pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"),
    reason="the constants are those of glibc on x86-64",
)
@pytest.mark.parametrize("mode", [0x400, 0x800, 0xC00])  # downward, upward, toward zero
def test_equal_rows_are_found_in_any_rounding_mode(mode):
    X = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 2.0]])
    libm = ctypes.CDLL("libm.so.6")
    before = libm.fegetround()
    assert libm.fesetround(mode) == 0
    try:
        with pytest.raises(ContradictoryLabels) as error:
            memorize(X, [1, 2, 3], random_state=0, n_threads=1)
        assert libm.fegetround() == mode
    finally:
        libm.fesetround(before)
    assert error.value.rows == [(0, 1)]


# Sorting


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


# The integer store


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


# Layers


def forward(weights, thresholds, bits):
    weights = np.asarray(weights, np.int64)
    outputs = Layer(csr_array(weights), np.asarray(thresholds, np.int64)).forward(naive.pack_bits(bits))
    assert outputs.shape == (len(bits), -(-len(weights) // 64))
    return naive.unpack_bits(outputs, len(weights)), outputs


@PROPERTY
@given(SEEDS)
def test_a_layer_is_its_weighted_sums_against_its_thresholds(seed):
    rng = np.random.default_rng(seed)
    n, n_inputs, n_units = rng.integers(1, 8), rng.integers(1, 200), rng.integers(1, 140)
    bits = rng.random((n, n_inputs)) < rng.random()
    # Each size up to where a sum of all weights still fits 63 bits, one weight of +-2^62 among them.
    sizes = 2 ** rng.integers(0, 62, n_units).astype(object)
    weights = np.array(
        [[int(rng.integers(-(s // n_inputs) - 1, s // n_inputs + 1)) for _ in range(n_inputs)] for s in sizes]
    )
    weights[rng.random((n_units, n_inputs)) < rng.random()] = 0
    large = rng.random(n_units) < 0.3
    weights[large, rng.integers(0, n_inputs, n_units)[large]] = rng.choice([-LARGEST, LARGEST], large.sum())
    sums = [sum(w for w, x in zip(row, bits[rng.integers(n)], strict=True) if x) for row in weights.tolist()]
    thresholds = np.array(sums, np.int64) + rng.integers(-1, 2, n_units)
    outputs, _ = forward(weights, thresholds, bits)
    assert np.array_equal(outputs, naive.threshold_layer(bits, weights, thresholds))


@pytest.mark.parametrize("pairs", [1, 2, 31, 32, 33, 200])
@pytest.mark.parametrize("rest", [-1, 0, 1])
def test_large_weights_that_cancel_leave_the_small_ones(pairs, rest):
    weights = [[LARGEST] * pairs + [-LARGEST] * pairs + [rest]]
    outputs, _ = forward(weights * 3, [-1, 0, 1], np.ones((2, 2 * pairs + 1), bool))
    assert outputs.tolist() == [[rest >= -1, rest >= 0, rest >= 1]] * 2


def test_the_largest_sums_are_exact():
    weights = [[LARGEST, LARGEST - 1, 1], [-LARGEST, -LARGEST, 0]]
    thresholds = [2**63 - 1, -(2**63)]
    bits = [[True, True, False], [True, True, True], [False, False, True]]
    weights[0][2] = 0
    outputs, _ = forward(weights, thresholds, np.array(bits))
    assert outputs.tolist() == [[True, True], [True, True], [False, True]]


@pytest.mark.parametrize("n_units", [1, 63, 64, 65, 130])
def test_bits_beyond_the_units_are_0(n_units):
    _, words = forward(np.zeros((n_units, 3)), np.zeros(n_units), np.zeros((4, 3), bool))
    assert np.array_equal(words, naive.pack_bits(np.ones((4, n_units), bool)))


def test_a_layer_evaluates_no_rows():
    assert forward(np.ones((5, 70)), np.ones(5), np.zeros((0, 70), bool))[0].shape == (0, 5)


# Parities


def assert_parities(columns, n_bits, signs):
    """Layers compute the XOR, through the kernel and through their definition; returns them."""
    layers = parity_layers(columns, n_bits)
    expected = naive.xor_codes(signs, columns)
    words = naive.pack_bits(signs)
    for layer in layers:
        words = layer.forward(words)
    assert words.shape == (len(signs), 1)
    assert np.array_equal(words[:, 0], expected)
    assert np.array_equal(naive.pack_bits(naive.integer_layers(layers, signs))[:, 0], expected)
    return layers


@FEW
@given(SEEDS)
def test_parity_layers_compute_the_xor_of_columns(seed):
    rng = np.random.default_rng(seed)
    m, n_bits = int(rng.integers(1, 301)), int(rng.integers(1, 63))
    members = rng.random((m, n_bits)) < rng.random() ** 2
    members[rng.integers(m), rng.integers(n_bits)] = True
    signs = rng.random((20, m)) < rng.random()
    assert_parities(naive.pack_bits(members)[:, 0], n_bits, np.concatenate([signs, np.ones((1, m), bool)]))


@pytest.mark.parametrize("size", [2, 3, 5, 16, 40, 100])
def test_parities_are_right_for_any_group_size(size, monkeypatch):
    monkeypatch.setattr("fastmem.layers.parity._GROUP_SIZES", (size,))
    monkeypatch.setattr("fastmem.layers.parity._cost", lambda counts, p: abs(p - size))
    rng = np.random.default_rng(size)
    counts = np.arange(101)
    signs = np.concatenate([np.arange(100) < counts[:, None], rng.random((20, 100)) < 0.5])
    layers = assert_parities(rng.integers(0, 2**20, 100, np.uint64) | np.uint64(1), 20, signs)
    assert layers[0].thresholds.max() == size


def test_parities_of_few_inputs_are_flat():
    columns = np.uint64(1) << np.arange(120, dtype=np.uint64) % np.uint64(60)
    layers = assert_parities(columns, 60, np.random.default_rng(0).random((50, 120)) < 0.5)
    assert len(layers) == 2


@pytest.mark.parametrize("m", [100, 300])
def test_parities_of_many_inputs_are_a_tree(m):
    rng = np.random.default_rng(m)
    columns = rng.integers(0, 2**62, m, np.uint64)
    counts = np.array([0, 1, m // 2, m - 1, m])
    signs = np.arange(m) < counts[:, None]
    layers = assert_parities(columns, 62, np.concatenate([signs, rng.random((20, m)) < 0.5]))
    assert len(layers) > 2


@pytest.mark.parametrize("m", range(1, 40))
def test_the_parity_of_any_number_of_inputs_is_right_for_any_count_of_ones(m):
    assert_parities(np.ones(m, np.uint64), 1, np.arange(m) < np.arange(m + 1)[:, None])


def test_an_output_without_members_is_0():
    columns = np.array([0, 4, 0, 5, 4], np.uint64)
    signs = np.random.default_rng(0).random((30, 5)) < 0.5
    assert_parities(columns, 7, signs)
    assert_parities(columns[1:2], 3, signs[:, 1:2])


def test_parities_without_any_member_are_0():
    assert_parities(np.zeros(5, np.uint64), 3, np.random.default_rng(0).random((30, 5)) < 0.5)


def test_parity_layers_have_every_input_and_output():
    columns = np.random.default_rng(0).integers(0, 2**40, 90, np.uint64)
    layers = parity_layers(columns, 40)
    widths = [90, *(layer.n_units for layer in layers)]
    assert widths[-1] == 40
    assert [layer.weights.shape for layer in layers] == list(zip(widths[1:], widths[:-1], strict=True))


# The linear code


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


# Blocks of the theorem's store

CODES = st.lists(st.integers(0, 2**9 - 1), min_size=1, max_size=14)


def peeled(codes, a):
    """What the kernel peels: the edges in the order in which they go, and the vertex each had alone."""
    codes = np.array(codes, np.uint64)
    degrees, joined, waiting = (np.empty(3 << a, np.int32) for _ in range(3))
    edges, vertices = (np.full(len(codes), -1, np.int32) for _ in range(2))
    gone = lifts.peel(codes, a, degrees, joined, edges, vertices, waiting)
    return edges[:gone].tolist(), vertices[:gone].tolist()


@PROPERTY
@given(CODES, st.integers(1, 4))
def test_edges_are_peeled_while_one_has_a_vertex_of_its_own(codes, a):
    vectors = [naive.lift(code, a) for code in codes]
    edges, vertices = peeled(codes, a)
    assert set(edges) == naive.peel(vectors)
    assert len(set(edges)) == len(edges)
    for i, (edge, vertex) in enumerate(zip(edges, vertices, strict=True)):
        later = [vectors[k] for k in range(len(codes)) if k not in edges[: i + 1]]
        assert vertex in vectors[edge]
        assert all(vertex not in lift for lift in later)


@PROPERTY
@given(CODES, st.integers(1, 4), st.integers(1, 3), SEEDS)
def test_a_peeled_block_gives_every_code_its_class(codes, a, n_label_bits, seed):
    vectors = [naive.lift(code, a) for code in codes]
    edges, vertices = peeled(codes, a)
    assume(len(edges) == len(codes))
    classes = np.random.default_rng(seed).integers(0, 2**n_label_bits, len(codes)).astype(np.int32)
    weights = np.zeros((3 << a, n_label_bits), np.int32)
    arrays = np.array(codes, np.uint64), classes, a, n_label_bits, np.int32(edges), np.int32(vertices)
    assert lifts.solve(*arrays, weights, 2**20)
    for b in range(n_label_bits):
        expected = naive.block_weights(vectors, (classes >> b & 1).tolist(), edges, vertices)
        assert {v: int(weights[v, b]) for v in expected} == expected
        for edge, c in zip(vectors, classes.tolist(), strict=True):
            assert (weights[edge, b].sum() >= 1) == (c >> b & 1)
    largest = int(abs(weights).max())
    weights[:] = 0
    assert bool(lifts.solve(*arrays, weights, max(largest - 1, 0))) == (largest == 0)


@FEW
@given(st.integers(1, 300), st.integers(1, 9), st.integers(9, 40), SEEDS)
def test_the_block_store_looks_up_what_its_units_compute(n, n_classes, n_bits, seed):
    rng = np.random.default_rng(seed)
    codes = np.unique(rng.integers(0, 2**n_bits, n).astype(np.uint64))
    classes = rng.integers(0, n_classes, len(codes)).astype(np.int32)
    stored = BlockStore.build(codes, classes, n_bits, n_classes)
    assert stored.lookup(codes).tolist() == classes.tolist()
    asked = np.concatenate([codes, rng.integers(0, 2**n_bits, 50).astype(np.uint64), codes + np.uint64(1)])
    asked = asked[asked < 2**n_bits]
    a = (stored.weights.shape[1] // 3).bit_length() - 1
    expected = [naive.block_lookup(code, stored.starts, stored.weights, a, n_classes) for code in asked]
    assert stored.lookup(asked).tolist() == expected
    if stored.layers():
        bits = (asked[:, None] >> np.arange(n_bits, dtype=np.uint64)) & np.uint64(1) == 1
        outputs = naive.integer_layers(stored.layers(), bits)
        numbers = sum(outputs[:, b].astype(int) << b for b in range(outputs.shape[1]))
        assert np.minimum(numbers, n_classes - 1).tolist() == expected


def test_a_block_ends_where_codes_have_equal_lifts():
    codes = np.arange(64, dtype=np.uint64) << np.uint64(20)  # all lifts are equal: a block holds one code
    stored = BlockStore.build(codes, np.arange(64, dtype=np.int32) % 2, 26, 2)
    assert stored.n_blocks == 64
    assert stored.lookup(codes).tolist() == [0, 1] * 32


def test_a_block_store_refuses_equal_codes_of_two_classes():
    with pytest.raises(MemorizationError, match="code 7 belongs to two classes"):
        BlockStore.build(np.array([3, 7, 7], np.uint64), np.array([0, 0, 1], np.int32), 9, 2)
