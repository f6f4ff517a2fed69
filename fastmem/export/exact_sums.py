"""Layers of binary inputs as sums of floats that are exact in any order.

A float dtype adds integers without error while the absolute values of all terms sum up to at most 2^24 (float32) or
2^53 (float64), whatever the order. Larger sums are split: ``w = 2^31 high + low`` gives two sums that float64 holds,
joined as 64-bit integers, which hold the weighted sum of any layer (`Layer.from_tensors`: below 2^62). float32 is taken
for weights up to 2^8 only: the short formats in which processors multiply float32 numbers, if allowed to (TF32,
bfloat16), hold these exactly too.
"""

from dataclasses import dataclass

import numpy as np

from fastmem.errors import NetworkTooLarge
from fastmem.machine.floats import default_environment

__all__ = ["SHIFT", "ExactLayer", "WeightedSum", "exact_layer", "first_layer", "n_weights_stored"]

SHIFT = 31
_SHORT = 2**8
_MOST_SPLIT = 2**22  # low parts, each below 2^31, that float64 adds up
_DIGITS = {"float32": 24, "float64": 53}
_DENSE = 16  # a unit with fewer than one in so many inputs gathers them instead of multiplying all


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum for each unit: over all inputs, or over a few gathered ones.

    Attributes
    ----------
    weights : integer ndarray of shape (inputs, units), or (units, k) if gathered
    places : int64 ndarray of shape (units, k), or None
        The inputs of each unit; a unit with fewer than k has some of weight 0.
    dtype : str
        Float dtype in which the sum is exact.
    """

    weights: np.ndarray
    places: np.ndarray | None
    dtype: str


@dataclass(frozen=True)
class ExactLayer:
    """Unit j outputs ``sum_j >= thresholds[j]``.

    Attributes
    ----------
    sums : tuple of WeightedSum
        One, or the high and the low part of a sum that only 64-bit integers hold.
    thresholds : ndarray of shape (units,)
        In the dtype of the sum, int64 if there are two.
    """

    sums: tuple
    thresholds: np.ndarray


@default_environment()
def first_layer(hyperplanes, dtype):
    """Weights (r, m), of the r columns read, and thresholds (m,) of hyperplanes, rounded to a float dtype."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(hyperplanes.weights.T, dtype), hyperplanes.thresholds.astype(dtype)


def exact_layer(layer, dtype):
    """`ExactLayer` of a `Layer` behind the first, in a float dtype where that is exact, else in float64."""
    weights = layer.weights.tocsr()
    magnitudes = np.abs(weights.astype(np.float64))
    reach = max(magnitudes.sum(axis=1).max(initial=0.0), np.abs(layer.thresholds.astype(np.float64)).max(initial=0.0))
    if magnitudes.data.max(initial=0.0) > _SHORT:
        dtype = "float64"
    for candidate in (dtype, "float64"):
        if reach < 2.0 ** _DIGITS[candidate]:
            return ExactLayer((_weighted_sum(weights, candidate),), layer.thresholds.astype(candidate))
    if _most_inputs(weights) >= _MOST_SPLIT:
        raise NetworkTooLarge(f"a unit has {_most_inputs(weights):,} inputs, too many for weights this large")
    high, low = weights.copy(), weights.copy()
    high.data, low.data = weights.data >> SHIFT, weights.data & ((1 << SHIFT) - 1)
    return ExactLayer((_weighted_sum(high, "float64"), _weighted_sum(low, "float64")), layer.thresholds)


def n_weights_stored(network):
    """Number of weights that `first_layer` and `exact_layer` store, the places of gathered ones included."""
    hyperplanes = network.units_read.hyperplanes
    return hyperplanes.m * hyperplanes.d + sum(map(_dense_size, network.layers[1:]))


def _dense_size(layer):
    n_units, n_inputs = layer.weights.shape
    return n_units * (2 * _most_inputs(layer.weights) if _gathers(layer.weights) else n_inputs)


def _gathers(weights):
    """Whether units have so few inputs that each gathers its own."""
    return _most_inputs(weights) * _DENSE <= weights.shape[1]


def _most_inputs(weights):
    return int(np.diff(weights.indptr).max(initial=0))


def _weighted_sum(weights, dtype):
    if not _gathers(weights):
        return WeightedSum(np.ascontiguousarray(weights.toarray().T), None, dtype)
    n_units, k = weights.shape[0], _most_inputs(weights)
    counts = np.diff(weights.indptr)
    unit = np.repeat(np.arange(n_units), counts)
    column = np.arange(weights.nnz) - weights.indptr[:-1].astype(np.int64).repeat(counts)
    places, gathered = np.zeros((n_units, k), np.int64), np.zeros((n_units, k), np.int64)
    places[unit, column], gathered[unit, column] = weights.indices, weights.data
    return WeightedSum(gathered, places, dtype)
