"""Which columns of a point are read."""

import numpy as np

from fastmem.data.options import COLUMNS
from fastmem.errors import InvalidInput
from fastmem.machine.once import cached_property

__all__ = ["Reading", "as_reading", "equal_in_columns"]

_LINE = 64  # bytes


class Reading:
    """Some columns of points, in the order in which they are read.

    Parameters
    ----------
    columns : int64 array of shape (r,)
        All different.
    n_features : int
        How many columns the points have.
    """

    def __init__(self, columns, n_features):
        self.columns = np.ascontiguousarray(columns, np.int64)
        self.n_features = int(n_features)
        self._lines = {}

    @cached_property
    def ascending(self):
        """The same columns in ascending order: int64 array of shape (r,)."""
        return np.sort(self.columns)

    @property
    def is_ascending(self):
        """Whether they are read in ascending order."""
        return np.array_equal(self.columns, self.ascending)

    @cached_property
    def are_neighbours(self):
        """Whether they are neighbours in order, so that they can be read where they are."""
        return bool(np.all(np.diff(self.columns) == 1))

    def lines(self, step):
        """One column of each cache line that is read, for a number of bytes from column to column: int64 array."""
        lines = self._lines.get(step)
        if lines is None:
            first = np.unique(self.columns * abs(step) // _LINE, return_index=True)[1]
            lines = self._lines[step] = self.columns[np.sort(first)]
        return lines

    def of_all(self, values, other=0):
        """Values for the columns that are read, along the last axis, as values for all columns."""
        everywhere = np.full((*values.shape[:-1], self.n_features), other, values.dtype)
        everywhere[..., self.columns] = values
        return everywhere

    def __eq__(self, other):
        if not isinstance(other, Reading):
            return NotImplemented
        return self.n_features == other.n_features and np.array_equal(self.columns, other.columns)

    __hash__ = None


def as_reading(columns, n_features, names=None):
    """The option `columns` of `memorize`: one of its words, or a `Reading`.

    Parameters
    ----------
    columns : {"auto", "all"}, or array_like
        Column numbers, from -d to d - 1; names, where the columns have some; or d booleans.
    n_features : int
        d.
    names : tuple of str, optional

    Raises
    ------
    InvalidInput
        There are no such columns, or one is named twice, or none.
    """
    if isinstance(columns, str):
        if columns in COLUMNS:
            return columns
        raise InvalidInput(
            f"columns is {columns!r}: it must be {', '.join(map(repr, COLUMNS))} or a list of column numbers or names",
            *([f"columns=[{columns!r}]"] if names is not None and columns in names else []),
        )
    numbers = _numbers(columns, n_features, names)
    if not len(numbers):
        raise InvalidInput("columns names no column: points cannot be told apart by nothing")
    if not -n_features <= int(numbers.min()) <= int(numbers.max()) < n_features:
        wrong = int(numbers[(numbers < -n_features) | (numbers >= n_features)][0])
        raise InvalidInput(f"columns names column {wrong}, but X has {n_features} columns, 0 to {n_features - 1}")
    ascending, counts = np.unique(np.where(numbers < 0, numbers + n_features, numbers), return_counts=True)
    if counts.max() > 1:
        raise InvalidInput(f"columns names column {int(ascending[counts.argmax()])} twice")
    return Reading(ascending, n_features) if len(ascending) < n_features else "all"


def equal_in_columns(row, other):
    """`InvalidInput` that says that two rows must be told apart and are equal in the columns asked for."""
    return InvalidInput(
        f"rows {row} and {other} must be told apart, but are equal in the columns to be read: read one more in which "
        'they differ, or take columns="auto"'
    )


def _numbers(columns, n_features, names):
    """Column numbers as int64 array, of numbers, booleans, a slice or names."""
    try:
        if isinstance(columns, slice):
            return np.arange(n_features)[columns]
        if len(columns) > n_features:
            raise InvalidInput(f"columns names {len(columns)} columns, but X has {n_features}")
        values = list(columns)
    except TypeError:
        values = [[]]
    if any(np.ndim(value) for value in values):
        raise InvalidInput(f"columns must be a list of column numbers or names, not {columns!r:.100}")
    if values and all(isinstance(value, str) for value in values):
        if names is None:
            raise InvalidInput(
                f"columns names {str(values[0])!r}, but the columns of X have no names: give their numbers"
            )
        missing = next((str(value) for value in values if value not in names), None)
        if missing is not None:
            raise InvalidInput(f"columns names {missing!r}, but X has no such column")
        return np.array([names.index(value) for value in values], np.int64)
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        if len(values) != n_features:
            raise InvalidInput(f"columns has {len(values)} booleans, but X has {n_features} columns")
        return np.flatnonzero(values)
    if not all(hasattr(value, "__index__") and not isinstance(value, bool | np.bool_) for value in values):
        wrong = next(value for value in values if not hasattr(value, "__index__") or isinstance(value, bool | np.bool_))
        raise InvalidInput(f"columns names {wrong!r:.100}: columns are named by their numbers, or all by their names")
    # Of any size: what int64 does not hold is no column either.
    return np.array([min(max(int(value), -(2**62)), 2**62) for value in values], np.int64)
