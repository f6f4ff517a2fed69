"""Networks written as ONNX, run by onnxruntime."""

import dataclasses
import sys

import numpy as np
import pytest
from support import exported, saved
from support.exported import CASES, case, others
from support.partners import partner

import fastmem
from fastmem.export import lookup
from fastmem.export.onnx import model as exporter

STANDARD = {
    "layers": {
        "Add", "Cast", "ConstantOfShape", "Gather", "GreaterOrEqual", "Identity", "MatMul", "Min", "Mul", "ReduceSum",
        "Shape",
    },
    "lookup": {
        "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Cast", "ConstantOfShape", "Equal", "Gather",
        "Gemm", "Greater", "GreaterOrEqual", "Identity", "LessOrEqual", "MatMul", "Min", "Mul", "ReduceSum", "Shape",
        "Slice", "Where",
    },
}  # fmt: skip
WITHOUT_CODES = "baum1988"
LOOKED_UP = [name for name in CASES if name != WITHOUT_CODES]
FORMS = [*((name, "layers") for name in CASES), *((name, "lookup") for name in LOOKED_UP)]
BY_ROWS = ("binary, fingerprints of rows", "rows known, few columns read")
SAVED = {
    **{name: make for name, make in saved.FACTORIES.items() if name not in BY_ROWS},
    "named columns": saved.named_network,
    "filters behind a filter": lambda: saved.uneven_network([0.96, 0.035, 0.003, 0.002], n=20_000),
    "long words of several lengths": lambda: saved.uneven_network(np.repeat([1 / 600, 1 / 12], [200, 8])),
}


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


def assert_same(net, X, path):
    """The model gives labels, and says what is known, as the network does, on rows that clear rounding errors."""
    X = np.delete(X, net.unsafe_rows(X, np.float64), axis=0)
    assert len(X) > 1900
    outputs = run(path, X)
    assert np.array_equal(net.classes[outputs["label"]], net.predict(X))
    assert ("known" in outputs) == (net.fingerprint_bits > 0)
    if net.fingerprint_bits:
        assert np.array_equal(outputs["known"], net.contains(X))


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_onnxruntime_returns_every_memorized_label(name, form, path):
    X, y, net = case(name)
    net.to_onnx(path, form=form)
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
    for form in ("layers", "lookup"):
        net.to_onnx(path, form=form, X=X)
        assert np.array_equal(run(path, X)["label"], y)
    assert path.stat().st_size < 2 * net.nbytes + 20_000


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), FORMS)
def test_other_points_that_clear_rounding_errors_get_the_labels_of_predict(name, form, path):
    X, _, net = case(name)
    net.to_onnx(path, form=form, output="index")
    assert_same(net, others(X), path)


@pytest.mark.partner
@pytest.mark.parametrize("name", SAVED)
def test_labels_are_looked_up_in_networks_of_every_kind(name, path):
    net = SAVED[name]()
    net.to_onnx(path, form="lookup", output="index")
    X = 3 * np.random.default_rng(5).standard_normal((2000, net.n_features_in))
    assert_same(net, np.concatenate([X, np.round(X), 100 * X]), path)


@pytest.mark.partner
@pytest.mark.parametrize("kind", ["symbols", "constant"])
def test_symbols_in_another_order_than_classes_are_looked_up(kind, path, monkeypatch):
    net = saved.random_network()
    plan = lookup.plan_of(net)
    symbols = plan.classes.symbols if kind == "symbols" else lookup.Constant(1)
    mapped = lookup.Mapped(symbols, np.array([2, 0, 1], np.int32))
    plan = dataclasses.replace(plan, classes=lookup.Binary(plan.classes.features, mapped))
    monkeypatch.setattr(exporter, "plan_of", lambda _: plan)
    net.to_onnx(path, output="index")
    X = np.random.default_rng(0).standard_normal((500, 3))
    indices = run(path, X)["label"]
    assert np.array_equal(indices, plan.read(X))
    assert len(np.unique(indices)) == (3 if kind == "symbols" else 1)


@pytest.mark.partner
@pytest.mark.parametrize("make", [saved.filtering_network, lambda: saved.on_the_line(100, 1, fingerprint_bits=5)])
def test_the_reference_evaluator_of_onnx_looks_up_the_same(make, path):
    """Other code than that of onnxruntime, written from the standard."""
    reference = partner("onnx.reference")
    net = make()
    net.to_onnx(path)
    X = np.random.default_rng(0).standard_normal((500, net.n_features_in))
    X = np.delete(X, net.unsafe_rows(X, np.float64), axis=0)
    labels, known = reference.ReferenceEvaluator(str(path)).run(["label", "known"], {"X": X})
    assert np.array_equal(labels, net.predict(X))
    assert np.array_equal(known, net.contains(X))


@pytest.mark.partner
def test_labels_are_looked_up_unless_a_network_has_no_codes(path):
    for name, opset in (("digits", exporter.OPSETS["lookup"]), (WITHOUT_CODES, exporter.OPSETS["layers"])):
        case(name)[2].to_onnx(path)
        assert partner("onnx").load(path).opset_import[0].version == opset
    with pytest.raises(fastmem.InvalidInput, match=r'to_onnx\(form="lookup"\) needs codes'):
        case(WITHOUT_CODES)[2].to_onnx(path, form="lookup")


@pytest.mark.partner
def test_rows_known_by_a_hash_are_refused_in_either_form(path):
    net = saved.random_network(fingerprint_bits=9, recognise="rows")
    with pytest.raises(fastmem.InvalidInput, match="no operators for the hash of numbers by which"):
        net.to_onnx(path)
    with pytest.raises(fastmem.InvalidInput, match="evaluates threshold units"):
        net.to_onnx(path, form="layers")
    net.without_fingerprints().to_onnx(path)
    assert [output.name for output in session(path).get_outputs()] == ["label"]


@pytest.mark.partner
@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_a_float32_model_returns_every_label_where_margins_allow_it(form, path):
    X, y, net = case("digits, margin")
    net.to_onnx(path, form=form, dtype="float32")
    assert session(path).get_inputs()[0].type == "tensor(float)"
    assert np.array_equal(run(path, X, np.float32)["label"], y)


@pytest.mark.partner
@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_a_network_with_small_margins_is_refused_for_float32_and_written_if_told(form, path):
    X, y, net = exported.near_a_hyperplane()
    with pytest.raises(fastmem.MarginTooSmall, match="float32 arithmetic memorized points may lose labels") as error:
        net.to_onnx(path, form=form, dtype="float32")
    assert error.value.rows == []
    with pytest.raises(fastmem.MarginTooSmall, match=r"2 of 5 rows \(2, 3\)") as error:
        net.to_onnx(path, form=form, dtype="float32", X=X)
    assert error.value.rows == [2, 3]
    assert not path.exists()
    net.to_onnx(path, form=form, dtype="float32", unsafe=True)
    assert not np.array_equal(run(path, X, np.float32)["label"], y)  # it does lose one
    net.to_onnx(path, form=form)
    assert np.array_equal(run(path, X)["label"], y)


@pytest.mark.partner
def test_the_model_is_valid_and_all_its_shapes_are_inferred(path):
    onnx = partner("onnx")
    for name, form in FORMS:
        case(name)[2].to_onnx(path, form=form)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", exporter.OPSETS[form])]
        assert {node.op_type for node in model.graph.node} <= STANDARD[form]
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
    assert {"labels/hyperplanes/Gemm", "labels/features/GreaterOrEqual", "label/Gather"} <= set(names)
    net.to_onnx(path, form="layers")
    names = [node.name for node in partner("onnx").load(path).graph.node]
    assert len(set(names)) == len(names)
    for number, stage in enumerate(net.stages, start=1):
        assert f"layer_{number:02}_{stage.replace(' ', '_')}/GreaterOrEqual" in names


@pytest.mark.partner
@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_the_number_of_rows_may_be_fixed(form, path):
    X, y, net = case("digits")
    net.to_onnx(path, form=form, batch=3)
    assert session(path).get_inputs()[0].shape == [3, 64]
    assert np.array_equal(run(path, X[:3])["label"], y[:3])


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), [("rajput2021", "layers"), ("rajput2021", "lookup"), ("digits", "lookup")])
def test_any_number_of_rows_is_taken_otherwise(name, form, path):
    X, y, net = case(name)
    net.to_onnx(path, form=form)
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
@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_equal_networks_give_equal_files(form, path, tmp_path):
    X, y, net = case("digits")
    net.to_onnx(path, form=form)
    fastmem.memorize(X, y, random_state=0).to_onnx(tmp_path / "again.onnx", form=form)
    assert path.read_bytes() == (tmp_path / "again.onnx").read_bytes()


@pytest.mark.partner
def test_a_network_too_large_for_the_format_is_refused(path, monkeypatch):
    for form, most in (("layers", 10_000), ("lookup", 3_000), ("lookup", 1_000)):
        monkeypatch.setattr(exporter, "_MOST_BYTES", most)
        with pytest.raises(fastmem.NetworkTooLarge, match="an ONNX file would take"):
            case("digits")[2].to_onnx(path, form=form)
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
        {"form": "units"},
    ],
)
def test_options_out_of_range_are_refused(options, path):
    with pytest.raises(fastmem.InvalidInput, match=next(iter(options))):
        case("digits")[2].to_onnx(path, **options)


def test_without_onnx_the_error_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[onnx\]"'):
        exported.exclusive_or()[2].to_onnx(tmp_path / "net.onnx")
