"""Moves: ways to propose the next hyperplane on a sample of the open points.

Each takes a `Sample` and a random generator and returns a `Candidate`, or None if it finds no hyperplane that
splits a pair of the sample.
"""

import numpy as np

__all__ = [
    "bisecting_move",
    "discriminant_move",
    "lattice_move",
    "midpoint_move",
    "off_the_rows",
    "whitened_basis",
    "whitened_gaussian_move",
]

_EIGENVALUE_FLOOR = 1e-6
_WHITENED_DIMENSIONS = 256
_ROUNDING = 1e-8
_LAYER = 16  # points on average
_SLACK = 0.1  # rather between layers than through one, which float32 weights spread a little


def whitened_basis(sample, random_state, narrowest=0.0):
    """Directions that whiten the sample, and its dimension.

    In more than 256 dimensions S is restricted to the span of as many random differences of points that must
    differ: where the sample has fewer points than dimensions, directions outside their span separate nothing.

    Parameters
    ----------
    sample : Sample
    random_state : numpy.random.Generator
    narrowest : float
        Standard deviation, in the points' units, below which directions count as that wide.

    Returns
    -------
    basis : float64 array of shape (r, d)
        ``g @ basis ~ N(0, S^-1)`` for Gaussian g, S the covariance of the sample.
    rank : int
        Number of dimensions in which the sample spreads, r at most.
    """
    Z = sample.clipped()
    span = None
    if sample.d > _WHITENED_DIMENSIONS:
        buckets = random_state.integers(0, sample.n_buckets, min(_WHITENED_DIMENSIONS, len(Z)))
        a, b = sample.random_pairs(buckets, random_state)
        span = Z[a].astype(np.float64) - Z[b]
        span /= np.linalg.norm(span, axis=1, keepdims=True) + 1e-300
    inside = Z if span is None else Z @ span.T.astype(Z.dtype)
    inside = inside - inside.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh((inside.T @ inside / len(inside)).astype(np.float64))
    floor = _EIGENVALUE_FLOOR * max(eigenvalues[-1], 1e-300)
    narrow = min(sample.frame.length(narrowest) ** 2, max(eigenvalues[-1], 1e-300))
    basis = (vectors / np.sqrt(np.maximum(eigenvalues, max(floor, narrow)))).T
    basis = basis if span is None else basis @ span
    return basis, max(int(np.count_nonzero(eigenvalues > floor)), 1)


def whitened_gaussian_move(sample, basis, directions, random_state):
    """The best of a few Gaussian directions, whitened, each with its best threshold."""
    return sample.sweep(random_state.standard_normal((directions, len(basis))) @ basis)


def midpoint_move(sample, rank, pencils, numbers, random_state):
    """The best of some pencils of hyperplanes through the midpoints of random pairs that must differ.

    Of one pencil, or of more where their pairs have no more coordinates than `numbers`.

    A hyperplane has d degrees of freedom: all but one make it pass between as many pairs, each of another bucket,
    and the last is swept exactly, for the position that splits most. So it splits d pairs at least, which is
    what congested data needs (pairs in general position allow no more). Directions that are left free lean
    towards the differences of the pairs, so that these fall on both sides.
    """
    pairs = min(max(rank - 1, 1), sample.n_buckets)
    tries = max(1, min(pencils, numbers // (pairs * sample.d)))
    if tries * pairs <= sample.n_buckets:
        buckets = random_state.choice(sample.n_buckets, (tries, pairs), replace=False)
    else:
        buckets = np.stack([random_state.choice(sample.n_buckets, pairs, replace=False) for _ in range(tries)])
    a, b = sample.random_pairs(buckets, random_state)
    A, B = (sample.coordinates[points].astype(np.float64, copy=False) for points in (a, b))
    differences = A - B
    differences /= np.linalg.norm(differences, axis=2, keepdims=True) + 1e-300
    drawn = random_state.standard_normal((tries, sample.d + 1, 2))
    leaning = differences.transpose(0, 2, 1) @ np.sign(differences @ drawn[:, :-1])
    target = np.concatenate([leaning, drawn[:, -1:]], axis=1)
    # (w, t) with w.midpoint - t = 0 for every pair: the target less its part along the rows [midpoint, -1].
    rows = np.concatenate([(A + B) / 2, -np.ones((tries, pairs, 1))], axis=2)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    solutions = off_the_rows(target, rows)
    # Where the rows leave a few columns free, say that are 0 in all pairs, the rest is what rounding left.
    solutions[np.abs(solutions) < _ROUNDING * np.abs(solutions[:, :-1]).max(axis=1, keepdims=True)] = 0.0
    direction = sample.sweep_pencils(solutions[:, :, 0], solutions[:, :, 1])
    return None if direction is None else sample.sweep(direction[None])


def off_the_rows(vectors, rows):
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


def lattice_move(sample, near_pairs, random_state):
    """The best hyperplane along which most points tie: a coordinate axis or the difference of two near points.

    Only in few dimensions, where lattices and other repeated coordinates leave such gaps: a cut in one parts all
    layers of points at once, and keeps the rest as regular as it was.
    """
    buckets = random_state.integers(0, sample.n_buckets, near_pairs)
    a, b = sample.near_pairs(buckets, random_state)
    differences = sample.frame.across(sample.coordinates[a] - sample.coordinates[b])
    directions = np.concatenate([np.eye(sample.d), differences])
    layers = sample.count_layers(directions)
    fewest = layers.min()
    return sample.sweep(directions[layers <= 1.25 * fewest], _SLACK) if _LAYER * fewest <= len(sample.X) else None


def discriminant_move(sample, basis, directions, random_state):
    """The best of some Fisher discriminants: across the difference of two classes' means, S^-1 (mean - mean').

    They find what makes the labels differ, where that is simple. In each a class is compared with another, or with
    all others, in one bucket or in all.
    """
    a, b = sample.random_pairs(random_state.integers(0, sample.n_buckets, directions), random_state)
    classes, bucket = sample.classes, sample.bucket
    number = np.arange(directions)[:, None]
    inside = np.where(number % 2 == 1, bucket >= 0, bucket == bucket[a][:, None])
    one = inside & (classes == classes[a][:, None])
    other = inside & np.where(number % 4 > 1, ~one, classes == classes[b][:, None])
    shares = np.divide(one, one.sum(axis=1, keepdims=True), dtype=sample.coordinates.dtype)
    shares -= np.divide(other, other.sum(axis=1, keepdims=True), dtype=shares.dtype)
    differences = shares @ sample.clipped()
    return sample.sweep(differences.astype(np.float64) @ basis.T @ basis)


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
