"""Threshold units, one at a time."""

import numpy as np
from oracles.naive.hyperplanes import signs

WORD = 64


def pack_bits(bits):
    """Words of 64 bits: bit i % 64 of word i // 64 is bit i."""
    bits = np.asarray(bits, bool)
    words = np.zeros((bits.shape[0], -(-bits.shape[1] // WORD)), np.uint64)
    for i in range(bits.shape[1]):
        words[:, i // WORD] |= bits[:, i].astype(np.uint64) << np.uint64(i % WORD)
    return words


def unpack_bits(words, n_bits):
    """The inverse of `pack_bits`: bool array of shape (n, n_bits)."""
    bits = np.zeros((len(words), n_bits), bool)
    for i in range(n_bits):
        bits[:, i] = (words[:, i // WORD] >> np.uint64(i % WORD)) & np.uint64(1) == 1
    return bits


def threshold_layer(inputs, weights, thresholds):
    """[sum_i w_ji x_i >= t_j] in Python's integers: bool array of shape (n, units).

    inputs is a bool array of shape (n, inputs), weights a dense array of shape (units, inputs).
    """
    weights, thresholds = np.asarray(weights).tolist(), np.asarray(thresholds).tolist()
    outputs = [
        [
            sum(w for w, x in zip(row, bits, strict=True) if x) >= threshold
            for row, threshold in zip(weights, thresholds, strict=True)
        ]
        for bits in np.asarray(inputs, bool).tolist()
    ]
    return np.array(outputs, bool).reshape(len(inputs), len(thresholds))


def integer_layers(layers, bits):
    """Outputs of layers with binary inputs: bool array of shape (n, units of the last layer).

    Sums are taken modulo 2^64 and read as signed, so they are exact as long as they fit int64 themselves.
    """
    bits = np.asarray(bits, bool)
    for layer in layers:
        sums = (layer.weights.astype(np.int64) @ bits.T.astype(np.int64)).T
        bits = sums >= np.asarray(layer.thresholds, np.int64)
    return bits


def forward(layers, X, n_classes=None):
    """Class index of each row through every unit: exact signs, then integer sums; 0 without layers."""
    X = np.asarray(X)
    if not layers:
        return np.zeros(len(X), np.int64)
    bits = signs(X, layers[0].weights.toarray(), layers[0].thresholds)
    bits = integer_layers(layers[1:], bits)
    indices = sum(bits[:, b].astype(np.int64) << b for b in range(bits.shape[1]))
    if n_classes is not None and indices.max(initial=0) >= n_classes:
        raise ValueError(f"class index {indices.max()} of {n_classes} classes")
    return indices
