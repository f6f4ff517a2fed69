"""The network beside theorems, what its construction proves, and what no network can beat."""

from __future__ import annotations

import math

from fastmem.errors import InvalidInput
from fastmem.html.elements import Keyed, element
from fastmem.html.page import section
from fastmem.html.svg import share
from fastmem.html.tables import sortable
from fastmem.html.wording import number_text, ratio_text
from fastmem.theory.bounds import bounds
from fastmem.theory.theorems import MARKS

__all__ = ["beside"]

_TITLE = "Beside theorems and bounds"
_SIGNS = {"~": "~", "<=": "≤"}
_LARGEST = 1e15  # beyond, sizes are off the scale


def beside(report):
    """The section of what is known about sizes; None for a network that has memorized nothing."""
    if not report.n_points:
        return None
    content = [element("p", sentence) for sentence in _sentences(report)]
    if report.delta is None:
        text = (
            "The theorems' sizes depend on delta, the smallest distance of two points scaled into the unit ball. Ask "
            "for the report with it to see them here: "
        )
        content.append(element("p", text, element("code", "net.report(fastmem.separation(X).delta)"), class_="note"))
        return section("beside", _TITLE, *content)
    try:
        table = bounds(report.n_points, report.n_features, report.delta, n_classes=report.n_classes or 2)
    except InvalidInput as error:
        return section("beside", _TITLE, *content, element("p", f"No theorem is about such points: {error}"))
    return section("beside", _TITLE, *content, *_theorems(report, table), *_least(report, table))


def _sentences(report):
    if report.output is None:
        must = "points" if report.separate == "all" else "labels"
        yield (
            f"Hyperplanes built: {report.n_hyperplanes:,}. To have as many cells as there are {must} to tell apart "
            f"takes at least {report.n_hyperplanes_least:,}."
        )
    if report.bound_neurons is not None:
        yield (
            f"The proof of {report.construction} promises at most {report.bound_neurons:,} neurons and "
            f"{report.bound_weights:,} weights; {report.n_neurons:,} and {report.n_weights:,} were built."
        )
    if report.instance is not None:
        verdict = "No fewer hyperplanes separate these points" if report.is_optimal else f"{report.instance_bound_is}"
        yield f"{verdict}: {number_text(report.instance_bound)} for {report.instance}, since {report.instance_reason}."


def _theorems(report, table):
    yield element("h3", "Theorems")
    yield element(
        "p",
        f"For {table.n:,} points of {table.d:,} features, {table.delta:.4g} apart in the unit ball, and "
        f"{table.n_classes:,} labels. A size after ~ leaves constants and logarithms out; one after ≤ is an upper "
        "bound, which the theorem states or which was proved of what is built. In the pictures the line is this "
        "network, the dot the theorem, on a logarithmic scale.",
    )
    reach = _reach([report.n_neurons, *(row.neurons for row in table.sizes)])
    rows = [
        [
            row.name,
            _marked(_SIGNS[MARKS[row.kind]], row.neurons),
            _ratio(report.n_neurons, row.neurons),
            Keyed(_dot(row.neurons, report.n_neurons, reach), row.neurons),
            _marked(_SIGNS[MARKS[row.kind]], row.weights),
            _ratio(report.n_weights, row.weights),
            row.units,
            row.assumption,
        ]
        for row in table.sizes
    ]
    headings = (
        "theorem", "neurons", "built / theorem", "neurons, to scale", "weights", "built / theorem", "units", "for",
    )  # fmt: skip
    yield sortable("Sizes of theorems", headings, rows, numbers=(1, 2, 4, 5))
    yield _notes("Where these sizes come from", ((row.name, _source(row)) for row in table.sizes))


def _source(row):
    return f"{row.kind}. {row.source}" + (f"; numbers: {row.numbers}" if row.numbers else "")


def _least(report, table):
    yield element("h3", "What no network can beat")
    yield element(
        "p",
        "Each holds for the data sets that it names. One that is about other points than these, or a scale, marked ~, "
        "may lie above what was built.",
    )
    built = {
        "hyperplanes": report.n_hyperplanes if report.output is None else None,
        "neurons": report.n_neurons,
        "neurons in a layer": max(report.widths, default=0),
        "neurons in layer 1": report.widths[0] if report.widths else None,
        "bits of parameters": 8 * report.nbytes,
    }
    rows = [
        [
            row.name,
            _marked("~" if row.is_scale else "≥", row.value),
            row.quantity,
            Keyed(number_text(built.get(row.quantity)), built.get(row.quantity)),
            _ratio(built.get(row.quantity), row.value),
            row.holds_for,
        ]
        for row in table.lower_bounds
    ]
    headings = ("bound", "at least", "of what", "built", "built / bound", "for")
    yield sortable("Lower bounds", headings, rows, numbers=(1, 3, 4))
    notes = ((row.name, f"{row.statement}. {row.source}") for row in table.lower_bounds)
    yield _notes("Why these bounds hold", notes)


def _notes(title, notes):
    """Names with a text each, which open by a click or a key."""
    items = (part for name, text in notes for part in (element("dt", name), element("dd", text)))
    return element("details", element("summary", title), element("dl", *items, class_="notes"))


def _marked(sign, value):
    if value is None:
        return Keyed("-", None)
    return Keyed("overflows" if value == math.inf else f"{sign} {number_text(value)}", value)


def _ratio(number, of):
    return Keyed(ratio_text(number, of), number / of if number is not None and of and of < math.inf else None)


def _reach(sizes):
    sizes = [size for size in sizes if size and size <= _LARGEST]
    return math.log(min([1, *sizes])), math.log(max([10, *sizes]))


def _dot(size, built, reach):
    """Where a size lies, beside what was built."""
    if size is None or size > _LARGEST or size <= 0:
        return "off the scale" if size else "-"
    low, high = reach

    def place(value):
        return share(0.02 + 0.96 * (math.log(max(value, 1)) - low) / (high - low))

    return element(
        "svg",
        element("line", x1="0", x2="100%", y1="10", y2="10"),
        element("line", class_="built", x1=place(built), x2=place(built), y1="2", y2="18"),
        element("circle", cx=place(size), cy="10", r="4.5"),
        class_="scale",
        aria_hidden="true",
    )
