"""From codes to classes, in compiled code: the parts of a plan (`fastmem.export.lookup`)."""

import numpy as np

from fastmem.export.jit.memory import count_up_to, inner, int32_at, ones, prefetch, reads, uint16_at, uint64_at
from fastmem.export.lookup import Constant, Filtered, Lifts, Mapped, Plain, Runs

__all__ = ["class_function", "known_function"]


def class_function(part, memory):
    """A function of memory and code: the position of its class."""
    if isinstance(part, Constant):
        return _constant(part.value)
    if isinstance(part, Runs):
        return _runs(part, memory)
    if isinstance(part, Lifts):
        return _lifts(part, memory)
    symbol_of = _symbols(part.symbols, memory)
    words = _features(part.features, memory)

    @inner
    def class_of(memory, code):
        return symbol_of(memory, code, words(memory, code))

    return class_of


def _constant(value):
    value = np.intp(value)

    @inner
    def class_of(memory, code):
        return value

    return class_of


def _runs(part, memory):
    classes = part.classes
    place, class_at, size = memory.place(classes), reads(classes.dtype), classes.itemsize
    runs_from, find_run = _run_finder(part.search, memory)

    @inner
    def class_of(memory, code):
        low, width = runs_from(memory, code)
        prefetch(memory, place + size * low)  # mostly in one line of cache, wherever the search ends
        return np.intp(class_at(memory, place, find_run(memory, code, low, width)))

    return class_of


def _lifts(part, memory):
    weights, a, last = part.weights, np.uint64(part.segment_bits), part.n_classes - 1
    place, weight, size = memory.place(weights), reads(weights.dtype), weights.itemsize
    _, n_places, n_label_bits = weights.shape
    segment, mask = 1 << part.segment_bits, np.uint64((1 << part.segment_bits) - 1)
    runs_from, find_block = _run_finder(part.search, memory)

    @inner
    def class_of(memory, code):
        low, width = runs_from(memory, code)
        block = find_block(memory, code, low, width) * n_places
        first = (block + np.intp(code & mask)) * n_label_bits
        second = (block + segment + np.intp((code >> a) & mask)) * n_label_bits
        third = (block + 2 * segment + np.intp((code >> (a + a)) & mask)) * n_label_bits
        prefetch(memory, place + size * second)
        prefetch(memory, place + size * third)
        number = 0
        for b in range(n_label_bits):
            total = np.int64(weight(memory, place, first + b)) + np.int64(weight(memory, place, second + b))
            number |= (1 if total + np.int64(weight(memory, place, third + b)) >= 1 else 0) << b
        return min(np.intp(number), last)

    return class_of


def _run_finder(search, memory):
    """Two functions, of memory and code: the runs among which the one that holds it is; then, which one it is."""
    index_place, place = memory.place(search.index), memory.place(search.starts)
    start_of, shift = reads(search.starts.dtype), np.uint64(search.shift)

    @inner
    def runs_from(memory, code):
        prefix = np.intp(code >> shift)
        low = np.intp(int32_at(memory, index_place, prefix))
        return low, np.intp(int32_at(memory, index_place, prefix + 1)) - low + 1

    @inner
    def find_run(memory, code, low, width):
        while width > 1:
            half = width >> 1
            low += half if start_of(memory, place, low + half) <= code else 0
            width -= half
        return low

    return runs_from, find_run


def _features(features, memory):
    """A function of memory and code: its features, as bits of a word; see ribbon.pyx."""
    counts, shifts = memory.place(features.counts), memory.place(features.shifts)
    n_groups = len(features.shifts)

    @inner
    def words(memory, code):
        return _feature_word(memory, code, counts, shifts, n_groups)

    return words


@inner
def _feature_word(memory, code, counts, shifts, n_groups):
    at = 7 * np.intp((code >> np.uint64(int32_at(memory, shifts, 0))) & np.uint64(15))
    c0, c1, c2 = (
        uint64_at(memory, counts, at),
        uint64_at(memory, counts, at + 1),
        uint64_at(memory, counts, at + 2),
    )
    c3, c4, c5 = (
        uint64_at(memory, counts, at + 3),
        uint64_at(memory, counts, at + 4),
        uint64_at(memory, counts, at + 5),
    )
    over = uint64_at(memory, counts, at + 6)
    for g in range(1, n_groups):
        at = 7 * (16 * g + np.intp((code >> np.uint64(int32_at(memory, shifts, g))) & np.uint64(15)))
        y = uint64_at(memory, counts, at)
        carry = c0 & y
        c0 = c0 ^ y
        y = uint64_at(memory, counts, at + 1)
        x = c1 ^ y
        y = (c1 & y) | (carry & x)
        c1 = x ^ carry
        carry = y
        y = uint64_at(memory, counts, at + 2)
        x = c2 ^ y
        y = (c2 & y) | (carry & x)
        c2 = x ^ carry
        carry = y & c3
        c3 = c3 ^ y
        x = carry & c4
        c4 = c4 ^ carry
        over = over | (c5 & x)
        c5 = c5 ^ x
    return over


def _ribbon(ribbon, memory):
    """A function of memory, code and features: what the planes store, a bit each."""
    rows_from, find_row = _run_finder(ribbon.search, memory)
    start_table, cells = memory.place(ribbon.start_table), memory.place(ribbon.cells)
    n_bytes, n_words, n_planes = len(ribbon.start_table), ribbon.n_words, ribbon.n_planes
    spacing = np.int64(ribbon.spacing)

    @inner
    def read(memory, code, word):
        start = _window_start(memory, code, start_table, n_bytes, spacing)
        row = find_row(memory, code, *rows_from(memory, code))
        first = cells + 8 * n_planes * (row * n_words + (start >> 6))
        return _window_parities(memory, first, word | np.uint64(1), np.uint64(start & 63), n_planes)

    return read


@inner
def _window_start(memory, code, start_table, n_bytes, spacing):
    beta = np.uint16(0)
    for k in range(n_bytes):
        beta ^= uint16_at(memory, start_table, (k << 8) + np.intp(code & np.uint64(255)))
        code >>= np.uint64(8)
    return (np.int64(beta) * spacing) >> np.int64(16)


@inner
def _window_parities(memory, first, word, shift, n_planes):
    second = (np.uint64(1) << shift) - np.uint64(1)
    value = np.uint64(0)
    for j in range(n_planes):
        before, after = uint64_at(memory, first, j), uint64_at(memory, first, n_planes + j)
        parity = ones((before ^ ((before ^ after) & second)) & word) & np.uint64(1)
        value |= parity << np.uint64(j)
    return value


def known_function(known, memory):
    """A function of memory and the code by which rows are known: whether it is accepted."""
    words, accepts = _features(known.features, memory), _fingerprints(known.fingerprints, memory)

    @inner
    def is_known(memory, code):
        return accepts(memory, code, words(memory, code))

    return is_known


def _fingerprints(part, memory):
    """A function of memory, code and features: whether the code is accepted."""
    read, prints = _ribbon(part.ribbon, memory), _features(part.prints, memory)
    every = np.uint64((1 << part.ribbon.n_planes) - 1)

    @inner
    def accepts(memory, code, word):
        differing = read(memory, code, word) ^ (prints(memory, code) >> np.uint64(1))
        return differing & every == every

    return accepts


def _symbols(part, memory):
    """A function of memory, code and features: the symbol, or class."""
    if isinstance(part, Constant):
        value = np.intp(part.value)

        @inner
        def constant(memory, code, word):
            return value

        return constant
    if isinstance(part, Mapped):
        return _mapped(part, memory)
    return _filtered(part, memory) if isinstance(part, Filtered) else _staged(part, memory)


def _mapped(part, memory):
    symbol_of, classes = _symbols(part.symbols, memory), memory.place(part.classes.astype(np.int32))

    @inner
    def read(memory, code, word):
        return np.intp(int32_at(memory, classes, symbol_of(memory, code, word)))

    return read


def _filtered(part, memory):
    in_front, behind = _symbols(part.common, memory), _symbols(part.rare, memory)
    accepts = _fingerprints(part.filter, memory)
    common, rare = (memory.place(classes.astype(np.int32)) for classes in (part.common_classes, part.rare_classes))

    @inner
    def read(memory, code, word):
        if accepts(memory, code, word):
            symbol = behind(memory, code, word)
            if symbol > 0:
                return np.intp(int32_at(memory, rare, symbol - 1))
        return np.intp(int32_at(memory, common, in_front(memory, code, word)))

    return read


def _staged(part, memory):
    """A function of memory, code and features: the symbol, whose codeword is read stage by stage."""
    decoded, word_of = _decoder(part.decoder, memory), _no_more
    for ribbon, shift, longer in reversed(part.stages):
        word_of = _stage(_ribbon(ribbon, memory), shift, longer, word_of)

    @inner
    def symbol_of(memory, code, word):
        return decoded(memory, word_of(memory, code, word, np.uint64(0)))

    return symbol_of


@inner
def _no_more(memory, code, word, before):
    return before


def _stage(ribbon, shift, longer, others):
    """A stage of a prefix code, before the others: those whose codeword goes on begin with `longer`."""
    shift, longer = np.uint64(shift), np.uint64(longer)

    @inner
    def word_of(memory, code, word, before):
        codeword = before | (ribbon(memory, code, word) << shift)
        return others(memory, code, word, codeword) if codeword >= longer else codeword

    return word_of


def _decoder(part, memory):
    """A function of memory and codeword, of full depth: the symbol."""
    if isinstance(part, Plain):
        n_symbols, half = np.int64(part.n_symbols), np.int64(1 << part.depth >> 1)

        @inner
        def plain(memory, codeword):
            symbol = np.int64(codeword)
            return symbol - half if symbol >= n_symbols else symbol

        return plain
    starts, symbols = memory.place(part.starts.astype(np.int64)), memory.place(part.symbols)
    n_starts = len(part.starts)

    @inner
    def decoded(memory, codeword):
        return np.int64(int32_at(memory, symbols, count_up_to(memory, starts, n_starts, np.int64(codeword)) - 1))

    return decoded
