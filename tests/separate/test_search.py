"""The kernels that choose hyperplanes, held to their plain twins in `naive`, and the samples they are used on."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import naive
from support.examples import examples

from fastmem._kernels import search
from fastmem.separate.moves import bisecting_move
from fastmem.separate.sample import Sample

PROPERTY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)
SOME_SEEDS = pytest.mark.parametrize("seed", range(6))


# Cuts


@st.composite
def families(draw):
    """Events of families of hyperplanes on points of buckets and groups; small integers, so that no score is rounded.

    Some points are closed: in no bucket and no group.
    """
    n, n_families = draw(st.integers(1, 14)), draw(st.integers(1, 4))
    keys = sorted(draw(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2)), min_size=n, max_size=n)))
    bucket, classes = (np.array(column, np.int32) for column in zip(*keys, strict=True))
    is_open = bucket >= 0
    bucket[is_open] = np.unique(bucket[is_open], return_inverse=True)[1]
    order = draw(st.permutations(range(n)))  # points of a bucket need not lie together
    bucket, classes = bucket[order], classes[order]
    weights = draw(hnp.arrays(np.float64, int(bucket.max()) + 1, elements=st.integers(1, 9).map(float)))
    events = draw(hnp.arrays(np.float64, (n_families, n), elements=st.integers(-6, 6).map(float), fill=st.nothing()))
    above = draw(st.one_of(st.just(np.ones((n_families, n), bool)), hnp.arrays(bool, (n_families, n))))
    return events, above, bucket, classes, weights


def best_cuts(events, above, bucket, classes, weights, tolerances, rounding, slack):
    """What the kernel finds: score, p and q of each family, None where no gap is wide enough."""
    is_open = bucket >= 0
    _, groups = np.unique(np.column_stack([bucket, classes])[is_open], axis=0, return_inverse=True)
    group = np.full(len(bucket), -1, np.int32)
    group[is_open] = groups.ravel()
    bucket_sizes, group_sizes = (np.bincount(numbers[is_open]).astype(float) for numbers in (bucket, group))
    orders = np.argsort(events, axis=1)
    scores, cuts = np.empty(len(events)), np.empty(len(events), np.int64)
    search.sweep_cuts(
        events, orders, above.view(np.uint8), bucket, group, bucket_sizes, group_sizes, weights, tolerances, rounding,
        slack, np.empty(len(bucket_sizes)), np.empty(len(group_sizes)), np.empty(events.shape[1]), scores, cuts,
    )  # fmt: skip
    return [
        None if score < 0 else (score, *family[order[cut : cut + 2]].tolist())
        for family, order, score, cut in zip(events, orders, scores.tolist(), cuts.tolist(), strict=True)
    ]


@PROPERTY
@given(families(), st.integers(0, 3), st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_a_sweep_finds_the_best_of_all_cuts(family, tolerance, rounding, slack):
    events, above, bucket, classes, weights = family
    tolerances = np.array([tolerance, 0, 1, 2], float)[: len(events)]
    found = best_cuts(events, above, bucket, classes, weights, tolerances, rounding, slack)
    for cut, points, side, tolerated in zip(found, events, above, tolerances.tolist(), strict=True):
        assert cut == naive.sweep(points, side, bucket, classes, weights, tolerated, rounding, slack)


@PROPERTY
@given(families())
def test_points_that_all_change_sides_split_as_much_from_either_side(family):
    events, above, bucket, classes, weights = family
    nothing = np.zeros(len(events))
    one = best_cuts(events, above, bucket, classes, weights, nothing, 0.0, 0.0)
    other = best_cuts(events, ~above, bucket, classes, weights, nothing, 0.0, 0.0)
    assert one == other


# Pencils


@PROPERTY
@given(st.data(), st.integers(1, 3), st.integers(1, 12))
def test_points_change_sides_where_the_hyperplane_of_a_pencil_meets_them(data, n_pencils, n):
    numbers = st.integers(-9, 9).map(float)
    values = data.draw(hnp.arrays(np.float64, (2 * n_pencils, n), elements=numbers, fill=st.nothing()))
    levels = data.draw(hnp.arrays(np.float64, 2 * n_pencils, elements=numbers, fill=st.nothing()))
    events, above, scales = np.empty((n_pencils, n)), np.empty((n_pencils, n), np.uint8), np.empty(n_pencils)
    search.pencil_events(values.copy(), levels, events, above, scales)
    first, second = np.split(values - levels[:, None], 2)
    sizes = np.abs(second).sum(axis=1)
    assert np.array_equal(scales, np.divide(np.abs(first).sum(axis=1), sizes, out=np.zeros(n_pencils), where=sizes > 0))
    for c, i in np.ndindex(n_pencils, n):
        assert (events[c, i], above[c, i]) == naive.pencil_event(first[c, i], second[c, i], scales[c])


# Weights


@PROPERTY
@given(st.data(), st.integers(1, 3), st.integers(1, 6), st.sampled_from([10, 120]))
def test_a_direction_is_rounded_to_float32_weights_as_its_definition_says(data, n_directions, d, widest):
    numbers = st.one_of(st.just(0.0), st.floats(0.5, 1), st.floats(-1e6, 1e6), st.sampled_from([1e-300, -1e40, 1e300]))
    directions = data.draw(hnp.arrays(np.float64, (n_directions, d), elements=numbers, fill=st.nothing()))
    powers = st.one_of(st.integers(-3, 3), st.integers(-200, 200))
    exponents = data.draw(hnp.arrays(np.int32, d, elements=powers, fill=st.nothing()))
    varies = data.draw(hnp.arrays(bool, d, fill=st.nothing()))
    weights, rounded, shifts = np.empty((n_directions, d), np.float32), np.empty((n_directions, d)), np.empty(3, int)
    search.round_directions(
        directions, exponents, varies.view(np.uint8), widest, np.empty(d, np.int32), weights, rounded, shifts
    )
    for t, direction in enumerate(directions.tolist()):
        found = weights[t].tolist(), rounded[t].tolist(), shifts[t]
        assert found == naive.rounded_direction(direction, exponents.tolist(), varies.tolist(), widest, t % d)


# Order


def orders_of(events):
    n_families, n = events.shape
    orders = np.empty((n_families, n), np.int64)
    working_space = np.empty((2, n), np.uint64), np.empty((2, n), np.int32), np.empty((4, 2**11), np.int32)
    search.sort_events(events, orders, *working_space)
    return orders


@PROPERTY
@given(st.data(), st.integers(1, 3), st.integers(1, 40))
def test_events_are_sorted_by_their_leading_bits_and_equal_ones_keep_their_order(data, n_families, n):
    some = st.one_of(
        st.floats(allow_nan=False),
        st.sampled_from([0.0, -0.0, 1.0, np.nextafter(1, 2), 1 + 2.0**-32, 1 + 2.0**-31, -1 - 2.0**-33, -1.0]),
        st.integers(-3, 3).map(lambda steps: steps * 5e-324 * 2**19),
    )
    events = data.draw(hnp.arrays(np.float64, (n_families, n), elements=some, fill=st.nothing()))
    assert orders_of(events).tolist() == [naive.coarse_order(family) for family in events]


@SOME_SEEDS
def test_thousands_of_events_are_in_order_but_for_neighbours(seed):
    rng = np.random.default_rng(seed)
    events = rng.standard_normal((3, 5000)) * np.array([[1.0], [1e-300], [1e12]]) + [[0.0], [0.0], [1.0]]
    events = np.append(events, np.round(rng.standard_normal((1, 5000)), 1) + 0.0, axis=0)
    orders = orders_of(events)
    assert np.array_equal(np.sort(orders, axis=1), np.broadcast_to(np.arange(5000), orders.shape))
    ordered = np.take_along_axis(events, orders, axis=1)
    assert np.all(np.diff(ordered, axis=1) >= -(2.0**-31) * np.abs(ordered[:, 1:]))
    assert np.array_equal(orders[3], np.argsort(events[3], kind="stable"))


# Codes that may be repeated


def possibly_repeated(codes, mask, n_bytes):
    seen, positions = np.full(n_bytes, 255, np.uint8), np.empty(len(codes), np.int64)
    found = search.possibly_repeated(codes, np.uint64(mask), seen, positions)
    return positions[:found].tolist()


@PROPERTY
@given(
    hnp.arrays(np.uint64, st.integers(1, 60), elements=st.integers(0, 40).map(lambda i: i * 0x41041041041041)),
    st.integers(0, 2**62 - 1),
    st.sampled_from([1, 2, 64, 4096]),
)
def test_every_repeated_code_is_found_in_order(codes, mask, n_bytes):
    found = possibly_repeated(codes, mask, n_bytes)
    assert found == sorted(set(found))
    assert set(naive.repeated(codes, mask)) <= set(found)


@SOME_SEEDS
def test_codes_that_are_not_repeated_are_found_rarely_where_counters_are_many(seed):
    """About n/counters of them share a counter by chance: 2000/2^16 of 2000 are 61."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**62, 2000, np.uint64)
    codes[:20] = codes[20:40]
    found = possibly_repeated(codes, 2**62 - 1, 2**14)
    assert set(range(40)) <= set(found)
    assert len(found) < 40 + 200


# Buckets of samples


@st.composite
def bucketed(draw):
    """Points of buckets, class by class, some of them in none: members, starts and classes."""
    sizes = draw(st.lists(st.integers(2, 5), max_size=4))
    n_open, n_closed = sum(sizes), draw(st.integers(0, 3))
    members = np.array(draw(st.permutations(range(n_open + n_closed))), np.int64)[:n_open]
    starts = np.append(0, np.cumsum(sizes)).astype(np.int64)
    classes = np.zeros(n_open + n_closed, np.int32)
    for first, end in itertools.pairwise(starts.tolist()):
        of_bucket = draw(st.lists(st.integers(0, 2), min_size=end - first, max_size=end - first))
        classes[members[first:end]] = sorted(of_bucket)
    return members, starts, classes


@PROPERTY
@given(bucketed(), st.data())
def test_a_sample_is_parted_by_sides_and_keeps_the_parts_of_two_classes(sample, data):
    members, starts, classes = sample
    above = data.draw(hnp.arrays(bool, len(classes), fill=st.nothing()))
    n_buckets = len(starts) - 1
    kept, kept_starts = np.empty_like(members), np.empty(2 * n_buckets + 1, np.int64)
    parents = np.empty(2 * n_buckets, np.int64)
    n = search.split_sample(above.view(np.uint8), members, starts, classes, kept, kept_starts, parents)
    parts = [kept[first:end].tolist() for first, end in itertools.pairwise(kept_starts[: n + 1].tolist())]
    buckets = [members[first:end].tolist() for first, end in itertools.pairwise(starts.tolist())]
    assert parts == naive.split_buckets(above[members], buckets, classes.tolist())[0]
    assert all(set(part) <= set(buckets[parent]) for part, parent in zip(parts, parents.tolist(), strict=False))


@PROPERTY
@given(bucketed())
def test_buckets_and_groups_of_a_sample_are_numbered_in_order(sample):
    members, starts, classes = sample
    bucket, group = np.empty(len(classes), np.int32), np.empty(len(classes), np.int32)
    sizes = np.empty(len(members))
    n_groups = search.number_sample(members, starts, classes, bucket, group, sizes)
    buckets = [members[first:end].tolist() for first, end in itertools.pairwise(starts.tolist())]
    expected_bucket, expected_group, expected_sizes = naive.numbered(buckets, classes.tolist())
    assert (bucket.tolist(), group.tolist()) == (expected_bucket, expected_group)
    assert sizes[:n_groups].tolist() == expected_sizes


@PROPERTY
@given(bucketed(), st.integers(1, 3), st.sampled_from([np.float32, np.float64]), st.data())
def test_the_nearest_point_of_another_group_is_found_in_a_bucket(sample, d, dtype, data):
    members, starts, classes = sample
    places = data.draw(hnp.arrays(dtype, (len(classes), d), elements=st.integers(-3, 3), fill=st.nothing()))
    buckets = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    found = np.full(len(members), -1)
    search.nearest_others(places, members, starts, classes, buckets, members, found)
    for row, other, bucket in zip(members.tolist(), found.tolist(), buckets.tolist(), strict=True):
        of_bucket = members[starts[bucket] : starts[bucket + 1]].tolist()
        expected = naive.nearest_other(places, of_bucket, classes.tolist(), row)
        assert other == (-1 if expected is None else expected)


# Samples


def a_sample(seed, n=300, d=4, n_buckets=5, n_classes=3, whole=False):
    """Points numbered in column 0 (as good as constant beside the others' scale) in buckets of several classes."""
    rng = np.random.default_rng([seed, n])
    X = rng.standard_normal((n, d))
    X[:, 0] = np.arange(n)
    bucket, classes = rng.integers(0, n_buckets, n), rng.integers(0, n_classes, n).astype(np.int32)
    order = np.lexsort((classes, bucket))
    bucket, classes = bucket[order], classes[order]
    starts = np.searchsorted(bucket, np.arange(n_buckets + 1))
    sizes = np.diff(starts) * (1.0 if whole else 2.5)
    return Sample(X, classes, starts, sizes), bucket, classes, rng


def weight_split(sample, above):
    return naive.split_pairs(above, sample.bucket, sample.classes, (sample.sizes / sample.counts**2).tolist())


@SOME_SEEDS
def test_a_candidate_has_the_sides_and_the_score_of_its_hyperplane(seed):
    sample, *_, rng = a_sample(seed, 120)
    sample.split(rng.random(120) < 0.5)
    candidate = sample.sweep(rng.standard_normal((5, 4)))
    assert candidate.weights.dtype == np.float32
    sides = naive.signs(sample.X, candidate.weights[None], [candidate.threshold])[:, 0]
    assert np.array_equal(candidate.above, sides)
    assert candidate.score == pytest.approx(weight_split(sample, sides))


@SOME_SEEDS
def test_a_sweep_scores_no_less_than_any_threshold_of_its_directions(seed):
    sample, *_, rng = a_sample(seed, 100)
    directions = rng.standard_normal((4, 4))
    best = sample.sweep(directions).score
    for values in (sample.coordinates @ directions.T).T:
        scores = [weight_split(sample, values >= t) for t in rng.choice(values, 20)]
        assert max(scores) <= best * (1 + 1e-12)


@SOME_SEEDS
def test_the_best_of_a_pencil_scores_no_less_than_its_random_members(seed):
    sample, *_, rng = a_sample(seed, 100)
    if seed % 2:
        sample.split(rng.random(100) < 0.5)
    first, second = rng.standard_normal((2, 3, 5)) * rng.choice([0.1, 1.0, 10.0], (2, 3, 1))
    direction = sample.sweep_pencils(first, second)
    best = sample.sweep(direction[None]).score
    for s in rng.uniform(-1, 1, 60):
        for member in (1 - abs(s)) * first + s * second:
            above = sample.coordinates @ member[:-1] >= member[-1]
            assert weight_split(sample, above) <= best * (1 + 1e-12)


@SOME_SEEDS
def test_pairs_are_of_one_bucket_and_must_differ(seed):
    sample, *_, rng = a_sample(seed)
    for _ in range(4):
        buckets = rng.integers(0, sample.n_buckets, (7, 3))
        a, b = sample.random_pairs(buckets, rng)
        assert a.shape == b.shape == buckets.shape
        assert np.array_equal(sample.bucket[a], buckets)
        assert np.array_equal(sample.bucket[b], buckets)
        assert np.all(sample.classes[a] != sample.classes[b])
        sample.split(rng.random(len(sample.X)) < 0.5)


@SOME_SEEDS
def test_a_near_pair_is_a_point_and_the_nearest_that_must_differ_from_it(seed):
    sample, *_, rng = a_sample(seed)
    for _ in range(4):
        buckets = rng.integers(0, sample.n_buckets, 12)
        a, b = sample.near_pairs(buckets, rng)
        for i, k, bucket in zip(a.tolist(), b.tolist(), buckets.tolist(), strict=True):
            assert sample.bucket[i] == sample.bucket[k] == bucket
            others = np.flatnonzero((sample.bucket == bucket) & (sample.classes != sample.classes[i]))
            distances = ((sample.coordinates[others] - sample.coordinates[i]) ** 2).sum(axis=1)
            assert k in others[distances <= distances.min() * (1 + 1e-12)]
        sample.split(rng.random(len(sample.X)) < 0.5)


@SOME_SEEDS
def test_splitting_a_sample_closes_the_buckets_that_are_done(seed):
    sample, bucket, classes, rng = a_sample(seed, whole=True)
    cells = dict(enumerate(zip(bucket.tolist(), strict=True)))  # of each point, by the number in column 0
    kept = []
    while sample.n_buckets:
        numbers = sample.X[:, 0].astype(int)
        above = rng.random(len(numbers)) < rng.choice([0.5, 0.1])
        for number, sign in zip(numbers.tolist(), above.tolist(), strict=True):
            cells[number] += (sign,)
        sample.split(above)
        numbers = sample.X[:, 0].astype(int)
        classes_in, points_in = {}, {}
        for number in numbers.tolist():
            classes_in.setdefault(cells[number], set()).add(int(classes[number]))
            points_in.setdefault(cells[number], set()).add(number)
        expected = [points_in[cell] for cell in points_in if len(classes_in[cell]) > 1]
        runs = np.split(numbers[sample.members], sample.starts[1:-1]) if sample.n_buckets else []
        assert sorted(map(sorted, expected)) == sorted(sorted(run.tolist()) for run in runs)
        assert all(np.all(np.diff(classes[run]) >= 0) for run in runs)
        assert np.array_equal(sample.sizes, [len(run) for run in runs])
        assert sample.open_weight == len(sample.members)
        in_open = np.isin(np.arange(len(numbers)), sample.members)
        assert np.array_equal(in_open, sample.bucket >= 0)
        assert np.array_equal(in_open, sample.group >= 0)
        kept.append(len(numbers))
    assert len(set(kept)) > 2  # points that are done were given up on the way


@pytest.mark.parametrize("scale", [1.0, 2.0**52, 1.7e308, 5e-324])
@SOME_SEEDS
def test_a_bisecting_move_splits_points_one_ulp_apart(seed, scale):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (1, 3)).repeat(40, axis=0) * scale
    X[20:, 1] = np.nextafter(X[0, 1], np.inf)
    classes = np.repeat(np.arange(2, dtype=np.int32), 20)
    sample = Sample(X, classes, np.array([0, 40]), np.array([40.0]))
    candidate = bisecting_move(sample, rng)
    assert np.array_equal(candidate.above, classes == 1)
    assert np.array_equal(candidate.above, naive.signs(X, candidate.weights[None], [candidate.threshold])[:, 0])
    assert sample.is_split(candidate.above)
    assert not sample.is_split(np.ones(40, bool))
    sample.split(candidate.above)
    assert sample.n_buckets == 0


@SOME_SEEDS
def test_a_bisecting_move_splits_a_bucket_of_any_sample(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, (300, 4)) * np.array([1.0, 1e-300, 1e300, 5e-324])
    X = np.unique(X, axis=0)
    classes = rng.integers(0, 2, len(X)).astype(np.int32)
    order = np.argsort(classes, kind="stable")
    sample = Sample(X[order], classes[order], np.array([0, len(X)]), np.array([float(len(X))]))
    while sample.n_buckets:
        candidate = bisecting_move(sample, rng)
        assert sample.is_split(candidate.above)
        assert np.array_equal(
            candidate.above, naive.signs(sample.X, candidate.weights[None], [candidate.threshold])[:, 0]
        )
        sample.split(candidate.above)
