"""How speed moved from one measured commit to the next: a Markdown table of the results that asv keeps.

    python benchmarks/history.py

Seconds of different hours do not compare where a machine has other work. So each time is divided by that of what stands
beside it in the same class, measured within the same minutes: one float32 ``X @ W`` of the shape of the sign pass, what
numpy does with the same codes, or numpy's import. Bits a label stand as they are.
"""

import itertools
import json
from pathlib import Path

from axes import commits
from measuring import print_header, print_row

RESULTS = Path(__file__).parent / "results" / "reference"
# In words what is measured and what divides it; the class, what is measured and what divides it there; parameters.
# Not of a million rows: their product is called twice, and the first call converts the rows.
FIGURES = [
    ("`predict`, 200,000×64", "X @ W", "network.Predict", "time_predict", "time_matrix_product", "sphere 200k×64"),
    ("`predict`, image patches", "X @ W", "network.Predict", "time_predict", "time_matrix_product", "patches"),
    ("`predict` of one row", "X @ W", "network.SmallCalls", "time_200_predictions", "time_200_matrix_products", 1),
    ("`memorize`, 200,000×64", "X @ W", "network.Memorize", "time_memorize", "time_matrix_product", "sphere 200k×64"),
    ("`memorize`, image patches", "X @ W", "network.Memorize", "time_memorize", "time_matrix_product", "patches"),
    ("signs, 1,000,000×32", "X @ W", "signs.Signs", "track_ratio_to_matrix_product", None, "1000000×32×38"),
    ("store: build", "np sort", "store.Store", "time_store_build", "time_numpy_sort", 10**6, "2 uniform"),
    ("store: look up", "np search", "store.Store", "time_store_lookup", "time_numpy_searchsorted", 10**6, "2 uniform"),
    ("import", "import numpy", "network.FirstCall", "timeraw_import", "timeraw_import_numpy"),
    ("bits a label, image patches", None, "network.Sizes", "track_bits_per_label", None, "patches"),
]  # fmt: skip


def main():
    """One row for each figure, one column for each commit."""
    results = {words: of_commit(commit) for commit, words in commits().items()}
    print_header(["figure", "divided by", *results])
    for words, divisor, *place in FIGURES:
        print_row([words, divisor, *(figure(measured, *place) for measured in results.values())])


def of_commit(commit):
    """What was measured of a commit: by benchmark a dict from parameters, as texts, to the result."""
    path = next(RESULTS.glob(f"{commit}-*.json"), None)
    if path is None:
        raise FileNotFoundError(f"{RESULTS} has no results of commit {commit}: run asv for it, as README.md says")
    results = json.loads(path.read_text(encoding="utf-8"))["results"].items()
    return {
        name: dict(zip(itertools.product(*parameters), values, strict=True))
        for name, (values, parameters, *_) in results
        if values is not None
    }


def figure(measured, group, benchmark, divisor, *parameters):
    """A result, divided by another of the same class where one is named; KeyError of what was not measured."""
    key = tuple(map(repr, parameters))
    value = measured[f"{group}.{benchmark}"][key]
    return value if divisor is None else value / measured[f"{group}.{divisor}"][key]


if __name__ == "__main__":
    main()
