"""How many hyperplanes separate data sets with a known optimum or bound, and what it takes to find them.

    python benchmarks/hyperplanes.py [--effort small balanced fast] [--seeds 0 1 2] [--data NAME ...]
    python benchmarks/hyperplanes.py --exponents [--effort ...] [--seeds ...]

prints a Markdown table as its rows finish, the first command one a data set and effort, each measured in a process of
its own, on one thread. m: hyperplanes, for each seed; m / bound: their mean over the bound. Seconds to choose and trim
hyperplanes ("select") are those of the first seed, seconds for all of `fastmem.memorize`, verified, with random
labels, ``separate="all"`` and ``columns="all"`` (the moons: their own labels), those of the fastest. X@W: one float32
product of the points and m hyperplanes in the same process, best of three.

With ``--exponents``, how the number of hyperplanes that tell uniform points of the unit cube apart grows with n: the
exponent by least squares in logarithms, beside 2/(d + 1), which holds in the limit, and beside the same fit to the
lower bound "random points" of `fastmem.bounds` at the same n.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np
from benchmarks.data import INSTANCES, separate_by

EFFORTS = ["small", "balanced", "fast"]
COLUMNS = ["data", "n", "d", "bound", "effort", "m", "m / bound", "select s", "build s", "X@W s", "build / X@W"]
DIMENSIONS = [2, 3, 4, 8, 16]
NUMBERS = [1000, 3000, 10_000, 30_000, 100_000, 300_000]
EXPONENTS = ["d", "effort", "m", "exponent", "95 %", "2/(d + 1)", "lower bound", "its exponent", "m / bound"]
_ONE_THREAD = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")


def measure(name, effort, seeds):
    """One row of the table, as a dict."""
    import fastmem
    from fastmem.data.points import Points
    from fastmem.separate import separate

    instance = INSTANCES[name]()
    X, by = instance.X, separate_by(name)
    labels = instance.y if by == "labels" else np.random.default_rng(0).integers(0, 2, len(X))
    classes = (labels if by == "labels" else np.arange(len(X))).astype(np.int32)
    # Load everything once.
    fastmem.memorize(X[:100], np.arange(len(X[:100])) % 2, effort=effort, n_threads=1)
    X32 = X.astype(np.float32, copy=False)
    m, building, products = [], [], []
    for seed in seeds:
        if seed == seeds[0]:
            timings = {}
            rng = np.random.default_rng(seed)
            separate(Points(X), classes, rng, effort=effort, n_threads=1, timings=timings)
        start = time.perf_counter()
        net = fastmem.memorize(
            X, labels, separate=by, effort=effort, columns="all", random_state=seed, n_threads=1
        )  # bounds are for all columns
        building.append(time.perf_counter() - start)
        m.append(net.n_hyperplanes)
        products.append(seconds_of_product(X32, net.n_hyperplanes))
    fastest = int(np.argmin(building))
    return {
        "data": name, "n": len(X), "d": X.shape[1], "bound": f"{instance.bound:.0f} ({instance.bound_is})",
        "effort": effort, "m": ", ".join(map(str, m)), "m / bound": f"{np.mean(m) / instance.bound:.2f}",
        "select s": timings["selecting"] + timings["trimming"],
        "build s": building[fastest], "X@W s": products[fastest],
        "build / X@W": building[fastest] / products[fastest],
    }  # fmt: skip


def seconds_of_product(X32, m):
    """Best of three float32 products with m columns, the result's memory allocated and touched before."""
    W = np.random.default_rng(0).standard_normal((X32.shape[1], m), dtype=np.float32)
    product, best = np.zeros((len(X32), m), np.float32), np.inf
    for _ in range(3):
        start = time.perf_counter()
        np.matmul(X32, W, out=product)
        best = min(best, time.perf_counter() - start)
    return best


def exponent(d, effort, seeds):
    """One row of the table of exponents, as a dict."""
    from fastmem.theory.scaling import power_law

    found = [[hyperplanes_of_a_cube(n, d, effort, seed) for seed in seeds] for n in NUMBERS]
    bounds = [least_for_random_points(n, d) for n in NUMBERS]
    law, of_bound = power_law(np.repeat(NUMBERS, len(seeds)), np.ravel(found)), power_law(NUMBERS, bounds)
    return {
        "d": d, "effort": effort, "m": ", ".join(f"{np.mean(m):,.0f}" for m in found),
        "exponent": f"{law.exponent:.3f}", "95 %": f"{law.low:.3f} to {law.high:.3f}",
        "2/(d + 1)": f"{2 / (d + 1):.3f}", "lower bound": ", ".join(f"{m:,}" for m in bounds),
        "its exponent": f"{of_bound.exponent:.3f}", "m / bound": f"{np.mean(found[-1]) / bounds[-1]:.2f}",
    }  # fmt: skip


def hyperplanes_of_a_cube(n, d, effort, seed):
    """How many hyperplanes are chosen to tell n uniform points of the unit cube apart."""
    import fastmem

    X, labels = np.random.default_rng(seed).random((n, d)), np.arange(n) % 2
    net = fastmem.memorize(X, labels, separate="all", effort=effort, columns="all", random_state=seed, n_threads=1)
    return net.n_hyperplanes


def least_for_random_points(n, d):
    """The bound that all but 2^-20 of draws of n points obey."""
    import fastmem

    delta = 1e-6  # small enough for n points; the row does not depend on it
    return next(row.value for row in fastmem.bounds(n, d, delta).lower_bounds if row.name == "random points")


def cell(value):
    """A value as the table shows it."""
    if isinstance(value, float):
        return f"{value:.2g}" if value < 10 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else value


def main():
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", nargs="+", choices=EFFORTS, default=EFFORTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", nargs="+", choices=list(INSTANCES), default=list(INSTANCES), metavar="NAME")
    parser.add_argument("--row", action="store_true", help="measure one data set and effort here and print JSON")
    parser.add_argument("--exponents", action="store_true", help="print how m grows with n instead")
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.data[0], options.effort[0], options.seeds)))
        return
    columns = EXPONENTS if options.exponents else COLUMNS
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns), flush=True)
    for row in rows_of_exponents(options) if options.exponents else rows_of_data(options):
        print("| " + " | ".join(cell(row[column]) for column in columns) + " |", flush=True)


def rows_of_data(options):
    """A row a data set and effort."""
    for name in options.data:
        for effort in options.effort:
            yield json.loads(row_in_a_process(name, effort, options.seeds))


def rows_of_exponents(options):
    """A row a dimension and effort."""
    for d in DIMENSIONS:
        for effort in options.effort:
            yield exponent(d, effort, options.seeds)


def row_in_a_process(name, effort, seeds):
    """What this command prints for one row; errors of the process are shown as they are."""
    command = [sys.executable, __file__, "--row", "--data", name, "--effort", effort, "--seeds", *map(str, seeds)]
    return subprocess.run(command, env=os.environ | _ONE_THREAD, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    main()
