"""The kernel of layers, held to its plain twin in `oracles.naive`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from scipy.sparse import csr_array
from support.examples import examples

from fastmem.layers.integers import narrowed
from fastmem.layers.layer import Layer

PROPERTY = examples(120)
SEEDS = st.integers(0, 2**32 - 1)
LARGEST = 2**62


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


@pytest.mark.parametrize("low", [0, -1, -128, -129, -(2**15), -(2**31), -(2**63)])
@pytest.mark.parametrize("high", [0, 127, 128, 2**15 - 1, 2**31 - 1, 2**31, 2**63 - 1])
def test_integers_are_narrowed_to_the_first_type_that_holds_them(low, high):
    integers = np.array([low, high], np.int64)
    for types in (("i1", "i2", "i4", "i8"), ("u1", "i1", "u2", "i2", "i4", "u4", "i8")):
        narrow = narrowed(integers, types)
        assert narrow.tolist() == [low, high]
        before = types[: types.index(narrow.dtype.str[1:])]
        assert not any(np.array_equal(integers.astype(t).astype(object), integers.astype(object)) for t in before)
    assert narrowed(integers).dtype.kind == "i"
