"""What errors of the command line advise is tried, and they speak of options, never of Python calls and parameters."""

import decimal
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.advice import advice
from support.command_line import run, write_npy
from support.partners import partner

import fastmem
from fastmem.cli.commands import main
from fastmem.cli.wording import in_options

X = np.array([[0.5, 1], [2, -3], [4.25, 0], [7, 9]])
Y = np.array([0, 1, 1, 0])
NEAR, OF_NEAR = np.array([[0.0], [0.25], [0.5], [0.5 + 2.0**-25], [1.0]]), np.array([0, 0, 0, 1, 1])
LINE = np.column_stack([np.arange(300.0), 2 * np.arange(300.0) + 1])
ON_A_LINE = np.concatenate([LINE, 100 * np.random.default_rng(0).standard_normal((400, 2))])
OF_A_LINE = np.r_[np.arange(300) % 2, np.zeros(400, int)]
PYTHON = re.compile(
    r"\w\(|\b[A-Za-z_]\w*=\S|\bnp\.|\bnet\.|random_state|n_threads|fingerprint_bits|\.(astype|reshape|ravel)\b"
)


def failing(*arguments):
    """What a command that fails says, a line that is no Python."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert not PYTHON.search(line.replace(str(Path(arguments[1]).parent), "")), line
    return line


def built(folder, points, labels, *options):
    """Arguments of `build` for arrays."""
    number = len(list(folder.iterdir()))
    files = write_npy(folder / f"X{number}.npy", points), write_npy(folder / f"y{number}.npy", labels)
    return "build", *files, "-o", folder / "net", *options


def table(folder, text, *options, encoding="utf-8", name="data.csv"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return "build", path, "-o", folder / "net", *options


def parquet(folder, columns, *options):
    arrow = partner("pyarrow")
    partner("pyarrow.parquet").write_table(arrow.table(columns), folder / "data.parquet")
    return "build", folder / "data.parquet", "-o", folder / "net", *options


def network(folder, points=X, labels=Y, name="given", **options):
    """Path of a network file."""
    fastmem.memorize(points, labels, random_state=0, **options).save(folder / name)
    return folder / name


def asked(command, **options):
    """A function from a folder to the arguments of a command that takes a network and points."""

    def arguments(folder, *more):
        return command, network(folder, **options), write_npy(folder / "asked.npy", X), *more

    return arguments


def labelled(folder, *options):
    """Arguments of `predict` for a table with a column of ids."""
    (folder / "new.csv").write_text("id,p,q\n7,0.5,1\n")
    return "predict", network(folder), folder / "new.csv", *options


def asked_of_table(folder, *options):
    """Arguments of `predict` for a table and a network with a label that is no UTF-8."""
    (folder / "new.csv").write_text("p,q\n0.5,1\n")
    return "predict", network(folder, labels=np.array(list("\ud800bba"))), folder / "new.csv", *options


def export(folder, *options, points=NEAR, labels=OF_NEAR):
    return "export", network(folder, points, labels), "-o", folder / "exported", *options


def of_option(message, option):
    """An option with its value, as the message names it."""
    return re.search(rf"{option}(?: [^\s,;:]+)?", message)[0].split()


HALVES = np.array([[2**60 + 1, 1], [2**60, 2]])
TIMES = np.array([["2024-01-01T00:00:00.000000001"], ["2024-01-01T00:00:00.000000002"]], "M8[ns]")
FIELDS = np.array([(0, 1), (2, 3)], "i4, i4")
MANY = "a,b,y\n0,1,u\n2,3,v\n"

# What fails, part of what it says, and the arguments that follow the advice; a function of the folder and the message.
ROWS = {
    "points in one dimension": (
        lambda f: built(f, X[:, 0], Y), "give each point a row", lambda f, m: built(f, X[:, :1], Y),
    ),
    "points in three dimensions": (
        lambda f: built(f, X[:, :, None], Y), "make one row of all that belongs to a point",
        lambda f, m: built(f, X, Y),
    ),
    "a number": (lambda f: built(f, np.array(3), Y[:1]), "has two brackets", lambda f, m: built(f, [[3]], Y[:1])),
    "complex": (
        lambda f: built(f, X * 1j, Y), "pass real and imaginary parts as columns",
        lambda f, m: built(f, np.hstack([0 * X, X]), Y),
    ),
    "times": (
        lambda f: built(f, TIMES, Y[:2]), "with high and low digits in columns of their own",
        lambda f, m: built(f, np.hstack([TIMES.astype(int) >> 32, TIMES.astype(int) & 0xFFFFFFFF]), Y[:2]),
    ),
    "text of numbers": (
        lambda f: built(f, X.astype(str), Y), "read the numbers in it",
        lambda f, m: built(f, X.astype(str).astype(float), Y),
    ),
    "words": (
        lambda f: built(f, [["a"], ["b"]], Y[:2]), "number the different texts of each column",
        lambda f, m: built(f, [[0], [1]], Y[:2]),
    ),
    "fields": (
        lambda f: built(f, FIELDS, Y[:2]), "make rows of its fields", lambda f, m: built(f, FIELDS.tolist(), Y[:2]),
    ),
    "fields in a column": (
        lambda f: built(f, FIELDS[:, None], Y[:2]), "make columns of its fields",
        lambda f, m: built(f, FIELDS.tolist(), Y[:2]),
    ),
    "large integers": (
        lambda f: built(f, HALVES, Y[:2]), "split such a column in high and low parts",
        lambda f, m: built(f, np.hstack([HALVES >> 32, HALVES & 0xFFFFFFFF]), Y[:2]),
    ),
    "NaN": (
        lambda f: built(f, X * [1, np.nan], Y), "remove or impute such rows", lambda f, m: built(f, X, Y),
    ),
    "NaT": (lambda f: built(f, np.array([["NaT"]], "M8[s]"), [0]), "remove such rows", lambda f, m: built(f, X, Y)),
    "objects": (
        lambda f: ("build", write_npy(f / "o.npy", np.array([[None]])), write_npy(f / "y.npy", [0]), "-o", f / "net"),
        "it holds Python objects: save numbers or text", lambda f, m: built(f, [[1.0]], [0]),
    ),
    "one label": (lambda f: built(f, X, np.array(3)), "repeat it", lambda f, m: built(f, X, [3] * 4)),
    "labels in a row": (
        lambda f: built(f, X, Y[None]), "leave out the other dimension", lambda f, m: built(f, X, Y[None].ravel()),
    ),
    "labels of three dimensions": (
        lambda f: built(f, X, np.c_[Y, Y][:, :, None]), "make one row of all that belongs to a label",
        lambda f, m: built(f, X, np.c_[Y, Y]),
    ),
    "labels of fields": (
        lambda f: built(f, X[:2], FIELDS), "make one label of its fields, as text",
        lambda f, m: built(f, X[:2], ["0 1", "2 3"]),
    ),
    "labels that are NaN": (
        lambda f: built(f, X, [0, np.nan, 1, 1]), "drop such rows", lambda f, m: built(f, X[[0, 2, 3]], [0, 1, 1]),
    ),
    "fewer labels": (lambda f: built(f, X, Y[:2]), "each row needs one label", lambda f, m: built(f, X, Y)),
    "contradictions": (
        lambda f: built(f, X * 0, Y), "drop these rows, give them one label, or add a column that tells them apart",
        lambda f, m: built(f, np.c_[X * 0, np.arange(4)], Y),
    ),
    "a margin that is too large": (
        lambda f: built(f, X, Y, "--margin", 9), "--margin 9 was not reached",
        lambda f, m: built(f, X, Y, "--margin", 0.1),
    ),
    "a margin without end": (
        lambda f: built(f, X, Y, "--margin", "inf"), "--margin must be a finite distance",
        lambda f, m: built(f, X, Y, "--margin", 0.1),
    ),
    "no delta": (
        lambda f: built(f, X, Y, "--construction", "rajput2021", "--delta", "nan"), "--delta is a distance",
        lambda f, m: built(f, X, Y, "--construction", "rajput2021", "--delta", "0.1"),
    ),
    "an option of another construction": (
        lambda f: built(f, X, Y, "--construction", "rajput2021", "--fingerprint-bits", 3),
        "--fingerprint-bits 3 is not for --construction rajput2021, which takes only --separate and --delta",
        lambda f, m: built(f, X, Y, "--construction", "rajput2021", "--delta", "0.1", "--separate", "all"),
    ),
    "an option of another construction than the default": (
        lambda f: built(f, X, Y, "--delta", 0.1),
        "--store and --separate and --margin and --fingerprint-bits and --recognise and --negatives and --effort",
        lambda f, m: built(f, X, Y, "--margin", 0.1),
    ),
    "a column that is not there": (
        lambda f: built(f, X, Y, "--columns", "0,7"), "--columns names column 7, but X has 2 columns, 0 to 1",
        lambda f, m: built(f, X, Y, "--columns", "0,1"),
    ),
    "columns without end": (
        lambda f: built(f, X, Y, "--columns", "0-99999999999"), "there are at most 268435456 columns",
        lambda f, m: built(f, X, Y, "--columns", "0,1"),
    ),
    "points that are equal in some columns": (
        lambda f: built(f, np.eye(4), Y, "--columns", "0"), "or take --columns auto",
        lambda f, m: built(f, np.eye(4), Y, *of_option(m, "--columns")),
    ),
    "too small a delta": (
        lambda f: built(f, X, Y, "--construction", "rajput2021", "--delta", "1e-9"), "use --construction compact",
        lambda f, m: built(f, X, Y, *of_option(m, "--construction")),
    ),
    "too large a delta": (
        lambda f: built(f, np.r_[X, X + 1e-6], np.arange(8) % 2, "--construction", "rajput2021", "--delta", 2),
        "It is computed if --delta is left out", lambda f, m: built(f, X, Y, "--construction", "rajput2021"),
    ),
    "not in general position": (
        lambda f: built(f, ON_A_LINE, OF_A_LINE, "--construction", "baum1988", "--seed", 0),
        "use --construction compact",
        lambda f, m: built(f, ON_A_LINE, OF_A_LINE, *of_option(m, "--construction")),
    ),
    "points too far": (
        lambda f: ("compare", *built(f, [[1.7e308], [-1.7e308]], [0, 1])[1:3]), "rescale the columns",
        lambda f, m: ("compare", *built(f, [[1.7], [-1.7]], [0, 1])[1:3]),
    ),
    "no fingerprints": (
        lambda f: asked("predict")(f, "--unknown", 9),
        "build the network with --fingerprint-bits 16, say, and --construction compact",
        lambda f, m: asked("predict", fingerprint_bits=16)(f, "--unknown", 9),
    ),
    "tolerance alone": (
        lambda f: asked("predict", fingerprint_bits=8)(f, "--tolerance", 0.1),
        "--tolerance is for rows that are unknown: say with --unknown LABEL which label they get",
        lambda f, m: asked("predict", fingerprint_bits=8)(f, "--tolerance", 0.1, "--unknown", 9),
    ),
    "an unknown label of another kind": (
        lambda f: asked("predict", fingerprint_bits=8)(f, "--unknown", "new"), "give a value of that kind",
        lambda f, m: asked("predict", fingerprint_bits=8)(f, "--unknown", 9),
    ),
    "labels that no .npy holds": (
        lambda f: asked("predict", labels=np.array([None, 1, 1, 0]))(f, "-o", f / "out.npy"), "write text instead",
        lambda f, m: asked("predict", labels=np.array([None, 1, 1, 0]))(f, "-o", f / "out.txt"),
    ),
    "labels that are no UTF-8": (
        lambda f: asked("predict", labels=np.array(list("\ud800bba")))(f, "-o", f / "out.txt"),
        "write .npy, or use --json",
        lambda f, m: asked("predict", labels=np.array(list("\ud800bba")))(f, "--json"),
    ),
    "labels that are no UTF-8, in a table": (
        lambda f: asked_of_table(f, "--append", "y"), "without --append and --keep, write .npy",
        lambda f, m: asked_of_table(f, "-o", f / "out.npy"),
    ),
    "labels as .parquet": (
        lambda f: asked("predict")(f, "-o", f / "out.parquet"), "labels are written as .npy or as text, one a line",
        lambda f, m: asked("predict")(f, "-o", f / "out.npy"),
    ),
    "an array beside its labels": (
        lambda f: asked("predict")(f, "--append", "y"), "leave them out, labels have the order of the rows",
        lambda f, m: asked("predict")(f),
    ),
    "a table as JSON": (
        lambda f: labelled(f, "--keep", "id", "--json"), "write the table to a file with -o, or leave --json out",
        lambda f, m: labelled(f, "--keep", "id", "--json", *of_option(m, "-o")[:1], f / "out.csv"),
    ),
    "a table as .npy": (
        lambda f: labelled(f, "--keep", "id", "-o", f / "out.npy"), "give it the name of one",
        lambda f, m: labelled(f, "--keep", "id", "-o", f / "out.csv"),
    ),
    "an output that is read": (
        lambda f: labelled(f, "--keep", "id", "-o", f / "new.csv"), "give -o another name",
        lambda f, m: labelled(f, "--keep", "id", *of_option(m, "-o")[:1], f / "out.csv"),
    ),
    "a table of commas by a name of tabs": (
        lambda f: labelled(f, "--keep", "id", "-o", f / "out.tsv"), "end the name with .csv",
        lambda f, m: labelled(f, "--keep", "id", "-o", f / "out.csv"),
    ),
    "a name that is taken": (
        lambda f: labelled(f, "--drop", "id", "--append", "id"), "give labels another name with --append",
        lambda f, m: labelled(f, "--drop", "id", *of_option(m, "--append")[:1], "y"),
    ),
    "labels that C has not": (
        lambda f: export(f, "--to", "c", points=X, labels=list("abba")), "--returns index writes positions",
        lambda f, m: export(f, "--to", "c", *of_option(m, "--returns"), points=X, labels=list("abba")),
    ),
    "float64 points in C": (
        lambda f: export(f, "--to", "c"), "take --dtype float64",
        lambda f, m: export(f, "--to", "c", *of_option(m, "--dtype")),
    ),
    "float64 points in C, unsafe": (
        lambda f: export(f, "--to", "c"), "give --data FILE, the memorized points, to check each of them",
        lambda f, m: export(f, "--to", "c", *of_option(m, "--unsafe")[:1], "--data", write_npy(f / "X.npy", NEAR)),
    ),
    "--label without --data": (
        lambda f: export(f, "--to", "c", "--label", "y"), "--label chooses a column of --data",
        lambda f, m: export(f, "--to", "c", "--unsafe", "--label", 1,
        "--data", table(f, "0,u\n0.25,u\n0.5,u\n1,v\n0,v")[1]),
    ),
    "a name that says nothing of what to write": (
        lambda f: export(f, "-o", f / "out.py"),
        "say with --to what to write, or end the name with .onnx, .pt2, .c, .js",
        lambda f, m: export(f, "--unsafe", "-o", f / "out.js"),
    ),
    "no points": (
        lambda f: ("build", write_npy(f / "X.npy", X), "-o", f / "net"), "give a file of labels after it",
        lambda f, m: built(f, X, Y),
    ),
    "a kind of file": (
        lambda f: table(f, MANY, name="data.txt"),
        "only .npy, .npz, .csv, .tsv, .csv.gz, .parquet and .zarr files are read",
        lambda f, m: table(f, MANY),
    ),
    "one column": (
        lambda f: table(f, "a\n1\n2\n"), "points and labels need two", lambda f, m: table(f, "a,y\n1,u\n2,v\n"),
    ),
    "one column, by another delimiter": (
        lambda f: table(f, "a|y\n1|u\n2|v\n"), "say --delimiter if neither commas, semicolons nor tabs",
        lambda f, m: table(f, "a|y\n1|u\n2|v\n", *of_option(m, "--delimiter")[:1], "|"),
    ),
    "ids among points": (
        lambda f: table(f, "id,a,y\nr1,1,u\nr2,2,v\n"), "'r1' is not a number, and no cell below: say --drop 0",
        lambda f, m: table(f, "id,a,y\nr1,1,u\nr2,2,v\n", *of_option(m, "--drop")),
    ),
    "a page by the name of a table": (
        lambda f: ("report", network(f), "-o", f / "data.csv"), "a page is another kind of file",
        lambda f, m: ("report", network(f), "-o", f / "data.html"),
    ),
    "a network by the name of a table": (
        lambda f: table(f, MANY, "-o", f / "data.csv"), "give it a name that ends in .safetensors",
        lambda f, m: table(f, MANY, "-o", f / "data.safetensors"),
    ),
    "more columns than a network takes": (
        lambda f: ("predict", network(f), table(f, "0.5,1,7\n2,-3,8\n")[1]),
        "leave the others out, --label for that of the labels, --drop for others",
        lambda f, m: ("predict", network(f), table(f, "0.5,1,7\n2,-3,8\n")[1], *of_option(m, "--label")[:1], 2),
    ),
    "columns of one name": (
        lambda f: table(f, "a,a,y\n0,1,u\n2,3,v\n", "--label", "a"), "choose one by its number from 0",
        lambda f, m: table(f, "a,a,y\n0,1,5\n2,3,6\n", "--label", 0),
    ),
    "--use and --drop": (
        lambda f: table(f, MANY, "--use", "a", "--drop", "b"), "say one of them",
        lambda f, m: table(f, MANY, "--use", "a"),
    ),
    "--use twice": (
        lambda f: table(f, MANY, "--use", "a", "--use", "a"), "names a column twice",
        lambda f, m: table(f, MANY, "--use", "a"),
    ),
    "other columns": (
        lambda f: (run(*table(f, MANY.replace("u", "1").replace("v", "2"))), ("predict", f / "net", f / "data.csv"))[1],
        "leave them out, --label for that of the labels, --drop for others",
        lambda f, m: ("predict", f / "net", f / "data.csv", "--label", "y"),
    ),
    "a column without a name": (
        lambda f: table(f, ",a,y\n5,1,u\n5,2,v\n"), "say --drop 0, or --use for each column of points",
        lambda f, m: table(f, ",a,y\n5,1,u\n5,2,v\n", *of_option(m, "--drop")),
    ),
    "a header or not": (
        lambda f: table(f, "1,2,3\n0.5,1.5,3\n2.5,3.5,4\n"), "say --header or --no-header",
        lambda f, m: table(f, "1,2,3\n0.5,1.5,3\n2.5,3.5,4\n", *of_option(m, "--no-header")[:1]),
    ),
    "a header with more names": (
        lambda f: table(f, "a,b,c,d,y\n0,1,2\n3,4,5\n"), "mend the file, or say --no-header if line 1 is data",
        lambda f, m: table(f, "a,b,y\n0,1,2\n3,4,5\n"),
    ),
    "an empty label": (
        lambda f: table(f, "a,b,y\n0,1,\n2,3,\n"),
        "write one, leave the line out, or say which column holds labels, --label",
        lambda f, m: table(f, "a,b,y\n0,1,\n2,3,\n", "--label", "b", "--drop", "y"),
    ),
    "an empty column": (
        lambda f: table(f, "a,b,y\n0,,u\n2,,v\n"), "column b is empty: say --drop 1",
        lambda f, m: table(f, "a,b,y\n0,,u\n2,,v\n", *of_option(m, "--drop")),
    ),
    "a decimal comma": (
        lambda f: table(f, "a;y\n0,5;u\n1,5;v\n", "--header"), "say --decimal , if that is a decimal comma",
        lambda f, m: table(f, "a;y\n0,5;u\n1,5;v\n", "--header", "--decimal", ","),
    ),
    "names in a file said to have none": (
        lambda f: table(f, MANY, "--no-header"), "say --header if line 1 holds names",
        lambda f, m: table(f, MANY, *of_option(m, "--header")[:1]),
    ),
    "several delimiters": (
        lambda f: table(f, "1,5;2,5;7\n3,5;4,5;8\n"), "say --delimiter, and --decimal , if numbers have commas",
        lambda f, m: table(f, "1,5;2,5;7\n3,5;4,5;8\n", "--delimiter", ";", "--decimal", ","),
    ),
    "another encoding": (
        lambda f: table(f, "a,y\n0,\xe9\n1,b\n", encoding="latin-1"), "save it as UTF-8",
        lambda f, m: table(f, "a,y\n0,\xe9\n1,b\n"),
    ),
}  # fmt: skip
OF_PARQUET = {
    "text as points": (
        {"a": ["u", "v"], "b": [0.5, 1], "y": [0, 1]}, "write it as numbers, or leave it out with --drop",
        ("--drop", "a"), {},
    ),
    "lists as labels": (
        {"a": [0.5, 1], "y": [[0], [1]]}, "write it as text or as integers", (), {"y": ["0", "1"]},
    ),
    "no labels": (
        {"a": [0.5, 1], "y": [None, 1]}, "give such rows a label of their own, or drop them", (), {"y": [0, 1]},
    ),
    "bytes that end in zero": (
        {"a": [0.5, 1], "y": [b"a\0", b"a"]}, "write such labels as text", (), {"y": ["a\0", "a"]},
    ),
    "decimals": (
        {"a": [decimal.Decimal("0.1"), decimal.Decimal("0.5")], "y": [0, 1]},
        "write the column as floats if it may be rounded", (), {"a": [0.1, 0.5]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fails", "part", "follow"), ROWS.values(), ids=ROWS)
def test_a_command_works_after_what_its_error_advises(fails, part, follow, tmp_path):
    message = failing(*fails(tmp_path))
    assert part in message
    run(*follow(tmp_path, message))


@pytest.mark.partner
@pytest.mark.parametrize(("columns", "part", "options", "mended"), OF_PARQUET.values(), ids=OF_PARQUET)
def test_a_parquet_file_is_read_after_what_the_error_advises(columns, part, options, mended, tmp_path):
    assert part in failing(*parquet(tmp_path, columns))
    run(*parquet(tmp_path, columns | mended, *options))


@pytest.mark.partner
def test_times_with_a_zone_are_labels_as_utc(tmp_path):
    arrow, times = partner("pyarrow"), [1, 2]
    zoned = arrow.array(times, arrow.timestamp("ns", "Europe/Berlin"))
    assert "write it as UTC, without one" in failing(*parquet(tmp_path, {"a": [0.5, 1], "y": zoned}))
    run(*parquet(tmp_path, {"a": [0.5, 1], "y": arrow.array(times, arrow.timestamp("ns"))}))


@pytest.mark.partner
def test_an_export_to_onnx_advises_options_that_work(tmp_path):
    partner("onnx")
    message = failing(*export(tmp_path, "--to", "onnx", "--dtype", "float32"))
    for part in ("give --data FILE to check each row", "or go on with --unsafe"):
        assert part in message
    points = write_npy(tmp_path / "points.npy", NEAR)
    assert "2 of 5 rows (2, 3)" in failing(*export(tmp_path, "--to", "onnx", "--dtype", "float32", "--data", points))
    run(*export(tmp_path, "--to", "onnx", *of_option(message, "--dtype")))
    run(*export(tmp_path, "--to", "onnx", "--dtype", "float32", *of_option(message, "--unsafe")[:1]))
    margin = of_option(failing(*export(tmp_path, "--to", "onnx", "--dtype", "float32")), "--margin")
    assert float(margin[1]) > 0


@pytest.mark.partner
def test_a_parquet_file_is_labelled_after_what_the_error_advises(tmp_path):
    parquet(tmp_path, {"p": [0.5, 2], "q": [1.0, -3]})
    arguments = "predict", network(tmp_path), tmp_path / "data.parquet", "--append", "y"
    assert "it becomes a .parquet file: give its name with -o" in failing(*arguments)
    run(*arguments, "-o", tmp_path / "out.parquet")


def test_margins_are_advised_with_the_construction_that_takes_them():
    error = fastmem.MarginTooSmall('build with memorize(..., construction="compact", margin=2e-06), or unsafe=True')
    assert in_options(error) == "build with --construction compact, --margin 2e-06, or --unsafe"


def test_what_compare_could_not_build_is_said_in_options(tmp_path):
    printed = run(
        "compare", *built(tmp_path, ON_A_LINE, OF_A_LINE)[1:3], "--construction", "baum1988", "--seed", 0
    ).stdout
    assert "use --construction compact" in printed
    assert not PYTHON.search(printed.replace("(Schläfli)", ""))


def test_names_and_paths_are_not_taken_for_options(tmp_path):
    folder = tmp_path / "margin=1"
    folder.mkdir()
    assert "margin=1" in CliRunner().invoke(main, [*map(str, table(folder, "a\n1\n2\n"))]).stderr
    assert in_options(fastmem.InvalidInput("column 'delta=1' is empty")) == "column 'delta=1' is empty"


def test_every_advice_of_the_command_line_is_tried(tmp_path):
    messages = [failing(*fails(tmp_path)) for fails, _, _ in ROWS.values()]
    parts = [part for _, part, _, _ in OF_PARQUET.values()] + [
        "write it as UTC, without one",
        "say --drop {}, or write",
        "give its name with -o",
    ]
    untold = [
        f"{name}: {text}"
        for name, text, pattern in advice()
        if name.startswith("cli/")
        and name != "cli/wording.py"  # patterns
        and not any(re.search(pattern, message) for message in messages)
        and not any(part in text for part in parts)
    ]
    assert untold == []
