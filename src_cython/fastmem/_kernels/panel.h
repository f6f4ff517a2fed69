/* Step 1 of signs.pyx: inner products of a block of rows with panels of hyperplanes, in float32.
 *
 * Neighbouring lanes of a vector register hold neighbouring rows, which carry no dependence on each other: a block of
 * BLOCK rows is taken CHUNK coordinates at a time into a tile, coordinate by coordinate, tile[k * BLOCK + row], centred
 * and scaled on the way; then each panel of at most PANEL hyperplanes, panel[k * PANEL + lane], is multiplied with it,
 * all sums of some rows in registers; distances[j * BLOCK + row] gathers the chunks where there are several.  So X is
 * read once, and nothing of size n x m is written.
 *
 * panel_steps.h is compiled once for each instruction set that the compiler knows; fastmem_isas lists the
 * results, slowest first.  They round differently, within the bounds proved in signs.pyx, so the signs that come
 * out in the end are the same.
 */
#ifndef FASTMEM_PANEL_H
#define FASTMEM_PANEL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "isa.h"

#define FASTMEM_BLOCK 64  /* rows of a tile, and bits of a mask of rows */
#define FASTMEM_PANEL 6   /* hyperplanes whose sums fit the registers together */
#define FASTMEM_CHUNK 32  /* coordinates added up on their own: signs.pyx counts the additions */
#define FASTMEM_UNIT 4    /* coordinates that are read together */
#define FASTMEM_WORD 32   /* hyperplanes whose signs are decided together: bits of a lane */

/* How the columns are centred and scaled, for ceil(d / UNIT) * UNIT columns, the last ones with 0 and 1.  Where float32
 * holds all of offset = centre * shrink and shrink, `narrow` says so. */
typedef struct {
    const double *centre, *shrink;
    const float *narrow_offset, *narrow_shrink;
    int narrow;
} fastmem_frame;

/* Rows that will be read next, of which some are asked for now and then: memory is slow, and busy while sums are taken. */
typedef struct {
    const char *row;
    ptrdiff_t stride, n_rows, bytes, offset, share;
} fastmem_ahead;

/* Hyperplanes: of panel p those from firsts[p] to firsts[p + 1], coordinate by coordinate, filled up with zeros; their
 * thresholds begin with that of hyperplane firsts[0]. */
typedef struct {
    const float *weights, *cuts;
    const int32_t *firsts;
    ptrdiff_t n_panels, d;
} fastmem_panels;

/* Of each row: the least |distance|, less what it may err by that does not depend on the row, and a code in two halves. */
typedef struct {
    float least[FASTMEM_BLOCK];
    uint32_t low[FASTMEM_BLOCK], high[FASTMEM_BLOCK];
} fastmem_decisions;

/* The steps of one instruction set.  Rows lie `stride` bytes apart, and n_rows <= BLOCK of them count; other rows of
 * what is written may hold anything.
 *
 * load_float, load_double: the coordinates start to start + length of some rows to a tile, and the sums of their
 *     squares added to `squares`.
 * distances: the inner products of a tile, which holds coordinates from `start` on, added to those before, or to -cut if
 *     start is 0; for hyperplane j at distances + (j - firsts[0]) * BLOCK.  With each panel some lines ahead are asked for.
 * signs: what distances decide, which are read, or computed if they are NULL and d <= CHUNK.  least becomes at most the
 *     least of |distance| - reach (0 if NULL), and the code, first 0, the bits [distance > 0] of at most 2 WORD
 *     hyperplanes in order, or if there are columns the XOR of columns[j] where distance > 0.
 * bounds: growth * sqrt(square) + underflow.
 * finish: the codes of the rows, shifted up, and the rows with not least > bound, as bits of a mask.
 * sums_float, sums_double: an inner product in float64, and the sum of the absolute values of its terms. */
typedef struct {
    const char *name;
    void (*load_float)(const char *rows, ptrdiff_t stride, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t length,
                       const fastmem_frame *frame, float *tile, float *squares);
    void (*load_double)(const char *rows, ptrdiff_t stride, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t length,
                        const fastmem_frame *frame, float *tile, float *squares);
    void (*distances)(const float *tile, ptrdiff_t n_rows, ptrdiff_t length, const fastmem_panels *panels,
                      ptrdiff_t start, float *distances, fastmem_ahead *ahead);
    void (*signs)(const float *tile, const float *distances, ptrdiff_t n_rows, const fastmem_panels *panels,
                  const float *reach, const uint64_t *columns, fastmem_decisions *out, fastmem_ahead *ahead);
    void (*bounds)(const float *squares, ptrdiff_t n_rows, float growth, float underflow, float *bounds);
    uint64_t (*finish)(const fastmem_decisions *out, const float *bounds, ptrdiff_t n_rows, int shift, uint64_t *codes);
    void (*sums_float)(const float *w, const float *x, ptrdiff_t d, double *total, double *absolute);
    void (*sums_double)(const float *w, const double *x, ptrdiff_t d, double *total, double *absolute);
} fastmem_isa;

#define FASTMEM_LINE 64  /* bytes */

/* The next lines, at most `length` of the share, to be asked for one by one; others are asked for at once, as are all where
 * rows do not follow on each other. */
typedef struct {
    const char *line;
    ptrdiff_t left;
} fastmem_lines;

static FASTMEM_INLINE fastmem_lines fastmem_ask(fastmem_ahead *ahead, ptrdiff_t length)
{
    fastmem_lines lines = {NULL, 0};
    ptrdiff_t left = ahead->share;
    if (ahead->n_rows == 1) {
        lines.line = ahead->row + ahead->offset;
        lines.left = (ahead->bytes - ahead->offset + FASTMEM_LINE - 1) / FASTMEM_LINE;
        lines.left = lines.left < left ? lines.left : left;
        lines.left = lines.left < length ? lines.left : length;
        ahead->offset += lines.left * FASTMEM_LINE;
        ahead->n_rows = ahead->offset < ahead->bytes;
        left -= lines.left;
    }
    for (; left > 0 && ahead->n_rows > 0; left--) {
        fastmem_prefetch_once(ahead->row + ahead->offset);
        ahead->offset += FASTMEM_LINE;
        if (ahead->offset >= ahead->bytes) {
            ahead->offset = 0;
            ahead->row += ahead->stride;
            ahead->n_rows--;
        }
    }
    return lines;
}

/* Baseline: 4 lanes in vectors that GCC and clang map to SSE2, NEON and the like; an array for other compilers.
 *
 * An includer of panel_steps.h defines FASTMEM_ISA, FASTMEM_TARGET, FASTMEM_WIDTH (lanes of a vector), FASTMEM_VECTORS
 * (vectors of rows whose sums with a panel fit the registers), FASTMEM_GROUP (rows that read_unit reads), and functions:
 *     broadcast, broadcast_word, multiply_add, add, square_root, as their names say
 *     nearest(least, distance)            min(least, |distance|), where neither is NaN
 *     nearer(least, distance, reach)      min(least, |distance| - reach), likewise
 *     push(word, distance)                the word shifted down by one bit, its highest bit the sign bit of distance
 *     flip(code, distance, column)        code ^ column where the sign bit of distance is 0
 *     beyond(least, bound)                the bits [least > bound] */

#define FASTMEM_ISA baseline
#define FASTMEM_TARGET
#define FASTMEM_WIDTH 4
#define FASTMEM_VECTORS 2
#define FASTMEM_GROUP 4

#if defined(__GNUC__)

typedef float fastmem_vector_baseline __attribute__((vector_size(16)));
typedef uint32_t fastmem_words_baseline __attribute__((vector_size(16)));
typedef int32_t fastmem_flags __attribute__((vector_size(16)));

static inline fastmem_vector_baseline fastmem_broadcast_baseline(float x)
{
    return (fastmem_vector_baseline){x, x, x, x};
}

static inline fastmem_words_baseline fastmem_broadcast_word_baseline(uint32_t x)
{
    return (fastmem_words_baseline){x, x, x, x};
}

static inline fastmem_vector_baseline fastmem_add_baseline(fastmem_vector_baseline a, fastmem_vector_baseline b)
{
    return a + b;
}

#if defined(__aarch64__)
#include <arm_neon.h>

static inline fastmem_vector_baseline fastmem_multiply_add_baseline(fastmem_vector_baseline x, fastmem_vector_baseline w,
                                                                    fastmem_vector_baseline sum)
{
    return (fastmem_vector_baseline)vfmaq_f32((float32x4_t)sum, (float32x4_t)x, (float32x4_t)w);
}
#else
static inline fastmem_vector_baseline fastmem_multiply_add_baseline(fastmem_vector_baseline x, fastmem_vector_baseline w,
                                                                    fastmem_vector_baseline sum)
{
    return sum + x * w;
}
#endif

static inline fastmem_vector_baseline fastmem_square_root_baseline(fastmem_vector_baseline x)
{
    return (fastmem_vector_baseline){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])};
}

static inline fastmem_vector_baseline fastmem_nearer_baseline(fastmem_vector_baseline least,
                                                              fastmem_vector_baseline distance,
                                                              fastmem_vector_baseline reach)
{
    fastmem_vector_baseline size = (fastmem_vector_baseline)((fastmem_words_baseline)distance & 0x7FFFFFFFu) - reach;
    fastmem_flags smaller = size < least;
    return (fastmem_vector_baseline)(((fastmem_flags)size & smaller) | ((fastmem_flags)least & ~smaller));
}

static inline fastmem_words_baseline fastmem_push_baseline(fastmem_words_baseline word, fastmem_vector_baseline distance)
{
    return (word >> 1) | ((fastmem_words_baseline)distance & 0x80000000u);
}

static inline fastmem_words_baseline fastmem_flip_baseline(fastmem_words_baseline code, fastmem_vector_baseline distance,
                                                           fastmem_words_baseline column)
{
    return code ^ (~(fastmem_words_baseline)((fastmem_flags)distance >> 31) & column);
}

static inline unsigned fastmem_beyond_baseline(fastmem_vector_baseline least, fastmem_vector_baseline bound)
{
    fastmem_flags bits = (least > bound) & (fastmem_flags){1, 2, 4, 8};
    return (unsigned)(bits[0] | bits[1] | bits[2] | bits[3]);
}

#else

typedef struct { float lane[4]; } fastmem_vector_baseline;
typedef struct { uint32_t lane[4]; } fastmem_words_baseline;

#define FASTMEM_LANES for (int lane = 0; lane < 4; lane++)

static inline fastmem_vector_baseline fastmem_broadcast_baseline(float x)
{
    fastmem_vector_baseline result = {{x, x, x, x}};
    return result;
}

static inline fastmem_words_baseline fastmem_broadcast_word_baseline(uint32_t x)
{
    fastmem_words_baseline result = {{x, x, x, x}};
    return result;
}

static inline fastmem_vector_baseline fastmem_add_baseline(fastmem_vector_baseline a, fastmem_vector_baseline b)
{
    FASTMEM_LANES a.lane[lane] += b.lane[lane];
    return a;
}

static inline fastmem_vector_baseline fastmem_multiply_add_baseline(fastmem_vector_baseline x, fastmem_vector_baseline w,
                                                                    fastmem_vector_baseline sum)
{
    FASTMEM_LANES sum.lane[lane] += x.lane[lane] * w.lane[lane];
    return sum;
}

static inline fastmem_vector_baseline fastmem_square_root_baseline(fastmem_vector_baseline x)
{
    FASTMEM_LANES x.lane[lane] = sqrtf(x.lane[lane]);
    return x;
}

static inline fastmem_vector_baseline fastmem_nearer_baseline(fastmem_vector_baseline least,
                                                              fastmem_vector_baseline distance,
                                                              fastmem_vector_baseline reach)
{
    FASTMEM_LANES {
        float size = fabsf(distance.lane[lane]) - reach.lane[lane];
        least.lane[lane] = size < least.lane[lane] ? size : least.lane[lane];
    }
    return least;
}

static inline fastmem_words_baseline fastmem_push_baseline(fastmem_words_baseline word, fastmem_vector_baseline distance)
{
    FASTMEM_LANES word.lane[lane] = (word.lane[lane] >> 1) | ((uint32_t)!!signbit(distance.lane[lane]) << 31);
    return word;
}

static inline fastmem_words_baseline fastmem_flip_baseline(fastmem_words_baseline code, fastmem_vector_baseline distance,
                                                           fastmem_words_baseline column)
{
    FASTMEM_LANES code.lane[lane] ^= signbit(distance.lane[lane]) ? 0 : column.lane[lane];
    return code;
}

static inline unsigned fastmem_beyond_baseline(fastmem_vector_baseline least, fastmem_vector_baseline bound)
{
    unsigned bits = 0;
    FASTMEM_LANES bits |= (unsigned)(least.lane[lane] > bound.lane[lane]) << lane;
    return bits;
}

#endif

static inline fastmem_vector_baseline fastmem_nearest_baseline(fastmem_vector_baseline least,
                                                               fastmem_vector_baseline distance)
{
    return fastmem_nearer_baseline(least, distance, fastmem_broadcast_baseline(0.0f));
}

#include "panel_steps.h"

#if defined(FASTMEM_X86)
#include <immintrin.h>

#undef FASTMEM_GROUP
#define FASTMEM_GROUP 8  /* with AVX2 */

#define FASTMEM_ISA avx2
#define FASTMEM_TARGET __attribute__((target("avx2,fma")))
#define FASTMEM_WIDTH 8
#define FASTMEM_VECTORS 2

typedef __m256 fastmem_vector_avx2;
typedef __m256i fastmem_words_avx2;

FASTMEM_TARGET static inline __m256 fastmem_broadcast_avx2(float x) { return _mm256_set1_ps(x); }

FASTMEM_TARGET static inline __m256i fastmem_broadcast_word_avx2(uint32_t x) { return _mm256_set1_epi32((int)x); }

FASTMEM_TARGET static inline __m256 fastmem_multiply_add_avx2(__m256 x, __m256 w, __m256 sum)
{
    return _mm256_fmadd_ps(x, w, sum);
}

FASTMEM_TARGET static inline __m256 fastmem_add_avx2(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }

FASTMEM_TARGET static inline __m256 fastmem_square_root_avx2(__m256 x) { return _mm256_sqrt_ps(x); }

FASTMEM_TARGET static inline __m256 fastmem_nearest_avx2(__m256 least, __m256 distance)
{
    return _mm256_min_ps(least, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), distance));
}

FASTMEM_TARGET static inline __m256 fastmem_nearer_avx2(__m256 least, __m256 distance, __m256 reach)
{
    return _mm256_min_ps(least, _mm256_sub_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), distance), reach));
}

FASTMEM_TARGET static inline __m256i fastmem_push_avx2(__m256i word, __m256 distance)
{
    __m256i sign = _mm256_and_si256(_mm256_castps_si256(distance), _mm256_set1_epi32((int)0x80000000u));
    return _mm256_or_si256(_mm256_srli_epi32(word, 1), sign);
}

FASTMEM_TARGET static inline __m256i fastmem_flip_avx2(__m256i code, __m256 distance, __m256i column)
{
    __m256i negative = _mm256_srai_epi32(_mm256_castps_si256(distance), 31);
    return _mm256_xor_si256(code, _mm256_andnot_si256(negative, column));
}

FASTMEM_TARGET static inline unsigned fastmem_beyond_avx2(__m256 least, __m256 bound)
{
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(least, bound, _CMP_GT_OQ));
}

#include "panel_steps.h"

#define FASTMEM_ISA avx512
#define FASTMEM_TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define FASTMEM_WIDTH 16
#define FASTMEM_VECTORS 4

typedef __m512 fastmem_vector_avx512;
typedef __m512i fastmem_words_avx512;

FASTMEM_TARGET static inline __m512 fastmem_broadcast_avx512(float x) { return _mm512_set1_ps(x); }

FASTMEM_TARGET static inline __m512i fastmem_broadcast_word_avx512(uint32_t x) { return _mm512_set1_epi32((int)x); }

FASTMEM_TARGET static inline __m512 fastmem_multiply_add_avx512(__m512 x, __m512 w, __m512 sum)
{
    return _mm512_fmadd_ps(x, w, sum);
}

FASTMEM_TARGET static inline __m512 fastmem_add_avx512(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }

FASTMEM_TARGET static inline __m512 fastmem_square_root_avx512(__m512 x) { return _mm512_sqrt_ps(x); }

FASTMEM_TARGET static inline __m512 fastmem_nearest_avx512(__m512 least, __m512 distance)
{
    return _mm512_range_ps(least, distance, 0x0A);  /* the smaller of both sizes, and its sign cleared */
}

FASTMEM_TARGET static inline __m512 fastmem_nearer_avx512(__m512 least, __m512 distance, __m512 reach)
{
    return _mm512_min_ps(least, _mm512_sub_ps(_mm512_abs_ps(distance), reach));
}

FASTMEM_TARGET static inline __m512i fastmem_push_avx512(__m512i word, __m512 distance)
{
    return _mm512_ternarylogic_epi32(_mm512_srli_epi32(word, 1), _mm512_castps_si512(distance),
                                     _mm512_set1_epi32((int)0x80000000u), 0xF8);  /* a | (b & c) */
}

FASTMEM_TARGET static inline __m512i fastmem_flip_avx512(__m512i code, __m512 distance, __m512i column)
{
    __m512i negative = _mm512_srai_epi32(_mm512_castps_si512(distance), 31);
    return _mm512_ternarylogic_epi32(code, negative, column, 0xD2);  /* a ^ (~b & c) */
}

FASTMEM_TARGET static inline unsigned fastmem_beyond_avx512(__m512 least, __m512 bound)
{
    return (unsigned)_mm512_cmp_ps_mask(least, bound, _CMP_GT_OQ);
}

#include "panel_steps.h"

#endif

static const fastmem_isa *const fastmem_isas[] = {
    &fastmem_isa_baseline,
#if defined(FASTMEM_X86)
    &fastmem_isa_avx2,
    &fastmem_isa_avx512,
#endif
};

#endif
