"""Memorized points that are rounded to float32 for a runtime that decides signs exactly: they must keep their labels.

And they must stay known: where rows are known by a hash of their numbers, none of these may change.
"""

import numpy as np

from fastmem.data.as_points import as_memorized_points
from fastmem.data.points import refuse_row
from fastmem.errors import MarginTooSmall
from fastmem.export.guard import build_with_margin, memorized_points, rows_named

__all__ = ["points_to_round", "refuse_lost_rows"]

_ROWS = 2**16
_UNIT32 = 2.0**-24


def points_to_round(net, X):
    """The memorized points, if X is given, for `refuse_lost_rows`: with all columns that rows are known by."""
    if X is None or not _by_rows(net):
        return memorized_points(net, X)
    return as_memorized_points(X, net.n_points, net.n_features_in, net.feature_names, net.recognition.reading)


def _by_rows(net):
    return net.fingerprint_bits > 0 and net.recognise_by == "rows"


def refuse_lost_rows(net, points):
    """Raise `MarginTooSmall` unless memorized points keep their labels when they are rounded to float32.

    Parameters
    ----------
    net : Network
    points : Points or None
        As `points_to_round` gives them.
    """
    units = net.units_read
    if points is None and (net.known_fits_float32 if _by_rows(net) else units.fits_float32):
        return
    # The last factor is for roundings of the norm and of this line.
    moved = (_UNIT32 * units.largest_norm + units.hyperplanes.d**0.5 * 2.0**-150) * (1 + 2.0**-20)
    fits = units.largest_norm < float(np.finfo(np.float32).max)
    advice = f", {build_with_margin(net, moved)}" if fits and net.n_points and not _by_rows(net) else ""
    advice = f'take dtype="float64"{advice}, or go on with unsafe=True'
    if points is None and _by_rows(net):
        raise MarginTooSmall(
            "rows are known by a hash of their numbers, which rounding to float32 may change; give X=..., the "
            'memorized points, to check each of them, take dtype="float64", or go on with unsafe=True',
            [],
        )
    if points is None:
        if units.smallest_distance > moved and fits:
            return
        raise MarginTooSmall(
            f"points of norm up to {units.largest_norm:.3g} move by up to {moved:.3g} when rounded to float32, "
            f"and the smallest distance of one from a hyperplane is {units.smallest_distance:.3g}: labels may be lost; "
            f"give X=..., the memorized points, to check each of them, {advice}",
            [],
        )
    rows = []
    for start in range(0, points.n, _ROWS):
        points.over_rows(_refuse_not_finite, rows=slice(start, min(start + _ROWS, points.n)))
        rows += (start + _changed(net, points.block(start, start + _ROWS))).tolist()
    if rows:
        lose = "are known no more, or lose labels," if net.fingerprint_bits else "lose labels"
        raise MarginTooSmall(f"{rows_named(rows, points.n)} {lose} when rounded to float32; {advice}", rows)


def _refuse_not_finite(start, stop, block):
    finite = np.isfinite(block).all(axis=1)
    refuse_row(-1 if finite.all() else int(finite.argmin()))


def _changed(net, block):
    """Rows of a block that rounding to float32 gives another label, makes unknown, or makes infinite."""
    if block.dtype == np.float32:
        return np.empty(0, np.int64)
    with np.errstate(over="ignore", under="ignore"):
        rounded = block.astype(np.float32)
    finite = np.isfinite(rounded).all(axis=1)
    rounded[~finite] = 0
    before, after = (_known_classes(net, rows) for rows in (block, rounded))
    same = (before[0] == after[0]) & (after[1] | ~before[1])
    return np.flatnonzero(~(same & finite))


def _known_classes(net, block):
    """Class indices of a block, and whether it is known; without fingerprints all is."""
    if not net.fingerprint_bits:
        indices, known = net.class_indices(block), np.ones(len(block), bool)
    else:
        codes, known, _ = net.recognise(block)
        indices = net.store.lookup(codes)
    return np.minimum(indices, len(net.classes) - 1), known
