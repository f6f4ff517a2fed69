"""Rounding modes and flushed subnormals of a thread, as glibc sets them on x86-64 and on 64-bit Arm."""

import contextlib
import ctypes
import platform
import sys

import pytest

# What to set in a fenv_t, as (word of 32 bits, bits). On x86-64 it holds seven words of the x87 unit, the first its
# control word, and then MXCSR; on Arm FPCR and FPSR.
_OF_X86 = {
    "downward": ((0, 0x400), (7, 0x2000)),
    "upward": ((0, 0x800), (7, 0x4000)),
    "toward zero": ((0, 0xC00), (7, 0x6000)),
    "flushed": ((7, 0x8040),),  # flush-to-zero and denormals-are-zero
}
_OF_ARM = {
    "downward": ((0, 2 << 22),),
    "upward": ((0, 1 << 22),),
    "toward zero": ((0, 3 << 22),),
    "flushed": ((0, 1 << 24),),
}
_N_WORDS = 8
_IS_GLIBC = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
_SETTINGS = {"x86_64": _OF_X86, "aarch64": _OF_ARM}.get(platform.machine(), {}) if _IS_GLIBC else {}

ROUNDING = ("downward", "upward", "toward zero")
ENVIRONMENTS = ("default", *_SETTINGS, *(["all"] if _SETTINGS else []))  # all: toward zero, and flushed
needs_environments = pytest.mark.skipif(not _SETTINGS, reason="the bits are those of glibc on x86-64 and on 64-bit Arm")


@contextlib.contextmanager
def environment(name):
    """The thread's arithmetic rounds another way or takes subnormals for 0; checked to be so still at the end."""
    if name == "default":
        yield
        return
    libm = ctypes.CDLL("libm.so.6")
    before, changed, after = ((ctypes.c_uint32 * _N_WORDS)() for _ in range(3))
    libm.fegetenv(before)
    libm.fegetenv(changed)
    for setting in ("toward zero", "flushed") if name == "all" else (name,):
        for word, bits in _SETTINGS[setting]:
            changed[word] |= bits
    assert libm.fesetenv(changed) == 0
    try:
        yield
        libm.fegetenv(after)
        for word, bits in {pair for settings in _SETTINGS.values() for pair in settings}:
            assert after[word] & bits == changed[word] & bits, "the floating-point environment was not put back"
    finally:
        libm.fesetenv(before)
