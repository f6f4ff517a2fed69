"""Boxes around points: robust to a radius in the largest difference of a coordinate, which is measured and promised."""

import numpy as np
import pytest

import fastmem
from fastmem.errors import MarginNotReached


def build(X, y, radius=None):
    return fastmem.memorize(X, y, construction="boxes", construction_options={"radius": radius}, random_state=0)


def half_distance(X, y):
    """Half of the least distance of two points with different labels, in the maximum norm."""
    distances = np.abs(X[:, None] - X).max(axis=2)
    return distances[y[:, None] != y].min() / 2


@pytest.mark.parametrize(("n", "d", "n_classes"), [(2, 1, 2), (60, 1, 3), (100, 2, 2), (200, 8, 5), (100, 20, 2)])
def test_every_input_within_the_radius_has_the_label(n, d, n_classes):
    rng = np.random.default_rng([n, d])
    X, y = rng.standard_normal((n, d)), np.append([0, 1], rng.integers(0, n_classes, n - 2))
    net = build(X, y)
    mu = net.construction_options["radius"]
    assert mu == pytest.approx(0.98 * half_distance(X, y))
    assert np.all(net.certified_radius(X, norm="maximum") >= mu)
    assert np.all(net.certified_radius(X) >= mu)
    for _ in range(20):
        moved = X + mu * rng.choice([-1, 1], X.shape) * (1 - 2.0**-40)
        assert np.array_equal(net.predict(moved), y)


@pytest.mark.parametrize("d", [1, 2, 8])
def test_no_input_within_the_certified_radius_has_another_label(d):
    rng = np.random.default_rng(d)
    X, y = rng.standard_normal((80, d)), rng.integers(0, 3, 80)
    net = build(X, y)
    inputs = np.concatenate([X, 2 * rng.standard_normal((200, d))])
    labels, changed = net.predict(inputs), False
    for norm, order in (("maximum", np.inf), ("euclidean", 2)):
        radius = net.certified_radius(inputs, norm=norm)[:, None]
        for _ in range(100):
            direction = rng.standard_normal(inputs.shape) if order == 2 else rng.choice([-1.0, 1], inputs.shape)
            direction /= np.linalg.norm(direction, order, axis=1, keepdims=True)
            assert np.array_equal(net.predict(inputs + (1 - 1e-9) * radius * direction), labels)
            changed |= np.any(net.predict(inputs + 1.01 * radius * direction) != labels)
    assert changed or d > 2  # it is not much too small


def test_a_box_is_wider_than_to_the_nearest_side_of_any_box():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 6)), rng.integers(0, 2, 200)
    net = build(X, y)
    assert net.certified_radius(X).min() > 100 * net.smallest_distance


def test_few_boxes_hold_classes_that_are_far_apart():
    rng = np.random.default_rng(1)
    X = np.concatenate([rng.uniform(0, 1, (300, 3)), rng.uniform(2, 3, (300, 3))])
    net = build(X, np.repeat([0, 1], 300), 0.25)
    assert net.widths == (1, 1, 1)


def test_the_radius_may_be_chosen_below_half_of_the_distance():
    X, y = np.array([[0.0, 0], [1, 0.5]]), np.array([0, 1])
    net = build(X, y, 0.25)
    assert net.construction_options == {"radius": 0.25}
    assert np.all(net.certified_radius(X, norm="maximum") >= 0.25)
    for radius in (0.5, 0.75, 1e308):
        with pytest.raises(MarginNotReached, match=r"must have a radius below 0\.5") as error:
            build(X, y, radius)
        assert (error.value.margin, error.value.largest) == (radius, 0.5)


def test_cubes_may_reach_the_end_of_float64():
    largest = np.finfo(np.float64).max
    X = np.array([[largest, -largest], [largest, 0], [-largest, 1.0]])
    for radius in (None, 0.0, 1e307):
        net = build(X, [0, 1, 0], radius)
        assert net.predict(X).tolist() == [0, 1, 0]
        assert net.certified_radius(X, norm="maximum").min() >= net.construction_options["radius"] >= (radius or 0)
    assert build(X[:2], [0, 1]).construction_options["radius"] > 1e307


@pytest.mark.parametrize("X", [[1.0, np.nextafter(1, 2)], [0.0, 5e-324], [-1.7e308, 1.7e308], [1e16, 1e16 + 2]])
def test_points_between_which_float64_has_no_room_keep_their_labels(X):
    X = np.array(X)[:, None]
    net = build(X, [0, 1])
    assert net.predict(X).tolist() == [0, 1]
    assert np.all(net.certified_radius(X, norm="maximum") >= net.construction_options["radius"])


def test_the_certificate_is_that_of_a_loaded_network_too(tmp_path):
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((50, 4)), rng.integers(0, 3, 50)
    net = build(X, y)
    net.save(tmp_path / "net.safetensors")
    loaded = fastmem.load(tmp_path / "net.safetensors")
    assert np.array_equal(loaded.certified_radius(X), net.certified_radius(X))


def test_boxes_that_share_a_column_on_one_side_are_no_boxes():
    # Both sides of the second unit are lower ones of one column, so that lengths of both do not add up.
    net = fastmem.Network.from_layers([([[1.0], [1]], [0.0, 1]), ([[1, 1]], [2]), ([[1]], [1])])
    assert net.certified_radius([[-3.0]]).tolist() == pytest.approx([3.0])


@pytest.mark.parametrize("d", [2, 30])
def test_distances_from_hyperplanes_are_measured_in_the_maximum_norm_too(d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((100, d))
    net = fastmem.memorize(X, np.arange(100) % 2, columns="all", random_state=0)
    w, t = net.hyperplanes.weights.astype(float), net.hyperplanes.thresholds
    expected = (np.abs(X @ w.T - t) / np.abs(w).sum(axis=1)).min(axis=1)
    found = net.certified_radius(X, norm="maximum")
    assert np.all(found <= expected * (1 + 1e-9))
    assert found == pytest.approx(expected, rel=1e-5)
    with pytest.raises(fastmem.InvalidInput, match="norm must be one of 'euclidean', 'maximum'"):
        net.certified_radius(X, norm="taxicab")
