"""Options that one construction alone takes: refused by name elsewhere, kept in the network and in its file."""

import json
import pickle

import numpy as np
import pytest
from oracles.format_reader import Saved
from support.saved import read_parts, sealed

import fastmem
from fastmem import FormatError, InvalidInput, MemorizingClassifier
from fastmem.constructions import CONSTRUCTIONS

X, Y = np.array([[0.0, 1], [1, 0], [-1, 0]]), np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("construction", "options", "message"),
    [
        ("compact", {"form": "small"}, r"construction_options\['form'\] is not for .*'compact', which takes none"),
        ("dirksen2024", {"from": "small"}, r"\['from'\] is not for construction='dirksen2024', which takes form"),
        ("dirksen2024", {"form": "tiny"}, r"\['form'\] must be one of 'small', 'theorem', not 'tiny'"),
        ("boxes", {"radius": -1}, r"\['radius'\] must be a finite distance"),
        ("boxes", ["radius"], "construction_options are a dict of names and values"),
    ],
)
def test_options_of_others_are_refused_by_name(construction, options, message):
    with pytest.raises(InvalidInput, match=message):
        fastmem.memorize(X, Y, construction=construction, construction_options=options)


def test_options_are_kept_and_saved_with_their_defaults(tmp_path):
    net = fastmem.memorize(X, Y, construction="vershynin2020", random_state=0)
    assert net.construction_options == {"form": "small"}
    assert pickle.loads(pickle.dumps(net)).construction_options == {"form": "small"}
    path = tmp_path / "net.safetensors"
    net.save(path)
    assert fastmem.load(path) == net
    saved = Saved(path.read_bytes())
    assert saved.settings["format_version"] == 2
    assert saved.settings["construction_options"] == {"form": "small"}
    assert saved.predict(X) == Y.tolist()


@pytest.mark.parametrize("construction", [name for name in CONSTRUCTIONS if name != "rajput2021"])
def test_rows_that_are_equal_in_the_columns_read_count_once(construction):
    angles = np.array([0.1, 1.2, 2.3, 3.4, 5.0, 6.0]).repeat(4)
    X, y = np.column_stack([np.cos(angles), np.arange(24.0), np.sin(angles)]), np.arange(24) // 4 % 2
    for columns, labels in ([0, 2], y), ([0], X[:, 0] > 0):
        points = X if len(columns) > 1 else np.sign(X)
        net = fastmem.memorize(points, labels, construction=construction, columns=columns, random_state=0)
        few = fastmem.memorize(points[::4], labels[::4], construction=construction, columns=columns, random_state=0)
        assert np.array_equal(net.predict(points), labels)
        assert net.n_neurons <= few.n_neurons


OTHERS = [{}, {"form": "tiny"}, {"form": "small", "radius": 1}, None, ["form"]]


@pytest.mark.parametrize("options", OTHERS, ids=json.dumps)
def test_files_with_other_options_are_refused(options):
    tensors, header = read_parts(fastmem.memorize(X, Y, construction="dirksen2024", random_state=0).to_bytes())
    header["construction_options"] = options
    with pytest.raises(FormatError):
        fastmem.from_bytes(sealed(tensors, header))


def test_estimators_take_them():
    model = MemorizingClassifier(
        construction="dirksen2024", construction_options={"form": "theorem"}, random_state=0
    ).fit(X, Y)
    assert model.network_.construction_options == {"form": "theorem"}
    assert model.predict(X).tolist() == Y.tolist()
