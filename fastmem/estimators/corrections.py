"""The memory beside a model: rows whose labels it holds, and guard rows, whose answers must stay the model's.

The memory is a network with fingerprints (`fastmem.memorize`). It is built from the memorized rows, with the guard
rows as its negatives, and rebuilt from both whenever a correction is added or taken back.

With a tolerance, `MAX_PROBES` codes are tried for a row, each of which passes for a stored one with probability 2^-f:
so the memory has more bits, such that all of them together do so with about 2^-f. Guard rows that it takes for known
ones all the same, since they lie near by, and with another label than the model's, are memorized too. That takes
another memory, with other hyperplanes, within whose reach other rows may lie: so it goes in rounds, of which each
looks twice as far as the one before. After the last one all guard rows are memorized.

How often it would override a model's right answer is measured on half of the guard rows, with a memory built without
them. Where that memory overrides none of them wrongly it is kept; else one is built with all of them.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from fastmem.api import memorize
from fastmem.data.as_points import as_points
from fastmem.data.columns import Named
from fastmem.data.points import first_of_equal
from fastmem.data.sorting import distinct
from fastmem.errors import InvalidInput, MemorizationError, RecognitionWarning
from fastmem.estimators.labels import equal_labels, labels_side_by_side, no_label
from fastmem.hyperplanes.recognition import Cells, more_columns
from fastmem.machine.floats import default_environment
from fastmem.machine.threads import resolve_threads
from fastmem.network.near_codes import MAX_PROBES
from fastmem.store import Filter
from fastmem.store.filter import MOST_BITS

if TYPE_CHECKING:
    from fastmem.data.options import Columns
    from fastmem.network import EncodedNetwork

__all__ = ["Corrections", "Options", "Rows", "first_equal", "recall"]

_SHOWN = 5
_ROUNDS = 6
_BITS_OF_PROBES = math.ceil(math.log2(MAX_PROBES))
_LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class Rows:
    """Points with a label each.

    Attributes
    ----------
    points : ndarray of shape (n, d)
    labels : ndarray of shape (n,) or (n, k)
    """

    points: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.points)

    def take(self, chosen):
        """Those of the rows that an index array or a mask chooses, copied."""
        return Rows(self.points[chosen], self.labels[chosen])

    def and_more(self, *others):
        """These rows and others, in one dtype that holds all of them exactly."""
        parts = [rows for rows in (self, *others) if len(rows)] or [self]
        if len(parts) == 1:
            return parts[0]
        points = np.concatenate([rows.points for rows in parts])
        return Rows(points, np.concatenate(labels_side_by_side(*(rows.labels for rows in parts))))

    @property
    def nbytes(self):
        """Bytes of points and labels; of Python objects among the labels, those of the references."""
        return self.points.nbytes + self.labels.nbytes


@dataclass(frozen=True)
class Options:
    """How memories are built and asked: as in `fastmem.memorize` and `fastmem.Network.predict`.

    Attributes
    ----------
    names : tuple of str or None
        Of the columns.
    same_alone : bool
        Whether a row has the same values whatever stands beside it. If not, it cannot be known by a hash of them.
    """

    fingerprint_bits: int
    tolerance: float
    columns: Columns
    keep_guard: bool
    seed: int
    n_threads: int | None
    names: tuple[str, ...] | None = None
    same_alone: bool = True


@dataclass(frozen=True)
class Corrections:
    """What is memorized beside a model. Nothing changes it: additions make another one.

    Attributes
    ----------
    options : Options
    memorized : Rows
        Distinct points, with the labels that the memory returns for them.
    guard : Rows
        Points with the model's answers. Without `keep_guard` only those that are memorized.
    is_protected : bool ndarray
        Which of them are memorized too, since the memory would override them wrongly.
    network : EncodedNetwork or None
        None if nothing is memorized.
    n_tested, n_overridden : int
        On how many guard rows it was measured whether the memory takes rows for known ones, and how many it did.
    n_guards : int
        Guard rows that the memory was built with.
    """

    options: Options
    memorized: Rows
    guard: Rows
    is_protected: np.ndarray
    network: EncodedNetwork | None = None
    n_tested: int = 0
    n_overridden: int = 0
    n_guards: int = field(default=0)

    @classmethod
    def of(cls, memorized, guard, options):
        """Build the memory of some rows, beside guard rows, none of which equals one of them.

        Raises
        ------
        MemorizationError
            A row does not get its label, or a guard row one that is not the model's. It must never happen.
        """
        is_protected = np.zeros(len(guard), bool)
        if not len(memorized):
            empty = cls(options, memorized, guard, is_protected, n_guards=len(guard))
            return empty if options.keep_guard else empty._without_guard()
        is_tested = np.zeros(len(guard), bool)
        is_tested[np.random.default_rng(options.seed).permutation(len(guard))[: len(guard) // 2]] = True
        network, is_protected[~is_tested], caught = _guarded(memorized, guard.take(~is_tested), options)
        is_known, is_wrong = _overridden(network, guard.take(is_tested), options)
        if is_wrong.any():
            network, is_protected, caught = _guarded(memorized, guard, options, is_protected)
        for warning in caught:
            warnings.warn(warning, stacklevel=3)
        built = cls(
            options, memorized, guard, is_protected, network, int(is_tested.sum()), int(is_known.sum()), len(guard),
        )  # fmt: skip
        built._verify()
        return built if options.keep_guard else built._without_guard()

    def _without_guard(self):
        kept = self.guard.take(self.is_protected)
        return replace(self, guard=kept, is_protected=np.ones(len(kept), bool))

    def _verify(self):
        known, labels = recall(self.network, self.memorized.points, self.options)
        wrong = np.flatnonzero(~known)
        if not len(wrong):
            wrong = np.flatnonzero(~equal_labels(labels, self.memorized.labels))
        if len(wrong):
            raise MemorizationError(
                f"{len(wrong)} of {len(self.memorized)} memorized rows do not get their label, the first in row "
                f"{wrong[0]} of them: this is a bug in fastmem, please report it with the data",
                wrong.tolist(),
            )

    def recall(self, points):
        """Which points the memory knows, as a mask, and the labels of those."""
        if self.network is None:
            return np.zeros(len(points), bool), self.memorized.labels[:0]
        return recall(self.network, points, self.options)

    def with_more(self, given, answers, is_right, guard):
        """Rows to memorize and guard rows, for `of`: these ones and more.

        Parameters
        ----------
        given : Rows
            Equal points have equal labels, unless the model is right about all of them.
        answers : ndarray
            The model's for the given rows.
        is_right : bool ndarray
            Which of the answers are right: these rows become guard rows, but for those that are memorized already.
        guard : Rows
            Points with the model's answers.

        Raises
        ------
        InvalidInput
            A guard row is memorized with another label than the model's.
        """
        n_old = len(self.memorized)
        _, new, old_guard, more = first_equal(
            self.options.n_threads, self.memorized.points, given.points, self.guard.points, guard.points
        )
        replaced = np.flatnonzero(new < n_old)
        added = np.unique(new[(new >= n_old) & ~is_right]) - n_old
        old_labels, new_labels = labels_side_by_side(self.memorized.labels, given.labels)
        old_labels = old_labels.copy()
        old_labels[new[replaced]] = new_labels[replaced]
        memorized = Rows(self.memorized.points, old_labels).and_more(Rows(given.points, new_labels).take(added))
        places = np.concatenate([np.arange(n_old), added + n_old])  # of the memorized rows, among all
        _refuse_guards_with_other_labels(guard, more, memorized, places)
        given_too = _new_places(new, places, old_guard)
        more_too = _new_places(more, places, old_guard, new[given_too])
        kept = self.guard.take(~np.isin(old_guard, places))
        return memorized, kept.and_more(Rows(given.points, answers).take(given_too), guard.take(more_too))

    def without(self, points, answers):
        """Rows to memorize and guard rows, for `of`: some are no more memorized, but left to the model.

        Raises
        ------
        InvalidInput
            Rows that are not memorized; the message names them.
        """
        n_old = len(self.memorized)
        _, place = first_equal(self.options.n_threads, self.memorized.points, points)
        missing = np.flatnonzero(place >= n_old)
        if len(missing):
            raise InvalidInput(
                f"{_named('row', missing)} of X {'is' if len(missing) == 1 else 'are'} not memorized, so that there is "
                "nothing to forget: leave out what was not corrected"
            )
        forgotten, where = np.unique(place, return_index=True)
        kept = np.setdiff1d(np.arange(n_old), forgotten)
        return self.memorized.take(kept), self.guard.and_more(Rows(points, answers).take(where))


def recall(network, points, options):
    """Which points a memory knows, as a mask, and the labels of those; known within the tolerance of `options`."""
    n_threads = options.n_threads
    if not options.tolerance:
        known = network.contains(points, n_threads=n_threads)
        if not known.any():
            return known, network.classes[:0]
        return known, network.predict(points[known], n_threads=n_threads)
    nothing = no_label(network.classes)
    labels = network.predict(points, unknown=nothing, tolerance=options.tolerance, n_threads=n_threads)
    first = labels if labels.ndim == 1 else labels[:, 0]
    if first.dtype.kind == "O":
        known = np.fromiter((label is not nothing for label in first), bool, len(first))
    else:
        known = first == first if nothing != nothing else first != nothing
    return known, labels[known].astype(network.classes.dtype, copy=False)


@default_environment()  # as in `memorize`, to find the same rows equal
def first_equal(n_threads, *parts):
    """Of each row, the first among the rows of all parts that it equals: an int64 array for each part."""
    lengths = [len(part) for part in parts]
    places = np.arange(sum(lengths))
    if len(places):
        together = parts[0] if len(parts) == 1 else np.concatenate([part for part in parts if len(part)])
        places = first_of_equal(len(places), *as_points(together).equal_rows(resolve_threads(n_threads)), np.int64)
    return np.split(places, np.cumsum(lengths)[:-1])


def _guarded(memorized, guard, options, is_protected=None):
    """A memory that leaves guard rows to the model, those among them that are memorized for that, and its warnings.

    Parameters
    ----------
    memorized, guard : Rows
    options : Options
    is_protected : bool ndarray, optional
        Guard rows that are memorized in any case.
    """
    is_protected = np.zeros(len(guard), bool) if is_protected is None else is_protected
    # Rows that equal one another are memorized once: a model may round their answers in different ways.
    (first,) = first_equal(options.n_threads, guard.points) if options.tolerance else (np.arange(len(guard)),)
    more_warnings, n_rounds = [], 0
    while True:
        is_protected = np.isin(first, first[is_protected])
        added = guard.take(np.unique(first[is_protected]))
        network, caught = _memory(memorized.and_more(added), guard.points[~is_protected], options)
        is_wrong = _overridden(network, guard, options)[1] & ~is_protected
        if not is_wrong.any():
            return network, is_protected, caught + more_warnings
        n_rounds += 1
        if n_rounds < _ROUNDS:
            is_protected = is_protected | is_wrong | _reached(network, guard, options, 2.0 ** (n_rounds - 1))
        else:
            is_protected = np.ones(len(guard), bool)
            more_warnings = [RecognitionWarning(_too_far(guard, options))]


def _reached(network, guard, options, times):
    """Which guard rows get another label than the model's within so many times the tolerance: a mask."""
    if times == 1:
        return np.zeros(len(guard), bool)
    farther = min(times * options.tolerance, _LARGEST)
    return _overridden(network, guard, replace(options, tolerance=farther))[1]


def _too_far(guard, options):
    return (
        f"tolerance={options.tolerance:g} reaches from memorized rows to others about which the model is right, and in "
        f"{_ROUNDS} rounds there was no end of these: so all {len(guard):,} of them are memorized too; take a smaller "
        "tolerance or more fingerprint bits, or scale the columns of X to the same spread"
    )


def _memory(rows, negatives, options):
    """A network that knows the rows and none of the negatives, and the warnings there were.

    It knows rows by their cells, unless `memorize` measures that unseen rows would share these too often. Then it knows
    equal rows alone, where that is possible.
    """
    points = rows.points if options.names is None else Named(rows.points, options.names)

    def built(recognise):
        return memorize(
            points, rows.labels, separate="all", fingerprint_bits=options.fingerprint_bits, columns=options.columns,
            negatives=negatives if len(negatives) else None, recognise=recognise, random_state=options.seed,
            n_threads=options.n_threads,
        )  # fmt: skip

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            network = built("cells")
        except InvalidInput as error:
            if not str(error).startswith(("row", "negatives[")):
                raise
            raise InvalidInput(  # rows that are equal in the columns read; as a whole they differ
                f"{error}. Rows are counted here among those to memorize, negatives among those that stay the model's: "
                "let the memory read a column more, in which they differ"
            ) from None
    is_missed = any(issubclass(warning.category, RecognitionWarning) for warning in caught)
    if is_missed and not options.tolerance and options.same_alone:
        return built("rows"), []
    if options.tolerance:
        _add_bits(network, points, options)
    return network, [warning.message for warning in caught]


def _add_bits(network, points, options):
    """Give a memory so many more bits that it is as rare as before that one of all codes tried passes by chance."""
    bits = min(network.fingerprint_bits + _BITS_OF_PROBES, MOST_BITS)
    cells, n_threads = network.recognition, resolve_threads(options.n_threads)
    random_state = np.random.default_rng(options.seed)
    columns, n_bits = more_columns(cells.encoder.code, cells.e, network.n_points, bits, random_state)
    cells = Cells(cells.encoder, cells.further, columns, n_bits, cells.reading, cells.places)
    codes = cells.codes_of(as_points(points).on(cells.reading), n_threads)[1]
    network.recognition = cells
    network.fingerprints = Filter.recognising(distinct(codes), n_bits, bits)


def _overridden(network, guard, options):
    """Which guard rows a memory takes for known, and which of these get another label than the model's: two masks."""
    if not len(guard):
        return np.zeros(0, bool), np.zeros(0, bool)
    is_known, labels = recall(network, guard.points, options)
    is_wrong = is_known.copy()
    is_wrong[is_known] = ~equal_labels(labels, guard.labels[is_known])
    return is_known, is_wrong


def _refuse_guards_with_other_labels(guard, more, memorized, places):
    """Raise `InvalidInput` if guard rows are memorized, with another label than the model's."""
    row_at = {place: row for row, place in enumerate(places.tolist())}
    both = [(i, row_at[place]) for i, place in enumerate(more.tolist()) if place in row_at]
    if not both:
        return
    guards, rows = map(list, zip(*both, strict=True))
    wrong = np.flatnonzero(~equal_labels(guard.labels[guards], memorized.labels[rows]))
    if len(wrong):
        raise InvalidInput(
            f"{_named('row', np.asarray(guards)[wrong])} of guard {'is' if len(wrong) == 1 else 'are'} memorized with "
            "another label than the model's answer, which a guard row has to keep: forget it, or leave it out of guard"
        )


def _new_places(places, *taken):
    """Of the places that are not taken, the rows that have them first."""
    distinct, rows = np.unique(places, return_index=True)
    return rows[~np.isin(distinct, np.concatenate(taken))]


def _named(noun, numbers):
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"{noun if len(numbers) == 1 else noun + 's'} {shown}{more}"
