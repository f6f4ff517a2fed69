"""Exports of random networks give the labels that docs/export.md promises, in onnxruntime, PyTorch, C and Node.js.

Networks of every construction and store, of random data of six kinds, are exported to one runtime after the other.
In C and JavaScript each row must get the label of `predict`, rows on hyperplanes and beside them, subnormal and huge
ones included, whatever the flags of the compiler; in ONNX and PyTorch each memorized row, and each other one that
clears the bound of rounding, in PyTorch by tables and by units. An export that is refused must name the rows that would
lose their label.

    cd tests && python -m reliability.exports --cases 300 --seed 0

needs ``pip install ".[onnx,torch]"``, a C compiler and Node.js; ``--to c`` needs the compiler alone.
"""

import argparse
import collections
import functools
import sys
import tempfile
from pathlib import Path

import numpy as np
from oracles import c_programs, js_modules

import fastmem

RUNTIMES = ("onnx", "torch", "c", "js")
OPTIONS = (
    {},
    {"store": "integer"},
    {"separate": "all"},
    {"separate": "all", "fingerprint_bits": 9},
    {"recognise": "rows", "fingerprint_bits": 9},
    {"margin": 1e-6},
    {"columns": "some"},
    {"columns": "some", "separate": "all", "fingerprint_bits": 9},
    {"construction": "rajput2021"},
    {"construction": "baum1988"},
)
MOST_WEIGHTS = 500_000
FLAGS = (c_programs.STRICT, c_programs.FREE, (*c_programs.STRICT, "-Os", "-DFASTMEM_NO_DOUBLE"))
MOST_SIGNS = 10**8  # in JavaScript; of a single class there may be many without a weight of a layer


def random_network(rng):
    """Points, integer labels and a network that memorized them; None where it is refused or too large to compile."""
    n, d = rng.integers(1, 300), rng.integers(1, 20)
    X = np.unique(random_points(rng, n, d), axis=0)
    y = rng.integers(0, rng.integers(1, 20), len(X)) - 5
    options = dict(OPTIONS[rng.integers(len(OPTIONS))])
    if "columns" in options:
        first = rng.integers(d)
        options["columns"] = slice(first, None) if rng.integers(2) else rng.permutation(d)[first:].tolist()
    try:
        net = fastmem.memorize(X, y, random_state=int(rng.integers(2**31)), **options)
    except (fastmem.NotInGeneralPosition, fastmem.NetworkTooLarge, fastmem.MarginNotReached):
        return None
    except fastmem.InvalidInput as error:
        if "are equal in the columns to be read" in str(error):
            return None
        raise
    return None if net.n_weights > MOST_WEIGHTS else (X, y, net)


def random_points(rng, n, d):
    """Normal points, or lattice points, or points of unlike columns, far from 0, in float32, or of any scale."""
    normal = rng.standard_normal((n, d))
    kinds = (
        lambda: normal,
        lambda: np.rint(2 * normal),
        lambda: normal * 10.0 ** rng.integers(-30, 30, d),
        lambda: normal + 10.0 ** rng.integers(0, 6),
        lambda: normal.astype(np.float32).astype(float),
        lambda: normal * 10.0 ** rng.integers(-200, 200),
    )
    return kinds[rng.integers(len(kinds))]()


def others(rng, X, n=200):
    """Points about as large as those of X."""
    return X[rng.integers(0, len(X), n)] + np.ptp(X, axis=0) / 4 * rng.standard_normal((n, X.shape[1]))


def rounded(X, dtype):
    """X as that dtype; rows beyond its range are not finite."""
    with np.errstate(over="ignore", under="ignore"):
        return X.astype(dtype)


def forms_of(net):
    """The forms in which a network can be written as C."""
    if net.construction == "baum1988":
        return ["layers"]
    return ["lookup"] if net.fingerprint_bits and net.recognise_by == "rows" else ["lookup", "layers"]


def check_c(rng, X, y, net, folder):
    """Compare the C program, of the shortcut or of layers, with `predict`; return the number of rows."""
    form = str(rng.choice(forms_of(net)))
    dtype = ("float32", "float64")[rng.integers(2)]
    flags = FLAGS[rng.integers(len(FLAGS))]
    check_refused(functools.partial(net.to_c, form=form), folder / "checked.c", net, X, y, dtype)
    compiler = c_programs.find_compiler()
    program = c_programs.Program(compiler, folder, net, flags, dtype=dtype, form=form)
    rows = rows_of_all_kinds(rng, net, X, dtype)
    assert np.array_equal(program.predict(rows), net.predict(rows))
    if net.fingerprint_bits:
        assert np.array_equal(program.contains(rows), net.contains(rows))
    return len(rows)


def check_refused(write, path, net, X, y, dtype):
    """An export that decides signs exactly names the rows that lose labels when they are rounded, and no others."""
    refused = []
    try:
        write(path, dtype=dtype, X=X)
    except fastmem.MarginTooSmall as error:
        refused = error.rows
    assert list(refused) == lost_by_rounding(net, X, y, dtype)


def rows_of_all_kinds(rng, net, X, dtype):
    """Memorized rows, others as large, and those that are hardest, in the dtype."""
    rows = rounded(np.concatenate([X, others(rng, X)]), dtype)
    rows = np.concatenate([rows, c_programs.hard_rows(net, dtype, n=100, seed=int(rng.integers(2**31)))])
    return rows[np.isfinite(rows).all(axis=1)]


def check_js(rng, X, y, net, folder):
    """Compare the module with `predict`; return the number of rows, 0 for networks that have no shortcut."""
    if net.construction == "baum1988":
        return 0
    dtype = ("float32", "float64")[rng.integers(2)]
    check_refused(net.to_js, folder / "checked.mjs", net, X, y, dtype)
    net.to_js(folder / "net.mjs", dtype=dtype, unsafe=True)
    rows = rows_of_all_kinds(rng, net, X, dtype)
    rows = rows[:: 1 + len(rows) * net.n_hyperplanes // MOST_SIGNS]
    (found,) = js_modules.answers(js_modules.find_node(), folder, [("net.mjs", rows)])
    assert found["labels"] == net.predict(rows).tolist()
    assert found["known"] == (net.contains(rows).tolist() if net.fingerprint_bits else [])
    return len(rows)


def lost_by_rounding(net, X, y, dtype):
    """Rows that have another label, or are not recognised, once rounded to that dtype."""
    near = rounded(X, dtype)
    finite = np.isfinite(near).all(axis=1)
    near[~finite] = 0
    kept = finite & (net.predict(near) == y)
    if net.fingerprint_bits:
        kept &= net.contains(near)
    return np.flatnonzero(~kept).tolist()


def check_onnx(rng, X, y, net, folder):
    """Compare both forms of a model in onnxruntime with `predict`; return the number of rows, 0 where all are refused.

    Networks without codes have one form.
    """
    import onnxruntime

    def run(form, dtype, rows):
        net.to_onnx(folder / "net.onnx", form=form, dtype=dtype)
        session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
        return session.run(None, {"X": rows})

    forms = ("layers",) if net.construction == "baum1988" else ("lookup", "layers")
    return sum(check_rounding(rng, X, y, net, functools.partial(run, form)) for form in forms)


def check_torch(rng, X, y, net, folder):
    """Compare PyTorch with `predict`; return the number of rows, 0 where the export is refused."""
    import torch

    def run_form(form):
        def run(dtype, rows):
            outputs = net.to_torch(form=form, dtype=dtype)(torch.from_numpy(rows))
            return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]

        return check_rounding(rng, X, y, net, run)

    forms = ("layers",) if net.construction == "baum1988" else ("lookup", "layers")
    return sum(map(run_form, forms))


def beside_hyperplanes(rng, net, dtype, n=100):
    """Points at all distances from some hyperplane, in units of the dtype's last place and up."""
    if not net.n_hyperplanes:
        return np.empty((0, net.n_features_in))
    X = c_programs.near_hyperplanes(net, dtype, n, int(rng.integers(2**31))).astype(np.float64)
    return X * (1 + np.ldexp(rng.standard_normal(X.shape), rng.integers(-60, 0, (len(X), 1))))


def check_rounding(rng, X, y, net, run):
    """Compare a runtime that rounds with `predict`, on memorized rows and on others that clear the bound."""
    if net.fingerprint_bits and net.recognise_by == "rows":
        return 0  # by what is no unit
    dtype = ("float32", "float64")[rng.integers(2)]
    new = np.concatenate([others(rng, X), beside_hyperplanes(rng, net, dtype)])
    new = np.delete(new, net.unsafe_rows(new, dtype), axis=0)
    rows = np.concatenate([X, new])
    try:
        labels, *known = run(dtype, rounded(rows, dtype))
    except fastmem.MarginTooSmall:
        return 0
    assert np.array_equal(labels[: len(X)], y)
    assert np.array_equal(labels, net.predict(rows))
    assert len(known) == (net.fingerprint_bits > 0)
    assert not known or np.array_equal(known[0], net.contains(rows))
    return len(rows)


CHECKS = {"onnx": check_onnx, "torch": check_torch, "c": check_c, "js": check_js}


def attack(case, seed, runtimes=RUNTIMES):
    """Export one random network; return the rows compared by runtime, or None where there is no network."""
    rng = np.random.default_rng([seed, case])
    found = random_network(rng)
    if found is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return {runtime: CHECKS[runtime](rng, *found, Path(folder)) for runtime in runtimes}


def main():
    """Export networks and print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", nargs="+", choices=RUNTIMES, default=RUNTIMES)
    options = parser.parse_args()
    networks, exports, rows = 0, collections.Counter(), collections.Counter()
    for case in range(options.cases):
        try:
            compared = attack(case, options.seed, options.to)
        except Exception:
            print(f"attack({case}, {options.seed}, {options.to}) went wrong", file=sys.stderr)
            raise
        networks += compared is not None
        rows.update(compared or {})
        exports.update(runtime for runtime, count in (compared or {}).items() if count)
        if case % 50 == 49:
            print(f"{case + 1} cases", flush=True)
    print(f"exports: {options.cases} cases, seed {options.seed}: {networks} networks; no fault in", end=" ")
    print("; ".join(f"{exports[name]} exports to {name}, {rows[name]} rows" for name in options.to))


if __name__ == "__main__":
    main()
