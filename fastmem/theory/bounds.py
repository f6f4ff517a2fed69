"""Sizes that theorems give for n points, delta apart in the unit ball of R^d, and sizes that no network can beat.

`bounds` is a table of both. Its asymptotic sizes are the theorems' expressions with constant 1 and without
logarithms: scales to read sizes against. Its sizes "as built" are upper bounds on what `fastmem.constructions` builds.
The lower bounds say for which data sets they hold: for all, or for some that exist.
"""

from __future__ import annotations

import bisect
import math
import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fastmem.data.as_labels import bits_for
from fastmem.data.options import as_count, as_delta
from fastmem.errors import InvalidInput
from fastmem.theory.baum1988 import bound as _baum1988_bound
from fastmem.theory.rajput2021 import bound as _rajput2021_bound
from fastmem.theory.size import Size

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Bounds",
    "LowerBound",
    "Size",
    "TheoremSize",
    "bounds",
    "hyperplanes_for_cells",
    "rajput2021_sizes",
]

_MOST = 10**18

AS_BUILT = {"baum1988": _baum1988_bound, "rajput2021": _rajput2021_bound}
"""Neurons and weights that a construction never exceeds, by its name."""

_ASYMPTOTIC = "asymptotic form, constants and logarithms left out"
_AS_BUILT = "upper bound on what is built"
_BAUM = 'Baum, "On the capabilities of multilayer perceptrons", Journal of Complexity 4:193-215, 1988'
_VERSHYNIN = (
    'Vershynin, "Memory capacity of neural networks with threshold and ReLU activations", '
    "SIAM Journal on Mathematics of Data Science 2(4):1004-1033, 2020"
)
_RAJPUT = (
    'Rajput, Sreenivasan, Papailiopoulos & Karbasi, "An exponential improvement on the memorization capacity of deep '
    'threshold networks", NeurIPS 2021, arXiv 2106.07724, theorem 1'
)
_SCHLAEFLI = 'Schläfli, "Theorie der vielfachen Kontinuität", 1852, published 1901'
_HAR_PELED = 'Har-Peled & Jones, "On separating points by lines", SODA 2018'

_EVERY = "every n distinct points, all told apart"
_EVERY_LABELLED = "every n distinct points, all labellings"
_SOME = "some n points however near, two labels"


@dataclass(frozen=True)
class TheoremSize:
    """Neurons and weights with which a theorem memorizes n points with any labels.

    Attributes
    ----------
    name : str
        Author and year; with "as built" for a construction of this package.
    neurons, weights : int or float
        ``math.inf`` where float64 overflows.
    kind : str
        What the figures are: an asymptotic form with constant 1 and without logarithms, or an upper bound.
    assumption : str
        What the theorem asks of the points.
    source : str
    """

    name: str
    neurons: int | float
    weights: int | float
    kind: str
    assumption: str
    source: str


@dataclass(frozen=True)
class LowerBound:
    """Something of which no network has less.

    Attributes
    ----------
    name : str
    quantity : str
        What is bounded: "hyperplanes" (units of the first layer), "bits of weights", ...
    value : int or float
        In these units. Hyperplanes are rounded up.
    statement : str
        The bound and why it holds.
    holds_for : str
        For which data sets: every one, or some that exist.
    is_scale : bool
        The value is an order of magnitude, constants and logarithms left out.
    source : str
    """

    name: str
    quantity: str
    value: int | float
    statement: str
    holds_for: str
    is_scale: bool
    source: str


@dataclass(frozen=True)
class Bounds:
    """What `bounds` returns; print it for a table.

    Attributes
    ----------
    n, d : int
    delta : float
    n_classes : int
    sizes : tuple of TheoremSize
    lower_bounds : tuple of LowerBound
    """

    n: int
    d: int
    delta: float
    n_classes: int
    sizes: tuple[TheoremSize, ...]
    lower_bounds: tuple[LowerBound, ...]

    @property
    def lower_bound_on_hyperplanes(self) -> int:
        """Fewest hyperplanes for every data set whose n points must all be told apart: `hyperplanes_for_cells`."""
        return hyperplanes_for_cells(self.n, self.d)

    def to_dict(self) -> dict[str, Any]:
        """All attributes in plain lists, dicts, numbers and strings; None for what overflows float64."""
        return _without_infinities(asdict(self))

    def __str__(self) -> str:
        points = f"{self.n:,} points of R^{self.d}, {self.delta:.6g} apart in the unit ball, {self.n_classes:,} labels"
        lines = [points, "", f"{'sizes':<22}{'neurons':>16}{'weights':>18}   for"]
        for row in self.sizes:
            mark = "~" if row.kind == _ASYMPTOTIC else "<="
            neurons, weights = (f"{mark} {self._shown(value)}" for value in (row.neurons, row.weights))
            lines.append(f"{row.name:<22}{neurons:>16}{weights:>18}   {row.assumption}")
        lines += [f"~  {_ASYMPTOTIC}", f"<= {_AS_BUILT}", "", f"{'lower bounds':<22}{'':>34}   for"]
        for row in self.lower_bounds:
            value = f"{'~' if row.is_scale else '>='} {self._shown(row.value)} {row.quantity}"
            lines.append(f"{row.name:<22}{value:>34}   {row.holds_for}")
        notes = [f"{row.name}: {row.source}" for row in self.sizes]
        notes += [f"{row.name}: {row.statement} ({row.source})" for row in self.lower_bounds]
        lines += ["", "why, and sources"]
        for note in notes:
            lines += textwrap.wrap(note, 118, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join(lines)

    def _shown(self, value):
        if value == math.inf:
            exponent = 1 / self.delta / self.delta / math.log(10)  # e^(1/delta^2) overflows before 1/delta^2 does
            return f"10^{exponent:.6g}" if exponent < math.inf else "overflows"
        if value >= 10**15:
            return f"10^{math.log10(value):.4g}"
        return f"{value:,.0f}" if isinstance(value, int) or value >= 1000 else f"{value:.4g}"


def bounds(n: int, d: int, delta: float, *, n_classes: int = 2) -> Bounds:
    """Neurons and weights of each theorem, and the lower bounds, for n points of the unit ball, delta apart.

    No such points exist if ``n > (1 + 2/delta)^d``: the n balls of radius delta/2 around the points have disjoint
    interiors and lie in the ball of radius ``1 + delta/2``, so their volumes add up to at most its own,
    ``n (delta/2)^d <= (1 + delta/2)^d``.

    Parameters
    ----------
    n : int
        Number of points, 1 to 10^18.
    d : int
        Dimension, 1 to 10^18.
    delta : float
        Smallest distance of two points scaled into the unit ball, in (0, 2]: ``fastmem.separation(X).delta``.
    n_classes : int
        Number of different labels.

    Returns
    -------
    Bounds

    Raises
    ------
    InvalidInput
        A number is out of its range, or no n points are delta apart in the unit ball of R^d.

    Notes
    -----
    Sizes, as Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS 2021, arXiv 2106.07724) state them, with constant
    1 and without logarithms:

    - Baum (Journal of Complexity 4, 1988), points in general position: n/d neurons, max(n, d) weights.
    - Vershynin (SIAM Journal on Mathematics of Data Science 2, 2020): e^(1/delta^2) + sqrt n neurons and
      e^(1/delta^2) (d + sqrt n) + n weights.
    - Rajput et al., theorem 1: 1/delta + sqrt n neurons and d/delta + n weights.

    The sizes "as built" are those of ``fastmem.constructions.baum1988.bound`` and
    ``fastmem.constructions.rajput2021.bound``, with every constant, for as many label bits as n_classes takes: at
    least one, ceil(log2 n_classes).

    Lower bounds, for C = n_classes:

    - cells: the smallest m with sum_{i <= d} binomial(m, i) >= n, `hyperplanes_for_cells`;
    - sign patterns: ceil(log2 n) hyperplanes, since there are 2^m patterns;
    - labellings: n log2 C bits of parameters, since C^n labellings take as many different networks;
    - two layers: a + b >= 2 sqrt(a b) >= 2 sqrt(n log2 C) neurons, if the a b connections between two layers are
      one-bit weights and alone depend on the labels;
    - circle (d >= 2): k/2 hyperplanes for the even k among floor(min(n, pi / arcsin(delta/2))) and the number below,
      `fastmem.theory.instances.circle`: about pi/delta for large n;
    - moment curve: ceil(n/d) hyperplanes for even n and d, else ceil((n - 1)/d),
      `fastmem.theory.instances.moment_curve`;
    - random square (d = 2), a scale: n^(2/3) lines (Har-Peled & Jones, SODA 2018), `fastmem.theory.instances.square`;
    - close pairs: ceil(floor(n/2) / d) hyperplanes, `fastmem.theory.instances.tight_pairs`.

    The last four are about two labels or more and two points or more, and are left out otherwise.

    Examples
    --------
    >>> table = bounds(10_000, 16, 0.1)
    >>> table.lower_bound_on_hyperplanes
    14
    >>> [(row.name, row.neurons) for row in table.sizes if row.kind.startswith("asymptotic")]
    [('Baum 1988', 625), ('Vershynin 2020', 2.6881171418161356e+43), ('Rajput et al. 2021', 110.0)]
    >>> print(str(table).splitlines()[3])
    Baum 1988                        ~ 625          ~ 10,000   general position
    """
    n, d = as_count("n", n, 1, _MOST), as_count("d", d, 1, _MOST)
    n_classes = as_count("n_classes", n_classes, 1, _MOST)
    delta = as_delta(delta)
    # A relative 1e-9 for the rounding of the logarithms.
    if math.log(n) > d * math.log1p(2 / delta) * (1 + 1e-9):
        raise InvalidInput(
            f"no {n} points of the unit ball of R^{d} are {delta!r} apart: at most (1 + 2/delta)^d are, since balls of "
            "radius delta/2 around them must not overlap"
        )
    return Bounds(n, d, delta, n_classes, _sizes(n, d, delta, n_classes), _lower_bounds(n, d, delta, n_classes))


def _sizes(n, d, delta, n_classes):
    n_label_bits = max(bits_for(n_classes), 1)
    exponential, root = _exp(1 / delta / delta), math.sqrt(n)
    vershynin = exponential + root, exponential * (d + root) + n
    general, apart, on_sphere = "general position", "delta apart in the unit ball", "delta apart on the unit sphere"
    quoted = f"{_BAUM}, as Rajput et al. (2021) quote it"

    def as_built(name, assumption, source):
        try:
            size = AS_BUILT[name](n, d, delta, n_label_bits)
        except OverflowError:
            size = math.inf, math.inf
        return TheoremSize(f"{name}, as built", *size, _AS_BUILT, assumption, source)

    return (
        TheoremSize("Baum 1988", -(-n // d), max(n, d), _ASYMPTOTIC, general, quoted),
        as_built("baum1988", general, _BAUM),
        TheoremSize("Vershynin 2020", *vershynin, _ASYMPTOTIC, on_sphere, _VERSHYNIN),
        TheoremSize("Rajput et al. 2021", *rajput2021_sizes(n, d, delta), _ASYMPTOTIC, apart, _RAJPUT),
        as_built("rajput2021", apart, _RAJPUT),
    )


def _lower_bounds(n, d, delta, n_classes):
    rows = [_cells_row(n, d), _sign_patterns(n), _counting_weights(n, n_classes), _two_layers(n, n_classes)]
    if n >= 2 and n_classes >= 2:
        rows += [_circle(n, delta)] if d >= 2 else []
        rows += [_moment_curve(n, d)]
        rows += [_random_square(n)] if d == 2 else []
        rows += [_close_pairs(n, d)]
    return tuple(rows)


def _cells_row(n, d):
    return LowerBound(
        "cells",
        "hyperplanes",
        hyperplanes_for_cells(n, d),
        "m hyperplanes cut R^d into at most sum C(m, i), i <= d, cells, and every point needs a cell of its own",
        _EVERY,
        False,
        _SCHLAEFLI,
    )


def _sign_patterns(n):
    return LowerBound(
        "sign patterns",
        "hyperplanes",
        (n - 1).bit_length(),
        "log2 n, since m hyperplanes have at most 2^m sign patterns, in whatever dimension",
        _EVERY,
        False,
        "counting",
    )


def _counting_weights(n, n_classes):
    return LowerBound(
        "labellings",
        "bits of parameters",
        n * math.log2(n_classes),
        "n log2(classes), since there are classes^n labellings, and each takes a network with other parameters",
        _EVERY_LABELLED,
        False,
        "counting",
    )


def _two_layers(n, n_classes):
    return LowerBound(
        "two layers",
        "neurons",
        math.ceil(2 * math.sqrt(n * math.log2(n_classes))),
        "2 sqrt(n log2(classes)), if all that depends on the labels is one-bit weights between two layers: a and b "
        "neurons have a b of these, one for each of the n log2(classes) bits, and a + b >= 2 sqrt(a b)",
        _EVERY_LABELLED,
        False,
        "counting",
    )


def _circle(n, delta):
    """Points of a circle with alternating labels: `fastmem.theory.instances.circle`.

    N equally spaced points of the unit circle have neighbours at the distance 2 sin(pi/N), at least delta up to
    N = pi / arcsin(delta/2). An even number of them takes two labels.
    """
    # delta itself was rounded; the least positive number stands for a zero of asin.
    around = math.pi / max(math.asin(delta / 2), 2.0**-1074) * (1 + 2**-50)
    k = min(n, int(around)) if around < math.inf else n
    k -= k % 2
    return LowerBound(
        "circle",
        "hyperplanes",
        k // 2,
        f"half of k = min(n, pi/arcsin(delta/2)), made even, here {k:,}, since all k gaps between neighbours must be "
        "cut and a line cuts two: about pi/delta for large n, so 1/delta in Rajput et al. (2021) cannot be improved",
        "some k <= n points delta apart, two labels",
        False,
        "proof in fastmem.theory.instances.circle",
    )


def _moment_curve(n, d):
    is_closed = n % 2 == 0 and d % 2 == 0
    gaps, count = ("n", "n") if is_closed else ("n - 1", "(n - 1)")
    return LowerBound(
        "moment curve",
        "hyperplanes",
        -(-(n if is_closed else n - 1) // d),
        f"{count}/d, since {gaps} gaps between neighbours on the curve must be cut, with labels that alternate, and a "
        "hyperplane meets the curve at most d times",
        _SOME,
        False,
        "proof in fastmem.theory.instances.moment_curve",
    )


def _random_square(n):
    return LowerBound(
        "random square",
        "hyperplanes",
        n ** (2 / 3),
        "about n^(2/3) lines are needed and enough to tell random points of the unit square apart, up to powers of "
        "log n, with high probability",
        "n random points of a square, all told apart",
        True,
        _HAR_PELED,
    )


def _close_pairs(n, d):
    return LowerBound(
        "close pairs",
        "hyperplanes",
        -(-(n // 2) // d),
        "n/(2d), since n/2 close pairs with different labels must be parted and a hyperplane passes between at most d "
        "pairs in general position",
        _SOME,
        False,
        "proof in fastmem.theory.instances.tight_pairs",
    )


def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def _without_infinities(value):
    if isinstance(value, dict):
        return {key: _without_infinities(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(part) for part in value]
    return None if value == math.inf else value


def hyperplanes_for_cells(n: int, d: int) -> int:
    """Fewest hyperplanes in R^d that can give n points n different sign patterns.

    m hyperplanes cut R^d into at most ``sum_{i <= d} C(m, i)`` cells (Schläfli, "Theorie der vielfachen
    Kontinuität", 1852), so this is the smallest m for which that sum reaches n. It is at least log2 n, and
    ceil(log2 n) for n <= 2^d. For d = 1 it is n - 1.

    Parameters
    ----------
    n : int
        At least 1.
    d : int
        At least 1.

    Returns
    -------
    int

    Examples
    --------
    >>> hyperplanes_for_cells(1000, 64)
    10
    >>> hyperplanes_for_cells(1000, 2)
    45
    """
    least = (n - 1).bit_length()
    enough = least
    while _cells(enough, d) < n:
        enough = 2 * enough + 1
    return bisect.bisect_left(range(enough + 1), n, lo=least, key=lambda m: _cells(m, d))


def _cells(m, d):
    total, term = 0, 1
    for i in range(min(m, d) + 1):
        total += term
        term = term * (m - i) // (i + 1)
    return total


def rajput2021_sizes(n: int, d: int, delta: float) -> tuple[float, float]:
    """Neurons and weights of Rajput et al. (2021, arXiv 2106.07724, theorem 1), logarithms left out.

    For n points of the unit ball in R^d at least delta apart: Õ(1/delta + sqrt n) neurons and Õ(d/delta + n)
    weights. The values are these expressions with constant 1 and without logarithmic factors: a scale to read
    sizes against, not a bound.

    Parameters
    ----------
    n, d : int
    delta : float

    Returns
    -------
    neurons, weights : float

    Examples
    --------
    >>> rajput2021_sizes(10_000, 16, 0.1)
    (110.0, 10160.0)
    """
    return 1 / delta + math.sqrt(n), d / delta + n
