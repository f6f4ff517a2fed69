"""Labels, coerced or refused: any dtype whose values can be told apart.

What cannot be used is refused with the row, and never changed in silence.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER, as_array
from fastmem.errors import ContradictoryLabels, InvalidInput

__all__ = ["NO_VALUE", "Labels", "as_labels", "label_array", "label_dtype_with", "refuse_contradictions"]


_MANY_LABELS = 2**18
_NUMBERS = "biufc"
# Kinds of dtype of a value that can stand among labels of a kind.
_KINDS_BESIDE = dict.fromkeys(_NUMBERS, _NUMBERS) | {kind: kind for kind in "USmM"}
_OBJECT_LABELS = "to use lists or tuples as labels, put them in an object array: a = np.empty(n, object); a[:] = y"


@dataclass(frozen=True)
class Labels:
    """Labels as classes.

    Attributes
    ----------
    classes : ndarray of shape (c,)
        The distinct labels in the caller's dtype, sorted where they can be.
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
        out : ndarray of shape (n,), optional
            Where to put them, of the dtype of the classes.
        """
        # A mode other than the default saves a copy of out too.
        return self.classes.take(indices, out=out, mode="clip")

    def with_unknown(self, value):
        """The same with one more class, the last, that rows get which are not known; `InvalidInput` if it cannot be."""
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

    Floats are told apart bit by bit (0.0 and -0.0 are two classes, each returned as it was given).

    Raises
    ------
    InvalidInput
        Not one-dimensional, not `n` labels, or labels that do not equal themselves (NaN, NaT, None is fine).
    """
    array = label_array(y)
    if array.ndim != 1:
        hint = "use y.ravel()" if array.ndim == 2 and 1 in array.shape else _OBJECT_LABELS
        raise InvalidInput(f"y has shape {array.shape}, but labels are a one-dimensional array: {hint}")
    if len(array) != n:
        raise InvalidInput(f"X has {n} rows, but y has {len(array)} labels: each row needs one label")
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind == "V":
        raise InvalidInput(f"y has structured dtype {array.dtype}: combine its fields to one label first")
    if kind == "T" and hasattr(array.dtype, "na_object"):
        array, kind = array.astype(object), "O"
    if kind in "fcmM":
        _refuse_labels(np.isnat(array) if kind in "mM" else np.isnan(array), array)
    if kind == "O" or (kind == "f" and width > 8) or (kind == "c" and width > 16):
        classes, indices = _object_classes(array)
    elif kind == "f":
        classes, indices = _float_classes(array)
    elif kind == "c":
        classes, indices = _complex_classes(array)
    elif kind in "biu" and n and int(array.max()) - int(array.min()) <= len(array):
        classes, indices = _near_integer_classes(array)
    else:
        classes, indices = _sorted_classes(array)
    return Labels(classes.astype(array.dtype, copy=False), indices.astype(np.int32, copy=False))


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
        "of dtype object"
    )


def _is_held(value, dtype):
    with np.errstate(over="ignore"):
        cast = value.astype(dtype)
    # Of numbers, Python compares an integer and a float without rounding.
    number, cast = (a.item() if a.dtype.kind in _NUMBERS else a for a in (value, cast))
    return bool(cast == number) or bool(number != number and cast != cast)


def _are_held(classes, dtype):
    """NumPy's common dtypes hold all values, but for integers of 64 bits among floats."""
    if dtype.kind not in "fc" or classes.dtype.kind not in "iu":
        return True
    return max(abs(int(classes.min())), abs(int(classes.max()))) <= LARGEST_INTEGER


def label_array(y):
    """Labels as an array; of dtype object where NumPy would change a label of a list to fit one dtype."""
    try:
        array = as_array(y, "y")
    except InvalidInput as error:
        raise InvalidInput(f"{error}; {_OBJECT_LABELS}") from error.__cause__
    if isinstance(y, list | tuple) and array.ndim == 1 and array.dtype.kind in "USfc" and array.tolist() != list(y):
        # NumPy changed a label to fit one dtype: 1 and "1", 2**53 + 1 and 2.0**53, b"a" and b"a\0".
        array = np.empty(len(y), object)
        array[:] = y
    return array


def _refuse_labels(undefined, array):
    if undefined.any():
        row = int(np.flatnonzero(undefined)[0])
        raise InvalidInput(
            f"y[{row}] is {_shown(array[row])} ({int(undefined.sum())} such labels): it does not equal itself, so no "
            "network can return it; replace it by a label of its own, e.g. None or -1"
        )


def _shown(label):
    """A label or number as Python writes it: 0 rather than np.int64(0)."""
    return repr(label.item() if isinstance(label, np.generic) and label.dtype.kind in "biufcSU" else label)


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


def _object_classes(array):
    """Classes of Python objects: by type and hash, or else by sorting; sorted where they can be."""
    try:
        numbers = {}
        indices = np.array([numbers.setdefault(_identity(v), len(numbers)) for v in array], np.int64)
    except TypeError:
        try:
            _refuse_labels(np.array([bool(v != v) for v in array]), array)
            classes, indices = np.unique(array, return_inverse=True)
            # Where < is not a total order (sets), sorting does not bring equal labels together.
            if not all(a < b for a, b in itertools.pairwise(classes)):
                raise TypeError("their < is not a total order")
            return classes, indices
        except InvalidInput:
            raise
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"labels in y can neither be hashed nor sorted: {error}") from error
    first = np.full(len(numbers), len(array))
    np.minimum.at(first, indices, np.arange(len(array)))
    classes = array[first]
    _refuse_labels(np.array([_differs_from_itself(v) for v in classes])[indices], array)
    try:
        order = np.array(sorted(range(len(classes)), key=classes.__getitem__), np.int64)
    except (TypeError, ValueError):
        return classes, indices
    return _reordered(classes, indices, order)


def _identity(label):
    """Key that is equal for equal labels of one type: 1, 1.0 and True, 0.0 and -0.0 are different labels."""
    if type(label) is tuple:
        return tuple, *map(_identity, label)
    if isinstance(label, float | np.floating):
        return type(label), label, bool(np.signbit(label))
    if isinstance(label, complex | np.complexfloating):
        return type(label), label, bool(np.signbit(label.real)), bool(np.signbit(label.imag))
    return type(label), label


def _differs_from_itself(label):
    try:
        return bool(label != label)
    except (TypeError, ValueError):  # pandas.NA
        return True


def refuse_contradictions(labels, later, first):
    """Raise `ContradictoryLabels` if equal rows (as `Points.equal_rows` gives them) differ in label."""
    wrong = np.flatnonzero(labels.indices[later] != labels.indices[first])
    if not wrong.size:
        return
    pairs = [(int(first[i]), int(later[i])) for i in wrong]
    label_of = labels.classes[labels.indices[[row for pair in pairs[:5] for row in pair]]]
    shown = "; ".join(
        f"rows {a} ({_shown(label_of[2 * i])}) and {b} ({_shown(label_of[2 * i + 1])})"
        for i, (a, b) in enumerate(pairs[:5])
    )
    more = f"; and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    raise ContradictoryLabels(
        f"{len(pairs)} {'row equals' if len(pairs) == 1 else 'rows equal'} an earlier row of X but with another "
        f"label: {shown}{more}. No function of X "
        "can return both: drop these rows, give them one label, or add a column that tells them apart",
        pairs,
    )
