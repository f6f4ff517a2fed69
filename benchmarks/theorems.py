"""The constructions side by side where the theorem speaks of them, and the theorems' constructions one by one.

    python benchmarks/theorems.py

tells apart and memorizes 100,000 points of the unit sphere in R^64, at least 0.5 apart, with random labels, by three
constructions, one thread (`fastmem.compare`), and prints two Markdown tables: what was built, and for delta = 1, 0.5
and 0.25 the sizes that theorems give.

    python benchmarks/theorems.py --table

memorizes random labels of points of other numbers and dimensions by each construction with a theorem, in each of its
forms: sizes beside the theorem's bound, lengths of numbers, times.

    python benchmarks/theorems.py --exponents

fits how neurons grow with n, with 95 % confidence intervals (`fastmem.theory.scaling.power_law`).

    python benchmarks/theorems.py --ways

predicts by each of the three ways to evaluate units that carry numbers, and by all of them together.
"""

import argparse
import functools
import time

import numpy as np
from measuring import fastest, print_header, print_row
from threadpoolctl import threadpool_limits

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.layers.integers import longest
from fastmem.theory.scaling import power_law

N, D, DELTA = 100_000, 64, 0.5
COMPARED = ("rajput2021", "baum1988", "compact")
THEOREMS = ("Baum 1988", "baum1988, as built", "Vershynin 2020", "Rajput et al. 2021", "rajput2021, as built")


def built():
    """The table of networks."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    print_header((
        "construction", "hyperplanes", "neurons", "weights", "largest integer weight", "depth", "bits a point",
        "build s", "million predictions/s", "smallest distance", "theorem's neurons",
    ))  # fmt: skip
    y = rng.integers(0, 2, N)
    options = {"constructions": COMPARED, "separate": "all", "delta": DELTA, "random_state": 0, "n_threads": 1}
    for row in fastmem.compare(X, y, **options).rows:
        print_row((
            row.name, row.hyperplanes, row.neurons, row.weights, row.largest_integer_weight, row.depth, row.bits,
            row.build_seconds, row.predictions_per_second / 1e6, row.smallest_distance, row.bound,
        ))  # fmt: skip


def promised():
    """The table of theorems."""
    deltas = 1.0, 0.5, 0.25
    sizes = [fastmem.bounds(N, D, delta).sizes for delta in deltas]
    print_header(("theorem", "kind", *(f"neurons, weights for delta = {delta:g}" for delta in deltas)))
    for rows in (rows for rows in zip(*sizes, strict=True) if rows[0].name in THEOREMS):
        print_row((rows[0].name, rows[0].kind, *(f"{shown(row.neurons)}, {shown(row.weights)}" for row in rows)))


def shown(count):
    """A count, or a dash where the theorem gives none."""
    return "-" if count is None else f"{count:,.0f}"


# Construction, its options, points, n, d, classes.
ROWS = [
    ("vershynin2020", {}, "sphere", 10, 64, 2),
    ("vershynin2020", {}, "sphere", 100, 64, 2),
    ("vershynin2020", {}, "sphere", 1000, 128, 2),
    ("vershynin2020", {}, "sphere", 1000, 1024, 2),
    ("vershynin2020", {"form": "theorem"}, "sphere", 1000, 1024, 2),
    ("vershynin2020", {}, "sphere", 10_000, 1024, 2),
    ("dirksen2024", {}, "gaussian", 10, 4, 2),
    ("dirksen2024", {}, "gaussian", 100, 8, 2),
    ("dirksen2024", {}, "gaussian", 1000, 16, 2),
    ("dirksen2024", {"form": "theorem"}, "gaussian", 1000, 16, 2),
    ("dirksen2024", {}, "moons", 10_000, 2, 2),
    ("dirksen2024", {"form": "theorem"}, "moons", 10_000, 2, 2),
    ("boxes", {}, "gaussian", 1000, 16, 2),
    ("boxes", {}, "moons", 10_000, 2, 2),
    ("bubeck2020", {}, "gaussian", 10, 4, 2),
    ("bubeck2020", {}, "gaussian", 100, 8, 2),
    ("bubeck2020", {}, "gaussian", 1000, 16, 2),
    ("bubeck2020", {}, "gaussian", 1000, 64, 10),
    ("bubeck2020", {}, "gaussian", 10_000, 64, 10),
    ("bubeck2020", {"form": "tangent"}, "gaussian", 1000, 16, 2),
    ("bubeck2020", {"form": "tangent"}, "gaussian", 10_000, 64, 10),
    ("yun2019", {}, "gaussian", 10, 4, 2),
    ("yun2019", {}, "gaussian", 100, 8, 2),
    ("yun2019", {}, "gaussian", 1000, 16, 2),
    ("yun2019", {"output": "value"}, "gaussian", 1000, 16, None),
    ("yun2019", {}, "gaussian", 10_000, 16, 2),
    ("yun2019", {}, "gaussian", 100_000, 16, 2),
    ("baum1988", {}, "gaussian", 1000, 16, 2),
    ("rajput2021", {}, "gaussian", 1000, 16, 2),
    ("compact", {}, "gaussian", 1000, 16, 2),
]


def problem(points, n, d, n_classes):
    """Float32 points, and labels at random; real ones without classes, those of the moons for moons."""
    rng = np.random.default_rng([n, d])
    X = rng.standard_normal((n, d), dtype=np.float32)
    if points == "sphere":
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    elif points == "moons":
        angles, y = rng.uniform(0, np.pi, n), np.arange(n) % 2
        X = np.column_stack([np.cos(angles), np.sin(angles)])
        X = np.where(y[:, None], [1, 0.5] - X, X) + 0.03 * rng.standard_normal((n, 2))
        return X.astype(np.float32), y
    return X, rng.standard_normal(n) if n_classes is None else rng.integers(0, n_classes, n)


def one_by_one():
    """The table of constructions, sizes and times."""
    print_header((
        "construction", "points", "n", "d", "classes", "neurons", "bound", "weights", "bound", "depth",
        "longest weight, threshold, bits", "bits a label", "build s", "predictions/s", "forward s",
    ))  # fmt: skip
    for construction, options, points, n, d, n_classes in ROWS:
        X, y = problem(points, n, d, n_classes)
        start = time.perf_counter()
        net = build(X, y, construction, options)
        built_in = time.perf_counter() - start
        seconds = fastest({"predict": functools.partial(net.predict, X, n_threads=1)}, rounds=3)["predict"]
        start = time.perf_counter()
        net.forward(X, n_threads=1)
        bound = getattr(CONSTRUCTIONS[construction], "bound", None)
        neurons, weights = bound(n, d, net.drawn.get("delta"), net.n_label_bits) if bound else (None, None)
        print_row((
            " ".join([construction, *options.values()]), points, n, d, n_classes, net.n_neurons, neurons, net.n_weights,
            weights, net.depth, lengths(net), 8 * net.nbytes / n, built_in, n / seconds, time.perf_counter() - start,
        ))  # fmt: skip


def build(X, y, construction, options):
    """The network, on one thread."""
    return fastmem.memorize(X, y, construction=construction, construction_options=options, random_state=0, n_threads=1)


def lengths(net):
    """Bits of the longest weight and of the longest threshold of all layers of integers."""
    layers = net.layers if net.has_numbers else net.layers[1:]
    return ", ".join(str(max(longest(part) for part in parts)) for parts in (
        [layer.weights.data for layer in layers], [layer.thresholds for layer in layers]
    ))  # fmt: skip


def exponents():
    """The table of how neurons grow."""
    print_header(("construction", "d", "from", "to", "networks", "neurons", "exponent", "95 % interval", "constant"))
    for construction, points, d, sizes in (
        ("vershynin2020", "sphere", 1024, (1000, 1778, 3162, 5623, 10_000)),
        ("yun2019", "gaussian", 16, (100, 316, 1000, 3162, 10_000, 31_623)),
    ):
        neurons = [build(*problem(points, n, d, 2), construction, {}).n_neurons for n in sizes]
        law = power_law(sizes, neurons)
        print_row((
            construction, d, sizes[0], sizes[-1], len(sizes), ", ".join(f"{count:,}" for count in neurons),
            f"{law.exponent:.3f}", f"{law.low:.3f} to {law.high:.3f}", law.constant,
        ))  # fmt: skip


def ways(n=10_000, some=200):
    """The table of ways to evaluate; Python's integers on some rows, and all others on all of them."""
    print_header((
        "construction", "n", "d", "predict, rows/s", "float64 with a bound", "words", "Python's integers",
        "words / integers", "predict / integers",
    ))  # fmt: skip
    for construction, d in ("yun2019", 16), ("bubeck2020", 64):
        X, y = problem("gaussian", n, d, 10)
        net = build(X, y, construction, {})
        tables, n_classes = net._tables, len(net.classes)
        rates = []
        for levels, rows in (((1, 2, 3), X), ((1,), X), ((2,), X), ((3,), X[:some])):
            way = functools.partial(tables.classes, rows, n_classes, levels=levels)
            rates.append(len(rows) / fastest({"way": way}, 3)["way"])
        told = [np.mean(tables.classes(X, n_classes, levels=(way,)) >= 0) for way in (1, 2)]
        shown_rates = [f"{rate:,.0f} ({share:.0%} of rows)" for rate, share in zip(rates[1:3], told, strict=True)]
        print_row((construction, n, d, rates[0], *shown_rates, rates[3], rates[2] / rates[3], rates[0] / rates[3]))


def main():
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("table", "exponents", "ways"):
        parser.add_argument(f"--{name}", action="store_true")
    asked = vars(parser.parse_args())
    tables = {"table": one_by_one, "exponents": exponents, "ways": ways}
    chosen = [table for name, table in tables.items() if asked[name]]
    with threadpool_limits(1):
        for table in chosen or [built, promised]:
            table()
            print()


if __name__ == "__main__":
    main()
