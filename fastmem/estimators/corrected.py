"""A memory beside a model: the model answers, and rows that it gets wrong are memorized.

Nothing about the model changes: the memory (`fastmem.memorize`, with fingerprints) holds a few rows, and all others are
the model's. `fastmem.estimators.models` sees a model in two parts, first steps and what answers,
`fastmem.estimators.corrections` builds the memory, `fastmem.estimators.corrected_base` asks both. The module needs
scikit-learn: ``pip install "fastmem-nn[sklearn]"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastmem.data.arrays import LARGEST_INTEGER
from fastmem.data.as_labels import as_labels, label_array
from fastmem.data.options import as_distance
from fastmem.errors import InvalidInput
from fastmem.estimators.corrected_base import Corrected, of_shape
from fastmem.estimators.labels import classes_of, equal_labels
from fastmem.estimators.scores import probabilities_beside, refuse_scores, replaced, scores_beside, signed
from fastmem.machine.partners import missing

try:
    from sklearn.base import ClassifierMixin, RegressorMixin
    from sklearn.utils.metaestimators import available_if
except ImportError as error:
    raise missing("fastmem.CorrectedClassifier", "scikit-learn 1.6 or newer", "sklearn") from error

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.options import Columns
    from fastmem.estimators.corrected_base import Contradictory

__all__ = ["CorrectedClassifier", "CorrectedRegressor"]


def _model_has(name):
    """Whether the model has a method, for `available_if`; AttributeError that names it if not."""

    def check(self):
        getattr(self.estimator_ if hasattr(self, "estimator_") else self.estimator, name)
        return True

    return check


class CorrectedClassifier(ClassifierMixin, Corrected):
    """A classifier with a memory of its mistakes: every row that it was fitted on gets its label.

    The model answers as it is, but for rows that the memory knows. On new rows the classifier is the model: the
    memory takes few of them for known ones, and `report` says how many were seen.

    Parameters
    ----------
    estimator : object
        The model: a classifier, a pipeline, anything with a method ``predict``, or a function of X that returns labels.
        A clone of it is fitted; an object without scikit-learn's ``get_params`` is fitted itself. A function, or what
        has no ``fit``, is taken as it is.
    prefit : bool
        Take the estimator as it is, fitted already. A ``FrozenEstimator`` is so in any case, and survives
        cloning, as in cross validation.
    fingerprint_bits : int
        f from 1 to 32: by how many bits a memorized row is known. `report` says what share of new rows passes for one.
        With a tolerance up to 1,000 codes are tried for a row, and for that the memory has ten bits more, up to 32.
    tolerance : float
        Euclidean distance, in the units of what the memory reads: scale columns of different units first. Rows about so
        near to a memorized one get its label too (`Network.predict`). Rows of `fit` about which the model is right, and
        which would get a wrong label so, are memorized too; if there is no end of these, all are, and a
        `RecognitionWarning` says so.
    columns : {"auto", "all"}, or array_like
        Which columns the memory reads, as in `fastmem.memorize`; of what the first steps make of X, if the model is a
        pipeline of several steps.
    contradictory : {"raise", "model"}
        What to do with equal rows that have different labels. "raise": refuse them with `ContradictoryLabels`. "model":
        leave them to the model, right or wrong.
    keep_guard : bool
        Keep the rows about which the model is right, so that `correct` and `forget` leave them to the model too. False
        saves their bytes; then `correct` protects only the rows that it is given.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        Of the memory; the model has its own. An int makes it repeatable.
    n_threads : int, optional
        Of the memory: all cores this process may use by default.

    Attributes
    ----------
    estimator_ : object
        The model, fitted.
    memory_ : EncodedNetwork or None
        What is memorized, or None if that is nothing.
    n_memorized_ : int
        How many distinct rows are corrected.
    n_contradictory_ : int
        Rows left to the model since an equal row has another label; 0 with contradictory="raise".
    override_rate_ : float
        Share of rows about which the model is right that the memory takes for known. It is measured with half of these
        rows, and a memory built without them; NaN if there are too few.
    classes_ : ndarray of shape (c,), or list of k of these
        All labels, of the model, the rows and the corrections, sorted where they can be; of each output, if labels have
        several.
    n_features_in_ : int
        Number of columns of X, where it has columns.
    feature_names_in_ : ndarray of shape (d,)
        Names of the columns, if X was a data frame with names that are all strings.

    Examples
    --------
    >>> from fastmem import CorrectedClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    >>> clf = CorrectedClassifier(tree, random_state=0).fit(X, y)
    >>> tree.fit(X, y).score(X, y) < 0.6, clf.score(X, y), clf.n_memorized_ > 700
    (True, 1.0, True)
    >>> new = X[:1] + 1.0
    >>> int(clf.predict(new)[0]) == int(tree.predict(new)[0])
    True
    >>> clf.correct(new, [7]).predict(new)
    array([7])
    """

    classes_: NDArray[Any] | list[NDArray[Any]]

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool = False,
        fingerprint_bits: int = 16,
        tolerance: float = 0.0,
        columns: Columns = "auto",
        contradictory: Contradictory = "raise",
        keep_guard: bool = True,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.fingerprint_bits = fingerprint_bits
        self.tolerance = tolerance
        self.columns = columns
        self.contradictory = contradictory
        self.keep_guard = keep_guard
        self.random_state = random_state
        self.n_threads = n_threads

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64] | list[NDArray[np.float64]]:
        """The model's probabilities; of a row that the memory knows, 1 for its label and 0 for the others.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        float64 ndarray of shape (n, c)
            Columns are in the order of `classes_`; of labels that the model does not know they are 0 for the other
            rows. A list of such arrays for labels of k values, where the model gives a list.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError, InvalidInput
            As `predict`.
        """
        model, seen = self._seen(X)
        given = model.last.predict_proba(seen)
        is_known, labels = self._recalled(model, seen)
        if isinstance(given, list):
            outputs = zip(given, model.last.classes_, self.classes_, labels.T, strict=True)
            return [probabilities_beside(one, own, classes, is_known, column) for one, own, classes, column in outputs]
        if labels.ndim == 2:  # of several labels, each 0 or 1, the probabilities that they are 1
            return replaced(given, is_known, labels)
        return probabilities_beside(given, model.last.classes_, self.classes_, is_known, labels)

    @available_if(_model_has("decision_function"))
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """The model's scores; of a row that the memory knows, such that its label is the one predicted.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        float64 ndarray of shape (n,) or (n, c)
            One score with two classes, which is that of ``classes_[1]``: a known row has the sign that its label
            asks for. Else one for each class: a known row's label has one above its others. Labels that the model does
            not know have lower scores than any other, for the other rows.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As `predict`.
        InvalidInput
            As `predict`; or the model does not give one score for each class.
        """
        model, seen = self._seen(X)
        given = np.asarray(model.last.decision_function(seen))
        is_known, labels = self._recalled(model, seen)
        if labels.ndim == 2:  # of several labels, each 0 or 1, a score each
            return replaced(given, is_known, signed(given[is_known], labels.astype(bool)))
        own = model.last.classes_
        if getattr(model.last, "decision_function_shape", None) == "ovo" and len(own) > 2:
            refuse_scores(given.shape, own)  # of pairs of classes, three for three classes
        return scores_beside(given, own, self.classes_, is_known, labels)

    def _as_answers(self, predicted):
        return label_array(predicted)

    def _as_labels(self, y, answers):
        labels = label_array(y)
        if labels.ndim == 2 and labels.shape[1] == 1 and answers.ndim == 1:
            labels = labels[:, 0]  # as scikit-learn does, with a warning when it fits
        labels = labels + 0.0 if labels.dtype.kind == "f" else labels  # 0.0 and -0.0 are one label
        as_labels(labels, len(answers))  # refuses what is no label
        return of_shape(labels, answers)

    def _are_right(self, answers, labels):
        return equal_labels(answers, labels)

    def _set_classes(self, model, labels):
        if model is None:
            known = self.classes_ if isinstance(self.classes_, list) else [self.classes_]
        else:
            known = getattr(model.last, "classes_", [])
            known = known if isinstance(known, list) and labels.ndim == 2 else [known] * (labels.ndim == 1)
        columns = [labels] if labels.ndim == 1 else list(labels.T)
        known = known if len(known) == len(columns) else [[]] * len(columns)
        found = [
            classes_of(*([np.asarray(own)] if len(own) else []), column)
            for own, column in zip(known, columns, strict=True)
        ]
        self.classes_ = found[0] if labels.ndim == 1 else found


class CorrectedRegressor(RegressorMixin, Corrected):
    """A regressor with a memory of its mistakes: every row that it was fitted on comes out within `atol`.

    The model answers as it is, but for rows that the memory knows: of those, whose answers are farther than `atol` from
    y, the memory returns y exactly.

    Parameters
    ----------
    estimator : object
        The model: a regressor, a pipeline, anything with a method ``predict``, or a function of X. As of
        `CorrectedClassifier`.
    atol : float
        By how much an answer may differ from y, in each output, to be right. With 0 it must be y.
    prefit, fingerprint_bits, tolerance, columns, contradictory, keep_guard, random_state, n_threads
        As of `CorrectedClassifier`. Equal rows with different labels contradict each other unless the model is right
        about all of them.

    Attributes
    ----------
    estimator_, memory_, n_memorized_, n_contradictory_, override_rate_, n_features_in_, feature_names_in_
        As of `CorrectedClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmem import CorrectedRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = CorrectedRegressor(Ridge(), atol=100.0, random_state=0).fit(X, y)
    >>> bool(np.abs(reg.predict(X) - y).max() <= 100.0), 0 < reg.n_memorized_ < 100
    (True, True)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        atol: float = 0.0,
        prefit: bool = False,
        fingerprint_bits: int = 16,
        tolerance: float = 0.0,
        columns: Columns = "auto",
        contradictory: Contradictory = "raise",
        keep_guard: bool = True,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.atol = atol
        self.prefit = prefit
        self.fingerprint_bits = fingerprint_bits
        self.tolerance = tolerance
        self.columns = columns
        self.contradictory = contradictory
        self.keep_guard = keep_guard
        self.random_state = random_state
        self.n_threads = n_threads

    def _options(self):
        as_distance("atol", self.atol)
        return super()._options()

    def _as_answers(self, predicted):
        return np.asarray(predicted, np.float64)

    def _as_labels(self, y, answers):
        given = label_array(y)
        as_labels(given, len(answers))  # refuses what is no label
        if given.dtype.kind not in "biufO":
            raise InvalidInput(f"y has dtype {given.dtype}, but a regressor returns numbers")
        try:
            labels = given.astype(np.float64) + 0.0  # 0.0 and -0.0 are one label
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"y holds what is not a number: {error}") from error
        may_differ = np.abs(labels) >= LARGEST_INTEGER if given.dtype.kind in "iu" else given.dtype.kind == "O"
        for place in np.argwhere(np.broadcast_to(may_differ, given.shape)):
            value = given[tuple(place)]
            if labels[tuple(place)].item() != (value.item() if isinstance(value, np.generic) else value):
                raise InvalidInput(f"y[{place[0]}] is {value!r}, which float64 does not hold exactly")
        if labels.ndim == 2 and labels.shape[1] == 1 and answers.ndim == 1:
            labels = labels[:, 0]
        return of_shape(labels, answers)

    def _are_right(self, answers, labels):
        with np.errstate(invalid="ignore", over="ignore"):
            is_near = (np.abs(answers - labels) <= self.atol) | (answers == labels)  # infinities equal themselves
        return is_near if is_near.ndim == 1 else is_near.all(axis=1)
