"""Memorize real and synthetic data sets, natural and random labels, and print what it took.

    python benchmarks/real_data.py

Each row is a process of its own: m hyperplanes, neurons, seconds to build (verified) and to predict all points,
the largest memory the build took beyond the data, and predict's time over one float32 ``X @ W`` of the same
shape (best of three, interleaved, both on all cores).
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from benchmarks.data import circle, digits, image_patches, moons, sphere

DATA = {
    "digits": digits,
    "patches": image_patches,
    "sphere 1M×32": lambda: sphere(1_000_000, 32),
    "moons 100k": lambda: moons(100_000),
    "circle 10k": lambda: circle(10_000),
}
LABELS = ["natural", "random"]


def measure(name, labels):
    """One row of the table, as a dict."""
    import fastmem

    X, y = DATA[name]()
    if labels == "random":
        y = np.random.default_rng(0).integers(0, 2, len(X))
    fastmem.memorize(X[:100], np.arange(100) % 2, separate="all").predict(X[:100])  # load everything once
    start = time.perf_counter()
    net, peak = peak_memory(lambda: fastmem.memorize(X, y, random_state=0))
    built = time.perf_counter() - start
    X32, W = X.astype(np.float32), np.ones((X.shape[1], net.n_hyperplanes), np.float32)
    predicted, product = [], []
    for _ in range(3):
        start = time.perf_counter()
        exact = np.array_equal(net.predict(X), y)
        predicted.append(time.perf_counter() - start)
        start = time.perf_counter()
        _ = X32 @ W
        product.append(time.perf_counter() - start)
    return {
        "data": name, "labels": labels, "n": len(X), "d": X.shape[1], "m": net.n_hyperplanes,
        "neurons": net.n_neurons, "build s": built, "predict s": min(predicted), "memory MB": peak / 1e6,
        "predict / X@W": min(predicted) / max(min(product), 1e-9), "exact": exact,
    }  # fmt: skip


def peak_memory(work):
    """Result of work() and the growth of resident memory during it, sampled every 2 ms."""
    before, peak, done = resident(), [0], threading.Event()

    def watch():
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = work()
    finally:
        done.set()
        watcher.join()
    return result, max(peak[0], resident() - before)


def resident():
    """Resident memory of this process in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main():
    """Print the table, a process a row."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
        return
    rows = []
    for name in DATA:
        for labels in LABELS:
            output = subprocess.run(
                [sys.executable, __file__, name, labels], capture_output=True, text=True, check=True
            )
            rows.append(json.loads(output.stdout))
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(cell(value) for value in row.values()) + " |", flush=True)


def cell(value):
    """A value as the table shows it."""
    if isinstance(value, float):
        return f"{value:.2g}" if value < 10 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


if __name__ == "__main__":
    main()
