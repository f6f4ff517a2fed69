"""Moves: ways to propose the next hyperplane on a sample of the open points.

Each takes a `Sample` and a random generator and returns a `Candidate`, or None if it finds no hyperplane that
splits a pair of the sample.
"""

import numpy as np

__all__ = ["bisecting_move", "midpoint_move", "whitened_basis", "whitened_gaussian_move"]

_DIRECTIONS = 12
_EIGENVALUE_FLOOR = 1e-6
_WHITENED_DIMENSIONS = 256
_MIDPOINT_TRIES = 32
_OUTLYING = 8.0  # most coordinates lie within [-1, 1]


def whitened_basis(sample, random_state):
    """Directions that whiten the sample, and its dimension.

    In more than 256 dimensions S is restricted to the span of as many random differences of points that must
    differ: where the sample has fewer points than dimensions, directions outside their span separate nothing.

    Returns
    -------
    basis : float64 array of shape (r, d)
        ``g @ basis ~ N(0, S^-1)`` for Gaussian g, S the covariance of the sample.
    rank : int
        Number of dimensions in which the sample spreads, r at most.
    """
    Z = sample.coordinates.clip(-_OUTLYING, _OUTLYING)
    Z -= Z.mean(axis=0)
    if sample.d <= _WHITENED_DIMENSIONS:
        span = np.eye(sample.d)
    else:
        buckets = random_state.integers(0, sample.n_buckets, min(_WHITENED_DIMENSIONS, len(Z)))
        a, b = sample.random_pairs(buckets, random_state)
        span = Z[a] - Z[b]
        span /= np.linalg.norm(span, axis=1, keepdims=True) + 1e-300
    inside = Z @ span.T
    eigenvalues, vectors = np.linalg.eigh(inside.T @ inside / len(Z))
    floor = _EIGENVALUE_FLOOR * max(eigenvalues[-1], 1e-300)
    basis = (vectors / np.sqrt(np.maximum(eigenvalues, floor))).T @ span
    return basis, max(int(np.count_nonzero(eigenvalues > floor)), 1)


def whitened_gaussian_move(sample, basis, random_state):
    """The best of a few Gaussian directions, whitened, each with its best threshold."""
    return sample.sweep(random_state.standard_normal((_DIRECTIONS, len(basis))) @ basis)


def midpoint_move(sample, rank, random_state):
    """A hyperplane through the midpoints of min(rank, open buckets) random pairs that must differ.

    It can split d pairs at once, which is what congested data needs (pairs in general position allow no more).
    Directions that are left free lean towards the differences of the pairs, so that these fall on both sides.
    """
    pairs = min(rank, sample.n_buckets)
    tries = max(1, _MIDPOINT_TRIES // pairs)
    buckets = np.stack([random_state.choice(sample.n_buckets, pairs, replace=False) for _ in range(tries)])
    a, b = sample.random_pairs(buckets, random_state)
    A, B = sample.coordinates[a], sample.coordinates[b]
    differences = A - B
    differences /= np.linalg.norm(differences, axis=2, keepdims=True) + 1e-300
    random = random_state.standard_normal((tries, sample.d, 1))
    sides = np.sign(differences @ random)
    target = np.concatenate([(differences * sides).sum(axis=1), random_state.standard_normal((tries, 1))], axis=1)
    # (w, t) with w.midpoint - t = 0 for every pair: the target less its part along the rows [midpoint, -1].
    rows = np.concatenate([(A + B) / 2, -np.ones((tries, pairs, 1))], axis=2)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    solution = _off_the_rows(target[:, :, None], rows)
    directions, levels = solution[:, :-1, 0], np.ascontiguousarray(solution[:, -1, 0])
    best, score = sample.best_direction(directions, levels)
    return sample.sweep(directions[[best]]) if score > 0 else None


def _off_the_rows(vectors, rows):
    """Component of each vector orthogonal to its matrix's rows, to rounding where the rows are independent.

    By normal equations, refined twice: an order of magnitude faster than a QR decomposition, and as good here,
    since combinations of rows that they resolve badly (nearly equal midpoints) are themselves nearly 0.
    """
    transposed = rows.transpose(0, 2, 1)
    gram = rows @ transposed
    places = np.arange(rows.shape[1])
    gram[:, places, places] *= 1 + 1e-12
    inverse = np.linalg.inv(gram)
    for _ in range(3):
        vectors = vectors - transposed @ (inverse @ (rows @ vectors))
    return vectors


def bisecting_move(sample, random_state):
    """The best axis-parallel hyperplane in a coordinate where some pair that must differ does.

    It always splits a pair: the sample's open buckets hold points that must differ, which are different points,
    and a coordinate is compared exactly.
    """
    bucket = random_state.integers(0, sample.n_buckets, 1)
    a, b = (int(position[0]) for position in sample.random_pairs(bucket, random_state))
    differs = np.flatnonzero(sample.X[a] != sample.X[b])
    gaps = np.abs(sample.coordinates[a, differs] - sample.coordinates[b, differs])
    column = int(differs[np.argmax(gaps)])
    candidate = sample.sweep_column(column)
    if candidate is None or not sample.is_split(candidate.above):  # scores are rounded
        candidate = sample.cut_column(column, *np.sort(sample.X[[a, b], column].astype(np.float64)))
    return candidate
