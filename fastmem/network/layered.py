"""Networks given by their layers alone."""

from __future__ import annotations

import math

from fastmem.data.as_labels import bits_for
from fastmem.errors import FormatError
from fastmem.hyperplanes.columns import FRAME
from fastmem.layers.layer import Layer
from fastmem.machine.once import cached_property
from fastmem.network.base import Network
from fastmem.network.boxes import Boxes
from fastmem.network.format import is_text
from fastmem.store.tensors import part_of, under

__all__ = ["LayeredNetwork"]


class LayeredNetwork(Network, kind="layered"):
    """A memorizing network given by its layers alone: `predict` is `forward`, packed and compiled.

    It has no codes, so that it can neither say which inputs it knows nor take other labels.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    layers : tuple of Layer
        Those behind the hyperplanes. Without hyperplanes the network has no unit.
    classes, **settings
        As the attributes of `Network`.
    stages : tuple of str, optional
        What each layer does, the first included.
    """

    def __init__(self, hyperplanes, layers, classes, *, stages=(), **settings):
        super().__init__(hyperplanes, classes, **settings)
        self._behind = tuple(layers)
        self._stages = tuple(stages)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, layer by layer from the inputs to the output: tuple of `Layer`."""
        if not self.n_hyperplanes:
            return ()
        return self._first_layer(), *self._behind

    @property
    def stages(self) -> tuple[str, ...]:
        """What each layer does."""
        default = ("hyperplanes", *(f"layer {i}" for i in range(2, self.depth + 1)))
        return self._stages or default[: self.depth]

    class_indices = Network._forward_outputs

    def _certified_radius(self, points, n_threads, norm):
        if self._boxes is not None:
            return self._boxes.certified_radius(points, n_threads, norm)
        return super()._certified_radius(points, n_threads, norm)

    @cached_property
    def _boxes(self):
        return Boxes.of(self.hyperplanes_read, self._behind)

    @property
    def _lookup_width(self):
        return self._forward_width

    @property
    def nbytes(self) -> int:
        """Bytes of the parameters, as saved: hyperplanes and layers.

        Not in it are the distinct labels (``report().label_nbytes``), nor the frame that speeds signs up.
        """
        tensors, _ = self.parameters()
        return sum(tensor.nbytes for name, tensor in tensors.items() if name not in FRAME)

    @property
    def bits_per_label(self) -> float:
        """Bits of all parameters for each memorized point, if there are any: here the hyperplanes hold the labels."""
        return 8 * self.nbytes / self.n_points if self.n_points else math.nan

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        tensors, settings = super().parameters()
        for position, layer in enumerate(self._behind, start=2):
            tensors |= under(f"layer.{position}", layer.tensors())
        return tensors, settings | {
            "n_layers": len(self._behind) + (self.n_hyperplanes > 0),
            "stages": list(self._stages),
        }

    @classmethod
    def _from_parts(cls, hyperplanes, tensors, settings, classes, common):
        n_layers, stages = settings["n_layers"], settings["stages"]
        if not (
            type(n_layers) is int
            and 0 <= n_layers <= len(tensors)
            and (n_layers > 0) == (hyperplanes.m > 0)
            and type(stages) is list
            and len(stages) in (0, n_layers)
            and all(map(is_text, stages))
        ):
            raise FormatError("the layers and what is said of them do not fit each other")
        layers, width = [], hyperplanes.m
        for position in range(2, n_layers + 1):
            layers.append(Layer.from_tensors(part_of(tensors, f"layer.{position}"), width))
            width = layers[-1].n_units
        if width != bits_for(len(classes)):
            raise FormatError(f"the last layer has {width} units for {len(classes)} classes")
        return cls(hyperplanes, layers, classes, stages=stages, **common)
