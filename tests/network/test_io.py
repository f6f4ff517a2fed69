"""Networks in files: what is loaded equals what was saved, and nothing else is ever loaded."""

import copy
import errno
import gzip
import io
import json
import os
import pickle
import stat
import tempfile
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from support.saved import (
    INTEGER,
    LABELS,
    NETWORKS,
    changed_at_random,
    filtering_network,
    huffman_network,
    objects,
    on_the_line,
    random_network,
    raw_safetensors,
    read_parts,
    sealed,
    small_network,
    theorem_network,
)

import fastmem
from fastmem import FormatError, InvalidInput
from fastmem.network.format import FORMAT_VERSION


@pytest.fixture(scope="module", params=NETWORKS.values(), ids=NETWORKS)
def net(request):
    make, starts, identity = request.param
    net = make()
    assert net.store.name == ("binary" if starts is None else "integer")
    assert starts is None or net.store.starts.dtype == starts
    assert net.encoder.code.is_identity == identity
    return net


def inputs(net, n=500):
    rng = np.random.default_rng(1)
    return np.concatenate([rng.standard_normal((n, net.n_features_in)), rng.uniform(-9, 5000, (n, net.n_features_in))])


def assert_behaves_the_same(one, other):
    X = inputs(one)
    assert one.predict(X).dtype == other.predict(X).dtype
    assert list(map(repr, one.predict(X))) == list(map(repr, other.predict(X)))
    if isinstance(one, fastmem.EncodedNetwork):
        assert np.array_equal(one.codes(X), other.codes(X))
    assert np.array_equal(one.certified_radius(X), other.certified_radius(X))
    assert one.widths == other.widths
    assert one.report().to_dict() == other.report().to_dict()
    assert one.fingerprint_bits == other.fingerprint_bits
    if one.fingerprint_bits:
        assert np.array_equal(one.contains(X), other.contains(X))


# Round trips


def test_a_loaded_network_equals_the_saved_one(net, tmp_path):
    net.save(tmp_path / "net.safetensors")
    assert fastmem.load(tmp_path / "net.safetensors") == net


def test_a_loaded_network_behaves_as_the_saved_one(net, tmp_path):
    net.save(tmp_path / "net.safetensors")
    assert_behaves_the_same(fastmem.load(tmp_path / "net.safetensors"), net)


def test_a_pickled_network_equals_the_original(net):
    again = pickle.loads(pickle.dumps(net))
    assert again == net
    assert_behaves_the_same(again, net)


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_a_copied_network_equals_the_original(net, copying):
    again = copying(net)
    assert again == net
    assert_behaves_the_same(again, net)


def test_a_deep_copy_shares_no_memory():
    net = random_network()
    again = copy.deepcopy(net)
    assert not np.shares_memory(again.encoder.hyperplanes.weights, net.encoder.hyperplanes.weights)
    assert not np.shares_memory(again.classes, net.classes)


def test_loading_and_saving_again_writes_the_same_bytes(net, tmp_path):
    net.save(tmp_path / "a")
    fastmem.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_networks_that_differ_are_not_equal():
    net = random_network()
    assert net != small_network()
    assert net != random_network(y=np.full(200, "a"))
    assert net != "net"


@pytest.mark.parametrize("values", LABELS.values(), ids=LABELS)
def test_labels_of_every_kind_survive_a_file(values, tmp_path):
    y = values[np.arange(40) % len(values)]
    net = random_network(n=40, y=y)
    net.save(tmp_path / "net")
    again = fastmem.load(tmp_path / "net")
    assert again == net
    assert again.classes.dtype == net.classes.dtype
    assert_behaves_the_same(again, net)


# NumPy unpickles arrays in native byte order.
@pytest.mark.parametrize(
    "values", [v for k, v in LABELS.items() if k != "big-endian"], ids=[k for k in LABELS if k != "big-endian"]
)
def test_labels_of_every_kind_survive_pickling(values):
    net = random_network(n=40, y=values[np.arange(40) % len(values)])
    assert pickle.loads(pickle.dumps(net)) == net


@pytest.mark.parametrize(
    "values", [(b"a", "a"), ((1, 2), (3, 4)), ([1], [2]), (np.datetime64("2026"), "a"), (1j, "a")], ids=repr
)
def test_labels_that_json_does_not_hold_are_refused_and_nothing_is_written(values, tmp_path):
    net = random_network(n=10, y=objects(*values * 5))
    with pytest.raises(InvalidInput) as caught:
        net.save(tmp_path / "net")
    assert any(repr(value) in str(caught.value) for value in values)
    assert "pickle" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_integer_label_too_long_for_json_is_refused_and_nothing_is_written(tmp_path):
    net = random_network(n=10, y=objects(10**5000, "a", "b", "c", "d", "e", "f", "g", "h", "i"))
    with pytest.raises(InvalidInput):
        net.save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_text_that_json_reads_as_other_text_is_refused_and_nothing_is_written(tmp_path):
    net = random_network(n=10, y=objects(*["\ud83d\ude00", "\U0001f600"] * 5))
    with pytest.raises(InvalidInput, match=r"\\ud83d\\ude00.*surrogates"):
        net.save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == []
    net = random_network(n=10, y=objects(*["\ud83d", "\ude00\ud83d"] * 5))  # no pair
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net


def test_labels_longer_than_readers_take_are_refused_and_nothing_is_written(tmp_path):
    net = random_network(n=3, y=objects("a" * 60_000_000, "b" * 40_000_000, None))
    with pytest.raises(InvalidInput, match="100,000,000 bytes"):
        net.save(tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [1, 5])
def test_networks_of_one_distinct_point_survive_a_file_whatever_their_delta(n, tmp_path):
    net = fastmem.memorize(np.ones((n, 3)), np.full(n, 7), construction="rajput2021", delta=5e-324, random_state=0)
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net


def test_text_labels_of_a_dtype_that_converts_nothing_survive_a_file(tmp_path):
    net = random_network(n=10, y=np.array(["a", ""] * 5, np.dtypes.StringDType(coerce=False)))
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net


def test_a_network_whose_labels_cannot_be_saved_can_be_pickled():
    net = random_network(n=10, y=objects(*[(1, 2), b"a"] * 5))
    assert pickle.loads(pickle.dumps(net)) == net


# Paths


class PathLike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.mark.parametrize(
    "kind", [str, lambda path: path, lambda path: PathLike(str(path))], ids=["str", "Path", "PathLike"]
)
def test_a_path_may_be_of_any_kind(kind, tmp_path):
    net = small_network()
    path = kind(tmp_path / "net.safetensors")
    net.save(path)
    assert fastmem.load(path) == net


def test_bytes_are_those_of_the_file_and_make_an_equal_network(net, tmp_path):
    net.save(tmp_path / "net")
    data = net.to_bytes()
    assert type(data) is bytes
    assert data == (tmp_path / "net").read_bytes()
    for kind in (bytes, bytearray, memoryview):
        assert fastmem.from_bytes(kind(data)) == net


def test_a_network_of_layers_survives_bytes():
    net = fastmem.memorize(np.eye(3), [0, 1, 0], construction="baum1988", random_state=0)
    assert fastmem.from_bytes(net.to_bytes()) == net


class FewBytes(io.RawIOBase):
    """A file without a buffer that takes some bytes at a time, as pipes and sockets do."""

    def __init__(self, most):
        self.most, self.taken = most, b""

    def writable(self):
        return True

    def write(self, data):
        self.taken += bytes(data[: self.most])
        return min(len(data), self.most)


def test_open_files_are_written_and_read(net, tmp_path):
    buffer = io.BytesIO(b"")
    net.save(buffer)
    assert buffer.getvalue() == net.to_bytes()
    buffer.seek(0)
    assert fastmem.load(buffer) == net
    with gzip.open(tmp_path / "net.gz", "wb") as file:
        net.save(file)
    with gzip.open(tmp_path / "net.gz", "rb") as file:
        assert fastmem.load(file) == net
    with zipfile.ZipFile(tmp_path / "nets.zip", "w") as archive, archive.open("net", "w") as file:
        net.save(file)
    with zipfile.ZipFile(tmp_path / "nets.zip") as archive, archive.open("net") as file:
        assert fastmem.load(file) == net
    with tempfile.NamedTemporaryFile() as file:
        net.save(file)
        file.seek(0)
        assert fastmem.load(file) == net


@pytest.mark.parametrize("most", [1000, 4097])
def test_files_that_take_few_bytes_at_a_time_get_all(most):
    file = FewBytes(most)
    net = small_network()
    net.save(file)
    assert file.taken == net.to_bytes()


def test_a_file_that_takes_no_more_is_an_error():
    with pytest.raises(OSError, match="takes no more bytes"):
        small_network().save(FewBytes(0))


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_files_open_for_text_are_refused(is_wrapped):
    with tempfile.NamedTemporaryFile("w+") if is_wrapped else io.StringIO() as file:
        with pytest.raises(InvalidInput, match="open it with mode 'wb'"):
            small_network().save(file)
        with pytest.raises(InvalidInput, match="open it with mode 'rb'"):
            fastmem.load(file)


def test_what_is_wrong_with_an_open_file_names_it(tmp_path):
    (tmp_path / "net").write_bytes(small_network().to_bytes()[:-1])
    with open(tmp_path / "net", "rb") as file, pytest.raises(FormatError, match=f"^{tmp_path / 'net'}: not a fastmem"):
        fastmem.load(file)
    with pytest.raises(FormatError, match=r"^the open file: not a fastmem network, or truncated"):
        fastmem.load(io.BytesIO(b"no network"))
    with pytest.raises(FormatError, match=r"^not a fastmem network, or truncated"):
        fastmem.from_bytes(b"")


@pytest.mark.parametrize("data", ["net.safetensors", None, 7, [1, 2]])
def test_what_is_no_bytes_is_refused(data):
    with pytest.raises(InvalidInput, match=r"data must be bytes, not .*; load\(path\) reads a file"):
        fastmem.from_bytes(data)


@pytest.mark.parametrize("fails", [lambda net: net.save(io.BytesIO()), lambda net: net.to_bytes()])
def test_labels_that_json_does_not_hold_are_refused_for_bytes_too(fails):
    with pytest.raises(InvalidInput, match="cannot be saved"):
        fails(fastmem.memorize(np.eye(2), np.array([(1,), "a"], dtype=object)))


def test_a_relative_path_is_relative_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_network().save("net")
    assert fastmem.load("net") == fastmem.load(tmp_path / "net")


@pytest.mark.parametrize("name", ["net", "a b", "猫.safetensors", ".hidden", "n" * 200, "n" * 255])
def test_every_name_that_the_system_allows_can_be_written(name, tmp_path):
    (tmp_path / name).write_bytes(b"")  # the system allows it
    net = small_network()
    net.save(tmp_path / name)
    assert fastmem.load(tmp_path / name) == net
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_message_names_the_file(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    with pytest.raises(FormatError, match=r"bad\.safetensors: "):
        fastmem.load(tmp_path / "bad.safetensors")


def test_loading_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastmem.load(tmp_path / "missing")


def test_loading_a_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match=r"directory|denied"):
        fastmem.load(tmp_path)


# Damage


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "net.safetensors"
    small_network().save(path)
    return path.read_bytes()


def assert_refused(path, data):
    """Write data to the path and assert that it is refused as a network; return the message."""
    path.write_bytes(data)
    return assert_not_loaded(path)


def assert_not_loaded(path):
    with pytest.raises(FormatError) as caught:
        fastmem.load(path)
    assert type(caught.value) is FormatError
    assert path.name in str(caught.value)
    return str(caught.value)


def assert_refused_with_any_byte_changed(path, data, change):
    """Change one byte of the file after the other."""
    path.write_bytes(data)
    with path.open("r+b", buffering=0) as file:
        for place, byte in enumerate(data):
            if change(byte) == byte:
                continue
            file.seek(place)
            file.write(bytes([change(byte)]))
            assert_not_loaded(path)
            file.seek(place)
            file.write(bytes([byte]))
    assert path.read_bytes() == data


def test_a_file_truncated_anywhere_is_refused(small_file, tmp_path):
    path = tmp_path / "net"
    path.write_bytes(small_file)
    with path.open("r+b") as file:
        for length in reversed(range(len(small_file))):
            file.truncate(length)
            assert_not_loaded(path)


@pytest.mark.parametrize("bit", range(8))
def test_a_file_with_any_bit_flipped_is_refused(small_file, tmp_path, bit):
    assert_refused_with_any_byte_changed(tmp_path / "net", small_file, lambda byte: byte ^ (1 << bit))


@pytest.mark.parametrize("replacement", [b"\0", b"0", b'"', b"\xff"])
def test_a_file_with_any_byte_replaced_is_refused(small_file, tmp_path, replacement):
    assert_refused_with_any_byte_changed(tmp_path / "net", small_file, lambda byte: replacement[0])


@pytest.mark.parametrize("tail", [b"\0", b" ", b"}", b"more"])
def test_a_file_with_a_tail_is_refused(small_file, tmp_path, tail):
    assert_refused(tmp_path / "net", small_file + tail)


def test_two_networks_in_one_file_are_refused(small_file, tmp_path):
    assert_refused(tmp_path / "net", small_file * 2)


def test_random_damage_is_refused(small_file, tmp_path):
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = np.frombuffer(small_file, np.uint8).copy()
        start, stop = np.sort(rng.integers(0, len(data) + 1, 2))
        data[start:stop] ^= rng.integers(1, 256, stop - start, dtype=np.uint8)
        if stop > start:
            assert_refused(tmp_path / "net", data.tobytes())


# Foreign files


def of_npy():
    buffer = io.BytesIO()
    np.save(buffer, np.eye(3))
    return buffer.getvalue()


def of_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("X.npy", of_npy())
    return buffer.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"x,y,label\n1,2,3\n" * 100,
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "npy": of_npy(),
    "zip": of_zip(),
    "pickle": pickle.dumps(np.eye(3)),
    "json": b'{"format_version": 1}',
    "safetensors of weights": safetensors.numpy.save({"weights": np.eye(3, dtype=np.float32)}),
    "safetensors with metadata": safetensors.numpy.save({"weights": np.eye(3)}, {"format": "pt"}),
    "safetensors without tensors": safetensors.numpy.save({}, {"fastmem": "{}"}),
    "safetensors of bfloat16": raw_safetensors(
        {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}, "__metadata__": {"fastmem": "{}"}}, bytes(4)
    ),
    "safetensors of float8": raw_safetensors(
        {"w": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}, "__metadata__": {"fastmem": "{}"}}, bytes(4)
    ),
    "metadata that is no json": safetensors.numpy.save({}, {"fastmem": "fastmem"}),
    "metadata that is a list": safetensors.numpy.save({}, {"fastmem": "[1]"}),
    "metadata that is a number": safetensors.numpy.save({}, {"fastmem": "1"}),
    "metadata nested deeply": safetensors.numpy.save({}, {"fastmem": "[" * 100_000}),
    "a number of many digits": safetensors.numpy.save({}, {"fastmem": '{"format_version": ' + "9" * 5000 + "}"}),
    "header that is a list": raw_safetensors([1, 2]),
    "header that is no text": raw_safetensors(b"\xff\xfe{}"),
    "header nested deeply": raw_safetensors(b'{"a":' * 50_000),
    "no header": raw_safetensors(b""),
    "header with a huge length": (2**63).to_bytes(8, "little") + b"{}",
    "header with the largest length": b"\xff" * 8 + b"{}",
    "header longer than the file": (1000).to_bytes(8, "little") + b"{}",
    "tensor beyond the file": raw_safetensors(
        {"w": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}
    ),
    "tensor with an overflowing shape": raw_safetensors(
        {"w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 0]}}
    ),
    "tensor without bytes and with a shape beyond any number": raw_safetensors(
        {"w": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}, "__metadata__": {"fastmem": "{}"}}
    ),
    "tensor with a negative shape": raw_safetensors(
        {"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)
    ),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(data, tmp_path):
    assert "not a fastmem network" in assert_refused(tmp_path / "net", data)


# Files with a valid checksum


def linear_code_file(tmp_path):
    on_the_line(100, 1, **INTEGER).save(tmp_path / "linear")
    return (tmp_path / "linear").read_bytes()


def test_a_file_taken_apart_and_sealed_again_is_the_same_network(small_file, tmp_path):
    (tmp_path / "net").write_bytes(sealed(*read_parts(small_file)))
    assert fastmem.load(tmp_path / "net") == small_network()


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 10**6])
def test_a_newer_format_is_refused_with_the_advice_to_upgrade(small_file, tmp_path, version):
    tensors, header = read_parts(small_file)
    message = assert_refused(tmp_path / "net", sealed(tensors, header | {"format_version": version}))
    assert "upgrade fastmem" in message
    assert f"format {version}" in message


def test_a_newer_format_is_known_before_its_contents_are_read(tmp_path):
    data = safetensors.numpy.save({}, {"fastmem": json.dumps({"format_version": 99, "all": "different"})})
    assert "upgrade" in assert_refused(tmp_path / "net", data)


@pytest.mark.parametrize("version", [None, "1", 1.0, True, [1], 0, -1], ids=repr)
def test_a_version_that_never_was_is_refused(small_file, tmp_path, version):
    tensors, header = read_parts(small_file)
    assert_refused(tmp_path / "net", sealed(tensors, header | {"format_version": version}))


def test_a_wrong_checksum_is_named(small_file, tmp_path):
    tensors, header = read_parts(small_file)
    data = safetensors.numpy.save(tensors, {"fastmem": json.dumps(header | {"sha256": "0" * 64})})
    assert "checksum" in assert_refused(tmp_path / "net", data)


def test_a_missing_checksum_is_refused(small_file, tmp_path):
    tensors, header = read_parts(small_file)
    assert "checksum" in assert_refused(
        tmp_path / "net", safetensors.numpy.save(tensors, {"fastmem": json.dumps(header)})
    )


@pytest.mark.parametrize(
    "name", ["weights", "thresholds", "centre", "exponents", "store.starts", "store.run_classes", "labels"]
)
def test_a_missing_tensor_is_refused(small_file, tmp_path, name):
    tensors, header = read_parts(small_file)
    del tensors[name]
    assert_refused(tmp_path / "net", sealed(tensors, header))


@pytest.mark.parametrize(
    "name",
    [
        "construction",
        "separate",
        "store",
        "store_reason",
        "fingerprint_bits",
        "n_points",
        "n_told_apart",
        "n_bits",
        "label_dtype",
        "format_version",
    ],
)
def test_a_missing_setting_is_refused(small_file, tmp_path, name):
    tensors, header = read_parts(small_file)
    del header[name]
    assert_refused(tmp_path / "net", sealed(tensors, header))


F32, F64 = np.float32, np.float64

BAD_TENSORS = {
    "starts that fall": ("store.starts", lambda a: np.r_[a[:1], a[1:][::-1], a[1:2]].astype(a.dtype)),
    "starts that repeat": ("store.starts", lambda a: np.r_[a[:-1], a[-2]].astype(a.dtype)),
    "starts not from zero": ("store.starts", lambda a: np.maximum(a, 1)),
    "starts beyond the codes": ("store.starts", lambda a: np.r_[a[:-1], 2**20].astype(a.dtype)),
    "starts of floats": ("store.starts", lambda a: np.linspace(0, 0.9, len(a))),
    "starts with nan": ("store.starts", lambda a: np.r_[a[:-1].astype(float), np.nan]),
    "starts of negative integers": ("store.starts", lambda a: -a.astype(np.int64)),
    "no starts": ("store.starts", lambda a: a[:0]),
    "too few starts": ("store.starts", lambda a: a[:-1]),
    "starts in a matrix": ("store.starts", lambda a: a[:, None]),
    "one start without a dimension": ("store.starts", lambda a: a[0].reshape(())),
    "class out of range": ("store.run_classes", lambda a: np.r_[a[:-1], 3].astype(a.dtype)),
    "class far out of range": ("store.run_classes", lambda a: np.r_[a[:-1].astype(np.int64), 2**40]),
    "class far out of range, unsigned": (
        "store.run_classes",
        lambda a: np.r_[a[:-1].astype(np.uint64), np.uint64(2**64 - 1)],
    ),
    "negative class": ("store.run_classes", lambda a: np.r_[a[:-1].astype(np.int8), np.int8(-1)]),
    "classes of floats": ("store.run_classes", lambda a: a + 0.5),
    "classes with nan": ("store.run_classes", lambda a: np.r_[a[:-1].astype(float), np.nan]),
    "too many run classes": ("store.run_classes", lambda a: np.r_[a, a[:1]]),
    "nan weights": ("weights", lambda a: np.full_like(a, np.nan)),
    "infinite weight": ("weights", lambda a: np.where(np.eye(*a.shape, dtype=bool), np.inf, a).astype(F32)),
    "weights in float64": ("weights", lambda a: a.astype(F64)),
    "weights in one row": ("weights", lambda a: a.ravel()),
    "weights of another dimension": ("weights", lambda a: a[:, :1]),
    "weights of no dimension": ("weights", lambda a: a[:, :0]),
    "too few weights": ("weights", lambda a: a[:-1]),
    "nan threshold": ("thresholds", lambda a: np.r_[a[:-1], np.nan]),
    "infinite threshold": ("thresholds", lambda a: np.r_[a[:-1], -np.inf]),
    "thresholds in float32": ("thresholds", lambda a: a.astype(F32)),
    "too many thresholds": ("thresholds", lambda a: np.r_[a, 0]),
    "nan centre": ("centre", lambda a: np.full_like(a, np.nan)),
    "centre of another dimension": ("centre", lambda a: a[:-1]),
    "exponents of another dimension": ("exponents", lambda a: np.r_[a, a]),
    "exponents in int64": ("exponents", lambda a: a.astype(np.int64)),
    "exponents too large": ("exponents", lambda a: np.full_like(a, 32767)),
    "exponents too small": ("exponents", lambda a: np.full_like(a, -32768)),
    "exponents beyond what is ever saved": ("exponents", lambda a: np.full_like(a, -1100)),
    "columns of another number": ("columns", lambda a: np.arange(99, dtype=np.uint64)),
    "columns of no integers": ("columns", lambda a: np.ones(2)),
    "labels of half a label": ("labels", lambda a: a[:-1]),
    "no labels": ("labels", lambda a: a[:0]),
    "too few labels": ("labels", lambda a: a[:8]),
}


@pytest.mark.parametrize(("name", "change"), BAD_TENSORS.values(), ids=BAD_TENSORS)
def test_a_tensor_that_does_not_fit_is_refused(small_file, tmp_path, name, change):
    tensors, header = read_parts(small_file)
    assert len(tensors["store.starts"]) > 2
    tensors[name] = np.ascontiguousarray(change(tensors.get(name)))
    assert_refused(tmp_path / "net", sealed(tensors, header))


BAD_SETTINGS = {
    "n_bits": [0, 1, 63, 64, -1, 10**30, 2.5, "2", None, [2], {}, float("nan"), float("inf")],
    "n_points": [0, -1, 1, None, "12", [12], 12.0, 10**400, 2**53, float("nan"), float("inf")],
    "n_told_apart": [0, -1, 13, None, "2", 2.0, True, float("nan")],
    "separate": ["", "rows", None, 1, [], {}],
    "smallest_distance": ["nan", "-0x1p+0", "1", "", None, 1.0],
    "codes_digest": ["a", "0" * 63, "G" * 64, None, 1],
    "drawn": [None, [], *({"delta": d, "hyperplanes": 1, "codes": n} for d, n in [(1e-300, 1), (1.0, 10**400)])],
    "more": [None, 1],
    "store": ["binary", "", None, 1, [], {}],
    "store_reason": [None, 1, [], {}, ["few points"], "\x1b[2J", "a\nb", "\ud800"],
    "fingerprint_bits": [1, 8, 33, -1, None, "0", [], {}],
    "label_dtype": [
        "<i7",
        "",
        None,
        8,
        "V8",
        "<f4,<f4",
        "O",
        "|O",
        [],
        {},
        "<i8]",
        "U0",
        "M8[zz]",
        "<U1000000",
        {"names": []},
        "(1,)<i8",
        "3<i8",
        "()<i8",
        "=i8",
        "i8",
        "a8",
        "<m8[generic]",
    ],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_SETTINGS.items() for value in values], ids=repr
)
def test_a_setting_that_does_not_fit_is_refused(small_file, tmp_path, name, value):
    tensors, header = read_parts(small_file)
    assert_refused(tmp_path / "net", sealed(tensors, header | {name: value}))


@pytest.mark.parametrize("n_bits", [0, 5, 23, 63, 64, 99])
def test_columns_beyond_the_code_are_refused(tmp_path, n_bits):
    tensors, header = read_parts(linear_code_file(tmp_path))
    assert header["n_bits"] == 24
    assert_refused(tmp_path / "net", sealed(tensors, header | {"n_bits": n_bits}))


@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: a[:, None], lambda a: a.astype(np.int64),
                                    lambda a: a | np.uint64(1 << 24), lambda a: a | np.uint64(1 << 63)],
                         ids=["too few", "matrix", "signed", "bit 24", "bit 63"])  # fmt: skip
def test_columns_that_do_not_fit_are_refused(tmp_path, change):
    tensors, header = read_parts(linear_code_file(tmp_path))
    tensors["columns"] = change(tensors["columns"])
    assert_refused(tmp_path / "net", sealed(tensors, header))


def test_more_than_62_hyperplanes_without_a_code_are_refused(tmp_path):
    tensors, header = read_parts(linear_code_file(tmp_path))
    del tensors["columns"]
    for n_bits in (24, 62, 99):
        assert_refused(tmp_path / "net", sealed(tensors, header | {"n_bits": n_bits}))


@pytest.mark.parametrize(
    "labels", [[], None, 3, "ab", {"a": 1}, [[1, 2], [3, 4]], [None], [float("nan"), 1], [{}, []]], ids=repr
)
def test_object_labels_that_no_network_has_are_refused(tmp_path, labels):
    random_network(n=10, y=objects(*["a", None] * 5)).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    assert_refused(tmp_path / "net", sealed(tensors, header | {"labels": labels}))


NO_VALUES = {
    "a boolean of 2": ("|b1", bytes([0, 2])),
    "NaN": ("<f8", np.array([0, np.nan]).tobytes()),
    "NaN as an imaginary part": ("<c16", np.array([0, complex(0, np.nan)]).tobytes()),
    "no date": ("<M8[s]", np.array([0, "NaT"], "M8[s]").tobytes()),
    "no duration": ("<m8[s]", np.array([0, "NaT"], "m8[s]").tobytes()),
    "a character beyond Unicode": ("<U1", np.array([65, 0x110000], "<u4").tobytes()),
    "a character beyond Unicode, big-endian": (">U1", np.array([65, 0x110000], ">u4").tobytes()),
}


@pytest.mark.parametrize(("dtype", "data"), NO_VALUES.values(), ids=NO_VALUES)
def test_labels_that_are_no_values_of_their_dtype_or_differ_from_themselves_are_refused(tmp_path, dtype, data):
    random_network(n=10, y=np.arange(10) % 2).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    tensors["labels"] = np.frombuffer(data, np.uint8)
    assert "labels" in assert_refused(tmp_path / "net", sealed(tensors, header | {"label_dtype": dtype}))


@pytest.mark.parametrize("dtype", ["<f16", ">f16", "<f12", "<f10", "<c32", "<c24", "<c20"])
def test_files_with_long_doubles_are_refused_with_what_to_do(tmp_path, dtype):
    random_network(n=10, y=np.arange(10) % 2).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    tensors["labels"] = np.zeros(2 * int(dtype[2:]), np.uint8)
    message = assert_refused(tmp_path / "net", sealed(tensors, header | {"label_dtype": dtype}))
    assert "long doubles" in message
    assert "memorize them as float64 or text" in message


@pytest.mark.parametrize("values", [np.array([1, 2], np.longdouble), np.array([1, 2j], np.clongdouble),
                                    objects("a", np.longdouble(2))], ids=["real", "complex", "objects"])  # fmt: skip
def test_pickles_with_long_doubles_are_refused_with_what_to_do(values):
    net = random_network(n=10, y=np.arange(10) % 2)
    net.classes = values  # as version 0.1 took them
    with pytest.raises(FormatError, match=r"long doubles.* memorize them as float64 or text"):
        pickle.loads(pickle.dumps(net))


@pytest.mark.parametrize("labels", [[1, 2], ["a", None], ["a", True]], ids=repr)
def test_text_labels_that_are_no_text_are_refused(tmp_path, labels):
    random_network(n=10, y=np.array(["a", "b"] * 5, np.dtypes.StringDType())).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    assert_refused(tmp_path / "net", sealed(tensors, header | {"labels": labels}))


def test_labels_given_twice_are_refused(small_file, tmp_path):
    tensors, header = read_parts(small_file)
    assert_refused(tmp_path / "net", sealed(tensors, header | {"labels": [1, 2, 3]}))
    random_network(n=10, y=objects(*["a", None] * 5)).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    assert_refused(tmp_path / "net", sealed(tensors | {"labels": np.zeros(2, np.uint8)}, header))


def test_settings_nested_to_any_depth_are_refused(small_file, tmp_path):
    text = json.dumps(read_parts(small_file)[1] | {"more": 0})
    for depth in (*range(900, 1000, 2), 1000, 10**4):
        nested = text.replace('"more": 0', '"more": ' + "[" * depth + "]" * depth)
        assert_refused(tmp_path / "net", safetensors.numpy.save({}, {"fastmem": nested}))


def test_a_code_of_no_bits_for_some_hyperplanes_is_refused(tmp_path):
    tensors, header = read_parts(linear_code_file(tmp_path))
    tensors |= {
        "columns": np.zeros_like(tensors["columns"]),
        "labels": tensors["labels"][:16],
        "store.starts": np.zeros(1, np.uint32),
        "store.run_classes": np.ones(1, np.uint8),
    }
    assert_refused(tmp_path / "net", sealed(tensors, header | {"n_bits": 0, "n_told_apart": 1}))


# Binary stores and fingerprints with a valid checksum


@pytest.fixture(scope="module")
def binary_files(tmp_path_factory):
    """Files of networks with binary stores."""
    folder = tmp_path_factory.mktemp("binary")
    networks = {
        "filtering": filtering_network(),
        "huffman": huffman_network(),
        "plain": random_network(),
        "line": on_the_line(62, 1, fingerprint_bits=3),
    }
    for name, net in networks.items():
        net.save(folder / name)
    return {name: (folder / name).read_bytes() for name in networks}


def test_random_damage_of_a_binary_store_is_refused(binary_files, tmp_path):
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(binary_files["filtering"]), 300):
        data = bytearray(binary_files["filtering"])
        data[place] ^= 1 << int(rng.integers(8))
        assert_refused(tmp_path / "net", bytes(data))


def replaced(place, value):
    """A function that gives a copy of an array with another value at one place."""

    def change(array):
        array = array.copy()
        array[place] = value
        return array

    return change


def of_rows(change):
    """A function that changes the numbers that firsts hold as bytes, lowest first."""

    def changed(firsts):
        numbers = np.pad(firsts, ((0, 0), (0, 8 - firsts.shape[1]))).view("<u8").ravel()
        return change(numbers).astype("<u8").view(np.uint8).reshape(-1, 8)

    return changed


BAD_RIBBON = {
    "firsts that fall": ("firsts", of_rows(lambda a: np.r_[a[:1], a[1:][::-1]])),
    "firsts that repeat": ("firsts", of_rows(lambda a: np.r_[a[:-1], a[-2]])),
    "firsts not from zero": ("firsts", of_rows(lambda a: np.maximum(a, 1))),
    "firsts beyond the codes": ("firsts", of_rows(lambda a: np.r_[a[:-1], np.uint64(2**62)])),
    "firsts far beyond the codes": ("firsts", of_rows(lambda a: np.r_[a[:-1], np.uint64(2**64 - 1)])),
    "firsts of nine bytes": ("firsts", lambda a: np.pad(a, ((0, 0), (0, 9 - a.shape[1])))),
    "firsts of no byte": ("firsts", lambda a: a[:, :0]),
    "firsts of floats": ("firsts", lambda a: a.astype(float)),
    "firsts of words": ("firsts", lambda a: a.astype(np.uint64)),
    "signed firsts": ("firsts", lambda a: a.view(np.int8)),
    "no firsts": ("firsts", lambda a: a[:0]),
    "too few firsts": ("firsts", lambda a: a[:-1]),
    "firsts in a row": ("firsts", lambda a: a.ravel()),
    "firsts of three dimensions": ("firsts", lambda a: a[:, None]),
    "one first without a dimension": ("firsts", lambda a: a[0, 0].reshape(())),
    "table of signed numbers": ("table", lambda a: a.astype(np.int64)),
    "table of floats": ("table", lambda a: a.astype(float)),
    "table of small numbers": ("table", lambda a: a.astype(np.uint32)),
    "table in a matrix": ("table", lambda a: a[:, 0]),
    "table in a row": ("table", lambda a: a.ravel()),
    "table of four dimensions": ("table", lambda a: a[None]),
    "table of no dimension": ("table", lambda a: a.ravel()[0].reshape(())),
    "no plane": ("table", lambda a: a[:, :, :0]),
    "65 planes": ("table", lambda a: np.repeat(a[:, :, :1], 65, axis=2)),
    "no columns": ("table", lambda a: a[:, :0]),
    "no rows": ("table", lambda a: a[:0]),
    "too few rows": ("table", lambda a: a[:-1]),
    "too many rows": ("table", lambda a: np.r_[a, a]),
    "fewer trailing zeros than none": ("sizes", replaced(0, -1)),
    "64 trailing zeros": ("sizes", replaced(0, 64)),
    "very many trailing zeros": ("sizes", replaced(0, 2**62)),
    "trailing zeros that shift rows beyond the codes": ("sizes", replaced(0, 61)),
    "fewer parities than none": ("sizes", replaced(1, -1)),
    "17 parities": ("sizes", replaced(1, 17)),
    "very many parities": ("sizes", replaced(1, 2**62)),
    "more starts of windows than a small file has": ("sizes", replaced(1, 16)),
    "columns in no window": ("table", lambda a: np.repeat(a, 1 << 9, axis=1)),
    "more columns than a small file has": ("table", lambda a: np.repeat(a, 64, axis=1)),
    "a negative number of codes": ("sizes", replaced(2, -1)),
    "sizes of floats": ("sizes", lambda a: a.astype(float)),
    "sizes of int32": ("sizes", lambda a: a.astype(np.int32)),
    "too few sizes": ("sizes", lambda a: a[:2]),
    "too many sizes": ("sizes", lambda a: np.r_[a, 0]),
    "sizes in a matrix": ("sizes", lambda a: a[:, None]),
    "one size without a dimension": ("sizes", lambda a: a[0].reshape(())),
}
BAD_PLANES = {"one plane more": ("table", lambda a: np.concatenate([a, a[:, :, :1]], axis=2))}
BAD_FILTER = {
    "33 planes": ("table", lambda a: np.repeat(a[:, :, :1], 33, axis=2)),
    "threshold of zero": ("thresholds", replaced(0, 0)),
    "threshold of 65": ("thresholds", replaced(63, 65)),
    "too few thresholds": ("thresholds", lambda a: a[:-1]),
    "thresholds in uint16": ("thresholds", lambda a: a.astype(np.uint16)),
    "thresholds in a matrix": ("thresholds", lambda a: a[None]),
}
BAD_FEATURES = {
    **BAD_FILTER,
    "a shift beyond any code": ("shifts", replaced(-1, 64)),
    "a shift beyond a word": ("shifts", replaced(-1, 252)),
    "a shift into a group": ("shifts", replaced(-1, 61)),
    "shifts that fall": ("shifts", lambda a: a[::-1]),
    "shifts that repeat": ("shifts", lambda a: np.r_[a[:-1], a[-2]]),
    "groups that overlap": ("shifts", lambda a: np.r_[a[:1], a[1:] - 1]),
    "no shifts": ("shifts", lambda a: a[:0]),
    "too many shifts": ("shifts", lambda a: np.arange(0, 68, 4, dtype=np.uint8)),
    "shifts in int64": ("shifts", lambda a: a.astype(np.int64)),
    "shifts in a matrix": ("shifts", lambda a: a[:, None]),
    "a negative seed": ("seed", replaced(0, -1)),
    "a seed of floats": ("seed", lambda a: a.astype(float)),
    "two seeds": ("seed", lambda a: np.r_[a, a]),
    "no seed": ("seed", lambda a: a[:0]),
    "a seed without a dimension": ("seed", lambda a: a[0].reshape(())),
}
del BAD_FEATURES["33 planes"]
BAD_LENGTHS = {
    "words that leave others unused": replaced(0, 3),
    "more words than there are": replaced(2, 1),
    "a word of no bit": replaced(0, 0),
    "a word of 32 bits": replaced(0, 32),
    "a word of 255 bits": replaced(0, 255),
    "lengths in int64": lambda a: a.astype(np.int64),
    "too few lengths": lambda a: a[:-1],
    "too many lengths": lambda a: np.r_[a, a[:1]],
    "no lengths": lambda a: a[:0],
    "lengths in a matrix": lambda a: a[:, None],
}
BAD_COMMON = {
    "negative class": replaced(0, -1),
    "class out of range": replaced(0, 6),
    "class far out of range": replaced(0, 2**31 - 1),
    "repeated classes": lambda a: np.r_[a[:-1], a[0]],
    "all classes": lambda a: np.arange(6, dtype=np.int32),
    "no classes": lambda a: a[:0],
    "too few classes": lambda a: a[:-1],
    "too many classes": lambda a: np.r_[a, 4].astype(np.int32),
    "classes in int64": lambda a: a.astype(np.int64),
    "classes of floats": lambda a: a.astype(float),
    "classes in a matrix": lambda a: a[:, None],
}


def bad_tensors_of_binary_stores():
    """File, tensor and change."""
    for kind, cases, places in [
        ("filtering", BAD_RIBBON, ["store.common.0", "store.filter", "store.rare.0", "fingerprints"]),
        ("filtering", BAD_PLANES, ["store.common.1", "store.rare.0"]),
        ("filtering", BAD_FILTER, ["store.filter", "fingerprints"]),
        ("filtering", BAD_FEATURES, ["store.features", "fingerprint_features"]),
        ("huffman", BAD_RIBBON, ["store.rare.0"]),
        ("huffman", BAD_PLANES, ["store.rare.1"]),
        ("plain", BAD_RIBBON, ["store.rare.0"]),
        ("plain", BAD_PLANES, ["store.rare.0"]),
    ]:
        for place in places:
            for case, (name, change) in cases.items():
                yield pytest.param(kind, f"{place}.{name}", change, id=f"{kind}-{place}-{case}")
    for case, change in BAD_LENGTHS.items():
        yield pytest.param("filtering", "store.common_lengths", change, id=f"filtering-common-{case}")
        yield pytest.param("huffman", "store.rare_lengths", change, id=f"huffman-rare-{case}")
    for case, change in BAD_COMMON.items():
        yield pytest.param("filtering", "store.common", change, id=f"filtering-{case}")


@pytest.mark.parametrize(("kind", "name", "change"), list(bad_tensors_of_binary_stores()))
def test_a_tensor_that_does_not_fit_a_binary_store_is_refused(binary_files, tmp_path, kind, name, change):
    tensors, header = read_parts(binary_files[kind])
    tensors[name] = np.array(change(tensors[name]), order="C")
    assert_refused(tmp_path / "net", sealed(tensors, header))


@pytest.mark.parametrize("kind", ["filtering", "huffman", "plain"])
def test_a_missing_tensor_of_a_binary_store_is_refused(binary_files, tmp_path, kind):
    tensors, header = read_parts(binary_files[kind])
    for name in tensors:
        rest = {other: tensor for other, tensor in tensors.items() if other != name}
        assert_refused(tmp_path / "net", sealed(rest, header))


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        ("filtering", "store.common.1."),
        ("filtering", "store.rare.0."),
        ("filtering", "store.filter."),
        ("filtering", "store.features."),
        ("filtering", "fingerprint_features."),
        ("filtering", "fingerprints."),
        ("huffman", "store.rare.0."),
        ("huffman", "store.rare.1."),
    ],
)
def test_a_missing_part_of_a_binary_store_is_refused(binary_files, tmp_path, kind, prefix):
    tensors, header = read_parts(binary_files[kind])
    rest = {name: tensor for name, tensor in tensors.items() if not name.startswith(prefix)}
    assert len(rest) < len(tensors)
    assert_refused(tmp_path / "net", sealed(rest, header))


EXTRA_PARTS = {
    "another ribbon": ("plain", "store.rare.1.", "store.rare.0."),
    "a common ribbon": ("plain", "store.common.0.", "store.rare.0."),
    "another common ribbon": ("filtering", "store.common.2.", "store.common.0."),
    "a filter without features of its own": ("plain", "store.filter.", "store.rare.0."),
    "features without fingerprints": ("plain", "fingerprint_features.", "store.features."),
    "fingerprints without features": ("plain", "fingerprints.", "store.rare.0."),
    "features among fingerprints": ("filtering", "fingerprints.", "fingerprint_features."),
}


@pytest.mark.parametrize(("kind", "prefix", "copied"), EXTRA_PARTS.values(), ids=EXTRA_PARTS)
def test_an_extra_part_of_a_binary_store_is_refused(binary_files, tmp_path, kind, prefix, copied):
    tensors, header = read_parts(binary_files[kind])
    more = {f"{prefix}{name.removeprefix(copied)}": a for name, a in tensors.items() if name.startswith(copied)}
    assert len(more) >= 3
    assert_refused(tmp_path / "net", sealed(more | tensors, header))


@pytest.mark.parametrize("fingerprint_bits", [0, 1, 2, 4, 32, 33, -3, None, "3", [3]], ids=repr)
def test_another_number_of_fingerprint_bits_is_refused(binary_files, tmp_path, fingerprint_bits):
    tensors, header = read_parts(binary_files["filtering"])
    assert header["fingerprint_bits"] == 3
    assert_refused(tmp_path / "net", sealed(tensors, header | {"fingerprint_bits": fingerprint_bits}))


@pytest.mark.parametrize("name", ["more", "store.more", "store.rare.0.more", "fingerprints.more", "columns", ""])
def test_a_tensor_of_no_part_is_refused(small_file, binary_files, tmp_path, name):
    for data in (small_file, *binary_files.values()):
        tensors, header = read_parts(data)
        if name not in tensors:
            assert_refused(tmp_path / "net", sealed(tensors | {name: np.zeros(3)}, header))


def test_the_lengths_of_another_code_are_refused(binary_files, tmp_path):
    tensors, header = read_parts(binary_files["plain"])
    for lengths in ([1, 2, 2], [2, 1, 2], [2, 2, 1]):
        assert_refused(tmp_path / "net", sealed(tensors | {"store.rare_lengths": np.array(lengths, np.uint8)}, header))


def test_common_classes_with_long_words_are_refused(binary_files, tmp_path):
    """Their words are numbered one by one where the network's layers are made: 2^31 of them."""
    tensors, header = read_parts(binary_files["filtering"])
    lengths = tensors["store.common_lengths"]
    tensors["store.common_lengths"] = np.array([1] + [31] * (len(lengths) - 1), np.uint8)
    assert len(np.unique(lengths)) == 2
    table = tensors["store.common.1.table"]
    tensors["store.common.1.table"] = np.repeat(table[:, :, :1], 30, axis=2)
    assert "31 bits" in assert_refused(tmp_path / "net", sealed(tensors, header))


def test_common_classes_without_a_filter_are_refused(binary_files, tmp_path):
    tensors, header = read_parts(binary_files["plain"])
    assert_refused(tmp_path / "net", sealed(tensors | {"store.common": np.zeros(1, np.int32)}, header))


@pytest.mark.parametrize("construction", ["rajput2021", "baum1988", "given"])
def test_a_construction_that_has_no_such_store_is_refused(binary_files, tmp_path, construction):
    tensors, header = read_parts(binary_files["plain"])
    assert_refused(tmp_path / "net", sealed(tensors, header | {"construction": construction}))


@pytest.mark.parametrize("n_bits", [0, 1, 20, 59, 60, 62, 63, 64])
def test_a_binary_store_of_codes_of_another_length_is_refused(binary_files, tmp_path, n_bits):
    tensors, header = read_parts(binary_files["line"])
    assert header["n_bits"] == 61
    assert_refused(tmp_path / "net", sealed(tensors, header | {"n_bits": n_bits}))


def test_an_integer_store_named_binary_is_refused_and_the_other_way_round(binary_files, small_file, tmp_path):
    tensors, header = read_parts(small_file)
    assert_refused(tmp_path / "net", sealed(tensors, header | {"store": "binary"}))
    tensors, header = read_parts(binary_files["plain"])
    assert_refused(tmp_path / "net", sealed(tensors, header | {"store": "integer"}))


@pytest.mark.parametrize("kind", ["filtering", "huffman", "plain"])
def test_a_store_changed_at_random_is_refused_or_is_a_network(binary_files, tmp_path, kind):
    """Whatever is loaded has layers, and answers as they do: nothing is read out of bounds."""
    rng = np.random.default_rng(2)
    tensors, header = read_parts(binary_files[kind])
    names = [name for name in tensors if name.startswith(("store", "fingerprint"))]
    loaded = 0
    for _ in range(400):
        name = rng.choice(names)
        (tmp_path / "net").write_bytes(sealed(tensors | {name: changed_at_random(tensors[name], rng)}, header))
        try:
            net = fastmem.load(tmp_path / "net")
        except FormatError:
            continue
        X = inputs(net, 20)
        predicted = net.predict(X)
        assert np.isin(predicted, net.classes).all()
        if loaded % 10 == 0:
            assert np.array_equal(net.forward(X), predicted)
            assert not net.fingerprint_bits or np.array_equal(net.forward(X, unknown=-1), net.predict(X, unknown=-1))
        loaded += 1
    assert 0 < loaded < 400


# Writing whole or not at all


FAILURES = {
    "flushing": ("fsync", OSError(errno.ENOSPC, "No space left on device")),
    "renaming": ("replace", OSError(errno.EIO, "Input/output error")),
    "interrupted": ("fsync", KeyboardInterrupt()),
}


@pytest.mark.parametrize(("function", "failure"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("exists", [False, True])
def test_a_failing_write_leaves_the_folder_as_it_was(tmp_path, monkeypatch, function, failure, exists):
    path = tmp_path / "net"
    if exists:
        path.write_bytes(b"old")

    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(failure)):
        small_network().save(path)
    assert [p.name for p in tmp_path.iterdir()] == (["net"] if exists else [])
    assert not exists or path.read_bytes() == b"old"


def test_an_existing_file_is_replaced(tmp_path):
    random_network().save(tmp_path / "net")
    small_network().save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == small_network()
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_missing_folder_is_an_os_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        small_network().save(tmp_path / "missing" / "net")
    assert str(caught.value.filename) == str(tmp_path / "missing" / "net")


def test_saving_over_a_folder_is_an_os_error_and_leaves_no_file(tmp_path):
    (tmp_path / "net").mkdir()
    with pytest.raises(OSError, match=r"directory|denied"):
        small_network().save(tmp_path / "net")
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000] if os.name == "posix" else [])
def test_permissions_follow_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        small_network().save(tmp_path / "net")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "net").stat().st_mode) == 0o666 & ~mask


def test_a_file_is_read_without_leaving_it_open(tmp_path, small_file):
    path = tmp_path / "net"
    path.write_bytes(small_file)
    net = fastmem.load(path)
    path.write_bytes(bytes(len(small_file)))  # nothing of the network is a view of the file
    assert net == small_network()


@pytest.mark.parametrize("method", ["save", "pickle"])
def test_a_network_that_was_used_is_saved_as_before(tmp_path, small_file, method):
    net = small_network()
    net.forward(inputs(net))
    net.report()
    if method == "save":
        net.save(tmp_path / "net")
        assert (tmp_path / "net").read_bytes() == small_file
    else:
        assert pickle.dumps(net) == pickle.dumps(small_network())


# Networks of the theorems


THEOREMS = pytest.mark.parametrize("construction", ["rajput2021", "baum1988"])


@THEOREMS
@pytest.mark.parametrize("classes", [1, 2, 5, 40])
def test_a_network_of_a_theorem_survives_files_pickles_and_copies(construction, classes, tmp_path):
    net = theorem_network(construction, classes)
    net.save(tmp_path / "a")
    loaded = fastmem.load(tmp_path / "a")
    for again in (loaded, pickle.loads(pickle.dumps(net)), copy.copy(net), copy.deepcopy(net)):
        assert again == net
        assert again.stages == net.stages
        assert_behaves_the_same(again, net)
    loaded.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert net != theorem_network(construction, 3)


def without(name):
    return lambda tensors, header: tensors.pop(name)


def changed(name, change):
    def apply(tensors, header):
        tensors[name] = np.ascontiguousarray(change(tensors[name]))

    return apply


def setting(name, value):
    return lambda tensors, header: header.update({name: value})


def both(name, other, n):
    """Two tensors cut to n entries."""

    def apply(tensors, header):
        tensors[name], tensors[other] = tensors[name][:n], tensors[other][:n]

    return apply


DAMAGE = {
    "rajput2021": {
        "no starts": without("store.starts"),
        "starts that fall": changed("store.starts", lambda a: a[::-1]),
        "starts not from 0": changed("store.starts", lambda a: a + np.uint64(1)),
        "starts beyond the codes": changed("store.starts", lambda a: np.r_[a[:-1], np.uint64(2**60)]),
        "starts in int64": changed("store.starts", lambda a: a.astype(np.int64)),
        "too few starts": changed("store.starts", lambda a: a[:-1]),
        "no blocks": both("store.starts", "store.weights", 0),
        "weights of another shape": changed("store.weights", lambda a: a[:, :, :-1]),
        "too few places": changed("store.weights", lambda a: a[:, :-1]),
        "places that are no segments": changed("store.weights", lambda a: np.repeat(a, 3, axis=1)),
        "weights of floats": changed("store.weights", lambda a: a.astype(np.float32)),
        "huge weights": changed("store.weights", lambda a: np.full(a.shape, 2**29, np.int32)),
        "the least weight": changed("store.weights", lambda a: np.full(a.shape, -(2**31), np.int32)),
        "weights in a row": changed("store.weights", np.ravel),
        "columns beyond the code": changed("columns", lambda a: a | np.uint64(2**60)),
        "no columns": without("columns"),
        "nothing drawn": setting("drawn", {}),
        "a delta for which no machine holds the hyperplanes": setting(
            "drawn", {"delta": 1e-300, "hyperplanes": 1, "codes": 1}
        ),
        "a delta of 0": setting("drawn", {"delta": 0.0, "hyperplanes": 1, "codes": 1}),
        "a delta in text": setting("drawn", {"delta": "1", "hyperplanes": 1, "codes": 1}),
        "half a draw": setting("drawn", {"delta": 1.0, "hyperplanes": 1}),
        "a list of draws": setting("drawn", [1.0]),
        "a construction with another store": setting("construction", "compact"),
        "no construction of ours": setting("construction", "rajput2022"),
        "a construction in a list": setting("construction", ["rajput2021"]),
        "layers that are not there": setting("store", None),
    },
    "baum1988": {
        "no layer": without("layer.2.weights"),
        "starts that fall": changed("layer.2.starts", lambda a: np.r_[a[0], a[1:][::-1]]),
        "starts not from 0": changed("layer.2.starts", lambda a: a + 1),
        "starts beyond the weights": changed("layer.2.starts", lambda a: np.r_[a[:-1], a[-1] + 1]),
        "starts in int32": changed("layer.2.starts", lambda a: a.astype(np.int32)),
        "too few starts": changed("layer.2.starts", lambda a: a[:-1]),
        "inputs beyond the hyperplanes": changed("layer.2.inputs", lambda a: a + 1),
        "negative inputs": changed("layer.2.inputs", lambda a: a - 1),
        "inputs that repeat": changed("layer.2.inputs", lambda a: np.r_[a[0], a[0], a[2:]]),
        "inputs in int64": changed("layer.2.inputs", lambda a: a.astype(np.int64)),
        "weights of 0": changed("layer.2.weights", lambda a: 0 * a),
        "weights of floats": changed("layer.2.weights", lambda a: a.astype(np.float32)),
        "weights whose sums overflow": changed("layer.2.weights", lambda a: np.full(len(a), 2**61)),
        "too few weights": changed("layer.2.weights", lambda a: a[:-1]),
        "too few thresholds": changed("layer.2.thresholds", lambda a: a[:-1]),
        "thresholds of floats": changed("layer.2.thresholds", lambda a: a + 0.5),
        "thresholds in a matrix": changed("layer.2.thresholds", lambda a: a[:, None]),
        "fewer hyperplanes": both("weights", "thresholds", -2),
        "no hyperplanes": both("weights", "thresholds", 0),
        "no layers": setting("n_layers", 0),
        "one layer": setting("n_layers", 1),
        "a third layer": setting("n_layers", 3),
        "half a layer": setting("n_layers", 1.5),
        "layers by word": setting("n_layers", "2"),
        "too many stages": setting("stages", ["a", "b", "c"]),
        "stages of numbers": setting("stages", [1, 2]),
        "stages that end a line": setting("stages", ["a", "b\n"]),
        "stages in a word": setting("stages", "ab"),
        "no stages": lambda tensors, header: header.pop("stages"),
        "a store that is not there": setting("store", "integer"),
        "more classes than outputs": changed("labels", lambda a: np.arange(9 * 8, dtype=np.uint8)),
    },
}


@pytest.mark.parametrize(
    ("construction", "damage"),
    [(construction, damage) for construction, kinds in DAMAGE.items() for damage in kinds],
)
def test_a_damaged_network_of_a_theorem_is_refused(construction, damage, tmp_path):
    theorem_network(construction).save(tmp_path / "net")
    tensors, header = read_parts((tmp_path / "net").read_bytes())
    DAMAGE[construction][damage](tensors, header)
    assert_refused(tmp_path / "net", sealed(tensors, header))
