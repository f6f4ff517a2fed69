"""Points in whatever holds them: read exactly, or refused by row and column."""

import datetime
import decimal

import numpy as np
import pytest
from support.containers import OnlyDlpack
from support.partners import partner

import fastmem
from fastmem import InvalidInput
from fastmem.data.as_points import as_points

LARGE = 2**53
FLOATS = [0.5, 0.5, 1.0]


def column_of(kind):
    """A column with the numbers 2^53 + 1, 2^53 and 5."""
    pandas = partner("pandas")
    numbers = [LARGE + 1, LARGE, 5]
    return {
        "int64": lambda: np.array(numbers),
        "uint64": lambda: np.array(numbers, np.uint64),
        "Int64": lambda: pandas.array(numbers, "Int64"),
        "category": lambda: pandas.Categorical(numbers),
        "Sparse": lambda: pandas.arrays.SparseArray(numbers),
        "object": lambda: np.array(numbers, object),
        "arrow": lambda: (partner("pyarrow"), pandas.array(numbers, "int64[pyarrow]"))[1],
    }[kind]()


@pytest.mark.partner
@pytest.mark.parametrize("kind", ["int64", "uint64", "Int64", "category", "Sparse", "object", "arrow"])
@pytest.mark.parametrize("beside", [{}, {"x": FLOATS}, {"x": [True, False, True]}, {"x": np.float32([1, 2, 3])}])
def test_integers_beyond_2_to_the_53_in_a_data_frame_are_refused_by_row_and_column(kind, beside):
    pandas = partner("pandas")
    frame = pandas.DataFrame({**beside, "i": column_of(kind)})
    place = rf"X\[0, {len(beside)}\] is {LARGE + 1}: integers beyond"
    for labels in ([0, 0, 0], [0, 1, 2]):
        with pytest.raises(InvalidInput, match=place):
            fastmem.memorize(frame, labels)


@pytest.mark.partner
@pytest.mark.parametrize("kind", ["int64", "Int64", "category", "Sparse", "object", "arrow"])
def test_all_that_float64_holds_is_taken_from_a_data_frame(kind):
    pandas = partner("pandas")
    frame = pandas.DataFrame({"i": column_of(kind), "x": FLOATS}).iloc[1:]
    assert as_points(frame).block(0, 2).tolist() == [[LARGE, 0.5], [5, 1.0]]


@pytest.mark.partner
@pytest.mark.parametrize(
    ("values", "dtype", "shown"),
    [
        (["1", "2", "3"], "category", "'1'"),
        (["1", "2", "3"], "str", "'1'"),
        ([decimal.Decimal("0.1"), 2, 3], object, "Decimal"),
        (["2020-01-01"] * 3, "datetime64[ns]", "Timestamp"),
        ([1, 2, 3], "timedelta64[s]", "Timedelta"),
        ([1, None, 3], "Int64", "NA|nan"),
        ([1, None, 3], "category", "nan"),
        ([1j, 2, 3], complex, "complex"),
    ],
    ids=str,
)
@pytest.mark.parametrize("beside", [{}, {"x": FLOATS}])
def test_what_is_no_number_in_a_data_frame_is_refused(values, dtype, shown, beside):
    pandas = partner("pandas")
    frame = pandas.DataFrame({**beside, "i": pandas.Series(values, dtype=dtype)})
    with pytest.raises(InvalidInput, match=shown):
        fastmem.memorize(frame, [0, 1, 2])


@pytest.mark.partner
@pytest.mark.parametrize(
    ("values", "dtype", "shown"),
    [
        ([LARGE + 1, LARGE, 5], "Int64", f"{LARGE + 1}: integers beyond"),
        ([2**64, 2**64 + 1, 1], "Int128", f"{2**64}: integers beyond|X cannot be read as an array"),
        ([decimal.Decimal("0.1"), decimal.Decimal("0.2"), decimal.Decimal("0.3")], "Decimal", "Decimal"),
        ([datetime.date(2020, 1, 1)] * 3, "Date", "datetime.date"),
        ([datetime.timedelta(1)] * 3, "Duration", "timedelta"),
        (["a", "b", "c"], "Categorical", "'a'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("beside", [{}, {"x": FLOATS}])
def test_frames_of_polars_are_read_exactly_or_refused(values, dtype, shown, beside):
    polars = partner("polars")
    kind = getattr(polars, dtype)
    column = polars.Series(values) if dtype == "Decimal" else polars.Series(values, dtype=kind)
    frame = polars.DataFrame({**beside, "i": column})
    with pytest.raises(InvalidInput, match=shown):
        fastmem.memorize(frame, [0, 1, 2])


@pytest.mark.partner
def test_a_long_double_beside_a_category_is_refused_by_its_own_column():
    pandas = partner("pandas")
    third = np.array([1, np.longdouble(1) + np.finfo(np.longdouble).eps], np.longdouble)
    frame = pandas.DataFrame({"a": pandas.Categorical([1, 2]), "b": third})
    with pytest.raises(InvalidInput, match=r"X\[1, 1\] is .*, which float64 does not hold exactly"):
        fastmem.memorize(frame, [0, 1])


@pytest.mark.partner
def test_exact_decimals_and_booleans_of_polars_are_taken():
    polars = partner("polars")
    exact = [decimal.Decimal("0.5"), decimal.Decimal("0.25")]
    frame = polars.DataFrame({"i": exact, "b": [True, False], "x": [0.1, 0.2]})
    assert as_points(frame).block(0, 2).tolist() == [[0.5, 1.0, 0.1], [0.25, 0.0, 0.2]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_arrays_that_have_dlpack_alone_are_read(dtype):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    net = fastmem.memorize(OnlyDlpack(X), [0, 1, 2], random_state=0)
    assert net.predict(OnlyDlpack(X)).tolist() == [0, 1, 2]
    assert net == fastmem.memorize(X, [0, 1, 2], random_state=0)


@pytest.mark.partner
@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_numbers_of_few_bits_are_those_of_float32(name):
    ml_dtypes = partner("ml_dtypes")
    X = np.array([[1.5, -2], [0.25, 3], [1.75, 0]]).astype(getattr(ml_dtypes, name))
    assert as_points(X).block(0, 3).tolist() == X.astype(float).tolist() == [[1.5, -2], [0.25, 3], [1.75, 0]]


@pytest.mark.partner
def test_bfloat16_of_pytorch_is_read():
    torch = partner("torch")
    X = torch.tensor([[1.5, -2.0], [0.25, 3.0]], dtype=torch.bfloat16)
    assert as_points(X).block(0, 2).tolist() == [[1.5, -2.0], [0.25, 3.0]]
