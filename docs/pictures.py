"""Draw the pictures of docs/pictures.md from networks with fixed seeds.

    python docs/pictures.py

writes docs/pictures/*.png in some seconds. It needs matplotlib and scikit-learn: ``pip install ".[plot,test]"``.
"""

from functools import cache
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, make_moons

import fastmem
import fastmem.plot
from fastmem.theory.instances import sphere

FOLDER = Path(__file__).parent / "pictures"
STORES = ("binary", "integer")
SEED = 0


@cache
def digits():
    """The 1,797 handwritten digits, and the network that memorizes them."""
    X, y = load_digits(return_X_y=True)
    return X, fastmem.memorize(X, y, random_state=SEED)


def architecture():
    """Layers of the network of the digits."""
    return fastmem.plot.architecture(digits()[1])


def cells():
    """Cells of a network of two inputs: two moons, labels at random."""
    X, _ = make_moons(60, noise=0.1, random_state=SEED)
    y = np.random.default_rng(SEED).integers(0, 2, len(X))
    return fastmem.plot.cells(fastmem.memorize(X, y, random_state=SEED), X, y)


def radii():
    """Certified radii of the digits."""
    X, net = digits()
    return fastmem.plot.radii(net, X)


def scaling():
    """Neurons against points of the sphere in 16 dimensions, for both stores."""
    sizes = np.array([100, 300, 1000, 3000, 10_000, 30_000, 100_000])
    neurons = {f"{store} store": [neurons_of_sphere(n, store) for n in sizes] for store in STORES}
    return fastmem.plot.scaling(sizes, neurons, xlabel="number of points n")


def neurons_of_sphere(n, store):
    """Neurons for n points with random labels, or NaN where the store asked for does not suit so few points."""
    points = sphere(n, 16, SEED)
    net = fastmem.memorize(points.X, points.y, store=store, random_state=SEED)
    return np.nan if net.store_reason else net.n_neurons


def comparison():
    """Every construction on 1,000 points with random labels."""
    points = sphere(1000, 8, SEED)
    return fastmem.plot.comparison(fastmem.compare(points.X, points.y, random_state=SEED))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for draw in (architecture, cells, radii, scaling, comparison):
        path = FOLDER / f"{draw.__name__}.png"
        draw().figure.savefig(path)
        print(path)
