"""The theorem's construction: sizes as its proof has them, draws that are checked, and limits that are named."""

import math
import time

import numpy as np
import pytest
from scipy import stats

import fastmem
from fastmem.data.points import Points
from fastmem.theory import rajput2021
from fastmem.theory.separation import unit_ball


def sphere(n, d, seed=0):
    X = np.random.default_rng([n, d, seed]).standard_normal((n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def memorized(X, y=None, seed=0, **options):
    """The network, after all its labels were checked."""
    y = np.random.default_rng(1).integers(0, 2, len(X)) if y is None else y
    net = fastmem.memorize(X, y, construction="rajput2021", random_state=seed, **options)
    assert np.array_equal(net.forward(X), y)
    return net


@pytest.mark.parametrize(("n", "delta"), [(2, 2.0), (100, 1.0), (1000, 0.5)])
def test_the_first_layer_is_as_wide_as_the_union_bound_asks(n, delta):
    m = rajput2021.n_hyperplanes(n, delta)
    missed = n * (n - 1) / 2 * (1 - delta / 2 / math.pi) ** m
    assert missed <= rajput2021.FAILURE < n * n / 2 * math.exp(-(m - 1) * delta / 2 / math.pi)


@pytest.mark.parametrize("n", [2, 100, 10**5, 10**8])
def test_the_code_is_as_long_as_the_union_bound_asks(n):
    k = rajput2021.code_bits(n)
    assert n * n / 2 * 2.0**-k <= rajput2021.FAILURE / 2 < n * n / 2 * 2.0 ** -(k - 1)


def test_stages_have_the_sizes_that_the_docstring_gives():
    net = memorized(sphere(1000, 16), np.arange(1000) % 3, delta=0.2)
    m, k, places = rajput2021.n_hyperplanes(1000, 0.2), rajput2021.code_bits(1000), net.store.weights.shape[1]
    ones = int(np.bitwise_count(net.encoder.code.columns).sum())
    assert abs(ones - m * k / 2) <= 2 * math.sqrt(m * k)
    n_blocks = net.store.n_blocks
    assert net.widths[0] == m
    assert net.encoder.n_bits == net.widths[-4] == k
    assert m * k / 2 < sum(net.widths[1:-3]) <= 2 * ones + k * (math.ceil(math.log2(m)) + 1)
    assert net.widths[-3:] == (places + n_blocks - 1, 2 * n_blocks, 2)
    assert n_blocks <= 2 * 1000 / places + 4
    assert net.stages[0] == "hyperplanes"
    assert net.stages[-3:] == ("lift and gates", "block units", "label bits")
    for layer in net.layers[1:-3]:
        assert set(np.unique(layer.weights.data)) <= {-1, 1}


def test_weights_and_offsets_of_the_first_layer_are_standard_normal():
    X = 5 * sphere(300, 8) + 3
    net = memorized(X, delta=0.02)
    centre, radius = unit_ball(Points(X))
    weights = net.hyperplanes.weights.astype(np.float64)
    offsets = (weights @ centre - net.hyperplanes.thresholds) / radius
    assert stats.kstest(weights.ravel(), "norm").pvalue > 0.01
    assert stats.kstest(offsets, "norm").pvalue > 0.01


def test_every_distinct_point_has_a_code_of_its_own_whatever_is_asked():
    X = np.repeat(sphere(200, 5), 3, axis=0)
    y = np.repeat(np.arange(200) % 4, 3)
    net = memorized(X, y)
    assert len(np.unique(net.codes(X))) == net.n_told_apart == 200
    assert memorized(X, y, separate="all") == net
    assert net.n_hyperplanes == rajput2021.n_hyperplanes(200, fastmem.separation(X).delta)
    others = np.repeat(np.arange(200) % 7, 3)
    assert np.array_equal(net.relabel(others).predict(X), others)


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**-60, 0.25, 2.0**60, 2.0**600])
def test_scaling_all_points_changes_no_code(scale):
    X = sphere(100, 6) + 0.5
    assert np.array_equal(memorized(scale * X).codes(scale * X), memorized(X).codes(X))


def test_thresholds_that_overflow_are_refused():
    with pytest.raises(fastmem.InvalidInput, match=r"overflows? float64: rescale"):
        fastmem.memorize([[1.7e308], [-1.7e308]], [0, 1], construction="rajput2021")


def test_draws_are_repeated_and_counted_where_points_are_nearer_than_delta():
    X = np.concatenate([sphere(20, 4), sphere(20, 4) * (1 - 1e-9) + 0.2 * sphere(20, 4, 1)])
    counts = [memorized(X, np.arange(40) % 2, seed, delta=0.7).drawn for seed in range(12)]
    assert max(drawn["hyperplanes"] for drawn in counts) > 1
    assert all(drawn["codes"] >= drawn["hyperplanes"] for drawn in counts)
    assert all(drawn["delta"] == 0.7 for drawn in counts)


def test_a_delta_far_too_large_is_refused_with_what_to_do():
    X = np.concatenate([sphere(20, 4), sphere(20, 4) + 1e-9])
    with pytest.raises(fastmem.InvalidInput, match=r"is delta = 1 the smallest distance .*if delta is left out"):
        fastmem.memorize(X, np.arange(40) % 2, construction="rajput2021", delta=1)


@pytest.mark.parametrize("delta", [0, -1, 2.5, np.nan, "1", True])
def test_what_is_no_distance_in_the_unit_ball_is_refused(delta):
    with pytest.raises(fastmem.InvalidInput, match="delta is a distance of points in the unit ball"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], construction="rajput2021", delta=delta)


def test_a_network_too_large_is_refused_at_once_with_its_size():
    X = sphere(1000, 8)
    X[1] = X[0] + 1e-12
    start = time.perf_counter()
    with pytest.raises(fastmem.NetworkTooLarge, match=r'for 1,000 points of R\^8 .* construction="compact"') as error:
        fastmem.memorize(X, np.arange(1000) % 2, construction="rajput2021")
    assert time.perf_counter() - start < 10
    size = rajput2021.bound(1000, 8, fastmem.separation(X).delta)
    assert (error.value.neurons, error.value.weights) == size
    assert f"{size.neurons:,} neurons" in str(error.value)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize("delta", [5e-324, 1e-300, 1e-20])
def test_a_delta_for_which_numbers_overflow_is_refused_as_too_large(delta):
    with pytest.raises(fastmem.NetworkTooLarge, match="more than"):
        fastmem.memorize(np.eye(2), [0, 1], construction="rajput2021", delta=delta)


@pytest.mark.parametrize(
    "options",
    [{"store": "integer"}, {"effort": "small"}, {"margin": 0.1}, {"fingerprint_bits": 3}],
    ids=str,
)
@pytest.mark.parametrize("construction", ["rajput2021", "baum1988"])
def test_options_of_another_construction_are_refused(construction, options):
    (name,) = options
    with pytest.raises(fastmem.InvalidInput, match=f"{name}=.* is not for construction='{construction}'"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], construction=construction, **options)


def test_the_report_sets_the_network_beside_theorem_and_proof():
    X = sphere(500, 10)
    net = memorized(X)
    report = net.report()
    delta = fastmem.separation(X).delta
    assert report.delta == net.drawn["delta"] == delta
    assert (report.theorem_neurons, report.theorem_weights) == (1 / delta + math.sqrt(500), 10 / delta + 500)
    assert (report.bound_neurons, report.bound_weights) == rajput2021.bound(500, 10, delta)
    assert net.n_neurons <= report.bound_neurons
    text = str(report)
    assert f"proved        at most {report.bound_neurons:,} neurons" in text
    assert "drawn         hyperplanes 1×, linear code 1×" in text
    assert net.report(0.5).delta == 0.5
