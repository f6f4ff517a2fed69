"""The file format: files of version 1 are read for ever, and docs/format.md says all that reading them takes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from oracles.format_reader import Saved
from support.saved import many_texts, named_network, random_network, rows_of_labels_network, texts_network

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


def assert_read_as_predicted(net, path):
    """A reader that follows the page, at some rows; every setting and tensor of the file is named there."""
    net.save(path)
    saved = Saved(path.read_bytes())
    X = np.random.default_rng(net.n_points).standard_normal((net.n_points, net.n_features_in))[:40]
    assert saved.predict(X) == net.predict(X).tolist()
    assert all(f"`{name}`" in PAGE for name in ("label_shape", "labels_as", "label_lengths"))
    return saved.settings


def test_a_reader_that_follows_the_page_reads_labels_of_several_values(tmp_path):
    settings = assert_read_as_predicted(rows_of_labels_network(), tmp_path / "net")
    assert settings["label_shape"] == [2]


@pytest.mark.parametrize("dtype", ["U30", ">U30", "O", np.dtypes.StringDType()], ids=str)
def test_a_reader_that_follows_the_page_reads_text_in_utf8(dtype, tmp_path):
    y = many_texts().astype(dtype)
    if y.dtype.kind != "U":  # in JSON such a letter takes six characters, in UTF-8 two
        y = np.array(["ü" * 70 + str(i) for i in range(700)], dtype)
    settings = assert_read_as_predicted(random_network(n=700, y=y), tmp_path / "net")
    assert settings["labels_as"] == "utf8"


def test_a_reader_that_follows_the_page_reads_text_of_several_values(tmp_path):
    net = random_network(n=350, y=many_texts().reshape(350, 2))
    settings = assert_read_as_predicted(net, tmp_path / "net")
    assert (settings["labels_as"], settings["label_shape"]) == ("utf8", [2])
    assert texts_network() == fastmem.from_bytes(texts_network().to_bytes())
