"""Networks of the theorems on random problems: a short run of `reliability.theorems`."""

from reliability import theorems


def test_theorems_memorize_random_problems_or_refuse_them_with_reason():
    outcomes = theorems.attack(30, 3)
    assert {kind for _, kind in outcomes if kind == "fault"} == set()
    assert sum(count for (_, kind), count in outcomes.items() if kind == "built") > 20


def test_three_ways_to_evaluate_agree_on_hard_inputs():
    for total, by_float64, by_words in theorems.levels_agree(60, 0).values():
        assert total == 60
        assert by_words > 0.4
        assert by_float64 < 1


def test_first_draws_of_as_many_hyperplanes_as_theorems_ask_for_work():
    assert theorems.first_draws_work(2, 0) == {"vershynin2020": 0, "dirksen2024": 0}
