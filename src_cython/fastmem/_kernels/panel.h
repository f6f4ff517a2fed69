/* Inner products of a few rows with one panel of hyperplanes, in float32.
 *
 * A panel holds LANES hyperplanes, coordinate by coordinate: panel[k * LANES + lane].  Lanes carry no
 * dependence on each other, so vector registers hold neighbouring lanes and no sum is ever reordered.
 *
 * Sums run over CHUNK coordinates at a time and the chunk sums are then added: a product takes part in at
 * most CHUNK + ceil(d / CHUNK) additions, which is the number the error bound in signs.pyx is proved from.
 */
#ifndef FASTMEM_PANEL_H
#define FASTMEM_PANEL_H

#include <stddef.h>
#include <string.h>

#define FASTMEM_ROWS 2
#define FASTMEM_LANES 16
#define FASTMEM_CHUNK 32
#define FASTMEM_VECTORS (FASTMEM_LANES / 4)

#if defined(__GNUC__)
typedef float fastmem_vector __attribute__((vector_size(16)));
#define FASTMEM_MULTIPLY_ADD(sum, x, w) ((sum) += (x) * (w))
#else
typedef struct { float lane[4]; } fastmem_vector;
#define FASTMEM_MULTIPLY_ADD(sum, x, w) \
    do { for (int lane = 0; lane < 4; lane++) (sum).lane[lane] += (x) * (w).lane[lane]; } while (0)
#endif

static inline void fastmem_panel_products(const float *rows, ptrdiff_t d, const float *panel, float *products)
{
    memset(products, 0, FASTMEM_ROWS * FASTMEM_LANES * sizeof(float));
    for (ptrdiff_t start = 0; start < d; start += FASTMEM_CHUNK) {
        ptrdiff_t stop = start + FASTMEM_CHUNK < d ? start + FASTMEM_CHUNK : d;
        fastmem_vector sum[FASTMEM_ROWS][FASTMEM_VECTORS];
        memset(sum, 0, sizeof sum);
        for (ptrdiff_t k = start; k < stop; k++) {
            fastmem_vector w[FASTMEM_VECTORS];
            memcpy(w, panel + k * FASTMEM_LANES, sizeof w);
            for (int row = 0; row < FASTMEM_ROWS; row++) {
                float x = rows[row * d + k];
                for (int v = 0; v < FASTMEM_VECTORS; v++)
                    FASTMEM_MULTIPLY_ADD(sum[row][v], x, w[v]);
            }
        }
        float chunk[FASTMEM_ROWS * FASTMEM_LANES];
        memcpy(chunk, sum, sizeof chunk);
        for (int i = 0; i < FASTMEM_ROWS * FASTMEM_LANES; i++)
            products[i] += chunk[i];
    }
}

/* Sum of squares of float32 numbers in float64: no square over- or underflows. */
static inline double fastmem_squared_norm(const float *v, ptrdiff_t d)
{
    double sum[8] = {0.0};
    ptrdiff_t k = 0;
    for (; k + 8 <= d; k += 8)
        for (int lane = 0; lane < 8; lane++)
            sum[lane] += (double)v[k + lane] * (double)v[k + lane];
    for (; k < d; k++)
        sum[0] += (double)v[k] * (double)v[k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

#endif
