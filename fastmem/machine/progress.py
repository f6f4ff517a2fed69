"""Progress bars: ``progress=True`` for tqdm's own choice of bar, or a tqdm class of the caller's."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from fastmem.errors import InvalidInput
from fastmem.machine.partners import need

__all__ = ["Progress", "progress_bar"]

Progress = bool | Callable[..., Any]  # a tqdm class, or what takes its arguments and is such a context manager


class _NoBar:
    def update(self, n=1):
        """Advance by `n`: nothing to show."""


def progress_bar(progress, total, description, unit="points"):
    """Context manager that yields an object with ``update(n)``."""
    if progress is None or progress is False:
        return nullcontext(_NoBar())
    if progress is True:
        progress = need("tqdm.auto", what="progress=True").tqdm
    if not callable(progress):
        raise InvalidInput(f"progress must be True, False or a tqdm class, not {progress!r}")
    return progress(total=total, desc=description, unit=unit, unit_scale=True, leave=False)
