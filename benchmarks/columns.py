"""What reading few columns gives: sizes, times, and labels kept under noise, beside reading all of them.

    python benchmarks/columns.py [--table sizes hard noise small] [--data NAME ...]

prints Markdown tables, all on one thread, each comparison interleaved in one process, best of several:

- sizes: hyperplanes, columns read, weights of the first layer that are not 0, bytes of all parameters for each label,
  the median certified radius of 2,000 rows, seconds of a verified `memorize`, nanoseconds that `predict` takes a row;
  and predict beside that of "all", and of scikit-learn's ExtraTreeClassifier, and memorize beside its fit;
- hard: data of which few columns say little: what "auto" takes beside "all";
- noise: percent of 5,000 memorized rows that keep their label when each column is moved by normal noise of a relative
  standard deviation, of the column's own, for "all" and "auto", and smallest and median certified radii;
- small: seconds to build, for few points, beside the tree.
"""

import numpy as np
from benchmarks.data import DATA, digits, gaussian, image_patches
from measuring import fastest, print_header, print_row, print_tables
from sklearn.tree import ExtraTreeClassifier

import fastmem

ROUNDS = 5
NOISE = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)


def bits_of(X):
    """Random bits for the points."""
    return np.random.default_rng(1).integers(0, 2, len(X))


def embeddings(n=1_000_000, d=384, centres=10_000):
    """Unit vectors around unit centres, float32."""
    rng = np.random.default_rng(0)
    C = rng.standard_normal((centres, d), dtype=np.float32)
    C /= np.linalg.norm(C, axis=1, keepdims=True)
    X = C[rng.integers(0, centres, n)]
    X += np.float32(0.3 / np.sqrt(d)) * rng.standard_normal((n, d), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X


def near_duplicates(n=20_000, d=64):
    """Pairs of points that differ in one column."""
    rng = np.random.default_rng(0)
    X = np.repeat(gaussian(n // 2, d), 2, axis=0)
    X[np.arange(1, n, 2), rng.integers(0, d, n // 2)] += 1
    return X


def rank_deficient(n=20_000, d=128, rank=6):
    """Points of a subspace."""
    return gaussian(n, rank) @ np.random.default_rng(1).standard_normal((rank, d), dtype=np.float32)


def beside_numbers(n=50_000, d=40):
    """Whole numbers from 0 on, in any order, as the last of the columns."""
    return np.column_stack([gaussian(n, d), np.random.default_rng(2).permutation(n)])


def with_bits(points):
    """A function for points and random bits."""
    return lambda: (X := points(), bits_of(X), {"separate": "labels"})


SIZES = {
    "Gaussian 100k×784": with_bits(lambda: gaussian(100_000, 784)),
    "patches 133k×192, all told apart": lambda: (X := image_patches()[0], bits_of(X), {"separate": "all"}),
    "digits": with_bits(lambda: digits()[0]),
    "digits, own labels": lambda: (*digits(), {"separate": "labels"}),
    "Gaussian 100k×64": with_bits(lambda: gaussian(100_000, 64)),
    "sphere 200k×64": with_bits(lambda: DATA["sphere 200k×64"]()[0]),
    "sphere 1M×32": with_bits(lambda: DATA["sphere 1M×32"]()[0]),
    "embeddings 1M×384": with_bits(embeddings),
}
HARD = {
    "pairs that differ in one of 64 columns": with_bits(near_duplicates),
    "one-hot 2,000": with_bits(lambda: np.eye(2000, dtype=np.float32)),
    "32 bits, 100,000 of them": with_bits(
        lambda: np.unique(np.random.default_rng(0).integers(0, 2, (100_000, 32)), axis=0).astype(np.float32)
    ),
    "20 bits and their parity, all 2^17": with_bits(
        lambda: np.unpackbits(np.arange(2**17, dtype=">u4").view(np.uint8).reshape(-1, 4), axis=1).astype(np.float32)
    ),
    "rank 6 in 128 columns": with_bits(rank_deficient),
    "columns of scale 1e-6 to 1e6": with_bits(lambda: gaussian(50_000, 48) * np.logspace(-6, 6, 48)),
    "100×50,000": with_bits(lambda: gaussian(100, 50_000)),
    "a column of identifiers": with_bits(beside_numbers),
}


def both(X, y, options):
    """Networks that read all columns and few, and seconds for each, and for the tree and the three predictions."""
    nets, tree = {}, ExtraTreeClassifier(max_features=1, random_state=0)

    def build(columns):
        nets[columns] = fastmem.memorize(X, y, columns=columns, random_state=0, n_threads=1, **options)

    rounds = ROUNDS if X.size < 2**25 else 2
    built = fastest({"all": lambda: build("all"), "auto": lambda: build("auto")}, rounds)
    built |= fastest({"tree": lambda: tree.fit(X, y)}, 2 if X.size < 2**25 else 1)
    steps = {name: lambda net=net: net.predict(X, n_threads=1) for name, net in nets.items()}
    predicted = fastest(steps, 3 * rounds) | fastest({"tree": lambda: tree.predict(X)}, 2)
    return nets, built, predicted


def sizes(names):
    """A row for "all" and one for "auto"."""
    print_header([
        "data", "columns", "read", "m", "weights", "bytes a label", "median radius", "memorize s", "predict ns",
        "predict / all", "ExtraTree / predict", "memorize / fit",
    ])  # fmt: skip
    for name in names or SIZES:
        X, y, options = SIZES[name]()
        nets, built, predicted = both(X, y, options)
        for columns, net in nets.items():
            weights = int(np.count_nonzero(net.hyperplanes_read.weights))
            print_row([
                name, columns, len(net.columns), net.n_hyperplanes, weights, f"{net.nbytes / len(X):.3f}",
                float(np.median(net.certified_radius(X[:2000]))), built[columns], 1e9 * predicted[columns] / len(X),
                predicted[columns] / predicted["all"], predicted["tree"] / predicted[columns],
                built[columns] / built["tree"],
            ])  # fmt: skip


def hard(names):
    """A row for each: "auto" beside "all"."""
    print_header(["data", "read", "m", "weights", "m of all", "weights of all", "memorize / all", "predict / all",
                  "bytes / all"])  # fmt: skip
    for name in names or HARD:
        X, y, options = HARD[name]()
        nets, built, predicted = both(X, y, options)
        few, every = nets["auto"], nets["all"]
        counts = [int(np.count_nonzero(net.hyperplanes_read.weights)) for net in (few, every)]
        ratios = built["auto"] / built["all"], predicted["auto"] / predicted["all"], few.nbytes / every.nbytes
        print_row([name, len(few.columns), few.n_hyperplanes, counts[0], every.n_hyperplanes, counts[1], *ratios])


def noise(names):
    """Labels kept."""
    print_header(["data", "columns", "least radius", "median radius", *(f"noise {size:g}: kept %" for size in NOISE)])
    data = {
        "digits": lambda: digits()[0],
        "patches": lambda: image_patches()[0],
        "Gaussian 100k×64": lambda: gaussian(100_000, 64),
    }
    for name in names or data:
        X = data[name]().astype(np.float64)
        y = bits_of(X)
        rows = np.random.default_rng(2).choice(len(X), min(len(X), 5000), replace=False)
        moves = np.random.default_rng(3).standard_normal((len(rows), X.shape[1])) * X.std(axis=0)
        for columns in ("all", "auto"):
            net = fastmem.memorize(X, y, columns=columns, random_state=0, n_threads=1)
            radii = net.certified_radius(X)
            kept = [100 * float((net.predict(X[rows] + size * moves) == y[rows]).mean()) for size in NOISE]
            print_row([name, columns, float(radii.min()), float(np.median(radii)), *(f"{share:.2f}" for share in kept)])


def small(names):
    """Seconds to build."""
    print_header(["n", "d", "effort", "m", "memorize s", "memorize / fit"])
    for n in (100, 1000, 10_000, 100_000):
        X = gaussian(n, 8)
        y = bits_of(X)
        for effort in ("balanced", "small") if n <= 10_000 else ("balanced",):
            nets = []
            steps = {
                "net": lambda effort=effort, X=X, y=y, nets=nets: nets.append(
                    fastmem.memorize(X, y, effort=effort, random_state=0, n_threads=1)
                ),
                "tree": lambda X=X, y=y: ExtraTreeClassifier(max_features=1, random_state=0).fit(X, y),
            }
            seconds = fastest(steps, 10)
            print_row([n, 8, effort, nets[0].n_hyperplanes, seconds["net"], seconds["net"] / seconds["tree"]])


if __name__ == "__main__":
    print_tables(__doc__, [sizes, hard, noise, small], data={})
