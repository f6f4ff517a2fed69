"""Points and labels of n rows that are read in blocks, of an array or of what is sliced like one."""

import re

import numpy as np

from fastmem.data.as_labels import Labels, as_labels, label_array
from fastmem.data.as_points import as_points
from fastmem.data.classes import distinct
from fastmem.data.points import Points
from fastmem.errors import InvalidInput

__all__ = ["GivenLabels", "LabelReader", "Source", "by_appearance", "is_sliced", "n_rows_of", "of_all", "whole"]

_ROW = re.compile(r"\b([Xy])\[(\d+)")
_BY_VALUE = "biufcSUmM"


def is_sliced(values):
    """Whether values are no array, but are sliced like one and give arrays then, as those of Zarr and HDF5."""
    return not isinstance(values, np.ndarray) and all(
        hasattr(values, name) for name in ("shape", "dtype", "chunks", "__getitem__")
    )


def n_rows_of(values):
    """How many rows values seem to have, without a look at them; 0 if they do not say."""
    shape = getattr(values, "shape", None)
    if isinstance(shape, tuple):
        return shape[0] if shape and isinstance(shape[0], int) else 0
    return len(values) if hasattr(type(values), "__len__") else 0


def whole(values):
    """Values as an array, if they are sliced like one."""
    return np.asarray(values[:]) if is_sliced(values) else values


class Source:
    """Points of the caller.

    Parameters
    ----------
    X : array_like of shape (n, d), or what is sliced like one

    Attributes
    ----------
    n, d : int
    row_bytes : int
        What a row takes when it is read.
    array : ndarray or None
        All, if they are an array.
    """

    def __init__(self, X):
        self._X = X
        if is_sliced(X):
            if len(X.shape) != 2 or 0 in X.shape:
                raise InvalidInput(f"X has shape {tuple(X.shape)}: points are rows, and at least one is needed")
            self.array, (self.n, self.d) = None, X.shape
        else:
            self.array = as_points(X).array
            self.n, self.d = self.array.shape
        self.row_bytes = 4 * self.d if self.array is not None and self.array.dtype == np.float32 else 8 * self.d

    def points(self, start, stop):
        """Rows start to stop as `Points`."""
        if self.array is not None:
            return Points(self.array[start:stop], start)
        try:
            return Points(as_points(self._X[start:stop], self.d).array, start)
        except InvalidInput as error:
            raise of_all(error, start) from error


class LabelReader:
    """Labels of the caller, block by block.

    Parameters
    ----------
    y : array_like of shape (n,) or (n, k), or what is sliced like one
    n : int
    """

    def __init__(self, y, n):
        self._y, self.n = y, n
        self._all, self.is_sliced = None, is_sliced(y)
        if self.is_sliced:
            if len(y.shape) not in (1, 2) or y.shape[0] != n:
                raise InvalidInput(f"X has {n} rows, but y has shape {tuple(y.shape)}: each row needs one label")
            return
        self._y = label_array(y)
        if self._y.ndim != 1 or len(self._y) != n or self._y.dtype.kind not in _BY_VALUE:
            self._all = as_labels(self._y, n)

    def block(self, start, stop):
        """`Labels` of rows start to stop."""
        if self._all is not None:
            return Labels(self._all.classes, self._all.indices[start:stop])
        values = np.asarray(self._y[start:stop])
        try:
            return by_appearance(as_labels(values, stop - start))
        except InvalidInput as error:
            if not self.is_sliced:
                as_labels(self._y, self.n)  # names the row of all, and how many there are
            raise of_all(error, start) from error

    @staticmethod
    def merged(blocks):
        """Classes of all blocks, and of each block the positions of its classes among them.

        Parameters
        ----------
        blocks : list of ndarray
            Classes of each.
        """
        # Objects of a block are in the order in which they come first, and those of all are sorted if they can be.
        if all(classes is blocks[0] for classes in blocks) and not blocks[0].dtype.hasobject:
            return blocks[0], [np.arange(len(blocks[0]))] * len(blocks)
        classes, places = distinct(np.concatenate(blocks))
        if len({block.dtype for block in blocks}) == 1:  # of which NumPy forgets the order of bytes
            classes = classes.astype(blocks[0].dtype, copy=False)
        return classes, np.split(places, np.cumsum([len(block) for block in blocks])[:-1])


class GivenLabels:
    """As `LabelReader`, of labels that are given with each block."""

    merged = staticmethod(LabelReader.merged)

    def block(self, start, stop, values):
        """`Labels` of rows start to stop, whose values are these."""
        try:
            return by_appearance(as_labels(label_array(values), stop - start))
        except InvalidInput as error:
            raise of_all(error, start) from error


def by_appearance(labels):
    """The same labels; objects, which not all blocks could sort, in the order in which they come first."""
    if not labels.classes.dtype.hasobject or not len(labels.indices):
        return labels
    order = np.argsort(np.unique(labels.indices, return_index=True)[1])
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return Labels(labels.classes[order], rank[labels.indices])


def of_all(error, start):
    """The same error with rows of all for rows of a block."""
    return InvalidInput(_ROW.sub(lambda place: f"{place[1]}[{int(place[2]) + start}", error.what), error.in_python)
