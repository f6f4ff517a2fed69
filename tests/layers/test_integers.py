"""Integers of any size in layers: matrices of them, what a layer says of itself, and what a file has of it."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from support.examples import examples

from fastmem.errors import FormatError, InvalidInput
from fastmem.layers.integers import IntegerMatrix, as_integers, integer_matrix
from fastmem.layers.layer import Layer

PROPERTY = examples(100)
BIG = 2**100
SIZES = st.sampled_from([0, 1, 8, 62, 63, 64, 65, 128, 300])
NUMBERS = SIZES.flatmap(lambda bits: st.integers(-(2**bits), 2**bits))


@st.composite
def layers(draw):
    n_inputs, n_units = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    dense = draw(st.lists(st.lists(NUMBERS, min_size=n_inputs, max_size=n_inputs), min_size=n_units, max_size=n_units))
    thresholds = draw(st.lists(NUMBERS, min_size=n_units, max_size=n_units))
    activation = draw(st.lists(st.integers(0, 2), min_size=n_units, max_size=n_units))
    return layer_of(dense, thresholds, activation)


def layer_of(dense, thresholds, activation="relu"):
    return Layer(matrix_of(dense), as_integers(thresholds), activation)


def matrix_of(dense):
    shape = (len(dense), len(dense[0]))
    return integer_matrix([w for row in dense for w in row], [*range(shape[1])] * shape[0],
                          np.arange(shape[0] + 1) * shape[1], shape)  # fmt: skip


def same(one, other):
    return (
        one.weights.toarray().tolist() == other.weights.toarray().tolist()
        and type(one.weights) is type(other.weights)
        and one.thresholds.tolist() == other.thresholds.tolist()
        and one.thresholds.dtype == other.thresholds.dtype
        and np.array_equal(one.activation, other.activation)
    )


@PROPERTY
@given(layers())
def test_a_layer_is_read_as_it_was_written(layer):
    tensors = layer.tensors()
    read = Layer.from_tensors(tensors, layer.weights.shape[1], numbers=True)
    assert same(read, layer)
    again = read.tensors()
    assert again.keys() == tensors.keys()
    assert all(np.array_equal(again[name], tensors[name]) for name in tensors)
    assert all(again[name].dtype == tensors[name].dtype for name in tensors)


@PROPERTY
@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_matrix_holds_its_entries_in_int64_if_that_can_be(dense):
    matrix, numbers = matrix_of(dense), [w for row in dense for w in row]
    assert matrix.toarray().tolist() == dense
    assert matrix.shape == (len(dense), 3)
    assert matrix.nnz == sum(w != 0 for w in numbers)
    assert matrix.has_canonical_format
    assert isinstance(matrix, csr_array) == all(-(2**63) <= w < 2**63 for w in numbers)


def test_entries_are_put_in_order_and_those_of_one_place_are_summed():
    matrix = integer_matrix([1, BIG, 2**63 - 1, 1, -BIG, 5], [2, 0, 1, 1, 0, 0], [0, 4, 6], (2, 3))
    assert isinstance(matrix, IntegerMatrix)
    assert matrix.indptr.tolist() == [0, 3, 5 - 1]
    assert matrix.indices.tolist() == [0, 1, 2, 0]
    assert matrix.data.tolist() == [BIG, 2**63, 1, 5 - BIG]
    cancelled = integer_matrix([BIG, -BIG, 3], [1, 1, 0], [0, 3], (1, 2))
    assert isinstance(cancelled, csr_array)
    assert cancelled.toarray().tolist() == [[3, 0]]
    assert integer_matrix([], [], [0, 0], (1, 0)).shape == (1, 0)


def test_a_matrix_says_what_it_is():
    assert repr(matrix_of([[BIG, 0, -1]])) == "<IntegerMatrix of shape (1, 3) with 2 integers of up to 101 bits>"


@pytest.mark.parametrize("numbers", [[0.5], np.array([1.0]), ["1"], np.array([1], "m8[s]").astype(object)])
def test_what_are_no_integers_is_refused(numbers):
    with pytest.raises(InvalidInput, match="must be integers"):
        as_integers(numbers)


@pytest.mark.parametrize("dtype", ["i1", "u2", "i8", "u8", object, bool])
def test_integers_of_all_dtypes_are_taken(dtype):
    assert as_integers(np.array([0, 1, 1], dtype)).tolist() == [0, 1, 1]
    assert as_integers(np.array([0, 1], dtype)).dtype == np.int64
    assert as_integers(np.array([2**63], "u8")).tolist() == [2**63]


def test_a_layer_counts_its_bits_units_and_weights():
    layer = layer_of([[BIG, 0], [-3, 1]], [0, -(2**63)])
    assert (layer.weight_bits, layer.threshold_bits, layer.n_units, layer.n_weights) == (101, 64, 2, 3)
    layer = Layer(csr_array((2, 3), dtype=np.int64), np.array([7, -8]), "identity")
    assert (layer.weight_bits, layer.threshold_bits, layer.n_units, layer.n_weights) == (0, 4, 2, 0)
    real = Layer(csr_array(np.ones((1, 2), np.float32)), np.array([0.5]))
    with pytest.raises(InvalidInput, match="must be integers"):
        real.weight_bits  # noqa: B018


def test_thresholds_that_int64_holds_are_kept_in_it():
    layer = Layer(matrix_of([[1], [2]]), np.array([3, -4], object))
    assert layer.thresholds.dtype == np.int64


def test_activations_that_are_all_alike_are_one_word():
    weights, thresholds = matrix_of([[1], [2]]), np.zeros(2, np.int64)
    for number, word in enumerate(["threshold", "relu", "identity"]):
        layer = Layer(weights, thresholds, np.full(2, number, np.uint8))
        assert layer.activation == word
        assert layer.activations.tolist() == [number, number]
    mixed = Layer(weights, thresholds, np.array([2, 0], np.uint8))
    assert mixed.activation.dtype == np.uint8
    assert mixed.activations.tolist() == [2, 0]


@pytest.mark.parametrize("activation", ["step", None, 1, [0], [0, 3], [0, -1], [0.0, 1.0], [[0, 1]], [0, 1, 2]])
def test_other_activations_are_refused(activation):
    with pytest.raises(InvalidInput, match="activation must be one of 'threshold', 'relu', 'identity'"):
        Layer(matrix_of([[1], [2]]), np.zeros(2, np.int64), activation)


@pytest.mark.parametrize(
    "layer",
    [
        layer_of([[1]], [0]),
        layer_of([[BIG]], [0], "threshold"),
        layer_of([[1]], [BIG], "threshold"),
        Layer(csr_array(np.ones((1, 1), np.float32)), np.zeros(1)),
    ],
)
def test_bits_go_through_layers_of_threshold_units_alone(layer):
    with pytest.raises(InvalidInput, match="packed bits go through layers of threshold units"):
        layer.forward(np.ones((1, 1), np.uint64))


def test_layers_are_copied_and_pickled():
    layer = layer_of([[BIG, 0], [1, 2]], [1, BIG], [0, 2])
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert same(twin, layer)


def test_a_number_takes_as_few_bytes_as_can_be():
    layer = layer_of([[0x80, -0x80, 2**64, -(2**63) - 1, 0x7F]], [0])
    tensors = layer.tensors()
    assert tensors["weights.ends"].tolist() == [2, 3, 12, 21, 22]
    assert tensors["weights.bytes"].tolist() == [0x80, 0, 0x80, *[0] * 8, 1, *[0xFF] * 7, 0x7F, 0xFF, 0x7F]
    assert tensors["thresholds"].dtype == np.int8


def changed(name, value):
    def change(tensors):
        return tensors | {name: value}

    return change


def padded(tensors):
    """The first weight with a byte more than it needs."""
    data, ends = tensors["weights.bytes"].tolist(), tensors["weights.ends"]
    data.insert(int(ends[0]), 0)
    return tensors | {"weights.bytes": np.array(data, np.uint8), "weights.ends": ends + 1}


def long_form(tensors):
    return tensors | {"weights.bytes": np.array([1, 2], np.uint8), "weights.ends": np.array([1, 2])}


def one_of_length(n):
    data = np.ones(n + 1, np.uint8)
    return lambda tensors: tensors | {"weights.bytes": data, "weights.ends": np.array([n, n + 1])}


REFUSED = [
    (padded, "shortest form"),
    (changed("weights.ends", np.array([14, 13])), "shortest form"),
    (changed("weights.ends", np.array([14, 14])), "shortest form"),
    (changed("weights.ends", np.array([0, 14])), "shortest form"),
    (changed("weights.ends", np.array([-1, 14])), "shortest form"),
    (changed("weights.ends", np.array([13, 15])), "shortest form"),
    (changed("weights.ends", np.array([], np.int64)), "shortest form"),
    (changed("weights.ends", np.array([13, 14], np.int32)), "shortest form"),
    (changed("weights.ends", np.array([13, 2**63 - 1])), "shortest form"),
    (changed("weights.bytes", np.ones(14, np.int8)), "shortest form"),
    (changed("weights.bytes", np.array([*[1] * 13, 0], np.uint8)), "do not form a layer"),
    (one_of_length(2**17 + 1), "shortest form"),
    (long_form, "int64 holds them"),
    (changed("thresholds", np.array([1.0])), "thresholds are not integers"),
    (changed("thresholds", np.array([[1]])), "thresholds are not integers"),
    (changed("thresholds", np.array([1, 2])), "do not form a layer"),
    (changed("inputs", np.array([1, 0], np.int32)), "do not form a layer"),
    (changed("activations", np.array([3], np.uint8)), "activations"),
    (changed("activations", np.array([0], np.uint8)), "activations"),
    (changed("activations", np.array([1, 2], np.uint8)), "activations"),
    (changed("activations", np.array([1], np.int8)), "activations"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_no_layer_writes_is_not_read(change, words):
    tensors = layer_of([[BIG, -5]], [3]).tensors()
    assert tensors["weights.ends"].tolist() == [13, 14]
    assert Layer.from_tensors(tensors, 2, numbers=True).weights.toarray().tolist() == [[BIG, -5]]
    with pytest.raises(FormatError, match=words):
        Layer.from_tensors(change(tensors), 2, numbers=True)


def test_the_longest_number_of_a_file_is_written_and_read():
    longest = 2 ** (2**20 - 1) - 1
    layer = layer_of([[longest, -longest - 1]], [0])
    assert same(Layer.from_tensors(layer.tensors(), 2, numbers=True), layer)
    with pytest.raises(InvalidInput, match="a file has at most"):
        layer_of([[longest + 1]], [0]).tensors()


@pytest.mark.parametrize("weight", [2**62, BIG])
def test_layers_for_packed_bits_have_sums_that_int64_holds(weight):
    tensors = layer_of([[weight]], [0], "threshold").tensors()
    assert Layer.from_tensors(tensors, 1, numbers=True).weight_bits == weight.bit_length()
    with pytest.raises(FormatError, match="do not form a layer"):
        Layer.from_tensors(tensors, 1)
