"""A network as one C99 file: no allocation, no library, and the answers of `predict` for every input.

The file evaluates the network's own layers, one function each: see `fastmem.export.c.layers`.
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from fastmem.data.options import Output, as_float_dtype, check_option
from fastmem.errors import InvalidInput
from fastmem.export.c import text
from fastmem.export.c.layers import BinaryLayer, FirstLayer, Tables, filled, n_words
from fastmem.export.guard import check_size, memorized_points, no_such_labels, refuse_rows_of_labels
from fastmem.export.rounded import refuse_lost_rows
from fastmem.machine.disk import write_whole

__all__ = ["CSize", "write"]

_C_TYPES = {"float32": "float", "float64": "double"}
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class CSize:
    """What the compiled file takes.

    Attributes
    ----------
    n_units, n_layers : int
        Threshold units and their layers, all of which are evaluated.
    layer_bytes : tuple of int
        Tables of each layer, in bytes.
    label_bytes : int
        Tables of labels.
    stack_bytes : int
        Local arrays. There is no other memory that is written.
    """

    n_units: int
    n_layers: int
    layer_bytes: tuple[int, ...]
    label_bytes: int
    stack_bytes: int

    @property
    def table_bytes(self) -> int:
        """All read-only tables: what they take of a flash memory."""
        return sum(self.layer_bytes) + self.label_bytes

    def to_dict(self) -> dict[str, Any]:
        """All numbers by name."""
        return asdict(self) | {"table_bytes": self.table_bytes}

    def __str__(self) -> str:
        return (
            f"{self.n_units:,} units in {self.n_layers} layers: {self.table_bytes:,} bytes of read-only tables "
            f"({sum(self.layer_bytes[:1]):,} of the first layer, {sum(self.layer_bytes[1:]):,} of the others, "
            f"{self.label_bytes:,} of labels) and {self.stack_bytes:,} bytes of local arrays"
        )


def write(net, path, *, dtype, output, name, X, unsafe):
    """Write the file that `Network.to_c` describes; returns its `CSize`."""
    net.need_units("a C file")
    dtype, points = as_float_dtype(dtype), memorized_points(net, X)
    check_option("output", output, get_args(Output))
    if not (isinstance(name, str) and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)):
        raise InvalidInput(f"name must be a C identifier, the first part of the functions' names, not {name!r}")
    check_size(net, net.nbytes, _MOST_BYTES, "a C file")
    labels = _Labels(net.classes, output, name)
    if dtype == "float32" and not unsafe:
        refuse_lost_rows(net, points)
    layers = []
    if net.layers:
        layers.append(FirstLayer(net.units_read.hyperplanes, dtype))
        layers += [BinaryLayer(layer, position) for position, layer in enumerate(net.layers[1:], 2)]
    columns = _Columns(net.units_read.reading, name)
    widest = max((n_words(layer.n_units) for layer in layers), default=0)
    size = CSize(
        n_units=net.n_neurons,
        n_layers=len(layers),
        layer_bytes=tuple(layer.tables.nbytes + (columns.nbytes if i == 0 else 0) for i, layer in enumerate(layers)),
        label_bytes=labels.nbytes,
        stack_bytes=8 * widest
        + max((layer.stack_bytes for layer in layers), default=0)
        + columns.n_copied * np.dtype(dtype).itemsize,
    )
    check_size(net, size.table_bytes, _MOST_BYTES, "a C file")
    lines = _file(net, layers, widest, size, labels, columns, _C_TYPES[dtype], name)
    write_whole(path, "\n".join(lines).encode("ascii"))
    return size


# Labels, and the file


class _Labels:
    """What is returned for a class index."""

    def __init__(self, classes, output, name):
        self.tables = Tables("class")
        self.lines, self.nbytes = [], 0
        if output == "index":
            self.low, self.high = 0, len(classes) - 1
            self.value, self.returns = "index", "class index"
            self._name_classes(classes, name)
            return
        refuse_rows_of_labels("C code", classes)
        integers = classes.dtype.kind in "biu"
        if not integers or int(classes.min()) <= -(2**31) or int(classes.max()) >= 2**31:
            raise no_such_labels("C code", classes.dtype, ", which are not all integers within 2^31")
        self.returns = "label"
        values = classes.astype(np.int64)
        self.low, self.high = int(values.min()), int(values.max())
        self.value = self.tables.add("labels", values, "index")
        self.lines, self.nbytes = self.tables.lines, self.tables.nbytes

    def _name_classes(self, classes, name):
        """A table of the classes' names, where these are text."""
        names = classes.tolist()
        if not all(isinstance(label, (str, bytes)) for label in names):
            return
        names = [label.encode("utf-8", "surrogatepass") if isinstance(label, str) else label for label in names]
        self.lines = [f"const char *const {name}_classes[{len(names)}] = {{", *map(_literal, names), "};"]
        self.nbytes = sum(len(label) + 1 for label in names) + 8 * len(names)


def _literal(text):
    """A line with a C string of these bytes; "?" could begin a trigraph."""
    plain = set(range(32, 127)) - set(b'"\\?')
    return '    "' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text) + '",'


def _origin(net):
    """What a network was made from."""
    d, c = net.n_features_in, len(net.classes)
    return f"that memorizes {net.n_points} points of R^{d} with {c} classes" if net.n_points else f"of {d} inputs"


class _Columns:
    """The coordinates that are read: all, neighbours in place, or some that are copied."""

    def __init__(self, reading, name):
        self.lines, self.nbytes, self.n_copied = [], 0, 0
        self.first = "x"
        self.names = {"read": "", "coordinate": "x[i]", "end": "", "that_is_read": ""}
        if reading is None:
            return
        self.names["that_is_read"] = " that is read"
        if reading.are_neighbours:
            begin = int(reading.columns[0])
            self.first = f"x + {begin}" if begin else "x"
            self.names["coordinate"] = f"x[i + {begin}]" if begin else "x[i]"
            return
        tables = Tables("coordinates")
        column = tables.add("read", reading.columns, "i")
        self.lines, self.nbytes, self.n_copied = tables.lines, tables.nbytes, len(reading.columns)
        self.first = "read"
        self.names |= {"read": f" {{\n        read[i] = x[{column}];", "coordinate": "read[i]", "end": "\n    }"}


def _file(net, layers, widest, size, labels, columns, kind, name):
    """Lines of the whole file."""
    names = {
        "name": name, "kind": kind, "size": size,
        "of": _origin(net), "r": net.units_read.hyperplanes.d, **columns.names, "last": len(net.classes) - 1,
        "last_column": net.n_features_in - 1,
        "invalid": f"{name.upper()}_INVALID", "low": labels.low, "high": labels.high, "value": labels.value,
        "returns": labels.returns, "words": widest, "known": net.n_label_bits, "mask": (1 << net.n_label_bits) - 1,
    }  # fmt: skip
    known = net.fingerprint_bits > 0
    yield from filled(text.HEAD, **names, contains=text.CONTAINS_HEAD.format(**names) if known else "")
    if known:
        yield f"int {name}_contains(const {kind} *x);"
    yield from ["", *labels.lines, *columns.lines]
    if any(layer.has_runs for layer in layers):
        yield from filled(text.ONES)
    for position, (layer, stage) in enumerate(zip(layers, net.stages, strict=True), 1):
        stage = re.sub("[^A-Za-z0-9 ,.-]", " ", stage)
        yield from ["", f"/* Layer {position}, {stage}: {layer.n_units} units. */", *layer.code()]
    buffers = [columns.first, *["first", "second"] * len(layers)][: len(layers) + 1]
    calls = [f"    layer_{i + 1}({buffers[i]}, {buffers[i + 1]});" for i in range(len(layers))]
    declared = [f"    uint32_t {buffer}[{widest}];" for buffer in buffers[1:3]]
    result = f"{buffers[-1]}[0]" if layers else "0"
    declared += [f"    coordinate read[{columns.n_copied}];"] if columns.n_copied else []
    calls, declared = "\n".join(calls), "\n".join(declared)
    yield from filled(text.OUTPUTS, **names, calls=calls, declared=declared, result=result)
    yield from filled(text.PREDICT, **names)
    if known:
        yield from filled(text.CONTAINS, **names)
    yield ""
