"""The integer store: labels as a telescoping sum of thresholds on the code's value (fewest neurons).

Sort the codes by N(z) = sum_i 2^i z_i and merge neighbours of one class into runs. A label bit is then a step
function of N(z): it toggles at c_1 < c_2 < ... < c_S, starting from 0. Cut the runs into B blocks in each of
which every label bit b toggles at most C_b times, reading 0 before the block; c_{j,r} is the r-th toggle of bit
b in block j, or 2^k, above all codes, where there are fewer. With T_j the start of block j, three layers follow:

1. g_j = [N(z) >= T_j] for j = 2..B, and one relay per code bit;
2. h_{b,r} = [N(z) - sum_{j>=2} (c_{j,r} - c_{j-1,r}) g_j >= c_{1,r}]: the sum telescopes to c_{j,r} of the
   code's own block j;
3. bit b = [h_{b,1} - h_{b,2} + h_{b,3} - ... >= 1]: h_{b,r} falls as r grows, so the alternating sum is the
   parity of the number of toggles up to N(z).

With K label bits that is B - 1 + k + sum_b C_b + K units, about 2 sqrt(K S) when each bit toggles S times, against
sqrt(n) log^2 n in the theorem. All bits share the g_j. Nothing is asked of the codes but that those of
different classes differ. This is the role of stages 3 to 5 in Rajput et al. (2021, arXiv 2106.07724), and the
idea of thresholds that cancel is Baum's (1988).
"""

import numpy as np

from fastmem._kernels import runs as kernels
from fastmem.data.as_labels import bits_for
from fastmem.errors import FormatError, MemorizationError
from fastmem.layers.layer import Layer
from fastmem.layers.rows import alternating_sums, beside, number_row, relays, stacked
from fastmem.machine.once import cached_property
from fastmem.store.base import Store
from fastmem.store.ranges import prefix_index

__all__ = ["IntegerStore"]

_MOST_RUNS = np.iinfo(np.int32).max
_GRID = 2.0 ** np.arange(-1.5, 1.51, 0.125)


class IntegerStore(Store):
    """Runs of codes with one class.

    Parameters
    ----------
    starts : uint32 or uint64 array of shape (r,)
        Ascending, from 0: run i holds the codes from starts[i] up to starts[i + 1].
    run_classes : int32 array of shape (r,)
    n_bits : int
        Length k of the codes.
    n_classes : int
    """

    name = "integer"

    def __init__(self, starts, run_classes, n_bits, n_classes):
        self.n_bits = int(n_bits)
        self.n_classes = int(n_classes)
        self.starts = np.ascontiguousarray(starts, np.uint32 if n_bits <= 32 else np.uint64)
        self.run_classes = np.ascontiguousarray(run_classes, np.int32)
        self.prefixes = prefix_index(self.starts, self.n_bits)

    @classmethod
    def build(cls, codes, classes, n_bits, n_classes):
        """Store the classes of sorted codes; as `Store.build`."""
        return cls(*_runs_of_range(codes, classes), n_bits, n_classes)

    @classmethod
    def of_ranges(cls, ranges, n_bits, n_classes):
        """Store the classes, int32, that are the symbols of `Ranges`."""
        parts = ranges.each(_runs_of_range)
        last = None
        for number, ((starts, run_classes), bound) in enumerate(zip(parts, ranges.bounds, strict=True)):
            starts[:1] = bound
            if len(starts) and run_classes[0] == last:  # the run goes on
                parts[number] = starts[1:], run_classes[1:]
            last = run_classes[-1] if len(starts) else last
        starts, run_classes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if len(starts) > _MOST_RUNS:
            raise MemorizationError(f"there are {len(starts)} runs of codes, and 2^31 - 1 are the most", [])
        starts[:1] = 0
        return cls(starts, run_classes, n_bits, n_classes)

    @property
    def stages(self):
        """What each layer does: tuple of str."""
        return ("gates and relays", "steps", "label bits") if self.n_label_bits else ()

    def lookup(self, codes):
        """Class index of each code: int32 array of shape (n,)."""
        classes = np.empty(len(codes), np.int32)
        kernels.lookup(codes, self.starts, self.run_classes, self.prefixes.index, self.prefixes.shift, classes)
        return classes

    def tensors(self):
        """Parameters by name."""
        return {"starts": self.starts, "run_classes": self.run_classes.astype(np.min_scalar_type(self.n_classes - 1))}

    @classmethod
    def from_tensors(cls, tensors, n_bits, n_classes):
        """Store with the given parameters; `FormatError` if they are not what `tensors` gives."""
        starts, run_classes = tensors["starts"], tensors["run_classes"]
        valid = (
            starts.ndim == run_classes.ndim == 1
            and starts.dtype.kind == run_classes.dtype.kind == "u"
            and 0 < len(starts) == len(run_classes) <= _MOST_RUNS
            and starts[0] == 0
            and bool(np.all(starts[1:] > starts[:-1]))
            and int(starts[-1]) < max(1 << n_bits, 1)
            and bool(np.all(run_classes < n_classes))
            and int(np.bitwise_or.reduce(run_classes)) == (1 << bits_for(n_classes)) - 1
        )
        if not valid:
            raise FormatError("the integer store's runs are not ascending codes with valid classes")
        return cls(starts, run_classes, n_bits, n_classes)

    @cached_property
    def _blocks(self):
        """First run of each block, and C_b for each label bit: the cut with the fewest units found.

        Tried are capacities in proportion to each bit's toggles, for numbers of blocks around the square root
        of all toggles, where B + sum_b C_b is smallest.
        """
        classes = self.run_classes
        toggles = np.array(
            [np.count_nonzero(np.diff(classes >> b & 1, prepend=0)) for b in range(self.n_label_bits)], np.int64
        )
        best = None
        for n_blocks in np.unique(np.maximum(_GRID * np.sqrt(toggles.sum()), 1).astype(np.int64)):
            # Even capacities let a block of one bit start where the bit is 0: no toggle is spent on its start.
            capacities = -(-toggles // (2 * n_blocks)) * 2
            used, block_starts = np.empty_like(capacities), np.empty(len(classes), np.int64)
            blocks = kernels.cut_blocks(classes, capacities, used, block_starts)
            units = blocks - 1 + used.sum()
            if best is None or units < best[0]:
                best = units, block_starts[:blocks].copy(), used
        return best[1:]

    def _toggles(self, bit, capacity):
        """c_{j,r} for one label bit: int64 array of shape (B, capacity), 2^k where there are fewer."""
        block_starts = self._blocks[0]
        values = (self.run_classes >> bit) & 1
        before = np.append(0, values[:-1])
        before[block_starts] = 0
        toggling = np.flatnonzero(values != before)
        block = np.searchsorted(block_starts, toggling, side="right") - 1
        place = np.arange(len(toggling)) - np.searchsorted(block, block)
        table = np.full((len(block_starts), capacity), 1 << self.n_bits, np.int64)
        table[block, place] = self.starts[toggling]
        return table

    def layers(self):
        """The store as three layers of threshold units, from code bits to the bits of the class index."""
        if self.n_label_bits == 0:
            return ()
        block_starts, used = self._blocks
        value = number_row(self.n_bits)
        gates = np.tile(value, (len(block_starts) - 1, 1))
        table = np.concatenate([self._toggles(b, int(c)) for b, c in enumerate(used)], axis=1)
        return (
            Layer(
                stacked([gates, relays(self.n_bits)]),
                np.append(self.starts[block_starts[1:]].astype(np.int64), np.ones(self.n_bits, np.int64)),
            ),
            Layer(beside([-np.diff(table, axis=0).T, np.tile(value, (table.shape[1], 1))]), table[0]),
            Layer(alternating_sums(used), np.ones(self.n_label_bits, np.int64)),
        )


def _runs_of_range(codes, classes):
    """Starts and classes of the runs of sorted codes: the first start is 0."""
    starts, run_classes = np.empty(len(codes), np.uint64), np.empty(len(codes), np.int32)
    if not len(codes):
        return starts, run_classes
    runs = kernels.merge_runs(codes, classes, starts, run_classes)
    if runs < 0:
        raise MemorizationError(f"code {codes[-1 - runs]} belongs to two classes", [])
    return starts[:runs], run_classes[:runs].copy()
