"""fastmem beside what a user would pick instead: the same data, the same process, one thread each.

    pip install ".[peers]"
    python benchmarks/peers.py [--data "sphere 1M×32" digits ...] [--models fastmem ...]

prints a Markdown table; every label is random. A peer that is not installed is left out.

- fit: seconds, once; the best of five where that takes less than a second;
- predictions a second: memorized rows in one batch, the best of three; of slow models only as many rows as they
  answer in about ten seconds;
- bytes a label: what the model takes when it is saved (fastmem's file, a pickle, LightGBM's text, faiss's index);
- exact: whether every memorized row that was predicted gets its label, else how many do;
- same for any batch: whether 600 rows, a third memorized, a third with the noise below, a third halfway between two
  memorized ones, get the same labels in one batch, in batches of 7, and one by one: what was seen on these rows;
- noise: the share of the rows that keep their label when each value changes by 1e-6 of the data's root mean square
  times a standard normal number.
"""

import argparse
import importlib.util
import time

import numpy as np
from benchmarks.data import digits, gaussian, sphere
from benchmarks.models import MODELS
from measuring import fastest, print_header, print_row
from threadpoolctl import threadpool_limits

DATA = {
    "sphere 1M×32": lambda: (sphere(1_000_000, 32)[0], 2),
    "Gaussian 100k×784": lambda: (gaussian(100_000, 784), 2),
    "digits": lambda: (digits()[0], 10),
}
NEEDS = {"LightGBM": "lightgbm", "faiss.IndexFlatL2": "faiss"}
SECONDS = 10
NOISE = 1e-6
THIRD = 200


def compare(data, names):
    """Rows of the table for a data set."""
    X, n_classes = DATA[data]()
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, len(X))
    noisy = (X + NOISE * np.sqrt(np.mean(X.astype(np.float64) ** 2)) * rng.standard_normal(X.shape)).astype(X.dtype)
    some = rng.permutation(len(X))[: 2 * THIRD]
    halfway = ((X[some[:THIRD]] + X[some[THIRD:]]) / 2).astype(X.dtype)
    probes = np.concatenate([X[some[:THIRD]], noisy[some[:THIRD]], halfway])
    for name in names:
        model = MODELS[name]()
        MODELS[name]().fit(X[:1000], y[:1000] % n_classes)  # load everything once
        fit = seconds(lambda model=model: model.fit(X, y))
        if fit < 1:
            fit = fastest({"fit": lambda model=model: model.fit(X, y)})["fit"]
        n_rows = rows_in_time(model, X)
        predict = fastest({"predict": lambda model=model, n=n_rows: model.predict(X[:n])}, rounds=3)["predict"]
        right, kept = (int(np.count_nonzero(model.predict(rows[:n_rows]) == y[:n_rows])) for rows in (X, noisy))
        print_row([
            data, name, fit, f"{n_rows / predict:,.0f}", model.nbytes() / len(X),
            counted(right, n_rows, len(X)), same_for_any_batch(model, probes), f"{100 * kept / n_rows:.2f} %",
        ])  # fmt: skip


def seconds(step):
    """Seconds it takes once."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def rows_in_time(model, X):
    """How many rows to predict: all, if that takes less than `SECONDS`."""
    few = X[:100]
    for n_rows in (100, 1000, 10_000):
        few = X[:n_rows]
        elapsed = seconds(lambda few=few: model.predict(few))
        if elapsed > SECONDS / 10:
            break
    return min(len(X), max(100, int(SECONDS / elapsed * len(few))))


def counted(right, n_rows, n):
    """How many labels are right, in words."""
    tried = "" if n_rows == n else f" of {n_rows:,} rows"
    return f"yes{tried}" if right == n_rows else f"no, {100 * right / n_rows:.1f} %{tried}"


def same_for_any_batch(model, probes):
    """Whether labels are the same in batches of all, 7, and one; else how many are not."""
    whole = model.predict(probes)
    parts = [
        np.concatenate([model.predict(probes[start : start + size]) for start in range(0, len(probes), size)])
        for size in (7, 1)
    ]
    differing = np.count_nonzero((parts != whole).any(axis=0))
    return f"no, {differing} of {len(probes)} differ" if differing else "yes"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    installed = [name for name in MODELS if name not in NEEDS or importlib.util.find_spec(NEEDS[name])]
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--models", nargs="+", choices=installed, default=installed)
    arguments = parser.parse_args()
    print_header([
        "data", "model", "fit s", "predictions / s", "bytes / label", "exact", "same for any batch",
        "labels kept under noise",
    ])  # fmt: skip
    with threadpool_limits(1):
        for data in arguments.data:
            compare(data, arguments.models)


if __name__ == "__main__":
    main()
