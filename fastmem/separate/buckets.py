"""Points with the same signs so far share a bucket; a bucket is open while it holds two that must differ."""

import numpy as np

from fastmem._kernels import sort as kernels
from fastmem.data.sorting import distinct, sort_codes

__all__ = ["Buckets"]


class Buckets:
    """The points in open buckets, bucket by bucket and, inside a bucket, class by class.

    Parameters
    ----------
    classes : int32 array of shape (n,)
        Points must be told apart if and only if their classes differ.

    Attributes
    ----------
    rows : int64 array
        The points in open buckets.
    starts : int64 array of shape (b + 1,)
        Bucket k is ``rows[starts[k]:starts[k + 1]]``.
    """

    def __init__(self, classes):
        self.classes = classes
        self.rows = np.arange(len(classes))
        if np.any(classes[1:] < classes[:-1]):
            _, self.rows = sort_codes(classes.astype(np.uint64), self.rows)
        self.starts = np.array([0, len(classes)], np.int64)
        self.refine(np.zeros(len(classes), np.uint64))

    @property
    def n_points(self):
        """Number of points in open buckets."""
        return len(self.rows)

    @property
    def n_buckets(self):
        """Number of open buckets."""
        return len(self.starts) - 1

    def as_classes(self):
        """The classes with each open bucket as one of its own: int32 array of shape (n,)."""
        classes = self.classes.copy()
        classes[self.rows] = int(classes.max()) + 1 + np.repeat(np.arange(self.n_buckets), np.diff(self.starts))
        return classes

    def refine(self, codes):
        """Split every bucket by new signs and close what is done.

        Parameters
        ----------
        codes : uint64 array
            New signs of each of `rows`; overwritten, and so is `rows`.

        Returns
        -------
        bool
            Whether any bucket was split.
        """
        before = self.n_buckets
        largest = np.diff(self.starts).max(initial=0)
        starts = np.empty(self.n_points // 2 + 1, np.int64)  # an open bucket holds two points
        n_open, parts = kernels.split_buckets(
            codes, self.rows, self.starts, self.classes,
            np.empty(largest, np.uint64), np.empty(largest, np.int64), np.empty(kernels.COUNTS, np.int64), starts,
        )  # fmt: skip
        self.starts = starts[: n_open + 1].copy()
        self.rows = self.rows[: self.starts[-1]]
        return parts > before

    def sample(self, size, random_state):
        """Draw about `size` points, a few from each of some open buckets, or all if they are no more than that.

        Each sampled bucket contributes two points that must differ at least, and points are drawn without
        repetition.

        Returns
        -------
        rows : int64 array
            Sampled points, bucket by bucket and class by class.
        starts : int64 array
            Bucket k of the sample is ``rows[starts[k]:starts[k + 1]]``.
        sizes : float64 array
            Full sizes of the sampled buckets.
        """
        full = np.diff(self.starts)
        if self.n_points <= size:
            return self.rows.copy(), self.starts, full.astype(np.float64)
        share = max(8, -(-size // self.n_buckets))
        chosen = random_state.choice(self.n_buckets, min(self.n_buckets, size // 2), replace=False)
        taken = np.cumsum(np.minimum(full[chosen], share))
        chosen = np.sort(chosen[: max(1, np.searchsorted(taken, size))])
        counts = np.minimum(full[chosen], share)
        bucket = np.repeat(np.arange(len(chosen)), counts)
        place = np.arange(len(bucket)) - np.repeat(np.cumsum(counts) - counts, counts)
        whole = (full[chosen] <= share)[bucket]
        length = full[chosen][bucket]
        drawn = np.where(whole, place, (random_state.random(len(bucket)) * length).astype(np.int64))
        drawn = np.where(place == 0, 0, np.where(place == counts[bucket] - 1, length - 1, drawn))
        rows = distinct(self.starts[chosen][bucket] + drawn)  # sorted: bucket by bucket, class by class
        starts = np.append(np.searchsorted(rows, self.starts[chosen]), len(rows))
        return self.rows[rows], starts, full[chosen].astype(np.float64)
