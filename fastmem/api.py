"""The front door: validate, construct, verify."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastmem.blas import single_threaded_blas
from fastmem.blocks import over_row_blocks, resolve_threads
from fastmem.constructions import CONSTRUCTIONS
from fastmem.environment import default_environment
from fastmem.errors import InvalidInput, MemorizationError
from fastmem.progress import progress_bar
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS
from fastmem.validation import (
    as_count,
    as_distance,
    as_generator,
    as_labels,
    as_points,
    check_option,
    refuse_contradictions,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastmem.network import EncodedNetwork

__all__ = ["memorize"]

_SEPARATE = ("labels", "all")


@default_environment()
@single_threaded_blas()
def memorize(
    X: ArrayLike,
    y: ArrayLike,
    *,
    construction: str = "compact",
    store: str = "binary",
    separate: str = "labels",
    margin: float = 0.0,
    fingerprint_bits: int = 0,
    effort: str = "balanced",
    random_state: int | np.random.Generator | None = None,
    verify: bool = True,
    n_threads: int | None = None,
    progress: bool | type = False,
) -> EncodedNetwork:
    """Construct a threshold network that returns the label of every given point.

    Nothing is trained: hyperplanes are chosen until points that must differ have different signs, and a shallow
    threshold network reads labels from these signs. Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS
    2021, arXiv 2106.07724) prove that Õ(1/delta + sqrt n) units suffice for any labels of n points a distance
    delta apart.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points: floats, integers within ±2^53 or booleans. A C-contiguous, strided or memory-mapped float32 or
        float64 array is read in place and never copied.
    y : array_like of shape (n,)
        Labels of any dtype whose values can be told apart: integers, booleans, strings, bytes, dates, floats
        (compared bit by bit), or Python objects that can be hashed or sorted.
    construction : {"compact"}
        How the network is built.
    store : {"binary", "integer"}
        How labels are read from codes. "binary": with one-bit weights, 1.01 to 1.12 for each bit of the labels'
        entropy. "integer": in the fewest units, with integer weights of 20 to 60 bits, one for each second label or so;
        it is used too where a binary store would take more than 2 weights a bit, as for few points, and
        `EncodedNetwork.report` says so.
    separate : {"labels", "all"}
        Which points must get different codes: those with different labels, or all that are distinct.
    margin : float
        Euclidean distance, in the units of X, that every row keeps from every hyperplane: an input nearer than this
        to a memorized row gets that row's label (see `EncodedNetwork.certified_radius`). Takes more hyperplanes,
        and a pass over X for each of the steps by which one is cleared of points.
    fingerprint_bits : int
        f from 0 to 32. With f > 0, the network recognises inputs it has not stored (`EncodedNetwork.contains`, and
        ``predict(X, unknown=...)``) but for a share of about 2^-f, for about 1.02 f more bits a point.
    effort : {"fast", "balanced", "small"}
        How hard to search for few hyperplanes. "small" takes the fewest, and may take a minute for a million
        points; "fast" spends the least time.
    random_state : int, numpy.random.Generator or None
        The same seed and data give the same network, whatever `n_threads`.
    verify : bool
        Predict all of X afterwards and compare with y. It cannot fail, and that is checked.
    n_threads : int, optional
        All cores this process may use by default; 1 starts no thread. BLAS uses one in any case, in the whole process
        until `memorize` returns.
    progress : bool or tqdm class
        Show progress bars.

    Returns
    -------
    EncodedNetwork
        ``net.predict(X)`` equals y, element by element.

    Raises
    ------
    InvalidInput
        X or y cannot be used as they are; the message names the row.
    ContradictoryLabels
        Equal rows have different labels.
    MarginNotReached
        Points that must differ could not be separated at that margin; the error holds the largest one found.
    MemorizationError
        Verification failed, which must never happen.

    Examples
    --------
    >>> import numpy as np, fastmem
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(1000, 16)), rng.integers(0, 10, 1000)
    >>> net = fastmem.memorize(X, y, random_state=0)
    >>> bool(np.all(net.predict(X) == y))
    True
    """
    build = CONSTRUCTIONS[check_option("construction", construction, tuple(CONSTRUCTIONS))].build
    check_option("store", store, tuple(STORES))
    check_option("separate", separate, _SEPARATE)
    check_option("effort", effort, tuple(EFFORTS))
    margin = as_distance("margin", margin)
    fingerprint_bits = as_count("fingerprint_bits", fingerprint_bits, 0, MOST_FINGERPRINT_BITS)
    n_threads = resolve_threads(n_threads)
    random_state = as_generator(random_state)
    points = as_points(X)
    if points.n > np.iinfo(np.int32).max:
        raise InvalidInput(f"X has {points.n} rows: a network memorizes at most 2^31 - 1; split X and build several")
    labels = as_labels(y, points.n)
    with progress_bar(progress, points.n, "reading") as bar:
        later, first = points.equal_rows(n_threads, bar)
    refuse_contradictions(labels, later, first)
    network = build(
        points,
        labels,
        _must_differ(labels, later, first, separate),
        store=store,
        separate_by=separate,
        margin=margin,
        fingerprint_bits=fingerprint_bits,
        effort=effort,
        random_state=random_state,
        n_threads=n_threads,
        progress=progress,
    )
    if verify:
        _verify(network, points, labels, n_threads, progress)
    return network


def _must_differ(labels, later, first, separate):
    """Class index of each point, or for ``separate="all"`` the lowest row equal to it."""
    if separate == "labels":
        return labels.indices
    distinct = np.arange(len(labels.indices), dtype=np.int32)
    distinct[later] = first
    return distinct


def _verify(network, points, labels, n_threads, progress):
    wrong = np.zeros(points.n, bool)

    def work(start, stop):
        wrong[start:stop] = network.store.lookup(codes[start:stop]) != labels.indices[start:stop]
        if network.fingerprints is not None:
            wrong[start:stop] |= ~network.fingerprints.accepts(codes[start:stop])

    # All codes first: reading X evicts the store's tables from the cache.
    with progress_bar(progress, points.n, "verifying") as bar:
        codes = network.encoder.codes(points, n_threads, bar)
        over_row_blocks(work, points.n, 1, n_threads)
    if wrong.any():
        rows = np.flatnonzero(wrong).tolist()
        raise MemorizationError(
            f"{len(rows)} of {points.n} rows do not get their label back or are not recognised, the first in row "
            f"{rows[0]}: this is a bug in fastmem, please report it with the data",
            rows,
        )
