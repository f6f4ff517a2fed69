"""What no network can do with less: hyperplanes, neurons, bits and widths, each with its proof or its source."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

from fastmem.theory.sources import EGOSI, HAR_PELED, KIM, SCHLAEFLI, SIEGEL

__all__ = ["LowerBound", "hyperplanes_for_cells", "lower_bounds"]

_EVERY = "every n distinct points, all told apart"
_EVERY_LABELLED = "every n distinct points, all labellings"
_SOME = "some n points however near, two labels"
_RARELY = 20
"""Rows on random labels or points hold but for a share or probability of 2^-20."""

_MOST_TERMS = 1000  # of a sum of binomials
_ROUNDING = 1e-12  # of logarithms, relative


@dataclass(frozen=True)
class LowerBound:
    """Something of which no network has less.

    Attributes
    ----------
    name : str
    quantity : str
        What is bounded: "hyperplanes" (units of the first layer), "bits of weights", ...
    value : int or float
        In these units. Hyperplanes are rounded up.
    statement : str
        The bound and why it holds.
    holds_for : str
        For which data sets: every one, or some that exist.
    is_scale : bool
        The value is an order of magnitude, constants and logarithms left out.
    source : str
    """

    name: str
    quantity: str
    value: int | float
    statement: str
    holds_for: str
    is_scale: bool
    source: str


def lower_bounds(n: int, d: int, delta: float, n_classes: int) -> tuple[LowerBound, ...]:
    """All rows that apply; most are about two labels or more and two points or more."""
    rows = [_cells_row(n, d), _sign_patterns(n), _counting_weights(n, n_classes), _two_layers(n, n_classes)]
    if n >= 2 and n_classes >= 2:
        rows += [_circle(n, delta)] if d >= 2 else []
        rows += [_moment_curve(n, d)]
        rows += [_random_scale(n, d)] if d >= 2 else []
        rows += [_close_pairs(n, d), _random_labels(n, d, n_classes), _random_points(n, d)]
        rows += [_line(n), _near_points(n), _robust_width(n), _robust_first_layer(n, d)]
    return tuple(rows)


def _cells_row(n, d):
    return LowerBound(
        "cells",
        "hyperplanes",
        hyperplanes_for_cells(n, d),
        "m hyperplanes cut R^d into at most sum C(m, i), i <= d, cells, and every point needs a cell of its own",
        _EVERY,
        False,
        SCHLAEFLI,
    )


def _sign_patterns(n):
    return LowerBound(
        "sign patterns",
        "hyperplanes",
        (n - 1).bit_length(),
        "log2 n, since m hyperplanes have at most 2^m sign patterns, in whatever dimension",
        _EVERY,
        False,
        "counting",
    )


def _counting_weights(n, n_classes):
    return LowerBound(
        "labellings",
        "bits of parameters",
        n * math.log2(n_classes),
        "n log2(classes), since there are classes^n labellings, and each takes a network with other parameters",
        _EVERY_LABELLED,
        False,
        "counting",
    )


def _two_layers(n, n_classes):
    return LowerBound(
        "two layers",
        "neurons",
        math.ceil(2 * math.sqrt(n * math.log2(n_classes))),
        "2 sqrt(n log2(classes)), if all that depends on the labels is one-bit weights between two layers: a and b "
        "neurons have a b of these, one for each of the n log2(classes) bits, and a + b >= 2 sqrt(a b)",
        _EVERY_LABELLED,
        False,
        "counting",
    )


def _circle(n, delta):
    """Points of a circle with alternating labels: `fastmem.theory.instances.circle`.

    N equally spaced points of the unit circle have neighbours at the distance 2 sin(pi/N), at least delta up to
    N = pi / arcsin(delta/2). An even number of them takes two labels.
    """
    # delta itself was rounded; the least positive number stands for a zero of asin.
    around = math.pi / max(math.asin(delta / 2), 2.0**-1074) * (1 + 2**-50)
    k = min(n, int(around)) if around < math.inf else n
    k -= k % 2
    return LowerBound(
        "circle",
        "hyperplanes",
        k // 2,
        f"half of k = min(n, pi/arcsin(delta/2)), made even, here {k:,}, since all k gaps between neighbours must be "
        "cut and a line cuts two: about pi/delta for large n, so 1/delta in Rajput et al. (2021) cannot be improved",
        "some k <= n points delta apart, two labels",
        False,
        "proof in fastmem.theory.instances.circle",
    )


def _moment_curve(n, d):
    is_closed = n % 2 == 0 and d % 2 == 0
    gaps, count = ("n", "n") if is_closed else ("n - 1", "(n - 1)")
    return LowerBound(
        "moment curve",
        "hyperplanes",
        -(-(n if is_closed else n - 1) // d),
        f"{count}/d, since {gaps} gaps between neighbours on the curve must be cut, with labels that alternate, and a "
        "hyperplane meets the curve at most d times",
        _SOME,
        False,
        "proof in fastmem.theory.instances.moment_curve",
    )


def _random_scale(n, d):
    """Uniform points of a cube, all told apart: n^(2/(d + 1)) hyperplanes for fixed d.

    *Needed*, up to the (d + 1)-th root of log n: `_random_points`.

    *Enough, on average.* Let m hyperplanes be drawn that part two points at the distance r with probability c r at
    least, as those of uniform direction and place do. They part all but exp(-c m r) of the pairs at distance r, of
    which there are n^2/2 V d r^(d - 1) dr at most, V the volume of the unit ball: n^2 V d! / (2 (c m)^d) are left on
    average. Each takes one hyperplane more at most. The sum of both is least for m about n^(2/(d + 1)), and of that
    order, without a logarithm.
    """
    return LowerBound(
        "random square" if d == 2 else "random cube",
        "hyperplanes",
        n ** (2 / (d + 1)),
        "about n^(2/(d + 1)) are needed for random points of the unit cube, up to the (d + 1)-th root of log n, and "
        "enough on average; for fixed d, with factors that depend on d",
        "n random points of a cube, all told apart",
        True,
        HAR_PELED if d == 2 else f"proof in fastmem.theory.lower_bounds; for lines {HAR_PELED}",
    )


def _close_pairs(n, d):
    return LowerBound(
        "close pairs",
        "hyperplanes",
        -(-(n // 2) // d),
        "n/(2d), since n/2 close pairs with different labels must be parted and a hyperplane passes between at most d "
        "pairs in general position",
        _SOME,
        False,
        "proof in fastmem.theory.instances.tight_pairs",
    )


def _random_labels(n, d, n_classes):
    """Most labellings of any points: the smallest m with m log2 D + sum C(m, i) log2 C >= n log2 C - 20.

    A hyperplane parts n points in D = 2 sum_{i <= d} C(n - 1, i) ways at most, so m units of the first layer give them
    one of D^m lists of sign patterns. What follows sees the patterns alone, of which there are c = sum_{i <= d} C(m, i)
    at most, and gives each a label: in C^c ways. So D^m C^c labellings at most are to be had, and if that is less than
    C^n 2^-20, all but a share of 2^-20 of the C^n labellings are not.
    """
    label_bits, way_bits = math.log2(n_classes), _log2_ways_to_part(n, d)

    def realizes(m):
        return m * way_bits + _cells(m, d) * label_bits >= n * label_bits * (1 - _ROUNDING) - _RARELY

    return LowerBound(
        "random labels",
        "hyperplanes",
        _least(realizes),
        "the least m with m log2 D + sum C(m, i) log2(classes) >= n log2(classes) - 20, i <= d: a hyperplane parts n "
        "points in D = 2 sum C(n - 1, i) ways, m of them give D^m lists of sign patterns at most, and each of at most "
        "sum C(m, i) patterns has one label, whatever layers follow",
        "every n points, all but 2^-20 of labellings",
        False,
        "proof in fastmem.theory.lower_bounds",
    )


def _log2_ways_to_part(n, d):
    """log2 of 2 sum_{i <= d} C(n - 1, i), the ways to part n points by a hyperplane, or of a number above that."""
    if d >= n - 1:
        return n
    if d <= _MOST_TERMS:
        return 1 + math.log2(_cells(n - 1, d))
    return min(n, 1 + d * math.log2(math.e * (n - 1) / d))


def _random_points(n, d):
    """Independent points of any law with a density, all told apart, with probability 1 - 2^-20.

    Hyperplanes that tell all points apart can be moved until each passes through d of them, none changing its side but
    those that it then passes through. The other n' >= n - d m points still lie in cells of their own. There are
    C(n, d)^m / m! choices of such hyperplanes at most. Given one, the n' points are independent of it, and all lie in
    different ones of F = sum_{i <= d} C(m, i) cells with probability (1 - 1/F)(1 - 2/F)...(1 - (n' - 1)/F) at most, as
    if cells were equally likely, so exp(-n' (n' - 1) / (2 F)) at most. The sum over all choices is below 2^-20 unless
    n' (n' - 1) / (2 F) < m ln C(n, d) - ln m! + 20 ln 2. For fixed d, F is about m^d/d!: m^(d + 1) is of the order
    n^2 / log n or more.
    """
    choices = min(d * math.log(n) - math.lgamma(d + 1), n * math.log(2))  # ln C(n, d) at most

    def may_part(m):
        others = n - d * m
        if others < 2:
            return True
        exponent = others * (others - 1) / (2 * _cells(m, d))
        return exponent < m * choices - math.lgamma(m + 1) + _RARELY * math.log(2)

    return LowerBound(
        "random points",
        "hyperplanes",
        max(_least(may_part), hyperplanes_for_cells(n, d)),
        "the least m with n'(n' - 1) / (2 sum C(m, i)) < m ln C(n, d) - ln m! + 14, i <= d, n' = n - d m: there are "
        "C(n, d)^m / m! choices of hyperplanes through d points each, and n' random points lie in cells of their own "
        "with probability exp(-n'(n' - 1) / (2 sum C(m, i))) at most",
        "all but 2^-20 of draws of n points, all told apart",
        False,
        "proof in fastmem.theory.lower_bounds",
    )


def _line(n):
    """Points of a line with alternating labels.

    On a line the first of two hidden ReLU layers is affine on a + 1 pieces. A unit of the second layer bends once more
    inside each at most, so the output is affine on (a + 1)(b + 1) pieces. Labels that alternate n - 1 times take a
    crossing of 1/2 each, and a piece has one: (a + 1)(b + 1) >= n - 1, and a + b + 2 >= 2 sqrt((a + 1)(b + 1)).
    """
    return LowerBound(
        "line",
        "neurons",
        math.isqrt(4 * (n - 1) - 1) - 1,
        "2 sqrt(n - 1) - 2, since two hidden ReLU layers of a and b neurons are affine on (a + 1)(b + 1) pieces of a "
        "line, and labels that alternate on it take n - 1",
        "some n points, two labels, two ReLU layers",
        False,
        "proof in fastmem.theory.lower_bounds",
    )


def _near_points(n):
    return LowerBound(
        "near points",
        "parameters",
        float(n),
        "of the order of n parameters, for points whose distance is exponentially small in n: sqrt n do only for "
        "points farther apart",
        "some n points e^(-c n) apart, ReLU",
        True,
        SIEGEL,
    )


def _robust_width(n):
    return LowerBound(
        "robust width",
        "neurons in a layer",
        math.log(n),
        "width of the order of log n, which is also enough, for robustness within a radius that does not depend on n",
        "some n points, robust, ReLU",
        True,
        EGOSI,
    )


def _robust_first_layer(n, d):
    return LowerBound(
        "robust first layer",
        "neurons in layer 1",
        float(min(n, d)),
        "about rho^2 min(n, d) for a robustness ratio rho, here as rho nears 1",
        "some n points, robust at ratio near 1, ReLU",
        True,
        KIM,
    )


def hyperplanes_for_cells(n: int, d: int) -> int:
    """Fewest hyperplanes in R^d that can give n points n different sign patterns.

    m hyperplanes cut R^d into at most ``sum_{i <= d} C(m, i)`` cells (Schläfli, "Theorie der vielfachen
    Kontinuität", 1852), so this is the smallest m for which that sum reaches n. It is at least log2 n, and
    ceil(log2 n) for n <= 2^d. For d = 1 it is n - 1.

    Parameters
    ----------
    n : int
        At least 1.
    d : int
        At least 1.

    Returns
    -------
    int

    Examples
    --------
    >>> hyperplanes_for_cells(1000, 64)
    10
    >>> hyperplanes_for_cells(1000, 2)
    45
    """
    return _least(lambda m: _cells(m, d) >= n)


def _least(enough):
    """Smallest m >= 0 that is enough, as all larger ones are."""
    most = 0
    while not enough(most):
        most = 2 * most + 1
    return bisect.bisect_left(range(most), True, key=enough)


def _cells(m, d):
    total, term = 0, 1
    for i in range(min(m, d) + 1):
        total += term
        term = term * (m - i) // (i + 1)
    return total
