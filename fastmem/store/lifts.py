"""The store of the theorem: blocks of linearly independent lifts (stages 3 to 5 of Rajput et al. 2021).

Rajput, Sreenivasan, Papailiopoulos & Karbasi (NeurIPS 2021, arXiv 2106.07724) lift codes of O(log n) bits to vectors of
O(sqrt n log^2 n) bits, so that sets of about sqrt n of them are linearly independent; one unit then memorizes a set.
Here, for distinct codes z with values N(z) = sum_i 2^i z_i:

1. *Lift.* C = 3 * 2^a units, an AND each: unit (s, v), s = 0, 1, 2 and v < 2^a, is 1 if the bits s a to s a + a - 1 of
   the code are the number v: weights 1 and -1 on these a bits, threshold the number of ones of v. Beside them R - 1
   gates g_j = [N(z) >= T_j], j = 1..R-1, which cut the codes in order into R blocks; g_0 = 1 and g_R = 0.
2. *Units.* One for each block j and label bit b: ``[w_jb . lift + M_jb (g_j - g_{j+1}) >= M_jb + 1]``. Inside block j
   the address match g_j - g_{j+1} is 1 and the unit is [w_jb . lift >= 1]; outside it is 0 and the unit too, if
   M_jb >= w_jb . lift whatever the code: M_jb is the sum of the largest weight of each segment, or 0.
3. *Output.* Label bit b is the OR of its R units: ``[sum_j u_jb >= 1]``.

*Independence.* Lifts of a block are edges of a random 3-partite hypergraph on C vertices, C/3 a part. If edges can be
peeled, one after the other, each with a vertex that no remaining edge has, the lifts are independent over the reals and
every w_jb exists, with integers: see ``src_cython/fastmem/_kernels/lifts.pyx``. A random hypergraph with c C edges is
peeled with high probability if c < 0.818 (Molloy, "Cores in random hypergraphs and Boolean formulas", Random Structures
& Algorithms 27, 2005; for 3-partite ones Botelho, Pagh & Ziviani, WADS 2007). Every subset of a set that can be peeled
can be, so each block is the longest run of codes that can; one code always can. So the store exists for all codes that
differ, however they are distributed.

*Sizes.* For random codes R is about n / (0.8 C), and C + K R units and R gates are fewest where C^2 = (K + 1) n / 0.8:
for one label bit C + 2 R = 3.2 sqrt n. As C is 3 times a power of two, it is up to 6 % more. The paper's lift has
sqrt n log^2 n units, since it asks for independence of random vectors of its own kind; the count is lower here because
the lift's segments are the bits of a random linear code, hence independent and uniform for each pair of codes.
"""

import numpy as np

from fastmem._kernels import lifts as kernels
from fastmem._kernels import runs
from fastmem.data.as_labels import bits_for
from fastmem.errors import FormatError
from fastmem.layers.integers import narrowed
from fastmem.layers.layer import Layer
from fastmem.layers.rows import as_rows, beside, number_row, relays, stacked
from fastmem.store.base import Store
from fastmem.store.ranges import distinct_codes, prefix_index
from fastmem.theory.rajput2021 import LOAD, MOST_SEGMENT_BITS, SEGMENTS, segment_bits

__all__ = ["BlockStore"]

_LARGEST = 2**20


class BlockStore(Store):
    """Blocks of codes, each memorized by one unit for each label bit.

    Parameters
    ----------
    starts : uint64 array of shape (R,)
        T_j, ascending, from 0: block j holds the codes from starts[j] up to starts[j + 1].
    weights : integer array of shape (R, C, K)
        w_jb: what the lift's places weigh in the unit of block j and label bit b.
    n_bits : int
        Length k of the codes.
    n_classes : int
    """

    name = "blocks"

    def __init__(self, starts, weights, n_bits, n_classes):
        self.n_bits = int(n_bits)
        self.n_classes = int(n_classes)
        self.starts = np.ascontiguousarray(starts, np.uint64)
        self.weights = np.ascontiguousarray(weights)
        self.segment_bits = (self.weights.shape[1] // SEGMENTS).bit_length() - 1
        self.prefixes = prefix_index(self.starts, self.n_bits)

    @classmethod
    def build(cls, codes, classes, n_bits, n_classes):
        """Store the classes of sorted codes; as `Store.build`."""
        codes, classes = distinct_codes(codes, np.ascontiguousarray(classes))
        n_label_bits = bits_for(n_classes)
        if n_label_bits == 0:
            return cls(np.zeros(1, np.uint64), np.zeros((1, SEGMENTS, 0), np.int8), n_bits, n_classes)
        a = min(segment_bits(len(codes), n_label_bits), max(n_bits // SEGMENTS, 1))
        blocks = list(_Peeling(a).blocks(codes, classes, n_label_bits))
        sizes = [size for size, _ in blocks]
        number = np.repeat(np.arange(len(blocks), dtype=np.int32), sizes)
        starts, same = np.empty(len(codes), np.uint64), np.empty(len(codes), np.int32)
        starts = starts[: runs.merge_runs(codes, number, starts, same)].copy()
        return cls(starts, narrowed(np.stack([weights for _, weights in blocks])), n_bits, n_classes)

    @property
    def n_blocks(self):
        """R."""
        return len(self.starts)

    @property
    def stages(self):
        """What each layer does: tuple of str."""
        return ("lift and gates", "block units", "label bits") if self.n_label_bits else ()

    def lookup(self, codes):
        """Class index of each code: int32 array of shape (n,).

        The bits of a code that was not stored can be those of no class: the last one then stands for it.
        """
        if not self.n_label_bits:
            return np.zeros(len(codes), np.int32)
        classes, a, last = np.empty(len(codes), np.int32), self.segment_bits, self.n_classes - 1
        kernels.lookup(codes, self.starts, self.prefixes.index, self.prefixes.shift, a, self.weights, last, classes)
        return classes

    def tensors(self):
        """Parameters by name."""
        return {"starts": self.starts, "weights": self.weights}

    @classmethod
    def from_tensors(cls, tensors, n_bits, n_classes):
        """Store with the given parameters; `FormatError` if they are not what `tensors` gives."""
        starts, weights = tensors["starts"], tensors["weights"]
        places = weights.shape[1] if weights.ndim == 3 else 0
        valid = (
            starts.ndim == 1
            and starts.dtype == np.uint64
            and len(starts) > 0
            and weights.dtype in (np.int8, np.int16, np.int32)
            and weights.shape == (len(starts), places, bits_for(n_classes))
            and places in [SEGMENTS << a for a in range(MOST_SEGMENT_BITS + 1)]
            and starts[0] == 0
            and bool(np.all(starts[1:] > starts[:-1]))
            and int(starts[-1]) < max(1 << n_bits, 1)
            and int(abs(weights.astype(np.int64)).max(initial=0)) <= _LARGEST
        )
        if not valid:
            raise FormatError("the block store's starts and weights do not fit each other, the codes or the classes")
        return cls(starts, weights, n_bits, n_classes)

    def layers(self):
        """The store as three layers of threshold units, from code bits to the bits of the class index."""
        if self.n_label_bits == 0:
            return ()
        return self._lift_and_gates(), self._units(), self._outputs()

    def _lift_and_gates(self):
        a = self.segment_bits
        segment, number, bit = np.indices((SEGMENTS, 1 << a, a)).reshape(3, -1)
        places = segment * a + bit
        inside = places < self.n_bits
        signs, units = 2 * (number >> bit & 1) - 1, segment << a | number
        lift = as_rows((signs[inside], (units[inside], places[inside])), (SEGMENTS << a, self.n_bits))
        ones = np.bitwise_count(np.arange(1 << a)).astype(np.int64)
        # The bits below the lowest one of a start decide nothing.
        starts = self.starts[1:].astype(np.int64)
        zeros = np.bitwise_count((starts & -starts) - 1).astype(np.int64)
        gates = number_row(self.n_bits) >> zeros[:, None]
        return Layer(stacked([lift, gates]), np.concatenate([np.tile(ones, SEGMENTS), starts >> zeros]))

    def _units(self):
        n_blocks, places, n_label_bits = self.weights.shape
        lifts = self.weights.astype(np.int64).transpose(0, 2, 1).reshape(-1, places)
        segments = self.weights.reshape(n_blocks, SEGMENTS, -1, n_label_bits).max(axis=2).astype(np.int64)
        most = np.maximum(segments.sum(axis=1), 0).ravel()  # M, unit by unit
        block = np.repeat(np.arange(n_blocks), n_label_bits)
        matches = relays(n_blocks - 1, block - 1) - relays(n_blocks - 1, block)  # g_j - g_{j+1}
        weights = beside([lifts, matches.multiply(most[:, None])])
        weights.eliminate_zeros()
        return Layer(weights, np.where(block > 0, most, 0) + 1)

    def _outputs(self):
        n_units = self.n_blocks * self.n_label_bits
        bits = np.tile(np.arange(self.n_label_bits), self.n_blocks)
        weights = as_rows((np.ones(n_units, np.int64), (bits, np.arange(n_units))))
        return Layer(weights, np.ones(self.n_label_bits, np.int64))


class _Peeling:
    """Cuts codes into blocks that can be peeled, for segments of a bits."""

    def __init__(self, a):
        self.a = a
        self.n_vertices = SEGMENTS << a
        self._degrees, self._joined, self._waiting = (np.empty(self.n_vertices, np.int32) for _ in range(3))
        self._edges, self._vertices = (np.empty(self.n_vertices, np.int32) for _ in range(2))

    def blocks(self, codes, classes, n_label_bits):
        """Size and weights (C, K) of each block of ascending codes, in order."""
        start, size = 0, int(LOAD * self.n_vertices)
        while start < len(codes):
            size = self._longest(codes[start:], size)
            weights = None
            while weights is None:
                block = slice(start, start + size)
                weights = self._solve(codes[block], classes[block], n_label_bits)
                size = size if weights is not None else (size + 1) // 2
            yield size, weights
            start += size

    def _longest(self, codes, guess):
        """How many of the first codes can be peeled together, at most: searched for around a guess."""
        low, high = 1, min(len(codes), self.n_vertices) + 1  # low can be, high cannot or there are fewer
        trial, step = min(max(guess, low), high - 1), max(self.n_vertices // 64, 1)
        while high - low > 1:
            if self._peel(codes[:trial]) == trial:
                low, trial = trial, trial + step
            else:
                high, trial = trial, trial - step
            step *= 2
            if not low < trial < high:
                trial = (low + high) // 2
        return low

    def _peel(self, codes):
        return kernels.peel(codes, self.a, self._degrees, self._joined, self._edges, self._vertices, self._waiting)

    def _solve(self, codes, classes, n_label_bits):
        """Weights of a block, or None if they grow too large."""
        self._peel(codes)
        weights = np.zeros((self.n_vertices, n_label_bits), np.int32)
        if kernels.solve(codes, classes, self.a, n_label_bits, self._edges, self._vertices, weights, _LARGEST):
            return weights
        return None
