"""The file format of networks: safetensors, with a JSON header and a checksum.

The parameters are stored under their names (`Network.parameters`). The safetensors metadata holds one
key, "fastmem", with a JSON object: format version, construction, counts, label dtype, and the SHA-256 of the
settings and of every tensor's name, dtype, shape and bytes. docs/format.md says it all. A network is known here by its
parameters and classes only.
"""

import contextlib
import errno
import json
import os
import re

import numpy as np

from fastmem.errors import FormatError, InvalidInput
from fastmem.machine.disk import write_whole
from fastmem.machine.memory import need_room

__all__ = [
    "FORMAT_VERSION", "are_feature_names", "is_text", "labels_from_file", "labels_to_file", "read", "save",
    "to_bytes", "version_of",
]  # fmt: skip

FORMAT_VERSION = 2
_KEY = "fastmem"
_LABEL_DTYPE = re.compile(r"[<>|][biufcmMSU][0-9]+(\[[0-9]*[A-Za-z]+\])?")
_LARGEST_CHARACTER = 0x10FFFF
_TWO_FOR_ONE = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # surrogates that JSON reads as one character
_LONGEST_HEADER = 10**8  # bytes, the most that safetensors reads
_ROOM = 2**22  # bytes that safetensors takes besides its copies of the tensors, and more


def save(network, path):
    """Write a network; see `Network.save`."""
    data = to_bytes(network)
    if isinstance(path, (str, bytes, os.PathLike)) or not hasattr(path, "write"):
        write_whole(path, data)
        return
    rest = memoryview(data)
    while len(rest):  # a file without a buffer takes as much as it likes
        try:
            taken = path.write(rest)
        except TypeError:
            raise InvalidInput("the file takes no bytes: open it with mode 'wb'") from None
        if taken == 0:
            raise OSError(errno.EIO, "The file takes no more bytes")
        rest = rest[len(rest) if taken is None else taken :]


def to_bytes(network):
    """The bytes of a network's file; see `Network.to_bytes`."""
    tensors, settings = network.parameters()
    label_tensors, label_settings = labels_to_file(network.classes)
    tensors = {name: np.ascontiguousarray(array) for name, array in (tensors | label_tensors).items()}
    odd = next((name for name in settings.get("feature_names", ()) if not _is_plain(name)), None)
    if odd is not None:
        raise InvalidInput(f"JSON changes the name of column {odd!r:.100}: give it another one, or pickle the network")
    header = {"format_version": version_of(settings), **settings, **label_settings}
    header["sha256"] = _checksum(tensors, header)
    return _to_bytes(tensors, json.dumps(header, sort_keys=True))


def version_of(settings):
    """The lowest version that holds a network with these settings: 2 with names of columns."""
    return 2 if "feature_names" in settings else 1


def are_feature_names(names, d):
    """Whether these are d different strings that a file gives back as they are."""
    return (
        type(names) is list
        and len(names) == len({*map(str, names)}) == d
        and all(type(name) is str and _is_plain(name) for name in names)
    )


def _to_bytes(tensors, text):
    from safetensors import SafetensorError
    from safetensors.numpy import save as as_safetensors

    need_room(3 * (sum(array.nbytes for array in tensors.values()) + 2 * len(text)) + _ROOM)
    with contextlib.suppress(SafetensorError):  # a header that is too long, or else, in older versions, no error
        data = as_safetensors(tensors, {_KEY: text})
        if int.from_bytes(data[:8], "little") <= _LONGEST_HEADER:
            return data
    raise InvalidInput(
        f"settings and labels take more than {_LONGEST_HEADER:,} bytes as text, which no reader takes: memorize text "
        "as fixed-width strings, y.astype(str), or integers and keep the labels beside the file, or pickle the network"
    )


def read(data):
    """Tensors and header of a file's bytes; `FormatError` unless they are whole and of a version that is known."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    need_room(2 * len(data) + _ROOM)
    try:
        tensors = from_bytes(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError("not a fastmem network, or truncated or damaged") from error
    version = header.get("format_version") if isinstance(header, dict) else None
    if type(version) is not int or version < 1:
        raise FormatError("not a fastmem network: it names no format version")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"written in format {version}, but this version of fastmem reads up to {FORMAT_VERSION}: upgrade fastmem"
        )
    expected = header.pop("sha256", None)
    try:
        same = expected == _checksum(tensors, header)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"the parameters do not form a network: {error}") from error
    if not same:
        raise FormatError("the checksum does not match: the file is damaged")
    return tensors, header


def _checksum(tensors, header):
    import hashlib  # slow to import

    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def labels_to_file(classes):
    """Labels as raw bytes and a dtype, or strings and Python objects as JSON."""
    if classes.dtype.kind not in "OT":
        return {"labels": np.frombuffer(classes.tobytes(), np.uint8)}, {"label_dtype": classes.dtype.str}
    values = classes.tolist()
    odd = next((value for value in values if not _is_plain(value)), None)
    if odd is not None:
        raise InvalidInput(
            f"label {_brief(odd)} of type {type(odd).__name__} cannot be saved: only str (without pairs of "
            "surrogates), int (below 4000 digits), float, bool and None can; memorize integers and keep the objects "
            "beside the file, or pickle the network"
        )
    return {}, {"label_dtype": classes.dtype.kind, "labels": values}


def labels_from_file(tensors, header):
    """What `labels_to_file` was given; `FormatError` if these are no labels."""
    kind = header["label_dtype"]
    if kind in ("O", "T"):
        values = header["labels"]
        if type(values) is not list or not all(type(v) is str if kind == "T" else _is_plain(v) for v in values):
            raise FormatError("labels are not plain values")
        classes = np.empty(len(values), object if kind == "O" else np.dtypes.StringDType())
        classes[:] = values
    elif _LABEL_DTYPE.fullmatch(kind):
        classes = np.frombuffer(tensors["labels"].tobytes(), np.dtype(kind)).copy()
    else:
        raise FormatError(f"labels of dtype {kind!r:.50} are not supported")
    if len(classes) == 0 or not _are_values(classes):
        raise FormatError(f"labels are missing, or bytes that are no values of dtype {classes.dtype}")
    return classes


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


def _is_plain(value):
    """Whether JSON returns the value as it is."""
    if type(value) is int:
        return value.bit_length() < 13_000  # Python reads no longer integers from text
    if type(value) is str:
        return _TWO_FOR_ONE.search(value) is None
    return value is None or type(value) is bool or (type(value) is float and value == value)


def is_text(value):
    """Whether this is a line that can be printed, in any file and on any terminal."""
    return type(value) is str and value.isprintable()
