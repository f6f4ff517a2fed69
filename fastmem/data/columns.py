"""Names of columns: those that a container has, and containers whose columns are put in another order by name."""

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["Named", "columns_of", "in_order", "names_of"]

_SHOWN = 5


class Named:
    """An array with names of its columns, for arrays that come from files with such names.

    Parameters
    ----------
    array : ndarray of shape (n, d)
    columns : sequence of d str
    """

    def __init__(self, array, columns):
        self.array, self.columns = array, list(columns)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype, copy=copy)

    def __len__(self):
        return len(self.array)

    def select(self, columns):
        """The same with these columns alone, in this order."""
        return Named(self.array[:, [self.columns.index(name) for name in columns]], columns)


def names_of(X):
    """Names of the columns of a data frame or table: tuple of str, or None unless all are different strings.

    That is scikit-learn's rule, but that strings mixed with other names are no error here: then there are none.
    """
    for attribute in ("column_names", "columns"):  # pyarrow has columns too, which are no names
        # Frames of pandas have columns for attributes as well, by their names; what the class has is no column.
        columns = getattr(X, attribute, None) if attribute == "columns" or hasattr(type(X), attribute) else None
        if columns is not None:
            try:
                names = tuple(columns)
            except TypeError:
                return None
            are_names = names and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
            return tuple(map(str, names)) if are_names else None
    return None


def columns_of(values):
    """The columns of a data frame or a table, one by one, each of its own dtype; None for anything else."""
    if hasattr(values, "iloc") and getattr(values, "ndim", 0) == 2:  # pandas
        return [values.iloc[:, column] for column in range(values.shape[1])]
    if str(getattr(values, "dtype", "")).startswith("Struct("):  # of polars
        values = values.struct.unnest()
    if hasattr(type(values), "get_columns"):  # polars
        return values.get_columns()
    if hasattr(type(values), "column_names") and hasattr(values, "columns"):  # pyarrow
        return list(values.columns)
    return None


def in_order(X, expected, needed=None):
    """A container with its columns in the order of the expected names, or with some of these columns alone.

    Parameters
    ----------
    X : array_like
        Without names (`names_of`) it is taken as it is.
    expected : tuple of str or None
        None: it is taken as it is.
    needed : iterable of int, optional
        Which of the expected names are needed, in the order of the result; the others may be missing.

    Raises
    ------
    InvalidInput
        Columns are missing, or there are others; the message names them.
    """
    names = None if expected is None else names_of(X)
    wanted = expected if needed is None or names is None else tuple(expected[column] for column in needed)
    if names is None or names == wanted:
        return X
    missing, others = [name for name in wanted if name not in names], [name for name in names if name not in expected]
    if missing:
        raise InvalidInput(f"X has no {_columns(missing)}, of which the network was built")
    if others:
        them = "that" if len(others) == 1 else "these"
        raise InvalidInput(f"X has {_columns(others)}, of which the network was not built: leave {them} out")
    # The container itself, not the array that it becomes: it knows which of its columns hold what.
    return X.select(list(wanted)) if hasattr(type(X), "select") else X[list(wanted)]


def _columns(names):
    shown = ", ".join(map(repr, names[:_SHOWN])) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"{'column' if len(names) == 1 else 'columns'} {shown}"
