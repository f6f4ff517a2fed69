# What other kernels may take from ribbon.pyx: its tables, and the readers of ribbon.h.

from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t

cdef extern from "ribbon.h" nogil:
    enum:
        FASTMEM_BATCH
    ctypedef struct fastmem_features:
        const uint64_t *counts
        const uint64_t *by_digit
        const int32_t *shifts
        int n_groups
    ctypedef struct fastmem_equations:
        const uint16_t *bytes
        int n_bytes
        uint64_t spacing
        fastmem_features features
    ctypedef struct fastmem_ribbon:
        const uint64_t *firsts
        const int32_t *index
        int shift
        fastmem_equations equations
        int n_planes
        Py_ssize_t n_words
        const uint64_t *table
    ctypedef struct fastmem_reader:
        void (*count)(const uint64_t *codes, Py_ssize_t n, const fastmem_features *features,
                      uint64_t *f) noexcept nogil
        void (*read)(const uint64_t *codes, Py_ssize_t n, const fastmem_ribbon *ribbon, uint64_t *values) noexcept nogil
    const fastmem_reader *const *fastmem_readers
    int fastmem_first_bit(uint64_t x)
    uint64_t fastmem_parity(uint64_t x)
    void fastmem_starts(const uint64_t *codes, Py_ssize_t n, const fastmem_equations *equations, int64_t *starts)


cdef class FeatureTables:
    cdef const uint64_t[:, :, ::1] counts, by_digit
    cdef const int32_t[::1] shifts
    cdef fastmem_features features


cdef class RibbonTables:
    cdef const uint64_t[::1] firsts, table
    cdef const int32_t[::1] index
    cdef const uint16_t[:, ::1] bytes
    cdef FeatureTables features
    cdef fastmem_ribbon ribbon
