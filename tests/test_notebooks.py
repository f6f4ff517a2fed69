"""What notebooks and consoles show of what users get back, and the notebook of first steps, which runs."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support.partners import partner

import fastmem
import fastmem.network.base
from fastmem.data.columns import Named
from fastmem.estimators.correction_report import CorrectionReport
from fastmem.html.elements import Html, element, pairs, table

HOSTILE = "<img src=x onerror=alert(1)>"
NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebooks" / "first_steps.ipynb"


def hostile_data(n=20):
    """Points whose columns and labels are named by somebody who means harm."""
    rng = np.random.default_rng(0)
    X = Named(rng.standard_normal((n, 3)), (HOSTILE, f"b{HOSTILE}", "c"))
    return X, np.where(rng.random(n) < 0.5, HOSTILE, "</table><script>alert(1)</script>")


def networks():
    X, y = hostile_data()
    for construction in ("compact", "rajput2021", "baum1988", "yun2019", "boxes"):
        yield construction, fastmem.memorize(X, y, construction=construction, random_state=0)
    yield "knowing", fastmem.memorize(X, y, separate="all", fingerprint_bits=8, random_state=0)
    yield "knowing rows", fastmem.memorize(X, y, fingerprint_bits=8, recognise="rows", random_state=0)
    layers = [(np.eye(3), np.zeros(3)), (np.ones((1, 3), int), [2])]
    yield "no points", fastmem.Network.from_layers(layers, [HOSTILE, 1])
    yield "one class", fastmem.memorize([[0.0], [1.0]], [HOSTILE, HOSTILE], random_state=0)


def others():
    X, y = hostile_data()
    comparison = fastmem.compare(X, y, constructions=["compact", "baum1988"], seeds=2, random_state=0)
    failed = fastmem.Built(name=HOSTILE, reason=f"row 3 is {HOSTILE}", bound=10**30)
    yield "comparison", replace(comparison, rows=(*comparison.rows, failed))
    yield "row", comparison.rows[0]
    yield "row not built", failed
    yield "bounds", fastmem.bounds(10_000, 16, 0.1, n_classes=3)
    yield "bounds of a point", fastmem.bounds(1, 1, 1.0)
    yield "separation", fastmem.separation(X)
    shares = dict.fromkeys(("keep", "right", "wrong", "unknown", "right_at_least", "right_with_safe_bits"), 0.25)
    bits = {"fingerprint_bits": 20, "network_bits": 16, "safe_bits": 20}
    measured = {"n_copies": 2000, "n_others": 1000, "tried": 2.5, "tried_of_others": {HOSTILE: 28.0}}
    given = shares | bits | measured
    yield "tolerance", fastmem.ToleranceSuggestion(0.1, 30, passing={HOSTILE: 0.125}, is_reached=True, **given)
    counts = dict.fromkeys(("n_rows", "n_contradictory", "n_memorized", "n_protected", "n_guards", "n_tested"), 1234)
    shares = {"model_accuracy": 0.9, "override_rate": 0.01, "override_rate_upper": 0.02, "tolerance": 0.0}
    nbytes = {"memory_nbytes": 5678, "kept_nbytes": 91, "guard_nbytes": 23}
    known = {"keep_guard": True, "recognise": "cells", "fingerprint_bits": 20}
    yield "correction", CorrectionReport(**counts, **shares, **nbytes, **known)


@pytest.fixture(scope="module")
def shown():
    """Everything that has a table of its own in notebooks, by what it is."""
    found = dict(networks())
    reports = {f"report of {name}": net.report(0.01 if net.n_points else None) for name, net in found.items()}
    return found | reports | dict(others())


class Checked(HTMLParser):
    """HTML whose elements close in order; its text, and what it would load or run."""

    VOID = ("br", "hr")

    def __init__(self, markup):
        super().__init__()
        self.open, self.texts, self.tags, self.attributes = [], [], set(), set()
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def numbers(self):
        return numbers_of(" ".join(self.texts))


def numbers_of(text):
    """Words with digits."""
    return {word.rstrip(":") for word in text.split() if re.search(r"\d", word)}


def test_tables_in_notebooks_are_small_well_formed_and_load_and_run_nothing(shown):
    for name, thing in shown.items():
        markup = thing._repr_html_()
        page = Checked(markup)
        assert len(markup) < 20_000, name
        assert page.tags <= {"div", "style", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "p", "pre",
                             "code", "details", "summary", "ul", "li", "b"}  # fmt: skip
        assert page.attributes <= {"class", "scope"}
        assert "url(" not in markup
        assert "@import" not in markup


def test_names_labels_and_reasons_of_users_are_text(shown):
    texts = {name: "".join(Checked(thing._repr_html_()).texts) for name, thing in shown.items()}
    assert {name for name, text in texts.items() if HOSTILE in text} == {
        "comparison", "row not built", "tolerance"
    }  # fmt: skip
    assert not any(HOSTILE in thing._repr_html_() for thing in shown.values())


def test_tables_in_notebooks_hold_the_numbers_that_are_printed(shown):
    for name, thing in shown.items():
        if type(thing).__str__ is not object.__str__:
            assert numbers_of(str(thing)) <= Checked(thing._repr_html_()).numbers, name


def test_the_table_of_a_network_has_few_rows_which_its_report_has_too(shown):
    for name, net in shown.items():
        if isinstance(net, fastmem.Network):
            markup = net._repr_html_()
            assert 5 <= markup.count("<tr>") <= 12, name
            assert Checked(markup).numbers <= Checked(net.report()._repr_html_()).numbers, name


def test_the_table_of_a_large_network_derives_no_layers(monkeypatch):
    X, y = hostile_data()
    net = fastmem.memorize(X, y, random_state=0)
    monkeypatch.setattr(fastmem.network.base, "_SOON_COUNTED", net.nbytes - 1)
    assert "net.report() counts them" in net._repr_html_()
    assert "layers" not in vars(net)
    assert f"{net.nbytes:,} bytes" in net._repr_html_()


def test_a_console_shows_one_line_of_what_is_printed_in_many(shown):
    for name, thing in shown.items():
        if not name.startswith(("row", "separation")):
            assert re.fullmatch(r"<fastmem [a-z ]+: [^\n]+>", repr(thing)), name
            assert len(repr(thing)) < 160, name


def test_lines_without_a_name_stay_with_the_row_above():
    markup = pairs([("a", 1), ("", "<"), ("b", 2)])
    assert markup.count("<tr>") == 2
    assert "<td>1<br>&lt;</td>" in markup


def test_numbers_of_a_table_stand_to_the_right_and_markup_stays_markup():
    markup = table(["name", "size"], [[element("b", "<"), 3]], numbers=[1], caption="all")
    assert isinstance(markup, Html)
    assert '<th scope="row"><b>&lt;</b></th><td class="number">3</td>' in markup
    assert html.unescape("".join(Checked(markup).texts)) == "allnamesize<3"


# The notebook of first steps


@pytest.fixture(scope="module")
def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_the_notebook_is_kept_without_outputs_and_its_links_lead_somewhere(cells):
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            assert (NOTEBOOK.parent / link).is_file(), link


MORE = {
    "fastmem.plot.comparison(comparison.rows)": 1,
    "import matplotlib.pyplot as plt; fastmem.plot.radii(net, X, plt.subplots()[1])": 1,
    "fastmem.plot.radii(net, X); plt.show()": 1,
    "plt.rcParams['figure.max_open_warning'] = 2; axes = [fastmem.plot.radii(net, X) for k in range(4)]": 4,
    "assert plt.get_fignums() == [] and plt.rcParams['figure.max_open_warning'] == 2": 0,
    "plt.switch_backend('agg'); fastmem.plot.radii(net, X); assert plt.get_fignums() == []": 0,
}  # and how many pictures are below each


def pictures(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


@pytest.mark.partner
def test_the_notebook_runs_and_shows_each_picture_once_and_tables(tmp_path):
    partner("ipykernel")
    nbformat, nbclient = partner("nbformat"), partner("nbclient")
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    first = [cell for cell in book.cells if cell.cell_type == "code"]
    more = [nbformat.v4.new_code_cell(source) for source in MORE]
    book.cells += more
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    for cell in [*first, *more]:
        assert not [output for output in cell.outputs if output.get("name") == "stderr"], cell.source
    for cell in first:
        assert pictures(cell) == cell.source.count("fastmem.plot."), cell.source
    assert [pictures(cell) for cell in more] == list(MORE.values())
    tables = [cell.source for cell in first for output in cell.outputs if "text/html" in output.get("data", {})]
    assert [source.splitlines()[-1].split("(")[0] for source in tables] == [
        "net", "separation", "net.report", "comparison", "fastmem.bounds"
    ]  # fmt: skip
