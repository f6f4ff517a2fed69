"""The linear code that shortens many signs to at most 62 bits.

Up to 62 signs are the code as they are. More are mapped to k <= 62 bits by a matrix over GF(2), the second stage of
Rajput et al. (2021, arXiv 2106.07724): ``code = XOR of columns[j] over the hyperplanes with sign 1``, accumulated while
the signs are decided, so that nothing of size n x m is ever stored.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MAX_BITS", "LinearCode"]


MAX_BITS = 62
_DRAWN_TOGETHER = 2**14


class LinearCode:
    """A linear map over GF(2) from m sign bits to k code bits, one word a hyperplane.

    Parameters
    ----------
    columns : uint64 array of shape (m,)
        Column j of the k x m matrix: the code bits that flip with sign j.
    n_bits : int
        k, at most 62.
    """

    columns: NDArray[np.uint64]
    n_bits: int

    def __init__(self, columns: ArrayLike, n_bits: int) -> None:
        self.columns = np.ascontiguousarray(columns, np.uint64)
        self.n_bits = int(n_bits)

    @classmethod
    def identity(cls, m):
        """The code that keeps m <= 62 signs as they are."""
        return cls(np.uint64(1) << np.arange(m, dtype=np.uint64), m)

    @classmethod
    def draw(cls, m, n, random_state, attempt=0):
        """Random code for n points and m hyperplanes.

        k = min(62, 2 log2 n + 10) bits; each column has 3 to 5 ones, so that the parity subnetwork stays
        sparse. Sparse columns can coincide where m is large: each further attempt adds a one to either end of
        that range and two bits to k, up to dense columns of 62 bits, for which the chance that any two of n
        different sign patterns collide is at most n^2 / 2^63.
        """
        k = min(MAX_BITS, math.ceil(2 * math.log2(max(n, 2))) + 10 + 2 * attempt)
        return cls(cls.drawn(m, k, random_state, attempt), k)

    @staticmethod
    def drawn(m, k, random_state, attempt=0):
        """M random columns of k bits with 3 to 5 ones, or as many more as `draw` says: uint64 array."""
        ones = random_state.integers(min(3 + attempt, k // 2), min(5 + attempt, k // 2) + 1, m)
        columns = [
            _words_with_ones(ones[start : start + _DRAWN_TOGETHER], k, random_state)
            for start in range(0, m, _DRAWN_TOGETHER)
        ]
        return np.concatenate([np.empty(0, np.uint64), *columns])

    @property
    def is_identity(self) -> bool:
        """Whether the code is the sign pattern itself."""
        return self.n_bits == len(self.columns) and np.array_equal(
            self.columns, LinearCode.identity(len(self.columns)).columns
        )


def _words_with_ones(ones, k, random_state):
    """Random k-bit words with the given numbers of ones: the first places of random permutations."""
    places = random_state.random((len(ones), k)).argsort(axis=1).astype(np.uint64)
    chosen = np.arange(k) < ones[:, None]
    return np.bitwise_or.reduce(np.where(chosen, np.uint64(1) << places, np.uint64(0)), axis=1)
