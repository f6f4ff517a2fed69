"""Points with the same signs so far share a bucket; a bucket is open while it holds two that must differ."""

import numpy as np

from fastmem.runs import run_starts

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
        self.rows = np.argsort(classes, kind="stable")
        self.starts = np.array([0, len(classes)], np.int64)
        self._close(self.starts[:1], self.starts[1:])

    @property
    def n_points(self):
        """Number of points in open buckets."""
        return len(self.rows)

    @property
    def n_buckets(self):
        """Number of open buckets."""
        return len(self.starts) - 1

    @property
    def spare_bits(self):
        """How many signs `refine` takes at once: a bucket's number and its new signs share 64 bits."""
        return 64 - max(self.n_buckets - 1, 0).bit_length()

    def refine(self, codes, n_bits):
        """Split every bucket by new signs and close what is done.

        Parameters
        ----------
        codes : uint64 array
            New signs of each of `rows`, below 2^n_bits; overwritten.
        n_bits : int
            At most `spare_bits`.

        Returns
        -------
        bool
            Whether any bucket was split.
        """
        sizes = np.diff(self.starts)
        if n_bits < 64:  # with 64 signs there is one bucket only
            codes |= np.repeat(np.arange(self.n_buckets, dtype=np.uint64), sizes) << np.uint64(n_bits)
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        self.rows = self.rows[order]
        firsts = run_starts(codes)
        split = len(firsts) > self.n_buckets
        self._close(firsts, np.append(firsts[1:], len(codes)))
        return split

    def _close(self, firsts, ends):
        """Keep the buckets rows[firsts[k]:ends[k]] that hold two classes: sorted, so the ends show it."""
        classes = self.classes
        open_ = np.flatnonzero(classes[self.rows[firsts]] != classes[self.rows[ends - 1]])
        sizes = (ends - firsts)[open_]
        self.starts = np.append(0, np.cumsum(sizes))
        if self.n_points != self.starts[-1]:
            keep = np.zeros(self.n_points + 1, np.int8)
            keep[firsts[open_]] += 1
            keep[ends[open_]] -= 1
            self.rows = self.rows[np.cumsum(keep[:-1], dtype=np.int8).astype(bool)]

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
            return self.rows, self.starts, full.astype(np.float64)
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
        rows = np.unique(self.starts[chosen][bucket] + drawn)  # sorted: bucket by bucket, class by class
        starts = np.append(np.searchsorted(rows, self.starts[chosen]), len(rows))
        return self.rows[rows], starts, full[chosen].astype(np.float64)
