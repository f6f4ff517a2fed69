"""The front door: validate, construct, verify."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import warnings
from typing import TYPE_CHECKING, get_args

import numpy as np

from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.as_labels import as_labels, refuse_contradictions
from fastmem.data.as_points import as_points
from fastmem.data.blocks import Source, n_rows_of, whole
from fastmem.data.columns import names_of
from fastmem.data.lazy import Rows, as_dask_arrays, is_lazy
from fastmem.data.options import (
    Recognise,
    Separate,
    as_count,
    as_delta,
    as_distance,
    as_generator,
    check_option,
    own_options,
)
from fastmem.data.points import first_of_equal
from fastmem.data.reading import Reading, as_reading, equal_in_columns
from fastmem.distributed import build_local, build_on_cluster, current_client, is_partitioned, lacking
from fastmem.errors import InvalidInput, MemorizationError, RecognitionWarning
from fastmem.machine.blas import single_threaded_blas
from fastmem.machine.floats import default_environment
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import resolve_threads
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from fastmem.data.options import Columns, Construction, Effort, Store
    from fastmem.machine.progress import Progress
    from fastmem.network import Network

__all__ = ["DEFAULTS", "memorize"]

_USER = 4  # frames up from `memorize`, those of its decorators among them


@default_environment()
@single_threaded_blas()
def memorize(
    X: ArrayLike,
    y: ArrayLike,
    *,
    construction: Construction = "compact",
    store: Store = "binary",
    separate: Separate = "labels",
    columns: Columns = "auto",
    margin: float = 0.0,
    fingerprint_bits: int = 0,
    recognise: Recognise = "cells",
    negatives: ArrayLike | None = None,
    effort: Effort = "balanced",
    delta: float | None = None,
    construction_options: Mapping[str, object] | None = None,
    random_state: int | np.random.Generator | None = None,
    verify: bool = True,
    n_threads: int | None = None,
    progress: Progress = False,
    scratch: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Network:
    """Construct a threshold network that returns the label of every given point.

    Nothing is trained: hyperplanes are chosen until points that must differ have different signs, and a shallow
    threshold network reads labels from these signs. Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS
    2021, arXiv 2106.07724) prove that Õ(1/delta + sqrt n) units suffice for any labels of n points a distance
    delta apart.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Points: floats, integers within ±2^53 or booleans. A C-contiguous, strided or memory-mapped float32 or
        float64 array is read in place and never copied. Names of the columns of a data frame are kept
        (`Network.feature_names`). With `scratch` an array of Zarr or HDF5 is read block by block. An array or a data
        frame of Dask, with y another one, is memorized on the workers of the current client, or on threads.
    y : array_like of shape (n,) or (n, k)
        Labels of any dtype whose values can be told apart: integers, booleans, strings, bytes, dates, floats
        (compared bit by bit), or Python objects that can be hashed or sorted. A row of a matrix or of a data frame is
        one label of k values. Long doubles are refused, since processors write them in different ways.
    construction : {"compact", "rajput2021", "baum1988", ...}
        How the network is built. "compact": the smallest we know. "rajput2021": the proof of Rajput et al., run as an
        algorithm; it tells all distinct points apart, takes `delta`, `separate` and `columns`, and none of `store`,
        `margin`, `fingerprint_bits` and `effort`. "baum1988": one hidden layer of about n/d units, for points in
        general position (Baum, J. Complexity 4, 1988); of these options it takes `columns` alone, as do the next.
        "bubeck2020": 4 n/d ReLU units in one hidden layer, for points in general position (Bubeck, Eldan, Lee &
        Mikulincer, NeurIPS 2020). "yun2019": 4 sqrt n ReLU units in two hidden layers (Yun, Sra & Jadbabaie, NeurIPS
        2019). "park2021": n^(2/3) weights (Park, Lee, Yun & Shin, COLT 2021). "vardi2021": sqrt n weights, of as many
        bits (Vardi, Yehudai & Shamir, ICLR 2022). Units of these four carry numbers, which are integers of any size.
        "vershynin2020": for points on a sphere, units that fire rarely and a perceptron for each batch of points
        (Vershynin, SIAM J. Math. Data Sci. 2, 2020). "dirksen2024": random hyperplanes, and units that cover points;
        few where classes are far apart (Dirksen, Finke & Genzel, JMLR 25, 2024). "boxes": every input within a radius
        of a point, in the largest difference of a coordinate, has its label.
    store : {"binary", "integer"}
        How labels are read from codes. "binary": with one-bit weights, 1.01 to 1.12 for each bit of the labels'
        entropy. "integer": in the fewest units, with integer weights of 20 to 60 bits, one for each second label or so;
        it is used too where a binary store would take more than 2 weights a bit, as for few points, and
        `Network.report` says so.
    separate : {"labels", "all"}
        Which points must get different codes: those with different labels, or all that are distinct.
    columns : {"auto", "all"}, or array_like
        Which columns of X are read. "auto": few that tell points apart, where that makes `predict` faster; for the
        theorems' constructions and in up to 16 dimensions it means "all". Or column numbers, names, a slice or
        booleans: points that must be told apart have to differ in one of them. To know rows all columns are read, or
        those that are asked for.
    margin : float
        Euclidean distance, in the units of X, that every row keeps from every hyperplane: an input nearer than this
        to a memorized row gets that row's label (see `Network.certified_radius`). Takes more hyperplanes,
        and a pass over X for each of the steps by which one is cleared of points.
    fingerprint_bits : int
        f from 0 to 32. With f > 0, the network tells inputs it has not memorized (`Network.contains`, and
        ``predict(X, unknown=...)``), for about 1.02 f more bits a point. Of codes that are not stored about 2^-f pass;
        hyperplanes are added until, by rows held out, no more than 2^-f of other inputs have a stored code.
        `Network.report` says what was measured, and `RecognitionWarning` that it is more.
    recognise : {"cells", "rows"}
        By what rows are known, with fingerprints. "cells": by the signs of hyperplanes, of which there are then more:
        noise that crosses none changes nothing, and what crossed some is found (``predict(..., tolerance=...)``).
        "rows": by a hash of their numbers, so that any other row is unknown, however near; this is no threshold unit.
    negatives : array_like of shape (k, d), optional
        Rows that must not be known, with fingerprints: that is verified, and what passes is measured on them. From k =
        2^(f - 3) on more than f bits are stored, as many as keep them out.
    effort : {"fast", "balanced", "small"}
        How hard to search for few hyperplanes. "small" takes the fewest, and may take a minute for a million
        points; "fast" spends the least time.
    delta : float, optional
        For "rajput2021": the smallest distance of two distinct points after all are scaled into the unit ball, or less;
        the first layer has Õ(1/delta) units. By default it is computed (`fastmem.separation`), which beyond ten
        dimensions takes n^2 d/2 multiplications.
    construction_options : dict, optional
        Options of one construction alone, by name. For "vershynin2020" and "dirksen2024": ``{"form": "theorem"}`` draws
        as many hyperplanes as the theorem asks for; "small", the default, more and more until they are enough. For
        "boxes": ``{"radius": 0.1}``, in the units of X; 0.98 of the largest one by default. For "bubeck2020" and
        "yun2019": ``{"output": "value"}`` returns real labels themselves, as float64 and within
        `NumberNetwork.output_error`; "class", the default, any labels, by their index. For "bubeck2020": ``{"form":
        "tangent"}`` has some 2.4 n/d units, for up to 2^14 points, in place of the theorem's "slabs". For "vardi2021":
        ``form`` is "step", with threshold and identity units, or, with ReLU units alone, "steps" or the paper's
        "triangles"; ``word_bits`` the most bits of a word, of which there are more then: up to 52, float64 is exact for
        points on a grid; ``depth`` the most layers.
    random_state : int, numpy.random.Generator or None
        The same seed and data give the same network on one machine, whatever `n_threads`. Another processor may make
        another one, since BLAS and LAPACK round differently there, with the same labels for all rows of X; the network
        in a file gives the same answers everywhere.
    verify : bool
        Predict all of X afterwards and compare with y. It cannot fail, and that is checked.
    n_threads : int, optional
        All cores this process may use by default; 1 starts no thread. BLAS uses one in any case, in the whole process
        until `memorize` returns.
    progress : bool or tqdm class
        Show progress bars.
    scratch : str or os.PathLike, optional
        A folder for files, as fast as there is: the build then takes some 150 MB of memory, and 18 bytes a point there
        (34 with separate="all"). The files have no name where the system can do that, and are gone afterwards. From
        2^24 + 1 points on builds go the same way in memory, with 10 bytes a point. The network is another one than
        without, the same for any number of threads and any folder. Not for a margin, effort="small" and the theorems'
        constructions; points on a line are memorized in memory all the same.
    resume : str or os.PathLike, optional
        A folder in which such a build, or one of Dask, leaves what it knows after each round, some kilobytes: where it
        is killed, the same call goes on from there. Nothing is left when it is done.

    Returns
    -------
    Network
        ``net.predict(X)`` equals y, element by element, in its shape. An `EncodedNetwork`, or for
        constructions without codes a `LayeredNetwork` or `NumberNetwork`.

    Raises
    ------
    InvalidInput
        X, y or negatives cannot be used as they are; the message names the row.
    ContradictoryLabels
        Equal rows have different labels.
    MarginNotReached
        Points that must differ could not be separated at that margin, or radius of boxes; the error holds the largest
        one found.
    NetworkTooLarge
        The theorem asks for too many weights, because delta is small; the error says how many.
    NotInGeneralPosition
        "baum1988" or "bubeck2020" found points on a common hyperplane; the error names them.
    NotOnSphere
        "vershynin2020" found points that are not equally far from one place; the error names two.
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
    check_option("construction", construction, tuple(CONSTRUCTIONS))
    check_option("store", store, tuple(STORES))
    check_option("separate", separate, get_args(Separate))
    check_option("effort", effort, tuple(EFFORTS))
    margin = as_distance("margin", margin)
    fingerprint_bits = as_count("fingerprint_bits", fingerprint_bits, 0, MOST_FINGERPRINT_BITS)
    delta = None if delta is None else as_delta(delta)
    check_option("recognise", recognise, get_args(Recognise))
    options = _options_of(
        construction, store=store, separate=separate, margin=margin, fingerprint_bits=fingerprint_bits,
        recognise=recognise, negatives=negatives, effort=effort, delta=delta,
    )  # fmt: skip
    own = own_options(construction, CONSTRUCTIONS[construction].OWN_OPTIONS, construction_options)
    if not fingerprint_bits and (negatives is not None or recognise != DEFAULTS["recognise"]):
        which = "recognise" if negatives is None else "negatives"
        raise InvalidInput(f"{which}=... is about fingerprints: add fingerprint_bits=16, say")
    n_threads = resolve_threads(n_threads)
    random_state = as_generator(random_state)
    how = {"random_state": random_state, "verify": verify, "n_threads": n_threads, "progress": progress}
    how["resume"] = resume
    if is_lazy(X) or is_lazy(y):
        network = _of_dask(X, y, (construction, margin, effort), scratch, columns, options, how)
        _warn_of_more_than_asked(network)
        return network
    n = n_rows_of(X)
    if is_partitioned(n, scratch, construction, margin, effort):
        network = _partitioned(X, y, scratch, columns, options, how)
        if network is not None:
            _warn_of_more_than_asked(network)
            return network
    elif resume is not None:
        raise InvalidInput("resume=... is for builds in partitions: name a folder by scratch=... too, or leave it out")
    X, y = whole(X), whole(y)
    points, names = as_points(X), names_of(X)
    columns = as_reading(columns, points.d, names)
    if points.n > np.iinfo(np.int32).max:
        raise InvalidInput(
            f"X has {points.n} rows, and such a build takes at most 2^31 - 1: split X, and build several"
        )
    labels = as_labels(y, points.n)
    with progress_bar(progress, points.n, "reading") as bar:
        later, first = points.equal_rows(n_threads, bar)
    refuse_contradictions(labels, later, first)
    point_numbers = first_of_equal(points.n, later, first)
    read = points
    if isinstance(columns, Reading):
        must_differ = point_numbers if separate == "all" or construction == "rajput2021" else labels.indices
        read = points.on(columns)
        later, first = _equal_in_columns(read, must_differ, n_threads)
        if not CONSTRUCTIONS[construction].CHOOSES_COLUMNS:  # all that it knows of points are these columns
            point_numbers = first_of_equal(points.n, later, first)
    if "negatives" in options:
        options["negatives"] = _negatives(negatives, points.d, names, columns, n_threads)
    if CONSTRUCTIONS[construction].CHOOSES_COLUMNS:
        options["columns"] = "all" if isinstance(columns, Reading) else columns
    network = CONSTRUCTIONS[construction].build(
        read, labels, point_numbers, random_state=random_state, n_threads=n_threads, progress=progress, **options, **own
    )
    network.feature_names = names
    _warn_of_more_than_asked(network)
    if verify:
        _verify(network, points, labels, n_threads, progress)
        if negatives is not None:
            _verify_unknown(network, options["negatives"], n_threads)
    return network


def _partitioned(X, y, scratch, columns, options, how, names=None, rows=None):
    """The network of a partitioned build on this machine, verified; None if the points lie on a line."""
    source, names = Source(X), names_of(X) if names is None else names
    build = functools.partial(build_local, source, y, scratch=scratch, rows=rows)
    return _verified(build, source.n, source.d, names, columns, options, how)


def _of_dask(X, y, lacked, scratch, columns, options, how):
    """The network of collections of Dask: on the current cluster, or on threads."""
    if not is_lazy(X):
        raise InvalidInput("y is a collection of Dask, and X is none: compute y", "y.compute()")
    lacks = lacking(*lacked)
    if lacks:
        raise InvalidInput(
            f"{lacks} needs all points in memory, and X is a collection of Dask: leave it out, or compute X and y",
            "X.compute(), y.compute()",
        )
    X, y, names = as_dask_arrays(X, y)
    client = current_client()
    if client is None:
        rows = max(int(size) for size in X.chunks[0])
        network = _partitioned(Rows(X), Rows(y), scratch, columns, options, how, names, rows)
    elif scratch is not None:
        raise InvalidInput("scratch is a folder of this machine, and workers of Dask have their own: leave it out")
    else:
        build = functools.partial(build_on_cluster, X, y, client)
        network = _verified(build, *map(int, X.shape), names, columns, options, how)
    if network is None:
        raise InvalidInput(
            "the points lie on a line, where a network takes some bytes for each of them: compute X and y",
            "X.compute(), y.compute()",
        )
    return network


def _verified(build, n, d, names, columns, options, how):
    """The network of a partitioned build of n points, verified; None if the points lie on a line."""
    columns = as_reading(columns, d, names)
    options = {name: option for name, option in options.items() if name not in ("margin", "delta")}
    options["negatives"] = _negatives(options["negatives"], d, names, columns, how["n_threads"])
    network, wrong = build(columns=columns, **options, **how)
    if network is None:
        return None
    network.feature_names = names
    _refuse_wrong(wrong, n)
    if how["verify"]:
        _verify_unknown(network, options["negatives"], how["n_threads"])
    return network


def _warn_of_more_than_asked(network):
    if network.fingerprint_bits and not network.measured["is_reached"]:
        warnings.warn(_more_than_asked(network), RecognitionWarning, stacklevel=_USER + 1)


DEFAULTS = {name: option.default for name, option in inspect.signature(memorize).parameters.items()}
"""Of the options of `memorize`, by name."""


def _options_of(construction, **options):
    """The options that a construction takes; `InvalidInput` if another one is not left at its default."""
    taken = CONSTRUCTIONS[construction].OPTIONS
    for name, value in options.items():
        default = DEFAULTS[name]
        if name not in taken and (value is not None if default is None else value != default):
            takes = f"takes only {' and '.join(taken)}" if taken else "takes no such option"
            raise InvalidInput(f"{name}={value!r:.100} is not for construction={construction!r}, which {takes}")
    return {name: options[name] for name in taken}


def _more_than_asked(network):
    """What `RecognitionWarning` says."""
    measured, f = network.measured, network.measured["asked"]
    at_most = measured["at_most"]
    passing = "all" if at_most >= 1 else f"up to 2^{math.log2(at_most):.1f}"
    return (
        f"fingerprint_bits={f} asks that no more than 2^-{f} of other inputs are taken for memorized rows, but "
        f"{passing} of {measured['by']} lie in the cell of one, with the most hyperplanes that are added; "
        'recognise="rows" knows equal rows alone, and negatives=... rows that must stay unknown'
    )


def _negatives(negatives, d, names, columns, n_threads):
    """Rows that must stay unknown, checked, with the columns that are read; None if there are none."""
    if negatives is None:
        return None
    reading = columns if isinstance(columns, Reading) else None
    try:
        points = as_points(negatives, d, empty=True, names=names, reading=reading)
        points.over_rows(lambda *_: None, n_threads, columns=np.empty(0, np.int64))
    except InvalidInput as error:
        raise InvalidInput(re.sub(r"\bX\b", "negatives", str(error))) from error
    return points if points.n else None


def _equal_in_columns(points, must_differ, n_threads):
    """`Points.equal_rows` of the columns asked for; raises `InvalidInput` if points that must differ are among them."""
    later, first = points.equal_rows(n_threads)
    wrong = np.flatnonzero(must_differ[later] != must_differ[first])
    if len(wrong):
        raise equal_in_columns(int(first[wrong[0]]), int(later[wrong[0]]))
    return later, first


def _verify_unknown(network, negatives, n_threads):
    known = [] if negatives is None else network.known_rows(negatives, n_threads).tolist()
    if known:
        raise MemorizationError(
            f"{len(known)} of {negatives.n} rows that must stay unknown are known, the first in row {known[0]}: this "
            "is a bug in fastmem, please report it with the data",
            known,
        )


def _verify(network, points, labels, n_threads, progress):
    with progress_bar(progress, points.n, "verifying") as bar:
        rows = network.wrong_rows(points, labels, n_threads, bar).tolist()
    _refuse_wrong(rows, points.n)


def _refuse_wrong(rows, n):
    if rows:
        raise MemorizationError(
            f"{len(rows)} of {n} rows do not get their label back or are not recognised, the first in row "
            f"{rows[0]}: this is a bug in fastmem, please report it with the data",
            rows,
        )
