"""A few cases of `reliability.machines`, which holds answers of two machines to each other: here, of one."""

import numpy as np
from reliability.machines import main


def run(command, tmp_path, *options):
    return main([command, str(tmp_path / "one"), str(tmp_path / "other"), "--only", "float64 all", *options])


def test_one_machine_gives_the_same_answers_twice(tmp_path, capsys):
    for command in ("make", "answer", "build"):
        assert run(command, tmp_path, "--cases", "300", "--times", "1") == 0
    assert run("compare", tmp_path) == 0
    assert "0 are not\n2 of 2 builds are the same file" in capsys.readouterr().out


def test_an_answer_that_differs_is_named_and_so_is_nothing_to_compare(tmp_path, capsys):
    assert run("compare", tmp_path) == 1
    for command in ("make", "answer"):
        run(command, tmp_path, "--cases", "90", "--times", "1")
    path = tmp_path / "other" / "float64_all.npz"
    found = dict(np.load(path))
    found["certified_radius"][7] = np.nextafter(found["certified_radius"][7], 0)
    np.savez(path, **found)
    assert run("compare", tmp_path) == 1
    out = capsys.readouterr().out
    assert "WRONG float64 all: certified_radius: 1 of 90 rows, first 7" in out
    assert "1 are not" in out
