"""What the network answers for memorized points that were moved, and for inputs that it has never seen.

    python benchmarks/noise.py [--table unknown noise] [--data NAME ...]

prints Markdown tables, for networks that tell all points apart, read all columns and store random labels of ten
classes, all on one thread:

- unknown: 1,000,000 standard normal points, scaled. The share that `EncodedNetwork.contains` takes for known, for f
  fingerprint bits, beside 2^-f, of all and of those that lie in no memorized point's cell, and the bits a point that
  fingerprints and the e further hyperplanes take;
- noise: 10,000 memorized points, each plus noise of norm r, a vector of random direction. r is a quantile of the
  certified radii or a part of the median distance of a point from its nearest neighbour. Percent of the answers of
  ``predict(..., unknown=-1)`` that are right, wrong and unknown, with tolerance 0 and 3 r / sqrt d, three standard
  deviations of the noise across a hyperplane, codes tried and microseconds a query, beside exact search for the
  nearest memorized point (scikit-learn, "brute"). A label that has nothing to do with the point is right once in ten.
"""

import numpy as np
from benchmarks.data import image_patches
from measuring import fastest, print_header, print_row, print_tables, shares
from sklearn.neighbors import NearestNeighbors

import fastmem
from fastmem.data.points import Points

N_QUERIES = 10_000
FINGERPRINT_BITS = (1, 4, 8, 12, 16, 20)
QUANTILES = (0.01, 0.5, 0.99)
PARTS = (1 / 30, 1 / 10, 1 / 5, 1 / 2, 1)
COLUMNS = [
    "data", "m", "f", "r", "r is", "tolerance 0: right %", "wrong %", "unknown %", "µs", "tolerance 3 r / √d: right %",
    "wrong %", "unknown %", "codes tried", "µs", "nearest neighbour: right %", "µs",
]  # fmt: skip


def normal_points(n=100_000, d=64):
    """Standard normal points."""
    return np.random.default_rng(0).standard_normal((n, d))


def patches(n=100_000):
    """Some of the image patches, as float64 as noise needs."""
    X, _ = image_patches()
    return np.random.default_rng(0).permutation(X)[:n].astype(np.float64)


DATA = {"normal 100k×64": normal_points, "patches 100k×192": patches}


def network(X, fingerprint_bits):
    """The network, which differs in fingerprints only, and its labels."""
    y = np.random.default_rng(1).integers(0, 10, len(X))
    options = {"separate": "all", "columns": "all", "fingerprint_bits": fingerprint_bits}
    options |= {"random_state": 0, "n_threads": 1}
    return fastmem.memorize(X, y, **options), y


def unknown(_):
    """Inputs taken for known although their code was not stored."""
    X = normal_points()
    queries = np.random.default_rng(2).standard_normal((10**6, X.shape[1]), dtype=np.float32)
    print_header(["f", "e", "2^-f", "known", "known of other cells", "scaled by 3: known", "bits a point"])
    for f in FINGERPRINT_BITS:
        net, _ = network(X, f)
        n_bytes = net.nbytes - network(X, 0)[0].nbytes
        known, scaled = (net.contains(scale * queries, n_threads=1) for scale in (1, 3))
        of_others = known[~in_cells(net, X, queries)]
        rates = [float(share.mean()) for share in (known, of_others, scaled)]
        print_row([f, net.n_recognition_hyperplanes, 2.0**-f, *rates, f"{8 * n_bytes / len(X):.2f}"])


def in_cells(net, X, queries):
    """Whether inputs lie in the cells of points of X."""
    codes, memorized = (net.recognition.codes_of(Points(rows))[1] for rows in (queries, X))
    return np.isin(codes, memorized)


def noise(names):
    """Moved points: a row for each r with 16 fingerprint bits, and two with 8 and 24."""
    print_header(COLUMNS)
    for name in names:
        X = DATA[name]()
        net, y = network(X, 16)
        rows = np.random.default_rng(3).choice(len(X), N_QUERIES, replace=False)
        nearest = NearestNeighbors(algorithm="brute").fit(X)
        radii = noise_norms(net, X[rows], nearest)
        for is_what, r in radii.items():
            print_row([name, net.n_hyperplanes, 16, r, is_what, *measure(net, y, X, rows, r, nearest)])
        is_what, r = list(radii.items())[len(QUANTILES) + 1]
        for f in (8, 24):
            print_row([name, net.n_hyperplanes, f, r, is_what, *measure(network(X, f)[0], y, X, rows, r, nearest)])


def noise_norms(net, X, nearest):
    """Norms of the noise by what they are, for some memorized points."""
    certified = net.certified_radius(X, n_threads=1)
    distance = float(np.median(nearest.kneighbors(X[:1000], 2)[0][:, 1]))
    return {
        **{f"{100 * q:.0f} % of certified radii": float(np.quantile(certified, q)) for q in QUANTILES},
        **{f"nearest neighbour / {1 / part:.0f}": part * distance for part in PARTS},
    }


def measure(net, y, X, rows, r, nearest):
    """The columns behind r."""
    direction = np.random.default_rng(4).standard_normal((len(rows), X.shape[1]))
    queries = X[rows] + r * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    labels, tolerance = {}, 3 * r / np.sqrt(X.shape[1])
    steps = {
        "0": lambda: labels.update(exact=net.predict(queries, unknown=-1, n_threads=1)),
        "r": lambda: labels.update(near=net.predict(queries, unknown=-1, tolerance=tolerance, n_threads=1)),
        "nearest": lambda: labels.update(nearest=y[nearest.kneighbors(queries, 1)[1][:, 0]]),
    }
    seconds = {name: 1e6 * value / len(rows) for name, value in fastest(steps, 2).items()}
    tried = net.recognise(Points(queries).block(0, len(rows)), tolerance)[2]
    exact, near, found = (shares(labels[name], y[rows]) for name in ("exact", "near", "nearest"))
    return (*exact, seconds["0"], *near, float(tried.mean()), seconds["r"], found[0], seconds["nearest"])


if __name__ == "__main__":
    print_tables(__doc__, [unknown, noise], data={"choices": list(DATA), "default": list(DATA)})
