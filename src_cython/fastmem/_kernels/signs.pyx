"""Signs of hyperplanes, decided exactly: z_j(x) = [sum_i w_ji x_i >= t_j] over the real numbers.

A floating-point inner product depends on the order of its additions, so a sign computed from one can change
with batch size, threads, compiler and processor. Here a sign is decided by the first of three steps whose
error bound allows it (a filtered predicate; Shewchuk 1997, "Adaptive precision floating-point arithmetic and
fast robust geometric predicates"). The last step has no error, so the outcome is a function of the numbers
in X, w and t alone. u = 2^-24 and v = 2^-53 are the units of rounding; gamma(k) = k u / (1 - k u). The bounds
on sums are Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 3.1 and 4.2: if a
product takes part in at most k - 1 additions, |fl(sum w_i x_i) - sum w_i x_i| <= gamma(k) sum |w_i x_i|.

Step 1, float32. The caller supplies a centre c and powers of two 2^-e_i (|e_i| <= 900) and 2^k_j, which change
no sign:
with x'_i = (x_i - c_i) 2^-e_i, w'_ji = w_ji 2^(e_i + k_j), t'_j = 2^k_j (t_j - w_j.c), and ||w'_j|| <= 1,
    w_j.x >= t_j   if and only if   w'_j.x' >= t'_j.
The row is rounded to float32: |fl(x'_i) - x'_i| <= (u + 2v)|x'_i| + 2^-149, and so are w' (exactly, unless it
is below 2^-126) and t'. The product of panel.h adds in chunks of 32, so k = 33 + ceil(d / 32). Altogether
    |p - w'.x'| <= gamma(k + 4) N + (d + 8) 2^-148,      N = ||fl(x')||, computed in float64,
    |fl(t') - t'| <= 2 u |fl(t')| + 2^-148.
`growth` is gamma(k + 4) and `underflow` (d + 8) 2^-148, both multiplied by 1 + 2^-12, and `slack` the bound of
t' likewise: that factor covers the rounding of the bounds, of N and of the comparison itself. Where N is
2^120 or more the sum might overflow and nothing is decided.

Step 2, float64. A product w_i x_i of float32 numbers is exact, of a float32 and a float64 number rounded once:
    |p - w.x| <= gamma_v(d + 1) sum |w_i x_i| + d 2^-1074,
with the sum of absolute values taken beside p. Infinities and NaN decide nothing: every comparison is false.

Step 3, integers. Mantissas are multiplied as integers and added into a fixed-point number of 80 digits of 32
bits, wide enough for every float32 times every finite float64 (Kulisch accumulator). Its sign is exact for
every finite input.

The bounds assume rounding to nearest with gradual underflow. Other code in the process can have changed
either (libraries built with -ffast-math do), so the kernels below set the default floating-point environment
for their own thread and put back what they found; so does the Python code that prepares their arguments.
"""

from cython cimport floating
from libc.math cimport fabs, fabsf, isfinite, sqrt, INFINITY
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

include "fenv.pxi"

cdef extern from "panel.h" nogil:
    const int FASTMEM_ROWS
    const int FASTMEM_LANES
    const int FASTMEM_CHUNK
    void fastmem_panel_products(const float *rows, Py_ssize_t d, const float *panel, float *products)
    double fastmem_squared_norm(const float *row, Py_ssize_t d)

cdef enum:
    BLOCK = 16  # rows taken through a panel while it is in the first-level cache
    DIGITS = 80  # 32-bit digits of the exact accumulator
    LOWEST = -1248  # power of two of its lowest bit

LANES = FASTMEM_LANES
CHUNK = FASTMEM_CHUNK
BLOCK_ROWS = BLOCK


cdef inline void add_shifted(int64_t *digits, uint64_t value, int position, int64_t sign) noexcept nogil:
    """digits += sign * value * 2^position, value below 2^51."""
    cdef int digit = position >> 5
    cdef int shift = position & 31
    cdef uint64_t low = (value & 0xFFFFFFFFu) << shift
    cdef uint64_t high = (value >> 32) << shift
    digits[digit] += sign * <int64_t>(low & 0xFFFFFFFFu)
    digits[digit + 1] += sign * <int64_t>((low >> 32) + (high & 0xFFFFFFFFu))
    digits[digit + 2] += sign * <int64_t>(high >> 32)


cdef inline void add_product(int64_t *digits, double w, double x) noexcept nogil:
    """digits += w * x for w of float32 precision and any finite x."""
    cdef uint64_t w_bits, x_bits, w_integer, x_integer
    cdef int w_exponent, x_exponent, position
    cdef int64_t sign
    if w == 0.0 or x == 0.0:
        return
    memcpy(&w_bits, &w, 8)
    memcpy(&x_bits, &x, 8)
    sign = -1 if (w_bits ^ x_bits) >> 63 else 1
    w_exponent = <int>((w_bits >> 52) & 0x7FF)
    x_exponent = <int>((x_bits >> 52) & 0x7FF)
    w_integer = (w_bits & 0xFFFFFFFFFFFFFu) | (1ull << 52)  # a float32 number is never subnormal in float64
    x_integer = x_bits & 0xFFFFFFFFFFFFFu
    if x_exponent:
        x_integer |= 1ull << 52
    else:
        x_exponent = 1
    # 24 bits times 26 and times 27 bits: both products stay below 2^51.
    w_integer >>= 29
    position = (w_exponent - 1075 + 29) + (x_exponent - 1075) - LOWEST
    add_shifted(digits, w_integer * (x_integer & 0x3FFFFFFu), position, sign)
    add_shifted(digits, w_integer * (x_integer >> 26), position + 26, sign)


cdef bint exact_sign(const floating *x, Py_ssize_t stride, const float *w, Py_ssize_t d, double t) noexcept nogil:
    """Step 3: [w.x >= t] in integers."""
    cdef int64_t digits[DIGITS]
    cdef int64_t carry = 0
    cdef Py_ssize_t i
    memset(digits, 0, sizeof(digits))
    for i in range(d):
        add_product(digits, w[i], x[i * stride])
    add_product(digits, -1.0, t)
    for i in range(DIGITS):
        carry = (digits[i] + carry) >> 32
    return carry >= 0


cdef inline bint settled_sign(const floating *x, Py_ssize_t stride, const float *w, Py_ssize_t d, double t,
                              int64_t *n_exact) noexcept nogil:
    """Step 2, and step 3 where it does not decide."""
    cdef double total = 0.0, absolute = 0.0, product, bound, unit = 1.1102230246251565e-16
    cdef Py_ssize_t i
    for i in range(d):
        product = <double>w[i] * <double>x[i * stride]
        total += product
        absolute += fabs(product)
    bound = (d + 4) * unit * (1.0 + 1e-6) * absolute + d * 5e-324
    if total - t > bound:
        return True
    if t - total > bound:
        return False
    n_exact[0] += 1
    return exact_sign(x, stride, w, d, t)


cdef inline void centre_row(const floating *x, Py_ssize_t stride, const double *centre, const double *shrink,
                            Py_ssize_t d, float *out) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        out[i] = <float>((<double>x[i * stride] - centre[i]) * shrink[i])


cdef inline float row_bound(const float *row, Py_ssize_t d, double growth, double underflow) noexcept nogil:
    cdef double norm = sqrt(fastmem_squared_norm(row, d))
    if norm < 1.329227995784916e36:  # 2^120
        return <float>(growth * norm + underflow)
    return <float>INFINITY


cdef inline bint row_is_finite(const floating *x, Py_ssize_t stride, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        if not isfinite(<double>x[i * stride]):
            return False
    return True


cdef inline void decide(const float *products, const float *cuts, const float *slack, float bound,
                        uint64_t *signs, uint64_t *undecided) noexcept nogil:
    """Step 1's outcome for the lanes of one panel, a bit each."""
    cdef Py_ssize_t lane
    cdef float distance
    signs[0] = 0
    undecided[0] = 0
    for lane in range(FASTMEM_LANES):
        distance = products[lane] - cuts[lane]
        signs[0] |= <uint64_t>(distance > 0) << lane
        undecided[0] |= <uint64_t>(not (fabsf(distance) > bound + slack[lane])) << lane


def sign_codes(const floating[:, :] X, const float[:, :, ::1] panels, const float[:, ::1] cuts,
               const float[:, ::1] slack, const float[:, ::1] weights, const double[::1] thresholds,
               const uint64_t[::1] columns, const double[::1] centre, const double[::1] shrink,
               double growth, double underflow, float[:, ::1] scratch, uint64_t[::1] codes,
               int64_t[::1] counts):
    """codes[i] = XOR of columns[j] over the hyperplanes j with sign 1 at row i.

    panels (ceil(m / LANES), d, LANES), cuts and slack (ceil(m / LANES), LANES) hold w', t' and its bound;
    scratch (BLOCK_ROWS, d) is working space. counts[0] and counts[1] grow by the signs that steps 2 and 3
    decided. Returns the first row that holds a NaN or an infinity, or -1; codes are complete only then.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], m = weights.shape[0], n_panels = panels.shape[0]
    cdef Py_ssize_t stride = X.strides[1] // <Py_ssize_t>sizeof(floating)
    cdef Py_ssize_t start = 0, bad = -1, block, i, row, panel, lane, lanes, j
    cdef float bounds[BLOCK]
    cdef float products[64]
    cdef uint64_t code, signs, undecided
    cdef int64_t n_float64 = 0, n_exact = 0
    cdef const floating *x
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        while start < n and bad < 0:
            block = min(<Py_ssize_t>BLOCK, n - start)
            memset(&scratch[0, 0], 0, BLOCK * d * sizeof(float))
            for i in range(block):
                x = <const floating *>(<const char *>&X[0, 0] + (start + i) * X.strides[0])
                if stride == 1:  # a constant stride lets the compiler use vector registers
                    centre_row(x, 1, &centre[0], &shrink[0], d, &scratch[i, 0])
                else:
                    centre_row(x, stride, &centre[0], &shrink[0], d, &scratch[i, 0])
                bounds[i] = row_bound(&scratch[i, 0], d, growth, underflow)
                codes[start + i] = 0
                if not (bounds[i] < INFINITY) and not row_is_finite(x, stride, d):
                    bad = start + i
                    break
            if bad >= 0:
                break
            for panel in range(n_panels):
                lanes = min(<Py_ssize_t>FASTMEM_LANES, m - panel * FASTMEM_LANES)
                for i in range(block):
                    row = i % FASTMEM_ROWS
                    if row == 0:
                        fastmem_panel_products(&scratch[i, 0], d, &panels[panel, 0, 0], products)
                    decide(products + row * FASTMEM_LANES, &cuts[panel, 0], &slack[panel, 0], bounds[i],
                           &signs, &undecided)
                    code = 0
                    for lane in range(lanes):
                        j = panel * FASTMEM_LANES + lane
                        if (undecided >> lane) & 1:
                            n_float64 += 1
                            x = <const floating *>(<const char *>&X[0, 0] + (start + i) * X.strides[0])
                            if settled_sign(x, stride, &weights[j, 0], d, thresholds[j], &n_exact):
                                code ^= columns[j]
                        elif (signs >> lane) & 1:
                            code ^= columns[j]
                    codes[start + i] ^= code
            start += BLOCK
        fesetenv(&environment)
    counts[0] += n_float64
    counts[1] += n_exact
    return bad


def certified_radii(const floating[:, :] X, const double[:, ::1] weights, const double[::1] thresholds,
                    const double[::1] norms, double[::1] products, double[::1] radii):
    """radii[i] <= min_j |w_j.x_i - t_j| / ||w_j||, rounded down rigorously; 0 where rounding decides nothing.

    weights is (d, m), the transpose, so that the inner loop runs over hyperplanes; norms are ||w_j|| rounded
    up. |fl(w.x) - w.x| <= gamma_v(d + 1) ||w|| ||x|| + d 2^-1074 (Higham 3.1 and Cauchy-Schwarz).
    Returns the first row that holds a NaN or an infinity, or -1.
    """
    cdef Py_ssize_t n = X.shape[0], d = weights.shape[0], m = weights.shape[1]
    cdef Py_ssize_t i, j, k, bad = -1
    cdef double square, norm, distance, radius, x, unit = 1.1102230246251565e-16
    cdef double tiny = 2.2250738585072014e-308
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        for i in range(n):
            square = 0.0
            for j in range(m):
                products[j] = 0.0
            for k in range(d):
                x = X[i, k]
                if not isfinite(x):
                    bad = i
                    break
                square += x * x
                for j in range(m):
                    products[j] += x * weights[k, j]
            if bad >= 0:
                break
            # The last term covers squares that underflow.
            norm = sqrt(square) * (1.0 + (d + 4) * unit) + sqrt(<double>d) * 1e-153
            radius = INFINITY
            for j in range(m):
                if norms[j] == 0:  # constant: no input changes this sign
                    continue
                distance = fabs(products[j] - thresholds[j]) * (1.0 - 8 * unit)
                distance = distance - (d + 8) * unit * (1.0 + 1e-6) * norm * norms[j] - (d + 8) * tiny
                distance = distance / norms[j] * (1.0 - 8 * unit)
                if not (distance > 0):  # an overflow makes it NaN
                    radius = 0.0
                    break
                if distance > 1.7976931348623157e308:
                    distance = 1.7976931348623157e308
                if distance < radius:
                    radius = distance
            radii[i] = radius
        fesetenv(&environment)
    return bad
