"""Under which names people find this: fastmem-nn to install, fastmem to import and to run."""

import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastmem
from fastmem.machine import partners

ROOT = Path(__file__).parent.parent
ENDINGS = (".md", ".py", ".toml", ".json", ".cff", ".yml", ".pyx", ".h", "")
TEXTS = [
    path
    for folder in ("", ".ci", "docs", "benchmarks", "benchmarks/benchmarks", "tests", "src_cython/fastmem/_kernels")
    for path in sorted((ROOT / folder).glob("*"))
    if path != Path(__file__) and path.is_file() and path.suffix in ENDINGS
] + sorted(Path(fastmem.__file__).parent.rglob("*.py"))
ANOTHER_PACKAGE = re.compile(r"fastmem\\?\[(?=[a-z])|pip install[^\n`|&]*[ \"']fastmem(?![-_\w/.])")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_nobody_is_told_to_install_the_package_of_somebody_else(path):
    assert ANOTHER_PACKAGE.findall(path.read_text(encoding="utf-8")) == []


def test_wrong_commands_would_be_found():
    for command in (
        'pip install "fastmem[' + 'jit]"',
        "pip install " + "fastmem",
        "pip install --quiet x " + "fastmem",
    ):
        assert ANOTHER_PACKAGE.search(command)
    for command in ('pip install "fastmem-nn[jit]"', "pip install . && fastmem demo", "pip install fastmem-nn"):
        assert not ANOTHER_PACKAGE.search(command)


def test_dir_shows_public_names_and_no_modules_but_the_two_that_are_public():
    shown = {name for name in dir(fastmem) if not name.startswith("_")}
    corrected, memorizing = (
        [f"{kind}{of}" for of in ("Classifier", "Regressor")] for kind in ("Corrected", "Memorizing")
    )
    assert shown - {*corrected, *memorizing} == {*fastmem.__all__, "plot", "theory"}
    assert {name for name in shown if inspect.ismodule(getattr(fastmem, name))} <= {"plot", "theory"}


def test_the_package_runs_as_a_command():
    command = [sys.executable, "-P", "-m", "fastmem", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"fastmem {fastmem.__version__}\n"


def test_the_version_is_the_same_wherever_it_stands():
    assert f"version: {fastmem.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {fastmem.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_distribution_has_its_own_name_and_the_version():
    assert importlib.metadata.version(partners.DISTRIBUTION) == fastmem.__version__


def test_a_missing_package_is_named_with_what_needs_it_and_what_installs_it():
    with pytest.raises(ImportError) as caught:
        partners.need("no_such_package.part", what="to_stone", extra="stone", package="Stone")
    assert str(caught.value) == 'to_stone needs Stone, which is not installed: pip install "fastmem-nn[stone]"'


def test_every_extra_that_a_message_names_exists():
    extras = set(importlib.metadata.metadata(partners.DISTRIBUTION).get_all("Provides-Extra"))
    named = set()
    for path in Path(fastmem.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'extra="(\w+)"|missing\("[^"]*", "[^"]*", "(\w+)"\)|fastmem-nn\[(\w+)\]', text))
    assert {name for names in named for name in names if name} <= extras
    assert len(named) > 5
