"""Networks of units that carry numbers, from layers that a user brings: brought to integers without rounding.

A unit's weights and threshold may be multiplied by a power of two: a threshold unit is the same then, and the output
of a ReLU or of the identity is multiplied too, for which those who read it make up. What is left at the output is the
network's exponent. So every network whose parameters are integers or binary fractions is one of integers.
"""

import math
from fractions import Fraction
from numbers import Rational

import numpy as np

from fastmem.errors import InvalidInput
from fastmem.layers.integers import IntegerMatrix, as_integers, integer_matrix
from fastmem.layers.layer import ACTIVATIONS, Layer
from fastmem.machine.partners import need

__all__ = ["carry_numbers", "integer_layers"]


def carry_numbers(layer):
    """Whether a layer, as it is given, has other units than threshold ones, or numbers beyond 63 bits."""
    if isinstance(layer, Layer):
        return layer.activations.any() or isinstance(layer.weights, IntegerMatrix) or layer.thresholds.dtype == object
    return hasattr(layer, "__len__") and len(layer) == 3


def integer_layers(layers):
    """Layers of integers that do the same, and the exponent of their outputs.

    Parameters
    ----------
    layers : list
        Of `Layer`, of pairs (weights, thresholds) and of triples (weights, thresholds, activation).

    Returns
    -------
    tuple of Layer, int
    """
    scales, made = None, []
    for number, layer in enumerate(layers, start=1):
        entries, places, shape, thresholds, activations = _parts(layer, number)
        if scales is not None and shape[1] != len(scales):
            raise InvalidInput(
                f"layer {number} has weights for {shape[1]} inputs, but layer {number - 1} has {len(scales)} units"
            )
        rows = [[] for _ in range(shape[0])]
        for entry, row, column in zip(entries, *places, strict=True):
            if entry:
                rows[row].append((column, entry if scales is None else entry / 2 ** scales[column]))
        both = zip(rows, thresholds, strict=True)
        powers = [_places([threshold, *(weight for _, weight in row)]) for row, threshold in both]
        made.append(_layer(rows, thresholds, powers, shape, activations))
        scales = [0 if kind == 0 else power for kind, power in zip(activations.tolist(), powers, strict=True)]
    return tuple(made), scales


def _layer(rows, thresholds, powers, shape, activations):
    data = [int(weight * 2**power) for row, power in zip(rows, powers, strict=True) for _, weight in row]
    columns = [column for row in rows for column, _ in row]
    starts = np.append(0, np.cumsum([len(row) for row in rows], dtype=np.int64))
    limits = [int(threshold * 2**power) for threshold, power in zip(thresholds, powers, strict=True)]
    return Layer(integer_matrix(data, columns, starts, shape), as_integers(limits), activations)


def _parts(layer, number):
    """Weights that are not 0 as Fractions, their places, the shape, thresholds, and the activation of each unit."""
    if isinstance(layer, Layer):
        layer = layer.weights, layer.thresholds, layer.activation
    try:
        weights, thresholds, *activation = layer
        (activation,) = activation or ["threshold"]
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"layer {number} is neither a Layer nor a tuple (weights, thresholds) or (weights, thresholds, activation)"
        ) from error
    entries, places, shape = _entries(weights, f"weights of layer {number}")
    limits = np.asarray(thresholds if hasattr(thresholds, "dtype") else np.array(thresholds, object))
    if limits.shape != shape[:1] or not all(shape):
        raise InvalidInput(
            f"layer {number} has weights of shape {shape} and thresholds of shape {limits.shape}: each row of the "
            "weights is one unit, and needs one threshold"
        )
    limits = [_exact(value, f"thresholds of layer {number}") for value in limits.tolist()]
    return entries, places, shape, limits, _activations(activation, shape[0], number)


def _entries(weights, name):
    """Entries of a matrix, dense or sparse, where they are, and its shape."""
    sparse = need("scipy.sparse", what="from_layers")
    if isinstance(weights, IntegerMatrix):
        rows = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
        return list(map(Fraction, weights.data.tolist())), (rows.tolist(), weights.indices.tolist()), weights.shape
    if sparse.issparse(weights):
        entries = sparse.csr_array(weights).tocoo()  # what is given twice is summed
        places = tuple(part.tolist() for part in entries.coords)
        return [_exact(value, name) for value in entries.data.tolist()], places, entries.shape
    dense = weights if hasattr(weights, "dtype") else np.array(weights, object)
    if np.ndim(dense) != 2:
        raise InvalidInput(f"{name} are a matrix, not of shape {np.shape(dense)}")
    places = np.divmod(np.arange(dense.size), max(dense.shape[1], 1))
    return [_exact(value, name) for value in np.ravel(dense).tolist()], tuple(p.tolist() for p in places), dense.shape


def _exact(value, name):
    """A number as a Fraction; `InvalidInput` unless it is an integer or a binary fraction."""
    if isinstance(value, Rational) or (isinstance(value, float) and math.isfinite(value)):
        fraction = Fraction(value)
        if fraction.denominator & (fraction.denominator - 1) == 0:
            return fraction
    raise InvalidInput(
        f"{name} hold {value!r:.50}: they are integers, floats or fractions over a power of two, all finite"
    )


def _activations(activation, n_units, number):
    """The activation of each unit: uint8 array."""
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return np.full(n_units, ACTIVATIONS.index(activation), np.uint8)
    given = np.asarray(activation)
    if given.shape == (n_units,) and given.dtype.kind in "iu" and np.all((given >= 0) & (given < len(ACTIVATIONS))):
        return given.astype(np.uint8)
    raise InvalidInput(
        f"activation of layer {number} is one of {', '.join(map(repr, ACTIVATIONS))}, or for each of its {n_units} "
        f"units 0, 1 or 2, not {activation!r:.100}"
    )


def _places(numbers):
    """Binary digits behind the point of the longest."""
    return max(number.denominator.bit_length() - 1 for number in numbers)
