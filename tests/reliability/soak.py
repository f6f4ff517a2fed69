"""Does a process that builds, asks, saves and loads networks for hours stay right, and no larger than at the start?

Promised: no memory, object, file descriptor, thread or temporary file is kept for good, and answers stay exact. Each
cycle draws points and labels, builds a network in a way drawn at random, and takes it through `predict`, `forward`,
`contains`, `certified_radius`, a file, a pickle, other labels, C text, the command line in this process, and refusals:
NaN, contradictions, damaged files. All is verified. After each cycle the process is measured, with garbage collected
and free memory given back to the system, where the C library can.

    cd tests && python -m reliability.soak --minutes 30 --seed 0

prints a line each minute. After a warm-up the medians of the first and the last third of the cycles are compared; exit
status 1 if anything was wrong or grew beyond its bound. Memory and descriptors are read from /proc; without one, as on
macOS, only objects, threads and files are counted. `--jit` compiles predictors with numba too, which keeps some memory
for each function it has compiled.
"""

import argparse
import contextlib
import ctypes
import gc
import io
import os
import pickle
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

import fastmem
from fastmem.cli.commands import main as command_line
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES

# How much more the last third of the cycles may hold than the first, in the median.
BOUNDS = {"rss_kb": 16 * 1024, "objects": 1000, "descriptors": 0, "threads": 0, "files": 0}
MOST_POINTS = {"compact": 20_000, "rajput2021": 200, "baum1988": 2000}
SOME = 200  # rows that go through every unit
_PRINTED = io.StringIO()


class Sample(NamedTuple):
    """What the process holds."""

    rss_kb: int
    objects: int
    descriptors: int
    threads: int
    files: int


def measure(folder):
    """What the process holds now, once garbage is collected and free memory given back."""
    gc.collect()
    _give_back_free_memory()
    process = Path("/proc/self")
    has_process = process.exists()
    pages = int((process / "statm").read_text().split()[1]) if has_process else 0
    return Sample(
        rss_kb=pages * os.sysconf("SC_PAGE_SIZE") // 1024 if has_process else 0,
        objects=len(gc.get_objects()),
        descriptors=len(os.listdir(process / "fd")) if has_process else 0,
        threads=len(os.listdir(process / "task")) if has_process else threading.active_count(),
        files=len(os.listdir(folder)),
    )


def _give_back_free_memory():
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def draw_options(rng, construction=None):
    """Keyword arguments of `memorize`."""
    construction = construction or str(rng.choice(["compact"] * 4 + ["rajput2021", "baum1988"]))
    options = {"construction": construction, "random_state": int(rng.integers(2**32)), "n_threads": 2}
    if construction == "compact":
        options |= {
            "store": str(rng.choice(list(STORES))),
            "separate": str(rng.choice(["labels", "all"])),
            "effort": str(rng.choice([name for name in EFFORTS if name != "small"])),
            "fingerprint_bits": int(rng.choice([0, 0, 8, 16])),
        }
    return options


def draw_data(rng, most_points):
    """Points, mostly of the unit sphere, in a dtype and layout, and labels: arrays X and y."""
    n, d = int(np.exp(rng.uniform(0, np.log(most_points)))), int(rng.choice([3, 8, 16, 64]))
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    X = X.astype(str(rng.choice(["float32", "float64"])))
    X = X[rng.integers(0, n, n)] if rng.random() < 0.1 else X
    k = int(rng.choice([2, 3, 10, 300]))
    _, point = np.unique(X, axis=0, return_inverse=True)
    y = rng.integers(0, k, n)[point.ravel()]
    names = np.array([f"name {i}" for i in range(k)])
    return (np.asfortranarray(X) if rng.random() < 0.3 else X), (names[y] if rng.random() < 0.2 else y)


def cycle(rng, folder, jit=False, construction=None):
    """One network from points to files and back, verified at each step; the construction's name."""
    options = draw_options(rng, construction)
    X, y = draw_data(rng, MOST_POINTS[options["construction"]])
    try:
        net = fastmem.memorize(X, y, **options)
    except (fastmem.NotInGeneralPosition, fastmem.NetworkTooLarge) as error:
        return type(error).__name__
    others = (X[rng.integers(0, len(X), SOME)] + 0.1 * rng.standard_normal((SOME, X.shape[1]))).astype(X.dtype)
    _answers_are_right(net, X, y, others)
    _copies_are_equal(net, X, y, others, folder)
    if net.separate == "all":
        labels = np.arange(len(X)) % 5
        labels = labels[np.unique(X, axis=0, return_inverse=True)[1].ravel()]
        assert np.array_equal(net.relabel(labels).predict(X), labels)
    if net.n_weights < 2**18:
        path = folder / "net.c"
        assert net.to_c(path, form="layers", dtype="float64", output="index").n_units == net.n_neurons
        path.unlink()
    if len(X) < 3000:
        _command_line_agrees(X, y, folder, options["construction"])
        _refusals_leave_nothing(net, X, y, folder)
    if jit and isinstance(net, fastmem.EncodedNetwork):
        _, many = net.jit(output="index")
        assert np.array_equal(net.classes[many(X, np.empty(len(X), np.intp))], y)
    return options["construction"]


def _answers_are_right(net, X, y, others):
    assert np.array_equal(net.predict(X, n_threads=2), y)
    some = slice(-SOME, None)
    assert np.array_equal(net.forward(X[some]), y[some])
    assert np.array_equal(net.forward(others), net.predict(others))
    assert np.all(net.certified_radius(X[some]) >= net.smallest_distance * (1 - 1e-6))
    if net.fingerprint_bits:
        assert net.contains(X).all()
        assert len(net.predict(others, unknown=y[0], tolerance=0.05)) == SOME
    assert str(net.report())


def _copies_are_equal(net, X, y, others, folder):
    path = folder / "net.safetensors"
    net.save(path)
    labels = net.predict(others)
    for copy in (fastmem.load(path), pickle.loads(pickle.dumps(net))):
        assert copy == net
        assert np.array_equal(copy.predict(others), labels)
    if net.separate == "all":
        assert np.array_equal(fastmem.load(path).relabel(y, X).predict(X), y)
    path.unlink()


def _command_line_agrees(X, y, folder, construction):
    points, labels, path, answer = (folder / name for name in ("X.npy", "y.npy", "net.safetensors", "labels.npy"))
    np.save(points, X)
    np.save(labels, y)
    _command("build", points, labels, "-o", path, "--construction", construction, "--seed", 0)
    _command("verify", path, points, labels)
    _command("predict", path, points, "-o", answer)
    assert np.array_equal(np.load(answer), y)
    _command("info", path, "--json")
    for file in (points, labels, path, answer):
        file.unlink()


def _command(*arguments):
    """A command in this process; what it prints goes to one stream for all, since click keeps each that it has seen."""
    with contextlib.redirect_stdout(_PRINTED), contextlib.redirect_stderr(_PRINTED):
        command_line([str(argument) for argument in arguments], standalone_mode=False)
    _PRINTED.seek(0)
    _PRINTED.truncate()


def _refusals_leave_nothing(net, X, y, folder):
    path = folder / "damaged.safetensors"
    net.save(path)
    path.write_bytes(path.read_bytes()[:-1])
    _refused(fastmem.FormatError, lambda: fastmem.load(path))
    _refused(click.ClickException, lambda: _command("info", path))
    path.unlink()
    bad = X.copy()
    bad[-1, 0] = np.nan
    _refused(fastmem.InvalidInput, lambda: net.predict(bad))
    _refused(fastmem.InvalidInput, lambda: fastmem.memorize(bad, y))
    twice = np.concatenate([X, X[:1]])
    _refused(fastmem.ContradictoryLabels, lambda: fastmem.memorize(twice, np.arange(len(twice))))
    _refused(OSError, lambda: net.save(folder / "no folder" / "net.safetensors"))


def _refused(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def growth(samples):
    """Growth from the first to the last third of the samples, in medians, and the slope a cycle: both by name."""
    values = np.array(samples, float)
    third = max(len(values) // 3, 1)
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    slopes = steps @ values / max(steps @ steps, 1.0)
    grown = np.median(values[-third:], axis=0) - np.median(values[:third], axis=0)
    names = Sample._fields
    return dict(zip(names, grown.tolist(), strict=True)), dict(zip(names, slopes.tolist(), strict=True))


def soak(seconds, warm_up, seed, folder, *, jit=False, most_cycles=None):
    """Samples after the warm-up, one a cycle, and how many networks there were of each construction."""
    rng, samples, counts = np.random.default_rng(seed), [], Counter()
    fastmem.separation(rng.standard_normal((9, 3)))
    for construction in MOST_POINTS:  # first what each construction imports, and the threads that BLAS starts for it
        for _ in range(2):
            cycle(rng, folder, jit, construction)
    start = last = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds and counts.total() != most_cycles:
        state = rng.bit_generator.state
        try:
            counts[cycle(rng, folder, jit)] += 1
        except BaseException:
            print(f"wrong in cycle {counts.total()}, drawn from {state}", file=sys.stderr)
            raise
        sample = measure(folder)
        if now - start >= warm_up:
            samples.append(tuple(sample))  # of numbers alone: no object that garbage collection counts
        if now - last >= 60:
            last = now
            print(
                f"{(now - start) / 60:5.1f} min  {counts.total():6,} cycles  {sample.rss_kb / 1024:7.1f} MB  "
                f"{sample.objects:8,} objects  {sample.descriptors} descriptors  {sample.threads} threads  "
                f"{sample.files} files",
                flush=True,
            )
    return samples, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--warm-up", type=float, help="minutes before growth counts (default: a sixth)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jit", action="store_true", help="compile predictors too")
    options = parser.parse_args()
    warm_up = options.minutes / 6 if options.warm_up is None else options.warm_up
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # so that forgotten temporary files are seen
        try:
            samples, counts = soak(60 * options.minutes, 60 * warm_up, options.seed, Path(folder), jit=options.jit)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
    grown, slopes = growth(samples)
    for name, bound in BOUNDS.items():
        print(f"{name}: grew by {grown[name]:,.0f}, {slopes[name]:+.3f} a cycle; at most {bound:,} is right")
    built = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    wrong = [name for name, bound in BOUNDS.items() if grown[name] > bound]
    print(
        f"soak: {counts.total():,} cycles in {options.minutes:g} min ({built}), seed {options.seed}, all right; "
        f"after {warm_up:g} min of warm-up {', '.join(wrong) + ' grew' if wrong else 'nothing grew'}"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
