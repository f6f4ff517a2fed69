"""Containers that are no arrays: refused by what they are, with the Python code that makes an array of them.

NumPy takes any object for a scalar that it cannot read, so that a generator would be an array of one generator. Code is
shown where the caller calls the container by the name of a parameter, and only code that changes no value: NumPy
rounds large integers of a list beside floats, so lists are taken apart item by item.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["array_code", "refuse_container", "refuse_shape", "rows_code"]

_READ_BY_NUMPY = ("__array__", "__dlpack__", "__array_interface__", "__array_struct__")
# Methods by which containers that hold no values yet, or not as an array, give them.
_GIVE_VALUES = ("collect", "read_all", "to_table", "to_pandas", "toPandas", "to_arrow", "df")


def refuse_container(values, name):
    """Raise `InvalidInput` if values are no array, but a container that is known to hold one.

    Parameters
    ----------
    values : object
        It is neither read nor used up.
    name : str
        What the caller calls it, as for `fastmem.data.arrays.as_array`.
    """
    if isinstance(values, np.ndarray | list | tuple | str | bytes | int | float) or hasattr(values, "toarray"):
        return
    what, code = _taken_apart(values, name)
    if what:
        raise InvalidInput(f"{name} is {what}", code if name.isidentifier() else "")


def _taken_apart(values, name):
    """What a container is, with advice, and code for it; two empty strings for what NumPy reads."""
    kind = type(values)
    called = f"{'an' if kind.__name__[0] in 'AEIOaeio' else 'a'} {kind.__name__}"
    if hasattr(kind, "data_vars"):  # of xarray, which is a mapping and has __array__, which raises
        return f"{called}: make a frame of it", f"{name}.to_dataframe()"
    if isinstance(values, Mapping):
        return _mapping(values, name, called)
    if any(hasattr(kind, method) for method in _READ_BY_NUMPY):
        return "", ""
    method = next((method for method in _GIVE_VALUES if hasattr(kind, method)), None)
    if method and not isinstance(values, type):
        return f"{called}, which holds no values yet: ask for them", f"{name}.{method}()"
    if isinstance(values, set | frozenset):
        if name == "y":
            return f"{called}, which has no order and each label once: give a list with a label for each row", ""
        return f"{called}, which has no order: make a list, and give labels in its order", f"list({name})"
    if hasattr(kind, "read"):
        return "an open file: read it first", ""
    is_sequence = hasattr(kind, "__len__") and hasattr(kind, "__getitem__")
    if isinstance(values, Iterable) and not isinstance(values, type) and not is_sequence:
        return f"{called}: make a list of it", f"list({name})"
    return "", ""


def _mapping(values, name, called):
    """Of a mapping that holds one array of the right shape among others that, else all its columns."""
    n_dimensions = 2 if name == "X" else 1
    arrays = [key for key, value in values.items() if _ndim(value) == n_dimensions]
    if arrays and (name == "X" or len(arrays) == 1):
        return f"{called}: give one of the arrays that it holds", f"{name}[{arrays[0]!r}]"
    if name != "X":
        return f"{called}: give its values", f"list({name}.values())"
    if any(isinstance(value, Mapping) for value in values.values()):
        return f"{called}: give its values", f"list({name}.values())"
    if any(isinstance(value, Iterable) and _ndim(value) == 0 for value in values.values()):
        return f"{called} that holds no numbers", ""
    if values and any(_ndim(value) == 0 for value in values.values()):
        return f"{called}: if it is one point, give its values in a row", f"[list({name}.values())]"
    return f"{called}: if it holds columns, make rows of them", f"list(zip(*{name}.values(), strict=True))"


def _ndim(values):
    try:
        return np.ndim(values)
    except ValueError:  # rows of different lengths
        return 1


def array_code(values, name):
    """Code for the array that NumPy made of values which are not of Python alone."""
    if hasattr(type(values), "reshape") and not hasattr(type(values), "to_list"):  # a series of polars has one too
        return name
    is_dlpack = hasattr(values, "__dlpack__") and not hasattr(values, "__array__")
    return f"np.from_dlpack({name})" if is_dlpack else f"np.asarray({name})"


def rows_code(values, name):
    """Code for the rows of two-dimensional values, each value as it is."""
    if isinstance(values, np.ndarray | list | tuple):
        return name
    if hasattr(type(values), "itertuples"):  # pandas, whose arrays of objects hold rounded integers
        return f"{name}.itertuples(index=False, name=None)"
    if hasattr(type(values), "rows"):  # polars
        return f"{name}.rows()"
    if hasattr(type(values), "to_pydict"):  # pyarrow
        return f"zip(*{name}.to_pydict().values())"
    return f"np.asarray({name}, object)"


def refuse_shape(X, array):
    """Raise `InvalidInput` for points X that became an array which is not two-dimensional."""
    rows = "points are the rows of a two-dimensional array"
    if array.ndim == 0:
        value = array.item()
        if isinstance(value, bool | int | float | np.number):
            raise InvalidInput(f"X is {value!r:.100}, but {rows}: one point of one number has two brackets", "[[X]]")
        raise InvalidInput(f"X is {value!r:.100}, but {rows} of numbers")
    if array.dtype.names is not None:
        code = "X.tolist()" if isinstance(X, np.ndarray) else "np.asarray(X).tolist()"
        if any(array.dtype[field].shape for field in array.dtype.names):
            code = ""  # whose items are no numbers
        raise InvalidInput(
            f"X has structured dtype {array.dtype}, but {rows} of numbers: make rows of its fields", code
        )
    if array.ndim == 1 and not len(array):
        raise InvalidInput(f"X has shape {array.shape}, but {rows}, and has at least one column, also without rows")
    if array.ndim == 1:
        first = array[0]
        if array.dtype.kind == "O" and isinstance(first, Iterable) and not isinstance(first, str | bytes):
            raise InvalidInput(f"X holds a {type(first).__name__} for each point, but {rows}", _nested_code(X, first))
        column, row = _one_dimensional_code(X)
        raise InvalidInput(
            f"X has shape {array.shape}, but {rows}: give each point a row",
            f"{column} if each point is one number, {row} if X is one point",
        )
    what = f"X has shape {array.shape}, but {rows}: make one row of all that belongs to a point"
    if isinstance(X, list | tuple) and array.ndim == 3 and not isinstance(X[0], np.ndarray | list | tuple):
        raise InvalidInput(what, _nested_code(X, X[0]))
    # With numbers in place of -1, which NumPy refuses for an array without rows.
    shape = f"{len(array)}, {array.size // max(len(array), 1) or int(np.prod(array.shape[1:]))}"
    whole = "np.asarray(X, object)" if isinstance(X, list | tuple) else array_code(X, "X")
    raise InvalidInput(what, f"{whole}.reshape({shape})")


def _nested_code(X, first):
    """Code for the rows of points of which each is a container."""
    if isinstance(first, Mapping):
        keys = "X[0]" if isinstance(X, list | tuple | np.ndarray) else "next(iter(X))"
        return f"[[x[key] for key in {keys}] for x in X]"
    if np.ndim(first) == 2:
        return f"[[value for row in {rows_code(first, 'x')} for value in row] for x in X]"
    if np.ndim(first) > 2:
        return "[np.asarray(x, object).ravel() for x in X]"
    return "[list(x) for x in X]"


def _one_dimensional_code(X):
    """Code for points of one number each, and for one point."""
    kind = type(X)
    if hasattr(kind, "to_frame"):  # keeps the name
        return "X.to_frame()", "[X]"
    if hasattr(kind, "to_pylist"):  # pyarrow, whose items are no numbers
        return "[[x] for x in X.to_pylist()]", "[X.to_pylist()]"
    if isinstance(X, list | tuple | range):
        return "[[x] for x in X]", "[X]"
    return f"{array_code(X, 'X')}.reshape(-1, 1)", f"{array_code(X, 'X')}.reshape(1, -1)"
