"""Networks whose units carry numbers: threshold, ReLU and identity units with integer weights of any size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastmem.data.as_labels import bits_for
from fastmem.data.options import as_float_dtype
from fastmem.data.points import refuse_row
from fastmem.errors import FormatError, InvalidInput
from fastmem.hyperplanes.columns import FRAME
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.integers import integer_matrix, longest
from fastmem.layers.layer import Layer
from fastmem.layers.numbers import NumberTables, width_of_blocks
from fastmem.machine.once import cached_property
from fastmem.network.base import Network, _count
from fastmem.network.format import is_text
from fastmem.store.tensors import parts_of, under

if TYPE_CHECKING:
    from fastmem.data.options import FloatDType

__all__ = ["NumberNetwork", "without_hyperplanes"]

OUTPUTS = ("class", "value", "bits")
_MOST_EXPONENT = 2**20
_EXACT = (2, 3)  # steps of `NumberTables` that go through every unit without rounding


class NumberNetwork(Network, kind="numbers"):
    """A network of units that carry numbers: threshold, ReLU and identity, with integer weights in all layers.

    It is a function of real numbers, and evaluated as one: no unit is rounded, whatever float64 holds. Its output unit
    is f, and f / 2^exponent the real output. There are no hyperplanes and no codes, so that it can neither say which
    inputs it knows nor take other labels, nor how far an input may move.

    Parameters
    ----------
    layers : tuple of Layer
        Of integers, on the columns that are read. None where there is one class.
    classes : ndarray
        Empty for output="value".
    d : int
        Columns that are read.
    exponent : int
    output : {"class", "value", "bits"}
        What outputs are: one of them that is near to the index of a class, one that is the label itself, or threshold
        units that are the binary digits of the index, lowest first.
    output_error : float
        How far the real output of a memorized point is from its class index or its label at most.
    float64_error : float
        The same for float64 arithmetic with parameters rounded to float64, in any order of summation: infinite where
        nothing is certain.
    radius : float
        Every input nearer than this to a memorized point, in Euclidean distance, has its label; 0 where none is known.
    stages : tuple of str
        What each layer does.
    **settings
        As the attributes of `Network`.

    Attributes
    ----------
    exponent, output, output_error, float64_error, radius
        As the parameters.
    """

    has_numbers = True

    exponent: int
    output: str
    output_error: float
    float64_error: float
    radius: float

    def __init__(
        self, layers, classes, *, d, exponent, output, output_error, float64_error, radius=0.0, stages=(), **settings
    ):
        super().__init__(without_hyperplanes(d), classes, **settings)
        self._layers_read = tuple(layers)
        self._stages = tuple(stages)
        self.exponent, self.output = int(exponent), output
        self.output_error, self.float64_error, self.radius = float(output_error), float(float64_error), float(radius)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, layer by layer from the inputs to the output: tuple of `Layer`."""
        if self.reading is None or not self._layers_read:
            return self._layers_read
        first, *others = self._layers_read
        weights = first.weights
        places, shape = self.reading.columns[weights.indices], (first.n_units, self.n_features_in)
        weights = integer_matrix(weights.data, places, weights.indptr, shape)
        return Layer(weights, first.thresholds, first.activation), *others

    @property
    def stages(self) -> tuple[str, ...]:
        """What each layer does."""
        return self._stages or tuple(f"layer {i}" for i in range(1, self.depth + 1))

    @property
    def largest_integer_weight(self) -> int:
        """Largest absolute value of a weight."""
        parts = (layer.weights.data for layer in self.layers)
        return max((max(int(part.max()), -int(part.min())) for part in parts if len(part)), default=0)

    @property
    def longest_integer(self) -> int:
        """Bits of the longest parameter, weight or threshold; without its sign."""
        parts = (part for layer in self.layers for part in (layer.weights.data, layer.thresholds))
        return max(map(longest, parts), default=0)

    @property
    def nbytes(self) -> int:
        """Bytes of the parameters, as saved. Not in it are the distinct labels (``report().label_nbytes``)."""
        tensors, _ = self.parameters()
        return sum(tensor.nbytes for name, tensor in tensors.items() if name not in FRAME)

    def _sizes(self):
        classes = "real labels" if self.output == "value" else _count(len(self.classes), "class", "classes")
        return [classes, f"{_count(self.n_neurons, 'unit')} of numbers"]

    @property
    def bits_per_label(self) -> float:
        """Bits of all parameters for each memorized point, if there are any."""
        return 8 * self.nbytes / self.n_points if self.n_points else math.nan

    # Evaluation

    @cached_property
    def _tables(self):
        return NumberTables(self._layers_read, self.exponent)

    def class_indices(self, block):
        """Class of each row of a block, in the work of `Points.over_rows`."""
        return self._indices(block)

    def _forward_outputs(self, block, recognising=False):
        return self._indices(block, levels=_EXACT).astype(np.uint64)

    def _indices(self, block, **levels):
        _refuse_not_finite(block)
        if not self._layers_read:
            return np.zeros(len(block), np.int64)
        if self.output == "bits":
            return self._tables.bits(block, **levels)
        return self._tables.classes(block, len(self.classes), **levels)

    def _values(self, block):
        _refuse_not_finite(block)
        return self._tables.values(block)[:, 0]

    @cached_property
    def _lookup_width(self):
        return width_of_blocks(self._layers_read) if self._layers_read else self.hyperplanes_read.d

    @property
    def _forward_width(self):
        return self._lookup_width

    def _labels_of(self, X, class_indices, n_threads, progress, width=None, check_all=False):
        if self.output != "value":
            return super()._labels_of(X, class_indices, n_threads, progress, width, check_all)

        def fill(block, values):
            values[:] = self._values(block)

        return self._by_block(X, fill, np.float64, n_threads, progress, width, (), check_all)

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class, or the label within `output_error`: int64 array of rows."""
        if self.output != "value":
            return super().wrong_rows(points, labels, n_threads, bar)
        wrong = np.zeros(points.n, bool)

        def work(start, stop, block):
            expected = labels.classes[labels.indices[start:stop]]
            wrong[start:stop] = ~(np.abs(self._values(block) - expected) <= self.output_error)

        points.on(self.reading).over_rows(work, n_threads, bar, width=self._lookup_width)
        return np.flatnonzero(wrong)

    # What hyperplanes have, and these units have not

    def _certified_radius(self, points, n_threads, norm):
        if not self.layers:
            return super()._certified_radius(points, n_threads, norm)
        raise InvalidInput(
            "certified_radius is known of threshold units, and the units of this network carry numbers: of its "
            f"memorized points it knows net.radius, {self.radius:.3g}, or build one with "
            'memorize(..., construction="compact")'
        )

    def rounding_reach(self, dtype, norm=None):
        """No such distance: units that carry numbers have no hyperplane. See `float64_error`."""
        raise InvalidInput(
            "rounding_reach is a distance from hyperplanes, and the units of this network carry numbers: its "
            "float64_error says how far float64 may be wrong"
        )

    def is_safe(self, dtype: FloatDType) -> bool:
        """Whether arithmetic in a float dtype, in any order of summation, is sure to return every memorized label.

        With output="value": each within `float64_error`, if that is finite.

        Parameters
        ----------
        dtype : dtype
            float32 or float64. Of float32 it is never sure.
        """
        if as_float_dtype(dtype) == "float32":
            return not self.layers
        return self.float64_error < (math.inf if self.output == "value" else 0.5)

    def unsafe_points(self, points, dtype, n_threads=1):
        """Rows of which a float dtype's arithmetic is not sure to give the class: int64 array."""
        unsafe = np.full(points.n, bool(self.layers))
        if as_float_dtype(dtype) == "float32" or not self.layers:
            return np.flatnonzero(unsafe)

        def work(start, stop, block):
            _refuse_not_finite(block)
            values, reach = self._tables.in_float64(block)
            unsafe[start:stop] = ~self._are_sure(values[:, 0], reach[:, 0])

        points.over_rows(work, n_threads, width=self._lookup_width)
        return np.flatnonzero(unsafe)

    def _are_sure(self, values, reach):
        """Whether intervals of outputs hold one class alone."""
        if self.output == "class":
            last = len(self.classes) - 1
            low, high = (np.clip(np.ceil(end - 0.5), 0, last) for end in (values - reach, values + reach))
            return (low == high) & np.isfinite(reach)
        return np.isfinite(reach)

    @property
    def significant_bits(self) -> int:
        """Bits of the longest parameter without the zeros at its end: a float64 holds 53."""
        parts = (part for layer in self.layers for part in (layer.weights.data, layer.thresholds))
        numbers = (abs(number) for part in parts for number in part.tolist() if number)
        return max(((number // (number & -number)).bit_length() for number in numbers), default=0)

    def store_facts(self, *, units=True):
        """What `report` says of outputs and numbers, by name."""
        return super().store_facts(units=units) | {
            "output": self.output,
            "output_error": self.output_error,
            "float64_error": self.float64_error,
            "radius": self.radius,
            "longest_integer": self.longest_integer,
        }

    # Files

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        tensors, settings = super().parameters()
        for position, layer in enumerate(self._layers_read, start=1):
            tensors |= under(f"layer.{position}", layer.tensors())
        return tensors, settings | {
            "kind": "numbers",
            "exponent": self.exponent,
            "output": self.output,
            "output_error": self.output_error.hex(),
            "float64_error": self.float64_error.hex(),
            "radius": self.radius.hex(),
            "n_layers": len(self._layers_read),
            "stages": list(self._stages),
        }

    @classmethod
    def _from_parts(cls, hyperplanes, tensors, settings, classes, common):
        n_layers, stages, exponent, output = (settings[name] for name in ("n_layers", "stages", "exponent", "output"))
        errors = {name: float.fromhex(settings[name]) for name in ("output_error", "float64_error", "radius")}
        if not (
            hyperplanes.m == 0
            and output in OUTPUTS
            and type(n_layers) is int
            and 0 <= n_layers <= len(tensors)
            and type(exponent) is int
            and abs(exponent) <= _MOST_EXPONENT
            and type(stages) is list
            and len(stages) in (0, n_layers)
            and all(map(is_text, stages))
            and all(error >= 0 for error in errors.values())
        ):
            raise FormatError("the layers and what is said of them do not fit each other")
        layers, width = [], hyperplanes.d
        for part in parts_of(tensors, "layer", range(1, n_layers + 1)):
            layers.append(Layer.from_tensors(part, width, numbers=True))
            width = layers[-1].n_units
        if not outputs_fit(layers, output, len(classes)):
            raise FormatError(f"the outputs of the last layer are not those of {len(classes)} classes")
        return cls(
            layers, classes, d=hyperplanes.d, exponent=exponent, output=output, stages=stages, **errors, **common
        )


def outputs_fit(layers, output, n_classes):
    """Whether the last of some layers has outputs of that kind."""
    if not layers:
        return output == "class" and n_classes == 1
    if output == "bits":
        return layers[-1].n_units == bits_for(n_classes) and not layers[-1].activations.any()
    return layers[-1].n_units == 1 and (output == "class") == (n_classes > 0)


def without_hyperplanes(d):
    """No hyperplanes of R^d."""
    return Hyperplanes(np.empty((0, d), np.float32), np.empty(0), np.zeros(d), np.zeros(d, np.int16))


def _refuse_not_finite(block):
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    refuse_row(int(bad[0]) if len(bad) else -1)
