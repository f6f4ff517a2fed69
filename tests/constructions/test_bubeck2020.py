"""One hidden layer of 4 ceil(n/d) ReLU units, and fewer in the tangent form; exact labels in general position."""

import numpy as np
import pytest

import fastmem
from fastmem.errors import NotInGeneralPosition


def build(X, y, form="slabs", output="class"):
    options = {"form": form, "output": output}
    return fastmem.memorize(X, y, construction="bubeck2020", construction_options=options, random_state=0)


@pytest.mark.parametrize(("n", "d"), [(2, 5), (5, 5), (6, 5), (30, 3), (100, 1), (200, 2), (130, 64)])
def test_there_are_exactly_as_many_units_as_the_theorem_has(n, d):
    rng = np.random.default_rng([n, d])
    X, y = rng.standard_normal((n, d)), np.append([0, 1], rng.integers(0, 4, n - 2))
    net = build(X, y)
    assert net.n_neurons == 4 * -(-n // d) + 1
    assert net.depth == 2
    assert np.array_equal(net.predict(X), y)
    assert net.output_error <= 0.25


@pytest.mark.parametrize(("n", "d"), [(60, 1), (200, 2), (300, 16)])
def test_the_tangent_form_has_fewer_units(n, d):
    rng = np.random.default_rng([n, d])
    X, y = rng.standard_normal((n, d)), rng.integers(0, 4, n)
    net = build(X, y, "tangent")
    assert net.n_neurons < build(X, y).n_neurons
    assert net.output_error <= 0.25
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize("form", ["slabs", "tangent"])
def test_real_labels_are_returned_within_the_error_that_is_told(form):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 4))
    for y in (rng.standard_normal(150), 1e9 * rng.standard_normal(150)):
        net = build(X, y, form, "value")
        assert np.abs(net.predict(X) - y).max() <= net.output_error <= 1e-9 * np.abs(y).max()


def test_points_on_a_hyperplane_are_refused_by_their_rows():
    X = np.column_stack([np.arange(60.0), 2 * np.arange(60.0)])
    X = np.concatenate([X, 100 * np.random.default_rng(0).standard_normal((40, 2))])
    with pytest.raises(NotInGeneralPosition, match="bubeck2020 needs points in general position") as error:
        build(X, np.arange(100) % 2)
    assert set(error.value.group) <= set(range(60))
    assert set(error.value.rows) <= set(range(60)) - set(error.value.group)


def test_points_of_a_subspace_are_cut_into_smaller_groups():
    X = np.column_stack([np.arange(50.0), 2 * np.arange(50.0)])
    net = build(X, np.arange(50) % 2)
    assert net.n_neurons == 4 * 50 + 1
    assert np.array_equal(net.predict(X), np.arange(50) % 2)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_points_of_any_scale_keep_their_labels(scale):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((40, 3)) * scale, rng.integers(0, 3, 40)
    assert np.array_equal(build(X, y).predict(X), y)


def test_columns_of_other_scales_keep_their_labels():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((60, 3)) * [1e-20, 1, 1e20] + [0, 1e4, 0], rng.integers(0, 3, 60)
    for form in ("slabs", "tangent"):
        assert np.array_equal(build(X, y, form).predict(X), y)
