"""Networks as C programs."""

from fastmem.export.c.program import CSize, write

__all__ = ["CSize", "write"]
