"""Threshold networks from layers that a user brings: checked, and brought to the form of ours without rounding.

The first layer's weights must be float32 numbers, since its signs are exact (`fastmem.hyperplanes`). Behind it inputs
are bits. There a unit's weights and threshold may be multiplied by a power of two, which changes no comparison, until
the weights are integers; and then its threshold t may become the least integer above, since an integer reaches t if it
reaches that.
"""

import itertools
import re
from collections.abc import Iterable
from typing import get_args

import numpy as np

from fastmem.data.arrays import as_array
from fastmem.data.as_labels import as_labels, bits_for
from fastmem.data.options import NumberOutput, check_option
from fastmem.errors import InvalidInput
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.layer import Layer
from fastmem.machine.floats import default_environment
from fastmem.machine.partners import need
from fastmem.network.given_numbers import carry_numbers, integer_layers

__all__ = ["number_parts_of", "parts_of"]

_MOST_OUTPUTS = 16
_MOST_CLASS_BITS = 31
_LIMIT = 2**62


@default_environment()  # a weight below the normal numbers is not 0
def number_parts_of(layers, classes, output):
    """The kind of the network that `Network.from_layers` returns, what it is made of, and facts by name.

    Of a network of threshold units these are the layers as they are, for `parts_of`.
    """
    if not hasattr(layers, "__iter__"):
        raise InvalidInput(f"layers are a list of Layer or of pairs (weights, thresholds), not {layers!r}")
    layers = list(layers)
    if not layers:
        raise InvalidInput("layers is empty: a network needs at least one layer")
    if output is not None:
        check_option("output", output, get_args(NumberOutput))
    if not any(map(carry_numbers, layers)) and output in (None, "bits"):
        return "layered", layers, {}
    made, exponents = integer_layers(layers)
    n_outputs, is_bits = made[-1].n_units, not made[-1].activations.any()
    output = output or ("bits" if is_bits else "class" if classes is not None else "value")
    if output == "bits" and not is_bits:
        raise InvalidInput('output="bits" needs threshold units in the last layer, whose activation is another one')
    if output != "bits" and n_outputs > 1:
        raise InvalidInput(f"output={output!r} needs one output unit, and the last layer has {n_outputs}")
    if output == "class" and classes is None:
        raise InvalidInput('output="class" needs the labels by class index', "classes=np.arange(2)")
    if output == "value" and classes is not None:
        raise InvalidInput('with output="value" the output is the label, and there are no classes: leave them out')
    labels = np.empty(0) if output == "value" else _classes(classes, n_outputs, output == "bits")
    facts = {"d": made[0].weights.shape[1], "exponent": max(exponents), "output": output}
    return "numbers", (made, labels), facts | {"output_error": 0.0, "float64_error": 0.0}


@default_environment()
def parts_of(layers, classes):
    """Hyperplanes, the layers behind them, and the classes of a network of threshold units."""
    layers = [_parts(layer, number) for number, layer in enumerate(layers, start=1)]
    for number, ((before, _), (after, _)) in enumerate(itertools.pairwise(layers), start=2):
        if after.shape[1] != before.shape[0]:
            raise InvalidInput(
                f"layer {number} has weights for {after.shape[1]} inputs, but layer {number - 1} has {before.shape[0]} "
                "units"
            )
    return (
        _hyperplanes(*layers[0]),
        [_integer_layer(*layer, number) for number, layer in enumerate(layers[1:], start=2)],
        _classes(classes, layers[-1][0].shape[0]),
    )


def _parts(layer, number):
    """Weights as csr_array and thresholds of a layer as it was given, both of integers or float64."""
    sparse = need("scipy.sparse", what="from_layers")
    if isinstance(layer, Layer):
        layer = layer.weights, layer.thresholds
    try:
        weights, thresholds = layer
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"layer {number} is neither a Layer nor a pair (weights, thresholds)") from error
    name = f"weights of layer {number}"
    weights = sparse.coo_array(weights if sparse.issparse(weights) else _numbers(weights, name, 2))
    values, places = _numbers(weights.data, name, 1), weights.coords
    if len(np.unique(np.ravel_multi_index(places, weights.shape))) < len(values):
        raise InvalidInput(f"{name} hold a connection twice: add its weights up first, weights.sum_duplicates()")
    weights = sparse.csr_array((values, places), weights.shape)
    weights.eliminate_zeros()
    thresholds = _numbers(thresholds, f"thresholds of layer {number}", 1)
    if len(thresholds) != weights.shape[0] or not weights.shape[0] or not weights.shape[1]:
        raise InvalidInput(
            f"layer {number} has weights of shape {weights.shape} and {len(thresholds)} thresholds: each row of the "
            "weights is one unit, and needs one threshold"
        )
    return weights, thresholds


def _numbers(values, name, n_dimensions):
    """An array of int64 or float64, with nothing rounded."""
    array = as_array(values, name)
    if array.ndim != n_dimensions or array.dtype.kind not in "biuf":
        raise InvalidInput(
            f"{name} are an array of {n_dimensions} dimensions that holds numbers, not of shape {array.shape} and "
            f"dtype {array.dtype}"
        )
    target = np.float64 if array.dtype.kind == "f" else np.int64
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(target)
    if array.dtype.kind == "f" and not hasattr(values, "dtype"):
        _refuse_rounded_integers(values, array, name)
    if not np.isfinite(converted).all() or np.any((converted != array) | ((converted < 0) != (array < 0))):
        raise InvalidInput(f"{name} hold a number that is not finite or that {np.dtype(target)} does not hold")
    return converted


def _refuse_rounded_integers(values, array, name):
    """Refuse integers of a list that NumPy rounded when it met floats beside them."""
    large = np.abs(array) >= 2.0**53
    if large.any():
        given = np.asarray(values, object)[large]
        if any(
            isinstance(value, int) and value != rounded
            for value, rounded in zip(given, array[large].tolist(), strict=True)
        ):
            raise InvalidInput(f"{name} hold an integer that float64 does not hold")


def _hyperplanes(weights, thresholds):
    limits = _as_floats(thresholds, "thresholds of layer 1")
    dense = _as_floats(weights.toarray(), "weights of layer 1")
    with np.errstate(over="ignore", under="ignore"):
        narrow = dense.astype(np.float32)
    if np.any(narrow != dense):
        unit, column = np.argwhere(narrow != dense)[0].tolist()
        raise InvalidInput(
            f"weight {dense[unit, column].item()!r} of unit {unit} of layer 1 is not a float32 number: split it in "
            "several that add up to it, for so many equal columns of the input"
        )
    d = dense.shape[1]
    return Hyperplanes(narrow, limits, np.zeros(d), np.zeros(d, np.int16))


def _integer_layer(weights, thresholds, number):
    """A `Layer` of the same units, each scaled by a power of two to integers."""
    unit = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    if weights.dtype.kind == "f":
        scale = _powers_to_integers(weights.data, unit, weights.shape[0])
        with np.errstate(over="ignore"):
            data = np.ldexp(weights.data, scale[unit])
            thresholds = _scaled(_as_floats(thresholds, f"thresholds of layer {number}"), scale)
    else:
        data = weights.data
    sums = np.bincount(unit, np.abs(data.astype(np.float64)), weights.shape[0])
    large = np.flatnonzero(~(sums < _LIMIT))
    if large.size:
        raise InvalidInput(
            f"the weights of unit {large[0]} of layer {number} sum up to 2^62 or more as integers: they differ too "
            "much in size, or have too many digits"
        )
    if thresholds.dtype.kind == "f":
        thresholds = np.ceil(thresholds.clip(-_LIMIT, _LIMIT))
    thresholds = thresholds.clip(-_LIMIT, _LIMIT).astype(np.int64)
    scaled = type(weights)((data.astype(np.int64), weights.indices, weights.indptr), weights.shape)
    return Layer(scaled, thresholds)


def _scaled(thresholds, scale):
    """Thresholds times powers of two; a positive one that underflows is still above 0, so its least integer is 1."""
    scaled = np.ldexp(thresholds, scale)
    return np.where((thresholds > 0) & (scaled == 0), 1.0, scaled)


def _as_floats(values, name):
    """Integers as float64, `InvalidInput` where they would be rounded; floats as they are."""
    floats = values.astype(np.float64)
    if values.dtype.kind == "i":
        with np.errstate(invalid="ignore"):  # 2^63, which int64 does not hold
            if np.any((floats >= 2.0**63) | (floats.astype(np.int64) != values)):
                raise InvalidInput(f"{name} hold an integer that float64 does not hold")
    return floats


def _powers_to_integers(weights, unit, n_units):
    """For each unit the least k with integer ``weights * 2^k``, 0 if they are integers of moderate size."""
    fractions, exponents = np.frexp(weights)
    digits = np.ldexp(fractions, 53).astype(np.int64)
    lowest = exponents - 53 + np.frexp((digits & -digits).astype(np.float64))[1] - 1
    least = np.full(n_units, 2**30)
    np.minimum.at(least, unit, lowest)
    largest = np.full(n_units, -(2**30))
    np.maximum.at(largest, unit, exponents)
    keep = (least >= 0) & (largest < 32)
    return np.where(keep, 0, -least)


def _classes(classes, n_outputs, are_digits=True):
    """Labels by class index, of which outputs are the binary digits; or else any."""
    if classes is None:
        if n_outputs > _MOST_OUTPUTS:
            raise InvalidInput(
                f"the last layer has {n_outputs} outputs: say which labels they stand for",
                f"classes=np.arange({2**n_outputs})" if n_outputs <= _MOST_CLASS_BITS else "",
            )
        return np.arange(2**n_outputs)
    if not isinstance(classes, Iterable):
        raise InvalidInput(f"classes are labels, one for each class index, not {classes!r:.100}")
    classes = classes if hasattr(classes, "__len__") else list(classes)
    try:
        labels = as_labels(classes, len(classes))
    except InvalidInput as error:
        code = re.sub(r"\by\b", "classes", error.in_python)
        raise InvalidInput(f"classes cannot be used as labels y: {error.what}", code) from error
    n_bits = bits_for(len(labels.indices))
    if are_digits and (n_bits != n_outputs or n_bits > _MOST_CLASS_BITS):
        raise InvalidInput(
            f"{len(labels.indices)} classes are numbered with {n_bits} binary digits, but the last layer has "
            f"{n_outputs} outputs"
        )
    return labels.classes[labels.indices]
