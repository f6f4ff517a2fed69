"""A short run through every kernel, for tools that watch memory and make a program slow: Valgrind and the sanitizers.

Promised: no kernel reads or writes outside its arrays, and none decides anything by memory that was never written. The
points come in the layouts and sizes in which kernels take different ways: float32 and float64, contiguous, strided and
packed, few and many dimensions, with more and fewer rows than a block has, near hyperplanes and far away. The program
checks the labels; the tool that runs it checks the memory. CONTRIBUTING.md says how these are built and run.

    cd tests && python -m reliability.memcheck --points 200
    cd tests && python -m reliability.memcheck --only "binary, 8 bits, 3 dimensions"    # one network again

Points and labels are the same in every run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

import fastmem

THREADS = 4


def points(n, d, seed, dtype=np.float64):
    """Normal points, some of them twice, and labels of three classes; equal points have equal labels."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)).astype(dtype)
    y = random.integers(0, 3, n)
    repeated = random.integers(0, n, n // 10)
    return np.concatenate([X, X[repeated]]), np.concatenate([y, y[repeated]])


def layouts(X):
    """The same points as kernels read them in different ways."""
    wide = np.zeros((len(X), 2 * X.shape[1] + 1), X.dtype)
    wide[:, ::2][:, : X.shape[1]] = X
    packed = np.zeros(len(X), [("first", "i1"), ("point", X.dtype, X.shape[1:])])
    packed["point"] = X
    return [X, np.asfortranarray(X), X[::-1].copy()[::-1], wide[:, : 2 * X.shape[1] : 2], packed["point"]]


def use(net, X, y):
    """Names of what went wrong in all that one can ask a network, for as many rows as a block has, more and fewer."""
    wrong = []
    for n in {1, 63, 64, 65, len(X)}:
        for rows in layouts(X[:n]):
            wrong += ["predict"] * (not np.array_equal(net.predict(rows, n_threads=THREADS), y[:n]))
        wrong += ["forward"] * (not np.array_equal(net.forward(X[:n], n_threads=THREADS), y[:n]))
    net.certified_radius(X)
    with tempfile.TemporaryDirectory() as folder:
        net.save(Path(folder) / "net")
        again = fastmem.load(Path(folder) / "net")
    wrong += ["load"] * (not np.array_equal(again.predict(X), y))
    return wrong


def use_codes(net, X, y):
    """The same for what only networks with a store offer."""
    wrong = use(net, X, y)
    if net.separate == "all":
        other = (y + 1) % 2
        wrong += ["relabel"] * (not np.array_equal(net.relabel(other).predict(X), other))
    if net.fingerprint_bits:
        wrong += ["contains"] * (not net.contains(X).all())
        near = X + np.asarray(1e-3, X.dtype)
        net.predict(near, unknown=-1, tolerance=0.1, n_threads=THREADS)
        net.predict(100 * near, unknown=-1, tolerance=1.0, max_probes=3)
    return wrong


def cases(n):
    """Names of networks, each with what builds it and what went wrong, in one function that is yet to be called."""

    def compact(store, fingerprint_bits, d, dtype, **options):
        X, y = points(n, d, d, dtype)
        net = fastmem.memorize(
            X, y, store=store, fingerprint_bits=fingerprint_bits, random_state=0, n_threads=THREADS, **options
        )
        return use_codes(net, X, y)

    def theorem(construction):
        X, y = points(max(n // 4, 20), 5, 0)
        return use(fastmem.memorize(X, y, construction=construction, random_state=0, n_threads=THREADS), X, y)

    for store in ("binary", "integer"):
        for fingerprint_bits in (0, 8):
            for d, dtype in ((1, np.float64), (3, np.float32), (6, np.float64), (70, np.float32), (33, np.float64)):
                separate = {"separate": "all" if d % 2 else "labels"}
                name = f"{store}, {fingerprint_bits} bits, {d} dimensions"
                yield name, compact, (store, fingerprint_bits, d, dtype), separate
    yield "margin", compact, ("integer", 0, 9, np.float32), {"margin": 1e-3, "effort": "small"}
    yield "all", compact, ("integer", 0, 9, np.float64), {"separate": "all", "effort": "fast"}
    yield "rajput2021", theorem, ("rajput2021",), {}
    yield "baum1988", theorem, ("baum1988",), {}


def sweep(n, only=""):
    """How many networks were built and used, and what went wrong with them."""
    count, wrong = 0, []
    for name, case, arguments, options in cases(n):
        if only in name:
            found = case(*arguments, **options)
            wrong += [f"{name}: {what}" for what in found]
            count += 1
            print(f"{name}: {found or 'as it should be'}", flush=True)
    return count, wrong


def main():
    """Build and use every network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=200, help="points of a network (default: 200)")
    parser.add_argument("--only", default="", help="only networks with this in their name")
    options = parser.parse_args()
    count, wrong = sweep(options.points, options.only)
    isa = fastmem._kernels.signs.isa_in_use()
    print(f"memcheck: {count} networks of {options.points} points, {isa}: {len(wrong)} wrong answers")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
