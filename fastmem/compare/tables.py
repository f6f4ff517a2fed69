"""Tables of what was built: as text, HTML and for LaTeX, rounded, and all numbers as they are for other programs.

Those to be read have the columns of `COLUMNS`, where any row holds something; those for programs have every attribute.
"""

import csv
import io
import math
import re
from dataclasses import fields
from typing import NamedTuple

from fastmem.html.elements import table
from fastmem.machine.partners import need

__all__ = ["COLUMNS", "Column", "as_count", "as_csv", "as_frame", "as_html", "as_latex", "as_text", "not_built"]


class Column(NamedTuple):
    """A column of tables to be read.

    Attributes
    ----------
    name : str
        The attribute of `Built` that it shows.
    heading : str
        In one line or two.
    digits : int or None
        How many are shown at least; None for counts, which are shown in full.
    """

    name: str
    heading: str
    digits: int | None = None


COLUMNS = (
    Column("neurons", "neurons"),
    Column("weights", "weights"),
    Column("depth", "depth"),
    Column("bits", "bits a\npoint", 3),
    Column("longest_integer", "longest\ninteger"),
    Column("float64_safe", "exact in\nfloat64"),
    Column("smallest_distance", "certified\nradius", 2),
    Column("build_seconds", "build s", 3),
    Column("predictions_per_second", "predict\nrows/s", 3),
    Column("hyperplanes", "hyper-\nplanes"),
    Column("hyperplanes_least", "at\nleast"),
    Column("bound", "theorem's\nneurons"),
    Column("ratio", "built /\ntheorem", 3),
)
_NAMES = "construction"
_PAST_COUNTING = 10**15


def as_count(number):
    """A count as text: in full, a mean with a digit more, what is past all counting as a power of ten."""
    if number >= _PAST_COUNTING:
        return f"10^{math.log10(number):.4g}"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def _shown(value, digits):
    """A number as text, "" for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if digits is None:
        return as_count(value)
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def _columns(rows):
    """The columns of neurons and of all else that is known of any row."""
    first, *others = COLUMNS
    return [first, *(column for column in others if any(getattr(row, column.name) is not None for row in rows))]


def _cells(row, columns):
    return [_shown(getattr(row, column.name), column.digits) for column in columns]


def _deviations(row, columns):
    return [_shown(row.deviations.get(column.name), 2) for column in columns]


def as_text(rows, width=None):
    """Lines of a table in columns, the first to the left and numbers to the right; deviations below their means.

    A table that is wider than `width` is folded: columns that follow stand below, with the names once more.
    """
    if not rows:
        return []
    columns = _columns(rows)
    headings = [column.heading.rpartition("\n")[::2] for column in columns]
    lines = [["", *(above for above, _ in headings)], [_NAMES, *(below for _, below in headings)]]
    for row in rows:
        lines.append([row.name, *_cells(row, columns)])
        if row.deviations:
            lines.append(["", *(f"± {cell}" if cell else "" for cell in _deviations(row, columns))])
    names, *numbers = zip(*lines, strict=True)
    names = _of_one_width(names, str.ljust)
    parts, numbers = [names], [_of_one_width(column, str.rjust) for column in numbers]
    for column in numbers:
        if width is not None and len(parts[-1][0]) + 2 + len(column[0]) > width and parts[-1] is not names:
            parts.append(names)
        parts[-1] = [f"{line}  {cell}" for line, cell in zip(parts[-1], column, strict=True)]
    return [line.rstrip() for i, part in enumerate(parts) for line in [*([""] if i else []), *part]]


def _of_one_width(cells, justify):
    width = max(map(len, cells))
    return [justify(cell, width) for cell in cells]


def as_html(rows):
    """A table with numbers to the right, and deviations beside their means."""
    columns = _columns(rows)
    lines = []
    for row in rows:
        both = zip(_cells(row, columns), _deviations(row, columns), strict=True)
        cells = [f"{mean} ± {deviation}" if deviation else mean for mean, deviation in both]
        lines.append([row.name, *(["not built", *cells[1:]] if row.reason else cells)])
    return table([_NAMES, *map(_in_one_line, columns)], lines, numbers=range(1, len(columns) + 1))


def not_built(row):
    """Why there is no network, with what its theorem asks for, where that is known."""
    asked = f" (its theorem: {as_count(row.bound)} neurons)" if row.bound is not None else ""
    return f"not built{asked}: {row.reason}"


def _in_one_line(column):
    return column.heading.replace("-\n", "").replace("\n", " ")


def as_latex(rows):
    """A tabular for the package booktabs: text."""
    columns = _columns(rows)
    lines = [[_NAMES, *(_escaped(_in_one_line(column)) for column in columns)]]
    for row in rows:
        means, deviations = _cells(row, columns), _deviations(row, columns)
        cells = [_in_latex(*both) for both in zip(means, deviations, strict=True)]
        if row.reason:
            cells[0] = "not built"
        lines.append([_escaped(row.name), *cells])
    head, *body = (" & ".join(cells) + r" \\" for cells in lines)
    begin = rf"\begin{{tabular}}{{l{'r' * len(columns)}}}"
    return "\n".join([begin, r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", ""])


def _in_latex(mean, deviation):
    """A mean and its deviation, "" if there is none."""
    return rf"{_number(mean)} $\pm$ {_number(deviation)}" if deviation else _number(mean)


def _number(text):
    if text == "inf":
        return r"$\infty$"
    text = re.sub(r"^10\^(.+)$", r"$10^{\1}$", text)
    return re.sub(r"^(.+)e\+?(-?)0*(\d+)$", r"$\1 \\times 10^{\2\3}$", text)


_SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _escaped(text):
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL.get(found[0], rf"\{found[0]}"), text)


def _records(rows):
    """A dict for each row, all with the same keys: attributes, and deviations beside what varies in any row."""
    varying = {name for row in rows for name in row.deviations}
    records = []
    for row in rows:
        record = {}
        for name in (part.name for part in fields(row) if part.name != "deviations"):
            record[name] = getattr(row, name)
            if name in varying:
                record[f"{name}_deviation"] = row.deviations.get(name)
        records.append(record)
    return records


def as_csv(rows):
    """Text with a line of names, and one for each row; what is missing is empty."""
    records, text = _records(rows), io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def as_frame(rows):
    """A data frame of pandas."""
    pandas = need("pandas", what="Comparison.to_pandas", extra="pandas")
    records = _records(rows)
    columns = {name: [record[name] for record in records] for name in records[0]}
    series = {name: pandas.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    return pandas.DataFrame(series).set_index("name")


def _dtype(values):
    """The dtype of pandas that holds all of some values, of which None is missing."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "Int64" if max(abs(value) for value in values if value is not None) < 2**63 else object
    return "float64" if kinds <= {int, float} else object
