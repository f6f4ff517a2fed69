"""The layers of a network, drawn to scale, and a table of them."""

from __future__ import annotations

from fastmem.html.elements import Keyed, element
from fastmem.html.page import section
from fastmem.html.svg import flow, share
from fastmem.html.tables import sortable, swatched
from fastmem.html.wording import number_text, shortened
from fastmem.network.pictures import DEEP, Layers, layers_together

__all__ = ["architecture"]

_MOST = 60  # boxes and rows
_COLOURS = (0, 1, 2, 3, 4, 5, 6, 8)  # in which layers take turns; 7 is the grey of the inputs


def architecture(report, network):
    """The section of the layers."""
    layers = _few(layers_together(network))
    if not layers:
        text = "The network has no unit: there is one label, which every input gets."
        return section("architecture", "Architecture", element("p", text))
    colours = _colours(layers)
    boxes = [(report.n_features, "k7", f"{report.n_features:,}", f"inputs: {report.n_features:,} features")]
    boxes += [(part.width, colours[part.stage], f"{part.width:,}", _said(part)) for part in layers]
    links = [f"{part.n_weights:,} connections to {part.name}" for part in layers]
    widest = max(size for size, *_ in boxes)
    scale = f"Heights are to scale: the highest box stands for {widest:,} of what it counts."
    described = f"From the inputs on the left to the output on the right: {report.depth:,} layers. {scale}"
    return section(
        "architecture",
        "Architecture",
        element("p", _words(report, layers, scale)),
        flow("Layers of the network", described, boxes, links),
        _table(layers, colours),
    )


def _said(part):
    return f"{part.name}: {part.stage}\n{_units(part)}, {part.n_weights:,} connections lead to it"


def _units(part):
    return f"{part.width:,} {'unit' if part.width == 1 else 'units'}"


def _words(report, layers, scale):
    text = (
        f"From the inputs on the left, in grey, to the output on the right. {scale} Bands are connections. What a "
        "layer does stands in the table, and under the pointer; arrow keys lead from layer to layer."
    )
    if report.depth > DEEP:
        text += (
            f" Layers that do the same, one after the other, are one box, as high as the widest: {len(layers)} here."
        )
    return text


def _few(layers):
    """All, or the first and the last of too many, with one that stands for those in between."""
    if len(layers) <= _MOST:
        return layers
    half = _MOST // 2
    between = layers[half:-half]
    widest, n_weights = max(part.width for part in between), sum(part.n_weights for part in between)
    one = Layers("those in between", f"{len(between):,} further parts", widest, n_weights)
    return [*layers[:half], one, *layers[-half:]]


def _colours(layers):
    stages = dict.fromkeys(part.stage for part in layers)
    return {stage: f"k{_COLOURS[k % len(_COLOURS)]}" for k, stage in enumerate(stages)}


def _table(layers, colours):
    most = max(part.n_weights for part in layers)
    rows = [
        [
            Keyed(part.name, k),
            swatched(colours[part.stage], shortened(part.stage, 60)),
            Keyed(number_text(part.width), part.width),
            Keyed(number_text(part.n_weights), part.n_weights),
            Keyed(_bar(part.n_weights / most if most else 0), part.n_weights),
        ]
        for k, part in enumerate(layers)
    ]
    headings = ("layer", "what it does", "units", "connections", "connections, to scale")
    return sortable("Layers, from the inputs to the output", headings, rows, numbers=(2, 3))


def _bar(part):
    bar = element("rect", class_="bar", x="0", y="3", width=share(part), height="12")
    return element("svg", bar, class_="scale", aria_hidden="true")
