"""On a terminal commands end with what to do next, which works as it stands; elsewhere nothing is added."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from support.command_line import run

from fastmem.cli import commands, hints, main
from fastmem.cli.delimited import TableOptions


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A table, in the current folder, whose name a shell would take apart."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my data.csv").write_text("id;p;kind\n1;0,5;a\n2;1,5;b\n")
    np.savez(tmp_path / "data.npz", X=np.eye(3), y=[0, 1, 2])


@pytest.fixture
def said(monkeypatch):
    """Lines that are said on a terminal, without what stands before them."""
    lines = []

    def say(*given):
        lines.extend(given)

    monkeypatch.setattr(hints, "_say", say)
    return lines


BUILD = ["build", "my data.csv", "--drop", "id", "--label", "kind", "--decimal", ",", "-o", "a net"]


@pytest.mark.usefixtures("files")
def test_after_build_the_network_can_be_verified_with_the_line_that_is_shown(said):
    run(*BUILD)
    assert [line.split()[1] for line in said] == ["predict", "verify", "report"]
    assert all("'a net'" in line for line in said)
    run(*shlex.split(said[1])[1:])
    said.clear()
    run("build", "data.npz", "-o", "net")
    assert said[1] == "fastmem verify net data.npz"
    run(*shlex.split(said[1])[1:])


def test_options_of_a_table_are_shown_again(said):
    table = TableOptions(header=False, delimiter="\t", use=("0", "b c"))
    hints.after_build("net", "data.csv", "y.csv", None, table)
    assert said[1] == "fastmem verify net data.csv y.csv --no-header --delimiter tab --use 0 --use 'b c'"
    said.clear()
    hints.after_build("net", "-", None, "y", TableOptions(header=True))
    assert said[1] == "fastmem verify net DATA"


@pytest.mark.usefixtures("files")
def test_after_demo_compare_and_export_there_is_a_next_step(said):
    run("demo", "--points", 20)
    assert said.pop(0) == "fastmem build data.csv -o net.safetensors"
    said.clear()
    run("compare", "data.npz", "--construction", "baum1988")
    assert ["--plot" in said[0], "--format" in said[1]] == [True, True]
    run("build", "data.npz", "-o", "net")
    for name, use in {"n t.c": "cc -O2 -c 'n t.c'", "net.mjs": "from './net.mjs'"}.items():
        said.clear()
        run("export", "net", "--unsafe", "-o", name)
        assert use in said[0]


@pytest.mark.usefixtures("files")
def test_json_and_other_forms_are_followed_by_nothing(said):
    run("demo", "--points", 20, "--json")
    run("build", "data.npz", "-o", "net", "--json")
    run("compare", "data.npz", "--construction", "baum1988", "--format", "csv")
    run("export", "net", "--unsafe", "-o", "net.js", "--json")
    assert said == []


@pytest.mark.usefixtures("files")
def test_nothing_is_added_where_standard_output_is_no_terminal():
    result = CliRunner().invoke(main, BUILD)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals")
def test_on_a_terminal_the_hint_goes_to_standard_error():
    ours, terminal = os.openpty()
    script = "from fastmem.cli.hints import after_demo; print('labels'); after_demo()"
    program = [sys.executable, "-P", "-c", script]
    result = subprocess.run(program, stdout=terminal, stderr=subprocess.PIPE, text=True, check=True)
    os.close(terminal)
    assert os.read(ours, 999) == b"labels\r\n"
    os.close(ours)
    assert result.stderr.splitlines() == [
        "Next: fastmem build data.csv -o net.safetensors",
        "      of your own points, with their labels in the last column",
    ]


@pytest.mark.usefixtures("files")
def test_a_comparison_is_folded_to_a_terminals_width(monkeypatch):
    arguments = ["compare", "data.npz", "--construction", "baum1988", "--construction", "compact/binary", "--seed", 0]
    wide = run(*arguments).stdout
    monkeypatch.setattr(commands, "terminal_width", lambda: 50)
    narrow = run(*arguments).stdout
    assert max(map(len, narrow.splitlines())) <= 50 < max(map(len, wide.splitlines()))
    assert narrow.count("\nbaum1988 ") > wide.count("\nbaum1988 ") == 1
