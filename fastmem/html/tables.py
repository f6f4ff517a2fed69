"""Tables that are sorted by a click or a key where a page runs its script, and read as they stand without."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastmem.html.elements import Html, element

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Keyed", "sortable", "swatched"]


class Keyed(NamedTuple):
    """A cell that is sorted by another value than its text: a number or text, None last."""

    content: object
    key: float | str | None


def swatched(colour: str, name: object) -> Html:
    """A name behind a square of the colour that it has in a chart, which is a class."""
    return element("span", element("span", class_=f"swatch {colour}"), name, class_="named")


def sortable(
    caption: str, headings: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Iterable[int] = ()
) -> Html:
    """A table in a box of its own, which scrolls where it is wider than the page.

    Parameters
    ----------
    caption : str
        What the table is.
    headings : sequence
        Of the columns; the first column names its rows.
    rows : iterable of sequences
        As many cells each as there are headings: `Keyed`, or content that is sorted by its text.
    numbers : iterable of int
        Positions of columns whose cells stand to the right.

    Returns
    -------
    Html
    """
    right = set(numbers)

    def kind(k):
        return "number" if k in right else "text"

    def cells(row):
        for k, cell in enumerate(row):
            content, key = cell if isinstance(cell, Keyed) else (cell, False)
            given = {"class_": kind(k), "data_key": None if key is False else _text_of(key)}
            yield element("th", content, scope="row", **given) if k == 0 else element("td", content, **given)

    head = element("tr", *(element("th", name, scope="col", class_=kind(k)) for k, name in enumerate(headings)))
    body = element("tbody", *(element("tr", *cells(row)) for row in rows))
    whole = element("table", element("caption", caption), element("thead", head), body, class_="sortable")
    return element("div", whole, class_="scrolls", role="region", aria_label=caption, tabindex="0")


def _text_of(key):
    """A key as the script reads it; beyond its numbers all are the largest."""
    if key is None or key != key:
        return ""
    return key if isinstance(key, str) else repr(float(min(max(key, -(10**308)), 10**308)))
