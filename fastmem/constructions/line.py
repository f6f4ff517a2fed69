"""Points as integers on a line: what constructions read that look at one number of a point, z = u.x.

*Lemma* (the idea is in Park, Lee, Yun & Shin, COLT 2021, arXiv 2010.13363, lemma 13, and in Vardi, Yehudai & Shamir,
arXiv 2110.03187; constants are ours). Let n distinct points lie in the unit ball, delta apart, g ~ N(0, I), and u be
2^k g rounded, k = ceil(log2(6.4 sqrt(d) n^2)). With probability 1/2 all |u.(x - x')| >= (7/8) 0.6267 2^k delta / n^2,
and all |u.x| <= 1.01 2^k sqrt(2 ln 4n). *Proof.* P(|g.v| <= t |v|) <= 0.798 t; t = 0.6267/n^2 and n^2/2 pairs give 1/4.
P(|g.x| >= a) <= exp(-a^2/2); a = sqrt(2 ln 4n) and n points give 1/4. Rounding moves u.v by (sqrt(d)/2) |v| at most, an
eighth of the gap. So the range is 3.69 n^2 sqrt(2 ln 4n) / delta gaps wide at most.

Of some directions that with the widest gap is taken, told by float64; z itself is exact. Columns of other scales are
brought to one by powers of two.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.errors import MemorizationError
from fastmem.hyperplanes.frame import column_frame
from fastmem.layers.integers import scaled_to_integers

__all__ = ["Line"]

_DIRECTIONS = 16
_MOST_DRAWS = 8
_FARTHEST = 1e6  # of a coordinate in the frame, when directions are compared
_NUMBERS = 2**16  # Python integers at a time


class Line(NamedTuple):
    """Points on a line.

    Attributes
    ----------
    weights : list of int
        Of the unit z = weights.x - base.
    base : int
    z : list of int
        Of each point, all different, the least 0.
    """

    weights: list[int]
    base: int
    z: list[int]

    @classmethod
    def through(cls, X, random_state):
        """A line on which no two of the points are one.

        Parameters
        ----------
        X : float64 array of shape (n, d)
            Distinct points.
        random_state : numpy.random.Generator
        """
        n, d = X.shape
        centre, exponents = column_frame(X)
        scales = exponents.max(initial=0) - exponents.astype(int)
        with np.errstate(over="ignore"):
            scaled = np.ldexp(X - centre, -exponents.astype(int)).clip(-_FARTHEST, _FARTHEST)
        bits = math.ceil(math.log2(6.4 * math.sqrt(d) * n * n))
        for _ in range(_MOST_DRAWS):
            directions = np.rint(np.ldexp(random_state.standard_normal((_DIRECTIONS, d)), bits))
            u = directions[_widest(scaled @ directions.T)]
            weights = [int(part) << scale for part, scale in zip(u.tolist(), scales.tolist(), strict=True)]
            z, shift = _products(X, np.array(weights, object))
            if len(set(z)) == n:
                base = min(z)
                return cls([weight << shift for weight in weights], base, [number - base for number in z])
        raise MemorizationError(f"{_MOST_DRAWS} directions brought distinct points together: please report it")


def _products(X, weights):
    """X @ weights times the least power of two 2^shift that makes them integers, and the shift: lists of int, int."""
    size, parts = max(_NUMBERS // X.shape[1], 1), []
    for start in range(0, len(X), size):
        integers, power = scaled_to_integers(X[start : start + size])
        parts.append(((integers @ weights).tolist(), power))
    shift = max(power for _, power in parts)
    return [z << shift - power for part, power in parts for z in part], shift


def _widest(values):
    """The column with the widest of its smallest gaps, beside its range."""
    ordered = np.sort(values, axis=0)
    gaps = np.diff(ordered, axis=0).min(axis=0, initial=np.inf)
    return int(np.argmax(gaps / np.maximum(ordered[-1] - ordered[0], 1e-300)))
