"""Networks whose units carry numbers, one unit at a time over the rational numbers."""

import math
from fractions import Fraction

import numpy as np


def number_outputs(layers, row):
    """Output units, as Fractions, of one row of floats or Fractions.

    A layer is its weights, a list of rows of integers, its thresholds and its activations: 0 for [s >= 0], 1 for
    max(s, 0), 2 for s.
    """
    values = [Fraction(x) for x in (row.tolist() if isinstance(row, np.ndarray) else row)]
    for weights, thresholds, activations in layers:
        sums = [
            sum((w * v for w, v in zip(unit, values, strict=True)), Fraction(-t))
            for unit, t in zip(weights, thresholds, strict=True)
        ]
        values = [
            (Fraction(s >= 0), max(s, Fraction(0)), s)[activation]
            for s, activation in zip(sums, activations, strict=True)
        ]
    return values


def nearest_class(number, n_classes):
    """The integer nearest to a Fraction, the lower one of two, brought into 0, ..., n_classes - 1."""
    return min(max(math.ceil(number - Fraction(1, 2)), 0), n_classes - 1)


def nearest_float(number):
    """The float64 nearest to a Fraction, the one with an even last bit of two; infinite beyond float64."""
    if number == 0:
        return 0.0
    size = abs(number)
    power = size.numerator.bit_length() - size.denominator.bit_length()
    power -= size < Fraction(2) ** power  # 2^power <= size < 2^(power + 1)
    last = max(power - 52, -1074)
    whole = round(size / Fraction(2) ** last)  # to even
    nearest = math.ldexp(whole, last) if whole.bit_length() + last <= 1024 else math.inf
    return nearest if number > 0 else -nearest
