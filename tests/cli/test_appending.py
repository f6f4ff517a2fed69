"""Labels beside the rows they belong to: a table keeps every byte of its own, and a column of labels is added."""

import csv
import gzip
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from support.command_line import failure, run, usage_error, write_npy
from support.partners import partner

import fastmem
from fastmem.cli import appending, files, main, predicting

READERS = ["csv", pytest.param("pyarrow", marks=pytest.mark.partner)]


@pytest.fixture(params=READERS)
def reader(request, monkeypatch):
    """Who reads what can be read by both: pyarrow takes small files too, or none."""
    if request.param == "pyarrow":
        partner("pyarrow.csv")
    monkeypatch.setattr(files, "_LARGE", 0 if request.param == "pyarrow" else 2**62)


@pytest.fixture
def network(tmp_path):
    """File of a network that was built of (1, 2) and (3, 4), and knows no others."""
    y = ["a", 'b, "c"; d']
    fastmem.memorize([[1, 2], [3, 4]], y, random_state=0, fingerprint_bits=32, recognise="rows").save(tmp_path / "net")
    return tmp_path / "net"


def table(folder, text, name="data.csv"):
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith("gz") else data)
    return folder / name


def written(*arguments, output):
    """What a command writes to a file, as text."""
    run(*arguments, "-o", output)
    data = output.read_bytes()
    return (gzip.decompress(data) if output.name.endswith("gz") else data).decode()


# A table, the same with labels, and options.
B = '"b, ""c""; d"'
TABLES = {
    "commas": ("p,q\n1,2\n3,4\n", f"p,q,out\n1,2,a\n3,4,{B}\n", ()),
    "no names": ("1,2\n3,4\n", f"1,2,a\n3,4,{B}\n", ("--no-header",)),
    "no end of the last line": ("p,q\n1,2\n3,4", f"p,q,out\n1,2,a\n3,4,{B}\n", ()),
    "empty lines": ("\np,q\n\n1,2\n\n\n3,4\n\n\r\n", f"\np,q,out\n\n1,2,a\n\n\n3,4,{B}\n\n\r\n", ()),
    "Windows and a byte order mark": ("\ufeffp,q\r\n1,2\r\n3,4", f"\ufeffp,q,out\r\n1,2,a\r\n3,4,{B}\r\n", ()),
    "a byte order mark and quotes": ('\ufeff"p",q\n1,2\n3,4\n', f'\ufeff"p",q,out\n1,2,a\n3,4,{B}\n', ()),
    "quotes and spaces": ('"p", q\n"1", 2 \n3.000,"4"\n', f'"p", q,out\n"1", 2 ,a\n3.000,"4",{B}\n', ()),
    "decimal commas": ("p;q\n1,0;2\n3,0;4,00\n", f"p;q;out\n1,0;2;a\n3,0;4,00;{B}\n", ("--decimal", ",")),
    "tabs": ("p\tq\n1\t2\n3\t4\n", f"p\tq\tout\n1\t2\ta\n3\t4\t{B}\n", ()),
    "ends of lines of one character": ("p,q\r1,2\r3,4", f"p,q,out\r1,2,a\r3,4,{B}\r", ()),
    "a name of two lines": ('"p\nr",q\n1,2\n3,4\n', f'"p\nr",q,out\n1,2,a\n3,4,{B}\n', ()),
    "a cell of two lines": ('id,p,q\n"x\n\n""y",1,2\n7,3,4\n', f'id,p,q,out\n"x\n\n""y",1,2,a\n7,3,4,{B}\n',
                            ("--drop", "id")),
    "an index of pandas": (",p,q\n0,1,2\n1,3,4\n", f",p,q,out\n0,1,2,a\n1,3,4,{B}\n", ()),
    "names of rows, as R writes them": ("p,q\nx,1,2\ny,3,4\n", f"p,q,out\nx,1,2,a\ny,3,4,{B}\n", ()),
    "a name more than columns": ("p,q,\n1,2\n3,4\n", f"p,q,out\n1,2,a\n3,4,{B}\n", ()),
    "a separator at the end of lines": ("p,q\n1,2,\n3,4,\n", f"p,q,,out\n1,2,,a\n3,4,,{B}\n", ("--drop", "2")),
    "labels of the table": ("p,y,q\n1,u,2\n3,v,4\n", f"p,y,q,out\n1,u,2,a\n3,v,4,{B}\n", ("--label", "y")),
    "columns in another order": ("id,q,p\n7,2,1\n8,4,3\n", f"id,q,p,out\n7,2,1,a\n8,4,3,{B}\n",
                                 ("--use", "p", "--use", "q")),
}  # fmt: skip


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_keeps_every_byte_and_gets_a_column_of_labels(kind, network, tmp_path):
    text, expected, options = TABLES[kind]
    data = table(tmp_path, text)
    assert written("predict", network, data, "--append", "out", *options, output=tmp_path / "out.csv") == expected
    assert run("predict", network, data, "--append", "out", *options).stdout_bytes == expected.encode()


KEPT = {
    "by name": ("id,p,q\nx,1,2\ny,3,4\n", ("--keep", "id"), f"id,label\nx,a\ny,{B}\n"),
    "by number": ("id,p,q\nx,1,2\ny,3,4\n", ("--keep", "0"), f"id,label\nx,a\ny,{B}\n"),
    "with another name for labels": ("id,p,q\nx,1,2\ny,3,4\n", ("--keep", "id", "--append", "y"),
                                     f"id,y\nx,a\ny,{B}\n"),
    "in the order asked for": ("id,p,note,q\nx,1,u,2\ny,3,\"v,w\",4\n", ("--keep", "note", "--keep", "id"),
                               f'note,id,label\nu,x,a\n"v,w",y,{B}\n'),
    "no names": ("x,1,2\ny,3,4\n", ("--keep", "0", "--no-header"), f"x,a\ny,{B}\n"),
    "the labels of the table": ("p,q,y\n1,2,u\n3,4,v\n", ("--label", "y", "--keep", "y"), f"y,label\nu,a\nv,{B}\n"),
    "a name that only a dropped column has": ("label,id,p,q\nu,x,1,2\nv,y,3,4\n", ("--keep", "id", "--drop", "label"),
                                              f"id,label\nx,a\ny,{B}\n"),
    "an index": (",p,q\n0,1,2\n1,3,4\n", ("--keep", "0"), f",label\n0,a\n1,{B}\n"),
    "a column without a name": (",p,q\n7,1,2\n7,3,4\n", ("--keep", "0"), f",label\n7,a\n7,{B}\n"),
    "names of rows, as R writes them": ("p,q\nx,1,2\ny,3,4\n", ("--keep", "0"), f",label\nx,a\ny,{B}\n"),
    "numbers as they are written": ("id;p;q\n1,50;1;2\n007;3;4\r\n", ("--keep", "id", "--decimal", ","),
                                    f"id;label\n1,50;a\n007;{B}\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEPT)
def test_kept_columns_stand_before_labels_and_are_no_points(kind, network, tmp_path):
    text, options, expected = KEPT[kind]
    data = table(tmp_path, text)
    assert run("predict", network, data, *options).stdout_bytes == expected.encode()


def test_without_names_kept_columns_are_those_of_a_network_with_names(tmp_path):
    data = table(tmp_path, "id,p,q,y\n1,1,2,a\n2,3,4,b\n")
    run("build", data, "--drop", "id", "-o", tmp_path / "net")
    assert run("predict", tmp_path / "net", data, "--label", "y", "--keep", "id").stdout == "id,label\n1,a\n2,b\n"
    assert "'id'" in failure("predict", tmp_path / "net", data, "--label", "y", "--append", "out")


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("rows", [3, 100])
def test_any_block_of_rows_and_labels_gives_the_same(rows, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 99, (50, 2)), rng.integers(0, 9, 50)
    X[:, 0] = np.arange(50)
    fastmem.memorize(X, y, random_state=0).save(tmp_path / "net")
    data = table(tmp_path, "".join(f'"{i}\nof many",{p},{q}\n' for i, (p, q) in enumerate(X.tolist())))
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", rows)
    monkeypatch.setattr(appending, "_ROWS", 2)
    text = written("predict", tmp_path / "net", data, "--drop", 0, "--append", "y", output=tmp_path / "o.csv")
    assert text == "".join(f'"{i}\nof many",{p},{q},{y[i]}\n' for i, (p, q) in enumerate(X.tolist()))


def test_standard_input_a_compressed_file_and_the_file_itself_give_the_same(network, tmp_path):
    text, expected, _ = TABLES["Windows and a byte order mark"]
    arguments = ["predict", str(network), "-", "--append", "out"]
    assert CliRunner().invoke(main, arguments, input=text.encode()).stdout_bytes == expected.encode()
    for name in ("data.csv.gz", "data.csv"):
        data = table(tmp_path, text, name)
        assert written("predict", network, data, "--append", "out", output=data) == expected


def test_labels_alone_are_compressed_where_the_name_says_so(network, tmp_path):
    data = table(tmp_path, "p,q\n1,2\n3,4\n")
    assert written("predict", network, data, output=tmp_path / "out.txt.gz") == run("predict", network, data).stdout


def test_what_a_program_writes_is_read_back_with_its_labels(tmp_path):
    rng = np.random.default_rng(0)
    words = ["", " ", "é", 'a "b"', "x,y", "two\nlines", "0", "ends\r"]
    fastmem.memorize(np.arange(200.0)[:, None], rng.choice(words[2:], 200), random_state=0).save(tmp_path / "net")
    rows = [[str(rng.choice(words)), repr(float(i)), str(rng.choice(words))] for i in range(200)]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["note", "p", "other"], *rows])
    data = table(tmp_path, text.getvalue())
    out = written("predict", tmp_path / "net", data, "--use", "p", "--append", "y", output=tmp_path / "out.csv")
    labels = fastmem.load(tmp_path / "net").predict(np.arange(200.0)[:, None]).tolist()
    read = list(csv.reader(io.StringIO(out, newline=""), strict=True))
    assert read == [["note", "p", "other", "y"], *([*row, label] for row, label in zip(rows, labels, strict=True))]


def test_labels_of_several_values_are_numbered_columns(tmp_path):
    fastmem.memorize([[1, 2], [3, 4]], [[0.5, 7], [1.5, 8]], random_state=0).save(tmp_path / "net")
    data = table(tmp_path, "id,p,q\nx,1,2\ny,3,4\n")
    assert run("predict", tmp_path / "net", data, "--keep", "id", "--append", "y").stdout == (
        "id,y_0,y_1\nx,0.5,7.0\ny,1.5,8.0\n"
    )
    taken = table(tmp_path, "y_1,p,q\n0,1,2\n0,3,4\n")
    assert "a column 'y_1' already" in failure("predict", tmp_path / "net", taken, "--keep", "y_1", "--append", "y")


def test_rows_that_are_unknown_get_their_label(network, tmp_path):
    data = table(tmp_path, "p,q\n1,2\n5,6\n")
    assert run("predict", network, data, "--unknown", "new", "--append", "y").stdout == "p,q,y\n1,2,a\n5,6,new\n"


def test_labels_have_the_decimal_mark_of_the_table(tmp_path):
    fastmem.memorize([[1, 2], [3, 4]], [0.5, 1e-7], random_state=0).save(tmp_path / "net")
    data = table(tmp_path, "p;q\n1,0;2\n3,0;4\n")
    assert run("predict", tmp_path / "net", data, "--decimal", ",", "--append", "y").stdout == (
        "p;q;y\n1,0;2;0,5\n3,0;4;1e-07\n"
    )


def test_a_name_of_tabs_is_for_tabs(network, tmp_path):
    data = table(tmp_path, "p,q\n1,2\n3,4\n")
    for name in ("out.tsv", "out.tsv.gz"):
        message = usage_error("predict", network, data, "--append", "y", "-o", tmp_path / name)
        assert "columns stay separated by ','" in message
    data = table(tmp_path, "p\tq\n1\t2\n3\t4\n")
    assert written("predict", network, data, "--append", "y", output=tmp_path / "out.tsv").startswith(
        "p\tq\ty\n1\t2\ta"
    )


def test_what_is_read_is_not_written_over(network, tmp_path):
    data = table(tmp_path, "id,p,q\nx,1,2\ny,3,4\n")
    older = data.read_bytes(), network.read_bytes()
    (tmp_path / "linked.csv").symlink_to(data)
    of_points = ["--data", data, "--drop", "id"]
    for arguments in (
        ["predict", network, data, "--keep", "id", "-o", data],  # which would lose the points
        ["predict", network, data, "--keep", "id", "-o", tmp_path / "linked.csv"],
        ["predict", network, data, "--drop", "id", "-o", tmp_path / "linked.csv"],
        ["predict", network, data, "--drop", "id", "--append", "y", "-o", network],
        ["report", network, "-o", network],
        ["export", network, "--to", "js", "-o", network],
        ["export", network, "--to", "js", *of_points, "-o", data],
    ):
        assert "would be written over what is read" in usage_error(*arguments)
    assert (data.read_bytes(), network.read_bytes()) == older


def test_json_describes_the_file(network, tmp_path):
    data = table(tmp_path, "p,q\n1,2\n3,4\n")
    described = json.loads(run("predict", network, data, "--append", "y", "-o", tmp_path / "o.csv", "--json").stdout)
    assert described["n"] == 2
    assert described["bytes"] == len((tmp_path / "o.csv").read_bytes())


def test_a_name_that_is_taken_is_refused(network, tmp_path):
    data = table(tmp_path, "label,p,q\nu,1,2\nv,3,4\n")
    message = failure("predict", network, data, "--drop", "label", "--append", "label")
    assert "data.csv has a column 'label' already: give labels another name with --append" in message
    assert "has a column 'label' already" in failure("predict", network, data, "--keep", "label")
    assert "no column 'x'" in failure("predict", network, data, "--keep", "x")


def test_a_column_cannot_be_point_and_kept(network, tmp_path):
    data = table(tmp_path, "p,q\n1,2\n3,4\n")
    message = usage_error("predict", network, data, "--use", "p", "--use", "q", "--keep", "0")
    assert "both name one of them" in message
    assert "names a column twice" in usage_error("predict", network, data, "--keep", "p", "--keep", "0")
    assert "it is the name of a column" in usage_error("predict", network, data, "--append", " ")


def test_a_wrong_row_leaves_an_older_file(network, tmp_path):
    (tmp_path / "out.csv").write_text("older")
    data = table(tmp_path, "p,q\n1,2\n3,x\n")
    failure("predict", network, data, "--append", "y", "-o", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "older"


@pytest.mark.parametrize("change", ["p,q\n1,2\n", "p,q\n1,2\n\n\n", "p,q\n1,2\n3,4\n5,6\n"])
def test_a_table_that_changes_meanwhile_is_refused(change, network, tmp_path, monkeypatch):
    data = table(tmp_path, "p,q\n1,2\n3,4\n")
    read = predicting.read_points_of_table

    def changing(*arguments):
        held = read(*arguments)
        data.write_text(change)
        return held

    monkeypatch.setattr(predicting, "read_points_of_table", changing)
    assert "changed while it was read" in failure("predict", network, data, "--append", "y", "-o", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("option", [("--append", "y"), ("--keep", "0")])
def test_files_that_cannot_hold_the_columns_are_refused(option, network, tmp_path):
    data = table(tmp_path, "id,p,q\nx,1,2\ny,3,4\n")
    array = write_npy(tmp_path / "X.npy", np.array([[1, 2]]))
    assert "are for tables" in usage_error("predict", network, array, *option)
    for name in ("out.npy", "out.parquet"):
        assert "a text table stays one" in usage_error("predict", network, data, *option, "-o", tmp_path / name)
    assert "--json prints labels alone" in usage_error("predict", network, data, *option, "--json")


# Parquet


@pytest.fixture
def parquet():
    """Modules pyarrow and pyarrow.parquet."""
    return partner("pyarrow"), partner("pyarrow.parquet")


def frame(arrow, tmp_path):
    """A .parquet file of more kinds than numbers, which memory holds in small groups of rows, and its points."""
    X = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    columns = {
        "id": arrow.array([f"row {i}" for i in range(50)]).dictionary_encode(),
        "p": X[:, 0],
        "when": arrow.array(range(50), arrow.timestamp("ns", "Europe/Berlin")),
        "q": X[:, 1],
        "list": [[i, None] for i in range(50)],
    }
    return arrow.table(columns).replace_schema_metadata({"made": "here"}), X


LABELS = {
    "integers": (np.arange(50, dtype=np.int16), "int16"),
    "floats": (np.arange(50) / 3, "double"),
    "text": (np.array(["a", "b", "é"])[np.arange(50) % 3], "string"),
    "bytes": (np.array([b"a", b"\xff"])[np.arange(50) % 2], "binary"),
    "truths": (np.arange(50) % 2 == 0, "bool"),
    "days": (np.datetime64("2024-01-01") + np.arange(50), "date32[day]"),
}


@pytest.mark.partner
@pytest.mark.parametrize("kind", LABELS)
def test_a_parquet_file_gets_a_column_of_labels_of_their_kind(kind, parquet, tmp_path, monkeypatch):
    arrow, reader = parquet
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    (y, of_column), (columns, X) = LABELS[kind], frame(arrow, tmp_path)
    fastmem.memorize(X, y, random_state=0).save(tmp_path / "net")
    reader.write_table(columns, tmp_path / "data.parquet", row_group_size=20)
    options = ["--use", "p", "--use", "q", "--append", "y", "-o", tmp_path / "out.parquet"]
    run("predict", tmp_path / "net", tmp_path / "data.parquet", *options)
    found, columns = (reader.read_table(tmp_path / name) for name in ("out.parquet", "data.parquet"))
    assert found.drop_columns("y").schema.equals(columns.schema, check_metadata=True)
    assert found.drop_columns("y").to_pylist() == columns.to_pylist()
    assert str(found.schema.field("y").type) == of_column
    assert np.array_equal(found["y"].to_numpy(), y)


@pytest.mark.partner
def test_files_of_a_folder_become_one_and_columns_can_be_kept(parquet, tmp_path):
    arrow, reader = parquet
    columns, X = frame(arrow, tmp_path)
    fastmem.memorize(X, np.c_[np.arange(50), -np.arange(50)], random_state=0).save(tmp_path / "net")
    (tmp_path / "folder").mkdir()
    for i in range(5):
        reader.write_table(columns.slice(10 * i, 10), tmp_path / "folder" / f"{i}.parquet")
    options = ["--drop", "when", "--drop", "list", "--keep", "id", "-o", tmp_path / "out.parquet"]
    run("predict", tmp_path / "net", tmp_path / "folder", *options)
    found = reader.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["id", "label_0", "label_1"]
    assert found["id"].to_pylist() == columns["id"].to_pylist()
    assert found["label_1"].to_pylist() == (-np.arange(50)).tolist()


@pytest.mark.partner
def test_files_of_a_folder_may_differ_in_what_may_be_null_and_are_not_written_over(parquet, network, tmp_path):
    arrow, reader = parquet
    (tmp_path / "folder").mkdir()
    for i, may_be_null in enumerate([False, True]):
        fields = [arrow.field("p", arrow.float64()), arrow.field("q", arrow.float64(), nullable=may_be_null)]
        columns = arrow.table({"p": [2.0 * i + 1], "q": [2.0 * i + 2]}, schema=arrow.schema(fields))
        reader.write_table(columns, tmp_path / "folder" / f"{i}.parquet")
    arguments = ["predict", network, tmp_path / "folder", "--append", "y", "-o"]
    run(*arguments, tmp_path / "out.parquet")
    found = reader.read_table(tmp_path / "out.parquet")
    assert found.to_pylist() == [{"p": 1.0, "q": 2.0, "y": "a"}, {"p": 3.0, "q": 4.0, "y": 'b, "c"; d'}]
    for name in ("1.parquet", "out.parquet"):
        assert "would be written over what is read" in usage_error(*arguments, tmp_path / "folder" / name)


@pytest.mark.partner
def test_a_parquet_file_that_grows_meanwhile_is_refused(parquet, network, tmp_path, monkeypatch):
    arrow, reader = parquet
    reader.write_table(arrow.table({"p": [1.0], "q": [2.0]}), tmp_path / "data.parquet")
    read = predicting.read_points_of_table

    def growing(*arguments):
        held = read(*arguments)
        reader.write_table(arrow.table({"p": [1.0, 3.0], "q": [2.0, 4.0]}), tmp_path / "data.parquet")
        return held

    monkeypatch.setattr(predicting, "read_points_of_table", growing)
    arguments = ["predict", network, tmp_path / "data.parquet", "--append", "y", "-o", tmp_path / "out.parquet"]
    assert "changed while it was read" in failure(*arguments)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.partner
def test_a_parquet_file_becomes_no_text(parquet, network, tmp_path):
    arrow, reader = parquet
    reader.write_table(arrow.table({"p": [1.0], "q": [2.0]}), tmp_path / "data.parquet")
    arguments = ["predict", network, tmp_path / "data.parquet", "--append", "y"]
    assert "it becomes a .parquet file" in usage_error(*arguments)
    assert "it becomes a .parquet file" in usage_error(*arguments, "-o", tmp_path / "out.csv")
    reader.write_table(arrow.table({"p": [1.0], "q": [2.0], "y": ["u"]}), tmp_path / "data.parquet")
    message = failure(*arguments, "--label", "y", "-o", tmp_path / "out.parquet")
    assert "has a column 'y' already" in message


@pytest.mark.partner
def test_an_index_of_pandas_stays_one(network, tmp_path):
    partner("pyarrow.parquet")
    pandas = partner("pandas")
    frame = pandas.DataFrame({"p": [1.0, 3], "q": [2.0, 4]}, index=["x", "y"])
    frame.to_parquet(tmp_path / "data.parquet")
    options = ["--drop", "__index_level_0__", "--append", "y", "-o", tmp_path / "out.parquet"]
    run("predict", network, tmp_path / "data.parquet", *options)
    found = pandas.read_parquet(tmp_path / "out.parquet")
    assert found.index.tolist() == ["x", "y"]
    assert found["y"].tolist() == ["a", 'b, "c"; d']
