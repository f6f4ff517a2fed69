"""Points: whatever holds numbers is read as these numbers, or refused with the place and the remedy."""

import decimal
import fractions
import functools
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

import fastmem
from fastmem import ContradictoryLabels, FastmemError, FormatError, InvalidInput, MemorizationError, memorize

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64", "longdouble"]
IN_PLACE = ["float32", "float64"]
HAS_WIDE_LONG_DOUBLE = np.finfo(np.longdouble).nmant > np.finfo(np.float64).nmant


def whole_numbers(n=200, d=5):
    """Distinct rows of integers from 0 to 100 and labels: every dtype but bool holds them."""
    rng = np.random.default_rng(7)
    X = np.unique(rng.integers(0, 101, (2 * n, d)), axis=0)
    return rng.permutation(X)[:n], rng.integers(0, 4, n)


def refusal(function, *args, error=InvalidInput, **kwargs):
    """Text of the error that a call must raise."""
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert type(caught.value) is error
    assert isinstance(caught.value, FastmemError)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def assert_names(message, *parts):
    for part in parts:
        assert part in message


class Frame:
    """Stands for a data frame: columns, and a conversion to an array that takes dtype and copy."""

    def __init__(self, columns):
        self.columns = columns

    def __array__(self, dtype=None, copy=None):
        return np.column_stack(list(self.columns.values())).astype(dtype, copy=bool(copy))

    def __len__(self):
        return len(self.columns)

    def __iter__(self):
        return iter(self.columns)  # the names, as a data frame does


class Tensor:
    """Stands for a tensor: a conversion to an array that takes a dtype only."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None):
        return self.array if dtype is None else self.array.astype(dtype)

    def toarray(self):
        raise AssertionError("an array is there already")


class TrackedTensor:
    """Stands for a tensor that refuses to be converted."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")


# Dtypes and containers


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_points_of_every_numeric_dtype_get_their_labels_back(dtype, order):
    X, y = whole_numbers()
    X = np.asarray(X, dtype, order=order)
    net = memorize(X, y, random_state=0)
    assert np.array_equal(net.predict(X), y)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_codes_do_not_depend_on_the_dtype_of_the_points(dtype):
    X, y = whole_numbers()
    net = memorize(X.astype(float), y, random_state=0)
    assert np.array_equal(net.codes(X.astype(dtype)), net.codes(X.astype(float)))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_codes_of_floats_and_of_the_same_floats_in_more_bits_are_equal(dtype):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((500, 6)).astype(dtype)
    net = memorize(X, rng.integers(0, 2, 500), random_state=0)
    assert np.array_equal(net.codes(X), net.codes(X.astype(np.float64)))
    assert np.array_equal(net.codes(X), net.codes(X.astype(np.longdouble)))


def test_booleans_are_points():
    X = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(bool)
    y = np.random.default_rng(0).integers(0, 2, 64)
    net = memorize(X, y, random_state=0)
    assert np.array_equal(net.predict(X), y)
    assert np.array_equal(net.codes(X), net.codes(X.astype(float)))


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_up_to_2_to_the_53_are_told_apart(dtype):
    X = np.array([[2**53], [2**53 - 1], [2**53 - 2], [0]], dtype)
    y = np.array([0, 1, 0, 1])
    assert np.array_equal(memorize(X, y).predict(X), y)


def test_integers_down_to_minus_2_to_the_53_are_told_apart():
    X, y = np.array([[-(2**53), 0], [1 - 2**53, 0], [2 - 2**53, 0]]), np.array([0, 1, 0])
    assert np.array_equal(memorize(X, y, random_state=0).predict(X), y)


def test_long_doubles_that_float64_holds_are_points():
    X = np.array([[1 + 2.0**-52], [1.0], [1e300]], np.longdouble)
    y = np.array([2, 1, 0])
    assert np.array_equal(memorize(X, y).predict(X), y)


def test_subnormal_and_largest_floats_are_points():
    X = np.array([[5e-324, 0.0], [1e-323, 0.0], [1.7e308, 0.0], [-1.7e308, 0.0], [0.0, 0.0]])
    y = np.arange(5)
    assert np.array_equal(memorize(X, y, random_state=0).predict(X), y)


CONTAINERS = {
    "list of lists": lambda X: X.tolist(),
    "tuple of tuples": lambda X: tuple(map(tuple, X.tolist())),
    "list of rows": list,
    "integers mixed with floats": lambda X: [[int(v) if v % 2 else float(v) for v in row] for row in X],
    "object array": lambda X: X.astype(object),
    "object array of fractions": lambda X: np.array([[fractions.Fraction(int(v), 4) for v in row] for row in X]) * 4,
    "object array of decimals": lambda X: np.array([[decimal.Decimal(int(v)) for v in row] for row in X]),
    "data frame": lambda X: Frame({f"x{i}": X[:, i] for i in range(X.shape[1])}),
    "data frame of mixed columns": lambda X: Frame({i: X[:, i].astype(INTEGERS[i]) for i in range(X.shape[1])}),
    "tensor": lambda X: Tensor(X.astype(np.float32)),
    "masked array without masked entries": np.ma.masked_array,
    "subclass of ndarray": lambda X: X.view(Subclass),
    "memoryview": lambda X: memoryview(np.ascontiguousarray(X, np.float64)),
}


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_points_in_any_container_get_their_labels_back(container):
    X, y = whole_numbers()
    given = container(X)
    net = memorize(given, y, random_state=0)
    assert np.array_equal(net.predict(given), y)
    assert np.array_equal(net.codes(given), net.codes(X))


def test_a_tensor_with_values_beyond_2_to_the_53_is_read():
    X, y = np.array([[1e20, 1.0], [1.0, 1e300], [2.0, 3.0]]), np.array([0, 1, 0])
    assert np.array_equal(memorize(Tensor(X), y, random_state=0).predict(Tensor(X)), y)


class Columns(list):
    """Dtypes of a data frame's columns, by place as pandas gives them."""

    @property
    def iloc(self):
        return self


@pytest.mark.parametrize("dtypes", [Columns, list, tuple, None], ids=["by iloc", "list", "tuple", "none"])
def test_a_data_frame_with_values_beyond_2_to_the_53_is_read(dtypes):
    frame = Frame({"a": np.array([1e20, 1.0, 2.0]), "b": np.array([3.0, 1e300, 4.0])})
    if dtypes is not None:
        frame.dtypes = dtypes(column.dtype for column in frame.columns.values())
    y = np.array([0, 1, 0])
    assert np.array_equal(memorize(frame, y, random_state=0).predict(frame), y)


def test_a_large_integer_in_a_column_of_a_data_frame_is_named():
    frame = Frame({"a": np.array([0.5, 1.5]), "b": np.array([0, 2**53 + 1])})
    frame.dtypes = Columns(column.dtype for column in frame.columns.values())
    assert_names(refusal(memorize, frame, [0, 1]), "X[1, 1] is", "2^53")


# Layouts


def read_only(X, folder):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_mapped(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def memory_mapped_fortran(X, folder):
    return memory_mapped(np.asfortranarray(X), folder)


def big_endian(X, folder):
    return X.astype(X.dtype.newbyteorder(">"))


def unaligned(X, folder):
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    view = buffer[1:].view(X.dtype).reshape(X.shape)
    view[:] = X
    assert not view.flags.aligned
    return view


def every_second_row(X, folder):
    wide = np.full((2 * len(X), X.shape[1]), np.nan, X.dtype)
    wide[::2] = X
    return wide[::2]


def every_third_column(X, folder):
    wide = np.full((len(X), 3 * X.shape[1]), np.nan, X.dtype)
    wide[:, 1::3] = X
    return wide[:, 1::3]


def reversed_both_ways(X, folder):
    return np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]


def transposed(X, folder):
    return np.ascontiguousarray(X.T).T


def a_field_of_records(X, folder):
    records = np.zeros(len(X), [("flag", "u1"), ("x", X.dtype, X.shape[1])])
    records["x"] = X
    return records["x"]


LAYOUTS = [
    read_only, memory_mapped, memory_mapped_fortran, big_endian, unaligned, every_second_row, every_third_column,
    reversed_both_ways, transposed, a_field_of_records,
]  # fmt: skip


@pytest.mark.parametrize("dtype", IN_PLACE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_network_does_not_depend_on_the_layout_of_the_points(layout, dtype, tmp_path):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((300, 4)).astype(dtype), rng.integers(0, 3, 300)
    net = memorize(X, y, random_state=0)
    assert memorize(layout(X, tmp_path), y, random_state=0) == net


@pytest.mark.parametrize("dtype", [*IN_PLACE, "float16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_codes_and_labels_do_not_depend_on_the_layout_of_the_points(layout, dtype, tmp_path):
    rng = np.random.default_rng(6)
    X, y = rng.standard_normal((300, 4)).astype(dtype), rng.integers(0, 3, 300)
    net = memorize(X, y, random_state=0)
    given = layout(X, tmp_path)
    assert np.array_equal(net.predict(given), y)
    assert np.array_equal(net.codes(given), net.codes(X))


def test_one_row_repeated_by_a_stride_of_zero_is_one_point():
    X = np.broadcast_to(np.array([1.5, -2.0, 0.25]), (50, 3))
    net = memorize(X, np.full(50, "a"))
    assert np.array_equal(net.predict(X), np.full(50, "a"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_are_not_changed(layout, tmp_path):
    X = np.random.default_rng(0).standard_normal((100, 3))
    given = layout(X, tmp_path)
    memorize(given, np.arange(100) % 2, random_state=0)
    assert np.array_equal(given, X)


# Memory. A point may take 64 bytes: a few arrays of 8 bytes (hash or code, sort order, class). The constant is
# for what does not grow with n: samples of at most 4096 points in float64 (2 MB), of which a handful are alive,
# and scratch of each thread's block (2 MB).
BYTES_A_POINT = 64
BYTES_BESIDE = 8 * 2**20


def peak_bytes(function, *args, **kwargs):
    tracemalloc.start()
    try:
        function(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def many_points():
    rng = np.random.default_rng(0)
    return rng.standard_normal((200_000, 64), np.float32), rng.integers(0, 2, 200_000)


@pytest.mark.parametrize("dtype", IN_PLACE)
def test_memorize_does_not_copy_contiguous_points(dtype, many_points):
    X, y = many_points
    X = X.astype(dtype, copy=False)
    limit = BYTES_A_POINT * len(X) + BYTES_BESIDE
    assert limit < X.nbytes / 2
    assert peak_bytes(memorize, X, y, random_state=0, verify=True, n_threads=2) < limit


def test_predict_does_not_copy_points(many_points):
    X, y = many_points
    net = memorize(X[:1000], y[:1000], random_state=0)
    assert peak_bytes(net.predict, X, n_threads=2) < 16 * len(X) + BYTES_BESIDE


@pytest.mark.parametrize("dtype", ["float16", ">f4", "int32"])
def test_points_to_be_converted_are_converted_block_by_block(dtype, many_points):
    X, y = many_points
    net = memorize(X[:1000], y[:1000], random_state=0)
    X = X.astype(dtype)
    assert peak_bytes(net.predict, X, n_threads=2) < 16 * len(X) + 2 * BYTES_BESIDE < 4 * X.size


# Shapes


def test_one_dimensional_points_are_refused_with_both_ways_out():
    message = refusal(memorize, [1.0, 2.0, 3.0], [0, 1, 0])
    assert_names(message, "(3,)", "[[x] for x in X]", "[X] if X is one point")


def test_one_point_without_its_second_dimension_is_refused_by_predict():
    net = memorize([[0.0, 1.0], [1.0, 0.0]], [0, 1], random_state=0)
    assert_names(refusal(net.predict, np.array([0.0, 1.0])), "(2,)", "X.reshape(1, -1)")
    assert_names(refusal(net.predict, [0.0, 1.0]), "(2,)", "[X] if X is one point")


def test_three_dimensional_points_are_refused_with_the_way_out():
    message = refusal(memorize, np.zeros((4, 2, 2)), [0, 1, 0, 1])
    assert_names(message, "(4, 2, 2)", "X.reshape(4, 4)")


@pytest.mark.parametrize("X", [5.0, np.array(5.0), None], ids=["number", "0-d array", "None"])
def test_what_has_no_dimensions_is_refused_without_advice_that_fails(X):
    message = refusal(memorize, X, [0])
    assert_names(message, "X", "two-dimensional")
    assert "len(X)" not in message  # len() of it is an error, or not a number of points


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_rows_or_no_columns_are_refused(shape):
    message = refusal(memorize, np.zeros(shape), np.zeros(shape[0]))
    assert_names(message, str(shape), "at least one row and one column")


def test_an_empty_list_is_refused():
    assert "X has shape (0,)" in refusal(memorize, [], [])


def test_predicting_no_rows_gives_no_labels():
    net = memorize([[0.0, 1.0], [1.0, 0.0]], np.array(["a", "bcd"]), random_state=0)
    labels = net.predict(np.empty((0, 2)))
    assert labels.shape == (0,)
    assert labels.dtype == np.dtype("<U3")


def test_no_rows_have_no_codes():
    codes = memorize([[0.0, 1.0], [1.0, 0.0]], [0, 1], random_state=0).codes(np.empty((0, 2), np.float32))
    assert codes.shape == (0,)
    assert codes.dtype == np.uint64


@pytest.mark.parametrize("method", ["predict", "forward", "codes", "certified_radius"])
@pytest.mark.parametrize("shape", [(5, 3), (5, 1), (0, 3)])
def test_another_number_of_columns_is_refused(method, shape):
    net = memorize([[0.0, 1.0], [1.0, 0.0]], [0, 1], random_state=0)
    assert f"{shape[1]} column" in refusal(getattr(net, method), np.zeros(shape))


def test_the_number_of_columns_is_named_with_the_number_expected():
    net = memorize([[0.0, 1.0], [1.0, 0.0]], [0, 1], random_state=0)
    assert refusal(net.predict, np.zeros((5, 3))) == "X has 3 columns, but the network was built for 2"


# NaN and infinities


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", ">f8", "object"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_memorize_names_row_and_column_of_what_is_not_finite(dtype, value):
    X = np.arange(60.0).reshape(20, 3).astype(dtype)
    X[13, 2] = value
    assert_names(refusal(memorize, X, np.zeros(20)), f"X[13, 2] is {value}", "finite")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", ">f8", "object"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["predict", "forward", "codes", "certified_radius"])
def test_a_network_names_row_and_column_of_what_is_not_finite(method, dtype, value):
    X, net = np.arange(60.0).reshape(20, 3).astype(dtype), network_of(dtype)
    X[13, 2] = value
    assert_names(refusal(getattr(net, method), X), f"X[13, 2] is {value}", "finite")


@functools.cache
def network_of(dtype):
    """The network that memorized points of a dtype: one for all that is tried with it."""
    return memorize(np.arange(60.0).reshape(20, 3).astype(dtype), np.arange(20) % 2, random_state=0)


@pytest.mark.parametrize("method", ["predict", "forward", "codes", "certified_radius"])
def test_a_network_of_one_class_refuses_what_is_not_finite(method):
    net = memorize(np.arange(6.0).reshape(2, 3), [7, 7])
    assert "X[1, 0] is nan" in refusal(getattr(net, method), [[0.0, 0.0, 0.0], [np.nan, 0.0, 0.0]])


def test_nan_in_a_list_names_row_and_column():
    assert "X[1, 1] is nan" in refusal(memorize, [[0.0, 1.0], [2.0, float("nan")]], [0, 1])


def far_apart_bad_rows():
    X = np.random.default_rng(0).standard_normal((200_000, 3)).astype(np.float32)
    X[[199_999, 150_000, 90_003]] = np.nan
    X[90_001, 1:] = np.inf
    return X


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_the_first_bad_row_of_many_is_named_by_memorize(n_threads):
    X = far_apart_bad_rows()
    assert "X[90001, 1] is inf" in refusal(memorize, X, np.zeros(len(X)), n_threads=n_threads)


@pytest.mark.parametrize("n_threads", [1, 2, 7])
@pytest.mark.parametrize("n_classes", [2, 1])
def test_the_first_bad_row_of_many_is_named_by_predict(n_threads, n_classes):
    X = far_apart_bad_rows()
    net = memorize(X[:100], np.arange(100) % n_classes, random_state=0)
    assert "X[90001, 1] is inf" in refusal(net.predict, X, n_threads=n_threads)


# Not numbers


@pytest.mark.parametrize("X", [[["1", "2"]], [[b"1"]], [[1.0, "2"]]], ids=repr)
def test_text_is_refused_with_the_way_out(X):
    assert_names(refusal(memorize, np.array(X), [0]), "X has dtype", "not numbers", "X.astype(float)")


def test_words_are_refused_without_a_wrong_way_out():
    assert "astype" not in refusal(memorize, np.array([["a", "b"]]), [0])


def test_dates_are_refused_as_points():
    message = refusal(memorize, np.array([["2020-01-01"]], "M8[D]"), [0])
    assert_names(message, "X has dtype datetime64[D]", "not numbers")


def test_records_are_refused_as_points():
    assert "X has" in refusal(memorize, np.zeros((2, 2), [("a", "f4"), ("b", "i4")]), [0, 1])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_points_are_refused_with_the_way_out(dtype):
    assert_names(refusal(memorize, np.ones((1, 2), dtype), [0]), "X is complex", "np.hstack([X.real, X.imag])")


@pytest.mark.parametrize("value", ["a", "1", b"1", None, 1 + 2j, [1], {}, object], ids=repr)
def test_an_object_that_is_no_number_is_named(value):
    X = np.zeros((3, 2), object)
    X[2, 1] = value
    assert_names(refusal(memorize, X, [0, 1, 0]), f"X[2, 1] is {value!r}", "not a number")


@pytest.mark.parametrize(
    "value",
    [
        fractions.Fraction(1, 3),
        fractions.Fraction(2**60 + 1, 2**3),
        decimal.Decimal("0.1"),
        decimal.Decimal("1e400"),
        decimal.Decimal(2**53 + 1),
    ],
    ids=repr,
)
def test_a_number_that_float64_does_not_hold_is_named(value):
    assert_names(refusal(memorize, [[0, 1], [1, value]], [0, 1]), f"X[1, 1] is {value!r}", "float64", "exactly")


# Extended precision where the platform has it; the case of plain doubles is tested above.
BEYOND_FLOAT64 = {
    "digits": np.nextafter(np.longdouble(1), np.longdouble(2)),
    "overflow": np.ldexp(np.longdouble(1), 1100),
    "underflow": np.ldexp(np.longdouble(1), -1100),
}


@pytest.mark.parametrize(
    "value",
    BEYOND_FLOAT64.values() if HAS_WIDE_LONG_DOUBLE else [],
    ids=BEYOND_FLOAT64 if HAS_WIDE_LONG_DOUBLE else [],
)
def test_a_long_double_that_float64_does_not_hold_is_named(value):
    X = np.ones((3, 2), np.longdouble)
    X[1, 1] = value
    assert_names(refusal(memorize, X, [0, 1, 0]), "X[1, 1] is", "float64", "exactly")


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 - 1, -(2**53) - 1, -(2**63)])
def test_an_int64_beyond_2_to_the_53_is_named(value):
    X = np.zeros((4, 3), np.int64)
    X[2, 1] = value
    assert_names(refusal(memorize, X, np.zeros(4)), f"X[2, 1] is {value}:", "2^53", "high and low parts")


@pytest.mark.parametrize("value", [2**53 + 1, 2**64 - 1])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_a_uint64_beyond_2_to_the_53_is_named(value, byte_order):
    X = np.zeros((4, 3), f"{byte_order}u8")
    X[2, 1] = value
    assert_names(refusal(memorize, X, np.zeros(4)), f"X[2, 1] is {value}:", "2^53", "high and low parts")


def test_a_large_integer_far_down_a_long_array_is_named():
    X = np.zeros((200_000, 1), np.int64)
    X[150_000] = X[190_000] = 2**60
    assert f"X[150000, 0] is {2**60}:" in refusal(memorize, X, np.zeros(len(X)))


@pytest.mark.parametrize("value", [2**53 + 1, 2**54 + 2, 2**64, 10**30, -(2**53) - 1], ids=str)
@pytest.mark.parametrize("other", [0.5, 1, fractions.Fraction(1, 2)], ids=repr)
def test_a_large_python_integer_among_other_numbers_is_named(value, other):
    assert f"X[1, 0] is {value}:" in refusal(memorize, [[0, other], [value, 1]], [0, 1])


def test_numpy_integers_that_a_common_float_dtype_would_round_are_named():
    X = [[np.int64(2**53 + 1), np.uint64(1)], [np.int64(0), np.uint64(0)]]
    assert f"X[0, 0] is {2**53 + 1}:" in refusal(memorize, X, [0, 1])


@pytest.mark.parametrize("value", [2**53 + 1, -(10**40), np.int64(2**60)], ids=str)
def test_a_large_integer_in_an_object_array_is_named(value):
    X = np.zeros((3, 2), object)
    X[2, 0] = value
    assert f"X[2, 0] is {value}:" in refusal(memorize, X, [0, 1, 0])


def test_predict_refuses_large_integers_too():
    net = memorize([[0], [1]], [0, 1])
    assert f"X[1, 0] is {2**53 + 1}:" in refusal(net.predict, [[0], [2**53 + 1]])


def test_a_ragged_list_names_the_row():
    assert_names(refusal(memorize, [[1, 2], [3, 4], [5]], [0, 1, 0]), "X", "row 2")


def test_masked_points_are_refused_with_row_and_way_out():
    X = np.ma.masked_array(np.zeros((5, 2)), mask=False)
    X[3, 1] = np.ma.masked
    assert_names(refusal(memorize, X, np.zeros(5)), "masked", "row 3", "getmaskarray(X)")


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array, sparse.dok_array])
def test_sparse_points_are_refused_with_the_way_out(kind):
    assert_names(refusal(memorize, kind(np.eye(3)), [0, 1, 2]), "sparse", "X.toarray()")


def test_what_cannot_be_converted_is_refused_with_its_own_reason():
    assert_names(refusal(memorize, TrackedTensor(), [0]), "X cannot be read", "requires grad")


# Options


@pytest.mark.parametrize("n_threads", [0, -1, 1.5, 2.0, "2", True, [2]], ids=repr)
def test_a_wrong_number_of_threads_is_refused(n_threads):
    message = refusal(memorize, [[0.0], [1.0]], [0, 1], n_threads=n_threads)
    assert_names(message, "n_threads", "positive integer", repr(n_threads))


@pytest.mark.parametrize("method", ["predict", "forward", "codes", "certified_radius"])
def test_a_network_refuses_a_wrong_number_of_threads(method):
    net = memorize([[0.0], [1.0]], [0, 1])
    assert_names(refusal(getattr(net, method), [[0.0]], n_threads=0), "n_threads", "0")


def test_the_number_of_threads_may_be_a_numpy_integer():
    net = memorize([[0.0], [1.0]], [0, 1], n_threads=np.int32(2))
    assert np.array_equal(net.predict([[0.0], [1.0]], n_threads=np.uint8(3)), [0, 1])


@pytest.mark.parametrize("value", ["nonsense", "", None, 3, ["labels"]], ids=repr)
@pytest.mark.parametrize(
    ("option", "choice"), [("construction", "compact"), ("store", "integer"), ("store", "binary"), ("separate", "all")]
)
def test_an_unknown_option_is_refused_with_the_choices(option, choice, value):
    message = refusal(memorize, [[0.0], [1.0]], [0, 1], **{option: value})
    assert_names(message, option, repr(choice), repr(value))


@pytest.mark.parametrize("value", ["yes", 1, 0, object()])
def test_a_wrong_progress_is_refused(value):
    assert_names(refusal(memorize, [[0.0], [1.0]], [0, 1], progress=value), "progress", "tqdm", repr(value))


def test_predict_refuses_a_wrong_progress():
    net = memorize([[0.0], [1.0]], [0, 1])
    assert "progress" in refusal(net.predict, [[0.0]], progress="yes")


@pytest.mark.parametrize("value", ["seed", -1, 1.5], ids=repr)
def test_a_wrong_random_state_is_refused(value):
    assert "random_state" in refusal(memorize, [[0.0], [1.0]], [0, 1], random_state=value)


# Equal rows


@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "float16", "object"])
def test_equal_rows_with_equal_labels_are_fine(separate, dtype):
    X, y = whole_numbers()
    X, y = np.concatenate([X, X[::-1], X[:50]]).astype(dtype), np.concatenate([y, y[::-1], y[:50]])
    net = memorize(X, y, separate=separate, random_state=0)
    assert np.array_equal(net.predict(X), y)


def test_separate_all_gives_each_distinct_point_its_own_code():
    X, _ = whole_numbers()
    X = np.concatenate([X, X[:50]])
    net = memorize(X, np.zeros(len(X)), separate="all", random_state=0)
    codes = net.codes(X)
    assert len(np.unique(codes)) == 200
    assert np.array_equal(codes[200:], codes[:50])


def contradiction(X, y, **options):
    with pytest.raises(ContradictoryLabels) as caught:
        memorize(X, y, **options)
    assert isinstance(caught.value, FastmemError)
    assert isinstance(caught.value, ValueError)
    return caught.value


@pytest.mark.parametrize("separate", ["labels", "all"])
def test_contradictory_rows_are_listed_with_the_first_equal_row_first(separate):
    X, _ = whole_numbers()
    y = np.arange(200)
    X[[40, 90, 199]] = X[[7, 7, 150]]
    error = contradiction(X, y, separate=separate)
    assert error.rows == [(7, 40), (7, 90), (150, 199)]


def test_the_message_names_contradictory_rows_their_labels_and_the_ways_out():
    error = contradiction([[0, 1], [2, 3], [0, 1]], ["cat", "dog", "mouse"])
    assert_names(str(error), "rows 0 ", "cat", " 2 ", "mouse", "drop", "column")


@pytest.mark.parametrize(
    ("labels", "shown"), [([4, 5], "rows 0 (4) and 1 (5)"), (["a", "b"], "rows 0 ('a') and 1 ('b')")]
)
def test_contradictory_labels_are_shown_as_the_user_wrote_them(labels, shown):
    assert shown in str(contradiction([[0.0], [0.0]], labels))


def test_a_row_that_agrees_with_the_first_is_not_listed():
    assert contradiction([[0], [0], [0], [1]], [5, 6, 5, 5]).rows == [(0, 1)]


def test_many_contradictory_rows_are_all_listed_but_few_shown():
    error = contradiction(np.zeros((1000, 2)), np.arange(1000))
    assert error.rows == [(0, i) for i in range(1, 1000)]
    assert_names(str(error), "999 rows", "994 more")
    assert len(str(error)) < 1000


def test_rows_that_differ_in_the_sign_of_zero_are_equal_rows():
    assert contradiction([[0.0, 1.0], [-0.0, 1.0]], [0, 1]).rows == [(0, 1)]


def test_rows_that_differ_in_the_sign_of_zero_get_one_label():
    X = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, -0.0], [1.0, 0.0]])
    y = np.array([3, 3, 4, 4])
    net = memorize(X, y, separate="all", random_state=0)
    assert np.array_equal(net.predict(X), y)
    assert len(np.unique(net.codes(X))) == 2


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint64", "bool", ">f4", "object"])
def test_contradictions_are_found_in_every_dtype(dtype):
    X = np.array([[0, 1], [1, 0], [1, 1], [0, 1]]).astype(dtype)
    assert contradiction(X, [0, 1, 2, 3]).rows == [(0, 3)]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_contradictions_across_blocks_are_found(n_threads):
    X = np.random.default_rng(0).standard_normal((100_000, 3)).astype(np.float32)
    X[99_999] = X[3]
    X[50_000] = X[70_000]
    assert contradiction(X, np.arange(100_000), n_threads=n_threads).rows == [(50_000, 70_000), (3, 99_999)]


def test_rows_that_differ_in_the_last_bit_are_different_rows():
    X = np.array([[1.0, 2.0], [np.nextafter(1.0, 2.0), 2.0], [5e-324, 0.0], [0.0, 0.0]])
    y = np.arange(4)
    assert np.array_equal(memorize(X, y, random_state=0).predict(X), y)


# Errors


ERRORS = [
    FastmemError("text"),
    InvalidInput("text"),
    FormatError("text"),
    ContradictoryLabels("text", [(0, 1), (0, 2)]),
    MemorizationError("text", [3, 4]),
    fastmem.MarginNotReached("text", 0.5, 0.25),
    fastmem.MarginTooSmall("text", [1]),
    fastmem.NetworkTooLarge("text", 10, 20),
    fastmem.NotInGeneralPosition("text", [1], [2, 3]),
    fastmem.NeedsBigIntegers("text", 77, [1]),
    fastmem.NotOnSphere("text", [1, 2], [0.5, 1.5]),
    fastmem.RecognitionWarning("text"),
]


def test_every_error_is_among_those_that_are_pickled_here():
    assert sorted(type(error).__name__ for error in ERRORS) == sorted(fastmem.errors.__all__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error) == "text"
    assert vars(again) == vars(error)


@pytest.mark.parametrize("name", fastmem.errors.__all__)
def test_every_error_is_public_and_a_fastmem_error(name):
    assert issubclass(getattr(fastmem, name), UserWarning if name.endswith("Warning") else FastmemError)


@pytest.mark.parametrize("error", [InvalidInput, ContradictoryLabels, FormatError])
def test_errors_of_the_input_are_value_errors(error):
    assert issubclass(error, ValueError)


def test_a_contradiction_survives_pickling_with_its_rows():
    error = contradiction([[0], [0]], ["a", "b"])
    again = pickle.loads(pickle.dumps(error))
    assert again.rows == error.rows == [(0, 1)]
    assert str(again) == str(error)


def test_more_rows_than_32_bits_count_are_refused():
    X = np.broadcast_to(np.zeros((1, 1), np.float32), (2**31, 1))
    with pytest.raises(InvalidInput, match="2147483648 rows"):
        memorize(X, [])
