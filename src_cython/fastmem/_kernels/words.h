/* Unsigned integers of a few words of 64 bits, the lowest first, modulo a power of two. */
#ifndef FASTMEM_WORDS_H
#define FASTMEM_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "isa.h"

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

#define FASTMEM_MOST_WORDS 4

/* The low word of a b + c + d, which has two words for any a, b, c and d, and its high word. */
static FASTMEM_INLINE uint64_t fastmem_multiply(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t *high)
{
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b + c + d;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#else
    uint64_t low, above;
#if defined(_MSC_VER) && defined(_M_X64)
    low = _umul128(a, b, &above);
#elif defined(_MSC_VER) && defined(_M_ARM64)
    low = a * b;
    above = __umulh(a, b);
#else
    const uint64_t half = 0xFFFFFFFFu;
    uint64_t first = (a & half) * (b & half), second = (a >> 32) * (b & half) + (first >> 32);
    uint64_t third = (a & half) * (b >> 32) + (second & half);
    low = (third << 32) | (first & half);
    above = (a >> 32) * (b >> 32) + (second >> 32) + (third >> 32);
#endif
    low += c;
    above += low < c;
    low += d;
    above += low < d;
    *high = above;
    return low;
#endif
}

/* How many bits a word has up to its highest 1. */
static FASTMEM_INLINE int fastmem_bits(uint64_t word)
{
#if defined(__GNUC__)
    return word ? 64 - __builtin_clzll(word) : 0;
#else
    int bits = 0;
    for (int half = 32; half; half >>= 1)
        if (word >> half) {
            bits += half;
            word >>= half;
        }
    return bits + (int)word;
#endif
}

/* sum += w v modulo 2^(64 L), for w of p and v of q words. */
static FASTMEM_INLINE void fastmem_add_product(uint64_t *sum, const uint64_t *w, int p, const uint64_t *v, int q, int L)
{
    FASTMEM_UNROLL
    for (int a = 0; a < p; a++) {
        uint64_t carry = 0;
        FASTMEM_UNROLL
        for (int b = 0; b < q && a + b < L; b++)
            sum[a + b] = fastmem_multiply(w[a], v[b], sum[a + b], carry, &carry);
        FASTMEM_UNROLL
        for (int k = a + q; k < L; k++) {
            sum[k] += carry;
            carry = sum[k] < carry;
        }
    }
}

/* value = |plus - minus|, the difference read as signed modulo 2^(64 L), in FASTMEM_MOST_WORDS words; its sign. */
static FASTMEM_INLINE int fastmem_subtract(const uint64_t *plus, const uint64_t *minus, int L, uint64_t *value)
{
    uint64_t borrow = 0, any = 0, negative, carry;
    FASTMEM_UNROLL
    for (int k = 0; k < L; k++) {
        uint64_t difference = plus[k] - minus[k];
        value[k] = difference - borrow;
        borrow = (plus[k] < minus[k]) | (difference < borrow);
    }
    negative = carry = value[L - 1] >> 63;
    FASTMEM_UNROLL
    for (int k = 0; k < L; k++) {
        value[k] = (value[k] ^ (0 - negative)) + carry;
        carry &= value[k] == 0;
        any |= value[k];
    }
    for (int k = L; k < FASTMEM_MOST_WORDS; k++)
        value[k] = 0;
    return negative ? -1 : any != 0;
}

/* Outputs of units of activation 0, [s >= 0], 1, max(s, 0), or 2, s, times 2^shift: of unit j, s is sums[2 j] less
   sums[2 j + 1], of L words each. lengths[j] = its words with its sign. */
static FASTMEM_INLINE void fastmem_settle_all(const uint64_t *sums, int L, const uint8_t *activations, ptrdiff_t n_units,
                                              int shift, uint64_t *values, int8_t *lengths)
{
    for (ptrdiff_t j = 0; j < n_units; j++, sums += 2 * L, values += FASTMEM_MOST_WORDS) {
        int sign = fastmem_subtract(sums, sums + L, L, values), length = L;
        if (activations[j] == 0) {
            for (int k = 0; k < FASTMEM_MOST_WORDS; k++)
                values[k] = 0;
            lengths[j] = 0;
            if (sign >= 0) {
                values[shift >> 6] = (uint64_t)1 << (shift & 63);
                lengths[j] = (int8_t)((shift >> 6) + 1);
            }
            continue;
        }
        while (length && values[length - 1] == 0)
            length--;
        lengths[j] = (int8_t)(sign >= 0 ? length : activations[j] == 1 ? 0 : -length);
    }
}

/* The same, with loops that are unrolled for each L <= FASTMEM_MOST_WORDS. */
static void fastmem_settle(const uint64_t *sums, int L, const uint8_t *activations, ptrdiff_t n_units, int shift,
                           uint64_t *values, int8_t *lengths)
{
    switch (L) {
        case 1: fastmem_settle_all(sums, 1, activations, n_units, shift, values, lengths); break;
        case 2: fastmem_settle_all(sums, 2, activations, n_units, shift, values, lengths); break;
        case 3: fastmem_settle_all(sums, 3, activations, n_units, shift, values, lengths); break;
        case 4: fastmem_settle_all(sums, 4, activations, n_units, shift, values, lengths); break;
    }
}

/* The weights with which units read one input. */
typedef struct {
    const int32_t *places;  /* 2 unit + (weight < 0) */
    const uint64_t *words;  /* p of each absolute value */
    ptrdiff_t n;
    int p;
} fastmem_column;

static FASTMEM_INLINE void fastmem_add_products(const fastmem_column *column, int p, const uint64_t *v, int q, int flip,
                                                int L, uint64_t *sums, ptrdiff_t stride)
{
    for (ptrdiff_t e = 0; e < column->n; e++)
        fastmem_add_product(sums + (column->places[e] ^ flip) * stride, column->words + e * p, p, v, q, L);
}

/* For each unit: sums[2 unit] += |w v| where w v > 0, sums[2 unit + 1] += |w v| where w v < 0; `flip` is v < 0.
   A sum has the first L <= FASTMEM_MOST_WORDS of `stride` words. The longest product fits, so that p + q <= L + 1; the
   loops are unrolled for each of these sizes, and are a function of their own for the sake of its registers. */
FASTMEM_APART static void fastmem_add_column(const fastmem_column *column, const uint64_t *v, int q, int flip, int L,
                                             uint64_t *sums, ptrdiff_t stride)
{
#define FASTMEM_CASE(L, p, q)                                               \
    case 64 * (L) + 8 * (p) + (q):                                          \
        fastmem_add_products(column, (p), v, (q), flip, (L), sums, stride); \
        break;
    switch (64 * L + 8 * column->p + q) {
        FASTMEM_CASE(1, 1, 1)
        FASTMEM_CASE(2, 1, 1)
        FASTMEM_CASE(2, 1, 2)
        FASTMEM_CASE(2, 2, 1)
        FASTMEM_CASE(3, 1, 1)
        FASTMEM_CASE(3, 1, 2)
        FASTMEM_CASE(3, 1, 3)
        FASTMEM_CASE(3, 2, 1)
        FASTMEM_CASE(3, 2, 2)
        FASTMEM_CASE(3, 3, 1)
        FASTMEM_CASE(4, 1, 1)
        FASTMEM_CASE(4, 1, 2)
        FASTMEM_CASE(4, 1, 3)
        FASTMEM_CASE(4, 1, 4)
        FASTMEM_CASE(4, 2, 1)
        FASTMEM_CASE(4, 2, 2)
        FASTMEM_CASE(4, 2, 3)
        FASTMEM_CASE(4, 3, 1)
        FASTMEM_CASE(4, 3, 2)
        FASTMEM_CASE(4, 4, 1)
    }
#undef FASTMEM_CASE
}

#endif
