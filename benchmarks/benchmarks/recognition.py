"""Telling unknown inputs from memorized ones: what it takes to build and to ask, and how many hyperplanes more."""

import inspect

import numpy as np

import fastmem

from .common import Timed
from .data import gaussian

N, D, N_FRESH = 10_000, 64, 200_000


class Recognition(Timed):
    """10,000 Gaussian points in 64 dimensions, one thread, without fingerprints and with 16 bits of them."""

    params = ((0, 16),)
    param_names = ("fingerprint_bits",)

    def setup_cache(self):
        # Older commits have no fingerprints: then there is nothing to save, and each benchmark is skipped.
        for bits in self.params[0] if has_fingerprints() else ():
            self.memorized(gaussian(N, D), bits).save(f"{bits}.safetensors")

    def setup(self, bits):
        if not has_fingerprints():
            raise NotImplementedError("this commit recognises no inputs")
        self.X, self.net = gaussian(N, D), fastmem.load(f"{bits}.safetensors")
        self.fresh = np.random.default_rng(1).standard_normal((N_FRESH, D), dtype=np.float32)

    def memorized(self, X, bits):
        y = np.random.default_rng(1).integers(0, 10, len(X))
        return fastmem.memorize(X, y, separate="all", fingerprint_bits=bits, random_state=0, n_threads=1)

    def time_memorize(self, bits):
        self.memorized(self.X, bits)

    def time_predict(self, bits):
        self.net.predict(self.X, n_threads=1, **unknown(bits))

    def time_predict_fresh_rows(self, bits):
        self.net.predict(self.fresh[:N], n_threads=1, **unknown(bits))

    def track_bits_a_label(self, bits):
        return 8 * self.net.nbytes / N

    track_bits_a_label.unit = "bits"

    def track_recognition_hyperplanes(self, bits):
        # Commits without the attribute recognise inputs by the hyperplanes that labels need.
        return getattr(self.net, "n_recognition_hyperplanes", 0)

    track_recognition_hyperplanes.unit = "hyperplanes"

    def track_known_of_200000_fresh_rows(self, bits):
        # Without fingerprints every row gets a label.
        return int(self.net.contains(self.fresh, n_threads=1).sum()) if bits else N_FRESH

    track_known_of_200000_fresh_rows.unit = "rows"


def has_fingerprints():
    """Whether this commit has them."""
    return "fingerprint_bits" in inspect.signature(fastmem.memorize).parameters


def unknown(bits):
    """The option of `predict` that asks for unknown rows, where they can be told."""
    return {"unknown": -1} if bits else {}
