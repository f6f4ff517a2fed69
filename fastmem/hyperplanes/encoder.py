"""Hyperplanes followed by a linear code: a point becomes one integer."""

import numpy as np

from fastmem.machine.threads import over_row_blocks

__all__ = ["Encoder"]


class Encoder:
    """Hyperplanes followed by a linear code: a point becomes one integer N(z) = sum_i 2^i z_i.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    code : LinearCode
    """

    def __init__(self, hyperplanes, code):
        self.hyperplanes = hyperplanes
        self.code = code

    @property
    def n_bits(self):
        """Length k of the codes, in bits."""
        return self.code.n_bits

    def codes_of_block(self, points, start, stop, codes=None, margins=None):
        """Codes of the points start to stop, as uint64; `margins` as for `Hyperplanes.xor_codes`."""
        block = points.block(start, stop)
        codes, bad = self.hyperplanes.xor_codes(block, self.code.columns, codes=codes, margins=margins)
        if bad >= 0:
            points.raise_not_finite(start + bad)
        return codes

    def codes(self, points, n_threads=1, bar=None, margins=None):
        """Codes of all points: uint64 array of shape (n,); `margins`, a `Margins`, is lowered on the way."""
        codes = np.empty(points.n, np.uint64)

        def work(start, stop):
            lowered = None if margins is None else margins.of_this_thread()
            self.codes_of_block(points, start, stop, codes[start:stop], lowered)

        over_row_blocks(work, points.n, points.d, n_threads, bar)
        return codes
