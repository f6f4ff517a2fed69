"""Parities as layers of threshold units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem.layers.parity import parity_layers

FEW = examples(50)
SEEDS = st.integers(0, 2**32 - 1)


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
