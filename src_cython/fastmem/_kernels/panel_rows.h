/* Template: the steps of a fastmem_isa that read points, for points of FASTMEM_REAL (see panel_steps.h). */

/* A row is rounded to float32 after it is centred and scaled in float64. */
FASTMEM_TARGET static void FASTMEM_NAME(FASTMEM_JOIN(centre, FASTMEM_REAL))(
    const FASTMEM_REAL *__restrict x, const double *__restrict centre, const double *__restrict shrink, ptrdiff_t d,
    float *__restrict out)
{
    for (; d > 0; d -= FASTMEM_CHUNK) {
        if (d >= FASTMEM_CHUNK)  /* a length the compiler knows */
            for (int k = 0; k < FASTMEM_CHUNK; k++)
                out[k] = (float)(((double)x[k] - centre[k]) * shrink[k]);
        else
            for (int k = 0; k < d; k++)
                out[k] = (float)(((double)x[k] - centre[k]) * shrink[k]);
        x += FASTMEM_CHUNK;
        centre += FASTMEM_CHUNK;
        shrink += FASTMEM_CHUNK;
        out += FASTMEM_STEP;
    }
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
