/* Template: the steps of a fastmem_isa that read points, for points of FASTMEM_REAL (see panel_steps.h). */

#if FASTMEM_GROUP == 8

/* Coordinates start to start + 4 of two rows, or the first `count` of these, centred and scaled: in float32 with one
 * rounding if the frame is narrow, else in float64 and then rounded. */
FASTMEM_INLINE FASTMEM_TARGET static __m256 FASTMEM_NAME(FASTMEM_JOIN(unit, FASTMEM_REAL))(
    const FASTMEM_REAL *x, const FASTMEM_REAL *other, ptrdiff_t start, const int count, const fastmem_frame *frame,
    const int narrow)
{
    const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
    const __m256i some = _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lanes);
    __m256d low, high, centre, shrink;
    if (sizeof(FASTMEM_REAL) == sizeof(float)) {
        const __m128i few = _mm_cmpgt_epi32(_mm_set1_epi32(count), _mm_setr_epi32(0, 1, 2, 3));
        __m128 a, b;
        if (count == 4) {
            a = _mm_loadu_ps((const float *)x);
            b = _mm_loadu_ps((const float *)other);
        } else {
            a = _mm_maskload_ps((const float *)x, few);
            b = _mm_maskload_ps((const float *)other, few);
        }
        if (narrow) {
            __m256 factor = _mm256_broadcast_ps((const __m128 *)(frame->narrow_shrink + start));
            __m256 offset = _mm256_broadcast_ps((const __m128 *)(frame->narrow_offset + start));
            return _mm256_fmsub_ps(_mm256_set_m128(b, a), factor, offset);
        }
        low = _mm256_cvtps_pd(a);
        high = _mm256_cvtps_pd(b);
    } else if (count == 4) {
        low = _mm256_loadu_pd((const double *)x);
        high = _mm256_loadu_pd((const double *)other);
    } else {
        low = _mm256_maskload_pd((const double *)x, some);
        high = _mm256_maskload_pd((const double *)other, some);
    }
    centre = _mm256_loadu_pd(frame->centre + start);
    shrink = _mm256_loadu_pd(frame->shrink + start);
    low = _mm256_mul_pd(_mm256_sub_pd(low, centre), shrink);
    high = _mm256_mul_pd(_mm256_sub_pd(high, centre), shrink);
    return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}

/* `count` coordinates of 8 rows to a tile, and their squares to sums that do not wait for each other. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(transpose, FASTMEM_REAL))(
    const FASTMEM_REAL *const *x, ptrdiff_t k, ptrdiff_t start, const int count, const fastmem_frame *frame,
    const int narrow, float *tile, __m256 *square)
{
    __m256 rows[4], pairs[4], columns[4];
    FASTMEM_UNROLL
    for (int i = 0; i < 4; i++)
        rows[i] = FASTMEM_NAME(FASTMEM_JOIN(unit, FASTMEM_REAL))(x[i] + k, x[i + 4] + k, start + k, count, frame, narrow);
    pairs[0] = _mm256_unpacklo_ps(rows[0], rows[1]);
    pairs[1] = _mm256_unpackhi_ps(rows[0], rows[1]);
    pairs[2] = _mm256_unpacklo_ps(rows[2], rows[3]);
    pairs[3] = _mm256_unpackhi_ps(rows[2], rows[3]);
    columns[0] = _mm256_shuffle_ps(pairs[0], pairs[2], 0x44);
    columns[1] = _mm256_shuffle_ps(pairs[0], pairs[2], 0xEE);
    columns[2] = _mm256_shuffle_ps(pairs[1], pairs[3], 0x44);
    columns[3] = _mm256_shuffle_ps(pairs[1], pairs[3], 0xEE);
    FASTMEM_UNROLL
    for (int c = 0; c < 4; c++)
        if (c < count) {
            _mm256_storeu_ps(tile + (k + c) * FASTMEM_BLOCK, columns[c]);
            square[c] = _mm256_fmadd_ps(columns[c], columns[c], square[c]);
        }
}

FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(fill_group, FASTMEM_REAL))(
    const FASTMEM_REAL *const *x, ptrdiff_t start, ptrdiff_t length, const fastmem_frame *frame, const int narrow,
    float *tile, float *squares)
{
#define FASTMEM_TRANSPOSE(count) \
    FASTMEM_NAME(FASTMEM_JOIN(transpose, FASTMEM_REAL))(x, k, start, count, frame, narrow, tile, square)
    __m256 square[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    ptrdiff_t k = 0;
    for (; k + 4 <= length; k += 4)
        FASTMEM_TRANSPOSE(4);
    switch (length - k) {
    case 1: FASTMEM_TRANSPOSE(1); break;
    case 2: FASTMEM_TRANSPOSE(2); break;
    case 3: FASTMEM_TRANSPOSE(3); break;
    }
    square[0] = _mm256_add_ps(_mm256_add_ps(square[0], square[1]), _mm256_add_ps(square[2], square[3]));
    _mm256_storeu_ps(squares, _mm256_add_ps(_mm256_loadu_ps(squares), square[0]));
#undef FASTMEM_TRANSPOSE
}

#else

FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(fill_group, FASTMEM_REAL))(
    const FASTMEM_REAL *const *x, ptrdiff_t start, ptrdiff_t length, const fastmem_frame *frame, const int narrow,
    float *tile, float *squares)
{
    float square[FASTMEM_GROUP] = {0.0f};
    for (ptrdiff_t k = 0; k < length; k++)
        for (int i = 0; i < FASTMEM_GROUP; i++) {
            float value;
            if (narrow)
                value = (float)x[i][k] * frame->narrow_shrink[start + k] - frame->narrow_offset[start + k];
            else
                value = (float)(((double)x[i][k] - frame->centre[start + k]) * frame->shrink[start + k]);
            tile[k * FASTMEM_BLOCK + i] = value;
            square[i] += value * value;
        }
    for (int i = 0; i < FASTMEM_GROUP; i++)
        squares[i] += square[i];
}

#endif

/* The coordinates start to start + length of n_rows rows to a tile; see panel.h.  Groups of rows are filled up with the
 * last one. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(fill, FASTMEM_REAL))(
    const char *rows, ptrdiff_t stride, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t length, const fastmem_frame *frame,
    const int narrow, float *tile, float *squares)
{
    for (ptrdiff_t row = 0; row < n_rows; row += FASTMEM_GROUP) {
        const FASTMEM_REAL *x[FASTMEM_GROUP];
        FASTMEM_UNROLL
        for (int i = 0; i < FASTMEM_GROUP; i++)
            x[i] = (const FASTMEM_REAL *)(rows + (row + i < n_rows ? row + i : n_rows - 1) * stride) + start;
        FASTMEM_NAME(FASTMEM_JOIN(fill_group, FASTMEM_REAL))(x, start, length, frame, narrow, tile + row, squares + row);
    }
}

FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(load, FASTMEM_REAL))(
    const char *rows, ptrdiff_t stride, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t length, const fastmem_frame *frame,
    float *tile, float *squares)
{
    if (sizeof(FASTMEM_REAL) == sizeof(float) && frame->narrow)
        FASTMEM_NAME(FASTMEM_JOIN(fill, FASTMEM_REAL))(rows, stride, n_rows, start, length, frame, 1, tile, squares);
    else
        FASTMEM_NAME(FASTMEM_JOIN(fill, FASTMEM_REAL))(rows, stride, n_rows, start, length, frame, 0, tile, squares);
}

/* Inner product in float64, and the sum of the absolute values of its products. */
FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(sums, FASTMEM_REAL))(const float *w, const FASTMEM_REAL *x,
                                                                          ptrdiff_t d, double *total, double *absolute)
{
    double sum[4] = {0.0}, size[4] = {0.0};
    ptrdiff_t k = 0;
    for (; k + 4 <= d; k += 4)
        for (int lane = 0; lane < 4; lane++) {
            double product = (double)w[k + lane] * (double)x[k + lane];
            sum[lane] += product;
            size[lane] += fabs(product);
        }
    for (; k < d; k++) {
        double product = (double)w[k] * (double)x[k];
        sum[0] += product;
        size[0] += fabs(product);
    }
    *total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    *absolute = (size[0] + size[1]) + (size[2] + size[3]);
}
