"""The compact construction: the outline of the theorem, each stage replaced by the smallest we know.

Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS 2021, arXiv 2106.07724) map points to sign patterns of
O(log n / delta) random hyperplanes, shorten these by a linear code to O(log n) bits, and read labels from them in
O(sqrt n log^2 n) units. Here hyperplanes are chosen on the data (`fastmem.separate`), about 1.5 log2 n of them
for points in general position; a linear code is used beyond 62 signs (`fastmem.hyperplanes`); and a store reads labels
from codes: the binary one with about 1.02 n one-bit weights and 2 sqrt(n) units for one label bit
(`fastmem.store.binary`), the integer one with about 2 sqrt(K n / 2) units for K label bits (`fastmem.store.integer`).
"""

import numpy as np

from fastmem.constructions.recognition import Memorized, know
from fastmem.data.points import Points
from fastmem.data.sorting import SortedCodes
from fastmem.errors import MarginNotReached, MemorizationError
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.margins import Margins
from fastmem.machine.progress import progress_bar
from fastmem.network import EncodedNetwork
from fastmem.network.encoded import digest_of_codes
from fastmem.separate import separate as separated
from fastmem.separate.clearance import clear
from fastmem.separate.few_columns import separate_on_few_columns
from fastmem.store import STORES, build_store

__all__ = [
    "CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "RIVAL", "STORES", "build", "drawn_fits", "separated_anew",
]  # fmt: skip

OPTIONS = ("store", "separate", "margin", "fingerprint_bits", "recognise", "negatives", "effort")
OWN_OPTIONS = {}
CHOOSES_COLUMNS = True
DELTA = None

RIVAL = "rajput2021"
"""The construction whose theorem this one sets out to beat; it has none of its own."""

_DRAWS = 64


def build(
    points,
    labels,
    point_numbers,
    *,
    store,
    separate,
    columns,
    margin,
    fingerprint_bits,
    recognise,
    negatives,
    effort,
    random_state,
    n_threads,
    progress,
):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each.
    store, separate, margin, fingerprint_bits, recognise, effort
        As for `fastmem.memorize`.
    negatives : Points or None
        Inputs that must stay unknown, with the columns of the points.
    columns : {"auto", "all"}
        Whether all columns of the points are read, or few that are chosen.
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    EncodedNetwork
    """
    must_differ = point_numbers if separate == "all" else labels.indices
    options = {"effort": effort, "margin": margin, "n_threads": n_threads, "progress": progress}
    everything = points
    separation, points = _separation(points, must_differ, columns, random_state, options)
    code, codes, ordered, margins = _encode(separation, points, must_differ, random_state, n_threads, progress)
    hyperplanes, clearance = clear(
        separation.hyperplanes, code, codes, ordered, must_differ, margins, points, n_threads
    )
    encoder = Encoder(hyperplanes, code)
    ascending = ordered.codes
    table, reason = build_store(store, ascending, labels.indices[ordered.rows], encoder.n_bits, len(labels.classes))
    known = {}
    if fingerprint_bits:
        places = None if points is everything else points.reading.columns
        anew = separated_anew(everything, must_differ, columns, random_state, options)
        memorized = Memorized(
            everything, encoder, codes, places, point_numbers, clearance.smallest_distance, anew, n_threads
        )
        known = know(memorized, fingerprint_bits, recognise, negatives, margin, random_state, n_threads)._asdict()
    return EncodedNetwork(
        encoder,
        table,
        labels.classes,
        store_reason=reason,
        codes_digest=digest_of_codes(ascending) if separate == "all" else "",
        **known,
        memorized_codes=codes if separate == "all" else None,
        n_points=points.n,
        n_told_apart=_count_distinct(must_differ),
        construction="compact",
        separate=separate,
        fits_float32=points.fit_float32(n_threads),
        reading=points.reading,
        **clearance._asdict(),
    )


def _separation(points, must_differ, columns, random_state, options):
    """The separation, and the points with the columns that it reads."""
    if columns == "auto":
        return separate_on_few_columns(points, must_differ, random_state, **options)
    return separated(points, must_differ, random_state, **options), points


def separated_anew(points, must_differ, columns, random_state, options):
    """A function from rows to their codes in order and to the encoder of a separation that knows no other rows."""

    def anew(rows):
        part = Points(points.take(rows))
        numbers = np.unique(must_differ[rows], return_inverse=True)[1].reshape(-1).astype(np.int32)
        try:
            separation, read = _separation(part, numbers, columns, random_state, options)
        except MarginNotReached:
            separation, read = _separation(part, numbers, columns, random_state, options | {"margin": 0.0})
        code, _, ordered, _ = _encode(separation, read, numbers, random_state, options["n_threads"], False)
        encoder = Encoder(separation.hyperplanes, code)
        return ordered, lambda inputs: encoder.codes(inputs.on(read.reading))

    return anew


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


def _encode(separation, points, must_differ, random_state, n_threads, progress):
    """Linear code under which points that must differ do, the codes, also in order, and the signs' margins.

    Signs themselves are distinct by construction; a drawn code is checked, and drawn again if two collide.
    """
    hyperplanes, codes, lowest = separation
    for attempt in range(_DRAWS):
        if hyperplanes.m <= MAX_BITS:
            code = LinearCode.identity(hyperplanes.m)
        else:
            code = LinearCode.draw(hyperplanes.m, points.n, random_state, attempt)
        if not code.is_identity or codes is None:
            margins = Margins(hyperplanes.m)
            with progress_bar(progress, points.n, "encoding") as bar:
                codes = Encoder(hyperplanes, code).codes(points, n_threads, bar, margins)
            lowest = margins.lowest()[None]
        ordered = SortedCodes(codes)
        pairs = ordered.collisions(must_differ)
        if not len(pairs):
            return code, codes, ordered, lowest
        if code.is_identity:
            break
    rows = pairs[0].tolist()
    raise MemorizationError(f"rows {rows[0]} and {rows[1]} got the same code though they must differ", rows)


def _count_distinct(numbers):
    """How many different ones there are among n numbers from 0 to n - 1."""
    present = np.zeros(len(numbers), bool)
    present[numbers] = True
    return np.count_nonzero(present)
