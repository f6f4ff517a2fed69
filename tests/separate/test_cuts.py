"""Cuts along columns, and how many of them part an input from a memorized point: against places counted one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from fastmem.separate.dimension import intrinsic_dimension
from fastmem.separate.pool import Cuts, Law

NUMBERS = st.integers(-6, 6).map(float)


def places(values):
    """The cut above each value but the largest, as often as the value is there."""
    ordered = sorted(values)
    different = sorted(set(values))
    above = dict(zip(different, ((a + b) / 2 for a, b in itertools.pairwise(different)), strict=False))
    return [above[value] for value in ordered if value in above]


def counted(values, one, other):
    low, high = sorted((one, other))
    return sum(low < cut <= high for cut in places(values)) / len(values)


def cuts_of(values):
    return Cuts(Law(np.array(values)[:, None], np.ones(len(values), bool)))


@examples(200)
@given(st.lists(NUMBERS, min_size=2, max_size=12), st.data())
def test_pairs_lie_as_far_apart_as_there_are_places_for_cuts_between_them(values, data):
    values = [*values, max(values) + 1]
    one, other = data.draw(NUMBERS), data.draw(NUMBERS)
    apart = cuts_of(values).apart(np.array([[one]]), np.array([[other]]), are_of_law=False)
    assert apart == pytest.approx(counted(values, one, other))


@examples(200)
@given(st.lists(NUMBERS, min_size=3, max_size=12, unique=True), st.data())
def test_rows_of_the_law_lie_as_far_apart_as_if_it_were_drawn_without_them(values, data):
    one, other = data.draw(st.sampled_from(values)), data.draw(NUMBERS)
    apart = cuts_of(values).apart(np.array([[one]]), np.array([[other]]), are_of_law=True)
    rest = [value for value in values if value != one]
    assert apart * len(values) == pytest.approx(counted(rest, one, other) * len(rest))


@pytest.mark.parametrize("more", [0, 7])
def test_with_the_most_cuts_there_is_one_in_each_gap_and_never_another(more):
    values = np.random.default_rng(0).standard_normal(30)
    cuts = cuts_of(values)
    _, thresholds = cuts.hyperplanes(cuts.most + more, np.random.default_rng(1))
    assert np.array_equal(np.sort(thresholds), places(values))


def rows(columns, n=800):
    return np.random.default_rng(2).standard_normal((n, columns))


ANGLE = np.random.default_rng(3).uniform(0, 2 * np.pi, 800)
DIMENSIONS = {
    "a line": (rows(1), 1),
    "a circle": (np.column_stack([np.cos(ANGLE), np.sin(ANGLE)]), 1),
    "the plane": (rows(2), 2),
    "a plane in 16 columns": (rows(2) @ np.random.default_rng(4).standard_normal((2, 16)), 2),
    "space": (rows(3), 3),
    "rows of which each is there twice": (np.repeat(rows(2, 400), 2, axis=0), 2),
}


@pytest.mark.parametrize(("points", "dimension"), DIMENSIONS.values(), ids=DIMENSIONS)
def test_the_nearest_neighbours_tell_how_many_dimensions_rows_have(points, dimension):
    assert intrinsic_dimension(points) == pytest.approx(dimension, rel=0.15)


@pytest.mark.parametrize("n", [1, 5, 19])
def test_few_rows_have_as_many_dimensions_as_columns(n):
    assert intrinsic_dimension(rows(3, n)) == 3
    assert intrinsic_dimension(np.zeros((100, 2))) == 2
