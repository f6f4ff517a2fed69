"""Data sets of the benchmarks, all seeded."""

import numpy as np

__all__ = ["DATA", "labelled_points"]


def _sphere(n, d):
    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _digits():
    from sklearn.datasets import load_digits

    return load_digits().data


def _patches():
    from sklearn.datasets import load_sample_images

    views = [
        np.lib.stride_tricks.sliding_window_view(image, (8, 8, 3))[::2, ::2].reshape(-1, 192)
        for image in load_sample_images().images
    ]
    return np.unique(np.concatenate(views), axis=0).astype(np.float32)


def _circle():
    angle = 2 * np.pi * np.arange(1000) / 1000
    return np.column_stack([np.cos(angle), np.sin(angle)])


DATA = {
    "digits": _digits,
    "patches": _patches,
    "sphere 100k×16": lambda: _sphere(100_000, 16),
    "sphere 200k×64": lambda: _sphere(200_000, 64),
    "circle 1000": _circle,
}


def labelled_points(name):
    """Points of a data set and random labels of two classes."""
    X = DATA[name]()
    return X, np.random.default_rng(1).integers(0, 2, len(X))
