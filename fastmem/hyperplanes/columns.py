"""Hyperplanes that read few columns of the points, as tensors.

Points that differ, differ in a few columns already. So the weights of most hyperplanes are 0 for most columns:
`Hyperplanes` are those in the space of the columns read, and a `Reading` says which these are. The first hyperplanes
may read the first of these columns, and a few others the rest, which only part what is equal in the first
(`Hyperplanes.apart`); weights of the latter are kept one by one.
"""

import numpy as np

from fastmem.data.reading import Reading
from fastmem.errors import FormatError
from fastmem.hyperplanes.hyperplanes import Hyperplanes, is_dense_enough

__all__ = ["FRAME", "hyperplanes_of", "nbytes_of", "sparse_tensors", "tensors_of", "weights_from_sparse"]

FRAME = ("centre", "exponents")
"""Tensors that speed signs up and are no parameters."""

_SPARSE = ("sparse.starts", "sparse.columns", "sparse.weights")


def tensors_of(hyperplanes, reading):
    """What defines hyperplanes: a dict of arrays.

    Parameters
    ----------
    hyperplanes : Hyperplanes
        In the space of the columns read.
    reading : Reading or None
        None: all columns are read, in their order.
    """
    tensors = {name: getattr(hyperplanes, name) for name in ("weights", "thresholds", *FRAME)}
    if reading is None:
        return tensors
    m, r = hyperplanes.apart
    tensors["weights"] = hyperplanes.weights[:m, :r]
    tensors["columns_read"] = reading.columns.astype(np.min_scalar_type(reading.n_features - 1))
    others = hyperplanes.weights[m:]
    if len(others):
        tensors |= {f"sparse.{name}": tensor for name, tensor in sparse_tensors(others).items()}
    return tensors


def sparse_tensors(weights):
    """Weights that are not 0, hyperplane by hyperplane: where each begins, the columns and the values, by name."""
    row, place = np.nonzero(weights)
    starts = np.append(0, np.cumsum(np.bincount(row, minlength=len(weights))))
    return {
        "starts": starts.astype(np.min_scalar_type(len(row))),
        "columns": place.astype(np.min_scalar_type(weights.shape[1] - 1)),
        "weights": weights[row, place],
    }


def nbytes_of(hyperplanes, reading):
    """Bytes of all tensors but the frame, which speeds signs up and is no parameter."""
    return sum(tensor.nbytes for name, tensor in tensors_of(hyperplanes, reading).items() if name not in FRAME)


def hyperplanes_of(tensors, n_features=None):
    """Hyperplanes in the space of the columns read, and their `Reading`, of what `tensors_of` gives.

    Parameters
    ----------
    tensors : dict
        Others than those of hyperplanes are left alone.
    n_features : int, optional
        How many columns points have, if not all are read in their order.

    Raises
    ------
    FormatError
        They do not fit each other.
    """
    weights, thresholds, centre, exponents = (tensors[name] for name in ("weights", "thresholds", *FRAME))
    if n_features is None:
        return Hyperplanes(weights, thresholds, centre, exponents), None
    columns = tensors["columns_read"]
    _check_columns(columns, n_features)
    m, r = weights.shape
    shape = len(thresholds), len(columns)
    n_stored = weights.size + (len(tensors[_SPARSE[2]]) if m < len(thresholds) else 0)
    if not is_dense_enough(shape[0] * shape[1], n_stored):
        raise FormatError("hyperplanes read too few of the columns that are read")
    everywhere = np.zeros(shape, np.float32)
    everywhere[:m, :r] = weights
    if m < len(everywhere):
        others = dict(zip(("starts", "columns", "weights"), (tensors[name] for name in _SPARSE), strict=True))
        everywhere[m:] = weights_from_sparse(others, len(everywhere) - m, len(columns))
    return Hyperplanes(everywhere, thresholds, centre, exponents), Reading(columns, n_features)


def weights_from_sparse(tensors, m, r):
    """What `sparse_tensors` was given: float32 array of shape (m, r); `FormatError` if these are no such weights."""
    starts, places, values = (tensors[name] for name in ("starts", "columns", "weights"))
    _check_sparse(starts, places, values, m, r)
    weights = np.zeros((m, r), np.float32)
    weights[np.repeat(np.arange(m), np.diff(starts.astype(np.int64))), places] = values
    return weights


def _check_columns(columns, n_features):
    """Raise `FormatError` unless these are different columns of points."""
    fits = (
        type(n_features) is int
        and columns.ndim == 1
        and 0 < len(columns) <= n_features
        and columns.dtype == np.min_scalar_type(n_features - 1)
        and int(columns.max()) < n_features
        and len(np.unique(columns)) == len(columns)
    )
    if not fits:
        raise FormatError("the columns that are read are no columns of the points")


def _check_sparse(starts, places, values, m, r):
    """Raise `FormatError` unless these are the weights of m hyperplanes that read some of r columns."""
    n = len(values)
    fits = (
        starts.shape == (m + 1,)
        and places.shape == values.shape == (n,)
        and starts.dtype == np.min_scalar_type(n)
        and places.dtype == np.min_scalar_type(r - 1)
        and values.dtype == np.float32
        and starts[0] == 0
        and starts[-1] == n
        and bool(np.all(starts[1:] >= starts[:-1]))
        and (n == 0 or int(places.max()) < r)
        and bool(np.isfinite(values).all())
        and bool((values != 0).all())
    )
    if fits:
        row = np.repeat(np.arange(m), np.diff(starts.astype(np.int64)))
        fits = bool(np.all((row[1:] > row[:-1]) | (places[1:] > places[:-1])))
    if not fits:
        raise FormatError("weights of hyperplanes that read other columns do not fit each other")
