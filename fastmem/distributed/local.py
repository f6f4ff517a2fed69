"""Partitions on this machine: blocks of rows, taken by threads; arrays in memory or in files of a folder."""

import numpy as np

from fastmem.distributed.partitions import Part, put_apart
from fastmem.distributed.ranges import of_arrays
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_blocks

__all__ = ["Local"]

_MOST_ROWS, _BLOCK_BYTES = 2**19, 2**26
_TOGETHER, _GROUPS = 2**22, 16  # codes of ranges that are looked at together at least, and of how many groups of ranges


class Local:
    """An executor: what the driver asks of it, `fastmem.distributed.build` says by its calls.

    Parameters
    ----------
    source : Source
        The points.
    scratch : Scratch
        Where arrays lie.
    n_threads : int
    progress : bool or tqdm class
    rows : int, optional
        Of a partition.
    """

    def __init__(self, source, scratch, n_threads, progress=False, rows=None):
        self.n, self.d, self.n_threads = source.n, source.d, n_threads
        self._source, self._scratch, self._progress = source, scratch, progress
        self.rows = rows or max(min(_MOST_ROWS, _BLOCK_BYTES // source.row_bytes), 1)
        self.n_parts = -(-self.n // self.rows)

    def column(self, dtype):
        """Room for a number for each point: an array of shape (n,), of zeros."""
        return self._scratch.empty((self.n,), dtype)

    def map(self, work, *columns, shared=(), into=(), parts=None, what=""):
        """``work(part, *columns, *shared)`` of all partitions, or of some by their numbers.

        Parameters
        ----------
        work : callable
            It returns a tuple, or one result.
        columns
            As `column` gives them; `work` gets what belongs to the partition.
        shared : tuple
        into : tuple of columns
            Where the first of the results are put.
        parts : sequence of int, optional
        what : str
            What a progress bar says.

        Returns
        -------
        list
            The other results of each partition, a tuple if there are several or None if there are none.
        """
        parts = range(self.n_parts) if parts is None else parts
        results = [None] * len(parts)

        def one(begin, end):
            place = begin // self.rows
            number = parts[place]
            start = number * self.rows
            stop = min(start + self.rows, self.n)
            part = Part(number, start, stop - start, lambda: self._source.points(start, stop))
            result = work(part, *(column[start:stop] for column in columns), *shared)
            put, results[place] = put_apart(result, len(into))
            for column, values in zip(into, put, strict=True):
                column[start:stop] = values

        n = self.n if len(parts) == self.n_parts else len(parts) * self.rows
        with progress_bar(self._progress if what else False, n, what) as bar:
            over_blocks(one, n, self.rows, self.n_threads, bar)
        return results

    def exchange(self, select, columns, partition, shared=(), consumed=()):
        """Codes by ranges, with what belongs to them.

        Parameters
        ----------
        select : callable
            From a part, its columns and what is shared to arrays of equal length, codes first.
        columns : tuple
        partition : Partition
        shared : tuple
        consumed : tuple of columns
            That are not read again.

        Returns
        -------
        Held
        """
        counts, kinds = self._counted(select, columns, partition, shared)
        return self._exchanged(select, columns, partition, shared, consumed, counts, kinds, 0, counts.shape[1])

    def over_ranges(self, work, select, columns, partition, shared=(), *, is_kept=False):
        """The results of ``work(*arrays)`` of each range, of what `exchange` would give.

        If these are to be kept, `work` returns arrays in their place, and its result. Then `Held` is returned too; or
        None, since in memory few ranges are exchanged at a time.
        """
        counts, kinds = self._counted(select, columns, partition, shared)
        if self._scratch.in_files or counts.shape[1] == 1:
            held = self._exchanged(select, columns, partition, shared, (), counts, kinds, 0, counts.shape[1])
            return (held.update(work), held) if is_kept else held.each(of_arrays, work)
        results, sizes = [], counts.sum(axis=0)
        most, first = max(_TOGETHER, self.n // _GROUPS), 0
        while first < len(sizes):
            end = first + max(1, int(np.searchsorted(np.cumsum(sizes[first:]), most, side="right")))
            held = self._exchanged(select, columns, partition, shared, (), counts, kinds, first, end)
            results += held.update(work) if is_kept else held.each(of_arrays, work)
            first = end
        return (results, None) if is_kept else results

    def _counted(self, select, columns, partition, shared):
        """How many codes of each part are in each range, and dtypes and shapes of what belongs to them."""

        def count(part, *arguments):
            arrays = select(part, *arguments)
            return partition.count(arrays[0]), [(array.dtype, array.shape[1:]) for array in arrays]

        results = self.map(count, *columns, shared=shared)
        return np.array([counts for counts, _ in results]), results[0][1]

    def _exchanged(self, select, columns, partition, shared, consumed, counts, kinds, first, end):
        sizes = counts[:, first:end].sum(axis=0)
        ends = np.cumsum(sizes)
        begins = ends - sizes + np.cumsum(counts[:, first:end], axis=0) - counts[:, first:end]
        arrays = [self._scratch.empty((int(ends[-1]), *shape), dtype) for dtype, shape in kinds]

        def move(part, *arguments):
            chosen, number = select(part, *arguments), part.number
            is_whole = counts.shape[1] == 1  # all in one range, in their order
            order = slice(None) if is_whole else partition.group(chosen[0], counts[number], first, end)
            pieces = np.cumsum(counts[number, first:end])
            for array, values in zip(arrays, chosen, strict=True):
                taken = values[order]
                for begin, count, piece in zip(begins[number], counts[number, first:end], pieces, strict=True):
                    array[begin : begin + count] = taken[piece - count : piece]
            for column in consumed:
                self._scratch.discard(column, part.first, part.first + part.n)

        self.map(move, *columns, shared=shared, what="exchanging codes")
        return Held(arrays, ends, self.n_threads)


class Held:
    """Arrays in ranges."""

    def __init__(self, arrays, ends, n_threads):
        self._arrays, self._n_threads = arrays, n_threads
        self._begins, self._ends = np.append(0, ends[:-1]), ends.copy()

    def each(self, work, *shared, ranges=None):
        """``work(arrays, *shared)`` of all ranges, or of some by their numbers: list."""
        ranges = range(len(self._ends)) if ranges is None else ranges
        results = [None] * len(ranges)

        def one(start, stop):
            results[start] = work(self._of(ranges[start]), *shared)

        over_blocks(one, len(ranges), 1, self._n_threads)
        return results

    def update(self, work):
        """Put arrays that ``work(*arrays)`` returns, no longer ones, in the place of those of each range.

        Returns
        -------
        list
            What `work` returns behind the arrays.
        """
        results = [None] * len(self._ends)

        def one(number, stop):
            before = self._of(number)
            after, results[number] = work(*before)
            self._ends[number] = self._begins[number] + len(after[0])
            for array, values in zip(before, after, strict=True):
                if values is not array:
                    array[: len(values)] = values

        over_blocks(one, len(results), 1, self._n_threads)
        return results

    def _of(self, number):
        return [array[self._begins[number] : self._ends[number]] for array in self._arrays]
