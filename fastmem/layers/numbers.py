"""Exact evaluation of networks whose units carry numbers: integer weights and thresholds of any size, real inputs.

An output unit f of such a network is a function of real numbers, and the network's output is f / 2^exponent. Three
steps agree, and each takes the rows that the one before leaves:

1. float64 with a proved bound of the error: rows whose class, or whose threshold units, no error can change.
2. Integers of up to 4 words of 64 bits, compiled: rows whose sums fit.
3. Python's integers, for all others: the reference.

The first two stand in ``src_cython/fastmem/_kernels/numbers.pyx``. An answer depends on the row alone.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from fastmem._kernels import numbers as kernels
from fastmem.errors import InvalidInput
from fastmem.layers.integers import bit_lengths, scaled_to_integers, words_of
from fastmem.layers.layer import ACTIVATIONS
from fastmem.layers.programs import Program
from fastmem.machine.floats import default_environment
from fastmem.machine.once import cached_property
from fastmem.machine.threads import width_of_long_blocks

__all__ = ["NumberTables", "width_of_blocks"]

_LEVELS = (1, 2, 3)
_UNIT = 2.0**-53
_FILTER_BITS, _FILTER_DEPTH, _FILTER_SIZE, _FILTER_SPARSITY = 1000, 8, 2**24, 8
_WORD, _WORD_BITS = 64, 64 * kernels.MOST_WORDS
_INT64_BITS = 62
_ENTRIES = 32  # weights that take as long as a coordinate
_THRESHOLD, _RELU = ACTIVATIONS.index("threshold"), ACTIVATIONS.index("relu")


def width_of_blocks(layers):
    """What stands for the number of coordinates where rows are cut into blocks: those of deep networks share work."""
    d = layers[0].weights.shape[1]
    if len(layers) > _FILTER_DEPTH:
        return width_of_long_blocks(d)
    return d + sum(layer.n_weights for layer in layers) // _ENTRIES


class NumberTables:
    """Layers of integers, and what their evaluation derives from them.

    Blocks of rows are float32 or float64 arrays of shape (n, inputs of the first layer), finite. `levels` says which of
    the three steps may be taken; where none of them decides there is a value that is no answer, and never if the third
    one is among them.

    Parameters
    ----------
    layers : tuple of Layer
        Of integers, each with as many inputs as the one before has units.
    exponent : int
    """

    def __init__(self, layers, exponent):
        self._layers, self._exponent = tuple(layers), exponent
        for position, layer in enumerate(self._layers, start=1):
            if {layer.weights.dtype.kind, layer.thresholds.dtype.kind} - {"i", "O"}:
                raise InvalidInput(f"layer {position} has parameters that are no integers")

    def classes(self, block, n_classes, *, levels=_LEVELS):
        """The class nearest to the one output f / 2^exponent, the lower one of two: int64 array of shape (n,).

        Outputs below 0 are of class 0, and those above n_classes - 1 of that one. -1 is no answer.
        """
        nearest = partial(_nearest_classes, exponent=self._exponent, n_classes=n_classes)
        certain = partial(_certain_classes, exponent=self._exponent, n_classes=n_classes)
        return self._settle(block, levels, np.full(len(block), -1, np.int64), certain, nearest)

    def values(self, block, *, levels=_LEVELS):
        """The float64 nearest to each output f / 2^exponent: float64 array of shape (n, outputs).

        Ties go to the even one; beyond float64 it is infinite. NaN is no answer.
        """
        answers = np.full((len(block), self._layers[-1].n_units), np.nan)
        return self._settle(block, levels, answers, None, partial(_nearest_floats, exponent=self._exponent))

    def bits(self, block, *, levels=_LEVELS):
        """The outputs of threshold units, up to 62 of them, unit j in bit j: uint64 array of shape (n,).

        2^64 - 1 is no answer.
        """
        answers = np.full(len(block), np.iinfo(np.uint64).max)
        return self._settle(block, levels, answers, _certain_bits, lambda numbers, shifts: _packed(numbers != 0))

    @default_environment()
    def in_float64(self, block):
        """Outputs of float64 arithmetic, and how far it may be from the truth in whatever order it sums up.

        Returns
        -------
        values, reach : float64 arrays of shape (n, outputs)
            Of f / 2^exponent; the reach is infinite where nothing is certain.
        """
        if self._any_order is None:
            shape = len(block), self._layers[-1].n_units
            return np.zeros(shape), np.full(shape, np.inf)
        outputs, bounds = self._any_order.outputs(block)
        with np.errstate(over="ignore", under="ignore"):
            values, reach = (np.ldexp(array, -_moderate(self._exponent)) for array in (outputs, bounds))
        return values, reach + 4 * _UNIT * np.abs(values)

    @default_environment()
    def _settle(self, block, levels, answers, certain, exact):
        """Answers of all rows: `certain` tells some from rounded outputs, and `exact` all from integers."""
        left = np.arange(len(block))
        if 1 in levels and certain is not None and self._filter is not None:
            told, known = certain(*self._filter.outputs(block))
            answers[known] = told[known]
            left = np.flatnonzero(~known)
        for compiled in ("_words", "_program") if 2 in levels else ():
            if len(left) and getattr(self, compiled) is not None:
                numbers, shifts, done = getattr(self, compiled).outputs(block[left])
                if done.any():
                    answers[left[done]] = exact(numbers[done], shifts[done])
                left = left[~done]
        if 3 in levels and len(left):
            answers[left] = exact(*self._integers.outputs(block[left]))
        return answers

    @cached_property
    def _filter(self):
        """Step 1, or None where it helps little: in deep or sparse networks, and where numbers are long."""
        layers = self._layers
        fits = all(max(layer.weight_bits, layer.threshold_bits) <= _FILTER_BITS for layer in layers)
        return _Filter(layers) if fits and len(layers) <= _FILTER_DEPTH and self._is_dense else None

    @cached_property
    def _is_dense(self):
        """Whether dense weights are not many more than there are, nor too many."""
        dense = sum(layer.weights.shape[0] * layer.weights.shape[1] for layer in self._layers)
        return dense <= min(_FILTER_SIZE, _FILTER_SPARSITY * sum(layer.n_weights for layer in self._layers))

    @cached_property
    def _any_order(self):
        """Step 1 with bounds of twice the errors: what one summation and another tell of a unit is alike then."""
        is_short = all(map(_are_floats, self._layers))  # sums of small integers have no error, however deep it is
        return _Filter(self._layers, 2.0) if self._filter is not None or (is_short and self._is_dense) else None

    @cached_property
    def _words(self):
        """Step 2, or None where parameters alone are too long, or where the network is deep: rows share work there."""
        bits = max(max(layer.weight_bits, layer.threshold_bits) for layer in self._layers)
        return _Words(self._layers) if bits <= _WORD_BITS and len(self._layers) <= _FILTER_DEPTH else None

    @cached_property
    def _program(self):
        """Step 2 for all others: rows that need longer numbers, and deep networks."""
        return Program(self._layers)

    @cached_property
    def _integers(self):
        """Step 3."""
        return _Integers(self._layers)


def _certain_classes(outputs, bounds, exponent, n_classes):
    """The class of each row, and whether its interval holds no other."""
    output = outputs[:, 0]
    reach = bounds[:, 0] + 4 * _UNIT * (np.abs(output) + bounds[:, 0])  # the ends of the interval are rounded
    with np.errstate(over="ignore", under="ignore"):
        ends = [np.ldexp(output + side * reach, -_moderate(exponent)) for side in (-1, 1)]
    # Near a half-integer the difference has no rounding error, and elsewhere it crosses none.
    low, high = (np.clip(np.ceil(end - 0.5), 0, n_classes - 1).astype(np.int64) for end in ends)
    return low, low == high


def _moderate(exponent):
    """An exponent for `np.ldexp`: beyond these all outputs are 0 or infinite anyway."""
    return max(min(exponent, 4096), -4096)


def _nearest_classes(numbers, shifts, exponent, n_classes):
    """The class of each row of exact outputs, times 2^shift."""
    classes = []
    for number, power in zip(numbers[:, 0].tolist(), (shifts + exponent).tolist(), strict=True):
        whole = -(((1 << (power - 1)) - number) >> power) if power > 0 else number << -power
        classes.append(min(max(whole, 0), n_classes - 1))
    return classes


def _certain_bits(outputs, bounds):
    """The bits of each row, and whether its threshold units are certain."""
    return _packed(outputs != 0), bounds[:, 0] == 0


def _packed(bits):
    """Bit j of a number for column j: uint64 array."""
    return (bits.astype(np.uint64) << np.arange(bits.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)


def _nearest_floats(numbers, shifts, exponent):
    """Exact outputs, times 2^shift, as the nearest float64."""
    rows = zip(numbers.tolist(), (shifts + exponent).tolist(), strict=True)
    return [[_nearest_float(number, power) for number in row] for row, power in rows]


def _nearest_float(number, power):
    """The float64 nearest to number / 2^power: the division of Python's integers rounds once, subnormals included."""
    try:
        return number / (1 << power) if power > 0 else float(number << -power)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


def _are_floats(layer):
    """Whether float64 holds all parameters of a layer."""
    numbers = (abs(number) for part in (layer.weights.data, layer.thresholds) for number in part.tolist())
    return all(number.bit_length() <= _FILTER_BITS and number == int(float(number)) for number in numbers)


def _common_powers(layer):
    """Powers of two that divide all weights of a layer, and all thresholds and what threshold units output."""
    ones = [1] if np.any(layer.activations == _THRESHOLD) else []
    return [_common_power(layer.weights.data.tolist()), _common_power([*layer.thresholds.tolist(), *ones])]


def _common_power(integers):
    return min(((number & -number).bit_length() - 1 for number in integers if number), default=_FILTER_BITS)


class _Filter:
    """Step 1: float64, and how far each output may be from the truth.

    Bounds are multiplied by a number of times, layer by layer.
    """

    def __init__(self, layers, times=1.0):
        self._width, self._n_outputs = _largest_width(layers), layers[-1].n_units
        # Terms of a sum behind the threshold, one of rounded parameters, and those of the bound itself.
        terms = np.array([np.diff(layer.weights.indptr).max() + 8.0 for layer in layers])
        self._tables = kernels.FilterTables(
            _widths(layers), np.concatenate([layer.weights.toarray().T.astype(np.float64).ravel() for layer in layers]),
            np.concatenate([layer.thresholds.astype(np.float64) for layer in layers]),
            np.concatenate([layer.activations for layer in layers]),
            terms * _UNIT / (1 - terms * _UNIT) * (1 + 8 * _UNIT), times * (1 + 4 * terms * _UNIT),
            np.array([_are_floats(layer) for layer in layers], np.uint8),
            np.array([_common_powers(layer) for layer in layers], np.int32),
        )  # fmt: skip

    def outputs(self, block):
        """Output units, and how far each may be from the truth: float64 arrays of shape (n, outputs)."""
        values, errors = np.empty((2, self._width)), np.empty((2, self._width))
        outputs, bounds = (np.empty((len(block), self._n_outputs)) for _ in range(2))
        kernels.filter_rows(self._tables, block, values, errors, outputs, bounds)
        return outputs, bounds


class _Words:
    """Step 2: integers of up to 4 words."""

    def __init__(self, layers):
        self._width, self._n_outputs = _largest_width(layers), layers[-1].n_units
        counts, *columns = (np.concatenate(parts) for parts in zip(*map(_columns, layers), strict=True))
        self._tables = kernels.WordTables(
            _widths(layers), np.append(0, np.cumsum(counts)), *columns,
            np.concatenate([layer.activations for layer in layers]),
            np.array([np.any(layer.activations == _THRESHOLD) for layer in layers], np.uint8),
        )  # fmt: skip

    def outputs(self, block):
        """Output units times 2^shift, as objects (n, outputs), the shifts, and which rows have them."""
        n, width = len(block), self._width
        values, lengths = np.empty((2, width + 1, kernels.MOST_WORDS), np.uint64), np.empty((2, width + 1), np.int8)
        sums = np.empty(2 * width * kernels.MOST_WORDS, np.uint64)
        shifts, words = np.empty(n, np.int64), np.zeros((n, self._n_outputs, kernels.MOST_WORDS), np.uint64)
        signs, done = np.empty((n, self._n_outputs), np.int8), np.empty(n, np.uint8)
        kernels.forward_rows(self._tables, block, values, lengths, sums, shifts, words, signs, done)
        numbers = words[:, :, 0].astype(object)
        for place in range(1, kernels.MOST_WORDS):
            if words[:, :, place].any():
                numbers += words[:, :, place].astype(object) << _WORD * place
        return numbers * signs.astype(object), shifts, done.astype(bool)


def _columns(layer):
    """What step 2 knows of the weights with which a layer's units read each input, and the 1 behind these.

    Returns
    -------
    counts : int64 array of shape (inputs + 1,)
    places, words : arrays
        Of all weights, input by input; without the powers of two.
    n_words, powers : int32 arrays of shape (inputs + 1,)
        Words of the longest weight, and the power of two that divides all.
    largest : float64 array of shape (inputs + 1,)
        The largest absolute value of a weight, rounded up.
    """
    weights, thresholds = layer.weights, layer.thresholds
    n_units, n_inputs = weights.shape
    data = np.concatenate([weights.data.astype(object), -thresholds.astype(object)])
    columns = np.concatenate([weights.indices, np.full(n_units, n_inputs)])
    units = np.concatenate([np.repeat(np.arange(n_units), np.diff(weights.indptr)), np.arange(n_units)])
    some = np.flatnonzero(data)
    order = some[np.argsort(columns[some], kind="stable")]
    data, columns, units = data[order], columns[order], units[order]
    longest, powers = np.zeros(n_inputs + 1, np.int32), np.full(n_inputs + 1, _WORD_BITS, np.int32)
    np.maximum.at(longest, columns, bit_lengths(data))
    np.minimum.at(powers, columns, bit_lengths(data & -data) - 1)
    powers[longest == 0] = 0
    n_words = -(-(longest - powers) // _WORD)
    words = words_of(data >> powers[columns].astype(object), n_words.max(initial=1))
    used = np.arange(words.shape[1]) < n_words[columns, None]
    places = 2 * units + (data < 0)
    largest = np.zeros(n_inputs + 1)
    np.maximum.at(largest, columns, np.abs(data).astype(np.float64) * (1 + 2 * _UNIT))
    counts = np.bincount(columns, minlength=n_inputs + 1)
    return counts, places.astype(np.int32), words[used], n_words, powers, largest


def _widths(layers):
    return np.array([layers[0].weights.shape[1], *(layer.n_units for layer in layers)], np.int64)


def _largest_width(layers):
    return int(_widths(layers).max())


class _Integers:
    """Step 3: Python's integers, and int64 where a sum is sure to fit.

    The outputs of a unit for all rows are a `_Column`.
    """

    def __init__(self, layers):
        self._layers = layers

    def outputs(self, block):
        """Output units times 2^shift, as objects (n, outputs), and the shifts, one for all rows."""
        integers, shift = scaled_to_integers(block)
        columns = [_Column.of(column) for column in integers.T]
        for layer in self._layers:
            sums = _sums(layer, columns, len(block), shift)
            columns = [_Column.of(_activated(s, kind, shift)) for s, kind in zip(sums, layer.activations, strict=True)]
        numbers = np.zeros((len(block), len(columns)), object)
        for output, column in zip(numbers.T, columns, strict=True):
            output[column.rows] = column.values
        return numbers, np.full(len(block), shift)


class _Column(NamedTuple):
    """The outputs of a unit: the rows where it is not 0, if they are few, else all, its values there, and the largest.

    That is an absolute value, 1 at least, so that a weight that meets none is counted too.
    """

    rows: np.ndarray | slice
    values: np.ndarray
    top: int

    @classmethod
    def of(cls, outputs):
        rows = np.flatnonzero(outputs)
        rows = rows if 2 * len(rows) < len(outputs) else slice(None)
        values = outputs[rows]
        top = max(int(values.max()), -int(values.min()), 1) if len(values) else 1
        return cls(rows, values.astype(np.int64) if top < 2**_INT64_BITS else values, top)


def _sums(layer, columns, n, shift):
    """The sum of each unit for n rows."""
    data, inputs, starts = (part.tolist() for part in (layer.weights.data, layer.weights.indices, layer.weights.indptr))
    for unit, threshold in enumerate(layer.thresholds.tolist()):
        terms = [(data[term], columns[inputs[term]]) for term in range(starts[unit], starts[unit + 1])]
        bound = (abs(threshold) << shift) + sum(abs(weight) * column.top for weight, column in terms)
        kind = np.int64 if bound < 2**_INT64_BITS else object
        sums = np.full(n, -threshold << shift, kind)
        for weight, column in terms:
            sums[column.rows] += column.values.astype(kind, copy=False) * weight
        yield sums


def _activated(sums, activation, shift):
    """Outputs of a unit of these sums, times 2^shift."""
    if activation == _THRESHOLD:
        one = 1 << shift
        return (sums >= 0).astype(np.int64 if one < 2**_INT64_BITS else object) * one
    return np.maximum(sums, 0) if activation == _RELU else sums
