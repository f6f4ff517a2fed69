"""Networks in files: safetensors, with a JSON header and a checksum, written whole or not at all.

The parameters are stored under their names (`EncodedNetwork.parameters`). The safetensors metadata holds one
key, "fastmem", with a JSON object: format version, version of the writer, construction, counts, label dtype,
and the SHA-256 of the settings and of every tensor's name, dtype, shape and bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile

import numpy as np

from fastmem.encoder import MAX_BITS
from fastmem.errors import FastmemError, FormatError, InvalidInput
from fastmem.network import EncodedNetwork
from fastmem.store import STORES

__all__ = ["FORMAT_VERSION", "load", "save"]

FORMAT_VERSION = 1
_KEY = "fastmem"
_DTYPES = {
    "weights": ("float32", 2),
    "thresholds": ("float64", 1),
    "centre": ("float32", 1),
    "exponents": ("int16", 1),
    "columns": ("uint64", 1),
}


def save(network, path):
    """Write a network; see `EncodedNetwork.save`."""
    from safetensors.numpy import save as to_bytes

    tensors, settings = network.parameters()
    label_tensors, label_settings = _labels_to_file(network.classes)
    tensors = {name: np.ascontiguousarray(array) for name, array in (tensors | label_tensors).items()}
    header = {"format_version": FORMAT_VERSION, **settings, **label_settings}
    header["sha256"] = _checksum(tensors, header)
    _write_whole(path, to_bytes(tensors, {_KEY: json.dumps(header, sort_keys=True)}))


def load(path: str | os.PathLike[str]) -> EncodedNetwork:
    """Read a network written by `EncodedNetwork.save`.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    EncodedNetwork
        Equal to the one saved.

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

    try:
        tensors = from_bytes(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError("not a fastmem network, or truncated or damaged") from error
    version = header.get("format_version") if isinstance(header, dict) else None
    if not isinstance(version, int):
        raise FormatError("not a fastmem network: it names no format version")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"written in format {version}, but this version of fastmem reads up to {FORMAT_VERSION}: upgrade fastmem"
        )
    expected = header.pop("sha256", None)
    if expected != _checksum(tensors, header):
        raise FormatError("the checksum does not match: the file is damaged")
    try:
        _check(tensors, header)
        classes = _labels_from_file(tensors, header)
        return EncodedNetwork.from_parameters(tensors, header, classes)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, FastmemError):
            raise
        raise FormatError(f"the parameters do not form a network: {error}") from error


def _check(tensors, header):
    """Raise an error unless the parameters fit each other, so that no kernel reads out of bounds."""
    for name, (dtype, ndim) in _DTYPES.items():
        if name in tensors and (tensors[name].dtype != dtype or tensors[name].ndim != ndim):
            raise FormatError(f"{name} is not a {ndim}-dimensional array of {dtype}")
    m, d = tensors["weights"].shape
    n_bits = header["n_bits"]
    fits = (
        d > 0
        and tensors["thresholds"].shape == (m,)
        and tensors["centre"].shape == tensors["exponents"].shape == (d,)
        and 0 <= n_bits <= MAX_BITS
        and header["n_points"] >= header["n_told_apart"] > 0
        and header["store"] in STORES
        and all(np.isfinite(tensors[name]).all() for name in ("weights", "thresholds", "centre"))
    )
    if "columns" in tensors:
        fits = fits and tensors["columns"].shape == (m,) and not (tensors["columns"] >> np.uint64(n_bits)).any()
    else:
        fits = fits and n_bits == m
    if not fits:
        raise FormatError("hyperplanes, code and store do not fit each other")


def _checksum(tensors, header):
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _labels_to_file(classes):
    """Labels as raw bytes and a dtype, or Python objects as JSON."""
    if classes.dtype.kind == "O":
        values = classes.tolist()
        odd = next((v for v in values if not (v is None or type(v) in (bool, int, float, str))), None)
        if odd is not None:
            raise InvalidInput(
                f"label {odd!r} of type {type(odd).__name__} cannot be saved: only str, int, float, bool and None "
                "are; memorize integers and keep the objects beside the file, or pickle the network"
            )
        return {}, {"label_dtype": "O", "labels": values}
    return {"labels": np.frombuffer(classes.tobytes(), np.uint8)}, {"label_dtype": classes.dtype.str}


def _labels_from_file(tensors, header):
    if header["label_dtype"] == "O":
        classes = np.empty(len(header["labels"]), object)
        classes[:] = header["labels"]
    else:
        classes = np.frombuffer(tensors["labels"].tobytes(), np.dtype(header["label_dtype"])).copy()
    if classes.dtype.kind not in "biufcmMUSO" or len(classes) == 0:
        raise FormatError(f"labels of dtype {classes.dtype} are not supported")
    return classes


def _write_whole(path, data):
    """Write to a temporary file beside `path`, flush it to disk, and rename it over `path`."""
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if os.name == "posix":
        folder_handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(folder_handle)
        finally:
            os.close(folder_handle)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
