"""Networks as PyTorch modules, on the CPU and, where there is one, on a GPU."""

import io
import sys
import warnings

import numpy as np
import pytest
from support import exported
from support.exported import CASES, case, others
from support.partners import partner

import fastmem


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
@pytest.mark.parametrize("name", CASES)
def test_the_module_returns_every_memorized_label(name, torch):
    X, _, net = case(name)
    output, expected = exported_output(name)
    for device in devices(torch):
        labels, known = outputs_of(net.to_torch(output=output).to(device), X, device)
        assert labels.dtype == expected.dtype
        assert np.array_equal(labels, expected)
        assert known is None if not net.fingerprint_bits else known.all()


@pytest.mark.partner
@pytest.mark.parametrize("labels", ["natural", "random"])
def test_the_module_returns_every_label_of_a_large_network(labels, torch):
    X = exported.patches(5000)
    y = exported.random_labels(len(X)) if labels == "random" else np.digitize(X.mean(axis=1), np.arange(0, 256, 32))
    module = fastmem.memorize(X, y, random_state=0).to_torch(X=X)
    assert np.array_equal(outputs_of(module, X)[0], y)


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_other_points_that_clear_rounding_errors_get_the_labels_of_predict(name, torch):
    X, _, net = case(name)
    points = others(X)
    points = np.delete(points, net.unsafe_rows(points, np.float64), axis=0)
    assert len(points) > 1900
    for device in devices(torch):
        index, known = outputs_of(net.to_torch(output="index").to(device), points, device)
        assert np.array_equal(net.classes[index], net.predict(points))
        if net.fingerprint_bits:
            assert np.array_equal(known, net.contains(points))


@pytest.mark.partner
@pytest.mark.parametrize("name", CASES)
def test_scripted_and_exported_modules_return_the_same(name, torch):
    X, _, net = case(name)
    output, expected = exported_output(name)
    module = net.to_torch(output=output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates its own scripting
        scripted = torch.jit.script(module)
        example = torch.zeros((2, net.n_features_in), dtype=torch.float64)
        program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    for n in (0, 1, 50):
        for function in (module, scripted, program):
            assert np.array_equal(outputs_of(function, X[:n])[0], expected[:n])


@pytest.mark.partner
def test_state_dict_and_files_hold_the_network(torch):
    X, y, net = case("digits")
    module = net.to_torch()
    assert not list(module.parameters())
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    assert np.array_equal(outputs_of(torch.load(file, weights_only=False), X)[0], y)
    state = module.state_dict()
    assert {"layers.0.weights", "layers.0.thresholds", "labels"} <= state.keys()
    other = net.to_torch()
    for tensor in other.buffers():
        tensor.zero_()
    assert not np.array_equal(outputs_of(other, X)[0], y)
    other.load_state_dict(state)
    assert np.array_equal(outputs_of(other, X)[0], y)


@pytest.mark.partner
def test_a_float32_module_returns_every_label_where_margins_allow_it(torch):
    X, y, net = case("digits, margin")
    module = net.to_torch(dtype="float32")
    for device in devices(torch):
        assert np.array_equal(module.to(device)(torch.from_numpy(X).to(device)).cpu().numpy(), y)


@pytest.mark.partner
def test_a_float32_module_refuses_settings_that_shorten_products(torch):
    X, y, net = case("digits, margin")
    points, module = torch.from_numpy(X), net.to_torch(dtype="float32")
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(RuntimeError, match="whole float32 products"):
            module(points)
        assert np.array_equal(outputs_of(net.to_torch(), X)[0], y)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with pytest.raises(RuntimeError, match="whole float32 products"):
            module(points)
        assert np.array_equal(outputs_of(net.to_torch(), X)[0], y)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.partner
def test_the_module_is_made_on_the_cpu_whatever_the_default_device(torch):
    X, y, net = case("digits")
    torch.set_default_device("meta")
    try:
        module = net.to_torch()
        index = net.to_torch(output="index")
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
def test_points_of_another_dtype_or_width_are_refused(torch):
    module = case("digits")[2].to_torch()
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

    monkeypatch.setattr(exporter, "_MOST_BYTES", 10_000)
    with pytest.raises(fastmem.NetworkTooLarge, match="a PyTorch module would take"):
        case("digits")[2].to_torch()


def test_without_pytorch_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "fastmem.export.torch", raising=False)
    monkeypatch.delattr(sys.modules.get("fastmem.export", fastmem), "torch", raising=False)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[torch\]"'):
        exported.exclusive_or()[2].to_torch()
