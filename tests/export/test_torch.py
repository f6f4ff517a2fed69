"""Networks as PyTorch modules of either form, on the CPU and, where there is one, on a GPU."""

import dataclasses
import functools
import io
import os
import sys
import warnings

import numpy as np
import pytest
from oracles.c_programs import find_compiler
from support import exported, saved
from support.exported import CASES, case, others
from support.partners import missing, partner

import fastmem
from fastmem.export.lookup import Binary, Constant, Filtered, Mapped, plan_of

FORMS = ("lookup", "layers")
BOTH = [(name, form) for name in CASES for form in FORMS if (name, form) != ("baum1988", "lookup")]
saved_network = functools.cache(lambda name: saved.FACTORIES[name]())


@pytest.fixture
def torch():
    return partner("torch")


def outputs_of(module, X, device="cpu"):
    """Labels and whether each is known, as arrays; None for the second where the network cannot tell."""
    points = partner("torch").from_numpy(np.asarray(X, np.float64)).to(device)
    outputs = module(points)
    labels, known = outputs if isinstance(outputs, tuple) else (outputs, None)
    return labels.cpu().numpy(), None if known is None else known.cpu().numpy()


def exported_output(name):
    """How labels are returned, and the labels themselves in that form."""
    y, net = case(name)[1:]
    return ("index", np.searchsorted(net.classes, y)) if y.dtype.kind == "U" else ("label", y)


def devices(torch):
    """The CPU, and a GPU if there is one."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), BOTH)
def test_the_module_returns_every_memorized_label(name, form, torch):
    X, _, net = case(name)
    output, expected = exported_output(name)
    for device in devices(torch):
        labels, known = outputs_of(net.to_torch(form=form, output=output).to(device), X, device)
        assert labels.dtype == expected.dtype
        assert np.array_equal(labels, expected)
        assert known is None if not net.fingerprint_bits else known.all()


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("labels", ["natural", "random"])
def test_the_module_returns_every_label_of_a_large_network(labels, form, torch):
    X = exported.patches(5000)
    y = exported.random_labels(len(X)) if labels == "random" else np.digitize(X.mean(axis=1), np.arange(0, 256, 32))
    module = fastmem.memorize(X, y, random_state=0).to_torch(form=form, X=X)
    assert np.array_equal(outputs_of(module, X)[0], y)


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), BOTH)
def test_other_points_that_clear_rounding_errors_get_the_labels_of_predict(name, form, torch):
    X, _, net = case(name)
    points = others(X)
    points = np.delete(points, net.unsafe_rows(points, np.float64), axis=0)
    assert len(points) > 1900
    for device in devices(torch):
        index, known = outputs_of(net.to_torch(form=form, output="index").to(device), points, device)
        assert np.array_equal(net.classes[index], net.predict(points))
        if net.fingerprint_bits:
            assert np.array_equal(known, net.contains(points))


@pytest.mark.partner
@pytest.mark.parametrize("name", saved.FACTORIES)
def test_a_module_looks_up_what_the_network_answers(name, torch):
    net = saved_network(name)
    points = 3 * np.random.default_rng(5).standard_normal((2000, net.n_features_in))
    points = np.concatenate([points, np.round(points), 100 * points])
    points = np.delete(points, net.unsafe_rows(points, np.float64), axis=0)
    assert len(points) > 2000
    for device in devices(torch):
        index, known = outputs_of(net.to_torch(output="index").to(device), points, device)
        assert np.array_equal(net.classes[index], net.predict(points))
        assert (known is None) == (not net.fingerprint_bits)
        assert known is None or np.array_equal(known, net.contains(points))


@pytest.mark.partner
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_known_by_their_numbers(dtype, torch):
    X = np.random.default_rng(0).standard_normal((500, 5)).astype(dtype)
    X[:9, :3] = 0
    net = fastmem.memorize(X, np.arange(500) % 3, fingerprint_bits=32, recognise="rows", random_state=0)
    module = net.to_torch(dtype=dtype)
    for rows, same in ((X, True), (-X[:1] * [1, 1, 1, -1, -1], True), (np.nextafter(X, X.dtype.type(9)), False)):
        known = module(torch.from_numpy(np.asarray(rows, dtype)))[1]
        assert (known == same).all()


@pytest.mark.partner
def test_rows_that_float32_rounds_are_known_in_float64_alone(torch):
    X = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32).astype(float)
    X[7, 2] += 1e-12
    y = np.arange(50) % 3
    net = fastmem.memorize(X, y, fingerprint_bits=8, recognise="rows", margin=1e-4, random_state=0)
    with pytest.raises(fastmem.MarginTooSmall, match="memorized points would not be known"):
        net.to_torch(dtype="float32")
    with pytest.raises(fastmem.MarginTooSmall, match=r'1 of 50 rows \(7\) would .*; use dtype="float64"') as error:
        net.to_torch(dtype="float32", X=X)
    assert error.value.rows == [7]
    assert outputs_of(net.to_torch(X=X), X)[1].all()
    labels = net.to_torch(dtype="float32", unsafe=True)(torch.from_numpy(X).float())[0]
    assert np.array_equal(labels.numpy(), y)


@pytest.mark.partner
def test_parts_may_be_nested_as_no_network_here_nests_them(torch):
    from fastmem.export.torch_lookup import LookupModule

    net = saved_network("binary, filter and fingerprints")
    plan = plan_of(net)
    front = plan.classes.symbols
    turned = np.array([3, 1, 5, 0, 2, 4], np.int32)
    inner = Filtered(Constant(0), np.array([1], np.int32), plan.known.fingerprints, front.rare, turned[:3])
    nested = Filtered(front.common, front.common_classes, front.filter, inner, turned)
    points = np.random.default_rng(3).standard_normal((5000, net.n_features_in)).astype(np.float32).astype(float)
    for symbols in (Mapped(front, turned), inner, nested, Mapped(nested, turned)):
        other = dataclasses.replace(plan, classes=Binary(plan.classes.features, symbols))
        expected = other.read(points)
        assert len(np.unique(expected)) > 1
        module = LookupModule(other, net, torch.arange(6), "float64")
        assert np.array_equal(outputs_of(module, points)[0], expected)


@pytest.mark.partner
@pytest.mark.parametrize(("name", "form"), BOTH)
def test_scripted_and_exported_modules_return_the_same(name, form, torch):
    X, _, net = case(name)
    output, expected = exported_output(name)
    module = net.to_torch(form=form, output=output)
    scripted, program = scripted_and_exported(module)
    for n in (0, 1, 50):
        for function in (module, scripted, program):
            assert np.array_equal(outputs_of(function, X[:n])[0], expected[:n])


@pytest.mark.partner
@pytest.mark.parametrize("name", ["binary, filter and fingerprints", "rows known, few columns read", "theorem"])
def test_scripted_and_exported_modules_know_the_same(name, torch):
    net = saved_network(name)
    module = net.to_torch()
    points = np.random.default_rng(4).standard_normal((3000, net.n_features_in))
    expected = outputs_of(module, points)
    for function in scripted_and_exported(module):
        for output, same in zip(outputs_of(function, points), expected, strict=True):
            assert np.array_equal(output, same)


def scripted_and_exported(module):
    torch = partner("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates its own scripting
        scripted = torch.jit.script(module)
        example = torch.zeros((2, module.n_features_in), dtype=torch.float64)
        program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    return scripted, program


@pytest.mark.partner
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_compiled_module_returns_the_same(backend, torch):
    if backend == "inductor":
        if os.environ.get("FASTMEM_PARTNERS") != "required":
            pytest.skip("takes half a minute: FASTMEM_PARTNERS=required runs it")
        if find_compiler() is None:
            missing("there is no C compiler")
    net = saved_network("rows known, few columns read")
    module = net.to_torch()
    points = np.random.default_rng(4).standard_normal((1000, net.n_features_in))
    compiled = torch.compile(module, backend=backend, dynamic=True, fullgraph=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        found = [outputs_of(compiled, points[:n]) for n in (1000, 17)]
    for n, outputs in zip((1000, 17), found, strict=True):
        for output, same in zip(outputs, outputs_of(module, points[:n]), strict=True):
            assert np.array_equal(output, same)


NAMED = {
    "lookup": {"to_codes.signs.weights", "to_codes.signs.thresholds", "classes.symbols.ribbons.0.cells", "labels"},
    "layers": {"layers.0.weights", "layers.0.thresholds", "labels"},
}


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
def test_state_dict_and_files_hold_the_network(form, torch):
    X, y, net = case("digits")
    module = net.to_torch(form=form)
    assert not list(module.parameters())
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    assert np.array_equal(outputs_of(torch.load(file, weights_only=False), X)[0], y)
    state = module.state_dict()
    assert NAMED[form] <= state.keys()
    other = net.to_torch(form=form)
    for tensor in other.buffers():
        tensor.zero_()
    assert not np.array_equal(outputs_of(other, X)[0], y)
    other.load_state_dict(state)
    assert np.array_equal(outputs_of(other, X)[0], y)


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
def test_a_float32_module_returns_every_label_where_margins_allow_it(form, torch):
    X, y, net = case("digits, margin")
    module = net.to_torch(form=form, dtype="float32")
    for device in devices(torch):
        assert np.array_equal(module.to(device)(torch.from_numpy(X).to(device)).cpu().numpy(), y)


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
def test_a_float32_module_refuses_settings_that_shorten_products(form, torch):
    X, y, net = case("digits, margin")
    points, module = torch.from_numpy(X), net.to_torch(form=form, dtype="float32")
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(RuntimeError, match="whole float32 products"):
            module(points)
        assert np.array_equal(outputs_of(net.to_torch(form=form), X)[0], y)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with pytest.raises(RuntimeError, match="whole float32 products"):
            module(points)
        assert np.array_equal(outputs_of(net.to_torch(form=form), X)[0], y)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
def test_the_module_is_made_on_the_cpu_whatever_the_default_device(form, torch):
    X, y, net = case("digits")
    torch.set_default_device("meta")
    try:
        module = net.to_torch(form=form)
        index = net.to_torch(form=form, output="index")
    finally:
        torch.set_default_device(None)
    assert np.array_equal(outputs_of(module, X)[0], y)
    assert np.array_equal(outputs_of(index, X)[0], y)


@pytest.mark.partner
def test_a_network_with_small_margins_is_refused_for_float32_and_made_if_told(torch):
    X, y, net = exported.near_a_hyperplane()
    with pytest.raises(fastmem.MarginTooSmall, match="may lose labels"):
        net.to_torch(dtype="float32")
    with pytest.raises(fastmem.MarginTooSmall, match=r"2 of 5 rows \(2, 3\)"):
        net.to_torch(dtype="float32", X=X)
    wrong = net.to_torch(dtype="float32", unsafe=True)(torch.from_numpy(X.astype(np.float32)))
    assert not np.array_equal(wrong.numpy(), y)  # it does lose one
    assert np.array_equal(outputs_of(net.to_torch(), X)[0], y)


@pytest.mark.partner
@pytest.mark.parametrize("form", FORMS)
def test_points_of_another_dtype_or_width_are_refused(form, torch):
    module = case("digits")[2].to_torch(form=form)
    X = torch.zeros((2, 64))
    with pytest.raises(ValueError, match=r"give X\.to\(torch\.float64\)"):
        module(X)
    assert module(X.to(torch.float64)).shape == (2,)
    with pytest.raises(ValueError, match="rows of 64 numbers"):
        module(torch.zeros((2, 63), dtype=torch.float64))
    with pytest.raises(ValueError, match="rows of 64 numbers"):
        module(torch.zeros(64, dtype=torch.float64))


@pytest.mark.partner
def test_labels_that_pytorch_has_no_type_for_are_returned_by_index(torch):
    X = case("line")[0]
    days = np.array(["2026-01-01", "2026-01-02"], "datetime64[D]")[np.arange(100) % 2]
    for y in (days, days.astype(str), days.astype(object)):
        net = fastmem.memorize(X, y, random_state=0)
        with pytest.raises(fastmem.InvalidInput, match='output="index"'):
            net.to_torch()
        assert np.array_equal(net.classes[outputs_of(net.to_torch(output="index"), X)[0]], y)


@pytest.mark.partner
@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", ">i8", "u8", "f2", "f4", "f8", "c8"])
def test_labels_keep_their_dtype(dtype, torch):
    X = case("line")[0]
    y = (np.arange(100) % 2).astype(dtype)
    labels = outputs_of(fastmem.memorize(X, y, random_state=0).to_torch(), X)[0]
    assert labels.dtype == y.dtype.newbyteorder("=")
    assert np.array_equal(labels, y)


@pytest.mark.partner
def test_a_network_of_given_layers_is_exported(torch):
    X, y, net = exported.exclusive_or()
    assert np.array_equal(outputs_of(net.to_torch(), X)[0], y)


@pytest.mark.partner
def test_a_network_too_large_is_refused(torch, monkeypatch):
    from fastmem.export import torch as exporter

    monkeypatch.setattr(exporter, "MOST_BYTES", 10_000)
    with pytest.raises(fastmem.NetworkTooLarge, match="a PyTorch module would take"):
        case("digits")[2].to_torch(form="layers")


@pytest.mark.partner
def test_a_form_that_the_network_has_not_is_refused(torch):
    with pytest.raises(fastmem.InvalidInput, match=r'to_torch\(form="lookup"\) needs codes'):
        case("baum1988")[2].to_torch(form="lookup")
    with pytest.raises(fastmem.InvalidInput, match=r'to_torch\(form="layers"\) evaluates threshold units'):
        saved_network("rows known, few columns read").to_torch(form="layers")
    with pytest.raises(fastmem.InvalidInput, match="form must be one of 'lookup', 'layers', not 'units'"):
        case("line")[2].to_torch(form="units")


@pytest.mark.partner
def test_a_network_without_codes_is_exported_by_its_layers(torch):
    assert "layers.0.weights" in case("baum1988")[2].to_torch().state_dict()
    assert "layers.0.weights" not in case("digits")[2].to_torch().state_dict()


def test_without_pytorch_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fastmem.export.torch", raising=False)
    monkeypatch.delattr(sys.modules.get("fastmem.export", fastmem), "torch", raising=False)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[torch\]"'):
        exported.exclusive_or()[2].to_torch()


def test_without_pytorch_a_lookup_says_so_too(monkeypatch):
    net = case("line")[2]
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("torch", "torch_lookup"):
        monkeypatch.delitem(sys.modules, f"fastmem.export.{name}", raising=False)
        monkeypatch.delattr(sys.modules.get("fastmem.export", fastmem), name, raising=False)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[torch\]"'):
        net.to_torch()
