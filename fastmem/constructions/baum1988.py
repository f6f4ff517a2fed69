"""Baum's construction: one hidden layer of slabs, each around d points.

Baum, "On the capabilities of multilayer perceptrons", Journal of Complexity 4:193-215 (1988). For points
in general position (no d + 1 of them on a hyperplane) and two labels, cut the points of the rarer label into groups
of d. Through each group passes a hyperplane that holds no other point, hence also a slab around it that holds no point
of the other label. Two units for the slab's sides, [w.x >= lower] - [w.x >= upper], tell whether a point lies in it;
the output adds these differences up and compares with 1. So n points take at most 2 ceil(n / 2d) + 1 units, whatever
their labels. Here a label is a class index of K bits: K such networks stand side by side.

Slabs are those of `fastmem.separate.slabs`, exact in spite of rounding. A group without a slab is paired with
another one and their points are mixed; the two new groups take the place of the old ones unless fewer of them have a
slab. What has none after many rounds raises `NotInGeneralPosition`.

Points that span an affine space of lower dimension are cut into groups of that many.
"""

import numpy as np

from fastmem.errors import NotInGeneralPosition
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.layer import Layer
from fastmem.layers.rows import alternating_sums
from fastmem.machine.progress import progress_bar
from fastmem.network import LayeredNetwork
from fastmem.separate.frame import threshold_between
from fastmem.separate.slabs import Slabs, Space
from fastmem.theory.baum1988 import bound

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {}
CHOOSES_COLUMNS = False
DELTA = None
STORES = (None,)

_ROUNDS = 64
_SAMPLE_ROWS = 1024
_SHOWN = 5


def build(points, labels, point_numbers, *, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    LayeredNetwork

    Raises
    ------
    NotInGeneralPosition
        Some groups of points lie on no hyperplane that keeps clear of the points of the other label.
    """
    distinct = np.flatnonzero(point_numbers == np.arange(points.n))
    sample = points.take(random_state.permutation(distinct)[: max(_SAMPLE_ROWS, 4 * (points.d + 1))])
    slabs, rarer = _slabs_of_bits(points, labels, distinct, sample, random_state, n_threads, progress)
    weights = np.concatenate([np.empty((0, points.d), np.float32), *(part.weights for part in slabs)])
    sides = [np.column_stack([part.lower, part.upper]).ravel() for part in slabs]
    hyperplanes = Hyperplanes(
        np.repeat(weights, 2, axis=0), np.concatenate([np.empty(0), *sides]), *column_frame(sample)
    )
    return LayeredNetwork(
        hyperplanes,
        (_outputs([len(part.lower) for part in slabs], rarer),) if slabs else (),
        labels.classes,
        n_points=points.n,
        n_told_apart=len(labels.classes),
        construction="baum1988",
        separate="labels",
        smallest_distance=hyperplanes.smallest_distance(points, n_threads),
        largest_norm=points.largest_norm(n_threads),
        fits_float32=points.fit_float32(n_threads),
        reading=points.reading,
        stages=("sides of slabs", "inside a slab") if slabs else (),
    )


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


def _slabs_of_bits(points, labels, distinct, sample, random_state, n_threads, progress):
    """Slabs for each bit of the class index, and the value of the bit that fewer distinct points have."""
    if labels.n_bits == 0:
        return [], []
    classes = labels.indices
    ones = [(classes >> bit) & 1 for bit in range(labels.n_bits)]
    rarer = [int(2 * np.count_nonzero(one[distinct]) <= len(distinct)) for one in ones]
    if points.d == 1:
        x = points.take(distinct)[:, 0].astype(np.float64)
        return [_intervals(x, one[distinct] == value) for one, value in zip(ones, rarer, strict=True)], rarer
    space = Space(points, distinct, sample, random_state, n_threads)
    inside = [distinct[one[distinct] == value] for one, value in zip(ones, rarer, strict=True)]
    n_groups = sum(-(-len(rows) // space.dimension) for rows in inside)
    with progress_bar(progress, n_groups, "cutting groups", unit="groups") as bar:
        slabs = [
            _slabs_around(rows, one != value, space, random_state, bar)
            for rows, one, value in zip(inside, ones, rarer, strict=True)
        ]
    return slabs, rarer


def _outputs(n_slabs, rarer):
    """The output layer: bit b is rarer[b] inside one of the bit's slabs, two inputs each, and else is not."""
    n_sides = 2 * np.array(n_slabs)
    weights = alternating_sums(n_sides)
    weights.data *= np.repeat(np.where(rarer, 1, -1), n_sides)
    return Layer(weights, np.array(rarer, np.int64))


def _intervals(x, inside):
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


def _slabs_around(inside, is_outside, space, random_state, bar):
    """Slabs around the rows inside, in groups of the space's dimension or fewer, free of the rows outside."""
    n_groups = -(-len(inside) // space.dimension)
    groups = np.array_split(random_state.permutation(inside), n_groups)
    slabs = space.slabs(groups, is_outside, random_state)
    n_before = 0
    for rounds_left in range(_ROUNDS, -1, -1):
        n_slabs = np.count_nonzero(slabs.exist)
        bar.update(n_slabs - n_before)
        n_before = n_slabs
        if n_slabs == n_groups:
            return slabs
        if rounds_left:
            _mix(groups, slabs, is_outside, space, random_state)
    failed = int(np.flatnonzero(~slabs.exist)[0])
    raise _not_in_general_position(groups[failed], space.rows_near(groups[failed], is_outside, random_state))


def _not_in_general_position(group, rows):
    group, rows = sorted(group.tolist()), rows.tolist()
    return NotInGeneralPosition(
        f"{_shown(rows)} {'lies' if len(rows) == 1 else 'lie'}, within rounding errors, on a hyperplane through "
        f"{_shown(group)}, but with other labels: baum1988 needs points in general position, no d + 1 of them on a "
        'hyperplane of R^d; use construction="compact", for which points only have to differ',
        rows,
        group,
    )


def _shown(rows):
    """Row numbers as text, the first few of them."""
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:_SHOWN]))}{more}"


def _mix(groups, slabs, is_outside, space, random_state):
    """Pair groups at random, and mix the points of two where one has no slab; kept unless fewer of the two have one."""
    shuffled = random_state.permutation(len(groups))
    pairs = [shuffled[start : start + 2] for start in range(0, len(groups), 2)]
    pairs = [pair for pair in pairs if not slabs.exist[pair].all()]
    mixed = []
    for pair in pairs:
        rows = np.concatenate([groups[place] for place in pair])
        mixed += np.array_split(random_state.permutation(rows), len(pair))
    places = np.concatenate(pairs)
    found = space.slabs(mixed, is_outside, random_state)
    starts = np.append(0, np.cumsum([len(pair) for pair in pairs])[:-1])
    before, after = (np.add.reduceat(exist.astype(int), starts) for exist in (slabs.exist[places], found.exist))
    kept = np.flatnonzero(np.repeat(after >= before, [len(pair) for pair in pairs]))
    slabs.replace(places[kept], found.take(kept))
    for place in kept.tolist():
        groups[places[place]] = mixed[place]
