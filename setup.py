"""Finds the compiled modules, and compiles them side by side; everything else stands in pyproject.toml.

The environment variable FASTMEM_BUILD asks for kernels that find their own errors (see CONTRIBUTING.md): debug checks
every index of an array, sanitize every address and all that C leaves undefined.
"""

import os
import re
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

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


def size(name):
    """Bytes of a source file."""
    return Path(FOLDER, name).stat().st_size


def need_compiler():
    """End with one sentence unless there are a C compiler and the headers of Python."""
    if sys.platform == "win32":
        return  # its compilers are not on the path, and their absence is said in a sentence
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    missing = f"C compiler ({compiler})" if not shutil.which(compiler) else "" if headers.exists() else str(headers)
    if missing:
        raise SystemExit(
            f"fastmem is compiled, and there is no {missing}: install it first, on Debian and Ubuntu by "
            "'apt install gcc python3-dev', on Fedora by 'dnf install gcc python3-devel', on macOS by "
            "'xcode-select --install'"
        )


class BuildModules(build_py):
    """Takes nothing into a wheel that an earlier build left in its folder and that is no part of fastmem any more."""

    def run(self):
        folder = Path(self.build_lib, "fastmem")
        kernels = {file.stem for file in Path(FOLDER).glob("*.pyx")}
        for file in [*folder.rglob("*.py"), *folder.glob("_kernels/*.*")]:
            is_kernel = file.parent.name == "_kernels" and file.name.partition(".")[0] in kernels
            if not is_kernel and not Path(file.relative_to(self.build_lib)).exists():
                file.unlink()
        super().run()


class BuildExtensions(build_ext):
    """Translates to C what is compiled, when it is, so that no other command waits for it; on all cores."""

    def run(self):
        from Cython.Build import cythonize

        n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.parallel = self.parallel or n_cores
        translated = cythonize(
            [*self.extensions],
            nthreads=n_cores if sys.platform == "linux" else 0,  # elsewhere processes cannot be forked
            include_path=[SOURCES],
            build_dir=f"{FOLDER_BUILT}/cython",
            compiler_directives=DIRECTIVES,
        )
        for extension in self.extensions:
            (extension.sources,) = (other.sources for other in translated if other.name == extension.name)
        super().run()


if {"bdist_wheel", "build", "build_ext", "develop", "editable_wheel", "install"} & set(sys.argv):
    need_compiler()  # before anything is copied

extensions = [
    Extension(
        f"fastmem._kernels.{file.stem}",
        [file.as_posix()],
        include_dirs=[FOLDER],
        depends=[f"{FOLDER}/{name}" for name in sorted(included(file))],
        extra_compile_args=OPTIONS,
        extra_link_args=LINK_OPTIONS,
    )
    # The one that takes longest first.
    for file in sorted(Path(FOLDER).glob("*.pyx"), key=lambda file: -sum(map(size, {file.name, *included(file)})))
]

setup(
    ext_modules=extensions,
    cmdclass={"build_py": BuildModules, "build_ext": BuildExtensions},
    options={"build": {"build_base": FOLDER_BUILT}},
)
