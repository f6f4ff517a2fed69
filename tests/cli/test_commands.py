"""The command line: each command on each kind of file, exit codes, and errors that are one clear line."""

import csv
import gc
import io
import os
import shutil
import subprocess
import sys
import sysconfig

import click
import numpy as np
import pytest
from click.testing import CliRunner
from support.command_line import failure, run, usage_error, write_csv, write_npy

import fastmem
from fastmem.cli import commands
from fastmem.cli.commands import main
from fastmem.cli.wording import in_options


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((60, 3)).astype(np.float32), rng.integers(0, 4, 60)


def build_csv(tmp_path, text, *options):
    """Network built from the text of a .csv file."""
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    run("build", tmp_path / "data.csv", "-o", tmp_path / "net", *options)
    return fastmem.load(tmp_path / "net")


# demo, help, version


@pytest.mark.parametrize(
    ("points", "features", "classes"), [(2, 1, 2), (500, 8, 2), (300, 2, 10), (200, 1, 3), (50, 4, 1), (200, 2, 2)]
)
def test_demo_returns_all_labels(points, features, classes):
    result = run("demo", "--points", points, "--features", features, "--classes", classes)
    assert f"labels returned: {points:,} of {points:,}" in result.stdout
    assert "theorem" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("features", [1, 2, 3])
def test_points_of_the_demo_differ(features):
    X, _ = commands._random_points(100_000, features, 2, np.random.default_rng(0))
    assert len(np.unique(X, axis=0)) == 100_000


def test_demo_takes_delta_in_the_unit_ball():
    stdout = run("demo", "--points", 2, "--features", 1, "--classes", 2).stdout
    assert "delta         2 in the unit ball" in stdout


def test_demo_depends_on_the_seed_alone():
    def sizes(*options):
        lines = run("demo", "--points", 300, *options).stdout.splitlines()
        return [line for line in lines if not line.startswith("built")]

    assert sizes("--seed", 1) == sizes("--seed", 1, "--threads", 2)
    assert sizes("--seed", 1) != sizes("--seed", 2)


@pytest.mark.parametrize("command", [*main.commands])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help(command, option):
    assert "Usage: " in run(command, option).stdout


def test_help_lists_the_commands():
    assert set(main.commands) == {
        "demo", "build", "predict", "verify", "info", "report", "compare", "export", "completion"
    }  # fmt: skip
    stdout = run("--help").stdout
    assert all(name in stdout for name in main.commands)


def test_the_version_is_printed():
    assert fastmem.__version__ in run("--version").stdout


# Build, predict and verify on every kind of file


def files(kind, folder, X, y):
    """Arguments that name points and labels, and the file of points alone."""
    if kind == "npy":
        return [write_npy(folder / "X.npy", X), write_npy(folder / "y.npy", y)], folder / "X.npy"
    if kind == "npz":
        np.savez(folder / "data.npz", X=X, y=y)
        return [folder / "data.npz"], folder / "data.npz"
    if kind == "compressed npz":
        np.savez_compressed(folder / "data.npz", y=y, X=X, other=X)
        return [folder / "data.npz"], folder / "data.npz"
    if kind == "npy and csv":
        labels = folder / "y.csv"
        labels.write_text("".join(f"{label}\n" for label in y), encoding="utf-8")
        return [write_npy(folder / "X.npy", X), labels], folder / "X.npy"
    header = ["x0", "x1", "x2"] if kind == "csv with header" else None
    points = write_csv(folder / "points.csv", X, header=header)
    return [write_csv(folder / "data.csv", X, y, header and [*header, "label"])], points


KINDS = ["npy", "npz", "compressed npz", "npy and csv", "csv", "csv with header"]


@pytest.mark.parametrize("kind", KINDS)
def test_build_writes_a_network_that_returns_the_labels(kind, data, tmp_path):
    X, y = data
    arguments, _ = files(kind, tmp_path, X, y)
    result = run("build", *arguments, "-o", tmp_path / "net.safetensors")
    assert result.stderr == ""
    assert "60 points of 3 features, 4 classes" in result.stdout
    assert np.array_equal(fastmem.load(tmp_path / "net.safetensors").predict(X), y)


@pytest.mark.parametrize("kind", KINDS)
def test_verify_confirms_the_labels_of_a_built_network(kind, data, tmp_path):
    arguments, _ = files(kind, tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "net")
    result = run("verify", tmp_path / "net", *arguments)
    assert result.stdout == "all 60 labels returned\n"
    assert result.stderr == ""


@pytest.mark.parametrize("kind", KINDS)
def test_predict_prints_the_labels(kind, data, tmp_path):
    X, y = data
    arguments, points = files(kind, tmp_path, X, y)
    run("build", *arguments, "-o", tmp_path / "net")
    result = run("predict", tmp_path / "net", points)
    assert result.stdout == "".join(f"{label}\n" for label in y)
    assert result.stderr == ""


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "csv with header"])
def test_text_labels_go_through_every_kind_of_file(kind, data, tmp_path):
    X, y = data
    y = np.array(["cat", "dog", "猫", "big cat"])[y]
    arguments, points = files(kind, tmp_path, X, y)
    run("build", *arguments, "-o", tmp_path / "net")
    assert run("predict", tmp_path / "net", points).stdout.splitlines() == y.tolist()
    run("verify", tmp_path / "net", *arguments)


def test_the_same_seed_writes_the_same_file(data, tmp_path):
    arguments, _ = files("npy", tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "a", "--seed", 5, "--threads", 1)
    run("build", *arguments, "-o", tmp_path / "b", "--seed", 5, "--threads", 2)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_separate_all_tells_distinct_points_apart(data, tmp_path):
    X, _ = data
    arguments, _ = files("npy", tmp_path, X, np.zeros(60))
    run("build", *arguments, "-o", tmp_path / "net", "--separate", "all")
    assert len(np.unique(fastmem.load(tmp_path / "net").codes(X))) == 60


def test_info_reports_on_the_network(data, tmp_path):
    arguments, _ = files("npy", tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "net")
    stdout = run("info", tmp_path / "net").stdout
    assert stdout == f"{fastmem.load(tmp_path / 'net').report()}\n"
    assert "60 points of R^3, 4 classes" in stdout
    assert "theorem" not in stdout


def test_info_with_delta_reports_the_sizes_of_the_theorem(data, tmp_path):
    arguments, _ = files("npy", tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "net")
    assert "theorem" in run("info", tmp_path / "net", "--delta", 0.01).stdout


# Stores, fingerprints and unknown points


@pytest.mark.parametrize("store", ["binary", "integer"])
def test_the_store_is_chosen_by_an_option(store, data, tmp_path):
    X, y = data
    arguments, _ = files("npy", tmp_path, X, y)
    result = run("build", *arguments, "-o", tmp_path / "net", "--store", store)
    net = fastmem.load(tmp_path / "net")
    assert net.store.name == store
    assert net.store_reason == ""
    assert f"{store} store" in result.stdout
    assert np.array_equal(net.predict(X), y)


def test_the_binary_store_is_the_default(data, tmp_path):
    arguments, _ = files("npy", tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "net")
    assert fastmem.load(tmp_path / "net").store.name == "binary"


@pytest.mark.parametrize("construction", ["rajput2021", "baum1988"])
def test_the_construction_is_chosen_by_an_option(construction, data, tmp_path):
    arguments, points = files("npz", tmp_path, *data)
    network = tmp_path / "net.safetensors"
    run("build", *arguments, "-o", network, "--construction", construction, "--seed", 0)
    assert fastmem.load(network).construction == construction
    run("verify", network, *arguments)
    assert run("predict", network, points).stdout.split() == [str(label) for label in data[1]]
    assert f"construction  {construction}, " in run("info", network).stdout
    assert "need" in failure("predict", network, points, "--unknown", 7)


def test_an_option_of_another_construction_is_refused(data, tmp_path):
    arguments, _ = files("npz", tmp_path, *data)
    message = failure("build", *arguments, "-o", tmp_path / "net", "--construction", "baum1988", "--store", "integer")
    assert message == "Error: --store integer is not for --construction baum1988, which takes no such option"


def test_compare_shows_every_construction_and_draws_it(data, tmp_path):
    arguments, _ = files("npz", tmp_path, *data)
    picture = tmp_path / "comparison.png"
    stdout = run("compare", *arguments, "--seed", 0, "--plot", picture).stdout
    assert all(f"\n{name} " in stdout for name in ("rajput2021", "baum1988", "compact/integer", "compact/binary"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    stdout = run("compare", *arguments, "--construction", "baum1988", "--delta", 0.1).stdout
    assert "\nbaum1988 " in stdout
    assert "rajput2021" not in stdout
    assert "delta = 0.1 " in stdout


def test_compare_prints_what_other_programs_read(data, tmp_path):
    arguments, _ = files("npz", tmp_path, *data)
    arguments += ["--construction", "baum1988", "--seed", 4]
    (row,) = csv.DictReader(io.StringIO(run("compare", *arguments, "--format", "csv", "--seeds", 2).stdout))
    assert row["name"] == "baum1988"
    assert float(row["build_seconds_deviation"]) > 0
    latex = run("compare", *arguments, "--format", "latex").stdout
    assert latex.startswith(r"\begin{tabular}")
    assert latex.endswith("\\end{tabular}\n")
    assert run("compare", *arguments, "--format", "table").stdout.split("\n")[0].endswith(" classes")
    assert "--json is --format json, and not" in usage_error("compare", *arguments, "--format", "csv", "--json")


def test_compare_tells_all_points_apart_where_it_is_asked_to(data, tmp_path):
    arguments, _ = files("npz", tmp_path, *data)
    stdout = run("compare", *arguments, "--construction", "compact/binary", "--separate", "all").stdout
    assert "theorem's" in stdout
    assert "theorem's" not in run("compare", *arguments, "--construction", "compact/binary").stdout


def test_compare_names_the_kinds_of_picture_before_it_builds_anything(data, tmp_path):
    arguments, _ = files("npz", tmp_path, *data)
    message = usage_error("compare", *arguments, "--plot", tmp_path / "picture.xyz")
    assert "pictures are written as" in message
    assert "png" in message


def test_compare_without_matplotlib_says_what_to_install(data, tmp_path, monkeypatch):
    arguments, _ = files("npz", tmp_path, *data)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    message = failure("compare", *arguments, "--plot", tmp_path / "picture.png")
    assert message == 'Error: --plot needs matplotlib, which is not installed: pip install "fastmem-nn[plot]"'


def test_info_says_why_the_store_is_another(tmp_path):
    net = build_csv(tmp_path, "0,a\n1,b\n2,a\n")
    assert net.store_reason
    assert net.store_reason in run("info", tmp_path / "net").stdout


@pytest.fixture
def recognising(data, tmp_path):
    """A network file with fingerprints, points of which the last 60 were never stored, and the labels of the others."""
    X, y = data
    write_npy(tmp_path / "X.npy", X)
    write_npy(tmp_path / "y.npy", y)
    options = ["--fingerprint-bits", 32, "--separate", "all", "--seed", 0]
    run("build", tmp_path / "X.npy", tmp_path / "y.npy", "-o", tmp_path / "net", *options)
    net = fastmem.load(tmp_path / "net")
    other = np.random.default_rng(1).standard_normal((9999, 3)).astype(np.float32)
    other = other[~np.isin(net.codes(other), net.codes(X))][:60]
    assert len(other) == 60
    return tmp_path / "net", write_npy(tmp_path / "all.npy", np.concatenate([X, other])), y


def test_fingerprint_bits_are_an_option(recognising):
    net, _, _ = recognising
    assert fastmem.load(net).fingerprint_bits == 32
    assert "32 bits" in run("info", net).stdout


def test_there_are_no_fingerprints_by_default(data, tmp_path):
    arguments, _ = files("npy", tmp_path, *data)
    run("build", *arguments, "-o", tmp_path / "net")
    assert fastmem.load(tmp_path / "net").fingerprint_bits == 0
    assert "fingerprint" not in run("info", tmp_path / "net").stdout


@pytest.mark.parametrize("unknown", ["-1", "7", "0.5", "nan", "-inf"])
def test_unknown_points_get_the_number_given(recognising, unknown):
    net, points, y = recognising
    labels = [float(line) for line in run("predict", net, points, "--unknown", unknown).stdout.splitlines()]
    assert labels[:60] == y.tolist()
    assert np.array_equal(labels[60:], np.full(60, float(unknown)), equal_nan=True)


def test_a_whole_number_stays_one(recognising, tmp_path):
    net, points, y = recognising
    run("predict", net, points, "--unknown", "-1", "-o", tmp_path / "out.npy")
    labels = np.load(tmp_path / "out.npy")
    assert labels.dtype == np.int64
    assert labels.tolist() == [*y.tolist(), *[-1] * 60]


@pytest.mark.parametrize("dtype", ["U", "S", "O", "T"])
def test_unknown_points_get_the_text_given(dtype, recognising, tmp_path):
    _, points, y = recognising
    X = np.load(points)[:60]
    text = np.array(["a", "bb", "c", "1"])[y].astype(np.dtypes.StringDType() if dtype == "T" else dtype)
    fastmem.memorize(X, text, separate="all", fingerprint_bits=32, random_state=0).save(tmp_path / "text")
    labels = run("predict", tmp_path / "text", points, "--unknown", "7 unknown").stdout.splitlines()
    assert labels[:60] == np.array(["a", "bb", "c", "1"])[y].tolist()
    assert labels[60:] == ["7 unknown"] * 60


def test_points_that_moved_are_found_within_a_tolerance(recognising, tmp_path):
    net, points, _ = recognising
    moved = np.load(points).astype(np.float64) + 1e-2
    points = write_npy(tmp_path / "moved.npy", moved)
    loaded = fastmem.load(net)
    expected = loaded.predict(moved, unknown=-1, tolerance=0.05)
    labels = [int(line) for line in run("predict", net, points, "--unknown=-1", "--tolerance", 0.05).stdout.split()]
    assert labels == expected.tolist()
    assert np.count_nonzero(expected == -1) < np.count_nonzero(~loaded.contains(moved))


def test_a_label_for_unknown_points_needs_fingerprints(built):
    net, points, _ = built
    assert "--fingerprint-bits" in failure("predict", net, points, "--unknown", "x")


def test_fewer_probes_find_fewer_points(recognising, tmp_path):
    net, points, *_ = recognising
    loaded, X = fastmem.load(net), np.load(points)
    moved = X + 0.05 * np.random.default_rng(0).normal(size=X.shape)
    points = write_npy(tmp_path / "moved.npy", moved)
    found = {}
    for probes in (1, 1000):
        options = ["--unknown=-1", "--tolerance", 0.5, "--max-probes", probes]
        found[probes] = [int(line) for line in run("predict", net, points, *options).stdout.split()]
        assert found[probes] == loaded.predict(moved, unknown=-1, tolerance=0.5, max_probes=probes).tolist()
    assert found[1].count(-1) > found[1000].count(-1)
    assert "--tolerance" in usage_error("predict", net, points, "--unknown=-1", "--max-probes", 5)


def test_a_tolerance_needs_a_label_for_unknown_points(recognising):
    net, points, _ = recognising
    assert "tolerance" in failure("predict", net, points, "--tolerance", 0.1)


@pytest.mark.parametrize("unknown", ["x", "", "1e400j", "None"])
def test_text_among_numbers_is_one_line(recognising, unknown):
    net, points, _ = recognising
    assert "unknown" in failure("predict", net, points, "--unknown", unknown)


@pytest.mark.parametrize("tolerance", ["inf", "nan"])
def test_a_tolerance_without_end_is_refused(recognising, tolerance):
    net, points, _ = recognising
    assert "tolerance" in failure("predict", net, points, "--unknown", -1, "--tolerance", tolerance)


# Where labels go


@pytest.fixture
def built(data, tmp_path):
    """A network file, its points and its labels, which are text."""
    X, y = data
    y = np.array(["a", "b", "cc", "dé"])[y]
    write_npy(tmp_path / "X.npy", X)
    write_npy(tmp_path / "y.npy", y)
    fastmem.memorize(X, y, random_state=0).save(tmp_path / "net")
    return tmp_path / "net", tmp_path / "X.npy", y


def test_predict_writes_npy_in_the_dtype_of_the_labels(built, tmp_path):
    net, points, y = built
    result = run("predict", net, points, "-o", tmp_path / "out.npy")
    assert result.stdout == ""
    labels = np.load(tmp_path / "out.npy")
    assert labels.dtype == y.dtype
    assert np.array_equal(labels, y)


def test_predict_writes_text_in_utf_8(built, tmp_path):
    net, points, y = built
    result = run("predict", net, points, "-o", tmp_path / "out.txt")
    assert result.stdout == ""
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines() == y.tolist()


def test_predict_writes_text_that_it_would_print(built, tmp_path):
    net, points, _ = built
    run("predict", net, points, "-o", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == run("predict", net, points).stdout


def test_labels_that_were_written_can_be_verified(built, tmp_path):
    net, points, _ = built
    run("predict", net, points, "-o", tmp_path / "out.csv")
    assert run("verify", net, points, tmp_path / "out.csv").stdout == "all 60 labels returned\n"


@pytest.mark.parametrize(
    ("labels", "printed"),
    [
        (np.array([True, False]), ["True", "False"]),
        (np.array([0.1, -0.0]), ["0.1", "-0.0"]),
        (np.array([0.1, -0.0], np.float32), ["0.1", "-0.0"]),
        (np.array([b"a", b"\xff"]), ["a", "\\xff"]),
        (np.array(["2020-01-01", "2021-01-01"], "M8[D]"), ["2020-01-01", "2021-01-01"]),
        (
            np.array(["2020-01-01", "2021-01-01"], "M8[ns]"),
            ["2020-01-01T00:00:00.000000000", "2021-01-01T00:00:00.000000000"],
        ),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_labels_are_printed_as_they_are_written(labels, printed, tmp_path):
    fastmem.memorize([[0.0], [1.0]], labels).save(tmp_path / "net")
    write_npy(tmp_path / "X.npy", np.array([[0.0], [1.0]]))
    assert run("predict", tmp_path / "net", tmp_path / "X.npy").stdout.splitlines() == printed


def test_object_labels_are_printed(tmp_path):
    fastmem.memorize([[0], [1]], np.array([None, "a"], object)).save(tmp_path / "net")
    write_npy(tmp_path / "X.npy", np.array([[0], [1]]))
    assert run("predict", tmp_path / "net", tmp_path / "X.npy").stdout == "None\na\n"


def test_object_labels_cannot_be_written_as_npy_and_leave_no_file(tmp_path):
    fastmem.memorize([[0], [1]], np.array([None, "a"], object)).save(tmp_path / "net")
    write_npy(tmp_path / "X.npy", np.array([[0], [1]]))
    assert "object" in failure("predict", tmp_path / "net", tmp_path / "X.npy", "-o", tmp_path / "out.npy")
    assert not (tmp_path / "out.npy").exists()


def test_predicting_no_points_prints_nothing(built, tmp_path):
    net, _, _ = built
    assert run("predict", net, write_npy(tmp_path / "none.npy", np.empty((0, 3)))).stdout == ""


def test_labels_that_npy_holds_as_python_objects_are_refused_whatever_they_look_like(tmp_path):
    fastmem.memorize([[0], [1]], np.array(["a", "b"], np.dtypes.StringDType())).save(tmp_path / "net")
    write_npy(tmp_path / "X.npy", np.array([[0], [1]]))
    assert "object" in failure("predict", tmp_path / "net", tmp_path / "X.npy", "-o", tmp_path / "out.npy")


def test_verifying_no_points_succeeds(tmp_path):
    fastmem.memorize([[0], [1]], [3, 4]).save(tmp_path / "net")
    points = write_npy(tmp_path / "X.npy", np.empty((0, 1)))
    labels = write_npy(tmp_path / "y.npy", np.empty(0, int))
    assert run("verify", tmp_path / "net", points, labels).stdout == "all 0 labels returned\n"


# .csv files


SQUARE = "0,0,{}\n0,1,{}\n1,0,{}\n1,1,{}\n"


@pytest.mark.parametrize(
    ("label", "features"), [("y", ["a", "b"]), ("a", ["b", "y"]), ("2", ["a", "b"]), ("0", ["b", "y"])]
)
def test_the_label_column_is_chosen_by_name_or_number(label, features, tmp_path):
    columns = {"a": [1, 2, 3, 4], "b": [5, 7, 6, 8], "y": [9, 10, 11, 12]}
    text = "a,b,y\n" + "".join(f"{a},{b},{y}\n" for a, b, y in zip(*columns.values(), strict=True))
    net = build_csv(tmp_path, text, "--label", label)
    X = np.column_stack([columns[name] for name in features])
    expected = columns[{"0": "a", "2": "y"}.get(label, label)]
    assert net.predict(X).tolist() == expected


def test_a_name_that_two_columns_have_is_refused(tmp_path):
    (tmp_path / "data.csv").write_text("a,a,b\n1,2,3\n4,5,6\n")
    message = failure("build", tmp_path / "data.csv", "-o", tmp_path / "net", "--label", "a")
    assert "2 columns 'a': choose one by its number from 0" in message


def test_predict_leaves_the_label_column_out(tmp_path):
    build_csv(tmp_path, "label,x\na,0\nb,1\n", "--label", "label")
    assert run("predict", tmp_path / "net", tmp_path / "data.csv", "--label", "label").stdout == "a\nb\n"


@pytest.mark.parametrize("command", ["predict", "export"])
def test_a_label_column_of_text_is_named_before_its_text_is_no_number(command, tmp_path):
    build_csv(tmp_path, "label,x\na,0\nb,1\n", "--label", "label")
    data = tmp_path / "data.csv"
    options = (data,) if command == "predict" else ("--to", "c", "-o", tmp_path / "net.c", "--data", data)
    message = failure(command, tmp_path / "net", *options)
    assert "columns of which the network was not built, 'label': leave them out, --label" in message


def test_predict_refuses_a_label_column_as_points(tmp_path):
    build_csv(tmp_path, "label,x\n5,0\n6,1\n", "--label", "label")
    message = failure("predict", tmp_path / "net", tmp_path / "data.csv")
    assert "columns of which the network was not built, 'label': leave them out, --label" in message
    assert run("predict", tmp_path / "net", tmp_path / "data.csv", "--label", "label").stdout == "5\n6\n"
    (tmp_path / "wide.csv").write_text("5,0\n6,1\n")
    assert "wide.csv has 2 columns, but the network was built for 1: leave the others out, --label" in failure(
        "predict", tmp_path / "net", tmp_path / "wide.csv"
    )


def test_a_label_column_to_leave_out_of_an_npy_file_is_a_wrong_use(built):
    net, points, _ = built
    assert "--label" in usage_error("predict", net, points, "--label", "0")


def test_the_label_column_of_a_file_without_header_is_chosen_by_number(tmp_path):
    net = build_csv(tmp_path, "a,0,0\nb,0,1\nb,1,0\na,1,1\n", "--label", 0)
    assert net.predict([[0, 0], [0, 1], [1, 0], [1, 1]]).tolist() == ["a", "b", "b", "a"]


@pytest.mark.parametrize("label", ["y", "3", "-1", "", "²", "1.0", "A"])
def test_a_label_column_that_is_not_there_is_named(label, tmp_path):
    (tmp_path / "data.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    message = failure("build", tmp_path / "data.csv", "-o", tmp_path / "net", f"--label={label}")
    assert f"no column {label!r}" in message


def test_the_message_on_a_missing_column_lists_the_columns(tmp_path):
    (tmp_path / "data.csv").write_text("height,weight,kind\n1,2,3\n4,5,6\n")
    message = failure("build", tmp_path / "data.csv", "-o", tmp_path / "net", "--label", "label")
    assert all(name in message for name in ("height", "weight", "kind"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["1", "0", "-7", "1"], [1, 0, -7, 1]),
        (["01", "1", "001", "01"], ["01", "1", "001", "01"]),
        (["1", "a", "2", "a"], ["1", "a", "2", "a"]),
        (["1", "+1", "1 ", "1.0"], ["1", "+1", "1 ", "1.0"]),
        (["0", "-0", "1", "-1"], ["0", "-0", "1", "-1"]),
        (["9223372036854775807", "9223372036854775808", "1", "2"], None),
        (["a", "A", "a ", " a"], ["a", "A", "a ", " a"]),
        (["nan", "inf", "NaN", "nan"], ["nan", "inf", "NaN", "nan"]),
        (["\u096b", "3", "\u0663", "3"], ["\u096b", "3", "\u0663", "3"]),
        (["a\0", "a", "a\0\0", "a"], ["a\0", "a", "a\0\0", "a"]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("header", ["", "x,y,label\n"])
def test_labels_in_a_csv_file_stay_apart(labels, expected, header, tmp_path):
    net = build_csv(tmp_path, header + SQUARE.format(*labels))
    returned = net.predict([[0, 0], [0, 1], [1, 0], [1, 1]]).tolist()
    assert returned == (labels if expected is None else expected)


def test_quotes_commas_and_line_ends_in_a_csv_file_are_read(tmp_path):
    net = build_csv(tmp_path, '"x 1","y, 2",label\r\n0,0,"a,b"\r\n0,1,"say ""hi"""\r\n')
    assert net.predict([[0, 0], [0, 1]]).tolist() == ["a,b", 'say "hi"']


def test_a_byte_order_mark_and_empty_lines_in_a_csv_file_are_skipped(tmp_path):
    net = build_csv(tmp_path, "\ufeffx,y,label\n\n0,0,1\n\n0,1,2\n\n", "--label", "label")
    assert net.predict([[0, 0], [0, 1]]).tolist() == [1, 2]


@pytest.mark.parametrize("first", ["?", "unknown", "n/a"])
def test_a_first_row_of_numbers_with_a_label_of_text_is_no_header(first, tmp_path):
    net = build_csv(tmp_path, SQUARE.format(first, 1, 2, 3))
    assert net.n_points == 4
    assert net.predict([[0, 0], [0, 1]]).tolist() == [first, "1"]


def test_integers_beyond_2_to_the_53_in_a_csv_file_are_refused(tmp_path):
    (tmp_path / "data.csv").write_text(f"{2**53},0,a\n{2**53 + 1},0,b\n")
    assert str(2**53 + 1) in failure("build", tmp_path / "data.csv", "-o", tmp_path / "net")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["no rows"]),
        ("\n\n", ["no rows"]),
        ("1\n2\n", ["one column"]),
        ("1,2,3\n\n4,5\n", ["line 3: 2 columns", "line 1 has 3"]),
        ("x,y,label\n1,2,3\n4,five,6\n", ["line 3, column y", "'five'", "not a number"]),
        ("1,2,3\n4,,6\n", ["line 2, column 1", "''", "not a number"]),
        ("1,2,3\n4,nan,6\n", ["line 2, column 1", "nan", "finite"]),
        ("1,2,3\n4,inf,6\n", ["line 2, column 1", "inf", "finite"]),
        ('1,1,"a\nb"\n4,1e999,6\n', ["line 3, column 1", "1e999", "finite"]),
        ("1,2,a\n1.0,2.0,b\n", ["rows 0", "1", "'a'", "'b'"]),
        ("x" * 200_000 + ",1\n1,2\n", ["data.csv"]),
    ],
    ids=[
        "empty",
        "blank",
        "one column",
        "ragged",
        "text",
        "gap",
        "nan",
        "inf",
        "overflow",
        "contradiction",
        "long field",
    ],
)
def test_what_is_wrong_in_a_csv_file_is_one_line_that_names_the_place(text, parts, tmp_path):
    (tmp_path / "data.csv").write_text(text)
    message = failure("build", tmp_path / "data.csv", "-o", tmp_path / "net")
    assert all(part in message for part in parts)
    assert not (tmp_path / "net").exists()


def test_a_bad_coordinate_is_named_by_its_column_in_the_file(tmp_path):
    (tmp_path / "data.csv").write_text("label,height,weight\n1,2,3\n4,5,nan\n")
    message = failure("build", tmp_path / "data.csv", "-o", tmp_path / "net", "--label", "label")
    assert "line 3, column weight" in message


def test_a_csv_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "data.csv").write_bytes("1,2,é\n3,4,b\n".encode("latin-1"))
    assert "UTF-8" in failure("build", tmp_path / "data.csv", "-o", tmp_path / "net")


# .parquet files: see test_parquet.py


def test_without_pyarrow_a_parquet_file_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    message = failure("build", tmp_path / "data.parquet", "-o", tmp_path / "net")
    assert message == (
        'Error: reading .parquet files needs pyarrow, which is not installed: pip install "fastmem-nn[parquet]"'
    )


# Errors


def test_errors_of_the_system_begin_with_the_file():
    assert in_options(OSError(28, "No space left on device", "net")) == "net: No space left on device"


def test_contradictory_labels_name_the_rows(tmp_path):
    write_npy(tmp_path / "X.npy", np.zeros((3, 2)))
    write_npy(tmp_path / "y.npy", np.array([1, 1, 2]))
    message = failure("build", tmp_path / "X.npy", tmp_path / "y.npy", "-o", tmp_path / "net")
    assert "rows 0 (1) and 2 (2). Rows are counted from 0, without a line of names. No network can" in message
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize("command", ["build", "predict", "verify"])
def test_nan_names_the_row(command, built, tmp_path):
    net, _, _ = built
    X = np.zeros((7, 3))
    X[5, 1] = np.nan
    points, labels = write_npy(tmp_path / "bad.npy", X), write_npy(tmp_path / "labels.npy", np.zeros(7))
    arguments = {
        "build": [points, labels, "-o", tmp_path / "new"],
        "predict": [net, points],
        "verify": [net, points, labels],
    }
    assert "X[5, 1] is nan" in failure(command, *arguments[command])


def test_verify_names_the_first_label_that_differs(built, tmp_path):
    net, points, y = built
    y = y.copy()
    y[[20, 33]] = "ot"
    message = failure("verify", net, points, write_npy(tmp_path / "wrong.npy", y))
    assert "2 of 60 labels differ" in message
    assert "row 20" in message
    assert f"gives {built[2][20]}, the data ot" in message


def test_verify_compares_with_labels_of_another_kind(built, tmp_path):
    net, points, _ = built
    message = failure("verify", net, points, write_npy(tmp_path / "wrong.npy", np.arange(60)))
    assert "60 of 60 labels differ" in message


@pytest.mark.parametrize("shape", [(59,), (61,), (1,), (60, 1), (60, 2), ()])
def test_verify_refuses_labels_of_another_shape(shape, built, tmp_path):
    net, points, _ = built
    message = failure("verify", net, points, write_npy(tmp_path / "wrong.npy", np.full(shape, "a")))
    assert "y has" in message


def test_verify_accepts_rows_in_which_all_labels_look_like_integers(tmp_path):
    """The labels of a part of a .csv file are those of the whole file, though read alone they would be integers."""
    build_csv(tmp_path, SQUARE.format("1", "2", "x", "y"))
    (tmp_path / "part.csv").write_text("0,0,1\n0,1,2\n")
    assert run("verify", tmp_path / "net", tmp_path / "part.csv").stdout == "all 2 labels returned\n"


@pytest.mark.parametrize("command", ["predict", "verify", "info"])
def test_a_file_that_is_no_network_is_named(command, built, tmp_path):
    _, points, _ = built
    arguments = {"predict": [points], "verify": [points, tmp_path / "y.npy"], "info": []}
    message = failure(command, points, *arguments[command])
    assert "X.npy" in message
    assert "not a fastmem network" in message


def test_a_damaged_network_is_named(built):
    net, points, _ = built
    net.write_bytes(net.read_bytes()[:-1])
    assert "damaged" in failure("predict", net, points)


def test_points_of_another_dimension_are_refused(built, tmp_path):
    net, _, _ = built
    assert "X has 2 columns" in failure("predict", net, write_npy(tmp_path / "flat.npy", np.zeros((4, 2))))


BROKEN = {
    "empty.npy": b"",
    "text.npy": b"hello",
    "half.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }".ljust(127)
    + b"\n"
    + b"\0" * 9,
    "pickled.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }".ljust(127)
    + b"\n"
    + b"\0" * 9,
    "empty.npz": b"",
    "text.npz": b"hello",
    "half.npz": b"PK\x03\x04" + b"\0" * 30,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_array_file_is_named(name, built, tmp_path):
    net, _, _ = built
    (tmp_path / name).write_bytes(BROKEN[name])
    message = failure("predict", net, tmp_path / name)
    assert name in message
    assert "cannot be read" in message
    gc.collect()  # a file left open is a warning here, hence a failure, and not in a later test


def assert_damage_is_one_line(net, path, step, mask):
    """Change one byte in every `step` of a file of points: predict reads it or fails with a line."""
    whole = path.read_bytes()
    for place in range(0, len(whole), step):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
        result = CliRunner().invoke(main, ["predict", str(net), str(path)])
        assert result.exit_code in (0, 1)
        assert result.exception is None or isinstance(result.exception, SystemExit), (place, result.exception)


def test_an_npz_file_damaged_anywhere_is_one_line(built, tmp_path):
    net, _, _ = built
    np.savez_compressed(tmp_path / "data.npz", X=np.zeros((4, 3)))
    assert_damage_is_one_line(net, tmp_path / "data.npz", step=3, mask=0x55)


def test_an_npy_file_damaged_anywhere_is_one_line(built, tmp_path):
    net, _, _ = built
    assert_damage_is_one_line(net, write_npy(tmp_path / "data.npy", np.zeros((4, 3))), step=1, mask=1)


def test_a_zip_file_named_npy_is_refused(built, tmp_path):
    net, points, _ = built
    np.savez(tmp_path / "data.npz", X=np.load(points))
    (tmp_path / "data.npz").rename(tmp_path / "zip.npy")
    assert "zip.npy" in failure("predict", net, tmp_path / "zip.npy")


def test_a_missing_array_in_an_npz_file_is_named_with_those_present(built, tmp_path):
    net, _, _ = built
    np.savez(tmp_path / "data.npz", points=np.zeros((2, 3)), other=1)
    message = failure("predict", net, tmp_path / "data.npz")
    assert "no array 'X'" in message
    assert "points, other" in message


def test_labels_in_more_than_one_column_are_refused(built, tmp_path):
    _, points, _ = built
    (tmp_path / "y.csv").write_text("1,2\n" * 60)
    assert "2 columns" in failure("build", points, tmp_path / "y.csv", "-o", tmp_path / "new")


@pytest.mark.parametrize("command", ["build", "predict"])
def test_an_output_in_a_missing_folder_is_named(command, built, tmp_path):
    net, points, _ = built
    output = tmp_path / "missing" / "out.npy"
    arguments = {"build": [points, tmp_path / "y.npy"], "predict": [net, points]}
    write_npy(tmp_path / "y.npy", np.zeros(60))
    assert f"there is no folder '{output.parent}'" in usage_error(command, *arguments[command], "-o", output)


def test_a_failing_build_leaves_an_older_network(built, tmp_path):
    net, points, _ = built
    before = net.read_bytes()
    failure("build", points, write_npy(tmp_path / "few.npy", np.zeros(3)), "-o", net)
    assert net.read_bytes() == before


@pytest.mark.parametrize("delta", [0, 3])
def test_a_wrong_delta_is_a_wrong_use(delta, built):
    assert "delta" in usage_error("info", built[0], "--delta", delta)


# Wrong usage


WRONG_USAGE = {
    "no command": (["nonsense"], "No such command"),
    "missing file": (["info", "missing"], "does not exist"),
    "folder": (["info", "."], "is a directory"),
    "missing argument": (["predict"], "Missing argument"),
    "wrong number": (["demo", "--points", "many"], "many"),
    "too few points": (["demo", "--points", "1"], "--points"),
    "no threads": (["demo", "--threads", "0"], "--threads"),
    "negative seed": (["demo", "--seed", "-1"], "--seed"),
    "unknown option": (["demo", "--nonsense"], "--nonsense"),
    "delta of zero": (["info", __file__, "--delta", "0"], "--delta"),
    "no output": (["build", __file__], "--output"),
    "unknown separate": (["build", __file__, "-o", "net", "--separate", "none"], "'labels', 'all'"),
    "unknown store": (["build", __file__, "-o", "net", "--store", "float"], "'binary', 'integer'"),
    "too many fingerprint bits": (["build", __file__, "-o", "net", "--fingerprint-bits", "33"], "--fingerprint-bits"),
    "negative fingerprint bits": (["build", __file__, "-o", "net", "--fingerprint-bits", "-1"], "--fingerprint-bits"),
    "half a fingerprint bit": (["build", __file__, "-o", "net", "--fingerprint-bits", "0.5"], "--fingerprint-bits"),
    "negative tolerance": (["predict", __file__, __file__, "--tolerance", "-1"], "--tolerance"),
    "unknown kind of file": (
        ["build", __file__, __file__, "-o", "net"],
        ".npz, .csv, .tsv, .csv.gz, .parquet and .zarr",
    ),
}


@pytest.mark.parametrize(("arguments", "part"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_a_wrong_use_is_exit_code_2_and_says_what_is_wrong(arguments, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert part in usage_error(*arguments)


@pytest.mark.parametrize("command", ["build", "verify"])
def test_points_without_labels_are_a_wrong_use(command, built, tmp_path):
    net, points, _ = built
    arguments = {"build": [points, "-o", tmp_path / "new"], "verify": [net, points]}
    assert "labels" in usage_error(command, *arguments[command])


@pytest.mark.parametrize("command", ["build", "verify"])
def test_a_label_column_of_an_npy_file_is_a_wrong_use(command, built, tmp_path):
    net, points, _ = built
    arguments = {
        "build": [points, tmp_path / "y.npy", "-o", tmp_path / "new"],
        "verify": [net, points, tmp_path / "y.npy"],
    }
    assert "--label" in usage_error(command, *arguments[command], "--label", "0")


@pytest.mark.parametrize("suffix", [".CSV", ".Csv"])
def test_the_suffix_of_a_file_may_be_in_capitals(suffix, data, tmp_path):
    X, y = data
    write_csv(tmp_path / f"data{suffix}", X, y)
    run("build", tmp_path / f"data{suffix}", "-o", tmp_path / "net")
    assert np.array_equal(fastmem.load(tmp_path / "net").predict(X), y)


# Progress


def test_progress_goes_to_standard_error_alone(built):
    net, points, y = built
    result = run("predict", net, points, "--progress")
    assert result.stdout.splitlines() == y.tolist()
    assert "predicting" in result.stderr


@pytest.mark.parametrize("option", [["--no-progress"], []])
def test_no_progress_is_shown_unless_standard_error_is_a_terminal(built, option):
    net, points, _ = built
    assert run("predict", net, points, *option).stderr == ""


@pytest.mark.parametrize("command", ["demo", "build", "verify"])
def test_progress_changes_nothing_on_standard_output(command, built, tmp_path):
    net, points, _ = built
    labels = tmp_path / "y.npy"
    arguments = {
        "demo": ["--points", 300],
        "build": [points, labels, "-o", tmp_path / "new", "--seed", 0],
        "verify": [net, points, labels],
    }

    def stdout(option):
        result = run(command, *arguments[command], option)
        assert (result.stderr != "") == (option == "--progress")
        return [line.partition("built and verified")[0] for line in result.stdout.splitlines()]

    assert stdout("--progress") == stdout("--no-progress")


def test_an_error_behind_a_progress_bar_is_still_said(built, tmp_path):
    net, _, _ = built
    result = run("predict", net, write_npy(tmp_path / "bad.npy", np.full((4, 3), np.nan)), "--progress", code=1)
    assert result.stdout == ""
    assert "Error: X[0, 0] is nan" in result.stderr
    assert "Traceback" not in result.stderr


# Completion


def completed(line, shell="bash"):
    """Words that the program offers for the last word of a line, by click's protocol."""
    words = line.split(" ")
    asked = {"_FASTMEM_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = shutil.which("fastmem", path=sysconfig.get_path("scripts"))
    environment = {**os.environ, **asked}
    result = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=120, check=True)
    return [tuple(offer.split(",")) for offer in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fastmem pre", ["predict"]),
        ("fastmem co", ["compare", "completion"]),
        ("fastmem build data.npz --eff", ["--effort"]),
        ("fastmem build data.npz --effort ", ["fast", "balanced", "small"]),
        ("fastmem build data.npz --effort b", ["balanced"]),
        ("fastmem export net --to ", ["onnx", "torch", "c", "js"]),
        ("fastmem completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_commands_options_and_their_values_are_completed(line, words):
    assert sorted(completed(line)) == sorted(("plain", word) for word in words)


@pytest.mark.parametrize("line", ["fastmem info ", "fastmem verify net dat", "fastmem build data.npz -o "])
def test_the_shell_completes_file_names(line):
    ((kind, _),) = completed(line)
    assert kind == "file"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_printed(shell):
    result = run("completion", shell)
    assert f"_FASTMEM_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_parses_its_script(tmp_path):
    (tmp_path / "script").write_text(run("completion", "bash").stdout)
    check = subprocess.run(["bash", "-n", tmp_path / "script"], capture_output=True, text=True, timeout=60)
    assert (check.returncode, check.stderr) == (0, "")


def test_another_shell_is_a_wrong_use():
    assert "'bash', 'zsh', 'fish'" in usage_error("completion", "csh")


# The console script


def script(*arguments):
    """The installed program, in a process of its own."""
    command = [shutil.which("fastmem", path=sysconfig.get_path("scripts")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_the_program_predicts_in_a_process_of_its_own(built):
    net, points, _ = built
    result = script("predict", net, points, "-o", net.parent / "out.npy")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert np.array_equal(np.load(net.parent / "out.npy"), built[2])


def test_the_program_fails_with_one_line_and_exit_code_1(built):
    _, points, _ = built
    result = script("info", points)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")


def test_the_program_exits_with_code_2_on_wrong_usage():
    result = script("predict")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


def test_the_console_script_is_the_command_line():
    from importlib.metadata import entry_points

    (entry,) = entry_points(group="console_scripts", name="fastmem")
    assert entry.load() is main
    assert isinstance(main, click.Group)


# What looks like data but is not


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('1,"a\n2,b\n3,c\n', "line 1, is no line of a table"),  # a quote that is never closed would hold three rows
        ('1,"5" x\n2,"5 x"\n', "line 1, is no line of a table"),
        ("NA,?,a\n1,2,b\n", "line 1, column 0: 'NA' is not a number"),
        (",,a\n1,2,b\n", "line 1, column 0: '' is not a number"),
        ("1.O,a\n2,b\n3,c\n", "line 1, column 0: '1.O' is not a number"),
        ("0x10,a\n1,b\n", "line 1, column 0: '0x10' is not a number"),
        ("9_007_199_254_740_993,a\n1,b\n", "is not a number"),
        ("1,a\n1_5,b\n", "'1_5' is not a number"),
        ("1,a\n\u0661,b\n", "'\u0661' is not a number"),
        ("1,a\n9007199254740993.0,b\n", "integer beyond ±2^53"),
    ],
)
def test_a_csv_file_that_may_mean_something_else_is_refused(text, part, tmp_path):
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    assert part in failure("build", tmp_path / "data.csv", "-o", tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_line_ends_within_labels_stay_apart(tmp_path):
    (tmp_path / "data.csv").write_bytes(b'1,"a\r\nb"\n2,"a\nb"\n')
    run("build", tmp_path / "data.csv", "-o", tmp_path / "net")
    assert fastmem.load(tmp_path / "net").predict([[1], [2]]).tolist() == ["a\r\nb", "a\nb"]


@pytest.mark.parametrize(
    "labels",
    [
        [0.5, -0.0], [True, False], np.array(["2020-01-01", "2600-01-01"], "M8[D]"), [2**63 - 1, -5],
        np.array([0.1, 0.2], np.float32), [b"a", b"\xff"], ["a", "1"],
    ],
)  # fmt: skip
def test_labels_of_any_dtype_that_were_written_can_be_verified(labels, tmp_path):
    X, y = np.arange(50.0)[:, None], np.asarray(labels)[np.arange(50) % 2]
    fastmem.memorize(X, y, random_state=0).save(tmp_path / "net")
    points, written = write_npy(tmp_path / "X.npy", X), tmp_path / "labels.csv"
    run("predict", tmp_path / "net", points, "-o", written)
    assert run("verify", tmp_path / "net", points, written).stdout == "all 50 labels returned\n"
    lines = written.read_text(encoding="utf-8").splitlines()
    written.write_text("\n".join([lines[1], *lines[1:]]) + "\n", encoding="utf-8")
    assert "1 of 50 labels differ, the first in row 0" in failure("verify", tmp_path / "net", points, written)


@pytest.mark.parametrize("label", [2**53 + 1, 2**53 - 1])
def test_verify_compares_integers_and_floats_without_rounding(label, tmp_path):
    X, y = np.arange(6.0)[:, None], np.array([label, 0] * 3)
    fastmem.memorize(X, y, random_state=0).save(tmp_path / "net")
    points, labels = write_npy(tmp_path / "X.npy", X), write_npy(tmp_path / "y.npy", y.astype(float))
    if label > 2**53:
        assert "3 of 6 labels differ" in failure("verify", tmp_path / "net", points, labels)
    else:
        assert run("verify", tmp_path / "net", points, labels).stdout == "all 6 labels returned\n"


def test_labels_that_utf_8_does_not_hold_are_one_line(tmp_path):
    y = np.array(["a\udc80", "b"] * 3)
    fastmem.memorize(np.arange(6.0)[:, None], y, random_state=0).save(tmp_path / "net")
    points = write_npy(tmp_path / "X.npy", np.arange(6.0)[:, None])
    assert "UTF-8" in failure("predict", tmp_path / "net", points, "-o", tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


def test_sizes_that_numpy_does_not_draw_are_a_wrong_use():
    assert "--classes" in usage_error("demo", "--classes", 10**20)


def test_labels_are_not_written_as_parquet(built, tmp_path):
    net, points, _ = built
    assert "labels are written as .npy or as text" in usage_error("predict", net, points, "-o", tmp_path / "l.parquet")


def test_an_npy_file_by_the_name_of_npz_is_refused_in_words(built, tmp_path):
    net, points, _ = built
    shutil.copy(points, tmp_path / "points.npz")
    assert "it is a .npy file by another name" in failure("predict", net, tmp_path / "points.npz")


def test_labels_that_c_does_not_return_are_refused_by_the_option(tmp_path):
    fastmem.memorize([[0], [1]], ["a", "b"], random_state=0).save(tmp_path / "net")
    assert "--returns index" in failure("export", tmp_path / "net", "--to", "c", "-o", tmp_path / "net.c")


def test_columns_are_chosen_by_numbers_ranges_and_names(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 20)), np.arange(60) % 3
    files = write_npy(tmp_path / "X.npy", X), write_npy(tmp_path / "y.npy", y)
    run("build", *files, "-o", tmp_path / "net", "--columns", "2, 17-19,5", "--seed", 0)
    net = fastmem.load(tmp_path / "net")
    assert net == fastmem.memorize(X, y, columns=[2, 5, 17, 18, 19], random_state=0)
    table = tmp_path / "table.csv"
    names = [f"x{i}" for i in range(20)]
    np.savetxt(table, np.column_stack([X, y]), "%.17g", ",", header=",".join([*names, "label"]), comments="")
    run("build", table, "-o", tmp_path / "named", "--columns", "x3,x4,x11", "--seed", 0)
    assert fastmem.load(tmp_path / "named").columns.tolist() == [3, 4, 11]
    few = tmp_path / "few.csv"
    np.savetxt(few, X[:, [11, 3, 4]], "%.17g", ",", header="x11,x3,x4", comments="")
    assert run("predict", tmp_path / "named", few).stdout.split() == [str(label) for label in y]


def test_the_report_says_which_columns_are_read(tmp_path):
    X, y = np.random.default_rng(0).standard_normal((60, 20)), np.arange(60) % 3
    net = fastmem.memorize(X, y, columns=[2, 5, 17, 18, 19], random_state=0)
    assert "columns       5 of 20 read, by " in str(net.report())
    assert "d/delta = 200 weights of hyperplanes; built: 40, " in str(net.report(0.1))
    facts = net.report(0.1).to_dict()
    assert (facts["n_columns"], facts["theorem_first_layer_weights"]) == (5, 200.0)
    assert facts["n_first_layer_weights"] == np.count_nonzero(net.hyperplanes.weights)
    assert facts["first_layer_nbytes"] == 4 * 5 * net.n_hyperplanes + 8 * net.n_hyperplanes + 5


@pytest.mark.parametrize("scratch", [False, True])
def test_scratch_builds_the_network_that_python_builds(scratch, data, tmp_path):
    X, y = data
    write_npy(tmp_path / "X.npy", X)
    write_npy(tmp_path / "y.npy", y)
    (tmp_path / "files").mkdir()
    options = ("--scratch", tmp_path / "files") if scratch else ()
    run("build", tmp_path / "X.npy", tmp_path / "y.npy", "-o", tmp_path / "net", "--seed", 3, *options)
    expected = fastmem.memorize(X, y, random_state=3, scratch=tmp_path / "files" if scratch else None)
    assert fastmem.load(tmp_path / "net") == expected
    assert list((tmp_path / "files").iterdir()) == []


def test_what_scratch_lacks_is_said_in_options(data, tmp_path):
    X, y = data
    write_npy(tmp_path / "X.npy", X)
    write_npy(tmp_path / "y.npy", y)
    files = tmp_path / "X.npy", tmp_path / "y.npy", "-o", tmp_path / "net"
    message = failure("build", *files, "--scratch", tmp_path, "--margin", 0.5)
    assert "--margin 0.5 needs all points in memory, and is not for --scratch FOLDER: leave one of them out" in message
    assert "does not exist" in usage_error("build", *files, "--scratch", tmp_path / "none")
    message = failure("build", *files, "--resume", tmp_path)
    assert (
        "--resume FOLDER is for builds in partitions: name a folder by --scratch FOLDER too, or leave it out" in message
    )
    run("build", *files, "--scratch", tmp_path, "--resume", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["X.npy", "net", "y.npy"]


# Constructions that take options of their own, and units that carry numbers


def test_options_of_a_construction_are_given_by_name(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.integers(0, 3, 60)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    path = tmp_path / "net.safetensors"
    options = ("--construction", "bubeck2020", "--option", "form=tangent", "--option", "output=value", "--seed", "0")
    run("build", tmp_path / "data.npz", "-o", path, *options)
    net = fastmem.load(path)
    assert net.construction_options == {"form": "tangent", "output": "value"}
    run("build", tmp_path / "data.npz", "-o", path, "--construction", "boxes", "--option", "radius=1e-3")
    assert fastmem.load(path).construction_options == {"radius": 1e-3}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--option", "form=small"), 1, "--option form is not for --construction compact, which takes none"),
        (("--construction", "dirksen2024", "--option", "form=tiny"), 1, "--option form must be one of"),
        (("--construction", "boxes", "--option", "radius"), 2, "'radius' is not NAME=VALUE"),
        (("--construction", "boxes", "--option", "radius=1", "--option", "radius=2"), 2, "radius is given twice"),
    ],
)
def test_options_that_are_not_for_a_construction_are_refused(options, code, message, tmp_path):
    np.savez(tmp_path / "data.npz", X=np.eye(2), y=[0, 1])
    result = run("build", tmp_path / "data.npz", "-o", tmp_path / "net", *options, code=code)
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "net").exists()


def test_networks_of_numbers_are_asked_verified_and_described(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.integers(0, 3, 60)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    path = tmp_path / "net.safetensors"
    run("build", tmp_path / "data.npz", "-o", path, "--construction", "yun2019")
    assert list(map(int, run("predict", path, tmp_path / "data.npz").stdout.split())) == y.tolist()
    run("verify", path, tmp_path / "data.npz")
    assert "a class index, rounded" in run("info", path).stdout
    said = failure("export", path, "-o", tmp_path / "net.c", "--to", "c")
    assert said.startswith("Error: --to c writes threshold units")
    assert said.endswith("use --to onnx or --to torch, or build one with --construction compact")
