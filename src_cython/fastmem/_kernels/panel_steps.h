/* Template: the steps of a fastmem_isa, from the vectors of one instruction set (see panel.h).
 *
 * The includer defines FASTMEM_ISA, FASTMEM_TARGET, FASTMEM_WIDTH (lanes of a vector), FASTMEM_ROWS (rows whose sums
 * fit the registers together) and the functions multiply_add, add and bits.
 */
#define FASTMEM_VECTOR FASTMEM_NAME(vector)
#define FASTMEM_VECTORS (FASTMEM_LANES / FASTMEM_WIDTH)

FASTMEM_INLINE FASTMEM_TARGET static FASTMEM_VECTOR FASTMEM_NAME(load)(const float *lanes)
{
    FASTMEM_VECTOR vector;
    memcpy(&vector, lanes, sizeof vector);
    return vector;
}

#define FASTMEM_REAL float
#include "panel_rows.h"
#undef FASTMEM_REAL
#define FASTMEM_REAL double
#include "panel_rows.h"
#undef FASTMEM_REAL

/* Sum of squares of float32 numbers in float64: no square over- or underflows. */
FASTMEM_TARGET static double FASTMEM_NAME(squared_norm)(const float *row, ptrdiff_t d)
{
    double sum[8] = {0.0};
    for (; d > 0; d -= FASTMEM_CHUNK, row += FASTMEM_STEP)
        FASTMEM_ROLLED  /* or GCC 12 unrolls it and finds no vectors in it */
        for (int k = 0; k < FASTMEM_CHUNK; k += 8)
            for (int lane = 0; lane < 8; lane++)
                sum[lane] += (double)row[k + lane] * (double)row[k + lane];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* products[row * LANES + lane] of a few rows grows by the coordinates start to stop of the inner products.
 *
 * Sums run over CHUNK coordinates at a time and the chunk sums are then added: a product takes part in at
 * most CHUNK + ceil(d / CHUNK) additions, which is the number the error bound in signs.pyx is proved from. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(tile)(const float *rows, const int n_rows, const float *panel,
                                                             ptrdiff_t start, ptrdiff_t stop, float *products)
{
    static const float zeros[FASTMEM_WIDTH] = {0.0f};
    for (; start < stop; start += FASTMEM_CHUNK) {
        const float *row_chunk = rows + start / FASTMEM_CHUNK * FASTMEM_STEP;
        const float *panel_chunk = panel + start * FASTMEM_LANES;
        ptrdiff_t length = start + FASTMEM_CHUNK < stop ? FASTMEM_CHUNK : stop - start;
        FASTMEM_VECTOR sum[FASTMEM_ROWS][FASTMEM_VECTORS], w[FASTMEM_VECTORS];
        FASTMEM_UNROLL
        for (int row = 0; row < n_rows; row++)
            FASTMEM_UNROLL
            for (int v = 0; v < FASTMEM_VECTORS; v++)
                sum[row][v] = FASTMEM_NAME(load)(zeros);
        for (ptrdiff_t k = 0; k < length; k++) {
            FASTMEM_UNROLL
            for (int v = 0; v < FASTMEM_VECTORS; v++)
                w[v] = FASTMEM_NAME(load)(panel_chunk + k * FASTMEM_LANES + v * FASTMEM_WIDTH);
            FASTMEM_UNROLL
            for (int row = 0; row < n_rows; row++)
                FASTMEM_UNROLL
                for (int v = 0; v < FASTMEM_VECTORS; v++)
                    sum[row][v] = FASTMEM_NAME(multiply_add)(row_chunk[row * FASTMEM_CHUNK + k], w[v], sum[row][v]);
        }
        FASTMEM_UNROLL
        for (int row = 0; row < n_rows; row++)
            FASTMEM_UNROLL
            for (int v = 0; v < FASTMEM_VECTORS; v++) {
                float *product = products + row * FASTMEM_LANES + v * FASTMEM_WIDTH;
                FASTMEM_VECTOR total = sum[row][v];
                if (start > 0)
                    total = FASTMEM_NAME(add)(FASTMEM_NAME(load)(product), total);
                memcpy(product, &total, sizeof total);
            }
    }
}

FASTMEM_TARGET static void FASTMEM_NAME(products)(const float *rows, ptrdiff_t n_rows, ptrdiff_t d, const float *panel,
                                                  float *products)
{
    for (ptrdiff_t start = 0; start < d; start += FASTMEM_DEPTH) {
        ptrdiff_t stop = start + FASTMEM_DEPTH < d ? start + FASTMEM_DEPTH : d;
        ptrdiff_t row = 0;
        for (; row + FASTMEM_ROWS <= n_rows; row += FASTMEM_ROWS)
            FASTMEM_NAME(tile)(rows + row * FASTMEM_CHUNK, FASTMEM_ROWS, panel, start, stop,
                               products + row * FASTMEM_LANES);
        for (; row < n_rows; row++)
            FASTMEM_NAME(tile)(rows + row * FASTMEM_CHUNK, 1, panel, start, stop, products + row * FASTMEM_LANES);
    }
}

FASTMEM_TARGET static void FASTMEM_NAME(decide)(const float *products, ptrdiff_t n_rows, const float *bounds,
                                                const float *cuts, const float *reach, uint16_t *signs,
                                                uint16_t *undecided)
{
    for (ptrdiff_t row = 0; row < n_rows; row++)
        FASTMEM_NAME(bits)(products + row * FASTMEM_LANES, bounds[row], cuts, reach, signs + row, undecided + row);
}

static const fastmem_isa FASTMEM_NAME(isa) = {
    FASTMEM_TEXT(FASTMEM_ISA),
    FASTMEM_NAME(centre_float),
    FASTMEM_NAME(centre_double),
    FASTMEM_NAME(sums_float),
    FASTMEM_NAME(sums_double),
    FASTMEM_NAME(squared_norm),
    FASTMEM_NAME(products),
    FASTMEM_NAME(decide),
};

#undef FASTMEM_ISA
#undef FASTMEM_TARGET
#undef FASTMEM_WIDTH
#undef FASTMEM_ROWS
#undef FASTMEM_VECTOR
#undef FASTMEM_VECTORS
