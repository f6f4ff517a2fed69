"""How many dimensions rows really have: fewer than columns, where they lie on a curve or a surface.

Of n rows in D dimensions a share of r^D lies within r of a row. So the distances T_1 < ... < T_k to the nearest rows
give 1 / D as the mean of log(T_k / T_j) over j < k (Levina and Bickel, 2004; averaged over rows as MacKay and
Ghahramani, 2005): that of the scale on which rows are neighbours.
"""

import numpy as np

__all__ = ["intrinsic_dimension"]

_NEIGHBOURS, _INPUTS, _FEWEST = 10, 500, 20


def intrinsic_dimension(rows):
    """By the nearest neighbours of the first of some rows: a number, at most that of the columns.

    Examples
    --------
    >>> angle = np.random.default_rng(0).uniform(0, 6.28, 1000)
    >>> round(float(intrinsic_dimension(np.column_stack([np.cos(angle), np.sin(angle)]))), 1)
    1.0
    """
    n, d = rows.shape
    if n < _FEWEST:
        return float(d)
    some = rows[:_INPUTS]
    squares = (rows**2).sum(axis=1)
    distances = (some**2).sum(axis=1)[:, None] + squares - 2 * some @ rows.T
    nearest = np.argpartition(distances, _NEIGHBOURS + 1, axis=1)[:, : _NEIGHBOURS + 1]
    exact = np.sort(np.linalg.norm(rows[nearest] - some[:, None], axis=2), axis=1)[:, 1:]  # each is its own first
    nearer = exact[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(exact[:, -1:] / nearer)[nearer > 0]
    spread = float(logs.mean()) if len(logs) else 0.0
    return min(1 / spread, float(d)) if spread > 0 else float(d)
