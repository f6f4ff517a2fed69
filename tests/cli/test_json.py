"""Commands with --json: one line of JSON on standard output that says what the text says."""

import json

import numpy as np
import pytest
from support.command_line import failure, run, write_npy

import fastmem
from fastmem.cli.files import as_json


def printed(*arguments, code=0):
    """What a command prints as JSON on its only line."""
    result = run(*arguments, "--json", code=code)
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(line, parse_constant=refuse)


@pytest.fixture
def built(tmp_path):
    """A network file, its points, and their labels."""
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 4
    points, labels = write_npy(tmp_path / "X.npy", X), write_npy(tmp_path / "y.npy", y)
    fastmem.memorize(X, y, random_state=0, separate="all", fingerprint_bits=32).save(tmp_path / "net")
    return tmp_path / "net", points, labels


def as_read(values):
    """Plain values as JSON returns them: tuples as lists, infinity as null."""
    return json.loads(json.dumps(values).replace("Infinity", "null"))


def test_demo():
    value = printed("demo", "--points", 300, "--seed", 1)
    assert (value["n"], value["n_wrong"]) == (300, 0)
    assert value["build_seconds"] > 0
    assert value["predictions_per_second"] > 0
    assert value["report"]["n_points"] == 300
    assert 0 < value["report"]["delta"] < 2


def test_build_describes_the_network_that_it_wrote(built, tmp_path):
    _, points, labels = built
    value = printed("build", points, labels, "-o", tmp_path / "new")
    assert value["path"] == str(tmp_path / "new")
    assert value["bytes"] == (tmp_path / "new").stat().st_size
    assert value["build_seconds"] > 0
    assert value["report"] == as_read(fastmem.load(tmp_path / "new").report().to_dict())


def test_info_is_the_report(built):
    report = fastmem.load(built[0]).report(0.5)
    assert printed("info", built[0], "--delta", 0.5) == as_read(report.to_dict())


def test_a_margin_without_end_is_null(tmp_path):
    fastmem.memorize([[0.0], [1.0]], ["a", "a"]).save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net").report().relative_margin == np.inf
    assert printed("info", tmp_path / "net")["relative_margin"] is None


def test_compare_is_the_comparison(built, tmp_path):
    _, points, labels = built
    value = printed("compare", points, labels, "--construction", "baum1988", "--plot", tmp_path / "sizes.png")
    assert value["n_points"] == 60
    assert [row["name"] for row in value["rows"]] == ["baum1988"]
    assert value["rows"][0]["depth"] == 2
    assert value["rows"][0]["deviations"] == {}
    value = json.loads(run("compare", points, labels, "--format", "json", "--seeds", 2, "--seed", 1).stdout)
    assert value["seeds"] == [1, 2]
    assert "build_seconds" in value["rows"][0]["deviations"]
    assert (tmp_path / "sizes.png").exists()


def test_verify_counts_the_labels(built, tmp_path):
    net, points, labels = built
    right = {"n": 60, "n_wrong": 0, "first_wrong_row": None, "predicted": None, "expected": None}
    assert printed("verify", net, points, labels) == right
    y = np.load(labels)
    y[[20, 33]] = 7
    wrong = write_npy(tmp_path / "wrong.npy", y)
    value = printed("verify", net, points, wrong, code=1)
    assert value == {"n": 60, "n_wrong": 2, "first_wrong_row": 20, "predicted": 0, "expected": 7}


def test_predict_prints_an_array(built):
    net, points, labels = built
    assert printed("predict", net, points) == np.load(labels).tolist()


def test_predict_describes_the_file_that_it_wrote(built, tmp_path):
    net, points, labels = built
    value = printed("predict", net, points, "-o", tmp_path / "out.npy")
    size = (tmp_path / "out.npy").stat().st_size
    assert value == {"path": str(tmp_path / "out.npy"), "bytes": size, "n": 60, "dtype": "int64"}
    assert np.array_equal(np.load(tmp_path / "out.npy"), np.load(labels))


def test_an_unknown_label_that_is_nan_is_null(built, tmp_path):
    net, _, _ = built
    other = write_npy(tmp_path / "other.npy", np.random.default_rng(1).standard_normal((200, 3)))
    values = printed("predict", net, other, "--unknown", "nan")
    assert np.array_equal([value is None for value in values], ~fastmem.load(net).contains(np.load(other)))
    assert None in values


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (np.array([True, False]), [True, False]),
        (np.array([0.1, -0.0]), [0.1, -0.0]),
        (np.array([0.1, -0.0], np.float32), [float(np.float32(0.1)), -0.0]),
        (np.array([2**63, 1], np.uint64), [2**63, 1]),
        (np.array(["a", '"ä\n']), ["a", '"ä\n']),
        (np.array([b"a", b"\xff"]), ["a", "\\xff"]),
        (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), ["2020-01-01", "2021-01-01"]),
        (np.array([1, 2], "m8[D]"), ["1 days", "2 days"]),
        (np.array([1j, 2]), ["1j", "(2+0j)"]),
        (np.array([None, 1], object), [None, 1]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_labels_are_values_or_the_text_that_predict_prints(labels, values, tmp_path):
    fastmem.memorize([[0.0], [1.0]], labels).save(tmp_path / "net")
    points = write_npy(tmp_path / "X.npy", np.array([[0.0], [1.0]]))
    assert printed("predict", tmp_path / "net", points) == values


def test_numpy_scalars_in_any_depth_are_plain_values():
    value = {"a": [np.int8(1), (np.float32(0.5), np.inf)], "b": {"c": np.bool(True), "d": -np.float64("nan")}}
    assert as_json(value) == '{"a": [1, [0.5, null]], "b": {"c": true, "d": null}}'


@pytest.mark.parametrize("command", ["build", "predict", "verify", "compare"])
def test_an_error_is_one_line_on_standard_error(command, built, tmp_path):
    net, _, labels = built
    bad = write_npy(tmp_path / "bad.npy", np.full((60, 3), np.nan))
    arguments = {"build": [bad, labels, "-o", tmp_path / "new"], "predict": [net, bad]}
    arguments |= {"verify": [net, bad, labels], "compare": [bad, labels]}
    assert "X[0, 0] is nan" in failure(command, *arguments[command], "--json")
