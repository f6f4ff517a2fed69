"""Few hyperplanes that separate, chosen on what is still open.

The theorem (Rajput et al. 2021, arXiv 2106.07724, section 3) draws O(log n / delta) Gaussian hyperplanes
without looking at the data. Here points with the same signs so far share a bucket, and each round

1. draws a sample of the open buckets (`fastmem.separate.buckets`, `fastmem.separate.sample`),
2. chooses a batch of hyperplanes on the sample, each the best of what the moves propose
   (`fastmem.separate.moves`): whitened Gaussian directions w ~ N(0, S^-1), S the covariance of the open
   points; pencils of hyperplanes through the midpoints of open pairs; cuts along a lattice; axis-parallel ones;
   where points are in clusters, hyperplanes through many of these (`fastmem.separate.clusters`),
3. takes the exact signs of all open points, splits the buckets and closes those that are done.

Where much is open, a round chooses on a larger sample in rounds of its own, and draws some hyperplanes for what that
sample cannot show, so that few passes over all points are needed. Hyperplanes that are not needed are left out
afterwards, and where the effort allows others are turned until more of them are not (`fastmem.separate.trim`). With a
margin each of them is first cleared of points (`fastmem.separate.margin`).

On a line no search is needed: cuts along it are optimal (`fastmem.separate.line`). On curves and in few dimensions,
where any hyperplane splits few of very many buckets, many are chosen at a time (`fastmem.separate.crowd`). Clusters
that are narrow beside their distances are looked at one by one (`fastmem.separate.zoom`).

Termination
-----------
Let D be the set of pairs of points that must differ and have the same signs so far. D is finite, and refining
never enlarges it. Every round starts with D not empty and ends with D smaller, or is followed by a round that
is. If a round splits no bucket, the next one consists of bisecting moves only, and their first hyperplane does
split a pair of D: the sample contains, from each bucket it draws on, two points that must differ. They are
different points, since equal rows with different classes were refused. So they differ in some coordinate c.
The threshold between them splits them, and any threshold t in c splits what the sample says it splits, because
[x_c >= t] is decided without rounding both here and by the signs kernel (weights 0 and 1 and a threshold that
float64 holds). The move takes the best of the thresholds that leave a gap, or, if none does or rounded scores
mislead it, the one between the two points; either way it has checked that points of one open bucket fall on both
sides. Such a split parts at least one pair of D: were all pairs across it of one class, so would be the whole
bucket. Hence D is empty after finitely many rounds.
"""

import math
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fastmem.data.points import Points
from fastmem.data.sorting import distinct
from fastmem.hyperplanes.code import MAX_BITS
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.passes import block_starts, signs_and_margins, signs_of
from fastmem.machine.progress import progress_bar
from fastmem.separate.buckets import Buckets
from fastmem.separate.clusters import cluster_move, find_clusters
from fastmem.separate.crowd import crowded_hyperplanes, is_crowded
from fastmem.separate.effort import EFFORTS
from fastmem.separate.line import cuts_along, ordering_column
from fastmem.separate.margin import Margin
from fastmem.separate.moves import (
    bisecting_move,
    discriminant_move,
    lattice_move,
    midpoint_move,
    whitened_basis,
    whitened_gaussian_move,
)
from fastmem.separate.sample import Candidate, Sample
from fastmem.separate.trim import spare, trim
from fastmem.separate.zoom import around_one_bucket

__all__ = ["Clock", "Rounds", "Separation", "separate"]

_BATCH = 48
_OVERVIEW = 512
_SAMPLE_NUMBERS = 3 * 2**19
_SCOUTS = 16
_SCOUTED = 16  # no more than one point in so many is copied
_SCOUTED_NUMBERS = 2**23
# Equal scores are not equally good: cuts along a lattice keep it one, hyperplanes through midpoints waste nothing, and
# what is open inside clusters stays so for longest.
_PREFERENCE = {
    "gaussian": 1.0, "midpoint": 1.02, "lattice": 1.5, "discriminant": 1.0, "bisecting": 1.0, "cluster": 1.1,
}  # fmt: skip
_LATTICE_DIMENSIONS = 8
_FEW_DIMENSIONS = 3
_HALVED = 1024
_COARSE_SHARE = 3
_CLEARED = 12
_CROWD = 30.0
_DISCRIMINANTS = 4
_GROUPS = 0.5  # of the points: where most are alone in their class there is nothing to find


class Separation(NamedTuple):
    """Hyperplanes, and what is known of their signs.

    Attributes
    ----------
    hyperplanes : Hyperplanes
    codes : uint64 array of shape (n,), or None
        Each point's signs, hyperplane j in bit j, if there are at most 62.
    margins : float64 array of shape (b, m), or None
        With the codes: lower bounds of ``|w_j.x - t_j|`` over blocks of points (`signs_and_margins`).
    """

    hyperplanes: Hyperplanes
    codes: np.ndarray | None = None
    margins: np.ndarray | None = None


def separate(
    points, classes, random_state, *, effort="balanced", margin=0.0, n_threads=1, progress=False, timings=None,
    together=None, leave=0,
):  # fmt: skip
    """Hyperplanes whose signs differ for any two points of different classes.

    Parameters
    ----------
    points : Points
    classes : int32 array of shape (n,)
        Equal points must have equal classes.
    random_state : numpy.random.Generator
    effort : {"fast", "balanced", "small"}
    margin : float
        Euclidean distance that every point keeps from every hyperplane.
    n_threads : int
        The result does not depend on it.
    progress : bool or tqdm class
    timings : dict, optional
        Receives the seconds spent in "selecting" hyperplanes, taking "signs", "refining" buckets and "trimming".
    together : int array of shape (n,), optional
        Only points with equal numbers have to differ; by default all have.
    leave : int
        As many points may be left that have the same signs as another of another class.

    Returns
    -------
    Separation

    Raises
    ------
    MarginNotReached
        No hyperplane that parts what is still together was found to keep the margin.
    """
    clock = Clock({} if timings is None else timings)
    margin_kept = Margin(points, margin, n_threads) if margin else None
    effort = EFFORTS[effort]
    if together is not None:  # few points are open, and looking for their clusters takes longer than it saves
        effort = replace(effort, clusters=False)
    search = Rounds(points, classes, random_state, effort, margin_kept, n_threads, clock)
    if together is None:
        column = ordering_column(points, n_threads)
    else:
        column = None
        search.buckets.refine(together[search.buckets.rows].astype(np.uint64))
    with progress_bar(progress, points.n, "separating") as bar:
        if column is not None:
            search.cut_along(column)
        search.run(bar, leave)
    separation = search.separation()
    if search.buckets.n_buckets:
        classes = search.buckets.as_classes()
    work = effort.trim_work(points.n)
    few = 1 < separation.hyperplanes.m <= MAX_BITS and column is None and together is None
    if few:
        with clock.measure("trimming"):
            separation = Separation(*spare(*separation, classes))
    if few and work:
        with clock.measure("trimming"), progress_bar(progress, None, "trimming", "hyperplanes") as bar:
            separation = Separation(
                *trim(*separation, points, classes, work, margin_kept, random_state, n_threads, bar)
            )
    if margin_kept:
        margin_kept.check(separation.hyperplanes)
    return separation


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self, seconds):
        self.seconds = seconds
        for name in ("selecting", "signs", "refining", "trimming"):
            seconds[name] = 0.0

    @contextmanager
    def measure(self, name):
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start


class Rounds:
    """The rounds, and the hyperplanes chosen so far: `weights`, `thresholds` and their `frame`."""

    def __init__(self, points, classes, random_state, effort, margin_kept=None, n_threads=1, clock=None, frame=None):
        self.points, self.classes, self.random_state = points, classes, random_state
        self.effort, self.margin_kept, self.n_threads = effort, margin_kept, n_threads
        self.clock = Clock({}) if clock is None else clock
        self.buckets = Buckets(classes)
        self.weights, self.thresholds = np.empty((0, points.d), np.float32), np.empty(0)
        self.size = _sample_size(points.d, effort)
        overview = distinct(random_state.integers(0, points.n, min(points.n, _OVERVIEW)))
        self.frame = column_frame(points.take(overview)) if frame is None else frame
        # Along narrower directions more points lie within the margin than can be pushed out.
        narrowest = _CROWD * points.n * margin_kept.margin / points.d if margin_kept else 0.0
        self.moves = Moves(points.d, effort, narrowest, random_state)
        self.codes = np.zeros(points.n, np.uint64)
        blocks = len(block_starts(points.n, points.width)) - 1
        self.margins = np.empty((blocks, 0))  # of the first hyperplanes, whose signs are known of all points
        self.in_a_crowd = False
        if points.d <= _FEW_DIMENSIONS:
            self._look_closer()

    def cut_along(self, column):
        """Cut between all neighbours in a column that must differ, unless that keeps less than the margin."""
        x = np.empty(self.points.n)

        def work(start, stop, block):
            x[start:stop] = block[:, column]

        self.points.over_rows(work, self.n_threads)
        thresholds = cuts_along(x, self.classes)
        weights = np.zeros((len(thresholds), self.points.d), np.float32)
        weights[:, column] = 1.0
        if self.margin_kept and self.points.d > 1:
            radii = self._hyperplanes(weights, thresholds).certified_radius(self.points, self.n_threads)
            if not self.margin_kept.keeps(radii.min()):
                return
        self.weights, self.thresholds = weights, thresholds
        self.buckets.refine(np.searchsorted(thresholds, x[self.buckets.rows], side="right").astype(np.uint64))

    def run(self, bar, leave=0, *, most=None):
        """Add hyperplanes until no bucket is open, or hardly any points are in open ones.

        With `most` they are added a batch at a time, until there are so many too: where the points are a sample.
        """
        buckets = self.buckets
        bar.update(self.points.n - buckets.n_points)
        stalled = False
        while buckets.n_points > leave and (most is None or len(self.weights) < most):
            open_before = buckets.n_points
            with self.clock.measure("selecting"):
                crowded = None if stalled or self.margin_kept else self._choose_in_a_crowd()
            if crowded is not None and self._add_all(crowded):
                bar.update(open_before - buckets.n_points)
                continue
            with self.clock.measure("selecting"):
                batch = self._choose(stalled)
            with self.clock.measure("signs"):
                signs = self._signs_of_open(batch)
            with self.clock.measure("refining"):
                if leave and most is None:
                    batch = self._refined_until(batch, signs, leave)
                    stalled = not batch.m
                else:
                    stalled = not buckets.refine(signs)
            if stalled and self.margin_kept:
                self.margin_kept.give_up(len(self.weights))
            if stalled:
                self._forget(len(self.weights))
            else:
                self.weights = np.concatenate([self.weights, batch.weights])
                self.thresholds = np.concatenate([self.thresholds, batch.thresholds])
            bar.update(open_before - buckets.n_points)

    def _refined_until(self, batch, signs, leave):
        """Those of a batch after which hardly any points are in open buckets; none if it splits none.

        Buckets are split by these alone.
        """
        buckets, is_split = self.buckets, False
        everywhere = np.zeros(self.points.n, np.uint64)
        everywhere[buckets.rows] = signs
        for j in range(batch.m):
            is_split |= buckets.refine((everywhere[buckets.rows] >> np.uint64(j)) & np.uint64(1))
            if buckets.n_points <= leave:
                self._forget(len(self.weights) + j + 1)
                return batch.some(slice(0, j + 1))
        return batch if is_split else batch.some(slice(0, 0))

    def _choose_in_a_crowd(self):
        """Many hyperplanes at a time, where each splits few buckets, from the beginning on; None elsewhere."""
        if not self.in_a_crowd and 2 * self.buckets.n_points < self.points.n:
            return None
        self.in_a_crowd = is_crowded(self.buckets, self.points, self.random_state)
        if not self.in_a_crowd:
            return None
        return crowded_hyperplanes(self.buckets, self.points, self.frame, self.random_state, self.n_threads)

    def _add_all(self, hyperplanes):
        """Add those that split a bucket, in batches; whether there are any."""
        m = len(self.weights)
        for start in range(0, hyperplanes.m, MAX_BITS):
            part = slice(start, start + MAX_BITS)
            weights, thresholds = hyperplanes.weights[part], hyperplanes.thresholds[part]
            with self.clock.measure("signs"):
                signs = signs_of(self._hyperplanes(weights, thresholds), self.points, self.n_threads, self.buckets.rows)
            with self.clock.measure("refining"):
                if self.buckets.refine(signs):
                    self.weights = np.concatenate([self.weights, weights])
                    self.thresholds = np.concatenate([self.thresholds, thresholds])
        return len(self.weights) > m

    def _hyperplanes(self, weights, thresholds):
        return Hyperplanes(weights, thresholds, *self.frame)

    def separation(self):
        """The result, with the signs that are not known yet of points that were separated early."""
        hyperplanes = self._hyperplanes(self.weights, self.thresholds)
        if hyperplanes.m > MAX_BITS:
            return Separation(hyperplanes)
        known = self.margins.shape[1]
        if known < hyperplanes.m:
            late = self._hyperplanes(self.weights[known:], self.thresholds[known:]) if known else hyperplanes
            with self.clock.measure("signs"):
                self._know(late)
        return Separation(hyperplanes, self.codes, self.margins)

    def _know(self, hyperplanes):
        """Take the signs of the next hyperplanes for all points."""
        known = self.margins.shape[1]
        signs, margins = signs_and_margins(hyperplanes, self.points, self.n_threads)
        self.codes |= signs << np.uint64(known)
        self.margins = np.concatenate([self.margins, margins], axis=1)
        return signs

    def _signs_of_open(self, batch):
        """Exact signs of the open points, and while these are many of all points: rows in a row are read faster."""
        rows, m = self.buckets.rows, len(self.weights)
        if m > self.margins.shape[1] or m + batch.m > MAX_BITS or 2 * len(rows) < self.points.n:
            return signs_of(batch, self.points, self.n_threads, rows)
        return self._know(batch)[rows]

    def _forget(self, m):
        """Forget the signs of all but the first m hyperplanes."""
        if self.margins.shape[1] > m:
            self.margins = self.margins[:, :m]
            self.codes &= np.uint64((1 << m) - 1)

    def _look_closer(self):
        self.moves.effort = self.effort.looking_closer()
        self.size = _sample_size(self.points.d, self.moves.effort)

    def _choose(self, only_bisect):
        """Some hyperplanes chosen on a sample; where much is open, in rounds on a larger sample."""
        if len(self.weights) > MAX_BITS:
            self._look_closer()
        scouted = min(_SCOUTS * self.size, self.points.n // _SCOUTED, _SCOUTED_NUMBERS // self.points.d)
        if only_bisect or scouted < 2 * self.size or self.buckets.n_points < 2 * scouted:
            return self._choose_on_sample(self.points, self.classes, self.buckets, _BATCH, only_bisect, False)
        rows, starts, _ = self.buckets.sample(scouted, self.random_state)
        points, classes = Points(self.points.take(rows)), self.classes[rows]
        bucket = np.repeat(np.arange(len(starts) - 1, dtype=np.uint64), np.diff(starts))
        buckets = Buckets(classes)
        buckets.refine(bucket[buckets.rows])
        first, batches, left = buckets.n_points, [], _BATCH
        while left and buckets.n_points > self.effort.stop * first:
            batch = self._choose_on_sample(points, classes, buckets, left, False, True)
            batches.append(batch)
            left -= batch.m
            if not buckets.refine(signs_of(batch, points, 1, buckets.rows)):
                break
        batches.append(self._ahead(points, classes, _BATCH - left))
        weights, thresholds = [b.weights for b in batches], [b.thresholds for b in batches]
        return self._hyperplanes(np.concatenate(weights), np.concatenate(thresholds))

    def _ahead(self, points, classes, m):
        """Hyperplanes for what a sample that m of them separate cannot show: which of all points stay together.

        As many as cells for all points take. They halve the sample in directions that are drawn, and hardly split less
        than the best would: many buckets of a few points are alike. They save a pass over all points.
        """
        halvings = math.ceil(math.log2(self.buckets.n_points)) - m if 2**m >= points.n else 0
        weights, thresholds = [], []
        if halvings > 0 and self.effort.looks_ahead and not self.margin_kept and points.d > _LATTICE_DIMENSIONS:
            rows = np.arange(0, points.n, -(-points.n // _HALVED))
            sample = Sample(points.take(rows), classes[rows], np.array([0, len(rows)]), np.array([1.0 * len(rows)]))
            for best in (self.moves.drawn_direction(sample) for _ in range(min(halvings, _BATCH - m))):
                if best is not None:
                    weights.append(best.weights)
                    thresholds.append(best.threshold)
        return self._hyperplanes(np.array(weights, np.float32).reshape(-1, points.d), np.array(thresholds, np.float64))

    def _cleared(self, candidate, sample, n_before):
        """A hyperplane that keeps the margin and splits a bucket of the sample, near a candidate or another one."""
        self.margin_kept.forget()
        for _ in range(_CLEARED):
            cleared = self._cleared_at(self.margin_kept, candidate, sample)
            if cleared:
                return cleared
            candidate = self.moves.any(sample)
        # What can be asked for: a margin small enough is kept, and none that is out of all proportion to the points.
        margin, most = self.margin_kept.margin, self.margin_kept.diagonal()
        while margin > 2 * self.margin_kept.largest and margin > 0:
            margin /= 2
            if margin <= most:
                smaller = self.margin_kept.at(margin)
                self._cleared_at(smaller, candidate, sample)
                self.margin_kept.largest = smaller.largest
        self.margin_kept.give_up(n_before)

    def _cleared_at(self, margin_kept, candidate, sample):
        weights, threshold, distance = margin_kept.clear(candidate.weights, candidate.threshold)
        with np.errstate(over="ignore", invalid="ignore"):
            above = sample.X @ weights.astype(np.float64) >= threshold
        if not sample.is_split(above):
            return None
        margin_kept.largest = max(margin_kept.largest, distance)
        return Candidate(weights, threshold, candidate.score, above) if margin_kept.keeps(distance) else None

    def _choose_on_sample(self, points, classes, buckets, limit, only_bisect, scouting):
        rows, starts, sizes = buckets.sample(self.size, self.random_state)
        sample = Sample(points.take(rows), classes[rows], starts, sizes)
        near = None if only_bisect else around_one_bucket(sample, self.random_state)
        if near is not None:
            positions, starts, chosen = near
            sample = Sample(sample.X[positions], sample.classes[positions], starts, sizes[chosen])
        whole = len(rows) == buckets.n_points and not scouting and near is None
        self.moves.start_round(sample, whole or near is not None)
        weights, thresholds = [], []
        while sample.n_buckets and len(weights) < limit:
            best = self.moves.best(sample, only_bisect)
            if self.margin_kept:
                best = self._cleared(best, sample, len(self.weights) + len(weights))
            weights.append(best.weights)
            thresholds.append(best.threshold)
            sample.split(best.above)
            if not whole and sample.open_weight < self.effort.stop * sample.initial_weight:
                break
        return self._hyperplanes(np.array(weights, np.float32), np.array(thresholds, np.float64))


def _sample_size(d, effort):
    """The effort's number of points; fewer where they would take more than 6 MB as float32."""
    return min(effort.sample_points(d), max(1024, _SAMPLE_NUMBERS // d))


class Moves:
    """The moves, tried as often as they have been winning.

    Gaussian directions win while buckets are large, midpoints once they are pairs; a move's share of recent
    wins is the probability that it is tried, and never below 1/10.
    """

    def __init__(self, d, effort, narrowest, random_state):
        self.effort, self.narrowest = effort, narrowest
        self._age = effort.whiten_every
        self.random_state = random_state
        self.wins = dict.fromkeys(_PREFERENCE, 1.0) | {"midpoint": effort.midpoint_prior}
        del self.wins["cluster"]  # until clusters are found
        if d > _LATTICE_DIMENSIONS:
            del self.wins["lattice"]

    def start_round(self, sample, whole):
        """Whiten with the points that are open now, unless that has been done a few hyperplanes ago."""
        if whole or self._age >= self.effort.whiten_every:
            self._basis, self._rank = whitened_basis(sample, self.random_state, self.narrowest)
            self._age = 0
        if self.effort.clusters and sample.d > _LATTICE_DIMENSIONS:
            find_clusters(sample, self._rank)
            if sample.cluster is None:
                self._forget_clusters()
            else:
                self.wins.setdefault("cluster", 1.0)

    def best(self, sample, only_bisect):
        """Best candidate of the moves tried; a bisecting one if no other splits anything."""
        self._age += 1
        candidates = {} if only_bisect else {name: self._try(name, sample) for name in self._drawn(sample)}
        scores = {name: c.score * _PREFERENCE[name] for name, c in candidates.items() if c is not None}
        winner = max(scores, key=scores.get, default=None)
        for name in candidates.keys() & self.wins.keys():
            self.wins[name] += 0.1 * ((name == winner) - self.wins[name])
        return candidates[winner] if scores else bisecting_move(sample, self.random_state)

    def drawn_direction(self, sample):
        """One whitened Gaussian direction with its best threshold."""
        return whitened_gaussian_move(sample, self._basis, 1, self.random_state)

    def any(self, sample):
        """A candidate of a random move."""
        moves = [name for name in self.wins if name != "bisecting"]
        candidate = self._try(moves[self.random_state.integers(len(moves))], sample)
        return bisecting_move(sample, self.random_state) if candidate is None else candidate

    def _forget_clusters(self):
        """Go on without them; midpoints may have lost only to hyperplanes through clusters."""
        if self.wins.pop("cluster", None) is not None:
            self.wins["midpoint"] = self.effort.midpoint_prior

    def _drawn(self, sample):
        names = [name for name, wins in self.wins.items() if self.random_state.random() < max(wins, 0.1)]
        if not names and "cluster" in self.wins:  # two moves share the wins
            names = ["cluster"]
        if self._is_coarse(sample):
            names = [name for name in names if name not in ("gaussian", "midpoint")] + ["gaussian"]
        return names

    def _is_coarse(self, sample):
        """Whether buckets are large still: any hyperplane that halves them splits about as much as the best one."""
        is_coarse = len(sample.members) > self.effort.coarse * sample.n_buckets
        return is_coarse and sample.d > _LATTICE_DIMENSIONS

    def _try(self, name, sample):
        if name == "gaussian":
            directions = self.effort.directions // (_COARSE_SHARE if self._is_coarse(sample) else 1)
            return whitened_gaussian_move(sample, self._basis, directions, self.random_state)
        if name == "discriminant":
            if len(sample.group_sizes) > _GROUPS * len(sample.members):
                return None
            return discriminant_move(sample, self._basis, _DISCRIMINANTS, self.random_state)
        if name == "cluster":
            candidate = cluster_move(sample, self._rank, self.random_state)
            if candidate is None:
                self._forget_clusters()
                return self._try("midpoint", sample)
            return candidate
        if name == "lattice":
            return lattice_move(sample, self.effort.near_pairs, self.random_state)
        if name == "midpoint":
            pencils, numbers = self.effort.pencils, self.effort.pencil_numbers
            return midpoint_move(sample, self._rank, pencils, numbers, self.random_state)
        return bisecting_move(sample, self.random_state)
