"""Bits extracted from long words: exact labels in every form, sizes within the proof's, and a radius that is kept."""

import numpy as np
import pytest

import fastmem
from fastmem.theory.vardi2021 import Shape, bound, shape, sizes

FORMS = ["step", "steps", "triangles"]


def build(X, y, **options):
    return fastmem.memorize(X, y, construction="vardi2021", construction_options=options, random_state=0)


def data(n, d=4, n_classes=2):
    rng = np.random.default_rng([n, d, n_classes])
    return rng.standard_normal((n, d)), np.append([0, 1], rng.integers(0, n_classes, n))[:n]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n", "n_classes"), [(2, 2), (3, 3), (20, 2), (120, 10), (300, 300)])
def test_sizes_are_within_those_of_the_proof(n, n_classes, form):
    X, y = data(n, n_classes=n_classes)
    net = build(X, y, form=form)
    facts = net.drawn
    cut = Shape(facts["parts"], facts["groups"], facts["slots"])
    size = sizes(cut, 4, facts["code_bits"], facts["label_bits"], form)
    assert net.n_neurons <= size.neurons
    assert net.n_weights <= size.weights
    assert max(net.widths) <= 8
    assert net.output_error < 1e-12
    assert np.array_equal(net.predict(X), y)
    if form == "step":
        promised = bound(n, 4, fastmem.separation(X).delta, net.n_label_bits)
        assert net.n_neurons <= promised.neurons
        assert net.n_weights <= promised.weights


def test_shorter_words_are_more():
    X, y = data(200)
    sizes = []
    for bits in (20, 60, 200):
        net = build(X, y, word_bits=bits)
        assert np.array_equal(net.predict(X), y)
        facts = net.drawn
        assert facts["slots"] * (facts["code_bits"] + facts["label_bits"]) <= max(bits, 30)
        sizes.append(facts["groups"])
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("form", FORMS)
def test_networks_side_by_side_have_few_layers(form):
    X, y = data(60, n_classes=3)
    for depth in (400, 60, 45):
        net = build(X, y, form=form, depth=depth)
        assert net.depth <= depth
        assert np.array_equal(net.predict(X), y)
    assert net.drawn["parts"] > 1
    with pytest.raises(fastmem.InvalidInput, match=r"depth'\]=5 is too little .* takes \d+ layers at least") as error:
        build(X, y, form=form, depth=5)
    least = int(str(error.value).split(" takes ")[1].split()[0])
    assert build(X, y, form=form, depth=least).depth == least


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_classes", [2, 10])
def test_inputs_within_the_radius_of_a_point_have_its_label(form, n_classes):
    X, y = data(60, 3, n_classes)
    net = build(X, y, form=form)
    assert net.radius > 0
    rng = np.random.default_rng(0)
    u = np.array([float(weight) for weight in net.layers[0].weights.toarray()[0]])
    along = u / np.linalg.norm(u)
    directions = [along, -along, *rng.standard_normal((30, 3))]
    for direction in directions:
        moved = X + 0.999 * net.radius * direction / np.linalg.norm(direction)
        assert np.array_equal(net.predict(moved), y)
    changed = [net.predict(X + 8 * net.radius * sign * along) != y for sign in (1, -1)]
    assert np.any(changed)


def test_words_that_float64_holds_are_exact_in_other_runtimes():
    rng = np.random.default_rng(1)
    X, y = np.rint(rng.standard_normal((80, 3)) * 256) / 256, rng.integers(0, 2, 80)
    X = np.unique(X, axis=0)
    net = build(X, y[: len(X)], form="step", word_bits=52)
    assert net.float64_error < 1e-12
    assert net.is_safe("float64")
    assert not build(np.random.default_rng(2).standard_normal((80, 3)), y).is_safe("float64")


@pytest.mark.parametrize(
    "X",
    [
        np.arange(60.0)[:, None],
        np.repeat(np.random.default_rng(1).standard_normal((30, 4)), 2, 0) + np.tile([[0], [2.0**-30]], (30, 1)),
        np.ldexp(np.linspace(1, 2, 120).reshape(60, 2), np.random.default_rng(3).integers(-60, 60, (60, 2))),
        np.array([[5e-324], [0.0], [-5e-324], [1e-310], [1.0]]),
        np.array([[1.7e308, 0], [-1.7e308, 0], [1.7e308, 1], [0, 5e-324]]),
    ],
    ids=["line", "pairs", "exponents", "subnormal", "largest"],
)
@pytest.mark.parametrize("form", FORMS)
def test_awkward_points_keep_their_labels(X, form):
    y = np.append([0, 2], np.random.default_rng(len(X)).integers(0, 3, len(X)))[: len(X)]
    net = build(X, y, form=form)
    assert np.array_equal(net.predict(X), y)
    assert np.array_equal(net.forward(X), y)


@pytest.mark.parametrize("name", ["word_bits", "depth"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9"])
def test_bits_and_layers_are_counts(name, value):
    with pytest.raises(fastmem.InvalidInput, match=rf"construction_options\['{name}'\] must be an integer"):
        build(*data(5), **{name: value})


def test_weights_grow_like_the_root_of_n_log_n():
    counts = [
        sizes(shape(n, 2 * int(np.log2(n)) + 2, 1), 4, 2 * int(np.log2(n)) + 2, 1).weights for n in (10**3, 10**5)
    ]
    assert 0.5 < np.log(counts[1] / counts[0]) / np.log(100) < 0.6
