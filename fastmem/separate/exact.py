"""Exact signs of a batch of hyperplanes."""

import numpy as np

from fastmem.blocks import over_row_blocks
from fastmem.encoder import LinearCode, Margins

__all__ = ["signs_of"]


def signs_of(hyperplanes, points, n_threads, rows=None):
    """Exact signs of all points, or of some rows.

    Returns
    -------
    signs : uint64 array
        Hyperplane j in bit j.
    margins : float64 array of shape (m,)
        Lower bounds of the points' ``|w_j.x - t_j|`` as `Hyperplanes.xor_codes` gives them.
    """
    columns = LinearCode.identity(hyperplanes.m).columns
    codes = np.empty(points.n if rows is None else len(rows), np.uint64)
    margins = Margins(hyperplanes.m)

    def work(start, stop):
        block = points.block(start, stop) if rows is None else points.take(rows[start:stop])
        hyperplanes.xor_codes(block, columns, codes=codes[start:stop], margins=margins.of_this_thread())

    over_row_blocks(work, len(codes), points.d, n_threads)
    return codes, margins.lowest()
