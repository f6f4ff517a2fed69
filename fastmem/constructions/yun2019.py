"""The construction of Yun, Sra & Jadbabaie: two hidden layers of about 2 sqrt(n) ReLU units each.

Yun, Sra & Jadbabaie, "Small ReLU networks are powerful memorizers: a tight analysis of memorization capacity", NeurIPS
2019 (arXiv 1810.07770): d1 d2 of the order of n suffices for two hidden layers of d1 and d2 ReLU units. What is built
here is another network, with a proof of our own: d1 d2 is about 4 n, and there are 4 ceil(sqrt n) units in all.

Points are integers on a line (`fastmem.constructions.line`), sorted, and cut into G groups of B; s_g and e_g are the
first and the last of a group.

1. **Breakpoints**: relu(z), and for each gap between two groups relu(z - e_g) and relu(z - s_{g+1}). Sums of these are
   all functions that are affine on every group, with slope and height free for each, and affine in every gap.
2. **Knots**: for k = 0, ..., B - 1 and each sign one unit relu(H). In group g the function H is: for k = 0 the constant
   |y| of the first point, for the unit of the sign of y; for k > 0 the change of slope |a_k| (z - z_k) from point k of
   the group on, of the interpolant of the group's labels, for the unit of the sign of a_k. Else H is -1, or 0 for k =
   0.
3. **Output**, identity: the sum of all with their signs. In group g it is y_first + sum a_k relu(z - z_k): the
   interpolant, which is the label at each point.

All numbers are integers, in units of 2^-f. Slopes are rounded, each for the value that is reached at the point before,
so that errors do not add up: h/2 units within a group, h the widest gap, and h/2 for each of the B units of the second
layer that is on. So f = bits(h) + bits(B) + 4 keeps the output within 1/8 of the label. In units of 2^-f weights have
about 2 log2 n + log2 C + 10 bits. A label that is to be returned itself (output="value") has its own further bits.
"""

import itertools
import math

import numpy as np

from fastmem.constructions.line import Line
from fastmem.constructions.numbers import network_of, targets_of
from fastmem.data.options import OwnOption, one_of
from fastmem.data.points import distinct_rows
from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.theory.yun2019 import bound

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {"output": OwnOption("class", one_of("class", "value"))}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = None

_SPARE_BITS = 4
_VALUE_BITS = 52  # of the largest label, where labels are returned themselves


def build(points, labels, point_numbers, *, output, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    output : {"class", "value"}
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class
        Nothing takes long here.

    Returns
    -------
    NumberNetwork

    Raises
    ------
    InvalidInput
        Labels that are to be returned themselves are no real numbers.
    """
    targets, layers, exponent = targets_of(labels, output), (), 0
    if output == "value" or labels.n_bits:
        distinct = distinct_rows(point_numbers)
        line = Line.through(points.take(distinct).astype(np.float64), random_state)
        exponent, layers = _layers(line, targets[distinct], output)
    return network_of(
        points, labels, targets, layers, exponent, n_threads, output=output,
        construction="yun2019", construction_options={"output": output},
        stages=("breakpoints", "knots", "sum") if layers else (),
    )  # fmt: skip


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


def _layers(line, targets, output):
    """f, and the three layers."""
    order = sorted(range(len(line.z)), key=line.z.__getitem__)
    z, size = [line.z[place] for place in order], math.ceil(math.sqrt(len(order)))
    widest = max((after - before for before, after in itertools.pairwise(z)), default=1)
    f = widest.bit_length() + size.bit_length() + _SPARE_BITS
    if output == "value":
        f = max(f + _VALUE_BITS - math.frexp(np.abs(targets).max())[1], 0)
    labels = [_scaled(target, f) for target in targets[order].tolist()]
    groups = [slice(start, start + size) for start in range(0, len(z), size)]
    z, labels = [z[group] for group in groups], [labels[group] for group in groups]
    functions = _functions(z, labels, size, 1 << f)
    weights, thresholds, signs = _knots(z, functions)
    return f, (_breakpoints(line, z), Layer(_matrix(weights), thresholds, "relu"), _sum(signs))


def _scaled(target, f):
    """A float times 2^f, rounded to an integer."""
    above, below = target.as_integer_ratio()
    return ((above << f + 1) + below) // (2 * below)


def _breakpoints(line, groups):
    """The first layer: z, and for each gap z beyond its ends."""
    ends = [0, *(end for before, after in itertools.pairwise(groups) for end in (before[-1], after[0]))]
    d = len(line.weights)
    weights = integer_matrix(
        line.weights * len(ends), np.tile(np.arange(d), len(ends)), d * np.arange(len(ends) + 1), (len(ends), d)
    )
    return Layer(weights, as_integers([line.base + end for end in ends]), "relu")


def _functions(z, labels, size, one):
    """Of each unit of the second layer the sign, and for each group the height at its first point, and the slope.

    The unit of k and sign is number 2 k, or 2 k + 1 for the sign -1.
    """
    functions = [[] for _ in range(2 * size)]
    for points, values in zip(z, labels, strict=True):
        shapes = [(-one if unit > 1 else 0, 0) for unit in range(2 * size)]
        shapes[values[0] < 0] = abs(values[0]), 0
        reached, slope = values[0], 0
        for k in range(1, len(points)):
            step = points[k] - points[k - 1]
            steeper = _divided(values[k] - reached, step)
            change, slope = steeper - slope, steeper
            reached += slope * step
            if change:
                shapes[2 * k + (change < 0)] = abs(change) * (points[0] - points[k - 1]), abs(change)
        for function, shape in zip(functions, shapes, strict=True):
            function.append(shape)
    return functions


def _knots(z, functions):
    """Weights of the units that are on somewhere, as rows of integers, their thresholds, and their signs."""
    rows, thresholds, signs = [], [], []
    for unit, function in enumerate(functions):
        if unit and not any(slope > 0 or height > 0 for height, slope in function):
            continue
        slopes = []
        for (points, (height, slope)), (after, (next_height, _)) in itertools.pairwise(zip(z, function, strict=True)):
            rise = next_height - (height + slope * (points[-1] - points[0]))
            slopes += [slope, _divided(rise, after[0] - points[-1])]
        slopes.append(function[-1][1])
        rows.append([slopes[0], *(after - before for before, after in itertools.pairwise(slopes))])
        thresholds.append(-function[0][0])
        signs.append(-1 if unit % 2 else 1)
    return rows, as_integers(thresholds), signs


def _divided(above, below):
    """The integer nearest to a quotient."""
    return (2 * above + below) // (2 * below)


def _matrix(rows):
    n, width = len(rows), len(rows[0])
    data = list(itertools.chain.from_iterable(rows))
    return integer_matrix(data, np.tile(np.arange(width), n), width * np.arange(n + 1), (n, width))


def _sum(signs):
    """The output unit."""
    n = len(signs)
    return Layer(integer_matrix(signs, np.arange(n), [0, n], (1, n)), np.zeros(1, np.int64), "identity")
