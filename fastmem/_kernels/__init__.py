"""The compiled layer, and its contract.

A kernel is compiled from ``src_cython/fastmem/_kernels``. Its caller has validated every argument and
allocated every array: contiguous typed memory of the dtypes the signature names (only points may be strided),
indices in range, sizes that fit each other. A kernel takes no Python object, allocates nothing, checks
nothing, releases the GIL and keeps no state, so that it may run in many threads at once on disjoint outputs.
"""
