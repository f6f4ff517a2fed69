"""Room for libraries that end the process where they find no memory, instead of raising MemoryError."""

import mmap

__all__ = ["need_room"]


def need_room(n_bytes):
    """Raise MemoryError unless so many bytes of memory can be had now, in one piece; they are given back at once."""
    try:
        mmap.mmap(-1, n_bytes).close()
    except OSError as error:
        raise MemoryError(f"there is no room for {n_bytes} bytes") from error
