from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef inline Py_ssize_t find_repeated(const uint64_t[::1] codes, uint64_t mask, uint8_t[::1] seen,
                                     int64_t[::1] positions) noexcept nogil:
    """Fill in positions of all codes that occur more than once under a mask, and of a few others; how many they are.

    A table of 2-bit counters, four a byte, at hashes of the masked codes: what shares its counter with no other code is
    not repeated.
    """
    cdef Py_ssize_t n = codes.shape[0], i, found = 0
    cdef uint64_t slot, slots = 4 * <uint64_t>seen.shape[0] - 1
    cdef int shift
    seen[:] = 0
    for i in range(n):
        slot = hashed(codes[i] & mask) & slots
        shift = 2 * (slot & 3)
        # 0 -> 1 -> 3: the upper bit says more than once.
        seen[slot >> 2] |= (((seen[slot >> 2] >> shift) & 1) << 1 | 1) << shift
    for i in range(n):
        slot = hashed(codes[i] & mask) & slots
        positions[found] = i
        found += (seen[slot >> 2] >> (2 * (slot & 3) + 1)) & 1
    return found


cdef inline uint64_t hashed(uint64_t code) noexcept nogil:
    code *= <uint64_t>0x9E3779B97F4A7C15
    return code ^ (code >> 32)
