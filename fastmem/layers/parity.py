"""A linear code over GF(2) as a network of threshold units (stage 2 of Rajput et al. 2021).

The parity of s binary inputs is a_1 - a_2 + a_3 - ... with a_r = [sum of the inputs >= r], since the a_r fall as r
grows. For few inputs these s units do (flat). For many, the inputs are cut into groups of at most p, each
group's alternating sum is again 0 or 1 and goes, without a unit of its own, as a linear form into the sums of
the next level: about s p / (p - 1) units and 2 s p weights instead of s units and s^2 weights. The last layer
turns each alternating sum into a unit.
"""

import numpy as np

from fastmem.layers.layer import Layer

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
    widest = int(counts.max())
    size = min((_cost(counts, p), p) for p in {*_GROUP_SIZES, max(widest, 2)})[1]
    output, source = np.nonzero(members)
    # The linear forms a level reads: entries (form, input, coefficient), each form belonging to one output.
    forms, owners = (np.arange(len(source)), source, np.ones(len(source), np.int64)), output
    n_inputs = len(columns)
    layers = []
    while True:
        layer, forms, owners = _level(forms, owners, n_inputs, size)
        layers.append(layer)
        n_inputs = layer.n_units
        if len(owners) == len(np.unique(owners)):
            break
    from scipy.sparse import csr_array

    rows, places, coefficients = forms
    weights = csr_array((coefficients, (owners[rows], places)), shape=(n_bits, n_inputs), dtype=np.int64)
    return (*layers, Layer(weights, np.ones(n_bits, np.int64)))


def _cost(counts, p):
    """Units and weights of all levels with groups of at most p."""
    cost, inside = 0, 1
    while True:
        cost += int(counts.sum()) * (1 + p * inside)
        counts, inside = -(-counts // p), p
        if counts.max(initial=1) <= 1:
            return cost + int(counts.sum()) * p


def _level(forms, owners, n_inputs, size):
    """Units a_1..a_s over groups of at most `size` forms of one owner; their alternating sums are the new forms."""
    from scipy.sparse import csr_array

    # Forms come sorted by owner: number them inside their owner, then group.
    place = np.arange(len(owners)) - np.searchsorted(owners, owners)
    key = owners * (len(owners) + 1) + place // size
    new_keys, group, group_sizes = np.unique(key, return_inverse=True, return_counts=True)
    first_unit = np.cumsum(group_sizes) - group_sizes
    rank = place % size  # this form's unit in its group is a_{rank + 1}
    form_of_entry, inputs, coefficients = forms
    # Every unit of a group reads every form of the group.
    entry_group = group[form_of_entry]
    repeats = group_sizes[entry_group]
    unit = np.repeat(first_unit[entry_group], repeats) + _ramp(repeats)
    weights = csr_array(
        (np.repeat(coefficients, repeats), (unit, np.repeat(inputs, repeats))),
        shape=(len(owners), n_inputs), dtype=np.int64,
    )  # fmt: skip
    units = first_unit[group] + rank
    thresholds = np.empty(len(owners), np.int64)
    thresholds[units] = rank + 1
    return Layer(weights, thresholds), (group, units, 1 - 2 * (rank % 2)), new_keys // (len(owners) + 1)


def _ramp(lengths):
    """0..lengths[0]-1, 0..lengths[1]-1, ..."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
