"""Points on a line of R^d: cut along one of their columns, as few times as there can be, and asked in log m steps."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

import fastmem
from fastmem.data.points import Points
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.separate.line import cuts_along, ordering_column

T = np.random.default_rng(0).normal(size=3000)
LABELS = np.random.default_rng(1).integers(0, 3, 3000)
ON_A_LINE = {
    "a constant column": (np.c_[np.ones(3000), T], 1),
    "the steeper of two": (np.c_[T, 2 * T], 1),
    "constant columns on all sides": (np.c_[np.full((3000, 3), 0.1), T, np.zeros((3000, 2))], 3),
    "centimetres and inches": (np.c_[100 * T, 100 * T / 2.54], 0),
    "in float32": (np.c_[100 * T, 100 * T / 2.54].astype(np.float32), 0),
    "far from the origin": (np.c_[1e6 + T, 3e6 - 7 * T], 1),
    "near the largest number": (np.c_[T, T / 2] * 2e307, 0),
    "subnormal": (np.c_[np.round(T * 1e6), 2 * np.round(T * 1e6)] * 5e-324, 1),
    "of unlike scale": (np.c_[T * 1e-200, T * 1e200, np.full(3000, -3e5)], 1),
    "integers": (np.c_[np.arange(3000) * 7, 5 - np.arange(3000)], 0),
    "given as Fortran order": (np.asfortranarray(np.c_[T, np.ones(3000)]), 0),
}
OFF_THE_LINE = {
    "a plane": np.c_[T, T[::-1]],
    "noise in the ninth digit": np.c_[T, T + 1e-9 * T[::-1]],
    "one point beside it": np.r_[np.c_[T, 2 * T], [[0.0, 1.0]]],
    "an outlier far away": np.r_[np.c_[T, T[::-1]], [[1e20, 1e20]]],
    "two lines": np.c_[T, np.arange(3000) % 2],
    "integers of 40 bits": np.c_[2**40 * np.arange(3000), 2**40 * np.arange(3000) + np.arange(3000) % 5 * 2**20],
}


def changes_along(x, y):
    y = y[np.argsort(x)]
    return int(np.count_nonzero(y[1:] != y[:-1]))


@pytest.mark.parametrize(("X", "column"), ON_A_LINE.values(), ids=ON_A_LINE)
def test_points_on_a_line_are_cut_along_one_column_and_no_more_often_than_they_must(X, column):
    assert ordering_column(Points(X)) == column
    _, rows = np.unique(X[:, column], return_index=True)
    net = fastmem.memorize(X[rows], LABELS[rows], random_state=0)
    assert net.n_hyperplanes == changes_along(X[rows, column], LABELS[rows])
    assert np.array_equal(net.predict(X[rows]), LABELS[rows])
    assert fastmem.from_bytes(net.to_bytes()) == net


@pytest.mark.parametrize("X", OFF_THE_LINE.values(), ids=OFF_THE_LINE)
def test_other_points_are_not_taken_for_a_line(X):
    assert ordering_column(Points(X)) is None


def test_points_that_only_another_column_tells_apart_are_told_apart():
    """In one column some are equal, by its rounding."""
    X = np.c_[np.float32(1 + 1e-7 * np.arange(2000)), np.float32(1e-7 * np.arange(2000))]
    assert len(np.unique(X, axis=0)) == 2000
    y = np.arange(2000)
    net = fastmem.memorize(X, y, random_state=0)
    assert np.array_equal(net.predict(X), y)


def test_a_margin_that_cuts_along_a_column_do_not_keep_is_looked_for_elsewhere():
    X, y = np.c_[np.arange(40.0), np.arange(40.0)], np.arange(40) // 10
    assert fastmem.memorize(X, y, margin=0.4, random_state=0).n_hyperplanes == 3
    assert fastmem.memorize(X, y, margin=0.6, random_state=0).certified_radius(X).min() >= 0.6


def test_distances_are_half_the_gaps():
    X = np.c_[np.arange(100.0), np.full(100, 7.0)]
    net = fastmem.memorize(X, np.arange(100) % 2, random_state=0)
    assert 0.5 - 1e-15 < net.smallest_distance <= 0.5
    assert np.all(np.abs(net.certified_radius(X) - 0.5) < 1e-5)


def test_a_new_network_says_no_to_nan_in_a_column_that_it_does_not_read():
    net = fastmem.memorize(ON_A_LINE["a constant column"][0], LABELS, random_state=0)
    for ask in (net.predict, net.certified_radius, net.forward, net.codes):
        with pytest.raises(fastmem.InvalidInput, match=r"X\[1, 0\] is nan"):
            ask([[1.0, 0.5], [np.nan, 0.5]])


class General(Hyperplanes):
    """The same, read as hyperplanes of any direction."""

    def _find_only_column(self):
        return None


@examples(150)
@given(st.data())
def test_hyperplanes_in_one_column_answer_as_any_others_bit_by_bit(data):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    m, d, n = data.draw(st.integers(2, 90)), data.draw(st.integers(1, 5)), 60
    column, scale = int(random.integers(d)), data.draw(st.sampled_from([1.0, 1e-310, 1e300, 1e-160, 5e-324]))
    grid = random.integers(-20, 20, m) if data.draw(st.booleans()) else random.normal(size=m)
    thresholds = np.sort(grid * scale)
    weights = np.zeros((m, d), np.float32)
    weights[:, column] = 1
    with np.errstate(over="ignore"):
        X = random.normal(size=(n, d)) * random.choice([1, 1e-5, 1e8], d) * scale
        X[:, column] = random.choice(thresholds, n) + random.choice([0.0, 1.0, 1e-7, 1e-20], n) * scale
        X = X.astype(data.draw(st.sampled_from([np.float32, np.float64])))
    X[~np.isfinite(X)] = 0
    frame = np.zeros(d), np.zeros(d, np.int16)
    fast, plain = Hyperplanes(weights, thresholds, *frame), General(weights, thresholds, *frame)
    assert (fast.only_column, plain.only_column) == (column, None)
    assert fast.certified_radius(Points(X)).tobytes() == plain.certified_radius(Points(X)).tobytes()
    assert np.array_equal(fast.signs(Points(X)), plain.signs(Points(X)))
    columns = random.integers(0, 2**62, m).astype(np.uint64)
    assert np.array_equal(fast.xor_codes(X, columns)[0], plain.xor_codes(X, columns)[0])


@examples(100)
@given(st.lists(st.tuples(st.integers(-6, 6), st.integers(0, 2)), min_size=1, max_size=30))
def test_cuts_part_all_that_differ_but_equal_points_and_none_is_spare(pairs):
    x, classes = np.array(pairs, float)[:, 0], np.array(pairs, np.int32)[:, 1]
    thresholds = cuts_along(x, classes)
    cell = np.searchsorted(thresholds, x, side="right")
    together = (cell[:, None] == cell) & (classes[:, None] != classes)
    assert np.array_equal(together, together & (x[:, None] == x))
    values = np.unique(x)
    mixed = [set(classes[x == value].tolist()) for value in values]
    assert len(thresholds) == sum(len(a | b) > 1 for a, b in itertools.pairwise(mixed))


def test_no_square_of_the_dimension_is_taken_where_there_are_few_points():
    X, y = np.random.default_rng(0).normal(size=(60, 6000)), np.arange(60) % 5
    tracemalloc.start()
    net = fastmem.memorize(X, y, random_state=0, n_threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(net.predict(X), y)
    assert peak < 25 * X.nbytes  # and 6,000 * 6,000 numbers are 100 times as many


@pytest.mark.parametrize("scale", [1, 1e6])
def test_whether_points_are_on_a_line_depends_on_their_numbers_alone(scale):
    whole = np.c_[np.arange(500) * 4096, np.arange(500) * 8192 + np.arange(500) % 3]  # within the rounding of float32
    found = {ordering_column(Points(whole.astype(dtype))) for dtype in (np.int64, np.uint32, np.float64, np.float32)}
    assert found == {None}
    broken = (whole * scale / 3).astype(np.float32)
    assert {ordering_column(Points(broken)), ordering_column(Points(broken.astype(np.float64)))} == {1}
