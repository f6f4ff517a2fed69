"""Text tables by pyarrow's reader: what it takes it reads as the csv module does, and the rest it leaves alone."""

import gzip
import random
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reliability import readers
from support.command_line import run
from support.examples import examples
from support.partners import partner

import fastmem
from fastmem.cli import arrow_delimited, files, growing
from fastmem.cli.arrow_delimited import ArrowDelimitedTable, NotPlain
from fastmem.cli.delimited import DelimitedTable, TableOptions
from fastmem.cli.text_file import TextFile

pytestmark = pytest.mark.partner


@pytest.fixture(autouse=True, scope="module")
def arrow():
    return partner("pyarrow.csv")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "data.csv"


def by_arrow(path, data, options=TableOptions()):  # noqa: B008
    """Points and labels that pyarrow's reader finds; NotPlain, or what the rules on the first lines raise."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    table = ArrowDelimitedTable(TextFile(path), options)
    columns = [column for column in range(table.width - 1) if column not in table.row_names]
    return *table.read(columns, table.width - 1), table


def by_csv(path, options=TableOptions()):  # noqa: B008
    table = DelimitedTable(path, options)
    columns = [column for column in range(table.width - 1) if column not in table.row_names]
    return *table.read(columns, table.width - 1), table


def same(first, second):
    (X, y, table), (other_X, other_y, other) = first, second
    assert X.tobytes() == other_X.tobytes()
    assert X.shape == other_X.shape
    assert y == other_y
    assert (table.header, table.width, table.row_names) == (other.header, other.width, other.row_names)
    return True


def lines(n, line="{i}.5,{i},a{i}\n"):
    return "".join(line.format(i=i) for i in range(n))


TAKEN = {
    "names": "p,q,label\n" + lines(300),
    "no names": "1.5,2,a\n" + lines(300),
    "an index of pandas": ",p,q,label\n" + lines(300, "{i},{i}.5,{i},a\n"),
    "semicolons": "p;q;label\n" + lines(300, "{i};{i};b\n"),
    "tabs": "p\tq\tlabel\n" + lines(300, "{i}\t{i}\tb\n"),
    "quotes of R": '"p","q","label"\n' + lines(300, '{i},{i},"a, b"\n'),
    "True and False": "p,q,label\n" + lines(300, "{i},True,b\n") + "1,false,b\n",
    "line ends of Windows, and a byte order mark": "\ufeffp,q,label\r\n" + lines(300, "{i},{i},b\r\n"),
    "empty lines": "\n\np,q,label\n\n" + lines(300, "{i},{i},b\n") + "\n\n1,2,c\n\n",
    "no line end at the end": "p,q,label\n" + lines(300).rstrip(),
    "other letters": "p,é,label\n" + lines(300, "{i},{i},日本\n"),
    "blanks around numbers": "p,q,label\n" + lines(300, " {i} , {i}, b\n"),
    "labels that are numbers": "p,q,label\n" + lines(300, "{i},{i},007\n"),
    "a name more": "p,q,label,\n" + lines(300),
    "long lines": f"p,{lines(9_000, 'n{i},')}label\n" + lines(3, "1," + "3.123456789012," * 9_000 + "b\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("block", [64, 1000, 2**20])
def test_plain_tables_are_taken_and_read_as_by_the_csv_module(kind, block, path, monkeypatch):
    monkeypatch.setattr(arrow_delimited, "_BLOCK", block)
    assert same(by_arrow(path, TAKEN[kind]), by_csv(path))


LEFT = {
    "not a number": "x,1,a\n",
    "an empty cell": ",1,a\n",
    "infinity": "inf,1,a\n",
    "NaN": "1,nan,a\n",
    "a number that overflows": "1e400,1,a\n",
    "a large integer": "9007199254740993,1,a\n",
    "a thousand": "1_000,1,a\n",
    "hexadecimal": "0x10,1,a\n",
    "an empty label": "1,1,\n",
    "a label of blanks": "1,1,  \n",
    "a row more": "1,1,a,1\n",
    "a row less": "1,a\n",
    "text behind a quote": '1,1,"a"b\n',
    "a quote inside": '1,1,a"b\n',
    "a doubled quote": '1,1,"a""b"\n',
    "a quote that does not end": '1,1,"a\n',
    "two lines in a cell": '1,1,"a\nb"\n',
    "a line end of old Macs": "1,1,a\r1,1,b\n",
    "zero": "1,1,a\0\n",
    "no UTF-8": b"1,1,a\xff\n",
    "no UTF-8 beside": b"\xff,1,a\n",
    "a byte order mark inside": "\ufeff1,1,a\n",
    "a cell longer than there may be": "1,1," + "a" * 131_073 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", LEFT)
@pytest.mark.parametrize("place", [0, 3, 299])
def test_what_the_readers_may_not_see_alike_is_left_to_the_csv_module(kind, place, path):
    odd = LEFT[kind] if isinstance(LEFT[kind], bytes) else LEFT[kind].encode()
    data = [b"p,q,label\n", *(lines(1).encode() for _ in range(300))]
    data.insert(place + 1, odd)
    with pytest.raises((NotPlain, fastmem.InvalidInput)):
        by_arrow(path, b"".join(data))


def test_a_name_stands_over_numbers_in_all_lines_or_is_none(path):
    """The first lines hold names over numbers; then a line says that they are rows of labels."""
    texts = "p,True,a\n" + lines(300, "{i},True,a\n")
    assert same(by_arrow(path, texts, OPTIONS), by_csv(path, OPTIONS))
    with pytest.raises(NotPlain):
        by_arrow(path, texts + "x,True,a\n", OPTIONS)


OPTIONS = TableOptions(use=("1",))


def test_an_index_counts_all_rows_or_is_none(path):
    text = ",p,label\n" + lines(300, "{i},{i}.5,a\n")
    assert by_arrow(path, text)[2].row_names == {0}
    with pytest.raises(NotPlain):
        by_arrow(path, text + "7,7.5,a\n")


CELLS = st.one_of(
    st.floats(allow_nan=True).map(repr),
    st.integers(-(2**54), 2**54).map(str),
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}(e[+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from([*readers.ODD_CELLS, *readers.FINE_CELLS, *readers.TEXTS]),
    st.text(st.sampled_from(' "\t\r\n,;.+-e0159aéx'), max_size=6),
)


@examples(500)
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=8),
    st.sampled_from([None, "p,q,label", ",p,q", "0,1,2"]),
    st.sampled_from([1, 20, 2**20]),
    st.sampled_from([".", ","]),
)
def test_any_cells_are_read_alike_or_left(path, rows, header, block, decimal):
    text = "".join(f"{row}\n" for row in [header, *map(",".join, rows)] if row is not None)
    options = TableOptions(decimal=decimal)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_delimited, "_BLOCK", block)
        try:
            found = by_arrow(path, text, options)
        except (NotPlain, fastmem.InvalidInput):
            return
    assert same(found, by_csv(path, options))


@examples(200)
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 45)), min_size=20, max_size=60))
def test_numbers_are_rounded_as_python_rounds_them(path, numbers):
    """Bits of a float, written with any number of digits: the middle of two floats among them."""
    values = np.array([bits for bits, _ in numbers], np.uint64).view(np.float64)
    small = np.where(np.abs(values) < 2**53, values, 0.0)
    texts = [f"{value:.{digits}e}" for value, (_, digits) in zip(small.tolist(), numbers, strict=True)]
    texts += [
        readers.between(value, random.Random(digits)) for value, (_, digits) in zip(small[:5], numbers[:5], strict=True)
    ]
    X, _, _ = by_arrow(path, "p,label\n" + "".join(f"{text},a\n" for text in texts))
    assert X.tobytes() == np.array(list(map(float, texts))).tobytes()


def test_drawn_files_are_read_alike_by_all_readers_or_refused(tmp_path):
    partner("pandas")
    outcomes = {readers.attack(case, 1, tmp_path) for case in range(150)}
    what = [("text", "read by csv"), ("text", "read by pyarrow"), ("text", "refused")]
    assert outcomes == {*what, ("parquet", "read"), ("parquet", "refused")}


# Which reader takes a file


@pytest.fixture
def csv_is_not_used(monkeypatch):
    def refuse(*_):
        raise AssertionError("the csv module was asked")

    return lambda: monkeypatch.setattr(files, "DelimitedTable", refuse)


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
def test_a_large_file_is_taken_by_pyarrow_alone(name, tmp_path, csv_is_not_used):
    rng = np.random.default_rng(0)
    text = "p,q,label\n" + "".join(
        f"{p!r},{q!r},{i % 3}\n" for i, (p, q) in enumerate(rng.normal(size=(60_000, 2)).tolist())
    )
    data = gzip.compress(text.encode(), 1) if name.endswith("gz") else text.encode()
    (tmp_path / name).write_bytes(data)
    assert len(data) > files._LARGE
    csv_is_not_used()
    X, y = files.read_labelled(tmp_path / name, None, None)
    assert X.columns == ["p", "q"]
    assert X.array.tolist() == rng.__class__(np.random.PCG64(0)).normal(size=(60_000, 2)).tolist()
    assert y == [i % 3 for i in range(60_000)]


def test_without_pyarrow_the_csv_module_reads(path, monkeypatch):
    path.write_text("p,q,label\n" + lines(10))
    monkeypatch.setattr(files, "_LARGE", 0)
    with_arrow = files.read_labelled(path, None, None)
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    assert not arrow_delimited.is_possible()
    X, y = files.read_labelled(path, None, None)
    assert X.array.tolist() == with_arrow[0].array.tolist()
    assert y == with_arrow[1]


def test_a_small_file_does_not_import_pyarrow(path, monkeypatch):
    path.write_text("p,q,label\n" + lines(10))
    monkeypatch.setattr(files, "is_possible", lambda: pytest.fail("it looked for pyarrow"))
    files.read_labelled(path, None, None)


# Memory


def test_points_to_predict_need_not_fit_in_memory(tmp_path, monkeypatch, csv_is_not_used):
    monkeypatch.setattr(growing, "_IN_MEMORY", 2**20)
    net = fastmem.memorize(np.eye(4), np.arange(4))
    net.save(tmp_path / "net")
    n = 500_000
    (tmp_path / "data.csv").write_text("0,0,0,1\n0,1,0,0\n" * (n // 2))
    csv_is_not_used()
    tracemalloc.start()
    try:
        run("predict", tmp_path / "net", tmp_path / "data.csv", "-o", tmp_path / "out.npy", "--threads", 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.load(tmp_path / "out.npy").tolist() == [3, 1] * (n // 2)
    assert peak < 4 * 8 * n  # the points alone


@pytest.mark.parametrize("most", [0, 100, 10_000])
def test_points_that_grow_are_the_same_in_memory_and_on_disk(most, monkeypatch):
    monkeypatch.setattr(growing, "_IN_MEMORY", most)
    blocks = [np.random.default_rng(i).normal(size=(i % 7, 3)) for i in range(40)]
    for on_disk in (False, True):
        with growing.GrowingPoints(3, on_disk) as points:
            for i, block in enumerate(blocks):
                points.add(block, expected=i)
            X = points.array()
        assert isinstance(X, np.memmap) == (on_disk and 8 * 3 * points.n > most)
        assert X.tobytes() == np.concatenate(blocks).tobytes()


def test_without_room_for_points_the_folder_is_named(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(growing, "_IN_MEMORY", 0)
    monkeypatch.setattr(growing.tempfile, "TemporaryFile", full)
    monkeypatch.setattr(growing.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(OSError, match="No space left") as caught, growing.GrowingPoints(3, on_disk=True) as points:
        points.add(np.eye(3))
    assert caught.value.filename == str(tmp_path)
