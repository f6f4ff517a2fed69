"""What Python functions say, in the words of the command line: options in place of parameters, calls and code."""

import re

from fastmem.errors import InvalidInput

__all__ = ["in_options"]

_NAMES = (
    "construction|store|separate|columns|effort|margin|delta|fingerprint_bits|recognise|negatives|form|random_state|n_threads|unknown|tolerance|"
    "max_probes|dtype|output|unsafe|scratch|resume|X"
)
_FLAGS = {"random_state": "seed", "n_threads": "threads", "output": "returns", "X": "data"}
_VALUES = {
    "unknown": "LABEL",
    "X": "FILE",
    "negatives": "FILE",
    "scratch": "FOLDER",
    "resume": "FOLDER",
}  # in place of dots
_SWITCHES = {"unsafe"}  # options without a value


def _flag(name):
    return f"--{_FLAGS.get(name, name).replace('_', '-')}"


def _option(match):
    name, value = match[1], match[2].strip("'\"")
    if name in _SWITCHES:
        return _flag(name)
    return f"{_flag(name)} {_VALUES.get(name, value) if value == '...' else value}"


_IN_OTHER_WORDS = (
    (r"memorize\(\.\.\., ([^)]*)\)", r"\1"),
    # Not within a path or a name in quotes.
    (rf"""(?<![\w'"/\\-])({_NAMES})=('[^']*'|"[^"]*"|\.\.\.|[^\s,;:)]+)""", _option),
    (r"(?<=, which takes only ).*$", lambda match: re.sub(r"\b(?!and\b)\w+", lambda name: _flag(name[0]), match[0])),
    (rf"^({_NAMES})(?= must be | is a distance | is for )", lambda match: _flag(match[1])),
    (r"^construction_options\['(.*?)'\]", r"--option \1"),
    (r"^columns(?= is | names | has )", "--columns"),
    (r"if delta is left out$", "if --delta is left out"),
    (r"returns positions in net\.classes", "writes positions among the classes"),
    (r"\bto_(onnx|torch|c)\b(?! *\()", r"--to \1"),
    (r", X / np\.linalg\.norm\(X, axis=1, keepdims=True\)", ""),
    (r"(?<=earlier row) of X(?= but )", ""),
    (r"No function of X can", "Rows are counted from 0, without a line of names. No network can"),
    # Files hold no Python objects.
    (r", or memorize labels of dtype object$", ""),
    (r"to use lists or tuples as labels, put them in an object array$", "give each row one label"),
    (r"make one label of its fields, a tuple$", "make one label of its fields, as text"),
    (r"Object arrays cannot be loaded when allow_pickle=False", "it holds Python objects: save numbers or text"),
    (r"Array can't be memory-mapped: Python objects in dtype\.", "it holds Python objects: save numbers or text"),
)


def in_options(said):
    """The text of an error, or of what a command prints, as the command line shows it.

    Parameters
    ----------
    said : Exception or object
        Its text is translated, of `InvalidInput` without Python code.

    Returns
    -------
    str
    """
    text = said.what if isinstance(said, InvalidInput) else str(said)
    if isinstance(said, OSError) and said.strerror and said.filename:
        text = f"{said.filename}: {said.strerror}"
    for pattern, words in _IN_OTHER_WORDS:
        text = re.sub(pattern, words, text)
    return text or type(said).__name__
