"""Distances of points from hyperplanes: rounded alike everywhere, and rounded down rigorously.

Steps 2 and 3, and the bounds by which a step is told to be enough, are those of signs.pyx.
"""

from cython cimport floating
from libc.float cimport DBL_MAX
from libc.math cimport fabs, isfinite, isnan, ldexp, nextafter, sqrt, INFINITY, NAN
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

include "fenv.pxi"
include "exact.pxi"

cdef double LOOSE = 2.0**-20  # share of a distance that its bound may take
cdef double SMALL = 2.0**-1000  # no product of a number above it and one near 1 is subnormal


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


cdef double exact_distance(const floating[:, :] X, Py_ssize_t row, const double[:, ::1] weights, Py_ssize_t j, double t,
                           double norm) noexcept nogil:
    """|w_j.x - t| / norm without the rounding of sums: less by a share of 2^-31 at most, and rounded down."""
    cdef int64_t digits[DIGITS]
    cdef int64_t carry = 0, sign = 1
    cdef uint64_t leading
    cdef double quotient, distance
    cdef Py_ssize_t i
    cdef int power, place
    memset(digits, 0, sizeof(digits))
    for i in range(X.shape[1]):
        add_product(digits, weights[i, j], X[row, i])
    add_product(digits, -1.0, t)
    for i in range(DIGITS):
        carry = (digits[i] + carry) >> 32
    if carry < 0:
        sign = -1
    carry = 0
    for i in range(DIGITS):
        carry += sign * digits[i]
        digits[i] = carry & <int64_t>0xFFFFFFFFu
        carry >>= 32
    place = DIGITS - 1
    while place > 1 and digits[place] == 0:
        place -= 1
    leading = (<uint64_t>digits[place] << 32) | <uint64_t>digits[place - 1]
    if leading >> 53:
        leading &= ~<uint64_t>0x7FFu  # float64 holds the rest
    power = 32 * (place - 1) + LOWEST
    quotient = <double>leading / norm * (1.0 - 4 * 1.1102230246251565e-16)
    distance = ldexp(quotient, power)
    if distance > DBL_MAX:
        return DBL_MAX
    if ldexp(distance, -power) > quotient:  # a subnormal number
        distance = nextafter(distance, 0.0)
    return distance


cdef double settled_distance(const floating[:, :] X, Py_ssize_t row, const double[:, ::1] weights, Py_ssize_t j,
                             double t, double norm) noexcept nogil:
    """|w_j.x - t| / norm, rounded down, by step 2 or else exactly."""
    cdef double total = 0.0, absolute = 0.0, product, bound, size, distance, unit = 1.1102230246251565e-16
    cdef Py_ssize_t i, d = X.shape[1]
    for i in range(d):
        product = weights[i, j] * X[row, i]
        total += product
        absolute += fabs(product)
    bound = (d + 4) * unit * (1.0 + 1e-6) * absolute + d * 5e-324
    size = fabs(total - t)
    distance = (size - bound) * (1.0 - 8 * unit) / norm * (1.0 - 8 * unit)
    if bound < size * LOOSE and SMALL < distance and distance < DBL_MAX:
        return distance
    return exact_distance(X, row, weights, j, t, norm)


cdef double nearer(const floating[:, :] X, Py_ssize_t row, const double[:, ::1] weights, Py_ssize_t j, double t,
                   double length, double size, double norm, double radius) noexcept nogil:
    """The least of a radius and of |w_j.x - t| / ||w_j||, rounded down, of which size is the numerator, rounded."""
    cdef Py_ssize_t d = weights.shape[0]
    cdef double error, distance, unit = 1.1102230246251565e-16, tiny = 2.2250738585072014e-308
    cdef bint told
    error = (d + 8) * unit * (1.0 + 1e-6) * norm * length + (d + 8) * tiny
    distance = (size - error) * (1.0 - 8 * unit) / length * (1.0 - 8 * unit)
    told = SMALL < distance and distance < DBL_MAX  # not NaN, as where sums overflow
    if told and distance >= radius:
        return radius
    if not (told and error < size * LOOSE):
        distance = settled_distance(X, row, weights, j, t, length)
    return min(radius, distance)


cdef double norm_above(const floating[:, :] X, Py_ssize_t row, Py_ssize_t d) noexcept nogil:
    """||x||, rounded up; NaN if x holds a NaN or an infinity."""
    cdef double square = 0.0, x
    cdef Py_ssize_t k
    for k in range(d):
        x = X[row, k]
        if not isfinite(x):
            return NAN
        square += x * x
    # The last term covers squares that underflow.
    return sqrt(square) * (1.0 + (d + 4) * 1.1102230246251565e-16) + sqrt(<double>d) * 1e-153


def certified_radii(const floating[:, :] X, const double[:, ::1] weights, const double[::1] thresholds,
                    const double[::1] norms, double[::1] products, double[::1] radii):
    """radii[i] <= min_j |w_j.x_i - t_j| / ||w_j||, rounded down rigorously, and by no share larger than 2^-19.

    weights is (d, m), the transpose, so that the inner loop runs over hyperplanes; norms are ||w_j|| rounded
    up. |fl(w.x) - w.x| <= gamma_v(d + 1) ||w|| ||x|| + d 2^-1074 (Higham 3.1 and Cauchy-Schwarz). Where that bound is
    not small beside the distance, as where columns differ much in scale, it is taken by steps 2 and 3. A distance that
    overflows is DBL_MAX; one below the smallest number is 0.
    Returns the first row that holds a NaN or an infinity, or -1.
    """
    cdef Py_ssize_t n = X.shape[0], d = weights.shape[0], m = weights.shape[1]
    cdef Py_ssize_t i, j, k, bad = -1
    cdef double norm, radius, x
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        for i in range(n):
            norm = norm_above(X, i, d)
            if isnan(norm):
                bad = i
                break
            for j in range(m):
                products[j] = 0.0
            for k in range(d):
                x = X[i, k]
                for j in range(m):
                    products[j] += x * weights[k, j]
            radius = INFINITY
            for j in range(m):
                if norms[j] == 0:  # constant: no input changes this sign
                    continue
                radius = nearer(X, i, weights, j, thresholds[j], norms[j], fabs(products[j] - thresholds[j]), norm, radius)
                if radius == 0:
                    break
            radii[i] = radius
        fesetenv(&environment)
    return bad


cdef double nearest_to_one_side(const floating[:, :] X, Py_ssize_t row, const double[:, ::1] weights,
                                const double[::1] thresholds, Py_ssize_t j, Py_ssize_t step, double x, double limit,
                                double length, double norm, double radius) noexcept nogil:
    """The least of a radius and of the distances, up to a limit, from threshold j on in steps of 1 or -1."""
    cdef double before = NAN
    while 0 <= j < thresholds.shape[0]:
        if thresholds[j] != before:
            if fabs(x - thresholds[j]) > limit or radius == 0:
                break
            before = thresholds[j]
            radius = nearer(X, row, weights, 0, before, length, fabs(x - before), norm, radius)
        j += step
    return radius


def certified_radii_in_a_column(const floating[:, :] X, Py_ssize_t column, const double[:, ::1] weights,
                                const double[::1] thresholds, double length, double[::1] radii):
    """The same numbers where every hyperplane is x_c = t for one column c, in log m steps a row instead of m d.

    weights is (d, 1), 1 in row c and 0 elsewhere; thresholds ascend; length is ||w|| rounded up. Of the distances that
    round to nearly the least one any may be rounded down furthest, so all of these are looked at.
    Returns the first row that holds a NaN or an infinity, or -1.
    """
    cdef Py_ssize_t n = X.shape[0], d = weights.shape[0], m = thresholds.shape[0], i, j, low, high, bad = -1
    cdef double norm, radius, x, limit
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        for i in range(n):
            norm = norm_above(X, i, d)
            if isnan(norm):
                bad = i
                break
            x = X[i, column]
            low, high = 0, m
            while low < high:
                j = (low + high) // 2
                if thresholds[j] <= x:
                    low = j + 1
                else:
                    high = j
            limit = INFINITY
            if low > 0:
                limit = fabs(x - thresholds[low - 1])
            if low < m:
                limit = min(limit, fabs(x - thresholds[low]))
            limit *= 1.0 + 4 * LOOSE
            radius = nearest_to_one_side(X, i, weights, thresholds, low - 1, -1, x, limit, length, norm, INFINITY)
            radii[i] = nearest_to_one_side(X, i, weights, thresholds, low, 1, x, limit, length, norm, radius)
        fesetenv(&environment)
    return bad
