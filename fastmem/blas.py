"""One BLAS thread while hyperplanes are chosen.

The matrices of the search are small, so threads of BLAS gain little; where other programs keep the cores busy, they
wait for each other and lose much. And what BLAS rounds may depend on their number, hence so would the network.
"""

import threading
from contextlib import contextmanager
from functools import cache

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


@contextmanager
def single_threaded_blas():
    """Context or decorator in which NumPy's BLAS uses one thread, whoever in the process calls it.

    A BLAS that some other library loads after the first use keeps its threads: the search does not call it.
    """
    with _Users.lock:
        if _Users.count == 0:
            _Users.limiter = _controller().limit(limits=1, user_api="blas")
        _Users.count += 1
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if _Users.count == 0:
                _Users.limiter.restore_original_limits()
