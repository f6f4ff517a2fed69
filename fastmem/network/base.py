"""Threshold networks: layers of units, and the compiled shortcut through an encoder and a store."""

from __future__ import annotations

import math
import os
import pickle
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, get_args, overload

import numpy as np

from fastmem.data.as_labels import NO_VALUE, Labels
from fastmem.data.as_points import as_points
from fastmem.data.lazy import applied, is_lazy
from fastmem.data.long_doubles import first_long_double
from fastmem.data.options import Form, Norm, as_count, as_distance, as_float_dtype, check_option
from fastmem.data.points import norms_of
from fastmem.data.reading import Reading
from fastmem.errors import FormatError, InvalidInput
from fastmem.hyperplanes.columns import hyperplanes_of, nbytes_of, tensors_of
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.rounding import rounding_reach
from fastmem.layers.layer import Layer
from fastmem.machine.floats import default_environment
from fastmem.machine.once import cached_property
from fastmem.machine.partners import need
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import resolve_threads
from fastmem.network.near_codes import MAX_PROBES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal, Self

    import networkx
    import torch
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import sparray, spmatrix

    from fastmem.data.options import FloatDType, NumberOutput, Output, Separate
    from fastmem.data.points import Points
    from fastmem.export.c.program import CSize
    from fastmem.export.jit.predictor import Predictor
    from fastmem.machine.progress import Progress
    from fastmem.network.encoded import EncodedNetwork
    from fastmem.network.layered import LayeredNetwork
    from fastmem.network.numbers import NumberNetwork
    from fastmem.network.report import Report
    from fastmem.store.filter import Filter
    from fastmem.theory.instances import Instance

    _ThresholdUnits = tuple[ArrayLike | sparray | spmatrix, ArrayLike]
    _Units = tuple[ArrayLike | sparray | spmatrix, ArrayLike, ArrayLike]

__all__ = ["GIVEN", "SETTINGS", "Network"]


class FirstUnits(NamedTuple):
    """The first layer of a network, in the space of the columns that it reads.

    Attributes
    ----------
    hyperplanes : Hyperplanes
        Those that labels are read from, and behind them those that only tell known inputs from others.
    reading : Reading or None
        The columns: all, if None.
    smallest_distance, largest_norm : float
    fits_float32 : bool
        As of a network, for these hyperplanes and columns.
    """

    hyperplanes: Hyperplanes
    reading: Reading | None
    smallest_distance: float
    largest_norm: float
    fits_float32: bool


GIVEN = "given"  # the construction of a network from a user's own layers
GIVEN_FACTS = {
    "n_points": 0, "n_told_apart": 0, "construction": GIVEN, "separate": "labels",
    "smallest_distance": math.inf, "largest_norm": 0.0,
}  # fmt: skip
_FLOATS = ("smallest_distance", "largest_norm")
SETTINGS = ("n_points", "n_told_apart", "construction", "separate", "drawn", "fits_float32", *_FLOATS)
_UNREAD = 100  # exponent of columns whose weights are 0: so small are their numbers in the frame then
_ENTRIES = 64  # words of inputs of units that take as long as a coordinate
_SOON_COUNTED = 2**17  # bytes of parameters whose layers take some tens of megabytes
_FEW = 256  # rows for which threads, blocks and a progress bar would take longer than the rest


class Network:
    """A strictly layered network that returns a label for every point.

    The outputs of the last layer are the binary digits of a class index, lowest first; a number that is no class stands
    for the last one. Without layers the index is 0. `memorize` makes three kinds: `EncodedNetwork` and
    `LayeredNetwork`, of threshold units, and `NumberNetwork`, whose units carry numbers too; `from_layers` makes the
    second or the third from layers of your own.

    Attributes
    ----------
    hyperplanes : Hyperplanes
        Units of the first layer, those that labels are read from: ``weights`` (m, d) float32 and ``thresholds`` (m,)
        float64.
    columns : int64 ndarray of shape (r,)
        The columns of X that are read, ascending: all others have weight 0, and may hold what they like.
    layers : tuple of Layer
        Every unit, relays included, layer by layer from the inputs to the output.
    stages : tuple of str
        What each layer does.
    classes : ndarray of shape (c,) or (c, k)
        The distinct labels; in the rows of a matrix, if each has k values.
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
        Largest Euclidean norm of a memorized point, in the columns that are read.
    fits_float32 : bool
        Whether float32 holds every coordinate that is read of the memorized points, so that rounding to it moves none.
    drawn : dict
        What a construction drew at random and how often, and the delta it drew for, by name; empty for "compact".
    construction_options : dict
        Options that the construction alone takes, by name, as they were used: `memorize` lists them.
    feature_names : tuple of str or None
        Names of the columns, where what was memorized had names: a data frame, or a table on the command line. Columns
        of points with names are put in this order, and other names are refused; columns that are not read may be
        missing. Points without names are taken as they are.
    """

    hyperplanes_read: Hyperplanes  # in the space of the columns of `reading`, in their order
    reading: Reading | None  # all columns, if None
    layers: tuple[Layer, ...]
    stages: tuple[str, ...]
    classes: NDArray[Any]
    n_features_in: int
    n_points: int
    n_told_apart: int
    construction: str
    separate: Separate
    smallest_distance: float
    largest_norm: float
    fits_float32: bool
    drawn: dict[str, Any]
    construction_options: dict[str, Any]
    feature_names: tuple[str, ...] | None
    nbytes: int
    bits_per_label: float

    _kinds: dict[str, type[Network]] = {}  # noqa: RUF012

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
        construction_options=None,
        feature_names=None,
        reading=None,
    ):
        self.hyperplanes_read = hyperplanes
        self.reading = reading
        self.classes = classes
        self._labels = Labels(classes)
        self.n_features_in = hyperplanes.d if reading is None else reading.n_features
        self.n_points = int(n_points)
        self.n_told_apart = int(n_told_apart)
        self.construction = construction
        self.separate = separate
        self.smallest_distance = float(smallest_distance)
        self.largest_norm = float(largest_norm)
        self.fits_float32 = bool(fits_float32)
        self.drawn = dict(drawn or {})
        self.construction_options = dict(construction_options or {})
        self.feature_names = None if feature_names is None else tuple(feature_names)

    @cached_property
    def hyperplanes(self) -> Hyperplanes:
        """Those that labels are read from: weights (m, d), 0 for columns that are not read, and thresholds (m,)."""
        read = self.hyperplanes_read
        return read if self.reading is None else read.on_all(self.reading, _UNREAD)

    @property
    def columns(self) -> NDArray[np.int64]:
        """The columns of X that are read, ascending: int64 ndarray of shape (r,)."""
        return self._columns_of(self.reading)

    def on_columns(self) -> Self:
        """The same network for points that hold the columns read alone: it takes ``X[:, net.columns]``.

        Returns
        -------
        Network
            Itself, if all columns are read.

        Examples
        --------
        >>> import numpy as np, fastmem
        >>> X, y = np.random.default_rng(0).normal(size=(100, 50)), np.arange(100) % 2
        >>> net = fastmem.memorize(X, y, columns=[3, 17, 40], random_state=0)
        >>> bool(np.all(net.on_columns().predict(X[:, [3, 17, 40]]) == y))
        True
        """
        reading = self.reading
        if reading is None:
            return self
        if self._reading_of_known != reading:
            raise InvalidInput(
                "the fingerprints of this network read all columns, whatever labels are read from: take "
                "net.without_fingerprints().on_columns(), or build it with memorize(..., columns=net.columns)"
            )
        names = self.feature_names
        narrow = object.__new__(type(self))  # a copy would derive anew what both share
        narrow.__dict__.update(self.__dict__)
        for derived in ("hyperplanes", "layers", "units_read", "_forward_width"):
            narrow.__dict__.pop(derived, None)
        places = np.searchsorted(reading.ascending, reading.columns)
        narrow.n_features_in = len(places)
        narrow.reading = None if reading.is_ascending else Reading(places, len(places))
        narrow.feature_names = None if names is None else tuple(names[column] for column in reading.ascending)
        return narrow

    def _applied(self, method, X, options):
        """A method for a collection of Dask, whose tasks are many already: on one thread each."""
        options = {name: value for name, value in options.items() if value is not NO_VALUE}
        return applied(self, method, X, options | {"n_threads": 1}, self.n_features_in)

    def __dask_tokenize__(self):
        """By what Dask knows the network again: the same for equal ones."""
        try:
            data = self.to_bytes()
        except InvalidInput:  # labels that no file holds
            data = pickle.dumps(self)
        import hashlib  # slow to import

        return type(self).__name__, hashlib.sha256(data).hexdigest()

    def points_of(
        self, X: ArrayLike, *, check_all: bool = False, recognising: bool = False, n_threads: int = 1
    ) -> Points:
        """The columns of X that are read, checked as `predict` checks them.

        With `check_all` the others are checked too; with `recognising` the columns are those by which rows are known.
        """
        reading = self._reading_of_known if recognising else self.reading
        if check_all and reading is not None:
            whole = as_points(X, self.n_features_in, empty=True, names=self.feature_names)
            whole.over_rows(lambda *_: None, n_threads, columns=np.empty(0, np.int64))
            return whole.on(reading)
        return as_points(X, self.n_features_in, empty=True, names=self.feature_names, reading=reading)

    @property
    def _reading_of_known(self):
        return self.reading

    @property
    def columns_to_know(self) -> NDArray[np.int64]:
        """The columns of X by which rows are known, ascending; `columns` but for a network that tells few apart."""
        return self._columns_of(self._reading_of_known)

    def _columns_of(self, reading):
        return np.arange(self.n_features_in) if reading is None else reading.ascending.copy()

    def without_fingerprints(self) -> Self:
        """The same network, which knows no inputs: it gives all of them labels, as `predict` without `unknown` does.

        Returns
        -------
        Network
            Itself, if it has no fingerprints.

        Examples
        --------
        >>> import numpy as np, fastmem
        >>> X, y = np.random.default_rng(0).normal(size=(100, 5)), np.arange(100) % 2
        >>> net = fastmem.memorize(X, y, fingerprint_bits=8, random_state=0)
        >>> net.without_fingerprints() == fastmem.memorize(X, y, random_state=0)
        True
        """
        return self

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """`feature_names` as scikit-learn has them: object ndarray of shape (d,); no such attribute without names."""
        if self.feature_names is None:
            raise AttributeError("the network was built of points whose columns have no names")
        return np.array(self.feature_names, object)

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
        """Number m of units of the first layer that labels are read from."""
        return self.hyperplanes_read.m

    @property
    def n_label_bits(self) -> int:
        """Number K of binary digits of a class index."""
        return self._labels.n_bits

    @default_environment()
    def _first_layer(self):
        csr_array = need("scipy.sparse", what="what is read from the layers of a network").csr_array
        read, reading = self.units_read[:2]
        weights = csr_array(read.weights)
        if reading is not None:
            places = reading.columns[weights.indices]
            weights = csr_array((weights.data, places, weights.indptr), (read.m, self.n_features_in))
            weights.sort_indices()
        return Layer(weights, read.thresholds)

    @property
    def units_read(self):
        """`FirstUnits` of `layers`, for exports."""
        return FirstUnits(
            self.hyperplanes_read, self.reading, self.smallest_distance, self.largest_norm, self.fits_float32
        )

    @property
    def first_layer_nbytes(self) -> int:
        """Bytes of the parameters of the hyperplanes, and of the numbers of the columns that they read."""
        return nbytes_of(self.hyperplanes_read, self.reading)

    has_numbers = False  # units carry bits

    fingerprints: Filter | None = None  # what is not stored by its code cannot be known

    @property
    def fingerprint_bits(self) -> int:
        """Number f of fingerprint bits, 0 if none: of codes that were not stored about 2^-f are taken for stored."""
        return self.fingerprints.n_filter_bits if self.fingerprints is not None else 0

    _lookup_width: int | None = None  # for blocks of `predict`, as `_forward_width` of `forward`

    @property
    def largest_integer_weight(self) -> int:
        """Largest absolute value of a weight beyond the first layer."""
        return max((int(abs(layer.weights).max()) for layer in self.layers[1:] if layer.n_weights), default=0)

    @property
    def longest_integer(self) -> int:
        """Bits of the longest integer parameter, weight or threshold, behind the first layer; without its sign."""
        parts = (part for layer in self.layers[1:] for part in (layer.weights.data, layer.thresholds))
        return max((max(int(part.max()), -int(part.min())).bit_length() for part in parts if len(part)), default=0)

    @property
    def relative_margin(self) -> float:
        """Smallest distance of a memorized point from a hyperplane, relative to the largest norm of a point."""
        return self.smallest_distance / self.largest_norm if self.largest_norm else math.inf

    def predict(
        self,
        X: ArrayLike,
        *,
        unknown: object = NO_VALUE,
        tolerance: float = 0.0,
        max_probes: int = MAX_PROBES,
        check_all: bool = False,
        n_threads: int | None = None,
        progress: Progress = False,
    ) -> NDArray[Any]:
        """Label of each row.

        A memorized row gets its own label. Any other row gets a label too, which means nothing unless the row
        lies within the `certified_radius` of a memorized point; or `unknown`, if the network has fingerprints and
        none matches. The answer depends on the numbers in the row alone: not on batch, threads, memory layout, dtype or
        machine.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Finite numbers that float64 holds exactly. Of an array or a data frame of Dask, here and for `contains`,
            `codes`, `certified_radius` and `forward`, the answer is one too, and lazy.
        unknown : scalar or k scalars, optional
            What unknown rows get, as `contains` says. The result has a dtype that
            holds it and all labels. Of labels of k values, one stands for k.
        tolerance : float
            A Euclidean distance in the units of X. For an unknown row, the codes behind sets of hyperplanes nearer than
            this are tried, those with the least sum of squared distances first, and the first that is known gives the
            label.
        max_probes : int
            How many codes are tried for a row at most. Each that is not stored is taken for a stored one with
            probability about ``2**-fingerprint_bits``.
        check_all : bool
            Look at the columns too that are not read, for NaN, infinities and numbers that float64 does not hold. It
            takes a pass over all of X, and changes no result.
        n_threads : int, optional
            All cores by default; 1 starts no thread.
        progress : bool or tqdm class

        Returns
        -------
        ndarray of shape (n,) or (n, k)
            Labels in the dtype of the memorized ones; k values in each row, if labels have as many.

        Raises
        ------
        InvalidInput
            X has not `n_features_in` columns, or no finite numbers in those that are read; or there are no fingerprints
            to know rows by, which only the construction "compact" takes.

        Examples
        --------
        >>> import fastmem
        >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"])
        >>> net.predict([[1, 0], [1, 1]])
        array(['odd', 'even'], dtype='<U4')
        """
        if type(X) is not np.ndarray and is_lazy(X):
            return self._applied(
                "predict",
                X,
                {"unknown": unknown, "tolerance": tolerance, "max_probes": max_probes, "check_all": check_all},
            )
        if tolerance != 0.0 or max_probes != MAX_PROBES:
            tolerance, max_probes = as_distance("tolerance", tolerance), as_count("max_probes", max_probes)
        if unknown is NO_VALUE:
            if tolerance:
                self._need_fingerprints("tolerance")
                raise InvalidInput("tolerance is for rows that are unknown: say with unknown=... which label they get")
            return self._labels_of(X, self.class_indices, n_threads, progress, self._lookup_width, check_all)
        self._need_fingerprints("unknown")
        if tolerance:
            self._need_cells()

        def class_indices(block):
            codes, known, _ = self.recognise(block, tolerance, max_probes)
            return self.store.lookup(codes), known

        return self._known_labels(X, class_indices, unknown, n_threads, progress, check_all=check_all)

    def contains(
        self, X: ArrayLike, *, check_all: bool = False, n_threads: int | None = None, progress: Progress = False
    ) -> NDArray[np.bool_]:
        """Whether each row is known.

        Always true for memorized rows and for all that lie with one of them on the same side of every hyperplane, also
        of those that no label is read from: how many of other rows do was measured (`report`). Of rows in other cells a
        share of about ``2**-fingerprint_bits`` is taken for known. With recognise="rows" only rows of the same numbers
        are known, and that share of all others.

        Parameters
        ----------
        X : array_like of shape (n, d)
        check_all : bool
            As for `predict`.
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
        if type(X) is not np.ndarray and is_lazy(X):
            return self._applied("contains", X, {"check_all": check_all})
        self._need_fingerprints("contains")

        def fill(block, known):
            known[:] = self.recognise(block)[1]

        return self._by_block(X, fill, bool, n_threads, progress, check_all=check_all, recognising=True)

    def codes(self, X: ArrayLike, *, check_all: bool = False, n_threads: int | None = None) -> NDArray[np.uint64]:
        """Code N(z) = sum_i 2^i z_i of each row: uint64 array of shape (n,).

        Parameters
        ----------
        X : array_like of shape (n, d)
        check_all : bool
            As for `predict`.
        n_threads : int, optional
            All cores by default.

        Raises
        ------
        InvalidInput
            As `predict`; or the network has no codes.
        """
        if type(X) is not np.ndarray and is_lazy(X):
            return self._applied("codes", X, {"check_all": check_all})
        self._need_codes("codes")
        n_threads = resolve_threads(n_threads)
        return self.encoder.codes(self.points_of(X, check_all=check_all, n_threads=n_threads), n_threads)

    def relabel(
        self,
        y: ArrayLike,
        X: ArrayLike | None = None,
        *,
        n_threads: int | None = None,
        progress: Progress = False,
    ) -> EncodedNetwork:
        """A network with other labels for the same points: any, of any number of classes.

        The hyperplanes stay, only the store is built again, and verified.

        Parameters
        ----------
        y : array_like of shape (n,) or (n, k)
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
            The network has no codes or was not built with ``separate="all"``; X is missing or is not what was
            memorized; or y cannot be used.
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
        self._need_codes("relabel", ', separate="all"')
        return self._relabelled(y, X, resolve_threads(n_threads), progress)

    def _need_codes(self, what, and_option=""):
        options = f'construction="compact"{and_option}'
        raise InvalidInput(
            f"{what} needs codes, which a network of construction={self.construction!r} has not: build one with "
            f"memorize(..., {options})"
        )

    _has_codes = False

    def _form(self, what, form):
        """The form of an export: the one asked for, if the network has it, or the default."""
        if form is None:
            return "lookup" if self._has_codes else "layers"
        if check_option("form", form, get_args(Form)) == "lookup":
            self._need_codes(f'{what}(form="lookup")')
        return form

    def _need_cells(self):
        """Raise `InvalidInput` where inputs are recognised by what no cell is near to."""

    def need_units(self, what):
        """Raise `InvalidInput` where inputs are recognised by what is no threshold unit."""

    def _need_fingerprints(self, what):
        if self.fingerprints is None:
            construction = "" if self.construction == "compact" else 'construction="compact", '
            options = f"{construction}fingerprint_bits=16"
            raise InvalidInput(f"{what} needs fingerprints: build the network with memorize(..., {options}), say")

    def rounding_reach(self, dtype: FloatDType, norm: ArrayLike | None = None) -> float | NDArray[np.float64]:
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
        units = self.units_read
        norm = units.largest_norm if norm is None else norm
        return rounding_reach(units.hyperplanes, as_float_dtype(dtype), np.asarray(norm, np.float64))

    def is_safe(self, dtype: FloatDType) -> bool:
        """Whether signs taken in a float dtype's arithmetic are sure to be those of every memorized point.

        True if there is none, as for the layers of `from_layers`: ask for the `unsafe_rows` of your points there.

        Parameters
        ----------
        dtype : dtype
            float32 or float64; see `rounding_reach`.
        """
        units = self.units_read
        return not units.hyperplanes.m or bool(units.smallest_distance > self.rounding_reach(dtype))

    @default_environment()
    def unsafe_rows(self, X: ArrayLike, dtype: FloatDType, *, n_threads: int | None = None) -> NDArray[np.int64]:
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
        reading = self.units_read.reading
        points = as_points(X, self.n_features_in, empty=True, names=self.feature_names, reading=reading)
        return self.unsafe_points(points, dtype, resolve_threads(n_threads))

    def unsafe_points(self, points, dtype, n_threads=1):
        """The same for points with the columns that `units_read` reads."""
        hyperplanes = self.units_read.hyperplanes
        radii, reach = hyperplanes.certified_radius(points, n_threads), np.zeros(points.n)

        def work(start, stop, block):
            reach[start:stop] = self.rounding_reach(dtype, norms_of(block))

        if hyperplanes.m:
            points.over_rows(work, n_threads)
        return np.flatnonzero(~(radii > reach))

    def certified_radius(
        self, X: ArrayLike, *, norm: Norm = "euclidean", check_all: bool = False, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Distance within which no input's label can differ from that of a row, rounded down.

        That is the label of `predict` without `unknown`: an input nearer than this may be unknown.

        ``r(x) = min_j |w_j.x - t_j| / ||w_j||``: every input at Euclidean distance below r(x) has the same signs,
        so the same label, and columns that are not read may hold anything. It falls short of that minimum by a share of
        2^-19 and by 5e-324 at most. Infinite if the network has no hyperplane. Of construction="boxes" it is how far a
        row may move in its box, or without entering one, which is farther.

        Parameters
        ----------
        X : array_like of shape (n, d)
        norm : {"euclidean", "maximum"}
            How distances are measured: with "maximum" by the largest difference of a coordinate. Every input within the
            cube of that radius around the row has the same label.
        check_all : bool
            As for `predict`.
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
        if type(X) is not np.ndarray and is_lazy(X):
            return self._applied("certified_radius", X, {"norm": norm, "check_all": check_all})
        check_option("norm", norm, get_args(Norm))
        n_threads = resolve_threads(n_threads)
        points = self.points_of(X, check_all=check_all, n_threads=n_threads)
        return self._certified_radius(points, n_threads, norm)

    def _certified_radius(self, points, n_threads, norm):
        return self.hyperplanes_read.certified_radius(points, n_threads, norm)

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
        from fastmem.network.report import Report

        return Report.of(self, delta, instance)

    def store_facts(self, *, units=True):
        """What `report` says of the store, by name; without units, nothing that takes the layers."""
        return {
            "store": None,
            "store_reason": "",
            "cells_per_bit": None,
            "integer_store_neurons": None,
            "fingerprint_bits": self.fingerprint_bits,
            "n_code_bits": None,
            "n_label_bits": self.n_label_bits,
        }

    def save(self, path: str | os.PathLike[str] | BinaryIO) -> None:
        """Write the network to a safetensors file, whole or not at all.

        A file that is written over keeps its permissions and its owner.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            A file that is open for writing gets the bytes of `to_bytes`, from where it stands.

        Raises
        ------
        InvalidInput
            The labels are Python objects that JSON does not hold exactly, or so many or so long that the file could not
            be read. The file is open for text.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.
        """
        from fastmem.network.format import save

        save(self, path)

    def to_bytes(self) -> bytes:
        """What `save` writes to a file, for a database, a message or another file.

        Returns
        -------
        bytes
            `fastmem.from_bytes` makes an equal network of them.

        Raises
        ------
        InvalidInput
            As in `save`.

        Examples
        --------
        >>> import fastmem
        >>> net = fastmem.memorize([[0.0], [1.0], [2.0]], ["a", "b", "a"], random_state=0)
        >>> fastmem.from_bytes(net.to_bytes()) == net
        True
        """
        from fastmem.network.format import to_bytes

        return to_bytes(self)

    def jit(self, *, output: Output = "label", unknown: object = NO_VALUE) -> Predictor:
        """Functions that do what `predict` does, to be called by code that numba compiles.

        They are written for this network: the sizes are constants, and only what it has is code. The first call
        compiles, for some seconds; how many does not depend on the number of points. Labels are those of `predict`,
        always: signs are exact here too.

        Parameters
        ----------
        output : {"label", "index"}
            "index": return positions in `classes`, of dtype intp, in place of labels. That is for labels that numba has
            no numbers for: text, objects and half precision.
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
            The network has no codes, the labels are of a dtype that numba has no numbers for, or there are no
            fingerprints to know rows by.
        ImportError
            There is no numba: ``pip install "fastmem-nn[jit]"``.

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
        if unknown is not NO_VALUE:
            self._need_fingerprints("unknown")
        self._need_codes("jit")
        from fastmem.export.jit.predictor import predictor

        return predictor(self, output=output, unknown=unknown)

    def to_onnx(
        self,
        path: str | os.PathLike[str],
        *,
        form: Form | None = None,
        dtype: FloatDType = "float64",
        batch: int | Literal["dynamic"] = "dynamic",
        output: Output = "label",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> None:
        """Write an ONNX model of standard operators.

        The graph's input "X" has shape (batch, d), its output "label" shape (batch,); with fingerprints the output
        "known" says whether the input is recognised. Node names begin with what the node is for.

        With form="lookup" (opset 18) the graph looks labels up by codes, as `predict` does, and the file is about as
        large as the network's own. With form="layers" (opset 17) it evaluates every threshold unit, and the file holds
        a dense matrix for most layers, of one byte a weight where weights are small.

        Any runtime that computes in `dtype`, in whatever order, returns every memorized label; that is checked before
        anything is written. Labels of points nearer to a hyperplane than `rounding_reach` may differ from `predict`,
        and NaN is not refused. A runtime that is allowed to shorten float32 factors (TF32) does not compute in float32.

        Parameters
        ----------
        path : str or os.PathLike
        form : {"lookup", "layers"}, optional
            What the model evaluates: the shortcut from codes to labels, or all units. "lookup" by default, or "layers"
            where the network has no codes.
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
            An option cannot be used as it is; the network has no codes to look labels up by; or it knows rows by a hash
            of their numbers (recognise="rows"), which ONNX does not compute.
        NetworkTooLarge
            The file would take more than 2 GiB, which ONNX does not hold.
        ImportError
            There is no onnx: ``pip install "fastmem-nn[onnx]"``.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.
        """
        from fastmem.export import onnx

        onnx.write(self, path, self._form("to_onnx", form), dtype, batch, output, X, unsafe)

    def to_torch(
        self,
        *,
        form: Form | None = None,
        dtype: FloatDType = "float64",
        output: Output = "label",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> torch.nn.Module:
        """The network as a PyTorch module, for CPU and CUDA, ``torch.jit.script``, ``.export`` and ``.compile``.

        ``module(X)`` takes a tensor of shape (n, d) and dtype `dtype` and returns the labels, a tensor of shape (n,);
        with fingerprints a second tensor says which are known. Tables and weights are buffers: ``module.to("cuda")``
        moves them, ``state_dict`` holds them, and there is nothing to train.

        In `dtype`, in any order of summation, every memorized point gets its label; that is checked first. Labels of
        points nearer to a hyperplane than `rounding_reach` may differ from `predict`, and NaN is not refused. A float32
        module refuses to run under autocast and where float32 products may be shortened
        (``torch.set_float32_matmul_precision``); a scripted, exported or compiled one does not know.

        Parameters
        ----------
        form : {"lookup", "layers"}, optional
            "lookup": signs, codes and tables, as `predict` takes them, with integers of 64 bits; many times faster.
            "layers": every unit of `layers`. By default "lookup" where the network has codes, else "layers".
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
            Memorized points are too near a hyperplane for `dtype`, or rows are known by numbers that it does not hold.
        InvalidInput
            An option cannot be used as it is; the network has no codes for form="lookup", or knows rows by what is no
            unit for form="layers".
        NetworkTooLarge
            The layers would take more than 8 GiB.
        ImportError
            There is no PyTorch: ``pip install "fastmem-nn[torch]"``.

        Examples
        --------
        >>> import numpy as np, fastmem
        >>> X = np.random.default_rng(0).normal(size=(1000, 16))
        >>> net = fastmem.memorize(X, np.arange(1000) % 7, random_state=0)
        >>> module = net.to_torch()  # doctest: +SKIP
        >>> module(torch.from_numpy(X))[:9].tolist()  # doctest: +SKIP
        [0, 1, 2, 3, 4, 5, 6, 0, 1]
        """
        if self._form("to_torch", form) == "lookup":
            from fastmem.export import torch_lookup

            return torch_lookup.module(self, dtype, output, X, unsafe)
        if self.has_numbers:
            from fastmem.export import torch_numbers

            return torch_numbers.module(self, dtype, output, X, unsafe)
        from fastmem.export import torch

        return torch.module(self, dtype, output, X, unsafe)

    def to_c(
        self,
        path: str | os.PathLike[str],
        *,
        form: Form | None = None,
        dtype: FloatDType = "float32",
        output: Output = "label",
        name: str = "fastmem",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> CSize:
        """Write the network as one C99 file: no allocation, no library, all tables read-only.

        It defines ``int fastmem_predict(const float *x)``, which returns the label of a point of d coordinates, and, of
        a network with fingerprints, ``int fastmem_contains(const float *x)``. Signs are exact: the answer is that of
        `predict` and `contains` for every input, memorized or not. For NaN and infinities they return ``INT_MIN``,
        defined as ``FASTMEM_INVALID``, and 0.

        Parameters
        ----------
        path : str or os.PathLike
        form : {"lookup", "layers"}, optional
            "lookup": take the shortcut that `predict` takes, in hundreds of nanoseconds a point; there is
            ``void fastmem_predict_many(const float *X, size_t n, int *labels)`` too, for n points one behind the other.
            "layers": evaluate every unit of `layers`. By default "lookup", but for networks that have no codes.
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
            The labels are no such integers, or an option or X cannot be used. With form="lookup": the network has no
            codes. With form="layers": it knows inputs by a hash of their numbers (recognise="rows").
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
        >>> size.table_bytes < 200
        True
        """
        if self.has_numbers:
            raise InvalidInput(
                "to_c writes threshold units, and the units of this network carry numbers: use to_onnx or to_torch, or "
                'build one with memorize(..., construction="compact")'
            )
        from fastmem.export.c.program import write

        return write(
            self, path, form=self._form("to_c", form), dtype=dtype, output=output, name=name, X=X, unsafe=unsafe
        )

    def to_js(
        self,
        path: str | os.PathLike[str],
        *,
        dtype: FloatDType = "float32",
        output: Output = "label",
        X: ArrayLike | None = None,
        unsafe: bool = False,
    ) -> None:
        """Write the network as one JavaScript module (ES2020) without dependencies, for browsers and Node.js.

        It exports ``predict(x)`` and ``predictMany(X)``, the labels of one point and of many, row by row in one array;
        of a network with fingerprints ``contains(x)`` and ``containsMany(X)``; ``classes`` and ``nFeatures``. They take
        the shortcut that `predict` takes, and signs are exact: the answers are those of `predict` and `contains` for
        every input, memorized or not. Where a number that is read is NaN or infinite, or an array has another length,
        they throw a RangeError; where it holds no numbers, a TypeError.

        Points are arrays of numbers, Float32Array, Float64Array or arrays of integers, which are taken as they are.
        ``predictMany`` returns an Int32Array, a Float64Array where labels are others than 32-bit integers, or an Array
        of text or booleans.

        Parameters
        ----------
        path : str or os.PathLike
            Ends with ".mjs" for Node.js, unless a package.json says that it is a module.
        dtype : {"float32", "float64"}
            In which the points that the module is given are kept. With "float32" they are rounded if they have more
            digits, so it is checked first that no memorized point loses its label by that. The module is the same.
        output : {"label", "index"}
            "index": return positions in `classes`, which is null where JavaScript has no such values. Labels themselves
            can be returned if they are integers within 2^53, floats, booleans or text.
        X : array_like of shape (n, d), optional
            The memorized points, each of which is then checked. Without it "float32" asks that they are float32
            numbers (`fits_float32`), or that the smallest distance of one from a hyperplane is larger than rounding
            can move it. "float64" needs no check.
        unsafe : bool
            Write the file unchecked.

        Raises
        ------
        MarginTooSmall
            Memorized points lose their labels, or might, when they are rounded to float32.
        InvalidInput
            JavaScript has no such labels, an option or X cannot be used, or the network has no codes.
        NetworkTooLarge
            The parameters take more than 256 MiB.
        OSError
            The file cannot be written; an older file at `path` is then left as it was.

        Examples
        --------
        >>> import pathlib, tempfile, fastmem
        >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], random_state=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "parity.mjs")
        ...     net.to_js(path)
        ...     "export function predictMany(X)" in path.read_text()
        True
        """
        self._need_codes("to_js")
        from fastmem.export.js.module import write

        write(self, path, dtype=dtype, output=output, X=X, unsafe=unsafe)

    def to_networkx(self, *, most_weights: int = 1_000_000) -> networkx.DiGraph[tuple[int, int]]:
        """Units and signed weights as a graph, for small networks.

        Nodes are pairs (layer, unit), layer 0 being the inputs, with attributes "layer", "unit", "stage" and, but for
        inputs, "threshold" and "activation". Edges carry a "weight"; a threshold unit is 1 if the weighted sum of its
        predecessors reaches its threshold. The labels are ``graph.graph["classes"]``; where units carry numbers,
        "exponent" and "output" say how to read the output, as `NumberNetwork` has them.

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
            There is no networkx: ``pip install "fastmem-nn[networkx]"``.
        """
        from fastmem.export.networkx import graph

        return graph(self, as_count("most_weights", most_weights, 0, 2**62))

    @overload
    @classmethod
    def from_layers(
        cls,
        layers: Iterable[_ThresholdUnits],
        classes: ArrayLike | None = None,
        *,
        output: Literal["bits"] | None = None,
    ) -> LayeredNetwork: ...
    @overload
    @classmethod
    def from_layers(
        cls,
        layers: Iterable[Layer | _ThresholdUnits | _Units],
        classes: ArrayLike | None = None,
        *,
        output: NumberOutput | None = None,
    ) -> LayeredNetwork | NumberNetwork: ...
    @classmethod
    def from_layers(
        cls,
        layers: Iterable[Layer | _ThresholdUnits | _Units],
        classes: ArrayLike | None = None,
        *,
        output: NumberOutput | None = None,
    ) -> LayeredNetwork | NumberNetwork:
        """A network from layers of your own, to be run, counted, saved, drawn and exported as any other.

        Unit j of a layer has the sum ``s = weights[j] @ inputs - thresholds[j]``. A threshold unit outputs 1 if s >= 0,
        else 0. The outputs of the last layer are the binary digits of a class index, lowest first.

        Units may carry numbers too: of activation "relu" one outputs max(s, 0), of "identity" s itself. There is one
        output then, which is near to a class index, or is the label.

        Parameters
        ----------
        layers : iterable of Layer, or of tuples (weights, thresholds) or (weights, thresholds, activation)
            From the inputs to the output: weights of shape (units, inputs), dense or scipy.sparse, thresholds of shape
            (units,), activation one word or 0, 1 or 2 for each unit. Of threshold units the first layer's weights must
            be numbers that float32 holds, and of later layers weights of a unit integers after scaling by a power of
            two: that is done for you, exactly, with its threshold. Where units carry numbers, or a tuple names an
            activation, all parameters may be integers of any size, floats, or fractions over a power of two.
        classes : array_like of shape (c,) or (c, k), optional
            Labels by class index. By default the index itself, for at most 16 threshold outputs.
        output : {"bits", "class", "value"}, optional
            What the last layer is: binary digits of a class index; a number that is rounded to the nearest class index,
            of two the lower one; or the label itself. By default "bits" for threshold units, and else "class", or
            "value" without classes.

        Returns
        -------
        LayeredNetwork or NumberNetwork
            With ``construction="given"``; it has memorized no points. The latter where units carry numbers.

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
        >>> distance = fastmem.Network.from_layers([([[1], [-1]], [0.5, -0.5], "relu"), ([[1, 1]], [0], "identity")])
        >>> distance.predict([[0.0], [2.0]])
        array([0.5, 1.5])
        """
        from fastmem.network.given import number_parts_of, parts_of

        kind, parts, facts = number_parts_of(layers, classes, output)
        if kind == "layered":
            return cls._kinds[kind](*parts_of(parts, classes), **GIVEN_FACTS)
        return cls._kinds[kind](*parts, **facts, **GIVEN_FACTS)

    def parameters(self):
        """All that defines the network but its labels: a dict of arrays and a dict of plain values."""
        tensors = tensors_of(self.hyperplanes_read, self.reading)
        settings = {name: getattr(self, name) for name in SETTINGS}
        if self.construction_options:
            settings["construction_options"] = dict(self.construction_options)
        if self.reading is not None:
            settings["n_features"] = self.n_features_in
        if self.feature_names is not None:
            settings["feature_names"] = list(self.feature_names)
        # As strings, which hold infinity too.
        return tensors, settings | {name: settings[name].hex() for name in _FLOATS}

    @classmethod
    def from_parameters(cls, tensors, settings, classes):
        """Rebuild a network from its `parameters` and classes."""
        kind = cls._kinds[settings.get("kind", "encoded" if "store" in settings else "layered")]
        hyperplanes, reading = hyperplanes_of(tensors, settings.get("n_features"))
        common = {name: settings[name] for name in SETTINGS}
        common |= {name: float.fromhex(settings[name]) for name in _FLOATS}
        common |= {"construction_options": settings.get("construction_options", {}), "reading": reading}
        common |= {"feature_names": settings.get("feature_names")}
        return kind._from_parts(hyperplanes, tensors, settings, classes, common)

    def forward(
        self,
        X: ArrayLike,
        *,
        unknown: object = NO_VALUE,
        check_all: bool = False,
        n_threads: int | None = None,
        progress: Progress = False,
    ) -> NDArray[Any]:
        """Labels computed through every unit of `layers`.

        Slow and plain: the definition that `predict` is a shortcut for. The result is the same for any input.

        Parameters
        ----------
        X : array_like of shape (n, d)
        unknown : scalar or k scalars, optional
            What rows get for which the unit that recognises inputs is 0.
        check_all : bool
            As for `predict`.
        n_threads : int, optional
            All cores by default.
        progress : bool or tqdm class

        Returns
        -------
        ndarray of shape (n,) or (n, k)
            Labels in the dtype of the memorized ones; k values in each row, if labels have as many.

        Raises
        ------
        InvalidInput
            As `predict`.
        """
        if type(X) is not np.ndarray and is_lazy(X):
            return self._applied("forward", X, {"unknown": unknown, "check_all": check_all})
        n_digits = self.n_label_bits
        digits = np.uint64((1 << n_digits) - 1)
        if unknown is NO_VALUE:

            def outputs_of(block):
                return self._forward_outputs(block) & digits

            return self._labels_of(X, outputs_of, n_threads, progress, self._forward_width, check_all)
        self._need_fingerprints("unknown")
        self.need_units("forward(unknown=...)")

        def class_indices(block):
            outputs = self._forward_outputs(block, recognising=True)
            return (outputs & digits).astype(np.int64), outputs >> np.uint64(n_digits) == 1

        return self._known_labels(X, class_indices, unknown, n_threads, progress, self._forward_width, check_all)

    @cached_property
    def _forward_width(self):
        """As many coordinates as take as long as all units: for blocks that Ctrl-C need not wait for."""
        return self.hyperplanes_read.d + sum(layer.n_entries for layer in self.layers[1:]) // _ENTRIES

    def _forward_outputs(self, block, recognising=False):
        """Outputs of the last layer for a block of rows, in the work of `Points.over_rows`, as bits of a word."""
        bits = self._signs_of_block(block, recognising)
        if not self.layers:
            return np.zeros(len(block), np.uint64)
        for layer in self.layers[1:]:
            bits = layer.forward(bits)
        return bits[:, 0]

    def _signs_of_block(self, block, recognising):
        """Outputs of the first layer; those that only recognition reads need not be right, unless it is asked for."""
        return self.hyperplanes_read.signs_of_block(block)

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class of the labels, or are not recognised: int64 array of rows."""
        wrong = np.zeros(points.n, bool)

        def work(start, stop, block):
            outputs = np.minimum(self._forward_outputs(block), np.uint64(len(self.classes) - 1))
            wrong[start:stop] = outputs != labels.indices[start:stop]

        points.on(self.reading).over_rows(work, n_threads, bar, width=self._forward_width)
        return np.flatnonzero(wrong)

    def _labels_of(self, X, class_indices, n_threads, progress, width=None, check_all=False):
        """Labels of X, given the function from a block of rows to class indices."""

        def fill(block, labels):
            self._labels.decode(class_indices(block), out=labels)

        return self._by_block(
            X, fill, self.classes.dtype, n_threads, progress, width, self.classes.shape[1:], check_all
        )

    def _known_labels(self, X, class_indices, unknown, n_threads, progress, width=None, check_all=False):
        """Labels of X, given the function to their class indices and to whether they are known."""
        labels = self._labels.with_unknown(unknown)

        def fill(block, decoded):
            indices, known = class_indices(block)
            labels.decode(np.where(known, indices, len(self.classes)), out=decoded)

        return self._by_block(
            X, fill, labels.classes.dtype, n_threads, progress, width, self.classes.shape[1:], check_all, True
        )

    def _by_block(
        self, X, fill, dtype, n_threads, progress, width=None, shape=(), check_all=False, recognising=False
    ):  # fmt: skip
        """An array with entries of a dtype and shape, filled for the rows of X by ``fill(block, result)``.

        Blocks are as long as for points of `width` coordinates, if that is given.
        """
        threads = 1 if n_threads == 1 or not check_all else resolve_threads(n_threads)
        points = self.points_of(X, check_all=check_all, recognising=recognising, n_threads=threads)
        result = np.empty((points.n, *shape), dtype)
        if points.n <= _FEW and progress is False:
            if n_threads is not None:
                resolve_threads(n_threads)  # refuses what is no number of threads
            points.at_once(fill, result)
            return result

        def work(start, stop, block):
            fill(block, result[start:stop])

        with progress_bar(progress, points.n, "predicting") as bar:
            points.over_rows(work, resolve_threads(n_threads), bar, width=width)
        return result

    def __reduce__(self):
        return _unpickle, (*self.parameters(), self.classes, self.classes.dtype)

    def __eq__(self, other: object) -> bool:
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

    def __repr__(self) -> str:
        parts = [
            (_count(self.n_points, "point") + " of " if self.n_points else "") + _count(self.n_features_in, "feature"),
            *self._sizes(),
            *([] if self.reading is None else [f"{_count(len(self.columns), 'column')} read"]),
            *self._parts(),
        ]
        return f"<fastmem network: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows. No layers are derived for it where they are large: `report` counts the units then."""
        from fastmem.network.report import Report

        return Report.of(self, units=self.nbytes <= _SOON_COUNTED).summary()

    def _sizes(self):
        """Of what there are how many, as `repr` names it."""
        return [_count(len(self.classes), "class", "classes"), _count(self.n_hyperplanes, "hyperplane")]

    def _parts(self):
        """What else `repr` names."""
        return [self.construction] if self.construction != "compact" else []


def _unpickle(tensors, settings, classes, dtype):
    if first_long_double(classes) is not None:
        raise FormatError(
            "labels are long doubles, which version 0.1 pickled and other processors write another way: memorize them "
            "as float64 or text; version 0.1 reads the pickle where it was written"
        )
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
        return all(type(v) is type(w) and v == w for v, w in zip(a.flat, b.flat, strict=True))
    return a.tobytes() == b.tobytes()
