"""A figure of matplotlib as SVG that reads in light and in dark, whatever page it stands on.

The background is transparent. Matplotlib's colours are those of a light page; for a dark one a style sheet inside the
file turns greys around, black ink to nearly white, and pale areas to deep ones of the same hue. A browser chooses by
`prefers-color-scheme`, which in an ``<img>`` is the `color-scheme` of the page around it (docs/_static/fastmem.css sets
it, as GitHub does). Programs that know no style sheets draw the light one. The same figure gives the same bytes.
"""

import io
import re

import matplotlib as mpl

# Areas that letters stand on: light and dark.
PALE, PALE_ORANGE = "#b9dcf2", "#f9e2b3"
_DEEP = {PALE: "#17425c", PALE_ORANGE: "#624500"}
_INK, _PAPER = 0xE8, 0x1B  # what black and white become
CELLS = "cells"  # group id of images that are to let a dark page shine through


def themed(figure):
    """The figure as text of an SVG file."""
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "fastmem", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = re.sub(r' (d|x|y)="[^"]*"|translate\([^)]*\)', _with_short_numbers, file.getvalue())
    text = re.sub(r"(?s)<metadata>.*?</metadata>\n?", "", text)
    return text.replace("<defs>", f"<style>{_dark_style(text)}</style>\n <defs>", 1)


def _with_short_numbers(places):
    """Places with two decimals: a hundredth of a point is not seen."""
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), places[0])


def _dark_style(text):
    """Rules for every colour in the file that is another one on a dark page."""
    found = sorted(set(re.findall(r"(fill|stroke): (#[0-9a-f]{6})", text)))
    rules = [
        f'[style*="{what}: {colour}"] {{ {what}: {dark(colour)} !important; }}'
        for what, colour in found
        if dark(colour) != colour
    ]
    rules = [f"svg {{ fill: {dark('#000000')}; }}", f"#{CELLS} {{ opacity: 0.5; }}", *rules]
    return "\n@media (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}\n"


def dark(colour):
    """What a colour becomes on a dark page: greys turn around, and other colours stay but for pale ones."""
    red, green, blue = bytes.fromhex(colour[1:])
    if red == green == blue:
        return "#" + 3 * f"{round(_INK + (_PAPER - _INK) * red / 255):02x}"
    return _DEEP.get(colour, colour)
