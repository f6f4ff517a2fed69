"""Layers beside and behind each other, and equal units merged."""

import numpy as np

from fastmem.layers.layer import Layer

__all__ = ["after_form", "share_units", "side_by_side"]


def side_by_side(branches):
    """One network of several that read the same inputs; its outputs are theirs, one after the other.

    Parameters
    ----------
    branches : sequence of tuple of Layer
        Integer weights. Relays are added behind the shallower ones.

    Returns
    -------
    tuple of Layer
    """
    from scipy.sparse import block_diag, csr_array, eye_array, vstack

    branches = [branch for branch in branches if branch]
    if len(branches) < 2:
        return branches[0] if branches else ()
    layers = []
    for position in range(max(map(len, branches))):
        parts = []
        for branch in branches:
            if position < len(branch):
                parts.append((branch[position].weights, branch[position].thresholds))
            else:
                width = branch[-1].n_units
                parts.append((eye_array(width, dtype=np.int64, format="csr"), np.ones(width, np.int64)))
        weights = [part[0] for part in parts]
        stacked = vstack(weights, format="csr") if position == 0 else block_diag(weights, format="csr")
        layers.append(Layer(csr_array(stacked, dtype=np.int64), np.concatenate([part[1] for part in parts])))
    return tuple(layers)


def share_units(layers):
    """The same network with equal units of a layer merged into one; the last layer is left as it is."""
    from scipy.sparse import csr_array

    shared, merged = [], None
    for position, layer in enumerate(layers):
        weights, thresholds = layer.weights, layer.thresholds
        if merged is not None:
            weights = csr_array(weights @ merged)
            weights.eliminate_zeros()
            weights.sort_indices()
        if position == len(layers) - 1:
            shared.append(Layer(weights, thresholds))
            break
        numbers = {}
        unit = [numbers.setdefault(key, len(numbers)) for key in _keys(weights, thresholds)]
        first = np.full(len(numbers), len(unit))
        np.minimum.at(first, unit, np.arange(len(unit)))
        shared.append(Layer(weights[first], thresholds[first]))
        merged = csr_array((np.ones(len(unit), np.int64), (np.arange(len(unit)), unit)), (len(unit), len(first)))
    return tuple(shared)


def _keys(weights, thresholds):
    """What tells the units of a layer apart."""
    for unit, threshold in enumerate(thresholds.tolist()):
        part = slice(weights.indptr[unit], weights.indptr[unit + 1])
        yield weights.indices[part].tobytes(), weights.data[part].tobytes(), threshold


def after_form(layers, form):
    """Layers that read a linear form of their inputs instead: tuple of Layer."""
    from scipy.sparse import csr_array

    return Layer(csr_array(layers[0].weights @ form), layers[0].thresholds), *layers[1:]
