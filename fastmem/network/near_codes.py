"""Known and unknown inputs, and noisy ones.

A network built with fingerprints knows the codes it stored (`fastmem.store.filter`): an input is *known* if its code
is, that is, if it lies in the cell of a memorized point, on the same side of every hyperplane, of those that only tell
known inputs from others too (`fastmem.hyperplanes.recognition`). A memorized point that
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
def find_near_codes(cells, fingerprints, block, codes, of_cells, tolerance, max_probes):
    """Replace codes of unknown cells by those of known cells near by, where there are any.

    Parameters
    ----------
    cells : Cells
    fingerprints : Filter
    block : float32 or float64 array of shape (n, d)
    codes, of_cells : uint64 arrays of shape (n,)
        Of the rows of the block, as `Cells.codes_of_block` gives them. The first, that labels are read from, are
        overwritten by those of the cell found.
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
    crossed, tried = np.zeros(len(codes), np.uint64), np.zeros(len(codes), np.int64)
    hyperplanes, flips = cells.hyperplanes, cells.code.columns
    of_labels = np.append(cells.encoder.code.columns, np.zeros(cells.e, np.uint64))
    heap_costs, heap_sets = np.empty(2 * max_probes + 2), np.empty(2 * max_probes + 2, np.uint64)
    together = max(_DISTANCES_TOGETHER // max(hyperplanes.m, 1), 1)
    for start in range(0, len(codes), together):
        part = slice(start, start + together)
        distances = hyperplanes.distances(block[part])
        row, hyperplane = np.nonzero(distances < tolerance)
        costs = (distances[row, hyperplane] / tolerance) ** 2  # relative, so that no square overflows
        order = np.lexsort((costs, row))
        hyperplane = hyperplane[order]
        starts = np.searchsorted(row, np.arange(len(distances) + 1))
        kernels.probe(
            fingerprints.added.isa, of_cells[part], starts, flips[hyperplane], costs[order], max_probes,
            fingerprints.ribbon.tables, fingerprints.added.tables, heap_costs, heap_sets, crossed[part], tried[part],
        )  # fmt: skip
        _cross(codes[part], crossed[part], starts[:-1], of_labels[hyperplane])
    return crossed > 0, tried


def _cross(codes, crossed, starts, flips):
    """Flip what sets of hyperplanes flip: element k of set i, its bit k, is number starts[i] + k of all."""
    rows = np.flatnonzero(crossed)
    for k in range(int(crossed.max(initial=0)).bit_length()):
        some = rows[(crossed[rows] >> np.uint64(k)) & np.uint64(1) == 1]
        codes[some] ^= flips[starts[some] + k]
