"""A network's shortcut as data: tables and integer steps, for every runtime that answers at the speed of `predict`.

    row of X
      │  signs     [w_j.x >= t_j] of m hyperplanes on the columns that are read (`Signs`)
      ▼
    code           of its bits, or the XOR of a column for each sign that is 1 (`Code`); a uint64
      │  steps     `Runs`, `Lifts`, `Ribbon` (through `Features`), `PrefixCode`, `Filtered`: below
      ▼
    class index    label, by a table of the runtime's own

and beside it, with fingerprints, whether the row is known (`Known`): its own signs and code, or a hash of its numbers,
and a ribbon that stores the code's fingerprint.

Each part is a frozen dataclass of arrays and integers, nothing else. Its method ``read`` says what it computes, in
plain NumPy: that is the definition which all runtimes are written from and tested against. All words are 64 bits,
unsigned; everything behind the signs is integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastmem.store import BlockStore, IntegerStore

if TYPE_CHECKING:
    from fastmem.hyperplanes.hyperplanes import Hyperplanes

__all__ = [
    "Binary",
    "Canonical",
    "Code",
    "Constant",
    "Features",
    "Filtered",
    "Fingerprints",
    "Hash",
    "Known",
    "Lifts",
    "Mapped",
    "Plain",
    "Plan",
    "PrefixSearch",
    "Ribbon",
    "Runs",
    "Signs",
    "Staged",
    "plan_of",
]

_ONE = np.uint64(1)


@dataclass(frozen=True)
class Signs:
    """Signs of m hyperplanes on some columns.

    Attributes
    ----------
    columns : int64 array of shape (r,), or None
        The columns of X that are read, in this order; all, in theirs, if None.
    hyperplanes : Hyperplanes
        weights (m, r) float32 and thresholds (m,) float64; ``[w_j.x >= t_j]`` over the real numbers.
    """

    columns: np.ndarray | None
    hyperplanes: Hyperplanes

    def read(self, X):
        """Signs of rows: bool array of shape (n, m)."""
        X = np.asarray(X) if self.columns is None else np.asarray(X)[:, self.columns]
        words = self.hyperplanes.signs_of_block(X)
        places = np.arange(self.hyperplanes.m)
        return (words[:, places // 64] >> (places % 64).astype(np.uint64)) & _ONE == 1


@dataclass(frozen=True)
class Code:
    """A code of signs: the XOR of ``columns[j]`` over the signs j that are 1.

    Attributes
    ----------
    columns : uint64 array of shape (m,)
        Column j is bit j alone where the code is the signs themselves.
    n_bits : int
        At most 62.
    is_identity : bool
    """

    columns: np.ndarray
    n_bits: int
    is_identity: bool

    def read(self, signs):
        """Codes of rows: uint64 array."""
        return np.bitwise_xor.reduce(np.where(signs, self.columns, np.uint64(0)), axis=1, initial=np.uint64(0))


@dataclass(frozen=True)
class Hash:
    """A hash of a row's numbers, of 62 bits.

    With M(h) the finalizer of MurmurHash3 and b_i the bits of number i, from 1, as float64, 0 for both zeros, it is
    ``M(sum_i M(b_i + i * 0x9e3779b97f4a7c15)) >> 2``.

    Attributes
    ----------
    columns : int64 array of shape (r,), or None
        As of `Signs`.
    """

    columns: np.ndarray | None

    def read(self, X):
        """Hashes of rows: uint64 array."""
        X = np.asarray(X) if self.columns is None else np.asarray(X)[:, self.columns]
        bits = (X.astype(np.float64) + 0.0).view(np.uint64)
        places = np.arange(1, X.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return mixed(mixed(bits + places).sum(axis=1, dtype=np.uint64)) >> np.uint64(2)


def mixed(h):
    """The finalizer of MurmurHash3 (Appleby, public domain)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ (h >> np.uint64(33))) * np.uint64(factor)
    return h ^ (h >> np.uint64(33))


@dataclass(frozen=True)
class PrefixSearch:
    """Which of r ascending ranges holds a code.

    Attributes
    ----------
    starts : uint64 array of shape (r,)
        From 0: range i holds the codes from starts[i] up to starts[i + 1].
    shift : int
    index : int32 array of shape (p + 1,)
        Of the codes with prefix ``code >> shift`` = q the first is in range index[q], and index[p] is the last range:
        so a code's range is one of index[q] to index[q + 1].
    n_halvings : int
        So often the widest of these intervals is halved until one range is left.
    """

    starts: np.ndarray
    shift: int
    index: np.ndarray
    n_halvings: int

    @classmethod
    def of(cls, starts, prefixes):
        """By the `PrefixIndex` of a store."""
        widest = int(np.diff(prefixes.index).max(initial=0)) + 1
        return cls(starts.astype(np.uint64), int(prefixes.shift), prefixes.index, (widest - 1).bit_length())

    def read(self, codes):
        """Number of the range of each code: int64 array."""
        prefix = (codes >> np.uint64(self.shift)).astype(np.int64)
        low = self.index[prefix].astype(np.int64)
        width = self.index[prefix + 1] - low + 1
        for _ in range(self.n_halvings):
            half = width >> 1
            low += np.where(self.starts[np.minimum(low + half, len(self.starts) - 1)] <= codes, half, 0)
            width -= half
        return low


@dataclass(frozen=True)
class Constant:
    """One class, or symbol, whatever the code."""

    value: int

    def read(self, codes):
        """The value, for each code."""
        return np.full(len(codes), self.value, np.int64)


@dataclass(frozen=True)
class Runs:
    """A class for each range of codes.

    Attributes
    ----------
    search : PrefixSearch
    classes : unsigned array of shape (r,)
    """

    search: PrefixSearch
    classes: np.ndarray

    def read(self, codes):
        """Class of each code."""
        return self.classes[self.search.read(codes)].astype(np.int64)


@dataclass(frozen=True)
class Lifts:
    """Blocks of codes, each with a weight for each value of three segments of bits (`fastmem.store.lifts`).

    Attributes
    ----------
    search : PrefixSearch
        Of the R blocks.
    weights : integer array of shape (R, 3 * 2^a, K)
    segment_bits : int
        a.
    n_classes : int
    """

    search: PrefixSearch
    weights: np.ndarray
    segment_bits: int
    n_classes: int

    def read(self, codes):
        """Class of each code: bit b is whether its three weights add up to 1 or more; at most the last class."""
        a, block, totals = self.segment_bits, self.search.read(codes), 0
        for segment in range(3):
            value = (codes >> np.uint64(segment * a)) & np.uint64((1 << a) - 1)
            totals = totals + self.weights[block, (segment << a) + value.astype(np.int64)].astype(np.int64)
        bits = (totals >= 1).astype(np.int64) << np.arange(self.weights.shape[2])
        return np.minimum(bits.sum(axis=1), self.n_classes - 1)


@dataclass(frozen=True)
class Features:
    """64 threshold features of a code, as the bits of a word: feature t is bit t.

    Attributes
    ----------
    shifts : int32 array of shape (g,)
        Lowest bit of each group of four code bits.
    counts : uint64 array of shape (g, 16, 7)
        Bit t of counts[i, v, k] is binary digit k of what the value v of group i adds to the count of feature t; that
        of group 0 holds 64 - theta_t too, so that the feature is digit 6 of the count, a carry out of it included.
    """

    shifts: np.ndarray
    counts: np.ndarray

    def read(self, codes):
        """Features of each code: uint64 array. Counts of all features are added at once, digit by digit, with carries.

        Groups behind the first add at most 4, three digits, and no count exceeds 127.
        """
        digits = [self.counts[0, (codes >> np.uint64(self.shifts[0])) & np.uint64(15), k] for k in range(7)]
        for shift, table in zip(self.shifts[1:], self.counts[1:], strict=True):
            value, carry = (codes >> np.uint64(shift)) & np.uint64(15), np.uint64(0)
            for k in range(7):
                added = table[value, k] if k < 3 else np.uint64(0)
                digits[k], carry = digits[k] ^ added ^ carry, (digits[k] & (added ^ carry)) | (added & carry)
        return digits[6]


@dataclass(frozen=True)
class Ribbon:
    """Bits of p planes: each the parity of 64 cells of its row, as far as the code's features are 1.

    Attributes
    ----------
    search : PrefixSearch
        Of the rows.
    start_table : uint16 array of shape (bytes, 256)
        beta is the XOR of ``start_table[k, byte k of the code]``; the window starts at cell ``beta * spacing >> 16``.
    spacing : int
    cells : uint64 array
        Word w of plane j of row i is ``cells[(i * n_words + w) * n_planes + j]``; n_planes words more stand behind.
    n_words, n_planes : int
    """

    search: PrefixSearch
    start_table: np.ndarray
    spacing: int
    cells: np.ndarray
    n_words: int
    n_planes: int

    @classmethod
    def of(cls, ribbon):
        """Of a store's ribbon."""
        return cls(
            PrefixSearch.of(ribbon.firsts, ribbon.prefixes), ribbon.start_table, int(ribbon.spacing), ribbon.cells,
            ribbon.n_columns // 64, ribbon.n_planes,
        )  # fmt: skip

    def read(self, codes, features):
        """What the planes store for each code, plane j as bit j, given its features: uint64 array.

        The window is 64 cells from bit ``start % 64`` of word ``start // 64`` on; its bits keep their places, so that
        those below are of the next word. Feature 0 counts as 1.
        """
        beta = np.zeros(len(codes), np.uint16)
        for k, table in enumerate(self.start_table):
            beta ^= table[(codes >> np.uint64(8 * k)) & np.uint64(255)]
        start = beta.astype(np.int64) * self.spacing >> 16
        first = (self.search.read(codes) * self.n_words + (start >> 6)) * self.n_planes
        of_next = (_ONE << (start & 63).astype(np.uint64)) - _ONE
        values = np.zeros(len(codes), np.uint64)
        for j in range(self.n_planes):
            here, following = self.cells[first + j], self.cells[first + self.n_planes + j]
            window = here ^ ((here ^ following) & of_next)
            odd = np.bitwise_count(window & (features | _ONE)) & 1
            values |= odd.astype(np.uint64) << np.uint64(j)
        return values


@dataclass(frozen=True)
class Plain:
    """Codewords that are the symbols' numbers; one that is no symbol loses its first bit.

    Attributes
    ----------
    n_symbols, depth : int
    """

    n_symbols: int
    depth: int

    def read(self, words):
        """Symbol of each codeword: int64 array."""
        words = words.astype(np.int64)
        return np.where(words < self.n_symbols, words, words - (1 << self.depth >> 1))


@dataclass(frozen=True)
class Canonical:
    """Codewords of several lengths: the symbol of the last of `starts` that is not above the word.

    Attributes
    ----------
    starts : uint64 array of shape (c,), ascending, from 0
    symbols : int32 array of shape (c,)
    """

    starts: np.ndarray
    symbols: np.ndarray

    def read(self, words):
        """Symbol of each codeword, with anything behind it up to full depth: int64 array."""
        return self.symbols[np.searchsorted(self.starts, words, side="right") - 1].astype(np.int64)


@dataclass(frozen=True)
class Staged:
    """A symbol by a codeword that ribbons hold, stage by stage.

    Attributes
    ----------
    stages : tuple of (Ribbon, int, int)
        Each with the number of bits behind its own, and with the first codeword that goes on after it: the next stage
        is read where the word so far is not below.
    decoder : Plain or Canonical
    """

    stages: tuple
    decoder: Plain | Canonical

    def read(self, codes, features):
        """Symbol of each code, given its features: int64 array."""
        words, goes_on = np.zeros(len(codes), np.uint64), np.ones(len(codes), bool)
        for ribbon, shift, longer in self.stages:
            read = ribbon.read(codes, features) << np.uint64(shift)
            words |= np.where(goes_on, read, np.uint64(0))
            goes_on &= words >= np.uint64(longer)
        return self.decoder.read(words)


@dataclass(frozen=True)
class Fingerprints:
    """Accepts the codes that were stored, and others by chance.

    Attributes
    ----------
    ribbon : Ribbon
        Of f planes.
    prints : Features
        A code is accepted if plane j reads what feature j + 1 of these is not, for each j.
    """

    ribbon: Ribbon
    prints: Features

    def read(self, codes, features):
        """Whether each code is accepted, given the features by which the ribbon is read: bool array."""
        every = np.uint64((1 << self.ribbon.n_planes) - 1)
        differing = self.ribbon.read(codes, features) ^ (self.prints.read(codes) >> _ONE)
        return differing & every == every


@dataclass(frozen=True)
class Filtered:
    """A common class, or where a filter accepts the code a rarer one, if that is what is stored behind it.

    Attributes
    ----------
    common : Staged or Constant
    common_classes : int32 array
        The class of each symbol in front.
    filter : Fingerprints
    rare : Staged, Filtered, Mapped or Constant
        Symbol 0: the common class stays.
    rare_classes : int32 array
        The class of symbol i + 1.
    """

    common: Staged | Constant
    common_classes: np.ndarray
    filter: Fingerprints
    rare: object
    rare_classes: np.ndarray

    def read(self, codes, features):
        """Class of each code, given its features: int64 array."""
        classes = self.common_classes[_read(self.common, codes, features)].astype(np.int64)
        symbols = _read(self.rare, codes, features)
        replaced = self.filter.read(codes, features) & (symbols > 0)
        classes[replaced] = self.rare_classes[symbols[replaced] - 1]
        return classes


@dataclass(frozen=True)
class Mapped:
    """Classes of symbols, by a table.

    Attributes
    ----------
    symbols : Staged or Filtered
    classes : int32 array
    """

    symbols: object
    classes: np.ndarray

    def read(self, codes, features):
        """Class of each code, given its features: int64 array."""
        return self.classes[_read(self.symbols, codes, features)].astype(np.int64)


@dataclass(frozen=True)
class Binary:
    """The binary store: features of a code, and the symbols that are read with them.

    Attributes
    ----------
    features : Features
    symbols : Staged, Filtered or Mapped
    """

    features: Features
    symbols: object

    def read(self, codes):
        """Class of each code: int64 array."""
        return _read(self.symbols, codes, self.features.read(codes))


def _read(part, codes, features):
    return part.read(codes) if isinstance(part, Constant) else part.read(codes, features)


@dataclass(frozen=True)
class Known:
    """Whether a row is known.

    Attributes
    ----------
    signs : Signs or Hash
    code : Code or None
        Of the signs; None for a hash.
    features : Features
    fingerprints : Fingerprints
    first_bits : int or None
        The lowest bits of this code are the code that labels are read from, which need not be computed again; None if
        they are not.
    """

    signs: Signs | Hash
    code: Code | None
    features: Features
    fingerprints: Fingerprints
    first_bits: int | None

    def read(self, X):
        """Whether each row is known: bool array."""
        codes = self.signs.read(X)
        codes = codes if self.code is None else self.code.read(codes)
        return self.fingerprints.read(codes, self.features.read(codes))


@dataclass(frozen=True)
class Plan:
    """The shortcut of a network.

    Attributes
    ----------
    signs : Signs
    code : Code
    classes : Constant, Runs, Lifts or Binary
        From codes to class indices.
    known : Known or None
    n_features, n_classes : int
        Of X, and of labels: the label of index i is number i of the network's classes.
    """

    signs: Signs
    code: Code
    classes: Constant | Runs | Lifts | Binary
    known: Known | None
    n_features: int
    n_classes: int

    def read(self, X):
        """Class index of each row: int64 array."""
        return self.classes.read(self.code.read(self.signs.read(X)))

    def parts(self):
        """Every part, and the parts of parts, once each, in the order in which they are met."""
        found = []
        _gather(self, found)
        return found


def _gather(part, found):
    if any(part is other for other in found):
        return
    found.append(part)
    for value in vars(part).values():
        for inner in value if isinstance(value, tuple) else (value,):
            for item in inner if isinstance(inner, tuple) else (inner,):
                if type(item).__module__ == __name__:
                    _gather(item, found)


# From a network


def plan_of(network):
    """The `Plan` of a network with codes (`EncodedNetwork`)."""
    encoder, recognition = network.encoder, network.recognition
    return Plan(
        Signs(_columns(network.reading), encoder.hyperplanes),
        _code(encoder.code),
        _classes(network.store),
        None if recognition is None else _known(network.fingerprints, recognition),
        network.n_features_in,
        len(network.classes),
    )


def _columns(reading):
    return None if reading is None else reading.columns


def _code(code):
    return Code(code.columns, code.n_bits, code.is_identity)


def _known(fingerprints, recognition):
    features = _features(fingerprints.ribbon.features)
    filters = Fingerprints(Ribbon.of(fingerprints.ribbon), _features(fingerprints.added))
    columns = _columns(recognition.reading)
    if recognition.by == "rows":
        return Known(Hash(columns), None, features, filters, None)
    code = recognition.code
    shares = recognition.places is None and (code.is_identity or not recognition.e)
    first_bits = recognition.encoder.n_bits if shares else None
    return Known(Signs(columns, recognition.hyperplanes), _code(code), features, filters, first_bits)


def _classes(store):
    if not store.n_label_bits:
        return Constant(0)
    if isinstance(store, IntegerStore):
        classes = store.run_classes.astype(np.min_scalar_type(store.n_classes - 1))
        return Runs(PrefixSearch.of(store.starts, store.prefixes), classes)
    if isinstance(store, BlockStore):
        search = PrefixSearch.of(store.starts, store.prefixes)
        return Lifts(search, store.weights, store.segment_bits, store.n_classes)
    if store.symbols is None:
        return Constant(0)
    return Binary(_features(store.features), _symbols(store.symbols))


def _features(features):
    return Features(features.shifts, features.counts)


def _symbols(symbols):
    """Of a `Symbols` or `Filtered` of `fastmem.store.symbols`."""
    if not hasattr(symbols, "filter"):
        return _staged(symbols)
    code = symbols.code
    rare = _symbols(symbols.rare)
    if symbols.filter is None:
        in_order = np.array_equal(code.rare, np.arange(len(code.rare)))
        return rare if in_order else Mapped(rare, code.rare)
    filters = Fingerprints(Ribbon.of(symbols.filter.ribbon), _features(symbols.filter.added))
    return Filtered(_staged(symbols.common), code.common, filters, rare, code.rare)


def _staged(symbols):
    code = symbols.code
    if not symbols.ribbons:
        return Constant(0)
    stages = tuple(
        (Ribbon.of(ribbon), code.depth - end, code.longer_than(end))
        for (_, end), ribbon in zip(code.stages, symbols.ribbons, strict=True)
    )
    if code.lengths is None:
        return Staged(stages, Plain(code.n_symbols, code.depth))
    return Staged(stages, Canonical(code.starts, code.symbols))
