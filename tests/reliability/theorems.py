"""Networks of the theorems on random problems: labels, sizes, errors and radii as promised, or a refusal with a reason.

Promised of every construction with a theorem, in each of its forms: a network that gives each row its label through
every unit, or with output="value" a number within `output_error`; counts within the theorem's bound where its
assumptions hold; the same network for any number of threads, from a file and from a pickle; `certified_radius` of boxes
that no input inside belies, in both norms; `float64_error` that no order of summation exceeds. Else an error that the
problem explains: points on no sphere, in no general position, cubes that meet, or a network too large, which takes
neither time nor memory to be refused.

Drawn for each problem: points (those of `reliability.partitions` and spheres anywhere, pairs 2^-30 apart, other
exponents in each column), dtypes, 1 to 1,000 classes or real labels, columns, threads.

    cd tests && python -m reliability.theorems --problems 2000 --seed 0
    cd tests && python -m reliability.theorems --bounds 500          # counts of random data sets beside their bounds
    cd tests && python -m reliability.theorems --first-draws 50      # as many hyperplanes as a theorem asks for suffice
    cd tests && python -m reliability.theorems --levels 100000       # three ways to evaluate numbers, hard inputs
    cd tests && python -m reliability.theorems --large               # 10,000 points: time and memory too

Each prints what it counted; exit status 1 if something was wrong. ``--only 17`` runs a problem alone.
"""

import argparse
import collections
import math
import multiprocessing
import pickle
import sys
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property

import contract
import numpy as np
from oracles import naive
from reliability.partitions import CLASSES, POINTS, _first_rows
from reliability.pipeline import DTYPES, LARGEST, POOL, as_dtype, nudged
from support.time_limits import outcome_of

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.constructions.vershynin2020 import _sphere, plan
from fastmem.theory.dirksen2024 import n_rows

SECONDS, MOST_FAULTS = 120, 50
MOST_ROWS = 2**14  # hyperplanes of a theorem that are drawn here, if they are not refused
INSIDE = 1 - 2.0**-30
EXACT_PRODUCTS = 20_000  # in rational arithmetic, for a problem
MOST_DENSE = 2**18
REFUSAL_SECONDS, REFUSAL_BYTES = 5, 2**26


def options_of(**values):
    """All combinations of options, each a dict."""
    combined = [{}]
    for name, some in values.items():
        combined = [options | {name: value} for options in combined for value in some]
    return combined


# Every construction with a theorem and options of its own; a radius is a share of the largest one.
FORMS = [
    (construction, options)
    for construction, values in {
        "vershynin2020": {"form": ("small", "theorem")},
        "dirksen2024": {"form": ("small", "theorem")},
        "boxes": {"radius": (None, None, 0.0, 0.3, 0.999, 1.5)},
        "bubeck2020": {"form": ("slabs", "tangent"), "output": ("class", "value")},
        "yun2019": {"output": ("class", "value")},
        "vardi2021": {
            "form": ("step", "steps", "triangles"),
            "word_bits": (None, 1, 500),
        },
        "park2021": {},
    }.items()
    for options in options_of(**values)
]
FORMS += [("vardi2021", {"form": "step", "depth": 150}), ("vardi2021", {"form": "triangles", "depth": 250})]


DEEP = ("vardi2021", "park2021")
THRESHOLD, RELU = 0, 1


# Points


def sphere(rng, n, d):
    """Rows of length 1."""
    X = rng.standard_normal((n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _pairs(rng, n, d):
    X = rng.standard_normal((n, d))
    X[1::2] = X[: n // 2 * 2 : 2] + 2.0**-30 * rng.standard_normal((n // 2, d))
    return X


def _exponents(rng, n, d):
    return np.ldexp(rng.standard_normal((n, d)), rng.integers(-60, 61, (n, d)))


def _circle(rng, n, d):
    angles = rng.permutation(n) * 2 * np.pi / n
    X = np.zeros((n, d))
    X[:, 0], X[:, -1] = np.cos(angles), np.sin(angles)
    return X if d > 1 else rng.choice([-1.0, 1.0], (n, 1))


# On a sphere whatever is drawn, in float64, by name: functions of a generator, n and d.
SPHERES = {
    "sphere": sphere,
    "sphere elsewhere": lambda rng, n, d: sphere(rng, n, d) * 2.0 ** rng.integers(-3, 4) + 20 * rng.standard_normal(d),
    "sphere of another size": lambda rng, n, d: sphere(rng, n, d) * 2.0 ** rng.integers(-1000, 1000),
    "signs": lambda rng, n, d: rng.choice([-1.0, 1.0], (n, d)),
    "unit vectors": POINTS["unit vectors"],
    "circle": _circle,
    "few rows often, on a sphere": lambda rng, n, d: sphere(rng, 5, d)[rng.integers(0, 5, n)],
}
GEOMETRIES = (
    POINTS
    | SPHERES
    | {
        "pairs": _pairs,
        "exponents": _exponents,
        "scaled by powers": lambda rng, n, d: rng.standard_normal((n, d)) * 2.0 ** rng.integers(-60, 61),
        "grid": lambda rng, n, d: np.ldexp(rng.integers(-(2**12), 2**12, (n, d)).astype(float), -12),
    }
)
GENERAL = ("gaussian", "sphere", "scaled by powers")  # in general position, but for d = 1

# Real labels, by name: functions of a generator and n.
REALS = {
    "gaussian": lambda rng, n: rng.standard_normal(n),
    "float32": lambda rng, n: rng.standard_normal(n).astype(np.float32),
    "float16": lambda rng, n: rng.standard_normal(n).astype(np.float16),
    "of all scales": lambda rng, n: np.ldexp(rng.standard_normal(n), rng.integers(-900, 900)),
    "of many scales": lambda rng, n: np.ldexp(rng.standard_normal(n), rng.integers(-60, 60, n)),
    "largest": lambda rng, n: rng.choice([LARGEST, -LARGEST, LARGEST / 2], n),
    "subnormal": lambda rng, n: rng.integers(-5, 6, n) * 5e-324,
    "pool": lambda rng, n: rng.choice(POOL, n),
    "integers": lambda rng, n: rng.integers(-99, 100, n),
    "large integers": lambda rng, n: rng.integers(-(2**63), 2**63 - 1, n),
    "unsigned": lambda rng, n: rng.integers(0, 2**64 - 1, n, dtype=np.uint64),
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "one value": lambda rng, n: np.full(n, rng.choice([0.0, -3.7, 1e300, 5e-324])),
    "zeros of both signs": lambda rng, n: rng.choice([0.0, -0.0], n),
}


@dataclass(frozen=True)
class Problem:
    """What is memorized and how; all else is drawn from the seed."""

    seed: tuple
    form: int
    n: int
    d: int
    points: str
    dtype: str
    law: str
    labels: str
    columns: str
    n_threads: int

    @classmethod
    def drawn(cls, seed, number):
        """The problem of a number."""
        rng = np.random.default_rng([seed, number])
        one = lambda *values: values[rng.integers(len(values))]  # noqa: E731
        form = number % len(FORMS)
        construction, options = FORMS[form]
        d = int(one(1, 1, 2, 2, 3, 3, 5, 8, 16, 16, 40, 100, 300))
        n = int(one(1, 2, 3, rng.integers(1, 12), *[rng.integers(12, 100)] * 4, *[rng.integers(100, 400)] * 2))
        names = [*SPHERES] * 6 + [*GEOMETRIES] if construction == "vershynin2020" else [*GENERAL] * 6 + [*GEOMETRIES]
        return cls(
            seed=(seed, number), form=form, n=n, d=d, points=one(*names),
            dtype=one(*["float64"] * 12, *["float32"] * 6, *DTYPES),
            law=one(*REALS) if options.get("output") == "value" else one(*["random bits"] * 4, *CLASSES),
            labels=one("integers", "integers", "text", "floats"), columns=one(*["all"] * 6, "some"),
            n_threads=one(1, 2),
        ).of_a_size_to_test()  # fmt: skip

    @property
    def construction(self):
        return FORMS[self.form][0]

    @property
    def own(self):
        """The construction's own options, a radius as a share."""
        return FORMS[self.form][1]

    def generator(self, purpose):
        """A generator for one of the things that are drawn."""
        return np.random.default_rng([*self.seed, purpose])

    @cached_property
    def array(self):
        """The points."""
        rng = self.generator(0)
        with np.errstate(all="ignore"):
            X = np.nan_to_num(GEOMETRIES[self.points](rng, self.n, self.d).astype(float), posinf=1.0, neginf=-1.0)
            return np.ascontiguousarray(as_dtype(X, self.dtype))

    @cached_property
    def numbers(self):
        """The points as float64 numbers, without negative zeros."""
        return self.array.astype(np.float64) + 0.0

    @cached_property
    def columns_asked(self):
        """The option `columns`."""
        if self.columns == "all":
            return "all"
        rng = self.generator(1)
        return np.sort(rng.permutation(self.d)[: int(rng.integers(1, self.d + 1))]).tolist()

    @cached_property
    def read(self):
        """The numbers in the columns that are read."""
        return self.numbers if self.columns == "all" else self.numbers[:, self.columns_asked]

    @cached_property
    def first_rows(self):
        """The lowest row equal to each, in the columns that are read."""
        return _first_rows(self.read)

    @cached_property
    def y(self):
        """The labels."""
        rng, (firsts, point) = self.generator(2), np.unique(self.first_rows, return_inverse=True)
        if self.own.get("output") == "value":
            return REALS[self.law](rng, len(firsts))[point]
        numbers = CLASSES[self.law](rng, len(firsts))[point]
        if self.labels == "text":
            return np.char.add("label ", numbers.astype(str))
        return numbers / 8 if self.labels == "floats" else numbers

    @cached_property
    def half_distance(self):
        """Half of the least distance of two rows with other labels, in the maximum norm; infinite if there is none."""
        classes = np.unique(self.y, return_inverse=True)[1]
        halves = self.read / 2
        least = math.inf
        for row, number in zip(halves, classes, strict=True):
            others = halves[classes != number]
            if len(others):
                least = min(least, float(np.abs(others - row).max(axis=1).min()))
        return least

    @cached_property
    def options(self):
        """Keyword arguments of `memorize`."""
        own = dict(self.own)
        if own.get("radius"):
            own["radius"] *= min(self.half_distance, 1e300)
        return {
            "construction": self.construction, "construction_options": own, "columns": self.columns_asked,
            "random_state": self.seed[1],
        }  # fmt: skip

    @cached_property
    def n_classes(self):
        return len(np.unique(self.y))

    @cached_property
    def delta(self):
        """What the theorem asks for; None where float64 has none, or nothing is asked."""
        if self.construction not in ("vershynin2020", "dirksen2024") or self.n_classes < 2:
            return None
        try:
            return fastmem.separation(self.read, self.y, n_threads=1).delta
        except fastmem.InvalidInput:
            return None

    @cached_property
    def smallest_distance(self):
        """Of two points that are read, on the scale of the theorems; None where float64 has none."""
        try:
            return fastmem.separation(self.read, n_threads=1).delta
        except fastmem.InvalidInput:
            return None

    @cached_property
    def n_hyperplanes(self):
        """How many the theorem draws at most."""
        if not self.delta:
            return 0
        n, n_bits = len(np.unique(self.first_rows)), (self.n_classes - 1).bit_length()
        if self.construction == "dirksen2024":
            return n_rows(n, self.delta, n_bits)
        try:
            _, radius = _sphere(self.read, np.arange(self.n))
        except fastmem.FastmemError:
            return 0
        distance = fastmem.separation(self.read, self.y, n_threads=1).distance
        return plan(n, min(max(distance / radius, 2.0**-60), 2.0), n_bits).rows

    @property
    def is_surely_refused(self):
        """Whether the theorem draws so many that not even the small form's first ones are drawn."""
        of_nearest = (self.construction, self.own.get("form")) == ("vershynin2020", "small")
        return self.n_hyperplanes > (2**64 if of_nearest else 2**33)

    def of_a_size_to_test(self):
        """The problem, or another one where the theorem's network would take long."""
        if self.n_hyperplanes > MOST_ROWS and not self.is_surely_refused:
            return type(self)(**{name: getattr(self, name) for name in _NAMES} | {"points": "sphere", "d": 40, "n": 60})
        return self

    def memorize(self, n_threads, X=None):
        """The network."""
        return fastmem.memorize(self.array if X is None else X, self.y, n_threads=n_threads, **self.options)


_NAMES = [field.name for field in fields(Problem)]


# What is promised


def check(problem, folder):
    """Memorize a problem and hold the network, or the refusal, to what is promised; what it came to."""
    start = time.perf_counter()
    try:
        net = problem.memorize(problem.n_threads)
    except fastmem.FastmemError as error:
        justify(problem, error, time.perf_counter() - start)
        return type(error).__name__
    hold(problem, net, folder)
    again = problem.memorize(3 - problem.n_threads, np.asfortranarray(problem.array))
    assert again == net, "another network for another number of threads"
    return "built"


def justify(problem, error, seconds):
    """Raise unless the problem explains why it was refused."""
    reasons = {
        fastmem.NotOnSphere: _is_on_no_sphere,
        fastmem.NetworkTooLarge: _is_too_large,
        fastmem.NotInGeneralPosition: _is_not_in_general_position,
        fastmem.MarginNotReached: _is_too_wide,
        fastmem.InvalidInput: _is_out_of_range,
    }
    reason = reasons.get(type(error))
    if reason is None or not reason(problem, error):
        raise AssertionError(f"not justified: {error!r}") from error
    if isinstance(error, fastmem.NetworkTooLarge):
        assert seconds < REFUSAL_SECONDS, f"refused after {seconds:.1f} s"
        tracemalloc.start()
        try:
            problem.memorize(1)
        except fastmem.NetworkTooLarge:
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < REFUSAL_BYTES, f"refused after {peak:,} bytes"


def _is_on_no_sphere(problem, error):
    is_sphere = problem.points in SPHERES and problem.dtype == "float64" and problem.columns == "all"
    if problem.construction != "vershynin2020" or is_sphere:
        return False
    rows, power = problem.read[error.rows], np.frexp(np.abs(problem.read[error.rows]).max())[1]
    norms = np.linalg.norm(np.ldexp(rows, -power), axis=1)
    with np.errstate(over="ignore"):
        are_named = np.allclose(np.ldexp(norms, power), error.radii, rtol=1e-9, atol=0)
    return bool(are_named) and norms.max() - norms.min() > 1e-6 * norms.max()


def _is_too_large(problem, error):
    return problem.is_surely_refused


def _is_not_in_general_position(problem, error):
    if problem.construction != "bubeck2020" or (problem.points in GENERAL and problem.dtype in ("float64", "float32")):
        return False
    rows, group = set(error.rows), set(error.group)
    return problem.own["form"] == "tangent" or (not rows & group and len(group) <= problem.d)


def _is_too_wide(problem, error):
    radius = problem.options["construction_options"].get("radius")
    with np.errstate(over="ignore"):
        room = 64 * np.spacing(min(np.abs(problem.read).max() + (radius or 0), LARGEST))
    half = problem.half_distance
    return bool(radius) and radius >= half - room and abs(error.largest - half) <= room and error.margin == radius


def _is_out_of_range(problem, error):
    numbers, text = np.abs(problem.read[problem.read != 0]), str(error)
    if problem.own.get("depth"):
        return "layers at least" in text
    if problem.own.get("output") == "value" and "beyond float64" in text:
        return np.abs(problem.y.astype(float)).max() >= 2.0**1023
    with np.errstate(over="ignore"):
        gaps = np.diff(np.sort(problem.read, axis=0), axis=0)
    least = gaps[gaps > 0].min(initial=np.inf)
    is_about = any(part in text for part in ("to square their distance", "rescale", "overflow"))
    return is_about and (numbers.max() > 1e300 or least < 1e-140 * numbers.max())


def hold(problem, net, folder):
    """Hold a network to all that is promised of it."""
    rng = problem.generator(3)
    others = unseen(problem.numbers, rng)
    has_labels(problem, net, others)
    agrees_with_the_definition(net, np.concatenate([others, problem.numbers]), rng)
    contract.layers_are_a_network(net, problem.d)
    if all(math.prod(layer.weights.shape) < MOST_DENSE for layer in net.layers):
        contract.counts_agree(net)
    if problem.construction != "bubeck2020" or (
        problem.points in GENERAL and problem.dtype == "float64" and problem.d > 1 and problem.columns == "all"
    ):
        bound_is_kept(problem, net)
    contract.copies_are_equal(net, others, folder)
    assert str(net.report())
    if net.has_numbers:
        errors_are_kept(problem, net, rng)
        radius_is_kept(problem, net, rng)
    else:
        radii_are_kept(problem, net, others, rng)


def has_bound(construction, options):
    """Whether the theorem's network is the one of these options."""
    is_cut = options.get("word_bits") or options.get("depth")
    return construction != "vardi2021" or (options.get("form") == "step" and not is_cut)


def bound_is_kept(problem, net):
    """Counts are at most the theorem's, which has words as long as it likes."""
    if net.construction not in DEEP or (problem.smallest_distance and has_bound(net.construction, problem.own)):
        contract.bound_is_kept(net, problem.numbers)


def unseen(X, rng):
    """Points that were not memorized: next to those that were, between them, around them, far away."""
    some, more = (X[rng.integers(0, len(X), 15)] for _ in range(2))
    around = np.clip(rng.standard_normal(some.shape), -1, 1) * np.abs(X).max(axis=0)
    extreme = rng.choice(POOL, (10, X.shape[1]))
    return np.concatenate([nudged(some, rng).clip(-LARGEST, LARGEST), some / 2 + more / 2, -some, around, extreme])


def has_labels(problem, net, others):
    """Each row has its label, in any order and batch, and `forward` is `predict`."""
    predicted = net.predict(problem.array, n_threads=problem.n_threads)
    if net.has_numbers and net.output == "value":
        assert predicted.dtype == np.float64
        expected = problem.y.astype(np.float64)
        for a, b in zip(predicted.tolist(), expected.tolist(), strict=True):
            assert abs(Fraction(a) - Fraction(b)) <= Fraction(net.output_error), (a, b, net.output_error)
    else:
        assert predicted.dtype == problem.y.dtype
        assert np.array_equal(predicted, problem.y)
    assert np.array_equal(net.forward(problem.array, n_threads=3 - problem.n_threads), predicted)
    order = problem.generator(4).permutation(problem.n)
    assert np.array_equal(net.predict(problem.array[order]), predicted[order])
    answers = net.predict(others)
    assert np.array_equal(net.forward(others), answers)
    assert np.array_equal([net.predict(row[None])[0] for row in others[::9]], answers[::9])


def agrees_with_the_definition(net, X, rng):
    """Some rows, in rational arithmetic."""
    if not net.layers:
        return
    n = min(EXACT_PRODUCTS // net.n_weights, 20)
    rows = X[rng.permutation(len(X))[:n]]
    if not len(rows):
        return
    predicted = net.predict(rows)
    if not net.has_numbers:
        indices = np.minimum(naive.forward(net.layers, rows), len(net.classes) - 1)
        assert np.array_equal(net.classes[indices], predicted)
    elif net.output == "class":
        assert np.array_equal([net.classes[contract.nearest_class(net, row)] for row in rows], predicted)
    else:
        layers = [(layer.weights.toarray().tolist(), layer.thresholds.tolist(), layer.activations)
                  for layer in net.layers]  # fmt: skip
        truth = [
            naive.nearest_float(naive.number_outputs(layers, row)[0] / Fraction(2) ** net.exponent) for row in rows
        ]
        assert np.array_equal(truth, predicted)


def errors_are_kept(problem, net, rng):
    """Outputs are within `output_error`, and those of float64 in any order within `float64_error`."""
    if not net.layers:
        return
    is_value = net.output == "value"
    targets = problem.y.astype(float) if is_value else np.searchsorted(net.classes, problem.y).astype(float)
    if is_value and problem.construction == "yun2019":
        assert net.output_error <= 2.0**-48 * np.abs(targets).max() + 5e-324
    assert is_value or net.output_error <= 0.25
    block = np.ascontiguousarray(problem.read)
    values = net._tables.values(block)[:, 0]
    for value, target in zip(values.tolist(), targets.tolist(), strict=True):
        assert abs(Fraction(value) - Fraction(target)) <= Fraction(net.output_error)
    if net.float64_error == math.inf:
        return
    for _ in range(3 if net.depth < 40 else 1):
        outputs = in_float64(net, block, rng)
        with np.errstate(over="ignore"):
            assert np.all(np.abs(outputs - targets) <= net.float64_error)
        if not is_value and net.is_safe("float64"):
            assert np.array_equal(np.clip(np.ceil(outputs - 0.5), 0, len(net.classes) - 1), targets)


def in_float64(net, block, rng):
    """Outputs as float64 has them, summed up in some order."""
    values = block
    for layer in net._layers_read:
        order = rng.permutation(layer.weights.shape[1])
        weights = layer.weights.toarray().astype(np.float64)[:, order]
        thresholds = layer.thresholds.astype(np.float64)
        with np.errstate(all="ignore"):
            if rng.random() < 0.5:
                sums = values[:, order] @ weights.T - thresholds
            else:
                last = np.tile(-thresholds[:, None], (len(values), 1, 1))
                terms = np.concatenate([values[:, None, order] * weights, last], axis=2)
                sums = np.cumsum(terms[:, :, rng.permutation(terms.shape[2])], axis=2)[:, :, -1]
        carried = np.where(layer.activations == RELU, np.maximum(sums, 0), sums)
        values = np.where(layer.activations == THRESHOLD, sums >= 0, carried)
    with np.errstate(all="ignore"):
        return np.ldexp(values[:, 0], -net.exponent)


def radii_are_kept(problem, net, others, rng):
    """Inputs nearer than `certified_radius` have the label, in both norms, and memorized ones that of cubes."""
    X = np.concatenate([problem.numbers, others])
    labels = net.predict(X)
    for norm in ("euclidean", "maximum"):
        radii = net.certified_radius(X, norm=norm)
        assert np.all(radii >= 0)
        if problem.construction == "boxes" and norm == "maximum" and net.layers:
            assert radii[: problem.n].min() >= net.construction_options["radius"]
        for direction in _directions(net, X.shape, norm, rng):
            row, moved = moved_inside(X, radii, direction, norm)
            assert np.array_equal(net.predict(moved), labels[row]), f"another label within the radius, {norm}"


def radius_is_kept(problem, net, rng):
    """Inputs nearer to memorized ones than `net.radius` have their label."""
    if not net.radius or not net.layers:
        return
    radii = np.full(problem.n, net.radius)
    for direction in _directions(net, problem.numbers.shape, "euclidean", rng):
        row, moved = moved_inside(problem.numbers, radii, direction, "euclidean")
        assert np.array_equal(net.predict(moved), problem.y[row]), "another label within the radius"


def _directions(net, shape, norm, rng):
    """Directions of every row: random ones, straight ones, and towards corners."""
    yield rng.standard_normal(shape)
    straight = np.zeros(shape)
    straight[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = rng.choice([-1.0, 1.0], shape[0])
    yield straight
    if norm == "maximum":
        for _ in range(3):
            yield rng.choice([-1.0, 1.0], shape)
    elif net.layers and net.construction != "boxes":
        rows = net.layers[0].weights.toarray()
        rows = (rows / np.abs(rows).max()).astype(float)  # also of integers that no float64 number is near
        yield rows[rng.integers(0, len(rows), shape[0])] * rng.choice([-1.0, 1.0], (shape[0], 1))


def moved_inside(X, radii, directions, norm):
    """Rows moved just less than their radius, and which rows they are: what rounds to as much is left out."""
    order = 2 if norm == "euclidean" else np.inf
    with np.errstate(all="ignore"):
        directions = directions / np.linalg.norm(directions, order, axis=1, keepdims=True)
        moved = X + INSIDE * np.minimum(radii, 1e300)[:, None] * directions
        steps = moved.astype(np.longdouble) - X.astype(np.longdouble)
        scale = np.maximum(np.abs(steps).max(axis=1, keepdims=True), np.longdouble(5e-324))
        lengths = scale[:, 0] * np.linalg.norm((steps / scale).astype(np.float64), order, axis=1)
        is_inside = (lengths < radii * (1 - 2.0**-40)) & np.isfinite(moved).all(axis=1)
    return np.flatnonzero(is_inside), moved[is_inside]


# Modes


def run(problem):
    """Check a problem within its time; what it came to, "fault: ..." if something was wrong."""
    return outcome_of(lambda folder: check(problem, folder), SECONDS)


def attack(n_problems, seed, first=0):
    """Outcomes of so many problems: Counter of (form, outcome); faults are printed with what repeats them."""
    outcomes, start = collections.Counter(), time.monotonic()
    for number in range(first, first + n_problems):
        problem = Problem.drawn(seed, number)
        outcome = run(problem)
        if outcome.startswith("fault"):
            print(f"--seed {seed} --only {number}: {problem} {FORMS[problem.form]}\n{outcome}", flush=True)
            outcome = "fault"
        outcomes[shown(problem.form), outcome] += 1
        if (number - first + 1) % 500 == 0:
            print(f"{number - first + 1:,} problems, {time.monotonic() - start:.0f} s", flush=True)
        if sum(count for (_, kind), count in outcomes.items() if kind == "fault") == MOST_FAULTS:
            break
    return outcomes


def shown(form):
    """A construction and its options."""
    construction, options = FORMS[form]
    return " ".join([construction, *(f"{name}={value}" for name, value in options.items())])


def table(outcomes):
    """Lines of a table of outcomes."""
    for form in sorted({form for form, _ in outcomes}):
        counts = sorted((kind, count) for (name, kind), count in outcomes.items() if name == form)
        yield f"{form}: {', '.join(f'{count:,} {kind}' for kind, count in counts)}"


def bounds_are_kept(n_sets, seed):
    """Counts of networks of random data sets of which the theorems speak, beside their bounds; their number."""
    counts, shares = collections.Counter(), collections.defaultdict(float)
    for number in range(n_sets):
        rng = np.random.default_rng([seed, number])
        n, d, n_classes = int(2 ** rng.uniform(1, 8.6)), int(rng.integers(2, 65)), int(rng.choice([2, 2, 3, 10, 100]))
        X = rng.standard_normal((n, d)) if rng.random() < 0.5 else sphere(rng, n, d)
        y = rng.integers(0, n_classes, n)
        for form, (construction, options) in enumerate(FORMS):
            if not has_bound(construction, options):
                continue
            points, own = X, {name: value for name, value in options.items() if name != "radius"}
            if construction == "vershynin2020":  # on a sphere of more dimensions, since near points take much
                points = sphere(rng, n, max(d, 32))
            net = fastmem.memorize(
                points, y, construction=construction, construction_options=own, random_state=number, n_threads=1
            )
            if not net.layers:
                continue
            delta = fastmem.separation(points).delta if construction in DEEP else net.drawn.get("delta")
            size = CONSTRUCTIONS[construction].bound(n, points.shape[1], delta, net.n_label_bits)
            for which in ("neurons", "weights"):
                share = getattr(net, f"n_{which}") / getattr(size, which)
                assert share <= 1, f"--bounds: data set {number}, seed {seed}, {shown(form)}: {share:.2f} of {which}"
                shares[shown(form), which] = max(shares[shown(form), which], share)
            counts[shown(form)] += 1
    for form, count in counts.items():
        print(f"{form}: {count} networks, at most {shares[form, 'neurons']:.3f} of the neurons and "
              f"{shares[form, 'weights']:.3f} of the weights")  # fmt: skip
    return sum(counts.values())


def first_draws_work(n_draws, seed):
    """How many draws of as many hyperplanes as the theorem asks for had to be made again, of each construction."""
    failed = {}
    for construction in ("vershynin2020", "dirksen2024"):
        failed[construction] = 0
        for number in range(n_draws):
            rng = np.random.default_rng([seed, number])
            n, d, n_classes = int(rng.integers(2, 500)), int(rng.integers(16, 128)), int(rng.integers(2, 9))
            X, y = sphere(rng, n, d), np.append([0, 1], rng.integers(0, n_classes, n - 2))
            net = fastmem.memorize(
                X, y, construction=construction, construction_options={"form": "theorem"}, random_state=number
            )
            failed[construction] += net.drawn["hyperplanes"] > 1
            assert np.array_equal(net.predict(X), y)
    return failed


# Three ways to evaluate


def levels_agree(n_inputs, seed):
    """Shares of inputs that each way decides, by form; raises where two of them differ."""
    decided = {}
    for form, (construction, options) in enumerate(FORMS):
        if construction not in ("bubeck2020", "yun2019", *DEEP):
            continue
        total, counts, number = 0, np.zeros(2, int), 0
        while total < n_inputs:
            rng = np.random.default_rng([seed, form, number])
            net, X = _small_network(construction, options, rng)
            rows = hard_inputs(net, X, rng)[: n_inputs - total]
            counts += _decided(net, rows)
            total, number = total + len(rows), number + 1
        decided[shown(form)] = total, *(counts / total).tolist()
    return decided


def _small_network(construction, options, rng):
    n, d = int(rng.integers(2, 120)), int(rng.choice([1, 2, 3, 8]))
    X = rng.standard_normal((n, d))
    kind = rng.integers(4)
    if kind == 0:
        X = np.ldexp(X, rng.integers(-60, 61, d))
    elif kind == 1:
        X = np.ldexp(np.rint(np.ldexp(X, 8)), -8)
    is_value = options.get("output") == "value"
    X = np.unique(X, axis=0)
    y = rng.standard_normal(len(X)) if is_value else rng.integers(0, int(rng.choice([2, 3, 50])), len(X))
    if not is_value:
        y[:2] = 0, 1
    try:
        net = fastmem.memorize(
            X, y, construction=construction, construction_options=options, random_state=int(rng.integers(2**31))
        )
    except fastmem.NotInGeneralPosition:
        return _small_network(construction, options, rng)
    return net, X


def hard_inputs(net, X, rng, few=60):
    """Inputs on and beside breakpoints of units and the middles of classes, huge, tiny and of mixed exponents."""
    n, d = X.shape
    some = lambda count: X[rng.integers(0, n, count)]  # noqa: E731
    parts = [X, nudged(some(few), rng, 1), nudged(some(few), rng), -some(few), (some(few) + some(few)) / 2]
    parts += [on_breakpoints(net, some(few), rng), *between_answers(net, some(few // 2), some(few // 2))]
    with np.errstate(all="ignore"):
        parts += [
            np.ldexp(some(few), rng.integers(-1000, 1000, (few, 1))),
            np.ldexp(some(few), rng.integers(-1000, 1000, (few, d))),
            np.ldexp(some(few), rng.integers(-70, 70, (few, d))),
            rng.choice(POOL, (few, d)),
            np.where(rng.random((few, d)) < 0.5, rng.choice(POOL, (few, d)), some(few)),
        ]
    rows = np.concatenate(parts)
    return rng.permutation(rows[np.isfinite(rows).all(axis=1)])


def on_breakpoints(net, X, rng):
    """Rows of which one coordinate is moved so that a unit of the first layer is 0, and just beside that."""
    layer, rows = net._layers_read[0], []
    weights, thresholds = layer.weights.toarray().tolist(), layer.thresholds.tolist()
    for x in X.tolist():
        unit, column = int(rng.integers(len(weights))), int(rng.integers(len(x)))
        w = weights[unit]
        if not w[column]:
            continue
        rest = sum(a * Fraction(b) for i, (a, b) in enumerate(zip(w, x, strict=True)) if i != column)
        try:
            place = float((thresholds[unit] - rest) / w[column])
        except OverflowError:
            continue
        for moved in (place, *np.nextafter(place, [-np.inf, np.inf]).tolist()):
            rows.append([*x[:column], moved, *x[column + 1 :]])
    return np.array(rows).reshape(-1, X.shape[1])


def between_answers(net, low, high):
    """Two rows side by side, as far as floats go, on the way from one to another one: where the answer changes."""
    first = net.predict(low)
    while True:
        middle = low / 2 + high / 2
        if ((middle == low) | (middle == high)).all(axis=1).all():
            return low, high
        done = ((middle == low) | (middle == high)).all(axis=1)
        same = net.predict(middle) == first
        low, high = np.where((same & ~done)[:, None], middle, low), np.where((same | done)[:, None], high, middle)


def _decided(net, rows):
    """How many rows the first way decides, and the second one; all agree."""
    tables, answers, none = net._tables, [], []
    for levels in ((1,), (2,), (3,), (1, 2, 3)):
        if net.output == "value":
            answers.append(tables.values(rows, levels=levels)[:, 0])
            none.append(np.isnan(answers[-1]))
        else:
            answers.append(tables.classes(rows, len(net.classes), levels=levels))
            none.append(answers[-1] == -1)
    for found, left in zip(answers, none, strict=True):
        wrong = np.flatnonzero(~left & (found.view(np.uint64) != answers[2].view(np.uint64)))
        assert not len(wrong), f"--levels: {net!r}, inputs {rows[wrong[:3]].tolist()}"
    assert not none[2].any()
    assert not none[3].any()
    return np.array([len(rows) - none[0].sum(), len(rows) - none[1].sum()])


# Many points


def large(seed, n=10_000):
    """A network of every form on many points, each in a process of its own: prints times and memory."""
    for form, (_, options) in enumerate(FORMS):
        if options.get("radius") is not None:
            continue
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            print(pool.submit(_large, form, n, seed).result(), flush=True)


def _large(form, n, seed):
    construction, options = FORMS[form]
    rng = np.random.default_rng(seed)
    d = {"vershynin2020": 1024, "bubeck2020": 64}.get(construction, 16)
    X = sphere(rng, n, d)
    y = rng.standard_normal(n) if options.get("output") == "value" else rng.integers(0, 10, n)
    before = _peak()
    start = time.perf_counter()
    net = fastmem.memorize(X, y, construction=construction, construction_options=options, random_state=seed)
    built, peak = time.perf_counter() - start, _peak()
    start = time.perf_counter()
    predicted = net.predict(X, n_threads=1)
    seconds = time.perf_counter() - start
    assert np.array_equal(net.forward(X), predicted)
    assert np.array_equal(predicted, y) or np.abs(predicted - y).max() <= net.output_error
    assert pickle.loads(pickle.dumps(net)) == net
    contract.bound_is_kept(net, net.drawn.get("delta"))
    return (
        f"{shown(form)}: {n:,} points of {d} dimensions, {net.n_neurons:,} neurons, {net.n_weights:,} weights, "
        f"built in {built:.1f} s with {(peak - before) / 2**20:,.0f} MiB more, {n / seconds:,.0f} rows/s"
    )


def _peak():
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    """Run what is asked for; 1 if something does not hold, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this problem alone")
    parser.add_argument("--bounds", type=int, default=0, metavar="SETS")
    parser.add_argument("--first-draws", type=int, default=0, metavar="DRAWS")
    parser.add_argument("--levels", type=int, default=0, metavar="INPUTS", help="for each form")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start, failed = time.monotonic(), False
    if options.only is not None or options.problems:
        first, count = (0, options.problems) if options.only is None else (options.only, 1)
        outcomes = attack(count, options.seed, first)
        print(*table(outcomes), sep="\n")
        kinds = collections.Counter()
        for (_, kind), number in outcomes.items():
            kinds[kind] += number
        failed |= kinds["fault"] > 0
        told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common() if number)
        print(f"theorems: {kinds.total():,} problems, seed {options.seed}: {told}")
    if options.bounds:
        print(f"theorems: {bounds_are_kept(options.bounds, options.seed):,} networks within their bounds")
    if options.first_draws:
        again = first_draws_work(options.first_draws, options.seed)
        failed |= any(again.values())
        print(f"theorems: of {options.first_draws} first draws each failed: {again}")
    if options.levels:
        for form, (total, first, second) in levels_agree(options.levels, options.seed).items():
            print(f"{form}: {total:,} inputs, {first:.1%} decided by float64, {second:.1%} by words")
    if options.large:
        large(options.seed)
    print(f"theorems: {time.monotonic() - start:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
