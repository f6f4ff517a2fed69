"""Figures of the recipes for networks outside of one Python process: see recipes.py, which prints them.

Memory is read from Linux. Compilers for Arm, Node.js and Chromium are left out where they are not installed.
"""

import functools
import http.server
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from benchmarks.data import digits, gaussian, random_bits, sphere
from measuring import fastest, print_header, print_row

import fastmem
from fastmem.theory import instances
from fastmem.theory.scaling import power_law

__all__ = ["browser", "microcontroller", "paper_figure", "serving"]

ROOT = Path(__file__).resolve().parent.parent
KNOWN = {"separate": "all", "fingerprint_bits": 16, "random_state": 0}


# Serving

N_CLIENTS, N_REQUESTS = 4, 300
MEMORY = """
import re, sys
import numpy as np, fastmem
if sys.argv[1] != "none":
    net = fastmem.load("net.safetensors", mmap=sys.argv[1] == "mapped")
    net.predict(np.load("rows.npy"), unknown=-1, n_threads=1)
lines = open("/proc/self/smaps_rollup").read()
print(sum(int(size) for size in re.findall(r"^Private_\\w+: +([0-9]+) kB", lines, re.MULTILINE)))
if sys.argv[2] == "stay":
    sys.stdout.flush()
    sys.stdin.read()
"""


def serving():
    """Calls in one process, requests a second of the page's program, and the memory of a second process."""
    X = gaussian(1_000_000, 16)
    y = np.random.default_rng(0).integers(0, 10, len(X))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        fastmem.memorize(X, y, **KNOWN).save(folder / "net.safetensors")
        for name, text in files_of("serving").items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "probe.json").write_text(json.dumps({"rows": X[:1].tolist(), "labels": y[:1].tolist()}))
        np.save(folder / "rows.npy", X[:1000])
        print_calls(folder, X)
        print_rates(folder, X)
        print_memory(folder)


def files_of(page):
    """The files that a recipe shows, as the tests find them."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tests" / "support" / "pages.py")
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    return pages.files_of(ROOT / "docs" / "recipes" / f"{page}.md")


def print_calls(folder, X):
    """What a call of `predict` takes in one thread of one process, in time of the processor."""
    net = fastmem.load(folder / "net.safetensors", mmap=True)
    print_header(["rows in a call", "given as", "median µs", "99 % within µs", "rows / s"])
    for n in (1, 100):
        for given, rows in (("array", X[:n]), ("lists", X[:n].tolist())):
            times = []
            for _ in range(5000):
                start = time.thread_time()
                net.predict(rows, unknown=-1, n_threads=1)
                times.append(1e6 * (time.thread_time() - start))
            median, slow = np.percentile(times, [50, 99])
            print_row([n, given, float(median), float(slow), f"{1e6 * n / median:,.0f}"])
    print()


def print_rates(folder, X):
    """What a request takes of the processor in the page's server, and so how many a second it answers."""
    print_header([
        "processes", "rows in a request", "a client waits at least, ms", "µs of the processor a request",
        "requests / s with a core for each process", "rows / s",
    ])  # fmt: skip
    for n_processes in (1, 2):
        command = [sys.executable, "serve.py", "0", str(n_processes), "spawn"]
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        server = subprocess.Popen(command, cwd=folder, **quiet)
        address = server.stdout.readline().strip().removeprefix("http://").split(":")
        for n in (1, 100):
            ask = functools.partial(answer, (address[0], int(address[1])), request(X[:n]))
            waits = min(seconds(ask) for _ in range(500))
            took = min(processor_seconds(server.pid, ask) for _ in range(3))
            rate = n_processes / took
            print_row([n_processes, n, 1000 * waits, 1e6 * took, f"{rate:,.0f}", f"{rate * n:,.0f}"])
        server.terminate()
        server.communicate()
    print()


def request(rows):
    """The bytes of a request for labels."""
    body = json.dumps({"rows": rows.tolist()})
    return f"POST /labels HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def answer(address, request):
    """Ask, and read all of the answer."""
    with socket.create_connection(address) as connection:
        connection.sendall(request)
        parts = list(iter(lambda: connection.recv(65536), b""))
    if not parts[0].startswith(b"HTTP/1.0 200"):
        raise RuntimeError(f"the server says {parts[0][:200]}")


def seconds(step):
    """Seconds it takes once."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def processor_seconds(pid, ask):
    """Seconds of the processor that the processes of a server take for a request, of many by some clients at once."""
    before = processor_time(pid)
    clients = [threading.Thread(target=lambda: [ask() for _ in range(N_REQUESTS)]) for _ in range(N_CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return (processor_time(pid) - before) / (N_CLIENTS * N_REQUESTS)


def processor_time(pid):
    """Seconds of the processor that the children of a process have taken."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) for child in children) / 1e9


def print_memory(folder):
    """Memory that a second process has for itself alone, by how it loads."""
    print_header(["a second process", "bytes of the file", "memory of its own, MB", "of that, for the network, MB"])
    without = second_process(folder, "none")
    size = (folder / "net.safetensors").stat().st_size
    print_row(["without a network", None, without / 1000, None])
    for how, given in (("mapped", "mmap=True"), ("read", "mmap=False")):
        took = second_process(folder, how)
        print_row([given, size, took / 1000, (took - without) / 1000])


def second_process(folder, how):
    """Kilobytes of private memory of a process, while another one has done the same and stays."""
    command = [sys.executable, "-c", MEMORY, how]
    with subprocess.Popen([*command, "stay"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        done = subprocess.run([*command, "end"], cwd=folder, capture_output=True, text=True, check=True)
        first.communicate()
    return int(done.stdout)


# A microcontroller

ARM = ("arm-none-eabi-gcc", "-mthumb")
PROCESSORS = {
    "this machine": ("gcc",),
    "Cortex-M0": (*ARM, "-mcpu=cortex-m0"),
    "Cortex-M4": (*ARM, "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
}
SPHERE = "sphere 10,000×32, random"
DATA = {"digits": digits, SPHERE: lambda: random_bits(sphere(10_000, 32)[0])}


def microcontroller():
    """Bytes of flash and stack by the compiler, for two networks with and without fingerprints."""
    print_header(["data", "fingerprint bits", "processor", "code", "tables", "flash", "stack, at most"])
    for name, data in DATA.items():
        for bits, options in ((0, {"random_state": 0}), (8, {**KNOWN, "fingerprint_bits": 8})):
            net = fastmem.memorize(*data(), **options)
            with tempfile.TemporaryDirectory() as folder:
                net.to_c(Path(folder, "net.c"), unsafe=True)
                for processor, compiler in PROCESSORS.items():
                    if shutil.which(compiler[0]):
                        code, tables, stack = compiled_sizes(folder, compiler)
                        print_row([name, bits, processor, code, tables, code + tables, stack])


def compiled_sizes(folder, compiler):
    """Bytes of code, of tables, and of the stack frames of all functions but the one for many points."""
    options = ["-Os", "-std=c99", "-DFASTMEM_NO_DOUBLE", "-fstack-usage"]
    subprocess.run([*compiler, *options, "-c", "net.c"], cwd=folder, check=True)
    size = compiler[0].replace("gcc", "size") if compiler[0] != "gcc" else "size"
    listed = subprocess.run([size, "-A", "net.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    sections = re.findall(r"^(\.text|\.rodata)\S* +(\d+)", listed, re.MULTILINE)
    code, tables = (sum(int(n) for name, n in sections if name == wanted) for wanted in (".text", ".rodata"))
    lines = [line.split() for line in Path(folder, "net.su").read_text().splitlines()]
    frames = {line[0].rpartition(":")[2]: int(line[1]) for line in lines}
    asked = max(frames.pop("fastmem_predict"), frames.pop("fastmem_contains", 0))
    del frames["fastmem_predict_many"]
    return code, tables, asked + sum(frames.values())


# A browser

# Times of the fastest of twenty rounds, and labels of all points.
TIMES = """
import { contains, nFeatures, predict, predictMany } from "./net.mjs";
export function measure(X) {
  const n = X.length / nFeatures, steps = {
    many: () => predictMany(X),
    one: () => { for (let i = 0; i < n; i++) predict(X.subarray(i * nFeatures, (i + 1) * nFeatures)); },
    known: () => { for (let i = 0; i < n; i++) contains(X.subarray(i * nFeatures, (i + 1) * nFeatures)); },
  };
  const found = { labels: Array.from(predictMany(X)) };
  for (let round = 0; round < 20; round++) for (const [name, step] of Object.entries(steps)) {
    const start = performance.now();
    step();
    found[name] = Math.min(found[name] ?? Infinity, (performance.now() - start) / 1000);
  }
  return found;
}
"""
IN_NODE = """
import { readFileSync } from "node:fs";
import { measure } from "./times.mjs";
console.log(JSON.stringify(measure(new Float32Array(Uint8Array.from(readFileSync("X.bin")).buffer))));
"""
IN_CHROMIUM = """<!doctype html>
<script type="module">
import { measure } from "./times.mjs";
const X = new Float32Array(await (await fetch("X.bin")).arrayBuffer());
await fetch("found", { method: "POST", body: JSON.stringify(measure(X)) });
</script>
"""


def browser():
    """Bytes of modules, and rows a second in Node.js and Chromium beside `predict`."""
    columns = ["data", "bytes", "compressed", "where", "rows / s, all at once", "one by one", "known? one by one"]
    print_header([*columns, "labels"])
    for name, data in DATA.items():
        X, y = data()
        X = np.ascontiguousarray(X, np.float32)
        net = fastmem.memorize(X, y, **KNOWN)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            net.to_js(folder / "net.mjs")
            X.tofile(folder / "X.bin")
            for file, text in (("times.mjs", TIMES), ("run.mjs", IN_NODE), ("index.html", IN_CHROMIUM)):
                (folder / file).write_text(text)
            text = (folder / "net.mjs").read_bytes()
            sizes = len(text), len(subprocess.run(["gzip", "-9"], input=text, capture_output=True, check=True).stdout)
            for where, (program, measure) in PLACES.items():
                if program and not shutil.which(program):
                    continue
                found = measure(folder, net, X)
                rates = [f"{len(X) / found[step]:,.0f}" for step in ("many", "one", "known")]
                right = "all" if found["labels"] == y.tolist() else "not all"
                print_row([name, *(sizes if where != "predict" else (None, None)), where, *rates, right])


def in_python(folder, net, X):
    """Seconds of `predict` and `contains` on one thread."""
    rows = [X[i : i + 1] for i in range(len(X))]
    steps = {
        "many": lambda: net.predict(X, n_threads=1),
        "one": lambda: [net.predict(row, n_threads=1) for row in rows],
        "known": lambda: [net.contains(row, n_threads=1) for row in rows],
    }
    return {"labels": net.predict(X).tolist(), **fastest(steps)}


def in_node(folder, net, X):
    """Seconds in Node.js."""
    done = subprocess.run(["node", "run.mjs"], cwd=folder, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


class Answers(http.server.SimpleHTTPRequestHandler):
    """The files of a folder; what is posted is kept."""

    def do_POST(self):
        self.server.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.is_told.set()

    def log_message(self, *_):
        pass


def in_chromium(folder, net, X):
    """Seconds in headless Chromium, which is ended when it has told them."""
    with http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(Answers, directory=folder)) as server:
        server.is_told = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            command = ["chromium", *options, f"--user-data-dir={profile}", address]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as chromium:
                is_told = server.is_told.wait(120)
                chromium.terminate()
        server.shutdown()
    if not is_told:
        raise RuntimeError("Chromium did not say anything")
    return server.found


PLACES = {
    "predict": (None, in_python),
    "Node.js": ("node", in_node),
    "Chromium": ("chromium", in_chromium),
}


# A figure for a paper

NAMES = {"baum1988": "Baum", "yun2019": "Yun et al.", "rajput2021": "Rajput et al.", "compact/integer": "compact"}
SIZES_OF = ("neurons", "weights")
SIZES = (100, 200, 400, 800, 1600, 3200, 6400)


def paper_figure():
    """Exponents of four constructions, with their intervals, and what the largest networks have."""
    measured = [(n, seed) for n in SIZES for seed in range(3)]
    built = []
    for n, seed in measured:
        points = instances.sphere(n, 16, seed)
        built += fastmem.compare(points.X, points.y, constructions=list(NAMES), random_state=seed, n_threads=1).rows
    columns = ["construction", "neurons ~ n^", "95 %", "weights ~ n^", "95 %", f"neurons of {SIZES[-1]:,}", "theorem's"]
    print_header(columns)
    for name, title in NAMES.items():
        rows = [row for row in built if row.name == name]
        laws = [power_law([n for n, _ in measured], [getattr(row, what) for row in rows]) for what in SIZES_OF]
        fitted = [text for law in laws for text in (f"{law.exponent:.3f}", f"{law.low:.3f} to {law.high:.3f}")]
        print_row(
            [title, *fitted, mean_of([row.neurons for row in rows[-3:]]), mean_of([row.bound for row in rows[-3:]])]
        )


def mean_of(sizes):
    """The mean, rounded to a whole number; None where there are none."""
    return None if None in sizes else round(float(np.mean(sizes)))
