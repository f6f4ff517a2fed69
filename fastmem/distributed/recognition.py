"""What makes a partitioned network know its points: as `fastmem.constructions.recognition`, where no array is whole.

Further hyperplanes are chosen on a sample of at most 2^20 points. Beside n points as many more inputs share a cell with
one of them: rates are asked for, and reported, as of all n. They are rather too high, since the hyperplanes of all n
points, which are more, part more than those of the sample.
"""

import math

import numpy as np

from fastmem.constructions.compact import separated_anew
from fastmem.constructions.recognition import Sampled
from fastmem.data.points import Points
from fastmem.data.sorting import SortedCodes
from fastmem.distributed import partitions, ranges
from fastmem.hyperplanes.code import MAX_BITS

__all__ = ["HeldPoints"]

_SAMPLED, _NUMBERS = 2**20, 2**24
_DRAW = 2**19  # of rows that no sample for hyperplanes drew


class HeldPoints:
    """What was separated, in partitions: with the methods of `Memorized`.

    Parameters
    ----------
    build : Build
        Done but for this.
    encoder : Encoder
    smallest_distance : float
        Of a point from a hyperplane of the encoder.
    options : dict
        Of `fastmem.separate.separate`.
    """

    def __init__(self, build, encoder, smallest_distance, options):
        self._build, self.encoder, self.smallest_distance, self._options = build, encoder, smallest_distance, options
        self._executor, self.reading = build.executor, build.known_reading
        self.n, self.d = build.executor.n, build.executor.d if self.reading is None else len(self.reading.columns)
        self.places = None if build.reading is self.reading else build.reading.columns
        self._codes = self._margins = self._cells = None

    def codes_of(self, points):
        """Codes of other points."""
        return self.encoder.codes(points if self.places is None else points.on(self._build.reading))

    def facts(self):
        """Largest norm of a point, and whether float32 holds all."""
        return self._build.known

    def sampled(self):
        """`Sampled`: some rows, as their numbers hash."""
        share = min(1.0, min(_SAMPLED, max(_NUMBERS // self.d, 2**14)) / self.n)
        limit = partitions.limits_of(np.float64(share))
        found = self._executor.map(partitions.drawn, self._build.index, shared=(limit, _DRAW), what="sampling")
        _, index, coordinates = partitions.joined(found)
        points, index = self._known(coordinates), index.astype(np.int32)
        later, _ = points.equal_rows(self._build.n_threads)
        different = np.ones(points.n, bool)
        different[later] = False
        rows = np.flatnonzero(different)
        points, index = Points(points.take(rows)), index[rows]
        must_differ = np.arange(points.n, dtype=np.int32) if self._build.separate == "all" else index
        columns = "auto" if self._build.is_chosen else "all"
        anew = separated_anew(points, must_differ, columns, self._build.random_state, self._options)
        return Sampled(points, SortedCodes(self.codes_of(points)), anew, min(1.0, max(len(different), 1) / self.n))

    def _known(self, coordinates):
        """Points with the columns by which inputs are known."""
        if self.reading is not None:
            coordinates = coordinates[:, self.reading.columns]
        return Points(np.ascontiguousarray(coordinates))

    def some(self, rows):
        """Some of the points, by rows in order."""
        found = self._executor.map(partitions.take, shared=(rows,))
        return self._known(np.concatenate(found)).array

    def rows_of_hashes(self, hashes):
        """Numbers and coordinates of points of which some have these hashes."""
        column = self._executor.column(np.uint64)
        self._executor.map(partitions.value_hashes, shared=(self.reading,), into=(column,), what="comparing")
        return self._found(column, hashes)

    def in_cells(self, cells, codes):
        """The same of points that lie in cells of these codes."""
        self._take_codes(cells)
        return self._found(self._codes, codes)

    def _found(self, column, wanted):
        found = self._executor.map(partitions.find, column, self._build.index, shared=(wanted,))
        rows, _, _, coordinates = partitions.joined(found)
        return rows, self._known(coordinates).array

    def _take_codes(self, cells):
        """The codes of cells of all points, and bounds of distances from the further hyperplanes."""
        if self._cells is cells:
            return
        executor, build = self._executor, self._build
        self._codes = executor.column(np.uint64)
        steps = [(build.hyperplanes, self.encoder.code.columns, build.reading)]
        if cells.e:
            steps.append((cells.further, cells.columns, self.reading))
        for shared in steps:
            self._margins = executor.map(
                partitions.extend, self._codes, shared=shared, into=(self._codes,), what="recognising"
            )
        self._cells = cells

    def cleared(self, cells):
        """The same cells, and how near points come to their further hyperplanes."""
        return cells, self.further_distance(cells)

    def further_distance(self, cells):
        """The smallest distance of a point from the further hyperplanes."""
        if not cells.e:
            return math.inf
        self._take_codes(cells)
        return self._build.smallest_distance(cells.further, self._margins, self.reading)

    def codes_of_cells(self, cells):
        """Codes of cells of all points, in order, each once: `Ranges`."""
        self._take_codes(cells)
        return self._in_ranges(self._codes, ranges.partition_of(self._executor, self._codes, cells.n_bits))

    def hashes(self, recognition):
        """Hashes of all rows, as `codes_of_cells`."""
        column = self._executor.column(np.uint64)
        self._executor.map(partitions.value_hashes, shared=(self.reading,), into=(column,), what="recognising")
        return self._in_ranges(column, ranges.partition_of_hashes(self.n, MAX_BITS))

    def _in_ranges(self, column, partition):
        held = self._executor.exchange(partitions.whole, (column,), partition)
        held.update(ranges.in_order)
        return ranges.HeldRanges(held, held.update(ranges.distinct_in_order), partition.bounds)
