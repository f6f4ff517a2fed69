"""Whole problems drawn by hypothesis: a short run of `reliability.pipeline`, and what its long runs have found."""

import numpy as np
import pytest
from reliability import pipeline
from reliability.pipeline import Problem

import fastmem


def test_problems_are_memorized_or_refused_with_reason():
    outcomes = pipeline.run(60, 0)
    assert sum(count for (*_, outcome), count in outcomes.items() if outcome == "built") > 25


@pytest.mark.parametrize("fault", pipeline.FAULTS)
def test_a_fault_is_refused_by_its_place(fault, tmp_path):
    outcome = pipeline.check(Problem(n=9, d=3, seed=5, fault=fault), tmp_path)
    assert outcome == ("ContradictoryLabels" if fault == "contradiction" else "InvalidInput")


# Two layouts whose rows BLAS adds up in other orders.
LAYOUTS = {"Fortran": np.asfortranarray, "reversed": lambda X: X[:, ::-1].copy()[:, ::-1]}


@pytest.mark.parametrize("options", [{"margin": 1e-4}, {"construction": "baum1988"}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_network_does_not_depend_on_the_layout_of_the_points(layout, dtype, options):
    rng = np.random.default_rng(3)
    X = (1000 * rng.standard_normal((60, 7))).astype(dtype)
    y = rng.integers(0, 3, 60)
    nets = [fastmem.memorize(points, y, random_state=0, **options) for points in (X, LAYOUTS[layout](X))]
    assert nets[0] == nets[1]


def test_a_report_on_points_near_the_largest_float_warns_of_nothing():
    X = np.array([[0.0], [1.75e308], [np.finfo(np.float64).max]])
    net = fastmem.memorize(X, [0, 0, 1], construction="baum1988")
    assert not net.report().float64_safe


def test_points_said_to_lie_on_a_hyperplane_through_others_are_not_among_these():
    rng = np.random.default_rng(0)
    X = rng.choice([-1.7e308, 1.7e308], (34, 7))
    y = np.unique(X, axis=0, return_inverse=True)[1].ravel() % 10
    with pytest.raises(fastmem.NotInGeneralPosition) as refused:
        fastmem.memorize(X, y, construction="baum1988", random_state=0)
    assert refused.value.rows
    assert not set(refused.value.rows) & set(refused.value.group)


def test_a_margin_between_points_near_the_largest_float_is_kept_without_a_warning():
    X = np.array([[1.7e308, -1.7e308], [1.7e308, 1.7e308]])
    net = fastmem.memorize(X, [0, 1], margin=1e300, random_state=0)
    assert net.certified_radius(X).min() >= 1e300


@pytest.mark.parametrize("scale", [1e-160, 1e-200, 1e-310])
def test_the_largest_norm_of_points_whose_squares_underflow_is_right(scale):
    X = np.array([[3.0, 4.0], [0.0, 1.0], [-1.0, 0.0]]) * scale
    net = fastmem.memorize(X, [0, 1, 0], random_state=0)
    assert net.largest_norm == pytest.approx(5 * scale, rel=1e-9)
    assert net.rounding_reach("float64") >= 2.0**-53 * 5 * scale
    assert net.relative_margin < 1
