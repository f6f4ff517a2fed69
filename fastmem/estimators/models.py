"""The model beside a memory: any estimator, a pipeline, or a plain function, seen in two parts.

The first steps of a pipeline make numbers of what the caller gives; the memory stands behind them. What follows them
answers. Any other model has no first steps, and the memory reads what the caller gives.
"""

from __future__ import annotations

from fastmem.data.as_points import as_points
from fastmem.errors import InvalidInput
from fastmem.machine.partners import missing

try:
    from scipy.sparse import issparse
    from sklearn.base import clone
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import Pipeline
    from sklearn.utils import _safe_indexing
except ImportError as error:
    raise missing("fastmem.CorrectedClassifier", "scikit-learn 1.6 or newer", "sklearn") from error

__all__ = ["Model", "fitted", "has_first_steps"]

_FEW = 4  # rows that are looked at one by one


class Model:
    """A fitted estimator or a function.

    Parameters
    ----------
    estimator : object
        With a method ``predict(X)``, or a function of X.

    Attributes
    ----------
    first : Pipeline or None
        The steps that make numbers of X.
    last : object
        What answers.
    """

    def __init__(self, estimator):
        pipeline = _pipeline_of(estimator)
        self.first = None if pipeline is None else pipeline[:-1]
        self.last = estimator if pipeline is None else pipeline[-1]

    def seen(self, X):
        """What the last step sees of X."""
        return X if self.first is None else self.first.transform(X)

    def predict(self, seen):
        """Answers to what was seen."""
        return self.last.predict(seen) if hasattr(self.last, "predict") else self.last(seen)

    def points(self, seen):
        """What was seen as an array of numbers of shape (n, d), as the memory reads it; sparse ones are made dense.

        Raises
        ------
        InvalidInput
            It is not such an array; the message says what to do.
        """
        if self.first is not None and issparse(seen):
            seen = seen.toarray()
        try:
            return as_points(seen).array
        except InvalidInput as error:
            if self.first is not None:
                raise InvalidInput(f"{error} (X is here what the first steps of the pipeline make of it)") from None
            raise InvalidInput(
                f"{error}; a memory reads numbers: where the model takes something else, give it as a Pipeline whose "
                "first steps make numbers of it"
            ) from None

    def is_same_alone(self, X, points, rows):
        """Whether rows of X get the same points alone as among others, of the first few of the rows.

        Products of matrices may round differently in a batch of another size.
        """
        if self.first is None:
            return True
        alone = [self.points(self.seen(_safe_indexing(X, [row])))[0] for row in rows[:_FEW].tolist()]
        return all((one == points[row]).all() for one, row in zip(alone, rows.tolist(), strict=False))


def has_first_steps(estimator):
    """Whether an estimator, fitted or not, is a pipeline of several steps."""
    return _pipeline_of(estimator) is not None


def fitted(estimator, X, y, prefit, fit_params):
    """The estimator that answers: a clone of the one given, fitted, or itself where it is taken as it is.

    Raises
    ------
    InvalidInput
        It cannot answer; or there are parameters for a fit and it is not fitted here.
    """
    if not hasattr(estimator, "predict") and (isinstance(estimator, type) or not callable(estimator)):
        raise InvalidInput(
            f"estimator must have a method predict, or be a function of X that returns labels, not {estimator!r}"
        )
    if is_taken_as_it_is(estimator, prefit):
        if fit_params:
            raise InvalidInput(f"the model is not fitted here, so that {', '.join(fit_params)} would go nowhere")
        return estimator
    model = clone(estimator) if hasattr(estimator, "get_params") else estimator
    model.fit(X, y, **fit_params)
    return model


def is_taken_as_it_is(estimator, prefit):
    """Whether a model is not fitted: it is fitted or frozen already, or a function."""
    has_fit = hasattr(estimator, "predict") and hasattr(estimator, "fit")
    return prefit or not has_fit or isinstance(estimator, FrozenEstimator)


def _pipeline_of(estimator):
    """The pipeline of several steps that answers for an estimator; None if there is none."""
    while True:
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):  # of a search
            estimator = estimator.best_estimator_
        else:
            return estimator if isinstance(estimator, Pipeline) and len(estimator.steps) > 1 else None
