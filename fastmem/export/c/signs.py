"""Exact signs of hyperplanes as C, in up to three steps.

The first step is in float for all hyperplanes at once, coordinate by coordinate, so that compilers find vectors in it.
Let u = 2^-23 be the unit of every rounding mode, eta = 2^-126, below which a number may be taken for 0, and
gamma(k) = k u / (1 - k u). Coordinates are read as y_i = x_i - c_i and thresholds as cuts t - w.c, with a centre c
where points lie far from 0, else with c = 0. Where columns spread unlike each other they have scales s_i, powers of
two, else s_i = 1. M is the largest |y_i| / s_i as computed. Then

- a rounded y_i errs by at most 2 u |y_i| + 3 eta, and is at most s_i (M + eta);
- a weight may be taken for 0 below eta: with W = sum_i s_i (|w_i| + 2^-100) the sum errs by less than 4 u W M for it;
- d products and d - 1 sums in any order, fused or not, err by at most gamma(d) sum_i |w_i y_i| + 2 d eta (Higham,
  Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1);
- a cut is the float nearest to t - w.c, within 2^-24 of its size or eta; the difference from it is rounded once more.

Altogether the sign of the rounded difference is right where its size is above

    growth M + (2^-22 |cut| + floor),    growth = gamma(d + 8) W,    floor = 2 eta (4 sum_i |w_i| + W + 4 d + 8),

with growth multiplied by 1 + 2^-16 for the roundings of the bound and of the difference. One growth serves all
hyperplanes where their W are alike. Nothing overflows: growth M < 2^100 is asked for, so W M < 2^120, and cuts are
below 2^120. Where that fails, or something is not finite, no comparison is true and nothing is decided.

The second step is that of `fastmem.export.c.layers`, in double, one hyperplane at a time: its bound adds up the
magnitudes of all products, so it does not mind where points lie. The third is that of it too, in integers.

Hyperplanes x_c = t on a line are searched by the bits of the numbers: those that the coordinate reaches come first.
"""

import math

import numpy as np

from fastmem.export.c import lookup_text as text
from fastmem.export.c import text as layer_text
from fastmem.export.c.layers import FirstLayer, as_literal, n_words
from fastmem.machine.floats import default_environment

__all__ = ["Signs", "write_steps"]

_BLOCK, _WORD, _LANES = 64, 32, 4
_UNIT, _SMALLEST = 2.0**-23, 2.0**-126
_MOST_CUT = 2.0**120
_MOST_COLUMNS = 2**20  # of the first step
_ALIKE = 16
_WORTH = 8  # so much smaller must a bound be for another table
_SCALES = 100


def write_steps(source, sets, dtype):
    """Write the second and the third step, for some `Hyperplanes`."""
    firsts = [FirstLayer(hyperplanes, dtype) for hyperplanes in sets if _column_of_a_line(hyperplanes) is None]
    if not firsts:
        return
    lowest = min(first.lowest for first in firsts)
    n_digits = max(first.n_digits + -(-(first.lowest - lowest) // _WORD) for first in firsts)
    source.stack_bytes += 8 * n_digits
    unpack, add = (
        ("unpack_float", layer_text.ADD_NARROW) if dtype == "float32" else ("unpack_double", layer_text.ADD_WIDE)
    )
    source.write(layer_text.UNPACK)
    source.write(layer_text.ADD, lowest=lowest)
    source.write(
        layer_text.EXACT, which="a hyperplane's", d="d",
        arguments="const float *weights, uint32_t step, uint32_t d, const double *t",
        n_digits=n_digits, weight="weights[i * step]", threshold="*t", unpack=unpack, add=add,
    )  # fmt: skip
    growth = max(first.d + 8 for first in firsts) * 2.0**-52
    floor = max(first.floor() for first in firsts)
    source.write(text.NEAR_SIGN, growth=as_literal(growth), floor=as_literal(floor))


def _column_of_a_line(hyperplanes):
    """The column c, if all hyperplanes are x_c = t for ascending t, and there are some; else None."""
    weights, thresholds = hyperplanes.weights, hyperplanes.thresholds
    used = np.flatnonzero(weights.any(axis=0))
    if len(used) == 1 and (weights[:, used[0]] == 1).all() and np.all(thresholds[1:] >= thresholds[:-1]):
        return int(used[0])
    return None


class Signs:
    """C code of the signs of some hyperplanes of a point, and of codes of them.

    It writes ``uint32_t NAME_largest(const coordinate *x)``, by which one knows whether the point is finite, ``void
    NAME_signs(const coordinate *x, uint32_t largest, uint32_t *signs)``, and ``void NAME_gather(const coordinate *x,
    coordinate *read)`` where the coordinates that are read are no neighbours: the others then take what was gathered.

    Parameters
    ----------
    source : Source
    name : str
    columns : int64 array of shape (r,) or None
        Those that are read: all of `n_features`, if None.
    n_features : int
    hyperplanes : Hyperplanes or None
        Of which signs are asked for; None for none.
    dtype : {"float32", "float64"}
    like : Signs, optional
        Others, which may read the same columns: then their functions serve.

    Attributes
    ----------
    d, m, n_words : int
        Of coordinates read, hyperplanes, and words that signs take.
    first : int
        The first coordinate that is read, if they are neighbours.
    gathers : bool
    reader : str
        What the names of the functions begin with that read the coordinates.
    """

    def __init__(self, source, name, columns, n_features, hyperplanes, dtype, like=None):
        self._source, self.name, self._hyperplanes, self.columns = source, name, hyperplanes, columns
        self.is_narrow = dtype == "float32"
        self.d = n_features if columns is None else len(columns)
        self.m = 0 if hyperplanes is None else hyperplanes.m
        neighbours = columns is None or bool(np.all(np.diff(columns) == 1))
        self.gathers = not neighbours
        self.first = 0 if columns is None or self.gathers else int(columns[0])
        self._line = _column_of_a_line(hyperplanes) if self.m else None
        self.n_words = 1 if self._line is not None else n_words(self.m)
        source.stack_bytes += self.gathers * self.d * (4 if self.is_narrow else 8) + 8 * self.n_words
        self.reader = name if like is None or not self._reads_as(like) else like.reader
        if self.reader == name:
            self._write_reader()
        if self._line is not None:
            self._write_search()
        elif self.m:
            self._write_sums()

    def _reads_as(self, other):
        return self.d == other.d and (self.columns is other.columns or np.array_equal(self.columns, other.columns))

    def _write_reader(self):
        source, name = self._source, self.name
        if self.gathers:
            source.write(text.GATHER, name=name, d=self.d, column=source.table(name, "read", self.columns, "i"))
        source.write(text.LARGEST, name=name, d=self.d, bits=f"{self._bits_function(self.is_narrow)}(x[i])")

    def _bits_function(self, is_narrow):
        name, template = ("float_bits", text.FLOAT_BITS) if is_narrow else ("double_bits", text.DOUBLE_BITS)
        self._source.once(name, lambda: self._source.write(template))
        return name

    # On a line

    def _write_search(self):
        size = 32 if self.is_narrow else 64
        keys = _keys(self._hyperplanes.thresholds, np.dtype(f"f{size // 8}"))
        key = self._source.table(self.name, "keys", keys, "(low + half - 1)")
        self._source.write(text.KEYS, name=self.name, size=size, m=self.m, column=self._line, top=size - 1, key=key,
                           magnitude=f"{(1 << (size - 1)) - 1:#x}")  # fmt: skip

    # By sums

    def _write_sums(self):
        source, name, d, m = self._source, self.name, self.d, self.m
        weights, thresholds = self._hyperplanes.weights, self._hyperplanes.thresholds
        self._n_full, self._rest = (m // _BLOCK, m % _BLOCK) if m > _BLOCK else (0, m)
        full = self._n_full * _BLOCK
        blocks = weights[:full].reshape(-1, _BLOCK, d).transpose(0, 2, 1).ravel()
        behind = np.zeros(_lanes(self._rest) - self._rest, np.float32)
        source.table(name, "weights", np.concatenate([blocks, weights[full:].T.ravel(), behind]), "")
        source.table(name, "thresholds", thresholds, "")
        place, step = "k", self._rest
        if self._n_full:
            place, step = f"((k >> 6) * {_BLOCK * d} + (k & 63))", _BLOCK
            if self._rest:
                place, step = (f"(k < {full} ? {ours} : {rest})" for ours, rest in
                               ((place, f"k + {full * (d - 1)}"), (_BLOCK, self._rest)))  # fmt: skip
        every = (1 << (m - 1) % _WORD + 1) - 1
        parts = {"words": self.n_words, "last": every, "name": name}
        bounds = _Bounds(self._hyperplanes)
        first_step = self._first_step(bounds, parts) if bounds.holds else _text(text.NO_FILTER, **parts)
        source.write(text.SIGNS, filter=first_step, place=place, step=step, d=d, **parts)

    def _first_step(self, bounds, parts):
        """Lines of the first step, whose functions are written before."""
        source, name, d = self._source, self.name, self.d
        cuts = source.table(name, "cuts", bounds.cuts, "")[:-2]
        growths = ""
        if bounds.growths is not None:
            growths = source.table(name, "growths", bounds.growths, "")[:-2]
        growth = "growths[{first}j]" if growths else _float(bounds.growth)
        arguments = "const float *growths, " if growths else ""
        for kind, width in (("block", _BLOCK * bool(self._n_full)), ("rest", self._rest)):
            if width:
                source.write(text.BLOCK, name=name, kind=kind, width=width, lanes=_lanes(width), d=d, growths=arguments,
                             words=_words(width, growth, _float(bounds.floor)))  # fmt: skip
        y, prepare = self._prepared(bounds)
        source.stack_bytes += 4 * (d * (y == "y") + min(self.m, _BLOCK))
        calls, full = [], self._n_full * _BLOCK
        if self._n_full:
            at = f"{growths} + i * {_BLOCK}, " if growths else ""
            calls.append(
                _text(text.FULL_BLOCKS, name=name, n=self._n_full, size=_BLOCK * d, growths=at, y=y, cuts=cuts)
            )
        if self._rest:
            at = f"{growths} + {full}, " if growths else ""
            calls.append(_text(text.LAST_BLOCK, name=name, start=full * d, first=full, word=full // _WORD, y=y,
                               growths=at))  # fmt: skip
        return _text(text.FILTER, y=prepare, growth=_float(bounds.growth), blocks="\n".join(calls), **parts)

    def _prepared(self, bounds):
        """The coordinates as the first step reads them, and the lines that make them."""
        if self.is_narrow and bounds.centre is None and bounds.scales is None:
            return "x", ""
        value = "x[i]"
        if bounds.centre is not None:
            value += f" - {self._source.table(self.name, 'centre', bounds.centre, 'i')}"
        value = value if self.is_narrow else f"(float)({value})"
        scale = ""
        if bounds.scales is not None:
            scale = f" * {self._source.table(self.name, 'shrink', 1 / bounds.scales, 'i')}"
        return "y", _text(text.COORDINATES, d=self.d, value=value, scale=scale, bits=self._bits_function(True))

    # Codes

    def code(self, columns):
        """The name of a function from signs to the XOR of columns, uint64 array of shape (m,)."""
        return self._source.once((self.name, columns.tobytes()), lambda: self._write_code(columns))

    def _write_code(self, columns):
        name = self._source.name(f"{self.name}_code")
        first = int(columns[0]).bit_length() - 1
        in_order = [1 << (first + j) for j in range(self.m)] == columns.tolist()
        if self._line is not None:
            prefixes = np.bitwise_xor.accumulate(np.append(np.zeros(1, np.uint64), columns))
            of_count = (
                f"(uint64_t){self._source.table(name, 'prefixes', prefixes, '*signs')}"
                if not in_order
                else (f"(((uint64_t)1 << *signs) - 1) << {first}")
            )
            body = f"    return {of_count};"
        elif in_order:
            high = " | (uint64_t)signs[1] << 32" if self.n_words > 1 else ""
            body = f"    return ((uint64_t)signs[0]{high}) << {first};" if first else f"    return signs[0]{high};"
        else:
            column = self._source.table(name, "columns", columns, "i")
            body = _text(text.XOR_OF_COLUMNS, m=self.m, column=column)
        self._source.write(text.CODE, name=name, body=body)
        return name


def _text(template, **parts):
    return template.format(**parts)[1:]


def _float(number):
    return as_literal(float(number)) + "f"


def _lanes(width):
    """Sums that fill vectors of four: those behind the width add up what stands there."""
    return -(-width // _LANES) * _LANES if width >= _LANES else width


def _words(width, growth, floor):
    """Comparisons of sums, for each word of signs."""
    firsts = [(word, f"{_WORD * word} + " if word else "") for word in range(n_words(width))]
    return "\n".join(
        _text(text.COMPARISONS, word=word, first=first, n=min(width - _WORD * word, _WORD),
              growth=growth.format(first=first), floor=floor)
        for word, first in firsts
    )  # fmt: skip


def _keys(thresholds, dtype):
    """The least numbers of a dtype that reach the thresholds, by their bits: integers in the order of the numbers."""
    with np.errstate(over="ignore", under="ignore"):
        numbers = thresholds.astype(dtype)
    below = numbers.astype(np.float64) < thresholds
    numbers[below] = np.nextafter(numbers[below], dtype.type(np.inf))
    bits = numbers.view(f"i{dtype.itemsize}")
    magnitudes = bits & np.iinfo(bits.dtype).max
    return np.where(bits < 0, -magnitudes, magnitudes)


class _Bounds:
    """What the first step of signs takes.

    Attributes
    ----------
    holds : bool
        Whether its proof holds for these numbers; else there is nothing else.
    centre, scales : float32 arrays of shape (d,), or None
    cuts : float32 array of shape (m,)
    growth, floor : float
    growths : float32 array of shape (m,), or None where `growth` serves all
    """

    @default_environment()
    def __init__(self, hyperplanes):
        weights, d = np.abs(hyperplanes.weights.astype(np.float64)), hyperplanes.d
        spread = np.ldexp(1.0, np.clip(hyperplanes.exponents, -_SCALES, _SCALES).astype(np.int64))
        self.holds = d < _MOST_COLUMNS and bool(weights.any())
        if not self.holds:
            return
        self.centre = self._centre(hyperplanes.centre, weights, spread)
        self.scales = None
        if np.median(weights.sum(axis=1) * spread.max() / ((weights * spread).sum(axis=1) + 1e-300)) > _WORTH:
            self.scales = spread.astype(np.float32)
        scales = np.ones(d) if self.scales is None else spread
        sums = ((weights + 2.0**-100) * scales).sum(axis=1)
        most = (d + 8) * _UNIT
        growths = most / (1 - most) * sums * (1 + 2.0**-16)
        self.cuts = self._cuts(hyperplanes)
        self.growth = _rounded_up(growths.max())
        self.floor = _rounded_up(2 * _SMALLEST * (4 * weights.sum(axis=1) + sums + 4 * d + 8).max())
        self.growths = None
        used = growths[weights.any(axis=1)]
        if used.max() > _ALIKE * np.median(used):
            self.growths = np.array([_rounded_up(growth) for growth in growths], np.float32)
        # Nor may a growth be a number that is taken for 0.
        numbers = [self.growth, self.floor, *np.abs(self.cuts).tolist()]
        self.holds = max(numbers) < _MOST_CUT and growths.min() > 2.0**-120

    def _centre(self, centre, weights, spread):
        """Where the points lie, if that is much farther from 0 than from each other."""
        with np.errstate(over="ignore"):
            centre = centre.astype(np.float32)
        if not np.isfinite(centre).all():
            return None
        far, near = (weights * np.abs(centre)).sum(axis=1), (weights * spread).sum(axis=1)
        return centre if np.median(far / (near + 1e-300)) > _WORTH else None

    def _cuts(self, hyperplanes):
        """The float nearest to each t - w.c."""
        thresholds = hyperplanes.thresholds
        with np.errstate(over="ignore", under="ignore"):
            if self.centre is None:
                return thresholds.astype(np.float32)
            # Products of floats are exact in float64.
            products = -hyperplanes.weights.astype(np.float64) * self.centre.astype(np.float64)
            cuts = [_exact_sum(row) for row in np.column_stack([thresholds, products]).tolist()]
            return np.array(cuts).astype(np.float32)


def _exact_sum(numbers):
    """The sum, rounded once; infinite where it overflows."""
    try:
        return math.fsum(numbers)
    except OverflowError:
        return math.inf


def _rounded_up(number):
    """The least float above a number."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.nextafter(np.float32(number), np.float32(np.inf)))
