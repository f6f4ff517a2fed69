"""The compiled layer, and its contract.

A kernel is compiled from ``src_cython/fastmem/_kernels``. Its caller has validated every argument and
allocated every array: contiguous typed memory of the dtypes the signature names (only points may be strided),
indices in range, sizes that fit each other. A kernel takes no Python object, allocates nothing, checks
nothing, releases the GIL and keeps no state, so that it may run in many threads at once on disjoint outputs. Arrays
that do not change from call to call, those of hyperplanes, features, ribbons and units that carry numbers, are given
once to an object (`SignTables`, `FeatureTables`, `RibbonTables`, `FilterTables`, `WordTables`), which keeps them.
"""

try:
    from fastmem._kernels import (
        codewords,
        distances,
        floats,
        layers,
        lifts,
        numbers,
        partitions,
        probe,
        programs,
        ribbon,
        rows,
        runs,
        search,
        signs,
        sort,
    )
except ImportError as error:
    raise ImportError(
        "the compiled modules of fastmem cannot be imported. If Python runs in fastmem's source folder, which holds "
        "none: start it in another folder to use the installed fastmem, or install in place (see CONTRIBUTING.md)"
    ) from error

__all__ = [
    "ISA", "codewords", "distances", "floats", "layers", "lifts", "numbers", "partitions", "probe", "programs",
    "ribbon", "rows", "runs", "search", "signs", "sort",
]  # fmt: skip

ISA = signs.supported_isas().index(signs.isa_in_use())
"""The instruction set in use, as the kernels take it that have several."""
