"""Baum's construction: one hidden layer of slabs, each around d points.

Baum, "On the capabilities of multilayer perceptrons", Journal of Complexity 4:193-215 (1988). For points
in general position (no d + 1 of them on a hyperplane) and two labels, cut the points of the rarer label into groups
of d. Through each group passes a hyperplane that holds no other point, hence also a slab around it that holds no point
of the other label. Two units for the slab's sides, [w.x >= lower] - [w.x >= upper], tell whether a point lies in it;
the output adds these differences up and compares with 1. So n points take at most 2 ceil(n / 2d) + 1 units, whatever
their labels. Here a label is a class index of K bits: K such networks stand side by side.

How groups and their slabs are found says `fastmem.constructions.slabs`. Points that span an affine space of lower
dimension are cut into groups of that many.
"""

import numpy as np

from fastmem.constructions.slabs import intervals, slabs_around
from fastmem.data.points import distinct_rows
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.layer import Layer
from fastmem.layers.rows import alternating_sums
from fastmem.machine.progress import progress_bar
from fastmem.network import LayeredNetwork
from fastmem.separate.slabs import Space
from fastmem.theory.baum1988 import bound

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {}
CHOOSES_COLUMNS = False
DELTA = None
STORES = (None,)

_SAMPLE_ROWS = 1024


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
    distinct = distinct_rows(point_numbers)
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
        return [intervals(x, one[distinct] == value) for one, value in zip(ones, rarer, strict=True)], rarer
    space = Space(points, distinct, sample, random_state, n_threads)
    inside = [distinct[one[distinct] == value] for one, value in zip(ones, rarer, strict=True)]
    n_groups = sum(-(-len(rows) // space.dimension) for rows in inside)
    with progress_bar(progress, n_groups, "cutting groups", unit="groups") as bar:
        slabs = [
            slabs_around(rows, one != value, space, random_state, bar, "baum1988")[0]
            for rows, one, value in zip(inside, ones, rarer, strict=True)
        ]
    return slabs, rarer


def _outputs(n_slabs, rarer):
    """The output layer: bit b is rarer[b] inside one of the bit's slabs, two inputs each, and else is not."""
    n_sides = 2 * np.array(n_slabs)
    weights = alternating_sums(n_sides)
    weights.data *= np.repeat(np.where(rarer, 1, -1), n_sides)
    return Layer(weights, np.array(rarer, np.int64))
