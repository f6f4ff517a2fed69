"""What makes a network know the points it memorized: further hyperplanes, their codes, and fingerprints of these.

Hyperplanes come from `fastmem.separate.recognition`, which says too what share of other inputs share a cell with a
memorized point. Inputs that must stay unknown are looked up in what was built: those that lie in the cell of a
memorized point are parted from it by a cut between the two, and where a fingerprint is the same by chance others are
drawn.
"""

import math
import warnings
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points
from fastmem.data.reading import Reading
from fastmem.data.sorting import SortedCodes, distinct
from fastmem.errors import InvalidInput, MemorizationError, RecognitionWarning
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.margins import Margins
from fastmem.hyperplanes.recognition import Cells, Rows, hashes_of, more_columns
from fastmem.separate.acceptance import mates_of
from fastmem.separate.clearance import clear
from fastmem.separate.margin import Margin
from fastmem.separate.recognition import Some, choose, rates_of_kinds
from fastmem.store import Filter

__all__ = ["Known", "know_cells", "know_rows", "refuse_memorized"]

_FRAME_ROWS = 512
_SURE_BITS = 3
_ATTEMPTS = 32
_PARTED, _NUMBERS = 256, 2**22  # inputs that are looked at together, and numbers of their mates
_DIGITS = 3


class Known(NamedTuple):
    """What a network needs to know its points, as `EncodedNetwork` takes it."""

    recognition: Cells | Rows
    fingerprints: Filter
    measured: dict


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
    """

    points: Points
    encoder: object
    codes: np.ndarray
    places: np.ndarray | None
    point_numbers: np.ndarray

    def codes_of(self, points):
        """Codes of other points."""
        return self.encoder.codes(points if self.places is None else points.on(Reading(self.places, points.d)))


def know_cells(memorized, fingerprint_bits, negatives, separated_anew, margin, random_state, n_threads):
    """Recognise the cells of points.

    Parameters
    ----------
    memorized : Memorized
    fingerprint_bits : int
    negatives : Points or None
        Inputs that must stay unknown, none of them memorized.
    separated_anew : callable
        From rows to ``ordered, codes_of`` of a separation of these alone.
    margin : float
        That further hyperplanes keep too.
    random_state : numpy.random.Generator
    n_threads : int

    Returns
    -------
    Known
    """
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
    cells, of_cells, clearance = _cleared(
        memorized, choice.weights, choice.thresholds, fingerprint_bits, random_state, n_threads
    )
    fingerprints = Filter.recognising(distinct(of_cells), cells.n_bits, _bits(fingerprint_bits, negatives))
    known = Known(cells, fingerprints, {})
    if negatives is not None:
        known = _without(negatives, known, memorized, fingerprint_bits, random_state, n_threads)
    kinds = {}
    if choice.rate_of is not None:
        kinds = rates_of_kinds(choice, law, different, ordered, memorized.codes_of, random_state)
    if not choice.is_reached:
        _warn(choice, fingerprint_bits)
    smallest, largest = clearance if known.recognition is cells else _distances(known.recognition, points, n_threads)
    known.measured.update(_measured(choice, kinds))
    known.measured.update(
        smallest_distance=smallest if math.isfinite(smallest) else None,
        largest_norm=largest,
        fits_float32=points.fit_float32(n_threads),
    )
    return known


def know_rows(memorized, fingerprint_bits, negatives, n_threads):
    """Recognise rows by a hash of their numbers; parameters and result as of `know_cells`."""
    points = memorized.points
    recognition = Rows(memorized.encoder, points.d, points.reading, memorized.places)
    hashes = distinct(recognition.codes_of(points, n_threads)[1])
    bits = _bits(fingerprint_bits, negatives)
    for attempt in range(_ATTEMPTS):
        fingerprints = Filter.recognising(hashes, recognition.n_bits, bits, attempt)
        if negatives is None or not len(_known_among(negatives, recognition, fingerprints, n_threads)):
            break
    else:
        raise MemorizationError("rows that must stay unknown have the hashes of others: please report it", [])
    measured = dict.fromkeys(("rate", "at_most"), 0.0) | {
        "by": "all other rows", "rows": 0, "carried_by": 0.0, "is_extrapolated": False, "is_reached": True, "kinds": {},
        "smallest_distance": None, "largest_norm": 0.0, "fits_float32": points.fit_float32(n_threads),
    }  # fmt: skip
    return Known(recognition, fingerprints, measured)


def refuse_memorized(points, negatives, n_threads):
    """Raise `InvalidInput` if a row that must stay unknown is memorized."""
    hashes, others = np.empty(points.n, np.uint64), np.empty(negatives.n, np.uint64)
    for of, result in ((points, hashes), (negatives, others)):

        def work(start, stop, block, result=result):
            result[start:stop] = hashes_of(block)

        of.over_rows(work, n_threads)
    ordered = SortedCodes(hashes)
    mates = mates_of(others, ordered, np.random.default_rng(0))
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
    return min(max(fingerprint_bits, math.ceil(math.log2(max(negatives.n, 1))) + _SURE_BITS), 32)


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
        if margin_kept.keeps(distance):
            weights.append(w)
            thresholds.append(t)
    if len(weights) < len(choice.weights):
        estimate = choice.estimate._replace(rate=1.0, at_most=1.0)
        choice = choice._replace(is_reached=False, estimate=estimate, rate_of=None, by="no inputs, for the margin")
    d = choice.weights.shape[1]
    return choice._replace(weights=np.array(weights, np.float32).reshape(-1, d), thresholds=np.array(thresholds))


def _cleared(memorized, weights, thresholds, fingerprint_bits, random_state, n_threads):
    """`Cells` of further hyperplanes that points do not nearly touch, the points' codes, and how near points come."""
    points, encoder = memorized.points, memorized.encoder
    columns, n_bits = more_columns(encoder.code, len(thresholds), points.n, fingerprint_bits, random_state)
    if not len(thresholds):
        cells = Cells.of_labels_alone(encoder, points.reading, memorized.places, points.d)
        return cells, memorized.codes, (math.inf, points.largest_norm(n_threads))
    further = Hyperplanes(weights, thresholds, *_frame(memorized))
    cells = Cells(encoder, further, columns, n_bits, points.reading, memorized.places)
    margins, flips = Margins(further.m), np.empty(points.n, np.uint64)

    def work(start, stop, block):
        further.xor_codes(block, columns, codes=flips[start:stop], margins=margins.of_this_thread())

    points.over_rows(work, n_threads)
    codes = memorized.codes ^ flips
    ordered = SortedCodes(codes)
    moved, clearance = clear(
        further, cells.further_code, codes, ordered, memorized.point_numbers, margins.lowest()[None], points, n_threads
    )
    cells = Cells(encoder, moved, columns, n_bits, points.reading, memorized.places)
    return cells, ordered.codes, tuple(clearance)


def _frame(memorized):
    """Centre and scale of the columns, those of the encoder where it reads the same."""
    hyperplanes, points = memorized.encoder.hyperplanes, memorized.points
    if memorized.places is None:
        return hyperplanes.centre, hyperplanes.exponents
    return column_frame(points.take(distinct(np.linspace(0, points.n - 1, _FRAME_ROWS).astype(np.int64))))


# Rows that must stay unknown


def _known_among(inputs, recognition, fingerprints, n_threads):
    """Positions of the inputs that are taken for known ones."""
    return np.flatnonzero(fingerprints.accepts(recognition.codes_of(inputs, n_threads)[1]))


def _without(negatives, known, memorized, fingerprint_bits, random_state, n_threads):
    """The same, so that none of the negatives is known."""
    cells, fingerprints, _ = known
    for attempt in range(_ATTEMPTS * _ATTEMPTS):
        rows = _known_among(negatives, cells, fingerprints, n_threads)
        if not len(rows):
            return Known(cells, fingerprints, {})
        weights, thresholds = _parting(negatives.take(rows[:_PARTED]), cells, memorized, n_threads)
        if len(thresholds):
            weights = np.concatenate([cells.further.weights, weights])
            thresholds = np.concatenate([cells.further.thresholds, thresholds])
            cells, of_cells, _ = _cleared(memorized, weights, thresholds, fingerprint_bits, random_state, n_threads)
        else:  # not one of them in the cell of a point: codes, or fingerprints, are equal by chance
            of_cells = cells.codes_of(memorized.points, n_threads)[1]
        fingerprints = Filter.recognising(
            distinct(of_cells), cells.n_bits, fingerprints.n_filter_bits, attempt % _ATTEMPTS
        )
    raise MemorizationError("rows that must stay unknown could not be parted from others: please report it", [])


def _parting(rows, cells, memorized, n_threads):
    """Cuts between rows and the points in whose cells they lie: weights and thresholds."""
    points, inputs = memorized.points, Points(rows)
    ordered = SortedCodes(cells.codes_of(points, n_threads)[1])
    mates = mates_of(cells.codes_of(inputs)[1], ordered, np.random.default_rng(0))
    rows, weights, thresholds = rows.astype(np.float64), [], []
    some = max(_NUMBERS // points.d, 1)  # of very many pairs: what is left is found again
    others = points.take(mates.rows[:some]).astype(np.float64)
    left = np.arange(len(others))
    while len(left):
        row, other = rows[mates.inputs[left[0]]], others[left[0]]
        with np.errstate(all="ignore"):
            column = int(np.abs(row - other).argmax())
        low, high = sorted((row[column], other[column]))
        middle = low + (high - low) / 2
        threshold = middle if low < middle <= high else high
        weights.append(np.arange(points.d) == column)
        thresholds.append(threshold)
        left = left[(rows[mates.inputs[left], column] >= threshold) == (others[left, column] >= threshold)]
    return np.array(weights, np.float32).reshape(-1, points.d), np.array(thresholds, np.float64)


def _distances(cells, points, n_threads):
    return cells.further.smallest_distance(points, n_threads), points.largest_norm(n_threads)


# What is said of it


def _measured(choice, kinds):
    estimate = choice.estimate
    return {
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


def _warn(choice, fingerprint_bits):
    at_most = choice.estimate.at_most
    passing = "all" if at_most >= 1 else f"up to 2^{math.log2(at_most):.1f}"
    warnings.warn(
        f"fingerprint_bits={fingerprint_bits} asks that no more than 2^-{fingerprint_bits} of other inputs are taken "
        f"for memorized rows, but {passing} of {choice.by} lie in the cell of one, with the most hyperplanes that are "
        'added; recognise="rows" knows equal rows alone, and negatives=... rows that must stay unknown',
        RecognitionWarning,
        stacklevel=5,
    )
