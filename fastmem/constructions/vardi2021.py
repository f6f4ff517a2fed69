"""The construction of Vardi, Yehudai & Shamir: sqrt(n) weights, by extracting bits of long words.

Vardi, Yehudai & Shamir, "On the optimal memorization power of ReLU neural networks", ICLR 2022 (arXiv 2110.03187): a
ReLU network of constant width and of depth about sqrt(n log n) memorizes n points, with weights of about as many
bits; with b bits a weight, about n/b weights. The stages are theirs, the integers and the proof are ours.

1. **Projection.** z = u.x, an integer (`fastmem.constructions.line`). S is a power of two, and two points are 2 S
   apart at least; z // S is the *code* of a point, of rho bits.
2. **Words.** Points are sorted by z and cut into groups of B. The word of a group is code and label of each of its
   points one after the other, the first one highest. For each group but the first, a layer adds the difference of its
   word and that of the group before to V where z >= A, in the middle of the gap between them: so V is the word of z's
   group.
3. **Bits.** Layer by layer the highest bit of V is read and taken off. rho bits are a code m, the next c its label.
   Where z is in the window from m S - p to (m + 1) S + p, the label is added to the output Y, else 0.

*Proof.* Let z' be p or nearer to z of a memorized point. It lies in the window of its own code. Another code is that
of a point 2 S or more away, so that its window is S - p or more away from z, and p <= S/2. And A is S or more away. ∎
So every input nearer than p / |u| to a memorized point has its label: `NumberNetwork.radius`.

form="step" has threshold and identity units, one for each bit, as Park et al. (2021) have them, and a ReLU for each
slot; p = S/2. form="steps" has ReLU units alone: [v >= t] is relu(v - t + 1) - relu(v - t) for an integer v, and
outside of its window a label is drowned by S/4 or more of distance, times 2^(c + 1): p = S/4, and the output is
scaled by S. form="triangles" extracts bits as the paper does, by triangle functions (Telgarsky, COLT 2016), each
x -> relu(2 x) - relu(4 x - 2 M), on A = 4 V + 2 and 4 V + 1, where M is 2^(n + 2) for words of n bits. After i rounds
these two lie in one linear piece of slope 2^i, which rises where bit i from the top is 0: so relu of their difference
is 2^i where it is 1. All that follows is scaled by 2^n.

``word_bits`` is the longest word: B is that over rho + c, and there are more words. ``depth`` is the most layers:
points are then cut into parts, each with a network of its own beside the others, and the outputs are added, since no
window of another part holds a point.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from fastmem.constructions.line import Line
from fastmem.constructions.numbers import network_of
from fastmem.constructions.pipes import IDENTITY, RELU, THRESHOLD, Form, Pipe, side_by_side
from fastmem.data.options import OwnOption, as_count, one_of
from fastmem.data.points import distinct_rows
from fastmem.errors import InvalidInput
from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import Layer
from fastmem.machine.progress import progress_bar
from fastmem.theory.vardi2021 import bound, shape

__all__ = ["CHOOSES_COLUMNS", "DELTA", "OPTIONS", "OWN_OPTIONS", "STORES", "bound", "build", "drawn_fits"]


def _most(name, value):
    return None if value is None else as_count(name, value)


OPTIONS = ()
OWN_OPTIONS = {
    "form": OwnOption("step", one_of("step", "steps", "triangles")),
    "word_bits": OwnOption(None, _most),
    "depth": OwnOption(None, _most),
}
CHOOSES_COLUMNS = False
STORES = (None,)
DELTA = "all"

_GAP = 2
_FINEST = 4  # S is a multiple: quarters of it are integers
_FACTS = ("code_bits", "label_bits", "parts", "groups", "slots")


def build(points, labels, point_numbers, *, form, word_bits, depth, random_state, n_threads, progress):
    """Memorize validated data.

    Parameters
    ----------
    points : Points
    labels : Labels
        Equal points have equal labels.
    point_numbers : int32 array of shape (n,)
        The lowest row equal to each: equal points count once.
    form : {"step", "steps", "triangles"}
    word_bits, depth : int or None
    random_state : numpy.random.Generator
    n_threads : int
    progress : bool or tqdm class

    Returns
    -------
    NumberNetwork

    Raises
    ------
    InvalidInput
        So few layers are not enough.
    """
    targets, layers, facts, exponent, radius, stages = labels.indices.astype(np.float64), (), {}, 0, 0.0, ()
    if labels.n_bits:
        distinct = distinct_rows(point_numbers)
        line = Line.through(points.take(distinct).astype(np.float64), random_state)
        codes = _Codes(line, labels.indices[distinct].tolist(), labels.n_bits)
        cut = shape(len(distinct), codes.rho, codes.c, form, word_bits, depth)
        if cut is None:
            least = shape_of_least_depth(form, codes)
            raise InvalidInput(
                f"construction_options['depth']={depth} is too little for codes of {codes.rho} and labels of {codes.c} "
                f"bits: form={form!r} takes {least} layers at least, one part for each point"
            )
        with progress_bar(progress, cut.parts, "writing words", unit="parts") as bar:
            layers, stages, exponent = _network(codes, cut, form, bar)
        padding = codes.S // (2 if form == "step" else 4)
        radius = _below(Fraction(padding, math.isqrt(sum(weight * weight for weight in codes.weights)) + 1))
        facts = dict(zip(_FACTS, (codes.rho, codes.c, *cut), strict=True))
    return network_of(
        points, labels, targets, layers, exponent, n_threads, output="class", radius=radius, drawn=facts, stages=stages,
        construction="vardi2021", construction_options={"form": form, "word_bits": word_bits, "depth": depth},
    )  # fmt: skip


def drawn_fits(drawn, n_told_apart):
    """Whether a network may say that it has these bits and groups."""
    if n_told_apart == 1:
        return drawn == {}
    return (
        type(drawn) is dict
        and drawn.keys() == set(_FACTS)
        and all(type(drawn[name]) is int and drawn[name] > 0 for name in _FACTS)
    )


def shape_of_least_depth(form, codes):
    """Layers of a network with one point in each part."""
    return (2 if form == "triangles" else 1) * (codes.rho + codes.c) + 3


def _below(number):
    """A float that is not above a Fraction."""
    nearest = float(number)
    return nearest if nearest <= number else math.nextafter(nearest, 0)


class _Codes:
    """Points in their order on a line, with a code each.

    Attributes
    ----------
    weights, base : list of int, int
        z = weights.x - base.
    z, labels : list of int
        Of the points in ascending order; the first z is S.
    S : int
        Width of a cell.
    rho, c : int
        Bits of a code, and of a label.
    """

    def __init__(self, line, labels, c):
        order = sorted(range(len(line.z)), key=line.z.__getitem__)
        z, self.labels, self.c = [line.z[place] for place in order], [labels[place] for place in order], c
        gap = min(after - before for before, after in itertools.pairwise(z)) if len(z) > 1 else _GAP
        finer = max((_GAP * _FINEST).bit_length() - gap.bit_length(), 0)
        self.S = 1 << ((gap << finer) // _GAP).bit_length() - 1
        self.weights = [weight << finer for weight in line.weights]
        self.base = (line.base << finer) - self.S  # nothing is cut off at 0 below the first point
        self.z = [(number << finer) + self.S for number in z]
        self.rho = (self.z[-1] // self.S).bit_length()

    def word(self, points, slots):
        """Codes and labels of points of a range, in so many slots: empty ones have the label 0."""
        word = 0
        for place in points:
            word = (word << self.rho + self.c) | (self.z[place] // self.S << self.c) | self.labels[place]
        return word << (self.rho + self.c) * (slots - len(points))


def _network(codes, cut, form, bar):
    """All layers, what each does, and the exponent of the output."""
    n, pipes = len(codes.z), []
    for points in np.array_split(np.arange(n), cut.parts):
        points = range(int(points[0]), int(points[-1]) + 1)
        groups = [points[start : start + cut.slots] for start in range(0, len(points), cut.slots)]
        pipes.append({"step": _Step, "steps": _Steps, "triangles": _Triangles}[form](codes, groups, cut.slots))
        pipes[-1].write()
        bar.update(1)
    d = len(codes.weights)
    first = Layer(
        integer_matrix(codes.weights, np.arange(d), [0, d], (1, d)), as_integers([codes.base]), pipes[0].projection
    )
    layers, stages = side_by_side(first, [part.pipe for part in pipes], ["y"] * len(pipes))
    return layers, stages, pipes[0].exponent


class _Extraction:
    """Stages 2 and 3 for some groups, in one of the forms."""

    relay, projection = RELU, "relu"

    def __init__(self, codes, groups, slots):
        self.codes, self.groups, self.slots = codes, groups, slots
        self.S, self.rho, self.c = codes.S, codes.rho, codes.c
        self.n_bits = slots * (codes.rho + codes.c)
        self.pipe, self.pending = Pipe(self.relay), {}

    def write(self):
        """Write all layers; the output is carried as "y"."""
        self._pick_words()
        self._begin_bits()
        for _ in range(self.slots):
            for place in range(self.rho + self.c):
                self._read_bit(place)
            self._end_slot()
        self.pipe.carried = {"y": self.pipe.carried["y"]} if "y" in self.pipe.carried else {}
        self._layer("bits", {})

    def _pick_words(self):
        words = [self.codes.word(group, self.slots) for group in self.groups]
        self.pipe.carried["v"] = Form(constant=words[0])
        for number in range(1, len(words)):
            below, above = self.codes.z[self.groups[number - 1][-1]], self.codes.z[self.groups[number][0]]
            step = self._step("words", self.pipe.carried["z"], (below + above) // 2)
            self.pipe.add("v", step, words[number] - words[number - 1])

    def _layer(self, stage, units):
        """A layer of these units and of those that wait for it: forms by name."""
        forms = self.pipe.layer(stage, self.pending | units)
        self.pending = {}
        if "r" in forms:
            self.pipe.add("y", forms["r"])
        return forms

    def _begin_bits(self):
        """Bring V into the form of which bits are read."""


class _Step(_Extraction):
    """Threshold and identity units."""

    relay, projection = IDENTITY, "identity"
    exponent = 0

    def _step(self, stage, form, limit):
        return self._layer(stage, {"t": (form.plus(-limit), THRESHOLD)})["t"]

    def _read_bit(self, place):
        carried, units = self.pipe.carried, {}
        self.n_bits -= 1
        units["t"] = (carried["v"].plus(-(1 << self.n_bits)), THRESHOLD)
        if place == self.rho:
            inside = carried["z"].plus(carried.pop("code"), -self.S)
            units["g"] = (inside.plus(self.S // 2), THRESHOLD)
            units["h"] = (inside.plus(-self.S - self.S // 2), THRESHOLD)
        forms = self._layer("bits", units)
        self.pipe.add("v", forms["t"], -(1 << self.n_bits))
        if place == self.rho:
            self.pipe.carried["match"] = forms["g"].plus(forms["h"], -1)
        _add_bit(self, place, forms["t"])

    def _end_slot(self):
        label, match = self.pipe.carried.pop("label"), self.pipe.carried.pop("match")
        self.pending = {"r": (label.plus(match.plus(-1), 1 << self.c), RELU)}


class _Steps(_Extraction):
    """ReLU units, two for each step of an integer."""

    @property
    def exponent(self):
        return self.S.bit_length() - 1

    def _step(self, stage, form, limit):
        forms = self._layer(stage, {"p": (form.plus(-limit), RELU), "q": (form.plus(-limit - 1), RELU)})
        return forms["p"].plus(forms["q"], -1)

    def _read_bit(self, place):
        carried = self.pipe.carried
        self.n_bits -= 1
        limit = 1 << self.n_bits
        units = {"p": (carried["v"].plus(1 - limit), RELU), "q": (carried["v"].plus(-limit), RELU)}
        if place == self.rho:
            units |= _windows(self, carried.pop("code"), 1)
        forms = self._layer("bits", units)
        bit = forms["p"].plus(forms["q"], -1)
        self.pipe.add("v", bit, -limit)
        if "low" in forms:
            self.pipe.carried["miss"] = forms["low"].plus(forms["high"])
        _add_bit(self, place, bit)

    def _end_slot(self):
        label, miss = self.pipe.carried.pop("label"), self.pipe.carried.pop("miss")
        self.pending = {"r": (label.times(self.S).plus(miss, -(2 << self.c)), RELU)}


class _Triangles(_Steps):
    """ReLU units that fold a word and its neighbour by triangle functions."""

    @property
    def exponent(self):
        return self.S.bit_length() - 1 + self.slots * (self.rho + self.c)

    def _begin_bits(self):
        v, self.scale, self.n_read = self.pipe.carried.pop("v"), self.n_bits, 0
        self.high, self.low = v.times(4).plus(2), v.times(4).plus(1)

    def _read_bit(self, place):
        peak = -2 << self.scale + 2
        forms = self._layer("bits", {
            "a": (self.high.times(2), RELU), "b": (self.high.times(4).plus(peak), RELU),
            "c": (self.low.times(2), RELU), "d": (self.low.times(4).plus(peak), RELU),
        })  # fmt: skip
        self.n_read += 1
        if "below" in forms:
            self.pipe.carried["miss"] = forms["below"].plus(forms["above"])
        self.pipe.carried |= {"high": forms["a"].plus(forms["b"], -1), "low": forms["c"].plus(forms["d"], -1)}
        high, low = self.pipe.carried["high"], self.pipe.carried["low"]
        bit = self._layer("bits", {"bit": (low.plus(high, -1), RELU)})["bit"]
        self.high, self.low = self.pipe.carried.pop("high"), self.pipe.carried.pop("low")
        _add_bit(self, place, bit.times(1 << self.scale - self.n_read))
        if place == self.rho - 1:
            code = self.pipe.carried.pop("code")
            units = _windows(self, code, 1 << self.scale)
            self.pending |= {"below": units["low"], "above": units["high"]}


def _windows(part, code, scale):
    """Units that say how far z is below and above the window of a code, which is scaled."""
    z, cell = part.pipe.carried["z"].times(scale), code.times(part.S)
    quarter = part.S // 4 * scale
    return {
        "low": (cell.plus(-quarter).plus(z, -1), RELU),
        "high": (z.plus(cell, -1).plus(-part.S * scale - quarter), RELU),
    }


def _add_bit(part, place, bit):
    """Add a bit that was read to the code or to the label that it belongs to."""
    name, last = ("code", part.rho - 1) if place < part.rho else ("label", part.rho + part.c - 1)
    part.pipe.add(name, bit, 1 << last - place)
