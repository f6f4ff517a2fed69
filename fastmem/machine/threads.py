"""Work over consecutive blocks of rows, in threads.

Kernels release the GIL, so plain Python threads use all cores; there is no OpenMP to clash with ``fork`` or
with another library's runtime. Blocks write to disjoint parts of their outputs, hence nothing depends on the
number of threads. The calling thread works too, and waits for no thread that has not taken a block: where memory or a
limit lets no other thread start, it does all by itself.
"""

import _thread  # threading.Thread.start waits for ever for a thread that finds no memory to begin with (Python 3.11)
import contextlib
import os
import threading

import numpy as np

from fastmem.errors import InvalidInput
from fastmem.machine.blas import need_buffers

__all__ = ["block_starts", "over_blocks", "over_row_blocks", "resolve_threads", "width_of_long_blocks"]

_NARROWEST, _MOST_ROWS = 32, 2**17


def resolve_threads(n_threads):
    """Number of threads to use: all cores this process may run on for None, else the positive integer given."""
    if n_threads is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if isinstance(n_threads, bool) or not hasattr(n_threads, "__index__") or int(n_threads) < 1:
        raise InvalidInput(f"n_threads must be a positive integer or None (all cores), not {n_threads!r}")
    return int(n_threads)


def over_row_blocks(work, n, d, n_threads, bar=None):
    """Call ``work(start, stop)`` over blocks that cut ``range(n)``, each about 4 MiB of float32 points.

    The rest is as for `over_blocks`.
    """
    over_blocks(work, n, _rows_of_block(d), n_threads, bar)


def block_starts(n, d):
    """Where the blocks of `over_row_blocks` begin, and n: int64 array."""
    return np.append(np.arange(0, n, _rows_of_block(d)), n)


def _rows_of_block(d):
    return max(2**20 // (d + _NARROWEST), 64)


def width_of_long_blocks(d):
    """What `over_row_blocks` is given in place of d for blocks of 16 MiB, for work that rows of a block share."""
    return max(d // 4 - _NARROWEST, 2**20 // _MOST_ROWS - _NARROWEST)


def over_blocks(work, n, size, n_threads, bar=None):
    """Call ``work(start, stop)`` over blocks of `size` that cut ``range(n)``, in up to `n_threads` threads.

    The exception raised is that of the first block that failed, whatever the number of threads, or KeyboardInterrupt.
    `bar`, if given, is advanced by the rows done.
    """
    blocks = _Blocks(work, n, size)
    try:
        blocks.start_helpers(min(n_threads, -(-n // size)) - 1)
        blocks.work_off(bar)
        blocks.wait()
    finally:  # after an interrupt too, nothing is written to any more
        blocks.stopped = True
        blocks.wait()
    blocks.finish(bar)


class _Blocks:
    """Blocks that threads take in order, until all are taken or one has failed."""

    def __init__(self, work, n, size):
        self.work, self.n, self.size = work, n, size
        self.lock = threading.Lock()
        self.taken = self.done = self.shown = 0  # rows
        self.stopped = False
        self.failed, self.error = n, None
        self.busy = []  # a lock for each helper, held while it works

    def start_helpers(self, n_helpers):
        """Start as many threads as there can be, up to a number."""
        with contextlib.suppress(RuntimeError, MemoryError):  # RuntimeError: no thread can be started
            for started in range(n_helpers):
                need_buffers(started + 1)
                self.busy.append(threading.Lock())
                _thread.start_new_thread(self._help, (self.busy[-1],))

    def _help(self, busy):
        with busy:
            self.work_off()

    def work_off(self, bar=None):
        """Take blocks and work on them; the bar shows what all threads have done."""
        while not self.stopped:
            with self.lock:
                start = self.taken
                self.taken = stop = min(start + self.size, self.n)
            if start == stop:
                break
            try:
                self.work(start, stop)
            except BaseException as error:
                self._stop_with(start, error)
                break
            with self.lock:
                self.done += stop - start
            self.show(bar)

    def _stop_with(self, start, error):
        self.stopped = True
        if not isinstance(error, Exception):
            start = -1  # Ctrl-C is never lost to the error of a block
        with self.lock:
            if start < self.failed:
                self.failed, self.error = start, error

    def wait(self):
        """Return once no other thread works."""
        for busy in self.busy:
            with busy:
                pass

    def show(self, bar):
        """Advance the bar to the rows that are done, if there is one."""
        if bar is not None:
            done = self.done
            bar.update(done - self.shown)
            self.shown = done

    def finish(self, bar):
        """Raise what made a block fail."""
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # whose traceback holds this frame
        if self.done < self.n:
            raise MemoryError("a thread ran out of memory")
        self.show(bar)
