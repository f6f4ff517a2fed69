"""A memorizing network as a scikit-learn classifier, for pipelines, grid searches and whatever else takes one.

`MemorizingClassifier` follows scikit-learn's conventions and reads its input as `fastmem.memorize` does. scikit-learn
checks the points and labels, but they are taken from what the caller gave, not from the copy that it makes of a list or
a data frame: there, integers beyond 2^53, masked entries and numbers written as text are changed in silence. The module
needs scikit-learn: ``pip install "fastmem-nn[sklearn]"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast, get_args

import numpy as np

from fastmem.api import memorize
from fastmem.data.as_labels import as_labels, label_array, positions
from fastmem.data.as_points import as_points
from fastmem.data.columns import Named
from fastmem.data.containers import refuse_container
from fastmem.data.options import check_option
from fastmem.machine.floats import default_environment
from fastmem.machine.partners import missing
from fastmem.machine.threads import resolve_threads

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise missing("fastmem.MemorizingClassifier", "scikit-learn 1.6 or newer", "sklearn") from error

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.options import Columns, Effort, Separate, Store
    from fastmem.network import EncodedNetwork

__all__ = ["MemorizingClassifier"]

OnContradiction = Literal["raise", "majority"]


class MemorizingClassifier(ClassifierMixin, BaseEstimator):
    """scikit-learn classifier that memorizes its training set: ``clf.fit(X, y).predict(X)`` equals y.

    `fit` is `fastmem.memorize`. The classifier does not generalize: rows it was not fitted on get some label, which
    means nothing unless the row lies within ``clf.network_.certified_radius`` of a memorized one. So a
    score on held-out rows says nothing about the data.

    Parameters
    ----------
    store : {"binary", "integer"}
        As in `fastmem.memorize`.
    separate : {"labels", "all"}
        As in `fastmem.memorize`.
    effort : {"fast", "balanced", "small"}
        As in `fastmem.memorize`.
    columns : {"auto", "all"}, or array_like
        As in `fastmem.memorize`. scikit-learn checks all columns of X, also those that are not read.
    margin : float
        As in `fastmem.memorize`.
    fingerprint_bits : int
        As in `fastmem.memorize`. With fingerprints, ``clf.network_.predict(X, unknown=...)`` and
        ``clf.network_.contains(X)`` tell rows that were never stored; `predict` does not.
    on_contradiction : {"raise", "majority"}
        What to do with equal rows that have different labels. "raise": refuse them with `ContradictoryLabels`.
        "majority": give them all their most frequent label, of several that which comes first in `classes_`. A row
        that is outvoted is not memorized: `predict` returns the other label for it.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        An int gives the network that `fastmem.memorize` gives for it, the same on one machine. From a RandomState, or
        with None from the global one of NumPy, `fit` draws such an int; a Generator is drawn from as it is.
    n_threads : int, optional
        All cores this process may use by default; 1 starts no thread.

    Attributes
    ----------
    network_ : EncodedNetwork
        The network, with all that it offers: `layers`, `report`, `certified_radius`, `save`.
    classes_ : ndarray of shape (c,)
        The distinct labels in the dtype of y, sorted where they can be.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (d,)
        Names of the columns, if X was a data frame with names that are all strings.
    n_outvoted_ : int
        How many rows got another label than their own by majority, and so are not memorized; 0 with
        on_contradiction="raise".

    Examples
    --------
    >>> from fastmem import MemorizingClassifier
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), MemorizingClassifier(random_state=0))
    >>> model.fit(X, y).score(X, y)
    1.0
    >>> clf = MemorizingClassifier(on_contradiction="majority", random_state=0)
    >>> clf.fit([[0, 0], [1, 2], [1, 2], [1, 2]], ["a", "b", "a", "b"]).predict([[0, 0], [1, 2]])
    array(['a', 'b'], dtype='<U1')
    >>> clf.n_outvoted_
    1
    """

    columns: Columns = "auto"  # of estimators that version 0.1 pickled

    network_: EncodedNetwork
    classes_: NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    n_outvoted_: int

    def __init__(
        self,
        *,
        store: Store = "binary",
        separate: Separate = "labels",
        effort: Effort = "balanced",
        columns: Columns = "auto",
        margin: float = 0.0,
        fingerprint_bits: int = 0,
        on_contradiction: OnContradiction = "raise",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.store = store
        self.separate = separate
        self.effort = effort
        self.columns = columns
        self.margin = margin
        self.fingerprint_bits = fingerprint_bits
        self.on_contradiction = on_contradiction
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Memorize the labels y of the rows of X.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
            Finite numbers that float64 holds exactly.
        y : array_like of shape (n,)
            Labels as `memorize` takes them, but that floats must be whole, as scikit-learn wants it (-0.0 is 0.0), and
            that a column of shape (n, 1) is made flat, with scikit-learn's warning.

        Returns
        -------
        MemorizingClassifier
            The classifier itself.

        Raises
        ------
        ValueError, TypeError
            scikit-learn refuses X or y.
        InvalidInput
            X, y or a parameter cannot be used as they are.
        ContradictoryLabels
            Equal rows have different labels, with on_contradiction="raise".
        MarginNotReached
            Points that must differ could not be separated at that margin.
        """
        check_option("on_contradiction", self.on_contradiction, get_args(OnContradiction))
        refuse_container(X, "X")  # which scikit-learn takes for a scalar
        y = self._checked(X, y)
        points = as_points(X)
        labels = as_labels(y + 0.0 if y.dtype.kind == "f" else y, points.n)
        y, n_outvoted = labels.classes[labels.indices], 0
        if self.on_contradiction == "majority":
            indices = _majority(labels.indices, points, resolve_threads(self.n_threads))
            y, n_outvoted = labels.classes[indices], int((indices != labels.indices).sum())
        names = getattr(self, "feature_names_in_", None)
        network = memorize(
            points.array if names is None else Named(points.array, names),
            y, store=self.store, separate=self.separate, effort=self.effort, columns=self.columns, margin=self.margin,
            fingerprint_bits=self.fingerprint_bits, random_state=_seed(self.random_state), n_threads=self.n_threads,
        )  # fmt: skip
        self.network_ = cast("EncodedNetwork", network)
        self.classes_ = labels.classes
        self.n_outvoted_ = n_outvoted
        return self

    def _checked(self, X, y):
        """The labels, as scikit-learn wants them of shape and number; X is checked too.

        Labels that are no numbers go by the rule of `memorize`: scikit-learn refuses None, bytes and StringDType.
        """
        y = y if y is None else label_array(y)
        if y is None or y.dtype.kind in "biufc":
            _, y = validate_data(self, X, y)
            check_classification_targets(y)
            return y
        y = column_or_1d(y, warn=True, dtype=y.dtype) if y.ndim != 1 else y
        validate_data(self, X, np.zeros(len(y)))
        return y

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label of each row: for a memorized row its own, for any other row some label.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
            Labels in the dtype of y.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` was not called.
        ValueError
            scikit-learn refuses X: NaN, other columns than those fitted.
        InvalidInput
            X holds numbers that float64 does not hold exactly.
        """
        check_is_fitted(self)
        refuse_container(X, "X")
        validate_data(self, X, reset=False)
        return self.network_.predict(X, n_threads=self.n_threads)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """One-hot encoding of `predict`, for tools that ask for probabilities: it does not measure any certainty.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        float64 ndarray of shape (n, c)
            1 in the column of the predicted label and 0 in the others; columns are in the order of `classes_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError, InvalidInput
            As `predict`.
        """
        labels = self.predict(X)
        probabilities = np.zeros((len(labels), len(self.classes_)))
        probabilities[np.arange(len(labels)), positions(labels, self.classes_)] = 1.0
        return probabilities

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows whose predicted label is theirs.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
        y : array_like of shape (n,)
            Any labels, also such as `fit` has not seen.
        sample_weight : array_like of shape (n,), optional
            Weights of the rows.

        Returns
        -------
        float

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError, InvalidInput
            As `predict`; or y is not of the shape and number of the rows.
        """
        y = label_array(y)
        if {y.dtype.kind, self.classes_.dtype.kind} <= set("biufc"):
            return super().score(X, y, sample_weight)
        y = column_or_1d(y, dtype=y.dtype) if y.ndim != 1 else y
        labels = self.predict(X)
        check_consistent_length(labels, y)
        found = as_labels(np.fromiter([*labels, *y], object, len(labels) + len(y)), len(labels) + len(y)).indices
        return float(np.average(found[: len(labels)] == found[len(labels) :], weights=sample_weight))


def _seed(random_state):
    """What `memorize` takes for scikit-learn's random_state."""
    if random_state is None or random_state is np.random or isinstance(random_state, np.random.RandomState):
        return check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return random_state


@default_environment()  # as in `memorize`, to find the same rows equal
def _majority(indices, points, n_threads):
    """Class indices of the points; of equal points, the most frequent one, of several the lowest."""
    later, first = points.equal_rows(n_threads)
    leaders = np.unique(first)
    rows, groups = np.concatenate([leaders, later]), np.concatenate([leaders, first])
    n_classes = int(indices.max()) + 1
    ballots, counts = np.unique(groups * n_classes + indices[rows], return_counts=True)
    voters, classes = np.divmod(ballots, n_classes)
    order = np.lexsort((classes, -counts, voters))
    voters, winner = np.unique(voters[order], return_index=True)
    resolved = indices.copy()
    resolved[rows] = classes[order][winner][np.searchsorted(voters, groups)]
    return resolved
