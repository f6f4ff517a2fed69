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
is below 2^-126) and t'. For float32 points x_i 2^-e_i - c_i 2^-e_i takes a single rounding in float32, wherever both
terms are exact there (a "narrow" frame); otherwise x' is computed in float64. The sums of panel_steps.h begin with
-fl(t') and run in chunks of 32, so k = min(d, 32) + 1 + ceil(d / 32), in whatever instruction set: a fused multiply-add
leaves a product unrounded and so has one rounding less in every term of that proof. Altogether, D being their result,
    |D - (w'.x' - fl(t'))| <= gamma(k + 4) (N + |fl(t')|) + (d + 8) 2^-148,      N = ||fl(x')||,
    |fl(t') - t'| <= 2 u |fl(t')| + 2^-148.
N is computed in float32 from sums of squares in chunks of 32: its relative error is below (k + 4) u, and squares that
underflow take no more than sqrt(d) 2^-74 from it. `growth` is gamma(k + 4), `underflow` (d + 8) 2^-148 + growth sqrt(d)
2^-74, `bound` = growth N + underflow, and `slack` what is left of the two lines, all multiplied by 1 + 2^-12 and more:
that factor covers the rounding of the bounds, of N and of the comparison itself. So the sign of D is right wherever
|D| - slack > bound. In rows that lie beyond 2^63 N overflows and nothing is decided, nor for hyperplanes of which t' lies
beyond 2^120.

Step 2, float64, in any order. A product w_i x_i of float32 numbers is exact, of a float32 and a float64 number
rounded once:
    |p - w.x| <= gamma_v(d + 1) sum |w_i x_i| + d 2^-1074,
with the sum of absolute values taken beside p. Infinities and NaN decide nothing: every comparison is false.

Step 3, integers. Mantissas are multiplied as integers and added into a fixed-point number of 80 digits of 32
bits, wide enough for every float32 times every finite float64 (Kulisch accumulator). Its sign is exact for
every finite input.

Margins. A caller that asks for them gets a number just below min_i |w_j.x_i - t_j|, at the price of a few signs
more. Write D for the size of the distance and L = bound + slack for what it may err by, all of step 1. Then
D - L <= |w'.x' - t'| <= D + L, so that D - L lies within a factor of two of the truth where D > 3 L. Each hyperplane
has a number F (`nearest`), at first the margin the caller brings, and `reach` is slack + F: a row matters only where
not D - reach > bound, for otherwise its sign is decided and it is further away than F. Such a row is rare, as
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
from libc.math cimport fabs, fabsf, isfinite, ldexp, signbit, INFINITY
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastmem.errors import InvalidInput

include "fenv.pxi"
include "exact.pxi"

cdef extern from "panel.h" nogil:
    enum:
        FASTMEM_BLOCK
        FASTMEM_PANEL
        FASTMEM_CHUNK
        FASTMEM_UNIT
        FASTMEM_WORD
    ctypedef struct fastmem_frame:
        const double *centre
        const double *shrink
        const float *narrow_offset
        const float *narrow_shrink
        int narrow
    ctypedef struct fastmem_ahead:
        const char *row
        Py_ssize_t stride, n_rows, bytes, offset, share
    ctypedef struct fastmem_panels:
        const float *weights
        const float *cuts
        const int32_t *firsts
        Py_ssize_t n_panels, d
    ctypedef struct fastmem_decisions:
        float *least
        uint32_t *low
        uint32_t *high
    ctypedef struct fastmem_isa:
        const char *name
        void (*load_float)(const char *rows, Py_ssize_t stride, Py_ssize_t n_rows, Py_ssize_t start, Py_ssize_t length,
                           const fastmem_frame *frame, float *tile, float *squares) noexcept nogil
        void (*load_double)(const char *rows, Py_ssize_t stride, Py_ssize_t n_rows, Py_ssize_t start, Py_ssize_t length,
                            const fastmem_frame *frame, float *tile, float *squares) noexcept nogil
        void (*distances)(const float *tile, Py_ssize_t n_rows, Py_ssize_t length, const fastmem_panels *panels,
                          Py_ssize_t start, float *distances, fastmem_ahead *ahead) noexcept nogil
        void (*signs)(const float *tile, const float *distances, Py_ssize_t n_rows, const fastmem_panels *panels,
                      const float *reach, const uint64_t *columns, fastmem_decisions *out,
                      fastmem_ahead *ahead) noexcept nogil
        void (*bounds)(const float *squares, Py_ssize_t n_rows, float growth, float underflow,
                       float *bounds) noexcept nogil
        uint64_t (*finish)(const fastmem_decisions *out, const float *bounds, Py_ssize_t n_rows, int shift,
                           uint64_t *codes) noexcept nogil
        void (*sums_float)(const float *w, const float *x, Py_ssize_t d, double *total,
                           double *absolute) noexcept nogil
        void (*sums_double)(const float *w, const double *x, Py_ssize_t d, double *total,
                            double *absolute) noexcept nogil
    const fastmem_isa *const *fastmem_isas
    int fastmem_first_bit(uint64_t bits)

cdef extern from "isa.h" nogil:
    enum:
        FASTMEM_N_ISAS
    bint fastmem_supports(int i)

PANEL = FASTMEM_PANEL
CHUNK = FASTMEM_CHUNK
UNIT = FASTMEM_UNIT
WORD = FASTMEM_WORD
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


cdef inline bint settled_sign(const fastmem_isa *isa, const floating *x, const float *w, Py_ssize_t d, double t,
                              int64_t *n_exact, double *margin) noexcept nogil:
    """Step 2, and step 3 where it does not decide; margin <= |w.x - t|."""
    cdef double total = 0.0, absolute = 0.0, excess, bound, unit = 1.1102230246251565e-16
    if floating is float:
        isa.sums_float(w, x, d, &total, &absolute)
    else:
        isa.sums_double(w, x, d, &total, &absolute)
    bound = (d + 4) * unit * (1.0 + 1e-6) * absolute + d * 5e-324
    excess = min(fabs(total - t), DBL_MAX) - bound  # a difference that overflows is larger than DBL_MAX
    if excess > 0:  # not NaN
        margin[0] = excess * (1.0 - 8 * unit)
        return total > t
    margin[0] = 0.0
    n_exact[0] += 1
    return exact_sign(x, w, d, t)


cdef inline bint row_is_finite(const floating *x, Py_ssize_t d) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(d):
        if not isfinite(<double>x[i]):
            return False
    return True


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


cdef class SignTables:
    """Hyperplanes as step 1 takes them; arrays are kept, not copied.

    Parameters
    ----------
    panels : float32 array of shape (p, d, PANEL)
        w', of hyperplanes firsts[p] to firsts[p + 1] in panel p, filled up with zeros.
    firsts : int32 array of shape (p + 1,)
    cuts, slack : float32 arrays of shape (m,)
        t' and its bound; both finite.
    weights : float32 array of shape (m, d)
    thresholds : float64 array of shape (m,)
    centre, shrink : float64 arrays of shape (ceil(d / UNIT) * UNIT,)
        c_i and 2^-e_i, filled up with 0 and 1.
    narrow_offset, narrow_shrink : float32 arrays of that shape
        c_i 2^-e_i and 2^-e_i, exactly, if `narrow`.
    powers : int32 array of shape (m,)
        k_j.
    growth, underflow : float
        The error of a row's sums is at most growth N + underflow.
    common : float
        Not below any slack, and little more than the errors of the sums: then slack need not be told apart. Or negative.
    """

    cdef Py_ssize_t d
    cdef const float[:, :, ::1] panels
    cdef const int32_t[::1] firsts
    cdef const float[::1] cuts, slack, narrow_offset, narrow_shrink
    cdef const float[:, ::1] weights
    cdef const double[::1] thresholds, centre, shrink
    cdef const int32_t[::1] powers
    cdef float growth, underflow, common
    cdef fastmem_frame frame

    def __init__(self, panels, firsts, cuts, slack, weights, thresholds, centre, shrink, narrow_offset, narrow_shrink,
                 bint narrow, powers, float growth, float underflow, float common):
        self.panels, self.firsts, self.cuts, self.slack = panels, firsts, cuts, slack
        self.weights, self.thresholds, self.centre, self.shrink = weights, thresholds, centre, shrink
        self.narrow_offset, self.narrow_shrink, self.powers = narrow_offset, narrow_shrink, powers
        self.growth, self.underflow, self.common = growth, underflow, common
        self.d = weights.shape[1]
        self.frame = fastmem_frame(&self.centre[0], &self.shrink[0], &self.narrow_offset[0], &self.narrow_shrink[0],
                                   narrow)

    def xor_float(self, int isa, const float[:, :] X, Py_ssize_t first_panel, Py_ssize_t last_panel,
                  const uint64_t[::1] columns, uint64_t[::1] codes, float[::1] distances, float[:, ::1] gathered=None,
                  int64_t[::1] counts=None, float[::1] reach=None, float[::1] nearest=None, double[::1] margins=None):
        """codes[i] = XOR of columns[j] over the hyperplanes j with sign 1 at row i, of some panels.

        isa is a place in `supported_isas`. Working space: distances (BLOCK_ROWS * hyperplanes,), and gathered
        (BLOCK_ROWS, d) unless the coordinates of a row are neighbours. counts[0] and counts[1] grow by the signs that
        steps 2 and 3 decided. Returns the first row that holds a NaN or an infinity, or -1; the rest is complete only
        then.

        With margins, which is for all panels, reach is slack + nearest, and both nearest (m,), in units of w', and margins
        (m,), in those of w, are lowered: see "Margins" above.
        """
        return run(self, isa, X, first_panel, last_panel, columns, codes, distances, gathered, counts, reach, nearest,
                   margins)

    def xor_double(self, int isa, const double[:, :] X, Py_ssize_t first_panel, Py_ssize_t last_panel,
                   const uint64_t[::1] columns, uint64_t[::1] codes, float[::1] distances, double[:, ::1] gathered=None,
                   int64_t[::1] counts=None, float[::1] reach=None, float[::1] nearest=None, double[::1] margins=None):
        """The same for float64 points."""
        return run(self, isa, X, first_panel, last_panel, columns, codes, distances, gathered, counts, reach, nearest,
                   margins)


cdef struct Block:
    # Up to FASTMEM_BLOCK neighbouring rows, and what is known of their signs.
    const char *rows
    Py_ssize_t stride, n_rows
    float squares[FASTMEM_BLOCK]
    float bounds[FASTMEM_BLOCK]
    float tile[FASTMEM_CHUNK * FASTMEM_BLOCK]
    fastmem_decisions decisions
    fastmem_ahead ahead


cdef inline bint are_bits(const uint64_t[::1] columns) noexcept nogil:
    """Whether the columns are neighbouring bits in order."""
    cdef Py_ssize_t j
    if columns.shape[0] > 64:
        return False
    for j in range(columns.shape[0]):
        if columns[j] == 0 or columns[j] & (columns[j] - 1) or columns[j] != columns[0] << j:
            return False
    return True


cdef inline void find_rows(const floating[:, :] X, Py_ssize_t start, floating[:, ::1] gathered,
                           Block *block) noexcept nogil:
    """The next rows, their coordinates neighbours: in place, or else copied to gathered."""
    cdef const char *x = <const char *>&X[0, 0] + start * X.strides[0]
    cdef Py_ssize_t i, k
    block.n_rows = min(<Py_ssize_t>FASTMEM_BLOCK, X.shape[0] - start)
    if X.strides[1] == <Py_ssize_t>sizeof(floating) or X.shape[1] <= 1:
        block.rows, block.stride = x, X.strides[0]
        return
    for k in range(X.shape[1]):
        for i in range(block.n_rows):
            gathered[i, k] = (<const floating *>(x + i * X.strides[0] + k * X.strides[1]))[0]
    block.rows, block.stride = <const char *>&gathered[0, 0], X.shape[1] * sizeof(floating)


cdef inline void look_ahead(const floating[:, :] X, Py_ssize_t start, Py_ssize_t n_panels, Block *block) noexcept nogil:
    """Have the rows from start on asked for while the signs of this block are taken, an equal share with each panel."""
    cdef Py_ssize_t bytes = X.shape[1] * sizeof(floating), n_rows = min(<Py_ssize_t>FASTMEM_BLOCK, X.shape[0] - start)
    cdef Py_ssize_t asked = max(n_panels, <Py_ssize_t>1) * ((X.shape[1] + FASTMEM_CHUNK - 1) // FASTMEM_CHUNK)
    cdef fastmem_ahead *ahead = &block.ahead
    memset(ahead, 0, sizeof(ahead[0]))
    if n_rows <= 0 or bytes == 0 or X.strides[1] != <Py_ssize_t>sizeof(floating):
        return
    ahead.row = <const char *>&X[0, 0] + start * X.strides[0]
    ahead.stride, ahead.n_rows, ahead.bytes = X.strides[0], n_rows, bytes
    if ahead.stride == bytes:  # one long row
        ahead.n_rows, ahead.bytes = 1, n_rows * bytes
    ahead.share = (ahead.n_rows * ((ahead.bytes + 127) // 64) + asked - 1) // asked


cdef inline void load(SignTables tables, const fastmem_isa *steps, Block *block, Py_ssize_t start,
                      Py_ssize_t length, floating kind) noexcept nogil:
    if floating is float:
        steps.load_float(block.rows, block.stride, block.n_rows, start, length, &tables.frame, block.tile,
                         block.squares)
    else:
        steps.load_double(block.rows, block.stride, block.n_rows, start, length, &tables.frame, block.tile,
                          block.squares)


cdef uint64_t decide(SignTables tables, const fastmem_isa *steps, Block *block, const fastmem_panels *panels,
                     const float *reach, const uint64_t *columns, int shift, float underflow, float *distances,
                     uint64_t *codes, floating kind) noexcept nogil:
    """Codes by the signs that float32 decides, and the rows in which it leaves others: only for these distances are set.
    """
    cdef Py_ssize_t d = tables.d, start = 0, i
    cdef uint64_t undecided
    memset(block.squares, 0, sizeof(block.squares))
    for i in range(FASTMEM_BLOCK):
        block.decisions.least[i] = INFINITY
        block.decisions.low[i] = block.decisions.high[i] = 0
    if d <= FASTMEM_CHUNK:
        load(tables, steps, block, 0, d, kind)
        steps.signs(block.tile, NULL, block.n_rows, panels, reach, columns, &block.decisions, &block.ahead)
    while d > FASTMEM_CHUNK and start < d:
        load(tables, steps, block, start, min(<Py_ssize_t>FASTMEM_CHUNK, d - start), kind)
        steps.distances(block.tile, block.n_rows, min(<Py_ssize_t>FASTMEM_CHUNK, d - start), panels, start, distances,
                        &block.ahead)
        start += FASTMEM_CHUNK
    if d > FASTMEM_CHUNK:
        steps.signs(NULL, distances, block.n_rows, panels, reach, columns, &block.decisions, &block.ahead)
    steps.bounds(block.squares, block.n_rows, tables.growth, underflow, block.bounds)
    undecided = steps.finish(&block.decisions, block.bounds, block.n_rows, shift, codes)
    if undecided and d <= FASTMEM_CHUNK:
        steps.distances(block.tile, block.n_rows, d, panels, 0, distances, &block.ahead)
    return undecided


cdef Py_ssize_t run_without_hyperplanes(const floating[:, :] X, uint64_t[::1] codes) noexcept nogil:
    cdef Py_ssize_t i, k
    for i in range(X.shape[0]):
        codes[i] = 0
        for k in range(X.shape[1]):
            if not isfinite(<double>X[i, k]):
                return i
    return -1


cdef Py_ssize_t run(SignTables tables, int isa, const floating[:, :] X, Py_ssize_t first_panel, Py_ssize_t last_panel,
                    const uint64_t[::1] columns, uint64_t[::1] codes, float[::1] distances, floating[:, ::1] gathered,
                    int64_t[::1] counts, float[::1] reach, float[::1] nearest, double[::1] margins) except -2:
    if columns.shape[0] == 0:  # no array of hyperplanes has an element to point at
        return run_without_hyperplanes(X, codes)
    cdef Py_ssize_t n = X.shape[0], first = tables.firsts[first_panel], m = columns.shape[0]
    cdef Py_ssize_t start = 0, bad = -1, i, j
    cdef bint lowering = margins is not None, bits = are_bits(columns)
    cdef int shift = fastmem_first_bit(columns[0]) if bits else 0
    cdef const float *slack = &tables.slack[first]
    cdef bint alike = not lowering and tables.common >= 0
    cdef const float *limits = &reach[0] if lowering else NULL if alike else slack
    cdef float underflow = tables.underflow + (tables.common if alike else 0)
    cdef float distance
    cdef uint64_t undecided
    cdef bint overflows, sign
    cdef double margin = 0.0
    cdef int64_t n_float64 = 0, n_exact = 0
    cdef Block block
    cdef const floating *x
    cdef const fastmem_isa *steps = fastmem_isas[isa]
    cdef fastmem_panels panels = fastmem_panels(&tables.panels[first_panel, 0, 0], &tables.cuts[first],
                                                &tables.firsts[first_panel], last_panel - first_panel, tables.d)
    cdef fenv_t environment
    with nogil:
        fegetenv(&environment)
        fesetenv(FE_DFL_ENV)
        while start < n and bad < 0:
            find_rows(X, start, gathered, &block)
            look_ahead(X, start + FASTMEM_BLOCK, last_panel - first_panel, &block)
            undecided = decide(tables, steps, &block, &panels, limits, NULL if bits else &columns[0], shift,
                               underflow, &distances[0], &codes[start], <floating>0)
            while undecided:
                i = fastmem_first_bit(undecided)
                undecided &= undecided - 1
                x = <const floating *>(block.rows + i * block.stride)
                overflows = not (block.bounds[i] < INFINITY)
                if overflows:  # every sign is settled below
                    codes[start + i] = 0
                    if not row_is_finite(x, tables.d):
                        bad = start + i
                        break
                for j in range(m):
                    distance = distances[j * FASTMEM_BLOCK + i]
                    if fabsf(distance) - (0 if alike else limits[j]) > block.bounds[i]:
                        continue
                    if lowering and lowered(fabsf(distance), block.bounds[i] + slack[j], &nearest[j]):
                        reach[j] = slack[j] + nearest[j]
                        continue
                    sign = settled_sign(steps, x, &tables.weights[first + j, 0], tables.d, tables.thresholds[first + j],
                                        &n_exact, &margin)
                    if sign != (not overflows and not signbit(distance)):
                        codes[start + i] ^= columns[j]
                    n_float64 += 1
                    if lowering:
                        margins[j] = min(margins[j], margin)
                        lower_to(margin, tables.powers[j], &nearest[j])
                        reach[j] = slack[j] + nearest[j]
            start += FASTMEM_BLOCK
        fesetenv(&environment)
    if counts is not None:
        counts[0] += n_float64
        counts[1] += n_exact
    return bad
