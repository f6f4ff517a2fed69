"""Points and labels that come block by block, once, of which nobody knows how many there will be."""

import contextlib
import mmap
import tempfile

import numpy as np

from fastmem.data.as_labels import as_labels
from fastmem.data.as_points import as_points
from fastmem.data.blocks import LabelReader, by_appearance
from fastmem.data.columns import names_of
from fastmem.errors import InvalidInput
from fastmem.machine.scratch import no_room

__all__ = ["Spool"]


class Spool:
    """What has come so far, in memory or in files of a folder, which a ``with`` statement closes.

    Parameters
    ----------
    folder : str, os.PathLike or None

    Attributes
    ----------
    n : int
        Rows so far.
    d : int or None
        Columns; None before the first block.
    names : tuple of str or None
    """

    def __init__(self, folder=None):
        self.n, self.d, self.names, self._n_blocks = 0, None, None, 0
        self._points, self._numbers = _Rows(folder), _Rows(folder)
        self._dtype = None
        self._classes, self._known, self._n_classes = [], {}, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._points.close()
        self._numbers.close()

    def add(self, X, y):
        """Add a block.

        Raises
        ------
        InvalidInput
            It cannot be used as it is, or differs from the first one in columns or dtype; the error names the block.
        OSError
            The disk is full.
        """
        self._n_blocks += 1
        try:
            self._add(X, y)
        except InvalidInput as error:
            where = f"block {self._n_blocks - 1} (rows from {self.n})"
            raise InvalidInput(f"{where}: {error.what}", error.in_python) from error

    def _add(self, X, y):
        points = as_points(X, empty=True)
        rows = points.block(0, points.n)
        if self.d is None:
            self.d, self._dtype, self.names = points.d, rows.dtype, names_of(X)
        if points.d != self.d or names_of(X) != self.names:
            raise InvalidInput(f"X has {points.d} columns, or other names than the {self.d} of the first block")
        if rows.dtype != self._dtype:
            raise InvalidInput(
                f"X is read as {rows.dtype}, but that of the first block as {self._dtype}: give all blocks one dtype"
            )
        labels = by_appearance(as_labels(y, points.n))
        if not points.n:
            return
        first = self._first_number(labels.classes)
        self._points.add(rows)
        self._numbers.add((labels.indices + np.int64(first)).astype(np.uint32))
        self.n += points.n

    def _first_number(self, classes):
        """The number of the first of the classes of a block; the same for blocks of the same classes."""
        if self._classes:
            before = self._classes[0]
            if (
                classes.dtype.kind != before.dtype.kind
                or classes.shape[1:] != before.shape[1:]
                or (classes.dtype.kind not in "SU" and classes.dtype != before.dtype)
            ):
                raise InvalidInput(
                    f"y is {classes.dtype}, but that of the first block {before.dtype}: give all blocks one dtype"
                )
        # Objects have no bytes to be known again by.
        key = self._n_classes if classes.dtype.hasobject else (classes.dtype.str, classes.tobytes())
        if key not in self._known:
            self._known[key] = self._n_classes
            self._classes.append(classes)
            self._n_classes += len(classes)
        return self._known[key]

    def arrays(self):
        """All points as an array, and all labels as what is sliced like one.

        Raises
        ------
        InvalidInput
            No row has come.
        """
        if not self.n:
            raise InvalidInput("there is no block, or none with a row: a network memorizes at least one")
        classes, places = LabelReader.merged(self._classes)
        numbers = self._numbers.array(np.uint32, self.n)
        return self._points.array(self._dtype, self.n * self.d).reshape(self.n, self.d), _Labels(
            classes, np.concatenate(places), numbers
        )  # fmt: skip


class _Labels:
    """Labels that are sliced like an array."""

    def __init__(self, classes, places, numbers):
        self._classes, self._places, self._numbers = classes, places, numbers
        self.shape, self.dtype, self.chunks = (len(numbers), *classes.shape[1:]), classes.dtype, None

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, rows):
        return self._classes[self._places[self._numbers[rows]]]


class _Rows:
    """Blocks of one dtype, one behind the other."""

    def __init__(self, folder):
        self._folder, self._file, self._blocks = folder, None, []
        if folder is not None:
            try:
                self._file = tempfile.TemporaryFile(dir=folder, prefix="fastmem-")  # noqa: SIM115, `close` does
            except OSError as error:
                raise no_room(error, folder, 0) from error

    def add(self, block):
        """Add a block."""
        block = np.ascontiguousarray(block)
        if self._file is None:
            self._blocks.append(block.copy())
            return
        try:
            self._file.write(block.reshape(-1).view(np.uint8).data)
            self._file.flush()
        except OSError as error:
            raise no_room(error, self._folder, block.nbytes) from error

    def array(self, dtype, n):
        """All numbers."""
        if self._file is None:
            whole = np.concatenate([block.reshape(-1) for block in self._blocks])
            self._blocks = []
            return whole
        return np.frombuffer(mmap.mmap(self._file.fileno(), n * np.dtype(dtype).itemsize), dtype, n)

    def close(self):
        """Close the file, if there is one: arrays stay."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # of what a full disk did not take
                self._file.close()
