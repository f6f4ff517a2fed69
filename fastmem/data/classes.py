"""The distinct values among labels, and which of them each label is.

Labels are told apart by what they are, not by what they equal: floats bit by bit but for NaN, which is no label, and
Python objects by type and value. Rows of a label matrix are told apart as wholes.
"""

import datetime
import decimal
import itertools

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["distinct", "identity", "plain", "refuse_labels", "shown"]


_MANY_LABELS = 2**18
# What comparing objects may raise; ArithmeticError: dates in units too far apart, decimals that signal.
_NO_ORDER = (TypeError, ValueError, ArithmeticError)


def distinct(array):
    """Distinct labels, sorted where they can be, and the position of each label among them.

    Parameters
    ----------
    array : ndarray of shape (n,) or (n, k)
        Labels that equal themselves, or objects.

    Returns
    -------
    classes : ndarray of shape (c,) or (c, k)
        In the dtype of the array.
    indices : int32 ndarray of shape (n,)

    Raises
    ------
    InvalidInput
        Objects can neither be hashed nor sorted, or do not equal themselves.
    """
    kind = array.dtype.kind
    if array.ndim == 2:
        classes, indices = _distinct_rows(array)
    elif kind in "OT":  # NumPy takes strings of variable width for equal that differ behind a zero
        classes, indices = _object_classes(array.astype(object))
    elif kind == "f":
        classes, indices = _float_classes(array)
    elif kind == "c":
        classes, indices = _complex_classes(array)
    elif kind in "biu" and len(array) and int(array.max()) - int(array.min()) <= len(array):
        classes, indices = _near_integer_classes(array)
    else:
        classes, indices = _sorted_classes(array)
    return classes.astype(array.dtype, copy=False), indices.astype(np.int32, copy=False)


def refuse_labels(undefined, array):
    """Raise `InvalidInput` if one of the labels is undefined, as a boolean array of their shape says."""
    if undefined.any():
        place = tuple(np.argwhere(undefined)[0].tolist())
        raise InvalidInput(
            f"y[{', '.join(map(str, place))}] is {shown(array[place])} ({int(undefined.sum())} such labels): it does "
            "not equal itself, so no network can return it; drop such rows, or give them a label that no other row has"
        )


def shown(label):
    """A label as Python writes it: 0 rather than np.int64(0), and a row of labels as a tuple."""
    return repr(tuple(map(plain, label)) if isinstance(label, np.ndarray) else plain(label))


def plain(label):
    """The Python value that a NumPy scalar stands for; anything else, dates and long doubles too, as it is."""
    if isinstance(label, np.str_):
        return str.__str__(label)  # item() drops zeros at the end, as below
    if isinstance(label, np.bytes_):
        return bytes(label)
    if isinstance(label, np.generic) and label.dtype.kind in "biufc":
        value = label.item()
        return value if not isinstance(value, np.generic) else label
    return label


def _near_integer_classes(array):
    """Classes of integers no further apart than their number: counted, not sorted."""
    lowest = array.min()
    offsets = np.subtract(array, lowest, dtype=np.int64)  # modulo 2^64
    present = np.bincount(offsets) > 0
    numbers = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(present).astype(array.dtype) + lowest, numbers[offsets]


def _sorted_classes(array):
    """What ``np.unique(array, return_inverse=True)`` gives, by calls that are short: each holds Ctrl-C off."""
    blocks = [array[start : start + _MANY_LABELS] for start in range(0, max(len(array), 1), _MANY_LABELS)]
    parts = [np.unique(block, return_inverse=True) for block in blocks]
    merged = [classes for classes, _ in parts]
    while len(merged) > 1:
        pairs = zip(merged[::2], merged[1::2], strict=False)
        merged = [_merged(*pair) for pair in pairs] + merged[len(merged) // 2 * 2 :]
    return merged[0], np.concatenate([_places(merged[0], classes)[indices] for classes, indices in parts])


def _merged(a, b):
    """The distinct values of two sorted arrays of distinct values, sorted."""
    places = _places(a, b)
    new = places == len(a)
    new[~new] = a[places[~new]] != b[~new]
    return np.insert(a, places[new], b[new])


def _places(classes, values):
    """``np.searchsorted(classes, values)``, block by block."""
    blocks = [values[start : start + _MANY_LABELS] for start in range(0, max(len(values), 1), _MANY_LABELS)]
    return np.concatenate([np.searchsorted(classes, block) for block in blocks])


def _float_classes(array):
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
    bits, indices = _sorted_classes(array.view(f"u{array.dtype.itemsize}"))
    classes = bits.view(array.dtype)
    return _reordered(classes, indices, np.lexsort((~np.signbit(classes), classes)))


def _reordered(classes, indices, order):
    """The classes in another order, and indices that still point to the same ones."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return classes[order], rank[indices]


def _complex_classes(array):
    real, real_indices = _float_classes(array.real)
    imaginary, imaginary_indices = _float_classes(array.imag)
    pairs, indices = _sorted_classes(real_indices * len(imaginary) + imaginary_indices)
    classes = np.empty(len(pairs), array.dtype)
    classes.real = real[pairs // len(imaginary)]
    classes.imag = imaginary[pairs % len(imaginary)]
    return classes, indices


def _distinct_rows(array):
    """The same of the rows of a matrix, by their bytes or their objects."""
    if array.dtype.kind in "OT":
        rows = np.fromiter(map(tuple, array.tolist()), object, len(array))
        classes, indices = _object_classes(rows)
        entries = np.fromiter((entry for row in classes for entry in row), object, len(classes) * array.shape[1])
        return entries.reshape(len(classes), array.shape[1]), indices
    numbers = {}
    indices = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in array], np.int64)
    classes = array[_first_places(indices, len(numbers))]
    return _reordered(classes, indices, _order_of_rows(classes))


def _order_of_rows(rows):
    """The order by the first column, then the second, and so on."""
    n_columns = 1
    while True:
        begin = rows[:, :n_columns]
        order = np.lexsort(begin.T[::-1])
        # Few columns mostly tell all rows apart, and the others need not be sorted by.
        if n_columns >= rows.shape[1] or np.all(np.any(begin[order[1:]] != begin[order[:-1]], axis=1)):
            return order
        n_columns *= 2


def _object_classes(array):
    """Classes of Python objects: by type and hash, or else by sorting; sorted where they can be."""
    try:
        numbers = {}
        indices = np.array([numbers.setdefault(identity(v), len(numbers)) for v in array], np.int64)
    except TypeError:
        try:
            refuse_labels(np.array([bool(v != v) for v in array]), array)
            classes, indices = np.unique(array, return_inverse=True)
            # Where < is not a total order (sets), sorting does not bring equal labels together.
            if not all(a < b for a, b in itertools.pairwise(classes)):
                raise TypeError("their < is not a total order")
            return classes, indices
        except InvalidInput:
            raise
        except _NO_ORDER as error:
            raise InvalidInput(f"labels in y can neither be hashed nor sorted: {error}") from error
    classes = array[_first_places(indices, len(numbers))]
    refuse_labels(np.array([_differs_from_itself(v) for v in classes])[indices], array)
    classes = np.fromiter(map(_plain_within, classes), object, len(classes))
    try:
        order = np.array(sorted(range(len(classes)), key=classes.__getitem__), np.int64)
    except _NO_ORDER:
        return classes, indices
    return _reordered(classes, indices, order)


def _first_places(indices, n_classes):
    """Where each class comes first: int64 array of shape (c,)."""
    first = np.full(n_classes, len(indices))
    np.minimum.at(first, indices, np.arange(len(indices)))
    return first


def _plain_within(label):
    """The same with NumPy scalars, also those within tuples, as Python values."""
    return tuple(map(_plain_within, label)) if type(label) is tuple else plain(label)


def identity(label):
    """Key that is equal for labels that are the same: 1, 1.0 and True are three labels, 1 and np.int64(1) are one.

    0.0 and -0.0 are two, as are equal times in different zones, dates in different units, and 1.0 and 1.00 as decimals.
    """
    if isinstance(label, tuple):
        return type(label), *map(identity, label)
    if isinstance(label, frozenset):
        return type(label), frozenset(map(identity, label))
    label = plain(label)
    kind = type(label)
    if kind is str or kind is int:
        return kind, label
    if isinstance(label, float | np.floating):
        return kind, label, bool(np.signbit(label))
    if isinstance(label, complex | np.complexfloating):
        return kind, label, bool(np.signbit(label.real)), bool(np.signbit(label.imag))
    if isinstance(label, np.datetime64 | np.timedelta64):
        return kind, label, label.dtype.str
    if isinstance(label, decimal.Decimal):
        return kind, label, label.as_tuple()
    if isinstance(label, datetime.datetime | datetime.time) and label.tzinfo is not None:
        return kind, label, label.utcoffset(), str(label.tzinfo), label.fold
    return kind, label


def _differs_from_itself(label):
    if type(label) is tuple:
        return any(map(_differs_from_itself, label))
    try:
        return bool(label != label)
    except _NO_ORDER:  # pandas.NA
        return True
