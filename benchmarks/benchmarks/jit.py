"""Prediction from within code compiled by Numba."""

import numpy as np

from .common import OnNetworks


class Jit(OnNetworks):
    """The two functions of ``net.jit()``: one row at a time from Python, and all rows, beside `predict`."""

    params = (("sphere 1M×32",),)

    def setup(self, name):
        super().setup(name)
        if not hasattr(self.net, "jit"):
            raise NotImplementedError("this commit has no jit")
        self.one, self.many = self.net.jit()
        self.out = np.empty(len(self.X), self.net.classes.dtype)
        self.one(self.X[0]), self.many(self.X[:1], self.out[:1])  # compiled now

    def time_one_row(self, name):
        self.one(self.X[0])

    def time_all_rows(self, name):
        self.many(self.X, self.out)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)
