"""Ctrl-C at any moment: promised is a KeyboardInterrupt within a second that leaves nothing behind.

Whatever is cut short, no file is half-written and none of ours is left, no thread runs on, BLAS has as many threads as
before and the floating-point environment is the caller's; and what was used goes on: the same network gives the right
answers, though it may have derived half of what it derives on demand, and the next call gives what it always gave.

Attacked in two ways. By signals: a child process repeats an operation, and SIGINT is sent to it at seeded random times;
both read the same clock, so that the time from the signal to the end of the operation is known. And by lines: in this
process KeyboardInterrupt is raised before a random line of fastmem that the main thread runs. Left out are the lines by
which `blas` and `environment` put things back, but for the functions that `blas` repeats when they are cut short:
Python has no way to protect each of these.

    cd tests && python -m reliability.interrupts --cases 200 --seed 0

A wait of more than a second is wrong too, so the machine should have little else to do.
"""

import _thread
import argparse
import ctypes
import ctypes.util
import gc
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import threadpoolctl

import fastmem

# For fesetround; elsewhere the rounding mode is left alone.
TOWARD_ZERO = {"x86_64": 0xC00, "aarch64": 0xC00000}.get(os.uname().machine)
PACKAGE = Path(fastmem.__file__).parent
PATIENCE = 600.0
LONGEST = 1.0  # seconds from a signal to the end of what it interrupts


class Held:
    """What an operation made last: `check` looks at it after the interrupt."""

    net = None


def points(n, d, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def labels(n, c, seed=1):
    return np.random.default_rng(seed).integers(0, c, n)


def memorizing(n, d, name=lambda y: y, *, dtype=np.float32, most=None, c=10, unit=False, **options):
    """An operation that memorizes n points, or the share of them that is asked for."""

    def make(folder, share):
        rows = max(int(n * share), 500)
        X = points(rows, d, dtype=dtype)
        if unit:
            X /= np.linalg.norm(X, axis=1, keepdims=True)
        y = name(labels(rows, c if most is None else most))

        def act():
            return fastmem.memorize(X, y, random_state=0, **options)

        def check():
            some = fastmem.memorize(X[:300], y[:300], random_state=0)
            assert np.array_equal(some.predict(X[:300]), y[:300])

        return act, check

    return make


def using(function, n=200_000, d=32, *, c=10, **options):
    """An operation that calls ``function(net, X, y, folder)`` of a network that has derived nothing yet."""

    def make(folder, share):
        rows = max(int(n * share), 500)
        X, y = points(rows, d), labels(rows, c)
        stored = pickle.dumps(fastmem.memorize(X, y, random_state=0, **options))

        def act():
            Held.net = pickle.loads(stored)
            return function(Held.net, X, y, folder)

        def check():
            net, few = Held.net, slice(0, 64)
            if net is None:
                return
            assert np.array_equal(net.predict(X[few]), y[few])
            assert np.array_equal(net.forward(X[few]), y[few])
            assert len(net.stages) == net.depth == len(net.widths)
            if net.fingerprint_bits:
                assert net.contains(X[few]).all()
            assert net == pickle.loads(stored)

        return act, check

    return make


def mapped(n_threads):
    """Prediction of points in a file, for a network of a few of them."""

    def make(folder, share):
        rows = max(int(3_000_000 * share), 5000)
        X = np.lib.format.open_memmap(folder / "points.npy", "w+", np.float32, (rows, 32))
        for start in range(0, rows, 100_000):
            X[start : start + 100_000] = points(min(100_000, rows - start), 32, start)
        few = np.array(X[:20_000])
        y = labels(len(few), 10)
        Held.net = fastmem.memorize(few, y, random_state=0)

        def act():
            return Held.net.predict(X, n_threads=n_threads)

        def check():
            assert np.array_equal(Held.net.predict(few), y)

        return act, check

    return make


def separating(n, d):
    def make(folder, share):
        X = points(max(int(n * share), 500), d)
        return lambda: fastmem.separation(X), lambda: None

    return make


def comparing(folder, share):
    X = points(max(int(20_000 * share), 500), 16)
    y = labels(len(X), 4)

    def act():
        return [(row.name, row.neurons, row.weights) for row in fastmem.compare(X, y, random_state=0).rows]

    return act, lambda: None


def fitting(folder, share):
    X = points(max(int(300_000 * share), 500), 32)
    y = labels(len(X), 10)
    classifier = fastmem.MemorizingClassifier(random_state=0)

    def act():
        return classifier.fit(X, y).network_

    def check():
        classifier.fit(X[:300], y[:300])
        assert np.array_equal(classifier.predict(X[:300]), y[:300])

    return act, check


def saving(folder, share):
    X = points(max(int(1_000_000 * share), 500), 32)
    nets = [fastmem.memorize(X, labels(len(X), 1000, seed), random_state=0, effort="fast") for seed in (1, 2)]
    path, turn = folder / "net.safetensors", [0]
    nets[1].save(path)

    def act():
        turn[0] += 1
        nets[turn[0] % 2].save(path)

    def check():
        assert fastmem.load(path) in nets

    return act, check


def _predict_noisy(net, X, y, folder):
    noisy = X + np.float32(0.05) * points(len(X), X.shape[1], 3)
    return net.predict(noisy, unknown=-1, tolerance=0.2, max_probes=100)


def _compile(net, X, y, folder):
    _, many = net.jit()
    assert np.array_equal(many(X[:1000], np.empty(1000, np.int64)), y[:1000])


FILES = {
    "onnx": lambda net, path, X: net.to_onnx(path, X=X, unsafe=True),
    "c": lambda net, path, X: net.to_c(path, X=X),
}


def exporting(kind):
    def function(net, X, y, folder):
        FILES[kind](net, folder / kind, X)

    return using(function, 100_000)


OPERATIONS = {
    "memorize": memorizing(1_000_000, 32),
    "memorize, one thread": memorizing(1_000_000, 32, n_threads=1),
    "memorize 256": memorizing(200_000, 256),
    "memorize 784": memorizing(100_000, 784, dtype=np.float64),
    "memorize, scratch": memorizing(1_000_000, 32, scratch=tempfile.gettempdir()),
    "memorize, scratch, all": memorizing(1_000_000, 32, separate="all", scratch=tempfile.gettempdir()),
    "memorize, integer": memorizing(1_000_000, 32, store="integer"),
    "memorize, all": memorizing(1_000_000, 32, separate="all", fingerprint_bits=16),
    "memorize, small": memorizing(200_000, 32, effort="small"),
    "memorize text": memorizing(1_000_000, 32, lambda y: y.astype(str), most=10**6),
    "memorize objects": memorizing(1_000_000, 32, lambda y: y.astype(str).astype(object), most=10**5),
    "memorize, margin": memorizing(200_000, 32, margin=1e-4),
    "memorize, rajput2021": memorizing(
        50_000, 64, dtype=np.float64, c=4, unit=True, construction="rajput2021", delta=0.5
    ),
    "memorize, baum1988": memorizing(50_000, 64, dtype=np.float64, c=4, construction="baum1988"),
    "fit": fitting,
    "predict": mapped(2),
    "predict, one thread": mapped(1),
    "predict, tolerance": using(_predict_noisy, separate="all", fingerprint_bits=16),
    "contains": using(lambda net, X, y, folder: net.contains(np.tile(X, (10, 1))), fingerprint_bits=16),
    "forward": using(lambda net, X, y, folder: net.forward(X[:2000])),
    "forward, known": using(lambda net, X, y, folder: net.forward(X[:1000], unknown=-1), 50_000, fingerprint_bits=8),
    "layers": using(lambda net, X, y, folder: str(net.report()), 1_000_000),
    "certified_radius": using(lambda net, X, y, folder: net.certified_radius(np.tile(X, (5, 1)))),
    "relabel": using(
        lambda net, X, y, folder: net.relabel(labels(len(X), 7, 5), X), 1_000_000, separate="all", effort="fast"
    ),
    "separation 64": separating(30_000, 64),
    "separation 8": separating(200_000, 8),
    "compare": comparing,
    "jit": using(_compile, 20_000),
    "onnx": exporting("onnx"),
    "c": exporting("c"),
    "networkx": using(lambda net, X, y, folder: net.to_networkx(most_weights=10**7), 50_000),
    "save": saving,
    "load": using(lambda net, X, y, folder: (net.save(folder / "net"), fastmem.load(folder / "net"))[1], 1_000_000),
}


# Signals


def state():
    """How many threads run that Python has started, those that `threading` does not know too; threads of each BLAS."""
    return _thread._count(), {info["filepath"]: info["num_threads"] for info in threadpoolctl.threadpool_info()}


def _rounding():
    """Functions that set and tell the rounding mode; None where its name is not known here."""
    if TOWARD_ZERO is None:
        return None
    return ctypes.CDLL(ctypes.util.find_library("m"))


def threads_left(before):
    """How many more threads run than before; one that Ctrl-C met while it was started or ended may take a moment."""
    limit = time.monotonic() + 1
    while _thread._count() > before and time.monotonic() < limit:
        time.sleep(0.001)
    return _thread._count() - before


def _remains(before, folder):
    """What an interrupt left behind, in words."""
    n_threads, blas = before
    left, now = threads_left(n_threads), state()[1]
    found = [f"{left} threads run on"] if left > 0 else []
    found += [f"{name} has {now[name]} threads, not {number}" for name, number in blas.items() if now[name] != number]
    found += [f"{path.name} is left" for path in folder.iterdir() if path.name.endswith(".tmp")]
    return found


def child(name, share):
    """Repeat an operation, saying when it begins and, after each SIGINT, how it ended."""
    before, modes = state(), _rounding()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        act, check = OPERATIONS[name](folder, share)
        started = time.monotonic()
        reference = act()
        tell({"seconds": time.monotonic() - started})
        while sys.stdin.readline().strip() == "again":
            tell(_one_case(act, check, folder, before, modes))
        result, problem = act(), None
        if isinstance(result, np.ndarray):
            problem = None if np.array_equal(result, reference) else "the last answer differs from the first"
        elif isinstance(result, fastmem.Network | list | tuple):
            problem = None if result == reference else "the last result differs from the first"
        tell({"problem": problem})


def _one_case(act, check, folder, before, modes):
    finished = problem = None
    try:
        if modes:
            modes.fesetround(TOWARD_ZERO)
        print("go", flush=True)
        act()
        finished = time.monotonic()
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        caught = time.monotonic()
    except Exception:
        caught, problem = time.monotonic(), traceback.format_exc()
    if modes:
        if modes.fegetround() != TOWARD_ZERO:
            problem = problem or "the floating-point environment is not the caller's"
        modes.fesetround(0)
    gc.collect()
    problem = problem or "; ".join(_remains(before, folder))
    try:
        check()
    except Exception:
        problem = problem or traceback.format_exc()
    return {"finished": finished, "caught": caught, "problem": problem}


def tell(values):
    """One line for the parent."""
    print(json.dumps(values), flush=True)


class _Lines:
    """Lines of a process's output, with a limit on the time to wait for one."""

    def __init__(self, stream):
        self._stream, self._lines = stream, queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._stream:
            self._lines.put(line)
        self._lines.put("")

    def close(self):
        """After the end of the process."""
        self._reader.join()
        self._stream.close()

    def next(self):
        """The next line, "" at the end; TimeoutError after ten minutes."""
        try:
            return self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise TimeoutError("no answer for ten minutes") from None


def _heed_interrupts():
    """Shells start what runs in the background with SIGINT ignored, and its children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def attack(name, cases, seed, share=1.0):
    """Interrupt an operation at random times: latencies in seconds, how often it had ended before, and problems."""
    _heed_interrupts()
    rng = np.random.default_rng([seed, *name.encode()])
    latencies, ended, problems = [], 0, []
    command = [sys.executable, __file__, "--child", name, "--share", str(share)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = _Lines(process.stdout)
    try:
        seconds = json.loads(lines.next())["seconds"]
        for _ in range(cases):
            process.stdin.write("again\n")
            process.stdin.flush()
            assert lines.next() == "go\n"
            time.sleep(rng.uniform(0, seconds))
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            told = json.loads(lines.next())
            if told["finished"] is not None:
                ended += 1
            else:
                latencies.append(told["caught"] - sent)
            if told["problem"]:
                problems.append(f"{name}: {told['problem']}")
        process.stdin.close()
        problem = json.loads(lines.next())["problem"]
        if problem:
            problems.append(f"{name}: {problem}")
    except (ValueError, AssertionError, TimeoutError) as error:
        problems.append(f"{name}: the process ended with {process.poll()} or hung ({error!r})")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        lines.close()
    return latencies, ended, problems


# The command line


def attack_command(cases, seed, share=1.0):
    """Interrupt `fastmem build`, `predict` and `export` at random times: as `attack`."""
    _heed_interrupts()
    rng = np.random.default_rng(seed)
    latencies, ended, problems = [], 0, []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        n = max(int(300_000 * share), 500)
        np.save(folder / "X.npy", points(n, 32))
        np.save(folder / "y.npy", labels(n, 10))
        commands = {
            "net": ["build", "X.npy", "y.npy", "-o", "net", "--seed", "0"],
            "labels.npy": ["predict", "kept", "X.npy", "-o", "labels.npy"],
            "net.c": ["export", "kept", "--to", "c", "-o", "net.c", "--data", "X.npy"],
        }
        fastmem.memorize(points(n, 32), labels(n, 10), random_state=0).save(folder / "kept")
        whole, seconds = {}, {}
        for output, arguments in commands.items():
            started = time.monotonic()
            subprocess.run(_command(arguments), cwd=folder, check=True, capture_output=True)
            seconds[output] = time.monotonic() - started
            whole[output] = (folder / output).read_bytes()
        for case in range(cases):
            output, arguments = list(commands.items())[case % len(commands)]
            old = b"old" if rng.random() < 0.5 else None
            (folder / output).unlink()
            if old:
                (folder / output).write_bytes(old)
            process = subprocess.Popen(_command(arguments), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(rng.uniform(0.2, max(seconds[output], 0.3)))
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE)
            if process.returncode == 0:
                ended += 1
            else:
                latencies.append(time.monotonic() - sent)
            found = (folder / output).read_bytes() if (folder / output).exists() else None
            allowed = [whole[output]] if process.returncode == 0 else [old, whole[output]]
            aborted = process.returncode == 1 and b"Aborted!" in errors
            # Before click has begun and after it has ended, Python itself answers.
            if not (process.returncode in (0, -signal.SIGINT) or aborted):
                problems.append(f"command {arguments[0]}: exit status {process.returncode}: {errors.decode()}")
            if found not in allowed:
                problems.append(f"command {arguments[0]}: {output} is neither whole nor as it was")
            if left := sorted(set(os.listdir(folder)) - {"X.npy", "y.npy", "kept", *commands}):
                problems.append(f"command {arguments[0]}: left {left}")
            if found is None:
                (folder / output).write_bytes(b"")
    return latencies, ended, problems


def _command(arguments):
    return [sys.executable, "-c", "from fastmem.cli import main; main(prog_name='fastmem')", *arguments]


# Lines


class _AtLine:
    """Raises KeyboardInterrupt before line number `target` of fastmem, counted as the main thread runs them."""

    def __init__(self, target):
        self.count, self.target, self.place = 0, target, None

    def __call__(self, frame, event, argument):
        path = frame.f_code.co_filename
        if not path.startswith(str(PACKAGE)):
            return None
        name = os.path.basename(path)
        if name in ("blas.py", "environment.py") and frame.f_code.co_name not in ("_enter", "_leave"):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.target:
                self.place = f"{name}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self


def _work_of_lines(X, y, path):
    """A bit of everything that holds something to be put back."""
    net = Held.net = fastmem.memorize(X, y, random_state=0, separate="all", fingerprint_bits=8, n_threads=2)
    net.save(path)
    net.forward(X[:20])
    net.predict(X, unknown=-1, tolerance=0.1, n_threads=2)
    fastmem.separation(X, n_threads=2)
    net.relabel(y[::-1].copy())
    net.to_c(path.with_suffix(".c"), unsafe=True)
    str(net.report())


def attack_lines(cases, seed):
    """Raise KeyboardInterrupt before random lines: how many were met, and problems."""
    rng = np.random.default_rng(seed)
    X, y = points(400, 12), labels(400, 5)
    problems, met, before = [], 0, state()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        _work_of_lines(X, y, path)
        expected = Held.net
        n_lines = _run_to_line(X, y, path, 0).count
        for _ in range(cases):
            Held.net = None
            tracer = _run_to_line(X, y, path, int(rng.integers(1, n_lines + 1)))
            met += tracer.place is not None
            gc.collect()
            found = _remains(before, Path(folder))
            if fastmem.load(path) != expected:
                found.append("the file is not the network")
            net = Held.net
            if net is not None and not (
                net == expected
                and np.array_equal(net.predict(X), y)
                and np.array_equal(net.forward(X[:20]), y[:20])
                and net.contains(X).all()
                and net.widths == expected.widths
            ):
                found.append("the network is not right any more")
            problems += [f"before {tracer.place}: {problem}" for problem in found]
    return met, problems


def _run_to_line(X, y, path, target):
    tracer, others = _AtLine(target), sys.gettrace()
    try:
        sys.settrace(tracer)
        _work_of_lines(X, y, path)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(others)
    return tracer


def main():
    """Run the cases that the command line asks for; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200, help="signals, spread over the operations")
    parser.add_argument("--lines", type=int, default=1000, help="interrupted lines")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--operation", help="only this one")
    parser.add_argument("--share", type=float, default=1.0, help="of the points that an operation has")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.share)
        return
    names = [options.operation] if options.operation else [*OPERATIONS, "command"]
    waits, problems, n_ended, met = [], [], 0, 0
    for position, name in enumerate(names):
        cases = options.cases * (position + 1) // len(names) - options.cases * position // len(names)
        run = (attack_command,) if name == "command" else (attack, name)
        latencies, ended, found = run[0](*run[1:], cases, options.seed, options.share)
        longest = f"{max(latencies):.3f} s, median {np.median(latencies):.3f} s" if latencies else "-"
        print(f"{name}: {cases} signals, {ended} after its end, longest wait {longest}", flush=True)
        found += [f"{name}: ended {wait:.3f} s after the signal" for wait in latencies if wait > LONGEST]
        tell_problems(found)
        waits += [(wait, name) for wait in latencies]
        problems += found
        n_ended += ended
    if not options.operation:
        met, found = attack_lines(options.lines, options.seed)
        tell_problems(found)
        problems += found
    longest, name = max(waits, default=(0.0, "-"))
    shares = np.quantile([wait for wait, _ in waits] or [0.0], [0.5, 0.9, 0.99])
    print(
        f"interrupts: {len(waits)} by signals, {n_ended} after the end, {met} before lines, seed {options.seed}: "
        f"{len(problems)} wrong; wait median {shares[0]:.3f} s, 90 % {shares[1]:.3f} s, 99 % {shares[2]:.3f} s, "
        f"longest {longest:.3f} s ({name})"
    )
    sys.exit(1 if problems else 0)


def tell_problems(problems):
    """A line for each."""
    for problem in problems:
        print(f"  WRONG {problem}", flush=True)


if __name__ == "__main__":
    main()
