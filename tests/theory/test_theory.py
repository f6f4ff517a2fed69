"""The closest pair, exactly; the ball it is measured in; sizes of theorems, and lower bounds."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

import fastmem
from fastmem import separation
from fastmem.data.points import Points
from fastmem.theory import pairs
from fastmem.theory.bounds import AS_BUILT, hyperplanes_for_cells
from fastmem.theory.separation import unit_ball


def closest_by_definition(X):
    best = None
    for i in range(len(X)):
        for j in range(i + 1, len(X)):
            if not np.array_equal(X[i], X[j]):
                square = float(((X[i] - X[j]) ** 2).sum())
                best = square if best is None else min(best, square)
    return best


@examples(60)
@given(
    st.integers(2, 40), st.sampled_from([1, 2, 3, 10, 11, 30]), st.integers(0, 2**32), st.sampled_from([0, 1e6, 1e12])
)
def test_separation_is_the_smallest_distance(n, d, seed, offset):
    X = np.random.default_rng(seed).integers(-3, 4, (n, d)) + offset
    expected = closest_by_definition(X)
    if expected is None:
        with pytest.raises(fastmem.InvalidInput, match="two distinct rows"):
            separation(X)
        return
    distance, (i, j), _ = separation(X)
    assert distance == np.sqrt(expected)
    assert float(((X[i] - X[j]) ** 2).sum()) == expected
    assert i < j


@pytest.mark.parametrize("d", [3, 40])
def test_separation_finds_a_pair_hidden_among_thousands(d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((5000, d))
    X[4321] = X[17]
    X[4321, 1] += 1e-6
    distance, rows, _ = separation(X)
    assert rows == (17, 4321)
    assert distance == abs(X[4321, 1] - X[17, 1])


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_separation_neither_over_nor_underflows(scale, d):
    X = np.zeros((3, d))
    X[1, 0], X[2, 0] = scale, 3 * scale
    distance, rows, delta = separation(X)
    assert rows == (0, 1)
    assert distance == scale
    assert delta == pytest.approx(1 / (3 - 4 / 3), rel=1e-14)  # around the mean


@pytest.mark.parametrize("small", [1e-300, 1.3 * 2.0**-13, 2.0**-10])
def test_a_difference_too_small_to_square_without_loss_is_refused(small):
    with pytest.raises(fastmem.InvalidInput, match="rows 0 and 1 differ by too little"):
        separation([[small, 0.0], [2 * small, 0.0], [0.0, 2.0**1023]])


@examples(60)
@given(
    n=st.integers(2, 200),
    d=st.sampled_from([1, 2, 3, 12, 40]),
    n_classes=st.integers(2, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_separation_of_labels_is_the_smallest_distance_of_rows_with_different_labels(n, d, n_classes, seed):
    rng = np.random.default_rng(seed)
    X = np.unique(rng.integers(-9, 9, (n, d)) + (rng.standard_normal((n, d)) if seed % 2 else 0), axis=0)
    y = rng.integers(0, n_classes, len(X))
    if len(np.unique(y)) < 2:
        with pytest.raises(fastmem.InvalidInput, match="equal"):
            separation(X, y)
        return
    squares = np.where(y[:, None] == y, np.inf, ((X[:, None] - X) ** 2).sum(axis=2))
    found = separation(X, y)
    assert found.distance**2 == pytest.approx(squares.min(), rel=1e-12)
    assert squares[found.rows] == pytest.approx(squares.min(), rel=1e-12)


def test_equal_rows_of_different_labels_have_no_separation():
    with pytest.raises(fastmem.ContradictoryLabels):
        separation([[0, 0], [1, 1], [1, 1]], [0, 1, 0])


def test_an_outlier_does_not_hide_the_closest_pair():
    X = np.random.default_rng(0).standard_normal((3000, 20))
    expected = separation(X)
    X[7] = 1e18
    assert 7 not in expected.rows
    assert separation(X)[:2] == expected[:2]


def test_duplicates_are_one_point():
    assert separation([[0.0], [0.0], [2.0], [-0.0]]).distance == 2.0


def first_closest_pair(X):
    squares = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    squares[np.tril_indices(len(X))] = np.inf
    return squares.min(), np.unravel_index(np.argmin(squares), squares.shape)


def clusters(rng, n, d):
    return rng.standard_normal((3, d))[rng.integers(0, 3, n)] + 1e-7 * rng.standard_normal((n, d))


POINTS_FOR_ALL_PAIRS = {
    "Gaussian": lambda rng, n, d: rng.standard_normal((n, d)),
    "clusters nearer than float32 can tell": clusters,
    "small integers, many pairs equally close": lambda rng, n, d: rng.integers(0, 4, (n, d)).astype(float),
    "integers too large for exact sums": lambda rng, n, d: rng.integers(0, 10**6, (n, d)).astype(float),
    "integers far away": lambda rng, n, d: rng.integers(0, 3, (n, d)) + 2.0**50,
    "one-hot rows": lambda rng, n, d: rng.permutation(np.eye(n)),
    "outliers": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-2, 40, (n, 1)),
    "mostly outliers of all sizes": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.uniform(0, 140, (n, 1)),
}


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("name", POINTS_FOR_ALL_PAIRS)
def test_the_first_of_the_closest_pairs_is_found_in_tiles_of_any_size(name, n_threads, monkeypatch):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        monkeypatch.setattr(pairs, "_TILE", [(4, 8), (7, 7), (16, 64)][seed % 3])
        X = POINTS_FOR_ALL_PAIRS[name](rng, int(rng.integers(2, 60)), int(rng.integers(11, 30)))
        X = X[np.sort(np.unique(X, axis=0, return_index=True)[1])]
        square, pair = first_closest_pair(X)
        assert pairs.closest_pair(X, n_threads, False) == (square, pair)
        if X.shape[1] > 10:
            assert separation(X, n_threads=n_threads)[:2] == (pytest.approx(math.sqrt(square), rel=1e-14), pair)


@pytest.mark.parametrize("d", [2, 16])
def test_the_separation_does_not_depend_on_threads_layout_or_dtype(d):
    X = np.random.default_rng(0).standard_normal((3000, d)).astype(np.float32)
    expected = separation(X, n_threads=1)
    assert separation(X, n_threads=2) == expected
    assert separation(np.asfortranarray(X), n_threads=2) == expected
    assert separation(X.astype(np.float64), n_threads=2) == expected
    assert separation(np.repeat(X, 2, axis=1)[:, ::2]) == expected


@examples(60)
@given(
    st.integers(2, 40), st.sampled_from([1, 2, 11]), st.integers(0, 2**32), st.sampled_from([1e-300, 1, 1e300]),
    st.sampled_from([0, 0.1, 5]),
)  # fmt: skip
def test_delta_is_the_distance_in_a_unit_ball_that_holds_all_points(n, d, seed, scale, offset):
    X = (np.random.default_rng(seed).standard_normal((n, d)) + offset) * scale
    centre, radius = unit_ball(Points(X))
    norms = np.linalg.norm((X - centre) / radius, axis=1)
    assert 1 - 1e-13 < norms.max() <= 1
    distance, rows, delta = separation(X)
    assert delta == pytest.approx(distance / radius, rel=1e-14)
    i, j = rows
    assert delta == pytest.approx(np.linalg.norm((X[i] - X[j]) / radius), rel=1e-12)
    assert 0 < delta <= 2
    around_mean = np.linalg.norm((X - X.mean(axis=0)) / scale, axis=1).max()
    around_origin = np.linalg.norm(X / scale, axis=1).max()
    assert radius / scale == pytest.approx(min(around_mean, around_origin), rel=1e-12)


def test_points_of_the_unit_sphere_stay_where_they_are():
    for X in (fastmem.theory.instances.circle(7).X, np.eye(3) * [[1], [-1], [1]], np.array([[1.0, 0], [-1, 0]])):
        X = np.concatenate([X, -X])
        centre, radius = unit_ball(Points(X))
        assert not centre.any()
        assert 1 <= radius < 1 + 1e-14


def test_the_ball_does_not_depend_on_threads():
    X = np.random.default_rng(0).random((200_000, 3))
    assert [part.tolist() for part in map(np.asarray, unit_ball(Points(X), 1))] == [
        part.tolist() for part in map(np.asarray, unit_ball(Points(X), 3))
    ]


def test_a_single_place_is_the_centre_of_a_ball_of_radius_one():
    for X in ([[0.0, 0.0]], [[3.0, 4.0], [3.0, 4.0]], [[1e-320, 0.0]]):
        centre, radius = unit_ball(Points(np.array(X)))
        assert centre.tolist() == X[0]
        assert radius == 1


def test_points_too_far_apart_for_float64_are_refused():
    with pytest.raises(fastmem.InvalidInput, match="overflow float64: rescale"):
        separation([[1.7e308], [-1.7e308]])
    with pytest.raises(fastmem.InvalidInput, match="overflow float64: rescale"):
        unit_ball(Points(np.array([[1.7e308, 1.7e308], [-1.7e308, -1.7e308]])))


# bounds


@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_cells_by_definition(d):
    for n in [1, 2, 3, 4, 5, 8, 9, 100, 1000]:
        m = 0
        while sum(math.comb(m, i) for i in range(d + 1)) < n:
            m += 1
        assert hyperplanes_for_cells(n, d) == m


def test_cells_of_many_points_are_counted_at_once():
    assert hyperplanes_for_cells(10**15, 1) == 10**15 - 1
    assert hyperplanes_for_cells(10**15, 10**6) == 50


def rows_of(table, name):
    return [row for row in table.lower_bounds if row.name == name]


def test_sizes_are_those_of_the_theorems():
    n, d, delta = 10_000, 16, 0.5
    sizes = {row.name: (row.neurons, row.weights) for row in fastmem.bounds(n, d, delta).sizes}
    e = math.exp(4)
    assert sizes["Baum 1988"] == (625, 10_000)
    assert sizes["Bubeck et al. 2020"] == (2500, 42_500)
    assert sizes["Madden et al. 2024"] == (1250, 21_250)
    assert sizes["Yun et al. 2019"] == (100, 11_600)
    assert sizes["Park et al. 2021"] == (pytest.approx(464.2, abs=0.1), pytest.approx(480.2, abs=0.1))
    assert sizes["Vardi et al. 2021"] == (100, 116)
    assert sizes["Vershynin 2020"] == (e + 100, e * 116 + 10_000)
    assert sizes["Rajput et al. 2021"] == (102, 10_032)
    assert sizes["Dirksen et al. 2024"] == (10_002, 20_032)
    assert sizes["Yu et al. 2024"] == (None, 160_000)
    assert sizes["Egosi et al. 2025"] == (None, 10_000)
    assert sizes["Kim et al. 2025, small"] == sizes["Kajitsuka & Sato 2025"] == (None, 100)
    assert sizes["Kim et al. 2025"] == (None, 2_560_000)


def test_every_construction_with_a_bound_has_a_row():
    n, d, delta = 10_000, 16, 0.5
    sizes = {row.name: (row.neurons, row.weights) for row in fastmem.bounds(n, d, delta, n_classes=5).sizes}
    for name, bound in AS_BUILT.items():
        assert sizes[f"{name}, as built"] == bound(n, d, delta, 3)
        assert all(isinstance(size, int) for size in sizes[f"{name}, as built"])


def test_more_label_bits_are_built_larger():
    two, many = ({row.name: row.neurons for row in fastmem.bounds(10_000, 16, 0.5, n_classes=c).sizes} for c in (2, 99))
    assert many["baum1988, as built"] > two["baum1988, as built"]
    assert many["Baum 1988"] == two["Baum 1988"]


def test_lower_bounds_by_hand():
    table = fastmem.bounds(1000, 2, 0.01, n_classes=8)
    values = {row.name: row.value for row in table.lower_bounds}
    assert values == {
        "cells": 45, "sign patterns": 10, "labellings": 3000, "two layers": 110, "circle": 314,
        "moment curve": 500, "random square": pytest.approx(100), "close pairs": 250, "random labels": 38,
        "random points": 45, "line": 62, "near points": 1000, "robust width": math.log(1000), "robust first layer": 2,
    }  # fmt: skip
    assert table.lower_bound_on_hyperplanes == 45
    scales = ["random square", "near points", "robust width", "robust first layer"]
    assert [row.name for row in table.lower_bounds if row.is_scale] == scales
    assert rows_of(fastmem.bounds(10**6, 9, 0.01), "random cube")[0].value == pytest.approx(10**1.2)
    assert rows_of(fastmem.bounds(1000, 2, 0.001), "circle")[0].value == 500  # all 1000 points fit on the circle
    assert rows_of(fastmem.bounds(1001, 3, 0.1), "moment curve")[0].value == 334


FOR_ALL = {"cells", "sign patterns", "labellings", "two layers"}
FOR_TWO_LABELS = {
    "moment curve", "close pairs", "random labels", "random points", "line", "near points", "robust width",
    "robust first layer",
}  # fmt: skip


@pytest.mark.parametrize(
    ("n", "d", "n_classes", "names"),
    [
        (1, 1, 1, FOR_ALL),
        (9, 3, 1, FOR_ALL),
        (9, 1, 2, FOR_ALL | FOR_TWO_LABELS),
        (9, 2, 2, FOR_ALL | FOR_TWO_LABELS | {"circle", "random square"}),
        (9, 3, 2, FOR_ALL | FOR_TWO_LABELS | {"circle", "random cube"}),
    ],
)
def test_only_the_lower_bounds_that_apply_are_listed(n, d, n_classes, names):
    assert {row.name for row in fastmem.bounds(n, d, 0.2, n_classes=n_classes).lower_bounds} == names


@pytest.mark.parametrize(("d", "value"), [(2, 415), (3, 84), (8, 18)])
def test_most_labellings_of_any_points_need_as_many_hyperplanes(d, value):
    assert rows_of(fastmem.bounds(10**5, d, 1e-4), "random labels")[0].value == value


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(("n", "d"), [(30, 1), (30, 2), (60, 4), (60, 40), (60, 80), (5000, 1200)])
def test_fewer_hyperplanes_have_too_few_labellings(n, d, n_classes):
    (row,) = rows_of(fastmem.bounds(n, d, 1e-4, n_classes=n_classes), "random labels")

    def labellings(m):
        ways = 2 * sum(math.comb(n - 1, i) for i in range(d + 1))
        return ways**m * n_classes ** sum(math.comb(m, i) for i in range(d + 1))

    assert labellings(row.value) * 2**20 >= n_classes**n or d > 1000  # where more ways than there are are counted
    assert row.value == 0 or labellings(row.value - 1) * 2**20 < n_classes**n


@pytest.mark.parametrize(("n", "d"), [(10**4, 2), (10**5, 3), (10**5, 16)])
def test_random_points_rarely_lie_in_different_cells_of_fewer_hyperplanes(n, d):
    (row,) = rows_of(fastmem.bounds(n, d, 1e-6), "random points")
    m = row.value - 1
    cells = sum(math.comb(m, i) for i in range(d + 1))
    others = n - d * m
    assert cells >= others  # as many as so many points need, where the probability is not 0 anyway
    log_probability = sum(math.log1p(-i / cells) for i in range(others))
    log_choices = sum(math.log(math.comb(n, d) / (k + 1)) for k in range(m))
    assert log_choices + log_probability < -20 * math.log(2)


def test_networks_stay_above_the_bounds_on_random_points_and_labels():
    rng = np.random.default_rng(0)
    X, y = rng.random((1000, 2)), rng.integers(0, 2, 1000)
    table = fastmem.bounds(1000, 2, separation(X).delta)
    assert fastmem.memorize(X, y, random_state=0).n_hyperplanes >= rows_of(table, "random labels")[0].value
    told_apart = fastmem.memorize(X, y, separate="all", random_state=0)
    assert told_apart.n_hyperplanes >= rows_of(table, "random points")[0].value


@pytest.mark.parametrize("n", [2, 3, 4, 10, 101])
def test_two_relu_layers_of_fewer_neurons_have_too_few_pieces_on_a_line(n):
    (row,) = rows_of(fastmem.bounds(n, 1, 2 / (n - 1)), "line")
    enough = [max((a + 1) * (m - a + 1) for a in range(m + 1)) >= n - 1 for m in range(row.value + 1)]
    assert enough == [False] * row.value + [True]


@pytest.mark.parametrize("n", [2, 3, 5, 6, 7, 12, 100, 1000])
def test_as_many_points_of_the_circle_count_as_are_delta_apart(n):
    delta = fastmem.theory.instances.circle(n).delta if n > 3 else 2 * math.sin(math.pi / n)
    row = rows_of(fastmem.bounds(n, 2, delta), "circle")[0]
    assert row.value == n // 2
    if n >= 4:
        assert rows_of(fastmem.bounds(n, 2, delta * 1.001), "circle")[0].value == (n - 1) // 2


def test_the_table_shows_every_row_with_its_source():
    table = fastmem.bounds(1000, 2, 0.01)
    text = str(table)
    assert max(map(len, text.splitlines())) <= 120
    flat = " ".join(text.split())
    for row in table.sizes:
        assert f"{row.name}: {row.source}" in flat
        assert row.assumption in text
        assert row.numbers in flat
    for row in table.lower_bounds:
        assert f"{row.name}: {row.statement} ({row.source})" in flat
        assert row.holds_for in text
    assert "10^4342.94" in text  # e^10000
    for n, d, delta in [(10**18, 10**18, 0.01), (10**18, 3, 1e-9), (2, 1, 1e-320)]:
        assert max(map(len, str(fastmem.bounds(n, d, delta, n_classes=10**18)).splitlines())) <= 120
    assert "asymptotic form" in text


def test_the_dict_is_plain():
    for table in (fastmem.bounds(1000, 2, 0.01), fastmem.bounds(5, 3, 1.0, n_classes=3), fastmem.bounds(2, 1, 1e-320)):
        values = table.to_dict()
        assert json.loads(json.dumps(values, allow_nan=False)) == values
    table = fastmem.bounds(1000, 2, 0.01)
    (place,) = [i for i, row in enumerate(table.sizes) if row.name == "Vershynin 2020"]
    assert table.sizes[place].neurons == math.inf
    assert table.to_dict()["sizes"][place]["neurons"] is None
    assert "overflows" in str(fastmem.bounds(2, 1, 1e-320))
    assert fastmem.bounds(np.int64(5), 3, np.float32(1)).to_dict()["n"] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2, 1), "n must be an integer from 1"),
        ((2.0, 2, 1), "n must be an integer"),
        ((2, 0, 1), "d must be an integer"),
        ((2, 2, 0), r"delta is a distance of points in the unit ball, in \(0, 2\], not 0"),
        ((2, 2, 2.1), "delta is a distance"),
        ((2, 2, math.nan), "delta is a distance"),
        ((2, 2, "1"), "delta is a distance"),
        ((2, 2, True), "delta is a distance"),
        ((4, 1, 1), "no 4 points of the unit ball of R\\^1 are 1.0 apart"),
        ((10**6, 3, 0.5), "no 1000000 points"),
    ],
)
def test_impossible_arguments_of_bounds_are_refused(arguments, message):
    with pytest.raises(fastmem.InvalidInput, match=message):
        fastmem.bounds(*arguments)
    with pytest.raises(fastmem.InvalidInput, match="n_classes must be"):
        fastmem.bounds(2, 2, 1, n_classes=0)


def test_as_many_points_as_the_packing_bound_allows_are_accepted():
    assert fastmem.bounds(3, 1, 1).n == 3  # -1, 0 and 1
    assert fastmem.bounds(2, 1, 2).n == 2
    assert fastmem.bounds(1, 1, 2).n == 1
