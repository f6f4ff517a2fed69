"""Baum (1988) in numbers."""

from fastmem.theory.size import Size

__all__ = ["bound"]


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for any labels of n points in general position.

    A bit of the labels has one value at n/2 points at most. They make ceil(n / 2d) groups, each with two units of
    d weights and two weights to the output.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points; nothing depends on it.
    n_label_bits : int

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(10_000, 16, 0.1)
    Size(neurons=627, weights=10642)
    """
    groups = -(-(n // 2) // d)
    return Size(n_label_bits * (2 * groups + 1), n_label_bits * 2 * groups * (d + 1))
