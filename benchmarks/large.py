"""Builds of very many points: time, memory and size, in memory and with scratch, and whether files are the same.

    python benchmarks/large.py                                  # 1, 4, 16 and 64 million points; some 20 GB of disk
    python benchmarks/large.py --beside FOLDER                  # the same beside a checkout with its kernels built
    python benchmarks/large.py --points 256_000_000 --modes scratch --threads 2
    python benchmarks/large.py --table files                    # SHA-256 for blocks, threads, memory and files
    python benchmarks/large.py --dask                           # on a LocalCluster of two workers

Points are Gaussian in 16 dimensions, float32, in a file that is mapped; labels are random bits, as bytes. Each build is
a process of its own. Its memory is the largest sum of anonymous and shared anonymous pages, looked at every 10 ms,
above that before the build. CPU seconds are of all threads. Data are made in a folder (--folder), and removed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

DIMENSION = 16
MODES = {
    "memory": "memorize(X, y)",
    "partitions": "in partitions, in memory",
    "scratch": "memorize(X, y, scratch=...)",
}
_BLOCK = 2**20


def make(folder, n):
    """Files of n points and labels, made block by block: two paths."""
    paths = Path(folder) / f"X{n}.npy", Path(folder) / f"y{n}.npy"
    if not all(path.exists() for path in paths):
        rng = np.random.default_rng(0)
        X = np.lib.format.open_memmap(paths[0], "w+", np.float32, (n, DIMENSION))
        y = np.lib.format.open_memmap(paths[1], "w+", np.uint8, (n,))
        for start in range(0, n, _BLOCK):
            stop = min(start + _BLOCK, n)
            X[start:stop] = rng.standard_normal((stop - start, DIMENSION), dtype=np.float32)
            y[start:stop] = rng.integers(0, 2, stop - start)
    return paths


def anonymous():
    """Bytes of memory of this process that no file has."""
    with open("/proc/self/status") as status:
        lines = [line.split() for line in status]
    return sum(1024 * int(line[1]) for line in lines if line[0] in ("RssAnon:", "RssShmem:"))


def one(folder, n, mode, threads, rows):
    """One build in this process: its figures as JSON."""
    X, y = (np.load(path, mmap_mode="r") for path in make(folder, n))
    import fastmem

    fastmem.memorize(X[:5000], y[:5000], n_threads=threads)  # what the first call imports
    build = _builder(fastmem, X, y, mode, threads, folder, rows)
    peak, before, done = [anonymous()], anonymous(), threading.Event()

    def look():
        while not done.wait(0.01):
            peak.append(anonymous())

    watching = threading.Thread(target=look)
    watching.start()
    wall, cpu = time.perf_counter(), time.process_time()
    network = build()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    done.set()
    watching.join()
    saved = Path(folder) / "network.safetensors"  # older commits save to paths alone
    network.save(saved)
    print(json.dumps({
        "cpu": cpu, "wall": wall, "peak": max(peak) - before, "m": network.n_hyperplanes,
        "bits": network.bits_per_label, "sha256": hashlib.sha256(saved.read_bytes()).hexdigest()[:16],
    }))  # fmt: skip


def _builder(fastmem, X, y, mode, threads, folder, rows):
    options = {"random_state": 0, "n_threads": threads}
    if mode == "memory":
        return lambda: fastmem.memorize(X, y, **options)
    if mode == "scratch" and rows is None:
        return lambda: fastmem.memorize(X, y, scratch=folder, **options)
    from fastmem.data.blocks import Source
    from fastmem.distributed import build_local

    options |= {name: fastmem.api.DEFAULTS[name] for name in (
        "store", "separate", "columns", "fingerprint_bits", "recognise", "negatives", "effort", "verify", "progress",
    )}  # fmt: skip
    options["random_state"] = np.random.default_rng(0)
    scratch = folder if mode == "scratch" else None
    return lambda: build_local(Source(X), y, scratch=scratch, rows=rows, **options)[0]


def run(folder, n, mode, threads, rows=None, beside=None):
    """The figures of `one` in a process of its own, with the package of a folder if one is given."""
    command = [sys.executable, __file__, "--one", folder, str(n), mode, str(threads), str(rows or 0)]
    environment = os.environ | ({"PYTHONPATH": beside} if beside else {})
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(result.stdout.splitlines()[-1])


def builds(options):
    """Time, memory and size."""
    print("| points | build | threads | CPU s | wall s | memory MB | bytes a point | hyperplanes | bits a label |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for n in options.points:
        make(options.folder, n)
        rows = [(mode, threads, None) for mode in options.modes for threads in options.threads]
        if options.beside and n <= 16_000_000:
            rows += [("memory", threads, options.beside) for threads in options.threads]
        best = {}
        for _ in range(options.rounds if n <= 16_000_000 else 1):  # in turns, so that other work meets all
            for row in rows:
                found = run(options.folder, n, row[0], row[1], beside=row[2])
                best[row] = min(best.get(row, found), found, key=lambda figures: figures["cpu"])
        for (mode, threads, beside), found in best.items():
            name = "before" if beside else MODES[mode]
            figures = f"{found['cpu']:.2f} | {found['wall']:.2f} | {found['peak'] / 1e6:.0f} | {found['peak'] / n:.1f}"
            print(f"| {n:,} | {name} | {threads} | {figures} | {found['m']} | {found['bits']:.4f} |", flush=True)
        _remove(options.folder, n)


def files(options):
    """SHA-256 of the file for blocks, threads, memory and files."""
    print("| points | rows of a block | threads | arrays | SHA-256 |")
    print("|---|---|---|---|---|", flush=True)
    for n in options.points:
        make(options.folder, n)
        for rows in (300_000, 2**19, 1_000_003):
            for threads in (1, 2):
                for mode in ("partitions", "scratch"):
                    found = run(options.folder, n, mode, threads, rows)["sha256"]
                    where = "memory" if mode == "partitions" else "files"
                    print(f"| {n:,} | {rows:,} | {threads} | {where} | {found} |", flush=True)
        _remove(options.folder, n)


def dask(options):
    """Builds on a cluster of two workers of one thread, X persisted and not; and a lazy `predict` of all points."""
    print("| points | X | CPU s: driver | workers | wall s | driver MB | bytes a point in each worker | SHA-256 |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for n in options.points:
        make(options.folder, n)
        for is_persisted in (False, True):
            command = [sys.executable, __file__, "--on-cluster", options.folder, str(n), str(int(is_persisted))]
            result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(result.stdout.splitlines()[-1])
            print(f"| {n:,} | {'persisted' if is_persisted else 'read'} | " + " | ".join([
                f"{found['driver_cpu']:.1f}", f"{found['worker_cpu']:.1f}", f"{found['wall']:.1f}",
                f"{found['driver'] / 1e6:.0f}", ", ".join(f"{peak / n:.1f}" for peak in found["workers"]),
                found["sha256"],
            ]) + " |", flush=True)  # fmt: skip
            if is_persisted:
                rates = {name: f"{n / found[name] / 1e6:.1f}" for name in ("lazy", "here")}
                print(f"lazy predict, two workers: {rates['lazy']} million rows a second; "
                      f"in one process on two threads: {rates['here']}", flush=True)  # fmt: skip
        _remove(options.folder, n)


class _Peak:
    """The largest amount of anonymous memory of this process, in a thread that looks."""

    def __init__(self):
        self.start = self.most = anonymous()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        while True:
            self.most = max(self.most, anonymous())
            time.sleep(0.01)


def _watch(dask_worker):
    dask_worker.fastmem_peak = _Peak()


def _seen(dask_worker):
    return dask_worker.fastmem_peak.most - dask_worker.fastmem_peak.start, time.process_time()


def _chunk(path, block_info=None):
    first, last = block_info[None]["array-location"][0]
    return np.array(np.load(path, mmap_mode="r")[first:last])


def on_cluster(folder, n, is_persisted):
    """One build on a cluster: its figures as JSON."""
    import dask.array as da
    from distributed import Client, LocalCluster, wait

    import fastmem

    paths = make(folder, n)
    rows = tuple(min(_BLOCK, n - start) for start in range(0, n, _BLOCK))
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit="6GiB", dashboard_address=":0", local_directory=folder
    )
    with cluster, Client(cluster) as client:
        X, y = (
            da.map_blocks(_chunk, str(path), chunks=chunks, dtype=dtype, meta=np.empty((0,) * len(chunks), dtype))
            for path, chunks, dtype in zip(paths, ((rows, (DIMENSION,)), (rows,)), (np.float32, np.uint8), strict=True)
        )
        if is_persisted:
            X, y = client.persist([X, y])
            wait([X, y])
        client.run(_watch)
        before, peak = {key: cpu for key, (_, cpu) in client.run(_seen).items()}, _Peak()
        wall, cpu = time.perf_counter(), time.process_time()
        network = fastmem.memorize(X, y, random_state=0)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        seen, driver = client.run(_seen), peak.most - peak.start
        lazy = time.perf_counter()
        wrong = int((network.predict(X) != y).sum().compute())
        lazy = time.perf_counter() - lazy
    assert wrong == 0
    mapped = np.load(paths[0], mmap_mode="r")
    here = time.perf_counter()
    network.predict(mapped, n_threads=2)
    here = time.perf_counter() - here
    print(json.dumps({
        "driver_cpu": cpu, "worker_cpu": sum(after - before[key] for key, (_, after) in seen.items()), "wall": wall,
        "driver": driver, "workers": [most for most, _ in seen.values()], "lazy": lazy, "here": here,
        "sha256": hashlib.sha256(network.to_bytes()).hexdigest()[:16],
    }))  # fmt: skip


def _remove(folder, n):
    for path in make(folder, n):
        path.unlink()


def main():
    """Print the tables that the command line asks for."""
    if sys.argv[1:2] == ["--one"]:
        folder, n, mode, threads, rows = sys.argv[2:]
        return one(folder, int(n), mode, int(threads), int(rows) or None)
    if sys.argv[1:2] == ["--on-cluster"]:
        folder, n, is_persisted = sys.argv[2:]
        return on_cluster(folder, int(n), is_persisted == "1")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    points = [1_000_000, 4_000_000, 16_000_000, 64_000_000]
    parser.add_argument("--table", choices=["builds", "dask", "files"], default="builds")
    parser.add_argument("--dask", action="store_const", const="dask", dest="table", help="as --table dask")
    parser.add_argument("--points", nargs="+", type=int, default=points)
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts, up to 16 million points")
    parser.add_argument("--beside", help="a checkout of another commit, with its kernels built")
    parser.add_argument("--folder", help="for data and scratch files; a new one beside this script by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder or Path(__file__).parent) as folder:
        options.folder = folder
        {"builds": builds, "dask": dask, "files": files}[options.table](options)


if __name__ == "__main__":
    main()
