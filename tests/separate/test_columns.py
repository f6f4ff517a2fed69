"""Which columns are read: few where few tell points apart, all where fewer would cost more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

import fastmem
from fastmem.separate.columns import SAMPLE_ROWS, column_plans, covering_columns
from fastmem.separate.foresight import foresee


def gaussian(n=3000, d=100, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), np.float32)


def bits(n, seed=1):
    return np.random.default_rng(seed).integers(0, 2, n).astype(np.int32)


def all_different(n):
    return np.arange(n, dtype=np.int32)


def plans_of(X, classes, n=None, numbers_a_line=16):
    return column_plans(X[:SAMPLE_ROWS], classes[: min(len(X), SAMPLE_ROWS)], n or len(X), numbers_a_line)


def repeated_parts(n, d, seed=0):
    """Rows of which many differ in one column only."""
    random = np.random.default_rng(seed)
    X = np.repeat(random.standard_normal((n // 2, d), np.float32), 2, axis=0)
    X[1::2][np.arange(n // 2), random.integers(0, d, n // 2)] += 1
    return X


@pytest.mark.parametrize("classes", [bits, all_different])
@pytest.mark.parametrize("d", [64, 784])
def test_of_many_alike_columns_a_cache_line_or_two_are_read(d, classes):
    best, *_ = plans_of(gaussian(d=d), classes(3000), 100_000)
    assert len(best.columns) <= 32
    assert np.array_equal(best.columns, best.columns[0] + np.arange(len(best.columns)))
    assert best.columns[0] % 16 == 0


def test_where_columns_share_no_lines_they_are_scattered():
    X = gaussian(d=64) * np.tile([1.0, 0.1], 32).astype(np.float32)
    best, *_ = plans_of(X, bits(3000), 100_000, numbers_a_line=1)
    assert np.all(best.columns % 2 == 0)


def test_few_columns_separate_digits_with_a_third_of_the_weights():
    from sklearn.datasets import load_digits

    X, _ = load_digits(return_X_y=True)
    y = bits(len(X))
    best, *_ = plans_of(X, y, numbers_a_line=8)
    _, rows = np.unique(X[:, best.columns], axis=0, return_index=True)
    assert len(rows) > len(X) - 10
    few = fastmem.memorize(np.ascontiguousarray(X[rows][:, best.columns]), y[rows], random_state=0)
    every = fastmem.memorize(X, y, random_state=0)
    assert 3 * few.n_hyperplanes * len(best.columns) < every.n_hyperplanes * X.shape[1]
    assert abs(few.n_hyperplanes - best.n_hyperplanes) < 10


def test_later_plans_have_more_columns_and_none_all():
    for X in (gaussian(), gaussian(d=300)):
        plans = plans_of(X, bits(3000), 50_000)
        sizes = [len(plan.columns) for plan in plans]
        assert sizes == sorted(set(sizes))
        assert sizes[-1] < X.shape[1]
        for plan in plans:
            assert plan.columns.dtype == np.int64
            assert np.all(np.diff(plan.columns) > 0)


def test_all_columns_are_read_of_few():
    assert plans_of(gaussian(d=16), bits(3000), 100_000) == []


def test_all_columns_are_read_where_points_differ_in_one():
    X = repeated_parts(4000, 64)[np.random.default_rng(3).permutation(4000)]
    assert plans_of(X, all_different(4000)) == []


def test_all_columns_are_read_where_each_bit_counts():
    X = np.random.default_rng(0).integers(0, 2, (4000, 20)).astype(np.float32)
    assert plans_of(X, all_different(4000), 100_000) == []


def test_all_columns_are_read_where_points_come_in_tight_pairs():
    X = np.repeat(gaussian(1500, 64), 2, axis=0)
    X[1::2] += 1e-4 * gaussian(1500, 64, seed=1)
    assert plans_of(X, all_different(3000), 3000) == []


def test_all_columns_are_read_where_one_hyperplane_over_all_is_enough():
    X = gaussian(d=64)
    towards = np.where(bits(3000) > 0, 1, -1)[:, None].astype(np.float32)
    assert plans_of(X + 0.6 * towards, bits(3000), 100_000) == []
    assert plans_of(X, bits(3000), 100_000)


def test_all_columns_are_read_where_one_tells_the_classes():
    X, y = gaussian(d=400), bits(3000)
    X[:, 300] = 0.1 * y + 0.001 * X[:, 300]
    assert plans_of(X, y, 100_000) == []


def test_all_columns_are_read_where_nothing_is_to_be_told_apart():
    assert plans_of(gaussian(), np.zeros(3000, np.int32)) == []


def test_columns_that_hardly_vary_are_not_chosen():
    X = np.zeros((3000, 400), np.float32)
    places = np.sort(np.random.default_rng(0).permutation(400)[:40])
    X[:, places] = gaussian(d=40)
    X[:, 7] = 1e30
    plans = plans_of(X, bits(3000), 50_000, numbers_a_line=1)
    assert plans
    assert np.isin(plans[0].columns, places).all()


def test_plans_are_the_same_each_time_and_at_every_scale():
    X, y = gaussian(), bits(3000)
    first, again, smaller = (plans_of(part, y, 50_000) for part in (X, X.copy(), X * np.float32(2.0**-60)))
    for others in (again, smaller):
        for plan, other in zip(first, others, strict=True):
            assert np.array_equal(plan.columns, other.columns)
            assert plan[1:] == other[1:]


def odd_points(kind, s, d, random):
    X = random.standard_normal((s, d))
    if kind == "outliers":
        X[random.integers(0, s, 3), random.integers(0, d, 3)] = [1e308, -1e308, 5e-324]
    elif kind == "huge":
        X = X * 1e307
    elif kind == "subnormal":
        X = np.round(X * 1e6) * 5e-324
    elif kind == "scales":
        X = X * 10.0 ** random.uniform(-300, 300, d)
    elif kind == "constant":
        X[:] = X[0]
    elif kind == "one hot":
        X = np.eye(d)[random.integers(0, d, s)]
    elif kind == "one rank":
        X = np.outer(X[:, 0], X[0])
    elif kind == "repeated":
        X = X[random.integers(0, 2, s)]
    return X


@examples(150)
@given(
    st.sampled_from(["outliers", "huge", "subnormal", "scales", "constant", "one hot", "one rank", "repeated"]),
    st.sampled_from([2, 3, 5, 40, 300]), st.sampled_from([17, 20, 33, 130]), st.sampled_from([1, 8, 16]),
    st.integers(0, 1000), st.booleans(),
)  # fmt: skip
def test_odd_points_have_plans_or_none(kind, s, d, numbers_a_line, seed, is_narrow):
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        X = odd_points(kind, s, d, random)
        X = X.clip(-3e38, 3e38).astype(np.float32) if is_narrow else X
    for classes in (bits(s, seed), all_different(s)):
        for plan in column_plans(X, classes, s * 100, numbers_a_line):
            assert 0 < len(plan.columns) < d
            assert np.isfinite([plan.n_hyperplanes, plan.cost]).all()


def test_very_many_columns_are_no_burden():
    X = gaussian(100, 50_000)
    best, *_ = column_plans(X, bits(100), 100, 16)
    assert len(best.columns) <= 32


@examples(100)
@given(st.integers(0, 2**32), st.integers(0, 600), st.integers(1, 40), st.floats(0.01, 0.9))
def test_covering_columns_part_each_pair_that_can_be(seed, p, d, share):
    differences = np.random.default_rng(seed).random((p, d)) < share
    columns = covering_columns(differences)
    assert np.array_equal(differences[:, columns].any(axis=1), differences.any(axis=1))
    assert np.all(np.diff(columns) > 0)
    assert len(columns) <= differences.any(axis=1).sum()


def test_one_column_covers_what_it_can():
    differences = np.zeros((1000, 30), bool)
    differences[:, 12] = True
    differences[::2, 3] = True
    assert covering_columns(differences).tolist() == [12]
    assert covering_columns(np.zeros((5, 3), bool)).tolist() == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_pairs_are_counted(dtype):
    X = np.random.default_rng(0).integers(-1, 2, (500, 4)).astype(dtype)
    X[X == 0] *= np.random.default_rng(1).choice([-1, 1], np.count_nonzero(X == 0)).astype(dtype)
    classes = np.random.default_rng(2).integers(0, 3, 500)
    equal = (X[:, None] == X).all(axis=2) & (classes[:, None] != classes)
    assert foresee(X, X.astype(np.float32), classes, 10_000).equal == np.triu(equal).sum()


@pytest.mark.parametrize(("n", "r"), [(3000, 8), (20_000, 16), (20_000, 60)])
def test_the_hyperplanes_of_gaussian_points_are_foreseen(n, r):
    X, y = gaussian(n, r), bits(n)
    foreseen = foresee(X[:SAMPLE_ROWS], X[:SAMPLE_ROWS], y[:SAMPLE_ROWS].astype(np.int64), n)
    m = fastmem.memorize(X, y, columns="all", random_state=0).n_hyperplanes
    assert m / 1.25 < foreseen.n_hyperplanes < 1.25 * m
    assert foreseen.equal == 0
