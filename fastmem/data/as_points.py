"""Points, coerced or refused: real numbers that float64 holds exactly.

What cannot be used is refused with the row, and never changed in silence.
"""

import re

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER, as_array
from fastmem.data.columns import in_order, names_of
from fastmem.data.containers import refuse_container, refuse_shape
from fastmem.data.not_numbers import refuse_large_integer, refuse_not_numbers
from fastmem.data.points import Points
from fastmem.errors import InvalidInput

__all__ = ["as_memorized_points", "as_points"]


_MANY_ROWS = 2**16
# Names of dtypes of a data frame's columns that become the numbers they are, but for integers beyond 2^53.
_PLAIN = re.compile(r"(u?int\d+|float\d*|double|half_?float|bool(ean)?)(\[pyarrow\])?|longdouble|complex\d*")
_PLACE = re.compile(r"X\[(\d+), (\d+)\]")
_TAKEN_AS_THEY_ARE = {np.dtype(np.float32), np.dtype(np.float64)}


def as_points(X, d=None, *, empty=False, names=None, reading=None):
    """View X as `Points`.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Anything NumPy can view as a two-dimensional array of numbers.
    d : int, optional
        Required number of columns.
    empty : bool
        Whether n = 0 is allowed.
    names : tuple of str, optional
        In whose order columns are put that have names of their own; others are taken as they are.
    reading : Reading, optional
        The columns to view, of d: others are not looked at, and with names they may be missing.

    Raises
    ------
    InvalidInput
        Wrong shape, other names, not numbers, or numbers that float64 does not hold exactly. NaN and infinities are
        found later, by the first kernel that reads the rows.
    """
    if type(X) is np.ndarray and X.ndim == 2 and X.shape[1] == d and len(X) and X.dtype in _TAKEN_AS_THEY_ARE:
        return Points(X).on(reading)  # in less time than the steps below
    refuse_container(X, "X")  # before a name or a dtype is asked for, which a lazy frame has to compute
    try:
        if reading is None:
            return Points(_numbers_of(in_order(X, names), d, empty))
        return _on(reading, X, d, empty, names)
    except _LargeInteger as error:
        row, column, value = error.args
    refuse_large_integer(X, row, column, value)


def _on(reading, X, d, empty, names):
    """The columns of a reading, without a look at the others where each has a place of its own."""
    own = names_of(X)
    if own is not None and (names is not None or len(own) == d):
        X = in_order(X, names or own, reading.columns.tolist())
    elif type(X) is np.ndarray and X.ndim == 2 and X.shape[1] == d and X.dtype not in _TAKEN_AS_THEY_ARE:
        first, last = int(reading.columns[0]), int(reading.columns[-1])
        X = X[:, first : last + 1] if reading.are_neighbours else X[:, reading.columns]
    else:
        return Points(_numbers_of(X, d, empty)).on(reading)
    try:
        points = Points(_numbers_of(X, len(reading.columns), empty))
    except _LargeInteger as error:
        row, column, value = error.args
        raise _LargeInteger(row, int(reading.columns[column]), value) from None
    except InvalidInput as error:
        raise InvalidInput(
            _PLACE.sub(lambda place: _place_in_all(place, reading), error.what), error.in_python
        ) from None
    points.reading = reading
    return points


def _place_in_all(place, reading):
    """A place in the columns that are read, as an error names it, among all columns."""
    row, column = map(int, place.groups())
    return f"X[{row}, {reading.columns[column]}]" if column < len(reading.columns) else place[0]


def as_memorized_points(X, n, d, names=None, reading=None):
    """View X as `Points`; raise `InvalidInput` unless there are as many as a network of d features memorized."""
    points = as_points(X, d, names=names, reading=reading)
    if points.n != n:
        raise InvalidInput(f"X has {points.n} rows, but {n} points were memorized")
    return points


class _LargeInteger(Exception):
    """Row, column and value of an integer that float64 does not hold."""


def _numbers_of(X, d, empty):
    """X as a two-dimensional array of numbers, each of which float64 holds."""
    array = _array_of(X)
    _check_shape(X, array, d, empty)
    if array.dtype.kind not in "biuf":
        refuse_not_numbers(X, array)
    if not isinstance(X, np.ndarray) and array.dtype.kind == "f" and array.dtype.itemsize > 2:
        _check_rounded_integers(X, array)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        _check_integers(array)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = _narrow_long_double(array)
    return array


def _kinds_of_columns(X):
    """Names of the dtypes of a data frame's columns; none for what is no frame, as a series, which has one dtype."""
    is_frame = hasattr(X, "dtypes") and not hasattr(type(X), "dtype")
    return [str(dtype).lower() for dtype in X.dtypes] if is_frame else []


def _array_of(X):
    """X as an array of numbers, with none of them changed, or as an array of another kind."""
    kinds = _kinds_of_columns(X)
    if not all(map(_PLAIN.fullmatch, kinds)):
        return _from_columns(X, kinds)
    array = as_array(X, "X")
    if array.dtype.kind == "O":
        return _numbers_from_objects(array)
    if array.dtype.kind == "V" and array.dtype.names is None and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)  # bfloat16 and the like
    return array


def _from_columns(X, kinds):
    """A data frame as an array, column by column: of those that are not plainly numbers value by value.

    As one array categories, sparse columns and decimals would be rounded, and dates be numbers, without a word.
    """
    array = np.empty((len(X), len(kinds)))
    for i, kind in enumerate(kinds):
        column = X.iloc[:, i] if hasattr(X, "iloc") else X[:, i]
        if _PLAIN.fullmatch(kind):
            values = as_array(column, "X")
            if values.dtype.kind == "c":
                refuse_not_numbers(X, values)
            values = _numbers_from_objects(values[:, None], i)[:, 0] if values.dtype.kind == "O" else values
            if values.dtype.kind == "f" and values.dtype.itemsize > 8:
                values = _narrow_long_double(values[:, None], i)[:, 0]
        else:
            objects = np.empty((len(X), 1), object)
            objects[:, 0] = column.to_list()
            values = _numbers_from_objects(objects, i)[:, 0]
        array[:, i] = values
    return array


def _check_shape(X, array, d, empty):
    if array.ndim != 2:
        refuse_shape(X, array)
    if array.shape[1] == 0 or (array.shape[0] == 0 and not empty):
        raise InvalidInput(f"X has shape {array.shape}: at least one row and one column are needed")
    if d is not None and array.shape[1] != d:
        raise InvalidInput(f"X has {array.shape[1]} columns, but the network was built for {d}")


def _first_entry(mask_of, array):
    """Row and column of the first entry for which mask_of is true, read in blocks; None if there is none."""
    for start in range(0, len(array), _MANY_ROWS):
        found = np.argwhere(mask_of(array[start : start + _MANY_ROWS]))
        if found.size:
            return start + int(found[0][0]), int(found[0][1])
    return None


def _check_integers(array):
    limit = LARGEST_INTEGER
    place = _first_entry(lambda block: (block > limit) | (block < -limit if block.dtype.kind == "i" else False), array)
    if place:
        raise _LargeInteger(*place, array[place])


def _check_rounded_integers(X, array):
    """Refuse integers that were rounded while mixed columns or lists became one float array."""
    if _first_entry(lambda block: np.abs(block) >= LARGEST_INTEGER, array) is None:
        return
    value_at = _values_of(X, array)
    for row, column in np.argwhere(np.abs(array) >= LARGEST_INTEGER).tolist():
        value = value_at((row, column))
        if isinstance(value, int | np.integer) and abs(int(value)) > LARGEST_INTEGER:
            raise _LargeInteger(row, column, value)


def _values_of(X, array):
    """A function from row and column to the value that X holds there, of which the array may have a rounded one."""
    if not hasattr(X, "dtypes"):
        return np.asarray(X, dtype=object).__getitem__
    if hasattr(X, "iloc"):
        return X.iloc.__getitem__
    if hasattr(X, "__getitem__"):
        return X.__getitem__
    # A frame of which only the array is known: large integers may have been rounded.
    whole = [str(dtype).lower().startswith(("int", "uint")) for dtype in X.dtypes]
    return lambda place: (abs(int(array[place])) + 1) if whole[place[1]] else array[place]


def _narrow_long_double(array, first=0):
    """float64 array of the same numbers; its first column is that column of X."""
    with np.errstate(over="ignore", under="ignore"):
        place = _first_entry(lambda block: np.isfinite(block) & (block.astype(np.float64) != block), array)
        if place:
            row, column = place[0], first + place[1]
            raise InvalidInput(f"X[{row}, {column}] is {array[place]!r}, which float64 does not hold exactly")
        return array.astype(np.float64)


def _numbers_from_objects(array, first=0):
    """float64 array of the numbers in an object array, each exact; its first column is that column of X."""
    if array.ndim != 2:
        return array  # the shape is reported first
    numbers = np.empty(array.shape, np.float64)
    for (row, place), value in np.ndenumerate(array):
        column = first + place
        try:
            if isinstance(value, str | bytes | complex | np.complexfloating):
                raise TypeError(f"{type(value).__name__} is not a real number")
            if isinstance(value, int | np.integer) and abs(int(value)) > LARGEST_INTEGER:
                raise _LargeInteger(row, column, value)
            numbers[row, place] = number = float(value)
            exact = number == value or number != number
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"X[{row}, {column}] is {value!r}, which is not a number") from error
        if not exact:
            raise InvalidInput(f"X[{row}, {column}] is {value!r}, which float64 does not hold exactly")
    return numbers
