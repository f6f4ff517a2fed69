"""What a network with fingerprints knows: what it memorized, little else, and what it says of that."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from oracles import naive
from oracles.format_reader import Saved
from sklearn.datasets import load_digits
from support.examples import examples
from support.saved import cuts_network, filtering_network, known_by_all_columns, random_network

import fastmem
from fastmem import InvalidInput, RecognitionWarning, memorize
from fastmem.hyperplanes.recognition import hashes_of

ALL = {"separate": "all", "random_state": 0}


def gaussian(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


# What other inputs are taken for


@pytest.mark.parametrize(
    ("n", "d", "f", "options"),
    [
        (1000, 64, 8, {}),
        (1000, 64, 8, {"columns": "all"}),
        (1000, 8, 8, {}),
        (100, 64, 6, {}),
        (10, 8, 5, {}),
        (1000, 64, 6, {"separate": "labels"}),
        (300, 130, 8, {}),
        (2500, 3, 4, {}),
    ],
)
def test_fresh_points_of_the_same_law_are_known_no_more_often_than_asked_for(n, d, f, options):
    X, fresh = gaussian(n, d), gaussian(50_000, d, seed=1)
    net = memorize(X, np.arange(n) % 3, fingerprint_bits=f, **ALL | options)
    measured = net.report().recognition
    assert measured["is_reached"]
    assert net.contains(X).all()
    known = net.contains(fresh).mean()
    assert known <= 2.2 * 2.0**-f
    assert known <= 4 * measured["at_most"] + 1.3 * 2.0**-f


def circle(n, seed=0):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def moons(n, seed=0):
    rng = np.random.default_rng(seed)
    x, y = circle(n, seed=rng).T
    other = rng.integers(0, 2, n)
    return np.column_stack([x + other, np.where(other, 0.5 - abs(y), abs(y))]) + 0.05 * rng.standard_normal((n, 2))


CURVED = {
    "the line": lambda n, seed=0: gaussian(n, 1, seed),
    "the plane": lambda n, seed=0: gaussian(n, 2, seed),
    "a circle": circle,
    "moons": moons,
}


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("draw", CURVED.values(), ids=CURVED)
def test_in_the_plane_and_on_curves_what_is_not_reached_is_said_and_how_often_fresh_points_are_known(
    draw, on_disk, tmp_path
):
    X, fresh = draw(300), draw(50_000, seed=1)
    with pytest.warns(RecognitionWarning):
        net = memorize(X, np.arange(300) % 3, fingerprint_bits=16, **ALL | ({"scratch": tmp_path} if on_disk else {}))
    measured = net.report().recognition
    assert not measured["is_reached"]
    assert net.contains(fresh).mean() <= measured["at_most"] + 2.0**-16


def test_in_the_plane_few_bits_are_reached():
    net = memorize(gaussian(1000, 2), np.arange(1000) % 3, fingerprint_bits=6, **ALL)
    assert net.report().recognition["is_reached"]
    assert net.contains(gaussian(50_000, 2, seed=1)).mean() <= 2.2 * 2.0**-6


def test_digits_that_were_held_out_are_unknown():
    X = np.random.default_rng(1).permutation(load_digits().data)
    net = memorize(X[:1000], np.arange(1000) % 10, fingerprint_bits=16, **ALL)
    assert not net.contains(X[1000:]).any()


def test_further_hyperplanes_change_no_answer_but_what_is_known():
    X, fresh = gaussian(500, 40), gaussian(500, 40, seed=1)
    net = memorize(X, np.arange(500) % 3, fingerprint_bits=12, **ALL)
    plain = memorize(X, np.arange(500) % 3, **ALL)
    assert net.n_recognition_hyperplanes > 0
    assert np.array_equal(net.hyperplanes.weights, plain.hyperplanes.weights)
    for method in ("predict", "forward", "codes", "certified_radius"):
        for rows in (X, fresh):
            assert np.array_equal(getattr(net, method)(rows), getattr(plain, method)(rows))
    other = np.arange(500) % 7
    assert np.array_equal(net.relabel(other).predict(X, unknown=-1), other)
    assert np.array_equal(net.relabel(other).contains(fresh), net.contains(fresh))


def test_labels_are_read_from_few_columns_and_all_tell_what_is_known():
    X = gaussian(400, 64)
    net = memorize(X, np.arange(400) % 7, fingerprint_bits=16, **ALL)
    assert len(net.columns) < 64
    for column in range(64):
        moved = X.copy()
        moved[:, column] += 30
        assert net.contains(moved).mean() < 0.9
    moved[:] = np.nan
    moved[:, net.columns] = X[:, net.columns]
    assert np.array_equal(net.predict(moved), net.predict(X))
    assert np.array_equal(net.forward(moved), net.predict(X))
    with pytest.raises(InvalidInput, match=r"X\[0, \d+\] is nan"):
        net.contains(moved)


def test_columns_that_never_vary_tell_what_is_known():
    X = np.concatenate([gaussian(400, 6), np.full((400, 3), 7.0)], axis=1)
    net = memorize(X, np.arange(400) % 7, fingerprint_bits=16, **ALL)
    for column in (6, 7, 8):
        moved = X.copy()
        moved[:, column] += 5
        assert net.contains(moved).mean() < 0.05


def test_columns_that_are_not_asked_for_tell_nothing():
    X = gaussian(400, 30)
    net = memorize(X, np.arange(400) % 7, columns=range(10), fingerprint_bits=12, **ALL)
    X[:, 10:] = np.nan
    assert net.contains(X).all()


@pytest.mark.parametrize("margin", [0.002, 0.01])
def test_noise_within_the_margin_makes_no_row_unknown(margin):
    X = gaussian(100, 40).astype(np.float64)
    net = memorize(X, np.arange(100) % 3, margin=margin, fingerprint_bits=6, **ALL)
    assert net.n_recognition_hyperplanes > 0
    step = gaussian(100, 40, seed=1).astype(np.float64)
    step *= 0.99 * margin / np.linalg.norm(step, axis=1, keepdims=True)
    assert net.contains(X + step).all()


def test_networks_are_the_same_for_every_number_of_threads_and_layout():
    X = gaussian(3000, 8)
    net = memorize(X, np.arange(3000) % 3, fingerprint_bits=10, **ALL)
    assert memorize(np.asfortranarray(X), np.arange(3000) % 3, fingerprint_bits=10, n_threads=2, **ALL) == net


# Rows that must stay unknown


def test_rows_that_must_stay_unknown_do():
    X = gaussian(200, 6).astype(np.float64)
    rng = np.random.default_rng(3)
    near = [X + 10.0**-k * rng.standard_normal(X.shape) for k in (1, 3, 9, 15)]
    near.append(np.nextafter(X, np.inf))
    negatives = np.concatenate([*near, gaussian(3000, 6, seed=4)])
    for options in ({}, {"separate": "labels"}, {"recognise": "rows"}, {"fingerprint_bits": 1}):
        net = memorize(X, np.arange(200) % 2, negatives=negatives, **ALL | {"fingerprint_bits": 8} | options)
        assert net.contains(X).all()
        assert not net.contains(negatives).any()
        assert np.array_equal(net.predict(X, unknown=-1), np.arange(200) % 2)


def test_what_passes_is_measured_on_the_rows_that_must_stay_unknown():
    X, negatives = gaussian(50, 20), gaussian(2000, 20, seed=1)
    net = memorize(X, np.arange(50) % 2, negatives=negatives, fingerprint_bits=8, **ALL)
    measured = net.report().recognition
    assert (measured["by"], measured["rows"]) == ("negatives", 2000)
    assert net.contains(gaussian(20_000, 20, seed=2)).mean() < 2.2 * 2.0**-8


def test_a_single_row_is_known_beside_rows_that_must_stay_unknown():
    negatives = gaussian(500, 5)
    net = memorize(np.ones((1, 5), np.float32), ["a"], negatives=negatives, fingerprint_bits=8, random_state=0)
    assert net.contains(np.ones((1, 5))).all()
    assert not net.contains(negatives).any()


def test_a_row_that_is_memorized_cannot_stay_unknown():
    X = gaussian(30, 3)
    for dtype in (np.float32, np.float64):
        with pytest.raises(InvalidInput, match=r"negatives\[1\] equals X\[7\]"):
            memorize(X, np.arange(30) % 2, negatives=np.array([X[3] + 1, X[7]], dtype), fingerprint_bits=8)


@pytest.mark.parametrize(
    ("negatives", "message"),
    [
        ([[1.0, 2.0]], "negatives has 2 columns"),
        ([[np.nan, 0, 0]], r"negatives\[0, 0\] is nan"),
        ([["a", "b", "c"]], "numbers"),
        (3, "two-dimensional"),
    ],
)
def test_rows_that_are_no_points_cannot_stay_unknown(negatives, message):
    with pytest.raises(InvalidInput, match=message):
        memorize(gaussian(30, 3), np.arange(30) % 2, negatives=negatives, fingerprint_bits=8)


def test_no_rows_need_stay_unknown():
    X = gaussian(30, 3)
    assert memorize(X, np.arange(30), negatives=X[:0], fingerprint_bits=4, **ALL) == memorize(
        X, np.arange(30), fingerprint_bits=4, **ALL
    )


# Rows known by their numbers


@examples(100)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]), arrays.array_shapes(min_dims=2, max_dims=2, max_side=7),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    st.sampled_from([1, 2]),
)  # fmt: skip
def test_hashes_are_those_of_their_definition(X, step):
    expected = [h >> 2 for h in naive.hash_values(X[:, ::step])]
    assert hashes_of(X[:, ::step]).tolist() == expected
    assert hashes_of(X[:, ::step].astype(np.float64)).tolist() == expected


def test_equal_numbers_are_known_and_no_others():
    X = np.round(64 * gaussian(500, 5)) / 64  # numbers that half precision holds
    X[0] = 0
    net = memorize(X, np.arange(500) % 3, fingerprint_bits=32, recognise="rows", random_state=0)
    for same in (X, X.astype(np.float64), X.astype(np.float16), np.asfortranarray(X), X + 0.0, X.tolist()):
        assert net.contains(same).all()
    assert net.contains(-X[:1]).all()
    for column in range(5):
        moved = X.copy()
        moved[:, column] = np.nextafter(moved[:, column], np.float32(np.inf))
        assert not net.contains(moved).any()
    assert net.recognise_by == "rows"
    assert np.array_equal(net.forward(X), np.arange(500) % 3)


def test_a_share_of_2_to_the_minus_f_of_other_rows_passes_where_rows_are_known():
    net = memorize(gaussian(2000, 2), np.arange(2000) % 3, fingerprint_bits=6, recognise="rows", random_state=0)
    assert 0.8 < net.contains(gaussian(100_000, 2, seed=1)).mean() * 2**6 < 1.2


@pytest.mark.parametrize("export", ["to_onnx", "to_torch", "to_c"])
def test_a_hash_is_no_unit_that_is_exported(export, tmp_path):
    if export != "to_c":
        pytest.importorskip(export.removeprefix("to_"))
    net = random_network(fingerprint_bits=8, recognise="rows")
    with pytest.raises(InvalidInput, match='recognise="cells"'):
        getattr(net, export)(*([] if export == "to_torch" else [tmp_path / "net"]), form="layers")


def test_rows_too_near_a_hyperplane_are_found_where_rows_are_known_by_more_columns():
    net = known_by_all_columns(recognise="rows")
    hyperplanes, X = net.hyperplanes_read, gaussian(2, net.n_features_in).astype(float)
    w = hyperplanes.weights[0].astype(float)
    X[1, net.columns] = w * (hyperplanes.thresholds[0] / (w @ w))
    assert net.unsafe_rows(X, "float32").tolist() == [1]


@pytest.mark.parametrize("kind", ["linear code", "rows, few columns"])
def test_compiled_code_knows_what_the_network_knows(kind):
    pytest.importorskip("numba")
    net = NETWORKS[kind]()
    X = gaussian(2000, net.n_features_in, seed=8)
    many = net.jit(unknown=-1)[1]
    assert np.array_equal(many(X, np.empty(2000, np.int64)), net.predict(X, unknown=-1))


# Files

NETWORKS = {
    "cells": lambda: random_network(n=60, d=5, fingerprint_bits=4, separate="all"),
    "linear code": lambda: random_network(n=60, d=5, fingerprint_bits=20, separate="all"),
    "cuts": cuts_network,
    "few columns": known_by_all_columns,
    "asked columns": lambda: random_network(n=60, d=24, columns=[3, 5, 6, 20], fingerprint_bits=4),
    "filter": filtering_network,
    "rows": lambda: random_network(n=60, d=5, fingerprint_bits=4, recognise="rows"),
    "rows, few columns": lambda: known_by_all_columns(recognise="rows"),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_files_say_what_is_known(kind):
    net = NETWORKS[kind]()
    data = net.to_bytes()
    again = fastmem.from_bytes(data)
    assert again == net == pickle.loads(pickle.dumps(net))
    assert again.to_bytes() == data
    assert str(again.report()) == str(net.report())
    X = gaussian(40, net.n_features_in, seed=8)
    assert Saved(data).contains(X) == net.contains(X).tolist() == again.contains(X).tolist()
    assert np.array_equal(again.predict(X, unknown=None if net.classes.dtype == object else -1),
                          net.predict(X, unknown=None if net.classes.dtype == object else -1))  # fmt: skip


# What is said


def test_the_report_says_what_was_measured():
    net = memorize(gaussian(1000, 16), np.arange(1000) % 3, fingerprint_bits=8, **ALL)
    report = net.report()
    assert (report.recognise, report.fingerprint_bits) == ("cells", 8)
    assert report.n_recognition_hyperplanes == net.n_recognition_hyperplanes > 0
    measured = report.recognition
    assert 0 < measured["rate"] <= measured["at_most"] <= 2.0**-8
    assert measured["kinds"]["rows moved by 0.1 neighbour distances"] > measured["kinds"]["Gaussian inputs"]
    text = str(report)
    assert f"{net.n_recognition_hyperplanes} more hyperplanes: of 1,000 rows held out at most 2^-" in text
    assert "mixtures of two rows 2^-" in text
    assert f"{net.n_recognition_hyperplanes} for recognition, 8-bit fingerprints" in repr(net)
    assert fastmem.from_bytes(net.to_bytes()).report() == report


def test_rates_that_are_not_reached_are_said():
    X = gaussian(500, 2)
    with pytest.warns(RecognitionWarning, match=r"asks that no more than 2\^-32 .* recognise=\"rows\"") as caught:
        net = memorize(X, np.arange(500) % 2, fingerprint_bits=32, **ALL)
    assert caught[0].filename == __file__
    assert not net.report().recognition["is_reached"]
    assert "2^-32 was asked for and not reached" in str(net.report())
    with pytest.warns(RecognitionWarning, match="all of one row"):
        memorize([[1.0, 2.0]] * 3, ["a"] * 3, fingerprint_bits=8)


def test_the_report_of_rows_says_that_others_are_others():
    text = str(random_network(fingerprint_bits=9, recognise="rows").report())
    assert "of other rows 2^-9 pass, however near; this is no threshold unit" in text
