"""Vershynin's construction for points on a sphere: units that fire rarely, a perceptron for each batch, an OR.

Vershynin, "Memory capacity of neural networks with threshold and ReLU activations", SIAM Journal on Mathematics of Data
Science 2(4):1004-1033 (2020, arXiv 2001.06938). The ideas are his, enrichment and perceptrons; the construction and its
constants are ours, and `fastmem.theory.vershynin2020.plan` proves them.

1. **Enrichment.** m hyperplanes [w.(x - c) >= b R] with w ~ N(0, I), for points at the distance R from c. A hyperplane
   is 1 at a point with probability p = P(g >= b), and at two points delta apart seldom together.
2. **Perceptrons.** The points inside, of the rarer value of a label bit, are cut into batches of beta. A unit counts
   the hyperplanes that are 1 at some point of its batch: at each of these about m p are, at a point outside fewer.
3. **Output**: an OR of the perceptrons, for each label bit (`fastmem.constructions.unions`).

With form="theorem" m, b, beta and the threshold are those of the theorem, for the smallest distance of two points
with different labels; draws that fail are made again. With form="small" b and beta are chosen for the distances of a
sample of the points, and each perceptron has a threshold of its own. Hyperplanes are drawn by and by, a quarter more
each time. A batch for which they are too few is cut in two; the network with the fewest neurons is kept. Where the
theorem takes no more neurons it is built as the theorem says.
"""

import math
from typing import NamedTuple

import numpy as np

from fastmem.constructions.gaussian_rows import GaussianRows, are_draws, counts, refuse_more_than
from fastmem.constructions.unions import bits_of, joined, network_of
from fastmem.data.options import OwnOption, one_of
from fastmem.data.points import Points, distinct_rows
from fastmem.errors import InvalidInput, MemorizationError, NotOnSphere
from fastmem.layers.layer import Layer
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_blocks
from fastmem.theory.separation import separation_of
from fastmem.theory.vershynin2020 import FAILURE, batches_to, bound, co_firing, fewest, plan

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {"form": OwnOption("small", one_of("small", "theorem"))}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = "labels"

_SPREAD = 1e-6  # how much radii of points of a sphere may differ, relative to them
_SHARE = (
    1 / 8
)  # of the theorem's hyperplanes do, measured from n = 10^2 to 10^4; the small form begins with half of them
_GROWTH = 1.25
_FLAT = 1 / 8  # points that extend so little, beside their distance from the origin, may have a smaller sphere
_LEAST_DELTA = 2.0**-60  # what the theorem asks for below is refused, and may overflow
_MOST_DRAWS = 32
_BIASES = np.arange(41) / 10  # that the small form tries
_SAMPLE_INSIDE, _SAMPLE_OUTSIDE = 1024, 128
_FEW = 32
_TIMES = 4  # as many points as coordinates show where a sphere has its centre
_UNITS = 32  # perceptrons that a thread takes together


def build(points, labels, point_numbers, *, form, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
        On a sphere, around the origin or another place.
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
    NotOnSphere
        Points are not equally far from one place; the error names two.
    NetworkTooLarge
        Points of different labels are so near that too many hyperplanes would be drawn.
    """
    distinct = distinct_rows(point_numbers)
    some = Points(points.take(distinct))
    centre, radius = _sphere(some.block(0, some.n).astype(np.float64), distinct)
    sphere = _Sphere(some, centre, radius)
    rows, drawn, behind, stages = sphere.rows(0.0, random_state, n_threads), {}, (), ()
    if labels.n_bits:
        distance = separation_of(points, distinct, labels.indices, n_threads, progress).distance
        bits = bits_of(labels.indices[distinct], labels.n_bits)
        search = _Search(sphere, bits, min(distance / radius, 2.0), random_state, n_threads, progress)
        solution = (form == "small" and search.of_few()) or search.by_theorem()
        rows, drawn = solution.rows, {"delta": search.delta, "hyperplanes": solution.n_draws}
        behind, stages = solution.layers(bits), ("enrichment", "perceptrons", "in a batch")
    return network_of(
        points, labels, rows.hyperplanes(), behind, n_threads,
        construction="vershynin2020", construction_options={"form": form}, drawn=drawn, stages=stages,
    )  # fmt: skip


class _Sphere(NamedTuple):
    points: Points
    centre: np.ndarray
    radius: float

    def rows(self, bias, random_state, n_threads):
        """`GaussianRows` [w.(x - c) >= b R], none of them drawn."""
        return GaussianRows(
            self.points, self.centre, lambda _, m: np.full(m, bias * self.radius), random_state, n_threads
        )


class _Perceptron(NamedTuple):
    """A unit that counts the hyperplanes of a batch: at most `highest` at a point outside, at least `lowest` in it."""

    mask: np.ndarray
    highest: int
    lowest: int


class _Solution(NamedTuple):
    rows: GaussianRows
    perceptrons: list  # of each label bit a list of `_Perceptron`
    threshold: int | None  # of all; each has its own, halfway, if None
    n_draws: int

    def layers(self, bits):
        """The second and the third layer."""
        units = [unit for units in self.perceptrons for unit in units]
        halfway = [(unit.highest + unit.lowest + 1) // 2 for unit in units]
        thresholds = halfway if self.threshold is None else [self.threshold] * len(units)
        return (
            Layer(self.rows.reading([unit.mask for unit in units]), np.array(thresholds, np.int64)),
            joined([bit.value for bit in bits], [len(units) for units in self.perceptrons]),
        )


class _Search:
    """Looks for hyperplanes and batches for which each batch has a perceptron."""

    def __init__(self, sphere, bits, delta, random_state, n_threads, progress):
        self.sphere, self.bits, self.delta = sphere, bits, delta
        self.random_state, self.n_threads, self.progress = random_state, n_threads, progress
        self.n, self.d = sphere.points.n, sphere.points.d
        self._near = max(delta, _LEAST_DELTA)
        self.theorem = plan(self.n, self._near, len(bits))

    def by_theorem(self):
        """The `_Solution` of the theorem."""
        theorem = self.theorem
        self._refuse_more_than(theorem.rows)
        rows = self.sphere.rows(theorem.bias, self.random_state, self.n_threads)
        for n_draws in range(1, _MOST_DRAWS + 1):
            rows.forget()
            rows.grow_to(theorem.rows)
            found = [self._perceptrons(rows, bit, self._batches(bit, theorem.batch)) for bit in self.bits]
            if all(unit.highest < theorem.threshold <= unit.lowest for units in found for unit in units):
                return _Solution(rows, found, theorem.threshold, n_draws)
        raise MemorizationError(f"{_MOST_DRAWS} draws of {theorem.rows:,} hyperplanes failed: please report it")

    def of_few(self):
        """A `_Solution` with fewer neurons than the theorem's, or None."""
        fewest_neurons = self.theorem.rows + len(self.bits) * self.theorem.units
        try:
            bias, batch, m = self._plan_of_sample()
            least, most = self._rows_to_part(bias)
        except ArithmeticError:  # points outside are so near to some inside that no number of rows does
            return None
        m = max(min(m, most), least)
        rows = self.sphere.rows(bias, self.random_state, self.n_threads)
        batches = [self._batches(bit, batch) for bit in self.bits]
        best = None
        with progress_bar(self.progress, None, "drawing hyperplanes", unit="hyperplanes") as bar:
            while m + sum(map(len, batches)) < fewest_neurons:
                self._refuse_more_than(m)
                bar.update(m - rows.m)
                rows.grow_to(m)
                found = self._halved_until_they_do(rows, batches)
                if found is not None and m + sum(map(len, found)) < fewest_neurons:
                    best, fewest_neurons = (m, found), m + sum(map(len, found))
                m = math.ceil(_GROWTH * m)
        if best is None:
            return None
        rows.back_to(best[0])
        return _Solution(rows, best[1], None, 1)

    def _rows_to_part(self, bias):
        """How many rows may part points of other labels, and half as many as surely do, where each is a batch.

        The perceptron of one point counts rows that are 1 there: at another one fewer, if any of these is 0 there. For
        the nearest two, 2 sin(a) apart, a row is with probability exp(-b^2/2) a/pi at most (see `co_firing`).
        """
        share = math.exp(-(bias**2) / 2) * math.asin(self._near / 2) / math.pi
        return math.ceil(1 / (4 * share)), math.ceil(math.log(self.n**2 / FAILURE) / (2 * share))

    def _refuse_more_than(self, m):
        size = bound(self.n, self.d, self._near, len(self.bits))
        refuse_more_than(m, self.n, self.d, size, f"{self.n:,} points whose labels are {self.delta:.3g} apart")

    def _batches(self, bit, size):
        """The points inside in batches of a size or one less, at random."""
        return np.array_split(self.random_state.permutation(bit.inside), -(-len(bit.inside) // size))

    def _plan_of_sample(self):
        """Bias, size of batches and first number of rows, by the theorem for the distances of some of the points."""
        batches = batches_to(max(len(bit.inside) for bit in self.bits))
        units = sum(-(-len(bit.inside) // batches) for bit in self.bits)
        products = [self._products(bit) for bit in self.bits]
        missing = np.array([
            1 - np.max([_largest_sums(co_firing(bias, some), batches) for some in products], axis=0) for bias in _BIASES
        ])  # fmt: skip
        drawn, i, j = fewest(self.n, units.astype(float), _BIASES, missing, _SHARE)
        return float(_BIASES[i]), int(batches[j]), math.ceil(_SHARE / 2 * drawn.rows)

    def _products(self, bit):
        """Inner products of some points outside with some inside, on the unit sphere."""
        n_inside, n_outside = (max(most // len(self.bits), _FEW) for most in (_SAMPLE_INSIDE, _SAMPLE_OUTSIDE))
        inside, outside = (
            (self.sphere.points.take(self.random_state.permutation(part)[:most]) - self.sphere.centre)
            / self.sphere.radius
            for part, most in ((bit.inside, n_inside), (bit.outside, n_outside))
        )
        return outside @ inside.T

    def _halved_until_they_do(self, rows, batches):
        """Perceptrons of the batches of each bit, or of their halves; None where one point alone has none."""
        solved = []
        for bit, parts in zip(self.bits, batches, strict=True):
            some = [part[:1] for part in parts[:_FEW]]
            if not all(map(_does, self._perceptrons(rows, bit, some))):
                return None
            units = []
            while parts:
                found = self._perceptrons(rows, bit, parts)
                units += filter(_does, found)
                open_parts = [part for part, unit in zip(parts, found, strict=True) if not _does(unit)]
                if any(len(part) == 1 for part in open_parts):
                    return None
                parts = [half for part in open_parts for half in np.array_split(part, 2)]
            solved.append(units)
        return solved

    def _perceptrons(self, rows, bit, batches):
        """A `_Perceptron` for each batch, whether it does or not."""
        outside, units = rows.signs[:, bit.outside], [None] * len(batches)

        def work(start, stop):
            for place in range(start, stop):
                inside = rows.signs[:, batches[place]]
                mask = np.bitwise_or.reduce(inside, axis=1)
                lowest = np.bitwise_count(inside).sum(axis=0, dtype=np.int64).min()
                units[place] = _Perceptron(mask, int(counts(outside, mask).max()), int(lowest))

        over_blocks(work, len(batches), _UNITS, self.n_threads)
        return units


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: a delta that hyperplanes are drawn for, and how often."""
    return drawn == {} if n_told_apart == 1 else are_draws(drawn, _MOST_DRAWS)


def _does(unit):
    return unit.highest < unit.lowest


def _largest_sums(co_fired, batches):
    """The largest sum of a row over as many columns side by side as a batch has points, for each size of batches."""
    sums = np.cumsum(np.column_stack([np.zeros(len(co_fired)), co_fired]), axis=1)
    n = co_fired.shape[1]
    return np.array([
        (sums[:, size::size] - sums[:, :-size:size][:, : n // size]).max() if size <= n
        else sums[:, -1].max() * (size / n)
        for size in batches.tolist()
    ])  # fmt: skip


def _sphere(X, rows):
    """Centre and radius of the sphere on which points lie, around the origin if that is one and no smaller one is seen.

    Parameters
    ----------
    X : float64 array of shape (n, d)
    rows : int64 array of shape (n,)
        Their numbers, for errors.

    Raises
    ------
    NotOnSphere
    """
    power = int(np.frexp(np.abs(X).max())[1])
    X = np.ldexp(X, -power)  # no square overflows
    centre = np.zeros(X.shape[1])
    radii = np.linalg.norm(X, axis=1)
    if _spread(radii) > _SPREAD or np.linalg.norm(np.ptp(X, axis=0)) < _FLAT * radii.max():
        other = _centre_of_sphere(X[:: -(-len(X) // (_TIMES * (X.shape[1] + 1)))])
        others = np.linalg.norm(X - other, axis=1)
        if _spread(radii) > _SPREAD or (_spread(others) <= _SPREAD and others.max() < radii.max()):
            centre, radii = other, others
    if _spread(radii) > _SPREAD:
        raise _not_on_sphere(np.linalg.norm(X, axis=1), power, rows)
    centre, radius = _scaled(centre, power), float(_scaled(radii.max(), power))
    if not (np.isfinite(centre).all() and np.isfinite(radius)):
        raise InvalidInput("the centre or the radius of the sphere overflows float64: rescale the columns of X")
    return centre, radius


def _scaled(numbers, power):
    with np.errstate(over="ignore"):
        return np.ldexp(numbers, power)


def _spread(radii):
    return (radii.max() - radii.min()) / radii.max() if radii.max() else 0.0


def _centre_of_sphere(X):
    """The point that is equally far from all rows, as far as there is one, by least squares."""
    mean = X.mean(axis=0)
    around = X - mean
    equations = np.column_stack([2 * around, np.ones(len(X))])
    return mean + np.linalg.lstsq(equations, (around**2).sum(axis=1), rcond=None)[0][:-1]


def _not_on_sphere(norms, power, rows):
    near, far = int(norms.argmin()), int(norms.argmax())
    norms = _scaled(norms, power)
    return NotOnSphere(
        f"row {rows[near]} has the norm {norms[near]:.6g} and row {rows[far]} {norms[far]:.6g}, nor are they equally "
        f"far from another place: vershynin2020 needs points on a sphere, up to a share of {_SPREAD:g}; scale all rows "
        'to one length, X / np.linalg.norm(X, axis=1, keepdims=True), or use construction="compact"',
        [int(rows[near]), int(rows[far])],
        [float(norms[near]), float(norms[far])],
    )
