"""What `fastmem.theory.instances` says of its data sets is so."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

import fastmem
from fastmem.theory import instances
from fastmem.theory.bounds import hyperplanes_for_cells
from fastmem.theory.instances import circle, grid, moment_curve, near_orthogonal, sphere, square, tight_pairs

ONE_OF_EACH = {
    "circle": lambda seed: circle(30),
    "moment_curve": lambda seed: moment_curve(40, 4),
    "square": lambda seed: square(50, seed),
    "grid": lambda seed: grid(4, 3, random_state=seed),
    "rotated grid": lambda seed: grid(4, 3, rotated=True, random_state=seed),
    "tight_pairs": lambda seed: tight_pairs(60, 5, seed),
    "sphere": lambda seed: sphere(70, 6, seed),
    "near_orthogonal": lambda seed: near_orthogonal(40, 64, seed),
    "polynomial": lambda seed: moment_curve(41, 3, form="polynomial"),
    "circle, random labels": lambda seed: circle(31, labels="random", random_state=seed),
    "moment_curve, random labels": lambda seed: moment_curve(41, 4, labels="random", random_state=seed),
    "polynomial, random labels": lambda seed: moment_curve(
        40, 3, form="polynomial", labels="random", random_state=seed
    ),
    "square, alternating labels": lambda seed: square(50, seed, labels="alternating"),
    "grid, alternating labels": lambda seed: grid(4, 3, rotated=True, random_state=seed, labels="alternating"),
    "tight_pairs, random labels": lambda seed: tight_pairs(60, 5, seed, labels="random"),
    "sphere, alternating labels": lambda seed: sphere(70, 6, seed, labels="alternating"),
    "near_orthogonal, alternating labels": lambda seed: near_orthogonal(40, 64, seed, labels="alternating"),
}


def n_cells(X, weights, thresholds):
    return len(np.unique(X @ np.transpose(weights) >= thresholds, axis=0))


def cut_gaps(X, w, t):
    """How many pairs of neighbours around the closed curve the hyperplane separates."""
    side = X @ w >= t
    return np.count_nonzero(side != np.roll(side, -1))


def trigonometric_hyperplane(places, d):
    """Coefficients (w, t) for which w.x - t changes sign at the given places (an even number) and nowhere else.

    Fitted to the product of sines at more points of the curve than it has coefficients.
    """
    s = 2 * np.pi * np.arange(2 * d + 1) / (2 * d + 1)
    product = np.prod(2 * np.sin((s[:, None] - places) / 2), axis=1)
    angles = np.outer(s, np.arange(1, d // 2 + 1))
    curve = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(s), d)
    w, residual = np.split(np.linalg.lstsq(np.column_stack([curve, np.ones(len(s))]), product)[0], [d])
    return w, -residual[0]


def random_hyperplanes(X, rng, count=300):
    """Half of them Gaussian, half through d random midpoints of two rows, which cut as much as they can."""
    n, d = X.shape
    for i in range(count):
        w = rng.standard_normal(d)
        t = rng.standard_normal() * np.linalg.norm(w) / 2
        if i % 2:
            k = rng.choice(n, d, replace=False)
            *w, t = np.linalg.svd(np.column_stack([(X[k] + X[(k + 1) % n]) / 2, -np.ones(d)]))[2][-1]
        yield np.array(w), t


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 50, 51, 300, 301])
def test_the_optimal_lines_of_the_circle_separate_all_points(n):
    instance = circle(n)
    even = n + n % 2  # for odd n, the gap after the last point holds two of the n + 1 imagined gaps
    gap = 2 * np.pi * (np.minimum(np.arange(even), n - 1) + 0.5) / n
    gap[n:] += 0.25 * 2 * np.pi / n
    lines = [trigonometric_hyperplane(gap[[j, j + even // 2]], 2) for j in range(even // 2)]
    weights, thresholds = map(np.array, zip(*lines, strict=True))
    assert len(lines) == instance.optimum == math.ceil(n / 2)
    assert n_cells(instance.X, weights, thresholds) == n
    assert n_cells(instance.X, weights[1:], thresholds[1:]) < n


@pytest.mark.parametrize("make", [lambda: circle(101), lambda: circle(1000)])
def test_no_line_cuts_more_than_two_gaps_of_the_circle(make):
    X = make().X
    cuts = [cut_gaps(X, w, t) for w, t in random_hyperplanes(X, np.random.default_rng(0))]
    assert max(cuts) == 2


def test_the_rounded_circle_is_convex():
    """Exactly: the lower bound holds for the points as float64 has them."""
    n = 20_000
    X = [tuple(int(x * 2.0**120) for x in row) for row in circle(n).X.tolist()]  # whole numbers, nothing rounded
    for a, b, c in zip(X, X[1:] + X[:1], X[2:] + X[:2], strict=True):
        assert (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])


@pytest.mark.parametrize(("n", "d"), [(60, 2), (61, 4), (100, 4), (40, 6), (50, 8)])
def test_a_hyperplane_cuts_at_most_d_gaps_of_the_moment_curve(n, d):
    X = moment_curve(n, d).X
    cuts = [cut_gaps(X, w, t) for w, t in random_hyperplanes(X, np.random.default_rng(0))]
    assert max(cuts) == d


def test_three_labels_take_two_hyperplanes_even_where_one_cuts_all_gaps():
    assert moment_curve(5, 8).bound == 2
    assert moment_curve(6, 8).optimum == 1
    assert moment_curve(17, 8).bound == 3
    assert moment_curve(17, 8).optimum is None


def test_two_dimensions_of_the_moment_curve_are_the_circle():
    for n in (2, 10, 1000):
        assert np.array_equal(moment_curve(n, 2).X, circle(n).X)
        assert moment_curve(n, 2).optimum == circle(n).optimum


@pytest.mark.parametrize(("n", "d"), [(2, 4), (8, 8), (24, 4), (26, 4), (100, 4), (60, 6), (62, 6)])
def test_hyperplanes_of_any_d_gaps_separate_the_labels_of_the_moment_curve(n, d):
    instance = moment_curve(n, d)
    deal = np.random.default_rng(n).permutation(n)
    weights, thresholds = [], []
    for start in range(0, n, d):
        w, t = trigonometric_hyperplane(2 * np.pi * (deal[start : start + d] + 0.5) / n, d)
        assert cut_gaps(instance.X, w, t) == len(deal[start : start + d])
        weights.append(w)
        thresholds.append(t)
    assert len(weights) == instance.optimum == math.ceil(n / d)
    signs = instance.X @ np.transpose(weights) >= thresholds
    codes = {label: {row.tobytes() for row in signs[instance.y == label]} for label in (0, 1)}
    assert not codes[0] & codes[1]


def test_250_hyperplanes_separate_all_2000_points_of_the_moment_curve():
    """The optimum for labels is reached for all points too: gaps dealt at random, no two neighbours alike."""
    n, d = 2000, 8
    rng, instance = np.random.default_rng(0), moment_curve(n, d)
    owner = rng.permutation(np.repeat(np.arange(n // d), d))
    while (alike := np.flatnonzero(owner == np.roll(owner, -1))).size:
        other = rng.integers(0, n, alike.size)
        for i, j in zip(alike, other, strict=True):
            owner[[i, j]] = owner[[j, i]]
    lines = [trigonometric_hyperplane(2 * np.pi * (np.flatnonzero(owner == j) + 0.5) / n, d) for j in range(n // d)]
    weights, thresholds = map(np.array, zip(*lines, strict=True))
    assert len(lines) == instance.optimum == 250
    assert n_cells(instance.X, weights, thresholds) == n


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize(("side", "d"), [(2, 2), (5, 2), (2, 5), (3, 3), (6, 3), (3, 4)])
def test_hyperplanes_along_the_axes_separate_the_grid(side, d, rotated):
    instance = grid(side, d, rotated, random_state=0)
    axes = np.linalg.lstsq(grid(side, d).X, instance.X)[0]
    assert np.allclose(axes @ axes.T, np.eye(d))
    assert np.array_equal(axes.round(6), np.eye(d)) != rotated
    weights = np.repeat(axes, side - 1, axis=0)
    thresholds = np.tile(np.arange(side - 1) + 0.5, d)
    assert n_cells(instance.X, weights, thresholds) == side**d
    assert n_cells(instance.X, weights[1:], thresholds[1:]) < side**d
    assert instance.bound <= d * (side - 1)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 5, 6])
def test_a_hyperplane_cuts_at_most_so_many_edges_of_a_cube(d):
    corners = grid(2, d).X if d > 1 else np.array([[0.0], [1.0]])
    edges = [(a, b) for a, b in itertools.combinations(range(2**d), 2) if np.abs(corners[a] - corners[b]).sum() == 1]
    first, second = np.transpose(edges)
    rng = np.random.default_rng(0)
    most = 0
    for i in range(2000):
        w = rng.choice([-1.0, 1.0], d) if i % 2 else rng.standard_normal(d)
        side = (corners - 0.5) @ w >= (0.5 if i % 3 else rng.standard_normal())
        most = max(most, np.count_nonzero(side[first] != side[second]))
    assert len(edges) == d * 2 ** (d - 1)
    assert most == d * math.comb(d - 1, (d - 1) // 2)


@pytest.mark.parametrize(
    ("side", "d", "bound", "optimal"),
    [
        (9, 1, 8, True), (2, 2, 2, True), (32, 2, 62, True), (2, 10, 10, True), (3, 3, 6, True),
        (32, 3, 62, False), (10, 4, 24, False), (11, 6, 35, False), (3, 8, 13, False),
    ],
)  # fmt: skip
def test_bounds_of_grids(side, d, bound, optimal):
    instance = grid(side, d) if side**d < 10**5 else None
    assert instances._grid_bound(side, d) == bound
    if instance:
        assert instance.bound == bound
        assert instance.optimum == (bound if optimal else None)
        assert instance.bound >= hyperplanes_for_cells(side**d, d)


def test_a_hyperplane_through_d_midpoints_separates_these_pairs_and_hardly_another():
    n, d = 2000, 6
    instance = tight_pairs(n, d, random_state=0)
    pairs = instance.X.reshape(-1, 2, d)
    assert np.allclose(np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1), 1e-4)
    rng, parted = np.random.default_rng(0), []
    for _ in range(100):
        chosen = rng.choice(n // 2, d, replace=False)
        *w, t = np.linalg.svd(np.column_stack([pairs[chosen].mean(axis=1), -np.ones(d)]))[2][-1]
        side = pairs @ np.array(w) >= t
        assert np.all(side[chosen, 0] != side[chosen, 1])
        parted.append(np.count_nonzero(side[:, 0] != side[:, 1]))
    assert d <= np.mean(parted) < 1.02 * d
    assert instance.bound == math.ceil(n / (2 * d))


def test_partners_of_tight_pairs_have_different_labels():
    y = tight_pairs(100, 3, random_state=0).y
    assert np.array_equal(y[::2], np.zeros(50))
    assert np.array_equal(y[1::2], np.ones(50))


@pytest.mark.parametrize("n", [2, 3, 10, 11])
@pytest.mark.parametrize("make", [circle, lambda n: moment_curve(n, 4)])
def test_neighbours_on_closed_curves_have_different_labels(make, n):
    y = make(n).y
    assert np.all(y != np.roll(y, -1))
    assert set(y) == set(range(2 + n % 2))


@pytest.mark.parametrize(("n", "d"), [(500, 3), (1000, 16), (3000, 200)])
def test_points_of_the_sphere_have_norm_one_and_the_bound_of_cells(n, d):
    instance = sphere(n, d, random_state=0)
    assert np.allclose(np.linalg.norm(instance.X, axis=1), 1, atol=1e-6)
    assert instance.bound == hyperplanes_for_cells(n, d)


def test_points_of_the_square_fill_it():
    instance = square(10_000, random_state=0)
    assert np.histogram2d(*instance.X.T, bins=4, range=[[0, 1], [0, 1]])[0].min() > 500
    assert instance.bound == pytest.approx(464.16, abs=0.01)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_an_instance_holds_what_it_promises(name):
    instance = ONE_OF_EACH[name](0)
    n, d = instance.X.shape
    assert (instance.n_points, instance.d) == (n, d)
    assert instance.X.dtype == (np.float32 if name.startswith("sphere") else np.float64)
    assert instance.X.flags.c_contiguous
    assert instance.y.dtype == np.int64
    assert instance.y.shape == (n,)
    assert len(np.unique(instance.X, axis=0)) == n
    assert set(instance.y) == {0, 1}
    assert instance.bound_is in ("optimum", "lower bound", "scale")
    assert instance.separate in ("labels", "all")
    assert instance.optimum == (instance.bound if instance.bound_is == "optimum" else None)
    assert instance.reason
    assert "\n" not in instance.reason
    assert repr(instance) == f"Instance({instance.name}: {n}×{d}, {instance.bound_is} {instance.bound:.6g})"


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_the_same_seed_gives_the_same_instance(name):
    a, b, c = ONE_OF_EACH[name](7), ONE_OF_EACH[name](np.random.default_rng(7)), ONE_OF_EACH[name](8)
    assert np.array_equal(a.X, b.X)
    assert np.array_equal(a.y, b.y)
    if name not in ("circle", "moment_curve", "polynomial"):
        assert not (np.array_equal(a.X, c.X) and np.array_equal(a.y, c.y))
    assert ONE_OF_EACH[name](None).X.shape == a.X.shape


def test_an_instance_cannot_be_changed():
    with pytest.raises(AttributeError):
        circle(10).bound = 4


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_memorize_takes_no_fewer_hyperplanes_than_the_bound(name):
    instance = ONE_OF_EACH[name](0)
    net = fastmem.memorize(instance.X, instance.y, separate=instance.separate, random_state=0)
    if instance.bound_is != "scale":
        assert net.n_hyperplanes >= instance.bound
    assert net.n_hyperplanes <= 5 * instance.bound


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: circle(1), "n must be from 2 to 10000000, not 1"),
        (lambda: circle(10**8), "n must be from 2 to 10000000, not 100000000"),
        (lambda: circle(10.0), "n must be a whole number, not 10.0"),
        (lambda: moment_curve(10, 3), "d is 3: .* must be even"),
        (lambda: moment_curve(10, 0), "d must be from 2"),
        (lambda: moment_curve(10, 0, form="polynomial"), "d must be from 1"),
        (lambda: moment_curve(1, 2, form="polynomial"), "n must be from 2"),
        (lambda: moment_curve(10, 2, form="rational"), "form must be one of 'trigonometric', 'polynomial'"),
        (lambda: circle(10, labels="equal"), "labels must be one of 'alternating', 'random', not 'equal'"),
        (lambda: circle(10, labels="random", random_state=-1), "random_state must be a non-negative integer"),
        (lambda: sphere(10, 3, labels=None), "labels must be one of"),
        (lambda: near_orthogonal(1000, 36), "d is 36: 1000 random signs are nearly orthogonal from 37 dimensions on"),
        (lambda: near_orthogonal(1, 36), "n must be from 2"),
        (lambda: square(0), "n must be from 2"),
        (lambda: square(10, -1), "random_state must be a non-negative integer"),
        (lambda: square(10, "seed"), "random_state must be a non-negative integer"),
        (lambda: grid(1, 2), "side must be from 2"),
        (lambda: grid(3, 0), "d must be from 1"),
        (lambda: grid(3, 1, rotated=True), "d must be from 2"),
        (lambda: grid(2, 31), r"a grid of side 2 in 31 dimensions has 2\^31 points"),
        (lambda: tight_pairs(11, 2), "n is 11: pairs take an even number of points"),
        (lambda: tight_pairs(10, 0), "d must be from 1"),
        (lambda: tight_pairs(10, 2, distance=0), "distance must be a number from 1e-12 to 1.* not 0"),
        (lambda: tight_pairs(10, 2, distance="near"), "distance must be .* not 'near'"),
        (lambda: tight_pairs(10, 2, distance=math.nan), "distance must be .* not nan"),
        (lambda: sphere(10, 2), "d must be from 3"),
        (lambda: sphere(None, 3), "n must be a whole number, not None"),
    ],
)
def test_impossible_arguments_are_refused(make, message):
    with pytest.raises(fastmem.InvalidInput, match=message):
        make()


def test_import_of_fastmem_does_not_load_what_only_instances_need(tmp_path):
    code = "import sys, fastmem.theory; from fastmem.theory import instances; print('scipy.stats' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert output.stdout.strip() == "False"


# random labels, polynomial curves, nearly orthogonal points


@pytest.mark.parametrize("n", [2, 3, 10, 51, 300])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lines_through_opposite_label_changes_separate_random_labels_of_the_circle(n, seed):
    instance = circle(n, labels="random", random_state=seed)
    gaps = np.flatnonzero(instance.y != np.roll(instance.y, -1))
    m = len(gaps) // 2
    assert instance.optimum == m
    lines = [trigonometric_hyperplane(2 * np.pi * (gaps[[j, j + m]] + 0.5) / n, 2) for j in range(m)]
    assert separates_labels(instance, lines)


def separates_labels(instance, hyperplanes):
    sides = [instance.X @ w >= t for w, t in hyperplanes]
    signs = np.array(sides, bool).reshape(-1, instance.n_points).T
    codes = [{row.tobytes() for row in signs[instance.y == label]} for label in (0, 1)]
    return not codes[0] & codes[1]


@pytest.mark.parametrize("labels", ["alternating", "random"])
@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 1), (20, 2), (21, 3), (30, 4), (12, 7)])
def test_hyperplanes_of_any_d_gaps_separate_the_labels_of_the_polynomial_curve(n, d, labels):
    instance = moment_curve(n, d, form="polynomial", labels=labels, random_state=1)
    t = instance.X[:, 0]
    assert np.allclose(instance.X, t[:, None] ** np.arange(1, d + 1))
    gaps = np.random.default_rng(0).permutation(np.flatnonzero(np.diff(instance.y)))
    places = (t[:-1] + t[1:]) / 2
    hyperplanes = []
    for start in range(0, len(gaps), d):
        polynomial = np.poly(places[gaps[start : start + d]])[::-1]
        hyperplanes.append((np.pad(polynomial[1:], (0, d + 1 - len(polynomial))), -polynomial[0]))
    assert len(hyperplanes) == instance.optimum
    assert separates_labels(instance, hyperplanes)
    if labels == "alternating":
        assert instance.optimum == math.ceil((n - 1) / d)


@pytest.mark.parametrize(("n", "d"), [(60, 2), (61, 3), (40, 4)])
def test_a_hyperplane_cuts_at_most_d_gaps_of_the_polynomial_curve(n, d):
    X = moment_curve(n, d, form="polynomial").X
    sides = [X @ w >= t for w, t in random_hyperplanes(X, np.random.default_rng(0))]
    assert max(np.count_nonzero(side[1:] != side[:-1]) for side in sides) == d


def test_random_labels_of_the_trigonometric_curve_need_their_changes_over_d():
    for n in (50, 51):
        instance = moment_curve(n, 4, labels="random", random_state=0)
        assert instance.optimum == math.ceil(np.count_nonzero(instance.y != np.roll(instance.y, -1)) / 4)


def test_equal_labels_need_no_hyperplane():
    seed = next(s for s in range(100) if not circle(2, labels="random", random_state=s).y.any())
    instance = circle(2, labels="random", random_state=seed)
    assert instance.optimum == 0
    net = fastmem.memorize(instance.X, instance.y)
    assert "0 hyperplanes: no fewer" in str(net.report(instance=instance))


def test_random_labels_of_tight_pairs_count_the_pairs_to_be_parted():
    instance = tight_pairs(1000, 8, random_state=0, labels="random")
    parted = np.count_nonzero(instance.y[::2] != instance.y[1::2])
    assert 200 < parted < 300
    assert instance.bound == math.ceil(parted / 8)
    assert f"{parted} pairs" in instance.reason


def test_labels_do_not_change_the_points():
    for make in (square, lambda n, seed, labels: sphere(n, 5, seed, labels=labels)):
        a, b = (make(50, 3, labels=labels) for labels in ("random", "alternating"))
        assert np.array_equal(a.X, b.X)
        assert np.array_equal(b.y, np.arange(50) % 2)


@pytest.mark.parametrize(("n", "d"), [(40, 64), (1000, 64), (300, 512)])
def test_nearly_orthogonal_points_are(n, d):
    instance = near_orthogonal(n, d, random_state=0)
    products = instance.X @ instance.X.T
    assert np.allclose(np.diag(products), 1)
    epsilon = math.sqrt(2 * math.log(100 * n**2) / d)
    assert np.abs(products - np.diag(np.diag(products))).max() <= epsilon < 1
    assert instance.delta >= math.sqrt(2 - 2 * epsilon) * (1 - 1e-12)


@pytest.mark.parametrize(("n", "d"), [(2, 20), (33, 40), (65, 64), (64, 64)])
def test_log2_n_hyperplanes_separate_affinely_independent_points(n, d):
    instance = near_orthogonal(n, d, random_state=1)
    assert instance.optimum == math.ceil(math.log2(n))
    bits = np.arange(n)[:, None] >> np.arange(instance.optimum) & 1
    planes = np.linalg.lstsq(np.column_stack([instance.X, -np.ones(n)]), 2.0 * bits - 1)[0]
    assert n_cells(instance.X, planes[:-1].T, planes[-1]) == n


def test_more_points_than_can_be_independent_have_no_known_optimum():
    assert near_orthogonal(66, 64, random_state=0).optimum is None
    assert not instances._affinely_independent(grid(2, 2).X[:, :1] * [1.0, 1.0, 0.0])


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_delta_is_the_smallest_distance_in_the_unit_ball(name):
    instance = ONE_OF_EACH[name](0)
    X = instance.X.astype(float)
    radius = min(np.linalg.norm(X - c, axis=1).max() for c in (0, X.mean(axis=0)))
    distances = np.linalg.norm(X[:, None] - X[None], axis=2) + np.diag(np.full(len(X), np.inf))
    assert instance.delta == pytest.approx(distances.min() / radius, rel=1e-12)
    assert instance.delta is instance.delta  # kept


# in the report


def test_the_report_says_that_and_why_the_optimum_is_reached():
    instance = circle(200)
    net = fastmem.memorize(instance.X, instance.y, random_state=0)
    report = net.report(instance.delta, instance=instance)
    assert report.is_optimal == (net.n_hyperplanes == 100)
    assert (report.instance, report.instance_bound, report.instance_bound_is) == ("circle", 100, "optimum")
    assert report.is_optimal is (f"no fewer separate these points, since {instance.reason}" in str(report))
    assert report.to_dict()["instance_reason"] == instance.reason
    assert net.report().is_optimal is net.report().instance is None
    assert instance.reason not in str(net.report())


@pytest.mark.parametrize("separate", ["labels", "all"])
def test_the_report_does_not_take_the_optimum_for_labels_for_that_for_all_points(separate):
    instance = circle(100, labels="random", random_state=0)
    net = fastmem.memorize(instance.X, instance.y, separate=separate, effort="fast", random_state=0)
    report = net.report(instance=instance)
    assert report.n_hyperplanes > instance.bound
    assert report.is_optimal is False
    assert report.instance_bound_is == ("optimum" if separate == "labels" else "lower bound")
    row = next(line for line in str(report).splitlines() if instance.reason in line)
    ratio = f"{net.n_hyperplanes / instance.bound:.2f} times as many here"
    name = "optimum" if separate == "labels" else "at least"
    assert row == f"{name:<13} {instance.bound} hyperplanes, {ratio}: {instance.reason}"


def test_the_report_beside_a_scale_or_a_lower_bound():
    for instance, name in ((square(100, 0), "scale "), (sphere(100, 4, 0), "at least ")):
        report = fastmem.memorize(instance.X, instance.y, separate="all", random_state=0).report(instance=instance)
        assert report.is_optimal is (None if name == "scale " else False)
        assert any(line.startswith(name) and instance.reason in line for line in str(report).splitlines())


def test_a_report_beside_points_that_were_not_memorized_is_refused():
    net = fastmem.memorize(square(100, 0).X, square(100, 0).y, random_state=0)
    for other in (square(101, 0), sphere(100, 3, 0)):
        with pytest.raises(fastmem.InvalidInput, match="is not what was memorized: 100 points of 2 features"):
            net.report(instance=other)
    with pytest.raises(
        fastmem.InvalidInput, match=r"does not tell apart what .*memorize its X and y, with separate='all'"
    ):
        net.report(instance=square(100, 0))
    with pytest.raises(fastmem.InvalidInput, match="separate='labels'"):
        net.report(instance=circle(100))


@pytest.mark.parametrize("name", ["circle", "moment_curve", "polynomial", "grid"])
def test_no_hyperplanes_that_separate_are_fewer_than_the_lower_bounds(name):
    instance = ONE_OF_EACH[name](0)
    net = fastmem.memorize(instance.X, instance.y, separate="all", random_state=0)
    table = fastmem.bounds(instance.n_points, instance.d, instance.delta)
    assert net.n_hyperplanes >= table.lower_bound_on_hyperplanes
    of_family = {"circle": "circle", "moment_curve": "moment curve", "polynomial": "moment curve", "grid": "cells"}
    value = next(row.value for row in table.lower_bounds if row.name == of_family[name])
    assert instance.bound >= value
    assert net.n_hyperplanes >= value
