"""Files changed at random, with the checksum or with one of their own: some cases of `python -m reliability.files`."""

import pytest
from reliability import files

FEW = ("integer, fingerprints", "binary", "binary, filter and fingerprints", "baum1988", "given", "labels: objects")


@pytest.fixture(scope="module")
def attack(tmp_path_factory):
    return files.Attack(0, tmp_path_factory.mktemp("files"), FEW)


def test_a_file_changed_at_random_is_refused_or_a_network_that_is_safe_to_use(attack):
    outcomes = {attack.run(case)[1] for case in range(200)}
    assert outcomes == {"refused", "equal", "another network"}


def test_the_same_seed_and_case_give_the_same_file(attack, tmp_path):
    again = files.Attack(0, tmp_path, FEW)
    assert all(attack.file(case) == again.file(case) for case in range(20))
