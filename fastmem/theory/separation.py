"""delta, the smallest distance between two distinct points: what the theorem's first layer depends on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastmem.blocks import resolve_threads
from fastmem.environment import default_environment
from fastmem.errors import InvalidInput
from fastmem.progress import progress_bar
from fastmem.validation import as_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Separation", "separation"]

# A KD-tree beats comparing all pairs up to about this dimension.
_TREE_DIMENSION = 10
_BLOCK = 1024
_SCALE = 500
_LEAST_SQUARE = 2.0**-969  # below it the squares of coordinates lose digits


class Separation(NamedTuple):
    """A closest pair of distinct rows.

    Attributes
    ----------
    distance : float
        Euclidean, in the units of X.
    rows : tuple of (int, int)
    """

    distance: float
    rows: tuple[int, int]


@default_environment()
def separation(X: ArrayLike, *, n_threads: int | None = None, progress: bool | type = False) -> Separation:
    """Smallest distance between two distinct rows, with the pair.

    No approximation: every pair is compared or excluded by a proved bound; only the distances themselves are
    rounded, to float64 (relative error below d 2^-52). Equal rows are one point. Up to 10 dimensions a KD-tree
    is used (SciPy), beyond that n^2 / 2 inner products in blocks.

    Parameters
    ----------
    X : array_like of shape (n, d)
    n_threads : int, optional
        Threads of the KD-tree; all cores by default.
    progress : bool or tqdm class

    Returns
    -------
    Separation
        ``distance`` and ``rows``.

    Raises
    ------
    InvalidInput
        X is not finite numbers, has fewer than two distinct rows, or spans more than the 300 orders of
        magnitude between a coordinate and a difference that squares of float64 can.

    Examples
    --------
    >>> separation([[0, 0], [3, 4], [3, 3], [0, 0]])
    Separation(distance=1.0, rows=(1, 2))
    """
    n_threads = resolve_threads(n_threads)
    points = as_points(X)
    later, _ = points.equal_rows(n_threads)
    distinct = np.setdiff1d(np.arange(points.n), later)
    if len(distinct) < 2:
        raise InvalidInput(f"all {points.n} rows of X are equal: a separation needs two distinct rows")
    rows = points.take(distinct).astype(np.float64)
    power = _SCALE - int(np.frexp(np.abs(rows).max())[1])
    rows = np.ldexp(rows, power)
    if points.d <= _TREE_DIMENSION:
        square, pair = _closest_by_tree(rows, n_threads)
    else:
        square, pair = _closest_by_blocks(rows, progress)
    if square < _LEAST_SQUARE:
        raise InvalidInput(
            f"rows {distinct[pair[0]]} and {distinct[pair[1]]} differ by too little beside the largest coordinate "
            "to square their distance: rescale the columns"
        )
    i, j = sorted(int(distinct[k]) for k in pair)
    return Separation(math.ldexp(math.sqrt(square), -power), (i, j))


def _closest_by_tree(rows, n_threads):
    from scipy.spatial import cKDTree

    _, neighbours = cKDTree(rows).query(rows, k=2, workers=n_threads)
    a = np.arange(len(rows))
    b = np.where(neighbours[:, 0] == a, neighbours[:, 1], neighbours[:, 0])
    squares = _squared_distances(rows, a, b)
    best = int(np.argmin(squares))
    return float(squares[best]), (best, int(b[best]))


def _closest_by_blocks(rows, progress):
    """|a - b|^2 = |a|^2 + |b|^2 - 2 a.b as one matrix product; pairs within its rounding error are recomputed."""
    n, d = rows.shape
    centred = rows - np.median(rows, axis=0)
    norms = (centred**2).sum(axis=1)
    order = np.argsort(norms, kind="stable")  # rows far out share blocks, and spoil no other block's bound
    rows, centred, norms = rows[order], centred[order], norms[order]
    left = np.column_stack([-2 * centred, norms, np.ones(n)])
    right = np.column_stack([centred, np.ones(n), norms])
    best, pair = math.inf, (0, 1)
    with progress_bar(progress, n, "comparing pairs") as bar:
        for i in range(0, n, _BLOCK):
            for j in range(i, n, _BLOCK):
                squares = left[i : i + _BLOCK] @ right[j : j + _BLOCK].T
                error = 32 * (d + 8) * 2.0**-53 * float(norms[min(j + _BLOCK, n) - 1])
                if i == j:
                    squares[np.tril_indices_from(squares)] = math.inf
                if squares.min() > best + error:
                    continue
                a, b = np.nonzero(squares <= min(best, float(squares.min())) + 2 * error)
                exact = _squared_distances(rows, a + i, b + j)
                k = int(np.argmin(exact))
                if exact[k] < best:
                    best, pair = float(exact[k]), (int(a[k]) + i, int(b[k]) + j)
            bar.update(min(_BLOCK, n - i))
    return best, (int(order[pair[0]]), int(order[pair[1]]))


def _squared_distances(rows, a, b):
    """Squared distances of pairs of rows, each from its coordinates' differences."""
    squares = np.empty(len(a))
    for start in range(0, len(a), 2**14):
        part = slice(start, start + 2**14)
        squares[part] = ((rows[a[part]] - rows[b[part]]) ** 2).sum(axis=1)
    return squares
