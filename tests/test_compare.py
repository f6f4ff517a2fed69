"""Constructions side by side: what the table says is so, and what cannot be built says why."""

import json

import numpy as np
import pytest

import fastmem
from fastmem.constructions import CONSTRUCTIONS

NAMES = ["rajput2021", "baum1988", "compact/integer", "compact/binary"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 16))
    return X / np.linalg.norm(X, axis=1, keepdims=True), rng.integers(0, 3, 400)


@pytest.fixture(scope="module")
def comparison(data):
    return fastmem.compare(*data, random_state=0)


def test_every_construction_memorizes_and_is_counted(data, comparison):
    X, y = data
    assert [row.name for row in comparison.rows] == list(comparison.networks) == NAMES
    for row in comparison.rows:
        net = comparison.networks[row.name]
        assert np.array_equal(net.predict(X), y)
        assert (row.neurons, row.weights, row.depth) == (net.n_neurons, net.n_weights, net.depth)
        assert (row.hyperplanes, row.bits) == (net.n_hyperplanes, 8 * net.nbytes / len(y))
        assert row.largest_integer_weight == max(abs(layer.weights).max() for layer in net.layers[1:])
        assert row.smallest_distance == net.certified_radius(X).min()
        assert row.ratio == row.neurons / row.bound
        assert row.build_seconds > 0 < row.predictions_per_second
        assert row.reason == ""


def test_networks_are_within_what_their_theorem_promises(data, comparison):
    delta = fastmem.separation(data[0]).delta
    assert comparison.delta == delta
    for row in comparison.rows[:2]:
        assert row.bound == CONSTRUCTIONS[row.name].bound(400, 16, delta, 2).neurons >= row.neurons
    assert {row.bound for row in comparison.rows[2:]} == {comparison.rows[0].bound}


def test_the_table_names_every_construction_with_its_counts(comparison):
    lines = str(comparison).splitlines()
    assert lines[0].startswith("400 points of R^16 (400 distinct), 3 classes, delta = ")
    for row in comparison.rows:
        (line,) = (line for line in lines if line.startswith(f"{row.name} "))
        assert f" {row.neurons:,} " in line
        assert f" {row.weights:,} " in line
    widths = {len(line) for line in lines[2:7]}
    assert len(widths) == 1
    assert lines[-1].startswith("at least: the fewest hyperplanes whose cells are as many as the classes, or points")


def test_a_comparison_is_plain_values(comparison):
    values = json.loads(json.dumps(comparison.to_dict()))
    assert [row["name"] for row in values["rows"]] == NAMES
    assert values["n_points"] == 400


def test_what_cannot_be_built_says_why_and_what_its_theorem_asks_for():
    # Many points on one line, and two that nearly coincide.
    line = np.column_stack([np.arange(300.0), 2 * np.arange(300.0) + 1])
    X = np.concatenate([line, 100 * np.random.default_rng(0).standard_normal((399, 2)), [[1 + 1e-9, 3.0]]])
    y = np.zeros(700, int)
    y[:300:2] = 1
    comparison = fastmem.compare(X, y, random_state=0)
    assert set(comparison.networks) == {"compact/integer", "compact/binary"}
    rajput, baum = comparison.rows[:2]
    assert rajput.neurons is baum.neurons is None
    assert "hyperplanes" in rajput.reason
    assert "general position" in baum.reason
    assert rajput.bound > 10**9
    assert f"rajput2021 not built (its theorem: {rajput.bound:,} neurons): for 700 points" in str(comparison)
    assert "baum1988 not built (its theorem: 351 neurons): " in str(comparison)


def test_the_same_seed_gives_the_same_networks(data):
    one, two = (
        fastmem.compare(*data, random_state=np.random.default_rng(1), n_threads=n_threads) for n_threads in (1, 2)
    )
    assert one.networks == two.networks


def test_some_constructions_and_a_given_delta(data):
    comparison = fastmem.compare(*data, constructions=["rajput2021"], delta=0.01, random_state=0)
    assert list(comparison.networks) == ["rajput2021"]
    assert comparison.networks["rajput2021"].drawn["delta"] == comparison.delta == 0.01
    comparison = fastmem.compare(*data, constructions=["baum1988"], random_state=0)
    assert comparison.delta is None  # which takes time to find, and nothing depends on it
    assert comparison.rows[0].bound >= comparison.rows[0].neurons
    with pytest.raises(fastmem.InvalidInput, match="not 'compact'"):
        fastmem.compare(*data, constructions=["compact"])
    with pytest.raises(fastmem.InvalidInput, match="delta"):
        fastmem.compare(*data, delta=3)


def test_data_that_nothing_memorizes_is_refused_at_once():
    with pytest.raises(fastmem.ContradictoryLabels):
        fastmem.compare([[0.0], [0.0]], [0, 1])
    with pytest.raises(fastmem.InvalidInput, match="nan"):
        fastmem.compare([[0.0], [np.nan]], [0, 1])


@pytest.mark.parametrize("X", [[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]], [[0.0], [1.0]]])
def test_one_class_takes_no_neuron_and_no_theorem(X):
    comparison = fastmem.compare(X, np.full(len(X), "a"))
    assert [(row.neurons, row.bound, row.ratio) for row in comparison.rows] == [(0, None, None)] * 4
    assert "rajput2021" in str(comparison)


def test_progress_counts_constructions(data):
    shown = []

    class Bar:
        def __init__(self, **options):
            shown.append([options["desc"], options["total"], 0])

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n=1):
            shown[-1][2] += n

    fastmem.compare(data[0], data[1], random_state=0, delta=0.1, progress=Bar)
    assert shown == [["constructions", 4, 4]]


def test_bounds_are_those_for_what_each_network_tells_apart():
    # Three classes take two hyperplanes at least; all 149 different flowers of Fisher's take eight.
    flowers = pytest.importorskip("sklearn.datasets").load_iris()
    comparison = fastmem.compare(flowers.data, flowers.target, random_state=0)
    assert {row.name: row.hyperplanes_least for row in comparison.rows} == dict(zip(NAMES, [8, 2, 2, 2], strict=True))
    assert comparison.hyperplanes_least == 2
    for row in comparison.rows:
        net = comparison.networks[row.name]
        assert net.separate == ("all" if row.name == "rajput2021" else "labels")
        assert row.hyperplanes_least == net.report().n_hyperplanes_least <= row.hyperplanes
        (line,) = (line for line in str(comparison).splitlines() if line.startswith(f"{row.name} "))
        assert line.split()[1:3] == [f"{row.hyperplanes:,}", f"{row.hyperplanes_least:,}"]
