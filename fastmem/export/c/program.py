"""A network as one C99 file: no allocation, no library, and the answers of `predict` for every input.

The file evaluates the network's shortcut (`fastmem.export.c.lookup`), or its layers, one function each
(`fastmem.export.c.layers`).
"""

import re
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from fastmem.data.options import Output, as_float_dtype, check_option
from fastmem.errors import InvalidInput
from fastmem.export.c import lookup_text, text
from fastmem.export.c.layers import BinaryLayer, FirstLayer, Tables, filled, n_words
from fastmem.export.c.lookup import Lookup
from fastmem.export.guard import check_size, no_such_labels, refuse_rows_of_labels
from fastmem.export.lookup import plan_of
from fastmem.export.rounded import points_to_round, refuse_lost_rows
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
        Threshold units that are evaluated, and their layers: with form="lookup" these are hyperplanes alone.
    layer_bytes : tuple of int
        Tables of each layer, in bytes; with form="lookup" of the first alone: of the hyperplanes that labels are read
        from, and of the code.
    label_bytes : int
        Tables of labels.
    stack_bytes : int
        Local arrays. There is no other memory that is written.
    form : str
        "layers" or "lookup".
    store_bytes, known_bytes : int
        Tables of the store, and of what tells known inputs from others; 0 with form="layers", which counts them among
        the layers.
    """

    n_units: int
    n_layers: int
    layer_bytes: tuple[int, ...]
    label_bytes: int
    stack_bytes: int
    form: str = "layers"
    store_bytes: int = 0
    known_bytes: int = 0

    @property
    def table_bytes(self) -> int:
        """All read-only tables: what they take of a flash memory."""
        return sum(self.layer_bytes) + self.store_bytes + self.known_bytes + self.label_bytes

    def to_dict(self) -> dict[str, Any]:
        """All numbers by name."""
        return asdict(self) | {"table_bytes": self.table_bytes}

    def __str__(self) -> str:
        of_first, of_others = sum(self.layer_bytes[:1]), sum(self.layer_bytes[1:])
        what = f"{self.n_units:,} units in {self.n_layers} layers"
        parts = f"{of_first:,} of the first layer, {of_others:,} of the others"
        if self.form == "lookup":
            what = f"a lookup behind {self.n_units:,} hyperplanes"
            parts = f"{of_first:,} of hyperplanes, {self.store_bytes:,} of the store"
            parts += f", {self.known_bytes:,} for known points" if self.known_bytes else ""
        return (
            f"{what}: {self.table_bytes:,} bytes of read-only tables ({parts}, {self.label_bytes:,} of labels) and "
            f"{self.stack_bytes:,} bytes of local arrays"
        )


def write(net, path, *, form, dtype, output, name, X, unsafe):
    """Write the file that `Network.to_c` describes; returns its `CSize`."""
    if form == "layers":
        net.need_units("a C file of layers")
    dtype, points = as_float_dtype(dtype), points_to_round(net, X)
    check_option("output", output, get_args(Output))
    if not (isinstance(name, str) and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)):
        raise InvalidInput(f"name must be a C identifier, the first part of the functions' names, not {name!r}")
    check_size(net, net.nbytes, _MOST_BYTES, "a C file")
    labels = _Labels(net.classes, output, name)
    if dtype == "float32" and not unsafe:
        refuse_lost_rows(net, points)
    size, lines = (_layers if form == "layers" else _lookup)(net, dtype, labels, name)
    check_size(net, size.table_bytes, _MOST_BYTES, "a C file")
    write_whole(path, "\n".join(lines).encode("ascii"))
    return size


def _layers(net, dtype, labels, name):
    """Sizes and lines of the file of layers."""
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
    return size, _file(net, layers, widest, size, labels, columns, _C_TYPES[dtype], name)


def _lookup(net, dtype, labels, name):
    """Sizes and lines of the file of the shortcut."""
    plan = plan_of(net)
    lookup = Lookup(plan, dtype)
    size = CSize(
        n_units=lookup.n_hyperplanes,
        n_layers=int(lookup.n_hyperplanes > 0),
        layer_bytes=(lookup.sign_bytes,),
        label_bytes=labels.nbytes,
        stack_bytes=lookup.source.stack_bytes,
        form="lookup",
        store_bytes=lookup.store_bytes,
        known_bytes=lookup.known_bytes,
    )
    return size, _lookup_file(net, plan, lookup, size, labels, dtype, name)


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


def _names(net, size, labels, kind, name):
    """What templates of every form take."""
    return {
        "name": name, "kind": kind, "size": size, "of": _origin(net), "last": len(net.classes) - 1,
        "last_column": net.n_features_in - 1, "invalid": f"{name.upper()}_INVALID", "low": labels.low,
        "high": labels.high, "value": labels.value, "returns": labels.returns,
    }  # fmt: skip


def _head(names, known, *, how, many=""):
    """Lines of the comment, and what the file declares."""
    more = many.format(**names) + (text.CONTAINS_HEAD.format(**names) if known else "")
    yield from filled(text.HEAD, **names, more=more, how=how[1:], include="#include <stddef.h>\n" if many else "")
    if many:
        yield f"void {names['name']}_predict_many(const {names['kind']} *X, size_t n, int *labels);"
    if known:
        yield f"int {names['name']}_contains(const {names['kind']} *x);"


def _file(net, layers, widest, size, labels, columns, kind, name):
    """Lines of the file of layers."""
    names = _names(net, size, labels, kind, name) | columns.names | {
        "r": net.units_read.hyperplanes.d, "words": widest, "known": net.n_label_bits,
        "mask": (1 << net.n_label_bits) - 1, "that_is_known": columns.names["that_is_read"],
    }  # fmt: skip
    known = net.fingerprint_bits > 0
    yield from _head(names, known, how=text.HOW)
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


def _lookup_file(net, plan, lookup, size, labels, dtype, name):
    """Lines of the file of the shortcut."""
    kind = _C_TYPES[dtype]
    known = lookup.known is not None
    names = _names(net, size, labels, kind, name) | {
        "that_is_read": "" if plan.signs.columns is None else " that is read",
        "that_is_known": "" if not known or plan.known.signs.columns is None else " that is read for it",
        "infinite": "0x7f800000" if dtype == "float32" else "0x7ff00000", "d": net.n_features_in,
    }  # fmt: skip
    yield from _head(names, known, how=lookup_text.HOW, many=lookup_text.MANY_HEAD)
    yield from ["", *labels.lines, *lookup.source.lines]
    yield from _predict(lookup, names)
    if known:
        yield from _contains(lookup, names)
    yield ""


def _predict(lookup, names):
    """Lines of the functions that return labels."""
    signs, index = lookup.labels, ""
    declared, gather, first = _reading(signs, "read")
    if lookup.classes:
        declared.append(f"    uint32_t signs[{signs.n_words}];")
        index = lookup_text.INDEX[1:].format(first=first, classes=lookup.classes, code=lookup.code)
    return filled(
        lookup_text.PREDICT, **names, declared="\n".join(declared), gather="\n".join(gather), first=first,
        reader=signs.reader, index=index,
    )  # fmt: skip


def _contains(lookup, names):
    """Lines of the function that says whether a point is known."""
    labels, known = lookup.labels, lookup.known
    declared, gather, first = _reading(known, "others_read")
    code = [lookup_text.CODE_OF_ROW[1:].format(first=first)] if lookup.is_hash else []
    if lookup.code_of_labels:
        begin, largest = first, "largest"
        if known.reader != labels.reader:
            more, copy, begin = _reading(labels, "read")
            declared, gather, largest = declared + more, gather + copy, f"{labels.reader}_largest({begin})"
        declared.append(f"    uint32_t signs[{labels.n_words}];")
        code.append(lookup_text.CODE_OF_LABELS[1:].format(first=begin, largest=largest, code=lookup.code_of_labels))
    if lookup.code_of_others:
        declared.append(f"    uint32_t others[{known.n_words}];")
        code.append(lookup_text.CODE_OF_OTHERS[1:].format(first=first, code=lookup.code_of_others))
    return filled(
        lookup_text.CONTAINS, **names, declared="\n".join(declared), gather="\n".join(gather), first=first,
        reader=known.reader, code="\n".join(code), accepts=lookup.accepts, features=lookup.features,
    )  # fmt: skip


def _reading(signs, array):
    """A declaration and a statement, if coordinates are gathered, and the expression of where they begin."""
    if signs.gathers:
        return [f"    coordinate {array}[{signs.d}];"], [f"    {signs.reader}_gather(x, {array});"], array
    return [], [], f"x + {signs.first}" if signs.first else "x"
