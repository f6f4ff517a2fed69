"""The figures of the recipes: what each page of docs/recipes says under "Measured".

    python benchmarks/recipes.py [NAME ...]

prints a Markdown table for each recipe named, or for all; what is being done goes to standard error. Each takes at most
two minutes of CPU time. Everything runs on one thread, and data are drawn with fixed seeds.
"""

import argparse
import sys

from measuring import print_header, print_row
from threadpoolctl import threadpool_limits

SEED = 11


def say(text):
    """One line about what is being done."""
    print(text, file=sys.stderr, flush=True)


def values():
    """To come."""
    print_header(["value"])
    print_row([1])


# By the name of the page. A recipe prints its own table, or several.
RECIPES = {
    "values": values,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECIPES)}; all by default")
    names = parser.parse_args().names or list(RECIPES)
    if unknown := [name for name in names if name not in RECIPES]:
        parser.error(f"no recipe is called {unknown[0]!r}: there are {', '.join(RECIPES)}")
    with threadpool_limits(1):
        for name in names:
            say(f"recipe {name}")
            RECIPES[name]()
            print()


if __name__ == "__main__":
    main()
