"""Known and unknown inputs, and noisy ones.

A network built with fingerprints knows the codes it stored (`fastmem.store.filter`): an input is *known* if its code
is, that is, if it lies in the cell of a memorized point, on the same side of every hyperplane. A memorized point that
was moved a little may have crossed some hyperplanes near to it. So for an input whose code is unknown the codes are
tried that differ in the signs of near hyperplanes: sets of hyperplanes nearer than a tolerance, in the order of the
sum of their squared distances from the input, which is the squared distance of the cell behind them if they are
orthogonal. This is query-directed multi-probing (Lv, Josephson, Wang, Charikar & Li, VLDB 2007).

Each code that is tried is taken for a stored one with probability 2^-f, so f fingerprint bits should exceed the binary
logarithm of the number of probes by the number of bits of certainty asked for.
"""

import numpy as np

from fastmem._kernels import probe as kernels
from fastmem.machine.floats import default_environment

__all__ = ["MAX_PROBES", "find_near_codes"]

MAX_PROBES = 1000
_DISTANCES_TOGETHER = 2**18


@default_environment()
def find_near_codes(encoder, fingerprints, block, codes, tolerance, max_probes):
    """Replace unknown codes by known ones of cells near by, where there are any.

    Parameters
    ----------
    encoder : Encoder
    fingerprints : Filter
    block : float32 or float64 array of shape (n, d)
    codes : uint64 array of shape (n,)
        Of the rows of the block; overwritten by the known code found.
    tolerance : float
        Hyperplanes nearer than this are crossed.
    max_probes : int
        Most codes tried for a row.

    Returns
    -------
    found : bool array of shape (n,)
    tried : int64 array of shape (n,)
        Number of codes tried.
    """
    found, tried = np.zeros(len(codes), np.uint8), np.zeros(len(codes), np.int64)
    heap_costs, heap_sets = np.empty(2 * max_probes + 2), np.empty(2 * max_probes + 2, np.uint64)
    together = max(_DISTANCES_TOGETHER // max(encoder.hyperplanes.m, 1), 1)
    for start in range(0, len(codes), together):
        part = slice(start, start + together)
        distances = encoder.hyperplanes.distances(block[part])
        row, hyperplane = np.nonzero(distances < tolerance)
        costs = (distances[row, hyperplane] / tolerance) ** 2  # relative, so that no square overflows
        order = np.lexsort((costs, row))
        starts = np.searchsorted(row, np.arange(len(distances) + 1))
        kernels.probe(
            fingerprints.added.isa, codes[part], starts, encoder.code.columns[hyperplane[order]], costs[order],
            max_probes, fingerprints.ribbon.tables, fingerprints.added.tables, heap_costs, heap_sets, found[part],
            tried[part],
        )  # fmt: skip
    return found.view(bool), tried
