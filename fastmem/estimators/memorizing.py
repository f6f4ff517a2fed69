"""A memorizing network as a scikit-learn classifier, for pipelines, grid searches and whatever else takes one.

`MemorizingClassifier` follows scikit-learn's conventions and reads its input as `fastmem.memorize` does. The module
needs scikit-learn: ``pip install "fastmem-nn[sklearn]"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np

from fastmem.data.as_labels import as_labels, label_array, positions
from fastmem.data.as_points import as_points
from fastmem.data.classes import identity, plain
from fastmem.data.containers import refuse_container
from fastmem.data.options import check_option
from fastmem.machine.floats import default_environment
from fastmem.machine.partners import missing
from fastmem.machine.threads import resolve_threads
from fastmem.network.near_codes import MAX_PROBES

try:
    from sklearn.base import ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

    from fastmem.estimators.base import MemorizingEstimator, equal_rows
except ImportError as error:
    raise missing("fastmem.MemorizingClassifier", "scikit-learn 1.6 or newer", "sklearn") from error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.options import Columns, Construction, Effort, Recognise, Separate, Store
    from fastmem.machine.progress import Progress

__all__ = ["MemorizingClassifier"]

OnContradiction = Literal["raise", "majority"]


class MemorizingClassifier(ClassifierMixin, MemorizingEstimator):
    """scikit-learn classifier that memorizes its training set: ``clf.fit(X, y).predict(X)`` equals y.

    `fit` is `fastmem.memorize`. The classifier does not generalize: rows it was not fitted on get some label, which
    means nothing unless the row lies within ``clf.network_.certified_radius`` of a memorized one; or ``unknown``, if
    that is given and the network does not recognise them. So a score on held-out rows says nothing about the data.

    Parameters
    ----------
    construction : {"compact", "rajput2021", "baum1988", ...}
        As in `fastmem.memorize`, where it says which of the other parameters each takes.
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
        As in `fastmem.memorize`. With fingerprints, ``clf.network_.contains(X)`` tells rows that were never stored, and
        so does `predict`, if ``unknown`` is given.
    recognise : {"cells", "rows"}
        As in `fastmem.memorize`: by what rows are known, with fingerprints. With "rows" there is no ``tolerance``.
    negatives : array_like or data frame of shape (k, d), optional
        As in `fastmem.memorize`: rows that must stay unknown, with fingerprints. Each `fit` gets them, that of a fold
        in cross validation too, and refuses one that it is to memorize.
    delta : float, optional
        As in `fastmem.memorize`, for "rajput2021".
    construction_options : dict, optional
        As in `fastmem.memorize`: options that the construction alone takes.
    unknown : scalar, optional
        What `predict` gives rows that the network does not recognise, as `fastmem.Network.predict` does; it needs
        fingerprints. None, the default, is no value: every row gets some label. Where None is to be what such
        rows get, among labels that are Python objects, ask ``clf.network_.predict(X, unknown=None)``.
    tolerance : float
        As in `fastmem.Network.predict`: for an unknown row, codes behind hyperplanes nearer than this are tried too.
    max_probes : int
        As in `fastmem.Network.predict`.
    on_contradiction : {"raise", "majority"}
        What to do with equal rows that have different labels. "raise": refuse them with `ContradictoryLabels`.
        "majority": give them all their most frequent label, of several that which comes first in `classes_`. A row
        that is outvoted is not memorized: `predict` returns the other label for it.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        An int gives the network that `fastmem.memorize` gives for it, the same on one machine. From a RandomState, or
        with None from the global one of NumPy, `fit` draws such an int; a Generator is drawn from as it is.
    verify : bool
        As in `fastmem.memorize`.
    n_threads : int, optional
        All cores this process may use by default; 1 starts no thread.
    progress : bool or tqdm class
        Show progress bars, of `fit` and of `predict`.

    Attributes
    ----------
    network_ : Network
        The network, with all that it offers: `layers`, `report`, `certified_radius`, `save`. An `EncodedNetwork`,
        or a `LayeredNetwork` for constructions without codes.
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
    >>> clf = MemorizingClassifier(separate="all", fingerprint_bits=16, unknown=-1, random_state=0)
    >>> labels = clf.fit(X[:1000], y[:1000]).predict(X)
    >>> bool((labels[:1000] == y[:1000]).all()), bool((labels[1000:] == -1).mean() > 0.7)
    (True, True)
    """

    # Of estimators that earlier versions pickled.
    construction: Construction = "compact"
    columns: Columns = "auto"
    recognise: Recognise = "cells"
    negatives: ArrayLike | None = None
    delta: float | None = None
    construction_options: Mapping[str, object] | None = None
    unknown: Any = None
    tolerance: float = 0.0
    max_probes: int = MAX_PROBES
    verify: bool = True
    progress: Progress = False

    classes_: NDArray[Any]
    n_outvoted_: int

    def __init__(
        self,
        *,
        construction: Construction = "compact",
        store: Store = "binary",
        separate: Separate = "labels",
        effort: Effort = "balanced",
        columns: Columns = "auto",
        margin: float = 0.0,
        fingerprint_bits: int = 0,
        recognise: Recognise = "cells",
        negatives: ArrayLike | None = None,
        delta: float | None = None,
        construction_options: Mapping[str, object] | None = None,
        unknown: object = None,
        tolerance: float = 0.0,
        max_probes: int = MAX_PROBES,
        on_contradiction: OnContradiction = "raise",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        verify: bool = True,
        n_threads: int | None = None,
        progress: Progress = False,
    ) -> None:
        self.construction = construction
        self.store = store
        self.separate = separate
        self.effort = effort
        self.columns = columns
        self.margin = margin
        self.fingerprint_bits = fingerprint_bits
        self.recognise = recognise
        self.negatives = negatives
        self.delta = delta
        self.construction_options = construction_options
        self.unknown = unknown
        self.tolerance = tolerance
        self.max_probes = max_probes
        self.on_contradiction = on_contradiction
        self.random_state = random_state
        self.verify = verify
        self.n_threads = n_threads
        self.progress = progress

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
            X, y or a parameter cannot be used as they are; or ``unknown`` is given without fingerprints, or is of
            another kind than the labels.
        ContradictoryLabels
            Equal rows have different labels, with on_contradiction="raise".
        MarginNotReached
            Points that must differ could not be separated at that margin.
        NetworkTooLarge, NotInGeneralPosition, NotOnSphere
            As `fastmem.memorize`, for constructions of theorems.
        """
        check_option("on_contradiction", self.on_contradiction, get_args(OnContradiction))
        refuse_container(X, "X")  # which scikit-learn takes for a scalar
        y = self._checked(X, y)
        points = as_points(X)
        labels = as_labels(y + 0.0 if y.dtype.kind == "f" else y, points.n)
        self._check_recognition(labels.classes)
        y, n_outvoted = labels.classes[labels.indices], 0
        if self.on_contradiction == "majority":
            indices = _majority(labels.indices, points, resolve_threads(self.n_threads))
            y, n_outvoted = labels.classes[indices], int((indices != labels.indices).sum())
        self.network_ = self._built(points, y)
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
        """Label of each row: for a memorized row its own, for any other row some label, or ``unknown``.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
            Labels in the dtype of y; with ``unknown`` in one that holds it too.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            `fit` was not called.
        ValueError
            scikit-learn refuses X: NaN, other columns than those fitted.
        InvalidInput
            X holds numbers that float64 does not hold exactly.
        """
        return super().predict(X)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """One-hot encoding of `predict`, for tools that ask for probabilities: it does not measure any certainty.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        float64 ndarray of shape (n, c)
            1 in the column of the predicted label and 0 in the others; columns are in the order of `classes_`. A row
            that gets ``unknown`` has 0 in all columns, since it has no class, unless that value is one of the classes.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError, InvalidInput
            As `predict`.
        """
        labels = self.predict(X)
        labels = labels + 0.0 if labels.dtype.kind == "f" else labels  # as `fit` takes -0.0
        known = np.flatnonzero(~self._is_other(labels))
        classes = self.classes_.astype(labels.dtype, copy=False)  # which `unknown` may have made wider
        probabilities = np.zeros((len(labels), len(classes)))
        probabilities[known, positions(labels[known], classes)] = 1.0
        return probabilities

    def _is_other(self, labels):
        """Which predicted labels are `unknown`, and that none of the classes: bool array of shape (n,)."""
        if self.unknown is None:
            return np.zeros(len(labels), bool)
        value = np.fromiter([self.unknown], labels.dtype, 1)
        if _agree(self.classes_, value.repeat(len(self.classes_))).any():
            return np.zeros(len(labels), bool)
        return _agree(labels, value.repeat(len(labels)))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Share of rows whose predicted label is theirs: one that gets ``unknown`` is wrong, unless y holds that there.

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
        if self.unknown is None and {y.dtype.kind, self.classes_.dtype.kind} <= set("biufc"):
            return super().score(X, y, sample_weight)
        y = column_or_1d(y, dtype=y.dtype) if y.ndim != 1 else y
        labels = self.predict(X)
        check_consistent_length(labels, y)
        return float(np.average(_agree(labels, y), weights=sample_weight))


def _agree(labels, others):
    """Where two arrays hold the same label: numbers and dates by value, anything else as `memorize` tells them apart.

    What does not equal itself, as an `unknown` of NaN, agrees with its like.
    """
    kinds = labels.dtype.kind + others.dtype.kind
    if kinds in ("mm", "MM"):
        return _times_agree(labels, others)
    if set(kinds) <= set("biufc"):
        # As Python's numbers, of which an integer and a float are compared without rounding.
        same, labels, others = _is_equal, labels.tolist(), others.tolist()
    else:
        same, labels, others = _is_same, list(labels), list(others)
    return np.fromiter(map(same, labels, others), bool, len(labels))


def _times_agree(labels, others):
    """The same of dates or durations in any units; NumPy's own comparison overflows in silence."""
    try:
        cast = others.astype(labels.dtype)
        is_held = (cast.astype(others.dtype) == others) | np.isnat(others)
    except (TypeError, OverflowError):  # months and days, or units too far apart
        return np.zeros(len(labels), bool)
    return is_held & ((cast == labels) | (np.isnat(cast) & np.isnat(labels)))


def _is_equal(one, other):
    return one == other or (one != one and other != other)


def _is_same(one, other):
    one, other = plain(one), plain(other)
    if one is other or (isinstance(one, float) and isinstance(other, float) and one != one and other != other):
        return True
    return bool(identity(one) == identity(other))


@default_environment()  # as in `memorize`, to find the same rows equal
def _majority(indices, points, n_threads):
    """Class indices of the points; of equal points, the most frequent one, of several the lowest."""
    rows, groups = equal_rows(points, n_threads)
    n_classes = int(indices.max()) + 1
    ballots, counts = np.unique(groups * n_classes + indices[rows], return_counts=True)
    voters, classes = np.divmod(ballots, n_classes)
    order = np.lexsort((classes, -counts, voters))
    voters, winner = np.unique(voters[order], return_index=True)
    resolved = indices.copy()
    resolved[rows] = classes[order][winner][np.searchsorted(voters, groups)]
    return resolved
