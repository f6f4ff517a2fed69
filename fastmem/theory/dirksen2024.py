"""Dirksen, Finke & Genzel (JMLR 25:347, 2024, arXiv 2310.00327) in numbers: random rows, then a cover of one class."""

import math

from fastmem.theory.size import Size

__all__ = ["FAILURE", "bound", "n_rows"]

FAILURE = 0.01
"""The probability that one draw of the rows fails, for all label bits together."""

_ROWS = 18  # 6 / (0.3989 - sqrt(0.5 * 0.0054)), rounded up


def n_rows(n: int, delta: float, n_label_bits: int = 1) -> int:
    """How many random rows suffice: n1 = ceil((18 / delta) ln(K N1 N0 / FAILURE)), or 0 for one point.

    Row w is Gaussian, its threshold uniform on [-3, 3]. For points c and x of the unit ball with different values of
    a label bit, it is off at c and on at x with probability at least delta/18: the mean of (w.(x - c))+ is 0.3989 times
    their distance, less what is lost where w.x or w.c leaves [-3, 3], and thresholds are spread over a length of 6.
    One such row for each pair is all the second layer needs. K label bits have N1 N0 pairs each at most, N1 = n//2
    and N0 = n - N1, and the union over all of them is FAILURE at most.

    Parameters
    ----------
    n : int
    delta : float
        Smallest distance of two points with different labels, scaled into the unit ball.
    n_label_bits : int

    Returns
    -------
    int

    Examples
    --------
    >>> n_rows(1000, 0.3)
    1023
    """
    return math.ceil(_ROWS / delta * math.log(n_label_bits * (n // 2) * (n - n // 2) / FAILURE)) if n > 1 else 0


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for n distinct points of the unit ball of R^d.

    Behind the n1 rows each bit of the labels has a unit for each point c with the bit's rarer value, n/2 at most: it
    fires where few of the rows that are off at c are on. Units that others make needless are left out. One unit more
    is the bit, the OR of these.

    - units: n1 rows, K (floor(n/2) + 1) behind them;
    - weights: n1 d; for each of the K floor(n/2) units n1 at most, and one to the bit.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points with different labels, scaled into the unit ball.
    n_label_bits : int

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(1000, 16, 0.3)
    Size(neurons=1524, weights=528368)
    """
    rows, rarer = n_rows(n, delta, n_label_bits), n // 2
    return Size(rows + n_label_bits * (rarer + 1), rows * d + n_label_bits * rarer * (rows + 1))
