"""Lengths of the codewords of a prefix code with the least total length.

Huffman's algorithm in place (Moffat & Katajainen, "In-place calculation of minimum-redundancy codes", WADS 1995): one
array holds in turn the weights, the parents of the tree's inner nodes, their depths, and the depths of its leaves.
"""

from libc.stdint cimport int64_t


def minimum_redundancy(int64_t[::1] a):
    """Replace two or more weights in ascending order by the lengths of their codewords, which descend."""
    cdef Py_ssize_t n = a.shape[0], leaf = 2, root = 0, node, free = 1, inner = 0
    cdef int64_t depth = 0
    with nogil:
        # Inner nodes, lightest first: a[node] is the weight of one until it has a parent, then the parent's number.
        a[0] += a[1]
        for node in range(1, n - 1):
            if leaf >= n or a[root] < a[leaf]:
                a[node] = a[root]
                a[root] = node
                root += 1
            else:
                a[node] = a[leaf]
                leaf += 1
            if leaf >= n or (root < node and a[root] < a[leaf]):
                a[node] += a[root]
                a[root] = node
                root += 1
            else:
                a[node] += a[leaf]
                leaf += 1
        # Depths of the inner nodes, from the root, the last one, down.
        a[n - 2] = 0
        for node in range(n - 3, -1, -1):
            a[node] = a[a[node]] + 1
        # Of the nodes of one depth, those that are not inner are leaves.
        root = n - 2
        node = n - 1
        while free > 0:
            while root >= 0 and a[root] == depth:
                inner += 1
                root -= 1
            while free > inner:
                a[node] = depth
                node -= 1
                free -= 1
            free = 2 * inner
            depth += 1
            inner = 0
