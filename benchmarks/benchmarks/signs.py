"""The sign pass beside the matrix product it replaces."""

import time

import numpy as np

from .common import Timed, part
from .data import SIGN_SHAPES, encoder_of_shape, gaussian

SHAPES = {f"{n}×{d}×{m}": (n, d, m) for n, d, m in SIGN_SHAPES}


class Signs(Timed):
    """Exact signs of random hyperplanes for Gaussian points, one thread, beside a float32 ``X @ W``."""

    params = (tuple(SHAPES)[1::2],)
    param_names = ("n×d×m",)

    def setup(self, shape):
        n, d, m = SHAPES[shape]
        self.X = gaussian(n, d)
        self.points, self.encoder = part("fastmem.points", "Points")(self.X), encoder_of_shape(self.X, m)
        self.W = np.ascontiguousarray(self.encoder.hyperplanes.weights.T)

    def time_signs(self, shape):
        self.encoder.codes(self.points, 1)

    def time_matrix_product(self, shape):
        _ = self.X @ self.W

    def track_ratio_to_matrix_product(self, shape):
        """Least seconds of either, taken in turns."""
        least = dict.fromkeys([self.time_signs, self.time_matrix_product], np.inf)
        for _ in range(5):
            for step in least:
                start = time.perf_counter()
                step(shape)
                least[step] = min(least[step], time.perf_counter() - start)
        return least[self.time_signs] / least[self.time_matrix_product]

    track_ratio_to_matrix_product.unit = "times X @ W"
