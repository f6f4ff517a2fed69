"""What a partition of the points does with codes: samples of whole buckets, membership, ranges, linear maps.

All decisions depend on a code or a number alone, never on where it stands: so they do not depend on how points are cut
into partitions.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


cdef inline uint64_t mixed(uint64_t code) noexcept nogil:
    """A hash with which nearby codes have nothing in common: two multiplications by odd numbers, each with a shift."""
    code *= 0x9E3779B97F4A7C15u
    code ^= code >> 32
    code *= 0xD6E8FEB86659FD93u
    return code ^ (code >> 32)


def hash_codes(const uint64_t[::1] codes, uint64_t[::1] hashes):
    """hashes[i] = the hash of codes[i], a bijection of 64 bits."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(codes.shape[0]):
            hashes[i] = mixed(codes[i])


def find_below(const uint64_t[::1] codes, uint64_t limit, int32_t[::1] positions):
    """Positions of the codes whose hash is at most `limit`, in order; returns how many."""
    cdef Py_ssize_t i, found = 0
    with nogil:
        for i in range(codes.shape[0]):
            positions[found] = <int32_t>i  # counted if it is one: a branch would be mispredicted
            found += mixed(codes[i]) <= limit
    return found


def find_marked(const uint64_t[::1] codes, const uint8_t[::1] table, int shift, int32_t[::1] positions):
    """Positions of the codes for which table[hash >> shift] is not 0, in order; returns how many."""
    cdef Py_ssize_t i, found = 0
    with nogil:
        for i in range(codes.shape[0]):
            positions[found] = <int32_t>i
            found += table[mixed(codes[i]) >> shift] != 0
    return found


def map_codes(uint64_t[::1] codes, const uint64_t[:, ::1] table):
    """Replace every code by the XOR of table[b, byte b of the code] over its eight bytes: a linear map over GF(2)."""
    cdef Py_ssize_t i
    cdef int b
    cdef uint64_t code, image
    with nogil:
        for i in range(codes.shape[0]):
            code = codes[i]
            image = 0
            for b in range(8):
                image ^= table[b, (code >> (8 * b)) & 255]
            codes[i] = image


def count_by_range(const uint64_t[::1] codes, const uint64_t[::1] bounds, const int32_t[::1] index, int shift,
                   int64_t[::1] counts):
    """Add to counts[s] how many codes are in range s, which holds codes from bounds[s] up to bounds[s + 1].

    index is that of `index_runs` of runs.pyx for codes without their `shift` lowest bits.
    """
    cdef Py_ssize_t i
    with nogil:
        for i in range(codes.shape[0]):
            counts[range_of(codes[i], &bounds[0], &index[0], shift)] += 1


def group_by_range(const uint64_t[::1] codes, const uint64_t[::1] bounds, const int32_t[::1] index, int shift,
                   int32_t first, int32_t end, int64_t[::1] places, int32_t[::1] order):
    """Positions of the codes in ranges `first` to `end`, range by range and in order inside each.

    places[s - first] is how many codes the ranges before s have, and becomes how many these and s have; the rest is as
    for `count_by_range`.
    """
    cdef Py_ssize_t i
    cdef int32_t s
    cdef bint is_last = end == bounds.shape[0]
    cdef uint64_t low = bounds[first], high = 0 if is_last else bounds[end]
    with nogil:
        for i in range(codes.shape[0]):
            if codes[i] >= low and (is_last or codes[i] < high):
                s = range_of(codes[i], &bounds[0], &index[0], shift) - first
                order[places[s]] = <int32_t>i
                places[s] += 1


cdef inline int32_t range_of(uint64_t code, const uint64_t *bounds, const int32_t *index, int shift) noexcept nogil:
    cdef int32_t low = index[code >> shift], width = index[(code >> shift) + 1] - low + 1, half
    while width > 1:
        half = width >> 1
        low += half & -<int32_t>(bounds[low + half] <= code)
        width -= half
    return low


ctypedef fused number_t:
    int32_t
    int64_t


def find_open(const uint64_t[::1] codes, const number_t[::1] classes, uint64_t[::1] opened):
    """Of sorted codes those that have two classes, each once; returns how many."""
    cdef Py_ssize_t n = codes.shape[0], i, found = 0
    with nogil:
        for i in range(1, n):
            if codes[i] == codes[i - 1] and classes[i] != classes[i - 1]:
                if found == 0 or opened[found - 1] != codes[i]:
                    opened[found] = codes[i]
                    found += 1
    return found
