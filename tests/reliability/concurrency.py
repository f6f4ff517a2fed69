"""Threads, forks, processes and savers at once: promised are the answers of one caller alone.

A network may be used by any number of threads, also at first, when what it derives on demand is not yet derived, and
any number of them may memorize; afterwards BLAS has as many threads as before. A process forked at any time, even while
other threads predict, derive or memorize, goes on with right answers, as do processes of every start method that get a
network by pickle. A file that several processes save to is at all times one whole network, and a process killed while
it saves leaves the old one (and perhaps a .tmp file).

    cd tests && python -m reliability.concurrency --rounds 100 --seed 0
    cd tests && python -m reliability.concurrency --part killed --rounds 100 --seed 0    # one part again
"""

import argparse
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import threadpoolctl

import fastmem

N, D, N_THREADS = 600, 12, 8
HANGS = 60.0  # seconds after which a forked process is taken to wait for ever
PARTS = ("threads", "memorizers", "forks", "processes", "savers", "killed")


def data(seed, n=N):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)), rng.integers(0, 7, n)


def network(seed, n=N, **options):
    X, y = data(seed, n)
    options = {"separate": "all", "fingerprint_bits": 8, "random_state": 0} | options
    return fastmem.memorize(X, y, **options)


# What threads do, each with an answer that can be compared


def _saved(net, X, folder):
    path = folder / f"{threading.get_ident()}"
    net.save(path)
    return path.read_bytes()


def _text(net, X, folder):
    path = folder / f"{threading.get_ident()}.c"
    net.to_c(path, X=X, dtype="float64")
    return path.read_bytes()


def _compiled(net, X, folder):
    return net.jit()[1](X, np.empty(len(X), np.int64))


USES = {
    "predict": lambda net, X, folder: net.predict(X, n_threads=2),
    "a row": lambda net, X, folder: net.predict(X[:1]),
    "forward": lambda net, X, folder: net.forward(X[:300], n_threads=2),
    "forward, known": lambda net, X, folder: net.forward(X[:50], unknown=-1),
    "contains": lambda net, X, folder: net.contains(X),
    "codes": lambda net, X, folder: net.codes(X),
    "certified_radius": lambda net, X, folder: net.certified_radius(X),
    "tolerance": lambda net, X, folder: net.predict(X + 0.05, unknown=-1, tolerance=0.2),
    "layers": lambda net, X, folder: [
        (stage, layer.weights.toarray().tobytes(), layer.thresholds.tobytes())
        for stage, layer in zip(net.stages, net.layers, strict=True)
    ],
    "report": lambda net, X, folder: str(net.report()),
    "relabel": lambda net, X, folder: net.relabel(np.arange(len(X)) % 5, X).predict(X),
    "save": _saved,
    "c": _text,
    "pickle": lambda net, X, folder: pickle.dumps(net),
    "equal": lambda net, X, folder: net == pickle.loads(pickle.dumps(net)),
}


def _same(a, b):
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def threads(rounds, seed, jit=True):
    """Eight threads use one cold network in each round: problems in words."""
    rng, problems = np.random.default_rng(seed), []
    X, _ = data(0)
    stored = pickle.dumps(network(0))
    uses = USES | ({"jit": _compiled} if jit else {})
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        expected = {name: use(pickle.loads(stored), X, folder) for name, use in uses.items()}
        for turn in range(rounds):
            net, start = pickle.loads(stored), threading.Barrier(N_THREADS)
            # Every second round all do the same, in the others all kinds meet; jit compiles for seconds.
            names = list(uses if turn % 20 == 0 else USES)
            chosen = rng.choice(names, N_THREADS) if turn % 2 else np.repeat(rng.choice(names), N_THREADS)

            def work(name, net=net, start=start):
                start.wait()
                return _same(uses[name](net, X, folder), expected[name])

            with ThreadPoolExecutor(N_THREADS) as pool:
                futures = [pool.submit(work, name) for name in chosen]
            for name, future in zip(chosen, futures, strict=True):
                if future.exception() or not future.result():
                    problems.append(f"round {turn}: {name} among {sorted(set(chosen))}: {future.exception()!r}")
    return problems


def blas_threads():
    return [info["num_threads"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]


def memorizers(rounds, seed):
    """Eight threads memorize at once in each round: problems in words."""
    before, problems, rng = blas_threads(), [], np.random.default_rng(seed)
    expected = [network(i) for i in range(N_THREADS)]
    for turn in range(rounds):
        pauses = rng.uniform(0, 0.02, N_THREADS)

        def work(i, pauses=pauses):
            time.sleep(pauses[i])
            fastmem.separation(data(i)[0], n_threads=2)
            return network(i, n_threads=1 + i % 2)

        with ThreadPoolExecutor(N_THREADS) as pool:
            found = list(pool.map(work, range(N_THREADS)))
        if found != expected:
            problems.append(f"round {turn}: networks differ from those of one thread")
        if blas_threads() != before:
            problems.append(f"round {turn}: BLAS has {blas_threads()} threads, not {before}")
    return problems


# Forks


def forks(rounds, seed):
    """Fork while threads predict, derive layers, memorize and save: problems in words.

    What these import is imported before: a child forked during an import waits for ever for the lock of that module,
    whoever imports it.
    """
    rng, problems, over = np.random.default_rng(seed), [], threading.Event()
    X, y = data(0)
    before = blas_threads()
    net = network(0)
    stored = pickle.dumps(net)
    with tempfile.TemporaryDirectory() as folder:
        busy = [
            lambda: net.predict(X, n_threads=2),
            lambda: pickle.loads(stored).layers,
            lambda: network(1, n_threads=2),
            lambda: net.save(Path(folder, "net")),
            lambda: fastmem.separation(X, n_threads=2),
        ]

        def repeat(action):
            try:
                while not over.is_set():
                    action()
            except Exception as error:
                problems.append(f"a thread that was forked beside: {error!r}")

        for action in busy:
            action()
        workers = [threading.Thread(target=repeat, args=(action,)) for action in busy]
        for worker in workers:
            worker.start()
        try:
            for turn in range(rounds):
                time.sleep(rng.uniform(0, 0.05))
                ended = _forked(lambda: _as_alone(pickle.loads(stored), X, y, before))
                if ended != 0:
                    problems.append(f"fork {turn}: {'hangs' if ended is None else f'exit status {ended}'}")
        finally:
            over.set()
            for worker in workers:
                worker.join()
    return problems


def _as_alone(net, X, y, before):
    """What a forked process does; its exit status names what went wrong."""
    if blas_threads() != before:
        return 2
    if not np.array_equal(net.predict(X, n_threads=2), y):
        return 3
    if not np.array_equal(net.forward(X[:50]), y[:50]):
        return 4
    if network(1) != network(1, n_threads=2):
        return 5
    return 0 if blas_threads() == before else 6


def _forked(action):
    """Exit status of a forked process that does `action`; None if it hangs."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = action()
        finally:
            os._exit(status)
    limit = time.monotonic() + HANGS
    while time.monotonic() < limit:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


# Processes of every start method


def answers(net, X):
    """What a process of a pool returns."""
    return net.predict(X), net.forward(X[:50]), net.predict(X + 0.05, unknown=-1, tolerance=0.2), net


def processes(rounds, seed):
    """Networks sent to pools of processes and back, by every start method: problems in words."""
    problems = []
    nets = [network(i + seed) for i in range(2)]
    X, _ = data(0)
    expected = [answers(net, X) for net in nets]
    for method in multiprocessing.get_all_start_methods():
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            for turn in range(rounds):
                found = list(pool.map(answers, nets, [X, X]))
                if not all(
                    _same(a, b) for pair in zip(found, expected, strict=True) for a, b in zip(*pair, strict=True)
                ):
                    problems.append(f"{method}, round {turn}: other answers")
    return problems


# Savers


def save_on(path, number, rounds):
    """Save two networks in turn, in two threads."""
    nets = [network(number), network(number + 1, 300)]

    def work(net):
        for _ in range(rounds):
            net.save(path)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, nets))


def _saver(path, number, rounds):
    code = f"from reliability.concurrency import save_on; save_on({str(path)!r}, {number}, {rounds})"
    here = str(Path(__file__).resolve().parent.parent)
    return subprocess.Popen([sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {here!r}); {code}"])


def savers(rounds, seed):
    """Two processes of two threads save to one path while this one loads it: problems in words."""
    problems, loads = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net")
        nets = [network(seed), network(seed + 1, 300), network(seed + 2), network(seed + 3, 300)]
        nets[0].save(path)
        running = [_saver(path, seed, rounds), _saver(path, seed + 2, rounds)]
        while any(process.poll() is None for process in running):
            try:
                if fastmem.load(path) not in nets:
                    problems.append("a file is another network")
            except (OSError, fastmem.FastmemError) as error:
                problems.append(f"a file cannot be loaded: {error}")
            loads += 1
        if any(process.returncode for process in running):
            problems.append("a save failed")
        if left := [name for name in os.listdir(folder) if name != "net"]:
            problems.append(f"left: {left}")
        if not loads:
            problems.append("nothing was loaded")
    return problems


def killed(rounds, seed):
    """Processes that save are killed at random times, and the file is whole: problems in words."""
    rng, problems = np.random.default_rng(seed), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net")
        nets = [network(seed), network(seed + 1, 300)]
        for turn in range(rounds):
            nets[turn % 2].save(path)
            changed = path.stat().st_mtime_ns
            process = _saver(path, seed, 10**6)
            while path.stat().st_mtime_ns == changed and process.poll() is None:
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.05))
            process.kill()
            process.wait()
            try:
                if fastmem.load(path) not in nets:
                    problems.append(f"round {turn}: the file is another network")
            except (OSError, fastmem.FastmemError) as error:
                problems.append(f"round {turn}: {error}")
            for name in os.listdir(folder):
                if name.endswith(".tmp"):
                    os.unlink(path.with_name(name))
                elif name != "net":
                    problems.append(f"round {turn}: left {name}")
    return problems


def main():
    """Run the parts that the command line asks for; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="of each part; savers save ten times as often")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=PARTS, help="only this one")
    options = parser.parse_args()
    every = []
    for part in PARTS if options.part is None else (options.part,):
        rounds = {"savers": 10 * options.rounds, "killed": -(-options.rounds // 4)}.get(part, options.rounds)
        problems = globals()[part](rounds, options.seed)
        print(f"{part}: {rounds} rounds, {len(problems)} wrong", flush=True)
        for problem in problems:
            print(f"  WRONG {problem}", flush=True)
        every += problems
    print(f"concurrency: {options.rounds} rounds (seed {options.seed}): {len(every)} wrong")
    sys.exit(1 if every else 0)


if __name__ == "__main__":
    main()
