"""Points that come block by block, of which nobody knows how many there will be."""

import contextlib
import tempfile

import numpy as np

__all__ = ["GrowingPoints"]

_IN_MEMORY = 2**28  # bytes beyond which points that need not be in memory are in a file


class GrowingPoints:
    """Rows of float64, added one block after the other, in a ``with`` statement, at whose end a file is closed.

    Parameters
    ----------
    d : int
        Numbers in a row.
    on_disk : bool
        Many points are kept in a temporary file that has no name, and memory-mapped.
    """

    def __init__(self, d, on_disk=False):
        self.n, self._d, self._on_disk = 0, d, on_disk
        self._held, self._file = np.empty((0, d)), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._file is not None:
            self._file.close()

    def add(self, block, expected=0):
        """Add rows.

        Parameters
        ----------
        block : ndarray of shape (n, d)
        expected : int
            How many rows there may be in all.
        """
        stop = self.n + len(block)
        if self._file is None and self._on_disk and stop * self._d * 8 > _IN_MEMORY:
            self._move()
        if self._file is not None:
            with self._naming_the_folder():
                self._file.write(np.ascontiguousarray(block))
        else:
            if stop > len(self._held):
                self._grow(max(stop, expected, len(self._held) * 3 // 2))
            self._held[self.n : stop] = block
        self.n = stop

    def array(self):
        """All rows; nothing can be added any more."""
        if self._file is None:
            self._held.resize((self.n, self._d), refcheck=False)
            return self._held
        with self._naming_the_folder():
            self._file.flush()
            return np.memmap(self._file, np.float64, "r", shape=(self.n, self._d))

    def _grow(self, n):
        if not self.n:  # without a byte of it touched: rows that never come take no memory
            self._held = np.empty((n, self._d))
        else:
            self._held.resize((n, self._d), refcheck=False)  # nothing else sees it

    def _move(self):
        with self._naming_the_folder():
            self._file = tempfile.TemporaryFile(prefix="fastmem-")  # noqa: SIM115 - closed at the end
            self._file.write(self._held[: self.n])
        self._held = None

    @contextlib.contextmanager
    def _naming_the_folder(self):
        try:
            yield
        except OSError as error:  # of a file without a name: what can be done about is its folder, by TMPDIR
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
