"""From points to codes: the signs of m hyperplanes, decided exactly, and a linear code that shortens them.

A hyperplane (w, t) gives a point x the bit ``[w.x >= t]``, evaluated over the real numbers: see the essay in
``src_cython/fastmem/_kernels/signs.pyx`` for how a rounded sum decides an exact sign. Up to 62 bits are the
code as they are. More are mapped to k <= 62 bits by a matrix over GF(2), the second stage of Rajput et al.
(2021, arXiv 2106.07724): ``code = XOR of columns[j] over the hyperplanes with sign 1``, accumulated while the
signs are decided, so that nothing of size n x m is ever stored.
"""

import math
import threading

import numpy as np

from fastmem._kernels import signs as kernels
from fastmem.blocks import over_row_blocks
from fastmem.environment import default_environment
from fastmem.errors import InvalidInput
from fastmem.lazy import cached_property

__all__ = [
    "MAX_BITS",
    "MAX_COLUMNS",
    "MAX_EXPONENT",
    "Encoder",
    "Hyperplanes",
    "LinearCode",
    "Margins",
    "column_frame",
    "split_exactly",
]

MAX_BITS = 62
MAX_COLUMNS = 2**28  # as far as the bounds of rounding and the digits of exact sums in signs.pyx hold
_WORD = 64
MAX_EXPONENT = 900
_FRAME_ROWS = 512
_DRAWN_TOGETHER = 2**14
_LARGEST = np.finfo(np.float64).max
_NORMAL32 = np.finfo(np.float32).smallest_normal
_FAR = 2.0**120
_NARROW_EXPONENT = 100
_CACHE = 2**19  # bytes


def column_frame(sample):
    """Centre and scale of the columns of a sample, little moved by outliers.

    Parameters
    ----------
    sample : float array of shape (t, d)

    Returns
    -------
    centre : float64 ndarray of shape (d,)
        About the median of each column.
    exponents : int16 ndarray of shape (d,)
        ``|sample - centre|`` is at most ``2.0**exponents`` for nine of ten values; where they are all equal it is the
        power of two above them.
    """
    rows = np.asarray(sample[:: -(-len(sample) // _FRAME_ROWS)], np.float64)
    largest = np.frexp(np.abs(rows).max(axis=0))[1]
    scaled = np.sort(np.ldexp(rows, -largest), axis=0)  # within [-1, 1]: no difference overflows
    centre = scaled[len(rows) // 2]
    deviations = np.sort(np.abs(scaled - centre), axis=0)
    spread = deviations[(len(rows) - 1) * 9 // 10]
    spread = np.where(spread > 0, spread, deviations[-1])
    exponents = np.where(spread > 0, np.frexp(spread)[1], 0) + largest
    return np.ldexp(centre, largest), exponents.clip(-MAX_EXPONENT, MAX_EXPONENT).astype(np.int16)


class Hyperplanes:
    """m hyperplanes in R^d whose signs are exact.

    Parameters
    ----------
    weights : float32 array of shape (m, d)
    thresholds : float64 array of shape (m,)
    centre : float64 array of shape (d,)
    exponents : int16 array of shape (d,)
        Where the points lie and how widely each column spreads (`column_frame`). They make the float32 step
        decide more signs and change none; exponents beyond ±900 are taken as ±900, which its proof needs.
    """

    _isa = kernels.supported_isas().index(kernels.isa_in_use())  # tests set the others

    def __init__(self, weights, thresholds, centre, exponents):
        if np.shape(weights)[1] > MAX_COLUMNS:
            raise InvalidInput(f"points have {np.shape(weights)[1]} columns: {MAX_COLUMNS} are the most")
        self.weights = np.ascontiguousarray(weights, np.float32)
        self.thresholds = np.ascontiguousarray(thresholds, np.float64)
        self.centre = np.ascontiguousarray(centre, np.float64)
        self.exponents = np.ascontiguousarray(exponents, np.int16).clip(-MAX_EXPONENT, MAX_EXPONENT)
        self.m, self.d = self.weights.shape
        self._prepare()

    @default_environment()
    def _prepare(self):
        """w', t' and the bounds of step 1, in panels of hyperplanes: see signs.pyx for the names and proofs."""
        weights = self.weights.astype(np.float64)
        exponents = self.exponents.astype(np.int32)
        k = _powers_above_norms(weights, exponents).astype(np.int32)
        unit = 2.0**-24
        additions = min(self.d, kernels.CHUNK) + 1 + -(-self.d // kernels.CHUNK) + 4
        growth = additions * unit / (1 - additions * unit) * (1 + 2.0**-12 + additions * unit)
        with np.errstate(over="ignore"):
            cuts = np.ldexp(self._centred_thresholds(weights), -k)
            # The last term: a product of _centred_thresholds that underflows errs by 2^-1075.
            absolute = 2.0**-148 + np.ldexp(self.d + 1.0, -1073 - k)
            slack = (np.abs(cuts) * (growth + 2 * unit) + absolute) * (1 + 2.0**-12)
            slack = slack.astype(np.float32)
        # Of a hyperplane too far away for float32 no sign is decided there.
        far = ~((slack < _FAR) & (np.abs(cuts) < _FAR))
        cuts[far], slack[far] = 0.0, _FAR
        cuts = cuts.astype(np.float32)
        underflow = (self.d + 8) * 2.0**-148 * (1 + 2.0**-12) + growth * math.sqrt(self.d) * 2.0**-74
        self._firsts = _panel_firsts(self.m)
        self._slack = slack
        self._powers = -k  # k_j of signs.pyx
        self._tables = kernels.SignTables(
            _panels(np.ldexp(weights, exponents - k[:, None]), self._firsts), self._firsts, cuts, slack,
            self.weights, self.thresholds, *self._frames(), self._powers, growth, underflow,
            slack.max() if self.m and slack.max() <= 2 * growth else -1.0,
        )  # fmt: skip
        self._constant = ~weights.any(axis=1)
        # Rounded up: squares of float32 numbers are exact in float64, their sum errs by d 2^-53.
        self._norms = np.sqrt((weights**2).sum(axis=1)) * (1 + (self.d + 4) * 2.0**-52)
        # On the line a sign is a comparison of two float64 numbers.
        self._ascending = self.d == 1 and bool(
            (weights == 1).all() and np.all(self.thresholds[1:] >= self.thresholds[:-1])
        )

    def _frames(self):
        """Centre and scale of the columns as kernels take them, filled up to whole units of columns."""
        fill, exponents = (0, -self.d % kernels.UNIT), self.exponents.astype(np.int32)
        centre = np.pad(self.centre, fill)
        shrink = np.pad(np.ldexp(1.0, -exponents), fill, constant_values=1.0)
        with np.errstate(all="ignore"):
            offset = np.ldexp(self.centre, -exponents)
            narrow_offset, narrow_shrink = np.pad(offset, fill).astype(np.float32), shrink.astype(np.float32)
            narrow = (
                np.array_equal(narrow_offset[: self.d], offset)
                and np.array_equal(narrow_shrink, shrink)
                and bool(np.all(np.abs(exponents) <= _NARROW_EXPONENT))
                and bool(np.all(np.abs(offset) < _FAR))
                and np.array_equal(np.ldexp(offset, exponents), self.centre)
            )
        return centre, shrink, narrow_offset, narrow_shrink, narrow

    def _centred_thresholds(self, weights):
        """t_j - w_j.c, correctly rounded but for underflow; infinite where it overflows."""
        with np.errstate(over="ignore"):
            terms = np.column_stack([self.thresholds, *(-weights * part for part in split_exactly(self.centre))])
        return np.array([_exact_sum(row) for row in terms.tolist()], np.float64)

    def xor_codes(self, block, columns, counts=None, codes=None, margins=None):
        """XOR of ``columns[j]`` over the hyperplanes j with sign 1, for each row.

        Parameters
        ----------
        block : float32 or float64 array of shape (n, d), any strides
        columns : uint64 array of shape (m,)
        counts : int64 array of shape (2,), optional
            Grows by the number of signs that float32 and then float64 left undecided.
        codes : uint64 array of shape (n,), optional
            Where to put the result.
        margins : float64 array of shape (m,), optional
            Lowered to a bound of ``|w_j.x - t_j|`` over the rows: never above the least of them, and above half of it
            but for distances that float64 hardly tells from 0. Unlike codes, it may differ between processors.

        Returns
        -------
        codes : uint64 array of shape (n,)
        bad : int
            First row with a NaN or an infinity, or -1.
        """
        if self._pieces:
            return self._xor_pieces(block, columns, counts, codes, margins)
        return self._xor_codes(block, None, columns, counts, codes, margins)

    @cached_property
    def _pieces(self):
        """The same hyperplanes in slices that stay in the cache while a block of rows passes; none if all do."""
        # Of each hyperplane: weights, a distance for every row of a block, thresholds, bounds and a column.
        size = _CACHE // (4 * self.d + 4 * kernels.BLOCK_ROWS + 32) // _WORD * _WORD or _WORD
        if self._ascending or self.m <= 2 * size:
            return ()
        parts = [slice(start, start + size) for start in range(0, self.m, size)]
        return tuple((part, self._some(part)) for part in parts)

    def _xor_pieces(self, block, columns, counts, codes, margins):
        codes = np.empty(len(block), np.uint64) if codes is None else codes
        codes[:], of_piece = 0, np.empty(len(block), np.uint64)
        for part, hyperplanes in self._pieces:
            lowered = None if margins is None else margins[part]
            _, bad = hyperplanes.xor_codes(block, columns[part], counts, of_piece, lowered)
            if bad >= 0:
                return codes, bad
            codes ^= of_piece
        return codes, -1

    def _xor_codes(self, block, part, columns, counts, codes, margins=None):
        """The same for some hyperplanes, a slice that begins at a multiple of 64, or for all if it is None."""
        if codes is None:
            codes = np.empty(len(block), np.uint64)
        if self._ascending:
            return codes, self._xor_codes_on_the_line(block[:, 0], part, columns, codes, margins)
        first, last = (0, len(self._firsts) - 1) if part is None else self._firsts.searchsorted((part.start, part.stop))
        scratch = np.empty(len(columns) * kernels.BLOCK_ROWS, np.float32)
        gathered = None
        if block.strides[1] != block.itemsize and self.d > 1:
            gathered = np.empty((kernels.BLOCK_ROWS, self.d), block.dtype)
        arguments = self._isa, block, first, last, columns, codes, scratch, gathered, counts
        if margins is None:
            return codes, self._xor(block.dtype)(*arguments)
        with default_environment():
            return codes, self._lower_margins(arguments, margins)

    def _xor(self, dtype):
        return self._tables.xor_float if dtype == np.float32 else self._tables.xor_double

    def _lower_margins(self, arguments, margins):
        """The call of the kernel for all hyperplanes with margins: see "Margins" in signs.pyx."""
        before, block = margins.copy(), arguments[1]
        with np.errstate(over="ignore", under="ignore"):
            nearest = (np.ldexp(margins, self._powers) * (1 + 2.0**-21)).astype(np.float32)
            nearest[(margins > 0) & (nearest < _NORMAL32)] = _NORMAL32
            first = nearest.copy()
            bad = self._xor(block.dtype)(*arguments, self._slack + nearest, nearest, margins)
            lower = np.ldexp(nearest.astype(np.float64) * (1 - 2.0**-22), -self._powers)
        lower = np.where(lower < 2.0**-1000, np.nextafter(lower, 0), lower.clip(max=_LARGEST))
        np.minimum(margins, lower, out=margins, where=nearest < first)
        if len(block):
            margins[self._constant] = np.minimum(before, np.abs(self.thresholds))[self._constant]
        return bad

    @default_environment()
    def _xor_codes_on_the_line(self, x, part, columns, codes, margins):
        """The same in one dimension, in m log m + n log m steps instead of n m."""
        bad = np.flatnonzero(~np.isfinite(x))
        if bad.size:
            return int(bad[0])
        x, thresholds = x.astype(np.float64), self.thresholds[part or slice(None)]
        prefixes = np.append(np.uint64(0), np.bitwise_xor.accumulate(columns))
        codes[:] = prefixes[np.searchsorted(thresholds, x, side="right")]
        if margins is not None and x.size:
            x = np.concatenate([[-np.inf], np.sort(x), [np.inf]])
            above = np.searchsorted(x, thresholds)
            with np.errstate(over="ignore"):
                distances = np.minimum(x[above] - thresholds, thresholds - x[above - 1])
            # Below the normal numbers, and a little above, differences are exact.
            np.minimum(margins, np.where(distances < 2.0**-1021, distances, np.nextafter(distances, 0)), out=margins)
        return -1

    def signs_of_block(self, points, start, stop):
        """Signs of the points start to stop, packed: uint64 array of shape (stop - start, ceil(m / 64)).

        Bit j % 64 of word j // 64 is hyperplane j.
        """
        block = points.block(start, stop)
        words = np.empty((len(block), -(-self.m // _WORD)), np.uint64)
        for word in range(words.shape[1]):
            part = slice(word * _WORD, min((word + 1) * _WORD, self.m))
            columns = np.uint64(1) << np.arange(part.stop - part.start, dtype=np.uint64)
            words[:, word], bad = self._xor_codes(block, part, columns, None, None)
            if bad >= 0:
                points.raise_not_finite(start + bad)
        return words

    def signs(self, points, n_threads=1):
        """Signs of all points, packed as those of `signs_of_block`."""
        words = np.empty((points.n, -(-self.m // _WORD)), np.uint64)

        def work(start, stop):
            words[start:stop] = self.signs_of_block(points, start, stop)

        over_row_blocks(work, points.n, points.d, n_threads)
        return words

    def sign_steps(self, points):
        """How many signs each step of the exact predicate decided: dict with float32, float64 and exact.

        On the line, where a sign is one comparison, all count as float32.
        """
        counts = np.zeros(2, np.int64)
        columns = np.zeros(self.m, np.uint64)
        for start in range(0, points.n, 4096):
            _, bad = self.xor_codes(points.block(start, start + 4096), columns, counts)
            if bad >= 0:
                points.raise_not_finite(start + bad)
        undecided, exact = map(int, counts)
        return {"float32": points.n * self.m - undecided, "float64": undecided - exact, "exact": exact}

    @cached_property
    @default_environment()
    def _lengths(self):
        """||w_j||, correctly rounded but for the square root, so that it is the same on every machine."""
        squares = self.weights.astype(np.float64) ** 2
        return np.array([math.sqrt(math.fsum(row)) for row in squares.tolist()], np.float64)

    def distances(self, block):
        """Euclidean distance of each row from each hyperplane, rounded alike everywhere: float64 array (n, m).

        Infinite for a hyperplane without weights.
        """
        distances = np.empty((len(block), self.m))
        kernels.distances(block, self._transposed, self.thresholds, self._lengths, distances)
        return distances

    @cached_property
    @default_environment()
    def _transposed(self):
        return np.ascontiguousarray(self.weights.T, np.float64)

    def certified_radius(self, points, n_threads=1):
        """Distance of each point from its nearest hyperplane, rounded down: float64 array of shape (n,)."""
        radii = np.full(points.n, np.inf)

        def work(start, stop):
            bad = kernels.certified_radii(
                points.block(start, stop), self._transposed, self.thresholds, self._norms,
                np.empty(self.m), radii[start:stop],
            )  # fmt: skip
            if bad >= 0:
                points.raise_not_finite(start + bad)

        over_row_blocks(work, points.n, self.d + self.m, n_threads)
        return radii

    def smallest_distance(self, points, n_threads=1, margins=None):
        """Smallest `certified_radius` of the points, in less time.

        Parameters
        ----------
        points : Points
        n_threads : int
        margins : float64 array of shape (m,), optional
            Lower bounds of ``|w_j.x - t_j|`` over the points, from `xor_codes`, where they are known.
        """
        if not self.m:
            return math.inf
        if margins is None:
            margins = self._margins(points, n_threads)
        with np.errstate(divide="ignore"):
            lower = np.divide(margins, self._norms, out=np.full(self.m, np.inf), where=self._norms > 0)
        upper = self._some([lower.argmin()]).certified_radius(points, n_threads).min()
        near = np.flatnonzero(lower <= upper * (1 + 2.0**-20))  # radii are rounded down
        return float(self._some(near).certified_radius(points, n_threads).min()) if len(near) else float(upper)

    def _margins(self, points, n_threads):
        margins, columns = Margins(self.m), np.zeros(self.m, np.uint64)

        def work(start, stop):
            self.xor_codes(points.block(start, stop), columns, margins=margins.of_this_thread())

        over_row_blocks(work, points.n, self.d, n_threads)
        return margins.lowest()

    def _some(self, chosen):
        return Hyperplanes(self.weights[chosen], self.thresholds[chosen], self.centre, self.exponents)


def split_exactly(x):
    """Two float64 arrays of at most 27 significant bits each that add up to x."""
    fractions, powers = np.frexp(x)
    high = np.ldexp(np.trunc(fractions * 2.0**26), powers - 26)
    return high, x - high


def _exact_sum(terms):
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # ValueError: infinities of both signs
        return math.inf


def _panel_firsts(m):
    """First hyperplane of each panel, and m: int32 array. Words begin with a panel, and panels are of like size."""
    firsts = [np.empty(0, np.int64)]
    for start in range(0, m, kernels.WORD):
        n = min(m - start, kernels.WORD)
        n_panels = -(-n // kernels.PANEL)
        firsts.append(start + np.arange(n_panels) * n // n_panels)
    return np.append(np.concatenate(firsts), m).astype(np.int32)


def _panels(weights, firsts):
    """Weights (m, d) panel by panel, coordinate by coordinate: float32 array of shape (p, d, PANEL)."""
    sizes = np.diff(firsts)
    panels = np.zeros((len(sizes), weights.shape[1], kernels.PANEL), np.float32)
    panel = np.repeat(np.arange(len(sizes)), sizes)
    panels[panel, :, np.arange(len(weights)) - firsts[:-1][panel]] = weights
    return panels


def _powers_above_norms(weights, exponents):
    """Integers k_j with ||(w_ji 2^e_i)_i|| < 2^k_j, within a factor of two."""
    lowest = np.iinfo(np.int32).min // 2
    fractions, powers = np.frexp(weights)
    powers = np.where(fractions != 0, powers + exponents, lowest)
    largest = powers.max(axis=1, initial=lowest)
    largest[largest == lowest] = 0
    scaled = np.ldexp(fractions, np.maximum(powers - largest[:, None], -1100))
    return largest + np.frexp(np.sqrt((scaled**2).sum(axis=1)) * (1 + 2.0**-20))[1]


def _words_with_ones(ones, k, random_state):
    """Random k-bit words with the given numbers of ones: the first places of random permutations."""
    places = random_state.random((len(ones), k)).argsort(axis=1).astype(np.uint64)
    chosen = np.arange(k) < ones[:, None]
    return np.bitwise_or.reduce(np.where(chosen, np.uint64(1) << places, np.uint64(0)), axis=1)


class LinearCode:
    """A linear map over GF(2) from m sign bits to k code bits, one word a hyperplane.

    Parameters
    ----------
    columns : uint64 array of shape (m,)
        Column j of the k x m matrix: the code bits that flip with sign j.
    n_bits : int
        k, at most 62.
    """

    def __init__(self, columns, n_bits):
        self.columns = np.ascontiguousarray(columns, np.uint64)
        self.n_bits = int(n_bits)

    @classmethod
    def identity(cls, m):
        """The code that keeps m <= 62 signs as they are."""
        return cls(np.uint64(1) << np.arange(m, dtype=np.uint64), m)

    @classmethod
    def draw(cls, m, n, random_state, attempt=0):
        """Random code for n points and m hyperplanes.

        k = min(62, 2 log2 n + 10) bits; each column has 3 to 5 ones, so that the parity subnetwork stays
        sparse. Sparse columns can coincide where m is large: each further attempt adds a one to either end of
        that range and two bits to k, up to dense columns of 62 bits, for which the chance that any two of n
        different sign patterns collide is at most n^2 / 2^63.
        """
        k = min(MAX_BITS, math.ceil(2 * math.log2(max(n, 2))) + 10 + 2 * attempt)
        ones = random_state.integers(min(3 + attempt, k // 2), min(5 + attempt, k // 2) + 1, m)
        columns = [
            _words_with_ones(ones[start : start + _DRAWN_TOGETHER], k, random_state)
            for start in range(0, m, _DRAWN_TOGETHER)
        ]
        return cls(np.concatenate(columns), k)

    @property
    def is_identity(self):
        """Whether the code is the sign pattern itself."""
        return self.n_bits == len(self.columns) and np.array_equal(
            self.columns, LinearCode.identity(len(self.columns)).columns
        )


class Encoder:
    """Hyperplanes followed by a linear code: a point becomes one integer N(z) = sum_i 2^i z_i.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    code : LinearCode
    """

    def __init__(self, hyperplanes, code):
        self.hyperplanes = hyperplanes
        self.code = code

    @property
    def n_bits(self):
        """Length k of the codes, in bits."""
        return self.code.n_bits

    def codes_of_block(self, points, start, stop, codes=None, margins=None):
        """Codes of the points start to stop, as uint64; `margins` as for `Hyperplanes.xor_codes`."""
        block = points.block(start, stop)
        codes, bad = self.hyperplanes.xor_codes(block, self.code.columns, codes=codes, margins=margins)
        if bad >= 0:
            points.raise_not_finite(start + bad)
        return codes

    def codes(self, points, n_threads=1, bar=None, margins=None):
        """Codes of all points: uint64 array of shape (n,); `margins`, a `Margins`, is lowered on the way."""
        codes = np.empty(points.n, np.uint64)

        def work(start, stop):
            lowered = None if margins is None else margins.of_this_thread()
            self.codes_of_block(points, start, stop, codes[start:stop], lowered)

        over_row_blocks(work, points.n, points.d, n_threads, bar)
        return codes


class Margins:
    """How near the points come to each of m hyperplanes, from below, gathered by several threads."""

    def __init__(self, m):
        self._m = m
        self._of_threads = {}

    def of_this_thread(self):
        """An array for `Hyperplanes.xor_codes` to lower."""
        return self._of_threads.setdefault(threading.get_ident(), np.full(self._m, np.inf))

    def lowest(self):
        """The bounds over all points: float64 array of shape (m,)."""
        return np.min([np.full(self._m, np.inf), *self._of_threads.values()], axis=0)
