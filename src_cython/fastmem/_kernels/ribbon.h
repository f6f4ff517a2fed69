/* How ribbon.pyx reads: features of codes, starts and rows of windows, and the parity of what these hold.
 *
 * ribbon_steps.h is compiled once for each instruction set that panel.h knows, in the same order; all results are the
 * same numbers. */
#ifndef FASTMEM_RIBBON_H
#define FASTMEM_RIBBON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#define FASTMEM_BATCH 64  /* codes whose windows are computed together */
#define FASTMEM_DIGITS 7
#define FASTMEM_READ_DIGITS 3  /* of groups but the first */
#define FASTMEM_VALUES 16

/* counts[(group * VALUES + value) * DIGITS + digit], and the same as by_digit[(group * DIGITS + digit) * VALUES + value]. */
typedef struct {
    const uint64_t *counts, *by_digit;
    const int32_t *shifts;
    int n_groups;
} fastmem_features;

typedef struct {
    const uint16_t *bytes;
    int n_bytes;
    uint64_t spacing;
    fastmem_features features;
} fastmem_equations;

typedef struct {
    const uint64_t *firsts;
    const int32_t *index;
    int shift;
    fastmem_equations equations;
    int n_planes;
    ptrdiff_t n_words;
    const uint64_t *table;
} fastmem_ribbon;

/* All of at most BATCH codes.
 * count: f[i] = the features of codes[i], f_0 as it is counted.  f has BATCH words.
 * read: values[i] = what the planes store for codes[i]. */
typedef struct {
    void (*count)(const uint64_t *codes, ptrdiff_t n, const fastmem_features *features, uint64_t *f);
    void (*read)(const uint64_t *codes, ptrdiff_t n, const fastmem_ribbon *ribbon, uint64_t *values);
} fastmem_reader;

#if defined(__GNUC__)
#define fastmem_parity(x) ((uint64_t)__builtin_parityll(x))
#else
static uint64_t fastmem_parity(uint64_t x)
{
    x ^= x >> 32;
    x ^= x >> 16;
    x ^= x >> 8;
    x ^= x >> 4;
    return (0x6996u >> (x & 15)) & 1;
}
#endif

static inline void fastmem_starts(const uint64_t *codes, ptrdiff_t n, const fastmem_equations *equations, int64_t *starts)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint16_t *bytes = equations->bytes;
        uint64_t beta = 0, rest = codes[i];
        for (int k = 0; k < equations->n_bytes; k++, bytes += 256, rest >>= 8)
            beta ^= bytes[rest & 255];
        starts[i] = (int64_t)((beta * equations->spacing) >> 16);
    }
}

static inline int32_t fastmem_row(uint64_t code, const fastmem_ribbon *ribbon)
{
    const uint64_t *firsts = ribbon->firsts;
    int32_t low = ribbon->index[code >> ribbon->shift];
    int32_t width = ribbon->index[(code >> ribbon->shift) + 1] - low + 1;  /* the row is below low + width */
    int32_t half = width >> 1;
    /* The first step changes nothing if the width is 1, and hardly ever do others follow: no branch to mispredict. */
    low += half & -(int32_t)(firsts[low + half] <= code);
    width -= half;
    while (width > 1) {
        half = width >> 1;
        low += half & -(int32_t)(firsts[low + half] <= code);
        width -= half;
    }
    return low;
}

#if defined(__GNUC__)
typedef uint64_t fastmem_pair __attribute__((vector_size(16)));
#define FASTMEM_PAIR 2
static inline fastmem_pair fastmem_gather(const uint64_t *words, const ptrdiff_t *at)
{
    return (fastmem_pair){words[at[0]], words[at[1]]};
}
#else
typedef uint64_t fastmem_pair;
#define FASTMEM_PAIR 1
static inline fastmem_pair fastmem_gather(const uint64_t *words, const ptrdiff_t *at) { return words[at[0]]; }
#endif

#define FASTMEM_ISA baseline
#define FASTMEM_TARGET
#include "ribbon_steps.h"

#if defined(FASTMEM_X86)
#include <immintrin.h>

#define FASTMEM_ISA avx2
#define FASTMEM_TARGET __attribute__((target("avx2,fma,popcnt")))
#include "ribbon_steps.h"

#define FASTMEM_ISA avx512
#define FASTMEM_TARGET __attribute__((target("avx512f,avx512dq,avx2,fma,popcnt")))
#define FASTMEM_EIGHT  /* codes in a vector: a table of 16 words is two of them */
#include "ribbon_steps.h"
#undef FASTMEM_EIGHT
#endif

static const fastmem_reader *const fastmem_readers[] = {
    &fastmem_reader_baseline,
#if defined(FASTMEM_X86)
    &fastmem_reader_avx2,
    &fastmem_reader_avx512,
#endif
};

#endif
