"""Elements of HTML as text: whatever is no `Html` yet is escaped, so that no name, label or path can become markup."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from fastmem.html.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Html", "Keyed", "element", "escaped", "fragment", "pairs", "table"]

_VOID = {"br", "col", "hr", "input", "meta"}  # elements without content

# Text, background and lines are those of the page around, so that a fragment reads in light and in dark. The class is
# named twice where JupyterLab, which puts all cells to the right, would have the last word otherwise.
_FRAGMENT_STYLE = """
.fastmem { font-size: 0.9em; line-height: 1.4; max-width: 100%; overflow-x: auto; color: inherit; }
.fastmem table { border-collapse: collapse; margin: 0.4em 0; color: inherit; background: transparent; }
.fastmem caption { text-align: left; font-weight: 600; padding: 0.2em 0; color: inherit; caption-side: top; }
.fastmem.fastmem th, .fastmem.fastmem td { padding: 0.15em 0.7em 0.15em 0; text-align: left; vertical-align: top;
  color: inherit; background: transparent; border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.35);
  white-space: normal; }
.fastmem.fastmem th { font-weight: 600; vertical-align: bottom; }
.fastmem.fastmem th[scope=row] { min-width: 7.5em; vertical-align: top; }
.fastmem.fastmem .number { text-align: right; font-variant-numeric: tabular-nums; }
.fastmem.fastmem td.number { white-space: nowrap; }
.fastmem p { margin: 0.3em 0; }
.fastmem .note { opacity: 0.8; }
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """A value as HTML: as it is if it is `Html`, else its text, visible and escaped."""
    return value if isinstance(value, Html) else Html(html.escape(visible(value)))


def element(tag: str, *content: object, **attributes: object) -> Html:
    """An element with its content, one after the other.

    Parameters
    ----------
    tag : str
    *content : object
        `Html`, or anything whose text is escaped.
    **attributes : object
        ``class_`` and ``for_`` are those without a line, a line between words is a hyphen; None leaves one out, True
        gives it no value.

    Returns
    -------
    Html

    Examples
    --------
    >>> element("td", "a < b", class_="number")
    '<td class="number">a &lt; b</td>'
    >>> element("p", element("b", 1), " of 2", hidden=True)
    '<p hidden><b>1</b> of 2</p>'
    """
    given = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    if tag in _VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{''.join(map(escaped, content))}</{tag}>")


def _attribute(name, value):
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'


class Keyed(NamedTuple):
    """A cell that is sorted by another value than its text: a number or text, None last."""

    content: object
    key: float | str | None


def table(
    headings: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Iterable[int] = (),
    caption: str = "",
    class_: str | None = None,
) -> Html:
    """A table with a line of headings.

    Parameters
    ----------
    headings : sequence
        Of the columns; the first column names its rows.
    rows : iterable of sequences
        As many cells each as there are headings: `Keyed`, or content that is sorted by its text, if by anything.
    numbers : iterable of int
        Positions of columns whose cells stand to the right.
    caption : str
        What stands above; none by default.
    class_ : str, optional
        Of the table.

    Returns
    -------
    Html
    """
    right = set(numbers)

    def cell(tag, k, content, **given):
        if isinstance(content, Keyed):
            content, given["data_key"] = content.content, _text_of(content.key)
        return element(tag, content, **given, class_="number" if k in right else None)

    def row(cells):
        first, *others = cells
        named = cell("th", 0, first, scope="row")
        return element("tr", named, *(cell("td", k, content) for k, content in enumerate(others, 1)))

    head = element("tr", *(cell("th", k, name, scope="col") for k, name in enumerate(headings)))
    title = element("caption", caption) if caption else ""
    return element("table", title, element("thead", head), element("tbody", *map(row, rows)), class_=class_)


def _text_of(key):
    """A key as the script of a page reads it; beyond its numbers all are the largest."""
    if key is None or key != key:
        return ""
    return key if isinstance(key, str) else repr(float(min(max(key, -(10**308)), 10**308)))


def pairs(rows: Iterable[tuple[object, object]], *, caption: str = "") -> Html:
    """A table of names and values; a value without a name is a further line of the one above."""
    named: list[tuple[object, list[object]]] = []
    for name, value in rows:
        if name or not named:
            named.append((name, [value]))
        else:
            named[-1][1].extend((element("br"), value))
    body = (element("tr", element("th", name, scope="row"), element("td", *values)) for name, values in named)
    title = element("caption", caption) if caption else ""
    return element("table", title, element("tbody", *body))


def fragment(*content: object) -> str:
    """What ``_repr_html_`` returns: content in a box of its own, with the few rules of style that it needs."""
    style = Html(f"<style>{_FRAGMENT_STYLE}</style>")
    return str(element("div", style, *content, class_="fastmem"))
