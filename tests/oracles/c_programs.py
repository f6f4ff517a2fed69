"""Networks compiled from their C files, and the inputs that are hardest for them."""

import ctypes
import platform
import shutil
import subprocess

import numpy as np

STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2")
FREE = ("-std=gnu11", "-O3", "-ffp-contract=fast", *(["-march=native"] if platform.machine() == "x86_64" else []))
TINY = [0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 2.0**-149, -(2.0**-149), 3 * 2.0**-149, 2.0**-127, 1e-40]
HUGE = [1e300, -1e300, 1e308, -1.7e308, 3e38, -3.4e38, 1e200]

BATCH = """
#include "{file}"
void predict_rows(const coordinate *X, long n, int *out)
{{
    for (long i = 0; i < n; i++)
        out[i] = {name}_predict(X + i * {d});
}}
"""
CONTAINS = """
void contains_rows(const coordinate *X, long n, int *out)
{{
    for (long i = 0; i < n; i++)
        out[i] = {name}_contains(X + i * {d});
}}
"""


class Program:
    """A network compiled from its C file."""

    def __init__(self, compiler, folder, net, flags=STRICT, *, dtype="float32", name="fastmem", unsafe=True, **options):
        self.dtype, self.folder, self.name = dtype, folder, name
        self.size = net.to_c(folder / "net.c", dtype=dtype, name=name, unsafe=unsafe, **options)
        text = BATCH + CONTAINS * (net.fingerprint_bits > 0)
        (folder / "rows.c").write_text(text.format(file="net.c", d=net.n_features_in, name=name))
        compiled([compiler, *flags, "-shared", "-fPIC", "rows.c", "-o", "rows.so"], folder)
        self.library = ctypes.CDLL(str(folder / "rows.so"))

    def predict(self, X):
        return self._rows(self.library.predict_rows, X)

    def contains(self, X):
        return self._rows(self.library.contains_rows, X)

    def _rows(self, function, X):
        assert X.dtype == self.dtype
        X, out = np.ascontiguousarray(X), np.zeros(len(X), np.intc)
        function(ctypes.c_void_p(X.ctypes.data), ctypes.c_long(len(X)), ctypes.c_void_p(out.ctypes.data))
        return out


ALONE = """
#include <stdio.h>
#include "net.c"
int main(void)
{{
    static coordinate x[{d}];
    while (fread(x, sizeof *x, {d}, stdin) == {d}) {{
        int many[1];
        fastmem_predict_many(x, 1, many);
        printf("%d %d %d\\n", fastmem_predict(x), many[0], {contains});
    }}
    return 0;
}}
"""
SANITIZED = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def answers_of_program(compiler, folder, net, X, *flags, **options):
    """Labels, once more by ``predict_many``, and what is known, of a program that reads rows: int array (n, 3)."""
    net.to_c(folder / "net.c", unsafe=True, **options)
    contains = "fastmem_contains(x)" if net.fingerprint_bits else "0"
    (folder / "alone.c").write_text(ALONE.format(d=net.n_features_in, contains=contains))
    compiled([compiler, *flags, "alone.c", "-o", "alone"], folder)
    done = subprocess.run([folder / "alone"], input=X.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return np.array(done.stdout.split(), np.int64).reshape(-1, 3)


def compiled(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def find_compiler():
    """The machine's C compiler, or None."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def as_dtype(X, dtype):
    with np.errstate(over="ignore", under="ignore"):
        return X.astype(dtype) if dtype == "float64" else np.clip(X, -3.4e38, 3.4e38).astype(dtype)


def near_hyperplanes(net, dtype, n=2000, seed=2):
    """Points on a hyperplane or one ulp beside it: a coordinate solves w.x = t as far as the dtype can."""
    units, rng = net.units_read, np.random.default_rng(seed)  # those too that only tell known points from others
    weights, thresholds = units.hyperplanes.weights, units.hyperplanes.thresholds
    weights = weights if units.reading is None else units.reading.of_all(weights)
    X = np.repeat(as_dtype(rng.standard_normal((n, net.n_features_in)), dtype).astype(np.float64), 3, axis=0)
    chosen = rng.integers(0, len(weights), n).repeat(3)
    w, t = weights[chosen].astype(np.float64), thresholds[chosen]
    at = np.arange(len(X)), np.argmax(np.abs(w), axis=1)
    X[at] = 0
    with np.errstate(all="ignore"):
        solved = as_dtype(np.nan_to_num((t - (w * X).sum(axis=1)) / w[at]), dtype)
    X = X.astype(dtype)
    end = np.finfo(dtype).max
    beside = np.stack([np.nextafter(solved, -end), solved, np.nextafter(solved, end)])
    X[at] = beside[np.arange(len(X)) % 3, np.arange(len(X))]
    return X


def hard_rows(net, dtype, n=500, seed=3):
    """Points of many magnitudes, subnormal and huge ones, and points near hyperplanes."""
    d, rng = net.n_features_in, np.random.default_rng(seed)
    parts = [rng.choice([*TINY, *HUGE, 1.0, -2.0], (n, d)), rng.choice(TINY, (n, d))]
    parts.append(np.ldexp(rng.standard_normal((n, d)), rng.integers(-1070, 1000, (n, d))))
    parts = [as_dtype(part, dtype) for part in parts]
    return np.concatenate([*parts, near_hyperplanes(net, dtype)] if net.units_read.hyperplanes.m else parts)
