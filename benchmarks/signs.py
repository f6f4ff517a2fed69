"""The sign pass beside ``X @ W``, and the share of the core's peak that either reaches.

    python benchmarks/signs.py

prints a Markdown table, all on one thread and in one process, times the best of several taken in turns. Points are
Gaussian and float32, the m hyperplanes random; *signs* is `fastmem.hyperplanes.Encoder.codes`, every sign exact.

- signs / X@W, and GFLOP/s of both, 2 n d m operations counted for either;
- % of peak: of the multiply-adds that one core can do in float32. The peak is measured before the table, in this
  process, by a loop over registers compiled with the C compiler (`cc`, or what CC names), for the widest vectors the
  processor has: 16 lanes with AVX-512, else 8 with AVX2. Empty without a compiler or on another processor;
- undecided: the share of signs that the float32 step left to float64 arithmetic;
- predict / signs: `predict` over its own sign pass, for a network that memorizes random labels of the same points, with
  as many hyperplanes as that takes; left out below 8 dimensions, where it takes thousands.
"""

import ctypes
import os
import platform
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks.data import SIGN_SHAPES, encoder_of_shape, gaussian
from measuring import fastest, print_header, print_row
from threadpoolctl import threadpool_limits

import fastmem
from fastmem.data.points import Points

# Twelve chains of dependent multiply-adds, more than the latency times the number of units that do them.
PEAK = """
#include <immintrin.h>
#define CHAINS 12
float peak(long steps, float factor, float term) {
    VECTOR chains[CHAINS], f = SET(factor), t = SET(term);
    for (int i = 0; i < CHAINS; i++) chains[i] = SET((float)i);
    for (long step = 0; step < steps; step++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) chains[i] = FMA(chains[i], f, t);
    }
    VECTOR sum = chains[0];
    for (int i = 1; i < CHAINS; i++) sum = ADD(sum, chains[i]);
    return ((float *)&sum)[0];
}
"""
CHAINS, STEPS = 12, 100_000  # well under a millisecond: some runs meet no other work
WIDTHS = {"avx512": (16, "-mavx512f", "_mm512", "__m512"), "avx2": (8, "-mavx2 -mfma", "_mm256", "__m256")}


def peak_loop():
    """The compiled loop and its lanes, for the widest vectors of this processor, or None."""
    if platform.machine() not in ("x86_64", "AMD64") or not Path("/proc/cpuinfo").exists():
        return None
    flags = set(next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if "flags" in line).split())
    isa = "avx512" if "avx512f" in flags else "avx2" if {"avx2", "fma"} <= flags else None
    if isa is None:
        return None
    lanes, options, prefix, vector = WIDTHS[isa]
    names = {"VECTOR": vector, "SET": f"{prefix}_set1_ps", "FMA": f"{prefix}_fmadd_ps", "ADD": f"{prefix}_add_ps"}
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "peak.c", Path(folder) / "peak.so"
        source.write_text(PEAK)
        command = [
            *shlex.split(os.environ.get("CC", "cc")), "-O2", *options.split(), "-shared", "-fPIC",
            *(f"-D{name}={value}" for name, value in names.items()), str(source), "-o", str(library),
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        peak = ctypes.CDLL(str(library)).peak
    peak.argtypes, peak.restype = [ctypes.c_long, ctypes.c_float, ctypes.c_float], ctypes.c_float
    return isa, lanes, peak


def measured_peak():
    """Name of the vectors and operations a second of the loop, or None."""
    loop = peak_loop()
    if loop is None:
        return None
    isa, lanes, peak = loop
    best = min(seconds(lambda: peak(STEPS, 0.999, 1e-3)) for _ in range(1000))
    return isa, 2 * lanes * CHAINS * STEPS / best


def seconds(step):
    """Seconds it takes once."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def measure(n, d, m, peak):
    """One row."""
    X = gaussian(n, d)
    encoder, points = encoder_of_shape(X, m), Points(X)
    W, product = np.ascontiguousarray(encoder.hyperplanes.weights.T), np.empty((n, m), np.float32)
    times = fastest({
        "signs": lambda: encoder.codes(points, 1), "X@W": lambda: X @ W, "into": lambda: np.dot(X, W, product),
    }, rounds=7)  # fmt: skip
    steps = encoder.hyperplanes.sign_steps(points)
    rates = {name: 2 * n * d * m / times[name] for name in ("signs", "X@W")}
    print_row([
        f"{n:,}", d, m, 1e3 * times["signs"], 1e3 * times["X@W"], times["signs"] / times["X@W"],
        times["signs"] / times["into"], *(f"{rate / 1e9:.1f}" for rate in rates.values()),
        *(f"{100 * rate / peak:.0f}" if peak else None for rate in rates.values()),
        f"{1 - steps['float32'] / sum(steps.values()):.1e}", predict_over_signs(X),
    ])  # fmt: skip


def predict_over_signs(X):
    """Seconds of `predict` over those of its sign pass, for a network that memorizes random labels of the points."""
    if X.shape[1] < 8:
        return None
    net = fastmem.memorize(X, np.random.default_rng(1).integers(0, 2, len(X)), random_state=0, n_threads=1)
    points = Points(X).on(net.reading)
    times = fastest({
        "predict": lambda: net.predict(X, n_threads=1), "signs": lambda: net.encoder.codes(points, 1),
    }, rounds=5)  # fmt: skip
    return times["predict"] / times["signs"]


def main():
    """Print the table."""
    with threadpool_limits(1):
        measured = measured_peak()
        if measured is None:
            print("Peak not measured: that takes an x86 processor with AVX2 and a C compiler.\n")
        else:
            print(f"Peak of one core with {measured[0]}: {measured[1] / 1e9:.1f} GFLOP/s in float32.\n")
        print_header([
            "n", "d", "m", "signs ms", "X@W ms", "signs / X@W", "signs / np.dot(X, W, out)", "signs GFLOP/s",
            "X@W GFLOP/s", "signs % of peak", "X@W % of peak", "undecided", "predict / signs",
        ])  # fmt: skip
        for shape in SIGN_SHAPES:
            measure(*shape, measured and measured[1])


if __name__ == "__main__":
    main()
