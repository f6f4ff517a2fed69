"""The binary store: labels in about 1.02 one-bit weights each, times the entropy of the classes.

Classes are coded in bits (`fastmem.store.label_code`), each bit is a plane of a ribbon (`fastmem.store.ribbon`), and
points whose codewords have bits at the same places share rows, starts and features. A label bit takes about 2 sqrt(n)
units with weights 0, 1 and -1, in five layers. They stand for stages 3 to 5 of the theorem (Rajput et al. 2021, arXiv
2106.07724), which are sqrt(n) log^2 n units with integer weights.
"""

import numpy as np

from fastmem.errors import FormatError
from fastmem.layers.layer import Layer
from fastmem.layers.rows import as_rows, number_row, relays, stacked
from fastmem.layers.wiring import after_form, share_units, side_by_side
from fastmem.store.base import Store
from fastmem.store.choose_features import suitable_features
from fastmem.store.features import CodeFeatures
from fastmem.store.integer import IntegerStore
from fastmem.store.label_code import MOST_COMMON, MOST_FILTER_BITS, MOST_SYMBOLS_NESTED, LabelCode, choose
from fastmem.store.prefix_code import PrefixCode
from fastmem.store.ranges import Ranges, distinct_codes
from fastmem.store.symbols import Filtered, form_of_word
from fastmem.store.tensors import part_of, under

__all__ = ["BinaryStore"]


_DRAW_AGAIN = 1.2
_SECOND_SEED = 100
_MOST_DEPTH = 60
_MOST_COUNTS = 2**22


class BinaryStore(Store):
    """Ribbons with the bits of classes.

    Parameters
    ----------
    label_code : LabelCode
    features : CodeFeatures or None
        Those of all ribbons; None if nothing has to be stored.
    symbols : Filtered or None
        The ribbons.
    n_bits : int
        Length k of the codes.
    """

    name = "binary"

    def __init__(self, label_code, features, symbols, n_bits):
        self.label_code = label_code
        self.features = features
        self.symbols = symbols
        self.n_bits = int(n_bits)
        self.n_classes = label_code.n_classes

    @classmethod
    def build(cls, codes, classes, n_bits, n_classes):
        """Store the classes of sorted codes; as `Store.build`."""
        return cls.of_ranges(Ranges.whole(*distinct_codes(codes, classes)), n_bits, n_classes)

    @classmethod
    def of_ranges(cls, ranges, n_bits, n_classes):
        """Store the classes, int32, that are the symbols of `Ranges`."""
        counts = _all_counts(ranges, n_classes)
        code = choose(counts)
        if code.depth == 0:
            return cls(code, None, None, n_bits)
        store = cls._with_features(ranges, code, *suitable_features(ranges, n_bits, code.first_planes))
        if store.cells_per_bit <= _DRAW_AGAIN or all(ribbon.has_fewest_rows for ribbon in store.ribbons):
            return store
        # Codes may be of another kind where no row was tried.
        drawn = CodeFeatures.draw(ranges, n_bits, max(n_bits, 1), _SECOND_SEED)  # all groups
        return min(store, cls._with_features(ranges, code, drawn, 2), key=lambda store: store.n_cells)

    @classmethod
    def _with_features(cls, ranges, code, features, finer):
        """Store the classes of codes with the given features and starts by so many bits finer."""
        return cls(code, features, Filtered.build(code, ranges, features, finer), features.n_bits)

    @property
    def ribbons(self):
        """All ribbons, in the order in which they are read."""
        return self.symbols.ribbons if self.symbols else []

    @property
    def n_cells(self):
        """Number of one-bit weights of all planes."""
        return sum(ribbon.n_planes * ribbon.n_cells for ribbon in self.ribbons)

    @property
    def cells_per_bit(self):
        """c: cells for each bit stored; 1 where nothing is stored."""
        bits = sum(ribbon.n_planes * ribbon.n_codes for ribbon in self.ribbons)
        return self.n_cells / bits if bits else 1.0

    @property
    def stages(self):
        """What each layer does: tuple of str."""
        if not self.label_code.depth:
            return ()
        last = ("gates and relays", "steps", "label bits")[3 - len(self._class_layers()) :]
        return ("parities and relays", "gates and features", "cells", "counters", *last)

    def lookup(self, codes):
        """Class index of each code: int32 or int64 array of shape (n,)."""
        return self.symbols.read(codes) if self.symbols else np.zeros(len(codes), np.int32)

    def tensors(self):
        """Parameters by name."""
        if self.symbols is None:
            return {}
        return under("features", self.features.tensors()) | self.symbols.tensors("")

    @classmethod
    def from_tensors(cls, tensors, n_bits, n_classes):
        """Store with the given parameters; `FormatError` if they are not what `tensors` gives."""
        code = _label_code(tensors, n_classes, "")
        if code.depth == 0:
            return cls(code, None, None, n_bits)
        if code.depth > _MOST_DEPTH:
            raise FormatError(f"the words of the label code have {code.depth} bits, and {_MOST_DEPTH} are the most")
        features = CodeFeatures.from_tensors(part_of(tensors, "features"), n_bits)
        return cls(code, features, Filtered.from_tensors(code, tensors, "", features), n_bits)

    def layers(self):
        """The store as layers of threshold units, from code bits to the bits of the class index."""
        code = self.label_code
        if code.depth == 0:
            return ()
        parts = list(self.symbols.layers())
        form = form_of_word([part[1:] for part in parts], code.depth)
        layers = side_by_side([layers for layers, _, _ in parts])
        return share_units((*layers, *after_form(self._class_layers(), form)))

    def _class_layers(self):
        """Layers from the bits of the word that all planes give to those of the class index."""
        code = self.label_code
        ones = np.ones(code.depth, np.int64)
        if not code.is_plain:
            starts, classes = code.runs()
            return IntegerStore(starts, classes, code.depth, self.n_classes).layers()
        if self.n_classes == 1 << code.depth:
            return (Layer(relays(code.depth), ones),)
        # A number that is no class loses its first bit.
        checked = Layer(stacked([relays(code.depth), number_row(code.depth)[None]]), np.append(ones, self.n_classes))
        corrected = np.eye(code.depth, code.depth + 1, dtype=np.int64)
        corrected[-1, -1] = -1
        return checked, Layer(as_rows(corrected), ones)


def _all_counts(ranges, n_classes):
    """How many codes have each class: of all ranges at once, or where classes are many one after the other."""
    if n_classes * len(ranges.bounds) <= _MOST_COUNTS:
        return sum(ranges.each(_counts, n_classes))
    counts = np.zeros(n_classes, np.int64)
    for number in range(len(ranges.bounds)):
        counts += ranges.each(_counts, n_classes, ranges=[number])[0]
    return counts


def _counts(codes, classes, n_classes):
    return np.bincount(classes, minlength=n_classes)


def _label_code(tensors, n_symbols, inner):
    """The label code of saved tensors whose names begin with `inner`."""
    common, filter_bits = np.empty(0, np.int32), 0
    if f"{inner}common" in tensors:
        common, table = tensors[f"{inner}common"], tensors[f"{inner}filter.table"]
        filter_bits = table.shape[-1] if table.ndim else 0
        if not (
            common.ndim == 1
            and common.dtype == np.int32
            and 0 < len(common) <= min(n_symbols - 1, MOST_COMMON)
            and 0 < filter_bits <= MOST_FILTER_BITS
            and bool(np.all((common >= 0) & (common < n_symbols)))
            and len(np.unique(common)) == len(common)
        ):
            raise FormatError("the binary store's filter and its common classes do not fit each other")
    rare = np.setdiff1d(np.arange(n_symbols, dtype=np.int32), common)
    n_behind = len(rare) + (filter_bits > 0)
    if filter_bits and not inner and n_behind <= MOST_SYMBOLS_NESTED and f"{inner}rare.common" in tensors:
        rare_code = _label_code(tensors, n_behind, f"{inner}rare.")
    else:
        rare_code = PrefixCode.checked(n_behind, tensors.get(f"{inner}rare_lengths"))
    common_code = PrefixCode.checked(len(common), tensors.get(f"{inner}common_lengths"))
    if common_code.depth > MOST_COMMON:
        raise FormatError(f"the words of common classes have {common_code.depth} bits, and {MOST_COMMON} are the most")
    return LabelCode(common, common_code, filter_bits, rare, rare_code)
