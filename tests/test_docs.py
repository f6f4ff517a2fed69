"""Examples in docstrings and in the README run, and print what they say."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fastmem

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fastmem.__path__, "fastmem.")
    if not module.name.startswith("fastmem._kernels.")
)
README = Path(__file__).parent.parent / "README.md"


def test_docstring_examples_run():
    results = [doctest.testmod(importlib.import_module(name)) for name in MODULES]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 10


class ExceptHyperplanes(doctest.OutputChecker):
    """Compares output but for the number of hyperplanes, which depends on the rounding of the machine's BLAS."""

    def check_output(self, want, got, optionflags):
        blank = re.compile(r"\d+ hyperplanes, \d+-bit codes")
        return super().check_output(blank.sub("m", want), blank.sub("m", got), optionflags)


def test_readme_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = "\n".join(re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(example, {}, "README.md", str(README), 0)
    result = doctest.DocTestRunner(ExceptHyperplanes()).run(test)
    assert result.failed == 0
    assert result.attempted >= 22


@pytest.mark.parametrize("name", MODULES)
def test_every_module_and_public_name_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        assert callable(getattr(module, public)) is False or getattr(module, public).__doc__


def test_public_names_are_those_of_the_package():
    assert set(fastmem.__all__) <= set(dir(fastmem))
