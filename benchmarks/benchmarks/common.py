"""What the classes of the suite share: timing, one thread for all, parts that older commits lack, networks on disk."""

import contextlib
import importlib
import pickle
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import fastmem

from .data import DATA, labelled_points

__all__ = ["OnNetworks", "Timed", "part"]

# X @ W and the peers get one thread, as fastmem does.
threadpool_limits(1)


class Timed:
    """Up to ten samples of each time within half a second, in one process."""

    rounds, repeat, warmup_time, sample_time = 1, (2, 10, 0.5), 0.0, 0.005
    timeout = 300


# Where later commits have what a module of version 0.1 held. Benchmarks name the old ones: asv takes a benchmark whose
# code changes for another one, and shows none of its older results.
HOMES = {"fastmem.points": "fastmem.data.points", "fastmem.runs": "fastmem.data.sorting"}


def part(module, name):
    """What a module of fastmem defines, or did; where the commit does not have it, asv skips the benchmark."""
    for home in filter(None, (HOMES.get(module), module)):
        with contextlib.suppress(AttributeError, ModuleNotFoundError):
            return getattr(importlib.import_module(home), name)
    raise NotImplementedError(f"this commit has no {name} in {module}")


class OnNetworks(Timed):
    """Data sets with random labels and their networks, built once for all the classes that inherit from this one."""

    params = (tuple(DATA),)
    param_names = ("data",)

    def setup_cache(self):
        # asv runs the benchmarks in the folder in which it runs this.
        for name in DATA:
            X, y = labelled_points(name)
            np.savez(f"{name}.npz", X=X, y=y)
            Path(f"{name}.pickle").write_bytes(pickle.dumps(fastmem.memorize(X, y, random_state=0)))

    setup_cache.timeout = 600

    def setup(self, name):
        with np.load(f"{name}.npz") as arrays:
            self.X, self.y = arrays["X"], arrays["y"]
        self.net = pickle.loads(Path(f"{name}.pickle").read_bytes())

    def multiply(self):
        """One float32 ``X @ W`` of the shape of the sign pass."""
        if not hasattr(self, "W"):
            self.X32 = self.X.astype(np.float32, copy=False)
            self.W = np.ascontiguousarray(self.net.hyperplanes.weights.T)
        return self.X32 @ self.W
