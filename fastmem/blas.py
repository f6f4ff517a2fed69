"""One BLAS thread while hyperplanes are chosen.

The matrices of the search are small, so threads of BLAS gain little; where other programs keep the cores busy, they
wait for each other and lose much. And what BLAS rounds may depend on their number, hence so would the network.
"""

import threading
from contextlib import contextmanager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded_blas"]


class _Users:
    """How many calls need one thread now, and what puts back the threads there were before the first."""

    lock = threading.Lock()
    count = 0
    limiter = None


@cache
def _controller():
    return ThreadpoolController()  # looks through all loaded libraries


_BUFFER = 3 * 2**24  # bytes, more than OpenBLAS takes: 2^25


@cache
def _take_buffer():
    """Have BLAS take its buffer now, if there is memory for it: where it finds none, OpenBLAS ends the process.

    It is taken with the first product that is not small, and kept. Each further thread takes one of its own.
    """
    np.empty(_BUFFER, np.uint8)
    some = np.ones((128, 128))
    some @ some


@contextmanager
def single_threaded_blas():
    """Context or decorator in which NumPy's BLAS uses one thread, whoever in the process calls it.

    A BLAS that some other library loads after the first use keeps its threads: the search does not call it.

    Raises
    ------
    MemoryError
        BLAS would find no memory to work with.
    """
    with _Users.lock:
        if _Users.count == 0:
            _Users.limiter = _controller().limit(limits=1, user_api="blas")
        _Users.count += 1
    try:
        _take_buffer()
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if _Users.count == 0:
                _Users.limiter.restore_original_limits()
