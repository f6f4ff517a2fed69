"""What was built, in one sentence, in eight numbers, and in the words of the report."""

from __future__ import annotations

import math

from fastmem.data.plain import label_text
from fastmem.html.elements import Html, element, pairs
from fastmem.html.page import section
from fastmem.html.wording import bytes_text, number_text, shortened

__all__ = ["head", "in_words"]

_MOST_NAMES = 20


def head(report, title, date):
    """Title, sentence and numbers."""
    tiles = (element("div", element("dt", name), element("dd", value)) for value, name in _numbers(report))
    said = "A network of fastmem" + (f", {date}" if date is not None else "")
    return Html(
        element("p", said, class_="kind")
        + element("h1", title)
        + element("p", sentence(report), class_="lead")
        + element("dl", *tiles, class_="tiles")
    )


def sentence(report):
    """What was built, as a colleague would say it."""
    units = "threshold units" if report.output is None else "units that carry numbers"
    network = f"A network of {report.n_neurons:,} {units} in {_count(report.depth, 'layer')}"
    if not report.depth:
        network = "A network without any unit"
    if not report.n_points:
        return f"{network}, made of layers that were given: it has memorized no points."
    of = f"{_count(report.n_points, 'point')} of {_count(report.n_features, 'feature')}"
    if report.output == "value":
        return f"{network} that memorizes {of}: it returns the label of each within {report.output_error:.2g}."
    return f"{network} that memorizes {of}: it returns the label of each exactly."


def _numbers(report):
    yield number_text(report.n_points), "points memorized"
    if report.output == "value":
        yield number_text(report.output_error), "farthest from a label"
    else:
        yield number_text(report.n_classes), "different labels"
    if report.output is None:
        more = report.n_recognition_hyperplanes
        further = f", {more:,} more to know inputs" if more else ""
        yield number_text(report.n_hyperplanes), "hyperplanes" + further
    else:
        yield number_text(report.longest_integer), "bits of the longest integer"
    yield number_text(report.n_neurons), "neurons"
    yield number_text(report.depth), "layers"
    yield number_text(report.n_weights), "weights"
    yield bytes_text(report.nbytes), "of parameters"
    is_known = not math.isnan(report.bits_per_label)
    yield (
        f"{report.bits_per_label:.2f}" if is_known else "-",
        "bits a label" + (" in the store" if report.store else ""),
    )


def in_words(report, network):
    """The section of what the report says, and of the names of labels and columns."""
    rows = [*report.rows_without_theory(), *_names(network)]
    return section("words", "In words", element("div", pairs(rows), class_="scrolls"))


def _names(network):
    if len(network.classes):
        yield "labels are", _listed(map(label_text, network.classes[:_MOST_NAMES]), len(network.classes))
    if network.feature_names is not None:
        read = (network.feature_names[column] for column in network.columns[:_MOST_NAMES].tolist())
        yield "columns read", _listed(read, len(network.columns))


def _listed(values, n):
    """Some values, and how many more there are."""
    texts = [element("code", shortened(value)) for value in values]
    more = f" and {n - len(texts):,} more" if n > len(texts) else ""
    return Html(", ".join(texts) + more)


def _count(number, noun):
    return f"{number:,} {noun if number == 1 else noun + 's'}"
