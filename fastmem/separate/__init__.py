"""Choosing hyperplanes: points that must differ get different signs on at least one."""

from fastmem.separate.adaptive import separate

__all__ = ["separate"]
