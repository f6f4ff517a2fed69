"""Collections of Dask: recognised without an import, checked, and networks asked about them block by block."""

from __future__ import annotations

import warnings

import numpy as np

from fastmem.data.blocks import of_all
from fastmem.errors import InvalidInput

__all__ = ["Rows", "applied", "as_dask_arrays", "is_lazy"]


def is_lazy(X):
    """Whether this is a collection of Dask: an array or a data frame of which nothing is computed yet."""
    return hasattr(X, "__dask_graph__") and type(X).__module__.partition(".")[0] in ("dask", "dask_expr")


def _is_frame(X):
    return hasattr(X, "to_dask_array")


def as_dask_arrays(X, y):
    """Points and labels as arrays of Dask, chunked along the rows alike.

    Returns
    -------
    X, y : dask.array.Array
        Chunks of known sizes.
    names : tuple of str or None
        Of the columns of a data frame.

    Raises
    ------
    InvalidInput
        One of them is no such collection, or chunked in a way that has to be changed; the error says how.
    """
    names = None
    if _is_frame(X):
        columns = list(X.columns)
        names = tuple(columns) if all(isinstance(name, str) for name in columns) else None
        X = X.to_dask_array(lengths=True)
    if not is_lazy(y):
        raise InvalidInput("X is a collection of Dask, and y is none: make one of it", "dask.array.from_array(y)")
    if _is_frame(y):
        y = y.to_dask_array(lengths=True)
    for array, name in ((X, "X"), (y, "y")):
        if any(size != size for size in array.chunks[0]):
            raise InvalidInput(f"{name} has chunks of unknown sizes: compute them", f"{name}.compute_chunk_sizes()")
    if X.ndim != 2 or y.ndim not in (1, 2) or 0 in X.shape:
        raise InvalidInput(f"X has shape {X.shape} and y {y.shape}: points are rows, and each needs one label")
    refuse_columns_in_chunks(X)
    if X.shape[0] != y.shape[0]:
        raise InvalidInput(f"X has {X.shape[0]} rows, but y has {y.shape[0]} labels: each row needs one label")
    y = y.rechunk({0: X.chunks[0]} | ({1: -1} if y.ndim == 2 else {}))
    return X, y, names


class Rows:
    """An array of Dask that is sliced like one in memory, and computed in the thread that slices it."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype, self.chunks = tuple(map(int, array.shape)), array.dtype, array.chunks

    def __getitem__(self, rows):
        return np.asarray(self._array[rows].compute(scheduler="synchronous"))


def refuse_columns_in_chunks(X):
    """Raise `InvalidInput` if an array of Dask is chunked along its columns."""
    if X.ndim == 2 and X.numblocks[1] > 1:
        raise InvalidInput(
            f"X is chunked along columns, {X.chunks[1]}: a block needs whole rows, so chunk it along rows alone",
            "X.rechunk({1: -1})",
        )


def applied(owner, method, X, options, d):
    """What a method says of a collection, as a lazy one: an array, or a series for a data frame.

    Parameters
    ----------
    owner : Network or estimator
    method : str
        It takes points and these options, and gives something for each row.
    X : dask.array.Array or dask.dataframe.DataFrame
    options : dict
    d : int
        How many columns it takes.
    """
    import dask

    with warnings.catch_warnings():  # of estimators that were fitted with names
        warnings.simplefilter("ignore")
        of_none = getattr(owner, method)(np.zeros((1, d)), **options)[:0]
    if _is_frame(X):
        import pandas

        if of_none.ndim > 1:
            raise InvalidInput(
                f"{method} gives rows of values, and a series holds single ones: ask for an array",
                f"{method}(X.to_dask_array())",
            )
        return X.map_partitions(_of_frame, owner, method, options, meta=pandas.Series(of_none, name=method))
    refuse_columns_in_chunks(X)
    if X.ndim != 2 or X.shape[1] != d:
        raise InvalidInput(f"X has shape {X.shape}, but the network was built for {d} columns")
    there = dask.delayed(owner, name=f"fastmem-{type(owner).__name__}-{dask.base.tokenize(owner)}", traverse=False)
    shape = {"drop_axis": 1} if of_none.ndim == 1 else {"chunks": (X.chunks[0], of_none.shape[1:])}
    return X.map_blocks(_of_block, there, method, options, dtype=of_none.dtype, meta=of_none, **shape)


def _of_block(block, owner, method, options, block_info=None):
    try:
        return getattr(owner, method)(block, **options)
    except InvalidInput as error:
        first = block_info[0]["array-location"][0][0] if block_info else 0
        if first != first:  # nobody knows
            raise
        raise of_all(error, int(first)) from error


def _of_frame(frame, owner, method, options):
    import pandas

    return pandas.Series(getattr(owner, method)(frame, **options), index=frame.index, name=method)
