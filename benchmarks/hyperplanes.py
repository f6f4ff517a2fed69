"""How many hyperplanes separate data sets with a known optimum or bound, and what it takes to find them.

    python benchmarks/hyperplanes.py [--effort small balanced fast] [--seeds 0 1 2] [--data NAME ...]

prints a Markdown table as its rows finish, one a data set and effort, each measured in a process of its own, on
one thread. m: hyperplanes, for each seed; m / bound: their mean over the bound. Seconds to choose and
trim hyperplanes ("select") are those of the first seed, seconds for all of `fastmem.memorize`, verified, with random
labels, ``separate="all"`` and ``columns="all"`` (the moons: their own labels), those of the fastest. X@W: one float32
product of the points and m hyperplanes in the same process, best of three.
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


def cell(value):
    """A value as the table shows it."""
    if isinstance(value, float):
        return f"{value:.2g}" if value < 10 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else value


def main():
    """Print the table, a process a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", nargs="+", choices=EFFORTS, default=EFFORTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", nargs="+", choices=list(INSTANCES), default=list(INSTANCES), metavar="NAME")
    parser.add_argument("--row", action="store_true", help="measure one data set and effort here and print JSON")
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.data[0], options.effort[0], options.seeds)))
        return
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS), flush=True)
    for name in options.data:
        for effort in options.effort:
            row = json.loads(row_in_a_process(name, effort, options.seeds))
            print("| " + " | ".join(cell(row[column]) for column in COLUMNS) + " |", flush=True)


def row_in_a_process(name, effort, seeds):
    """What this command prints for one row; errors of the process are shown as they are."""
    command = [sys.executable, __file__, "--row", "--data", name, "--effort", effort, "--seeds", *map(str, seeds)]
    return subprocess.run(command, env=os.environ | _ONE_THREAD, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    main()
