"""What the binary store takes for a label, in bits, neurons and time.

    python benchmarks/store.py [--table sizes times codes laws file]

prints Markdown tables as their rows finish, all on one thread, times the best of several taken in turns:

- sizes: random 40-bit codes with a random label bit each. Bits a label in the table (one-bit weights), as saved, and
  in memory with what is derived for lookups; threshold units of all layers, beside those of the integer store;
- times: the same. Build: `BinaryStore.build` from sorted codes, beside np.sort of the codes in random order. Lookup: up
  to 1,000,000 stored codes in random order, beside np.searchsorted in the sorted codes, a Python dict in a loop,
  numba's typed dict in a compiled loop (left out without numba), and the integer store;
- codes: cells a bit (c) for codes of hyperplanes on real and random data, and for sets of codes of special shape;
- laws: bits a label beside the entropy H of the labels, for label distributions from all equal to all different;
- file: `net.save` of 1,000,000 points with random labels.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from benchmarks.data import LABEL_LAWS, classes_by_law, digits, image_patches, random_codes, sphere
from measuring import fastest, print_header, print_row, print_tables

import fastmem
from fastmem.store import BinaryStore, IntegerStore

N_BITS = 40
MOST_QUERIES = 10**6
MOST_PYTHON = 10**6


def sizes():
    """Bits and neurons for a random label bit."""
    print_header([
        "n", "table bits", "saved bits", "bits in memory", "c", "neurons", "neurons / √n",
        "integer store: saved bits", "neurons", "neurons / √n",
    ])  # fmt: skip
    for n in (10**4, 10**5, 10**6, 10**7):
        codes, (classes, n_classes) = np.sort(random_codes(n, N_BITS)), classes_by_law("2 uniform", n)
        store, integer = (kind.build(codes, classes, N_BITS, n_classes) for kind in (BinaryStore, IntegerStore))
        neurons, integer_neurons = n_neurons(store), n_neurons(integer)
        print_row([
            n, *map(three_places, (store.n_cells / n, 8 * store.nbytes / n, 8 * nbytes_in_memory(store) / n)),
            three_places(store.cells_per_bit), neurons, neurons / n**0.5,
            8 * integer.nbytes / n, integer_neurons, integer_neurons / n**0.5,
        ])  # fmt: skip


def three_places(value):
    """A number of bits."""
    return f"{value:.3f}"


def n_neurons(store):
    """Number of threshold units of all layers."""
    return sum(layer.n_units for layer in store.layers())


def nbytes_in_memory(store):
    """Bytes of all that lookups read; the features are shared between ribbons."""
    shared = store.features.counts.nbytes + store.features.shifts.nbytes
    return shared + sum(ribbon.nbytes_in_memory - shared for ribbon in store.ribbons)


def times():
    """Nanoseconds a key to build and to look up a random label bit."""
    print_header([
        "n", "build ns", "build Mkeys/s", "np.sort ns", "build / np.sort", "lookup ns", "np.searchsorted ns",
        "np.searchsorted / lookup", "dict ns", "numba dict ns", "integer store ns",
    ])  # fmt: skip
    for n in (10**4, 10**5, 10**6, 10**7):
        unsorted, (classes, n_classes) = random_codes(n, N_BITS), classes_by_law("2 uniform", n)
        codes = np.sort(unsorted)
        rounds = int(np.clip(10**7 // n, 3, 50))
        build = fastest(
            {
                "build": partial(BinaryStore.build, codes, classes, N_BITS, n_classes),
                "np.sort": partial(np.sort, unsorted),
            },
            rounds,
        )
        lookup = lookup_seconds(codes, classes, unsorted[:MOST_QUERIES], rounds)
        build, lookup = nanoseconds(build, n), nanoseconds(lookup, min(n, MOST_QUERIES))
        print_row([
            n, build["build"], 1e3 / build["build"], build["np.sort"], build["build"] / build["np.sort"],
            lookup["binary"], lookup["np.searchsorted"], lookup["np.searchsorted"] / lookup["binary"],
            lookup.get("dict"), lookup.get("numba"), lookup["integer"],
        ])  # fmt: skip


def nanoseconds(seconds, n):
    """Times for n keys as nanoseconds a key."""
    return {name: 1e9 * value / n for name, value in seconds.items()}


def lookup_seconds(codes, classes, queries, rounds):
    """Least seconds to look up all queries, by method."""
    steps = {
        "binary": partial(BinaryStore.build(codes, classes, N_BITS, 2).lookup, queries),
        "np.searchsorted": partial(np.searchsorted, codes, queries),
        "integer": partial(IntegerStore.build(codes, classes, N_BITS, 2).lookup, queries),
    }
    if len(codes) <= MOST_PYTHON:
        table = dict(zip(codes.tolist(), classes.tolist(), strict=True))
        steps["dict"] = partial(read_dict, table, queries.tolist())
    if numba_dict := filled_numba_dict(codes, classes):
        steps["numba"] = partial(numba_dict, queries, np.empty(len(queries), np.uint8))
    return fastest(steps, rounds)


def read_dict(table, keys):
    """One key after the other."""
    for key in keys:
        table[key]


def filled_numba_dict(codes, classes):
    """A function that looks up codes in numba's typed dict; None without numba."""
    try:
        import numba
    except ImportError:
        return None

    @numba.njit
    def fill(table, keys, values):
        for i in range(len(keys)):
            table[keys[i]] = values[i]

    @numba.njit
    def read(table, keys, values):
        for i in range(len(keys)):
            values[i] = table[keys[i]]

    table = numba.typed.Dict.empty(numba.types.uint64, numba.types.uint8)
    fill(table, codes, classes.astype(np.uint8))
    read(table, codes[:1], np.empty(1, np.uint8))  # compile
    return partial(read, table)


def codes():
    """Cells a bit for codes of many shapes, with a random label bit each."""
    print_header(["codes", "n", "k", "c", "groups read", "parities"])
    for name, draw in CODES.items():
        stored, n_bits = draw()
        stored = np.unique(stored)
        labels = np.random.default_rng(3).integers(0, 2, len(stored), dtype=np.int32)
        store = BinaryStore.build(stored, labels, n_bits, 2)
        parities = store.ribbons[0].n_parities
        cells = three_places(store.cells_per_bit)
        print_row([name, len(stored), n_bits, cells, len(store.features.shifts), parities])


def chosen_codes(load):
    """Codes of the hyperplanes that `memorize` chooses to tell all points apart, and their length."""
    X, _ = load()
    y = np.random.default_rng(0).integers(0, 2, len(X))
    net = fastmem.memorize(X, y, separate="all", effort="fast", random_state=0, n_threads=1)
    return net.codes(X, n_threads=1), net.encoder.n_bits


def median_codes(load, n_hyperplanes=48):
    """Codes of hyperplanes in random directions, with half of the points on either side, and their length."""
    X, _ = load()
    projections = X @ np.random.default_rng(0).standard_normal((X.shape[1], n_hyperplanes)).astype(X.dtype)
    return packed(projections >= np.median(projections, axis=0)), n_hyperplanes


def packed(bits):
    """Codes with the given bits, lowest first."""
    return np.bitwise_or.reduce(bits.astype(np.uint64) << np.arange(bits.shape[1], dtype=np.uint64), axis=1)


def digits_with_jitter():
    """Each of scikit-learn's digits 60 times, with noise of standard deviation 0.7."""
    X, y = digits()
    X, y = np.repeat(X, 60, axis=0), np.repeat(y, 60)
    return X + 0.7 * np.random.default_rng(0).standard_normal(X.shape), y


POINTS = {
    "digits with jitter": digits_with_jitter,
    "sphere 150k×8": lambda: sphere(150_000, 8),
    "sphere 150k×32": lambda: sphere(150_000, 32),
    "image patches": image_patches,
}


def cube(n_bits, shift=0):
    """All codes of so many bits, with zeros behind."""
    return np.arange(1 << n_bits, dtype=np.uint64) << np.uint64(shift), n_bits + shift


def arithmetic_progression():
    """Every 1,000,003rd number."""
    return np.arange(10**5, dtype=np.uint64) * np.uint64(1_000_003), N_BITS


def linear_subspace(dimension=17, n_bits=60):
    """All sums modulo two of random words."""
    words = np.zeros(1, np.uint64)
    for word in np.random.default_rng(0).integers(0, 1 << n_bits, dimension, dtype=np.uint64):
        words = np.concatenate([words, words ^ word])
    return words, n_bits


def narrow_range():
    """A tenth of 2^20 successive numbers."""
    chosen = np.random.default_rng(0).choice(1 << 20, 10**5, replace=False).astype(np.uint64)
    return chosen + np.uint64(1 << 39), N_BITS


def skewed_bits(share=0.08, n_bits=60):
    """Words with independent bits that are mostly 0."""
    return packed(np.random.default_rng(0).random((10**5, n_bits)) < share), n_bits


def words_of_weight_three(n_bits=60):
    """All words with three ones."""
    i, j, k = (1 << np.indices((n_bits, n_bits, n_bits), np.uint64)).reshape(3, -1)
    return (i | j | k)[(i < j) & (j < k)], n_bits


CODES = {
    "random, 40 bits": lambda: (random_codes(10**6, N_BITS), N_BITS),
    **{f"{name}, chosen hyperplanes": partial(chosen_codes, load) for name, load in POINTS.items()},
    **{f"{name}, 48 through the median": partial(median_codes, load) for name, load in POINTS.items()},
    "cube 2^10": partial(cube, 10),
    "cube 2^14": partial(cube, 14),
    "cube 2^20": partial(cube, 20),
    "cube 2^20 shifted by 6 bits": partial(cube, 20, 6),
    "arithmetic progression": arithmetic_progression,
    "linear subspace": linear_subspace,
    "narrow range": narrow_range,
    "bits 1 with p = 0.08": skewed_bits,
    "weight 3 of 60 bits": words_of_weight_three,
}


def laws():
    """Bits a label beside the entropy, for many label distributions."""
    print_header(["labels", "n", "H", "table bits", "table bits / H", "1.1 H + 0.1", "saved bits", "lookup ns"])
    for n in (10**5, 10**6):
        unsorted = random_codes(n, N_BITS)
        stored = np.sort(unsorted)
        for law in LABEL_LAWS:
            classes, n_classes = classes_by_law(law, n)
            store = BinaryStore.build(stored, classes, N_BITS, n_classes)
            seconds = fastest({"lookup": partial(store.lookup, unsorted)}, 7)["lookup"]
            H, bits = entropy(classes), store.n_cells / n
            print_row([
                law, n, three_places(H), three_places(bits), three_places(bits / H) if H else None,
                three_places(1.1 * H + 0.1), three_places(8 * store.nbytes / n), 1e9 * seconds / n,
            ])  # fmt: skip


def entropy(classes):
    """Empirical entropy in bits."""
    shares = np.bincount(classes) / len(classes)
    shares = shares[shares > 0]
    return abs(float(shares @ np.log2(shares)))


def file():
    """The saved file beside its first layer."""
    print_header([
        "data", "hyperplanes", "file bytes", "first layer bytes", "bits a label beyond",
        "file / (first layer + 1.25 n / 8)",
    ])  # fmt: skip
    X, _ = sphere(10**6, 32)
    net = fastmem.memorize(X, np.random.default_rng(0).integers(0, 2, len(X)), random_state=0, n_threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        net.save(path)
        size = path.stat().st_size
    first = net.first_layer_nbytes
    beyond, target = 8 * (size - first) / len(X), first + 1.25 * len(X) / 8
    print_row(["sphere 1M×32", net.n_hyperplanes, size, first, three_places(beyond), three_places(size / target)])


if __name__ == "__main__":
    print_tables(__doc__, (sizes, times, codes, laws, file))
