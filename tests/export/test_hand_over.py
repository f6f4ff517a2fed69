"""Networks handed over: layers that come in, units that go out as a graph, and what rounding would do to them."""

import math
import sys
from fractions import Fraction

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from scipy.sparse import coo_array, csr_array
from support import exported
from support.examples import examples
from support.exported import CASES, case, others

import fastmem
from fastmem.data.as_points import as_points
from fastmem.export.exact_sums import SHIFT, exact_layer


@pytest.mark.parametrize("name", CASES)
def test_layers_of_a_network_make_one_that_answers_alike(name):
    X, _, net = case(name)
    if len(net.classes) == 1:
        with pytest.raises(fastmem.InvalidInput):
            fastmem.Network.from_layers(net.layers, net.classes)
        return
    layers = net.layers
    if net.fingerprint_bits:  # the unit that recognises inputs is no digit of a class
        last = layers[-1]
        layers = (*layers[:-1], fastmem.Layer(last.weights[: net.n_label_bits], last.thresholds[: net.n_label_bits]))
    copy = fastmem.Network.from_layers(layers, net.classes)
    points = np.concatenate([X, others(X)])
    assert np.array_equal(copy.predict(points), net.predict(points))
    assert copy.widths[:-1] == net.widths[:-1]


def test_given_layers_are_run_counted_saved_and_reported(tmp_path):
    X, y, net = exported.exclusive_or()
    assert np.array_equal(net.forward(X), y)
    assert np.array_equal(net.predict(X), y)
    assert (net.widths, net.n_weights, net.n_points, net.construction) == ((2, 1), 6, 0, "given")
    assert repr(net) == "<fastmem network: 2 features, 2 classes, 2 hyperplanes, given>"
    assert "memorized no points" in str(net.report())
    assert np.isnan(net.bits_per_label)
    net.save(tmp_path / "net.safetensors")
    assert fastmem.load(tmp_path / "net.safetensors") == net


def test_classes_name_the_outputs():
    layers = [([[1.0], [1.0]], [0.25, 0.75])]
    net = fastmem.Network.from_layers(layers, ["low", "middle", "impossible", "high"])
    assert net.predict([[0.0], [0.5], [1.0]]).tolist() == ["low", "middle", "high"]
    assert fastmem.Network.from_layers(layers).predict([[0.0], [0.5], [1.0]]).tolist() == [0, 1, 3]


@pytest.mark.parametrize("kind", [np.asarray, csr_array, coo_array, np.ndarray.tolist])
def test_weights_may_be_dense_or_sparse(kind):
    weights = np.array([[1.0, 0.0], [0.5, -2.0]])
    net = fastmem.Network.from_layers([(kind(weights), [0.0, 0.0])])
    assert np.array_equal(net.layers[0].weights.toarray(), weights)


floats = st.floats(-8, 8, width=16).filter(lambda x: x == 0 or abs(x) > 2**-10)


@examples(60)
@given(st.data())
def test_fractions_become_integers_without_changing_an_output(data):
    n_inputs, n_units = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    weights = np.array(data.draw(st.lists(floats, min_size=n_inputs * n_units, max_size=n_inputs * n_units)))
    weights = weights.reshape(n_units, n_inputs)
    thresholds = np.array(data.draw(st.lists(st.floats(-20, 20), min_size=n_units, max_size=n_units)))
    X = (np.arange(2**n_inputs)[:, None] >> np.arange(n_inputs)) & 1
    net = fastmem.Network.from_layers([(np.eye(n_inputs), np.ones(n_inputs)), (weights, thresholds)])
    expected = [
        sum(
            (sum(Fraction(w) * int(x) for w, x in zip(unit, row, strict=True)) >= Fraction(t)) << j
            for j, (unit, t) in enumerate(zip(weights.tolist(), thresholds.tolist(), strict=True))
        )
        for row in X
    ]
    assert net.forward(X).tolist() == expected


@pytest.mark.parametrize(
    ("weights", "threshold", "expected"),
    [
        ([[2.0**40]], 2.0**-1040, [0, 1]),  # the threshold underflows when it is scaled
        ([[2.0**53]], 2.0**-1074, [0, 1]),
        ([[-(2.0**-1074)]], -(2.0**-1074), [1, 1]),
        ([[2.0**-1074]], 1.0, [0, 0]),
    ],
)
def test_scaling_by_powers_of_two_never_moves_a_threshold_to_zero(weights, threshold, expected):
    net = fastmem.Network.from_layers([([[1]], [1]), (weights, [threshold])])
    assert net.forward([[0], [1]]).tolist() == expected


TOO_MANY = (np.ones((17, 1)), np.ones(17))
WRONG = {
    "layers is empty": [],
    "layer 1 is neither a Layer nor a pair": [3],
    "layer 2 has weights for 2 inputs, but layer 1 has 1 units": [([[1, 2]], [1]), ([[1, 1]], [1])],
    "weight 0.1 of unit 0 of layer 1 is not a float32 number": [([[0.1]], [1])],
    "thresholds of layer 1 hold a number that is not finite": [([[1.0]], [np.nan])],
    "thresholds of layer 1 hold an integer": [([[1]], [2**53 + 1])],
    "weights of layer 1 hold a number": [([[np.inf]], [1])],
    "weights of layer 1 hold an integer": [([[2**53 + 1]], [0])],
    "thresholds of layer 2 hold an integer": [([[1], [1]], [1, 1]), ([[2.0**53, 1.0]], [2**53 + 1])],
    "thresholds of layer 1 hold an integer that": [([[1], [1]], [2**53 + 1, 0.5])],
    "weights of layer 1 hold a connection twice": [(coo_array(([1.0, 1.0], ([0, 0], [0, 0])), (1, 1)), [1])],
    "weights of layer 1 is a masked array": [(np.ma.masked_array([[1.0, 2.0]], [[False, True]]), [1])],
    "weights of layer 1 are an array of 2 dimensions": [([1, 2], [1])],
    "weights of layer 1 cannot be read": [([[1, 2], [3]], [1, 1])],
    "layer 1 has weights of shape": [(np.ones((2, 2)), [1])],
    "the weights of unit 1 of layer 2 sum up to": [([[1], [1]], [1, 1]), ([[1, 1], [1e300, 1e-300]], [1, 1])],
    "the last layer has 17 outputs": [TOO_MANY],
}


@pytest.mark.parametrize("message", WRONG)
def test_layers_that_would_have_to_be_changed_are_refused(message):
    with pytest.raises(fastmem.InvalidInput, match=message):
        fastmem.Network.from_layers(WRONG[message])


def test_classes_that_do_not_fit_the_outputs_are_refused():
    with pytest.raises(fastmem.InvalidInput, match=r"3 classes are numbered with 2 binary digits, but .* 1 outputs"):
        fastmem.Network.from_layers([([[1.0]], [0.5])], ["a", "b", "c"])


@pytest.mark.parametrize("classes", [[0.0, np.nan], {"a", "b"}, [[["a"]], [["b"]]]])
def test_classes_that_are_no_labels_are_refused_by_that_name(classes):
    with pytest.raises(fastmem.InvalidInput, match="classes"):
        fastmem.Network.from_layers([([[1.0]], [0.5])], classes)


def test_layers_that_are_no_list_are_refused():
    with pytest.raises(fastmem.InvalidInput, match="layers are a list"):
        fastmem.Network.from_layers(3)


def test_units_of_other_activations_are_refused():
    with pytest.raises(fastmem.InvalidInput, match="one of 'threshold', 'relu', 'identity', not 'tanh'"):
        fastmem.Layer(csr_array([[1.0]]), np.ones(1), activation="tanh")


def test_the_graph_holds_every_unit_and_signed_weight():
    X, _, net = case("circle, a linear code")
    graph = net.to_networkx()
    assert graph.number_of_nodes() == net.n_features_in + net.n_neurons
    assert graph.number_of_edges() == net.n_weights
    assert graph.graph["classes"] == net.classes.tolist()
    for (number, unit), node in graph.nodes(data=True):
        assert (node["layer"], node["unit"]) == (number, unit)
        assert node["stage"] == (net.stages[number - 1] if number else "inputs")
    assert networkx.is_directed_acyclic_graph(graph)
    bits = naive.forward(net.layers, X[:5])
    for x, expected in zip(X[:5].tolist(), bits, strict=True):
        value = {(0, i): Fraction(number) for i, number in enumerate(x)}
        for node in networkx.topological_sort(graph):
            if node[0]:
                terms = (
                    Fraction(edge["weight"]) * value[before] for before, _, edge in graph.in_edges(node, data=True)
                )
                value[node] = int(sum(terms) >= Fraction(graph.nodes[node]["threshold"]))
        assert sum(value[net.depth, j] << j for j in range(net.widths[-1])) == expected


def test_a_graph_of_a_large_network_is_refused():
    net = case("digits")[2]
    with pytest.raises(fastmem.NetworkTooLarge, match="most_weights"):
        net.to_networkx(most_weights=net.n_weights - 1)
    assert net.to_networkx(most_weights=net.n_weights).number_of_edges() == net.n_weights


def test_without_networkx_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[networkx\]"'):
        exported.exclusive_or()[2].to_networkx()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_sums_are_exact_in_their_float_dtype_in_any_order(name, dtype):
    for layer in case(name)[2].layers[1:]:
        exact = exact_layer(layer, dtype)
        bits = np.random.default_rng(0).integers(0, 2, (20, layer.weights.shape[1]))
        sums = []
        for part in exact.sums:
            weights = part.weights.astype(part.dtype)
            assert np.array_equal(weights, part.weights)
            terms = bits[:, part.places] if part.places is not None else bits[:, None, :]
            terms = terms.astype(part.dtype) * (weights if part.places is not None else weights.T)
            sums.append(np.add.accumulate(terms[:, :, ::-1], axis=2)[:, :, -1])
            assert sums[-1].dtype == part.dtype
        total = sums[0] if len(sums) == 1 else (sums[0].astype(np.int64) << SHIFT) + sums[1].astype(np.int64)
        assert total.dtype == exact.thresholds.dtype
        expected = layer.weights @ bits.T >= layer.thresholds[:, None]
        assert np.array_equal(total >= exact.thresholds, expected.T)


@pytest.mark.parametrize("name", ["digits", "patches", "circle, a linear code", "rajput2021", "baum1988"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_beyond_the_rounding_reach_no_order_of_summation_changes_a_sign(name, dtype):
    X, _, net = case(name)
    rng = np.random.default_rng(0)
    weights, thresholds = net.hyperplanes.weights, net.hyperplanes.thresholds
    step = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    row, plane = rng.integers(0, len(X), 3000), rng.integers(0, net.n_hyperplanes, 3000)
    # Onto a hyperplane, and off it by about what rounding errors reach.
    distance = (X[row] * step[plane]).sum(axis=1) - thresholds[plane] / np.linalg.norm(weights, axis=1)[plane]
    points = X[row] - (distance * (1 + net.rounding_reach(dtype) * rng.normal(size=3000)))[:, None] * step[plane]
    points += net.rounding_reach(dtype) * rng.normal(size=(3000, 1)) * step[plane]
    points = np.delete(points, net.unsafe_rows(points, dtype), axis=0)
    assert len(points) > 500
    rounded, narrow, limits = points.astype(dtype), weights.astype(dtype), thresholds.astype(dtype)
    exact = [int(word) for word in naive_signs(net, points)]
    for order in (slice(None), slice(None, None, -1), rng.permutation(X.shape[1])):
        terms = rounded[:, None, order] * narrow[None, :, order]
        signs = np.add.accumulate(terms, axis=2)[:, :, -1] >= limits
        assert [int(sum(1 << int(j) for j in np.flatnonzero(row))) for row in signs] == exact


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", [1, 3, 50])
def test_the_rounding_reach_is_the_bound_it_names(d, dtype):
    rng = np.random.default_rng(0)
    weights, thresholds = rng.normal(size=(4, d)).astype(np.float32), rng.normal(size=4) * 9
    net = fastmem.Network.from_layers([(weights, thresholds)])
    unit = Fraction(np.finfo(dtype).eps.item()) / 2
    gamma = (d + 3) * unit / (1 - (d + 3) * unit)
    for w, t in zip(weights.astype(float), thresholds, strict=True):
        assert net.rounding_reach(dtype, 2.5) >= float(gamma) * (2.5 + abs(t) / math.hypot(*w)) * (1 - 1e-15)


def test_what_a_processor_may_take_for_zero_is_unsafe():
    net = fastmem.Network.from_layers([([[1.0]], [5e-41])])
    assert net.unsafe_rows([[1e-40], [1.0]], "float32").tolist() == [0]
    assert net.unsafe_rows([[1e-40]], "float64").tolist() == []
    constant = fastmem.Network.from_layers([([[0.0]], [1e-50])])
    assert constant.unsafe_rows([[1.0]], "float32").tolist() == [0]
    assert constant.unsafe_rows([[1.0]], "float64").tolist() == []
    tiny = fastmem.Network.from_layers([(np.full((1, 1), 1e-39, np.float32), [1e-9])])
    assert tiny.unsafe_rows([[2e30], [0.5e30]], "float32").tolist() == [0, 1]


def test_the_rounding_reach_of_a_hyperplane_beyond_all_numbers_is_infinite():
    weight = np.float32(1e-30)
    net = fastmem.Network.from_layers([([[weight]], [1e300]), ([[1]], [1])])
    assert net.rounding_reach("float64", 1.0) == math.inf
    assert net.unsafe_rows([[1.0]], "float64").tolist() == [0]


@pytest.mark.parametrize("dtype", ["float16", "int", None, "foo", 3])
def test_other_dtypes_have_no_rounding_reach(dtype):
    with pytest.raises(fastmem.InvalidInput, match="dtype must be"):
        case("digits")[2].rounding_reach(dtype)


@pytest.mark.parametrize("weights", [[256] * 2**16 + [1], [2**53, 1], [2**53 - 1, 1, 1], [2**61, -1, 2**30]])
def test_sums_that_a_float_does_not_hold_are_taken_in_a_wider_one(weights):
    layer = fastmem.Layer(csr_array(np.array([weights], np.int64)), np.array([sum(weights)]))
    for off in (None, len(weights) - 1):
        bits = np.ones(len(weights))
        bits[off if off is not None else len(bits) :] = 0
        exact = exact_layer(layer, "float32")
        sums = [
            np.add.accumulate(bits.astype(part.dtype) * part.weights[:, 0].astype(part.dtype))[-1]
            for part in exact.sums
        ]
        total = sums[0] if len(sums) == 1 else (int(sums[0]) << SHIFT) + int(sums[1])
        on = sum(weight for weight, bit in zip(weights, bits, strict=True) if bit)
        assert (total >= exact.thresholds[0]) == (on >= sum(weights))


def test_weights_that_short_formats_round_are_summed_up_in_float64():
    for weight, dtype in ((256, "float32"), (257, "float64")):
        layer = fastmem.Layer(csr_array(np.array([[weight]])), np.array([1]))
        assert exact_layer(layer, "float32").sums[0].dtype == dtype


def naive_signs(net, points):
    """Exact signs of each point as bits of one integer."""
    words = net.hyperplanes.signs(as_points(points))
    return [sum(int(word) << (64 * place) for place, word in enumerate(row)) for row in words]


def test_rows_too_near_a_hyperplane_are_named():
    X, _, net = exported.near_a_hyperplane()
    assert net.unsafe_rows(X, "float32").tolist() == [2, 3]
    assert net.unsafe_rows(X, "float64").tolist() == []
    assert (net.is_safe("float32"), net.is_safe("float64")) == (False, True)
    assert net.rounding_reach("float32") > net.smallest_distance > net.rounding_reach("float64")


def test_norms_that_overflow_are_never_safe():
    net = fastmem.memorize([[-1e30], [1e30]], [0, 1], random_state=0)
    assert net.is_safe("float32")
    assert net.unsafe_rows([[1e39], [1e30]], "float32").tolist() == [0]
    assert not fastmem.memorize([[-1e39], [1e39]], [0, 1], random_state=0).is_safe("float32")


def test_a_network_knows_whether_its_points_are_float32_numbers(tmp_path):
    X = np.random.default_rng(0).normal(size=(300, 4))
    narrow, y = X.astype(np.float32), np.arange(300) % 3
    for construction in ("compact", "rajput2021", "baum1988"):
        options = {"construction": construction, "random_state": 0}
        net = fastmem.memorize(narrow, y, **options)
        assert net.fits_float32
        assert fastmem.memorize(narrow.astype(np.float64), y, **options) == net
        assert not fastmem.memorize(X, y, **options).fits_float32
        net.save(tmp_path / "net.safetensors")
        assert fastmem.load(tmp_path / "net.safetensors").fits_float32
    assert fastmem.memorize([[2**24], [2**24 + 2]], [0, 1]).fits_float32
    assert not fastmem.memorize([[2**24], [2**24 + 1]], [0, 1]).fits_float32
    assert not fastmem.memorize([[0.0], [1e300]], [0, 1]).fits_float32
