"""A corrected model answers as the model, but for the rows that it gets wrong, which come out right."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

import fastmem
from fastmem import ContradictoryLabels, CorrectedClassifier, CorrectedRegressor, InvalidInput
from fastmem.errors import RecognitionWarning
from fastmem.estimators import corrections

DATA = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=1e-3)),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "stumps": AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=20, random_state=0),
}


def table(n=200, d=6, classes=3, seed=0):
    """Rows with random labels, which no small model gets right."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(0, classes, n)


def stump():
    return DecisionTreeClassifier(max_depth=1, random_state=0)


def zero(X):
    """A model that is a function."""
    return np.zeros(len(X), int)


class Foreign:
    """A model without the conventions of scikit-learn."""

    def fit(self, X, y):
        self.label = y[0]

    def predict(self, X):
        return [self.label] * len(X)


# Rows that it was fitted on


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("load", DATA.values(), ids=DATA)
def test_every_row_comes_out_right_and_other_rows_get_the_models_answer(load, model):
    X, y = load(return_X_y=True)
    known, new = slice(None, None, 2), slice(1, None, 2)
    clf = CorrectedClassifier(model, random_state=0).fit(X[known], y[known])
    alone = clone(model).fit(X[known], y[known])
    assert (clf.predict(X[known]) == y[known]).all()
    assert clf.n_memorized_ == (alone.predict(X[known]) != y[known]).sum()
    assert (clf.predict(X[new]) != alone.predict(X[new])).mean() < 0.01
    assert clf.override_rate_ < 0.02


@pytest.mark.parametrize("classes", [2, 7])
def test_random_labels_come_out_right(classes):
    X, y = table(1000, classes=classes)
    clf = CorrectedClassifier(stump(), random_state=0).fit(X, y)
    assert clf.score(X, y) == 1.0
    assert clf.n_memorized_ > 300


def test_a_model_without_mistakes_has_an_empty_memory():
    X, y = table()
    tree = DecisionTreeClassifier(random_state=0)
    clf = CorrectedClassifier(tree, random_state=0).fit(X, y)
    assert clf.memory_ is None
    assert clf.n_memorized_ == clf.override_rate_ == 0
    assert np.array_equal(clf.predict(X + 1), tree.fit(X, y).predict(X + 1))
    assert np.array_equal(clf.predict_proba(X + 1), tree.predict_proba(X + 1))
    with pytest.raises(InvalidInput, match="empty"):
        clf.save_memory("memory.safetensors")


@pytest.mark.parametrize("atol", [0.0, 30.0, 100.0])
def test_a_regressor_comes_within_atol_of_every_value_and_memorizes_the_others_exactly(atol):
    X, y = load_diabetes(return_X_y=True)
    reg = CorrectedRegressor(Ridge(), atol=atol, random_state=0).fit(X, y)
    alone = Ridge().fit(X, y).predict(X)
    is_wrong = np.abs(alone - y) > atol
    assert np.array_equal(reg.predict(X), np.where(is_wrong, y, alone))
    assert reg.n_memorized_ == is_wrong.sum() > 0


def test_several_outputs_come_out_right():
    X, y = table(n=150)
    targets = np.random.default_rng(1).standard_normal((150, 2))
    reg = CorrectedRegressor(DecisionTreeRegressor(max_depth=2), atol=0.5, random_state=0).fit(X, targets)
    assert (np.abs(reg.predict(X) - targets) <= 0.5).all()
    labels = np.stack([y, (X[:, 0] > 0).astype(int)], axis=1)
    clf = CorrectedClassifier(stump(), random_state=0).fit(X, labels)
    assert np.array_equal(clf.predict(X), labels)
    assert [classes.tolist() for classes in clf.classes_] == [[0, 1, 2], [0, 1]]
    for output, probabilities in enumerate(clf.predict_proba(X)):
        assert np.array_equal(probabilities.argmax(axis=1), labels[:, output])


@pytest.mark.parametrize("options", [{}, {"atol": 1e-9}], ids=str)
def test_rows_of_one_value_and_few_rows_are_memorized(options):
    X = np.arange(3.0)[:, None]
    y = np.array([1.0, 5.0, 2.0])
    assert np.array_equal(CorrectedRegressor(LinearRegression(), **options).fit(X, y).predict(X), y)
    assert CorrectedClassifier(zero).fit(X[:1], [3]).predict(X[:1]) == 3


# Which models are taken


def test_functions_and_models_of_other_makers_are_taken():
    X, y = table()
    for model in (zero, Foreign(), lambda X: np.zeros((len(X), 1))[:, 0]):
        clf = CorrectedClassifier(model, random_state=0).fit(X, y)
        assert np.array_equal(clf.predict(X), y)
        assert clf.estimator_ is model
        assert not hasattr(clf, "predict_proba")
    labels = np.array(["zero", "one", "two"])[y]
    clf = CorrectedClassifier(lambda X: ["zero"] * len(X), random_state=0).fit(X, labels)
    assert np.array_equal(clf.predict(X), labels)
    assert clf.predict(X + 10).tolist() == ["zero"] * len(X)
    assert np.array_equal(CorrectedRegressor(zero, random_state=0).fit(X, y / 3).predict(X), y / 3)


def test_fitted_and_frozen_models_are_taken_as_they_are():
    X, y = table()
    model = stump().fit(X[:100], y[:100])
    before = pickle.dumps(model)
    for clf in (CorrectedClassifier(model, prefit=True), CorrectedClassifier(FrozenEstimator(model))):
        clf.fit(X, y)
        assert np.array_equal(clf.predict(X), y)
        assert clf.n_memorized_ == (model.predict(X) != y).sum()
    assert pickle.dumps(model) == before
    assert np.array_equal(clone(clf).fit(X, y).predict(X), y)
    with pytest.raises(InvalidInput, match="sample_weight"):
        clf.fit(X, y, sample_weight=np.ones(len(X)))


def test_the_model_itself_stays_unfitted_and_gets_the_parameters_of_fit():
    X, y = table()
    model, weights = stump(), np.random.default_rng(0).random(len(X))
    clf = CorrectedClassifier(model, random_state=0).fit(X, y, sample_weight=weights)
    assert not hasattr(model, "tree_")
    expected = stump().fit(X, y, sample_weight=weights)
    assert np.array_equal(clf.estimator_.predict(X), expected.predict(X))
    assert np.array_equal(clf.predict(X), y)


@pytest.mark.parametrize("model", [None, "model", LogisticRegression, 7])
def test_what_is_no_model_is_refused(model):
    with pytest.raises((InvalidInput, TypeError), match=r"predict|instance"):
        CorrectedClassifier(model).fit(*table())


def test_a_fit_that_fails_leaves_the_earlier_one():
    X, y = table()
    clf = CorrectedClassifier(stump(), random_state=0).fit(X, y)
    for rows, labels in ((X[:, :3], y[:-1]), (np.zeros((2, 3)), [0, 1])):
        with pytest.raises(ValueError, match=r"number of samples|inconsistent|equals"):
            clf.fit(rows, labels)
    assert np.array_equal(clf.predict(X), y)


def test_a_model_that_changes_its_mind_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="asked again"):
        CorrectedClassifier(lambda X: rng.integers(0, 2, len(X))).fit(*table(classes=2))


def test_answers_of_another_shape_are_refused():
    X, y = table()
    with pytest.raises(InvalidInput, match=r"\(200, 2\).*\(200,\)"):
        CorrectedClassifier(lambda X: np.zeros((len(X), 2))).fit(X, y)


# Pipelines


def test_the_memory_of_a_pipeline_reads_what_its_first_steps_make():
    X, y = table()
    clf = CorrectedClassifier(make_pipeline(StandardScaler(), PCA(3), stump()), random_state=0).fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert clf.n_features_in_ == 6
    assert clf.memory_.n_features_in == 3
    assert [clf.predict(X[i : i + 1])[0] for i in range(20)] == y[:20].tolist()


def test_text_is_corrected_behind_a_vectorizer():
    texts = ["red fish", "blue fish", "red fish fish", "one fish", "two fish", "old fish"]
    labels = ["a", "b", "b", "a", "a", "b"]
    clf = CorrectedClassifier(make_pipeline(CountVectorizer(), MultinomialNB()), random_state=0).fit(texts, labels)
    assert clf.predict(texts).tolist() == labels
    clf.correct(["fish fish fish"], ["c"])
    assert clf.predict([*texts, "fish fish fish"]).tolist() == [*labels, "c"]


def test_a_pipeline_may_be_frozen_or_searched_for():
    X, y = table()
    model = make_pipeline(PCA(2), stump())
    search = GridSearchCV(model, {"pca__n_components": [2, 3]}, cv=2)
    for estimator in (FrozenEstimator(clone(model).fit(X, y)), search):
        clf = CorrectedClassifier(estimator, random_state=0).fit(X, y)
        assert np.array_equal(clf.predict(X), y)
        assert clf.memory_.n_features_in < 6


def test_rows_that_the_first_steps_make_equal_contradict_each_other():
    X = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0]])
    clf = CorrectedClassifier(make_pipeline(ColumnZero(), stump()))
    with pytest.raises(ContradictoryLabels, match="first steps of the pipeline") as caught:
        clf.fit(X, [0, 1, 1])
    assert caught.value.rows == [(0, 1)]


class ColumnZero(StandardScaler):
    """Keeps one column."""

    def transform(self, X):
        return X[:, :1]


# As scikit-learn wants it


@pytest.mark.parametrize(
    "estimator",
    [CorrectedClassifier(LogisticRegression(C=0.01)), CorrectedRegressor(LinearRegression(), atol=0.1)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_all_of_scikit_learns_checks_pass(estimator):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in results if r["status"] not in ("passed", "skipped")] == []
    assert sum(r["status"] == "passed" for r in results) >= 45


def test_it_goes_into_searches_cross_validation_and_pipelines():
    X, y = table(60)
    clf = CorrectedClassifier(stump(), random_state=0)
    search = GridSearchCV(clf, {"estimator__max_depth": [1, 2], "fingerprint_bits": [8, 16]}, cv=2, error_score="raise")
    assert search.fit(X, y).score(X, y) == 1.0
    assert len(search.cv_results_["params"]) == 4
    assert len(cross_val_score(clf, X, y, cv=2, error_score="raise")) == 2
    assert cross_val_predict(clf, X, y, cv=2, method="predict_proba").shape == (60, 3)
    assert make_pipeline(StandardScaler(), clf).fit(X, y).score(X, y) == 1.0


def test_parameters_are_kept_as_given_and_cloned():
    options = {
        "prefit": True,
        "fingerprint_bits": 8,
        "tolerance": 0.5,
        "columns": [0, 1],
        "contradictory": "model",
        "keep_guard": False,
        "random_state": 7,
        "n_threads": 1,
    }
    for kind, more in ((CorrectedClassifier, {}), (CorrectedRegressor, {"atol": 0.5})):
        params = kind(zero, **options, **more).get_params(deep=False)
        assert params == clone(kind(zero, **options, **more)).get_params(deep=False)
        assert params == {"estimator": zero, **options, **more}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("fingerprint_bits", 0),
        ("fingerprint_bits", 33),
        ("tolerance", -1.0),
        ("contradictory", "ignore"),
        ("random_state", "seed"),
        ("n_threads", 0),
        ("columns", "none"),
        ("atol", np.nan),
    ],
)
def test_wrong_parameters_are_refused_when_fitting(option, value):
    X, y = table(20)
    kind = CorrectedRegressor if option == "atol" else CorrectedClassifier
    with pytest.raises(InvalidInput, match=option):
        kind(zero, **{option: value}).fit(X, y)


def test_nothing_is_answered_before_fitting():
    clf = CorrectedClassifier(stump())
    X, y = table(5)
    later = (clf.forget, lambda X: clf.correct(X, y), lambda X: clf.report(), clf.save_memory)
    for call in (clf.predict, clf.predict_proba, *later):
        with pytest.raises(NotFittedError):
            call(X)


def test_the_same_seed_gives_the_same_memory():
    X, y = table()
    one, other = (CorrectedClassifier(stump(), random_state=3).fit(X, y) for _ in range(2))
    assert one.memory_ == other.memory_
    assert one.correct(X[:5] + 1, y[:5]).memory_ == other.correct(X[:5] + 1, y[:5]).memory_


@pytest.mark.parametrize("state", [np.random.RandomState(0), np.random.default_rng(0), np.int64(0), None], ids=str)
def test_random_states_of_all_kinds_are_taken(state):
    X, y = table(50)
    assert np.array_equal(CorrectedClassifier(stump(), random_state=state).fit(X, y).predict(X), y)


def test_it_survives_pickling_as_a_whole_and_its_memory_is_saved_alone(tmp_path):
    X, y = table()
    clf = CorrectedClassifier(stump(), random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(clf))
    assert copy.memory_ == clf.memory_
    assert np.array_equal(copy.predict(X), y)
    assert np.array_equal(copy.correct(X + 1, y).predict(np.concatenate([X, X + 1])), np.concatenate([y, y]))
    clf.save_memory(tmp_path / "memory.safetensors")
    net = fastmem.load(tmp_path / "memory.safetensors")
    is_known = net.contains(X)
    assert is_known.sum() == clf.n_memorized_
    assert np.array_equal(net.predict(X[is_known]), y[is_known])


# What is refused


def test_rows_that_no_memory_can_read_are_refused():
    X, y = table(30)
    clf = CorrectedClassifier(zero, random_state=0).fit(X, y)
    for bad in (np.full((1, 6), np.nan), np.array([["a"] * 6]), np.zeros((1, 5)), np.zeros(6)):
        with pytest.raises(ValueError, match=r"NaN|nan|number|features|sparse|Reshape"):
            clf.predict(bad)
    with pytest.raises(InvalidInput, match="sparse"):
        CorrectedClassifier(LogisticRegression()).fit(csr_array(X), y)
    with pytest.raises(InvalidInput, match="Pipeline"):
        CorrectedClassifier(lambda X: [0] * len(X)).fit([["a", "b"], ["c", "d"]], [0, 1])


@pytest.mark.parametrize(
    "y", [[0, np.nan, 1], [0, 1], [[[1]]] * 3, None, ["a", "b", "c"], [2**53 + 1, 0, 1], [object(), 1, 2]], ids=range(7)
)
def test_values_that_are_no_numbers_of_the_rows_are_refused(y):
    with pytest.raises((InvalidInput, TypeError)):
        CorrectedRegressor(lambda X: np.zeros(len(X))).fit(np.eye(3), y)


def test_rows_that_are_equal_in_the_columns_to_be_read_are_refused():
    X, y = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 3.0]]), np.array([1, 0, 0])
    for labels in (y, 2 * y + 1):  # a wrong row and a right one, or two wrong ones
        with pytest.raises(InvalidInput, match=r"equal.*a column more"):
            CorrectedClassifier(zero, columns=[0], random_state=0).fit(X, labels)
    assert np.array_equal(CorrectedClassifier(zero, columns=[1], random_state=0).fit(X, y).predict(X), y)


# Equal rows


def with_contradictions():
    """Rows of which the first two are equal and have different labels, and so have the last two."""
    X, y = table(60, classes=2)
    y[:2], y[-2:] = [0, 1], [1, 0]
    X[1], X[-1] = X[0], X[-2]
    return X, y


def test_equal_rows_with_different_labels_are_refused():
    X, y = with_contradictions()
    for model in (zero, stump()):
        with pytest.raises(ContradictoryLabels, match=r"rows 0 \(0\) and 1 \(1\).*contradictory=") as caught:
            CorrectedClassifier(model).fit(X, y)
        assert caught.value.rows == [(0, 1), (58, 59)]


def test_equal_rows_with_different_labels_may_be_left_to_the_model():
    X, y = with_contradictions()
    clf = CorrectedClassifier(zero, contradictory="model", random_state=0).fit(X, y)
    assert clf.n_contradictory_ == 4
    assert clf.predict(X[[0, 1, -2, -1]]).tolist() == [0] * 4
    assert np.array_equal(clf.predict(X[2:-2]), y[2:-2])
    assert "4 rows that equal another one" in str(clf.report())
    assert clf.report().n_guards == len(X) - clf.n_memorized_


def test_both_zeros_are_one_label():
    clf = CorrectedClassifier(lambda X: np.ones(len(X)), random_state=0).fit([[1], [1], [2]], [0.0, -0.0, 1.0])
    assert clf.classes_.tolist() == [0.0, 1.0]
    assert clf.predict([[1], [2]]).tolist() == [0.0, 1.0]


def test_equal_rows_with_one_label_are_memorized_once():
    X, y = table(50)
    clf = CorrectedClassifier(zero, random_state=0).fit(np.concatenate([X, X]), np.concatenate([y, y]))
    assert clf.n_memorized_ == (y != 0).sum()


def test_values_of_equal_rows_may_differ_within_atol():
    X, y = np.array([[0.0], [0.0], [1.0]]), np.array([0.1, -0.1, 5.0])
    reg = CorrectedRegressor(lambda X: np.zeros(len(X)), atol=0.5, random_state=0).fit(X, y)
    assert reg.predict(X).tolist() == [0.0, 0.0, 5.0]
    with pytest.raises(ContradictoryLabels):
        reg.set_params(atol=0.0).fit(X, y)


# Noise


def test_noisy_copies_of_memorized_rows_get_their_label_and_right_rows_keep_theirs():
    X, y = table(500, d=20, classes=4)
    near = X + 1e-3 * np.random.default_rng(1).standard_normal(X.shape)
    clf = CorrectedClassifier(stump(), tolerance=0.05, random_state=0).fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert (clf.predict(near) == y).mean() > 0.98
    exact = CorrectedClassifier(stump(), random_state=0).fit(X, y)
    assert (exact.predict(near) == y).mean() < (clf.predict(near) == y).mean()


@pytest.mark.parametrize(
    "labels", [["ash", "box", "?"], [0.5, 1.5, -0.0], [True, False, True], [None, 2, "a"]], ids=str
)
@pytest.mark.filterwarnings("ignore::fastmem.errors.RecognitionWarning")
def test_right_rows_in_reach_of_the_tolerance_are_memorized_too(labels):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    X[30:] = X[:30] + 1e-6
    y = np.fromiter(labels, object)[np.r_[np.zeros(30, int), rng.integers(1, 3, 30)]]
    y = y if None in labels else np.array(y.tolist())
    clf = CorrectedClassifier(lambda X: np.repeat(y[:1], len(X)), tolerance=0.5, random_state=0).fit(X, y)
    assert clf.predict(X).tolist() == y.tolist()
    report = clf.report()
    assert report.n_protected > 0
    assert report.n_memorized + report.n_protected <= 60


@pytest.mark.filterwarnings("ignore::fastmem.errors.RecognitionWarning")
def test_right_values_in_reach_of_the_tolerance_stay_the_models():
    X, _ = table(80, d=3)
    X[40:] = X[:40] + 1e-6
    targets = np.r_[np.zeros(40), np.ones(40)] + np.arange(80) / 1000
    reg = CorrectedRegressor(lambda X: np.zeros(len(X)), atol=0.5, tolerance=0.5, random_state=0).fit(X, targets)
    assert np.array_equal(reg.predict(X), np.r_[np.zeros(40), targets[40:]])


@pytest.mark.filterwarnings("ignore::fastmem.errors.RecognitionWarning")
def test_equal_rows_whose_answers_a_model_rounds_in_different_ways_are_protected_once():
    X = np.repeat(table(30, d=4)[0], 3, axis=0)
    X[::3] += 1e-6
    answers = np.tile([5.0, 1.0, 1.0 + 1e-12], 30)
    reg = CorrectedRegressor(lambda X: answers, atol=0.5, tolerance=0.5, random_state=0).fit(X, np.ones(90))
    assert (np.abs(reg.predict(X) - 1.0) <= 0.5).all()
    assert reg.report().n_protected > 0


def test_few_rows_in_the_plane_are_known_by_their_values_and_with_a_tolerance_a_warning_is_given():
    X, y = table(300, d=2, classes=2)
    clf = CorrectedClassifier(zero, random_state=0).fit(X, y)
    assert clf.report().recognise == clf.memory_.report().recognise == "rows"
    assert clf.predict(X + 1e-9).tolist() == [0] * 300
    with pytest.warns(RecognitionWarning):
        clf.set_params(tolerance=1e-3).fit(X, y)
    assert clf.report().recognise == "cells"


def test_a_tolerance_lets_hardly_more_rows_pass():
    X, y = table(1000, d=20)
    new = table(4000, d=20, seed=1)[0]
    clf = CorrectedClassifier(zero, tolerance=0.5, random_state=0).fit(X, y)
    assert (clf.predict(new) != 0).sum() < 8  # of 4,000: 1,000 codes tried with 16 bits each would pass 60
    assert clf.override_rate_ < 0.01
    assert clf.memory_.fingerprint_bits == 16 + 10
    assert clf.set_params(fingerprint_bits=30).fit(X, y).memory_.fingerprint_bits == 32


@pytest.mark.parametrize("tolerance", [0.1, 15.0])
def test_columns_of_very_different_units_take_few_memories(tolerance, monkeypatch):
    rng, built = np.random.default_rng(0), []
    X = np.column_stack([rng.standard_normal((2000, 7)), np.exp(rng.normal(7, 0.8, 2000))]) * [
        1,
        9,
        2,
        0.07,
        1,
        3,
        3,
        1,
    ]
    y = (X[:, 0] + X[:, 2] / 2 > 0).astype(int) ^ (rng.random(2000) < 0.1)
    memorize = corrections.memorize
    monkeypatch.setattr(corrections, "memorize", lambda *args, **options: built.append(1) or memorize(*args, **options))
    clf = CorrectedClassifier(stump(), tolerance=tolerance, random_state=0).fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert len(built) <= 4
    assert clf.report().n_protected < 20


@pytest.mark.filterwarnings("ignore:fingerprint_bits:fastmem.errors.RecognitionWarning")
def test_a_tolerance_that_reaches_ever_more_rows_memorizes_all_of_them_and_says_so(monkeypatch):
    monkeypatch.setattr(corrections, "_ROUNDS", 1)
    X, y = table(400, d=1)
    clf = CorrectedClassifier(zero, tolerance=0.1, random_state=0)
    with pytest.warns(RecognitionWarning, match=r"tolerance=0.1 reaches .* all \d+ of them .* scale the columns"):
        clf.fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert clf.report().n_protected == (y == 0).sum()
    assert clf.set_params(tolerance=1e-9).fit(X, y).report().n_protected < 40


def test_a_memory_with_a_tolerance_is_saved_with_its_bits_and_its_units_know_the_same_rows(tmp_path):
    X, y = table(300, d=20)
    clf = CorrectedClassifier(zero, tolerance=0.3, random_state=0).fit(X, y)
    clf.save_memory(tmp_path / "memory.safetensors")
    net = fastmem.load(tmp_path / "memory.safetensors")
    near = np.concatenate([X, X + 0.02])
    assert net == clf.memory_
    assert np.array_equal(net.predict(near, unknown=0, tolerance=0.3), clf.predict(near))
    signals = near
    for layer in net.layers:
        signals = (layer.weights @ signals.T >= layer.thresholds[:, None]).T.astype(float)
    assert np.array_equal(signals[:, -1] == 1, net.contains(near))
