"""The binary store's table: greedy ribbon rows, built by banded elimination and read as the parity of a window.

A code z has a row, a start p(z), and 64 coefficients a(z) in {0, 1}, coefficient i for column p(z) + i. What a plane of
cells w in {0, 1}^(rows x columns) stores for z is the parity of a(z) AND w[row, p..p + 63]. The equations over GF(2)
are solved row by row (Dietzfelbinger & Walzer, ESA 2019; Dillinger, Hübschle-Schneider, Sanders & Walzer, SEA 2022): an
equation whose leading column is taken is added to the one there, until it finds a free column, vanishes, or
contradicts; then the row is closed and the code starts the next one. From the last column to the first, each cell
follows from those after it; where no equation begins, it is pseudo-random. All planes share rows, starts and
coefficients.

Start.  p = (beta * spacing) >> 16, where bit q of beta is a parity of z: beta is the XOR of one entry a byte of z.
Coefficients. Features f_0..f_63 of z, of which column c multiplies f_(c mod 64), so that a(z) is f rotated by p. f_t
says whether at least theta_t of the chosen bits of z agree with random signs, and f_0 = 1: every window holds a column
of f_0, so a code that is alone in its row is solvable. The 64 numbers of agreements are counted side by side, a word
for each digit: `counts[g, v]` holds the digits of what group g (four bits of z from bit shifts[g]) adds when its value
is v, group 0 with 64 - theta_t added, so that f_t is the seventh digit of the sum: of group 0 or a carry out of the
sixth. Hence at most 62 chosen bits. Of the other groups, which add four at most, three digits are read.

Cell (r, c) of plane j is bit c % 64 of ``table[(r * n_words + c // 64) * n_planes + j]``: what a code needs of all
planes lies together. Columns are a multiple of 64; n_planes more words follow the last row, since two are read for a
window. The two hold the columns of f in its own order, the second those below p mod 64: f need not be rotated to be
read.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t

cdef enum:
    SIDE = 4  # equations that are eliminated side by side

cdef class FeatureTables:
    """Features of codes as kernels take them; arrays are kept, not copied.

    Parameters
    ----------
    counts : uint64 array of shape (groups, 16, 7)
    by_digit : uint64 array of shape (groups, 7, 16)
        The same numbers.
    shifts : int32 array of shape (groups,)
    """

    def __init__(self, counts, by_digit, shifts):
        self.counts, self.by_digit, self.shifts = counts, by_digit, shifts
        self.features = fastmem_features(&self.counts[0, 0, 0], &self.by_digit[0, 0, 0], &self.shifts[0],
                                         <int>self.shifts.shape[0])

    def words(self, int isa, const uint64_t[::1] codes, uint64_t[::1] words):
        """words[i] = the features of codes[i]; f_0 as it is counted. isa is a place in `supported_isas` of signs.pyx."""
        cdef Py_ssize_t n = codes.shape[0], first = 0, m, i
        cdef uint64_t f[FASTMEM_BATCH]
        with nogil:
            while first < n:
                m = min(n - first, <Py_ssize_t>FASTMEM_BATCH)
                fastmem_readers[isa].count(&codes[first], m, &self.features, f)
                for i in range(m):
                    words[first + i] = f[i]
                first += m


cdef class RibbonTables:
    """A ribbon as kernels take it; arrays are kept, not copied.

    Parameters
    ----------
    firsts : uint64 array of shape (rows,)
    index : int32 array
        As `index_runs` of runs.pyx gives it, for codes without their `shift` lowest bits.
    shift : int
    bytes : uint16 array of shape (bytes of a code, 256)
    spacing : int
    features : FeatureTables
    n_planes, n_words : int
    table : uint64 array of shape (rows * n_words * n_planes + n_planes,)
    """

    def __init__(self, firsts, index, int shift, bytes, uint64_t spacing, FeatureTables features, int n_planes,
                 Py_ssize_t n_words, table):
        self.firsts, self.index, self.bytes, self.features, self.table = firsts, index, bytes, features, table
        self.ribbon = fastmem_ribbon(&self.firsts[0], &self.index[0], shift,
                                     equations_of(self.bytes, spacing, features), n_planes, n_words, &self.table[0])

    def read(self, int isa, const uint64_t[::1] codes, uint64_t[::1] values):
        """values[i] = what the planes store for codes[i], a bit each; isa as for `FeatureTables.words`."""
        cdef Py_ssize_t n = codes.shape[0], first = 0
        with nogil:
            while first < n:
                fastmem_readers[isa].read(&codes[first], min(n - first, <Py_ssize_t>FASTMEM_BATCH), &self.ribbon,
                                          &values[first])
                first += FASTMEM_BATCH


cdef inline fastmem_equations equations_of(const uint16_t[:, ::1] bytes, uint64_t spacing,
                                           FeatureTables features) noexcept:
    return fastmem_equations(&bytes[0, 0], <int>bytes.shape[0], spacing, features.features)


cdef inline bint insert(uint64_t a, int64_t p, uint64_t value, uint64_t *band, uint64_t *right) noexcept nogil:
    """Add an equation to those of a row, or say that it contradicts them."""
    cdef int t
    while a:
        t = fastmem_first_bit(a)
        a >>= t
        p += t
        if band[p] == 0:
            band[p] = a
            right[p] = value
            return True
        a ^= band[p]
        value ^= right[p]
    return value == 0


cdef Py_ssize_t insert_all(const uint64_t *f, const int64_t *starts, const uint64_t *values, Py_ssize_t n,
                           uint64_t *band, uint64_t *right) noexcept nogil:
    """Add the equations of n codes in order; returns the number added before the first that contradicts.

    In each step of an elimination the processor waits for the one before. So a few run side by side as if each came
    first, until all stand at a free column, where steps change nothing, or one vanishes; then they go on one by one.
    """
    cdef uint64_t a[SIDE]
    cdef uint64_t value[SIDE]
    cdef int64_t p[SIDE]
    cdef uint64_t taken
    cdef bint whole
    cdef Py_ssize_t i = 0, m
    cdef int k, t
    while i < n:
        m = min(n - i, SIDE)
        for k in range(SIDE):
            p[k] = starts[i + min(k, m - 1)]
            value[k] = values[i + min(k, m - 1)]
            a[k] = f[i + min(k, m - 1)] | 1
            t = <int>(p[k] & 63)
            a[k] = (a[k] >> t) | (a[k] << (-t & 63))
        taken = whole = True
        while taken and whole:
            taken = 0
            for k in range(SIDE):
                t = fastmem_first_bit(a[k])
                a[k] >>= t
                p[k] += t
                a[k] ^= band[p[k]]
                value[k] ^= right[p[k]]
                taken |= band[p[k]]
                whole &= a[k] != 0
        for k in range(m):
            if not insert(a[k], p[k], value[k], band, right):
                return i + k
        i += m
    return n


cdef void solve(uint64_t *band, uint64_t *right, uint64_t *states, int n_planes, Py_ssize_t n_words, uint64_t first,
                uint64_t *cells) noexcept nogil:
    """Cells of a row whose first code is given, from its equations; these are cleared."""
    cdef Py_ssize_t q, w
    cdef uint64_t state, x
    cdef int j
    for q in range(64 * n_words):
        if band[q] == 0:
            x = (first ^ <uint64_t>q) * 0x9E3779B97F4A7C15u
            x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u
            right[q] = x ^ (x >> 32)
    for j in range(n_planes):
        states[j] = 0
    for w in range(n_words - 1, -1, -1):
        for j in range(n_planes):
            state = states[j]  # the 64 cells after column q, and in the end the word itself
            for q in range(64 * w + 63, 64 * w - 1, -1):
                state = (state << 1) | (fastmem_parity(band[q] & (state << 1)) ^ ((right[q] >> j) & 1))
            states[j] = state
            cells[w * n_planes + j] = state
    for q in range(64 * n_words):
        band[q] = right[q] = 0


def build_rows(int isa, const uint64_t[::1] codes, const uint64_t[::1] values, const uint16_t[:, ::1] bytes,
               uint64_t spacing, FeatureTables features, uint64_t[::1] band, uint64_t[::1] right, uint64_t[::1] states,
               uint64_t[::1] firsts, uint64_t[:, :, ::1] table):
    """Fill rows of a table with codes in ascending order, as many as there are rows or codes.

    Bit j of values[i] is what plane j stores for codes[i]; the other bits are 0. firsts[r] becomes the first code of
    row r, table (rows, columns / 64, planes) its cells. band and right have a word for each column, states one for each
    plane; isa as for `FeatureTables.words`. Returns the number of rows filled and of codes in them.
    """
    cdef fastmem_equations equations = equations_of(bytes, spacing, features)
    cdef Py_ssize_t n = codes.shape[0], n_rows = firsts.shape[0], n_columns = band.shape[0]
    cdef Py_ssize_t row = 0, i = 0, first = 0, stop = 0, q
    cdef uint64_t f[FASTMEM_BATCH]
    cdef int64_t starts[FASTMEM_BATCH]
    with nogil:
        for q in range(n_columns):
            band[q] = right[q] = 0
        while row < n_rows and i < n:
            firsts[row] = codes[i]
            while i < n:
                if i == stop:  # f and starts are those of codes first to stop
                    first, stop = i, min(i + <Py_ssize_t>FASTMEM_BATCH, n)
                    fastmem_readers[isa].count(&codes[first], stop - first, &equations.features, f)
                    fastmem_starts(&codes[first], stop - first, &equations, starts)
                i += insert_all(f + (i - first), starts + (i - first), &values[i], stop - i, &band[0], &right[0])
                if i < stop:
                    break
            solve(&band[0], &right[0], &states[0], <int>states.shape[0], n_columns >> 6, firsts[row], &table[row, 0, 0])
            row += 1
    return row, i
