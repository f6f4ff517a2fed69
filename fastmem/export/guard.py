"""What must be true before a network is written for other arithmetic than its own.

A runtime that takes ``w.x >= t`` in floating point may get a sign wrong near the hyperplane. So an export is refused
unless every memorized point is farther from every hyperplane than the rounding errors of any order of summation reach
(`Network.is_safe`; Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
"""

from typing import get_args

import numpy as np

from fastmem.data.as_points import as_memorized_points, as_points
from fastmem.data.options import Output, as_float_dtype, check_option
from fastmem.errors import InvalidInput, MarginTooSmall, NetworkTooLarge

__all__ = [
    "build_with_margin",
    "check_arithmetic",
    "check_size",
    "memorized_points",
    "no_such_labels",
    "output_values",
    "refuse_rows_of_labels",
    "rows_named",
]

_NAMED = 5


def check_arithmetic(network, dtype, X, unsafe):
    """The dtype by name, if a runtime that computes in it is sure to return every memorized label.

    Parameters
    ----------
    network : Network
    dtype : {"float32", "float64"} or NumPy dtype
    X : array_like or None
        The memorized points, to be checked one by one; without them the network's own figures are.
    unsafe : bool
        Check nothing.

    Raises
    ------
    MarginTooSmall
    """
    dtype, points = as_float_dtype(dtype), memorized_points(network, X)
    if unsafe:
        return dtype
    if points is not None:
        rows = network.unsafe_points(points, dtype).tolist()
        if not rows:
            return dtype
        who = rows_named(rows, points.n)
    elif network.is_safe(dtype):
        return dtype
    else:
        who, rows = "memorized points", []
    advice = ['use dtype="float64"'] if dtype == "float32" and _is_safe_in_float64(network, points) else []
    advice += ["give X=... to check each row"] if points is None else []
    why = "they are nearer to a hyperplane than rounding errors reach"
    if network.n_points:
        reach = float(network.rounding_reach(dtype))
        nearest = network.units_read.smallest_distance
        why = f"the nearest is {nearest:.3g} from a hyperplane, and rounding errors reach {reach:.3g}"
        advice += [build_with_margin(network, reach) if np.isfinite(reach) else "scale the points"]
    advice = ", ".join([*advice, "or go on with unsafe=True"])
    raise MarginTooSmall(f"in {dtype} arithmetic {who} may lose labels: {why}; {advice}", rows)


def _is_safe_in_float64(network, points):
    if points is None:
        return network.is_safe("float64")
    return not network.unsafe_points(points, "float64").size


def build_with_margin(network, reach):
    """Advice to build again with a margin beyond a distance, as only one construction takes one."""
    options = "" if network.construction == "compact" else 'construction="compact", '
    return f"build with memorize(..., {options}margin={1.25 * reach:.2g})"


def memorized_points(network, X, recognising=False):
    """The columns of X that are read as `Points`, if X is given; `InvalidInput` unless there are as many as memorized.

    Those by which rows are known, if that is asked for: no unit reads them where they are known by a hash.

    Any number will do where the network has memorized none.
    """
    if X is None:
        return None
    reading = network.recognition.reading if recognising else network.units_read.reading
    if network.n_points:
        return as_memorized_points(X, network.n_points, network.n_features_in, network.feature_names, reading)
    return as_points(X, network.n_features_in, names=network.feature_names, reading=reading)


def rows_named(rows, n):
    """A count of rows with the first of them: "3 of 100 rows (4, 7, 9)"."""
    shown = ", ".join(map(str, rows[:_NAMED])) + (", ..." if len(rows) > _NAMED else "")
    return f"{len(rows)} of {n} rows ({shown})"


def check_size(network, n_bytes, most, what):
    """Raise `NetworkTooLarge` if a file of that kind would hold too many bytes."""
    if n_bytes > most:
        raise NetworkTooLarge(
            f"{what} would take {n_bytes:,} bytes for {network.n_weights:,} weights, more than {most:,}",
            network.n_neurons,
            network.n_weights,
        )


def no_such_labels(what, dtype, why=""):
    """The error for labels of a dtype that an export cannot return, and why if that is not plain."""
    return InvalidInput(
        f'{what} cannot return labels of dtype {dtype}{why}: output="index" returns positions in net.classes'
    )


def refuse_rows_of_labels(what, classes):
    """Raise `InvalidInput` where each label has several values, which an export does not return."""
    if classes.ndim == 2:
        raise InvalidInput(
            f'{what} cannot return labels of {classes.shape[1]} values: output="index" returns positions in net.classes'
        )


def output_values(network, output, kinds, what):
    """What an export returns for each class: labels in native byte order, or None for the class index itself.

    Parameters
    ----------
    network : Network
    output : {"label", "index"}
    kinds : str
        Kinds of label dtype that `what` can return.
    what : str
        Name of the export, for the error.
    """
    if check_option("output", output, get_args(Output)) == "index":
        return None
    classes = network.classes
    refuse_rows_of_labels(what, classes)
    if classes.dtype.kind not in kinds:
        raise no_such_labels(what, classes.dtype)
    # StringDType has no byte order, and cannot be asked for one.
    return classes if classes.dtype.kind == "T" else np.ascontiguousarray(classes, classes.dtype.newbyteorder("="))
