"""Theorem 1 of Rajput et al. (NeurIPS 2021, arXiv 2106.07724) in numbers: how many units of each kind, and bounds."""

import math

from fastmem.hyperplanes.code import MAX_BITS
from fastmem.theory.size import Size

__all__ = [
    "FAILURE", "LEAST_DELTA", "LOAD", "MOST_SEGMENT_BITS", "SEGMENTS", "bound", "code_bits", "most_blocks", "most_ones",
    "n_hyperplanes", "segment_bits",
]  # fmt: skip

FAILURE = 0.01
"""p, the probability that one draw of the hyperplanes fails; of the code, half of it."""

LEAST_DELTA = 2.0**-60  # no machine holds the hyperplanes drawn for less, whose number may overflow
LOAD = 0.8  # codes a lift unit, in a block
MOST_SEGMENT_BITS = 24
SEGMENTS = 3
_SPARE_BLOCKS = 4


def n_hyperplanes(n: int, delta: float) -> int:
    """How many Gaussian hyperplanes part n points: m = ceil((2 pi / delta) ln(n^2 / (2 p))), or 0 for one point.

    Examples
    --------
    >>> n_hyperplanes(100_000, 0.5)
    339
    """
    return math.ceil(2 * math.pi / delta * math.log(n * n / (2 * FAILURE))) if n > 1 else 0


def code_bits(n: int) -> int:
    """Length of the code: k = ceil(2 log2 n + log2(1/p)), at most 62.

    Examples
    --------
    >>> code_bits(100_000)
    40
    """
    return min(math.ceil(2 * math.log2(max(n, 2)) - math.log2(FAILURE)), MAX_BITS)


def segment_bits(n, n_label_bits):
    """a: the lift has C = 3 * 2^a units, so that C + (K + 1) n / (0.8 C) is as small as it can be."""

    def units(a):
        return SEGMENTS * 2**a + (n_label_bits + 1) * n / (LOAD * SEGMENTS * 2**a)

    return min(range(1, MOST_SEGMENT_BITS + 1), key=units)


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that `build` never exceeds, for n distinct points of R^d.

    With at most s = m k/2 + 2 sqrt(m k) ones in the code, L = ceil(log2 m) and at most R = 2 n/C + 4 blocks:

    - units: m hyperplanes, 2 s + k (L + 1) parities, C of the lift, R - 1 gates, K R block units, K outputs;
    - weights: d m; of parities 2 s on the first level, whose units read two signs at most, 4 (s + k L) on all others,
      whose units read two differences of two units, and 2 k at the end: with as many units, 8 s + 5 k (L + 1) at most,
      and `fastmem.layers.parity` only chooses larger groups where units and weights together are fewer; a C of the
      lift; k for each gate; C + 2 for each block unit, and one for it in the output.

    Examples
    --------
    >>> bound(100_000, 64, 0.5)
    Size(neurons=16195, weights=306188)
    """
    m, k, a = n_hyperplanes(n, delta), code_bits(n), segment_bits(n, n_label_bits)
    ones, levels, places = most_ones(m, k), math.ceil(math.log2(max(m, 1))), SEGMENTS << a
    blocks = most_blocks(n, places)
    neurons = m + 2 * ones + k * (levels + 1) + places + blocks - 1 + n_label_bits * (blocks + 1)
    weights = m * d + 8 * ones + 5 * k * (levels + 1) + a * places + (blocks - 1) * k
    return Size(neurons, weights + n_label_bits * blocks * (places + 3))


def most_ones(m, k):
    """s: how many ones are accepted in the code's matrix, four standard deviations more than the mean."""
    return math.floor(m * k / 2 + 2 * math.sqrt(m * k))


def most_blocks(n, places):
    """R: how many blocks are accepted, with C = places."""
    return 2 * n // places + _SPARE_BLOCKS
