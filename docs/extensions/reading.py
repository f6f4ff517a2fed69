"""What makes pages easier to read, so that their authors need not think of it.

Columns of numbers are aligned to the right, and the row of fastmem among others stands out. On a telephone the cells of
tables of words stand one below the other, each with its heading, instead of breaking every third word; those of long
texts do so everywhere. Wide pictures scroll. Indented commands are coloured as commands.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform

UNIT = r"(%|[kMGT]?B|[mµn]?s|min|h|×|to|±|/|·|\d[\d,.]*)"
NUMBER = re.compile(rf"[~<>≤≥≈+\-\N{{MINUS SIGN}}]?\s?\d[\d,.]*(e[-+]?\d+)?(\s?{UNIT})*")
COMMANDS = {
    "$", "asv", "cd", "curl", "fastmem", "git", "node", "npx", "pip", "pytest", "python", "ruff", "sphinx-build",
}  # fmt: skip
MANY = 3  # columns of words, too many for a telephone
LONG = 80  # letters in a cell, too many for such a column on a desk
MOST = 0.75  # share of the cells of a column that are numbers
WIDE = 400  # points, of pictures that a telephone shows by scrolling


class Tables(SphinxTransform):
    """Classes of tables, rows and cells, for fastmem.css."""

    default_priority = 500

    def apply(self):
        for table in self.document.findall(nodes.table):
            rows = [list(row.findall(nodes.entry)) for body in table.findall(nodes.tbody) for row in body.children]
            heads = [list(row.findall(nodes.entry)) for head in table.findall(nodes.thead) for row in head.children]
            columns = list(zip(*rows, strict=True)) if len({len(row) for row in rows}) == 1 else []
            numeric = [k for k, column in enumerate(columns) if holds_numbers(column)]
            table["classes"].append("numbers" if numeric else "words")
            if heads and not numeric and len(columns) >= MANY:
                table["classes"].append("stacked" if longest(columns) <= LONG else "long")
                head_cells(heads[0], rows)
            for row in [*heads, *rows]:
                for k in numeric:
                    row[k]["classes"].append("number")
            for row in rows:
                if any(cell.astext() == "fastmem" for cell in row):
                    row[0].parent["classes"].append("ours")


def longest(columns):
    """Letters in a cell of the column with the longest, on the average."""
    return max(sum(len(cell.astext()) for cell in column) / len(column) for column in columns)


def head_cells(heads, rows):
    """The heading of its column in each cell but the first of a row, for where cells are not below it."""
    for row in rows:
        for head, cell in list(zip(heads, row, strict=True))[1:]:
            if cell.children:
                cell[0].insert(0, nodes.inline("", f"{head.astext()}: ", classes=["heading"]))


def holds_numbers(cells):
    """Whether nearly all cells are numbers, with their units, or empty."""
    texts = [cell.astext().strip() for cell in cells]
    filled = [text for text in texts if text not in ("", "-")]
    return bool(filled) and sum(NUMBER.fullmatch(text) is not None for text in filled) >= MOST * len(filled)


class Pictures(SphinxTransform):
    """A class for wide pictures."""

    default_priority = 500

    def apply(self):
        for image in self.document.findall(nodes.image):
            path = Path(self.env.srcdir, Path(self.env.docname).parent, image["uri"])
            is_here = path.suffix == ".svg" and path.is_file()  # a missing one is the builder's to tell
            width = is_here and re.search(r'width="([\d.]+)pt"', path.read_text(encoding="utf-8")[:2000])
            if width and float(width[1]) > WIDE:
                image["classes"].append("wide")


class Commands(SphinxTransform):
    """A language for indented blocks that begin with a command."""

    default_priority = 500

    def apply(self):
        for block in self.document.findall(nodes.literal_block):
            if block.get("language") in (None, "none", "default") and block.astext().split()[:1] in [
                [c] for c in COMMANDS
            ]:
                block["language"] = "bash"


def setup(app):
    """Apply all of them to every page."""
    for transform in (Tables, Pictures, Commands):
        app.add_transform(transform)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
