"""ONNX: the layers of a network as a graph of standard operators.

Each layer is a MatMul (or a Gather and a sum, where units have few inputs), a GreaterOrEqual and a Cast, in nodes named
by what the layer does. Behind the first layer every sum is exact (`fastmem.export.exact_sums`); in the first one signs
are right for all points that clear the rounding errors (`fastmem.export.guard`).
"""

import json

import numpy as np

from fastmem._version import __version__
from fastmem.data.options import as_count
from fastmem.errors import InvalidInput
from fastmem.export.exact_sums import SHIFT, exact_layer, first_layer, n_weights_stored
from fastmem.export.guard import check_arithmetic, check_size, no_such_labels, output_values
from fastmem.layers.layer import narrowed
from fastmem.machine.disk import write_whole
from fastmem.machine.partners import need

__all__ = ["OPSET", "write"]

OPSET = 17
_IR_VERSION = 8  # that of the releases with opset 17
_MOST_BYTES = 2**31 - 2**20  # protobuf's limit, and room for names
_KINDS = "biufUOT"


def write(network, path, dtype, batch, output, X, unsafe):
    """Write a network as ONNX; see `Network.to_onnx`."""
    onnx = need("onnx", what="to_onnx", extra="onnx")
    network.need_units("ONNX")
    batch = "batch" if batch == "dynamic" else _as_batch(batch)
    values = _values(network, output)
    check_size(network, n_weights_stored(network), _MOST_BYTES, "an ONNX file")
    dtype = check_arithmetic(network, dtype, X, unsafe)
    graph = _Graph(onnx)
    _add_network(graph, network, dtype, values)
    check_size(network, graph.n_bytes, _MOST_BYTES, "an ONNX file")  # protobuf fails on larger ones, and says not why
    checked = not unsafe and (network.n_points > 0 or X is not None)
    model = graph.model(network, dtype, batch, values, checked)
    check_size(network, model.ByteSize(), _MOST_BYTES, "an ONNX file")
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, model.SerializeToString(deterministic=True))


def _as_batch(batch):
    if not hasattr(batch, "__index__"):
        raise InvalidInput(f'batch is "dynamic" or a number of rows, not {batch!r}')
    return as_count("batch", batch)


def _values(network, output):
    values = output_values(network, output, _KINDS, "ONNX")
    if values is not None and values.dtype.kind in "UOT":
        try:
            texts = [str(label) for label in values if isinstance(label, str)]
            "".join(texts).encode()
        except UnicodeEncodeError:
            texts = []
        if len(texts) < len(values):
            raise no_such_labels("ONNX", values.dtype, ", which are Python objects or text that is not UTF-8")
        values = np.array(texts, object)
    return values


def _add_network(graph, network, dtype, values):
    """All nodes, from the input "X" to the outputs "label" and "known"."""
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
    graph.stage = "label"
    if values is None:
        graph.node("Identity", index, output="label")
    else:
        graph.node("Gather", graph.constant("classes", values), index, output="label", axis=0)
    if network.fingerprint_bits:
        graph.stage = "known"  # the output behind the digits
        graph.node("Gather", bits, graph.constant("place", np.int64(network.n_label_bits)), output="known", axis=1)


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
        shape = graph.node("Shape", "X", start=0, end=1)
        return graph.node("ConstantOfShape", shape, value=graph.tensor("zero", np.zeros(1, np.int64)))
    powers = np.zeros(network.widths[-1])  # 0 for the unit that recognises inputs
    powers[:n_digits] = 2.0 ** np.arange(n_digits)
    digits = graph.node("Cast", bits, to=graph.type_of(powers.dtype))
    index = graph.node("MatMul", digits, graph.constant("powers", powers))
    index = graph.node("Cast", index, to=graph.type_of(np.int64), suffix="_index")
    if n_classes == 1 << n_digits:
        return index
    return graph.node("Min", index, graph.constant("last", np.int64(n_classes - 1)))


class _Graph:
    """Nodes and constants, named by the stage that is being written."""

    def __init__(self, onnx):
        self._onnx = onnx
        self._nodes, self._constants, self.n_bytes = [], [], 0
        self.stage = ""

    def type_of(self, dtype):
        """ONNX's number of a dtype."""
        dtype = np.dtype(dtype)
        return self._onnx.TensorProto.STRING if dtype.kind == "O" else self._onnx.helper.np_dtype_to_tensor_dtype(dtype)

    def tensor(self, name, array):
        """A tensor by a name within the stage."""
        return self._onnx.numpy_helper.from_array(np.asarray(array), f"{self.stage}/{name}")

    def constant(self, name, array):
        """Store an array; returns its name."""
        self._constants.append(self.tensor(name, array))
        self.n_bytes += np.asarray(array).nbytes
        return self._constants[-1].name

    def node(self, operator, *inputs, output=None, suffix="", **attributes):
        """Add a node with one output; returns the name of that."""
        name = f"{self.stage}/{operator}{suffix}"
        output = output or f"{name}:0"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def model(self, network, dtype, batch, values, checked):
        """The model of all nodes."""
        helper = self._onnx.helper
        label_type = self.type_of(np.int64 if values is None else values.dtype)
        outputs = [helper.make_tensor_value_info("label", label_type, [batch])]
        if network.fingerprint_bits:
            outputs.append(helper.make_tensor_value_info("known", self.type_of(bool), [batch]))
        inputs = [helper.make_tensor_value_info("X", self.type_of(dtype), [batch, network.n_features_in])]
        graph = helper.make_graph(self._nodes, "fastmem", inputs, outputs, self._constants)
        model = helper.make_model(
            graph,
            producer_name="fastmem",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            doc_string=repr(network),
        )
        helper.set_model_props(model, _properties(network, dtype, values, checked))
        return model


def _properties(network, dtype, values, checked):
    """Facts on the network, as strings by name."""
    which = "memorized" if network.n_points else "given"
    promise = f"every {which} point gets its label in {dtype}, in any order of summation"
    facts = {
        "fastmem.construction": network.construction,
        "fastmem.n_points": network.n_points,
        "fastmem.smallest_distance": network.smallest_distance,
        "fastmem.guarantee": promise if checked else "not checked",
    }
    if values is None and all(type(label) in (str, int, float, bool) for label in network.classes.tolist()):
        facts["fastmem.classes"] = json.dumps(network.classes.tolist())
    return {name: str(fact) for name, fact in facts.items()}
