"""Labels, coerced or refused: any dtype whose values can be told apart.

What cannot be used is refused with the row, and never changed in silence.
"""

from dataclasses import dataclass

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER, as_array
from fastmem.data.classes import distinct, identity, plain, refuse_labels, shown
from fastmem.data.columns import columns_of
from fastmem.data.containers import array_code
from fastmem.data.long_doubles import refuse_long_doubles
from fastmem.errors import ContradictoryLabels, InvalidInput

__all__ = [
    "NO_VALUE", "Labels", "as_labels", "label_array", "label_dtype_with", "positions", "refuse_contradictions",
]  # fmt: skip


_NUMBERS = "biufc"
# Kinds of dtype of a value that can stand among labels of a kind.
_KINDS_BESIDE = dict.fromkeys(_NUMBERS, _NUMBERS) | {kind: kind for kind in "USmM"}
_OBJECT_LABELS = "to use lists or tuples as labels, put them in an object array", "np.fromiter({}, object)"


@dataclass(frozen=True)
class Labels:
    """Labels as classes.

    Attributes
    ----------
    classes : ndarray of shape (c,) or (c, k)
        The distinct labels in the caller's dtype, sorted where they can be. Of a label matrix each row is one label.
    indices : int32 ndarray of shape (n,), optional
        ``classes[indices]`` are the labels.
    """

    classes: np.ndarray
    indices: np.ndarray | None = None

    @property
    def n_bits(self):
        """Number K of binary digits of a class index."""
        return bits_for(len(self.classes))

    def decode(self, indices, out=None):
        """Labels of class indices; a larger one stands for the last class.

        Parameters
        ----------
        indices : int or uint64 array of shape (n,), not negative
        out : ndarray of shape (n,) or (n, k), optional
            Where to put them, of the dtype of the classes.
        """
        # A mode other than the default saves a copy of out too.
        return self.classes.take(indices, axis=0, out=out, mode="clip")

    def with_unknown(self, value):
        """The same with one more class, the last, that rows get which are not known; `InvalidInput` if it cannot be."""
        if self.classes.ndim == 2:
            return Labels(_with_row(self.classes, value))
        classes = np.empty(len(self.classes) + 1, label_dtype_with(value, self.classes))
        classes[:-1] = self.classes
        classes[-1] = value
        return Labels(classes)


def bits_for(n_classes):
    """K, the number of binary digits of a class index.

    Examples
    --------
    >>> bits_for(1), bits_for(2), bits_for(5)
    (0, 1, 3)
    """
    return max(n_classes - 1, 0).bit_length()


def as_labels(y, n):
    """Classes of `n` labels of any dtype whose values can be told apart.

    A matrix holds a label of k values in each row. Floats are told apart bit by bit (0.0 and -0.0 are two classes, each
    returned as it was given), Python objects by type and value, where NumPy's scalars are the Python values that they
    stand for.

    Raises
    ------
    InvalidInput
        Neither one- nor two-dimensional, not `n` labels, or labels that do not equal themselves (NaN, NaT, a missing
        value; None is fine), or that are long doubles, or whose time zone would be lost.
    """
    array = label_array(y)
    _refuse_shape(array, y, n)
    if len(array) != n:
        raise InvalidInput(f"X has {n} rows, but y has {len(array)} labels: each row needs one label")
    kind = array.dtype.kind
    if kind == "V":
        what = f"y has structured dtype {array.dtype}: make one label of its fields, a tuple"
        raise InvalidInput(what, _OBJECT_LABELS[1].format(f"map(tuple, {array_code(y, 'y')})"))
    if kind == "T" and hasattr(array.dtype, "na_object"):
        array = array.astype(object)
    refuse_long_doubles(array)
    if kind in "fcmM":
        refuse_labels(np.isnat(array) if kind in "mM" else np.isnan(array), array)
    return Labels(*distinct(array))


def _refuse_shape(array, y, n):
    if array.ndim == 0:
        what = f"y has shape (), one label, {shown(array[()])}, but X has {n} rows, and each needs its own: repeat it"
        raise InvalidInput(what, f"[y] * {n}")
    if array.ndim == 2 and len(array) == 1 and array.shape[1] == n > 1:
        code = "np.ravel(y)" if isinstance(y, np.ndarray) else "y[0]" if isinstance(y, list | tuple) else ""
        raise InvalidInput(f"y has shape {array.shape}, but X has {n} rows: leave out the other dimension", code)
    if array.shape[1:] == (0,):
        raise InvalidInput(f"y has shape {array.shape}: each label has at least one value")
    if array.ndim > 2:
        what = f"y has shape {array.shape}, but labels are one-dimensional, or the rows of a matrix"
        whole = "np.asarray(y, object)" if isinstance(y, list | tuple) else array_code(y, "y")
        width = int(np.prod(array.shape[1:]))
        raise InvalidInput(
            f"{what}: make one row of all that belongs to a label", f"{whole}.reshape({len(array)}, {width})"
        )


class _NoValue:
    def __repr__(self):
        return "<no value>"


NO_VALUE = _NoValue()


def label_dtype_with(value, classes):
    """A dtype that holds all labels and one more value, none of them changed; theirs if it does.

    Raises
    ------
    InvalidInput
        The value is of another kind than the labels.
    """
    dtype = classes.dtype
    if dtype.kind == "O" or (dtype.kind == "T" and isinstance(value, str)):
        return dtype
    try:
        array = np.asarray(value)
        if value is np.ma.masked or (array.dtype.kind in "US" and array.item() != value):  # NumPy drops zeros at an end
            raise ValueError
        common = np.result_type(dtype, np.min_scalar_type(value) if array.dtype.kind in "biufc" else array.dtype)
        if array.ndim == 0 and array.dtype.kind in _KINDS_BESIDE.get(dtype.kind, ""):
            # NumPy's common type may be wider than it need be: float64 for int64 and a number above 2^32.
            is_alike = array.dtype.kind in ("iu" if dtype.kind in "iu" else dtype.kind)
            own = (dtype.newbyteorder("="),) if is_alike and dtype.kind in "iufc" else ()
            for candidate in (*own, common, np.result_type(common, array.dtype)):
                if _is_held(array, candidate) and _are_held(classes, candidate):
                    return candidate
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidInput(
        f"unknown={value!r} cannot stand among labels of dtype {dtype}: give a value of that kind, or memorize labels "
        "of dtype object",
        "np.fromiter(y, object)" if dtype.kind in "mM" else "np.asarray(y, object)",  # which makes times integers
    )


def _is_held(value, dtype):
    with np.errstate(over="ignore"):
        cast = value.astype(dtype)
    # Of numbers, Python compares an integer and a float without rounding.
    number, cast = (a.item() if a.dtype.kind in _NUMBERS else a for a in (value, cast))
    return bool(cast == number) or bool(number != number and cast != cast)


def _are_held(classes, dtype):
    """NumPy's common dtypes hold all values, but for integers of 64 bits among floats."""
    if dtype.kind not in "fc" or classes.dtype.kind not in "iu" or not len(classes):
        return True
    return max(abs(int(classes.min())), abs(int(classes.max()))) <= LARGEST_INTEGER


def _with_row(classes, value):
    """Classes of k values with one more, a row of k values or the same value k times."""
    k = classes.shape[1]
    is_row = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1)
    row = list(value) if is_row else [value] * k
    if len(row) != k:
        raise InvalidInput(f"unknown={value!r} has {len(row)} values, but each label has {k}: give {k}, or one for all")
    for entry in row:
        classes = classes.astype(label_dtype_with(entry, classes), copy=False)
    extended = np.empty((len(classes) + 1, k), classes.dtype)
    extended[:-1] = classes
    for place, entry in enumerate(row):
        extended[-1, place] = entry
    return extended


def label_array(y):
    """Labels as an array; of dtype object where NumPy would change a label of a list to fit one dtype."""
    columns = columns_of(y)
    if columns is not None:
        return _side_by_side([_of_column(number, column) for number, column in enumerate(columns)])
    _refuse_time_zone(y)
    try:
        array = as_array(y, "y")
    except InvalidInput as error:
        if error.in_python or error.__cause__ is None:
            raise
        raise InvalidInput(f"{error}; {_OBJECT_LABELS[0]}", _OBJECT_LABELS[1].format("y")) from error.__cause__
    given = _entries_given(y, array)
    if given is not None and not _are_kept(given, array):
        return _objects(given, array.shape)
    if array.dtype.isbuiltin == 2 and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)  # bfloat16 and the like
    return array


def _of_column(number, column):
    """The labels of a column of a frame, which an error names."""
    try:
        return label_array(column)
    except InvalidInput as error:
        raise InvalidInput(f"column {number} of y: {error.what}") from error.__cause__


def _entries_given(y, array):
    """The labels of a list, or the texts of a column, as they are, of which NumPy may have changed some; or None."""
    if isinstance(y, list | tuple) and array.ndim in (1, 2) and array.dtype.kind in "USfcmM":
        return list(y) if array.ndim == 1 else [entry for row in y for entry in row]
    if array.dtype.kind in "US" and array.ndim == 1 and hasattr(type(y), "to_list"):  # a series
        return y.to_list()
    return None


def _are_kept(given, array):
    """Whether an array of one dtype holds labels as they were given.

    It may not hold 1 and "1", 2**53 + 1 and 2.0**53, text with a zero at its end, dates in units too far apart.
    """
    if array.dtype.kind not in "mM":
        if any(issubclass(kind, np.generic) for kind in set(map(type, given))):
            given = list(map(plain, given))
        return array.ravel().tolist() == given
    return all(
        isinstance(entry, array.dtype.type) and value.astype(entry.dtype) == entry
        for value, entry in zip(array.ravel(), given, strict=True)
    )


def _side_by_side(columns):
    """Labels of several columns as the rows of a matrix; of dtype object where no other dtype holds all exactly."""
    if not columns:
        raise InvalidInput("y has no columns: each label has at least one value")
    dtypes = {column.dtype for column in columns}
    kinds = {dtype.kind for dtype in dtypes}
    common = np.result_type(*dtypes) if kinds <= set("iuf") or (len(kinds) == 1 and kinds <= set("US")) else None
    if len(dtypes) == 1 or (common is not None and all(_are_held(column, common) for column in columns)):
        return np.stack(columns, axis=1).astype(common or columns[0].dtype, copy=False)
    # Not as NumPy makes objects of dates, which become integers.
    entries = [list(c) if c.dtype.kind in "mM" else c.tolist() for c in columns]
    return _objects([entry for row in zip(*entries, strict=True) for entry in row], (len(columns[0]), len(columns)))


def _objects(values, shape):
    return np.fromiter(values, object, len(values)).reshape(shape)


def _refuse_time_zone(y):
    """NumPy's dates have no zone: one column of dates would be changed, another be objects that no file holds."""
    dtype = getattr(y, "dtype", getattr(y, "type", None))
    zone, is_within = _zone_of(dtype)
    if zone is not None:
        raise InvalidInput(
            f"y has dates with a time zone, {zone}, which NumPy's dates lack: take them to UTC and leave the zone out",
            "" if is_within else _without_zone(y),
        )


def _zone_of(dtype):
    """The time zone of a dtype of columns, None if there is none, and whether it is that of a dtype within it."""
    if isinstance(dtype, np.dtype):
        return None, False
    dtype = getattr(dtype, "pyarrow_dtype", dtype)
    for name in ("tz", "time_zone"):
        if getattr(dtype, name, None) is not None:
            return getattr(dtype, name), False
    inner = getattr(getattr(dtype, "categories", None), "dtype", None)
    for name in ("value_type", "inner"):
        inner = getattr(dtype, name, None) if inner is None else inner
    return (None, False) if inner is None or inner is dtype else (_zone_of(inner)[0], True)


def _without_zone(y):
    if hasattr(y, "cast") and hasattr(y, "type"):
        return "y.cast(pyarrow.timestamp(y.type.unit))"
    dates = getattr(y, "dt", None)
    if hasattr(dates, "convert_time_zone"):
        return 'y.dt.convert_time_zone("UTC").dt.replace_time_zone(None)'
    return "y.tz_convert(None)" if dates is None else "y.dt.tz_convert(None)"


def positions(array, classes):
    """Where labels stand among classes: int64 array of shape (n,); KeyError with one that is none of them.

    Parameters
    ----------
    array : ndarray of shape (n,) or (n, k)
    classes : ndarray of shape (c,) or (c, k)
    """
    found, indices = distinct(array)
    by_type = array.dtype == classes.dtype  # else 1 is 1.0
    place = {label: i for i, label in enumerate(_keys(classes, by_type))}
    places = np.empty(len(found), np.int64)
    for i, key in enumerate(_keys(found, by_type)):
        if key not in place:
            raise KeyError(found[i].tolist() if found.dtype.kind not in "OT" or found.ndim == 2 else found[i])
        places[i] = place[key]
    return places[indices]


def _keys(classes, by_type):
    labels = map(tuple, classes.tolist()) if classes.ndim == 2 else classes.tolist()
    return map(identity, labels) if by_type else labels


def refuse_contradictions(labels, later, first, rows=None, *, are_all=True):
    """Raise `ContradictoryLabels` if equal rows (as `Points.equal_rows` gives them) differ in label.

    These may be positions among some rows of X, whose numbers are `rows` then, and some of all such rows.
    """
    wrong = np.flatnonzero(labels.indices[later] != labels.indices[first])
    if not wrong.size:
        return
    label_of = labels.classes[labels.indices[np.column_stack([first, later])[wrong[:5]].ravel()]]
    if rows is not None:
        first, later = rows[first], rows[later]
    pairs = [(int(first[i]), int(later[i])) for i in wrong]
    told = "; ".join(
        f"rows {a} ({shown(label_of[2 * i])}) and {b} ({shown(label_of[2 * i + 1])})"
        for i, (a, b) in enumerate(pairs[:5])
    )
    more = f"; and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    count = f"{'' if are_all else 'at least '}{len(pairs)}"
    raise ContradictoryLabels(
        f"{count} {'row equals' if len(pairs) == 1 else 'rows equal'} an earlier row of X but with another "
        f"label: {told}{more}. No function of X "
        "can return both: drop these rows, give them one label, or add a column that tells them apart",
        pairs,
    )
