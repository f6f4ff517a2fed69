"""What the float32 step of exact signs reads: w', t' and its bounds, in panels of hyperplanes.

The names and the proofs are those of the essay in ``src_cython/fastmem/_kernels/signs.pyx``.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem._kernels import signs as kernels

__all__ = ["SignSteps", "sign_steps", "split_exactly"]

_FAR = 2.0**120
_NARROW_EXPONENT = 100


class SignSteps(NamedTuple):
    """What decides the signs of m hyperplanes.

    Attributes
    ----------
    tables : SignTables
        Of signs.pyx.
    firsts : int32 array of shape (panels + 1,)
        First hyperplane of each panel, and m.
    slack : float32 array of shape (m,)
    powers : int32 array of shape (m,)
        k_j.
    """

    tables: kernels.SignTables
    firsts: np.ndarray
    slack: np.ndarray
    powers: np.ndarray


def sign_steps(weights, thresholds, centre, exponents):
    """Prepare the steps for hyperplanes as `Hyperplanes` holds them; in the default floating-point environment."""
    m, d = weights.shape
    wide, exponents = weights.astype(np.float64), exponents.astype(np.int32)
    k = _powers_above_norms(wide, exponents).astype(np.int32)
    unit = 2.0**-24
    additions = min(d, kernels.CHUNK) + 1 + -(-d // kernels.CHUNK) + 4
    growth = additions * unit / (1 - additions * unit) * (1 + 2.0**-12 + additions * unit)
    with np.errstate(over="ignore"):
        cuts = np.ldexp(_centred_thresholds(wide, thresholds, centre), -k)
        # The last term: a product of _centred_thresholds that underflows errs by 2^-1075.
        absolute = 2.0**-148 + np.ldexp(d + 1.0, -1073 - k)
        slack = (np.abs(cuts) * (growth + 2 * unit) + absolute) * (1 + 2.0**-12)
        slack = slack.astype(np.float32)
    # Of a hyperplane too far away for float32 no sign is decided there.
    far = ~((slack < _FAR) & (np.abs(cuts) < _FAR))
    cuts[far], slack[far] = 0.0, _FAR
    cuts = cuts.astype(np.float32)
    underflow = (d + 8) * 2.0**-148 * (1 + 2.0**-12) + growth * math.sqrt(d) * 2.0**-74
    firsts = _panel_firsts(m)
    tables = kernels.SignTables(
        _panels(np.ldexp(wide, exponents - k[:, None]), firsts), firsts, cuts, slack, weights, thresholds,
        *_frames(centre, exponents), -k, growth, underflow,
        slack.max() if m and slack.max() <= 2 * growth else -1.0,
    )  # fmt: skip
    return SignSteps(tables, firsts, slack, -k)


def _frames(centre, exponents):
    """Centre and scale of the columns as kernels take them, filled up to whole units of columns."""
    d = len(centre)
    shrink = _filled(np.ldexp(1.0, -exponents), 1.0)
    with np.errstate(all="ignore"):
        offset = np.ldexp(centre, -exponents)
        narrow_offset, narrow_shrink = _filled(offset, 0.0).astype(np.float32), shrink.astype(np.float32)
        narrow = (
            np.array_equal(narrow_offset[:d], offset)
            and np.array_equal(narrow_shrink, shrink)
            and bool(np.all(np.abs(exponents) <= _NARROW_EXPONENT))
            and bool(np.all(np.abs(offset) < _FAR))
            and np.array_equal(np.ldexp(offset, exponents), centre)
        )
    return _filled(centre, 0.0), shrink, narrow_offset, narrow_shrink, narrow


def _filled(numbers, value):
    filled = np.full(-(-len(numbers) // kernels.UNIT) * kernels.UNIT, value)
    filled[: len(numbers)] = numbers
    return filled


def _centred_thresholds(weights, thresholds, centre):
    """t_j - w_j.c, correctly rounded but for underflow; infinite where it overflows."""
    with np.errstate(over="ignore"):
        terms = np.column_stack([thresholds, *(-weights * part for part in split_exactly(centre))])
    return np.array([_exact_sum(row) for row in terms.tolist()], np.float64)


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
