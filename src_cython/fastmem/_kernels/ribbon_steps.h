/* Template: a fastmem_reader (see ribbon.h), for FASTMEM_ISA and FASTMEM_TARGET. */

#if defined(FASTMEM_EIGHT)

/* The numbers of agreements are counted by adders of digits, as below; a table is looked up by a permutation of it. */
FASTMEM_TARGET static void FASTMEM_NAME(count)(const uint64_t *codes, ptrdiff_t n, const fastmem_features *features,
                                               uint64_t *f)
{
#define FASTMEM_LOOK_UP(digit) \
    _mm512_permutex2var_epi64(_mm512_loadu_si512(table + (digit) * FASTMEM_VALUES), at, \
                              _mm512_loadu_si512(table + (digit) * FASTMEM_VALUES + 8))
#define FASTMEM_SUM(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define FASTMEM_CARRY(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xE8)
    const __m512i nibble = _mm512_set1_epi64(15);
    for (ptrdiff_t i = 0; i < n; i += 8) {
        const uint64_t *table = features->by_digit;
        __mmask8 given = n - i < 8 ? (__mmask8)((1 << (n - i)) - 1) : 0xFF;
        __m512i z = _mm512_maskz_loadu_epi64(given, codes + i);
        __m512i at = _mm512_and_si512(_mm512_srl_epi64(z, _mm_cvtsi32_si128(features->shifts[0])), nibble);
        __m512i c0 = FASTMEM_LOOK_UP(0), c1 = FASTMEM_LOOK_UP(1), c2 = FASTMEM_LOOK_UP(2), c3 = FASTMEM_LOOK_UP(3);
        __m512i c4 = FASTMEM_LOOK_UP(4), c5 = FASTMEM_LOOK_UP(5), over = FASTMEM_LOOK_UP(6);
        for (int g = 1; g < features->n_groups; g++) {
            __m512i y0, y1, y2, carry, next;
            table += FASTMEM_DIGITS * FASTMEM_VALUES;
            at = _mm512_and_si512(_mm512_srl_epi64(z, _mm_cvtsi32_si128(features->shifts[g])), nibble);
            y0 = FASTMEM_LOOK_UP(0);
            y1 = FASTMEM_LOOK_UP(1);
            y2 = FASTMEM_LOOK_UP(2);
            carry = _mm512_and_si512(c0, y0);
            c0 = _mm512_xor_si512(c0, y0);
            next = FASTMEM_CARRY(c1, y1, carry);
            c1 = FASTMEM_SUM(c1, y1, carry);
            carry = FASTMEM_CARRY(c2, y2, next);
            c2 = FASTMEM_SUM(c2, y2, next);
            next = _mm512_and_si512(c3, carry);
            c3 = _mm512_xor_si512(c3, carry);
            carry = _mm512_and_si512(c4, next);
            c4 = _mm512_xor_si512(c4, next);
            over = _mm512_ternarylogic_epi64(over, c5, carry, 0xF8);
            c5 = _mm512_xor_si512(c5, carry);
        }
        _mm512_storeu_si512(f + i, over);
    }
#undef FASTMEM_LOOK_UP
#undef FASTMEM_SUM
#undef FASTMEM_CARRY
}

#else

FASTMEM_TARGET static void FASTMEM_NAME(count)(const uint64_t *codes, ptrdiff_t n, const fastmem_features *features,
                                               uint64_t *f)
{
    for (ptrdiff_t i = 0; i < n; i += FASTMEM_PAIR) {
        const uint64_t *counts = features->counts;
        uint64_t z[FASTMEM_PAIR];
        ptrdiff_t at[FASTMEM_PAIR];
        fastmem_pair c0, c1, c2, c3, c4, c5, over;
        for (int lane = 0; lane < FASTMEM_PAIR; lane++) {
            z[lane] = codes[i + lane < n ? i + lane : n - 1];
            at[lane] = FASTMEM_DIGITS * (ptrdiff_t)((z[lane] >> features->shifts[0]) & 15);
        }
        c0 = fastmem_gather(counts, at);
        c1 = fastmem_gather(counts + 1, at);
        c2 = fastmem_gather(counts + 2, at);
        c3 = fastmem_gather(counts + 3, at);
        c4 = fastmem_gather(counts + 4, at);
        c5 = fastmem_gather(counts + 5, at);
        over = fastmem_gather(counts + 6, at);
        for (int g = 1; g < features->n_groups; g++) {
            fastmem_pair x, y, carry;
            counts += FASTMEM_DIGITS * FASTMEM_VALUES;
            for (int lane = 0; lane < FASTMEM_PAIR; lane++)
                at[lane] = FASTMEM_DIGITS * (ptrdiff_t)((z[lane] >> features->shifts[g]) & 15);
            y = fastmem_gather(counts, at);
            carry = c0 & y;
            c0 = c0 ^ y;
            y = fastmem_gather(counts + 1, at);
            x = c1 ^ y;
            y = (c1 & y) | (carry & x);
            c1 = x ^ carry;
            carry = y;
            y = fastmem_gather(counts + 2, at);
            x = c2 ^ y;
            y = (c2 & y) | (carry & x);
            c2 = x ^ carry;
            carry = y & c3;
            c3 = c3 ^ y;
            x = carry & c4;
            c4 = c4 ^ carry;
            over = over | (c5 & x);
            c5 = c5 ^ x;
        }
        memcpy(f + i, &over, sizeof over);
    }
}

#endif

FASTMEM_TARGET static void FASTMEM_NAME(read)(const uint64_t *codes, ptrdiff_t n, const fastmem_ribbon *ribbon,
                                              uint64_t *values)
{
    const uint64_t *cells[FASTMEM_BATCH];
    uint64_t f[FASTMEM_BATCH];
    int64_t starts[FASTMEM_BATCH];
    const int n_planes = ribbon->n_planes;
    for (ptrdiff_t i = 0; i < n; i++)
        fastmem_prefetch(&ribbon->index[codes[i] >> ribbon->shift]);
    fastmem_starts(codes, n, &ribbon->equations, starts);
    for (ptrdiff_t i = 0; i < n; i++) {
        cells[i] = ribbon->table + (fastmem_row(codes[i], ribbon) * ribbon->n_words + (starts[i] >> 6)) * n_planes;
        fastmem_prefetch(cells[i]);
    }
    FASTMEM_NAME(count)(codes, n, &ribbon->equations.features, f);
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t *window = cells[i];
        uint64_t second = ((uint64_t)1 << (starts[i] & 63)) - 1, value = 0;
        for (int j = 0; j < n_planes; j++)
            value |= fastmem_parity((window[j] ^ ((window[j] ^ window[n_planes + j]) & second)) & (f[i] | 1)) << j;
        values[i] = value;
    }
}

static const fastmem_reader FASTMEM_NAME(reader) = {FASTMEM_NAME(count), FASTMEM_NAME(read)};

#undef FASTMEM_ISA
#undef FASTMEM_TARGET
