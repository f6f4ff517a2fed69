"""Networks that every export must carry over: of all constructions and stores, for natural and for random labels."""

import functools

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

import fastmem


def digits():
    """1797 images of digits, 64 integers each."""
    data = load_digits()
    return data.data.astype(np.float32), data.target


def patches(n=20_000):
    """The first n distinct 8×8 patches of a photograph, as 192 numbers."""
    image = load_sample_images().images[0]
    found = extract_patches_2d(image, (8, 8), max_patches=n + n // 5, random_state=0).reshape(-1, 192)
    return np.unique(found, axis=0)[:n].astype(np.float32)


def random_labels(n, k=10):
    """Labels drawn at random from k."""
    return np.random.default_rng(1).integers(0, k, n)


def sphere(n, d):
    """Points of the unit sphere."""
    return fastmem.theory.instances.sphere(n, d, 0).X


def circle(n):
    """Points of the unit circle, neighbours with different labels."""
    instance = fastmem.theory.instances.circle(n)
    return instance.X, instance.y


def _case(X, y=None, k=10, **options):
    return X, random_labels(len(X), k) if y is None else y, options


_CASES = {
    "digits": lambda: _case(*digits()),
    "digits, random labels": lambda: _case(digits()[0]),
    "digits, integer store": lambda: _case(*digits(), store="integer"),
    "digits, text": lambda: _case(digits()[0], np.array(["zero", "eins", "två", "три"])[digits()[1] % 4]),
    "digits, fingerprints": lambda: _case(*digits(), separate="all", fingerprint_bits=8),
    "known by all columns": lambda: _case(patches(2000), separate="all", fingerprint_bits=9),
    "negative labels": lambda: _case(digits()[0], (digits()[1] - 5).astype(np.int8)),
    "digits, margin": lambda: _case(*digits(), margin=0.01),
    "digits, a run of columns": lambda: _case(*digits(), columns=slice(10, 52), fingerprint_bits=8),
    "digits, all columns": lambda: _case(*digits(), columns="all"),
    "two labels": lambda: _case(digits()[0], digits()[1] % 2 == 0),
    "float labels": lambda: _case(digits()[0], digits()[1] / 4),
    "patches": lambda: _case(patches(3000)),
    "circle, codes of 60 bits": lambda: _case(*circle(120), store="integer"),
    "circle, a linear code": lambda: _case(circle(300)[0]),
    "line": lambda: _case(np.random.default_rng(0).normal(size=(100, 1)), k=3),
    "one class": lambda: _case(sphere(50, 3), k=1),
    "one class, fingerprints": lambda: _case(sphere(50, 3), k=1, separate="all", fingerprint_bits=6),
    "rajput2021": lambda: _case(sphere(500, 16), construction="rajput2021"),
    "baum1988": lambda: _case(sphere(500, 16), construction="baum1988"),
}
CASES = list(_CASES)


@functools.cache
def case(name):
    """Points, labels and the network that memorized them."""
    X, y, options = _CASES[name]()
    return X, y, fastmem.memorize(X, y, random_state=0, **options)


def exclusive_or():
    """A network from layers of our own, and all its inputs and outputs."""
    net = fastmem.Network.from_layers([([[1, 1], [1, 1]], [0.5, 1.5]), ([[0.5, -0.25]], [0.5])])
    return np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0]), net


def near_a_hyperplane():
    """Points, labels and a network with a hyperplane so near to row 3 that float32 may err: at 0.5 + 2^-26."""
    X = np.array([[0.0], [0.25], [0.5], [0.5 + 2.0**-25], [1.0]])
    y = np.array([0, 0, 0, 1, 1])
    return X, y, fastmem.memorize(X, y, random_state=0)


def others(X, n=2000):
    """Points that were not memorized, about as large."""
    rng = np.random.default_rng(2)
    return (X[rng.integers(0, len(X), n)] + X.std() * rng.normal(size=(n, X.shape[1]))).astype(X.dtype)
