"""What every memorizing network must satisfy, however it was constructed: one suite for all constructions."""

import pickle

import numpy as np
import pytest
from oracles import naive
from support.instruction_sets import ISAS, isa

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES

# Every way to build a network on any points, as keyword arguments of `memorize`; quickly, since they are many.
BUILDS = [
    {"construction": "compact", "store": store, "separate": separate, "effort": "fast"}
    for store in STORES
    for separate in ("labels", "all")
]

# Constructions with a theorem, for points that it speaks of: far enough apart, or in general position.
THEOREMS = [{"construction": name} for name in CONSTRUCTIONS if name != "compact"]

# The same with other efforts and with a margin, on which stores do not depend, and with fingerprints.
SEPARATIONS = [{"effort": effort} for effort in EFFORTS] + [
    {"margin": 1e-3},
    {"margin": 1e-3, "effort": "balanced"},
]
VARIANTS = [build | options for build in BUILDS if build["store"] == "binary" for options in SEPARATIONS] + [
    build | {"fingerprint_bits": f} for build in BUILDS for f in (1, 20)
]
# Of 40 columns: few, scattered, a run, all, and those that are chosen; and what they are tried with.
COLUMNS = [[7, 30], [1, 5, 6, 17, 18, 19, 33, 39], slice(8, 24), "all", "auto"]
OF_COLUMNS = [
    {"construction": "compact", "effort": "fast"},
    {"construction": "compact", "store": "integer", "separate": "all", "effort": "balanced"},
    {"construction": "compact", "separate": "all", "effort": "fast", "fingerprint_bits": 8},
    {"construction": "compact", "effort": "fast", "margin": 1e-4},
    {"construction": "baum1988"},
]
FINGERPRINTS = [build | {"fingerprint_bits": 4} for build in BUILDS]


def name_of(build):
    """Test id of a build."""
    return "-".join(map(str, build.values()))


def check(X, y, unseen, tmp_path, some=None, **build):
    """Memorize and hold the network to the whole contract; returns it.

    All rows go through every unit; `some` says how many of them the plain twin evaluates too, all by default.
    """
    net = fastmem.memorize(X, y, random_state=0, **build)
    labels_are_returned(net, X, y)
    if net.depth > 20:  # whose plain twin is slow
        some, unseen = 2, unseen[:3]
    paths_agree(net, np.concatenate([X, unseen]), slice(None) if some is None else slice(-some - len(unseen), None))
    layers_are_a_network(net, X.shape[1])
    copies_are_equal(net, unseen, tmp_path)
    known_points_are_recognised(net, X, y, unseen)
    build_is_deterministic(net, X, y, build)
    counts_agree(net)
    bound_is_kept(net, X)
    margin_is_kept(net, X, build.get("margin", 0.0))
    return net


def labels_are_returned(net, X, y):
    """Each memorized point has its label, in the dtype it came in."""
    predicted = net.predict(X)
    assert predicted.dtype == y.dtype
    assert np.array_equal(predicted, y)


def paths_agree(net, X, some):
    """All ways to evaluate, and all instruction sets, give one answer, for points never seen too."""
    predicted = net.predict(X)
    assert np.array_equal(net.forward(X), predicted)
    n_digits = (len(net.classes) - 1).bit_length()
    if net.has_numbers:
        indices = [nearest_class(net, row) for row in X[some]]
    else:
        outputs = naive.forward(net.layers, X[some])
        indices = np.minimum(outputs % (1 << n_digits), len(net.classes) - 1)
    assert np.array_equal(net.classes[indices], predicted[some])
    if net.fingerprint_bits:
        unknown = net.predict(X, unknown=-1)
        if net.recognise_by == "cells":
            assert np.array_equal(net.contains(X[some]), outputs >> n_digits)
            assert np.array_equal(net.forward(X, unknown=-1), unknown)
        assert np.array_equal(np.where(net.contains(X), predicted, -1), unknown)
    for name in ISAS:
        with isa(name):
            assert np.array_equal(net.predict(X), predicted)
            if net.fingerprint_bits:
                assert np.array_equal(net.predict(X, unknown=-1), unknown)


def nearest_class(net, row):
    """The class index nearest to the output of a network whose units carry numbers, by its definition."""
    if not net.layers:
        return 0
    layers = [(layer.weights.toarray().tolist(), layer.thresholds.tolist(), layer.activations) for layer in net.layers]
    (output,) = naive.number_outputs(layers, row)
    return naive.nearest_class(output / 2**net.exponent, len(net.classes))


def layers_are_a_network(net, d):
    """Layers follow on each other; of threshold units weights are integers and inputs binary after the first."""
    widths = [d, *net.widths]
    if net.has_numbers:
        assert [layer.weights.shape for layer in net.layers] == list(zip(widths[1:], widths[:-1], strict=True))
        assert all({layer.weights.dtype.kind, layer.thresholds.dtype.kind} <= {"i", "O"} for layer in net.layers)
        assert widths[-1] == 1 or net.layers == ()
        return
    for position, layer in enumerate(net.layers):
        assert layer.activation == "threshold"
        assert layer.weights.shape == (widths[position + 1], widths[position])
        assert layer.thresholds.shape == (widths[position + 1],)
        assert layer.weights.dtype == (np.float32 if position == 0 else np.int64)
        assert layer.thresholds.dtype == (np.float64 if position == 0 else np.int64)
    recognises = net.fingerprint_bits > 0 and net.recognise_by == "cells"
    n_outputs = (len(net.classes) - 1).bit_length() + recognises
    assert net.layers == () if n_outputs == 0 else widths[-1] == n_outputs


def copies_are_equal(net, X, tmp_path):
    """Pickled and saved networks are equal to the original, and answer alike."""
    path = tmp_path / "net.safetensors"
    net.save(path)
    for copy in (fastmem.load(path), pickle.loads(pickle.dumps(net))):
        assert copy == net
        assert np.array_equal(copy.predict(X), net.predict(X))
        if net.fingerprint_bits:
            assert np.array_equal(copy.contains(X), net.contains(X))


def known_points_are_recognised(net, X, y, unseen):
    """With fingerprints the memorized points are known, and get their label where unknown ones would not."""
    if not net.fingerprint_bits:
        if not isinstance(net, fastmem.EncodedNetwork):
            return
        with pytest.raises(fastmem.InvalidInput):
            net.contains(X)
        return
    assert net.contains(X).all()
    assert np.array_equal(net.predict(X, unknown=-1), y)
    stored, of_unseen = (net.recognition.codes_of(net.points_of(rows, recognising=True))[1] for rows in (X, unseen))
    assert np.all(net.contains(unseen)[np.isin(of_unseen, stored)])


def build_is_deterministic(net, X, y, build):
    """The same seed gives the same network, whatever the number of threads and the instruction set."""
    with isa(ISAS[0]):
        assert fastmem.memorize(X, y, random_state=0, n_threads=1, **build) == net
    with isa(ISAS[len(ISAS) // 2]):
        assert fastmem.memorize(X, y, random_state=np.random.default_rng(0), n_threads=2, **build) == net


def counts_agree(net):
    """Counts are those of the layers."""
    assert net.depth == len(net.layers)
    assert net.n_neurons == sum(layer.weights.shape[0] for layer in net.layers)
    assert net.n_weights == sum(np.count_nonzero(layer.weights.toarray()) for layer in net.layers)
    assert len(net.stages) == net.depth
    report = net.report()
    assert (report.n_neurons, report.n_weights, report.depth) == (net.n_neurons, net.n_weights, net.depth)


def bound_is_kept(net, X):
    """No more units and weights than the construction's proof says."""
    delta = net.drawn.get("delta")
    if delta is None and net.layers and CONSTRUCTIONS[net.construction].DELTA:
        delta = fastmem.separation(X[:, net.columns]).delta
    bound = getattr(CONSTRUCTIONS[net.construction], "bound", None)
    if bound is not None and net.layers:
        size = bound(net.n_points, len(net.columns), delta, net.n_label_bits)
        assert net.n_neurons <= size.neurons
        assert net.n_weights <= size.weights


def margin_is_kept(net, X, margin):
    """Each memorized point is as far from every hyperplane as was asked for."""
    if not net.has_numbers:
        assert np.all(net.certified_radius(X) >= margin)
