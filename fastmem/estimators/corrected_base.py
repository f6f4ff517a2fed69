"""What both corrected estimators have in common: fitting, corrections made later, answers, report.

X ──► first steps of a pipeline, if it is one ──┬──► model ────────────────────► its answer ──┐
                                                └──► memory: does it know the row? its label ─┴──► answer
"""

from __future__ import annotations

import math
import os
from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Literal, Self, cast, get_args

import numpy as np

from fastmem.data.as_labels import Labels, as_labels, refuse_contradictions
from fastmem.data.columns import names_of
from fastmem.data.containers import refuse_container
from fastmem.data.lazy import applied, is_lazy
from fastmem.data.options import as_count, as_distance, check_option
from fastmem.errors import ContradictoryLabels, InvalidInput, MemorizationError
from fastmem.estimators.correction_report import CorrectionReport, upper_end
from fastmem.estimators.corrections import Corrections, Options, Rows, first_equal
from fastmem.estimators.labels import equal_labels, labels_side_by_side
from fastmem.estimators.models import Model, fitted, has_first_steps
from fastmem.machine.partners import missing
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS

try:
    from sklearn.base import BaseEstimator
    from sklearn.utils import check_random_state, get_tags
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise missing("fastmem.CorrectedClassifier", "scikit-learn 1.6 or newer", "sklearn") from error

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.network import EncodedNetwork

__all__ = ["Contradictory", "Corrected", "of_shape"]

Contradictory = Literal["raise", "model"]


class Corrected(BaseEstimator):
    """A model with a memory beside it. The kinds say which answers are right."""

    estimator_: Any
    memory_: EncodedNetwork | None
    n_memorized_: int
    n_contradictory_: int
    override_rate_: float
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    # Public: fitting, corrections, answers

    def fit(self, X: ArrayLike, y: ArrayLike, **fit_params: Any) -> Self:
        """Fit the model, and memorize the rows that it gets wrong.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
            What the model takes. The memory reads it as numbers that float64 holds exactly; what the first steps make
            of it, if the model is a ``Pipeline`` of several steps.
        y : array_like of shape (n,) or (n, k)
        **fit_params
            For the model's own fit, as ``sample_weight``.

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            X, y or a parameter cannot be used as they are, or the model gives other answers when it is asked again.
        ContradictoryLabels
            Equal rows have different labels, of which the model cannot have all right, with contradictory="raise".
        MemorizationError
            A row does not come out right. It must never happen: please report it.
        """
        options = self._options()
        if not has_first_steps(self.estimator):
            refuse_container(X, "X")
        with self._all_or_nothing():
            self._validate(X, reset=True)
            self.estimator_ = fitted(self.estimator, X, y, self.prefit, fit_params)
            model = Model(self.estimator_)
            seen = model.seen(X)
            answers = self._as_answers(model.predict(seen))
            points, labels = model.points(seen), self._as_labels(y, answers)
            is_right = self._are_right(answers, labels)
            (first,) = first_equal(self.n_threads, points)
            is_contradictory = self._contradictory(model, labels, is_right, first)
            added = np.unique(first[~is_right & ~is_contradictory])
            guard = Rows(points, answers).take(~np.isin(first, added))
            options["names"] = names_of(seen)
            options["same_alone"] = model.is_same_alone(X, points, added if len(added) else first)
            self.n_contradictory_ = int(is_contradictory.sum())
            self._n_rows, self._model_accuracy = len(points), float(is_right.mean())
            self._set_classes(model, labels)
            self._take(Corrections.of(Rows(points, labels).take(added), guard, Options(**options)))
            self._verify(X, labels, answers, ~is_contradictory)
        return self

    def correct(self, X: ArrayLike, y: ArrayLike, guard: ArrayLike | None = None) -> Self:
        """Add corrections. The model does not change, and the memory is built anew from the rows that are kept.

        Rows that the model has right become guard rows. A row that is memorized already gets the label given here.

        Parameters
        ----------
        X : array_like or data frame of shape (m, d)
        y : array_like of shape (m,) or (m, k)
            Their labels, which may be such as neither the model nor the memory knows.
        guard : array_like or data frame of shape (g, d), optional
            Rows whose answers must stay the model's, beside those of `fit` (with `keep_guard`).

        Returns
        -------
        self
            All rows given here come out right, and so do all that are memorized already; no guard row gets another
            answer than the model's. After an error nothing has changed.

        Raises
        ------
        InvalidInput
            X, y or guard cannot be used as they are, or a guard row is memorized with another label than the model's.
        ContradictoryLabels
            Equal rows of X have different labels. `contradictory` does not matter here.
        """
        check_is_fitted(self)
        model = Model(self.estimator_)
        points, answers, labels = self._given(model, X, y)
        is_right = self._are_right(answers, labels)
        (first,) = first_equal(self.n_threads, points)
        is_known = first_equal(self.n_threads, self._corrections.memorized.points, points)[1] < self.n_memorized_
        _refuse(model, labels, is_right & ~is_known, first, "")
        guards = Rows(points[:0], answers[:0]) if guard is None else Rows(*self._given(model, guard))
        rows = self._corrections.with_more(Rows(points, labels), answers, is_right, guards)
        with self._all_or_nothing():
            self._set_classes(None, labels)
            self._take(Corrections.of(*rows, self._corrections.options))
            self._verify(X, labels, answers, np.ones(len(labels), bool))
        return self

    def forget(self, X: ArrayLike) -> Self:
        """Take back what is memorized of some rows: their answers are the model's again.

        Parameters
        ----------
        X : array_like or data frame of shape (m, d)

        Returns
        -------
        self

        Raises
        ------
        InvalidInput
            A row is not memorized; the message names it, and nothing is forgotten.
        """
        check_is_fitted(self)
        points, answers = self._given(Model(self.estimator_), X)
        rows = self._corrections.without(points, answers)
        self._take(Corrections.of(*rows, self._corrections.options))
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The memorized label of each row that the memory knows, and the model's answer for every other row.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) or (n, k)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` was not called.
        ValueError
            The model refuses X.
        InvalidInput
            X holds what the memory cannot read: NaN, or numbers that float64 does not hold exactly.
        """
        if is_lazy(X):
            check_is_fitted(self)
            return applied(self, "predict", X, {}, self.n_features_in_)
        model, seen = self._seen(X)
        answers = self._as_answers(model.predict(seen))
        if self.memory_ is None:
            return answers
        is_known, labels = self._recalled(model, seen)
        # In the dtype of all memorized labels, whether or not one of them is among these answers.
        answers, _ = labels_side_by_side(answers, self.memory_.classes)
        answers = answers.copy()
        answers[is_known] = labels
        return answers

    def report(self) -> CorrectionReport:
        """How much is memorized, how often the memory may override the model, and the bytes that it takes.

        Returns
        -------
        CorrectionReport
            ``print(clf.report())`` shows it.
        """
        check_is_fitted(self)
        corrections, memory = self._corrections, self.memory_
        options, n_tested = corrections.options, corrections.n_tested
        of_memory = None if memory is None else memory.report()
        return CorrectionReport(
            n_rows=self._n_rows,
            n_contradictory=self.n_contradictory_,
            model_accuracy=self._model_accuracy,
            n_memorized=self.n_memorized_,
            n_protected=int(corrections.is_protected.sum()),
            n_guards=corrections.n_guards,
            keep_guard=options.keep_guard,
            recognise=None if of_memory is None else of_memory.recognise,
            recognition=None if of_memory is None else of_memory.recognition,
            fingerprint_bits=options.fingerprint_bits,
            tolerance=options.tolerance,
            override_rate=self.override_rate_,
            override_rate_upper=0.0 if memory is None else upper_end(corrections.n_overridden, n_tested),
            n_tested=n_tested,
            memory_nbytes=0 if memory is None else memory.nbytes,
            kept_nbytes=corrections.memorized.nbytes,
            guard_nbytes=corrections.guard.nbytes,
        )

    def save_memory(self, path: str | os.PathLike[str] | BinaryIO) -> None:
        """Save the memory alone, for `fastmem.load`; the model and the kept rows are not in the file.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            As of `Network.save`.

        Raises
        ------
        InvalidInput
            The memory is empty.
        """
        check_is_fitted(self)
        if self.memory_ is None:
            raise InvalidInput("the memory is empty: the model has no mistakes that could be saved")
        self.memory_.save(path)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_corrections")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if hasattr(self.estimator, "__sklearn_tags__"):
            of_model = get_tags(self.estimator)
            tags.target_tags, tags.input_tags = of_model.target_tags, of_model.input_tags
            tags.classifier_tags = of_model.classifier_tags or tags.classifier_tags
            tags.regressor_tags = of_model.regressor_tags or tags.regressor_tags
        if not has_first_steps(self.estimator):
            tags.input_tags.sparse = tags.input_tags.allow_nan = False
        return tags

    # Of the kinds

    @abstractmethod
    def _as_answers(self, predicted):
        """What a model predicted, as an array."""

    @abstractmethod
    def _as_labels(self, y, answers):
        """The labels as an array of the shape of the answers."""

    @abstractmethod
    def _are_right(self, answers, labels):
        """Which answers are right, row by row."""

    def _set_classes(self, model, labels):
        """Take note of the labels there are."""

    # Steps

    def _options(self):
        """The checked parameters of a memory, by name."""
        check_option("contradictory", self.contradictory, get_args(Contradictory))
        return {
            "fingerprint_bits": as_count("fingerprint_bits", self.fingerprint_bits, 1, MOST_FINGERPRINT_BITS),
            "tolerance": as_distance("tolerance", self.tolerance),
            "columns": self.columns,
            "keep_guard": bool(self.keep_guard),
            "seed": _seed(self.random_state),
            "n_threads": self.n_threads,
        }

    @contextmanager
    def _all_or_nothing(self):
        """Context in which an error leaves the object as it was."""
        before = self.__dict__.copy()
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _validate(self, X, *, reset):
        if not reset and hasattr(self, "n_features_in_") and getattr(X, "ndim", 2) == 1:
            raise InvalidInput(
                f"X has shape {X.shape}, but rows of {self.n_features_in_} columns are needed. Reshape your data, if "
                "it is one row",
                "X.reshape(1, -1)",
            )
        validate_data(self, X, reset=reset, skip_check_array=True)

    def _seen(self, X):
        """The model, and what its last step sees of X."""
        check_is_fitted(self)
        model = Model(self.estimator_)
        if model.first is None:
            refuse_container(X, "X")
        self._validate(X, reset=False)
        return model, model.seen(X)

    def _given(self, model, X, *y):
        """Points of X, the model's answers, and the labels if there are any."""
        _, seen = self._seen(X)
        answers = self._as_answers(model.predict(seen))
        return model.points(seen), answers, *(self._as_labels(given, answers) for given in y)

    def _recalled(self, model, seen):
        """Which rows the memory knows, as a mask, and the labels of these."""
        return self._corrections.recall(model.points(seen))

    def _contradictory(self, model, labels, is_right, first):
        """Which rows are left to the model since an equal row has another label: a mask."""
        if self.contradictory == "raise":
            _refuse(model, labels, is_right, first, ', or leave them to the model, contradictory="model"')
            return np.zeros(len(first), bool)
        return _in_contradiction(as_labels(labels, len(first)).indices, is_right, first)

    def _take(self, corrections):
        """Make the memory that of the corrections."""
        self._corrections = corrections
        self.memory_ = cast("EncodedNetwork | None", corrections.network)
        self.n_memorized_ = len(corrections.memorized)
        n_tested = corrections.n_tested
        rate = corrections.n_overridden / n_tested if n_tested else math.nan
        self.override_rate_ = 0.0 if self.memory_ is None else rate

    def _verify(self, X, labels, answers, must_be_right):
        """Raise if rows do not come out right: all of them are asked for once more."""
        wrong = np.flatnonzero(must_be_right & ~self._are_right(self.predict(X), labels))
        if not len(wrong):
            return
        again = self._as_answers(Model(self.estimator_).predict(Model(self.estimator_).seen(X)))
        if not equal_labels(again, answers)[wrong].all():
            raise InvalidInput(
                f"the model does not give row {wrong[0]} of X the same answer when it is asked again, so that it is "
                "not known where it is wrong: fix its random state, or let it run in one thread"
            )
        raise MemorizationError(
            f"{len(wrong)} of {len(labels)} rows do not come out right, the first in row {wrong[0]}: this is a bug in "
            "fastmem, please report it with the data and the model",
            wrong.tolist(),
        )


def _seed(random_state):
    """An int, so that corrections made later are as repeatable as the first memory."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(np.iinfo(np.int32).max))
    if random_state is None or random_state is np.random or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    return as_count("random_state", random_state, 0, 2**64)


def of_shape(labels, answers):
    """The labels, if they have the shape of the answers; `InvalidInput` if not."""
    if labels.shape != answers.shape:
        raise InvalidInput(
            f"the model gives answers of shape {answers.shape} where labels have shape {labels.shape}: "
            "these must be alike"
        )
    return labels


def _in_contradiction(indices, is_right, first):
    """Rows of groups of equal rows with several labels, of which the model has not all right: a mask.

    Parameters
    ----------
    indices : int ndarray of shape (n,)
        Classes of the labels.
    is_right : bool ndarray of shape (n,)
    first : int64 ndarray of shape (n,)
        The first row that each one equals.
    """
    are_several, are_wrong = np.zeros(len(first), bool), np.zeros(len(first), bool)
    are_several[first[indices != indices[first]]] = True
    are_wrong[first[~is_right]] = True
    return (are_several & are_wrong)[first]


def _refuse(model, labels, is_right, first, remedy):
    """Raise `ContradictoryLabels` if labels of equal rows differ, and the model has not all of them right."""
    found = as_labels(labels, len(first))
    rows = np.flatnonzero(_in_contradiction(found.indices, is_right, first))
    later = rows[first[rows] != rows]
    try:
        refuse_contradictions(Labels(found.classes, found.indices), later, first[later])
    except ContradictoryLabels as error:
        made = ". X is here what the first steps of the pipeline make of it, which may make rows equal"
        raise ContradictoryLabels(f"{error}{remedy}{made if model.first is not None else ''}", error.rows) from None
