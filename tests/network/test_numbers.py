"""Networks whose units carry numbers: evaluated, saved, given by layers, counted, and refused what they cannot do."""

import itertools
import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from oracles.format_reader import Saved
from scipy.sparse import csr_array
from support.examples import examples
from support.saved import read_parts, sealed

import fastmem
from fastmem import FormatError, InvalidInput, Network, NumberNetwork

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((120, 4)), RNG.integers(0, 5, 120)


@pytest.fixture(scope="module", params=["yun2019", "bubeck2020"])
def net(request):
    return fastmem.memorize(X, Y, construction=request.param, random_state=0)


@pytest.fixture(scope="module")
def real():
    return fastmem.memorize(
        X, X.sum(axis=1), construction="yun2019", construction_options={"output": "value"}, random_state=0
    )


def test_answers_do_not_depend_on_batch_threads_layout_or_dtype(net, real):
    inputs = np.concatenate([X, 3 * RNG.standard_normal((2000, 4))]).astype(np.float32)
    for network in (net, real):
        expected = network.predict(inputs)
        for given_as in (inputs.astype(float), np.asfortranarray(inputs), inputs.tolist()):
            assert np.array_equal(network.predict(given_as, n_threads=2), expected)
        assert np.array_equal(network.forward(inputs, n_threads=1), expected)
        assert np.array_equal([network.predict(row[None])[0] for row in inputs[:200]], expected[:200])


def test_the_label_of_a_row_does_not_depend_on_the_exponents_of_others(net):
    rows = np.concatenate([X[:3], [[5e-324, 0, 1e-300, 1], [1e300, 2.0**-1000, 0, 0]]])
    assert np.array_equal(net.predict(rows), [net.predict(row[None])[0] for row in rows])


def test_numbers_that_are_not_finite_are_refused_by_row_and_column(net):
    wrong = X.copy()
    wrong[7, 2] = np.nan
    for method in (net.predict, net.forward):
        with pytest.raises(InvalidInput, match=r"X\[7, 2\] is nan"):
            method(wrong)


def test_what_needs_codes_fingerprints_or_hyperplanes_is_refused_by_name(net, tmp_path):
    for call, message in [
        (lambda: net.codes(X), "codes needs codes"),
        (lambda: net.contains(X), "contains needs fingerprints"),
        (lambda: net.predict(X, unknown=-1), "unknown needs fingerprints"),
        (lambda: net.predict(X, tolerance=1.0), "tolerance needs fingerprints"),
        (lambda: net.relabel(Y), "relabel needs codes"),
        (lambda: net.jit(), "jit needs codes"),
        (lambda: net.to_js(tmp_path / "net.mjs"), "to_js needs codes"),
        (lambda: net.to_c(tmp_path / "net.c"), "to_c writes threshold units"),
        (lambda: net.certified_radius(X), "certified_radius is known of threshold units"),
        (lambda: net.rounding_reach("float64"), "rounding_reach is a distance from hyperplanes"),
        (lambda: net.layers[0].forward(np.zeros((1, 1), np.uint64)), "threshold"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            call()
    assert list(tmp_path.iterdir()) == []


def test_float64_is_safe_where_no_other_class_is_within_its_error(net):
    assert net.is_safe("float64")
    assert net.float64_error < 0.5
    assert not net.is_safe("float32")
    assert net.unsafe_rows(X, "float64").tolist() == []
    assert net.unsafe_rows(X, "float32").tolist() == list(range(120))


def test_a_network_says_what_its_units_and_its_output_are(net, real):
    assert isinstance(net, NumberNetwork)
    assert f"5 classes, {net.n_neurons} units of numbers" in repr(net)
    assert "real labels" in repr(real)
    text = str(net.report())
    assert f"integers of up to {net.longest_integer} bits" in text
    assert "a class index, rounded: within" in text
    assert "exports are safe" in text
    assert "hyperplanes" not in text
    facts = json.loads(json.dumps(net.report().to_dict()))
    assert (facts["output"], facts["longest_integer"]) == ("class", net.longest_integer)
    assert "the label: within" in str(real.report())


def test_the_columns_read_may_be_chosen(tmp_path):
    wide = RNG.standard_normal((60, 9))
    net = fastmem.memorize(wide, Y[:60], construction="yun2019", columns=[7, 2], random_state=0)
    assert net.columns.tolist() == [2, 7]
    assert net.layers[0].weights.shape[1] == 9
    assert np.array_equal(net.on_columns().predict(wide[:, [2, 7]]), Y[:60])
    wide[:, 0] = np.nan
    assert np.array_equal(net.predict(wide), Y[:60])
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net


# Files


def test_files_and_pickles_hold_the_network(net, real, tmp_path):
    for network in (net, real):
        network.save(tmp_path / "net.safetensors")
        for copy in (fastmem.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(network))):
            assert copy == network
            assert np.array_equal(copy.predict(X), network.predict(X))
    assert net != real


def test_a_reader_that_follows_the_page_reads_them(net, real):
    for network in (net, real):
        saved = Saved(network.to_bytes())
        assert saved.settings["format_version"] == 2
        assert saved.predict(X[:20]) == network.predict(X[:20]).tolist()


CHANGES = {
    "kind": "layered",
    "exponent": 2**20 + 1,
    "output": "value",
    "output_error": (-1.0).hex(),
    "float64_error": "nan",
    "n_layers": 2,
    "stages": ["one"],
}


@pytest.mark.parametrize("name", CHANGES)
def test_settings_that_do_not_fit_are_refused(net, name):
    if name == "n_layers" and net.depth == 2:
        return
    tensors, header = read_parts(net.to_bytes())
    with pytest.raises(FormatError):
        fastmem.from_bytes(sealed(tensors, header | {name: CHANGES[name]}))


def test_layers_that_do_not_fit_are_refused(net):
    tensors, header = read_parts(net.to_bytes())
    last = f"layer.{net.depth}"
    for name, changed in [
        (f"{last}.activations", np.array([3], np.uint8)),
        (f"{last}.activations", np.array([0], np.uint8)),
        (f"{last}.weights", 0 * tensors[f"{last}.weights"]),
        (f"{last}.inputs", tensors[f"{last}.inputs"] + 1),
        ("layer.1.weights.ends", tensors["layer.1.weights.ends"][::-1]),
        ("layer.1.weights.bytes", np.append(tensors["layer.1.weights.bytes"], np.uint8(0))),
    ]:
        with pytest.raises(FormatError):
            fastmem.from_bytes(sealed(tensors | {name: changed}, header))


# Layers of a user's own

WEIGHTS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(-8, 8, width=16).filter(lambda number: number == number),
    st.fractions(-4, 4, max_denominator=8).filter(lambda number: number.denominator in (1, 2, 4, 8)),
)


def lists_of(elements, n):
    return st.lists(elements, min_size=n, max_size=n)


@st.composite
def stacks(draw):
    widths = [draw(st.integers(1, 3)), *draw(st.lists(st.integers(1, 4), max_size=2)), 1]
    layers = []
    for n_inputs, n_units in itertools.pairwise(widths):
        weights = draw(lists_of(lists_of(WEIGHTS, n_inputs), n_units))
        thresholds = draw(lists_of(WEIGHTS, n_units))
        activation = draw(lists_of(st.integers(0, 2), n_units))
        layers.append((np.array(weights, object), np.array(thresholds, object), activation))
    rows = draw(st.lists(lists_of(st.floats(-4, 4, width=32), widths[0]), min_size=1, max_size=4))
    return layers, rows


@examples(100)
@given(stacks())
def test_layers_of_any_numbers_and_activations_do_what_they_say(given_layers):
    layers, rows = given_layers
    if not any(layers[-1][2]):  # threshold units are digits of a class
        layers[-1] = (*layers[-1][:2], [2])
    as_fractions = [
        ([list(map(Fraction, row)) for row in weights.tolist()], list(map(Fraction, thresholds.tolist())), activation)
        for weights, thresholds, activation in layers
    ]
    expected = [naive.nearest_float(naive.number_outputs(as_fractions, row)[0]) for row in rows]
    net = Network.from_layers(layers, output="value")
    assert net.predict(rows).tolist() == expected
    assert fastmem.from_bytes(net.to_bytes()) == net


def test_an_output_near_a_class_index_is_its_label_and_halves_go_to_the_lower_one():
    net = Network.from_layers([([[1]], [0], "identity")], ["a", "b", "c"])
    assert net.output == "class"
    inputs = [[-7.0], [0.5], [np.nextafter(0.5, 1)], [1.5], [9.0]]
    assert net.predict(inputs).tolist() == ["a", "a", "b", "b", "c"]


def test_threshold_outputs_are_digits_of_a_class_index():
    layers = [([[1], [-1]], [0, 0], "relu"), ([[1, 1], [1, 0]], [1, 1], "threshold")]
    net = Network.from_layers(layers)
    assert net.output == "bits"
    assert net.predict([[-2.0], [0.5], [2.0]]).tolist() == [1, 0, 3]
    assert fastmem.from_bytes(net.to_bytes()) == net


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([([[1]], [0], "tanh")], {}, "activation of layer 1 is one of"),
        ([([[1]], [0], [3])], {}, "activation of layer 1 is one of"),
        ([([[1]], [0], "relu", 1)], {}, "neither a Layer nor a"),
        ([([[0.1 + 0j]], [0], "relu")], {}, "weights of layer 1 hold"),
        ([([[Fraction(1, 3)]], [0], "relu")], {}, "fractions over a power of two"),
        ([([[np.inf]], [0], "relu")], {}, "all finite"),
        ([([[1]], [0, 1], "relu")], {}, "needs one threshold"),
        ([([1], [0], "relu")], {}, "are a matrix"),
        ([([[1], [1]], [0, 0], "relu"), ([[1]], [0], "identity")], {}, "weights for 1 inputs, but layer 1 has 2 units"),
        ([([[1], [1]], [0, 0], "relu")], {}, "needs one output unit"),
        ([([[1]], [0], "relu")], {"output": "bits"}, "needs threshold units"),
        ([([[1]], [0], "relu")], {"output": "label"}, "output must be one of"),
    ],
)
def test_layers_that_make_no_network_of_numbers_are_refused(layers, options, message):
    with pytest.raises(InvalidInput, match=message):
        Network.from_layers(layers, **options)


def test_sparse_and_our_own_layers_are_taken():
    net = fastmem.memorize(X[:30], Y[:30], construction="bubeck2020", random_state=0)
    # An exponent stands for a division of the output.
    output = fastmem.Layer(net.layers[-1].weights, net.layers[-1].thresholds, "identity")
    again = Network.from_layers([*net.layers[:-1], (output.weights.toarray() * 2.0**-net.exponent, [0.0], "identity")],
                                net.classes)  # fmt: skip
    assert np.array_equal(again.predict(X[:30]), Y[:30])
    assert again.exponent == net.exponent
    sparse = Network.from_layers([(csr_array([[2.0, 0]]), [1], "relu")])
    assert sparse.predict([[1.5, 9]]).tolist() == [2]
