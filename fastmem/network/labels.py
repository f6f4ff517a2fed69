"""Labels in files: the bytes of a dtype, text as UTF-8 where that is much shorter, or JSON."""

import json
import re

import numpy as np

from fastmem.errors import FormatError, InvalidInput
from fastmem.machine.memory import need_room

__all__ = ["LONGEST_HEADER", "is_plain", "label_bytes", "labels_from_file", "labels_to_file"]

LONGEST_HEADER = 10**8  # bytes of settings, and so of labels as JSON: the most that safetensors reads
_LABEL_DTYPE = re.compile(r"[<>|][biufcmMSU][0-9]+(\[[0-9]*[A-Za-z]+\])?")
_LONG_DOUBLE = re.compile(r"[<>|](f(10|12|16)|c(20|24|32))")  # what x86 and Arm write under one name
_LARGEST_CHARACTER = 0x10FFFF
_TWO_FOR_ONE = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # surrogates that JSON reads as one character
_MUCH_TEXT = 2**16
_TEXT_ALONE = {str}


def labels_to_file(classes):
    """Tensors and settings that hold the labels; `InvalidInput` if none can."""
    shape = {} if classes.ndim == 1 else {"label_shape": list(classes.shape[1:])}
    tensors, settings = _entries_to_file(classes.ravel())
    return tensors, settings | shape


def label_bytes(classes):
    """Bytes that labels take in a file; None if they cannot be saved."""
    try:
        tensors, settings = labels_to_file(classes)
    except InvalidInput:
        return None
    return sum(tensor.nbytes for tensor in tensors.values()) + len(json.dumps(settings.get("labels", "")).encode()) - 2


def _entries_to_file(entries):
    kind = entries.dtype.kind
    if kind not in "OTU":
        return _as_bytes(entries)
    values = entries.tolist()
    odd = next((value for value in values if not is_plain(value)), None) if kind in "OT" else None
    if odd is not None:
        raise InvalidInput(
            f"label {_brief(odd)} of type {type(odd).__name__} cannot be saved: only str (without pairs of "
            "surrogates), int (below 4000 digits), float, bool and None can; memorize the positions of labels among "
            "the different ones and keep these beside the file, or pickle the network"
        )
    text = _as_utf8(entries, values) if kind != "O" or _TEXT_ALONE.issuperset(map(type, values)) else None
    if text:
        return text
    return _as_bytes(entries) if kind == "U" else ({}, {"label_dtype": kind, "labels": values})


def _as_bytes(entries):
    return {"labels": np.frombuffer(entries.tobytes(), np.uint8)}, {"label_dtype": entries.dtype.str}


def _as_utf8(entries, values):
    """Text as UTF-8 and its lengths, where there is much and it takes less than half of version 1's bytes."""
    kind = entries.dtype.kind
    old = entries.nbytes if kind == "U" else len(json.dumps(values))
    if old <= _MUCH_TEXT:
        return None
    try:
        encoded = [value.encode() for value in values]
    except UnicodeEncodeError:  # half of a pair of surrogates
        return None
    lengths = _least(np.array([len(value) for value in encoded]))
    data = b"".join(encoded)
    no_other = kind != "U" and old > LONGEST_HEADER // 2  # JSON is written into JSON, with more characters
    if not no_other and old <= 2 * (len(data) + lengths.nbytes):
        return None
    dtype = kind if kind in "OT" else entries.dtype.str
    tensors = {"labels": np.frombuffer(data, np.uint8), "label_lengths": lengths}
    return tensors, {"label_dtype": dtype, "labels_as": "utf8"}


def _least(lengths):
    return lengths.astype(np.min_scalar_type(int(lengths.max())))


def labels_from_file(tensors, header):
    """What `labels_to_file` was given; `FormatError` if these are no labels."""
    kind = header["label_dtype"]
    if "labels_as" in header:
        entries = _from_utf8(tensors, header)
    elif kind in ("O", "T"):
        entries = _from_json(header)
    elif _LONG_DOUBLE.fullmatch(kind):
        raise FormatError(
            f"labels are long doubles ({kind}), which other processors write another way: memorize them as float64 or "
            "text; version 0.1 reads the file where it was written"
        )
    elif _LABEL_DTYPE.fullmatch(kind):
        entries = np.frombuffer(tensors["labels"].tobytes(), np.dtype(kind)).copy()
    else:
        raise FormatError(f"labels of dtype {kind!r:.50} are not supported")
    is_missing = len(entries) == 0 and header.get("output") != "value"  # where outputs are labels, there are none
    if is_missing or not _are_values(entries):
        raise FormatError(f"labels are missing, or bytes that are no values of dtype {entries.dtype}")
    return entries if "label_shape" not in header else _as_rows(entries, header["label_shape"])


def _as_rows(entries, shape):
    fits = type(shape) is list and len(shape) == 1 and type(shape[0]) is int and shape[0] > 0
    if not fits or len(entries) % shape[0]:
        raise FormatError("the labels are no rows of their shape")
    return entries.reshape(-1, shape[0])


def _from_json(header):
    kind, values = header["label_dtype"], header["labels"]
    if type(values) is not list or not all(type(v) is str if kind == "T" else is_plain(v) for v in values):
        raise FormatError("labels are not plain values")
    entries = np.empty(len(values), object if kind == "O" else np.dtypes.StringDType())
    entries[:] = values
    return entries


def _from_utf8(tensors, header):
    kind, data, lengths = header["label_dtype"], tensors["labels"].tobytes(), tensors["label_lengths"]
    is_fixed = kind[1:2] == "U" and _LABEL_DTYPE.fullmatch(kind) is not None
    fits = header["labels_as"] == "utf8" and (is_fixed or kind in ("O", "T")) and lengths.ndim == 1 and len(lengths)
    if not fits or lengths.dtype.kind != "u" or lengths.dtype != _least(lengths).dtype:
        raise FormatError("labels are not text with its lengths")
    ends = np.cumsum(lengths, dtype=np.float64)  # which does not overflow
    if ends[-1] != len(data):
        raise FormatError("lengths of labels do not add up to their text")
    ends = ends.astype(np.int64).tolist()
    values = [data[start:stop].decode() for start, stop in zip([0, *ends], ends, strict=False)]
    dtype = np.dtype(kind) if is_fixed else object if kind == "O" else np.dtypes.StringDType()
    if is_fixed:
        need_room(dtype.itemsize * len(values) + 1)
    entries = np.empty(len(values), dtype)
    entries[:] = values
    if is_fixed and entries.tolist() != values:
        raise FormatError(f"labels are longer than their dtype {kind:.50}, or end in zeros")
    return entries


def _are_values(classes):
    """Whether the bytes are values of the dtype, and each equals itself."""
    kind, order = classes.dtype.kind, classes.dtype.str[0]
    if kind == "b":
        return bool(np.all(classes.view(np.uint8) <= 1))
    if kind == "U":
        return bool(np.all(classes.view(f"{order}u4") <= _LARGEST_CHARACTER))
    with np.errstate(invalid="ignore"):
        return kind not in "fcmM" or bool(np.all(classes == classes))


def _brief(value):
    try:
        return f"{value!r:.100}"
    except ValueError:  # an integer that Python does not write as text
        return "too long to print"


def is_plain(value):
    """Whether JSON returns the value as it is."""
    if type(value) is int:
        return value.bit_length() < 13_000  # Python reads no longer integers from text
    if type(value) is str:
        return _TWO_FOR_ONE.search(value) is None
    return value is None or type(value) is bool or (type(value) is float and value == value)
