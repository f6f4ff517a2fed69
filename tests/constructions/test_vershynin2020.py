"""Points on a sphere: enrichment, a perceptron for each batch, and what the theorem promises of both."""

import numpy as np
import pytest

import fastmem
from fastmem.errors import NetworkTooLarge, NotOnSphere
from fastmem.theory.vershynin2020 import bound, plan


def sphere(n, d, rng):
    X = rng.standard_normal((n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def build(X, y, form="small"):
    return fastmem.memorize(X, y, construction="vershynin2020", construction_options={"form": form}, random_state=0)


@pytest.mark.parametrize(("n", "d", "n_classes"), [(100, 64, 2), (500, 128, 2), (300, 32, 5)])
def test_the_theorem_works_at_its_first_draw_with_its_own_threshold(n, d, n_classes):
    rng = np.random.default_rng([n, d])
    X, y = sphere(n, d, rng), rng.integers(0, n_classes, n)
    net = build(X, y, "theorem")
    theorem = plan(n, net.drawn["delta"], net.n_label_bits)
    assert net.drawn["hyperplanes"] == 1
    assert net.n_hyperplanes == theorem.rows
    assert set(net.layers[1].thresholds.tolist()) == {theorem.threshold}
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize(("n", "d", "n_classes"), [(100, 64, 2), (1000, 256, 2), (300, 32, 5)])
def test_the_small_form_has_fewer_neurons_than_the_theorem(n, d, n_classes):
    rng = np.random.default_rng([n, d])
    X, y = sphere(n, d, rng), rng.integers(0, n_classes, n)
    net = build(X, y)
    assert net.n_neurons < bound(n, d, net.drawn["delta"], net.n_label_bits).neurons / 2
    assert np.array_equal(net.predict(X), y)


def test_batches_share_a_perceptron_where_points_are_far_apart():
    rng = np.random.default_rng(0)
    X, y = sphere(2000, 512, rng), rng.integers(0, 2, 2000)
    net = build(X, y)
    assert net.widths[1] < np.bincount(y).min() / 2
    assert np.array_equal(net.predict(X), y)


def test_a_sphere_may_lie_anywhere():
    rng = np.random.default_rng(1)
    X, y = 3 * sphere(80, 6, rng) + [5, 0, -2, 1, 1, 40], rng.integers(0, 2, 80)
    net = build(X, y)
    assert net.drawn["delta"] == pytest.approx(fastmem.separation(X, y).distance / 3)
    assert np.array_equal(net.predict(X), y)


def test_a_small_sphere_far_from_the_origin_is_seen():
    rng = np.random.default_rng(5)
    X, y = 1e8 + sphere(60, 20, rng), rng.integers(0, 2, 60)
    net = build(X, y)
    assert net.drawn["delta"] == pytest.approx(fastmem.separation(X, y).distance, rel=1e-6)
    assert np.array_equal(net.predict(X), y)


def test_a_sphere_beyond_float64_is_refused():
    X = np.array([[1.0, 1, 1], [-1, -1, 1], [1, -1, -1]]) * 1.7e308
    with pytest.raises(fastmem.InvalidInput, match="the centre or the radius of the sphere overflows"):
        build(X, [0, 1, 0])


def test_so_few_points_as_coordinates_lie_on_a_sphere():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((20, 40)), rng.integers(0, 2, 20)
    assert np.array_equal(build(X, y).predict(X), y)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_points_of_any_scale_lie_on_a_sphere(scale):
    rng = np.random.default_rng(3)
    X, y = sphere(30, 10, rng) * scale, rng.integers(0, 2, 30)
    assert np.array_equal(build(X, y).predict(X), y)


def test_points_that_lie_on_no_sphere_are_refused_and_may_be_scaled():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((50, 5)), rng.integers(0, 2, 50)
    X[7] *= 100
    with pytest.raises(NotOnSphere, match=r"row 7 .* nor are they equally far from another place") as error:
        build(X, y)
    norms = np.linalg.norm(X, axis=1)
    assert error.value.rows == [int(norms.argmin()), 7]
    assert error.value.radii == pytest.approx([norms.min(), norms[7]])
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert np.array_equal(build(X, y).predict(X), y)


def test_points_beyond_float64_that_lie_on_no_sphere_are_refused_by_two_rows():
    X = 1.7e308 * np.random.default_rng(6).uniform(-1, 1, (60, 8))
    with pytest.raises(NotOnSphere) as error:
        build(X, X[:, 0] > 0)
    norms = np.linalg.norm(np.ldexp(X, -1000), axis=1)
    assert error.value.rows == [int(norms.argmin()), int(norms.argmax())]


def test_near_points_of_different_labels_are_refused_before_anything_is_drawn():
    angles = np.array([0, 1, 1 + 1e-9, 2])
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    with pytest.raises(NetworkTooLarge, match="labels are 1e-09 apart"):
        build(X, [0, 0, 1, 1])
    assert np.array_equal(build(X, [0, 1, 1, 0]).predict(X), [0, 1, 1, 0])


def test_two_points_of_the_line_lie_on_a_sphere():
    assert build([[1.0], [-1.0], [1.0]], ["a", "b", "a"]).predict([[1.0], [-1.0]]).tolist() == ["a", "b"]
