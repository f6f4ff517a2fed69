"""Vardi, Yehudai & Shamir (2021, arXiv 2110.03187) in numbers: about sqrt(n log n) weights, of as many bits each.

The sizes are those of the construction of `fastmem.constructions.vardi2021`, which follows theirs, for the codes that a
random projection gives with the constants of `fastmem.constructions.line`.
"""

import math
from typing import NamedTuple

from fastmem.theory.size import Size

__all__ = ["Shape", "bound", "code_bits", "shape", "sizes"]

_GAP = 2  # in widths of a cell: so much room is left between windows
_LEAST_DELTA = 2.0**-1000

_OF_GROUP = {"step": (3, 4), "steps": (4, 6), "triangles": (4, 6)}
"""Neurons and weights of a layer that picks the word of a group, by form."""


class Shape(NamedTuple):
    """How words are cut.

    Attributes
    ----------
    parts : int
        Networks side by side.
    groups : int
        Words of each of them.
    slots : int
        Points of a word.
    """

    parts: int
    groups: int
    slots: int


def code_bits(n: int, delta: float) -> int:
    """rho: bits of the code of a point, at most, by the lemma of `fastmem.constructions.line`.

    Examples
    --------
    >>> code_bits(1000, 0.3)
    29
    """
    cells = 7.4 * _GAP * n * n * math.sqrt(2 * math.log(4 * n))
    return max(2 + math.floor(math.log2(cells) - math.log2(max(delta, _LEAST_DELTA))), 1)


def _of_slot(form, rho, c):
    """Neurons and weights that read one slot of a word, at most."""
    bits = rho + c
    return {
        "step": (5 * bits + c + 3, 8 * bits + c + 11),
        "steps": (8 * bits + 2, 17 * bits + 12),
        "triangles": (16 * bits + 4, 27 * bits + 16),
    }[form]


def _depth(form, groups, slots, bits):
    return groups + (2 if form == "triangles" else 1) * slots * bits + 2


def shape(n, rho, c, form="step", word_bits=None, depth=None):
    """How n points are cut into words: with the fewest weights, in words of so many bits, or in so many layers.

    Parameters
    ----------
    n, rho, c : int
        Points, and bits of a code and of a label.
    form : {"step", "steps", "triangles"}
    word_bits, depth : int, optional

    Returns
    -------
    Shape or None
        None if no depth is enough.
    """
    bits, parts = rho + c, 1
    while True:
        some = -(-n // parts)
        for slots in _choices(some, rho, c, form, word_bits):
            if depth is None or _depth(form, -(-some // slots), slots, bits) <= depth:
                return Shape(parts, -(-some // slots), slots)
        if parts == n:
            return None
        parts = min(math.ceil(1.25 * parts), n)


def _choices(n, rho, c, form, word_bits):
    """Slots of a word: those with the fewest weights, and those with the fewest layers."""
    if word_bits is not None:
        return [min(max(word_bits // (rho + c), 1), n)]
    most = math.sqrt(n * _OF_GROUP[form][1] / _of_slot(form, rho, c)[1]), math.sqrt(n / (rho + c))
    return [min(max(round(slots), 1), n) for slots in most]


def sizes(shape, d, rho, c, form="step"):
    """Neurons and weights of a network of a shape, at most.

    Returns
    -------
    Size
    """
    parts, groups, slots = shape
    neurons, weights = (
        parts * (of_group * (groups - 1) + slots * of_slot + 8)
        for of_group, of_slot in zip(_OF_GROUP[form], _of_slot(form, rho, c), strict=True)
    )
    return Size(1 + neurons, d + weights)


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for any labels of n distinct points of the unit ball of R^d, delta apart.

    Those of form="step". A code has rho = 2 log2 n + log2(1/delta) + O(log log n) bits, and a label K; a word holds
    about sqrt(n / 2(rho + K)) of both. There are as many words as slots, up to a factor: each word takes a layer, and
    each bit of a slot.

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
    Size(neurons=4870, weights=7136)
    """
    rho = code_bits(n, delta)
    return sizes(shape(n, rho, n_label_bits), d, rho, n_label_bits)
