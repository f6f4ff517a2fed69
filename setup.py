"""Finds the compiled modules; everything else stands in pyproject.toml.

The environment variable FASTMEM_BUILD asks for kernels that find their own errors (see CONTRIBUTING.md): debug checks
every index of an array, sanitize every address and all that C leaves undefined.
"""

import os
import re
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = "src_cython"
FOLDER = f"{SOURCES}/fastmem/_kernels"
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


def included(file):
    """Names of the files in its folder that a source includes, and of those that these include."""
    text = file.read_text("utf-8")
    names = set(re.findall(r'^(?:#?include|cdef extern from) "([^<"]+)"', text, re.MULTILINE))
    names |= {f"{module}.pxd" for module in re.findall(r"^from fastmem\._kernels\.(\w+) cimport", text, re.MULTILINE)}
    if file.suffix == ".pyx" and file.with_suffix(".pxd").exists():
        names.add(file.with_suffix(".pxd").name)
    return names.union(*(included(file.with_name(name)) for name in names))


extensions = [
    Extension(
        f"fastmem._kernels.{file.stem}",
        [file.as_posix()],
        include_dirs=[FOLDER],
        depends=[f"{FOLDER}/{name}" for name in sorted(included(file))],
        extra_compile_args=OPTIONS,
        extra_link_args=LINK_OPTIONS,
    )
    for file in sorted(Path(FOLDER).glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions, include_path=[SOURCES], build_dir=f"{FOLDER_BUILT}/cython", compiler_directives=DIRECTIVES
    ),
    options={"build": {"build_base": FOLDER_BUILT}},
)
