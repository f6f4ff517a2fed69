"""What a user reads off a network, and calls that do not depend on how they are made."""

import pickle
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info

import fastmem
from fastmem.data.points import Points
from fastmem.machine.blas import single_threaded_blas
from fastmem.store import STORES, Filter


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((20_000, 6)).astype(np.float32), rng.choice(["a", "bb", "c"], 20_000)


@pytest.fixture(scope="module")
def net(data):
    return fastmem.memorize(*data, random_state=0)


def test_prediction_does_not_depend_on_batch_size(net, data):
    X = data[0][:500]
    expected = net.predict(X)
    for size in (1, 2, 7, 64):
        parts = [net.predict(X[i : i + size]) for i in range(0, len(X), size)]
        assert np.array_equal(np.concatenate(parts), expected)


def test_prediction_does_not_depend_on_threads(net, data):
    X = np.random.default_rng(1).standard_normal((60_000, 6))
    assert np.array_equal(net.predict(X, n_threads=1), net.predict(X, n_threads=3))
    assert np.array_equal(net.forward(X[:30_000], n_threads=1), net.forward(X[:30_000], n_threads=2))
    assert np.array_equal(net.codes(X, n_threads=1), net.codes(X, n_threads=2))
    assert np.array_equal(net.certified_radius(X, n_threads=1), net.certified_radius(X, n_threads=2))


def test_one_thread_starts_no_thread(net, data, monkeypatch):
    def forbidden(*_):
        raise AssertionError("a thread was started")

    monkeypatch.setattr("fastmem.machine.threads._thread.start_new_thread", forbidden)
    net.predict(data[0], n_threads=1)
    fastmem.memorize(data[0][:1000], data[1][:1000], n_threads=1)


def test_threads_of_the_caller_predict_alike(net, data):
    X = np.random.default_rng(1).standard_normal((40_000, 6))
    expected = net.predict(X)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n_threads: net.predict(X, n_threads=n_threads), [1, 2, None, 1, 2, None]))
    assert all(np.array_equal(result, expected) for result in results)


def test_blas_has_its_threads_again_when_the_last_build_is_done(data):
    def threads_of_blas():  # NumPy's: other libraries may bring their own, later
        return [library["num_threads"] for library in threadpool_info() if "numpy" in library["filepath"]]

    X, y = data[0][:2000], data[1][:2000]
    before = threads_of_blas()
    with ThreadPoolExecutor(3) as pool:
        nets = list(pool.map(lambda n_threads: fastmem.memorize(X, y, random_state=0, n_threads=n_threads), [1, 2, 1]))
    assert threads_of_blas() == before
    assert nets[0] == nets[1] == nets[2]
    with single_threaded_blas():
        assert set(threads_of_blas()) <= {1}
    assert threads_of_blas() == before


def test_inputs_within_the_certified_radius_keep_their_label(net, data):
    X = data[0][:300].astype(np.float64)
    radius = net.certified_radius(X)
    assert np.all(radius >= 0)
    rng = np.random.default_rng(2)
    for _ in range(20):
        step = rng.standard_normal(X.shape)
        step *= 0.999 * radius[:, None] / np.linalg.norm(step, axis=1, keepdims=True)
        assert np.array_equal(net.codes(X + step), net.codes(X))


def test_the_certified_radius_is_the_distance_of_the_nearest_hyperplane(net, data):
    planes = net.encoder.hyperplanes
    X = data[0][:300].astype(np.float64)
    distances = np.abs(X @ planes.weights.T.astype(np.float64) - planes.thresholds)
    distances = (distances / np.linalg.norm(planes.weights.astype(np.float64), axis=1)).min(axis=1)
    radius = net.certified_radius(X)
    assert np.all(radius <= distances * (1 + 1e-9))
    assert np.all(radius >= distances - 1e-12)


def test_hyperplanes_are_float32_weights_and_float64_thresholds(net):
    planes = net.encoder.hyperplanes
    assert planes.weights.shape == (net.n_hyperplanes, 6)
    assert planes.weights.dtype == np.float32
    assert planes.thresholds.shape == (net.n_hyperplanes,)
    assert planes.thresholds.dtype == np.float64


def test_codes_fit_the_number_of_code_bits(net, data):
    codes = net.codes(data[0])
    assert codes.dtype == np.uint64
    assert int(codes.max()) < 2**net.encoder.n_bits


def test_units_of_the_integer_store_are_about_twice_the_square_root_of_its_toggles():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((20_000, 64)), rng.integers(0, 2, 20_000)
    net = fastmem.memorize(X, y, store="integer", random_state=0)
    toggles = len(net.store.starts) - 1
    gates_and_relays, steps, outputs = net.widths[-3:]
    assert outputs == 1
    assert gates_and_relays - net.encoder.n_bits + steps <= 2.05 * np.sqrt(toggles) + 2


def test_the_size_of_an_integer_store_is_that_of_its_runs(data):
    store = fastmem.memorize(data[0][:2000], data[1][:2000], store="integer", random_state=0).store
    assert store.nbytes == store.starts.nbytes + len(store.run_classes)


def test_the_size_of_a_binary_store_is_that_of_its_tables_and_little_else(net):
    tables = sum(ribbon.table.nbytes for ribbon in net.store.ribbons)
    assert 8 * tables == net.store.n_cells
    assert tables < net.store.nbytes < 1.3 * tables + 2000


def test_sizes_are_those_of_the_parameters(net):
    planes, store = net.encoder.hyperplanes, net.store
    assert net.bits_per_label == 8 * store.nbytes / 20_000
    columns = 0 if net.n_hyperplanes <= 62 else net.encoder.code.columns.nbytes
    assert net.nbytes == planes.weights.nbytes + planes.thresholds.nbytes + columns + store.nbytes


def test_repr_says_what_was_memorized(net):
    assert "20000 points of 6 features, 3 classes" in repr(net)
    one = fastmem.memorize([[1.0]], ["x"])
    assert "1 point of 1 feature, 1 class, 0 hyperplanes" in repr(one)


def test_report_stands_beside_the_theorem(net):
    report = net.report(delta=0.1)
    values = report.to_dict()
    assert values["theorem_neurons"] == 1 / 0.1 + np.sqrt(20_000)
    assert values["theorem_weights"] == 6 / 0.1 + 20_000
    assert values["n_neurons"] == net.n_neurons
    assert values["widths"] == net.widths
    text = str(report)
    assert f"{net.n_neurons:,}" in text
    assert "theorem" in text
    assert "theorem" not in str(net.report())
    for delta in (0, -1, 3, float("nan")):
        with pytest.raises(fastmem.InvalidInput, match="unit ball"):
            net.report(delta)


def test_networks_with_other_parameters_or_labels_are_not_equal(net, data):
    X, y = data
    assert net != fastmem.memorize(X, y, random_state=1)
    assert fastmem.memorize(X[:50], np.zeros(50)) != fastmem.memorize(X[:50], np.ones(50))
    assert fastmem.memorize(X[:50], np.zeros(50)) != fastmem.memorize(X[:50], -np.zeros(50))
    assert fastmem.memorize(X[:50], np.zeros(50, int)) != fastmem.memorize(X[:50], np.zeros(50))
    assert net != "a network"


@pytest.mark.parametrize("Store", STORES.values(), ids=STORES)
def test_verification_reports_the_rows_that_are_wrong(Store, monkeypatch):
    """It cannot fail, so a fault is put into the store."""
    lookup = Store.lookup
    monkeypatch.setattr(Store, "lookup", lambda self, codes: 1 - lookup(self, codes))
    X = np.arange(200.0)[:, None]
    with pytest.raises(fastmem.MemorizationError, match="200 of 200 rows") as caught:
        fastmem.memorize(X, np.arange(200) % 2, store=Store.name)
    assert caught.value.rows == list(range(200))
    fastmem.memorize(X, np.arange(200) % 2, store=Store.name, verify=False)


def test_verification_reports_the_rows_that_are_not_recognised(monkeypatch):
    """It cannot fail, so a fault is put into the filter."""
    accepts = Filter.accepts
    monkeypatch.setattr(Filter, "accepts", lambda self, codes: accepts(self, codes) & (np.arange(len(codes)) != 7))
    X = np.arange(10.0)[:, None]
    with pytest.raises(fastmem.MemorizationError, match="1 of 10 rows") as caught:
        fastmem.memorize(X, np.arange(10), fingerprint_bits=4)
    assert caught.value.rows == [7]


def test_progress_accepts_true_and_a_tqdm_class(data, capsys):
    from tqdm import tqdm

    shown = []

    class Recorder(tqdm):
        def __init__(self, *args, **kwargs):
            shown.append(kwargs["desc"])
            super().__init__(*args, **kwargs)

    net = fastmem.memorize(data[0][:200], data[1][:200], effort="small", progress=Recorder)
    net.predict(data[0], progress=Recorder)
    assert shown == ["reading", "separating", "trimming", "verifying", "predicting"]
    capsys.readouterr()
    net.predict(data[0], progress=True)
    assert "predicting" in capsys.readouterr().err
    net.predict(data[0])
    assert capsys.readouterr() == ("", "")


def test_a_network_of_layers_alone_predicts_by_them_and_can_be_saved(net, data, tmp_path):
    names = ("n_points", "n_told_apart", "separate", "smallest_distance", "largest_norm")
    settings = {name: getattr(net, name) for name in names}
    same = fastmem.LayeredNetwork(net.hyperplanes, net.layers[1:], net.classes, construction="baum1988", **settings)
    assert np.array_equal(same.predict(data[0][:500]), data[1][:500])
    assert np.array_equal(same.certified_radius(data[0][:500]), net.certified_radius(data[0][:500]))
    assert (same.n_neurons, same.n_weights, same.depth) == (net.n_neurons, net.n_weights, net.depth)
    same.save(tmp_path / "net.safetensors")
    for copy in (fastmem.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(same))):
        assert copy == same != net
        assert np.array_equal(copy.predict(data[0][:500]), data[1][:500])


def test_a_connection_given_in_parts_counts_once_and_sums():
    weights = csr_array((np.array([1, 1, -1, 1]), np.array([0, 0, 1, 1]), np.array([0, 4])), shape=(1, 2))
    layer = fastmem.Layer(weights, np.array([2]))
    assert layer.n_weights == 1  # 1 + 1 from input 0, 1 - 1 from input 1
    assert layer.forward(np.arange(4, dtype=np.uint64)[:, None])[:, 0].tolist() == [0, 1, 0, 1]
    assert weights.nnz == 4


def test_counting_steps_refuses_what_predict_refuses(net):
    X = np.zeros((9, 6))
    X[5, 2] = np.nan
    with pytest.raises(fastmem.InvalidInput, match=r"X\[5, 2\] is nan"):
        net.encoder.hyperplanes.sign_steps(Points(X))


def run_python(code, folder):
    """Run code in a fresh process, in a folder that holds no source."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_the_source_folder_says_why_it_cannot_be_imported(tmp_path):
    package = Path(fastmem.__file__).parent
    shutil.copytree(package, tmp_path / "fastmem", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    result = run_python("import fastmem", tmp_path)
    assert result.returncode == 1
    assert "start it in another folder" in result.stderr.splitlines()[-1]


def test_a_first_call_imports_nothing_heavy_and_compiles_nothing(tmp_path):
    code = """
        import sys
        import numpy as np, fastmem
        X = np.random.default_rng(0).standard_normal((1000, 16))
        y = np.arange(1000) % 2
        assert np.array_equal(fastmem.memorize(X, y).predict(X), y)
        heavy = {"numba", "sklearn", "matplotlib", "torch", "scipy", "tqdm", "Cython", "click"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert run_python(code, tmp_path).stdout.strip() == "[]"


def test_a_forked_process_predicts_alike(tmp_path):
    code = """
        import os, sys
        import numpy as np, fastmem
        X = np.random.default_rng(0).standard_normal((50_000, 6))
        net = fastmem.memorize(X, np.arange(50_000) % 3, random_state=0, n_threads=2)
        expected = net.predict(X, n_threads=2)
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(net.predict(X, n_threads=2), expected) else 1)
        print(os.waitpid(child, 0)[1])
    """
    assert run_python(code, tmp_path).stdout.strip() == "0"
