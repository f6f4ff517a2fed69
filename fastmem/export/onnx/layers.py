"""The layers of a network as nodes.

Each layer is a MatMul (or a Gather and a sum, where units have few inputs), a GreaterOrEqual and a Cast, in nodes named
by what the layer does. Behind the first layer every sum is exact (`fastmem.export.exact_sums`); in the first one signs
are right for all points that clear the rounding errors (`fastmem.export.guard`).
"""

import numpy as np

from fastmem.export.exact_sums import SHIFT, exact_layer, first_layer
from fastmem.layers.integers import narrowed

__all__ = ["OPSET", "add_layers"]

OPSET = 17


def add_layers(graph, network, dtype):
    """All nodes from the input "X" to the output "known", if there is one, and to the class index: name of that."""
    bits = None
    for number, (layer, stage) in enumerate(zip(network.layers, network.stages, strict=True), start=1):
        graph.stage = f"layer_{number:02}_{stage.replace(' ', '_')}"
        if number == 1:
            hyperplanes, reading = network.units_read[:2]
            weights, thresholds = first_layer(hyperplanes, dtype)
            read = "X"
            if reading is not None:
                read = graph.node("Gather", "X", graph.constant("columns", reading.columns), axis=1)
            sums = graph.node("MatMul", read, graph.constant("weights", weights))
        else:
            sums, thresholds = _sums(graph, exact_layer(layer, "float32"), bits)
        bits = graph.node("GreaterOrEqual", sums, graph.constant("thresholds", thresholds))
    graph.stage = "class_index"
    index = _class_index(graph, bits, network)
    if network.fingerprint_bits:
        graph.stage = "known"  # the output behind the digits
        graph.node("Gather", bits, graph.constant("place", np.int64(network.n_label_bits)), output="known", axis=1)
    return index


def _sums(graph, layer, bits):
    """Name of a layer's weighted sums, and its thresholds in their dtype."""
    names = []
    for part, weighted in zip(("", "_low"), layer.sums, strict=False):
        inputs = graph.node("Cast", bits, to=graph.type_of(weighted.dtype), suffix=part)
        weights = graph.constant(f"weights{part}", narrowed(weighted.weights))
        weights = graph.node("Cast", weights, to=graph.type_of(weighted.dtype), suffix=f"_weights{part}")
        if weighted.places is None:
            names.append(graph.node("MatMul", inputs, weights, suffix=part))
            continue
        gathered = graph.node("Gather", inputs, graph.constant(f"inputs{part}", weighted.places), axis=1, suffix=part)
        terms = graph.node("Mul", gathered, weights, suffix=part)
        axes = graph.constant(f"axes{part}", np.array([2]))
        names.append(graph.node("ReduceSum", terms, axes, keepdims=0, suffix=part))
    if len(names) == 1:
        return names[0], layer.thresholds
    high, low = (graph.node("Cast", name, to=graph.type_of("int64"), suffix=f"_{i}") for i, name in enumerate(names))
    high = graph.node("Mul", high, graph.constant("shift", np.int64(1 << SHIFT)), suffix="_join")
    return graph.node("Add", high, low), layer.thresholds


def _class_index(graph, bits, network):
    """Name of the class index: the number that the label bits form, at most the last class."""
    n_digits, n_classes = network.n_label_bits, len(network.classes)
    if not n_digits:  # one class, whatever the point
        return graph.of_each_row(np.int64(0))
    powers = np.zeros(network.widths[-1])  # 0 for the unit that recognises inputs
    powers[:n_digits] = 2.0 ** np.arange(n_digits)
    digits = graph.node("Cast", bits, to=graph.type_of(powers.dtype))
    index = graph.node("MatMul", digits, graph.constant("powers", powers))
    index = graph.node("Cast", index, to=graph.type_of(np.int64), suffix="_index")
    if n_classes == 1 << n_digits:
        return index
    return graph.node("Min", index, graph.constant("last", np.int64(n_classes - 1)))
