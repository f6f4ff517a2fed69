"""Builds in partitions, of random problems, with all limits so low that some hundred points go through every stage.

Promised: what is built in partitions returns each label in its dtype, as the network that comes back from a file does,
and the bytes of that file depend neither on how rows are cut, nor on threads, nor on whether arrays are in memory or in
files, nor on whether points came whole or in blocks. Facts in the network are those that the definitions give: how many
are told apart, the largest norm, whether float32 holds all, the smallest distance from a hyperplane. Contradictions are
named by pairs of rows of X, the same ones as without partitions unless the error says "at least"; any other refusal is
explained by the problem. Nothing is left in the scratch folder, and no map of a file is left in the process.

Drawn for each case: points (GEOMETRIES of `reliability.pipeline`, and clusters in order, sorted rows, copies by the
hundred), dtypes, labels of every kind, options, faults, the limits, which are alike for all builds of a case, and what
must not matter, which is not. Where all points must differ their numbers are cut to a few bits in some cases, so that
different rows share them, which 64 bits hardly ever do.

    cd tests && python -m reliability.partitions --cases 2000 --seed 0

prints how many were built and refused; exit status 1 if something was wrong. ``--only 17`` runs a case alone.
"""

import argparse
import collections
import contextlib
import gc
import os
import re
import sys
import time
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from unittest import mock

import numpy as np
from reliability.pipeline import DTYPES, GEOMETRIES, LABELS, LAWS, as_dtype, identical, native
from support.time_limits import outcome_of

import fastmem
from fastmem.data.as_points import as_points
from fastmem.data.blocks import Source
from fastmem.data.reading import as_reading
from fastmem.distributed import build, build_local, local, partitions, ranges, recognition, samples
from fastmem.machine.blas import single_threaded_blas
from fastmem.machine.floats import default_environment

SECONDS, MOST_FAULTS = 30, 100
MODULES = {
    "build": build, "local": local, "partitions": partitions, "ranges": ranges, "recognition": recognition,
    "samples": samples,
}  # fmt: skip

# Limits on which networks depend, and those on which they must not: what each is drawn from.
LIMITS = {
    ("build", "_AT_ONCE"): (4, 20, 100, 1000, 400_000),
    ("build", "_NUMBERS_AT_ONCE"): (100, 2**23),
    ("build", "_LEAST_AT_ONCE"): (4, 50, 2**10),
    ("build", "_SHARE_AT_ONCE"): (2, 8, 50),
    ("build", "_MOST"): (8, 512),
    ("ranges", "CODES_A_RANGE"): (10, 100, 1000, 2**21),
    ("ranges", "_STRIDES"): (2, 16, 512),
    ("ranges", "_HEAVY"): (2, 8, 64),
    ("samples", "_COUNTED"): (100, 2**20),
    ("samples", "_COUNTED_OF"): (2, 4, 20),
    ("samples", "_LEAST_COUNTED"): (20, 100, 500, 2**15),
    ("samples", "_TAKEN"): (50, 200, 2**18),
    ("samples", "_TAKEN_OF"): (4, 16),
    ("samples", "_LEAST_TAKEN"): (20, 100, 300),
    ("samples", "_FEWEST"): (20, 2**10),
    ("recognition", "_SAMPLED"): (100, 300, 2**20),
    ("recognition", "_NUMBERS"): (2**10, 2**24),
}
CUTS = {
    ("local", "_MOST_ROWS"): (1, 7, 64, 500, 2**19),
    ("local", "_BLOCK_BYTES"): (2**10, 2**26),
    ("local", "_TOGETHER"): (1, 100, 2**22),
    ("local", "_GROUPS"): (2, 16),
    ("partitions", "BLOCK"): (1, 50, 1000, 2**16),
}


def _in_order(rng, n, d):
    centres = rng.standard_normal((10, d))
    return centres[np.arange(n) * 10 // n] + 1e-4 * rng.standard_normal((n, d))


def _often(rng, n, d):
    X = rng.standard_normal((n, d))
    X[rng.permutation(n)[: n // 2]] = X[0]
    return X


def _constant_columns(rng, n, d):
    return np.where(rng.random(d) < 0.5, rng.standard_normal(d), rng.standard_normal((n, d)))


# Beside those of the pipeline, by name: functions of a generator, n and d.
POINTS = GEOMETRIES | {
    "clusters in order": _in_order,
    "sorted": lambda rng, n, d: (lambda X: X[np.argsort(X[:, 0])])(rng.standard_normal((n, d))),
    "tripled": lambda rng, n, d: np.repeat(rng.standard_normal((-(-n // 3), d)), 3, axis=0)[:n],
    "tripled, shuffled": lambda rng, n, d: rng.permutation(np.tile(rng.standard_normal((-(-n // 3), d)), (3, 1))[:n]),
    "one row often": _often,
    "few rows often": lambda rng, n, d: rng.standard_normal((5, d))[rng.integers(0, 5, n)],
    "constant columns": _constant_columns,
}
CLASSES = LAWS | {
    "a thousand": lambda rng, n: rng.integers(0, 1000, n),
    "one in a hundred": lambda rng, n: (rng.random(n) < 0.01).astype(int),
    "one in thirty, of many": lambda rng, n: np.where(rng.random(n) < 0.03, rng.integers(1, 300, n), 0),
}
FAULTS = ("a NaN", "a NaN label", "one contradiction", "some contradictions", "half contradict", "an equal negative")


@dataclass(frozen=True)
class Case:
    """What is memorized and how; all else is drawn from the seed."""

    seed: tuple
    n: int
    d: int
    points: str
    dtype: str
    labels: str
    law: str
    store: str
    separate: str
    columns: str
    effort: str
    fingerprint_bits: int
    recognise: str
    n_negatives: int
    fault: str | None
    key_bits: int

    @classmethod
    def drawn(cls, seed, number):
        """The case of a number."""
        rng = np.random.default_rng([seed, number])
        d = int(rng.choice([1, 2, 2, 3, 3, 5, 16, 16, 16, 40, 100, 300]))
        n = int(rng.choice([rng.integers(1, 12), rng.integers(12, 300), *[rng.integers(300, 3000)] * 3]))
        one = lambda *values: values[rng.integers(len(values))]  # noqa: E731
        fingerprint_bits = one(*[0] * 12, 1, 4, 4, 12, 20)
        return cls(
            seed=(seed, number), n=min(n, 400) if fingerprint_bits else min(n, 700) if d > 40 else n, d=d,
            points=one(*["gaussian"] * 8, *POINTS), dtype=one(*["float64"] * 8, *["float32"] * 4, *DTYPES),
            labels=one(*["small integers"] * 12, *(name for name in LABELS if not name.startswith("list"))),
            law=one(*CLASSES), store=one("binary", "binary", "integer"), separate=one("labels", "labels", "all"),
            columns=one(*["auto"] * 3, "all", "some"), effort=one("fast", "fast", "balanced"),
            fingerprint_bits=fingerprint_bits, recognise=one("cells", "rows"),
            n_negatives=one(0, 1, 30), fault=one(*[None] * 14, *FAULTS), key_bits=one(*[64] * 9, 0, 1, 4),
        )  # fmt: skip

    def generator(self, purpose):
        """A generator for one of the things that are drawn."""
        return np.random.default_rng([*self.seed, purpose])

    @cached_property
    def limits(self):
        """Limits on which the network depends."""
        rng = self.generator(0)
        return {name: int(rng.choice(values)) for name, values in LIMITS.items()}

    @cached_property
    def _contradictory(self):
        """Pairs of rows that are made equal, first the one that is copied."""
        rng = self.generator(1)
        many = {"one contradiction": 1, "some contradictions": self.n // 20 + 1, "half contradict": self.n // 2}
        rows = rng.permutation(self.n)
        count = min(many.get(self.fault, 0), self.n // 2)
        firsts = rows[count : 2 * count]
        return np.column_stack([firsts[: 1 + count // 9][np.arange(count) % (1 + count // 9)], rows[:count]])

    @cached_property
    def array(self):
        """The points."""
        rng = self.generator(2)
        with np.errstate(all="ignore"):
            X = as_dtype(POINTS[self.points](rng, self.n, self.d).astype(float), self.dtype)
        X = np.ascontiguousarray(X)
        X[self._contradictory[:, 1]] = X[self._contradictory[:, 0]]
        if self.fault == "a NaN" and X.dtype.kind == "f":
            X[rng.integers(self.n), rng.integers(self.d)] = np.nan
        return X

    @cached_property
    def numbers(self):
        """The points as float64 numbers, without negative zeros."""
        return self.array.astype(np.float64) + 0.0

    @cached_property
    def first_rows(self):
        """The lowest row equal to each."""
        return _first_rows(self.numbers)

    @cached_property
    def classes(self):
        """The number of the class of each row."""
        rng = self.generator(3)
        firsts, point = np.unique(self.first_rows, return_inverse=True)
        numbers = CLASSES[self.law](rng, len(firsts))
        classes = (numbers % len(LABELS[self.labels](rng, int(numbers.max()) + 1)))[point]
        copies = self._contradictory[:, 1]
        classes[copies] = rng.permutation(classes)[: len(copies)]
        if self.labels == "any float16":  # of which some come twice, where there are many
            classes = np.unique(self._labels_of(classes).view(np.uint16), return_inverse=True)[1]
        return classes

    def _labels_of(self, classes):
        return LABELS[self.labels](self.generator(5), max(int(classes.max()) + 1, 2))[classes]

    @cached_property
    def y(self):
        """The labels."""
        if self.fault == "a NaN label":
            y = self.classes.astype(np.float32)
            y[self.generator(4).integers(self.n)] = np.nan
            return y
        return self._labels_of(self.classes)

    @cached_property
    def columns_asked(self):
        """The option `columns`."""
        if self.columns != "some":
            return self.columns
        rng = self.generator(6)
        return rng.permutation(self.d)[: int(rng.integers(1, self.d + 1))].tolist()

    @cached_property
    def must_differ(self):
        """Equal numbers for rows that need not be told apart."""
        return self.first_rows if self.separate == "all" else self.classes

    @cached_property
    def contradictions(self):
        """Pairs of rows as `ContradictoryLabels` has them."""
        later = np.flatnonzero(self.classes != self.classes[self.first_rows])
        return list(zip(self.first_rows[later].tolist(), later.tolist(), strict=True))

    @cached_property
    def are_equal_in_columns(self):
        """Whether rows that must be told apart are equal in all columns asked for."""
        if isinstance(self.columns_asked, str):
            return False
        first = _first_rows(self.numbers[:, self.columns_asked])
        return bool((self.must_differ != self.must_differ[first]).any())

    @cached_property
    def negatives(self):
        """Rows that must stay unknown: near memorized ones, equal to one of these in one fault only."""
        if not (self.n_negatives and self.fingerprint_bits):
            return None
        rng = self.generator(7)
        with np.errstate(all="ignore"):
            times = 1 + 10.0 ** rng.integers(-9, 0) * rng.normal(size=self.d)
            rows = self.numbers[rng.integers(0, self.n, self.n_negatives)] * times
            rows = rows[np.isfinite(rows).all(axis=1)] + 0.0
        columns = slice(None) if isinstance(self.columns_asked, str) else self.columns_asked
        known = {row.tobytes() for row in self.numbers[:, columns]}
        rows = rows[np.array([np.ascontiguousarray(row[columns]).tobytes() not in known for row in rows], bool)]
        return np.concatenate([rows, self.numbers[-1:]]) if self.fault == "an equal negative" else rows

    @cached_property
    def options(self):
        """Of `memorize`."""
        options = {name: getattr(self, name) for name in ("store", "separate", "effort", "fingerprint_bits")}
        if self.fingerprint_bits:
            options |= {"recognise": self.recognise, "negatives": self.negatives}
        return options | {"columns": self.columns_asked, "random_state": self.seed[1]}


def _first_rows(numbers):
    rows = np.ascontiguousarray(numbers).view(np.dtype((np.void, numbers.itemsize * numbers.shape[1]))).ravel()
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    return first[place]


# Builds


@contextlib.contextmanager
def limited(values):
    """Context in which limits have other values."""
    with contextlib.ExitStack() as stack:
        for (module, name), value in values.items():
            stack.enter_context(mock.patch.object(MODULES[module], name, value))
        yield


@contextlib.contextmanager
def shared_keys(bits):
    """Context in which numbers of rows have so few bits that different rows share them."""
    facts = partitions.facts

    def of_few_bits(part, index, readings, are_keyed):
        found = facts(part, index, readings, are_keyed)
        hashes = part.points.read() & np.uint64((1 << bits) - 1)
        return (partitions.keys_of(hashes, index), found[1]) if are_keyed else found

    with mock.patch.object(partitions, "facts", facts if bits == 64 else of_few_bits):
        yield


def whole(case, rng, folder):
    """By `memorize`."""
    return fastmem.memorize(case.array, case.y, scratch=folder, n_threads=int(rng.integers(1, 3)), **case.options)


def blocks_of(case, rng):
    """The problem in blocks, some of them empty."""
    cuts = np.sort(rng.integers(0, case.n + 1, rng.integers(0, 6)))
    return zip(np.split(case.array, cuts), np.split(case.y, cuts), strict=True)


def in_blocks(case, rng, folder):
    """By `from_blocks`."""
    return fastmem.from_blocks(blocks_of(case, rng), scratch=folder, n_threads=int(rng.integers(1, 3)), **case.options)


@default_environment()
@single_threaded_blas()
def in_parts(case, rng, folder):
    """By `build_local`, in memory or in files; None for points on a line."""
    options = {"fingerprint_bits": 0, "recognise": "cells", "negatives": None} | case.options
    if options["negatives"] is not None:
        negatives = as_points(options["negatives"], case.d, empty=True)
        reading = as_reading(case.columns_asked, case.d)
        negatives = negatives if isinstance(reading, str) else negatives.on(reading)
        options["negatives"] = negatives if negatives.n else None
    options["columns"] = as_reading(case.columns_asked, case.d)
    options["random_state"] = np.random.default_rng(case.seed[1])
    net, wrong = build_local(
        Source(case.array), case.y, scratch=rng.choice([None, folder]), rows=int(rng.choice([1, 3, 50, 700, case.n])),
        verify=True, n_threads=int(rng.integers(1, 3)), progress=False, **options,
    )  # fmt: skip
    assert not wrong, f"rows {wrong[:5]} have other labels, or are unknown"
    return net


WAYS = (whole, in_parts, in_parts, in_blocks)


# What is promised


def check(case, folder):
    """Build in several ways, and hold the network or the refusal to what is promised; what it came to."""
    scratch = Path(folder) / "scratch"
    scratch.mkdir(exist_ok=True)
    outcomes, net, is_on_line = [], None, False
    for number, way in enumerate(WAYS):
        outcome = _outcome(case, way, case.generator(10 + number), str(scratch))
        left = list(scratch.iterdir())
        assert not left, f"{way.__name__} left {left}"
        if isinstance(outcome, fastmem.FastmemError):
            justify(case, outcome)
        elif outcome is None:
            assert way is in_parts
            outcome, is_on_line = outcomes[0][1], True  # `memorize` builds in memory
        outcomes.append((way.__name__, outcome))
    kinds = {type(outcome) for _, outcome in outcomes}
    assert len(kinds) == 1, f"one problem, and {[(way, repr(outcome)[:200]) for way, outcome in outcomes]}"
    net = outcomes[0][1]
    if isinstance(net, fastmem.FastmemError):
        refused = type(net).__name__
        net = outcomes = outcome = None
        assert not _maps_of(scratch), "maps of scratch files are left"
        return refused
    hold(case, net, is_on_line, scratch.parent)
    data = bytes_of(net, scratch.parent)
    for way, other in outcomes[1:]:
        assert other == net, f"{way} gives another network"
        assert bytes_of(other, scratch.parent) == data, f"{way} gives another file"
    other = outcomes = None
    assert not _maps_of(scratch), "the network keeps maps of scratch files"
    return "built"


def _outcome(case, way, rng, scratch):
    cuts = {name: int(rng.choice(values)) for name, values in CUTS.items()}
    with limited(case.limits | cuts), shared_keys(case.key_bits):
        try:
            return way(case, rng, scratch)
        except fastmem.FastmemError as error:
            return error.with_traceback(None)


def _maps_of(folder):
    """Maps of files of the folder in this process, where it can be asked, once threads that end have ended."""
    maps, left = Path("/proc/self/maps"), []
    for _ in range(20):
        gc.collect()
        left = [line for line in maps.read_text().splitlines() if str(folder) in line] if maps.exists() else []
        if not left:
            break
        time.sleep(0.05)
    return left


def bytes_of(net, folder):
    """The network as a file; None if its labels are objects that no file holds."""
    path = folder / "network.fm"
    try:
        net.save(path)
    except fastmem.InvalidInput as error:
        if net.classes.dtype.kind != "O" or "cannot be saved" not in str(error):
            raise
        return None
    return path.read_bytes()


def hold(case, net, is_on_line, folder):
    """Labels, and facts that the definitions give."""
    assert case.fault != "a NaN" or case.array.dtype.kind != "f", "a NaN was taken"
    assert case.fault != "a NaN label", "a NaN label was taken"
    assert case.fault != "an equal negative" or case.negatives is None, "a memorized row stays unknown"
    assert not case.contradictions, "contradictions were taken"
    assert not case.are_equal_in_columns, "points that are equal in the columns read were taken"
    with contextlib.suppress(FileNotFoundError):
        (folder / "network.fm").unlink()
    copies = [net, fastmem.load(folder / "network.fm")] if bytes_of(net, folder) is not None else [net]
    for copy in copies:
        assert identical(copy.predict(case.array), case.y), "other labels"
        if net.fingerprint_bits:
            assert copy.contains(case.array).all(), "a memorized row is unknown"
            assert case.negatives is None or not copy.contains(case.negatives).any(), "a negative is known"
    if net.fingerprint_bits:
        unknown = net.classes[0] if net.classes.ndim == 1 else list(net.classes[0])
        assert identical(native(net.predict(case.array, unknown=unknown)), native(case.y))
    n_different = len(np.unique(case.must_differ))
    if case.labels == "any float16" and case.separate == "labels":  # of which the table holds some twice
        n_different = len(np.unique(case.y.view(np.uint16)))
    assert net.n_told_apart == n_different, f"{net.n_told_apart} told apart, {n_different} are different"
    assert net.n_points == case.n
    facts_are_true(net.points_of(case.array), net.hyperplanes_read, net, is_on_line)
    units = net.units_read
    if units.hyperplanes is not net.hyperplanes_read:
        facts_are_true(as_points(case.array).on(units.reading), units.hyperplanes, units, True)


def facts_are_true(points, hyperplanes, facts, of_others):
    """The facts on some hyperplanes, and on the columns of the points that these read."""
    smallest = float(hyperplanes.certified_radius(points).min()) if hyperplanes.m else np.inf
    is_true = facts.smallest_distance == smallest
    if of_others:  # taken of fewer hyperplanes or columns, and radii are rounded down
        is_true = bool(np.isclose(facts.smallest_distance, smallest, rtol=2.0**-18, atol=1e-323))
    assert is_true, f"smallest distance {facts.smallest_distance!r}, not {smallest!r}"
    assert facts.largest_norm == points.largest_norm(), f"norm {facts.largest_norm!r}, not {points.largest_norm()!r}"
    assert facts.fits_float32 == points.fit_float32()
    rows = points.as_array().astype(np.float64)
    largest = np.abs(rows).max()
    with np.errstate(all="ignore"):
        norm = largest * np.sqrt(((rows / largest) ** 2).sum(axis=1)).max() if largest else 0.0
    assert facts.largest_norm == np.inf or abs(facts.largest_norm - norm) <= 1e-9 * norm
    with np.errstate(all="ignore"):
        assert facts.fits_float32 == bool((rows.astype(np.float32) == rows).all())


def justify(case, error):
    """Raise unless the problem explains why it was refused."""
    text = str(error)
    if isinstance(error, fastmem.ContradictoryLabels):
        is_justified = _are_contradictions(case, error)
    elif place := re.search(r"(?<!of )\bX\[(\d+), (\d+)\] is nan", text):
        is_justified = case.fault == "a NaN" and bool(np.isnan(case.array[int(place[1]), int(place[2])]))
        if "rows from" in text:
            is_justified = case.fault == "a NaN"
    elif place := re.search(r"\by\[(\d+)\] is nan", text):
        is_justified = case.fault == "a NaN label" and ("rows from" in text or bool(np.isnan(case.y[int(place[1])])))
    elif rows := re.search(r"rows (\d+) and (\d+) must be told apart, but are equal in the columns", text):
        is_justified = _are_equal_in_columns(case, int(rows[1]), int(rows[2]))
    elif place := re.search(r"negatives\[(\d+)\] equals X\[(\d+)\]", text):
        columns = slice(None) if isinstance(case.columns_asked, str) else case.columns_asked
        rows = case.negatives[int(place[1]), columns], case.numbers[int(place[2]), columns]
        is_justified = case.fault == "an equal negative" and np.array_equal(*rows)
    else:
        is_justified = case.negatives is not None and "lie so near to memorized ones" in text
    assert is_justified, f"not justified: {error!r:.1000}"


def _are_contradictions(case, error):
    pairs = error.rows
    assert pairs
    assert {type(row) for pair in pairs for row in pair} == {int}
    assert len({later for _, later in pairs}) == len(pairs), "a row is named twice"
    for first, later in pairs:
        assert first < later, f"{first} is not before {later}"
        assert case.first_rows[first] == case.first_rows[later], f"rows {first} and {later} differ"
        assert case.classes[first] != case.classes[later], f"rows {first} and {later} have one label"
    number = re.match(r"(at least )?(\d+) row", str(error))
    assert int(number[2]) == len(pairs), str(error)
    assert number[1] or pairs == case.contradictions, f"{pairs[:5]} are not {case.contradictions[:5]}"
    return True


def _are_equal_in_columns(case, row, other):
    if not case.are_equal_in_columns:
        return False
    rows = case.numbers[[row, other]][:, case.columns_asked]
    return np.array_equal(rows[0], rows[1]) and case.must_differ[row] != case.must_differ[other]


# Cases


def run(case):
    """Check a case within its time; what it came to, "fault: ..." if something was wrong."""
    return outcome_of(lambda folder: check(case, folder), SECONDS, [fastmem.RecognitionWarning])


def shown(case):
    """A case as Python code."""
    return f"Case({', '.join(f'{field.name}={getattr(case, field.name)!r}' for field in fields(case))})"


def main():
    """Run all cases; 1 if something does not hold, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no case after so many")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.cases) if options.only is None else [options.only]
    outcomes, start = collections.Counter(), time.monotonic()
    for number in numbers:
        if time.monotonic() - start > 60 * options.minutes or outcomes["fault"] == MOST_FAULTS:
            break
        case = Case.drawn(options.seed, number)
        outcome = run(case)
        if outcome.startswith("fault"):
            print(f"--seed {options.seed} --only {number}: {shown(case)}\n{case.limits}\n{outcome}", flush=True)
            outcome = "fault"
        outcomes[outcome] += 1
        if outcomes.total() % 500 == 0:
            print(f"{outcomes.total():,} problems, {time.monotonic() - start:.0f} s", flush=True)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    print(
        f"partitions: {outcomes.total():,} problems, each in {len(WAYS)} ways, seed {options.seed}: {told}; "
        f"{time.monotonic() - start:.0f} s"
    )
    return int(outcomes["fault"] > 0)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONFAULTHANDLER", "1")
    sys.exit(main())
