"""Options of public functions: what they may be, for type checkers, and their values, coerced or refused."""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

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
    "Norm",
    "NumberOutput",
    "Output",
    "OwnOption",
    "Recognise",
    "Separate",
    "Store",
    "as_count",
    "as_delta",
    "as_distance",
    "as_float_dtype",
    "as_generator",
    "check_option",
    "one_of",
    "own_options",
]

# Of `memorize`. Those that name what other floors hold are the names there, and a test says so.
Construction = Literal[
    "compact", "rajput2021", "baum1988", "bubeck2020", "yun2019", "park2021", "vardi2021", "vershynin2020",
    "dirksen2024", "boxes",
]  # fmt: skip
Store = Literal["binary", "integer"]
Separate = Literal["labels", "all"]
Effort = Literal["fast", "balanced", "small"]
Recognise = Literal["cells", "rows"]

COLUMNS = ("auto", "all")
Columns = Literal["auto", "all"] | slice | Sequence[int] | Sequence[str] | NDArray[np.integer[Any]] | NDArray[np.bool_]

# Of `certified_radius`.
Norm = Literal["euclidean", "maximum"]

# Of units that carry numbers.
NumberOutput = Literal["bits", "class", "value"]

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


class OwnOption(NamedTuple):
    """An option that one construction alone takes.

    Attributes
    ----------
    default : int, float, str or None
    check : callable
        Takes a name for errors and a value, and returns the value as it is kept; `InvalidInput` if it is none.
    """

    default: Any
    check: Callable[[str, Any], Any]


def one_of(*allowed):
    """The check of an option with some values."""
    return lambda name, value: check_option(name, value, allowed)


def own_options(construction, options, given):
    """Values of the options that a construction alone takes, by name; `InvalidInput` if what is given is not for it.

    Parameters
    ----------
    construction : str
    options : dict of str to OwnOption
    given : Mapping or None
        By name; the others have their defaults.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InvalidInput(f"construction_options are a dict of names and values, not {given!r:.100}")
    for name in given:
        if name not in options:
            takes = f"takes {' and '.join(options)}" if options else "takes none"
            raise InvalidInput(
                f"construction_options[{name!r}] is not for construction={construction!r}, which {takes}"
            )
    return {
        name: option.check(f"construction_options[{name!r}]", given.get(name, option.default))
        for name, option in options.items()
    }
