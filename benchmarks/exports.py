"""What exported networks take: bytes, seconds to make, and nanoseconds a row in each runtime, on one thread.

    pip install ".[bench,onnx,torch]" && python benchmarks/exports.py

prints the table of docs/export.md. *Bytes* are those of the file; of C, those of the tables that a compiler makes of
it. *Write* includes loading by the runtime, and compiling of C by ``cc -O2``. Rows are predicted in one batch where
the runtime takes batches, best of several passes, all on the memorized points, whose labels are compared. Layers are
evaluated unit by unit, but for `predict` and Node.js, which must be installed.
"""

import ctypes
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from benchmarks.data import digits, random_bits, sphere
from measuring import fastest, print_header, print_row

import fastmem

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


def of_onnx(net, X, folder):
    """ONNX in float64, and onnxruntime."""
    net.to_onnx(folder / "net.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "net.onnx", options, providers=["CPUExecutionProvider"])
    points = {"X": X.astype(np.float64)}
    return (folder / "net.onnx").stat().st_size, lambda: session.run(["label"], points)[0]


def of_torch(net, X, folder):
    """A module in float64; its size is that of its state."""
    module, points = net.to_torch(), torch.from_numpy(X.astype(np.float64))
    torch.save(module.state_dict(), folder / "net.pt")
    return (folder / "net.pt").stat().st_size, lambda: module(points).numpy()


def of_c(net, X, folder):
    """C, one point at a time."""
    X = np.ascontiguousarray(X, np.float32)
    size = net.to_c(folder / "net.c", X=X).table_bytes
    (folder / "rows.c").write_text(ROWS_OF_C % net.n_features_in)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", "rows.so", "rows.c"], cwd=folder, check=True)
    predict_rows, labels = ctypes.CDLL(folder / "rows.so").predict_rows, np.empty(len(X), np.intc)

    def predict():
        predict_rows(ctypes.c_void_p(X.ctypes.data), ctypes.c_long(len(X)), ctypes.c_void_p(labels.ctypes.data))
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


RUNTIMES = {"predict": of_file, "onnxruntime": of_onnx, "PyTorch": of_torch, "C": of_c, "Node.js": of_js}


def main():
    """Print the table."""
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


if __name__ == "__main__":
    main()
