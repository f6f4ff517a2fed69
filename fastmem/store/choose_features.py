"""Which features suit some codes: those with which a few rows of a ribbon, tried at several places, fill best."""

import numpy as np

from fastmem.store.features import MOST_PARITIES, CodeFeatures
from fastmem.store.ribbon import WINDOW, shape, solve

__all__ = ["suitable_features"]

_TRIAL_ROWS = 4
_TRIALS = 8
# Groups of bits that features read, and bits by which starts are finer: the first that will do.
_ATTEMPTS = ((5, 0), (8, 0), (12, 0), (16, 0), (16, 2), (5, 4), (8, 4), (3, 4))
_ALL_BITS = ((16, 3), (16, 5))
_GOOD = 1.06


def suitable_features(codes, n_bits, n_planes, *, all_bits=False, first_seed=0, least_columns=WINDOW):
    """Features under which a ribbon of these codes takes few cells, and by how many bits its starts should be finer.

    Parameters
    ----------
    codes : uint64 array of shape (n,), ascending, all different
    n_bits : int
    n_planes, least_columns : int
        Of the ribbon.
    all_bits : bool
        Codes that are not stored will be read too, and must differ from those that are: features read every bit, and
        there are more starts.
    first_seed : int
        Other features are drawn for another.
    """
    n_columns, _ = shape(len(codes), n_planes, least_columns)
    # Few codes fill no row so well.
    good = max(_GOOD, -(-len(codes) // n_columns) * n_columns / max(len(codes), 1))
    best = None
    for seed, (n_groups, more_parities) in enumerate(_ALL_BITS if all_bits else _ATTEMPTS, first_seed):
        features = CodeFeatures.draw(codes, n_bits, n_groups, seed)
        cells = _cells_in_full_rows(features, codes, n_planes, more_parities, least_columns)
        if best is None or cells < best[0]:
            best = cells, features, more_parities
        if cells <= good:
            break
    return best[1:]


def _cells_in_full_rows(features, codes, n_planes, more_parities=0, least_columns=WINDOW):
    """About how many cells a code takes in full rows of a ribbon: found out in a few rows at several places."""
    n_columns, n_parities = shape(len(codes), n_planes, least_columns)
    n_parities = min(n_parities + more_parities, MOST_PARITIES)
    if len(codes) <= n_columns // 2:
        return 1.0
    size = 2 * _TRIAL_ROWS * n_columns
    start_table = features.start_table(n_parities)
    cells = used = 0
    trials = min(_TRIALS, max(-(-len(codes) // size), 1))  # all rows where they are few
    for first in np.linspace(0, max(len(codes) - size, 0), trials).astype(int):
        part = codes[first : first + size]
        # Values at random: equal ones would hide contradictions.
        values = np.random.default_rng(0).integers(0, 1 << n_planes, len(part), dtype=np.uint64)
        firsts, _, done = solve(features, start_table, part, values, n_columns, n_planes, n_parities, _TRIAL_ROWS)
        cells += len(firsts) * n_columns
        used += done
    return cells / used
