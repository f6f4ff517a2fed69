"""The driver: hyperplanes from samples, then for the few points that these leave open, then the store, range by range.

What it asks of an executor is `column`, `map`, `exchange` and `over_ranges`, as `fastmem.distributed.local` documents
them. Codes are the signs themselves while there are at most 62. The batch that passes 62 first replaces every code by
its image under a linear code (a map of eight bytes, no pass over the points), and from then on each hyperplane has a
random column. So codes are up to date after every round. Should a linear code make two patterns of signs one code, the
two points are open again, and the same rounds add a hyperplane for them: the build ends when no code has two classes.
"""

import hashlib
import math
from typing import NamedTuple

import numpy as np

from fastmem.constructions.recognition import know
from fastmem.data.as_labels import Labels, refuse_contradictions
from fastmem.data.points import Points, first_of_equal
from fastmem.data.reading import Reading, equal_in_columns
from fastmem.distributed import partitions, ranges
from fastmem.distributed.checkpoint import Checkpoint
from fastmem.distributed.recognition import HeldPoints
from fastmem.distributed.samples import Samples
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.machine.progress import progress_bar
from fastmem.network import EncodedNetwork
from fastmem.separate.adaptive import Rounds
from fastmem.separate.columns import FEW_COLUMNS
from fastmem.separate.effort import EFFORTS
from fastmem.separate.few_columns import parting_columns, plans_of
from fastmem.separate.line import ordering_column
from fastmem.store import build_store_of_ranges

__all__ = ["Build", "OnALine", "labels_of"]

_MOST = 512  # hyperplanes of a round
_AT_ONCE, _NUMBERS_AT_ONCE, _LEAST_AT_ONCE = 400_000, 2**23, 2**10  # open points, and their coordinates, on the driver
_SHARE_AT_ONCE = 8  # of few points, one in so many
_ATTEMPT = 1  # at a linear code, as `LinearCode.draw` counts them: columns have one bit more than those of few points
_FRUITLESS, _FRUITLESS_ROUNDS = 0.5, 8  # after which open points are looked for among all
_MORE_AT_ONCE = 2
_COUNTED_CLASSES = 2**16  # of more of them a sample need not have some of each


class OnALine(Exception):
    """The points lie on a line: there hyperplanes are as many as labels change, and what they take is no constant."""


class Facts(NamedTuple):
    """What a pass over the points finds."""

    largest_norm: float
    fits_float32: bool


def labels_of(reader, executor, *values):
    """Classes, and a column with the class of each point.

    Parameters
    ----------
    reader : LabelReader
    executor : Local or Cluster
    *values : column
        The labels, if the reader has none itself.

    Returns
    -------
    classes : ndarray
    index : column
        Of the smallest unsigned integers.
    """
    few = executor.column(np.uint8)
    found = executor.map(_classes_of_block, *values, shared=(reader,), into=(few,), what="reading labels")
    classes, places = reader.merged(found)
    dtype = np.min_scalar_type(len(classes) - 1)
    if max(map(len, found)) > 2**8 or dtype != np.uint8:
        few = executor.column(dtype)
    elif all(np.array_equal(place, np.arange(len(place))) for place in places):
        return classes, few
    executor.map(_indices_of_block, *values, shared=(reader, places, dtype), into=(few,))
    return classes, few


def _classes_of_block(part, *given):
    *values, reader = given
    labels = reader.block(part.first, part.first + part.n, *values)
    return labels.indices.astype(np.uint8), labels.classes


def _indices_of_block(part, *given):
    *values, reader, places, dtype = given
    labels = reader.block(part.first, part.first + part.n, *values)
    return (places[part.number][labels.indices].astype(dtype),)


class Build:
    """One build.

    Parameters
    ----------
    executor : Local
    classes : ndarray
    index : column
        The class of each point.
    separate : {"labels", "all"}
    effort : str
    columns : {"auto", "all"}, or Reading
        That are read.
    random_state : numpy.random.Generator
    n_threads : int
        Of the driver.
    progress : bool or tqdm class
    resume : str, os.PathLike or None
        A folder for the state after each round.
    """

    def __init__(
        self, executor, classes, index, *, separate, effort, columns, random_state, n_threads, progress, resume=None
    ):  # fmt: skip
        self.executor, self.classes, self.index = executor, classes, index
        self.separate, self.effort, self._effort = separate, EFFORTS[effort], effort
        self.random_state, self.n_threads, self.progress = random_state, n_threads, progress
        is_word = isinstance(columns, str)
        self.is_chosen = is_word and columns == "auto"
        self.known_reading = self.reading = None if is_word else columns
        self.codes = executor.column(np.uint64)
        self.weights, self.thresholds = np.empty((0, executor.d), np.float32), np.empty(0)
        self.columns, self.coded_bits, self.margins = np.empty(0, np.uint64), None, []
        self.counts = None
        if len(classes) <= _COUNTED_CLASSES:
            self.counts = sum(executor.map(_counts, index, shared=(len(classes),)))
        self.samples = Samples(self)
        self.frame = self.found = self.known = self.keys = None
        self.is_searched = False  # for contradictions
        self.checkpoint = Checkpoint(resume, {
            "n": executor.n, "d": executor.d, "separate": separate, "effort": effort, "columns": repr(columns),
            "classes": [len(classes), repr(classes[:100].tolist())],
            "counts": None if self.counts is None else self.counts.tolist(),
        })  # fmt: skip

    # Hyperplanes

    def separate_all(self):
        """Choose hyperplanes until points that must differ have different codes; what is held in ranges, and these.

        Raises
        ------
        OnALine
        """
        is_last = self.checkpoint.read(self)
        if is_last is not None:
            self._go_on()
        if is_last:
            return self._finish()
        points, classes, rows, buckets, estimate = self._first() if is_last is None else self.samples.open()
        m = fruitless = 0
        while estimate > self.at_once and fruitless < _FRUITLESS_ROUNDS:
            points = self._told_apart(points, classes, rows)
            self._extend(*self._chosen(points, classes, buckets))
            fruitless = fruitless + 1 if len(self.weights) == m else 0
            m = len(self.weights)
            self.checkpoint.write(self, False)
            before = estimate
            points, classes, rows, buckets, estimate = self.samples.open()
            if estimate > max(_FRUITLESS * before, self.at_once):
                self._search_contradictions()
        return self._finish()

    def _first(self):
        """The first sample, as `Samples.open` gives later ones."""
        points, classes, rows = self.samples.first()
        self._choose_columns(points, classes)
        self._begin()
        estimate = float(self.executor.n)
        if self.separate == "labels" and len(self.classes) < 2:
            estimate = 0.0
        elif ordering_column(self._read(points), self.n_threads) is not None:
            raise OnALine
        return points, classes, rows, np.zeros(points.n, np.uint64), estimate

    def _go_on(self):
        """The codes of the hyperplanes that another build had chosen."""
        self._begin()
        self._take_signs(self.hyperplanes, self.columns)

    def _take_signs(self, hyperplanes, columns):
        """A pass over the points that brings their codes up to date."""
        shared = hyperplanes, columns, self.reading
        self.margins.append(
            self.executor.map(partitions.extend, self.codes, shared=shared, into=(self.codes,), what="separating")
        )

    def _choose_columns(self, points, classes):
        """Few columns that tell the points of a sample apart, where that makes `predict` faster; and the frame."""
        if self.is_chosen and self.executor.d > FEW_COLUMNS and classes.min() < classes.max():
            plans = plans_of(points.array, classes, self.executor.n)
            if plans:
                self.reading = Reading(plans[0].columns, self.executor.d)
        read = self._read(points)
        self.frame = column_frame(read.array)
        self.weights = np.empty((0, read.d), np.float32)

    def _read(self, points):
        """The points of a sample with the columns that are read."""
        if self.reading is None:
            return points
        return Points(np.ascontiguousarray(points.array[:, self.reading.columns]))

    def _told_apart(self, points, classes, rows):
        """The points of a sample with the columns that are read, by more columns where these do not part some of them.

        Raises
        ------
        ContradictoryLabels
        InvalidInput
            They must differ in columns that the user asked for, and do not.
        """
        read = self._read(points)
        later, first = read.equal_rows(self.n_threads)
        together = np.flatnonzero(classes[later] != classes[first])
        if not len(together):
            return read
        of_all = points.equal_rows(self.n_threads)
        if np.any(classes[of_all[0]] != classes[of_all[1]]):
            self._search_contradictions()
            refuse_contradictions(Labels(self.classes, classes), *of_all, rows, are_all=False)
        if not self.is_chosen:
            raise equal_in_columns(int(rows[first[together[0]]]), int(rows[later[together[0]]]))
        self._read_more(points, classes, first_of_equal(points.n, later, first))
        return self._read(points)

    def _read_more(self, points, classes, groups):
        """Read more columns, such that points of a group, equal in those that are read, differ if they must."""
        others = points.array.copy()
        others[:, self.reading.columns] = 0
        columns = parting_columns(others, classes, groups)
        centre, exponents = column_frame(points.array[:, columns])
        self.reading = Reading(np.concatenate([self.reading.columns, columns]), self.executor.d)
        self.weights = np.pad(self.weights, ((0, 0), (0, len(columns))))
        self.frame = np.append(self.frame[0], centre), np.append(self.frame[1], exponents)
        self.found = None

    @property
    def at_once(self):
        """As many open points the driver takes."""
        return min(self._most_at_once, self.executor.n // _SHARE_AT_ONCE + 1)

    @property
    def _most_at_once(self):
        return min(_AT_ONCE, max(_NUMBERS_AT_ONCE // self.executor.d, _LEAST_AT_ONCE))

    @property
    def n_bits(self):
        """Length of the codes: the signs themselves, until they are mapped to `coded_bits`."""
        return len(self.weights) if self.coded_bits is None else self.coded_bits

    @property
    def hyperplanes(self):
        """`Hyperplanes` chosen so far."""
        return Hyperplanes(self.weights, self.thresholds, *self.frame)

    def _begin(self):
        """The first pass: all numbers are finite; numbers of the rows, where all must differ."""
        if self.separate == "all":
            self.keys = self.executor.column(np.uint64)
        self._find_facts(() if self.keys is None else (self.keys,))

    def _find_facts(self, into=()):
        found = self.executor.map(
            partitions.facts, self.index, shared=((self.reading, self.known_reading), bool(into)), into=into,
            what="reading",
        )  # fmt: skip
        self.found, self.known = (
            Facts(max(norm for norm, _ in of), all(fits for _, fits in of)) for of in zip(*found, strict=True)
        )

    def _chosen(self, points, classes, buckets):
        """Weights and thresholds for what is open of a sample."""
        search = Rounds(points, classes, self.random_state, self.effort, n_threads=self.n_threads, frame=self.frame)
        search.buckets.refine(buckets[search.buckets.rows])
        with progress_bar(False, points.n, "") as bar:
            search.run(bar, int(self.effort.stop * search.buckets.n_points), most=_MOST)
        return search.weights, search.thresholds

    def _extend(self, weights, thresholds):
        """More hyperplanes: a pass over the points."""
        if not len(thresholds):
            return
        columns = self._more_columns(len(thresholds))
        self._take_signs(Hyperplanes(weights, thresholds, *self.frame), columns)
        self.weights = np.concatenate([self.weights, weights])
        self.thresholds, self.columns = np.append(self.thresholds, thresholds), np.append(self.columns, columns)

    def _more_columns(self, m):
        """Columns of the linear code for m more hyperplanes; codes are mapped to it when they pass 62 bits."""
        known = len(self.columns)
        if self.coded_bits is None and known + m <= MAX_BITS:
            return np.uint64(1) << np.arange(known, known + m, dtype=np.uint64)
        if self.coded_bits is None:
            code = LinearCode.draw(known, self.executor.n, self.random_state, _ATTEMPT)
            images = images_of_bytes(code.columns)
            self.executor.map(partitions.map_codes, self.codes, shared=(images,), into=(self.codes,))
            self.columns, self.coded_bits = code.columns, code.n_bits
        return LinearCode.drawn(m, self.coded_bits, self.random_state, _ATTEMPT)

    # Points that are open in the end

    def _finish(self):
        """Hyperplanes for all points that are open, until none is; codes in ranges, in order, and the ranges."""
        while True:
            partition = ranges.partition_of(self.executor, self.codes, self.n_bits)
            select, columns = self._exchange_of(partition)
            found, held = self.executor.over_ranges(ranges.in_order, select, columns, partition, is_kept=True)
            opened, again = partitions.joined(found)
            if not len(opened) and len(again):
                opened = self._unlike(again, partition)
            if not len(opened):
                return held or self._exchanged(select, columns, partition), partition
            held = None
            self._separate_open(opened)

    def _exchange_of(self, partition):
        """What is exchanged, and the columns that it takes."""
        if self.separate == "all":
            return partitions.whole, (self.codes, self.keys, self.index)
        return (partitions.merged if partition.is_heavy else partitions.whole), (self.codes, self.index)

    def _exchanged(self, select, columns, partition):
        """What is exchanged, in order: memory does not hold the codes twice."""
        held = self.executor.exchange(select, columns, partition, consumed=columns[:-1])
        held.update(ranges.in_order)
        return held

    def _separate_open(self, opened):
        """Hyperplanes for all points with open codes, or for a sample of them where they are too many."""
        counts = self.executor.map(partitions.count_among, self.codes, shared=(np.sort(opened),))
        if sum(counts) > _MORE_AT_ONCE * self._most_at_once:  # one code may be that of half of all
            self._search_contradictions()  # of which a sample where all must differ says nothing
            points, classes, rows, buckets = self.samples.among(opened)
            self._extend(*self._chosen(self._told_apart(points, classes, rows), classes, buckets))
            return
        found = self.executor.map(partitions.find, self.codes, self.index, shared=(np.sort(opened),))
        rows, codes, index, coordinates = partitions.joined(found)
        points, labels = Points(coordinates), Labels(self.classes, index.astype(np.int32))
        later, first = points.equal_rows(self.n_threads)
        refuse_contradictions(labels, later, first, rows)
        must_differ = labels.indices
        if self.separate == "all":
            must_differ = first_of_equal(points.n, later, first)
        points = self._told_apart(points, must_differ, rows)
        search = Rounds(points, must_differ, self.random_state, self.effort, n_threads=self.n_threads, frame=self.frame)
        search.buckets.refine(np.unique(codes, return_inverse=True)[1].astype(np.uint64)[search.buckets.rows])
        with progress_bar(self.progress, points.n, "separating") as bar:
            search.run(bar)
        self._extend(search.weights, search.thresholds)
        self.checkpoint.write(self, True)

    # Rows that cannot be told apart

    def _search_contradictions(self):
        """Raise `ContradictoryLabels` if equal rows have different labels, with all of them, or with many."""
        if self.is_searched:
            return
        self.is_searched = True
        executor, hashes = self.executor, self.executor.column(np.uint64)
        executor.map(partitions.hashes_of_rows, into=(hashes,), what="looking for contradictions")
        partition = ranges.partition_of_hashes(executor.n, 64)
        columns = hashes, self.index
        found, _ = executor.over_ranges(ranges.in_order, partitions.merged, columns, partition, is_kept=True)
        opened = np.concatenate([codes for codes, _ in found])
        if not len(opened):
            return
        some = np.sort(opened)[: max(self._most_at_once // 2, 1)]
        most = max(self._most_at_once // executor.n_parts, 1)
        found = executor.map(partitions.find, hashes, self.index, shared=(some, most))
        rows, _, index, coordinates = partitions.joined(found)
        later, first = Points(coordinates).equal_rows(self.n_threads)
        labels = Labels(self.classes, index.astype(np.int32))
        total = sum(executor.map(partitions.count_among, hashes, shared=(some,)))
        are_all = len(some) == len(opened) and total == len(rows)
        refuse_contradictions(labels, later, first, rows, are_all=are_all)

    def _unlike(self, again, partition):
        """Codes that two different points have whose hashes are equal too, among some codes of several points."""
        table = partitions.marks(again)
        return np.concatenate(
            self.executor.over_ranges(ranges.unlike, partitions.repeated, (self.codes,), partition, shared=table)
        )

    # The network

    def network(self, store, *, fingerprint_bits=0, recognise="cells", negatives=None):
        """The network that memorizes all; options as for `fastmem.memorize`, negatives as `Points`.

        Returns
        -------
        EncodedNetwork
        """
        held, partition = self.separate_all()
        if self.found is None:  # since more columns are read
            self._find_facts()
        digest = "" if self.separate == "labels" else _digest(held, len(partition.bounds))
        sizes = held.update(ranges.distinct_in_order)
        stored = ranges.HeldRanges(held, sizes, partition.bounds)
        table, reason = build_store_of_ranges(store, stored, self.n_bits, len(self.classes))
        held = stored = None
        hyperplanes = self.hyperplanes
        encoder = Encoder(hyperplanes, LinearCode(self.columns, self.n_bits))
        margins = [np.concatenate(of, axis=1) for of in zip(*self.margins, strict=True)]
        distance = self.smallest_distance(hyperplanes, margins, self.reading)
        known = {}
        if fingerprint_bits:
            options = {"effort": self._effort, "margin": 0.0, "n_threads": self.n_threads, "progress": False}
            points = HeldPoints(self, encoder, distance, options)
            known = know(points, fingerprint_bits, recognise, negatives, 0.0, self.random_state, self.n_threads)
            known = known._asdict()
        return EncodedNetwork(
            encoder,
            table,
            self.classes,
            store_reason=reason,
            codes_digest=digest,
            **known,
            n_points=self.executor.n,
            n_told_apart=len(self.classes) if self.separate == "labels" else sum(sizes),
            construction="compact",
            separate=self.separate,
            fits_float32=self.found.fits_float32,
            reading=self.reading,
            largest_norm=self.found.largest_norm,
            smallest_distance=distance,
        )

    def smallest_distance(self, hyperplanes, margins, reading):
        """Of a point from a hyperplane: first in the block where it is by the bounds, then where it may be less.

        Parameters
        ----------
        hyperplanes : Hyperplanes
        margins : list of float64 arrays of shape (b, m)
            Of each part, for each block of its rows: lower bounds of ``|w_j.x - t_j|``.
        reading : Reading or None
            The columns that they read.
        """
        if not hyperplanes.m:
            return math.inf
        lowest = [hyperplanes.lowest_distances(of_part) for of_part in margins]
        least = [bounds.min() for bounds in lowest]
        first = int(np.argmin(least))
        smallest = self._nearest(hyperplanes, lowest, least[first], reading, [first])
        others = np.flatnonzero(np.array(least) <= smallest).tolist()
        return self._nearest(hyperplanes, lowest, smallest, reading, others)

    def _nearest(self, hyperplanes, lowest, limit, reading, parts):
        shared = hyperplanes, lowest, limit, reading
        return min(self.executor.map(partitions.nearest, shared=shared, parts=parts))


def images_of_bytes(columns):
    """XOR of the columns that a byte of signs chooses: uint64 array of shape (8, 256)."""
    columns = np.append(columns, np.zeros(64 - len(columns), np.uint64)).reshape(8, 8)
    chosen = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
    return np.bitwise_xor.reduce(np.where(chosen[None], columns[:, None, :], np.uint64(0)), axis=2)


def _counts(part, index, n_classes):
    return np.bincount(index, minlength=n_classes)


def _digest(held, n_ranges):
    """SHA-256 of all codes in order."""
    digest = hashlib.sha256()
    for number in range(n_ranges):
        for codes in held.each(_codes_of, ranges=[number]):
            digest.update(codes.astype("<u8", copy=False).data)
    return digest.hexdigest()


def _codes_of(arrays):
    return arrays[0]
