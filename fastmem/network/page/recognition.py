"""What share of other inputs a network takes for known ones, by what they are."""

from __future__ import annotations

import math

from fastmem.html.elements import Keyed, element
from fastmem.html.page import section
from fastmem.html.svg import share
from fastmem.html.tables import sortable
from fastmem.html.wording import number_text

__all__ = ["recognition"]

_TITLE = "What it takes for known"


def recognition(report):
    """The section of the fingerprints; None without any."""
    if not report.fingerprint_bits:
        return None
    lead = (
        f"The network has fingerprints of {report.fingerprint_bits} bits: it says of an input whether it knows it. Of "
        f"inputs whose code was never stored, one in {2**report.fingerprint_bits:,} passes."
    )
    measured = report.recognition
    if report.recognise == "rows":
        text = "It knows rows by a hash of all their numbers, so that any other row is another input, however near."
        return section("recognition", _TITLE, element("p", lead), element("p", text))
    if measured is None:
        text = "What share of other inputs lies in the cell of a memorized point was not measured."
        return section("recognition", _TITLE, element("p", lead), element("p", text))
    return section("recognition", _TITLE, element("p", lead), element("p", _measured_text(measured)), _kinds(measured))


def _measured_text(measured):
    end = "the end of the 95 % interval" + (", extrapolated" if measured["is_extrapolated"] else "")
    reached = "That is as low as was asked for" if measured["is_reached"] else "That is not as low as was asked for"
    return (
        f"Of {measured['rows']:,} {measured['by']}, a share of {number_text(measured['rate'])} lies in the cell of a "
        f"memorized point, and at most {number_text(measured['at_most'])}: {end}. {reached}, 2^-{measured['asked']}. "
        "Fingerprints add their own share to each."
    )


def _kinds(measured):
    rates = {f"{measured['by']} (measured)": measured["rate"], f"{measured['by']} (at most)": measured["at_most"]}
    rates |= dict(sorted(measured["kinds"].items()))
    least = min((rate for rate in rates.values() if rate > 0), default=1.0)
    rows = [
        [name, Keyed(number_text(rate), rate), Keyed(_one_in(rate), rate), Keyed(_bar(rate, least), rate)]
        for name, rate in rates.items()
    ]
    caption = "Inputs in the cell of a memorized point, by what they are; bars are on a logarithmic scale"
    return sortable(caption, ("inputs", "share", "one in", "to scale"), rows, numbers=(1, 2))


def _one_in(rate):
    return number_text(round(1 / rate)) if rate else "none seen"


def _bar(rate, least):
    """From a tenth of the least share to 1."""
    part = 1 - math.log(rate) / math.log(least / 10) if rate > 0 else 0.0
    bar = element("rect", class_="bar", x="0", y="3", width=share(min(max(part, 0.0), 1.0)), height="12")
    return element("svg", bar, class_="scale", aria_hidden="true")
