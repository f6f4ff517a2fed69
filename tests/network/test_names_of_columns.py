"""Columns by name: a network keeps the names of what it memorized, and puts columns that have names in their order."""

import json
import pickle

import numpy as np
import pytest
from support.partners import partner
from support.saved import named_network, read_parts, sealed

import fastmem
from fastmem import FormatError, InvalidInput
from fastmem.data.columns import Named, names_of

NAMES = ("p", "q", "r")
X = np.random.default_rng(1).standard_normal((100, 3))
Y = np.arange(100) % 4


@pytest.fixture(scope="module", params=["compact", "rajput2021", "baum1988"])
def net(request):
    return fastmem.memorize(Named(X, NAMES), Y, construction=request.param, random_state=0)


@pytest.fixture(scope="module")
def recognising():
    return fastmem.memorize(Named(X, NAMES), Y, separate="all", fingerprint_bits=12, random_state=0)


def other_order():
    return Named(X[:, [2, 0, 1]], ["r", "p", "q"])


def test_a_network_keeps_the_names_of_columns(net):
    assert net.feature_names == NAMES
    assert net.feature_names_in_.dtype == object
    assert net.feature_names_in_.tolist() == list(NAMES)


def test_without_names_there_are_none():
    net = fastmem.memorize(X, Y, random_state=0)
    assert net.feature_names is None
    assert not hasattr(net, "feature_names_in_")
    assert np.array_equal(net.predict(other_order()), net.predict(X[:, [2, 0, 1]]))


@pytest.mark.parametrize("method", ["predict", "forward", "certified_radius"])
def test_columns_with_names_are_put_in_order_and_others_are_taken_as_they_are(method, net):
    expected = getattr(net, method)(X)
    assert np.array_equal(getattr(net, method)(other_order()), expected)
    assert np.array_equal(getattr(net, method)(Named(X, NAMES)), expected)
    assert np.array_equal(getattr(net, method)(Named(X, ["a", "b", 3])), expected)


def test_every_method_that_takes_points_knows_their_names(recognising, tmp_path):
    assert recognising.contains(other_order()).all()
    assert np.array_equal(recognising.codes(other_order()), recognising.codes(X))
    assert np.array_equal(recognising.predict(other_order(), unknown=-1, tolerance=0.1), Y)
    assert recognising.unsafe_rows(other_order(), "float64").tolist() == []
    relabelled = recognising.relabel(Y[::-1], other_order())
    assert np.array_equal(relabelled.predict(other_order()), Y[::-1])
    assert relabelled.feature_names == NAMES
    size = recognising.to_c(tmp_path / "net.c", X=other_order(), dtype="float64", form="layers")
    assert size.n_units == recognising.n_neurons


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (["p", "q", "s"], "X has no column 'r', of which the network was built"),
        (["a", "b", "c"], "X has no columns 'p', 'q', 'r'"),
        (["P", "q", "r"], "X has no column 'p'"),
    ],
)
@pytest.mark.parametrize("method", ["predict", "forward", "certified_radius"])
def test_missing_columns_are_refused_by_name(method, names, part, net):
    with pytest.raises(InvalidInput, match=part):
        getattr(net, method)(Named(X, names))


def test_additional_columns_are_refused_by_name(net):
    with pytest.raises(InvalidInput, match="X has column 'label', of which the network was not built: leave that out"):
        net.predict(Named(np.column_stack([X, Y]), [*NAMES, "label"]))


def test_names_are_in_pickles_copies_and_files_which_then_are_of_version_2(net, tmp_path):
    net.save(tmp_path / "net")
    for copy in (fastmem.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        assert copy == net
        assert copy.feature_names == NAMES
    assert read_parts((tmp_path / "net").read_bytes())[1]["format_version"] == 2
    plain = fastmem.memorize(X, Y, construction=net.construction, random_state=0)
    assert plain != net
    plain.save(tmp_path / "plain")
    assert read_parts((tmp_path / "plain").read_bytes())[1]["format_version"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 1},
        {"feature_names": ["p", "q"]},
        {"feature_names": ["p", "q", "q"]},
        {"feature_names": ["p", "q", 3]},
        {"feature_names": "pqr"},
        {"feature_names": None},
    ],
    ids=str,
)
def test_files_with_other_names_or_another_version_are_refused(change, tmp_path):
    named_network().save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    (tmp_path / "net").write_bytes(sealed(tensors, header | change))
    with pytest.raises(FormatError):
        fastmem.load(tmp_path / "net")


def test_a_file_of_version_2_without_anything_new_is_refused(tmp_path):
    fastmem.memorize(X, Y, random_state=0).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    (tmp_path / "net").write_bytes(sealed(tensors, header | {"format_version": 2}))
    with pytest.raises(FormatError):
        fastmem.load(tmp_path / "net")


def test_a_name_that_json_changes_is_not_saved(tmp_path):
    net = fastmem.memorize(Named(X, ["p", "q", "\ud800\udc00"]), Y, random_state=0)
    assert json.loads(json.dumps("\ud800\udc00")) != "\ud800\udc00"
    with pytest.raises(InvalidInput, match="JSON changes the name of column"):
        net.save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    "columns", [["p", "p", "q"], ["p", 1, "q"], [0, 1, 2], [("a", "b"), ("a", "c"), ("b", "c")], [b"p", b"q", b"r"]]
)
def test_names_that_are_not_all_different_strings_are_none(columns):
    assert names_of(Named(X, columns)) is None
    assert fastmem.memorize(Named(X, columns), Y, random_state=0).feature_names is None


@pytest.mark.partner
def test_data_frames_and_tables_are_put_in_order():
    pandas, pyarrow = partner("pandas"), partner("pyarrow")
    frame = pandas.DataFrame(X, columns=list(NAMES))
    net = fastmem.memorize(frame, Y, random_state=0)
    assert net == fastmem.memorize(pyarrow.table(frame), Y, random_state=0)
    for points in (frame[list("rqp")], pyarrow.table(frame[list("qrp")]), frame.iloc[:, ::-1]):
        assert np.array_equal(net.predict(points), Y)
    with pytest.raises(InvalidInput, match="X has column 'y'"):
        net.predict(frame.assign(y=Y))


@pytest.mark.partner
def test_large_integers_are_found_in_the_column_in_which_they_are_given():
    pandas = partner("pandas")
    frame = pandas.DataFrame({"p": [0.5, 1.5], "q": [1, 2]})
    net = fastmem.memorize(frame, [0, 1], random_state=0)
    wrong = pandas.DataFrame({"q": [2**53 + 1, 1], "p": [0.5, 1.5]})
    with pytest.raises(InvalidInput, match=r"X\[0, 1\] is .*integers beyond"):
        net.predict(wrong)


@pytest.mark.partner
def test_columns_with_the_names_of_a_frames_own_methods_have_names():
    pandas = partner("pandas")
    names = ["select", "column_names", "columns", "iloc"]
    X = pandas.DataFrame(np.random.default_rng(0).standard_normal((6, 4)), columns=names)
    y = [0, 1, 0, 1, 0, 1]
    net = fastmem.memorize(X, y, random_state=0)
    assert net.feature_names == tuple(names)
    assert net.predict(X[names[::-1]]).tolist() == y
