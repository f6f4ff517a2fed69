"""networkx: the units of a small network and their signed weights as a directed graph."""

import numpy as np

from fastmem.errors import NetworkTooLarge
from fastmem.layers.layer import ACTIVATIONS
from fastmem.machine.partners import need

__all__ = ["graph"]


def graph(network, most_weights):
    """The graph that `Network.to_networkx` returns."""
    networkx = need("networkx", what="to_networkx", extra="networkx")
    if max(network.n_weights, network.n_features_in) > most_weights:
        raise NetworkTooLarge(
            f"the network has {network.n_weights:,} weights, and a graph takes some 500 bytes for each: "
            f"to have more than {most_weights:,}, give most_weights={network.n_weights}",
            network.n_neurons,
            network.n_weights,
        )
    output = {"exponent": network.exponent, "output": network.output} if network.has_numbers else {}
    units = networkx.DiGraph(name=repr(network), classes=network.classes.tolist(), **output)
    units.add_nodes_from(((0, i), {"layer": 0, "unit": i, "stage": "inputs"}) for i in range(network.n_features_in))
    for number, (layer, stage) in enumerate(zip(network.layers, network.stages, strict=True), start=1):
        facts = {"layer": number, "stage": stage}
        kinds = zip(layer.thresholds.tolist(), layer.activations.tolist(), strict=True)
        units.add_nodes_from(
            ((number, j), facts | {"unit": j, "threshold": threshold, "activation": ACTIVATIONS[kind]})
            for j, (threshold, kind) in enumerate(kinds)
        )
        weights = layer.weights
        rows = np.repeat(np.arange(layer.n_units), np.diff(weights.indptr))
        units.add_weighted_edges_from(
            ((number - 1, i), (number, j), weight)
            for j, i, weight in zip(rows.tolist(), weights.indices.tolist(), weights.data.tolist(), strict=True)
            if weight
        )
    return units
