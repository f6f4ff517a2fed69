"""Units that carry numbers, for runtimes that compute in float64.

Integers are rounded to float64. What that and all sums may do to an output was bounded for every memorized point, for
any order of summation (`NumberNetwork.float64_error`, `fastmem.layers.numbers`): a runtime is sure to return its label
if no other class lies within the bound.
"""

from typing import NamedTuple, get_args

import numpy as np

from fastmem.data.options import Output, as_float_dtype, check_option
from fastmem.errors import InvalidInput, NeedsBigIntegers
from fastmem.export.guard import memorized_points, rows_named

__all__ = ["FloatLayer", "check_numbers", "float_layers", "n_numbers_stored", "refuse_index"]

_MOST_BITS = 1000  # of a parameter, so that sums stay within float64
_FLOAT_BITS = 53


class FloatLayer(NamedTuple):
    """A layer in float64.

    Attributes
    ----------
    weights : float64 array of shape (inputs, units)
    thresholds : float64 array of shape (units,)
    activations : uint8 array of shape (units,)
        0 for threshold units, 1 for ReLU, 2 for the identity.
    """

    weights: np.ndarray
    thresholds: np.ndarray
    activations: np.ndarray


def check_numbers(network, dtype, X, unsafe):
    """The dtype by name, "float64", if a runtime that computes in it is sure to return every memorized label.

    Parameters
    ----------
    network : NumberNetwork
    dtype : {"float32", "float64"} or NumPy dtype
    X : array_like or None
        The memorized points, to be checked one by one; without them the network's own figures are.
    unsafe : bool
        Check only that float64 holds all numbers.

    Raises
    ------
    NeedsBigIntegers
    """
    dtype, points, bits = as_float_dtype(dtype), memorized_points(network, X), network.significant_bits
    if dtype == "float32":
        raise NeedsBigIntegers(
            f"float32 has 24 bits, and numbers of this network have up to {bits} digits that count: use "
            'dtype="float64"',
            bits,
        )
    if network.longest_integer > _MOST_BITS or abs(network.exponent) > _MOST_BITS:
        raise NeedsBigIntegers(
            f"numbers of this network have up to {network.longest_integer:,} bits and its output {network.exponent:,} "
            f"behind the point, and float64 has room for {_MOST_BITS:,}: evaluate it by predict, in integers",
            network.longest_integer,
        )
    if unsafe:
        return dtype
    rows = [] if points is None else network.unsafe_points(points, dtype).tolist()
    if (points is None and network.is_safe(dtype)) or (points is not None and not rows):
        return dtype
    who = "memorized points" if points is None else rows_named(rows, points.n)
    raise NeedsBigIntegers(
        f"in float64 arithmetic {who} may lose labels: outputs may be wrong by {network.float64_error:.3g}, since "
        f"numbers have up to {bits} digits that count, and float64 has {_FLOAT_BITS}; evaluate the network by predict, "
        "in integers, or go on with unsafe=True",
        bits,
        rows,
    )


def refuse_index(output):
    """Raise `InvalidInput` where positions of classes are asked for, of a network whose output is the label itself."""
    if check_option("output", output, get_args(Output)) == "index":
        raise InvalidInput('output="index" returns positions in net.classes, and this network returns real labels')


def n_numbers_stored(network):
    """Dense weights of all layers."""
    return sum(layer.weights.shape[0] * layer.weights.shape[1] for layer in network.layers)


def float_layers(network):
    """All layers as `FloatLayer`, in their order, and the factor of the output: 2^-exponent."""
    layers = [
        FloatLayer(
            np.ascontiguousarray(layer.weights.toarray().T.astype(np.float64)),
            layer.thresholds.astype(np.float64),
            layer.activations,
        )
        for layer in network.layers
    ]
    return layers, 2.0**-network.exponent
