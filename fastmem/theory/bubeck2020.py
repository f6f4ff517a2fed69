"""Bubeck, Eldan, Lee & Mikulincer (NeurIPS 2020, arXiv 2006.02855) in numbers: 4 ceil(n/d) ReLU in one hidden layer."""

from fastmem.theory.size import Size

__all__ = ["bound"]


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights for any real labels of n points of R^d in general position.

    Baum's hyperplanes for numbers instead of bits: groups of d points lie on a hyperplane each, and in a slab around it
    that holds no other point. Four ReLU add up to an affine function inside the slab, the one through the d labels of
    the group, and to exactly 0 at all points outside. One output unit serves any number of classes.

    - units: 4 ceil(n/d), and the output;
    - weights: d of each unit, and one of it in the output.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points; lengths of numbers depend on it, counts do not.
    n_label_bits : int
        Nothing depends on it.

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(1000, 16, 0.3)
    Size(neurons=253, weights=4284)
    """
    units = 4 * -(-n // d)
    return Size(units + 1, units * (d + 1))
