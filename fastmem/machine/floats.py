"""The floating-point environment that error bounds assume: rounding to nearest, subnormals kept.

Other code in the process may have changed either for a thread (libraries built with -ffast-math flush
subnormal numbers to zero), and two points that differ by a subnormal number would then look equal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from fastmem._kernels import floats as kernels

__all__ = ["default_environment"]


@contextmanager
def default_environment() -> Iterator[None]:
    """Context or decorator in which the calling thread, and threads it starts, use the default environment."""
    saved = np.empty(kernels.SIZE, np.uint8)
    kernels.set_default(saved)
    try:
        yield
    finally:
        kernels.restore(saved)
