"""What of inputs that were never seen is taken for memorized, and what it costs to tell them apart.

    python benchmarks/recognition.py [--table rates models speed noise rows] [--data NAME ...]

prints Markdown tables, all on one thread, of networks that tell all points apart and have fingerprints. A table skips
the names of data that are not its own.

- rates: for f fingerprint bits, the e further hyperplanes, what the report says of inputs that share a cell with a
  memorized row (mean share, 95 % end, the rows of which it was measured, how many carry it, whether it is extrapolated
  and whether 2^-f is reached), and the truth: how many fresh rows of the same law `contains` takes for known, and how
  many of these lie in the cell of a memorized row. Intervals are those of Clopper and Pearson (95 %): rates far below
  one in the number of fresh rows are not seen, and then the lower end is all that is known. 200,000 fresh rows where
  the law can be drawn; else all that are left, of so many random splits as give 4,000 of them, 20 at most: these
  overlap, so that their intervals are too narrow. Last, the share in cells by what the report says it is at most, and
  whether it is at most 2^-f: "open" where 2^-f lies in the interval;
- models: `CorrectedClassifier` of a model, 70 % of the rows to fit, 30 % to test, means of four splits: accuracy of
  the model alone and corrected, bytes of its memory and of a pickled dict from row bytes to labels, and percent of the
  model's mistakes that have their right label after noise of 1 % of each column's standard deviation: by the model
  alone, with the dict, corrected with tolerance 0, and with three times the noise that a direction has on average,
  where the memory sees rows;
- speed: seconds to build with and without fingerprints, and nanoseconds a row of `predict` without them, with them, and
  with ``unknown=-1``, of memorized and of fresh rows;
- noise: memorized rows plus noise of 5 % of the median distance of a row from its nearest neighbour: percent of the
  answers of ``predict(..., unknown=-1)`` that are right, wrong and unknown, and percent of fresh rows that are known,
  for tolerance 0, three times the noise of a direction, and what `fastmem.suggest_tolerance` says;
- rows: recognition by hashes of whole rows (``recognise="rows"``) beside cells and a dict of row bytes: bytes, seconds
  to build, nanoseconds a row, percent of fresh rows known, and percent of labels kept under noise.
"""

import functools
import math
import statistics
import warnings
from typing import NamedTuple

import numpy as np
from benchmarks.data import digits, image_patches
from benchmarks.models import Dict
from measuring import fastest, print_header, print_row, print_tables, shares
from scipy.stats import binomtest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.tree import DecisionTreeClassifier

import fastmem
from fastmem.data.points import Points

SEED = 11
BITS = (8, 12, 16)
N_FRESH, LEAST_FRESH, MOST_SPLITS = 200_000, 4000, 20
N_QUERIES, N_CLASSES = 10_000, 10
PARTS = (0.01, 0.05)
TIMES = 3  # the noise of a direction that a tolerance allows for


# A law gives rows for a generator and a number of them; a finite set gives no more than it has.


def gauss(d):
    """Standard normal points, float32."""
    return lambda random, n: random.standard_normal((n, d), dtype=np.float32)


def table(random, n):
    """Eight skewed and correlated columns, after the table of Californian houses: income, age, ..., place."""
    normal, place = random.standard_normal((n, 6)), random.standard_normal((n, 2))
    centres = random.uniform([32, -124], [42, -114], (30, 2))
    income = np.exp(0.4 * normal[:, 0] + 1.3)
    age = np.clip(np.round(28 + 12 * normal[:, 1]), 1, 52)
    rooms = np.exp(0.3 * normal[:, 2] + 0.3 * normal[:, 0] + 1.6)
    bedrooms = 1 + 0.02 * rooms + 0.05 * normal[:, 3]
    people = np.round(np.exp(0.8 * normal[:, 4] + 7))
    household = np.exp(0.2 * normal[:, 5] + 1.05)
    places = np.round(centres[random.integers(0, 30, n)] + 0.3 * place, 2)
    return np.column_stack([income, age, rooms, bedrooms, people, household, places])


def circle(random, n):
    """Points of a circle."""
    angle = random.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def moons(random, n):
    """Two half circles that reach into each other, with noise."""
    x, y = circle(random, n).T
    other = random.integers(0, 2, n)
    arcs = np.column_stack([x + other, np.where(other, 0.5 - np.abs(y), np.abs(y))])
    return arcs + 0.05 * random.standard_normal((n, 2))


def roll(random, n):
    """A sheet rolled up in space."""
    angle = 1.5 * np.pi * (1 + 2 * random.random(n))
    return np.column_stack([angle * np.cos(angle), 21 * random.random(n), angle * np.sin(angle)])


def of_rank_2(random, n):
    """A plane in 16 columns."""
    return random.standard_normal((n, 2)) @ np.random.default_rng(SEED).standard_normal((2, 16))


def finite(load):
    """Rows of a set in random order."""
    rows = functools.cache(load)
    return lambda random, n: random.permutation(rows())[:n]


patches = finite(lambda: image_patches()[0])
LAWS = {
    **{
        f"Gauss {n:,}×{d}": (gauss(d), n)
        for n, d in [
            (10, 8), (10, 64), (30, 16), (100, 8), (100, 64), (100, 384), (1000, 8), (1000, 64), (1000, 384),
            (10_000, 8), (10_000, 64), (100_000, 8), (100_000, 64),
        ]
    },
    "Gauss 300×1": (gauss(1), 300),
    **{f"Gauss {n:,}×2": (gauss(2), n) for n in (300, 1000, 10_000)},
    **{f"Gauss {n:,}×3": (gauss(3), n) for n in (300, 3000)},
    **{f"circle {n:,}": (circle, n) for n in (300, 3000)},
    **{f"moons {n:,}": (moons, n) for n in (300, 3000)},
    "swiss roll 500": (roll, 500),
    "rank 2 in 16 columns 1,000": (of_rank_2, 1000),
    "digits": (finite(lambda: digits()[0].astype(np.float32)), 1000),
    "breast cancer": (finite(lambda: load_breast_cancer().data), 400),
    "diabetes": (finite(lambda: load_diabetes(scaled=False).data), 300),
    **{f"patches {n:,}": (patches, n) for n in (1000, 10_000, 100_000)},
    **{f"table {n:,}": (table, n) for n in (1000, 10_000, 100_000)},
}  # fmt: skip


def labelled_table(n=20_000):
    """Rows of the table, standardized; labels: whether a house is dear for its place, one in twenty turned around.

    With the columns as they are, a tolerance would be one for the number of people, a thousand times any other column.
    """
    random = np.random.default_rng(SEED)
    X = table(random, n)
    value = np.log(X[:, 0]) + 0.3 * np.log(X[:, 2]) + 0.5 * np.sin(3 * X[:, 6]) + 0.3 * random.standard_normal(n)
    return scale(X), (value > np.median(value)).astype(int) ^ (random.random(n) < 0.05)


LABELLED = {
    "digits": digits,
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "breast cancer, standardized": lambda: (scale(load_breast_cancer().data), load_breast_cancer().target),
    "wine": lambda: load_wine(return_X_y=True),
    "labelled table 20,000": labelled_table,
}
MODELS = {
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000)),
    "tree of depth 3": lambda: DecisionTreeClassifier(max_depth=3, random_state=0),
    "20 boosted stumps": lambda: AdaBoostClassifier(n_estimators=20, random_state=0),
}


def chosen(names, own, default=None):
    """Of the names asked for, those that a table has."""
    return [name for name in names or default or own if name in own]


def splits(name):
    """Memorized rows and fresh ones of the same law: once, or as often as finite sets have few rows left."""
    draw, n = LAWS[name]
    n_splits, number = 1, 0
    while number < n_splits:
        rows = draw(np.random.default_rng([SEED, number]), n + N_FRESH)
        n_splits = min(MOST_SPLITS, math.ceil(LEAST_FRESH / (len(rows) - n)))
        number += 1
        yield rows[:n], rows[n:]


def labels_for(X):
    """Random labels."""
    return np.random.default_rng(SEED + 1).integers(0, N_CLASSES, len(X))


def network(X, fingerprint_bits, **options):
    """A network for random labels. It may warn that 2^-f is not reached, as the report says too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastmem.errors.RecognitionWarning)
        return fastmem.memorize(
            X, labels_for(X), separate="all", fingerprint_bits=fingerprint_bits, random_state=SEED, n_threads=1,
            **options,
        )  # fmt: skip


class Count(NamedTuple):
    """A network's numbers of hyperplanes, what it reports, and how many fresh rows are known, and in known cells."""

    m: int
    e: int
    report: dict
    fresh: int
    known: int
    in_cells: int


def rates(names):
    """A row for each number of fingerprint bits."""
    print_header([
        "data", "f", "m", "e", "report: rows", "mean", "at most", "carried by", "extrapolated", "reached", "fresh rows",
        "known", "share, 95 %", "in cells", "share, 95 %", "share / at most", "at most 2^-f",
    ])  # fmt: skip
    for name in chosen(names, LAWS):
        for f in BITS:
            counts = [count(X, fresh, f) for X, fresh in splits(name)]
            print_row([name, f, *reported(counts), *counted(counts, f)])


def count(X, fresh, f):
    """What comes of one split."""
    net = network(X, f)
    known = net.contains(fresh, n_threads=1)
    in_cells = np.isin(cell_codes(net, fresh[known]), cell_codes(net, X))
    e = net.n_recognition_hyperplanes
    return Count(net.n_hyperplanes, e, net.report().recognition, len(fresh), int(known.sum()), int(in_cells.sum()))


def cell_codes(net, X):
    """The codes of which a network stores fingerprints."""
    return net.recognition.codes_of(Points(X).on(net.recognition.reading))[1]


def reported(counts):
    """The columns from m to reached: of several splits what is between, and how many of them say yes."""
    reports = [each.report for each in counts]
    return (
        extent([each.m for each in counts]), extent([each.e for each in counts]), reports[0]["rows"],
        power(statistics.mean(report["rate"] for report in reports)), power(max(each["at_most"] for each in reports)),
        f"{statistics.median(report['carried_by'] for report in reports):,.1f}",
        *(said([report[name] for report in reports]) for name in ("is_extrapolated", "is_reached")),
    )  # fmt: skip


def counted(counts, f):
    """The columns behind these."""
    fresh, known, in_cells = (sum(getattr(each, name) for each in counts) for name in ("fresh", "known", "in_cells"))
    low, high = interval(in_cells, fresh)
    kept = "yes" if high <= 2.0**-f else "no" if low > 2.0**-f else "open"
    at_most = max(each.report["at_most"] for each in counts)
    ratio = in_cells / fresh / at_most if at_most else None
    return fresh, known, between(*interval(known, fresh)), in_cells, between(low, high), ratio, kept


def interval(k, n):
    """The 95 % interval of Clopper and Pearson for a share of which k of n were seen."""
    return binomtest(k, n).proportion_ci(0.95, "exact")


def between(low, high):
    """An interval of shares."""
    return f"{power(low)} to {power(high)}"


def power(share):
    """A share as a power of two."""
    return f"2^{math.log2(share):.1f}" if share else "0"


def extent(values):
    """One number, or the least and the largest."""
    return min(values) if min(values) == max(values) else f"{min(values)} to {max(values)}"


def said(answers):
    """Yes, no, or how many say yes."""
    return f"{sum(answers)} of {len(answers)}" if len({*answers}) > 1 else "yes" if answers[0] else "no"


def models(names):
    """A row for each model."""
    print_header([
        "data", "model", "mistakes", "memorized", "train: alone", "corrected", "test: alone", "corrected",
        "test rows overridden %", "with tolerance %", "e", "memory bytes", "dict bytes", "fit s", "corrected fit s",
        "mistakes moved, right %: alone", "dict", "tolerance 0", "with tolerance",
    ])  # fmt: skip
    for name in chosen(names, LABELLED):
        X, y = LABELLED[name]()
        for model, make in MODELS.items():
            results = [correct(make, X, y, SEED + number) for number in range(4)]
            mistakes, memorized, *means = map(mean, zip(*results, strict=True))
            accuracies = [f"{share:.4f}" for share in means[:4]]
            print_row([name, model, mistakes, memorized, *accuracies, *means[4:]])


def mean(values):
    """The mean of those that are not None."""
    some = [value for value in values if value is not None]
    return float(np.mean(some)) if some else None


def correct(make, X, y, seed):
    """The columns behind the model's name, for one split."""
    train, test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    alone, corrected = make(), with_memory(make)
    steps = {"alone": lambda: alone.fit(train, y_train), "corrected": lambda: corrected.fit(train, y_train)}
    noisy = train + 0.01 * train.std(axis=0) * np.random.default_rng(seed).standard_normal(train.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastmem.errors.RecognitionWarning)
        seconds = fastest(steps, 1)
        near = with_memory(make, tolerance=reach(seen(alone, train), seen(alone, noisy))).fit(train, y_train)
    accuracies = [
        float((model.predict(rows) == truth).mean())
        for rows, truth in ((train, y_train), (test, y_test))
        for model in (alone, corrected)
    ]
    memory, wrong = corrected.memory_, alone.predict(train) != y_train
    sizes = (None, None) if memory is None else (memory.n_recognition_hyperplanes, memory.nbytes)
    dict_bytes, *kept = beside_dict((alone, corrected, near), train[wrong], y_train[wrong], noisy[wrong])
    return (
        float(wrong.sum()), corrected.n_memorized_, *accuracies, overridden(corrected, test), overridden(near, test),
        *sizes, dict_bytes, seconds["alone"], seconds["corrected"], *kept,
    )  # fmt: skip


def with_memory(make, **options):
    """A model with a memory of its mistakes, not fitted."""
    return fastmem.CorrectedClassifier(make(), fingerprint_bits=16, random_state=0, n_threads=1, **options)


def seen(model, X):
    """Rows as a model's memory sees them: behind the first steps of a pipeline."""
    return model[:-1].transform(X) if isinstance(model, Pipeline) else X


def reach(X, noisy):
    """The tolerance for rows that were moved."""
    return direction_noise(X, float(np.sqrt(np.square(noisy - X).sum(axis=1).mean())))


def overridden(corrected, X):
    """Percent of rows that are answered by the memory."""
    if corrected.memory_ is None:
        return 0.0
    rows, tolerance = seen(corrected.estimator_, X), corrected.tolerance
    return 100 * float((corrected.memory_.predict(rows, unknown=-1, tolerance=tolerance, n_threads=1) != -1).mean())


def beside_dict(models, X, y, noisy):
    """Bytes of a dict of the mistakes; percent of them right when moved, of models: alone, with a dict, corrected."""
    if not len(X):
        return (None,) * 5
    alone, *corrected = (model.predict(noisy) for model in models)
    peer = Dict()
    peer.fit(X, y)
    found = peer.predict(noisy)
    answers = alone, np.where(found >= 0, found, alone), *corrected
    return peer.nbytes(), *(100 * float((answer == y).mean()) for answer in answers)


def speed(names):
    """A row for reading all columns and one for few."""
    print_header([
        "data", "columns", "read", "m", "e", "bits a row", "without", "build s", "without", "ratio",
        "predict ns: without", "with", "unknown=-1", "of fresh rows", "with / without", "unknown=-1 / without",
    ])  # fmt: skip
    for name in chosen(names, LAWS, ["Gauss 10,000×64", "Gauss 100,000×64"]):
        X, fresh = next(splits(name))
        for columns in ("all", "auto"):
            print_row([name, columns, *costs(X, fresh[: len(X)], columns)])


def costs(X, fresh, columns):
    """The columns behind the name."""
    nets = {}

    def build(f):
        nets[f] = network(X, f, columns=columns)

    built = fastest({f: lambda f=f: build(f) for f in (0, 16)}, 3)
    plain, net = nets[0], nets[16]
    steps = {
        "without": lambda: plain.predict(X, n_threads=1),
        "with": lambda: net.predict(X, n_threads=1),
        "unknown": lambda: net.predict(X, unknown=-1, n_threads=1),
        "fresh": lambda: net.predict(fresh, unknown=-1, n_threads=1),
    }
    rows = {name: len(fresh if name == "fresh" else X) for name in steps}
    times = {name: 1e9 * seconds / rows[name] for name, seconds in fastest(steps, 15).items()}
    return (
        len(net.columns), net.n_hyperplanes, net.n_recognition_hyperplanes,
        *(f"{8 * each.nbytes / len(X):.2f}" for each in (net, plain)), built[16], built[0], built[16] / built[0],
        *times.values(), times["with"] / times["without"], times["unknown"] / times["without"],
    )  # fmt: skip


def noise(names):
    """A row for each choice of tolerance, probes and bits."""
    print_header([
        "data", "noise", "chosen", "tolerance", "probes", "f", "e", "right %", "wrong %", "unknown %",
        "fresh known %", "µs a row",
    ])  # fmt: skip
    for name in chosen(names, LAWS, ["Gauss 10,000×64"]):
        X, fresh = next(splits(name))
        some, r = some_rows(X), 0.05 * neighbour_distance(X)
        for how, net, tolerance, probes in tolerances(X, r):
            numbers = tolerance, probes, net.fingerprint_bits, net.n_recognition_hyperplanes
            query = moved(X[some], r), labels_for(X)[some], fresh[:N_QUERIES], tolerance, probes
            print_row([name, r, how, *numbers, *answered(net, *query)])


def answered(net, queries, truth, fresh, tolerance, probes):
    """The columns behind e."""

    def predict(X):
        return net.predict(X, unknown=-1, tolerance=tolerance, max_probes=probes, n_threads=1)

    seconds = fastest({"queries": lambda: predict(queries)}, 2)["queries"]
    known = 100 * (predict(fresh) != -1).mean()
    return (*shares(predict(queries), truth), f"{known:.3f}", 1e6 * seconds / len(queries))


def tolerances(X, r):
    """What to choose, the network, a tolerance, and how many codes to try at most."""
    net = network(X, 16)
    yield "none", net, 0.0, 1
    yield f"{TIMES} r / √d", net, direction_noise(X, r), 1000
    suggestion = fastmem.suggest_tolerance(net, X, r / math.sqrt(X.shape[1]), n_threads=1)
    yield "suggested", net, suggestion.tolerance, suggestion.max_probes
    if suggestion.fingerprint_bits != net.fingerprint_bits:
        more = network(X, suggestion.fingerprint_bits)
        yield "suggested, so many bits", more, suggestion.tolerance, suggestion.max_probes


def some_rows(X):
    """Numbers of memorized rows to ask for."""
    return np.random.default_rng(SEED + 2).choice(len(X), min(len(X), N_QUERIES), replace=False)


def neighbour_distance(X):
    """Median distance of 1,000 points from their nearest neighbours."""
    nearest = NearestNeighbors(algorithm="brute").fit(X)
    return float(np.median(nearest.kneighbors(X[:1000], 2)[0][:, 1]))


def moved(X, r):
    """Points plus vectors of norm r in random directions, float64."""
    steps = np.random.default_rng(SEED + 3).standard_normal(X.shape)
    return X + r * steps / np.linalg.norm(steps, axis=1, keepdims=True)


def direction_noise(X, r):
    """How far noise of norm r moves a point towards a hyperplane, hardly ever farther."""
    return TIMES * r / math.sqrt(X.shape[1])


class Net:
    """A network as `benchmarks.models` have models, -1 for unknown rows."""

    def __init__(self, **options):
        self.options = options

    def fit(self, X, y):
        del y  # the network has the same labels
        self.net = network(X, 16, **self.options)

    def predict(self, X, **options):
        return self.net.predict(X, unknown=-1, n_threads=1, **options)

    def nbytes(self):
        return self.net.nbytes


def rows(names):
    """A row for each way to recognise rows."""
    print_header([
        "data", "by", "bytes a row", "build s", "predict ns", "memorized right %", "fresh known %",
        *(f"moved by {100 * part:.0f} %: kept %" for part in PARTS),
        *(f"{100 * part:.0f} %, with tolerance" for part in PARTS),
    ])  # fmt: skip
    for name in chosen(names, LAWS, ["Gauss 10,000×64", "Gauss 100,000×64", "digits"]):
        X, fresh = next(splits(name))
        ways = {"dict of row bytes": Dict(), "hash of the row": Net(recognise="rows"), "cells": Net()}
        built, predicted = built_and_predicted(ways, X)
        for way, model in ways.items():
            size, times = f"{model.nbytes() / len(X):.2f}", (built[way], 1e9 * predicted[way] / len(X))
            print_row([name, way, size, *times, *answers(model, X, fresh, with_tolerance=way == "cells")])


def built_and_predicted(ways, X):
    """Seconds that each takes."""
    y = labels_for(X)
    built = fastest({name: lambda model=model: model.fit(X, y) for name, model in ways.items()}, 3)
    return built, fastest({name: lambda model=model: model.predict(X) for name, model in ways.items()}, 5)


def answers(model, X, fresh, *, with_tolerance):
    """The columns behind the times."""
    y, some, distance = labels_for(X), some_rows(X), neighbour_distance(X)
    noisy = {r: moved(X[some], r).astype(X.dtype) for r in (part * distance for part in PARTS)}
    kept = [right(model.predict(points), y[some]) for points in noisy.values()]
    near = [None] * len(PARTS)
    if with_tolerance:
        near = [right(model.predict(noisy[r], tolerance=direction_noise(X, r)), y[some]) for r in noisy]
    share = (model.predict(fresh) != -1).mean()
    return right(model.predict(X), y), f"{100 * share:.4f}", *kept, *near


def right(labels, truth):
    """Percent."""
    return shares(labels, truth)[0]


if __name__ == "__main__":
    print_tables(__doc__, [rates, models, speed, noise, rows], data={"choices": list({**LAWS, **LABELLED})})
