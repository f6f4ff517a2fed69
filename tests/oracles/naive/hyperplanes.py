"""Signs, codes and distances of hyperplanes by their definitions, in rational arithmetic."""

import math
from fractions import Fraction

import numpy as np


def over_common_denominator(A):
    """Integers P (object array) and an integer q with ``A == P / q`` exactly."""
    A = np.asarray(A)
    ratios = [number.as_integer_ratio() for number in A.ravel().tolist()]
    q = max((below for _, below in ratios), default=1)
    P = np.empty(len(ratios), object)
    P[:] = [above * (q // below) for above, below in ratios]
    return P.reshape(A.shape), q


def inner_product(w, x):
    """The real number w.x as a Fraction."""
    P, p = over_common_denominator(w)
    Q, q = over_common_denominator(x)
    return Fraction(sum(a * b for a, b in zip(P.tolist(), Q.tolist(), strict=True)), p * q)


def excesses(X, weights, thresholds):
    """The real numbers w_j.x_i - t_j: integers (object array of shape (n, m)) over a positive one."""
    P, p = over_common_denominator(X)
    Q, q = over_common_denominator(weights)
    T, t = over_common_denominator(thresholds)
    return ((P @ Q.T) * t - T * (p * q)).reshape(len(P), len(Q)), p * q * t


def signs(X, weights, thresholds):
    """z_ij = [w_j.x_i >= t_j] over the real numbers: bool array of shape (n, m)."""
    return (excesses(X, weights, thresholds)[0] >= 0).astype(bool)


def xor_codes(signs, columns):
    """XOR of columns[j] over the signs j that are 1, for each row: uint64 array of shape (n,)."""
    codes = []
    for row in np.asarray(signs, bool).tolist():
        code = 0
        for sign, column in zip(row, np.asarray(columns).tolist(), strict=True):
            code ^= column if sign else 0
        codes.append(code)
    return np.array(codes, np.uint64)


def squared_distance_to_hyperplanes(x, weights, thresholds):
    """min_j (w_j.x - t_j)^2 / ||w_j||^2 as a Fraction over the w_j that are not 0, None if all are."""
    return min(
        (
            (inner_product(w, x) - Fraction(t)) ** 2 / inner_product(w, w)
            for w, t in zip(weights, np.asarray(thresholds).tolist(), strict=True)
            if np.any(w != 0)
        ),
        default=None,
    )


def distances(X, weights, thresholds):
    """|w_j.x_i - t_j| / ||w_j||, each operation rounded to float64, sums in the order of the columns.

    Lengths are square roots of exact sums; where one is 0 the distance is infinite.
    """
    rows = []
    for x in np.asarray(X, np.float64).tolist():
        row = []
        for w, threshold in zip(np.asarray(weights, np.float64).tolist(), np.asarray(thresholds).tolist(), strict=True):
            total, length = 0.0, math.sqrt(math.fsum(a * a for a in w))
            for a, b in zip(x, w, strict=True):
                total += a * b
            row.append(abs(total - threshold) / length if length else math.inf)
        rows.append(row)
    return np.array(rows).reshape(len(rows), len(weights))
