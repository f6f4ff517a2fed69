"""Points and labels in .parquet files: what is read equals what was written, and nothing else is ever read."""

import decimal

import numpy as np
import pytest
from support.command_line import failure, run, usage_error, write_csv, write_npy
from support.partners import partner

import fastmem
from fastmem.cli.parquet import ParquetTable

pytestmark = pytest.mark.partner


@pytest.fixture
def arrow(request):
    """Package pyarrow."""
    partner("pyarrow.parquet")
    return partner("pyarrow")


@pytest.fixture
def write(arrow, tmp_path):
    """Function that writes columns to a .parquet file."""

    def write(columns, name="data.parquet", **options):
        arrow.parquet.write_table(arrow.table(columns), tmp_path / name, **options)
        return tmp_path / name

    return write


def build(path, *options):
    """Network built from a .parquet file."""
    run("build", path, "-o", path.parent / "net", *options)
    return fastmem.load(path.parent / "net")


def refusal(path, *options):
    """The line on a .parquet file that build refuses."""
    message = failure("build", path, "-o", path.parent / "net", *options)
    assert not (path.parent / "net").exists()
    return message.removeprefix(f"Error: {path}: ")


X = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 4, 60)


@pytest.fixture
def columns():
    return {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "label": Y}


# Every command


def test_a_network_built_from_a_parquet_file_returns_its_labels(write, columns, tmp_path):
    data = write(columns)
    points = write({name: columns[name] for name in "abc"}, "points.parquet")
    result = run("build", data, "-o", tmp_path / "net")
    assert "60 points of 3 features, 4 classes" in result.stdout
    net = tmp_path / "net"
    assert run("verify", net, data).stdout == "all 60 labels returned\n"
    assert run("predict", net, points).stdout == "".join(f"{label}\n" for label in Y)
    assert run("predict", net, data, "--label", "label").stdout == "".join(f"{label}\n" for label in Y)
    assert "compact/binary" in run("compare", data, "--construction", "compact/binary").stdout


@pytest.mark.parametrize("label", ["label", "1"])
def test_the_label_column_is_chosen_by_name_or_number(label, write, columns):
    data = write({"a": columns["a"], "label": Y, "b": columns["b"]})
    assert np.array_equal(build(data, "--label", label).predict(X[:, :2]), Y)


def test_points_and_labels_may_be_in_files_of_their_own(write, columns, tmp_path):
    points = write({name: columns[name] for name in "abc"}, "points.parquet")
    labels = write({"label": Y}, "labels.parquet")
    pairs = [(points, write_npy(tmp_path / "y.npy", Y)), (write_npy(tmp_path / "X.npy", X), labels), (points, labels)]
    for pair in pairs:
        run("build", *pair, "-o", tmp_path / "net")
        assert run("verify", tmp_path / "net", *pair).stdout == "all 60 labels returned\n"
        assert np.array_equal(fastmem.load(tmp_path / "net").predict(X), Y)


def test_labels_in_more_than_one_column_are_refused(write, columns, tmp_path):
    data = write(columns)
    message = failure("build", write_npy(tmp_path / "X.npy", X), data, "-o", tmp_path / "net")
    assert "4 columns: a file of labels has one" in message


def test_verify_compares_text_that_looks_like_integers(write, tmp_path):
    data = write({"x": [0.0, 1.0], "y": ["1", "2"]})
    assert build(data).classes.tolist() == ["1", "2"]
    run("verify", tmp_path / "net", data)
    csv = write_csv(tmp_path / "data.csv", [[0.0], [1.0]], ["1", "2"])
    run("verify", tmp_path / "net", csv)


@pytest.mark.parametrize("values", [[b"a", b"b", b"\xff"], [True, False, True], [1, 2**60 + 1, 3]], ids=str)
def test_verify_finds_labels_of_any_kind_returned(values, write, tmp_path):
    data = write({"x": [0.0, 1.0, 2.0], "label": values})
    assert build(data).predict([[0.0], [1.0], [2.0]]).tolist() == values
    assert run("verify", tmp_path / "net", data).stdout == "all 3 labels returned\n"


def test_predicting_no_points_prints_nothing(write, columns, tmp_path):
    build(write(columns))
    none = write({name: columns[name][:0] for name in "abc"}, "none.parquet")
    assert run("predict", tmp_path / "net", none).stdout == ""


def test_rows_of_many_row_groups_keep_their_order(write):
    n = 150_000
    x, y = np.arange(n, dtype=np.float64), np.arange(n) % 3
    points, labels = ParquetTable(write({"x": x, "y": y}, row_group_size=40_000)).read([0], 1)
    assert np.array_equal(points[:, 0], x)
    assert np.array_equal(labels, y)
    x[140_000] = np.nan
    assert refusal(write({"x": x, "y": y}, row_group_size=40_000)).startswith("row 140000, column x: nan")


# Points


def test_points_keep_every_bit(write):
    """Neighbours in float64 are one point in float32, and then have two labels."""
    numbers = np.array([1.0, np.nextafter(1, 2), 5e-324, -0.5, 2.0**53])
    build(write({"x": numbers, "y": np.arange(5)}))


def test_float32_columns_are_read_as_float32_and_mixed_ones_as_float64(write):
    single, double = np.zeros(3, np.float32), np.zeros(3)
    assert ParquetTable(write({"a": single, "b": single})).read([0, 1])[0].dtype == np.float32
    assert ParquetTable(write({"a": single, "b": double})).read([0, 1])[0].dtype == np.float64
    assert ParquetTable(write({"a": single, "b": np.zeros(3, np.int8)})).read([0, 1])[0].dtype == np.float64


@pytest.mark.parametrize(
    "values",
    [
        [2**53, -(2**53), 0],
        np.array([0, 2**53], np.uint64),
        np.array([-128, 127], np.int8),
        np.array([0.1, 65504], np.float16),
        [True, False],
        [decimal.Decimal("0.5"), decimal.Decimal("-3.25"), decimal.Decimal("9007199254740992")],
    ],
    ids=["integers", "unsigned", "narrow", "half", "booleans", "decimals"],
)
def test_numbers_that_float64_holds_are_points(values, write):
    net = build(write({"x": values, "y": np.arange(len(values))}))
    assert net.predict(np.array([float(value) for value in values])[:, None]).tolist() == list(range(len(values)))


POINTS = {
    "null": ([1.0, None, 2.0], "row 1, column x: null is not a number"),
    "null integer": ([1, 2, None], "row 2, column x: null is not a number"),
    "nan": ([1.0, float("nan")], "row 1, column x: nan is not finite"),
    "infinity": ([float("-inf"), 1.0], "row 0, column x: -inf is not finite"),
    "integer": ([1, 2**53 + 1], "row 1, column x: 9007199254740993 is an integer beyond ±2^53"),
    "negative integer": ([1, -(2**63)], "row 1, column x: -9223372036854775808 is an integer beyond ±2^53"),
    "unsigned integer": (np.array([1, 2**64 - 1], np.uint64), "row 1, column x: 18446744073709551615 is an integer"),
    "decimal": ([decimal.Decimal("0.5"), decimal.Decimal("0.1")], "row 1, column x: 0.1 is a decimal that float64"),
    "text": (["1", "2"], "column x holds string, which is not numbers"),
    "list": ([[1.0], [2.0]], "column x holds list<"),
    "struct": ([{"a": 1}, {"a": 2}], "column x holds struct<"),
    "time": (np.array([1, 2], "M8[us]"), "column x holds timestamp[us], which is not numbers"),
    "duration": (np.array([1, 2], "m8[s]"), "column x holds duration["),
}


@pytest.mark.parametrize(("values", "message"), POINTS.values(), ids=POINTS)
def test_what_float64_does_not_hold_is_refused_by_row_and_column(values, message, write):
    data = write({"a": np.arange(len(values), dtype=float), "x": values, "y": np.arange(len(values))})
    assert refusal(data).startswith(message)


def test_categories_are_no_points(arrow, write):
    data = write({"x": arrow.array(["a", "b"]).dictionary_encode(), "y": [1, 2]})
    assert refusal(data).startswith("column x holds dictionary<")


def test_what_is_wrong_in_the_column_left_out_does_not_matter(write, columns, tmp_path):
    build(write(columns))
    data = write({**columns, "label": [None] * 60}, "unlabelled.parquet")
    assert run("predict", tmp_path / "net", data, "--label", "label").stdout.split() == [str(label) for label in Y]


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array([-1, 127, 3], np.int8),
        np.array([0, 1, 2**64 - 1], np.uint64),
        np.array([2**53, 2**53 + 1, 0]),
        np.array([0.5, -0.0, 0.0], np.float32),
        np.array([True, False, True]),
        np.array(["2020-01-01", "2020-01-02", "1969-12-31"], "M8[D]"),
        np.array([1, 2, 3], "M8[ns]"),
        np.array([1, 2, 3], "m8[us]"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_type(labels, write):
    returned = build(write({"x": [0.0, 1.0, 2.0], "y": labels})).predict([[0], [1], [2]])
    assert returned.dtype == labels.dtype
    assert returned.tobytes() == labels.tobytes()


@pytest.mark.parametrize("labels", [["a", "b", "ä"], ["1", "01", "1 "], ["a", "a\0", ""]], ids=repr)
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "categories"])
def test_text_labels_stay_apart(labels, encoded, arrow, write):
    column = arrow.array(labels).dictionary_encode() if encoded else arrow.array(labels)
    net = build(write({"x": [0.0, 1.0, 2.0], "y": column}))
    assert net.predict([[0], [1], [2]]).tolist() == labels


def test_categories_of_many_row_groups_are_one_set(arrow, write):
    labels = [f"kind {i % 7}" for i in range(60)]
    data = write({"x": np.arange(60.0), "y": arrow.array(labels).dictionary_encode()}, row_group_size=11)
    assert build(data).predict(np.arange(60.0)[:, None]).tolist() == labels


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", None], "row 1, column y: null is no label"),
        ([None, 1], "row 0, column y: null is no label"),
        ([None, None], "row 0, column y: null is no label"),
        ([decimal.Decimal(1), decimal.Decimal(2)], "column y holds decimal128(1, 0), which cannot be labels"),
        ([[1], [2]], "column y holds list<"),
    ],
    ids=["text", "integer", "nothing", "decimal", "list"],
)
def test_what_cannot_be_labels_is_refused(labels, message, write):
    assert refusal(write({"x": [0.0, 1.0], "y": labels})).startswith(message)


def test_a_null_among_categories_is_refused(arrow, write):
    data = write({"x": [0.0, 1.0, 2.0], "y": arrow.array(["a", "b", None]).dictionary_encode()})
    assert refusal(data).startswith("row 2, column y: null is no label")


def test_times_with_a_zone_are_refused(arrow, write):
    data = write({"x": [0.0, 1.0], "y": arrow.array([1, 2], arrow.timestamp("us", tz="Europe/Rome"))})
    assert refusal(data).startswith("column y holds timestamp[us in Europe/Rome], and NumPy's times have no zone")


# Files


def test_the_index_of_a_data_frame_is_not_taken_for_data(tmp_path):
    pandas = partner("pandas")
    partner("pyarrow")
    frame = pandas.DataFrame({"x": [0.0, 1.0, 2.0], "y": [5, 6, 7]}, index=pandas.Index([3, 1, 2], name="number"))
    data = tmp_path / "data.parquet"
    frame.to_parquet(data)
    for options in ([], ["--label", "y"]):
        message = refusal(data, *options)
        assert message.startswith("column number is the index of a pandas data frame: say --drop number")
    dropped = build(data, "--label", "y", "--drop", "number")
    assert dropped.predict([[0], [1], [2]]).tolist() == [5, 6, 7]
    frame.to_parquet(data, index=False)
    assert build(data).predict([[0], [1], [2]]).tolist() == [5, 6, 7]


def test_columns_of_one_name_are_told_apart_by_their_numbers(arrow, tmp_path):
    table = arrow.table([[0.0, 1.0], [5, 6], [2.0, 3.0]], names=["a", "a", "b"])
    arrow.parquet.write_table(table, tmp_path / "data.parquet")
    assert "2 columns 'a'" in failure("build", tmp_path / "data.parquet", "-o", tmp_path / "net", "--label", "a")
    net = build(tmp_path / "data.parquet", "--label", "1")
    assert net.predict([[0, 2], [1, 3]]).tolist() == [5, 6]


def test_a_missing_column_is_named_with_those_present(write, columns, tmp_path):
    message = failure("build", write(columns), "-o", tmp_path / "net", "--label", "kind")
    assert message.endswith("has no column 'kind', only a, b, c, label")


def test_one_column_is_not_points_and_labels(write, tmp_path):
    assert "one column" in failure("build", write({"x": [1.0, 2.0]}), "-o", tmp_path / "net")


def test_a_label_column_of_two_files_is_a_wrong_use(write, columns, tmp_path):
    labels = write({"label": Y}, "labels.parquet")
    assert "--label" in usage_error("build", write(columns), labels, "-o", tmp_path / "net", "--label", "label")


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_truncated_file_is_one_line(kept, write, columns, tmp_path):
    data = write(columns)
    data.write_bytes(data.read_bytes()[:kept])
    assert f"{data} cannot be read: " in failure("build", data, "-o", tmp_path / "net")


def test_a_damaged_page_is_found_by_its_checksum(write, tmp_path):
    data = write({"x": np.arange(60.0), "y": np.arange(60)}, write_page_checksum=True, use_dictionary=False)
    content = bytearray(data.read_bytes())
    content[200] ^= 1  # in the first page
    data.write_bytes(content)
    assert "cannot be read" in failure("build", data, "-o", tmp_path / "net")


def test_the_suffix_may_be_in_capitals(write, columns):
    assert np.array_equal(build(write(columns, "DATA.PARQUET")).predict(X), Y)


@pytest.mark.partner
def test_labels_of_bytes_that_numpy_would_shorten_are_refused(tmp_path):
    pyarrow, parquet = partner("pyarrow"), partner("pyarrow.parquet")
    table = pyarrow.table({"x": [1.0, 2.0], "y": pyarrow.array([b"a", b"a\0"], pyarrow.binary())})
    parquet.write_table(table, tmp_path / "data.parquet")
    message = failure("build", tmp_path / "data.parquet", "-o", tmp_path / "net")
    assert "row 1, column y" in message
    assert "ends in a zero byte" in message


@pytest.fixture
def folder(arrow, tmp_path):
    """A folder of three files, of which the labels are text."""
    (tmp_path / "parts").mkdir()
    for part in range(3):
        rows = slice(20 * part, 20 * part + 20)
        columns = {f"x{j}": X[rows, j] for j in range(3)} | {"label": Y[rows].astype(str)}
        arrow.parquet.write_table(arrow.table(columns), tmp_path / "parts" / f"{part}.parquet")
    return tmp_path / "parts"


@pytest.mark.parametrize("options", [(), ("--scratch", "."), ("--label", "label"), ("--drop", "x1", "--scratch", ".")])
def test_the_files_of_a_folder_are_one_table(folder, options, monkeypatch):
    monkeypatch.chdir(folder.parent)
    net = build(folder, *options)
    assert net.n_points == 60
    drop = ("--drop", "x1") if "--drop" in options else ()
    assert run("verify", folder.parent / "net", folder, *drop).stdout == "all 60 labels returned\n"
    assert (
        run("predict", folder.parent / "net", folder, "--label", "label", *drop).stdout.split()
        == Y.astype(str).tolist()
    )
    assert sorted(path.name for path in folder.parent.iterdir()) == ["net", "parts"]


def test_a_folder_beside_a_file_of_labels(folder, tmp_path):
    write_npy(tmp_path / "y.npy", Y)
    for scratch in ((), ("--scratch", tmp_path)):
        run("build", folder, tmp_path / "y.npy", "-o", tmp_path / "net", "--drop", "label", *scratch)
        assert np.array_equal(fastmem.load(tmp_path / "net").predict(X), Y)
    write_npy(tmp_path / "y.npy", Y[1:])
    message = failure(
        "build", folder, tmp_path / "y.npy", "-o", tmp_path / "no", "--drop", "label", "--scratch", tmp_path
    )
    assert f"{folder} has 60 rows, but {tmp_path / 'y.npy'} has 59 labels" in message


def test_a_row_of_a_folder_that_cannot_be_used_is_named_by_its_file(folder, arrow):
    columns = {f"x{j}": [1.0, None] for j in range(3)} | {"label": ["a", "b"]}
    table = arrow.table(columns).cast(arrow.parquet.read_schema(folder / "0.parquet"))
    arrow.parquet.write_table(table, folder / "3.parquet")
    for options in ((), ("--scratch", folder.parent)):
        message = failure("build", folder, "-o", folder.parent / "no", *options)
        assert f"{folder / '3.parquet'}: row 1, column x0: null is not a number" in message


def test_folders_that_are_no_table_are_refused(folder, arrow, tmp_path):
    arrow.parquet.write_table(arrow.table({"x0": [1.0]}), folder / "9.parquet")
    message = failure("build", folder, "-o", tmp_path / "no")
    assert f"{folder / '9.parquet'} has other columns than {folder / '0.parquet'}" in message
    (tmp_path / "empty").mkdir()
    assert "holds no .parquet file" in failure("build", tmp_path / "empty", "-o", tmp_path / "no")


def test_arrays_of_zarr_are_read(tmp_path):
    zarr = partner("zarr")
    zarr.create_array(str(tmp_path / "X.zarr"), data=X, chunks=(7, 3))
    zarr.create_array(str(tmp_path / "y.zarr"), data=Y, chunks=(9,))
    group = zarr.open_group(str(tmp_path / "both.zarr"), mode="w")
    group.create_array("X", data=X)
    group.create_array("y", data=Y)
    write_npy(tmp_path / "y.npy", Y)
    for data in (["X.zarr", "y.zarr"], ["X.zarr", "y.npy"], ["both.zarr"]):
        paths = [tmp_path / name for name in data]
        for scratch in ((), ("--scratch", tmp_path)):
            run("build", *paths, "-o", tmp_path / "net", *scratch)
            assert run("verify", tmp_path / "net", *paths).stdout == "all 60 labels returned\n"
    zarr.open_group(str(tmp_path / "other.zarr"), mode="w").create_array("Z", data=X)
    assert "has no array 'X', only Z" in failure("build", tmp_path / "other.zarr", "-o", tmp_path / "no")
    (tmp_path / "none.zarr").mkdir()
    assert "cannot be read" in failure("build", tmp_path / "none.zarr", "-o", tmp_path / "no")
