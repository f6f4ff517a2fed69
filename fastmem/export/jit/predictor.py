"""A network as compiled code for numba: labels of single points inside loops that are compiled too.

`predictor` writes the network's plan (`fastmem.export.lookup`) as numba functions, specialised for this network: the
numbers of hyperplanes, coordinates, planes and stages are constants, a linear code, filters and fingerprints are code
only where they are. What they compute is what `Network.predict` computes, for one point at a time:

1. signs of the hyperplanes, exact (below), and their linear code: `fastmem.hyperplanes`;
2. the class of the code: the runs of `fastmem.store.integer` or the ribbons of `fastmem.store.binary`, with the layout
   that ``src_cython/fastmem/_kernels/runs.pyx`` and ``ribbon.pyx`` describe;
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

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np
from numba import njit, types
from numba.core.errors import NumbaError, TypingError
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from fastmem.data.as_labels import NO_VALUE, Labels
from fastmem.data.options import Output, check_option
from fastmem.data.reading import Reading
from fastmem.errors import InvalidInput
from fastmem.export.guard import no_such_labels, refuse_rows_of_labels
from fastmem.export.jit.codes import encoder_function, first_coordinate, hash_function, step_of
from fastmem.export.jit.memory import Memory, inner, reads
from fastmem.export.jit.stores import class_function, known_function
from fastmem.export.lookup import Hash, plan_of

__all__ = ["Predictor", "predictor"]


_BATCH = 64  # codes


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

    one: Callable[..., Any]
    many: Callable[..., Any]


def predictor(net, *, output="label", unknown=NO_VALUE):
    """The functions that `Network.jit` returns, and says what they do."""
    values = _values(net, check_option("output", output, get_args(Output)), unknown)
    memory, plan = Memory(), plan_of(net)
    class_of = class_function(plan.classes, memory)
    if unknown is NO_VALUE:
        columns, codes_of = plan.signs.columns, _twice(encoder_function(plan.signs.hyperplanes, plan.code, memory))
        label_of = _labels(memory, class_of, None, values)
    else:
        columns, codes_of = plan.known.signs.columns, _codes_of_known(plan, memory)
        label_of = _labels(memory, class_of, known_function(plan.known, memory), values)
    memory.close()
    return _functions(memory, plan.n_features, columns, codes_of, label_of, values.dtype)


def _twice(code_of):
    """A function of memory and row: the code, in place of both codes of `_codes_of_known`."""

    @inner
    def codes_of(memory, row, step):
        code = code_of(memory, row, step)
        return code, code

    return codes_of


def _codes_of_known(plan, memory):
    """A function of memory and row: the code that labels are read from, and the one by which rows are known.

    Coordinates are those by which rows are known; hyperplanes of labels that read fewer are put into their space.
    """
    known = plan.known
    if isinstance(known.signs, Hash):
        d = plan.n_features if known.signs.columns is None else len(known.signs.columns)
        other_code_of = hash_function(d)
    else:
        d = known.signs.hyperplanes.d
        other_code_of = encoder_function(known.signs.hyperplanes, known.code, memory)
    if known.first_bits is not None:
        signs = np.uint64((1 << known.first_bits) - 1)

        @inner
        def codes_of_one(memory, row, step):
            code = other_code_of(memory, row, step)
            return code & signs, code

        return codes_of_one
    code_of = encoder_function(_in_space_of(plan.signs, known.signs.columns, d), plan.code, memory)

    @inner
    def codes_of(memory, row, step):
        return code_of(memory, row, step), other_code_of(memory, row, step)

    return codes_of


def _in_space_of(signs, columns, d):
    """The hyperplanes of some signs in the space of these columns, of d in all, among which theirs are."""
    hyperplanes = signs.hyperplanes
    if hyperplanes.d == d:
        return hyperplanes
    reading = Reading(signs.columns if columns is None else np.searchsorted(columns, signs.columns), d)
    return hyperplanes.on_all(reading)


def _values(net, output, unknown):
    """What is returned for each class, and last for unknown inputs if asked for."""
    values = np.arange(len(net.classes), dtype=np.intp) if output == "index" else net.classes
    refuse_rows_of_labels("compiled code", values)
    if unknown is not NO_VALUE:
        classes, values = values, Labels(values).with_unknown(unknown).classes
        if output == "index" and values.dtype != classes.dtype:
            raise InvalidInput(f'with output="index" unknown is an integer, not {unknown!r}')
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind in "biufcmM" and values.dtype != np.float16:
        try:
            from_dtype(values.dtype)
            return values
        except (NumbaError, NotImplementedError):  # long doubles
            pass
    raise no_such_labels("compiled code", values.dtype)


@intrinsic
def _check_types(typing_context, X, out, dtype):
    """Refuse arrays of another kind than points and labels of the dtype."""
    if not (isinstance(X, types.Array) and X.ndim == 2 and X.dtype in (types.float32, types.float64)):
        raise TypingError(f"points are the rows of a two-dimensional array of float32 or float64 numbers, not {X}")
    if not (isinstance(out, types.Array) and out.ndim == 1 and out.dtype == dtype.dtype and out.mutable):
        raise TypingError(f"out must be a one-dimensional array of {dtype.dtype} that can be written, not {out}")
    return types.void(X, out, dtype), lambda context, *_: context.get_dummy_value()


def _labels(memory, class_of, known, values):
    """A function of memory, code and the code by which rows are known: the label."""
    place, unknown = memory.place(values), len(values) - 1
    value_of = reads(values.dtype)

    @inner
    def label_of(memory, code, other):
        return value_of(memory, place, class_of(memory, code))

    @inner
    def label_if_known(memory, code, other):
        return value_of(memory, place, class_of(memory, code) if known(memory, other) else unknown)

    return label_of if known is None else label_if_known


def _functions(memory, d, columns, codes_of, label_of, dtype):
    """The two functions for users, with all checks."""
    begin, places, r = _places(columns)
    wrong_width = f"the network was built for points of {d} coordinates: X has another number of columns"
    wrong_length = "out needs one place for each row of X"

    @njit(nogil=True)
    def one(x):
        _ = first_coordinate(x)  # refuses what is no point
        if len(x) != d:
            raise InvalidInput(wrong_width)
        x = x[begin:] if places is None else _gathered(x, places, np.empty(r, x.dtype))
        code, other = codes_of(memory, first_coordinate(x), step_of(x))
        return label_of(memory, code, other)

    @njit(nogil=True)
    def many(X, out):
        _check_types(X, out, dtype)
        if X.shape[1] != d:
            raise InvalidInput(wrong_width)
        if len(out) != len(X):
            raise InvalidInput(wrong_length)
        # All codes of a batch, then all labels: the processor waits for the memory of many at a time.
        codes, others = np.empty(_BATCH, np.uint64), np.empty(_BATCH, np.uint64)
        read = np.empty(r, X.dtype)
        for start in range(0, len(X), _BATCH):
            n = min(_BATCH, len(X) - start)
            for i in range(n):
                x = X[start + i, begin:] if places is None else _gathered(X[start + i], places, read)
                codes[i], others[i] = codes_of(memory, first_coordinate(x), step_of(x))
            for i in range(n):
                out[start + i] = label_of(memory, codes[i], others[i])
        return out

    return Predictor(one, many)


def _places(columns):
    """The first of neighbouring columns, or the columns to gather, or None, and their number."""
    if columns is None:
        return 0, None, 0
    if (np.diff(columns) == 1).all():
        return int(columns[0]), None, 0
    return 0, columns, len(columns)


@inner
def _gathered(x, places, read):
    for k in range(len(read)):
        read[k] = x[places[k]]
    return read
