"""Data sets for which the number of hyperplanes needed is known, or bounded from below.

Which separation a bound speaks of is `Instance.separate`: "labels" where points of different labels must get
different signs on some hyperplane, "all" where any two points must. The first asks for less, so its lower bounds
hold for the second as well. The proofs stand in the docstrings. They speak of the points as real numbers; where
rounding the coordinates to float64 could matter, the docstring says so.

Labels are "alternating" (0, 1, 0, 1, ... by row) or "random" (0 or 1). A bound for "labels" is that of the labels the
instance holds: with random ones it counts what these need.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from fastmem.data.options import as_generator, check_option
from fastmem.errors import InvalidInput
from fastmem.machine.once import cached_property
from fastmem.theory.bounds import hyperplanes_for_cells
from fastmem.theory.separation import separation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastmem.data.options import Separate

__all__ = ["Instance", "circle", "grid", "moment_curve", "near_orthogonal", "sphere", "square", "tight_pairs"]

Labelling = Literal["alternating", "random"]
Form = Literal["trigonometric", "polynomial"]

_MOST_POINTS = 2**31 - 1
_MOST_ON_THE_CIRCLE = 10**7


@dataclass(frozen=True, eq=False, repr=False)
class Instance:
    """A data set and what is known about the number m of hyperplanes that separate it.

    Attributes
    ----------
    name : str
    X : ndarray of shape (n, d)
        The points, all different.
    y : int64 ndarray of shape (n,)
        Labels 0 and 1, and a single 2 on closed curves of an odd number of points.
    bound : int or float
        What m is compared with.
    bound_is : {"optimum", "lower bound", "scale"}
        "optimum": m = bound can be reached and not be beaten. "lower bound": no m is smaller. "scale": the order
        of magnitude of the best m; smaller ones are not excluded.
    separate : {"labels", "all"}
        Which points must be told apart, as in `fastmem.memorize`.
    reason : str
        Why, in a sentence.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[np.int64]
    bound: int | float
    bound_is: Literal["optimum", "lower bound", "scale"]
    separate: Separate
    reason: str

    @property
    def optimum(self) -> int | None:
        """The fewest hyperplanes there can be, or None where that is not known."""
        return int(self.bound) if self.bound_is == "optimum" else None

    @property
    def n_points(self) -> int:
        """Number of points."""
        return self.X.shape[0]

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return self.X.shape[1]

    @cached_property
    def delta(self) -> float:
        """Smallest distance of two points after scaling into the unit ball, as `fastmem.separation` has it."""
        return separation(self.X).delta

    def __repr__(self) -> str:
        return f"Instance({self.name}: {self.n_points}×{self.d}, {self.bound_is} {self.bound:.6g})"


def circle(
    n: int, *, labels: Labelling = "alternating", random_state: int | np.random.Generator | None = None
) -> Instance:
    """Equally spaced points of the unit circle: half as many lines as neighbours with different labels.

    Alternating labels differ for all n pairs of neighbours around the circle: ceil(n/2) lines. For odd n the last
    point has label 2, so that it differs from both its neighbours.

    *No fewer.* The points of the circle on one side of a line form an arc, so around the circle the sign changes
    at most twice: a line separates at most two of the c pairs of neighbours with different labels, and all c must
    be separated. The argument only needs the vertices of a convex polygon, which the points still are after
    rounding to float64: three neighbours miss collinearity by 20/n^2, which the errors of 1e-16 are far from for
    n <= 10^7.

    *No more.* For even c number the gaps where the label changes 0 to c - 1. Line j passes through the gaps j and
    j + c/2, j < c/2. Of the two arcs between two points one holds at most c/2 of these gaps, no two of them
    of one line, so any line through one of its gaps separates the two points; it holds such a gap if their labels
    differ. If c = n every arc between two points holds one, so all points are told apart, whatever their labels.
    Two labels around a circle change an even number of times. For odd n with the label 2 imagine one more
    point in the gap between the last and the first and, since a line can pass through any two gaps, proceed as for
    n + 1.

    Neighbours are delta = 2 sin(pi/n) apart, so n/2 = (pi/2) / arcsin(delta/2) is about pi/delta, and at least 3/delta
    for n >= 12: the 1/delta of the theorem of Rajput et al. (2021, arXiv 2106.07724) cannot be improved in general.

    Parameters
    ----------
    n : int
        2 to 10^7.
    labels : {"alternating", "random"}
    random_state : int, numpy.random.Generator or None
        For random labels.

    Returns
    -------
    Instance
        With alternating labels the optimum is the same for ``separate="all"``; with random ones that takes
        ceil(n/2) lines all the same.

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> circle(1000)
    Instance(circle: 1000×2, optimum 500)
    >>> circle(5).y
    array([0, 1, 0, 1, 2])
    >>> circle(1000, labels="random", random_state=0)
    Instance(circle: 1000×2, optimum 246)
    """
    n = _whole("n", n, 2, _MOST_ON_THE_CIRCLE)
    y = _labels_around(n, labels, random_state)
    changes = int(np.count_nonzero(y != np.roll(y, -1)))
    return Instance(
        "circle",
        _trigonometric_curve(n, 2),
        y,
        -(-changes // 2),
        "optimum",
        "labels",
        f"{_gaps_to_cut(changes, n)} and a line cuts at most two",
    )


def moment_curve(
    n: int,
    d: int,
    *,
    form: Form = "trigonometric",
    labels: Labelling = "alternating",
    random_state: int | np.random.Generator | None = None,
) -> Instance:
    """Points of the moment curve, which a hyperplane meets at most d times: n/d hyperplanes for alternating labels.

    The trigonometric form (cos t, sin t, cos 2t, ...), at n equally spaced t of a period, is a closed curve; the case
    d = 2 is `circle`, whose labels it has. The polynomial form (t, t^2, ..., t^d), at n equally spaced t from -1 to 1,
    has two ends, and labels that alternate from one to the other. Let c be the number of gaps between neighbours
    whose labels differ: n and n - 1 if they alternate.

    *No fewer.* Along the polynomial curve ``w.x(t) - threshold`` is a polynomial of degree d: its sign changes at
    most d times, so a hyperplane separates at most d of the c pairs of neighbours, and all of them must be separated.
    Along the trigonometric curve it is a trigonometric polynomial of degree d/2. With z = exp(it) that is z^(-d/2)
    times a polynomial of degree d in z, so it has at most d zeros in a period unless it vanishes everywhere, and
    around the closed curve the sign changes at most d times. In both forms m >= c/d.

    *No more, for two labels.* For any r <= d places a_i, the product of the t - a_i is a polynomial of degree r that
    changes sign at these places only, so a hyperplane can cut any d gaps or fewer. For any even number 2r <= d of
    places, the product of the sin((t - a_i)/2) is a trigonometric polynomial of degree r that changes sign at these
    only, so on the closed curve, where c is even, a hyperplane can cut any even number of gaps up to d. Deal
    the c gaps out to ceil(c/d) hyperplanes. Between two points of different labels lies an odd number of them, so
    one hyperplane cuts an odd number of these: it separates the two. For ``separate="all"`` the lower bound holds as
    it is. It is reached, for alternating labels, if no arc holds an even number of gaps of every hyperplane (which a
    random deal without equal neighbours gives at 2000×8).

    *Rounding.* Many neighbours lie nearer than 1e-16 to a common hyperplane once (2 pi/n)^d, or (2/n)^d, is
    below it. Points rounded to float64 then leave the curve by as much, and a hyperplane that passes
    within 1e-16 of many points could cut more gaps than the proof allows.

    Parameters
    ----------
    n : int
        At least 2.
    d : int
        Even for the trigonometric form.
    form : {"trigonometric", "polynomial"}
    labels : {"alternating", "random"}
    random_state : int, numpy.random.Generator or None
        For random labels.

    Returns
    -------
    Instance
        For alternating labels around the closed curve and odd n, hence three labels, the bound is a lower bound only.

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> moment_curve(2000, 8)
    Instance(moment curve: 2000×8, optimum 250)
    >>> moment_curve(2000, 3, form="polynomial")
    Instance(polynomial moment curve: 2000×3, optimum 667)
    """
    n = _whole("n", n, 2)
    if check_option("form", form, get_args(Form)) == "polynomial":
        return _polynomial_moment_curve(n, _whole("d", d, 1), labels, random_state)
    d = _whole("d", d, 2)
    if d % 2:
        raise InvalidInput(
            f'd is {d}: the trigonometric moment curve pairs cosines with sines, so d must be even (form="polynomial" '
            "takes any d)"
        )
    y = _labels_around(n, labels, random_state)
    changes = int(np.count_nonzero(y != np.roll(y, -1)))
    three_labels = changes % 2 == 1
    gaps = -(-changes // d)
    return Instance(
        "moment curve",
        _trigonometric_curve(n, d),
        y,
        max(gaps, 2) if three_labels else gaps,  # three labels take two hyperplanes
        "lower bound" if three_labels else "optimum",
        "labels",
        f"{_gaps_to_cut(changes, n)} and a hyperplane meets the closed curve at most d times",
    )


def _polynomial_moment_curve(n, d, labels, random_state):
    y = _labels(n, labels, random_state)
    changes = int(np.count_nonzero(y[1:] != y[:-1]))
    return Instance(
        "polynomial moment curve",
        np.linspace(-1, 1, n)[:, None] ** np.arange(1, d + 1),
        y,
        -(-changes // d),
        "optimum",
        "labels",
        f"{_gaps_to_cut(changes, n - 1)} and a hyperplane meets the curve at most d times",
    )


def square(n: int, random_state: int | np.random.Generator | None = None, *, labels: Labelling = "random") -> Instance:
    """Random points of the unit square: about n^(2/3) lines.

    Har-Peled & Jones ("On separating points by lines", SODA 2018): with high probability as many are needed and
    enough, up to powers of log n.

    *Why not fewer.* m fixed lines cut the square into F <= 1 + m + m(m - 1)/2 cells. That n random points fall
    into different cells has a probability of at most (1 - 1/F)(1 - 2/F)...(1 - (n - 1)/F), the value for cells of
    equal area, hence at most exp(-n(n - 1)/(2F)), about exp(-n^2/m^2). Lines may be moved until each passes
    through two of the points without changing what they separate elsewhere, so there are n^(2m) choices to
    consider, up to lower order, and for one of them to succeed n^2/m^2 must not exceed 2 m log n. Hence
    m >= (n^2 / (2 log n))^(1/3), up to lower order.

    Parameters
    ----------
    n : int
        At least 2.
    random_state : int, numpy.random.Generator or None
        For the points and the labels.
    labels : {"random", "alternating"}
        The scale is for telling all points apart, whatever their labels.

    Returns
    -------
    Instance

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> square(1000, random_state=0)
    Instance(square: 1000×2, scale 100)
    """
    n = _whole("n", n, 2)
    rng = as_generator(random_state)
    return Instance(
        "square",
        rng.random((n, 2)),
        _labels(n, labels, rng),
        n ** (2 / 3),
        "scale",
        "all",
        "about n^(2/3) lines are needed and enough for random points (Har-Peled & Jones, SODA 2018)",
    )


def grid(
    side: int,
    d: int,
    rotated: bool = False,
    random_state: int | np.random.Generator | None = None,
    *,
    labels: Labelling = "random",
) -> Instance:
    """The grid {0, ..., side - 1}^d, which d (side - 1) axis-parallel hyperplanes separate.

    *Among axis-parallel hyperplanes* that is the optimum: the points of a line along axis c need side - 1
    thresholds for coordinate c, and these serve no other coordinate.

    *Any hyperplanes.* Consider the edges of the cube, d 2^(d-1) lines of side points. Each point must be told
    from its neighbour on the line, which takes one cut for each of the side - 1 steps of the line, and a
    hyperplane makes at most one of them. How many of the edges can it cut? Mirror the axes with negative weights
    and walk from the lowest corner to the highest, one axis after the other, in any of the d! orders: the sign
    changes at most once, so each walk crosses at most one edge that is cut. An edge that is walked after k
    others belongs to k! (d - 1 - k)! walks, at least (d - 1)!/C with C = binomial(d - 1, floor((d - 1)/2)), so
    at most d!/((d - 1)!/C) = d C edges are cut (O'Neil, "Hyperplane cuts of an n-cube", Discrete Mathematics 1,
    1971). Hence::

        m >= (side - 1) 2^(d-1) / C:   1, 2, 2, 8/3, 8/3, 16/5 times (side - 1) for d = 1, ..., 6

    and m is at least `fastmem.theory.bounds.hyperplanes_for_cells` (side^d, d), about side (d!)^(1/d) for a large side,
    which is more in seven dimensions and beyond. The bound is the larger of the two. It equals d (side - 1), and is the
    optimum, for d <= 2, for side = 2, and for the 27 points of side 3 in three dimensions. For others, such as side 32
    in three dimensions (62 against 93), this leaves the optimum open.

    Parameters
    ----------
    side : int
        At least 2.
    d : int
        At least 1, or 2 if rotated; side^d < 2^31.
    rotated : bool
        Rotate the grid by a random rotation, so that no axis helps. Rounded to float64: points that were on
        one line then differ from it by about 1e-16 side, and the first bound holds for hyperplanes that do not
        come as near to one.
    random_state : int, numpy.random.Generator or None
        For the rotation and the labels.
    labels : {"random", "alternating"}
        The bound is for telling all points apart, whatever their labels.

    Returns
    -------
    Instance

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> grid(16, 2, random_state=0)
    Instance(grid: 256×2, optimum 30)
    >>> grid(16, 3, random_state=0)
    Instance(grid: 4096×3, lower bound 30)
    """
    side = _whole("side", side, 2)
    d = _whole("d", d, 2 if rotated else 1)
    if d * math.log2(side) >= 31:
        raise InvalidInput(f"a grid of side {side} in {d} dimensions has {side}^{d} points: at most 2^31 - 1 fit")
    rng = as_generator(random_state)
    X = np.ascontiguousarray(np.indices((side,) * d).reshape(d, -1).T, np.float64)
    if rotated:
        from scipy.stats import special_ortho_group

        X = X @ special_ortho_group.rvs(d, random_state=rng)
    bound = _grid_bound(side, d)
    return Instance(
        "rotated grid" if rotated else "grid",
        X,
        _labels(len(X), labels, rng),
        bound,
        "optimum" if bound == d * (side - 1) else "lower bound",
        "all",
        "a hyperplane cuts few of the lines along the edges of the cube, and has few cells; "
        f"{d * (side - 1)} along the axes suffice",
    )


def _grid_bound(side, d):
    edges = -(-(side - 1) * 2 ** (d - 1) // math.comb(d - 1, (d - 1) // 2))
    return max(edges, hyperplanes_for_cells(side**d, d))


def tight_pairs(
    n: int,
    d: int,
    random_state: int | np.random.Generator | None = None,
    distance: float = 1e-4,
    *,
    labels: Labelling = "alternating",
) -> Instance:
    """n/2 Gaussian points, each doubled to a pair with different labels: about n/(2d) hyperplanes.

    The two points of a pair lie `distance` apart, in a random direction; rows 2i and 2i + 1 are a pair, with
    labels 0 and 1 if they alternate. Of random labels only the p pairs whose two labels differ count: p/d instead
    of n/(2d).

    *Why not fewer.* A hyperplane that separates a pair passes within distance/2 of its midpoint. No hyperplane
    contains more than d of the n/2 random midpoints (almost surely), so there is a positive number such that
    none comes within it of more than d. If distance/2 is below this number, a hyperplane separates at most d
    pairs, and m >= n/(2d).

    *In which sense.* The bound is thus a theorem for distance → 0 with the midpoints fixed. For a given distance
    it is a scale: (d + 1)-subsets of the midpoints are so many that some are, by chance, nearly on a hyperplane,
    which then separates more than d pairs, but to find one is a search among all of them. A hyperplane that is
    chosen through d midpoints separates another given pair with a probability of about 0.3 distance / sqrt(d),
    which the default distance keeps to 0.2 pairs, beside 64, for n = 100 000 and d = 64.

    *Why not more.* A hyperplane through d midpoints separates these d pairs: ceil(n/(2d)) hyperplanes separate
    each point from its partner, and, if they are many more than log2 n, with high probability from the others.

    Parameters
    ----------
    n : int
        Even.
    d : int
    random_state : int, numpy.random.Generator or None
        For the points and random labels.
    distance : float
        From 1e-12 to 1. Coordinates have standard deviation 1.
    labels : {"alternating", "random"}

    Returns
    -------
    Instance

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> tight_pairs(10_000, 64, random_state=0)
    Instance(tight pairs: 10000×64, scale 79)
    """
    n = _whole("n", n, 2)
    d = _whole("d", d, 1)
    if n % 2:
        raise InvalidInput(f"n is {n}: pairs take an even number of points")
    if not (isinstance(distance, int | float | np.number) and 1e-12 <= distance <= 1):
        raise InvalidInput(
            f"distance must be a number from 1e-12 to 1, beside coordinates of about 1, not {distance!r}"
        )
    rng = as_generator(random_state)
    midpoints = rng.standard_normal((n // 2, d))
    halves = rng.standard_normal((n // 2, d))
    halves *= distance / 2 / np.linalg.norm(halves, axis=1, keepdims=True)
    y = _labels(n, labels, rng)
    pairs = int(np.count_nonzero(y[::2] != y[1::2]))
    return Instance(
        "tight pairs",
        np.stack([midpoints - halves, midpoints + halves], axis=1).reshape(n, d),
        y,
        -(-pairs // d),
        "scale",
        "labels",
        f"{'n/2' if pairs == n // 2 else f'{pairs:,}'} pairs must be parted and a hyperplane passes between at most d, "
        "but for chance at this distance",
    )


def near_orthogonal(
    n: int, d: int, random_state: int | np.random.Generator | None = None, *, labels: Labelling = "random"
) -> Instance:
    """Random signs times 1/sqrt(d), unit vectors that are nearly orthogonal: about log2 n hyperplanes.

    *Nearly orthogonal.* The inner product of two of the points is the mean of d independent random signs. It exceeds
    epsilon in absolute value with a probability of at most 2 exp(-d epsilon^2 / 2) (Hoeffding, "Probability
    inequalities for sums of bounded random variables", Journal of the American Statistical Association 58:13-30, 1963,
    theorem 2). There are less than n^2/2 pairs, so with probability 0.99 or more no two points have a larger one
    for::

        epsilon = sqrt(2 ln(100 n^2) / d)

    and, since ``|x - x'|^2 = 2 - 2 x.x'``, all distances are between sqrt(2 - 2 epsilon) and sqrt(2 + 2 epsilon): delta
    is about sqrt(2), as large as it can be for many points. Epsilon must be less than 1. Points that are equal, which
    the bound makes unlikely, are drawn again.

    *No fewer.* As in `sphere`: m hyperplanes have at most `fastmem.theory.bounds.hyperplanes_for_cells` (n, d) cells to
    put points in, which is ceil(log2 n) for n <= 2^d.

    *No more, for n <= d + 1* affinely independent points: the equations w.x_i - t = s_i, i = 1, ..., n, can then be
    solved for (w, t) whatever the s_i, so there is a hyperplane for any choice of signs. Let hyperplane j have the
    sign of bit j of i: ceil(log2 n) of them tell all points apart. (For the n = d vectors of a basis this is w in
    {-1, 1}^d and t = 0.) So the bound is the optimum if the points are affinely independent, which is checked by
    their singular values: it does not depend on rounding 1/sqrt(d), a factor common to all coordinates.

    Parameters
    ----------
    n : int
        At least 2.
    d : int
        Above 2 ln(100 n^2): 37 for 1000 points, 56 for 100 000.
    random_state : int, numpy.random.Generator or None
        For the points and the labels.
    labels : {"random", "alternating"}
        The bound is for telling all points apart, whatever their labels.

    Returns
    -------
    Instance

    Raises
    ------
    InvalidInput
        An argument is out of its range, or d too small for n.

    Examples
    --------
    >>> near_orthogonal(200, 256, random_state=0)
    Instance(near orthogonal: 200×256, optimum 8)
    >>> near_orthogonal(1000, 64, random_state=0)
    Instance(near orthogonal: 1000×64, lower bound 10)
    """
    n = _whole("n", n, 2)
    d = _whole("d", d, 1)
    least = 2 * math.log(100 * n**2)
    if d <= least:
        raise InvalidInput(f"d is {d}: {n} random signs are nearly orthogonal from {int(least) + 1} dimensions on")
    rng = as_generator(random_state)
    signs = rng.integers(0, 2, (n, d), np.uint8)
    while len(np.unique(np.packbits(signs, axis=1), axis=0)) < n:
        signs = rng.integers(0, 2, (n, d), np.uint8)
    X = np.where(signs, 1 / math.sqrt(d), -1 / math.sqrt(d))
    is_optimum = _affinely_independent(X)
    return Instance(
        "near orthogonal",
        X,
        _labels(n, labels, rng),
        hyperplanes_for_cells(n, d),
        "optimum" if is_optimum else "lower bound",
        "all",
        "m hyperplanes have at most 2^m sign patterns, and affinely independent points can be given any"
        if is_optimum
        else "m hyperplanes have at most sum C(m, i), i <= d, cells, and every point needs its own",
    )


def _affinely_independent(X):
    """Whether the least singular value is further from 0 than rounding can move it; False if that is not sure."""
    n, d = X.shape
    if n > d + 1:
        return False
    values = np.linalg.svd(np.column_stack([X, np.ones(n)]), compute_uv=False)
    return bool(values[-1] > 1e-10 * values[0])


def sphere(
    n: int, d: int, random_state: int | np.random.Generator | None = None, *, labels: Labelling = "random"
) -> Instance:
    """Uniform random points of the unit sphere in R^d, float32: no fewer hyperplanes than cells ask for.

    m hyperplanes cut R^d into at most sum_{i <= d} C(m, i) cells (Schläfli), and n points that all differ need n
    of them: `fastmem.theory.bounds.hyperplanes_for_cells` (n, d), log2 n for large d. Random points fill cells
    unevenly, so more is needed in fact.

    Parameters
    ----------
    n : int
        At least 2.
    d : int
        At least 3; for 2 see `circle`.
    random_state : int, numpy.random.Generator or None
        For the points and the labels.
    labels : {"random", "alternating"}
        The bound is for telling all points apart, whatever their labels.

    Returns
    -------
    Instance

    Raises
    ------
    InvalidInput
        An argument is out of its range.

    Examples
    --------
    >>> sphere(1000, 16, random_state=0)
    Instance(sphere: 1000×16, lower bound 10)
    """
    n = _whole("n", n, 2)
    d = _whole("d", d, 3)
    rng = as_generator(random_state)
    X = rng.standard_normal((n, d), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return Instance(
        "sphere",
        X,
        _labels(n, labels, rng),
        hyperplanes_for_cells(n, d),
        "lower bound",
        "all",
        "m hyperplanes have at most sum C(m, i), i <= d, cells, and every point needs its own",
    )


def _trigonometric_curve(n, d):
    """(cos t, sin t, cos 2t, ..., sin dt/2) at t = 2 pi k/n; multiples of t are reduced before they are rounded."""
    turns = np.outer(np.arange(n), np.arange(1, d // 2 + 1)) % n
    angles = turns * (2 * np.pi / n)
    return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(n, d)


def _labels(n, labels, random_state):
    """Labels 0, 1, 0, 1, ... or at random."""
    if check_option("labels", labels, get_args(Labelling)) == "alternating":
        return np.arange(n) % 2
    return as_generator(random_state).integers(0, 2, n)


def _labels_around(n, labels, random_state):
    """The same around a closed curve: if they alternate and n is odd, the last point has label 2."""
    y = _labels(n, labels, random_state)
    if labels == "alternating" and n % 2:
        y[-1] = 2
    return y


def _gaps_to_cut(changes, gaps):
    if changes == gaps:
        return f"all {gaps:,} gaps between neighbours must be cut"
    return f"the {changes:,} gaps between neighbours with different labels must be cut"


def _whole(name, value, least, most=_MOST_POINTS):
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidInput(f"{name} must be a whole number, not {value!r}") from None
    if not least <= number <= most:
        raise InvalidInput(f"{name} must be from {least} to {most}, not {number}")
    return number
