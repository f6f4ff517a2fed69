"""Layers beside and behind each other, and equal units merged."""

import numpy as np

from fastmem.layers.layer import Layer
from fastmem.layers.rows import block_diagonal, relays, stacked

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
    branches = [branch for branch in branches if branch]
    if len(branches) < 2:
        return branches[0] if branches else ()
    layers = []
    for position in range(max(map(len, branches))):
        parts = [branch[position] if position < len(branch) else _relays_of(branch[-1]) for branch in branches]
        joined = stacked if position == 0 else block_diagonal
        weights = joined([part.weights for part in parts])
        layers.append(Layer(weights, np.concatenate([part.thresholds for part in parts])))
    return tuple(layers)


def _relays_of(layer):
    return Layer(relays(layer.n_units), np.ones(layer.n_units, np.int64))


def share_units(layers):
    """The same network with equal units of a layer merged into one; the last layer is left as it is."""
    shared, merged = [], None
    for position, layer in enumerate(layers):
        weights, thresholds = layer.weights, layer.thresholds
        if merged is not None:
            weights = weights @ merged
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
        merged = relays(len(first), unit)
    return tuple(shared)


def _keys(weights, thresholds):
    """What tells the units of a layer apart."""
    for unit, threshold in enumerate(thresholds.tolist()):
        part = slice(weights.indptr[unit], weights.indptr[unit + 1])
        yield weights.indices[part].tobytes(), weights.data[part].tobytes(), threshold


def after_form(layers, form):
    """Layers that read a linear form of their inputs instead: tuple of Layer."""
    return Layer(layers[0].weights @ form, layers[0].thresholds), *layers[1:]
