"""What the scripts share: fair timing, and Markdown tables whose rows are printed as they finish."""

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from fastmem.layers.integers import bit_lengths

__all__ = ["bits_of_numbers", "cell", "fastest", "print_header", "print_row", "print_tables", "shares"]


def bits_of_numbers(net):
    """Bits of all weights and thresholds of all units: those of an integer and its sign, all 32 or 64 of a float."""
    return sum(_bits(numbers) for layer in net.layers for numbers in (layer.weights.data, layer.thresholds))


def _bits(numbers):
    if numbers.dtype.kind == "f":
        return 8 * numbers.itemsize * int(np.count_nonzero(numbers))
    return int(bit_lengths(numbers).sum()) + len(numbers)


def fastest(steps, rounds=5):
    """Least seconds of each step, by name: all steps are taken in turns, so that other work meets all of them."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def shares(labels, truth):
    """Percent of labels that are right, wrong, and -1 for unknown, as texts."""
    right, without = labels == truth, labels == -1
    return tuple(f"{100 * part.mean():.2f}" for part in (right, ~right & ~without, without))


def print_header(columns):
    """The first two lines of a table."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns), flush=True)


def print_row(values):
    """One line of a table."""
    print("| " + " | ".join(map(cell, values)) + " |", flush=True)


def print_tables(doc, tables, data=None):
    """Print, on one thread, the tables that the command line asks for by the names of these functions; all if none.

    `data` is what argparse is told of an option --data, for names of data: each function then takes its value.
    """
    by_name = {table.__name__: table for table in tables}
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--table", nargs="+", choices=list(by_name), default=list(by_name))
    if data is not None:
        parser.add_argument("--data", nargs="+", metavar="NAME", **data)
    options = parser.parse_args()
    with threadpool_limits(1):
        for name in options.table:
            by_name[name](*([] if data is None else [options.data]))
            print()


def cell(value):
    """A value as tables show it: integers grouped, floats with three digits, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
