"""One BLAS thread while hyperplanes are chosen.

The matrices of the search are small, so threads of BLAS gain little; where other programs keep the cores busy, they
wait for each other and lose much. And what BLAS rounds may depend on their number, hence so would the network.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from fastmem.machine.memory import need_room
from fastmem.machine.partners import need

__all__ = ["need_buffers", "single_threaded_blas"]

_BUFFER = 3 * 2**24  # bytes, more than OpenBLAS takes for a thread: 2^25


class _Users:
    """Who needs one thread now, as pairs of thread and token, and how many there were before the first."""

    lock = threading.Lock()
    present = set()  # noqa: RUF012
    before = []  # noqa: RUF012


@cache
def _libraries():
    """NumPy's BLAS and those of others; this looks through all loaded libraries."""
    threadpoolctl = need("threadpoolctl", what="memorize")
    return [library for library in threadpoolctl.ThreadpoolController().lib_controllers if library.user_api == "blas"]


def need_buffers(n_threads):
    """Raise MemoryError unless there is room for BLAS's buffers: where OpenBLAS finds none, it ends the process."""
    need_room(n_threads * _BUFFER)


@cache
def _take_buffer():
    """Have BLAS take its buffer now: it does so with the first product that is not small, and keeps it."""
    need_buffers(1)
    some = np.ones((128, 128))
    some @ some


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Context or decorator in which NumPy's BLAS uses one thread, whoever in the process calls it.

    The last one who leaves puts back the numbers that the first one found. A BLAS that some other library loads after
    the first use keeps its threads: the search does not call it.

    Raises
    ------
    MemoryError
        BLAS would find no memory to work with.
    """
    user = threading.get_ident(), object()
    try:
        _to_its_end(_enter, user)
        _take_buffer()
        yield
    finally:
        _to_its_end(_leave, user)


def _to_its_end(step, user):
    """Take a step that may be taken twice, and do so if Ctrl-C cuts it short."""
    try:
        step(user)
    except KeyboardInterrupt:
        step(user)
        raise


def _enter(user):
    with _Users.lock:
        if not _Users.before:
            numbers = [(library, library.get_num_threads()) for library in _libraries()]
            _Users.before = [(library, number) for library, number in numbers if number is not None]
        _Users.present.add(user)
        for library, _ in _Users.before:
            _set_number(library, 1)


def _leave(user):
    with _Users.lock:
        _Users.present.discard(user)
        if not _Users.present:
            for library, number in _Users.before:
                _set_number(library, number)
            _Users.before = []


def _set_number(library, number):
    """Set a library's number of threads, from whatever thread of Python.

    From version 3.8 on, threadpoolctl lets only one of these set it, the first one, and ignores the others.
    """
    let_go = getattr(library, "clear_controlling_thread", lambda force: None)
    let_go(force=True)
    library.set_num_threads(number)
    let_go(force=True)


def _after_fork():
    """Only the thread that forked goes on in the child; the lock may be held, and users be left, by others."""
    _Users.lock = threading.Lock()
    _Users.present = {user for user in _Users.present if user[0] == threading.get_ident()}
    _leave(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
