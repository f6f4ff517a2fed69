"""Labels: whatever can be told apart comes back in its own dtype, value by value; the rest is refused."""

import datetime
import decimal
import fractions

import numpy as np
import pytest
from support.partners import partner

from fastmem import ContradictoryLabels, InvalidInput, memorize

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]


def points(n):
    """N distinct points."""
    return np.random.default_rng(n).standard_normal((n, 4))


def network(y):
    return memorize(points(len(y)), y, random_state=0)


def returned(y):
    return network(y).predict(points(len(y)))


def refusal(y, n=None):
    with pytest.raises(InvalidInput) as caught:
        memorize(points(len(y) if n is None else n), y)
    assert type(caught.value) is InvalidInput
    return str(caught.value)


def assert_same(labels, y):
    """Equal dtype, shape and bits."""
    assert labels.dtype == y.dtype
    assert labels.shape == y.shape
    assert labels.tobytes() == y.tobytes()


def assert_same_objects(labels, y):
    """Equal types and values, one by one; NumPy's scalars are the Python values that they stand for."""
    assert labels.dtype == object
    y = [label.item() if isinstance(label, np.number) else label for label in y]
    assert [(type(label), label) for label in labels] == [(type(label), label) for label in y]


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def mixed(values, n=60):
    """N labels drawn from an array, each value at least once."""
    order = np.random.default_rng(1).integers(0, len(values), n)
    order[: len(values)] = np.arange(len(values))
    return values[order]


# Dtypes


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_come_back_in_their_dtype(dtype, byte_order):
    limits = np.iinfo(dtype)
    y = mixed(np.array([0, 1, limits.min, limits.max, 7], np.dtype(dtype).newbyteorder(byte_order)))
    assert_same(returned(y), y)


def test_64_bit_integers_that_float64_does_not_hold_come_back():
    y = np.array([2**53, 2**53 + 1, 2**63 - 1, 2**63 - 2, -(2**63), 1 - 2**63])
    assert_same(returned(y), y)


def test_booleans_come_back():
    y = mixed(np.array([False, True]))
    assert_same(returned(y), y)


@pytest.mark.parametrize("dtype", ["U", "U7", "S", "S9", ">U3"])
def test_text_comes_back_in_its_dtype(dtype):
    y = mixed(np.array(["", "a", "b", "ab", " a", "A"]).astype(dtype))
    assert_same(returned(y), y)


def test_text_beyond_ascii_comes_back():
    y = mixed(np.array(["é", "e\u0301", "猫", "\U0001f600", "\x00a", "\ud800"]))
    assert_same(returned(y), y)


def test_text_of_variable_width_comes_back():
    y = mixed(np.array(["", "a", "ab" * 40, "猫"], np.dtypes.StringDType()))
    labels = returned(y)
    assert labels.dtype == y.dtype
    assert labels.tolist() == y.tolist()


@pytest.mark.parametrize("unit", ["Y", "M", "D", "s", "ms", "ns", "25s"])
@pytest.mark.parametrize("kind", ["M8", "m8"])
def test_dates_and_durations_come_back_in_their_unit(kind, unit):
    y = mixed(np.array([0, 1, -1, 10**4]).astype(f"{kind}[{unit}]"))
    assert_same(returned(y), y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_come_back_bit_by_bit(dtype):
    limits = np.finfo(dtype)
    values = [0.0, -0.0, 1.0, 1 + limits.eps, np.inf, -np.inf, limits.max, limits.min, limits.smallest_subnormal]
    y = mixed(np.array(values, dtype))
    assert_same(returned(y), y)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_in_the_other_byte_order_come_back_in_it(dtype):
    y = mixed(np.array([0.0, -0.0, 1.5, -np.inf], np.dtype(dtype).newbyteorder()))
    assert_same(returned(y), y)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_labels_come_back_bit_by_bit(dtype):
    parts = [0.0, -0.0, 1.5, np.inf, -np.inf]
    values = np.empty(25, dtype)
    values.real, values.imag = np.repeat(parts, 5), np.tile(parts, 5)
    y = mixed(values)
    assert_same(returned(y), y)
    assert len(network(y).classes) == 25


LONG = np.longdouble
BETWEEN = np.nextafter(LONG(1), LONG(2))  # 1.0 as float64, but where long doubles are float64
IS_WIDE = np.finfo(LONG).nmant > np.finfo(np.float64).nmant


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            np.array([1, 0.5], LONG),
            r"y\[0\] is .*1.*: a long double, .* memorize float64, np.asarray\(y\).astype\(np.float64\)",
        ),
        (np.array([np.nan, 0.5], LONG), r"astype\(np.float64\)"),
        (np.array([1, 2j], np.clongdouble), r"astype\(np.complex128\)"),
        ([LONG(1), 2.0], r"astype\(np.float64\)"),
        ([LONG(1), "a"], r"y\[0\] is .*; memorize float, float\(y\[0\]\)"),
        (objects(None, np.clongdouble(1j)), r"y\[1\] is .*; memorize complex, complex\(y\[1\]\)"),
        (objects(None, (1, (LONG(2),))), r"y\[1\] is .*; memorize floats or text in its place"),
        (objects([1], [LONG(2)]), r"y\[1\] is "),
    ],
)
def test_long_doubles_are_refused_with_the_dtype_that_holds_them(y, message):
    with pytest.raises(InvalidInput, match=message):
        network(y)


@pytest.mark.skipif(not IS_WIDE, reason="long doubles are float64 here")
@pytest.mark.parametrize("dtype", [LONG, np.clongdouble])
def test_long_doubles_that_float64_does_not_hold_are_told_apart_as_text(dtype):
    y = mixed(np.array([1, BETWEEN, -0.0, 0.0, np.finfo(LONG).max], dtype))
    assert "memorize text, np.asarray(y).astype(str)" in refusal(y)
    assert "memorize str, str(y[0])" in refusal(y[1:2].astype(object))
    text = y.astype(str)
    assert len(set(text)) == 5
    assert_same(returned(text), text)


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, "object"])
def test_zero_and_minus_zero_are_two_classes(dtype):
    y = np.array([0.0, -0.0, 0.0, -0.0]).astype(dtype)
    net = network(y)
    assert len(net.classes) == 2
    assert np.array_equal(np.signbit(net.predict(points(4)).real.astype(float)), [False, True, False, True])


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, "object"])
def test_zero_and_minus_zero_contradict_each_other(dtype):
    with pytest.raises(ContradictoryLabels) as caught:
        memorize([[1.0], [1.0]], np.array([0.0, -0.0]).astype(dtype))
    assert caught.value.rows == [(0, 1)]


LAYOUTS = {
    "strided": lambda y: np.repeat(y, 2)[::2],
    "reversed": lambda y: np.ascontiguousarray(y[::-1])[::-1],
    "read-only": lambda y: np.frombuffer(y.tobytes(), y.dtype),
    "column": lambda y: np.column_stack([y, y])[:, 1],
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple(y.tolist()),
    "list of scalars": list,
    "masked array without masked entries": np.ma.masked_array,
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(
    "values",
    [
        np.array([3, -1, 2]),
        np.array([0.5, -0.0, 0.0]),
        np.array(["b", "a"]),
        np.array([b"b", b"aa"]),
        np.array([1j, 0]),
    ],
    ids=lambda values: values.dtype.name,
)
def test_labels_do_not_depend_on_their_layout(layout, values):
    y = mixed(values)
    assert_same(returned(layout(y)), y)


class Series:
    """Stands for a column of a data frame."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.astype(dtype or self.array.dtype, copy=bool(copy))

    def __len__(self):
        return len(self.array)


@pytest.mark.parametrize("dtype", ["int16", "float32", "U5", "object", "M8[ns]"])
def test_labels_in_a_data_frame_column_come_back(dtype):
    y = mixed(np.array([3, 1, 2]).astype(dtype))
    labels = returned(Series(y))
    assert labels.dtype == y.dtype
    assert np.array_equal(labels, y)


def test_labels_are_not_changed():
    y = np.array([3, 1, 2, 1])
    network(y)
    assert np.array_equal(y, [3, 1, 2, 1])


# Objects


OBJECTS = {
    "None": (None, "a", "b", None),
    "tuples": ((1, "a"), (2, "b"), (1, "b"), ()),
    "one, true and their text": (1, True, 1.0, "1", 1 + 0j, np.int64(1), b"1", fractions.Fraction(1)),
    "text": ("a", "a\0", "a\0\0", ""),
    "large integers": (10**30, 10**30 + 1, -(10**30), 0),
    "dates": (datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), datetime.timedelta(1)),
    "exact numbers": (fractions.Fraction(1, 3), decimal.Decimal("0.1"), 0.1),
    "sets": (frozenset({1}), frozenset({2}), frozenset({1, 2}), frozenset()),
    "types": (int, str, None, len),
    "infinities": (float("inf"), -float("inf"), np.float32("inf"), 0.0),
}


@pytest.mark.parametrize("values", OBJECTS.values(), ids=OBJECTS)
def test_objects_come_back_with_their_types(values):
    y = mixed(objects(*values))
    assert_same_objects(returned(y), y)


def test_objects_of_different_types_are_different_classes():
    assert len(network(objects(1, True, 1.0, "1", 1, True, 1.0, "1")).classes) == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", np.str_("a")),
        (1, np.int64(1)),
        (1, np.uint8(1)),
        (0.5, np.float32(0.5)),
        (True, np.bool_(True)),
        (b"a", np.bytes_(b"a")),
        (1j, np.complex64(1j)),
        ((1, "a"), (np.int32(1), np.str_("a"))),
        ((1, (2,)), (1, (np.int64(2),))),
    ],
    ids=repr,
)
def test_a_numpy_scalar_among_objects_is_the_python_value_that_it_stands_for(one, other):
    y = objects(one, other, None, other)
    labels = returned(y)
    assert [(type(label), label) for label in labels] == [(type(one), one)] * 2 + [(type(None), None), (type(one), one)]
    # So equal rows may have both.
    net = memorize([[0.0], [0.0], [1.0]], objects(one, other, None))
    assert net.predict([[0.0], [1.0]]).tolist() == [one, None]


def test_equal_objects_that_are_written_in_different_ways_stay_apart():
    two_hours_east = datetime.timezone(datetime.timedelta(hours=2))
    noon = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    pairs = [
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        (noon, noon.astimezone(two_hours_east)),
        (noon.timetz(), noon.astimezone(two_hours_east).timetz()),
        (np.datetime64("2026-01-01"), np.datetime64("2026-01-01T00:00:00")),
    ]
    for pair in pairs:
        assert pair[0] == pair[1]
        y = objects(*pair, *pair)
        assert list(map(repr, returned(y))) == list(map(repr, y))


def test_equal_objects_of_different_types_contradict_each_other():
    with pytest.raises(ContradictoryLabels) as caught:
        memorize([[0], [0], [0]], objects(1, True, 1))
    assert caught.value.rows == [(0, 1)]


@pytest.mark.parametrize("values", [((1, "a"), (True, "a")), ((0.0,), (-0.0,)), (((1,),), ((1.0,),))], ids=repr)
def test_tuples_are_told_apart_like_what_they_hold(values):
    assert len(network(objects(*values, *values)).classes) == 2


class Mutable:
    """Hashed by identity, equal to itself only."""


def test_objects_known_by_identity_come_back_themselves():
    a, b = Mutable(), Mutable()
    labels = returned(objects(a, b, a, b, b))
    assert [label is a for label in labels] == [True, False, True, False, False]


def test_unhashable_labels_that_can_be_sorted_come_back():
    y = objects([1, 2], [1], [1, 2], [], [3], [1])
    net = network(y)
    assert net.predict(points(6)).tolist() == y.tolist()
    assert net.classes.tolist() == [[], [1], [1, 2], [3]]


def test_equal_unhashable_labels_do_not_contradict_each_other():
    assert memorize([[0], [1], [0]], objects([1], [2], [1])).predict([[0], [1]]).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    "values",
    [({}, {"a": 1}), ([1], "a"), ([1], None), (np.arange(2), np.arange(3))],
    ids=["dicts", "text", "None", "arrays"],
)
def test_labels_that_can_neither_be_hashed_nor_sorted_are_refused(values):
    message = refusal(objects(*values))
    assert "y" in message
    assert "neither be hashed nor sorted" in message


def test_sets_are_refused():
    """`<` of sets is inclusion, no order: sorting them does not bring equal ones together."""
    with pytest.raises(InvalidInput, match="neither be hashed nor sorted: their < is not a total order"):
        memorize([[0], [1], [0]], objects({1}, {2}, {1}))


# Lists in which NumPy would make two labels one


MERGED = {
    "number and text": [1, "1", "a", 1],
    "float and text": [1.5, "1.5"],
    "integer and float beyond 2^53": [2**53 + 1, 2.0**53],
    "signed and unsigned": [2**64 - 1, -1, 2**64 - 2],
    "bytes with a zero": [b"a\0", b"a", b"a\0\0"],
    "text with a zero": ["a\0", "a"],
    "bytes and text": [b"a", "a"],
    "true and text": [True, "True"],
    "None and text": [None, "None"],
    "huge integers": [10**30, 10**30 + 1, 1.0],
}


@pytest.mark.parametrize("container", [list, tuple])
@pytest.mark.parametrize("y", MERGED.values(), ids=MERGED)
def test_labels_in_a_list_stay_apart_where_numpy_would_merge_them(y, container):
    labels = returned(container(y))
    assert [(type(label), label) for label in labels] == [(type(label), label) for label in y]


@pytest.mark.parametrize("y", [["a", (1, 2), None], [None, (1, 2)], [(1,), (1, 2)], [[1], [1, 2]]], ids=repr)
def test_a_list_of_labels_of_different_lengths_is_refused_with_the_way_out(y):
    assert "object" in refusal(y)  # how to make an object array


@pytest.mark.parametrize("unit", ["D", "s", "us", "ns"])
@pytest.mark.parametrize("kind", ["M8", "m8"])
def test_dates_in_a_list_come_back_as_dates(kind, unit):
    y = np.array([5, 6, 7]).astype(f"{kind}[{unit}]")
    assert_same(returned(list(y)), y)


def test_a_list_of_numbers_of_one_dtype_stays_of_this_dtype():
    assert returned([3, 1, 2]).dtype == np.int64
    assert returned([0.5, 1]).dtype == np.float64
    assert returned(["a", "bc"]).dtype == np.dtype("<U2")


# Labels that do not equal themselves


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, ">f8"])
def test_nan_is_refused_naming_the_row(dtype):
    y = np.zeros(5, dtype)
    y[[2, 4]] = np.nan
    message = refusal(y)
    assert "y[2] is" in message
    assert "nan" in message
    assert "2 such" in message


def test_a_nan_in_the_imaginary_part_is_refused_naming_the_row():
    assert "y[1] is" in refusal(np.array([1.0, complex(0, np.nan)]))


@pytest.mark.parametrize("payload", [0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001])
def test_every_nan_is_refused(payload):
    assert "y[1] is" in refusal(np.array([0, payload], np.uint64).view(np.float64))


@pytest.mark.parametrize("dtype", ["M8[D]", "m8[ns]", "M8[ns]"])
def test_nat_is_refused_naming_the_row(dtype):
    y = np.arange(4).astype(dtype)
    y[2] = "NaT"
    message = refusal(y)
    assert "y[2] is" in message
    assert "NaT" in message


class NotAvailable:
    """Stands for a missing value whose comparisons have no truth value."""

    def __eq__(self, other):
        return self

    def __ne__(self, other):
        return self

    def __hash__(self):
        return 1

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize(
    "missing",
    [
        float("nan"),
        np.float32("nan"),
        complex("nan"),
        np.datetime64("NaT", "s"),
        decimal.Decimal("nan"),
        NotAvailable(),
    ],
    ids=lambda missing: type(missing).__name__,
)
def test_a_missing_object_is_refused_naming_the_row(missing):
    assert "y[3] is" in refusal(objects("a", None, 1, missing, "a", missing))


def test_nan_in_a_list_is_refused_naming_the_row():
    assert "y[1] is nan" in refusal([1.0, float("nan"), 2.0])


def test_a_missing_value_among_unhashable_labels_is_refused():
    assert "y" in refusal(objects([1], [2], float("nan")))


# Shapes and kinds


@pytest.mark.parametrize(("n", "labels"), [(5, 4), (4, 5), (1, 0), (3, 300)])
def test_another_number_of_labels_than_rows_is_refused_with_both_numbers(n, labels):
    message = refusal(np.zeros(labels), n)
    assert f"X has {n} rows" in message
    assert f"y has {labels} labels" in message


@pytest.mark.parametrize("y", [3, None, np.array(1.0)], ids=repr)
def test_labels_without_dimensions_are_refused(y):
    assert "y has shape ()" in refusal(y, 1)


def test_masked_labels_are_refused_with_row_and_way_out():
    y = np.ma.masked_array([1, 2, 3, 4], mask=[False, False, True, False])
    message = refusal(y)
    assert "row 2" in message
    assert "getmaskarray(y)" in message


def test_structured_labels_are_refused():
    message = refusal(np.zeros(3, [("a", "i4"), ("b", "f4")]))
    assert "structured" in message
    assert "one label" in message


# Classes


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 1, 2, 3, -7]),
        np.array([0.5, -np.inf, np.inf, -1.5], np.float32),
        np.array(["b", "a", "B", ""]),
        np.array([b"b", b"a"]),
        np.array([True, False, True]),
        np.array([5, -5, 0], "M8[D]"),
        objects("b", "a", "c", "a"),
        objects((2, 1), (1, 2), (1,)),
    ],
    ids=lambda y: y.dtype.name,
)
def test_classes_are_sorted(y):
    classes = network(y).classes
    assert classes.dtype == y.dtype
    assert classes.tolist() == sorted(set(y.tolist()))


@pytest.mark.parametrize("dtype", FLOATS)
def test_minus_zero_sorts_before_zero(dtype):
    y = np.array([1, 0.0, -0.0, -1], dtype)
    assert network(y).classes.tobytes() == np.array([-1, -0.0, 0.0, 1], dtype).tobytes()


def test_complex_classes_are_sorted_by_real_and_then_imaginary_part():
    y = np.array([1 + 1j, 1 - 1j, 0 + 9j, -1])
    assert np.array_equal(network(y).classes, np.sort(y))


def test_classes_that_cannot_be_sorted_keep_the_order_in_which_they_came():
    assert network(objects("b", None, 3, "a", None)).classes.tolist() == ["b", None, 3, "a"]


SINGLE = [np.zeros(50, np.int8), np.full(50, -0.0), np.full(50, "only"), np.full(50, None), np.full(50, 5, "M8[D]")]


@pytest.mark.parametrize("y", SINGLE, ids=lambda y: y.dtype.name)
def test_a_single_class_comes_back(y):
    net = network(y)
    assert len(net.classes) == 1
    assert net.n_hyperplanes == 0
    labels = net.predict(points(50))
    assert labels.dtype == y.dtype
    assert list(map(repr, labels)) == list(map(repr, y))


def test_a_single_point_comes_back():
    assert returned(np.array(["x"])).tolist() == ["x"]


@pytest.mark.parametrize("dtype", ["int64", "float16", "U4", "object", "complex64", "M8[s]"])
def test_as_many_classes_as_points_come_back(dtype):
    y = np.random.default_rng(0).permutation(1000).astype(dtype)
    net = network(y)
    assert len(net.classes) == 1000
    assert np.array_equal(net.predict(points(1000)), y)


@pytest.mark.parametrize("n_classes", [255, 256, 257, 65_535, 65_536, 65_537])
def test_any_number_of_classes_comes_back(n_classes):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n_classes + 99, 16)), rng.permutation(np.arange(n_classes + 99) % n_classes)
    net = memorize(X, y, random_state=0)
    assert len(net.classes) == n_classes
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize(
    "values",
    [np.array(["a", "b", "c"]), np.array([0.0, -0.0]), objects(None, 1, "1"), np.array([True, False])],
    ids=str,
)
def test_forward_and_predict_return_the_same_labels(values, separate):
    y = mixed(values)
    X = points(len(y))
    net = memorize(X, y, separate=separate, random_state=0)
    assert list(map(repr, net.forward(X))) == list(map(repr, net.predict(X))) == list(map(repr, y))


# Data frames and tables


NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
UTC_TIMES = [NOON + datetime.timedelta(hours=i) for i in range(4)]
ZONED = {
    "pandas": lambda pandas: pandas.Series(UTC_TIMES).dt.tz_convert("Asia/Tokyo"),
    "index": lambda pandas: pandas.DatetimeIndex(UTC_TIMES).tz_convert("Asia/Tokyo"),
    "arrow in pandas": lambda pandas: pandas.Series(UTC_TIMES).astype("timestamp[us, tz=Asia/Tokyo][pyarrow]"),
    "polars": lambda polars: polars.Series(UTC_TIMES).dt.convert_time_zone("Asia/Tokyo"),
    "pyarrow": lambda pyarrow: pyarrow.array(UTC_TIMES, pyarrow.timestamp("us", "Asia/Tokyo")),
}
LIBRARIES = {"index": "pandas", "arrow in pandas": "pandas"}


@pytest.mark.partner
@pytest.mark.parametrize("kind", ZONED)
def test_dates_with_a_time_zone_are_refused_in_every_column_and_the_way_out_keeps_each_instant(kind):
    if kind == "arrow in pandas":
        partner("pyarrow")
    y = ZONED[kind](partner(LIBRARIES.get(kind, kind)))
    with pytest.raises(InvalidInput, match="Asia/Tokyo") as caught:
        memorize(points(4), y)
    remedy = caught.value.in_python
    assert str(caught.value).endswith(remedy)
    scope = {"y": y} | ({"pyarrow": partner("pyarrow")} if "pyarrow." in remedy else {})
    labels = memorize(points(4), eval(remedy, scope)).predict(points(4))
    expected = np.array([time.replace(tzinfo=None) for time in UTC_TIMES], "M8[us]")
    assert labels.dtype.kind == "M"
    assert np.array_equal(labels, expected)


@pytest.mark.partner
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("values", [[1, 2**60 + 1, 3, 1], ["a", "b", "a", "c"], [True, False, True, True]], ids=str)
def test_a_column_of_any_library_gives_the_same_labels(library, values):
    column = {"pyarrow": "array"}.get(library, "Series")
    labels = memorize(points(4), getattr(partner(library), column)(values), random_state=0).predict(points(4))
    assert [(type(label), label) for label in labels.tolist()] == [(type(value), value) for value in values]


@pytest.mark.partner
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_missing_text_is_none_and_missing_numbers_are_refused_in_a_column_of_any_library(library):
    module = partner(library)
    column = getattr(module, {"pyarrow": "array"}.get(library, "Series"))
    dtypes = {"pandas": ({"dtype": object}, {"dtype": "Int64"})}.get(library, ({}, {}))
    assert memorize(points(3), column(["a", None, "b"], **dtypes[0])).predict(points(3)).tolist() == ["a", None, "b"]
    assert "y[1]" in refusal(column([1, None, 3], **dtypes[1]))


# What NumPy changes or does not see


CHANGED_BY_NUMPY = {
    "integers beside floats": [np.int64(2**53 + 1), np.int64(2**53), 0.5, 1],
    "unsigned beside negative integers": [np.uint64(2**63 + 1), np.uint64(2**63), np.int64(-1), 3],
    "dates in units far apart": [np.datetime64("9999-01-01"), np.datetime64(1, "ns"), np.datetime64(2, "ns"), None],
    "far dates": [np.datetime64("9999-01-01"), np.datetime64(1, "ns"), np.datetime64(2, "ns")],
    "durations that overflow": [np.timedelta64(2**60, "s"), np.timedelta64(0, "ns"), np.timedelta64(1, "ns")],
    "durations and numbers": [np.timedelta64(1, "D"), 5, 6],
    "dates without a common unit": [
        np.datetime64(1, "s"),
        np.datetime64(5891499320552718336, "as"),
        np.datetime64(2, "s"),
    ],
    "NumPy's text with zeros at the end": [np.str_("a\0"), "a", "a\0\0"],
    "NumPy's bytes with zeros at the end": [np.bytes_(b"a\0"), b"a", b"a\0\0"],
    "rows": [[np.int64(2**53 + 1), 0.5], [np.int64(2**53), 0.5], [1, 1]],
    "rows of arrays": [np.array([2**53 + 1, 1]), np.array([2**53, 1]), np.array([0.5, 0.5])],
    "tuples of other kinds": objects(frozenset([1]), frozenset([True]), frozenset([0.0]), frozenset([-0.0])),
}


@pytest.mark.parametrize("y", CHANGED_BY_NUMPY.values(), ids=CHANGED_BY_NUMPY)
def test_no_label_of_a_list_is_changed_to_fit_a_dtype(y):
    def said(label):
        """Of NumPy's text repr leaves out the zeros at the end."""
        if isinstance(label, str | bytes):
            return label[:0] + label
        return label.item() if isinstance(label, np.number) and label.dtype.kind in "iuf" else label

    labels = returned(y)
    given = [entry for label in y for entry in (label if isinstance(label, list | np.ndarray) else [label])]
    assert list(map(repr, labels.ravel())) == [repr(said(entry)) for entry in given]
    assert len(network(y).classes) == len(y)


def test_text_of_variable_width_is_told_apart_behind_zeros():
    texts = ["a\0b", "a\0c", "a\0", "a", *(f"id\0{i}" for i in range(300))]
    y = np.array(texts, np.dtypes.StringDType())
    net = network(y)
    assert net.predict(points(len(y))).tolist() == texts
    assert len(net.classes) == len(texts)
    assert memorize(points(len(y)), y, separate="all").relabel(y[::-1]).predict(points(len(y))).tolist() == texts[::-1]


@pytest.mark.partner
def test_zeros_at_the_end_of_text_in_a_polars_column_are_kept():
    polars = partner("polars")
    values = ["a", "a\0", "b", "a\0\0"]
    assert returned(polars.Series(values)).tolist() == values
    assert returned(polars.DataFrame({"p": values})).tolist() == [[value] for value in values]


@pytest.mark.partner
def test_time_zones_within_other_columns_are_refused_too():
    pyarrow, polars, pandas = partner("pyarrow"), partner("polars"), partner("pandas")
    zoned = pyarrow.array(UTC_TIMES, pyarrow.timestamp("us", "UTC"))
    series = polars.Series(UTC_TIMES)
    columns = [
        zoned.dictionary_encode(),
        pyarrow.compute.run_end_encode(zoned),
        series.reshape((2, 2)),
        pandas.Series(UTC_TIMES).astype("category"),
        polars.DataFrame({"a": [1] * 4, "b": series}),
    ]
    for y in columns:
        assert "time zone, UTC" in refusal(y)
    assert "column 1 of y" in refusal(columns[-1])


def test_frames_without_columns_are_refused():
    class Frame:
        iloc, ndim, shape = None, 2, (3, 0)

    assert "no columns" in refusal(Frame(), 3)
