"""A linear code over GF(2) as a network of threshold units (stage 2 of Rajput et al. 2021).

The parity of s binary inputs is a_1 - a_2 + a_3 - ... with a_r = [sum of the inputs >= r], since the a_r fall as r
grows. For few inputs these s units do (flat). For many, the inputs are cut into groups of at most p, each
group's alternating sum is again 0 or 1 and goes, without a unit of its own, as a linear form into the sums of
the next level: about s p / (p - 1) units and 2 s p weights instead of s units and s^2 weights. The last layer
turns each alternating sum into a unit.
"""

import numpy as np

from fastmem.layers.layer import Layer
from fastmem.layers.rows import added_up, alternating_sums, counters, ranks, relays

__all__ = ["parity_layers"]

_GROUP_SIZES = (2, 3)


def parity_layers(columns, n_bits):
    """Layers that compute the XOR of columns[j] over the inputs j that are 1.

    Parameters
    ----------
    columns : uint64 array of shape (m,)
    n_bits : int
        Number of outputs k.

    Returns
    -------
    tuple of Layer
        Flat, or a tree of groups of 2 or 3 (larger ones never win): what takes the fewest units and weights.
    """
    shifts = np.arange(n_bits, dtype=np.uint64)
    members = (columns[None, :] >> shifts[:, None]) & np.uint64(1) == 1
    counts = members.sum(axis=1)
    size = min((_cost(counts, p), p) for p in {*_GROUP_SIZES, max(int(counts.max()), 2)})[1]
    # The linear forms that a level reads, one a row: the first counts[0] belong to output 0, and so on.
    forms = relays(len(columns), np.nonzero(members)[1])
    layers = []
    while not layers or counts.max() > 1:
        layer, forms, counts = _level(forms, counts, size)
        layers.append(layer)
    return (*layers, Layer(added_up(forms, counts), np.ones(n_bits, np.int64)))


def _cost(counts, p):
    """Units and weights of all levels with groups of at most p."""
    cost, inside = 0, 1
    while True:
        cost += int(counts.sum()) * (1 + p * inside)
        counts, inside = -(-counts // p), p
        if counts.max(initial=1) <= 1:
            return cost + int(counts.sum()) * p


def _level(forms, counts, size):
    """Counters of groups of at most `size` forms of one output; their alternating sums are the new forms."""
    n_groups = -(-counts // size)
    group_sizes = np.minimum(np.repeat(counts, n_groups) - size * ranks(n_groups), size)
    layer = Layer(*counters(added_up(forms, group_sizes), group_sizes))
    return layer, alternating_sums(group_sizes), n_groups
