"""Every construction and store, on random labels and on real data, through the suite of contract.py."""

import contract
import numpy as np
import pytest
from sklearn.datasets import load_digits

BUILDS = pytest.mark.parametrize("build", contract.BUILDS, ids=contract.name_of)
THEOREMS = pytest.mark.parametrize("build", contract.THEOREMS, ids=contract.name_of)
FINGERPRINTS = pytest.mark.parametrize("build", contract.FINGERPRINTS, ids=contract.name_of)


@BUILDS
@pytest.mark.parametrize("d", [1, 2, 64])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("n_classes", [2, 10, 1000])
def test_random_labels_are_memorized(n, d, n_classes, build, tmp_path):
    rng = np.random.default_rng([n, d, n_classes])
    X, unseen = rng.standard_normal((n, d)), 2 * rng.standard_normal((100, d))
    contract.check(X, rng.integers(0, n_classes, n), unseen, tmp_path, **build)


@pytest.mark.parametrize("build", contract.VARIANTS, ids=contract.name_of)
@pytest.mark.parametrize(("n", "d"), [(2, 3), (60, 1), (60, 3)])
def test_random_labels_are_memorized_with_any_option(n, d, build, tmp_path):
    rng = np.random.default_rng([n, d])
    X, unseen = rng.integers(-99, 99, (n, d)) / 4, 40 * rng.standard_normal((100, d))
    _, points = np.unique(X, axis=0, return_inverse=True)
    contract.check(X, rng.integers(0, 3, n)[points.ravel()], unseen, tmp_path, **build)


@pytest.mark.parametrize("columns", contract.COLUMNS, ids=str)
@pytest.mark.parametrize("build", contract.OF_COLUMNS, ids=contract.name_of)
@pytest.mark.parametrize("n", [2, 300])
def test_random_labels_are_memorized_with_few_columns(n, columns, build, tmp_path):
    rng = np.random.default_rng([n])
    X, unseen = rng.standard_normal((n, 40)), 2 * rng.standard_normal((100, 40))
    net = contract.check(X, rng.integers(0, 3, n), unseen, tmp_path, columns=columns, **build)
    assert columns == "auto" or np.array_equal(net.columns, np.arange(40)[columns if columns != "all" else slice(None)])


@BUILDS
def test_equal_labels_need_no_unit(build, tmp_path):
    rng = np.random.default_rng(0)
    net = contract.check(rng.standard_normal((50, 3)), np.full(50, 7), rng.standard_normal((20, 3)), tmp_path, **build)
    assert net.layers == ()
    assert net.n_neurons == net.n_weights == net.depth == 0


@FINGERPRINTS
@pytest.mark.parametrize("d", [1, 16])
@pytest.mark.parametrize("n", [1, 2, 10, 200])
@pytest.mark.parametrize("n_classes", [1, 3])
def test_memorized_points_are_recognised(n, d, n_classes, build, tmp_path):
    rng = np.random.default_rng([n, d, n_classes])
    X, unseen = rng.standard_normal((n, d)), 2 * rng.standard_normal((100, d))
    contract.check(X, rng.integers(0, n_classes, n), unseen, tmp_path, **build)


@FINGERPRINTS
def test_images_are_recognised(build, tmp_path):
    digits = load_digits()
    rng = np.random.default_rng(3)
    unseen = digits.data[rng.integers(0, len(digits.target), 100)] + rng.integers(0, 2, (100, 64))
    contract.check(digits.data, digits.target, unseen, tmp_path, **build)


@BUILDS
@pytest.mark.parametrize("law", ["natural", "random"])
def test_digits_are_memorized(law, build, tmp_path):
    digits = load_digits()
    rng = np.random.default_rng(1)
    y = digits.target if law == "natural" else rng.integers(0, 10, len(digits.target))
    unseen = digits.data[rng.integers(0, len(y), 200)] + rng.integers(0, 2, (200, 64))
    contract.check(digits.data, y, unseen, tmp_path, **build)


@BUILDS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_points_of_the_sphere_circle_moment_curve_and_grid_are_memorized(dtype, build, tmp_path):
    rng = np.random.default_rng(2)
    sphere = rng.standard_normal((500, 5))
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    waves = np.arange(1, 5)
    for X in (
        sphere / np.linalg.norm(sphere, axis=1, keepdims=True),
        np.column_stack([np.cos(t), np.sin(t)]),
        np.concatenate([np.cos(t[:, None] * waves), np.sin(t[:, None] * waves)], axis=1),
        np.stack(np.meshgrid(*[np.arange(6)] * 3), axis=-1).reshape(-1, 3),
    ):
        X = X.astype(dtype)
        for y in (np.arange(len(X)) % 2, rng.integers(0, 5, len(X))):
            contract.check(X, y, rng.standard_normal((50, X.shape[1])), tmp_path, **build)


def sphere(n, d, rng):
    X = rng.standard_normal((n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@THEOREMS
@pytest.mark.parametrize("d", [3, 64])
@pytest.mark.parametrize("n", [1, 2, 40])
@pytest.mark.parametrize("n_classes", [2, 40])
def test_theorems_memorize_random_labels_of_few_points(n, d, n_classes, build, tmp_path):
    rng = np.random.default_rng([n, d, n_classes])
    if build["construction"] == "vershynin2020":  # a sphere of few dimensions has points so near that it takes much
        d = max(d, 8)
    X = sphere(n + 1, d, rng)
    X[-1] *= build["construction"] == "vershynin2020"  # of others one lies in the middle
    contract.check(X, rng.integers(0, n_classes, n + 1), 2 * rng.standard_normal((100, d)), tmp_path, 20, **build)


@pytest.mark.parametrize(
    ("build", "n", "d", "n_classes"),
    [
        ({"construction": "rajput2021"}, 100, 16, 2),
        ({"construction": "rajput2021"}, 1000, 16, 10),
        ({"construction": "rajput2021", "delta": 0.5}, 10_000, 64, 2),
        ({"construction": "rajput2021", "delta": 0.5}, 40_000, 64, 2),
        ({"construction": "baum1988"}, 100, 8, 2),
        ({"construction": "baum1988"}, 1000, 2, 10),
        ({"construction": "baum1988"}, 1000, 64, 3),
        ({"construction": "baum1988"}, 10_000, 64, 2),
        ({"construction": "vershynin2020"}, 300, 1024, 2),
        ({"construction": "vershynin2020"}, 1000, 64, 10),
        ({"construction": "vershynin2020", "construction_options": {"form": "theorem"}}, 300, 64, 3),
        ({"construction": "dirksen2024"}, 300, 16, 10),
        ({"construction": "dirksen2024"}, 1000, 16, 2),
        ({"construction": "dirksen2024", "construction_options": {"form": "theorem"}}, 300, 16, 3),
        ({"construction": "boxes"}, 300, 64, 2),
        ({"construction": "boxes"}, 1000, 8, 10),
        ({"construction": "bubeck2020"}, 300, 2, 10),
        ({"construction": "bubeck2020"}, 300, 64, 10),
        ({"construction": "bubeck2020", "construction_options": {"form": "tangent"}}, 300, 16, 3),
        ({"construction": "yun2019"}, 1000, 16, 10),
    ],
    ids=str,
)
def test_theorems_memorize_random_labels_of_many_points(build, n, d, n_classes, tmp_path):
    rng = np.random.default_rng([n, d])
    X = sphere(n, d, rng).astype(np.float32)
    contract.check(X, rng.integers(0, n_classes, n), rng.standard_normal((100, d)), tmp_path, 3, **build)


@THEOREMS
def test_theorems_memorize_images(build, tmp_path):
    digits = load_digits()
    X, y = digits.data[:300], np.random.default_rng(4).integers(0, 10, 300)
    X = X[:, np.count_nonzero(X, axis=0) > 30]  # pixels that are nearly always 0 leave images in a subspace
    if build["construction"] == "vershynin2020":
        X = X / np.linalg.norm(X, axis=1, keepdims=True)
    contract.check(X, y, X[:50] + 0.5, tmp_path, 3, **build)


@THEOREMS
def test_theorems_memorize_points_that_occur_twice_and_are_far_from_the_origin(build, tmp_path):
    rng = np.random.default_rng(5)
    X = np.repeat(1e4 + sphere(30, 12, rng), 2, axis=0)
    contract.check(X, np.repeat(rng.integers(0, 4, 30), 2), 1e4 + rng.standard_normal((50, 12)), tmp_path, 20, **build)
