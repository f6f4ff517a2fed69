"""Features and parities of codes: the coefficients and the place of their windows in a ribbon.

A feature is a threshold unit that reads some bits of the code, ``f_t = [at least theta_t of them agree with random
signs]``; a parity is one of a random half of all bits. Features must differ between the codes of one row of a ribbon,
which are neighbours in N(z): so they read the bits in which neighbours differ most, in groups of four, and their
thresholds lie where a feature is 1 for about half of the codes. Few groups are evaluated faster; codes of real data may
need all. See ``src_cython/fastmem/_kernels/ribbon.pyx`` for what is computed with them, and how.
"""

import numpy as np

from fastmem._kernels import ISA
from fastmem._kernels import ribbon as kernels
from fastmem.errors import FormatError
from fastmem.machine.once import cached_property

__all__ = ["CodeFeatures", "bits_of"]

N_FEATURES = 64
MOST_PARITIES = 16
_GROUP = 4
_MOST_BITS = 62
_LAGS = (1, 3, 7, 17, 37, 101, 211, 401)
_SAMPLE = 512
_READ = 0.85  # share of the chosen bits that a feature reads: features of all bits are linearly dependent on full cubes
_OTHERS = 2**32  # added to a seed: that of other features


class CodeFeatures:
    """64 features and up to 16 parities of codes.

    Parameters
    ----------
    n_bits : int
        Length k of the codes.
    shifts : int32 array of shape (g,)
        Lowest code bit of each group of four that features read.
    thresholds : uint8 array of shape (64,)
        theta_t, from 1 to 64.
    seed : int
        What draws the bits that a parity adds, and those that a feature reads with their signs.

    Attributes
    ----------
    parities : uint64 array of shape (16,)
        Code bits of each parity.
    places : int64 array of shape (g, 4)
        The code bits of each group; those of the last may lie beyond the code.
    reads, signs : uint64 array of shape (g, 4)
        Bit t of reads says that feature t reads the code bit, and of signs that it counts it where it is 0, not where
        it is 1.
    """

    isa = ISA  # tests set others

    def __init__(self, n_bits, shifts, thresholds, seed):
        self.n_bits = int(n_bits)
        self.shifts = shifts
        self.thresholds = thresholds
        self.seed = int(seed)
        random = np.random.PCG64(self.seed)  # gives the same words in every version of NumPy
        self.parities = random.random_raw(MOST_PARITIES) & np.uint64((1 << self.n_bits) - 1)
        self.places = shifts[:, None] + np.arange(_GROUP)
        self.reads = _pack(random.random_raw((*self.places.shape, N_FEATURES)) < np.uint64(_READ * 2.0**64))
        self.reads[self.places >= self.n_bits] = 0
        self.signs = random.random_raw(self.places.shape) & self.reads

    def __reduce__(self):
        return CodeFeatures, (self.n_bits, self.shifts, self.thresholds, self.seed)

    @classmethod
    def draw(cls, codes, n_bits, n_groups, seed):
        """Random parities and features that suit the codes.

        Parameters
        ----------
        codes : uint64 array of shape (n,), ascending
        n_bits : int
        n_groups : int
            How many groups of four bits features read, if there are so many.
        seed : int
        """
        n_all = max(-(-n_bits // _GROUP), 1)
        variation = np.zeros(n_all * _GROUP)
        variation[:n_bits] = _variation(codes, n_bits)
        places = np.argsort(-variation.reshape(n_all, _GROUP).sum(axis=1), kind="stable")[:n_groups]
        features = cls(n_bits, (_GROUP * np.sort(places)).astype(np.int32), np.ones(N_FEATURES, np.uint8), seed)
        features.thresholds = features._near_half(codes)[0]
        return features

    def others(self, thresholds):
        """Features of the same groups, drawn with another seed, with these thresholds."""
        return CodeFeatures(self.n_bits, self.shifts, thresholds, self.seed + _OTHERS)

    def draw_others(self, codes):
        """Features of the same groups that are not sums of these modulo two.

        Their thresholds are next to the best ones: features of few bits with thresholds at the half would all be
        self-dual functions, and those of seven bits are sums of 64 of them.
        """
        others = self.others(self.thresholds)
        others.thresholds = others._near_half(codes)[1]
        return others

    def _near_half(self, codes):
        """Thresholds that about half of the codes reach, and next to them those that come second."""
        if len(codes) == 0:
            return self.thresholds, self.thresholds
        bits = bits_of(codes[:: len(codes) // _SAMPLE + 1], 64)[:, self.places.ravel()]
        weights, zeros = self.units()
        agreements = bits.astype(np.float32) @ weights.T.astype(np.float32) + zeros  # exact: BLAS adds no integers
        low = np.floor(agreements.mean(axis=0)).astype(np.int64).clip(1, _MOST_BITS)
        distance = [np.abs((agreements >= theta).mean(axis=0) - 0.5) for theta in (low, low + 1)]
        best = np.where(distance[0] <= distance[1], low, low + 1)
        return best.astype(np.uint8), (2 * low + 1 - best).astype(np.uint8)

    def units(self):
        """Weights of the bits read, int64 array of shape (64, 4 g), and how many of them count zeros."""
        zeros = bits_of(self.signs.ravel(), N_FEATURES).T
        return bits_of(self.reads.ravel(), N_FEATURES).T - 2 * zeros, zeros.sum(axis=1)

    @cached_property
    def counts(self):
        """What the kernel adds up: see ribbon.pyx. uint64 array of shape (g, 16, 7)."""
        values = bits_of(np.arange(1 << _GROUP, dtype=np.uint64), _GROUP)
        differ = values[None, :, :, None] ^ bits_of(self.signs, N_FEATURES)[:, None]
        numbers = (differ & bits_of(self.reads, N_FEATURES)[:, None]).sum(axis=2)
        numbers[0] += N_FEATURES - self.thresholds.astype(np.int64)
        digits = (numbers[:, :, None] >> np.arange(7)[:, None] & 1).astype(np.uint64)
        return np.bitwise_or.reduce(digits << np.arange(N_FEATURES, dtype=np.uint64), axis=3)

    @cached_property
    def tables(self):
        """What kernels need."""
        by_digit = np.ascontiguousarray(self.counts.transpose(0, 2, 1))
        return kernels.FeatureTables(self.counts, by_digit, self.shifts)

    def words(self, codes):
        """Features of each code, as bits of a word: uint64 array of shape (n,)."""
        words = np.empty(len(codes), np.uint64)
        self.tables.words(self.isa, codes, words)
        return words

    def start_table(self, n_parities):
        """For each byte of a code and its value, the parities it flips: uint16 array of shape (bytes, 256)."""
        places = 8 * np.arange(max(-(-self.n_bits // 8), 1), dtype=np.uint64)
        values = np.arange(256, dtype=np.uint64) << places[:, None]
        odd = np.bitwise_count(values[..., None] & self.parities[:n_parities]) & 1
        return (odd.astype(np.uint16) << np.arange(n_parities, dtype=np.uint16)).sum(axis=2, dtype=np.uint16)

    def tensors(self):
        """Parameters by name."""
        return {
            "shifts": self.shifts.astype(np.uint8),
            "thresholds": self.thresholds,
            "seed": np.array([self.seed], np.int64),
        }

    @classmethod
    def from_tensors(cls, tensors, n_bits):
        """Features with the given parameters; `FormatError` if they are not what `tensors` gives."""
        shifts, thresholds, seed = tensors["shifts"], tensors["thresholds"], tensors["seed"]
        valid = (
            shifts.dtype == np.uint8
            and shifts.ndim == 1
            and 0 < len(shifts) <= _MOST_BITS // _GROUP + 1
            and bool(np.all((shifts % _GROUP == 0) & (shifts < max(n_bits, 1)) & (np.diff(shifts, prepend=0) >= 0)))
            and len(np.unique(shifts)) == len(shifts)
            and seed.dtype == np.int64
            and seed.shape == (1,)
            and seed[0] >= 0
        )
        if not valid:
            raise FormatError(f"parities and features do not fit codes of {n_bits} bits")
        return cls(n_bits, shifts.astype(np.int32), cls.checked_thresholds(thresholds), seed[0])

    @staticmethod
    def checked_thresholds(thresholds):
        """The thresholds; `FormatError` if they are none."""
        if not (
            thresholds.dtype == np.uint8
            and thresholds.shape == (N_FEATURES,)
            and bool(np.all((thresholds >= 1) & (thresholds <= N_FEATURES)))
        ):
            raise FormatError("the thresholds of features are not 64 numbers from 1 to 64")
        return thresholds


def bits_of(words, n):
    """The n lowest bits of each word, along a new last axis: int64 array."""
    return (words[..., None] >> np.arange(n, dtype=np.uint64) & np.uint64(1)).astype(np.int64)


def _pack(bits):
    """Words of 64 bits from the last axis."""
    return np.bitwise_or.reduce(bits.astype(np.uint64) << np.arange(64, dtype=np.uint64), axis=-1)


def _variation(codes, n_bits):
    """How often each bit differs between codes at most a row apart, at most one half: float64 array of shape (k,)."""
    variation = np.zeros(n_bits)
    for lag in _LAGS:
        places = np.arange(0, max(len(codes) - lag, 0), max(len(codes) - lag, 0) // _SAMPLE + 1)
        differences = codes[places + lag] ^ codes[places]
        if len(differences):
            shares = bits_of(differences, n_bits).mean(axis=0)
            variation = np.maximum(variation, shares)
    return np.minimum(variation, 0.5)
