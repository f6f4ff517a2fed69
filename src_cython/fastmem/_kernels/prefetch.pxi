# Asks for a cache line that is read soon; compilers that cannot, ignore it.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fastmem_prefetch(address) __builtin_prefetch(address)
    #else
    #define fastmem_prefetch(address) ((void)(address))
    #endif
    """
    void fastmem_prefetch(const void *address) noexcept nogil
