"""What recognition is, as tensors and settings of a file.

Further hyperplanes are kept whole, or by their weights that are not 0 where that takes fewer bytes. Their frame is that
of the hyperplanes in front of them, unless these read fewer columns.
"""

import math

import numpy as np

from fastmem.errors import FormatError
from fastmem.hyperplanes.code import MAX_BITS
from fastmem.hyperplanes.columns import FRAME, sparse_tensors, weights_from_sparse
from fastmem.hyperplanes.frame import MAX_EXPONENT
from fastmem.hyperplanes.hyperplanes import Hyperplanes, is_dense_enough
from fastmem.hyperplanes.recognition import Cells, Rows
from fastmem.store.tensors import part_of, under

__all__ = [
    "FURTHER_FRAME",
    "facts_of_file",
    "facts_to_file",
    "measured_fits",
    "recognition_of",
    "recognition_tensors",
]

_NAME = "recognition"
FURTHER_FRAME = tuple(f"{_NAME}.{name}" for name in FRAME)
"""Tensors that speed signs up and are no parameters."""

_MEASURED = ("asked", "by", "rows", "carried_by", "rate", "at_most", "is_extrapolated", "is_reached", "kinds")
_OF_UNITS = ("fits_float32", "largest_norm", "smallest_distance")


def recognition_tensors(recognition):
    """Tensors of `Cells`; none of `Rows`, whose hash has no parameters."""
    if recognition.by == "rows" or not recognition.e:
        return {}
    further = recognition.further
    tensors = {"thresholds": further.thresholds}
    sparse = sparse_tensors(further.weights)
    if sum(tensor.nbytes for tensor in sparse.values()) < further.weights.nbytes and is_dense_enough(
        further.weights.size, len(sparse["weights"])
    ):
        tensors |= sparse
    else:
        tensors["weights"] = further.weights
    if not recognition.code.is_identity:
        tensors["code"] = recognition.columns
    if recognition.places is not None:
        tensors |= {name: getattr(further, name) for name in FRAME}
    return under(_NAME, tensors)


def recognition_of(encoder, tensors, settings, reading):
    """What `recognition_tensors` was given; `FormatError` unless tensors and settings are of one.

    Parameters
    ----------
    encoder : Encoder
        That labels are read from.
    tensors, settings : dict
        Of the whole network.
    reading : Reading or None
        Of the encoder.
    """
    if not measured_fits(settings["recognition"]) or settings["recognise"] not in ("cells", "rows"):
        raise FormatError("what was measured of recognition is no such measurement")
    n_features = settings.get("n_features", encoder.hyperplanes.d)
    places = None
    if reading is not None and settings.get("recognition_reads") == "all":
        reading, places = None, reading.columns
    d = n_features if places is not None else encoder.hyperplanes.d
    if settings["recognise"] == "rows":
        return Rows(encoder, d, reading, places)
    e, n_bits = settings["n_recognition"], settings["n_recognition_bits"]
    if not (type(e) is int and type(n_bits) is int and e >= 0 and encoder.n_bits <= n_bits <= MAX_BITS):
        raise FormatError("numbers of hyperplanes or bits for recognition are none")
    if not e:
        return Cells.of_labels_alone(encoder, reading, places, d)
    return _cells(encoder, part_of(tensors, _NAME), e, n_bits, d, reading, places)


def _cells(encoder, tensors, e, n_bits, d, reading, places):
    frame = [getattr(encoder.hyperplanes, name) if places is None else tensors[name] for name in FRAME]
    thresholds, weights, columns = tensors["thresholds"], tensors["weights"], tensors.get("code")
    if "starts" in tensors:
        if not is_dense_enough(e * d, len(weights)):
            raise FormatError("hyperplanes for recognition read too few columns")
        weights = weights_from_sparse(tensors, e, d)
    fits = (
        weights.shape == (e, d)
        and weights.dtype == np.float32
        and thresholds.shape == (e,)
        and thresholds.dtype == np.float64
        and frame[0].shape == frame[1].shape == (d,)
        and (frame[0].dtype, frame[1].dtype) == (np.float64, np.int16)
        and bool(np.all(np.abs(frame[1].astype(np.int32)) <= MAX_EXPONENT))
        and all(np.isfinite(numbers).all() for numbers in (weights, thresholds, frame[0]))
    )
    if fits and columns is None:
        fits = encoder.code.is_identity and n_bits == encoder.n_bits + e
        columns = np.uint64(1) << np.arange(encoder.n_bits, n_bits, dtype=np.uint64)
    elif fits:
        fits = columns.shape == (e,) and columns.dtype == np.uint64 and not (columns >> np.uint64(n_bits)).any()
    if not fits:
        raise FormatError("hyperplanes for recognition do not fit the network")
    return Cells(encoder, Hyperplanes(weights, thresholds, *frame), columns, n_bits, reading, places)


def measured_fits(measured):
    """Whether this is what `fastmem.separate.recognition` measures."""
    if type(measured) is not dict or sorted(measured) != sorted(_MEASURED):
        return False
    numbers = [measured[name] for name in ("asked", "rows", "carried_by", "rate", "at_most")]
    kinds = measured["kinds"]
    return (
        type(measured["by"]) is str
        and measured["by"].isprintable()
        and type(kinds) is dict
        and all(type(name) is str and name.isprintable() for name in kinds)
        and all(_is_number(number) for number in [*numbers, *kinds.values()])
        and all(type(measured[name]) is bool for name in ("is_extrapolated", "is_reached"))
    )


def facts_to_file(facts):
    """Facts on the units that recognition reads too, as a file has them: numbers as strings, which hold infinity."""
    return {name: fact if type(fact) is bool else fact.hex() for name, fact in facts.items()}


def facts_of_file(facts):
    """What `facts_to_file` was given; `FormatError` if these are no such facts."""
    fits = type(facts) is dict and tuple(sorted(facts)) == _OF_UNITS and type(facts["fits_float32"]) is bool
    if fits:
        numbers = {name: float.fromhex(facts[name]) for name in ("largest_norm", "smallest_distance")}
        fits = all(number >= 0 for number in numbers.values())
    if not fits:
        raise FormatError("facts on the units that recognise inputs are none")
    return numbers | {"fits_float32": facts["fits_float32"]}


def _is_number(number):
    return type(number) in (int, float) and 0 <= number < math.inf
