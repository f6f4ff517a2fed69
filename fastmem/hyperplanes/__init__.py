"""From points to codes, exactly.

    X (n×d reals)
      │  hyperplanes   signs [w_j.x >= t_j] of m hyperplanes, each decided by the first of three steps whose proof
      │                allows it: float32 in panels (tables), float64, integers. On the line: one comparison.
      ▼
    signs (m bits)     never stored: each sign 1 flips the bits of its column while the next is decided
      │  code          GF(2)-linear code, m bits → k <= 62 bits; the identity where m <= 62
      ▼
    codes (uint64)     encoder: the two together

Beside them: `frame`, centre and scale of columns, which speed signs up and change none; `margins` and `passes`, how
near points come to hyperplanes and signs of all points; `rounding`, how far rounded sums of other runtimes reach.

What comes first in a network keeps the contract of `FirstLayer`, and all else knows it by that alone.
"""

from typing import Protocol, runtime_checkable

__all__ = ["FirstLayer"]


@runtime_checkable
class FirstLayer(Protocol):
    """m threshold units on d real inputs, whose outputs are exact.

    Attributes
    ----------
    m, d : int
    weights : float32 array of shape (m, d)
    thresholds : float64 array of shape (m,)
        Output j for a point x is ``[w_j.x >= t_j]`` over the real numbers, whatever the machine.
    """

    m: int
    d: int

    def xor_codes(self, block, columns, counts=None, codes=None, margins=None):
        """XOR of ``columns[j]`` over the units j that are 1, for each row; and the first row not finite, or -1."""

    def signs_of_block(self, block):
        """Outputs of each row, packed, 64 a word: uint64 array of shape (n, ceil(m / 64)); raises `NotFinite`."""

    def distances(self, block):
        """Euclidean distance of each row from where each unit changes, rounded alike everywhere: (n, m) float64."""

    def certified_radius(self, points, n_threads=1):
        """Distance of each point within which no output changes, rounded down: float64 array of shape (n,)."""
