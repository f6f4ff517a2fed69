"""The construction of Dirksen, Finke & Genzel: random hyperplanes with random thresholds, then units that cover points.

Dirksen, Finke & Genzel, "Memorization with neural nets: going beyond the worst case", Journal of Machine Learning
Research 25:347 (2024, arXiv 2310.00327). The size depends on the data set: on the distance of the two classes, and
on how many pieces one of them has.

1. **Hyperplanes** [w.(x - c) >= s] with w ~ N(0, I) and s uniform on [-3R, 3R]; the points lie in a ball of radius R
   around c.
2. **Covering units.** For a point of the inside that no unit covers yet let U be the hyperplanes that are 0 there. Of
   these at least mu are 1 at each point outside. If mu >= 1, the unit [sum over U <= mu - 1] is 1 at the point, at none
   outside, and at what else lies near.
3. **Output**: an OR of the units, for each label bit (`fastmem.constructions.unions`).

*Theorem*, with constants of our own: m = ceil(18 (R/delta) ln(N1 N0/p)) hyperplanes do with probability 1 - p, for N1
points inside and N0 outside, delta apart. *Proof.* Let c be inside and x outside. A hyperplane is 0 at c and 1 at x
with probability at least E[(w.(x - c))+; |w.x|, |w.c| <= 3R] / 6R, which is at least (0.3989 - sqrt(0.5 * 0.0054))
|x - c| / 6R >= delta / 18R, by Cauchy and Schwarz for what is left out. One such hyperplane for each pair makes every
mu >= 1, and the union bound over N1 N0 pairs gives p. So the second layer has at most N1 units, whatever the labels.

With form="theorem" m hyperplanes are drawn, anew if they fail. With form="small" they are drawn by and by: from m/16
on, a quarter more whenever a point is left uncovered, up to m.
"""

import math

import numpy as np

from fastmem.constructions.gaussian_rows import GaussianRows, are_draws, counts, refuse_more_than
from fastmem.constructions.unions import bits_of, joined, network_of
from fastmem.data.options import OwnOption, one_of
from fastmem.data.points import Points, distinct_rows
from fastmem.errors import MemorizationError
from fastmem.layers.layer import Layer
from fastmem.machine.progress import progress_bar
from fastmem.theory.dirksen2024 import bound, n_rows
from fastmem.theory.separation import separation_of, unit_ball

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {"form": OwnOption("small", one_of("small", "theorem"))}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = "labels"

_FIRST = 16  # the small form begins with a share of 1/16 of the theorem's hyperplanes
_GROWTH = 1.25
_MOST_DRAWS = 32
_LIMIT = 3.0  # thresholds are drawn from [-3R, 3R]


def build(points, labels, point_numbers, *, form, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    form : {"small", "theorem"}
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    LayeredNetwork

    Raises
    ------
    NetworkTooLarge
        Points of different labels are so near that too many hyperplanes would be drawn.
    """
    distinct = distinct_rows(point_numbers)
    centre, radius = unit_ball(points, n_threads)
    rows = GaussianRows(
        Points(points.take(distinct)),
        centre,
        lambda generator, m: generator.uniform(-_LIMIT * radius, _LIMIT * radius, m),
        random_state,
        n_threads,
    )
    drawn, behind, stages = {}, (), ()
    if labels.n_bits:
        delta = separation_of(points, distinct, labels.indices, n_threads, progress).delta
        classes = labels.indices[distinct]
        covers, n_draws = _cover_all(rows, classes, labels.n_bits, delta, form, random_state, progress)
        drawn = {"delta": delta, "hyperplanes": n_draws}
        behind = _layers(rows, covers)
        stages = ("random hyperplanes", "covering units", "is covered")
    return network_of(
        points, labels, rows.hyperplanes(), behind, n_threads,
        construction="dirksen2024", construction_options={"form": form}, drawn=drawn, stages=stages,
    )  # fmt: skip


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: a delta that hyperplanes are drawn for, and how often."""
    return drawn == {} if n_told_apart == 1 else are_draws(drawn, _MOST_DRAWS)


def _cover_all(rows, classes, n_bits, delta, form, random_state, progress):
    """A `_Cover` for each label bit, with as many hyperplanes as it takes, and how often these were drawn anew."""
    n, d = rows.n, rows.d
    most, size = n_rows(n, delta, n_bits), bound(n, d, delta, n_bits)
    m = most if form == "theorem" else -(-most // _FIRST)
    covers, n_draws = [_Cover(bit, random_state) for bit in bits_of(classes, n_bits)], 1
    with progress_bar(progress, None, "covering points", unit="points") as bar:
        while True:
            refuse_more_than(m, n, d, size, f"{n:,} points whose labels are {delta:.3g} apart in the unit ball")
            rows.grow_to(m)
            if all([cover.covers_more(rows, bar) for cover in covers]):
                return [cover.fewest(rows, bar) for cover in covers], n_draws
            if m < most:
                m = min(math.ceil(m * _GROWTH), most)
            elif n_draws < _MOST_DRAWS:
                rows.forget()
                for cover in covers:
                    cover.forget()
                n_draws += 1
            else:
                raise MemorizationError(f"{n_draws} draws of {m:,} hyperplanes left points uncovered: please report it")


class _Cover:
    """Units that cover the points inside of a `Bit`.

    Attributes
    ----------
    value : int
        Of the bit, inside.
    masks : list of uint64 array
        The hyperplanes that each unit reads.
    least : list of int
        mu, of how many of these are 1 outside.
    """

    def __init__(self, bit, random_state):
        self.bit, self.value, self._random_state = bit, bit.value, random_state
        self.forget()

    def forget(self):
        """Have no unit again."""
        self.left, self.masks, self.least = self._random_state.permutation(self.bit.inside), [], []

    def covers_more(self, rows, bar):
        """Add units for points that none covers yet; whether there is none left."""
        outside, inside = rows.signs[:, self.bit.outside], rows.signs[:, self.left]
        is_left = np.ones(len(self.left), bool)
        for place in range(len(self.left)):
            mask = ~inside[:, place] & rows.is_drawn
            if not is_left[place] or not (least := int(counts(outside, mask).min())):
                continue  # where there is no unit for a point, that of another one may cover it
            covered = is_left & (counts(inside, mask) < least)
            bar.update(int(covered.sum()))
            is_left &= ~covered
            self.masks.append(mask)
            self.least.append(least)
        self.left = self.left[is_left]
        return not len(self.left)

    def fewest(self, rows, bar):
        """That with fewest units of this and of those that all hyperplanes give, of the points inside or outside."""
        best = self
        for bit in (self.bit, self.bit.turned()):
            other = _Cover(bit, self._random_state)
            if other.covers_more(rows, bar) and len(other.masks) < len(best.masks):
                best = other
        return best


def _layers(rows, covers):
    """The second and the third layer."""
    weights = rows.reading([mask for cover in covers for mask in cover.masks])
    least = np.array([least for cover in covers for least in cover.least], np.int64)
    return Layer(-weights, 1 - least), joined([c.value for c in covers], [len(c.masks) for c in covers])
