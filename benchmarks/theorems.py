"""The theorem's construction beside the classical and the compact one, and the forms of Vershynin's theorem.

    python benchmarks/theorems.py

tells apart and memorizes 100,000 points of the unit sphere in R^64, at least 0.5 apart, with random labels, by three
constructions, one thread (`fastmem.compare`), and prints two Markdown tables: what was built, and for delta = 1, 0.5
and 0.25 the sizes that theorems give.
"""

import numpy as np
from measuring import print_header, print_row

import fastmem

N, D, DELTA = 100_000, 64, 0.5
CONSTRUCTIONS = ("rajput2021", "baum1988", "compact")
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
    options = {"constructions": CONSTRUCTIONS, "separate": "all", "delta": DELTA, "random_state": 0, "n_threads": 1}
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


if __name__ == "__main__":
    built()
    print()
    promised()
