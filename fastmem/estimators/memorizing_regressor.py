"""A memorizing network as a scikit-learn regressor, which returns floats and vectors of floats bit for bit.

To a network the targets are labels, of which each is a class of its own where all differ: it computes none of them, but
looks them up. The module needs scikit-learn: ``pip install "fastmem-nn[sklearn]"``.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np

from fastmem.data.as_points import as_points
from fastmem.data.containers import refuse_container
from fastmem.data.options import check_option
from fastmem.errors import InvalidInput
from fastmem.estimators.targets import as_targets
from fastmem.machine.floats import default_environment
from fastmem.machine.partners import missing
from fastmem.machine.threads import resolve_threads
from fastmem.network.near_codes import MAX_PROBES

try:
    from sklearn.base import RegressorMixin
    from sklearn.utils.validation import validate_data

    from fastmem.estimators.base import MemorizingEstimator, equal_rows
except ImportError as error:
    raise missing("fastmem.MemorizingRegressor", "scikit-learn 1.6 or newer", "sklearn") from error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.options import Columns, Construction, Effort, Recognise, Separate, Store
    from fastmem.machine.progress import Progress

__all__ = ["MemorizingRegressor"]

OnContradiction = Literal["raise", "mean"]


class MemorizingRegressor(RegressorMixin, MemorizingEstimator):
    """scikit-learn regressor that memorizes its training set: ``reg.fit(X, y).predict(X)`` is y, bit for bit.

    `fit` is `fastmem.memorize` with floats, or rows of floats, as labels. The regressor does not generalize: rows it
    was not fitted on get some memorized target, which means nothing unless the row lies within
    ``reg.network_.certified_radius`` of a memorized one; or ``unknown``, if that is given and the network does not
    recognise them. So a score on held-out rows says nothing about the data.

    Parameters
    ----------
    construction : {"compact", "rajput2021", "baum1988", ...}
        As in `fastmem.memorize`, where it says which of the other parameters each takes.
    store : {"binary", "integer"}
        As in `fastmem.memorize`.
    separate : {"labels", "all"}
        As in `fastmem.memorize`; the same where all targets differ.
    effort : {"fast", "balanced", "small"}
        As in `fastmem.memorize`.
    columns : {"auto", "all"}, or array_like
        As in `fastmem.memorize`. scikit-learn checks all columns of X, also those that are not read.
    margin : float
        As in `fastmem.memorize`.
    fingerprint_bits : int
        As in `fastmem.memorize`. With fingerprints, ``reg.network_.contains(X)`` tells rows that were never stored, and
        so does `predict`, if ``unknown`` is given.
    recognise : {"cells", "rows"}
        As in `fastmem.memorize`: by what rows are known, with fingerprints. With "rows" there is no ``tolerance``.
    negatives : array_like or data frame of shape (k, d), optional
        As in `fastmem.memorize`: rows that must stay unknown, with fingerprints. Each `fit` gets them, that of a fold
        in cross validation too, and refuses one that it is to memorize.
    delta : float, optional
        As in `fastmem.memorize`, for "rajput2021".
    unknown : float, or k floats, optional
        What `predict` gives rows that the network does not recognise, NaN for example, as `fastmem.Network.predict`
        does; it needs fingerprints. Of targets of k values, one stands for k. None, the default: every row gets
        some target. The score, R², refuses predictions of NaN, as all of scikit-learn does.
    tolerance : float
        As in `fastmem.Network.predict`: for an unknown row, codes behind hyperplanes nearer than this are tried too.
    max_probes : int
        As in `fastmem.Network.predict`.
    on_contradiction : {"raise", "mean"}
        What to do with equal rows that have different targets, of which 0.0 and -0.0 are two. "raise": refuse them with
        `ContradictoryLabels`. "mean": give them all the mean of their targets, the best for R². A row that had another
        is not memorized: `predict` returns the mean for it.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        As in `MemorizingClassifier`.
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
        or a `LayeredNetwork` for constructions without codes. Its `classes` are the distinct targets.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (d,)
        Names of the columns, if X was a data frame with names that are all strings.
    n_averaged_ : int
        How many rows got another target than their own as a mean, and so are not memorized; 0 with
        on_contradiction="raise".

    Examples
    --------
    >>> import numpy as np
    >>> from fastmem import MemorizingRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MemorizingRegressor(random_state=0).fit(X, y)
    >>> bool(np.all(reg.predict(X) == y)), reg.score(X, y)
    (True, 1.0)
    >>> reg = MemorizingRegressor(separate="all", fingerprint_bits=16, unknown=np.nan, random_state=0)
    >>> others = reg.fit(X[:300], y[:300]).predict(X[300:])
    >>> bool(np.isnan(others).mean() > 0.6)
    True
    """

    n_averaged_: int

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
        unknown: ArrayLike | None = None,
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

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of every estimator: targets may have several values."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Memorize the targets y of the rows of X.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
            Finite numbers that float64 holds exactly.
        y : array_like of shape (n,) or (n, k)
            Finite numbers. Floats keep their dtype; integers and booleans become float64, which has to hold each
            exactly, and so do Python's numbers in an array of objects.

        Returns
        -------
        MemorizingRegressor
            The regressor itself.

        Raises
        ------
        ValueError, TypeError
            scikit-learn refuses X or y.
        InvalidInput
            X, y or a parameter cannot be used as they are, the message names the row; or ``unknown`` is given without
            fingerprints, or is neither a number nor k of them.
        ContradictoryLabels
            Equal rows have different targets, with on_contradiction="raise".
        MarginNotReached
            Points that must differ could not be separated at that margin.
        NetworkTooLarge, NotInGeneralPosition, NotOnSphere
            As `fastmem.memorize`, for constructions of theorems.
        """
        check_option("on_contradiction", self.on_contradiction, get_args(OnContradiction))
        refuse_container(X, "X")  # which scikit-learn takes for a scalar
        targets = y if y is None else as_targets(y)
        validate_data(self, X, targets, multi_output=True)
        points, n_averaged = as_points(X), 0
        self._check_recognition(targets[:1])
        if self.on_contradiction == "mean":
            targets, n_averaged = _averaged(targets, points, resolve_threads(self.n_threads))
        self.network_ = self._built(points, targets)
        self.n_averaged_ = n_averaged
        return self

    def _check_recognition(self, classes):
        if self.unknown is not None:
            _refuse_no_target(self.unknown, classes)
        super()._check_recognition(classes)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Target of each row: for a memorized row its own, for any other row some memorized one, or ``unknown``.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) or (n, k)
            Targets in the dtype of y, float64 if y held no floats; with ``unknown`` in a wider one where that is needed
            to hold it. NaN needs no wider one.

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


def _refuse_no_target(unknown, targets):
    """Raise `InvalidInput` unless `unknown` is a real number, or as many as each target has."""
    try:
        values = np.asarray(unknown)
        fits = values.dtype.kind in "biuf" and values.dtype.itemsize <= 8 and values.shape in ((), targets.shape[1:])
    except ValueError:  # rows of different lengths
        fits = False
    if not fits:
        many = f", or {targets.shape[1]} of them" if targets.ndim == 2 else ""
        raise InvalidInput(f"unknown must be a number that float64 holds{many}, not {unknown!r}")


@default_environment()  # as in `memorize`, to find the same rows equal
def _averaged(targets, points, n_threads):
    """Targets with the means of equal points, and how many are another target than before."""
    rows, groups = equal_rows(points, n_threads)
    differs = np.any(_bits(targets[rows]) != _bits(targets[groups]), axis=1)
    # Where all agree, their target stays as it is.
    contradicted = np.isin(groups, groups[differs])
    rows, groups = rows[contradicted], groups[contradicted]
    order = np.argsort(groups, kind="stable")
    rows, starts = rows[order], np.flatnonzero(np.diff(groups[order])) + 1
    averaged = targets.copy()
    for members in np.split(rows, starts) if len(rows) else ():
        averaged[members] = _mean(targets[members])
    return averaged, int(np.any(_bits(averaged) != _bits(targets), axis=1).sum())


def _bits(targets):
    """The bits of each target, by which `memorize` tells them apart, in a row."""
    values = np.ascontiguousarray(targets if targets.ndim == 2 else targets[:, None])
    return values.view(f"u{values.dtype.itemsize}")


def _mean(targets):
    """The mean of targets, without an overflow on the way."""
    if targets.ndim == 1:
        return statistics.mean(targets.tolist())
    return [statistics.mean(column) for column in targets.T.tolist()]
