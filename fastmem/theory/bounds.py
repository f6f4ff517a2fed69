"""Sizes that theorems give, and sizes that no network can beat."""

import math

__all__ = ["hyperplanes_for_cells", "rajput2021_sizes"]


def hyperplanes_for_cells(n: int, d: int) -> int:
    """Fewest hyperplanes in R^d that can give n points n different sign patterns.

    m hyperplanes cut R^d into at most ``sum_{i <= d} C(m, i)`` cells (Schläfli), so this is the smallest m for
    which that sum reaches n. It is at least log2 n.

    Examples
    --------
    >>> hyperplanes_for_cells(1000, 64)
    10
    >>> hyperplanes_for_cells(1000, 2)
    45
    """
    m = max(math.ceil(math.log2(n)) - 1, 0)
    while _cells(m, d) < n:
        m = max(m + 1, int(m * 1.01))
    while m and _cells(m - 1, d) >= n:
        m -= 1
    return m


def _cells(m, d):
    total, term = 0, 1
    for i in range(min(m, d) + 1):
        total += term
        term = term * (m - i) // (i + 1)
    return total


def rajput2021_sizes(n: int, d: int, delta: float) -> tuple[float, float]:
    """Neurons and weights of Rajput et al. (2021, arXiv 2106.07724, theorem 1), logarithms left out.

    For n points of the unit ball in R^d at least delta apart: Õ(1/delta + sqrt n) neurons and Õ(d/delta + n)
    weights. The values are these expressions with constant 1 and without logarithmic factors: a scale to read
    sizes against, not a bound.

    Examples
    --------
    >>> rajput2021_sizes(10_000, 16, 0.1)
    (110.0, 10160.0)
    """
    return 1 / delta + math.sqrt(n), d / delta + n
