"""Data sets of the benchmarks, all seeded."""

import numpy as np

from fastmem.theory import instances
from fastmem.theory.bounds import hyperplanes_for_cells
from fastmem.theory.instances import Instance

__all__ = [
    "DATA", "INSTANCES", "LABEL_LAWS", "circle", "classes_by_law", "digits", "image_patches", "labelled_points",
    "moons", "random_codes", "separate_by", "sphere",
]  # fmt: skip


def sphere(n, d):
    """Uniform points of the unit sphere, float32; labels: the hemisphere."""
    X = instances.sphere(n, d, random_state=0).X
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


def moons(n):
    """scikit-learn's two moons."""
    from sklearn.datasets import make_moons

    return make_moons(n, noise=0.05, random_state=0)


def circle(n):
    """Equally spaced points of the unit circle; labels: alternating, so that n / 2 hyperplanes are needed."""
    instance = instances.circle(n)
    return instance.X, instance.y


DATA = {
    "digits": digits,
    "patches": image_patches,
    "sphere 100k×16": lambda: sphere(100_000, 16),
    "sphere 200k×64": lambda: sphere(200_000, 64),
    "circle 1000": lambda: circle(1000),
}


def labelled_points(name):
    """Points of a data set and random labels of two classes."""
    X, _ = DATA[name]()
    return X, np.random.default_rng(1).integers(0, 2, len(X))


def _all_different(name, X, y):
    """A data set of no special shape, all points to be told apart."""
    bound = hyperplanes_for_cells(*X.shape)
    return Instance(name, X, y, bound, "lower bound", "all", "every point needs a cell of its own")


def _moons(n):
    return Instance("moons", *moons(n), 2, "lower bound", "labels", "the moons interlock: no line parts them")


# Points to separate, with what is known about the number of hyperplanes.
INSTANCES = {
    "digits": lambda: _all_different("digits", *digits()),
    "patches": lambda: _all_different("patches", *image_patches()),
    "moons 100k": lambda: _moons(100_000),
    "circle 1000": lambda: instances.circle(1000),
    "circle 10000": lambda: instances.circle(10_000),
    "moment curve 2000×8": lambda: instances.moment_curve(2000, 8),
    "square 10k": lambda: instances.square(10_000, random_state=0),
    "square 100k": lambda: instances.square(100_000, random_state=0),
    "tight pairs 100k×64": lambda: instances.tight_pairs(100_000, 64, random_state=0),
    "grid 32^3": lambda: instances.grid(32, 3, random_state=0),
    "rotated grid 32^3": lambda: instances.grid(32, 3, rotated=True, random_state=0),
    "sphere 100k×16": lambda: instances.sphere(100_000, 16, random_state=0),
    "sphere 200k×256": lambda: instances.sphere(200_000, 256, random_state=0),
    "sphere 1M×32": lambda: instances.sphere(1_000_000, 32, random_state=0),
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
