"""Stores: classes of any codes come back exactly, from the tables and from the units, in the space that is promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from scipy.sparse import csr_array
from support.examples import examples

import fastmem
from fastmem import FormatError, MemorizationError
from fastmem._kernels import codewords
from fastmem.layers.layer import Layer
from fastmem.layers.wiring import after_form, share_units, side_by_side
from fastmem.store import MOST_CELLS_PER_BIT, BinaryStore, Filter, IntegerStore, build_store, label_code
from fastmem.store.choose_features import suitable_features
from fastmem.store.features import CodeFeatures
from fastmem.store.label_code import LabelCode, choose
from fastmem.store.prefix_code import PrefixCode
from fastmem.store.ranges import Ranges
from fastmem.store.ribbon import Ribbon

PROPERTY = examples(60)
FEW = examples(25)
SEEDS = st.integers(0, 2**32 - 1)
EVERY_STORE = pytest.mark.parametrize("Store", [BinaryStore, IntegerStore])


def random_codes(rng, n, n_bits):
    """At most n different codes, ascending: exactly n if there are many more."""
    codes = np.unique(rng.integers(0, 1 << n_bits, n + n // 8 + 8, dtype=np.uint64))
    return np.sort(rng.permutation(codes)[:n])


def others(rng, codes, n_bits, n=300):
    """Codes of which most are not stored: any, and neighbours of stored ones."""
    flips = np.uint64(1) << rng.integers(0, max(n_bits, 1), n, dtype=np.uint64)
    near = rng.choice(codes, n) ^ flips if n_bits else codes
    return np.concatenate([near, rng.integers(0, 1 << n_bits, n, dtype=np.uint64)])


def bits_of(codes, n_bits):
    return naive.unpack_bits(codes[:, None], n_bits)


def by_layers(layers, codes, n_bits):
    """Class index of each code through every unit."""
    if not layers:
        return np.zeros(len(codes), np.int64)
    outputs = naive.integer_layers(layers, bits_of(codes, n_bits))
    return outputs @ (1 << np.arange(outputs.shape[1]))


def assert_exact(store, codes, classes):
    assert np.array_equal(store.lookup(codes), classes)


def entropy(classes):
    shares = np.unique(classes, return_counts=True)[1] / len(classes)
    return -(shares * np.log2(shares)).sum()


# Codes and classes that are not like random ones


def progression(rng, n, n_bits):
    step = int(rng.integers(1, max((1 << n_bits) // n, 2)))
    return np.arange(n, dtype=np.uint64) * np.uint64(step) % np.uint64(1 << n_bits)


def odd_multiples(rng, n, n_bits):
    factor = rng.integers(0, 1 << n_bits, dtype=np.uint64) | np.uint64(1)
    return np.arange(n, dtype=np.uint64) * factor & np.uint64((1 << n_bits) - 1)


def subspace(rng, n, n_bits):
    codes = rng.integers(0, 1 << n_bits, 1, dtype=np.uint64)  # of a linear subspace, moved
    for direction in rng.integers(0, 1 << n_bits, n.bit_length() - 1, dtype=np.uint64):
        codes = np.concatenate([codes, codes ^ direction])
    return codes


def cube(rng, n, n_bits):
    """All values of some of the bits, zeros elsewhere."""
    dimension = min(n.bit_length() - 1, n_bits)
    codes = np.zeros(1, np.uint64)
    for place in rng.choice(n_bits, dimension, replace=False):
        codes = np.concatenate([codes, codes | np.uint64(1 << int(place))])
    return codes


def clusters(rng, n, n_bits):
    within = min(n_bits, (n // 5).bit_length())
    prefixes = rng.integers(0, 1 << n_bits, 10, dtype=np.uint64) >> np.uint64(within) << np.uint64(within)
    return rng.choice(prefixes, n) | rng.integers(0, 1 << within, n, dtype=np.uint64)


def narrow_range(rng, n, n_bits):
    width = min(2 * n, 1 << n_bits)
    first = int(rng.integers(0, (1 << n_bits) - width + 1))
    return np.uint64(first) + rng.integers(0, width, n, dtype=np.uint64)


def few_ones(rng, n, n_bits):
    codes = np.zeros(n, np.uint64)
    for _ in range(4):
        codes |= np.uint64(1) << rng.integers(0, n_bits, n, dtype=np.uint64)
    return codes


def equal_low_bits(rng, n, n_bits):
    low = n_bits // 2
    return rng.integers(0, 1 << (n_bits - low), n, dtype=np.uint64) << np.uint64(low) | np.uint64((1 << low) - 1)


def skewed_bits(rng, n, n_bits):
    bits = rng.random((n, n_bits)) < rng.permutation(np.geomspace(0.5, 0.005, n_bits))
    return np.bitwise_or.reduce(bits.astype(np.uint64) << np.arange(n_bits, dtype=np.uint64), axis=1)


FAMILIES = [
    progression, odd_multiples, subspace, cube, clusters, narrow_range, few_ones, equal_low_bits, skewed_bits,
    random_codes,
]  # fmt: skip

LAWS = {
    "two": lambda rng, n: rng.integers(0, 2, n),
    "ten": lambda rng, n: rng.integers(0, 10, n),
    "skewed": lambda rng, n: np.minimum(rng.geometric(0.6, n) - 1, 30),
    "rare": lambda rng, n: (rng.random(n) < 0.02) * rng.integers(1, 6, n),
    "all different": lambda rng, n: rng.permutation(n),
    "all equal": lambda rng, n: np.zeros(n, int),
    "by code": lambda rng, n: np.arange(n) * 3 // n,
}


def classes_of(law, rng, n):
    """Class indices, each of which occurs, and their number."""
    classes = np.unique(LAWS[law](rng, n), return_inverse=True)[1].astype(np.int32)
    return classes, int(classes.max()) + 1


@st.composite
def stored(draw, most=700):
    """Ascending codes of a family, their classes, the number of bits and that of classes, and a generator."""
    n_bits, n, rng = draw(st.integers(1, 62)), draw(st.integers(1, most)), np.random.default_rng(draw(SEEDS))
    codes = np.unique(draw(st.sampled_from(FAMILIES))(rng, n, n_bits))
    classes, n_classes = classes_of(draw(st.sampled_from(sorted(LAWS))), rng, len(codes))
    return codes, classes, n_bits, n_classes, rng


# Exactness


@EVERY_STORE
@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_every_code_has_its_class(Store, n, n_classes):
    rng = np.random.default_rng([n, n_classes])
    for n_bits in range(max(n.bit_length(), 1), 63, 7):
        codes = random_codes(rng, n, n_bits)
        classes = rng.integers(0, n_classes, len(codes)).astype(np.int32)
        classes[:n_classes] = np.arange(n_classes)[: len(codes)]
        assert_exact(Store.build(codes, classes, n_bits, n_classes), codes, classes)


@pytest.mark.parametrize("n_bits", range(1, 63))
def test_codes_may_have_any_number_of_bits(n_bits):
    rng = np.random.default_rng(n_bits)
    codes = random_codes(rng, 200, n_bits)
    classes = np.arange(len(codes), dtype=np.int32) % 3
    assert_exact(BinaryStore.build(codes, classes, n_bits, 3), codes, classes)


@EVERY_STORE
def test_a_million_codes_have_their_classes(Store):
    rng = np.random.default_rng(0)
    codes = random_codes(rng, 10**6, 40)
    classes = rng.integers(0, 3, len(codes)).astype(np.int32)
    assert len(codes) == 10**6
    assert_exact(Store.build(codes, classes, 40, 3), codes, classes)


@EVERY_STORE
def test_a_code_without_bits_has_a_class(Store):
    store = Store.build(np.zeros(1, np.uint64), np.zeros(1, np.int32), 0, 1)
    assert store.lookup(np.zeros(3, np.uint64)).tolist() == [0, 0, 0]
    assert store.layers() == ()


@PROPERTY
@given(stored(most=3000))
def test_codes_of_any_structure_have_their_classes(data):
    codes, classes, n_bits, n_classes, _ = data
    assert_exact(BinaryStore.build(codes, classes, n_bits, n_classes), codes, classes)


@EVERY_STORE
@PROPERTY
@given(data=stored())
def test_any_code_gets_a_class_index(Store, data):
    codes, classes, n_bits, n_classes, rng = data
    found = Store.build(codes, classes, n_bits, n_classes).lookup(others(rng, codes, n_bits))
    assert found.dtype in (np.int32, np.int64)
    assert np.all((found >= 0) & (found < n_classes))


@EVERY_STORE
@FEW
@given(data=stored(most=300))
def test_layers_give_the_class_of_any_code(Store, data):
    codes, classes, n_bits, n_classes, rng = data
    store = Store.build(codes, classes, n_bits, n_classes)
    every = np.arange(1 << n_bits, dtype=np.uint64) if n_bits <= 10 else np.append(codes, others(rng, codes, n_bits))
    assert np.array_equal(by_layers(store.layers(), every, n_bits), store.lookup(every))


@pytest.mark.parametrize("law", ["two", "ten"])
def test_layers_of_several_words_and_rows_give_the_class_of_any_code(law):
    rng = np.random.default_rng(1)
    codes = random_codes(rng, 60_000, 30)
    classes, n_classes = classes_of(law, rng, len(codes))
    store = BinaryStore.build(codes, classes, 30, n_classes)
    assert max(ribbon.n_columns for ribbon in store.ribbons) > 64
    some = np.append(rng.choice(codes, 200), others(rng, codes, 30, 100))
    assert np.array_equal(by_layers(store.layers(), some, 30), store.lookup(some))


@EVERY_STORE
@PROPERTY
@given(data=stored())
def test_a_store_made_from_tensors_answers_alike(Store, data):
    codes, classes, n_bits, n_classes, rng = data
    store = Store.build(codes, classes, n_bits, n_classes)
    copy = Store.from_tensors(store.tensors(), n_bits, n_classes)
    every = np.append(codes, others(rng, codes, n_bits))
    assert np.array_equal(copy.lookup(every), store.lookup(every))
    assert copy.nbytes == store.nbytes
    tensors = copy.tensors()
    assert tensors.keys() == store.tensors().keys()
    assert all(
        tensors[name].tobytes() == tensor.tobytes() and tensors[name].dtype == tensor.dtype
        for name, tensor in store.tensors().items()
    )


@EVERY_STORE
def test_the_same_codes_and_classes_give_the_same_store(Store):
    rng = np.random.default_rng(2)
    codes = random_codes(rng, 1000, 20)
    classes, n_classes = classes_of("ten", rng, len(codes))
    one, other = (Store.build(codes, classes, 20, n_classes).tensors() for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@EVERY_STORE
def test_equal_codes_with_two_classes_are_an_error(Store):
    codes = np.array([1, 5, 5, 9], np.uint64)
    with pytest.raises(MemorizationError, match="code 5 belongs to two classes"):
        Store.build(codes, np.array([0, 1, 0, 0], np.int32), 4, 2)


@EVERY_STORE
def test_equal_codes_with_one_class_are_stored_once(Store):
    rng = np.random.default_rng(3)
    codes = random_codes(rng, 500, 20)
    classes, n_classes = classes_of("ten", rng, len(codes))
    once = Store.build(codes, classes, 20, n_classes)
    thrice = Store.build(np.repeat(codes, 3), np.repeat(classes, 3), 20, n_classes)
    assert all(np.array_equal(tensor, thrice.tensors()[name]) for name, tensor in once.tensors().items())


def test_equal_classes_store_nothing():
    codes = random_codes(np.random.default_rng(4), 1000, 20)
    store = BinaryStore.build(codes, np.zeros(1000, np.int32), 20, 1)
    assert store.layers() == ()
    assert store.nbytes == store.n_cells == store.n_label_bits == 0
    assert store.ribbons == []
    assert_exact(store, codes, np.zeros(1000))


def test_lookup_of_no_codes_gives_no_classes():
    codes = random_codes(np.random.default_rng(5), 100, 20)
    store = BinaryStore.build(codes, np.arange(100, dtype=np.int32) % 2, 20, 2)
    assert store.lookup(np.empty(0, np.uint64)).shape == (0,)


# Cells


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("n_bits", [12, 20, 40, 62])
def test_a_thousand_codes_of_any_structure_take_few_cells(family, n_bits):
    rng = np.random.default_rng(n_bits)
    codes = np.unique(family(rng, 4000, n_bits))
    classes = rng.integers(0, 2, len(codes)).astype(np.int32)
    store = BinaryStore.build(codes, classes, n_bits, 2)
    # A row that is begun is paid for whole: up to 64 cells.
    assert store.n_cells <= 1.2 * len(codes) + 64


def test_a_bit_takes_at_most_1_03_cells():
    rng = np.random.default_rng(6)
    codes = random_codes(rng, 100_000, 40)
    store = BinaryStore.build(codes, rng.integers(0, 2, 100_000).astype(np.int32), 40, 2)
    assert store.n_cells / 100_000 <= 1.03
    assert store.cells_per_bit == store.n_cells / 100_000


ZIPF = 1 / np.arange(1, 1001)


@pytest.mark.parametrize(
    ("shares", "most"),
    [
        ([0.1] * 10, 3.55),
        ([0.95, 0.05], 0.33),
        ([0.99, 0.01], 0.10),
        ([0.999, 0.001], 0.02),
        (ZIPF / ZIPF.sum(), 7.9),  # their entropy is 7.51
    ],
    ids=["ten", "95/5", "99/1", "999/1", "Zipf"],
)
def test_cells_are_about_the_entropy_of_the_classes(shares, most):
    rng = np.random.default_rng(7)
    codes = random_codes(rng, 100_000, 40)
    classes = rng.choice(len(shares), 100_000, p=shares).astype(np.int32)
    store = BinaryStore.build(codes, classes, 40, len(shares))
    assert_exact(store, codes, classes)
    assert store.n_cells / 100_000 <= most


@FEW
@given(st.integers(2, 300), st.floats(0.03, 10), SEEDS)
def test_cells_are_about_the_entropy_of_any_classes(n_classes, concentration, seed):
    """Huffman's code may take 0.086 bits and the share of the first class more than the entropy, and cells are 64s."""
    rng = np.random.default_rng(seed)
    codes = random_codes(rng, 20_000, 40)
    classes = rng.choice(n_classes, 20_000, p=rng.dirichlet(np.full(n_classes, concentration)))
    classes = np.unique(classes, return_inverse=True)[1].astype(np.int32)
    store = BinaryStore.build(codes, classes, 40, int(classes.max()) + 1)
    assert_exact(store, codes, classes)
    assert store.n_cells / 20_000 <= 1.1 * entropy(classes) + 0.2


def test_cells_counted_are_those_of_the_tables():
    rng = np.random.default_rng(8)
    codes = random_codes(rng, 5000, 30)
    for law in LAWS:
        classes, n_classes = classes_of(law, rng, len(codes))
        store = BinaryStore.build(codes, classes, 30, n_classes)
        tables = [tensor for name, tensor in store.tensors().items() if name.endswith("table")]
        assert store.n_cells == sum(64 * table.size for table in tables)
        assert store.nbytes == sum(tensor.nbytes for tensor in store.tensors().values())


# Units


def test_a_label_bit_takes_about_2_sqrt_n_units_in_five_layers():
    rng = np.random.default_rng(9)
    codes = random_codes(rng, 20_000, 40)
    layers = BinaryStore.build(codes, rng.integers(0, 2, 20_000).astype(np.int32), 40, 2).layers()
    assert len(layers) == 5
    assert sum(layer.n_units for layer in layers) <= 2.5 * np.sqrt(20_000) + 300


def test_weights_are_0_1_and_minus_1_but_of_units_that_read_numbers():
    """Structure that ribbon.py states: only gates read N(z), and only starts read beta."""
    rng = np.random.default_rng(10)
    codes = random_codes(rng, 100_000, 25)
    features, finer = suitable_features(codes, 25, 2)
    values = rng.integers(0, 4, 100_000, dtype=np.uint64)
    ribbon = Ribbon.build(features, Ranges.whole(codes, values), 2, finer)
    (parities, gates, units, counters), form = ribbon.layers()
    for weights in (parities.weights, units.weights, counters.weights, form):
        assert np.all(np.abs(weights.data) <= 1)
    n_gates, n_starts = len(ribbon.firsts) - 1, 2**ribbon.n_parities - 1
    weights = gates.weights.toarray()
    assert gates.n_units == n_gates + 63 + n_starts
    value = np.zeros(weights.shape[1], np.int64)
    value[:25] = 1 << np.arange(25)
    assert np.all(weights[:n_gates] == value)
    assert np.array_equal(gates.thresholds[:n_gates], ribbon.firsts[1:])
    assert np.all(np.abs(weights[n_gates:-n_starts]) <= 1)
    assert np.all(weights[-n_starts:] == weights[-1])
    assert not weights[-1, :25].any()
    assert units.n_units == 2 * ribbon.n_columns
    assert counters.n_units == 2 * 64


def test_all_weights_of_a_store_of_one_bit_are_0_1_and_minus_1_but_in_its_second_layer():
    rng = np.random.default_rng(11)
    codes = random_codes(rng, 5000, 25)
    layers = BinaryStore.build(codes, rng.integers(0, 2, 5000).astype(np.int32), 25, 2).layers()
    for position in (0, 2, 3, 4):
        assert set(layers[position].weights.data.tolist()) <= {-1, 0, 1}


# The store that is used


@pytest.mark.parametrize("n", [2, 10, 30])
def test_few_points_are_given_the_integer_store_with_a_reason(n):
    X = np.random.default_rng(n).standard_normal((n, 3))
    net = fastmem.memorize(X, np.arange(n) % 2, random_state=0)
    assert net.store.name == net.report().store == "integer"
    assert "cells for each bit" in net.store_reason
    assert net.report().store_reason == net.store_reason
    assert net.store_reason in str(net.report())


def test_the_integer_store_that_was_asked_for_needs_no_reason():
    net = fastmem.memorize(np.arange(10.0)[:, None], np.arange(10) % 2, store="integer")
    assert net.store.name == "integer"
    assert net.store_reason == net.report().store_reason == ""
    assert "since" not in str(net.report())


def test_many_points_are_given_the_binary_store():
    X = np.random.default_rng(0).standard_normal((500, 3))
    net = fastmem.memorize(X, np.arange(500) % 2, random_state=0)
    assert net.store.name == net.report().store == "binary"
    assert net.store_reason == ""
    assert net.report().cells_per_bit == net.store.cells_per_bit <= MOST_CELLS_PER_BIT


def test_the_report_names_the_smaller_store():
    X = np.random.default_rng(0).standard_normal((500, 3))
    y = np.arange(500) % 2
    binary, integer = (fastmem.memorize(X, y, store=store, random_state=0) for store in ("binary", "integer"))
    told = binary.report().integer_store_neurons
    assert told < binary.n_neurons
    assert abs(told - integer.n_neurons) <= 0.15 * integer.n_neurons
    assert f"{told:,} neurons" in str(binary.report())
    assert integer.report().integer_store_neurons is integer.report().cells_per_bit is None


@FEW
@given(stored(most=150))
def test_a_binary_store_is_used_where_it_takes_few_cells(data):
    codes, classes, n_bits, n_classes, _ = data
    binary = BinaryStore.build(codes, classes, n_bits, n_classes)
    store, reason = build_store("binary", codes, classes, n_bits, n_classes)
    assert (store.name == "integer") == (reason != "") == (binary.cells_per_bit > MOST_CELLS_PER_BIT)
    assert_exact(store, codes, classes)
    assert build_store("integer", codes, classes, n_bits, n_classes)[1] == ""


# Label codes


def words_of(code):
    """Codeword of each symbol as text."""
    lengths = np.full(code.n_symbols, code.depth) if code.lengths is None else code.lengths
    words = code.words(np.arange(code.n_symbols)).tolist()
    return [format(word, f"0{code.depth}b")[:length] for word, length in zip(words, lengths.tolist(), strict=True)]


def huffman_code(counts):
    """The prefix code of least total length for classes that occur so often."""
    order = np.argsort(counts, kind="stable")
    weights = np.asarray(counts, np.int64)[order]
    codewords.minimum_redundancy(weights)
    lengths = np.empty(len(counts), np.uint8)
    lengths[order] = weights
    return PrefixCode.checked(len(counts), lengths)


COUNTS = st.one_of(
    st.lists(st.integers(1, 10**6), min_size=2, max_size=60),
    st.lists(st.sampled_from([0, 1, 2, 3, 5, 8]), min_size=2, max_size=60),
    st.integers(2, 30).map(lambda n: [1 << i for i in range(n)]),
    st.integers(2, 80).map(lambda n: [7] * n),
)


@examples(300)
@given(COUNTS)
def test_prefix_codes_are_as_short_as_huffmans(counts):
    code = huffman_code(counts)
    assert (code.lengths * np.array(counts, np.int64)).sum() == naive.huffman_length(counts)


@PROPERTY
@given(COUNTS)
def test_prefix_codes_are_prefix_free_and_complete(counts):
    code = huffman_code(counts)
    words = words_of(code)
    assert not any(other.startswith(word) for word in words for other in words if word is not other)
    assert sum(2 ** (code.depth - len(word)) for word in words) == 2**code.depth
    assert [len(word) for word in words] == code.lengths.tolist()


@PROPERTY
@given(COUNTS, SEEDS)
def test_words_are_decoded_whatever_stands_behind_their_codeword(counts, seed):
    rng = np.random.default_rng(seed)
    code = huffman_code(counts)
    symbols = rng.integers(0, len(counts), 100)
    spare = (code.depth - code.lengths[symbols].astype(np.int64)).astype(np.uint64)
    garbage = rng.integers(0, 1 << 62, 100, dtype=np.uint64) & ((np.uint64(1) << spare) - np.uint64(1))
    assert np.array_equal(code.decode(code.words(symbols) | garbage), symbols)


@PROPERTY
@given(COUNTS, SEEDS)
def test_decoding_is_that_of_the_codewords(counts, seed):
    code = huffman_code(counts)
    words = np.random.default_rng(seed).integers(0, 1 << code.depth, 20, dtype=np.uint64)
    expected = [naive.decode_prefix(words_of(code), word, code.depth) for word in words]
    assert code.decode(words).tolist() == expected


@pytest.mark.parametrize("n_symbols", [1, 2, 3, 4, 5, 7, 8, 9, 1000])
def test_plain_codes_number_the_symbols(n_symbols):
    code = PrefixCode(n_symbols)
    symbols = np.arange(n_symbols)
    assert code.depth == (n_symbols - 1).bit_length()
    assert np.array_equal(code.words(symbols), symbols)
    every = code.decode(np.arange(1 << code.depth, dtype=np.uint64))
    assert np.array_equal(every[:n_symbols], symbols)
    assert np.all((every >= 0) & (every < n_symbols))


@pytest.mark.parametrize("lengths", [[1], [1, 1, 1], [1, 2, 2, 3], [0, 1], [1, 32], [255, 1]])
def test_lengths_of_no_prefix_code_are_refused(lengths):
    with pytest.raises(FormatError, match="prefix code"):
        PrefixCode.checked(len(lengths), np.array(lengths, np.uint8))


@PROPERTY
@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), SEEDS)
def test_words_that_no_codeword_begins_are_the_last_symbols(lengths, seed):
    """Codes whose lengths leave words unused: the same codewords are found, and any word is some symbol's."""
    while sum(2.0**-length for length in lengths) > 1:
        lengths = [length + 1 for length in lengths]
    code = PrefixCode.checked(len(lengths), np.array(lengths, np.uint8))
    words = words_of(code)
    for word in np.random.default_rng(seed).integers(0, 1 << code.depth, 20, dtype=np.uint64):
        digits = format(int(word), f"0{code.depth}b")
        begun = [symbol for symbol, codeword in enumerate(words) if digits.startswith(codeword)]
        assert code.decode(word[None]).tolist() == (begun or [code.symbols[-1]])


def decoded(code, words):
    """Symbol of each word, by the parts of a code."""
    if isinstance(code, PrefixCode):
        return code.decode(words)
    depth, f = code.rare_code.depth, code.filter_bits
    behind = decoded(code.rare_code, words & np.uint64((1 << depth) - 1))
    if f == 0:
        return code.rare[behind]
    kept = code.common[code.common_code.decode(words >> np.uint64(f + depth))]
    passes = (words >> np.uint64(depth)) & np.uint64((1 << f) - 1) == (1 << f) - 1
    return np.where(passes & (behind > 0), np.append(np.int32(-1), code.rare)[behind], kept)


@examples(100)
@given(st.lists(st.integers(1, 10**6) | st.integers(1, 20), min_size=2, max_size=40), SEEDS)
def test_intervals_of_words_have_the_classes_that_lookup_finds(counts, seed):
    """N is a common codeword, f filter bits and a rare codeword; what the filter accepts is looked up behind it."""
    code = choose(np.array(counts))
    words = np.random.default_rng(seed).integers(0, 1 << code.depth, 200, dtype=np.uint64)
    expected = decoded(code, words)
    starts, classes = code.runs()
    assert starts[0] == 0
    assert np.all(starts[1:] > starts[:-1])
    assert np.array_equal(classes[np.searchsorted(starts, words, side="right") - 1], expected)


@examples(100)
@given(st.lists(st.integers(1, 10**6) | st.integers(1, 20), min_size=1, max_size=40))
def test_each_class_is_either_common_or_rare(counts):
    code = choose(np.array(counts))
    assert sorted([*code.common.tolist(), *code.rare.tolist()]) == list(range(len(counts)))
    assert (len(code.common) > 0) == (code.filter_bits > 0)


def test_very_uneven_classes_have_words_that_fit():
    code = choose(2 ** np.arange(60))
    assert code.depth <= 64
    assert code.rare_code.depth <= 31


def shape(code):
    """All that a label code or prefix code consists of, as lists."""
    if isinstance(code, PrefixCode):
        return code.n_symbols, None if code.is_plain else code.lengths.tolist()
    return code.common.tolist(), shape(code.common_code), code.filter_bits, code.rare.tolist(), shape(code.rare_code)


def uneven_counts(rng):
    """Counts of which some are about equal, some are many powers of ten apart, and some are 0."""
    sizes = rng.uniform(0, rng.choice([0.3, 4, 8]), rng.integers(2, 24))
    return np.maximum(10 ** (rng.uniform(1, 7) + sizes - sizes.max()), rng.integers(0, 2)).astype(np.int64)


def test_filters_are_left_out_only_if_they_would_not_be_chosen(monkeypatch):
    rng = np.random.default_rng(0)
    every = [uneven_counts(rng) for _ in range(60)]
    chosen = [choose(counts) for counts in every]
    for bound in ("_least_behind", "_least_of_prefix_code"):
        monkeypatch.setattr(label_code, bound, lambda counts: 0.0)
    assert [shape(code) for code in chosen] == [shape(choose(counts)) for counts in every]
    assert sum(code.filter_bits > 0 for code in chosen) > 20
    assert sum(isinstance(code.rare_code, LabelCode) for code in chosen) > 5


def test_bounds_of_codes_are_below_the_sizes_of_the_best():
    rng = np.random.default_rng(1)
    for counts in (uneven_counts(rng) for _ in range(100)):
        assert label_code._least_behind(counts) <= label_code._best_behind(counts)[0]
        assert label_code._least_of_prefix_code(counts) <= label_code._best_code(counts)[0]


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.7])
def test_few_codes_are_made_for_skewed_classes(ratio, monkeypatch):
    """A code for every filter, and every filter behind it, would be hundreds: more work than the rest of a build."""

    def counted(weights):
        made.append(len(weights))
        codewords.minimum_redundancy(weights)

    made = []
    monkeypatch.setattr(label_code, "minimum_redundancy", counted)
    choose((1e5 * ratio ** np.arange(16)).astype(np.int64) + 1)
    assert 1 <= len(made) < 60


@pytest.mark.parametrize("d", [2, 8, 32])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_codes_of_hyperplanes_chosen_for_points_take_few_cells(n_classes, d):
    """The features must suit the ribbon that is built: with more planes it has fewer columns."""
    rng = np.random.default_rng(d)
    X, y = rng.standard_normal((5000, d)), rng.integers(0, n_classes, 5000)
    net = fastmem.memorize(X, y, effort="fast", random_state=0)
    assert net.store.name == "binary"
    assert net.store.cells_per_bit < 1.15


@pytest.mark.parametrize("shares", [(0.786, 0.21, 0.004), (0.9, 0.09, 0.009, 0.001)])
def test_a_filter_stands_behind_another_where_classes_are_skewed_twice(shares):
    rng = np.random.default_rng(len(shares))
    codes = random_codes(rng, 100_000, 40)
    classes = rng.choice(len(shares), len(codes), p=shares).astype(np.int32)
    store = BinaryStore.build(codes, classes, 40, len(shares))
    assert store.label_code.rare_code.filter_bits > 0
    assert_exact(store, codes, classes)
    assert store.n_cells / len(codes) <= 1.1 * entropy(classes) + 0.1
    some = np.append(codes[::500], others(rng, codes, 40))
    assert np.array_equal(by_layers(store.layers(), some, 40), store.lookup(some))
    assert np.array_equal(BinaryStore.from_tensors(store.tensors(), 40, len(shares)).lookup(some), store.lookup(some))
    for name in store.tensors():
        with pytest.raises((FormatError, KeyError)):
            BinaryStore.from_tensors({key: a for key, a in store.tensors().items() if key != name}, 40, len(shares))


# Filters


@pytest.mark.parametrize("n_filter_bits", [1, 2, 4, 8, 12])
def test_a_filter_accepts_its_codes_and_about_2_to_the_minus_f_of_others(n_filter_bits):
    rng = np.random.default_rng(n_filter_bits)
    codes = random_codes(rng, 20_000, 40)
    accepting = Filter.recognising(codes, 40, n_filter_bits)
    assert accepting.n_filter_bits == n_filter_bits
    assert accepting.accepts(codes).all()
    foreign = np.setdiff1d(rng.integers(0, 1 << 40, 400_000, dtype=np.uint64), codes)
    assert 0.7 < accepting.accepts(foreign).mean() * 2**n_filter_bits < 1.4


@pytest.mark.parametrize("n_filter_bits", [1, 8])
def test_a_filter_accepts_about_2_to_the_minus_f_of_the_neighbours_of_its_codes(n_filter_bits):
    rng = np.random.default_rng(n_filter_bits)
    codes = random_codes(rng, 20_000, 40)
    accepting = Filter.recognising(codes, 40, n_filter_bits)
    near = np.setdiff1d(np.concatenate([codes ^ np.uint64(1 << i) for i in range(0, 40, 3)]), codes)
    assert 0.7 < accepting.accepts(near).mean() * 2**n_filter_bits < 1.4


def test_32_filter_bits_accept_no_other_code():
    rng = np.random.default_rng(32)
    codes = random_codes(rng, 5000, 50)
    accepting = Filter.recognising(codes, 50, 32)
    assert accepting.accepts(codes).all()
    assert not accepting.accepts(np.setdiff1d(rng.integers(0, 1 << 50, 10**5, dtype=np.uint64), codes)).any()


@FEW
@given(stored(most=300), st.integers(1, 6))
def test_accepting_layers_agree_with_the_filter(data, n_filter_bits):
    codes, _, n_bits, _, rng = data
    accepting = Filter.recognising(codes, n_bits, n_filter_bits)
    every = np.append(codes, others(rng, codes, n_bits))
    assert accepting.accepts(codes).all()
    layers = accepting.accepting_layers()
    assert layers[-1].n_units == 1
    assert np.array_equal(naive.integer_layers(layers, bits_of(every, n_bits))[:, 0], accepting.accepts(every))


@FEW
@given(stored(most=300), st.integers(1, 32))
def test_a_filter_made_from_tensors_accepts_alike(data, n_filter_bits):
    codes, _, n_bits, _, rng = data
    accepting = Filter.recognising(codes, n_bits, n_filter_bits)
    features = CodeFeatures.from_tensors(accepting.ribbon.features.tensors(), n_bits)
    copy = Filter.from_tensors(accepting.tensors(), features)
    every = np.append(codes, others(rng, codes, n_bits))
    assert np.array_equal(copy.accepts(every), accepting.accepts(every))


# Wiring


def random_layers(rng, n_inputs, depth):
    """Small layers in which units are often equal."""
    layers = []
    for _ in range(depth):
        n_units = int(rng.integers(1, 7))
        weights, thresholds = rng.integers(-1, 2, (n_units, n_inputs)), rng.integers(-1, 3, n_units)
        twins = rng.integers(0, n_units, n_units)
        layers.append(Layer(csr_array(weights[twins]), thresholds[twins]))
        n_inputs = n_units
    return tuple(layers)


def all_inputs(n):
    return bits_of(np.arange(1 << n, dtype=np.uint64), n)


@PROPERTY
@given(st.lists(st.integers(0, 4), max_size=4), st.integers(1, 6), SEEDS)
def test_layers_side_by_side_give_the_outputs_of_each(depths, n_inputs, seed):
    rng = np.random.default_rng(seed)
    branches = [random_layers(rng, n_inputs, depth) for depth in depths]
    together = side_by_side(branches)
    deep = [branch for branch in branches if branch]
    assert len(together) == max(map(len, deep), default=0)
    if deep:
        outputs = naive.integer_layers(together, all_inputs(n_inputs))
        expected = [naive.integer_layers(branch, all_inputs(n_inputs)) for branch in deep]
        assert np.array_equal(outputs, np.concatenate(expected, axis=1))


@PROPERTY
@given(st.integers(1, 4), st.integers(1, 6), SEEDS)
def test_shared_units_keep_the_function(depth, n_inputs, seed):
    layers = random_layers(np.random.default_rng(seed), n_inputs, depth)
    shared = share_units(layers)
    X = all_inputs(n_inputs)
    assert np.array_equal(naive.integer_layers(shared, X), naive.integer_layers(layers, X))
    assert shared[-1].n_units == layers[-1].n_units


@PROPERTY
@given(st.integers(2, 4), st.integers(1, 6), SEEDS)
def test_no_two_units_are_equal_after_sharing_but_in_the_last_layer(depth, n_inputs, seed):
    for layer in share_units(random_layers(np.random.default_rng(seed), n_inputs, depth))[:-1]:
        units = np.column_stack([layer.weights.toarray(), layer.thresholds])
        assert len(np.unique(units, axis=0)) == layer.n_units


@PROPERTY
@given(st.integers(1, 3), st.integers(1, 6), SEEDS)
def test_layers_after_a_form_read_the_form(depth, n_inputs, seed):
    rng = np.random.default_rng(seed)
    n_numbers = int(rng.integers(1, 5))
    form = rng.integers(-2, 3, (n_numbers, n_inputs))
    layers = random_layers(rng, n_numbers, depth)
    X = all_inputs(n_inputs)
    sums = X @ form.T @ layers[0].weights.toarray().T
    first = sums >= layers[0].thresholds
    expected = naive.integer_layers(layers[1:], first)
    assert np.array_equal(naive.integer_layers(after_form(layers, csr_array(form)), X), expected)
