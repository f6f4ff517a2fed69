"""The file format: files of version 1 are read for ever, and docs/format.md says all that reading them takes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from oracles.format_reader import Saved
from support.saved import named_network

import fastmem

FOLDER = Path(__file__).parent.parent / "files"
PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
VERSION_1 = pytest.mark.parametrize("path", sorted(FOLDER.glob("*.safetensors")), ids=lambda path: path.stem)


def test_the_files_of_version_1_are_there():
    assert len(list(FOLDER.glob("*.safetensors"))) == 13


def expected_of(path):
    return json.loads(path.with_suffix(".json").read_text(encoding="ascii"))


@VERSION_1
def test_a_file_of_version_1_gives_the_labels_it_was_saved_with(path):
    net, expected = fastmem.load(path), expected_of(path)
    assert list(map(repr, net.predict(expected["X"]).tolist())) == expected["labels"]
    assert list(map(repr, net.forward(expected["X"]).tolist())) == expected["labels"]
    assert not net.fingerprint_bits or net.contains(expected["X"]).tolist() == expected["known"]


@VERSION_1
def test_a_file_of_version_1_saved_again_is_the_same_file(path, tmp_path):
    fastmem.load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@VERSION_1
def test_a_reader_that_follows_the_page_gives_the_same_labels(path):
    expected, saved = expected_of(path), Saved(path.read_bytes())
    some = slice(None, None, 5)
    X = np.array(expected["X"])[some]
    assert list(map(repr, saved.predict(X))) == expected["labels"][some]
    assert "known" not in expected or saved.contains(X) == expected["known"][some]


@VERSION_1
def test_every_setting_and_tensor_of_a_file_is_named_on_the_page(path):
    saved = Saved(path.read_bytes())
    names = [re.sub(r"\b\d+\b", "N", name) for name in (*saved.settings, *saved.tensors, *saved.settings["drawn"])]
    for name in names:
        part, _, last = name.rpartition(".")
        assert f"`{name}`" in PAGE or (f"`{part}`" in PAGE and f"`{last}`" in PAGE), name


def test_the_page_names_the_version_that_is_written():
    assert f"**version {fastmem.io.FORMAT_VERSION}**" in PAGE


def test_a_reader_that_follows_the_page_reads_names_of_columns(tmp_path):
    net = named_network()
    net.save(tmp_path / "net")
    saved = Saved((tmp_path / "net").read_bytes())
    assert saved.settings["feature_names"] == list(net.feature_names)
    X = np.random.default_rng(0).standard_normal((40, 3))
    assert saved.predict(X) == net.predict(X).tolist()
    assert "`feature_names`" in PAGE
