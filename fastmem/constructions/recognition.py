"""What makes a network know the points it memorized: further hyperplanes, their codes, and fingerprints of these.

Hyperplanes come from `fastmem.separate.recognition`, which says too what share of other inputs share a cell with a
memorized point. Inputs that must stay unknown are looked up in what was built: those that lie in the cell of a
memorized point are parted from it by a cut between the two, and where a fingerprint is the same by chance others are
drawn.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points, distinct_rows
from fastmem.data.reading import Reading
from fastmem.data.sorting import SortedCodes, distinct
from fastmem.errors import InvalidInput, MemorizationError
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.margins import Margins
from fastmem.hyperplanes.recognition import Cells, Rows, hashes_of_points, more_columns
from fastmem.separate.acceptance import mates_of
from fastmem.separate.clearance import clear
from fastmem.separate.margin import Margin
from fastmem.separate.pool import between
from fastmem.separate.recognition import Some, choose, rates_of_kinds
from fastmem.store import Filter
from fastmem.store.filter import MOST_BITS

__all__ = ["Known", "Memorized", "know"]

_FRAME_ROWS = 512
_SURE_BITS = 3
_ATTEMPTS = 32
_NUMBERS = 2**22  # of inputs and their mates, that are looked at together
_MOST_CUTS = 2**14
_DIGITS = 3


class Known(NamedTuple):
    """What a network needs to know its points, as `EncodedNetwork` takes it."""

    recognition: Cells | Rows
    fingerprints: Filter
    measured: dict
    of_units: dict


class Sampled(NamedTuple):
    """Memorized points on which further hyperplanes are chosen: as `fastmem.separate.recognition.choose` takes them.

    Attributes
    ----------
    points : Points or Some
        All different.
    ordered : SortedCodes
        Of their codes.
    separated_anew : callable
        From rows of these to ``ordered, codes_of`` of a separation that knows no others.
    share : float
        Of all points that are memorized: as much lower are rates that are measured beside these alone.
    """

    points: Points | Some
    ordered: SortedCodes
    separated_anew: object
    share: float = 1.0


class Memorized:
    """What was separated, in memory.

    Parameters
    ----------
    points : Points
        With all columns by which inputs may be told.
    encoder : Encoder
        That labels are read from.
    codes : uint64 array of shape (n,)
        Its codes.
    places : int64 array or None
        Which of the columns it reads, if not all.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each.
    smallest_distance : float
        Of a point from a hyperplane of the encoder.
    separated_anew : callable
        As of `Sampled`, of rows of all points.
    n_threads : int
    """

    def __init__(self, points, encoder, codes, places, point_numbers, smallest_distance, separated_anew, n_threads):
        self.points, self.encoder, self.codes, self.places = points, encoder, codes, places
        self.point_numbers, self.smallest_distance = point_numbers, smallest_distance
        self._separated_anew, self._n_threads = separated_anew, n_threads
        self.n, self.d, self.reading = points.n, points.d, points.reading

    def codes_of(self, points):
        """Codes of other points."""
        return self.encoder.codes(points if self.places is None else points.on(Reading(self.places, points.d)))

    def facts(self):
        """Largest norm of a point, and whether float32 holds all."""
        return self.points.largest_norm(self._n_threads), self.points.fit_float32(self._n_threads)

    def sampled(self):
        """`Sampled`: all."""
        rows = distinct_rows(self.point_numbers)
        different = self.points if len(rows) == self.n else Some(self.points, rows)
        return Sampled(different, SortedCodes(self.codes[rows]), lambda kept: self._separated_anew(rows[kept]))

    def some(self, rows):
        """Some of the points."""
        return self.points.take(rows)

    def rows_of_hashes(self, hashes):
        """Numbers and coordinates of points of which some have these hashes."""
        return _of_codes(hashes_of_points(self.points, self._n_threads), hashes, self.points)

    def in_cells(self, cells, codes):
        """The same of points that lie in cells of these codes."""
        return _of_codes(cells.codes_of(self.points, self._n_threads)[1], codes, self.points)

    def cleared(self, cells):
        """`Cells` with further hyperplanes that points do not nearly touch, and how near they come."""
        if not cells.e:
            return cells, math.inf
        points, further, margins = self.points, cells.further, Margins(cells.e)
        flips = np.empty(points.n, np.uint64)

        def work(start, stop, block):
            further.xor_codes(block, cells.columns, codes=flips[start:stop], margins=margins.of_this_thread())

        points.over_rows(work, self._n_threads)
        codes = self.codes ^ flips
        moved, clearance = clear(
            further, cells.further_code, codes, SortedCodes(codes), self.point_numbers, margins.lowest()[None], points,
            self._n_threads,
        )  # fmt: skip
        return cells.with_further(moved), clearance.smallest_distance

    def further_distance(self, cells):
        """The smallest distance of a point from the further hyperplanes."""
        return cells.further.smallest_distance(self.points, self._n_threads)

    def codes_of_cells(self, cells):
        """Codes of cells of all points, in order, each once: array or `Ranges`."""
        return distinct(self.codes if not cells.e else cells.codes_of(self.points, self._n_threads)[1])

    def hashes(self, recognition):
        """Hashes of all rows, as `codes_of_cells`."""
        return distinct(recognition.codes_of(self.points, self._n_threads)[1])


def _of_codes(codes, wanted, points):
    rows = np.flatnonzero(np.isin(codes, wanted))
    return rows, points.take(rows)


def know(memorized, fingerprint_bits, recognise, negatives, margin, random_state, n_threads):
    """Recognise what was memorized.

    Parameters
    ----------
    memorized : Memorized
        Or what has its methods.
    fingerprint_bits : int
    recognise : {"cells", "rows"}
    negatives : Points or None
        Inputs that must stay unknown.
    margin : float
        That further hyperplanes keep too.
    random_state : numpy.random.Generator
    n_threads : int

    Returns
    -------
    Known

    Raises
    ------
    InvalidInput
        A row that must stay unknown is memorized.
    """
    if negatives is not None:
        _refuse_memorized(memorized, negatives, n_threads)
    if recognise == "rows":
        return _know_rows(memorized, fingerprint_bits, negatives, n_threads)
    return _know_cells(memorized, fingerprint_bits, negatives, margin, random_state, n_threads)


def _know_cells(memorized, fingerprint_bits, negatives, margin, random_state, n_threads):
    sampled = memorized.sampled()
    choice, law = choose(
        sampled.points, sampled.ordered, memorized.codes_of, sampled.separated_anew,
        2.0**-fingerprint_bits * sampled.share, negatives, memorized.places is not None, random_state,
    )  # fmt: skip
    if margin:
        choice = _with_margin(choice, Margin(memorized.points, margin, n_threads))
    bits = _bits(fingerprint_bits, negatives)
    cells = _cells(memorized, choice.weights, choice.thresholds, bits, random_state)
    cells, nearest = memorized.cleared(cells)
    fingerprints = _fingerprints(cells, memorized, bits)
    if negatives is not None:
        cleared = cells
        cells, fingerprints = _without(negatives, cells, fingerprints, memorized, random_state, n_threads)
        if cells is not cleared:
            nearest = memorized.further_distance(cells)
    kinds = {}
    if choice.rate_of is not None:
        kinds = rates_of_kinds(choice, law, sampled.points, sampled.ordered, memorized.codes_of, random_state)
    measured = _measured(choice, kinds, fingerprint_bits, sampled.share)
    return Known(cells, fingerprints, measured, _of_units(memorized, nearest))


def _of_units(memorized, further_distance):
    """Facts on the points and all hyperplanes, as `FirstUnits` has them."""
    largest_norm, fits_float32 = memorized.facts()
    return {
        "smallest_distance": float(min(memorized.smallest_distance, further_distance)),
        "largest_norm": float(largest_norm),
        "fits_float32": bool(fits_float32),
    }


def _know_rows(memorized, fingerprint_bits, negatives, n_threads):
    """By a hash of their numbers."""
    recognition = Rows(memorized.encoder, memorized.d, memorized.reading, memorized.places)
    hashes = memorized.hashes(recognition)
    bits = _bits(fingerprint_bits, negatives)
    for attempt in range(_ATTEMPTS):
        fingerprints = Filter.recognising(hashes, recognition.n_bits, min(bits + attempt, MOST_BITS), attempt)
        if negatives is None or not len(recognition.known_rows(negatives, fingerprints, n_threads)):
            break
    else:
        raise MemorizationError("rows that must stay unknown have the hashes of others: please report it", [])
    measured = dict.fromkeys(("rate", "at_most"), 0.0) | {
        "asked": fingerprint_bits, "by": "all other rows", "rows": 0,
        "carried_by": 0.0, "is_extrapolated": False, "is_reached": True, "kinds": {},
    }  # fmt: skip
    return Known(recognition, fingerprints, measured, _of_units(memorized, math.inf))


def _refuse_memorized(memorized, negatives, n_threads):
    """Raise `InvalidInput` if a row that must stay unknown is memorized."""
    hashes = hashes_of_points(negatives, n_threads)
    rows, coordinates = memorized.rows_of_hashes(np.unique(hashes))
    if not len(rows):
        return
    points = Points(coordinates)
    mates = mates_of(hashes, SortedCodes(hashes_of_points(points)), np.random.default_rng(0))
    for row, other in zip(mates.inputs.tolist(), mates.rows.tolist(), strict=True):
        if np.array_equal(negatives.take(np.array([row])), coordinates[other : other + 1]):
            raise InvalidInput(
                f"negatives[{row}] equals X[{rows[other]}], which is memorized: a row cannot be both, so leave it out "
                "of negatives"
            )


def _bits(fingerprint_bits, negatives):
    """So many that hardly one of the rows that must stay unknown has a stored fingerprint by chance."""
    if negatives is None:
        return fingerprint_bits
    return min(max(fingerprint_bits, math.ceil(math.log2(max(negatives.n, 1))) + _SURE_BITS), MOST_BITS)


def _with_margin(choice, margin_kept):
    """The same with those hyperplanes alone that can keep the margin."""
    weights, thresholds = [], []
    for w, t in zip(
        np.concatenate([choice.weights, choice.others[0]]),
        np.concatenate([choice.thresholds, choice.others[1]]),
        strict=True,
    ):
        if len(weights) == len(choice.weights):
            break
        w, t, distance = margin_kept.clear(w, t)
        if margin_kept.keeps(distance) and math.isfinite(t):  # where sums overflow neither is a number
            weights.append(w)
            thresholds.append(t)
    if len(weights) < len(choice.weights):
        estimate = choice.estimate._replace(rate=1.0, at_most=1.0)
        choice = choice._replace(is_reached=False, estimate=estimate, rate_of=None, by="no inputs, for the margin")
    d = choice.weights.shape[1]
    return choice._replace(weights=np.array(weights, np.float32).reshape(-1, d), thresholds=np.array(thresholds))


def _cells(memorized, weights, thresholds, bits, random_state):
    """`Cells` of further hyperplanes, and fingerprints of so many bits."""
    encoder = memorized.encoder
    if not len(thresholds):
        return Cells.of_labels_alone(encoder, memorized.reading, memorized.places, memorized.d)
    columns, n_bits = more_columns(encoder.code, len(thresholds), memorized.n, bits, random_state)
    further = Hyperplanes(weights, thresholds, *_frame(memorized))
    return Cells(encoder, further, columns, n_bits, memorized.reading, memorized.places)


def _frame(memorized):
    """Centre and scale of the columns, those of the encoder where it reads the same."""
    hyperplanes = memorized.encoder.hyperplanes
    if memorized.places is None:
        return hyperplanes.centre, hyperplanes.exponents
    return column_frame(memorized.some(distinct(np.linspace(0, memorized.n - 1, _FRAME_ROWS).astype(np.int64))))


# Rows that must stay unknown


def _without(negatives, cells, fingerprints, memorized, random_state, n_threads):
    """`Cells` and fingerprints by which none of the negatives is known."""
    bits, attempt = fingerprints.n_filter_bits, 0
    while True:
        rows = cells.known_rows(negatives, fingerprints, n_threads)
        if not len(rows):
            return cells, fingerprints
        weights, thresholds = _parting(negatives.take(rows), cells, memorized)
        if len(thresholds):
            weights = np.concatenate([cells.further.weights, weights])
            thresholds = np.concatenate([cells.further.thresholds, thresholds])
            cells = _cells(memorized, weights, thresholds, bits, random_state)
        else:  # not one of them in the cell of a point: fingerprints are equal by chance
            bits, attempt = min(bits + 1, MOST_BITS), attempt + 1
        if cells.e > _MOST_CUTS or attempt > _ATTEMPTS:
            raise InvalidInput(
                f"{len(rows)} rows of negatives, the first negatives[{rows[0]}], lie so near to memorized ones that "
                f'{cells.e:,} hyperplanes do not part all of them: leave them out, or take recognise="rows"'
            )
        fingerprints = _fingerprints(cells, memorized, bits, attempt)


def _fingerprints(cells, memorized, bits, attempt=0):
    return Filter.recognising(memorized.codes_of_cells(cells), cells.n_bits, bits, attempt)


def _parting(rows, cells, memorized):
    """Cuts between rows and the points in whose cells they lie: weights and thresholds."""
    inputs = Points(rows)
    codes = cells.codes_of(inputs)[1]
    points = Points(memorized.in_cells(cells, np.unique(codes))[1])
    mates = mates_of(codes, SortedCodes(cells.codes_of(points)[1]), np.random.default_rng(0))
    weights, thresholds = [], []
    some = max(_NUMBERS // points.d, 1)  # of very many pairs: what is left is found again
    rows, others = (of.take(numbers[:some]).astype(np.float64) for of, numbers in (
        (inputs, mates.inputs), (points, mates.rows)
    ))  # fmt: skip
    left = np.arange(len(others))
    while len(left):
        row, other = rows[left[0]], others[left[0]]
        with np.errstate(all="ignore"):
            column = int(np.abs(row - other).argmax())
        low, high = sorted((row[column], other[column]))
        threshold = between(low, high)
        weights.append(np.arange(points.d) == column)
        thresholds.append(threshold)
        left = left[(rows[left, column] >= threshold) == (others[left, column] >= threshold)]
    return np.array(weights, np.float32).reshape(-1, points.d), np.array(thresholds, np.float64)


# What is said of it


def _measured(choice, kinds, fingerprint_bits, share):
    estimate = choice.estimate
    kinds = {name: min(rate / share, 1.0) for name, rate in kinds.items()}
    estimate = estimate._replace(rate=min(estimate.rate / share, 1.0), at_most=min(estimate.at_most / share, 1.0))
    return {
        "asked": fingerprint_bits,
        "by": choice.by,
        "rows": choice.n_inputs,
        "carried_by": _rounded(estimate.carried_by),
        "rate": _rounded(estimate.rate),
        "at_most": _rounded(estimate.at_most),
        "is_extrapolated": bool(choice.is_extrapolated),
        "is_reached": bool(choice.is_reached),
        "kinds": {name: _rounded(rate) for name, rate in kinds.items()},
    }


def _rounded(number):
    return float(f"{number:.{_DIGITS}g}")
