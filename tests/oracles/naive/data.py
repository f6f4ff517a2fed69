"""Rows compared, hashed and sorted by their definitions."""

import numpy as np
from oracles.naive.hyperplanes import inner_product


def equal_rows(X):
    """Pairs (later, first), in the order of later: the lowest row equal to a row, if it is not that row."""
    rows = np.asarray(X).tolist()
    first = [next(k for k in range(len(rows)) if rows[k] == row) for row in rows]
    return [(i, k) for i, k in enumerate(first) if k < i]


def hash_sums(X, keys):
    """sum_k v_k a_k modulo 2^64 for each row: a_k = keys[0, k] + 2^32 keys[1, k], v_k the 32-bit words of its numbers.

    The words of a number are those of its absolute value's bits, as an integer that is negated if the number is; the
    lower ones first.
    """
    low, high = np.asarray(keys).tolist()
    X = np.asarray(X)
    size = 8 * X.itemsize
    sums = []
    for row, integers in zip(X.tolist(), np.abs(X).view(f"u{X.itemsize}").tolist(), strict=True):
        integers = [-integer if x < 0 else integer for x, integer in zip(row, integers, strict=True)]
        words = [integer % 2**size >> place & 2**32 - 1 for integer in integers for place in range(0, size, 32)]
        sums.append(sum(v * (a + (b << 32)) for v, a, b in zip(words, low, high, strict=True)) % 2**64)
    return sums


def hash_values(X):
    """A hash of each row's numbers: each mixed as float64 beside a multiple of its position, added up, mixed again."""
    hashes = []
    for row in np.asarray(X).tolist():
        bits = [int(np.float64(x if x else 0.0).view(np.uint64)) for x in row]
        hashes.append(mix(sum(mix((b + i * 0x9E3779B97F4A7C15) % 2**64) for i, b in enumerate(bits, 1)) % 2**64))
    return hashes


def mix(h):
    """The finalizer of MurmurHash3."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor % 2**64
    return h ^ h >> 33


def largest_squared_norm(X):
    """max_i x_i.x_i as a Fraction."""
    return max(inner_product(x, x) for x in np.asarray(X))


def sort_codes(codes, companions):
    """Both lists in the order of the codes, equal codes in the order in which they came."""
    pairs = sorted(zip(np.asarray(codes).tolist(), np.asarray(companions).tolist(), strict=True), key=lambda p: p[0])
    return [code for code, _ in pairs], [companion for _, companion in pairs]
