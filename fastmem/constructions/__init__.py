"""Constructions of memorizing networks, one a file: ``build(points, labels, options)`` returns a network.

`tests/contract.py` runs every construction registered here through the same suite.
"""

from fastmem.constructions import compact

__all__ = ["CONSTRUCTIONS"]

CONSTRUCTIONS = {"compact": compact}
