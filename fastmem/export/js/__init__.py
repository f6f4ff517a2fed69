"""Networks as JavaScript modules."""

from fastmem.export.js.module import write

__all__ = ["write"]
