"""Baum's construction: right for certain, as small as its bound says, and refused where points do not allow it."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from sklearn.datasets import load_digits
from support.examples import examples

import fastmem
from fastmem import Layer, LayeredNetwork
from fastmem.constructions import baum1988
from fastmem.data.as_points import as_points
from fastmem.errors import NotInGeneralPosition
from fastmem.theory import instances


def memorized(X, y, seed=0, **options):
    """The network, after all its labels were checked."""
    net = fastmem.memorize(X, y, construction="baum1988", random_state=seed, **options)
    assert np.array_equal(net.forward(X), y)
    return net


def bound(X, classes):
    return baum1988.bound(*X.shape, 0.0, (classes - 1).bit_length())


def random_labels(n, classes=2, seed=0):
    """Labels of which each class has one at least."""
    return np.random.default_rng([n, classes, seed]).permutation(np.arange(n) % classes)


def normal(*shape):
    return np.random.default_rng(shape).standard_normal(shape)


@pytest.mark.parametrize("d", [1, 2, 3, 16, 64])
@pytest.mark.parametrize(("n", "classes"), [(10, 2), (10, 10), (100, 3), (1000, 2), (1000, 10), (10_000, 2)])
def test_any_labels_are_memorized_within_the_bound(n, d, classes):
    X = normal(n, d)
    net = memorized(X, random_labels(n, classes))
    size = bound(X, classes)
    assert net.n_neurons <= size.neurons
    assert net.n_weights <= size.weights
    assert net.depth == 2
    assert net.smallest_distance > 0
    assert net.smallest_distance == net.hyperplanes.certified_radius(as_points(X)).min()
    if n <= 100:
        assert np.array_equal(net.classes[naive.forward(net.layers, X)], random_labels(n, classes))


def test_half_the_points_of_each_label_take_exactly_the_bound():
    X = normal(1000, 16)
    assert memorized(X, np.arange(1000) % 2).n_neurons == bound(X, 2).neurons == 2 * 32 + 1


@examples(60, derandomize=True)
@given(
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(-30, 30),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32),
)
def test_every_unit_counts_as_its_definition_says(n, d, classes, scale, dtype, seed):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n, d)) * 10.0**scale).astype(dtype)
    y = rng.integers(0, classes, n)
    net = memorized(X, y, seed)
    assert np.array_equal(net.classes[naive.forward(net.layers, X)], y)
    unseen = (2 * rng.standard_normal((20, d)) * 10.0**scale).astype(dtype)
    indices = naive.forward(net.layers, unseen).clip(max=len(net.classes) - 1)
    assert np.array_equal(net.forward(unseen), net.classes[indices])


@pytest.mark.parametrize("rare", [0, 1])
def test_slabs_hold_the_rarer_label(rare):
    X = normal(500, 5)
    y = np.where(np.arange(500) % 50 == 3, rare, 1 - rare)
    net = memorized(X, y)
    assert net.widths == (4, 1)
    inside = net.layers[1].weights.toarray() @ [1, 0, 1, 0]
    assert inside.tolist() == [2 if rare else -2]
    assert net.layers[1].thresholds.tolist() == [rare]


def test_a_network_that_were_wrong_would_be_refused(monkeypatch):
    class Wrong(LayeredNetwork):
        def __init__(self, hyperplanes, layers, *others, **settings):
            (layer,) = layers
            super().__init__(hyperplanes, [Layer(layer.weights, layer.thresholds + 99)], *others, **settings)

    monkeypatch.setattr(baum1988, "LayeredNetwork", Wrong)
    y = np.arange(100) % 5 == 0
    with pytest.raises(fastmem.MemorizationError, match="20 of 100 rows do not get their label back") as error:
        fastmem.memorize(normal(100, 4), y, construction="baum1988")
    assert error.value.rows == list(range(0, 100, 5))


def test_equal_labels_need_no_unit():
    net = memorized(normal(50, 3), np.full(50, 7))
    assert net.layers == ()
    assert net.smallest_distance == np.inf


def test_equal_rows_count_once():
    X = np.repeat(normal(60, 3), 5, axis=0)
    y = np.repeat(np.arange(60) % 2, 5)
    assert memorized(X, y).n_neurons == 2 * 10 + 1
    # The rarer label is that of fewer distinct points, not of fewer rows.
    X, y = np.concatenate([normal(60, 3), np.tile(normal(1, 3), (100, 1))]), np.repeat([0, 1], [60, 100])
    assert memorized(X, y).widths == (2, 1)


@pytest.mark.parametrize(
    "instance",
    [
        instances.circle(1000),
        instances.moment_curve(1000, 8),
        instances.sphere(2000, 16),
        instances.square(2000),
        instances.tight_pairs(2000, 16),
    ],
    ids=repr,
)
def test_points_whose_separation_is_hard_are_memorized(instance):
    assert memorized(instance.X, instance.y).n_neurons <= bound(instance.X, int(instance.y.max()) + 1).neurons


def test_digits_are_memorized():
    digits = load_digits()
    net = memorized(digits.data, digits.target)
    assert net.n_neurons <= bound(digits.data, 10).neurons
    memorized(digits.data.astype(np.uint8), random_labels(1797, 10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_offsets_and_constant_columns_do_no_harm(dtype):
    X = normal(1000, 8) + 1e6
    X[:, 3], X[:, 5] = 7, 0
    memorized(X.astype(dtype), random_labels(1000))


def test_columns_may_differ_much_in_scale():
    memorized(normal(1000, 4) * [1e30, 1, 1e-3, 1e5], random_labels(1000))
    memorized(normal(1000, 2) * [1e-30, 1e-5], random_labels(1000))


def test_integers_half_precision_and_strided_rows_are_memorized():
    rng = np.random.default_rng(0)
    for X in (
        rng.integers(-(2**52), 2**52, (500, 6)),
        rng.integers(0, 256, (500, 64), np.uint8),
        normal(500, 64).astype(np.float16),
        np.asfortranarray(normal(500, 5)),
        normal(1000, 10)[::2, ::2],
    ):
        memorized(X, random_labels(500))


def test_points_of_a_subspace_are_cut_into_groups_of_its_dimension():
    for dtype in (np.float32, np.float64):
        X = (normal(1000, 5) @ normal(5, 20) + 3).astype(dtype)
        assert memorized(X, np.arange(1000) % 2).n_neurons == 2 * 100 + 1


def test_numbers_at_the_ends_of_float64_are_memorized_on_the_line():
    largest = np.finfo(np.float64).max
    x = np.array([largest, np.nextafter(largest, 0), -largest, 0.0, 5e-324, 1e-323, 1.0, np.nextafter(1, 2)])
    for seed in range(40):
        y = np.random.default_rng(seed).integers(0, 3, len(x))
        net = memorized(x[:, None], y)
        assert np.array_equal(net.classes[naive.forward(net.layers, x[:, None])], y)


def points_with_many_on_a_line():
    """The first 300 points lie on a line, the others do not; every second one of the first has label 1."""
    X = np.concatenate([np.column_stack([np.arange(300.0), 2 * np.arange(300.0) + 1]), 100 * normal(400, 2)])
    y = np.zeros(700, int)
    y[:300:2] = 1
    return X, y


@pytest.mark.parametrize("flipped", [False, True])
def test_points_of_a_hyperplane_are_refused_with_the_rows(flipped):
    X, y = points_with_many_on_a_line()
    with pytest.raises(NotInGeneralPosition, match="and 145 more lie, within rounding errors, on a hyper") as error:
        memorized(X, 1 - y if flipped else y)
    assert error.value.rows == list(range(1, 300, 2))
    assert len(error.value.group) == 2
    assert all(y[row] == 1 for row in error.value.group)
    assert isinstance(error.value, ValueError)
    assert isinstance(error.value, fastmem.FastmemError)


def test_noise_helps_where_points_are_refused():
    X, y = points_with_many_on_a_line()
    rng = np.random.default_rng(0)
    memorized(X + 1e-3 * X.std(axis=0) * rng.standard_normal(X.shape), y)


def test_points_are_refused_where_rounding_alone_would_part_them():
    X = np.stack(np.meshgrid(*[np.arange(16)] * 3), axis=-1).reshape(-1, 3)
    y = random_labels(len(X))
    with pytest.raises(NotInGeneralPosition) as error:
        memorized(X, y)
    first, second, third = (X[row].astype(int) for row in error.value.group)
    across = np.cross(second - first, third - first)
    assert all((X[row] - first) @ across == 0 for row in error.value.rows)
    assert {int(y[row]) for row in error.value.rows} == {1 - int(y[error.value.group[0]])}


def test_the_network_does_not_depend_on_the_number_of_threads():
    for X, classes in (normal(3000, 3), 2), (load_digits().data, 10):
        y = random_labels(len(X), classes)
        one, two = (memorized(X, y, 3, n_threads=n_threads) for n_threads in (1, 2))
        assert np.array_equal(one.hyperplanes.weights, two.hyperplanes.weights)
        assert np.array_equal(one.hyperplanes.thresholds, two.hyperplanes.thresholds)
        assert not np.array_equal(one.hyperplanes.weights, memorized(X, y, 4).hyperplanes.weights)


def test_progress_counts_the_groups():
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append([options["total"], 0])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n=1):
            shown[-1][1] += n

    net = memorized(normal(1000, 4), random_labels(1000, 4), progress=Bar)
    assert [net.widths[0] // 2] * 2 in shown


def test_pickled_errors_keep_their_rows():
    copy = pickle.loads(pickle.dumps(NotInGeneralPosition("no", [1], [2, 3])))
    assert (str(copy), copy.rows, copy.group) == ("no", [1], [2, 3])


@pytest.mark.parametrize("label", [0, 1])
def test_points_too_far_out_to_be_placed_are_refused(label):
    X, y = normal(300, 4), random_labels(300)
    X[np.flatnonzero(y == label)[0]] = 1e35
    with pytest.raises(NotInGeneralPosition):
        memorized(X, y)
