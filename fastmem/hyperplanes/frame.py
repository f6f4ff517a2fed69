"""Where points lie and how widely their columns spread, read from a sample."""

import numpy as np

__all__ = ["MAX_EXPONENT", "column_frame"]


MAX_EXPONENT = 900
_FRAME_ROWS = 512


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
