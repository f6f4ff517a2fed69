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
    if store.name == BinaryStore.name and store.cells_per_bit > MOST_CELLS_PER_BIT:
        reason = (
            f"a binary store takes {store.cells_per_bit:.1f} cells for each bit of these labels, and is used "
            f"up to {MOST_CELLS_PER_BIT}"
        )
        return IntegerStore.build(codes, classes, n_bits, n_classes), reason
    return store, ""
