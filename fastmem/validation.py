"""The only place where the caller's arrays are coerced or refused.

Points must be real numbers that float64 holds exactly; labels may be of any dtype whose values can be told
apart. What cannot be used is refused with the row, and never changed in silence.
"""

import itertools
import math
import numbers
from dataclasses import dataclass

import numpy as np

from fastmem.errors import ContradictoryLabels, InvalidInput
from fastmem.points import Points

__all__ = [
    "NO_VALUE",
    "Labels",
    "as_array",
    "as_count",
    "as_delta",
    "as_distance",
    "as_float_dtype",
    "as_generator",
    "as_labels",
    "as_memorized_points",
    "as_points",
    "check_option",
    "label_array",
    "label_dtype_with",
    "refuse_contradictions",
]

_LARGEST_INTEGER = 2**53
_MANY_ROWS = 2**16
_MANY_LABELS = 2**18
_NUMBERS = "biufc"
_TAKEN_AS_THEY_ARE = {np.dtype(np.float32), np.dtype(np.float64)}
# Kinds of dtype of a value that can stand among labels of a kind.
_KINDS_BESIDE = dict.fromkeys(_NUMBERS, _NUMBERS) | {kind: kind for kind in "USmM"}
_OBJECT_LABELS = "to use lists or tuples as labels, put them in an object array: a = np.empty(n, object); a[:] = y"


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


def as_points(X, d=None, *, empty=False):
    """View X as `Points`.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Anything NumPy can view as a two-dimensional array of numbers.
    d : int, optional
        Required number of columns.
    empty : bool
        Whether n = 0 is allowed.

    Raises
    ------
    InvalidInput
        Wrong shape, not numbers, or numbers that float64 does not hold exactly. NaN and infinities are found
        later, by the first kernel that reads the rows.
    """
    if type(X) is np.ndarray and X.ndim == 2 and X.shape[1] == d and len(X) and X.dtype in _TAKEN_AS_THEY_ARE:
        return Points(X)  # in less time than the steps below
    array = as_array(X, "X")
    if array.dtype.kind == "O":
        array = _numbers_from_objects(array)
    _check_shape(array, d, empty)
    if array.dtype.kind not in "biuf":
        raise InvalidInput(_not_numbers(array.dtype))
    if not isinstance(X, np.ndarray) and array.dtype.kind == "f" and array.dtype.itemsize > 2:
        _check_rounded_integers(X, array)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        _check_integers(array)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = _narrow_long_double(array)
    return Points(array)


def as_memorized_points(X, n, d):
    """View X as `Points`; raise `InvalidInput` unless there are as many as a network of d features memorized."""
    points = as_points(X, d)
    if points.n != n:
        raise InvalidInput(f"X has {points.n} rows, but {n} points were memorized")
    return points


def as_array(values, name):
    """View values as a NumPy array; `InvalidInput` if they are masked, sparse or ragged."""
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.is_masked(values):
            row = int(np.argwhere(np.ma.getmaskarray(values))[0][0])
            raise InvalidInput(
                f"{name} is a masked array with masked entries, the first in row {row}: "
                f"fill or drop them, e.g. {name}.filled(0)"
            )
        return values.data
    if hasattr(values, "toarray") and not hasattr(values, "__array__"):
        raise InvalidInput(f"{name} is sparse: pass {name}.toarray()")
    try:
        return np.asarray(values)
    except MemoryError:
        raise
    except Exception as error:
        ragged = _ragged_row(values)
        where = "" if ragged is None else f" (row {ragged} has another length than row 0)"
        raise InvalidInput(f"{name} cannot be read as an array{where}: {error}") from error


def _ragged_row(values):
    try:
        lengths = [len(row) for row in values]
    except TypeError:
        return None
    return next((i for i, length in enumerate(lengths) if length != lengths[0]), None)


def _check_shape(array, d, empty):
    if array.ndim == 0:
        raise InvalidInput(
            f"X is {array.item()!r:.100}, but points are the rows of a two-dimensional array: "
            "one point of one number is [[x]]"
        )
    if array.ndim == 1:
        raise InvalidInput(
            f"X has shape {array.shape}, but points are the rows of a two-dimensional array: use "
            "X.reshape(-1, 1) if each point is one number, X.reshape(1, -1) if X is one point"
        )
    if array.ndim != 2:
        raise InvalidInput(
            f"X has shape {array.shape}, but points are the rows of a two-dimensional array: use "
            "X.reshape(len(X), -1) to make each X[i] a row"
        )
    if array.shape[1] == 0 or (array.shape[0] == 0 and not empty):
        raise InvalidInput(f"X has shape {array.shape}: at least one row and one column are needed")
    if d is not None and array.shape[1] != d:
        raise InvalidInput(f"X has {array.shape[1]} columns, but the network was built for {d}")


def _not_numbers(dtype):
    if dtype.kind == "c":
        return "X is complex: pass real and imaginary parts as columns, np.hstack([X.real, X.imag])"
    return f"X has dtype {dtype}, which is not numbers: encode it as numbers first, e.g. X.astype(float)"


def _first_entry(mask_of, array):
    """Row and column of the first entry for which mask_of is true, read in blocks; None if there is none."""
    for start in range(0, len(array), _MANY_ROWS):
        found = np.argwhere(mask_of(array[start : start + _MANY_ROWS]))
        if found.size:
            return start + int(found[0][0]), int(found[0][1])
    return None


def _check_integers(array):
    limit = _LARGEST_INTEGER
    place = _first_entry(lambda block: (block > limit) | (block < -limit if block.dtype.kind == "i" else False), array)
    if place:
        _raise_large_integer(*place, array[place])


def _raise_large_integer(row, column, value):
    raise InvalidInput(
        f"X[{row}, {column}] is {value}: integers beyond ±2^53 do not fit float64 exactly; "
        "split such a column in high and low parts"
    )


def _check_rounded_integers(X, array):
    """Refuse integers that were rounded while mixed columns or lists became one float array."""
    if _first_entry(lambda block: np.abs(block) >= _LARGEST_INTEGER, array) is None:
        return
    # A data frame knows which columns were integers; anything else still has its own numbers as objects.
    dtypes = [str(dtype).lower() for dtype in getattr(X, "dtypes", ())]
    objects = None if dtypes else np.asarray(X, dtype=object)
    for row, column in np.argwhere(np.abs(array) >= _LARGEST_INTEGER):
        if objects is None:
            if dtypes[column].startswith(("int", "uint")):
                _raise_large_integer(row, column, array[row, column])
            continue
        value = objects[row, column]
        if isinstance(value, int | np.integer) and abs(int(value)) > _LARGEST_INTEGER:
            _raise_large_integer(row, column, value)


def _narrow_long_double(array):
    with np.errstate(over="ignore", under="ignore"):
        place = _first_entry(lambda block: np.isfinite(block) & (block.astype(np.float64) != block), array)
        if place:
            raise InvalidInput(f"X[{place[0]}, {place[1]}] is {array[place]!r}, which float64 does not hold exactly")
        return array.astype(np.float64)


def _numbers_from_objects(array):
    """float64 array of the numbers in an object array, each exact."""
    if array.ndim != 2:
        return array  # the shape is reported first
    numbers = np.empty(array.shape, np.float64)
    for (row, column), value in np.ndenumerate(array):
        try:
            if isinstance(value, str | bytes | complex | np.complexfloating):
                raise TypeError(f"{type(value).__name__} is not a real number")
            if isinstance(value, int | np.integer) and abs(int(value)) > _LARGEST_INTEGER:
                _raise_large_integer(row, column, value)
            numbers[row, column] = number = float(value)
            exact = number == value or number != number
        except InvalidInput:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"X[{row}, {column}] is {value!r}, which is not a number") from error
        if not exact:
            raise InvalidInput(f"X[{row}, {column}] is {value!r}, which float64 does not hold exactly")
    return numbers


@dataclass(frozen=True)
class Labels:
    """Labels as classes.

    Attributes
    ----------
    classes : ndarray of shape (c,)
        The distinct labels in the caller's dtype, sorted where they can be.
    indices : int32 ndarray of shape (n,)
        ``classes[indices]`` are the labels.
    """

    classes: np.ndarray
    indices: np.ndarray

    @property
    def n_bits(self):
        """Number K of binary digits of a class index."""
        return max(len(self.classes) - 1, 0).bit_length()


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
    return max(abs(int(classes.min())), abs(int(classes.max()))) <= _LARGEST_INTEGER


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
