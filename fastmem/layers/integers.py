"""Integers of any size: arrays of them, sparse matrices, and the bytes that a file has of them.

Where int64 holds all numbers of an array, it is an int64 array, and a matrix of them a `scipy.sparse.csr_array`; else
the array has Python integers as objects, and the matrix is an `IntegerMatrix`. In a file a number that int64 does not
hold is its two's complement, the lowest byte first, in as few bytes as can be.
"""

import operator
from dataclasses import dataclass

import numpy as np

from fastmem.data.sorting import run_starts
from fastmem.errors import FormatError, InvalidInput
from fastmem.machine.partners import need

__all__ = [
    "IntegerMatrix", "as_integers", "bit_lengths", "canonical_matrix", "from_tensors", "integer_matrix", "longest",
    "narrowed", "scaled_to_integers", "to_tensors", "words_of",
]  # fmt: skip

_MOST_BYTES_OF_ONE, _MOST_BYTES = 2**17, 2**31  # in a file
_WORD_BYTES = 8


@dataclass(frozen=True, eq=False)
class IntegerMatrix:
    """A sparse matrix of integers that int64 does not hold, in rows; made by `integer_matrix`.

    Attributes
    ----------
    data : object array of shape (c,)
        Python integers, none of them 0.
    indices : int32 array of shape (c,)
        Their columns, ascending in each row.
    indptr : int64 array of shape (rows + 1,)
        Where each row begins, from 0.
    shape : tuple of int
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    has_canonical_format = True

    @property
    def dtype(self):
        """That of Python's objects."""
        return self.data.dtype

    @property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.data)

    def toarray(self):
        """The matrix with its zeros: object array."""
        dense = np.zeros(self.shape, object)
        dense[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return dense

    def __repr__(self):
        return f"<IntegerMatrix of shape {self.shape} with {self.nnz} integers of up to {longest(self.data)} bits>"


def integer_matrix(data, indices, indptr, shape):
    """A sparse matrix of integers of any size, given in rows: entries are put in order, and those of one place summed.

    Parameters
    ----------
    data : array-like of int
    indices, indptr : array-like of int
        Columns of the entries, and where each row's entries begin.
    shape : tuple of int

    Returns
    -------
    csr_array of int64 or IntegerMatrix
        The latter where int64 does not hold all entries. None is 0.
    """
    data, indices = as_integers(data), np.asarray(indices, np.int64)
    places = np.repeat(np.arange(shape[0]), np.diff(indptr)) * shape[1] + indices
    order = np.argsort(places, kind="stable")
    data, places = data[order], places[order]
    if len(places):
        firsts = run_starts(places)
        if len(firsts) < len(places):
            data, places = as_integers(np.add.reduceat(data.astype(object), firsts)), places[firsts]
    data, places = data[data != 0], places[data != 0]
    rows, indices = np.divmod(places, max(shape[1], 1))
    return canonical_matrix(data, indices, np.searchsorted(rows, np.arange(shape[0] + 1)), shape)


def canonical_matrix(data, indices, indptr, shape):
    """The matrix of entries that are in order already, one at most for each place, as `as_integers` gives them."""
    if data.dtype == object:
        return IntegerMatrix(data, indices.astype(np.int32), indptr, tuple(shape))
    csr_array = need("scipy.sparse", what="what is read from the layers of a network").csr_array
    return csr_array((data, indices, indptr), shape)


def as_integers(numbers):
    """Integers as an int64 array, or as an object array of Python integers where int64 does not hold them all."""
    numbers = numbers if isinstance(numbers, np.ndarray) else np.array(numbers, object)
    if numbers.dtype == np.int64:
        return numbers
    try:
        integers = [operator.index(number) for number in numbers.tolist()]
    except TypeError:
        raise InvalidInput(f"weights and thresholds must be integers, not {numbers.dtype}") from None
    wide = np.iinfo(np.int64)
    fits = wide.min <= min(integers, default=0) and max(integers, default=0) <= wide.max
    return np.array(integers, np.int64 if fits else object)


def scaled_to_integers(floats):
    """Finite floats times a power of two, 1 or more, that makes all of them integers.

    Returns
    -------
    integers : object array
        Of the same shape.
    shift : int
        They are the floats times 2^shift, and no smaller shift does.
    """
    ratios = [number.as_integer_ratio() for number in floats.astype(np.float64).ravel().tolist()]
    shift = max((below.bit_length() for _, below in ratios), default=1) - 1
    integers = np.empty(len(ratios), object)
    integers[:] = [above << shift + 1 - below.bit_length() for above, below in ratios]
    return integers.reshape(floats.shape), shift


def bit_lengths(integers):
    """Bits of the absolute value of each number: int32 array."""
    return np.array([number.bit_length() for number in integers.tolist()], np.int32)


def longest(integers):
    """Bits of the longest absolute value, 0 without numbers."""
    return max(abs(int(extreme(integers))).bit_length() for extreme in (np.min, np.max)) if len(integers) else 0


def words_of(integers, n_words):
    """Words of 64 bits of the absolute value of each number, the lowest first: uint64 array of shape (c, n_words)."""
    parts = [abs(number).to_bytes(n_words * _WORD_BYTES, "little") for number in integers.tolist()]
    return np.frombuffer(b"".join(parts), "<u8").astype(np.uint64).reshape(len(parts), n_words)


def narrowed(integers, types=("i1", "i2", "i4", "i8")):
    """The same integers in the first of some types that holds them: in the smallest signed one."""
    low, high = integers.min(initial=0), integers.max(initial=0)
    return integers.astype(next(t for t in types if np.iinfo(t).min <= low and high <= np.iinfo(t).max))


def to_tensors(name, integers):
    """An array of integers as a file has it: one tensor of the smallest integers that hold them, or bytes and ends."""
    if integers.dtype != object:
        return {name: narrowed(integers)}
    numbers = [number.to_bytes(_n_bytes(number), "little", signed=True) for number in integers.tolist()]
    lengths = np.array([len(number) for number in numbers], np.int64)
    if lengths.max() > _MOST_BYTES_OF_ONE or lengths.sum() > _MOST_BYTES:
        raise InvalidInput(
            f"the {name} of a layer take {lengths.sum()} bytes, and up to {lengths.max()} one: a file has at most "
            f"{_MOST_BYTES} of a layer, and {_MOST_BYTES_OF_ONE} of one number"
        )
    return {f"{name}.bytes": np.frombuffer(b"".join(numbers), np.uint8), f"{name}.ends": np.cumsum(lengths)}


def _n_bytes(number):
    """Bytes of a number in two's complement, at least one."""
    return (number if number >= 0 else ~number).bit_length() // 8 + 1


def from_tensors(name, tensors):
    """The array that `to_tensors` wrote; `FormatError` if it did not write these."""
    if f"{name}.bytes" not in tensors:
        integers = tensors[name]
        if integers.dtype.kind != "i" or integers.ndim != 1:
            raise FormatError(f"{name} are not integers")
        return integers.astype(np.int64)
    data, ends = tensors[f"{name}.bytes"], tensors[f"{name}.ends"]
    if not _are_numbers(data, ends):
        raise FormatError(f"{name} are not integers in their shortest form, one after the other")
    memory, spans = data.tobytes(), zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)
    integers = as_integers([int.from_bytes(memory[start:end], "little", signed=True) for start, end in spans])
    if integers.dtype != object:
        raise FormatError(f"{name} are written as long integers, and int64 holds them")
    return integers


def _are_numbers(data, ends):
    """Whether bytes are numbers that end where it is said, each in its shortest form and none too long."""
    if not (
        (data.dtype, data.ndim, ends.dtype, ends.ndim) == (np.uint8, 1, np.int64, 1)
        and len(ends) > 0
        and len(data) <= _MOST_BYTES
        and ends[-1] == len(data)
    ):
        return False
    lengths = np.diff(ends, prepend=0)  # wraps where ends are beyond all bytes, and the next line refuses these
    if not (np.all((ends > 0) & (ends <= len(data))) and np.all((lengths > 0) & (lengths <= _MOST_BYTES_OF_ONE))):
        return False
    long = ends[lengths > 1]
    highest, sign = data[long - 1], data[long - 2] >> 7
    return not np.any(highest == np.where(sign, 0xFF, 0x00))
