"""What ``--help`` shows: examples that a user can copy, each of which runs."""

import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from support.command_line import run, write_csv
from support.partners import partner

import fastmem
from fastmem.cli import main


def lines_under(heading, *arguments):
    """Lines of a section of a help text."""
    lines = run(*arguments, "--help").stdout.partition(f"\n{heading}:\n")[2].splitlines()
    assert all(line.startswith("  fastmem ") for line in lines)
    return [line.strip() for line in lines]


EXAMPLES = [line for name in main.commands for line in lines_under("Examples", name)]
START = lines_under("Start here")
NEEDS = {".parquet": "pyarrow.parquet", ".onnx": "onnx", ".png": "matplotlib"}


@pytest.fixture(scope="module")
def a_users_files(tmp_path_factory):
    """Folder of the files that examples name, and the bytes of their network."""
    folder = tmp_path_factory.mktemp("files")
    X, y = np.random.default_rng(0).integers(-99, 99, (30, 3)) / 8, np.arange(30) % 3
    np.save(folder / "points.npy", X.astype(np.float32))
    np.save(folder / "labels.npy", y)
    write_csv(folder / "new.csv", X, header=["p", "q", "r"])
    write_csv(folder / "data.csv", np.c_[np.arange(30), X], y, ["id", "p", "q", "r", "species"])
    run("build", folder / "data.csv", "--drop", "id", "-o", folder / "net.safetensors", "--seed", 0)
    return folder, (folder / "net.safetensors").read_bytes()


@pytest.fixture
def files(a_users_files, monkeypatch):
    """The same files, whatever another example has written, in the current folder."""
    folder, network = a_users_files
    monkeypatch.chdir(folder)
    (folder / "net.safetensors").write_bytes(network)


def write_parquet():
    points = np.load("points.npy")
    columns = {"p": points[:, 0], "q": points[:, 1], "species": np.load("labels.npy")}
    partner("pyarrow.parquet").write_table(partner("pyarrow").table(columns), "data.parquet")


def smaller(monkeypatch):
    """Let the demo take fewer points where none are asked for."""
    (points,) = (option for option in main.commands["demo"].params if option.name == "n")
    monkeypatch.setattr(points, "default", 100)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, marks=pytest.mark.partner if any(end in line for end in NEEDS) else ())
        for line in [*EXAMPLES, *START]
    ],
)
@pytest.mark.usefixtures("files")
def test_every_example_runs(line, monkeypatch):
    for end, package in NEEDS.items():
        if end in line:
            partner(package)
    if "data.parquet" in line:
        write_parquet()
    smaller(monkeypatch)
    command = shlex.split(line.partition(" > ")[0])
    result = CliRunner().invoke(main, command[1:])
    assert result.exit_code == 0, result.output
    assert result.stdout or "-o" in command


@pytest.mark.parametrize("command", main.commands)
def test_every_command_has_two_to_four_examples_of_a_line_each(command):
    lines = lines_under("Examples", command)
    assert 2 <= len(lines) <= 4
    assert all(line.startswith(f"fastmem {command}") for line in lines)
    assert max(map(len, lines)) < 79


def test_the_program_says_where_to_start_and_its_version():
    assert [line.split()[1] for line in START] == ["demo", "build", "predict"]
    assert run("-V").stdout == run("--version").stdout == f"fastmem {fastmem.__version__}\n"
