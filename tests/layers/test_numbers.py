"""Networks whose units carry numbers: three steps and their plain twin in `oracles.naive`, over rational numbers."""

import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from scipy.sparse import csr_array
from support.examples import examples

from fastmem.errors import InvalidInput
from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.layers.numbers import NumberTables
from fastmem.layers.programs import Program

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
def test_programs_give_the_outputs_of_all_rows_whatever_rows_share(bits, seed):
    rng = np.random.default_rng(seed)
    X = random_rows(rng)
    X = X[rng.integers(0, len(X), 12)]  # rows that equal the one before, in all or some columns
    X[6:, 0] = X[0, 0]
    layers = random_layers(rng, bits, X, int(rng.integers(3)))
    program = Program(tables_of(layers)._layers)
    numbers, shifts, done = program.outputs(X)
    for row, outputs, shift, is_done in zip(X, numbers.tolist(), shifts.tolist(), done.tolist(), strict=True):
        if is_done:
            assert [Fraction(number, 2**shift) for number in outputs] == naive.number_outputs(layers, row)
    largest = max(abs(float(x)) for x in X.ravel())
    assert done.all() or not 2.0**-300 < largest < 2.0**300 or np.abs(X[X != 0]).min() < 2.0**-300


@PROPERTY
@given(SEEDS)
def test_programs_mark_the_steps_and_ramps_that_a_number_passed(seed):
    rng = np.random.default_rng(seed)
    scale = 2 ** int(rng.choice([0, 3, 64, 200]))
    limits = [int(limit) * scale + int(rng.integers(-1, 2)) for limit in rng.integers(-6, 7, 12)]
    first = ([[scale, 0], [0, scale]], [0, 1], [IDENTITY, int(rng.integers(1, 3))])
    weights, thresholds, kinds = [], [], []
    for limit in limits:  # a ramp or a step of one of the two numbers
        unit = [0, 0]
        unit[rng.integers(2)] = 1
        ramp = bool(rng.integers(2))
        weights += [unit] * (1 + ramp)
        thresholds += [limit, limit + 1][: 1 + ramp]
        kinds += [RELU, RELU] if ramp else [THRESHOLD]
    outputs = rng.integers(1, 4, (2, len(kinds))).tolist()
    for place in range(1, len(kinds)):
        if kinds[place] == kinds[place - 1] == RELU and thresholds[place] == thresholds[place - 1] + 1:
            for row in outputs:
                row[place] = -row[place - 1]
    layers = [first, (weights, thresholds, kinds), (outputs, [0, 1], [IDENTITY, IDENTITY])]
    X = rng.integers(-8, 9, (40, 2)) / rng.choice([1, 2, 2.0**40])
    numbers, shifts, done = Program(tables_of(layers)._layers).outputs(X)
    assert done.all()
    for row, found, shift in zip(X, numbers.tolist(), shifts.tolist(), strict=True):
        assert [Fraction(number, 2**shift) for number in found] == naive.number_outputs(layers, row)


def test_programs_leave_out_relays_and_add_up_what_is_weighed_alike():
    word = 2**3000 + 1
    steps = ([[1], [1], [1]], [0, 5, 6], [RELU] * 3)
    layers = [steps, ([[1, 0, 0], [0, word, -word]], [0, 0], [RELU, IDENTITY]), ([[0, 1]], [0], [IDENTITY])]
    program = Program(tables_of(layers)._layers)
    X = np.array([[x] for x in (-1.0, 5.0, 5.5, 6.0, 1e30)])
    numbers, shifts, done = program.outputs(X)
    assert done.all()
    expected = [Fraction(number, 2) * word for number in (0, 0, 1, 2, 2)]
    assert [Fraction(number, 2 ** int(shift)) for (number,), shift in zip(numbers, shifts, strict=True)] == expected


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


@pytest.mark.parametrize(("p", "q"), [(p, q) for p in range(1, 5) for q in range(1, 6 - p)])
def test_words_of_all_lengths_are_multiplied(p, q):
    rng = np.random.default_rng(10 * p + q)
    X = rng.integers(-15, 16, (100, 2)).astype(float)
    first = [[integer(rng, [64 * q - 24]) | 1 for _ in range(2)] for _ in range(3)]
    second = [[integer(rng, [64 * p - 56]) | 1 for _ in range(3)] for _ in range(4)]
    layers = [(first, [5, 0, -5], [IDENTITY, RELU, IDENTITY]), (second, [1, 0, -1, 2**40], [IDENTITY] * 4)]
    truth = np.array([[naive.nearest_float(f) for f in naive.number_outputs(layers, row)] for row in X])
    assert np.array_equal(tables_of(layers).values(X, levels=(2,)), truth)


def test_short_numbers_are_decided_by_float64_and_by_words():
    rng = np.random.default_rng(0)
    layers = random_layers(rng, SHORT, rng.standard_normal((5, 3)))
    X = rng.standard_normal((1000, 3))
    tables = tables_of(layers, 10)
    truth = tables.classes(X, 50, levels=(3,))
    assert np.mean(tables.classes(X, 50, levels=(1,)) == truth) > 0.99
    assert np.array_equal(tables.classes(X, 50, levels=(2,)), truth)


@pytest.mark.parametrize(("level", "n_decided"), [(1, 7), (2, 11), (3, 11)])
def test_the_lower_of_two_classes_is_taken_in_the_middle(level, n_decided):
    tables = tables_of([([[1]], [0], [IDENTITY])], 1)
    X = np.array([[-1.0], [0.0], [0.5], [1.0], [np.nextafter(1, 2)], [2], [3], [4.5], [5], [5.5], [1e308]])
    answers = tables.classes(X, 3, levels=(level,))
    wanted = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    decided = answers != NO_CLASS
    assert np.array_equal(answers[decided], wanted[decided])
    assert decided.sum() == n_decided


def test_an_answer_depends_on_the_row_alone():
    rng = np.random.default_rng(3)
    layers = random_layers(rng, LONG, rng.standard_normal((5, 4)), RELU)
    X = np.concatenate([rng.standard_normal((50, 4)), rng.choice(WIDE, (50, 4))])
    tables = tables_of(layers, 50)
    whole = tables.values(X)
    order = rng.permutation(len(X))
    assert np.array_equal(tables.values(X[order]), whole[order])
    assert np.array_equal(np.concatenate([tables.values(X[i : i + 1]) for i in range(len(X))]), whole)
    strided = np.asfortranarray(np.repeat(X, 2, axis=1))[::-1, ::2]
    strided.setflags(write=False)
    assert np.array_equal(tables.values(strided), whole[::-1])
    assert tables.values(X[:0]).shape == (0, whole.shape[1])


def test_float32_rows_are_the_numbers_that_they_are():
    rng = np.random.default_rng(4)
    X = rng.choice(NARROW, (100, 3)).astype(np.float32)
    tables = tables_of(random_layers(rng, LONG, X))
    assert np.array_equal(tables.classes(X, 9), tables.classes(X.astype(np.float64), 9))


def test_as_many_as_62_threshold_units_are_bits():
    thresholds = list(range(62))
    tables = tables_of([([[1]] * 62, thresholds, [THRESHOLD] * 62)])
    X = np.array([[-1.0], [0.0], [30.5], [61.0], [100.0]])
    wanted = [0, 1, 2**31 - 1, 2**62 - 1, 2**62 - 1]
    assert tables.bits(X, levels=(1,)).tolist() == wanted  # sums of small integers have no error
    assert tables.bits(X, levels=(2,)).tolist() == wanted
    assert tables.bits(X, levels=(3,)).tolist() == wanted


def test_relays_through_many_layers_keep_a_number():
    tables = tables_of([([[2**70]], [0], [IDENTITY])] + [([[1]], [0], [RELU])] * 300, 70)
    assert tables.values(np.array([[0.1], [-3.0], [7.0]]), levels=(2,)).tolist() == [[0.1], [0.0], [7.0]]


def test_threads_share_the_tables():
    rng = np.random.default_rng(5)
    tables = tables_of(random_layers(rng, LONG, rng.standard_normal((5, 4))), 60)
    X = rng.standard_normal((400, 4))
    truth, answers = tables.classes(X, 9, levels=(3,)), [None] * 4

    def work(i):
        answers[i] = tables.classes(X[i * 100 : i * 100 + 100], 9)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(np.concatenate(answers), truth)


def test_layers_of_floats_are_refused():
    real = Layer(csr_array(np.ones((1, 2), np.float32)), np.zeros(1))
    with pytest.raises(InvalidInput, match="layer 1 has parameters that are no integers"):
        NumberTables([real], 0)
