"""Where the time of `memorize` and of `predict` goes: the share of each stage, on one thread.

    python benchmarks/stages.py

prints a Markdown table a call with a column for each data set: seconds, and the share of each stage, from the run that
took least of three. A stage is the time in the functions listed below, but not what they take within another stage;
"the rest" is validation, and Python between the stages. Labels are random, of two classes.
"""

import importlib
import sys
import time
from contextlib import ExitStack
from unittest import mock

import numpy as np
from benchmarks.data import gaussian, sphere
from measuring import print_header, print_row
from threadpoolctl import threadpool_limits

import fastmem

DATA = {
    "1M×32": lambda: sphere(1_000_000, 32)[0],
    "100k×784": lambda: gaussian(100_000, 784),
    "100k×2": lambda: np.random.default_rng(0).random((100_000, 2)),
}
MEMORIZE = {
    "find equal rows": ["data.points:Points.equal_rows"],
    "choose columns": ["separate.few_columns:_plans", "separate.few_columns:_together"],
    "choose hyperplanes on samples": ["separate.adaptive:Rounds._choose"],
    "signs of all points": ["separate.adaptive:Rounds._signs_of_open", "separate.adaptive:Rounds._know"],
    "refine buckets of points not yet told apart": ["separate.buckets:Buckets.refine"],
    "trim: leave hyperplanes out, turn the others": ["separate.adaptive:trim"],
    "linear code, codes": ["constructions.compact:_encode"],
    "sort codes": ["constructions.compact:SortedCodes"],
    "move thresholds off the points": ["constructions.compact:clear"],
    "build the store": ["constructions.compact:build_store"],
    "verify": ["api:_verify"],
}
PREDICT = {
    "signs, codes": ["hyperplanes.encoder:Encoder.codes_of_block"],
    "look labels up": ["store.binary:BinaryStore.lookup", "store.integer:IntegerStore.lookup"],
}


def least(call, stages):
    """The seconds of each stage, the whole first, in the fastest of three runs."""
    return min((measure(call, stages) for _ in range(3)), key=lambda seconds: seconds["seconds"])


def measure(call, stages):
    """The seconds of each stage in one run, the whole first."""
    seconds = {"seconds": 0.0} | dict.fromkeys(stages, 0.0)
    inner = [0.0]  # seconds in stages within the one that runs

    def timed(stage, function):
        def run(*arguments, **options):
            before, inner[0] = inner[0], 0.0
            start = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                elapsed = time.perf_counter() - start
                seconds[stage] += elapsed - inner[0]
                inner[0] = before + elapsed

        return run

    with ExitStack() as patches:
        for stage, places in stages.items():
            for owner, name in filter(None, map(found, places)):
                patches.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        start = time.perf_counter()
        call()
        seconds["seconds"] = time.perf_counter() - start
    return seconds


def found(place):
    """Module or class, and name, of a function; None, and a warning, if fastmem has no such function any more."""
    module, path = place.split(":")
    *owners, name = path.split(".")
    try:
        owner = importlib.import_module(f"fastmem.{module}")
        for part in owners:
            owner = getattr(owner, part)
        getattr(owner, name)
    except (AttributeError, ModuleNotFoundError):
        print(f"there is no {place} any more: bring benchmarks/stages.py up to date", file=sys.stderr)
        return None
    return owner, name


def print_stages(title, columns):
    """The table of one call."""
    print_header([title, *DATA])
    print_row(["seconds", *(column["seconds"] for column in columns)])
    for stage in list(columns[0])[1:]:
        print_row([stage, *(percent(column[stage], column) for column in columns)])
    print_row(["the rest", *(percent(2 * column["seconds"] - sum(column.values()), column) for column in columns)])
    print()


def percent(seconds, column):
    """A share of the whole."""
    return f"{100 * seconds / column['seconds']:.1f} %"


def main():
    """Print the tables."""
    memorized, predicted = [], []
    with threadpool_limits(1):
        for points in DATA.values():
            X = points()
            y = np.random.default_rng(1).integers(0, 2, len(X))
            net = fastmem.memorize(X, y, random_state=0, n_threads=1)
            memorized.append(least(lambda X=X, y=y: fastmem.memorize(X, y, random_state=0, n_threads=1), MEMORIZE))
            predicted.append(least(lambda X=X, net=net: net.predict(X, n_threads=1), PREDICT))
    print_stages("memorize", memorized)
    print_stages("predict", predicted)


if __name__ == "__main__":
    main()
