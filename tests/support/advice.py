"""What fastmem advises in its errors: strings of its source that tell the reader to do something."""

import ast
import re
from pathlib import Path

import fastmem

ADVICE = re.compile(
    r"(: |; |, |^)(or )?(use|say|take|give|pass|make|drop|remove|leave|split|ask|memorize|rescale|scale|add|open|"
    r"repeat|read|count|number the|go on|try|save|write|encode|convert|build|run|start|upgrade|fill|put|pickle|"
    r"to use)\b"
    r"|\bneeds?\b|\(\w+=|\bmemorize\(|is left out$"
)


def advice():
    """File, text and pattern of each string that gives advice; in the pattern, anything stands for what is put in."""
    root = Path(fastmem.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for parts in _strings_of(path):
            text = "".join("{}" if part is None else part for part in parts)
            if " " in text.strip() and ADVICE.search(text):
                pattern = "".join(".*" if part is None else re.escape(part) for part in parts)
                yield path.relative_to(root).as_posix(), text, f"(?s){pattern}"


def _strings_of(path):
    """Strings that are no docstrings and no help, in parts: None for what is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    skipped = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    skipped |= {id(node.value) for node in nodes if isinstance(node, ast.keyword) and node.arg == "help"}
    skipped |= {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield [part.value if isinstance(part, ast.Constant) else None for part in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield [node.value]
