"""Neurons and weights with which theorems memorize n points, as they are stated and as they are built here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastmem.theory.baum1988 import bound as _baum1988
from fastmem.theory.boxes import bound as _boxes
from fastmem.theory.bubeck2020 import bound as _bubeck2020
from fastmem.theory.dirksen2024 import bound as _dirksen2024
from fastmem.theory.park2021 import bound as _park2021
from fastmem.theory.rajput2021 import bound as _rajput2021
from fastmem.theory.sources import (
    BAUM,
    BUBECK,
    DIRKSEN,
    EGOSI,
    KAJITSUKA,
    KIM,
    MADDEN,
    PARK,
    RAJPUT,
    VARDI,
    VERSHYNIN,
    YU,
    YUN,
)
from fastmem.theory.vardi2021 import bound as _vardi2021
from fastmem.theory.vershynin2020 import bound as _vershynin2020
from fastmem.theory.yun2019 import bound as _yun2019

__all__ = ["AS_BUILT", "DEPEND_ON_DELTA", "MARKS", "TheoremSize", "rajput2021_sizes", "theorem_sizes"]

AS_BUILT = {
    "baum1988": _baum1988,
    "boxes": _boxes,
    "bubeck2020": _bubeck2020,
    "dirksen2024": _dirksen2024,
    "park2021": _park2021,
    "rajput2021": _rajput2021,
    "vardi2021": _vardi2021,
    "vershynin2020": _vershynin2020,
    "yun2019": _yun2019,
}
"""Neurons and weights that a construction never exceeds, by its name."""

DEPEND_ON_DELTA = frozenset({"dirksen2024", "park2021", "rajput2021", "vardi2021", "vershynin2020"})
"""Those for which that depends on how near points are."""

_ASYMPTOTIC = "asymptotic form, constants and logarithms left out"
_AS_BUILT = "upper bound on what is built"
_STATED = "upper bound that the theorem states"

MARKS = {_ASYMPTOTIC: "~", _AS_BUILT: "<=", _STATED: "<="}
"""What stands before a figure in a table, by what it is."""

_GENERAL = "general position"
_REAL = "general position, real labels"
_APART = "delta apart in the unit ball"
_ON_SPHERE = "delta apart on the unit sphere"
_LABELS_APART = "labels delta apart in the unit ball"


@dataclass(frozen=True)
class TheoremSize:
    """Neurons and weights with which a theorem memorizes n points with any labels.

    Attributes
    ----------
    name : str
        Author and year; with "as built" for a construction of this package.
    neurons, weights : int, float or None
        ``math.inf`` where float64 overflows, None where the theorem does not say.
    kind : str
        What the figures are: an asymptotic form with constant 1 and without logarithms, an upper bound that the
        theorem states with every constant, or one on what is built.
    assumption : str
        What the theorem asks of the points, and what it gives beside their labels.
    source : str
    units : str
        What a neuron computes: "threshold", "ReLU", ...
    numbers : str
        How long weights and thresholds are, where that is known: few weights may be long ones.
    """

    name: str
    neurons: int | float | None
    weights: int | float | None
    kind: str
    assumption: str
    source: str
    units: str = "threshold"
    numbers: str = ""


def theorem_sizes(n: int, d: int, delta: float, n_label_bits: int) -> tuple[TheoremSize, ...]:
    """All rows: each theorem's form, followed by what is built after it."""
    as_built = _SizesAsBuilt(n, d, delta, n_label_bits)
    return (
        *_general_position(n, d, as_built),
        *_on_a_line(n, d, as_built),
        *_apart(n, d, delta, as_built),
        *_robust(n, d, as_built),
    )


class _SizesAsBuilt:
    """Rows of what is built, for the same points."""

    def __init__(self, *numbers):
        self._numbers = numbers

    def __call__(self, name, assumption, after, units, numbers):
        try:
            size = AS_BUILT[name](*self._numbers)
        except OverflowError:
            size = math.inf, math.inf
        source = f"{after}; counted in fastmem.theory.{name}"
        return TheoremSize(f"{name}, as built", *size, _AS_BUILT, assumption, source, units, numbers)


def _general_position(n, d, as_built):
    """Two layers for points of which no d + 1 lie on a hyperplane: n/d neurons."""
    first_layer = "float32 in the first layer, then 1 and -1"
    quoted, groups = f"{BAUM}, as Rajput et al. (2021) quote it", -(-n // d)
    yield TheoremSize("Baum 1988", groups, max(n, d), _ASYMPTOTIC, _GENERAL, quoted, numbers="real")
    yield as_built("baum1988", _GENERAL, "after Baum", "threshold", first_layer)
    units = 4 * groups
    yield TheoremSize("Bubeck et al. 2020", units, units * (d + 1), _STATED, _REAL, BUBECK, "ReLU", "real")
    magnified = "float64; weights of the output are powers of two, about n^2 for random points"
    yield as_built("bubeck2020", _REAL, "after Bubeck et al.", "ReLU", magnified)
    half = math.ceil(2 * n / d)
    generic = "generic points, real labels"
    yield TheoremSize("Madden et al. 2024", half, half * (d + 1), _ASYMPTOTIC, generic, MADDEN, "analytic", "real")


def _on_a_line(n, d, as_built):
    """Networks that read one number of a point, where it lies on a line: sqrt n neurons and fewer weights than n."""
    root, distinct = math.sqrt(n), "distinct points, real labels"
    yield TheoremSize("Yun et al. 2019", root, n + d * root, _ASYMPTOTIC, distinct, YUN, "ReLU", "real")
    float64 = "float64, which tells 10^4 to 10^5 points apart on a line"
    yield as_built("yun2019", distinct, "after Yun et al.", "ReLU", float64)
    deep, step = n ** (2 / 3), "step and identity"
    bits = "O(n^(2/3)) bits, up to logarithms"
    yield TheoremSize("Park et al. 2021", deep, d + deep, _ASYMPTOTIC, _APART, PARK, step, bits)
    yield as_built("park2021", _APART, "after Park et al.", step, "integers of n^(2/3) bits for each bit of a label")
    bits = "O(sqrt n) bits, up to logarithms, and no fewer would do"
    yield TheoremSize("Vardi et al. 2021", root, d + root, _ASYMPTOTIC, _APART, VARDI, "ReLU", bits)
    long = "integers of about sqrt(n log2 n) bits"
    yield as_built("vardi2021", _APART, "after Vardi et al. and Park et al.", step, long)
    sequences = "n sequences, their next tokens"
    yield TheoremSize("Kajitsuka & Sato 2025", None, root, _ASYMPTOTIC, sequences, KAJITSUKA, "transformer")


def _apart(n, d, delta, as_built):
    """Threshold networks whose first layer grows as points come near."""
    integers = "float32 in the first layer, then integers"
    exponential, root = _exp(1 / delta / delta), math.sqrt(n)
    vershynin = exponential + root, exponential * (d + root) + n
    yield TheoremSize("Vershynin 2020", *vershynin, _ASYMPTOTIC, _ON_SPHERE, VERSHYNIN)
    yield as_built("vershynin2020", _ON_SPHERE, "after Vershynin, with another proof", "threshold", integers)
    rajput, real = rajput2021_sizes(n, d, delta), "real in the first layer alone"
    yield TheoremSize("Rajput et al. 2021", *rajput, _ASYMPTOTIC, _APART, RAJPUT, numbers=real)
    yield as_built("rajput2021", _APART, "after Rajput et al.", "threshold", integers)
    rows = 1 / delta
    worst = f"{DIRKSEN}, in the worst case, as for what is built: far fewer for classes that few balls cover"
    neurons, weights = rows + n, rows * (d + n)
    yield TheoremSize("Dirksen et al. 2024", neurons, weights, _ASYMPTOTIC, _LABELS_APART, worst, numbers=real)
    yield as_built("dirksen2024", _LABELS_APART, "after Dirksen et al., with another proof", "threshold", integers)


def _robust(n, d, as_built):
    """Networks that give a whole ball around each point its label."""
    cubes = "robust to half the separation, max norm"
    yield TheoremSize("Yu et al. 2024", None, n * d, _ASYMPTOTIC, cubes, YU, "ReLU", "real")
    numbers = "1 and -1, float64 thresholds in the first layer"
    yield as_built("boxes", cubes, "with a proof of its own", "threshold", numbers)
    free = "robust, radius independent of n"
    yield TheoremSize("Egosi et al. 2025", None, n, _ASYMPTOTIC, free, EGOSI, "ReLU", "real")
    root, small, any_ratio = math.sqrt(n), "robust, ratio <= 1/(5 n sqrt d)", "robust, any ratio below 1"
    yield TheoremSize("Kim et al. 2025, small", None, root, _ASYMPTOTIC, small, KIM, "ReLU", "real")
    yield TheoremSize("Kim et al. 2025", None, n * d * d, _ASYMPTOTIC, any_ratio, KIM, "ReLU", "real")


def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


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
