"""What the estimators have in common: how a network is built of checked points, and how it is asked about others.

scikit-learn checks the points, but they are taken from what the caller gave, not from the copy that it makes of a list
or a data frame: there, integers beyond 2^53, masked entries and numbers written as text are changed in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from fastmem.api import memorize
from fastmem.data.as_labels import NO_VALUE, Labels
from fastmem.data.columns import Named
from fastmem.data.containers import refuse_container
from fastmem.data.lazy import applied, is_lazy
from fastmem.data.options import as_count, as_distance
from fastmem.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from fastmem.data.options import Columns, Construction, Effort, Recognise, Separate, Store
    from fastmem.machine.progress import Progress
    from fastmem.network import Network

__all__ = ["MemorizingEstimator", "equal_rows"]

_OF_MEMORIZE = (
    "construction", "store", "separate", "effort", "columns", "margin", "fingerprint_bits", "recognise", "negatives",
    "delta", "construction_options", "verify", "n_threads", "progress",
)  # fmt: skip


class MemorizingEstimator(BaseEstimator):
    """A scikit-learn estimator around a memorizing network; the parameters are those of the estimators themselves.

    Attributes
    ----------
    network_ : Network
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,)
    """

    construction: Construction
    store: Store
    separate: Separate
    effort: Effort
    columns: Columns
    margin: float
    fingerprint_bits: int
    recognise: Recognise
    negatives: ArrayLike | None
    delta: float | None
    construction_options: Mapping[str, object] | None
    unknown: Any
    tolerance: float
    max_probes: int
    random_state: int | np.random.RandomState | np.random.Generator | None
    verify: bool
    n_threads: int | None
    progress: Progress

    network_: Network
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def _built(self, points, y):
        """The network that memorizes the labels y of `Points`."""
        names = getattr(self, "feature_names_in_", None)
        X = points.array if names is None else Named(points.array, names)
        options = {name: getattr(self, name) for name in _OF_MEMORIZE}
        return memorize(X, y, random_state=_seed(self.random_state), **options)

    def _check_recognition(self, classes):
        """Raise `InvalidInput` if `predict` could not say which rows are unknown, or not among labels as in classes."""
        tolerance = as_distance("tolerance", self.tolerance)
        as_count("max_probes", self.max_probes)
        if self.unknown is None:
            if tolerance:
                raise InvalidInput("tolerance is for rows that are unknown: say with unknown=... what they get")
            return
        if not self.fingerprint_bits:
            raise InvalidInput(
                f"unknown={self.unknown!r} needs fingerprints to know rows by, which only construction='compact' "
                "takes: ask for them too",
                "fingerprint_bits=16",
            )
        if tolerance and self.recognise == "rows":
            raise InvalidInput(
                'recognise="rows" knows equal rows alone, so that there is no tolerance: take cells instead',
                'recognise="cells"',
            )
        Labels(classes).with_unknown(self.unknown)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """What the network says of each row."""
        check_is_fitted(self)
        if is_lazy(X):
            return applied(self, "predict", X, {}, self.n_features_in_)
        refuse_container(X, "X")
        validate_data(self, X, reset=False)
        return self.network_.predict(
            X, unknown=NO_VALUE if self.unknown is None else self.unknown, tolerance=self.tolerance,
            max_probes=self.max_probes, n_threads=self.n_threads, progress=self.progress,
        )  # fmt: skip


def _seed(random_state):
    """What `memorize` takes for scikit-learn's random_state."""
    if random_state is None or random_state is np.random or isinstance(random_state, np.random.RandomState):
        return check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return random_state


def equal_rows(points, n_threads):
    """Rows that equal others: their numbers, and for each the first row that equals it, which is one of them."""
    later, first = points.equal_rows(n_threads)
    leaders = np.unique(first)
    return np.concatenate([leaders, later]), np.concatenate([leaders, first])
