"""Labels of a model and of its memory, side by side: of dtypes that may differ, compared by value."""

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.data.as_labels import as_labels

__all__ = ["classes_of", "equal_labels", "labels_side_by_side", "no_label"]

_NUMBERS = "biufc"


def equal_labels(a, b):
    """Which labels are equal by value, row by row: bool ndarray of shape (n,). Text never equals a number."""
    a, b = labels_side_by_side(a, b)
    if a.dtype.kind == "O":
        same = np.fromiter((bool(x == y) for x, y in zip(a.flat, b.flat, strict=True)), bool, a.size).reshape(a.shape)
    else:
        same = a == b
    return same if same.ndim == 1 else same.all(axis=1)


def labels_side_by_side(*parts):
    """Arrays of labels in one dtype that holds all of them exactly: of objects, if no other one does."""
    dtypes = {part.dtype for part in parts}
    kinds = {dtype.kind for dtype in dtypes}
    if len(dtypes) == 1:
        return list(parts)
    if kinds <= set(_NUMBERS) or (len(kinds) == 1 and kinds <= set("UST")):
        common = np.result_type(*dtypes)
        cast = [part.astype(common) for part in parts]
        if all(_is_kept(part, other) for part, other in zip(parts, cast, strict=True)):
            return cast
    return [np.fromiter(_entries(part), object, part.size).reshape(part.shape) for part in parts]


def classes_of(*parts):
    """The distinct labels of arrays of them, sorted where they can be."""
    labels = np.concatenate(labels_side_by_side(*parts))
    return as_labels(labels, len(labels)).classes


def no_label(classes):
    """A value that is none of the labels and can stand among them."""
    kind = classes.dtype.kind
    if kind in "fc":
        return np.nan
    if kind in "mM":
        return np.array("NaT", classes.dtype)[()]
    if kind == "O":
        return _Nothing()
    taken = set(classes.ravel().tolist())
    if kind in "biu":
        return next(number for number in range(len(taken) + 1) if number not in taken)
    mark = b"?" if kind == "S" else "?"
    return next(mark * length for length in range(1, len(taken) + 2) if mark * length not in taken)


class _Nothing:
    """Stands among Python objects for no label."""


def _is_kept(part, cast):
    """Whether labels are the same in another dtype; only large integers may not be, among floats."""
    if part.dtype.kind not in "iu" or cast.dtype.kind not in "fc":
        return True
    return not part.size or max(abs(int(part.min())), abs(int(part.max()))) <= LARGEST_INTEGER


def _entries(labels):
    """Labels one by one; dates as NumPy's, which `tolist` would make integers."""
    return list(labels.ravel()) if labels.dtype.kind in "mM" else labels.ravel().tolist()
