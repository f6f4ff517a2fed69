"""Options of public functions: what they may be, for type checkers, and their values, coerced or refused."""

import math
import numbers
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastmem.errors import InvalidInput

__all__ = [
    "COLUMNS",
    "Columns",
    "Construction",
    "Effort",
    "FloatDType",
    "Form",
    "Output",
    "Recognise",
    "Separate",
    "Store",
    "as_count",
    "as_delta",
    "as_distance",
    "as_float_dtype",
    "as_generator",
    "check_option",
]

# Of `memorize`. Those that name what other floors hold are the names there, and a test says so.
Construction = Literal["compact", "rajput2021", "baum1988"]
Store = Literal["binary", "integer"]
Separate = Literal["labels", "all"]
Effort = Literal["fast", "balanced", "small"]
Recognise = Literal["cells", "rows"]

COLUMNS = ("auto", "all")
Columns = Literal["auto", "all"] | slice | Sequence[int] | Sequence[str] | NDArray[np.integer[Any]] | NDArray[np.bool_]

# Of exports.
Output = Literal["label", "index"]
Form = Literal["lookup", "layers"]
FloatDType = Literal["float32", "float64"] | type[np.float32] | type[float] | np.dtype[Any]


def check_option(name, value, allowed):
    """Return `value` if it is one of `allowed`; raise `InvalidInput` naming the choices otherwise."""
    if value not in allowed:
        raise InvalidInput(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value


def as_float_dtype(dtype):
    """A float dtype by its name; `InvalidInput` unless it is float32 or float64."""
    try:
        name = None if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = None
    if name not in ("float32", "float64"):
        raise InvalidInput(f"dtype must be 'float32' or 'float64', not {dtype!r}")
    return name


def as_generator(random_state):
    """Return a NumPy generator seeded with `random_state`, or itself if it is one."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"random_state must be a non-negative integer, a numpy Generator or None: {error}"
        ) from error


def as_distance(name, distance):
    """Return a distance as a float; raise `InvalidInput` unless it is a finite number, 0 or more."""
    if isinstance(distance, numbers.Real) and not isinstance(distance, bool) and 0 <= distance < math.inf:
        return float(distance)
    raise InvalidInput(f"{name} must be a finite distance, 0 or more, not {distance!r}")


def as_delta(delta):
    """Return a smallest distance of points in the unit ball as a float; raise `InvalidInput` if it cannot be one."""
    if isinstance(delta, numbers.Real) and not isinstance(delta, bool) and 0 < delta <= 2 and float(delta):
        return float(delta)
    raise InvalidInput(f"delta is a distance of points in the unit ball, in (0, 2], not {delta!r}")


def as_count(name, count, least=1, most=2**24):
    """Return an integer; raise `InvalidInput` unless it lies between least and most."""
    if isinstance(count, bool) or not hasattr(count, "__index__") or not least <= int(count) <= most:
        raise InvalidInput(f"{name} must be an integer from {least} to {most}, not {count!r}")
    return int(count)
