"""Threshold networks: layers of units, and the compiled shortcut through an encoder and a store."""

from __future__ import annotations

import hashlib
import math
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from fastmem.blocks import over_row_blocks, resolve_threads
from fastmem.encoder import MAX_BITS, Encoder, Hyperplanes, LinearCode
from fastmem.environment import default_environment
from fastmem.errors import FormatError, InvalidInput, MemorizationError
from fastmem.layer import Layer
from fastmem.lazy import cached_property
from fastmem.parity import parity_layers
from fastmem.points import norms_of
from fastmem.progress import progress_bar
from fastmem.recognition import MAX_PROBES, find_near_codes
from fastmem.runs import sort_codes
from fastmem.store import ALL_STORES, Filter, build_store
from fastmem.store.features import CodeFeatures
from fastmem.store.tensors import part_of
from fastmem.validation import (
    NO_VALUE,
    as_count,
    as_distance,
    as_float_dtype,
    as_labels,
    as_memorized_points,
    as_points,
    label_dtype_with,
    refuse_contradictions,
)
from fastmem.wiring import share_units, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable

    import networkx
    import torch
    from numpy.typing import ArrayLike, NDArray

    from fastmem.export.c import CSize
    from fastmem.jit import Predictor
    from fastmem.report import Report
    from fastmem.theory.instances import Instance

__all__ = ["EncodedNetwork", "LayeredNetwork", "Network"]

GIVEN = "given"  # the construction of a network from a user's own layers
GIVEN_FACTS = {
    "n_points": 0, "n_told_apart": 0, "construction": GIVEN, "separate": "labels",
    "smallest_distance": math.inf, "largest_norm": 0.0,
}  # fmt: skip
_FLOATS = ("smallest_distance", "largest_norm")
_SETTINGS = ("n_points", "n_told_apart", "construction", "separate", "drawn", "fits_float32", *_FLOATS)
_ENTRIES = 64  # words of inputs of units that take as long as a coordinate
_FEW = 256  # rows for which threads, blocks and a progress bar would take longer than the rest
_FEATURES, _FINGERPRINTS = "fingerprint_features", "fingerprints"


class Network:
    """A strictly layered network of threshold units that returns a label for every point.

    The outputs of the last layer are the binary digits of a class index, lowest first; a number that is no class stands
    for the last one. Without layers the index is 0. `memorize` makes the two kinds there are, `EncodedNetwork` and
    `LayeredNetwork`; `from_layers` makes the second from layers of your own.

    Attributes
    ----------
    hyperplanes : Hyperplanes
        The first layer: ``weights`` (m, d) float32 and ``thresholds`` (m,) float64.
    layers : tuple of Layer
        Every unit, relays included, layer by layer from the inputs to the output.
    stages : tuple of str
        What each layer does.
    classes : ndarray of shape (c,)
        The distinct labels.
    n_features_in : int
        Dimension d of the points.
    n_points : int
        Number of rows memorized.
    n_told_apart : int
        How many points or classes have sign patterns of their own: the classes, or with separate="all" the distinct
        points.
    construction, separate : str
        As given to `memorize`; "given" for the layers of `from_layers`.
    smallest_distance : float
        Smallest Euclidean distance of a memorized point from a hyperplane, rounded down.
    largest_norm : float
        Largest Euclidean norm of a memorized point.
    fits_float32 : bool
        Whether float32 holds every coordinate of the memorized points, so that rounding to it moves none of them.
    drawn : dict
        What a construction drew at random and how often, and the delta it drew for, by name; empty for "compact".
    """

    _kinds = {}  # noqa: RUF012

    def __init_subclass__(cls, kind=None, **kwargs):
        super().__init_subclass__(**kwargs)
        if kind:
            Network._kinds[kind] = cls

    def __init__(
        self,
        hyperplanes,
        classes,
        *,
        n_points,
        n_told_apart,
        construction,
        separate,
        smallest_distance,
        largest_norm,
        fits_float32=False,
        drawn=None,
    ):
        self.hyperplanes = hyperplanes
        self.classes = classes
        self.n_features_in = hyperplanes.d
        self.n_points = int(n_points)
        self.n_told_apart = int(n_told_apart)
        self.construction = construction
        self.separate = separate
        self.smallest_distance = float(smallest_distance)
        self.largest_norm = float(largest_norm)
        self.fits_float32 = bool(fits_float32)
        self.drawn = dict(drawn or {})

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of units of each layer: tuple of int."""
        return tuple(layer.n_units for layer in self.layers)

    @property
    def depth(self) -> int:
        """Number of layers of threshold units."""
        return len(self.layers)

    @property
    def n_neurons(self) -> int:
        """Number of threshold units of all layers, relays and outputs included."""
        return sum(self.widths)

    @property
    def n_weights(self) -> int:
        """Number of connections (weights that are not 0); thresholds are not counted."""
        return sum(layer.n_weights for layer in self.layers)

    @property
    def n_hyperplanes(self) -> int:
        """Number m of units of the first layer."""
        return self.hyperplanes.m

    @property
    def n_label_bits(self) -> int:
        """Number K of binary digits of a class index."""
        return max(len(self.classes) - 1, 0).bit_length()

    @default_environment()
    def _first_layer(self):
        from scipy.sparse import csr_array

        return Layer(csr_array(self.hyperplanes.weights), self.hyperplanes.thresholds)

    fingerprint_bits = 0  # what is not stored by its code cannot be known

    @property
    def largest_integer_weight(self) -> int:
        """Largest absolute value of a weight beyond the first layer."""
        return max((int(abs(layer.weights).max()) for layer in self.layers[1:] if layer.n_weights), default=0)

    @property
    def relative_margin(self) -> float:
        """Smallest distance of a memorized point from a hyperplane, relative to the largest norm of a point."""
        return self.smallest_distance / self.largest_norm if self.largest_norm else math.inf

    @default_environment()
    def rounding_reach(self, dtype: np.typing.DTypeLike, norm: ArrayLike | None = None) -> float | NDArray[np.float64]:
        """Distance from a hyperplane within which arithmetic in a float dtype may get a point's sign wrong.

        With points and parameters rounded first, the sum w.x of d products and its comparison with t err by at most
        ``gamma(d + 3) (||w|| ||x|| + |t|)``, whatever the order of summation, if nothing over- or underflows (Higham,
        Accuracy and Stability of Numerical Algorithms, section 3.1).

        Parameters
        ----------
        dtype : dtype
            float32 or float64.
        norm : array_like, optional
            Euclidean norms of points; by default the largest one of a memorized point.

        Returns
        -------
        float, or float64 ndarray of the shape of norm
            In the units of X; infinite where a sum may overflow.
        """
        precision = np.finfo(as_float_dtype(dtype))
        unit, terms = float(precision.eps) / 2, self.n_features_in + 3
        norm = np.asarray(self.largest_norm if norm is None else norm, np.float64)
        weights, thresholds = self.hyperplanes.weights.astype(np.float64), self.hyperplanes.thresholds
        some = weights.any(axis=1)
        lengths = np.linalg.norm(weights[some], axis=1)
        with np.errstate(over="ignore"):  # of a hyperplane from the origin
            farthest = float((np.abs(thresholds[some]) / lengths).max(initial=0.0))
        # Where weights may be taken for 0 one by one, and where 0 >= t may change with t.
        for parameters in (np.abs(weights), np.abs(thresholds[~some])):
            if np.any((parameters > 0) & (parameters < float(precision.tiny))):
                return np.full(norm.shape, math.inf)[()]
        with np.errstate(over="ignore"):
            reach = terms * unit / (1 - terms * unit) * (norm + farthest)
            largest = max(lengths.max(initial=1.0), 1.0) * np.maximum(norm, farthest)
        reach = np.maximum(reach, terms * float(precision.tiny) / unit / min(lengths.min(initial=1.0), 1.0))
        return np.where(largest < float(precision.max) / 8, reach, math.inf)[()]

    def is_safe(self, dtype: np.typing.DTypeLike) -> bool:
        """Whether signs taken in a float dtype's arithmetic are sure to be those of every memorized point.

        True if there is none, as for the layers of `from_layers`: ask for the `unsafe_rows` of your points there.

        Parameters
        ----------
        dtype : dtype
            float32 or float64; see `rounding_reach`.
        """
        return not self.n_hyperplanes or bool(self.smallest_distance > self.rounding_reach(dtype))

    @default_environment()
    def unsafe_rows(
        self, X: ArrayLike, dtype: np.typing.DTypeLike, *, n_threads: int | None = None
    ) -> NDArray[np.int64]:
        """Rows for which arithmetic in a float dtype may get a sign wrong, and so the label.

        Parameters
        ----------
        X : array_like of shape (n, d)
        dtype : dtype
            float32 or float64.
        n_threads : int, optional
            All cores by default.

        Returns
        -------
        int64 ndarray
            The rows whose `certified_radius` is not above the `rounding_reach`, in ascending order.

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        points, n_threads = as_points(X, self.n_features_in, empty=True), resolve_threads(n_threads)
        radii, reach = self.hyperplanes.certified_radius(points, n_threads), np.zeros(points.n)

        def work(start, stop):
            reach[start:stop] = self.rounding_reach(dtype, norms_of(points.block(start, stop)))

        if self.n_hyperplanes:
            over_row_blocks(work, points.n, points.d, n_threads)
        return np.flatnonzero(~(radii > reach))

    def certified_radius(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.float64]:
        """Distance within which no input's label can differ from that of a row, rounded down.

        ``r(x) = min_j |w_j.x - t_j| / ||w_j||``: every input at Euclidean distance below r(x) has the same signs,
        so the same label. It falls short of that minimum by a share of 2^-19 and by 5e-324 at most. Infinite if the
        network has no hyperplane.

        Parameters
        ----------
        X : array_like of shape (n, d)
        n_threads : int, optional
            All cores by default.

        Returns
        -------
        float64 ndarray of shape (n,)
            In the units of X.

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        points = as_points(X, self.n_features_in, empty=True)
        return self.hyperplanes.certified_radius(points, resolve_threads(n_threads))

    def report(self, delta: float | None = None, *, instance: Instance | None = None) -> Report:
        """What was built, beside the theorem's sizes and the lower bounds.

        Parameters
        ----------
        delta : float, optional
            Smallest distance of two points after scaling all into the unit ball, which the theorem's sizes depend on:
            ``fastmem.separation(X).delta``. By default what the construction drew its hyperplanes for.
        instance : fastmem.theory.instances.Instance, optional
            The data set that was memorized, if its optimum or a bound is known: the report then says whether the
            number of hyperplanes is optimal, and why.

        Returns
        -------
        Report
            Print it, or take ``report.to_dict()``.

        Raises
        ------
        InvalidInput
            delta is not in (0, 2], or the hyperplanes do not separate the points of `instance`, so that these were
            not memorized.

        Examples
        --------
        >>> import fastmem
        >>> circle = fastmem.theory.instances.circle(8)
        >>> report = fastmem.memorize(circle.X, circle.y, random_state=0).report(instance=circle)
        >>> report.instance_bound, report.instance_bound_is
        (4, 'optimum')
        """
        from fastmem.report import Report

        return Report.of(self, delta, instance)

    def store_facts(self):
        """What `report` says of the store, by name."""
        return {
            "store": None,
            "store_reason": "",
            "cells_per_bit": None,
            "integer_store_neurons": None,
            "fingerprint_bits": self.fingerprint_bits,
            "n_code_bits": None,
            "n_label_bits": self.n_label_bits,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        InvalidInput
            The labels are Python objects that JSON does not hold exactly, or so many or so long that the file could not
            be read.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.
        """
        from fastmem.format import save

        save(self, path)

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        *,
        dtype: str = "float64",
        batch: int | str = "dynamic",
        output: str = "label",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> None:
        """Write the layers as an ONNX model of standard operators (opset 17).

        The graph's input "X" has shape (batch, d), its output "label" shape (batch,); with fingerprints the output
        "known" says whether the input is recognised. Node names begin with the layer and what it does. The file holds a
        dense matrix for most layers, of one byte a weight where weights are small.

        Any runtime that computes in `dtype`, in whatever order, returns every memorized label; that is checked before
        anything is written. Labels of points nearer to a hyperplane than `rounding_reach` may differ from `predict`,
        and NaN is not refused. A runtime that is allowed to shorten float32 factors (TF32) does not compute in float32.

        Parameters
        ----------
        path : str or os.PathLike
        dtype : {"float64", "float32"}
            Of the input and of the first layer's arithmetic. Beyond it sums are integers, and exact.
        batch : "dynamic" or int
            Number of rows in a call, if it is fixed.
        output : {"label", "index"}
            "index": return positions in `classes`, for labels that ONNX has no type for: dates, bytes, Python objects.
        X : array_like of shape (n, d), optional
            The memorized points. Each is then checked by itself, and the error names those that fail.
        unsafe : bool
            Write the file even if points may lose their labels.

        Raises
        ------
        MarginTooSmall
            Memorized points are too near a hyperplane for `dtype`.
        InvalidInput
            An option cannot be used as it is.
        NetworkTooLarge
            The file would take more than 2 GiB, which ONNX does not hold.
        ImportError
            There is no onnx: ``pip install "fastmem[onnx]"``.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.
        """
        from fastmem.export import onnx

        onnx.write(self, path, dtype, batch, output, X, unsafe)

    def to_torch(
        self, *, dtype: str = "float64", output: str = "label", X: ArrayLike | None = None, unsafe: bool = False
    ) -> torch.nn.Module:
        """The layers as a PyTorch module, for CPU and CUDA, ``torch.jit.script`` and ``torch.export``.

        ``module(X)`` takes a tensor of shape (n, d) and dtype `dtype` and returns the labels, a tensor of shape (n,);
        with fingerprints a second tensor says which are known. Weights are buffers: ``module.to("cuda")`` moves them,
        ``state_dict`` holds them, and there is nothing to train.

        In `dtype`, in any order of summation, every memorized point gets its label; that is checked first. Labels of
        points nearer to a hyperplane than `rounding_reach` may differ from `predict`, and NaN is not refused. A float32
        module refuses to run under autocast and where float32 products may be shortened
        (``torch.set_float32_matmul_precision``); a scripted, exported or compiled one does not know.

        Parameters
        ----------
        dtype : {"float64", "float32"}
            Of the input and of the first layer's arithmetic. Beyond it sums are integers, and exact.
        output : {"label", "index"}
            "index": return positions in `classes`, for labels that PyTorch has no type for.
        X : array_like of shape (n, d), optional
            The memorized points. Each is then checked by itself, and the error names those that fail.
        unsafe : bool
            Return a module even if points may lose their labels.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        MarginTooSmall
            Memorized points are too near a hyperplane for `dtype`.
        InvalidInput
            An option cannot be used as it is.
        NetworkTooLarge
            The module would take more than 8 GiB.
        ImportError
            There is no PyTorch: ``pip install "fastmem[torch]"``.
        """
        from fastmem.export import torch

        return torch.module(self, dtype, output, X, unsafe)

    def to_c(
        self,
        path: str | os.PathLike[str],
        *,
        dtype: str = "float32",
        output: str = "label",
        name: str = "fastmem",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> CSize:
        """Write the network as one C99 file: no allocation, no library, all tables read-only.

        It defines ``int fastmem_predict(const float *x)``, which returns the label of a point of d coordinates, and, of
        a network with fingerprints, ``int fastmem_contains(const float *x)``. They evaluate every unit of `layers`, and
        signs are exact: the answer is that of `predict` and `contains` for every input, memorized or not. For NaN and
        infinities they return ``INT_MIN``, defined as ``FASTMEM_INVALID``, and 0.

        Parameters
        ----------
        path : str or os.PathLike
        dtype : {"float32", "float64"}
            Of the coordinates: ``float`` or ``double``. With "float32" the caller rounds points that have more digits,
            so it is checked first that no memorized point loses its label by that.
        output : {"label", "index"}
            "index": return positions in `classes`; a table of the names, ``fastmem_classes``, is written too if they
            are text. Labels themselves can be returned if they are integers within 2^31 or booleans.
        name : str
            What the functions' names begin with, a C identifier.
        X : array_like of shape (n, d), optional
            The memorized points, each of which is then checked. Without it "float32" asks that they are float32
            numbers (`fits_float32`), or that the smallest distance of one from a hyperplane is larger than rounding
            can move it. "float64" needs no check.
        unsafe : bool
            Write the file unchecked.

        Returns
        -------
        CSize
            Bytes of tables and of local arrays: print it, or take ``size.to_dict()``.

        Raises
        ------
        MarginTooSmall
            Memorized points lose their labels, or might, when they are rounded to float32.
        InvalidInput
            The labels are no such integers, or an option or X cannot be used.
        NetworkTooLarge
            The tables would take more than 256 MiB.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.

        Examples
        --------
        >>> import pathlib, tempfile, fastmem
        >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], random_state=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = net.to_c(pathlib.Path(folder, "parity.c"), name="parity")
        >>> size.n_units == net.n_neurons, size.table_bytes < 100
        (True, True)
        """
        from fastmem.export.c import write

        return write(self, path, dtype=dtype, output=output, name=name, X=X, unsafe=unsafe)

    def to_networkx(self, *, most_weights: int = 1_000_000) -> networkx.DiGraph:
        """Units and signed weights as a graph, for small networks.

        Nodes are pairs (layer, unit), layer 0 being the inputs, with attributes "layer", "unit", "stage" and, but for
        inputs, "threshold". Edges carry a "weight"; a unit is 1 if the weights of its predecessors that are 1 sum up to
        its threshold. The labels are ``graph.graph["classes"]``.

        Parameters
        ----------
        most_weights : int
            Refuse a network with more.

        Returns
        -------
        networkx.DiGraph

        Raises
        ------
        NetworkTooLarge
            There are more weights.
        ImportError
            There is no networkx: ``pip install "fastmem[networkx]"``.
        """
        from fastmem.export.graph import graph

        return graph(self, as_count("most_weights", most_weights, 0, 2**62))

    @classmethod
    def from_layers(
        cls, layers: Iterable[Layer | tuple[ArrayLike, ArrayLike]], classes: ArrayLike | None = None
    ) -> LayeredNetwork:
        """A threshold network from layers of your own, to be run, counted, saved, drawn and exported as any other.

        Unit j of a layer outputs 1 if ``weights[j] @ inputs >= thresholds[j]``, else 0. The outputs of the last layer
        are the binary digits of a class index, lowest first.

        Parameters
        ----------
        layers : iterable of Layer, or of pairs (weights, thresholds)
            From the inputs to the output: weights of shape (units, inputs), dense or scipy.sparse, thresholds of shape
            (units,). The first layer's weights must be numbers that float32 holds. Of later layers, weights of a unit
            must be integers after scaling by a power of two: that is done for you, exactly, with its threshold.
        classes : array_like of shape (c,), optional
            Labels by class index. By default the index itself, for at most 16 outputs.

        Returns
        -------
        LayeredNetwork
            With ``construction="given"``; it has memorized no points.

        Raises
        ------
        InvalidInput
            Layers do not fit each other, or numbers would have to be rounded; the message names the layer.

        Examples
        --------
        >>> import fastmem
        >>> exclusive_or = fastmem.Network.from_layers([([[1, 1], [1, 1]], [1, 2]), ([[1, -1]], [1])])
        >>> exclusive_or.forward([[0, 0], [0, 1], [1, 0], [1, 1]])
        array([0, 1, 1, 0])
        """
        from fastmem.given import parts_of

        return cls._kinds["layered"](*parts_of(layers, classes), **GIVEN_FACTS)

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        hyperplanes = self.hyperplanes
        tensors = {name: getattr(hyperplanes, name) for name in ("weights", "thresholds", "centre", "exponents")}
        settings = {name: getattr(self, name) for name in _SETTINGS}
        # As strings, which hold infinity too.
        return tensors, settings | {name: settings[name].hex() for name in _FLOATS}

    @classmethod
    def from_parameters(cls, tensors, settings, classes):
        """Rebuild a network from its `parameters` and classes."""
        kind = cls._kinds["encoded" if "store" in settings else "layered"]
        hyperplanes = Hyperplanes(*(tensors[name] for name in ("weights", "thresholds", "centre", "exponents")))
        common = {name: settings[name] for name in _SETTINGS}
        common |= {name: float.fromhex(settings[name]) for name in _FLOATS}
        return kind._from_parts(hyperplanes, tensors, settings, classes, common)

    def forward(self, X: ArrayLike, *, n_threads: int | None = None, progress: bool | type = False) -> np.ndarray:
        """Labels computed through every unit of `layers`.

        Slow and plain: the definition that `predict` is a shortcut for. The result is the same for any input.

        Parameters
        ----------
        X : array_like of shape (n, d)
        n_threads : int, optional
            All cores by default.
        progress : bool or tqdm class

        Returns
        -------
        ndarray of shape (n,)
            Labels in the dtype of the memorized ones.

        Raises
        ------
        InvalidInput
            X does not hold finite numbers in `n_features_in` columns.
        """
        return self._labels(X, self._forward_outputs, n_threads, progress, self._forward_width)

    @cached_property
    def _forward_width(self):
        """As many coordinates as take as long as all units: for blocks that Ctrl-C need not wait for."""
        return self.n_features_in + sum(layer.n_entries for layer in self.layers[1:]) // _ENTRIES

    def _forward_outputs(self, points, start, stop):
        """Outputs of the last layer for the validated points start to stop, as bits of a word."""
        if not self.layers:
            points.check_finite(start, stop)
            return np.zeros(stop - start, np.uint64)
        bits = self.hyperplanes.signs_of_block(points, start, stop)
        for layer in self.layers[1:]:
            bits = layer.forward(bits)
        return bits[:, 0]

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class of the labels, or are not recognised: int64 array of rows."""
        wrong = np.zeros(points.n, bool)

        def work(start, stop):
            outputs = np.minimum(self._forward_outputs(points, start, stop), np.uint64(len(self.classes) - 1))
            wrong[start:stop] = outputs != labels.indices[start:stop]

        over_row_blocks(work, points.n, self._forward_width, n_threads, bar)
        return np.flatnonzero(wrong)

    def _labels(self, X, class_indices, n_threads, progress, width=None):
        """Labels of X, given the function from points, start and stop to their class indices."""

        def fill(points, start, stop, labels):
            # Larger indices are clipped; a mode other than the default saves a copy too.
            self.classes.take(class_indices(points, start, stop), out=labels, mode="clip")

        return self._by_block(X, fill, self.classes.dtype, n_threads, progress, width)

    def _by_block(self, X, fill, dtype, n_threads, progress, width=None):
        """An array of dtype, filled for the rows of X by ``fill(points, start, stop, result)``, block by block.

        Blocks are as long as for points of `width` coordinates, if that is given.
        """
        points = as_points(X, self.n_features_in, empty=True)
        result = np.empty(points.n, dtype)
        if points.n <= _FEW and progress is False:
            if n_threads is not None:
                resolve_threads(n_threads)  # refuses what is no number of threads
            fill(points, 0, points.n, result)
            return result

        def work(start, stop):
            fill(points, start, stop, result[start:stop])

        with progress_bar(progress, points.n, "predicting") as bar:
            over_row_blocks(work, points.n, width or points.d, resolve_threads(n_threads), bar)
        return result

    def __reduce__(self):
        return _unpickle, (*self.parameters(), self.classes, self.classes.dtype)

    def __eq__(self, other):
        """Whether two networks have the same parameters and labels."""
        if not isinstance(other, Network):
            return NotImplemented
        (tensors, settings), (other_tensors, other_settings) = self.parameters(), other.parameters()
        return (
            settings == other_settings
            and tensors.keys() == other_tensors.keys()
            and all(_same(tensors[name], other_tensors[name]) for name in tensors)
            and _same(self.classes, other.classes)
        )

    __hash__ = None

    def __repr__(self):
        parts = [
            (_count(self.n_points, "point") + " of " if self.n_points else "") + _count(self.n_features_in, "feature"),
            _count(len(self.classes), "class", "classes"),
            _count(self.n_hyperplanes, "hyperplane"),
            *self._parts(),
        ]
        return f"<fastmem network: {', '.join(parts)}>"

    def _parts(self):
        """What else `repr` names."""
        return [self.construction] if self.construction != "compact" else []


class LayeredNetwork(Network, kind="layered"):
    """A memorizing network given by its layers alone: `predict` is `forward`, packed and compiled.

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

    predict = Network.forward
    class_indices = Network._forward_outputs

    @property
    def nbytes(self) -> int:
        """Size of the parameters in bytes, as saved but for the frame that speeds signs up."""
        tensors, _ = self.parameters()
        return sum(tensor.nbytes for name, tensor in tensors.items() if name not in ("centre", "exponents"))

    @property
    def bits_per_label(self) -> float:
        """Bits of all parameters for each memorized point, if there are any: here the hyperplanes hold the labels."""
        return 8 * self.nbytes / self.n_points if self.n_points else math.nan

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        tensors, settings = super().parameters()
        for position, layer in enumerate(self._behind, start=2):
            tensors |= {f"layer.{position}.{name}": tensor for name, tensor in layer.tensors().items()}
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
            and all(map(_is_text, stages))
        ):
            raise FormatError("the layers and what is said of them do not fit each other")
        layers, width = [], hyperplanes.m
        for position in range(2, n_layers + 1):
            layers.append(Layer.from_tensors(part_of(tensors, f"layer.{position}"), width))
            width = layers[-1].n_units
        if width != (len(classes) - 1).bit_length():
            raise FormatError(f"the last layer has {width} units for {len(classes)} classes")
        return cls(hyperplanes, layers, classes, stages=stages, **common)


class EncodedNetwork(Network, kind="encoded"):
    """A memorizing network of two parts: an encoder from points to codes and a store from codes to labels.

    `memorize` and `load` make them. The parameters are those of `encoder` and `store`; `layers` is derived from
    them on demand.

    Attributes
    ----------
    encoder : Encoder
        The hyperplanes and the linear code behind them.
    store : BinaryStore, IntegerStore or BlockStore
    fingerprints : Filter or None
        What recognises stored codes, if the network was built with fingerprint bits.
    store_reason : str
        Why the store is not the one asked for; "" if it is.
    codes_digest : str
        SHA-256 of the memorized points' codes in ascending order, by which `relabel` knows these points again; "" with
        separate="labels".
    """

    def __init__(
        self, encoder, store, classes, *, store_reason="", codes_digest="", fingerprints=None, memorized_codes=None,
        **settings,
    ):  # fmt: skip
        super().__init__(encoder.hyperplanes, classes, **settings)
        self.encoder = encoder
        self.store = store
        self.store_reason = store_reason
        self.codes_digest = codes_digest
        self.fingerprints = fingerprints
        # Of the rows memorized, for `relabel`; not saved.
        self._memorized_codes = memorized_codes

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, relays included, layer by layer from the inputs to the output: tuple of `Layer`.

        First the hyperplanes; then, unless their signs are the code, the parities of the linear code; then the store.
        With fingerprints the last output, after the digits of the class index, says whether the input is known.
        """
        branches = [] if len(self.classes) < 2 else [self.store.layers()]
        if self.fingerprints is not None:
            branches.append(self.fingerprints.accepting_layers())
        if not branches:
            return ()
        behind = branches[0] if len(branches) == 1 else share_units(side_by_side(branches))
        return (self._first_layer(), *self._parities, *behind)

    @cached_property
    def _parities(self):
        """Layers of the linear code."""
        code = self.encoder.code
        return () if code.is_identity else parity_layers(code.columns, code.n_bits)

    @property
    def stages(self) -> tuple[str, ...]:
        """What each layer does."""
        if not self.layers:
            return ()
        before = ("hyperplanes", *("parities of the linear code",) * len(self._parities))
        of_store = self.store.stages
        more = self.depth - len(before) - len(of_store)
        return (*before, *of_store, *("recognition",) * more)

    @property
    def nbytes(self) -> int:
        """Size of the parameters in bytes: hyperplanes, the code's columns unless it is the identity, and the rest."""
        hyperplanes, code = self.hyperplanes, self.encoder.code
        columns = 0 if code.is_identity else code.columns.nbytes
        fingerprints = sum(tensor.nbytes for tensor in self._fingerprint_tensors().values())
        return hyperplanes.weights.nbytes + hyperplanes.thresholds.nbytes + columns + self.store.nbytes + fingerprints

    @property
    def bits_per_label(self) -> float:
        """Bits the store takes for each memorized point; hyperplanes are not counted."""
        return 8 * self.store.nbytes / self.n_points

    @property
    def fingerprint_bits(self) -> int:
        """Number f of fingerprint bits, 0 if none: unknown inputs are taken for known with probability about 2^-f."""
        return self.fingerprints.n_filter_bits if self.fingerprints is not None else 0

    def store_facts(self):
        """What `report` says of the store, by name."""
        return super().store_facts() | {
            "store": self.store.name,
            "store_reason": self.store_reason,
            "cells_per_bit": getattr(self.store, "cells_per_bit", None),
            "integer_store_neurons": _integer_store_neurons(self),
            "n_code_bits": self.encoder.n_bits,
            "n_label_bits": self.store.n_label_bits,
        }

    def predict(
        self,
        X: ArrayLike,
        *,
        unknown: object = NO_VALUE,
        tolerance: float = 0.0,
        max_probes: int = MAX_PROBES,
        n_threads: int | None = None,
        progress: bool | type = False,
    ) -> np.ndarray:
        """Label of each row.

        A memorized row gets its own label. Any other row gets a label too, which means nothing unless the row
        lies within the `certified_radius` of a memorized point; or `unknown`, if the network has fingerprints and
        none matches. The answer depends on the numbers in the row alone: not on batch, threads, memory layout, dtype or
        machine.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Finite numbers that float64 holds exactly.
        unknown : scalar, optional
            What unknown rows get: those whose code was not stored, as `contains` says. The result has a dtype that
            holds it and all labels.
        tolerance : float
            A Euclidean distance in the units of X. For an unknown row, the codes behind sets of hyperplanes nearer than
            this are tried, those with the least sum of squared distances first, and the first that is known gives the
            label.
        max_probes : int
            How many codes are tried for a row at most. Each is wrongly taken for a known one with probability about
            ``2**-fingerprint_bits``.
        n_threads : int, optional
            All cores by default; 1 starts no thread.
        progress : bool or tqdm class

        Returns
        -------
        ndarray of shape (n,)
            Labels in the dtype of the memorized ones.

        Raises
        ------
        InvalidInput
            X does not hold finite numbers in `n_features_in` columns, or there are no fingerprints to know rows by.

        Examples
        --------
        >>> import fastmem
        >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"])
        >>> net.predict([[1, 0], [1, 1]])
        array(['odd', 'even'], dtype='<U4')
        """
        if tolerance != 0.0 or max_probes != MAX_PROBES:
            tolerance, max_probes = as_distance("tolerance", tolerance), as_count("max_probes", max_probes)
        if unknown is NO_VALUE:
            if tolerance:
                raise InvalidInput(
                    "tolerance is for rows that are unknown: say which label they get if no code matches"
                )
            return self._labels(X, self.class_indices, n_threads, progress)
        self._need_fingerprints("unknown")

        def class_indices(*block):
            codes, known, _ = self.recognise(*block, tolerance, max_probes)
            return self.store.lookup(codes), known

        return self._known_labels(X, class_indices, unknown, n_threads, progress)

    def _known_labels(self, X, class_indices, unknown, n_threads, progress, width=None):
        """Labels of X, given the function to their class indices and to whether they are known."""
        dtype = label_dtype_with(unknown, self.classes)
        classes = np.empty(len(self.classes) + 1, dtype)
        classes[:-1] = self.classes
        classes[-1] = unknown

        def fill(points, start, stop, labels):
            indices, known = class_indices(points, start, stop)
            classes.take(np.where(known, indices, len(self.classes)), out=labels, mode="clip")

        return self._by_block(X, fill, dtype, n_threads, progress, width)

    def _need_fingerprints(self, what):
        if self.fingerprints is None:
            raise InvalidInput(
                f"{what} needs fingerprints: build the network with memorize(..., fingerprint_bits=16), say"
            )

    def recognise(self, points, start, stop, tolerance=0.0, max_probes=MAX_PROBES):
        """Codes of the validated points start to stop, whether they are known, and how many others were tried.

        Where a code is unknown and one near by is known, that stands in its place.
        """
        codes = self.encoder.codes_of_block(points, start, stop)
        known, tried = self.fingerprints.accepts(codes), np.zeros(len(codes), np.int64)
        rows = np.flatnonzero(~known) if tolerance else ()
        if len(rows):
            near = codes[rows]
            known[rows], tried[rows] = find_near_codes(
                self.encoder, self.fingerprints, points.block(start, stop)[rows], near, tolerance, max_probes
            )
            codes[rows] = near
        return codes, known, tried

    def contains(
        self, X: ArrayLike, *, n_threads: int | None = None, progress: bool | type = False
    ) -> NDArray[np.bool_]:
        """Whether each row is known: whether its code was stored.

        Always true for memorized rows and for all that lie with one of them on the same side of every hyperplane. Of
        other rows a share of about ``2**-fingerprint_bits`` is taken for known.

        Parameters
        ----------
        X : array_like of shape (n, d)
        n_threads : int, optional
            All cores by default.
        progress : bool or tqdm class

        Returns
        -------
        bool ndarray of shape (n,)

        Raises
        ------
        InvalidInput
            As `predict`.

        Examples
        --------
        >>> import numpy as np, fastmem
        >>> X, others = np.random.default_rng(0).normal(size=(2, 1000, 16))
        >>> net = fastmem.memorize(X, np.arange(1000) % 2, separate="all", fingerprint_bits=16, random_state=0)
        >>> bool(net.contains(X).all()), bool(net.contains(others).mean() < 0.25)
        (True, True)
        """
        self._need_fingerprints("contains")

        def fill(points, start, stop, known):
            known[:] = self.recognise(points, start, stop)[1]

        return self._by_block(X, fill, bool, n_threads, progress)

    def forward(
        self,
        X: ArrayLike,
        *,
        unknown: object = NO_VALUE,
        n_threads: int | None = None,
        progress: bool | type = False,
    ) -> np.ndarray:
        """Labels computed through every unit of `layers`.

        Slow and plain: the definition that `predict` is a shortcut for. The result is the same for any input.

        Parameters
        ----------
        X : array_like of shape (n, d)
        unknown : scalar, optional
            What rows get for which the unit that recognises inputs is 0.
        n_threads : int, optional
            All cores by default.
        progress : bool or tqdm class

        Returns
        -------
        ndarray of shape (n,)
            Labels in the dtype of the memorized ones.

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        n_digits = self.n_label_bits
        digits = np.uint64((1 << n_digits) - 1)
        if unknown is NO_VALUE:

            def outputs_of(*block):
                return self._forward_outputs(*block) & digits

            return self._labels(X, outputs_of, n_threads, progress, self._forward_width)
        self._need_fingerprints("unknown")

        def class_indices(*block):
            outputs = self._forward_outputs(*block)
            return (outputs & digits).astype(np.int64), outputs >> np.uint64(n_digits) == 1

        return self._known_labels(X, class_indices, unknown, n_threads, progress, self._forward_width)

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class of the labels, or are not recognised: int64 array of rows."""
        wrong = np.zeros(points.n, bool)

        def work(start, stop):
            wrong[start:stop] = self.store.lookup(codes[start:stop]) != labels.indices[start:stop]
            if self.fingerprints is not None:
                wrong[start:stop] |= ~self.fingerprints.accepts(codes[start:stop])

        # All codes first: reading X evicts the store's tables from the cache.
        codes = self.encoder.codes(points, n_threads, bar)
        over_row_blocks(work, points.n, 1, n_threads)
        return np.flatnonzero(wrong)

    def class_indices(self, points, start, stop):
        """Positions in `classes` of the labels of the validated points start to stop: int32 or int64 array."""
        return self.store.lookup(self.encoder.codes_of_block(points, start, stop))

    def relabel(
        self,
        y: ArrayLike,
        X: ArrayLike | None = None,
        *,
        n_threads: int | None = None,
        progress: bool | type = False,
    ) -> EncodedNetwork:
        """A network with other labels for the same points: any, of any number of classes.

        The hyperplanes stay, only the store is built again, and verified.

        Parameters
        ----------
        y : array_like of shape (n,)
            Labels of the memorized rows, in their order.
        X : array_like of shape (n, d), optional
            The memorized points, in any order that goes with y. Needed where the network comes from a file, a pickle or
            a copy: the codes of the points are kept by the network that `memorize` returned only.
        n_threads : int, optional
            All cores by default.
        progress : bool or tqdm class

        Returns
        -------
        EncodedNetwork

        Raises
        ------
        InvalidInput
            The network was not built with ``separate="all"``; X is missing or is not what was memorized; or y cannot be
            used.
        ContradictoryLabels
            Equal rows have different labels.

        Examples
        --------
        >>> import numpy as np, fastmem
        >>> X = np.random.default_rng(0).normal(size=(1000, 16))
        >>> net = fastmem.memorize(X, np.arange(1000) % 2, separate="all", random_state=0)
        >>> bool(np.all(net.relabel(np.arange(1000) % 7).predict(X) == np.arange(1000) % 7))
        True
        """
        if self.separate != "all":
            raise InvalidInput(
                'only a network built with separate="all" takes other labels: here points of one class may share codes'
            )
        labels = as_labels(y, self.n_points)
        codes = self._codes_of_memorized(X, resolve_threads(n_threads), progress)
        ascending, order = sort_codes(codes.copy())
        firsts = np.append(True, ascending[1:] != ascending[:-1])
        if X is not None and digest_of_codes(ascending) != self.codes_digest:
            raise InvalidInput("X is not the points that were memorized, in any order: its codes are others")
        # Rows with equal codes are equal; the sort is stable, so that the first of them comes first.
        first = order[np.maximum.accumulate(np.where(firsts, np.arange(len(order)), 0))]
        refuse_contradictions(labels, order[~firsts], first[~firsts])
        asked = "binary" if self.store_reason else self.store.name
        store, reason = build_store(asked, ascending, labels.indices[order], self.encoder.n_bits, len(labels.classes))
        wrong = np.flatnonzero(store.lookup(codes) != labels.indices)
        if wrong.size:
            raise MemorizationError(f"{len(wrong)} of {self.n_points} rows do not get their label", wrong.tolist())
        return EncodedNetwork(
            self.encoder,
            store,
            labels.classes,
            store_reason=reason,
            fingerprints=self.fingerprints,
            memorized_codes=codes,
            codes_digest=self.codes_digest,
            **{name: getattr(self, name) for name in _SETTINGS},
        )

    def jit(self, *, output: str = "label", unknown: object = NO_VALUE) -> Predictor:
        """Functions that do what `predict` does, to be called by code that numba compiles.

        They are written for this network: the sizes are constants, and only what it has is code. The first call
        compiles, for some seconds; how many does not depend on the number of points. Labels are those of `predict`,
        always: signs are exact here too.

        Parameters
        ----------
        output : {"label", "index"}
            "index": return positions in `classes`, of dtype intp, in place of labels. That is for labels that numba has
            no numbers for: text, objects, half and long double precision.
        unknown : scalar, optional
            What unknown rows get, as in `predict`; with output="index" an integer.

        Returns
        -------
        one : numba function
            ``one(x)`` is the label of the point x, a float32 or float64 array of shape (d,) with any strides.
        many : numba function
            ``many(X, out)`` writes the labels of the rows of X, a float32 or float64 array of shape (n, d), to `out`,
            an array of shape (n,) of their dtype, in one thread, and returns it. It is faster where the store does not
            fit the processor's cache.

        Both raise `InvalidInput` for a NaN or an infinity and for another number of columns, and numba's `TypingError`
        for other kinds of arrays. They hold a copy of the network's parameters. Code that calls them cannot be cached
        on disk.

        Raises
        ------
        InvalidInput
            The labels are of a dtype that numba has no numbers for, or there are no fingerprints to know rows by.
        ImportError
            There is no numba: ``pip install "fastmem[jit]"``.

        Examples
        --------
        >>> import numba, numpy as np, fastmem
        >>> X = np.random.default_rng(0).normal(size=(1000, 16))
        >>> net = fastmem.memorize(X, np.arange(1000) % 7, random_state=0)
        >>> label_of, labels_of = net.jit()
        >>> @numba.njit
        ... def total(X):
        ...     total = 0
        ...     for x in X:
        ...         total += label_of(x)
        ...     return total
        >>> int(total(X)), sum(i % 7 for i in range(1000))
        (2997, 2997)
        """
        from fastmem.jit import predictor

        return predictor(self, output=output, unknown=unknown)

    def _codes_of_memorized(self, X, n_threads, progress):
        if X is None:
            if self._memorized_codes is None:
                raise InvalidInput("the codes of the points are not saved with a network: give relabel the points too")
            return self._memorized_codes
        points = as_memorized_points(X, self.n_points, self.n_features_in)
        with progress_bar(progress, points.n, "encoding") as bar:
            return self.encoder.codes(points, n_threads, bar)

    def codes(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.uint64]:
        """Code N(z) = sum_i 2^i z_i of each row: uint64 array of shape (n,).

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        points = as_points(X, self.n_features_in, empty=True)
        return self.encoder.codes(points, resolve_threads(n_threads))

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        tensors, settings = super().parameters()
        tensors |= {f"store.{name}": tensor for name, tensor in self.store.tensors().items()}
        if not self.encoder.code.is_identity:
            tensors["columns"] = self.encoder.code.columns
        return tensors | self._fingerprint_tensors(), settings | {
            "store": self.store.name,
            "store_reason": self.store_reason,
            "codes_digest": self.codes_digest,
            "fingerprint_bits": self.fingerprint_bits,
            "n_bits": self.encoder.n_bits,
        }

    def _fingerprint_tensors(self):
        if self.fingerprints is None:
            return {}
        features, tensors = self.fingerprints.ribbon.features.tensors(), self.fingerprints.tensors()
        return {f"{_FEATURES}.{name}": tensor for name, tensor in features.items()} | {
            f"{_FINGERPRINTS}.{name}": tensor for name, tensor in tensors.items()
        }

    @classmethod
    def _from_parts(cls, hyperplanes, tensors, settings, classes, common):
        code = _linear_code(tensors.get("columns"), hyperplanes.m, settings["n_bits"])
        if not _is_text(settings["store_reason"]) or not re.fullmatch("([0-9a-f]{64})?", settings["codes_digest"]):
            raise FormatError("the reason for the store or the digest of the codes is no such text")
        store = ALL_STORES[settings["store"]].from_tensors(part_of(tensors, "store"), code.n_bits, len(classes))
        return cls(
            Encoder(hyperplanes, code),
            store,
            classes,
            fingerprints=_fingerprints(tensors, code.n_bits, settings["fingerprint_bits"]),
            store_reason=settings["store_reason"],
            codes_digest=settings["codes_digest"],
            **common,
        )

    def _parts(self):
        fingerprints = [f"{self.fingerprint_bits}-bit fingerprints"] if self.fingerprints is not None else []
        return [f"{self.encoder.n_bits}-bit codes", f"{self.store.name} store", *fingerprints, *super()._parts()]


def _linear_code(columns, m, n_bits):
    """The code with these columns, or the identity without; `FormatError` unless it is one from m signs to n_bits."""
    if not 0 <= n_bits <= MAX_BITS:
        raise FormatError(f"codes have {n_bits} bits, and {MAX_BITS} are the most")
    if columns is None:
        fits = n_bits == m
    else:
        fits = m > 0 and n_bits > 0 and columns.shape == (m,) and not (columns >> np.uint64(n_bits)).any()
    if not fits:
        raise FormatError(f"the linear code does not lead from {m} signs to {n_bits} bits")
    return LinearCode.identity(m) if columns is None else LinearCode(columns, n_bits)


def _is_text(value):
    """Whether this is a line that can be printed, in any file and on any terminal."""
    return type(value) is str and value.isprintable()


def digest_of_codes(ascending):
    """SHA-256 of codes in ascending order."""
    return hashlib.sha256(ascending.astype("<u8", copy=False).data).hexdigest()


def _fingerprints(tensors, n_bits, fingerprint_bits):
    """The filter that recognises stored codes, or None without fingerprints."""
    if fingerprint_bits == 0:
        return None
    features = CodeFeatures.from_tensors(part_of(tensors, _FEATURES), n_bits)
    fingerprints = Filter.from_tensors(part_of(tensors, _FINGERPRINTS), features)
    if fingerprints.n_filter_bits != fingerprint_bits:
        raise FormatError(f"there are {fingerprints.n_filter_bits} fingerprint bits instead of {fingerprint_bits}")
    return fingerprints


def _unpickle(tensors, settings, classes, dtype):
    # Arrays lose a foreign byte order when they are pickled, dtypes do not.
    return Network.from_parameters(tensors, settings, classes.astype(dtype, copy=False))


def _count(number, noun, plural=None):
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _same(a, b):
    """Equal arrays, bit by bit where they hold numbers, by type and value where they hold objects."""
    both_text = a.dtype.kind == b.dtype.kind == "T"  # how the dtype converts other values makes no difference
    if (a.dtype != b.dtype and not both_text) or a.shape != b.shape:
        return False
    if a.dtype.kind in "OT":
        return all(type(v) is type(w) and v == w for v, w in zip(a, b, strict=True))
    return a.tobytes() == b.tobytes()


def _integer_store_neurons(network):
    """About how many neurons there are with an integer store, 2 sqrt(K n / 2) in it for random labels; or None."""
    store = network.store
    if (
        store.name != "binary"
        or not store.n_label_bits
        or store.label_code.filter_bits
        or network.fingerprints is not None
    ):
        return None
    units = 2 * math.sqrt(store.n_label_bits * network.n_points / 2) + store.n_bits + store.n_label_bits
    before = network.n_neurons - sum(network.widths[-store.depth :])
    neurons = math.ceil(before + units)
    return neurons if neurons < network.n_neurons else None
