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
from fastmem.hyperplanes.recognition import Cells
from fastmem.layers.layer import Layer
from fastmem.layers.parity import parity_layers
from fastmem.layers.rows import relays
from fastmem.layers.wiring import after_form, share_units, side_by_side
from fastmem.machine.once import cached_property
from fastmem.machine.progress import progress_bar
from fastmem.machine.threads import over_row_blocks
from fastmem.network.base import SETTINGS, FirstUnits, Network
from fastmem.network.format import is_text
from fastmem.network.known import FURTHER_FRAME, facts_of_file, facts_to_file, recognition_of, recognition_tensors
from fastmem.network.near_codes import MAX_PROBES, find_near_codes
from fastmem.store import ALL_STORES, Filter, build_store
from fastmem.store.features import CodeFeatures
from fastmem.store.tensors import part_of, under

if TYPE_CHECKING:
    from typing import Any, Self

    from fastmem.hyperplanes.recognition import Rows
    from fastmem.store.base import Store

__all__ = ["EncodedNetwork", "digest_of_codes"]


_WORD = 64
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
        What recognises the codes of memorized points, if the network was built with fingerprint bits.
    recognition : Cells or Rows, or None
        What these codes are.
    measured : dict or None
        What share of other inputs has such a code, as ``report().recognition`` says it; None for networks of format 1.
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
    recognition: Cells | Rows | None
    measured: dict[str, Any] | None

    def __init__(
        self, encoder, store, classes, *, store_reason="", codes_digest="", fingerprints=None, recognition=None,
        measured=None, of_units=None, memorized_codes=None, **settings,
    ):  # fmt: skip
        super().__init__(encoder.hyperplanes, classes, **settings)
        self.encoder = encoder
        self.store = store
        self.store_reason = store_reason
        self.codes_digest = codes_digest
        self.fingerprints = fingerprints
        self.recognition = recognition
        if fingerprints is not None and recognition is None:
            self.recognition = Cells.of_labels_alone(encoder, self.reading)
        self.measured = measured
        self._of_units = of_units  # distances and norms with what recognition reads
        # Of the rows memorized, for `relabel`; not saved.
        self._memorized_codes = memorized_codes

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every unit, relays included, layer by layer from the inputs to the output: tuple of `Layer`.

        First the hyperplanes; then, unless their signs are the code, the parities of the linear code; then the store.
        With fingerprints there are further hyperplanes behind those that labels are read from, and the last output,
        after the digits of the class index, says whether the input is known. A hash of rows is no threshold unit: with
        recognise="rows" the layers give labels alone.
        """
        branches = [self.store.layers()] if len(self.classes) > 1 else []
        if self._has_cells:
            branches.append(self.fingerprints.accepting_layers())
        if not branches:
            return ()
        codes = [self._codes_of_layers[0], self._codes_of_layers[-1]][-len(branches) :]
        branches = [self._behind_code(code, branch) for code, branch in zip(codes, branches, strict=True)]
        behind = branches[0] if len(branches) == 1 else share_units(side_by_side(branches))
        return (self._first_layer(), *self._parities, *behind)

    @property
    def _has_cells(self):
        return self.fingerprints is not None and self.recognition.by == "cells"

    @cached_property
    def _codes_of_layers(self):
        """The linear codes that the layers compute, each once."""
        codes = [self.encoder.code] if len(self.classes) > 1 else []
        if self._has_cells and (not codes or self.recognition.e):
            codes.append(self.recognition.code)
        return codes

    def _behind_code(self, code, layers):
        """Layers that read the bits of one of the linear codes, among those of all, or among all signs."""
        bits = [other.n_bits for other in self._codes_of_layers]
        if not self._parities:
            first, total = 0, max(bits)
        else:
            first, total = (0 if code is self._codes_of_layers[0] else bits[0]), sum(bits)
        return layers if total == code.n_bits else after_form(layers, relays(total, range(first, first + code.n_bits)))

    @cached_property
    def _parities(self):
        """Layers of the linear codes, side by side: of each its bits, or all signs where these are the code."""
        if all(code.is_identity for code in self._codes_of_layers):
            return ()
        n = len(self._codes_of_layers[-1].columns)
        return side_by_side([_code_layers(code, n) for code in self._codes_of_layers])

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
        tensors = self._fingerprint_tensors() | self._recognition_tensors()
        fingerprints = sum(tensor.nbytes for name, tensor in tensors.items() if name not in FURTHER_FRAME)
        return self.first_layer_nbytes + columns + self.store.nbytes + fingerprints

    @property
    def bits_per_label(self) -> float:
        """Bits the store takes for each memorized point; hyperplanes are not counted."""
        return 8 * self.store.nbytes / self.n_points

    def store_facts(self, *, units=True):
        """What `report` says of the store, by name; without units, nothing that takes the layers."""
        return super().store_facts(units=units) | {
            "store": self.store.name,
            "store_reason": self.store_reason,
            "cells_per_bit": self.store.cells_per_bit,
            "integer_store_neurons": _integer_store_neurons(self) if units else None,
            "n_code_bits": self.encoder.n_bits,
            "n_label_bits": self.store.n_label_bits,
            "recognise": self.recognise_by,
            "n_recognition_hyperplanes": self.n_recognition_hyperplanes,
            "recognition": self.measured,
        }

    _has_codes = True

    def _need_codes(self, what, and_option=""):
        """Nothing to refuse: it has them."""

    @cached_property
    def units_read(self):
        """`FirstUnits` of the layers."""
        if not (self._has_cells and (self.recognition.e or self.recognition.places is not None)):
            return super().units_read
        return FirstUnits(self.recognition.hyperplanes, self.recognition.reading, **self._of_units)

    @property
    def _reading_of_known(self):
        return self.reading if self.recognition is None else self.recognition.reading

    def _signs_of_block(self, block, recognising):
        m = self.units_read.hyperplanes.m
        if recognising and m > self.n_hyperplanes:
            return self.units_read.hyperplanes.signs_of_block(block)
        signs = super()._signs_of_block(block, recognising)
        return np.pad(signs, ((0, 0), (0, -(-m // _WORD) - signs.shape[1])))

    def without_fingerprints(self) -> Self:
        if self.fingerprints is None:
            return self
        labels = object.__new__(type(self))
        labels.__dict__.update(self.__dict__, fingerprints=None, recognition=None, measured=None, _of_units=None)
        for derived in ("layers", "units_read", "_codes_of_layers", "_parities", "_forward_width"):
            labels.__dict__.pop(derived, None)
        return labels

    without_fingerprints.__doc__ = Network.without_fingerprints.__doc__

    def on_columns(self) -> Self:
        narrow = super().on_columns()
        if narrow is not self and self.recognition is not None:
            narrow.recognition = self.recognition.with_reading(narrow.reading)
        return narrow

    on_columns.__doc__ = Network.on_columns.__doc__

    def _need_cells(self):
        if self.recognition.by == "rows":
            raise InvalidInput(
                "tolerance is for cells, and this network knows rows by a hash of their numbers: build one with "
                'memorize(..., recognise="cells")'
            )

    def need_units(self, what):
        if self.fingerprints is not None and self.recognition.by == "rows":
            raise InvalidInput(
                f"{what} evaluates threshold units, and this network knows rows by a hash of their numbers, which is "
                'none: build one with memorize(..., recognise="cells"), or take net.without_fingerprints(); C, '
                'JavaScript and PyTorch have it with form="lookup"'
            )

    @property
    def recognise_by(self) -> str | None:
        """By what inputs are known: "cells" or "rows"; None without fingerprints."""
        return None if self.recognition is None else self.recognition.by

    @property
    def known_fits_float32(self):
        """Whether float32 holds the numbers by which memorized points are known."""
        return bool(self._of_units["fits_float32"] if self._of_units else self.fits_float32)

    @property
    def n_recognition_hyperplanes(self) -> int:
        """Number e of hyperplanes that tell known inputs from others, and that no label is read from."""
        return 0 if self.recognition is None else self.recognition.e

    def recognise(self, block, tolerance=0.0, max_probes=MAX_PROBES):
        """Codes of the rows of a block, whether they are known, and how many others were tried.

        Where a code is unknown and one near by is known, that stands in its place.
        """
        codes, of_cells = self.recognition.codes_of_block(block)
        known, tried = self.fingerprints.accepts(of_cells), np.zeros(len(codes), np.int64)
        rows = np.flatnonzero(~known) if tolerance else ()
        if len(rows):
            near = codes[rows]
            known[rows], tried[rows] = find_near_codes(
                self.recognition, self.fingerprints, block[rows], near, of_cells[rows], tolerance, max_probes
            )
            codes[rows] = near
        return codes, known, tried

    def wrong_rows(self, points, labels, n_threads, bar=None):
        """Validated points that do not get the class of the labels, or are not recognised: int64 array of rows."""
        wrong = np.zeros(points.n, bool)

        def work(start, stop):
            wrong[start:stop] = self.store.lookup(codes[start:stop]) != labels.indices[start:stop]
            if self.fingerprints is not None:
                wrong[start:stop] |= ~self.fingerprints.accepts(of_cells[start:stop])

        # All codes first: reading X evicts the store's tables from the cache.
        if self.fingerprints is None:
            codes = self.encoder.codes(points.on(self.reading), n_threads, bar)
        else:
            codes, of_cells = self.recognition.codes_of(points.on(self.recognition.reading), n_threads, bar)
        over_row_blocks(work, points.n, 1, n_threads)
        return np.flatnonzero(wrong)

    def known_rows(self, points, n_threads=1):
        """Which of some points, with the columns by which rows are known, are taken for known: int64 array of rows."""
        return self.recognition.known_rows(points, self.fingerprints, n_threads)

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
            recognition=self.recognition,
            measured=self.measured,
            of_units=self._of_units,
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
        settings |= {
            "store": self.store.name,
            "store_reason": self.store_reason,
            "codes_digest": self.codes_digest,
            "fingerprint_bits": self.fingerprint_bits,
            "n_bits": self.encoder.n_bits,
        }
        if self.measured is not None:
            settings |= {"recognise": self.recognition.by, "recognition": self.measured}
            settings["recognition_units"] = facts_to_file(self._of_units)
            if self.recognition.by == "cells":
                settings |= {"n_recognition": self.recognition.e, "n_recognition_bits": self.recognition.n_bits}
            if self.recognition.places is not None:
                settings["recognition_reads"] = "all"
        return tensors | self._fingerprint_tensors() | self._recognition_tensors(), settings

    def _recognition_tensors(self):
        return {} if self.measured is None else recognition_tensors(self.recognition)

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
        encoder, measured = Encoder(hyperplanes, code), settings.get("recognition")
        recognition = None if measured is None else recognition_of(encoder, tensors, settings, common["reading"])
        n_bits = code.n_bits if recognition is None else recognition.n_bits
        return cls(
            encoder,
            store,
            classes,
            fingerprints=_fingerprints(tensors, n_bits, settings["fingerprint_bits"]),
            recognition=recognition,
            measured=measured,
            of_units=None if measured is None else facts_of_file(settings["recognition_units"]),
            store_reason=settings["store_reason"],
            codes_digest=settings["codes_digest"],
            **common,
        )

    def _parts(self):
        fingerprints = []
        if self.fingerprints is not None:
            of = " of rows" if self.recognition.by == "rows" else ""
            fingerprints = [f"{self.fingerprint_bits}-bit fingerprints{of}"]
            if self.recognition.e:
                fingerprints.insert(0, f"{self.recognition.e} for recognition")
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


def _code_layers(code, n):
    """Layers from n signs to the bits of a linear code of the first of them, or of all."""
    if code.is_identity:
        return (Layer(relays(n, range(code.n_bits)), np.ones(code.n_bits, np.int64)),)
    return parity_layers(np.append(code.columns, np.zeros(n - len(code.columns), np.uint64)), code.n_bits)


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
