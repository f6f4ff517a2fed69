"""The compact construction: the outline of the theorem, each stage replaced by the smallest we know.

Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS 2021, arXiv 2106.07724) map points to sign patterns of
O(log n / delta) random hyperplanes, shorten these by a linear code to O(log n) bits, and read labels from them in
O(sqrt n log^2 n) units. Here hyperplanes are chosen on the data (`fastmem.separate`), about 1.5 log2 n of them
for points in general position; a linear code is used beyond 62 signs (`fastmem.encoder`); and the integer
store reads K label bits in about 2 sqrt(K n / 2) units (`fastmem.store.integer`).
"""

import numpy as np

from fastmem.encoder import MAX_BITS, Encoder, LinearCode
from fastmem.errors import MemorizationError
from fastmem.network import EncodedNetwork
from fastmem.progress import progress_bar
from fastmem.separate import separate
from fastmem.store import STORES

__all__ = ["build"]

_DRAWS = 64


def build(points, labels, must_differ, *, store, separate_by, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    must_differ : int32 array of shape (n,)
        Points get different codes if these differ: the class indices, or a number for each distinct point.
    store, separate_by : str
        As `fastmem.memorize`'s `store` and `separate`.
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    EncodedNetwork
    """
    hyperplanes = separate(points, must_differ, random_state, n_threads, progress)
    encoder, codes, order = _encode(hyperplanes, points, must_differ, random_state, n_threads, progress)
    table = STORES[store].build(codes, labels.indices[order], encoder.n_bits, len(labels.classes))
    return EncodedNetwork(
        encoder,
        table,
        labels.classes,
        n_points=points.n,
        n_told_apart=np.count_nonzero(np.bincount(must_differ)),
        construction="compact",
        separate=separate_by,
    )


def _encode(hyperplanes, points, must_differ, random_state, n_threads, progress):
    """Encoder under which points that must differ do, its codes sorted, and what sorts them.

    Signs themselves are distinct by construction; a drawn code is checked, and drawn again if two collide.
    """
    for attempt in range(_DRAWS):
        if hyperplanes.m <= MAX_BITS:
            code = LinearCode.identity(hyperplanes.m)
        else:
            code = LinearCode.draw(hyperplanes.m, points.n, random_state, attempt)
        encoder = Encoder(hyperplanes, code)
        with progress_bar(progress, points.n, "encoding") as bar:
            codes = encoder.codes(points, n_threads, bar)
        order = np.argsort(codes, kind="stable")
        codes, classes = codes[order], must_differ[order]
        collision = np.flatnonzero((codes[1:] == codes[:-1]) & (classes[1:] != classes[:-1]))
        if not collision.size:
            return encoder, codes, order
        if code.is_identity:
            break
    rows = [int(order[collision[0]]), int(order[collision[0] + 1])]
    raise MemorizationError(f"rows {rows[0]} and {rows[1]} got the same code though they must differ", rows)
