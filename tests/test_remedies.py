"""What an error advises is tried: the code that it ends with, or the option that it names, works and changes no value.

`POINTS` and `LABELS` are containers with the code that is shown for each, which is evaluated as it stands in the
message. `CALLS` are errors that name an option or another call. The last test holds these tables to the source: an
error that gives advice and is in none of them fails it.
"""

import ast
import functools
import io
import math
import os
import pickle
import re
import warnings
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from support.advice import advice
from support.containers import OnlyDlpack
from support.partitioned import Sliced
from support.partners import partner

import fastmem
from fastmem import CorrectedClassifier, InvalidInput, MemorizingClassifier, MemorizingRegressor, memorize
from fastmem.data.as_points import as_points
from fastmem.data.columns import Named
from fastmem.export.guard import check_arithmetic
from fastmem.export.numbers import check_numbers

ROWS = [[0.5, 1], [2, -3], [4.25, 0], [7, 9]]
Y = [0, 1, 1, 0]
NEARLY_EQUAL = [[0, 0], [0, 1], [0, 1 + 1e-12]]
FIRST = 1_704_067_200_000_000_001  # a nanosecond of 2024
TIMES = np.datetime64(FIRST, "ns") + np.arange(100).astype("m8[ns]")
LARGE = [2**53 + 1, 2**53 + 2, -(2**53) - 1, 5]


def exact(rows):
    """Numbers as fractions, which nothing rounds."""
    return [[Fraction(value) for value in row] for row in rows]


def joined(rows, base):
    """Numbers of halves: of columns of high parts before those of low parts."""
    half = len(rows[0]) // 2
    return [[int(a) * base + int(b) for a, b in zip(row[:half], row[half:], strict=True)] for row in rows]


def as_is(rows):
    return exact(rows)


def halves(rows):
    return joined(rows, 2**32)


def first_split(rows):
    """The first column, split by 2^53, beside the others."""
    return exact([[int(row[0]) * 2**53 + int(row[1]), *row[2:]] for row in rows])


class Dataset(dict):
    """As that of xarray: a mapping of variables, which NumPy cannot read, and a frame on demand."""

    data_vars = property(dict.keys)
    dtypes = property(dict.items)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("cannot directly convert an xarray.Dataset into a numpy array")

    def to_dataframe(self):
        return np.column_stack(list(self.values()))


class Lazy:
    """As a lazy frame of any kind: values only on demand, and names and dtypes with a warning."""

    def __init__(self, values):
        self.values = values

    @property
    def dtypes(self):
        warnings.warn("Determining the data types of a LazyFrame is potentially expensive", stacklevel=2)
        return ["f8"]

    columns = dtypes

    def collect(self):
        return self.values


STRUCTURED = np.array([tuple(row) for row in ROWS], [("a", "f4"), ("b", "i8")])
MASKED = np.ma.masked_array([*ROWS, [1, 1]], [[0, 0]] * 4 + [[0, 1]])
COLUMN = [[value] for value in (1, 2, 2**53 - 1, 0.5)]
COMPLEX = [[1j, 2**53 - 1], [2, 3], [4, 5j], [0.25, 0]]
PARTS = [[0, 1, 2**53 - 1, 0], [2, 0, 3, 0], [4, 0, 0, 5], [0.25, 0, 0, 0]]
OF_PARTS = [[0, 2**53 - 1, 1, 0], [2, 3, 0, 0], [4, 0, 0, 5], [0.25, 0, 0, 0]]
MIXED = [[large, 0.5] for large in LARGE]
COLUMNS = {"a": LARGE, "b": [0.5] * 4}
HALVES = "np.hstack([{0} >> 32, {0} & 0xFFFFFFFF])"
TUPLES = "itertuples(index=False, name=None)"
SPLIT = "[[*row[:0], *divmod(row[0], 2**53), *row[1:]] for row in {}]"
EACH = "{} if each point is one number, "
ONE = "{} if X is one point"

# Points that are refused, the code that the message ends with, and what the rows then are; a function of these first,
# where they hold the values in another form.
POINTS = {
    "generator": (lambda: (row for row in ROWS), "list(X)", as_is, ROWS),
    "map": (lambda: map(list, ROWS), "list(X)", as_is, ROWS),
    "zip": (lambda: zip(*zip(*ROWS, strict=True), strict=True), "list(X)", as_is, ROWS),
    "values of a dict": (lambda: dict(enumerate(ROWS)).values(), "list(X)", as_is, ROWS),
    "dict of columns": (
        lambda: {"a": [row[0] for row in ROWS], "b": [row[1] for row in ROWS]}, "list(zip(*X.values(), strict=True))",
        as_is, ROWS,
    ),
    "dict of numbers": (lambda: {"a": 1, "b": 2}, "[list(X.values())]", as_is, [[1, 2]]),
    "dict of arrays": (lambda: {"data": np.array(ROWS), "target": Y}, "X['data']", as_is, ROWS),
    "set": (lambda: {(1, 2)}, "list(X)", as_is, [[1, 2]]),
    "wide characters": (
        lambda: np.array([["1"], ["2.5"]], np.dtypes.StringDType()), "X.astype(float)", as_is, [[1], [2.5]],
    ),
    "records": (lambda: [{"a": a, "b": b} for a, b in ROWS], "[[x[key] for key in X[0]] for x in X]", as_is, ROWS),
    "rows that are generators": (lambda: [iter(row) for row in ROWS], "[list(x) for x in X]", as_is, ROWS),
    "lazy": (lambda: Lazy(ROWS), "X.collect()", as_is, ROWS),
    "data set": (lambda: Dataset(a=[0.5, 2, 4.25, 7], b=[1, -3, 0, 9]), "X.to_dataframe()", as_is, ROWS),
    "structured": (lambda: STRUCTURED, "X.tolist()", as_is, ROWS),
    "structured in a column": (
        lambda: STRUCTURED[:, None], "[[v for x in row for v in x] for row in X.tolist()]", as_is, ROWS,
    ),
    "list of records": (lambda: list(STRUCTURED), "np.asarray(X).tolist()", as_is, ROWS),
    "object array of rows": (lambda: np.fromiter(map(np.array, ROWS), object), "[list(x) for x in X]", as_is, ROWS),
    "masked": (
        lambda: MASKED, "X[keep] and y[keep] with keep = ~np.ma.getmaskarray(X).any(axis=1)", as_is, ROWS,
    ),
    "sparse": (lambda: sparse.csr_array(np.array(ROWS)), "X.toarray()", as_is, ROWS),
    "sparse, as a dict": (lambda: sparse.dok_array(np.array(ROWS)), "X.toarray()", as_is, ROWS),
    "number": (lambda: 0.5, "[[X]]", as_is, [[0.5]]),
    "array of a number": (lambda: np.array(3), "[[X]]", as_is, [[3]]),
    "numbers, each a point": (lambda: [row[0] for row in COLUMN], EACH.format("[[x] for x in X]"), as_is, COLUMN),
    "numbers of one point": (lambda: [1, 2**53 - 1, 0.5], ONE.format("[X]"), as_is, [[1, 2**53 - 1, 0.5]]),
    "range": (lambda: range(3), EACH.format("[[x] for x in X]"), as_is, [[0], [1], [2]]),
    "array of numbers, each a point": (lambda: np.arange(3), EACH.format("X.reshape(-1, 1)"), as_is, [[0], [1], [2]]),
    "array of one point": (lambda: np.arange(3), ONE.format("X.reshape(1, -1)"), as_is, [[0, 1, 2]]),
    "DLPack": (
        lambda: OnlyDlpack(np.arange(3.0)), EACH.format("np.from_dlpack(X).reshape(-1, 1)"), as_is, [[0], [1], [2]],
    ),
    "pictures": (lambda: np.arange(8).reshape(2, 2, 2), "X.reshape(2, 4)", as_is, [[0, 1, 2, 3], [4, 5, 6, 7]]),
    "nested lists": (
        lambda: [[[1, 2**53 - 1], [0.5, 2]], [[3, 4], [5, 6]]], "np.asarray(X, object).reshape(2, 4)", as_is,
        [[1, 2**53 - 1, 0.5, 2], [3, 4, 5, 6]],
    ),
    "times": (lambda: TIMES[:, None], HALVES.format("X.astype(np.int64)"), halves, [[FIRST + i] for i in range(100)]),
    "times before 1970": (
        lambda: -TIMES.astype("m8[ns]")[:, None], HALVES.format("X.astype(np.int64)"), halves,
        [[-FIRST - i] for i in range(100)],
    ),
    "list of times": (
        lambda: [[time] for time in TIMES], HALVES.format("np.asarray(X).astype(np.int64)"), halves,
        [[FIRST + i] for i in range(100)],
    ),
    "complex": (lambda: np.array(COMPLEX), "np.hstack([X.real, X.imag])", as_is, OF_PARTS),
    "list of complex": (
        lambda: COMPLEX, "[[part for value in row for part in (value.real, value.imag)] for row in X]", as_is, PARTS,
    ),
    "text of numbers": (lambda: np.array(ROWS).astype(str), "X.astype(float)", as_is, ROWS),
    "bytes of numbers": (lambda: np.array(ROWS).astype("S9"), "X.astype(float)", as_is, ROWS),
    "list of text": (lambda: [["1"], ["2.5"]], "np.asarray(X).astype(float)", as_is, [[1], [2.5]]),
    "words": (
        lambda: np.array([["b", "x"], ["a", "y"]]),
        "np.column_stack([np.unique(column, return_inverse=True)[1] for column in X.T])", as_is, [[1, 0], [0, 1]],
    ),
    "text of digits that float64 does not hold": (
        lambda: np.array([[str(2**53)], [str(2**53 + 1)]]),
        "np.column_stack([np.unique(column, return_inverse=True)[1] for column in X.T])", as_is, [[0], [1]],
    ),
    "integers of 64 bits": (lambda: np.array([LARGE]), HALVES.format("X"), halves, [LARGE]),
    "unsigned integers of 64 bits": (lambda: np.array([[2**64 - 1]], "u8"), HALVES.format("X"), halves, [[2**64 - 1]]),
    "list of large integers": (lambda: [[v] for v in LARGE], SPLIT.format("X"), first_split, [[v] for v in LARGE]),
    "large integers beside fractions": (lambda: MIXED, SPLIT.format("X"), first_split, MIXED),
    "objects beside large integers": (lambda: np.array(MIXED, object), SPLIT.format("X"), first_split, MIXED),
}  # fmt: skip

OF_PARTNERS = {
    "lazy frame": ("polars", lambda p: p.DataFrame(ROWS, orient="row").lazy(), "X.collect()", as_is, ROWS),
    "reader": ("pyarrow", lambda p: p.table({"a": [1, 2]}).to_reader(), "X.read_all()", as_is, [[1], [2]]),
    "series": ("pandas", lambda p: p.Series([1, 0.5]), EACH.format("X.to_frame()"), as_is, [[1], [0.5]]),
    "series, one point": ("pandas", lambda p: p.Series([1, 0.5]), ONE.format("[X]"), as_is, [[1, 0.5]]),
    "index": ("pandas", lambda p: p.Index([1, 0.5]), EACH.format("X.to_frame()"), as_is, [[1], [0.5]]),
    "index of tuples": ("pandas", lambda p: p.MultiIndex.from_tuples([(1, 2), (3, 4)]), "[list(x) for x in X]", as_is,
                        [[1, 2], [3, 4]]),
    "series of polars": ("polars", lambda p: p.Series([1.0, 0.5]), EACH.format("X.to_frame()"), as_is, [[1], [0.5]]),
    "one point of polars": ("polars", lambda p: p.Series([1.0, 0.5]), ONE.format("[X]"), as_is, [[1, 0.5]]),
    "chunks": ("pyarrow", lambda p: p.chunked_array([[1], [2]]), EACH.format("[[x] for x in X.to_pylist()]"), as_is,
               [[1], [2]]),
    "one point in chunks": ("pyarrow", lambda p: p.chunked_array([[1], [2]]), ONE.format("[X.to_pylist()]"), as_is,
                            [[1, 2]]),
    "series of arrays": ("pandas", lambda p: p.Series(list(map(np.array, ROWS))), "[list(x) for x in X]", as_is, ROWS),
    "series of frames": (
        "pandas", lambda p: p.Series([p.DataFrame({"a": [2**53 - 1, 1], "b": [0.5, i]}) for i in range(2)]),
        "[[value for row in x.itertuples(index=False, name=None) for value in row] for x in X]", as_is,
        [[2**53 - 1, 0.5, 1, 0], [2**53 - 1, 0.5, 1, 1]],
    ),
    "list of frames": (
        "pandas", lambda p: [p.DataFrame({"a": [2**53 - 1, 1], "b": [0.5, i]}) for i in range(2)],
        "[[value for row in x.itertuples(index=False, name=None) for value in row] for x in X]", as_is,
        [[2**53 - 1, 0.5, 1, 0], [2**53 - 1, 0.5, 1, 1]],
    ),
    "large integers of pandas": (
        "pandas", lambda p: p.DataFrame(COLUMNS), SPLIT.format(f"X.{TUPLES}"), first_split, MIXED,
    ),
    "large integers of polars": (
        "polars", lambda p: p.DataFrame(COLUMNS), SPLIT.format("X.rows()"), first_split, MIXED,
    ),
    "large integers of Arrow": (
        "pyarrow", lambda p: p.table(COLUMNS), SPLIT.format("zip(*X.to_pydict().values())"), first_split, MIXED,
    ),
    "complex of pandas": (
        "pandas", lambda p: p.DataFrame({"a": [1j, 2], "b": [2**53 - 1, 3]}),
        f"[[part for value in row for part in (value.real, value.imag)] for row in X.{TUPLES}]",
        as_is,
        [[0, 1, 2**53 - 1, 0], [2, 0, 3, 0]],
    ),
}  # fmt: skip


def follow(code, message, **names):
    """Evaluate code that a message ends with, or one of the two that it gives for two cases."""
    assert code in message
    code = code.removesuffix(" if X is one point").removesuffix(" if each point is one number, ")
    if " with keep = " in code:
        code, _, keep = code.partition(" with keep = ")
        names["keep"] = eval(keep, {"np": np, **names})
        code = code.replace(" and ", ", ")
    return eval(code, {"np": np, **names})


def check_points(X, code, read, rows):
    y, n = np.arange(len(MASKED)), len(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInput) as caught:
            memorize(X, y)
    assert str(caught.value).endswith(f", {caught.value.in_python}")
    followed = follow(code, caught.value.in_python, X=X, y=y)
    followed = followed[0] if isinstance(followed, tuple) else followed
    array = as_points(followed).array
    assert read(array.tolist()) == (rows if read is halves else exact(rows))
    labels = list(range(n))
    network = memorize(followed, labels, random_state=0, separate="all", fingerprint_bits=8)
    assert network.predict(followed).tolist() == labels
    assert network.contains(followed).all()
    assert (network.certified_radius(followed) >= 0).all()


@pytest.mark.parametrize(("make", "code", "read", "rows"), POINTS.values(), ids=POINTS)
def test_points_are_taken_after_what_the_error_advises(make, code, read, rows):
    check_points(make(), code, read, rows)


@pytest.mark.partner
@pytest.mark.parametrize(("package", "make", "code", "read", "rows"), OF_PARTNERS.values(), ids=OF_PARTNERS)
def test_points_of_other_packages_are_taken_after_what_the_error_advises(package, make, code, read, rows):
    check_points(make(partner(package)), code, read, rows)


def test_advice_for_records_in_a_dict_is_followed_twice():
    X = {"first": {"a": 1, "b": 2}, "second": {"b": 4, "a": 3}}
    for code in ("list(X.values())", "[[x[key] for key in X[0]] for x in X]"):
        with pytest.raises(InvalidInput) as caught:
            memorize(X, [0, 1])
        X = follow(code, str(caught.value), X=X)
    assert X == [[1, 2], [3, 4]]


@functools.cache
def network_of(construction="compact", **options):
    return memorize(ROWS, Y, construction=construction, random_state=0, **options)


def few_of_many(columns="auto"):
    X = np.random.default_rng(0).standard_normal((400, 64))
    return memorize(X, np.arange(400) % 7, columns=columns, separate="all", fingerprint_bits=8, random_state=0)


def near_ones():
    return np.array(ROWS) * (1 + 1e-9)


def beside_near_ones(**options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastmem.constructions.recognition, "_MOST_CUTS", 1)
        return memorize(ROWS, Y, negatives=near_ones(), fingerprint_bits=8, random_state=0, **options)


def classifier():
    return MemorizingClassifier(random_state=0)


QUESTIONS = {
    "predict": lambda X: network_of(fingerprint_bits=8, recognise="rows").predict(X),
    "contains": lambda X: network_of(fingerprint_bits=8, recognise="rows").contains(X),
    "forward": lambda X: network_of().forward(X),
    "certified_radius": lambda X: network_of().certified_radius(X),
    "unsafe_rows": lambda X: network_of().unsafe_rows(X, "float32"),
    "relabel": lambda X: network_of(separate="all").relabel(Y, X),
    "separation": fastmem.separation,
    "compare": lambda X: fastmem.compare(X, Y),
    "fit": lambda X: classifier().fit(X, Y),
    "predict of a classifier": lambda X: classifier().fit(ROWS, Y).predict(X),
}
HELD = ["generator", "map", "dict of columns", "lazy", "data set"]


@pytest.mark.parametrize("container", HELD)
@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_every_function_that_takes_points_gives_the_same_advice(ask, container):
    make, code, _, _ = POINTS[container]
    X = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInput) as caught:
            ask(X)
    assert caught.value.in_python == code
    ask(follow(code, code, X=X))


@pytest.mark.partner
def test_a_lazy_frame_is_refused_without_a_warning_by_a_network_with_names():
    polars = partner("polars")
    X = polars.DataFrame(ROWS, schema=["a", "b"], orient="row")
    network = memorize(X, Y, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidInput, match=r"X.collect\(\)"):
            network.predict(X.lazy())


NANOSECONDS = np.array([FIRST, FIRST + 1, FIRST, FIRST + 2], "M8[ns]")
PAIRS = np.fromiter([(0, "a"), (1, "b"), (0, "a"), (2**53 + 1, "c")], object)
LABELS = {
    "generator": (lambda: (label for label in Y), "list(y)", Y),
    "map": (lambda: map(str, Y), "list(y)", list(map(str, Y))),
    "dict": (lambda: dict(enumerate(Y)), "list(y.values())", Y),
    "dict of one column": (lambda: {"y": Y}, "y['y']", Y),
    "values of a dict": (lambda: dict(enumerate(Y)).values(), "list(y)", Y),
    "lazy": (lambda: Lazy(Y), "y.collect()", Y),
    "one label": (lambda: 3, "[y] * 4", [3] * 4),
    "one word": (lambda: "ab\0", "[y] * 4", ["ab\0"] * 4),
    "array of one label": (lambda: np.array(1.5), "[y] * 4", [1.5] * 4),
    "row": (lambda: np.array(Y)[None], "np.ravel(y)", Y),
    "matrix": (lambda: np.asmatrix(Y), "np.ravel(y)", Y),
    "three dimensions": (lambda: np.arange(8).reshape(4, 2, 1), "y.reshape(4, 2)", [[0, 1], [2, 3], [4, 5], [6, 7]]),
    "structured": (lambda: np.array(list(PAIRS), "i8, U1"), "np.fromiter(map(tuple, y), object)", list(PAIRS)),
    "lists of different lengths": (lambda: [[0], [1, 2], [0], [0]], "np.fromiter(y, object)", [[0], [1, 2], [0], [0]]),
    "sparse column": (lambda: sparse.csr_array(np.array(Y)[:, None]), "y.toarray().ravel()", Y),
}
LABELS_OF_PARTNERS = {
    "lazy frame": ("polars", lambda p: p.DataFrame({"y": Y}).lazy(), "y.collect()", None),
    "dates with a time zone": (
        "pandas",
        lambda p: p.Series(p.to_datetime(["2026-01-01T12:00+02:00"] * 4)),
        "y.dt.tz_convert(None)",
        None,
    ),
}


def check_labels(y, code, labels):
    with pytest.raises(InvalidInput) as caught:
        memorize(ROWS, y)
    assert caught.value.in_python == code
    assert str(caught.value).endswith(f", {code}")
    followed = follow(code, code, y=y)
    if labels is not None:
        predicted = memorize(ROWS, followed, random_state=0).predict(ROWS).tolist()
        assert list(map(repr, predicted)) == list(map(repr, labels))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(("make", "code", "labels"), LABELS.values(), ids=LABELS)
def test_labels_are_taken_after_what_the_error_advises(make, code, labels):
    check_labels(make(), code, labels)


@pytest.mark.partner
@pytest.mark.parametrize(("package", "make", "code", "labels"), LABELS_OF_PARTNERS.values(), ids=LABELS_OF_PARTNERS)
def test_labels_of_other_packages_are_taken_after_what_the_error_advises(package, make, code, labels):
    check_labels(make(partner(package)), code, labels)


def test_masked_labels_are_dropped_with_their_rows():
    X, y = np.array(ROWS), np.ma.masked_array(Y, [0, 1, 0, 0])
    with pytest.raises(InvalidInput) as caught:
        memorize(X, y)
    X, y = follow(caught.value.in_python, str(caught.value), X=X, y=y)
    assert memorize(X, y, random_state=0).predict(X).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("y", "unknown"),
    [(Y, "new"), (NANOSECONDS, "new"), (["a", "b", "a", "c"], None), ([0.5, 1.5, 0.5, 2.5], None)],
    ids=["integers", "times", "text", "floats"],
)
def test_a_label_of_another_kind_stands_among_objects(y, unknown):
    X, others = np.random.default_rng(0).normal(size=(2, 64, 8))
    y, options = np.tile(y, 16), {"fingerprint_bits": 16, "separate": "all", "random_state": 0}
    network = memorize(X, y, **options)
    with pytest.raises(InvalidInput) as caught:
        network.predict(X, unknown=unknown)
    followed = follow(caught.value.in_python, str(caught.value), y=y)
    network = memorize(X, followed, **options)
    assert network.predict(X, unknown=unknown).tolist() == list(y)
    assert network.predict(others[~network.contains(others)], unknown=unknown).tolist()[0] == unknown


# Errors that name an option, another call, or what to do with the data.


def said(call, part):
    """The message of a call that fails, of which this is part."""
    with pytest.raises((fastmem.FastmemError, RuntimeError, ValueError)) as caught:
        call()
    assert part in str(caught.value)
    return str(caught.value)


def options_in(message):
    """The options that a message advises to call `memorize` with."""
    options = re.search(r"memorize\(\.\.\., ([^)]*)\)", message)[1]
    return eval(f"dict({options})")


def one_option(message, name):
    return {name: ast.literal_eval(re.search(rf"\b{name}=(\"[^\"]*\"|'[^']*'|\w+)", message)[1])}


LINE = np.arange(40.0).reshape(20, 2)  # all points on a line
NEAR = np.array([[0.0], [0.25], [0.5], [0.5 + 2.0**-25], [1.0]])
OF_NEAR = [0, 0, 0, 1, 1]
FAR = np.array([[1e300, 0.0], [1e300, 1e-300], [0, 0]])
CIRCLE = fastmem.theory.instances.circle(8)
LAYERS = [([[1, 1], [1, 1]], [1, 2]), ([[1, -1]], [1])]
WIDE = [(np.eye(17), [1] * 17)]


@functools.cache
def near():
    return memorize(NEAR, OF_NEAR, random_state=0)


def rebuilt(message, X, y):
    return memorize(X, y, random_state=0, **options_in(message))


def suggested(net=None, X=ROWS, noise=1e-9, **options):
    """Whether what is suggested finds all copies, of noise that moves no row across a hyperplane."""
    net = network_of(fingerprint_bits=16, separate="all") if net is None else net
    return fastmem.suggest_tolerance(net, X, noise, keep=0.2, random_state=0, **options).right == 1


def memorizes(X, y, **options):
    return memorize(X, y, random_state=0, **options).predict(X).tolist() == list(y)


def other_state(folder):
    """Leave the state of a build of other points, of which it is known that the folder holds it then."""
    unlink = os.unlink
    try:
        os.unlink = lambda path: None
        memorize(np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 2, scratch=folder, resume=folder)
    finally:
        os.unlink = unlink
    return (folder / "fastmem-build.npz").exists()


def drop_contradictions(message):
    X, y = np.array([[0.0], [1.0], [0.0]]), np.array([0, 1, 1])
    kept = np.delete(np.arange(3), [2])
    return memorizes(X[kept], y[kept]) and memorizes(X, [0, 1, 0]) and memorizes(np.column_stack([X, range(3)]), y)


def fill_in_labels(message):
    X, y = np.array(ROWS), np.array([0.5, np.nan, 1.5, np.nan])
    return memorizes(X[y == y], y[y == y]) and memorizes(X, [0.5, "none", 1.5, "none"])


def split_weights(message):
    weights = np.array([[0.1, -(1 / 3)]])
    parts = [np.float32(weights)]
    while (rest := weights - sum(part.astype(float) for part in parts)).any():
        parts.append(np.float32(rest))
    net = fastmem.Network.from_layers([(np.hstack(parts), [0.1])])
    return net.predict(np.hstack([[[1.0, 0.0], [np.nextafter(1, 0), 0.0]]] * len(parts))).tolist() == [1, 0]


def add_up_weights(message):
    weights = sparse.coo_array(([1, 2], ([0, 0], [0, 0])), shape=(1, 1))
    eval(re.search(r"weights\.\w+\(\)", message)[0], {"weights": weights})
    return fastmem.Network.from_layers([(weights, [3])]).predict([[0], [1]]).tolist() == [0, 1]


def objects(*labels):
    return np.fromiter(labels, object)


def positions_beside_the_file(y):
    """Save positions of labels and keep the labels, and pickle the network of the labels."""
    kept = list(dict.fromkeys(y))
    net = fastmem.from_bytes(memorize(ROWS, list(map(kept.index, y)), random_state=0).to_bytes())
    whole = pickle.loads(pickle.dumps(memorize(ROWS, y, random_state=0)))
    return [kept[i] for i in net.predict(ROWS)] == whole.predict(ROWS).tolist() == list(y)


def renamed_or_pickled(message):
    net = pickle.loads(pickle.dumps(named("\ud800\udc00")))
    return net.predict(ROWS).tolist() == Y and fastmem.from_bytes(named("a").to_bytes()).feature_names == ("a", "b")


class Names(np.ndarray):
    """Points with names of columns."""


def named(name):
    X = np.array(ROWS).view(Names)
    X.columns = [name, "b"]
    return memorize(X, Y, random_state=0)


def read_again(path, mode, **options):
    with open(path, mode, **options) as file:
        return fastmem.load(file)


def saved(tmp_path):
    near().save(tmp_path / "net")
    return tmp_path / "net"


def exported(tmp_path, **options):
    near().to_c(tmp_path / "net.c", **options)
    return True


def hashed():
    """Rows that no float32 numbers are equal to, known by a hash of their numbers."""
    return memorize(np.array(ROWS) + 0.1, Y, fingerprint_bits=8, recognise="rows", random_state=0)


def guarded(dtype, X=None, *, unsafe=False, net=None):
    return check_arithmetic(net or near(), dtype, X, unsafe) == dtype


def _frame(names):
    X = np.array([[*row, 0] for row in ROWS])[:, : len(names)]
    return Named(X, names)


def close_points():
    """Points that a margin parts well enough for float32, one of them far away."""
    X = np.random.default_rng(0).normal(size=(20, 2))
    return np.concatenate([X, [[10_000.0, 0]]]), np.arange(21) % 2


@functools.cache
def too_close(in_c=False):
    """A network of them with a hyperplane so near to a point that float32 might lose its label, and does not."""
    X, y = close_points()
    for seed in range(200):
        net = memorize(X, y, random_state=seed)
        moved = 2.0**-24 * net.largest_norm
        if net.smallest_distance <= moved if in_c else not net.is_safe("float32"):
            return net
    raise AssertionError("all are safe")


def on_a_line():
    """Many points on one line, with labels that take turns, and others."""
    line = np.column_stack([np.arange(300.0), 2 * np.arange(300.0) + 1])
    y = np.zeros(700, int)
    y[:300:2] = 1
    return np.concatenate([line, 100 * np.random.default_rng(0).standard_normal((400, 2))]), y


def _in_small_boxes(X, y):
    """What is said of very many points, of few."""
    with patch("fastmem.constructions.boxes._MOST_NUMBERS", 1):
        return memorize(X, y, construction="boxes")


def of_numbers(construction="yun2019", y=Y, **options):
    """A network whose units carry numbers."""
    return memorize(ROWS, y, construction=construction, construction_options=options, random_state=0)


def _tangent(form="tangent", **patches):
    with patch.multiple("fastmem.constructions.bubeck2020", **patches):
        return of_numbers("bubeck2020", form=form).predict(ROWS).tolist() == Y


def _too_long():
    """A network whose numbers float64 rounds so much that nothing is certain."""
    X = (np.repeat(np.arange(20.0), 2) + np.tile([0, 2.0**-40], 20))[:, None]
    return memorize(X, np.arange(40), construction="yun2019", random_state=0), X


def _in_a_small_table(X, y):
    """What is said of very many points, of few."""
    with patch("fastmem.constructions.park2021._MOST_CELLS", 1):
        return memorize(X, y, construction="park2021")


def zero(X):
    """A model that always gives the same answer."""
    return np.zeros(len(X), int)


def corrected(X=ROWS, y=Y, model=zero, **options):
    return CorrectedClassifier(model, random_state=0, **options).fit(X, y)


def _memorize_file(path, read):
    np.save(path / "X.npy", ROWS)
    with open(path / "X.npy", "rb") as file:
        return memorize(np.load(file) if read else file, Y, random_state=0)


def _save_as_text(path):
    with open(path / "text", "w", encoding="utf-8") as file:
        near().save(file)


def _saves(path, mode):
    with open(path / "bytes", mode) as file:
        near().save(file)
    return fastmem.load(path / "bytes") == near()


CALLS = {
    "a report that was pickled": (
        lambda _: pickle.loads(pickle.dumps(network_of().report())).to_html(), "take the page from the network",
        lambda message, folder: "net.report().to_html(path)" in message
        and network_of().report().to_html(folder / "page.html") is None,
    ),
    "a page of labels without points": (
        lambda _: network_of().report().to_html(y=Y), "give X too",
        lambda message, _: "All 4 points" in network_of().report().to_html(X=ROWS, y=Y),
    ),
    "a page about no points": (
        lambda _: network_of().report().to_html(X=np.empty((0, 2))), "leave X out",
        lambda message, _: network_of().report().to_html(),
    ),
    "seeds said twice": (
        lambda _: fastmem.compare(ROWS, Y, seeds=[0], random_state=1), "both say which seeds: give one of them",
        lambda message, _: fastmem.compare(ROWS, Y, seeds=[1]) and fastmem.compare(ROWS, Y, random_state=1),
    ),
    "no seeds": (
        lambda _: fastmem.compare(ROWS, Y, seeds=[]), "give at least one",
        lambda message, _: fastmem.compare(ROWS, Y, seeds=[1]),
    ),
    "points that are equal in some columns": (
        lambda _: memorize(np.eye(4), Y, columns=[0]), 'read one more in which they differ, or take columns="auto"',
        lambda message, _: memorizes(np.eye(4), Y, columns=[0, 3])
        and memorizes(np.eye(4), Y, **one_option(message, "columns")),
    ),
    "names of columns that have none": (
        lambda _: memorize(ROWS, Y, columns=["a"]), "give their numbers",
        lambda message, _: memorizes(ROWS, Y, columns=[0]),
    ),
    "too many rows": (
        lambda _: memorize(np.broadcast_to(np.float32(0), (2**31, 1)), Y, margin=0.1), "split X, and build several",
        lambda message, _: memorizes(ROWS[:2], Y[:2]) and memorizes(ROWS[2:], Y[2:]),
    ),
    "options that partitions lack": (
        lambda folder: memorize(ROWS, Y, margin=0.1, scratch=folder), "leave one of them out",
        lambda message, folder: memorizes(ROWS, Y, margin=0.1) and memorizes(ROWS, Y, scratch=folder),
    ),
    "labels of another length, that are sliced": (
        lambda folder: memorize(Sliced(np.array(ROWS)), Sliced(np.array(Y[1:])), scratch=folder),
        "each row needs one label",
        lambda message, folder: memorize(Sliced(np.array(ROWS)), Sliced(np.array(Y)), scratch=folder),
    ),
    "blocks of two dtypes": (
        lambda _: fastmem.from_blocks([(ROWS, Y), (np.float32(ROWS), Y)]), "as float64: give all blocks one dtype",
        lambda message, _: fastmem.from_blocks([(np.float32(ROWS), Y)] * 2),
    ),
    "labels of two dtypes": (
        lambda _: fastmem.from_blocks([(ROWS, Y), (ROWS, list(map(str, Y)))]), "int64: give all blocks one dtype",
        lambda message, _: fastmem.from_blocks([(ROWS, list(map(str, Y)))] * 2),
    ),
    "blocks that are none": (
        lambda _: fastmem.from_blocks(1), "by a generator or in a list",
        lambda message, _: fastmem.from_blocks([(ROWS, Y)]) and fastmem.from_blocks(pair for pair in [(ROWS, Y)]),
    ),
    "a map of an open file": (
        lambda _: fastmem.load(io.BytesIO(), mmap=True), "needs the path of a file",
        lambda message, folder: network_of().save(folder / "net") or fastmem.load(folder / "net", mmap=True),
    ),
    "a map of what is no file": (
        lambda _: fastmem.load(os.devnull, mmap=True), "leave mmap=True out",
        lambda message, folder: network_of().save(folder / "net") or fastmem.load(folder / "net"),
    ),
    "a state that is none": (
        lambda folder: memorize(ROWS, Y, scratch=folder, resume=folder / "none"), "resume is ",
        lambda message, folder: memorizes(ROWS, Y, scratch=folder, resume=folder),
    ),
    "a state without partitions": (
        lambda folder: memorize(ROWS, Y, resume=folder), "name a folder by scratch=... too",
        lambda message, folder: memorizes(ROWS, Y, scratch=folder, resume=folder) and memorizes(ROWS, Y),
    ),
    "a state of another build": (
        lambda folder: other_state(folder) and memorize(ROWS, Y, scratch=folder, resume=folder),
        "is the state of a build of other points, labels or options: remove it",
        lambda message, folder: [path.unlink() for path in folder.glob("*.npz")]
        and memorizes(ROWS, Y, scratch=folder, resume=folder),
    ),
    "a state that is damaged": (
        lambda folder: (folder / "fastmem-build.npz").write_bytes(b"x")
        and memorize(ROWS, Y, scratch=folder, resume=folder),
        "is no state of a build: remove it",
        lambda message, folder: (folder / "fastmem-build.npz").unlink()
        or memorizes(ROWS, Y, scratch=folder, resume=folder),
    ),
    "a folder that is none": (
        lambda folder: memorize(ROWS, Y, scratch=folder / "none"), "which is no folder: make it",
        lambda message, folder: (folder / "none").mkdir() or memorizes(ROWS, Y, scratch=folder / "none"),
    ),
    "contradictory labels": (
        lambda _: memorize([[0.0], [1.0], [0.0]], [0, 1, 1]),
        "drop these rows, give them one label, or add a column that tells them apart",
        lambda message, _: drop_contradictions(message),
    ),
    "labels that are NaN": (
        lambda _: memorize(ROWS, [0.5, np.nan, 1.5, np.nan]),
        "drop such rows, or give them a label that no other row has",
        lambda message, _: fill_in_labels(message),
    ),
    "labels that are long doubles": (
        lambda _: memorize(ROWS, np.array([0, 1, 0, 2], np.longdouble)), "np.asarray(y).astype(np.float64)",
        lambda message, _: memorizes(ROWS, np.array([0, 1, 0, 2], np.float64)),
    ),
    "another row for unknown rows": (
        lambda _: memorize(ROWS, [[0, 1]] * 4, fingerprint_bits=8).predict(ROWS, unknown=[1, 2, 3]),
        "give 2, or one for all",
        lambda message, _: all(
            memorize(ROWS, [[0, 1]] * 4, fingerprint_bits=8).predict(ROWS, unknown=value).shape == (4, 2)
            for value in ([1, 2], 3)
        ),
    ),
    "labels in a set": (
        lambda _: memorize(ROWS, {0, 1}), "give a list with a label for each row",
        lambda message, _: memorizes(ROWS, Y),
    ),
    "another number of labels": (
        lambda _: memorize(ROWS, [0, 1]), "each row needs one label", lambda message, _: memorizes(ROWS, Y),
    ),
    "not finite": (
        lambda _: memorize([[1.0], [np.nan]], [0, 1]), "remove or impute such rows",
        lambda message, _: memorizes([[1.0]], [0]),
    ),
    "no time": (
        lambda _: memorize(np.array([["NaT"], ["2024"]], "M8[ns]"), [0, 1]), "remove such rows",
        lambda message, _: "in columns of their own" in said(
            lambda: memorize(np.array([["2024"]], "M8[ns]"), [0]), "not numbers"
        ),
    ),
    "an open file": (
        lambda path: _memorize_file(path, read=False), "an open file: read it first",
        lambda message, path: _memorize_file(path, read=True).predict(ROWS).tolist() == Y,
    ),
    "other columns": (
        lambda _: memorize(_frame("ab"), Y).predict(_frame("abc")), "leave that out",
        lambda message, _: memorize(_frame("ab"), Y).predict(_frame("abc").select("ab")).tolist() == Y,
    ),
    "not in general position": (
        lambda _: memorize(*on_a_line(), construction="baum1988", random_state=0), 'use construction="compact"',
        lambda message, _: memorizes(*on_a_line(), **one_option(message, "construction")),
    ),
    "too many hyperplanes": (
        lambda _: memorize(NEARLY_EQUAL, [0, 0, 1], construction="dirksen2024"), 'use construction="compact"',
        lambda message, _: memorizes(NEARLY_EQUAL, [0, 0, 1], **one_option(message, "construction")),
    ),
    "too many sides of boxes": (
        lambda _: _in_small_boxes(ROWS, Y), 'use construction="compact", whose hyperplanes are few',
        lambda message, _: memorizes(ROWS, Y, **one_option(message, "construction")),
    ),
    "on no sphere": (
        lambda _: memorize(*on_a_line(), construction="vershynin2020"), 'or use construction="compact"',
        lambda message, _: memorizes(*on_a_line(), **one_option(message, "construction")),
    ),
    "rows of one length": (
        lambda _: memorize(*on_a_line(), construction="vershynin2020"), "X / np.linalg.norm(X, axis=1, keepdims=True)",
        lambda message, _: memorizes(
            eval(message.split("to one length, ")[1].split(", or")[0], {"X": np.array(ROWS), "np": np}), Y,
            construction="vershynin2020",
        ),
    ),
    "too large a table": (
        lambda _: _in_a_small_table(ROWS, Y), 'use construction="vardi2021"',
        lambda message, _: memorizes(ROWS, Y, **one_option(message, "construction")),
    ),
    "too few terms": (
        lambda _: _tangent(_NEAR_ENOUGH={"class": -1.0}),
        'take construction_options={"form": "slabs"}, or construction="compact"',
        lambda message, _: _tangent("slabs", _TERMS=1.2) and memorizes(ROWS, Y, **one_option(message, "construction")),
    ),
    "too many equations": (
        lambda _: _tangent(_MOST_OF_TANGENT=1), 'take construction_options={"form": "slabs"}',
        lambda message, _: _tangent("slabs", _MOST_OF_TANGENT=1),
    ),
    "values that are no numbers": (
        lambda _: of_numbers(y=list("abba"), output="value"), 'take "class"',
        lambda message, _: of_numbers(y=list("abba"), output="class").predict(ROWS).tolist() == list("abba"),
    ),
    "values that are too large": (
        lambda _: of_numbers(y=[1.7e308, 0, 0, -1.7e308], output="value"),
        'divide all by 2, or take construction_options["output"]="class"',
        lambda message, _: (
            of_numbers(y=[8.5e307, 0, 0, -8.5e307], output="value").predict(ROWS)[0] == pytest.approx(8.5e307)
            and of_numbers(y=[1.7e308, 0, 0, -1.7e308]).predict(ROWS).tolist() == [1.7e308, 0, 0, -1.7e308]
        ),
    ),
    "float32 of numbers": (
        lambda path: check_numbers(of_numbers(), "float32", None, False), 'use dtype="float64"',
        lambda message, path: check_numbers(of_numbers(), "float64", None, False) == "float64",
    ),
    "long numbers": (
        lambda _: check_numbers(_too_long()[0], "float64", None, False), "evaluate the network by predict, in integers",
        lambda message, _: _too_long()[0].predict(_too_long()[1]).tolist() == list(range(40)),
    ),
    "long numbers all the same": (
        lambda _: check_numbers(_too_long()[0], "float64", None, False), "or go on with unsafe=True",
        lambda message, _: check_numbers(_too_long()[0], "float64", None, True) == "float64",
    ),
    "numbers in C": (
        lambda path: of_numbers().to_c(path / "net.c"), 'or build one with memorize(..., construction="compact")',
        lambda message, path: network_of().to_c(path / "net.c").n_units > 0,
    ),
    "radii of numbers": (
        lambda _: of_numbers().certified_radius(ROWS), 'build one with memorize(..., construction="compact")',
        lambda message, _: network_of().certified_radius(ROWS).min() > 0,
    ),
    "classes of a real output": (
        lambda _: fastmem.Network.from_layers([([[1]], [0], "identity")], output="class"), "classes=np.arange(2)",
        lambda message, _: fastmem.Network.from_layers(
            [([[1]], [0], "identity")], output="class", classes=np.arange(2)
        ).predict([[0.75]]).tolist() == [1],
    ),
    "classes of real labels": (
        lambda _: fastmem.Network.from_layers([([[1]], [0], "identity")], [1, 2], output="value"), "leave them out",
        lambda message, _: fastmem.Network.from_layers(
            [([[1]], [0], "identity")], output="value"
        ).predict([[0.75]]).tolist() == [0.75],
    ),
    "one threshold for each unit": (
        lambda _: fastmem.Network.from_layers([([[1], [2]], [0], "relu")]), "and needs one threshold",
        lambda message, _: fastmem.Network.from_layers([([[1]], [0], "relu")]).predict([[3.0]]).tolist() == [3],
    ),
    "too large a network": (
        lambda _: memorize(ROWS, Y, construction="rajput2021", delta=1e-9), 'use construction="compact"',
        lambda message, _: memorizes(ROWS, Y, **one_option(message, "construction")),
    ),
    "too large a delta": (
        lambda _: memorize(np.vstack([LINE, LINE + 1e-6]), np.arange(40) % 2, construction="rajput2021", delta=1.0,
                           random_state=0),
        "It is computed if delta is left out",
        lambda message, _: memorizes(LINE, np.arange(20) % 2, construction="rajput2021"),
    ),
    "a threshold that overflows": (
        lambda _: memorize([[1e308], [-1e308], [0]], Y[:3], construction="rajput2021", delta=1.0, random_state=3),
        "rescale the columns of X",
        lambda message, _: memorizes(np.ldexp([[1e308], [-1e308], [0]], -100), Y[:3], construction="rajput2021"),
    ),
    "a sphere that overflows": (
        lambda _: memorize([[1.7e308] * 2, [-1.7e308] * 2], [0, 1], construction="vershynin2020"),
        "the centre or the radius of the sphere overflows float64: rescale the columns of X",
        lambda message, _: memorizes(
            np.ldexp([[1.7e308] * 2, [-1.7e308] * 2], -10), [0, 1], construction="vershynin2020"
        ),
    ),
    "a margin that is too large": (
        lambda _: memorize([[0], [1], [2]], [0, 1, 0], margin=0.6), "ask for less",
        lambda message, _: memorizes([[0], [1], [2]], [0, 1, 0], margin=0.4),
    ),
    "relabel without codes": (
        lambda _: network_of("baum1988").relabel(Y), 'memorize(..., construction="compact", separate="all")',
        lambda message, _: rebuilt(message, ROWS, Y).relabel([3, 2, 1, 0]).predict(ROWS).tolist() == [3, 2, 1, 0],
    ),
    "codes without codes": (
        lambda _: network_of("baum1988").codes(ROWS), 'memorize(..., construction="compact")',
        lambda message, _: len(rebuilt(message, ROWS, Y).codes(ROWS)) == 4,
    ),
    "relabel of few codes": (
        lambda _: network_of().relabel(Y), 'memorize(..., separate="all")',
        lambda message, _: rebuilt(message, ROWS, Y).relabel([3, 2, 1, 0]).predict(ROWS).tolist() == [3, 2, 1, 0],
    ),
    "relabel of a file": (
        lambda _: fastmem.from_bytes(network_of(separate="all").to_bytes()).relabel([3, 2, 1, 0]),
        "give the points too",
        lambda message, _: eval(
            "net." + re.search(r"relabel\(y, X\)", message)[0],
            {"net": fastmem.from_bytes(network_of(separate="all").to_bytes()), "y": [3, 2, 1, 0], "X": ROWS},
        ).predict(ROWS).tolist() == [3, 2, 1, 0],
    ),
    "relabel with other lengths": (
        lambda _: network_of(separate="all").relabel([0, 1], [*ROWS, [9, 9]]),
        "y has 2 labels and X has 5 rows, but the network memorized 4 points: each of them needs one label",
        lambda message, _: network_of(separate="all").relabel(Y, ROWS).predict(ROWS).tolist() == Y,
    ),
    "relabel with fewer labels": (
        lambda _: network_of(separate="all").relabel([0, 1]),
        "y has 2 labels, but the network memorized 4 points: each of them needs one label",
        lambda message, _: network_of(separate="all").relabel(Y).predict(ROWS).tolist() == Y,
    ),
    "negatives without fingerprints": (
        lambda _: memorize(ROWS, Y, negatives=[[9, 9]]), "add fingerprint_bits=16",
        lambda *_: not memorize(ROWS, Y, negatives=[[9, 9]], fingerprint_bits=16).contains([[9, 9]]).any(),
    ),
    "negatives that are memorized": (
        lambda _: memorize(ROWS, Y, negatives=[[9, 9], ROWS[2]], fingerprint_bits=8),
        "negatives[1] equals X[2], which is memorized: a row cannot be both, so leave it out of negatives",
        lambda *_: memorize(ROWS, Y, negatives=[[9, 9]], fingerprint_bits=8, random_state=0).contains(ROWS).all(),
    ),
    "negatives too near": (
        lambda _: beside_near_ones(), 'hyperplanes do not part all of them: leave them out, or take recognise="rows"',
        lambda *_: not beside_near_ones(recognise="rows").contains(near_ones()).any(),
    ),
    "fingerprints of rows as units": (
        lambda _: network_of(fingerprint_bits=8, recognise="rows").forward(ROWS, unknown=9),
        'memorize(..., recognise="cells"), or take net.without_fingerprints()',
        lambda *_: network_of(fingerprint_bits=8, recognise="cells").forward(ROWS, unknown=9).tolist() == Y,
    ),
    "fingerprints of all columns": (
        lambda _: few_of_many().on_columns(),
        "net.without_fingerprints().on_columns(), or build it with memorize(..., columns=net.columns)",
        lambda *_: few_of_many().without_fingerprints().on_columns().fingerprint_bits == 0
        and few_of_many(few_of_many().columns).on_columns().fingerprint_bits == 8,
    ),
    "tolerance where rows are known by a hash": (
        lambda _: network_of(fingerprint_bits=8, recognise="rows").predict(ROWS, unknown=9, tolerance=0.1),
        'memorize(..., recognise="cells")',
        lambda *_: network_of(fingerprint_bits=8).predict(ROWS, unknown=9, tolerance=0.1).tolist() == Y,
    ),
    "contains without fingerprints": (
        lambda _: network_of().contains(ROWS), "build the network with memorize(..., fingerprint_bits=16), say",
        lambda message, _: rebuilt(message, ROWS, Y).contains(ROWS).all(),
    ),
    "unknown without codes": (
        lambda _: network_of("rajput2021").predict(ROWS, unknown=9),
        'memorize(..., construction="compact", fingerprint_bits=16)',
        lambda message, _: rebuilt(message, ROWS, Y).predict(ROWS, unknown=9).tolist() == Y,
    ),
    "tolerance without fingerprints": (
        lambda _: network_of().predict(ROWS, tolerance=0.1), "memorize(..., fingerprint_bits=16)",
        lambda message, _: rebuilt(message, ROWS, Y).predict(ROWS, tolerance=0.1, unknown=9).tolist() == Y,
    ),
    "tolerance without unknown": (
        lambda _: network_of(fingerprint_bits=8).predict(ROWS, tolerance=0.1),
        "say with unknown=... which label they get",
        lambda message, _: network_of(fingerprint_bits=8).predict(ROWS, tolerance=0.1, unknown=9).tolist() == Y,
    ),
    "a classifier without fingerprints": (
        lambda _: MemorizingClassifier(unknown=9).fit(ROWS, Y), "ask for them too, fingerprint_bits=16",
        lambda message, _: MemorizingClassifier(unknown=9, **one_option(message, "fingerprint_bits")).fit(
            ROWS, Y
        ).predict(ROWS).tolist() == Y,
    ),
    "the tolerance of a classifier without unknown": (
        lambda _: MemorizingClassifier(tolerance=0.1).fit(ROWS, Y), "say with unknown=... what they get",
        lambda message, _: MemorizingClassifier(tolerance=0.1, unknown=9, fingerprint_bits=16).fit(ROWS, Y).predict(
            ROWS
        ).tolist() == Y,
    ),
    "the tolerance of a classifier that knows whole rows": (
        lambda _: MemorizingClassifier(tolerance=0.1, unknown=9, fingerprint_bits=16, recognise="rows").fit(ROWS, Y),
        'take cells instead, recognise="cells"',
        lambda message, _: MemorizingClassifier(
            tolerance=0.1, unknown=9, fingerprint_bits=16, **one_option(message.rpartition(",")[2], "recognise")
        ).fit(ROWS, Y).predict(ROWS).tolist() == Y,
    ),
    "contradictory labels beside a model": (
        lambda _: corrected([*ROWS, ROWS[0]], [*Y, 2]), 'or leave them to the model, contradictory="model"',
        lambda message, _: corrected([*ROWS, ROWS[0]], [*Y, 2], **one_option(message, "contradictory")).predict(
            ROWS
        ).tolist() == Y,
    ),
    "guard rows that are memorized": (
        lambda _: corrected().correct([[9, 9]], [2], guard=[[8, 8], ROWS[1]]), "forget it, or leave it out of guard",
        lambda *_: corrected().forget(ROWS[1:2]).correct([[9, 9]], [2], guard=[[8, 8], ROWS[1]]).predict(
            [*ROWS, [9, 9]]
        ).tolist() == [0, 0, 1, 0, 2]
        and corrected().correct([[9, 9]], [2], guard=[[8, 8]]).predict([*ROWS, [9, 9]]).tolist() == [*Y, 2],
    ),
    "rows to forget that are not memorized": (
        lambda _: corrected().forget(ROWS), "leave out what was not corrected",
        lambda *_: corrected().forget(ROWS[1:3]).predict(ROWS).tolist() == [0] * 4,
    ),
    "text beside a memory": (
        lambda _: corrected([["fish"], ["red fish"]], [1, 0]), "give it as a Pipeline whose first steps make numbers",
        lambda *_: corrected(
            ["fish", "red fish", "red red fish"], [1, 0, 1], make_pipeline(CountVectorizer(), MultinomialNB())
        ).predict(["fish", "red fish", "red red fish"]).tolist() == [1, 0, 1],
    ),
    "targets that are NaN": (
        lambda _: MemorizingRegressor().fit(ROWS, [0.5, math.nan, 1.5, 2.5]), "drop such rows of X and y",
        lambda message, _: MemorizingRegressor().fit([ROWS[0], *ROWS[2:]], [0.5, 1.5, 2.5]).score(
            [ROWS[0], *ROWS[2:]], [0.5, 1.5, 2.5]
        ) == 1.0,
    ),
    "targets that are complex": (
        lambda _: MemorizingRegressor().fit(ROWS, [1j, 2j, 3, 4]), "give real and imaginary parts as two values",
        lambda message, _: MemorizingRegressor().fit(
            ROWS, follow("np.stack([np.real(y), np.imag(y)], axis=-1)", message, y=[1j, 2j, 3, 4])
        ).predict(ROWS).tolist() == [[0, 1], [0, 2], [3, 0], [4, 0]],
    ),
    "float32": (
        lambda _: guarded("float32"), 'use dtype="float64"', lambda message, _: guarded(**one_option(message, "dtype")),
    ),
    "float32, with a margin": (
        lambda _: guarded("float32", net=too_close()), "build with memorize(..., margin=",
        lambda message, _: guarded("float32", net=rebuilt(message, *close_points())),
    ),
    "float32 of another construction": (
        lambda _: guarded("float32", net=memorize(*close_points(), construction="baum1988", random_state=0)),
        'build with memorize(..., construction="compact", margin=',
        lambda message, _: guarded("float32", net=rebuilt(message, *close_points())),
    ),
    "float32, row by row": (
        lambda _: guarded("float32"), "give X=... to check each row",
        lambda message, _: "(2, 3)" in said(lambda: guarded("float32", NEAR), "2 of 5 rows"),
    ),
    "float32, in spite of it": (
        lambda _: guarded("float32"), "or go on with unsafe=True",
        lambda message, _: guarded("float32", **one_option(message, "unsafe")),
    ),
    "neither float": (
        lambda _: guarded("float32", net=memorize([[1e300], [2e300]], [0, 1], random_state=0)), "scale the points",
        lambda message, _: guarded("float32", net=memorize(np.ldexp([[1e300], [2e300]], -990), [0, 1], random_state=0)),
    ),
    "C of float64 points": (
        lambda path: exported(path), 'take dtype="float64"', lambda message, path: exported(path, dtype="float64"),
    ),
    "C, with a margin": (
        lambda path: too_close(in_c=True).to_c(path / "net.c"), "build with memorize(..., margin=",
        lambda message, path: rebuilt(message, *close_points()).to_c(path / "net.c").n_units > 0,
    ),
    "C, row by row": (
        lambda path: too_close(in_c=True).to_c(path / "net.c"),
        "give X=..., the memorized points, to check each of them",
        lambda message, path: too_close(in_c=True).to_c(path / "net.c", X=close_points()[0]).n_units > 0,
    ),
    "C, in spite of it": (
        lambda path: exported(path), "or go on with unsafe=True",
        lambda message, path: exported(path, **one_option(message, "unsafe")),
    ),
    "JavaScript of float64 points, known by a hash": (
        lambda path: hashed().to_js(path / "net.mjs"), 'take dtype="float64"',
        lambda message, path: hashed().to_js(path / "net.mjs", **one_option(message, "dtype")) is None,
    ),
    "labels that C has not": (
        lambda path: memorize(ROWS, list("abba"), random_state=0).to_c(path / "net.c"),
        'output="index" returns positions in net.classes',
        lambda message, path: memorize(ROWS, list("abba"), random_state=0).to_c(
            path / "net.c", dtype="float64", **one_option(message, "output")
        ).n_units,
    ),
    "duplicate connections": (
        lambda _: fastmem.Network.from_layers([(sparse.coo_array(([1, 2], ([0, 0], [0, 0])), shape=(1, 1)), [3])]),
        "add its weights up first, weights.sum_duplicates()", lambda message, _: add_up_weights(message),
    ),
    "weights of float64": (
        lambda _: fastmem.Network.from_layers([([[0.1, -(1 / 3)]], [0.1])]),
        "split it in several that add up to it, for so many equal columns of the input",
        lambda message, _: split_weights(message),
    ),
    "layers without classes": (
        lambda _: fastmem.Network.from_layers(WIDE), "say which labels they stand for, classes=np.arange(131072)",
        lambda message, _: fastmem.Network.from_layers(
            WIDE, **eval(f"dict({message.rpartition('for, ')[2]})", {"np": np})
        ).predict([[1, 0, 1] + [0] * 14]).tolist() == [5],
    ),
    "no layers": (
        lambda _: fastmem.Network.from_layers([]), "a network needs at least one layer",
        lambda message, _: fastmem.Network.from_layers(LAYERS).depth == 2,
    ),
    "thresholds": (
        lambda _: fastmem.Network.from_layers([([[1]], [1, 2])]), "each row of the weights is one unit, and needs one",
        lambda message, _: fastmem.Network.from_layers([([[1]], [1])]).depth == 1,
    ),
    "sparse thresholds": (
        lambda _: fastmem.Network.from_layers([([[1]], sparse.csr_array([[1]]))]),
        "thresholds of layer 1 is sparse: pass a dense array",
        lambda message, _: fastmem.Network.from_layers([([[1]], sparse.csr_array([[1]]).toarray()[0])]).depth == 1,
    ),
    "masked weights": (
        lambda _: fastmem.Network.from_layers([(np.ma.masked_array([[1, 2]], [[0, 1]]), [1])]),
        "weights of layer 1 is a masked array with masked entries, the first in row 0",
        lambda message, _: fastmem.Network.from_layers([([[1]], [1])]).depth == 1,
    ),
    "classes in columns": (
        lambda _: fastmem.Network.from_layers(LAYERS, {"a": ["no", "yes"]}), "classes['a']",
        lambda message, _: fastmem.Network.from_layers(
            LAYERS, follow("classes['a']", message, classes={"a": ["no", "yes"]})
        ).predict([[0, 1]]).tolist() == ["yes"],
    ),
    "an instance that was not memorized": (
        lambda _: memorize(CIRCLE.X, np.zeros(8), random_state=0).report(instance=CIRCLE),
        "memorize its X and y, with separate='labels'",
        lambda message, _: memorize(
            CIRCLE.X, CIRCLE.y, random_state=0, **one_option(message, "separate")
        ).report(instance=CIRCLE).instance_bound == 4,
    ),
    "a network file that is open for text": (
        _save_as_text, "open it with mode 'wb'",
        lambda message, path: _saves(path, re.search(r"mode '(\w+)'", message)[1]),
    ),
    "a network file read as text": (
        lambda path: read_again(saved(path), "r", encoding="latin-1"), "open it with mode 'rb'",
        lambda message, path: read_again(saved(path), re.search(r"mode '(\w+)'", message)[1]) == near(),
    ),
    "a path in place of bytes": (
        lambda path: fastmem.from_bytes(str(saved(path))), "load(path) reads a file",
        lambda message, path: eval(
            re.search(r"load\(path\)", message)[0], {"load": fastmem.load, "path": saved(path)}
        ) == near(),
    ),
    "a name that JSON changes": (
        lambda _: named("\ud800\udc00").to_bytes(), "give it another one, or pickle the network",
        lambda message, _: renamed_or_pickled(message),
    ),
    "labels that JSON changes": (
        lambda _: memorize(ROWS, objects((0,), (1, 2), (0,), (3,)), random_state=0).to_bytes(),
        "memorize the positions of labels among the different ones and keep these beside the file, or pickle",
        lambda message, _: positions_beside_the_file(objects((0,), (1, 2), (0,), (3,))),
    ),
    "moment curve": (
        lambda _: fastmem.theory.instances.moment_curve(8, 3), '(form="polynomial" takes any d)',
        lambda message, _: fastmem.theory.instances.moment_curve(8, 3, **one_option(message, "form")).X.shape == (8, 3),
    ),
    "pairs": (
        lambda _: fastmem.theory.instances.tight_pairs(7, 3), "pairs take an even number of points",
        lambda message, _: len(fastmem.theory.instances.tight_pairs(8, 3).X) == 8,
    ),
    "a tolerance without fingerprints": (
        lambda _: suggested(net=network_of("baum1988")), 'memorize(..., construction="compact", fingerprint_bits=16)',
        lambda message, _: suggested(net=rebuilt(message, ROWS, Y)),
    ),
    "a tolerance for a hash of rows": (
        lambda _: suggested(net=network_of(fingerprint_bits=8, recognise="rows")), 'memorize(..., recognise="cells")',
        lambda message, _: suggested(net=network_of(fingerprint_bits=8, **options_in(message))),
    ),
    "a tolerance for other rows": (
        lambda _: suggested(X=np.array(ROWS) * 100), "give all rows that it memorized, in any order",
        lambda message, _: suggested(X=ROWS[::-1]),
    ),
    "a tolerance for no noise": (
        lambda _: suggested(noise=None), "give one of the two, as noise=0.1",
        lambda message, _: suggested(**one_option(message, "noise")),
    ),
    "rows without copies": (
        lambda _: suggested(rows=[0, 1]), "give copies=... too",
        lambda message, _: suggested(noise=None, rows=[0, 1], copies=ROWS[:2]),
    ),
    "noise of another shape": (
        lambda _: suggested(noise=ROWS), "give a standard deviation, 2 of them, or a covariance of shape (2, 2)",
        lambda message, _: suggested(noise=1e-9) and suggested(noise=[0, 1e-9]) and suggested(noise=np.zeros((2, 2)))
        and suggested(noise=None, copies=ROWS),
    ),
    "copies of some rows": (
        lambda _: suggested(noise=None, copies=ROWS[2:]), "say with rows=... of which row of X each is a copy",
        lambda message, _: suggested(noise=None, copies=ROWS[2:], rows=[2, 3]),
    ),
    "equal points": (
        lambda _: fastmem.separation([[1.0], [1.0]]), "a separation needs two distinct rows",
        lambda message, _: fastmem.separation([[1.0], [2.0]]).distance == 1,
    ),
    "points too near": (
        lambda _: fastmem.separation(FAR), "rescale the columns",
        lambda message, _: fastmem.separation(FAR / FAR.max(axis=0)).distance == 1,
    ),
    "points too far": (
        lambda _: fastmem.separation([[1.7e308], [-1.7e308]]), "rescale the columns",
        lambda message, _: fastmem.separation(np.ldexp([[1.7e308], [-1.7e308]], -10)).distance > 1e300,
    ),
}  # fmt: skip


def dask_arrays(X=ROWS, y=Y, chunks=2):
    import dask.array as da

    return da.from_array(np.array(X, float), chunks=chunks), da.from_array(np.array(y), chunks=chunks)


def dask_frame(y):
    import dask.dataframe as dd
    import pandas

    return dd.from_pandas(pandas.DataFrame(y), npartitions=1)


OF_PARTNERS_CALLS = {
    "options that Dask lacks": (
        "dask.array", lambda: memorize(*dask_arrays(), margin=0.1), "is a collection of Dask: leave it out",
        lambda message: memorizes(ROWS, Y, margin=0.1),
    ),
    "labels that are in memory": (
        "dask.array", lambda: memorize(dask_arrays()[0].rechunk({1: -1}), Y), "and y is none: make one of it",
        lambda message: memorize(dask_arrays()[0].rechunk({1: -1}), dask_arrays()[1]),
    ),
    "no labels of any shape": (
        "dask.array",
        lambda: memorize(dask_arrays()[0].rechunk({1: -1}), dask_arrays(y=np.zeros((4, 1, 1)))[1]),
        "points are rows, and each needs one label",
        lambda message: memorize(dask_arrays()[0].rechunk({1: -1}), dask_arrays()[1]),
    ),
    "columns in chunks": (
        "dask.array",
        lambda: memorize(*dask_arrays(chunks=1)), "a block needs whole rows, so chunk it along rows alone",
        lambda message: memorize(dask_arrays(chunks=1)[0].rechunk({1: -1}), dask_arrays(chunks=1)[1]),
    ),
    "rows of labels for frames": (
        "dask.dataframe",
        lambda: memorize(ROWS, [[0, 1]] * 4).predict(dask_frame(ROWS)), "a series holds single ones: ask for an array",
        lambda message: memorize(ROWS, [[0, 1]] * 4).predict(dask_frame(ROWS).to_dask_array()) is not None,
    ),
    "graph": (
        "networkx", lambda: network_of().to_networkx(most_weights=1), "give most_weights=",
        lambda message: network_of().to_networkx(**one_option(message, "most_weights")).number_of_nodes() > 0,
    ),
    "labels that ONNX has not": (
        "onnx", lambda: memorize(ROWS, [b"a", b"b", b"b", b"a"]).to_onnx("never written"), 'output="index"',
        lambda message: one_option(message, "output") == {"output": "index"},
    ),
    "rows known by a hash, to ONNX": (
        "onnx", lambda: network_of(fingerprint_bits=8, recognise="rows").to_onnx("never written"),
        "build one with memorize(..., recognise=\"cells\"), or take net.without_fingerprints()",
        lambda message: network_of(fingerprint_bits=8, **one_option(message, "recognise")).recognise_by == "cells",
    ),
    "labels that numba has not": (
        "numba", lambda: memorize(ROWS, list("abba")).jit(), 'output="index"',
        lambda message: memorize(ROWS, list("abba"), random_state=0).jit(**one_option(message, "output"))[0](
            np.array(ROWS[1], float)
        ) == 1,
    ),
    "numba without fingerprints": (
        "numba", lambda: network_of("baum1988").jit(unknown=9),
        'memorize(..., construction="compact", fingerprint_bits=16)',
        lambda message: rebuilt(message, ROWS, Y).jit(unknown=9)[0](np.array(ROWS[1], float)) == 1,
    ),
    "labels without points": (
        "matplotlib", lambda: fastmem.plot.cells(network_of(), y=Y), "give X too",
        lambda message: fastmem.plot.cells(network_of(), X=ROWS, y=Y) is not None,
    ),
    "no series": (
        "matplotlib", lambda: fastmem.plot.scaling([1, 2, 3], {}), "give at least one name with its measurements",
        lambda message: fastmem.plot.scaling([1, 2, 3], {"a": [1, 2, 3]}) is not None,
    ),
    "no constructions": (
        "matplotlib", lambda: fastmem.plot.comparison([]), "give at least one construction",
        lambda message: fastmem.plot.comparison(fastmem.compare(ROWS, Y, random_state=0).to_dict()["rows"]) is not None,
    ),
    "a point of another dtype": (
        "torch", lambda: network_of().to_torch()(__import__("torch").zeros((1, 2))), "give X.to(torch.float64)",
        lambda message: network_of().to_torch()(__import__("torch").zeros((1, 2)).double()).shape == (1,),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fails", "part", "works"), CALLS.values(), ids=CALLS)
def test_a_call_works_after_what_the_error_advises(fails, part, works, tmp_path):
    assert works(said(lambda: fails(tmp_path), part), tmp_path)


@pytest.mark.partner
@pytest.mark.parametrize(("package", "fails", "part", "works"), OF_PARTNERS_CALLS.values(), ids=OF_PARTNERS_CALLS)
def test_a_call_with_other_packages_works_after_what_the_error_advises(package, fails, part, works):
    partner(package)
    assert works(said(fails, part))


# The tables are complete.

# Strings that name a remedy and stand in no row, by the file that holds them.
EXEMPT = {
    "api.py: scratch is a folder of this machine": "needs a cluster: tests/partitions/test_dask.py",
    "_kernels/__init__.py": "without compiled modules nothing can be called",
    "machine/partners.py": "tests do not install packages; tests/test_names.py and others look at the command",
    "export/c/text.py": "C code",
    "export/c/lookup_text.py": "C code",
    "export/js/text.py": "JavaScript code",
    "html/style.py": "CSS",
    "export/js/module.py: {} reads {} bits at a time": "memorize builds no such network: tests/export/test_js.py",
    "data/as_labels.py: y has dates with a time zone": "in the table of labels of other packages",
    "network/base.py: labels are long doubles": "pickles of version 0.1: tests/network/test_pickles.py",
    "network/labels.py: labels are long doubles": "files of version 0.1: tests/network/test_io.py",
    'network/given.py: output="bits" needs': "says what does not fit, no remedy",
    "network/given.py: output={} needs": "says what does not fit, no remedy",
    "theory/separation.py: all {} labels are equal": "says what there is none of, no remedy",
    "theory/instances.py: m hyperplanes have at most": "says why a bound is one",
    "theory/lower_bounds.py: m hyperplanes cut": "says why a bound is one",
    "network/format.py: settings and labels take more than": "takes labels of 100 MB; advice as below",
    "network/format.py: written in format": "there is no newer version yet",
    "export/torch.py: a float32 network needs": "tests/export/test_torch.py",
    "export/torch.py: X has dtype": "in the table for PyTorch",
    "export/torch_lookup.py: in float32 arithmetic": "tests/export/test_torch.py",
    "export/jit/predictor.py: out needs one place": "tests/export/test_jit.py",
    "plot.py: series ": "says what does not fit, no remedy",
    "theory/scaling.py: x has": "says what does not fit, no remedy",
    "noise.py: for {} fingerprint bits": "no error, but what is printed: tests/test_noise.py",
    "estimators/corrections.py: tolerance=": "a warning: tests/estimators/test_corrected.py",
    "store/symbols.py": "damaged files are not mended",
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_every_advice_in_the_source_is_tried(tmp_path):
    parts_told = [part for _, _, part, _ in OF_PARTNERS_CALLS.values()]
    messages = [said(lambda: network_of(fingerprint_bits=8).predict(ROWS, unknown="new"), "give a value of that kind")]
    refused = [(make(), Y) for make, *_ in POINTS.values()] + [(ROWS, make()) for make, *_ in LABELS.values()]
    messages += [said(lambda case=case: memorize(*case), "") for case in [*refused, (ROWS, MASKED[:, 1])]]
    messages += [said(lambda fails=fails: fails(tmp_path), part) for fails, part, _ in CALLS.values()]
    messages += [code for _, _, code, *_ in [*OF_PARTNERS.values(), *LABELS_OF_PARTNERS.values()]]
    untold = [
        f"{name}: {text}"
        for name, text, pattern in advice()
        if not name.startswith("cli/")  # tests/cli/test_remedies.py
        and not any(f"{name}: {text}".startswith(key) for key in EXEMPT)
        and not any(re.search(pattern, message) for message in messages)
        and not any(part in text for part in parts_told)
    ]
    assert untold == []
