"""The figures of the recipes: what each page of docs/recipes says under "Measured".

    python benchmarks/recipes.py [NAME ...]

prints Markdown tables for each recipe named, or for all; what is being done goes to standard error. Each takes at most
two minutes of CPU time. Everything runs on one thread, and data are drawn with fixed seeds. Times are those of the
processor, the least of three, so that other work on the machine matters little.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings

import numpy as np
from measuring import print_header, print_row, shares
from recipes_elsewhere import browser, microcontroller, paper_figure, serving
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import fastmem

SEED, LEAST_SECONDS = 11, 0.2


def say(text):
    """One line about what is being done."""
    print(text, file=sys.stderr, flush=True)


def percent(right):
    """A share of rows, with two digits."""
    return f"{100 * np.mean(right):.2f}"


def seconds(step, rounds=3):
    """Least CPU time of a step, which is repeated until clocks that tick slowly can tell it."""
    times = []
    for _ in range(rounds):
        start, n, spent = time.process_time(), 0, 0.0
        while spent < LEAST_SECONDS:
            step()
            n, spent = n + 1, time.process_time() - start
        times.append(spent / n)
    return min(times)


def microseconds(step, n):
    """Least CPU time of a step, for each of n rows."""
    return 1e6 * seconds(step) / n


# An exception list beside a model

N_SPLITS = 10


def exception_list():
    """Digits with logistic regression: alone, with a memory, and with one that got corrections later."""
    stages = {"the model": [], "with its mistakes memorized": [], "after `correct` of mistakes reported later": []}
    for seed in range(N_SPLITS):
        say(f"split {seed + 1} of {N_SPLITS}")
        for rows, row in zip(stages.values(), corrected(seed), strict=True):
            rows.append(row)
    print_header([
        "answers", "rows of `fit` right %", "reported later right %", "never seen right %", "of these overridden",
        "memorized", "memory bytes", "s", "predict µs a row",
    ])  # fmt: skip
    for stage, rows in stages.items():
        *right, overridden, memorized, size, to_fit, to_predict = np.mean(rows, axis=0).tolist()
        sizes = f"{overridden:g}", f"{memorized:.1f}", f"{size:,.0f}" if size else None
        print_row([stage, *map(percent, right), *sizes, to_fit, to_predict])


def corrected(seed):
    """For one split the numbers of each stage."""
    X, y = load_digits(return_X_y=True)
    X, others, y, other_labels = train_test_split(X, y, test_size=0.4, random_state=seed, stratify=y)
    reported, unseen, reported_labels, unseen_labels = train_test_split(
        others, other_labels, test_size=0.5, random_state=seed, stratify=other_labels
    )
    parts = [(X, y), (reported, reported_labels), (unseen, unseen_labels)]
    model = LogisticRegression(C=0.01, max_iter=1000)

    def row(predict, n_memorized, n_bytes, to_fit):
        right = [np.mean(predict(rows) == labels) for rows, labels in parts]
        overridden = np.sum(predict(unseen) != model.predict(unseen))
        return *right, overridden, n_memorized, n_bytes, to_fit, microseconds(lambda: predict(unseen), len(unseen))

    to_fit = seconds(lambda: model.fit(X, y), 1)
    yield row(model.predict, 0, 0, to_fit)
    listed = fastmem.CorrectedClassifier(model, prefit=True, random_state=0, n_threads=1)
    to_fit = seconds(lambda: listed.fit(X, y), 1)
    yield row(listed.predict, listed.n_memorized_, listed.memory_.nbytes, to_fit)
    wrong = listed.predict(reported) != reported_labels
    to_fit = seconds(lambda: listed.correct(reported[wrong], reported_labels[wrong]), 1)
    yield row(listed.predict, listed.n_memorized_, listed.memory_.nbytes, to_fit)


# A table of embeddings

N_EMBEDDINGS, D_EMBEDDINGS, N_QUERIES = 200_000, 384, 10_000
NOISE_AND_BITS = ((0.0, 20), (0.01, 20), (0.05, 20), (0.05, 27), (0.1, 20))


def embeddings():
    """Noisy queries of 200,000 embeddings, and what is in memory beside exact search."""
    say("drawing embeddings")
    X, fresh = np.split(drawn_embeddings(N_EMBEDDINGS + N_QUERIES), [N_EMBEDDINGS])
    ids = np.array([f"doc-{number:06d}" for number in range(len(X))])
    nearest, to_search = exact_search(X, fresh[:1000])
    say(f"median distance to the nearest of all: {nearest:.3f}")
    nets = {bits: built(X, ids, bits) for bits in sorted({bits for _, bits in NOISE_AND_BITS})}
    print_header([
        "noise, % of a row's length", "f", "tolerance", "probes", "99.9 % reached", "bits suggested", "right %",
        "wrong %", "unknown %", "other embeddings known %", "µs a query", "µs another embedding",
    ])  # fmt: skip
    for noise, bits in NOISE_AND_BITS:
        _, net = nets[bits]
        how, reached = suggested(net, X, noise)
        answers = answered(net, X, ids, noise, how)
        start = time.process_time()
        known = percent(net.predict(fresh, unknown="", n_threads=1, **how) != "")
        to_refuse = 1e6 * (time.process_time() - start) / len(fresh)
        print_row([f"{100 * noise:g}", bits, *how.values(), *reached, *answers[:-1], known, answers[-1], to_refuse])
    print()
    print_header(["answers by", "bytes of numbers", "bytes of ids", "build s", "µs a query without noise"])
    print_row(["exact search in X", X.nbytes, ids.nbytes, None, to_search])
    to_build, net = nets[20]
    to_predict = answered(net, X, ids, 0.0, {})[-1]
    print_row(["network, f = 20", net.nbytes, net.report().label_nbytes, to_build, to_predict])


def drawn_embeddings(n):
    """Rows of length 1 about topics, a hundred to a topic; of their columns the first vary most."""
    rng = np.random.default_rng(SEED)
    scale = np.arange(1, D_EMBEDDINGS + 1, dtype=np.float32) ** -0.5
    topics = rng.standard_normal((n // 100, D_EMBEDDINGS), dtype=np.float32)
    X = 0.7 * rng.standard_normal((n, D_EMBEDDINGS), dtype=np.float32)
    X += topics[rng.integers(0, len(topics), n)]
    X *= scale
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X


def exact_search(X, queries):
    """The median distance of a query to its nearest row, all of length 1, and microseconds to find one."""
    nearest = np.empty(len(queries))

    def search():
        for start in range(0, len(queries), 100):
            nearest[start : start + 100] = (queries[start : start + 100] @ X.T).max(axis=1)

    to_search = microseconds(search, len(queries))
    return float(np.median(np.sqrt(2 - 2 * nearest))), to_search


def built(X, ids, fingerprint_bits):
    """Seconds, and a network that knows noisy rows."""
    say(f"memorizing with {fingerprint_bits} bits")
    nets = []

    def build():
        nets.append(fastmem.memorize(
            X, ids, separate="all", fingerprint_bits=fingerprint_bits, random_state=0, n_threads=1
        ))  # fmt: skip

    return seconds(build, 1), nets[-1]


def suggested(net, X, noise):
    """Settings for a noise, and the columns that say what was suggested."""
    if not noise:
        return {"tolerance": 0.0, "max_probes": 1}, (None, None)
    say(f"choosing a tolerance for noise of {100 * noise:g} %, {net.fingerprint_bits} bits")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastmem.errors.RecognitionWarning)
        found = fastmem.suggest_tolerance(net, X, deviation(X, noise), random_state=0, n_threads=1)
    reached = "yes" if found.is_reached else f"no, {100 * found.right:.2f} %"
    return {"tolerance": found.tolerance, "max_probes": found.max_probes}, (reached, found.fingerprint_bits)


def deviation(X, noise):
    """The standard deviation in each column of a noise that has a length."""
    return noise / X.shape[1] ** 0.5


def answered(net, X, ids, noise, how):
    """Percent of noisy queries that are right, wrong, unknown, and microseconds a query."""
    rng = np.random.default_rng(SEED + 1)
    rows, steps = rng.integers(0, len(X), N_QUERIES), rng.standard_normal((N_QUERIES, X.shape[1]))
    queries = (X[rows] + deviation(X, noise) * steps).astype(X.dtype)
    found = net.predict(queries, unknown="", n_threads=1, **how)
    numbers = np.where(found == ids[rows], 0, np.where(found == "", -1, 1))  # right, unknown, wrong
    to_predict = microseconds(lambda: net.predict(queries, unknown="", n_threads=1, **how), N_QUERIES)
    return *shares(numbers, np.zeros(N_QUERIES)), to_predict


# Labels that are text

N_IDS = 200_000


def string_ids():
    """200,000 labels that are all different, as text, bytes, dates and numbers."""
    X, y = gaussian(N_IDS, 16), np.arange(N_IDS)
    text = np.char.mod("doc-%06d", y)
    kinds = {
        "text of ten letters": text,
        "the same, Python objects": text.astype(object),
        "the same, NumPy's `StringDType`": text.astype(np.dtypes.StringDType()),
        "the same, bytes": text.astype("S"),
        "dates to the second": np.datetime64("2024-01-01T00:00:00") + y,
        "integers": y,
    }
    print_header([
        "labels", "`predict` returns", "network bytes", "labels in memory", "labels in the file", "file bytes",
        "predict ns a row",
    ])  # fmt: skip
    for kind, labels in kinds.items():
        say(kind)
        net = fastmem.memorize(X, labels, random_state=0, n_threads=1)
        to_predict = 1000 * microseconds(lambda net=net: net.predict(X, n_threads=1), N_IDS)
        dtype, in_file = str(net.predict(X[:1]).dtype).lstrip("|"), net.report().label_nbytes
        print_row([kind, f"`{dtype}`", net.nbytes, in_memory(net.classes), in_file, len(net.to_bytes()), to_predict])


def in_memory(labels):
    """Bytes of an array and of the Python objects in it."""
    return labels.nbytes + (sum(map(sys.getsizeof, labels)) if labels.dtype == object else 0)


def gaussian(n, d):
    """Standard normal rows, float32."""
    return np.random.default_rng(SEED).standard_normal((n, d), dtype=np.float32)


# Float and vector values

N_VALUES = 100_000


def values():
    """Values as they are, rounded, and of several numbers."""
    X = gaussian(N_VALUES, 16)
    given = np.random.default_rng(SEED + 1).normal(20, 5, (N_VALUES, 3))
    kinds = {
        "float64": given[:, 0],
        "float32": given[:, 0].astype(np.float32),
        "float16": given[:, 0].astype(np.float16),
        **{f"float64, rounded to {10**-digits:g}": given[:, 0].round(digits) for digits in (2, 1, 0)},
        "3 of float32": given.astype(np.float32),
        "3 of float32, rounded to 1": given.round(0).astype(np.float32),
    }
    print_header([
        "values", "different ones", "network: bits a value", "values in the file: bits", "file: bits a value",
        "as an array", "build s", "predict ns a row",
    ])  # fmt: skip
    for kind, y in kinds.items():
        say(kind)
        print_row([kind, *bits_of_values(X, y)])


def bits_of_values(X, y):
    """The columns behind the kind of values."""
    nets = []
    to_build = seconds(lambda: nets.append(fastmem.memorize(X, y, random_state=0, n_threads=1)))
    net = nets[-1]
    assert net.predict(X).tobytes() == y.tobytes()
    bytes_of = net.nbytes, net.report().label_nbytes, len(net.to_bytes()), y.nbytes
    to_predict = 1000 * microseconds(lambda: net.predict(X, n_threads=1), len(X))
    return len(net.classes), *(f"{8 * size / len(y):.2f}" for size in bytes_of), to_build, to_predict


# Changing points

SIZES = (100_000, 1_000_000)
N_CHANGES = 1000


def changing_points():
    """Milliseconds of each way to change a network, for two numbers of points."""
    times = []
    for n in SIZES:
        say(f"{n:,} points")
        with tempfile.TemporaryDirectory() as folder:
            times.append(times_of_changes(n, folder))
    print_header(["milliseconds", *(f"{n:,} points" for n in SIZES)])
    for step in times[0]:
        print_row([step, *(1000 * of_steps[step] for of_steps in times)])
    print()
    print_header(["100,000 rows", "ns a row"])
    for row in changes_in_front().items():
        print_row(row)


def times_of_changes(n, folder):
    """Seconds of each step."""
    X, rng = gaussian(n, 16), np.random.default_rng(SEED + 1)
    y, other = rng.integers(0, 10, n), rng.integers(0, 10, n)
    path, options = os.path.join(folder, "net.safetensors"), {"random_state": 0, "n_threads": 1}
    net = fastmem.memorize(X, y, separate="all", **options)
    net.save(path)
    loaded = fastmem.load(path)
    steps = {
        "`net.relabel(y)`": lambda: net.relabel(other, n_threads=1),
        "`fastmem.load(path).relabel(y, X)`": lambda: loaded.relabel(other, X, n_threads=1),
        '`memorize(X, y, separate="all")`': lambda: fastmem.memorize(X, other, separate="all", **options),
        "`memorize(X, y)`": lambda: fastmem.memorize(X, other, **options),
        "`memorize(X, y, fingerprint_bits=16)`": lambda: fastmem.memorize(X, other, fingerprint_bits=16, **options),
        "`memorize(X, y, scratch=folder)`": lambda: fastmem.memorize(X, other, scratch=folder, **options),
        "`net.save(path)`": lambda: net.save(path),
        "`fastmem.load(path)`": lambda: fastmem.load(path),
        "`fastmem.load(path, mmap=True)`": lambda: fastmem.load(path, mmap=True),
    }
    return {name: seconds(step) for name, step in steps.items()}


def changes_in_front():
    """Nanoseconds a row, of a network and of one with a dict of changes in front."""
    X = gaussian(SIZES[0], 16)
    y = np.arange(len(X)) % 10
    net = fastmem.memorize(X, y, fingerprint_bits=16, random_state=0, n_threads=1)
    changes = {row.tobytes(): -1 for row in X[:N_CHANGES]}

    def with_changes():
        labels = net.predict(X, unknown=-1, n_threads=1)
        for number, row in enumerate(X):
            labels[number] = changes.get(row.tobytes(), labels[number])

    steps = {
        "`predict(X, unknown=-1)`": lambda: net.predict(X, unknown=-1, n_threads=1),
        f"the same with {N_CHANGES:,} changes in a dict": with_changes,
    }
    return {way: 1000 * microseconds(step, len(X)) for way, step in steps.items()}


# By the name of the page. A recipe prints its own table, or several.
RECIPES = {
    "exception_list": exception_list,
    "embeddings": embeddings,
    "string_ids": string_ids,
    "values": values,
    "changing_points": changing_points,
    "serving": serving,
    "microcontroller": microcontroller,
    "browser": browser,
    "paper_figure": paper_figure,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}; all by default")
    names = parser.parse_args().names or list(RECIPES)
    if unknown := [name for name in names if name not in RECIPES]:
        parser.error(f"no recipe is called {unknown[0]!r}: there are {', '.join(RECIPES)}")
    with threadpool_limits(1):
        for name in names:
            start = time.process_time()
            RECIPES[name]()
            print()
            say(f"{name}: {time.process_time() - start:.0f} s of CPU time")


if __name__ == "__main__":
    main()
