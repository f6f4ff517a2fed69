"""Labels predicted and written block by block: as they would be at once, whole or not at all, in little memory."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from support.command_line import failure, run, write_npy

import fastmem
from fastmem.cli import predicting
from fastmem.machine.disk import write_whole, writing_whole


@pytest.fixture(params=[1, 7, 60, 61])
def block(request, monkeypatch):
    """Number of rows predicted at a time."""
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", request.param)
    return request.param


@pytest.fixture
def points():
    return np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)


@pytest.fixture
def network(points, tmp_path):
    """File of a network with fingerprints, and its labels."""
    y = np.array(["a", "b", "cc", "dé"])[np.arange(60) % 4]
    options = {"separate": "all", "fingerprint_bits": 32, "random_state": 0}
    fastmem.memorize(points, y, **options).save(tmp_path / "net")
    return tmp_path / "net", y


def saved(array):
    """Bytes that np.save writes."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


# Any block gives the same


def test_an_npy_file_is_byte_for_byte_that_of_all_labels(block, network, points, tmp_path):
    net, y = network
    run("predict", net, write_npy(tmp_path / "X.npy", points), "-o", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_bytes() == saved(y)


def test_text_is_that_of_all_labels_in_a_file_and_on_standard_output(block, network, points, tmp_path):
    net, y = network
    data = write_npy(tmp_path / "X.npy", points)
    run("predict", net, data, "-o", tmp_path / "out.txt")
    expected = "".join(f"{label}\n" for label in y)
    assert (tmp_path / "out.txt").read_bytes() == expected.encode()
    assert run("predict", net, data).stdout == expected
    assert json.loads(run("predict", net, data, "--json").stdout) == y.tolist()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "i8", "u1"])
def test_points_of_any_dtype_and_layout_are_read_in_blocks(dtype, order, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    X = np.asarray(np.random.default_rng(0).integers(0, 200, (60, 3)), dtype=dtype, order=order)
    fastmem.memorize(X, np.arange(60), random_state=0).save(tmp_path / "net")
    assert run("predict", tmp_path / "net", write_npy(tmp_path / "X.npy", X)).stdout.split() == list(
        map(str, range(60))
    )


@pytest.mark.parametrize("construction", ["rajput2021", "baum1988"])
def test_networks_of_other_constructions_predict_in_blocks(construction, points, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    y = np.arange(60) % 3
    fastmem.memorize(points, y, construction=construction, random_state=0).save(tmp_path / "net")
    out = run("predict", tmp_path / "net", write_npy(tmp_path / "X.npy", points)).stdout
    assert out.split() == [str(label) for label in y]


def test_a_longer_label_for_unknown_points_widens_all_blocks(block, network, points, tmp_path):
    """The first blocks hold memorized points alone, and yet have the dtype of the whole."""
    net, _ = network
    X = np.concatenate([points, np.random.default_rng(1).standard_normal((99, 3)).astype(np.float32)])
    run("predict", net, write_npy(tmp_path / "X.npy", X), "--unknown", "never seen", "-o", tmp_path / "out.npy")
    expected = fastmem.load(net).predict(X, unknown="never seen")
    assert expected.dtype == "U10"
    assert "never seen" in expected
    assert (tmp_path / "out.npy").read_bytes() == saved(expected)


def test_wide_rows_make_smaller_blocks(network, points, tmp_path, monkeypatch):
    net, _ = network
    sizes, predict = [], fastmem.EncodedNetwork.predict

    def recorded(self, X, **options):
        sizes.append(len(X))
        return predict(self, X, **options)

    monkeypatch.setattr(fastmem.EncodedNetwork, "predict", recorded)
    monkeypatch.setattr(predicting, "_BLOCK_BYTES", 25 * points.itemsize * 3)
    run("predict", net, write_npy(tmp_path / "X.npy", points))
    assert sizes == [0, 25, 25, 10]


def test_no_points_make_a_file_of_no_labels(network, tmp_path):
    net, y = network
    none = write_npy(tmp_path / "X.npy", np.empty((0, 3)))
    run("predict", net, none, "-o", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_bytes() == saved(y[:0])
    assert json.loads(run("predict", net, none, "--json").stdout) == []


def test_one_progress_bar_counts_all_rows(network, points, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    stderr = run("predict", network[0], write_npy(tmp_path / "X.npy", points), "--progress").stderr
    assert "0.00/60.0" in stderr
    assert "/7.00" not in stderr
    assert stderr.count("?, ?points/s") == 1  # one bar begins


# Errors


@pytest.mark.parametrize("row", [0, 6, 7, 45, 59])
def test_nan_is_named_by_its_row_in_the_file_and_leaves_no_file(row, block, network, points, tmp_path):
    net, _ = network
    points[row, 1] = np.nan
    data = write_npy(tmp_path / "X.npy", points)
    before = sorted(tmp_path.iterdir())
    for name in ("out.npy", "out.txt"):
        assert f"X[{row}, 1] is nan" in failure("predict", net, data, "-o", tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


def test_a_large_integer_is_named_by_its_row_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    fastmem.memorize([[0], [1]], [0, 1]).save(tmp_path / "net")
    X = np.zeros((60, 1), np.int64)
    X[45] = 2**53 + 1
    assert "X[45, 0] is 9007199254740993" in failure("predict", tmp_path / "net", write_npy(tmp_path / "X.npy", X))


def test_an_error_in_a_later_block_leaves_an_older_file(network, points, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 7)
    net, _ = network
    points[45] = np.inf
    (tmp_path / "out.txt").write_text("older")
    failure("predict", net, write_npy(tmp_path / "X.npy", points), "-o", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "older"


def test_a_reader_that_stops_ends_the_program_quietly(network, tmp_path):
    net, _ = network
    data = write_npy(tmp_path / "X.npy", np.zeros((200_000, 3), np.float32))
    program = [sys.executable, "-P", "-c", "from fastmem.cli import main; main()", "predict", str(net), str(data)]
    # Without buffers, Python does not notice that a write was cut short.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline().strip()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


# Memory


def peak_of(*arguments):
    """Most bytes that a command holds at a time in arrays and objects; a memory-mapped file does not count."""
    tracemalloc.start()
    try:
        run(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_points_and_labels_need_not_fit_in_memory(network, tmp_path):
    net, _ = network
    n = 3 * predicting._BLOCK_ROWS
    np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float64, (n, 3)).flush()
    net = fastmem.memorize(np.eye(3), np.arange(3))  # labels of 8 bytes
    net.save(tmp_path / "net")
    peak = peak_of("predict", tmp_path / "net", tmp_path / "X.npy", "-o", tmp_path / "out.npy", "--threads", 1)
    assert np.load(tmp_path / "out.npy", mmap_mode="r").shape == (n,)
    assert peak < 8 * n


def test_lines_of_text_need_not_fit_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "_BLOCK_ROWS", 2000)
    net, n = tmp_path / "small", 60_000
    fastmem.memorize(np.eye(3), ["a", "b", "dé"], random_state=0).save(net)
    data = write_npy(tmp_path / "X.npy", np.zeros((n, 3)))
    peak = peak_of("predict", net, data, "-o", tmp_path / "out.txt", "--threads", 1)
    assert len((tmp_path / "out.txt").read_bytes().splitlines()) == n
    assert peak < 20 * n  # a line takes some 60 bytes


# Files written whole


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "file"
    with writing_whole(path) as file:
        file.write(b"first, ")
        assert not path.exists()
        file.write(b"second")
    assert path.read_bytes() == b"first, second"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_after_an_error_an_older_file_is_there_and_no_other(error, tmp_path):
    write_whole(tmp_path / "file", b"older")

    def fail():
        with writing_whole(tmp_path / "file") as file:
            file.write(b"newer")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "file").read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["file"]


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as caught, writing_whole(path):
        pass
    assert caught.value.filename == str(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"Not a regular file.*pipe"):
        write_whole(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_to_a_file_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]


def test_an_error_while_writing_names_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder'$"):
        write_whole(tmp_path / "folder", b"new")
    with pytest.raises(OSError, match=r"No space left.*net'$"), writing_whole(tmp_path / "net"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


posix = pytest.mark.skipif(os.name != "posix", reason="permissions stand elsewhere")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_file_that_is_written_over_keeps_its_permissions(mode, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"older")
    path.chmod(mode)
    with writing_whole(path) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == mode  # from the start, so that nobody reads it meanwhile
        file.write(b"newer")
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_bytes() == b"newer"


@posix
def test_a_new_file_has_the_permissions_of_every_new_file(tmp_path):
    write_whole(tmp_path / "file", b"new")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


@posix
def test_a_file_that_is_written_over_keeps_its_owner(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))
    path = tmp_path / "file"
    path.write_bytes(b"older")
    write_whole(path, b"newer")
    assert given == []  # it is ours
    older = os.stat(path)
    ours = os.fstat
    monkeypatch.setattr(
        os, "fstat", lambda number: os.stat_result((*ours(number)[:4], 12345, 54321, *ours(number)[6:]))
    )
    write_whole(path, b"newest")
    assert given == [(older.st_uid, older.st_gid)]
    assert path.read_bytes() == b"newest"


REFUSED = {
    "a mount point": ("replace", OSError(errno.EBUSY, os.strerror(errno.EBUSY))),
    "another file system": ("replace", OSError(errno.EXDEV, os.strerror(errno.EXDEV))),
    "another's file": ("fchmod", PermissionError(errno.EPERM, os.strerror(errno.EPERM))),
    "an owner of another container": ("fchmod", OSError(errno.EINVAL, os.strerror(errno.EINVAL))),
}


def refusing(monkeypatch, case):
    """Make the system refuse what it refuses in such a case, once."""
    name, error = REFUSED[case]
    real, left = getattr(os, name), [error]

    def refuse(*arguments):
        if left:
            raise left.pop()
        return real(*arguments)

    monkeypatch.setattr(os, name, refuse)


@posix
@pytest.mark.parametrize("newer", [b"", b"new", 10**6 * b"longer"])
@pytest.mark.parametrize("case", REFUSED)
def test_what_nothing_can_be_renamed_onto_is_written_in_place(case, newer, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"older")
    path.chmod(0o640)
    number = path.stat().st_ino
    refusing(monkeypatch, case)
    write_whole(path, newer)
    assert path.read_bytes() == newer
    assert path.stat().st_ino == number
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("case", REFUSED)
def test_without_room_what_would_be_written_in_place_is_as_it_was(case, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file"
    path.write_bytes(b"older")
    path.chmod(0o640)
    refusing(monkeypatch, case)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match=r"No space left.*file'$"):
        write_whole(path, b"newer and longer")
    assert path.read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EIO, os.strerror(errno.EIO))])
def test_an_interrupted_copy_leaves_all_of_the_file_and_says_where(error, tmp_path, monkeypatch):
    def interrupted(_, file):
        file.write(b"ne")
        raise error

    path = tmp_path / "file"
    path.write_bytes(b"older")
    refusing(monkeypatch, "a mount point")
    monkeypatch.setattr(shutil, "copyfileobj", interrupted)
    with pytest.raises((OSError, KeyboardInterrupt)) as caught:
        write_whole(path, b"newer")
    (other,) = {*tmp_path.iterdir()} - {path}
    assert other.read_bytes() == b"newer"
    said = f"{os.strerror(errno.EIO)}, while it was copied over; all that it was to hold is in {other}: '{path}'"
    assert error is KeyboardInterrupt or str(caught.value) == f"[Errno {errno.EIO}] {said}"
