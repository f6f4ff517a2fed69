"""Memory capacity on a sphere, after Vershynin (2020, arXiv 2001.06938), in numbers.

Rows that fire rarely (*enrichment*) make the images of points of a sphere nearly orthogonal. A *perceptron* for each
batch of points then counts the rows that fire for some point of its batch, and an OR joins the perceptrons. Idea and
names are Vershynin's; construction and constants are other than his, with the proof in `plan`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastmem.theory.size import Size

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BIASES", "FAILURE", "Drawn", "Plan", "batches_to", "bound", "co_firing", "fewest", "plan"]

FAILURE = 0.01
"""The probability that one draw of the rows fails, for all label bits together."""

BIASES = np.arange(141) / 20
"""Those that `plan` tries: 0, 0.05, ..., 7."""

_SPARE = 1e-9  # share of 1 - q, so that rounding keeps q on the safe side
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_KNOTS = 2049


class Plan(NamedTuple):
    """What to draw, and how to join it.

    Attributes
    ----------
    bias : float
        b: a row w fires where w.x >= b, for x on the unit sphere and Gaussian w.
    batch : int
        beta: points of a perceptron.
    rows : int
        m, the units of the first layer.
    units : int
        n2, the perceptrons of one label bit.
    threshold : int
        How many rows must fire for a perceptron to.
    """

    bias: float
    batch: int
    rows: int
    units: int
    threshold: int


def plan(n: int, delta: float, n_label_bits: int = 1) -> Plan:
    """The plan with the fewest neurons that the theorem allows.

    *Theorem.* Let n points lie on the unit sphere, those with different labels at least delta apart. A row fires at a
    point with probability p = P(g >= b), at two of correlation rho with probability p q(rho), see `co_firing`. For a
    batch of beta points let Q = beta q(1 - delta^2/2) < 1, tau = (1 - Q) / ln(1/Q), and E = 1 - tau + tau ln tau. With
    ``m = ceil(ln(n (K n2 + 1) / FAILURE) / (p E))`` rows and the threshold ceil(tau m p), one draw gives all labels
    with probability 1 - FAILURE or more.

    *Proof.* Rows are independent. All rows that fire at a point of the batch count, so it scores Bin(m, p): below
    tau m p with probability exp(-m p (1 - tau + tau ln tau)) at most. At a point whose bit is 0 a row counts that fires
    there and at some point of the batch, with probability p Q at most: the score reaches tau m p with probability
    exp(-m p (tau ln(tau/Q) - tau + Q)) at most. tau is where both exponents are E. There are n (K n2 + 1) such events
    at most. Points whose bit is 1 may fire in other batches: the perceptrons are joined by OR. QED.

    Biases 0, 0.05, ..., 7 and batches 1, 2, ..., 10 % apart, are tried, for floor(n/2) points with the rarer value of
    a bit. Neurons then grow like n^(1/(1 + c)), c = delta^2 / (4 - delta^2): like sqrt n at right angles.

    Parameters
    ----------
    n : int
    delta : float
        Smallest distance of two points of the unit sphere with different labels, in (0, 2].
    n_label_bits : int

    Returns
    -------
    Plan

    Raises
    ------
    OverflowError
        delta is so small that float64 cannot hold the number of rows, about 1/delta^2.

    Examples
    --------
    >>> plan(100_000, 2**0.5)
    Plan(bias=1.85, batch=8, rows=6288, units=6250, threshold=111)
    """
    rarer = n // 2
    if not rarer:
        return Plan(0.0, 1, 0, 0, 1)
    batches = batches_to(rarer)
    units = -(-rarer // batches)
    apart = (1 - _SPARE) * _parted(BIASES, math.asin(min(delta / 2, 1)))[:, None]
    best, i, j = fewest(n, n_label_bits * units.astype(float), BIASES, 1 - batches + batches * apart)
    return Plan(float(BIASES[i]), int(batches[j]), best.rows, int(units[j]), best.threshold)


class Drawn(NamedTuple):
    """How many rows the theorem draws, and the threshold of its perceptrons."""

    rows: int
    threshold: int


def fewest(n, units, biases, missing, share=1.0):
    """The bias and the batches with which rows and perceptrons together are fewest, by the theorem of `plan`.

    Parameters
    ----------
    n : int
        Points.
    units : float array of shape (k,)
        Perceptrons in all, for each of k sizes of batches.
    biases : float array of shape (b,)
    missing : float array of shape (b, k)
        1 - Q for each bias and size of batches; the theorem has no number of rows where that is not positive.
    share : float
        How many of the rows are counted, where fewer do.

    Returns
    -------
    drawn : Drawn
    i, j : int
        Which bias and which size.
    """
    p = _tail(biases)[:, None]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        tau, exponent = _threshold_and_exponent(missing)
        rows = np.ceil(np.log(n * (units + 1) / FAILURE) / (p * exponent))
    i, j = np.unravel_index(np.argmin(share * rows + units), rows.shape)
    return Drawn(int(rows[i, j]), math.ceil(float(tau[i, j] * rows[i, j] * p[i, 0]))), int(i), int(j)


def bound(n: int, d: int, delta: float, n_label_bits: int = 1) -> Size:
    """Neurons and weights that suffice for n distinct points of the unit sphere of R^d.

    - units: the m rows of `plan`, n2 perceptrons and an OR for each of the K bits of the labels;
    - weights: m d; of each perceptron m at most, and one to the OR.

    Parameters
    ----------
    n, d : int
    delta : float
        Smallest distance of two points with different labels, scaled onto the unit sphere.
    n_label_bits : int

    Returns
    -------
    Size

    Examples
    --------
    >>> bound(10_000, 1024, 2**0.5)
    Size(neurons=3680, weights=5415959)
    """
    _, _, rows, units, _ = plan(n, delta, n_label_bits)
    return Size(rows + n_label_bits * (units + 1), rows * d + n_label_bits * units * (rows + 1))


def co_firing(b: float, rho: ArrayLike) -> NDArray[np.float64]:
    """q(rho) = P(g >= b, h >= b) / P(g >= b), for standard normal g and h of correlation rho.

    How likely a row that fires at a point fires at another one, too. With rho = cos(2 a) and p = P(g >= b),

        1 - q = exp(-b^2/2) / (pi p) * integral from 0 to a of exp(-b^2 tan(t)^2 / 2) dt

    (Owen, Annals of Mathematical Statistics 27, 1956). Values are those of a cubic spline through this integral.

    Parameters
    ----------
    b : float
        0 to 7.
    rho : array_like
        Correlations, brought into [-1, 1] where rounding left it.

    Returns
    -------
    float64 ndarray of the shape of rho
        Wrong by 1e-9 at most.

    Examples
    --------
    >>> co_firing(0, [1, 0.5, 0, -0.5]).round(9).tolist()
    [1.0, 0.666666667, 0.5, 0.333333333]
    """
    return np.maximum(_spline(float(b))(np.arccos(np.clip(rho, -1, 1)) / 2), 0)


@functools.lru_cache(maxsize=8)
def _spline(b):
    from scipy.interpolate import CubicHermiteSpline

    angles = np.linspace(0, np.pi / 2, _KNOTS)
    slopes = -_scale(b) * np.exp(-((b * np.tan(angles)) ** 2) / 2)
    return CubicHermiteSpline(angles, 1 - _parted(b, angles), slopes)


def _parted(b, angle):
    """1 - q for rho = cos(2 angle), by Gauss and Legendre's quadrature; b and angle broadcast."""
    b, half = np.asarray(b)[..., None], np.asarray(angle)[..., None] / 2
    values = np.exp(-((b * np.tan(half * (_NODES + 1))) ** 2) / 2)
    return np.minimum(_scale(b[..., 0]) * half[..., 0] * (values * _WEIGHTS).sum(axis=-1), 1)


def _scale(b):
    """exp(-b^2/2) / (pi p), where numerator and denominator are small."""
    return 2 / (np.pi * _scaled_tail(b))


def _tail(b):
    return _scaled_tail(b) * np.exp(-(b**2) / 2) / 2


def _scaled_tail(b):
    """2 p exp(b^2/2)."""
    from scipy.special import erfcx

    return erfcx(b / math.sqrt(2))


def batches_to(most):
    """Sizes of batches that `plan` tries: 1, 2, ... and from 20 on 10 % apart, to most at most."""
    sizes = [1]
    while (following := max(sizes[-1] + 1, sizes[-1] * 11 // 10)) <= most:
        sizes.append(following)
    return np.array(sizes)


def _threshold_and_exponent(missing):
    """Tau and E for Q = 1 - missing; E = 0 where Q is 1 or more.

    E = missing^2/8 + missing^3/16 + ..., whose first term stands for it where the formula would cancel.
    """
    inside = np.clip(missing, 1e-5, 1 - 1e-15)
    tau = -inside / np.log1p(-inside)
    exponent = np.where(missing < 1e-5, np.maximum(missing, 0) ** 2 / 8, 1 - tau + tau * np.log(tau))
    return np.where(missing < 1e-5, 1, tau), exponent
