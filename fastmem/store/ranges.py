"""Sorted codes as stores hold them: different ones, in ranges that a code's leading bits find."""

from typing import NamedTuple

import numpy as np

from fastmem._kernels import runs as kernels
from fastmem.data.sorting import run_starts
from fastmem.errors import MemorizationError

__all__ = ["PrefixIndex", "distinct_codes", "prefix_index"]


class PrefixIndex(NamedTuple):
    """Where ranges of codes are found by the codes' leading bits.

    Attributes
    ----------
    shift : int
        The prefix of a code is ``code >> shift``.
    index : int32 array, not to be written
        The range that holds the first code of each prefix, and last the last range.
    """

    shift: int
    index: np.ndarray


def distinct_codes(codes, classes):
    """Codes that differ, of ascending ones, and their classes; `MemorizationError` if equal ones differ in class."""
    repeated = codes[1:] == codes[:-1]
    if not repeated.any():
        return codes, classes
    wrong = np.flatnonzero(repeated & (classes[1:] != classes[:-1]))
    if wrong.size:
        raise MemorizationError(f"code {codes[wrong[0]]} belongs to two classes", [])
    kept = run_starts(codes)
    return codes[kept], classes[kept]


def prefix_index(starts, n_bits):
    """An index of ranges of codes of n_bits bits, about one prefix a range: a lookup then searches about one.

    Parameters
    ----------
    starts : uint32 or uint64 array of shape (r,)
        Ascending, from 0.
    n_bits : int

    Returns
    -------
    PrefixIndex
    """
    prefix_bits = min(n_bits, len(starts).bit_length())
    index = np.empty((1 << prefix_bits) + 1, np.int32)
    kernels.index_runs(starts, n_bits - prefix_bits, index)
    index.flags.writeable = False
    return PrefixIndex(n_bits - prefix_bits, index)
