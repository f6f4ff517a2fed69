"""Deep networks whose units carry numbers, exactly, in up to 66 words of 64 bits: only what changed from row to row.

A network is a *program*: a list of nodes, each the weighted sum of nodes before it, with an activation, [s >= 0], max(s, 0),
s, or the ramp min(max(s, 0), 1) (`fastmem.layers.programs` makes it of layers). All rows of a block are taken times the same 2^shift, which makes
their numbers integers; thresholds and the 1 of [s >= 0] are multiplied too, since ReLU and identity are homogeneous.

Values of all nodes stay from row to row. A row's inputs are compared with those of the row before; a node is evaluated
when one of the nodes that it reads has another value than before, and those that read it only if its own value changed.
So rows with much in common, as those that bit extraction reads one word for, share the work; the caller sorts rows. Marks
of the nodes to be evaluated are bits of words, taken in ascending order: a node reads only nodes before it.

Steps and ramps that read one node alone, with the weight 1, are kept in the order of their thresholds: where that node's
value changes, only those are marked whose threshold, or whose ramp, lies between the values before and after. So of a
thousand thresholds on one line a row costs two binary searches.

A value has a sign and an absolute value of up to `capacity` words, the lowest first. A sum is taken in two's complement
modulo 2^(64 L), in as many words L as hold it: a sum of k terms below 2^b needs b + log2 k + 2 bits. Where that is more
than the capacity the row is given up.
"""

from cython cimport floating
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cdef extern from "words.h" nogil:
    uint64_t fastmem_multiply(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t *high)
    int fastmem_bits(uint64_t word)

cdef extern from "isa.h" nogil:
    int fastmem_first_bit(uint64_t bits)

cdef enum:
    THRESHOLD = 0
    RELU = 1
    RAMP = 3
    CAPACITY = 66
    ROOM = 2 * CAPACITY + 2

MOST_WORDS = CAPACITY


cdef class ProgramTables:
    """A program; arrays are kept, not copied.

    Parameters
    ----------
    starts : int64 array of shape (nodes + 1,)
        Where the terms of each node begin; inputs, which come first, have none.
    sources : int32 array of shape (terms,)
        Which node a term reads.
    negative : uint8 array of shape (terms,)
    powers : int32 array of shape (terms,)
        The power of two that divides the weight.
    word_starts : int64 array of shape (terms + 1,)
        Where the words of the odd part of its absolute value begin.
    words : uint64 array
    thresholds : as terms, (nodes,)
        ``t_negative``, ``t_powers``, ``t_starts`` and ``t_words``; no words for 0.
    activations : uint8 array of shape (nodes,)
    reader_starts, readers : int64 array of shape (nodes + 1,), int32 array
        Which nodes read each, but for the next.
    step_starts, steps : int64 array of shape (nodes + 1,), int32 array
        Which steps and ramps read each alone, by ascending threshold.
    have_ramps : uint8 array of shape (nodes,)
        Whether there are ramps among these.
    outputs : int32 array
        Nodes of the output units.
    """

    cdef const int64_t[::1] starts, word_starts, t_starts, reader_starts, step_starts
    cdef const int32_t[::1] sources, powers, t_powers, readers, steps, outputs
    cdef const uint8_t[::1] negative, t_negative, activations, have_ramps
    cdef const uint64_t[::1] words, t_words

    def __init__(self, starts, sources, negative, powers, word_starts, words, t_negative, t_powers, t_starts, t_words,
                 activations, reader_starts, readers, step_starts, steps, have_ramps, outputs):
        self.starts, self.sources, self.negative, self.powers = starts, sources, negative, powers
        self.word_starts, self.words = word_starts, words
        self.t_negative, self.t_powers, self.t_starts, self.t_words = t_negative, t_powers, t_starts, t_words
        self.activations, self.reader_starts, self.readers, self.outputs = activations, reader_starts, readers, outputs
        self.step_starts, self.steps, self.have_ramps = step_starts, steps, have_ramps


cdef struct Number:
    uint64_t words[CAPACITY + 2]
    int length
    int sign


cdef struct State:
    uint64_t *limits  # thresholds times 2^shift, from where they start
    const int64_t *limit_starts
    int32_t *limit_lengths
    uint64_t *values  # capacity words of each node
    int32_t *lengths  # words that are used
    int8_t *signs
    uint64_t *marks
    int capacity


cdef inline int bits_of(const uint64_t *words, int length) noexcept nogil:
    return 64 * (length - 1) + fastmem_bits(words[length - 1]) if length else 0


cdef inline void add_shifted(uint64_t *sums, int L, const uint64_t *words, int n, int power, bint negative) noexcept nogil:
    """sums += or -= words 2^power, modulo 2^(64 L)."""
    cdef int first = power >> 6, part = power & 63, j
    cdef uint64_t carry = 0, piece, low = 0, before
    for j in range(first, L):
        piece = low
        if j - first < n:
            piece = low | (words[j - first] << part)
            low = words[j - first] >> (64 - part) if part else 0
        elif j - first == n:
            low = 0
        elif not carry:
            break
        before = sums[j]
        if negative:
            sums[j] = before - piece - carry
            carry = (before < piece) | ((before == piece) & carry)
        else:
            sums[j] = before + piece + carry
            carry = (sums[j] < before) | ((sums[j] == before) & carry)


cdef inline void begin_sum(uint64_t *sums, int L, const uint64_t *words, int n, int power, bint negative) noexcept nogil:
    """sums = words 2^power, or less than 0 by as much, modulo 2^(64 L), for a number below 2^(64 L - power)."""
    cdef int first = power >> 6
    n = min(n, L - first)  # those above are 0
    if negative or power & 63:
        memset(sums, 0, L * sizeof(uint64_t))
        add_shifted(sums, L, words, n, power, negative)
        return
    memset(sums, 0, first * sizeof(uint64_t))
    memcpy(&sums[first], words, n * sizeof(uint64_t))
    memset(&sums[first + n], 0, (L - first - n) * sizeof(uint64_t))


cdef inline const uint64_t *limit_of(ProgramTables tables, State *state, Py_ssize_t node) noexcept nogil:
    return &state.limits[state.limit_starts[node]]


cdef void scale_limits(ProgramTables tables, State *state, Py_ssize_t n_nodes, int shift) noexcept nogil:
    """Write all thresholds times 2^shift."""
    cdef uint64_t *limit
    cdef Py_ssize_t node
    cdef int n, length
    for node in range(n_nodes):
        n, length = tables.t_starts[node + 1] - tables.t_starts[node], 0
        if n:
            limit, length = &state.limits[state.limit_starts[node]], state.limit_starts[node + 1] - state.limit_starts[node]
            memset(limit, 0, length * sizeof(uint64_t))
            add_shifted(limit, length, &tables.t_words[tables.t_starts[node]], n, tables.t_powers[node] + shift, False)
            while length and limit[length - 1] == 0:
                length -= 1
        state.limit_lengths[node] = length


cdef inline int difference(const uint64_t *value, int n, const uint64_t *limit, int m, uint64_t *sums) noexcept nogil:
    """sums = value - limit in two's complement; the number of its words."""
    cdef uint64_t borrow = 0, a, b
    cdef int k, L = (n if n > m else m) + 1
    for k in range(L):
        a = value[k] if k < n else 0
        b = limit[k] if k < m else 0
        sums[k] = a - b - borrow
        borrow = (a < b) | ((a == b) & borrow)
    return L


cdef inline int multiplied(const uint64_t *a, int n, const uint64_t *b, int m, uint64_t *product) noexcept nogil:
    """product = a b, of n + m words; the number of these."""
    cdef uint64_t carry
    cdef int i, j
    memset(product, 0, (n + m) * sizeof(uint64_t))
    for i in range(n):
        carry = 0
        for j in range(m):
            product[i + j] = fastmem_multiply(a[i], b[j], product[i + j], carry, &carry)
        product[i + m] = carry
    return n + m


cdef bint sum_of(ProgramTables tables, State *state, Py_ssize_t node, uint64_t *sums, int *n_words) noexcept nogil:
    """The sum of a node in two's complement, and its words; whether the capacity holds it."""
    cdef uint64_t product[ROOM]
    cdef const uint64_t *value
    cdef Py_ssize_t term, start = tables.starts[node], stop = tables.starts[node + 1], w
    cdef int bits, width, length, L, n
    cdef int32_t source
    cdef bint is_first, is_negative
    length = state.limit_lengths[node]
    if stop - start == 1 and not (tables.powers[start] | tables.negative[start] | tables.t_negative[node]):
        source, w = tables.sources[start], tables.word_starts[start]
        n = state.lengths[source]
        # A number less a threshold, as for steps and windows.
        if (tables.word_starts[start + 1] - w == 1 and tables.words[w] == 1 and state.signs[source] >= 0
                and (n if n > length else length) < state.capacity):
            value = &state.values[source * state.capacity]
            if tables.activations[node] == THRESHOLD:  # its sign is enough
                sums[0] = 0 if compared(value, n, n > 0, limit_of(tables, state, node), length, length > 0) >= 0 else 1ull << 63
                n_words[0] = 1
            else:
                n_words[0] = difference(value, n, limit_of(tables, state, node), length, sums)
            return True
    bits = bits_of(limit_of(tables, state, node), length)
    for term in range(start, stop):
        source = tables.sources[term]
        length = state.lengths[source]
        if length:
            w = tables.word_starts[term]
            width = (bits_of(&state.values[source * state.capacity], length) + tables.powers[term]
                     + bits_of(&tables.words[w], tables.word_starts[term + 1] - w))
            bits = max(bits, width)
    L = (bits + fastmem_bits(stop - start + 1) + 2 + 63) >> 6
    if L > state.capacity:
        return False
    n_words[0], is_first = L, True
    length = state.limit_lengths[node]
    if length:
        begin_sum(sums, L, limit_of(tables, state, node), length, 0, not tables.t_negative[node])
        is_first = False
    for term in range(start, stop):
        source = tables.sources[term]
        n = state.lengths[source]
        if not n:
            continue
        value, w = &state.values[source * state.capacity], tables.word_starts[term]
        length = tables.word_starts[term + 1] - w
        if length > 1 or tables.words[w] != 1:
            n = multiplied(value, n, &tables.words[w], length, product)
            value = product
        is_negative = tables.negative[term] ^ (state.signs[source] < 0)
        if is_first:
            begin_sum(sums, L, value, n, tables.powers[term], is_negative)
            is_first = False
        else:
            add_shifted(sums, L, value, n, tables.powers[term], is_negative)
    if is_first:
        memset(sums, 0, L * sizeof(uint64_t))
    return True


cdef inline bint settle(State *state, Py_ssize_t node, int activation, int shift, uint64_t *sums, int L) noexcept nogil:
    """Give a node the output for its sum; whether that is another one than before."""
    cdef uint64_t *value = &state.values[node * state.capacity]
    cdef uint64_t negative = sums[L - 1] >> 63, carry
    cdef int k, length = L
    cdef int8_t sign
    cdef bint changed
    if activation == THRESHOLD:
        sign = 1 - <int8_t>negative
        changed = state.signs[node] != sign
        if changed:
            state.signs[node], state.lengths[node] = sign, (shift >> 6) + 1 if sign else 0
            memset(value, 0, ((shift >> 6) + 1) * sizeof(uint64_t))
            value[shift >> 6] = 1ull << (shift & 63)
        return changed
    if negative and (activation == RELU or activation == RAMP):
        changed = state.lengths[node] != 0
        state.signs[node] = state.lengths[node] = 0
        return changed
    if negative:
        carry = 1
        for k in range(L):
            sums[k] = ~sums[k] + carry
            carry &= sums[k] == 0
    while length and sums[length - 1] == 0:
        length -= 1
    if activation == RAMP and 64 * (length - 1) + fastmem_bits(sums[length - 1] if length else 0) > shift:  # 1 or more
        length = (shift >> 6) + 1
        memset(sums, 0, length * sizeof(uint64_t))
        sums[shift >> 6] = 1ull << (shift & 63)
    sign = 0 if not length else -1 if negative else 1
    if sign == state.signs[node] and length == state.lengths[node] and not memcmp(sums, value, length * sizeof(uint64_t)):
        return False
    state.signs[node], state.lengths[node] = sign, length
    memcpy(value, sums, length * sizeof(uint64_t))
    return True


cdef inline int compared(const uint64_t *a, int n, int sign, const uint64_t *b, int m, int other) noexcept nogil:
    """The sign of a - b, for absolute values and signs."""
    cdef int k
    if sign != other:
        return 1 if sign > other else -1
    if n != m:
        return sign if n > m else -sign
    for k in range(n - 1, -1, -1):
        if a[k] != b[k]:
            return sign if a[k] > b[k] else -sign
    return 0


cdef Py_ssize_t first_above(ProgramTables tables, State *state, Py_ssize_t node, const Number *number) noexcept nogil:
    """The first of a node's steps whose threshold is above a number."""
    cdef Py_ssize_t low = tables.step_starts[node], high = tables.step_starts[node + 1], middle, step
    cdef int length
    while low < high:
        middle = (low + high) >> 1
        step = tables.steps[middle]
        length = state.limit_lengths[step]
        if compared(number.words, number.length, number.sign, limit_of(tables, state, step), length,
                    0 if not length else -1 if tables.t_negative[step] else 1) >= 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline void remember(State *state, Py_ssize_t node, Number *number) noexcept nogil:
    number.length, number.sign = state.lengths[node], state.signs[node]
    memcpy(number.words, &state.values[node * state.capacity], number.length * sizeof(uint64_t))


cdef void less_one(Number *number, int shift) noexcept nogil:
    """number -= 2^shift."""
    cdef uint64_t sums[CAPACITY + 2]
    cdef uint64_t carry = 1
    cdef int L = (number.length if number.length > (shift >> 6) + 1 else (shift >> 6) + 1) + 1, k
    if L > CAPACITY + 1:
        L = CAPACITY + 1
    memset(sums, 0, L * sizeof(uint64_t))
    add_shifted(sums, L, number.words, number.length, 0, number.sign < 0)
    sums[L] = 1
    add_shifted(sums, L, &sums[L], 1, shift, True)
    number.sign = -1 if sums[L - 1] >> 63 else 1
    if number.sign < 0:
        for k in range(L):
            sums[k] = ~sums[k] + carry
            carry &= sums[k] == 0
    while L and sums[L - 1] == 0:
        L -= 1
    if not L:
        number.sign = 0
    number.length = L
    memcpy(number.words, sums, L * sizeof(uint64_t))


cdef void mark_steps(ProgramTables tables, State *state, Py_ssize_t node, Number *before, int shift) noexcept nogil:
    """Mark the steps and ramps between the value of a node before and its value now."""
    cdef Number after
    cdef Number *lower
    cdef Number *upper
    cdef Py_ssize_t i
    cdef int32_t step
    remember(state, node, &after)
    lower, upper = before, &after
    if compared(before.words, before.length, before.sign, after.words, after.length, after.sign) > 0:
        lower, upper = &after, before
    if tables.have_ramps[node]:
        less_one(lower, shift)
    for i in range(first_above(tables, state, node, lower), first_above(tables, state, node, upper)):
        step = tables.steps[i]
        state.marks[step >> 6] |= 1ull << (step & 63)


cdef inline void mark_readers(ProgramTables tables, State *state, Py_ssize_t node, Number *before, int shift) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t reader
    if tables.step_starts[node] < tables.step_starts[node + 1]:
        mark_steps(tables, state, node, before, shift)
    for i in range(tables.reader_starts[node], tables.reader_starts[node + 1]):
        reader = tables.readers[i]
        state.marks[reader >> 6] |= 1ull << (reader & 63)


cdef bint load(ProgramTables tables, State *state, const floating *x, Py_ssize_t stride, Py_ssize_t d, int shift) noexcept nogil:
    """Give the inputs a row's numbers times 2^shift, and mark the readers of those that changed; whether they fit."""
    cdef uint64_t sums[CAPACITY + 2]
    cdef uint64_t bits, integer
    cdef double number
    cdef int power, first
    cdef Py_ssize_t i
    cdef Number before
    for i in range(d):
        number = x[i * stride]
        memcpy(&bits, &number, 8)
        power, integer = <int>((bits >> 52) & 0x7FF), bits & 0xFFFFFFFFFFFFFu
        if power:
            integer |= 1ull << 52
        else:
            power = 1
        if integer:
            first = fastmem_first_bit(integer)
            integer >>= first
            power += first - 1075 + shift
            if (power + fastmem_bits(integer) + 64) >> 6 > state.capacity:
                return False
        else:
            power = 0
        first = (power >> 6) + 2
        memset(sums, 0, first * sizeof(uint64_t))
        sums[power >> 6] = integer << (power & 63)
        if power & 63:
            sums[(power >> 6) + 1] = integer >> (64 - (power & 63))
        while first and sums[first - 1] == 0:
            first -= 1
        remember(state, i, &before)
        if write_input(state, i, sums, first, -1 if number < 0 else 1 if number > 0 else 0):
            mark_readers(tables, state, i, &before, shift)
    return True


cdef inline bint write_input(State *state, Py_ssize_t node, const uint64_t *words, int length, int8_t sign) noexcept nogil:
    cdef uint64_t *value = &state.values[node * state.capacity]
    if (sign == state.signs[node] and length == state.lengths[node]
            and not memcmp(words, value, length * sizeof(uint64_t))):
        return False
    state.signs[node], state.lengths[node] = sign, length
    memcpy(value, words, length * sizeof(uint64_t))
    return True


cdef bint run_marked(ProgramTables tables, State *state, int shift, Py_ssize_t n_nodes) noexcept nogil:
    """Evaluate all nodes that are marked, and those that read what changed; whether all of them fit."""
    cdef uint64_t sums[CAPACITY + 2]
    cdef Py_ssize_t word, node
    cdef Number before
    cdef int L
    for word in range((n_nodes + 63) >> 6):
        while state.marks[word]:
            node = 64 * word + fastmem_first_bit(state.marks[word])
            state.marks[word] &= state.marks[word] - 1
            if not sum_of(tables, state, node, sums, &L):
                return False
            if tables.step_starts[node] < tables.step_starts[node + 1]:
                remember(state, node, &before)
            if settle(state, node, tables.activations[node], shift, sums, L):
                mark_readers(tables, state, node, &before, shift)
    return True


cdef void begin(ProgramTables tables, State *state, Py_ssize_t d, Py_ssize_t n_nodes) noexcept nogil:
    """All values are 0, and all nodes but the inputs marked."""
    cdef Py_ssize_t node
    memset(state.lengths, 0, n_nodes * sizeof(int32_t))
    memset(state.signs, 0, n_nodes * sizeof(int8_t))
    memset(state.marks, 0, ((n_nodes + 63) >> 6) * sizeof(uint64_t))
    for node in range(d, n_nodes):
        state.marks[node >> 6] |= 1ull << (node & 63)


def run_rows(ProgramTables tables, const floating[:, :] X, const int64_t[::1] order, int shift, uint64_t[:, ::1] values,
             int32_t[::1] lengths, int8_t[::1] signs, uint64_t[::1] marks, const int64_t[::1] limit_starts,
             uint64_t[::1] limits, int32_t[::1] limit_lengths, uint64_t[:, :, ::1] outputs, int8_t[:, ::1] output_signs, uint8_t[::1] done):
    """outputs[i] and output_signs[i] = absolute values and signs of the output units of row i, times 2^shift.

    Rows are taken in an order. A row whose numbers need more words than `values` has for each node has done[i] = 0.
    Working space: values (nodes, capacity), lengths, signs and limit_lengths (nodes,), marks (nodes / 64, rounded up), and
    limits, of limit_starts[-1] words: thresholds times 2^shift, as long as these say.
    """
    cdef State state
    cdef Py_ssize_t n_nodes = lengths.shape[0], d = X.shape[1], stride, at, i, j, node
    cdef bint is_fresh = True
    with nogil:
        state.values, state.lengths, state.signs = &values[0, 0], &lengths[0], &signs[0]
        state.marks, state.capacity = &marks[0], values.shape[1]
        state.limits, state.limit_starts, state.limit_lengths = &limits[0], &limit_starts[0], &limit_lengths[0]
        scale_limits(tables, &state, n_nodes, shift)
        stride = X.strides[1] // <Py_ssize_t>sizeof(floating)
        begin(tables, &state, d, n_nodes)
        for at in range(order.shape[0]):
            i = order[at]
            if not is_fresh:
                begin(tables, &state, d, n_nodes)
            is_fresh = (load(tables, &state, &X[i, 0], stride, d, shift)
                        and run_marked(tables, &state, shift, n_nodes))
            done[i] = is_fresh
            for j in range(outputs.shape[1]):
                output_signs[i, j] = 0
                if is_fresh:
                    node = tables.outputs[j]
                    output_signs[i, j] = state.signs[node]
                    memset(&outputs[i, j, 0], 0, state.capacity * sizeof(uint64_t))
                    memcpy(&outputs[i, j, 0], &state.values[node * state.capacity], state.lengths[node] * sizeof(uint64_t))
