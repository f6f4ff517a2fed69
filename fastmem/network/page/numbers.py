"""Every number of a report in one table, with what it means, and the same as JSON."""

from __future__ import annotations

import inspect
import re

from fastmem.data.plain import as_json
from fastmem.html.elements import Keyed, element
from fastmem.html.page import section
from fastmem.html.tables import sortable
from fastmem.html.wording import number_text, shortened

__all__ = ["as_data", "numbers"]

_LONGEST = 60
_MOST_WIDTHS = 12
_MOST_BITS = 13_000  # of integers that Python writes as text, and reads


def numbers(report):
    """The section of all attributes of a report."""
    meanings = _meanings(type(report))
    rows = []
    for name, value in _flat(report.to_dict()):
        meaning = element("div", meanings.get(name.partition(".")[0], ""), class_="source")
        rows.append([element("code", name), _cell(value), meaning])
    text = (
        "What report.to_dict() returns. Programs find the same in this page as JSON, in the element with the id report."
    )
    table = sortable("All numbers of the report", ("name", "value", "what it is"), rows)
    return section("numbers", "All numbers", element("p", text), table)


def as_data(report):
    """`report.to_dict()` as JSON: NaN and infinities as null, integers of thousands of digits as text."""
    return as_json({name: _written(value) for name, value in report.to_dict().items()})


def _written(value):
    """What is built and what is loaded may hold the same in another order."""
    if isinstance(value, dict):
        return {name: _written(part) for name, part in sorted(value.items())}
    return hex(value) if _is_endless(value) else value


def _is_endless(value):
    return type(value) is int and value.bit_length() > _MOST_BITS


def _flat(values, before=""):
    """Names and values, of dicts those of what they hold."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(dict(sorted(value.items())), f"{before}{name}.")
        else:
            yield before + name, value


def _cell(value):
    if isinstance(value, bool) or value is None:
        return Keyed("-" if value is None else "yes" if value else "no", None if value is None else float(value))
    if isinstance(value, int | float):
        is_exact = isinstance(value, int) and value < 10**_LONGEST
        return Keyed(f"{value:,}" if is_exact else _endless(value) if _is_endless(value) else number_text(value), value)
    if isinstance(value, tuple):
        return Keyed(_series(value), max(value, default=None))
    return Keyed(shortened(value, 200) if value != {} else "-", shortened(value, 200))


def _endless(value):
    return f"an integer of {value.bit_length():,} bits"


def _series(values):
    text = ", ".join(f"{value:,}" for value in values[:_MOST_WIDTHS])
    return text if len(values) <= _MOST_WIDTHS else f"{text}, … {len(values):,} in all, the largest {max(values):,}"


def _meanings(kind):
    """What the class says of its attributes, by their names; nothing where Python runs without docstrings."""
    _, _, attributes = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")
    found = re.findall(r"^(\S[^\n]*) : [^\n]*\n((?: +[^\n]*\n?)*)", attributes, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}
