"""Builds in partitions, whose arrays are in files: time and memory."""

import inspect
import tempfile

import numpy as np

import fastmem

from .common import Timed
from .data import gaussian


class Scratch(Timed):
    """Gaussian points in 16 dimensions with random bits for labels, with scratch and without, on one thread."""

    params = ((100_000, 1_000_000), (False, True))
    param_names = ("points", "scratch")

    def setup(self, n, scratch):
        if scratch and "scratch" not in inspect.signature(fastmem.memorize).parameters:
            raise NotImplementedError("this commit builds in memory alone")
        self.X, self.y = gaussian(n, 16), np.random.default_rng(1).integers(0, 2, n, dtype=np.uint8)

    def time_memorize(self, n, scratch):
        options = {"scratch": tempfile.gettempdir()} if scratch else {}
        fastmem.memorize(self.X, self.y, random_state=0, n_threads=1, **options)

    def peakmem_memorize(self, n, scratch):
        self.time_memorize(n, scratch)
