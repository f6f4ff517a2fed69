"""Exact signs of a batch of hyperplanes."""

import numpy as np

from fastmem.hyperplanes.code import LinearCode
from fastmem.machine.threads import block_starts

__all__ = ["signs_and_margins", "signs_of"]

# More than twice: bounds of a block that has no point nearly as near as the nearest stay above that of the nearest.
_SEVERAL = 3.0


def signs_of(hyperplanes, points, n_threads, rows=None):
    """Exact signs of all points, or of some rows: uint64 array, hyperplane j in bit j."""
    columns = LinearCode.identity(hyperplanes.m).columns
    codes = np.empty(points.n if rows is None else len(rows), np.uint64)

    def work(start, stop, block):
        hyperplanes.xor_codes(block, columns, codes=codes[start:stop])

    points.over_rows(work, n_threads, rows=rows)
    return codes


def signs_and_margins(hyperplanes, points, n_threads):
    """Exact signs of all points, and how near the points of each block come to the hyperplanes.

    Returns
    -------
    signs : uint64 array of shape (n,)
        Hyperplane j in bit j.
    margins : float64 array of shape (b, m)
        Lower bounds of ``|w_j.x - t_j|`` over the points of each of b blocks (`block_starts` of
        `fastmem.machine.threads`): those of the points nearest to a hyperplane as `Hyperplanes.xor_codes` gives them,
        elsewhere at least three times as much.
    """
    columns = LinearCode.identity(hyperplanes.m).columns
    codes, starts = np.empty(points.n, np.uint64), block_starts(points.n, points.width)
    margins, lowest = np.empty((len(starts) - 1, hyperplanes.m)), np.full(hyperplanes.m, np.inf)

    def work(start, stop, block):
        with np.errstate(over="ignore"):
            of_block = margins[np.searchsorted(starts, start)]
            np.multiply(lowest, _SEVERAL, out=of_block)
        hyperplanes.xor_codes(block, columns, codes=codes[start:stop], margins=of_block)
        # A lowering that another thread's overwrites makes later bounds of blocks lower than they could be, no more.
        np.minimum(lowest, of_block, out=lowest)

    points.over_rows(work, n_threads)
    return codes, margins
