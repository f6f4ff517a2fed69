"""Sorted codes, and runs of equal values in a sorted array."""

import numpy as np

from fastmem._kernels import search
from fastmem._kernels import sort as kernels

__all__ = ["SortedCodes", "distinct", "possibly_repeated", "run_starts", "sort_codes"]

_FEW = 2**11
_ALL_BITS = 2**64 - 1


def run_starts(values):
    """Positions at which a run of equal values begins: int64 array, from 0, of an array that is not empty."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def distinct(numbers):
    """The different ones of some numbers, ascending: faster than `numpy.unique`, which makes a hash table first."""
    ascending = np.sort(numbers)
    return ascending[run_starts(ascending)] if len(ascending) else ascending


def sort_codes(codes, companions=None):
    """Sort codes stably.

    Parameters
    ----------
    codes : uint64 array of shape (n,)
        Overwritten.
    companions : int32 or int64 array of shape (n,), optional
        What moves along with the codes; overwritten. Positions in `codes` if not given.

    Returns
    -------
    codes : uint64 array of shape (n,), ascending
    companions : int32 or int64 array of shape (n,)
    """
    if len(codes) < _FEW:
        order = np.argsort(codes, kind="stable")
        return codes[order], order if companions is None else companions[order]
    if companions is None:
        companions = np.arange(len(codes), dtype=np.int64 if len(codes) > np.iinfo(np.int32).max else np.int32)
    spare = np.empty_like(codes), np.empty_like(companions)
    kernels.radix_sort(codes, companions, *spare, np.empty(kernels.COUNTS, np.int64))
    return codes, companions


def possibly_repeated(codes):
    """Positions of all codes that occur more than once, and of some others: int64 array, ascending."""
    seen = np.empty(2 << len(codes).bit_length(), np.uint8)  # 8 to 16 counters a code
    positions = np.empty(len(codes), np.int64)
    return positions[: search.possibly_repeated(codes, _ALL_BITS, seen, positions)]


class SortedCodes:
    """The codes of points in order, equal ones in the order of their rows.

    Parameters
    ----------
    codes : uint64 array of shape (n,)
        Of each point.

    Attributes
    ----------
    codes : uint64 array of shape (n,), ascending
    rows : int32 or int64 array of shape (n,)
        The points that have them.
    """

    def __init__(self, codes):
        self.codes, self.rows = sort_codes(codes.copy())

    def collisions(self, numbers):
        """Neighbours with one code and different numbers, of all points: array of rows of shape (c, 2)."""
        equal = np.flatnonzero(self.codes[1:] == self.codes[:-1])
        pairs = np.stack([self.rows[equal], self.rows[equal + 1]], axis=1)
        return pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]]

    def replace(self, rows, codes):
        """Give some points, each once, other codes: faster than to sort all again where they are few."""
        kept = np.ones(len(self.codes), bool)
        kept[rows] = False
        kept = kept[self.rows]
        order = np.lexsort((rows, codes))
        rows, codes = rows[order], codes[order]
        others, their_rows = self.codes[kept], self.rows[kept]
        places, ends = np.searchsorted(others, codes), np.searchsorted(others, codes, side="right")
        for i in np.flatnonzero(places < ends).tolist():  # past equal codes of earlier rows
            places[i] += np.searchsorted(their_rows[places[i] : ends[i]], rows[i])
        kept = np.ones(len(self.codes), bool)
        kept[places + np.arange(len(places))] = False
        for changed, values, inserted in ((self.codes, others, codes), (self.rows, their_rows, rows)):
            changed[kept], changed[~kept] = values, inserted
