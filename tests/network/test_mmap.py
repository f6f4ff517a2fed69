"""Networks whose tables stay in the file: equal to those that are read whole, and shared by all processes."""

import copy
import errno
import json
import mmap
import os
import pickle
import random
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from support.saved import (
    INTEGER,
    columns_network,
    filtering_network,
    known_by_all_columns,
    random_network,
    raw_safetensors,
    read_parts,
    theorem_network,
)

import fastmem
from fastmem import FormatError, InvalidInput
from fastmem.machine.mapping import mapped, with_more
from fastmem.store.ribbon import Ribbon

MAKE = {
    "binary, filter and fingerprints": filtering_network,
    "integer": lambda: random_network(fingerprint_bits=4, recognise="rows", separate="all", **INTEGER),
    "columns": columns_network,
    "known by all columns": known_by_all_columns,
    "blocks": lambda: theorem_network("rajput2021"),
    "layers": lambda: theorem_network("baum1988"),
}


@pytest.fixture(scope="module", params=MAKE.values(), ids=MAKE)
def net(request):
    return request.param()


@pytest.fixture(scope="module")
def filtering():
    return filtering_network()


def loaded(net, path):
    net.save(path)
    return fastmem.load(path, mmap=True)


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def ribbons(net):
    return [*net.store.ribbons, *([net.fingerprints.ribbon] if net.fingerprints else [])]


# What is loaded


def test_a_mapped_network_equals_the_one_that_is_read_and_answers_alike(net, tmp_path):
    again = loaded(net, tmp_path / "net")
    assert again == net
    X = np.random.default_rng(1).standard_normal((500, net.n_features_in))
    assert np.array_equal(again.predict(X), net.predict(X))
    assert np.array_equal(again.forward(X[:50]), net.forward(X[:50]))
    assert np.array_equal(again.certified_radius(X), net.certified_radius(X))
    assert again.report().to_dict() == net.report().to_dict()
    if net.fingerprint_bits:
        assert np.array_equal(again.contains(X), net.contains(X))
        near = {"unknown": 9, "tolerance": 0.1 * (net.recognise_by == "cells")}
        assert np.array_equal(again.predict(X, **near), net.predict(X, **near))


def test_tables_are_views_of_the_file_and_not_writeable(tmp_path):
    net = loaded(filtering_network(), tmp_path / "net")
    tables = [array for ribbon in ribbons(net) for array in (ribbon.table, ribbon._words)]
    assert len(tables) >= 8
    integer = loaded(MAKE["integer"](), tmp_path / "integer")
    blocks = loaded(MAKE["blocks"](), tmp_path / "blocks")
    hyperplanes = net.hyperplanes
    for array in (*tables, hyperplanes.weights, hyperplanes.thresholds, integer.store.starts, blocks.store.weights):
        assert is_mapped(array)
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0


def test_a_mapped_network_is_copied_pickled_and_saved_as_any_other(net, tmp_path):
    again = loaded(net, tmp_path / "net")
    for other in (copy.copy(again), copy.deepcopy(again), pickle.loads(pickle.dumps(again))):
        assert other == net
    assert not is_mapped(pickle.loads(pickle.dumps(again)).hyperplanes_read.weights)
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


def test_networks_made_of_a_mapped_one_are_those_made_of_the_original(filtering, tmp_path):
    again, y = loaded(filtering, tmp_path / "net"), np.arange(filtering.n_points) % 4
    X = np.random.default_rng(3000).standard_normal((3000, 8)).astype(np.float32)  # of `random_network`
    assert again.relabel(y, X) == filtering.relabel(y, X)
    assert again.without_fingerprints() == filtering.without_fingerprints()
    columns = columns_network()
    assert loaded(columns, tmp_path / "columns").on_columns() == columns.on_columns()


def test_exports_of_a_mapped_network_are_those_of_the_original(filtering, tmp_path):
    again = loaded(filtering, tmp_path / "net")
    for ribbon, same in zip(ribbons(again), ribbons(filtering), strict=True):
        assert np.array_equal(ribbon.cells, same.cells)
    again.to_c(tmp_path / "again.c")
    filtering.to_c(tmp_path / "net.c")
    assert (tmp_path / "again.c").read_bytes() == (tmp_path / "net.c").read_bytes()


def test_threads_load_and_ask_at_the_same_time(filtering, tmp_path):
    filtering.save(tmp_path / "net")
    X = np.random.default_rng(1).standard_normal((500, 8))
    expected, found = filtering.predict(X), []
    threads = [
        threading.Thread(target=lambda: found.append(fastmem.load(tmp_path / "net", mmap=True).predict(X)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(labels, expected) for labels in found)


# Where tables lie in the file


def with_last(net, last, shift):
    """The file of a network with one of its tensors at the end; all lie so many bytes from where dtypes ask for."""
    original = net.to_bytes()
    entries, data = header_of(original), b""
    for name, array in sorted(read_parts(original)[0].items(), key=lambda item: (item[0] == last, item[0])):
        entries[name]["data_offsets"] = [len(data), len(data) + array.nbytes]
        data += array.tobytes()
    header = json.dumps(entries).encode()
    return raw_safetensors(header + b" " * ((shift - len(header)) % 8), data)


def header_of(data):
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


@pytest.mark.parametrize("shift", [0, 1, 2, 4])
def test_tables_at_the_end_of_the_file_or_out_of_line_are_copied(shift, tmp_path):
    net = random_network(fingerprint_bits=5)
    path = tmp_path / "net"
    path.write_bytes(with_last(net, "fingerprints.table", shift))
    again = fastmem.load(path, mmap=True)
    assert again == fastmem.load(path) == net
    assert not is_mapped(again.fingerprints.ribbon._words)
    X = np.random.default_rng(0).standard_normal((1000, 3))
    assert np.array_equal(again.contains(X), net.contains(X))
    assert np.array_equal(again.predict(X), net.predict(X))
    for array in (again.hyperplanes.weights, again.hyperplanes.thresholds):
        assert array.flags.aligned
        assert not array.flags.writeable


def test_what_lies_behind_an_array_is_given_as_far_as_the_file_goes(tmp_path):
    (tmp_path / "numbers").write_bytes(np.arange(10, dtype="<u8").tobytes())
    with open(tmp_path / "numbers", "rb") as file:
        numbers = mapped(file).view("<u8")
    whole = numbers.base
    some = whole[16:64].view("<u8").reshape(2, 3)
    assert with_more(some, 2).tolist() == list(range(2, 10))
    assert with_more(some, 3) is None
    assert with_more(some[:, 1:], 1) is None
    assert with_more(some.copy(), 0) is None
    assert with_more(np.memmap(tmp_path / "numbers", "<u8", "r+")[2:4], 1) is None


# Files that are refused


def outcome(path, **options):
    try:
        return fastmem.load(path, **options)
    except FormatError as error:
        return str(error)


def assert_agree(data, path):
    path.write_bytes(data)
    read = outcome(path)
    assert outcome(path, mmap=True) == read
    return read


def damaged(data, rng):
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    end = len(data) if rng.random() < 0.5 else 8 + int.from_bytes(data[:8], "little")
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        damaged[rng.randrange(end)] = rng.randrange(256)
    return bytes(damaged)


def test_a_file_damaged_at_random_is_refused_as_if_it_was_read(tmp_path):
    rng = random.Random(0)
    files = [random_network(fingerprint_bits=3).to_bytes(), random_network(**INTEGER).to_bytes()]
    outcomes = [assert_agree(damaged(rng.choice(files), rng), tmp_path / "net") for _ in range(400)]
    refused = sum(isinstance(result, str) for result in outcomes)
    assert refused > 300  # but for bytes that keep their value
    assert not any(isinstance(assert_agree(file, tmp_path / "net"), str) for file in files)


def with_header(change):
    """A file whose header is changed by a function of its text, and of the number of bytes behind it."""
    data = random_network(n=20).to_bytes()
    stop = 8 + int.from_bytes(data[:8], "little")
    header, rest = data[8:stop].decode(), data[stop:]
    return raw_safetensors(change(header, len(rest)).encode("utf-8", "surrogatepass"), rest)


def entry(dtype, shape, start, stop, more=""):
    return f'"x":{{"dtype":{dtype},"shape":{shape},"data_offsets":[{start},{stop}]{more}}},'


def more_entry(*arguments, **options):
    return lambda text, n: "{" + entry(*(n if a == "n" else a for a in arguments), **options) + text[1:]


HEADERS = {
    "as it was": lambda text, n: text,
    "spaces": lambda text, n: f" \n{text}\t ",
    "no text": lambda text, n: "",
    "a mark of byte order": lambda text, n: f"\ufeff{text}",
    "something behind": lambda text, n: f"{text}x",
    "half of a surrogate": lambda text, n: text.replace("__metadata__", "\ud800"),
    "a list": lambda text, n: f"[{text}]",
    "a number": lambda text, n: "7",
    "text": lambda text, n: '"text"',
    "metadata in a list": lambda text, n: '{"__metadata__":[]}',
    "metadata of numbers": lambda text, n: text.replace('{"fastmem"', '{"a":1,"fastmem"'),
    "other metadata": lambda text, n: text.replace('{"fastmem"', '{"a":"1","fastmem"'),
    "other metadata with half of a surrogate": lambda text, n: text.replace('{"fastmem"', '{"a":"\\ud800","fastmem"'),
    "no metadata": lambda text, n: text.replace("__metadata__", "metadata"),
    "metadata twice": lambda text, n: '{"__metadata__":{"fastmem":"{}"},' + text[1:],
    "a shape twice": lambda text, n: text.replace('"shape"', '"shape":[1],"shape"', 1),
    "more said of a tensor": lambda text, n: text.replace('"shape"', '"order":"C","shape"', 1),
    "more said of a tensor that is no number": lambda text, n: text.replace('"shape"', '"order":NaN,"shape"', 1),
    "an empty tensor": more_entry('"U8"', "[0]", "n", "n"),
    "an empty tensor of many dimensions": more_entry('"U8"', "[0,5,7]", "n", "n"),
    "an empty tensor of too many numbers": more_entry('"U8"', f"[0,{2**62},{2**62}]", "n", "n"),
    "a tensor of -0 rows": more_entry('"U8"', "[-0]", "n", "n"),
    "a tensor of -1 rows": more_entry('"U8"', "[-1]", "n", "n"),
    "a tensor of 0.0 rows": more_entry('"U8"', "[0.0]", "n", "n"),
    "a tensor of false rows": more_entry('"U8"', "[false]", "n", "n"),
    "a tensor of 2^64 rows": more_entry('"U8"', f"[{2**64}]", "n", "n"),
    "a tensor without a list of rows": more_entry('"U8"', "{}", "n", "n"),
    "a tensor of no dtype": more_entry('"U128"', "[0]", "n", "n"),
    "a tensor of a dtype in a list": more_entry('["U8"]', "[0]", "n", "n"),
    "a tensor of half bytes": more_entry('"F4"', "[0]", "n", "n"),
    "a tensor behind the end": more_entry('"U8"', "[1]", "n", 10**9),
    "a tensor that overlaps others": more_entry('"U8"', "[1]", 0, 1),
    "a tensor that ends before it begins": more_entry('"U8"', "[0]", "n", 0),
    "a tensor of three places": more_entry('"U8"', "[0]", "n", "0,0"),
    "no tensors": lambda text, n: '{"__metadata__":{"fastmem":"{}"}}',
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_header_is_refused_as_if_the_file_was_read(change, tmp_path):
    assert_agree(with_header(change), tmp_path / "net")


def test_the_length_of_a_header_may_be_anything(tmp_path):
    data = random_network(n=20).to_bytes()
    length = int.from_bytes(data[:8], "little")
    for other in (0, 1, length - 1, length + 1, len(data) - 8, len(data) - 7, 10**8 + 1, 2**63, 2**64 - 1):
        assert "truncated or damaged" in assert_agree(other.to_bytes(8, "little") + data[8:], tmp_path / "net")
    assert assert_agree(data + b"\0", tmp_path / "net") == assert_agree(b"", tmp_path / "net")


# What cannot be mapped


def test_an_open_file_is_not_mapped(tmp_path):
    random_network(n=20).save(tmp_path / "net")
    with open(tmp_path / "net", "rb") as file, pytest.raises(InvalidInput, match="needs the path of a file"):
        fastmem.load(file, mmap=True)


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fastmem.load(tmp_path / "nowhere", mmap=True)


@pytest.mark.skipif(os.name != "posix", reason="there are no devices with paths")
def test_a_device_is_not_mapped():
    with pytest.raises(InvalidInput, match="/dev/null is no regular file"):
        fastmem.load("/dev/null", mmap=True)


@pytest.mark.parametrize(("number", "error"), [(errno.ENOMEM, MemoryError), (errno.ENODEV, OSError)])
def test_what_the_system_refuses_to_map_is_an_error(number, error, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    random_network(n=20).save(tmp_path / "net")
    monkeypatch.setattr("fastmem.machine.mapping.mmap.mmap", refuse)
    with pytest.raises(error, match="no room to map" if error is MemoryError else "net"):
        fastmem.load(tmp_path / "net", mmap=True)


# Files and memory


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is mapped")
def test_a_mapped_network_stays_when_its_file_is_replaced_or_removed(filtering, tmp_path):
    net = loaded(filtering, tmp_path / "net")
    random_network(n=20).save(tmp_path / "net")
    assert net == filtering
    net.save(tmp_path / "net")
    (tmp_path / "net").unlink()
    assert net == filtering


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's open files")
def test_no_file_stays_open_when_a_mapped_network_goes_or_is_refused(tmp_path):
    def files():
        return sum(os.path.exists(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd"))

    random_network(n=20).save(tmp_path / "net")
    (tmp_path / "damaged").write_bytes((tmp_path / "net").read_bytes()[:-1])
    fastmem.load(tmp_path / "net", mmap=True)
    before = files()
    for _ in range(3):
        fastmem.load(tmp_path / "net", mmap=True)
        with pytest.raises(FormatError):
            fastmem.load(tmp_path / "damaged", mmap=True)
    assert files() == before


SERVE = """
    import re
    import numpy as np, fastmem
    def own():
        return int(re.search(r"RssAnon:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
    X = np.random.default_rng(0).standard_normal((20_000, 6))
    fastmem.load("small", mmap=True).contains(X)
    for options in ({"mmap": True}, {}):
        before = own()
        net = fastmem.load("net", **options)
        net.contains(X)
        print(own() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory is a process's own")
def test_two_processes_that_map_a_file_take_no_memory_of_their_own_for_its_tables(tmp_path):
    net = random_network(d=6, separate="all", fingerprint_bits=32)
    net.save(tmp_path / "small")
    ribbon = net.fingerprints.ribbon
    firsts = np.arange(3600, dtype=np.uint64) << np.uint64(net.recognition.n_bits - 12)
    table = np.zeros((len(firsts), 33, 32), np.uint64)  # recognises nothing, which takes as many reads
    net.fingerprints.ribbon = Ribbon(ribbon.features, firsts, table, 8, ribbon.n_codes)
    net.save(tmp_path / "net")
    assert table.nbytes > 30e6
    program = [sys.executable, "-c", textwrap.dedent(SERVE)]
    processes = [subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        of_the_map, of_the_copy = map(int, process.communicate()[0].split())
        assert of_the_map < table.nbytes / 20
        assert of_the_copy > table.nbytes / 2
