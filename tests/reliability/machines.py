"""Networks of one machine give the same answers on another, bit by bit.

Promised: whatever a network in a file says, it says on every machine. Networks of all kinds (`files.answers.cases`,
with more points) are built and asked on the first machine; the second reads the files, makes points and inputs anew, of
integers, and answers too. What is compared: labels in several layouts, dtypes and batches, codes, what is known, radii,
distances, layers, reports, the file written again, C sources, and messages for what is no number. The same data and
seed memorized on the second machine give another network, as a rule: that is counted, and no fault.

    cd tests && python -m reliability.machines make FOLDER             # on the first, then on the second:
    cd tests && python -m reliability.machines answer FOLDER OUT       # takes the networks that lie in FOLDER
    cd tests && python -m reliability.machines build FOLDER OUT        # not a promise: the same file?
    cd tests && python -m reliability.machines compare FOLDER OUT      # exit status 1 if an answer differs

``--only WORD`` takes the networks with this word in their name. `reliability/aarch64.sh` does all of it for 64-bit Arm.
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from files.answers.cases import CASES, answers, digest, inputs
from reliability.exactness import LAYOUTS

import fastmem
from fastmem.data.as_points import as_points

N_INPUTS = 20_000
TIMES = 10  # the points of the cases
N_SLOW = 2000  # rows for what takes long


def everything(net, X, points):
    """All that a network says of the rows of X, and of the points that it memorized."""
    few, found = X[:: max(len(X) // N_SLOW, 1)], answers(net, X)
    found["predict memorized"] = net.predict(points)
    found["certified_radius memorized"] = net.certified_radius(points)
    for name, layout in LAYOUTS.items():
        found[f"predict, {name}"] = net.predict(layout(X))
    for size in (1, 7, 64):
        some = few[: 300 * size]
        found[f"predict by {size}"] = np.concatenate(
            [net.predict(some[i : i + size]) for i in range(0, len(some), size)]
        )
    found["signs"] = net.hyperplanes.signs(as_points(X))
    found["distances"] = net.hyperplanes.distances(as_points(few).block(0, len(few)))
    for number, layer in enumerate(net.layers):
        parts = layer.weights.data, layer.weights.indices, layer.weights.indptr, layer.thresholds
        found[f"layer {number}"] = np.array([digest(part) for part in parts])
    found["report"] = np.array([str(net.report()), repr(net.report().to_dict()), repr(net)])
    found["saved again"] = np.frombuffer(net.to_bytes(), np.uint8)
    found["messages"] = np.array([refusal(net, X, bad) for bad in (np.nan, -np.nan, np.inf)])
    found["C"] = np.array([program(net, points, dtype) for dtype in ("float32", "float64")])
    return {name: plain(array) for name, array in found.items()}


def refusal(net, X, bad):
    """What is said of a row that holds no number."""
    X = X[:9].copy()
    X[4, -1] = bad
    try:
        return str(net.predict(X))
    except fastmem.InvalidInput as error:
        return str(error)


def program(net, points, dtype):
    """The source in C, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.c")
        try:
            net.to_c(path, dtype=dtype, output="index", X=points)
        except fastmem.FastmemError as error:
            return repr(error)
        return path.read_text("utf-8")


def plain(array):
    """An array that a file holds without pickles: texts for what are no numbers."""
    return np.array([f"{type(v).__name__} {v!r}" for v in array.tolist()]) if array.dtype.kind in "OTU" else array


# Commands


def chosen(only):
    return [name for name in CASES if only is None or only in name]


def file_of(folder, name, suffix):
    return Path(folder, f"{name.replace(' ', '_').replace(',', '')}.{suffix}")


def make(folder, out, options):
    """Networks of this machine, and its answers."""
    for name in chosen(options.only):
        CASES[name](options.times)[1]().save(file_of(folder, name, "safetensors"))
    answer(folder, folder, options)


def answer(folder, out, options):
    """Answers of this machine, to networks in a folder."""
    for name in chosen(options.only):
        started = time.monotonic()
        net, (points, _) = fastmem.load(file_of(folder, name, "safetensors")), CASES[name](options.times)
        rows = inputs(net, points, options.cases)
        np.savez(file_of(out, name, "npz"), inputs=rows, **everything(net, rows, points))
        print(f"{name}: {net!r}, {len(rows)} inputs, {time.monotonic() - started:.1f} s", flush=True)


def build(folder, out, options):
    """The same data and seeds, memorized on this machine."""
    for name in chosen(options.only):
        CASES[name](options.times)[1]().save(file_of(out, name, "safetensors"))


def compare(folder, out, options):
    """Count what is alike, say what is not; whether something is not."""
    alike = values = wrong = same = builds = 0
    for name in chosen(options.only):
        first, second = (file_of(place, name, "npz") for place in (folder, out))
        if second.exists():
            for key, a, b in both(np.load(first), np.load(second)):
                if a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes():
                    alike, values = alike + 1, values + a.size
                else:
                    wrong += 1
                    print(f"  WRONG {name}: {key}: {difference(a, b)}")
        first, second = (file_of(place, name, "safetensors") for place in (folder, out))
        if second.exists():
            builds, same = builds + 1, same + (first.read_bytes() == second.read_bytes())
    print(f"{alike:,} arrays of {values:,} values, inputs among them, are alike, {wrong} are not")
    print(f"{same} of {builds} builds are the same file")
    return wrong > 0 or not alike + builds


def both(first, second):
    """Arrays of two files by name; none for what a file has not."""
    none = np.empty(0)
    for key in sorted({*first.files, *second.files}):
        yield key, *(file[key] if key in file.files else none for file in (first, second))


def difference(a, b):
    """Where two arrays part."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{a.dtype} {a.shape} / {b.dtype} {b.shape}"
    rows = [i for i in range(len(a)) if a[i : i + 1].tobytes() != b[i : i + 1].tobytes()]
    return f"{len(rows)} of {len(a)} rows, first {rows[0]}: {a[rows[0]]!r:.200} / {b[rows[0]]!r:.200}"


def main(arguments=None):
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = {"make": make, "answer": answer, "build": build, "compare": compare}
    parser.add_argument("command", choices=commands)
    parser.add_argument("folder")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--cases", type=int, default=N_INPUTS, help="inputs of each network")
    parser.add_argument("--times", type=int, default=TIMES, help="how many times the points of the small networks")
    parser.add_argument("--only")
    options = parser.parse_args(arguments)
    if options.command != "make" and options.out is None:
        parser.error("OUT is missing")
    for folder in filter(None, (options.folder, options.out)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}", flush=True)
    return int(bool(commands[options.command](options.folder, options.out, options)))


if __name__ == "__main__":
    sys.exit(main())
