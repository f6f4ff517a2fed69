"""What was built, beside the theorem's sizes and the lower bounds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from fastmem.errors import InvalidInput
from fastmem.theory.bounds import hyperplanes_for_cells, rajput2021_sizes

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """Sizes of a network and what to read them against.

    Attributes
    ----------
    n_points, n_features, n_classes : int
        What was memorized.
    construction, separate, store : str
        How.
    store_reason : str
        Why the store is not the one asked for; "" if it is.
    cells_per_bit : float or None
        One-bit weights of the binary store for each bit it holds.
    integer_store_neurons : int or None
        About how many neurons there would be with the integer store instead of the binary one, if fewer.
    fingerprint_bits : int
        Unknown inputs are taken for known ones with probability about 2^-fingerprint_bits; 0 if never told apart.
    n_hyperplanes, n_hyperplanes_least : int
        Units of the first layer, and the fewest whose cells are as many as what must be told apart: the distinct
        points with separate="all", the classes with "labels".
    n_code_bits, n_label_bits : int
    widths : tuple of int
        Units of each layer.
    n_neurons, n_weights, depth : int
    largest_integer_weight : int
        Beyond the first layer.
    nbytes : int
        Bytes of all parameters.
    bits_per_label : float
        Bits of the store alone, for each point.
    smallest_distance : float
        Smallest Euclidean distance of a memorized point from a hyperplane, in the units of X, rounded down.
    relative_margin : float
        The same, relative to the largest norm of a memorized point.
    float32_safe, float64_safe : bool
        Whether an export that takes the signs in this precision, in any order of summation, is sure to return every
        memorized label.
    delta, theorem_neurons, theorem_weights : float or None
        Smallest distance of points scaled into the unit ball, 1/delta + sqrt n and d/delta + n.
    """

    n_points: int
    n_features: int
    n_classes: int
    construction: str
    separate: str
    store: str
    store_reason: str
    cells_per_bit: float | None
    integer_store_neurons: int | None
    fingerprint_bits: int
    n_hyperplanes: int
    n_hyperplanes_least: int
    n_code_bits: int
    n_label_bits: int
    widths: tuple[int, ...]
    n_neurons: int
    n_weights: int
    depth: int
    largest_integer_weight: int
    nbytes: int
    bits_per_label: float
    smallest_distance: float
    relative_margin: float
    float32_safe: bool
    float64_safe: bool
    delta: float | None = None
    theorem_neurons: float | None = None
    theorem_weights: float | None = None

    @classmethod
    def of(cls, network, delta=None):
        """Report on an `EncodedNetwork`; see `EncodedNetwork.report`."""
        if delta is not None and not 0 < delta <= 2:
            raise InvalidInput(f"delta is a distance of points in the unit ball, in (0, 2], not {delta!r}")
        n, d = network.n_points, network.n_features_in
        neurons, weights = rajput2021_sizes(n, d, delta) if delta else (None, None)
        return cls(
            n_points=n,
            n_features=d,
            n_classes=len(network.classes),
            construction=network.construction,
            separate=network.separate,
            store=network.store.name,
            store_reason=network.store_reason,
            cells_per_bit=getattr(network.store, "cells_per_bit", None),
            integer_store_neurons=_integer_store_neurons(network),
            fingerprint_bits=network.fingerprint_bits,
            n_hyperplanes=network.n_hyperplanes,
            n_hyperplanes_least=hyperplanes_for_cells(network.n_told_apart, d),
            n_code_bits=network.encoder.n_bits,
            n_label_bits=network.store.n_label_bits,
            widths=network.widths,
            n_neurons=network.n_neurons,
            n_weights=network.n_weights,
            depth=network.depth,
            largest_integer_weight=max(
                (int(abs(layer.weights).max()) for layer in network.layers[1:] if layer.n_weights), default=0
            ),
            nbytes=network.nbytes,
            bits_per_label=network.bits_per_label,
            smallest_distance=network.smallest_distance,
            relative_margin=network.relative_margin,
            float32_safe=network.is_safe(np.float32),
            float64_safe=network.is_safe(np.float64),
            delta=delta,
            theorem_neurons=neurons,
            theorem_weights=weights,
        )

    def to_dict(self) -> dict:
        """All attributes as a dict."""
        return asdict(self)

    def __str__(self):
        n = self.n_points
        must_differ = "distinct points" if self.separate == "all" else "points of different classes"
        rows = [
            ("memorized", f"{n:,} points of R^{self.n_features}, {self.n_classes:,} classes"),
            ("construction", f"{self.construction}, {self.store} store, {must_differ} told apart"),
            ("hyperplanes", f"{self.n_hyperplanes:,} (at least {self.n_hyperplanes_least:,})"),
            ("code", f"{self.n_code_bits} bits"),
            ("neurons", f"{self.n_neurons:,} in {self.depth} layers: {', '.join(f'{w:,}' for w in self.widths)}"),
            ("weights", f"{self.n_weights:,}, integers up to {self.largest_integer_weight:,} after layer 1"),
            ("size", f"{self.nbytes:,} bytes, {self.bits_per_label:.2f} bits a label in the store"),
            ("store", self._store_text()),
        ]
        if self.fingerprint_bits:
            rate = f"unknown inputs pass with probability about 2^-{self.fingerprint_bits}"
            rows.append(("fingerprints", f"{self.fingerprint_bits} bits: {rate}"))
        if self.n_hyperplanes:
            safe = "float32" if self.float32_safe else "float64, not float32" if self.float64_safe else "neither float"
            margin = f"{self.smallest_distance:.3g}, {self.relative_margin:.2g} of the largest norm"
            rows.append(("margin", f"{margin}; {safe} exports are safe"))
        if self.delta:
            rows += [
                ("delta", f"{self.delta:.4g} in the unit ball"),
                ("theorem", f"1/delta + sqrt n = {self.theorem_neurons:,.0f} neurons, times logarithms"),
                ("", f"d/delta + n = {self.theorem_weights:,.0f} weights, times logarithms"),
            ]
        return "\n".join(f"{name:<13} {value}" for name, value in rows)

    def _store_text(self):
        if self.store == "integer":
            scale = 2 * math.sqrt(self.n_label_bits * self.n_points / 2)
            units = f"2 sqrt(K n / 2) = {scale:,.0f} units for random labels of K = {self.n_label_bits} bits"
            return f"integer, since {self.store_reason}" if self.store_reason else f"integer, {units}"
        text = f"binary, {self.cells_per_bit:.3f} one-bit weights for each bit of the labels' codewords"
        if self.integer_store_neurons:
            text += f'; store="integer" would take about {self.integer_store_neurons:,} neurons'
        return text


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
