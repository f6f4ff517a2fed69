"""Who is compared: each construction with each store and way of reading columns, and the theorem that speaks of it."""

from typing import Literal

from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.options import Construction
from fastmem.errors import InvalidInput
from fastmem.separate.columns import FEW_COLUMNS
from fastmem.store import STORES

__all__ = ["CONTESTANTS", "Contestant", "chosen", "theorem_of"]

Contestant = Literal[
    Construction,
    "compact/integer",
    "compact/integer/all-columns",
    "compact/binary",
    "compact/binary/all-columns",
]

_ALL = "/all-columns"


def _variants(name):
    """Pairs of a contestant's name and its options: a construction with each store and all ways of reading columns."""
    construction = CONSTRUCTIONS[name]
    stores = {name: {}}
    if "store" in construction.OPTIONS:
        stores = {f"{name}/{store}": {"store": store} for store in reversed(STORES)}
    for variant, options in stores.items():
        yield variant, {"construction": name, **options}
        if construction.CHOOSES_COLUMNS:
            yield f"{variant}{_ALL}", {"construction": name, **options, "columns": "all"}


# First constructions with a theorem, then what sets out to beat one.
_FAMILIES = {
    name: dict(_variants(name))
    for name in sorted(CONSTRUCTIONS, key=lambda name: not hasattr(CONSTRUCTIONS[name], "bound"))
}

CONTESTANTS = {name: options for family in _FAMILIES.values() for name, options in family.items()}
"""Options of `fastmem.memorize` by name."""


def chosen(names, d):
    """The contestants that are built for points of R^d, in the order of names, or all if that is None.

    Returns
    -------
    dict
        By each name what it is left out for where that reads all columns too: another contestant, or None where it was
        asked for by its own name. A construction stands for all its contestants that may differ.
    """
    names = list(_FAMILIES if names is None else [names] if isinstance(names, str) else names)
    unknown = [repr(name) for name in names if name not in CONTESTANTS and name not in _FAMILIES]
    if unknown or not names:
        raise InvalidInput(f"constructions are {', '.join({**CONTESTANTS, **_FAMILIES})}, not {(*unknown, 'none')[0]}")
    found = {}
    for name in names:
        for variant in [name] if name in CONTESTANTS else _FAMILIES[name]:
            twin = None if variant == name or "columns" not in CONTESTANTS[variant] else variant.removesuffix(_ALL)
            if twin is None or (d > FEW_COLUMNS and variant not in found):
                found[variant] = twin
    return found


def theorem_of(options):
    """The construction whose theorem promises what options ask for: its own, or that of its rival; or None.

    A rival's theorem on other points, as all distinct ones in place of those of different labels, promises something
    else.
    """
    construction = CONSTRUCTIONS[options["construction"]]
    if hasattr(construction, "bound"):
        return construction
    rival = CONSTRUCTIONS[construction.RIVAL]
    return rival if options["separate"] == rival.DELTA else None
