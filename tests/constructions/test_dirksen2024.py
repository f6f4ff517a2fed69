"""Random hyperplanes and units that cover points: as few as the theorem says, fewer where classes are far apart."""

import numpy as np
import pytest

import fastmem
from fastmem.errors import NetworkTooLarge
from fastmem.theory.dirksen2024 import bound, n_rows


def moons(n, rng):
    """Two half circles that reach into each other."""
    angle, y = rng.uniform(0, np.pi, n), np.arange(n) % 2
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.where(y[:, None] == 1, [1, 0.5] - X, X) + 0.03 * rng.standard_normal((n, 2)), y


def build(X, y, form="small", **options):
    return fastmem.memorize(
        X, y, construction="dirksen2024", construction_options={"form": form}, random_state=0, **options
    )


def test_the_theorem_draws_as_many_hyperplanes_as_it_asks_for():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 8)), rng.integers(0, 3, 200)
    net = build(X, y, "theorem")
    delta = fastmem.separation(X, y).delta
    assert net.drawn == {"delta": delta, "hyperplanes": 1}
    assert net.n_hyperplanes == n_rows(200, delta, 2)
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_small_form_has_fewer_neurons_than_the_theorem(n):
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, 16)), rng.integers(0, 2, n)
    small, theorem = build(X, y), build(X, y, "theorem")
    assert small.n_neurons < theorem.n_neurons <= bound(n, 16, theorem.drawn["delta"]).neurons
    assert np.array_equal(small.predict(X), theorem.predict(X))


def test_covering_units_are_few_where_classes_are_far_apart_however_many_points_there_are():
    rng = np.random.default_rng(1)
    for n in (1000, 8000):
        X, y = moons(n, rng)
        net = build(X, y)
        assert net.widths[1] <= 12
        assert np.array_equal(net.predict(X), y)


def test_every_covering_unit_is_needed_where_there_is_a_point_of_each_label():
    net = build([[0.0], [1.0]], [0, 1])
    assert net.widths[1:] == (1, 1)
    assert net.predict([[0.0], [1.0]]).tolist() == [0, 1]


def test_near_points_of_different_labels_are_refused_before_anything_is_drawn():
    X = np.array([[0.0, 0], [1, 0], [1, 1e-12]])
    with pytest.raises(NetworkTooLarge, match=r"labels are .* apart in the unit ball the theorem takes up to") as error:
        build(X, [0, 0, 1])
    assert error.value.neurons > 2**30
    build(X, [0, 1, 1])  # near points of one label are no matter
    with pytest.raises(NetworkTooLarge, match=r"e\+"):
        build([[0.0, 0], [1, 0], [1, 1e-100]], [0, 0, 1])


def test_thresholds_that_overflow_are_refused():
    with pytest.raises(fastmem.InvalidInput, match="rescale the columns of X"):
        build([[1.7e308, 0], [1.6e308, 1e300]], [0, 1])


def test_columns_are_chosen_by_the_user():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((60, 30)), rng.integers(0, 4, 60)
    net = build(X, y, columns=[3, 11, 12])
    assert net.columns.tolist() == [3, 11, 12]
    assert np.array_equal(net.predict(X), y)
