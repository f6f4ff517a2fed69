"""Codes by which inputs are recognised: of cells made smaller by further hyperplanes, or of whole rows.

The hyperplanes that separate are few, so that their cells are wide, and most inputs that were never seen lie in the
cell of a memorized point. Fingerprints (`fastmem.store.filter`) are therefore of other codes than labels:

- `Cells`: the code of the signs of all m hyperplanes and e further ones, which nothing else reads. What lies with a
  memorized point on one side of each of the m + e is known.
- `Rows`: a hash of the row's numbers. Only a row with the same numbers is known.

Both read all columns that the network was given, also where those that labels are read from are few.
"""

import math

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem.data.points import refuse_row
from fastmem.data.reading import Reading
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.machine.once import cached_property

__all__ = ["Cells", "Rows", "hashes_of_points", "more_columns"]

_MORE_BITS = 6  # that a code has beyond those of the rows and of the fingerprints


class _Recognition:
    """What both have: an encoder that reads all or some of the columns by which rows are known."""

    def of_labels(self, block):
        """The columns of a block that the encoder reads."""
        return block if self.places is None else block[:, self.places]

    def codes_of(self, points, n_threads=1, bar=None):
        """What `codes_of_block` gives, of all points: two uint64 arrays of shape (n,)."""
        codes, others = np.empty((2, points.n), np.uint64)

        def work(start, stop, block):
            codes[start:stop], others[start:stop] = self.codes_of_block(block)

        points.over_rows(work, n_threads, bar)
        return codes, others

    def known_rows(self, points, fingerprints, n_threads=1):
        """Which of some points are taken for known: int64 array of rows."""
        return np.flatnonzero(fingerprints.accepts(self.codes_of(points, n_threads)[1]))


class Cells(_Recognition):
    """Codes of cells: those of an encoder, in which each further sign 1 flips some bits.

    Parameters
    ----------
    encoder : Encoder
        That labels are read from.
    hyperplanes : Hyperplanes
        The further ones, e of them, in the space of the columns that recognition reads.
    columns : uint64 array of shape (e,)
        Code bits that flip with their signs.
    n_bits : int
        Of the codes, at most 62.
    reading : Reading or None
        The columns that recognition reads: all, if None.
    places : int64 array, optional
        Which of these the encoder reads, where it does not read all.
    """

    by = "cells"

    @classmethod
    def of_labels_alone(cls, encoder, reading=None, places=None, d=None):
        """The codes that labels are read from, as networks of format 1 recognise them; of points of d columns."""
        none = encoder.hyperplanes.some(slice(0, 0))
        if places is not None:
            none = none.on_all(Reading(places, d))
        return cls(encoder, none, np.empty(0, np.uint64), encoder.n_bits, reading, places)

    def __init__(self, encoder, hyperplanes, columns, n_bits, reading=None, places=None):
        self.encoder = encoder
        self.further = hyperplanes
        self.columns = np.ascontiguousarray(columns, np.uint64)
        self.n_bits = int(n_bits)
        self.reading, self.places = reading, places

    def with_reading(self, reading):
        """The same with other numbers for its columns."""
        return Cells(self.encoder, self.further, self.columns, self.n_bits, reading, self.places)

    def with_further(self, hyperplanes):
        """The same with others for the further hyperplanes."""
        return Cells(self.encoder, hyperplanes, self.columns, self.n_bits, self.reading, self.places)

    @property
    def d(self):
        """How many columns recognition reads."""
        return self.further.d

    @property
    def e(self):
        """Number of further hyperplanes."""
        return self.further.m

    @cached_property
    def hyperplanes(self):
        """All m + e of them, in the space of the columns that recognition reads."""
        of_labels, further = self.encoder.hyperplanes, self.further
        weights = of_labels.weights
        if self.places is not None:
            weights = Reading(self.places, further.d).of_all(weights)
        return Hyperplanes(
            np.concatenate([weights, further.weights]),
            np.concatenate([of_labels.thresholds, further.thresholds]),
            further.centre,
            further.exponents,
        )

    @property
    def further_code(self):
        """The linear code of the further signs."""
        return LinearCode(self.columns, self.n_bits)

    @cached_property
    def code(self):
        """The linear code of all m + e signs."""
        return LinearCode(np.concatenate([self.encoder.code.columns, self.columns]), self.n_bits)

    def codes_of_block(self, block):
        """Codes that labels are read from, and codes of cells, of the rows of a block: two uint64 arrays."""
        if self.places is None and self.code.is_identity and self.e:
            codes, bad = self.hyperplanes.xor_codes(block, self.code.columns)
            refuse_row(bad)
            return codes & np.uint64((1 << self.encoder.n_bits) - 1), codes
        codes = self.encoder.codes_of_block(self.of_labels(block))
        return codes, codes ^ self._flips(block) if self.e else codes

    def _flips(self, block):
        flips, bad = self.further.xor_codes(block, self.columns)
        refuse_row(bad)
        return flips


class Rows(_Recognition):
    """Codes of rows: a hash of their numbers, the same for equal numbers of any dtype.

    Parameters
    ----------
    encoder, reading, places
        As for `Cells`.
    d : int
        How many columns recognition reads.
    """

    by = "rows"
    n_bits = MAX_BITS
    e = 0

    def __init__(self, encoder, d, reading=None, places=None):
        self.encoder, self.d, self.reading, self.places = encoder, d, reading, places

    def with_reading(self, reading):
        """The same with other numbers for its columns."""
        return Rows(self.encoder, self.d, reading, self.places)

    def codes_of_block(self, block):
        """Codes that labels are read from, and hashes, of the rows of a block: two uint64 arrays."""
        return self.encoder.codes_of_block(self.of_labels(block)), hashes_of(block)


def hashes_of_points(points, n_threads=1):
    """Hashes of all points: uint64 array of shape (n,)."""
    hashes = np.empty(points.n, np.uint64)

    def work(start, stop, block):
        hashes[start:stop] = hashes_of(block)

    points.over_rows(work, n_threads)
    return hashes


def hashes_of(block):
    """Hashes of rows, of 62 bits: uint64 array; equal for rows of equal numbers, whatever their dtype."""
    hashes = np.empty(len(block), np.uint64)
    refuse_row(kernels.hash_values(block, hashes))
    return hashes >> np.uint64(64 - MAX_BITS)


def more_columns(code, e, n, fingerprint_bits, random_state):
    """Columns of a linear code for e further signs, and its number of bits.

    The signs themselves where all are at most 62. Otherwise random ones of 3 to 5 ones, and so many bits that an input
    whose signs are not those of any of n points has the code of one with a probability far below 2^-fingerprint_bits.
    """
    if not e:
        return np.empty(0, np.uint64), code.n_bits
    if code.is_identity and code.n_bits + e <= MAX_BITS:
        return np.uint64(1) << np.arange(code.n_bits, code.n_bits + e, dtype=np.uint64), code.n_bits + e
    of_points = math.log2(max(n, 2))
    k = max(code.n_bits, math.ceil(2 * of_points) + 10, math.ceil(of_points) + fingerprint_bits + _MORE_BITS)
    k = min(k, MAX_BITS)
    return LinearCode.drawn(e, k, random_state), k
