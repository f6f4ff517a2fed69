"""Every construction on one data set, side by side: built, verified, measured, beside what its theorem asks for."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from fastmem.api import memorize
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.as_labels import as_labels, refuse_contradictions
from fastmem.data.as_points import as_points
from fastmem.data.options import as_delta
from fastmem.errors import InvalidInput, NetworkTooLarge, NotInGeneralPosition
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import resolve_threads
from fastmem.store import STORES
from fastmem.theory.bounds import hyperplanes_for_cells
from fastmem.theory.separation import separation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import ArrayLike

    from fastmem.machine.progress import Progress
    from fastmem.network import Network

__all__ = ["CONTESTANTS", "Built", "Comparison", "compare"]

_REPEATS = 3

Contestant = Literal["rajput2021", "baum1988", "compact/integer", "compact/binary"]
CONTESTANTS = {  # options of `memorize` by name
    **{name: {"construction": name} for name in CONSTRUCTIONS if name != "compact"},
    **{f"compact/{store}": {"construction": "compact", "store": store} for store in reversed(STORES)},
}


@dataclass(frozen=True)
class Built:
    """One construction on the data.

    Attributes
    ----------
    name : str
    neurons, weights, largest_integer_weight, depth, hyperplanes : int or None
        Of the network; None if it could not be built.
    bits : float or None
        Bits of all parameters for each point.
    build_seconds : float or None
        With the verification.
    predictions_per_second : float or None
        Best of three calls with all points.
    smallest_distance : float or None
        Of a point from a hyperplane, in the units of X.
    bound : int or None
        Neurons that the theorem promises for (n, d, delta): the construction's own, with all constants, or that of
        rajput2021, which "compact" sets out to beat.
    ratio : float or None
        neurons / bound.
    reason : str
        Why the network could not be built, or "".
    hyperplanes_least : int or None
        No network that tells apart as many classes or points as this one (`Network.n_told_apart`) has fewer.
    """

    name: str
    neurons: int | None = None
    weights: int | None = None
    largest_integer_weight: int | None = None
    depth: int | None = None
    hyperplanes: int | None = None
    bits: float | None = None
    build_seconds: float | None = None
    predictions_per_second: float | None = None
    smallest_distance: float | None = None
    bound: int | None = None
    ratio: float | None = None
    reason: str = ""
    hyperplanes_least: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns: print it, or take ``to_dict()``.

    Attributes
    ----------
    n_points, n_distinct, n_features, n_classes : int
    delta : float or None
        Smallest distance of two distinct points scaled into the unit ball; None if there are no two, or nothing depends
        on it.
    hyperplanes_least : int
        No network that tells the classes apart has fewer hyperplanes; each row has the bound for what its network tells
        apart, which are all distinct points for "rajput2021".
    rows : tuple of Built
    networks : dict
        The networks that could be built, by name.
    """

    n_points: int
    n_distinct: int
    n_features: int
    n_classes: int
    delta: float | None
    hyperplanes_least: int
    rows: tuple[Built, ...]
    networks: dict[str, Network] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """All attributes but the networks, as plain values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("rows", "networks")}
        return values | {"rows": [asdict(row) for row in self.rows]}

    def __str__(self) -> str:
        head = f"{self.n_points:,} points of R^{self.n_features} ({self.n_distinct:,} distinct)"
        head += f", {self.n_classes:,} classes"
        if self.delta is not None:
            head += f", delta = {self.delta:.3g} in the unit ball"
        built = [row for row in self.rows if not row.reason]
        lines = [_TITLES, *map(_cells, built)]
        note = (
            "at least: the fewest hyperplanes whose cells are as many as the classes, or points, told apart (Schläfli)"
        )
        if any(row.hyperplanes_least is None for row in built):  # a pickle of 0.1, which has one bound
            lines = [(*cells[:2], *cells[3:]) for cells in lines]
            least = f"at least {self.hyperplanes_least:,} hyperplanes tell {self.n_distinct:,} points apart"
            note = f"lower bound: {least}, by the number of their cells (Schläfli)"
        lines = _table(lines)
        for row in self.rows:
            if row.reason:
                asked = f" (its theorem: {row.bound:,} neurons)" if row.bound is not None else ""
                lines.append(f"{row.name} not built{asked}: {row.reason}")
        return "\n".join([head, "", *lines, "", note])


def compare(
    X: ArrayLike,
    y: ArrayLike,
    *,
    constructions: Iterable[Contestant] | None = None,
    delta: float | None = None,
    random_state: int | np.random.Generator | None = None,
    n_threads: int | None = None,
    progress: Progress = False,
) -> Comparison:
    """Build every construction that can be built on the data, verify and measure each.

    Parameters
    ----------
    X, y
        Points and labels, as for `memorize`.
    constructions : iterable of str, optional
        Some of "rajput2021", "baum1988", "compact/integer" and "compact/binary"; all by default.
    delta : float, optional
        Smallest distance of two distinct points scaled into the unit ball, or less; computed by default.
    random_state, n_threads, progress
        As for `memorize`; each network is built with the same seed.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidInput, ContradictoryLabels
        As `memorize`, for data that no construction takes.

    Examples
    --------
    >>> import numpy as np, fastmem
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(500, 16)), rng.integers(0, 2, 500)
    >>> comparison = fastmem.compare(X, y, random_state=0)
    >>> [row.name for row in comparison.rows]
    ['rajput2021', 'baum1988', 'compact/integer', 'compact/binary']
    >>> bool(np.array_equal(comparison.networks["baum1988"].predict(X), y))
    True
    """
    names = list(CONTESTANTS) if constructions is None else list(constructions)
    unknown = [name for name in names if name not in CONTESTANTS]
    if unknown:
        raise InvalidInput(f"constructions are {', '.join(CONTESTANTS)}, not {unknown[0]!r}")
    n_threads = resolve_threads(n_threads)
    points = as_points(X)
    labels = as_labels(y, points.n)
    later, first = points.equal_rows(n_threads)
    refuse_contradictions(labels, later, first)
    n_distinct = points.n - len(later)
    if delta is not None:
        delta = as_delta(delta)
    elif n_distinct > 1 and any(_depends_on_delta(name) for name in names):
        delta = separation(X, n_threads=n_threads, progress=progress).delta
    seed = random_state if not isinstance(random_state, np.random.Generator) else int(random_state.integers(2**63))
    rows, networks = [], {}
    with progress_bar(progress, len(names), "constructions") as bar:
        for name in names:
            options = dict(CONTESTANTS[name], random_state=seed, n_threads=n_threads)
            if "delta" in CONSTRUCTIONS[options["construction"]].OPTIONS:
                options["delta"] = delta
            bound = _bound(name, n_distinct, points.d, delta, labels.n_bits)
            row, network = _build(name, X, y, bound, options)
            rows.append(row)
            if network is not None:
                networks[name] = network
            bar.update(1)
    least = hyperplanes_for_cells(len(labels.classes), points.d)
    shape = points.n, n_distinct, points.d, len(labels.classes)
    return Comparison(*shape, delta, least, tuple(rows), networks)


def _bound(name, n, d, delta, n_label_bits):
    """Neurons that the theorem behind a construction promises; None for a single class, which takes no network."""
    if n_label_bits == 0:
        return None
    return _theorem(name).bound(n, d, delta, n_label_bits).neurons


def _theorem(name):
    """The construction whose theorem a network is measured by: its own, or its rival's where it has none."""
    construction = CONSTRUCTIONS[CONTESTANTS[name]["construction"]]
    return construction if hasattr(construction, "bound") else CONSTRUCTIONS[construction.RIVAL]


def _depends_on_delta(name):
    return "delta" in _theorem(name).OPTIONS


def _build(name, X, y, bound, options):
    """What is said of a construction, and its network or None."""
    start = time.perf_counter()
    try:
        network = memorize(X, y, **options)
    except (NetworkTooLarge, NotInGeneralPosition) as error:
        return Built(name, bound=bound, reason=str(error)), None
    seconds = time.perf_counter() - start
    row = Built(
        name,
        neurons=network.n_neurons,
        weights=network.n_weights,
        largest_integer_weight=network.largest_integer_weight,
        depth=network.depth,
        hyperplanes=network.n_hyperplanes,
        bits=8 * network.nbytes / network.n_points,
        build_seconds=seconds,
        predictions_per_second=network.n_points / _fastest(network.predict, X, options["n_threads"]),
        smallest_distance=network.smallest_distance,
        bound=bound,
        ratio=network.n_neurons / bound if bound else None,
        hyperplanes_least=hyperplanes_for_cells(network.n_told_apart, network.n_features_in),
    )
    return row, network


def _fastest(predict, X, n_threads):
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        predict(X, n_threads=n_threads)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


_TITLES = (
    "construction", "hyperplanes", "at least", "neurons", "weights", "largest integer", "depth", "bits/point",
    "build s", "predictions/s", "margin", "theorem", "neurons/theorem",
)  # fmt: skip


def _cells(row):
    def text(value, form):
        return "" if value is None else format(value, form)

    return (
        row.name, f"{row.hyperplanes:,}", text(row.hyperplanes_least, ","), f"{row.neurons:,}", f"{row.weights:,}",
        f"{row.largest_integer_weight:,}", str(row.depth), f"{row.bits:.3g}", f"{row.build_seconds:.3g}",
        f"{row.predictions_per_second:,.0f}", f"{row.smallest_distance:.2g}", text(row.bound, ","),
        text(row.ratio, ".3g"),
    )  # fmt: skip


def _table(rows):
    """Rows of text in columns, the first to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]]
        )
        for row in rows
    ]
