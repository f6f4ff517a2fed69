"""A ribbon: planes of cells from which any value of a few bits is read for each of its codes, about 1.02 cells a bit.

A retrieval structure (Dietzfelbinger & Walzer, ESA 2019; Dillinger, Hübschle-Schneider, Sanders & Walzer, "Fast
succinct retrieval and approximate membership using ribbon", SEA 2022), laid out as a threshold network: the row of a
code is a range of N(z), so that no code needs a seed or a hash table, and rows are as long as they happen to be. What a
plane stores is the parity of 64 cells, each multiplied by a feature of the code: see
``src_cython/fastmem/_kernels/ribbon.pyx``.

With T_r the first code of row r, w_{r,c} the cells, p(beta) the start of the window and b the number of parities:

1. for each parity of s bits, the units [sum >= j], j = 1..s, whose alternating sum is the parity; a relay a code bit;
2. g_r = [N(z) >= T_r] for all rows but the first; the features f_1..f_63; tau_i = [beta >= i] for i = 1..2^b - 1;
3. U_c = [sum_r (w_{r,c} - w_{r-1,c}) g_r + w_{0,c} + f_{c mod 64} + tau_{lo(c)} - tau_{hi(c) + 1} >= 3], where
   lo(c) <= beta <= hi(c) where the window holds column c;
4. V_j = [sum_c U_c >= j] for j = 1..64, whose alternating sum is the bit.

Layers 3 and 4 are repeated for each plane. All weights are 0, 1 or -1, but for those on N(z) and beta. That is about
n / C + C + 2^b units for C columns, 2 sqrt(n) at best, and two layers with a and b units between them hold at most a b
one-bit weights: n labels need a + b >= 2 sqrt(n).
"""

import math

import numpy as np

from fastmem._kernels import ribbon as kernels
from fastmem.errors import FormatError
from fastmem.layers.layer import Layer
from fastmem.layers.rows import alternating_sums, as_rows, beside, block_diagonal, counters, number_row, relays, stacked
from fastmem.machine.mapping import with_more
from fastmem.store.features import MOST_PARITIES, N_FEATURES, bits_of
from fastmem.store.ranges import prefix_index

__all__ = ["WINDOW", "Ribbon", "shape", "shortened", "solve"]

WINDOW = 64
_MOST_COLUMNS = 2048  # more fill less well, see `shape`
_EXPECTED = 1.02
_MOST_STARTS = 5  # of windows, a column: `shape` gives one or two for 15, and `suitable_features` 2^5 times as many


class Ribbon:
    """Planes of cells over common rows.

    Parameters
    ----------
    features : CodeFeatures
    firsts : uint64 array of shape (r,)
        Ascending, from 0: row i holds the codes from firsts[i] up to firsts[i + 1].
    table : uint64 array of shape (r, columns / 64, planes)
        Cell c of a row is bit c % 64 of word c // 64.
    n_parities : int
        b: 2^b starts of windows.
    n_codes : int
        Number of codes stored.

    Attributes
    ----------
    prefixes : PrefixIndex
        By which the row of a code is found.
    start_table, spacing : uint16 array of shape (bytes, 256), and int
        By which the start of a code's window is.
    """

    def __init__(self, features, firsts, table, n_parities, n_codes):
        self.features = features
        self.firsts = np.ascontiguousarray(firsts, np.uint64)
        self.n_parities = int(n_parities)
        self.n_codes = int(n_codes)
        _, n_words, self.n_planes = table.shape
        self.n_columns = WINDOW * n_words
        # A window's second word may lie behind the last row, and none of its bits is read then. So in a mapped file
        # any words will do, and its table is shared by all processes that map it.
        self._words = with_more(table, self.n_planes)
        if self._words is None:
            self._words = np.concatenate([table.ravel(), np.zeros(self.n_planes, np.uint64)])
        self.table = self._words[: table.size].reshape(table.shape)
        self.spacing = _spacing(self.n_columns, self.n_parities)
        self.start_table = features.start_table(self.n_parities)
        self.prefixes = prefix_index(self.firsts, features.n_bits)
        self.tables = kernels.RibbonTables(
            self.firsts, self.prefixes.index, self.prefixes.shift, self.start_table, self.spacing, features.tables,
            self.n_planes, n_words, self._words,
        )  # fmt: skip

    def __reduce__(self):
        return Ribbon, (self.features, self.firsts, self.table, self.n_parities, self.n_codes)

    @classmethod
    def build(cls, features, ranges, n_planes, more_parities=0, least_columns=WINDOW):
        """Store a value for each code.

        Rows begin anew in each range: all that is lost is the end of its last row.

        Parameters
        ----------
        features : CodeFeatures
        ranges : Ranges
            With symbols below 2^n_planes, as uint64.
        n_planes : int
            From 1 to 64.
        more_parities : int
            Starts are so many bits finer than they have to be.
        least_columns : int
            A multiple of 64.
        """
        n_columns, n_parities = shape(len(ranges), n_planes, least_columns)
        n_parities = min(n_parities + more_parities, MOST_PARITIES)
        parts = ranges.each(_rows_of_range, features, n_columns, n_planes, n_parities)
        for (firsts, _), bound in zip(parts, ranges.bounds, strict=True):
            firsts[:1] = bound
        parts = [part for part in parts if len(part[0])]
        if not parts:
            no_codes = np.empty(0, np.uint64)
            parts = [solve(features, features.start_table(0), no_codes, no_codes, n_columns, n_planes, 0, 1)[:2]]
        firsts, tables = zip(*parts, strict=True)
        firsts = np.concatenate(firsts)
        firsts[0] = 0
        table = tables[0] if len(tables) == 1 else np.concatenate(tables)
        return cls(features, firsts, table, n_parities, len(ranges))

    @property
    def cells(self):
        """The table, and n_planes words of zeros, since a window's second word may lie behind it: uint64 array."""
        if self._words.flags.writeable:
            return self._words
        return np.concatenate([self.table.ravel(), np.zeros(self.n_planes, np.uint64)])

    @property
    def n_cells(self):
        """Number of cells of one plane."""
        return len(self.firsts) * self.n_columns

    @property
    def has_fewest_rows(self):
        """Whether no other features could store the codes in fewer rows."""
        return len(self.firsts) <= max(-(-self.n_codes // self.n_columns), 1)

    def read(self, codes):
        """What the planes store for each code, or give for another: uint64 array of shape (n,)."""
        values = np.empty(len(codes), np.uint64)
        self.tables.read(self.features.isa, codes, values)
        return values

    @property
    def nbytes_in_memory(self):
        """Bytes of everything that reading touches."""
        features = self.features
        arrays = self.firsts, self._words, self.prefixes.index, self.start_table, features.counts, features.shifts
        return sum(array.nbytes for array in arrays)

    def tensors(self):
        """Parameters by name, without those of the features."""
        zeros = _trailing_zeros(self.firsts)
        firsts = self.firsts >> np.uint64(zeros)
        n_bytes = max(-(-int(firsts[-1]).bit_length() // 8), 1)
        return {
            "firsts": firsts.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :n_bytes],
            "table": self.table,
            "sizes": np.array([zeros, self.n_parities, self.n_codes], np.int64),
        }

    @classmethod
    def from_tensors(cls, tensors, features):
        """Ribbon with the given parameters; `FormatError` if they are not what `tensors` gives."""
        firsts, table, sizes = tensors["firsts"], tensors["table"], tensors["sizes"]
        valid = (
            firsts.ndim == 2
            and firsts.dtype == np.uint8
            and 0 < firsts.shape[1] <= 8
            and table.ndim == 3
            and table.dtype == np.uint64
            and table.shape[0] == len(firsts) > 0
            and table.shape[1] > 0
            and 0 < table.shape[2] <= WINDOW
            and sizes.shape == (3,)
            and sizes.dtype == np.int64
            and 0 <= sizes[0] <= features.n_bits
            and 0 <= sizes[1] <= MOST_PARITIES
            and table.shape[1] <= 1 << int(sizes[1]) <= _MOST_STARTS * WINDOW * table.shape[1]
            and table.shape[1] <= max(_MOST_COLUMNS // WINDOW + 1, len(firsts))
            and sizes[2] >= 0
        )
        if valid:
            firsts = np.pad(firsts, ((0, 0), (0, 8 - firsts.shape[1]))).view("<u8").ravel().astype(np.uint64)
            valid = (
                firsts[0] == 0
                and bool(np.all(firsts[1:] > firsts[:-1]))
                and int(firsts[-1]) << int(sizes[0]) < 1 << features.n_bits
            )
        if not valid:
            raise FormatError(
                f"a ribbon's rows, cells and sizes do not fit each other and codes of {features.n_bits} bits"
            )
        return cls(features, firsts << np.uint64(sizes[0]), table, *sizes[1:].tolist())

    def layers(self, added=None):
        """The ribbon as threshold units.

        Parameters
        ----------
        added : CodeFeatures, optional
            Add feature j + 1 of these to plane j, modulo two.

        Returns
        -------
        layers : tuple of 4 Layer
            From code bits.
        form : int64 csr_array of shape (planes, units of the last layer)
            What plane j stores is the linear form form[j] of the outputs.
        """
        parities, sums = self._parity_units()
        gates = self._gate_units(sums, added)
        planes = [self._plane_units(j, gates.n_units, added is not None) for j in range(self.n_planes)]
        return _with_counters(parities, gates, planes)

    def _parity_units(self):
        """Layer 1, and the linear form of its outputs that is beta."""
        n_bits, masks = self.features.n_bits, self.features.parities[: self.n_parities]
        members = bits_of(masks, n_bits)
        sizes = members.sum(axis=1)
        weights, thresholds = counters(members, sizes)
        layer = Layer(stacked([relays(n_bits), weights]), np.append(np.ones(n_bits, np.int64), thresholds))
        return layer, np.append(np.zeros(n_bits, np.int64), number_row(len(sizes)) @ alternating_sums(sizes))

    def _gate_units(self, sums, added):
        """Layer 2: gates of the rows, features, starts, and the features to add."""
        n_bits, n_inputs = self.features.n_bits, len(sums)
        n_gates, n_starts = len(self.firsts) - 1, (1 << self.n_parities) - 1
        value = np.append(number_row(n_bits), np.zeros(n_inputs - n_bits, np.int64))
        weights, thresholds = _feature_units(self.features, n_inputs, range(1, N_FEATURES))
        parts = [_repeated(value, n_gates), weights, _repeated(sums, n_starts)]
        limits = [self.firsts[1:].astype(np.int64), thresholds, np.arange(1, n_starts + 1)]
        if added is not None:
            weights, thresholds = _feature_units(added, n_inputs, range(1, self.n_planes + 1))
            parts.append(weights)
            limits.append(thresholds)
        return Layer(stacked(parts), np.concatenate(limits))

    def _plane_units(self, plane, n_inputs, is_added):
        """Weights and thresholds of the units U_c of one plane, and of a relay of the feature that is added."""
        words = np.ascontiguousarray(self.table[:, :, plane])
        cells = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little").astype(np.int64)
        columns = np.arange(self.n_columns)
        starts = (np.arange(1 << self.n_parities) * self.spacing) >> 16
        low = np.searchsorted(starts, columns - (WINDOW - 1))  # first start whose window holds the column
        high = np.searchsorted(starts, columns, side="right")  # first start behind the column
        feature = columns % WINDOW
        n_gates, n_starts = len(self.firsts) - 1, len(starts) - 1
        # f_0 and tau_0 are 1 whatever the code, and tau_i is 0 behind the last start: none of these is a unit.
        by_feature = relays(N_FEATURES - 1, feature - 1)
        by_start = relays(n_starts, low - 1) - relays(n_starts, high - 1)
        units = beside([np.diff(cells, axis=0).T, by_feature, by_start])
        units.resize((self.n_columns, n_inputs))
        thresholds = 3 - cells[0] - (feature == 0) - (low == 0)
        if is_added:
            relay = relays(n_inputs, [n_gates + N_FEATURES - 1 + n_starts + plane])
            units, thresholds = stacked([units, relay]), np.append(thresholds, 1)
        return units, thresholds


def _rows_of_range(codes, values, features, n_columns, n_planes, n_parities):
    """Firsts and table of the rows of one range, none without codes."""
    start_table = features.start_table(n_parities)
    parts, done = [(np.empty(0, np.uint64), np.empty((0, n_columns // WINDOW, n_planes), np.uint64))], 0
    while done < len(codes):
        n_rows = math.ceil((len(codes) - done) * _EXPECTED**2 / n_columns) + 2
        firsts, table, used = solve(
            features, start_table, codes[done:], values[done:], n_columns, n_planes, n_parities, n_rows
        )
        parts.append((firsts, table))
        done += used
    if len(parts) <= 2:
        firsts, table = parts[-1]
    else:
        firsts, table = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return shortened(firsts, codes) if len(firsts) else firsts, table


def shortened(firsts, codes):
    """0 for the first row, for any other the number with the most trailing zeros above all codes of the rows before."""
    differing = firsts[1:] ^ codes[np.searchsorted(codes, firsts[1:]) - 1]
    for places in (1, 2, 4, 8, 16, 32):
        differing |= differing >> np.uint64(places)
    return np.append(np.uint64(0), firsts[1:] & ~(differing >> np.uint64(1)))


def _trailing_zeros(numbers):
    """How many of the lowest bits are 0 in all of the numbers; 0 if all bits are."""
    together = int(np.bitwise_or.reduce(numbers))
    return max((together & -together).bit_length() - 1, 0)


def solve(features, start_table, codes, values, n_columns, n_planes, n_parities, n_rows):
    """Firsts and tables of at most `n_rows` rows, and the number of codes in them."""
    firsts = np.zeros(n_rows, np.uint64)
    table = np.empty((n_rows, n_columns // WINDOW, n_planes), np.uint64)
    band, right, states = np.empty(n_columns, np.uint64), np.empty(n_columns, np.uint64), np.empty(n_planes, np.uint64)
    rows, used = kernels.build_rows(
        features.isa, codes, values, start_table, _spacing(n_columns, n_parities), features.tables, band, right, states,
        firsts, table,
    )  # fmt: skip
    if len(codes) == 0:
        table[:1], rows = 0, 1
    return firsts[:rows], table[:rows], used


def shape(n, n_planes, least_columns=WINDOW):
    """Numbers of columns and of parities that take the fewest units; starts are at most 15 columns apart."""
    most = max(_MOST_COLUMNS, math.isqrt(n) // 3)
    columns = np.arange(least_columns, most + WINDOW, WINDOW)
    parities = np.ceil(np.log2((columns - WINDOW) / 15 + 1)).astype(int).clip(max=MOST_PARITIES)
    units = np.ceil(_EXPECTED * n / columns) + n_planes * columns + 2.0**parities
    best = int(np.argmin(units))
    return int(columns[best]), int(parities[best])


def _spacing(n_columns, n_parities):
    """Columns from one start to the next, in units of 2^-16; the last window ends with the last column."""
    return -(-((n_columns - WINDOW) << 16) // ((1 << n_parities) - 1)) if n_parities else 0


def _repeated(row, times):
    places = np.flatnonzero(row)
    starts = len(places) * np.arange(times + 1)
    return as_rows((np.tile(row[places], times), np.tile(places, times), starts), (times, len(row)))


def _feature_units(features, n_inputs, which):
    """Weights and thresholds of some features, from relays of the code bits."""
    which = list(which)
    read, zeros = features.units()
    places = features.places.ravel()
    inside = places < features.n_bits
    weights = np.zeros((len(which), n_inputs), np.int64)
    weights[:, places[inside]] = read[which][:, inside]
    return weights, features.thresholds[which].astype(np.int64) - zeros[which]


def _with_counters(parities, gates, planes):
    """The four layers and the form, from the first two and the units of all planes."""
    weights, thresholds = zip(*planes, strict=True)
    units = Layer(stacked(weights), np.concatenate(thresholds))
    width = len(thresholds[0])
    most = [WINDOW + (width % WINDOW > 0)] * len(planes)  # units of a plane that can be 1 at once
    sums = block_diagonal([np.ones((1, width), np.int64)] * len(planes))
    return (parities, gates, units, Layer(*counters(sums, most))), alternating_sums(most)
