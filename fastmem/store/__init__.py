"""Stores: shallow threshold networks from codes to classes.

A store class has a `name`, ``build(codes, classes, n_bits, n_classes)`` from sorted codes, ``lookup(codes)`` for any
codes of `n_bits` bits, ``layers()`` with the same answer unit by unit, and ``tensors()`` / ``from_tensors`` for files.
"""

from fastmem.store.integer import IntegerStore

__all__ = ["STORES", "IntegerStore"]

STORES = {IntegerStore.name: IntegerStore}
