"""Layers of units that carry numbers as a program of sums, for deep networks and numbers of up to 4,000 bits.

A *node* is an input, a unit, or a sum that units share. A unit that repeats another one, as relays do that carry a
number through a layer, is no node: who reads it reads the other one. Inputs that a unit weighs with one number, up to
its sign, are added up first, in a node of their own: so a step relu(z - a) - relu(z - a - 1) is 0 or 1 before a long
word is multiplied by it, and stays 0 or 1 where z changes. Nodes are evaluated by
``src_cython/fastmem/_kernels/programs.pyx``, row by row, where they changed since the row before.
"""

from typing import NamedTuple

import numpy as np

from fastmem._kernels import programs as kernels
from fastmem.layers.integers import words_of

__all__ = ["Program"]

_THRESHOLD, _RELU, _IDENTITY = range(3)
_SPARE_WORDS = 4  # beside those of the longest parameter; what needs more is evaluated in more
_MOST_WORDS = kernels.MOST_WORDS
_WORD = 64


class Program:
    """Layers of integers as `NumberTables` has them, in the order in which nodes are evaluated.

    Parameters
    ----------
    layers : tuple of Layer
    """

    def __init__(self, layers):
        self._n_inputs = layers[0].weights.shape[1]
        nodes, outputs = _nodes(layers)
        self._n_nodes, self._n_outputs = len(nodes), len(outputs)
        self._longest = max((node.longest() for node in nodes), default=0)
        self._tables = kernels.ProgramTables(*_flattened(nodes), np.array(outputs, np.int32))
        first = layers[0].weights.toarray()[0] if layers[0].n_units else np.zeros(self._n_inputs)
        self._order_by = _scaled(first)

    def outputs(self, block):
        """Output units times 2^shift, as objects (n, outputs), the shifts, and which rows have them."""
        n, (shift, bits) = len(block), _shift_and_bits(block)
        numbers, done = np.zeros((n, self._n_outputs), object), np.zeros(n, bool)
        with np.errstate(over="ignore", invalid="ignore"):
            order = np.argsort(block.astype(np.float64) @ self._order_by, kind="stable")  # rows alike follow each other
        for capacity in sorted({min((self._longest + bits) // _WORD + _SPARE_WORDS, _MOST_WORDS), _MOST_WORDS}):
            if shift // _WORD + 2 <= capacity and not done.all():
                left = order[~done[order]]
                numbers[left], done[left] = self._run(block, left, shift, capacity)
        return numbers, np.full(n, shift), done

    def _run(self, block, rows, shift, capacity):
        """Outputs of some rows in numbers of so many words, and whether these do."""
        words = np.empty((len(block), self._n_outputs, capacity), np.uint64)
        signs, done = np.empty((len(block), self._n_outputs), np.int8), np.zeros(len(block), np.uint8)
        kernels.run_rows(
            self._tables, block, rows, shift, np.empty((self._n_nodes, capacity), np.uint64),
            np.empty(self._n_nodes, np.int32), np.empty(self._n_nodes, np.int8),
            np.empty(-(-self._n_nodes // _WORD), np.uint64), words, signs, done,
        )  # fmt: skip
        return _as_integers(words[rows], signs[rows]), done[rows] == 1


class _Node(NamedTuple):
    """A sum: terms (node, weight), each node once, the threshold that is taken off, and the activation."""

    terms: list
    threshold: int
    activation: int

    def longest(self):
        return max(abs(number).bit_length() for number in (*(weight for _, weight in self.terms), self.threshold))


def _nodes(layers):
    """All nodes, inputs first, and those of the output units."""
    nodes = [_Node([], 0, _IDENTITY) for _ in range(layers[0].weights.shape[1])]
    place, is_negative = list(range(len(nodes))), [True] * len(nodes)  # what may be below 0
    for layer in layers:
        weights, places = layer.weights, []
        data, inputs, starts = weights.data.tolist(), weights.indices.tolist(), weights.indptr.tolist()
        both = zip(layer.thresholds.tolist(), layer.activations.tolist(), strict=True)
        for unit, (threshold, activation) in enumerate(both):
            terms = {}
            for term in range(starts[unit], starts[unit + 1]):
                source = place[inputs[term]]
                terms[source] = terms.get(source, 0) + data[term]
            terms = [(source, weight) for source, weight in terms.items() if weight]
            if _is_copy(terms, threshold, activation, is_negative):
                places.append(terms[0][0])
                continue
            terms = _shared(terms, nodes, is_negative)
            nodes.append(_Node(terms, threshold, activation))
            is_negative.append(activation == _IDENTITY)
            places.append(len(nodes) - 1)
        place = places
    return nodes, place


def _is_copy(terms, threshold, activation, is_negative):
    """Whether a unit repeats what it reads."""
    if len(terms) != 1 or terms[0][1] != 1 or threshold:
        return False
    return activation == _IDENTITY or (activation == _RELU and not is_negative[terms[0][0]])


def _shared(terms, nodes, is_negative):
    """The terms, where some have one absolute weight other than 1 with a node that adds them up, with their signs."""
    groups = {}
    for source, weight in terms:
        groups.setdefault(abs(weight), []).append((source, 1 if weight > 0 else -1))
    joined = []
    for size, group in groups.items():
        if size == 1 or len(group) == 1:
            joined += [(source, sign * size) for source, sign in group]
            continue
        nodes.append(_Node(group, 0, _IDENTITY))
        is_negative.append(True)
        joined.append((len(nodes) - 1, size))
    return joined


def _flattened(nodes):
    """The arrays of `ProgramTables`, without the outputs."""
    counts = [len(node.terms) for node in nodes]
    sources = np.array([source for node in nodes for source, _ in node.terms], np.int32)
    readers = np.repeat(np.arange(len(nodes)), counts)[np.argsort(sources, kind="stable")]
    reader_starts = np.searchsorted(np.sort(sources), np.arange(len(nodes) + 1))
    return (
        np.append(0, np.cumsum(counts, dtype=np.int64)), sources,
        *_parts([weight for node in nodes for _, weight in node.terms]), *_parts([node.threshold for node in nodes]),
        np.array([node.activation for node in nodes], np.uint8), reader_starts.astype(np.int64),
        readers.astype(np.int32),
    )  # fmt: skip


def _parts(numbers):
    """Signs, powers of two, and where the words of odd parts begin, and these: of integers, 0 among them."""
    negative = np.array([number < 0 for number in numbers], np.uint8)
    powers = [(number & -number).bit_length() - 1 if number else 0 for number in numbers]
    odd = [abs(number) >> power for number, power in zip(numbers, powers, strict=True)]
    lengths = [-(-number.bit_length() // _WORD) for number in odd]
    words = [words_of(np.array([number], object), n)[0] for number, n in zip(odd, lengths, strict=True) if number]
    return (
        negative,
        np.array(powers, np.int32),
        np.append(0, np.cumsum(lengths, dtype=np.int64)),
        np.concatenate([np.empty(0, np.uint64), *words]),
    )


def _scaled(weights):
    """Integers of any size as floats of about 1, in proportion."""
    largest = max((abs(int(weight)) for weight in weights), default=0)
    shift = max(largest.bit_length() - 64, 0)
    return np.array([float(int(weight) >> shift) for weight in weights]) / 2.0**64


def _shift_and_bits(block):
    """The least shift, 0 at least, with which all numbers times 2^shift are integers, and bits of the longest."""
    fractions, exponents = np.frexp(block.astype(np.float64))
    digits = np.ldexp(fractions, 53).astype(np.int64)
    lowest = exponents - 53 + np.frexp((digits & -digits).astype(np.float64))[1] - 1
    shift = max(-int(lowest.min(where=digits != 0, initial=0)), 0)
    return shift, shift + max(int(exponents.max(initial=0)), 1)


def _as_integers(words, signs):
    """Python integers of absolute values in words, with their signs."""
    size = words.shape[2] * 8
    data, numbers = words.astype("<u8").tobytes(), np.empty(signs.size, object)
    numbers[:] = [
        sign * int.from_bytes(data[start : start + size], "little")
        for start, sign in zip(range(0, len(data), size), signs.ravel().tolist(), strict=True)
    ]
    return numbers.reshape(signs.shape)
