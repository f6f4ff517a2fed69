"""Layers of threshold units with binary inputs and integer weights, 64 inputs a machine word.

The weighted sum of unit j is a signed sum of bit planes: a weight is a sum of powers of two times 1 or -1, and
the inputs that have the same power and sign in the same word of 64 form one entry (word, shift, sign, mask):
    sum_i w_ji x_i = sum over entries of  sign * 2^shift * popcount(word of x & mask).
Sums are taken modulo 2^64 and then read as signed, so they are exact whenever the sum itself fits in 63 bits.
"""

from libc.stdint cimport int64_t, int8_t, uint64_t


cdef inline uint64_t popcount(uint64_t x) noexcept nogil:
    x = x - ((x >> 1) & 0x5555555555555555ull)
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull)
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full
    return (x * 0x0101010101010101ull) >> 56


def threshold_layer(const uint64_t[:, ::1] inputs, const int64_t[::1] unit_starts, const int64_t[::1] words,
                    const int8_t[::1] shifts, const int8_t[::1] negative, const uint64_t[::1] masks,
                    const int64_t[::1] thresholds, uint64_t[:, ::1] outputs):
    """outputs[i] = the units' outputs for inputs[i], packed; unit j owns entries unit_starts[j] to [j + 1]."""
    cdef Py_ssize_t n = inputs.shape[0], n_units = thresholds.shape[0], i, j, e, word
    cdef uint64_t total, term
    with nogil:
        for i in range(n):
            for word in range(outputs.shape[1]):
                outputs[i, word] = 0
            for j in range(n_units):
                total = 0
                for e in range(unit_starts[j], unit_starts[j + 1]):
                    term = popcount(inputs[i, words[e]] & masks[e]) << shifts[e]
                    total += 0 - term if negative[e] else term
                outputs[i, j >> 6] |= <uint64_t>(<int64_t>total >= thresholds[j]) << (j & 63)
