"""The command export: files for other runtimes, run by them; the formats have tests of their own."""

import json
import sys

import numpy as np
import pytest
from support.command_line import failure, run, usage_error, write_npy
from support.partners import partner

import fastmem

LABELS = np.arange(60) % 4 + 10


@pytest.fixture
def built(tmp_path):
    """A network file and its points."""
    X = np.random.default_rng(0).standard_normal((60, 3))
    fastmem.memorize(X, LABELS, random_state=0).save(tmp_path / "net")
    return tmp_path / "net", write_npy(tmp_path / "X.npy", X)


def described(*arguments):
    """What a command prints as JSON."""
    return json.loads(run(*arguments, "--json").stdout)


@pytest.mark.partner
@pytest.mark.parametrize(("options", "dtype"), [([], "float64"), (["--dtype", "float32"], "float32")])
def test_an_onnx_file_is_run_by_onnxruntime(options, dtype, built, tmp_path):
    partner("onnx")
    runtime = partner("onnxruntime")
    net, points = built
    path = tmp_path / "net.onnx"
    value = described("export", net, "--to", "onnx", "-o", path, "--data", points, *options)
    assert value == {"path": str(path), "bytes": path.stat().st_size, "format": "onnx"}
    model = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert np.array_equal(model.run(None, {"X": np.load(points).astype(dtype)})[0], LABELS)


@pytest.mark.partner
@pytest.mark.parametrize(("options", "dtype"), [([], "float64"), (["--dtype", "float32"], "float32")])
def test_a_torch_program_takes_any_number_of_points(options, dtype, built, tmp_path):
    torch = partner("torch")
    net, points = built
    path = tmp_path / "net.pt2"
    value = described("export", net, "--to", "torch", "-o", path, *options)
    assert value == {"path": str(path), "bytes": path.stat().st_size, "format": "torch"}
    module, X = torch.export.load(path).module(), np.load(points).astype(dtype)
    for n in (1, 2, 5, 60):
        assert np.array_equal(module(torch.from_numpy(X[:n])).numpy(), LABELS[:n])


def test_a_c_file_is_that_of_to_c_and_its_size_is_told(built, tmp_path):
    net, points = built
    path, expected = tmp_path / "net.c", tmp_path / "expected.c"
    size = fastmem.load(net).to_c(expected, dtype="float64", output="index")
    options = ["--to", "c", "-o", path, "--dtype", "float64", "--returns", "index", "--data", points]
    stdout = run("export", net, *options).stdout
    assert stdout.splitlines() == [str(size), f"{path}: c, {path.stat().st_size:,} bytes"]
    assert path.read_bytes() == expected.read_bytes()
    value = described("export", net, *options)
    expected = {"path": str(path), "bytes": path.stat().st_size, "format": "c", "report": size.to_dict()}
    assert value == json.loads(json.dumps(expected))


@pytest.mark.parametrize("name", ["net.js", "net.mjs", "NET.JS"])
def test_the_end_of_a_name_says_what_is_written(name, built, tmp_path):
    net, points = built
    path, expected = tmp_path / name, tmp_path / "expected"
    fastmem.load(net).to_js(expected, dtype="float64", output="index")
    value = described("export", net, "-o", path, "--dtype", "float64", "--returns", "index", "--data", points)
    assert value == {"path": str(path), "bytes": path.stat().st_size, "format": "js"}
    assert path.read_bytes() == expected.read_bytes()
    assert described("export", net, "-o", tmp_path / "net.c", "--data", points)["format"] == "c"
    run("export", net, "--to", "js", "-o", tmp_path / "net.c", "--dtype", "float64", "--returns", "index")
    assert (tmp_path / "net.c").read_bytes() == expected.read_bytes()


def test_a_network_that_rounding_endangers_is_refused_unless_told(tmp_path):
    X = np.array([[0.0], [0.5], [0.5 + 2.0**-30], [1.0]])
    fastmem.memorize(X, [0, 0, 1, 1], random_state=0).save(tmp_path / "net")
    points, path = write_npy(tmp_path / "X.npy", X), tmp_path / "net.c"
    options = ["export", tmp_path / "net", "--to", "c", "-o", path, "--data", points]
    assert "1 of 4 rows (2) lose labels" in failure(*options)
    assert not path.exists()
    run(*options, "--unsafe")
    assert path.exists()


def test_export_leaves_the_label_column_out(built, tmp_path):
    net, points = built
    rows = np.column_stack([np.load(points), LABELS])
    np.savetxt(tmp_path / "data.csv", rows, "%.17g", delimiter=",")
    options = ["export", net, "--to", "c", "-o", tmp_path / "net.c", "--data", tmp_path / "data.csv"]
    run(*options, "--label", 3)
    assert "has 4 columns, but the network was built for 3" in failure(*options)


@pytest.mark.parametrize(("form", "package"), [("onnx", "onnx"), ("torch", "torch")])
def test_a_missing_package_is_one_line(form, package, built, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    for name in ("torch", "torch_lookup"):
        monkeypatch.delitem(sys.modules, f"fastmem.export.{name}", raising=False)
        monkeypatch.delattr(sys.modules.get("fastmem.export", fastmem), name, raising=False)
    message = failure("export", built[0], "--to", form, "-o", tmp_path / "exported")
    assert message.startswith(f"Error: --to {form} needs ")
    assert message.endswith(f'which is not installed: pip install "fastmem-nn[{form}]"')


@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_both_forms_are_written(form, built, tmp_path):
    net, points = built
    run("export", net, "-o", tmp_path / "net.c", "--form", form, "--data", points)
    fastmem.load(net).to_c(tmp_path / "expected.c", form=form, X=np.load(points))
    assert (tmp_path / "net.c").read_bytes() == (tmp_path / "expected.c").read_bytes()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["-o", "out"], "out: say with --to what to write, or end the name with .onnx, .pt2, .c, .js, .mjs"),
        (["-o", "net.py"], "--to"),
        (["--to", "onnx"], "-o"),
        (["--to", "tensorflow", "-o", "out"], "'onnx', 'torch', 'c', 'js'"),
        (["--to", "c", "-o", "out", "--dtype", "float16"], "'float64', 'float32'"),
        (["--to", "c", "-o", "out", "--returns", "class"], "'label', 'index'"),
        (["--to", "c", "-o", "out", "--label", "3"], "--data"),
        (["--to", "c", "-o", "out", "--form", "units"], "'lookup', 'layers'"),
        (["-o", "net.mjs", "--form", "layers"], "--form layers is not for --to js"),
    ],
)
def test_a_wrong_use_of_export_says_what_is_wrong(options, part, built):
    assert part in usage_error("export", built[0], *options)
