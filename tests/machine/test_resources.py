"""Where memory, disks or 32 bits end: every answer is right, or an error says why there is none."""

import errno
import itertools
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from support.command_line import write_npy

import fastmem
from fastmem._kernels import rows, runs, sort
from fastmem.data.points import Points
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.machine.disk import writing_whole
from fastmem.machine.memory import need_room

BEYOND = 2**31 + 5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((3000, 6)), rng.integers(0, 3, 3000)


@pytest.fixture(scope="module")
def net(data):
    return fastmem.memorize(*data, random_state=0)


# Too little memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a process to a limit of memory")
@pytest.mark.parametrize("name", ["predict, 8 threads", "load, large", "save, large"])
def test_without_memory_there_is_a_memory_error_or_the_right_answer(name, tmp_path):
    from reliability import memory

    run, folder = memory.prepared(name, tmp_path)
    outcomes = {memory.attempt(run, extra, folder) for extra in (0, 2**20, 2**22, 2**25, 2**33)}
    assert outcomes <= {("succeeded", ""), ("MemoryError", "")}
    assert ("succeeded", "") in outcomes


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_threads_that_cannot_start_are_not_needed(data, net, monkeypatch, failing):
    from fastmem.machine import threads

    X = np.tile(data[0], (40, 1))
    started, start = [], threads._thread.start_new_thread

    def refuse(*arguments):
        started.append(arguments)
        if len(started) >= failing:
            raise RuntimeError("can't start new thread")
        return start(*arguments)

    monkeypatch.setattr(threads._thread, "start_new_thread", refuse)
    assert np.array_equal(net.predict(X, n_threads=4), np.tile(data[1], 40))
    assert len(started) == failing


def test_a_thread_that_dies_before_it_begins_leaves_its_work_to_others(data, net, monkeypatch):
    from fastmem.machine import threads

    X = np.tile(data[0], (40, 1))
    monkeypatch.setattr(threads._thread, "start_new_thread", lambda *_: None)
    assert np.array_equal(net.predict(X, n_threads=4), np.tile(data[1], 40))


def test_threads_for_which_blas_would_find_no_memory_are_not_started(data, net, monkeypatch):
    from fastmem.machine import threads

    def refuse(n_threads):
        raise MemoryError

    monkeypatch.setattr(threads, "need_buffers", refuse)
    monkeypatch.setattr(threads._thread, "start_new_thread", lambda *_: pytest.fail("a thread was started"))
    assert np.array_equal(net.predict(np.tile(data[0], (40, 1)), n_threads=4), np.tile(data[1], 40))


def test_where_blas_would_find_no_memory_there_is_a_memory_error(data, monkeypatch):
    from fastmem.machine import blas

    def refuse(n_bytes):
        raise MemoryError

    blas._take_buffer.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(blas, "need_room", refuse)
        with pytest.raises(MemoryError):
            fastmem.memorize(*data, random_state=0)
    assert not blas._Users.present
    assert np.array_equal(fastmem.memorize(*data, random_state=0).predict(data[0]), data[1])


def test_room_that_no_machine_has_is_a_memory_error():
    with pytest.raises(MemoryError, match=f"no room for {2**60} bytes"):
        need_room(2**60)


def test_a_block_that_a_thread_took_and_never_finished_is_a_memory_error(monkeypatch):
    from fastmem.machine import threads

    def work(start, stop):
        if start == 30:
            raise MemoryError

    monkeypatch.setattr(threads._Blocks, "_stop_with", lambda *_: None)  # not even this is left to do
    with pytest.raises(MemoryError, match="a thread ran out of memory"):
        threads.over_blocks(work, 100, 10, 2)


def test_memory_that_ends_in_one_thread_is_a_memory_error(data, net, monkeypatch):
    X = np.tile(data[0], (40, 1))
    block = Points.block

    def fail(points, start, stop):
        if start > 50_000:
            raise MemoryError
        return block(points, start, stop)

    monkeypatch.setattr(Points, "block", fail)
    for n_threads in (1, 2, 4):
        with pytest.raises(MemoryError):
            net.predict(X, n_threads=n_threads)


def test_the_closest_pair_is_found_without_further_threads(data, monkeypatch):
    from fastmem.machine import threads

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    X = np.tile(data[0], (1, 3)) + np.arange(18)
    expected = [fastmem.separation(points, n_threads=1) for points in (X, data[0])]
    monkeypatch.setattr(threads._thread, "start_new_thread", refuse)
    assert [fastmem.separation(points, n_threads=4) for points in (X, data[0])] == expected


def test_a_command_without_memory_ends_with_one_line(data, tmp_path):
    write_npy(tmp_path / "X.npy", np.broadcast_to(np.zeros(1, np.uint8), (4, 2)))
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    with open(tmp_path / "y.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    done = subprocess.run(
        [sys.executable, "-c", "from fastmem.cli import main; main()", "build", "X.npy", "y.npy", "-o", "net"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"Error: .*\n", done.stderr)
    assert not (tmp_path / "net").exists()


# A full disk


LIMITED = """
    import resource, sys
    import numpy as np, fastmem
    from fastmem.cli import main
    net = fastmem.load("net.safetensors")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    for write in (net.save, net.to_c, lambda path: main(["predict", "net.safetensors", "X.npy", "-o", path])):
        for path in ("old.npy", "new.npy"):
            try:
                write(path)
            except OSError as error:
                print(error.errno, error.filename.endswith(path))
            except SystemExit as end:
                print(end.code)
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no limit of a file's size")
def test_files_that_do_not_fit_leave_the_folder_as_it_was(data, net, tmp_path):
    net.save(tmp_path / "net.safetensors")
    np.save(tmp_path / "X.npy", data[0])
    (tmp_path / "old.npy").write_bytes(b"old")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == 4 * [f"{errno.EFBIG} True"] + 2 * ["1"] + [""]
    lines = done.stderr.splitlines()
    assert [line.endswith(("old.npy: File too large", "new.npy: File too large")) for line in lines] == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "old.npy").read_bytes() == b"old"


@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "flush", "close"])
def test_a_disk_that_fills_up_at_any_step_leaves_the_old_file(tmp_path, monkeypatch, call, failure):
    (tmp_path / "net").write_bytes(b"old")

    def opened(*arguments):
        file = open(*arguments)  # noqa: SIM115

        class Failing:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()
                if call == "close":
                    raise OSError(failure, os.strerror(failure))

            def __getattr__(self, name):
                if name == call:
                    raise OSError(failure, os.strerror(failure))
                return getattr(file, name)

        return Failing()

    monkeypatch.setattr("fastmem.machine.disk.open", opened, raising=False)
    with pytest.raises(OSError, match=r"net'$") as caught, writing_whole(tmp_path / "net") as file:
        file.write(b"new")
    assert (caught.value.errno, str(caught.value.filename)) == (failure, str(tmp_path / "net"))
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert (tmp_path / "net").read_bytes() == b"old"


# More than 2^31


def test_more_than_two_to_the_31_points_in_memory_are_refused_before_any_is_read():
    X = np.broadcast_to(np.array([[np.nan]]), (BEYOND, 1))
    for d in (1, 3):
        with pytest.raises(fastmem.InvalidInput, match=rf"X has {BEYOND} rows, .* at most 2\^31 - 1"):
            fastmem.memorize(np.broadcast_to(X, (BEYOND, d)), np.broadcast_to(0, BEYOND), effort="small")


def test_a_point_of_two_to_the_31_coordinates_is_refused_by_the_network(net):
    with pytest.raises(fastmem.InvalidInput, match=f"X has {BEYOND} columns, but the network was built for 6"):
        net.predict(np.broadcast_to(np.float32(1), (1, BEYOND)))


def test_more_columns_than_signs_are_proved_for_are_refused():
    d = 2**28 + 1
    with pytest.raises(fastmem.InvalidInput, match=f"points have {d} columns: {2**28} are the most"):
        Hyperplanes(np.empty((0, d), np.float32), np.empty(0), np.broadcast_to(0.0, d), np.broadcast_to(np.int16(0), d))


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def far_rows(request, tmp_path_factory, data):
    """Rows more than 2^31 bytes apart, and more than 2^32 numbers in all, of a file that is nearly all holes."""
    n, d, dtype = 5, data[0].shape[1], np.dtype(request.param)
    step = 2**29 + 64  # numbers
    path = tmp_path_factory.mktemp("far") / "rows"
    near = data[0][:n].astype(dtype)
    with open(path, "wb") as file:
        file.truncate(n * step * dtype.itemsize)
    memory = np.memmap(path, dtype, "r+")
    for i, row in enumerate(near):
        memory[i * step : i * step + d] = row
    far = np.lib.stride_tricks.as_strided(memory, (n, d), (step * dtype.itemsize, dtype.itemsize), writeable=False)
    yield near, far
    del memory, far
    path.unlink()


@pytest.mark.skipif(os.name != "posix", reason="a file of holes would fill the disk")
def test_rows_far_apart_in_memory_are_read_as_if_they_were_neighbours(net, far_rows):
    near, far = far_rows
    for a, b in ((near, far), (near[::-1], far[::-1]), (near.T.copy().T, far[:, :])):
        assert np.array_equal(net.predict(a), net.predict(b))
        assert np.array_equal(net.codes(a), net.codes(b))
        assert np.array_equal(net.certified_radius(a), net.certified_radius(b))
    assert fastmem.separation(near) == fastmem.separation(far)
    keys, hashes = np.arange(64, dtype=np.uint32).reshape(2, 32), np.empty((2, len(near)), np.uint64)
    assert rows.hash_rows(near, keys, hashes[0]) == rows.hash_rows(far, keys, hashes[1])
    assert np.array_equal(*hashes)
    chosen = np.array([4, 0, 3, 4])
    assert np.array_equal(Points(near).take(chosen), Points(far).take(chosen))
    y = np.arange(len(near))
    same = [fastmem.memorize(X, y, random_state=0) for X in (near, far)]
    assert same[0] == same[1]


def test_numbers_of_points_beyond_32_bits_are_kept_by_kernels():
    codes = np.array([5, 3, 9, 3], np.uint64)
    numbers = np.array([BEYOND, 2**40, -(2**33), 7], np.int64)
    counts = np.empty(sort.COUNTS, np.int64)
    sort.radix_sort(codes, numbers, codes.copy(), numbers.copy(), counts)
    assert numbers.tolist() == [2**40, 7, BEYOND, -(2**33)]
    starts, classes = np.array([0, 2**31, 2**32 - 1], np.uint32), np.array([0, 1, 2], np.int32)
    index, found = np.empty(5, np.int32), np.empty(5, np.int32)
    runs.index_runs(starts, 30, index)
    runs.lookup(np.array([0, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1], np.uint64), starts, classes, index, 30, found)
    assert found.tolist() == [0, 0, 1, 1, 2]
    wide = np.array([0, 2**32, 2**61], np.uint64)
    runs.index_runs(wide, 60, index)
    runs.lookup(np.array([2**32 - 1, 2**32, 2**61 - 1, 2**61, 2**62 - 1], np.uint64), wide, classes, index, 60, found)
    assert found.tolist() == [0, 1, 1, 2, 2]


def test_the_row_of_a_nan_is_named_beyond_two_to_the_31(net):
    points = Points(np.broadcast_to(np.nan, (BEYOND, 6)))
    with pytest.raises(fastmem.InvalidInput, match=rf"X\[{BEYOND - 2}, 0\] is nan"):
        points.over_rows(lambda start, stop, rows: net.class_indices(rows), rows=slice(BEYOND - 2, BEYOND))
    with pytest.raises(fastmem.InvalidInput, match=rf"X\[{BEYOND - 1}, 0\] is nan"):
        points.check_finite(BEYOND - 1, BEYOND)


def test_the_last_of_more_than_two_to_the_31_points_get_their_labels(data, net):
    points = Points(np.broadcast_to(data[0][7], (BEYOND, 6)))
    for start in (2**31 - 3, BEYOND - 3):
        assert net.classes[net.class_indices(points.block(start, start + 3))].tolist() == 3 * [data[1][7]]


def test_blocks_cut_numbers_beyond_two_to_the_31():
    from fastmem.machine.threads import over_blocks

    cuts = []
    over_blocks(lambda start, stop: cuts.append((start, stop)), 2 * BEYOND, 2**30, 1)
    assert cuts[-1] == (4 * 2**30, 2 * BEYOND)
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(cuts))
