"""How sizes grow: the theorem of Rajput et al. (2021), reproduced, all constructions side by side, and what bits buy.

    python benchmarks/scaling.py [--table theorem constructions grid words]
        [--csv FILE] [--most-points N]

builds networks, verified on random labels, and prints Markdown tables: every network, then fitted exponents with their
95 % confidence intervals (`fastmem.theory.scaling.power_law`). The CSV file keeps the rows of a table that is not asked
for; docs/pictures.py draws what it says.

*theorem*, with constants beside the exponents: `construction="rajput2021"` on points with known delta. Varied are

- delta, at fixed n: 5,000 pairs of points of the unit sphere in R^16, the two points of a pair delta apart. Beside the
  m hyperplanes that the proof draws, how many of them already give all points different signs, the mean of ten draws;
- n, at fixed delta = 0.5: points of the unit sphere in R^64, farther apart than that;
- d, at fixed n and delta: likewise.

*constructions*: every contestant of `fastmem.compare` on the same n random points of the unit sphere in R^64. What is
refused has no row, nor what has another store than asked for. *Bits* are those of all parameters as they are saved,
*bits of numbers* those of the numbers alone: lengths of integers with their signs, and floats. What is connected to
what, and where the bytes of a long number end, is in the former only.

*grid*: the deep networks that extract bits, on normal points of R^16, rounded to a grid of 2^-12.

*words*: 10,000 such points and `vardi2021` with words of so many bits.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from measuring import bits_of_numbers, print_header, print_row

import fastmem
from fastmem.compare.contestants import CONTESTANTS
from fastmem.data.points import Points
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.theory.scaling import power_law

MOST = 0.85  # share of the weights above which they are said to dominate
COLUMNS = (
    "varied", "n", "d", "delta", "hyperplanes", "hyperplanes needed", "code bits", "parity units", "lift units",
    "blocks", "units after the code", "neurons", "first weights", "parity weights", "weights after the code", "weights",
    "largest integer weight", "depth", "hyperplane draws", "code draws", "build s",
)  # fmt: skip
COLUMNS_OF_ALL = (
    "varied", "construction", "n", "d", "neurons", "theorem's neurons", "weights", "bits", "bits of numbers",
    "longest integer", "depth", "build s",
)  # fmt: skip
COLUMNS_OF_WORDS = ("word bits", "words", "points of a word", "float64 error")
VARIED = ("delta", "n", "d", "construction", "grid", "words")
D = 64
NAMES = [name for name in CONTESTANTS if not name.endswith("/all-columns")]
SIZES = ("neurons", "weights", "bits", "bits of numbers")
DEEP = {
    **{f"vardi2021, {form}": ("vardi2021", {"form": form}) for form in ("step", "steps", "triangles")},
    "park2021": ("park2021", None),
}
WORD_BITS = (30, 60, 90, 120, 180, 240, 320, 400)


def pairs_of_points(n, d, delta, rng):
    """n/2 random points of the unit sphere, each with another one of it at distance delta."""
    X = sphere(n // 2, d, rng, np.float64)
    towards = rng.standard_normal(X.shape)
    towards -= (towards * X).sum(axis=1, keepdims=True) * X
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    angle = 2 * np.arcsin(delta / 2)
    return np.concatenate([X, np.cos(angle) * X + np.sin(angle) * towards])


def sphere(n, d, rng, dtype=np.float32):
    """Random points of the unit sphere."""
    X = rng.standard_normal((n, d), dtype)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X


def hyperplanes_needed(hyperplanes, X, rng):
    """How many of the hyperplanes, in their order, give all points different signs."""
    columns = rng.integers(0, 2**64, hyperplanes.m, dtype=np.uint64)

    def separate(m):
        first = Hyperplanes(
            hyperplanes.weights[:m], hyperplanes.thresholds[:m], hyperplanes.centre, hyperplanes.exponents
        )
        points = Points(X)
        codes = [first.xor_codes(points.block(start, start + 4096), columns[:m])[0] for start in range(0, len(X), 4096)]
        return len(np.unique(np.concatenate(codes))) == len(X)

    low, high = 0, hyperplanes.m
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if separate(middle) else (middle, high)
    return high


def build(X, y, delta, seed):
    """The network of the theorem."""
    return fastmem.memorize(X, y, construction="rajput2021", delta=delta, random_state=seed)


def measure(varied, X, delta, draws=0):
    """A network on X with random labels, as a row of the table; hyperplanes needed are the mean of some draws."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, len(X))
    start = time.perf_counter()
    net = build(X, y, delta, 0)
    seconds = time.perf_counter() - start
    needed = [hyperplanes_needed(build(X, y, delta, seed).hyperplanes, X, rng) for seed in range(draws)]
    sizes, weights = net.widths, [layer.n_weights for layer in net.layers]
    row = (
        varied, *X.shape, float(delta), sizes[0], float(np.mean(needed)) if needed else None,
        net.encoder.n_bits, sum(sizes[1:-3]), net.store.weights.shape[1], net.store.n_blocks, sum(sizes[-3:]),
        sum(sizes), weights[0], sum(weights[1:-3]), sum(weights[-3:]), sum(weights), net.largest_integer_weight,
        net.depth, net.drawn["hyperplanes"], net.drawn["codes"], seconds,
    )  # fmt: skip
    print_row(row)
    return dict(zip(COLUMNS, row, strict=True))


def measure_all(most_points):
    """Rows of the three series."""
    rng = np.random.default_rng(0)
    print_header(COLUMNS)
    rows = [
        measure("delta", pairs_of_points(10_000, 16, delta, rng), delta * (1 - 1e-9), draws=10)
        for delta in 2.0 ** -np.arange(1, 8)
    ]
    # More of them where the weights that grow with n are most of all.
    powers = [*np.arange(2, 6, 0.5), *np.arange(6, 7, 0.25)]
    counts = [n for n in (10 ** np.array(powers)).round().astype(int).tolist() if n <= most_points]
    rows += [measure("n", sphere(n, 64, rng), 0.5) for n in counts]
    return rows + [measure("d", sphere(10_000, d, rng), 0.5) for d in 2 ** np.arange(6, 14)]


def measure_constructions(most_points):
    """Rows of every construction for each n."""
    rng = np.random.default_rng(0)
    print_header(COLUMNS_OF_ALL)
    rows = []
    counts = (10 ** np.arange(2, 4.01, 0.25)).round().astype(int).tolist()
    for n in (n for n in counts if n <= most_points):
        X, y = sphere(n, D, rng), rng.integers(0, 2, n)
        comparison = fastmem.compare(X, y, constructions=NAMES, random_state=0)
        for built in comparison.rows:
            network = comparison.networks.get(built.name)
            if network is None or getattr(network, "store_reason", ""):
                continue
            row = (
                "construction", built.name, n, D, built.neurons, built.bound, built.weights, 8 * network.nbytes,
                bits_of_numbers(network), built.longest_integer, built.depth, built.build_seconds,
            )  # fmt: skip
            print_row(row)
            rows.append(dict(zip(COLUMNS_OF_ALL, row, strict=True)))
    return rows


def on_grid(n, rng):
    """Normal points of R^16, rounded to a grid."""
    return np.rint(rng.standard_normal((n, 16)) * 2**12) / 2**12


def measure_deep(varied, name, X, y, **options):
    """A network that extracts bits, and its row."""
    construction, form = DEEP[name]
    start = time.perf_counter()
    net = fastmem.memorize(
        X, y, construction=construction, construction_options=(form or {}) | options or None, random_state=0
    )
    seconds = time.perf_counter() - start
    row = (
        varied, name, *X.shape, net.n_neurons, None, net.n_weights, 8 * net.nbytes, bits_of_numbers(net),
        net.longest_integer, net.depth, seconds,
    )  # fmt: skip
    return net, dict(zip(COLUMNS_OF_ALL, row, strict=True))


def measure_grid(most_points):
    """Rows of the networks that extract bits for each n."""
    rng = np.random.default_rng(0)
    print_header(COLUMNS_OF_ALL)
    rows = []
    counts = (10 ** np.arange(3, 4.51, 0.25)).round().astype(int).tolist()
    for n in (n for n in counts if n <= most_points):
        X, y = on_grid(n, rng), rng.integers(0, 2, n)
        for name in DEEP:
            rows.append(measure_deep("grid", name, X, y)[1])
            print_row(rows[-1].values())
    return rows


def measure_words():
    """Rows of networks with shorter and longer words."""
    rng = np.random.default_rng(0)
    X, y = on_grid(10_000, rng), rng.integers(0, 2, 10_000)
    print()
    print_header((
        *COLUMNS_OF_WORDS, "neurons", "weights", "n / word bits", "depth", "bits of numbers a label", "bits a label",
    ))  # fmt: skip
    rows = []
    for word_bits in WORD_BITS:
        net, row = measure_deep("words", "vardi2021, step", X, y, word_bits=word_bits)
        of_words = (word_bits, net.drawn["groups"], net.drawn["slots"], float(net.float64_error))
        per_label = [row[size] / len(X) for size in ("bits of numbers", "bits")]
        print_row((*of_words, net.n_neurons, net.n_weights, len(X) / word_bits, net.depth, *per_label))
        rows.append(row | dict(zip(COLUMNS_OF_WORDS, of_words, strict=True)) | {"code bits": net.drawn["code_bits"]})
    return rows


def print_exponents_of_all(rows):
    """The table of how each construction grows."""
    print()
    print_header(("construction", "n from", "to", *(head for size in SIZES for head in (size, "95 % interval"))))
    for name in dict.fromkeys(row["construction"] for row in rows):
        some = [row for row in rows if row["construction"] == name]
        if len(some) >= 3:
            n = [row["n"] for row in some]
            laws = [power_law(n, [row[size] for row in some]) for size in SIZES]
            fitted = [part for law in laws for part in (f"{law.exponent:.2f}", f"{law.low:.2f} to {law.high:.2f}")]
            print_row((name, min(n), max(n), *fitted))


def print_bits_a_label(rows):
    """The table of bits a label, as saved and of the numbers alone, for powers of ten."""
    print()
    counts = [n for n in sorted({row["n"] for row in rows}) if n == 10 ** round(np.log10(n))]
    columns = [(size, n) for size in ("bits", "bits of numbers") for n in counts]
    print_header(("construction", *(f"{size} a label, n = {n:,}" for size, n in columns)))
    at = {(row["construction"], row["n"]): row for row in rows}
    for name in dict.fromkeys(row["construction"] for row in rows):
        print_row((name, *(at[name, n][size] / n if (name, n) in at else None for size, n in columns)))


def exponents(rows):
    """Fitted power laws: what, of what, over which rows, and the law."""
    delta, n, d = ([row for row in rows if row["varied"] == name] for name in ("delta", "n", "d"))
    large = [row for row in n if row["n"] >= 1000]
    dominated = [row for row in n if row["weights after the code"] >= MOST * row["weights"]]
    wide = [row for row in d if row["first weights"] >= MOST * row["weights"]]

    def law(rows, x, y):
        return power_law([x(row) for row in rows], [row[y] for row in rows])

    def one_over_delta(row):
        return 1 / row["delta"]

    cases = [
        ("hyperplanes", "1/delta", delta, one_over_delta),
        ("hyperplanes needed", "1/delta", delta, one_over_delta),
        ("neurons", "1/delta", delta, one_over_delta),
        ("units after the code", "n", large, lambda row: row["n"]),
        ("weights after the code", "n", large, lambda row: row["n"]),
        ("weights", "n", dominated, lambda row: row["n"]),
        ("first weights", "d", d, lambda row: row["d"]),
        ("weights", "d", wide, lambda row: row["d"]),
    ]
    for what, of, some, x in cases:
        if len(some) >= 3:
            yield what, of, some, law(some, x, what)


def print_exponents(rows):
    """The table of fitted exponents."""
    print()
    print_header(("what", "against", "from", "to", "networks", "exponent", "95 % interval", "constant"))
    for what, of, some, law in exponents(rows):
        x = [1 / row["delta"] if of == "1/delta" else row[of] for row in some]
        interval = f"{law.low:.3f} to {law.high:.3f}"
        print_row((what, of, float(min(x)), float(max(x)), len(x), f"{law.exponent:.3f}", interval, law.constant))


def print_constants(rows):
    """The table of constants beside the forms of the theorem."""
    print()
    print_header((
        "n", "delta", "hyperplanes · delta / ln n", "needed · delta / ln n", "parity units / (m k)", "lift units / √n",
        "blocks / √n", "units after the code / √n", "weights after the code / n", "neurons / (1/delta + √n)",
        "weights / (d/delta + n)",
    ))  # fmt: skip
    for row in rows:
        if row["varied"] == "d":
            continue
        n, delta, root = row["n"], row["delta"], row["n"] ** 0.5
        needed = row["hyperplanes needed"]
        print_row((
            n, delta, row["hyperplanes"] * delta / np.log(n), needed and needed * delta / np.log(n),
            row["parity units"] / (row["hyperplanes"] * row["code bits"]), row["lift units"] / root,
            row["blocks"] / root, row["units after the code"] / root, row["weights after the code"] / n,
            row["neurons"] / (1 / delta + root), row["weights"] / (row["d"] / delta + n),
        ))  # fmt: skip


def write(rows, path):
    """Write the rows, and again those that the file has of what was not varied now."""
    varied = {row["varied"] for row in rows}
    if path.exists():
        with path.open(newline="") as file:
            rows = rows + [row for row in csv.DictReader(file) if row["varied"] not in varied]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(COLUMNS + COLUMNS_OF_ALL + COLUMNS_OF_WORDS)))
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: VARIED.index(row["varied"])))


def main():
    """Measure, print, and write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = ("theorem", "constructions", "grid", "words")
    parser.add_argument("--table", nargs="+", choices=tables, default=tables)
    parser.add_argument("--csv", type=Path, help="where to write the rows")
    parser.add_argument(
        "--most-points", type=int, default=10**7, help="leave out larger n (1.4 GB of points at 5.6 million)"
    )
    arguments = parser.parse_args()
    rows = []
    if "theorem" in arguments.table:
        rows = measure_all(arguments.most_points)
        print_exponents(rows)
        print_constants(rows)
    for table, measured in (("constructions", measure_constructions), ("grid", measure_grid)):
        if table in arguments.table:
            of_all = measured(arguments.most_points)
            print_exponents_of_all(of_all)
            print_bits_a_label(of_all)
            rows = rows + of_all
    if "words" in arguments.table:
        rows = rows + measure_words()
    if arguments.csv is not None:
        write(rows, arguments.csv)


if __name__ == "__main__":
    main()
