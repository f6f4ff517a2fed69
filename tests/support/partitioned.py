"""Limits so low that a build of some hundred points goes through every stage of one of a billion."""

import numpy as np

from fastmem import api
from fastmem.data.blocks import Source
from fastmem.distributed import build, build_local, local, ranges, recognition, samples

__all__ = ["Sliced", "in_partitions", "tiny"]

LIMITS = [
    (build, {"_AT_ONCE": 40, "_LEAST_AT_ONCE": 20}),
    (ranges, {"CODES_A_RANGE": 64}),
    (samples, {"_COUNTED": 256, "_LEAST_COUNTED": 128, "_TAKEN": 128, "_LEAST_TAKEN": 64}),
    (local, {"_MOST_ROWS": 90, "_TOGETHER": 100}),
    (recognition, {"_SAMPLED": 200}),
]


def tiny(monkeypatch):
    """Set the limits until the end of a test."""
    for home, of in LIMITS:
        for name, value in of.items():
            monkeypatch.setattr(home, name, value)


def in_partitions(X, y, *, scratch=None, rows=None, n_threads=1, random_state=0, **options):
    """The network of a partitioned build, in memory by default, with partitions of so many rows."""
    names = ("store", "separate", "columns", "fingerprint_bits", "recognise", "negatives", "effort", "verify")
    options = {name: api.DEFAULTS[name] for name in (*names, "progress")} | options
    network, wrong = build_local(
        Source(X), y, scratch=scratch, rows=rows, n_threads=n_threads, random_state=np.random.default_rng(random_state),
        **options,
    )  # fmt: skip
    assert wrong == []
    return network


class Sliced:
    """What is sliced like an array, as arrays of Zarr are, and has no other way in."""

    def __init__(self, array, chunks=None):
        self._array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, chunks

    def __getitem__(self, rows):
        return self._array[rows]
