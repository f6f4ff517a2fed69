"""Lists the compiled modules; everything else stands in pyproject.toml."""

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

extensions = [
    Extension(
        f"fastmem._kernels.{name}",
        [f"{FOLDER}/{name}.pyx"],
        include_dirs=[FOLDER],
        depends=[f"{FOLDER}/{file}" for file in DEPENDS.get(name, ())],
        extra_compile_args=OPTIONS,
    )
    for name in ("environment", "signs", "rows", "sort", "search", "store", "blocks", "ribbon", "codewords", "layers")
]

setup(
    ext_modules=cythonize(
        extensions,
        build_dir="build/cython",
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    )
)
