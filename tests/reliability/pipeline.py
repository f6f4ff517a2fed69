"""Whole problems, points to labels, drawn by hypothesis to break `memorize` and every way to ask a network.

Promised: `memorize` returns a network that gives each row its label, or it raises an error that is justified. What is
drawn: shapes from one point on one line to more dimensions than points; every dtype and layout that can hold points;
numbers from the smallest subnormal to the largest float, side by side; points on lattices, circles, curves, lines, one
unit in the last place apart, equal; labels of every kind and law; all options. Some problems get one fault, such as a
NaN or equal rows with different labels, which must be refused by its place.

What is held against each network: labels and their dtype, for the rows as given, shuffled, in batches, in other
layouts, by `predict`, by `forward` and by exact rational arithmetic; `forward` equals `predict` for points never seen,
extreme ones too; files, pickles, relabelled networks; certified radii and margins in rational arithmetic; counts; the
same network for another number of threads and another layout. What takes long, a file or building again, is asked of
some of the problems only. No warning may appear. A refusal must be explained by the problem: see `justify`.

    cd tests && python -m reliability.pipeline --cases 20000 --seed 0

prints how many problems were built and refused, each way. A failure prints the shrunk `Problem`; it and
`check(Problem(...), folder)` reproduce it.
"""

import argparse
import collections
import contextlib
import json
import math
import pickle
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import contract
import hypothesis
import numpy as np
from hypothesis import strategies as st
from oracles import naive

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.constructions.rajput2021 import LEAST_DELTA, bound
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES

LARGEST, LARGEST32, LEAST = np.finfo(np.float64).max, float(np.finfo(np.float32).max), 5e-324
POOL = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 1 / 3, 1 + 2.0**-52, 1 - 2.0**-53, 1 + 2.0**-23, 7.0),
    *(LEAST, -LEAST, 3 * LEAST, 2.0**-1022, 2.0**-1022 - LEAST, 1e-300, 2.0**-149, -(2.0**-149), 2.0**-126, 1e-40),
    *(2.0**53, 2.0**53 - 1, -(2.0**53), 2.0**24 + 1, 1e30, -1e30, 1e300, -1e300),
    *(LARGEST32, -LARGEST32, LARGEST32 * (1 + 2.0**-24), 1.7e308, -1.7e308, LARGEST, -LARGEST),
]
MOST_RAJPUT_WEIGHTS = 2**15  # of a theorem's network that is tried; 2^28 and more are refused
MOST_DENSE = 2**18  # numbers of a layer that is looked at as a dense array
EXACT_PRODUCTS = 1000  # in rational arithmetic, for a problem


def nudged(X, rng, ulps=3):
    """The numbers a few units in the last place away."""
    for _ in range(ulps):
        X = np.nextafter(X, rng.choice([-LARGEST, LARGEST], X.shape))
    return X


def _ball(rng, n, d):
    X = rng.standard_normal((n, d))
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)


def _ramp(n):
    return np.arange(n, dtype=float)[:, None]


def _in_one_coordinate(rng, n, d, column):
    X = np.repeat(rng.standard_normal((1, d)), n, axis=0)
    X[:, rng.integers(d)] = column
    return X


def _moment_curve(rng, n, d):
    return np.linspace(-1, 1, n)[:, None] ** np.arange(1, d + 1)


def _subspace(rng, n, d):
    few = max(d // 2, 1)
    return rng.standard_normal((n, few)) @ rng.standard_normal((few, d))


def _one_ulp_apart(rng, n, d):
    x = np.full(n, rng.choice([1.0, 0.1, 1e300, 1e-310, 0.0]))
    for i in range(1, n):
        x[i] = np.nextafter(x[i - 1], LARGEST)
    return _in_one_coordinate(rng, n, d, x)


# Points by name: functions of a generator, n and d; finite numbers.
GEOMETRIES = {
    "gaussian": lambda rng, n, d: rng.standard_normal((n, d)),
    "sphere": _ball,
    "circle": lambda rng, n, d: np.cos(rng.permutation(n)[:, None] * 2 * np.pi / n + np.arange(d) * np.pi / 2),
    "lattice": lambda rng, n, d: rng.integers(-3, 4, (n, d)).astype(float),
    "corners of a cube": lambda rng, n, d: rng.integers(0, 2, (n, d)).astype(float),
    "unit vectors": lambda rng, n, d: np.eye(d)[rng.integers(0, d, n)],
    "moment curve": _moment_curve,
    "line": lambda rng, n, d: rng.standard_normal((n, 1)) * rng.standard_normal(d) + rng.standard_normal(d),
    "line in two units": lambda rng, n, d: rng.standard_normal((n, 1)) * 100 / rng.choice([1, 2.54, 0.3048, -7], d),
    "parallel lines": lambda rng, n, d: np.where(
        np.arange(d) == 0, rng.standard_normal((n, 1)), rng.integers(0, 3, (n, d))
    ),
    "spiral": lambda rng, n, d: _ramp(n) * np.cos(_ramp(n) / 7 + np.arange(d) * np.pi / 2),
    "clusters far apart": lambda rng, n, d: rng.choice([-1e6, 0, 2e6], (n, 1)) + 1e-6 * rng.standard_normal((n, d)),
    "subspace": _subspace,
    "all equal": lambda rng, n, d: np.repeat(rng.standard_normal((1, d)), n, axis=0),
    "repeated": lambda rng, n, d: rng.standard_normal((n, d))[rng.integers(0, max(n // 3, 1), n)],
    "clusters of near points": lambda rng, n, d: nudged(rng.standard_normal((3, d))[rng.integers(0, 3, n)], rng),
    "clusters near 0": lambda rng, n, d: nudged(np.zeros((n, d)), rng),
    "one coordinate": lambda rng, n, d: _in_one_coordinate(rng, n, d, rng.standard_normal(n)),
    "one coordinate, one ulp": _one_ulp_apart,
    "arithmetic progression": lambda rng, n, d: _ramp(n) * rng.integers(-5, 6, d) + rng.integers(-9, 9, d),
    "geometric progression": lambda rng, n, d: 2.0 ** np.clip(_ramp(n) * rng.integers(-3, 4, d), -1074, 1023),
    "offset": lambda rng, n, d: rng.standard_normal((n, d)) + 10.0 ** rng.integers(1, 16),
    "scaled": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-310, 307),
    "scaled columns": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-310, 307, d),
    "scaled rows": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-310, 307, (n, 1)),
    "scaled numbers": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-310, 307, (n, d)),
    "subnormal": lambda rng, n, d: rng.integers(-9, 10, (n, d)) * LEAST,
    "subnormal in float32": lambda rng, n, d: rng.integers(-99, 100, (n, d)) * 2.0**-149,
    "largest": lambda rng, n, d: nudged(rng.choice([-LARGEST, LARGEST], (n, d)) / rng.integers(1, 3, (n, d)), rng),
    "beyond float32": lambda rng, n, d: rng.choice([1, -1], (n, d)) * LARGEST32 * (1 + rng.integers(0, 3) * 2.0**-24),
    "integers near 2^53": lambda rng, n, d: rng.choice([1, -1], (n, d)) * (2.0**53 - rng.integers(0, 5, (n, d))),
    "cauchy": lambda rng, n, d: rng.standard_cauchy((n, d)),
    "zeros of both signs": lambda rng, n, d: rng.choice([0.0, -0.0, LEAST, 1.0], (n, d)),
    "pool": lambda rng, n, d: rng.choice(POOL, (n, d)),
}
DRAWN = "drawn"  # the geometry of which hypothesis chooses the numbers

FLOATS = ["float64", "float32", "float16", ">f8", ">f4", "longdouble"]
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + [">i4", ">u2"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]


def as_dtype(X, dtype):
    """The points as numbers of a dtype, those that it lacks rounded or clipped."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return X > 0
    if dtype.kind in "iu":
        least, most = max(np.iinfo(dtype).min, -(2**53)), min(np.iinfo(dtype).max, 2**53)
        few = np.abs(X).max() < 2**40
        return np.rint(np.clip(X * 8 if few else X, least, most)).astype(dtype)
    with np.errstate(under="ignore"):
        return np.clip(X, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)


def _unaligned(X):
    memory = np.zeros(X.nbytes + 1, np.uint8)
    view = memory[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


def _memory_mapped(X):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, X.dtype, "w+", shape=X.shape)
    mapped[...] = X
    return mapped


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


# What holds the points, by name: functions of a C-contiguous array.
LAYOUTS = {
    "C": np.copy,
    "Fortran": lambda X: X.copy(order="F"),
    "reversed rows": lambda X: X[::-1].copy()[::-1],
    "reversed columns": lambda X: X[:, ::-1].copy()[:, ::-1],
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "every third column": lambda X: np.repeat(X, 3, axis=1)[:, 1::3],
    "read-only": _read_only,
    "unaligned": _unaligned,
    "memory-mapped": _memory_mapped,
    "masked, nothing hidden": np.ma.array,
    "lists": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "objects": lambda X: X.astype(object),
}


def _integer_labels(dtype):
    limits, native = np.iinfo(dtype), np.dtype(dtype).newbyteorder("=")
    every = limits.max - limits.min < 2**16

    def labels(rng, k):
        numbers = [limits.min, limits.max, 0, 1]
        if every:
            numbers += rng.permutation(np.arange(limits.min, limits.max + 1)).tolist()
        else:
            numbers += rng.integers(limits.min, limits.max, k, dtype=native, endpoint=True).tolist()
        return np.array(list(dict.fromkeys(numbers))[:k], dtype)

    return labels


def _float_labels(dtype):
    def labels(rng, k):
        special = np.array([0.0, -0.0, np.inf, -np.inf, 1.0, 1 / 3, np.finfo(dtype).max, np.finfo(dtype).tiny], dtype)
        return np.concatenate([special, (np.arange(k) + 2).astype(dtype)])[:k]

    return labels


def _complex_labels(rng, k):
    special = [complex(a, b) for a in (0.0, -0.0, math.inf) for b in (0.0, -0.0, 1.0)]
    return np.array([*special, *(complex(i, -i) for i in range(2, k + 2))][:k])


def _texts(k):
    return [*("", "a", "A", "ä", "a\0b", "日本", " ", "\n", "-0", "\U0001f600"), *(f"label {i}" for i in range(k))][:k]


def _bytes_labels(rng, k):
    return np.array([*(b"", b"a", b"\xff", b"a\0b"), *(b"%d" % i for i in range(k))][:k])


def _objects(rng, k):
    values = [1, 1.0, True, "1", None, (1, 2), b"1", 2**70, Fraction(1, 3), frozenset([1]), date(2000, 1, 1), 0.0, -0.0]
    return _object_array([*values, *range(2, k + 2)][:k])


def _object_array(values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _rows_of_floats(rng, k):
    special = [[0.0, 1.5], [-0.0, 1.5], [math.inf, 5e-324]]
    return np.array([*special, *([i, -i] for i in range(2, k + 2))][:k], float)


def _rows_of_objects(rng, k):
    values = [[1, "a"], [True, "a"], ["1", None], *([2**60 + i, "b"] for i in range(k))][:k]
    return np.fromiter((entry for row in values for entry in row), object).reshape(k, 2)


# Labels by name: functions of a generator and k to at most k distinct ones; of a matrix each row is one.
LABELS = {
    "small integers": lambda rng, k: rng.permutation(k) - k // 2,
    **{f"any {dtype}": _integer_labels(dtype) for dtype in INTEGERS},
    "bool": lambda rng, k: np.array([True, False])[:k],
    **{f"any {dtype}": _float_labels(dtype) for dtype in FLOATS if dtype != "longdouble"},
    "complex": _complex_labels,
    "text": lambda rng, k: np.array(_texts(k)),
    "strings": lambda rng, k: np.array(_texts(k), np.dtypes.StringDType()),
    "bytes": _bytes_labels,
    "dates": lambda rng, k: np.datetime64("1969-12-01") + rng.permutation(k),
    "nanoseconds": lambda rng, k: np.datetime64("2000-01-01", "ns") + rng.permutation(k),
    "durations": lambda rng, k: np.timedelta64(0, "s") + rng.permutation(k) - k // 3,
    "objects": _objects,
    "rows of integers": lambda rng, k: np.stack([rng.permutation(k) - 1, np.arange(k) % 3, np.arange(k)], axis=1),
    "a column": lambda rng, k: rng.permutation(k).astype(np.uint16)[:, None],
    "rows of floats": _rows_of_floats,
    "rows of texts": lambda rng, k: np.array([_texts(k), _texts(k)[::-1]]).T,
    "rows of objects": _rows_of_objects,
    "list of rows": lambda rng, k: [[i, f"{i}"] for i in range(k)],
    "list of integers": lambda rng, k: [2**40 * i for i in range(k)],
    "list of texts": lambda rng, k: _texts(k),
    "list of all kinds": lambda rng, k: ["1", 1, 2.5, *range(2, k + 2)][:k],
}

# Numbers of classes of n distinct points, by index of the point, by name.
LAWS = {
    "random bits": lambda rng, n: rng.integers(0, 2, n),
    "ten classes": lambda rng, n: rng.integers(0, 10, n),
    "skewed": lambda rng, n: np.minimum(rng.geometric(0.8, n) - 1, 20),
    "all distinct": lambda rng, n: rng.permutation(n),
    "one class": lambda rng, n: np.zeros(n, int),
    "one differs": lambda rng, n: (np.arange(n) == rng.integers(n)).astype(int),
    "runs": lambda rng, n: np.arange(n) * min(n, 5) // n,
    "alternating": lambda rng, n: np.arange(n) % 2,
    "classes as many as half the points": lambda rng, n: rng.integers(0, n // 2 + 1, n),
}

# Faults by name, and what the message of the refusal names, with the row and column of the fault.
FAULTS = {
    "a NaN": "X[{row}, {column}] is nan",
    "an infinity": "X[{row}, {column}] is -inf",
    "a large integer": "X[{row}, {column}] is 9007199254740993: integers beyond",
    "too many digits": "X[{row}, {column}] is",
    "text": "which is not",
    "a NaN label": "y[{row}] is nan",
    "a NaT label": "y[{row}] is",
    "long double labels": "y[0] is",
    "a label too few": "y has",
    "contradiction": None,
}
if np.finfo(np.longdouble).nmant < 60:  # as on Windows and on Apple's processors
    del FAULTS["too many digits"]


@dataclass(frozen=True)
class Problem:
    """What is memorized and how; all else is drawn from the seed."""

    n: int
    d: int
    seed: int
    geometry: str = "gaussian"
    values: tuple = (0.0, 1.0)
    dtype: str = "float64"
    layout: str = "C"
    labels: str = "small integers"
    law: str = "random bits"
    construction: str = "compact"
    store: str = "binary"
    separate: str = "labels"
    columns: str | float = "auto"  # or the share of those that are read
    effort: str = "fast"
    margin: float = 0.0
    fingerprint_bits: int = 0
    recognise: str = "cells"
    n_negatives: int = 0
    delta: float | None = None
    n_threads: int = 1
    verify: bool = True
    fault: str | None = None

    def generator(self, purpose):
        """A generator for one of the things that are drawn."""
        return np.random.default_rng([self.seed, purpose])

    @cached_property
    def array(self):
        """The points as an array of their dtype, in C order, without the fault."""
        rng = self.generator(0)
        if self.geometry == DRAWN:
            X = rng.choice(np.array(self.values, float), (self.n, self.d))
        else:
            X = GEOMETRIES[self.geometry](rng, self.n, self.d).astype(float)
        X = as_dtype(X, self.dtype)
        if self.fault == "contradiction":
            X[-1] = X[0]
        return np.ascontiguousarray(X)

    @cached_property
    def numbers(self):
        """The points as float64 numbers."""
        return self.array.astype(np.float64)

    @cached_property
    def first_rows(self):
        """The lowest row equal to each."""
        first = {}
        return np.array([first.setdefault(tuple(row), i) for i, row in enumerate(self.numbers.tolist())])

    @cached_property
    def place(self):
        """Row and column of the fault."""
        rng = self.generator(1)
        return int(rng.integers(self.n)), int(rng.integers(self.d))

    def points(self, layout=None):
        """X as it is given, with its fault."""
        X = self.array
        dtypes = {
            "a NaN": np.nan if X.dtype.kind == "f" else None,
            "an infinity": -np.inf if X.dtype.kind == "f" else None,
            "a large integer": 2**53 + 1 if X.dtype in ("int64", "uint64") else None,
        }
        if self.fault in dtypes and dtypes[self.fault] is None:
            X = self.numbers if self.fault != "a large integer" else as_dtype(self.numbers, "int64")
        if self.fault == "too many digits":
            X = self.numbers.astype(np.longdouble)
            X[self.place] = np.longdouble(1) + np.longdouble(2.0**-60)
        elif self.fault == "text":
            X = X.astype(str)
        elif self.fault in dtypes:
            X = X.copy()
            X[self.place] = {"a NaN": np.nan, "an infinity": -np.inf, "a large integer": 2**53 + 1}[self.fault]
        layout = LAYOUTS[layout or self.layout]
        return layout(X)

    @cached_property
    def classes(self):
        """The number of the class of each row."""
        firsts, point = np.unique(self.first_rows, return_inverse=True)
        return self.class_numbers(LAWS[self.law], len(firsts), self.generator(2))[point]

    def class_numbers(self, law, n, rng):
        """Numbers below the number of labels there are."""
        numbers = law(rng, n)
        return numbers % len(LABELS[self.labels](rng, int(numbers.max()) + 1))

    @cached_property
    def y(self):
        """Labels as they are given, without the fault, but for contradictions."""
        classes = self.classes.copy()
        if self.fault == "contradiction":
            classes[-1] = classes[0] + 1
        labels = LABELS[self.labels](self.generator(3), max(int(classes.max()) + 1, 2))
        if isinstance(labels, list):
            return [labels[i] for i in classes]
        y = labels[classes]
        return np.repeat(y, 2, axis=0)[::2] if self.seed % 2 else y

    def faulty_labels(self):
        """Labels as they are given, with their fault."""
        if self.fault == "a label too few":
            return self.y[:-1]
        if self.fault == "a NaN label":
            y = self.classes.astype(float)
            y[self.place[0]] = np.nan
            return y
        if self.fault == "a NaT label":
            y = np.datetime64("2000-01-01") + self.classes
            y[self.place[0]] = np.datetime64("NaT")
            return y
        if self.fault == "long double labels":
            return self.classes.astype(np.longdouble)
        return self.y

    @cached_property
    def is_general(self):
        """Whether the points are surely in general position, of which the bound of baum1988 speaks."""
        return self.geometry in ("gaussian", "sphere") and self.d > 1 and self.dtype in ("float64", "float32", ">f8")

    @cached_property
    def largest_margin(self):
        """The margin asked for, in the units of X."""
        return self.margin * float(np.abs(self.numbers).max())

    @cached_property
    def options(self):
        """Keyword arguments of `memorize` that decide what is built, but for random_state."""
        taken = CONSTRUCTIONS[self.construction].OPTIONS
        options = {"construction": self.construction, "columns": self.columns_asked}
        options |= {name: getattr(self, name) for name in taken}
        if not self.fingerprint_bits:
            options = {name: value for name, value in options.items() if name not in ("negatives", "recognise")}
        return options | ({"margin": self.largest_margin} if "margin" in taken else {})

    @cached_property
    def negatives(self):
        """Rows that must stay unknown: near memorized ones, and not equal to any in the columns that are read."""
        if not (self.n_negatives and self.fingerprint_bits):
            return None
        rng, X = self.generator(7), self.numbers
        with np.errstate(all="ignore"):
            times = 1 + 10.0 ** rng.integers(-9, 0) * rng.normal(size=self.d)
            rows = X[rng.integers(0, self.n, self.n_negatives)] * times
        columns = slice(None) if isinstance(self.columns_asked, str) else self.columns_asked
        equal = [bool((row[columns] == X[:, columns]).all(axis=1).any()) for row in rows]
        return rows[np.isfinite(rows).all(axis=1) & ~np.array(equal, bool)]

    @cached_property
    def columns_asked(self):
        """The option `columns`."""
        if isinstance(self.columns, str):
            return self.columns
        n_read = max(1, round(self.columns * self.d))
        rng = self.generator(6)
        first = int(rng.integers(self.d - n_read + 1))
        return slice(first, first + n_read) if self.seed % 3 == 0 else rng.permutation(self.d)[:n_read].tolist()

    @cached_property
    def are_equal_in_columns(self):
        """Whether rows that must be told apart are equal in all columns asked for."""
        if isinstance(self.columns_asked, str):
            return False
        read = self.numbers[:, self.columns_asked] + 0.0
        all_differ = self.construction == "rajput2021" or (self.construction == "compact" and self.separate == "all")
        must_differ = self.first_rows if all_differ else self.classes
        first = {}
        return any(first.setdefault(tuple(x), c) != c for x, c in zip(read.tolist(), must_differ.tolist(), strict=True))

    def memorize(self, X, y, n_threads, verify=True):
        """The network."""
        return fastmem.memorize(X, y, random_state=self.seed, n_threads=n_threads, verify=verify, **self.options)

    @cached_property
    def contradictions(self):
        """Pairs of rows as `ContradictoryLabels` has them."""
        if self.fault != "contradiction":
            return []
        classes = self.classes.copy()
        classes[-1] = classes[0] + 1
        pairs = zip(self.first_rows.tolist(), range(self.n), strict=True)
        return [(first, row) for first, row in pairs if classes[first] != classes[row]]


def _sizes():
    tiny, small = st.tuples(st.integers(1, 12), st.integers(1, 4)), st.tuples(st.integers(1, 40), st.integers(1, 12))
    large = [
        st.tuples(st.integers(1, 400), st.integers(1, 40)),
        st.tuples(st.integers(1, 400), st.integers(1, 3)),
        st.tuples(st.integers(1, 30), st.integers(60, 150)),
    ]
    # `one_of` would take each once.
    return st.sampled_from([tiny] * 9 + [small] * 6 + large).flatmap(lambda sizes: sizes)


def _coordinates():
    finite = st.floats(allow_nan=False, allow_infinity=False)
    numbers = st.one_of(st.sampled_from(POOL), st.integers(-4, 4).map(float), finite)
    return st.lists(numbers, min_size=1, max_size=6).map(tuple)


# What is drawn for each attribute of a problem; of values only those of one geometry are used.
_DRAWN = {
    "sizes": _sizes(),
    "seed": st.integers(0, 2**32 - 1),
    "fault": st.sampled_from([None] * 99 + list(FAULTS)),
    "geometry": st.sampled_from([*GEOMETRIES, *[DRAWN] * 6]),
    "dtype": st.sampled_from(["float64"] * 12 + DTYPES),
    "layout": st.sampled_from(["C"] * 12 + list(LAYOUTS)),
    "labels": st.sampled_from(["small integers"] * 20 + list(LABELS)),
    "law": st.sampled_from(list(LAWS)),
    "construction": st.sampled_from(["compact", "compact", "compact", "rajput2021", "baum1988"]),
    "store": st.sampled_from(list(STORES)),
    "separate": st.sampled_from(["labels", "all"]),
    "columns": st.sampled_from(["auto"] * 9 + ["all"] + [0.2, 0.5, 0.9]),
    "effort": st.sampled_from(list(EFFORTS)),
    "margin": st.sampled_from([0.0] * 25 + [1e-15, 1e-9, 1e-4, 0.01, 0.3]),
    "fingerprint_bits": st.sampled_from([0] * 60 + list(range(1, 9)) * 2 + list(range(9, 33, 4)) + [32]),
    "recognise": st.sampled_from(["cells", "cells", "rows"]),
    "n_negatives": st.sampled_from([0, 0, 5, 60]),
    "delta": st.sampled_from([None] * 12 + [0.01, 0.1, 0.5, 2.0]),
    "n_threads": st.integers(1, 2),
    "verify": st.booleans(),
}
_VALUES = _coordinates()


@st.composite
def problems(draw):
    """A problem, eleven in twelve without a fault, most options at their defaults."""
    drawn = {name: draw(strategy) for name, strategy in _DRAWN.items()}
    n, d = drawn.pop("sizes")
    values = draw(_VALUES) if drawn["geometry"] == DRAWN else ()
    return Problem(n=max(n, 2) if drawn["fault"] == "contradiction" else n, d=d, values=values, **drawn)


@contextlib.contextmanager
def short_searches():
    """Hyperplanes are trimmed for a fiftieth of the usual work, which for few points takes longer than all else."""
    usual = dict(EFFORTS)
    EFFORTS.update({name: replace(effort, trimming=effort.trimming / 50) for name, effort in usual.items()})
    try:
        yield
    finally:
        EFFORTS.update(usual)


def check(problem, folder):
    """Solve a problem and hold the network, or the refusal, to what is promised; returns what it came to."""
    with warnings.catch_warnings(), short_searches():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", fastmem.RecognitionWarning)
        return _check(problem, folder)


def of_a_size_to_test(problem):
    """The problem, or with "compact" where the theorem's network would take long."""
    if problem.construction == "rajput2021" and MOST_RAJPUT_WEIGHTS < _rajput_weights(problem) <= 2**28:
        return replace(problem, construction="compact")
    return problem


def _check(problem, folder):
    X, y = problem.points(), problem.faulty_labels()
    before = _bytes_of(X), _bytes_of(y)
    try:
        net = problem.memorize(X, y, problem.n_threads, problem.verify)
    except fastmem.FastmemError as error:
        justify(problem, error)
        return type(error).__name__
    finally:
        assert (_bytes_of(X), _bytes_of(y)) == before, "the caller's data were changed"
    assert problem.fault is None, f"{problem.fault} was taken"
    assert not problem.are_equal_in_columns, "points that are equal in the columns read were taken"
    hold(problem, X, net, folder)
    return "built"


def _bytes_of(array):
    return array.tobytes() if isinstance(array, np.ndarray) and array.dtype.kind not in "OT" else repr(array)


def _delta(problem):
    """Smallest distance in the unit ball that rajput2021 draws for; None if there is none."""
    if problem.delta is not None:
        return problem.delta
    if len(set(problem.first_rows.tolist())) < 2:
        return 2.0
    read = slice(None) if isinstance(problem.columns_asked, str) else problem.columns_asked
    try:
        return fastmem.separation(problem.numbers[:, read], n_threads=1).delta
    except fastmem.InvalidInput:
        return None


def _rajput_weights(problem):
    """What the theorem's network takes at most, 0 if that cannot be known."""
    if problem.fault is not None or not (delta := _delta(problem)):
        return 0
    n = len(set(problem.first_rows.tolist()))
    delta = max(delta, LEAST_DELTA)  # for a smaller one the error says "more than"
    d = problem.d if isinstance(problem.columns_asked, str) else np.arange(problem.d)[problem.columns_asked].size
    return bound(n, d, delta, (len(set(problem.classes.tolist())) - 1).bit_length()).weights


def justify(problem, error):
    """Raise unless the problem explains why it was refused."""
    reasons = {
        fastmem.ContradictoryLabels: _is_contradiction,
        fastmem.InvalidInput: _is_invalid,
        fastmem.NetworkTooLarge: _is_too_large,
        fastmem.NotInGeneralPosition: _is_not_in_general_position,
        fastmem.MarginNotReached: _is_margin_not_reached,
    }
    reason = reasons.get(type(error))
    if reason is None or not reason(problem, error):
        raise AssertionError(f"not justified: {error!r}") from error


def _is_contradiction(problem, error):
    return problem.fault == "contradiction" and error.rows == problem.contradictions


def _is_invalid(problem, error):
    if problem.fault == "contradiction":
        return False
    if problem.fault is not None:
        row, column = problem.place
        return FAULTS[problem.fault].format(row=row, column=column) in str(error)
    if "must be told apart, but are equal in the columns to be read" in str(error):
        return problem.are_equal_in_columns
    if problem.construction != "rajput2021":
        return False
    if "draws of hyperplanes" in str(error):
        delta = _delta(replace(problem, delta=None))
        return problem.delta is not None and (delta is None or problem.delta > delta)
    numbers = np.abs(problem.numbers[problem.numbers != 0])
    with np.errstate(over="ignore"):
        gaps = np.diff(np.sort(problem.numbers, axis=0), axis=0)
    least = gaps[gaps > 0].min(initial=np.inf)
    # Squares of distances, or thresholds, do not fit float64 beside the largest coordinate.
    is_about = any(part in str(error) for part in ("to square their distance", "rescale"))
    return is_about and (numbers.max() > 1e300 or least < 1e-140 * numbers.max())


def _is_too_large(problem, error):
    return problem.construction == "rajput2021" and problem.fault is None and error.weights > 2**28 >= 0 and (
        error.weights == _rajput_weights(problem)
    )  # fmt: skip


def _is_not_in_general_position(problem, error):
    """Whether the rows named lie near the plane of the group, and differ from it in a bit of the class index."""
    if problem.construction != "baum1988" or problem.fault is not None or not error.rows:
        return False
    rows, group = set(error.rows), set(error.group)
    return len(group) <= problem.d and not rows & group and {*rows, *group} <= set(range(problem.n))


def _is_margin_not_reached(problem, error):
    return problem.fault is None and 0 <= error.largest < error.margin == problem.options["margin"]


def hold(problem, X, net, folder):
    """Hold a network to the whole contract."""
    rng = problem.generator(4)
    has_labels(problem, X, net)
    others = unseen(problem, rng)
    paths_agree(problem, net, others, rng)
    contract.layers_are_a_network(net, problem.d)
    reads_its_columns(problem, net, others)
    if all(math.prod(layer.weights.shape) < MOST_DENSE for layer in net.layers):
        contract.counts_agree(net)
    if problem.construction == "rajput2021" or (problem.construction == "baum1988" and problem.is_general):
        contract.bound_is_kept(net, net.drawn.get("delta"))
    copies_agree(problem, net, others, folder)
    distances_are_true(problem, net, others)
    knows_its_points(problem, net, others, rng)
    takes_other_labels(problem, net, rng)
    speaks(problem, net)
    if problem.seed % 2:
        return
    again = problem.memorize(problem.points("Fortran"), problem.y, 3 - problem.n_threads, verify=False)
    assert again == net, "another network for another number of threads"


def identical(a, b):
    """Whether two arrays have one dtype and the same values, type and sign of zero included."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "OT":
        return all(_is_same(v, w) for v, w in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    if a.dtype.char in "gG":  # of which bytes hold padding
        return bool(np.all(a == b) and np.all(np.signbit(a.real) == np.signbit(b.real)))
    return a.tobytes() == b.tobytes()


def _is_same(v, w):
    return type(v) is type(w) and v == w and (not isinstance(v, float) or math.copysign(1, v) == math.copysign(1, w))


def has_labels(problem, X, net):
    """Each row has its label, in the dtype of y, in any order, batch, dtype and layout."""
    predicted = net.predict(X)
    if isinstance(problem.y, list):
        assert predicted.tolist() == problem.y  # of a list NumPy chooses the dtype: of [1, 2.5] floats
    else:
        assert identical(predicted, problem.y)
    assert identical(net.forward(X), predicted)
    order = problem.generator(5).permutation(problem.n)
    assert identical(net.predict(problem.array[order], n_threads=2), predicted[order])
    some = order[:9]
    for layout in ("Fortran", "reversed columns"):
        assert identical(net.predict(LAYOUTS[layout](problem.numbers[some])), predicted[some])
    for size in (1, 4):
        for rows in (some[start : start + size] for start in range(0, len(some), size)):
            assert identical(net.predict(problem.array[rows]), predicted[rows])
    assert len(net.predict(problem.array[:0])) == 0


def unseen(problem, rng):
    """Points that were not memorized: next to those that were, between them, around them, far away; float64."""
    X = problem.numbers[rng.integers(0, problem.n, 20)]
    Y = problem.numbers[rng.integers(0, problem.n, 20)]
    scale = np.abs(problem.numbers).max(axis=0)
    around = np.clip(rng.standard_normal((20, problem.d)), -1, 1) * scale
    extreme = rng.choice(POOL, (10, problem.d))
    drawn = rng.standard_normal((10, problem.d))
    return np.concatenate([nudged(X, rng).clip(-LARGEST, LARGEST), X / 2 + Y / 2, -X, around, extreme, drawn])


def paths_agree(problem, net, others, rng):
    """`forward` is `predict` for any input, and what rational arithmetic says for some."""
    predicted = net.predict(others)
    assert identical(net.forward(others, n_threads=2), predicted)
    assert identical(net.predict(others.copy(order="F")), predicted)
    if net.layers and net.n_weights < 2**17:
        n_rows = EXACT_PRODUCTS // (net.n_hyperplanes * problem.d + 1)
        rows = np.concatenate([others, problem.numbers])
        rows = rows[rng.permutation(len(rows))[:n_rows]]
        if len(rows):
            outputs = naive.forward(net.layers, rows) % (1 << net.n_label_bits)
            indices = np.minimum(outputs, len(net.classes) - 1)
            assert identical(net.classes[indices], net.predict(rows))


def reads_its_columns(problem, net, others):
    """Other columns may hold anything, and the network on those that are read takes these alone."""
    columns = np.setdiff1d(np.arange(problem.d), net.columns)
    if isinstance(problem.columns_asked, str):
        assert problem.columns_asked == "auto" or not len(columns)
    else:
        assert np.array_equal(net.columns, np.sort(np.arange(problem.d)[problem.columns_asked]))
    changed = others.copy()
    changed[:, columns] = np.nan
    assert identical(net.predict(changed), net.predict(others))
    narrow = net if np.array_equal(net.columns, net.columns_to_know) else net.without_fingerprints()
    assert identical(narrow.on_columns().predict(others[:, net.columns]), net.predict(others))


def copies_agree(problem, net, others, folder):
    """Pickles, and for a fourth of the problems files, hold the same network; labels that no file holds are refused."""
    copy = pickle.loads(pickle.dumps(net))
    assert copy == net
    assert identical(copy.predict(others), net.predict(others))
    if problem.seed % 4:
        return
    try:
        contract.copies_are_equal(net, others, folder)
    except fastmem.InvalidInput as error:
        if problem.labels != "objects" or "cannot be saved" not in str(error):
            raise


def distances_are_true(problem, net, others):
    """Certified radii are not above the exact distances, and memorized rows keep the margin."""
    radii = net.certified_radius(problem.array)
    assert np.all(radii >= 0)  # and not NaN
    assert np.all(radii >= problem.options.get("margin", 0.0))
    assert np.all(net.certified_radius(others) >= 0)
    weights, thresholds = net.hyperplanes.weights, net.hyperplanes.thresholds
    for row in np.argsort(radii)[: EXACT_PRODUCTS // (4 * net.n_hyperplanes * problem.d + 1)]:
        square = naive.squared_distance_to_hyperplanes(problem.numbers[row], weights, thresholds)
        if square is None:
            assert radii[row] == math.inf
        else:
            assert Fraction(radii[row]) ** 2 <= square
            assert Fraction(net.smallest_distance) ** 2 <= square
            assert Fraction(problem.options.get("margin", 0.0)) ** 2 <= square


def native(labels):
    """Labels in the processor's byte order, and integers of any width: beside one more value both may change."""
    if labels.dtype.kind in "iu":
        return labels.astype(object)
    return labels if labels.dtype.kind in "OT" else labels.astype(labels.dtype.newbyteorder("="))


def knows_its_points(problem, net, others, rng):
    """With fingerprints memorized rows are known, whatever is said of unknown ones; without, it says so."""
    if not net.fingerprint_bits:
        return
    predicted, unknown = native(net.predict(problem.array)), net.classes[0]
    unknown = unknown.item() if isinstance(unknown, np.generic) and net.classes.dtype.kind not in "mM" else unknown
    assert net.contains(problem.array).all()
    known = net.contains(others)
    assert identical(native(net.predict(problem.array, unknown=unknown)), predicted)
    labels = native(net.predict(others, unknown=unknown))
    assert identical(labels[known], native(net.predict(others))[known])
    if problem.negatives is not None and len(problem.negatives):
        assert not net.contains(problem.negatives).any()
    if net.recognise_by == "rows":
        return
    assert identical(native(net.forward(others, unknown=unknown)), labels)
    tolerance = float(rng.choice([1e-9, 0.1]) * np.abs(problem.numbers).max())
    tolerant = native(
        net.predict(others, unknown=unknown, tolerance=tolerance, max_probes=int(rng.choice([1, 7, 100])))
    )
    assert identical(tolerant[known], labels[known])
    assert identical(native(net.predict(problem.array, unknown=unknown, tolerance=tolerance)), predicted)


def takes_other_labels(problem, net, rng):
    """With a code for each distinct point, any labels can be given later; else that is refused."""
    if not isinstance(net, fastmem.EncodedNetwork):
        return
    if net.separate != "all":
        try:
            net.relabel(problem.classes)
        except fastmem.InvalidInput:
            return
        raise AssertionError("points that share codes were given other labels")
    firsts, point = np.unique(problem.first_rows, return_inverse=True)
    assert len(np.unique(net.codes(problem.array))) == len(firsts)
    labels = rng.integers(0, rng.choice([1, 2, 50]), len(firsts))[point]
    again = net.relabel(labels)
    assert identical(again.predict(problem.points()), labels)
    order = rng.permutation(problem.n)
    back = pickle.loads(pickle.dumps(again))
    if isinstance(problem.y, np.ndarray):
        assert identical(back.relabel(problem.y, problem.numbers).predict(problem.array), problem.y)
    assert identical(back.relabel(labels[order], problem.numbers[order]).predict(problem.array), labels)


def speaks(problem, net):
    """What is said of a network can be printed and written as JSON."""
    assert f"{problem.n} point" in repr(net)
    report = net.report()
    assert str(report)
    assert json.dumps(report.to_dict(), default=str)
    assert (report.n_points, report.n_features, report.n_classes) == (problem.n, problem.d, len(net.classes))
    assert len(net.classes) == len(set(problem.classes.tolist()))
    assert net.largest_norm >= np.abs(problem.numbers[:, net.columns]).max() * (1 - 1e-9)
    assert len(net.unsafe_rows(problem.array, "float64")) <= problem.n


def run(n_cases, seed):
    """Outcomes of so many problems: Counter of (construction, store, effort, outcome)."""
    outcomes = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=n_cases, database=None, deadline=None, report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        @hypothesis.given(problems())
        def attack(problem):
            problem = of_a_size_to_test(problem)
            outcome = check(problem, Path(folder))
            of_compact = problem.construction == "compact"
            outcomes[problem.construction, *((problem.store, problem.effort) if of_compact else ("", "")), outcome] += 1

        attack()
    return outcomes


def table(outcomes):
    """Lines of a table of outcomes."""
    kinds = sorted({outcome for *_, outcome in outcomes}, key=lambda kind: (kind != "built", kind))
    for build in sorted({key[:3] for key in outcomes}):
        counts = [f"{outcomes[*build, kind]:,} {kind}" for kind in kinds if outcomes[*build, kind]]
        yield f"{' '.join(filter(None, build))}: {', '.join(counts)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1000, help="problems for each seed: seed, seed + 1, ...")
    options = parser.parse_args()
    outcomes, start = collections.Counter(), time.perf_counter()
    for batch, done in enumerate(range(0, options.cases, options.batch)):
        seed = options.seed + batch
        try:
            outcomes += run(min(options.batch, options.cases - done), seed)
        except Exception:
            traceback.print_exc()  # with hypothesis' note of the problem
            sys.exit(f"wrong in the batch of seed {seed}")
        print(f"seed {seed}: {outcomes.total():,} problems, {time.perf_counter() - start:.0f} s", flush=True)
    print(*table(outcomes), sep="\n")
    built = sum(count for (*_, outcome), count in outcomes.items() if outcome == "built")
    refused = outcomes.total() - built
    print(
        f"pipeline: {outcomes.total():,} problems, seed {options.seed}: "
        f"{built:,} built and right, {refused:,} refused with reason"
    )


if __name__ == "__main__":
    main()
