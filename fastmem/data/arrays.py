"""Whatever the caller holds, viewed as a NumPy array or refused."""

import numpy as np

from fastmem.data.containers import refuse_container
from fastmem.errors import InvalidInput

__all__ = ["LARGEST_INTEGER", "as_array"]


LARGEST_INTEGER = 2**53


def as_array(values, name):
    """View values as a NumPy array; `InvalidInput` if they are masked, sparse, ragged, or no array at all.

    Parameters
    ----------
    values : array_like
    name : str
        What the caller calls them: a parameter, of which the error may then show code, or a phrase.
    """
    if isinstance(values, np.ma.MaskedArray):
        _refuse_masked(values, name)
        return values.data
    if hasattr(values, "toarray") and not hasattr(values, "__array__"):
        raise InvalidInput(f"{name} is sparse: pass a dense array", _dense_code(values, name))
    refuse_container(values, name)
    if str(getattr(values, "dtype", "")) == "torch.bfloat16":  # which float32 holds, and NumPy does not have
        values = values.float()
    try:
        if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            return np.from_dlpack(values)
        return np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:
        ragged = _ragged_row(values)
        where = "" if ragged is None else f" (row {ragged} has another length than row 0)"
        raise InvalidInput(f"{name} cannot be read as an array{where}: {error}") from error


def _refuse_masked(values, name):
    if not np.ma.is_masked(values):
        return
    mask = np.ma.getmaskarray(values)
    if values.ndim == 0:
        raise InvalidInput(f"{name} is masked: there is no value")
    row = int(np.argwhere(mask)[0][0])
    code = ""
    if name.isidentifier():
        others = {1: "", 2: ".any(axis=1)"}.get(values.ndim, f".any(axis={tuple(range(1, values.ndim))})")
        code = f"X[keep] and y[keep] with keep = ~np.ma.getmaskarray({name}){others}"
    advice = ": drop such rows, of points and labels alike" if code else ""
    raise InvalidInput(f"{name} is a masked array with masked entries, the first in row {row}{advice}", code)


def _dense_code(values, name):
    if not name.isidentifier():
        return ""
    is_column = name == "y" and 1 in getattr(values, "shape", ())[1:]
    return f"{name}.toarray(){'.ravel()' if is_column else ''}"


def _ragged_row(values):
    try:
        lengths = [len(row) for row in values]
    except TypeError:
        return None
    return next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
