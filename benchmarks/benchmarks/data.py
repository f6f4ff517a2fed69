"""Data sets of the benchmarks, all seeded.

`fastmem.theory.instances` is imported where it is used: the suite also runs on commits that do not have it.
"""

import numpy as np

__all__ = [
    "DATA", "INSTANCES", "LABEL_LAWS", "ODD_SHAPES", "SIGN_SHAPES", "circle", "classes_by_law", "digits",
    "encoder_of_shape", "gaussian", "image_patches", "labelled_points", "moons", "random_bits", "random_codes",
    "separate_by", "sphere",
]  # fmt: skip


def gaussian(n, d):
    """Standard normal points, float32."""
    return np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)


def sphere(n, d):
    """Uniform points of the unit sphere, float32; labels: the hemisphere."""
    X = gaussian(n, d)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, (X[:, 0] > 0).astype(int)


def digits():
    """scikit-learn's digits with their labels."""
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def image_patches():
    """All distinct 8×8×3 patches of two images at stride 2; labels: which of the images comes first."""
    from sklearn.datasets import load_sample_images

    views = [
        np.lib.stride_tricks.sliding_window_view(image, (8, 8, 3))[::2, ::2].reshape(-1, 192)
        for image in load_sample_images().images
    ]
    X, first = np.unique(np.concatenate(views), axis=0, return_index=True)
    return X.astype(np.float32), (first >= len(views[0])).astype(int)


def random_bits(X):
    """The points with a random label bit each."""
    return X, np.random.default_rng(0).integers(0, 2, len(X))


def moons(n):
    """scikit-learn's two moons."""
    from sklearn.datasets import make_moons

    return make_moons(n, noise=0.05, random_state=0)


def circle(n):
    """Equally spaced points of the unit circle, n even; labels: alternating, so that n / 2 hyperplanes are needed."""
    angles = np.arange(n) * (2 * np.pi / n)
    return np.column_stack([np.cos(angles), np.sin(angles)]), np.arange(n) % 2


DATA = {
    "digits": digits,
    "patches": image_patches,
    "sphere 100k×16": lambda: sphere(100_000, 16),
    "sphere 200k×64": lambda: sphere(200_000, 64),
    "sphere 1M×32": lambda: sphere(1_000_000, 32),
    "circle 1000": lambda: circle(1000),
}


def labelled_points(name):
    """Points of a data set and random labels of two classes."""
    X, _ = DATA[name]()
    return X, np.random.default_rng(1).integers(0, 2, len(X))


def _instance(name, *arguments, **options):
    from fastmem.theory import instances

    return getattr(instances, name)(*arguments, **options)


def _all_different(name, X, y):
    """A data set of no special shape, all points to be told apart."""
    from fastmem.theory.bounds import hyperplanes_for_cells
    from fastmem.theory.instances import Instance

    bound = hyperplanes_for_cells(*X.shape)
    return Instance(name, X, y, bound, "lower bound", "all", "every point needs a cell of its own")


def _moons(n):
    from fastmem.theory.instances import Instance

    return Instance("moons", *moons(n), 2, "lower bound", "labels", "the moons interlock: no line parts them")


# Points to separate, with what is known about the number of hyperplanes.
INSTANCES = {
    "digits": lambda: _all_different("digits", *digits()),
    "patches": lambda: _all_different("patches", *image_patches()),
    "moons 100k": lambda: _moons(100_000),
    "circle 1000": lambda: _instance("circle", 1000),
    "circle 10000": lambda: _instance("circle", 10_000),
    "moment curve 2000×8": lambda: _instance("moment_curve", 2000, 8),
    "square 10k": lambda: _instance("square", 10_000, random_state=0),
    "square 100k": lambda: _instance("square", 100_000, random_state=0),
    "tight pairs 100k×64": lambda: _instance("tight_pairs", 100_000, 64, random_state=0),
    "grid 32^3": lambda: _instance("grid", 32, 3, random_state=0),
    "rotated grid 32^3": lambda: _instance("grid", 32, 3, rotated=True, random_state=0),
    "sphere 100k×16": lambda: _instance("sphere", 100_000, 16, random_state=0),
    "sphere 200k×256": lambda: _instance("sphere", 200_000, 256, random_state=0),
    "sphere 1M×32": lambda: _instance("sphere", 1_000_000, 32, random_state=0),
}


def _with_random_bits(X):
    return X, np.random.default_rng(1).integers(0, 2, len(X))


def _points_of_categories(n):
    times = np.sort(np.random.default_rng(0).uniform(1.6e9, 1.7e9, n))
    return np.column_stack([times, np.random.default_rng(2).integers(0, 5, n)])


def _clusters_far_apart(n, d):
    random = np.random.default_rng(0)
    return random.normal(size=(10, d))[random.integers(0, 10, n)] * 1e6 + random.normal(size=(n, d)) * 1e-6


# Points with random bits as labels: on a line, on a curve, on few lines, in clusters, in very many dimensions.
ODD_SHAPES = {
    "line 100k×2": lambda: _with_random_bits(np.random.default_rng(0).normal(size=(100_000, 1)) * [1, 2]),
    "circle 20k": lambda: _with_random_bits(_instance("circle", 20_000).X),
    "times of 5 categories 20k": lambda: _with_random_bits(_points_of_categories(20_000)),
    "clusters 5k×8": lambda: _with_random_bits(_clusters_far_apart(5000, 8)),
    "subnormal 5k×8": lambda: _with_random_bits(np.random.default_rng(0).integers(-(2**40), 2**40, (5000, 8)) * 5e-324),
    "wide 50×150k": lambda: _with_random_bits(np.random.default_rng(0).normal(size=(50, 150_528))),
}


def separate_by(name):
    """Which points of `INSTANCES` the benchmarks tell apart: those of different labels for the moons, else all."""
    return "labels" if name.startswith("moons") else "all"


# How labels are distributed: the share of each class, or None if all labels differ.
LABEL_LAWS = {
    "2 uniform": np.full(2, 1 / 2),
    "10 uniform": np.full(10, 1 / 10),
    "95 / 5": np.array([0.95, 0.05]),
    "99 / 1": np.array([0.99, 0.01]),
    "50 / 49 / 1": np.array([0.5, 0.49, 0.01]),
    "1000 Zipf": 1 / np.arange(1, 1001) / np.sum(1 / np.arange(1, 1001)),
    "all equal": np.ones(1),
    "all different": None,
}


def classes_by_law(law, n):
    """Random class indices, int32, and the number of classes."""
    rng, shares = np.random.default_rng(2), LABEL_LAWS[law]
    if shares is None:
        return rng.permutation(n).astype(np.int32), n
    return rng.choice(len(shares), n, p=shares).astype(np.int32), len(shares)


def random_codes(n, n_bits=40):
    """Random distinct codes in random order, uint64."""
    rng = np.random.default_rng(0)
    return rng.permutation(np.unique(rng.integers(0, 1 << n_bits, n + n // 20 + 100, dtype=np.uint64)))[:n]


# Points, dimensions, hyperplanes of the sign pass.
SIGN_SHAPES = [
    (1_000_000, 2, 32), (1_000_000, 8, 48), (1_000_000, 16, 48), (1_000_000, 32, 38),
    (1_000_000, 64, 34), (200_000, 192, 32), (100_000, 384, 32), (50_000, 784, 32),
]  # fmt: skip


def encoder_of_shape(X, m):
    """An encoder of m random hyperplanes, each of whose signs is 1 for about half of the Gaussian points X."""
    from fastmem.encoder import Encoder, Hyperplanes, LinearCode, column_frame

    rng, d = np.random.default_rng(3), X.shape[1]
    weights = rng.standard_normal((m, d), dtype=np.float32)
    thresholds = 0.3 * np.sqrt(d) * rng.standard_normal(m)
    return Encoder(Hyperplanes(weights, thresholds, *column_frame(X[:4096])), LinearCode.identity(m))
