"""What constructions of three layers share: units that hold some points of one value of a label bit, and an OR of them.

A label is a class index of K bits. The points of one value of a bit are *inside*, those of the other *outside*. Units
of the second layer are 1 at some points inside and at none outside, until each point inside has one that is. The output
joins them: the bit has the value of the inside where one of its units is 1, else the other value. The first layer is
shared by all bits.
"""

from typing import NamedTuple

import numpy as np

from fastmem.layers.layer import Layer
from fastmem.layers.rows import as_rows
from fastmem.network import LayeredNetwork

__all__ = ["Bit", "bits_of", "joined", "network_of"]


class Bit(NamedTuple):
    """Points of one value of a label bit, and the others.

    Attributes
    ----------
    value : int
        0 or 1, of the points inside.
    inside, outside : int64 array
        Which points.
    """

    value: int
    inside: np.ndarray
    outside: np.ndarray

    def turned(self):
        """The same with what was outside inside."""
        return Bit(1 - self.value, self.outside, self.inside)


def bits_of(classes, n_bits):
    """`Bit` for each of n_bits bits of a class index, its rarer value inside: at most half of the points are.

    Parameters
    ----------
    classes : int array of shape (n,)
        Of distinct points.
    n_bits : int
    """
    bits = []
    for place in range(n_bits):
        one = classes >> place & 1 == 1
        bit = Bit(1, np.flatnonzero(one), np.flatnonzero(~one))
        bits.append(bit if len(bit.inside) <= len(bit.outside) else bit.turned())
    return bits


def joined(values, n_units):
    """The output layer: bit b has the value values[b] where one of its n_units[b] units is 1, else the other one."""
    values, ends = np.asarray(values, np.int64), np.append(0, np.cumsum(n_units))
    weights = np.repeat(2 * values - 1, n_units)
    return Layer(as_rows((weights, np.arange(ends[-1]), ends), (len(values), ends[-1])), values)


def network_of(points, labels, hyperplanes, behind, n_threads, **settings):
    """The `LayeredNetwork` of hyperplanes and of layers behind them, with what is known of the points.

    Parameters
    ----------
    points : Points
    labels : Labels
    hyperplanes : Hyperplanes
        None of them where there is one class.
    behind : tuple of Layer
    n_threads : int
    **settings
        ``construction``, ``construction_options``, ``drawn``, ``stages``.
    """
    return LayeredNetwork(
        hyperplanes,
        behind,
        labels.classes,
        n_points=points.n,
        n_told_apart=len(labels.classes),
        separate="labels",
        smallest_distance=hyperplanes.smallest_distance(points, n_threads),
        largest_norm=points.largest_norm(n_threads),
        fits_float32=points.fit_float32(n_threads),
        reading=points.reading,
        **settings,
    )
