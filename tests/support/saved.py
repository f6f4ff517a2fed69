"""Saved networks of every kind, and their files taken apart and put together again."""

import json
from unittest.mock import patch

import numpy as np
import safetensors.numpy

from fastmem import memorize
from fastmem.data.columns import Named
from fastmem.network.format import _checksum
from fastmem.separate import few_columns
from fastmem.separate.columns import ColumnPlan


def on_the_line(n, run, **options):
    """N points of the line with labels that change after each `run` points: one hyperplane a change."""
    return memorize(np.arange(n, dtype=float)[:, None], np.arange(n) // run % 2, random_state=0, **options)


def random_network(n=200, d=3, y=None, **options):
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, d)).astype(np.float32)
    return memorize(X, rng.integers(0, 3, n) if y is None else y, random_state=0, **options)


def small_network():
    return random_network(n=12, d=2, store="integer")


def uneven_network(shares, n=3000, **options):
    """Many points of a few classes."""
    return random_network(n, 8, np.random.default_rng(0).choice(len(shares), n, p=shares), **options)


def filtering_network():
    """Every part that a network may have: common classes of words of two lengths, a filter, rare ones, fingerprints."""
    return uneven_network([0.5, 0.25, 0.2, 0.03, 0.01, 0.01], separate="all", fingerprint_bits=3)


def cuts_network():
    """Points of the plane, whose cells are cut along both columns for recognition."""
    return random_network(n=90, d=2, separate="all", fingerprint_bits=5)


def known_by_all_columns(**options):
    """Labels are read from few columns, and all are read to know a point."""
    plan = [ColumnPlan(np.array([3, 5, 6, 11, 17, 20]), 12.0, 1.0)]
    with patch.object(few_columns, "column_plans", lambda *_: plan):
        return random_network(n=90, d=24, separate="all", fingerprint_bits=7, **options)


def huffman_network():
    """Words of several lengths."""
    return uneven_network([0.5, 0.2, 0.1, 0.1, 0.05, 0.05], n=700)


INTEGER = {"store": "integer"}
NETWORKS = {
    "identity code, uint32 starts": (lambda: random_network(**INTEGER), "uint32", True),
    "identity code, uint64 starts": (lambda: on_the_line(50, 1, **INTEGER), "uint64", True),
    "62 hyperplanes": (lambda: on_the_line(63, 1, **INTEGER), "uint64", True),
    "63 hyperplanes": (lambda: on_the_line(64, 1, **INTEGER), "uint32", False),
    "linear code, uint64 starts": (lambda: on_the_line(4096, 50, **INTEGER), "uint64", False),
    "single class": (lambda: random_network(y=np.full(200, "a"), **INTEGER), "uint32", True),
    "single point": (lambda: memorize([[1.0, 2.0]], [5], **INTEGER), "uint32", True),
    "duplicated points told apart": (
        lambda: memorize(np.arange(90)[:, None] % 30, np.arange(90) % 3, separate="all", random_state=0, **INTEGER),
        "uint32",
        True,
    ),
    "thousand classes": (lambda: random_network(n=1000, y=np.arange(1000), **INTEGER), "uint64", True),
    "fallback to integers": (lambda: random_network(n=12), "uint32", True),
    "fingerprints on integers": (lambda: random_network(fingerprint_bits=8, **INTEGER), "uint32", True),
    "binary": (random_network, None, True),
    "binary, 63 hyperplanes": (lambda: on_the_line(64, 1), None, False),
    "binary, linear code": (lambda: on_the_line(4096, 20), None, False),
    "binary, single class": (lambda: random_network(y=np.full(200, "a")), None, True),
    "binary, single point": (lambda: memorize([[1.0, 2.0]], [5]), None, True),
    "binary, words of several lengths": (huffman_network, None, True),
    "binary, filter and fingerprints": (filtering_network, None, True),
    "binary, thousand classes": (lambda: random_network(n=1000, y=np.arange(1000)), None, True),
    "binary, fingerprints of one class": (lambda: random_network(y=np.ones(200), fingerprint_bits=8), None, True),
    "binary, fingerprints of a linear code": (lambda: on_the_line(100, 1, fingerprint_bits=32), None, False),
    "binary, fingerprints of rows": (lambda: random_network(fingerprint_bits=9, recognise="rows"), None, True),
    "binary, fingerprints of cuts": (cuts_network, None, True),
    "binary, fingerprints of one point": (lambda: memorize([[1.0, 2.0]], [5], fingerprint_bits=4), None, True),
}


def named_network():
    """A network whose columns have names, among them some that JSON or a terminal might change."""
    rng = np.random.default_rng(0)
    return memorize(Named(rng.standard_normal((40, 3)), ["p", "größe", "\x1b[31m"]), np.arange(40) % 3, random_state=0)


def many_texts(n=700, width=30):
    """Texts of which UTF-8 takes less than half of the bytes: different ones, among them none and some beyond ASCII."""
    return np.array(["", "猫", "größe", *(f"id-{i}" for i in range(n - 3))], f"U{width}")


def rows_of_labels_network():
    return random_network(n=60, y=np.array([[0, -1], [7, 2**40], [7, -1]])[np.arange(60) % 3])


def texts_network(dtype="U30"):
    return random_network(n=700, y=many_texts().astype(dtype))


def columns_network(**options):
    """Hyperplanes that read scattered columns."""
    return random_network(n=60, d=24, columns=[3, 5, 6, 20], **options)


def parted_columns_network():
    """Hyperplanes that read most of the columns read, and others for points that are equal there: others."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 40)).astype(np.float32)
    X[:, 20:] = 0
    X[:8, :20] = X[8:16, :20]
    X[:8, rng.integers(20, 40, 8)] = 1
    with patch.object(few_columns, "column_plans", lambda *_: [ColumnPlan(np.arange(20), 20.0, 1.0)]):
        return memorize(X, np.arange(80) // 8 % 2, random_state=0)


def theorem_network(construction, classes=5, n=40):
    rng = np.random.default_rng(classes)
    X = rng.standard_normal((n, 6))
    return memorize(X / np.linalg.norm(X, axis=1)[:, None], np.arange(n) % classes, construction=construction,
                    random_state=0)  # fmt: skip


FACTORIES = {
    **{name: make for name, (make, *_) in NETWORKS.items()},
    "known by all columns": known_by_all_columns,
    "rows known, few columns read": lambda: known_by_all_columns(recognise="rows"),
    "scattered columns": columns_network,
    "parted columns": parted_columns_network,
    "theorem": lambda: theorem_network("rajput2021"),
}
"""All of `NETWORKS`, and those that read some of the columns."""


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


LABELS = {
    "int8": np.array([-1, 2], np.int8),
    "uint64": np.array([0, 2**64 - 1], np.uint64),
    "big-endian": np.array([1, 2], ">i4"),
    "bool": np.array([False, True]),
    "float16": np.array([0.0, -0.0, np.inf], np.float16),
    "float32": np.array([0.1, -0.0, 0.0], np.float32),
    "float64": np.array([5e-324, -np.inf, 0.0]),
    "complex64": np.array([1j, -0.0], np.complex64),
    "complex128": np.array([1j, 1]),
    "text": np.array(["a", "", "猫\U0001f600", "\ud800"]),
    "wide text": np.array(["a", "b"], "U100"),
    "text of variable width": np.array(["a", "b" * 100], np.dtypes.StringDType()),
    "bytes": np.array([b"a", b"", b"\xff"]),
    "dates": np.array([0, 7], "M8[D]"),
    "dates in steps": np.array([0, 7], "M8[25s]"),
    "durations": np.array([0, 7], "m8[ns]"),
    "objects": objects(None, True, 1, 1.0, "1", -0.0, 0.0, 10**30, float("inf"), 0.1, "a\0", "\ud800"),
    "None": objects(None, None),
}


def raw_safetensors(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + data


def read_parts(data):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["fastmem"])
    del header["sha256"]
    return safetensors.numpy.load(data), header


def sealed(tensors, header):
    """File with the given contents and their checksum."""
    header = header | {"sha256": _checksum(tensors, header)}
    return safetensors.numpy.save(tensors, {"fastmem": json.dumps(header)})


def changed_at_random(array, rng):
    """An array of another shape or dtype, or with other values."""
    kind = rng.integers(5)
    if kind == 0:
        return array[: rng.integers(len(array) + 1)]
    if kind == 1:
        return np.concatenate([array, array[: rng.integers(1, len(array) + 1)]])
    if kind == 2:
        with np.errstate(invalid="ignore"):
            return array.astype(rng.choice(["u1", "u2", "u4", "u8", "i4", "i8", "f8"]))
    array = array.copy()
    flat = array.view(np.uint8).reshape(-1)
    if kind == 3:
        flat[rng.integers(len(flat), size=rng.integers(1, 9))] = rng.integers(0, 256)
    else:
        flat[rng.integers(len(flat))] ^= 1 << rng.integers(8)
    return array
