"""How many hyperplanes a margin costs: m against r, and what noise of norm r does.

    python benchmarks/margins.py [--effort balanced]

prints a Markdown table: m for `fastmem.memorize(X, y, separate="all", margin=r)` with random labels and r from 0 to
1e-3 of the data's scale (the root mean square distance from the mean), the smallest distance of a point from a
hyperplane in the same unit, how many of 10,000 random perturbations of norm 0.999 r change a label, and the
seconds to build. Where a margin was not reached, the largest found is shown instead of m.
"""

import argparse
import time

import numpy as np
from benchmarks.data import digits, image_patches, sphere

import fastmem

DATA = {"digits": digits, "patches": image_patches, "sphere 100k×64": lambda: sphere(100_000, 64)}
MARGINS = [0, 1e-6, 1e-5, 1e-4, 1e-3]
COLUMNS = ["data", "r / scale", "m", "smallest distance / scale", "labels changed of 10,000", "build s"]


def measure(X, y, scale, margin, effort):
    """m, distance and changes for one margin, and the seconds."""
    start = time.perf_counter()
    try:
        net = fastmem.memorize(X, y, separate="all", margin=margin * scale, effort=effort, random_state=0)
    except fastmem.MarginNotReached as error:
        found = f"not reached; largest found {error.largest / scale:.1e}"
        return found, "", "", f"{time.perf_counter() - start:.1f}"
    seconds = time.perf_counter() - start
    rng = np.random.default_rng(1)
    rows = rng.integers(0, len(X), 10_000)
    noise = rng.standard_normal((len(rows), X.shape[1]))
    noise *= 0.999 * margin * scale / np.linalg.norm(noise, axis=1, keepdims=True)
    changed = np.count_nonzero(net.predict(X[rows].astype(np.float64) + noise) != y[rows])
    return net.n_hyperplanes, f"{net.smallest_distance / scale:.1e}", changed, f"{seconds:.1f}"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--effort", choices=["fast", "balanced", "small"], default="balanced")
    effort = parser.parse_args().effort
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS), flush=True)
    for name, load in DATA.items():
        X, _ = load()
        y = np.random.default_rng(0).integers(0, 2, len(X))
        scale = float(np.sqrt(X.astype(np.float64).var(axis=0).sum()))
        for margin in MARGINS:
            cells = measure(X, y, scale, margin, effort)
            print("| " + " | ".join(map(str, (name, f"{margin:g}", *cells))) + " |", flush=True)


if __name__ == "__main__":
    main()
