"""The closest pair, exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastmem
from fastmem import separation


def closest_by_definition(X):
    best = None
    for i in range(len(X)):
        for j in range(i + 1, len(X)):
            if not np.array_equal(X[i], X[j]):
                square = float(((X[i] - X[j]) ** 2).sum())
                best = square if best is None else min(best, square)
    return best


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 40), st.sampled_from([1, 2, 3, 10, 11, 30]), st.integers(0, 2**32), st.sampled_from([0, 1e6, 1e12])
)
def test_separation_is_the_smallest_distance(n, d, seed, offset):
    X = np.random.default_rng(seed).integers(-3, 4, (n, d)) + offset
    expected = closest_by_definition(X)
    if expected is None:
        with pytest.raises(fastmem.InvalidInput, match="two distinct rows"):
            separation(X)
        return
    distance, (i, j) = separation(X)
    assert distance == np.sqrt(expected)
    assert float(((X[i] - X[j]) ** 2).sum()) == expected
    assert i < j


@pytest.mark.parametrize("d", [3, 40])
def test_separation_finds_a_pair_hidden_among_thousands(d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((5000, d))
    X[4321] = X[17]
    X[4321, 1] += 1e-6
    distance, rows = separation(X)
    assert rows == (17, 4321)
    assert distance == abs(X[4321, 1] - X[17, 1])


@pytest.mark.parametrize("d", [3, 40])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_separation_neither_over_nor_underflows(scale, d):
    X = np.zeros((3, d))
    X[1, 0], X[2, 0] = scale, 3 * scale
    distance, rows = separation(X)
    assert rows == (0, 1)
    assert distance == scale


@pytest.mark.parametrize("small", [1e-300, 1.3 * 2.0**-13, 2.0**-10])
def test_a_difference_too_small_to_square_without_loss_is_refused(small):
    with pytest.raises(fastmem.InvalidInput, match="rows 0 and 1 differ by too little"):
        separation([[small, 0.0], [2 * small, 0.0], [0.0, 2.0**1023]])


def test_an_outlier_does_not_hide_the_closest_pair():
    X = np.random.default_rng(0).standard_normal((3000, 20))
    expected = separation(X)
    X[7] = 1e18
    assert 7 not in expected.rows
    assert separation(X) == expected


def test_duplicates_are_one_point():
    assert separation([[0.0], [0.0], [2.0], [-0.0]]).distance == 2.0
