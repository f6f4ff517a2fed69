"""Hyperplanes followed by a linear code: a point becomes one integer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastmem.data.points import refuse_row

if TYPE_CHECKING:
    from fastmem.hyperplanes.code import LinearCode
    from fastmem.hyperplanes.hyperplanes import Hyperplanes

__all__ = ["Encoder"]


class Encoder:
    """Hyperplanes followed by a linear code: a point becomes one integer N(z) = sum_i 2^i z_i.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    code : LinearCode
    """

    def __init__(self, hyperplanes: Hyperplanes, code: LinearCode) -> None:
        self.hyperplanes = hyperplanes
        self.code = code

    @property
    def n_bits(self) -> int:
        """Length k of the codes, in bits."""
        return self.code.n_bits

    def codes_of_block(self, block, codes=None, margins=None):
        """Codes of the rows of a block, as uint64, in the work of `Points.over_rows`; as `Hyperplanes.xor_codes`."""
        codes, bad = self.hyperplanes.xor_codes(block, self.code.columns, codes=codes, margins=margins)
        refuse_row(bad)
        return codes

    def codes(self, points, n_threads=1, bar=None, margins=None):
        """Codes of all points: uint64 array of shape (n,); `margins`, a `Margins`, is lowered on the way."""
        codes = np.empty(points.n, np.uint64)

        def work(start, stop, block):
            lowered = None if margins is None else margins.of_this_thread()
            self.codes_of_block(block, codes[start:stop], lowered)

        points.over_rows(work, n_threads, bar)
        return codes
