"""Signs next to hyperplanes, evaluated in every way: `reliability.exactness`, with few inputs of some networks."""

import pytest
from reliability import exactness


@pytest.mark.parametrize(
    "kind",
    [
        "digits, integers",
        "very unlike columns",
        "huge, float32",
        "tiny, float32",
        "subnormal",
        "a linear code",
        "line",
        "every point told apart",
        "few columns",
        "few columns, float32",
        "equal in few columns",
        "rajput2021",
        "baum1988",
        "small given layers",
        "extreme given layers",
    ],
)
def test_every_way_to_evaluate_is_exact_on_hyperplanes_and_next_to_them(kind):
    counts = exactness.check_one(kind, number=0, seed=0, count=100)
    assert counts["near"] >= 50
    assert counts["on"] > 0
