"""From points to codes, in compiled code."""

import math
from functools import cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from fastmem.errors import InvalidInput
from fastmem.export.jit.memory import count_up_to, inner, leading_zeros, trailing_zeros, uint64_at
from fastmem.machine.floats import default_environment

__all__ = ["encoder_function", "first_coordinate", "hash_function", "step_of"]


_LANES = 8
_MOST_GROUPS = 8  # of lanes, in a panel: their sums stay in registers
_DIGITS = 80
_LOWEST = -1248
_UNIT = 2.0**-52
_SMALLEST = 2.0**-1022
_SMALLEST32 = 2.0**-126
_LARGE_SQUARE = 2.0**1022


@intrinsic
def first_coordinate(typing_context, x):
    """Where the coordinates of a row begin."""
    if not (isinstance(x, types.Array) and x.ndim == 1 and x.dtype in (types.float32, types.float64)):
        raise TypingError(f"a point is a one-dimensional array of float32 or float64 numbers, not {x}")

    def generate(context, builder, signature, arguments):
        return context.make_array(x)(context, builder, arguments[0]).data

    return types.CPointer(x.dtype)(x), generate


@intrinsic
def step_of(typing_context, x):
    """Bytes from one coordinate of a row to the next."""

    def generate(context, builder, signature, arguments):
        if x.layout == "C":
            return context.get_constant(types.intp, x.dtype.bitwidth // 8)
        return builder.extract_value(context.make_array(x)(context, builder, arguments[0]).strides, 0)

    return types.intp(x), generate


def _load_coordinate(builder, row, step, i):
    place = builder.gep(builder.bitcast(row, ir.IntType(8).as_pointer()), [builder.mul(step, i)])
    return builder.load(builder.bitcast(place, row.type), align=1)


@intrinsic
def _coordinate(typing_context, row, step, i):
    def generate(context, builder, signature, arguments):
        return _load_coordinate(builder, *arguments)

    return row.dtype(row, types.intp, types.intp), generate


@intrinsic
def _bits(typing_context, x):
    """The bits of a floating-point number."""
    integer = {types.float32: types.uint32, types.float64: types.uint64}[x]

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(integer))

    return integer(x), generate


def encoder_function(hyperplanes, code, memory):
    """A function of memory and row: the `Code` of the signs. Raises if the row is not finite."""
    if hyperplanes.only_column is not None:
        return _encoder_in_a_column(hyperplanes, code, memory)
    panels, lanes = _panels(hyperplanes)
    n_panels, d, m = len(panels), hyperplanes.d, hyperplanes.m
    width = panels[0].size if n_panels else 0
    place = memory.place(panels)
    thresholds = memory.place(hyperplanes.thresholds)
    is_identity = code.is_identity
    filtered_signs = _filter_of(lanes // _LANES)
    columns = memory.place(_byte_columns(code.columns, n_panels * lanes))

    @inner
    def code_of(memory, row, step):
        norm = _norm(row, step, d)
        if not norm < math.inf and not _is_finite(row, step, d):
            raise InvalidInput("every coordinate must be finite: the point holds a NaN or an infinity")
        code = np.uint64(0)
        for panel in range(n_panels):
            start = place + 8 * panel * width
            signs, undecided = filtered_signs(memory, start, row, step, norm, d)
            while undecided:
                lane = np.intp(trailing_zeros(undecided))
                undecided &= undecided - np.uint64(1)
                j = panel * lanes + lane
                if j < m and _exact_sign(
                    row, step, memory, start + 8 * lane, lanes, d, uint64_at(memory, thresholds, j)
                ):
                    signs |= np.uint64(1) << np.uint64(lane)
            if is_identity:
                code |= signs << np.uint64(panel * lanes)
            else:
                code ^= _xor_of(memory, columns, signs, panel * lanes // 8, lanes // 8)
        return code

    return code_of


@default_environment()
def _panels(hyperplanes):
    """Weights of panels of hyperplanes, their thresholds, growth and two floors: float64 array (panels, d + 4, lanes).

    What stands behind the last hyperplane has the sign 0, unless it is undecided.
    """
    m, d = hyperplanes.weights.shape
    n_groups = -(-m // _LANES)
    n_panels = -(-n_groups // _MOST_GROUPS)
    lanes = _LANES * -(-n_groups // max(n_panels, 1))
    panels = np.zeros((d + 4, n_panels * lanes))
    panels[d] = np.inf
    weights = hyperplanes.weights.astype(np.float64)
    surplus = 1 + 2.0**-19
    norms = np.sqrt((weights**2).sum(axis=1)) * (1 + (d + 4) * _UNIT)
    growth = (2 * d + 16) * _UNIT / (1 - (2 * d + 16) * _UNIT) * norms
    panels[:d, :m] = weights.T
    panels[d, :m] = hyperplanes.thresholds
    panels[d + 1, :m] = growth * surplus
    for row, smallest in ((d + 2, _SMALLEST), (d + 3, _SMALLEST32)):
        floor = (growth * 2.0**-511 + norms * smallest) * math.sqrt(d) + (2 * d + 8) * _SMALLEST
        panels[row, :m] = floor * surplus
    return np.ascontiguousarray(panels.reshape(d + 4, n_panels, lanes).transpose(1, 0, 2)), lanes


def _byte_columns(columns, n_lanes):
    """For each byte of signs and its value, the XOR of the columns of those that are 1: uint64 array (bytes, 256)."""
    columns = np.append(columns, np.zeros(n_lanes - len(columns), np.uint64)).reshape(-1, 8)
    tables = np.zeros((len(columns), 256), np.uint64)
    for bit in range(8):
        tables[:, 1 << bit : 2 << bit] = tables[:, : 1 << bit] ^ columns[:, bit, None]
    return tables


@inner
def _xor_of(memory, place, signs, first, n_bytes):
    code = np.uint64(0)
    for i in range(n_bytes):
        code ^= uint64_at(memory, place, 256 * (first + i) + np.intp(signs & np.uint64(255)))
        signs >>= np.uint64(8)
    return code


@inner
def _norm(row, step, d):
    total = 0.0
    for i in range(d):
        x = np.float64(_coordinate(row, step, i))
        total += x * x
    # What overflows may be the largest number in place of infinity, if it is rounded down.
    return math.sqrt(total) if total < _LARGE_SQUARE else math.inf


@inner
def _is_finite(row, step, d):
    finite = True
    for i in range(d):
        finite &= math.isfinite(_coordinate(row, step, i))
    return finite


@cache
def _filter_of(n_groups):
    """An intrinsic: what float64 tells of the signs of a panel of so many groups of lanes.

    It returns two words: the signs that are 1, and those that are undecided.
    """
    vector = ir.VectorType(ir.DoubleType(), _LANES)

    def spread(builder, number):
        single = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), everywhere)

    def lanes(builder, panel, line, group):
        position = builder.add(builder.mul(line, line.type(n_groups)), line.type(group))
        return builder.load(builder.gep(panel, [position]), align=8)

    def float64(builder, name, *arguments):
        kind = ir.FunctionType(vector, [vector] * len(arguments))
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{_LANES}f64"), arguments)

    def sums_of(builder, panel, row, step, d):
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * _LANES)) for _ in range(n_groups)]
        with cgutils.for_range(builder, d) as loop:
            x = _load_coordinate(builder, row, step, loop.index)
            x = spread(builder, builder.fpext(x, ir.DoubleType()) if x.type != ir.DoubleType() else x)
            for group, total in enumerate(sums):
                w = lanes(builder, panel, loop.index, group)
                builder.store(float64(builder, "llvm.fmuladd", x, w, builder.load(total)), total)
        return [builder.load(total) for total in sums]

    @intrinsic
    def filtered_signs(typing_context, memory, place, row, step, norm, d):
        floor = 3 if row.dtype == types.float32 else 2

        def generate(context, builder, signature, arguments):
            memory, place, row, step, norm, d = arguments
            panel = builder.bitcast(builder.gep(memory, [place]), vector.as_pointer())
            norm = spread(builder, norm)
            words = [ir.Constant(ir.IntType(64), 0)] * 2
            for group, total in enumerate(sums_of(builder, panel, row, step, d)):
                cut, growth, least = (lanes(builder, panel, builder.add(d, d.type(k)), group) for k in (0, 1, floor))
                difference = builder.fsub(total, cut)
                bound = float64(builder, "llvm.fmuladd", growth, norm, least)
                undecided = builder.fcmp_unordered("<=", float64(builder, "llvm.fabs", difference), bound)
                sign = builder.fcmp_ordered(">", difference, ir.Constant(vector, [0.0] * _LANES))
                for k, bits in enumerate((builder.and_(sign, builder.not_(undecided)), undecided)):
                    byte = builder.zext(builder.bitcast(bits, ir.IntType(_LANES)), ir.IntType(64))
                    words[k] = builder.or_(words[k], builder.shl(byte, byte.type(_LANES * group)))
            return context.make_tuple(builder, signature.return_type, words)

        result = types.UniTuple(types.uint64, 2)
        return result(memory, types.intp, row, types.intp, types.float64, types.intp), generate

    return filtered_signs


def _float64_bits(x):
    """Bits of a number as float64: those of a subnormal float32 number too, whatever the environment."""


@overload(_float64_bits)
def _float64_bits_of(x):
    return _bits_from_float64 if x == types.float64 else _bits_from_float32


def _bits_from_float64(x):
    return _bits(x)


def _bits_from_float32(x):
    bits = np.uint64(_bits(x))
    exponent, fraction = (bits >> np.uint64(23)) & np.uint64(0xFF), bits & np.uint64(0x7FFFFF)
    if exponent == np.uint64(0xFF):
        return (bits << np.uint64(32)) | np.uint64(0x7FF0000000000000)
    if exponent == 0:
        if fraction == 0:
            return bits << np.uint64(32)
        shift = leading_zeros(fraction) - np.uint64(40)  # brings its first bit to 2^23
        fraction = (fraction << shift) & np.uint64(0x7FFFFF)
        exponent = np.uint64(1) - shift
    exponent += np.uint64(1023 - 127)
    return ((bits >> np.uint64(31)) << np.uint64(63)) | (exponent << np.uint64(52)) | (fraction << np.uint64(29))


@inner
def _exact_sign(row, step, memory, place, lanes, d, threshold):
    """[w.x >= t] in integers: a Kulisch accumulator, as `exact_sign` of signs.pyx; the threshold as its bits."""
    digits = np.zeros(_DIGITS, np.int64)
    for i in range(d):
        _add_product(digits, uint64_at(memory, place, i * lanes), _float64_bits(_coordinate(row, step, i)))
    _add_product(digits, np.uint64(0xBFF0000000000000), threshold)  # -1.0
    carry = np.int64(0)
    for i in range(_DIGITS):
        carry = (digits[i] + carry) >> np.int64(32)
    return carry >= 0


@inner
def _add_product(digits, w, x):
    """Add w * x to the digits, for w of float32 precision and any finite x, both as the bits of float64 numbers."""
    magnitude = np.uint64(0x7FFFFFFFFFFFFFFF)
    if w & magnitude == 0 or x & magnitude == 0:
        return
    fraction, hidden = np.uint64(0xFFFFFFFFFFFFF), np.uint64(1 << 52)
    sign = np.int64(-1) if (w ^ x) >> np.uint64(63) else np.int64(1)
    w_exponent = np.int64((w >> np.uint64(52)) & np.uint64(0x7FF))
    x_exponent = np.int64((x >> np.uint64(52)) & np.uint64(0x7FF))
    w_integer = ((w & fraction) | hidden) >> np.uint64(29)
    x_integer = x & fraction
    if x_exponent:
        x_integer |= hidden
    else:
        x_exponent = np.int64(1)
    # 24 bits times 26 and times 27 bits: both products stay below 2^51.
    position = (w_exponent - 1075 + 29) + (x_exponent - 1075) - _LOWEST
    _add_shifted(digits, w_integer * (x_integer & np.uint64(0x3FFFFFF)), position, sign)
    _add_shifted(digits, w_integer * (x_integer >> np.uint64(26)), position + 26, sign)


@inner
def _add_shifted(digits, value, position, sign):
    """Add sign * value * 2^position to the digits, for a value below 2^51."""
    low_bits, word = np.uint64(0xFFFFFFFF), np.uint64(32)
    digit, shift = position >> 5, np.uint64(position & 31)
    low = (value & low_bits) << shift
    high = (value >> word) << shift
    digits[digit] += sign * np.int64(low & low_bits)
    digits[digit + 1] += sign * np.int64((low >> word) + (high & low_bits))
    digits[digit + 2] += sign * np.int64(high >> word)


def _encoder_in_a_column(hyperplanes, code, memory):
    """The same where hyperplanes are ascending numbers of one column: by binary search."""
    thresholds, column, d = hyperplanes.thresholds, hyperplanes.only_column, hyperplanes.d
    m = len(thresholds)
    keys = memory.place(_ascending_keys(thresholds))
    prefixes = memory.place(np.append(np.uint64(0), np.bitwise_xor.accumulate(code.columns)))

    @inner
    def code_of(memory, row, step):
        x = _coordinate(row, step, column)
        if not _is_finite(row, step, d):
            raise InvalidInput("every coordinate must be finite: the point holds a NaN or an infinity")
        return uint64_at(memory, prefixes, count_up_to(memory, keys, m, _ascending_key(_float64_bits(x))))

    return code_of


def hash_function(d):
    """A function of memory and row: the hash of its numbers, as `hash_values` of rows.pyx, in 62 bits."""
    step_between, exponents = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x7FF)
    magnitude = np.uint64(0x7FFFFFFFFFFFFFFF)

    @inner
    def hash_of(memory, row, step):
        total = place = np.uint64(0)
        for i in range(d):
            bits = _float64_bits(_coordinate(row, step, i))
            if (bits >> np.uint64(52)) & exponents == exponents:
                raise InvalidInput("every coordinate must be finite: the point holds a NaN or an infinity")
            place += step_between
            total += _mixed((bits if bits & magnitude else np.uint64(0)) + place)
        return _mixed(total) >> np.uint64(2)

    return hash_of


@inner
def _mixed(bits):
    """The finalizer of MurmurHash3 (Appleby, public domain)."""
    bits ^= bits >> np.uint64(33)
    bits *= np.uint64(0xFF51AFD7ED558CCD)
    bits ^= bits >> np.uint64(33)
    bits *= np.uint64(0xC4CEB9FE1A85EC53)
    return bits ^ (bits >> np.uint64(33))


@inner
def _ascending_key(bits):
    """A number that grows with the finite float64 number that has these bits; 0 for both zeros."""
    magnitude = np.int64(bits & np.uint64(0x7FFFFFFFFFFFFFFF))
    return -magnitude if bits >> np.uint64(63) else magnitude


def _ascending_keys(numbers):
    magnitudes = (numbers.view(np.uint64) & np.uint64(0x7FFFFFFFFFFFFFFF)).astype(np.int64)
    return np.where(np.signbit(numbers), -magnitudes, magnitudes)
