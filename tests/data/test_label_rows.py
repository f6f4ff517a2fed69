"""Labels of several values: the rows of a matrix, memorized as one label each and returned in their shape."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.partners import partner

import fastmem
from fastmem import ContradictoryLabels, InvalidInput, memorize

MATRICES = {
    "integers": np.array([[1, 2], [1, 3], [-5, 2**62], [1, 2]]),
    "one column": np.array([[3], [1], [3], [2]], np.uint8),
    "floats": np.array([[0.0, 1.5], [-0.0, 1.5], [np.inf, 5e-324], [0.0, 1.5]]),
    "float32": np.array([[0.1] * 5, [0.2] * 5, [0.1] * 4 + [0.2], [0.3] * 5], np.float32),
    "complex": np.array([[1j, 0], [-0.0, 1], [0.0, 1], [1j, 0]]),
    "booleans": np.array([[True, False], [False, False], [True, True], [True, False]]),
    "text": np.array([["a", "bcd"], ["", "a"], ["a", ""], ["a", "bcd"]]),
    "bytes": np.array([[b"a", b"bcd"], [b"", b"a"], [b"a", b""], [b"a", b"bcd"]]),
    "dates": np.array([["2026-01-01", "2026-01-02"], ["2026-01-01", "1900-01-01"]] * 2, "M8[D]"),
    "text of variable width": np.array([["a", "bcd"], ["", "a"]] * 2, np.dtypes.StringDType()),
    "objects": np.array([[1, "a"], [True, "a"], [None, (1, 2)], [1, "a"]], object),
    "other byte order": np.array([[1, 2], [3, 4]] * 2, ">i4"),
    "Fortran order": np.asfortranarray(np.array([[1, 2], [3, 4], [1, 2], [5, 6]])),
}
X = np.random.default_rng(0).standard_normal((4, 3))
KINDS = pytest.mark.parametrize("y", MATRICES.values(), ids=MATRICES)
OPTIONS = ({}, {"separate": "all", "fingerprint_bits": 8}, {"store": "integer"}, {"construction": "rajput2021"})


def assert_same(labels, y):
    assert labels.dtype == y.dtype
    assert labels.shape == y.shape
    if y.dtype.kind in "OT":
        assert list(map(repr, labels.ravel())) == list(map(repr, y.ravel()))
    else:
        assert labels.tobytes() == np.ascontiguousarray(y).tobytes()


@KINDS
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_rows_come_back_in_their_dtype_and_shape(y, options):
    net = memorize(X, y, random_state=0, **options)
    assert_same(net.predict(X), y)
    assert_same(net.forward(X), y)
    assert net.predict(X[:0]).shape == (0, y.shape[1])


@KINDS
def test_rows_survive_pickles_and_files_but_for_objects_that_no_file_holds(y):
    net = memorize(X, y, random_state=0)
    assert pickle.loads(pickle.dumps(net)) == net
    if any(isinstance(entry, tuple) for entry in y.ravel().tolist()):
        with pytest.raises(InvalidInput, match="cannot be saved"):
            net.to_bytes()
        return
    again = fastmem.from_bytes(net.to_bytes())
    assert again == net
    assert_same(again.predict(X), y)


def test_classes_are_the_distinct_rows_in_order():
    y = np.array([[2, 1], [1, 9], [1, 3], [2, 1], [2, 0]])
    net = memorize(np.arange(5.0)[:, None], y)
    assert net.classes.tolist() == [[1, 3], [1, 9], [2, 0], [2, 1]]
    assert "4 classes" in repr(net)
    assert net.report().label_dtype == "int64 (2,)"


def test_equal_points_with_different_rows_are_contradictory():
    with pytest.raises(ContradictoryLabels, match=r"rows 0 \(\(1, 2\)\) and 1 \(\(1, 3\)\)"):
        memorize([[0.0], [0.0], [1.0]], [[1, 2], [1, 3], [1, 2]])


@pytest.mark.parametrize("y", [np.array([[1.0, np.nan]] * 4), np.array([["2026", "NaT"]] * 4, "M8[D]")], ids=str)
def test_entries_that_do_not_equal_themselves_are_refused_by_row_and_column(y):
    with pytest.raises(InvalidInput, match=r"y\[0, 1\] is"):
        memorize(X, y)


@pytest.mark.parametrize("shape", [(4, 0), (4, 2, 1), (3, 2), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InvalidInput, match="y has"):
        memorize(X, np.zeros(shape))


def test_a_list_of_rows_keeps_values_of_different_kinds():
    y = [[1, "1"], [2, "b"], [2, "a"], [2**53 + 1, "a"]]
    assert memorize(X, y).predict(X).tolist() == y
    assert memorize(X, [(1, 0.5), (2, 0.5), (3, 0.5), (1, 0.5)]).predict(X).dtype == np.float64


def test_other_labels_of_any_shape_are_taken_for_the_same_points():
    net = memorize(X, np.arange(4), separate="all", random_state=0)
    assert_same(net.relabel(MATRICES["floats"]).predict(X), MATRICES["floats"])
    assert_same(net.relabel(MATRICES["text"]).relabel(np.arange(4)).predict(X), np.arange(4))


@pytest.mark.parametrize(("unknown", "row"), [(-1, [-1, -1]), ([7, 8], [7, 8]), ((0.5, 1), [0.5, 1.0])])
def test_unknown_rows_get_one_value_for_all_or_a_row(unknown, row):
    many = np.random.default_rng(1).standard_normal((500, 8))
    net = memorize(many, np.arange(1000).reshape(500, 2) % 9, separate="all", fingerprint_bits=32, random_state=0)
    others = np.random.default_rng(2).standard_normal((300, 8))
    labels = net.predict(others, unknown=unknown)
    known = net.contains(others)
    assert labels.shape == (300, 2)
    assert labels[~known].tolist() == [row] * int((~known).sum())
    assert (~known).any()
    assert np.array_equal(labels[known], net.predict(others)[known])


@pytest.mark.parametrize("unknown", [[1], [1, 2, 3], ["a", 1]])
def test_another_row_for_unknown_rows_is_refused(unknown):
    net = memorize(X, np.array([[1, 2], [3, 4]] * 2), fingerprint_bits=8)
    with pytest.raises(InvalidInput, match="unknown"):
        net.predict(X, unknown=unknown)


@pytest.mark.parametrize(
    "export", [lambda net, path: net.to_c(path), lambda net, path: net.jit()], ids=["C", "compiled code"]
)
def test_exports_refuse_rows_and_name_what_works(export, tmp_path):
    net = memorize(X, np.array([[1, 2], [3, 4]] * 2), random_state=0)
    with pytest.raises(InvalidInput, match='output="index"'):
        export(net, tmp_path / "net.c")
    net.to_c(tmp_path / "net.c", output="index")
    assert net.classes[net.jit(output="index")[0](X[1])].tolist() == [3, 4]


def test_given_layers_take_rows_for_classes():
    net = fastmem.Network.from_layers([([[1.0]], [0.5])], [[1, 2], [3, 4]])
    assert net.predict([[0.0], [1.0]]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.partner
def test_a_column_is_made_flat_by_the_estimator_with_scikit_learns_warning():
    partner("sklearn")
    from sklearn.exceptions import DataConversionWarning

    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = fastmem.MemorizingClassifier(random_state=0).fit(X, [["a"], [None], ["b"], ["a"]])
    assert clf.predict(X).tolist() == ["a", None, "b", "a"]
    with pytest.raises(ValueError, match="1d array"):
        fastmem.MemorizingClassifier().fit(X, [["a", "b"]] * 4)


@pytest.mark.partner
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_of_labels_keeps_what_each_column_holds(library):
    frames = partner(library)
    frame = frames.DataFrame({"id": [2**53 + 1, 2**53, 1, 2], "x": [0.5, 1.5, 0.5, 2.5], "name": ["a", "b", "a", "c"]})
    labels = memorize(X, frame).predict(X)
    assert labels.tolist() == [[2**53 + 1, 0.5, "a"], [2**53, 1.5, "b"], [1, 0.5, "a"], [2, 2.5, "c"]]
    assert memorize(X, frame[["id"]]).predict(X).tolist() == [[2**53 + 1], [2**53], [1], [2]]
    assert memorize(X, frame[["x"]]).predict(X).dtype == np.float64


@examples(60)
@given(st.data())
def test_rows_are_told_apart_as_tuples_are(data):
    n, k = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 4))
    dtype = data.draw(st.sampled_from(["i1", "f4", "f8", "U1", "O", "c8", "M8[s]"]))
    y = np.random.default_rng(data.draw(st.integers(0, 2**32))).integers(0, 2, (n, k)).astype(dtype)
    points = np.random.default_rng(n).standard_normal((n, 2))
    net = memorize(points, y, random_state=0)
    assert_same(net.predict(points), y)
    assert len(net.classes) == len({tuple(row) for row in y.tolist()})
