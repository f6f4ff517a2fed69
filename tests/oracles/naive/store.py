"""What stores hold and read, by their definitions."""

import heapq
import itertools

import numpy as np
from oracles.naive.layers import WORD


def merge_runs(codes, classes):
    """Starts and classes of the runs of one class among sorted codes.

    The first run starts at 0, any other at the number with the most trailing zeros that lies above the codes
    before it and not above its own.
    """
    codes, classes = np.asarray(codes).tolist(), np.asarray(classes).tolist()
    starts, run_classes = [0], [classes[0]]
    for i in range(1, len(codes)):
        if classes[i] == classes[i - 1]:
            continue
        rounded = (codes[i] >> zeros << zeros for zeros in range(WORD, -1, -1))
        starts.append(next(start for start in rounded if start > codes[i - 1]))
        run_classes.append(classes[i])
    return starts, run_classes


def index_runs(starts, n_prefixes, shift):
    """The last run that starts at prefix << shift or below, for each prefix, and then the last of all."""
    starts = np.asarray(starts).tolist()
    firsts = [prefix << shift for prefix in range(n_prefixes)]
    return [max(r for r, start in enumerate(starts) if start <= first) for first in firsts] + [len(starts) - 1]


def lookup(codes, starts, run_classes):
    """Class of the last run that starts at a code or below, for each code."""
    starts, run_classes = np.asarray(starts).tolist(), np.asarray(run_classes).tolist()
    return [
        run_classes[max(r for r, start in enumerate(starts) if start <= code)] for code in np.asarray(codes).tolist()
    ]


def changes(classes, bit):
    """How often a bit changes along a block of classes that begins after a 0."""
    values = [0] + [(c >> bit) & 1 for c in classes]
    return sum(a != b for a, b in itertools.pairwise(values))


def cut_blocks(run_classes, capacities):
    """First run of each block, each as long as no bit changes more often than its capacity (at least 1)."""
    run_classes = np.asarray(run_classes).tolist()
    block_starts = [0]
    for run in range(1, len(run_classes)):
        block = run_classes[block_starts[-1] : run + 1]
        if any(changes(block, bit) > capacity for bit, capacity in enumerate(np.asarray(capacities).tolist())):
            block_starts.append(run)
    return block_starts


def huffman_length(counts):
    """Least sum of counts times codeword lengths over all binary prefix codes: the weights of Huffman's inner nodes."""
    heap = list(map(int, counts))
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        together = heapq.heappop(heap) + heapq.heappop(heap)
        total += together
        heapq.heappush(heap, together)
    return total


def decode_prefix(codewords, word, depth):
    """The symbol whose codeword (a string of 0 and 1) begins the binary number of `depth` digits."""
    digits = format(int(word), f"0{depth}b")
    (symbol,) = (symbol for symbol, codeword in enumerate(codewords) if digits.startswith(codeword))
    return symbol


def lift(code, a):
    """Places of the three ones of a code's lift: bits s a to s a + a - 1 are a number below 2^a in segment s."""
    return [(s << a) + (int(code) >> s * a) % 2**a for s in range(3)]


def peel(lifts):
    """Edges that go when an edge with a vertex of its own is taken away, again and again: set of positions."""
    left = set(range(len(lifts)))
    while True:
        alone = next((i for i in left if any(all(v not in lifts[k] for k in left - {i}) for v in lifts[i])), None)
        if alone is None:
            return set(range(len(lifts))) - left
        left.remove(alone)


def block_weights(lifts, bits, order, own):
    """Weight of each vertex, 0 before, given the order in which edges went and the vertex each had of its own.

    In the reverse order that vertex gets the number nearest to 0 with which the weights of its edge sum to 1 or more if
    the bit is 1, to 0 or less if it is 0.
    """
    weights = dict.fromkeys({v for edge in lifts for v in edge}, 0)
    for edge, vertex in zip(reversed(order), reversed(own), strict=True):
        others = sum(weights[v] for v in lifts[edge] if v != vertex)
        weights[vertex] = max(0, 1 - others) if bits[edge] else min(0, -others)
    return weights


def block_lookup(code, starts, weights, a, n_classes):
    """Class of a code: bit b is 1 if its block's weights sum to 1 or more on its lift; the last class at most."""
    block = max(j for j, start in enumerate(np.asarray(starts).tolist()) if start <= int(code))
    sums = sum(np.asarray(weights)[block, place].astype(np.int64) for place in lift(code, a))
    return min(sum(int(total >= 1) << b for b, total in enumerate(sums)), n_classes - 1)


def parity(word):
    """Sum of the bits modulo 2."""
    return int(word).bit_count() % 2


def threshold_features(code, patterns, thresholds, chosen):
    """Bit t: whether at least thresholds[t] of the chosen bits of a code are those of patterns[t]."""
    agreements = [(~(code ^ pattern) & chosen).bit_count() for pattern in patterns]
    return sum((agreements[t] >= thresholds[t]) << t for t in range(WORD))


def group_counts(patterns, thresholds, chosen, shifts):
    """Digits of the agreements that groups of four bits add, as words: uint64 array of shape (groups, 16, 7).

    Group g has the bits from shifts[g]; 64 - thresholds[t] is added to the first group's.
    """
    counts = [[[0] * 7 for _ in range(16)] for _ in shifts]
    for g, value, t in itertools.product(range(len(shifts)), range(16), range(WORD)):
        number = (~(value ^ patterns[t] >> shifts[g]) & chosen >> shifts[g] & 15).bit_count()
        number += 64 - thresholds[t] if g == 0 else 0
        for digit in range(7):
            counts[g][value][digit] |= (number >> digit) % 2 << t
    return np.array(counts, np.uint64)


def parity_bytes(parities, n_bits):
    """What each byte of a code adds to its start's number: uint16 array of shape (bytes, 256)."""
    n_bytes = max(1, -(-n_bits // 8))
    numbers = [[ribbon_number(value << 8 * i, parities) for value in range(256)] for i in range(n_bytes)]
    return np.array(numbers, np.uint16)


def ribbon_number(code, parities):
    """beta: bit q is the parity of the code's bits in parities[q]."""
    return sum(parity(code & mask) << q for q, mask in enumerate(parities))


def ribbon_equation(start, features):
    """The columns with coefficient 1, as bits of an integer: c in start..start + 63 with f_(c mod 64) = 1; f_0 = 1."""
    return sum(1 << c for c in range(start, start + WORD) if c % WORD == 0 or (features >> c % WORD) % 2)


def ribbon_read(equation, row):
    """Bit j: the parity of the cells of plane j where the equation has coefficient 1; row is (words, planes)."""
    words = np.asarray(row).tolist()
    value = 0
    for c in range(equation.bit_length()):
        for j in range(len(words[0])):
            cell = (words[c // WORD][j] >> c % WORD) % 2
            value ^= (cell & equation >> c) << j
    return value


def consistent(equations, values):
    """Whether some cells satisfy all equations: elimination over GF(2), the bits of a value side by side."""
    solved = []
    for equation, value in zip(equations, values, strict=True):
        for leading, other, other_value in solved:
            if equation >> leading & 1:
                equation, value = equation ^ other, value ^ other_value
        if equation:
            solved.append((equation.bit_length() - 1, equation, value))
        elif value:
            return False
    return True


def ribbon_row(code, firsts):
    """The last row that begins at a code or below, or else the first."""
    return max((r for r, first in enumerate(np.asarray(firsts).tolist()) if first <= code), default=0)


def probe(code, flips, costs, most, known):
    """The first known of the codes that differ by a set of flips, or the code itself; whether; the number tried.

    Sets that are not empty come by ascending cost, added up in the order of the elements, then by the number whose bits
    they are; `most` of them are tried.
    """
    sets = []
    for number in range(1, 2 ** len(flips)):
        total, candidate = 0.0, code
        for e in range(len(flips)):
            if number >> e & 1:
                total, candidate = total + costs[e], candidate ^ flips[e]
        sets.append((total, number, candidate))
    candidates = [candidate for _, _, candidate in sorted(sets)[:most]]
    for tried, candidate in enumerate(candidates, 1):
        if known(candidate):
            return candidate, True, tried
    return code, False, len(candidates)
