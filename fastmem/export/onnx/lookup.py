"""The shortcut of a network as nodes: the plan of `fastmem.export.lookup` in standard integer operators.

    X (n, d)
      │  Gemm in the dtype of the export, GreaterOrEqual    signs (m, n); see `fastmem.export.guard`
      ▼
    bits of a code (k, n), as numbers 0 and 1
      │  MatMul with powers of two                          codes (n,), as words of 64 bits
      │  MatMul with -1, 0 and 1, GreaterOrEqual            features (64, n), joined to words likewise
      │  Gather, BitShift, BitwiseAnd, BitwiseXor           row of the ribbon, window, parity
      ▼
    class index (n,)

Rows of X run along the last axis, so that each operator works on long runs of memory. Products behind the signs are of
0, 1, -1 and powers of two, and no sum exceeds 2^24: float32 holds them all, in any order and in the short formats too
(`fastmem.export.exact_sums`). Words are uint64 where they are shifted, and int64 where they are numbers or places, as
more operators take these: codes have at most 62 bits.
"""

from dataclasses import dataclass

import numpy as np

from fastmem.errors import NetworkTooLarge
from fastmem.export.exact_sums import first_layer
from fastmem.export.lookup import Binary, Constant, Filtered, Lifts, Mapped, Plain, Runs
from fastmem.layers.integers import narrowed

__all__ = ["OPSET", "add_plan"]

OPSET = 18  # the first with BitwiseAnd, BitwiseOr and BitwiseXor
_EXACT = 24  # bits of a sum that float32 holds
_UNSIGNED = ("u1", "u2", "u4", "i8")
_SHORT_WORDS = 8  # bits of codewords that a table decodes
_MANY = 128  # integers of a table that is stored in fewer bytes
_ONE = np.uint64(1)
_NO_CODE = np.zeros(1, np.uint64)  # that of all rows where there are no hyperplanes
_ALL_ONES = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class _Code:
    """Names of what is known of the codes of all rows.

    Attributes
    ----------
    bits : str
        0 and 1, float32 array of shape (k, n).
    n_bits : int
        k.
    words : str
        uint64 array of shape (n,).
    """

    bits: str
    n_bits: int
    words: str


def add_plan(graph, plan, dtype):
    """All nodes from the input "X" to the output "known", if there is one, and to the class index: name of that.

    Parameters
    ----------
    graph : SharingGraph
    plan : Plan
        One that knows rows by signs, if at all.
    dtype : {"float32", "float64"}
    """
    signs = None if plan.known is None else _add_known(graph, plan, dtype)
    graph.stage = "labels"
    if not plan.code.n_bits or _is_constant(plan.classes):
        return graph.of_each_row(plan.classes.read(_NO_CODE)[0])
    code = _code(graph, plan.code, signs or _signs(graph, plan.signs, dtype))
    return _classes(graph, plan.classes, code)


def _is_constant(part):
    return isinstance(part, Constant) or (isinstance(part, Binary | Mapped) and _is_constant(part.symbols))


def _add_known(graph, plan, dtype):
    """The output "known"; name of the signs that labels are read from, if they are among those read here, or None."""
    known, graph.stage = plan.known, "known"
    if not known.code.n_bits:
        accepted = known.fingerprints.read(_NO_CODE, known.features.read(_NO_CODE))
        graph.node("Identity", graph.of_each_row(accepted[0]), output="known")
        return None
    signs = _signs(graph, known.signs, dtype)
    code = _code(graph, known.code, signs)
    features = _feature_words(graph, known.features, code)
    graph.node("Identity", _accepted(graph, known.fingerprints, code, features), output="known")
    if not _begins_with(known.signs, plan.signs):
        return None
    return _first(graph, signs, known.signs.hyperplanes.m, plan.signs.hyperplanes.m)


def _begins_with(signs, others):
    """Whether the first of some signs are others."""
    first, m = signs.hyperplanes, others.hyperplanes.m
    return (
        np.array_equal(signs.columns, others.columns)
        and np.array_equal(first.weights[:m], others.hyperplanes.weights)
        and np.array_equal(first.thresholds[:m], others.hyperplanes.thresholds)
    )


def _first(graph, bits, n_bits, m):
    """The first m of some bits."""
    if m == n_bits:
        return bits
    start, stop, axis = (graph.constant(name, np.array([i])) for name, i in (("start", 0), ("stop", m), ("axis", 0)))
    return graph.node("Slice", bits, start, stop, axis)


# Codes


def _signs(graph, signs, dtype):
    """Signs of hyperplanes, 0 and 1: float32 array of shape (m, n)."""
    with graph.within("hyperplanes"):
        X = "X"
        if signs.columns is not None:
            X = graph.node("Gather", "X", _constant(graph, "columns", signs.columns), axis=1)
        thresholds = first_layer(signs.hyperplanes, dtype)[1]
        weights = graph.constant("weights", signs.hyperplanes.weights)  # float32, which float64 holds
        if dtype != "float32":
            weights = graph.node("Cast", weights, to=graph.type_of(dtype))
        sums = graph.node("Gemm", weights, X, transB=1)
        return _as_numbers(graph, graph.node("GreaterOrEqual", sums, graph.constant("thresholds", thresholds[:, None])))


def _as_numbers(graph, bits):
    return graph.node("Cast", bits, to=graph.type_of("float32"))


def _code(graph, code, signs):
    """`_Code` of signs."""
    with graph.within("code"):
        bits = signs if code.is_identity else _parities(graph, code.columns, code.n_bits, signs)
        return _Code(bits, code.n_bits, _words(graph, bits, code.n_bits))


def _parities(graph, columns, n_bits, bits):
    """Bits of the XOR of ``columns[j]`` over the bits j that are 1: float32 array of shape (n_bits, n)."""
    if len(columns) >= 1 << _EXACT:
        raise NetworkTooLarge(f"a code of {len(columns):,} signs has too many for sums in float32")
    columns = graph.constant("columns", columns.astype(np.uint64))
    places = graph.constant("places", np.arange(n_bits, dtype=np.uint64)[:, None])
    matrix = graph.node("BitwiseAnd", _shifted(graph, columns, places), graph.constant("one", _ONE))
    sums = graph.node("MatMul", _as_numbers(graph, matrix), bits)
    sums = graph.node("Cast", sums, to=graph.type_of("int32"))
    return _as_numbers(graph, graph.node("BitwiseAnd", sums, graph.constant("odd", np.int32(1))))


def _words(graph, bits, n_bits):
    """Words whose bit i is row i of some bits: uint64 array of shape (n,)."""
    parts = [range(first, min(first + _EXACT, n_bits)) for first in range(0, n_bits, _EXACT)]
    powers = np.zeros((len(parts), n_bits), np.float32)
    for row, part in zip(powers, parts, strict=True):
        row[part] = 2.0 ** np.arange(len(part))
    sums = graph.node("MatMul", graph.constant("powers", powers), bits)
    words = graph.node("Cast", sums, to=graph.type_of(np.uint64))
    if len(parts) > 1:
        places = np.array([[part[0]] for part in parts], np.uint64)
        words = _shifted(graph, words, graph.constant("places", places), "LEFT")
    joined, *others = (graph.node("Gather", words, _place(graph, "part", i), axis=0) for i in range(len(parts)))
    for other in others:
        joined = graph.node("BitwiseOr", joined, other)
    return joined


# Words and places


def _shifted(graph, words, by, direction="RIGHT"):
    return graph.node("BitShift", words, by, direction=direction)


def _shifted_down(graph, words, by):
    """Words shifted to the right by a number of bits."""
    return _shifted(graph, words, graph.constant("shift", np.uint64(by))) if by else words


def _as_places(graph, words):
    return graph.node("Cast", words, to=graph.type_of(np.int64))


def _place(graph, name, value):
    return graph.constant(name, np.int64(value))


def _constant(graph, name, integers):
    """Integers as int64, stored in fewer bytes where they are many."""
    return _widened(graph, graph.constant(name, _shortest(integers)), integers)


def _gathered(graph, name, table, places, axis=0):
    """Integers of a table, as int64."""
    return _widened(graph, graph.node("Gather", graph.constant(name, _shortest(table)), places, axis=axis), table)


def _shortest(integers):
    """Integers as they are stored: those of a short table as int64, which need no Cast."""
    if integers.size < _MANY:
        return integers.astype(np.int64)
    return narrowed(integers, _UNSIGNED if integers.min(initial=0) >= 0 else ("i1", "i2", "i4", "i8"))


def _widened(graph, name, integers):
    return name if _shortest(integers).dtype == np.int64 else graph.node("Cast", name, to=graph.type_of(np.int64))


def _summed(graph, numbers):
    """Sums over the first axis."""
    return graph.node("ReduceSum", numbers, graph.constant("axis", np.array([0])), keepdims=0)


def _last_below(graph, starts, numbers, first, n_halvings):
    """Place of the last of ascending starts that is not above a number, from a place on that is none too large.

    It is among the ``2^n_halvings`` places from there on.
    """
    last, place = _place(graph, "last", len(starts) - 1), first
    for step in reversed(range(n_halvings)):
        further = graph.node("Min", graph.node("Add", place, _place(graph, "step", 1 << step)), last)
        reached = graph.node("LessOrEqual", _gathered(graph, "starts", starts, further), numbers)
        place = graph.node("Where", reached, further, place)
    return place


def _range(graph, search, code):
    """Number of the range of each code, by a `PrefixSearch`."""
    with graph.within("range"):
        prefixes = _as_places(graph, _shifted_down(graph, code.words, search.shift))
        first = _gathered(graph, "index", search.index[:-1], prefixes)
        return _last_below(graph, search.starts, _as_places(graph, code.words), first, search.n_halvings)


# Features, and the ribbon that is read by them


def _feature_bits(graph, features, code, chosen):
    """Some of the 64 features of each code: bool array of shape (len(chosen), n)."""
    weights, thresholds = _threshold_units(features)
    weights = graph.constant("weights", weights[chosen, : code.n_bits].astype(np.int8))
    sums = graph.node("MatMul", _as_numbers(graph, weights), code.bits)
    return graph.node("GreaterOrEqual", sums, graph.constant("thresholds", thresholds[chosen, None].astype(np.float32)))


def _threshold_units(features):
    """Weights (64, 64) of the code's bits, and thresholds (64,), with which features are threshold units.

    They are: the value of a group of four bits adds to a count what each of its bits adds alone.
    """
    digits = features.counts[..., None] >> np.arange(64, dtype=np.uint64) & _ONE
    counts = (digits.astype(np.int64) << np.arange(7)[:, None]).sum(axis=2)
    of_none, bits = counts[:, 0], np.arange(16)[:, None] >> np.arange(4) & 1
    of_bits = counts[:, [1, 2, 4, 8]] - of_none[:, None]
    if not np.array_equal(bits @ of_bits, counts - of_none[:, None]):
        raise ValueError("a feature is no threshold unit")
    weights = np.zeros((64, 64), np.int64)
    weights[:, features.shifts[:, None] + np.arange(4)] = of_bits.transpose(2, 0, 1)
    return weights, 64 - of_none.sum(axis=0)


def _feature_words(graph, features, code):
    """Features of each code as a ribbon reads them, feature 0 as 1: uint64 array of shape (n,)."""
    with graph.within("features"):
        bits = _as_numbers(graph, _feature_bits(graph, features, code, np.arange(64)))
        return graph.node("BitwiseOr", _words(graph, bits, 64), graph.constant("one", _ONE))


def _start(graph, ribbon, code):
    """Where the window of each code starts in its row: uint64 array of shape (n,), or None where all start at 0."""
    if not ribbon.spacing:
        return None
    columns = _parity_columns(ribbon.start_table)[: code.n_bits]
    n_bits = max(int(columns.max()).bit_length(), 1)
    beta = _as_places(graph, _words(graph, _parities(graph, columns, n_bits, code.bits), n_bits))
    scaled = graph.node("Mul", beta, _place(graph, "spacing", ribbon.spacing))
    return _shifted_down(graph, graph.node("Cast", scaled, to=graph.type_of(np.uint64)), 16)


def _parity_columns(start_table):
    """What each bit of a code flips of beta, as `Ribbon` has it in a table by bytes: uint16 array of shape (bits,)."""
    of_bits, bits = start_table[:, 1 << np.arange(8)], np.arange(256)[:, None] >> np.arange(8) & 1
    if not np.array_equal(np.bitwise_xor.reduce(of_bits[:, None] * bits, axis=2), start_table):
        raise ValueError("the start of a window is no parity of the code's bits")
    return of_bits.ravel()


def _windows(graph, ribbon, code):
    """Cells of each plane that belong to a code: uint64 array of shape (p, n)."""
    cells = graph.constant("cells", ribbon.cells.reshape(-1, ribbon.n_planes).T)
    first = _range(graph, ribbon.search, code)
    with graph.within("window"):
        first = graph.node("Mul", first, _place(graph, "words", ribbon.n_words)) if ribbon.n_words > 1 else first
        start = _start(graph, ribbon, code)
        if start is None:
            return graph.node("Gather", cells, first, axis=1)
        first = graph.node("Add", first, _as_places(graph, _shifted_down(graph, start, 6)))
        here = graph.node("Gather", cells, first, axis=1)
        following = graph.node("Gather", cells, graph.node("Add", first, _place(graph, "next", 1)), axis=1)
        offset = graph.node("BitwiseAnd", start, graph.constant("within", np.uint64(63)))
        of_here = _shifted(graph, graph.constant("all", _ALL_ONES), offset, "LEFT")
        differing = graph.node("BitwiseAnd", graph.node("BitwiseXor", here, following), of_here)
        return graph.node("BitwiseXor", following, differing)


def _planes(graph, ribbon, code, features):
    """What the planes store for each code: uint64 array of 0 and 1 of shape (p, n)."""
    folded = graph.node("BitwiseAnd", _windows(graph, ribbon, code), features)
    with graph.within("parity"):
        for half in (32, 16, 8, 4, 2, 1):
            folded = graph.node("BitwiseXor", folded, _shifted_down(graph, folded, half))
        return graph.node("BitwiseAnd", folded, graph.constant("one", _ONE))


def _accepted(graph, fingerprints, code, features):
    """Whether each code is accepted by `Fingerprints`: bool array of shape (n,)."""
    with graph.within("fingerprints"):
        f = fingerprints.ribbon.n_planes
        read = graph.node("Cast", _planes(graph, fingerprints.ribbon, code, features), to=graph.type_of(bool))
        prints = _feature_bits(graph, fingerprints.prints, code, np.arange(1, f + 1))
        equal = graph.node("Cast", graph.node("Equal", read, prints), to=graph.type_of(np.int32))
        n_equal = graph.node("ReduceSum", equal, graph.constant("axis", np.array([0])), keepdims=0)
        return graph.node("Equal", n_equal, graph.constant("none", np.int32(0)))


# Classes


def _classes(graph, part, code):
    """Class index of each code: int64 array of shape (n,)."""
    if isinstance(part, Runs):
        return _gathered(graph, "classes", part.classes, _range(graph, part.search, code))
    if isinstance(part, Lifts):
        return _lifts(graph, part, code)
    return _symbols(graph, part.symbols, code, _feature_words(graph, part.features, code))


def _lifts(graph, lifts, code):
    """By `Lifts`."""
    n_values, n_digits = lifts.weights.shape[1:]
    weights = lifts.weights.reshape(-1, n_digits).T
    block = graph.node("Mul", _range(graph, lifts.search, code), _place(graph, "values", n_values))
    totals = None
    for segment in range(3):
        value = _shifted_down(graph, code.words, segment * lifts.segment_bits)
        value = graph.node("BitwiseAnd", value, graph.constant("values", np.uint64((1 << lifts.segment_bits) - 1)))
        value = graph.node("Add", _as_places(graph, value), _place(graph, "segment", segment << lifts.segment_bits))
        weight = _gathered(graph, "weights", weights, graph.node("Add", block, value), axis=1)
        totals = weight if totals is None else graph.node("Add", totals, weight)
    digits = graph.node("GreaterOrEqual", totals, _place(graph, "least", 1))
    powers = graph.constant("powers", np.int64(1) << np.arange(n_digits)[:, None])
    index = _summed(graph, graph.node("Mul", graph.node("Cast", digits, to=graph.type_of(np.int64)), powers))
    return graph.node("Min", index, _place(graph, "last", lifts.n_classes - 1))


def _symbols(graph, part, code, features):
    """Symbol, or class, of each code by the parts of a binary store: int64 array of shape (n,), or one number."""
    if isinstance(part, Constant):
        return _place(graph, "value", part.value)
    if isinstance(part, Mapped):
        return _gathered(graph, "classes", part.classes, _symbols(graph, part.symbols, code, features))
    if isinstance(part, Filtered):
        return _filtered(graph, part, code, features)
    return _decoded(graph, part.decoder, _codewords(graph, part.stages, code, features), _depth(part.stages))


def _filtered(graph, part, code, features):
    """By `Filtered`."""
    with graph.within("common"):
        symbols = _symbols(graph, part.common, code, features)
        common = _gathered(graph, "classes", part.common_classes, symbols)
    with graph.within("filter"):
        accepted = _accepted(graph, part.filter, code, features)
    with graph.within("rare"):
        symbols = _symbols(graph, part.rare, code, features)
        # Symbol 0 finds an entry too, that is not taken.
        rare = _gathered(graph, "classes", np.append(part.rare_classes[:1], part.rare_classes), symbols)
        replaced = graph.node("And", accepted, graph.node("Greater", symbols, _place(graph, "none", 0)))
    return graph.node("Where", replaced, rare, common)


def _depth(stages):
    """Bits of the longest codeword."""
    ribbon, behind, _ = stages[0]
    return behind + ribbon.n_planes


def _codewords(graph, stages, code, features):
    """Codeword of each code, by the stages of `Staged`: int64 array of shape (n,)."""
    words = goes_on = None
    for number, (ribbon, behind, _) in enumerate(stages):
        with graph.within(f"stage_{number + 1}"):
            planes = _as_places(graph, _planes(graph, ribbon, code, features))
            powers = np.int64(1) << np.arange(behind, behind + ribbon.n_planes)[:, None]
            planes = planes if powers.max() == 1 else graph.node("Mul", planes, graph.constant("powers", powers))
            read = _summed(graph, planes)
            if words is None:
                words = read
                continue
            longer = graph.node("GreaterOrEqual", words, _place(graph, "longer", stages[number - 1][2]))
            goes_on = longer if goes_on is None else graph.node("And", goes_on, longer)
            words = graph.node("Where", goes_on, graph.node("Add", words, read), words)
    return words


def _decoded(graph, decoder, words, depth):
    """Symbol of each codeword, by `Plain` or `Canonical`: int64 array of shape (n,)."""
    if isinstance(decoder, Plain):
        if decoder.n_symbols == 1 << depth:
            return words
        no_symbol = graph.node("GreaterOrEqual", words, _place(graph, "symbols", decoder.n_symbols))
        shorter = graph.node("Add", words, _place(graph, "first_bit", -(1 << depth >> 1)))
        return graph.node("Where", no_symbol, shorter, words)
    if depth <= _SHORT_WORDS:
        return _gathered(graph, "symbols", decoder.read(np.arange(1 << depth, dtype=np.uint64)), words)
    n_halvings = (len(decoder.starts) - 1).bit_length()
    place = _last_below(graph, decoder.starts, words, _place(graph, "first", 0), n_halvings)
    return _gathered(graph, "symbols", decoder.symbols, place)
