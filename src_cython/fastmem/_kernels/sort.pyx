"""Codes in order, and buckets of points split by codes.

A comparison sort of n codes takes n log n steps that the processor mispredicts; sorting digit by digit, from the
last to the first, takes a pass for each nine bits in which the codes may differ (Knuth, The Art of Computer
Programming 3, section 5.2.5, algorithm R). Every pass keeps equal digits in their order, so the sort is stable.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset

include "prefetch.pxi"

cdef enum:
    DIGIT = 9  # bits: so many streams of writes are fast still
    MOST_DIGITS = 8
    FEW = 16  # points that are inserted one by one
    AHEAD = 16
COUNTS = MOST_DIGITS << DIGIT

ctypedef fused number_t:
    int32_t
    int64_t


def radix_sort(uint64_t[::1] codes, number_t[::1] companions, uint64_t[::1] codes_spare,
               number_t[::1] companions_spare, int64_t[::1] counts):
    """Sort codes, and their companions along with them, stably. The spare arrays and counts (COUNTS,) are overwritten."""
    cdef Py_ssize_t n = codes.shape[0]
    with nogil:
        if n:
            sort_pairs(n, &codes[0], &companions[0], &codes_spare[0], &companions_spare[0], &counts[0])


def split_buckets(uint64_t[::1] codes, int64_t[::1] rows, const int64_t[::1] starts, const int32_t[::1] classes,
                  uint64_t[::1] codes_spare, int64_t[::1] rows_spare, int64_t[::1] counts, int64_t[::1] new_starts):
    """Split the buckets rows[starts[k]:starts[k + 1]] by codes, and keep the parts that hold two classes.

    In a bucket rows stand class by class, and so they do in its parts: the ends of one show whether it holds two
    classes. The parts that do are moved to the front, in the order of their buckets and codes, as the buckets
    rows[new_starts[k]:new_starts[k + 1]]. The other arrays are overwritten; counts as in `radix_sort`.

    Returns the number of buckets kept, and of all parts.
    """
    cdef Py_ssize_t bucket, first, i, k, start, stop, n = rows.shape[0], parts = 0, found = 0, kept = 0
    with nogil:
        new_starts[0] = 0
        for bucket in range(starts.shape[0] - 1):
            start = starts[bucket]
            stop = starts[bucket + 1]
            if stop - start <= FEW:
                insert_pairs(stop - start, &codes[start], &rows[start])
            else:
                sort_pairs(stop - start, &codes[start], &rows[start], &codes_spare[0], &rows_spare[0], &counts[0])
            first = start
            for i in range(start + 1, stop + 1):
                if i + AHEAD < n:
                    fastmem_prefetch(&classes[rows[i + AHEAD]])
                if i < stop and codes[i] == codes[first]:
                    continue
                parts += 1
                if i - first > 1 and classes[rows[first]] != classes[rows[i - 1]]:
                    for k in range(first, i):
                        rows[kept] = rows[k]
                        kept += 1
                    found += 1
                    new_starts[found] = kept
                first = i
    return found, parts


cdef inline void insert_pairs(Py_ssize_t n, uint64_t *codes, int64_t *rows) noexcept nogil:
    cdef Py_ssize_t i, k
    cdef uint64_t code
    cdef int64_t row
    for i in range(1, n):
        code = codes[i]
        row = rows[i]
        k = i
        while k > 0 and codes[k - 1] > code:
            codes[k] = codes[k - 1]
            rows[k] = rows[k - 1]
            k -= 1
        codes[k] = code
        rows[k] = row


cdef void sort_pairs(Py_ssize_t n, uint64_t *codes, number_t *companions, uint64_t *codes_spare,
                     number_t *companions_spare, int64_t *counts) noexcept nogil:
    cdef uint64_t every = codes[0], some = codes[0], differing, code, last
    cdef uint64_t *source = codes
    cdef uint64_t *target = codes_spare
    cdef number_t *source_companions = companions
    cdef number_t *target_companions = companions_spare
    cdef int64_t *digit_counts
    cdef int64_t place, count
    cdef Py_ssize_t i
    cdef int lowest = 0, bits = 0, digits, width, digit, shift
    for i in range(1, n):
        every &= codes[i]
        some |= codes[i]
    differing = every ^ some
    if differing == 0:
        return
    while not (differing >> lowest) & 1:
        lowest += 1
    while bits < 64 - lowest and differing >> (lowest + bits):
        bits += 1
    digits = (bits + DIGIT - 1) // DIGIT
    width = (bits + digits - 1) // digits
    last = (<uint64_t>1 << width) - 1
    memset(counts, 0, digits * (last + 1) * sizeof(int64_t))
    for i in range(n):
        code = codes[i] >> lowest
        for digit in range(digits):
            counts[((<uint64_t>digit) << width) + (code & last)] += 1
            code >>= width
    for digit in range(digits):
        digit_counts = counts + ((<uint64_t>digit) << width)
        place = 0
        for i in range(<Py_ssize_t>last + 1):
            count = digit_counts[i]
            digit_counts[i] = place
            place += count
        shift = lowest + digit * width
        for i in range(n):
            code = source[i]
            place = digit_counts[(code >> shift) & last]
            digit_counts[(code >> shift) & last] = place + 1
            target[place] = code
            target_companions[place] = source_companions[i]
        source, target = target, source
        source_companions, target_companions = target_companions, source_companions
    if digits & 1:
        memcpy(codes, codes_spare, n * sizeof(uint64_t))
        memcpy(companions, companions_spare, n * sizeof(number_t))
