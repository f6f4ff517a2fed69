"""Equal rows, hashes and norms, held to their plain twins in `oracles.naive`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import naive
from support.environments import ROUNDING, environment, needs_environments
from support.examples import examples

from fastmem import ContradictoryLabels, memorize
from fastmem._kernels import rows
from fastmem.data.as_points import as_points
from fastmem.errors import InvalidInput

PROPERTY = examples(200)
SEEDS = st.integers(0, 2**32 - 1)

# Few values, so that rows are often equal; zeros of both signs, neighbours, extremes.
VALUES = [0.0, -0.0, 1.0, 1 + 2.0**-23, -1.0, 2.0**-149, 2.0**127]
VALUES64 = [*VALUES, 1 + 2.0**-52, 5e-324, 1e308]


@st.composite
def points_with_equal_rows(draw):
    dtype, values = draw(st.sampled_from([(np.float32, VALUES), (np.float64, VALUES64)]))
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 3)))
    return draw(hnp.arrays(dtype, shape, elements=st.sampled_from(values), fill=st.nothing()))


def pairs_of(X, n_threads=1):
    later, first = as_points(X).equal_rows(n_threads)
    assert later.dtype == first.dtype == np.int64
    return list(zip(later.tolist(), first.tolist(), strict=True))


@PROPERTY
@given(points_with_equal_rows())
def test_equal_rows_are_those_with_equal_numbers(X):
    assert pairs_of(X) == naive.equal_rows(X)


@pytest.mark.parametrize("n_hashes", [1, 2, 3])
@PROPERTY
@given(X=points_with_equal_rows())
def test_equal_rows_are_found_among_colliding_hashes(n_hashes, X):
    def hash_rows(X, keys, hashes):
        # Equal rows must get equal hashes; many others share them.
        hashes[:] = [hash(tuple(row)) % n_hashes for row in X.tolist()]
        return -1, 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastmem.data.points.kernels.hash_rows", hash_rows)
        assert pairs_of(X) == naive.equal_rows(X)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_equal_rows_do_not_depend_on_the_number_of_threads(n_threads):
    rng = np.random.default_rng(0)
    X = np.ldexp(rng.integers(0, 300, (40_000, 2)), -4)
    firsts = {}
    expected = []
    for i, row in enumerate(map(tuple, X.tolist())):
        first = firsts.setdefault(row, i)
        if first < i:
            expected.append((i, first))
    assert pairs_of(X, n_threads) == expected


@pytest.mark.parametrize("dtype", [bool, "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", object])
def test_equal_rows_do_not_depend_on_dtype(dtype):
    X = np.random.default_rng(1).integers(0, 2, (40, 4))
    assert pairs_of(X.astype(dtype)) == naive.equal_rows(X)


def keys_of(X, seed=0):
    return np.random.default_rng(seed).integers(0, 2**32, (2, X.shape[1] * X.itemsize // 4), np.uint32)


def hashes_of(X, seed=0):
    hashes = np.empty(len(X), np.uint64)
    assert rows.hash_rows(X, keys_of(X, seed), hashes)[0] == -1
    return hashes


@PROPERTY
@given(points_with_equal_rows(), SEEDS)
def test_a_hash_is_the_mixed_sum_of_words_times_keys(X, seed):
    assert hashes_of(X, seed).tolist() == [naive.mix(h) for h in naive.hash_sums(X, keys_of(X, seed))]


@pytest.mark.parametrize("d", [255, 256, 257, 600])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_column_of_a_long_row_is_hashed(d, dtype):
    X = np.random.default_rng(d).standard_normal((3, d)).astype(dtype)
    assert hashes_of(X).tolist() == [naive.mix(h) for h in naive.hash_sums(X, keys_of(X))]
    assert np.array_equal(hashes_of(np.asfortranarray(X)), hashes_of(X))


def squared_norm_of(X):
    return rows.hash_rows(X, keys_of(X), np.empty(len(X), np.uint64))[1]


@PROPERTY
@given(SEEDS, st.integers(1, 40), st.sampled_from([np.float32, np.float64]))
def test_the_largest_squared_norm_is_found_while_hashing(seed, d, dtype):
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((5, d)) * 10.0 ** rng.integers(-30, 30, (5, 1))).astype(dtype)
    found = squared_norm_of(X)
    assert found == pytest.approx(float(naive.largest_squared_norm(X)), rel=d * 2.0**-53)
    for layout in (np.asfortranarray(X), X[::-1], np.repeat(X, 2, axis=1)[:, ::2]):
        assert squared_norm_of(layout) == found


@pytest.mark.parametrize("d", [255, 256, 257, 600])
def test_every_column_of_a_long_row_counts_in_its_norm(d):
    X = np.ones((3, d), np.float32)
    assert squared_norm_of(X) == d
    assert squared_norm_of(X * np.float32(1e30)) == pytest.approx(d * 1e60)
    assert squared_norm_of(X.astype(float) * 1e200) == np.inf


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_largest_norm_of_points_does_not_depend_on_threads_or_on_when_it_is_asked_for(n_threads):
    X = np.random.default_rng(4).standard_normal((40_000, 7))
    before, after = as_points(X), as_points(X)
    after.equal_rows(n_threads)
    assert before.largest_norm(n_threads) == after.largest_norm() == as_points(X).largest_norm(1)


@PROPERTY
@given(SEEDS, st.sampled_from([np.float32, np.float64]), st.sampled_from([np.float32, np.float64]))
def test_rows_are_placed_about_their_centre(seed, dtype, to_dtype):
    rng = np.random.default_rng(seed)
    X, centre = rng.standard_normal((7, 5)).astype(dtype), rng.standard_normal(5)
    X[rng.random(X.shape) < 0.1] = np.finfo(dtype).max
    centre[rng.random(5) < 0.2] = -np.finfo(float).max
    scales = np.ldexp(1.0, rng.integers(-900, 900, 5)) * (rng.random(5) < 0.8)
    farthest = 10.0 ** rng.integers(0, 31)
    places = np.full(X.shape, 7, to_dtype)
    largest = rows.place_rows(X, centre, scales, farthest, places)
    expected = np.array(naive.places(X, centre, scales, farthest))
    assert np.array_equal(places, expected.astype(to_dtype))
    assert largest == np.abs(expected).max()


@PROPERTY
@given(points_with_equal_rows(), SEEDS)
def test_equal_rows_have_equal_hashes(X, seed):
    hashes = hashes_of(X, seed)
    for later, first in naive.equal_rows(X):
        assert hashes[later] == hashes[first]


@PROPERTY
@given(points_with_equal_rows())
def test_hashes_do_not_depend_on_layout(X):
    hashes = hashes_of(X)
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    assert np.array_equal(hashes_of(np.asfortranarray(X)), hashes)
    assert np.array_equal(hashes_of(wide[::2, ::3]), hashes)
    assert np.array_equal(hashes_of(X[::-1])[::-1], hashes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hashes_tell_apart_grid_points_and_permuted_coordinates(dtype):
    grid = np.array(np.meshgrid(*[np.arange(20.0)] * 3)).reshape(3, -1).T.astype(dtype)
    assert len(np.unique(hashes_of(grid))) == 8000
    assert len(np.unique(hashes_of(-grid, seed=5))) == 8000


@PROPERTY
@given(st.data(), points_with_equal_rows())
def test_rows_are_taken_from_any_layout(data, X):
    taken = np.array(data.draw(st.lists(st.integers(0, len(X) - 1), max_size=30)), np.int64)
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    for layout in (X, np.asfortranarray(X), wide[::2, ::3], wide[:, ::3][::2]):
        out = np.full((len(taken), X.shape[1]), 7, X.dtype)
        rows.take_rows(layout, taken, out)
        assert out.tobytes() == X[taken].tobytes()


def test_points_give_rows_in_any_order_and_of_any_dtype():
    X = np.random.default_rng(2).integers(-9, 9, (3000, 40))
    taken = np.random.default_rng(3).integers(0, 3000, 1000)
    for dtype in ("f4", "f8", ">f4", "i1", "i8"):
        points = as_points(X.astype(dtype))
        assert np.array_equal(points.take(taken[::2]), X[taken[::2]])
        assert points.take(taken).dtype == points.block(0, 1).dtype


@PROPERTY
@given(st.data(), st.sampled_from([np.float32, np.float64]))
def test_rows_are_compared_number_by_number(data, dtype):
    shape = data.draw(st.tuples(st.integers(1, 8), st.integers(1, 3)))
    values = st.sampled_from([0.0, -0.0, 1.0, 1 + 2.0**-23])
    A, B = (data.draw(hnp.arrays(dtype, shape, elements=values)) for _ in range(2))
    equal = np.full(len(A), 7, np.uint8)
    rows.equal_rows(A, B, equal)
    assert equal.tolist() == [int(a == b) for a, b in zip(A.tolist(), B.tolist(), strict=True)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_row_that_is_not_finite_is_found_while_hashing(value, dtype):
    X = np.zeros((30, 5), dtype)
    X[11, 4] = X[12, 0] = X[29, 2] = value
    assert rows.hash_rows(X, keys_of(X), np.empty(30, np.uint64))[0] == 11
    with pytest.raises(InvalidInput, match=rf"X\[11, 4\] is {value}"):
        as_points(X).equal_rows()


@needs_environments
@pytest.mark.parametrize("mode", ROUNDING)
def test_equal_rows_are_found_in_any_rounding_mode(mode):
    X = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 2.0]])
    with environment(mode), pytest.raises(ContradictoryLabels) as error:
        memorize(X, [1, 2, 3], random_state=0, n_threads=1)
    assert error.value.rows == [(0, 1)]


# Passes over X


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("rows", [None, slice(7, 90), np.array([3, 99, 3, 50])])
def test_a_pass_gives_every_row_once_at_its_position(rows, n_threads):
    X = np.random.default_rng(0).standard_normal((100, 20_000)).astype(np.float32)  # blocks of 64 rows
    expected = X if rows is None else X[rows]
    seen = np.zeros_like(expected)

    def work(start, stop, block):
        seen[start:stop] += block

    as_points(X).over_rows(work, n_threads, rows=rows)
    assert np.array_equal(seen, expected)


@pytest.mark.parametrize("columns", [[], [0], [1, 2], [0, 1, 2]])
def test_a_pass_looks_for_numbers_that_are_not_finite_in_the_columns_that_are_not_read(columns):
    X = np.ones((300, 3))
    X[123, 1] = np.nan
    points, columns = as_points(X), np.array(columns, np.int64)
    if 1 in columns:
        points.over_rows(lambda *_: None, columns=columns)
    else:
        with pytest.raises(InvalidInput, match=r"X\[123, 1\] is nan"):
            points.over_rows(lambda *_: None, columns=columns)


@pytest.mark.parametrize(
    "numbers", [[1.5, -(2.0**127)], [1.5, 2.0**128], [0.1, 1.0], [2.0**-149, 0.0], [2.0**-150, 0.0]]
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_whether_float32_holds_the_points_is_found_by_reading_them_once(numbers, n_threads):
    X = np.ones((40_000, 2))
    X[39_999] = numbers
    points = as_points(X)
    points.equal_rows(n_threads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(points), "block", None)  # nothing is read again
        with np.errstate(all="ignore"):
            assert points.fit_float32() == (X[39_999].astype(np.float32) == X[39_999]).all()
        assert points.largest_norm() == np.linalg.norm(X, axis=1).max()
