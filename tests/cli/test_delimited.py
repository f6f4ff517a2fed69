"""Text tables as other programs write them: read as they are meant, or refused by file, line and remedy."""

import gzip

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import failure, run, usage_error
from support.examples import examples
from support.partners import partner

import fastmem
from fastmem.cli import files, main
from fastmem.cli.delimited import DelimitedTable, TableOptions


@pytest.fixture(autouse=True, scope="module", params=["csv", pytest.param("pyarrow", marks=pytest.mark.partner)])
def reader(request):
    """Who reads what can be read by both: pyarrow takes small files too, or none."""
    if request.param == "pyarrow":
        partner("pyarrow.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_LARGE", 0 if request.param == "pyarrow" else 2**62)
        yield


def built(tmp_path, text, *options, name="data.csv"):
    """What a network built of a table returns for points."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    run("build", tmp_path / name, "-o", tmp_path / "net", "--seed", 0, *options)
    return lambda X: fastmem.load(tmp_path / "net").predict(X).tolist()


def refused(tmp_path, text, *options, name="data.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    message = failure("build", tmp_path / name, "-o", tmp_path / "net", *options)
    assert name in message
    assert not (tmp_path / "net").exists()
    return message


READ = {
    "semicolons": ("p;q;label\n1;2;a\n3;4;b\n", ()),
    "tabs in a .csv": ("p\tq\tlabel\n1\t2\ta\n3\t4\tb\n", ()),
    "semicolons beside a comma in a label": ('p;q;label\n1;2;a\n3;4;b\n', ()),
    "decimal commas": ("p;q;label\n1,0;2,0;a\n3,0;4;b\n", ("--decimal", ",")),
    "R: names of rows without a name": ("p,q,label\nr1,1,2,a\nr2,3,4,b\n", ()),
    "R: numbers of rows without a name": ("p,q,label\n1,1,2,a\n2,3,4,b\n", ()),
    "R: quoted names": ('"p","q","label"\n"1",1,2,"a"\n"2",3,4,"b"\n', ()),
    "pandas: an index without a name": (",p,q,label\n0,1,2,a\n1,3,4,b\n", ()),
    "pandas: a text index without a name": (",p,q,label\nx,1,2,a\ny,3,4,b\n", ()),
    "MNIST: names that begin with a digit": ("1x1,1x2,label\n1,2,5\n3,4,7\n", ("--label", "label")),
    "names of one more column, which is empty": ("p,q,label,\n1,2,a\n3,4,b\n", ()),
    "separators that end the lines, dropped": ("p,q,label,\n1,2,a,\n3,4,b,\n", ("--drop", 3, "--label", "label")),
    "and without a name, dropped": ("p,q,label\n1,2,a,\n3,4,b,\n", ("--drop", "3", "--label", "label")),
    "numbers as names": ("0,1,label\n1.5,2.5,5\n3.5,4.5,7\n", ("--header",)),
    "no names, though they count up": ("0,1,a\n1.5,2.5,b\n", ("--no-header",)),
    "years as names": ("2019,2020,label\n1.5,2.5,5\n3.5,4.5,7\n", ("--header",)),
    "a byte order mark and line ends of Windows": ("\ufeffp,q,label\r\n1,2,a\r\n3,4,b\r\n", ()),
    "another delimiter": ("p|q|label\n1|2|a\n3|4|b\n", ("--delimiter", "|")),
    "columns that are used": ("id,p,name,q,label\n7,1,u,2,a\n7,3,v,4,b\n", ("--use", "p", "--use", "q")),
    "columns that are dropped": ("id,p,name,q,label\n7,1,u,2,a\n8,3,v,4,b\n", ("--drop", "id", "--drop", "2")),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_tables_of_other_programs_are_read_as_they_are_meant(kind, tmp_path):
    text, options = READ[kind]
    labels = built(tmp_path, text, *options)
    X = {
        "numbers as names": [[1.5, 2.5], [3.5, 4.5]],
        "years as names": [[1.5, 2.5], [3.5, 4.5]],
        "no names, though they count up": [[0, 1], [1.5, 2.5]],
    }.get(kind, [[1, 2], [3, 4]])
    assert labels(X) == ([5, 7] if text.endswith("7\n") else ["a", "b"])


def test_true_and_false_are_1_and_0_where_a_column_holds_nothing_else(tmp_path):
    labels = built(tmp_path, "p,q,label\n1,True,a\n1,False,b\n2,true,c\n")
    assert labels([[1, 1], [1, 0], [2, 1]]) == ["a", "b", "c"]
    assert "True and False are read as 1 and 0 if" in refused_with_mixed(tmp_path / "mixed")


def refused_with_mixed(folder):
    folder.mkdir()
    return refused(folder, "p,q,label\n1,2,a\n1,False,b\n")


@pytest.mark.parametrize("name", ["data.tsv", "data.TSV", "data.csv.gz", "data.tsv.gz"])
def test_tabs_and_compression_are_known_by_the_files_name(name, tmp_path):
    text = "p,q,label\n1,2,a\n3,4,b\n"
    text = text.replace(",", "\t") if "tsv" in name.lower() else text
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    run("build", tmp_path / name, "-o", tmp_path / "net")
    assert fastmem.load(tmp_path / "net").predict([[1, 2], [3, 4]]).tolist() == ["a", "b"]


def test_a_damaged_compressed_file_is_refused(tmp_path):
    data = bytearray(gzip.compress(b"p,q,label\n1,2,a\n3,4,b\n" * 9, mtime=0))
    for wrong in (data[:-9], data[:12] + bytes(9) + data[21:], b"no" + data[2:], data[:-8] + bytes(8)):
        (tmp_path / "data.csv.gz").write_bytes(wrong)
        message = failure("build", tmp_path / "data.csv.gz", "-o", tmp_path / "net")
        assert "data.csv.gz cannot be decompressed" in message


def test_a_dash_is_standard_input(tmp_path):
    built(tmp_path, "p,q,label\n1,2,a\n3,4,b\n")
    result = CliRunner().invoke(main, ["predict", str(tmp_path / "net"), "-"], input=b"p,q\n3,4\n1,2\n")
    assert result.stdout == "b\na\n"


REFUSED = {
    "an empty label": ("p,q,label\n1,2,yes\n3,4,\n5,6,no\n", (), ["line 3: the label, in column label, is empty"]),
    "a label of blanks": ("1,2,yes\n\n3,4,  \n", (), ["line 3: the label"]),
    "separators that end the lines": ("1,2,a,\n3,4,b,\n", (), ["line 1: the label, in column 3, is empty", "--label"]),
    "an empty column": ("p,q,label\n1,2,a,\n3,4,b,\n", ("--label", "label"), ["column 3 is empty: say --drop 3"]),
    "names of no column": ("p,q,label,note\n1,2,a\n", (), ["line 1 names 4 columns, but line 2 has 3"]),
    "two names too few": ("p,q\n1,2,3,a\n4,5,6,b\n", (), ["line 1 names 2 columns, but line 2 has 4"]),
    "count up": ("0,1,2\n0.5,1.5,2.5\n3.5,4.5,2\n", (), ["line 1: '0', '1', '2'", "--header or --no-header"]),
    "numbers and one name": ("0,1,label\n1,2,5\n3,4,7\n", (), ["line 1: '0', '1', 'label'", "--header or --no-header"]),
    "years": ("2019,2020,2021\n0.5,1.5,7\n", (), ["--header or --no-header"]),
    "a column without a name": (",p,label\n7,1,a\n9,3,b\n", (), ["column 0 has no name", "--drop 0", "--use"]),
    "an unnamed column of R": ("p,label\n7.5,1,a\n7.5,3,b\n", (), ["column 0 has no name", "--drop 0"]),
    "two separators": ("1,5;2\n3,4;5\n", (), ["separated by ',' or ';': say --delimiter"]),
    "decimal commas": ("p;q;label\n1,5;2;a\n", (), ["line 2, column p: '1,5'", "--decimal ,"]),
    "two rows on one line": ("p,q,label\n1,2,a\n3,4,b,5,6,c\n", (), ["line 3: 6 columns, but line 2 has 3"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_what_may_mean_two_things_or_nothing_is_refused_with_line_and_remedy(kind, tmp_path):
    text, options, parts = REFUSED[kind]
    message = refused(tmp_path, text, *options)
    assert all(part in message for part in parts), message


REMEDIES = [
    ("an empty column", ("--label", "label", "--drop", 3)),
    ("count up", ("--header",)),
    ("count up", ("--no-header",)),
    ("numbers and one name", ("--header",)),
    ("numbers and one name", ("--no-header",)),
    ("years", ("--no-header",)),
    ("a column without a name", ("--drop", 0)),
    ("a column without a name", ("--use", "p")),
    ("an unnamed column of R", ("--drop", 0)),
    ("two separators", ("--delimiter", ";", "--decimal", ",")),
    ("decimal commas", ("--decimal", ",")),
    ("separators that end the lines", ("--label", 2, "--drop", 3)),
]


@pytest.mark.parametrize(("kind", "options"), REMEDIES)
def test_the_remedies_that_messages_name_work(kind, options, tmp_path):
    built(tmp_path, REFUSED[kind][0], *options)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--use", "p", "--drop", "q"), "--use says which columns hold points"),
        (("--use", "p", "--use", "0"), "twice"),
        (("--delimiter", "ab"), "one character"),
    ],
)
def test_options_that_contradict_each_other_are_a_wrong_use(options, part, tmp_path):
    (tmp_path / "data.csv").write_text("p,q,label\n1,2,a\n3,4,b\n")
    assert part in " ".join(usage_error("build", tmp_path / "data.csv", "-o", tmp_path / "net", *options).split())


@pytest.mark.parametrize(
    "option", [("--header",), ("--delimiter", ";"), ("--decimal", ","), ("--use", "0"), ("--drop", "0")]
)
def test_options_of_tables_are_not_for_arrays(option, tmp_path):
    np.save(tmp_path / "X.npy", np.eye(3))
    np.save(tmp_path / "y.npy", np.arange(3))
    message = usage_error("build", tmp_path / "X.npy", tmp_path / "y.npy", "-o", tmp_path / "net", *option)
    assert "is for tables" in message


def read(tmp_path, text, options=TableOptions()):  # noqa: B008
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return DelimitedTable(path, options)


FRACTIONS = st.builds(lambda k, j: (2 * k + 1) / 2.0**j, st.integers(-(2**20), 2**20), st.integers(1, 40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@examples(200)
@given(
    st.lists(st.lists(FRACTIONS, min_size=3, max_size=3), min_size=2, max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([None, ["p", "q", "r"], ["label", "1x1", "1x2"], ["", "q", "r"]]),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.booleans(),
)
def test_numbers_are_read_whatever_separates_them_and_stands_above_them(folder, rows, delimiter, header, end, bom):
    numbers = [[str(i), *map(repr, row[1:])] if header and not header[0] else list(map(repr, row))
               for i, row in enumerate(rows)]  # fmt: skip
    lines = ([header] if header else []) + numbers
    text = "\ufeff" * bom + "".join(delimiter.join(cells) + end for cells in lines)
    table = read(folder, text)
    assert table.header == header
    X, _ = table.read(range(3))
    assert X.tolist() == [[float(cell) for cell in row] for row in numbers]
    assert table.row_names == ({0} if header and not header[0] else set())
