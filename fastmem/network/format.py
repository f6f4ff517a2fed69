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

import numpy as np

from fastmem.errors import FormatError, InvalidInput
from fastmem.machine.disk import write_whole
from fastmem.machine.memory import need_room
from fastmem.network.labels import LONGEST_HEADER, is_plain, labels_to_file
from fastmem.network.views import tensors_and_metadata

__all__ = ["FORMAT_VERSION", "are_feature_names", "is_text", "read", "save", "to_bytes", "version_of"]

FORMAT_VERSION = 2
_NEW_IN_2 = {
    "construction_options", "feature_names", "kind", "label_shape", "labels_as", "n_features", "recognition",
}  # fmt: skip
_KEY = "fastmem"
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
    odd = next((name for name in settings.get("feature_names", ()) if not is_plain(name)), None)
    if odd is not None:
        raise InvalidInput(f"JSON changes the name of column {odd!r:.100}: give it another one, or pickle the network")
    settings |= label_settings
    header = {"format_version": version_of(settings), **settings}
    header["sha256"] = _checksum(tensors, header)
    return _to_bytes(tensors, json.dumps(header, sort_keys=True))


def version_of(settings):
    """The lowest version that holds a network with these settings."""
    return 1 if _NEW_IN_2.isdisjoint(settings) else 2


def are_feature_names(names, d):
    """Whether these are d different strings that a file gives back as they are."""
    return (
        type(names) is list
        and len(names) == len({*map(str, names)}) == d
        and all(type(name) is str and is_plain(name) for name in names)
    )


def _to_bytes(tensors, text):
    from safetensors import SafetensorError
    from safetensors.numpy import save as as_safetensors

    need_room(3 * (sum(array.nbytes for array in tensors.values()) + 2 * len(text)) + _ROOM)
    with contextlib.suppress(SafetensorError):  # a header that is too long, or else, in older versions, no error
        data = as_safetensors(tensors, {_KEY: text})
        if int.from_bytes(data[:8], "little") <= LONGEST_HEADER:
            return data
    raise InvalidInput(
        f"settings and labels take more than {LONGEST_HEADER:,} bytes as text, which no reader takes: memorize the "
        "positions of labels among the different ones and keep these beside the file, or pickle the network"
    )


def read(data):
    """Tensors and header of a file's bytes; `FormatError` unless they are whole and of a version that is known.

    Of an array of bytes, as `fastmem.machine.mapping` gives it, the tensors are views.
    """
    from safetensors import SafetensorError

    try:
        tensors, metadata = _copied(data) if isinstance(data, bytes) else tensors_and_metadata(data)
        header = json.loads(metadata[_KEY])
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


def _copied(data):
    from safetensors.numpy import load as from_bytes

    need_room(2 * len(data) + _ROOM)
    tensors = from_bytes(data)
    length = int.from_bytes(data[:8], "little")
    return tensors, json.loads(data[8 : 8 + length])["__metadata__"]


def _checksum(tensors, header):
    import hashlib  # slow to import

    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def is_text(value):
    """Whether this is a line that can be printed, in any file and on any terminal."""
    return type(value) is str and value.isprintable()
