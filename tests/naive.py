"""Every fast function again, plain and from its definition: the oracle of the tests.

Nothing here comes from fastmem. Floats are taken as the rational numbers they are: an array of them is an array
of Python integers over one common denominator, a power of two, so sums, products and comparisons are exact.
"""

import heapq
import itertools
import math
from fractions import Fraction

import numpy as np

WORD = 64


def over_common_denominator(A):
    """Integers P (object array) and an integer q with ``A == P / q`` exactly."""
    A = np.asarray(A)
    ratios = [number.as_integer_ratio() for number in A.ravel().tolist()]
    q = max((below for _, below in ratios), default=1)
    P = np.empty(len(ratios), object)
    P[:] = [above * (q // below) for above, below in ratios]
    return P.reshape(A.shape), q


def inner_product(w, x):
    """The real number w.x as a Fraction."""
    P, p = over_common_denominator(w)
    Q, q = over_common_denominator(x)
    return Fraction(sum(a * b for a, b in zip(P.tolist(), Q.tolist(), strict=True)), p * q)


def excesses(X, weights, thresholds):
    """The real numbers w_j.x_i - t_j: integers (object array of shape (n, m)) over a positive one."""
    P, p = over_common_denominator(X)
    Q, q = over_common_denominator(weights)
    T, t = over_common_denominator(thresholds)
    return ((P @ Q.T) * t - T * (p * q)).reshape(len(P), len(Q)), p * q * t


def signs(X, weights, thresholds):
    """z_ij = [w_j.x_i >= t_j] over the real numbers: bool array of shape (n, m)."""
    return (excesses(X, weights, thresholds)[0] >= 0).astype(bool)


def xor_codes(signs, columns):
    """XOR of columns[j] over the signs j that are 1, for each row: uint64 array of shape (n,)."""
    codes = []
    for row in np.asarray(signs, bool).tolist():
        code = 0
        for sign, column in zip(row, np.asarray(columns).tolist(), strict=True):
            code ^= column if sign else 0
        codes.append(code)
    return np.array(codes, np.uint64)


def squared_distance_to_hyperplanes(x, weights, thresholds):
    """min_j (w_j.x - t_j)^2 / ||w_j||^2 as a Fraction over the w_j that are not 0, None if all are."""
    return min(
        (
            (inner_product(w, x) - Fraction(t)) ** 2 / inner_product(w, w)
            for w, t in zip(weights, np.asarray(thresholds).tolist(), strict=True)
            if np.any(w != 0)
        ),
        default=None,
    )


def equal_rows(X):
    """Pairs (later, first), in the order of later: the lowest row equal to a row, if it is not that row."""
    rows = np.asarray(X).tolist()
    first = [next(k for k in range(len(rows)) if rows[k] == row) for row in rows]
    return [(i, k) for i, k in enumerate(first) if k < i]


def hash_sums(X, keys):
    """sum_k v_k a_k modulo 2^64 for each row: a_k = keys[0, k] + 2^32 keys[1, k], v_k the 32-bit words of its numbers.

    The words of a number are those of its absolute value's bits, as an integer that is negated if the number is; the
    lower ones first.
    """
    low, high = np.asarray(keys).tolist()
    X = np.asarray(X)
    size = 8 * X.itemsize
    sums = []
    for row, integers in zip(X.tolist(), np.abs(X).view(f"u{X.itemsize}").tolist(), strict=True):
        integers = [-integer if x < 0 else integer for x, integer in zip(row, integers, strict=True)]
        words = [integer % 2**size >> place & 2**32 - 1 for integer in integers for place in range(0, size, 32)]
        sums.append(sum(v * (a + (b << 32)) for v, a, b in zip(words, low, high, strict=True)) % 2**64)
    return sums


def mix(h):
    """The finalizer of MurmurHash3."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor % 2**64
    return h ^ h >> 33


def largest_squared_norm(X):
    """max_i x_i.x_i as a Fraction."""
    return max(inner_product(x, x) for x in np.asarray(X))


def places(X, centre, scales, farthest):
    """(x_ik - c_k) s_k in float64, moved into [-farthest, farthest]; 0 where that is infinity times 0."""
    places = []
    for x in np.asarray(X, np.float64).tolist():
        products = [(a - c) * s for a, c, s in zip(x, centre.tolist(), scales.tolist(), strict=True)]
        places.append([0.0 if math.isnan(p) else min(max(p, -farthest), farthest) for p in products])
    return places


def sort_codes(codes, companions):
    """Both lists in the order of the codes, equal codes in the order in which they came."""
    pairs = sorted(zip(np.asarray(codes).tolist(), np.asarray(companions).tolist(), strict=True), key=lambda p: p[0])
    return [code for code, _ in pairs], [companion for _, companion in pairs]


def split_buckets(codes, buckets, classes):
    """Parts of each bucket (a list of rows) with equal codes, in the order of codes.

    Returns those that hold two classes, and the number of all.
    """
    codes = iter(np.asarray(codes).tolist())
    parts = []
    for rows in buckets:
        code_of = {row: next(codes) for row in rows}
        parts += [[row for row in rows if code_of[row] == code] for code in sorted(set(code_of.values()))]
    return [rows for rows in parts if len({classes[row] for row in rows}) > 1], len(parts)


def split_pairs(above, bucket, classes, weights=None):
    """Pairs of one bucket and two classes on different sides; each counts what its bucket weighs (1).

    Points of bucket -1 are in no pair.
    """
    above, bucket, classes = (np.asarray(a).tolist() for a in (above, bucket, classes))
    return sum(
        1 if weights is None else weights[bucket[i]]
        for i in range(len(above))
        for k in range(i)
        if bucket[i] == bucket[k] != -1 and classes[i] != classes[k] and above[i] != above[k]
    )


def sweep(events, above, bucket, classes, weights, tolerance, rounding, slack=0):
    """Best of all cuts between neighbouring events p < q more than ``tolerance + rounding (|p| + |q|)`` apart.

    At a cut the points with events up to p have changed from the side `above` to the other.

    Returns
    -------
    score, p, q
        Of scores of at least 1 - slack times the best that in the widest gap, of equal gaps the lowest; None if
        there is no cut.
    """
    events, above = np.asarray(events), np.asarray(above, bool)
    cuts = [
        (split_pairs(above ^ (events <= p), bucket, classes, weights), p, q)
        for p, q in itertools.pairwise(sorted(set(events.tolist())))
        if q - p > tolerance + rounding * (abs(p) + abs(q))
    ]
    if not cuts:
        return None
    best = max(score for score, _, _ in cuts)
    return max((cut for cut in cuts if cut[0] >= (1 - slack) * best), key=lambda cut: (cut[2] - cut[1], -cut[1]))


def coarse_order(values):
    """What sorts doubles by their leading 44 bits as numbers; equal ones keep their order, -0.0 < 0.0."""
    values = np.asarray(values, np.float64)
    leading = (values.view(np.uint64) >> np.uint64(20) << np.uint64(20)).view(np.float64).tolist()
    return sorted(range(len(leading)), key=lambda i: (leading[i], not math.copysign(1, leading[i]) < 0))


def repeated(codes, mask):
    """Positions of the codes that occur more than once under a mask."""
    masked = [code & int(mask) for code in np.asarray(codes).tolist()]
    return [i for i, code in enumerate(masked) if masked.count(code) > 1]


def climb(middles, halves, weights, start, iterations, step):
    """Turn a hyperplane h so that it splits pairs middles[:, i] ± halves[:, i] of much weight.

    h climbs ``- sum_i w_i f(b h.x_i) f(b h.x'_i)``, f(z) = z / sqrt(1 + z^2), on the unit sphere: in step t, b is
    (0.5 + 2.5 t / iterations) over the mean of |h.half|, and the momentum, 0.7 of what it was plus the unit vector
    along the gradient, is added 0.1 + 0.9 (1 - t / iterations) times the step size.

    Returns
    -------
    score, h
        The most weight split on the way and the last hyperplane that split it.
    """
    h, momentum = np.array(start, float), np.zeros(len(start))
    one, other = middles + halves, middles - halves
    best = -1.0, h
    for t in range(iterations):
        score = split_weight(middles, halves, weights, h)
        best = (score, h) if score >= best[0] else best
        b = (0.5 + 2.5 * t / iterations) / np.abs(h @ halves).mean()
        x, y = b * (h @ one), b * (h @ other)
        f, slope = (lambda z: z / np.sqrt(1 + z**2)), (lambda z: (1 + z**2) ** -1.5)
        gradient = -one @ (weights * slope(x) * f(y)) - other @ (weights * slope(y) * f(x))
        gradient -= (gradient @ h) * h
        momentum = 0.7 * momentum + gradient / np.linalg.norm(gradient)
        h = h + step * (0.1 + 0.9 * (1 - t / iterations)) * momentum
        h = h / np.linalg.norm(h)
    return best


def split_weight(middles, halves, weights, h):
    """Weight of the pairs middles[:, i] ± halves[:, i] on both sides of h."""
    return np.asarray(weights)[(h @ (middles + halves) > 0) != (h @ (middles - halves) > 0)].sum()


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


def pack_bits(bits):
    """Words of 64 bits: bit i % 64 of word i // 64 is bit i."""
    bits = np.asarray(bits, bool)
    words = np.zeros((bits.shape[0], -(-bits.shape[1] // WORD)), np.uint64)
    for i in range(bits.shape[1]):
        words[:, i // WORD] |= bits[:, i].astype(np.uint64) << np.uint64(i % WORD)
    return words


def unpack_bits(words, n_bits):
    """The inverse of `pack_bits`: bool array of shape (n, n_bits)."""
    bits = np.zeros((len(words), n_bits), bool)
    for i in range(n_bits):
        bits[:, i] = (words[:, i // WORD] >> np.uint64(i % WORD)) & np.uint64(1) == 1
    return bits


def threshold_layer(inputs, weights, thresholds):
    """[sum_i w_ji x_i >= t_j] in Python's integers: bool array of shape (n, units).

    inputs is a bool array of shape (n, inputs), weights a dense array of shape (units, inputs).
    """
    weights, thresholds = np.asarray(weights).tolist(), np.asarray(thresholds).tolist()
    outputs = [
        [
            sum(w for w, x in zip(row, bits, strict=True) if x) >= threshold
            for row, threshold in zip(weights, thresholds, strict=True)
        ]
        for bits in np.asarray(inputs, bool).tolist()
    ]
    return np.array(outputs, bool).reshape(len(inputs), len(thresholds))


def integer_layers(layers, bits):
    """Outputs of layers with binary inputs: bool array of shape (n, units of the last layer).

    Sums are taken modulo 2^64 and read as signed, so they are exact as long as they fit int64 themselves.
    """
    bits = np.asarray(bits, bool)
    for layer in layers:
        sums = (layer.weights.astype(np.int64) @ bits.T.astype(np.int64)).T
        bits = sums >= np.asarray(layer.thresholds, np.int64)
    return bits


def forward(layers, X, n_classes=None):
    """Class index of each row through every unit: exact signs, then integer sums; 0 without layers."""
    X = np.asarray(X)
    if not layers:
        return np.zeros(len(X), np.int64)
    bits = signs(X, layers[0].weights.toarray(), layers[0].thresholds)
    bits = integer_layers(layers[1:], bits)
    indices = sum(bits[:, b].astype(np.int64) << b for b in range(bits.shape[1]))
    if n_classes is not None and indices.max(initial=0) >= n_classes:
        raise ValueError(f"class index {indices.max()} of {n_classes} classes")
    return indices


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


def distances(X, weights, thresholds):
    """|w_j.x_i - t_j| / ||w_j||, each operation rounded to float64, sums in the order of the columns.

    Lengths are square roots of exact sums; where one is 0 the distance is infinite.
    """
    rows = []
    for x in np.asarray(X, np.float64).tolist():
        row = []
        for w, threshold in zip(np.asarray(weights, np.float64).tolist(), np.asarray(thresholds).tolist(), strict=True):
            total, length = 0.0, math.sqrt(math.fsum(a * a for a in w))
            for a, b in zip(x, w, strict=True):
                total += a * b
            row.append(abs(total - threshold) / length if length else math.inf)
        rows.append(row)
    return np.array(rows).reshape(len(rows), len(weights))
