"""Networks whose units carry numbers: in float64 with a proved bound, and exactly in a few words of 64 bits.

A unit has s = sum_i w_i v_i - t with integers w_i and t, and outputs [s >= 0] (activation 0), max(s, 0) (1) or s (2).
The inputs of the first layer are floats. The output is a function of real numbers; both steps go through the layers row
by row, and of each layer through the inputs that are not 0, so that a ReLU that is off costs nothing. The caller has set
the default floating-point environment.

**Step 1, float64.** Each value v' comes with e >= |v' - v|. The sum s' = fl(-t' + sum_i w'_i v'_i), of up to m terms
behind the first, with w' and t' rounded to float64, has

    |s' - s| <= gamma(m + 3) (sum_i |w'_i| |v'_i| + |t'|) + (1 + 2u) sum_i |w'_i| e_i,   gamma(k) = k u / (1 - k u),

u = 2^-53, in any order of summation, with or without FMA (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., section 3.1: m + 1 for the sum, and one more where a parameter was rounded, which is an error relative to w, not to
w'). The bound is summed up as c_i |w'_i|, c_i = growth |v'_i| + e_i + TINY, and widened at the end for its own rounding.
An integer weight is 0 or at least 1 in absolute value: with TINY = 2^-960 no c_i |w'_i| is subnormal, and it is more
than what products w'_i v'_i that are subnormal err by. A unit that is off for certain is 0 without an error, and the
others hand e on, as no activation but [s >= 0] stretches a distance. Where float64 holds the parameters, all v_i are
exact, and sum_i |w_i| |v_i| + |t| <= 2^(53 + g) for products and thresholds that are multiples of 2^g, every partial sum
is one too, and there is no error. A row is given up (its bounds are infinite) where
a threshold unit is not certain and where numbers come near the end of float64's range.

**Step 2, words.** Let 2^-shift be the largest power of two, 1 at most, that divides all inputs of a row. The inputs times
2^shift are integers, and as ReLU and identity are homogeneous, thresholds times 2^shift and threshold units that output
2^shift in place of 1 give every unit's value times 2^shift. Values have a sign and up to 4 words. Sums are taken modulo
2^(64 L), positive and negative terms apart, and their difference is read as signed: partial sums may wrap, if only the
sum itself fits. L is chosen for each row and layer by a bound of |s|, the sum of |v_i| max_j |w_ji| in float64: it
follows the values as they are, not bounds that grow from layer to layer. A row that needs more than 4 words is left.
Powers of two that all weights of an input share, and those of values, cost nothing: words that are 0 at the lower end
are passed over.
"""

from cython cimport floating
from libc.float cimport DBL_MAX
from libc.math cimport fabs, INFINITY, ldexp
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "words.h" nogil:
    enum:
        FASTMEM_MOST_WORDS
    ctypedef struct fastmem_column:
        const int32_t *places
        const uint64_t *words
        Py_ssize_t n
        int p
    int fastmem_bits(uint64_t word)
    void fastmem_add_column(const fastmem_column *column, const uint64_t *v, int q, int flip, int L, uint64_t *sums,
                            Py_ssize_t stride)
    void fastmem_settle(const uint64_t *sums, int L, const uint8_t *activations, Py_ssize_t n_units, int shift,
                        uint64_t *values, int8_t *lengths)

cdef extern from "isa.h" nogil:
    int fastmem_first_bit(uint64_t bits)

cdef enum:
    THRESHOLD = 0
    RELU = 1
    MOST_BITS = 256

MOST_WORDS = FASTMEM_MOST_WORDS

cdef double[4] WORD_POWERS = [1.0, 2.0**64, 2.0**128, 2.0**192]
cdef double TINY = 2.0**-960
cdef double LARGEST = 2.0**1000


cdef class FilterTables:
    """Layers as step 1 takes them, one after the other in each array; arrays are kept, not copied.

    Parameters
    ----------
    widths : int64 array of shape (layers + 1,)
        Inputs, and units of each layer.
    weights : float64 array
        Of each layer w', dense and transposed: (inputs, units).
    thresholds : float64 array
        t'.
    activations : uint8 array
    growth, widening : float64 arrays of shape (layers,)
        gamma of the sums, and what a bound is multiplied by at the end, with the rounding of both covered.
    are_exact : uint8 array of shape (layers,)
        Whether w' = w and t' = t.
    powers : int32 array of shape (layers, 2)
        Powers of two that divide all weights, and all thresholds; 1 of threshold units counts as one.
    """

    cdef const int64_t[::1] widths
    cdef const double[::1] weights, thresholds, growth, widening
    cdef const uint8_t[::1] activations, are_exact
    cdef const int32_t[:, ::1] powers

    def __init__(self, widths, weights, thresholds, activations, growth, widening, are_exact, powers):
        self.widths, self.weights, self.thresholds = widths, weights, thresholds
        self.activations, self.growth, self.widening = activations, growth, widening
        self.are_exact, self.powers = are_exact, powers


cdef inline void add_input(const double *w, double v, double c, Py_ssize_t n_units, double *sums,
                           double *bounds) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n_units):
        sums[j] += v * w[j]
        bounds[j] += c * fabs(w[j])


cdef inline bint activate(const uint8_t *activations, Py_ssize_t n_units, double widening, double exact,
                          double *values, double *errors) noexcept nogil:
    """Outputs of units in place of their sums, and their errors; whether all of them are known.

    A bound below `exact` is that of a sum without an error.
    """
    cdef double s, bound
    cdef Py_ssize_t j
    for j in range(n_units):
        s, bound = values[j], errors[j] * widening if errors[j] > exact else 0.0
        if not (fabs(s) + bound <= LARGEST):
            return False
        if activations[j] == THRESHOLD:
            if not (s >= bound or s < -bound):
                return False
            values[j], errors[j] = <double>(s >= bound), 0.0
        elif activations[j] == RELU and s <= -bound:
            values[j] = errors[j] = 0.0
        elif activations[j] == RELU and s < 0:
            values[j], errors[j] = 0.0, bound
        else:
            errors[j] = bound
    return True


cdef bint filter_row(FilterTables tables, int power, double[:, ::1] values, double[:, ::1] errors) noexcept nogil:
    """Outputs of the last layer and their errors, in row `layers % 2` of the working space; inputs are in row 0.

    The inputs are multiples of 2^power.
    """
    cdef bint is_exact
    cdef Py_ssize_t layer, i, j, n_units, n_inputs, first = 0, at = 0
    cdef double v, e, growth
    cdef double *sums
    cdef double *bounds
    for layer in range(tables.growth.shape[0]):
        n_inputs, n_units, growth = tables.widths[layer], tables.widths[layer + 1], tables.growth[layer]
        sums, bounds = &values[(layer + 1) & 1, 0], &errors[(layer + 1) & 1, 0]
        for j in range(n_units):
            v = tables.thresholds[first + j]
            sums[j], bounds[j] = -v, growth * fabs(v)
        is_exact, power = tables.are_exact[layer], min(power + tables.powers[layer, 0], tables.powers[layer, 1])
        for i in range(n_inputs):
            v, e = values[layer & 1, i], errors[layer & 1, i]
            is_exact &= e == 0
            if v != 0 or e != 0:
                add_input(&tables.weights[at], v, growth * fabs(v) + e + TINY, n_units, sums, bounds)
            at += n_units
        if not activate(&tables.activations[first], n_units, tables.widening[layer],
                        ldexp(growth, 52 + power) if is_exact else 0.0, sums, bounds):
            return False
        first += n_units
    return True


cdef inline uint64_t odd_part(double x, int *power) noexcept nogil:
    """The odd integer and the power of two whose product is |x|, which is not 0."""
    cdef uint64_t bits, integer
    cdef int zeros
    memcpy(&bits, &x, 8)
    power[0] = <int>((bits >> 52) & 0x7FF)
    integer = bits & 0xFFFFFFFFFFFFFu
    if power[0]:
        integer |= 1ull << 52
    else:
        power[0] = 1
    zeros = fastmem_first_bit(integer)
    power[0] += zeros - 1075
    return integer >> zeros


cdef inline int shift_of(const floating *x, Py_ssize_t stride, Py_ssize_t d) noexcept nogil:
    """The least shift, 0 at least, with which all x_i 2^shift are integers."""
    cdef int lowest = 0, power
    cdef Py_ssize_t i
    for i in range(d):
        if x[i * stride] != 0:
            odd_part(x[i * stride], &power)
            lowest = min(lowest, power)
    return -lowest


def filter_rows(FilterTables tables, const floating[:, :] X, double[:, ::1] values, double[:, ::1] errors,
                double[:, ::1] outputs, double[:, ::1] bounds):
    """outputs[i] and bounds[i] = output units of row i and how far each may be from the truth: infinite if not known.

    Working space: values and errors (2, the largest width).
    """
    cdef Py_ssize_t last = tables.growth.shape[0] & 1, stride, i, j
    cdef bint known
    with nogil:
        stride = X.strides[1] // <Py_ssize_t>sizeof(floating)
        for i in range(X.shape[0]):
            for j in range(X.shape[1]):
                values[0, j], errors[0, j] = X[i, j], 0.0
            known = filter_row(tables, -shift_of(&X[i, 0], stride, X.shape[1]), values, errors)
            for j in range(outputs.shape[1]):
                outputs[i, j] = values[last, j] if known else 0.0
                bounds[i, j] = errors[last, j] if known else INFINITY


cdef class WordTables:
    """Layers as step 2 takes them, one after the other in each array; arrays are kept, not copied.

    Thresholds are weights too: units read -t from one more input, the last one, which is always 1.

    Parameters
    ----------
    widths : int64 array of shape (layers + 1,)
        Inputs, and units of each layer, without the 1.
    starts : int64 array
        Where the weights of each input of each layer begin, and their number.
    places : int32 array
        2 unit + (weight < 0).
    words : uint64 array
        Of each absolute value, divided by the power of two that divides all weights of the same input; as many words as
        the longest of these has.
    n_words, powers : int32 arrays
        Of each input of each layer, how many words these are, 0 if no unit reads it, and that power of two.
    largest : float64 array
        Of each input of each layer, the largest absolute value of a weight, rounded up.
    activations : uint8 array
    has_thresholds : uint8 array of shape (layers,)
        Whether there is a threshold unit.
    """

    cdef const int64_t[::1] widths, starts
    cdef const int32_t[::1] places, n_words, powers
    cdef const double[::1] largest
    cdef const uint8_t[::1] activations, has_thresholds
    cdef const uint64_t[::1] words

    def __init__(self, widths, starts, places, words, n_words, powers, largest, activations, has_thresholds):
        self.widths, self.starts, self.places, self.words = widths, starts, places, words
        self.n_words, self.powers, self.largest = n_words, powers, largest
        self.activations, self.has_thresholds = activations, has_thresholds


cdef inline int length_of(const uint64_t *words) noexcept nogil:
    """Words of a number up to its highest one that is not 0."""
    cdef int length = FASTMEM_MOST_WORDS
    while length and words[length - 1] == 0:
        length -= 1
    return length


cdef inline void shifted(const uint64_t *words, int shift, int L, uint64_t *result) noexcept nogil:
    """result = words 2^shift modulo 2^(64 L)."""
    cdef int whole = shift >> 6, part = shift & 63, k
    for k in range(L):
        result[k] = words[k - whole] << part if k >= whole else 0
        if part and k > whole:
            result[k] |= words[k - whole - 1] >> (64 - part)


cdef inline bint load(const floating *x, Py_ssize_t stride, Py_ssize_t d, int shift, uint64_t *values,
                      int8_t *lengths) noexcept nogil:
    """Write the integers x_i 2^shift; whether each has 4 words at most."""
    cdef uint64_t integer[FASTMEM_MOST_WORDS]
    cdef Py_ssize_t i
    cdef int power
    memset(integer, 0, sizeof(integer))
    for i in range(d):
        lengths[i] = 0
        if x[i * stride] == 0:
            continue
        integer[0] = odd_part(x[i * stride], &power)
        power += shift
        if fastmem_bits(integer[0]) + power > MOST_BITS:
            return False
        shifted(integer, power, FASTMEM_MOST_WORDS, &values[i * FASTMEM_MOST_WORDS])
        lengths[i] = length_of(&values[i * FASTMEM_MOST_WORDS])
        if x[i * stride] < 0:
            lengths[i] = -lengths[i]
    return True


cdef inline int words_needed(const double *largest, Py_ssize_t n_inputs, const uint64_t *values,
                             const int8_t *lengths) noexcept nogil:
    """Words that hold the sum of each unit of a layer, with its sign; more than 4 if they do not."""
    cdef double bound = 0.0, limit = 2.0**62  # twice as much, to cover what is rounded
    cdef int length, L = 1
    cdef Py_ssize_t i
    for i in range(n_inputs):
        length = abs(<int>lengths[i])
        if length:
            bound += largest[i] * (<double>values[i * FASTMEM_MOST_WORDS + length - 1] + 1.0) * WORD_POWERS[length - 1]
    while bound >= limit and L <= FASTMEM_MOST_WORDS:
        limit *= WORD_POWERS[1]
        L += 1
    return L


cdef inline void add_value(const fastmem_column *column, const uint64_t *value, int power, bint negative, int L,
                           uint64_t *sums) noexcept nogil:
    """Add the products of a value, which is not 0, times 2^power, with the weights of a column to the sums."""
    cdef uint64_t words[FASTMEM_MOST_WORDS]
    cdef int low = 0
    memset(words, 0, sizeof(words))
    shifted(value, power, L, words)
    while words[low] == 0:
        low += 1
    fastmem_add_column(column, &words[low], length_of(words) - low, negative, L - low, &sums[low], L)


cdef inline void write_one(int shift, uint64_t *value, int8_t *length) noexcept nogil:
    """2^shift, which has 4 words at most."""
    memset(value, 0, FASTMEM_MOST_WORDS * sizeof(uint64_t))
    value[shift >> 6] = 1ull << (shift & 63)
    length[0] = (shift >> 6) + 1


cdef bint forward_row(WordTables tables, int shift, uint64_t[:, :, ::1] values, int8_t[:, ::1] lengths,
                      uint64_t[::1] sums) noexcept nogil:
    """Outputs of the last layer in part `layers % 2` of the working space; inputs are in part 0. Whether they fit."""
    cdef Py_ssize_t layer, i, n_inputs, n_units, first_input = 0, first_unit = 0, at = 0, start
    cdef int L, here, there, power
    cdef bint needs_one
    cdef fastmem_column column
    for layer in range(tables.has_thresholds.shape[0]):
        n_inputs, n_units = tables.widths[layer], tables.widths[layer + 1]
        here, there = layer & 1, (layer + 1) & 1
        needs_one = tables.n_words[first_input + n_inputs] or tables.has_thresholds[layer]
        if needs_one and shift >= MOST_BITS:
            return False
        lengths[here, n_inputs] = 0
        if needs_one:
            write_one(shift, &values[here, n_inputs, 0], &lengths[here, n_inputs])
        n_inputs += 1
        L = words_needed(&tables.largest[first_input], n_inputs, &values[here, 0, 0], &lengths[here, 0])
        if L > FASTMEM_MOST_WORDS:
            return False
        memset(&sums[0], 0, 2 * n_units * L * sizeof(uint64_t))
        for i in range(n_inputs):
            start, power = tables.starts[first_input + i], tables.powers[first_input + i]
            column.n = tables.starts[first_input + i + 1] - start
            column.p = tables.n_words[first_input + i]
            if lengths[here, i] and column.n:
                column.places, column.words = &tables.places[start], &tables.words[at]
                add_value(&column, &values[here, i, 0], power, lengths[here, i] < 0, L, &sums[0])
            at += column.n * column.p
        fastmem_settle(&sums[0], L, &tables.activations[first_unit], n_units, shift, &values[there, 0, 0],
                       &lengths[there, 0])
        first_input += n_inputs
        first_unit += n_units
    return True


def forward_rows(WordTables tables, const floating[:, :] X, uint64_t[:, :, ::1] values, int8_t[:, ::1] lengths,
                 uint64_t[::1] sums, int64_t[::1] shifts, uint64_t[:, :, ::1] outputs, int8_t[:, ::1] signs,
                 uint8_t[::1] done):
    """outputs[i] and signs[i] = absolute values, MOST_WORDS words each, and signs of the output units of row i.

    They are those of the network times 2^shifts[i]. A row that needs longer numbers has done[i] = 0. Working space:
    values (2, w + 1, MOST_WORDS), lengths (2, w + 1) and sums (2 w MOST_WORDS,), w the largest width.
    """
    cdef Py_ssize_t last = tables.has_thresholds.shape[0] & 1, stride, i, j
    cdef const floating *x
    with nogil:
        stride = X.strides[1] // <Py_ssize_t>sizeof(floating)
        for i in range(X.shape[0]):
            x = &X[i, 0]
            shifts[i] = shift_of(x, stride, X.shape[1])
            done[i] = (load(x, stride, X.shape[1], shifts[i], &values[0, 0, 0], &lengths[0, 0])
                       and forward_row(tables, shifts[i], values, lengths, sums))
            for j in range(outputs.shape[1]):
                signs[i, j] = 0
                if done[i]:
                    memcpy(&outputs[i, j, 0], &values[last, j, 0], FASTMEM_MOST_WORDS * sizeof(uint64_t))
                    signs[i, j] = (lengths[last, j] > 0) - (lengths[last, j] < 0)
