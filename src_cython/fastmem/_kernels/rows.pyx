"""Which rows of X are equal as points: a 64-bit hash of each row, and exact comparison of two rows.

Equal points have equal hashes (0.0 and -0.0 are the same number); rows with equal hashes are compared number
by number afterwards, so a hash collision costs time and never a wrong answer.

A row is hashed as sum_k v_k a_k modulo 2^64 (Carter & Wegman 1979, "Universal classes of hash functions"): v_k are the
32-bit words of its numbers, a_k random keys of 64 bits. Where two rows differ in words v_k by a multiple of 2^z and
not of 2^(z + 1), they collide for 2^z of 2^64 keys: for one in 2^33 at worst. Nothing in the sum waits for anything
else, so that the compiler makes vectors of it: keys come in halves, since vectors multiply 32 bits by 32.
"""

from cython cimport floating
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

include "prefetch.pxi"

ctypedef fused number_t:
    float
    double

cdef enum:
    TILE = 256
    LANES = 8
    AHEAD = 8  # rows
    PREFETCHED = 4096  # bytes of a row: the processor sees on its own where the rest is


def hash_rows(const floating[:, :] X, const uint32_t[:, ::1] keys, uint64_t[::1] hashes):
    """Hash every row. Returns the first row that holds a NaN or an infinity, or -1, and the largest squared norm.

    keys (2, words of a row) holds the lower and the upper halves of a_k. Squares are taken and added in float64, always
    in the same order: number k of a row to sum k modulo LANES, the last numbers, fewer than LANES, one after the other.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], i, k, start, length, bad = -1
    cdef Py_ssize_t words = sizeof(floating) // 4
    cdef bint contiguous = X.strides[1] == sizeof(floating)
    cdef uint64_t low, high, exponents
    cdef floating tile[TILE]
    cdef const floating *x
    cdef double sums[LANES]
    cdef double rest, square, largest = 0.0
    with nogil:
        for i in range(n):
            for k in range(LANES):
                sums[k] = 0.0
            rest = 0.0
            low = 0
            high = 0
            exponents = 0
            start = 0
            while start < d:
                length = min(<Py_ssize_t>TILE, d - start)
                if contiguous:
                    x = &X[i, start]
                else:
                    for k in range(length):
                        tile[k] = X[i, start + k]
                    x = tile
                exponents |= add_words(x, length, &keys[0, words * start], &keys[1, words * start], &low, &high)
                rest += add_squares(x, length, sums)
                start += length
            if exponents:
                bad = i
                break
            hashes[i] = mix(low + (high << 32))
            square = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest
            largest = max(largest, square)
    return bad, largest


cdef inline uint64_t add_words(const floating *x, Py_ssize_t length, const uint32_t *low_keys,
                               const uint32_t *high_keys, uint64_t *low, uint64_t *high) noexcept nogil:
    """Add to both sums; returns 0 if all numbers are finite.

    A number is read as an integer of its absolute value, negated where the number is: so both zeros are 0. Adding one
    to the exponent carries to the sign bit where it was all ones: infinities and NaN.
    """
    cdef uint64_t low_sum = 0, high_sum = 0, bits, sign, carries = 0
    cdef uint32_t bits32, sign32, carries32 = 0
    cdef Py_ssize_t k
    if floating is float:
        for k in range(length):
            memcpy(&bits32, &x[k], 4)
            sign32 = 0 - (bits32 >> 31)
            bits32 &= 0x7fffffffu
            carries32 |= bits32 + 0x00800000u
            bits32 = (bits32 ^ sign32) - sign32
            low_sum += <uint64_t>bits32 * low_keys[k]
            high_sum += <uint64_t>bits32 * high_keys[k]
        carries = <uint64_t>carries32 << 32
    else:
        for k in range(length):
            memcpy(&bits, &x[k], 8)
            sign = 0 - (bits >> 63)
            bits &= 0x7fffffffffffffffull
            carries |= bits + 0x0010000000000000ull
            bits = (bits ^ sign) - sign
            low_sum += (bits & 0xffffffffu) * low_keys[2 * k] + (bits >> 32) * low_keys[2 * k + 1]
            high_sum += (bits & 0xffffffffu) * high_keys[2 * k] + (bits >> 32) * high_keys[2 * k + 1]
    low[0] += low_sum
    high[0] += high_sum
    return carries >> 63


cdef inline double add_squares(const floating *x, Py_ssize_t length, double *sums) noexcept nogil:
    """Add squares to LANES sums; returns those of the last numbers, fewer than LANES."""
    cdef Py_ssize_t k, lane, whole = length - length % LANES
    cdef double lanes[LANES]
    cdef double rest = 0.0
    for lane in range(LANES):
        lanes[lane] = sums[lane]
    for k in range(length // LANES):
        for lane in range(LANES):
            lanes[lane] += <double>x[k * LANES + lane] * <double>x[k * LANES + lane]
    for lane in range(LANES):
        sums[lane] = lanes[lane]
    for k in range(whole, length):
        rest += <double>x[k] * <double>x[k]
    return rest


cdef inline uint64_t mix(uint64_t h) noexcept nogil:
    """The finalizer of MurmurHash3 (Appleby, public domain)."""
    h ^= h >> 33
    h *= 0xff51afd7ed558ccdull
    h ^= h >> 33
    h *= 0xc4ceb9fe1a85ec53ull
    return h ^ (h >> 33)


def hash_values(const floating[:, :] X, uint64_t[::1] hashes):
    """Hash the numbers of every row. Returns the first row that holds a NaN or an infinity, or -1.

    Rows of equal numbers have equal hashes, float32 and float64 alike, and 0.0 and -0.0. Those of others are as good as
    random: number i is mixed as a float64 beside a multiple of i, what comes of all is added up, and mixed again. No
    floating-point operation is used, so that no setting of the processor matters.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], i, k, bad = -1
    cdef uint64_t total, bits, place, carries
    with nogil:
        for i in range(n):
            total = place = carries = 0
            for k in range(d):
                bits = bits_of(&X[i, k])
                carries |= (bits & 0x7fffffffffffffffull) + 0x0010000000000000ull
                place += 0x9e3779b97f4a7c15ull
                total += mix(bits + place)
            if carries >> 63:
                bad = i
                break
            hashes[i] = mix(total)
    return bad


cdef inline uint64_t bits_of(const floating *x) noexcept nogil:
    """The bits of a number as a float64, 0 for both zeros."""
    cdef uint64_t bits, fraction
    cdef uint32_t bits32
    cdef int64_t exponent
    if floating is double:
        memcpy(&bits, x, 8)
        return bits if bits << 1 else 0
    else:
        memcpy(&bits32, x, 4)
        exponent, fraction = bits32 >> 23 & 0xff, bits32 & 0x7fffff
        bits = <uint64_t>(bits32 >> 31) << 63
        if exponent == 0xff:
            return bits | <uint64_t>0x7ff << 52 | fraction << 29
        if exponent == 0:
            if fraction == 0:
                return 0
            exponent = 1
            while fraction < 0x800000:
                fraction <<= 1
                exponent -= 1
            fraction &= 0x7fffff
        return bits | <uint64_t>(exponent + 896) << 52 | fraction << 29


def take_rows(const floating[:, :] X, const int64_t[::1] rows, floating[:, ::1] taken):
    """taken[i] = X[rows[i]], asking for rows ahead of time: they lie anywhere in memory."""
    cdef Py_ssize_t n = rows.shape[0], d = X.shape[1], i, k
    cdef Py_ssize_t line = 64 // sizeof(floating), lines = min(d, <Py_ssize_t>(PREFETCHED // sizeof(floating)))
    cdef bint contiguous = X.strides[1] == sizeof(floating)
    with nogil:
        for i in range(n):
            if contiguous:
                if i + AHEAD < n:
                    k = 0
                    while k < lines:
                        fastmem_prefetch(&X[rows[i + AHEAD], k])
                        k += line
                memcpy(&taken[i, 0], &X[rows[i], 0], d * sizeof(floating))
            else:
                for k in range(d):
                    taken[i, k] = X[rows[i], k]


def take_columns(const floating[:, :] X, const int64_t[::1] columns, const int64_t[::1] lines, floating[:, ::1] taken):
    """taken[i, k] = X[i, columns[k]]; columns `lines` of rows ahead are asked for, one of each cache line that is read.

    The processor does not see on its own where the next row's numbers lie.
    """
    cdef Py_ssize_t n = X.shape[0], r = columns.shape[0], i, k
    cdef bint column_by_column = X.strides[0] == sizeof(floating)
    with nogil:
        for k in range(r if column_by_column else 0):
            for i in range(n):
                taken[i, k] = X[i, columns[k]]
        for i in range(0 if column_by_column else n):
            if i + AHEAD < n:
                for k in range(lines.shape[0]):
                    fastmem_prefetch(&X[i + AHEAD, lines[k]])
            for k in range(r):
                taken[i, k] = X[i, columns[k]]


def take_entries(const floating[:, :] X, const int64_t[::1] rows, const int64_t[::1] columns, const int64_t[::1] lines,
                 floating[:, ::1] taken):
    """taken[i, k] = X[rows[i], columns[k]], with `lines` as for `take_columns`."""
    cdef Py_ssize_t n = rows.shape[0], r = columns.shape[0], i, k
    with nogil:
        for i in range(n):
            if i + AHEAD < n:
                for k in range(lines.shape[0]):
                    fastmem_prefetch(&X[rows[i + AHEAD], lines[k]])
            for k in range(r):
                taken[i, k] = X[rows[i], columns[k]]


def place_rows(const floating[:, ::1] X, const double[::1] centre, const double[::1] scales, double farthest,
               number_t[:, ::1] places):
    """places[i, k] = (X[i, k] - centre[k]) scales[k] in float64, moved into [-farthest, farthest] and then rounded.

    0 where that is infinity times 0. Returns the largest absolute value.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], i, k
    cdef double place, largest = 0.0
    with nogil:
        for i in range(n):
            for k in range(d):
                place = (X[i, k] - centre[k]) * scales[k]
                place = place if place == place else 0.0
                place = farthest if place > farthest else place
                place = -farthest if place < -farthest else place
                largest = place if place > largest else largest
                largest = -place if -place > largest else largest
                places[i, k] = <number_t>place
    return largest


def equal_rows(const floating[:, :] A, const floating[:, :] B, unsigned char[::1] equal):
    """equal[i] = 1 where row i of A and row i of B are the same point."""
    cdef Py_ssize_t n = A.shape[0], d = A.shape[1], i, k
    with nogil:
        for i in range(n):
            equal[i] = 1
            for k in range(d):
                if A[i, k] != B[i, k]:
                    equal[i] = 0
                    break
