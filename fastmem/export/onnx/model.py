"""The ONNX file of a network: its graph, with input, outputs and facts."""

import json

import numpy as np

from fastmem._version import __version__
from fastmem.data.options import as_count
from fastmem.errors import InvalidInput
from fastmem.export.exact_sums import n_weights_stored
from fastmem.export.guard import check_arithmetic, check_size, no_such_labels, output_values
from fastmem.export.lookup import Hash, plan_of
from fastmem.export.numbers import check_numbers, n_numbers_stored, refuse_index
from fastmem.export.onnx import layers, lookup, numbers
from fastmem.export.onnx.graph import Graph, SharingGraph
from fastmem.machine.disk import write_whole
from fastmem.machine.partners import need

__all__ = ["OPSETS", "write"]

OPSETS = {"lookup": lookup.OPSET, "layers": layers.OPSET}
_IR_VERSION = 8  # that of the releases with these opsets
_MOST_BYTES = 2**31 - 2**20  # protobuf's limit, and room for names
_KINDS = "biufUOT"


def write(network, path, form, dtype, batch, output, X, unsafe):
    """Write a network as ONNX, in one of two forms; see `Network.to_onnx`."""
    onnx = need("onnx", what="to_onnx", extra="onnx")
    plan = _plan(network) if form == "lookup" else network.need_units('to_onnx(form="layers")')
    batch = "batch" if batch == "dynamic" else _as_batch(batch)
    values = _values(network, output)
    n_bytes = 8 * n_numbers_stored(network) if network.has_numbers else n_weights_stored(network)
    check_size(network, network.nbytes if plan else n_bytes, _MOST_BYTES, "an ONNX file")
    check = check_numbers if network.has_numbers else check_arithmetic
    dtype = check(network, dtype, X, unsafe)
    graph = SharingGraph(onnx) if plan else Graph(onnx)
    if plan:
        index = lookup.add_plan(graph, plan, dtype)
    else:
        index = (numbers if network.has_numbers else layers).add_layers(graph, network, dtype)
    _add_label(graph, index, values)
    check_size(network, graph.n_bytes, _MOST_BYTES, "an ONNX file")  # protobuf fails on larger ones, and says not why
    checked = not unsafe and (network.n_points > 0 or X is not None)
    model = _model(graph, network, OPSETS[form], dtype, batch, values, checked)
    check_size(network, model.ByteSize(), _MOST_BYTES, "an ONNX file")
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, model.SerializeToString(deterministic=True))


def _plan(network):
    plan = plan_of(network)
    if plan.known is not None and isinstance(plan.known.signs, Hash):
        raise InvalidInput(
            "ONNX has no operators for the hash of numbers by which this network knows rows: export it to C, "
            'JavaScript or PyTorch, build one with memorize(..., recognise="cells"), or take '
            "net.without_fingerprints()"
        )
    return plan


def _as_batch(batch):
    if not hasattr(batch, "__index__"):
        raise InvalidInput(f'batch is "dynamic" or a number of rows, not {batch!r}')
    return as_count("batch", batch)


def _values(network, output):
    if not len(network.classes):
        refuse_index(output)
        return None
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


def _add_label(graph, index, values):
    """The output "label", by the class index."""
    graph.stage = "label"
    if values is None:
        graph.node("Identity", index, output="label")
    else:
        graph.node("Gather", graph.constant("classes", values), index, output="label", axis=0)


def _model(graph, network, opset, dtype, batch, values, checked):
    """The model of all nodes."""
    helper = graph.onnx.helper
    index_type = np.int64 if len(network.classes) else np.float64  # of a network without, the output is the label
    label_type = graph.type_of(index_type if values is None else values.dtype)
    outputs = [helper.make_tensor_value_info("label", label_type, [batch])]
    if network.fingerprint_bits:
        outputs.append(helper.make_tensor_value_info("known", graph.type_of(bool), [batch]))
    inputs = [helper.make_tensor_value_info("X", graph.type_of(dtype), [batch, network.n_features_in])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fastmem", inputs, outputs, graph.constants),
        producer_name="fastmem",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=_IR_VERSION,
        doc_string=repr(network),
    )
    helper.set_model_props(model, _properties(network, dtype, values, checked))
    return model


def _properties(network, dtype, values, checked):
    """Facts on the network, as strings by name."""
    which = "memorized" if network.n_points else "given"
    within = "" if len(network.classes) else f" within {network.float64_error:.6g}"
    promise = f"every {which} point gets its label{within} in {dtype}, in any order of summation"
    facts = {
        "fastmem.construction": network.construction,
        "fastmem.n_points": network.n_points,
        "fastmem.smallest_distance": network.smallest_distance,
        "fastmem.guarantee": promise if checked else "not checked",
    }
    if values is None and all(type(label) in (str, int, float, bool) for label in network.classes.tolist()):
        facts["fastmem.classes"] = json.dumps(network.classes.tolist())
    return {name: str(fact) for name, fact in facts.items()}
