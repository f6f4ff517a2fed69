"""Constructions side by side: what the table says is so, and what cannot be built says why."""

import csv
import io
import json
import re
import statistics
import sys

import numpy as np
import pytest
from support.partners import partner

import fastmem
from fastmem.constructions import CONSTRUCTIONS

THEOREMS = [name for name in CONSTRUCTIONS if name != "compact"]
OF_NUMBERS = {"bubeck2020", "yun2019", "park2021", "vardi2021"}
NAMES = [*THEOREMS, "compact/integer", "compact/binary"]
TIMES = {"build_seconds", "predictions_per_second"}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 16))
    return X / np.linalg.norm(X, axis=1, keepdims=True), rng.integers(0, 3, 400)


@pytest.fixture(scope="module")
def comparison(data):
    return fastmem.compare(*data, random_state=0)


@pytest.fixture(scope="module")
def of_seeds(data):
    return fastmem.compare(*data, random_state=3, seeds=3)


@pytest.fixture(scope="module")
def not_built():
    """Many points on one line, and two that nearly coincide."""
    line = np.column_stack([np.arange(300.0), 2 * np.arange(300.0) + 1])
    X = np.concatenate([line, 100 * np.random.default_rng(0).standard_normal((399, 2)), [[1 + 1e-9, 3.0]]])
    y = np.zeros(700, int)
    y[:300:2] = y[-1] = 1
    return fastmem.compare(X, y, random_state=0, seeds=2)


def test_every_construction_memorizes_and_is_counted(data, comparison):
    X, y = data
    assert [row.name for row in comparison.rows] == list(comparison.networks) == NAMES
    for row in comparison.rows:
        net = comparison.networks[row.name]
        assert np.array_equal(net.predict(X), y)
        assert (row.neurons, row.weights, row.depth) == (net.n_neurons, net.n_weights, net.depth)
        assert row.bits == 8 * net.nbytes / len(y)
        if row.name in OF_NUMBERS:
            assert row.hyperplanes is row.hyperplanes_least is row.smallest_distance is None
            weights = [weight for layer in net.layers for weight in layer.weights.data.tolist()]
            assert row.largest_integer_weight == max(map(abs, weights))
        else:
            assert row.hyperplanes == net.n_hyperplanes
            assert row.largest_integer_weight == max(abs(layer.weights).max() for layer in net.layers[1:])
            assert row.smallest_distance == net.certified_radius(X).min()
        assert row.float64_safe is net.is_safe("float64")
        assert row.build_seconds > 0 < row.predictions_per_second
        assert row.reason == ""
        assert row.deviations == {}


def test_the_longest_integer_is_that_of_weights_and_thresholds_behind_the_first_layer(comparison):
    for row in comparison.rows:
        layers = comparison.networks[row.name].layers[row.name not in OF_NUMBERS :]
        numbers = [
            int(number) for layer in layers for part in (layer.weights.data, layer.thresholds) for number in part
        ]
        assert row.longest_integer == max(len(f"{abs(number):b}") for number in numbers)
    # No weight is longer than a bit here, and no threshold shorter than four.
    net = fastmem.Network.from_layers([(np.eye(9), np.zeros(9)), (np.ones((1, 9), int), [-9])], [0, 1])
    assert (net.largest_integer_weight, net.longest_integer) == (1, 4)
    assert fastmem.memorize([[0.0]], [1]).longest_integer == 0


def test_networks_are_within_what_their_theorem_promises(data, comparison):
    deltas = {"all": fastmem.separation(data[0]).delta, "labels": fastmem.separation(*data).delta, None: None}
    assert (comparison.delta, comparison.delta_of_labels) == (deltas["all"], deltas["labels"])
    for row in comparison.rows[: len(THEOREMS)]:
        construction = CONSTRUCTIONS[row.name]
        assert row.bound == construction.bound(400, 16, deltas[construction.DELTA], 2).neurons >= row.neurons
        assert row.ratio == row.neurons / row.bound


def test_a_theorem_stands_only_beside_networks_that_tell_apart_what_it_does(data, comparison):
    # That of rajput2021 tells all points apart, "compact" only classes if it is not asked for more.
    assert {(row.bound, row.ratio) for row in comparison.rows[-2:]} == {(None, None)}
    of_all = fastmem.compare(*data, separate="all", random_state=0)
    bounds = [row.bound for row in comparison.rows[: len(THEOREMS)]]
    assert [row.bound for row in of_all.rows] == [*bounds, *bounds[:1] * 2]
    of_labels = ["labels"] * (len(THEOREMS) - 1)
    assert [of_all.networks[name].separate for name in NAMES] == ["all", *of_labels, "all", "all"]
    assert [row.ratio for row in of_all.rows] == [row.neurons / row.bound for row in of_all.rows]
    with pytest.raises(fastmem.InvalidInput, match="separate must be one of"):
        fastmem.compare(*data, separate="none")


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_constructions_say_which_smallest_distance_their_bound_depends_on(name):
    construction = CONSTRUCTIONS[name]
    assert construction.DELTA in ("all", "labels", None)
    if hasattr(construction, "bound"):
        near, far = (construction.bound(1000, 16, delta, 2) for delta in (0.1, 1.0))
        assert (near == far) == (construction.DELTA is None)


def test_the_table_names_every_construction_with_its_counts(comparison):
    lines = str(comparison).splitlines()
    assert lines[0].startswith("400 points of R^16 (400 distinct), 3 classes, delta = ")
    for row in comparison.rows:
        (line,) = (line for line in lines if line.startswith(f"{row.name} "))
        assert f" {row.neurons:,} " in line
        assert f" {row.weights:,} " in line
        assert f" {'yes' if row.float64_safe else 'no'} " in line
    assert max(map(len, lines)) < 160
    # Of numbers the last digits stand below each other: those of hyperplanes, with their heading.
    ends = {line.index(" planes") + 7 for line in lines if " planes" in line}
    for row, line in zip(comparison.rows, lines[4 : 4 + len(NAMES)], strict=True):
        (end,) = ends
        assert row.name in OF_NUMBERS or line[:end].endswith(f" {row.hyperplanes:,}")
    assert lines[-1].startswith("at least: the fewest hyperplanes whose cells are as many as the classes, or points")


def test_a_comparison_is_plain_values(comparison):
    values = json.loads(json.dumps(comparison.to_dict()))
    assert [row["name"] for row in values["rows"]] == NAMES
    assert values["n_points"] == 400
    assert values["seeds"] == [0]


def test_what_cannot_be_built_says_why_and_what_its_theorem_asks_for(not_built):
    assert set(not_built.networks) == {*OF_NUMBERS, "boxes", "compact/integer", "compact/binary"}
    rajput, baum, vershynin, dirksen = (row for row in not_built.rows if row.name not in not_built.networks)
    assert rajput.neurons is baum.neurons is None
    assert "hyperplanes" in rajput.reason
    assert "general position" in baum.reason
    assert "on a sphere" in vershynin.reason
    assert "hyperplanes" in dirksen.reason
    assert 15.15 < np.log10(rajput.bound) < 15.25
    assert "rajput2021 not built (its theorem: 10^15.18 neurons): with seed 0: for 700 " in str(not_built)
    assert "baum1988 not built (its theorem: 351 neurons): with seed 0: " in str(not_built)


def test_where_nothing_can_be_built_the_reasons_are_all(not_built, data):
    comparison = fastmem.compare(*data, constructions=["rajput2021"], delta=1e-300)
    (_, _, line) = str(comparison).splitlines()
    assert re.fullmatch(r"rajput2021 not built \(its theorem: 10\^30\d\.\d neurons\): for 400 points .*", line)
    assert comparison.networks == {}
    assert comparison.to_csv().count("\n") == 2
    assert re.search(r"\nrajput2021 & not built & \$10\^\{30\d\.\d\}\$ \\\\\n", comparison.to_latex())


# Seeds


def test_of_several_seeds_there_are_means_and_deviations(data, of_seeds):
    assert of_seeds.seeds == (3, 4, 5)
    alone = [fastmem.compare(*data, random_state=seed) for seed in of_seeds.seeds]
    for row, *each in zip(of_seeds.rows, *(one.rows for one in alone), strict=True):
        for name in ("neurons", "weights", "bits", "smallest_distance", "longest_integer", "hyperplanes"):
            values = [getattr(one, name) for one in each]
            if None in values:
                assert row.name in OF_NUMBERS
                continue
            assert getattr(row, name) == pytest.approx(np.mean(values), rel=1e-12)
            assert row.deviations.get(name, 0) == pytest.approx(statistics.stdev(values), rel=1e-12)
            if len(set(values)) == 1 and isinstance(values[0], int):
                assert isinstance(getattr(row, name), int)
        assert row.largest_integer_weight == max(one.largest_integer_weight for one in each)
        assert row.float64_safe is all(one.float64_safe for one in each)
        assert set(row.deviations) >= TIMES
    assert of_seeds.networks == alone[0].networks


def test_deviations_stand_below_their_means(of_seeds):
    lines = str(of_seeds).splitlines()
    assert lines[0].endswith("; means over 3 seeds, and ± standard deviations")
    assert max(map(len, lines)) < 160
    (row,) = (row for row in of_seeds.rows if row.name == "compact/binary")
    (i,) = (i for i, line in enumerate(lines) if line.startswith("compact/binary "))
    assert f" {row.weights:,.1f} " in lines[i]
    end = lines[i].index(f" {row.weights:,.1f} ") + len(f" {row.weights:,.1f}")
    shown = float(lines[i + 1][:end].rpartition("± ")[2].replace(",", ""))
    assert shown == pytest.approx(row.deviations["weights"], rel=0.05)


def test_seeds_are_counted_given_or_drawn(data):
    def seeds(**options):
        return fastmem.compare(*data, constructions=["baum1988"], **options).seeds

    assert seeds(seeds=2, random_state=np.int64(7)) == (7, 8)
    assert seeds(seeds=[5, 2]) == seeds(seeds=np.array([5, 2])) == (5, 2)
    one, two = (seeds(seeds=2, random_state=np.random.default_rng(1)) for _ in range(2))
    assert one == two
    assert seeds(random_state=np.random.default_rng(1)) == one[:1]
    assert len(set(seeds(seeds=2))) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be an integer from 1"),
        ({"seeds": True}, "seeds must be an integer"),
        ({"seeds": 1.5}, "seeds is how many, or which, not 1.5"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [1, -1]}, r"seeds\[1\] must be an integer from 0"),
        ({"seeds": [1], "random_state": 1}, "give one of them"),
        ({"random_state": -1}, "random_state must be a non-negative integer"),
    ],
)
def test_what_are_no_seeds_is_refused(data, options, message):
    with pytest.raises(fastmem.InvalidInput, match=message):
        fastmem.compare(*data, **options)


# Columns


def test_all_columns_are_compared_with_few_where_few_are_read():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 200)), rng.integers(0, 2, 300)
    comparison = fastmem.compare(X, y, constructions=["compact"], random_state=0)
    names = ["compact/integer", "compact/integer/all-columns", "compact/binary", "compact/binary/all-columns"]
    assert [row.name for row in comparison.rows] == names
    assert [len(comparison.networks[name].columns) < 200 for name in names] == [True, False] * 2
    X = X[:, :20]  # where few columns are no faster
    asked = fastmem.compare(X, y, constructions=names[2:], random_state=0).networks
    assert asked["compact/binary"] == asked["compact/binary/all-columns"]
    assert [row.name for row in fastmem.compare(X, y, constructions=["compact"], random_state=0).rows] == names[::2]


# Tables


def test_values_separated_by_commas_are_those_of_the_rows(of_seeds, tmp_path):
    records = list(csv.DictReader(io.StringIO(of_seeds.to_csv())))
    assert [record["name"] for record in records] == NAMES
    for record, row in zip(records, of_seeds.rows, strict=True):
        assert float(record["weights"]) == row.weights
        assert float(record["build_seconds"]) == row.build_seconds
        assert float(record["build_seconds_deviation"]) == row.deviations["build_seconds"]
        assert record["float64_safe"] == str(row.float64_safe)
    assert records[-1]["bound"] == records[-1]["reason"] == ""
    assert of_seeds.to_csv(tmp_path / "sizes.csv") is None
    assert (tmp_path / "sizes.csv").read_bytes() == of_seeds.to_csv().encode()


def test_without_several_seeds_there_are_no_columns_of_deviations(comparison):
    assert "deviation" not in comparison.to_csv()


def test_a_tabular_of_latex_has_as_many_cells_in_each_row(of_seeds, not_built):
    for comparison in (of_seeds, not_built):
        begin, top, head, middle, *rows, bottom, end = comparison.to_latex().splitlines()
        assert [top, middle, bottom, end] == [r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}"]
        n = head.count("&") + 1
        assert begin == rf"\begin{{tabular}}{{l{'r' * (n - 1)}}}"
        assert [row.count("&") + 1 for row in rows] == [n] * len(NAMES)
        assert all(row.endswith(r" \\") for row in [head, *rows])
    assert "bits a point & longest integer & exact in float64" in head
    assert "hyperplanes" in head
    assert rows[0].startswith("rajput2021 & not built & ")
    assert rows[0].endswith(r" & $10^{15.18}$ &  \\")
    assert re.search(r"& \$[\d.]+ \\times 10\^\{-\d+\}\$ \$\\pm\$ ", of_seeds.to_latex())


@pytest.mark.partner
def test_a_data_frame_has_numbers_in_every_column_but_reasons(of_seeds, not_built):
    pandas = partner("pandas")
    frame = of_seeds.to_pandas()
    assert list(frame.index) == NAMES
    text = [name for name in frame if not pandas.api.types.is_numeric_dtype(frame[name])]
    assert text == ["largest_integer_weight", "reason"]  # integers of any size are objects
    (row,) = (row for row in of_seeds.rows if row.name == "baum1988")
    assert frame.loc["baum1988", "weights"] == row.weights
    assert frame.loc["baum1988", "build_seconds_deviation"] == row.deviations["build_seconds"]
    frame = not_built.to_pandas()
    assert frame["depth"].dtype == "Int64"
    assert frame["depth"].isna().tolist() == [row.name not in not_built.networks for row in not_built.rows]
    assert frame.loc["rajput2021", "bound"] == not_built.rows[0].bound
    assert frame["float64_safe"].dtype == "boolean"


def test_a_data_frame_without_pandas_says_what_to_install(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=re.escape('pip install "fastmem-nn[pandas]"')):
        comparison.to_pandas()


# Data and options


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
    with pytest.raises(fastmem.InvalidInput, match="not 'compct'"):
        fastmem.compare(*data, constructions=["compct"])
    with pytest.raises(fastmem.InvalidInput, match="not none"):
        fastmem.compare(*data, constructions=[])
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
    assert [(row.neurons, row.bound, row.ratio) for row in comparison.rows] == [(0, None, None)] * len(NAMES)
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
    assert shown == [["constructions", len(NAMES), len(NAMES)]]


def test_bounds_are_those_for_what_each_network_tells_apart():
    # Three classes take two hyperplanes at least; all 149 different flowers of Fisher's take eight.
    flowers = pytest.importorskip("sklearn.datasets").load_iris()
    names = [name for name in NAMES if name != "vershynin2020"]  # flowers lie on no sphere
    comparison = fastmem.compare(flowers.data, flowers.target, constructions=names, random_state=0)
    assert [row.hyperplanes_least for row in comparison.rows] == [8, 2, None, None, None, None, 2, 2, 2, 2]
    assert comparison.hyperplanes_least == 2
    for row in comparison.rows:
        net = comparison.networks[row.name]
        assert net.separate == ("all" if row.name == "rajput2021" else "labels")
        if row.name in OF_NUMBERS:
            continue
        assert row.hyperplanes_least == net.report().n_hyperplanes_least <= row.hyperplanes
        (line,) = (line for line in str(comparison).splitlines() if line.startswith(f"{row.name} "))
        assert f" {row.hyperplanes:,} {row.hyperplanes_least:,} " in re.sub(" +", " ", f"{line} ")
