"""Every sign is that of the real numbers: held to rational arithmetic, on points chosen to break rounding."""

import math
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import naive
from support.environments import ROUNDING, environment, needs_environments
from support.examples import examples
from support.instruction_sets import ISAS, isa

import fastmem
from fastmem._kernels import signs as kernels
from fastmem.data.as_points import as_points
from fastmem.errors import InvalidInput
from fastmem.export.exact_sums import first_layer
from fastmem.hyperplanes import FirstLayer
from fastmem.hyperplanes.code import LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.tables import split_exactly
from fastmem.network import EncodedNetwork
from fastmem.store import IntegerStore

FEW = examples(60)
MANY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)
# What `column_frame` gives lies within this; Hyperplanes takes any int16.
EXPONENTS = st.integers(-900, 900)

LARGEST32, LARGEST64 = float(np.finfo(np.float32).max), float(np.finfo(np.float64).max)
POOL32 = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -7.0, 1e30, -1e30, 1 / 3, -0.1),
    *(2.0**-149, -(2.0**-149), 3 * 2.0**-149, 2.0**-126, -(2.0**-126) + 2.0**-149, 2.0**-100),
    *(1 + 2.0**-23, 1 - 2.0**-24, 2.0**24 + 2, LARGEST32, -LARGEST32, LARGEST32 * 0.75, 2.0**100),
]
POOL32 = np.array(POOL32, np.float32).astype(np.float64).tolist()
POOL64 = [
    *POOL32,
    *(5e-324, -5e-324, 1e-310, 2.2250738585072014e-308, -1e-200, 1 / 3, 0.1, 1 + 2.0**-52, 1 - 2.0**-53),
    *(2.0**53 - 1, -(2.0**53), 1e200, 1e308, -1e308, LARGEST64, -LARGEST64, 1e30 * (1 + 2.0**-52)),
]
float32s = st.one_of(
    st.sampled_from(POOL32),
    st.integers(-4, 4).map(float),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
float64s = st.one_of(
    st.sampled_from(POOL64),
    st.integers(-4, 4).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)


def nudged(t, ulps):
    """The float64 number some ulps above t, as far as they are finite."""
    for _ in range(abs(ulps)):
        t = math.nextafter(t, math.copysign(math.inf, ulps))
    return min(max(t, -LARGEST64), LARGEST64)


def threshold_through(w, x, ulps=0):
    """The float64 number nearest to w.x (on the hyperplane if the sum is such a number), ulps away."""
    try:
        return nudged(float(naive.inner_product(w, x)), ulps)
    except OverflowError:
        return LARGEST64


def plain(weights, thresholds):
    """Hyperplanes with centre 0 and unit scale."""
    weights = np.asarray(weights, np.float32)
    d = weights.shape[1]
    return Hyperplanes(weights, thresholds, np.zeros(d), np.zeros(d, np.int16))


def signs_of(hyperplanes, X):
    """What the package says: bool array of shape (n, m)."""
    words = hyperplanes.signs_of_block(as_points(X).block(0, len(X)))
    assert words.shape == (len(X), -(-hyperplanes.m // 64))
    return naive.unpack_bits(words, hyperplanes.m)


def assert_exact(hyperplanes, X):
    expected = naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
    assert np.array_equal(signs_of(hyperplanes, X), expected)


@st.composite
def small_problems(draw, exponents=EXPONENTS):
    """Hyperplanes and points with every number drawn; most thresholds lie within an ulp of a point."""
    d, m, n = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dtype, elements = draw(st.sampled_from([(np.float32, float32s), (np.float64, float64s)]))
    X = draw(hnp.arrays(dtype, (n, d), elements=elements))
    weights = draw(hnp.arrays(np.float32, (m, d), elements=float32s))
    thresholds = [
        draw(
            st.one_of(float64s, st.builds(threshold_through, st.just(w), st.sampled_from(list(X)), st.integers(-1, 1)))
        )
        for w in weights
    ]
    centre = draw(st.one_of(st.sampled_from(list(X)), hnp.arrays(np.float64, d, elements=float64s)))
    scale = draw(hnp.arrays(np.int16, d, elements=exponents))
    return Hyperplanes(weights, thresholds, centre, scale), X


def large_problem(seed, n=6, d=None, m=None, dtype=None, frame=None):
    """Up to 70 dimensions and 130 hyperplanes: rows of ordinary, extreme, cancelling and integer numbers."""
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 71) if d is None else d
    m = rng.integers(1, 131) if m is None else m
    dtype = rng.choice([np.float32, np.float64]) if dtype is None else dtype
    pool = POOL32 if dtype == np.float32 else POOL64

    def rows(count, values):
        kinds = [
            lambda: rng.normal(size=d),
            lambda: np.ldexp(rng.normal(size=d), rng.integers(-100, 100)),
            lambda: rng.choice(values, d),
            lambda: rng.integers(-8, 9, d).astype(float),
            lambda: rng.permutation(np.resize([1e30, 1.0, -1e30, 0.0], d)),
            lambda: np.ldexp(rng.integers(-8, 9, d), -149),
            lambda: np.where(rng.random(d) < 0.1, rng.normal(size=d), 0.0),
        ]
        return np.array([kinds[k]() for k in rng.integers(0, len(kinds), count)])

    X, weights = rows(n, pool).astype(dtype), rows(m, POOL32).astype(np.float32)
    thresholds = [threshold_through(w, X[rng.integers(n)], rng.integers(-1, 2)) for w in weights]
    frame = rng.choice(["none", "columns", "point", "random"]) if frame is None else frame
    if frame == "none":
        return plain(weights, thresholds), X
    if frame == "columns":
        return Hyperplanes(weights, thresholds, *column_frame(X)), X
    if frame == "point":
        return Hyperplanes(weights, thresholds, X[0], rng.integers(-9, 10, d)), X
    return Hyperplanes(weights, thresholds, rng.choice(POOL64, d), rng.integers(-900, 901, d)), X


def encoder_of(hyperplanes, seed=0):
    """An encoder that needs all signs: the identity, or a random code where there are more than 62."""
    if hyperplanes.m <= 62:
        return Encoder(hyperplanes, LinearCode.identity(hyperplanes.m))
    return Encoder(hyperplanes, LinearCode(np.random.default_rng(seed).integers(0, 2**62, hyperplanes.m), 62))


def network_of(hyperplanes, X, seed=0):
    """A network that gives each code of X a class of its own."""
    encoder = encoder_of(hyperplanes, seed)
    codes = np.unique(encoder.codes(as_points(X)))
    classes = np.random.default_rng(seed).permutation(len(codes)).astype(np.int32)
    store = IntegerStore.build(codes, classes, encoder.n_bits, len(codes))
    return EncodedNetwork(
        encoder, store, np.arange(len(codes)),
        n_points=len(X), n_told_apart=len(codes), construction="compact", separate="all",
        smallest_distance=0.0, largest_norm=1.0,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def hard(request):
    """A network of 100 hyperplanes and 300 points, most signs near or on a hyperplane; its labels and codes."""
    hyperplanes, X = large_problem(7, n=300, d=20, m=100, dtype=request.param, frame="none")
    network = network_of(hyperplanes, X)
    return network, X, network.predict(X, n_threads=1), network.codes(X, n_threads=1)


def assert_same_answers(hard, X, rows=slice(None)):
    network, _, labels, codes = hard
    assert np.array_equal(network.predict(X), labels[rows])
    assert np.array_equal(network.codes(X), codes[rows])


# The oracle


@MANY
@given(small_problems())
def test_the_oracle_is_the_definition_in_fractions(problem):
    hyperplanes, X = problem
    expected = [
        [
            naive.inner_product(w, x) >= Fraction(float(t))
            for w, t in zip(hyperplanes.weights, hyperplanes.thresholds, strict=True)
        ]
        for x in X
    ]
    assert naive.signs(X, hyperplanes.weights, hyperplanes.thresholds).tolist() == expected


# Exactness


@examples(500)
@given(small_problems())
def test_signs_are_those_of_the_real_numbers(problem):
    assert_exact(*problem)


@MANY
@given(SEEDS)
def test_signs_of_many_hyperplanes_in_many_dimensions_are_those_of_the_real_numbers(seed):
    assert_exact(*large_problem(seed))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 31, 32, 33, 64, 65, 200])
@pytest.mark.parametrize("m", [1, 15, 16, 17, 62, 63, 64, 65, 128, 130])
def test_signs_are_exact_for_every_count_of_panels_words_and_chunks(dtype, d, m):
    rng = np.random.default_rng(d * 1000 + m)
    X = rng.integers(-3, 4, (17, d)).astype(dtype)
    weights = rng.integers(-3, 4, (m, d)).astype(np.float32)
    thresholds = (weights.astype(np.float64) @ X[rng.integers(0, 17, m)].T.astype(np.float64)).diagonal()
    assert_exact(plain(weights, thresholds), X)


@FEW
@given(SEEDS)
def test_a_point_on_a_hyperplane_is_on_side_1_and_one_ulp_decides(seed):
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 71)
    x = rng.integers(-1000, 1001, d).astype(np.float32)
    w = np.ldexp(rng.integers(1, 1000, d), -5).astype(np.float32)
    t = float(naive.inner_product(w, x))
    beside = [nudged(t, -1), t, nudged(t, 1)]
    assert naive.inner_product(w, x) == Fraction(t)
    assert signs_of(plain([w] * 3, beside), x[None]).tolist() == [[True, True, False]]


@FEW
@given(SEEDS, st.sampled_from([np.float32, np.float64]))
def test_one_ulp_of_one_coordinate_decides(seed, dtype):
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 71)
    x = rng.integers(-1000, 1001, d).astype(dtype)
    w = np.ldexp(rng.integers(1, 1000, d), -5).astype(np.float32)
    i = rng.integers(d)
    X = np.array([x, x, x])
    X[0, i], X[2, i] = np.nextafter(x[i], dtype(-np.inf)), np.nextafter(x[i], dtype(np.inf))
    assert signs_of(plain([w], [float(naive.inner_product(w, x))]), X).tolist() == [[False], [True], [True]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_terms_that_cancel_leave_the_small_one(dtype):
    X = np.array([[1e30, 1, -1e30], [1e30, 0, -1e30], [-1e30, -1, 1e30], [1, 1e30, -1e30]], dtype)
    hyperplanes = plain([[1, 1, 1]] * 3, [5e-324, 0.0, 1.0])
    assert signs_of(hyperplanes, X).tolist() == [
        [True, True, True],
        [False, True, False],
        [False, False, False],
        [True, True, True],
    ]


@pytest.mark.parametrize("step", [1, 32])
@pytest.mark.parametrize("share", [0.4999, 0.5001])
@pytest.mark.parametrize("d", [2, 31, 64, 2048])
def test_additions_that_all_round_the_same_way_change_no_sign(d, share, step):
    # One product of 0.7 and others of just under or over half a unit in its last place, side by side or 32 apart.
    x, w = np.zeros(d, np.float32), np.zeros(d, np.float32)
    w[::step] = 0.7 / np.sqrt(max(len(w[::step]) - 1, 1))
    x[::step] = share * 2.0**-24 / w[0]
    x[0], w[0] = 1.0, 0.7
    float32_sum, true_sum = np.float64(np.float32(0.7)), float(naive.inner_product(w, x))
    thresholds = np.linspace(2 * float32_sum - true_sum, 3 * true_sum - 2 * float32_sum, 41)
    for frame in (0, 0.5):
        hyperplanes = Hyperplanes([w] * 41, thresholds, np.full(d, frame), np.zeros(d))
        assert_exact(hyperplanes, np.array([x]))
        assert_exact(hyperplanes, np.array([x], np.float64))
    assert_exact(plain([-w] * 41, -thresholds), np.array([x]))


@pytest.mark.parametrize("d", [2, 8, 64])
def test_coordinates_that_all_round_the_same_way_to_float32_change_no_sign(d):
    # Just above and below the middle of two float32 numbers: the sum is nearly 0, the rounded one d units.
    x = np.resize([1 + 2.0**-24 * (1 - 2.0**-20), -1 - 2.0**-24 * (1 + 2.0**-20)], d)
    thresholds = np.linspace(-2, 2, 41) * d * 2.0**-24
    assert_exact(plain(np.ones((41, d)), thresholds), np.array([x, -x]))


@pytest.mark.parametrize("d", [3, 10, 64])
@pytest.mark.parametrize("w", [0.5, -0.5, 0.25, -0.75])
def test_products_below_the_smallest_number_add_up(d, w):
    X = np.full((1, d), 5e-324)
    thresholds = [threshold_through(np.full(d, w), X[0], ulps) for ulps in range(-d, d + 1)]
    assert_exact(plain(np.full((len(thresholds), d), w), thresholds), X)


def test_the_largest_and_the_smallest_numbers_are_exact():
    X = np.array([[LARGEST64, -LARGEST64, 5e-324], [LARGEST64, LARGEST64, 0], [-LARGEST64, 1e308, 1e308]])
    weights = [[LARGEST32, LARGEST32, 2.0**-149], [LARGEST32, -LARGEST32, 1], [2.0**-149, 2.0**-149, 2.0**-149]]
    thresholds = [5e-324, LARGEST64, 2.0**-149 * 1e308]
    assert_exact(plain(weights, thresholds), X)


def test_zero_and_minus_zero_are_one_number():
    X = np.array([[0.0, -0.0], [-0.0, -0.0], [0.0, 0.0]])
    hyperplanes = plain([[1, 1], [-1, 0.0], [-0.0, -0.0], [0, 0]], [0.0, -0.0, 0.0, -0.0])
    assert signs_of(hyperplanes, X).all()


def test_a_hyperplane_without_weights_is_constant():
    X = np.array([[1e308], [-5e-324], [0.0]])
    hyperplanes = plain(np.zeros((5, 1)), [0.0, 5e-324, -5e-324, 1e308, -1e308])
    assert signs_of(hyperplanes, X).tolist() == [[True, False, True, False, True]] * 3


def test_no_hyperplanes_give_the_code_0():
    hyperplanes = plain(np.zeros((0, 3)), [])
    assert encoder_of(hyperplanes).codes(as_points(np.ones((5, 3)))).tolist() == [0] * 5


# Centre and scale


@MANY
@given(small_problems(), st.data())
def test_centre_and_scale_change_no_sign(problem, data):
    hyperplanes, X = problem
    centre = data.draw(hnp.arrays(np.float64, hyperplanes.d, elements=float64s))
    exponents = data.draw(hnp.arrays(np.int16, hyperplanes.d, elements=EXPONENTS))
    other = Hyperplanes(hyperplanes.weights, hyperplanes.thresholds, centre, exponents)
    assert np.array_equal(signs_of(other, X), signs_of(hyperplanes, X))


@pytest.mark.parametrize("exponent", [-32768, -1075, -1024, 1023, 1024, 1074, 1075, 1100, 2000, 32767])
def test_no_exponent_of_int16_changes_a_sign(exponent):
    rng = np.random.default_rng(0)
    X = np.concatenate([np.ldexp(rng.normal(size=(20, 3)), 1020), rng.normal(size=(20, 3)), np.zeros((1, 3))])
    weights = rng.normal(size=(10, 3)).astype(np.float32)
    thresholds = [threshold_through(w, x / 2) for w, x in zip(weights, X, strict=False)]
    assert_exact(Hyperplanes(weights, thresholds, np.zeros(3), np.full(3, exponent, np.int16)), X)
    assert_exact(Hyperplanes(weights, thresholds, np.ones(3), np.array([exponent, 0, 5], np.int16)), X)


@MANY
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 3)), elements=float64s))
def test_every_finite_sample_has_a_frame(sample):
    centre, exponents = column_frame(sample)
    assert centre.dtype == np.float64
    assert exponents.dtype == np.int16
    assert np.isfinite(centre).all()
    assert (np.abs(exponents) <= 900).all()


@MANY
@given(hnp.arrays(np.float64, 5, elements=float64s))
def test_a_centre_is_split_in_two_parts_without_loss(x):
    high, low = split_exactly(x)
    for whole, *parts in zip(x.tolist(), high.tolist(), low.tolist(), strict=True):
        assert sum(map(Fraction, parts)) == Fraction(whole)
        for part in parts:
            odd = abs(part.as_integer_ratio()[0])
            while odd and odd % 2 == 0:
                odd //= 2
            assert odd.bit_length() <= 27


# The line, where a sign is a comparison


@MANY
@given(st.data(), st.sampled_from([(np.float32, float32s), (np.float64, float64s)]))
def test_signs_on_the_line_are_comparisons(data, numbers):
    X = data.draw(hnp.arrays(numbers[0], (data.draw(st.integers(1, 6)), 1), elements=numbers[1]))
    near = st.builds(nudged, st.sampled_from(X[:, 0].tolist()), st.integers(-1, 1))
    thresholds = data.draw(st.lists(st.one_of(near, float64s), min_size=1, max_size=80))
    for order in (thresholds, sorted(thresholds)):
        hyperplanes = plain(np.ones((len(order), 1)), order)
        assert signs_of(hyperplanes, X).tolist() == [[x >= t for t in order] for x in X[:, 0].tolist()]


@pytest.mark.parametrize("m", [0, 1, 62, 63, 64, 65, 200])
def test_codes_on_the_line_are_the_xor_of_columns(m):
    rng = np.random.default_rng(m)
    X = rng.integers(-50, 50, (100, 1)).astype(float)
    hyperplanes = plain(np.ones((m, 1)), np.sort(rng.integers(-50, 50, m)).astype(float))
    columns = rng.integers(0, 2**64, m, np.uint64)
    codes, bad = hyperplanes.xor_codes(as_points(X).block(0, 100), columns)
    assert bad == -1
    assert np.array_equal(codes, naive.xor_codes(hyperplanes.thresholds <= X, columns))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("m", [1, 70])
def test_not_finite_is_refused_on_the_line(value, m):
    X = np.ones((40_000, 1))
    X[[31_000, 39_999]] = value
    encoder = encoder_of(plain(np.ones((m, 1)), np.arange(m)))
    for n_threads in (1, 2):
        with pytest.raises(InvalidInput, match=rf"X\[31000, 0\] is {value}"):
            encoder.codes(as_points(X), n_threads)


# Codes


@FEW
@given(SEEDS)
def test_a_code_is_the_xor_of_the_columns_of_its_signs(seed):
    hyperplanes, X = large_problem(seed)
    columns = np.random.default_rng(seed).integers(0, 2**64, hyperplanes.m, np.uint64)
    codes, bad = hyperplanes.xor_codes(as_points(X).block(0, len(X)), columns)
    assert bad == -1
    expected = naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
    assert np.array_equal(codes, naive.xor_codes(expected, columns))


@FEW
@given(SEEDS, st.integers(0, 6), st.integers(0, 6))
def test_signs_of_a_block_are_those_of_its_rows(seed, start, stop):
    hyperplanes, X = large_problem(seed)
    words = hyperplanes.signs_of_block(as_points(X).block(start, stop))
    assert np.array_equal(words, hyperplanes.signs_of_block(as_points(X).block(0, len(X)))[start:stop])


# The three steps


def sign_steps(weights, thresholds, X):
    return plain(weights, thresholds).sign_steps(as_points(X))


def test_points_far_from_the_hyperplanes_need_float32_only():
    X = np.array([[1.0, 1], [-1, 1], [3, -4]])
    assert sign_steps([[1, 0], [1, 1]], [0.5, 10.0], X) == {"float32": 6, "float64": 0, "exact": 0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_within_float32_rounding_need_float64(dtype):
    X = np.array([[1, 1], [2, 0]], dtype)
    assert sign_steps([[1, 1]] * 2, [2 - 2.0**-40, 2 + 2.0**-40], X) == {"float32": 0, "float64": 4, "exact": 0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_on_a_hyperplane_need_the_exact_step(dtype):
    X = np.array([[1, 1], [2, 0], [5, -3], [1e30, -1e30]], dtype)
    assert sign_steps([[1, 1]], [2.0], X) == {"float32": 0, "float64": 0, "exact": 4}


def test_steps_add_up_over_several_blocks_of_rows():
    X = np.resize([1.0, 2.0, 3.0], (10_000, 1))
    expected = {"float32": 6666, "float64": 0, "exact": 3334}
    assert sign_steps([[2]], [2.0], X) == expected


# One answer for one input


def test_the_hard_points_have_exact_codes_and_need_all_three_steps(hard):
    network, X, _, codes = hard
    hyperplanes, columns = network.encoder.hyperplanes, network.encoder.code.columns
    expected = naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
    assert np.array_equal(codes, naive.xor_codes(expected, columns))
    steps = hyperplanes.sign_steps(as_points(X))
    assert min(steps.values()) > 0
    assert sum(steps.values()) == expected.size


@pytest.mark.parametrize("size", [1, 2, 7, 15, 64, 300])
def test_predictions_do_not_depend_on_batch_size(hard, size):
    X = hard[1]
    for start in range(0, len(X), size):
        assert_same_answers(hard, X[start : start + size], slice(start, start + size))


@pytest.mark.parametrize("seed", range(5))
def test_predictions_do_not_depend_on_the_order_of_rows(hard, seed):
    order = np.random.default_rng(seed).permutation(len(hard[1]))
    assert_same_answers(hard, hard[1][order], order)


@pytest.mark.parametrize("n_threads", [1, 2, 3, None])
def test_predictions_do_not_depend_on_the_number_of_threads(hard, n_threads):
    network, X, labels, codes = hard
    rows = np.arange(30_000) % len(X)  # more than one block of work
    assert np.array_equal(network.predict(X[rows], n_threads=n_threads), labels[rows])
    assert np.array_equal(network.codes(X[rows], n_threads=n_threads), codes[rows])


def strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan, X.dtype)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


def field(X, other):
    record = np.zeros(X.shape, [("x", X.dtype), ("other", other)])
    record["x"] = X
    return record["x"]


def unaligned(X):
    flat = np.zeros(X.nbytes + 1, np.uint8)
    flat[1:] = np.frombuffer(X.tobytes(), np.uint8)
    return flat[1:].view(X.dtype).reshape(X.shape)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": strided,
    "rows reversed in memory": lambda X: X[::-1].copy()[::-1],
    "columns reversed in memory": lambda X: X[:, ::-1].copy()[:, ::-1],
    "read-only": read_only,
    "unaligned": unaligned,
    "field of packed records": lambda X: field(X, np.int8),
    "field of aligned records": lambda X: field(X, X.dtype),
    "field between two items": lambda X: field(X, f"V{X.dtype.itemsize // 2}"),
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "list": np.ndarray.tolist,
    "objects": lambda X: X.astype(object),
    "long double": lambda X: X.astype(np.longdouble),
    "subclass": lambda X: np.ma.array(X),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_predictions_do_not_depend_on_memory_layout(hard, layout):
    X = LAYOUTS[layout](hard[1])
    assert np.array_equal(np.asarray(X, hard[1].dtype), hard[1])
    assert_same_answers(hard, X)


@pytest.mark.parametrize("order", ["C", "F"])
def test_predictions_do_not_depend_on_memory_mapping(hard, order, tmp_path):
    np.save(tmp_path / "X.npy", np.asarray(hard[1], order=order))
    assert_same_answers(hard, np.load(tmp_path / "X.npy", mmap_mode="r"))


def test_rows_broadcast_from_one_have_its_answer(hard):
    for i in range(0, len(hard[1]), 30):
        assert_same_answers(hard, np.broadcast_to(hard[1][i], (20, hard[1].shape[1])), np.full(20, i))


def test_float32_points_passed_as_float64_have_the_same_codes():
    for seed in range(40):
        hyperplanes, X = large_problem(seed, dtype=np.float32)
        codes = encoder_of(hyperplanes).codes(as_points(X))
        assert np.array_equal(encoder_of(hyperplanes).codes(as_points(X.astype(np.float64))), codes)


@pytest.mark.parametrize(
    "dtype",
    [bool, "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i4", "<i8", ">f2", object],
)
def test_equal_values_of_any_dtype_have_the_same_codes(dtype):
    rng = np.random.default_rng(3)
    X = rng.integers(0, 2 if dtype is bool else 100, (50, 30))
    weights = rng.integers(-5, 6, (100, 30)).astype(np.float32)
    hyperplanes = plain(weights, [threshold_through(w, X[i % 50]) for i, w in enumerate(weights)])
    assert np.array_equal(signs_of(hyperplanes, X.astype(dtype)), naive.signs(X, weights, hyperplanes.thresholds))


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
def test_integers_beyond_float32_keep_their_last_digit(dtype):
    x = 2**53 if np.dtype(dtype).itemsize == 8 else 2**31 - 1
    X = np.array([[x], [x - 1]], dtype)
    assert signs_of(plain([[1], [1]], [float(x), float(x - 1)]), X).tolist() == [[True, True], [False, True]]


def test_equal_hyperplanes_in_all_lanes_have_equal_signs():
    hyperplanes, X = large_problem(11, n=40, d=50, m=1, dtype=np.float64, frame="columns")
    repeated = Hyperplanes(
        np.repeat(hyperplanes.weights, 67, axis=0), np.repeat(hyperplanes.thresholds, 67),
        hyperplanes.centre, hyperplanes.exponents,
    )  # fmt: skip
    assert np.array_equal(signs_of(repeated, X), np.repeat(signs_of(hyperplanes, X), 67, axis=1))


# What is not a number


@pytest.fixture(scope="module")
def network():
    return fastmem.memorize(np.eye(7), np.arange(7), random_state=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("place", [(0, 0), (16, 2), (63, 6), (20_000, 3)])
@pytest.mark.parametrize("method", ["predict", "forward", "codes", "certified_radius"])
def test_a_network_names_the_first_row_and_column_that_is_not_finite(network, value, dtype, place, method):
    X = np.ones((20_001, 7), dtype)
    X[place] = X[place[0], 6] = X[20_000, 5] = value
    with pytest.raises(InvalidInput, match=rf"X\[{place[0]}, {place[1]}\] is {value}"):
        getattr(network, method)(X, n_threads=2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_name_the_first_row_and_column_that_is_not_finite(value, dtype):
    X = np.ones((100, 7), dtype)
    X[41, 3] = X[41, 5] = X[90, 0] = value
    points, hyperplanes = as_points(X), plain(np.ones((70, 7)), np.zeros(70))
    calls = [
        points.equal_rows,
        lambda: points.check_finite(0, 100),
        lambda: points.check_finite(30, 50),
        lambda: hyperplanes.signs(points),
        lambda: hyperplanes.sign_steps(points),
        lambda: points.over_rows(lambda start, stop, rows: hyperplanes.signs_of_block(rows), rows=slice(41, 42)),
        lambda: points.over_rows(
            lambda start, stop, rows: hyperplanes.signs_of_block(rows), rows=np.array([3, 41, 90])
        ),
        lambda: points.over_rows(lambda *_: None, columns=np.array([0, 5, 6])),
        lambda: hyperplanes.certified_radius(points),
        lambda: encoder_of(hyperplanes).codes(points),
        lambda: points.at_once(lambda rows, _: encoder_of(hyperplanes).codes_of_block(rows), None),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match=rf"X\[41, 3\] is {value}"):
            call()


@pytest.mark.parametrize("m", [0, 1, 70])
def test_not_finite_is_refused_for_any_number_of_hyperplanes(m):
    X = np.ones((20, 2))
    X[17, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"X\[17, 1\] is nan"):
        encoder_of(plain(np.zeros((m, 2)), np.zeros(m))).codes(as_points(X))


def test_the_first_bad_row_is_named_whatever_the_number_of_threads():
    X = np.ones((60_000, 3))
    X[[59_999, 45_000, 31_000], 1] = np.nan
    encoder = encoder_of(plain(np.ones((3, 3)), np.zeros(3)))
    for n_threads in (1, 2, 4):
        with pytest.raises(InvalidInput, match=r"X\[31000, 1\] is nan"):
            encoder.codes(as_points(X), n_threads)


# A changed floating-point environment


@needs_environments
def test_the_environment_is_really_changed():
    one, tiny, subnormal = np.ones(1), np.full(1, 1e-30), np.full(1, 1e-310)
    with environment("upward"):
        upward = float((one + tiny)[0])
    with environment("flushed"):
        flushed = (subnormal + subnormal).tobytes()
    assert upward == nudged(1.0, 1)
    assert flushed == bytes(8)


@needs_environments
@pytest.mark.parametrize("mode", ROUNDING)
def test_codes_do_not_depend_on_the_rounding_mode(hard, mode):
    network, X, labels, codes = hard
    with environment(mode):
        changed = network.codes(X, n_threads=1), network.predict(X, n_threads=1)
    assert np.array_equal(changed[0], codes)
    assert np.array_equal(changed[1], labels)


@needs_environments
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_do_not_depend_on_flushed_subnormals(dtype):
    rng = np.random.default_rng(0)
    tiny = {np.float32: -149, np.float64: -1074}[dtype]
    X = np.ldexp(rng.integers(-9, 10, (50, 5)), tiny).astype(dtype)
    weights = rng.integers(-9, 10, (40, 5)).astype(np.float32)
    hyperplanes = plain(weights, [threshold_through(w, X[i], i % 3 - 1) for i, w in enumerate(weights)])
    expected = naive.signs(X, weights, hyperplanes.thresholds)
    encoder, points = encoder_of(hyperplanes), as_points(X)
    with environment("flushed"):
        codes = encoder.codes(points, n_threads=1)
    assert np.array_equal(codes, naive.xor_codes(expected, encoder.code.columns))


@needs_environments
@pytest.mark.parametrize("mode", ROUNDING)
def test_certified_radii_do_not_depend_on_the_rounding_mode(hard, mode):
    network, X, _, _ = hard
    expected = network.certified_radius(X, n_threads=1)
    with environment(mode):
        radii = network.certified_radius(X, n_threads=1)
    assert np.array_equal(radii, expected)


@needs_environments
def test_distances_and_radii_do_not_depend_on_flushed_subnormals():
    weights, X = np.array([[2.0**-130, 2.0**-131]], np.float32), np.array([[4.0, 0], [-1, 7]])
    expected = plain(weights, [5 * 2.0**-130])
    hyperplanes = plain(weights, [5 * 2.0**-130])
    with environment("flushed"):  # for the first call, which prepares what others use
        radii, distances = hyperplanes.certified_radius(as_points(X)), hyperplanes.distances(X)
    assert np.array_equal(radii, expected.certified_radius(as_points(X)))
    assert np.array_equal(distances, expected.distances(X))
    assert radii == pytest.approx([2 / 5**0.5, 5 / 5**0.5])


@needs_environments
@pytest.mark.parametrize("name", ["upward", "downward", "flushed"])
def test_given_layers_and_what_is_said_of_them_do_not_depend_on_the_floating_point_environment(name):
    def described(net):
        X = np.array([[1e30, 0.3], [0.1, 3.0]])
        weights, reach = net.layers[0].weights.data, net.rounding_reach("float32", [1.0, 2.0])
        return net.parameters()[0]["weights"], weights, reach, net.unsafe_rows(X, "float64")

    layers = [(np.array([[2.0**-140, 1.0], [0.1, 3.0]], np.float32), [0.0, 1 / 3]), ([[5e-324, 1e-323]], [1e-323])]
    expected = fastmem.Network.from_layers(layers)
    with environment(name):
        net = fastmem.Network.from_layers(layers)
        found = described(net)
    assert net == expected
    for one, other in zip(found, described(expected), strict=True):
        assert np.array_equal(one, other)


@needs_environments
@pytest.mark.parametrize("name", ["upward", "downward", "flushed"])
def test_hyperplanes_prepared_in_any_environment_have_the_same_signs(name):
    for seed in range(30):
        hyperplanes, X = large_problem(seed)
        parameters = hyperplanes.weights, hyperplanes.thresholds, hyperplanes.centre, hyperplanes.exponents
        with environment(name):
            prepared = Hyperplanes(*parameters)
        assert_exact(prepared, X)


@needs_environments
@pytest.mark.parametrize("name", ["upward", "downward", "flushed"])
def test_the_line_is_exact_in_any_environment(name):
    X = np.array([[0.0], [-0.0], [5e-324], [-5e-324], [1e-310]])
    thresholds = [-1e-310, -5e-324, -0.0, 0.0, 5e-324, 1e-310]
    encoder, points = encoder_of(plain(np.ones((6, 1)), thresholds)), as_points(X)
    with environment(name):
        codes = encoder.codes(points, n_threads=1)
    assert codes.tolist() == [0b001111, 0b001111, 0b011111, 0b000011, 0b111111]


@needs_environments
def test_codes_near_by_are_found_in_the_same_order_if_subnormals_are_flushed():
    X = np.unique(np.random.default_rng(0).integers(-99, 100, (40, 3)), axis=0) * 5e-324
    net = fastmem.memorize(X, np.arange(len(X)) % 3, separate="all", fingerprint_bits=12, random_state=0)
    options = {"unknown": -1, "tolerance": 2.0**-1020, "max_probes": 4}
    near = X + 1e-323
    assert not net.contains(near).all()
    expected = net.predict(near, **options)
    with environment("flushed"):
        found = net.predict(near, **options)
    assert np.array_equal(found, expected)


@needs_environments
def test_weights_to_export_keep_their_subnormals():
    net = fastmem.Network.from_layers([(np.array([[2.0**-140, 1]], np.float32), [0.0]), ([[1]], [1])])
    with environment("flushed"):
        weights, _ = first_layer(net.hyperplanes_read, "float64")
    assert weights.tolist() == [[2.0**-140], [1.0]]


# Instruction sets

COUNTS = [0, 1, 5, 6, 7, 31, 32, 33, 38, 63, 64, 65, 97]


@pytest.mark.parametrize("name", ISAS)
@FEW
@given(small_problems())
def test_signs_are_exact_in_every_instruction_set(name, problem):
    with isa(name):
        assert_exact(*problem)


@FEW
@given(SEEDS)
def test_signs_of_many_hyperplanes_are_exact_in_every_instruction_set(seed):
    hyperplanes, X = large_problem(seed, n=60)
    expected = naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
    for name in ISAS:
        with isa(name):
            assert np.array_equal(signs_of(hyperplanes, X), expected), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("d", "m"), [(d, 17) for d in (1, 2, 3, 4, 5, 31, 32, 33, 65)] + [(3, m) for m in COUNTS])
def test_every_instruction_set_is_exact_for_every_count_of_rows_and_chunks(dtype, d, m):
    for n in (1, 7, 8, 9, 16, 17, 49, 63, 64, 65, 130):
        rng = np.random.default_rng(d * 100 + n)
        X = rng.integers(-3, 4, (n, d)).astype(dtype)
        weights = rng.integers(-3, 4, (m, d)).astype(np.float32)
        thresholds = np.sum(weights * X[rng.integers(0, n, m)], axis=1, dtype=np.float64)
        expected = X.astype(np.float64) @ weights.T.astype(np.float64) >= thresholds
        for name in ISAS:
            with isa(name):
                assert np.array_equal(signs_of(plain(weights, thresholds), X), expected), (name, n)


@pytest.mark.parametrize("name", ISAS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_codes_depend_neither_on_instruction_set_nor_on_memory_layout(hard, name, layout):
    network, X, _, codes = hard
    with isa(name):
        assert np.array_equal(network.codes(LAYOUTS[layout](X), n_threads=1), codes)


@pytest.mark.parametrize("name", ISAS)
@pytest.mark.parametrize("shift", [0, 3, 21, 32, 63])
def test_columns_that_are_and_are_not_neighbouring_bits_give_their_xor(name, shift):
    rng = np.random.default_rng(shift)
    X, weights = rng.normal(size=(50, 3)), rng.normal(size=(40, 3)).astype(np.float32)
    hyperplanes = plain(weights, rng.normal(size=40))
    signs = naive.signs(X, weights, hyperplanes.thresholds)
    bits = np.uint64(1) << ((np.arange(40) + shift) % 64).astype(np.uint64)
    swapped, tripled = bits.copy(), bits * np.uint64(3)
    swapped[[5, 30]] = swapped[[30, 5]]
    for columns in (bits, swapped, tripled, bits & np.uint64(2**20 - 1), np.zeros_like(bits)):
        with isa(name):
            codes, _ = hyperplanes.xor_codes(X, columns)
        assert np.array_equal(codes, naive.xor_codes(signs, columns))


PROGRAM = """
import sys
import numpy as np
from fastmem._kernels import signs
from fastmem.hyperplanes.hyperplanes import Hyperplanes
rng = np.random.default_rng(0)
X, weights = rng.integers(-9, 10, (500, 40)), rng.integers(-9, 10, (60, 40))
hyperplanes = Hyperplanes(weights, rng.integers(-9, 10, 60), np.zeros(40), np.zeros(40))
codes, _ = hyperplanes.xor_codes(X.astype(np.float32), rng.integers(0, 2**62, 60, np.uint64))
print(signs.isa_in_use(), *codes.tolist())
"""


def run_with_isa(name):
    environment = {key: value for key, value in os.environ.items() if key != "FASTMEM_ISA"}
    if name is not None:
        environment["FASTMEM_ISA"] = name
    with tempfile.TemporaryDirectory() as folder:  # not in the checkout, which holds the sources
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, cwd=folder, capture_output=True, text=True
        )


def test_the_environment_chooses_the_instruction_set_and_codes_stay_the_same():
    best, *codes = run_with_isa(None).stdout.split()
    assert best == ISAS[-1]
    assert len(codes) == 500
    for name in ISAS:
        assert run_with_isa(name).stdout.split() == [name, *codes]


@pytest.mark.parametrize("name", ["", "sse9", "AVX2"])
def test_an_instruction_set_that_is_not_supported_is_refused_at_import(name):
    done = run_with_isa(name)
    assert done.returncode != 0
    assert f"FASTMEM_ISA is {name!r}: this processor and build support {', '.join(ISAS)}" in done.stderr


def test_the_baseline_is_supported_everywhere():
    assert ISAS[0] == "baseline"
    assert kernels.isa_in_use() in ISAS


# Margins


def margins_of(hyperplanes, X, before=None):
    margins = np.full(hyperplanes.m, np.inf) if before is None else before.copy()
    columns = np.random.default_rng(0).integers(0, 2**64, hyperplanes.m, np.uint64)
    codes, bad = hyperplanes.xor_codes(X, columns, margins=margins)
    assert bad == -1
    assert np.array_equal(codes, hyperplanes.xor_codes(X, columns)[0])
    return margins


def true_margins(hyperplanes, X):
    """min_i |w_j.x_i - t_j|, and max_i sum_k |w_jk x_ik|: two lists of Fractions."""
    P, p = naive.over_common_denominator(X)
    Q, q = naive.over_common_denominator(hyperplanes.weights)
    T, t = naive.over_common_denominator(hyperplanes.thresholds)
    least = abs(P @ Q.T * t - T * (p * q)).min(axis=0)
    largest = (abs(P) @ abs(Q).T).max(axis=0)
    return [Fraction(number, p * q * t) for number in least], [Fraction(number, p * q) for number in largest]


def assert_margins(hyperplanes, X):
    """Never above the truth; above half of it where float64 tells it from 0 without doubt."""
    d = hyperplanes.d
    for margin, true, largest, t in zip(
        margins_of(hyperplanes, X).tolist(), *true_margins(hyperplanes, X), hyperplanes.thresholds.tolist(), strict=True
    ):
        assert 0 <= margin <= LARGEST64
        assert Fraction(margin) <= true
        told = 4 * (d + 4) * Fraction(2) ** -53 * largest + (4 * d + 8) * Fraction(2) ** -1074
        if true > told and max(largest, abs(Fraction(t))) < Fraction(LARGEST64) / 4:
            assert Fraction(margin) * Fraction(201, 100) >= true


@pytest.mark.parametrize("name", ISAS)
@MANY
@given(small_problems())
def test_margins_are_below_the_least_distance_and_within_a_factor_of_two(name, problem):
    with isa(name):
        assert_margins(*problem)


@pytest.mark.parametrize("name", ISAS)
@FEW
@given(SEEDS)
def test_margins_are_right_in_many_dimensions(name, seed):
    with isa(name):
        assert_margins(*large_problem(seed, n=30, m=20))


@FEW
@given(SEEDS, st.sampled_from([np.float32, np.float64]))
def test_margins_of_many_rows_are_those_of_their_least_distance(seed, dtype):
    rng = np.random.default_rng(seed)
    d, m = rng.integers(1, 40), rng.integers(1, 40)
    X, weights = rng.normal(size=(300, d)).astype(dtype), rng.normal(size=(m, d)).astype(np.float32)
    hyperplanes = Hyperplanes(weights, rng.normal(size=m) * 2, *column_frame(X))
    distances = np.abs(X.astype(np.float64) @ weights.T.astype(np.float64) - hyperplanes.thresholds)
    true, noise = distances.min(axis=0), 1e-13 * (1 + np.abs(hyperplanes.thresholds))
    for order in (np.arange(300), np.argsort(distances[:, 0]), np.argsort(-distances[:, 0])):
        margins = margins_of(hyperplanes, X[order])
        assert (margins <= true + noise).all()
        assert (margins * 2.01 >= true - noise).all()


@MANY
@given(small_problems(), st.data())
def test_margins_are_lowered_from_their_old_values(problem, data):
    hyperplanes, X = problem
    fresh = margins_of(hyperplanes, X)
    near = [*(fresh / 5).tolist(), *(fresh * 0.99).tolist(), *(fresh.clip(max=1e300) * 1.1).tolist()]
    old = st.one_of(float64s.map(abs), st.sampled_from([*near, math.inf]))
    before = data.draw(hnp.arrays(np.float64, hyperplanes.m, elements=old))
    margins = margins_of(hyperplanes, X, before)
    assert (margins <= before).all()
    assert np.array_equal(margins[before < fresh / 4], before[before < fresh / 4])
    for margin, true in zip(margins.tolist(), true_margins(hyperplanes, X)[0], strict=True):
        assert Fraction(margin) <= true


def test_margins_do_not_fall_when_the_same_rows_come_again():
    hyperplanes, X = large_problem(3, n=200, d=20, m=70, dtype=np.float32, frame="columns")
    margins = margins_of(hyperplanes, X)
    for _ in range(3):
        again = margins_of(hyperplanes, X, margins)
        assert (again <= margins).all()
        assert (again >= margins * (1 - 1e-6)).all()
    assert np.array_equal(margins_of(hyperplanes, X[:0], margins), margins)
    assert margins_of(plain(np.ones((2, 1)), [1.0, 2.0]), X[:0, :1]).tolist() == [np.inf, np.inf]


def test_the_margin_of_a_constant_hyperplane_is_its_threshold():
    X = np.array([[1e30, 2.0], [0, 0]], np.float32)
    thresholds = [0.0, -3.0, 1e-310, 1e308]
    assert margins_of(plain(np.zeros((4, 2)), thresholds), X).tolist() == [0, 3, 1e-310, 1e308]
    assert margins_of(plain(np.zeros((4, 2)), thresholds), X, np.ones(4)).tolist() == [0, 1, 1e-310, 1]


def test_the_margin_of_a_hyperplane_through_a_point_is_0():
    hyperplanes, X = plain([[3, 4], [1, 0]], [7.0, 99.0]), np.array([[1, 1], [100, 3], [5, -2]], np.float32)
    assert margins_of(hyperplanes, X)[0] == 0
    assert 0.5 < margins_of(hyperplanes, X)[1] <= 1


def test_the_margin_is_below_a_distance_next_to_the_largest_number():
    # Each sum of one lane rounds to its first term, so that the difference from the threshold overflows.
    x = np.zeros(240)
    x[0] = 0.9e308
    x[4::4] = -0.499 * np.spacing(x[0])
    hyperplanes = plain(np.ones((1, 240)), [-(LARGEST64 - x[0]) - 2.0**971])
    (margin,), (true,) = margins_of(hyperplanes, x[None]).tolist(), true_margins(hyperplanes, x[None])[0]
    assert true * (1 - Fraction(1, 2**44)) < Fraction(margin) <= true


@MANY
@given(st.data(), st.sampled_from([(np.float32, float32s), (np.float64, float64s)]))
def test_margins_on_the_line_are_the_distances_rounded_down(data, numbers):
    X = data.draw(hnp.arrays(numbers[0], (data.draw(st.integers(1, 6)), 1), elements=numbers[1]))
    near = st.builds(nudged, st.sampled_from(X[:, 0].tolist()), st.integers(-1, 1))
    thresholds = sorted(data.draw(st.lists(st.one_of(near, float64s), min_size=1, max_size=20)))
    hyperplanes = plain(np.ones((len(thresholds), 1)), thresholds)
    for margin, true in zip(margins_of(hyperplanes, X).tolist(), true_margins(hyperplanes, X)[0], strict=True):
        assert margin <= LARGEST64
        assert Fraction(margin) <= true
        assert margin > LARGEST64 / 2 or Fraction(nudged(margin, 2)) >= true
        assert (margin == 0) == (true == 0)


@needs_environments
@pytest.mark.parametrize("name", ["upward", "downward", "flushed"])
def test_margins_do_not_depend_on_the_floating_point_environment(name):
    for seed in range(30):
        hyperplanes, X = large_problem(seed)
        expected = margins_of(hyperplanes, X)
        with environment(name):
            margins = np.full(hyperplanes.m, np.inf)
            hyperplanes.xor_codes(X, np.zeros(hyperplanes.m, np.uint64), margins=margins)
        assert margins.tobytes() == expected.tobytes()


# The certified radius


def assert_radius_is_below(radius, x, hyperplanes):
    true = naive.squared_distance_to_hyperplanes(x, hyperplanes.weights, hyperplanes.thresholds)
    assert radius >= 0
    assert (radius == np.inf) == (true is None)
    assert true is None or Fraction(radius) ** 2 <= true


@MANY
@given(small_problems())
def test_certified_radius_is_at_most_the_distance_to_every_hyperplane(problem):
    hyperplanes, X = problem
    # Distances beyond the range of float64 have a test of their own.
    near = np.abs(hyperplanes.thresholds) <= 1e250
    hyperplanes = plain(hyperplanes.weights[near], hyperplanes.thresholds[near])
    radii = hyperplanes.certified_radius(as_points(X)).tolist()
    for radius, x in zip(radii, X, strict=True):
        assert_radius_is_below(radius, x, hyperplanes)


@FEW
@given(SEEDS)
def test_certified_radius_is_below_the_distance_in_many_dimensions(seed):
    hyperplanes, X = large_problem(seed, n=3, m=5)
    near = np.abs(hyperplanes.thresholds) <= 1e250
    hyperplanes = plain(hyperplanes.weights[near], hyperplanes.thresholds[near])
    for radius, x in zip(hyperplanes.certified_radius(as_points(X)).tolist(), X, strict=True):
        assert_radius_is_below(radius, x, hyperplanes)


def test_certified_radius_is_finite_where_a_hyperplane_is_further_than_float64_reaches():
    # The plane is 2.1e308 away from 0, and a point of float64 numbers lies beyond it.
    hyperplanes = plain(np.full((1, 4), 0.4), [1.7e308])
    X = np.array([np.zeros(4), np.full(4, 1.7e308)])
    assert signs_of(hyperplanes, X).tolist() == [[False], [True]]
    radius = float(hyperplanes.certified_radius(as_points(X))[0])
    assert_radius_is_below(radius, X[0], hyperplanes)


@FEW
@given(SEEDS, st.sampled_from([np.float32, np.float64]))
def test_certified_radius_is_nearly_the_distance_on_ordinary_points(seed, dtype):
    rng = np.random.default_rng(seed)
    d, m = rng.integers(1, 71), rng.integers(1, 20)
    X = (rng.normal(size=(5, d)) * rng.choice([1e-3, 1, 1e3])).astype(dtype)
    weights = rng.normal(size=(m, d)).astype(np.float32)
    hyperplanes = plain(weights, rng.normal(size=m) * 10)
    for radius, x in zip(hyperplanes.certified_radius(as_points(X)).tolist(), X, strict=True):
        assert_radius_is_below(radius, x, hyperplanes)
        true = naive.squared_distance_to_hyperplanes(x, weights, hyperplanes.thresholds)
        assert Fraction(radius) ** 2 >= (1 - Fraction(1, 10**6)) ** 2 * true


SCALES = {
    "1e-8 to 1e8": lambda x: x * np.logspace(-8, 8, 6),
    "1e-35 to 1e35": lambda x: x * np.logspace(-35, 35, 6),
    "2^-1074": lambda x: np.rint(x * 100) * 5e-324,
    "1e-305": lambda x: x * 1e-305,
    "1e300": lambda x: x * 1e300,
    "1e6 away": lambda x: x + 1e6,
    "1e12 away": lambda x: x + 1e12,
}


@pytest.mark.parametrize("scale", SCALES)
def test_certified_radius_is_nearly_the_distance_whatever_the_scale(scale):
    rng = np.random.default_rng(0)
    X = SCALES[scale](rng.standard_normal((20, 6)))
    # Between two rows, in the scale of the columns.
    weights = rng.standard_normal((5, 6)) / np.abs(X).max(axis=0).clip(1e-36, 1e36)
    weights = weights.astype(np.float32)
    hyperplanes = plain(weights, [threshold_through(w, X[i] / 2 + X[i + 1] / 2) for i, w in enumerate(weights)])
    for radius, x in zip(hyperplanes.certified_radius(as_points(X)).tolist(), X, strict=True):
        assert_radius_is_below(radius, x, hyperplanes)
        true = naive.squared_distance_to_hyperplanes(x, weights, hyperplanes.thresholds)
        assert (Fraction(radius) + Fraction(5e-324)) ** 2 >= (1 - Fraction(1, 2**19)) ** 2 * true


@MANY
@given(small_problems())
def test_certified_radius_is_nearly_the_distance_for_any_numbers(problem):
    hyperplanes, X = problem
    for radius, x in zip(hyperplanes.certified_radius(as_points(X)).tolist(), X, strict=True):
        assert_radius_is_below(radius, x, hyperplanes)
        true = naive.squared_distance_to_hyperplanes(x, hyperplanes.weights, hyperplanes.thresholds)
        if radius < LARGEST64:
            assert (Fraction(radius) + Fraction(5e-324)) ** 2 >= (1 - Fraction(1, 2**19)) ** 2 * true


@FEW
@given(SEEDS)
def test_inputs_within_the_certified_radius_have_the_same_code(seed):
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 20)
    X, weights = rng.normal(size=(1, d)), rng.normal(size=(10, d)).astype(np.float32)
    hyperplanes = plain(weights, rng.normal(size=10))
    radius = float(hyperplanes.certified_radius(as_points(X))[0])
    towards = np.concatenate([weights, -weights]).astype(np.float64)
    moved = X + towards / np.linalg.norm(towards, axis=1, keepdims=True) * (radius * (1 - 1e-9))
    for x in moved:
        step = [Fraction(a) - Fraction(b) for a, b in zip(x.tolist(), X[0].tolist(), strict=True)]
        assert sum(s * s for s in step) < Fraction(radius) ** 2
    codes = encoder_of(hyperplanes).codes(as_points(np.concatenate([X, moved])))
    assert (codes == codes[0]).all()


def test_certified_radius_is_0_on_a_hyperplane():
    hyperplanes = plain([[3, 4], [1, 0]], [7.0, 100.0])
    X = np.array([[1, 1], [100, 3], [5, -2]])
    assert hyperplanes.certified_radius(as_points(X)).tolist() == [0, 0, 0]


def test_certified_radius_is_infinite_without_hyperplanes():
    X = np.array([[1e308, -1.0], [0, 5e-324]])
    assert plain(np.zeros((0, 2)), []).certified_radius(as_points(X)).tolist() == [np.inf, np.inf]
    assert plain(np.zeros((2, 2)), [0.0, 3.0]).certified_radius(as_points(X)).tolist() == [np.inf, np.inf]
    network = fastmem.memorize(X, ["a", "a"])
    assert network.certified_radius(X).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_certified_radius_does_not_depend_on_layout_and_threads(hard, layout):
    network, X, _, _ = hard
    radii = network.certified_radius(X, n_threads=1)
    assert np.array_equal(network.certified_radius(LAYOUTS[layout](X), n_threads=2), radii)


# Hyperplanes in pieces


@pytest.mark.parametrize("name", ISAS)
@pytest.mark.parametrize(("m", "d"), [(400, 3), (330, 40), (1000, 7)])
def test_pieces_that_fit_the_cache_change_no_code_and_keep_margins(name, m, d, monkeypatch):
    hyperplanes, X = large_problem(m, n=70, d=d, m=m, dtype=np.float64)
    assert hyperplanes._pieces == ()
    monkeypatch.setattr("fastmem.hyperplanes.hyperplanes._CACHE", 1)  # a piece has 64 hyperplanes
    pieces = Hyperplanes(hyperplanes.weights, hyperplanes.thresholds, hyperplanes.centre, hyperplanes.exponents)
    assert len(pieces._pieces) == -(-m // 64)
    columns = np.random.default_rng(m).integers(0, 2**62, m, dtype=np.uint64)
    with isa(name):
        counts, expected = np.zeros((2, 2), np.int64), np.full((2, m), np.inf)
        codes, bad = hyperplanes.xor_codes(X, columns, counts[0], margins=expected[0])
        in_pieces, _ = pieces.xor_codes(X, columns, counts[1], margins=expected[1])
        assert bad == -1
        assert np.array_equal(in_pieces, codes)
        signs = naive.signs(X, hyperplanes.weights, hyperplanes.thresholds)
        assert np.array_equal(codes, naive.xor_codes(signs, columns))
        assert np.array_equal(counts[0], counts[1])
        assert np.array_equal(expected[0], expected[1])
        for row in (50, 0):
            X[row, d - 1] = np.nan
            assert pieces.xor_codes(X, columns)[1] == row


def test_hyperplanes_keep_the_contract_of_a_first_layer():
    assert isinstance(plain(np.ones((2, 3)), np.zeros(2)), FirstLayer)
    assert not isinstance(encoder_of(plain(np.ones((2, 3)), np.zeros(2))), FirstLayer)
