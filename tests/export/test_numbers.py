"""Networks whose units carry numbers in other runtimes: every memorized label where float64 is proved to be enough."""

import warnings

import numpy as np
import pytest
from support.partners import partner

import fastmem
from fastmem import NeedsBigIntegers, Network
from fastmem.export.numbers import check_numbers

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((150, 5)), RNG.integers(0, 4, 150)
CASES = {
    "yun2019": ("yun2019", {}, Y, "all"),
    "bubeck2020": ("bubeck2020", {}, Y * 1.5, "all"),
    "tangent": ("bubeck2020", {"form": "tangent"}, Y, "all"),
    "columns": ("yun2019", {}, Y, [3, 0]),
    "values": ("yun2019", {"output": "value"}, X.sum(axis=1), "all"),
    "one class": ("yun2019", {}, np.ones(150, int), "all"),
}


def network(name):
    construction, options, y, columns = CASES[name]
    return fastmem.memorize(
        X, y, construction=construction, construction_options=options, columns=columns, random_state=0
    )


def mixed():
    """Units of all activations in one layer, whose outputs are digits."""
    layers = [([[1, 0], [0, 2], [1, 1]], [0.5, 1, 0], [0, 1, 2]), ([[1, 1, -1], [0, 1, 1]], [0, 1], "threshold")]
    return Network.from_layers(layers, ["a", "b", "c"])


def assert_same(found, name):
    net, y = network(name), CASES[name][2]
    if net.output == "value":
        assert np.abs(found - y).max() <= net.float64_error
    else:
        assert np.array_equal(found, y)


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_onnx_returns_every_memorized_label(name, tmp_path):
    partner("onnx")
    path = tmp_path / "net.onnx"
    network(name).to_onnx(path)
    session = partner("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    assert_same(session.run(["label"], {"X": X})[0], name)


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_torch_returns_every_memorized_label(name):
    torch = partner("torch")
    module = network(name).to_torch()
    points = torch.from_numpy(X)
    assert_same(module(points).numpy(), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates its own scripting
        scripted = torch.jit.script(module)
    assert torch.equal(scripted(points), module(points))


@pytest.mark.partner
def test_units_of_several_activations_in_a_layer_are_written(tmp_path):
    partner("onnx")
    net, inputs = mixed(), RNG.standard_normal((200, 2))
    net.to_onnx(tmp_path / "net.onnx", X=inputs)
    session = partner("onnxruntime").InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert session.run(["label"], {"X": inputs})[0].tolist() == net.predict(inputs).tolist()
    torch = partner("torch")
    indices = net.to_torch(output="index")(torch.from_numpy(inputs)).numpy()
    assert net.classes[indices].tolist() == net.predict(inputs).tolist()


@pytest.mark.partner
def test_infinite_numbers_in_columns_that_are_not_read_change_nothing(tmp_path):
    partner("onnx")
    net, wide = network("columns"), X.copy()
    wide[:, 4] = np.inf
    net.to_onnx(tmp_path / "net.onnx")
    session = partner("onnxruntime").InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(["label"], {"X": wide})[0], Y)


def far_too_long():
    """Pairs of points so near that outputs in float64 are anything."""
    X = (np.repeat(np.arange(20.0), 2) + np.tile([0, 2.0**-40], 20))[:, None]
    return fastmem.memorize(X, np.arange(40), construction="yun2019", random_state=0), X


def test_rows_that_float64_may_get_wrong_are_named():
    net, X = far_too_long()
    assert not net.is_safe("float64")
    with pytest.raises(NeedsBigIntegers, match="memorized points may lose labels: outputs may be wrong by") as error:
        check_numbers(net, "float64", None, False)
    assert error.value.bits == net.significant_bits > 53
    with pytest.raises(NeedsBigIntegers, match="of 40 rows") as error:
        check_numbers(net, "float64", X, False)
    assert error.value.rows == net.unsafe_rows(X, "float64").tolist() != []
    assert check_numbers(net, "float64", X, True) == "float64"


def test_float32_and_numbers_beyond_float64_are_refused_whatever_is_asked():
    with pytest.raises(NeedsBigIntegers, match="float32 has 24 bits"):
        check_numbers(network("yun2019"), "float32", None, True)
    net = Network.from_layers([([[2**1001]], [0], "relu"), ([[2.0**-1001]], [0], "identity")])
    with pytest.raises(NeedsBigIntegers, match="float64 has room for 1,000"):
        check_numbers(net, "float64", None, True)


@pytest.mark.partner
def test_an_output_that_is_the_label_has_no_index(tmp_path):
    partner("onnx")
    with pytest.raises(fastmem.InvalidInput, match="returns real labels"):
        network("values").to_onnx(tmp_path / "net.onnx", output="index")


def test_a_graph_of_numbers_says_how_its_units_and_its_output_are_read():
    partner("networkx")
    net = network("yun2019")
    graph = net.to_networkx()
    assert (graph.graph["exponent"], graph.graph["output"]) == (net.exponent, "class")
    kinds = {(node["layer"], node.get("activation")) for _, node in graph.nodes(data=True)}
    assert kinds == {(0, None), (1, "relu"), (2, "relu"), (3, "identity")}
    assert graph.number_of_edges() == net.n_weights


def test_the_layers_of_such_a_network_are_drawn():
    pyplot = partner("matplotlib.pyplot")
    net = network("yun2019")
    ax = fastmem.plot.architecture(net)
    assert f"{net.widths[0]:,}" in [text.get_text() for text in ax.texts]
    pyplot.close("all")
