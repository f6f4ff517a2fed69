"""Groups of points, each with a slab around it that holds no point outside: what Baum's construction is made of.

A group of d points in R^d lies on a hyperplane, and general position keeps all others off it. A group without a slab,
or one that does not suit otherwise, is paired with another one and their points are mixed; the two new groups take the
place of the old ones unless fewer of them have a slab. What has none after many rounds raises `NotInGeneralPosition`.
Slabs are those of `fastmem.separate.slabs`, exact in spite of rounding.
"""

import numpy as np

from fastmem.errors import NotInGeneralPosition
from fastmem.separate.frame import threshold_between
from fastmem.separate.slabs import Slabs

__all__ = ["intervals", "slabs_around"]

_ROUNDS = 64
_SHOWN = 5


def intervals(x, inside):
    """Slabs on the line: around each number inside, halfway to the next ones that are not; without rounding errors."""
    others, x, largest = np.sort(x[~inside]), np.sort(x[inside]), np.finfo(np.float64).max
    place = np.searchsorted(others, x)
    weights = np.where(x < largest, 1.0, 0.5)  # there is no threshold above the largest number
    x = x * weights
    below = np.append(-np.inf, others)[place] * weights
    above = np.append(others, np.inf)[place] * weights
    with np.errstate(over="ignore"):
        first = np.maximum(x - (above - x), -largest)
        last = np.minimum(x + np.maximum(x - below, np.spacing(np.abs(x))), largest)
        width = np.minimum(x - below, above - x)
    lower = np.where(place > 0, threshold_between(below, x), first)
    upper = np.where(place < len(others), threshold_between(x, above), last)
    return Slabs(weights[:, None].astype(np.float32), lower, upper, width)


def slabs_around(inside, is_outside, space, random_state, bar, name, suits=None):
    """Slabs around the rows inside, in groups of the space's dimension or fewer, free of the rows outside.

    Parameters
    ----------
    inside : int64 array
    is_outside : bool array of shape (n,)
    space : Space
    random_state : numpy.random.Generator
    bar : object
        Its ``update`` is called with the number of groups done.
    name : str
        Of the construction, for the error.
    suits : callable, optional
        Whether a group, an array of rows, may have a slab. None does whose points lie on a plane of fewer dimensions.

    Returns
    -------
    slabs : Slabs
    groups : list of int64 array

    Raises
    ------
    NotInGeneralPosition
    """
    n_groups = -(-len(inside) // space.dimension)
    groups = np.array_split(random_state.permutation(inside), n_groups)
    slabs = _slabs(groups, is_outside, space, random_state, suits)
    n_before = 0
    for rounds_left in range(_ROUNDS, -1, -1):
        n_slabs = np.count_nonzero(slabs.exist)
        bar.update(n_slabs - n_before)
        n_before = n_slabs
        if n_slabs == n_groups:
            return slabs, groups
        if rounds_left:
            _mix(groups, slabs, is_outside, space, random_state, suits)
    failed = groups[int(np.flatnonzero(~slabs.exist)[0])]
    group, labels = sorted(failed.tolist()), "" if space.is_alone else ", but with other labels"
    if suits is not None and not suits(failed):
        raise _not_in_general_position([], group, "on a plane of fewer dimensions", name)
    rows = space.rows_near(failed, is_outside, random_state).tolist()
    raise _not_in_general_position(rows, group, f"on a hyperplane through {_shown(group)}{labels}", name)


def _slabs(groups, is_outside, space, random_state, suits):
    slabs = space.slabs(groups, is_outside, random_state)
    if suits is not None:
        slabs.width[[not suits(group) for group in groups]] = 0
    return slabs


def _not_in_general_position(rows, group, where, name):
    named = rows or group
    return NotInGeneralPosition(
        f"{_shown(named)} {'lies' if len(named) == 1 else 'lie'}, within rounding errors, {where}: {name} needs points "
        'in general position, no d + 1 of them on a hyperplane of R^d; use construction="compact", for which points '
        "only have to differ",
        rows,
        group,
    )


def _shown(rows):
    """Row numbers as text, the first few of them."""
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:_SHOWN]))}{more}"


def _mix(groups, slabs, is_outside, space, random_state, suits):
    """Pair groups at random, and mix the points of two where one has no slab; kept unless fewer of the two have one."""
    shuffled = random_state.permutation(len(groups))
    pairs = [shuffled[start : start + 2] for start in range(0, len(groups), 2)]
    pairs = [pair for pair in pairs if not slabs.exist[pair].all()]
    mixed = []
    for pair in pairs:
        rows = np.concatenate([groups[place] for place in pair])
        mixed += np.array_split(random_state.permutation(rows), len(pair))
    places = np.concatenate(pairs)
    found = _slabs(mixed, is_outside, space, random_state, suits)
    starts = np.append(0, np.cumsum([len(pair) for pair in pairs])[:-1])
    before, after = (np.add.reduceat(exist.astype(int), starts) for exist in (slabs.exist[places], found.exist))
    kept = np.flatnonzero(np.repeat(after >= before, [len(pair) for pair in pairs]))
    slabs.replace(places[kept], found.take(kept))
    for place in kept.tolist():
        groups[places[place]] = mixed[place]
