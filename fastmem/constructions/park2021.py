"""The construction of Park, Lee, Yun & Shin: n^(2/3) weights, by folding a line and reading a table of words.

Park, Lee, Yun & Shin, "Provable memorization via deep neural networks using sub-linear parameters", COLT 2021 (arXiv
2010.13363), with threshold and identity units (their STEP and ID), in integers.

1. **Projection.** z = u.x, an integer (`fastmem.constructions.line`), whose cell z // S is another one for each
   point.
2. **Folds.** While there are more than n^(4/3) cells, those beyond T are put among the first T: a piece of cells is
   moved by b, modulo T, so that no two points share a cell. With one piece T is half of the cells, down to n^2/4 of
   them (their lemma 5); then there are A = 4 n^2 / cells pieces of at most T/n points each (lemma 6). Such b exists:
   a pair of points collides for one b in T, and there are fewer pairs than T. A fold is a layer of steps [z >= a S]:
   where a piece begins, and where it wraps.
3. **Table.** The cells that are left are cut into words of about n^(2/3) labels each, which is 0 for a cell without a
   point. A layer picks the word that z lies in, and where the word begins.
4. **Bits.** Two layers for each bit of the word: the highest bit is read and taken off, and counts if z lies in its
   cell.

Words have n^(2/3) K bits for labels of K bits.
"""

import bisect
import itertools
import math

import numpy as np

from fastmem.constructions.line import Line
from fastmem.constructions.numbers import network_of
from fastmem.constructions.pipes import IDENTITY, THRESHOLD, Form, Pipe, side_by_side
from fastmem.data.points import distinct_rows
from fastmem.errors import MemorizationError, NetworkTooLarge
from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.machine.progress import progress_bar
from fastmem.theory.park2021 import bound, final_cells, fold_of

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]

OPTIONS = ()
OWN_OPTIONS = {}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = "all"

_MOST_CELLS = 2**28  # of the table, which is held in memory


def build(points, labels, point_numbers, *, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    NumberNetwork

    Raises
    ------
    NetworkTooLarge
        The table of all cells takes too much memory.
    """
    targets, layers, stages = labels.indices.astype(np.float64), (), ()
    if labels.n_bits:
        distinct = distinct_rows(point_numbers)
        _refuse_too_large(len(distinct), points.d, labels.n_bits)
        line = Line.through(points.take(distinct).astype(np.float64), random_state)
        network = _Network(line, labels.indices[distinct].tolist(), labels.n_bits)
        with progress_bar(progress, None, "folding", unit="folds") as bar:
            layers, stages = network.layers(bar)
    return network_of(
        points, labels, targets, layers, 0, n_threads, output="class", construction="park2021", stages=stages
    )


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that this was drawn: nothing that it keeps."""
    return drawn == {}


def _refuse_too_large(n, d, n_bits):
    if final_cells(n) * n_bits > _MOST_CELLS:
        raise NetworkTooLarge(
            f"for {n:,} points the table has {final_cells(n):,} cells of {n_bits} bits, and at most {_MOST_CELLS:,} "
            'bits are held: use construction="vardi2021", whose words hold points alone',
            *bound(n, d, 1.0, n_bits),
        )


class _Network:
    """Folds, the table, and the bits of its words."""

    def __init__(self, line, labels, n_bits):
        order = sorted(range(len(line.z)), key=line.z.__getitem__)
        z = [line.z[place] for place in order]
        gap = min(after - before for before, after in itertools.pairwise(z)) if len(z) > 1 else 1
        self.S = 1 << gap.bit_length() - 1
        self.line, self.n, self.n_bits = line, len(z), n_bits
        self.cells = [number // self.S for number in z]
        self.labels = [labels[place] for place in order]
        self.n_cells = self.cells[-1] + 1
        self.pipe = Pipe(IDENTITY)

    def layers(self, bar):
        """All layers, and what each does."""
        while fold := fold_of(self.n_cells, self.n):
            self._fold(*fold)
            bar.update(1)
        self._read_bits(self._pick_word())
        d = len(self.line.weights)
        first = Layer(
            integer_matrix(self.line.weights, np.arange(d), [0, d], (1, d)), as_integers([self.line.base]), "identity"
        )
        return side_by_side(first, [self.pipe], ["y"])

    def _fold(self, left, n_pieces):
        """Put all cells among the first `left`, in so many pieces."""
        z, units, weights, shift = self.pipe.carried["z"], {}, {}, 0
        ordered, moves = sorted(self.cells), {}
        taken = set(ordered[: bisect.bisect_left(ordered, left)])
        ends = self._pieces(ordered[len(taken) :], left, n_pieces)
        for low, high in itertools.pairwise(ends):
            inside = ordered[bisect.bisect_left(ordered, low) : bisect.bisect_left(ordered, high)]
            move = _free_move(inside, taken, left)
            moves |= {cell: (cell + move) % left for cell in inside}
            taken |= {moves[cell] for cell in inside}
            wraps = (low + move) // left
            for start, number in [(low, move - wraps * left), *_wraps(low, high, move, left)]:
                name = f"step {len(units)}"
                units[name], weights[name] = (z.plus(-start * self.S), THRESHOLD), number - shift
                shift = number
        steps = self.pipe.layer("folds", units)
        for name, form in steps.items():
            self.pipe.add("z", form, weights[name] * self.S)
        if n_pieces > 1:
            self.pipe.layer("folds", {})  # a layer of one unit between wide ones
        self.cells = [moves.get(cell, cell) for cell in self.cells]
        self.n_cells = left

    def _pieces(self, beyond, left, n_pieces):
        """Where pieces of the cells from `left` on begin, and the end: each with at most a share of the points."""
        if n_pieces == 1:
            return [left, self.n_cells]
        most = max(left // self.n, 1)
        return [left, *beyond[most::most], self.n_cells]

    def _pick_word(self):
        """Carry the word of z's cell as "word", and z from where the word begins; returns how many cells it has."""
        n_words = math.isqrt(max(self.n_cells - 1, 0)) + 1
        size = -(-self.n_cells // n_words)
        labels, words = dict(zip(self.cells, self.labels, strict=True)), []
        for first in range(0, self.n_cells, size):
            word = 0
            for cell in range(first, first + size):
                word = word << self.n_bits | labels.get(cell, 0)
            words.append(word)
        z = self.pipe.carried["z"]
        units = {f"word {number}": (z.plus(-number * size * self.S), THRESHOLD) for number in range(1, len(words))}
        steps = self.pipe.layer("table", units)
        self.pipe.carried["word"] = Form(constant=words[0])
        for number, step in enumerate(steps.values(), start=1):
            self.pipe.add("z", step, -size * self.S)
            self.pipe.add("word", step, words[number] - words[number - 1])
        return size

    def _read_bits(self, size):
        """Read all bits of the word, and add up those of z's cell as "y"."""
        pipe = self.pipe
        for place in range(size * self.n_bits):
            slot, digit = divmod(place, self.n_bits)
            weight = 1 << size * self.n_bits - 1 - place
            z, cell = pipe.carried["z"], slot * self.S
            forms = pipe.layer("bits", {
                "bit": (pipe.carried["word"].plus(-weight), THRESHOLD),
                "from": (z.plus(-cell), THRESHOLD),
                "beyond": (z.plus(-cell - self.S), THRESHOLD),
            })  # fmt: skip
            pipe.add("word", forms["bit"], -weight)
            both = forms["bit"].plus(forms["from"]).plus(forms["beyond"], -1).plus(-2)
            forms = pipe.layer("bits", {"both": (both, THRESHOLD)})
            pipe.add("y", forms["both"], 1 << self.n_bits - 1 - digit)


def _free_move(cells, taken, n):
    """The least b with which (cell + b) mod n are different cells, none of them taken."""
    if len(set(cells)) == len({cell % n for cell in cells}):
        for move in range(n):
            if not any((cell + move) % n in taken for cell in cells):
                return move
    raise MemorizationError("no move keeps points apart: please report it")


def _wraps(low, high, move, n):
    """Where the cells of a piece that is moved come round to 0, and what is added to them from there on."""
    rounds = (low + move) // n + 1
    while rounds * n - move < high:
        yield rounds * n - move, move - rounds * n
        rounds += 1
