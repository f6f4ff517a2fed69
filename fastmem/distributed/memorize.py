"""Which builds are partitioned, and such a build on this machine or on a cluster."""

from fastmem.data.blocks import GivenLabels, LabelReader
from fastmem.distributed.build import Build, OnALine, labels_of
from fastmem.distributed.cluster import Cluster
from fastmem.distributed.local import Local
from fastmem.distributed.partitions import wrong
from fastmem.errors import InvalidInput
from fastmem.machine.blas import single_threaded_blas
from fastmem.machine.floats import default_environment
from fastmem.machine.scratch import Scratch

__all__ = ["PARTITIONED_FROM", "build_local", "build_on_cluster", "is_partitioned", "lacking"]

PARTITIONED_FROM = 2**24 + 1
"""Points from which a build is partitioned: fixed, since the network of a seed is another one there."""


def lacking(construction, margin, effort):
    """The option that a partitioned build lacks, of these, as a user writes it; None if it has them all."""
    lacks = {
        f"construction={construction!r}": construction != "compact",
        f"margin={margin:g}": margin > 0,
        "effort='small'": effort == "small",
    }
    return next((option for option, lacks_it in lacks.items() if lacks_it), None)


def is_partitioned(n, scratch, construction, margin, effort):
    """Whether a build on this machine is partitioned; `InvalidInput` if it has to be and cannot.

    Parameters
    ----------
    n : int
        Points.
    scratch : str, os.PathLike or None
        Where files may be.
    construction, margin, effort
        As for `fastmem.memorize`.
    """
    lacks = lacking(construction, margin, effort)
    if scratch is not None and lacks:
        raise InvalidInput(f"{lacks} needs all points in memory, and is not for scratch=...: leave one of them out")
    return scratch is not None or (n >= PARTITIONED_FROM and not lacks)


@default_environment()
@single_threaded_blas()
def build_local(
    source, y, *, scratch, store, separate, columns, fingerprint_bits, recognise, negatives, effort, random_state,
    verify, n_threads, progress, resume=None, rows=None,
):  # fmt: skip
    """Memorize points partition by partition.

    Parameters
    ----------
    source : Source
    y : array_like, or what is sliced like one
    scratch : str, os.PathLike or None
        A folder; memory by default.
    columns : {"auto", "all"}, or Reading
    negatives : Points or None
    resume : str, os.PathLike or None
        A folder for the state after each round, from which a build goes on.
    rows : int, optional
        Of a partition, whose number does not change the network.
    store, separate, fingerprint_bits, recognise, effort, random_state, verify, n_threads, progress
        As for `fastmem.memorize`.

    Returns
    -------
    network : EncodedNetwork or None
        None if the points lie on a line, where a network takes some bytes for each of them.
    wrong : list of int
        Rows that do not get their label, if that was to be verified.
    """
    executor = Local(source, Scratch(scratch), n_threads, progress, rows)
    return _built(
        executor, LabelReader(y, source.n), (), store=store, separate=separate, columns=columns,
        fingerprint_bits=fingerprint_bits, recognise=recognise, negatives=negatives, effort=effort,
        random_state=random_state, verify=verify, n_threads=n_threads, progress=progress, resume=resume,
    )  # fmt: skip


@default_environment()
@single_threaded_blas()
def build_on_cluster(X, y, client, *, progress, **options):
    """The same on the workers of a Dask cluster.

    Parameters
    ----------
    X : dask.array.Array of shape (n, d)
    y : dask.array.Array of shape (n,) or (n, k), chunked like X
    client : distributed.Client
    progress, **options
        As for `build_local`.
    """
    executor = Cluster(X, client, progress)
    return _built(executor, GivenLabels(), (executor.of_blocks(y),), progress=progress, **options)


def _built(
    executor, reader, values, *, store, separate, columns, fingerprint_bits, recognise, negatives, effort,
    random_state, verify, n_threads, progress, resume,
):  # fmt: skip
    classes, index = labels_of(reader, executor, *values)
    build = Build(
        executor, classes, index, separate=separate, effort=effort, columns=columns, random_state=random_state,
        n_threads=n_threads, progress=progress, resume=resume,
    )  # fmt: skip
    try:
        network = build.network(store, fingerprint_bits=fingerprint_bits, recognise=recognise, negatives=negatives)
    except OnALine:
        return None, []
    rows = executor.map(wrong, index, shared=(network,), what="verifying") if verify else []
    build.checkpoint.remove()
    return network, [row for of_part in rows for row in of_part.tolist()]
