"""The dashboard of the benchmarks: what it leaves out and changes of asv's, and what the script that opens it says."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def scripts():
    """Imports a script of benchmarks/ under its name, as other scripts of the folder do."""
    sys.path.insert(0, str(BENCHMARKS))
    yield importlib.import_module
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def axes(scripts):
    return scripts("axes")


@pytest.fixture(scope="module")
def check(scripts):
    return scripts("check_dashboard")


def test_benchmarks_without_a_point_are_left_out(axes):
    lines = {"measured": [[], [(1, 0.5, 1.0)]], "skipped": [[], []], "unknown": []}
    assert axes.without_results(lines) == ["skipped", "unknown"]


def row(name, value=1.0):
    """A row of asv's list of benchmarks."""
    return {"pretty_name": name, "last_value": value, "prev_value": 2.0, "change_rev": [1, 2]}


def test_rows_without_a_value_are_left_out(axes):
    measured = row("network.Predict.time_predict('digits')")
    assert list(axes.shown([row("network.Files.time_load", None), measured])) == [measured]


@pytest.mark.parametrize(
    "name",
    [
        "network.Predict.time_matrix_product('digits')",
        "network.FirstCall.timeraw_import_numpy",
        "peers.Peers.time_fit('1-NN')",
    ],
)
def test_what_fastmem_stands_beside_has_no_changes(axes, name):
    (shown,) = axes.shown([row(name)])
    assert shown == {"pretty_name": name, "last_value": 1.0, "prev_value": None, "change_rev": None}


def test_fastmem_among_its_peers_has_changes(axes):
    assert list(axes.shown([row("peers.Peers.time_fit('fastmem')")])) == [row("peers.Peers.time_fit('fastmem')")]


def test_another_page_of_asv_is_refused(axes):
    assert axes.changed("one two", [("two", "three")], "asv.js") == "one three"
    with pytest.raises(RuntimeError, match=r"asv's asv.js does not hold 'four'"):
        axes.changed("one two", [("four", "five")], "asv.js")


def test_commits_have_words(axes):
    commits = axes.commits()
    assert 5 <= len(commits) <= 8
    assert next(iter(commits.values())) == "version 0.1.0"
    assert all(len(hash) == 8 and words for hash, words in commits.items())


def test_axes_are_logarithmic_above_a_hundred_times(check):
    assert not check.differs([[[0, 1.0], [1, 2.0]], [[0, 100.0]]])
    assert check.differs([[[0, 1.0], [1, 2.0]], [[0, 101.0]]])
    assert check.differs([[[0, 0.0], [1, 2.0]], [[0, 201.0]]])
    assert not check.differs([[[0, 0.0]], []])


def found(check, **changes):
    """What the browser finds in a dashboard of one benchmark without faults, but for the changes."""
    graph = {"series": [[[commit, 1.0] for commit in range(check.COMMITS)]], "logarithmic": False}
    boxes = {"summarygrid-a": 3}
    faultless = {"grid": ["#a"], "list": ["#a?p=1"], "boxes": boxes, "rowsWithoutValue": 0, "colours": 9}
    return faultless | {"graphs": {"a": graph}} | changes


def test_a_dashboard_without_faults_passes(check):
    assert list(check.faults(found(check), ["a"], "a")) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"error": "nothing there"}, "nothing there"),
        ({"grid": []}, "the grid lacks 1 benchmarks, a for one"),
        ({"boxes": {"summarygrid-a": 0}}, "the box of a is empty"),
        ({"rowsWithoutValue": 2}, "2 rows of the list have no value"),
        ({"colours": 1}, "the graph is blank"),
    ],
)
def test_faults_of_a_dashboard_are_told(check, changes, fault):
    assert list(check.faults(found(check, **changes), ["a"], "a")) == [fault]


@pytest.mark.parametrize(
    ("values", "logarithmic", "fault"),
    [
        ([[1.0] * 5, []], False, "1 lines of the graph of a have no point"),
        ([[1.0] * 5], True, "the axis of a is logarithmic, which does not suit its lines"),
        ([[1.0, 200.0, 1.0, 1.0, 1.0]], False, "the axis of a is linear, which does not suit its lines"),
        ([[1.0] * 4], False, "no line of the graph has points of 5 commits"),
    ],
)
def test_faults_of_a_graph_are_told(check, values, logarithmic, fault):
    series = [list(map(list, enumerate(line))) for line in values]
    graphs = {"a": {"series": series, "logarithmic": logarithmic}}
    assert list(check.faults(found(check, graphs=graphs), ["a"], "a")) == [fault]
