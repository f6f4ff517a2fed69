"""How many unseen inputs share a cell with a memorized point: estimated without bias, far below one of those tried.

An input passes if it lies with a memorized point, its mate, on the same side of every hyperplane. Most do so for the
few that separate. Of the pool from which further ones are taken, all drawn from one law, input and mate agree on a out
of P: then all e of a random choice agree with probability C(a, e) / C(P, e), and the mean of that over inputs is the
rate of e further hyperplanes, whichever of the pool they are (for cuts along columns, the chance over their random
shift). So rates of 2^-20 are read from some thousands of inputs, as long as several of these carry them.
"""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["CutAgreement", "Estimate", "Mates", "PoolAgreement", "estimated", "mates_of"]

_MOST_PAIRS = 2**23
_FEWEST_INPUTS = 64
_TOGETHER = 2**18
_SIDE = 1.96  # standard errors
_NONE, _FALL = 3.0, 0.75  # of n inputs without mates: the rule of three, and how slowly a rate falls at least


class Estimate(NamedTuple):
    """A rate: its mean, the end of its 95 % interval, and how many inputs carry it: (sum p)^2 / sum p^2."""

    rate: float
    at_most: float
    carried_by: float


class Mates(NamedTuple):
    """Pairs of inputs and memorized points in one cell.

    Attributes
    ----------
    inputs, rows : int64 arrays of shape (p,)
        Positions of both.
    n : float
        Number of inputs that these pairs stand for, those without mates included.
    """

    inputs: np.ndarray
    rows: np.ndarray
    n: float


def mates_of(codes, ordered, random_state):
    """`Mates` of inputs with these codes among `SortedCodes`; of some inputs only, where pairs are very many."""
    first = np.searchsorted(ordered.codes, codes)
    counts = np.searchsorted(ordered.codes, codes, side="right") - first
    inputs, n = np.flatnonzero(counts), float(len(codes))
    total = int(counts.sum())
    if total > _MOST_PAIRS:
        most = max(int(len(inputs) * _MOST_PAIRS / total), min(_FEWEST_INPUTS, len(inputs)))
        n *= most / len(inputs)
        inputs = np.sort(random_state.permutation(inputs)[:most])
    counts = counts[inputs]
    ends = np.cumsum(counts)
    place = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return Mates(np.repeat(inputs, counts), ordered.rows[np.repeat(first[inputs], counts) + place].astype(np.int64), n)


class _Agreement:
    """Pairs of which some share passes; of several mates at most all."""

    def __init__(self, owners, n, times=1.0):
        self.n, self._times = n, times
        self._owner = np.unique(owners, return_inverse=True)[1].reshape(-1)

    def estimate(self, e):
        """`Estimate` of the rate with e further hyperplanes."""
        shares = np.minimum(np.bincount(self._owner, self._shares(e)), 1.0)
        return estimated(shares, self.n, e, self._times)


class PoolAgreement(_Agreement):
    """Inputs beside their mates, of which a pool of random hyperplanes tells some apart.

    Parameters
    ----------
    mates : Mates
    signs, signs_of_rows : uint64 arrays of shape (inputs, words), (points, words)
        Of the whole pool.
    numbers : int64 array
        Positions of the mates' rows among `signs_of_rows`.
    size : int
        P.
    """

    def __init__(self, mates, signs, signs_of_rows, numbers, size):
        super().__init__(mates.inputs, mates.n)
        self.size = size
        self._agree = np.empty(len(mates.inputs), np.int64)
        for start in range(0, len(numbers), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            differing = np.bitwise_count(signs[mates.inputs[part]] ^ signs_of_rows[numbers[part]])
            self._agree[part] = size - differing.sum(axis=1, dtype=np.int64)

    def _shares(self, e):
        logs = np.append(0.0, np.cumsum(np.log(np.arange(1, self.size + 1))))
        agree = np.arange(self.size + 1)
        some = agree >= e
        table = np.zeros(self.size + 1)
        table[some] = np.exp(logs[agree[some]] - logs[agree[some] - e] - logs[self.size] + logs[self.size - e])
        return table[self._agree]


class CutAgreement(_Agreement):
    """Inputs beside their mates, between which cuts along the columns may fall.

    Parameters
    ----------
    mates : Mates
    apart : float64 array of shape (p, d)
        How far each pair lies apart in each column, as a share of the places of cuts.
    times : float
        How often a pair is among these on average: twice, where each of both was an input beside the other.
    """

    def __init__(self, mates, apart, times=1.0):
        super().__init__(mates.inputs, mates.n, times)
        self._apart = apart

    def _shares(self, e):
        counts = cuts_of_columns(e, self._apart.shape[1])
        return np.prod(np.maximum(1 - counts * self._apart, 0.0), axis=1)


def cuts_of_columns(e, d):
    """How many of e cuts each of d columns gets: int64 array of shape (d,)."""
    return e // d + (np.arange(d) < e % d)


def estimated(shares, n, e=0, times=1.0):
    """`Estimate` of shares of some of n inputs, each there so many times; of the others they are 0."""
    if not len(shares):
        return Estimate(0.0, min(_NONE / n, 1.0) * _FALL**e if n else 1.0, 0.0)
    total, squares = float(shares.sum()), float((shares**2).sum())
    mean = min(total / n, 1.0)
    error = math.sqrt(max(squares / n - mean * mean, 0.0) * times / n)
    return Estimate(mean, min(mean + _SIDE * error, 1.0), total * total / squares / times if squares else 0.0)
