"""Networks as code that numba compiles."""

from fastmem.machine.partners import need

need("numba", what="jit", extra="jit")  # as all modules here do
