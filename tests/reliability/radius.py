"""No input nearer to a point than its certified radius has another sign, and that radius is hardly below the distance.

`Network.certified_radius` promises that every input at a Euclidean distance below r(x) has the same signs as x, so the
same code and label. For points of many data sets, memorized and not, and for points on a hyperplane, this program

- compares r(x) with the distance from the nearest hyperplane in rational arithmetic: never above, and below by a share
  of 2^-19 at most (or by less than the smallest number, 5e-324, where distances are subnormal);
- moves each point by vectors just shorter than r(x), at random, along single coordinates, and straight towards and away
  from hyperplanes, each coordinate rounded towards the point so that the length stays below r(x), which is proved for
  every one with directed bounds: signs, codes and labels stay;
- moves it straight through the nearest hyperplane, each coordinate rounded outwards: its sign changes;
- checks the margin asked of `memorize` and the network's own `smallest_distance` in rational arithmetic.

    cd tests && python -m reliability.radius --points 1000 --perturbations 1000 --seed 0
    cd tests && python -m reliability.radius --data baum1988 --seed 0    # one data set again
"""

import argparse
import math
import sys
import time
from fractions import Fraction

import numpy as np
from oracles import naive
from support import exported

import fastmem
from fastmem.data.as_points import as_points
from fastmem.theory import instances

INSIDE = 1 - 2.0**-40  # of the radius
LOSS = Fraction(1, 2**19)  # share of the distance by which the radius may fall short of it
SMALLEST, LARGEST = Fraction(5e-324), sys.float_info.max
_TOGETHER = 2**20  # coordinates moved at a time


def _normal(rng, n, d):
    return rng.standard_normal((n, d))


def _labelled(rng, X, n_classes=10, **options):
    """Distinct rows with random labels."""
    X = np.unique(X, axis=0)
    return X, rng.integers(0, n_classes, len(X)), options


def _equal_in_few_columns(rng, n):
    X = _normal(rng, n, 60)
    X[:, 24:] = rng.integers(0, 2, (n, 36)) * (rng.random(n) < 0.2)[:, None]
    X[: n // 8, :24] = X[n // 8 : 2 * (n // 8), :24]
    return X


def _digits(rng, dtype, **options):
    X, y = exported.digits()
    return X.astype(dtype), y, options


def _layers(rng):
    """A network from layers of small integers, some of whose units hold many of the points, and these points."""
    X = rng.integers(-9, 10, (500, 6)).astype(np.float64)
    weights = rng.integers(-5, 6, (12, 6))
    second = rng.integers(-3, 4, (3, 12)), [0, 1, -1]
    return X, None, fastmem.Network.from_layers([(weights, rng.integers(-20, 21, 12)), second])


# Points, and labels and options of `memorize`; or points, None and a network.
DATA = {
    "digits, float32": lambda rng, n: _digits(rng, np.float32),
    "digits, float64, random labels": lambda rng, n: _labelled(rng, exported.digits()[0].astype(np.float64)),
    "digits, every point told apart, margin 0.01": lambda rng, n: _digits(rng, np.float32, separate="all", margin=0.01),
    "patches, float32, random labels": lambda rng, n: _labelled(rng, exported.patches(2 * n)),
    "patches, float64, margin 0.1": lambda rng, n: _labelled(rng, exported.patches(2 * n).astype(float), 2, margin=0.1),
    "sphere, d = 16": lambda rng, n: _labelled(rng, instances.sphere(2 * n, 16, rng).X.astype(np.float64)),
    "sphere, d = 3, float32": lambda rng, n: _labelled(rng, instances.sphere(2 * n, 3, rng).X.astype(np.float32)),
    "circle, a linear code": lambda rng, n: _labelled(rng, instances.circle(max(n, 200)).X),
    "moment curve": lambda rng, n: (*_moment_curve(n), {}),
    "grid": lambda rng, n: _labelled(rng, instances.grid(10, 3).X.astype(np.int64), 2),
    "line": lambda rng, n: _labelled(rng, _normal(rng, 2 * n, 1), 3),
    "columns from 1e-30 to 1e30": lambda rng, n: _labelled(rng, _normal(rng, n, 8) * 10.0 ** rng.integers(-30, 31, 8)),
    "columns from 1e-300 to 1e300": lambda rng, n: _labelled(rng, _normal(rng, n, 8) * np.logspace(-300, 300, 8)),
    "all columns 1e-305": lambda rng, n: _labelled(rng, _normal(rng, n, 8) * 1e-305),
    "subnormal": lambda rng, n: _labelled(rng, rng.integers(-999, 1000, (n, 4)) * 5e-324),
    "all columns 1e300": lambda rng, n: _labelled(rng, _normal(rng, n, 8) * 1e300),
    "far from the origin": lambda rng, n: _labelled(rng, _normal(rng, n, 8) + 1e7),
    "scattered columns": lambda rng, n: _labelled(rng, _normal(rng, n, 50), 3, columns=[2, 7, 8, 30, 31, 49]),
    "a run of columns": lambda rng, n: _labelled(rng, _normal(rng, n, 50), 3, columns=slice(9, 25)),
    "equal in few columns": lambda rng, n: _labelled(rng, _equal_in_few_columns(rng, n), 3),
    "one class": lambda rng, n: _labelled(rng, _normal(rng, n, 4), 1),
    "rajput2021": lambda rng, n: _labelled(rng, instances.sphere(300, 8, rng).X, construction="rajput2021"),
    "baum1988": lambda rng, n: _labelled(rng, instances.sphere(500, 16, rng).X, construction="baum1988"),
    "given layers": lambda rng, n: _layers(rng),
}


def _moment_curve(n):
    instance = instances.moment_curve(min(n, 300), 4)
    return instance.X, instance.y


class Wrong(Exception):
    """A promise was broken; says how."""


class Tally:
    """Counts and extremes over all cases."""

    def __init__(self):
        self.points = self.moved = self.straight = self.outside = self.labels_changed = self.on = 0
        self.lowest = 1.0  # radius / distance, of radii that are not subnormal

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, min(self.lowest, value) if name == "lowest" else getattr(self, name) + value)

    def __str__(self):
        return (
            f"{self.points} points ({self.on} on a hyperplane), {self.moved} inputs inside at random and "
            f"{self.straight} straight, {self.outside} outside ({self.labels_changed} labels changed), "
            f"radius / distance >= 1 - {1 - self.lowest:.1e}"
        )


def check(name, points, perturbations, seed):
    """Hold one data set to all promises; returns a `Tally`, or raises `Wrong`."""
    rng = np.random.default_rng([seed, list(DATA).index(name)])
    X, y, options = DATA[name](rng, points)
    net = options if y is None else fastmem.memorize(X, y, random_state=seed, **options)
    rows = rng.permutation(len(X))[:points]
    memorized = X[np.sort(rows)]
    tally = check_points(net, memorized, perturbations, rng)
    if y is not None:
        check_memorized(net, X, options.get("margin", 0.0))
    few = max(points // 10, 3)
    # Any other input has a radius too.
    kind = memorized.dtype if memorized.dtype.kind == "f" else np.float64
    with np.errstate(over="ignore", under="ignore"):
        others = (memorized[rng.integers(0, len(memorized), few)] * rng.normal(1, 1, (few, X.shape[1]))).astype(kind)
    tally.add(check_points(net, others[np.isfinite(others).all(axis=1)], perturbations // 10 + 1, rng))
    return tally


def check_memorized(net, X, margin):
    """Check that memorized points keep the margin, and that `smallest_distance` is not above the true one."""
    squares = nearest(net, X)[0]
    least = min((square for square in squares if square is not None), default=None)
    if least is None:
        if net.smallest_distance != math.inf:
            raise Wrong(f"smallest_distance is {net.smallest_distance!r} without hyperplanes")
    elif Fraction(net.smallest_distance) ** 2 > least or Fraction(margin) ** 2 > least:
        raise Wrong(f"smallest_distance {net.smallest_distance!r} or margin {margin!r} above sqrt({float(least)!r})")


def nearest(net, X):
    """For each row the square of its distance from the nearest hyperplane, which one that is, and w.x - t, exactly.

    None without hyperplanes; those without weights do not count, since no input changes their sign.
    """
    some = np.flatnonzero(net.hyperplanes.weights.any(axis=1))
    weights, thresholds = net.hyperplanes.weights[some], net.hyperplanes.thresholds[some]
    if not some.size:
        return [None] * len(X), [None] * len(X), [None] * len(X)
    excesses, unit = naive.excesses(X, weights, thresholds)
    numbers, weight_unit = naive.over_common_denominator(weights)
    lengths = (numbers**2).sum(axis=1).tolist()
    squares, places, chosen = [], [], []
    for row in excesses.tolist():
        best = 0
        for j in range(1, len(row)):
            if row[j] ** 2 * lengths[best] < row[best] ** 2 * lengths[j]:
                best = j
        squares.append(Fraction(row[best] ** 2 * weight_unit**2, lengths[best] * unit**2))
        places.append(int(some[best]))
        chosen.append(Fraction(row[best], unit))
    return squares, places, chosen


def check_points(net, X, perturbations, rng):
    """Hold the radii of all rows of X to the promises; returns a `Tally`."""
    tally = Tally()
    tally.points = len(X)
    radii = net.certified_radius(X)
    squares, places, excesses = nearest(net, X)
    for i, (radius, square) in enumerate(zip(radii.tolist(), squares, strict=True)):
        if (square is None) != (radius == math.inf):
            raise Wrong(f"radius {radius!r} of a row whose squared distance is {square}: {X[i].tolist()}")
        if square is None:
            continue
        if not 0 <= Fraction(radius) ** 2 <= square:
            raise Wrong(f"radius {radius!r} is above the distance sqrt({square}): {X[i].tolist()}")
        if radius < LARGEST and (Fraction(radius) + SMALLEST) ** 2 < square * (1 - LOSS) ** 2:
            raise Wrong(f"radius {radius!r} is far below the distance sqrt({square}): {X[i].tolist()}")
        tally.on += square == 0
        if 2.0**-1000 < radius < LARGEST:
            tally.lowest = min(tally.lowest, root(Fraction(radius) ** 2 / square))
    signs, labels = answers(net, X)
    rows = max(_TOGETHER // (perturbations * X.shape[1]), 1)
    for start in range(0, len(X), rows):
        part = slice(start, start + rows)
        for directions, name in (
            (random_directions(net, rng, len(X[part]), perturbations), "moved"),
            (straight_directions(net, rng, len(X[part])), "straight"),
        ):
            inside, row = moved_inside(X[part], radii[part], directions, rng)
            if len(inside) and not same(net, inside, signs[start + row], labels[start + row]):
                raise Wrong(f"a sign or a label changes within the radius of a row from {start} on")
            setattr(tally, name, getattr(tally, name) + len(inside))
    for i in range(len(X)):
        outside = None if squares[i] is None else moved_across(net, X[i], places[i], excesses[i])
        if outside is None:
            continue
        if distance_squared(outside, X[i]) < Fraction(float(radii[i])) ** 2:
            raise Wrong(f"an input with another sign lies within the radius {radii[i]!r} of {X[i].tolist()}")
        word, bit = divmod(places[i], 64)
        (after,), (label,) = answers(net, outside[None])
        if (after[word] ^ signs[i, word]) >> np.uint64(bit) & np.uint64(1) == 0:
            raise Wrong(f"sign {places[i]} does not change from {X[i].tolist()} to {outside.tolist()}")
        tally.outside += 1
        tally.labels_changed += int(label != labels[i])
    return tally


def root(ratio):
    """The square root of a Fraction up to 1, rounded down to float64 numbers below 1."""
    return math.isqrt((ratio.numerator << 120) // ratio.denominator) / 2**60


def answers(net, X):
    """Packed signs, of which codes are a function, and labels."""
    return net.hyperplanes.signs(as_points(X)), net.predict(X)


def same(net, X, signs, labels):
    """Whether rows of X have these signs and labels."""
    return all(map(np.array_equal, answers(net, X), (signs, labels)))


def random_directions(net, rng, n, count):
    """Vectors (n, count, d): normal ones, single coordinates, and sums of a few normals of hyperplanes."""
    weights = scaled_weights(net)
    directions = rng.standard_normal((n, count, net.n_features_in))
    single, sums = count // 10, count // 10
    directions[:, :single] *= rng.random((n, single, net.n_features_in)).argsort(axis=2) == 0
    if len(weights):
        chosen = rng.integers(0, len(weights), (n, sums, 3))
        factors = rng.standard_normal((n, sums, 3, 1))
        directions[:, count - sums :] = (weights[chosen] * factors).sum(axis=2)
    return directions


def straight_directions(net, rng, n, most=32):
    """Vectors (n, 2 * hyperplanes, d): towards some hyperplanes and away from them."""
    weights = rng.permutation(scaled_weights(net))[:most]
    return np.broadcast_to(np.concatenate([weights, -weights]), (n, 2 * len(weights), net.n_features_in))


def scaled_weights(net):
    """Weights that are not all 0, by hyperplane, of length about 1."""
    weights = net.hyperplanes.weights.astype(np.float64)
    weights = weights[weights.any(axis=1)]
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def moved_inside(X, radii, directions, rng):
    """Inputs nearer to the rows of X than their radii, and the row of each.

    They are at ``INSIDE`` times the radius, and coordinates are rounded towards those of the row. float32 rows become
    float32 or float64 inputs.
    """
    row, which = np.nonzero(np.broadcast_to(radii[:, None] > 0, directions.shape[:2]))
    directions, radii = directions[row, which], np.minimum(radii, 1e300)[row]
    dtype = np.float32 if X.dtype == np.float32 and rng.random() < 0.5 else np.float64
    X = X.astype(np.float64)[row]
    powers = np.frexp(radii)[1][:, None]
    # Of lengths within [1/2, 1) units of 2^powers.
    lengths = np.linalg.norm(directions, axis=1) * (1 + (X.shape[1] + 4) * 2.0**-52)
    lengths = np.where(lengths > 0, lengths, 1)
    steps = np.ldexp(directions * (np.ldexp(radii, -powers[:, 0]) * INSIDE / lengths)[:, None], powers)
    with np.errstate(over="ignore", under="ignore"):
        moved = (X + steps).astype(dtype)
    back = np.abs(moved - X) >= np.abs(steps)
    moved[back] = np.nextafter(moved, X.astype(dtype))[back]
    high = moved - X  # and what it lacks of the true difference (Knuth's two-sum)
    other = high - moved
    low = (moved - (high - other)) + (-X - other)
    sizes = np.ldexp(np.abs(high), -powers) + np.ldexp(np.abs(low), -powers)
    squares = (sizes**2).sum(axis=1) * (1 + (2 * X.shape[1] + 8) * 2.0**-52) + X.shape[1] * 2.0**-900
    if not np.all(squares < np.ldexp(radii, -powers[:, 0]) ** 2 * (1 - 2.0**-52)):
        raise Wrong("this program moved an input too far")
    return moved, row


def moved_across(net, x, j, excess):
    """The input behind hyperplane j where the normal from x meets it, coordinates rounded outwards, if there is one."""
    w = list(map(Fraction, net.hyperplanes.weights[j].tolist()))
    square, before = sum(a * a for a in w), excess >= 0
    moved = [
        rounded(Fraction(b) - excess * a / square, up=(a > 0) != before) for a, b in zip(w, x.tolist(), strict=True)
    ]
    moved = np.array([float(b) if a == 0 else c for a, b, c in zip(w, x.tolist(), moved, strict=True)])
    if before and np.isfinite(moved).all() and naive.inner_product(w, moved) == threshold_of(net, j):
        widest = int(np.argmax(np.abs(net.hyperplanes.weights[j])))
        moved[widest] = np.nextafter(moved[widest], -np.inf if w[widest] > 0 else np.inf)
    return moved if np.isfinite(moved).all() else None


def threshold_of(net, j):
    return Fraction(float(net.hyperplanes.thresholds[j]))


def rounded(number, up):
    """The float64 number next to a Fraction, above or below if it is none; infinite where there is none."""
    try:
        nearest = float(number)
    except OverflowError:
        return math.copysign(math.inf, number)
    if Fraction(nearest) == number or (Fraction(nearest) > number) == up:
        return nearest
    return math.nextafter(nearest, math.inf if up else -math.inf)


def distance_squared(a, b):
    return sum((Fraction(x) - Fraction(y)) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1000, help="of each data set")
    parser.add_argument("--perturbations", type=int, default=1000, help="of each point")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", choices=DATA, help="only this data set")
    arguments = parser.parse_args()
    total, started = Tally(), time.monotonic()
    names = [arguments.data] if arguments.data else list(DATA)
    for name in names:
        try:
            tally = check(name, arguments.points, arguments.perturbations, arguments.seed)
        except Wrong as wrong:
            print(f"{name}, --seed {arguments.seed}: {wrong}")
            return 1
        print(f"{name}: {tally}", flush=True)
        total.add(tally)
    seconds = f"{time.monotonic() - started:.0f} s"
    print(f"radius: {len(names)} data sets, seed {arguments.seed}, {seconds}, nothing wrong: {total}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
