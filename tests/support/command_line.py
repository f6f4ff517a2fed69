"""Running commands of the command line in tests, and the files they read."""

import numpy as np
from click.testing import CliRunner

from fastmem.cli.commands import main


def run(*arguments, code=0):
    """Result of a command that must end with the given exit code."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def failure(*arguments):
    """The one line on standard error of a command that fails."""
    result = run(*arguments, code=1)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    return lines[0]


def usage_error(*arguments):
    result = run(*arguments, code=2)
    assert result.stdout == ""
    assert "Usage: " in result.stderr
    return result.stderr


def write_csv(path, X, y=None, header=None):
    rows = [[repr(float(v)) for v in row] for row in X]
    if y is not None:
        rows = [[*row, str(label)] for row, label in zip(rows, y, strict=True)]
    lines = [",".join(row) for row in ([header] if header else []) + rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_npy(path, array):
    np.save(path, array)
    return path
