"""The construction of the theorem: Gaussian hyperplanes, a linear code, a lift, blocks of independent lifts.

Rajput, Sreenivasan, Papailiopoulos & Karbasi, *An Exponential Improvement on the Memorization Capacity of Deep
Threshold Networks* (NeurIPS 2021, arXiv 2106.07724), theorem 1: n points of the unit ball of R^d, delta apart, are
memorized by Õ(1/delta + sqrt n) threshold units with Õ(d/delta + n) weights, whatever the labels. Their proof is an
algorithm, in five stages (their figure 1), and this module runs it. Nothing is fitted to the points but what the proof
fits. n counts distinct points here, K is the number of bits of a class index, and p = 0.01 a probability of failure.

1. **Hyperplanes** through the origin of R^(d+1), Gaussian: m units. Points are scaled into the unit ball and get one
   more coordinate, 1. Let u = (x, 1) and v = (x', 1) with x, x' in the ball, delta apart. By Lagrange's identity
   |u|^2 |v|^2 sin^2(theta) = |x|^2 |x'|^2 - (x.x')^2 + |x - x'|^2 >= delta^2, and |u|, |v| <= sqrt 2, so the angle
   theta between them has sin(theta) >= delta/2, hence theta >= delta/2 (u.v >= 0, so theta is not obtuse). A
   hyperplane with normal distribution N(0, I) parts u and v with probability theta/pi. That none of m does has
   probability at most (1 - delta/(2 pi))^m <= exp(-m delta/(2 pi)), and with fewer than n^2/2 pairs the union bound
   gives failure with probability at most p where

       m = ceil( (2 pi / delta) ln(n^2 / (2 p)) ).

2. **Linear code**, m to k = ceil(2 log2 n + log2(1/p)) bits: a random matrix over GF(2) of independent fair bits. Two
   different sign patterns collide with probability 2^-k, so the union bound over n^2/2 pairs gives p/2. As a network
   (`fastmem.layers.parity`) each bit is a tree of parities of two. An output that reads s of the m signs takes s units,
   then ceil(s/2), ceil(s/4), ..., 2, and at last one: at most 2 s + L + 1, L = ceil(log2 m). The matrix has m k/2 ones
   on average, with standard deviation sqrt(m k)/2; at most m k/2 + 2 sqrt(m k) are accepted. So these are about m k
   units, Õ(1/delta) as the hyperplanes.
3. **Lift** to C = 3 * 2^a units, about sqrt((K + 1) n / 0.8).
4. **Block units**, K for each of about n/(0.8 C) blocks of codes; each memorizes its block by linear independence, with
   integer weights.
5. **Outputs**, an OR for each label bit. `fastmem.store.lifts` holds stages 3 to 5, their constants, and why lifts are
   independent.

A draw that fails is made again: hyperplanes if two distinct points have equal signs, the code if it has too many ones,
if two codes are equal, or if there are more than 2 n/C + 4 blocks. `bound` relies on the latter. `Network.drawn` says
how often.
"""

import math

import numpy as np

from fastmem.constructions.gaussian_rows import are_draws
from fastmem.data.points import Points
from fastmem.data.sorting import SortedCodes, distinct
from fastmem.errors import InvalidInput, MemorizationError, NetworkTooLarge
from fastmem.hyperplanes.code import LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.margins import Margins
from fastmem.machine.progress import progress_bar
from fastmem.network import EncodedNetwork
from fastmem.network.encoded import digest_of_codes
from fastmem.store.lifts import BlockStore
from fastmem.theory.rajput2021 import LEAST_DELTA, bound, code_bits, most_blocks, most_ones, n_hyperplanes
from fastmem.theory.separation import separation, unit_ball

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ("separate", "delta")
OWN_OPTIONS = {}
CHOOSES_COLUMNS = False
DELTA = "all"
STORES = (BlockStore.name,)

_MOST_WEIGHTS = 2**28
_MOST_DRAWS = 32
_SAMPLE = 512
_TOGETHER = 2**12


def build(points, labels, point_numbers, *, separate, delta, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each.
    separate : {"labels", "all"}
        The proof tells all distinct points apart in either case.
    delta : float or None
        Smallest distance of two distinct points scaled into the unit ball; computed if None.
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    EncodedNetwork
    """
    n = int(np.count_nonzero(point_numbers == np.arange(points.n)))
    if delta is None:
        delta = separation(points.as_array(), n_threads=n_threads, progress=progress).delta if n > 1 else 2.0
    _refuse_too_large(n, points.d, delta, labels.n_bits)
    draws = _Draws(points, point_numbers, n, delta, random_state, n_threads, progress)
    encoder, codes, ordered, store = draws.until_separated(labels)
    return EncodedNetwork(
        encoder,
        store,
        labels.classes,
        codes_digest=digest_of_codes(ordered.codes),
        memorized_codes=codes,
        n_points=points.n,
        n_told_apart=n,
        construction="rajput2021",
        separate="all",
        smallest_distance=encoder.hyperplanes.smallest_distance(points, n_threads, draws.margins.lowest()),
        largest_norm=points.largest_norm(n_threads),
        fits_float32=points.fit_float32(n_threads),
        reading=points.reading,
        drawn={"delta": float(delta), "hyperplanes": draws.of_hyperplanes, "codes": draws.of_codes},
    )


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: a delta that hyperplanes are drawn for, and two counts."""
    return are_draws(drawn, _MOST_DRAWS, ("hyperplanes", "codes")) and (
        n_told_apart == 1 or drawn["delta"] >= LEAST_DELTA
    )


def _refuse_too_large(n, d, delta, n_label_bits):
    near = max(delta, LEAST_DELTA)
    size = bound(n, d, near, n_label_bits)
    if size.weights > _MOST_WEIGHTS:
        least = "" if near == delta else "more than "
        raise NetworkTooLarge(
            f"for {n:,} points of R^{d} with delta = {delta:.3g} in the unit ball the theorem takes "
            f"{least}{n_hyperplanes(n, near):,} hyperplanes, up to {size.neurons:,} neurons and {size.weights:,} "
            f"weights, and at most {_MOST_WEIGHTS:,} are built: use "
            'construction="compact", whose size does not depend on delta',
            *size,
        )


class _Draws:
    """Draws hyperplanes and codes until every distinct point has a code of its own.

    Attributes
    ----------
    of_hyperplanes, of_codes : int
        How often each was drawn.
    margins : Margins
        Of the points from the hyperplanes.
    """

    def __init__(self, points, point_numbers, n, delta, random_state, n_threads, progress):
        self.points, self.point_numbers, self.n, self.delta = points, point_numbers, n, delta
        self.random_state, self.n_threads, self.progress = random_state, n_threads, progress
        self.centre, self.radius = unit_ball(points, n_threads)
        self.of_hyperplanes = self.of_codes = 0

    def until_separated(self, labels):
        """Encoder, codes of the points, the same in order, and the store that holds the labels' indices."""
        hyperplanes, pairs = self._draw_hyperplanes(), ()
        while self.of_codes < _MOST_DRAWS:
            code = self._draw_code(hyperplanes.m)
            if np.bitwise_count(code.columns).sum() > most_ones(hyperplanes.m, code.n_bits):
                continue
            encoder = Encoder(hyperplanes, code)
            self.margins = Margins(hyperplanes.m)
            with progress_bar(self.progress, self.points.n, "encoding") as bar:
                codes = encoder.codes(self.points, self.n_threads, bar, self.margins)
            ordered = SortedCodes(codes)
            pairs = ordered.collisions(self.point_numbers)
            if not len(pairs):
                classes = labels.indices[ordered.rows]
                store = BlockStore.build(ordered.codes, classes, encoder.n_bits, len(labels.classes))
                if store.n_blocks <= most_blocks(self.n, store.weights.shape[1]):
                    return encoder, codes, ordered, store
            elif self._have_equal_signs(hyperplanes, pairs):
                hyperplanes = self._draw_hyperplanes()
        rows = pairs[0].tolist() if len(pairs) else []
        raise MemorizationError(f"{self.of_codes} random codes gave no network: rows {rows} got the same code", rows)

    def _draw_hyperplanes(self):
        """Gaussian hyperplanes through the origin of R^(d+1), for the points' own coordinates."""
        if self.of_hyperplanes == _MOST_DRAWS:
            raise InvalidInput(
                f"{_MOST_DRAWS} draws of hyperplanes left points together that must differ: is delta = "
                f"{self.delta:.3g} the smallest distance of points scaled into the unit ball? It is computed if delta "
                "is left out"
            )
        self.of_hyperplanes += 1
        m = n_hyperplanes(self.n, self.delta)
        weights = self.random_state.standard_normal((m, self.points.d), dtype=np.float32)
        last = self.random_state.standard_normal(m)
        parts = [slice(start, start + _TOGETHER) for start in range(0, m, _TOGETHER)]
        thresholds = np.concatenate([np.empty(0), *(self._thresholds(weights[part], last[part]) for part in parts)])
        sample = self.points.take(distinct(np.linspace(0, self.points.n - 1, _SAMPLE).astype(np.int64)))
        return Hyperplanes(weights, thresholds, *column_frame(sample))

    def _thresholds(self, weights, last):
        """Thresholds t: w.x >= t where w.(x - c)/r + b >= 0."""
        with np.errstate(over="ignore"):
            terms = np.column_stack([weights * self.centre, -last * self.radius])
        if not np.isfinite(terms).all():
            raise InvalidInput("a threshold of a hyperplane overflows float64: rescale the columns of X")
        return np.array([math.fsum(row) for row in terms.tolist()])

    def _draw_code(self, m):
        """Random matrix over GF(2), of independent fair bits."""
        self.of_codes += 1
        if m == 0:
            return LinearCode.identity(0)
        k = code_bits(self.n)
        return LinearCode(self.random_state.integers(0, 1 << k, m, dtype=np.uint64), k)

    def _have_equal_signs(self, hyperplanes, pairs):
        one, other = (hyperplanes.signs(Points(self.points.take(rows))) for rows in pairs.T)
        return bool((one == other).all(axis=1).any())
