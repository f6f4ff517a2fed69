"""Symbols for codes: one ribbon for each stage of a prefix code, and filters in front of rare ones."""

import numpy as np

from fastmem.errors import FormatError
from fastmem.layers.rows import block_diagonal
from fastmem.store.filter import Filter
from fastmem.store.label_code import LabelCode
from fastmem.store.ribbon import Ribbon
from fastmem.store.tensors import part_of, under

__all__ = ["Filtered", "Symbols", "form_of_word"]


class Symbols:
    """A symbol for each of some codes: one ribbon for each stage of a prefix code."""

    def __init__(self, code, ribbons):
        self.code = code
        self.ribbons = ribbons

    @classmethod
    def build(cls, code, ranges, features, more_parities):
        """Store the symbols of `Ranges`; features and starts as for `Ribbon.build`."""
        return cls(code, [
            Ribbon.build(features, ranges.those(_of_stage, code, begin, end), end - begin, more_parities)
            for begin, end in code.stages
        ])  # fmt: skip

    def tensors(self, name):
        """Parameters by name."""
        tensors = {f"{name}_lengths": self.code.lengths} if self.code.lengths is not None else {}
        for i, ribbon in enumerate(self.ribbons):
            tensors |= under(f"{name}.{i}", ribbon.tensors())
        return tensors

    @classmethod
    def from_tensors(cls, code, tensors, name, features):
        """The part of that name; `FormatError` if its parameters are not what `tensors` gives."""
        ribbons = [Ribbon.from_tensors(part_of(tensors, f"{name}.{i}"), features) for i in range(len(code.stages))]
        if any(ribbon.n_planes != end - begin for ribbon, (begin, end) in zip(ribbons, code.stages, strict=True)):
            raise FormatError("a ribbon has not the planes that the codewords need")
        return cls(code, ribbons)

    def read(self, codes):
        """Symbol of each code: int32 or int64 array of shape (n,)."""
        if len(self.ribbons) == 1:
            return self.code.decode(self.ribbons[0].read(codes))
        words, active = np.zeros(len(codes), np.uint64), slice(None)
        for (_, end), ribbon in zip(self.code.stages, self.ribbons, strict=True):
            words[active] |= ribbon.read(codes[active]) << np.uint64(self.code.depth - end)
            if end < self.code.depth:
                active = np.flatnonzero(words >= self.code.longer_than(end))
        return self.code.decode(words)

    def layers(self):
        """For each stage its layers and linear forms, and the places of its bits in the word."""
        for (begin, end), ribbon in zip(self.code.stages, self.ribbons, strict=True):
            layers, form = ribbon.layers()
            yield layers, form, self.code.depth - end + np.arange(end - begin)


class Filtered:
    """Symbols of a code with common ones, a filter, and others behind it; without a filter all are behind."""

    def __init__(self, code, common, accepting, rare):
        self.code = code
        self.common = common
        self.filter = accepting
        self.rare = rare

    @classmethod
    def build(cls, code, ranges, features, more_parities):
        """Store the symbols of `Ranges`; features and starts as for `Ribbon.build`."""
        common = Symbols.build(code.common_code, ranges.those(_in_front, code), features, more_parities)
        accepting = None
        if code.filter_bits:
            accepting = Filter.build(features, ranges.those(_not_common, code), code.filter_bits, more_parities)
        behind = ranges.those(_behind, code, accepting)
        rare = _part(code.rare_code).build(code.rare_code, behind, features, more_parities)
        return cls(code, common, accepting, rare)

    @property
    def ribbons(self):
        """All ribbons, in the order in which they are read."""
        return [*self.common.ribbons, *([self.filter.ribbon] if self.filter else []), *self.rare.ribbons]

    def tensors(self, name):
        """Parameters by name."""
        inner = f"{name}." if name else ""
        tensors = self.rare.tensors(f"{inner}rare")
        if self.filter:
            tensors |= {f"{inner}common": self.code.common, **self.common.tensors(f"{inner}common")}
            tensors |= {f"{inner}filter.{part}": tensor for part, tensor in self.filter.tensors().items()}
        return tensors

    @classmethod
    def from_tensors(cls, code, tensors, name, features):
        """The part of that name; `FormatError` if its parameters are not what `tensors` gives."""
        inner = f"{name}." if name else ""
        common = Symbols.from_tensors(code.common_code, tensors, f"{inner}common", features)
        rare = _part(code.rare_code).from_tensors(code.rare_code, tensors, f"{inner}rare", features)
        accepting = Filter.from_tensors(part_of(tensors, f"{inner}filter"), features) if code.filter_bits else None
        return cls(code, common, accepting, rare)

    def read(self, codes):
        """Symbol of each code: int32 or int64 array of shape (n,)."""
        code = self.code
        if self.filter is None:  # all symbols are behind it
            return self.rare.read(codes)
        symbols = code.common[self.common.read(codes)]
        passing = np.flatnonzero(self.filter.accepts(codes))
        behind = self.rare.read(codes[passing])
        replaced = behind > 0
        symbols[passing[replaced]] = code.rare[behind[replaced] - 1]
        return symbols

    def layers(self):
        """For each ribbon its layers and linear forms, and the places of its bits in the word."""
        behind, n_filter_bits = self.code.rare_code.depth, self.code.filter_bits
        for layers, form, places in self.common.layers():
            yield layers, form, behind + n_filter_bits + places
        if self.filter:
            yield *self.filter.layers(), behind + np.arange(n_filter_bits)
        yield from self.rare.layers()


# Which codes are stored where: what `Ranges.those` takes.


def _of_stage(codes, symbols, code, begin, end):
    """The codes whose codewords have bits begin to end, and these bits."""
    stored = slice(None) if code.lengths is None else code.lengths[symbols] >= end
    bits = (code.words(symbols[stored]) >> np.uint64(code.depth - end)) & np.uint64((1 << (end - begin)) - 1)
    return codes[stored], bits


def _in_front(codes, symbols, code):
    frequent = code.common_symbols[symbols] >= 0
    return codes[frequent], code.common_symbols[symbols[frequent]]


def _not_common(codes, symbols, code):
    rare = code.common_symbols[symbols] < 0
    return codes[rare], symbols[rare]


def _behind(codes, symbols, code, accepting):
    passing = slice(None) if accepting is None else accepting.accepts(codes)
    return codes[passing], code.rare_symbols[symbols[passing]]


def _part(code):
    return Filtered if isinstance(code, LabelCode) else Symbols


def form_of_word(forms, depth):
    """The linear forms of all ribbons side by side, in the order of the word's bits."""
    order = np.empty(depth, np.int64)
    order[np.concatenate([bits for _, bits in forms])] = np.arange(depth)
    return block_diagonal([form for form, _ in forms])[order]
