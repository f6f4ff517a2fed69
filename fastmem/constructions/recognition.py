"""What makes a network know the points it memorized: further hyperplanes, their codes, and fingerprints of these.

Hyperplanes come from `fastmem.separate.recognition`, which says too what share of other inputs share a cell with a
memorized point. Inputs that must stay unknown are looked up in what was built: those that lie in the cell of a
memorized point are parted from it by a cut between the two, and where a fingerprint is the same by chance others are
drawn.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points
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


class Memorized(NamedTuple):
    """What was separated.

    Attributes
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
    """

    points: Points
    encoder: object
    codes: np.ndarray
    places: np.ndarray | None
    point_numbers: np.ndarray
    smallest_distance: float

    def codes_of(self, points):
        """Codes of other points."""
        return self.encoder.codes(points if self.places is None else points.on(Reading(self.places, points.d)))


def know(memorized, fingerprint_bits, recognise, negatives, separated_anew, margin, random_state, n_threads):
    """Recognise what was memorized.

    Parameters
    ----------
    memorized : Memorized
    fingerprint_bits : int
    recognise : {"cells", "rows"}
    negatives : Points or None
        Inputs that must stay unknown.
    separated_anew : callable
        From rows to ``ordered, codes_of`` of a separation of these alone.
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
        _refuse_memorized(memorized.points, negatives, n_threads)
    if recognise == "rows":
        return _know_rows(memorized, fingerprint_bits, negatives, n_threads)
    return _know_cells(memorized, fingerprint_bits, negatives, separated_anew, margin, random_state, n_threads)


def _know_cells(memorized, fingerprint_bits, negatives, separated_anew, margin, random_state, n_threads):
    points, codes = memorized.points, memorized.codes
    rows = np.flatnonzero(memorized.point_numbers == np.arange(points.n))
    different = points if len(rows) == points.n else Some(points, rows)
    ordered = SortedCodes(codes[rows])
    choice, law = choose(
        different, ordered, memorized.codes_of, lambda kept: separated_anew(rows[kept]), 2.0**-fingerprint_bits,
        negatives, memorized.places is not None, random_state,
    )  # fmt: skip
    if margin:
        choice = _with_margin(choice, Margin(points, margin, n_threads))
    bits = _bits(fingerprint_bits, negatives)
    cells = _cells(memorized, choice.weights, choice.thresholds, bits, random_state)
    cells, nearest = _cleared(cells, memorized, n_threads)
    fingerprints = _fingerprints(cells, memorized, bits, n_threads)
    if negatives is not None:
        cleared = cells
        cells, fingerprints = _without(negatives, cells, fingerprints, memorized, random_state, n_threads)
        if cells is not cleared:
            nearest = cells.further.smallest_distance(points, n_threads)
    kinds = {}
    if choice.rate_of is not None:
        kinds = rates_of_kinds(choice, law, different, ordered, memorized.codes_of, random_state)
    return Known(
        cells, fingerprints, _measured(choice, kinds, fingerprint_bits), _of_units(memorized, nearest, n_threads)
    )


def _of_units(memorized, further_distance, n_threads):
    """Facts on the points and all hyperplanes, as `FirstUnits` has them."""
    return {
        "smallest_distance": float(min(memorized.smallest_distance, further_distance)),
        "largest_norm": float(memorized.points.largest_norm(n_threads)),
        "fits_float32": bool(memorized.points.fit_float32(n_threads)),
    }


def _know_rows(memorized, fingerprint_bits, negatives, n_threads):
    """By a hash of their numbers."""
    points = memorized.points
    recognition = Rows(memorized.encoder, points.d, points.reading, memorized.places)
    hashes = distinct(recognition.codes_of(points, n_threads)[1])
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
    return Known(recognition, fingerprints, measured, _of_units(memorized, math.inf, n_threads))


def _refuse_memorized(points, negatives, n_threads):
    """Raise `InvalidInput` if a row that must stay unknown is memorized."""
    hashes, others = (hashes_of_points(of, n_threads) for of in (points, negatives))
    mates = mates_of(others, SortedCodes(hashes), np.random.default_rng(0))
    for row, other in zip(mates.inputs.tolist(), mates.rows.tolist(), strict=True):
        if np.array_equal(negatives.take(np.array([row])), points.take(np.array([other]))):
            raise InvalidInput(
                f"negatives[{row}] equals X[{other}], which is memorized: a row cannot be both, so leave it out of "
                "negatives"
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
    points, encoder = memorized.points, memorized.encoder
    if not len(thresholds):
        return Cells.of_labels_alone(encoder, points.reading, memorized.places, points.d)
    columns, n_bits = more_columns(encoder.code, len(thresholds), points.n, bits, random_state)
    further = Hyperplanes(weights, thresholds, *_frame(memorized))
    return Cells(encoder, further, columns, n_bits, points.reading, memorized.places)


def _cleared(cells, memorized, n_threads):
    """The same with further hyperplanes that points do not nearly touch, and how near they come."""
    if not cells.e:
        return cells, math.inf
    points, further, margins = memorized.points, cells.further, Margins(cells.e)
    flips = np.empty(points.n, np.uint64)

    def work(start, stop, block):
        further.xor_codes(block, cells.columns, codes=flips[start:stop], margins=margins.of_this_thread())

    points.over_rows(work, n_threads)
    codes = memorized.codes ^ flips
    moved, clearance = clear(
        further, cells.further_code, codes, SortedCodes(codes), memorized.point_numbers, margins.lowest()[None], points,
        n_threads,
    )  # fmt: skip
    return cells.with_further(moved), clearance.smallest_distance


def _frame(memorized):
    """Centre and scale of the columns, those of the encoder where it reads the same."""
    hyperplanes, points = memorized.encoder.hyperplanes, memorized.points
    if memorized.places is None:
        return hyperplanes.centre, hyperplanes.exponents
    return column_frame(points.take(distinct(np.linspace(0, points.n - 1, _FRAME_ROWS).astype(np.int64))))


# Rows that must stay unknown


def _without(negatives, cells, fingerprints, memorized, random_state, n_threads):
    """`Cells` and fingerprints by which none of the negatives is known."""
    bits, attempt = fingerprints.n_filter_bits, 0
    while True:
        rows = cells.known_rows(negatives, fingerprints, n_threads)
        if not len(rows):
            return cells, fingerprints
        weights, thresholds = _parting(negatives.take(rows), cells, memorized, n_threads)
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
        fingerprints = _fingerprints(cells, memorized, bits, n_threads, attempt)


def _fingerprints(cells, memorized, bits, n_threads, attempt=0):
    codes = memorized.codes if not cells.e else cells.codes_of(memorized.points, n_threads)[1]
    return Filter.recognising(distinct(codes), cells.n_bits, bits, attempt)


def _parting(rows, cells, memorized, n_threads):
    """Cuts between rows and the points in whose cells they lie: weights and thresholds."""
    points, inputs = memorized.points, Points(rows)
    ordered = SortedCodes(cells.codes_of(points, n_threads)[1])
    mates = mates_of(cells.codes_of(inputs)[1], ordered, np.random.default_rng(0))
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


def _measured(choice, kinds, fingerprint_bits):
    estimate = choice.estimate
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
