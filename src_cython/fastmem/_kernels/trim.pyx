"""Hyperplanes turned, one after the other, until they separate: the inner loop of `fastmem.separate.trim`.

Two points of different classes with the same signs are an open pair. A step takes hyperplane j, finds the pairs that all
others leave open, turns the hyperplane so that it splits more of their weight (`climb`), finds the best threshold of the
new direction, and takes it if the weight that is split does not fall. Pairs that stay open gain weight.

Signs are those of float64 sums here. They choose hyperplanes and decide nothing: exact signs are taken afterwards.
"""

from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

include "repeated.pxi"


cdef enum:
    VISITS = 64  # of points for each pair that there is room for
    ALL_SPLIT = 0
    SOME_OPEN = 1
    TOO_MANY = 2

# What a search ended with.
SEPARATED, CROWDED = ALL_SPLIT, TOO_MANY

cdef double TIE = 1e-8
cdef double ROUNDING = 1e-13


def aim(const double[:, ::1] middles, const double[:, ::1] halves, const double[::1] weights,
        double[:, ::1] hyperplanes, int iterations, double step, double[:, ::1] values, double[::1] momentum,
        double[::1] gradient, double[:, ::1] best, double[::1] scores):
    """Turn hyperplanes so that they split pairs of much weight.

    Pair i is middles[:, i] ± halves[:, i], in homogeneous coordinates (k, N): a hyperplane h splits it if
    |h.middle| < |h.half|. Each start hyperplanes[s] (unit length; overwritten) climbs the smoothed weight
    - sum_i w_i f(b h.x_i) f(b h.x'_i), f(z) = z / sqrt(1 + z^2), by normalised gradient steps with momentum along
    the unit sphere, b growing as the steps shrink. best[s] is the last hyperplane on its way that split most and
    scores[s] the weight it split. values (2, N), momentum and gradient (k,) are working space.
    """
    cdef Py_ssize_t s
    with nogil:
        for s in range(hyperplanes.shape[0]):
            scores[s] = climb(middles, halves, weights, middles.shape[1], hyperplanes[s], iterations, step, values,
                              momentum, gradient, best[s])


cdef double climb(const double[:, ::1] middles, const double[:, ::1] halves, const double[::1] weights, Py_ssize_t n,
                  double[::1] hyperplane, int iterations, double step, double[:, ::1] values, double[::1] momentum,
                  double[::1] gradient, double[::1] best) noexcept nogil:
    """One start of `aim`, on the first n pairs; returns its score."""
    cdef Py_ssize_t k = middles.shape[0], c, i
    cdef int t
    cdef double score, spread, sharpness, x, y, fx, fy, gx, gy, along, size, rate, most = -1.0
    momentum[:] = 0.0
    for t in range(iterations):
        for i in range(n):
            values[0, i] = 0.0
            values[1, i] = 0.0
        for c in range(k):
            x = hyperplane[c]
            for i in range(n):
                values[0, i] += x * middles[c, i]
            for i in range(n):
                values[1, i] += x * halves[c, i]
        score = 0.0
        spread = 0.0
        for i in range(n):
            x = fabs(values[1, i])
            spread += x
            if fabs(values[0, i]) < x:
                score += weights[i]
        if score >= most:
            most = score
            best[:] = hyperplane
        if t == iterations - 1:
            break
        sharpness = (0.5 + 2.5 * t / iterations) * n / (spread + 1e-300)
        for i in range(n):
            x = sharpness * (values[0, i] + values[1, i])
            y = sharpness * (values[0, i] - values[1, i])
            fx = 1.0 / sqrt(1.0 + x * x)
            fy = 1.0 / sqrt(1.0 + y * y)
            gx = -weights[i] * (y * fy) * (fx * fx * fx)
            gy = -weights[i] * (x * fx) * (fy * fy * fy)
            values[0, i] = gx + gy
            values[1, i] = gx - gy
        along = 0.0
        for c in range(k):
            gradient[c] = dot(&values[0, 0], &middles[c, 0], n) + dot(&values[1, 0], &halves[c, 0], n)
            along += gradient[c] * hyperplane[c]
        size = 0.0
        for c in range(k):
            gradient[c] -= along * hyperplane[c]
            size += gradient[c] * gradient[c]
        size = 1.0 / (sqrt(size) + 1e-300)
        rate = step * (1.0 - 0.9 * t / iterations)
        along = 0.0
        for c in range(k):
            momentum[c] = 0.7 * momentum[c] + size * gradient[c]
            hyperplane[c] += rate * momentum[c]
            along += hyperplane[c] * hyperplane[c]
        along = 1.0 / sqrt(along)
        for c in range(k):
            hyperplane[c] *= along
    return most


cdef inline double dot(const double *a, const double *b, Py_ssize_t n) noexcept nogil:
    """Four sums, so that additions need not wait for one another."""
    cdef double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        i += 4
    while i < n:
        s0 += a[i] * b[i]
        i += 1
    return (s0 + s1) + (s2 + s3)


cdef class Turning:
    """Points, hyperplanes, and what their search remembers.

    Hyperplane j is [directions[j] . coordinates[i] >= levels[j]], its sign of point i is bit j of codes[i].
    inside (n, r) are the points' whitened coordinates: basis (r, d) times what the coordinates are beside a middle.
    gains (a power of two) holds the weight that pairs have gained, at hashes of a n + b, and recent the pairs a < b that
    stayed open last, of which there have been n_recent[0]. changed[j] is set where hyperplane j is another one.
    All other arrays are working space.
    """

    cdef const double[:, ::1] coordinates, inside, basis
    cdef const int32_t[::1] classes
    cdef uint64_t[::1] codes
    cdef double[:, ::1] directions
    cdef double[::1] levels, gains
    cdef int64_t[:, ::1] recent
    cdef int64_t[::1] n_recent
    cdef uint8_t[::1] changed
    cdef uint8_t[::1] seen, is_mixed, is_split
    cdef int64_t[::1] positions
    cdef int32_t[::1] heads, nexts
    cdef int32_t[:, ::1] pairs, order
    cdef double[:, ::1] middles, halves, values, sums, vectors
    cdef double[::1] weights

    def __init__(self, coordinates, inside, basis, classes, codes, directions, levels, gains, recent, n_recent, changed,
                 seen, positions, heads, is_mixed, nexts, pairs, middles, halves, values, weights, is_split, sums, order,
                 vectors):
        self.coordinates, self.inside, self.basis, self.classes = coordinates, inside, basis, classes
        self.codes, self.directions, self.levels = codes, directions, levels
        self.gains, self.recent, self.n_recent, self.changed = gains, recent, n_recent, changed
        self.seen, self.positions, self.heads, self.is_mixed, self.nexts = seen, positions, heads, is_mixed, nexts
        self.pairs, self.middles, self.halves, self.values, self.weights = pairs, middles, halves, values, weights
        self.is_split, self.sums, self.order, self.vectors = is_split, sums, order, vectors

    def turn(self, const int64_t[::1] picks, const double[:, ::1] starts, int iterations, double step, double gain):
        """Turn hyperplane picks[0], then picks[1], ..., until all pairs are split or are too many.

        starts[s] (r + 2,) is where step s begins: a combination of whitened coordinates, of hyperplane j scaled to
        values of size 1 at the pairs, and of 1.

        Returns
        -------
        state
            SEPARATED, CROWDED or another.
        steps, pairs : int
            How many there were.
        """
        cdef Py_ssize_t s, n, n_pairs = 0
        cdef int state = SOME_OPEN
        with nogil:
            for s in range(picks.shape[0]):
                n = self.open_pairs(~(<uint64_t>1 << picks[s]))
                if n < 0:
                    state = TOO_MANY
                    break
                n_pairs += n
                self.vectors[0, : starts.shape[1]] = starts[s]
                state = self.turn_one(picks[s], n, iterations, step, gain)
                if state == ALL_SPLIT:
                    s += 1
                    break
            else:
                s = picks.shape[0]
        return state, s, n_pairs

    cdef Py_ssize_t open_pairs(self, uint64_t mask) noexcept nogil:
        """Fill in the open pairs under a mask; how many they are, or -1 if that is too many."""
        cdef Py_ssize_t found = find_repeated(self.codes, mask, self.seen, self.positions), f, n = 0
        cdef Py_ssize_t slots = 1, slot, visits = 0, most = self.pairs.shape[1]
        cdef uint64_t code
        cdef int32_t i, other
        while slots < 2 * found:
            slots *= 2
        self.heads[:slots] = -1
        # Points with equal codes in chains, from the last to the first.
        for f in range(found):
            i = <int32_t>self.positions[f]
            code = self.codes[i] & mask
            slot = <Py_ssize_t>(hashed(code) & <uint64_t>(slots - 1))
            while self.heads[slot] >= 0 and (self.codes[self.heads[slot]] & mask) != code:
                slot = (slot + 1) & (slots - 1)
            other = self.heads[slot]
            if other < 0:
                self.is_mixed[slot] = 0
            elif self.classes[other] != self.classes[i]:
                self.is_mixed[slot] = 1
            self.nexts[i] = other
            self.heads[slot] = i
        for slot in range(slots):
            i = self.heads[slot]
            while i >= 0 and self.is_mixed[slot]:
                other = self.nexts[i]
                while other >= 0:
                    visits += 1
                    if self.classes[other] != self.classes[i]:
                        if n == most:
                            return -1
                        self.pairs[0, n] = other
                        self.pairs[1, n] = i
                        n += 1
                    other = self.nexts[other]
                if visits > VISITS * most:
                    return -1
                i = self.nexts[i]
        return n

    cdef int turn_one(self, Py_ssize_t j, Py_ssize_t n, int iterations, double step, double gain) noexcept nogil:
        """Turn hyperplane j towards the first n pairs, which the others leave open; whether it splits all."""
        cdef Py_ssize_t p, slot, last = self.recent.shape[1]
        cdef double before = 0.0, scale = self.place_pairs(j, n), level
        cdef int state = ALL_SPLIT
        for p in range(n):
            self.is_split[p] = ((self.codes[self.pairs[0, p]] ^ self.codes[self.pairs[1, p]]) >> j) & 1
            before += self.weights[p] if self.is_split[p] else 0.0
        climb(self.middles, self.halves, self.weights, n, self.vectors[0], iterations, step, self.values,
              self.vectors[1], self.vectors[2], self.vectors[3])
        if self.set_direction(j, scale) and self.find_level(n, before, &level):
            self.take(j, level)
        for p in range(n):
            if not ((self.codes[self.pairs[0, p]] ^ self.codes[self.pairs[1, p]]) >> j) & 1:
                self.gains[self.slot_of(p)] += gain
                slot = self.n_recent[0] % last
                self.recent[0, slot] = self.pairs[0, p]
                self.recent[1, slot] = self.pairs[1, p]
                self.n_recent[0] += 1
                state = SOME_OPEN
        return state

    cdef inline Py_ssize_t slot_of(self, Py_ssize_t p) noexcept nogil:
        cdef uint64_t key = <uint64_t>self.pairs[0, p] * self.classes.shape[0] + self.pairs[1, p]
        return <Py_ssize_t>(hashed(key) & <uint64_t>(self.gains.shape[0] - 1))

    cdef double place_pairs(self, Py_ssize_t j, Py_ssize_t n) noexcept nogil:
        """Weights, middles and halves of the pairs; by how much the values of hyperplane j are divided in these."""
        cdef Py_ssize_t r = self.inside.shape[1], d = self.coordinates.shape[1], p, c
        cdef int32_t a, b
        cdef double x, y, total = 0.0, scale
        for p in range(n):
            a = self.pairs[0, p]
            b = self.pairs[1, p]
            self.weights[p] = 1.0 + self.gains[self.slot_of(p)]
            for c in range(r):
                self.middles[c, p] = 0.5 * (self.inside[a, c] + self.inside[b, c])
                self.halves[c, p] = 0.5 * (self.inside[a, c] - self.inside[b, c])
            x = dot(&self.coordinates[a, 0], &self.directions[j, 0], d) - self.levels[j]
            y = dot(&self.coordinates[b, 0], &self.directions[j, 0], d) - self.levels[j]
            total += x * x + y * y
            self.middles[r, p] = 0.5 * (x + y)
            self.halves[r, p] = 0.5 * (x - y)
            self.middles[r + 1, p] = 1.0
            self.halves[r + 1, p] = 0.0
        scale = sqrt(total / (2.0 * max(n, 1))) + 1e-300
        for p in range(n):
            self.middles[r, p] /= scale
            self.halves[r, p] /= scale
        return scale

    cdef bint set_direction(self, Py_ssize_t j, double scale) noexcept nogil:
        """The direction of the hyperplane found, rounded to float32, in vectors[4]; whether there is one."""
        cdef Py_ssize_t r = self.inside.shape[1], d = self.coordinates.shape[1], q, c
        cdef double x = self.vectors[3, r] / scale, largest = 0.0
        for c in range(d):
            self.vectors[4, c] = x * self.directions[j, c]
        for q in range(r):
            x = self.vectors[3, q]
            for c in range(d):
                self.vectors[4, c] += x * self.basis[q, c]
        for c in range(d):
            largest = max(largest, fabs(self.vectors[4, c]))
        if not (isfinite(largest) and largest > 1e-300):
            return False
        for c in range(d):
            self.vectors[4, c] = <double><float>(self.vectors[4, c] / largest)
        return True

    cdef bint find_level(self, Py_ssize_t n, double least, double *level) noexcept nogil:
        """The threshold in the widest of the gaps that split most; whether that is no less than before."""
        cdef Py_ssize_t d = self.coordinates.shape[1], p, i, place
        cdef int now
        cdef double *sums
        cdef int32_t *order
        cdef double tie, best = -1.0, running = 0.0, gap, widest = 0.0
        for p in range(n):
            self.sums[0, 2 * p] = dot(&self.coordinates[self.pairs[0, p], 0], &self.vectors[4, 0], d)
            self.sums[0, 2 * p + 1] = dot(&self.coordinates[self.pairs[1, p], 0], &self.vectors[4, 0], d)
            self.is_split[p] = 0
        now = self.sort(2 * n)
        sums = &self.sums[now, 0]
        order = &self.order[now, 0]
        tie = TIE * (sums[2 * n - 1 - n // 5] - sums[n // 5]) if n else 0.0
        for i in range(2 * n - 1):
            place = order[i] // 2
            running += -self.weights[place] if self.is_split[place] else self.weights[place]
            self.is_split[place] ^= 1
            gap = sums[i + 1] - sums[i]
            if gap > tie + ROUNDING * (fabs(sums[i]) + fabs(sums[i + 1])):
                if running > best + 1e-9 * best or (running >= best - 1e-9 * best and gap > widest):
                    best = max(best, running)
                    widest = gap
                    level[0] = middle(sums[i], sums[i + 1])
        return best >= 0 and best >= least - 1e-9 * least

    cdef int sort(self, Py_ssize_t n) noexcept nogil:
        """Sort the first n of sums[0], with their places; which of the two rows holds them then. A merge sort."""
        cdef Py_ssize_t width = 1, start, half, end, left, right, i
        cdef int now = 0
        for i in range(n):
            self.order[0, i] = <int32_t>i
        while width < n:
            start = 0
            while start < n:
                left = start
                half = min(start + width, n)
                right = half
                end = min(start + 2 * width, n)
                for i in range(start, end):
                    if left < half and (right >= end or self.sums[now, left] <= self.sums[now, right]):
                        self.sums[1 - now, i] = self.sums[now, left]
                        self.order[1 - now, i] = self.order[now, left]
                        left += 1
                    else:
                        self.sums[1 - now, i] = self.sums[now, right]
                        self.order[1 - now, i] = self.order[now, right]
                        right += 1
                start = end
            now = 1 - now
            width *= 2
        return now

    cdef void take(self, Py_ssize_t j, double level) noexcept nogil:
        """Make the direction found hyperplane j."""
        cdef Py_ssize_t d = self.coordinates.shape[1], i
        cdef uint64_t bit = <uint64_t>1 << j
        self.directions[j, :] = self.vectors[4, :d]
        self.levels[j] = level
        self.changed[j] = 1
        for i in range(self.coordinates.shape[0]):
            if dot(&self.coordinates[i, 0], &self.vectors[4, 0], d) >= level:
                self.codes[i] |= bit
            else:
                self.codes[i] &= ~bit


cdef inline double middle(double below, double above) noexcept nogil:
    """A number t with below < t <= above."""
    cdef double between = below / 2 + above / 2
    return between if below < between <= above else above
