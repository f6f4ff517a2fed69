"""Building and reading the binary store, and what it takes for a label."""

import numpy as np

from .common import Timed, part
from .data import classes_by_law, random_codes

N_BITS = 40


class Store(Timed):
    """`BinaryStore` on random codes, beside np.sort and np.searchsorted of the same codes."""

    params = ((10**4, 10**6), ("2 uniform",))
    param_names = ("n", "labels")

    def setup(self, n, law):
        self.kind = part("fastmem.store", "BinaryStore")
        self.unsorted = random_codes(n, N_BITS)
        self.codes, (self.classes, self.n_classes) = np.sort(self.unsorted), classes_by_law(law, n)
        self.store = self.kind.build(self.codes, self.classes, N_BITS, self.n_classes)

    def time_store_build(self, n, law):
        self.kind.build(self.codes, self.classes, N_BITS, self.n_classes)

    def time_numpy_sort(self, n, law):
        np.sort(self.unsorted)

    def time_store_lookup(self, n, law):
        self.store.lookup(self.unsorted)

    def time_numpy_searchsorted(self, n, law):
        np.searchsorted(self.codes, self.unsorted)

    def track_bits_per_label(self, n, law):
        return 8 * self.store.nbytes / n

    track_bits_per_label.unit = "bits"

    def track_neurons(self, n, law):
        return sum(layer.n_units for layer in self.store.layers())

    track_neurons.unit = "neurons"

    def track_cells_per_bit(self, n, law):
        return self.store.cells_per_bit

    track_cells_per_bit.unit = "cells"
