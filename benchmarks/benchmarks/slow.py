"""What takes many minutes: the suite but this module is the fast profile, ``asv run -b '^(?!slow)'``."""

import itertools

import numpy as np

from . import peers, signs, store
from .common import Timed, part
from .data import INSTANCES, LABEL_LAWS, separate_by


class StoreOfAllLaws(store.Store):
    """`Store` for every distribution of labels."""

    params = ((10**5, 10**6), tuple(LABEL_LAWS))


class OtherSigns(signs.Signs):
    """`Signs` of the other shapes."""

    params = (tuple(signs.SHAPES)[::2],)


class SlowPeers(peers.Peers):
    """`Peers` that take long to fit."""

    params = (("DecisionTreeClassifier",),)


class Separate(Timed):
    """`separate`, one thread, beside one float32 ``X @ W`` of the same shape.

    The numbers of hyperplanes are found once, in `setup_cache`, so that a process that measures time or memory
    separates nothing before.
    """

    # With "small", sets of thousands of hyperplanes take minutes: benchmarks/hyperplanes.py has them.
    params = (tuple(INSTANCES), ("fast", "balanced"))
    param_names = ("data", "effort")
    timeout = 600
    number, repeat = 1, (1, 3, 5.0)

    def setup_cache(self):
        return {
            (name, effort): Separation(name).run(effort).hyperplanes.m
            for name, effort in itertools.product(*self.params)
        }

    setup_cache.timeout = 3600

    def setup(self, hyperplanes, name, effort):
        self.separation = Separation(name)
        points = self.separation.points
        self.X32 = points.array.astype(np.float32, copy=False)
        self.W = np.random.default_rng(0).standard_normal((points.d, hyperplanes[name, effort]), dtype=np.float32)

    def time_separate(self, hyperplanes, name, effort):
        self.separation.run(effort)

    def time_matrix_product(self, hyperplanes, name, effort):
        _ = self.X32 @ self.W

    def peakmem_separate(self, hyperplanes, name, effort):
        self.separation.run(effort)

    def track_hyperplanes(self, hyperplanes, name, effort):
        return hyperplanes[name, effort]

    track_hyperplanes.unit = "hyperplanes"


class Separation:
    """A data set as `separate` takes it."""

    def __init__(self, name):
        instance = INSTANCES[name]()
        self.points = part("fastmem.points", "Points")(instance.X)
        by_label = separate_by(name) == "labels"
        self.classes = (instance.y if by_label else np.arange(instance.n_points)).astype(np.int32)

    def run(self, effort):
        separate = part("fastmem.separate", "separate")
        return separate(self.points, self.classes, np.random.default_rng(0), effort=effort, n_threads=1)
