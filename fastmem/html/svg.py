"""Charts as SVG within a page, that are as wide as their place: across in shares of the width, down in pixels.

So text is as large on a phone as on a screen. Marks that have something to say are given a `<title>`, which every
browser shows under the pointer; the script of a page makes it a label that the keyboard reaches too.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fastmem.html.elements import Html, element

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["columns", "drawing", "flow", "mark", "share", "stacked", "writing"]


def share(part: float) -> str:
    """A share of the width.

    Examples
    --------
    >>> share(0.25), share(1 / 3)
    ('25%', '33.333%')
    """
    return f"{100 * part:.3f}".rstrip("0").rstrip(".") + "%"


def drawing(name: str, description: str, height: float, *content: object, marks: str | None = None) -> Html:
    """A chart as wide as its place, with what it shows in words.

    Parameters
    ----------
    name, description : str
    height : float
        In pixels.
    *content : object
    marks : str, optional
        What its marks are, if arrow keys go from one to the next.
    """
    role = {"role": "img"} if marks is None else {"role": "group", "data_marks": marks}
    label = f"{name}. {description}"
    return element("svg", *content, class_="chart", width="100%", height=f"{height:g}", aria_label=label, **role)


def mark(tag: str, said: str, **attributes: object) -> Html:
    """A shape that says something under the pointer, or when it has the focus."""
    return element(tag, element("title", said), class_=f"mark {attributes.pop('class_', '')}".strip(), **attributes)


def writing(text: object, x: float, y: float, anchor: str = "start", **attributes: object) -> Html:
    """Text that begins, ends or has its middle at a share of the width."""
    return element("text", text, x=share(x), y=f"{y:g}", text_anchor=anchor, **attributes)


def stacked(name: str, parts: Sequence[tuple[float, str]]) -> Html:
    """One bar of several parts, as long as their shares.

    Parameters
    ----------
    name : str
    parts : sequence of (size, text)
        The text is what is said of a part.
    """
    total, at, bars = sum(size for size, _ in parts), 0.0, []
    for k, (size, said) in enumerate(parts):
        place = {"x": share(at / total), "width": share(size / total)}
        bars.append(mark("rect", said, class_=f"k{k % 8}", y="2", height="36", **place))
        at += size
    return drawing(name, "; ".join(said for _, said in parts), 40, *bars, marks="parts")


_LEFT, _RIGHT = 0.085, 0.995  # where columns stand, beside the numbers of the axis
_TOP, _BOTTOM, _HEIGHT = 26.0, 234.0, 260.0


def columns(
    name: str,
    description: str,
    heights: Sequence[int],
    said: Sequence[str],
    ticks: Iterable[tuple[float, str]],
    *,
    line: tuple[float, str] | None = None,
) -> Html:
    """Columns side by side, as of a histogram.

    Parameters
    ----------
    name, description : str
    heights : sequence of int
    said : sequence of str
        What is said of each column.
    ticks : iterable of (float, str)
        Places on the axis below, from 0 to 1, and what is written there.
    line : (float, str), optional
        A place that a dashed line marks, and what is written above it.
    """
    content = [*_grid(max(heights)), *_columns(heights, said)]
    for k, (place, text) in enumerate(ticks):  # on a phone every other one
        kind = "roomy" if k % 2 else None
        content.append(writing(text, _across(place), _HEIGHT - 6, _anchor(place), class_=kind))
    if line is not None:
        place, text = line
        x = share(_across(place))
        content.append(element("line", class_="median", x1=x, x2=x, y1=f"{_TOP - 6:g}", y2=f"{_BOTTOM:g}"))
        content.append(writing(text, _across(place), 14, _anchor(place), class_="strong"))
    return drawing(name, description, _HEIGHT, *content, marks="columns")


def _across(place):
    return _LEFT + (_RIGHT - _LEFT) * place


def _grid(most):
    """Lines at round numbers, with the numbers."""
    for value in _ticks(most):
        y = _BOTTOM - (_BOTTOM - _TOP) * value / most
        yield element("line", class_="grid", x1=share(_LEFT), x2=share(_RIGHT), y1=f"{y:.1f}", y2=f"{y:.1f}")
        yield writing(f"{value:,}", _LEFT - 0.01, y + 4, "end")


def _columns(heights, said):
    """A mark for each column that is not empty."""
    width = share(0.94 * (_RIGHT - _LEFT) / len(heights))
    for k, (value, text) in enumerate(zip(heights, said, strict=True)):
        if value:
            long = max((_BOTTOM - _TOP) * value / max(heights), 1.5)
            place = {"x": share(_across(k / len(heights))), "y": f"{_BOTTOM - long:.1f}"}
            yield mark("rect", text, class_="bar", width=width, height=f"{long:.1f}", **place)


def _anchor(place):
    return "start" if place < 0.15 else "end" if place > 0.85 else "middle"


def _ticks(most):
    """Round numbers up to the largest, at most five."""
    steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    step = next(step for step in steps if most // step <= 5)
    return range(step, most + 1, step)


_FEW, _ROOMY = 6, 12  # boxes beside each other, above which there is room for numbers on a phone, on a screen


def flow(name: str, description: str, boxes: Sequence[tuple[float, str, str, str]], links: Sequence[str]) -> Html:
    """Boxes from the left to the right, as high as what they stand for, and the bands that lead from each to the next.

    Parameters
    ----------
    name, description : str
    boxes : sequence of (size, class, text, said)
        The text stands above a box where there is room.
    links : sequence of str
        What is said of the bands, one fewer.
    """
    height, middle, most = 240.0, 132.0, max(size for size, *_ in boxes)
    tall = [max(180.0 * size / most, 2.0) for size, *_ in boxes]
    step = 1 / len(boxes)
    thick = min(0.44 * step, 0.05)
    content: list[Html] = []
    for k, (_, kind, text, said) in enumerate(boxes):
        x, y = (k + 0.5) * step, middle - tall[k] / 2
        if k:
            band = _band(links[k - 1], tall[k - 1] / 2, tall[k] / 2, 90.0)
            content.append(_placed(band, x - step + thick / 2, step - thick, middle - 90, 180))
        shape = {"x": share(x - thick / 2), "width": share(thick), "y": f"{y:.1f}", "height": f"{tall[k]:.1f}"}
        content.append(mark("rect", said, class_=kind, **shape))
        if len(boxes) <= _ROOMY:
            content.append(writing(text, x, y - 6, "middle", class_="roomy" if len(boxes) > _FEW else None))
    return drawing(name, description, height, *content, marks="layers")


def _band(said, left, right, half):
    path = f"M0 {half - left:.1f}L100 {half - right:.1f}V{half + right:.1f}L0 {half + left:.1f}Z"
    return mark("path", said, class_="band", d=path)


def _placed(content, x, width, y, height):
    """Shapes of a space of 100 by some pixels, stretched to a share of the width."""
    place = {"x": share(x), "width": share(width), "y": f"{y:g}", "height": f"{height:g}"}
    return element("svg", content, viewBox=f"0 0 100 {height:g}", preserveAspectRatio="none", **place)
