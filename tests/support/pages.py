"""Files that a page of the documentation shows: a reader saves them, and the examples below use them."""

import re

__all__ = ["files_of"]

# A block of code whose first line is a comment that holds the name of a file, and nothing else.
_FILE = re.compile(r"^```\w+\n((?:#|//|/\*|<!--) *([\w-]+\.\w+)(?: *\*/| *-->)?\n.*?)^```$", re.DOTALL | re.MULTILINE)


def files_of(page):
    """The text of each file by its name, of the page at a path."""
    return {name: text for text, name in _FILE.findall(page.read_text(encoding="utf-8"))}
