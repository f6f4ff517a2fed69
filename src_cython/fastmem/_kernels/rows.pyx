"""Which rows of X are equal as points: a 64-bit hash of each row, and exact comparison of two rows.

Equal points have equal hashes (0.0 and -0.0 are the same number); rows with equal hashes are compared number
by number afterwards, so a hash collision costs time and never a wrong answer. The mixing step is the
finalizer of MurmurHash3 (Appleby, public domain).
"""

from cython cimport floating
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy


cdef inline uint64_t mix(uint64_t h) noexcept nogil:
    h ^= h >> 33
    h *= 0xff51afd7ed558ccdull
    h ^= h >> 33
    h *= 0xc4ceb9fe1a85ec53ull
    return h ^ (h >> 33)


def hash_rows(const floating[:, :] X, uint64_t seed, uint64_t[::1] hashes):
    """Hash every row. Returns the first row that holds a NaN or an infinity, or -1."""
    cdef Py_ssize_t n = X.shape[0], d = X.shape[1], i, k, bad = -1
    cdef uint64_t h, bits
    cdef double x
    with nogil:
        for i in range(n):
            h = seed
            for k in range(d):
                x = X[i, k]
                if not isfinite(x):
                    bad = i
                    break
                if x == 0.0:  # -0.0 too, whatever the rounding mode
                    x = 0.0
                memcpy(&bits, &x, 8)
                h = (h ^ bits) * 0x9e3779b97f4a7c15ull
                h ^= h >> 32
            if bad >= 0:
                break
            hashes[i] = mix(h)
    return bad


def equal_rows(const floating[:, :] A, const floating[:, :] B, unsigned char[::1] equal):
    """equal[i] = 1 where row i of A and row i of B are the same point."""
    cdef Py_ssize_t n = A.shape[0], d = A.shape[1], i, k
    with nogil:
        for i in range(n):
            equal[i] = 1
            for k in range(d):
                if A[i, k] != B[i, k]:
                    equal[i] = 0
                    break
