"""Threshold networks: layers of units, and the compiled shortcut through an encoder and a store."""

from __future__ import annotations

import math
import os
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastmem.blocks import over_row_blocks, resolve_threads
from fastmem.encoder import Encoder, Hyperplanes, LinearCode
from fastmem.layer import Layer
from fastmem.parity import parity_layers
from fastmem.progress import progress_bar
from fastmem.store import STORES
from fastmem.validation import as_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastmem.report import Report

__all__ = ["EncodedNetwork", "Network"]


class Network:
    """A strictly layered network of threshold units that returns a label.

    Parameters
    ----------
    layers : tuple of Layer
        From the inputs to the output. The outputs of the last layer are the binary digits of a class index,
        lowest first; without layers the index is 0.
    classes : ndarray of shape (c,)
        The labels.
    n_features_in : int
        Dimension d of the points.
    """

    def __init__(self, layers, classes, n_features_in):
        self._layers = tuple(layers)
        self.classes = classes
        self.n_features_in = int(n_features_in)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, relays included, layer by layer from the inputs to the output: tuple of `Layer`."""
        return self._layers

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

    @cached_property
    def _first_layer(self):
        """The first layer with exact signs."""
        return Hyperplanes(self.layers[0].weights.toarray(), self.layers[0].thresholds, *self._frame())

    def _frame(self):
        return np.zeros(self.n_features_in), np.zeros(self.n_features_in, np.int16)

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
        return self._labels(X, self._forward_indices, n_threads, progress)

    predict = forward

    def _forward_indices(self, points, start, stop):
        if not self.layers:
            points.check_finite(start, stop)
            return np.zeros(stop - start, np.int32)
        bits = self._first_layer.signs_of_block(points, start, stop)
        for layer in self.layers[1:]:
            bits = layer.forward(bits)
        return bits[:, 0]

    def _labels(self, X, class_indices, n_threads, progress):
        """Labels of X, given the function from points, start and stop to their class indices."""
        points = as_points(X, self.n_features_in, empty=True)
        labels = np.empty(points.n, self.classes.dtype)

        def work(start, stop):
            labels[start:stop] = self.classes[class_indices(points, start, stop)]

        with progress_bar(progress, points.n, "predicting") as bar:
            over_row_blocks(work, points.n, points.d, resolve_threads(n_threads), bar)
        return labels


class EncodedNetwork(Network):
    """A memorizing network of two parts: an encoder from points to codes and a store from codes to labels.

    `memorize` and `load` make them. The parameters are those of `encoder` and `store`; `layers` is derived from
    them on demand.

    Attributes
    ----------
    encoder : Encoder
        ``encoder.hyperplanes`` holds ``weights`` (m, d) float32 and ``thresholds`` (m,) float64.
    store : IntegerStore
    classes : ndarray of shape (c,)
        The distinct labels.
    n_features_in : int
        Dimension d of the points.
    n_points : int
        Number of rows memorized.
    n_told_apart : int
        Number of classes, or with separate="all" of distinct points: none of these shares a code.
    construction, separate : str
        As given to `memorize`.
    smallest_distance : float
        Smallest Euclidean distance of a memorized point from a hyperplane, rounded down.
    largest_norm : float
        Largest Euclidean norm of a memorized point.
    """

    def __init__(
        self,
        encoder,
        store,
        classes,
        *,
        n_points,
        n_told_apart,
        construction,
        separate,
        smallest_distance,
        largest_norm,
    ):
        self.encoder = encoder
        self.store = store
        self.classes = classes
        self.n_features_in = encoder.hyperplanes.d
        self.n_points = int(n_points)
        self.n_told_apart = int(n_told_apart)
        self.construction = construction
        self.separate = separate
        self.smallest_distance = float(smallest_distance)
        self.largest_norm = float(largest_norm)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, relays included, layer by layer from the inputs to the output: tuple of `Layer`.

        First the hyperplanes; then, if there are more than 62, the parities of the linear code; then the store.
        """
        from scipy.sparse import csr_array

        if len(self.classes) < 2:
            return ()
        hyperplanes, code = self.encoder.hyperplanes, self.encoder.code
        first = Layer(csr_array(hyperplanes.weights), hyperplanes.thresholds)
        parities = () if code.is_identity else parity_layers(code.columns, code.n_bits)
        return (first, *parities, *self.store.layers())

    def _frame(self):
        return self.encoder.hyperplanes.centre, self.encoder.hyperplanes.exponents

    @property
    def n_hyperplanes(self) -> int:
        """Number m of units of the first layer."""
        return self.encoder.hyperplanes.m

    @property
    def relative_margin(self) -> float:
        """Smallest distance of a memorized point from a hyperplane, relative to the largest norm of a point."""
        return self.smallest_distance / self.largest_norm if self.largest_norm else math.inf

    def is_safe(self, dtype: np.typing.DTypeLike) -> bool:
        """Whether signs taken in a float dtype's arithmetic are sure to be those of every memorized point.

        With points and parameters rounded first, the sum w.x of d products and its comparison with t err by at most
        gamma(d + 3) (||w|| ||x|| + |t|), whatever the order of summation, if nothing over- or underflows (Higham,
        Accuracy and Stability of Numerical Algorithms, section 3.1); and |t| <= ||w|| max ||x||, as every hyperplane
        has memorized points on both sides.

        Parameters
        ----------
        dtype : dtype
            float32 or float64, say.
        """
        precision = np.finfo(dtype)
        unit, terms = float(precision.eps) / 2, self.n_features_in + 3
        lengths = np.linalg.norm(self.encoder.hyperplanes.weights.astype(np.float64), axis=1)
        largest = max(lengths.max(initial=1.0), 1.0) * self.largest_norm
        smallest = min(lengths.min(initial=1.0), 1.0) * self.smallest_distance
        return bool(
            self.relative_margin > 2 * terms * unit / (1 - terms * unit)
            and largest < float(precision.max) / 8
            and smallest > terms * float(precision.tiny) / unit
        )

    @property
    def nbytes(self) -> int:
        """Size of the parameters in bytes: hyperplanes, the code's columns unless it is the identity, store."""
        hyperplanes, code = self.encoder.hyperplanes, self.encoder.code
        columns = 0 if code.is_identity else code.columns.nbytes
        return hyperplanes.weights.nbytes + hyperplanes.thresholds.nbytes + columns + self.store.nbytes

    @property
    def bits_per_label(self) -> float:
        """Bits the store takes for each memorized point; hyperplanes are not counted."""
        return 8 * self.store.nbytes / self.n_points

    def predict(self, X: ArrayLike, *, n_threads: int | None = None, progress: bool | type = False) -> np.ndarray:
        """Label of each row.

        A memorized row gets its own label. Any other row gets a label too, which means nothing unless the row
        lies within the `certified_radius` of a memorized point. The answer depends on the numbers in the row
        alone: not on batch, threads, memory layout, dtype or machine.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Finite numbers that float64 holds exactly.
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
            X does not hold finite numbers in `n_features_in` columns.

        Examples
        --------
        >>> import fastmem
        >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"])
        >>> net.predict([[1, 0], [1, 1]])
        array(['odd', 'even'], dtype='<U4')
        """
        return self._labels(X, self.class_indices, n_threads, progress)

    def class_indices(self, points, start, stop):
        """Positions in `classes` of the labels of the validated points start to stop: int32 array."""
        return self.store.lookup(self.encoder.codes_of_block(points, start, stop))

    def codes(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.uint64]:
        """Code N(z) = sum_i 2^i z_i of each row: uint64 array of shape (n,).

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        points = as_points(X, self.n_features_in, empty=True)
        return self.encoder.codes(points, resolve_threads(n_threads))

    def certified_radius(self, X: ArrayLike, *, n_threads: int | None = None) -> NDArray[np.float64]:
        """Distance within which no input's label can differ from that of a row, rounded down.

        ``r(x) = min_j |w_j.x - t_j| / ||w_j||``: every input at Euclidean distance below r(x) has the same signs,
        so the same code and the same label. Infinite if the network has no hyperplane.

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
        return self.encoder.hyperplanes.certified_radius(points, resolve_threads(n_threads))

    def report(self, delta: float | None = None) -> Report:
        """What was built, beside the theorem's sizes and the lower bounds.

        Parameters
        ----------
        delta : float, optional
            Smallest distance of two points after scaling all into the unit ball: the theorem's sizes depend on
            it. `fastmem.separation` computes distances.

        Returns
        -------
        Report
            Print it, or take ``report.to_dict()``.
        """
        from fastmem.report import Report

        return Report.of(self, delta)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        InvalidInput
            The labels are Python objects that JSON does not hold exactly.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.
        """
        from fastmem.io import save

        save(self, path)

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        hyperplanes, code = self.encoder.hyperplanes, self.encoder.code
        tensors = {
            "weights": hyperplanes.weights,
            "thresholds": hyperplanes.thresholds,
            "centre": hyperplanes.centre,
            "exponents": hyperplanes.exponents,
            **{f"store.{name}": tensor for name, tensor in self.store.tensors().items()},
        }
        if not code.is_identity:
            tensors["columns"] = code.columns
        settings = {
            "construction": self.construction,
            "separate": self.separate,
            "store": self.store.name,
            "n_points": self.n_points,
            "n_told_apart": self.n_told_apart,
            "n_bits": self.encoder.n_bits,
            # As strings, which hold infinity too.
            "smallest_distance": self.smallest_distance.hex(),
            "largest_norm": self.largest_norm.hex(),
        }
        return tensors, settings

    @classmethod
    def from_parameters(cls, tensors, settings, classes):
        """Rebuild a network from its `parameters` and classes."""
        hyperplanes = Hyperplanes(*(tensors[name] for name in ("weights", "thresholds", "centre", "exponents")))
        if "columns" in tensors:
            code = LinearCode(tensors["columns"], settings["n_bits"])
        else:
            code = LinearCode.identity(hyperplanes.m)
        prefix = "store."
        stored = {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
        store = STORES[settings["store"]].from_tensors(stored, code.n_bits, len(classes))
        return cls(
            Encoder(hyperplanes, code),
            store,
            classes,
            **{name: settings[name] for name in ("n_points", "n_told_apart", "construction", "separate")},
            **{name: float.fromhex(settings[name]) for name in ("smallest_distance", "largest_norm")},
        )

    def __reduce__(self):
        return _unpickle, (*self.parameters(), self.classes, self.classes.dtype)

    def __eq__(self, other):
        """Whether two networks have the same parameters and labels."""
        if not isinstance(other, EncodedNetwork):
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
        def count(number, noun, plural=None):
            return f"{number} {noun if number == 1 else plural or noun + 's'}"

        return (
            f"<fastmem network: {count(self.n_points, 'point')} of {count(self.n_features_in, 'feature')}, "
            f"{count(len(self.classes), 'class', 'classes')}, {count(self.n_hyperplanes, 'hyperplane')}, "
            f"{self.encoder.n_bits}-bit codes, {self.store.name} store>"
        )


def _unpickle(tensors, settings, classes, dtype):
    # Arrays lose a foreign byte order when they are pickled, dtypes do not.
    return EncodedNetwork.from_parameters(tensors, settings, classes.astype(dtype, copy=False))


def _same(a, b):
    """Equal arrays, bit by bit where they hold numbers, by type and value where they hold objects."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "OT":
        return all(type(v) is type(w) and v == w for v, w in zip(a, b, strict=True))
    return a.tobytes() == b.tobytes()
