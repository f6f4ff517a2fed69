"""Labels in files of version 2: much text as UTF-8, and labels of several values; all others as in version 1."""

import numpy as np
import pytest
from support.saved import (
    LABELS,
    many_texts,
    objects,
    random_network,
    read_parts,
    rows_of_labels_network,
    sealed,
    texts_network,
)

import fastmem
from fastmem import FormatError

STRINGS = np.dtypes.StringDType()


def version_and_header(net):
    _, header = read_parts(net.to_bytes())
    return header["format_version"], header


def with_labels(y):
    return random_network(n=len(y), y=y)


@pytest.mark.parametrize("values", LABELS.values(), ids=LABELS)
def test_labels_that_need_nothing_new_are_written_as_version_1(values):
    net = with_labels(np.concatenate([values] * 4))
    assert version_and_header(net)[0] == 1
    assert "label_lengths" not in read_parts(net.to_bytes())[0]


def test_two_hundred_thousand_ids_take_little_more_than_their_text():
    ids = np.array([f"id-{i:06d}-{i * 7919 % 997:03d}" for i in range(20_000)])
    net = random_network(n=20_000, y=ids)
    tensors, header = read_parts(net.to_bytes())
    assert header["labels_as"] == "utf8"
    assert tensors["labels"].nbytes + tensors["label_lengths"].nbytes == 20_000 * (len(ids[0]) + 1)
    assert net.report().label_nbytes == 20_000 * (len(ids[0]) + 1)
    assert fastmem.from_bytes(net.to_bytes()) == net


@pytest.mark.parametrize("dtype", ["U30", ">U30", "U300"])
def test_much_fixed_width_text_comes_back_in_its_dtype(dtype):
    net = with_labels(many_texts().astype(dtype))
    again = fastmem.from_bytes(net.to_bytes())
    assert version_and_header(net)[0] == 2
    assert again == net
    assert again.classes.dtype == np.dtype(dtype)


@pytest.mark.parametrize("n", [545, 546, 547])
def test_text_up_to_64_kib_is_written_as_in_version_1(n):
    """120 bytes a label."""
    net = with_labels(np.array([f"{i}" for i in range(n)], "U30"))
    assert version_and_header(net)[0] == (2 if n * 120 > 2**16 else 1)


@pytest.mark.parametrize("width", [3, 4])
def test_text_of_which_utf8_takes_half_or_more_is_written_as_in_version_1(width):
    """Four bytes a character against one, and one for the length; or three against four."""
    texts = np.array([chr(0x4E00 + i) * width for i in range(9000)])
    assert version_and_header(with_labels(texts))[0] == 1


@pytest.mark.parametrize("dtype", [object, STRINGS], ids=str)
def test_text_of_variable_width_is_utf8_where_json_takes_twice_as_many_bytes(dtype):
    net = with_labels(np.array(["ü" * 70 + str(i) for i in range(700)], dtype))
    version, header = version_and_header(net)
    again = fastmem.from_bytes(net.to_bytes())
    assert (version, header["label_dtype"]) == (2, "O" if dtype is object else "T")
    assert again == net
    assert again.classes.dtype == net.classes.dtype
    assert version_and_header(with_labels(np.array([f"label {i}" for i in range(9000)], dtype)))[0] == 1


def test_objects_that_are_not_all_text_are_written_as_in_version_1():
    assert version_and_header(with_labels(objects(None, *("ü" * 70 + str(i) for i in range(700)))))[0] == 1


def test_text_that_utf8_does_not_hold_is_written_as_in_version_1():
    texts = many_texts()
    texts[5] = "\ud800"
    net = with_labels(texts)
    assert version_and_header(net)[0] == 1
    assert fastmem.from_bytes(net.to_bytes()) == net


@pytest.mark.parametrize(
    ("length", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32)]
)
def test_lengths_are_as_small_as_they_can_be(length, dtype):
    net = with_labels(np.array(["a" * length, "b"]))
    net = net if length > 8192 else with_labels(np.array(["a" * length, *map(str, range(300))]))
    tensors, _ = read_parts(net.to_bytes())
    assert tensors["label_lengths"].dtype == dtype
    assert fastmem.from_bytes(net.to_bytes()) == net


# Damage


def refusal(tensors, header):
    with pytest.raises(FormatError) as caught:
        fastmem.from_bytes(sealed(tensors, header))
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, header: header.update(labels_as="utf16"),
        lambda tensors, header: header.update(labels_as=None),
        lambda tensors, header: header.update(label_dtype="<U2"),
        lambda tensors, header: header.update(label_dtype="<i8"),
        lambda tensors, header: header.update(label_dtype="O"),
        lambda tensors, header: header.update(format_version=1),
        lambda tensors, header: header.pop("labels_as"),
        lambda tensors, header: tensors.pop("label_lengths"),
        lambda tensors, header: tensors.update(label_lengths=tensors["label_lengths"].astype(np.uint16)),
        lambda tensors, header: tensors.update(label_lengths=tensors["label_lengths"].astype(np.int8)),
        lambda tensors, header: tensors.update(label_lengths=tensors["label_lengths"][:-1]),
        lambda tensors, header: tensors.update(label_lengths=tensors["label_lengths"][:0]),
        lambda tensors, header: tensors.update(label_lengths=tensors["label_lengths"][None]),
        lambda tensors, header: tensors.update(labels=tensors["labels"][:-1]),
        lambda tensors, header: tensors.update(labels=tensors["labels"] | 0x80),
        lambda tensors, header: tensors.update(labels=tensors["labels"] * 0),
    ],
)
def test_text_in_utf8_that_is_damaged_is_refused(change):
    tensors, header = read_parts(texts_network().to_bytes())
    change(tensors, header)
    assert refusal(tensors, header)


@pytest.mark.parametrize("shape", [[], [0], [-2], [4], [2, 1], [2.0], [True], 2, None, ["2"]])
def test_labels_of_a_shape_that_does_not_fit_are_refused(shape):
    tensors, header = read_parts(rows_of_labels_network().to_bytes())
    assert len(rows_of_labels_network().classes.ravel()) % 4
    assert refusal(tensors, header | {"label_shape": shape})


def test_a_width_that_takes_no_end_of_memory_is_refused_before_it_is_taken():
    tensors, header = read_parts(texts_network().to_bytes())
    with pytest.raises((FormatError, MemoryError)):
        fastmem.from_bytes(sealed(tensors, header | {"label_dtype": "<U500000000"}))
