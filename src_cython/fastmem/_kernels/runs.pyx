"""The integer store: runs of sorted codes with one class, their lookup, and their division into blocks."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

include "prefetch.pxi"

cdef enum:
    BATCH = 64

ctypedef fused code_t:
    uint32_t
    uint64_t


def merge_runs(const uint64_t[::1] codes, const int32_t[::1] classes, uint64_t[::1] starts,
               int32_t[::1] run_classes):
    """Merge neighbours of one class among sorted codes into runs.

    Run r holds the codes from starts[r] up to starts[r + 1]; starts[0] = 0. A start is the number with the
    shortest binary prefix that lies above every code of the run before it and not above its own first code.
    Returns the number of runs, or -1 - i where codes i - 1 and i are equal and their classes differ.
    """
    cdef Py_ssize_t n = codes.shape[0], i, runs = 1
    cdef uint64_t difference
    cdef bint changed
    starts[0] = 0
    run_classes[0] = classes[0]
    with nogil:
        for i in range(1, n):
            changed = classes[i] != classes[i - 1]
            difference = codes[i] ^ codes[i - 1]
            if changed and difference == 0:
                runs = -1 - i
                break
            # All bits up to the highest one in which the neighbours differ.
            difference |= difference >> 1
            difference |= difference >> 2
            difference |= difference >> 4
            difference |= difference >> 8
            difference |= difference >> 16
            difference |= difference >> 32
            # Written in any case, and counted if it is a start: a branch on random classes would be mispredicted.
            starts[runs] = codes[i] & ~(difference >> 1)
            run_classes[runs] = classes[i]
            runs += changed
    return runs


def index_runs(const code_t[::1] starts, int shift, int32_t[::1] index):
    """index[p] = the run that holds the first code with leading bits p, code >> shift; index[-1] = the last run.

    starts ascend from 0, and there are fewer than 2^31.
    """
    cdef Py_ssize_t n = starts.shape[0], n_prefixes = index.shape[0] - 1, prefix
    cdef int32_t run = 0
    with nogil:
        for prefix in range(n_prefixes):
            while run + 1 < n and starts[run + 1] <= <uint64_t>prefix << shift:
                run += 1
            index[prefix] = run
        index[n_prefixes] = n - 1


def lookup(const uint64_t[::1] codes, const code_t[::1] starts, const int32_t[::1] run_classes,
           const int32_t[::1] index, int shift, int32_t[::1] classes):
    """classes[i] = class of the run that holds codes[i]; index as `index_runs` gives it.

    A batch of codes is gone through three times, each time asking for the memory that the next one reads: otherwise
    a code would wait for each of the three tables in turn.
    """
    cdef Py_ssize_t n = codes.shape[0], start = 0, stop, i
    cdef int32_t low, width, half
    cdef uint64_t code
    with nogil:
        while start < n:
            stop = min(start + BATCH, n)
            for i in range(start, stop):
                fastmem_prefetch(&index[codes[i] >> shift])
            for i in range(start, stop):
                low = index[codes[i] >> shift]
                width = index[(codes[i] >> shift) + 1] - low + 1
                fastmem_prefetch(&starts[low + (width >> 1)])
                fastmem_prefetch(&run_classes[low])
            for i in range(start, stop):
                code = codes[i]
                low = index[code >> shift]
                width = index[(code >> shift) + 1] - low + 1  # the run is one of low, ..., low + width - 1
                while width > 1:
                    half = width >> 1
                    low += half & -<int32_t>(starts[low + half] <= code)  # a branch would be mispredicted
                    width -= half
                classes[i] = run_classes[low]
            start = stop


def cut_blocks(const int32_t[::1] run_classes, const int64_t[::1] capacities, int64_t[::1] used,
               int64_t[::1] block_starts):
    """Cut runs into consecutive blocks in which label bit b has at most capacities[b] changes from 0.

    A block reads every bit as 0 before its first run, so a bit that is 1 there counts as a change. Capacities are
    at least 1 for bits that change at all. used[b] becomes the largest number of changes in a block. Returns the
    number of blocks; block j begins with run block_starts[j].
    """
    cdef Py_ssize_t n_runs = run_classes.shape[0], n_bits = capacities.shape[0], run, blocks = 0
    cdef int b
    cdef int32_t changed
    cdef bint full
    cdef int64_t counts[32]
    with nogil:
        for b in range(n_bits):
            used[b] = 0
        for run in range(n_runs):
            full = run == 0
            changed = run_classes[run] if run == 0 else run_classes[run] ^ run_classes[run - 1]
            for b in range(n_bits):
                if run and (changed >> b) & 1 and counts[b] >= capacities[b]:
                    full = True
            if full:
                block_starts[blocks] = run
                blocks += 1
                changed = run_classes[run]
                for b in range(n_bits):
                    counts[b] = 0
            for b in range(n_bits):
                counts[b] += (changed >> b) & 1
                if counts[b] > used[b]:
                    used[b] = counts[b]
    return blocks
