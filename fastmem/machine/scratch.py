"""Arrays beyond the size of caches: in memory that is given back piece by piece, or in files without a name.

A file in a folder of the user's has no name from its beginning where the system can do that, and is gone with the
process however that ends. Its bytes are reserved at once: a full disk is an error here, and none later.
"""

import errno
import math
import mmap
import os
import tempfile

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["Scratch", "no_room"]

_ZEROS = 2**22
_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


class Scratch:
    """Where large arrays lie.

    Parameters
    ----------
    folder : str or os.PathLike, optional
        A folder for files; memory by default.

    Raises
    ------
    InvalidInput
        There is no such folder.
    """

    def __init__(self, folder=None):
        if folder is not None and not isinstance(folder, str | bytes | os.PathLike):
            raise InvalidInput(f"scratch must name a folder, not {folder!r:.100}")
        self.folder = None if folder is None else os.fspath(folder)
        self._maps = {}
        if self.folder is not None and not os.path.isdir(self.folder):
            raise InvalidInput(f"scratch is {self.folder!r:.200}, which is no folder: make it, or name another one")

    @property
    def in_files(self):
        """Whether arrays are in files."""
        return self.folder is not None

    def empty(self, shape, dtype):
        """An array of any content.

        Raises
        ------
        OSError
            The disk is full, or the folder cannot be written to.
        MemoryError
        """
        dtype = np.dtype(dtype)
        n_bytes = max(math.prod(shape) * dtype.itemsize, 1)
        held = self._file(n_bytes) if self.in_files else _memory(n_bytes)
        return np.frombuffer(held, dtype, math.prod(shape)).reshape(shape)

    def _file(self, n_bytes):
        try:
            with tempfile.TemporaryFile(dir=self.folder, prefix="fastmem-") as file:
                _reserve(file, n_bytes)
                return mmap.mmap(file.fileno(), n_bytes)
        except OSError as error:
            raise no_room(error, self.folder, n_bytes) from error

    def discard(self, array, start, stop):
        """Give back the memory of some rows of an array of `empty`, which are not read again.

        Files stay as they are, and so do pages that other rows have too.
        """
        if self.in_files or not hasattr(mmap, "MADV_DONTNEED"):
            return
        row = array.itemsize * math.prod(array.shape[1:])
        first, last = (-(-start * row // mmap.PAGESIZE), stop * row // mmap.PAGESIZE)
        if stop == len(array):
            last = -(-stop * row // mmap.PAGESIZE)
        if last > first:
            _map_of(array).madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


def no_room(error, folder, n_bytes):
    """The same OSError with the name of the folder, and how many bytes did not fit where the disk is full."""
    if error.errno in _FULL:
        what = f"{error.strerror}: {n_bytes:,} bytes more are needed for scratch files"
        return OSError(error.errno, what, os.fspath(folder))
    return OSError(error.errno, error.strerror, os.fspath(folder))


def _memory(n_bytes):
    options = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        return mmap.mmap(-1, n_bytes, **options)
    except OSError as error:
        raise MemoryError(f"there is no room for {n_bytes:,} bytes") from error


def _map_of(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return array.obj if isinstance(array, memoryview) else array


def _reserve(file, n_bytes):
    """Make sure that a file can hold so many bytes: writing to a map of a full disk would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return
    zeros = bytes(_ZEROS)
    for start in range(0, n_bytes, _ZEROS):
        file.write(zeros[: n_bytes - start])
    file.flush()
