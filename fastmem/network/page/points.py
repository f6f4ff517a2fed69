"""What the points given say: whether they get their labels, and how far each may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmem.data.differing import differing_rows, expected_labels
from fastmem.errors import InvalidInput
from fastmem.html.elements import element
from fastmem.html.page import section
from fastmem.html.svg import columns
from fastmem.html.wording import number_text
from fastmem.network.pictures import bars

__all__ = ["Given", "labels_text", "radii"]

_N_BARS = 40


@dataclass(frozen=True)
class Given:
    """Points that a page is about.

    Attributes
    ----------
    X : array_like of shape (n, d)
    labels : ndarray
        What the network predicts for each.
    radii : float64 ndarray of shape (n,), or None
        None for networks of which they are not known.
    why : str
        Why they are not.
    wrong : int64 ndarray or None
        Rows that do not get the label that was given with them; None where none was.
    """

    X: Any
    labels: np.ndarray
    radii: np.ndarray | None
    why: str
    wrong: np.ndarray | None

    @classmethod
    def of(cls, network, X, y, n_threads):
        """Points and labels as a user gave them; None without any."""
        if X is None:
            if y is not None:
                raise InvalidInput("y holds labels of points: give X too")
            return None
        labels = np.asarray(network.predict(X, n_threads=n_threads))
        if not len(labels):
            raise InvalidInput("X has no rows: a page about points takes at least one, or none at all: leave X out")
        wrong = None if y is None else _wrong_rows(network, labels, y)
        if network.has_numbers and network.depth:
            why = "Of units that carry numbers no such radius is known."
            if network.radius:
                why = f"Every input nearer than {network.radius:.4g} to a memorized point has its label."
            return cls(X, labels, None, why, wrong)
        return cls(X, labels, np.asarray(network.certified_radius(X, n_threads=n_threads)), "", wrong)


def _wrong_rows(network, labels, y):
    expected = expected_labels(y, labels)
    if network.has_numbers and network.output == "value":
        return np.flatnonzero(~(np.abs(labels - expected) <= network.output_error))
    return differing_rows(labels, expected)


def labels_text(given):
    """How many rows get their label."""
    n = len(given.labels)
    if given.wrong is None:
        return f"Points were given without labels, {n:,} of them: whether they get theirs was not looked at."
    if len(given.wrong):
        return (
            f"{n - len(given.wrong):,} of {n:,} points get the label that was given with them. The first that does not "
            f"is row {given.wrong[0]:,}."
        )
    if n == 1:
        return "The point gets the label that was given with it: it was predicted for this page."
    return f"All {n:,} points get the label that was given with them: each was predicted for this page."


def radii(given):
    """The section of the points and their certified radii."""
    title, text = "How far points may move", element("p", labels_text(given))
    if given.radii is None:
        return section("radii", title, text, element("p", given.why))
    meaning = "No input nearer than its certified radius to a point gets another label, in Euclidean distance."
    if np.isinf(given.radii).any():
        all_get = "Here every radius is infinite: the network has no hyperplane, and every input gets the same label."
        return section("radii", title, text, element("p", meaning), element("p", all_get))
    return section("radii", title, text, element("p", meaning), *_histogram(given.radii))


def _histogram(distances):
    scale, edges = bars(distances, _N_BARS)
    counts = np.histogram(distances, edges)[0].tolist()
    # The mean of the two in the middle, whose sum may be no number.
    median, n_zero = float(np.quantile(distances, 0.5)), int(np.count_nonzero(distances == 0))
    ends = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    said = [f"{low:.4g} to {high:.4g}: {_points(n)}" for (low, high), n in zip(ends, counts, strict=True)]
    place = _place(scale, edges)
    line = (place(median), f"median {number_text(median)}") if median > 0 or scale == "linear" else None
    summary = (
        f"The median is {number_text(median)}, the least {number_text(float(distances.min()))}, the largest "
        f"{number_text(float(distances.max()))}, in the units of X. "
        + (f"At distance 0: {_points(n_zero)}" if n_zero else "None lies on a hyperplane")
        + (", not in the picture." if n_zero and scale == "log" else ".")
    )
    ticks = [(place(value), number_text(value, 3)) for value in _ticks(scale, edges)]
    yield element("p", summary)
    yield columns("Certified radii", f"Number of points against radius, {scale} scale. {summary}", counts, said, ticks,
                  line=line)  # fmt: skip
    axis = f"certified radius, {'logarithmic' if scale == 'log' else 'linear'} scale; height: number of points"
    yield element("p", axis, class_="note axis")


def _points(n):
    return f"{n:,} {'point' if n == 1 else 'points'}"


def _place(scale, edges):
    """From values to shares of the axis."""
    change = np.log if scale == "log" else np.asarray
    low, high = change(edges[0]), change(edges[-1])
    return lambda value: float((change(value) - low) / (high - low)) if high > low else 0.0


def _ticks(scale, edges):
    """Five values evenly on the axis."""
    low, high = float(edges[0]), float(edges[-1])
    values = np.geomspace(low, high, 5) if scale == "log" else np.linspace(low, high, 5)
    return [low, *values[1:-1].tolist(), high]
