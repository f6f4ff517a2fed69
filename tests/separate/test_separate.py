"""Separation ends on every kind of data, takes few hyperplanes where the optimum is known, and keeps a margin."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from oracles import naive
from sklearn.datasets import load_digits, make_moons

import fastmem
from fastmem import InvalidInput, MarginNotReached
from fastmem.data.points import Points
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import block_starts, signs_and_margins
from fastmem.machine.progress import progress_bar
from fastmem.separate import adaptive, separate
from fastmem.separate.adaptive import Separation
from fastmem.separate.buckets import Buckets
from fastmem.separate.effort import EFFORTS
from fastmem.separate.line import cuts_along
from fastmem.separate.margin import Margin
from fastmem.separate.trim import trim
from fastmem.theory import instances
from fastmem.theory.bounds import hyperplanes_for_cells

EACH_EFFORT = pytest.mark.parametrize("effort", EFFORTS)
EITHER_WAY = pytest.mark.parametrize("by", ["labels", "all"])


def memorized(X, y, **options):
    net = fastmem.memorize(X, y, random_state=0, **options)
    assert np.array_equal(net.predict(X), y)
    return net


@pytest.fixture
def little_trimming(monkeypatch):
    """Every effort trims as it does, but for a tenth of a second at most."""
    for name, effort in EFFORTS.items():
        short = dataclasses.replace(effort, trimming=min(effort.trimming, 1e8), trimming_a_point=0.0)
        monkeypatch.setitem(EFFORTS, name, short)


def random_labels(n, classes=2):
    return np.random.default_rng(n).integers(0, classes, n)


def test_a_line_takes_one_hyperplane_per_change_of_label():
    x = np.random.default_rng(0).permutation(np.arange(2000.0))
    y = x.astype(int) % 2
    assert memorized(x[:, None], y).n_hyperplanes == 1999
    assert memorized(x[:, None], (x > 700).astype(int)).n_hyperplanes == 1
    assert memorized(x[:, None], np.zeros(2000), separate="all").n_hyperplanes == 1999


def test_thresholds_on_the_line_split_neighbours_one_ulp_apart():
    x = np.array([1.0, np.nextafter(1.0, 2), np.nextafter(0.0, 1), 0.0, 1e308, -1e308])
    thresholds = cuts_along(x, np.arange(6, dtype=np.int32))
    assert len(thresholds) == 5
    assert len(np.unique((x[:, None] >= thresholds).sum(axis=1))) == 6


def test_circle_with_alternating_labels_is_near_its_optimum():
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    net = memorized(np.column_stack([np.cos(t), np.sin(t)]), np.arange(200) % 2)
    # A line meets the circle at most twice, and each of the 200 neighbouring pairs must be cut.
    assert 100 <= net.n_hyperplanes <= 105


def test_digits_take_few_hyperplanes():
    digits = load_digits()
    m = memorized(digits.data, digits.target, separate="all").n_hyperplanes
    assert hyperplanes_for_cells(len(digits.data), 64) <= m <= 26


def test_natural_labels_of_two_moons_take_tens_of_hyperplanes():
    X, y = make_moons(20_000, noise=0.05, random_state=0)
    assert memorized(X, y).n_hyperplanes < 40


@EITHER_WAY
@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(lambda X: X + 1e8, id="far from the origin"),
        pytest.param(lambda X: X * 10.0 ** np.linspace(-30, 30, X.shape[1]), id="wildly scaled columns"),
        pytest.param(lambda X: X * np.where(np.arange(X.shape[1]) == 2, 1e300, 1e-300), id="extreme columns"),
        pytest.param(lambda X: np.where(np.arange(X.shape[1]) % 10 == 0, X, 0.1), id="constant columns"),
        pytest.param(lambda X: X * 5e-324 * 1e6, id="subnormal"),
        pytest.param(lambda X: np.sign(X) * np.finfo(float).max / np.where(X > 1, 2, 1), id="largest numbers"),
        pytest.param(lambda X: X[:, :5] * 2.0**1020, id="large numbers"),
        pytest.param(lambda X: np.where(np.arange(X.shape[1]) == 3, -np.finfo(float).max, X), id="constant sentinel"),
        pytest.param(lambda X: np.where(X > 2, 1e25, X), id="sentinel cells"),
        pytest.param(lambda X: np.round(X), id="grid"),
        pytest.param(lambda X: X[:, :1] * np.arange(1, X.shape[1] + 1), id="collinear"),
        pytest.param(lambda X: X * 1e-3 + np.repeat(X[:50], 8, axis=0), id="clusters"),
    ],
)
def test_separation_ends_on_hard_data(transform, by):
    X = transform(np.random.default_rng(3).standard_normal((400, 20)))
    _, first = np.unique(X, axis=0, return_inverse=True)
    memorized(X, random_labels(len(X), 3)[first.ravel()], separate=by)


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(lambda X: X, id="as they are"),
        pytest.param(lambda X: np.concatenate([X, np.full((1, 8), 1e20)]), id="with an outlier"),
        pytest.param(lambda X: X * [1, 1, 1, 1, 1e300, 1e-300, 1e150, 1e-150], id="with columns of any scale"),
        pytest.param(lambda X: X + np.array([0, 0, 1e15, 0, 0, 0, -1e9, 0]), id="with columns far from the origin"),
        pytest.param(lambda X: np.column_stack([X, np.full((2000, 30), 0.1)]), id="among constant columns"),
        pytest.param(lambda X: X @ np.random.default_rng(0).standard_normal((8, 40)), id="in a subspace"),
    ],
)
def test_2000_points_in_8_dimensions_take_few_hyperplanes(transform):
    X = transform(np.random.default_rng(12).standard_normal((2000, 8)))
    assert memorized(X, random_labels(len(X)), separate="all").n_hyperplanes < 45


def test_hundreds_of_thousands_of_points_on_a_line_end_soon():
    """One sign at a time, 4e10 of them would take minutes."""
    x = np.random.default_rng(13).standard_normal((200_000, 1))
    assert memorized(x, random_labels(200_000)).n_hyperplanes > 90_000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_points_one_ulp_apart_are_told_apart(dtype):
    rng = np.random.default_rng(4)
    A = rng.standard_normal((150, 5)).astype(dtype)
    B = A.copy()
    rows, columns = np.arange(150), rng.integers(0, 5, 150)
    B[rows, columns] = np.nextafter(B[rows, columns], np.inf).astype(dtype)
    memorized(np.concatenate([A, B]), np.repeat([0, 1], 150))


def test_duplicates_are_one_point():
    X = np.random.default_rng(5).standard_normal((100, 4))
    y = random_labels(100)
    net = memorized(np.tile(X, (5, 1)), np.tile(y, 5), separate="all")
    assert len(np.unique(net.codes(X))) == 100
    assert net.n_told_apart == 100


def test_more_columns_than_points():
    X = np.random.default_rng(6).standard_normal((60, 2000))
    memorized(X, random_labels(60), separate="all")


def test_a_rare_class_is_found():
    X = np.random.default_rng(7).standard_normal((30_000, 4))
    y = np.zeros(30_000, int)
    y[[11, 20_222]] = 1
    assert memorized(X, y).n_hyperplanes < 40


def test_all_separated_points_have_different_codes():
    X = np.random.default_rng(8).standard_normal((3000, 3))
    net = memorized(X, np.zeros(3000), separate="all")
    assert net.n_hyperplanes > 62
    assert len(np.unique(net.codes(X))) == 3000


def test_a_round_that_splits_nothing_is_followed_by_one_that_does(monkeypatch):
    """Termination does not rest on the search: here every searched hyperplane is useless."""
    from fastmem.separate.sample import Candidate

    def useless(sample, *_):
        weights = np.zeros(sample.d, np.float32)
        return Candidate(weights, 1.0, 1e9, sample.X[:, 0] >= np.median(sample.X[:, 0]))

    def remembered(self, sample, only_bisect):
        stalled.add(only_bisect)
        return best(self, sample, only_bisect)

    best, stalled = adaptive.Moves.best, set()
    monkeypatch.setattr(adaptive, "whitened_gaussian_move", useless)
    monkeypatch.setattr(adaptive, "midpoint_move", useless)
    monkeypatch.setattr(adaptive.Moves, "_drawn", lambda self, sample: ["gaussian", "midpoint"])
    monkeypatch.setattr(adaptive.Moves, "best", remembered)
    X = np.random.default_rng(9).standard_normal((200, 3))
    y = random_labels(200).astype(np.int32)
    hyperplanes = separate(Points(X), y, np.random.default_rng(0), effort="fast").hyperplanes
    assert np.array_equal(np.count_nonzero(hyperplanes.weights, axis=1), np.ones(hyperplanes.m))
    signs = hyperplanes.signs_of_block(Points(X).block(0, 200))
    _, cells = np.unique(signs, axis=0, return_inverse=True)
    assert all(len(set(y[cells.ravel() == cell])) == 1 for cell in range(cells.max() + 1))
    assert stalled == {False, True}


# Efforts


def of(instance, y=None):
    return instance.X, instance.y if y is None else y


def points_of_several_rows():
    X = np.random.default_rng(14).integers(0, 4, (600, 4)).astype(float)
    return X, np.unique(X, axis=0, return_inverse=True)[1].ravel()


KINDS = {
    "digits": lambda: load_digits(return_X_y=True),
    "sphere": lambda: of(instances.sphere(2000, 8, random_state=0), np.arange(2000)),
    "circle": lambda: of(instances.circle(200)),
    "moment curve": lambda: of(instances.moment_curve(300, 6)),
    "square": lambda: of(instances.square(500, random_state=0), np.arange(500)),
    "grid": lambda: of(instances.grid(6, 3, random_state=0), np.arange(216)),
    "tight pairs": lambda: of(instances.tight_pairs(300, 8, random_state=0)),
    "moons": lambda: make_moons(2000, noise=0.05, random_state=0),
    "duplicates": points_of_several_rows,
    "line": lambda: (np.random.default_rng(15).standard_normal((300, 1)), random_labels(300)),
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def separated(X, y, effort, seed=0, **options):
    return separate(Points(X), y.astype(np.int32), np.random.default_rng(seed), effort=effort, **options)


def exact_signs(hyperplanes, X):
    words = hyperplanes.signs_of_block(Points(X).block(0, len(X)))
    return naive.unpack_bits(words, hyperplanes.m)


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@EACH_KIND
def test_points_of_different_classes_differ_in_a_sign(kind, effort):
    X, y = KINDS[kind]()
    hyperplanes = separated(X, y, effort).hyperplanes
    signs = exact_signs(hyperplanes, X)
    some = np.random.default_rng(0).permutation(len(X))[:20]
    assert np.array_equal(signs[some], naive.signs(X[some], hyperplanes.weights, hyperplanes.thresholds))
    cells = np.unique(signs, axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.column_stack([cells, y]), axis=0)
    assert len(pairs) == len(np.unique(cells))


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@EACH_KIND
def test_codes_that_come_with_hyperplanes_are_their_signs(kind, effort):
    X, y = KINDS[kind]()
    separation = separated(X, y, effort)
    if separation.hyperplanes.m > MAX_BITS or X.shape[1] == 1:
        assert separation.codes is None
    else:
        signs = exact_signs(separation.hyperplanes, X)
        assert np.array_equal(naive.unpack_bits(separation.codes[:, None], separation.hyperplanes.m), signs)


@pytest.mark.usefixtures("little_trimming")
@pytest.mark.parametrize("effort", ["fast", "balanced"])
@pytest.mark.parametrize("margin", [0.0, 1e-4])
def test_separation_depends_on_the_seed_and_not_on_threads(effort, margin):
    X = np.random.default_rng(16).standard_normal((20_000, 30))  # more than one block of rows
    y = random_labels(len(X))
    once, again, other = (
        separated(X, y, effort, seed, margin=margin, n_threads=n_threads)
        for seed, n_threads in [(0, 1), (0, 2), (1, 1)]
    )
    assert np.array_equal(once.hyperplanes.weights, again.hyperplanes.weights)
    assert np.array_equal(once.hyperplanes.thresholds, again.hyperplanes.thresholds)
    assert np.array_equal(once.codes, again.codes)
    assert not np.array_equal(once.hyperplanes.weights, other.hyperplanes.weights)


# Most hyperplanes for each effort, above what several seeds took.
@pytest.mark.parametrize(
    ("kind", "effort", "most"),
    [
        ("circle", "fast", 105),
        ("circle", "balanced", 100),
        ("circle", "small", 100),
        ("sphere", "balanced", 28),
        ("moons", "balanced", 7),
        ("moons", "small", 5),
        ("digits", "fast", 22),
        ("digits", "balanced", 18),
        ("digits", "small", 14),
    ],
)
def test_more_effort_takes_few_hyperplanes(kind, effort, most):
    X, y = KINDS[kind]()
    assert separated(X, y, effort).hyperplanes.m <= most


@pytest.mark.parametrize("effort", ["balanced", "small"])
def test_a_moment_curve_is_separated_near_its_optimum(effort):
    instance = instances.moment_curve(400, 8)
    assert instance.optimum <= separated(*of(instance), effort).hyperplanes.m <= instance.optimum + 4


@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_a_grid_is_separated_along_its_axes(effort):
    instance = instances.grid(8, 3, random_state=0)
    assert separated(instance.X, np.arange(512), effort).hyperplanes.m == 3 * 7


def test_a_rotated_grid_takes_hardly_more_than_an_upright_one():
    instance = instances.grid(8, 3, rotated=True, random_state=0)
    assert separated(instance.X, np.arange(512), "balanced").hyperplanes.m <= 3 * 7 + 3


def trimmed(separation, X, y, work, seed=0):
    with progress_bar(False, separation.hyperplanes.m, "trimming") as bar:
        return trim(*separation, Points(X), y.astype(np.int32), work, None, np.random.default_rng(seed), 1, bar)


@pytest.mark.parametrize("kind", ["digits", "sphere", "moons", "grid", "tight pairs"])
def test_trimming_leaves_fewer_hyperplanes_that_still_separate(kind):
    X, y = KINDS[kind]()
    separation = separated(X, y, "balanced")
    hyperplanes, codes, *_ = trimmed(separation, X, y, 2e8)
    assert hyperplanes.m <= separation.hyperplanes.m
    if kind not in ("grid", "moons"):  # which are at their optimum, or nearly, before
        assert hyperplanes.m < separation.hyperplanes.m
    assert np.array_equal(naive.unpack_bits(codes[:, None], hyperplanes.m), exact_signs(hyperplanes, X))
    order = np.lexsort((y, codes))
    same = codes[order][1:] == codes[order][:-1]
    assert np.array_equal(y[order][1:][same], y[order][:-1][same])


@pytest.mark.parametrize("n", [2000, 100_000])
def test_trimming_keeps_the_one_hyperplane_that_parts_a_rare_point(n):
    """Pairs are drawn where they are many, and hardly one holds the rare point."""
    X = np.random.default_rng(28).standard_normal((n, 2))
    X[0] = 9
    y = (np.arange(n) == 0).astype(np.int32)
    thresholds = np.array([8.0, 0.0, 1.0])
    hyperplanes = Hyperplanes(np.eye(2)[[0, 1, 1]], thresholds, np.zeros(2), np.zeros(2, np.int16))
    codes = naive.pack_bits(X[:, [0, 1, 1]] >= thresholds)[:, 0]
    margins = np.abs(X[:, [0, 1, 1]] - thresholds).min(axis=0) / 2 * np.ones((len(block_starts(n, 2)) - 1, 1))
    hyperplanes, codes, *_ = trimmed(Separation(hyperplanes, codes, margins), X, y, 1e9)
    assert hyperplanes.m >= 1
    assert np.array_equal(naive.unpack_bits(codes[:, None], hyperplanes.m), exact_signs(hyperplanes, X))
    assert np.count_nonzero(codes == codes[0]) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_few_rare_points_among_many_are_parted_after_trimming(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((50_000, 4)), np.zeros(50_000, int)
    y[rng.choice(50_000, 3, replace=False)] = 1
    memorized(X, y, effort="small")


def test_trimming_without_work_returns_what_it_was_given():
    X, y = KINDS["digits"]()
    separation = separated(X, y, "fast")
    hyperplanes, codes, *_ = trimmed(separation, X, y, 0.0)
    assert np.array_equal(hyperplanes.weights, separation.hyperplanes.weights)
    assert np.array_equal(hyperplanes.thresholds, separation.hyperplanes.thresholds)
    assert np.array_equal(codes, separation.codes)


@pytest.mark.parametrize("seed", range(12))
def test_a_few_far_points_are_trimmed(seed):
    """At some time no two points at all share their signs."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((16, 20))
    X = np.concatenate([X, np.nextafter(X, np.inf)]) if seed % 2 else X
    memorized(X, np.arange(len(X)), effort="small")


@pytest.mark.parametrize("effort", ["none", "Fast", "", None, 1, True, ["fast"]])
def test_an_effort_that_does_not_exist_is_refused_by_name(effort):
    with pytest.raises(InvalidInput, match="effort"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], effort=effort)


# Hard cases, named by the people who met them


@EITHER_WAY
def test_20000_points_on_a_line_take_19999_thresholds(by):
    x = np.random.default_rng(17).permutation(np.arange(20_000.0))
    net = memorized(x[:, None], x.astype(int) % 2, separate=by)
    assert net.n_hyperplanes == 19_999


@pytest.mark.parametrize("direction", [(1.0, 2.0, -3.0), (1.0, 0.0, 0.0), (0.3125, -0.6875, 1.125)])
def test_points_on_a_line_in_space_take_little_more_than_one_hyperplane_each(direction):
    x = np.random.default_rng(18).permutation(np.arange(1500.0))
    net = memorized(x[:, None] * np.array(direction), x.astype(int) % 2, effort="fast")
    assert 1499 <= net.n_hyperplanes <= 1520


def test_points_that_rounding_moves_off_a_line_take_no_more_hyperplanes_than_on_it():
    x = np.random.default_rng(18).permutation(np.arange(1500.0))
    net = memorized(x[:, None] * np.array([0.3, -0.7, 1.1]), x.astype(int) % 2, effort="fast")
    assert net.n_hyperplanes <= 1520


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pairs_one_ulp_apart_are_parted_with_each_effort(dtype, effort):
    rng = np.random.default_rng(19)
    A = rng.standard_normal((40, 4)).astype(dtype)
    B = A.copy()
    rows, columns = np.arange(40), rng.integers(0, 4, 40)
    B[rows, columns] = np.nextafter(B[rows, columns], np.array(-9, dtype))
    memorized(np.concatenate([A, B]), np.repeat([0, 1], 40), effort=effort)


@pytest.mark.parametrize("effort", ["fast", "balanced"])
@EITHER_WAY
def test_a_cluster_at_a_thousand_places_is_memorized(effort, by):
    rng = np.random.default_rng(20)
    cluster, places = rng.standard_normal((20, 5)), 100 * rng.standard_normal((1000, 5))
    X = (places[:, None] + cluster).reshape(-1, 5)
    net = memorized(X, np.tile(rng.integers(0, 2, 20), 1000), effort=effort, separate=by)
    assert net.n_hyperplanes < 1500


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@EITHER_WAY
def test_a_thousand_copies_of_20_points_are_20_points(effort, by):
    X = np.random.default_rng(21).standard_normal((20, 5))
    net = memorized(np.tile(X, (1000, 1)), np.tile(random_labels(20), 1000), effort=effort, separate=by)
    assert net.n_hyperplanes <= 10


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@EITHER_WAY
def test_integer_images_of_mostly_constant_columns_are_memorized(effort, by):
    rng = np.random.default_rng(22)
    X = np.zeros((1000, 200), np.uint8)
    X[:, 150:] = 255
    X[:, 100:120] = rng.integers(0, 256, (1000, 20))
    net = memorized(X, rng.integers(0, 10, 1000), effort=effort, separate=by, columns="all")
    assert net.n_hyperplanes <= 24


@pytest.mark.usefixtures("little_trimming")
@EACH_EFFORT
@EITHER_WAY
@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_one_column_of_another_scale_costs_little(effort, by, scale):
    X = np.random.default_rng(23).standard_normal((1000, 6))
    X[:, 2] *= scale
    assert memorized(X, random_labels(1000), effort=effort, separate=by).n_hyperplanes <= 40


# Margins


def constant_columns():
    X = np.random.default_rng(24).standard_normal((400, 20))
    return np.where(np.arange(20) % 5 == 0, X, 0.1), random_labels(400)


def whole_numbers():
    return np.random.default_rng(25).integers(0, 10, (500, 8)), random_labels(500, 3)


WITH_MARGIN = {
    "digits": (KINDS["digits"], 0.02),
    "sphere": (lambda: of(instances.sphere(2000, 16, random_state=0)), 1e-3),
    "moons": (KINDS["moons"], 1e-3),
    "line": (lambda: (np.arange(300.0)[:, None], random_labels(300)), 0.25),
    "constant columns": (constant_columns, 1e-3),
    "whole numbers": (whole_numbers, 0.1),
}
EACH_MARGIN = pytest.mark.parametrize("kind", WITH_MARGIN)


@pytest.mark.usefixtures("little_trimming")
@pytest.mark.parametrize("effort", ["fast", "balanced"])
@EITHER_WAY
@EACH_MARGIN
def test_all_points_keep_the_margin_from_all_hyperplanes(kind, by, effort):
    data, margin = WITH_MARGIN[kind]
    X, y = data()
    margin = margin / 100 if by == "all" else margin  # where near points have one label
    net = memorized(X, y, margin=margin, separate=by, effort=effort)
    assert net.certified_radius(X).min() >= margin


@EACH_MARGIN
def test_noise_below_the_margin_changes_no_label(kind):
    data, margin = WITH_MARGIN[kind]
    X, y = data()
    net = memorized(X, y, margin=margin, effort="fast")
    rng = np.random.default_rng(26)
    rows, noise = rng.integers(0, len(X), 2000), rng.standard_normal((2000, X.shape[1]))
    noise *= margin * (1 - 1e-6) / np.linalg.norm(noise, axis=1, keepdims=True)
    assert np.array_equal(net.predict(X[rows].astype(float) + noise), y[rows])
    # The worst noise: towards the nearest hyperplane.
    layer = net.layers[0]
    weights = np.asarray(layer.weights.toarray(), float)
    lengths = np.linalg.norm(weights, axis=1)
    distances = (X[rows] @ weights.T - layer.thresholds) / lengths
    nearest = np.abs(distances).argmin(axis=1)
    towards = -np.sign(distances[np.arange(2000), nearest])[:, None] * weights[nearest] / lengths[nearest, None]
    assert np.array_equal(net.predict(X[rows] + margin * (1 - 1e-6) * towards), y[rows])


@EACH_MARGIN
@pytest.mark.parametrize("times", [300, 1e6])
def test_a_margin_too_large_is_refused_with_the_largest_found(kind, times):
    data, margin = WITH_MARGIN[kind]
    X, y = data()
    with pytest.raises(MarginNotReached, match="margin") as error:
        fastmem.memorize(X, y, margin=times * margin, effort="fast", random_state=0)
    assert error.value.margin == times * margin
    assert 0 <= error.value.largest < times * margin


@pytest.mark.parametrize("kind", ["sphere", "line"])
def test_half_of_the_largest_margin_found_is_kept(kind):
    """No promise, since `largest` is one hyperplane's, but so it is on data like these."""
    data, margin = WITH_MARGIN[kind]
    X, y = data()
    with pytest.raises(MarginNotReached) as error:
        fastmem.memorize(X, y, margin=300 * margin, effort="fast", random_state=0)
    half = error.value.largest / 2
    assert half > 0
    assert memorized(X, y, margin=half, effort="fast").certified_radius(X).min() >= half


@pytest.mark.parametrize("scale", [5e-320, 1e-300, 1e-9])
def test_margins_out_of_all_proportion_to_the_points_are_not_tried_one_by_one(scale, monkeypatch):
    """Halved from what is asked for down to the points, they would be a thousand."""

    def counted(self, weights, threshold):
        tried.append(self.margin)
        return clear(self, weights, threshold)

    tried, clear = [], Margin.clear
    monkeypatch.setattr(Margin, "clear", counted)
    X, margin = np.random.default_rng(14).standard_normal((60, 4)) * scale, 1e-3
    with pytest.raises(MarginNotReached) as error:
        fastmem.memorize(X, random_labels(60), margin=margin, effort="fast", random_state=0)
    assert len(tried) < 20
    assert all(size == margin or size < 15 * scale for size in tried)
    assert 0.05 * scale < error.value.largest < scale


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("scale", [1e-322, 1e-300, 1.0, 1e200, 1e307])
def test_no_two_points_are_further_apart_than_the_diagonal_around_them(scale, offset):
    X = np.random.default_rng(29).uniform(-1, 1, (3000, 3)) * scale + offset * (np.arange(3) == 1)
    X[:2] = [[-scale, 0, -scale], [scale, 0, scale]]
    diagonal = Margin(Points(X), 1.0, 2).diagonal()
    distances = [math.dist(X[0], x) for x in X]
    assert max(distances) <= diagonal <= np.sqrt(3) * np.ptp(X, axis=0).max() * (1 + 1e-15) + 5e-324


@pytest.mark.parametrize("margin", [-1, -1e-300, np.nan, np.inf, -np.inf, "0.1", True, None, [0.1], 1j])
def test_a_margin_that_is_no_distance_is_refused_by_name(margin):
    with pytest.raises(InvalidInput, match="margin"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], margin=margin)


@pytest.mark.parametrize("margin", [0, 0.0, np.float32(0), np.int64(0)])
def test_no_margin_is_the_default(margin):
    X = np.random.default_rng(27).standard_normal((500, 4))
    y = random_labels(500)
    assert memorized(X, y, margin=margin, effort="fast") == memorized(X, y, effort="fast")


def test_a_margin_kept_anyway_changes_nothing_on_the_line():
    X, y = WITH_MARGIN["line"][0]()
    assert memorized(X, y, margin=0.25) == memorized(X, y)


# Parts


def test_hyperplanes_are_drawn_ahead_where_a_sample_is_separated_before_all_points_are(monkeypatch):
    def counted(self, points, classes, m):
        drawn.append((m, ahead(self, points, classes, m)))
        return drawn[-1][1]

    ahead, drawn = adaptive.Rounds._ahead, []
    monkeypatch.setattr(adaptive.Rounds, "_ahead", counted)
    X = np.random.default_rng(31).standard_normal((70_000, 48)).astype(np.float32)
    separation = separated(X, random_labels(len(X)), "fast")
    m, hyperplanes = drawn[0]
    assert hyperplanes.m == max(17 - m, 0)  # 2^17 cells are enough for 70 000 points
    for _, hyperplanes in drawn:
        above = exact_signs(hyperplanes, X).mean(axis=0)
        assert np.all((above > 0.4) & (above < 0.6))
    assert len(drawn) <= 2  # what is left may be looked at in the same way once more
    assert separation.hyperplanes.m < 35


@pytest.mark.parametrize("n_threads", [1, 2])
def test_margins_of_blocks_bound_the_distances_of_their_points_and_show_where_the_nearest_are(n_threads):
    X = np.random.default_rng(30).standard_normal((50_000, 3)).astype(np.float32)
    weights = np.array([[1, 0, 0], [1, -1, 2], [3, 1, 1]], np.float32)
    thresholds = np.array([0.1, 0.0, 9.0])
    hyperplanes = Hyperplanes(weights, thresholds, np.zeros(3), np.zeros(3, np.int16))
    signs, margins = signs_and_margins(hyperplanes, Points(X), n_threads)
    assert np.array_equal(signs, naive.pack_bits(exact_signs(hyperplanes, X))[:, 0])
    starts = block_starts(50_000, 3)
    assert margins.shape == (len(starts) - 1, 3)
    values = np.abs(X.astype(float) @ weights.T.astype(float) - thresholds)
    nearest = np.minimum.reduceat(values, starts[:-1])
    assert np.all(margins <= nearest * (1 + 1e-12))
    assert np.all(margins.min(axis=0) >= nearest.min(axis=0) / 2)


def test_refining_closes_exactly_the_buckets_of_one_class():
    rng = np.random.default_rng(10)
    classes = rng.integers(0, 3, 300).astype(np.int32)
    buckets, signs = Buckets(classes), np.zeros((300, 0), int)
    while buckets.n_buckets:
        new = rng.integers(0, 2, (300, 2))
        signs = np.concatenate([signs, new], axis=1)
        codes = (new @ [1, 2]).astype(np.uint64)[buckets.rows]
        before = buckets.n_buckets
        split = buckets.refine(codes)
        _, cells = np.unique(signs, axis=0, return_inverse=True)
        cells = cells.ravel()
        open_cells = [c for c in range(cells.max() + 1) if len(set(classes[cells == c])) > 1]
        assert set(buckets.rows) == set(np.flatnonzero(np.isin(cells, open_cells)))
        assert buckets.n_buckets == len(open_cells)
        for start, stop in zip(buckets.starts[:-1], buckets.starts[1:], strict=True):
            assert len(set(cells[buckets.rows[start:stop]])) == 1
            assert np.all(np.diff(classes[buckets.rows[start:stop]]) >= 0)
        assert split or buckets.n_buckets <= before


def test_a_sample_holds_points_that_must_differ_from_every_bucket_it_draws_on():
    rng = np.random.default_rng(11)
    classes = (rng.random(5000) < 0.001).astype(np.int32)
    buckets = Buckets(classes)
    buckets.refine((rng.integers(0, 4, 5000).astype(np.uint64))[buckets.rows])
    rows, starts, sizes = buckets.sample(64, rng)
    assert 2 <= len(rows) <= 80
    assert len(np.unique(rows)) == len(rows)
    assert np.all(sizes >= np.diff(starts))
    for start, stop in itertools.pairwise(starts):
        assert classes[rows[start]] != classes[rows[stop - 1]]


def test_a_linear_code_is_drawn_again_when_codes_collide(monkeypatch):
    t = np.linspace(0, 2 * np.pi, 300, endpoint=False)
    X, y = np.column_stack([np.cos(t), np.sin(t)]), np.arange(300) % 2
    draw, attempts = LinearCode.draw.__func__, []

    def colliding_first(cls, m, n, random_state, attempt=0):
        attempts.append(attempt)
        return draw(cls, m, n, random_state, attempt) if attempt else cls(np.zeros(m, np.uint64), 30)

    monkeypatch.setattr(LinearCode, "draw", classmethod(colliding_first))
    memorized(X, y)
    assert attempts == [0, 1]


@pytest.mark.parametrize(
    ("n", "d", "least"), [(1, 5, 0), (2, 1, 1), (1000, 64, 10), (1000, 1, 999), (4, 2, 2), (5, 2, 3)]
)
def test_fewest_hyperplanes_whose_cells_suffice(n, d, least):
    assert hyperplanes_for_cells(n, d) == least


# So with other seeds too: the points keep a thousandth of their scale, and never more than they are apart.
@pytest.mark.parametrize("scale", [5e-320, 1e-300, 1e300])
@pytest.mark.parametrize("margin", ["a thousandth of the scale", 1e-9, 1.0])
def test_margins_of_extreme_data_are_kept_or_refused(scale, margin):
    X = np.random.default_rng(14).standard_normal((60, 4)) * scale
    margin = 1e-3 * scale if isinstance(margin, str) else margin
    if margin < scale:
        net = memorized(X, random_labels(60), margin=margin, effort="fast")
        assert net.certified_radius(X).min() >= margin
    else:
        with pytest.raises(MarginNotReached) as error:
            fastmem.memorize(X, random_labels(60), margin=margin, effort="fast", random_state=0)
        assert error.value.margin == margin
        assert 0.05 * scale < error.value.largest < scale


@pytest.mark.parametrize("scale", [1.0, 1.7e308, 1e-300])
@pytest.mark.parametrize("leave", [0, 1, 7, 30])
def test_hardly_more_points_are_left_together_than_may_be(leave, scale):
    rng = np.random.default_rng(31)
    X = np.repeat(rng.uniform(-1, 1, (30, 20)), 4, axis=0) * scale
    X[1::4, 3], X[2::4, 5], X[3::4, 7] = (np.nextafter(X[i::4, 2 * i + 1], np.inf) for i in (1, 2, 3))
    classes = np.arange(len(X), dtype=np.int32)
    separation = separate(Points(X), classes, rng, leave=leave, effort="fast")
    cells = np.unique(separation.hyperplanes.signs(Points(X)), axis=0, return_inverse=True)[1].ravel()
    together = np.count_nonzero(np.bincount(cells)[cells] > 1)
    assert together <= leave


def test_only_points_of_one_number_are_told_apart_where_that_is_asked_for():
    rng = np.random.default_rng(32)
    X, together = rng.standard_normal((300, 5)), np.repeat(np.arange(150), 2)
    separation = separate(Points(X), np.arange(300, dtype=np.int32), rng, together=together)
    signs = separation.hyperplanes.signs(Points(X))[:, 0]
    assert np.all(signs[0::2] != signs[1::2])
    assert separation.hyperplanes.m < 16
