"""Constructions of memorizing networks, one a file: ``build(points, labels, point_numbers, ...)`` returns a network.

Each names in `OPTIONS` which options of `fastmem.memorize` its `build` takes beside ``random_state``, ``n_threads`` and
``progress``, in `OWN_OPTIONS` those that it alone takes (``construction_options``), in `STORES` which stores its
networks may have, None for networks without one, and says by ``drawn_fits(drawn, n_told_apart)`` whether these are
numbers that it draws and keeps (`Network.drawn`): so files are checked. Those with a theorem have a ``bound(n, d,
delta, n_label_bits)`` on neurons and weights, which what they build keeps, and say in `DELTA` which delta that asks
for: of "all" distinct points, of those with different "labels", or None. One without names in `RIVAL` the construction
whose theorem it is measured by. What `DELTA` names are the points that a theorem tells apart. `tests/contract.py` runs
every construction registered here through the same suite.
"""

from fastmem.constructions import (
    baum1988,
    boxes,
    bubeck2020,
    compact,
    dirksen2024,
    park2021,
    rajput2021,
    vardi2021,
    vershynin2020,
    yun2019,
)

__all__ = ["CONSTRUCTIONS"]

CONSTRUCTIONS = {
    "compact": compact,
    "rajput2021": rajput2021,
    "baum1988": baum1988,
    "bubeck2020": bubeck2020,
    "yun2019": yun2019,
    "park2021": park2021,
    "vardi2021": vardi2021,
    "vershynin2020": vershynin2020,
    "dirksen2024": dirksen2024,
    "boxes": boxes,
}
