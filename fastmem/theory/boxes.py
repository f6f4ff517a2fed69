"""A box around every point of one class, in numbers: robust memorization in the largest coordinate difference."""

from fastmem.theory.size import Size

__all__ = ["bound"]


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for n distinct points of R^d, with any margin below half their separation.

    Separation is measured in the maximum norm, the largest difference of a coordinate. Each bit of the labels has one
    value at P points, P = floor(n/2) at most. Two units for each of them and each coordinate say whether x is below the
    face of a cube around the point or above its opposite face, one unit whether x is between all 2 d faces, and an OR
    of these is the bit. Cubes around points with different labels do not meet if they are less than the separation
    wide, so each cube has the label of its point.

    - units: 2 d P for the faces, P for the cubes, one for the bit;
    - weights: one of each face, 2 d of each cube, P of the bit.

    Faces that several cubes share, and cubes that become one box, only lower that.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points with different labels; nothing depends on it.
    n_label_bits : int

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(1000, 16, 0.3)
    Size(neurons=16501, weights=32500)
    """
    rarer = n // 2
    return Size(n_label_bits * (2 * d * rarer + rarer + 1), n_label_bits * (4 * d * rarer + rarer))
