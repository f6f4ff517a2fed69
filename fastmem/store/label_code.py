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
from typing import NamedTuple

import numpy as np

from fastmem._kernels.codewords import minimum_redundancy
from fastmem.data.sorting import run_starts
from fastmem.machine.once import cached_property
from fastmem.store.prefix_code import CELLS_OF_A_CODE, MOST_DEPTH, PrefixCode, ribbon_cells

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
_ROUNDED_DOWN, _ROUNDED_UP = 1 - 1e-9, 1 + 1e-9  # of sums of floats, what is no more and no less than the exact ones


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
    if len(counts) <= _MOST_SYMBOLS_FILTERED:
        filtered = _best_filtered(counts, bits, _best_behind, _least_behind)
        if filtered:
            return filtered[1]
    every = np.arange(len(counts), dtype=np.int32)
    return LabelCode(every[:0], PrefixCode(0), 0, every, code)


class _Filter(NamedTuple):
    """A filter that may be put behind the common classes; in order, the one that promises most is the first."""

    least: float  # bits that it, and the codes of common and rare classes, take at least
    place: int  # among filters that are equally good
    bits: int
    common: np.ndarray
    rare: np.ndarray
    passing: np.ndarray  # how often the symbols behind it occur


def _best_filtered(counts, limit, best_behind, least_behind):
    """Size in bits and the label code with a filter that has the least; None if none has less than the limit.

    `best_behind` gives size and code of the symbols behind the filter, or any larger ones than a limit if none are as
    small, and `least_behind` a size that is no more. Codes cost much more time than such a bound, so they are made only
    for the few filters that may be the best by it. Of equally good filters the one with fewer common classes is taken,
    and of these the shorter one.
    """
    best = limit, -1, None
    for filter in sorted(_filters(counts, least_behind)):
        if filter.least > best[0]:
            break
        common_bits, common_code = _best_code(counts[filter.common])
        in_front = common_bits + ribbon_cells(counts[filter.rare].sum(), filter.bits)
        rare_bits, rare_code = best_behind(filter.passing, (best[0] - in_front) * _ROUNDED_UP)
        bits = in_front + rare_bits
        if (bits, filter.place) < best[:2]:
            code = LabelCode(filter.common, common_code, filter.bits, filter.rare, rare_code)
            best = bits, filter.place, code
    return best[::2] if best[2] else None


def _filters(counts, least_behind):
    """Filters of about as many bits as suit the most frequent classes; none if no class is frequent enough."""
    order = np.argsort(-counts, kind="stable").astype(np.int32)
    for n_common in range(1, min(MOST_COMMON, len(counts) - 1) + 1):
        common, rare = order[:n_common], np.sort(order[n_common:])
        n_frequent, n_rare = counts[common].sum(), counts[rare].sum()
        if n_rare == 0 or n_frequent < _LEAST_SHARE * (n_frequent + n_rare):
            continue
        least_common = _least_of_prefix_code(counts[common])
        middle = int(np.log2(n_frequent / n_rare))
        for bits in range(max(middle - 2, 1), min(middle + 3, MOST_FILTER_BITS) + 1):
            passing = np.append(int(n_frequent) >> bits, counts[rare])
            least = least_common + ribbon_cells(n_rare, bits) + least_behind(passing)
            yield _Filter(least, n_common << 8 | bits, bits, common, rare, passing)


def _best_behind(counts, limit=np.inf):
    """As `_best_code`, or with another filter where a prefix code of few symbols is far from their entropy.

    Any code if none takes less than the limit.
    """
    best = _best_code(counts)
    if not 3 <= len(counts) <= MOST_SYMBOLS_NESTED or best[0] < _FAR * counts.sum() * _entropy(counts):
        return best
    return _best_filtered(counts, min(best[0], limit), _best_code, _least_of_prefix_code) or best


def _least_behind(counts):
    """No more bits than `_best_behind` finds.

    No filter beats the entropy: where n rare and q common symbols pass, what all parts take by their entropies falls in
    q, and is the entropy of the whole where all pass. Of q, rounded down, less than one is lost, and with it less than
    log2(n) + 2 bits, but a filter takes 128 bits beside its cells.
    """
    if not 3 <= len(counts) <= MOST_SYMBOLS_NESTED:
        return _least_of_prefix_code(counts)
    return _ROUNDED_DOWN * CELLS_OF_A_CODE * counts.sum() * _entropy(counts)


def _least_of_prefix_code(counts):
    """No more bits than `_best_code` finds: there is no shorter code than Huffman's."""
    plain = PrefixCode(len(counts)).cells(counts)
    if len(counts) < 3:
        return plain
    weights = np.sort(counts)
    lengths = weights.copy()
    minimum_redundancy(lengths)
    return min(plain, 8 * len(counts) + _ROUNDED_DOWN * CELLS_OF_A_CODE * (weights * lengths.astype(np.float64)).sum())


def _entropy(counts):
    """Of one symbol, in bits."""
    shares = counts[counts > 0] / counts.sum()
    return -(shares @ np.log2(shares))


def _best_code(counts, limit=np.inf):
    """Size in bits, and a prefix code: of those within 2 % of the least size the one with the fewest stages.

    Any code if none takes less than the limit.
    """
    codes = [PrefixCode(len(counts))]
    if len(counts) > 2 and not _least_of_prefix_code(counts) > limit:
        lengths = min(_all_lengths(counts), key=lambda lengths: PrefixCode(len(counts), lengths).cells(counts))
        codes += [PrefixCode(len(counts), _multiples(lengths, counts, step)) for step in _STEPS]
    sizes = [code.cells(counts) for code in codes]
    near = [i for i, size in enumerate(sizes) if size <= _NEAR_LEAST * min(sizes)]
    best = min(near, key=lambda i: (len(codes[i].stages), sizes[i]))
    return sizes[best], codes[best]


def _all_lengths(counts):
    """Lengths of codewords with floors under the counts: a low one makes the longest words a little shorter."""
    order = np.argsort(counts, kind="stable")
    ascending, n = counts[order], counts.sum()
    for floor in sorted({max(int(floor * n), int(ascending[0])) for floor in _FLOORS}):
        weights = np.maximum(ascending, floor)
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
