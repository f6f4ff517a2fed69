"""Samples of the points that are open: some buckets, whole, whatever partitions they lie in.

Points with one code are a bucket, and open if two classes are among them. Every partition counts its pairs of code and
class where a hash of the code is low. Added up, these are some of all buckets, with all their points: which of them are
open, how large they are, and, by their share, about how many points are open in all. Of some open buckets the driver
asks for points: of a pair of which only a share is wanted, those whose row number has a low hash. So a bucket of a
billion points costs no more than others. Nothing depends on partitions.
"""

import numpy as np

from fastmem.data.points import Points, first_of_equal
from fastmem.data.sorting import run_starts, sort_codes
from fastmem.distributed import partitions

__all__ = ["Samples"]

_COUNTED, _COUNTED_OF, _LEAST_COUNTED = 2**20, 4, 2**15  # points: most, one in so many, least
_TAKEN, _TAKEN_OF, _LEAST_TAKEN = 2**18, 16, 2**14
_NUMBERS, _FEWEST = 2**23, 2**10  # coordinates of points that are taken; points of very many
_OF_A_CLASS = 8  # points, where a bucket has few classes
_ALL = 2**64 - 1


class Samples:
    """Samples of one build.

    Attributes
    ----------
    draw : int
        How many there were.
    """

    def __init__(self, build):
        self._build, self.draw = build, 0

    @property
    def size(self):
        """About how many points a sample has."""
        executor = self._build.executor
        most = max(_NUMBERS // executor.d, _FEWEST)
        return min(max(executor.n // _TAKEN_OF, _LEAST_TAKEN), _TAKEN, most)

    def first(self):
        """Some of all points: `Points` with all columns, their classes as int32 array, and their rows."""
        build, n = self._build, self._build.executor.n
        share = self.size / n
        if build.counts is not None:
            share = np.maximum(share, _boost(self.size, build.counts))
        limits = partitions.limits_of(share)
        found = build.executor.map(partitions.drawn, build.index, shared=(limits, 0), what="drawing a sample")
        rows, index, coordinates = partitions.joined(found)
        points = Points(coordinates)
        return points, self._classes(points, index), rows

    def open(self):
        """Some of the open points: `Points`, classes and rows, the numbers of their buckets, and how many are open."""
        build, share = self._build, self._share
        self.draw += 1
        limit = np.uint64(min(int(share * 2.0**64), _ALL))
        most = 4 * int(_COUNTED * build.executor.rows / build.executor.n + 1024)
        found = build.executor.map(partitions.pairs, *self._columns, shared=(limit, most))
        of_open = _of_open(*partitions.joined(found))
        if not len(of_open[0]):
            return Points(np.empty((0, build.executor.d))), *(np.empty(0, np.int64),) * 3, 0.0
        return *self._taken(*of_open), float(of_open[2].sum()) / share

    def among(self, opened):
        """Some of the points that have open codes: the same but for their number."""
        self.draw += 1
        found = self._build.executor.map(partitions.pairs_among, *self._columns, shared=(np.sort(opened),))
        return self._taken(*partitions.merged_pairs(*partitions.joined(found)))

    @property
    def _columns(self):
        """Codes, and what must differ of points with one code."""
        build = self._build
        return build.codes, build.index if build.keys is None else build.keys

    def _taken(self, codes, classes, counts):
        build = self._build
        wanted, keys, limits = self._wanted(codes, classes, counts)
        shared = wanted, keys, limits, self.draw
        found = build.executor.map(partitions.pick, *self._columns, shared=shared, what="drawing a sample")
        rows, codes, positions, coordinates = partitions.joined(found)
        points = Points(coordinates)
        classes = self._classes(points, positions if build.keys is None else None)
        return points, classes, rows, np.searchsorted(wanted, codes).astype(np.uint64)

    @property
    def _share(self):
        n = self._build.executor.n
        return min(1.0, max(min(_COUNTED, n // _COUNTED_OF), _LEAST_COUNTED) / n)

    def _classes(self, points, index):
        """int32 array: classes, or where all points must differ the first row that equals each."""
        if self._build.separate == "labels":
            return index.astype(np.int32)
        return first_of_equal(points.n, *points.equal_rows(self._build.n_threads))

    def _wanted(self, codes, classes, counts):
        """Codes of some of the open buckets, and of each pair of these codes the limit of hashes of its rows."""
        firsts = run_starts(codes)
        sizes = np.add.reduceat(counts, firsts)
        order = np.argsort(partitions.hashes_of_codes(codes[firsts]), kind="stable")
        most = max(8, self.size // len(firsts))
        taken = np.cumsum(np.minimum(sizes[order], most))
        chosen = np.sort(order[: max(1, int(np.searchsorted(taken, self.size)))])
        ends = np.append(firsts[1:], len(codes))
        is_chosen = np.zeros(len(firsts), bool)
        is_chosen[chosen] = True
        bucket = np.repeat(np.arange(len(firsts)), ends - firsts)
        of = is_chosen[bucket]
        n_classes = (ends - firsts)[bucket[of]]
        share = np.maximum(most / sizes[bucket[of]], _boost(most, counts[of], n_classes))
        keys = partitions.keys_of(codes[of], classes[of])
        in_order = np.argsort(keys)
        return codes[firsts[chosen]], keys[in_order], partitions.limits_of(share)[in_order]


def _boost(size, counts, n_classes=None):
    """Shares with which a sample of so many points has some of each class, if classes are few."""
    n_classes = np.count_nonzero(counts) if n_classes is None else n_classes
    some = np.minimum(size // (2 * np.maximum(n_classes, 1)), _OF_A_CLASS)
    return some / np.maximum(counts, 1)


def _of_open(codes, classes, counts):
    """Pairs of code and class in order, each once with the sum of its counts, of codes that have several classes."""
    ascending, order = sort_codes(codes.copy())
    if not len(codes):
        return codes, classes, counts
    classes = classes[order]
    starts = run_starts(ascending)
    is_mixed = np.minimum.reduceat(classes, starts) != np.maximum.reduceat(classes, starts)
    of = np.repeat(is_mixed, np.diff(starts, append=len(codes)))
    return partitions.merged_pairs(ascending[of], classes[of], counts[order[of]])
