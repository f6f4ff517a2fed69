# Sums of products without rounding, step 3 of signs.pyx: digits of 32 bits that hold any float32 times any float64 number.

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    DIGITS = 80  # 32-bit digits of the exact accumulator
    LOWEST = -1248  # power of two of its lowest bit


cdef inline void add_shifted(int64_t *digits, uint64_t value, int position, int64_t sign) noexcept nogil:
    """digits += sign * value * 2^position, value below 2^51."""
    cdef int digit = position >> 5
    cdef int shift = position & 31
    cdef uint64_t low = (value & 0xFFFFFFFFu) << shift
    cdef uint64_t high = (value >> 32) << shift
    digits[digit] += sign * <int64_t>(low & 0xFFFFFFFFu)
    digits[digit + 1] += sign * <int64_t>((low >> 32) + (high & 0xFFFFFFFFu))
    digits[digit + 2] += sign * <int64_t>(high >> 32)


cdef inline void add_product(int64_t *digits, double w, double x) noexcept nogil:
    """digits += w * x for w of float32 precision and any finite x."""
    cdef uint64_t w_bits, x_bits, w_integer, x_integer
    cdef int w_exponent, x_exponent, position
    cdef int64_t sign
    if w == 0.0 or x == 0.0:
        return
    memcpy(&w_bits, &w, 8)
    memcpy(&x_bits, &x, 8)
    sign = -1 if (w_bits ^ x_bits) >> 63 else 1
    w_exponent = <int>((w_bits >> 52) & 0x7FF)
    x_exponent = <int>((x_bits >> 52) & 0x7FF)
    w_integer = (w_bits & 0xFFFFFFFFFFFFFu) | (1ull << 52)  # a float32 number is never subnormal in float64
    x_integer = x_bits & 0xFFFFFFFFFFFFFu
    if x_exponent:
        x_integer |= 1ull << 52
    else:
        x_exponent = 1
    # 24 bits times 26 and times 27 bits: both products stay below 2^51.
    w_integer >>= 29
    position = (w_exponent - 1075 + 29) + (x_exponent - 1075) - LOWEST
    add_shifted(digits, w_integer * (x_integer & 0x3FFFFFFu), position, sign)
    add_shifted(digits, w_integer * (x_integer >> 26), position + 26, sign)
