"""Data sets of the benchmarks, all seeded."""

import numpy as np

__all__ = ["DATA", "circle", "digits", "image_patches", "labelled_points", "sphere"]


def sphere(n, d):
    """Uniform points of the unit sphere, float32; labels: the hemisphere."""
    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
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


def circle(n):
    """Equally spaced points of the unit circle; labels: alternating, so that n / 2 hyperplanes are needed."""
    angle = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angle), np.sin(angle)]), np.arange(n) % 2


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
