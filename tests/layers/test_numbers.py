"""Networks whose units carry numbers: three steps and their plain twin in `oracles.naive`, over rational numbers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.layers.numbers import NumberTables

PROPERTY = examples(150)
SEEDS = st.integers(0, 2**32 - 1)
THRESHOLD, RELU, IDENTITY = range(3)
SHORT, LONG = [1, 3, 20], [1, 20, 53, 62, 64, 70, 128, 300]
WIDE = [0.0, -0.0, 1.0, -3.0, 0.5, 0.1, -1e308, 1e308, 5e-324, -1e-310, 2.0**-1022, 2.0**-1074 * 12345, 1e16, 1e-300]
NARROW = [0.0, -0.0, 1.0, 0.1, 1e-45, -3.4e38, 1.2e-38, 2.0**-149 * 77]
NO_CLASS, NO_BITS = -1, 2**64 - 1


def integer(rng, bits):
    return int(rng.integers(-1, 2)) * (1 + int.from_bytes(rng.bytes(40), "little") % 2 ** int(rng.choice(bits)))


def random_layers(rng, bits, rows, last=None):
    """Plain layers, many of whose sums are 0, 1 or -1 for one of some rows."""
    layers, values = [], [[Fraction(x) for x in row] for row in np.asarray(rows, np.float64).tolist()]
    for position in reversed(range(rng.integers(1, 5))):
        n_units = 1 if position == 0 and last is None else int(rng.integers(1, 5))
        weights = [[integer(rng, bits) for _ in values[0]] for _ in range(n_units)]
        activations = [last if position == 0 and last is not None else int(rng.integers(3)) for _ in weights]
        thresholds = []
        for unit in weights:
            tie = sum((w * v for w, v in zip(unit, values[rng.integers(len(values))], strict=True)), Fraction(0))
            at_tie = tie.denominator == 1 and abs(tie) < 2**320 and rng.random() < 0.7
            thresholds.append(int(tie) + int(rng.integers(-1, 2)) if at_tie else integer(rng, bits))
        layers.append((weights, thresholds, activations))
        values = [naive.number_outputs(layers[-1:], row) for row in values]
    return layers


def random_rows(rng):
    dtype = rng.choice([np.float32, np.float64])
    kind, shape = rng.integers(4), (rng.integers(1, 6), rng.integers(1, 5))
    if kind == 0:
        return rng.integers(-9, 10, shape).astype(dtype)
    if kind == 1:
        return rng.standard_normal(shape).astype(dtype)
    if kind == 2:
        return (rng.integers(-99, 100, shape) / 2.0 ** rng.integers(0, 6)).astype(dtype)
    return rng.choice(WIDE if dtype == np.float64 else NARROW, shape).astype(dtype)


def tables_of(layers, exponent=0):
    made = []
    for weights, thresholds, activations in layers:
        shape = (len(weights), len(weights[0]))
        starts = np.arange(shape[0] + 1) * shape[1]
        matrix = integer_matrix([w for unit in weights for w in unit], [*range(shape[1])] * shape[0], starts, shape)
        made.append(Layer(matrix, as_integers(thresholds), np.array(activations, np.uint8)))
    return NumberTables(made, exponent)


def agree(answer, truth, none):
    """Whether each step gives the truth or no answer, and all three the truth."""
    for levels in ((1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)):
        answers = answer(levels)
        left = none(answers)
        assert not (3 in levels and left.any())
        assert np.array_equal(answers[~left], truth[~left])
    assert np.array_equal(answer((1, 2, 3)).view(np.uint64), truth.view(np.uint64))  # signs of zeros too


@pytest.mark.parametrize("bits", [SHORT, LONG], ids=["short", "long"])
@PROPERTY
@given(SEEDS)
def test_classes_are_those_of_the_network_of_real_numbers(bits, seed):
    rng = np.random.default_rng(seed)
    X = random_rows(rng)
    layers, n_classes = random_layers(rng, bits, X), int(rng.integers(1, 9))
    results = [naive.number_outputs(layers, row)[0] for row in X]
    largest = max(int(abs(result)).bit_length() for result in results)
    exponent = int(rng.choice([-3, 0, 1, 2, 40, largest - 2, largest, largest + 1]))
    truth = np.array([naive.nearest_class(result / Fraction(2) ** exponent, n_classes) for result in results])
    tables = tables_of(layers, exponent)
    agree(lambda levels: tables.classes(X, n_classes, levels=levels), truth, lambda answers: answers == NO_CLASS)


@pytest.mark.parametrize("bits", [SHORT, LONG], ids=["short", "long"])
@PROPERTY
@given(SEEDS)
def test_values_are_the_nearest_float64(bits, seed):
    rng = np.random.default_rng(seed)
    X = random_rows(rng)
    layers, exponent = (
        random_layers(rng, bits, X, int(rng.integers(3))),
        int(rng.choice([-900, -3, 0, 1, 60, 900, 1400])),
    )
    truth = np.array(
        [[naive.nearest_float(f / Fraction(2) ** exponent) for f in naive.number_outputs(layers, row)] for row in X]
    )
    tables = tables_of(layers, exponent)
    assert np.isnan(tables.values(X, levels=(1,))).all()
    agree(lambda levels: tables.values(X, levels=levels), truth, np.isnan)


@pytest.mark.parametrize("bits", [SHORT, LONG], ids=["short", "long"])
@PROPERTY
@given(SEEDS)
def test_bits_are_those_of_the_threshold_units(bits, seed):
    rng = np.random.default_rng(seed)
    X = random_rows(rng)
    layers = random_layers(rng, bits, X, THRESHOLD)
    truth = [sum(int(f) << j for j, f in enumerate(naive.number_outputs(layers, row))) for row in X]
    tables = tables_of(layers)
    agree(lambda levels: tables.bits(X, levels=levels), np.array(truth, np.uint64), lambda answers: answers == NO_BITS)
