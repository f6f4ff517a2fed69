"""A layer of threshold units, and the evaluation of layers unit by unit.

Unit j outputs 1 if ``weights[j] @ inputs >= thresholds[j]``, else 0. A first layer has real weights and real
inputs, and its signs are exact (`fastmem.hyperplanes.Hyperplanes`). All later layers have integer weights and
binary inputs; they are evaluated on packed bits, 64 inputs a word, one popcount for each plane of weights with
the same power of two and sign (``src_cython/fastmem/_kernels/layers.pyx``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastmem._kernels import layers as kernels
from fastmem.data.options import check_option
from fastmem.data.sorting import run_starts
from fastmem.errors import FormatError
from fastmem.machine.once import cached_property
from fastmem.machine.partners import need

if TYPE_CHECKING:
    from typing import Any, Literal

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["Layer", "narrowed"]

_WORD = 64
_PLANES = 63


@dataclass(frozen=True, eq=False)
class Layer:
    """Threshold units side by side.

    Attributes
    ----------
    weights : scipy.sparse.csr_array of shape (units, inputs)
        float32 in a first layer, int64 in all others.
    thresholds : ndarray of shape (units,)
        float64 in a first layer, int64 in all others.
    activation : {"threshold"}
        "threshold": 1 where the weighted sum reaches the threshold, else 0. It is saved by not being named.
    """

    weights: csr_array[Any]
    thresholds: NDArray[Any]
    activation: Literal["threshold"] = "threshold"

    def __post_init__(self):
        check_option("activation", self.activation, tuple(_EVALUATE))
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

    def tensors(self):
        """Weights and thresholds of a layer behind the first, by name, in the smallest integers that hold them."""
        weights = self.weights
        return {
            "starts": weights.indptr.astype(np.int64),
            "inputs": weights.indices.astype(np.int32),
            "weights": narrowed(weights.data),
            "thresholds": narrowed(self.thresholds),
        }

    @classmethod
    def from_tensors(cls, tensors, n_inputs):
        """Layer with the given parameters; `FormatError` if they are not what `tensors` gives."""
        csr_array = need("scipy.sparse", what="what is read from the layers of a network").csr_array
        starts, inputs, weights, thresholds = (tensors[name] for name in ("starts", "inputs", "weights", "thresholds"))
        n_units = len(thresholds)
        valid = (
            starts.ndim == inputs.ndim == weights.ndim == thresholds.ndim == 1
            and starts.dtype == np.int64
            and inputs.dtype == np.int32
            and weights.dtype.kind == thresholds.dtype.kind == "i"
            and 0 < n_units == len(starts) - 1
            and starts[0] == 0
            and bool(np.all(starts[1:] >= starts[:-1]))
            and starts[-1] == len(inputs) == len(weights)
            and bool(np.all((inputs >= 0) & (inputs < n_inputs)))
            and bool(np.all(weights != 0))
        )
        if valid:
            unit = np.repeat(np.arange(n_units), np.diff(starts))
            same = unit[1:] == unit[:-1]
            sums = np.bincount(unit, np.abs(weights.astype(np.float64)), n_units)
            valid = bool(np.all(inputs[1:][same] > inputs[:-1][same]) and np.all(sums < 2.0**62))
        if not valid:
            raise FormatError("weights and thresholds do not form a layer")
        shape = (n_units, n_inputs)
        return cls(csr_array((weights.astype(np.int64), inputs, starts), shape), thresholds.astype(np.int64))

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
        return _EVALUATE[self.activation](self, inputs)


def _threshold(layer, inputs):
    outputs = np.empty((len(inputs), -(-layer.n_units // _WORD)), np.uint64)
    starts, words, shifts, negative, masks = layer._planes
    kernels.threshold_layer(inputs, starts, words, shifts, negative, masks, layer.thresholds, outputs)
    return outputs


_EVALUATE = {"threshold": _threshold}  # activations, and what evaluates their units


def narrowed(integers, types=("i1", "i2", "i4", "i8")):
    """The same integers in the first of some types that holds them: in the smallest signed one."""
    low, high = integers.min(initial=0), integers.max(initial=0)
    return integers.astype(next(t for t in types if np.iinfo(t).min <= low and high <= np.iinfo(t).max))
