"""How near points come to hyperplanes."""

import threading

import numpy as np

__all__ = ["Margins"]


class Margins:
    """How near the points come to each of m hyperplanes, from below, gathered by several threads."""

    def __init__(self, m):
        self._m = m
        self._of_threads = {}

    def of_this_thread(self):
        """An array for `Hyperplanes.xor_codes` to lower."""
        return self._of_threads.setdefault(threading.get_ident(), np.full(self._m, np.inf))

    def lowest(self):
        """The bounds over all points: float64 array of shape (m,)."""
        return np.min([np.full(self._m, np.inf), *self._of_threads.values()], axis=0)
