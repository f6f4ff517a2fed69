"""What the search of hyperplanes counts, one pair and one point at a time."""

import itertools
import math

import numpy as np


def places(X, centre, scales, farthest):
    """(x_ik - c_k) s_k in float64, moved into [-farthest, farthest]; 0 where that is infinity times 0."""
    places = []
    for x in np.asarray(X, np.float64).tolist():
        products = [(a - c) * s for a, c, s in zip(x, centre.tolist(), scales.tolist(), strict=True)]
        places.append([0.0 if math.isnan(p) else min(max(p, -farthest), farthest) for p in products])
    return places


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


def numbered(buckets, classes):
    """Number of each point's bucket and of its group, a class inside a bucket, -1 for points in none; groups' sizes."""
    bucket, group, sizes = [-1] * len(classes), [-1] * len(classes), []
    for k, rows in enumerate(buckets):
        for _, members in itertools.groupby(rows, key=lambda row: classes[row]):
            sizes.append(0)
            for row in members:
                bucket[row], group[row] = k, len(sizes) - 1
                sizes[-1] += 1
    return bucket, group, sizes


def nearest_other(coordinates, rows, group, row):
    """Of some rows the one nearest to a row among those of another group, of equally near ones the first, or None."""
    others = [other for other in rows if group[other] != group[row]]
    return min(others, key=lambda other: ((coordinates[other] - coordinates[row]) ** 2).sum(), default=None)


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


def rounded_direction(direction, exponents, varies, widest, reference):
    """Weights w_k 2^s 2^-e_k of a direction, 0 where a column does not vary; the largest is 1/2 to 1 before rounding.

    Where they reach over more than 2^widest the largest is 2^widest times as much, and those beyond 2^(widest / 2)
    beside that of the reference column are left out.

    Returns
    -------
    weights : list of float
        In float32.
    rounded : list of float
        The direction that these stand for.
    s : int
    """
    places = range(len(direction))
    powers = {k: math.frexp(direction[k])[1] - exponents[k] for k in places if varies[k] and direction[k]}
    wide = bool(powers) and max(powers.values()) - min(powers.values()) > widest
    if wide and reference in powers:
        powers = {k: power for k, power in powers.items() if power <= powers[reference] + widest // 2}
    shift = widest * wide - max(powers.values(), default=-100_000)
    weights = [
        float(np.float32(math.ldexp(direction[k], shift - exponents[k]))) if k in powers else 0.0 for k in places
    ]
    return weights, [math.ldexp(w, e - shift) for w, e in zip(weights, exponents, strict=True)], shift


def pencil_event(p, q, scale):
    """The s from -1 to 1 at which (1 - |s|) p + s scale q changes sign, or 0; and whether it is not below 0 before."""
    p, q = np.float64(p), np.float64(q * scale)
    s = (-p if q > 0 else p) / (abs(p) + abs(q)) if p or q else 0.0
    return s, not q > 0


class Turning:
    """The search of trimming: hyperplane j is [directions[j] . x >= levels[j]] of the coordinates x.

    Attributes
    ----------
    gains : dict
        Weight that pairs of points have gained while they stayed open.
    left : list of (int, int)
        Pairs that the last step left open.
    changed : set
        Hyperplanes that are others now.
    """

    def __init__(self, coordinates, inside, basis, classes, codes, directions, levels):
        self.coordinates, self.inside, self.basis = coordinates, inside, basis
        self.classes, self.codes = np.asarray(classes).tolist(), np.asarray(codes).tolist()
        self.directions, self.levels = directions.copy(), levels.copy()
        self.gains, self.left, self.changed = {}, [], set()

    def turn(self, j, start, iterations, step, gain):
        """Turn hyperplane j to split most of the weight of the pairs that all others leave open; returns these."""
        bit, n = 1 << j, len(self.codes)
        pairs = [
            (a, b)
            for a, b in itertools.combinations(range(n), 2)
            if self.classes[a] != self.classes[b] and (self.codes[a] ^ self.codes[b]) & ~bit == 0
        ]
        weights = [1.0 + self.gains.get(pair, 0.0) for pair in pairs]
        if pairs:
            direction = self._turned(j, pairs, weights, start, iterations, step)
            ends = np.array(pairs).ravel()
            numbers, sides = np.repeat(np.arange(len(pairs)), 2), np.tile([0, 1], len(pairs))
            cut = sweep((self.coordinates @ direction)[ends], np.ones(len(ends)), numbers, sides, weights, 0, 1e-13)
            before = sum(w for (a, b), w in zip(pairs, weights, strict=True) if (self.codes[a] ^ self.codes[b]) & bit)
            if cut and cut[0] >= before:
                self._replace(j, direction, (cut[1] + cut[2]) / 2)
        self.left = [(a, b) for a, b in pairs if not (self.codes[a] ^ self.codes[b]) & bit]
        for pair in self.left:
            self.gains[pair] = self.gains.get(pair, 0.0) + gain
        return pairs

    def _turned(self, j, pairs, weights, start, iterations, step):
        own = self.coordinates @ self.directions[j] - self.levels[j]
        scale = np.sqrt((own[np.array(pairs)] ** 2).mean())
        Z = np.column_stack([self.inside, own / scale, np.ones(len(own))])
        one, other = (Z[list(points)].T for points in zip(*pairs, strict=True))
        _, h = climb((one + other) / 2, (one - other) / 2, np.array(weights), start, iterations, step)
        direction = h[:-2] @ self.basis + h[-2] / scale * self.directions[j]
        return np.float32(direction / np.abs(direction).max()).astype(float)

    def _replace(self, j, direction, level):
        self.directions[j], self.levels[j] = direction, level
        self.changed.add(j)
        above = self.coordinates @ direction >= level
        self.codes = [code & ~(1 << j) | int(side) << j for code, side in zip(self.codes, above, strict=True)]
