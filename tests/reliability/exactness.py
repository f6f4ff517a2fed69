"""Every sign is that of the real numbers, for inputs on hyperplanes and within a unit in the last place of them.

Inputs are made for networks of every construction, in 1 to 128 dimensions, with integers, float32 and float64 numbers,
unlike columns, linear codes, margins, and subnormal and huge coordinates:

- on a hyperplane exactly, two coordinates solving w.x = t in integers, and one unit in the last place beside it;
- the two neighbouring floats between which one coordinate of a point meets a hyperplane;
- and up to 2^30 units beside these, where the bounds of the float32 and the float64 step end.

For each input the sign of every hyperplane is taken in rational arithmetic, and from the signs the label, through the
integer layers. Held to them are signs, `codes`, `predict` and `forward`, with each instruction set, in batches of 1, 7,
64 and all rows, in six memory layouts, float32 rows as float64, in every rounding mode, with subnormal numbers flushed
to 0, in one and two threads, and numba's functions of some networks. Some networks are built again in another
floating-point environment, and must be the same.

    cd tests && python -m reliability.exactness --cases 1000000 --seed 0

What is wrong is printed with its network's number and kind; ``check_one(kind, number, seed, each)`` repeats it.
"""

import argparse
import collections
import sys
import time

import numpy as np
from oracles import naive
from support import exported
from support.environments import ENVIRONMENTS, environment
from support.instruction_sets import ISAS, isa
from support.near_hyperplanes import inputs

import fastmem
from fastmem.data.as_points import as_points
from fastmem.theory import instances

OF_A_NETWORK = 4000  # inputs
_TOGETHER = 1000  # rows that the oracle takes at a time
_JIT_EVERY = 4  # networks


class Wrong(Exception):
    """A promise was broken; says how."""


# Networks


def memorized(rng, X, n_classes=4, **options):
    """A network that gives the distinct rows of X random labels, and these rows."""
    X = np.unique(X, axis=0)
    y, seed = rng.integers(0, n_classes, len(X)), int(rng.integers(2**31))
    return built(rng, lambda: fastmem.memorize(X, y, random_state=seed, **options)), X


def built(rng, build):
    """A network, and now and then a check that it is the same if built in another floating-point environment."""
    net = build()
    if rng.random() < 0.3:
        with environment(rng.choice(ENVIRONMENTS)):
            again = build()
        if again != net:
            raise Wrong("another network is built in another floating-point environment")
    return net


def normal(rng, n, d, dtype=np.float64, scales=1.0):
    return (rng.standard_normal((n, d)) * scales).astype(dtype)


def sizes(rng):
    """A number of points and of dimensions."""
    return int(rng.integers(20, 400)), int(rng.integers(2, 40))


def some_digits(rng, dtype, n=200):
    return rng.permutation(exported.digits()[0])[:n].astype(dtype)


def some_columns(rng, n, d):
    """Some of d columns, neighbours or not."""
    n_read = int(rng.integers(1, d))
    first = int(rng.integers(d - n_read + 1))
    return slice(first, first + n_read) if rng.random() < 0.5 else rng.permutation(d)[:n_read].tolist()


def on_columns(rng, n, d, dtype, **options):
    return memorized(rng, normal(rng, n, d, dtype), columns=some_columns(rng, n, d), **options)


def equal_in_few_columns(rng):
    """Points of which some differ in the columns alone that hold few numbers."""
    X = normal(rng, 300, 60, np.float32)
    X[:, 24:] = rng.integers(0, 2, (300, 36)) * (rng.random(300) < 0.2)[:, None]
    X[:40, :24] = X[40:80, :24]
    return memorized(rng, X)


def small_layers(rng):
    d, m = rng.integers(1, 12), rng.integers(1, 90)
    layers = [
        (rng.integers(-3, 4, (m, d)), rng.integers(-9, 10, m)),
        (rng.integers(-2, 3, (5, m)), rng.integers(-3, 4, 5)),
        (rng.integers(-1, 2, (2, 5)), rng.integers(-1, 2, 2)),
    ]
    return built(rng, lambda: fastmem.Network.from_layers(layers)), rng.integers(-9, 10, (200, d)).astype(np.float64)


def extreme_layers(rng):
    """Weights and thresholds of all sizes that float32 and float64 have."""
    d, m = rng.integers(1, 9), rng.integers(1, 20)
    weights = np.ldexp(rng.standard_normal((m, d)), rng.integers(-149, 127, (m, d))).astype(np.float32)
    thresholds = np.ldexp(rng.standard_normal(m), rng.integers(-1074, 1023, m))
    X = np.ldexp(rng.standard_normal((200, d)), rng.integers(-1074, 1023, (200, d)))
    layers = [(weights, thresholds), (rng.integers(-2, 3, (3, m)), [0, 1, 1])]
    return built(rng, lambda: fastmem.Network.from_layers(layers)), X


NETWORKS = {
    "float64": lambda rng: memorized(rng, normal(rng, *sizes(rng))),
    "float32": lambda rng: memorized(rng, normal(rng, *sizes(rng), np.float32)),
    "digits, float32": lambda rng: memorized(rng, some_digits(rng, np.float32)),
    "digits, integers": lambda rng: memorized(rng, some_digits(rng, np.int64)),
    "patches": lambda rng: memorized(rng, rng.permutation(exported.patches(2000))[:200, :128]),
    "128 dimensions": lambda rng: memorized(rng, normal(rng, 300, 128)),
    "unlike columns": lambda rng: memorized(rng, normal(rng, 200, 6, scales=10.0 ** rng.integers(-25, 26, 6))),
    "very unlike columns": lambda rng: memorized(rng, normal(rng, 200, 6, scales=10.0 ** rng.integers(-300, 300, 6))),
    "huge": lambda rng: memorized(rng, normal(rng, 200, 5, scales=10.0 ** rng.integers(150, 307))),
    "huge, float32": lambda rng: memorized(rng, normal(rng, 200, 5, np.float32, 1e37)),
    "tiny": lambda rng: memorized(rng, normal(rng, 200, 5, scales=10.0 ** -rng.integers(290, 308))),
    "tiny, float32": lambda rng: memorized(rng, normal(rng, 200, 5, np.float32, 1e-38)),
    "subnormal": lambda rng: memorized(rng, rng.integers(-99, 100, (200, 4)) * 5e-324),
    "far from the origin": lambda rng: memorized(rng, normal(rng, 200, 5) + 10.0 ** rng.integers(3, 9)),
    "a linear code": lambda rng: memorized(rng, instances.circle(400).X, 2),
    "line": lambda rng: memorized(rng, normal(rng, 300, 1)),
    "line, float32": lambda rng: memorized(rng, normal(rng, 90, 1, np.float32)),
    "margin": lambda rng: memorized(rng, normal(rng, 200, 6), margin=0.01),
    "few columns": lambda rng: on_columns(rng, 200, 40, np.float64),
    "few columns, float32": lambda rng: on_columns(rng, 200, 40, np.float32, separate="all", fingerprint_bits=8),
    "few columns, baum1988": lambda rng: on_columns(rng, 100, 12, np.float64, construction="baum1988"),
    "equal in few columns": equal_in_few_columns,
    "every point told apart": lambda rng: memorized(rng, normal(rng, 200, 6), separate="all", fingerprint_bits=8),
    "integer store": lambda rng: memorized(rng, normal(rng, *sizes(rng)), store="integer"),
    "one class": lambda rng: memorized(rng, normal(rng, 50, 3), 1),
    "rajput2021": lambda rng: memorized(rng, instances.sphere(150, 8, rng).X, construction="rajput2021"),
    "baum1988": lambda rng: memorized(rng, normal(rng, 150, 8), construction="baum1988"),
    "small given layers": small_layers,
    "extreme given layers": extreme_layers,
}


# The truth


def oracle(net, X):
    """Signs, class indices and known rows in rational arithmetic, and how many signs are on a hyperplane."""
    signs, on, units = [], 0, net.units_read.hyperplanes
    read = X if net.units_read.reading is None else X[:, net.units_read.reading.columns]
    for start in range(0, len(X), _TOGETHER):
        block = read[start : start + _TOGETHER]
        excesses, _ = naive.excesses(block, units.weights, units.thresholds)
        signs.append((excesses >= 0).astype(bool))
        on += int((excesses == 0).any(axis=1).sum())
    signs = np.concatenate(signs)
    indices, known = np.zeros(len(X), np.int64), None
    if net.layers:
        bits = naive.integer_layers(net.layers[1:], signs)
        known = bits[:, -1] == 1 if net.fingerprint_bits else None
        bits = bits[:, : net.n_label_bits]
        indices = sum(bits[:, b].astype(np.int64) << b for b in range(bits.shape[1]))
    return signs[:, : net.n_hyperplanes], np.minimum(indices, len(net.classes) - 1), known, on


# What is held to it


def strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan, X.dtype)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "rows reversed": lambda X: X[::-1].copy()[::-1],
    "columns reversed": lambda X: X[:, ::-1].copy()[:, ::-1],
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "float64": lambda X: X.astype(np.float64),
}


def check(net, X, rng, jit=False):
    """Hold all ways to evaluate to the oracle; returns how many rows are on a hyperplane."""
    signs, indices, known, on = oracle(net, X)
    labels, words = net.classes[indices], naive.pack_bits(signs)
    codes = naive.xor_codes(signs, net.encoder.code.columns) if hasattr(net, "encoder") else None
    radii = net.certified_radius(X)

    def hold(rows, how):
        """Signs, codes and labels of the rows of X[rows], given as `how` says."""
        given = how(X[rows])
        for name, found, expected in (
            ("predict", net.predict(given), labels),
            ("forward", net.forward(given), labels),
            ("signs", net.hyperplanes.signs(as_points(given)), words),
            ("codes", None if codes is None else net.codes(given), codes),
            ("certified_radius", net.certified_radius(given), radii),
            ("contains", None if known is None else net.contains(given), known),
        ):
            if found is not None and not np.array_equal(found, expected[rows]):
                place = np.flatnonzero((found != expected[rows]).reshape(len(given), -1).any(axis=1))[0]
                raise Wrong(f"{name} is wrong for {np.asarray(given)[place].tolist()}, {described_network(net)}")

    for name in ISAS:
        with isa(name):
            hold(slice(None), np.ascontiguousarray)
    few = np.sort(rng.permutation(len(X))[:500])
    for layout in LAYOUTS.values():
        hold(few, layout)
    for size in (1, 7, 64):
        for start in range(0, min(20 * size, len(X)), size):
            hold(slice(start, start + size), np.ascontiguousarray)
    hold(rng.permutation(len(X)), np.ascontiguousarray)
    for name in ENVIRONMENTS:
        with environment(name):
            hold(few, np.ascontiguousarray)
    # More than one block of rows, so that threads are started.
    many = rng.integers(0, len(X), 3 * max(2**20 // (X.shape[1] + 32), 64) // 2)
    for n_threads in (1, 2):
        with environment(ENVIRONMENTS[-1]):
            found = net.predict(X[many], n_threads=n_threads)
        if not np.array_equal(found, labels[many]):
            raise Wrong(f"predict is wrong with {n_threads} threads")
    if jit and hasattr(net, "encoder"):
        check_jit(net, X, few, labels)
    return on


def described_network(net):
    return f"weights {net.hyperplanes.weights.tolist()}, thresholds {net.hyperplanes.thresholds.tolist()}"


def check_jit(net, X, few, labels):
    """Numba's functions give the labels too, whatever the environment."""
    one, many = net.jit()
    for name in ENVIRONMENTS:
        with environment(name):
            found = [one(x) for x in X[few]], many(X, np.empty(len(X), labels.dtype))
        if not np.array_equal(found[0], labels[few]) or not np.array_equal(found[1], labels):
            raise Wrong(f"compiled code is wrong in the environment {name!r}")


def check_one(kind, number, seed, count, jit=False):
    """Hold a network of a kind to the oracle on about `count` inputs; returns counts by name, or raises `Wrong`."""
    rng = np.random.default_rng([seed, number])
    try:
        net, X = NETWORKS[kind](rng)
        rows, near = inputs(net, X, count, rng)
        on = check(net, rows, rng, jit)
    except (Wrong, AssertionError) as wrong:
        raise Wrong(f"network {number} ({kind}) of --seed {seed}: {wrong}") from wrong
    steps = net.hyperplanes.sign_steps(as_points(rows))
    return {"inputs": len(rows), "on": on, "near": near, "signs": len(rows) * net.n_hyperplanes, **steps}


def run(cases, seed, each=OF_A_NETWORK):
    """Check about so many inputs, `each` of a network, networks of every kind in turn; returns counts by name."""
    total, kinds = collections.Counter(), list(NETWORKS)
    while total["inputs"] < cases:
        number = total["networks"]
        position = number % len(kinds)
        count = min(each, cases - total["inputs"])
        jit = position % _JIT_EVERY == number // len(kinds) % _JIT_EVERY
        total.update(networks=1, **check_one(kinds[position], number, seed, count, jit))
        if total["networks"] % 10 == 0:
            print(described(total), flush=True)
    return total


def described(total):
    return (
        f"{total['networks']} networks, {total['inputs']} inputs ({total['on']} on a hyperplane, {total['near']} there "
        f"or within one unit in the last place), {total['signs']} signs, of which float32 decides {total['float32']}, "
        f"float64 {total['float64']} and integers {total['exact']}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000_000, help="inputs")
    parser.add_argument("--each", type=int, default=OF_A_NETWORK, help="inputs of a network")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        total = run(arguments.cases, arguments.seed, arguments.each)
    except Wrong as wrong:
        print(wrong)
        return 1
    print(f"exactness: seed {arguments.seed}, {time.monotonic() - started:.0f} s, nothing wrong: {described(total)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
