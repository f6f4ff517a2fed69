"""Park, Lee, Yun & Shin (COLT 2021, arXiv 2010.13363) in numbers: n^(2/3) weights, by folding and a table of words.

The sizes are those of the construction of `fastmem.constructions.park2021`, for the codes that a random projection
gives with the constants of `fastmem.constructions.line`.
"""

import math

from fastmem.theory.size import Size
from fastmem.theory.vardi2021 import code_bits

__all__ = ["bound", "final_cells", "fold_of", "most_units_of_fold"]


def final_cells(n):
    """Cells to which points are folded at last: n^(4/3), rounded up."""
    return max(n, math.ceil(n ** (4 / 3)))


def fold_of(cells, n):
    """The next fold of n points in so many cells: cells that are left, and pieces of what lies beyond; None at the end.

    Their lemmas 5 and 6: one piece while more than n^2/4 cells are left; then at most 4 n^2 / cells pieces of at most a
    share 1/n of the cells left each.
    """
    if cells <= final_cells(n):
        return None
    left = max(-(-cells // 2), n * n // 4 + 1)
    if left < cells:
        return left, 1
    pieces = -(-4 * n * n // cells)
    left = max(n * -(-n // pieces), -(-cells // 2))
    return (left, pieces) if left < cells else None


def most_units_of_fold(pieces):
    """Units of the layer of a fold, at most: z, and where each piece begins and where it wraps, twice at most."""
    return 1 + 3 * pieces + 1


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for any labels of n distinct points of the unit ball of R^d, delta apart.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two distinct points scaled into the unit ball.
    n_label_bits : int

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(10_000, 16, 0.1)
    Size(neurons=11060, weights=22577)
    """
    cells, folds = 1 << code_bits(n, delta), 0
    units = 0
    while fold := fold_of(cells, n):
        cells, pieces = fold
        units += most_units_of_fold(pieces) + 1
        folds += 1
    words = math.isqrt(max(cells - 1, 0)) + 1
    bits = -(-cells // words) * n_label_bits
    neurons = 1 + units + (words + 1) + 10 * bits + 1
    weights = d + 2 * units + 3 * (words + 1) + 20 * bits + 2
    return Size(neurons, weights)
