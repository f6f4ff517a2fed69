"""Known codes near an unknown one.

Inputs whose code is not stored are looked for among the codes of the cells around them (Lv, Josephson, Wang, Charikar &
Li, VLDB 2007, section 4.4): sets of near hyperplanes are flipped, the nearest sets first, until a code is known. Known
are codes for which every plane j of a ribbon stores what bit j + 1 of other features, their print, is not.
"""

from libc.stdint cimport int64_t, uint64_t

from fastmem._kernels.ribbon cimport (
    FASTMEM_BATCH, FeatureTables, RibbonTables, fastmem_features, fastmem_first_bit, fastmem_reader, fastmem_readers,
    fastmem_ribbon,
)

cdef enum:
    CANDIDATES = 2  # codes that are probed together
    NEAR = 64  # hyperplanes of an input that are flipped: the bits of a set


cdef inline bint before(double cost, uint64_t near, double other_cost, uint64_t other) noexcept nogil:
    return cost < other_cost or (cost == other_cost and near < other)


cdef void push(double cost, uint64_t near, double *costs, uint64_t *sets, Py_ssize_t n) noexcept nogil:
    """Add a set to a heap of n."""
    cdef Py_ssize_t place = n, above
    while place > 0:
        above = (place - 1) >> 1
        if not before(cost, near, costs[above], sets[above]):
            break
        costs[place], sets[place] = costs[above], sets[above]
        place = above
    costs[place], sets[place] = cost, near


cdef void replace_top(double cost, uint64_t near, double *costs, uint64_t *sets, Py_ssize_t n) noexcept nogil:
    """Put a set where the first of a heap of n was."""
    cdef Py_ssize_t place = 0, below
    while 2 * place + 1 < n:
        below = 2 * place + 1
        if below + 1 < n and before(costs[below + 1], sets[below + 1], costs[below], sets[below]):
            below += 1
        if not before(costs[below], sets[below], cost, near):
            break
        costs[place], sets[place] = costs[below], sets[below]
        place = below
    costs[place], sets[place] = cost, near


cdef uint64_t next_set(const uint64_t *flips, const double *costs, int n_near, double *heap_costs, uint64_t *heap_sets,
                       Py_ssize_t *size, Py_ssize_t most, uint64_t *taken) noexcept nogil:
    """Flips of the heap's first set, which leaves it for `taken`; the sets that follow from it enter while there is
    room.

    From a set follow those with its last element moved on by one, and with the next one added: neither is before it,
    and each set follows from one other or is {0}. Sums are taken in the order of the elements.
    """
    cdef uint64_t near = heap_sets[0], rest = near, flip = 0
    cdef double total = heap_costs[0], fewer = 0
    cdef int last = 0
    taken[0] = near
    while True:
        last = fastmem_first_bit(rest)
        flip ^= flips[last]
        rest &= rest - 1
        if rest == 0:
            break
        fewer += costs[last]
    if last + 1 < n_near:
        replace_top(fewer + costs[last + 1], near + (<uint64_t>1 << last), heap_costs, heap_sets, size[0])
        if size[0] < most:
            push(total + costs[last + 1], near | (<uint64_t>2 << last), heap_costs, heap_sets, size[0])
            size[0] += 1
    else:
        size[0] -= 1
        replace_top(heap_costs[size[0]], heap_sets[size[0]], heap_costs, heap_sets, size[0])
    return flip


cdef Py_ssize_t probe_code(uint64_t code, const uint64_t *flips, const double *costs, int n_near, Py_ssize_t most,
                           const fastmem_reader *reader, const fastmem_ribbon *ribbon, const fastmem_features *prints,
                           double *heap_costs, uint64_t *heap_sets, uint64_t *flipped) noexcept nogil:
    """The set behind which the first known code is, 0 if none; returns the number tried. Both n_near and most are
    positive."""
    cdef uint64_t known = <uint64_t>-1 >> (64 - ribbon.n_planes)
    cdef uint64_t candidates[CANDIDATES]
    cdef uint64_t values[CANDIDATES]
    cdef uint64_t sets[CANDIDATES]
    cdef uint64_t f[FASTMEM_BATCH]
    cdef Py_ssize_t size = 1, tried = 0
    cdef int m, k
    flipped[0] = 0
    heap_costs[0], heap_sets[0] = costs[0], 1
    while size > 0 and tried < most:
        m = 0
        while m < CANDIDATES and size > 0 and tried + m < most:
            candidates[m] = code ^ next_set(flips, costs, n_near, heap_costs, heap_sets, &size, most, &sets[m])
            m += 1
        reader.read(candidates, m, ribbon, values)
        reader.count(candidates, m, prints, f)
        for k in range(m):
            tried += 1
            if (values[k] ^ (f[k] >> 1)) & known == known:
                flipped[0] = sets[k]
                return tried
    return tried


def probe(int isa, const uint64_t[::1] codes, const int64_t[::1] starts, const uint64_t[::1] flips, const double[::1] costs,
          Py_ssize_t most, RibbonTables ribbon, FeatureTables prints, double[::1] heap_costs, uint64_t[::1] heap_sets,
          uint64_t[::1] flipped, int64_t[::1] tried):
    """For each code the nearest known one among those that differ in the signs of hyperplanes near its input.

    The hyperplanes near input i are starts[i] to starts[i + 1], nearest first, of which the first 64 count: a change of
    sign flips the bits flips[e] of the code, all below those that index knows, and costs[e] >= 0. Sets of hyperplanes
    that are not empty are tried by ascending sum of costs, equal sums by the numbers whose bits are the elements,
    `most` sets at most. flipped[i] is the set behind which a code was known, its elements as bits, or 0 if none was;
    tried[i] is how many were tried. There are 1 to 63 planes; the heap has `most` entries.
    """
    cdef Py_ssize_t i, e
    with nogil:
        for i in range(codes.shape[0]):
            e = starts[i]
            if most <= 0 or e == starts[i + 1]:  # there may be no flips[e]
                flipped[i] = tried[i] = 0
                continue
            tried[i] = probe_code(codes[i], &flips[e], &costs[e], <int>min(starts[i + 1] - e, NEAR), most,
                                  fastmem_readers[isa], &ribbon.ribbon, &prints.features, &heap_costs[0], &heap_sets[0],
                                  &flipped[i])
