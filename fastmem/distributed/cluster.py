"""Partitions on the workers of a Dask cluster: the blocks of an array, and arrays beside them.

Everything is a task of what it needs, so what a lost worker held is made again; nothing is scattered, which would have
no such lineage. What all partitions share, hyperplanes or a network, is one task, sent to each worker once.
"""

from uuid import uuid4

import numpy as np

from fastmem.data.as_points import as_points
from fastmem.data.blocks import of_all
from fastmem.data.points import Points
from fastmem.distributed.partitions import Part, put_apart
from fastmem.distributed.ranges import of_arrays
from fastmem.errors import InvalidInput
from fastmem.machine.progress import progress_bar

__all__ = ["Cluster", "current_client"]

_MOST_PIECES = 4096  # of an exchange by tasks: with more of them the scheduler is slower than the disk
_MOST_PADDING, _FEW = 3, 2**20  # times as much, and so many numbers that it does not matter


def current_client():
    """The client of Dask that is current here; None without one, or without the package of clusters."""
    try:
        from distributed import default_client

        return default_client()
    except (ImportError, ValueError):
        return None


class Column:
    """A number for each point: futures, one for each partition."""

    def __init__(self, blocks):
        self.blocks = blocks


class Cluster:
    """An executor, as `fastmem.distributed.local.Local` is one.

    Parameters
    ----------
    X : dask.array.Array of shape (n, d)
        Of known chunks, along the rows alone.
    client : distributed.Client
    progress : bool or tqdm class
    """

    def __init__(self, X, client, progress=False):
        self._client, self._progress = client, progress
        self._blocks, self._sizes = _delayed_blocks(X), [int(size) for size in X.chunks[0]]
        self._starts = np.cumsum([0, *self._sizes[:-1]]).tolist()
        (self.n, self.d), self.n_parts = X.shape, len(self._sizes)
        self.n, self.d, self.rows = int(self.n), int(self.d), max(self._sizes)

    def column(self, dtype):
        """As `Local.column`."""
        zeros = [_task(np.zeros, "zeros")(size, dtype) for size in self._sizes]
        return Column(self._client.compute(zeros))

    def of_blocks(self, array):
        """The blocks of another array of Dask, as a column."""
        return Column(_delayed_blocks(array))

    def map(self, work, *columns, shared=(), into=(), parts=None, what=""):
        """As `Local.map`."""
        parts = list(range(self.n_parts)) if parts is None else list(parts)
        shared = _shared(shared)
        reads = getattr(work, "reads_points", False)
        run = _task(_on_part, _name_of(work), n_results=len(into) + 1)
        tasks = [
            run(
                work, number, self._starts[number], self._sizes[number], len(into),
                self._blocks[number] if reads else None, shared, *(column.blocks[number] for column in columns),
            )
            for number in parts
        ]  # fmt: skip
        futures = self._client.compute([item for task in tasks for item in task])
        columns_of = [futures[place :: len(into) + 1] for place in range(len(into) + 1)]
        results = self._gathered(columns_of[-1], [self._sizes[number] for number in parts], what)
        for column, blocks in zip(into, columns_of, strict=False):
            column.blocks = blocks
        return results

    def _gathered(self, futures, sizes, what=""):
        """Results in order; the error is that of the first that failed."""
        from distributed import as_completed

        try:
            with progress_bar(self._progress if what else False, sum(sizes), what) as bar:
                size_of = dict(zip((future.key for future in futures), sizes, strict=True))
                for future in as_completed(futures):
                    bar.update(size_of[future.key])
            failed = next((future for future in futures if future.status == "error"), None)
            if failed is not None:
                raise failed.exception()
            return self._client.gather(futures)
        except BaseException:
            self._client.cancel(futures)
            raise

    def exchange(self, select, columns, partition, shared=(), consumed=()):
        """As `Local.exchange`."""
        n_ranges = len(partition.bounds)
        given = self._given(select, columns, _shared((select, partition, *shared)))
        if self.n_parts * n_ranges > _MOST_PIECES:
            held = self._exchanged_on_disk(given, n_ranges)
            if held is not None:
                return held
        cut = _task(_pieces, "exchange", n_results=n_ranges + 1)
        pieces, join = [cut(*of) for of in given], _task(_joined, "range")
        return Held(self, self._client.compute([join(*(of[s] for of in pieces)) for s in range(n_ranges)]))

    def _given(self, select, columns, shared):
        """For each part what `_grouped` takes."""
        reads = getattr(select, "reads_points", False)
        return [
            (
                number, self._starts[number], self._sizes[number], self._blocks[number] if reads else None, shared,
                *(column.blocks[number] for column in columns),
            )
            for number in range(self.n_parts)
        ]  # fmt: skip

    def _exchanged_on_disk(self, given, n_ranges):
        """By one transposition of blocks of padded pieces, which Dask does on the disks of the workers.

        None where padding would be most of it: chunks whose points are alike have few long pieces.
        """
        from distributed import wait

        group, count = _task(_grouped, "group"), _task(_facts_of_groups, "count")
        grouped = self._client.compute([group(*of) for of in given])
        facts = self._gathered(self._client.compute([count(of) for of in grouped]), self._sizes)
        counts, kinds = np.array([of for of, _ in facts]), facts[0][1]
        longest = int(counts.max())
        if counts.size * longest > _MOST_PADDING * counts.sum() + _FEW:
            return None
        for method in ("p2p", "tasks"):  # the first fails where a worker leaves at the wrong moment
            blocks = self._client.compute(self._transposed(grouped, counts, kinds, longest, method))
            wait(blocks)
            if all(block.status == "finished" for block in blocks):
                break
        return Held(self, blocks)

    @staticmethod
    def _transposed(grouped, counts, kinds, longest, method):
        """Tasks with the arrays of each range."""
        import dask
        import dask.array as da

        n_ranges, pad, arrays = counts.shape[1], _task(_padded, "pad"), []
        for place, (dtype, shape) in enumerate(kinds):
            size = (1, n_ranges, longest, *shape)
            whole = da.concatenate([da.from_delayed(pad(of, place, longest), size, dtype) for of in grouped])
            with dask.config.set({"array.rechunk.method": method}):
                whole = whole.rechunk({0: -1, 1: 1})
            arrays.append(whole.to_delayed().reshape(n_ranges, -1)[:, 0].tolist())
        cut = _task(_cut, "range")
        return [cut(counts[:, s].tolist(), *(of_array[s] for of_array in arrays)) for s in range(n_ranges)]

    def over_ranges(self, work, select, columns, partition, shared=(), *, is_kept=False):
        """As `Local.over_ranges`."""
        held = self.exchange(select, columns, partition, shared)
        return (held.update(work), held) if is_kept else held.each(of_arrays, work)


class Held:
    """Arrays in ranges, on workers."""

    def __init__(self, executor, blocks):
        self._executor, self._blocks = executor, blocks

    def each(self, work, *shared, ranges=None):
        """As `Held.each` of `Local`."""
        ranges = range(len(self._blocks)) if ranges is None else ranges
        shared = _shared(shared)
        run = _task(_on_range, _name_of(work))
        return self._results([run(work, self._blocks[number], shared) for number in ranges])

    def update(self, work):
        """As `Held.update` of `Local`."""
        run = _task(_update, _name_of(work), n_results=2)
        tasks = [run(work, block) for block in self._blocks]
        futures = self._executor._client.compute([item for task in tasks for item in task])
        results = self._executor._gathered(futures[1::2], [1] * len(tasks))
        self._blocks = futures[::2]
        return results

    def _results(self, tasks):
        return self._executor._gathered(self._executor._client.compute(tasks), [1] * len(tasks))


# Tasks


def _task(function, name, n_results=None):
    """A function that makes a task, whose name the dashboard shows."""
    import dask

    call = dask.delayed(function, pure=False, nout=n_results)
    return lambda *arguments: call(*arguments, dask_key_name=f"fastmem-{name}-{uuid4().hex}")


def _name_of(work):
    return getattr(work, "__name__", "work").strip("_").replace("_", "-")


class _Shared:
    """What all partitions get: no tuple, in which older versions of Dask would look for tasks."""

    def __init__(self, values):
        self.values = tuple(values)


def _shared(values):
    """The same as one task."""
    import dask

    return dask.delayed(_Shared(values), name=f"fastmem-shared-{uuid4().hex}", traverse=False)


def _delayed_blocks(array):
    return array.to_delayed().reshape(array.numblocks[0], -1)[:, 0].tolist()


def _part(number, first, n, block):
    def read():
        try:
            return Points(as_points(block, empty=True).array, first)
        except InvalidInput as error:
            raise of_all(error, first) from error

    return Part(number, first, n, read)


def _on_part(work, number, first, n, n_into, block, shared, *columns):
    if len(columns) and len(columns[0]) != n:
        raise InvalidInput(f"a chunk has {len(columns[0])} rows now and had {n}: the source of X or y changed")
    result = work(_part(number, first, n, block), *columns, *shared.values)
    put, rest = put_apart(result, n_into)
    return [*put, rest]


def _grouped(number, first, n, block, shared, *columns):
    """What is exchanged of a part, range by range, and how many codes are in each."""
    select, partition, *more = shared.values
    arrays = select(_part(number, first, n, block), *columns, *more)
    counts = partition.count(arrays[0])
    order = partition.group(arrays[0], counts, 0, len(counts))
    return [array[order] for array in arrays], counts


def _pieces(number, first, n, block, shared, *columns):
    arrays, counts = _grouped(number, first, n, block, shared, *columns)
    ends = np.cumsum(counts).tolist()
    pieces = zip(counts.tolist(), ends, strict=True)
    return [*([array[end - count : end] for array in arrays] for count, end in pieces), None]


def _joined(*pieces):
    return [np.concatenate(arrays) for arrays in zip(*pieces, strict=True)]


def _facts_of_groups(grouped):
    arrays, counts = grouped
    return counts, [(array.dtype, array.shape[1:]) for array in arrays]


def _padded(grouped, place, longest):
    arrays, counts = grouped
    array, ends = arrays[place], np.cumsum(counts).tolist()
    padded = np.zeros((1, len(counts), longest, *array.shape[1:]), array.dtype)
    for s, (count, end) in enumerate(zip(counts.tolist(), ends, strict=True)):
        padded[0, s, :count] = array[end - count : end]
    return padded


def _cut(counts, *arrays):
    return [np.concatenate([array[p, 0, :count] for p, count in enumerate(counts)]) for array in arrays]


def _on_range(work, arrays, shared):
    return work(arrays, *shared.values)


def _update(work, arrays):
    return work(*(array.copy() for array in arrays))  # of a task that may run again
