"""Pickles of version 0.1 are read, and what may be pickled is."""

import importlib
import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from files.pickles.make import data, said

import fastmem
from fastmem._moved import HOMES

FOLDER = Path(__file__).parent.parent / "files" / "pickles"
PICKLES = sorted(path.stem for path in FOLDER.glob("*.pickle"))


def prints_all_but_the_largest_integers(comparison, text):
    """Whether a table, whose columns are others now, holds the numbers that version 0.1 printed."""
    (head, _, _, *rows, _, note), lines = text.splitlines(), str(comparison).splitlines()
    cells = {cell for row in rows for cell in row.split()}
    largest = {str(row.largest_integer_weight) for row in comparison.rows}
    return (lines[0], lines[-1]) == (head, note) and cells - largest <= set(str(comparison).split())


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_of_version_0_1_are_read(name):
    if name == "estimator":
        pytest.importorskip("sklearn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of pickles of its other versions
        thing = pickle.loads((FOLDER / f"{name}.pickle").read_bytes())
    expected = json.loads((FOLDER / f"{name}.json").read_text("ascii"))
    if name == "comparison":
        assert prints_all_but_the_largest_integers(thing, expected.pop("text"))
    if name == "report":  # the theorem's sizes are said in other words since
        assert str(thing).partition("\ntheorem ")[0] == expected.pop("text").partition("\ntheorem ")[0]
    assert {part: said(thing)[part] for part in expected} == expected
    assert said(pickle.loads(pickle.dumps(thing))) == said(thing)


def test_there_is_a_pickle_of_every_public_class_that_version_0_1_pickled():
    kinds = {json.loads((FOLDER / f"{name}.json").read_text("ascii"))["type"] for name in PICKLES}
    public = {name for name in fastmem.__all__ if isinstance(getattr(fastmem, name), type)}
    # Built is in a Comparison, the first two are bases; MarginNotReached, which 0.1 wrote and could not read, is below.
    since = {"NeedsBigIntegers", "NotOnSphere", "NumberNetwork", "RecognitionWarning", "ToleranceSuggestion"}
    assert public - kinds == {"Network", "FastmemError", "Built", "MarginNotReached"} | since


@pytest.mark.parametrize("name", sorted(HOMES))
def test_names_are_found_where_version_0_1_had_them(name):
    if name == "jit":
        pytest.importorskip("numba")
    if name == "estimator":
        pytest.importorskip("sklearn")
    old = importlib.import_module(f"fastmem.{name}")
    for home in HOMES[name]:
        module = importlib.import_module(f"fastmem.{home}")
        for public in getattr(module, "__all__", ()):
            assert getattr(old, public) is getattr(module, public)
    with pytest.raises(AttributeError, match=f"module 'fastmem.{name}' has no attribute 'nothing'"):
        _ = old.nothing


def test_a_margin_not_reached_is_read_from_what_version_0_1_wrote():
    class Written:
        def __reduce__(self):
            return fastmem.MarginNotReached, ("too near",), {"margin": 0.5, "largest": 0.25}

    error = pickle.loads(pickle.dumps(Written()))
    assert (str(error), error.margin, error.largest) == ("too near", 0.5, 0.25)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.margin, again.largest) == ("too near", 0.5, 0.25)


def test_old_modules_are_found_in_every_way_modules_are_asked_for(tmp_path):
    program = """
import fastmem
from fastmem.hyperplanes.hyperplanes import Hyperplanes as there
assert fastmem.encoder.Hyperplanes is there
from fastmem.encoder import *
assert Hyperplanes is there
import importlib, importlib.util
assert importlib.reload(fastmem.encoder) is fastmem.encoder
assert importlib.util.find_spec("fastmem.points").name == "fastmem.points"
import fastmem.separate.slab as slab
assert "Margin" in dir(slab)
assert importlib.util.find_spec("fastmem.never") is None
assert not hasattr(fastmem, "never")
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_hyperplanes_encoders_and_stores_can_be_pickled():
    X, y = data()
    net = fastmem.memorize(X, y, fingerprint_bits=8, random_state=0)
    codes = net.codes(X)
    for part in (net.hyperplanes, net.encoder, net.store, net.fingerprints):
        again = pickle.loads(pickle.dumps(part))
        assert type(again) is type(part)
    assert np.array_equal(pickle.loads(pickle.dumps(net.encoder)).hyperplanes.weights, net.hyperplanes.weights)
    assert np.array_equal(pickle.loads(pickle.dumps(net.store)).lookup(codes), net.store.lookup(codes))
    of_cells = net.recognition.codes_of(net.points_of(X, recognising=True))[1]
    assert pickle.loads(pickle.dumps(net.fingerprints)).accepts(of_cells).all()
