"""Files as memory that can only be read, shared by all processes that map the same file."""

import errno
import mmap
import os
import stat

import numpy as np

from fastmem.errors import InvalidInput

__all__ = ["mapped", "with_more"]


def mapped(file):
    """The bytes of an open file, which may be closed then: uint8 array that is not writeable, of a memory map.

    Raises
    ------
    InvalidInput
        It is a pipe or a device.
    OSError
        The file system maps no files; it names the file.
    """
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{os.fspath(file.name)} is no regular file, which alone can be mapped: leave mmap=True out")
    if status.st_size == 0:  # of nothing there is no map
        return np.empty(0, np.uint8)
    try:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"there is no room to map {status.st_size} bytes") from error
        raise OSError(error.errno, error.strerror, file.name) from error
    return np.ndarray(len(memory), np.uint8, memory)


def with_more(array, n):
    """The numbers of an array and n more, whatever the mapped file holds behind it: a flat view, not writeable.

    None if the array is no view of `mapped`, or the file ends before.
    """
    whole = array.base
    if not (type(whole) is np.ndarray and isinstance(whole.base, mmap.mmap) and whole.dtype == np.uint8):
        return None
    if array.flags.writeable or not array.flags.c_contiguous:
        return None
    start = _address(array) - _address(whole)
    stop = start + array.nbytes + n * array.itemsize
    return whole[start:stop].view(array.dtype) if stop <= len(whole) else None


def _address(array):
    return array.__array_interface__["data"][0]
