"""Prediction from within code compiled by Numba."""

import numpy as np

from .common import OnNetworks


class Jit(OnNetworks):
    """The two functions of ``net.jit()``: one row at a time, from a compiled loop and from Python, and all rows."""

    params = (("sphere 1M×32",),)

    def setup(self, name):
        super().setup(name)
        if not hasattr(self.net, "jit"):
            raise NotImplementedError("this commit has no jit")
        self.one, self.many = self.net.jit()
        self.out = np.empty(len(self.X), self.net.classes.dtype)
        self.loop = loop_of(self.one)
        # Compiled now.
        self.one(self.X[0]), self.many(self.X[:1], self.out[:1]), self.loop(self.X[:1])

    def time_all_rows_in_a_compiled_loop(self, name):
        self.loop(self.X)

    def time_one_row(self, name):
        self.one(self.X[0])

    def time_all_rows(self, name):
        self.many(self.X, self.out)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)


def loop_of(one):
    """A user's compiled loop: the sum of the labels of all rows."""
    from numba import njit

    @njit
    def loop(X):
        total = 0
        for x in X:
            total += one(x)
        return total

    return loop
