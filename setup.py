"""Lists the compiled modules; everything else stands in pyproject.toml.

The environment variable FASTMEM_BUILD asks for kernels that find their own errors (see CONTRIBUTING.md): debug checks
every index of an array, sanitize every address and all that C leaves undefined.
"""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

FOLDER = "src_cython/fastmem/_kernels"
DEPENDS = {
    "environment": ["fenv.pxi"],
    "signs": ["fenv.pxi", "isa.h", "panel.h", "panel_steps.h", "panel_rows.h"],
    "rows": ["prefetch.pxi", "isa.h"],
    "sort": ["prefetch.pxi", "isa.h"],
    "store": ["prefetch.pxi", "isa.h"],
    "blocks": ["prefetch.pxi", "isa.h"],
    "ribbon": ["isa.h", "ribbon.h", "ribbon_steps.h"],
}
# No option that lets a compiler change a floating-point result: signs are decided by proved bounds.
OPTIONS = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
LINK_OPTIONS = []
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
}
SANITIZERS = {
    "debug": [],
    # Python's own options have -fwrapv, with which an overflow would be none.
    "sanitize": ["-fno-wrapv", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"],
}

build = os.environ.get("FASTMEM_BUILD", "")
if build:
    if build not in SANITIZERS:
        raise SystemExit(f"FASTMEM_BUILD={build!r} is not known: leave it unset, or take {' or '.join(SANITIZERS)}")
    if sys.platform == "win32":
        raise SystemExit("FASTMEM_BUILD takes GCC or clang: leave it unset on Windows")
    OPTIONS = ["-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=off", *SANITIZERS[build]]
    LINK_OPTIONS = SANITIZERS[build]
if build == "debug":
    OPTIONS.append("-UNDEBUG")
    DIRECTIVES |= {"boundscheck": True, "cdivision": False, "initializedcheck": True, "nonecheck": True}
# In a folder of its own: an object file of one build is never taken for one of another.
FOLDER_BUILT = f"build/{build}" if build else "build"

extensions = [
    Extension(
        f"fastmem._kernels.{name}",
        [f"{FOLDER}/{name}.pyx"],
        include_dirs=[FOLDER],
        depends=[f"{FOLDER}/{file}" for file in DEPENDS.get(name, ())],
        extra_compile_args=OPTIONS,
        extra_link_args=LINK_OPTIONS,
    )
    for name in ("environment", "signs", "rows", "sort", "search", "store", "blocks", "ribbon", "codewords", "layers")
]

setup(
    ext_modules=cythonize(extensions, build_dir=f"{FOLDER_BUILT}/cython", compiler_directives=DIRECTIVES),
    options={"build": {"build_base": FOLDER_BUILT}},
)
