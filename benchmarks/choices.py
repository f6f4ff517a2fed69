"""What each option of `memorize` costs and gives, for choosing among them: the tables of docs/guide.md.

    python benchmarks/choices.py [--table store effort margin fingerprints construction forms]

prints Markdown tables as their rows finish, all on one thread. Every table varies one option and leaves the others at
their defaults, but for `separate`, which stands in a column of the first two:

- store: "binary" and "integer";
- effort: "fast", "balanced" and "small";
- margin: 0 and more, relative to the data's scale (the root mean square distance from the mean);
- fingerprints: none to 24 bits a point;
- construction: all of `fastmem.compare`, for 2,000 points of the sphere in 16 dimensions;
- forms: constructions with options of their own, beside the neurons that their theorem allows.

Labels are the data's own or random bits. Seconds to build are those of one verified `memorize`; nanoseconds to predict
are the best of five passes over the memorized points. *Bits a label* are those of the store alone.
"""

import time

import numpy as np
from benchmarks.data import digits, image_patches, moons, random_bits, sphere
from measuring import fastest, print_header, print_row, print_tables

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.theory import vardi2021

N_QUERIES = 100_000
STORES = ("binary", "integer")
EFFORTS = ("fast", "balanced", "small")
FINGERPRINT_BITS = (0, 8, 16, 24)
SIZES = ["hyperplanes", "neurons", "weights", "bits a label", "build s", "predict ns a row"]


def some_patches(n=20_000):
    """Some of the image patches with random labels."""
    X, _ = image_patches()
    return random_bits(np.random.default_rng(0).permutation(X)[:n])


DATA = {
    "digits": digits,
    "patches 20k×192, random": some_patches,
    "sphere 100k×32, random": lambda: random_bits(sphere(100_000, 32)[0]),
    "moons 10k×2": lambda: moons(10_000),
}

# The last of the patches takes 14 seconds, ten times as large a one minutes.
MARGINS = {
    "digits": (0, 1e-5, 1e-4, 1e-3, 1e-2),
    "patches 20k×192, random": (0, 1e-6, 1e-5),
    "sphere 100k×32, random": (0, 1e-6, 1e-5, 1e-4),
    "moons 10k×2": (0, 1e-5, 1e-4, 1e-3),
}


def built(X, y, **options):
    """The network and the seconds it took."""
    start = time.perf_counter()
    net = fastmem.memorize(X, y, random_state=0, n_threads=1, **options)
    return net, time.perf_counter() - start


def predict_nanoseconds(net, X, **options):
    """Nanoseconds a row of predict."""
    return 1e9 * fastest({"predict": lambda: net.predict(X, n_threads=1, **options)})["predict"] / len(X)


def one_option(name, values):
    """Rows for each data set, both values of `separate`, and each value of the option."""
    print_header(["data", "separate", name, *SIZES])
    for data, load in DATA.items():
        X, y = load()
        for separate in ("labels", "all"):
            for value in values:
                net, seconds = built(X, y, separate=separate, **{name: value})
                shown = f"{value}, {net.store.name} built" if net.store_reason else value
                bits, predict = f"{net.bits_per_label:.2f}", f"{predict_nanoseconds(net, X):.0f}"
                print_row([
                    data, separate, shown, net.n_hyperplanes, net.n_neurons, net.n_weights, bits, seconds, predict,
                ])  # fmt: skip


def store():
    """What the store changes."""
    one_option("store", STORES)


def effort():
    """What the effort changes."""
    one_option("effort", EFFORTS)


def margin():
    """What a margin costs; the radius is the smallest that is certified for a memorized point."""
    print_header(["data", "margin / scale", "hyperplanes", "neurons", "smallest certified radius / scale", "build s"])
    for data, margins in MARGINS.items():
        X, y = DATA[data]()
        scale = float(np.sqrt(X.astype(np.float64).var(axis=0).sum()))
        for r in margins:
            try:
                net, seconds = built(X, y, margin=r * scale)
            except fastmem.MarginNotReached as error:
                print_row([data, f"{r:g}", f"not reached; largest found {error.largest / scale:.1e}", None, None, None])
                continue
            radius = net.certified_radius(X, n_threads=1).min() / scale
            print_row([data, f"{r:g}", net.n_hyperplanes, net.n_neurons, f"{radius:.1e}", seconds])


def fingerprints():
    """What fingerprints cost, and how many inputs of codes that were not stored pass for known."""
    X, y = DATA["sphere 100k×32, random"]()
    others = np.random.default_rng(1).standard_normal((10**6, X.shape[1]), dtype=np.float32)
    print_header(["fingerprint_bits", "neurons", "bits a point", "build s", "predict ns a row", "accepted of unknown"])
    for f in FINGERPRINT_BITS:
        net, seconds = built(X, y, separate="all", fingerprint_bits=f)
        options = {"unknown": -1} if f else {}
        if f == 0:
            without = net.nbytes - net.store.nbytes
            other = ~np.isin(net.codes(others, n_threads=1), net.codes(X, n_threads=1))
        accepted = float(net.contains(others[other], n_threads=1).mean()) if f else None
        bits = f"{8 * (net.nbytes - without) / len(X):.2f}"
        print_row([f, net.n_neurons, bits, seconds, f"{predict_nanoseconds(net, X, **options):.0f}", accepted])


def construction():
    """Every construction beside the others."""
    X, y = random_bits(sphere(2000, 16)[0])
    comparison = fastmem.compare(X, y, random_state=0, n_threads=1)
    print_header(["construction", "hyperplanes", "neurons", "weights", "depth", "bits a point", "build s"])
    for row in comparison.rows:
        net = comparison.networks[row.name]
        bits = f"{8 * net.nbytes / len(X):.1f}"
        print_row([row.name, row.hyperplanes, net.n_neurons, net.n_weights, net.depth, bits, row.build_seconds])


FORMS = (
    ("sphere 10k×64, random", "vershynin2020", "small"),
    ("sphere 10k×64, random", "vershynin2020", "theorem"),
    ("sphere 10k×64, random", "bubeck2020", "slabs"),
    ("sphere 10k×64, random", "bubeck2020", "tangent"),
    ("sphere 10k×64, random", "yun2019", None),
    ("sphere 10k×64, random", "park2021", None),
    ("sphere 10k×64, random", "vardi2021", "step"),
    ("sphere 10k×64, random", "vardi2021", "steps"),
    ("sphere 10k×64, random", "vardi2021", "triangles"),
    ("sphere 10k×64, random", "dirksen2024", "small"),
    ("sphere 10k×64, random", "dirksen2024", "theorem"),
    ("moons 10k×2", "dirksen2024", "small"),
    ("moons 10k×2", "dirksen2024", "theorem"),
    ("moons 10k×2", "boxes", None),
)


def forms():
    """What the form of a construction changes: units of each layer, and how exact float64 is for units with numbers."""
    data = {"sphere 10k×64, random": random_bits(sphere(10_000, 64)[0]), "moons 10k×2": moons(10_000)}
    delta = {name: fastmem.separation(X, y, n_threads=1).delta for name, (X, y) in data.items()}
    print_header([
        "data", "construction", "form", "layers", "neurons", "theorem's neurons", "longest integer", "float64 error",
        "build s",
    ])  # fmt: skip
    for name, which, form in FORMS:
        X, y = data[name]
        net, seconds = built(X, y, construction=which, construction_options={"form": form} if form else None)
        bound = theorems_neurons(which, form, *X.shape, delta[name])
        layers = " + ".join(f"{width:,}" for width in net.widths) if net.depth < 10 else f"{net.depth:,} layers"
        error = f"{net.float64_error:.1g}" if net.has_numbers else None
        print_row([name, which, form, layers, net.n_neurons, bound, net.longest_integer, error, seconds])


def theorems_neurons(which, form, n, d, delta):
    """Neurons that suffice for two classes; those of the form built where each has a bound of its own."""
    if which == "vardi2021":
        rho = vardi2021.code_bits(n, delta)
        return vardi2021.sizes(vardi2021.shape(n, rho, 1, form), d, rho, 1, form).neurons
    return CONSTRUCTIONS[which].bound(n, d, delta).neurons


if __name__ == "__main__":
    print_tables(__doc__, (store, effort, margin, fingerprints, construction, forms))
