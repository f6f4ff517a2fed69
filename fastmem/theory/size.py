"""The size of a network."""

from typing import NamedTuple

__all__ = ["Size"]


class Size(NamedTuple):
    """Size of a network: all threshold units of all layers, and all non-zero connections.

    Attributes
    ----------
    neurons : int
    weights : int
    """

    neurons: int
    weights: int
