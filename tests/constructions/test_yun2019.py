"""Two hidden layers of ReLU units: as many units as the proof says, and outputs within what is promised."""

import numpy as np
import pytest

import fastmem


def build(X, y, output="class", **options):
    return fastmem.memorize(X, y, construction="yun2019", construction_options={"output": output}, random_state=0,
                            **options)  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 9, 10, 100, 400])
def test_there_are_four_units_for_each_root_of_n_and_no_more(n):
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, 5)), np.append([0, 1], rng.integers(0, 2, n - 2))
    net = build(X, y)
    root = int(np.ceil(np.sqrt(n)))
    assert net.n_neurons <= 4 * root
    assert net.widths[0] <= 2 * root - 1
    assert net.depth == 3
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize("n_classes", [2, 10, 300])
def test_outputs_are_within_an_eighth_of_the_index_of_the_class(n_classes):
    rng = np.random.default_rng(n_classes)
    X, y = rng.standard_normal((300, 4)), rng.integers(0, n_classes, 300)
    net = build(X, y)
    outputs = net._tables.values(X)[:, 0]
    assert np.abs(outputs - np.searchsorted(net.classes, y)).max() <= net.output_error <= 0.125


def test_real_labels_are_returned_within_the_error_that_is_told():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 3)), rng.standard_normal(200)
    for labels in (y, 1e12 * y, 1e-9 * y, 0 * y):
        net = build(X, labels, "value")
        predicted = net.predict(X)
        assert predicted.dtype == np.float64
        assert np.abs(predicted - labels).max() <= net.output_error <= 2.0**-49 * np.abs(labels).max() + 5e-324
        assert len(net.classes) == 0


def test_labels_of_other_kinds_have_no_value():
    for y in (["a", "b"], [[1, 2], [3, 4]], [1j, 2], [0.0, np.inf]):
        with pytest.raises(fastmem.InvalidInput, match="returns labels as real numbers"):
            build([[0.0], [1.0]], y, "value")


@pytest.mark.parametrize(
    "X",
    [
        np.arange(60.0)[:, None],
        np.repeat(np.random.default_rng(1).standard_normal((30, 4)), 2, 0) + np.tile([[0], [2.0**-30]], (30, 1)),
        np.ldexp(
            np.random.default_rng(2).standard_normal((60, 2)), np.random.default_rng(3).integers(-60, 60, (60, 2))
        ),
        np.array([[5e-324], [0.0], [-5e-324], [1e-310], [1.0]]),
        np.array([[1.7e308, 0], [-1.7e308, 0], [1.7e308, 1], [0, 5e-324]]),
    ],
    ids=["line", "pairs", "exponents", "subnormal", "largest"],
)
@pytest.mark.parametrize("output", ["class", "value"])
def test_awkward_points_keep_their_labels(X, output):
    y = np.random.default_rng(len(X)).integers(0, 3, len(X))
    net = build(X, y, output)
    predicted = net.predict(X)
    assert np.array_equal(np.rint(predicted), y)
    assert np.array_equal(net.forward(X), predicted)


def test_equal_rows_count_once():
    X = np.repeat(np.random.default_rng(4).standard_normal((25, 3)), 4, axis=0)
    y = np.repeat(np.arange(25) % 7, 4)
    net = build(X, y)
    assert net.n_neurons <= 20
    assert np.array_equal(net.predict(X), y)
