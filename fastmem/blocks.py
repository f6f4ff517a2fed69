"""Work over consecutive blocks of rows, in threads.

Kernels release the GIL, so plain Python threads use all cores; there is no OpenMP to clash with ``fork`` or
with another library's runtime. Blocks write to disjoint parts of their outputs, hence nothing depends on the
number of threads.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from fastmem.errors import InvalidInput

__all__ = ["over_row_blocks", "resolve_threads"]


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

    The exception raised is that of the first block that failed, whatever the number of threads. `bar`, if
    given, is advanced by the rows done.
    """
    size = min(max(2**20 // (d + 32), 64), 2**15)
    blocks = [(start, min(start + size, n)) for start in range(0, n, size)]
    if n_threads == 1 or len(blocks) <= 1:
        for start, stop in blocks:
            work(start, stop)
            if bar is not None:
                bar.update(stop - start)
        return
    pool = ThreadPoolExecutor(min(n_threads, len(blocks)))
    try:
        futures = [pool.submit(work, *block) for block in blocks]
        for future, (start, stop) in zip(futures, blocks, strict=True):
            future.result()
            if bar is not None:
                bar.update(stop - start)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
