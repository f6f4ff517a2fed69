"""Kernels with another instruction set than the one in use."""

import contextlib

import pytest

from fastmem._kernels import signs
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.store.features import CodeFeatures

ISAS = signs.supported_isas()


@contextlib.contextmanager
def isa(name):
    """Kernels use the given instruction set, one of ISAS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hyperplanes, "isa", ISAS.index(name))
        patch.setattr(CodeFeatures, "isa", ISAS.index(name))
        yield
