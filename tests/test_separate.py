"""Separation ends on every kind of data, and takes few hyperplanes where the optimum is known."""

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_moons

import fastmem
from fastmem.encoder import LinearCode
from fastmem.points import Points
from fastmem.separate import separate
from fastmem.separate.adaptive import separate_line
from fastmem.separate.buckets import Buckets
from fastmem.theory.bounds import hyperplanes_for_cells


def memorized(X, y, **options):
    net = fastmem.memorize(X, y, random_state=0, **options)
    assert np.array_equal(net.predict(X), y)
    return net


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
    thresholds = separate_line(x, np.arange(6, dtype=np.int32))
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


@pytest.mark.parametrize("by", ["labels", "all"])
@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(lambda X: X + 1e8, id="far from the origin"),
        pytest.param(lambda X: X * 10.0 ** np.linspace(-30, 30, X.shape[1]), id="wildly scaled columns"),
        pytest.param(lambda X: X * np.where(np.arange(X.shape[1]) == 2, 1e300, 1e-300), id="extreme columns"),
        pytest.param(lambda X: np.where(np.arange(X.shape[1]) % 10 == 0, X, 0.1), id="constant columns"),
        pytest.param(lambda X: X * 5e-324 * 1e6, id="subnormal"),
        pytest.param(lambda X: np.sign(X) * np.finfo(float).max / np.where(X > 1, 2, 1), id="largest numbers"),
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
    from fastmem.separate import adaptive
    from fastmem.separate.sample import Candidate

    def useless(sample, *_):
        weights = np.zeros(sample.d, np.float32)
        return Candidate(weights, 1.0, 1e9, sample.X[:, 0] >= np.median(sample.X[:, 0]))

    monkeypatch.setattr(adaptive, "whitened_gaussian_move", useless)
    monkeypatch.setattr(adaptive, "midpoint_move", useless)
    monkeypatch.setattr(adaptive.Moves, "_drawn", lambda self: ["gaussian", "midpoint"])
    X = np.random.default_rng(9).standard_normal((200, 3))
    y = random_labels(200).astype(np.int32)
    hyperplanes = separate(Points(X), y, np.random.default_rng(0))
    assert np.array_equal(np.count_nonzero(hyperplanes.weights, axis=1), np.ones(hyperplanes.m))
    signs = hyperplanes.signs_of_block(Points(X), 0, 200)
    _, cells = np.unique(signs, axis=0, return_inverse=True)
    assert all(len(set(y[cells.ravel() == cell])) == 1 for cell in range(cells.max() + 1))


def test_refining_closes_exactly_the_buckets_of_one_class():
    rng = np.random.default_rng(10)
    classes = rng.integers(0, 3, 300).astype(np.int32)
    buckets, signs = Buckets(classes), np.zeros((300, 0), int)
    while buckets.n_buckets:
        new = rng.integers(0, 2, (300, 2))
        signs = np.concatenate([signs, new], axis=1)
        codes = (new @ [1, 2]).astype(np.uint64)[buckets.rows]
        before = buckets.n_buckets
        split = buckets.refine(codes, 2)
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
    buckets.refine((rng.integers(0, 4, 5000).astype(np.uint64))[buckets.rows], 2)
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
