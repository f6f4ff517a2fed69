"""Runs of equal values in a sorted array."""

import numpy as np

__all__ = ["run_starts"]


def run_starts(values):
    """Positions at which a run of equal values begins: int64 array, from 0, of an array that is not empty."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))
