"""Sorted codes as stores hold them: different ones, in ranges that a code's leading bits find.

A store is built range by range, each on a thread of its own or wherever its codes are. Ranges are cut at numbers
0 = B_0 < B_1 < ... < B_S. What is built for one alone begins at its first code; begun at B_s instead, the parts one
behind the other are what a lookup needs: a code of range s lies behind all that was built for the ranges before it, for
B_s is above their codes, and before what was built for those behind it, which begins at B_{s+1} or later.
"""

from typing import NamedTuple

import numpy as np

from fastmem._kernels import runs as kernels
from fastmem.data.sorting import run_starts
from fastmem.errors import MemorizationError
from fastmem.machine.once import cached_property
from fastmem.machine.threads import over_blocks

__all__ = ["PrefixIndex", "Ranges", "distinct_codes", "prefix_index"]


class Ranges:
    """Different codes in order with a symbol each, cut into ranges.

    Parameters
    ----------
    parts : list of (codes, symbols)
        Of each range: uint64 array, ascending, and an int32 or uint64 array of as many.
    bounds : uint64 array of shape (S,)
        Ascending, from 0: range s holds codes from bounds[s] up to bounds[s + 1].
    n_threads : int
    """

    def __init__(self, parts, bounds, n_threads=1):
        self._parts, self.bounds, self.n_threads = parts, bounds, n_threads

    @classmethod
    def whole(cls, codes, symbols):
        """All codes as one range."""
        return cls([(codes, symbols)], np.zeros(1, np.uint64))

    def each(self, work, *shared, ranges=None):
        """``work(codes, symbols, *shared)`` of all ranges, or of some by their numbers, in their order: list."""
        ranges = range(len(self.bounds)) if ranges is None else ranges
        results = [None] * len(ranges)

        def one(start, stop):
            results[start] = work(*self._parts[ranges[start]], *shared)

        over_blocks(one, len(ranges), 1, self.n_threads)
        return results

    def those(self, which, *shared):
        """The codes and symbols that ``which(codes, symbols, *shared)`` returns: `Ranges` with the same bounds."""
        return Ranges(self.each(which, *shared), self.bounds, self.n_threads)

    @cached_property
    def ends(self):
        """How many codes there are up to the end of each range: int64 array."""
        return np.cumsum(self.each(_count), dtype=np.int64)

    def __len__(self):
        return int(self.ends[-1])

    def __getitem__(self, places):
        """The codes at the places of a slice or an int64 array, ascending: uint64 array."""
        if len(self.bounds) == 1:
            return self.each(_at, places)[0]
        if isinstance(places, slice):
            places = np.arange(*places.indices(len(self)))
        numbers = np.searchsorted(self.ends, places, side="right")
        begins = np.append(0, self.ends)
        taken = [np.empty(0, np.uint64)]
        for number in np.unique(numbers).tolist():
            there = places[numbers == number] - begins[number]
            taken += self.each(_at, there, ranges=[number])
        return np.concatenate(taken)


def _count(codes, symbols):
    return len(codes)


def _at(codes, symbols, places):
    return codes[places]


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
