/* Template: the steps of a fastmem_isa, from the vectors of one instruction set: what panel.h says that an includer
 * defines. */
#define FASTMEM_VECTOR FASTMEM_NAME(vector)
#define FASTMEM_WORDS FASTMEM_NAME(words)

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

/* sum += the inner products of n hyperplanes with a few vectors of rows, over some neighbouring coordinates. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(sum)(const float *tile, ptrdiff_t length, const float *panel,
                                                            const int n, const int n_vectors,
                                                            FASTMEM_VECTOR (*sum)[FASTMEM_VECTORS], fastmem_lines ahead)
{
    FASTMEM_VECTOR x[FASTMEM_VECTORS];
    for (ptrdiff_t k = 0; k < length; k++) {
        if (k < ahead.left)
            fastmem_prefetch_once(ahead.line + k * FASTMEM_LINE);
        FASTMEM_UNROLL
        for (int v = 0; v < n_vectors; v++)
            x[v] = FASTMEM_NAME(load)(tile + k * FASTMEM_BLOCK + v * FASTMEM_WIDTH);
        FASTMEM_UNROLL
        for (int j = 0; j < n; j++) {
            FASTMEM_VECTOR w = FASTMEM_NAME(broadcast)(panel[k * FASTMEM_PANEL + j]);
            FASTMEM_UNROLL
            for (int v = 0; v < n_vectors; v++)
                sum[j][v] = FASTMEM_NAME(multiply_add)(x[v], w, sum[j][v]);
        }
    }
}

/* `body` for each tile of rows of a block, with the constant n, the hyperplanes of a panel, and the constant n_vectors. */
#define FASTMEM_TILES(body, n) \
    do { \
        ptrdiff_t row = 0; \
        for (; n_rows - row > (FASTMEM_VECTORS - 1) * FASTMEM_WIDTH; row += FASTMEM_VECTORS * FASTMEM_WIDTH) \
            body(n, FASTMEM_VECTORS); \
        for (; row < n_rows; row += FASTMEM_WIDTH) \
            body(n, 1); \
    } while (0)

#define FASTMEM_SIZES(body, size) \
    switch (size) { \
    case 1: FASTMEM_TILES(body, 1); break; \
    case 2: FASTMEM_TILES(body, 2); break; \
    case 3: FASTMEM_TILES(body, 3); break; \
    case 4: FASTMEM_TILES(body, 4); break; \
    case 5: FASTMEM_TILES(body, 5); break; \
    case 6: FASTMEM_TILES(body, 6); break; \
    }

/* Sums run over CHUNK coordinates at a time and the chunk sums are then added, the first one to -cut: a term takes part
 * in at most CHUNK + ceil(d / CHUNK) additions, which is the number the error bound in signs.pyx is proved from. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(add_chunk)(const float *tile, ptrdiff_t length,
                                                                  const float *panel, const int n, const int n_vectors,
                                                                  const float *cuts, int more, float *distances,
                                                                  fastmem_lines ahead)
{
    FASTMEM_VECTOR sum[FASTMEM_PANEL][FASTMEM_VECTORS];
    FASTMEM_UNROLL
    for (int j = 0; j < n; j++)
        FASTMEM_UNROLL
        for (int v = 0; v < n_vectors; v++)
            sum[j][v] = FASTMEM_NAME(broadcast)(more ? 0.0f : -cuts[j]);
    FASTMEM_NAME(sum)(tile, length, panel, n, n_vectors, sum, ahead);
    FASTMEM_UNROLL
    for (int j = 0; j < n; j++)
        FASTMEM_UNROLL
        for (int v = 0; v < n_vectors; v++) {
            float *distance = distances + j * FASTMEM_BLOCK + v * FASTMEM_WIDTH;
            if (more)
                sum[j][v] = FASTMEM_NAME(add)(FASTMEM_NAME(load)(distance), sum[j][v]);
            memcpy(distance, &sum[j][v], sizeof sum[j][v]);
        }
}

FASTMEM_TARGET static void FASTMEM_NAME(distances)(const float *tile, ptrdiff_t n_rows, ptrdiff_t length,
                                                   const fastmem_panels *panels, ptrdiff_t start, float *distances,
                                                   fastmem_ahead *ahead)
{
#define FASTMEM_BODY(n, n_vectors) \
    FASTMEM_NAME(add_chunk)(tile + row, length, panel, n, n_vectors, panels->cuts + first, start > 0, \
                            distances + first * FASTMEM_BLOCK + row, lines), \
    lines.left = 0
    for (ptrdiff_t p = 0; p < panels->n_panels; p++) {
        const float *panel = panels->weights + (p * panels->d + start) * FASTMEM_PANEL;
        ptrdiff_t first = panels->firsts[p] - panels->firsts[0];
        fastmem_lines lines = fastmem_ask(ahead, length);
        FASTMEM_SIZES(FASTMEM_BODY, panels->firsts[p + 1] - panels->firsts[p])
    }
#undef FASTMEM_BODY
}

/* Codes and nearest distances of a few vectors of rows, given those of n more hyperplanes. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(decide)(const FASTMEM_VECTOR (*distances)[FASTMEM_VECTORS],
                                                               const int n, const int n_vectors, const float *reach,
                                                               const uint64_t *columns, float *least, uint32_t *low,
                                                               uint32_t *high)
{
    FASTMEM_VECTOR nearest[FASTMEM_VECTORS];
    FASTMEM_WORDS first[FASTMEM_VECTORS], second[FASTMEM_VECTORS];
    FASTMEM_UNROLL
    for (int v = 0; v < n_vectors; v++) {
        nearest[v] = FASTMEM_NAME(load)(least + v * FASTMEM_WIDTH);
        memcpy(&first[v], low + v * FASTMEM_WIDTH, sizeof first[v]);
        if (columns)
            memcpy(&second[v], high + v * FASTMEM_WIDTH, sizeof second[v]);
    }
    FASTMEM_UNROLL
    for (int j = 0; j < n; j++)
        FASTMEM_UNROLL
        for (int v = 0; v < n_vectors; v++) {
            FASTMEM_VECTOR distance = distances[j][v];
            if (reach)
                nearest[v] = FASTMEM_NAME(nearer)(nearest[v], distance, FASTMEM_NAME(broadcast)(reach[j]));
            else
                nearest[v] = FASTMEM_NAME(nearest)(nearest[v], distance);
            if (columns) {
                first[v] = FASTMEM_NAME(flip)(first[v], distance, FASTMEM_NAME(broadcast_word)((uint32_t)columns[j]));
                second[v] = FASTMEM_NAME(flip)(second[v], distance,
                                               FASTMEM_NAME(broadcast_word)((uint32_t)(columns[j] >> 32)));
            } else {
                first[v] = FASTMEM_NAME(push)(first[v], distance);
            }
        }
    FASTMEM_UNROLL
    for (int v = 0; v < n_vectors; v++) {
        memcpy(least + v * FASTMEM_WIDTH, &nearest[v], sizeof nearest[v]);
        memcpy(low + v * FASTMEM_WIDTH, &first[v], sizeof first[v]);
        if (columns)
            memcpy(high + v * FASTMEM_WIDTH, &second[v], sizeof second[v]);
    }
}

/* Distances of some hyperplanes, either computed from all their coordinates or read, and what they decide. */
FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(decide_panel)(
    const float *tile, const float *panel, ptrdiff_t d, const float *cuts, const float *distances, const int n,
    const int n_vectors, const float *reach, const uint64_t *columns, float *least, uint32_t *low, uint32_t *high,
    fastmem_lines ahead)
{
    FASTMEM_VECTOR sum[FASTMEM_PANEL][FASTMEM_VECTORS];
    FASTMEM_UNROLL
    for (int j = 0; j < n; j++)
        FASTMEM_UNROLL
        for (int v = 0; v < n_vectors; v++)
            sum[j][v] = distances ? FASTMEM_NAME(load)(distances + j * FASTMEM_BLOCK + v * FASTMEM_WIDTH)
                                  : FASTMEM_NAME(broadcast)(-cuts[j]);
    if (!distances)
        FASTMEM_NAME(sum)(tile, d, panel, n, n_vectors, sum, ahead);
    FASTMEM_NAME(decide)(sum, n, n_vectors, reach, columns, least, low, high);
}

FASTMEM_INLINE FASTMEM_TARGET static void FASTMEM_NAME(decide_panels)(
    const float *tile, const float *distances, ptrdiff_t n_rows, const fastmem_panels *panels, const float *reach,
    const uint64_t *columns, fastmem_decisions *out, fastmem_ahead *ahead)
{
#define FASTMEM_BODY(n, n_vectors) \
    FASTMEM_NAME(decide_panel)(tile + row, panel, panels->d, panels->cuts + first, \
                               distances ? distances + first * FASTMEM_BLOCK + row : NULL, n, n_vectors, \
                               reach ? reach + first : NULL, columns ? columns + first : NULL, out->least + row, \
                               low + row, out->high + row, lines), \
    lines.left = 0
    for (ptrdiff_t p = 0; p < panels->n_panels; p++) {
        const float *panel = panels->weights + p * panels->d * FASTMEM_PANEL;
        ptrdiff_t first = panels->firsts[p] - panels->firsts[0], next = panels->firsts[p + 1] - panels->firsts[0];
        uint32_t *low = columns || first < FASTMEM_WORD ? out->low : out->high;
        fastmem_lines lines = {NULL, 0};
        if (!distances)
            lines = fastmem_ask(ahead, panels->d);
        FASTMEM_SIZES(FASTMEM_BODY, next - first)
        /* The first sign of a word is now bit WORD - n, and set where it is negative. */
        if (!columns && (next % FASTMEM_WORD == 0 || p + 1 == panels->n_panels))
            for (ptrdiff_t row = 0; row < n_rows; row++)
                low[row] = ~low[row] >> (FASTMEM_WORD - 1 - (next - 1) % FASTMEM_WORD);
    }
#undef FASTMEM_BODY
}

FASTMEM_TARGET static void FASTMEM_NAME(signs)(const float *tile, const float *distances, ptrdiff_t n_rows,
                                               const fastmem_panels *panels, const float *reach,
                                               const uint64_t *columns, fastmem_decisions *out, fastmem_ahead *ahead)
{
#define FASTMEM_CALL(tile, distances, reach, columns) \
    FASTMEM_NAME(decide_panels)(tile, distances, n_rows, panels, reach, columns, out, ahead)
    if (distances && columns)
        FASTMEM_CALL(NULL, distances, reach, columns);
    else if (distances)
        FASTMEM_CALL(NULL, distances, reach, NULL);
    else if (columns)
        FASTMEM_CALL(tile, NULL, reach, columns);
    else if (reach)
        FASTMEM_CALL(tile, NULL, reach, NULL);
    else
        FASTMEM_CALL(tile, NULL, NULL, NULL);
#undef FASTMEM_CALL
}

FASTMEM_TARGET static void FASTMEM_NAME(bounds)(const float *squares, ptrdiff_t n_rows, float growth, float underflow,
                                                float *bounds)
{
    for (ptrdiff_t row = 0; row < n_rows; row += FASTMEM_WIDTH) {
        FASTMEM_VECTOR norm = FASTMEM_NAME(square_root)(FASTMEM_NAME(load)(squares + row));
        norm = FASTMEM_NAME(multiply_add)(norm, FASTMEM_NAME(broadcast)(growth), FASTMEM_NAME(broadcast)(underflow));
        memcpy(bounds + row, &norm, sizeof norm);
    }
}

FASTMEM_TARGET static uint64_t FASTMEM_NAME(finish)(const fastmem_decisions *out, const float *bounds, ptrdiff_t n_rows,
                                                    int shift, uint64_t *codes)
{
    uint64_t decided = 0;
    for (ptrdiff_t row = 0; row < n_rows; row++)
        codes[row] = ((uint64_t)out->low[row] | (uint64_t)out->high[row] << 32) << shift;
    for (ptrdiff_t row = 0; row < n_rows; row += FASTMEM_WIDTH) {
        FASTMEM_VECTOR least = FASTMEM_NAME(load)(out->least + row), bound = FASTMEM_NAME(load)(bounds + row);
        decided |= (uint64_t)FASTMEM_NAME(beyond)(least, bound) << row;
    }
    return ~decided & (~(uint64_t)0 >> (FASTMEM_BLOCK - n_rows));
}

static const fastmem_isa FASTMEM_NAME(isa) = {
    FASTMEM_TEXT(FASTMEM_ISA),
    FASTMEM_NAME(load_float),
    FASTMEM_NAME(load_double),
    FASTMEM_NAME(distances),
    FASTMEM_NAME(signs),
    FASTMEM_NAME(bounds),
    FASTMEM_NAME(finish),
    FASTMEM_NAME(sums_float),
    FASTMEM_NAME(sums_double),
};

#undef FASTMEM_TILES
#undef FASTMEM_SIZES
#undef FASTMEM_ISA
#undef FASTMEM_TARGET
#undef FASTMEM_WIDTH
#undef FASTMEM_VECTORS
#undef FASTMEM_VECTOR
#undef FASTMEM_WORDS
