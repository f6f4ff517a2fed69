"""Networks as code that numba compiles."""

import importlib

try:
    importlib.import_module("numba")  # which all modules here need
except ImportError as error:
    raise ImportError('net.jit() compiles with numba, which is not installed: pip install "fastmem[jit]"') from error
