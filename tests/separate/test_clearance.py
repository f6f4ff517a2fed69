"""How near memorized points come to hyperplanes: what the report says of it is true."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_digits

import fastmem
from fastmem.data.points import Points
from fastmem.data.sorting import SortedCodes
from fastmem.hyperplanes.code import LinearCode
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.separate.clearance import _Distances, clear
from fastmem.theory import instances

DATA = {
    "digits": lambda: load_digits().data,
    "sphere": lambda: instances.sphere(3000, 8, random_state=0).X,
    "square": lambda: instances.square(600, random_state=0).X,
    "circle": lambda: instances.circle(100).X,
    "grid": lambda: instances.grid(6, 3).X,
    "line": lambda: np.random.default_rng(0).standard_normal((500, 1)),
    "far from the origin": lambda: instances.sphere(500, 5, random_state=0).X.astype(float) + 1e6,
    "large": lambda: np.random.default_rng(1).standard_normal((300, 4)) * 1e200,
}


def memorized(X, **options):
    return fastmem.memorize(X, np.arange(len(X)) % 2, separate="all", random_state=0, **options)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", DATA)
def test_the_smallest_distance_is_that_of_the_nearest_point(name, n_threads):
    X = DATA[name]()
    net = memorized(X, effort="fast", n_threads=n_threads)
    assert net.smallest_distance == pytest.approx(net.certified_radius(X).min(), rel=1e-9)
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(X[:, net.columns].astype(np.longdouble), axis=1).max()
    assert net.largest_norm == pytest.approx(float(norms), rel=1e-6) or net.largest_norm == np.inf


@pytest.mark.parametrize("power", [0, -960, -1005, -1015, -1020, -1030])
def test_the_smallest_distance_on_the_line_is_rounded_down(power):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = np.ldexp(rng.standard_normal((3, 1)), power + rng.integers(-12, 12, (3, 1)))
        net = memorized(X)
        pairs = [(Fraction(x), Fraction(t)) for x in X[:, 0].tolist() for t in net.hyperplanes.thresholds.tolist()]
        distance = min(abs(x - t) for x, t in pairs)
        assert distance * (1 - Fraction(2) ** -50) - Fraction(5e-324) <= net.smallest_distance <= distance


@pytest.mark.parametrize("name", ["digits", "sphere", "square", "circle", "grid", "line"])
@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_no_point_is_nearly_on_a_hyperplane(name, effort):
    assert memorized(DATA[name](), effort=effort).relative_margin > 1e-9


def test_the_distance_is_saved_with_the_network(tmp_path):
    net = memorized(DATA["sphere"]())
    net.save(tmp_path / "net.safetensors")
    loaded = fastmem.load(tmp_path / "net.safetensors")
    assert loaded.smallest_distance == net.smallest_distance
    assert loaded.largest_norm == net.largest_norm
    assert loaded.report() == net.report()


def test_without_hyperplanes_the_distance_is_infinite(tmp_path):
    net = fastmem.memorize([[1.0, 2.0], [3.0, 4.0]], ["a", "a"])
    assert net.smallest_distance == np.inf
    net.save(tmp_path / "net.safetensors")
    assert fastmem.load(tmp_path / "net.safetensors") == net


def float32_labels(net, X, order):
    """Labels through signs taken in float32, coordinates added in a given order."""
    hyperplanes = net.encoder.hyperplanes
    products = X.astype(np.float32)[:, None, order] * hyperplanes.weights[None][:, :, order]
    sums = np.zeros(products.shape[:2], np.float32)
    for column in range(products.shape[2]):
        sums += products[:, :, column]
    signs = sums >= hyperplanes.thresholds.astype(np.float32)
    codes = (signs.astype(np.uint64) << np.arange(net.n_hyperplanes, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return net.classes[net.store.lookup(codes)]


def test_what_is_said_to_be_safe_in_float32_is():
    X = np.random.default_rng(2).standard_normal((800, 12))
    net = memorized(X, margin=1e-4)
    assert net.report().float32_safe
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(12)
        assert np.array_equal(float32_labels(net, X, order), np.arange(800) % 2)


@pytest.mark.parametrize(("scale", "safe32", "safe64"), [(1.0, True, True), (1e-6, False, True), (1e-17, False, False)])
def test_safety_follows_the_margin(scale, safe32, safe64):
    net = memorized(np.random.default_rng(3).standard_normal((200, 6)), margin=1e-3)
    net.smallest_distance *= scale
    report = net.report()
    assert (report.float32_safe, report.float64_safe) == (safe32, safe64)
    assert f"{report.relative_margin:.2g} of the largest norm" in str(report)


def test_weights_too_large_for_float32_sums_are_not_safe():
    X = np.random.default_rng(4).standard_normal((200, 3)) * [1, 1e30, 1e-30]
    assert not memorized(X).report().float32_safe


def test_a_threshold_next_to_a_point_is_moved_and_codes_follow():
    X = np.column_stack([np.arange(20.0), np.zeros(20)])
    hyperplanes = Hyperplanes(np.array([[1, 0]], np.float32), [10 - 1e-13], np.zeros(2), np.zeros(2, np.int16))
    classes = (np.arange(20) >= 10).astype(np.int32)
    codes = classes.astype(np.uint64)
    moved, clearance = clear(
        hyperplanes, LinearCode.identity(1), codes, SortedCodes(codes), classes, np.array([[1e-13]]), Points(X), 1
    )
    assert clearance.smallest_distance == pytest.approx(0.5)
    signs = moved.signs_of_block(Points(X).block(0, 20))[:, 0]
    assert np.array_equal(signs, codes)
    assert all(len(set(codes[classes == c])) == 1 for c in (0, 1))
    assert codes[0] != codes[19]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-35, 1.0, 1e18, 1e36])
def test_the_nearest_points_are_found_in_rounded_arithmetic(scale, dtype):
    X = (np.random.default_rng(5).standard_normal((30_000, 6)) * scale + 100 * scale).astype(dtype)
    hyperplanes = Hyperplanes(np.eye(6)[:2] * 3, [300.0 * scale] * 2, np.zeros(6), np.zeros(6, np.int16))
    work = _Distances(hyperplanes, np.zeros((1, 2)), Points(X), 1)
    for j in range(2):
        rows, values = work._nearest(j)
        expected = X.astype(float)[:, j] * 3
        assert np.array_equal(values, expected[rows])
        distances = np.abs(expected - 300 * scale)
        assert np.array_equal(rows, np.flatnonzero(distances <= distances[rows].max()))
        assert 64 <= len(rows) < 3000


def test_a_threshold_is_not_moved_where_classes_would_meet():
    """The gap that holds the threshold is the only one that parts the classes, and the widest is elsewhere."""
    X = np.column_stack([[0.0, 1e-3, 2e-3, 5.0, 9.0], np.zeros(5)])
    hyperplanes = Hyperplanes(np.array([[1, 0]], np.float32), [1e-3 + 1e-15], np.zeros(2), np.zeros(2, np.int16))
    classes = np.array([0, 0, 1, 1, 1], np.int32)
    codes = classes.astype(np.uint64)
    moved, _ = clear(
        hyperplanes, LinearCode.identity(1), codes, SortedCodes(codes), classes, np.array([[1e-15]]), Points(X), 1
    )
    assert codes.tolist() == classes.tolist()
    assert 1e-3 < moved.thresholds[0] < 2e-3
    assert moved.thresholds[0] == pytest.approx(1.5e-3)
