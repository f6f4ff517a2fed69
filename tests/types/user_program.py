"""A small program as a user writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, assert_type

import numpy as np
from numpy.typing import NDArray

import fastmem


def data() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 8)), rng.integers(0, 5, 200)


class Steps:
    """A progress bar in the manner of tqdm, that shows nothing."""

    def __init__(self, total: int, **options: object) -> None:
        self.left = total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.left >= 0

    def update(self, n: int = 1) -> None:
        self.left -= n


def build_and_ask() -> fastmem.Network:
    X, y = data()
    net = fastmem.memorize(X, y, separate="all", effort="fast", fingerprint_bits=16, random_state=0, progress=Steps)
    assert_type(net, fastmem.Network)
    labels = net.predict(X)
    assert_type(labels, NDArray[Any])
    assert (labels == y).all()
    assert (net.forward(X, n_threads=1) == y).all()
    known = net.contains(X)
    assert_type(known, NDArray[np.bool_])
    assert known.all()
    assert_type(net.codes(X), NDArray[np.uint64])
    guesses = net.predict(X + 1e-3, unknown=-1, tolerance=0.01, max_probes=100, n_threads=1, progress=False)
    assert_type(guesses.astype(np.int64), NDArray[np.int64])
    other = net.relabel(np.arange(200) % 7)
    assert_type(other, fastmem.EncodedNetwork)
    assert_type(net.certified_radius(X), NDArray[np.float64])
    assert_type(net.unsafe_rows(X, "float32"), NDArray[np.int64])
    assert_type(net.is_safe(np.float32), bool)
    assert_type(net.widths, tuple[int, ...])
    assert_type(net.n_neurons + net.n_weights + net.depth + net.nbytes, int)
    assert_type(net.bits_per_label, float)
    assert_type(net.classes, NDArray[Any])
    if isinstance(net, fastmem.EncodedNetwork):
        assert net.store.n_label_bits == 3
        assert net.encoder.n_bits > 0
    return net


def look_inside(net: fastmem.Network) -> int:
    total = 0
    for layer, stage in zip(net.layers, net.stages, strict=True):
        assert_type(layer, fastmem.Layer)
        assert_type(stage, str)
        assert_type(layer.n_units + layer.n_weights, int)
        assert_type(layer.thresholds, NDArray[Any])
        total += layer.n_units
    assert net.hyperplanes.weights.shape == (net.n_hyperplanes, net.hyperplanes.d)
    report = net.report(delta=0.1)
    assert_type(report, fastmem.Report)
    assert_type(report.to_html(X=data()[0], y=data()[1], title="Mine"), str)
    assert_type(report.to_dict(), dict[str, Any])
    assert_type(report.widths, tuple[int, ...])
    return total


def files_and_exports(net: fastmem.Network) -> None:
    path = Path("net.safetensors")
    net.save(path)
    again = fastmem.load(path)
    assert_type(again, fastmem.Network)
    X, y = data()
    assert (again.predict(X) == y).all()
    assert again.contains(X).all()
    assert (again.relabel(y, X).predict(X) == y).all()
    one, many = again.jit()
    assert one(X[0]) == y[0]
    assert (many(X, np.empty_like(y)) == y).all()
    net.to_onnx("net.onnx", dtype="float64", batch=1, output="label", X=X)
    module = net.to_torch(dtype="float64")
    module.eval()
    size = net.to_c(path.with_suffix(".c"), dtype="float64")
    assert_type(size.table_bytes, int)
    graph = net.to_networkx()
    assert graph.number_of_edges() == net.n_weights
    mine = fastmem.Network.from_layers([([[1, 1], [1, 1]], [1, 2]), ([[1, -1]], [1])], classes=["equal", "not"])
    assert_type(mine, fastmem.LayeredNetwork)
    assert mine.predict([[0, 1]]).tolist() == ["not"]


def theory() -> None:
    X, y = data()
    separation = fastmem.separation(X)
    assert_type(separation.rows, tuple[int, int])
    table = fastmem.bounds(len(X), 8, separation.delta, n_classes=5)
    assert_type(table.lower_bound_on_hyperplanes, int)
    assert_type(table.to_dict(), dict[str, Any])
    comparison = fastmem.compare(X, y, constructions=["baum1988", "compact/binary"], random_state=0)
    assert_type(comparison.networks["baum1988"], fastmem.Network)
    for row in comparison.rows:
        assert_type(row, fastmem.Built)
        assert_type(row.neurons, int | float | None)
        assert_type(row.deviations, dict[str, float])
    assert_type(comparison.to_csv(), str)
    assert_type(comparison.to_latex(), str)
    fastmem.plot.comparison(comparison)
    circle = fastmem.theory.instances.circle(8, labels="random", random_state=0)
    assert_type(circle.y, NDArray[np.int64])
    law = fastmem.theory.scaling.power_law([1, 2, 3], [1, 4, 9])
    assert_type(law(4), NDArray[np.float64])


def estimator() -> float:
    X, y = data()
    model = fastmem.MemorizingClassifier(store="integer", on_contradiction="majority", random_state=0).fit(X, y)
    assert_type(model, fastmem.MemorizingClassifier)
    assert_type(model.predict(X), NDArray[Any])
    assert_type(model.predict_proba(X), NDArray[np.float64])
    assert_type(model.network_, fastmem.Network)
    assert_type(model.classes_, NDArray[Any])
    assert_type(model.n_outvoted_, int)
    regressor = fastmem.MemorizingRegressor(fingerprint_bits=16, unknown=np.nan, random_state=0).fit(X, X[:, 0])
    assert_type(regressor, fastmem.MemorizingRegressor)
    assert_type(regressor.predict(X), NDArray[Any])
    assert_type(regressor.network_, fastmem.Network)
    assert_type(regressor.n_averaged_, int)
    return float((model.predict(X) == y).mean())


def zeros(X: NDArray[Any]) -> list[int]:
    return [0] * len(X)


def corrected() -> float:
    X, y = data()
    model = fastmem.CorrectedClassifier(zeros, contradictory="model", random_state=0).fit(X, y)
    assert_type(model, fastmem.CorrectedClassifier)
    assert_type(model.correct(X[:2], y[:2], guard=X[2:]).forget(X[:2]), fastmem.CorrectedClassifier)
    assert_type(model.predict(X), NDArray[Any])
    assert_type(model.memory_, fastmem.EncodedNetwork | None)
    report = model.report()
    assert_type(report.n_memorized, int)
    assert_type(report.to_dict(), dict[str, Any])
    regressor = fastmem.CorrectedRegressor(len, atol=0.5, prefit=True)
    assert_type(regressor.fit(X, y), fastmem.CorrectedRegressor)
    return model.override_rate_


def pictures(net: fastmem.Network) -> None:
    X, _ = data()
    axes = fastmem.plot.radii(net, X, bins=10)
    assert "radius" in axes.get_xlabel()
    fastmem.plot.comparison([{"name": "one", "neurons": 40, "weights": 900}], ax=axes)


def refusals() -> None:
    try:
        fastmem.memorize([[0.0], [0.0]], ["a", "b"])
    except fastmem.ContradictoryLabels as error:
        assert_type(error.rows, list[tuple[int, int]])
    try:
        fastmem.memorize([[0, 0], [0, 1]], [0, 1], margin=9.0)
    except fastmem.MarginNotReached as error:
        assert_type(error.largest, float)
    try:
        fastmem.memorize([[0.0, 0.0], [1e-9, 0.0], [1.0, 0.0]], [0, 1, 2], construction="rajput2021", random_state=0)
    except fastmem.NetworkTooLarge as error:
        assert_type(error.neurons, int)


if __name__ == "__main__":
    network = build_and_ask()
    look_inside(network)
    files_and_exports(network)
    theory()
    pictures(network)
    refusals()
    assert estimator() == 1.0
