"""A layer of threshold units, and the evaluation of layers unit by unit.

Unit j outputs 1 if ``weights[j] @ inputs >= thresholds[j]``, else 0. A first layer has real weights and real
inputs, and its signs are exact (`fastmem.encoder.Hyperplanes`). All later layers have integer weights and
binary inputs; they are evaluated on packed bits, 64 inputs a word, one popcount for each plane of weights with
the same power of two and sign (``src_cython/fastmem/_kernels/layers.pyx``).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastmem._kernels import layers as kernels
from fastmem.runs import run_starts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Layer"]

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
    activation : str
        "threshold": 1 where the weighted sum reaches the threshold, else 0.
    """

    weights: "csr_array"
    thresholds: np.ndarray
    activation: str = "threshold"

    def __post_init__(self):
        if not self.weights.has_canonical_format:  # entries of one connection are summed before they are counted
            weights = self.weights.copy()
            weights.sum_duplicates()
            object.__setattr__(self, "weights", weights)

    @property
    def n_units(self):
        """Number of units."""
        return self.weights.shape[0]

    @property
    def n_weights(self):
        """Number of connections: weights that are not 0."""
        return int(np.count_nonzero(self.weights.data))

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

    def forward(self, inputs):
        """Outputs of all units for packed binary inputs.

        Parameters
        ----------
        inputs : uint64 array of shape (n, ceil(inputs / 64))
            Bit i % 64 of word i // 64 is input i.

        Returns
        -------
        outputs : uint64 array of shape (n, ceil(units / 64))
        """
        outputs = np.empty((len(inputs), -(-self.n_units // _WORD)), np.uint64)
        starts, words, shifts, negative, masks = self._planes
        kernels.threshold_layer(inputs, starts, words, shifts, negative, masks, self.thresholds, outputs)
        return outputs
