"""Layers of units that carry numbers as a program of sums, for deep networks and numbers of up to 4,000 bits.

A *node* is an input, a unit, or a sum that units share. A unit that repeats another one, as relays do that carry a
number through a layer, is no node: who reads it reads the other one. Inputs that a unit weighs with one number, up to
its sign, are added up first, in a node of their own, and relu(s) - relu(s - 1) is one node, min(max(s, 0), 1): so a
step is 0 or 1 before a long word is multiplied by it, and stays 0 or 1 where z changes. Long sums are sums of sums.
Nodes are evaluated by ``src_cython/fastmem/_kernels/programs.pyx``, row by row, where they changed since the row
before.
"""

from typing import NamedTuple

import numpy as np

from fastmem._kernels import programs as kernels
from fastmem.layers.integers import words_of

__all__ = ["Program"]

_THRESHOLD, _RELU, _IDENTITY, _RAMP = range(4)
_SPARE_WORDS = 4  # beside those of the longest parameter; what needs more is evaluated in more
_MOST_WORDS = kernels.MOST_WORDS
_WORD = 64
_TOGETHER = 16  # terms of a sum, where there are more than twice as many


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
        self._limit_bits = np.array([abs(node.threshold).bit_length() for node in nodes])
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
        limit_words = np.where(self._limit_bits, (self._limit_bits + shift) // _WORD + 2, 0)
        limit_starts = np.append(0, np.cumsum(limit_words, dtype=np.int64))
        words = np.empty((len(block), self._n_outputs, capacity), np.uint64)
        signs, done = np.empty((len(block), self._n_outputs), np.int8), np.zeros(len(block), np.uint8)
        kernels.run_rows(
            self._tables, block, rows, shift, np.empty((self._n_nodes, capacity), np.uint64),
            np.empty(self._n_nodes, np.int32), np.empty(self._n_nodes, np.int8),
            np.empty(-(-self._n_nodes // _WORD), np.uint64),
            limit_starts, np.empty(limit_starts[-1] + 1, np.uint64), np.empty(self._n_nodes, np.int32), words, signs,
            done,
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
    """All nodes that outputs depend on, inputs first, and those of the output units."""
    nodes = [_Node([], 0, _IDENTITY) for _ in range(layers[0].weights.shape[1])]
    place, shared = list(range(len(nodes))), {}
    for layer in layers:
        data, inputs, starts = (
            part.tolist() for part in (layer.weights.data, layer.weights.indices, layer.weights.indptr)
        )
        both, places = zip(layer.thresholds.tolist(), layer.activations.tolist(), strict=True), []
        for unit, (threshold, activation) in enumerate(both):
            terms = {}
            for term in range(starts[unit], starts[unit + 1]):
                source = place[inputs[term]]
                terms[source] = terms.get(source, 0) + data[term]
            terms = [(source, weight) for source, weight in terms.items() if weight]
            if _is_copy(terms, threshold, activation, nodes):
                places.append(terms[0][0])
                continue
            nodes.append(_Node(_with_shared(terms, nodes, shared), threshold, activation))
            places.append(len(nodes) - 1)
        place = places
    return _needed(nodes, place, layers[0].weights.shape[1])


def _needed(nodes, outputs, n_inputs):
    """The inputs, and the nodes that outputs depend on, numbered anew; and the outputs."""
    is_needed = [place < n_inputs for place in range(len(nodes))]
    for output in outputs:
        is_needed[output] = True
    for place in reversed(range(len(nodes))):
        if is_needed[place]:
            for source, _ in nodes[place].terms:
                is_needed[source] = True
    numbers = np.cumsum(is_needed) - 1
    kept = [node for node, needed in zip(nodes, is_needed, strict=True) if needed]
    kept = [node._replace(terms=[(int(numbers[source]), w) for source, w in node.terms]) for node in kept]
    return kept, [int(numbers[output]) for output in outputs]


def _is_copy(terms, threshold, activation, nodes):
    """Whether a unit repeats what it reads."""
    if len(terms) != 1 or terms[0][1] != 1 or threshold:
        return False
    return activation == _IDENTITY or (activation == _RELU and nodes[terms[0][0]].activation != _IDENTITY)


def _with_shared(terms, nodes, shared):
    """The terms, where nodes of one absolute weight are added up first: ramps of two ReLUs, and other sums.

    Nodes that are made for that are kept in `shared`, by what they add up.
    """
    groups = {}
    for source, weight in terms:
        groups.setdefault(abs(weight), []).append((source, 1 if weight > 0 else -1))
    joined = []
    for size, group in groups.items():
        group = _with_ramps(group, nodes, shared)
        if size > 1 and len(group) > 1:
            group = [(_made(_Node(group, 0, _IDENTITY), nodes, shared), 1)]
        joined += [(source, sign * size) for source, sign in group]
    return _in_parts(joined, nodes, shared)


def _in_parts(terms, nodes, shared):
    """The terms, or nodes that add up some of them each: where one of many changes, few are added up again."""
    while len(terms) > 2 * _TOGETHER:
        parts = [terms[start : start + _TOGETHER] for start in range(0, len(terms), _TOGETHER)]
        terms = [(_made(_Node(part, 0, _IDENTITY), nodes, shared), 1) for part in parts]
    return terms


def _with_ramps(group, nodes, shared):
    """Nodes with signs, where relu(s) - relu(s - 1) is one node min(max(s, 0), 1)."""
    left, found = dict(group), []
    by_sum = {_key(nodes[source]): source for source, _ in group if nodes[source].activation == _RELU}
    for (terms, threshold), source in by_sum.items():
        other = by_sum.get((terms, threshold + 1))
        if other in left and source in left and left[source] == -left[other]:
            found.append((_made(nodes[source]._replace(activation=_RAMP), nodes, shared), left.pop(source)))
            del left[other]
    return [*left.items(), *found]


def _key(node):
    return tuple(node.terms), node.threshold


def _made(node, nodes, shared):
    """The place of a node, which is added if it is new."""
    key = (*_key(node), node.activation)
    if key not in shared:
        nodes.append(node)
        shared[key] = len(nodes) - 1
    return shared[key]


def _flattened(nodes):
    """The arrays of `ProgramTables`, without the outputs."""
    readers, steps = [[] for _ in nodes], [[] for _ in nodes]
    for place, node in enumerate(nodes):
        is_step = node.activation in (_THRESHOLD, _RAMP) and len(node.terms) == 1 and node.terms[0][1] == 1
        for source, _ in node.terms:
            (steps if is_step else readers)[source].append(place)
    steps = [sorted(some, key=lambda place: nodes[place].threshold) for some in steps]
    have_ramps = [any(nodes[place].activation == _RAMP for place in some) for some in steps]
    return (
        *_joined([[source for source, _ in node.terms] for node in nodes]),
        *_parts([weight for node in nodes for _, weight in node.terms]), *_parts([node.threshold for node in nodes]),
        np.array([node.activation for node in nodes], np.uint8), *_joined(readers), *_joined(steps),
        np.array(have_ramps, np.uint8),
    )  # fmt: skip


def _joined(lists):
    """Where each list begins and the last one ends, and all their places."""
    flat = [place for some in lists for place in some]
    return np.append(0, np.cumsum([len(some) for some in lists], dtype=np.int64)), np.array(flat, np.int32)


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
