"""Examples in docstrings, README and documentation run; links lead somewhere; the documentation builds."""

import doctest
import importlib.util
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import typing
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit
from xml.etree import ElementTree

import pytest
from oracles.js_modules import find_node
from support.pages import files_of
from support.partners import missing, partner
from threadpoolctl import threadpool_limits

import fastmem
from fastmem.constructions import CONSTRUCTIONS

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fastmem.__path__, "fastmem.")
    if not module.name.startswith("fastmem._kernels.")
)
# Modules that cannot be imported without a package that the test extra does not install.
MODULES_OF_PARTNERS = dict.fromkeys(
    ("fastmem.export.torch", "fastmem.export.torch_lookup", "fastmem.export.torch_numbers"), "torch"
)
ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md", *PAGES.values()]
# What the examples of a page need that the test extra does not install.
PARTNERS = {"export": ["onnx", "onnxruntime", "torch", "networkx"], "large": ["dask.array", "distributed"]}
# Programs that the examples of a page call by their names: how each is found.
PROGRAMS = {"recipes/browser": find_node, "recipes/microcontroller": lambda: shutil.which("cc")}


def test_docstring_examples_run():
    names = [name for name in MODULES if name not in MODULES_OF_PARTNERS]
    results = [doctest.testmod(importlib.import_module(name)) for name in names]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 10


class ExceptHyperplanes(doctest.OutputChecker):
    """Compares output but for the number of hyperplanes, which depends on the rounding of the machine's BLAS."""

    def check_output(self, want, got, optionflags):
        blank = re.compile(r"\d+ hyperplanes, \d+-bit codes")
        return super().check_output(blank.sub("m", want), blank.sub("m", got), optionflags)


def run_examples(path):
    """Run the Python blocks of a page as one session in the current folder; how many examples there were."""
    example = "\n".join(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(example, {}, path.name, str(path), 0)
    with threadpool_limits(1):  # threads of BLAS wait for each other where all cores are busy with tests
        result = doctest.DocTestRunner(ExceptHyperplanes()).run(test)
    assert result.failed == 0
    return result.attempted


def test_readme_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_examples(ROOT / "README.md") >= 9


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.partner] * (page in PARTNERS | PROGRAMS)) for page in PAGES]
)
def test_examples_of_documentation_pages_run(page, tmp_path, monkeypatch):
    for name in PARTNERS.get(page, []):
        partner(name)
    if page in PROGRAMS:
        found = PROGRAMS[page]() or missing(f"a program that {page} calls is not installed")
        monkeypatch.setenv("PATH", str(Path(found).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    for name, text in files_of(PAGES[page]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run_examples(PAGES[page]) == len(re.findall("^>>> ", PAGES[page].read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.partner] * (name in MODULES_OF_PARTNERS)) for name in MODULES]
)
def test_every_module_and_public_name_is_documented(name):
    if name in MODULES_OF_PARTNERS:
        partner(MODULES_OF_PARTNERS[name])
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        is_type_alias = typing.get_origin(value) is not None
        assert not callable(value) or is_type_alias or value.__doc__


def test_public_names_are_those_of_the_package():
    assert set(fastmem.__all__) <= set(dir(fastmem))


def prose(path):
    """Text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """What GitHub calls the headings of a page in links."""
    found = []
    for heading in re.findall(r"^#+ +(.+)$", prose(path), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        repeated = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.append(f"{anchor}-{repeated}" if repeated else anchor)
    return found


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in TEXTS])
def test_relative_links_lead_to_files_and_headings(path):
    links = re.findall(r"(?:\]\(|src=\")([^)\s\"]+)[)\"]", prose(path))
    relative = [link for link in links if not urlsplit(link).scheme]
    for file, anchor in map(urldefrag, relative):
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT.resolve()), file
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


def contents(page):
    """A page, and all that the tables of contents on it lead to."""
    yield page
    for toctree in re.findall(r"```\{toctree\}\n(.*?)```", PAGES[page].read_text("utf-8"), re.DOTALL):
        for line in toctree.splitlines():
            if line and not line.startswith(":"):
                yield from contents((Path(page).parent / line).as_posix())


def test_every_page_is_in_the_table_of_contents_once():
    assert sorted(contents("index")) == sorted(PAGES)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("recipes/")])
def test_every_recipe_ends_with_figures_and_the_command_that_prints_them(page):
    title, *text = PAGES[page].read_text("utf-8").split("\n## ")[-1].splitlines()
    assert title == "Measured"
    assert text[text.index(f"<!-- python benchmarks/recipes.py {Path(page).name} -->") + 1].startswith("| ")


def test_every_public_name_is_in_the_reference():
    reference = PAGES["api"].read_text(encoding="utf-8")
    documented = re.findall(r"^   (\w+)$", reference, re.MULTILINE)
    assert set(fastmem.__all__) <= set(documented)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "pictures").iterdir()), ids=lambda path: path.stem)
def test_every_picture_is_a_small_svg_that_turns_with_the_readers_theme(path):
    picture = path.read_text(encoding="utf-8")
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert "@media (prefers-color-scheme: dark)" in picture
    assert len(picture) < 160_000


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_every_construction_has_a_section_with_a_picture_in_the_theory_and_a_row_in_the_guide(name):
    theory, guide = (PAGES[page].read_text("utf-8") for page in ("theory", "guide"))
    anchor = re.search(rf"^\| \[{name}\]\(#(\S+)\) \|", theory, re.MULTILINE)[1]
    section = theory.split("\n## ")[1 + anchors(PAGES["theory"])[1:].index(anchor)]
    assert "](pictures/" in section
    assert re.search(rf"^\| {name}(/\w+)? \|", guide, re.MULTILINE)


class References(HTMLParser):
    """What a page of HTML names, links to, and loads."""

    LOADING = ("script", "img", "iframe", "source", "video", "audio", "embed", "object")

    def __init__(self, path):
        super().__init__()
        self.ids, self.classes, self.links, self.loaded = set(), set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        self.classes |= set((attributes.get("class") or "").split())
        self.loaded += [
            attributes[name] for name in ("src", "srcset", "data") if tag in self.LOADING and name in attributes
        ]
        if "href" in attributes:
            (self.links if tag == "a" else self.loaded).append(attributes["href"])


def test_the_page_of_digits_is_one_small_file_with_known_and_unknown_pictures(tmp_path):
    spec = importlib.util.spec_from_file_location("digits", DOCS / "digits.py")
    digits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(digits)
    path = digits.write(tmp_path)
    assert path.stat().st_size < 100_000
    assert References(path).loaded == []
    assert "export function contains(x)" in path.read_text(encoding="utf-8")
    answers = digits.answers(digits.network(), digits.pictures())
    assert {digits.UNKNOWN, *map(str, range(10))} == set(answers)
    assert digits.UNKNOWN not in answers[: digits.N_SHOWN]


@pytest.mark.partner
def test_documentation_builds_without_warnings_and_its_links_resolve(tmp_path):
    for name in ("sphinx", "furo", "myst_parser", "numpydoc", "sphinx_copybutton"):
        partner(name)
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", str(DOCS), "html"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    folder = (tmp_path / "html").resolve()
    pages = {path: References(path) for path in folder.rglob("*.html")}
    assert {f"{page}.html" for page in PAGES} <= {path.relative_to(folder).as_posix() for path in pages}
    assert {f"fastmem.{name}" for name in fastmem.__all__} <= {path.stem for path in pages if path.parent.name == "api"}
    assert {"number", "ours", "stacked", "long", "wide"} <= set().union(*(page.classes for page in pages.values()))
    for path, page in pages.items():
        for link in page.loaded:
            assert not urlsplit(link).netloc, f"{path.name} loads {link}"
        for link in [*page.links, *page.loaded]:
            if not urlsplit(link).scheme:
                file, anchor = urldefrag(link)
                target = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
                assert target.is_file(), f"{path.name} links to {link}"
                assert not anchor or unquote(anchor) in pages[target].ids, f"{path.name} links to {link}"
    for path in folder.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8")), path.name
