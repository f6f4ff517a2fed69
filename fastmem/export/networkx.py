"""networkx: the units of a small network and their signed weights as a directed graph."""

from fastmem.errors import NetworkTooLarge
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
    units = networkx.DiGraph(name=repr(network), classes=network.classes.tolist())
    units.add_nodes_from(((0, i), {"layer": 0, "unit": i, "stage": "inputs"}) for i in range(network.n_features_in))
    for number, (layer, stage) in enumerate(zip(network.layers, network.stages, strict=True), start=1):
        units.add_nodes_from(
            ((number, j), {"layer": number, "unit": j, "stage": stage, "threshold": threshold})
            for j, threshold in enumerate(layer.thresholds.tolist())
        )
        weights = layer.weights.tocoo()
        units.add_weighted_edges_from(
            ((number - 1, i), (number, j), weight)
            for j, i, weight in zip(weights.row.tolist(), weights.col.tolist(), weights.data.tolist(), strict=True)
            if weight
        )
    return units
