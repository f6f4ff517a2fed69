"""The construction of Bubeck, Eldan, Lee & Mikulincer: one hidden layer of 4 ceil(n/d) ReLU units, any real labels.

Bubeck, Eldan, Lee & Mikulincer, "Network size and size of the weights in memorization with two-layers neural networks",
NeurIPS 2020 (arXiv 2006.02855): Baum's network (1988) with ReLU units, for points in general position. The finite form
of their derivative neurons is ours.

form="slabs". Points are cut into groups of d. For each group there is a slab lower < w.x < upper that holds no other
point (`fastmem.constructions.slabs`), and an affine function l(x) = v.x + a that is the label at each of its points: d
equations in d + 1 unknowns. Let k be so large that |l(x)| < 2^k min(|w.x - lower|, |w.x - upper|) at all points, and
e = 2^-k. The four units relu(w.x - lower + e l), relu(w.x - lower), relu(w.x - upper + e l), relu(w.x - upper), with
the output weights 2^k (1, -1, -1, 1), are l(x) in the slab and 0 at all other points. *Proof.* e l changes no sign. In
the slab the first two differ by e l, and the last two are 0; above it both differences are e l, and cancel; below it
all are 0.

form="tangent". f(x) = sum over terms of (v.x + a) [u.x >= t], with random u; t is below all points for the first term,
and then cuts the largest cell of points that no term has parted. (v, a) of all terms solve the linear equations f(x_i)
= y_i, with as few terms as there is a solution, about 1.2 n/(d + 1). Each term is two units as above, relu(u.x - t + e
l) - relu(u.x - t). So there are some 2.4 n/(d + 1) units. The paper's version for the tangent kernel is like this; it
takes n^2 numbers of memory and n^3 multiplications.

All numbers are dyadic, v and a so long that they change no label by more than (d + 1) 2^-44; an output of a class is
within 1/4 of its index. k grows like 2 log2 n, so integers have about 24 + 44 + k bits and those of X.
"""

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from fastmem.constructions.numbers import network_of, targets_of
from fastmem.constructions.slabs import slabs_around
from fastmem.data.options import OwnOption, one_of
from fastmem.data.points import distinct_rows
from fastmem.errors import NetworkTooLarge, NotInGeneralPosition
from fastmem.hyperplanes.frame import MAX_EXPONENT, column_frame
from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.machine.partners import need
from fastmem.machine.progress import progress_bar
from fastmem.separate.slabs import Space
from fastmem.theory.bubeck2020 import bound

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {
    "form": OwnOption("slabs", one_of("slabs", "tangent")),
    "output": OwnOption("class", one_of("class", "value")),
}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = None

_FRACTION = 44  # bits of affine functions behind the point, for labels of about 1
_SAMPLE_ROWS = 1024
_MOST_REFINEMENTS = 20
_TERMS, _GROWTH = 1.2, 1.1  # of the tangent form: terms for each n/(d + 1), and how many more where they do not do
_MOST_DRAWS = 4  # of the most terms
_DIRECTION_BITS = 21
_MOST_OF_TANGENT = 2**14  # points
_NEAR_ENOUGH = {"class": 0.25 - 2.0**-20, "value": 2.0**-20}  # for a value, as a share of the largest
_ENOUGH = 2.0**-20  # of the tolerance: further refinements tell nothing
_UNIT = 2.0**-53
_UNDERFLOW = 2.0**-1040
_NUMBERS = 2**21


def build(points, labels, point_numbers, *, form, output, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    form : {"slabs", "tangent"}
    output : {"class", "value"}
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    NumberNetwork

    Raises
    ------
    NotInGeneralPosition
        Some points lie on no hyperplane that keeps clear of the others.
    NetworkTooLarge
        The tangent form takes too much memory for so many points.
    InvalidInput
        Labels that are to be returned themselves are no real numbers.
    """
    targets, layers, exponent = targets_of(labels, output), (), 0
    if output == "value" or labels.n_bits:
        distinct = distinct_rows(point_numbers)
        fit = _Fit(points.take(distinct).astype(np.float64), targets[distinct], output)
        if form == "slabs":
            pieces = _pieces_of_slabs(points, distinct, fit, random_state, n_threads, progress)
        else:
            pieces = _pieces_of_terms(fit, random_state)
        exponent, layers = _layers(pieces)
    return network_of(
        points, labels, targets, layers, exponent, n_threads, output=output,
        construction="bubeck2020", construction_options={"form": form, "output": output},
        stages=("slabs" if form == "slabs" else "terms", "sum") if layers else (),
    )  # fmt: skip


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


class _Piece(NamedTuple):
    """Where an affine function counts: w.x >= t, less where w.x >= t for a second threshold, if there is one.

    Attributes
    ----------
    w : list of Fraction
    thresholds : list of Fraction
        One or two.
    v : list of Fraction
    a : Fraction
        The function v.x + a.
    k : int
    """

    w: list[Fraction]
    thresholds: list[Fraction]
    v: list[Fraction]
    a: Fraction
    k: int


class _Fit:
    """The points in coordinates of one scale, and affine functions of them.

    Attributes
    ----------
    X : float64 array of shape (n, d)
    power : int
        Targets are in units of 2^power; values are of about 1 in them.
    targets : float64 array of shape (n,)
    scaled : float64 array of shape (n, d + 1)
        Coordinates in the frame, and 1.
    tolerance : float
        How far from its target an output may be.
    """

    def __init__(self, X, targets, output):
        self.n, self.d = X.shape
        self.X, self.power = X, 0 if output == "class" else int(np.frexp(np.abs(targets).max())[1])
        self.targets = np.ldexp(targets, -self.power)
        self.tolerance = _NEAR_ENOUGH[output]
        self._centre, exponents = column_frame(X)
        self._of_cuts = exponents.astype(int)
        with np.errstate(over="ignore"):
            # Scaled first, so that no difference overflows.
            inner = np.ldexp(X, -self._of_cuts) - np.ldexp(self._centre, -self._of_cuts)
        largest = np.frexp(np.abs(inner).max(axis=0))[1]
        beyond = np.where(np.abs(self._of_cuts) == MAX_EXPONENT, largest, 0)  # what the frame did not scale
        self._exponents = self._of_cuts + beyond
        self.scaled = np.column_stack([np.ldexp(inner, -beyond), np.ones(self.n)])
        self._bits = _FRACTION + (0 if output == "class" else 8)
        self._places = self._bits + np.maximum(largest - beyond, 0)  # of each coefficient, behind the point

    def function(self, coefficients):
        """V and a of a function with float64 coefficients in the frame, rounded: list of Fraction, Fraction.

        Rounded are what coordinates in the frame are multiplied with, so that none of d + 1 terms of a point changes by
        more than 2^-bits.
        """
        *inner, constant = coefficients.tolist()
        columns = zip(inner, self._places.tolist(), self._exponents.tolist(), strict=True)
        v = [_rounded(Fraction(c), places) * _power(-exponent) for c, places, exponent in columns]
        moved = sum(c * Fraction(centre) for c, centre in zip(v, self._centre.tolist(), strict=True))
        a, unit = _rounded(Fraction(constant) - moved, self._bits), _power(self.power)
        return [c * unit for c in v], a * unit

    def solved(self, rows):
        """Coefficients in the frame of the function that takes the targets of some rows, of least length, or None."""
        A, y = self.scaled[rows], self.targets[rows]
        if not np.isfinite(A).all():
            return None
        coefficients = np.linalg.lstsq(A, y, rcond=None)[0]
        coefficients += np.linalg.lstsq(A, y - A @ coefficients, rcond=None)[0]
        return coefficients if np.abs(A @ coefficients - y).max() <= self.tolerance else None

    def random_cuts(self, n, random_state):
        """Random directions, for the points as they are, and for each a threshold.

        The first threshold is below all points, so that each of them has a term. Each further one cuts the largest cell
        in two, of points that none has parted yet: of d + 2 in a cell not all have any label.
        """
        directions = np.rint(np.ldexp(random_state.standard_normal((n, self.d)), _DIRECTION_BITS))
        w = np.ldexp(directions, -_DIRECTION_BITS - self._of_cuts)
        values = self.X @ w.T
        errors = (self.d + 4) * _UNIT * (np.abs(self.X) @ np.abs(w).T).max(axis=0) + _UNDERFLOW
        low = values.min(axis=0)
        thresholds = 2 * low - values.max(axis=0) - np.abs(low) * 2.0**-10 - 1
        cells = np.zeros(self.n, np.int64)
        for term in range(1, n):
            column, largest = values[:, term], cells == np.bincount(cells).argmax()
            middle = _middle(column, np.median(column[largest]), errors[term])
            if middle is not None:
                thresholds[term] = middle
                cells = np.unique(2 * cells + (column >= middle), return_inverse=True)[1]
        return w, thresholds

    def of_all_cuts(self, w, thresholds):
        """Coefficients of functions that count where w.x >= t and sum up to the targets, and how far they are off.

        Those of least length: sums of the points with weights, which solve as many equations as there are points.
        """
        linalg = need("scipy.linalg", what="construction='bubeck2020'")
        is_on = (thresholds <= self.X @ w.T).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            products = (is_on @ is_on.T) * (self.scaled @ self.scaled.T)
        products[np.diag_indices(self.n)] *= 1 + 2.0**-48
        try:
            factor = linalg.cho_factor(products, overwrite_a=True)
        except (linalg.LinAlgError, ValueError):  # fewer unknowns than equations, as far as float64 tells, or overflow
            return None, math.inf
        coefficients, left = np.zeros((len(w), self.d + 1)), self.targets
        for _ in range(_MOST_REFINEMENTS):
            shares = linalg.cho_solve(factor, left, check_finite=False)
            coefficients += is_on.T @ (shares[:, None] * self.scaled)
            left = self.targets - (is_on * (self.scaled @ coefficients.T)).sum(axis=1)
            if np.abs(left).max() < _ENOUGH * self.tolerance:
                break
        return coefficients, float(np.abs(left).max())

    def _reach(self, rows, coefficients):
        """Bounds of the absolute values of functions at some points: float64 array of shape (rows, functions)."""
        scaled = self.scaled[rows]
        rounded = (self.d + 1) * math.ldexp(1.0, -self._bits)
        sums = np.abs(scaled) @ np.abs(coefficients).T
        return np.abs(scaled @ coefficients.T) + 2 * (self.d + 4) * _UNIT * sums + rounded

    def steepness(self, w, thresholds, coefficients):
        """For each of some pieces a k with |l| < 2^k |w.x - t| for all points and thresholds, in units of 2^power.

        Parameters
        ----------
        w : float64 array of shape (g, d)
        thresholds : float64 array of shape (g, 1) or (g, 2)
        coefficients : float64 array of shape (g, d + 1)

        Returns
        -------
        list of int
            0 or more.
        """
        needed, size = np.zeros(len(w), np.int64), max(_NUMBERS // len(w), 1)
        for start in range(0, self.n, size):
            rows = slice(start, start + size)
            X, reach = self.X[rows], self._reach(rows, coefficients)
            values, sums = X @ w.T, np.abs(X) @ np.abs(w).T
            for column in thresholds.T:
                with np.errstate(over="ignore", invalid="ignore"):
                    margins = np.abs(values - column)
                    sure = margins - (self.d + 4) * _UNIT * (sums + np.abs(column)) - _UNDERFLOW
                    are_unsure = ~(sure >= np.maximum(margins / 2, _UNDERFLOW))
                for row, piece in np.argwhere(are_unsure).tolist():
                    distance = _distance(X[row], w[piece], column[piece])
                    needed[piece] = max(needed[piece], _bits(Fraction(reach[row, piece]) / distance))
                sure[are_unsure] = np.inf
                # A quotient of float64 numbers may be larger than float64 holds: their exponents are subtracted.
                powers = np.frexp(reach)[1] - np.frexp(np.where(are_unsure, 1.0, sure))[1] + 1
                np.maximum(needed, np.where(are_unsure, 0, powers).max(axis=0), out=needed)
        return needed.tolist()


def _pieces_of_slabs(points, distinct, fit, random_state, n_threads, progress):
    """A `_Piece` for each group of d points."""
    if fit.d == 1:
        return _pieces_of_the_line(fit)
    if fit.n <= fit.d and (piece := _piece_of_all(fit)):
        return piece
    is_point = np.zeros(points.n, bool)
    is_point[distinct] = True
    sample = points.take(random_state.permutation(distinct)[: max(_SAMPLE_ROWS, 4 * (fit.d + 1))])
    space = Space(points, distinct, sample, random_state, n_threads, is_alone=True)
    with progress_bar(progress, -(-fit.n // space.dimension), "cutting groups", unit="groups") as bar:
        slabs, groups = slabs_around(
            distinct, is_point, space, random_state, bar, "bubeck2020",
            suits=lambda group: fit.solved(np.searchsorted(distinct, group)) is not None,
        )  # fmt: skip
    coefficients = np.array([fit.solved(np.searchsorted(distinct, group)) for group in groups])
    w, thresholds = slabs.weights.astype(np.float64), np.column_stack([slabs.lower, slabs.upper])
    return _pieces(fit, w, thresholds, coefficients)


def _piece_of_all(fit):
    """One function for all points, in a slab that holds them; None where they are not affinely independent."""
    coefficients = fit.solved(np.arange(fit.n))
    if coefficients is None:
        return None
    x = fit.X[:, 0]
    with np.errstate(over="ignore"):
        reach = max(x.max() - x.min(), np.abs(x).max() * 2.0**-10, 2.0**-1000)
        thresholds = np.array([[x.min() - reach, x.max() + reach]])
    if not np.isfinite(thresholds).all():
        return None
    return _pieces(fit, np.eye(1, fit.d), thresholds, coefficients[None])


def _pieces_of_the_line(fit):
    """Each point's label between the middles of the gaps to its neighbours."""
    order = np.argsort(fit.X[:, 0])
    x = [Fraction(value) for value in fit.X[order, 0].tolist()]
    middles = [(before + after) / 2 for before, after in itertools.pairwise(x)]
    ends = [x[0] - 1, *middles, x[-1] + 1]
    pieces = []
    for place, target in enumerate(fit.targets[order].tolist()):
        low, high = ends[place : place + 2]
        nearest = min(
            x[place] - low,
            high - x[place],
            *(abs(x[i] - end) for i, end in ((place - 1, low), (place + 1, high)) if 0 <= i < len(x)),
        )
        a = Fraction(target) * _power(fit.power)
        pieces.append(_Piece([Fraction(1)], [low, high], [Fraction(0)], a, _bits(abs(a) / nearest)))
    return pieces


def _pieces_of_terms(fit, random_state):
    """A `_Piece` for each term of the tangent form."""
    _refuse_too_many(fit)
    most = 2 * -(-fit.n // fit.d)
    n_terms = min(math.ceil(_TERMS * fit.n / (fit.d + 1)) + 1, most)
    draws_left, least = _MOST_DRAWS, math.inf
    while draws_left:
        w, thresholds = fit.random_cuts(n_terms, random_state)
        coefficients, residual = fit.of_all_cuts(w, thresholds)
        least = min(least, residual)
        if residual <= fit.tolerance:
            return _pieces(fit, w, thresholds[:, None], coefficients)
        draws_left -= n_terms == most
        n_terms = min(math.ceil(_GROWTH * n_terms), most)
    raise NotInGeneralPosition(
        f"{most:,} random terms take the labels of {fit.n:,} points to {math.ldexp(least, fit.power):.3g} at best: "
        'take construction_options={"form": "slabs"}, or construction="compact", for which points only have to differ'
    )


def _refuse_too_many(fit):
    if fit.n > _MOST_OF_TANGENT:
        size = bound(fit.n, fit.d, 1.0)
        raise NetworkTooLarge(
            f"the tangent form solves {fit.n:,} equations at once, and at most {_MOST_OF_TANGENT:,} are solved: take "
            'construction_options={"form": "slabs"}',
            *size,
        )


def _pieces(fit, w, thresholds, coefficients):
    """`_Piece` of float64 weights, thresholds, and coefficients in the frame."""
    functions = map(fit.function, coefficients)
    return [
        _Piece(list(map(Fraction, row)), list(map(Fraction, sides)), *function, k + fit.power)
        for row, sides, function, k in zip(
            w.tolist(), thresholds.tolist(), functions, fit.steepness(w, thresholds, coefficients), strict=True
        )
    ]


def _layers(pieces):
    """The exponent, and both layers: units of all pieces, and their sum.

    A piece's units are multiplied by 2^(exponent + k), so that their weights in the output are 1 and -1.
    """
    exponent = max(max(_places([*p.v, p.a]), _places([*p.w, *p.thresholds]) - p.k) for p in pieces)
    rows, limits, signs = [], [], []
    for w, thresholds, v, a, k in pieces:
        small = _power(-k)
        moved = [plain + small * more for plain, more in zip(w, v, strict=True)]
        for threshold, sign in zip(thresholds, (1, -1), strict=False):
            for weights, limit in ((moved, threshold - small * a), (w, threshold)):
                rows += [int(weight * _power(exponent + k)) for weight in weights]
                limits.append(int(limit * _power(exponent + k)))
            signs += [sign, -sign]
    n, d = len(limits), len(pieces[0].w)
    weights = integer_matrix(rows, np.tile(np.arange(d), n), d * np.arange(n + 1), (n, d))
    output = integer_matrix(signs, np.arange(n), [0, n], (1, n))
    return exponent, (Layer(weights, as_integers(limits), "relu"), Layer(output, np.zeros(1, np.int64), "identity"))


def _places(numbers):
    """Binary digits behind the point."""
    return max(number.denominator.bit_length() - 1 for number in numbers)


def _rounded(number, places):
    """A Fraction with so many binary digits behind the point."""
    return Fraction(round(number * 2**places), 2**places)


def _power(exponent):
    return Fraction(2) ** exponent


def _middle(values, wanted, error):
    """The middle of a gap between values, near a wanted one, or None; so wide that no error has a value beyond it."""
    ordered = np.sort(values)
    gaps = np.flatnonzero(np.diff(ordered) >= 8 * error)
    middles = (ordered[gaps] + ordered[gaps + 1]) / 2
    return middles[np.abs(middles - wanted).argmin()] if len(gaps) else None


def _bits(ratio):
    """The k, 0 or more, of a power 2^k above a Fraction."""
    return max(ratio.numerator.bit_length() - ratio.denominator.bit_length() + 1, 0)


def _distance(x, w, threshold):
    """|w.x - t|."""
    terms = (Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), w.tolist(), strict=True))
    return abs(sum(terms, -Fraction(threshold)))
