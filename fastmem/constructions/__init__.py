"""Constructions of memorizing networks, one a file: ``build(points, labels, point_numbers, ...)`` returns a network.

Each names in `OPTIONS` which options of `fastmem.memorize` its `build` takes beside ``random_state``, ``n_threads`` and
``progress``, in `STORES` which stores its networks may have, None for networks without one, and says by
``drawn_fits(drawn, n_told_apart)`` whether these are numbers that it draws and keeps (`Network.drawn`): so files are
checked. Those with a theorem have a ``bound(n, d, delta, n_label_bits)`` on neurons and weights, which what they build
keeps; one without names in `RIVAL` the construction whose theorem it is measured by. `DELTA` says between which points
the smallest distance is that its bound depends on: "all" distinct ones, those of different "labels", or None. These are
the points that such a theorem tells apart. `tests/contract.py` runs every construction registered here through the same
suite.
"""

from fastmem.constructions import baum1988, compact, rajput2021

__all__ = ["CONSTRUCTIONS"]

CONSTRUCTIONS = {"compact": compact, "rajput2021": rajput2021, "baum1988": baum1988}
