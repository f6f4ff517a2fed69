"""Every machine gives the answers that networks in files gave on x86-64, bit by bit."""

import json

import numpy as np
import pytest
from files.answers.cases import CASES, digest, shown
from files.answers.make import FILE, answered, saved

import fastmem

KEPT = json.loads(FILE.read_text("ascii"))


@pytest.mark.parametrize(("name", "path"), saved().items(), ids=saved())
def test_a_network_in_a_file_answers_as_it_did_on_x86_64(name, path):
    found, kept = answered(name, path), KEPT[name]
    assert found["inputs"] == kept["inputs"]  # else the answers are those to other questions
    assert found == kept


def test_there_are_answers_of_all_networks_and_no_others():
    assert KEPT.keys() == CASES.keys()
    assert sorted(FILE.parent.glob("*.safetensors")) == sorted(saved().values())


def test_the_networks_are_of_every_kind():
    nets = {name: fastmem.load(path) for name, path in saved().items()}
    assert {net.construction for net in nets.values()} == {"compact", "rajput2021", "baum1988", "given"}
    assert {net.separate for net in nets.values()} == {"labels", "all"}
    encoded = [net for net in nets.values() if isinstance(net, fastmem.EncodedNetwork)]
    assert {net.store.name for net in encoded} == {"binary", "integer", "blocks"}
    assert {net.encoder.code.is_identity for net in encoded} == {True, False}
    assert {net.classes.dtype.kind for net in nets.values()} == set("biufcSUTMO")


def test_one_bit_that_differs_is_seen():
    one = np.array([0.1, 0.2, -0.0])
    for other in (np.array([0.1, 0.2, 0.0]), np.array([0.1, np.nextafter(0.2, 1), -0.0]), one.astype(np.float32)):
        assert shown(one) != shown(other)
    assert digest(one) == digest(one.astype(">f8"))
