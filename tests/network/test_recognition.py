"""Known and unknown inputs: what was memorized is recognised, little else is, and other labels may be put in place."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

import fastmem
from fastmem import ContradictoryLabels, InvalidInput, MemorizationError, memorize
from fastmem.data.as_labels import label_dtype_with
from fastmem.data.points import Points
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.network import EncodedNetwork
from fastmem.network.base import SETTINGS
from fastmem.store import Filter

ALL = {"separate": "all", "random_state": 0}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3000, 8)), rng.integers(0, 5, 3000)


@pytest.fixture(scope="module")
def net(data):
    return memorize(*data, fingerprint_bits=20, **ALL)


@pytest.fixture(scope="module")
def plain(data):
    """A network without fingerprints."""
    return memorize(*data, **ALL)


def refusal(function, *args, **kwargs):
    with pytest.raises(InvalidInput) as caught:
        function(*args, **kwargs)
    assert type(caught.value) is InvalidInput
    return str(caught.value)


def by_codes_of_labels(net, X):
    """The network as format 1 has it: fingerprints are of the codes that labels are read from."""
    fingerprints = Filter.recognising(np.unique(net.codes(X)), net.encoder.n_bits, net.fingerprint_bits)
    facts = {name: getattr(net, name) for name in SETTINGS}
    return EncodedNetwork(net.encoder, net.store, net.classes, fingerprints=fingerprints, **facts)


def codes_of_known(net, X):
    """The codes by which rows are known."""
    return net.recognition.codes_of(Points(np.ascontiguousarray(X)))[1]


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


# Known and unknown


def test_memorized_rows_are_known(net, data):
    X, y = data
    known = net.contains(X)
    assert known.dtype == bool
    assert known.all()
    assert np.array_equal(net.predict(X, unknown=-1), y)


def test_rows_in_the_cell_of_a_memorized_row_are_known(net, data):
    X, y = data
    rng = np.random.default_rng(1)
    step = rng.standard_normal(X.shape)
    radii = net.recognition.hyperplanes.certified_radius(Points(X))
    step *= 0.9 * radii[:, None] / np.linalg.norm(step, axis=1, keepdims=True)
    assert net.contains(X + step).all()
    assert np.array_equal(net.predict(X + step, unknown=-1), y)


@pytest.mark.parametrize("fingerprint_bits", [1, 4, 8])
def test_a_share_of_2_to_the_minus_f_of_other_rows_is_taken_for_known(data, fingerprint_bits):
    net = memorize(*data, fingerprint_bits=fingerprint_bits, **ALL)
    X = 3 * np.random.default_rng(2).standard_normal((100_000, 8))
    X = X[~np.isin(codes_of_known(net, X), codes_of_known(net, data[0]))]
    assert len(X) > 50_000
    known = net.contains(X)
    assert 0.6 < known.mean() * 2**fingerprint_bits < 1.6
    labels = net.predict(X, unknown=-1)
    assert np.array_equal(labels == -1, ~known)
    assert np.array_equal(labels[known], net.predict(X[known]))


def test_known_labels_are_those_of_predict(net):
    X = np.random.default_rng(3).standard_normal((2000, 8))
    assert np.array_equal(net.predict(X, unknown=-1), np.where(net.contains(X), net.predict(X), -1))


def test_with_32_bits_exactly_the_stored_codes_are_known(data):
    net = memorize(*data, fingerprint_bits=32, **ALL)
    X = np.random.default_rng(4).standard_normal((20_000, 8))
    near = data[0] + 0.003 * X[:3000]
    for rows in (X, near):
        assert np.array_equal(net.contains(rows), np.isin(codes_of_known(net, rows), codes_of_known(net, data[0])))
    assert 0 < net.contains(near).mean() < 1


def test_every_row_of_a_network_without_hyperplanes_is_known():
    net = memorize([[1.0, 2.0]], ["a"], fingerprint_bits=8)
    assert net.contains([[9.0, 9.0], [0.0, 0.0]]).all()
    assert net.predict([[9.0, 9.0]], unknown="far").tolist() == ["a"]


def test_points_of_one_class_are_recognised(data):
    net = memorize(data[0], np.zeros(3000), fingerprint_bits=16, **ALL)
    assert net.predict(data[0], unknown=-1).tolist() == [0] * 3000
    far = -7 * data[0]
    far = far[~np.isin(net.codes(far), net.codes(data[0]))]
    assert np.mean(net.predict(far, unknown=-1) == -1) > 0.99


def test_recognition_takes_no_rows_of_no_points(net):
    assert net.contains(np.empty((0, 8))).shape == (0,)
    assert net.predict(np.empty((0, 8)), unknown=-1).shape == (0,)
    assert net.predict(np.empty((0, 8)), unknown=-1, tolerance=1.0).shape == (0,)


@pytest.mark.parametrize("method", ["contains", "predict", "forward"])
def test_rows_that_predict_refuses_are_refused(net, method):
    options = {} if method == "contains" else {"unknown": -1}
    X = np.zeros((5, 8))
    X[3, 1] = np.nan
    assert "X[3, 1] is nan" in refusal(getattr(net, method), X, **options)
    assert "7 columns" in refusal(getattr(net, method), np.zeros((5, 7)), **options)


def test_fingerprints_are_counted_in_the_size_and_the_report(net, plain):
    assert (net.fingerprint_bits, plain.fingerprint_bits) == (20, 0)
    assert net.report().fingerprint_bits == 20
    bits = 8 * (net.nbytes - plain.nbytes) / 3000
    of_hyperplanes = net.n_recognition_hyperplanes * (4 * 8 + 8 + 8) / 3000 * 8
    assert 20 <= bits - of_hyperplanes <= 1.1 * 20 + 8
    assert net.bits_per_label == plain.bits_per_label
    assert "2^-20" in str(net.report())
    assert "fingerprint" not in str(plain.report())
    assert "20-bit fingerprints" in repr(net)
    assert "fingerprint" not in repr(plain)


def test_fingerprints_leave_all_else_as_it_is(net, plain, data):
    X = np.concatenate([data[0], 2 * data[0]])
    assert np.array_equal(net.codes(X), plain.codes(X))
    assert np.array_equal(net.predict(X), plain.predict(X))
    assert net != plain


# What needs fingerprints, and options that are refused


@pytest.mark.parametrize("method", ["contains", "predict", "forward"])
def test_a_network_without_fingerprints_says_how_to_have_some(plain, data, method):
    options = {} if method == "contains" else {"unknown": -1}
    assert "fingerprint_bits=16" in refusal(getattr(plain, method), data[0], **options)


@pytest.mark.parametrize("method", ["contains", "predict", "forward"])
@pytest.mark.parametrize("construction", ["baum1988", "rajput2021"])
def test_a_network_that_cannot_have_fingerprints_says_which_can(construction, method):
    X = np.random.default_rng(0).normal(size=(20, 3))
    net = memorize(X, np.arange(20) % 3, construction=construction, random_state=0)
    options = {} if method == "contains" else {"unknown": -1}
    assert 'construction="compact", fingerprint_bits=16' in refusal(getattr(net, method), X, **options)


def test_a_network_without_codes_says_what_needs_them(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 3))
    built = memorize(X, np.arange(20) % 3, construction="baum1988")
    built.save(tmp_path / "net.safetensors")
    own = fastmem.Network.from_layers([([[1.0, 0.0, 0.0]], [0.0])])
    for net in (built, fastmem.load(tmp_path / "net.safetensors"), own):
        for method, arguments in (("codes", (X,)), ("relabel", (np.arange(20),)), ("jit", ())):
            message = refusal(getattr(net, method), *arguments)
            assert message.startswith(f"{method} needs codes")
            assert net.construction in message


def test_a_tolerance_without_a_label_for_unknown_rows_is_refused(net, plain, data):
    for network in (net, plain):
        assert "tolerance" in refusal(network.predict, data[0], tolerance=0.1)


@pytest.mark.parametrize("tolerance", [-1, -1e-300, np.nan, np.inf, "1", None, [1.0], True, 1j])
def test_a_tolerance_that_is_no_distance_is_refused(net, data, tolerance):
    assert "tolerance" in refusal(net.predict, data[0], unknown=-1, tolerance=tolerance)


@pytest.mark.parametrize("max_probes", [0, -1, 1.0, 2.5, "9", None, True, 2**24 + 1, np.nan])
def test_a_number_of_probes_that_is_none_is_refused(net, data, max_probes):
    assert "max_probes" in refusal(net.predict, data[0], unknown=-1, tolerance=1.0, max_probes=max_probes)


@pytest.mark.parametrize("fingerprint_bits", [-1, 33, 8.0, "8", None, True, np.nan])
def test_a_number_of_fingerprint_bits_that_is_none_is_refused(data, fingerprint_bits):
    assert "fingerprint_bits" in refusal(memorize, *data, fingerprint_bits=fingerprint_bits)


@pytest.mark.parametrize("fingerprint_bits", [0, 1, 32, np.int8(5)])
def test_any_number_of_fingerprint_bits_from_0_to_32_is_kept(fingerprint_bits):
    X = np.arange(40.0)[:, None]
    net = memorize(X, np.arange(40) % 2, fingerprint_bits=fingerprint_bits)
    assert net.fingerprint_bits == fingerprint_bits
    assert (net.fingerprints is None) == (fingerprint_bits == 0)


# The dtype of labels and one more value

DATES = np.array(["2020-01-01", "2021-12-31"], "M8[D]")
HELD = {
    "an integer": (np.array([0, 1]), -1, "int64"),
    "an integer of another sign": (np.array([0, 255], np.uint8), -1, "int16"),
    "an integer above 2^32 beside larger ones": (np.array([0, 2**60]), 2**40, "int64"),
    "the largest float32": (np.array([0, 1], np.float32), float(np.finfo(np.float32).max), "float32"),
    "an integer that the labels' own dtype holds": (np.array([0, 1], np.int8), np.int64(5), "int8"),
    "a large integer": (np.array([0, 1], np.int8), 40_000, "int32"),
    "an integer of uint64 and one below zero": (np.array([0, 2**53], np.uint64), -1, "float64"),
    "an integer of big-endian ones": (np.array([1, 2], ">i4"), -1, "int32"),
    "a float": (np.array([0, 1]), 0.5, "float64"),
    "nan": (np.array([0, 1]), np.nan, "float64"),
    "nan of floats": (np.array([0.5], np.float32), np.nan, "float32"),
    "infinity of floats": (np.array([0.5], np.float16), -np.inf, "float16"),
    "a float that float32 does not hold": (np.array([0.5], np.float32), 0.1, "float64"),
    "a float beyond float16": (np.array([0.5], np.float16), 1e6, "float32"),
    "an integer that float16 does not hold": (np.array([0.5], np.float16), 2049, "float32"),
    "an integer of booleans": (np.array([False, True]), -1, "int8"),
    "a boolean": (np.array([False, True]), False, "bool"),
    "a complex number": (np.array([0, 1]), 1j, "complex128"),
    "longer text": (np.array(["a", "bb"]), "unknown", "<U7"),
    "shorter text": (np.array(["a", "bbb"]), "", "<U3"),
    "longer bytes": (np.array([b"a"]), b"unknown", "|S7"),
    "text of any length": (np.array(["a"], np.dtypes.StringDType()), "b" * 100, np.dtypes.StringDType()),
    "a date": (DATES, np.datetime64("1999-01-01"), "M8[D]"),
    "no date": (DATES, np.datetime64("NaT", "D"), "M8[D]"),
    "a time": (DATES, np.datetime64("1999-01-01T12"), "M8[h]"),
    "a duration": (np.array([1, 2], "m8[s]"), np.timedelta64(-1, "s"), "m8[s]"),
    "no duration": (np.array([1, 2], "m8[s]"), np.timedelta64("NaT", "s"), "m8[s]"),
    "None of objects": (objects(1, "a"), None, "O"),
    "a tuple of objects": (objects(1, "a"), (1, 2), "O"),
    "a list of objects": (objects(1, "a"), [1, 2], "O"),
    "an array of objects": (objects(1, "a"), np.arange(3), "O"),
    "an array of no dimension": (np.array([0, 1]), np.array(-1), "int64"),
}


@pytest.mark.parametrize(("classes", "unknown", "dtype"), HELD.values(), ids=HELD)
def test_labels_get_a_dtype_that_holds_one_more_value(classes, unknown, dtype):
    found = label_dtype_with(unknown, classes)
    assert found == np.dtype(dtype)
    assert np.array_equal(classes.astype(found), classes)


NOT_HELD = {
    "text of integers": (np.array([0, 1]), "x"),
    "None of integers": (np.array([0, 1]), None),
    "None of text": (np.array(["a"]), None),
    "None of text of any length": (np.array(["a"], np.dtypes.StringDType()), None),
    "an integer of text": (np.array(["a"]), 1),
    "an integer of text of any length": (np.array(["a"], np.dtypes.StringDType()), 1),
    "bytes of text": (np.array(["a"]), b"a"),
    "text of bytes": (np.array([b"a"]), "a"),
    "text of dates": (DATES, "2020-01-01"),
    "an integer of dates": (DATES, 1),
    "a duration of dates": (DATES, np.timedelta64("NaT", "s")),
    "a list": (np.array([0, 1]), [1]),
    "a tuple": (np.array([0, 1]), ()),
    "an array": (np.array([0, 1]), np.array([-1])),
    "ragged lists": (np.array([0, 1]), [[1], [1, 2]]),
    "an integer beyond 64 bits": (np.array([0, 1]), 2**70),
    "-1 beside integers that float64 does not hold": (np.array([0, 2**53 + 1], np.uint64), -1),
    "-1 beside the largest integer": (np.array([2**64 - 1], np.uint64), -1),
    "nan beside integers that float64 does not hold": (np.array([0, 2**53 + 1]), np.nan),
    "a fraction beside integers that float64 does not hold": (np.array([-(2**53) - 1, 0]), 0.5),
    "an integer that float64 does not hold": (np.array([0.5]), 2**53 + 1),
    "an integer that complex128 does not hold": (np.array([0.5j]), 2**53 + 1),
    "a uint64 beside negative integers": (np.array([-1, 2]), 2**64 - 1),
    "a time so fine that dates overflow": (DATES, np.datetime64(0, "as")),
    "text with a zero at its end": (np.array(["a"]), "a\0"),
    "bytes with a zero at their end": (np.array([b"a"]), b"a\0"),
}


@pytest.mark.parametrize(("classes", "unknown"), NOT_HELD.values(), ids=NOT_HELD)
def test_a_value_that_cannot_stand_among_labels_is_refused(classes, unknown):
    message = refusal(label_dtype_with, unknown, classes)
    assert "unknown" in message
    assert str(classes.dtype) in message


@pytest.mark.parametrize(
    ("classes", "unknown", "dtype"),
    [case for name, case in HELD.items() if "nan" not in name],
    ids=[name for name in HELD if "nan" not in name],
)
def test_unknown_rows_get_the_value_and_others_their_label(classes, unknown, dtype):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((60, 6))
    y = classes[np.arange(60) % len(classes)]
    net = memorize(X, y, fingerprint_bits=32, **ALL)
    X = np.concatenate([X, 3 * rng.standard_normal((60, 6))])
    known = np.isin(codes_of_known(net, X), codes_of_known(net, X[:60]))
    assert not known.all()
    for labels in (net.predict(X, unknown=unknown), net.forward(X, unknown=unknown)):
        assert labels.dtype == np.dtype(dtype)
        assert np.array_equal(labels[:60], y)
        for label in labels[~known]:
            if labels.dtype == object:
                assert label is unknown
            else:
                assert label == unknown or np.isnat(label)


def test_unknown_rows_get_nan(net, data):
    far = -9 * data[0]
    labels = net.predict(far, unknown=np.nan)
    assert labels.dtype == np.float64
    assert np.array_equal(np.isnan(labels), ~net.contains(far))


def test_the_dtype_does_not_depend_on_whether_rows_are_unknown(data):
    X, y = data
    net = memorize(X, np.where(y > 2, "a", "b"), fingerprint_bits=8, **ALL)
    assert net.predict(X, unknown="unknown").dtype == net.predict(X[:0], unknown="unknown").dtype == np.dtype("<U7")


def test_unknown_may_be_a_label(net, data):
    far = -9 * data[0]
    known = net.contains(far)
    assert np.array_equal(net.predict(far, unknown=3), np.where(known, net.predict(far), 3))


# Tolerance


def hyperplanes_of(net):
    """Unit normals and offsets in float64."""
    planes = net.recognition.hyperplanes
    lengths = np.linalg.norm(planes.weights.astype(np.float64), axis=1)
    return planes.weights / lengths[:, None], planes.thresholds / lengths


def distances_from(net, X):
    normals, offsets = hyperplanes_of(net)
    return np.abs(X @ normals.T - offsets)


@examples(100)
@given(st.integers(0, 9), st.integers(1, 20), st.integers(0, 9), st.sampled_from(["float32", "float64"]), st.data())
def test_distances_are_rounded_as_their_definition_says(n, d, m, dtype, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = 10.0 ** data.draw(st.integers(-30, 30))
    X = (scale * rng.standard_normal((n, 2 * d))).astype(dtype)[:, :: data.draw(st.sampled_from([1, 2]))][:, :d]
    weights = rng.standard_normal((m, d)).astype(np.float32) * rng.integers(0, 2, (m, 1))
    planes = Hyperplanes(weights, scale * rng.standard_normal(m), np.zeros(d), np.zeros(d))
    assert np.array_equal(planes.distances(X), naive.distances(X, planes.weights, planes.thresholds))


@pytest.fixture(scope="module")
def sparse():
    """Points in a small part of all cells, a label each, known by the codes of their labels."""
    X = np.random.default_rng(6).standard_normal((300, 6))
    y = np.random.default_rng(7).permutation(300)
    return X, y, by_codes_of_labels(memorize(X, y, fingerprint_bits=32, **ALL), X)


def moved_across(net, X, places):
    """The row X moved just across its hyperplanes of the given ranks by distance, and how far that is."""
    normals, offsets = hyperplanes_of(net)
    signed = normals @ X - offsets
    chosen = np.argsort(np.abs(signed))[list(places)]
    target = -1e-6 * np.sign(signed[chosen])  # on the other side
    step = np.linalg.lstsq(normals[chosen], target - signed[chosen], rcond=None)[0]
    return X + step


@pytest.mark.parametrize("places", [(0,), (1,), (0, 1)])
def test_points_moved_across_one_or_two_hyperplanes_are_found(sparse, places):
    X, y, net = sparse
    moved = np.array([moved_across(net, x, places) for x in X])
    codes, stored = net.codes(moved), net.codes(X)
    # Rows that crossed these hyperplanes only, and in the cells on the way there is no other point.
    crossed = np.bitwise_count(codes ^ stored) == len(places)
    first = (codes ^ stored) & (~(codes ^ stored) + np.uint64(1))
    alone = ~np.isin(codes, stored)
    for flip in (first, codes ^ stored ^ first) if len(places) == 2 else ():
        alone &= ~np.isin(codes ^ flip, stored)
    chosen = crossed & alone
    assert chosen.sum() >= 5
    assert np.all(net.predict(moved[chosen], unknown=-1) == -1)
    found = net.predict(moved[chosen], unknown=-1, tolerance=1e-5)
    assert np.array_equal(found, y[chosen])


def first_known(net, x, stored, tolerance, max_probes):
    """Code of the label of the nearest known cell behind near hyperplanes, and the cells tried: by trying all."""
    distances = distances_from(net, x[None])[0]
    near = np.flatnonzero(distances < tolerance)
    assert len(near) <= 14
    sets = [s for size in range(1, len(near) + 1) for s in itertools.combinations(near.tolist(), size)]
    sets.sort(key=lambda s: sum(distances[list(s)] ** 2))
    code = int(codes_of_known(net, x[None])[0])
    if code in stored:
        return stored[code], 0
    for tried, chosen in enumerate(sets[:max_probes], 1):
        other = code
        for hyperplane in chosen:
            other ^= int(net.recognition.code.columns[hyperplane])
        if other in stored:
            return stored[other], tried
    return None, min(len(sets), max_probes)


def assert_found_as_by_trying_all(net, X, queries, tolerance, max_probes=1000):
    stored = dict(zip(codes_of_known(net, X).tolist(), net.codes(X).tolist(), strict=True))
    codes, known, tried = net.recognise(Points(queries).block(0, len(queries)), tolerance, max_probes)
    for row, x in enumerate(queries):
        code, n = first_known(net, x, stored, tolerance, max_probes)
        assert (known[row], tried[row]) == (code is not None, n)
        assert code is None or code == codes[row]
    return known, tried


def test_the_nearest_known_cell_is_found_first(sparse):
    X, _, net = sparse
    queries = X + 0.2 * np.random.default_rng(8).standard_normal(X.shape)
    known, tried = assert_found_as_by_trying_all(net, X, queries, 0.3)
    assert known[tried > 0].any()
    assert not known.all()
    assert tried[known].max() > 5


def test_cells_are_found_behind_hyperplanes_that_no_label_is_read_from():
    rng = np.random.default_rng(12)
    X, y = rng.standard_normal((300, 6)), rng.permutation(300)
    for f, is_identity in ((6, True), (12, False)):
        net = memorize(X, y, fingerprint_bits=f, **ALL)
        assert net.recognition.e > 0
        assert net.recognition.code.is_identity == is_identity
        queries = X + 0.002 * rng.standard_normal(X.shape)
        known, tried = assert_found_as_by_trying_all(net, X, queries, 0.004)
        labels = net.predict(queries, unknown=-1, tolerance=0.004)
        assert np.mean(labels == y) > np.mean(net.predict(queries, unknown=-1) == y)
        assert known[tried > 0].any()


@pytest.mark.parametrize("max_probes", [1, 2, 3, 7])
def test_no_more_codes_are_tried_than_allowed(sparse, max_probes):
    X, _, net = sparse
    queries = X + 0.1 * np.random.default_rng(9).standard_normal(X.shape)
    _, tried = assert_found_as_by_trying_all(net, X, queries, 0.4, max_probes)
    assert tried.max() == max_probes


def test_networks_of_more_than_62_hyperplanes_find_points_moved():
    X = np.arange(100.0)[:, None]
    y = np.random.default_rng(9).permutation(100)
    net = memorize(X, y, fingerprint_bits=32, **ALL)
    assert net.n_hyperplanes > 62
    net = by_codes_of_labels(net, X)
    labels = net.predict(X + 0.7, unknown=-1, tolerance=0.5)
    assert np.isin(labels, y).all()
    sphere = np.random.default_rng(10).standard_normal((3000, 3))
    net = by_codes_of_labels(memorize(sphere, np.arange(3000), fingerprint_bits=32, **ALL), sphere)
    assert net.n_hyperplanes > 62
    queries = 1.02 * sphere[:100]
    tolerance = float(np.median(np.sort(distances_from(net, queries), axis=1)[:, 4]))
    known, tried = assert_found_as_by_trying_all(net, sphere, queries, tolerance)
    assert known[tried > 0].any()


def test_a_tolerance_that_reaches_no_hyperplane_finds_nothing_more(net, data):
    X = 1.5 * data[0]
    least = distances_from(net, X).min()
    assert np.array_equal(net.predict(X, unknown=-1, tolerance=0.9 * least), net.predict(X, unknown=-1))


def test_known_rows_keep_their_label_whatever_the_tolerance(net, data):
    X, y = data
    assert np.array_equal(net.predict(X, unknown=-1, tolerance=100.0, max_probes=5), y)


def test_more_tolerance_finds_at_least_as_many_rows(net, data):
    X = data[0][:500] + 0.02
    unknown = [(net.predict(X, unknown=-1, tolerance=t, max_probes=200) == -1).sum() for t in (0, 0.01, 0.03, 0.1)]
    assert unknown == sorted(unknown, reverse=True)
    assert unknown[0] > unknown[-1]


@pytest.fixture(scope="module")
def noisy(data):
    return (data[0][:2000] + 0.03 * np.random.default_rng(11).standard_normal((2000, 8))).astype(np.float32)


@pytest.fixture(scope="module")
def tolerant_labels(net, noisy):
    labels = net.predict(noisy, unknown=-1, tolerance=0.05, max_probes=300)
    assert 0 < np.count_nonzero(labels == -1) < np.count_nonzero(~net.contains(noisy))
    return labels


@pytest.mark.parametrize("size", [1, 3, 64, 999])
def test_tolerant_labels_do_not_depend_on_batch_size(net, noisy, tolerant_labels, size):
    X = noisy[: 50 * size]
    parts = [net.predict(X[i : i + size], unknown=-1, tolerance=0.05, max_probes=300) for i in range(0, len(X), size)]
    assert np.array_equal(np.concatenate(parts), tolerant_labels[: len(X)])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_tolerant_labels_do_not_depend_on_threads(net, noisy, tolerant_labels, n_threads):
    many = np.tile(noisy, (12, 1))
    labels = net.predict(many, unknown=-1, tolerance=0.05, max_probes=300, n_threads=n_threads)
    assert np.array_equal(labels, np.tile(tolerant_labels, 12))


LAYOUTS = {
    "float64": lambda X: X.astype(np.float64),
    "longdouble": lambda X: X.astype(np.longdouble),
    "columns": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1].copy()[::-1],
    "big-endian": lambda X: X.astype(">f4"),
    "list": lambda X: X.tolist(),
}


@pytest.mark.parametrize("change", LAYOUTS.values(), ids=LAYOUTS)
def test_tolerant_labels_do_not_depend_on_dtype_and_layout(net, noisy, tolerant_labels, change):
    labels = net.predict(change(noisy), unknown=-1, tolerance=0.05, max_probes=300)
    assert np.array_equal(labels, tolerant_labels)


def test_tolerant_labels_survive_a_file(net, noisy, tolerant_labels, tmp_path):
    net.save(tmp_path / "net")
    for copy in (fastmem.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        labels = copy.predict(noisy, unknown=-1, tolerance=0.05, max_probes=300)
        assert np.array_equal(labels, tolerant_labels)


def test_a_network_without_hyperplanes_has_none_to_cross():
    with pytest.warns(fastmem.errors.RecognitionWarning, match="one row"):
        net = memorize([[1.0, 2.0]], [5], fingerprint_bits=8)
    assert net.predict([[9.0, 9.0]], unknown=-1, tolerance=100.0).tolist() == [5]


@pytest.mark.parametrize("tolerance", [1e300, np.float32(2.0), 3, np.int64(3)])
def test_a_tolerance_may_be_any_finite_number(net, data, tolerance):
    labels = net.predict(5 * data[0][:200], unknown=-1, tolerance=tolerance, max_probes=50)
    assert np.isin(labels, [-1, 0, 1, 2, 3, 4]).all()


@pytest.mark.parametrize("size", [1e-300, 1e160, 1e200, 1e300])
def test_rows_of_any_size_are_answered_without_a_warning(net, data, size):
    X = size * np.sign(data[0][:50])
    for tolerance in (size / 2, 2 * size, 1e300):
        labels = net.predict(X, unknown=-1, tolerance=tolerance, max_probes=10)
        assert np.isin(labels, [-1, 0, 1, 2, 3, 4]).all()


@pytest.mark.parametrize("exponent", [-700, -100, 100, 600])
def test_tolerant_labels_do_not_depend_on_the_scale(sparse, exponent):
    """Nor do squares of distances that are very small or very large."""
    X, y, net = sparse
    queries = X + 0.2 * np.random.default_rng(20).standard_normal(X.shape)
    scaled = memorize(np.ldexp(X, exponent), y, fingerprint_bits=32, **ALL)
    scaled = by_codes_of_labels(scaled, np.ldexp(X, exponent))
    assert np.array_equal(scaled.codes(np.ldexp(queries, exponent)), net.codes(queries))
    tolerance = float(np.ldexp(0.3, exponent))
    labels = scaled.predict(np.ldexp(queries, exponent), unknown=-1, tolerance=tolerance)
    assert np.array_equal(labels, net.predict(queries, unknown=-1, tolerance=0.3))


# Other labels

RELABELLED = {
    "other labels": lambda rng, n: rng.integers(0, 5, n),
    "two labels": lambda rng, n: rng.integers(0, 2, n),
    "one label": lambda rng, n: np.full(n, 9),
    "rare labels": lambda rng, n: (rng.random(n) < 0.02).astype(int),
    "a label each": lambda rng, n: rng.permutation(n),
    "text": lambda rng, n: rng.choice(["a", "bb", ""], n),
    "objects": lambda rng, n: objects(*[None, (1, 2), "a"] * (n // 3)),
    "floats": lambda rng, n: rng.choice([0.0, -0.0, np.inf], n),
}


@pytest.mark.parametrize("labels", RELABELLED.values(), ids=RELABELLED)
@pytest.mark.parametrize("store", ["binary", "integer"])
def test_the_same_points_take_other_labels(data, labels, store):
    X, y = data
    net = memorize(X, y, store=store, fingerprint_bits=4, **ALL)
    other = labels(np.random.default_rng(12), 3000)
    again = net.relabel(other)
    found = again.predict(X)
    assert found.dtype == other.dtype
    assert list(map(repr, found)) == list(map(repr, other))
    assert again.store.name == store
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize(
    ("n", "options"),
    [(3000, {"effort": "fast"}), (3000, {"effort": "balanced"}), (300, {"effort": "small"}), (300, {"margin": 1e-4})],
    ids=str,
)
@pytest.mark.parametrize("d", [1, 3])
def test_the_points_of_every_network_take_other_labels(n, d, options):
    """Rows of any order, of few and of many hyperplanes, some of which moved after the first codes were taken."""
    rng = np.random.default_rng(d)
    X = rng.permutation(np.unique(rng.integers(0, 2**10, (n, d)) / 4, axis=0))
    net = memorize(X, rng.integers(0, 3, len(X)), **{**ALL, **options})
    y = rng.integers(0, 9, len(X))
    assert np.array_equal(net.relabel(y).predict(X), y)
    assert net.relabel(y) == net.relabel(y, X)


def test_a_relabelled_network_is_the_one_memorized_with_these_labels(data):
    X, y = data
    other = np.random.default_rng(13).choice(["a", "b"], 3000)
    net = memorize(X, y, fingerprint_bits=8, **ALL).relabel(other)
    assert net == memorize(X, other, fingerprint_bits=8, **ALL)


def test_a_relabelled_network_keeps_hyperplanes_and_fingerprints(net, data):
    again = net.relabel(np.arange(3000))
    far = -9 * data[0]
    assert np.array_equal(again.codes(far), net.codes(far))
    assert again.fingerprint_bits == net.fingerprint_bits
    assert np.array_equal(again.contains(far), net.contains(far))
    assert np.array_equal(again.certified_radius(far), net.certified_radius(far))
    assert np.array_equal(again.predict(data[0], unknown=-1), np.arange(3000))


def test_a_relabelled_network_can_be_relabelled_saved_and_pickled(net, data, tmp_path):
    again = net.relabel(np.arange(3000)).relabel(data[1])
    assert again == net
    again.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == pickle.loads(pickle.dumps(again)) == net


def test_relabelling_runs_through_every_unit(net, data):
    y = np.random.default_rng(14).integers(0, 3, 3000)
    again = net.relabel(y)
    assert np.array_equal(again.forward(data[0][:500]), y[:500])


def test_relabelling_does_not_depend_on_threads(net, data):
    y = np.arange(3000) % 7
    assert net.relabel(y, data[0], n_threads=1) == net.relabel(y, data[0], n_threads=2) == net.relabel(y)


def test_equal_rows_take_one_label():
    X = np.repeat(np.random.default_rng(15).standard_normal((300, 3)), 2, axis=0)
    net = memorize(X, np.repeat(np.arange(300) % 3, 2), **ALL)
    y = np.repeat(np.arange(300) % 5, 2)
    assert np.array_equal(net.relabel(y).predict(X), y)


def test_equal_rows_with_different_new_labels_are_named():
    X = np.random.default_rng(16).standard_normal((100, 3))
    X[70], X[90] = X[20], X[20]
    net = memorize(X, np.zeros(100), **ALL)
    y = np.zeros(100, int)
    y[70] = 1
    with pytest.raises(ContradictoryLabels, match=r"rows 20 \(0\) and 70 \(1\)") as caught:
        net.relabel(y)
    assert caught.value.rows == [(20, 70)]


def test_a_network_of_points_told_apart_by_label_takes_no_other_labels(data):
    net = memorize(*data, random_state=0)
    assert 'separate="all"' in refusal(net.relabel, data[1])
    assert 'separate="all"' in refusal(net.relabel, data[1], data[0])


def copies(net, tmp_path):
    net.save(tmp_path / "net")
    return fastmem.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))


def test_a_copy_needs_the_points(net, data, tmp_path):
    y = np.arange(3000) % 4
    for copy in copies(net, tmp_path):
        assert "points" in refusal(copy.relabel, y)
        again = copy.relabel(y, data[0])
        assert np.array_equal(again.predict(data[0]), y)
        assert again == net.relabel(y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_points_may_be_given_in_another_order(dtype, tmp_path):
    rng = np.random.default_rng(17)
    X, y = rng.standard_normal((500, 4)).astype(dtype), rng.integers(0, 9, 500)
    net = memorize(X, np.zeros(500), **ALL)
    order = rng.permutation(500)
    for one in (net, *copies(net, tmp_path)):
        assert np.array_equal(one.relabel(y[order], X[order]).predict(X), y)


def test_a_relabelled_copy_needs_no_points_again(net, data, tmp_path):
    y = np.arange(3000) % 4
    again = copies(net, tmp_path)[0].relabel(y, data[0]).relabel(y + 1)
    assert np.array_equal(again.predict(data[0]), y + 1)


def test_other_points_are_refused(net, data, tmp_path):
    X, y = data
    repeated = X.copy()
    repeated[1] = repeated[0]
    for one in (net, *copies(net, tmp_path)):
        assert "2999 rows" in refusal(one.relabel, y, X[:-1])
        assert "columns" in refusal(one.relabel, y, X[:, :-1])
        assert "memorized" in refusal(one.relabel, y, repeated)
        assert "memorized" in refusal(one.relabel, y, 1e-3 * X)


def test_other_points_in_as_many_cells_are_refused():
    rng = np.random.default_rng(21)
    X = rng.standard_normal((6, 4))
    net = memorize(X, np.arange(6), fingerprint_bits=32, **ALL)
    pool = 3 * rng.standard_normal((1000, 4))
    pool = pool[~net.contains(pool)]
    other = pool[np.unique(net.codes(pool), return_index=True)[1]][:6]
    other = np.concatenate([other, X])[:6]
    assert "memorized" in refusal(net.relabel, np.arange(6), other)


@pytest.mark.parametrize("n", [0, 1, 2999, 3001])
def test_another_number_of_labels_is_refused(net, data, n):
    assert "y has" in refusal(net.relabel, np.zeros(n))
    assert "y has" in refusal(net.relabel, np.zeros(n), data[0])


@pytest.mark.parametrize("y", [np.full(3000, np.nan), np.zeros((3000, 2, 1)), np.full(3000, np.datetime64("NaT", "D"))])
def test_labels_that_memorize_refuses_are_refused(net, y):
    assert "y" in refusal(net.relabel, y)


def test_relabelling_falls_back_to_the_integer_store_and_returns():
    """A binary store of no class takes no cells; of few points with two it takes too many."""
    X = np.random.default_rng(18).standard_normal((20, 3))
    net = memorize(X, np.zeros(20), **ALL)
    assert (net.store.name, net.store_reason) == ("binary", "")
    two = net.relabel(np.arange(20) % 2)
    assert two.store.name == "integer"
    assert two.store_reason
    again = two.relabel(np.zeros(20))
    assert (again.store.name, again.store_reason) == ("binary", "")
    assert again == net


def test_a_fallback_is_known_to_a_copy(tmp_path):
    X = np.random.default_rng(19).standard_normal((20, 3))
    net = memorize(X, np.arange(20) % 2, **ALL)
    assert net.store_reason
    for copy in copies(net, tmp_path):
        assert copy.relabel(np.zeros(20), X).store.name == "binary"


def test_an_integer_store_that_was_asked_for_stays(data):
    net = memorize(*data, store="integer", **ALL).relabel(data[1] % 2)
    assert (net.store.name, net.store_reason) == ("integer", "")


def test_relabelling_verifies(net, monkeypatch):
    lookup = type(net.store).lookup
    monkeypatch.setattr(type(net.store), "lookup", lambda self, codes: 1 - lookup(self, codes))
    with pytest.raises(MemorizationError, match="3000 of 3000 rows"):
        net.relabel(np.arange(3000) % 2)


def test_relabelling_shows_progress(net, data, capsys):
    net.relabel(data[1], data[0], progress=True)
    assert "encoding" in capsys.readouterr().err
    net.relabel(data[1], data[0])
    assert capsys.readouterr().err == ""
