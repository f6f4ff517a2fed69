"""Few hyperplanes that separate, chosen on what is still open.

The theorem (Rajput et al. 2021, arXiv 2106.07724, section 3) draws O(log n / delta) Gaussian hyperplanes
without looking at the data. Here points with the same signs so far share a bucket, and each round

1. draws a sample of the open buckets (`fastmem.separate.buckets`, `fastmem.separate.sample`),
2. chooses a batch of hyperplanes on the sample, each the best of what the moves propose
   (`fastmem.separate.moves`): whitened Gaussian directions w ~ N(0, S^-1), S the covariance of the open
   points; hyperplanes through the midpoints of open pairs; axis-parallel ones,
3. takes the exact signs of all open points, splits the buckets and closes those that are done.

On the line no search is needed: `separate_line` is optimal.

Termination
-----------
Let D be the set of pairs of points that must differ and have the same signs so far. D is finite, and refining
never enlarges it. Every round starts with D not empty and ends with D smaller, or is followed by a round that
is. If a round splits no bucket, the next one consists of bisecting moves only, and their first hyperplane does
split a pair of D: the sample contains, from each bucket it draws on, two points that must differ. They are
different points, since equal rows with different classes were refused. So they differ in some coordinate c.
Among the thresholds swept in c is one between them, and each splits what the sample says it splits, because
[x_c >= t] is decided without rounding both here and by the signs kernel (weights 0 and 1 and a threshold that
float64 holds). The move takes the best of them, or, should rounded scores mislead it, the threshold between the
two points; either way it has checked that points of one open bucket fall on both sides. Such a split parts at
least one pair of D: were all pairs across it of one class, so would be the whole bucket. Hence D is empty after
finitely many rounds.
"""

import numpy as np

from fastmem.blocks import over_row_blocks
from fastmem.encoder import Hyperplanes, LinearCode, column_frame
from fastmem.progress import progress_bar
from fastmem.separate.buckets import Buckets
from fastmem.separate.moves import bisecting_move, midpoint_move, whitened_basis, whitened_gaussian_move
from fastmem.separate.sample import Sample, threshold_between

__all__ = ["separate", "separate_line"]

_BATCH = 48
_STOP = 0.4
_SAMPLE_NUMBERS = 3 * 2**20


def separate(points, classes, random_state, n_threads=1, progress=False):
    """Hyperplanes whose signs differ for any two points of different classes.

    Parameters
    ----------
    points : Points
    classes : int32 array of shape (n,)
        Equal points must have equal classes.
    random_state : numpy.random.Generator
    n_threads : int
        The result does not depend on it.
    progress : bool or tqdm class

    Returns
    -------
    Hyperplanes
    """
    buckets = Buckets(classes)
    weights, thresholds = np.empty((0, points.d), np.float32), np.empty(0)
    size = _sample_size(points.d)
    overview = np.unique(random_state.integers(0, points.n, min(points.n, size)))
    centre, exponents = column_frame(points.take(overview))
    if points.d == 1:
        thresholds = separate_line(points.block(0, points.n)[:, 0], classes)
        return Hyperplanes(np.ones((len(thresholds), 1), np.float32), thresholds, centre, exponents)
    moves = Moves(random_state)
    stalled = False
    with progress_bar(progress, points.n, "separating") as bar:
        bar.update(points.n - buckets.n_points)
        while buckets.n_buckets:
            rows, starts, sizes = buckets.sample(size, random_state)
            sample = Sample(points.take(rows), classes[rows], starts, sizes)
            whole = len(rows) == buckets.n_points
            batch = _choose_batch(sample, moves, min(_BATCH, buckets.spare_bits), whole, stalled)
            new = Hyperplanes(*batch, centre, exponents)
            open_before = buckets.n_points
            stalled = not buckets.refine(_signs(new, points, buckets.rows, n_threads), new.m)
            if not stalled:
                weights, thresholds = np.concatenate([weights, batch[0]]), np.concatenate([thresholds, batch[1]])
            bar.update(open_before - buckets.n_points)
    return Hyperplanes(weights, thresholds, centre, exponents)


def separate_line(x, classes):
    """Thresholds between all neighbours on the line that must differ: as few as there can be.

    Every such pair of neighbours needs a threshold between them, and one threshold lies between one pair.

    Parameters
    ----------
    x : float array of shape (n,)
    classes : int32 array of shape (n,)

    Returns
    -------
    thresholds : float64 array of shape (m,), ascending
    """
    order = np.argsort(x)
    x, classes = x[order].astype(np.float64), classes[order]
    changes = np.flatnonzero(classes[1:] != classes[:-1])
    return threshold_between(x[changes], x[changes + 1])


def _sample_size(d):
    """max(4096, 16 d) points, fewer where they would take more than 24 MB as float64."""
    return min(max(4096, 16 * d), max(1024, _SAMPLE_NUMBERS // d))


def _signs(hyperplanes, points, rows, n_threads):
    columns = LinearCode.identity(hyperplanes.m).columns
    codes = np.empty(len(rows), np.uint64)

    def work(start, stop):
        hyperplanes.xor_codes(points.take(rows[start:stop]), columns, codes=codes[start:stop])

    over_row_blocks(work, len(rows), points.d, n_threads)
    return codes


def _choose_batch(sample, moves, limit, whole, only_bisect):
    """Hyperplanes chosen one after the other until the sample is mostly separated, or `limit` are chosen."""
    moves.start_round(sample)
    weights, thresholds = [], []
    while sample.n_buckets and len(weights) < limit:
        best = moves.best(sample, only_bisect)
        weights.append(best.weights)
        thresholds.append(best.threshold)
        sample.split(best.above)
        if not whole and sample.open_weight < _STOP * sample.initial_weight:
            break
    return np.array(weights, np.float32), np.array(thresholds, np.float64)


class Moves:
    """The moves, tried as often as they have been winning.

    Gaussian directions win while buckets are large, midpoints once they are pairs; a move's share of recent
    wins is the probability that it is tried, and never below 1/10.
    """

    def __init__(self, random_state):
        self.random_state = random_state
        self.wins = {"gaussian": 1.0, "midpoint": 1.0, "bisecting": 1.0}

    def start_round(self, sample):
        """Whiten with the points that are open now."""
        self._basis, self._rank = whitened_basis(sample, self.random_state)

    def best(self, sample, only_bisect):
        """Best candidate of the moves tried; a bisecting one if no other splits anything."""
        candidates = {} if only_bisect else {name: self._try(name, sample) for name in self._drawn()}
        candidates = {name: c for name, c in candidates.items() if c is not None}
        if not candidates:
            return bisecting_move(sample, self.random_state)
        winner = max(candidates, key=lambda name: candidates[name].score)
        for name in candidates:
            self.wins[name] += 0.1 * ((name == winner) - self.wins[name])
        return candidates[winner]

    def _drawn(self):
        return [name for name, wins in self.wins.items() if self.random_state.random() < max(wins, 0.1)]

    def _try(self, name, sample):
        if name == "gaussian":
            return whitened_gaussian_move(sample, self._basis, self.random_state)
        if name == "midpoint":
            return midpoint_move(sample, self._rank, self.random_state)
        return bisecting_move(sample, self.random_state)
