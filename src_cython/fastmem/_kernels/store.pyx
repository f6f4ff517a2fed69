"""The integer store: runs of sorted codes with one class, their lookup, and their division into blocks."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

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
    starts[0] = 0
    run_classes[0] = classes[0]
    with nogil:
        for i in range(1, n):
            if classes[i] == classes[i - 1]:
                continue
            difference = codes[i] ^ codes[i - 1]
            if difference == 0:
                runs = -1 - i
                break
            # All bits up to the highest one in which the neighbours differ.
            difference |= difference >> 1
            difference |= difference >> 2
            difference |= difference >> 4
            difference |= difference >> 8
            difference |= difference >> 16
            difference |= difference >> 32
            starts[runs] = codes[i] & ~(difference >> 1)
            run_classes[runs] = classes[i]
            runs += 1
    return runs


def lookup(const uint64_t[::1] codes, const code_t[::1] starts, const int32_t[::1] run_classes,
           const int64_t[::1] index, int shift, int32_t[::1] classes):
    """classes[i] = class of the run that holds codes[i].

    index[p] is the run that holds the first code with leading bits p, index[-1] the last run.
    """
    cdef Py_ssize_t n = codes.shape[0], i
    cdef int64_t low, high, middle
    cdef uint64_t code, prefix
    with nogil:
        for i in range(n):
            code = codes[i]
            prefix = code >> shift
            low = index[prefix]
            high = index[prefix + 1]
            while low < high:
                middle = low + (high - low + 1) // 2
                if starts[middle] <= code:
                    low = middle
                else:
                    high = middle - 1
            classes[i] = run_classes[low]


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
