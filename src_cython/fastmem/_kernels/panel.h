/* Step 1 of signs.pyx: inner products of a block of rows with a panel of hyperplanes, in float32.
 *
 * A panel holds LANES hyperplanes, coordinate by coordinate: panel[k * LANES + lane].  Lanes carry no
 * dependence on each other, so vector registers hold neighbouring lanes.  A block of centred rows is stored chunk
 * by chunk, rows[(chunk * BLOCK + row) * CHUNK + k], zeros after the last coordinate: so the rows of a chunk lie
 * at distances the compiler knows.
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

#define FASTMEM_BLOCK 24  /* rows taken through a panel while it is in cache: a multiple of every FASTMEM_ROWS */
#define FASTMEM_LANES 16
#define FASTMEM_CHUNK 32    /* coordinates added up on their own: signs.pyx counts the additions */
#define FASTMEM_STEP (FASTMEM_BLOCK * FASTMEM_CHUNK)  /* from one chunk of a centred row to its next */
#define FASTMEM_DEPTH 2048  /* coordinates of a panel that stay in cache, a multiple of FASTMEM_CHUNK */

#define FASTMEM_JOIN_(a, b) a##_##b
#define FASTMEM_JOIN(a, b) FASTMEM_JOIN_(a, b)
#define FASTMEM_NAME(name) FASTMEM_JOIN(FASTMEM_JOIN(fastmem, name), FASTMEM_ISA)
#define FASTMEM_TEXT_(name) #name
#define FASTMEM_TEXT(name) FASTMEM_TEXT_(name)

#if defined(__clang__)
#define FASTMEM_UNROLL _Pragma("clang loop unroll(full)")
#define FASTMEM_ROLLED
#define FASTMEM_INLINE __attribute__((always_inline)) inline
#elif defined(__GNUC__)
#define FASTMEM_UNROLL _Pragma("GCC unroll 16")
#define FASTMEM_ROLLED _Pragma("GCC unroll 1")
#define FASTMEM_INLINE __attribute__((always_inline)) inline
#else
#define FASTMEM_UNROLL
#define FASTMEM_ROLLED
#define FASTMEM_INLINE inline
#endif

typedef struct {
    const char *name;
    void (*centre_float)(const float *x, const double *centre, const double *shrink, ptrdiff_t d, float *out);
    void (*centre_double)(const double *x, const double *centre, const double *shrink, ptrdiff_t d, float *out);
    void (*sums_float)(const float *w, const float *x, ptrdiff_t d, double *total, double *absolute);
    void (*sums_double)(const float *w, const double *x, ptrdiff_t d, double *total, double *absolute);
    double (*squared_norm)(const float *row, ptrdiff_t d);
    void (*products)(const float *rows, ptrdiff_t n_rows, ptrdiff_t d, const float *panel, float *products);
    void (*decide)(const float *products, ptrdiff_t n_rows, const float *bounds, const float *cuts,
                   const float *reach, uint16_t *signs, uint16_t *undecided);
} fastmem_isa;

/* Baseline: 4 lanes in vectors that GCC and clang map to SSE2, NEON and the like; an array for other compilers.
 *
 * bits() tells of the 16 distances products - cuts which are positive, and which are undecided: not beyond bound +
 * reach, or NaN.  The sign of an undecided one means nothing. */

#define FASTMEM_ISA baseline
#define FASTMEM_TARGET
#define FASTMEM_WIDTH 4
#define FASTMEM_ROWS 3

#if defined(__GNUC__)

typedef float fastmem_vector_baseline __attribute__((vector_size(16)));
typedef int32_t fastmem_flags __attribute__((vector_size(16)));

static inline fastmem_vector_baseline fastmem_multiply_add_baseline(float x, fastmem_vector_baseline w,
                                                                    fastmem_vector_baseline sum)
{
    return sum + x * w;
}

static inline fastmem_vector_baseline fastmem_add_baseline(fastmem_vector_baseline a, fastmem_vector_baseline b)
{
    return a + b;
}

static inline void fastmem_bits_baseline(const float *products, float bound, const float *cuts, const float *reach,
                                         uint16_t *signs, uint16_t *undecided)
{
    fastmem_flags sign_bits = {0}, undecided_bits = {0}, bit = {1, 2, 4, 8};
    for (int v = 0; v < FASTMEM_LANES; v += 4) {
        fastmem_vector_baseline product, cut, limit;
        memcpy(&product, products + v, sizeof product);
        memcpy(&cut, cuts + v, sizeof cut);
        memcpy(&limit, reach + v, sizeof limit);
        product -= cut;
        limit += bound;
        sign_bits |= (product > 0.0f) & bit;
        undecided_bits |= ~((product > limit) | (-product > limit)) & bit;
        bit <<= 4;
    }
    *signs = (uint16_t)(sign_bits[0] | sign_bits[1] | sign_bits[2] | sign_bits[3]);
    *undecided = (uint16_t)(undecided_bits[0] | undecided_bits[1] | undecided_bits[2] | undecided_bits[3]);
}

#else

typedef struct { float lane[4]; } fastmem_vector_baseline;

static inline fastmem_vector_baseline fastmem_multiply_add_baseline(float x, fastmem_vector_baseline w,
                                                                    fastmem_vector_baseline sum)
{
    for (int lane = 0; lane < 4; lane++)
        sum.lane[lane] += x * w.lane[lane];
    return sum;
}

static inline fastmem_vector_baseline fastmem_add_baseline(fastmem_vector_baseline a, fastmem_vector_baseline b)
{
    for (int lane = 0; lane < 4; lane++)
        a.lane[lane] += b.lane[lane];
    return a;
}

static inline void fastmem_bits_baseline(const float *products, float bound, const float *cuts, const float *reach,
                                         uint16_t *signs, uint16_t *undecided)
{
    unsigned sign_bits = 0, undecided_bits = 0;
    for (int lane = 0; lane < FASTMEM_LANES; lane++) {
        float distance = products[lane] - cuts[lane];
        sign_bits |= (unsigned)(distance > 0) << lane;
        undecided_bits |= (unsigned)!(fabsf(distance) > bound + reach[lane]) << lane;
    }
    *signs = (uint16_t)sign_bits;
    *undecided = (uint16_t)undecided_bits;
}

#endif

#include "panel_steps.h"

/* Windows is left out: GCC does not align its stack for vectors of 32 bytes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
#define FASTMEM_X86
#include <immintrin.h>

#define FASTMEM_ISA avx2
#define FASTMEM_TARGET __attribute__((target("avx2,fma")))
#define FASTMEM_WIDTH 8
#define FASTMEM_ROWS 6

typedef __m256 fastmem_vector_avx2;

FASTMEM_TARGET static inline __m256 fastmem_multiply_add_avx2(float x, __m256 w, __m256 sum)
{
    return _mm256_fmadd_ps(_mm256_set1_ps(x), w, sum);
}

FASTMEM_TARGET static inline __m256 fastmem_add_avx2(__m256 a, __m256 b)
{
    return _mm256_add_ps(a, b);
}

FASTMEM_TARGET static inline void fastmem_bits_avx2(const float *products, float bound, const float *cuts,
                                                    const float *reach, uint16_t *signs, uint16_t *undecided)
{
    unsigned negative_bits = 0, undecided_bits = 0;
    for (int v = 0; v < FASTMEM_LANES; v += 8) {
        __m256 distance = _mm256_sub_ps(_mm256_loadu_ps(products + v), _mm256_loadu_ps(cuts + v));
        __m256 limit = _mm256_add_ps(_mm256_set1_ps(bound), _mm256_loadu_ps(reach + v));
        __m256 absolute = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), distance);
        negative_bits |= (unsigned)_mm256_movemask_ps(distance) << v;
        undecided_bits |= (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(absolute, limit, _CMP_NGT_UQ)) << v;
    }
    *signs = (uint16_t)~negative_bits;
    *undecided = (uint16_t)undecided_bits;
}

#include "panel_steps.h"

#define FASTMEM_ISA avx512
#define FASTMEM_TARGET __attribute__((target("avx512f,avx2,fma")))
#define FASTMEM_WIDTH 16
#define FASTMEM_ROWS 8

typedef __m512 fastmem_vector_avx512;

FASTMEM_TARGET static inline __m512 fastmem_multiply_add_avx512(float x, __m512 w, __m512 sum)
{
    return _mm512_fmadd_ps(_mm512_set1_ps(x), w, sum);
}

FASTMEM_TARGET static inline __m512 fastmem_add_avx512(__m512 a, __m512 b)
{
    return _mm512_add_ps(a, b);
}

FASTMEM_TARGET static inline void fastmem_bits_avx512(const float *products, float bound, const float *cuts,
                                                      const float *reach, uint16_t *signs, uint16_t *undecided)
{
    __m512 distance = _mm512_sub_ps(_mm512_loadu_ps(products), _mm512_loadu_ps(cuts));
    __m512 limit = _mm512_add_ps(_mm512_set1_ps(bound), _mm512_loadu_ps(reach));
    *signs = (uint16_t)_mm512_cmp_ps_mask(distance, _mm512_setzero_ps(), _CMP_GT_OQ);
    *undecided = (uint16_t)_mm512_cmp_ps_mask(_mm512_abs_ps(distance), limit, _CMP_NGT_UQ);
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

#define FASTMEM_N_ISAS ((int)(sizeof fastmem_isas / sizeof *fastmem_isas))

/* Whether this processor, and the operating system, run fastmem_isas[i]. */
static inline int fastmem_supports(int i)
{
#if defined(FASTMEM_X86)
    __builtin_cpu_init();
    if (i == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (i == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return i == 0;
}

#endif
