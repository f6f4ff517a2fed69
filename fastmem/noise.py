"""What a network needs to find noisy copies of its memorized points again: measured on copies, and put as settings.

A point that noise moved across some hyperplanes is found by `predict` if each of them is nearer to the copy than the
tolerance (`fastmem.network.near_codes`), and if the set of them is among the first that are tried. For copies whose
points are known both can be measured, without a search:

- the *reach* of a copy is its distance from the farthest hyperplane between it and its point: the tolerance is an order
  statistic of reaches, beyond which few enough copies lie with a confidence of 95 %;
- the *rank* of a copy is how many codes are tried until its point's is, by fingerprints so long that no other is taken
  for it by chance: so is the number of probes.

A quarter of the copies that may be lost are left to the tolerance, a quarter to the probes, and the rest to chance and
to what a network that is built again does otherwise. Fingerprints get so many bits that chance is a small part of it.
More bits bring more hyperplanes, which noise crosses too. So where the network has fewer bits, one on trial is built
with so many, and reaches and ranks are measured anew for that. If it loses more copies than `keep` allows, and than the
network as it is, the settings are for this one.

What comes of the settings is measured then on fresh copies, and on inputs that must stay unknown: more tolerance lets
more of these pass. Codes that are tried are counted, and no step goes on beyond some tens of millions.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastmem.api import memorize
from fastmem.data.as_points import as_memorized_points, as_points
from fastmem.data.options import as_generator
from fastmem.data.points import Points
from fastmem.data.sorting import distinct
from fastmem.errors import InvalidInput, RecognitionWarning
from fastmem.html.elements import element, fragment, pairs
from fastmem.machine.floats import default_environment
from fastmem.machine.threads import resolve_threads
from fastmem.network import EncodedNetwork
from fastmem.network.base import SETTINGS
from fastmem.store import Filter
from fastmem.store.filter import MOST_BITS

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from fastmem.network import Network

__all__ = ["ToleranceSuggestion", "suggest_tolerance"]

_USER = 2
_DOUBT = 0.05  # of the ends of intervals
_LOST = 20  # copies that may be lost: the more, the nearer to what is asked for the settings come
_FEWEST_COPIES, _MOST_COPIES = 2000, 200_000
_OTHERS, _FEWEST, _MIXED_ROWS = 10_000, 1000, 2000
_FEW_COLUMNS = 8  # times these are fewer than rows
_NUMBERS = 2**24  # of copies, or of others
_BY_TOLERANCE, _BY_PROBES = 0.25, 0.5  # parts of the share that may be lost: by the first, and by both
_FIRST_PROBES, _GROWTH, _MOST_PROBES, _MOST_FOUND = 30, 10, 100_000, 0.99
_WORK, _WORK_OF_OTHERS, _PARTS = 2**24, 2**21, 8  # probes: some seconds
_FEWEST_TRIED, _FEWEST_MEASURED, _FEWEST_COPIES_MEASURED = 30, 100, 250  # inputs, however many probes each takes
_ROOM = 1.5  # times the probes needed
_ROUNDS = 2  # networks on trial
_SURE_BITS, _MOST_CHANCE = 2, 1e-3  # of what is lost, chance takes a quarter
_DIGITS = 3
_ROUNDING = 1e-8  # of covariances, relative to the largest
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, repr=False)
class ToleranceSuggestion:
    """What `suggest_tolerance` returns: print it, or take ``to_dict()``.

    Attributes
    ----------
    tolerance : float
        For `predict`, in the units of X.
    max_probes : int
        For `predict`.
    fingerprint_bits : int
        That all figures are for. If they are more than the network has, build it again with these, and ask again: they
        are measured on a network built so with another seed, and change a little.
    network_bits : int
        Fingerprint bits that the network has.
    safe_bits : int
        So many that hardly any code that is tried passes by chance. `fingerprint_bits` are these, unless a network that
        has them loses too many copies, by the hyperplanes that come with more bits: then those that the network has.
    right_with_safe_bits : float
        The share of noisy copies that get their own label from a network built with so many bits.
    keep : float
        The share of noisy copies asked for.
    right, wrong, unknown : float
        Shares of noisy copies that get their own label, another one, or none.
    right_at_least : float
        Lower end, with a confidence of 95 %, of what share gets its own label.
    n_copies : int
        Noisy copies that these shares were measured on.
    tried : float
        How many codes are tried for a noisy copy, on average: what it costs to find it.
    tried_of_others : dict
        The same of other inputs, by kind: it may be many times as much, and takes as many times as long.
    passing : dict
        Of other inputs, by kind, the share that is taken for known with these settings.
    n_others : int
        The most inputs of a kind that it was measured on.
    is_reached : bool
        Whether `right_at_least` is `keep` or more.
    """

    tolerance: float
    max_probes: int
    fingerprint_bits: int
    network_bits: int
    safe_bits: int
    right_with_safe_bits: float
    keep: float
    right: float
    wrong: float
    unknown: float
    right_at_least: float
    n_copies: int
    tried: float
    tried_of_others: dict[str, float]
    passing: dict[str, float]
    n_others: int
    is_reached: bool

    def to_dict(self) -> dict[str, Any]:
        """All attributes, as plain values."""
        return asdict(self)

    def __repr__(self) -> str:
        reached = "reached" if self.is_reached else "not reached"
        settings = f"tolerance={self.tolerance!r}, max_probes={self.max_probes}"
        return f"<fastmem tolerance suggestion: {settings}, {_percent(self.keep)} right {reached}; print it>"

    def __str__(self) -> str:
        return "\n".join([*(f"{name:<12}  {value}" for name, value in self._rows()), *self._bits(), "", self._call])

    def _repr_html_(self) -> str:
        """What is printed, as a table and the call to use, for a notebook."""
        bits = (element("p", line) for line in self._bits())
        return fragment(pairs(self._rows()), *bits, element("pre", element("code", self._call)))

    def _rows(self):
        right = f"{_percent(self.right)} right ({_percent(self.right_at_least)} at least, 95 %)"
        others = f"{_percent(self.wrong)} wrong, {_percent(self.unknown)} unknown"
        yield "noisy copies", f"{right}, {others}, of {self.n_copies:,}"
        yield "asked for", f"{_percent(self.keep)} right: {'reached' if self.is_reached else 'not reached'}"
        passing = ", ".join(f"{_percent(share)} of {kind}" for kind, share in self.passing.items())
        if passing:
            yield "taken for known", f"{passing} ({self.n_others:,} measured)"
        if self.tolerance:
            tried = {"noisy copies": self.tried} | self.tried_of_others
            yield "codes tried", ", ".join(f"{_count(count)} for {kind}" for kind, count in tried.items())

    def _bits(self):
        """What to do if the settings are for another number of fingerprint bits than the network has, or why not."""
        if self.fingerprint_bits != self.network_bits:
            yield (
                f"for {self.fingerprint_bits} fingerprint bits; the network has {self.network_bits}: build it again "
                f"with memorize(..., fingerprint_bits={self.fingerprint_bits})"
            )
            yield "and ask again: its hyperplanes are others then, and noise crosses these too"
        elif self.safe_bits != self.network_bits:
            yield (
                f"for the network as it is: {self.safe_bits} fingerprint bits would let fewer other inputs pass by "
                "chance,"
            )
            yield (
                "but more bits bring more hyperplanes, which noise crosses too: a network built so gave "
                f"{_percent(self.right_with_safe_bits)} right"
            )

    @property
    def _call(self):
        return f"net.predict(X, unknown=..., tolerance={self.tolerance!r}, max_probes={self.max_probes})"


def suggest_tolerance(
    net: Network,
    X: ArrayLike,
    noise: ArrayLike | None = None,
    *,
    copies: ArrayLike | None = None,
    rows: ArrayLike | None = None,
    keep: float = 0.999,
    others: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = None,
    n_threads: int | None = None,
) -> ToleranceSuggestion:
    """With which tolerance, probes and fingerprint bits noisy copies of memorized rows get their own label.

    Measured on noisy copies: what the tolerance must reach, how many codes must be tried, and with both what share
    of other inputs passes for known. More tolerance lets more of these pass, so it is as small as `keep` allows. Where
    more fingerprint bits seem to be needed, a network that has them is built to measure it, once or twice.

    Parameters
    ----------
    net : EncodedNetwork
        With fingerprints of cells: from ``memorize(..., fingerprint_bits=16)``.
    X : array_like of shape (n, d)
        All rows that it memorized, in any order.
    noise : float, array_like of shape (d,) or (d, d), optional
        Normal noise with mean 0, drawn anew for each copy: its standard deviation in every column, in the units of X;
        or that of each column; or its covariance. Columns are those of the network, in their order.
    copies : array_like of shape (k, d), optional
        Noisy copies, in place of `noise`: give one of the two.
    rows : integer array_like of shape (k,), optional
        Copy i is of ``X[rows[i]]``; of ``X[i]`` if `rows` is left out, and then k = n.
    keep : float
        The share of copies that are to get their own label, between 0 and 1. It is reached if the share measured says
        so with a confidence of 95 %, which takes at least 3 / (1 - keep) copies.
    others : array_like of shape (k, d), optional
        Inputs that should stay unknown, of which to measure the share that passes. By default normal inputs of X's mean
        and covariance, and rows whose columns are those of different rows of X.
    random_state : int, numpy.random.Generator or None
        Seed of what is drawn.
    n_threads : int, optional
        All cores by default. The result is the same for any.

    Returns
    -------
    ToleranceSuggestion
        Print it: it ends with the call to use.

    Raises
    ------
    InvalidInput
        The network has no fingerprints of cells, X is not what it memorized, or noise, copies or options are none.

    Warns
    -----
    RecognitionWarning
        `keep` is not reached: the noise is about as large as the distances between rows, or copies are too few.

    Examples
    --------
    >>> import numpy as np, fastmem
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(1000, 32)), rng.integers(0, 5, 1000)
    >>> net = fastmem.memorize(X, y, separate="all", fingerprint_bits=20, random_state=0)
    >>> found = fastmem.suggest_tolerance(net, X, 0.02, random_state=0)
    >>> found.is_reached, found.fingerprint_bits
    (True, 20)
    >>> noisy = X + 0.02 * rng.normal(size=X.shape)
    >>> labels = net.predict(noisy, unknown=-1, tolerance=found.tolerance, max_probes=found.max_probes)
    >>> bool((labels == y).mean() >= 0.995)
    True
    """
    _check_network(net)
    keep, random_state, n_threads = _as_share(keep), as_generator(random_state), resolve_threads(n_threads)
    points = as_memorized_points(X, net.n_points, net.n_features_in, net.feature_names)
    given = _of_memorized(net, points, n_threads)
    chosen_by, measured_by = _copies(net, points, noise, copies, rows, keep, random_state, n_threads)
    others = _others(net, points, others, random_state, n_threads)

    settings = as_it_is = _settings(given, chosen_by, others, keep, n_threads)
    trial = given
    for _ in range(_ROUNDS):
        bits = _bits(trial.net.fingerprint_bits, settings, 1 - keep)
        if bits == trial.net.fingerprint_bits:
            break
        again = _built_again(net, bits, X, given.indices, random_state, n_threads)
        trial = _of_memorized(again, points, n_threads)
        settings = _settings(trial, chosen_by, others, keep, n_threads)
    suggestion = _measured(trial, settings, measured_by, others, keep, n_threads)
    if trial is not given:
        suggestion = replace(suggestion, network_bits=net.fingerprint_bits)
        if not suggestion.is_reached:
            as_it_is = _measured(given, as_it_is, measured_by, others, keep, n_threads)
            suggestion = _nearer(suggestion, as_it_is)
    if not suggestion.is_reached:
        warnings.warn(_not_reached(suggestion), RecognitionWarning, stacklevel=_USER)
    return suggestion


def _check_network(net):
    if not isinstance(net, EncodedNetwork) or net.fingerprints is None:
        raise InvalidInput(
            "a tolerance is for networks with fingerprints, by which inputs are known: build one with "
            'memorize(..., construction="compact", fingerprint_bits=16)'
        )
    if net.recognition.by == "rows":
        raise InvalidInput(
            "this network knows rows by a hash of their numbers, and no noisy copies of them: build one with "
            'memorize(..., recognise="cells")'
        )


def _as_share(keep):
    try:
        share = float(keep)
    except (TypeError, ValueError):
        share = math.nan
    if not 0 < share < 1:
        raise InvalidInput(f"keep must be a share between 0 and 1, both excluded, not {keep!r}")
    return share


# What was memorized


class _Memorized(NamedTuple):
    """A network and its rows X: the positions of their labels in `classes`, and all codes of cells, ascending."""

    net: EncodedNetwork
    indices: np.ndarray
    codes: np.ndarray

    def sure(self):
        """The same network with fingerprints so long that chance plays no part."""
        net = self.net
        if net.fingerprint_bits == MOST_BITS:
            return net
        return EncodedNetwork(
            net.encoder, net.store, net.classes, recognition=net.recognition, reading=net.reading,
            fingerprints=Filter.recognising(self.codes, net.recognition.n_bits, MOST_BITS),
            **{name: getattr(net, name) for name in SETTINGS},
        )  # fmt: skip


def _of_memorized(net, points, n_threads):
    _check_finite(points, n_threads)
    codes, of_cells = net.recognition.codes_of(points.on(net.recognition.reading), n_threads)
    unknown = np.flatnonzero(~net.fingerprints.accepts(of_cells))
    if len(unknown):
        raise InvalidInput(
            f"the network does not know X[{unknown[0]}]: give all rows that it memorized, in any order, without noise"
        )
    return _Memorized(net, net.store.lookup(codes), distinct(of_cells))


def _built_again(net, bits, X, labels, random_state, n_threads):
    """A network with other fingerprint bits, which reads the same columns and tells the same rows apart."""
    reading, places = net.recognition.reading, net.recognition.places
    columns = "auto" if places is not None else "all"
    if reading is not None:
        columns = reading.columns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecognitionWarning)
        return memorize(
            X, labels, separate=net.separate, columns=columns, fingerprint_bits=bits, random_state=random_state,
            n_threads=n_threads,
        )  # fmt: skip


def _check_finite(points, n_threads):
    points.over_rows(lambda *_: None, n_threads, columns=np.empty(0, np.int64))


# Noisy copies


class _Copies(NamedTuple):
    """Noisy copies, with the columns that recognition reads: of which rows, these rows, and the copies."""

    rows: np.ndarray
    originals: Points
    points: Points

    def first(self, n):
        """The first n of them."""
        return _Copies(self.rows[:n], _first(self.originals, n), _first(self.points, n))


def _first(points, n):
    """The first n of some points."""
    return points if points.n <= n else _read(points.take(np.arange(n)))


def _read(array):
    """Points of columns that are read already."""
    return Points(array)


def _copies(net, points, noise, copies, rows, keep, random_state, n_threads):
    """`_Copies` to choose settings by, and others to measure these on; the same, if those given are few."""
    if (noise is None) == (copies is None):
        raise InvalidInput("noise or copies says how rows are moved: give one of the two, as noise=0.1")
    wanted = min(max(math.ceil(_LOST / (1 - keep)), _FEWEST_COPIES), _MOST_COPIES)
    wanted = min(wanted, max(_NUMBERS // points.d, _FEWEST_COPIES))
    reading = net.recognition.reading
    if copies is None:
        if rows is not None:
            raise InvalidInput("rows says of which rows copies are: give copies=... too")
        scale = _scale(noise, points.d)
        return [_drawn(points, scale, wanted, reading, random_state) for _ in range(2)]
    copies, rows = _given(net, points, copies, rows, n_threads)
    order = random_state.permutation(copies.n)
    parts = (order[:wanted], order[wanted : 2 * wanted]) if copies.n >= 2 * wanted else (order[:wanted],) * 2
    return [
        _Copies(rows[part], *(_read(of.on(reading).take(numbers)) for of, numbers in (
            (points, rows[part]), (copies, part)
        )))
        for part in parts
    ]  # fmt: skip


def _drawn(points, scale, n, reading, random_state):
    """Copies of n rows, each row as often as any other or once more."""
    rounds = -(-n // points.n)
    rows = np.concatenate([random_state.permutation(points.n) for _ in range(rounds)])[:n]
    originals = points.take(rows).astype(np.float64)
    steps = random_state.standard_normal(originals.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        noisy = originals + (steps @ scale if scale.ndim == 2 else steps * scale)
    if not np.isfinite(noisy).all():
        raise InvalidInput("noise moves rows of X beyond the largest float64")
    return _Copies(rows, *(_read(Points(array).on(reading).take(np.arange(n))) for array in (originals, noisy)))


def _scale(noise, d):
    """What standard normal steps are multiplied by: a number, one for each column, or a symmetric matrix."""
    try:
        scale = np.asarray(noise, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"noise must be numbers, not {type(noise).__name__}") from None
    if scale.shape not in ((), (d,), (d, d)):
        raise InvalidInput(
            f"noise has shape {scale.shape}: give a standard deviation, {d} of them, or a covariance of shape "
            f"({d}, {d}); noisy rows are given as copies=..."
        )
    if not np.isfinite(scale).all():
        raise InvalidInput("noise must be finite")
    if scale.ndim == 2:
        return _root(scale)
    if (scale < 0).any():
        raise InvalidInput(f"noise must be 0 or more, not {scale.min():g}: it is a standard deviation")
    return scale


def _root(covariance):
    """The symmetric square root of a covariance."""
    largest = np.abs(covariance).max()
    if (np.abs(covariance - covariance.T) > _ROUNDING * largest).any():
        raise InvalidInput("noise of shape (d, d) is a covariance, which must be symmetric")
    variances, directions = np.linalg.eigh((covariance + covariance.T) / 2)
    if variances.min() < -_ROUNDING * largest * len(covariance):
        raise InvalidInput(
            f"noise of shape (d, d) is a covariance, and the variance in one direction is {variances.min():.3g}: "
            "it must be 0 or more in each"
        )
    return (directions * np.sqrt(variances.clip(min=0))) @ directions.T


def _given(net, points, copies, rows, n_threads):
    """Given copies as `Points`, and the rows that they are of."""
    copies = _inputs("copies", net, copies, n_threads)
    if rows is None:
        if copies.n != points.n:
            raise InvalidInput(
                f"copies has {copies.n} rows and X {points.n}: say with rows=... of which row of X each is a copy"
            )
        return copies, np.arange(points.n)
    rows = np.asarray(rows)
    if rows.shape != (copies.n,) or rows.dtype.kind not in "iu":
        raise InvalidInput(f"rows must be {copies.n} integers, one for each of copies")
    if rows.min() < 0 or rows.max() >= points.n:
        raise InvalidInput(f"rows must lie between 0 and {points.n - 1}, as those of X do")
    return copies, rows.astype(np.int64)


def _inputs(name, net, inputs, n_threads):
    """Inputs, checked as X is, as `Points` of all columns."""
    try:
        inputs = as_points(inputs, net.n_features_in, names=net.feature_names)
        _check_finite(inputs, n_threads)
    except InvalidInput as error:
        raise InvalidInput(f"{name}, as X: {error.what}", error.in_python) from None
    return inputs


# Other inputs


def _others(net, points, others, random_state, n_threads):
    """Inputs that should stay unknown by kind, with the columns that recognition reads."""
    most, reading = min(_OTHERS, max(_NUMBERS // points.d, _FEWEST)), net.recognition.reading
    if others is not None:
        others = _inputs("others", net, others, n_threads)
        rows = np.sort(random_state.permutation(others.n)[:most])
        return {"others": _read(others.on(reading).take(rows))}
    if points.n == 1:
        return {}
    rows = points.take(np.sort(random_state.permutation(points.n)[:_MIXED_ROWS])).astype(np.float64)
    kinds = {
        "normal inputs of X's covariance": _normal(rows, most, random_state),
        "rows with columns permuted": _permuted(rows, most, random_state),
    }
    return {kind: _read(Points(inputs).on(reading).take(np.arange(most))) for kind, inputs in kinds.items()}


def _normal(rows, n, random_state):
    """Normal inputs: sums of some rows, less their mean, with normal weights have their covariance.

    So have sums of the rows of R in their decomposition QR, and these are fewer where columns are few.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = rows.mean(axis=0)
        deviations = (rows - mean) / math.sqrt(len(rows))
        if _FEW_COLUMNS * rows.shape[1] < len(rows):
            deviations = np.linalg.qr(deviations, mode="r")
        inputs = mean + random_state.standard_normal((n, len(deviations))) @ deviations
    return np.nan_to_num(inputs)


def _permuted(rows, n, random_state):
    """Each column from other rows."""
    columns = np.arange(rows.shape[1])
    return rows[random_state.integers(0, len(rows), (n, len(columns))), columns]


# Settings


class _Settings(NamedTuple):
    """Tolerance and probes, and how many codes are tried for a copy, and for another input, on average."""

    tolerance: float
    max_probes: int
    tried: float = 0.0
    tried_of_others: float = 0.0


def _settings(trial, copies, others, keep, n_threads):
    """`_Settings` by copies and by others, of which a few show how long they are looked for."""
    reaches = _reaches(trial.net.recognition.hyperplanes, copies, n_threads)
    n, lost = len(reaches), 1 - keep
    reach = float(np.sort(reaches)[n - 1 - _most_lost(n, _BY_TOLERANCE * lost)])
    if not reach:
        return _Settings(0.0, 1)
    tolerance, most_lost = _rounded_up(reach), _most_lost(n, _BY_PROBES * lost)
    sure = trial.sure()
    ranks = np.sort(_ranks(sure, trial.indices, copies, reaches, tolerance, most_lost, n_threads))
    rank = ranks[n - 1 - most_lost]
    if rank == _NEVER:  # the best that there is
        found = ranks[ranks < _NEVER]
        rank = found[math.ceil(_MOST_FOUND * len(found)) - 1] if len(found) else 1
    max_probes = _round_number(_ROOM * rank)
    tried = float(ranks.clip(max=max_probes).mean())
    few = max(_WORK_OF_OTHERS // max_probes // _PARTS, _FEWEST_TRIED)
    tried_of_others = max(
        (
            float(_answers(sure, _first(inputs, few), tolerance, max_probes, n_threads)[2].mean())
            for inputs in others.values()
        ),
        default=0.0,
    )
    return _Settings(tolerance, max_probes, tried, tried_of_others)


def _bits(bits, settings, lost):
    """Fingerprint bits for some settings, with which those of so many bits are tried.

    So many that inputs for which so many codes are tried meet a fingerprint by chance far less often than are lost:
    those there are where one more would do, else whoever builds it again would be told to do so once more.
    """
    if not settings.tolerance:
        return bits
    tried = max(settings.tried, settings.tried_of_others, 1.0)
    needed = math.ceil(math.log2(tried / min(lost, _MOST_CHANCE)) + _SURE_BITS)
    return bits if needed <= bits + 1 else min(needed, MOST_BITS)


def _measured(trial, settings, copies, others, keep, n_threads):
    """What comes of the settings: `ToleranceSuggestion`."""
    tolerance, max_probes, _, _ = settings
    net, bits = trial.net, trial.net.fingerprint_bits
    copies = copies.first(max(int(_WORK / max(settings.tried, 1)), _FEWEST_COPIES_MEASURED))
    indices, known, tried = _answers(net, copies.points, tolerance, max_probes, n_threads)
    is_right = known & (indices == trial.indices[copies.rows])
    n, n_right = len(known), int(is_right.sum())
    right_at_least = _lower_end(n_right, n)
    most = max(int(_WORK_OF_OTHERS / max(settings.tried_of_others, 1)), _FEWEST_MEASURED)
    others = {kind: _first(inputs, most) for kind, inputs in others.items()}
    answers = {kind: _answers(net, inputs, tolerance, max_probes, n_threads) for kind, inputs in others.items()}
    return ToleranceSuggestion(
        tolerance, max_probes, bits, bits, bits, n_right / n, keep,
        n_right / n, float((known & ~is_right).mean()), float((~known).mean()), right_at_least, n,
        float(tried.mean()), {kind: float(of_kind.mean()) for kind, (_, _, of_kind) in answers.items()},
        {kind: float(is_known.mean()) for kind, (_, is_known, _) in answers.items()},
        max((inputs.n for inputs in others.values()), default=0), right_at_least >= keep,
    )  # fmt: skip


def _nearer(rebuilt, as_it_is):
    """The suggestion that comes nearer to what was asked for."""
    if rebuilt.right >= as_it_is.right and not as_it_is.is_reached:
        return rebuilt
    return replace(as_it_is, safe_bits=rebuilt.fingerprint_bits, right_with_safe_bits=rebuilt.right)


def _most_lost(n, share):
    """How many of n copies at most may be lost to say with 95 % that no more than this share of all are; at least 0."""
    from scipy.special import bdtr

    return max(np.count_nonzero(bdtr(np.arange(int(n * share) + 1), n, share) <= _DOUBT) - 1, 0)


def _lower_end(k, n):
    """Lower end of the one-sided 95 % interval of Clopper and Pearson for a share of which k of n were seen."""
    from scipy.special import betaincinv

    return float(betaincinv(k, n - k + 1, _DOUBT)) if k else 0.0


def _reaches(hyperplanes, copies, n_threads):
    """Distance of each copy from the farthest of the hyperplanes between it and its row, 0 where there is none."""
    reaches = np.zeros(copies.points.n)
    if not hyperplanes.m:
        return reaches
    before = hyperplanes.signs(copies.originals, n_threads)

    @default_environment()
    def work(start, stop, block):
        crossed = before[start:stop] ^ hyperplanes.signs_of_block(block)
        moved = np.flatnonzero(crossed.any(axis=1))
        crossed = np.ascontiguousarray(crossed[moved], "<u8").view(np.uint8)
        crossed = np.unpackbits(crossed, axis=1, bitorder="little", count=hyperplanes.m)
        distances = hyperplanes.distances(block[moved])
        reaches[start + moved] = np.where(crossed, distances, 0.0).max(axis=1)

    copies.points.over_rows(work, n_threads, width=hyperplanes.d + hyperplanes.m)
    return reaches


def _ranks(sure, indices, copies, reaches, tolerance, most_lost, n_threads):
    """How many codes are tried until each copy gets its own label: int64 array, `_NEVER` where none was found.

    With more and more probes, until enough copies are found or it takes too long.
    """
    ranks = np.where(reaches > 0, _NEVER, 0)
    left, probes, spent = np.flatnonzero((reaches > 0) & (reaches < tolerance)), _FIRST_PROBES, 0
    while True:
        inputs = _read(copies.points.take(left))
        found, known, tried = _answers(sure, inputs, tolerance, probes, n_threads)
        is_right = known & (found == indices[copies.rows[left]])
        ranks[left[is_right]] = tried[is_right]
        spent += int(tried.sum())
        tried, left = tried[~known], left[~known]
        if np.count_nonzero(ranks == _NEVER) <= most_lost or probes == _MOST_PROBES or (tried < probes).all():
            return ranks
        probes = min(_GROWTH * probes, _MOST_PROBES)
        if spent + len(left) * probes > _WORK:
            return ranks


def _answers(net, points, tolerance, max_probes, n_threads):
    """Positions of labels, whether inputs are known, and how many codes were tried; as `predict` has them."""
    codes, known, tried = np.empty(points.n, np.uint64), np.empty(points.n, bool), np.empty(points.n, np.int64)

    def work(start, stop, block):
        codes[start:stop], known[start:stop], tried[start:stop] = net.recognise(block, tolerance, max_probes)

    points.over_rows(work, n_threads)
    return net.store.lookup(codes), known, tried


def _rounded_up(reach):
    """A number of three digits above a distance."""
    exponent = math.floor(math.log10(reach)) + 1 - _DIGITS
    rounded = float(f"{math.floor(reach / 10.0**exponent) + 1}e{exponent}") if exponent > -300 else 0.0
    return rounded if reach < rounded < math.inf else math.nextafter(reach, math.inf)


def _round_number(count):
    """1, 2 or 5 times a power of ten, no less than a number."""
    count = max(math.ceil(count), 1)
    power = 10 ** (len(str(count)) - 1)
    return next(times * power for times in (1, 2, 5, 10) if times * power >= count)


# What is said


def _percent(share):
    return f"{100 * share:.5g} %"


def _count(number):
    """A number of codes, with two digits."""
    return f"{float(f'{number:.2g}'):,g}"


def _not_reached(suggestion):
    n, keep = suggestion.n_copies, suggestion.keep
    most = _lower_end(n, n)
    if most < keep:
        return (
            f"{n:,} noisy copies can show no more, with a confidence of 95 %, than that {_percent(most)} get their "
            f"label, and keep asks for {_percent(keep)}: it was {_percent(suggestion.right)} of them, and "
            f"{math.ceil(3 / (1 - keep)) if keep < 1 else 'no number of'} copies could show that"
        )
    return (
        f"keep asks that {_percent(keep)} of noisy copies get their label, and {_percent(suggestion.right)} do "
        f"({_percent(suggestion.right_at_least)} at least, with a confidence of 95 %); {_percent(suggestion.wrong)} "
        "get another one: the noise is too large beside the distances between rows, or columns differ too much in scale"
    )
