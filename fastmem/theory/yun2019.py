"""Yun, Sra & Jadbabaie (NeurIPS 2019, arXiv 1810.07770) in numbers: two hidden layers of ReLU, about 4 sqrt n units."""

import math

from fastmem.theory.size import Size

__all__ = ["bound"]


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for n distinct points of R^d, with any real labels.

    Project the points to a line and cut them there into G = ceil(sqrt n) groups of G at most. The first layer, the
    projection and two ReLU a gap between groups, combines to all functions that are affine on each group, with slopes
    and intercepts free for each. The second layer has two ReLU for each place in a group, one for a bend upwards and
    one for a bend downwards there, and their sum interpolates the labels piecewise linearly. Widths 2G - 1 and 2G have
    a product below 4 n + O(sqrt n), as in the paper, where d1 d2 >= 4 n suffices. One output unit serves any number of
    classes.

    - units: 2G - 1, 2G, and the output;
    - weights: (2G - 1) d, 2G (2G - 1), and 2G of the output.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points with different labels; lengths of numbers depend on it, counts do not.
    n_label_bits : int
        Nothing depends on it.

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(1000, 16, 0.3)
    Size(neurons=128, weights=5104)
    """
    groups = math.isqrt(n - 1) + 1
    first, second = 2 * groups - 1, 2 * groups
    return Size(first + second + 1, d * first + first * second + second)
