"""A network as compiled code for numba: labels of single points inside loops that are compiled too.

`predictor` writes the network's encoder and store as numba functions, specialised for this network: the numbers of
hyperplanes, coordinates, planes and stages are constants, a linear code, filters and fingerprints are code only where
they are. What they compute is what `EncodedNetwork.predict` computes, for one point at a time:

1. signs of the hyperplanes, exact (below), and their linear code: `fastmem.encoder`;
2. the class of the code: the runs of `fastmem.store.integer` or the ribbons of `fastmem.store.binary`, with the layout
   that ``src_cython/fastmem/_kernels/store.pyx`` and ``ribbon.pyx`` describe;
3. the label of the class.

Exact signs. As in ``src_cython/fastmem/_kernels/signs.pyx`` a rounded sum decides where its error bound allows it
(Shewchuk 1997, "Adaptive precision floating-point arithmetic and fast robust geometric predicates"), and a sum of
integers without error decides the rest. Here the first step is in float64, for 8 hyperplanes side by side, and nearly
always the last. Kernels set the floating-point environment, code inside somebody's loop cannot: so the bound holds for
any rounding mode, and if subnormal numbers are taken for 0 or become 0. With u = 2^-52, the unit of every rounding
mode, and eta = 2^-1022 (2^-126 for float32 rows), below which a number that is read may become 0:

- A row is read as x~ with |x~_i - x_i| <= eta. Weights are float32 numbers in float64, which are never subnormal there.
- p is the sum of the w_i x~_i in any order, fused or not: d products and d - 1 additions, of which a result below
  2^-1022 may become 0, so |p - w.x~| <= gamma(d) ||w|| ||x~|| + 2 d 2^-1022, gamma(k) = k u / (1 - k u) (Higham,
  Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, and Cauchy-Schwarz).
- Squares below 2^-1022 may become 0 too, so ||x~|| <= N (1 + gamma(d + 2)) + sqrt(d) 2^-511 for the computed N. The
  threshold is read and subtracted with two roundings more, either of which may give 0 in place of a number below
  2^-1022.

Altogether |(p - t) - (w.x - t)| <= (`growth` N + `floor`) / (1 + 2^-20) for the rounded difference, with

    growth = gamma(2 d + 16) ||w||,
    floor = growth sqrt(d) 2^-511 + ||w|| sqrt(d) eta + (2 d + 8) 2^-1022,

both multiplied by 1 + 2^-19 and computed in the default environment: the surplus covers roundings of the bound, of the
difference and of the comparison. N is taken for infinite unless its square is below 2^1022, for some rounding modes
turn what overflows into the largest number. If N is finite, then |x_i| < 2^511 and no product or sum overflows. If it
is not, no comparison with the bound is true and nothing is decided.

The integers (`_exact_sign`) and the comparisons on the line (`_ascending_key`) are made of the bits of the numbers.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from fastmem.environment import default_environment
from fastmem.errors import InvalidInput
from fastmem.store import BlockStore, IntegerStore
from fastmem.validation import NO_VALUE, check_option, label_dtype_with

try:
    from numba import njit, types
except ImportError as error:
    raise ImportError('net.jit() compiles with numba, which is not installed: pip install "fastmem[jit]"') from error

from llvmlite import ir
from numba.core import cgutils
from numba.core.errors import NumbaError, TypingError
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, models, overload, register_model, typeof_impl
from numba.np.numpy_support import from_dtype

__all__ = ["Predictor", "predictor"]

_LANES = 8
_MOST_GROUPS = 8  # of lanes, in a panel: their sums stay in registers
_BATCH = 64  # codes
_DIGITS = 80
_LOWEST = -1248
_UNIT = 2.0**-52
_SMALLEST = 2.0**-1022
_SMALLEST32 = 2.0**-126
_LARGE_SQUARE = 2.0**1022

# Functions that only compiled code calls.
_inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Predictor(NamedTuple):
    """Compiled functions of one network, to be called by compiled code or by Python.

    Attributes
    ----------
    one : numba function
        ``one(x)``: the label of the point x, a float32 or float64 array of shape (d,), of any strides.
    many : numba function
        ``many(X, out)``: writes the labels of the rows of X, a float32 or float64 array of shape (n, d), to `out`, an
        array of shape (n,) in their dtype; returns `out`. Runs in one thread.
    """

    one: object
    many: object


def predictor(net, *, output="label", unknown=NO_VALUE):
    """The functions that `EncodedNetwork.jit` returns, and says what they do."""
    values = _values(net, check_option("output", output, ("label", "index")), unknown)
    memory = _Memory()
    code_of = _encoder(net.encoder, memory)
    class_of = _store(net.store, memory)
    known = None if unknown is NO_VALUE else _filter(net.fingerprints, memory)
    label_of = _labels(memory, class_of, known, values)
    memory.close()
    return _functions(memory, net.n_features_in, code_of, label_of, values.dtype)


def _values(net, output, unknown):
    """What is returned for each class, and last for unknown inputs if asked for."""
    values = np.arange(len(net.classes), dtype=np.intp) if output == "index" else net.classes
    if unknown is not NO_VALUE:
        if net.fingerprints is None:
            raise InvalidInput(
                "unknown needs fingerprints: build the network with memorize(..., fingerprint_bits=16), say"
            )
        dtype = label_dtype_with(unknown, values)
        if output == "index" and dtype != values.dtype:
            raise InvalidInput(f'with output="index" unknown is an integer, not {unknown!r}')
        values = np.append(values.astype(dtype), np.array([unknown], dtype))
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind in "biufcmM" and values.dtype != np.float16:
        try:
            from_dtype(values.dtype)
            return values
        except (NumbaError, NotImplementedError):  # long doubles
            pass
    raise InvalidInput(
        f'compiled code cannot return labels of dtype {values.dtype}: net.jit(output="index") returns positions in '
        "net.classes"
    )


# Arrays


class _Memory:
    """Arrays that compiled code reads, side by side.

    Numba copies an array that a function closes over into the code, slowly, or refers to it by address and does not
    keep it. A memory goes by address, and is kept by the code and all code that calls it.
    """

    _STEP = 64  # bytes: a line of cache

    def __init__(self):
        self._arrays = []
        self._size = 0
        self.bytes = None

    def place(self, array):
        """Append an array; returns how many bytes from the beginning it starts."""
        place = self._size
        self._arrays.append((place, array))
        self._size += -(-max(array.nbytes, 1) // self._STEP) * self._STEP
        return place

    def close(self):
        """Put the arrays in their places."""
        room = np.empty(self._size + self._STEP, np.uint8)
        self.bytes = room[-room.ctypes.data % self._STEP :][: self._size]
        for place, array in self._arrays:
            self.bytes[place : place + array.nbytes].view(array.dtype)[:] = array.ravel()
        self._arrays = []

    def __reduce__(self):
        return _restored_memory, (self.bytes,)


def _restored_memory(array):
    memory = _Memory()
    memory.place(array)
    memory.close()
    return memory


class _MemoryType(types.Type):
    def __init__(self):
        super().__init__("fastmem.Memory")


_MEMORY = _MemoryType()


@register_model(_MemoryType)
class _MemoryModel(models.PrimitiveModel):
    def __init__(self, manager, of_type):
        super().__init__(manager, of_type, ir.IntType(8).as_pointer())


@typeof_impl.register(_Memory)
def _typeof_memory(value, context):
    return _MEMORY


@lower_constant(_MemoryType)
def _memory_constant(context, builder, of_type, memory):
    library = context.active_code_library  # which all that calls it holds
    library.fastmem_memories = [*getattr(library, "fastmem_memories", ()), memory]
    # Makes numba refuse to cache the code on disk, where the address would mean nothing.
    return context.add_dynamic_addr(builder, memory.bytes.ctypes.data, info="fastmem")


@cache
def _reads(dtype):
    """An intrinsic: the number at a position of an array of this dtype, which begins at a place of the memory."""
    of_type = from_dtype(np.dtype(dtype))

    @intrinsic
    def read(typing_context, memory, place, position):
        def generate(context, builder, signature, arguments):
            start = builder.gep(arguments[0], [arguments[1]])
            array = builder.bitcast(start, context.get_data_type(of_type).as_pointer())
            return context.unpack_value(builder, of_type, builder.gep(array, [arguments[2]]))

        return of_type(memory, types.intp, types.intp), generate

    return read


_int32, _uint16, _uint32, _uint64, _float64 = map(_reads, (np.int32, np.uint16, np.uint32, np.uint64, np.float64))
_uint8, _int64 = map(_reads, (np.uint8, np.int64))


@intrinsic
def _prefetch(typing_context, memory, place):
    """Ask for the line of cache at a place."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [arguments[0].type, *[ir.IntType(32)] * 3])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, always, data = (ir.Constant(ir.IntType(32), number) for number in (0, 3, 1))
        builder.call(prefetch, [builder.gep(arguments[0], [arguments[1]]), read, always, data])
        return context.get_dummy_value()

    return types.void(memory, types.intp), generate


@intrinsic
def _first(typing_context, x):
    """Where the coordinates of a row begin."""
    if not (isinstance(x, types.Array) and x.ndim == 1 and x.dtype in (types.float32, types.float64)):
        raise TypingError(f"a point is a one-dimensional array of float32 or float64 numbers, not {x}")

    def generate(context, builder, signature, arguments):
        return context.make_array(x)(context, builder, arguments[0]).data

    return types.CPointer(x.dtype)(x), generate


@intrinsic
def _step(typing_context, x):
    """Bytes from one coordinate of a row to the next."""

    def generate(context, builder, signature, arguments):
        if x.layout == "C":
            return context.get_constant(types.intp, x.dtype.bitwidth // 8)
        return builder.extract_value(context.make_array(x)(context, builder, arguments[0]).strides, 0)

    return types.intp(x), generate


@intrinsic
def _check_types(typing_context, X, out, dtype):
    """Refuse arrays of another kind than points and labels of the dtype."""
    if not (isinstance(X, types.Array) and X.ndim == 2 and X.dtype in (types.float32, types.float64)):
        raise TypingError(f"points are the rows of a two-dimensional array of float32 or float64 numbers, not {X}")
    if not (isinstance(out, types.Array) and out.ndim == 1 and out.dtype == dtype.dtype and out.mutable):
        raise TypingError(f"out must be a one-dimensional array of {dtype.dtype} that can be written, not {out}")
    return types.void(X, out, dtype), lambda context, *_: context.get_dummy_value()


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


def _bit_count(name, *flags):
    @intrinsic
    def counted(typing_context, word):
        def generate(context, builder, signature, arguments):
            return getattr(builder, name)(*arguments, *(ir.Constant(ir.IntType(1), flag) for flag in flags))

        return types.uint64(types.uint64), generate

    return counted


_ones, _trailing_zeros, _leading_zeros = _bit_count("ctpop"), _bit_count("cttz", 0), _bit_count("ctlz", 0)


# From points to codes


def _encoder(encoder, memory):
    """A function of memory and row: the code. Raises if the row is not finite."""
    hyperplanes = encoder.hyperplanes
    if hyperplanes._ascending:
        return _encoder_on_the_line(encoder, memory)
    panels, lanes = _panels(hyperplanes)
    n_panels, d, m = len(panels), hyperplanes.d, hyperplanes.m
    width = panels[0].size if n_panels else 0
    place = memory.place(panels)
    thresholds = memory.place(hyperplanes.thresholds)
    is_identity = encoder.code.is_identity
    filtered_signs = _filter_of(lanes // _LANES)
    columns = memory.place(_byte_columns(encoder.code.columns, n_panels * lanes))

    @_inner
    def code_of(memory, row, step):
        norm = _norm(row, step, d)
        if not norm < math.inf and not _is_finite(row, step, d):
            raise InvalidInput("every coordinate must be finite: the point holds a NaN or an infinity")
        code = np.uint64(0)
        for panel in range(n_panels):
            start = place + 8 * panel * width
            signs, undecided = filtered_signs(memory, start, row, step, norm, d)
            while undecided:
                lane = np.intp(_trailing_zeros(undecided))
                undecided &= undecided - np.uint64(1)
                j = panel * lanes + lane
                if j < m and _exact_sign(row, step, memory, start + 8 * lane, lanes, d, _uint64(memory, thresholds, j)):
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


@_inner
def _xor_of(memory, place, signs, first, n_bytes):
    code = np.uint64(0)
    for i in range(n_bytes):
        code ^= _uint64(memory, place, 256 * (first + i) + np.intp(signs & np.uint64(255)))
        signs >>= np.uint64(8)
    return code


@_inner
def _norm(row, step, d):
    total = 0.0
    for i in range(d):
        x = np.float64(_coordinate(row, step, i))
        total += x * x
    # What overflows may be the largest number in place of infinity, if it is rounded down.
    return math.sqrt(total) if total < _LARGE_SQUARE else math.inf


@_inner
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
    if exponent == 0:
        if fraction == 0:
            return bits << np.uint64(32)
        shift = _leading_zeros(fraction) - np.uint64(40)  # brings its first bit to 2^23
        fraction = (fraction << shift) & np.uint64(0x7FFFFF)
        exponent = np.uint64(1) - shift
    exponent += np.uint64(1023 - 127)
    return ((bits >> np.uint64(31)) << np.uint64(63)) | (exponent << np.uint64(52)) | (fraction << np.uint64(29))


@_inner
def _exact_sign(row, step, memory, place, lanes, d, threshold):
    """[w.x >= t] in integers: a Kulisch accumulator, as `exact_sign` of signs.pyx; the threshold as its bits."""
    digits = np.zeros(_DIGITS, np.int64)
    for i in range(d):
        _add_product(digits, _uint64(memory, place, i * lanes), _float64_bits(_coordinate(row, step, i)))
    _add_product(digits, np.uint64(0xBFF0000000000000), threshold)  # -1.0
    carry = np.int64(0)
    for i in range(_DIGITS):
        carry = (digits[i] + carry) >> np.int64(32)
    return carry >= 0


@_inner
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


@_inner
def _add_shifted(digits, value, position, sign):
    """Add sign * value * 2^position to the digits, for a value below 2^51."""
    low_bits, word = np.uint64(0xFFFFFFFF), np.uint64(32)
    digit, shift = position >> 5, np.uint64(position & 31)
    low = (value & low_bits) << shift
    high = (value >> word) << shift
    digits[digit] += sign * np.int64(low & low_bits)
    digits[digit + 1] += sign * np.int64((low >> word) + (high & low_bits))
    digits[digit + 2] += sign * np.int64(high >> word)


def _encoder_on_the_line(encoder, memory):
    """The same where hyperplanes are ascending points of the line: by binary search."""
    thresholds = encoder.hyperplanes.thresholds
    m = len(thresholds)
    keys = memory.place(_ascending_keys(thresholds))
    prefixes = memory.place(np.append(np.uint64(0), np.bitwise_xor.accumulate(encoder.code.columns)))

    @_inner
    def code_of(memory, row, step):
        x = _coordinate(row, step, 0)
        if not math.isfinite(x):
            raise InvalidInput("every coordinate must be finite: the point holds a NaN or an infinity")
        return _uint64(memory, prefixes, _count_up_to(memory, keys, m, _ascending_key(_float64_bits(x))))

    return code_of


@_inner
def _ascending_key(bits):
    """A number that grows with the finite float64 number that has these bits; 0 for both zeros."""
    magnitude = np.int64(bits & np.uint64(0x7FFFFFFFFFFFFFFF))
    return -magnitude if bits >> np.uint64(63) else magnitude


def _ascending_keys(numbers):
    magnitudes = (numbers.view(np.uint64) & np.uint64(0x7FFFFFFFFFFFFFFF)).astype(np.int64)
    return np.where(np.signbit(numbers), -magnitudes, magnitudes)


@_inner
def _count_up_to(memory, place, n, key):
    """How many of n ascending numbers are at most the key."""
    low, width = 0, n
    while width > 0:
        half = width >> 1
        if _int64(memory, place, low + half) <= key:
            low += half + 1
            width -= half + 1
        else:
            width = half
    return low


# From codes to classes


def _store(store, memory):
    """A function of memory and code: the position of its class."""
    if isinstance(store, IntegerStore):
        return _integer_store(store, memory)
    if isinstance(store, BlockStore):
        return _block_store(store, memory) if store.n_label_bits else _no_store
    if store.label_code.depth == 0:
        return _no_store
    symbol_of = _symbols_behind_filter(store._symbols, memory)
    words = _features(store.features, memory)

    @_inner
    def class_of(memory, code):
        return symbol_of(memory, code, words(memory, code))

    return class_of


@_inner
def _no_store(memory, code):
    return 0


def _integer_store(store, memory):
    classes = store.run_classes.astype(np.min_scalar_type(store.n_classes - 1))
    place, class_at, size = memory.place(classes), _reads(classes.dtype), classes.itemsize
    runs_from, find_run = _run_finder(store.starts, store._index, store._shift, memory)

    @_inner
    def class_of(memory, code):
        low, width = runs_from(memory, code)
        _prefetch(memory, place + size * low)  # mostly in one line of cache, wherever the search ends
        return np.intp(class_at(memory, place, find_run(memory, code, low, width)))

    return class_of


def _block_store(store, memory):
    weights, a, last = store.weights, np.uint64(store._segment_bits), store.n_classes - 1
    place, weight, size = memory.place(weights), _reads(weights.dtype), weights.itemsize
    _, n_places, n_label_bits = weights.shape
    segment, mask = 1 << store._segment_bits, np.uint64((1 << store._segment_bits) - 1)
    runs_from, find_block = _run_finder(store.starts, store._index, store._shift, memory)

    @_inner
    def class_of(memory, code):
        low, width = runs_from(memory, code)
        block = find_block(memory, code, low, width) * n_places
        first = (block + np.intp(code & mask)) * n_label_bits
        second = (block + segment + np.intp((code >> a) & mask)) * n_label_bits
        third = (block + 2 * segment + np.intp((code >> (a + a)) & mask)) * n_label_bits
        _prefetch(memory, place + size * second)
        _prefetch(memory, place + size * third)
        number = 0
        for b in range(n_label_bits):
            total = np.int64(weight(memory, place, first + b)) + np.int64(weight(memory, place, second + b))
            number |= (1 if total + np.int64(weight(memory, place, third + b)) >= 1 else 0) << b
        return min(np.intp(number), last)

    return class_of


def _run_finder(starts, index, shift, memory):
    """Two functions, of memory and code: the runs among which the one that holds it is; then, which one it is.

    starts and index are those of `index_runs` of store.pyx.
    """
    index_place, place = memory.place(index), memory.place(starts)
    start_of, shift = _reads(starts.dtype), np.uint64(shift)

    @_inner
    def runs_from(memory, code):
        prefix = np.intp(code >> shift)
        low = np.intp(_int32(memory, index_place, prefix))
        return low, np.intp(_int32(memory, index_place, prefix + 1)) - low + 1

    @_inner
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

    @_inner
    def words(memory, code):
        return _feature_word(memory, code, counts, shifts, n_groups)

    return words


@_inner
def _feature_word(memory, code, counts, shifts, n_groups):
    at = 7 * np.intp((code >> np.uint64(_int32(memory, shifts, 0))) & np.uint64(15))
    c0, c1, c2 = _uint64(memory, counts, at), _uint64(memory, counts, at + 1), _uint64(memory, counts, at + 2)
    c3, c4, c5 = _uint64(memory, counts, at + 3), _uint64(memory, counts, at + 4), _uint64(memory, counts, at + 5)
    over = _uint64(memory, counts, at + 6)
    for g in range(1, n_groups):
        at = 7 * (16 * g + np.intp((code >> np.uint64(_int32(memory, shifts, g))) & np.uint64(15)))
        y = _uint64(memory, counts, at)
        carry = c0 & y
        c0 = c0 ^ y
        y = _uint64(memory, counts, at + 1)
        x = c1 ^ y
        y = (c1 & y) | (carry & x)
        c1 = x ^ carry
        carry = y
        y = _uint64(memory, counts, at + 2)
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
    rows_from, find_row = _run_finder(ribbon.firsts, ribbon._index, ribbon._shift, memory)
    start_table, cells = memory.place(ribbon._start_table), memory.place(ribbon._cells)
    n_bytes, n_words, n_planes = len(ribbon._start_table), ribbon.n_columns // 64, ribbon.n_planes
    spacing = np.int64(ribbon._spacing)

    @_inner
    def read(memory, code, word):
        start = _window_start(memory, code, start_table, n_bytes, spacing)
        row = find_row(memory, code, *rows_from(memory, code))
        first = cells + 8 * n_planes * (row * n_words + (start >> 6))
        return _window_parities(memory, first, word | np.uint64(1), np.uint64(start & 63), n_planes)

    return read


@_inner
def _window_start(memory, code, start_table, n_bytes, spacing):
    beta = np.uint16(0)
    for k in range(n_bytes):
        beta ^= _uint16(memory, start_table, (k << 8) + np.intp(code & np.uint64(255)))
        code >>= np.uint64(8)
    return (np.int64(beta) * spacing) >> np.int64(16)


@_inner
def _window_parities(memory, first, word, shift, n_planes):
    second = (np.uint64(1) << shift) - np.uint64(1)
    value = np.uint64(0)
    for j in range(n_planes):
        before, after = _uint64(memory, first, j), _uint64(memory, first, n_planes + j)
        parity = _ones((before ^ ((before ^ after) & second)) & word) & np.uint64(1)
        value |= parity << np.uint64(j)
    return value


def _filter(filters, memory):
    """A function of memory and code: whether the filter accepts it."""
    words, accepts = _features(filters.ribbon.features, memory), _filter_behind_features(filters, memory)

    @_inner
    def known(memory, code):
        return accepts(memory, code, words(memory, code))

    return known


def _filter_behind_features(filters, memory):
    """A function of memory, code and features: whether the filter accepts it."""
    read, prints = _ribbon(filters.ribbon, memory), _features(filters.added, memory)
    every = np.uint64((1 << filters.n_filter_bits) - 1)

    @_inner
    def accepts(memory, code, word):
        differing = read(memory, code, word) ^ (prints(memory, code) >> np.uint64(1))
        return differing & every == every

    return accepts


def _symbols_behind_filter(symbols, memory):
    """A function of memory, code and features: the class that `_Filtered` of binary.py reads."""
    if not hasattr(symbols, "filter"):
        return _symbols(symbols, memory)
    behind = _symbols_behind_filter(symbols.rare, memory)
    rare = memory.place(symbols.code.rare)
    if symbols.filter is None:
        if np.array_equal(symbols.code.rare, np.arange(len(symbols.code.rare))):
            return behind

        @_inner
        def read(memory, code, word):
            return np.intp(_int32(memory, rare, behind(memory, code, word)))

        return read
    in_front, accepts = _symbols(symbols.common, memory), _filter_behind_features(symbols.filter, memory)
    common = memory.place(symbols.code.common)

    @_inner
    def read_filtered(memory, code, word):
        if accepts(memory, code, word):
            symbol = behind(memory, code, word)
            if symbol > 0:
                return np.intp(_int32(memory, rare, symbol - 1))
        return np.intp(_int32(memory, common, in_front(memory, code, word)))

    return read_filtered


def _symbols(symbols, memory):
    """A function of memory, code and features: the symbol of a prefix code."""
    code = symbols.code
    word_of, decoded = _stages(symbols, memory), _decoder(code, memory)

    @_inner
    def symbol_of(memory, code, word):
        return decoded(memory, word_of(memory, code, word, np.uint64(0)))

    return symbol_of


def _stages(symbols, memory):
    """A function of memory, code and features: the codeword, read stage by stage."""
    prefix_code = symbols.code
    word_of = _no_more
    for (_, end), ribbon in reversed(list(zip(prefix_code.stages, symbols.ribbons, strict=True))):
        word_of = _stage(_ribbon(ribbon, memory), prefix_code.depth - end, prefix_code.longer_than(end), word_of)
    return word_of


@_inner
def _no_more(memory, code, word, before):
    return before


def _stage(ribbon, shift, longer, others):
    """A stage of a prefix code, before the others: those whose codeword goes on begin with `longer`."""
    shift, longer = np.uint64(shift), np.uint64(longer)

    @_inner
    def word_of(memory, code, word, before):
        codeword = before | (ribbon(memory, code, word) << shift)
        return others(memory, code, word, codeword) if codeword >= longer else codeword

    return word_of


def _decoder(code, memory):
    """A function of memory and codeword, of full depth: the symbol."""
    if code.lengths is None:
        n_symbols, half = np.int64(code.n_symbols), np.int64(1 << code.depth >> 1)

        @_inner
        def plain(memory, codeword):
            symbol = np.int64(codeword)
            return symbol - half if symbol >= n_symbols else symbol

        return plain
    starts, symbols = memory.place(code.starts.astype(np.int64)), memory.place(code.symbols)
    n_starts = len(code.starts)

    @_inner
    def decoded(memory, codeword):
        return np.int64(_int32(memory, symbols, _count_up_to(memory, starts, n_starts, np.int64(codeword)) - 1))

    return decoded


# From classes to labels


def _labels(memory, class_of, known, values):
    """A function of memory and code: the label."""
    place, unknown = memory.place(values), len(values) - 1
    value_of = _reads(values.dtype)

    @_inner
    def label_of(memory, code):
        return value_of(memory, place, class_of(memory, code))

    @_inner
    def label_if_known(memory, code):
        return value_of(memory, place, class_of(memory, code) if known(memory, code) else unknown)

    return label_of if known is None else label_if_known


def _functions(memory, d, code_of, label_of, dtype):
    """The two functions for users, with all checks."""
    wrong_width = f"the network was built for points of {d} coordinates: X has another number of columns"
    wrong_length = "out needs one place for each row of X"

    @njit(nogil=True)
    def one(x):
        row = _first(x)
        if len(x) != d:
            raise InvalidInput(wrong_width)
        return label_of(memory, code_of(memory, row, _step(x)))

    @njit(nogil=True)
    def many(X, out):
        _check_types(X, out, dtype)
        if X.shape[1] != d:
            raise InvalidInput(wrong_width)
        if len(out) != len(X):
            raise InvalidInput(wrong_length)
        # All codes of a batch, then all labels: the processor waits for the memory of many at a time.
        codes = np.empty(_BATCH, np.uint64)
        for start in range(0, len(X), _BATCH):
            n = min(_BATCH, len(X) - start)
            for i in range(n):
                x = X[start + i]
                codes[i] = code_of(memory, _first(x), _step(x))
            for i in range(n):
                out[start + i] = label_of(memory, codes[i])
        return out

    return Predictor(one, many)
