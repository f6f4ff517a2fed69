"""Folds and a table of words: exact labels, and sizes within the bound."""

import numpy as np
import pytest

import fastmem
from fastmem.theory.park2021 import bound, final_cells, fold_of


def build(X, y):
    return fastmem.memorize(X, y, construction="park2021", random_state=0)


@pytest.mark.parametrize(("n", "n_classes"), [(2, 2), (3, 3), (20, 2), (120, 10), (300, 2), (200, 200)])
def test_sizes_are_within_the_bound(n, n_classes):
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, 4)), np.append([0, 1], rng.integers(0, n_classes, n))[:n]
    net = build(X, y)
    size = bound(n, 4, fastmem.separation(X).delta, net.n_label_bits)
    assert net.n_neurons <= size.neurons
    assert net.n_weights <= size.weights
    assert net.output_error < 1e-12
    assert np.array_equal(net.predict(X), y)
    assert np.array_equal(net.forward(X), y)


def test_units_are_steps_and_identities():
    rng = np.random.default_rng(1)
    net = build(rng.standard_normal((50, 3)), np.arange(50) % 3)
    assert all(np.isin(layer.activations, [0, 2]).all() for layer in net.layers)


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 10**5])
def test_folds_end_at_the_cells_of_the_table(n):
    cells, folds = 2**60, 0
    while fold := fold_of(cells, n):
        assert fold[0] < cells
        cells, folds = fold[0], folds + 1
        assert folds < 200
    assert cells <= 2 * final_cells(n) + 4 * n


@pytest.mark.parametrize(
    "X",
    [
        np.arange(60.0)[:, None],
        np.repeat(np.random.default_rng(1).standard_normal((30, 4)), 2, 0) + np.tile([[0], [2.0**-30]], (30, 1)),
        np.ldexp(np.linspace(1, 2, 120).reshape(60, 2), np.random.default_rng(3).integers(-60, 60, (60, 2))),
        np.array([[5e-324], [0.0], [-5e-324], [1e-310], [1.0]]),
        np.array([[1.7e308, 0], [-1.7e308, 0], [1.7e308, 1], [0, 5e-324]]),
    ],
    ids=["line", "pairs", "exponents", "subnormal", "largest"],
)
def test_awkward_points_keep_their_labels(X):
    y = np.append([0, 2], np.random.default_rng(len(X)).integers(0, 3, len(X)))[: len(X)]
    assert np.array_equal(build(X, y).predict(X), y)


def test_a_table_that_takes_too_much_memory_is_refused(monkeypatch):
    monkeypatch.setattr("fastmem.constructions.park2021._MOST_CELLS", 100)
    with pytest.raises(fastmem.NetworkTooLarge, match='use construction="vardi2021"'):
        build(np.arange(60.0)[:, None], np.arange(60) % 2)
