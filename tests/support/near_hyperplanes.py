"""Points on hyperplanes exactly, and next to them, found by rational arithmetic: the hardest inputs of a network."""

import math
from fractions import Fraction

import numpy as np
from oracles import naive


def inputs(net, X, count, rng):
    """Rows on, and next to, hyperplanes of the network, and how many of them are within one unit in the last place.

    They have the dtype of X, or float64 for integers; `count` of them, or fewer where there are no hyperplanes.
    """
    dtype = X.dtype.type if X.dtype in (np.float32, np.float64) else np.float64
    X = X.astype(dtype)
    weights, thresholds = net.hyperplanes.weights, net.hyperplanes.thresholds
    rows, some, n_near = list(X[rng.integers(0, len(X), count // 50)]), np.flatnonzero(weights.any(axis=1)), 0
    while some.size and len(rows) < count:
        j = rng.choice(some)
        if rng.random() < 0.6:
            x, places = point_on(weights[j], thresholds[j], dtype, rng), np.flatnonzero(weights[j])
        else:
            x, places = crossing(X[rng.integers(len(X))], weights[j], thresholds[j], rng)
        if x is not None:
            near, far = beside(x, places, rng)
            n_near += len(near)
            rows += near + far
    return np.array(rows, dtype), n_near


def beside(x, places, rng):
    """The point x, rows one unit in the last place of one coordinate away, both ways, and one up to 2^30 units away."""
    rows = [x]
    with np.errstate(over="ignore", under="ignore"):
        for k in rng.permutation(places)[:3]:
            for towards in (-np.inf, np.inf):
                rows.append(x.copy())
                rows[-1][k] = np.nextafter(x[k], x.dtype.type(towards))
        far = x.copy()
        far[k] += (rows[-1 - rng.integers(2)][k] - x[k]) * x.dtype.type(2.0 ** rng.integers(1, 31))
    return (*([row for row in part if np.isfinite(row).all()] for part in (rows, [far])),)


def crossing(x, w, t, rng):
    """The point x, one coordinate next to where it meets w.x = t, and which; None where no float comes near."""
    k = int(rng.choice(np.flatnonzero(w)))
    x, before = x.copy(), x[k]
    x[k] = 0
    number = (Fraction(float(t)) - naive.inner_product(w, x)) / Fraction(float(w[k]))
    with np.errstate(over="ignore"):
        try:
            x[k] = number
        except OverflowError:
            x[k] = before
    return (x if np.isfinite(x[k]) else None), np.array([k])


def point_on(w, t, dtype, rng):
    """A point with w.x = t exactly, of numbers with few enough digits for the dtype; None if none was found.

    Numbers of the first coordinates are drawn; two take up what is too large; two solve the rest, A u + B v = R in
    integers.
    """
    digits = np.finfo(dtype).nmant + 1
    places = rng.permutation(np.flatnonzero(w))
    numbers = [odd_part(float(a)) for a in w[places].tolist()]
    t_number, t_power = odd_part(float(t))
    unit = t_power - int(rng.integers(0, 8))
    left = t_number << (t_power - unit)
    x = np.zeros(len(w), dtype)
    shift = int(rng.integers(0, max(left.bit_length() - 20, 1)))
    n_free = len(places) - 2
    for position, (k, (a, power)) in enumerate(zip(places[: max(n_free, 0)], numbers, strict=False)):
        if position < n_free - 2:
            n = int(rng.integers(-(2**12), 2**12)) << shift
        else:  # brings what is left below the size of products
            n = rounded_quotient(left, a, digits)
        left -= a * n
        x[k] = scaled(n, unit - power, dtype)
    if len(places) == 1:
        (a, power), k = numbers[0], places[0]
        if left % a:
            return None
        x[k] = scaled(left // a, unit - power, dtype)
    else:
        (a, power), (b, other) = numbers[-2:]
        common = math.gcd(a, b)
        if left % common:
            return None
        modulus = abs(b) // common
        u = left // common * pow(a // common, -1, modulus) % modulus if modulus > 1 else 0
        u -= modulus if 2 * u > modulus else 0
        v = (left - a * u) // b
        if max(abs(u), abs(v)).bit_length() > digits:
            return None
        x[places[-2]], x[places[-1]] = scaled(u, unit - power, dtype), scaled(v, unit - other, dtype)
    return x if np.isfinite(x).all() else None


def odd_part(number):
    """Integers n and p with number = n 2^p, n odd or 0."""
    above, below = number.as_integer_ratio()
    zeros = (above & -above).bit_length() - 1 if above else 0
    return above >> zeros, zeros - (below.bit_length() - 1)


def rounded_quotient(left, a, digits):
    """The quotient left / a, to so many binary digits."""
    n = left // a
    drop = max(n.bit_length() - digits, 0)
    return n >> drop << drop


def scaled(n, power, dtype):
    """The number n 2^power in the dtype; infinite, and so not used, where it does not hold that."""
    number = Fraction(n) * Fraction(2) ** power
    with np.errstate(over="ignore", under="ignore"):
        try:
            held = dtype(float(number))
        except OverflowError:
            return dtype(np.inf)
    return held if np.isfinite(held) and Fraction(float(held)) == number else dtype(np.inf)
