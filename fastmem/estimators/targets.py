"""Targets of a regression: floats, coerced or refused. None is rounded.

Floats stay in their dtype. Integers, booleans and Python's numbers become float64, which must hold each exactly.
"""

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.data.as_labels import label_array
from fastmem.data.classes import shown
from fastmem.data.long_doubles import refuse_long_doubles
from fastmem.errors import InvalidInput

__all__ = ["as_targets"]

_INSTEAD = "MemorizingClassifier and memorize return integers and other labels as they are"


def as_targets(y):
    """Float array of the targets, of shape (n,) or (n, k), as their numbers of dimensions say.

    Raises
    ------
    InvalidInput
        Not real and finite numbers, or such as float64 does not hold; the message names the row.
    """
    array = label_array(y)
    refuse_long_doubles(array)
    if array.dtype.kind == "O":
        array = _from_objects(array)
    elif array.dtype.kind in "biu":
        array = _from_integers(array)
    elif array.dtype.kind == "c":
        what = f"Complex data not supported: y has dtype {array.dtype}; give real and imaginary parts as two values"
        raise InvalidInput(what, "np.stack([np.real(y), np.imag(y)], axis=-1)")
    elif array.dtype.kind != "f":
        raise InvalidInput(f"y has dtype {array.dtype}, but targets are real numbers; {_INSTEAD}")
    _refuse_not_finite(array)
    return array


def _from_integers(array):
    """float64 array of integers or booleans, each exact."""
    numbers = array.astype(np.float64)
    if array.dtype.itemsize == 8:
        # Float64 holds some integers beyond 2^53 too. Python compares them without rounding.
        for place in zip(*np.nonzero(np.abs(numbers) >= LARGEST_INTEGER), strict=True):
            if int(numbers[place]) != int(array[place]):
                _refuse_rounded(array, place)
    return numbers


def _refuse_rounded(array, place):
    raise InvalidInput(f"y{_named(place)} is {shown(array[place])}, which float64 does not hold exactly; {_INSTEAD}")


def _from_objects(array):
    """float64 array of the numbers in an object array, each exact."""
    numbers = np.empty(array.shape)
    for place, value in np.ndenumerate(array):
        try:
            if isinstance(value, str | bytes | complex | np.complexfloating):
                raise TypeError(f"{type(value).__name__} is not a real number")
            number = float(value)
            is_held = bool(number == value or number != number)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(
                f"y{_named(place)} is {shown(value)}, which is no number that float64 holds; {_INSTEAD}"
            ) from error
        if not is_held:
            _refuse_rounded(array, place)
        numbers[place] = number
    return numbers


def _refuse_not_finite(array):
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = _first(wrong)
        raise InvalidInput(
            f"y{_named(place)} is {shown(array[place])} ({int(wrong.sum())} such targets): targets are finite numbers; "
            "drop such rows of X and y"
        )


def _first(mask):
    return tuple(np.argwhere(mask)[0].tolist())


def _named(place):
    return f"[{', '.join(map(str, place))}]" if place else ""
