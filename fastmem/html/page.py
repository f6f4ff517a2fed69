"""A page that is one file: its style, its script and its data stand in it, and it loads nothing from anywhere.

A content security policy says so to the browser: it runs this script and no other, and reaches no address.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from fastmem.html.elements import Html, element, escaped
from fastmem.html.script import SCRIPT
from fastmem.html.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["page", "section"]


def section(name: str, title: str, *content: object) -> tuple[str, str, Html]:
    """A section of a page: its id, its title, and what is in it."""
    head = element("h2", title, id=f"{name}-title")
    return name, title, element("section", head, *content, id=name, aria_labelledby=f"{name}-title")


def page(title: str, head: Html, sections: Sequence[tuple[str, str, Html]], foot: Html, data: str, name: str) -> str:
    """The text of a page.

    Parameters
    ----------
    title : str
    head : Html
        What comes first, with the heading.
    sections : sequence
        Of what `section` returns.
    foot : Html
    data : str
        JSON that stands in the page, for programs.
    name : str
        Its id.

    Returns
    -------
    str
    """
    links = (element("li", element("a", text, href=f"#{place}")) for place, text, _ in sections)
    body = (
        element("a", "Skip to the content", class_="skip", href=f"#{sections[0][0]}" if sections else "#content"),
        element("header", head, element("nav", element("ul", *links), aria_label="Sections")),
        element("main", *(content for *_, content in sections), id="content"),
        element("footer", foot),
        element("div", id="said", role="status", aria_live="polite", hidden=True),
        Html(f'<script type="application/json" id="{name}">{_in_script(data)}</script>'),
        Html(f"<script>{SCRIPT}</script>"),
    )
    parts = (
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        Html(f"<style>{STYLE}</style>"),
    )
    return "\n".join(("<!doctype html>", '<html lang="en">', *parts, *map(escaped, body), "</html>", ""))


def _in_script(data):
    """JSON that cannot end the element it stands in, nor be read as anything else than itself."""
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return data


def _policy():
    """The style and the script above alone, pictures that the page itself holds, and no address."""
    style, script = (_digest(text) for text in (STYLE, SCRIPT))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
