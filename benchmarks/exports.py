"""What exported networks take: bytes, seconds to make, and nanoseconds a row in each runtime, on one thread.

    pip install ".[bench,onnx,torch]" && python benchmarks/exports.py

prints the table of docs/export.md. *Bytes* are those of the file; of C, those of the tables that a compiler makes of
it. *Write* includes loading by the runtime, and compiling: of C by ``cc -O2``, of PyTorch by ``torch.compile``. Rows
are predicted in one batch where the runtime takes batches, in onnxruntime 10,000 at a time, best of several passes, all
on the memorized points, whose labels are compared. Where it says *layers* every unit is evaluated. *C* is called for
one row at a time, built by ``cc -O2``, *C, many* once for all rows, built by ``cc -O3 -march=native``, *C, layers* as
*C*. Node.js must be installed.

    python benchmarks/exports.py --table c_tables

prints what C tables take, beside the bytes of the network's parameters.
"""

import ctypes
import functools
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from benchmarks.data import digits, random_bits, sphere
from measuring import fastest, print_header, print_row, print_tables

import fastmem

BATCH = 10_000
COLUMNS = ("data", "store", "runtime", "bytes", "write s", "ns a row", "labels")
ROWS_OF_C = """
#include "net.c"
void predict_rows(const coordinate *X, long n, int *labels)
{
    for (long i = 0; i < n; i++)
        labels[i] = fastmem_predict(X + i * (long)(%d));
}
"""
# Labels of all points for each line that is read; they are written once.
ROWS_OF_JS = """
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { predictMany } from "./net.mjs";
const X = new Float32Array(Uint8Array.from(readFileSync("X.bin")).buffer);
writeFileSync("labels.bin", predictMany(X));
createInterface({ input: process.stdin }).on("line", () => console.log(predictMany(X).length));
"""


DATA = {
    "digits": digits,
    "sphere 10k×32, random": lambda: random_bits(sphere(10_000, 32)[0]),
    "sphere 100k×32, random": lambda: random_bits(sphere(100_000, 32)[0]),
}


def of_file(net, X, folder):
    """The network's own file, and `predict`."""
    net.save(folder / "net.safetensors")
    return (folder / "net.safetensors").stat().st_size, lambda: net.predict(X, n_threads=1)


def of_onnx(form, net, X, folder):
    """ONNX in float64, and onnxruntime."""
    net.to_onnx(folder / "net.onnx", form=form)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "net.onnx", options, providers=["CPUExecutionProvider"])
    batches = np.array_split(X.astype(np.float64), -(-len(X) // BATCH))
    return (folder / "net.onnx").stat().st_size, lambda: np.concatenate(
        [session.run(["label"], {"X": batch})[0] for batch in batches]
    )


def of_torch(net, X, folder, form="lookup"):
    """A module in float64; its size is that of its state."""
    module, points = net.to_torch(form=form), torch.from_numpy(X.astype(np.float64))
    torch.save(module.state_dict(), folder / "net.pt")
    return (folder / "net.pt").stat().st_size, lambda: module(points).numpy()


def of_torch_compiled(net, X, folder):
    """The same module, compiled for these points."""
    torch.compiler.reset()
    module, points = net.to_torch(), torch.from_numpy(X.astype(np.float64))
    compiled = torch.compile(module, fullgraph=True)
    compiled(points)
    torch.save(module.state_dict(), folder / "net.pt")
    return (folder / "net.pt").stat().st_size, lambda: compiled(points).numpy()


def of_torch_layers(net, X, folder):
    """A module of all units."""
    return of_torch(net, X, folder, form="layers")


def of_c(net, X, folder):
    """C, one point a call."""
    return _of_c(net, X, folder, "-O2")


def of_c_many(net, X, folder):
    """C, all points in one call."""
    return _of_c(net, X, folder, "-O3", "-march=native", function="fastmem_predict_many")


def of_c_layers(net, X, folder):
    """C, one point a call, every unit."""
    return _of_c(net, X, folder, "-O2", form="layers")


def _of_c(net, X, folder, *flags, form="lookup", function="predict_rows"):
    X = np.ascontiguousarray(X, np.float32)
    folder = Path(tempfile.mkdtemp(dir=folder))
    size = net.to_c(folder / "net.c", X=X, form=form).table_bytes
    (folder / "rows.c").write_text(ROWS_OF_C % net.n_features_in)
    subprocess.run(["cc", *flags, "-shared", "-fPIC", "-o", "rows.so", "rows.c"], cwd=folder, check=True)
    run, labels = getattr(ctypes.CDLL(folder / "rows.so"), function), np.empty(len(X), np.intc)

    def predict():
        run(ctypes.c_void_p(X.ctypes.data), ctypes.c_long(len(X)), ctypes.c_void_p(labels.ctypes.data))
        return labels

    return size, predict


def of_js(net, X, folder):
    """JavaScript in float32, and Node.js in a process of its own, which ends when nothing more is asked."""
    X = np.ascontiguousarray(X, np.float32)
    net.to_js(folder / "net.mjs", X=X)
    X.tofile(folder / "X.bin")
    (folder / "rows.mjs").write_text(ROWS_OF_JS)
    node = subprocess.Popen(["node", "rows.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def predict():
        node.stdin.write(b"\n")
        node.stdin.flush()
        if int(node.stdout.readline() or -1) != len(X):
            raise RuntimeError("Node.js ended")
        return np.fromfile(folder / "labels.bin", np.int32)

    predict()
    return (folder / "net.mjs").stat().st_size, predict


RUNTIMES = {
    "predict": of_file,
    "onnxruntime": functools.partial(of_onnx, "lookup"),
    "onnxruntime, layers": functools.partial(of_onnx, "layers"),
    "PyTorch": of_torch,
    "PyTorch, compiled": of_torch_compiled,
    "PyTorch, layers": of_torch_layers,
    "C": of_c,
    "C, many": of_c_many,
    "C, layers": of_c_layers,
    "Node.js": of_js,
}


def runtimes():
    """Bytes, seconds to write, and nanoseconds a row in each runtime."""
    torch.set_num_threads(1)
    print_header(COLUMNS)
    for name, data in DATA.items():
        X, y = data()
        for store in ("binary", "integer"):
            net = fastmem.memorize(X, y, store=store, random_state=0)
            with tempfile.TemporaryDirectory() as folder:
                written = {}
                for runtime, export in RUNTIMES.items():
                    start = time.perf_counter()
                    size, predict = export(net, X, Path(folder))
                    written[runtime] = size, time.perf_counter() - start, predict
                seconds = fastest({runtime: predict for runtime, (_, _, predict) in written.items()})
                for runtime, (size, wrote, predict) in written.items():
                    wrong = int(np.count_nonzero(predict() != y))
                    right = "all" if wrong == 0 else f"all but {wrong}"
                    print_row((name, store, runtime, size, wrote, seconds[runtime] / len(X) * 1e9, right))


def c_tables():
    """Bytes of C tables, and of the parameters that they are made from."""
    print_header(("data", "parameters", "hyperplanes", "store", "known", "tables", "tables / parameters"))
    digits_known = {"separate": "all", "fingerprint_bits": 8}
    for name, options in (("sphere 100k×32, random", {}), ("digits", {}), ("digits", digits_known)):
        net = fastmem.memorize(*DATA[name](), random_state=0, **options)
        with tempfile.TemporaryDirectory() as folder:
            size = net.to_c(Path(folder, "net.c"), unsafe=True)
        name += ", fingerprints" if options else ""
        parts = size.layer_bytes[0], size.store_bytes, size.known_bytes, size.table_bytes
        print_row((name, net.nbytes, *parts, size.table_bytes / net.nbytes))


if __name__ == "__main__":
    print_tables(__doc__, [runtimes, c_tables])
