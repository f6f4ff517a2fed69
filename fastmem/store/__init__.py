"""Stores: shallow threshold networks from codes to classes.

What a store is, and all that is asked of one, is the class `Store` of `fastmem.store.base`.
"""

from fastmem.store.binary import BinaryStore
from fastmem.store.filter import Filter
from fastmem.store.integer import IntegerStore
from fastmem.store.lifts import BlockStore

__all__ = [
    "ALL_STORES",
    "MOST_CELLS_PER_BIT",
    "STORES",
    "BinaryStore",
    "BlockStore",
    "Filter",
    "IntegerStore",
    "build_store",
    "build_store_of_ranges",
]

STORES = {store.name: store for store in (BinaryStore, IntegerStore)}  # that the compact construction takes
ALL_STORES = STORES | {BlockStore.name: BlockStore}
MOST_CELLS_PER_BIT = 2


def build_store(name, codes, classes, n_bits, n_classes):
    """The store of that name, or the integer store where a binary one would be too large.

    Parameters
    ----------
    name : {"binary", "integer", "blocks"}
    codes, classes, n_bits, n_classes
        As for a store's `build`.

    Returns
    -------
    store
    reason : str
        Why the store is another than asked for, or "".
    """
    store = ALL_STORES[name].build(codes, classes, n_bits, n_classes)
    reason = _too_large(store)
    return (IntegerStore.build(codes, classes, n_bits, n_classes), reason) if reason else (store, "")


def build_store_of_ranges(name, ranges, n_bits, n_classes):
    """As `build_store`, of the codes and classes of `Ranges`: for "binary" and "integer"."""
    store = STORES[name].of_ranges(ranges, n_bits, n_classes)
    reason = _too_large(store)
    return (IntegerStore.of_ranges(ranges, n_bits, n_classes), reason) if reason else (store, "")


def _too_large(store):
    """Why a binary store is not used; "" if it is."""
    if store.name != BinaryStore.name or store.cells_per_bit <= MOST_CELLS_PER_BIT:
        return ""
    return (
        f"a binary store takes {store.cells_per_bit:.1f} cells for each bit of these labels, and is used "
        f"up to {MOST_CELLS_PER_BIT}"
    )
