"""Whatever the caller holds, viewed as a NumPy array or refused."""

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["LARGEST_INTEGER", "as_array"]


LARGEST_INTEGER = 2**53


def as_array(values, name):
    """View values as a NumPy array; `InvalidInput` if they are masked, sparse or ragged."""
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.is_masked(values):
            row = int(np.argwhere(np.ma.getmaskarray(values))[0][0])
            raise InvalidInput(
                f"{name} is a masked array with masked entries, the first in row {row}: "
                f"fill or drop them, e.g. {name}.filled(0)"
            )
        return values.data
    if hasattr(values, "toarray") and not hasattr(values, "__array__"):
        raise InvalidInput(f"{name} is sparse: pass {name}.toarray()")
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


def _ragged_row(values):
    try:
        lengths = [len(row) for row in values]
    except TypeError:
        return None
    return next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
