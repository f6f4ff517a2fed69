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
is below 2^-126) and t'. The sums of panel_steps.h run in chunks of 32, so k = 33 + ceil(d / 32), in whatever
instruction set: a fused multiply-add leaves a product unrounded and so has one rounding less in every term of
that proof. Altogether
    |p - w'.x'| <= gamma(k + 4) N + (d + 8) 2^-148,      N = ||fl(x')||, computed in float64,
    |fl(t') - t'| <= 2 u |fl(t')| + 2^-148.
`growth` is gamma(k + 4) and `underflow` (d + 8) 2^-148, both multiplied by 1 + 2^-12, and `slack` the bound of
t' likewise: that factor covers the rounding of the bounds, of N and of the comparison itself. Where N is
2^120 or more the sum might overflow and nothing is decided.

Step 2, float64, in any order. A product w_i x_i of float32 numbers is exact, of a float32 and a float64 number
rounded once:
    |p - w.x| <= gamma_v(d + 1) sum |w_i x_i| + d 2^-1074,
with the sum of absolute values taken beside p. Infinities and NaN decide nothing: every comparison is false.

Step 3, integers. Mantissas are multiplied as integers and added into a fixed-point number of 80 digits of 32
bits, wide enough for every float32 times every finite float64 (Kulisch accumulator). Its sign is exact for
every finite input.

Margins. A caller that asks for them gets a number just below min_i |w_j.x_i - t_j|, at the price of a few signs
more. Write D = |p - fl(t')| for the distance and L = bound + slack for what it may err by, all of step 1. Then
D - L <= |w'.x' - t'| <= D + L, so that D - L lies within a factor of two of the truth where D > 3 L. Each hyperplane
has a number F (`nearest`), at first the margin the caller brings, and `reach` is slack + F: a row matters only where
not D > bound + reach, for otherwise its sign is decided and it is further away than F. Such a row is rare, as
F falls with each. It lowers F to D - L if D > 3 L; else step 2 settles its sign and lowers both margin and F by
|p - t| less the bound of that step, or by 0 where that is negative. F times (1 - 2^-22) is below the truth: the four
roundings of D, of D - L, of reach and of the comparison cost 2^-24 each and the factor 1 + 2^-12 in L covers its own.
F starts from the caller's margin times 1 + 2^-21, so that it bounds rows not looked at, and never from below 2^-126.

The bounds assume rounding to nearest with gradual underflow. Other code in the process can have changed
either (libraries built with -ffast-math do), so the kernels below set the default floating-point environment
for their own thread and put back what they found; so does the Python code that prepares their arguments.
"""

import os

from cython cimport floating
from libc.float cimport DBL_MAX, FLT_MAX, FLT_MIN
from libc.math cimport fabs, fabsf, isfinite, ldexp, sqrt, INFINITY
from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

from fastmem.errors import InvalidInput

include "fenv.pxi"

cdef extern from "panel.h" nogil:
    enum:
        FASTMEM_BLOCK
        FASTMEM_LANES
        FASTMEM_CHUNK
        FASTMEM_N_ISAS
    ctypedef struct fastmem_isa:
        const char *name
        void (*centre_float)(const float *x, const double *centre, const double *shrink, Py_ssize_t d,
                             float *out) noexcept nogil
        void (*centre_double)(const double *x, const double *centre, const double *shrink, Py_ssize_t d,
                             float *out) noexcept nogil
        void (*sums_float)(const float *w, const float *x, Py_ssize_t d, double *total,
                           double *absolute) noexcept nogil
        void (*sums_double)(const float *w, const double *x, Py_ssize_t d, double *total,
                           double *absolute) noexcept nogil
        double (*squared_norm)(const float *row, Py_ssize_t d) noexcept nogil
        void (*products)(const float *rows, Py_ssize_t n_rows, Py_ssize_t d, const float *panel,
                         float *products) noexcept nogil
        void (*decide)(const float *products, Py_ssize_t n_rows, const float *bounds, const float *cuts,
                       const float *reach, uint16_t *signs, uint16_t *undecided) noexcept nogil
    const fastmem_isa *const *fastmem_isas
    bint fastmem_supports(int i)

cdef enum:
    DIGITS = 80  # 32-bit digits of the exact accumulator
    LOWEST = -1248  # power of two of its lowest bit
    GROUPS = 4  # of four lanes, in a panel

LANES = FASTMEM_LANES
CHUNK = FASTMEM_CHUNK
BLOCK_ROWS = FASTMEM_BLOCK


def supported_isas():
    """Names of the instruction sets that `sign_codes` can use here, slowest first; its argument is the place."""
    return [(<bytes>fastmem_isas[i].name).decode() for i in range(FASTMEM_N_ISAS) if fastmem_supports(i)]


def _choose_isa():
    supported = supported_isas()
    name = os.environ.get("FASTMEM_ISA", supported[len(supported) - 1])
    if name not in supported:
        raise InvalidInput(
            f"the environment variable FASTMEM_ISA is {name!r}: this processor and build support {', '.join(supported)}"
        )
    return name


_ISA = _choose_isa()


def isa_in_use():
    """Name of the instruction set chosen at import: the best one, or what FASTMEM_ISA says."""
    return _ISA


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


cdef bint exact_sign(const floating *x, const float *w, Py_ssize_t d, double t) noexcept nogil:
    """Step 3: [w.x >= t] in integers."""
    cdef int64_t digits[DIGITS]
    cdef int64_t carry = 0
    cdef Py_ssize_t i
    memset(digits, 0, sizeof(digits))
    for i in range(d):
        add_product(digits, w[i], x[i])
    add_product(digits, -1.0, t)
    for i in range(DIGITS):
        carry = (digits[i] + carry) >> 32
    return carry >= 0


cdef inline unsigned int settled_sign(const fastmem_isa *isa, const floating *x, const float *w, Py_ssize_t d, double t,
                              int64_t *n_exact, double *margin) noexcept nogil:
    """Step 2, and step 3 where it does not decide; margin <= |w.x - t|."""
    cdef double total = 0.0, absolute = 0.0, excess, bound, unit = 1.1102230246251565e-16
    if floating is float:
        isa.sums_float(w, x, d, &total, &absolute)
    else:
        isa.sums_double(w, x, d, &total, &absolute)
    bound = (d + 4) * unit * (1.0 + 1e-6) * absolute + d * 5e-324
    excess = fabs(total - t) - bound
    if excess > 0:  # not NaN
        margin[0] = min(excess, DBL_MAX) * (1.0 - 8 * unit)
        return total > t
    margin[0] = 0.0
    n_exact[0] += 1
    return exact_sign(x, w, d, t)


cdef inline const floating *row_of(const floating[:, :] X, Py_ssize_t i, floating *gathered) noexcept nogil:
    """Row i of X as neighbouring numbers: in place, or else copied to gathered."""
    cdef const char *x = <const char *>&X[0, 0] + i * X.strides[0]
    cdef Py_ssize_t k
    if X.strides[1] == <Py_ssize_t>sizeof(floating) or X.shape[1] == 1:
        return <const floating *>x
    for k in range(X.shape[1]):
        gathered[k] = (<const floating *>(x + k * X.strides[1]))[0]
    return gathered


cdef inline float row_bound(double squared_norm, double growth, double underflow) noexcept nogil:
    cdef double norm = sqrt(squared_norm)
    if norm < 1.329227995784916e36:  # 2^120
        return <float>(growth * norm + underflow)
    return <float>INFINITY


cdef inline bint row_is_finite(const floating *x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        if not isfinite(<double>x[i]):
            return False
    return True


cdef void prepare_xor(const uint64_t[::1] columns, uint64_t[:, :, ::1] tables, uint64_t[::1] factors) noexcept nogil:
    """XOR of the columns of a panel's lanes, for each pattern of four signs; or a factor that does the same.

    Where the columns of a panel are neighbouring bits in order, the signs times the first one are the code.
    """
    cdef Py_ssize_t m = columns.shape[0], panel, group, lane, first, j, bit, k
    cdef uint64_t column
    for panel in range(tables.shape[0]):
        first = panel * FASTMEM_LANES
        factors[panel] = columns[first] if columns[first] & (columns[first] - 1) == 0 else 0
        for j in range(first, min(first + FASTMEM_LANES, m)):
            if columns[j] == 0 or columns[j] != factors[panel] << (j - first):
                factors[panel] = 0
        for group in range(GROUPS):
            tables[panel, group, 0] = 0
            for lane in range(4):
                j = first + 4 * group + lane
                column = columns[j] if j < m else 0
                bit = 1 << lane
                for k in range(bit):
                    tables[panel, group, bit + k] = tables[panel, group, k] ^ column


cdef inline uint64_t xor_of(uint64_t signs, const uint64_t *table) noexcept nogil:
    return (table[signs & 15] ^ table[16 + ((signs >> 4) & 15)]
            ^ table[32 + ((signs >> 8) & 15)] ^ table[48 + (signs >> 12)])


cdef inline bint lowered(float distance, float error, float *nearest) noexcept nogil:
    """Whether float32 alone tells |w'.x' - t'| within a factor of two; nearest is then lowered to its bound."""
    cdef float lower = distance - error
    if not (distance > 3 * error):
        return False
    if not (lower < FLT_MAX):
        lower = FLT_MAX / 2
    nearest[0] = min(nearest[0], lower)
    return True


cdef inline void lower_to(double margin, int power, float *nearest) noexcept nogil:
    """Lower nearest to a margin that float64 told, unless float32 cannot hold it."""
    cdef float lower = <float>ldexp(margin, power)
    if lower >= FLT_MIN or margin == 0:
        nearest[0] = min(nearest[0], lower)


def sign_codes(int isa, const floating[:, :] X, const float[:, :, ::1] panels, const float[:, ::1] cuts,
               const float[:, ::1] slack, const float[:, ::1] weights, const double[::1] thresholds,
               const uint64_t[::1] columns, const double[::1] centre, const double[::1] shrink,
               double growth, double underflow, float[:, :, ::1] scratch, floating[::1] gathered,
               uint64_t[:, :, ::1] tables, uint64_t[::1] factors, uint64_t[::1] codes, int64_t[::1] counts,
               float[:, ::1] reach, float[:, ::1] nearest, double[::1] margins, const int32_t[::1] powers):
    """codes[i] = XOR of columns[j] over the hyperplanes j with sign 1 at row i.

    isa is a place in `supported_isas`. panels (ceil(m / LANES), d, LANES), cuts and slack (ceil(m / LANES), LANES)
    hold w', t' and its bound. Working space: scratch (ceil(d / CHUNK), BLOCK_ROWS, CHUNK) of zeros, gathered (d,),
    tables (ceil(m / LANES), 4, 16), factors (ceil(m / LANES),). counts[0] and counts[1] grow by the signs that steps
    2 and 3 decided. Returns the first row that holds a NaN or an infinity, or -1; the rest is complete only then.

    Without margins, reach is slack; nearest, margins and powers are empty. With margins, reach is slack + nearest,
    powers holds k_j, and both nearest (ceil(m / LANES), LANES), in units of w', and margins (m,), in those of w, are
    lowered: see "Margins" above.
    """
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], m = weights.shape[0], n_panels = panels.shape[0]
    cdef Py_ssize_t start = 0, bad = -1, block, i, panel, lane, j
    cdef bint lowering = margins.shape[0] > 0
    cdef float bounds[FASTMEM_BLOCK]
    cdef float products[FASTMEM_BLOCK * FASTMEM_LANES]
    cdef uint16_t signs[FASTMEM_BLOCK]
    cdef uint16_t undecided[FASTMEM_BLOCK]
    cdef unsigned int row_signs, pending, sign, valid
    cdef float distance
    cdef double margin = 0.0
    cdef int64_t n_float64 = 0, n_exact = 0
    cdef const floating *x
    cdef const fastmem_isa *steps = fastmem_isas[isa]
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        memset(products, 0, sizeof(products))  # for points without coordinates
        prepare_xor(columns, tables, factors)
        while start < n and bad < 0:
            block = min(<Py_ssize_t>FASTMEM_BLOCK, n - start)
            for i in range(block):
                x = row_of(X, start + i, &gathered[0])
                if floating is float:
                    steps.centre_float(x, &centre[0], &shrink[0], d, &scratch[0, i, 0])
                else:
                    steps.centre_double(x, &centre[0], &shrink[0], d, &scratch[0, i, 0])
                bounds[i] = row_bound(steps.squared_norm(&scratch[0, i, 0], d), growth, underflow)
                codes[start + i] = 0
                if not (bounds[i] < INFINITY) and not row_is_finite(x, d):
                    bad = start + i
                    break
            if bad >= 0:
                break
            for panel in range(n_panels):
                valid = 0xFFFF >> max(<Py_ssize_t>0, (panel + 1) * FASTMEM_LANES - m)
                steps.products(&scratch[0, 0, 0], block, d, &panels[panel, 0, 0], products)
                steps.decide(products, block, bounds, &cuts[panel, 0], &reach[panel, 0], signs, undecided)
                for i in range(block - 1, -1, -1):
                    row_signs = signs[i] & valid
                    pending = undecided[i] & valid
                    if pending:
                        x = row_of(X, start + i, &gathered[0])
                        for lane in range(FASTMEM_LANES):
                            if not (pending >> lane) & 1:
                                continue
                            distance = fabsf(products[i * FASTMEM_LANES + lane] - cuts[panel, lane])
                            if lowering and lowered(distance, bounds[i] + slack[panel, lane], &nearest[panel, lane]):
                                continue
                            j = panel * FASTMEM_LANES + lane
                            sign = settled_sign(steps, x, &weights[j, 0], d, thresholds[j], &n_exact, &margin)
                            row_signs = (row_signs & ~(1u << lane)) | (sign << lane)
                            n_float64 += 1
                            if lowering:
                                margins[j] = min(margins[j], margin)
                                lower_to(margin, powers[j], &nearest[panel, lane])
                        if lowering:  # the rows left have less to tell: much less where points are sorted
                            for lane in range(FASTMEM_LANES):
                                reach[panel, lane] = slack[panel, lane] + nearest[panel, lane]
                            steps.decide(products, i, bounds, &cuts[panel, 0], &reach[panel, 0], signs, undecided)
                    if factors[panel]:
                        codes[start + i] ^= row_signs * factors[panel]
                    else:
                        codes[start + i] ^= xor_of(row_signs, &tables[panel, 0, 0])
            start += FASTMEM_BLOCK
        fesetenv(&environment)
    counts[0] += n_float64
    counts[1] += n_exact
    return bad


def distances(const floating[:, :] X, const double[:, ::1] weights, const double[::1] thresholds,
              const double[::1] norms, double[:, ::1] result):
    """result[i, j] = |w_j.x_i - t_j| / ||w_j|| in float64, every operation rounded, sums in the order of the columns.

    weights is (d, m), the transpose. It is the same on every machine. Infinite where the norm is 0; NaN where sums
    overflow. X is finite.
    """
    cdef Py_ssize_t n = X.shape[0], d = weights.shape[0], m = weights.shape[1], i, j, k
    cdef double x
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        for i in range(n):
            for j in range(m):
                result[i, j] = 0.0
            for k in range(d):
                x = X[i, k]
                for j in range(m):
                    result[i, j] += x * weights[k, j]
            for j in range(m):
                result[i, j] = fabs(result[i, j] - thresholds[j]) / norms[j] if norms[j] else INFINITY
        fesetenv(&environment)


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
