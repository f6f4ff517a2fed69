"""Attributes that are derived once, when they are first asked for."""

import functools
import sys
from typing import TYPE_CHECKING

__all__ = ["cached_property"]

if sys.version_info >= (3, 12) or TYPE_CHECKING:
    cached_property = functools.cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801
        """That of Python 3.12, which takes no lock: a process forked while another thread held it would wait for ever.

        Threads that ask at the same time may all compute the value, and get the one that was first.
        """

        def __get__(self, instance, owner=None):
            """The value, computed once for an instance."""
            if instance is None:
                return self
            return instance.__dict__.setdefault(self.attrname, self.func(instance))
