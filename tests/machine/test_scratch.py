"""Arrays in memory and in files: given back, gone at the end, and a full disk is an error at once."""

import errno
import gc
import os
import tempfile

import numpy as np
import pytest
from support.partitioned import in_partitions

import fastmem
from fastmem.machine import scratch
from fastmem.machine.scratch import Scratch

POSIX = pytest.mark.skipif(os.name != "posix", reason="files have a name here while they are open")


@pytest.mark.parametrize("in_files", [False, True])
def test_arrays_hold_what_is_written_and_begin_with_zeros(in_files, tmp_path):
    arrays = Scratch(tmp_path if in_files else None)
    for shape, dtype in (((0,), np.uint64), ((5,), np.uint8), ((1000, 7), np.float32)):
        array = arrays.empty(shape, dtype)
        assert array.shape == shape
        assert array.dtype == dtype
        assert not array.any()
        array[...] = 3
        assert np.all(array == 3)
    kept = arrays.empty((50_000,), np.int64)
    kept[:] = np.arange(50_000)
    arrays.discard(kept, 0, 20_000)
    assert np.array_equal(kept[20_000:], np.arange(20_000, 50_000))


@POSIX
def test_files_have_no_name_and_are_gone_with_their_arrays(tmp_path):
    array = Scratch(tmp_path).empty((100_000,), np.uint64)
    array[:] = 1
    assert list(tmp_path.iterdir()) == []
    before = len(os.listdir("/dev/fd"))
    del array
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before


@POSIX
def test_a_full_disk_is_an_error_that_says_what_was_needed(tmp_path, monkeypatch):
    def full(file, n_bytes):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch, "_reserve", full)
    X, y = np.random.default_rng(0).standard_normal((100, 3)), np.arange(100) % 2
    with pytest.raises(OSError, match="No space left on device: 100 bytes more are needed") as caught:
        fastmem.memorize(X, y, scratch=tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path)


class Full:
    """A file on a full disk."""

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_blocks_fill_is_an_error_that_says_what_was_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    X, y = np.random.default_rng(0).standard_normal((100, 3)), np.arange(100) % 2
    with pytest.raises(OSError, match="2,400 bytes more are needed for scratch files"):
        fastmem.from_blocks([(X, y)], scratch=tmp_path)


def test_a_system_that_reserves_no_bytes_has_them_written(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(scratch, "_ZEROS", 1000)
    array = Scratch(tmp_path).empty((1234,), np.uint8)
    assert not array.any()
    X, y = np.random.default_rng(0).standard_normal((100, 3)), np.arange(100) % 2
    assert in_partitions(X, y, scratch=tmp_path).to_bytes() == in_partitions(X, y).to_bytes()


@pytest.mark.parametrize("folder", ["none", "file"])
def test_what_is_no_folder_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(fastmem.InvalidInput, match="which is no folder: make it, or name another one"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], scratch=tmp_path / folder)


@pytest.mark.parametrize("option", ["scratch", "resume"])
def test_what_names_no_folder_is_refused(option, tmp_path):
    options = {"scratch": tmp_path, option: True}
    with pytest.raises(fastmem.InvalidInput, match=f"{option} must name a folder, not True"):
        fastmem.memorize([[0.0], [1.0]], [0, 1], **options)
