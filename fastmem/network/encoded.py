"""Networks of an encoder from points to codes and a store from codes to labels: the compiled shortcut."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from fastmem.data.as_labels import as_labels, label_array, refuse_contradictions
from fastmem.data.as_points import as_memorized_points, as_points
from fastmem.data.sorting import run_starts, sort_codes
from fastmem.errors import FormatError, InvalidInput, MemorizationError
from fastmem.hyperplanes.code import MAX_BITS, LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.layers.layer import Layer
from fastmem.layers.parity import parity_layers
from fastmem.layers.wiring import share_units, side_by_side
from fastmem.machine.once import cached_property
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_row_blocks
from fastmem.network.base import SETTINGS, Network
from fastmem.network.format import is_text
from fastmem.network.near_codes import MAX_PROBES, find_near_codes
from fastmem.store import ALL_STORES, Filter, build_store
from fastmem.store.features import CodeFeatures
from fastmem.store.tensors import part_of, under

if TYPE_CHECKING:
    from fastmem.store.base import Store

__all__ = ["EncodedNetwork", "digest_of_codes"]


_FEATURES, _FINGERPRINTS = "fingerprint_features", "fingerprints"


class EncodedNetwork(Network, kind="encoded"):
    """A memorizing network of two parts: an encoder from points to codes and a store from codes to labels.

    `memorize` and `load` make them. The parameters are those of `encoder` and `store`; `layers` is derived from
    them on demand.

    Attributes
    ----------
    encoder : Encoder
        The hyperplanes, in the space of the columns read, and the linear code behind them.
    store : BinaryStore, IntegerStore or BlockStore
    fingerprints : Filter or None
        What recognises stored codes, if the network was built with fingerprint bits.
    store_reason : str
        Why the store is not the one asked for; "" if it is.
    codes_digest : str
        SHA-256 of the memorized points' codes in ascending order, by which `relabel` knows these points again; "" with
        separate="labels".
    """

    encoder: Encoder
    store: Store
    store_reason: str
    codes_digest: str

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
        """Bytes of the parameters: hyperplanes, the code's columns unless it is the identity, store, and fingerprints.

        Not in it are the distinct labels (``report().label_nbytes``), nor the frame that speeds signs up.
        """
        code = self.encoder.code
        columns = 0 if code.is_identity else code.columns.nbytes
        fingerprints = sum(tensor.nbytes for tensor in self._fingerprint_tensors().values())
        return self.first_layer_nbytes + columns + self.store.nbytes + fingerprints

    @property
    def bits_per_label(self) -> float:
        """Bits the store takes for each memorized point; hyperplanes are not counted."""
        return 8 * self.store.nbytes / self.n_points

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

    def _need_codes(self, what, and_option=""):
        """Nothing to refuse: it has them."""

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

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class of the labels, or are not recognised: int64 array of rows."""
        wrong = np.zeros(points.n, bool)

        def work(start, stop):
            wrong[start:stop] = self.store.lookup(codes[start:stop]) != labels.indices[start:stop]
            if self.fingerprints is not None:
                wrong[start:stop] |= ~self.fingerprints.accepts(codes[start:stop])

        # All codes first: reading X evicts the store's tables from the cache.
        codes = self.encoder.codes(points.on(self.reading), n_threads, bar)
        over_row_blocks(work, points.n, 1, n_threads)
        return np.flatnonzero(wrong)

    def class_indices(self, block):
        """Positions in `classes` of the labels of a block of rows, in the work of `Points.over_rows`: integer array."""
        return self.store.lookup(self.encoder.codes_of_block(block))

    def _relabelled(self, y, X, n_threads, progress):
        if self.separate != "all":
            raise InvalidInput(
                "points of one class may share codes in this network, which takes no other labels then: build one with "
                'memorize(..., separate="all")'
            )
        self._check_lengths(y, X)
        labels = as_labels(y, self.n_points)
        codes = self._codes_of_memorized(X, n_threads, progress)
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
            feature_names=self.feature_names,
            reading=self.reading,
            **{name: getattr(self, name) for name in SETTINGS},
        )

    def _check_lengths(self, y, X):
        n = self.n_points
        shape, n_rows = label_array(y).shape, n if X is None else as_points(X, empty=True).n
        if shape and (shape[0], n_rows) != (n, n):
            rows = "" if X is None else f" and X has {n_rows} rows"
            raise InvalidInput(
                f"y has {shape[0]} labels{rows}, but the network memorized {n} points: each of them needs one label"
            )

    def _codes_of_memorized(self, X, n_threads, progress):
        if X is None:
            if self._memorized_codes is None:
                raise InvalidInput(
                    "the codes of the points are not saved with a network: give the points too", "relabel(y, X)"
                )
            return self._memorized_codes
        points = as_memorized_points(X, self.n_points, self.n_features_in, self.feature_names, self.reading)
        with progress_bar(progress, points.n, "encoding") as bar:
            return self.encoder.codes(points, n_threads, bar)

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
