"""What is done with one partition of the points: functions of its arrays alone.

A partition is a `Part`: some consecutive rows of X. Its codes and classes are arrays of as many entries.
"""

import numpy as np

from fastmem._kernels import partitions as kernels
from fastmem.data.as_labels import Labels
from fastmem.data.points import Points, refuse_row
from fastmem.hyperplanes.recognition import hashes_of_points
from fastmem.machine.once import cached_property

__all__ = [
    "Part", "count_among", "drawn", "extend", "facts", "find", "hashes_of_codes", "hashes_of_rows", "joined",
    "keys_of", "limits_of", "map_codes", "marks", "merged", "merged_pairs", "nearest", "pairs", "pairs_among", "pick",
    "put_apart", "repeated", "some_codes", "take", "value_hashes", "whole", "wrong",
]  # fmt: skip

_FEWEST_SLOTS, _SLOTS_EACH = 12, 4  # binary digits of slots of a table, at least, and beyond those of its entries
BLOCK = 2**16  # rows for which bounds of distances are kept
_ODD = 0x9E3779B97F4A7C15
_ROW_BITS = 44  # of the number of a row, at most


def reads_points(work):
    """Mark what looks at the points of a part, which are read for it where that is to be known before."""
    work.reads_points = True
    return work


def joined(found):
    """What parts return, one behind the other: a generator of arrays, one for each that a part returns."""
    return (np.concatenate(arrays) for arrays in zip(*found, strict=True))


def put_apart(result, n_into):
    """The first of what a part returns, and the rest: a tuple, the only one, or None."""
    if not n_into:
        return (), result
    rest = result[n_into:]
    return result[:n_into], rest[0] if len(rest) == 1 else rest or None


class Part:
    """Some rows of X.

    Parameters
    ----------
    number : int
        Of the part.
    first, n : int
        The number of its first row, and how many it has.
    read : callable
        Without arguments to `Points`, of these rows.
    """

    def __init__(self, number, first, n, read):
        self.number, self.first, self.n, self._read = number, first, n, read

    @cached_property
    def points(self):
        """`Points`."""
        return self._read()

    def taken(self, positions):
        """Numbers and coordinates of some of its rows, all finite."""
        coordinates = self.points.take(positions)
        is_finite = np.isfinite(coordinates).all(axis=1)
        if not is_finite.all():
            self.points.raise_not_finite(int(positions[is_finite.argmin()]))
        return self.first + positions.astype(np.int64), coordinates


# Passes over points


@reads_points
def facts(part, index, readings, are_keyed):
    """The largest norm of a point and whether float32 holds all, with the columns of each of some readings: a list.

    Before it, if asked for, a number for each row and its class: another for other classes, and for other rows as far
    as hashes tell.
    """
    hashes = part.points.read()
    found = []
    for reading in readings:
        read = part.points.on(reading)
        found.append((read.largest_norm(), read.fit_float32()))
    return (keys_of(hashes, index), found) if are_keyed else found


@reads_points
def hashes_of_rows(part):
    """Hashes that equal rows share."""
    return (part.points.read(),)


@reads_points
def extend(part, codes, hyperplanes, columns, reading):
    """Codes into which signs 1 of more hyperplanes are XORed; and lower bounds of distances, for each block of rows."""
    points = part.points.on(reading)
    more, margins = np.empty(part.n, np.uint64), np.full((-(-part.n // BLOCK), hyperplanes.m), np.inf)
    for number, start in enumerate(range(0, part.n, BLOCK)):
        rows = slice(start, min(start + BLOCK, part.n))
        into = more[rows]

        def work(start, stop, block, into=into, lowered=margins[number]):
            refuse_row(hyperplanes.xor_codes(block, columns, codes=into[start:stop], margins=lowered)[1])

        points.over_rows(work, rows=rows)
    return more ^ codes, margins


@reads_points
def nearest(part, hyperplanes, lowest, limit, reading):
    """The smallest distance of a point from a hyperplane, in the blocks of which it may be no more than `limit`.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    lowest : list of float64 arrays
        Of each part: a lower bound for each block of its rows.
    """
    points, smallest = part.points, np.inf
    for block in np.flatnonzero(lowest[part.number] <= limit).tolist():
        start = block * BLOCK
        some = Points(points.array[start : start + BLOCK], part.first + start)
        smallest = min(smallest, hyperplanes.smallest_distance(some.on(reading)))
    return smallest


@reads_points
def wrong(part, index, network):
    """Numbers of the rows that do not get their class, or are not known."""
    return part.first + network.wrong_rows(part.points, Labels(network.classes, index), 1)


# Samples


def hashes_of_codes(codes):
    """Of 64 bits, each of another code."""
    hashes = np.empty(len(codes), np.uint64)
    kernels.hash_codes(np.ascontiguousarray(codes, np.uint64), hashes)
    return hashes


def pairs(part, codes, classes, limit, most):
    """Pairs of code and class, and how often each occurs, of the codes whose hash is at most `limit`.

    Pairs are merged where they are more than `most`; elsewhere one may come several times.
    """
    positions = np.empty(part.n + 1, np.int32)
    positions = positions[: kernels.find_below(codes, limit, positions)]
    codes, classes = codes[positions], classes[positions]
    counts = np.ones(len(codes), np.int64)
    return merged_pairs(codes, classes, counts) if len(codes) > most else (codes, classes, counts)


def pairs_among(part, codes, classes, wanted):
    """Pairs of code and class, each once with the number of its rows, of codes that are wanted."""
    positions = _among(codes, wanted)
    return merged_pairs(codes[positions], classes[positions], np.ones(len(positions), np.int64))


def merged_pairs(codes, classes, counts):
    """Pairs of code and class in order, each once, with the sums of their counts."""
    if not len(codes):
        return codes, classes, counts
    order = np.lexsort((classes, codes))
    codes, classes = codes[order], classes[order]
    firsts = np.flatnonzero(np.append(True, (codes[1:] != codes[:-1]) | (classes[1:] != classes[:-1])))
    return codes[firsts], classes[firsts], np.add.reduceat(counts[order], firsts)


@reads_points
def pick(part, codes, classes, wanted, keys, limits, draw):
    """Points of some pairs of code and class: of each pair the rows whose number has a hash up to its limit.

    Parameters
    ----------
    wanted : uint64 array, ascending
        Codes.
    keys, limits : uint64 arrays of shape (p,)
        What `keys_of` gives for the pairs, ascending.
    draw : int
        Another one draws other rows.

    Returns
    -------
    rows, codes, classes, coordinates
    """
    positions = _among(codes, wanted)
    asked = keys_of(codes[positions], classes[positions])
    pair = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    lucky = _hashes_of_numbers(part.first + positions.astype(np.int64), draw) <= limits[pair]
    positions = positions[(keys[pair] == asked) & lucky]
    rows, coordinates = part.taken(positions)
    return rows, codes[positions], classes[positions], coordinates


def keys_of(codes, classes):
    """A number for each pair of code and class, almost surely another: all it decides is how many points are drawn."""
    return hashes_of_codes(codes) + classes.astype(np.uint64) * np.uint64(_ODD)


def _among(codes, wanted):
    """Positions of the codes that are among some, which ascend: int32 array."""
    positions = _marked(codes, *marks(wanted))
    found = codes[positions]
    places = np.searchsorted(wanted, found).clip(max=max(len(wanted) - 1, 0))
    return positions[wanted[places] == found] if len(wanted) else positions[:0]


def _marked(codes, table, shift):
    """Positions of the codes that are marked in a table, and of some others: int32 array."""
    positions = np.empty(len(codes) + 1, np.int32)
    return positions[: kernels.find_marked(codes, table, shift, positions)]


def marks(codes):
    """A table in which the hashes of some codes are marked, and by how many bits hashes are shifted to a slot of it."""
    bits = max(_FEWEST_SLOTS, len(codes).bit_length() + _SLOTS_EACH)
    table = np.zeros(1 << bits, np.uint8)
    table[hashes_of_codes(codes) >> np.uint64(64 - bits)] = 1
    return table, 64 - bits


def count_among(part, codes, wanted):
    """How many points have codes that are wanted."""
    return len(_among(codes, wanted))


@reads_points
def find(part, codes, index, wanted, most=None):
    """Points whose code is wanted: rows, codes, classes and coordinates.

    If they are more than `most`, those that come first among the points of their code and class.
    """
    positions = _among(codes, wanted)
    if most is not None and len(positions) > most:
        pairs = np.stack([codes[positions], index[positions].astype(np.uint64)], axis=1)
        positions = positions[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]
    rows, coordinates = part.taken(positions)
    return rows, codes[positions], index[positions], coordinates


def some_codes(part, codes, step):
    """The code of each row whose number is divided by `step`."""
    return codes[-part.first % step :: step].copy()


@reads_points
def drawn(part, classes, limits, draw):
    """Rows whose number has a hash up to a limit, of their class or one of all: numbers, classes and coordinates."""
    limits = limits if np.ndim(limits) == 0 else limits[classes]
    positions = np.flatnonzero(_hashes_of_numbers(np.arange(part.first, part.first + part.n), draw) <= limits)
    rows, coordinates = part.taken(positions)
    return rows, classes[positions], coordinates


def _hashes_of_numbers(rows, draw):
    """Others for each draw: the points of one sample are told apart when the next is drawn, and show nothing."""
    return hashes_of_codes(rows.astype(np.uint64) + (np.uint64(draw + 1) << np.uint64(_ROW_BITS)))


def limits_of(shares):
    """Hashes up to which a share of all lies: uint64 array, or a number of one share."""
    shares = np.minimum(shares, 1.0)
    limits = np.minimum(shares * 2.0**64, 2.0**64 - 2**11).astype(np.uint64)
    return np.where(shares >= 1.0, np.uint64(2**64 - 1), limits)


@reads_points
def take(part, rows):
    """Coordinates of the rows of this part among some, which ascend."""
    begin, end = np.searchsorted(rows, (part.first, part.first + part.n))
    if begin == end:
        return np.empty((0, part.points.d), part.points.block(0, 0).dtype)
    return part.points.take(rows[begin:end] - part.first)


# Codes


@reads_points
def value_hashes(part, reading):
    """Hashes of 62 bits by which rows are known."""
    return (hashes_of_points(part.points.on(reading)),)


def map_codes(part, codes, table):
    """Codes under a linear map, given by the images of the eight bytes."""
    mapped = codes.copy()
    kernels.map_codes(mapped, table)
    return (mapped,)


def whole(part, *columns):
    """What is exchanged by ranges: all."""
    return columns


def merged(part, codes, index):
    """What is exchanged by ranges: each pair of code and class once."""
    return merged_pairs(codes, index, np.ones(len(codes), np.int64))[:2]


@reads_points
def repeated(part, codes, table, shift):
    """Codes, numbers and coordinates of the rows whose code is marked in a table."""
    positions = _marked(codes, table, shift)
    return codes[positions], *part.taken(positions)
