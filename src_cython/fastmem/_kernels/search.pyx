"""Scores of candidate hyperplanes on a sample of the points that are not yet separated.

Every point of the sample has a bucket (points with the same signs so far) and a group (a class inside a bucket),
numbered through, or -1 for both if it is separated already. A hyperplane with L of the S points of a bucket below it, L_g of the
S_g points of each group, splits L (S - L) - sum_g L_g (S_g - L_g) pairs that must differ. The score adds these
over the buckets, each pair weighing what its bucket says (mathematics: the size of the bucket over its number
of pairs). Scores choose hyperplanes and never decide a sign, so they may round.
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs, frexp, isfinite, ldexp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

include "repeated.pxi"


cdef enum:
    ZERO = -100000  # stands for the power of 0
    DIGIT = 11  # bits
    DIGITS = 4
    LEFT_OUT = 20
    TILE = 512


PAIRS_TOGETHER = TILE


def round_directions(const double[:, ::1] directions, const int32_t[::1] exponents, const uint8_t[::1] varies,
                     int widest, int32_t[::1] powers, float[:, ::1] weights, double[:, ::1] rounded,
                     int64_t[::1] shifts):
    """Weights w_tk 2^shifts[t] 2^-exponents[k], in float32, of directions w_t; the largest of each is about 1.

    Columns that do not vary get 0. Where a direction's weights reach over more than 2^widest, its largest may be
    2^widest, and what is larger than that beside the weight in column t is left out. rounded[t] is the direction that
    the weights stand for. powers (d,) is working space.
    """
    cdef Py_ssize_t d = directions.shape[1], t, k
    cdef int power, largest, least, reference, shift
    cdef bint wide
    with nogil:
        for t in range(directions.shape[0]):
            largest = ZERO
            least = -ZERO
            for k in range(d):
                powers[k] = ZERO
                if varies[k] and directions[t, k] != 0:
                    frexp(directions[t, k], &power)
                    powers[k] = power - exponents[k]
                    largest = max(largest, <int>powers[k])
                    least = min(least, <int>powers[k])
            wide = largest - least > widest
            reference = powers[t % d]
            if wide and reference > ZERO:
                largest = ZERO
                for k in range(d):
                    if powers[k] > reference + widest // 2:
                        powers[k] = ZERO
                    largest = max(largest, <int>powers[k])
            shift = (widest if wide else 0) - largest
            shifts[t] = shift
            for k in range(d):
                weights[t, k] = 0.0
                if powers[k] > ZERO:
                    weights[t, k] = <float>ldexp(directions[t, k], shift - exponents[k])
                rounded[t, k] = ldexp(<double>weights[t, k], exponents[k] - shift)


def sort_events(const double[:, ::1] events, int64_t[:, ::1] orders, uint64_t[:, ::1] keys, int32_t[:, ::1] places,
                int32_t[:, ::1] counts):
    """orders[c] sorts events[c] by their leading 44 bits, that is to 2^-32 of their size; no event is NaN.

    A stable radix sort: closer events keep their order.
    keys (2, t), places (2, t) and counts (DIGITS, 2^DIGIT) are working space.
    """
    cdef Py_ssize_t n = events.shape[1], c, i
    cdef int digit, now
    cdef int32_t total, count
    cdef uint64_t key
    with nogil:
        for c in range(events.shape[0]):
            counts[:, :] = 0
            for i in range(n):
                memcpy(&key, &events[c, i], sizeof(double))
                # Numbers in order of size: positive ones above, negative ones reversed.
                key = (key ^ (<uint64_t>1 << 63 if key >> 63 == 0 else ~<uint64_t>0)) >> LEFT_OUT
                keys[0, i] = key
                places[0, i] = <int32_t>i
                for digit in range(DIGITS):
                    counts[digit, (key >> (digit * DIGIT)) & ((1 << DIGIT) - 1)] += 1
            now = 0
            for digit in range(DIGITS):
                if counts[digit, (keys[now, 0] >> (digit * DIGIT)) & ((1 << DIGIT) - 1)] == n:
                    continue
                total = 0
                for i in range(1 << DIGIT):
                    count = counts[digit, i]
                    counts[digit, i] = total
                    total += count
                for i in range(n):
                    key = keys[now, i]
                    total = counts[digit, (key >> (digit * DIGIT)) & ((1 << DIGIT) - 1)]
                    counts[digit, (key >> (digit * DIGIT)) & ((1 << DIGIT) - 1)] = total + 1
                    keys[1 - now, total] = key
                    places[1 - now, total] = places[now, i]
                now = 1 - now
            for i in range(n):
                orders[c, i] = places[now, i]


def sweep_cuts(const double[:, ::1] events, const int64_t[:, ::1] orders, const uint8_t[:, :] above,
               const int32_t[::1] bucket, const int32_t[::1] group, const double[::1] bucket_sizes,
               const double[::1] group_sizes, const double[::1] pair_weights, const double[::1] tolerances,
               double rounding, double slack, double[::1] bucket_below, double[::1] group_below,
               double[::1] running, double[::1] scores, int64_t[::1] cuts):
    """Best hyperplane of each of T one-parameter families: thresholds of a direction, or a pencil.

    As the parameter of family c grows, point i changes sides once, at events[c, i]; before, it is above where
    above[c, i] is 1. orders (T, t) sorts the events. Only cuts between neighbours p < q with
    q - p > tolerances[c] + rounding (|p| + |q|) count; of those whose score is at least 1 - slack times the
    best, the one in the widest gap wins. It lies between orders[c, cuts[c]] and the next; its score is scores[c],
    -1 where no gap is wide enough. bucket_below, group_below and running are working space.
    """
    cdef Py_ssize_t n_families = events.shape[0], n = events.shape[1], c, r
    cdef int64_t i
    cdef double score, best, least, gap, best_gap, p, q
    with nogil:
        for c in range(n_families):
            bucket_below[:] = 0.0
            group_below[:] = 0.0
            score = 0.0
            for i in range(n):
                if not above[c, i]:
                    score += cross(i, 1, bucket, group, bucket_sizes, group_sizes, pair_weights, bucket_below, group_below)
            best = -1.0
            for r in range(n - 1):
                i = orders[c, r]
                score += cross(i, above[c, i], bucket, group, bucket_sizes, group_sizes, pair_weights, bucket_below,
                               group_below)
                p = events[c, i]
                q = events[c, orders[c, r + 1]]
                running[r] = -1.0
                if q - p > tolerances[c] + rounding * (fabs(p) + fabs(q)):
                    running[r] = score
                    if score > best:
                        best = score
            least = best - slack * fabs(best)
            scores[c] = -1.0
            cuts[c] = 0
            best_gap = 0.0
            if best >= 0:
                for r in range(n - 1):
                    gap = events[c, orders[c, r + 1]] - events[c, orders[c, r]]
                    if running[r] >= least and gap > best_gap:
                        scores[c] = running[r]
                        best_gap = gap
                        cuts[c] = r


def pencil_events(double[:, ::1] values, const double[::1] levels, double[:, ::1] events, uint8_t[:, ::1] above,
                  double[::1] scales):
    """Where points change sides as the hyperplanes of T pencils turn; each mixes (1 - |s|) p + s q, s from -1 to 1.

    values (2 T, t) are those of the first hyperplane of each pencil, then of the second, at the points, before their
    levels (2 T,) are subtracted; overwritten. The second is scaled by scales[c], so that both have values of like size.
    Point i changes sides at events[c, i], 0 where it lies on both, and is above before if above[c, i].
    """
    cdef Py_ssize_t n_pencils = events.shape[0], n = events.shape[1], c, i
    cdef double p, q, size, scale, first, second
    with nogil:
        for c in range(n_pencils):
            first = 0.0
            second = 0.0
            for i in range(n):
                values[c, i] -= levels[c]
                values[n_pencils + c, i] -= levels[n_pencils + c]
                first += fabs(values[c, i])
                second += fabs(values[n_pencils + c, i])
            scale = first / second if second > 0 else 0.0
            scales[c] = scale if isfinite(scale) else 0.0
            for i in range(n):
                p = values[c, i]
                q = scales[c] * values[n_pencils + c, i]
                size = fabs(p) + fabs(q)
                above[c, i] = not q > 0
                p = (-p if q > 0 else p) / size if size > 0 else 0.0
                events[c, i] = p if isfinite(p) else 0.0


cdef inline double cross(int64_t i, uint8_t downwards, const int32_t[::1] bucket, const int32_t[::1] group,
                         const double[::1] bucket_sizes, const double[::1] group_sizes,
                         const double[::1] pair_weights, double[::1] bucket_below,
                         double[::1] group_below) noexcept nogil:
    """Move point i to the other side; returns what L (S - L) - sum_g L_g (S_g - L_g) grows by, weighted."""
    cdef int32_t b = bucket[i], g = group[i]
    cdef double grown
    if b < 0:
        return 0.0
    grown = bucket_sizes[b] - 2.0 * bucket_below[b] - (group_sizes[g] - 2.0 * group_below[g])
    if downwards:
        bucket_below[b] += 1.0
        group_below[g] += 1.0
        return pair_weights[b] * grown
    bucket_below[b] -= 1.0
    group_below[g] -= 1.0
    return -pair_weights[b] * grown


def possibly_repeated(const uint64_t[::1] codes, uint64_t mask, uint8_t[::1] seen, int64_t[::1] positions):
    """Positions of all codes that occur more than once under a mask, and of a few others; returns their number.

    seen has a power of two of bytes and is overwritten. positions (n,) is filled in order.
    """
    cdef Py_ssize_t found
    with nogil:
        found = find_repeated(codes, mask, seen, positions)
    return found


def split_sample(const uint8_t[::1] above, const int64_t[::1] members, const int64_t[::1] starts,
                 const int32_t[::1] classes, int64_t[::1] kept, int64_t[::1] kept_starts, int64_t[::1] parents):
    """Part each bucket of a sample by the side of its points, and keep the parts with two classes; returns their number.

    Bucket k is members[starts[k]:starts[k + 1]], class by class; point i has above[i] and classes[i]. Part p, of bucket
    parents[p], is kept[kept_starts[p]:kept_starts[p + 1]], the part below before that above. kept has room for all
    members, kept_starts for one more than all parts.
    """
    cdef Py_ssize_t k, r, n = 0, end
    cdef int side
    cdef int64_t i
    cdef int32_t first
    with nogil:
        kept_starts[0] = 0
        for k in range(starts.shape[0] - 1):
            for side in range(2):
                end = kept_starts[n]
                for r in range(starts[k], starts[k + 1]):
                    i = members[r]
                    if above[i] == side:
                        kept[end] = i
                        end += 1
                # Members are class by class: a part has two if its ends differ.
                if end > kept_starts[n] and classes[kept[kept_starts[n]]] != classes[kept[end - 1]]:
                    parents[n] = k
                    n += 1
                    kept_starts[n] = end
    return n


def number_sample(const int64_t[::1] members, const int64_t[::1] starts, const int32_t[::1] classes,
                  int32_t[::1] bucket, int32_t[::1] group, double[::1] group_sizes):
    """Number the buckets and the groups, classes inside a bucket, of a sample's points: -1 where they are in none.

    Returns the number of groups; group_sizes, filled in from the front, has room for one a member.
    """
    cdef Py_ssize_t k, r
    cdef int64_t i
    cdef int32_t n_groups = 0
    with nogil:
        bucket[:] = -1
        group[:] = -1
        for k in range(starts.shape[0] - 1):
            for r in range(starts[k], starts[k + 1]):
                i = members[r]
                if r == starts[k] or classes[i] != classes[members[r - 1]]:
                    group_sizes[n_groups] = 0.0
                    n_groups += 1
                group_sizes[n_groups - 1] += 1.0
                bucket[i] = <int32_t>k
                group[i] = n_groups - 1
    return n_groups


def nearest_others(const floating[:, ::1] coordinates, const int64_t[::1] members, const int64_t[::1] starts,
                   const int32_t[::1] group, const int64_t[::1] buckets, const int64_t[::1] a, int64_t[::1] b):
    """b[i] = the point of bucket buckets[i] nearest to its point a[i] among those of other groups, of equals the first.

    Bucket k is members[starts[k]:starts[k + 1]]. b[i] stays where there is none.
    """
    cdef Py_ssize_t d = coordinates.shape[1], i, r, c
    cdef int64_t other
    cdef double distance, difference, least
    with nogil:
        for i in range(buckets.shape[0]):
            least = INFINITY
            for r in range(starts[buckets[i]], starts[buckets[i] + 1]):
                other = members[r]
                if group[other] == group[a[i]]:
                    continue
                distance = 0.0
                for c in range(d):
                    difference = <double>coordinates[other, c] - <double>coordinates[a[i], c]
                    distance += difference * difference
                if distance < least:
                    least = distance
                    b[i] = other


def split_pairs(const double[:, ::1] A, const double[:, ::1] B, const double[:, ::1] directions,
                const double[::1] levels, double[:, ::1] values, uint8_t[:, ::1] split):
    """split[t, p] = whether hyperplane t parts the points A[:, p] and B[:, p], within rounding.

    A and B are (d, p), directions (t, d), values (2, TILE) is working space.
    """
    cdef Py_ssize_t d = A.shape[0], n = A.shape[1], tile, start, size, t, i, p
    cdef double weight, level
    with nogil:
        for tile in range((n + TILE - 1) // TILE):
            start = tile * TILE
            size = min(TILE, n - start)
            for t in range(directions.shape[0]):
                level = levels[t]
                values[:, :] = 0.0
                for i in range(d):
                    weight = directions[t, i]
                    for p in range(size):
                        values[0, p] += weight * A[i, start + p]
                    for p in range(size):
                        values[1, p] += weight * B[i, start + p]
                for p in range(size):
                    split[t, start + p] = (values[0, p] >= level) != (values[1, p] >= level)
