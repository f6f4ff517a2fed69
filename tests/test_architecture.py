"""Which file imports which: no circles, lazy imports included."""

import ast
import graphlib
import importlib.util
from pathlib import Path

import pytest

PACKAGE = Path(importlib.util.find_spec("fastmem").origin).parent


def modules(folder):
    """Files of a package by the name of their module."""
    files = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def imports(files):
    """Of each module, the modules of the package that it imports, in functions and for types too."""
    return {name: {_module(target, files) for target in _targets(path)} - {None, name} for name, path in files.items()}


def _targets(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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


@pytest.fixture(scope="module")
def graph():
    return imports(modules(PACKAGE))


def test_no_modules_import_each_other_in_a_circle(graph):
    assert len(graph) > 50
    found = circle(graph)
    assert not found, " imports ".join(found)


def test_a_lazy_import_closes_a_circle_too(tmp_path):
    files = {"a": "def f():\n    from package.b import g\n", "b": "import package.c\n", "c": "from package import a\n"}
    folder = tmp_path / "package"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "__init__.py").write_text("")
    assert set(circle(imports(modules(folder)))) == {"package.a", "package.b", "package.c"}
