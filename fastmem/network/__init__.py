"""Memorizing networks: what all have in common, and the three kinds there are."""

from fastmem.layers.layer import Layer
from fastmem.network.base import Network
from fastmem.network.base import _unpickle as _unpickle  # pickles of version 0.1 name it
from fastmem.network.encoded import EncodedNetwork
from fastmem.network.layered import LayeredNetwork
from fastmem.network.numbers import NumberNetwork

__all__ = ["EncodedNetwork", "Layer", "LayeredNetwork", "Network", "NumberNetwork"]
