# Asks for a cache line that is read soon; compilers that cannot, ignore it.

cdef extern from "isa.h" nogil:
    void fastmem_prefetch(const void *address)
