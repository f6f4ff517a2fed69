"""Networks of an encoder from points to codes and a store from codes to labels: the compiled shortcut."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from fastmem.data.as_labels import NO_VALUE, as_labels, refuse_contradictions
from fastmem.data.as_points import as_memorized_points, as_points
from fastmem.data.options import as_count, as_distance
from fastmem.data.sorting import run_starts, sort_codes
from fastmem.errors import FormatError, InvalidInput, MemorizationError
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.layers.layer import Layer
from fastmem.layers.parity import parity_layers
from fastmem.layers.wiring import share_units, side_by_side
from fastmem.machine.once import cached_property
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_row_blocks, resolve_threads
from fastmem.network.base import SETTINGS, Network
from fastmem.network.format import is_text
from fastmem.network.near_codes import MAX_PROBES, find_near_codes
from fastmem.store import ALL_STORES, Filter, build_store
from fastmem.store.features import CodeFeatures
from fastmem.store.tensors import part_of, under

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from fastmem.export.jit.predictor import Predictor

__all__ = ["EncodedNetwork", "digest_of_codes"]


_FEATURES, _FINGERPRINTS = "fingerprint_features", "fingerprints"


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
            "cells_per_bit": self.store.cells_per_bit,
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
            return self._labels_of(X, self.class_indices, n_threads, progress)
        self._need_fingerprints("unknown")

        def class_indices(block):
            codes, known, _ = self.recognise(block, tolerance, max_probes)
            return self.store.lookup(codes), known

        return self._known_labels(X, class_indices, unknown, n_threads, progress)

    def _known_labels(self, X, class_indices, unknown, n_threads, progress, width=None):
        """Labels of X, given the function to their class indices and to whether they are known."""
        labels = self._labels.with_unknown(unknown)

        def fill(block, decoded):
            indices, known = class_indices(block)
            labels.decode(np.where(known, indices, len(self.classes)), out=decoded)

        return self._by_block(X, fill, labels.classes.dtype, n_threads, progress, width)

    def _need_fingerprints(self, what):
        if self.fingerprints is None:
            raise InvalidInput(
                f"{what} needs fingerprints: build the network with memorize(..., fingerprint_bits=16), say"
            )

    def recognise(self, block, tolerance=0.0, max_probes=MAX_PROBES):
        """Codes of the rows of a block, whether they are known, and how many others were tried.

        Where a code is unknown and one near by is known, that stands in its place.
        """
        codes = self.encoder.codes_of_block(block)
        known, tried = self.fingerprints.accepts(codes), np.zeros(len(codes), np.int64)
        rows = np.flatnonzero(~known) if tolerance else ()
        if len(rows):
            near = codes[rows]
            known[rows], tried[rows] = find_near_codes(
                self.encoder, self.fingerprints, block[rows], near, tolerance, max_probes
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

        def fill(block, known):
            known[:] = self.recognise(block)[1]

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

            def outputs_of(block):
                return self._forward_outputs(block) & digits

            return self._labels_of(X, outputs_of, n_threads, progress, self._forward_width)
        self._need_fingerprints("unknown")

        def class_indices(block):
            outputs = self._forward_outputs(block)
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

    def class_indices(self, block):
        """Positions in `classes` of the labels of a block of rows, in the work of `Points.over_rows`: integer array."""
        return self.store.lookup(self.encoder.codes_of_block(block))

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
        if X is not None and digest_of_codes(ascending) != self.codes_digest:
            raise InvalidInput("X is not the points that were memorized, in any order: its codes are others")
        # Rows with equal codes are equal; the sort is stable, so that the first of them comes first.
        starts = run_starts(ascending)
        refuse_contradictions(labels, order, np.repeat(order[starts], np.diff(starts, append=len(order))))
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
            **{name: getattr(self, name) for name in SETTINGS},
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
        from fastmem.export.jit.predictor import predictor

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
        tensors |= under("store", self.store.tensors())
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
        features = under(_FEATURES, self.fingerprints.ribbon.features.tensors())
        return features | under(_FINGERPRINTS, self.fingerprints.tensors())

    @classmethod
    def _from_parts(cls, hyperplanes, tensors, settings, classes, common):
        code = _linear_code(tensors.get("columns"), hyperplanes.m, settings["n_bits"])
        if not is_text(settings["store_reason"]) or not re.fullmatch("([0-9a-f]{64})?", settings["codes_digest"]):
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


def digest_of_codes(ascending):
    """SHA-256 of codes in ascending order."""
    import hashlib

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
