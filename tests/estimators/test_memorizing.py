"""MemorizingClassifier is a scikit-learn classifier, and as exact as the network that it wraps."""

import collections
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from support.partners import partner

import fastmem
from fastmem import ContradictoryLabels, InvalidInput, MarginNotReached, MemorizingClassifier

BIG = 2**53


def data(n=200, d=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(0, classes, n)


def with_equal_rows(n=500, seed=0):
    """Rows that are equal to one another in groups, with labels that contradict."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, (n, 4)), rng.choice(["red", "green", "blue"], n)


# What scikit-learn asks of an estimator


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"on_contradiction": "majority", "effort": "fast"},
        {"store": "integer", "separate": "all", "effort": "fast", "fingerprint_bits": 8, "recognise": "rows"},
    ],
    ids=str,
)
def test_all_of_scikit_learns_checks_pass(options):
    results = check_estimator(MemorizingClassifier(**options), on_skip=None, on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")] == []
    assert sum(r["status"] == "passed" for r in results) >= 50


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
        "unknown": "nobody",
        "tolerance": 0.25,
        "max_probes": 10,
        "on_contradiction": "majority",
        "random_state": 7,
        "verify": False,
        "n_threads": 1,
        "progress": True,
    }
    clf = MemorizingClassifier(**options)
    assert clf.get_params() == clone(clf).get_params() == options
    assert MemorizingClassifier().set_params(**options).get_params() == options
    with pytest.raises(TypeError):
        MemorizingClassifier("integer")


@pytest.mark.parametrize("labels", ["natural", "random"])
@pytest.mark.parametrize("on_contradiction", ["raise", "majority"])
def test_pipeline_scores_one_on_its_training_set(labels, on_contradiction):
    X, y = load_digits(return_X_y=True)
    if labels == "random":
        y = np.random.default_rng(0).permutation(y)
    model = make_pipeline(StandardScaler(), MemorizingClassifier(on_contradiction=on_contradiction, random_state=0))
    model.fit(X, y)
    assert model.score(X, y) == 1.0
    assert np.array_equal(model.predict(X), y)
    assert model[-1].n_outvoted_ == 0


def test_grid_search_tries_options_and_refits_an_exact_network():
    X, y = data(60)
    grid = {"store": ["binary", "integer"], "separate": ["labels", "all"], "effort": ["fast", "balanced"]}
    search = GridSearchCV(MemorizingClassifier(random_state=0), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 8
    assert np.array_equal(search.predict(X), y)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_cross_validation_predicts_rows_never_seen(method):
    X, y = data()
    held_out = cross_val_predict(MemorizingClassifier(random_state=0), X, y, cv=3, method=method)
    assert len(held_out) == len(X)
    assert set(np.unique(held_out)) <= ({0, 1, 2} if method == "predict" else {0.0, 1.0})


def test_fitted_classifier_survives_pickling_under_its_own_module():
    X, y = data()
    clf = MemorizingClassifier(random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(clf))
    assert (type(copy).__module__, type(copy).__qualname__) == ("fastmem.estimators.memorizing", "MemorizingClassifier")
    assert copy.network_ == clf.network_
    assert np.array_equal(copy.predict_proba(X), clf.predict_proba(X))


def test_prediction_before_fitting_is_refused():
    for predict in (MemorizingClassifier().predict, MemorizingClassifier().predict_proba):
        with pytest.raises(NotFittedError):
            predict([[0.0]])


# The network


def test_network_is_the_one_that_memorize_builds():
    X, y = data()
    options = {"store": "integer", "separate": "all", "effort": "fast", "margin": 1e-4, "fingerprint_bits": 4}
    for given in ({}, options):
        net = fastmem.memorize(X, y, random_state=3, **given)
        assert MemorizingClassifier(random_state=3, **given).fit(X, y).network_ == net
        assert MemorizingClassifier(random_state=np.int64(3), n_threads=1, **given).fit(X, y).network_ == net
        majority = MemorizingClassifier(random_state=3, on_contradiction="majority", **given).fit(X, y)
        assert majority.network_ == net


def test_generator_is_drawn_from_as_memorize_does():
    X, y = data()
    net = fastmem.memorize(X, y, random_state=np.random.default_rng(5))
    assert MemorizingClassifier(random_state=np.random.default_rng(5)).fit(X, y).network_ == net


def test_random_states_of_scikit_learn_seed_the_network():
    X, y = data()
    clf = MemorizingClassifier(random_state=np.random.RandomState(1))
    first, second = clf.fit(X, y).network_, clf.fit(X, y).network_
    again = MemorizingClassifier(random_state=np.random.RandomState(1)).fit(X, y).network_
    assert first == again
    assert first != second  # a RandomState goes on, as scikit-learn has it


def test_global_random_state_is_used_without_one():
    X, y = data()
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(1)  # noqa: NPY002
        network = MemorizingClassifier().fit(X, y).network_
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert network == MemorizingClassifier(random_state=np.random.RandomState(1)).fit(X, y).network_


def test_probabilities_are_the_predictions_in_the_order_of_classes():
    X, y = data()
    names = np.array(["red", "green", "blue"])[y]
    clf = MemorizingClassifier(random_state=0).fit(X, names)
    probabilities = clf.predict_proba(X)
    assert clf.classes_.tolist() == ["blue", "green", "red"]
    assert probabilities.dtype == np.float64
    assert np.array_equal(probabilities, names[:, None] == clf.classes_)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2**64 - 1, 0, 2**64 - 2], np.uint64),
        np.array([3, -1, 2], np.int8),
        np.array([True, False, True]),
        np.array([2.0, 1.0, 3.0], np.float32),
        np.array(["b", "a", "ccc"]),
        np.array(["b", "a", "ccc"], object),
        np.array(["2020-01-02", "2020-01-01", "2021-01-01"], "datetime64[D]"),
        np.array([7, 7, 7]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_come_back_in_their_dtype(labels):
    clf = MemorizingClassifier(random_state=0).fit(np.eye(3), labels)
    predicted = clf.predict(np.eye(3))
    assert predicted.dtype == clf.classes_.dtype == labels.dtype
    assert np.array_equal(predicted, labels)
    assert np.array_equal(clf.classes_, np.unique(labels))


def test_negative_zero_is_the_class_zero():
    clf = MemorizingClassifier(random_state=0).fit(np.eye(3), [0.0, -0.0, 1.0])
    assert np.array_equal(clf.classes_, [0.0, 1.0])
    assert np.array_equal(clf.predict(np.eye(3)), [0.0, 0.0, 1.0])


# Exact or loud


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", ">f8"])
def test_points_are_memorized_as_they_are(dtype):
    X = np.array([[1, 2], [1, 3], [2, 2]], dtype)
    clf = MemorizingClassifier(random_state=0).fit(X, [0, 1, 0])
    assert clf.network_ == fastmem.memorize(X, [0, 1, 0], random_state=0)
    assert clf.predict(X).tolist() == clf.predict(X.tolist()).tolist() == [0, 1, 0]


def test_neighbouring_float64_points_are_not_merged():
    X = np.array([[1.0], [np.nextafter(1.0, 2.0)]])
    assert MemorizingClassifier(random_state=0).fit(X, ["a", "b"]).predict(X).tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[BIG + 1], [BIG]]), r"X\[0, 0\] is 9007199254740993"),
        (np.array([[BIG], [BIG + 1]], object), r"X\[1, 0\] is 9007199254740993"),
        ([[BIG + 1, 0.5], [BIG, 0.5]], r"X\[0, 0\] is 9007199254740993"),
        (np.array([["1"], ["2"]], object), "'1', which is not a number"),
        (np.array([["1"], ["2"]]), "bytes/strings"),
        (np.ma.masked_array([[1.0], [2.0]], [[True], [False]]), "masked"),
        (np.array([["2020"], ["2021"]], "datetime64[Y]"), "not numbers"),
        (np.array([[np.nan], [1.0]]), "NaN"),
        (np.array([[np.inf], [1.0]]), "infinity"),
        (np.array([[1j], [1.0]]), "Complex"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_points_that_are_not_exact_numbers_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        MemorizingClassifier().fit(X, [0, 1])
    fitted = MemorizingClassifier().fit(np.zeros((2, np.shape(X)[1])), [0, 0])
    with pytest.raises(ValueError, match=message):
        fitted.predict(X)


def test_sparse_points_are_refused():
    with pytest.raises(TypeError, match="toarray"):
        MemorizingClassifier().fit(csr_array(np.eye(2)), [0, 1])


@pytest.mark.parametrize(
    "y",
    [
        [0.5, 1.0, 2.0],
        [0.0, np.nan, 1.0],
        [0, 1],
        np.eye(3),
        np.ma.masked_array([0, 1, 2], [False, True, False]),
    ],
    ids=str,
)
def test_labels_that_are_no_classes_are_refused(y):
    with pytest.raises(ValueError, match=r"label type|equal itself|inconsistent|1d array|masked"):
        MemorizingClassifier().fit(np.eye(3), y)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("construction", "largest"),
        ("store", "octal"),
        ("separate", "none"),
        ("effort", "huge"),
        ("margin", -1.0),
        ("fingerprint_bits", 33),
        ("recognise", "hashes"),
        ("recognise", "rows"),
        ("negatives", [[0.0] * 4]),
        ("delta", 0.5),
        ("delta", -1),
        ("unknown", -1),
        ("tolerance", 0.5),
        ("tolerance", -1),
        ("max_probes", 0),
        ("progress", "yes"),
        ("on_contradiction", "ignore"),
        ("random_state", "seed"),
        ("random_state", -1),
        ("n_threads", 0),
    ],
)
def test_wrong_parameters_are_refused_when_fitting(option, value):
    clf = MemorizingClassifier(**{option: value})
    with pytest.raises(InvalidInput, match=option):
        clf.fit(*data(20))


def test_margin_that_cannot_be_had_is_refused():
    with pytest.raises(MarginNotReached):
        MemorizingClassifier(margin=1.0, random_state=0).fit(*data())


# Constructions, and rows that the network does not know


@pytest.mark.parametrize("construction", ["compact", "rajput2021", "baum1988"])
def test_every_construction_is_built_as_memorize_builds_it(construction):
    X, y = data(60, classes=2)
    clf = MemorizingClassifier(construction=construction, random_state=3).fit(X, y)
    assert clf.network_ == fastmem.memorize(X, y, construction=construction, random_state=3)
    assert np.array_equal(clf.predict(X), y)


def test_delta_is_what_the_theorem_draws_for():
    X, y = data(20, classes=2)
    clf = MemorizingClassifier(construction="rajput2021", delta=0.01, random_state=0).fit(X, y)
    assert clf.network_.drawn["delta"] == 0.01


class Bars:
    """Stands for tqdm, and counts its bars."""

    asked = 0

    def __init__(self, **_):
        Bars.asked += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n=1):
        pass


def test_progress_is_shown_by_fit_and_by_predict(monkeypatch):
    monkeypatch.setattr(Bars, "asked", 0)
    X, y = data()
    clf = MemorizingClassifier(progress=Bars, random_state=0).fit(X, y)
    of_fit = Bars.asked
    assert of_fit > 0
    assert np.array_equal(clf.predict(X), y)
    assert Bars.asked > of_fit


def test_the_network_is_verified_only_where_that_is_asked_for(monkeypatch):
    X, y = data()
    monkeypatch.setattr(fastmem.EncodedNetwork, "wrong_rows", lambda *_: np.array([5]))
    with pytest.raises(fastmem.MemorizationError):
        MemorizingClassifier(random_state=0).fit(X, y)
    assert np.array_equal(MemorizingClassifier(verify=False, random_state=0).fit(X, y).predict(X), y)


FAR = 100.0 * np.random.default_rng(1).standard_normal((50, 4))
KNOWS = {"separate": "all", "fingerprint_bits": 20, "random_state": 0}
UNKNOWN = {
    "number": (np.arange(200) % 3, -1),
    "NaN": (np.arange(200) % 3, np.nan),
    "number of floats": (np.arange(200) % 3 / 1.0, 0.5),
    "NaN of floats": ((np.arange(200) % 3).astype(np.float32), np.nan),
    "text": (np.array(["a", "b"] * 100), "never seen"),
    "text of variable width": (np.array(["a", "b"] * 100, np.dtypes.StringDType()), "never seen"),
    "date": (np.array(["2026-01-01", "2026-01-02"] * 100, "M8[D]"), np.datetime64("1970-01-01T00:00")),
    "no date": (np.array(["2026-01-01", "2026-01-02"] * 100, "M8[D]"), np.datetime64("NaT")),
    "NaN among objects": (np.array(["a", 1] * 100, object), np.nan),
    "tuple among objects": (np.fromiter([(1, 2), (1, 3)] * 100, object), ()),
    "1.0 among objects": (np.array([1, True] * 100, object), 1.0),
}


@pytest.mark.parametrize(("y", "unknown"), UNKNOWN.values(), ids=UNKNOWN)
def test_rows_that_are_not_recognised_get_the_unknown_label_and_no_class(y, unknown):
    X, _ = data()
    clf = MemorizingClassifier(unknown=unknown, **KNOWS).fit(X, y)
    assert clf.network_ == fastmem.memorize(X, y, **KNOWS)
    assert list(clf.predict(X)) == list(y)
    is_known = clf.network_.contains(FAR)
    assert not is_known.all()
    given = clf.network_.predict(FAR, unknown=unknown)
    assert list(map(repr, clf.predict(FAR).tolist())) == list(map(repr, given.tolist()))
    assert np.array_equal(clf.predict_proba(FAR).sum(axis=1), is_known)
    assert clf.predict_proba(X).sum() == len(X)
    columns = clf.predict_proba(X).argmax(axis=1)
    assert list(map(repr, clf.classes_[columns].tolist())) == list(map(repr, y.tolist()))


@pytest.mark.parametrize(("y", "unknown"), UNKNOWN.values(), ids=UNKNOWN)
def test_the_unknown_label_is_right_only_where_it_is_asked_for(y, unknown):
    X, _ = data()
    clf = MemorizingClassifier(unknown=unknown, **KNOWS).fit(X, y)
    assert clf.score(X, y) == 1.0
    is_known = clf.network_.contains(FAR)
    plain = clf.network_.predict(FAR)
    assert clf.score(FAR, plain) == np.mean(is_known)
    assert clf.score(FAR, clf.predict(FAR)) == 1.0
    assert clf.score(FAR, plain, sample_weight=~is_known) == 0.0


def test_an_unknown_label_that_is_a_class_is_that_class():
    X, y = data()
    for unknown in (0, 0.0, -0.0):
        for labels in (y, y / 1.0):
            clf = MemorizingClassifier(unknown=unknown, **KNOWS).fit(X, labels)
            probabilities = clf.predict_proba(FAR)
            assert np.array_equal(probabilities.sum(axis=1), np.ones(len(FAR)))
            assert probabilities[~clf.network_.contains(FAR), 0].all()


def test_every_row_gets_a_label_unless_an_unknown_one_is_given():
    X, y = data()
    names = np.array([None, "a", "b"], object)[y]
    clf = MemorizingClassifier(**KNOWS).fit(X, names)
    assert set(clf.predict(FAR)) <= {None, "a", "b"}
    assert np.array_equal(clf.predict_proba(FAR).sum(axis=1), np.ones(len(FAR)))
    assert clf.set_params(unknown="?").predict(FAR).tolist().count("?") == (~clf.network_.contains(FAR)).sum()


def test_moved_rows_are_known_within_a_tolerance():
    X, y = data()
    moved = X + 1e-2 * np.random.default_rng(2).standard_normal(X.shape)
    options = {"unknown": -1, "tolerance": 0.05, "max_probes": 50}
    clf = MemorizingClassifier(**KNOWS, **options).fit(X, y)
    found = clf.predict(moved)
    assert np.array_equal(found, clf.network_.predict(moved, **options))
    assert (found == y).sum() > (clf.set_params(tolerance=0.0).predict(moved) == y).sum()


def test_rows_known_by_their_values_are_known_alone_and_have_no_tolerance():
    X, y = data()
    clf = MemorizingClassifier(unknown=-1, recognise="rows", **KNOWS).fit(X, y)
    assert clf.network_ == fastmem.memorize(X, y, recognise="rows", **KNOWS)
    assert np.array_equal(clf.predict(X), y)
    assert clf.predict(np.nextafter(X, np.inf)).tolist() == [-1] * len(X)
    with pytest.raises(InvalidInput, match=r'no tolerance.*recognise="cells"') as caught:
        clone(clf).set_params(tolerance=0.1).fit(X, y)
    assert caught.value.in_python == 'recognise="cells"'


def test_negatives_stay_unknown():
    X, y = data()
    near = np.nextafter(X, np.inf)
    options = {"unknown": -1, "separate": "all", "fingerprint_bits": 2, "random_state": 0}
    assert (MemorizingClassifier(**options).fit(X, y).predict(near) == y).all()
    clf = MemorizingClassifier(negatives=near, **options).fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert clf.predict(near).tolist() == [-1] * len(X)
    with pytest.raises(InvalidInput, match=r"negatives\[3\] equals X\[3\], which is memorized"):
        clf.set_params(negatives=np.concatenate([near[:3], X[3:]])).fit(X, y)
    assert clf.predict(near).tolist() == [-1] * len(X)


def test_an_unknown_label_needs_fingerprints_and_the_error_says_so():
    with pytest.raises(InvalidInput, match=r"unknown=-1 needs fingerprints .* fingerprint_bits=16") as caught:
        MemorizingClassifier(unknown=-1).fit(*data(20))
    assert caught.value.in_python == "fingerprint_bits=16"
    X, y = data(20)
    assert (MemorizingClassifier(unknown=-1, fingerprint_bits=16).fit(X, y).predict(X) == y).all()


def test_an_unknown_label_of_another_kind_is_refused_when_fitting():
    with pytest.raises(InvalidInput, match="unknown='none' cannot stand among labels"):
        MemorizingClassifier(unknown="none", fingerprint_bits=16).fit(*data(20))


def test_classifiers_that_were_pickled_without_the_newer_parameters_work():
    X, y = data()
    old = MemorizingClassifier(random_state=0).fit(X, y)
    for name in (
        "construction", "columns", "recognise", "negatives", "delta", "unknown", "tolerance", "max_probes", "verify",
        "progress",
    ):  # fmt: skip
        del old.__dict__[name]
    copy = pickle.loads(pickle.dumps(old))
    assert copy.get_params() == MemorizingClassifier(random_state=0).get_params()
    assert np.array_equal(copy.predict(X), y)
    assert clone(copy).fit(X, y).network_ == old.network_


# Contradictions


def test_contradicting_labels_are_refused_by_default():
    with pytest.raises(ContradictoryLabels, match="rows 1 ") as caught:
        MemorizingClassifier().fit([[0, 0], [1, 1], [1, 1]], ["a", "a", "b"])
    assert caught.value.rows == [(1, 2)]


def majority(X, y):
    """Labels after the vote, and how many rows were outvoted, row by row."""
    ballots = collections.defaultdict(collections.Counter)
    for row, label in zip(X.tolist(), y.tolist(), strict=True):
        ballots[tuple(row)][label] += 1
    winner = {row: min(votes, key=lambda label: (-votes[label], label)) for row, votes in ballots.items()}
    resolved = np.array([winner[tuple(row)] for row in X.tolist()])
    return resolved, int((resolved != y).sum())


@pytest.mark.parametrize("seed", range(5))
def test_majority_decides_among_equal_rows(seed):
    X, y = with_equal_rows(seed=seed)
    clf = MemorizingClassifier(on_contradiction="majority", random_state=0).fit(X, y)
    resolved, n_outvoted = majority(X, y)
    assert np.array_equal(clf.predict(X), resolved)
    assert clf.n_outvoted_ == n_outvoted > 0
    assert clf.score(X, y) == np.mean(resolved == y)


def test_tie_goes_to_the_label_that_comes_first_in_classes():
    X = np.array([[0.0], [-0.0], [1.0]])  # the first two are equal points
    for y in (["b", "a", "c"], ["a", "b", "c"]):
        clf = MemorizingClassifier(on_contradiction="majority").fit(X, y)
        assert clf.predict(X).tolist() == ["a", "a", "c"]
        assert clf.n_outvoted_ == 1


def test_class_without_a_majority_keeps_its_column():
    X, y = [[0], [0], [0], [1]], ["a", "b", "b", "c"]
    clf = MemorizingClassifier(on_contradiction="majority").fit(X, y)
    assert clf.classes_.tolist() == ["a", "b", "c"]
    assert clf.network_.classes.tolist() == ["b", "c"]
    assert clf.predict_proba(X).tolist() == [[0, 1, 0]] * 3 + [[0, 0, 1]]


# Data frames


@pytest.mark.partner
def test_data_frame_columns_are_named_and_checked():
    pandas = partner("pandas")
    X, y = data()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    clf = MemorizingClassifier(random_state=0).fit(frame, pandas.Series(y))
    assert clf.feature_names_in_.tolist() == list("abcd")
    assert clf.network_ == fastmem.memorize(frame, y, random_state=0)
    assert clf.network_.feature_names == tuple("abcd")
    assert np.array_equal(clf.predict(frame), y)
    with pytest.raises(ValueError, match="order"):
        clf.predict(frame[list("dcba")])


@pytest.mark.partner
def test_large_integers_in_a_data_frame_are_refused():
    pandas = partner("pandas")
    clf = MemorizingClassifier().fit(pandas.DataFrame({"id": [1, 2], "x": [0.5, 0.5]}), [0, 1])
    for dtype in ("int64", "Int64"):
        frame = pandas.DataFrame({"id": pandas.array([BIG + 1, BIG], dtype=dtype), "x": [0.5, 0.5]})
        for refused in (lambda: MemorizingClassifier().fit(frame, [0, 1]), lambda: clf.predict(frame)):  # noqa: B023
            with pytest.raises(InvalidInput, match="integers beyond"):
                refused()


@pytest.mark.partner
@pytest.mark.parametrize("dtype", ["Int64", "boolean", "category", "string"])
def test_labels_of_a_data_frames_column_are_not_rounded(dtype):
    pandas = partner("pandas")
    values = {"Int64": [BIG + 1, BIG, 3], "boolean": [True, False, True]}.get(dtype, ["b", "a", "c"])
    clf = MemorizingClassifier().fit(np.eye(3), pandas.Series(values, dtype=dtype))
    assert clf.predict(np.eye(3)).tolist() == values


# Without scikit-learn


def in_new_process(code):
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_of_fastmem_does_not_import_scikit_learn():
    out = in_new_process("import sys, fastmem; print('sklearn' in sys.modules, 'MemorizingClassifier' in dir(fastmem))")
    assert out.split() == ["False", "True"]


def test_without_scikit_learn_the_error_names_the_command_and_all_else_works():
    out = in_new_process(
        "import sys; sys.modules['sklearn'] = None\n"
        "import fastmem, inspect\n"
        "from fastmem import *\n"
        "inspect.getmembers(fastmem)  # as help(fastmem) does\n"
        "print(memorize([[0], [1]], [0, 1]).predict([[1]]))\n"
        "try:\n"
        "    fastmem.MemorizingClassifier\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    assert out.startswith("[1]\n")
    assert 'pip install "fastmem-nn[sklearn]"' in out


# Labels by the rule of `memorize`


OBJECTS = {
    "None": [None, "a", None, "b"],
    "text and numbers": [1, "1", 2, "a"],
    "large integers": [BIG + 1, float(BIG), 1, 2],
    "booleans and integers": np.array([True, 1, 1.0, 1], object),
    "bytes": [b"a", b"b", b"a", b"c"],
    "text of variable width": np.array(["a", "b", "a", ""], np.dtypes.StringDType()),
    "two types of text": np.array(["a", np.str_("a"), "b", None], object),
    "tuples": np.fromiter([(1, 2), (1, 3), (1, 2), ()], object),
    "dates": np.array(["2026-01-01", "2026-01-02"] * 2, "M8[D]"),
}


@pytest.mark.parametrize("y", OBJECTS.values(), ids=OBJECTS)
def test_labels_are_taken_as_memorize_takes_them(y):
    X = np.random.default_rng(0).standard_normal((4, 2))
    clf = MemorizingClassifier(random_state=0).fit(X, y)
    net = fastmem.memorize(X, y, random_state=0)
    assert clf.network_ == net
    labels = clf.predict(X)
    assert list(map(repr, labels.tolist())) == list(map(repr, net.predict(X).tolist()))
    assert clf.score(X, y) == 1.0
    assert clf.score(X, y, sample_weight=[1, 2, 3, 4]) == 1.0
    shifted = np.roll(np.array(labels), 1)
    assert clf.score(X, shifted) == sum(map(repr_equal, labels.tolist(), shifted.tolist())) / 4
    probabilities = clf.predict_proba(X)
    assert probabilities.sum() == 4
    classes = clf.classes_.tolist()
    assert [repr(classes[i]) for i in probabilities.argmax(axis=1)] == list(map(repr, labels.tolist()))


def repr_equal(a, b):
    return repr(a) == repr(b)


def test_dates_are_scored_by_what_they_are_and_are_no_numbers():
    X = np.random.default_rng(0).standard_normal((3, 2))
    days = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "M8[D]")
    clf = MemorizingClassifier(random_state=0).fit(X, days.astype("M8[ns]"))
    assert clf.score(X, days) == 1.0
    assert clf.score(X, days.astype("M8[ns]").astype(np.int64)) == 0.0
    assert clf.score(X, days.astype(str)) == 0.0
    assert clf.score(X, days + 2**60) == 0.0  # of which NumPy takes the nanoseconds modulo 2^64
    assert clf.score(X, days + np.timedelta64(12, "h")) == 0.0


@pytest.mark.parametrize("fitted", [[None, "a", "b", None], ["a", "b", "a", "b"], [b"a", b"b", b"a", b"a"]], ids=str)
@pytest.mark.parametrize("y", [["a", "c", "b", "b"], [["a"], [None], ["b"], [None]], [1, 2, 3, 4]], ids=str)
def test_labels_are_scored_against_any_others(fitted, y):
    X = np.random.default_rng(0).standard_normal((4, 2))
    clf = MemorizingClassifier(random_state=0).fit(X, fitted)
    flat = [label[0] if isinstance(label, list) else label for label in y]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clf.score(X, y) == np.mean([a == b for a, b in zip(fitted, flat, strict=True)])
    with pytest.raises(ValueError, match="inconsistent"):
        clf.score(X, flat[:3])
