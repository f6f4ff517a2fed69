"""Layers as C: tables, and a function that evaluates every unit.

*First layer.* A sum in double decides a sign where its error bound allows it. Let u = 2^-52, the unit of every rounding
mode, and eta = 2^-1022 (2^-126 for float32 points), below which a number may be taken for 0. The sum has d products and
the threshold. In any order, fused or not, with p the rounded sum, A the rounded sum of the absolute values and S what A
approximates,

    |p - (w.x - t)| <= gamma(d + 1) S + flushed,    S <= A + gamma(d + 1) S + flushed,
    flushed = eta sum_i |w_i| + (2 d + 8) 2^-1022,  gamma(k) = k u / (1 - k u)

(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 3.1 and 4.2); weights that are subnormal as
float may be taken for 0 too, so that a sum with any decides nothing. So the sign of p is right where
|p| > (d + 8) u A + 2 flushed; A < 2^1000 excludes overflow. All other signs are decided in integers, as in step 3 of
``src_cython/fastmem/_kernels/signs.pyx``: mantissas are multiplied and added up in a fixed-point number that is wide
enough for these weights and thresholds and every finite point.

*Other layers.* Inputs are bits, 32 a word. Units that differ in their threshold alone share a sum, a *form*. Most
weights of a form are told by bits. A *run* is a mask c over some neighbouring words that either counts inputs,
sum_i c_i x_i, or steps from one input to the next, sum_i c_i (x_i - x_(i+1)), which are weights c_i - c_(i-1): where 1
and -1 alternate along a row, as they do behind the gates of a ribbon, that is one bit a weight. Weights that are left
are listed, or all put in a table where that is smaller. Sums are taken modulo 2^32 or 2^64 and read as signed, so they
are exact if they fit.
"""

import re

import numpy as np

from fastmem.export.c import text
from fastmem.layers.integers import narrowed

__all__ = ["BinaryLayer", "FirstLayer", "Tables", "as_literal", "filled", "n_words"]

_WORD = 32
_SMALLEST = 2.0**-126
_LISTED, _HEADER = 2, 4  # bytes: of a weight in a list, and of a run without its mask, about
_LEAST_RUN = 6
_STEPS, _NEGATIVE = 128, 64  # bits of the kind of a run, above the power of two of its weights


def filled(template, **parts):
    """Lines of a template of `c_text` with its places filled."""
    return template.format(**parts)[1:].splitlines()


def n_words(n):
    """Number of words of n bits, at least one."""
    return max(-(-n // _WORD), 1)


class Tables:
    """Tables of one layer, as C; a table of numbers in arithmetic progression is written as an expression."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.lines = []
        self.nbytes = 0

    def add(self, name, values, variable):
        """The C expression of the entry at a variable; of type int32_t, int64_t or what holds the table's numbers."""
        values = np.asarray(values)
        if values.dtype.kind != "f":
            step = int(values[1]) - int(values[0]) if len(values) > 1 else 0
            small = max(abs(int(values.min())), abs(int(values.max()))) < 2**30
            if small and np.array_equal(values, int(values[0]) + step * np.arange(len(values))):
                return _progression(int(values[0]), step, variable)
            values = _narrow(values)
        self.lines += _array(_C_TYPES[values.dtype.str[1:]], f"{self.prefix}_{name}", values)
        self.nbytes += values.nbytes
        return f"{self.prefix}_{name}[{variable}]"

    def add_words(self, name, values):
        """Write a table of 64-bit words as they are."""
        self.lines += _array("uint64_t", f"{self.prefix}_{name}", values)
        self.nbytes += values.nbytes


_C_TYPES = {"f4": "float", "f8": "double"} | {
    f"{kind}{size}": f"{'u' * (kind == 'u')}int{8 * size}_t" for kind in "iu" for size in (1, 2, 4, 8)
}


def _narrow(values):
    """The same integers in the smallest type, of equally small ones in what C promotes to a signed type."""
    return narrowed(values, ("u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8"))


def _progression(first, step, variable):
    if step == 0:
        return _number(first)
    term = f"(int32_t){variable}" if step == 1 else f"({_number(step)} * (int32_t){variable})"
    return term if first == 0 else f"({_number(first)} + {term})"


def _number(value):
    return f"({value})" if value < 0 else str(value)


def _array(kind, name, values):
    """Lines of a definition."""
    if values.dtype.kind == "f":
        texts = [as_literal(value) + "f" * (kind == "float") for value in values.tolist()]
    elif kind == "uint64_t":
        texts = [f"{value:#x}" for value in values.tolist()]
    else:
        texts = [f"{value}{'u' * (kind == 'uint32_t')}" for value in values.tolist()]
    lines, width = [], max(map(len, texts)) + 2
    for start in range(0, len(texts), per_line := max(116 // width, 1)):
        lines.append("    " + ", ".join(texts[start : start + per_line]) + ",")
    return [f"static const {kind} {name}[{len(values)}] = {{", *lines, "};"]


def as_literal(value):
    """A floating-point number as a C99 literal without rounding."""
    return re.sub(r"\.?0*p", "p", value.hex())


class FirstLayer:
    """C code of the hyperplanes: ``static void layer_1(const coordinate *x, uint32_t *out)``."""

    has_runs = False

    def __init__(self, hyperplanes, dtype):
        self.n_units, self.d, self.dtype = hyperplanes.m, hyperplanes.d, dtype
        self.weights, self.thresholds = hyperplanes.weights, hyperplanes.thresholds
        self.tables = Tables("layer_1")
        self.lowest, self.n_digits = self._fixed_point()
        self.stack_bytes = 8 * self.n_digits
        if self.n_units:
            self.tables.add("weights", self.weights.ravel(), "")
            self.tables.add("thresholds", self.thresholds, "")

    def _fixed_point(self):
        """Power of two of the lowest bit, and number of digits, of the integers that hold every sum."""
        least, most, bits = (-149, 128, 24) if self.dtype == "float32" else (-1074, 1024, 53)
        w, t = (np.frexp(x[x != 0].astype(np.float64))[1] for x in (self.weights, self.thresholds))
        lowest = min(int(w.min(initial=0)) - 24 + least, int(t.min(initial=0)) - 53)
        highest = max(int(w.max(initial=0)) + most, int(t.max(initial=0))) + (self.d + 1).bit_length() + 1
        return lowest, (highest - lowest + bits) // _WORD + 3

    def floor(self):
        """A bound of all that is lost where numbers are taken for 0; beyond all sums where weights are subnormal."""
        magnitudes = np.abs(self.weights)
        if ((magnitudes > 0) & (magnitudes < _SMALLEST)).any():
            return 2.0**1023
        smallest = 2.0**-126 if self.dtype == "float32" else 2.0**-1022
        largest_sum = self.d * float(magnitudes.max(initial=0))  # the same on every machine
        return 2 * (largest_sum * (1 + 2.0**-20) * smallest + (2 * self.d + 8) * 2.0**-1022)

    def code(self):
        """Lines of the functions, and what they need."""
        if not self.n_units:
            return filled(text.NO_UNITS, name="layer_1", kind="coordinate")
        narrow = self.dtype == "float32"
        growth = as_literal((self.d + 8) * 2.0**-52)
        return [
            *self.tables.lines,
            *filled(text.UNPACK),
            *filled(text.ADD, lowest=self.lowest),
            *filled(text.EXACT, arguments="uint32_t j", which="hyperplane j's", d=self.d, n_digits=self.n_digits,
                    weight=f"layer_1_weights[j * (uint32_t){self.d} + i]", threshold="layer_1_thresholds[j]",
                    unpack="unpack_float" if narrow else "unpack_double",
                    add=text.ADD_NARROW if narrow else text.ADD_WIDE),
            *filled(text.SIGNS, d=self.d, m=self.n_units, words=n_words(self.n_units), growth=growth,
                    floor=as_literal(self.floor())),
        ]  # fmt: skip


class BinaryLayer:
    """C code of a layer with binary inputs: ``static void layer_i(const uint32_t *in, uint32_t *out)``."""

    def __init__(self, layer, position):
        self.n_units, self.n_inputs = layer.weights.shape
        self.name = f"layer_{position}"
        self.tables = Tables(self.name)
        self.has_runs, self.stack_bytes = False, 0
        if self.n_units:
            self._prepare(layer)

    def _prepare(self, layer):
        weights = layer.weights.copy()
        weights.eliminate_zeros()
        forms, form_of_unit = _distinct_rows(weights)
        self.n_forms = len(forms)
        # The last factor is for roundings.
        largest = float(np.abs(weights.astype(np.float64)).sum(axis=1).max()) * (1 + 2.0**-20)
        wide = max(largest, abs(int(layer.thresholds.min())), abs(int(layer.thresholds.max()))) >= 2**31
        self.bits = 64 if wide else 32
        runs, left = [], []
        for form, row in enumerate(forms):
            part = slice(*weights.indptr[row : row + 2])
            more, columns, values = _runs(weights.indices[part], weights.data[part], self.n_inputs)
            runs += [(form, *run) for run in more]
            left.append((columns, values))
        self.has_runs = bool(runs)
        self.has_steps = any(kind & _STEPS for _, kind, _, _ in runs)
        self.stack_bytes = self.bits // 8 * self.n_forms + 12 * n_words(self.n_inputs) * self.has_steps
        self._sums = [*self._run_code(runs), *self._single_code(left)]
        self._form = self.tables.add("forms", form_of_unit, "i")
        self._threshold = self.tables.add("thresholds", layer.thresholds, "i")

    def _run_code(self, runs):
        if not runs:
            return []
        forms, kinds, firsts, masks = zip(*runs, strict=True)
        add = self.tables.add
        form, kind, first = (
            add(*named, "i") for named in (("forms_of_runs", forms), ("kinds", kinds), ("firsts", firsts))
        )
        length = add("lengths", [len(mask) for mask in masks], "i")
        mask = add("masks", np.concatenate(masks), "{}")
        total = f"({kind} & {_NEGATIVE} ? 0 - total : total)" if any(k & _NEGATIVE for k in kinds) else "total"
        total += f" << ({kind} & 63)" if any(k & 63 for k in kinds) else ""
        count = self._count_code(kinds, kind, mask)
        return filled(text.RUNS, n=len(runs), form=form, first=first, length=length, count=count, total=total,
                      bits=self.bits)  # fmt: skip

    def _count_code(self, kinds, kind, mask):
        """C code that adds up what the mask of one run picks."""
        ones = "\n".join(filled(text.COUNT_ONES, mask=mask.format("(k + j)")))
        steps = "\n".join(filled(text.COUNT_STEPS, mask=mask.format("(k + at)")))
        if all(k & _STEPS for k in kinds):
            return steps
        if not any(k & _STEPS for k in kinds):
            return ones
        return "\n".join(filled(text.COUNT_EITHER, kind=kind, steps=steps, ones=ones))

    def _single_code(self, left):
        """Of the weights that no run tells: a list for each form, or all in a table."""
        counts = np.array([len(columns) for columns, _ in left], np.int64)
        if not counts.any():
            return []
        columns, values = (np.concatenate(parts) for parts in zip(*left, strict=True))
        entries, magnitudes = columns.astype(np.int64) << 1 | (values < 0), np.abs(values)
        shifts = np.bitwise_count((magnitudes - 1).astype(np.uint64))
        as_shifts = int(magnitudes.max()) > 255 and not (magnitudes & (magnitudes - 1)).any()
        listed = _narrow(entries).nbytes + _narrow(shifts if as_shifts else magnitudes).nbytes + 2 * self.n_forms
        number = f"(uint{self.bits}_t)"
        if self.n_forms * self.n_inputs * _narrow(values).itemsize < listed:
            table = np.zeros((self.n_inputs, self.n_forms), np.int64)
            table[columns, np.repeat(np.arange(self.n_forms), counts)] = values
            weight = self.tables.add("weights", table.ravel(), f"(i * {self.n_forms} + j)")
            return filled(text.TABLE, n=self.n_inputs, m=self.n_forms, weight=weight, bits=self.bits)
        end = self.tables.add("ends", np.cumsum(counts), "i")
        entry = self.tables.add("inputs", entries, "k")
        if as_shifts:
            magnitude = f"{number}1 << {self.tables.add('shifts', shifts, 'k')}"
        else:
            magnitude = number + self.tables.add("magnitudes", magnitudes, "k")
        return filled(text.LISTS, n=self.n_forms, end=end, entry=entry, magnitude=magnitude, bits=self.bits)

    def code(self):
        """Lines of the tables and of the function."""
        if not self.n_units:
            return filled(text.NO_UNITS, name=self.name, kind="uint32_t")
        steps = filled(text.STEPS, n=n_words(self.n_inputs)) if self.has_steps else []
        sums = "\n".join([*steps, *self._sums]) or "    (void)in;"
        return self.tables.lines + filled(
            text.LAYER, name=self.name, bits=self.bits, n_forms=self.n_forms, n_words=n_words(self.n_units),
            n=self.n_units, sums=sums, form=self._form, threshold=self._threshold,
        )  # fmt: skip


def _distinct_rows(weights):
    """First of all equal rows, and for each row which of these it equals."""
    numbers, firsts, form_of_unit = {}, [], []
    for row in range(weights.shape[0]):
        part = slice(weights.indptr[row], weights.indptr[row + 1])
        form = numbers.setdefault((weights.indices[part].tobytes(), weights.data[part].tobytes()), len(numbers))
        if form == len(firsts):
            firsts.append(row)
        form_of_unit.append(form)
    return firsts, np.array(form_of_unit)


def _runs(columns, values, n_inputs):
    """Runs of a row, as kind, first word and mask, and the columns and values of the weights that they leave."""
    runs, magnitudes = [], np.abs(values)
    unique, counts = np.unique(magnitudes, return_counts=True)
    chosen = unique[(counts >= _LEAST_RUN) & ((unique & (unique - 1)) == 0)]
    if not len(chosen):
        return runs, columns, values
    row = np.zeros(_WORD * n_words(n_inputs) + 1, np.int64)
    row[columns] = values
    for magnitude in chosen.tolist():
        signs = np.where(np.abs(row) == magnitude, np.sign(row), 0)
        for kind, first, bits in _best_runs(signs):
            weights = np.diff(bits, prepend=0, append=0) if kind & _STEPS else bits
            start = _WORD * first
            row[start : start + len(weights)] -= weights * magnitude * (-1 if kind & _NEGATIVE else 1)
            mask = np.packbits(bits.astype(np.uint8), bitorder="little").view("<u4")
            runs.append((kind | (magnitude.bit_length() - 1), first, mask))
    row = row[:n_inputs]  # inputs behind the last are always 0
    left = np.flatnonzero(row)
    return runs, left, row[left]


def _best_runs(signs):
    """Of weights 1, -1 and 0, the runs that save most: steps, or what is 1 and what is -1 by itself."""
    counting, saved = [], 0
    for sign, kind in ((1, 0), (-1, _NEGATIVE)):
        first, end, gain = _densest(signs == sign)
        if gain > _HEADER:
            counting.append((kind, first, (signs[_WORD * first : _WORD * end] == sign).astype(np.int64)))
            saved += gain - _HEADER
    first, end, _ = _densest(signs != 0)
    part = signs[_WORD * first : _WORD * end]
    places = np.flatnonzero(part)
    if not len(places):
        return counting
    # After a weight 1 the mask is 1, after -1 it is 0; before the first it is the other.
    last = np.maximum.accumulate(np.where(part != 0, np.arange(len(part)), places[0]))
    bits = (part[last] > 0).astype(np.int64)
    bits[: places[0]] = 1 - bits[places[0]]
    left = np.count_nonzero(np.append(part, signs[_WORD * end]) != np.diff(bits, prepend=0, append=0))
    gain = _LISTED * (len(places) - left) - 4 * (end - first) - _HEADER
    return [(_STEPS, first, bits)] if gain > saved else counting


def _densest(chosen):
    """The neighbouring words, first and end, in which a mask saves most, and how many bytes."""
    gains = _LISTED * chosen[: len(chosen) // _WORD * _WORD].reshape(-1, _WORD).sum(axis=1) - 4
    sums = np.append(0, np.cumsum(gains))
    before = np.minimum.accumulate(sums)
    end = int(np.argmax(sums - before))
    return int(np.flatnonzero(sums[: end + 1] == before[end])[-1]), end, int(sums[end] - before[end])
