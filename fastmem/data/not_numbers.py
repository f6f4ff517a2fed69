"""What is no number that float64 holds: refused, with Python code that makes such numbers of it and merges none.

Times in nanoseconds are beyond 2^53, and so is text of many digits: ``astype(float)`` rounds them, so that different
rows become equal. Integers of 64 bits are split in two halves of 32 instead, which float64 holds.
"""

import numpy as np

from fastmem.data.containers import rows_code
from fastmem.errors import InvalidInput

__all__ = ["refuse_large_integer", "refuse_not_numbers"]

_HALVES = "np.hstack([{0} >> 32, {0} & 0xFFFFFFFF])"
_MANY = 2**20  # texts that are looked at


def refuse_large_integer(X, row, column, value):
    """Raise `InvalidInput` for an integer of two-dimensional X that float64 does not hold."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "iu":
        code = _HALVES.format("X")
    else:
        split = f"*row[:{column}], *divmod(row[{column}], 2**53), *row[{column + 1}:]"
        code = f"[[{split}] for row in {rows_code(X, 'X')}]"
    raise InvalidInput(
        f"X[{row}, {column}] is {value}: integers beyond ±2^53 do not fit float64 exactly; split such a column in "
        "high and low parts",
        code,
    )


def refuse_not_numbers(X, array):
    """Raise `InvalidInput` for a two-dimensional array, made of X, of a dtype that is not numbers."""
    kind, code = array.dtype.kind, "X" if isinstance(X, np.ndarray) else "np.asarray(X)"
    if kind == "c":
        if not isinstance(X, np.ndarray):  # beside complex numbers, NumPy rounds large integers
            parts = "[part for value in row for part in (value.real, value.imag)]"
            code = f"[{parts} for row in {rows_code(X, 'X')}]"
        else:
            code = "np.hstack([X.real, X.imag])"
        raise InvalidInput("X is complex: pass real and imaginary parts as columns", code)
    what = f"X has dtype {array.dtype}, which is not numbers"
    if kind in "mM":
        missing = np.argwhere(np.isnat(array))
        if len(missing):
            raise InvalidInput(f"X[{missing[0][0]}, {missing[0][1]}] is NaT: remove such rows")
        raise InvalidInput(
            f"{what}: count units of time, with high and low digits in columns of their own, as float64 holds no "
            "nanoseconds of this century",
            _HALVES.format(f"{code}.astype(np.int64)"),
        )
    if array.dtype.names is not None:
        raise InvalidInput(
            f"{what}: make columns of its fields", f"[[v for x in row for v in x] for row in {code}.tolist()]"
        )
    if kind in "UST":
        if _is_text_of_numbers(array):
            raise InvalidInput(f"{what}: read the numbers in it", f"{code}.astype(float)")
        each = f"np.unique(column, return_inverse=True)[1] for column in {code}.T"
        raise InvalidInput(f"{what}: number the different texts of each column", f"np.column_stack([{each}])")
    raise InvalidInput(what)


def _is_text_of_numbers(array):
    """Whether all texts are numbers that float64 tells apart; not looked into where there are many."""
    if array.size > _MANY:
        return False
    texts = np.unique(array)
    try:
        numbers = texts.astype(float)
    except (TypeError, ValueError):
        return False
    return bool(np.isfinite(numbers).all()) and len(np.unique(numbers)) == len(texts)
