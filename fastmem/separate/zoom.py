"""A closer look: where open buckets are tiny beside the extent of all points, hyperplanes are chosen around one.

In clusters far apart, points of one cluster coincide in coordinates that show all of them, and float32 weights leave
no freedom to a hyperplane that is to pass through two clusters. In a frame of its own each cluster is as other data.
"""

import math

import numpy as np

__all__ = ["around_one_bucket"]

_NARROW = 2.0**-22  # a few roundings of float32 weights: extent of a bucket, in the frame of the sample
_FEWEST = 8  # points: of fewer, a hyperplane of their own would split no more than any other
_AROUND = 8.0  # how far around it points are taken, in its extents


def around_one_bucket(sample, random_state):
    """Positions of the sample's points near a random bucket, and where their buckets begin; None where none is needed.

    Parameters
    ----------
    sample : Sample
        None of its buckets has been split.
    random_state : numpy.random.Generator

    Returns
    -------
    positions : int64 array of shape (t,)
        Bucket by bucket, of those buckets that still hold two points that must differ.
    starts : int64 array of shape (b + 1,)
    buckets : int64 array of shape (b,)
        Their numbers in the sample.
    """
    firsts = sample.starts[:-1]
    lowest = np.minimum.reduceat(sample.coordinates, firsts, axis=0)
    highest = np.maximum.reduceat(sample.coordinates, firsts, axis=0)
    extents = (highest - lowest).max(axis=1)
    narrowest = _NARROW * math.sqrt(sample.d)
    if np.median(extents) > narrowest:
        return None
    narrow = np.flatnonzero(extents <= narrowest)
    chosen = int(narrow[random_state.integers(len(narrow))])
    middle = lowest[chosen] / 2 + highest[chosen] / 2
    reach = _AROUND * max(float(extents[chosen]), 1e-300)
    near = np.flatnonzero((np.abs(sample.coordinates - middle) <= reach).all(axis=1))
    bucket = np.repeat(np.arange(len(firsts)), np.diff(sample.starts))[near]
    classes = sample.classes[near]
    # Inside a bucket points are sorted by class.
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    ends = np.append(starts[1:], len(near))
    is_open = classes[starts] != classes[ends - 1]
    counts = (ends - starts)[is_open]
    if counts.sum() < _FEWEST:
        return None
    return near[np.repeat(is_open, ends - starts)], np.append(0, np.cumsum(counts)), bucket[starts[is_open]]
