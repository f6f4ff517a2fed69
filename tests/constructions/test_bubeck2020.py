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


def test_terms_are_no_more_than_the_slabs_of_few_points_and_of_a_circle():
    rng = np.random.default_rng(7)
    for n, d in [(1, 3), (3, 3), (194, 100), (374, 2)]:
        X = rng.standard_normal((n, d))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        y = rng.standard_normal(n)
        net = build(X, y, "tangent", "value")
        assert net.n_neurons <= 4 * -(-n // d) + 1
        assert np.abs(net.predict(X) - y).max() <= net.output_error <= 2e-6 * np.abs(y).max()


SCALES = [5e-324, 1e-300, 1e300, 2.0**63]


@pytest.mark.parametrize(("n", "d"), [(1, 5), (4, 5), (40, 1), (40, 2)])
@pytest.mark.parametrize("form", ["slabs", "tangent"])
def test_real_labels_may_have_any_scale(form, n, d):
    rng = np.random.default_rng([n, d])
    X = rng.standard_normal((n, d))
    for y in [*(rng.integers(-9, 10, n) * scale for scale in SCALES), rng.choice(SCALES, n)]:
        net = build(X, y, form, "value")
        assert np.abs(net.predict(X) - y).max() <= net.output_error <= 1e-6 * np.abs(y).max() + 5e-324


def test_real_labels_near_the_end_of_float64_are_refused():
    for construction in ("bubeck2020", "yun2019"):
        with pytest.raises(fastmem.InvalidInput, match=r"y holds a label of size 1\.7e\+308"):
            fastmem.memorize(
                [[0.0], [1]], [0, -1.7e308], construction=construction, construction_options={"output": "value"}
            )


@pytest.mark.parametrize("seed", [21, 46, 126, 155])
def test_points_of_a_group_that_lie_on_a_line_are_exchanged_for_others(seed):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(6, 30)), int(rng.integers(3, 6))
    X = np.unique(rng.integers(0, 9, (n, d)) * (rng.random((n, d)) < 0.4), axis=0)
    y = rng.standard_normal(len(X))
    net = build(X, y, output="value")
    assert np.abs(net.predict(X) - y).max() <= net.output_error < 1e-5


@pytest.mark.parametrize("form", ["slabs", "tangent"])
@pytest.mark.parametrize("start", [1e300, 0.1, 0.0])
def test_points_one_unit_in_the_last_place_apart_keep_their_labels(start, form):
    X = np.full((3, 5), start)
    X[1:, 1] = [np.nextafter(start, 2 * start + 1), np.nextafter(start, -1)]
    assert build(X, [1, 2, 0], form).predict(X).tolist() == [1, 2, 0]


def test_numbers_of_all_sizes_side_by_side_are_refused_by_rows_outside_the_group():
    rng = np.random.default_rng(9)
    X = rng.choice([1.0, -2.0, 1e300, -1.7e308, 1e-300, 5e-324], (40, 6))
    for form in ("slabs", "tangent"):
        with pytest.raises(NotInGeneralPosition) as error:
            build(X, np.arange(40), form)
        assert not set(error.value.rows) & set(error.value.group)


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
