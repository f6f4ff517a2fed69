"""A layer of units, and the evaluation of layers of threshold units unit by unit.

Unit j has the weighted sum ``s = weights[j] @ inputs - thresholds[j]``. A threshold unit outputs 1 if s >= 0, else 0; a
ReLU outputs max(s, 0), and a unit of the identity s itself.

In a network of threshold units a first layer has real weights and real inputs, and its signs are exact
(`fastmem.hyperplanes.Hyperplanes`). All later layers have integer weights and binary inputs; they are evaluated on
packed bits, 64 inputs a word, one popcount for each plane of weights with the same power of two and sign
(``src_cython/fastmem/_kernels/layers.pyx``). Networks whose units carry numbers have integers of any size in all
layers, and are evaluated by `fastmem.layers.numbers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastmem._kernels import layers as kernels
from fastmem.data.options import check_option
from fastmem.data.sorting import run_starts
from fastmem.errors import FormatError, InvalidInput
from fastmem.layers.integers import as_integers, canonical_matrix, from_tensors, longest, to_tensors
from fastmem.machine.once import cached_property

if TYPE_CHECKING:
    from typing import Any, Literal

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from fastmem.layers.integers import IntegerMatrix

__all__ = ["ACTIVATIONS", "Layer"]

ACTIVATIONS = ("threshold", "relu", "identity")
"""What units do with their weighted sum: the number of an activation is its place."""

_WORD = 64
_PLANES = 63


@dataclass(frozen=True, eq=False)
class Layer:
    """Units side by side, each with a weighted sum ``s = weights @ inputs - thresholds``.

    Attributes
    ----------
    weights : scipy.sparse.csr_array or IntegerMatrix of shape (units, inputs)
        float32 in a first layer of threshold units, int64 in all others; an `IntegerMatrix` of Python integers where
        int64 does not hold them.
    thresholds : ndarray of shape (units,)
        float64 in a first layer of threshold units, int64 in all others, or Python integers.
    activation : {"threshold", "relu", "identity"} or uint8 array of shape (units,)
        "threshold": 1 where s >= 0, else 0; "relu": max(s, 0); "identity": s. Where units differ, 0, 1 and 2 in this
        order.
    """

    weights: csr_array[Any] | IntegerMatrix
    thresholds: NDArray[Any]
    activation: Literal["threshold", "relu", "identity"] | NDArray[np.uint8] = "threshold"

    def __post_init__(self):
        object.__setattr__(self, "activation", _as_activation(self.activation, self.n_units))
        if self.thresholds.dtype == object:
            object.__setattr__(self, "thresholds", as_integers(self.thresholds))
        if not self.weights.has_canonical_format:  # entries of one connection are summed before they are counted
            weights = self.weights.copy()
            weights.sum_duplicates()
            object.__setattr__(self, "weights", weights)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.weights.shape[0]

    @property
    def n_weights(self) -> int:
        """Number of connections: weights that are not 0."""
        return int(np.count_nonzero(self.weights.data))

    @property
    def weight_bits(self) -> int:
        """Bits of the longest absolute value of a weight; they must be integers."""
        return longest(as_integers(self.weights.data))

    @property
    def threshold_bits(self) -> int:
        """Bits of the longest absolute value of a threshold; they must be integers."""
        return longest(as_integers(self.thresholds))

    @property
    def activations(self) -> NDArray[np.uint8]:
        """The activation of each unit: 0 for "threshold", 1 for "relu", 2 for "identity"."""
        if isinstance(self.activation, str):
            return np.full(self.n_units, ACTIVATIONS.index(self.activation), np.uint8)
        return self.activation

    @property
    def _has_thresholds_alone(self):
        return isinstance(self.activation, str) and self.activation == "threshold"

    def tensors(self):
        """Parameters of a layer of integers, by name, in the smallest integers that hold them."""
        weights = self.weights
        return {
            "starts": weights.indptr.astype(np.int64),
            "inputs": weights.indices.astype(np.int32),
            **({} if self._has_thresholds_alone else {"activations": self.activations}),
            **to_tensors("weights", weights.data),
            **to_tensors("thresholds", self.thresholds),
        }

    @classmethod
    def from_tensors(cls, tensors, n_inputs, *, numbers=False):
        """Layer with the given parameters; `FormatError` if they are not what `tensors` gives.

        With numbers, units may have any activation, and weighted sums any size; else all are threshold units whose sums
        int64 holds, as `forward` needs them.
        """
        starts, inputs = tensors["starts"], tensors["inputs"]
        weights, thresholds = from_tensors("weights", tensors), from_tensors("thresholds", tensors)
        if not (
            _are_connections(starts, inputs, n_inputs)
            and len(starts) - 1 == len(thresholds)
            and len(inputs) == len(weights)
            and bool(np.all(weights != 0))
            and (numbers or _fit_int64(starts, weights, thresholds))
        ):
            raise FormatError("weights and thresholds do not form a layer")
        activation = "threshold"
        if numbers and "activations" in tensors:
            activation = tensors["activations"]
            if not _are_activations(activation, len(thresholds)):
                raise FormatError("activations do not name those of the units")
        return cls(canonical_matrix(weights, inputs, starts, (len(thresholds), n_inputs)), thresholds, activation)

    @cached_property
    def _planes(self):
        """Entries (word, shift, negative, mask) of each unit's weighted sum, and where each unit's begin."""
        weights = self.weights.tocoo()
        unit, column, value = weights.row.astype(np.int64), weights.col.astype(np.int64), weights.data
        magnitude, negative = np.abs(value).astype(np.uint64), value < 0
        word, bit = column // _WORD, np.uint64(1) << (column % _WORD).astype(np.uint64)
        n_words = -(-self.weights.shape[1] // _WORD)
        entries = []
        for shift in range(_PLANES):
            on = (magnitude >> np.uint64(shift)) & np.uint64(1) == 1
            if not on.any():
                continue
            key = (unit[on] * n_words + word[on]) * 2 + negative[on]
            order = np.argsort(key, kind="stable")
            key = key[order]
            firsts = run_starts(key)
            masks = np.bitwise_or.reduceat(bit[on][order], firsts)
            entries.append((key[firsts], np.full(len(firsts), shift, np.int8), masks))
        if not entries:
            entries = [(np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.uint64))]
        key, shifts, masks = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        order = np.argsort(key, kind="stable")
        key = key[order]
        starts = np.searchsorted(key, np.arange(self.n_units + 1) * 2 * n_words)
        words, signs = key // 2 % n_words, (key % 2).astype(np.int8)
        return starts.astype(np.int64), words, shifts[order], signs, masks[order]

    @property
    def n_entries(self) -> int:
        """Number of words of inputs that `forward` reads for a row."""
        return len(self._planes[1])

    def forward(self, inputs: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Outputs of all units for packed binary inputs.

        Parameters
        ----------
        inputs : uint64 array of shape (n, ceil(inputs / 64))
            Bit i % 64 of word i // 64 is input i.

        Returns
        -------
        outputs : uint64 array of shape (n, ceil(units / 64))
        """
        if not self._has_thresholds_alone or {self.weights.dtype.kind, self.thresholds.dtype.kind} != {"i"}:
            raise InvalidInput("packed bits go through layers of threshold units with weights and thresholds of int64")
        outputs = np.empty((len(inputs), -(-self.n_units // _WORD)), np.uint64)
        starts, words, shifts, negative, masks = self._planes
        kernels.threshold_layer(inputs, starts, words, shifts, negative, masks, self.thresholds, outputs)
        return outputs


def _as_activation(activation, n_units):
    """One word if all units are alike, else an array that nobody writes into; `InvalidInput` for other values."""
    if isinstance(activation, str):
        return check_option("activation", activation, ACTIVATIONS)
    numbers = np.array(activation)
    valid = numbers.shape == (n_units,) and numbers.dtype.kind in "iu" and bool(np.all((numbers >= 0) & (numbers < 3)))
    if not valid:
        raise InvalidInput(
            f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, or 0, 1 or 2 for these for each of "
            f"{n_units} units, not {activation!r}"
        )
    if n_units and np.all(numbers == numbers[0]):
        return ACTIVATIONS[numbers[0]]
    numbers = numbers.astype(np.uint8)
    numbers.setflags(write=False)
    return numbers


def _are_connections(starts, inputs, n_inputs):
    """Whether arrays say of each unit, of one or more, which inputs it reads, in ascending order."""
    if not (
        (starts.dtype, starts.ndim, inputs.dtype, inputs.ndim) == (np.int64, 1, np.int32, 1)
        and len(starts) > 1
        and starts[0] == 0
        and bool(np.all(starts[1:] >= starts[:-1]))
        and starts[-1] == len(inputs)
        and bool(np.all((inputs >= 0) & (inputs < n_inputs)))
    ):
        return False
    unit = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    same = unit[1:] == unit[:-1]
    return bool(np.all(inputs[1:][same] > inputs[:-1][same]))


def _fit_int64(starts, weights, thresholds):
    """Whether int64 holds the weighted sum of each unit for any binary inputs, and all of its parts."""
    if object in (weights.dtype, thresholds.dtype):
        return False
    unit = np.repeat(np.arange(len(thresholds)), np.diff(starts))
    sums = np.bincount(unit, np.abs(weights.astype(np.float64)), len(thresholds))
    return bool(np.all(sums < 2.0**62))


def _are_activations(numbers, n_units):
    """Whether they are activations of units, not all of them threshold units, whose file has none."""
    return (
        numbers.dtype == np.uint8
        and numbers.shape == (n_units,)
        and bool(np.all(numbers < len(ACTIVATIONS)))
        and bool(np.any(numbers))
    )
