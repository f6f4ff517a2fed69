"""Tables of many kinds: each is read exactly as it was written, or refused, and the same whichever reader takes it.

Promised: points of a text table are what Python's `float` makes of its cells, labels its texts, and those of a .parquet
file its values; what cannot be used is refused by file, and not read as something else. Large text tables are read by
pyarrow where it is installed, others by the csv module: what comes out is the same bit for bit, errors included.

Attacked by text tables of all separators, line ends, headers and indices, plain or compressed, with numbers as hard to
round as there are, half of them damaged: odd cells, quotes, widths, bytes. Both readers read each, in blocks of some
bytes; a table that was not damaged is also read by pandas as text. Parquet files have columns of all types, with nulls,
infinities and integers that a float does not hold, and are read by pyarrow as Python's own numbers.

    cd tests && python -m reliability.readers --cases 20000 --seed 0
    cd tests && python -m reliability.readers --only 1234 --seed 0    # one case again

needs ``pip install ".[parquet]" pandas``.
"""

import argparse
import collections
import contextlib
import csv
import decimal
import gzip
import io
import math
import random
import re
import struct
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from unittest import mock

import click
import numpy as np

import fastmem
from fastmem.cli import arrow_delimited, delimited, files, growing
from fastmem.cli.delimited import TableOptions

LARGEST = 2**53
ODD_CELLS = (
    *("", " ", "nan", "NaN", "inf", "-Infinity", "nan(1)", "NA", "null", "None", "?", "-", "+", ".", "e5", "1e", "+-1"),
    *("1_000", "0x10", "0x1p3", "1d5", "1f", "1e400", "-1e400", "1e-400", "9007199254740992", "9007199254740993"),
    *("-9007199254740993.0", "1e16", "123456789012345678901", "1,5", "1.5.2", "1 000", "\u0661", "1\u00a0", "\u20281"),
    *("True", "FALSE", "t", "yes", 'a"b', '"', "'1'", "=1", "1%", "$1", "\ufeff1", "\x1f1", "1\x85", "1\x0b"),
    "0" * 200 + "1",
)
FINE_CELLS = (
    *("+1", "007", ".5", "5.", "1.e5", "-0", "-0.0", " 1", "1 ", "1e5", "1E+05", "4.9e-324", "2.4e-324", "0e999"),
)
HOSTILE_BYTES = (
    *(b",", b";", b"\t", b'"', b'""', b"\r", b"\n", b"\r\n", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc2", b"x"),
)
ODD_QUOTES = (
    *('"{}"x', 'x"{}"', '"{}', '{}"', '""{}', '"{}""', '"{}" ', ' "{}"', '"{}\n"', '"{}\r\n{}"', '"{}""{}"', '"\n{}"'),
)
TEXTS = (
    *(
        "a",
        "b",
        "yes",
        "no",
        "\u00e9",
        "\u65e5\u672c",
        "a b",
        " a",
        "a,b",
        "a;b",
        "5",
        "007",
        "-3",
        "NaN",
        "true",
        "1.0",
    ),
    *("x" * 40, "\u2028", "a'b"),
)


# Text tables


def number(rng):
    """A number as text: of few digits, or as close to the middle of two floats as decimals come."""
    kind = rng.randrange(6)
    if kind == 0:
        return str(rng.randrange(-999, 999))
    if kind == 1:
        return f"{rng.gauss(0, 1):.{rng.randrange(20)}f}"
    if kind == 2:
        return rng.choice(FINE_CELLS)
    value = struct.unpack("<d", rng.randbytes(8))[0]
    if not abs(value) < LARGEST:  # NaN too
        value = rng.gauss(0, 1) * 10.0 ** rng.randrange(-320, 15)
    if kind == 3:
        return repr(value)
    if kind == 4:
        return f"{value:.{rng.randrange(1, 40)}e}"
    return between(value, rng)


def between(value, rng):
    """The exact decimal of the middle between a number and the next, cut or changed in its last places."""
    middle = (Fraction(value) + Fraction(math.nextafter(value, math.inf))) / 2
    with decimal.localcontext(prec=1200):
        digits = f"{decimal.Decimal(middle.numerator) / decimal.Decimal(middle.denominator):e}"
    mantissa, exponent = digits.split("e") if "e" in digits else (digits, "0")
    if rng.random() < 0.5:
        mantissa = mantissa[: rng.randrange(16, 60)].rstrip(".") or "0"
    mantissa += rng.choice(("", "", "1")) if "." in mantissa else ""
    return f"{mantissa}e{exponent}" if mantissa not in ("-", "") else "0"


class Written:
    """A text table drawn from a seed: its cells, its bytes, and the options by which it is read."""

    def __init__(self, rng):
        self.rng = rng
        self.n = rng.choice((1, 2, 3, rng.randrange(1, 30), rng.randrange(30, 150)))
        self.delimiter = rng.choice((",", ",", ";", "\t", "|", " "))
        self.decimal = rng.choice((".", ".", ".", ","))
        some = rng.choice((("number",), ("number", "number", "bool"), ("bool",)))
        self.kinds = [rng.choice(some) for _ in range(rng.randrange(1, 6))]
        self.kinds += [rng.choice(("text", "integer", "number"))]
        self.labels = [self.cell("label" if kind == "text" else kind) for kind in self.kinds[-1:] * 4]
        self.rows = [[self.cell(kind) for kind in self.kinds[:-1]] + [self.label()] for _ in range(self.n)]
        self.header = self.names()
        self.index = self.add_index() if self.header and rng.random() < 0.25 else None
        self.is_damaged = rng.random() < 0.5

    def names(self):
        """Names of the columns, or none."""
        d = len(self.kinds)
        kinds = (None, [f"c{i}" for i in range(d)], [f"{i}x" for i in range(d)], [str(i) for i in range(d)])
        return self.rng.choice((*kinds, kinds[1], [*kinds[1][:-1], self.rng.choice(("a b", "a;b", "a,b", 'a"b'))]))

    def cell(self, kind):
        """A cell of one kind of column."""
        rng = self.rng
        if kind == "bool":
            return rng.choice(("True", "False", "true", "FALSE"))
        if kind == "integer":
            return str(rng.choice((0, 1, -1, 5, 10**17, rng.randrange(-(10**6), 10**6))))
        if kind in ("label", "text"):
            return rng.choice(TEXTS)
        return number(rng).replace(".", self.decimal)

    def label(self):
        """One of few labels, or of many."""
        return self.rng.choice(self.labels) if self.rng.random() < 0.9 else self.cell(self.kinds[-1])

    def add_index(self):
        """A first column without a name that counts the rows, or nearly so; how it counts."""
        start = self.rng.choice((0, 1))
        self.header = ["", *self.header]
        self.rows = [[str(start + i), *row] for i, row in enumerate(self.rows)]
        self.kinds = ["integer", *self.kinds]
        if self.rng.random() < 0.3:
            self.rng.choice(self.rows)[0] = self.rng.choice(("7", "r1", " 0", "00", ""))
        return start

    def bytes(self):
        """What the file holds; a damaged one is no more what `rows` says."""
        rng, rows, header = self.rng, [list(row) for row in self.rows], self.header
        if self.is_damaged:
            for _ in range(rng.choice((0, 1, 1, 2))):
                damage_cells(rows, self.delimiter, rng)
            if header and rng.random() < 0.1:
                header = rng.choice((header[1:], header[:-1], [*header, ""], [*header, "more"], ["", *header[1:]]))
        end = rng.choice(("\n", "\n", "\r\n"))
        out = io.StringIO()
        quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL))
        csv.writer(out, delimiter=self.delimiter, lineterminator=end, quoting=quoting).writerows(
            ([header] if header else []) + rows
        )
        text = out.getvalue()
        if rng.random() < 0.2:
            text = text.removesuffix(end)
        if rng.random() < 0.1:
            text = end * rng.randrange(3) + text + end * rng.randrange(3)
        data = (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + text.encode()
        return damaged_bytes(data, self.delimiter.encode(), rng) if self.is_damaged and rng.random() < 0.6 else data

    def options(self):
        """What a user says, as far as must be said or at random."""
        rng = self.rng
        says_delimiter = self.delimiter in "| " or self.decimal == "," or rng.random() < 0.2
        names = self.header or [str(i) for i in range(len(self.kinds))]
        use = tuple(rng.sample(names, rng.randrange(1, len(names)))) if rng.random() < 0.1 else ()
        drop = (rng.choice(names),) if rng.random() < 0.1 and not use else ()
        header = rng.choice((None, None, None, bool(self.header), rng.random() < 0.5))
        return TableOptions(header, self.delimiter if says_delimiter else None, self.decimal, use, drop)


def damage_cells(rows, delimiter, rng):
    """One cell that is odd, or one row that is shorter or longer than others."""
    row = rng.choice((rows[-1], rng.choice(rows)))
    kind = rng.randrange(8)
    if kind == 0:
        row.append("1")
    elif kind == 1:
        row.pop()
    elif kind == 2:
        row[-1:] = [
            rng.choice((f"a{delimiter}b", "a\nb", 'a""b', "", " ", "x" * 131_073, "0" * 131_072 + "1", "\ufeff"))
        ]
    else:
        row[rng.randrange(len(row))] = rng.choice(ODD_CELLS)


def damaged_bytes(data, delimiter, rng):
    """Bytes put in, taken out or replaced, other line ends, or a cell with other quotes."""
    kind = rng.randrange(8)
    if kind == 0:
        return data.replace(b"\r\n", b"\n").replace(b"\n", rng.choice((b"\r", b"\n\n", b"\r\r\n", b"\n\r", b" \n")))
    if kind < 4:
        cells = re.split(b"(" + re.escape(delimiter) + b"|\r?\n)", data)
        place = rng.randrange(0, len(cells), 2)
        cells[place] = rng.choice(ODD_QUOTES).encode().replace(b"{}", cells[place].strip(b'"'))
        return b"".join(cells)
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(data) + 1)
        data[place : place + rng.randrange(2)] = rng.choice(HOSTILE_BYTES)
    return bytes(data)


@contextlib.contextmanager
def small_blocks(rng):
    """Context in which a few lines are many: as a large file is read, so is a small one."""
    looked_at = rng.choice((2, 5, 100))
    with (
        mock.patch.object(delimited, "LOOKED_AT", looked_at),
        mock.patch.object(arrow_delimited, "LOOKED_AT", looked_at),
        mock.patch.object(arrow_delimited, "_HEAD", looked_at + rng.randrange(1, 5)),
        mock.patch.object(arrow_delimited, "_BLOCK", rng.choice((1, 7, 64, 1000, 2**20))),
        mock.patch.object(growing, "_IN_MEMORY", rng.choice((8, 400, 2**28))),
    ):
        yield


def outcome(work, by_arrow):
    """What a reading returns, or its error, so that two can be compared; and whether pyarrow's reader took it."""
    taken = []

    def table(file, options):
        taken.append("csv")
        return delimited.DelimitedTable(file, options)

    large = 0 if by_arrow else 2**62
    with mock.patch.object(files, "_LARGE", large), mock.patch.object(files, "DelimitedTable", table):
        try:
            X, y = work()
        except (fastmem.InvalidInput, click.UsageError) as error:
            return (type(error).__name__, str(error)), False
    values = np.asarray(X)
    shown = [(type(label), label) for label in y] if y is not None else None
    return (values.dtype, values.shape, values.tobytes(), getattr(X, "columns", None), shown), not taken


def check_text(rng, folder):
    """Read one text table by both readers; what happened."""
    written = Written(rng)
    data, options = written.bytes(), written.options()
    name = rng.choice(("data.csv", "data.csv", "data.csv.gz", "data.tsv" if written.delimiter == "\t" else "d.csv"))
    path = Path(folder, name)
    path.write_bytes(compressed(data, written.is_damaged, rng) if name.endswith("gz") else data)
    others = (*(written.header or ()), str(rng.randrange(len(written.kinds))))
    label = None if rng.random() < 0.7 else rng.choice(others)
    if rng.random() < 0.3:  # as predict reads
        label = label if rng.random() < 0.1 else str(len(written.kinds) - 1)

        def work():
            return files.read_points(path, label, options), None
    else:
        text = rng.random() < 0.3

        def work():
            return files.read_labelled(path, None, label, text, options)

    with small_blocks(rng):
        expected, _ = outcome(work, by_arrow=False)
        found, by_arrow = outcome(work, by_arrow=True)
    assert found == expected, f"pyarrow's reader: {found!r:.500}, the csv module: {expected!r:.500}"
    if len(expected) == 2:
        assert path.name in expected[1] or expected[0] == "UsageError", expected
        return "refused"
    assert written.is_damaged or as_pandas(path, written, options, expected)
    return "read by pyarrow" if by_arrow else "read by csv"


def compressed(data, is_damaged, rng):
    """A .gz file, cut or changed in one in ten damaged ones."""
    data = bytearray(gzip.compress(data, mtime=0))
    if is_damaged and rng.random() < 0.1:
        data[rng.randrange(2, len(data))] ^= 1 << rng.randrange(8)
        return bytes(data[: rng.choice((len(data), rng.randrange(1, len(data))))])
    return bytes(data)


def as_pandas(path, written, options, found):
    """Whether a table that was read holds the cells that pandas finds, as numbers of Python, and no others."""
    import pandas

    kind = "gzip" if path.suffix == ".gz" else None
    frame = pandas.read_csv(
        path, dtype=str, header=None, na_filter=False, sep=written.delimiter, compression=kind, encoding="utf-8-sig"
    )
    cells = frame.to_numpy(object).tolist()
    _, (n, d), values, names, labels = found
    header = cells.pop(0) if len(cells) == n + 1 else None
    columns = list(zip(*cells, strict=True))
    X = np.frombuffer(values).reshape(n, d)
    if names is not None:  # in the order of the names
        assert set(names) <= set(header)
        expected = [columns[header.index(name)] for name in names]
        assert all(
            as_numbers(cells, options.decimal).tobytes() == X[:, k].tobytes() for k, cells in enumerate(expected)
        )
    else:
        bits = {as_numbers(column, options.decimal).tobytes() for column in columns}
        assert all(X[:, k].tobytes() in bits for k in range(d))
    if labels is not None:
        texts = [str(label) for _, label in labels]
        assert texts in [list(column) for column in columns]
    return n == len(cells)


def as_numbers(cells, mark):
    """Cells as Python reads them; NaN for those that are no numbers."""
    booleans = {"true": 1.0, "false": 0.0}
    if all(cell.strip().lower() in booleans for cell in cells):
        return np.array([booleans[cell.strip().lower()] for cell in cells])
    return np.array([as_number(cell.replace(mark, ".")) for cell in cells])


def as_number(cell):
    """A cell as Python reads it; NaN if it is no number."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


# Parquet


def parquet_column(rng, arrow, n):
    """A column of one type with values that a float holds, and sometimes one that it does not."""
    small = [rng.randrange(-100, 100) for _ in range(n)]
    floats = [
        struct.unpack("<f", struct.pack("<f", rng.gauss(0, 1) * 10.0 ** rng.randrange(-30, 30)))[0] for _ in small
    ]
    kinds = {
        "float64": (arrow.float64(), [rng.gauss(0, 1) * 10.0 ** rng.randrange(-300, 300) for _ in small]),
        "float32": (arrow.float32(), floats),
        "int64": (arrow.int64(), [value * rng.choice((1, 2**40)) for value in small]),
        "uint64": (arrow.uint64(), [abs(value) for value in small]),
        "int8": (arrow.int8(), small),
        "uint16": (arrow.uint16(), [abs(value) for value in small]),
        "bool": (arrow.bool_(), [value > 0 for value in small]),
        "decimal": (arrow.decimal128(20, 3), [decimal.Decimal(8 * value) / 8 for value in small]),
        "string": (arrow.string(), list(map(str, small))),
        "dictionary": (arrow.dictionary(arrow.int8(), arrow.string()), [rng.choice("abc") for _ in small]),
    }
    name = rng.choice([*kinds, "float64", "float32", "int64"])
    kind, values = kinds[name]
    odd = {
        "float64": (math.nan, math.inf, None, 5e-324, 1e308),
        "float32": (math.nan, -math.inf, None),
        "int64": (2**53, -(2**53), 2**53 + 1, -(2**63), None),
        "uint64": (2**53, 2**53 + 1, 2**64 - 1),
        "decimal": (decimal.Decimal("0.1"), decimal.Decimal("9007199254740993"), None),
    }.get(name, (None,))
    if rng.random() < 0.2:
        values[rng.randrange(n)] = rng.choice(odd)
    return arrow.array(values, kind)


def is_usable(column):
    """Whether a float holds every value of a column, by Python's own numbers, and no value is missing."""
    return all(
        isinstance(value, bool | int | float | decimal.Decimal)
        and (isinstance(value, bool) or math.isfinite(value))
        and Fraction(float(value)) == Fraction(value)
        and (not isinstance(value, int) or abs(value) <= LARGEST)
        for value in column.to_pylist()
    )


def check_parquet(rng, folder):
    """Read one .parquet file; what happened."""
    import pyarrow
    import pyarrow.parquet

    n, path = rng.randrange(1, 40), Path(folder, "data.parquet")
    columns = {f"c{k}": parquet_column(rng, pyarrow, n) for k in range(rng.randrange(2, 6))}
    options = {
        "compression": rng.choice(("none", "snappy", "gzip", "zstd")),
        "row_group_size": rng.choice((1, 7, 1000)),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path, use_dictionary=rng.random() < 0.5, **options)
    stored = pyarrow.parquet.read_table(path)
    points, label = stored.column_names[:-1], stored.column_names[-1]
    labels = stored.column(label).to_pylist()
    can_be_labels = None not in labels and not isinstance(labels[0], decimal.Decimal)
    usable = can_be_labels and all(is_usable(stored.column(name)) for name in points)
    try:
        X, y = files.read_labelled(path, None, None)
    except fastmem.InvalidInput as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert not usable, refusal
        assert path.name in refusal
        return "refused"
    assert usable, "it was read, but a value is missing or no float"
    assert X.columns == points
    for k, name in enumerate(points):
        assert X.array[:, k].tolist() == list(map(float, stored.column(name).to_pylist()))
        assert [math.copysign(1, v) for v in X.array[:, k]] == [
            math.copysign(1, v) for v in stored.column(name).to_pylist()
        ]
    assert repr(np.asarray(y).tolist()) == repr(labels)
    return "read"


def attack(case, seed, folder):
    """Write and read one file; the kind of file and what happened."""
    rng = random.Random(f"{seed} {case}")
    if rng.random() < 0.2:
        return "parquet", check_parquet(rng, folder)
    return "text", check_text(rng, folder)


def main():
    """Read files and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone")
    options = parser.parse_args()
    outcomes, wrong = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        for case in range(options.cases) if options.only is None else [options.only]:
            try:
                outcomes[attack(case, options.seed, folder)] += 1
            except Exception as error:
                wrong += 1
                print(f"--only {case} --seed {options.seed}: {type(error).__name__} {error!s:.1500}", file=sys.stderr)
                if options.only is not None:
                    raise
            if case % 1000 == 999:
                print(f"{case + 1} cases", flush=True)
    counts = ", ".join(f"{kind} {what} {count:,}" for (kind, what), count in sorted(outcomes.items()))
    print(f"readers: {options.cases:,} cases, seed {options.seed}: {counts}; {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
