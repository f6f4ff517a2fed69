"""The plane as a network of two inputs sees it: cells in the colours of their labels, hyperplanes, and points."""

from __future__ import annotations

import numpy as np

from fastmem.data.plain import label_text
from fastmem.errors import InvalidInput
from fastmem.html.colours import OKABE_ITO, colours_of
from fastmem.html.elements import element
from fastmem.html.page import section
from fastmem.html.png import data_address
from fastmem.html.svg import mark
from fastmem.html.wording import number_text, shortened
from fastmem.network.pictures import (
    label_positions,
    limits_of,
    pixel_centres,
    points_and_positions,
    segments,
    unit_hyperplanes,
)

__all__ = ["plane"]

_TITLE = "The plane"
_PIXELS = 400  # along a side
_MOST_POINTS, _MOST_LINES = 1000, 1000
_WIDTH = 1000.0  # of the picture, in its own units
_FLATTEST, _STEEPEST = 0.5, 1.25  # height by width
_MOST_COLOURS = 256
_MARKERS = (
    "M7 0A7 7 0 1 1 -7 0A7 7 0 1 1 7 0Z",
    "M-6.2 -6.2H6.2V6.2H-6.2Z",
    "M0 -8L7.5 5.5H-7.5Z",
    "M0 -8.8L8.8 0L0 8.8L-8.8 0Z",
    "M0 8L7.5 -5.5H-7.5Z",
    "M-2.6 -8H2.6V-2.6H8V2.6H2.6V8H-2.6V2.6H-8V-2.6H-2.6Z",
    "M-8 -4.5L-4.5 -8L0 -3.5L4.5 -8L8 -4.5L3.5 0L8 4.5L4.5 8L0 3.5L-4.5 8L-8 4.5L-3.5 0Z",
    "M0 -9L2.2 -3H8.6L3.5 1L5.3 7.3L0 3.6L-5.3 7.3L-3.5 1L-8.6 -3H-2.2Z",
)


def plane(network, given, n_threads):
    """The section of the cells; None for a network of other points than those of the plane, or of real labels."""
    if network.n_features_in != 2 or not len(network.classes):
        return None
    points, positions = points_and_positions(network, given.X, given.labels)
    weights, offsets = unit_hyperplanes(network)
    try:
        limits = limits_of(None, points, weights, offsets)
    except InvalidInput as error:
        return section("plane", _TITLE, element("p", f"Nothing is drawn: {error}."))
    view = _View(limits)
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).round().astype(np.int64))
    lines = segments(weights, offsets, limits)
    content = (
        _ground(network, limits, view, n_threads),
        _lines(lines[:_MOST_LINES], view),
        *_points(network, given, points, positions, chosen, view),
    )
    text = _words(network, points, chosen, lines)
    words = element("div", element("p", text), _legend(network.classes))
    return section("plane", _TITLE, element("div", words, _frame(network, content, view), class_="pair"))


class _View:
    """From the units of X to those of the picture, whose upper left corner is 0, 0."""

    def __init__(self, limits):
        self.limits = limits
        left, right, bottom, top = limits
        self.height = _WIDTH * min(max((top - bottom) / (right - left), _FLATTEST), _STEEPEST)

    def __call__(self, points):
        """Shape (..., 2) of places."""
        left, right, bottom, top = self.limits
        points = np.asarray(points, np.float64)
        across = (points[..., 0] - left) / (right - left) * _WIDTH
        return np.stack([across, (top - points[..., 1]) / (top - bottom) * self.height], axis=-1)


def _words(network, points, chosen, lines):
    n_lines = network.n_hyperplanes
    text = "Every place has the colour of the label that the network gives it"
    if n_lines:
        text += f"; the lines are its {n_lines:,} hyperplanes" if n_lines > 1 else "; the line is its hyperplane"
        if len(lines) > _MOST_LINES:
            text += f", of which {_MOST_LINES:,} are drawn"
    drawn = f"{len(chosen):,} of the {len(points):,} points are drawn, chosen evenly"
    if len(chosen) == len(points):
        drawn = "The point is drawn" if len(points) == 1 else f"All {len(points):,} points are drawn"
    return f"{text}. {drawn}: each says its row, place, label and radius under the pointer, and arrow keys lead on."


def _ground(network, limits, view, n_threads):
    """The label of each pixel, as a picture."""
    labels = network.predict(pixel_centres(limits, _PIXELS), n_threads=n_threads)
    numbers, palette = _few_colours(label_positions(labels, network.classes), len(network.classes))
    picture = numbers.reshape(_PIXELS, _PIXELS)[::-1]
    place = {"x": "0", "y": "0", "width": f"{_WIDTH:g}", "height": f"{view.height:.1f}", "preserveAspectRatio": "none"}
    return element("image", href=data_address(picture, palette), **place)


def _few_colours(positions, n):
    """Numbers of colours, and the colours: as many as classes, or as a picture holds."""
    if n <= _MOST_COLOURS:
        return positions.astype(np.uint8), colours_of(n)
    return (positions * _MOST_COLOURS // n).astype(np.uint8), colours_of(_MOST_COLOURS)


def _lines(lines, view):
    """All lines as one path, thinner where they are many."""
    ends = view(_clipped(lines, view.limits))
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in ends.tolist())
    thin = max((1 + len(lines) / 10) ** (-1 / 3), 0.25)
    return element("path", class_="lines", d=path or "M0 0", stroke_width=f"{1.4 * thin:.2f}",
                   stroke_opacity=f"{max(0.85 * thin, 0.3):.2f}")  # fmt: skip


def _clipped(lines, limits):
    """The parts of lines within twice the rectangle, since viewers lose digits of what is far away."""
    left, right, bottom, top = limits
    low, high = np.array([2 * left - right, 2 * bottom - top]), np.array([2 * right - left, 2 * top - bottom])
    start, step = lines[:, 0], lines[:, 1] - lines[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        at_low, at_high = (low - start) / step, (high - start) / step
    first = np.nan_to_num(np.minimum(at_low, at_high), nan=0.0).max(axis=1, initial=0.0)
    last = np.nan_to_num(np.maximum(at_low, at_high), nan=1.0).min(axis=1, initial=1.0)
    return np.stack([start + first[:, None] * step, start + last[:, None] * step], axis=1)


def _points(network, given, points, positions, chosen, view):
    """Markers of the classes, which say what they stand for."""
    n_classes, n_colours = len(network.classes), len(OKABE_ITO)
    scale = 1.5 * min(1.0, 150 / len(chosen)) ** 0.3
    colours = ["#" + bytes(colour).hex() for colour in colours_of(n_classes)[positions[chosen]]]
    for row, (x, y), colour in zip(chosen.tolist(), view(points[chosen]).tolist(), colours, strict=True):
        k = int(positions[row])
        look = {"class_": f"k{k}"} if n_classes <= n_colours else {"fill": colour}
        move = f"translate({x:.1f} {y:.1f}) scale({scale:.2f})"
        yield mark("use", _said(given, points, row), href=f"#marker{k % n_colours}", transform=move, **look)


def _said(given, points, row):
    label = label_text(given.labels[row])
    text = f"row {row:,} at ({', '.join(f'{value:.6g}' for value in points[row].tolist())})\nlabel {shortened(label)}"
    return text if given.radii is None else f"{text}\nradius {number_text(float(given.radii[row]))}"


def _frame(network, content, view):
    """The picture between the numbers of its axes."""
    left, right, bottom, top = map(number_text, view.limits)
    names = network.feature_names or ("X[:, 0]", "X[:, 1]")
    shapes = (element("path", id=f"marker{k}", d=path) for k, path in enumerate(_MARKERS))
    label = f"Cells of the network, from {left} to {right} and from {bottom} to {top}."
    size = f"0 0 {_WIDTH:g} {view.height:.1f}"
    picture = element("svg", element("defs", *shapes), *content, viewBox=size, role="group", aria_label=label,
                      data_marks="points")  # fmt: skip
    up = element("div", *(element("span", shortened(text, 12)) for text in (top, names[1], bottom)), class_="up")
    across = (element("span", shortened(text, 20)) for text in (left, names[0], right))
    return element("div", up, picture, element("div", *across, class_="across"), class_="plane")


def _legend(classes):
    """Labels with their markers, where these are few."""
    if len(classes) > len(OKABE_ITO):
        text = (
            f"Colours go from dark to light in the order of the {len(classes):,} labels; the eight shapes of points "
            "take turns."
        )
        return element("p", text, class_="note")
    items = (element("li", _marker(k), shortened(label_text(label))) for k, label in enumerate(classes))
    return element("ul", *items, class_="legend", aria_label="Labels")


def _marker(k):
    shape = element("use", href=f"#marker{k}")
    return element("svg", shape, viewBox="-10 -10 20 20", class_=f"k{k}", aria_hidden="true")
