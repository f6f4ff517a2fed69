"""What constructions never exceed, against figures worked out apart from the code."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from fastmem.theory import boxes, bubeck2020, dirksen2024, vershynin2020, yun2019

ALL = [boxes, bubeck2020, dirksen2024, vershynin2020, yun2019]


@pytest.mark.parametrize(
    ("delta", "neurons"),
    [
        (math.sqrt(2), [1061, 3680, 12539, 42359]),
        (1.2, [1423, 5851, 24368, 106729]),
        (1.0, [2007, 6897, 36460, 201474]),
        (0.5, [8069, 14534, 61499, 513465]),
    ],
)
def test_neurons_of_vershynin2020_are_those_of_a_search_by_adaptive_quadrature(delta, neurons):
    built = [vershynin2020.bound(10**k, 64, delta).neurons for k in (3, 4, 5, 6)]
    assert built == neurons


def test_a_plan_of_vershynin2020_holds_the_theorem():
    for n, delta, bits in [(2, 0.3, 1), (1000, 1.2, 1), (10**5, math.sqrt(2), 3), (10**6, 1.9, 1), (50, 0.01, 2)]:
        b, beta, m, n2, threshold = vershynin2020.plan(n, delta, bits)
        p, rho = norm.sf(b), 1 - delta**2 / 2
        Q = beta * co_firing_by_definition(b, rho)
        tau = (1 - Q) / math.log(1 / Q)
        assert n2 == -(-(n // 2) // beta)
        # Both kinds of failure, by the exact tails of the binomial laws' Chernoff bounds.
        events = n * (bits * n2 + 1)
        low = m * p * (1 - tau + tau * math.log(tau))
        assert math.log(events) - low <= math.log(vershynin2020.FAILURE) + 1e-6
        assert threshold == pytest.approx(tau * m * p, rel=1e-5, abs=1.1)
        assert vershynin2020.bound(n, 7, delta, bits) == (m + bits * (n2 + 1), 7 * m + bits * n2 * (m + 1))


def co_firing_by_definition(b, rho):
    if abs(rho) == 1:
        return (rho + 1) / 2
    spread = math.sqrt(1 - rho * rho)
    joint = quad(lambda g: norm.pdf(g) * norm.sf((b - rho * g) / spread), b, b + 12, epsabs=0, epsrel=1e-11, limit=200)
    return joint[0] / norm.sf(b)


@pytest.mark.parametrize("b", [0, 0.05, 1, 2.5, 7])
def test_co_firing_is_the_share_of_two_normal_tails(b):
    rho = np.array([-1, -0.9, -0.3, 0, 0.1, 0.77, 0.99, 0.9999])
    expected = [co_firing_by_definition(b, r) for r in rho]
    assert vershynin2020.co_firing(b, rho) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert vershynin2020.co_firing(b, 1 + 1e-16).tolist() == 1


def test_few_points_and_near_ones_have_plans():
    assert vershynin2020.plan(1, 0.5)[2:4] == (0, 0)
    near, nearer = (vershynin2020.plan(1000, delta).rows for delta in (1e-8, 1e-9))
    assert nearer == pytest.approx(100 * near, rel=1e-4)
    with pytest.raises(OverflowError):
        vershynin2020.plan(1000, 1e-300)


def test_figures_of_the_other_constructions_by_hand():
    # 72 ln(2500 / 0.01) = 894.9 and 36 ln(3 * 50 * 51 / 0.01) = 487.7
    assert dirksen2024.bound(100, 8, 0.25) == (895 + 51, 895 * 8 + 50 * 896)
    assert dirksen2024.n_rows(101, 0.5, 3) == 488
    assert dirksen2024.bound(101, 2, 0.5, 3) == (488 + 3 * 51, 976 + 150 * 489)
    assert boxes.bound(7, 2, 0.1, 2) == (2 * (12 + 3 + 1), 2 * (24 + 3))
    assert yun2019.bound(16, 3, 0.1, 4) == (7 + 8 + 1, 21 + 56 + 8)
    assert yun2019.bound(17, 3, 0.1).neurons == 20
    assert bubeck2020.bound(100, 8, 0.1, 4) == (53, 468)
    assert [module.bound(1, 3, 0.5) for module in ALL] == [(1, 0), (5, 16), (1, 0), (1, 0), (4, 7)]


def test_counts_do_not_overflow():
    for module in ALL:
        assert all(isinstance(count, int) and count >= 0 for count in module.bound(10**18, 10**18, 0.01, 60))
