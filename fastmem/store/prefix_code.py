"""Prefix codes: symbols as codewords of several lengths, or as numbers of one."""

from __future__ import annotations

import numpy as np

from fastmem.data.as_labels import bits_for
from fastmem.errors import FormatError
from fastmem.machine.once import cached_property

__all__ = ["CELLS_OF_A_CODE", "MOST_DEPTH", "PrefixCode", "ribbon_cells"]


CELLS_OF_A_CODE = 1.02  # in a ribbon of one plane
_LEAST_CELLS = 64
MOST_DEPTH = 31  # so that words fit int32, and those of a filter's two codes 64 bits


class PrefixCode:
    """A canonical prefix code, or the plain one of equally long numbers.

    Parameters
    ----------
    n_symbols : int
    lengths : uint8 array of shape (n_symbols,), optional
        Of the codewords; words behind the last one are the last symbol's too. Without it, symbols are numbers of as few
        bits as will do.

    Attributes
    ----------
    depth : int
        Length of the longest codeword.
    stages : list of (int, int)
        Bits begin to end of codewords, counted from the first, that the same symbols have.
    """

    def __init__(self, n_symbols, lengths=None):
        self.n_symbols = int(n_symbols)
        self.lengths = lengths
        if lengths is None:
            self.depth = bits_for(self.n_symbols)
            ends = [self.depth] if self.depth else []
        else:
            ends = (np.flatnonzero(np.bincount(lengths)[1:]) + 1).tolist()
            self.depth = ends[-1] if ends else 0
        self.stages = list(zip([0, *ends], ends, strict=False))

    @classmethod
    def checked(cls, n_symbols, lengths):
        """The code; `FormatError` if there are no codewords of such lengths."""
        if lengths is not None and not (
            lengths.shape == (n_symbols,)
            and lengths.dtype == np.uint8
            and n_symbols > 1
            and lengths.min() > 0
            and lengths.max() <= MOST_DEPTH
            and int((np.int64(1) << (MOST_DEPTH - lengths.astype(np.int64))).sum()) <= 1 << MOST_DEPTH
        ):
            raise FormatError("there is no prefix code with codewords of such lengths")
        return cls(n_symbols, lengths)

    @cached_property
    def symbols(self):
        """Symbols in the order of their codewords."""
        if self.lengths is None:
            return np.arange(self.n_symbols, dtype=np.int32)
        return np.argsort(self.lengths, kind="stable").astype(np.int32)

    @cached_property
    def starts(self):
        """Codewords in ascending order, each followed by zeros to the full depth: uint64 array."""
        if self.lengths is None:
            return np.arange(self.n_symbols, dtype=np.uint64)
        sizes = np.uint64(1) << (self.depth - self.lengths[self.symbols].astype(np.int64)).astype(np.uint64)
        return np.cumsum(sizes, dtype=np.uint64) - sizes

    def words(self, symbols):
        """Codeword of each symbol, followed by zeros to the full depth: uint64 array."""
        words = np.empty(self.n_symbols, np.uint64)
        words[self.symbols] = self.starts
        return words[symbols]

    def longer_than(self, end):
        """The first word, of full depth, of the codewords longer than `end` bits."""
        if end >= self.depth:
            return 1 << self.depth
        return int(self.starts[np.searchsorted(self.lengths[self.symbols], end, side="right")])

    def decode(self, words):
        """Symbol of each word of full depth, whatever stands behind its codeword: int32 or int64 array."""
        if self.lengths is None:
            symbols = words.view(np.int64)
            if self.n_symbols < 1 << self.depth:  # a word that is no symbol loses its first bit
                symbols = np.where(symbols < self.n_symbols, symbols, symbols - (1 << self.depth >> 1))
            return symbols
        return self.symbols[np.searchsorted(self.starts, words, side="right") - 1]

    @property
    def is_plain(self):
        """Whether codewords are the symbols' numbers."""
        return self.lengths is None

    def runs(self):
        """Starts and symbols of the intervals of words of full depth with one symbol: uint64 and int32 array."""
        if self.lengths is not None:
            return self.starts, self.symbols
        words = np.arange(1 << self.depth, dtype=np.uint64)
        return words, self.decode(words)

    def cells(self, counts):
        """About how many cells and bytes beside them the ribbons take for symbols that occur so often, in bits."""
        if self.lengths is None:
            return ribbon_cells(counts.sum(), self.depth)
        longer = np.zeros(self.depth + 1, np.int64)
        np.add.at(longer, self.lengths, counts)
        longer = longer[::-1].cumsum()[::-1].tolist()
        total = 8 * self.n_symbols
        for begin, end in self.stages:
            total += ribbon_cells(longer[end], end - begin)
        return total


def ribbon_cells(n, n_planes):
    """About how many cells, and bits beside them, a ribbon of so many planes takes for n codes."""
    return n_planes * max(CELLS_OF_A_CODE * n, _LEAST_CELLS) + 128 if n_planes and n else 0
