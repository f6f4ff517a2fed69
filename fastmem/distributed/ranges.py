"""What is done with one range of the codes, and the ranges of all as stores take them."""

import numpy as np

from fastmem._kernels import partitions as kernels
from fastmem.data.points import Points
from fastmem.data.sorting import run_starts, sort_codes
from fastmem.distributed.partitions import some_codes
from fastmem.machine.once import cached_property
from fastmem.store.ranges import Ranges, prefix_index
from fastmem.store.ribbon import shortened

__all__ = [
    "CODES_A_RANGE", "HeldRanges", "Partition", "distinct_in_order", "in_order", "of_arrays", "partition_of",
    "partition_of_hashes", "unlike",
]  # fmt: skip

CODES_A_RANGE, _MOST_RANGES = 2**21, 128  # a function of n alone, so that no file depends on how a network was built
_STRIDES = 512  # codes that are looked at for each range, to cut ranges
_HEAVY = 64


class Partition:
    """How codes are cut into ranges.

    Attributes
    ----------
    bounds : uint64 array of shape (S,)
        Ascending, from 0: range s holds codes from bounds[s] up to bounds[s + 1].
    is_heavy : bool
        Whether a code occurs so often that a range would be far longer than others.
    """

    def __init__(self, bounds, n_bits, is_heavy=False):
        self.bounds, self.is_heavy = bounds, is_heavy
        self._shift, self._index = prefix_index(bounds, n_bits)

    def count(self, codes):
        """How many codes are in each range: int64 array of shape (S,)."""
        counts = np.zeros(len(self.bounds), np.int64)
        kernels.count_by_range(codes, self.bounds, self._index, self._shift, counts)
        return counts

    def group(self, codes, counts, first, end):
        """Positions of the codes in ranges first to end, range by range: int32 array."""
        ends = np.cumsum(counts[first:end])
        order = np.empty(int(ends[-1]), np.int32)
        kernels.group_by_range(
            codes, self.bounds, self._index, self._shift, first, end, ends - counts[first:end], order
        )  # fmt: skip
        return order


def count_of_ranges(n):
    """S: into how many ranges the codes of n points are cut."""
    return max(1, min(-(-n // CODES_A_RANGE), _MOST_RANGES))


def _bounds_of(some, n_ranges, n_bits):
    """`Partition` by some of the codes, in any order."""
    some = np.sort(some)
    if n_ranges == 1 or not len(some):
        return Partition(np.zeros(1, np.uint64), n_bits)
    at = np.unique(some[np.arange(1, n_ranges) * len(some) // n_ranges])
    at = at[at > some[0]]
    bounds = shortened(np.append(np.uint64(0), at), some)
    starts = run_starts(some)
    heaviest = int(np.diff(starts, append=len(some)).max())
    return Partition(np.unique(bounds), n_bits, heaviest >= _HEAVY)


def partition_of(executor, codes, n_bits):
    """`Partition` of a column of codes, by some of them."""
    n_ranges = count_of_ranges(executor.n)
    step = max(1, executor.n // (_STRIDES * n_ranges))
    return _bounds_of(np.concatenate(executor.map(some_codes, codes, shared=(step,))), n_ranges, n_bits)


def partition_of_hashes(n, n_bits):
    """`Partition` of n hashes of so many bits into ranges of one length."""
    n_ranges = count_of_ranges(n)
    return Partition(np.array([(number << n_bits) // n_ranges for number in range(n_ranges)], np.uint64), n_bits)


# Ranges


def in_order(codes, *others):
    """Sort the codes of a range, and what belongs to them; arrays are overwritten.

    Others are the class of each, as small integers; or a number of its row and class, of 64 bits, and the class.

    Returns
    -------
    arrays : list
        The same in order.
    opened, again : uint64 arrays
        Codes of two classes, or of rows with different numbers; codes of several rows, where rows have numbers.
    """
    if len(others) == 1:
        codes, classes = sort_codes(codes, others[0].astype(np.int32))
        others = [classes.astype(others[0].dtype)]
    else:
        codes, order = sort_codes(codes)
        others = [other[order] for other in others]
        classes = others[0].view(np.int64) if others else np.zeros(len(codes), np.int64)
    opened = np.empty(len(codes), np.uint64)
    opened = opened[: kernels.find_open(codes, classes, opened)].copy()
    return [codes, *others], (opened, repeated_codes(codes) if len(others) > 1 else opened[:0])


def repeated_codes(codes):
    """Of sorted codes those that occur more than once."""
    again = codes[1:][codes[1:] == codes[:-1]]
    return again[run_starts(again)] if len(again) else again


def distinct_in_order(codes, *others):
    """Of sorted codes each once, with what belongs to the first of it: list of arrays; and how many."""
    if (codes[1:] == codes[:-1]).any():
        kept = run_starts(codes)
        codes, *others = (array[kept] for array in (codes, *others))
    return [codes, *others], len(codes)


def unlike(codes, rows, coordinates):
    """Codes of two different points among all points that have one of some codes."""
    codes, order = sort_codes(codes.copy())
    if not len(codes):
        return codes
    taken = Points(np.ascontiguousarray(coordinates[order]))
    starts = run_starts(codes)
    leaders = np.repeat(starts, np.diff(starts, append=len(codes)))
    return np.unique(codes[~taken.are_equal(np.arange(len(codes)), leaders)])


class HeldRanges(Ranges):
    """Ranges whose codes and classes lie where an executor keeps them; what is done to them is done when they are read.

    Parameters
    ----------
    held
        As `exchange` of an executor returns it, in order and distinct.
    sizes : list of int
        How many codes each range has.
    bounds : uint64 array of shape (S,)
    steps : tuple of (function, arguments)
        As `those` takes them.
    """

    def __init__(self, held, sizes, bounds, steps=()):
        super().__init__(None, bounds)
        self._held, self._sizes, self._steps = held, sizes, steps

    def each(self, work, *shared, ranges=None):
        """As `Ranges.each`."""
        return self._held.each(_after_steps, self._steps, work, shared, ranges=ranges)

    def those(self, which, *shared):
        """As `Ranges.those`."""
        return HeldRanges(self._held, self._sizes, self.bounds, (*self._steps, (which, shared)))

    @cached_property
    def ends(self):
        """As `Ranges.ends`."""
        return super().ends if self._steps else np.cumsum(self._sizes, dtype=np.int64)


def of_arrays(arrays, work):
    """``work(*arrays)``, as `each` of what an executor holds calls it."""
    return work(*arrays)


def _after_steps(arrays, steps, work, shared):
    codes = arrays[0]
    symbols = arrays[-1].astype(np.int32) if len(arrays) > 1 else codes
    for which, arguments in steps:
        codes, symbols = which(codes, symbols, *arguments)
    return work(codes, symbols, *shared)
