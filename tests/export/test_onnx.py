"""Networks written as ONNX, run by onnxruntime."""

import sys

import numpy as np
import pytest
from support import exported
from support.exported import CASES, case, others
from support.partners import partner

import fastmem
from fastmem.export import onnx as exporter

STANDARD = {
    "Add", "Cast", "ConstantOfShape", "Gather", "GreaterOrEqual", "Identity", "MatMul", "Min", "Mul", "ReduceSum",
    "Shape",
}  # fmt: skip


def session(path):
    """The model in onnxruntime."""
    return partner("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])


def run(path, X, dtype=np.float64):
    """What the model returns, by output name."""
    model = session(path)
    names = [output.name for output in model.get_outputs()]
    return dict(zip(names, model.run(names, {"X": np.asarray(X, dtype)}), strict=True))


@pytest.fixture
def path(tmp_path):
    partner("onnx")
    partner("onnxruntime")
    return tmp_path / "net.onnx"


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_onnxruntime_returns_every_memorized_label(name, path):
    X, y, net = case(name)
    net.to_onnx(path)
    outputs = run(path, X)
    labels = outputs["label"].astype(y.dtype) if y.dtype.kind == "U" else outputs["label"]
    assert labels.dtype == y.dtype
    assert np.array_equal(labels, y)
    assert ("known" in outputs) == (net.fingerprint_bits > 0)
    if net.fingerprint_bits:
        assert outputs["known"].all()


@pytest.mark.partner
@pytest.mark.parametrize("labels", ["natural", "random"])
@pytest.mark.parametrize("data", ["digits", "patches", "normal"])
def test_onnxruntime_returns_every_label_of_large_networks(data, labels, path):
    if data == "digits":
        X, y = exported.digits()
    elif data == "patches":
        X = exported.patches(20_000)
        y = np.digitize(X.mean(axis=1), np.arange(0, 256, 32))
    else:
        X = np.random.default_rng(0).normal(size=(100_000, 32))
        y = (X[:, 0] > 0).astype(int)
    if labels == "random":
        y = exported.random_labels(len(X))
    net = fastmem.memorize(X, y, random_state=0)
    net.to_onnx(path, X=X)
    assert np.array_equal(run(path, X)["label"], y)


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_other_points_that_clear_rounding_errors_get_the_labels_of_predict(name, path):
    X, _, net = case(name)
    net.to_onnx(path, output="index")
    points = others(X)
    points = np.delete(points, net.unsafe_rows(points, np.float64), axis=0)
    assert len(points) > 1900
    outputs = run(path, points)
    assert np.array_equal(net.classes[outputs["label"]], net.predict(points))
    if net.fingerprint_bits:
        assert np.array_equal(outputs["known"], net.contains(points))


@pytest.mark.partner
def test_a_float32_model_returns_every_label_where_margins_allow_it(path):
    X, y, net = case("digits, margin")
    net.to_onnx(path, dtype="float32")
    assert session(path).get_inputs()[0].type == "tensor(float)"
    assert np.array_equal(run(path, X, np.float32)["label"], y)


@pytest.mark.partner
def test_a_network_with_small_margins_is_refused_for_float32_and_written_if_told(path):
    X, y, net = exported.near_a_hyperplane()
    with pytest.raises(fastmem.MarginTooSmall, match="float32 arithmetic memorized points may lose labels") as error:
        net.to_onnx(path, dtype="float32")
    assert error.value.rows == []
    with pytest.raises(fastmem.MarginTooSmall, match=r"2 of 5 rows \(2, 3\)") as error:
        net.to_onnx(path, dtype="float32", X=X)
    assert error.value.rows == [2, 3]
    assert not path.exists()
    net.to_onnx(path, dtype="float32", unsafe=True)
    assert not np.array_equal(run(path, X, np.float32)["label"], y)  # it does lose one
    net.to_onnx(path)
    assert np.array_equal(run(path, X)["label"], y)


@pytest.mark.partner
def test_the_model_is_valid_and_all_its_shapes_are_inferred(path):
    onnx = partner("onnx")
    for name in CASES:
        case(name)[2].to_onnx(path)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", exporter.OPSET)]
        assert {node.op_type for node in model.graph.node} <= STANDARD
        assert {node.domain for node in model.graph.node} == {""}
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        values = {value.name for value in (*inferred.graph.value_info, *inferred.graph.output)}
        assert {output for node in model.graph.node for output in node.output} <= values


@pytest.mark.partner
def test_nodes_are_named_by_what_they_do(path):
    net = case("digits")[2]
    net.to_onnx(path)
    names = [node.name for node in partner("onnx").load(path).graph.node]
    assert len(set(names)) == len(names)
    for number, stage in enumerate(net.stages, start=1):
        assert f"layer_{number:02}_{stage.replace(' ', '_')}/GreaterOrEqual" in names


@pytest.mark.partner
def test_the_number_of_rows_may_be_fixed(path):
    X, y, net = case("digits")
    net.to_onnx(path, batch=3)
    assert session(path).get_inputs()[0].shape == [3, 64]
    assert np.array_equal(run(path, X[:3])["label"], y[:3])


@pytest.mark.partner
def test_any_number_of_rows_is_taken_otherwise(path):
    X, y, net = case("rajput2021")
    net.to_onnx(path)
    for n in (0, 1, 7, len(X)):
        assert np.array_equal(run(path, X[:n])["label"], y[:n])


@pytest.mark.partner
def test_labels_without_a_type_of_their_own_are_returned_by_index(path):
    X, _, _ = case("line")
    days = np.array(["2026-01-01", "2026-01-02"], "datetime64[D]")[np.arange(100) % 2]
    for y in (days, days.astype(bytes), days.astype(object), days.astype(int) + 1j):
        net = fastmem.memorize(X, y, random_state=0)
        with pytest.raises(fastmem.InvalidInput, match='output="index"'):
            net.to_onnx(path)
        net.to_onnx(path, output="index")
        assert np.array_equal(net.classes[run(path, X)["label"]], y)


@pytest.mark.partner
def test_a_network_of_given_layers_is_exported(path):
    X, y, net = exported.exclusive_or()
    for points, promise in ((None, "not checked"), (X, "every given point gets its label in float64")):
        net.to_onnx(path, X=points)
        assert np.array_equal(run(path, X)["label"], y)
        facts = {fact.key: fact.value for fact in partner("onnx").load(path).metadata_props}
        assert facts["fastmem.guarantee"].startswith(promise)


@pytest.mark.partner
def test_given_layers_are_refused_for_points_that_rounding_may_move(path):
    X = np.array([[0.1], [0.3]], np.float32)
    net = fastmem.Network.from_layers([([[1.0]], [float(X[0, 0]) + 1e-9])])
    with pytest.raises(fastmem.MarginTooSmall, match=r"1 of 2 rows \(0\)"):
        net.to_onnx(path, dtype="float32", X=X)


@pytest.mark.partner
def test_sums_of_given_layers_that_round_to_the_threshold_are_exact(path):
    X = np.array([[1.0, 0.0], [1.0, 1.0]])
    net = fastmem.Network.from_layers([(np.eye(2), [1, 1]), ([[2**53, 1]], [2**53 + 1])])
    net.to_onnx(path)
    assert run(path, X)["label"].tolist() == net.predict(X).tolist() == [0, 1]


@pytest.mark.partner
def test_text_labels_of_every_kind_are_returned(path):
    X = case("line")[0]
    names = np.array(["a", "größe", "", "b\0c"], object)[np.arange(100) % 4]
    strings = np.empty(100, object)
    strings[:] = [np.str_(name) for name in names]
    for y in (names, strings, names.astype(np.dtypes.StringDType())):
        fastmem.memorize(X, y, random_state=0).to_onnx(path)
        assert run(path, X)["label"].tolist() == names.tolist()
    surrogate = np.array(["a", "\udc80"])[np.arange(100) % 2]
    with pytest.raises(fastmem.InvalidInput, match="not UTF-8"):
        fastmem.memorize(X, surrogate, random_state=0).to_onnx(path)


@pytest.mark.partner
def test_equal_networks_give_equal_files(path, tmp_path):
    X, y, net = case("digits")
    net.to_onnx(path)
    fastmem.memorize(X, y, random_state=0).to_onnx(tmp_path / "again.onnx")
    assert path.read_bytes() == (tmp_path / "again.onnx").read_bytes()


@pytest.mark.partner
def test_a_network_too_large_for_the_format_is_refused(path, monkeypatch):
    monkeypatch.setattr(exporter, "_MOST_BYTES", 10_000)
    with pytest.raises(fastmem.NetworkTooLarge, match="an ONNX file would take"):
        case("digits")[2].to_onnx(path)
    assert not path.exists()


@pytest.mark.partner
@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float16"},
        {"dtype": int},
        {"batch": 0},
        {"batch": "any"},
        {"batch": None},
        {"dtype": None},
        {"output": "y"},
    ],
)
def test_options_out_of_range_are_refused(options, path):
    with pytest.raises(fastmem.InvalidInput, match=next(iter(options))):
        case("digits")[2].to_onnx(path, **options)


def test_without_onnx_the_error_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[onnx\]"'):
        exported.exclusive_or()[2].to_onnx(tmp_path / "net.onnx")
