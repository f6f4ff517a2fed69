"""Labels that are not those expected, row by row, whatever their dtypes are."""

import numpy as np

from fastmem.data.as_labels import as_labels
from fastmem.errors import InvalidInput

__all__ = ["differing_rows", "expected_labels"]


def expected_labels(y, predicted):
    """Labels of a user, beside which predicted ones are held.

    Parameters
    ----------
    y : array_like of shape (n,) or (n, k)
    predicted : ndarray of shape (n,) or (n, k)

    Returns
    -------
    ndarray of the same shape

    Raises
    ------
    InvalidInput
        They are no labels, or of another shape.
    """
    found = as_labels(y, len(predicted))
    expected = found.classes[found.indices]
    if predicted.shape[1:] != expected.shape[1:]:
        raise InvalidInput(f"y has shape {expected.shape}, but the network's labels have {predicted.shape}")
    return expected


def differing_rows(predicted, expected):
    """Rows in which two arrays of labels differ: int64 array. Integers equal floats that are the same number."""
    if predicted.dtype.kind != expected.dtype.kind and {predicted.dtype.kind, expected.dtype.kind} <= set("iufc"):
        predicted, expected = predicted.astype(object), expected.astype(object)  # NumPy would round integers
    if "T" in predicted.dtype.kind + expected.dtype.kind:  # in which NumPy does not see what is behind a zero
        predicted, expected = predicted.astype(object), expected.astype(object)
    differs = predicted != expected
    if predicted.dtype.kind == expected.dtype.kind == "f":
        differs |= np.signbit(predicted) != np.signbit(expected)
    return np.flatnonzero(differs if differs.ndim == 1 else differs.any(axis=1))
