"""Networks of all kinds with points, inputs and answers that are the same numbers on every machine.

Points and inputs are made of integers and of sums, products, quotients and square roots of one number each, which
IEEE 754 rounds in one way: no library of mathematics, no BLAS, no sum in an order that depends on the processor. What
`memorize` makes of the points may differ (docs/reliability.md), so networks are kept, and all else is made anew.
"""

import functools
import hashlib

import numpy as np
from support import near_hyperplanes
from support.words import Words

import fastmem

# Points and labels


def bell(n, d, dtype=np.float64, power=0, shift=0.0):
    """Points about as they are drawn from a normal distribution, times powers of two."""
    return (np.ldexp(Words([n, d]).bell(n, d), power) + shift).astype(dtype)


def sphere(n, d, dtype=np.float64):
    X = Words([n, d]).bell(n, d)
    squares = np.zeros(n)
    for column in X.T:
        squares += column * column
    return (X / np.sqrt(squares)[:, None]).astype(dtype)


def pairs(n, d, power):
    """Points with a twin near by, which has another label."""
    X = np.repeat(bell(n // 2, d), 2, axis=0)
    X[1::2] += np.ldexp(Words(n).bell(n // 2, d), power)
    return X


def grid(side, d):
    return np.stack(np.meshgrid(*[np.arange(side)] * d), axis=-1).reshape(-1, d)


def moments(n, d):
    return np.arange(n)[:, None] ** np.arange(1, d + 1)


def powers(d, low, high):
    return Words([d, high]).integers(low, high, d)


def shares(n, *parts):
    """Class numbers in about these shares of 256."""
    return np.searchsorted(np.cumsum(parts), Words(n).integers(0, sum(parts), n), side="right")


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


# Networks


def memorized(X, y=10, **options):
    """The points, and what builds the network; y are labels, or how many classes are drawn, or labels to draw from."""
    if np.ndim(y) == 0:
        y = np.arange(y)
    if len(y) < len(X):
        y = y[Words(len(X)).integers(0, len(y), len(X))]
    return X, functools.partial(fastmem.memorize, X, y, random_state=0, **options)


def given(n, is_small):
    """Layers of small integers, or of numbers of all sizes."""
    words, d, m = Words([n, is_small]), 7, 40
    if is_small:
        first = words.integers(-3, 4, (m, d)), words.integers(-9, 10, m)
        X = words.integers(-9, 10, (n, d)).astype(np.float64)
    else:
        weights = np.ldexp(words.bell(m, d), words.integers(-149, 125, (m, d))).astype(np.float32)
        first = weights, np.ldexp(words.bell(m, 1)[:, 0], words.integers(-1074, 1020, m))
        X = np.ldexp(words.bell(n, d), words.integers(-1074, 1020, (n, d)))
    layers = [first, (words.integers(-2, 3, (6, m)), words.integers(-3, 4, 6)), ([[1, -1, 0, 1, 1, -1]], [1])]
    return X, functools.partial(fastmem.Network.from_layers, layers)


class Named(np.ndarray):
    """Points whose columns have names."""

    columns = ("height", "width", "größe")


DATES = np.array(["2001-01-01", "1969-07-20", "2026-11-28"], "M8[D]")
ALL = {"separate": "all", "fingerprint_bits": 12}

# What is memorized, by name: functions of a number by which the points of the file are multiplied.
CASES = {
    "float64": lambda s: memorized(bell(300 * s, 8)),
    "float64 all integer": lambda s: memorized(bell(250 * s, 6), 3, store="integer", **ALL),
    "float64 all": lambda s: memorized(bell(300 * s, 16), 3, **ALL),
    "float32": lambda s: memorized(bell(300 * s, 20, np.float32)),
    "float32 Fortran": lambda s: memorized(np.asfortranarray(bell(200 * s, 9, np.float32)), **ALL),
    "integers of 8 bits": lambda s: memorized(Words(1).integers(0, 256, (300 * s, 12)).astype(np.uint8)),
    "integers": lambda s: memorized(Words(2).integers(-(2**53), 2**53, (200 * s, 5)), 2, store="integer"),
    "margin": lambda s: memorized(bell(120 * s, 6), 3, margin=2.0**-9),
    "fast": lambda s: memorized(bell(200 * s, 6), 4, effort="fast"),
    "small": lambda s: memorized(bell(200 * s, 6), 4, effort="small"),
    "100 dimensions": lambda s: memorized(bell(120 * s, 100, np.float32), 4),
    "tight pairs": lambda s: memorized(pairs(200 * s, 6, -20), 2),
    "tighter pairs": lambda s: memorized(pairs(100 * s, 5, -40), 2, **ALL),
    "one ulp apart": lambda s: memorized(np.nextafter(np.repeat(bell(60 * s, 4), 2, 0), [[-9.0], [9.0]] * (60 * s)), 2),
    "grid": lambda s: memorized(grid(5 + s, 3), 3),
    "grid all": lambda s: memorized(grid(14 * s, 2).astype(np.float32), 2, **ALL),
    "parabola": lambda s: memorized(moments(150 * s, 2), np.arange(150 * s) % 2),
    "moment curve": lambda s: memorized(moments(90 * s, 4).astype(np.float64), np.arange(90 * s) % 2, store="integer"),
    "line": lambda s: memorized(bell(150 * s, 1), 3),
    "line float32": lambda s: memorized(np.unique(bell(100 * s, 1, np.float32), axis=0), 3, store="integer"),
    "unlike columns": lambda s: memorized(bell(200 * s, 6, power=powers(6, -80, 80))),
    "very unlike columns": lambda s: memorized(bell(150 * s, 6, power=powers(6, -1000, 1000))),
    "huge": lambda s: memorized(bell(150 * s, 5, power=1021)),
    "huge float32": lambda s: memorized(bell(150 * s, 5, np.float32, power=125)),
    "tiny": lambda s: memorized(bell(150 * s, 5, power=-1020)),
    "tiny float32": lambda s: memorized(bell(150 * s, 5, np.float32, power=-126)),
    "subnormal": lambda s: memorized(np.unique(Words(3).integers(-99, 100, (150 * s, 4)), axis=0) * 5e-324),
    "far from the origin": lambda s: memorized(bell(200 * s, 5, shift=2.0**27)),
    "one class": lambda s: memorized(bell(100 * s, 4), 1, **ALL),
    "filters": lambda s: memorized(bell(600 * s, 6), shares(600 * s, 128, 64, 51, 7, 3, 3), **ALL),
    "words": lambda s: memorized(bell(400 * s, 6), shares(400 * s, 128, 51, 26, 26, 13, 12)),
    "hundreds of classes": lambda s: memorized(bell(300 * s, 8), 250),
    "text": lambda s: memorized(bell(200 * s, 5), np.array(["null", "eins", "två", "猫"])),
    "text of variable width": lambda s: memorized(bell(100 * s, 5), np.array(["a", "bc" * 9], np.dtypes.StringDType())),
    "bytes": lambda s: memorized(bell(100 * s, 5), np.array([b"a", b"", b"\xff"])),
    "booleans": lambda s: memorized(bell(100 * s, 5), np.array([True, False])),
    "large labels": lambda s: memorized(bell(100 * s, 5), np.array([0, 2**64 - 1], np.uint64)),
    "big-endian labels": lambda s: memorized(bell(100 * s, 5), np.array([-1, 2], ">i4")),
    "float labels": lambda s: memorized(bell(200 * s, 5), np.array([0.1, -0.0, 0.0, 5e-324, np.inf])),
    "half labels": lambda s: memorized(bell(100 * s, 5), np.array([0.1, -0.0], np.float16)),
    "complex labels": lambda s: memorized(bell(100 * s, 5), np.array([1j, -0.0, 2])),
    "dates": lambda s: memorized(bell(200 * s, 5), DATES, **ALL),
    "objects": lambda s: memorized(bell(200 * s, 5), objects(None, True, 7, 0.1, "Zürich")),
    "named columns": lambda s: memorized(bell(200 * s, 3).view(Named), 4),
    "theorem": lambda s: memorized(sphere(16 * s, 4), 3, construction="rajput2021"),
    "theorem float32": lambda s: memorized(sphere(9 * s, 5, np.float32), 2, construction="rajput2021"),
    "one hidden layer": lambda s: memorized(sphere(150 * s, 16), construction="baum1988"),
    "one hidden layer, far": lambda s: memorized(bell(80 * s, 12, shift=2.0**13), 3, construction="baum1988"),
    "given": lambda s: given(100 * s, True),
    "given, of all sizes": lambda s: given(100 * s, False),
}


# Inputs and answers


def inputs(net, X, count):
    """Memorized rows, rows on and next to hyperplanes, neighbours, and numbers of all sizes: the same everywhere."""
    words = Words([count, len(X)])
    X = np.asarray(X)
    X = X if X.dtype == np.float32 else X.astype(np.float64)
    known = words.permutation(X)[: count // 3]
    near = near_hyperplanes.inputs(net, X, count // 3, words)[0].reshape(-1, X.shape[1])
    rest = count - len(known) - len(near)
    limits = (-148, 124) if X.dtype == np.float32 else (-1070, 1020)
    with np.errstate(all="ignore"):
        beside = X[words.integers(0, len(X), rest)]
        other = X[words.integers(0, len(X), rest)]
        beside += (other - beside) * np.ldexp(X.dtype.type(1), -words.integers(1, 24, (rest, 1)))
        some = np.ldexp(words.bell(rest // 3, X.shape[1]), words.integers(*limits, (rest // 3, 1)))
        beside[: rest // 3] = some.astype(X.dtype)
    beside[~np.isfinite(beside).all(axis=1)] = 0
    return np.concatenate([known, near, beside])


def answers(net, X):
    """What is promised of a network on every machine and for ever, by name."""
    found = {"predict": net.predict(X), "forward": net.forward(X[::4]), "certified_radius": net.certified_radius(X)}
    with np.errstate(over="ignore"):
        narrow = X.astype(np.float32)
    found["predict float32"] = net.predict(np.where(np.isfinite(narrow), narrow, np.float32(1)))
    found["predict integers"] = net.predict(np.clip(np.rint(X), -(2.0**53), 2.0**53).astype(np.int64))
    if isinstance(net, fastmem.EncodedNetwork):
        found["codes"] = net.codes(X)
    if net.fingerprint_bits:
        found["contains"] = net.contains(X)
        unknown = DATES[0] - 1 if net.classes.dtype.kind == "M" else -1
        found["predict unknown"] = net.predict(X, unknown=unknown)
        reach = 4 * float(np.sort(found["certified_radius"])[len(X) // 2])
        options = {"tolerance": reach if np.isfinite(reach) else 0.0, "max_probes": 50}
        found["predict tolerance"] = net.predict(X, unknown=unknown, **options)
    return found


def shown(array):
    """What is kept of an array: its dtype, a few values to look at, and the SHA-256 of all."""
    values = [v.hex() if isinstance(v, float) else repr(v) for v in array[:: max(len(array) // 4, 1)].tolist()]
    return {"dtype": array.dtype.str, "some": values, "sha256": digest(array)}


def digest(array):
    """SHA-256 of the values of an array, whatever the byte order of the machine."""
    if array.dtype.kind in "OTU":
        data = repr(array.tolist()).encode("utf-8", "surrogatepass")
    else:
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return hashlib.sha256(f"{array.shape} ".encode() + data).hexdigest()
