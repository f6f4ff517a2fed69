"""Networks from files: what `fastmem.network.format` reads, checked part by part, as the network that was saved."""

from __future__ import annotations

import json
import os
from typing import BinaryIO, get_args

import numpy as np

from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.options import Separate, own_options
from fastmem.errors import FormatError, InvalidInput
from fastmem.hyperplanes.frame import MAX_EXPONENT
from fastmem.hyperplanes.hyperplanes import MAX_COLUMNS
from fastmem.machine.mapping import mapped
from fastmem.network import Network
from fastmem.network.base import GIVEN
from fastmem.network.format import FORMAT_VERSION, are_feature_names, read, version_of
from fastmem.network.labels import labels_from_file, labels_to_file

__all__ = ["FORMAT_VERSION", "from_bytes", "load"]

_DTYPES = {
    "weights": ("float32", 2),
    "thresholds": ("float64", 1),
    "centre": ("float64", 1),
    "exponents": ("int16", 1),
    "columns": ("uint64", 1),
    "labels": ("uint8", 1),
}
_MOST_POINTS = 2**53  # what every JSON reader holds


def load(path: str | os.PathLike[str] | BinaryIO, *, mmap: bool = False) -> Network:
    """Read a network written by `Network.save`.

    Parameters
    ----------
    path : str, os.PathLike or binary file
        A file that is open for reading is read to its end, from where it stands.
    mmap : bool
        Leave the tables in the file, which is mapped into memory and read once to be checked: all processes that load
        it share them in the system's cache of files. Of its own a process has what is derived: labels, the int32
        classes of an integer store, layers of a network that consists of them, and what finds the row of a table.

    Returns
    -------
    Network
        Equal to the one saved: an `EncodedNetwork` or a `LayeredNetwork`.

    Raises
    ------
    FormatError
        The file is truncated, damaged, not a fastmem network, or written by a newer version.
    InvalidInput
        The file is open for text; or it is to be mapped, and is open already, or a pipe or a device.
    OSError
        The file cannot be read.

    Notes
    -----
    With ``mmap=True`` the file must stay as it is while the network or an array of it is there. `Network.save`, and all
    that write a new file and rename it, do no harm: the map is of the old one. If a program writes into the file, there
    may be any answer, and if it makes the file shorter, reading may end the process with a bus error. (`Network.save`
    writes into a file that it cannot rename onto, as a mount point.) Windows lets nobody replace or remove a file while
    it is mapped. A network that is pickled or deeply copied holds its arrays itself.
    """
    if hasattr(path, "read") and not isinstance(path, os.PathLike):
        if mmap:
            raise InvalidInput("mmap=True needs the path of a file, not an open one")
        name, data = getattr(path, "name", None), path.read()
        name = name if isinstance(name, str) else "the open file"
        if not isinstance(data, bytes):
            raise InvalidInput(f"{name} gives {type(data).__name__}, not bytes: open it with mode 'rb'")
    else:
        with open(path, "rb") as file:
            name, data = os.fspath(path), mapped(file) if mmap else file.read()
    try:
        return _parse(data)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error.__cause__


def from_bytes(data: bytes | bytearray | memoryview) -> Network:
    """Make a network of the bytes that `Network.to_bytes` gave, or that a file of `Network.save` holds.

    Parameters
    ----------
    data : bytes, bytearray or memoryview

    Returns
    -------
    Network
        Equal to the one written: an `EncodedNetwork` or a `LayeredNetwork`.

    Raises
    ------
    FormatError
        The bytes are truncated, damaged, no fastmem network, or written by a newer version.
    InvalidInput
        `data` are no bytes.

    Examples
    --------
    >>> import fastmem
    >>> net = fastmem.memorize([[0.0], [1.0], [2.0]], ["a", "b", "a"], random_state=0)
    >>> fastmem.from_bytes(net.to_bytes()).predict([[1.0]])
    array(['b'], dtype='<U1')
    """
    try:
        data = bytes(memoryview(data))
    except TypeError:
        raise InvalidInput(f"data must be bytes, not {type(data).__name__}; load(path) reads a file") from None
    return _parse(data)


def _parse(data):
    tensors, header = read(data)
    try:
        _check(tensors, header)
        network = Network.from_parameters(tensors, header, labels_from_file(tensors, header))
        _refuse_more(network, tensors, header)
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"the parameters do not form a network: {error}") from error
    return network


def _refuse_more(network, tensors, header):
    """Raise an error if the file holds parameters that the network has not, or other settings than it would write."""
    parameters, settings = network.parameters()
    label_tensors, label_settings = labels_to_file(network.classes)
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
    m, r = tensors["weights"].shape
    d = header.get("n_features", r)
    fits = (
        0 < r <= d
        and ("n_features" not in header or d <= MAX_COLUMNS)
        and ("n_features" in header) == ("columns_read" in tensors)
        and tensors["thresholds"].shape[0] >= m
        and ("n_features" in header or len(tensors["thresholds"]) == m)
        and tensors["centre"].shape == tensors["exponents"].shape == (len(tensors.get("columns_read", range(r))),)
        and _MOST_POINTS > header["n_points"] >= header["n_told_apart"] >= (header["construction"] != GIVEN)
        and header["separate"] in get_args(Separate)
        and all(float.fromhex(header[name]) >= 0 for name in ("smallest_distance", "largest_norm"))
        and _construction_fits(header)
        and type(header["fits_float32"]) is bool
        and header["format_version"] == version_of(header)
        and ("feature_names" not in header or are_feature_names(header["feature_names"], d))
        and bool(np.all(np.abs(tensors["exponents"].astype(np.int32)) <= MAX_EXPONENT))
        and all(np.isfinite(tensors[name]).all() for name in ("weights", "thresholds", "centre"))
    )
    if not fits:
        raise FormatError("the parts of the network do not fit each other")


def _construction_fits(header):
    """Whether the construction has such a store, and draws at random what the file says was drawn."""
    store, drawn = header.get("store"), header["drawn"]
    if header["construction"] == GIVEN:
        return store is None and drawn == {} and "construction_options" not in header
    construction = CONSTRUCTIONS[header["construction"]]
    return (
        store in construction.STORES
        and construction.drawn_fits(drawn, header["n_told_apart"])
        and _own_options_fit(header["construction"], header.get("construction_options", {}))
    )


def _own_options_fit(name, options):
    """Whether these are values of all options that a construction alone takes, as they are kept."""
    own = CONSTRUCTIONS[name].OWN_OPTIONS
    try:
        return type(options) is dict and options.keys() == own.keys() and own_options(name, own, options) == options
    except InvalidInput:
        return False
