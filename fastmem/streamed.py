"""Memorize what comes block by block: from a generator, from files, from a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastmem.api import DEFAULTS, memorize
from fastmem.data.columns import Named
from fastmem.data.spool import Spool
from fastmem.errors import InvalidInput
from fastmem.machine.progress import progress_bar
from fastmem.machine.scratch import Scratch

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from fastmem.network import Network

__all__ = ["from_blocks"]


def from_blocks(
    blocks: Iterable[tuple[ArrayLike, ArrayLike]], *, scratch: str | os.PathLike[str] | None = None, **options: Any
) -> Network:
    """Construct the network that memorizes points and labels which come block by block.

    Blocks are taken once, one after the other, and kept: points as they are and four bytes for each label, in files of
    the scratch folder or in memory. Then `memorize` reads them as often as it has to.

    Parameters
    ----------
    blocks : iterable of (X, y)
        Points of shape (n_i, d) and their n_i labels, as for `memorize`. All blocks have the same columns and dtypes,
        and may differ in length.
    scratch : str or os.PathLike, optional
        A folder for files, as for `memorize`; in memory by default.
    **options
        Of `memorize`.

    Returns
    -------
    Network
        The same as for all blocks in one array.

    Raises
    ------
    InvalidInput
        A block cannot be used as it is; the message names it, and its row in the block.
    ContradictoryLabels
        Equal rows have different labels. Here, as in errors of `memorize`, rows are counted through all blocks.
    OSError
        The disk is full.

    Examples
    --------
    >>> import numpy as np, fastmem
    >>> rng = np.random.default_rng(0)
    >>> net = fastmem.from_blocks((rng.normal(size=(100, 3)), rng.integers(0, 2, 100)) for _ in range(5))
    >>> net.n_points
    500
    """
    unknown = sorted(options.keys() - DEFAULTS.keys() | options.keys() & {"X", "y"})
    if unknown:
        raise TypeError(f"from_blocks() got an unexpected keyword argument {unknown[0]!r}")
    with Spool(Scratch(scratch).folder) as spool:
        with progress_bar(options.get("progress"), None, "reading blocks") as bar:
            for block in _iterated(blocks):
                before = spool.n
                spool.add(*_pair(block))
                bar.update(spool.n - before)
        X, y = spool.arrays()
    return memorize(X if spool.names is None else Named(X, spool.names), y, scratch=scratch, **options)


def _iterated(blocks):
    try:
        return iter(blocks)
    except TypeError:
        raise InvalidInput(
            f"blocks is of type {type(blocks).__name__}: give pairs of points and labels, by a generator or in a list"
        ) from None


def _pair(block):
    try:
        X, y = block
    except (TypeError, ValueError):
        raise InvalidInput(
            f"blocks gives a {type(block).__name__}: each block is a pair of points and labels"
        ) from None
    return X, y
