"""MemorizingRegressor is a scikit-learn regressor that returns the targets of its training set bit for bit."""

import decimal
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from support.partners import partner

import fastmem
from fastmem import ContradictoryLabels, InvalidInput, MarginNotReached, MemorizingRegressor

BIG = 2**53
KNOWS = {"separate": "all", "fingerprint_bits": 20, "random_state": 0}
FAR = 100.0 * np.random.default_rng(1).standard_normal((50, 4))


def data(n=200, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


def is_bit_for_bit(predicted, y):
    return predicted.dtype == y.dtype and predicted.shape == y.shape and predicted.tobytes() == y.tobytes()


# What scikit-learn asks of an estimator


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"on_contradiction": "mean", "effort": "fast"},
        {"store": "integer", "separate": "all", "effort": "fast", "fingerprint_bits": 8, "unknown": np.nan},
        {"separate": "all", "fingerprint_bits": 8, "recognise": "rows"},
    ],
    ids=str,
)
def test_all_of_scikit_learns_checks_pass(options):
    results = check_estimator(MemorizingRegressor(**options), on_skip=None, on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")] == []
    assert sum(r["status"] == "passed" for r in results) >= 47


def test_parameters_are_kept_as_given_and_cloned():
    options = {
        "construction": "compact",
        "store": "integer",
        "separate": "all",
        "effort": "small",
        "columns": "all",
        "margin": 1e-3,
        "fingerprint_bits": 8,
        "recognise": "rows",
        "negatives": [[1.0, 2.0]],
        "delta": 0.5,
        "construction_options": {"form": "theorem"},
        "unknown": -1.5,
        "tolerance": 0.25,
        "max_probes": 10,
        "on_contradiction": "mean",
        "random_state": 7,
        "verify": False,
        "n_threads": 1,
        "progress": True,
    }
    reg = MemorizingRegressor(**options)
    assert reg.get_params() == clone(reg).get_params() == options
    assert MemorizingRegressor().set_params(**options).get_params() == options
    assert np.isnan(clone(MemorizingRegressor(unknown=np.nan)).unknown)
    assert "unknown=nan" in repr(MemorizingRegressor(unknown=np.nan))
    assert is_regressor(reg)
    with pytest.raises(TypeError):
        MemorizingRegressor("integer")


@pytest.mark.parametrize("targets", ["natural", "random"])
@pytest.mark.parametrize("on_contradiction", ["raise", "mean"])
def test_a_pipeline_scores_one_on_its_training_set(targets, on_contradiction):
    X, y = load_diabetes(return_X_y=True)
    if targets == "random":
        y = np.random.default_rng(0).permutation(y) + np.random.default_rng(1).random(len(y))
    model = make_pipeline(StandardScaler(), MemorizingRegressor(on_contradiction=on_contradiction, random_state=0))
    model.fit(X, y)
    assert is_bit_for_bit(model.predict(X), y)
    assert model.score(X, y) == 1.0
    assert model[-1].n_averaged_ == 0


def test_grid_search_tries_options_and_refits_an_exact_network():
    X, y = data(60)
    grid = {"store": ["binary", "integer"], "separate": ["labels", "all"], "fingerprint_bits": [0, 8]}
    search = GridSearchCV(MemorizingRegressor(random_state=0), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert is_bit_for_bit(search.predict(X), y)


def test_cross_validation_predicts_memorized_targets_for_rows_never_seen():
    X, y = data()
    held_out = cross_val_predict(MemorizingRegressor(random_state=0), X, y, cv=3)
    assert set(held_out.tolist()) <= set(y.tolist())


def test_targets_may_be_transformed_first():
    X, y = data()
    model = TransformedTargetRegressor(MemorizingRegressor(random_state=0), transformer=StandardScaler()).fit(X, y)
    assert np.allclose(model.predict(X), y, rtol=1e-12)


@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_a_fitted_regressor_survives_being_stored(how, tmp_path):
    X, y = data()
    reg = MemorizingRegressor(unknown=np.nan, **KNOWS).fit(X, y)
    path = tmp_path / "regressor"
    if how == "pickle":
        path.write_bytes(pickle.dumps(reg))
        copy = pickle.loads(path.read_bytes())
    else:
        joblib.dump(reg, path)
        copy = joblib.load(path)
    assert copy.network_ == reg.network_
    assert is_bit_for_bit(copy.predict(X), y)
    assert np.array_equal(copy.predict(FAR), reg.predict(FAR), equal_nan=True)


def test_prediction_before_fitting_is_refused():
    with pytest.raises(NotFittedError):
        MemorizingRegressor().predict([[0.0]])


# Exactness


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
@pytest.mark.parametrize("shape", [(200,), (200, 1), (200, 3)], ids=str)
def test_targets_come_back_bit_for_bit_in_their_dtype_and_shape(dtype, shape):
    X, _ = data()
    y = np.random.default_rng(5).standard_normal(shape).astype(dtype)
    reg = MemorizingRegressor(random_state=0).fit(X, y)
    assert is_bit_for_bit(reg.predict(X), y)
    assert reg.score(X, y) == 1.0
    assert reg.network_ == fastmem.memorize(X, y, random_state=0)


def test_every_finite_float_is_a_target():
    limits = np.finfo(np.float64)
    y = np.array(
        [0.0, -0.0, limits.max, limits.min, limits.tiny, -limits.smallest_subnormal, 0.1, np.nextafter(0.1, 1)]
    )
    X = np.random.default_rng(0).standard_normal((len(y), 3))
    assert is_bit_for_bit(MemorizingRegressor(random_state=0).fit(X, y).predict(X), y)


@pytest.mark.parametrize("construction", ["compact", "rajput2021", "baum1988"])
def test_every_construction_memorizes_targets(construction):
    X, y = data(40)
    reg = MemorizingRegressor(construction=construction, random_state=3).fit(X, y)
    assert is_bit_for_bit(reg.predict(X), y)
    assert reg.network_ == fastmem.memorize(X, y, construction=construction, random_state=3)


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, -1, BIG, -BIG]),
        np.array([0, 7, 2**63, 2**60 + 2**20], np.uint64),
        np.array([3, -1, 2, 2], np.int8),
        np.array([True, False, True, True]),
        [1, 2, 3, 4],
        [1, 2.5, True, -0.0],
        np.array([1, 2.5, decimal.Decimal("0.5"), np.float32(0.1)], object),
        [[1, 2], [3, 4], [5, 6], [1, 2.5]],
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}-{y}",
)
def test_numbers_that_float64_holds_become_float64(y):
    predicted = MemorizingRegressor(random_state=0).fit(np.eye(4), y).predict(np.eye(4))
    assert predicted.dtype == np.float64
    assert predicted.tolist() == np.asarray(y).tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.5, np.nan, 2.5, np.nan], r"y\[1\] is nan \(2 such targets\).*drop such rows"),
        ([1.5, 0.5, np.inf, 2.5], r"y\[2\] is inf"),
        (np.array([1.5, 0.5, 2.5, -np.inf], np.float32), r"y\[3\] is -inf"),
        ([[1, 2], [1, np.nan], [1, 2], [3, 4]], r"y\[1, 1\] is nan"),
        (np.array([1, None, 2, 3], object), r"y\[1\] is None, which is no number"),
        (np.array([1, 2, np.nan, 3], object), r"y\[2\] is nan"),
        ([1, BIG + 1, 2, 3], r"y\[1\] is 9007199254740993, which float64 does not hold.*MemorizingClassifier"),
        ([0.5, 1, BIG + 1, 2], r"y\[2\] is 9007199254740993, which float64 does not hold"),
        (np.array([1, 2, 3, 2**64 - 1], np.uint64), r"y\[3\] is 18446744073709551615"),
        (np.array([1, 2, 3, -(2**63) + 1]), r"y\[3\] is -9223372036854775807"),
        (np.array([[1, 2], [2, 3], [BIG + 1, 0], [1, 1]]), r"y\[2, 0\] is 9007199254740993"),
        (np.array([1, decimal.Decimal("0.1"), 2, 3], object), r"y\[1\] is Decimal\('0.1'\), which float64 does not"),
        (np.array([1, 10**400, 2, 3], object), r"y\[1\] is 1000"),
        (np.array([1, "2", 3, 4], object), r"y\[1\] is '2', which is no number"),
        (["1", "2", "3", "4"], "dtype <U1, but targets are real numbers"),
        (np.array(["2020", "2021", "2022", "2023"], "M8[Y]"), "dtype datetime64"),
        ([1j, 2.0, 3.0, 4.0], "Complex data not supported.*np.stack"),
        (np.ma.masked_array([0.5, 1, 2, 3], [False, True, False, False]), "masked entries, the first in row 1"),
        (np.array([1, 2, 3, 4], np.longdouble), "long double"),
        ([0.5, 1.5, 2.5], "inconsistent"),
        ((value for value in range(4)), r"list\(y\)"),
        (np.zeros((4, 2, 2)), "dim 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_targets_that_are_not_exact_finite_numbers_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        MemorizingRegressor().fit(np.eye(4), y)


def test_points_are_taken_as_the_caller_gave_them():
    with pytest.raises(InvalidInput, match=r"X\[0, 0\] is 9007199254740993"):
        MemorizingRegressor().fit([[BIG + 1, 0.5], [BIG, 0.5]], [0.5, 1.5])
    X = np.array([[1.0], [np.nextafter(1.0, 2.0)]])
    assert MemorizingRegressor(random_state=0).fit(X, [0.5, 1.5]).predict(X).tolist() == [0.5, 1.5]


# Rows that the network does not know


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_are_not_recognised_are_nan(dtype):
    X, y = data()
    y = y.astype(dtype)
    reg = MemorizingRegressor(unknown=np.nan, **KNOWS).fit(X, y)
    assert is_bit_for_bit(reg.predict(X), y)
    predicted = reg.predict(FAR)
    assert predicted.dtype == dtype
    assert np.array_equal(np.isnan(predicted), ~reg.network_.contains(FAR))
    assert np.isnan(predicted).any()
    assert set(predicted[~np.isnan(predicted)]) <= set(y)


def test_the_unknown_value_of_vectors_is_one_for_all_or_one_each():
    X, y = data()
    y = np.stack([y, -y], axis=1)
    for unknown, row in ((np.nan, [np.nan, np.nan]), ([0.5, -1], [0.5, -1]), (np.array([7.0, np.nan]), [7, np.nan])):
        reg = clone(MemorizingRegressor(unknown=unknown, **KNOWS)).fit(X, y)
        predicted = reg.predict(FAR)
        assert is_bit_for_bit(reg.predict(X), y)
        is_unknown = ~reg.network_.contains(FAR)
        assert is_unknown.any()
        assert np.array_equal(predicted[is_unknown], [row] * is_unknown.sum(), equal_nan=True)


def test_an_unknown_value_that_the_dtype_does_not_hold_makes_it_wider_and_changes_no_target():
    X, y = data()
    y = y.astype(np.float32)
    for unknown, dtype in ((0.1, np.float64), (0.5, np.float32), (-1, np.float32)):
        predicted = MemorizingRegressor(unknown=unknown, **KNOWS).fit(X, y).predict(np.vstack([X, FAR]))
        assert predicted.dtype == dtype
        assert np.array_equal(predicted[: len(X)], y)
        assert unknown in predicted


def test_without_an_unknown_value_every_row_gets_a_memorized_target():
    X, y = data()
    reg = MemorizingRegressor(**KNOWS).fit(X, y)
    assert set(reg.predict(FAR)) <= set(y)
    assert np.isnan(reg.set_params(unknown=np.nan).predict(FAR)).any()


def test_the_score_refuses_an_unknown_value_of_nan_and_takes_a_number():
    X, y = data()
    reg = MemorizingRegressor(unknown=np.nan, **KNOWS).fit(X, y)
    assert reg.score(X, y) == 1.0
    with pytest.raises(ValueError, match="NaN"):
        reg.score(np.vstack([X, FAR]), np.append(y, np.full(len(FAR), 0.5)))
    is_known = reg.network_.contains(FAR)
    reg.set_params(unknown=0.5)
    assert reg.score(np.vstack([X, FAR[~is_known]]), np.append(y, np.full((~is_known).sum(), 0.5))) == 1.0


def test_negatives_stay_unknown_and_rows_known_by_their_values_are_known_alone():
    X, y = data()
    near = np.nextafter(X, np.inf)
    for options in ({"negatives": near, "fingerprint_bits": 2}, {"recognise": "rows", "fingerprint_bits": 20}):
        reg = MemorizingRegressor(unknown=np.nan, separate="all", random_state=0, **options).fit(X, y)
        assert is_bit_for_bit(reg.predict(X), y)
        assert np.isnan(reg.predict(near)).all()
        assert reg.network_ == fastmem.memorize(X, y, separate="all", random_state=0, **options)


def test_moved_rows_are_known_within_a_tolerance():
    X, y = data()
    moved = X + 1e-2 * np.random.default_rng(2).standard_normal(X.shape)
    options = {"unknown": np.nan, "tolerance": 0.05, "max_probes": 50}
    reg = MemorizingRegressor(**KNOWS, **options).fit(X, y)
    found = reg.predict(moved)
    assert np.array_equal(found, reg.network_.predict(moved, **options), equal_nan=True)
    assert np.isnan(found).sum() < np.isnan(reg.set_params(tolerance=0.0).predict(moved)).sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unknown": np.nan}, r"unknown=nan needs fingerprints .* fingerprint_bits=16"),
        ({"unknown": "none", "fingerprint_bits": 16}, "unknown must be a number that float64 holds, not 'none'"),
        ({"unknown": 1j, "fingerprint_bits": 16}, "unknown must be a number"),
        ({"unknown": np.longdouble(1), "fingerprint_bits": 16}, "unknown must be a number"),
        ({"unknown": [1.0, 2.0], "fingerprint_bits": 16}, "unknown must be a number"),
        ({"unknown": BIG + 1, "fingerprint_bits": 16}, "cannot stand among labels"),
        ({"tolerance": 0.5}, "say with unknown"),
        ({"recognise": "rows"}, "is about fingerprints: add fingerprint_bits=16"),
        ({"recognise": "rows", "fingerprint_bits": 8, "unknown": 0.0, "tolerance": 0.1}, "no tolerance"),
        ({"tolerance": -1}, "tolerance must be a finite distance"),
        ({"max_probes": 0}, "max_probes must be an integer"),
        ({"on_contradiction": "majority"}, "on_contradiction must be one of 'raise', 'mean'"),
        ({"store": "octal"}, "store must be one of"),
        ({"n_threads": 0}, "n_threads"),
        ({"fingerprint_bits": 8, "unknown": 0.0, "construction": "baum1988"}, "fingerprint_bits=8 is not for"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_when_fitting(options, message):
    with pytest.raises(InvalidInput, match=message):
        MemorizingRegressor(**options).fit(*data(20))


def test_an_unknown_vector_of_another_length_is_refused():
    X, y = data(20)
    with pytest.raises(InvalidInput, match=r"or 2 of them, not \[1, 2, 3\]"):
        MemorizingRegressor(unknown=[1, 2, 3], fingerprint_bits=16).fit(X, np.stack([y, y], axis=1))


def test_a_margin_that_cannot_be_had_is_refused():
    with pytest.raises(MarginNotReached):
        MemorizingRegressor(margin=1.0, random_state=0).fit(*data())


# Contradictions


def test_contradicting_targets_are_refused_by_default():
    with pytest.raises(ContradictoryLabels, match="rows 1 ") as caught:
        MemorizingRegressor().fit([[0, 0], [1, 1], [1, 1]], [0.5, 1.5, 2.5])
    assert caught.value.rows == [(1, 2)]
    with pytest.raises(ContradictoryLabels):
        MemorizingRegressor().fit([[1, 1], [1, 1]], [0.0, -0.0])


@pytest.mark.parametrize("k", [None, 1, 3])
def test_equal_rows_get_their_mean_if_that_is_asked_for(k):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (300, 3))
    y = rng.integers(-8, 8, 300 if k is None else (300, k)) / 4  # whose sums are exact
    reg = MemorizingRegressor(on_contradiction="mean", random_state=0).fit(X, y)
    means = np.array([y[(row == X).all(axis=1)].mean(axis=0) for row in X])
    predicted = reg.predict(X)
    assert np.array_equal(predicted, means)
    assert reg.n_averaged_ == (predicted != y).reshape(300, -1).any(axis=1).sum() > 0
    assert 0 < reg.score(X, y) < 1


def test_a_mean_does_not_overflow_and_rows_that_agree_keep_their_target():
    largest = np.finfo(np.float64).max
    X = [[0], [0], [1], [1], [1], [2], [2]]
    y = [largest, largest / 2, 0.1, 0.1, 0.1, -0.0, -0.0]
    reg = MemorizingRegressor(on_contradiction="mean", random_state=0).fit(X, y)
    predicted = reg.predict([[0], [1], [2]])
    assert predicted.tolist() == [largest / 4 * 3, 0.1, 0.0]
    assert np.signbit(predicted[2])
    assert reg.n_averaged_ == 2


# Real data


def test_three_targets_of_real_rows_come_back():
    X, y = load_linnerud(return_X_y=True)
    reg = MemorizingRegressor(random_state=0).fit(X, y)
    assert is_bit_for_bit(reg.predict(X), y)
    assert len(reg.network_.classes) == len(np.unique(y, axis=0))


def test_rows_of_real_data_held_out_are_told_from_those_memorized():
    X, y = load_diabetes(return_X_y=True)
    reg = MemorizingRegressor(unknown=np.nan, **KNOWS).fit(X[:300], y[:300])
    assert is_bit_for_bit(reg.predict(X[:300]), y[:300])
    assert np.array_equal(np.isnan(reg.predict(X[300:])), ~reg.network_.contains(X[300:]))
    assert np.isnan(reg.predict(X[300:])).mean() > 0.5


# Data frames


@pytest.mark.partner
def test_data_frame_columns_are_named_and_checked():
    pandas = partner("pandas")
    X, y = data()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    reg = MemorizingRegressor(random_state=0).fit(frame, pandas.Series(y))
    assert reg.feature_names_in_.tolist() == list("abcd")
    assert reg.network_ == fastmem.memorize(frame, y, random_state=0)
    assert is_bit_for_bit(reg.predict(frame), y)
    with pytest.raises(ValueError, match="order"):
        reg.predict(frame[list("dcba")])


@pytest.mark.partner
def test_a_frame_of_targets_is_a_vector_for_each_row():
    pandas = partner("pandas")
    X, y = data()
    targets = pandas.DataFrame({"whole": np.arange(len(X)), "half": y.astype(np.float32)})
    predicted = MemorizingRegressor(random_state=0).fit(X, targets).predict(X)
    assert predicted.dtype == np.float64
    assert np.array_equal(predicted, targets.to_numpy(np.float64))


@pytest.mark.partner
@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_targets_of_a_column_that_may_lack_values_are_floats_or_refused(dtype):
    pandas = partner("pandas")
    y = pandas.Series([1, 0, 1], dtype=dtype)
    assert MemorizingRegressor().fit(np.eye(3), y).predict(np.eye(3)).tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(InvalidInput, match=r"y\[1\] is (<NA>|nan)"):
        MemorizingRegressor().fit(np.eye(3), pandas.Series([1, None, 1], dtype=dtype))


# Without scikit-learn


def in_new_process(code):
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_of_fastmem_does_not_import_scikit_learn():
    out = in_new_process("import sys, fastmem; print('sklearn' in sys.modules, 'MemorizingRegressor' in dir(fastmem))")
    assert out.split() == ["False", "True"]


def test_without_scikit_learn_the_error_names_the_regressor_and_the_command():
    out = in_new_process(
        "import sys; sys.modules['sklearn'] = None\n"
        "import fastmem\n"
        "try:\n"
        "    fastmem.MemorizingRegressor\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert "fastmem.MemorizingRegressor needs scikit-learn" in out
    assert 'pip install "fastmem-nn[sklearn]"' in out
