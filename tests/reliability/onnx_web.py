"""ONNX files give the labels of `predict` in ONNX Runtime Web: in WebAssembly, as browsers run it.

Networks of every kind are exported as lookups, in float64 and where margins allow it in float32. JavaScript reads the
files under Node.js; each memorized row, and each other one that clears the bound of rounding, must get the label of
`predict`, and be known where `contains` says so.

    cd tests && python -m reliability.onnx_web

needs ``pip install ".[onnx]"``, Node.js, and npm, which puts onnxruntime-web into a temporary folder; with
``--package FOLDER`` it is taken from a folder in which npm has installed it.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from support import exported, saved

import fastmem

SCRIPT = """
import * as ort from "onnxruntime-web";
import { readFileSync, writeFileSync } from "node:fs";
ort.env.wasm.numThreads = 1;
for (const [name, dtype, rows, columns] of JSON.parse(readFileSync("models.json"))) {
    const bytes = readFileSync(name + ".rows");
    const kind = dtype === "float64" ? Float64Array : Float32Array;
    const numbers = new kind(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const session = await ort.InferenceSession.create(readFileSync(name + ".onnx"), { executionProviders: ["wasm"] });
    const outputs = await session.run({ X: new ort.Tensor(dtype, numbers, [rows, columns]) });
    const known = outputs.known === undefined ? null : Array.from(outputs.known.data, Boolean);
    writeFileSync(name + ".json", JSON.stringify([Array.from(outputs.label.data, Number), known]));
}
"""


def networks():
    """Networks by name, each with rows."""
    for name in exported.CASES:
        X, _, net = exported.case(name)
        yield net, np.concatenate([X, exported.others(X)]).astype(np.float64)
    rng = np.random.default_rng(0)
    for make, *_ in saved.NETWORKS.values():
        net = make()
        yield net, 3 * rng.standard_normal((2000, net.n_features_in))


def write(folder):
    """Export networks with their rows; what must be answered, by the name of the file."""
    expected = {}
    for number, (net, rows) in enumerate(networks()):
        for dtype in ("float64", "float32"):
            path = folder / f"{number}_{dtype}"
            try:
                net.to_onnx(path.with_suffix(".onnx"), dtype=dtype, output="index")
            except (fastmem.MarginTooSmall, fastmem.InvalidInput):  # a hash knows the rows, or float32 may lose labels
                continue
            X = np.delete(rows, net.unsafe_rows(rows, dtype), axis=0)
            path.with_suffix(".rows").write_bytes(X.astype(dtype).tobytes())
            known = net.contains(X).tolist() if net.fingerprint_bits else None
            expected[path.name] = dtype, X.shape, net.predict(X), net.classes, known
    models = [[name, dtype, *shape] for name, (dtype, shape, *_) in expected.items()]
    (folder / "models.json").write_text(json.dumps(models))
    return expected


def run(folder, package):
    """Run all models under Node.js."""
    (folder / "run.mjs").write_text(SCRIPT)
    if package is None:
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "onnxruntime-web"]
        subprocess.run(command, cwd=folder, check=True)
    else:
        (folder / "node_modules").symlink_to(package.resolve() / "node_modules")
    subprocess.run(["node", "run.mjs"], cwd=folder, check=True)


def main():
    """Compare all rows of all networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path)
    options = parser.parse_args()
    n_rows = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = write(folder)
        run(folder, options.package)
        for model, (_, shape, labels, classes, known) in expected.items():
            index, answered = json.loads((folder / f"{model}.json").read_text())
            assert np.array_equal(classes[index], labels), model
            assert answered == known, model
            n_rows += shape[0]
    print(f"onnxruntime-web: {len(expected)} models, {n_rows} rows, no fault")


if __name__ == "__main__":
    main()
