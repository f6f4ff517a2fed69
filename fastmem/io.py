"""Networks in files: safetensors, with a JSON header and a checksum, written whole or not at all.

The parameters are stored under their names (`Network.parameters`). The safetensors metadata holds one
key, "fastmem", with a JSON object: format version, construction, counts, label dtype, and the SHA-256 of the
settings and of every tensor's name, dtype, shape and bytes. docs/format.md says it all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets

import numpy as np

from fastmem.encoder import MAX_BITS, MAX_EXPONENT
from fastmem.errors import FormatError, InvalidInput
from fastmem.network import GIVEN, Network
from fastmem.room import need_room
from fastmem.store import STORES, BlockStore

__all__ = ["FORMAT_VERSION", "load", "save", "write_whole", "writing_whole"]

FORMAT_VERSION = 1
_KEY = "fastmem"
_DTYPES = {
    "weights": ("float32", 2),
    "thresholds": ("float64", 1),
    "centre": ("float64", 1),
    "exponents": ("int16", 1),
    "columns": ("uint64", 1),
    "labels": ("uint8", 1),
}
_STORES_OF = {"compact": tuple(STORES), "rajput2021": (BlockStore.name,), "baum1988": (None,), GIVEN: (None,)}
_MOST_POINTS = 2**53  # what every JSON reader holds
_LEAST_DELTA = 2.0**-60  # no machine holds the hyperplanes that are drawn for less, and one point needs none
_LABEL_DTYPE = re.compile(r"[<>|][biufcmMSU][0-9]+(\[[0-9]*[A-Za-z]+\])?")
_LARGEST_CHARACTER = 0x10FFFF
_TWO_FOR_ONE = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # surrogates that JSON reads as one character
_LONGEST_HEADER = 10**8  # bytes, the most that safetensors reads
_ROOM = 2**22  # bytes that safetensors takes besides its copies of the tensors, and more


def save(network, path):
    """Write a network; see `Network.save`."""
    tensors, settings = network.parameters()
    label_tensors, label_settings = _labels_to_file(network.classes)
    tensors = {name: np.ascontiguousarray(array) for name, array in (tensors | label_tensors).items()}
    header = {"format_version": FORMAT_VERSION, **settings, **label_settings}
    header["sha256"] = _checksum(tensors, header)
    write_whole(path, _to_bytes(tensors, json.dumps(header, sort_keys=True)))


def _to_bytes(tensors, text):
    from safetensors import SafetensorError
    from safetensors.numpy import save as to_bytes

    need_room(3 * (sum(array.nbytes for array in tensors.values()) + 2 * len(text)) + _ROOM)
    with contextlib.suppress(SafetensorError):  # a header that is too long, or else, in older versions, no error
        data = to_bytes(tensors, {_KEY: text})
        if int.from_bytes(data[:8], "little") <= _LONGEST_HEADER:
            return data
    raise InvalidInput(
        f"settings and labels take more than {_LONGEST_HEADER:,} bytes as text, which no reader takes: memorize text "
        "as fixed-width strings, y.astype(str), or integers and keep the labels beside the file, or pickle the network"
    )


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network written by `Network.save`.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    Network
        Equal to the one saved: an `EncodedNetwork` or a `LayeredNetwork`.

    Raises
    ------
    FormatError
        The file is truncated, damaged, not a fastmem network, or written by a newer version.
    OSError
        The file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return _parse(data)
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from error.__cause__


def _parse(data):
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
        if expected != _checksum(tensors, header):
            raise FormatError("the checksum does not match: the file is damaged")
        _check(tensors, header)
        network = Network.from_parameters(tensors, header, _labels_from_file(tensors, header))
        _refuse_more(network, tensors, header)
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"the parameters do not form a network: {error}") from error
    return network


def _refuse_more(network, tensors, header):
    """Raise an error if the file holds parameters that the network has not, or other settings than it would write."""
    parameters, settings = network.parameters()
    label_tensors, label_settings = _labels_to_file(network.classes)
    foreign = sorted(tensors.keys() - parameters.keys() - label_tensors.keys())
    if foreign:
        raise FormatError(f"these parameters belong to no part of the network: {', '.join(foreign)}")
    settings = {"format_version": header["format_version"], **settings, **label_settings}
    if json.dumps(settings, sort_keys=True) != json.dumps(header, sort_keys=True):
        raise FormatError("the settings are not those of the network")


def _check(tensors, header):
    """Raise an error unless the parameters fit each other, so that no kernel reads out of bounds."""
    for name, (dtype, ndim) in _DTYPES.items():
        if name in tensors and (tensors[name].dtype != dtype or tensors[name].ndim != ndim):
            raise FormatError(f"{name} is not a {ndim}-dimensional array of {dtype}")
    m, d = tensors["weights"].shape
    fits = (
        d > 0
        and tensors["thresholds"].shape == (m,)
        and tensors["centre"].shape == tensors["exponents"].shape == (d,)
        and _MOST_POINTS > header["n_points"] >= header["n_told_apart"] >= (header["construction"] != GIVEN)
        and header["separate"] in ("labels", "all")
        and all(float.fromhex(header[name]) >= 0 for name in ("smallest_distance", "largest_norm"))
        and header.get("store") in _STORES_OF[header["construction"]]
        and type(header["fits_float32"]) is bool
        and _is_drawn(header["drawn"], header["construction"], header["n_told_apart"])
        and bool(np.all(np.abs(tensors["exponents"].astype(np.int32)) <= MAX_EXPONENT))
        and all(np.isfinite(tensors[name]).all() for name in ("weights", "thresholds", "centre"))
    )
    if not fits or not (_encoded_fits if "store" in header else _layered_fits)(tensors, header, m):
        raise FormatError("the parts of the network do not fit each other")


def _is_drawn(drawn, construction, n_told_apart):
    """Whether these are a delta and two counts, or nothing where a construction draws nothing."""
    if drawn == {}:
        return construction != "rajput2021"
    return (
        type(drawn) is dict
        and drawn.keys() == {"delta", "hyperplanes", "codes"}
        and type(drawn["delta"]) is float
        and 0 < drawn["delta"] <= 2
        and (n_told_apart == 1 or drawn["delta"] >= _LEAST_DELTA)
        and all(type(drawn[name]) is int and 0 < drawn[name] < _MOST_POINTS for name in ("hyperplanes", "codes"))
    )


def _encoded_fits(tensors, header, m):
    n_bits = header["n_bits"]
    if "columns" in tensors:
        fits = m > 0 and n_bits > 0 and tensors["columns"].shape == (m,)
        fits = fits and not (tensors["columns"] >> np.uint64(n_bits)).any()
    else:
        fits = n_bits == m
    return (
        fits
        and 0 <= n_bits <= MAX_BITS
        and _is_text(header["store_reason"])
        and re.fullmatch("([0-9a-f]{64})?", header["codes_digest"]) is not None
    )


def _layered_fits(tensors, header, m):
    stages, n_layers = header["stages"], header["n_layers"]
    return (
        type(n_layers) is int
        and 0 <= n_layers <= len(tensors)
        and (n_layers > 0) == (m > 0)
        and type(stages) is list
        and len(stages) in (0, n_layers)
        and all(map(_is_text, stages))
    )


def _is_text(value):
    """Whether this is a line that can be printed, in any file and on any terminal."""
    return type(value) is str and value.isprintable()


def _checksum(tensors, header):
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _labels_to_file(classes):
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


def _labels_from_file(tensors, header):
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


def write_whole(path, data):
    """Write bytes to a file, whole or not at all, as `writing_whole` does.

    Raises
    ------
    OSError
        It names `path`; an older file there is as it was.
    """
    with writing_whole(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing_whole(path):
    """Context that yields a binary file to write; at its end the file is at `path`, or, after an error, nowhere.

    It is written beside `path` under another name, to disk, and renamed. A link to a file stays a link, and what is
    no file, as a device or a pipe, is refused. A process that is killed leaves the other file, named .*.tmp.

    Raises
    ------
    OSError
        It names `path`; an older file there is as it was.
    """
    path = os.path.abspath(os.fspath(path))
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError(errno.EINVAL, "Not a regular file, so it cannot be written whole", path)
    temporary = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, path) from error
        raise
    if os.name == "posix":  # the rename too; the file is whole without it, and some file systems refuse
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(target), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
