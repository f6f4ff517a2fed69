"""Tensors of a safetensors file where they lie, which safetensors itself copies.

What it refuses is refused here: tensors are to follow each other without holes and to have the bytes of their shape.
As there, what else an entry of the header may say is ignored. More than it asks, no key may be there twice.
"""

import itertools
import json
import math

import numpy as np

from fastmem.network.labels import LONGEST_HEADER

__all__ = ["tensors_and_metadata"]

_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4", "I32": "<i4",
    "F32": "<f4", "C64": "<c8", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
_START = 8  # bytes that hold the length of the header


def tensors_and_metadata(data):
    """Tensors by name, views of a file's bytes, and what it says beside them.

    Parameters
    ----------
    data : uint8 array

    Returns
    -------
    tensors : dict
        Those that do not begin where their dtype asks for are copied. None is writeable.
    metadata : dict of str

    Raises
    ------
    ValueError, KeyError, TypeError, RecursionError
        These are no bytes of safetensors.
    """
    length = int.from_bytes(data[:_START].tobytes(), "little")
    _need(len(data) >= _START and length <= min(len(data) - _START, LONGEST_HEADER))
    header = data[_START : _START + length].tobytes().decode()
    entries = json.loads(header, object_pairs_hook=_once, parse_int=_natural, parse_constant=_natural)
    _need(type(entries) is dict and type(entries["__metadata__"]) is dict)
    metadata = entries.pop("__metadata__")
    "".join(itertools.chain.from_iterable(metadata.items())).encode()  # a TypeError or a ValueError unless this is text
    tensors, end, data = {}, 0, data[_START + length :]
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, (start, stop) = np.dtype(_DTYPES[entry["dtype"]]), entry["shape"], entry["data_offsets"]
        _need(all(type(number) is int for number in (*shape, start, stop)))
        _need(start == end and stop - start == math.prod(shape) * dtype.itemsize)
        tensors[name] = _aligned(data[start:stop].view(dtype).reshape(shape))
        end = stop
    _need(end == len(data))
    return tensors, metadata


def _aligned(tensor):
    if not tensor.flags.aligned:  # compiled code reads no other
        tensor = tensor.copy()
        tensor.flags.writeable = False
    return tensor


def _once(pairs):
    _need(len(pairs) == len(dict(pairs)))
    return dict(pairs)


def _natural(digits):
    _need(digits.isdecimal())  # as -0 and NaN are not
    return int(digits)


def _need(holds):
    if not holds:
        raise ValueError("no safetensors")
