"""Tables that are sorted by a click or a key where a page runs its script, and read as they stand without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastmem.html.elements import Html, element, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["sortable", "swatched"]


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
    whole = table(headings, rows, numbers=numbers, caption=caption, class_="sortable")
    return element("div", whole, class_="scrolls", role="region", aria_label=caption, tabindex="0")
