"""The house has floors: a file imports from floors below its own, and no files import each other in a circle.

Imports inside functions count: a lazy import is for weight, never for direction. Imports for type checkers alone keep
to the floors too, but may close a circle inside a folder: nothing runs by them.
"""

import ast
import graphlib
import importlib.util
from pathlib import Path

import pytest

PACKAGE = Path(importlib.util.find_spec("fastmem").origin).parent

FLOORS = (
    {"errors", "_version", "_moved", "_kernels"},
    {"machine", "html"},
    {"data"},
    {"hyperplanes"},
    {"layers", "theory"},
    {"separate", "store"},
    {"export"},
    {"network"},
    {"constructions", "plot"},
    {"distributed"},
    {"api", "io"},
    {"compare", "noise", "estimators", "streamed"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)  # from below; folders and files on one floor do not import each other


def modules(folder):
    """Files of a package by the name of their module."""
    files = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def imports(files, *, for_types=False):
    """Of each module, the modules of the package that it imports, in functions and, if asked for, for types too."""
    return {
        name: {_module(target, files) for target in _targets(ast.parse(path.read_text(encoding="utf-8")), for_types)}
        - {None, name}
        for name, path in files.items()
    }


def _targets(node, for_types):
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not for_types):
        for child in ast.iter_child_nodes(node):
            yield from _targets(child, for_types)


def _module(target, files):
    """The module that an imported name is, or lies in."""
    while target and target not in files:
        target = target.rpartition(".")[0]
    return target or None


def circle(graph):
    """Modules that import each other, each the next one, or none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []


def floor(module):
    """The floor on which a module lies, and its folder or file there."""
    part = module.split(".")[1] if "." in module else "__init__"
    found = [number for number, parts in enumerate(FLOORS) if part in parts]
    assert found, f"{module} is on no floor: say in FLOORS on which"
    return found[0], part


def upward(graph):
    """Imports of a higher floor, or of another folder or file on the same one, as sentences."""
    for module, targets in graph.items():
        here, part = floor(module)
        for target in sorted(targets):
            there, other = floor(target)
            if there > here or (there == here and part != other):
                yield f"{module} imports {target}"


@pytest.fixture(scope="module")
def files():
    return modules(PACKAGE)


def test_no_file_imports_from_its_own_floor_or_above(files):
    assert len(files) > 50
    assert list(upward(imports(files, for_types=True))) == []


def test_no_files_import_each_other_in_a_circle(files):
    found = circle(imports(files))
    assert not found, " imports ".join(found)


@pytest.fixture
def package(tmp_path):
    """Imports of a package whose files are given by name and text."""

    def written(**texts):
        folder = tmp_path / "fastmem"
        for name, text in {"__init__": "", **texts}.items():
            path = folder / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return modules(folder)

    return written


def test_a_lazy_import_closes_a_circle_too(package):
    lazy = "def f():\n    from fastmem.io import g\n"
    files = package(api=lazy, io="import fastmem.plot\n", plot="from fastmem import api\n")
    assert set(circle(imports(files))) == {"fastmem.api", "fastmem.io", "fastmem.plot"}


def test_imports_upwards_and_across_a_floor_are_found(package):
    lazy = "def f():\n    from fastmem import api\n"
    files = package(errors=lazy, plot="import fastmem.constructions\n", constructions="", api="import fastmem.plot\n")
    assert list(upward(imports(files))) == [
        "fastmem.errors imports fastmem.api",
        "fastmem.plot imports fastmem.constructions",
    ]


def test_imports_for_types_keep_to_the_floors_and_close_no_circle(package):
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fastmem import api\n"
    files = package(io=for_types, api="import fastmem.io\n")
    assert not circle(imports(files))
    assert "fastmem.io imports fastmem.api" in upward(imports(files, for_types=True))
