"""A network's shortcut as C: a function for each part of a `fastmem.export.lookup.Plan`, and its tables.

Signs are those of `fastmem.export.c.signs`. What follows them computes what the parts' ``read`` says, with tables of
another form where that is smaller:

- *Features* are threshold units, so their counts are sums over bits of the code: for each bit one word tells which
  features read it, and one which of these count it where it is 0. Four bits are added to the counts of all 64 features
  at once, digit by digit (carry-save adders).
- *Ranges* are found by fewer prefixes and a few more halvings. Their starts lose the zeros that all of them end with.
- *Starts* of windows are parities of the code, so their table is linear: told by groups of four bits, not of eight.
"""

from dataclasses import dataclass

import numpy as np

from fastmem.data.reading import Reading
from fastmem.export.c import lookup_text as text
from fastmem.export.c.signs import Signs, write_steps
from fastmem.export.c.source import Source
from fastmem.export.lookup import Binary, Constant, Filtered, Hash, Lifts, Mapped, Plain, Runs, Staged
from fastmem.hyperplanes.hyperplanes import Hyperplanes

__all__ = ["Lookup"]

_NIBBLE = 4
_SHARE = 1 / 2  # of prefixes in starts


class Lookup:
    """C code of a plan, up to the public functions.

    Parameters
    ----------
    plan : fastmem.export.lookup.Plan
    dtype : {"float32", "float64"}

    Attributes
    ----------
    source : Source
    labels : Signs
    classes, code : str or None
        Functions from signs to the code that labels are read from, and from this to class indices; None where there is
        one class alone.
    known : Signs or None
        What is read to know a point: no hyperplanes where those of labels do, or a hash.
    is_hash : bool
        Whether points are known by a hash of their numbers.
    code_of_labels, code_of_others : str or None
        Functions from the signs of `labels` and of `known` to what they add to the code by which a point is known.
    accepts, features : str
        Functions of this code, if there is any.
    sign_bytes, store_bytes, known_bytes : int
        Tables of the signs that labels are read from, of the store, and of what tells known points from others.
    """

    def __init__(self, plan, dtype):
        self.source, self._dtype, self._d = Source(), dtype, plan.n_features
        known = _KnownSigns.of(plan)
        has_classes = not isinstance(plan.classes, Constant)
        of_labels = plan.signs.hyperplanes if has_classes or (known and known.n_shared) else None
        sets = [of_labels, known.others if known else None]
        self.source.write(text.MAGNITUDES)
        write_steps(self.source, [found for found in sets if found is not None and found.m], dtype)
        self.labels = self._signs("labels", plan.signs.columns, of_labels)
        self.code = self.labels.code(plan.code.columns) if has_classes and self.labels.m else None
        self.sign_bytes = self.source.nbytes
        self.classes = self._classes(plan.classes)
        self.store_bytes = self.source.nbytes - self.sign_bytes
        self.known = None
        if known:
            self._know(plan.known, known)
        self.known_bytes = self.source.nbytes - self.sign_bytes - self.store_bytes

    def _signs(self, name, columns, hyperplanes, like=None):
        return Signs(self.source, name, columns, self._d, hyperplanes, self._dtype, like)

    @property
    def n_hyperplanes(self):
        """How many signs are taken, at most, to answer."""
        return self.labels.m + (self.known.m if self.known else 0)

    # Known points

    def _know(self, part, known):
        self.known = self._signs("known", part.signs.columns, known.others, self.labels)
        self.code_of_labels = self.code_of_others = None
        self.is_hash = isinstance(part.signs, Hash)
        if self.is_hash:
            self.source.write(text.BITS_OF_FLOAT if self._dtype == "float32" else text.BITS_OF_DOUBLE)
            self.source.write(text.HASH, d=self.known.d)
        else:
            m = known.n_shared
            if m:
                self.code_of_labels = self.labels.code(part.code.columns[:m])
            if self.known.m:
                self.code_of_others = self.known.code(part.code.columns[m:])
        self.features = self._features(part.features)
        self.accepts = self._accepts(part.fingerprints)

    # Classes

    def _classes(self, part):
        if isinstance(part, Constant):
            return None
        name, source = "classes", self.source
        if isinstance(part, Runs):
            search = self._search(part.search)
            value = source.table(name, "of_ranges", part.classes, "range")
            source.write(text.RUNS, name=name, search=search, value=value)
        elif isinstance(part, Lifts):
            self._lifts(name, part)
        elif isinstance(part.symbols, Constant):
            source.write(text.CONSTANT, name=name, value=part.symbols.value)
        else:
            assert isinstance(part, Binary)
            features, symbols = self._features(part.features), self._symbols(part.symbols)
            source.write(text.BINARY, name=name, features=features, symbols=symbols)
        return name

    def _lifts(self, name, part):
        a, (_, n_values, k) = part.segment_bits, part.weights.shape
        largest = int(np.abs(part.weights.astype(np.float64)).max(initial=0))
        weight = self.source.table(name, "weights", part.weights.ravel(), "({} + j)")
        weights = {f"weight_{i}": weight.format(place) for i, place in enumerate(("first", "second", "third"), 1)}
        self.source.write(
            text.LIFTS, name=name, search=self._search(part.search), size=n_values * k, mask=(1 << a) - 1, a=a,
            twice_a=2 * a, k=k, kind="int32_t" if largest < 2**29 else "int64_t", last=part.n_classes - 1, **weights,
        )  # fmt: skip

    def _search(self, part):
        """An expression of the number of a code's range."""
        if len(part.starts) == 1:
            return "0u"
        key = ("search", part.starts.tobytes(), part.index.tobytes(), part.shift)
        return f"{self.source.once(key, lambda: self._write_search(part))}(code)"

    def _write_search(self, part):
        name, r = self.source.name("range"), len(part.starts)
        n_bits = part.shift + (len(part.index) - 2).bit_length()
        shift, prefixes = _coarser(part)
        every = int(np.bitwise_or.reduce(part.starts))
        zeros = (every & -every).bit_length() - 1
        start = self.source.table(name, "starts", part.starts >> np.uint64(zeros), "(low + half)")
        index = self.source.table(name, "index", prefixes, "({})")
        self.source.write(text.SEARCH, name=name, r=r, shift=shift, low=index.format("prefix"), start=start,
                          high=index.format("prefix + 1"), zeros=zeros, kind=_word(n_bits - zeros))  # fmt: skip
        return name

    # The binary store

    def _features(self, part):
        """A function from a code to its features."""
        key = ("features", part.shifts.tobytes(), part.counts.tobytes())
        return self.source.once(key, lambda: self._write_features(part))

    def _write_features(self, part):
        name = self.source.name("features")
        words, digits = _bit_words(part.counts)
        self.source.words(name, "words", words.ravel())
        shift = self.source.table(name, "shifts", part.shifts, "i")
        self.source.write(
            text.FEATURES, name=name, n=len(part.shifts), shift=shift, d=[f"{word:#x}" for word in digits]
        )
        return name

    def _ribbon(self, part):
        """A function from a code and its features to what planes store."""
        name, n = self.source.name("ribbon"), part.n_planes
        self.source.once("parity", lambda: self.source.write(text.PARITY))
        search, cells = self._search(part.search), self.source.words(name, "cells", part.cells)
        window, start = f"{cells}[at]", ""
        if part.n_words > 1 or part.spacing:
            after = f"{cells}[at + {n}]"
            window, start = f"({window} ^ (({window} ^ {after}) & of_next))", self._start(name, part)
        planes = "A bit of the code" if n == 1 else f"{n} bits of the code"
        row = f"{search} * {part.n_words * n}"
        self.source.write(text.RIBBON, name=name, planes=planes, kind=_word(n), row=row, start=start, n_planes=n,
                          window=window)  # fmt: skip
        return name

    def _start(self, name, part):
        nibbles = np.stack([part.start_table[:, :16], part.start_table[:, :: 1 << _NIBBLE]], axis=1).reshape(-1, 16)
        nibbles = nibbles[: max(np.flatnonzero(nibbles.any(axis=1)), default=0) + 1]
        beta = self.source.table(name, "starts", nibbles.ravel(), "(i << 4 | ((uint32_t)(code >> 4 * i) & 15))")
        return _text(text.START, n=len(nibbles), beta=beta, spacing=part.spacing, n_planes=part.n_planes)

    def _symbols(self, part):
        """A function from a code and its features to symbols, or classes."""
        name, source = self.source.name("symbols"), self.source
        if isinstance(part, Staged):
            self._staged(name, part)
        elif isinstance(part, Mapped):
            inner = self._symbol(part.symbols)
            value = source.table(name, "classes", part.classes, "symbol")
            source.write(text.MAPPED, name=name, symbol=inner, value=value)
        else:
            assert isinstance(part, Filtered)
            accepts, rare, common = self._accepts(part.filter), self._symbol(part.rare), self._symbol(part.common)
            rare_class = source.table(name, "rare", part.rare_classes, "symbol")
            common_class = source.table(name, "common", part.common_classes, "symbol")
            source.write(text.FILTERED, name=name, accepts=accepts, rare=rare, rare_class=rare_class, common=common,
                         common_class=common_class)  # fmt: skip
        return name

    def _symbol(self, part):
        """An expression of the symbol of a code."""
        if isinstance(part, Mapped) and isinstance(part.symbols, Constant):
            return str(int(part.classes[part.symbols.value]))
        return str(part.value) if isinstance(part, Constant) else f"{self._symbols(part)}(code, features)"

    def _staged(self, name, part):
        depth = max(shift + ribbon.n_planes for ribbon, shift, _ in part.stages)
        kind = _word(depth)
        (first, shift, longer), *others = part.stages
        symbol = self._decoder(f"{name}_of", part.decoder, depth)
        first, more = self._ribbon(first), []
        for ribbon, behind, next_longer in others:
            more += [_text(text.STAGE, longer=longer, kind=kind, ribbon=self._ribbon(ribbon), shift=behind)]
            longer = next_longer
        more = "\n".join([*more, *["    " + "}" * len(others)][: len(others)]])
        self.source.write(text.STAGED, name=name, kind=kind, first=first, shift=shift, more=more, symbol=symbol)

    def _decoder(self, name, part, depth):
        kind = _word(depth)
        if isinstance(part, Plain):
            half = 1 << depth >> 1
            value = "word" if part.n_symbols == 1 << depth else f"word < {part.n_symbols}u ? word : word - {half}u"
            self.source.write(text.PLAIN, name=name, kind=kind, value=value)
        else:
            start = self.source.table(name, "starts", part.starts, "(low + half)")
            symbol = self.source.table(name, "symbols", part.symbols, "low")
            self.source.write(text.CANONICAL, name=name, kind=kind, n=len(part.starts), start=start, symbol=symbol)
        return name

    def _accepts(self, part):
        """A function from a code and its features to whether it is accepted."""
        name = self.source.name("accepts")
        ribbon, prints = self._ribbon(part.ribbon), self._features(part.prints)
        every = (1 << part.ribbon.n_planes) - 1
        self.source.write(text.ACCEPTS, name=name, kind=_word(part.ribbon.n_planes), ribbon=ribbon, prints=prints,
                          every=every)  # fmt: skip
        return name


@dataclass(frozen=True)
class _KnownSigns:
    """Signs by which points are known.

    Attributes
    ----------
    n_shared : int
        So many are those that labels are read from.
    others : Hyperplanes or None
        Those behind them.
    """

    n_shared: int
    others: Hyperplanes | None

    @classmethod
    def of(cls, plan):
        """Those of a plan; None if it knows no points."""
        if plan.known is None:
            return None
        if isinstance(plan.known.signs, Hash):
            return cls(0, None)
        hyperplanes, m = plan.known.signs.hyperplanes, plan.signs.hyperplanes.m
        shares = m <= hyperplanes.m and np.array_equal(_thresholds(plan.signs), hyperplanes.thresholds[:m])
        shares = shares and np.array_equal(_everywhere(plan, plan.signs), _everywhere(plan, plan.known.signs)[:m])
        first = m if shares else 0
        others = Hyperplanes(hyperplanes.weights[first:], hyperplanes.thresholds[first:], hyperplanes.centre,
                             hyperplanes.exponents)  # fmt: skip
        return cls(first, others)


def _thresholds(signs):
    return signs.hyperplanes.thresholds


def _everywhere(plan, signs):
    """Weights of all coordinates of a point."""
    weights = signs.hyperplanes.weights
    if signs.columns is None:
        return weights
    return Reading(signs.columns, plan.n_features).of_all(weights)


def _coarser(search):
    """Shift and index of a search with half as many prefixes as starts: less to store, for a few more steps."""
    shift, index = search.shift, search.index
    while len(index) > 3 and len(index) % 2 and len(index) > _SHARE * len(search.starts):
        shift, index = shift + 1, index[::2]
    return shift, index


def _text(template, **parts):
    return template.format(**parts)[1:]


def _word(n_bits):
    """An unsigned type that holds so many bits."""
    return "uint32_t" if n_bits <= 32 else "uint64_t"


def _bit_words(counts):
    """What `text.FEATURES` takes: words of features by code bit, (g, 8), and seven digits of counts without any.

    Words k and k + 4 are of bit k of the group: which features read it, and which of these count it where it is 0.
    """
    features = np.arange(64, dtype=np.uint64)
    digits = (counts[..., None] >> features) & np.uint64(1)
    numbers = (digits.astype(np.int64) << np.arange(7)[:, None]).sum(axis=2)  # (g, 16, 64)
    added = np.stack([numbers[:, 1 << k] - numbers[:, 0] for k in range(_NIBBLE)], axis=1)  # (g, 4, 64)
    least = (numbers[:, 0] + np.minimum(added, 0).sum(axis=1)).sum(axis=0)
    words = np.concatenate([_packed(added != 0), _packed(added < 0)], axis=1)
    return words, _packed((least[None] >> np.arange(7)[:, None]) & 1)


def _packed(bits):
    """Words of their last axis, feature t as bit t."""
    return (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)).sum(axis=-1, dtype=np.uint64)
