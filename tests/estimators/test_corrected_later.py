"""Corrections that are added later or taken back, what is reported of them, and labels and scores beside a model's."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from support.partners import partner

from fastmem import ContradictoryLabels, CorrectedClassifier, CorrectedRegressor, InvalidInput


def table(n=200, d=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(0, classes, n)


def zero(X):
    return np.zeros(len(X), int)


def corrected(**options):
    """A classifier that answers 0, corrected on a table, and the table."""
    X, y = table()
    return CorrectedClassifier(zero, random_state=0, **options).fit(X, y), X, y


# Corrections


def test_corrections_are_added_and_all_else_stays():
    clf, X, y = corrected()
    new, labels = table(50, seed=1)
    assert clf.correct(new, labels) is clf
    assert np.array_equal(clf.predict(np.concatenate([X, new])), np.concatenate([y, labels]))
    assert clf.n_memorized_ == (y != 0).sum() + (labels != 0).sum()


def test_a_later_correction_replaces_an_earlier_one():
    clf, X, y = corrected()
    rows = np.flatnonzero(y)[:3]
    n_memorized = clf.n_memorized_
    clf.correct(X[rows], [7, 0, 9])
    y[rows] = [7, 0, 9]
    assert np.array_equal(clf.predict(X), y)
    assert clf.n_memorized_ == n_memorized
    assert clf.classes_.tolist() == [0, 1, 2, 7, 9]


def test_a_right_row_can_be_corrected():
    clf, X, y = corrected()
    right = np.flatnonzero(y == 0)[:4]
    clf.correct(X[right], [5, 5, 0, 5])
    y[right] = [5, 5, 0, 5]
    assert np.array_equal(clf.predict(X), y)


def test_rows_are_forgotten_and_are_the_models_again():
    clf, X, y = corrected()
    rows = np.flatnonzero(y)
    n_memorized = clf.n_memorized_
    assert clf.forget(X[rows[:10]]) is clf
    y[rows[:10]] = 0
    assert np.array_equal(clf.predict(X), y)
    assert clf.n_memorized_ == n_memorized - 10
    assert clf.report().n_guards == len(X) - clf.n_memorized_
    clf.forget(X[rows[10:]])
    assert clf.memory_ is None
    assert clf.predict(X).tolist() == [0] * len(X)
    clf.correct(X[:1], [4])
    assert clf.predict(X)[0] == 4
    assert clf.n_memorized_ == 1


def test_forgetting_what_is_not_memorized_is_refused_by_row():
    clf, X, y = corrected()
    wrong, right = np.flatnonzero(y)[:1], np.flatnonzero(y == 0)[:2]
    before = clf.memory_
    with pytest.raises(InvalidInput, match="rows 1, 2 of X are not memorized"):
        clf.forget(X[np.concatenate([wrong, right])])
    assert clf.memory_ is before


def test_guard_rows_stay_the_models():
    clf, X, y = corrected(fingerprint_bits=4)
    guard = np.random.default_rng(5).standard_normal((300, 6))
    clf.correct(X[:1] + 1, [2], guard=guard)
    assert clf.predict(guard).tolist() == [0] * 300
    assert np.array_equal(clf.predict(X), y)
    n_guards = clf.report().n_guards
    assert clf.report().n_protected == 0
    clf.correct(X[:1] + 2, [2], guard=guard)  # known already as guard rows
    assert clf.report().n_guards == n_guards


def test_a_guard_row_with_a_correction_of_its_own_is_refused_and_changes_nothing():
    clf, X, y = corrected()
    wrong = np.flatnonzero(y)[:1]
    before = clf.memory_
    with pytest.raises(InvalidInput, match="row 1 of guard is memorized"):
        clf.correct(X[:1] + 1, [2], guard=np.concatenate([X[:1] + 5, X[wrong]]))
    with pytest.raises(InvalidInput, match="row 0 of guard is memorized"):
        clf.correct(X[:1] + 1, [2], guard=X[:1] + 1)
    assert clf.memory_ is before


def test_corrections_that_contradict_each_other_are_refused():
    clf, X, y = corrected(contradictory="model")
    wrong = np.flatnonzero(y)[0]
    for row, labels in ((X[0] + 1, [1, 2]), (X[0] + 1, [0, 1]), (X[wrong], [0, 1])):
        with pytest.raises(ContradictoryLabels, match=r"rows 0 .* and 1 "):
            clf.correct([row, row], labels)
    assert np.array_equal(clf.predict(X), y)


def test_without_guard_rows_only_what_is_given_is_protected():
    clf, X, y = corrected(keep_guard=False)
    assert np.array_equal(clf.predict(X), y)
    assert clf.report().guard_nbytes == 0
    assert clf.report().n_guards == (y == 0).sum()
    assert "not kept" in str(clf.report())
    new, labels = table(40, seed=1)
    clf.correct(new, labels)
    assert np.array_equal(clf.predict(new), labels)
    assert np.array_equal(clf.predict(X[y != 0]), y[y != 0])


@pytest.mark.filterwarnings("ignore::fastmem.errors.RecognitionWarning")
@pytest.mark.parametrize("keep_guard", [True, False])
def test_corrections_hold_with_a_tolerance(keep_guard):
    clf, X, y = corrected(tolerance=0.5, keep_guard=keep_guard)
    near = X[y != 0][:5] + 1e-3
    clf.correct(near, [0] * 5)
    assert np.array_equal(clf.predict(X[y != 0]), y[y != 0])
    assert clf.predict(near).tolist() == [0] * 5
    clf.forget(X[y != 0][:5])
    assert clf.predict(near).tolist() == clf.predict(X[y != 0][:5]).tolist() == [0] * 5


def test_values_are_corrected_and_forgotten():
    X, y = table()
    reg = CorrectedRegressor(zero, atol=0.5, random_state=0).fit(X, y)
    reg.correct(X[:2] + 1, [0.25, 1 / 3 + 9])
    assert reg.predict(X[:2] + 1).tolist() == [0.0, 1 / 3 + 9]
    assert np.array_equal(reg.predict(X), y)
    with pytest.raises(ContradictoryLabels):
        reg.correct(np.repeat(X[1:2] + 1, 2, axis=0), [0.25, 0.5])
    assert reg.forget(X[1:2] + 1).predict(X[1:2] + 1).tolist() == [0.0]


# Report


def test_the_report_counts_rows_and_bytes():
    clf, _, y = corrected()
    report = clf.report()
    assert report.n_rows == 200
    assert report.model_accuracy == (y == 0).mean()
    assert (report.n_memorized, report.n_guards) == ((y != 0).sum(), (y == 0).sum())
    assert report.memory_nbytes == clf.memory_.nbytes
    assert report.kept_nbytes == report.n_memorized * (6 + 1) * 8
    assert report.guard_nbytes == report.n_guards * (6 + 1) * 8
    assert report.n_tested == report.n_guards // 2
    assert 0 <= report.override_rate <= report.override_rate_upper < 0.2
    assert report.to_dict()["n_rows"] == 200
    for number in (report.n_memorized, report.memory_nbytes, report.n_guards):
        assert f"{number:,}" in str(report)
    with pytest.raises(AttributeError):
        report.n_rows = 1


def test_the_report_of_an_empty_memory_says_so():
    X, _ = table()
    report = CorrectedClassifier(zero).fit(X, np.zeros(len(X), int)).report()
    assert "empty" in str(report)
    assert report.override_rate == report.override_rate_upper == report.memory_nbytes == 0


def test_overrides_are_not_measured_where_the_model_is_never_right():
    X, y = table()
    clf = CorrectedClassifier(zero, random_state=0).fit(X, y + 1)
    assert np.isnan(clf.override_rate_)
    assert clf.report().override_rate_upper == 1.0
    assert "not measured" in str(clf.report())


def test_the_upper_end_of_a_rate_is_that_of_clopper_and_pearson():
    from scipy.stats import binomtest

    from fastmem.estimators.correction_report import upper_end

    for count, n in ((0, 10), (1, 10), (10, 10), (37, 500)):
        interval = binomtest(count, n, alternative="less").proportion_ci(0.95, method="exact")
        assert upper_end(count, n) == pytest.approx(interval.high)


# Labels


@pytest.mark.parametrize(
    ("of_model", "of_rows"),
    [
        ("a", ["a", "longer", "b"]),
        (0, [0, 2**40, 1]),
        (0.5, [0.5, 1, 2]),
        (2.0**53, np.array([2**53 + 1, 1, 2])),
        (True, [True, False, True]),
        (None, [None, "a", 1]),
        (b"a", [b"a", b"bc", b"a"]),
        (0, ["a", "b", "c"]),
        (np.datetime64("2026-01-01"), np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "M8[D]")),
    ],
    ids=str,
)
@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
@pytest.mark.filterwarnings("ignore::fastmem.errors.RecognitionWarning")
def test_labels_of_all_kinds_come_back_as_they_were_given(of_model, of_rows, tolerance):
    X = np.random.default_rng(0).standard_normal((3, 20))
    clf = CorrectedClassifier(lambda X: [of_model] * len(X), tolerance=tolerance, random_state=0).fit(X, of_rows)
    assert clf.predict(X).tolist() == list(np.asarray(of_rows).tolist() if isinstance(of_rows, np.ndarray) else of_rows)


def test_text_labels_of_a_classifier_may_be_joined_by_new_ones():
    X, y = table()
    names = np.array(["a", "b", "c"])[y]
    clf = CorrectedClassifier(DecisionTreeClassifier(max_depth=2, random_state=0), random_state=0).fit(X, names)
    new = X[:2] + 1
    clf.correct(new, ["a longer name", "b"])
    assert clf.predict(new).tolist() == ["a longer name", "b"]
    assert clf.classes_.tolist() == ["a", "a longer name", "b", "c"]
    assert np.array_equal(clf.predict(X), names)
    probabilities = clf.predict_proba(np.concatenate([new, X + 3]))
    assert probabilities[0].tolist() == [0, 1, 0, 0]
    assert (probabilities[2:, 1] == 0).all()
    assert np.array_equal(probabilities[2:, [0, 2, 3]], clf.estimator_.predict_proba(X + 3))


# Probabilities and scores


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_and_scores_agree_with_the_labels(classes):
    X, y = table(classes=classes)
    clf = CorrectedClassifier(LogisticRegression(), random_state=0).fit(X, y)
    is_wrong = clf.estimator_.predict(X) != y
    scores, probabilities = clf.decision_function(X), clf.predict_proba(X)
    assert np.array_equal(scores > 0 if classes == 2 else scores.argmax(axis=1), y)
    assert np.array_equal(probabilities[is_wrong], np.eye(classes)[y[is_wrong]])
    assert np.array_equal(probabilities[~is_wrong], clf.estimator_.predict_proba(X)[~is_wrong])
    assert np.array_equal(scores[~is_wrong], clf.estimator_.decision_function(X)[~is_wrong])


def test_scores_of_two_classes_have_a_column_each_once_there_is_a_third():
    X, y = table(classes=2)
    clf = CorrectedClassifier(LogisticRegression(), random_state=0).fit(X, y)
    clf.correct(X[:1] + 1, [9])
    scores = clf.decision_function(np.concatenate([X, X[:1] + 1]))
    assert clf.classes_[scores.argmax(axis=1)].tolist() == [*y, 9]
    assert (scores[:-1, 2] < scores[:-1, :2].min(axis=1)).all()


def test_scores_of_pairs_of_classes_are_refused():
    X, y = table()
    clf = CorrectedClassifier(SVC(decision_function_shape="ovo"), random_state=0).fit(X, y)
    with pytest.raises(InvalidInput, match="ovr"):
        clf.decision_function(X)
    clf = CorrectedClassifier(make_pipeline(StandardScaler(), SVC(C=0.1)), random_state=0).fit(X, y)
    assert np.array_equal(clf.decision_function(X).argmax(axis=1), y)


def test_several_labels_at_once_have_probabilities_and_scores():
    X, _ = table()
    y = np.random.default_rng(2).integers(0, 2, (200, 3))
    clf = CorrectedClassifier(OneVsRestClassifier(LogisticRegression()), random_state=0).fit(X, y)
    assert np.array_equal(clf.predict(X), y)
    assert np.array_equal(clf.predict_proba(X) > 0.5, y == 1)
    assert np.array_equal(clf.decision_function(X) > 0, y == 1)


def test_a_method_is_there_if_the_model_has_it():
    X, y = table()
    for model in (RandomForestClassifier(3), SVC(), LogisticRegression()):
        for clf in (CorrectedClassifier(model), CorrectedClassifier(model).fit(X, y)):
            for name in ("predict_proba", "decision_function"):
                assert hasattr(clf, name) == hasattr(model, name)
    assert not hasattr(CorrectedRegressor(LogisticRegression()), "predict_proba")


# Data frames


@pytest.mark.partner
def test_a_frame_of_categories_and_numbers_is_corrected_behind_the_first_steps():
    pandas = partner("pandas")
    from sklearn.compose import make_column_transformer

    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"kind": rng.choice(["x", "y", "z"], 200), "size": rng.standard_normal(200)})
    y = pandas.Series(rng.choice(["yes", "no"], 200))
    first = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["size"]))
    clf = CorrectedClassifier(make_pipeline(first, LogisticRegression()), random_state=0).fit(frame, y)
    assert (clf.predict(frame) == y).all()
    assert (clf.predict(frame[50:60]) == y[50:60]).all()
    assert clf.feature_names_in_.tolist() == ["kind", "size"]
    assert clf.correct(frame[:1], ["maybe"]).predict(frame[:1]).tolist() == ["maybe"]
    with pytest.raises(InvalidInput, match="Pipeline"):
        CorrectedClassifier(lambda X: ["no"] * len(X)).fit(frame, y)


@pytest.mark.partner
def test_columns_of_a_frame_are_named_and_checked():
    pandas = partner("pandas")
    X, y = table()
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    model = DecisionTreeClassifier(max_depth=2, random_state=0)
    clf = CorrectedClassifier(model, columns=list("abcde"), random_state=0).fit(frame, y)
    assert (clf.predict(frame) == y).all()
    assert clf.memory_.feature_names == tuple("abcdef")
    assert clf.memory_.columns.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="order"):
        clf.predict(frame[list("fedcba")])
