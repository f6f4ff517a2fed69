"""What the scripts share: fair timing, and Markdown tables whose rows are printed as they finish."""

import argparse
import time

from threadpoolctl import threadpool_limits

__all__ = ["cell", "fastest", "print_header", "print_row", "print_tables"]


def fastest(steps, rounds=5):
    """Least seconds of each step, by name: all steps are taken in turns, so that other work meets all of them."""
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def print_header(columns):
    """The first two lines of a table."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns), flush=True)


def print_row(values):
    """One line of a table."""
    print("| " + " | ".join(map(cell, values)) + " |", flush=True)


def print_tables(doc, tables):
    """Print, on one thread, the tables that the command line asks for by the names of these functions; all if none."""
    by_name = {table.__name__: table for table in tables}
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--table", nargs="+", choices=list(by_name), default=list(by_name))
    names = parser.parse_args().table
    with threadpool_limits(1):
        for name in names:
            by_name[name]()
            print()


def cell(value):
    """A value as tables show it: integers grouped, floats with three digits, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
