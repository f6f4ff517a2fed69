"""Sizes that theorems give for n points, delta apart in the unit ball of R^d, and sizes that no network can beat.

`bounds` is a table of both. Its asymptotic sizes are the theorems' expressions with constant 1 and without
logarithms: scales to read sizes against. Its sizes "as built" are upper bounds on what `fastmem.constructions` builds.
The lower bounds say for which data sets they hold: for all, or for some that exist. Rows of the table are written in
`fastmem.theory.theorems` and `fastmem.theory.lower_bounds`.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fastmem.data.as_labels import bits_for
from fastmem.data.options import as_count, as_delta
from fastmem.errors import InvalidInput
from fastmem.html.elements import element, fragment, table
from fastmem.theory.lower_bounds import LowerBound, hyperplanes_for_cells, lower_bounds
from fastmem.theory.size import Size
from fastmem.theory.theorems import AS_BUILT, MARKS, TheoremSize, rajput2021_sizes, theorem_sizes

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "AS_BUILT",
    "Bounds",
    "LowerBound",
    "Size",
    "TheoremSize",
    "bounds",
    "hyperplanes_for_cells",
    "rajput2021_sizes",
]

_MOST = 10**18


@dataclass(frozen=True, repr=False)
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
        """All attributes in plain lists, dicts, numbers and strings; None for what overflows float64 or is not said."""
        return _without_infinities(asdict(self))

    def __repr__(self) -> str:
        counts = f"{len(self.sizes)} sizes, {len(self.lower_bounds)} lower bounds"
        return f"<fastmem bounds: {self._points()}; {counts}; print it>"

    def __str__(self) -> str:
        lines = [self._points(), "", f"{'sizes':<23} {'neurons':>16} {'weights':>17}  {'units':<17} for"]
        for row in self.sizes:
            name, neurons, weights, units, assumption = self._size_cells(row)
            lines.append(f"{name:<23} {neurons:>16} {weights:>17}  {units:<17} {assumption}")
        lines += [f"{mark:<2} {kind}" for kind, mark in MARKS.items()]
        lines += ["", f"{'lower bounds':<22}{'':>34}   for"]
        for row in self.lower_bounds:
            name, value, quantity, holds_for = self._bound_cells(row)
            lines.append(f"{name:<22}{f'{value} {quantity}':>34}   {holds_for}")
        lines += ["", "why, and sources"]
        for name, note in self._notes():
            lines += textwrap.wrap(f"{name}: {note}", 118, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What is printed, in two tables, for a notebook; reasons and sources are folded."""
        marks = (element("p", mark, " ", kind, class_="note") for kind, mark in MARKS.items())
        notes = (element("li", element("b", name), ": ", note) for name, note in self._notes())
        return fragment(
            element("p", self._points()),
            table(("sizes", "neurons", "weights", "units", "for"), map(self._size_cells, self.sizes), numbers=(1, 2)),
            *marks,
            table(("lower bounds", "bound", "on", "for"), map(self._bound_cells, self.lower_bounds), numbers=(1,)),
            element("details", element("summary", "why, and sources"), element("ul", *notes)),
        )

    def _points(self):
        return f"{self.n:,} points of R^{self.d}, {self.delta:.6g} apart in the unit ball, {self.n_classes:,} labels"

    def _size_cells(self, row):
        neurons, weights = (self._marked(row, value) for value in (row.neurons, row.weights))
        return row.name, neurons, weights, row.units, row.assumption

    def _bound_cells(self, row):
        return row.name, f"{'~' if row.is_scale else '>='} {self._shown(row.value)}", row.quantity, row.holds_for

    def _notes(self):
        """Names of rows, and why they hold or who says so."""
        for row in self.sizes:
            yield row.name, row.source + (f"; numbers: {row.numbers}" if row.numbers else "")
        for row in self.lower_bounds:
            yield row.name, f"{row.statement} ({row.source})"

    def _marked(self, row, value):
        if value is None:
            return "-"
        if value == math.inf and row.name == "Vershynin 2020":
            exponent = 1 / self.delta / self.delta / math.log(10)  # e^(1/delta^2) overflows before 1/delta^2 does
            return f"~ 10^{exponent:.6g}" if exponent < math.inf else "overflows"
        return f"{MARKS[row.kind]} {self._shown(value)}" if value < math.inf else "overflows"

    @staticmethod
    def _shown(value):
        if value >= 10**10:
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
    Sizes as the theorems state them, where not said otherwise with constant 1 and without logarithms:

    - Baum (1988), points in general position: n/d neurons, max(n, d) weights.
    - Bubeck, Eldan, Lee & Mikulincer (2020), real labels: 4 ceil(n/d) ReLU, every constant.
    - Madden & Thrampoulidis (2024), generic points, analytic activations: 2n/d neurons of d + 1 weights.
    - Yun, Sra & Jadbabaie (2019), two hidden layers of ReLU: sqrt n neurons, n + d sqrt n weights.
    - Park, Lee, Yun & Shin (2021): n^(2/3) neurons, d + n^(2/3) weights of O(n^(2/3)) bits.
    - Vardi, Yehudai & Shamir (2021): sqrt n neurons, d + sqrt n weights of O(sqrt n) bits.
    - Kajitsuka & Sato (2025), transformers on sequences: sqrt n weights.
    - Vershynin (2020), as Rajput et al. quote it: e^(1/delta^2) + sqrt n neurons, e^(1/delta^2) (d + sqrt n) + n
      weights.
    - Rajput, Sreenivasan, Papailiopoulos & Karbasi (2021, arXiv 2106.07724), theorem 1: 1/delta + sqrt n neurons,
      d/delta + n weights.
    - Dirksen, Finke & Genzel (2024), in the worst case: 1/delta + n neurons, (d + n)/delta weights.
    - Robust ones, with the same label in a whole ball around each point: n d weights (Yu, Gao & Zhang 2024), n for a
      radius that does not depend on n (Egosi, Yehudai & Shamir 2025), and for a radius of rho times half the
      separation sqrt n for rho <= 1/(5 n sqrt d), n d^2 for any rho < 1 (Kim, Moon & Yun 2025).

    The sizes "as built" are those of ``fastmem.theory.NAME.bound`` with every constant, for as many label bits as
    n_classes takes: at least one, ceil(log2 n_classes).

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
    - random square or cube (d >= 2), a scale: n^(2/(d + 1)) hyperplanes tell uniform points apart, for fixed d; for
      lines Har-Peled & Jones (SODA 2018), `fastmem.theory.instances.square`;
    - close pairs: ceil(floor(n/2) / d) hyperplanes, `fastmem.theory.instances.tight_pairs`;
    - random labels: hyperplanes for all but a share of 2^-20 of the labellings of any n points, whatever layers follow:
      the least m with m log2(2 sum_{i <= d} binomial(n - 1, i)) + sum_{i <= d} binomial(m, i) log2 C >= n log2 C - 20;
    - random points: hyperplanes that tell n independent points of any law with a density apart, but for 2^-20 of the
      draws; of the order (n^2 / log n)^(1/(d + 1)) for fixed d;
    - line: 2 sqrt(n - 1) - 2 neurons of two hidden ReLU layers;
    - near points, a scale: n parameters of ReLU networks, for points exponentially near (Siegel 2023);
    - robust width and robust first layer, scales: log n neurons in a layer for a radius that does not depend on n
      (Egosi, Yehudai & Shamir 2025), and rho^2 min(n, d) in the first layer (Kim, Moon & Yun 2025).

    All after "two layers" are about two labels or more and two points or more, and are left out otherwise.

    Examples
    --------
    >>> table = bounds(10_000, 16, 0.1)
    >>> table.lower_bound_on_hyperplanes
    14
    >>> {row.name: row.neurons for row in table.sizes}["rajput2021, as built"]
    50828
    >>> print(str(table).splitlines()[3])
    Baum 1988                          ~ 625          ~ 10,000  threshold         general position
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
    sizes = theorem_sizes(n, d, delta, max(bits_for(n_classes), 1))
    return Bounds(n, d, delta, n_classes, sizes, lower_bounds(n, d, delta, n_classes))


def _without_infinities(value):
    if isinstance(value, dict):
        return {key: _without_infinities(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(part) for part in value]
    return None if value == math.inf else value
