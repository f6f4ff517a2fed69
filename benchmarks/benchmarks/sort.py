"""Sorting codes."""

import numpy as np

from .common import Timed, part
from .data import random_codes


class Sort(Timed):
    """`sort_codes`, which also gives the order, beside np.sort and the stable np.argsort."""

    params = ((10**4, 10**6),)
    param_names = ("n",)

    def setup(self, n):
        self.codes, self.sort_codes = random_codes(n), part("fastmem.runs", "sort_codes")

    def time_sort_codes(self, n):
        self.sort_codes(self.codes.copy())

    def time_numpy_sort(self, n):
        np.sort(self.codes)

    def time_numpy_argsort(self, n):
        np.argsort(self.codes, kind="stable")
