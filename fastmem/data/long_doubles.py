"""Long doubles are no labels: their bytes have one name (f16), and another meaning on another processor.

x86 writes 80 bits and fills up with whatever lay in memory, so that equal labels differ in their bytes. 64-bit Arm
writes the 128 bits of another format. Elsewhere they are float64, and refused all the same: the rule is one everywhere.
"""

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["first_long_double", "refuse_long_doubles"]

_LONG = (np.longdouble, np.clongdouble)
_HOLDERS = (tuple, list, set, frozenset)
_WHY = "a long double, which other processors write another way, so no file or pickle keeps it"


def refuse_long_doubles(array):
    """Raise `InvalidInput` if labels are long doubles, alone or in objects, and say which dtype holds them."""
    place = first_long_double(array)
    if place is None:
        return
    label, row = array[place], ", ".join(map(str, place))
    if array.dtype.kind != "O":
        narrow = np.float64 if array.dtype.kind == "f" else np.complex128
        held = _is_held(array, narrow)
        remedy = narrow.__name__ if held else "text"
        code = f"np.asarray(y).astype({f'np.{remedy}' if held else 'str'})"
    elif isinstance(label, _LONG):
        narrow = float if isinstance(label, np.longdouble) else complex
        remedy = narrow.__name__ if _is_held(label, narrow) else "str"
        code = f"{remedy}(y[{row}])" if len(place) == 1 else ""
    else:
        remedy, code = "floats or text in its place", ""
    raise InvalidInput(f"y[{row}] is {label!r}: {_WHY}; memorize {remedy}", code)


def first_long_double(array):
    """Place, a tuple, of the first label that is a long double or holds one, None if there is none."""
    if array.dtype.type in _LONG:
        return (0,) * array.ndim if len(array) else None
    kinds = set(map(type, array.flat)) if array.dtype.kind == "O" else ()
    if not any(issubclass(kind, (*_LONG, *_HOLDERS)) for kind in kinds):
        return None
    return next((place for place, label in np.ndenumerate(array) if _holds_one(label)), None)


def _holds_one(label):
    if isinstance(label, _HOLDERS):
        return any(map(_holds_one, label))
    return isinstance(label, _LONG)


def _is_held(values, dtype):
    """Whether the dtype holds the values, NaN included, which is refused later on."""
    values = np.asarray(values)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = values.astype(dtype)
    return bool(np.all((narrow == values) | (values != values)))
