"""How classes become bits: prefix codes by class frequency, behind a filter where one class outweighs the others.

A class that occurs often gets a short codeword, and a plane of cells holds a bit only for the points whose codeword
is that long: the total is Huffman's, within 1 bit a label of the entropy and mostly within 0.1, or 2 % more where
codewords with lengths that are multiples of 2, 3 or 4 need fewer ribbons. One class with most of the points would
still cost a whole bit. So the few classes that are most frequent, the common ones, may be coded by themselves, and a
filter put behind: f planes in which the points of all other, rare classes read 1, and any other point with
probability 2^-f. What passes is coded once more, perhaps by another filter: either a rare class or, for the common
points, "keep". With p the share of the rare classes and f = log2(1 / p), that takes about p log2(1 / p) bits a label,
the first term of their entropy, and as many bits more as there are points behind the filter (Hreinsson, Krøyer &
Pagh, "Storing a compressed function with constant time access", ESA 2009; Genuzio & Vigna, "Engineering compressed
static functions", DCC 2018).

The bits that all planes give for one code, common codeword first, form a number N; a class is then a union of intervals
of N, which is what the integer store turns into threshold units (`LabelCode.runs`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastmem._kernels.codewords import minimum_redundancy
from fastmem.data.sorting import run_starts
from fastmem.machine.once import cached_property
from fastmem.store.prefix_code import MOST_DEPTH, PrefixCode, ribbon_cells

__all__ = ["MOST_COMMON", "MOST_FILTER_BITS", "MOST_SYMBOLS_NESTED", "LabelCode", "choose"]


MOST_COMMON = 4  # classes; their words, rounded up to multiples of at most 4 bits, are no longer
MOST_FILTER_BITS = 20
_MOST_SYMBOLS_FILTERED = 2**16
MOST_SYMBOLS_NESTED = 16
_FAR = 1.15
_LEAST_SHARE = 0.5
_FLOORS = (0.0, *2.0 ** -np.arange(24, 3, -1))
_STEPS = (1, 2, 3, 4)
_NEAR_LEAST = 1.02


@dataclass(frozen=True)
class LabelCode:
    """Common classes, a filter, and all that is coded behind it.

    Attributes
    ----------
    common : int32 array
        The classes coded in front of the filter; none if there is no filter.
    common_code : PrefixCode
        Symbol i is common[i].
    filter_bits : int
        f; 0 without a filter.
    rare : int32 array
        All other classes.
    rare_code : PrefixCode or LabelCode
        With a filter symbol 0 is "keep", and i + 1 is rare[i]; without, i is rare[i].
    """

    common: np.ndarray
    common_code: PrefixCode
    filter_bits: int
    rare: np.ndarray
    rare_code: PrefixCode | LabelCode

    @property
    def n_classes(self):
        """Number c of classes."""
        return len(self.common) + len(self.rare)

    @cached_property
    def common_symbols(self):
        """Symbol of each class in front of the filter, or -1: int32 array of shape (c,)."""
        symbols = np.full(self.n_classes, -1, np.int32)
        symbols[self.common] = np.arange(len(self.common))
        return symbols

    @cached_property
    def rare_symbols(self):
        """Symbol of each class behind the filter, "keep" for the common ones: int32 array of shape (c,)."""
        symbols = np.zeros(self.n_classes, np.int32)
        symbols[self.rare] = np.arange(len(self.rare)) + (self.filter_bits > 0)
        return symbols

    @property
    def is_plain(self):
        """Whether all planes together are the class index."""
        return self.filter_bits == 0 and self.rare_code.is_plain

    @property
    def depth(self):
        """Number of bits of N."""
        return self.common_code.depth + self.filter_bits + self.rare_code.depth

    @property
    def first_planes(self):
        """Number of planes of the ribbon that is read first."""
        begin, end = next(iter(self.common_code.stages), (0, self.filter_bits))
        return end - begin if end else self.rare_code.stages[0][1]

    def runs(self):
        """Starts and classes of the intervals of N with one class: uint64 and int32 array."""
        words, symbols = self.rare_code.runs()
        if self.filter_bits == 0:
            return words, self.rare[symbols]
        hits = words + np.uint64(((1 << self.filter_bits) - 1) << self.rare_code.depth)
        shift = np.uint64(self.filter_bits + self.rare_code.depth)
        starts, classes = [], []
        for word in np.arange(1 << self.common_code.depth, dtype=np.uint64):
            kept = self.common[self.common_code.decode(word[None])]
            starts.append((word << shift) + np.append(np.uint64(0), hits))
            classes.append(np.append(kept, np.append(kept, self.rare)[symbols]))
        starts, classes = np.concatenate(starts), np.concatenate(classes)
        firsts = run_starts(classes)
        return starts[firsts], classes[firsts]


def choose(counts):
    """The label code that takes the fewest cells for classes that occur so often.

    Parameters
    ----------
    counts : int64 array of shape (c,)

    Returns
    -------
    LabelCode
    """
    bits, code = _best_code(counts)
    filtered = _best_filtered(counts, _best_behind) if len(counts) <= _MOST_SYMBOLS_FILTERED else None
    if filtered and filtered[0] < bits:
        return filtered[1]
    every = np.arange(len(counts), dtype=np.int32)
    return LabelCode(every[:0], PrefixCode(0), 0, every, code)


def _best_filtered(counts, best_behind):
    """Size in bits and the label code with a filter that has the least; None if no class is frequent enough.

    `best_behind` gives the same for the symbols behind the filter.
    """
    best = None
    order = np.argsort(-counts, kind="stable").astype(np.int32)
    for n_common in range(1, min(MOST_COMMON, len(counts) - 1) + 1):
        common, rare = order[:n_common], np.sort(order[n_common:])
        n_frequent, n_rare = counts[common].sum(), counts[rare].sum()
        if n_rare == 0 or n_frequent < _LEAST_SHARE * (n_frequent + n_rare):
            continue
        common_bits, common_code = _best_code(counts[common])
        middle = int(np.log2(n_frequent / n_rare))
        for filter_bits in range(max(middle - 2, 1), min(middle + 3, MOST_FILTER_BITS) + 1):
            passing = np.append(int(n_frequent) >> filter_bits, counts[rare])
            rare_bits, rare_code = best_behind(passing)
            bits = common_bits + ribbon_cells(n_rare, filter_bits) + rare_bits
            if best is None or bits < best[0]:
                best = bits, LabelCode(common, common_code, filter_bits, rare, rare_code)
    return best


def _best_behind(counts):
    """As `_best_code`, or with another filter where a prefix code of few symbols is far from their entropy."""
    best = _best_code(counts)
    if not 3 <= len(counts) <= MOST_SYMBOLS_NESTED:
        return best
    shares = counts[counts > 0] / counts.sum()
    if best[0] < _FAR * counts.sum() * -(shares @ np.log2(shares)):
        return best
    filtered = _best_filtered(counts, _best_code)
    return filtered if filtered and filtered[0] < best[0] else best


def _best_code(counts):
    """Size in bits, and a prefix code: of those within 2 % of the least size the one with the fewest stages."""
    codes = [PrefixCode(len(counts))]
    if len(counts) > 2:
        lengths = min(_all_lengths(counts), key=lambda lengths: PrefixCode(len(counts), lengths).cells(counts))
        codes += [PrefixCode(len(counts), _multiples(lengths, counts, step)) for step in _STEPS]
    sizes = [code.cells(counts) for code in codes]
    near = [i for i, size in enumerate(sizes) if size <= _NEAR_LEAST * min(sizes)]
    best = min(near, key=lambda i: (len(codes[i].stages), sizes[i]))
    return sizes[best], codes[best]


def _all_lengths(counts):
    """Lengths of codewords with floors under the counts: a low one makes the longest words a little shorter."""
    order = np.argsort(counts, kind="stable")
    before = None
    for floor in _FLOORS:
        weights = np.maximum(counts[order], int(floor * counts.sum()))
        if before is not None and np.array_equal(weights, before):
            continue
        before = weights.copy()
        minimum_redundancy(weights)
        if weights[0] <= MOST_DEPTH - max(_STEPS):
            lengths = np.empty(len(counts), np.uint8)
            lengths[order] = weights
            yield lengths


def _multiples(lengths, counts, step):
    """Lengths that are multiples of a step: rounded up, then shortened where that saves most and words are left."""
    lengths = -(-lengths.astype(np.int64) // step) * step
    while True:
        left = (1 << MOST_DEPTH) - int((np.int64(1) << (MOST_DEPTH - lengths)).sum())
        words = (np.int64(1) << (MOST_DEPTH - lengths + step)) - (np.int64(1) << (MOST_DEPTH - lengths))
        possible = np.flatnonzero((lengths > step) & (words <= left))
        possible = possible[np.argsort(-counts[possible] / words[possible], kind="stable")]
        shortened = possible[np.cumsum(words[possible]) <= left]
        if not len(shortened):
            return lengths.astype(np.uint8)
        lengths[shortened] -= step
