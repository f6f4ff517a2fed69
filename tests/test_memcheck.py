"""A few networks of the long run in `reliability.memcheck`, which is for tools that watch memory."""

import pytest
from reliability import memcheck


@pytest.mark.parametrize("only", ["binary, 8 bits", "integer, 0 bits, 33", "baum1988"])
def test_networks_of_few_points_answer_right_in_every_layout(only):
    count, wrong = memcheck.sweep(20, only)
    assert count > 0
    assert wrong == []
