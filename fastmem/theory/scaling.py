"""How a measured size grows: a power law and how well the measurements determine its exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastmem.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PowerLaw", "power_law"]

_CONFIDENCE = 0.95


class PowerLaw(NamedTuple):
    """The law y = constant * x**exponent; calling it with x gives y.

    Attributes
    ----------
    exponent : float
    low, high : float
        95 % confidence interval of the exponent.
    constant : float
        y at x = 1.
    """

    exponent: float
    low: float
    high: float
    constant: float

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """``constant * x**exponent``: float64 array of the shape of x."""
        return self.constant * np.asarray(x, np.float64) ** self.exponent


def power_law(x: ArrayLike, y: ArrayLike) -> PowerLaw:
    """Fit y = constant * x**exponent by least squares in logarithms.

    The fit is a straight line through (log x, log y). The confidence interval is that of its slope, from Student's t
    with n - 2 degrees of freedom. It assumes that y follows a power law but for relative errors that are independent,
    of equal size for all x, and normal in the logarithm. Where the law holds in the limit only, as for sizes with
    logarithmic factors, the interval says how straight the measured piece is, and nothing about larger x.

    Parameters
    ----------
    x, y : array_like of shape (n,)
        Positive numbers; x has at least 3 different ones.

    Returns
    -------
    PowerLaw

    Raises
    ------
    InvalidInput
        A number is not positive and finite, x and y differ in length, or x has fewer than 3 different values.

    Examples
    --------
    >>> law = power_law([100, 1000, 10_000, 100_000], [31, 97, 330, 990])
    >>> f"{law.exponent:.2f} ({law.low:.2f} to {law.high:.2f})"
    '0.50 (0.47 to 0.53)'
    >>> round(float(law(1_000_000)))
    3230
    """
    log_x, log_y = _logarithms("x", x), _logarithms("y", y)
    if len(log_x) != len(log_y):
        raise InvalidInput(f"x has {len(log_x)} values, but y has {len(log_y)}: each x needs one y")
    if len(np.unique(log_x)) < 3:
        raise InvalidInput("a power law and its error take at least 3 different values of x")
    from scipy.stats import linregress, t

    line = linregress(log_x, log_y)
    half = t.ppf((1 + _CONFIDENCE) / 2, len(log_x) - 2) * line.stderr
    slope = float(line.slope)
    return PowerLaw(slope, float(slope - half), float(slope + half), float(np.exp(line.intercept)))


def _logarithms(name, values):
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} must be numbers: {error}") from error
    if array.ndim != 1:
        raise InvalidInput(f"{name} has shape {array.shape}, but must be one-dimensional")
    wrong = np.flatnonzero(~((array > 0) & np.isfinite(array)))
    if wrong.size:
        raise InvalidInput(f"{name}[{wrong[0]}] is {float(array[wrong[0]])!r}: a power law takes positive numbers")
    return np.log(array)
