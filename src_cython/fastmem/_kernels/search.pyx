"""Scores of candidate hyperplanes on a sample of the points that are not yet separated.

The sample is sorted by bucket (points with the same signs so far), and inside a bucket by class; a group is a
class inside a bucket, numbered through. A hyperplane with L of the S points of a bucket below it, L_g of the
S_g points of each group, splits L (S - L) - sum_g L_g (S_g - L_g) pairs that must differ. The score adds these
over the buckets, each pair weighing what its bucket says (mathematics: the size of the bucket over its number
of pairs). Scores choose hyperplanes and never decide a sign, so they may round.
"""

from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t


def sweep_thresholds(const double[:, ::1] projections, const int64_t[:, ::1] orders, const int32_t[::1] bucket,
                     const int32_t[::1] group, const double[::1] bucket_sizes, const double[::1] group_sizes,
                     const double[::1] pair_weights, const double[::1] tolerances, double rounding,
                     double[::1] bucket_below, double[::1] group_below, double[::1] scores, int64_t[::1] cuts):
    """Best threshold of each direction.

    projections (T, t) are the sample's coordinates along T directions and orders (T, t) what sorts them.
    scores[c] is the best score of direction c over cuts between neighbours p < q with
    q - p > tolerances[c] + rounding (|p| + |q|), ties broken by the wider gap, and the cut lies between
    orders[c, cuts[c]] and the next; -1 where no gap is wide enough. bucket_below and group_below are working space.
    """
    cdef Py_ssize_t n_directions = projections.shape[0], n = projections.shape[1], c, r
    cdef int64_t i, following
    cdef int32_t b, g
    cdef double score, best, gap, best_gap, p, q
    with nogil:
        for c in range(n_directions):
            bucket_below[:] = 0.0
            group_below[:] = 0.0
            score = 0.0
            best = -1.0
            best_gap = 0.0
            cuts[c] = 0
            for r in range(n - 1):
                i = orders[c, r]
                following = orders[c, r + 1]
                b = bucket[i]
                g = group[i]
                # What L (S - L) - sum_g L_g (S_g - L_g) grows by when point i moves below.
                score += pair_weights[b] * ((bucket_sizes[b] - 2.0 * bucket_below[b])
                                            - (group_sizes[g] - 2.0 * group_below[g]))
                bucket_below[b] += 1.0
                group_below[g] += 1.0
                p = projections[c, i]
                q = projections[c, following]
                gap = q - p
                if gap > tolerances[c] + rounding * (fabs(p) + fabs(q)) and (score > best or (score == best and gap > best_gap)):
                    best = score
                    best_gap = gap
                    cuts[c] = r
            scores[c] = best


def score_thresholds(const double[:, ::1] projections, const double[::1] thresholds, const int64_t[::1] bucket_starts,
                     const int32_t[::1] group, const double[::1] pair_weights, double[::1] scores):
    """Score of each direction at its own threshold."""
    cdef Py_ssize_t n_directions = projections.shape[0], n_buckets = bucket_starts.shape[0] - 1, c, b, i, first
    cdef Py_ssize_t stop
    cdef double below, group_below, inside, total, t
    with nogil:
        for c in range(n_directions):
            total = 0.0
            t = thresholds[c]
            for b in range(n_buckets):
                i = bucket_starts[b]
                stop = bucket_starts[b + 1]
                below = 0.0
                inside = 0.0
                while i < stop:
                    first = i
                    group_below = 0.0
                    while i < stop and group[i] == group[first]:
                        group_below += projections[c, i] < t
                        i += 1
                    below += group_below
                    inside += group_below * (i - first - group_below)
                total += pair_weights[b] * (below * (stop - bucket_starts[b] - below) - inside)
            scores[c] = total
