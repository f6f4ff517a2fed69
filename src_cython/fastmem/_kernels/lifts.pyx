"""Blocks of codes whose lifted vectors are linearly independent, and what their units compute.

The lift of a code is a vector with a one in each of three segments of 2^a places: at place s 2^a + v of segment s, v
the a bits of the code from bit s a on. A set of lifts is the incidence matrix of a hypergraph, whose vertices are the
places and whose edges, of three vertices each, are the codes. If an edge has a vertex that is in no other edge, its
lift is independent of all others, and may be taken away; if this way all edges go (the hypergraph is peeled), all
lifts are linearly independent. In reverse order each edge then has a vertex that no earlier edge has: its weight is
free to give the edge any value.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint64_t

include "prefetch.pxi"

cdef enum:
    BATCH = 64

ctypedef fused weight_t:
    int8_t
    int16_t
    int32_t


cdef inline int32_t place(uint64_t code, int segment, int a) noexcept nogil:
    return (segment << a) + <int32_t>((code >> (segment * a)) & ((1 << a) - 1))


def peel(const uint64_t[::1] codes, int a, int32_t[::1] degrees, int32_t[::1] joined, int32_t[::1] edges,
         int32_t[::1] vertices, int32_t[::1] waiting):
    """Peel the hypergraph of some codes; return how many edges went, all of them if the lifts can be peeled.

    edges[i] is the i-th edge to go (a position in codes) and vertices[i] the vertex that it had alone. Scratch:
    degrees and joined, one for each vertex, for the number and the XOR of its edges; waiting, one for each vertex,
    a stack (a vertex is in it once: when it comes to have one edge).
    """
    cdef Py_ssize_t n = codes.shape[0], n_vertices = 3 << a, top = 0, gone = 0, v, i
    cdef int32_t edge, vertex, other
    cdef int s
    with nogil:
        for v in range(n_vertices):
            degrees[v] = 0
            joined[v] = 0
        for i in range(n):
            for s in range(3):
                vertex = place(codes[i], s, a)
                degrees[vertex] += 1
                joined[vertex] ^= <int32_t>i
        for v in range(n_vertices):
            if degrees[v] == 1:
                waiting[top] = v
                top += 1
        while top:
            top -= 1
            vertex = waiting[top]
            if degrees[vertex] != 1:
                continue
            edge = joined[vertex]
            edges[gone] = edge
            vertices[gone] = vertex
            gone += 1
            for s in range(3):
                other = place(codes[edge], s, a)
                degrees[other] -= 1
                joined[other] ^= edge
                if degrees[other] == 1:
                    waiting[top] = other
                    top += 1
    return gone


def solve(const uint64_t[::1] codes, const int32_t[::1] classes, int a, int n_label_bits, const int32_t[::1] edges,
          const int32_t[::1] vertices, int32_t[:, ::1] weights, int32_t largest):
    """Weights (places, label bits), 0 before, that give each code of a peeled block its class.

    The three weights of a code sum to 1 or more where a bit of its class is 1, to 0 or less where it is 0. A weight
    that is free to choose is the one nearest to 0 that does. Returns whether all stay within ± largest, which is
    below 2^29.
    """
    cdef Py_ssize_t i
    cdef uint64_t code
    cdef int32_t others, weight
    cdef int b
    cdef bint fits = True
    with nogil:
        for i in range(codes.shape[0] - 1, -1, -1):
            code = codes[edges[i]]
            for b in range(n_label_bits):
                others = (weights[place(code, 0, a), b] + weights[place(code, 1, a), b]
                          + weights[place(code, 2, a), b])  # its own is still 0
                if (classes[edges[i]] >> b) & 1:
                    weight = 1 - others if others < 1 else 0
                else:
                    weight = -others if others > 0 else 0
                weights[vertices[i], b] = weight
                if weight > largest or weight < -largest:
                    fits = False
            if not fits:
                break
    return fits


def lookup(const uint64_t[::1] codes, const uint64_t[::1] starts, const int32_t[::1] index, int shift, int a,
           const weight_t[:, :, ::1] weights, int32_t last, int32_t[::1] classes):
    """classes[i] = the class that the units of the block of codes[i] compute, bit by bit, or the last if that is none.

    weights has the shape (blocks, places, label bits); starts and index are as for `store.lookup`.
    """
    cdef Py_ssize_t n = codes.shape[0], start = 0, stop, i
    cdef int n_label_bits = weights.shape[2], b
    cdef int32_t low, width, half, first, second, third, total, value
    cdef int32_t blocks[BATCH]
    cdef uint64_t code
    with nogil:
        while start < n:
            stop = min(start + BATCH, n)
            for i in range(start, stop):
                code = codes[i]
                low = index[code >> shift]
                width = index[(code >> shift) + 1] - low + 1  # the block is one of low, ..., low + width - 1
                while width > 1:
                    half = width >> 1
                    low += half & -<int32_t>(starts[low + half] <= code)
                    width -= half
                blocks[i - start] = low
                fastmem_prefetch(&weights[low, place(code, 0, a), 0])
                fastmem_prefetch(&weights[low, place(code, 1, a), 0])
                fastmem_prefetch(&weights[low, place(code, 2, a), 0])
            for i in range(start, stop):
                code = codes[i]
                low = blocks[i - start]
                first, second, third = place(code, 0, a), place(code, 1, a), place(code, 2, a)
                value = 0
                for b in range(n_label_bits):
                    total = <int32_t>weights[low, first, b] + weights[low, second, b] + weights[low, third, b]
                    value |= <int32_t>(total >= 1) << b
                classes[i] = min(value, last)
            start = stop
