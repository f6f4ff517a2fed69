"""A network as one JavaScript module: its shortcut, and the answers of `predict` for every input.

The module is written from the network's plan alone (`fastmem.export.lookup`). Each part is a call of the function of
the same name in `fastmem.export.js.text`; tables lie one after the other in a string in base64. What follows from
little is made when the module is loaded: the index of ranges from their starts, and tables of four or eight bits of a
code from those of one bit, since the start of a window is a sum modulo two over the bits of the code, and the count of
a feature a sum.
"""

import base64
import json
from typing import get_args

import numpy as np

from fastmem.data.options import Output, as_float_dtype, check_option
from fastmem.errors import InvalidInput
from fastmem.export import lookup
from fastmem.export.guard import check_size, no_such_labels, refuse_rows_of_labels
from fastmem.export.js import text
from fastmem.export.rounded import points_to_round, refuse_lost_rows
from fastmem.machine.disk import write_whole

__all__ = ["write"]

_WHAT = "a JavaScript module"
_MOST_BYTES = 2**28
_MOST_PLANES, _MOST_DEPTH = 32, 53  # bits of an integer operation, and of an integer
_MOST_INTEGER = 2**53
_MOST_INT32 = 2**31
_FEW_LABELS = 32
_SPARSE = 0.5  # share of weights that are not 0, below which they are added up one by one
_WIDTH = 120
_KINDS = {
    "u1": "Uint8Array", "u2": "Uint16Array", "i1": "Int8Array", "i2": "Int16Array", "i4": "Int32Array",
    "f4": "Float32Array", "f8": "Float64Array",
}  # fmt: skip


def write(net, path, *, dtype, output, X, unsafe):
    """Write the file that `Network.to_js` describes."""
    dtype, points = as_float_dtype(dtype), points_to_round(net, X)
    check_option("output", output, get_args(Output))
    check_size(net, net.nbytes, _MOST_BYTES, _WHAT)
    plan, labels = lookup.plan_of(net), _Labels(net.classes, output)
    _refuse_wide(plan)
    if dtype == "float32" and not unsafe:
        refuse_lost_rows(net, points)
    write_whole(path, "\n".join(_lines(net, plan, labels)).encode("ascii"))


def _refuse_wide(plan):
    """Raise `InvalidInput` for words that are longer than integers; no network that `memorize` builds has any."""
    parts = plan.parts()
    planes = max((part.n_planes for part in parts if isinstance(part, lookup.Ribbon)), default=0)
    depths = (part.stages[0][0].n_planes + part.stages[0][1] for part in parts if isinstance(part, lookup.Staged))
    if planes > _MOST_PLANES or max(depths, default=0) > _MOST_DEPTH:
        raise InvalidInput(
            f"{_WHAT} reads {_MOST_PLANES} bits at a time and words of {_MOST_DEPTH} bits, and this network has longer "
            "ones: build it again with memorize"
        )


def _lines(net, plan, labels):
    """Lines of the whole file."""
    module = _Module()
    module.write_labels(labels)
    _write_codes(module, plan)
    module.assign("classOf", _classes(module, plan.classes))
    closing = [text.PREDICT.replace("VALUE(index)", labels.value).replace("KIND", labels.array)]
    if plan.known is not None:
        module.assign("isKnown", _known(module, plan.known))
        closing.append(text.CONTAINS)
    yield _head(net, plan, labels)
    yield from (f"export const nFeatures = {plan.n_features};", text.OPENING)
    yield from module.functions()
    yield ""
    yield from module.lines
    yield from closing
    yield from ("", "function base64() {", "  return `")
    letters = base64.b64encode(module.bytes).decode("ascii")
    yield from (letters[start : start + _WIDTH] for start in range(0, len(letters), _WIDTH))
    yield from ("`;", "}", "")


def _head(net, plan, labels):
    d, c = plan.n_features, plan.n_classes
    of = f"that memorizes {net.n_points} points of R^{d} with {c} classes" if net.n_points else f"of {d} inputs"
    contains = text.CONTAINS_HEAD if plan.known is not None else ""
    return text.HEAD.format(of=of, returns=labels.returns, d=d, array=labels.array, contains=contains)


class _Module:
    """Tables as bytes, one after the other, and the lines that make parts of them."""

    def __init__(self):
        self.bytes, self.lines, self._used, self._n_named = bytearray(), [], {"table", "checked"}, 0

    def table(self, array):
        """The expression for a typed array of these numbers."""
        array = np.ascontiguousarray(array).ravel()
        place = len(self.bytes)
        self.bytes += array.astype(array.dtype.newbyteorder("<")).tobytes()
        return f"table({_KINDS[array.dtype.str[1:]]}, {place}, {len(array)})"

    def integers(self, array):
        """The same of integers, in as few bytes as hold them."""
        return self.table(array.astype(_narrowest(array)))

    def words(self, words):
        """The expression for words of 64 bits, without the zeros in which all end, or with which they begin."""
        every = int(np.bitwise_or.reduce(words, initial=np.uint64(0)))
        shift = (every & -every).bit_length() - 1 if every else 0
        size = max(-(-(every >> shift).bit_length() // 8), 1)
        shifted = (words >> np.uint64(shift)).astype("<u8")
        return self.part("pairs", self.table(shifted.view(np.uint8).reshape(-1, 8)[:, :size]), size, shift)

    def part(self, name, *arguments):
        """The expression for a part."""
        self._used |= {name, *text.USES.get(name, ())}
        return f"{name}({', '.join(map(str, arguments))})"

    def named(self, name, *arguments):
        """The name of a part, with a number."""
        self._n_named += 1
        return self.assign(f"{name}{self._n_named}", self.part(name, *arguments))

    def assign(self, name, expression):
        """The name, given to an expression."""
        self.lines.append(f"const {name} = {expression};")
        return name

    def write_labels(self, labels):
        """The labels, as an array, where JavaScript has them."""
        self.lines.append(f"export const classes = {labels.expression(self)};")

    def functions(self):
        """The functions that are used."""
        return [code for name, code in text.PARTS.items() if name in self._used]


def _narrowest(array):
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    return next(
        dtype for dtype in ("u1", "i1", "u2", "i2", "i4")
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max
    )  # fmt: skip


# Codes


def _write_codes(module, plan):
    """The functions `codeOf` and `knownCodeOf`."""
    signs = _signs(module, plan.signs, plan.n_features)
    columns = plan.code.columns
    module.assign("codeOf", _encoder(module, signs, columns))
    if plan.known is None:
        return
    of_known = plan.known.signs
    read = _read(of_known, plan.n_features)
    if isinstance(of_known, lookup.Hash):
        module.assign("knownCodeOf", module.part("hash", _reader(module, read)))
        return
    further, same_columns = _further(plan.signs, of_known, plan.n_features), plan.known.code.columns
    if further is None:
        signs = _signs(module, of_known, plan.n_features)
    elif further.m or not np.array_equal(read, _read(plan.signs, plan.n_features)):
        signs = signs + _signs(module, lookup.Signs(of_known.columns, further), plan.n_features)
    elif np.array_equal(columns, same_columns):
        module.assign("knownCodeOf", "codeOf")
        return
    module.assign("knownCodeOf", _encoder(module, signs, same_columns))


def _read(signs, n_features):
    return np.arange(n_features) if signs.columns is None else signs.columns


def _further(signs, of_known, n_features):
    """The hyperplanes that only tell what is known, if those that labels are read from stand before them; or None."""
    first, every = signs.hyperplanes, of_known.hyperplanes
    weights = np.zeros((every.m, n_features), np.float32)
    weights[:, _read(of_known, n_features)] = every.weights
    expected = np.zeros((first.m, n_features), np.float32)
    expected[:, _read(signs, n_features)] = first.weights
    if np.array_equal(weights[: first.m], expected) and np.array_equal(every.thresholds[: first.m], first.thresholds):
        return every.some(slice(first.m, every.m))
    return None


def _encoder(module, signs, columns):
    """A code: the words of all signs, part by part."""
    parts, start = [], 0
    for name, m in signs:
        words = columns[start : start + m]
        is_identity = np.array_equal(words, np.uint64(1) << np.arange(m, dtype=np.uint64))
        parts.append(f"{name}({module.part('bits', m) if is_identity else module.words(words)})")
        start += m
    return module.part("encoder", f"[{', '.join(parts)}]")


def _signs(module, signs, n_features):
    """Names of the parts that decide signs, and how many each: hyperplanes that read few columns are apart."""
    hyperplanes, columns = signs.hyperplanes, _read(signs, n_features)
    if hyperplanes.only_column is not None:
        reader = _reader(module, columns)
        thresholds = module.table(hyperplanes.thresholds)
        return [(module.named("line", reader, hyperplanes.only_column, thresholds), hyperplanes.m)]
    m, r = hyperplanes.apart
    parts = [(slice(0, m), slice(0, r))]
    if m < hyperplanes.m:
        parts.append((slice(m, hyperplanes.m), slice(r, hyperplanes.d)))
    return [_some_signs(module, hyperplanes, rows, columns, read) for rows, read in parts]


def _some_signs(module, hyperplanes, rows, columns, read):
    weights, thresholds = hyperplanes.weights[rows, read], hyperplanes.thresholds[rows]
    reader = _reader(module, columns[read])
    row, place = np.nonzero(weights)
    if len(row) > _SPARSE * weights.size or not weights.size:
        name = module.named("dense", reader, module.table(weights), module.table(thresholds))
    else:
        starts = np.searchsorted(row, np.arange(len(weights) + 1))
        values = module.integers(starts), module.integers(place), module.table(weights[row, place])
        name = module.named("sparse", reader, *values, module.table(thresholds))
    return name, len(thresholds)


def _reader(module, columns):
    are_neighbours = len(columns) and np.array_equal(columns, columns[0] + np.arange(len(columns)))
    read = module.part("neighbours", columns[0], len(columns)) if are_neighbours else module.integers(columns)
    return module.part("reader", read)


# From codes to classes


def _classes(module, part):
    """The expression for a function of a code: its class index."""
    if isinstance(part, lookup.Constant):
        return module.part("constant", part.value)
    if isinstance(part, lookup.Runs):
        return module.part("runs", _search(module, part.search), module.integers(part.classes))
    if isinstance(part, lookup.Lifts):
        sizes = part.segment_bits, part.weights.shape[2], part.n_classes
        return module.part("lifts", _search(module, part.search), module.integers(part.weights), *sizes)
    return module.part("withFeatures", _features(module, part.features), _symbols(module, part.symbols))


def _known(module, known):
    """The expression for a function of a code: whether it is known."""
    return module.part("withFeatures", _features(module, known.features), _accepts(module, known.fingerprints))


def _search(module, search):
    return module.named("search", module.words(search.starts), search.shift, len(search.index) - 1)


def _features(module, features):
    """Counts of the code 0, modulo 128, and what each code bit adds and takes away."""
    places = np.arange(64, dtype=np.uint64)[:, None]
    digits = (features.counts[:, :, None, :] >> places & np.uint64(1)).astype(np.int64)
    numbers = (digits << np.arange(7)).sum(axis=3)
    at_zero = numbers[:, 0].sum(axis=0) % 128
    added = (numbers[:, 1 << np.arange(4)] - numbers[:, :1]).reshape(-1, 64)
    plus, minus = (
        module.words(((added == sign).astype(np.uint64) << places.ravel()).sum(axis=1, dtype=np.uint64))
        for sign in (1, -1)
    )
    return module.named("features", features.shifts.tolist(), module.integers(at_zero), plus, minus)


def _ribbon(module, ribbon):
    flips = ribbon.start_table[:, 1 << np.arange(8)]
    cells = np.ascontiguousarray(ribbon.cells).astype("<u8").view("<i4")
    return module.named(
        "ribbon", _search(module, ribbon.search), module.table(flips), ribbon.spacing, module.table(cells),
        ribbon.n_words, ribbon.n_planes,
    )  # fmt: skip


def _symbols(module, part):
    """The expression for a function of a code and its features: a symbol, or a class."""
    if isinstance(part, lookup.Constant):
        return module.part("constant", part.value)
    if isinstance(part, lookup.Mapped):
        return module.named("mapped", _symbols(module, part.symbols), module.integers(part.classes))
    if isinstance(part, lookup.Filtered):
        common = _symbols(module, part.common), module.integers(part.common_classes)
        rare = _symbols(module, part.rare), module.integers(part.rare_classes)
        return module.named("filtered", *common, _accepts(module, part.filter), *rare)
    return _staged(module, part)


def _staged(module, part):
    ribbons = [_ribbon(module, ribbon) for ribbon, *_ in part.stages]
    decoder = part.decoder
    if isinstance(decoder, lookup.Plain):
        n_planes = part.stages[0][0].n_planes
        if len(ribbons) == 1 and n_planes < _MOST_PLANES and decoder.n_symbols == 1 << n_planes:
            return ribbons[0]
        symbol_of = module.part("plain", decoder.n_symbols, 1 << decoder.depth >> 1)
    else:
        starts = module.table(decoder.starts.astype(np.float64))
        symbol_of = module.part("canonical", starts, module.integers(decoder.symbols))
    stages = [
        f"[{name}, {1 << shift}, {longer}]" for name, (_, shift, longer) in zip(ribbons, part.stages, strict=True)
    ]
    return module.named("staged", f"[{', '.join(stages)}]", symbol_of)


def _accepts(module, fingerprints):
    ribbon = _ribbon(module, fingerprints.ribbon)
    return module.named("accepts", ribbon, _features(module, fingerprints.prints), fingerprints.ribbon.n_planes)


# Labels


class _Labels:
    """What is returned for a class index, and in which kind of array."""

    def __init__(self, classes, output):
        self._classes = _labels_of_javascript(classes)
        if output == "index":
            self.value, self.array, self.returns = "index", "Int32Array", "position in net.classes"
            return
        if self._classes is None:
            refuse_rows_of_labels(_WHAT, classes)
            why = ", which are not all integers within 2^53" if classes.dtype.kind in "iu" else ""
            raise no_such_labels(_WHAT, classes.dtype, why)
        self.value, self.array, self.returns = "classes[index]", _array_of(self._classes), "label"

    def expression(self, module):
        """All labels as an array, or null where JavaScript has no such values."""
        labels = self._classes
        if labels is None:
            return "null"
        if not isinstance(labels, np.ndarray):
            return json.dumps(labels)
        n = len(labels)
        if n <= _FEW_LABELS:
            return f"[{', '.join(_literal(number) for number in labels.tolist())}]"
        if labels.dtype.kind == "i" and np.array_equal(labels, np.arange(n)):
            return f"Array.from({{ length: {n} }}, (_, i) => i)"
        is_short = _array_of(labels) == "Int32Array"
        return f"Array.from({module.integers(labels) if is_short else module.table(labels.astype(np.float64))})"


def _labels_of_javascript(classes):
    """Numbers as int64 or float64 array, booleans and text as a list; None if JavaScript has no such values."""
    if classes.ndim == 2:
        return None
    kind = classes.dtype.kind
    if kind in "iu" and int(classes.min()) >= -_MOST_INTEGER and int(classes.max()) <= _MOST_INTEGER:
        return classes.astype(np.int64)
    if kind == "f" and classes.dtype.itemsize <= 8:
        return classes.astype(np.float64)
    labels = classes.tolist() if kind in "bUT" else [None]
    return labels if all(isinstance(label, (bool, str)) for label in labels) else None


def _array_of(labels):
    """The kind of array that holds labels."""
    if not isinstance(labels, np.ndarray):
        return "Array"
    are_short = labels.dtype.kind == "i" and labels.min() >= -_MOST_INT32 and labels.max() < _MOST_INT32
    return "Int32Array" if are_short else "Float64Array"


def _literal(number):
    """A number as JavaScript writes it: as Python does, but for infinity. No label is NaN."""
    return repr(number).replace("inf", "Infinity")
