"""Layers of units that carry numbers as nodes: a MatMul, a Sub and an activation each, in float64."""

import numpy as np

from fastmem.export.numbers import float_layers

__all__ = ["add_layers"]

_THRESHOLD, _RELU = 0, 1


def add_layers(graph, network, dtype):
    """All nodes from the input "X" to the class index, or to the real output: name of that."""
    if not network.layers:
        return graph.of_each_row(np.int64(0))
    layers, factor = float_layers(network)
    values = "X"
    if network.reading is not None:  # weights of other columns are 0, and 0 times infinity is no number
        graph.stage = "columns"
        values = graph.node("Gather", "X", graph.constant("columns", network.columns), axis=1)
    for number, (layer, stage) in enumerate(zip(layers, network.stages, strict=True), start=1):
        graph.stage = f"layer_{number:02}_{stage.replace(' ', '_')}"
        weights = layer.weights if number > 1 else layer.weights[network.columns]
        sums = graph.node("MatMul", values, graph.constant("weights", weights))
        sums = graph.node("Sub", sums, graph.constant("thresholds", layer.thresholds))
        values = _activated(graph, sums, layer.activations)
    graph.stage = "class_index"
    if network.output == "bits":
        powers = graph.constant("powers", 2.0 ** np.arange(network.n_label_bits))
        index = graph.node("Cast", graph.node("MatMul", values, powers), to=graph.type_of(np.int64), suffix="_index")
        return graph.node("Min", index, graph.constant("last", np.int64(len(network.classes) - 1)))
    only = graph.node("Squeeze", values, graph.constant("axes", np.array([1])))
    output = graph.node("Mul", only, graph.constant("factor", np.float64(factor)))
    if network.output == "value":
        return output
    nearest = graph.node("Ceil", graph.node("Sub", output, graph.constant("half", np.float64(0.5)), suffix="_half"))
    last = np.float64(len(network.classes) - 1)
    nearest = graph.node("Clip", nearest, graph.constant("first", np.float64(0)), graph.constant("last", last))
    return graph.node("Cast", nearest, to=graph.type_of(np.int64))


def _activated(graph, sums, activations):
    """Name of the outputs of units with such sums."""
    kinds = set(activations.tolist())
    outputs = sums
    if _RELU in kinds:
        outputs = graph.node("Relu", sums)
        if len(kinds) > 1:
            outputs = graph.node("Where", graph.constant("is_relu", activations == _RELU), outputs, sums)
    if _THRESHOLD in kinds:
        steps = graph.node("GreaterOrEqual", sums, graph.constant("zero", np.float64(0)))
        steps = graph.node("Cast", steps, to=graph.type_of(np.float64))
        if len(kinds) == 1:
            return steps
        mask = graph.constant("is_threshold", activations == _THRESHOLD)
        outputs = graph.node("Where", mask, steps, outputs, suffix="_steps")
    return outputs
