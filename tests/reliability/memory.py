"""Too little memory: an operation succeeds with the right answer, or raises MemoryError. Nothing else.

Attack. Each operation runs in child processes under a limit of address space (RLIMIT_AS, what ``ulimit -v`` sets),
swept from no more than what the process has to what the operation needs: in even steps, in fine steps at both ends,
and at random. So allocations fail one after the other, wherever they are: in NumPy, SciPy, kernels' callers, the
starting of threads, the reading and writing of files. Once the limit is gone, the same process must do the same
operation.

Wrong are: a wrong answer, any other exception, a signal, no answer in time, anything on standard error, a file that is
neither the old one nor the new one, a temporary file that stays. A library that cannot be mapped into memory when it is
first needed is an ImportError: that is counted by itself. Commands of the command line may also end with status 1 and
one line; for them the limit holds from the start of the interpreter, and the sweep begins where ``--help`` works.

Linux only: other systems do not keep the limit, or do not say how much there is.

    cd tests && python -m reliability.memory --cases 60 --seed 0
    cd tests && python -m reliability.memory --only "save, large" --seed 0    # one operation again
"""

import argparse
import contextlib
import importlib.util
import json
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np

import fastmem

__all__ = ["COMMANDS", "OPERATIONS", "attempt", "attempt_command", "prepared"]

_PAGE = resource.getpagesize()
_MIB = 2**20
_MOST = 4096 * _MIB  # more than any operation here takes
_SECONDS = 30  # after which a child counts as hung
_LOADING = "failed to map", "cannot allocate memory", "out of memory"
_FILE = "net.safetensors"
# Numbers that NumPy converts together: where it finds no memory for these buffers, NumPy 2.4 crashes (it raises without
# holding the interpreter's lock, npyiter_allocate_buffers in execute_ufunc_loop). Small ones leave the rest to see.
_BUFFER = 16
# What is freed goes back to the system, so that there is no room that the limit does not count.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_TOP_PAD_": "0"}


def points(n=30_000, d=12, seed=0):
    """Random points and labels."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(0, 5, n)


def _check(condition):
    if not condition:
        raise AssertionError("wrong answer")


# Operations: prepared without a limit, a function that does it once and checks the answer


def _memorizing(n=30_000, d=12, n_threads=1, **options):
    def prepare(folder):
        X, y = points(n, d)

        def run():
            net = fastmem.memorize(X, y, random_state=0, n_threads=n_threads, **options)
            _check((net.predict(X, n_threads=1) == y).all())

        return run

    return prepare


def _loaded(folder, make=fastmem.memorize, *arguments, **options):
    """Points, their labels, and a network that another process made: here the heap is as if nothing had been done."""
    X, y = points()

    def save():
        make(*(arguments or (X, y)), **options).save(folder / _FILE)

    _elsewhere(save)
    return X, y, fastmem.load(folder / _FILE)


def _elsewhere(function):
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _predicting(n_threads, copies=8, **options):
    def prepare(folder):
        X, y, net = _loaded(folder, random_state=0, **options)
        X, y = np.tile(X, (copies, 1)), np.tile(y, copies)

        def run():
            _check((net.predict(X, n_threads=n_threads) == y).all())

        return run

    return prepare


def _on_network(action, **options):
    """What to do with a loaded network, its points and their labels; it returns whether the answer is right."""

    def prepare(folder):
        X, y, net = _loaded(folder, random_state=0, **options)
        return lambda: _check(action(net, X, y, folder))

    return prepare


def _radius(net, X, y, folder):
    radii = net.certified_radius(X[:4000])
    return (radii > 0).all() and radii.min() >= net.smallest_distance * (1 - 1e-9)


def _layers(net, X, y, folder):
    return (net.forward(X[:2000]) == y[:2000]).all()


def _near(net, X, y, folder):
    labels = net.predict(X[:3000] + 0.003, unknown=-1, tolerance=0.02)
    return labels.shape == (3000,) and set(labels.tolist()) <= {-1, *range(5)}


def _relabel(net, X, y, folder):
    return (net.relabel(y[::-1].copy(), X).predict(X) == y[::-1]).all()


def _separating(d, n=3000):
    def prepare(folder):
        X, _ = points(n, d)
        expected = fastmem.separation(X[:], n_threads=1)
        return lambda: _check(fastmem.separation(X, n_threads=2) == expected)

    return prepare


def _compare(folder):
    X, y = points(1500, 8)
    X /= np.linalg.norm(X, axis=1, keepdims=True)

    def run():
        comparison = fastmem.compare(X, y, constructions=["compact/binary", "baum1988"], random_state=0)
        _check(all(row.neurons > 0 for row in comparison.rows if row.name in ("compact/binary", "baum1988")))

    return run


def _saving(folder):
    """Many tensors, over an older file."""
    return _saving_over(folder, _loaded(folder, random_state=0, fingerprint_bits=8)[2])


def _saving_large(folder):
    """Few tensors, large ones."""
    rng = np.random.default_rng(0)
    layers = [(rng.integers(-3, 4, (500, 300)), np.ones(500)), (rng.integers(-3, 4, (200, 500)), np.ones(200)),
              (np.ones((3, 200), int), [1, 50, 100])]  # fmt: skip
    return _saving_over(folder, _loaded(folder, fastmem.Network.from_layers, layers)[2])


def _saving_over(folder, net):
    for name in ("old", "new"):
        (folder / name).mkdir()
    (folder / _FILE).rename(folder / "new" / _FILE)
    for path in (folder / "old" / _FILE, folder / _FILE):
        fastmem.memorize([[0.0], [1.0]], [0, 1], random_state=0).save(path)
    return lambda: net.save(folder / _FILE)


def _loading(make):
    def prepare(folder):
        make(folder)()
        for name in ("old", "new"):
            shutil.rmtree(folder / name)
        expected = fastmem.load(folder / _FILE)
        return lambda: _check(fastmem.load(folder / _FILE) == expected)

    return prepare


def _exporting_c(folder):
    _, _, net = _loaded(folder, random_state=0)
    net.to_c(folder / "expected.c", dtype="float64")
    expected = (folder / "expected.c").read_bytes()
    (folder / "net.c").write_bytes(b"old")

    def run():
        net.to_c(folder / "net.c", dtype="float64")
        _check((folder / "net.c").read_bytes() == expected)

    return run


def _graph(folder):
    X, y = points(2000, 8)
    net = fastmem.memorize(X, y, random_state=0)
    return lambda: _check(net.to_networkx().number_of_edges() == net.n_weights)


def _given(folder):
    rng = np.random.default_rng(0)
    weights = rng.integers(-3, 4, (400, 3000)).astype(np.float64)
    layers = [(weights, np.zeros(400)), (rng.integers(-9, 9, (8, 400)), np.zeros(8))]
    X = rng.integers(0, 2, (50, 3000))
    hidden = (X @ weights.T >= 0).astype(int)
    expected = ((hidden @ layers[1][0].T >= 0) << np.arange(8)).sum(axis=1)
    return lambda: _check((fastmem.Network.from_layers(layers).predict(X) == expected).all())


def _estimator(folder):
    X, y = points(5000)
    return lambda: _check((fastmem.MemorizingClassifier(random_state=0).fit(X, y).predict(X) == y).all())


OPERATIONS = {
    "memorize": _memorizing(n_threads=1),
    "memorize, 2 threads": _memorizing(n_threads=2),
    "memorize, 8 threads": _memorizing(n_threads=8, effort="fast"),
    "memorize, integer store": _memorizing(n_threads=2, store="integer"),
    "memorize, all apart, fingerprints": _memorizing(n_threads=2, separate="all", fingerprint_bits=8, n=20_000),
    "memorize, margin": _memorizing(n_threads=2, margin=1e-4, n=5_000),
    "memorize, plane": _memorizing(n_threads=2, n=3_000, d=2),
    "memorize, line": _memorizing(n_threads=2, n=20_000, d=1),
    "memorize, baum1988": _memorizing(n_threads=2, construction="baum1988", n=3_000),
    "memorize, rajput2021": _memorizing(n_threads=2, construction="rajput2021", n=300, d=40),
    "predict": _predicting(1),
    "predict, 2 threads": _predicting(2),
    "predict, 8 threads": _predicting(8),
    "predict, integer store": _predicting(2, store="integer"),
    "predict, float16": _on_network(lambda net, X, y, _: len(net.predict(np.tile(X, (8, 1)).astype(np.float16))) > 0),
    "contains": _on_network(lambda net, X, y, _: net.contains(X).all(), fingerprint_bits=8),
    "predict, tolerance": _on_network(_near, fingerprint_bits=16),
    "certified_radius": _on_network(_radius),
    "layers and forward": _on_network(_layers),
    "layers and forward, fingerprints": _on_network(_layers, fingerprint_bits=8),
    "report": _on_network(lambda net, X, y, _: net.report(0.01).to_dict()["n_points"] == len(X)),
    "relabel": _on_network(_relabel, separate="all"),
    "unsafe_rows": _on_network(lambda net, X, y, _: net.unsafe_rows(X, "float64").size == 0),
    "separation, tree": _separating(4),
    "separation, pairs": _separating(24),
    "bounds": lambda folder: lambda: _check("neurons" in str(fastmem.bounds(10**6, 32, 0.01))),
    "compare": _compare,
    "from_layers": _given,
    "save": _saving,
    "save, large": _saving_large,
    "load": _loading(_saving),
    "load, large": _loading(_saving_large),
    "to_c": _exporting_c,
}
if importlib.util.find_spec("networkx"):
    OPERATIONS["to_networkx"] = _graph
if importlib.util.find_spec("sklearn"):
    OPERATIONS["estimator"] = _estimator


# One operation under one limit, in a forked child


@contextlib.contextmanager
def _limited(extra):
    """No more address space than the process has now, and so many bytes."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size + extra, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _outcome_of(run, extra):
    """What became of one call: one word, and what to show if it is wrong."""
    try:
        with _limited(extra):
            run()
        return "succeeded", ""
    except MemoryError:
        outcome = "MemoryError"
    except (ImportError, OSError) as error:  # OSError: a folder that cannot be listed for its modules
        if not any(words in str(error).lower() for words in _LOADING):
            return "wrong", traceback.format_exc()
        outcome = "library not loaded"
    except BaseException:
        return "wrong", traceback.format_exc()
    if outcome == "MemoryError":
        run()  # nothing is broken for good
    return outcome, ""


def _child(run, extra, pipe, errors):
    os.dup2(errors, 2)
    np.setbufsize(_BUFFER)
    signal.alarm(_SECONDS)
    try:
        outcome = _outcome_of(run, extra)
    except BaseException:
        outcome = "wrong", f"without the limit, after a MemoryError:\n{traceback.format_exc()}"
    os.write(pipe, json.dumps(outcome).encode())
    os._exit(0)


def attempt(run, extra, folder=None):
    """Do an operation in a child with `extra` bytes of address space: what became of it, and what was wrong."""
    with tempfile.TemporaryFile() as errors:
        reading, writing = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _child(run, extra, writing, errors.fileno())
        os.close(writing)
        said = b""
        deadline = time.monotonic() + _SECONDS
        while select.select([reading], [], [], max(deadline - time.monotonic(), 0))[0]:
            part = os.read(reading, 2**16)
            if not part:
                break
            said += part
        else:
            os.kill(child, signal.SIGKILL)
        os.close(reading)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        errors.seek(0)
        printed = errors.read().decode(errors="replace")
    if status or not said:
        return "wrong", f"the child ended with {status} (-14, -9: no answer in time)\n{printed}"
    outcome, wrong = json.loads(said)
    wrong += printed + (_wrong_files(folder) if folder else "")
    return ("wrong" if wrong else outcome), wrong


def _wrong_files(folder):
    """What is wrong with the files that an operation left."""
    left = [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]
    wrong = f"left behind: {left}\n" if left else ""
    old = folder / "old"
    for path in (folder / _FILE, folder / "net.c"):
        if path.exists():
            allowed = [part / path.name for part in (old, folder / "new") if (part / path.name).exists()]
            if allowed and path.read_bytes() not in [part.read_bytes() for part in allowed]:
                wrong += f"{path.name} is neither the old file nor the new one\n"
            if (old / path.name).exists():
                path.write_bytes((old / path.name).read_bytes())
    return wrong


def prepared(name, folder):
    """An operation's function, and the folder whose files it must keep whole."""
    return OPERATIONS[name](folder), folder


# Commands


def _write_inputs(folder):
    X, y = points(5000)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    with open(folder / "data.csv", "w", encoding="utf-8") as file:
        file.writelines(
            ",".join(map(repr, [*row, label])) + "\n" for row, label in zip(X.tolist(), y.tolist(), strict=True)
        )
    fastmem.memorize(X, y, random_state=0).save(folder / "saved.safetensors")
    return folder


COMMANDS = {
    "build": "build X.npy y.npy -o out.safetensors --seed 0",
    "build of .csv": "build data.csv -o out.safetensors --seed 0",
    "predict": "predict saved.safetensors X.npy -o out.npy",
    "predict to text": "predict saved.safetensors X.npy",
    "verify": "verify saved.safetensors X.npy y.npy",
    "info": "info saved.safetensors",
    "export": "export saved.safetensors --to c --dtype float64 -o out.c",
    "demo": "demo --points 5000 --no-progress",
}


def attempt_command(arguments, limit, folder):
    """Run a command with so much address space in all: what became of it, and what was wrong."""
    command = [
        sys.executable,
        "-c",
        f"import numpy; numpy.setbufsize({_BUFFER}); from fastmem.cli import main; main()",
        *arguments.split(),
    ]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "wrong", "no answer in time"
    outputs = sorted(path.name for path in folder.iterdir() if path.name.startswith(("out.", ".")))
    for name in outputs:
        (folder / name).unlink()
    asked = arguments.split("-o ")[1].split()[0] if "-o " in arguments else None
    expected = [asked] if asked and done.returncode == 0 else []
    if outputs != expected:
        return "wrong", f"status {done.returncode}, files {outputs}\n{done.stderr}"
    if done.returncode == 0 and not done.stderr:
        return "succeeded", ""
    if done.returncode == 1 and done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1:
        return "one line", ""
    return "wrong", f"status {done.returncode}\n{done.stderr}"


# Sweeps


def _need(succeeds, low, high):
    """About the least limit with which it succeeds, to one part in a hundred."""
    while high - low > max(_MIB // 4, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if succeeds(middle) else (middle, high)
    return high


def _limits(low, need, cases, rng):
    """Limits from low to need: half in even steps, a quarter close to either end, a quarter at random."""
    width, quarter = need - low, max(cases // 4, 1)
    even = [low + width * i // (2 * quarter) for i in range(2 * quarter)]
    ends = [low + i * 16 * 1024 if i % 2 else need - i * 16 * 1024 for i in range(quarter)]
    return [max(limit, low) for limit in (*even, *ends, *(low + rng.randrange(width + 1) for _ in range(quarter)))]


def sweep(attempt_with, low, high, cases, rng):
    """Counts of outcomes by word, and what was wrong under which limit."""
    counts, wrong = Counter(), []

    def once(limit):
        outcome, problem = attempt_with(limit)
        counts[outcome] += 1
        if outcome == "wrong":
            wrong.append((limit, problem))
        return outcome == "succeeded"

    for limit in _limits(low, _need(once, low, high), cases, rng):
        once(limit)
    return counts, wrong


def _sweep_operation(name, cases, seed):
    with tempfile.TemporaryDirectory() as folder:
        run, folder = prepared(name, Path(folder))
        return sweep(lambda extra: attempt(run, extra, folder), 0, _MOST, cases, random.Random(f"{seed} {name}"))


def _sweep_command(name, cases, seed):
    with tempfile.TemporaryDirectory() as folder:
        folder = _write_inputs(Path(folder))
        low = _need(lambda limit: attempt_command("--help", limit, folder)[0] == "succeeded", 0, _MOST)
        return sweep(
            lambda limit: attempt_command(COMMANDS[name], limit, folder), low + low // 50, _MOST, cases,
            random.Random(f"{seed} {name}"),
        )  # fmt: skip


def main():
    """Sweep every operation and command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=60, help="limits for each operation (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only what has this in its name")
    parser.add_argument("--operation", help=argparse.SUPPRESS)  # one, in this process, which has run no other
    options = parser.parse_args()
    if options.operation:
        print(json.dumps(_sweep_operation(options.operation, options.cases, options.seed)))
        return
    total, n_wrong, start = Counter(), 0, time.monotonic()
    for name in [*OPERATIONS, *(f"fastmem {name}" for name in COMMANDS)]:
        if options.only not in name:
            continue
        counts, wrong = _in_its_own_process(name, options)
        total.update(counts)
        n_wrong += len(wrong)
        print(f"{name}: {dict(counts)}", flush=True)
        for limit, problem in wrong[:3]:
            print(f"  WRONG with {limit} bytes:\n    " + problem.strip().replace("\n", "\n    "), flush=True)
    print(
        f"memory: {sum(total.values())} runs under limits, seed {options.seed}, {time.monotonic() - start:.0f} s: "
        f"{', '.join(f'{count} {outcome}' for outcome, count in sorted(total.items()))}"
    )
    sys.exit(1 if n_wrong else 0)


def _in_its_own_process(name, options):
    if name.startswith("fastmem "):
        return _sweep_command(name.removeprefix("fastmem "), max(options.cases // 3, 4), options.seed)
    done = subprocess.run(
        [sys.executable, "-m", "reliability.memory", "--operation", name, "--cases", str(options.cases), "--seed",
         str(options.seed)],
        stdout=subprocess.PIPE, text=True, check=True, env=os.environ | _MALLOC,
    )  # fmt: skip
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
