"""Probabilities and scores beside a memory: the model's, but for rows that the memory knows.

The memory may hold labels that the model does not know, and so there may be more columns than the model has.
"""

import numpy as np

from fastmem.data.as_labels import positions
from fastmem.errors import InvalidInput

__all__ = ["probabilities_beside", "refuse_scores", "replaced", "scores_beside", "signed"]


def probabilities_beside(given, own, classes, is_known, labels):
    """Probabilities with a column for each class, and 1 at the labels of known rows.

    Parameters
    ----------
    given : ndarray of shape (n, c')
        The model's.
    own : ndarray of shape (c',)
        The classes that it knows.
    classes : ndarray of shape (c,)
        All of them.
    is_known : bool ndarray of shape (n,)
    labels : ndarray
        Of the known rows.

    Returns
    -------
    float64 ndarray of shape (n, c)
    """
    result = np.zeros((len(given), len(classes)))
    result[:, positions(np.asarray(own), classes)] = given
    result[is_known] = 0.0
    result[np.flatnonzero(is_known), _places(labels, classes)] = 1.0
    return result


def scores_beside(given, own, classes, is_known, labels):
    """Scores with a column for each class, of which that of a known row's label is the highest.

    Labels that the model does not know have scores below all others, but for known rows. Of two classes there is one
    score, that of the second one, whose sign decides.

    Parameters and what is returned are those of `probabilities_beside`, but that `given` has shape (n,) where the model
    knows two classes, and the result where there are two.

    Raises
    ------
    InvalidInput
        There is not one score for each class that the model knows.
    """
    scores = np.asarray(given, np.float64)
    if scores.ndim == 1 and len(classes) == 2:
        return replaced(scores, is_known, signed(scores[is_known], _places(labels, classes) == 1))
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    if scores.shape[1] != len(own):
        refuse_scores(scores.shape, own)
    result = np.repeat(scores.min(axis=1, keepdims=True) - 1.0, len(classes), axis=1)
    result[:, positions(np.asarray(own), classes)] = scores
    highest = result[is_known].max(axis=1, initial=-np.inf)
    result[np.flatnonzero(is_known), _places(labels, classes)] = np.maximum(
        highest + 1.0, np.nextafter(highest, np.inf)
    )
    return result


def refuse_scores(shape, own):
    """Raise `InvalidInput`: the model's scores are not one for each class."""
    raise InvalidInput(
        f"the model gives scores of shape {shape} for {len(own)} classes, not one for each class: an SVC does with",
        'decision_function_shape="ovr"',
    )


def signed(scores, is_positive):
    """Scores of the same size, but at least 1, with the signs asked for."""
    sizes = np.maximum(np.abs(scores), 1.0)
    return np.where(is_positive, sizes, -sizes)


def replaced(given, is_known, values):
    """A float64 copy of an array, with other values in the rows that are known."""
    result = np.array(given, np.float64)
    result[is_known] = values
    return result


def _places(labels, classes):
    """Where labels stand among the classes; of no labels, nowhere."""
    return positions(labels, classes) if len(labels) else np.empty(0, np.int64)
