"""Networks of every contestant for every seed: verified, counted, timed, and set beside what its theorem promises."""

from __future__ import annotations

import numbers
import statistics
import time
from typing import TYPE_CHECKING, get_args

from fastmem.api import memorize
from fastmem.compare.comparison import Built, Comparison
from fastmem.compare.contestants import CONTESTANTS, chosen, theorem_of
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.as_labels import as_labels, refuse_contradictions
from fastmem.data.as_points import as_points
from fastmem.data.options import Separate, as_count, as_delta, as_generator, check_option
from fastmem.errors import FastmemError, InvalidInput, MemorizationError
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import resolve_threads
from fastmem.theory.bounds import hyperplanes_for_cells
from fastmem.theory.separation import separation

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import ArrayLike

    from fastmem.compare.contestants import Contestant
    from fastmem.machine.progress import Progress

__all__ = ["compare"]

_REPEATS = 3
_MOST_SEED = 2**64 - 1


def compare(
    X: ArrayLike,
    y: ArrayLike,
    *,
    constructions: Iterable[Contestant] | None = None,
    separate: Separate = "labels",
    delta: float | None = None,
    seeds: int | Iterable[int] = 1,
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
        Some of those of `memorize`, or of what "compact" is compared as: "compact/integer" and "compact/binary", by
        their stores, and with "/all-columns" behind it, for ``columns="all"``. By default all, the latter only where
        the others, for the first seed, read few columns.
    separate : {"labels", "all"}
        As for `memorize`, for constructions that take it. With "all", "compact" does what the theorem of "rajput2021"
        is about, and that theorem's bound stands beside it.
    delta : float, optional
        Smallest distance of two distinct points scaled into the unit ball, or less; computed by default, and for
        theorems that ask for it that of two points with different labels.
    seeds : int or iterable of int
        How many networks of each construction are built, or their seeds. With several, numbers are means, beside their
        standard deviations.
    random_state : int, numpy.random.Generator or None
        The first seed, which the next integers follow, or what seeds are drawn from. All constructions have the same.
    n_threads, progress
        As for `memorize`.

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
    >>> comparison = fastmem.compare(X, y, constructions=["baum1988", "compact"], random_state=0)
    >>> [row.name for row in comparison.rows]
    ['baum1988', 'compact/integer', 'compact/binary']
    >>> bool(np.array_equal(comparison.networks["baum1988"].predict(X), y))
    True
    """
    check_option("separate", separate, get_args(Separate))
    seeds = _as_seeds(seeds, random_state)
    n_threads = resolve_threads(n_threads)
    points = as_points(X)
    names = chosen(constructions, points.d)
    labels = as_labels(y, points.n)
    later, first = points.equal_rows(n_threads)
    refuse_contradictions(labels, later, first)
    n = points.n - len(later)
    options = {name: _options(name, separate, n_threads) for name in names}
    if delta is not None:
        deltas = dict.fromkeys(get_args(Separate), as_delta(delta))
    else:
        kinds = {theorem.DELTA for theorem in map(theorem_of, options.values()) if theorem} - {None}
        if n < 2:
            kinds.clear()
        if len(labels.classes) < 2:
            kinds.discard("labels")
        deltas = {kind: _delta(kind, X, y, n_threads, progress) for kind in kinds}
    rows, networks = [], {}
    with progress_bar(progress, len(names) * len(seeds), "constructions") as bar:
        for name, twin in names.items():
            if twin in networks and len(networks[twin].columns) == points.d:  # it would be built once more
                bar.update(len(seeds))
                continue
            bound = _bound(options[name], n, points.d, deltas, labels.n_bits)
            row, network = _build(name, X, y, bound, _with_delta(options[name], deltas), seeds, bar)
            rows.append(row)
            if network is not None:
                networks[name] = network
    least = hyperplanes_for_cells(len(labels.classes), points.d)
    shape = points.n, n, points.d, len(labels.classes)
    return Comparison(*shape, deltas.get("all"), least, tuple(rows), networks, seeds, deltas.get("labels"))


def _as_seeds(seeds, random_state):
    """Seeds, as many as asked for or those given: a tuple of int."""
    generator = as_generator(random_state)
    if isinstance(seeds, numbers.Integral):
        n = as_count("seeds", seeds)
        if isinstance(random_state, numbers.Integral):
            return tuple(range(int(random_state), int(random_state) + n))
        return tuple(int(generator.integers(2**63)) for _ in range(n))
    if random_state is not None:
        raise InvalidInput("random_state=... and seeds=... both say which seeds: give one of them")
    try:
        seeds = list(seeds)
    except TypeError:
        raise InvalidInput(f"seeds is how many, or which, not {seeds!r:.100}") from None
    if not seeds:
        raise InvalidInput("seeds is empty: give at least one")
    return tuple(as_count(f"seeds[{i}]", seed, 0, _MOST_SEED) for i, seed in enumerate(seeds))


def _options(name, separate, n_threads):
    """Options of `memorize` for a contestant."""
    options = CONTESTANTS[name] | {"n_threads": n_threads}
    if "separate" in CONSTRUCTIONS[options["construction"]].OPTIONS:
        options["separate"] = separate
    return options


def _delta(kind, X, y, n_threads, progress):
    """Smallest distance in the unit ball of all distinct points, or of those with different labels."""
    return separation(X, y if kind == "labels" else None, n_threads=n_threads, progress=progress).delta


def _with_delta(options, deltas):
    construction = CONSTRUCTIONS[options["construction"]]
    return options | {"delta": deltas.get(construction.DELTA)} if "delta" in construction.OPTIONS else options


def _bound(options, n, d, deltas, n_label_bits):
    """Neurons that a theorem promises; None if none does, if float64 overflows, or for a class, which takes none."""
    theorem = theorem_of(options)
    if theorem is None or n_label_bits == 0:
        return None
    try:
        return theorem.bound(n, d, deltas.get(theorem.DELTA), n_label_bits).neurons
    except OverflowError:
        return None


def _build(name, X, y, bound, options, seeds, bar):
    """What is said of a contestant, and its network of the first seed, or None if one of the seeds gives none."""
    measured, networks = [], []
    for seed in seeds:
        try:
            network, seconds = _timed(memorize, X, y, random_state=seed, **options)
        except (InvalidInput, MemorizationError):
            raise  # of the data, or a bug: for other constructions too
        except FastmemError as error:
            bar.update(len(seeds) - len(measured))
            seed = f"with seed {seed}: " if len(seeds) > 1 else ""
            return Built(name, bound=bound, reason=f"{seed}{error}"), None
        measured.append(_measured(network, X, bound, seconds, options["n_threads"]))
        networks = networks or [network]  # of the others there may be many
        bar.update(1)
    return _averaged(name, bound, measured), networks[0]


def _measured(network, X, bound, seconds, n_threads):
    """Of one network, by the names of `Built`."""
    predicting = min(_timed(network.predict, X, n_threads=n_threads)[1] for _ in range(_REPEATS))
    m = None if network.has_numbers else network.n_hyperplanes
    return {
        "neurons": network.n_neurons,
        "weights": network.n_weights,
        "largest_integer_weight": network.largest_integer_weight,
        "depth": network.depth,
        "hyperplanes": m,
        "bits": 8 * network.nbytes / network.n_points,
        "build_seconds": seconds,
        "predictions_per_second": network.n_points / predicting,
        "smallest_distance": _smallest_radius(network, X, n_threads),
        "ratio": network.n_neurons / bound if bound else None,
        "hyperplanes_least": None if m is None else hyperplanes_for_cells(network.n_told_apart, network.n_features_in),
        "longest_integer": network.longest_integer,
        "float64_safe": network.is_safe("float64"),
    }


def _smallest_radius(network, X, n_threads):
    """Of a memorized point; None of a network that certifies none."""
    if network.has_numbers and network.layers:
        return None
    return float(network.certified_radius(X, n_threads=n_threads).min())


_OF_ALL = {"largest_integer_weight": max, "float64_safe": all}
"""What is said of the networks of all seeds together, by how; of all else the mean is."""


def _averaged(name, bound, measured):
    """One `Built` of what was measured for each seed."""
    values = {key: [one[key] for one in measured] for key in measured[0]}
    varying = {key: each for key, each in values.items() if key not in _OF_ALL and len(set(each)) > 1}
    facts = {key: each[0] for key, each in values.items()}
    facts |= {key: statistics.fmean(each) for key, each in varying.items()}
    facts |= {key: of_all(values[key]) for key, of_all in _OF_ALL.items()}
    deviations = {key: statistics.stdev(each) for key, each in varying.items()}
    return Built(name, bound=bound, deviations=deviations, **facts)


def _timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start
