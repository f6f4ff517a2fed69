"""No input within the certified radius has another sign: `reliability.radius`, with few points of some data sets."""

import pytest
from reliability import radius


@pytest.mark.parametrize(
    "name",
    [
        "digits, every point told apart, margin 0.01",
        "circle, a linear code",
        "columns from 1e-300 to 1e300",
        "subnormal",
        "scattered columns",
        "equal in few columns",
        "one class",
        "baum1988",
        "given layers",
    ],
)
def test_no_input_within_the_certified_radius_has_another_sign(name):
    tally = radius.check(name, points=30, perturbations=30, seed=0)
    assert tally.points > 30
    assert tally.moved > 30 * 10
    assert tally.outside >= 30 or name == "one class"
