"""Compiled predictors give the labels of `predict`, bit by bit, for every store and every kind of input."""

import gc
import inspect
import pickle
import subprocess
import sys
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError
from sklearn.datasets import load_digits
from support.environments import ENVIRONMENTS, environment, needs_environments

from fastmem import InvalidInput, memorize
from fastmem.hyperplanes.code import LinearCode
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.network import EncodedNetwork
from fastmem.store import IntegerStore

SEED = {"random_state": 0}
TINY = [0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 2.0**-149, -(2.0**-149), 3 * 2.0**-149, 2.0**-127, 1e-40]
HUGE = [1e300, -1e300, 1e308, -1.7e308, 3e38, -3.4e38, 1e200]


def rows(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def classes(n, weights, seed=1):
    weights = np.asarray(weights, float)
    return np.random.default_rng(seed).choice(len(weights), n, p=weights / weights.sum())


def near_hyperplanes(hyperplanes, n, seed=2):
    """Points on a hyperplane or some ulps beside it: its last coordinate solves w.x = t, as far as float64 can."""
    rng = np.random.default_rng(seed)
    X = np.repeat(rng.standard_normal((n, hyperplanes.d)), 3, axis=0)
    chosen = rng.integers(0, hyperplanes.m, len(X) // 3).repeat(3)
    w, t = hyperplanes.weights[chosen].astype(np.float64), hyperplanes.thresholds[chosen]
    at = np.arange(len(X)), np.argmax(np.abs(w), axis=1)
    X[at] = 0
    with np.errstate(all="ignore"):
        X[at] = np.nan_to_num((t - (w * X).sum(axis=1)) / w[at])
    beside = np.stack([np.nextafter(X[at], -1e308), X[at], np.nextafter(X[at], 1e308)])
    X[at] = beside[np.arange(len(X)) % 3, np.arange(len(X))]
    return X


def hard_rows(net, n=300, seed=3):
    """Points of many magnitudes, and points as near to a hyperplane as float64 numbers are."""
    d, rng = net.n_features_in, np.random.default_rng(seed)
    parts = [rng.choice([*TINY, *HUGE, 1.0, -2.0], (n, d)), rng.choice(TINY, (n, d))]
    parts.append(np.ldexp(rng.standard_normal((n, d)), rng.integers(-1070, 1000, (n, d))))
    if net.n_hyperplanes:
        parts.append(near_hyperplanes(net.encoder.hyperplanes, n))
    return np.concatenate(parts)


@numba.njit
def label_rows(label_of, X, out):
    for i in range(len(X)):
        out[i] = label_of(X[i])


def labels(functions, X, dtype):
    """Labels by both functions, which agree."""
    one, many = np.empty((2, len(X)), dtype)
    label_rows(functions.one, X, one)
    assert functions.many(X, many) is many
    assert np.array_equal(one, many)
    return many


def assert_predicts(net, functions, *inputs, **options):
    for X in inputs:
        expected = net.predict(X, **options)
        assert np.array_equal(labels(functions, X, expected.dtype), expected)


def float32_of(X):
    with np.errstate(over="ignore", under="ignore"):
        return np.clip(X, -3e38, 3e38).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    X = rows(4000, 16)
    return memorize(X, classes(4000, np.ones(2)), **SEED)


@pytest.fixture(scope="module")
def functions(net):
    return net.jit()


# The same labels


def test_memorized_rows_get_their_labels(net, functions):
    assert np.array_equal(labels(functions, rows(4000, 16), np.int64), classes(4000, np.ones(2)))


def test_labels_are_those_of_predict_for_any_numbers(net, functions):
    for X in (rows(5000, 16, 9), hard_rows(net)):
        assert_predicts(net, functions, X, float32_of(X))


def test_labels_do_not_depend_on_the_layout(net, functions):
    X = np.concatenate([rows(500, 16, 9), hard_rows(net, 50)])
    wide = np.zeros((2 * len(X), 33))
    wide[::2, 1:33:2] = X
    readonly = X.copy()
    readonly.flags.writeable = False
    views = [np.asfortranarray(X), wide[::2, 1:33:2], X[::-1].copy()[::-1], readonly, X[:0]]
    assert_predicts(net, functions, *views)
    out = np.zeros((len(X), 3), np.int64)
    functions.many(X, out[:, 1])
    assert np.array_equal(out[:, 1], net.predict(X))


def test_unaligned_rows_are_read(net, functions):
    X = rows(50, 16)
    packed = np.zeros(50, np.dtype([("tag", "i1"), ("x", "f8", 16)]))
    packed["x"] = X
    assert_predicts(net, functions, packed["x"])


def skewed(n, d, weights, **options):
    return memorize(rows(n, d), classes(n, weights), **SEED, **options)


@pytest.mark.parametrize(
    ("build", "has"),
    [
        (lambda: skewed(3000, 8, np.ones(10)), lambda store: max(ribbon.n_planes for ribbon in store.ribbons) > 1),
        (lambda: skewed(3000, 8, np.ones(10), store="integer"), lambda store: store.name == "integer"),
        (lambda: skewed(4000, 8, 1 / np.arange(1.0, 41) ** 1.5), lambda store: len(store.ribbons) > 1),
        (lambda: skewed(4000, 8, [95, 5]), lambda store: store.label_code.filter_bits > 0),
        (lambda: skewed(60000, 8, [9000, 900, 60, 30, 10]), lambda store: hasattr(store.symbols.rare, "filter")),
    ],
    ids=["ten classes", "integer store", "prefix code", "filter", "filter behind a filter"],
)
def test_every_store_is_looked_up_alike(build, has):
    net = build()
    assert has(net.store)
    assert_predicts(net, net.jit(), rows(net.n_points, 8), rows(3000, 8, 9), hard_rows(net))


@pytest.mark.parametrize("n_classes", [1, 2, 5, 300])
def test_blocks_of_the_theorem_are_looked_up_alike(n_classes):
    X = rows(300, 8)
    net = memorize(X, np.arange(300) % n_classes, construction="rajput2021", **SEED)
    assert_predicts(net, net.jit(), X, rows(500, 8, 5), hard_rows(net, 100))


def test_digits_keep_their_labels():
    X, y = load_digits(return_X_y=True)
    net = memorize(X, y, **SEED)
    one, many = net.jit()
    assert [one(x) for x in X[:20]] == y[:20].tolist()
    assert np.array_equal(many(X, np.empty(len(X), y.dtype)), y)
    assert np.array_equal(many(X.astype(np.float32), np.empty(len(X), y.dtype)), y)


@pytest.fixture(scope="module")
def plane():
    """A network with a linear code: more hyperplanes than bits."""
    X = np.random.default_rng(0).uniform(size=(2500, 2))
    net = memorize(X, classes(2500, np.ones(3)), **SEED)
    assert net.n_hyperplanes > net.encoder.n_bits
    return net


def test_linear_codes_are_computed_alike(plane):
    assert_predicts(plane, plane.jit(), rows(1000, 2), hard_rows(plane))


def test_the_line_is_searched_alike():
    X = np.random.default_rng(0).standard_normal((1000, 1))
    X[:10, 0] = [0, 2.0**-149, -(2.0**-149), 2.0**-140, 2.0**-127, -(2.0**-127), 1e38, -1e38, 2.0**-126, 1]
    net = memorize(X, np.arange(1000) % 7, **SEED)
    assert net.encoder.hyperplanes.only_column == 0
    t = net.encoder.hyperplanes.thresholds
    near = np.concatenate([t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf), [-0.0], TINY, HUGE])[:, None]
    assert_predicts(net, net.jit(), X, near, float32_of(near), np.repeat(near, 3, axis=1)[:, 1:2])


def test_one_class_is_returned_for_finite_points():
    net = memorize(rows(10, 3), np.full(10, 7), **SEED)
    functions = net.jit()
    assert_predicts(net, functions, rows(5, 3))
    with pytest.raises(InvalidInput, match="finite"):
        functions.one(np.array([0, np.nan, 0]))


def network_of(weights, thresholds):
    """A network whose class is the number made of its signs."""
    m, d = weights.shape
    hyperplanes = Hyperplanes(weights, thresholds, np.zeros(d), np.zeros(d, np.int16))
    numbers = np.arange(1 << m)
    store = IntegerStore(numbers.astype(np.uint64), numbers.astype(np.int32), m, 1 << m)
    names = {"construction": "compact", "separate": "labels", "smallest_distance": 0.0, "largest_norm": 1.0}
    return EncodedNetwork(
        Encoder(hyperplanes, LinearCode.identity(m)), store, numbers, n_points=1, n_told_apart=1, **names
    )


@pytest.fixture(scope="module")
def adversarial():
    """Hyperplanes of every magnitude, some through points, one without weights."""
    rng = np.random.default_rng(0)
    weights = rng.choice([0, 1, -1, 2.0**-149, 1e30, -1e30, 3.4e38, 1 / 3, 2.0**-126, 7], (11, 3)).astype(np.float32)
    weights[4] = 0
    thresholds = rng.choice([0, 1, -1, 5e-324, -5e-324, 1e-310, 1e30, -1e308, 1.7e308, 2.0**-149], 11)
    thresholds[4] = 5e-324
    return network_of(weights, thresholds)


def test_signs_are_exact_where_rounding_decides_nothing_in_every_rounding_mode(adversarial):
    many = adversarial.jit().many
    rng = np.random.default_rng(1)
    X = rng.choice([*TINY, *HUGE, 1, -1, 1 / 3, 1e30, -1e30, 1e-30, 2.0**53 - 1], (4000, 3))
    for points in (X, float32_of(X), hard_rows(adversarial)):
        codes = adversarial.codes(points).astype(np.int64)
        for name in ENVIRONMENTS:
            with environment(name):
                found = many(points, np.empty(len(points), np.int64))
            assert np.array_equal(found, codes), name


@needs_environments
def test_signs_are_exact_where_subnormal_numbers_are_flushed():
    half = numba.njit(lambda x: x * 0.5)
    half(1.0)
    rng = np.random.default_rng(0)
    tiny = [0.0, 5e-324, -5e-324, 1e-310, -1e-309, 2.0**-1022, 2.0**-1020, -(2.0**-1021), 1e-300]
    for X in (rng.choice(tiny, (400, 3)), rng.integers(-40, 40, (400, 3)) * np.float32(2.0**-149)):
        points = np.unique(X, axis=0)
        y = rng.integers(0, 3, len(points))
        many = memorize(points, y, random_state=0).jit().many
        out = many(points, np.zeros(len(points), y.dtype)) * 0 - 1
        with environment("flushed"):
            is_flushed = half(2.0**-1022) == 0
            many(points, out)
        assert is_flushed
        assert np.array_equal(out, y)


# Labels


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        np.array([3, 250], np.uint8),
        np.array([-(2**62) - 1, 2**62 + 1], ">i8"),
        np.array([0.0, -0.0], np.float32),
        np.array([1.5, 1e300], ">f8"),
        np.array([1j, -2.5]),
        np.array(["2024-01-01", "2025-06-30"], "M8[D]"),
        np.array([1, -5], "m8[ms]"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_labels_keep_their_dtype(values):
    X, y = rows(40, 4), values[np.arange(40) % 2]
    net = memorize(X, y, **SEED)
    native = y.astype(y.dtype.newbyteorder("="))
    got = labels(net.jit(), X, native.dtype)
    assert got.tobytes() == native.tobytes()


@pytest.mark.parametrize("y", [["a", "b"], [b"a", b"bc"], [None, (1, 2)], np.array([1, 2], np.float16)])
def test_positions_stand_for_labels_that_numba_has_no_numbers_for(y):
    values = np.empty(2, object)
    values[:] = list(y)
    y = (values if isinstance(y[0], tuple | None) else np.asarray(y))[np.arange(40) % 2]
    X = rows(40, 4)
    net = memorize(X, y, **SEED)
    with pytest.raises(InvalidInput, match=r'compiled code cannot return labels .* output="index"'):
        net.jit()
    positions = labels(net.jit(output="index"), X, np.intp)
    assert net.classes[positions].tolist() == y.tolist()


@pytest.fixture(scope="module")
def recognising():
    return memorize(rows(1000, 6), classes(1000, np.ones(3)), separate="all", fingerprint_bits=10, **SEED)


def test_unknown_rows_get_what_is_asked_for(recognising):
    X = np.concatenate([rows(1000, 6), rows(3000, 6, 9)])
    assert not recognising.contains(X).all()
    got = recognising.jit(unknown=-1.5).many(X, np.empty(len(X)))
    assert np.array_equal(got, recognising.predict(X, unknown=-1.5))
    positions = recognising.jit(unknown=-5, output="index").many(X, np.empty(len(X), np.intp))
    assert np.array_equal(positions, recognising.predict(X, unknown=-5))


def test_what_cannot_be_asked_for_is_refused(recognising, net):
    with pytest.raises(InvalidInput, match="fingerprint_bits=16"):
        net.jit(unknown=-1)
    with pytest.raises(InvalidInput, match=r"unknown is an integer, not 0\.5"):
        recognising.jit(unknown=0.5, output="index")
    with pytest.raises(InvalidInput, match="'label', 'index'"):
        net.jit(output="code")


# Inside compiled code


def test_loops_of_the_user_run_in_threads(net, functions):
    label_of, labels_of = functions

    @numba.njit(parallel=True)
    def in_parallel(X, out):
        for i in numba.prange(len(X)):
            out[i] = label_of(X[i])

    X = rows(3000, 16, 9)
    expected, out = net.predict(X), np.empty(3000, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some threading layers warn of old versions of themselves
        in_parallel(X, out)
    assert np.array_equal(out, expected)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(labels_of, X, np.empty(3000, np.int64)) for _ in range(8)]
    assert all(np.array_equal(future.result(), expected) for future in futures)


def test_bad_points_raise(functions):
    one, many = functions
    for bad in (np.nan, np.inf, -np.inf):
        for dtype in (np.float32, np.float64):
            X = np.zeros((3, 16), dtype)
            X[1, 11] = bad
            with pytest.raises(InvalidInput, match="finite"):
                one(X[1])
            with pytest.raises(InvalidInput, match="finite"):
                many(X, np.empty(3, np.int64))
    with pytest.raises(InvalidInput, match="16 coordinates"):
        one(np.zeros(15))
    with pytest.raises(InvalidInput, match="16 coordinates"):
        many(np.zeros((2, 17)), np.empty(2, np.int64))
    with pytest.raises(InvalidInput, match="one place for each row"):
        many(np.zeros((2, 16)), np.empty(3, np.int64))


def test_other_arrays_are_refused(functions):
    one, many = functions
    with pytest.raises(TypingError, match="float32 or float64"):
        one(np.zeros(16, np.int64))
    with pytest.raises(TypingError, match="one-dimensional"):
        one(np.zeros((1, 16)))
    with pytest.raises(TypingError, match="two-dimensional"):
        many(np.zeros(16), np.empty(1, np.int64))
    with pytest.raises(TypingError, match="out must be"):
        many(np.zeros((1, 16)), np.empty(1, np.int32))


def memory_of(one):
    """What compiled code reads: `one` closes over it."""
    return inspect.getclosurevars(one.py_func).nonlocals["memory"]


def test_arrays_live_as_long_as_code_that_reads_them():
    X, y = rows(500, 5), np.arange(500) % 3
    functions = [memorize(X, y, **SEED).jit().one]

    @numba.njit
    def label_rows(X, out):
        for i in range(len(X)):
            out[i] = one(X[i])  # noqa: F821

    globals()["one"] = functions.pop()
    out = np.empty(500, np.int64)
    label_rows(X, out)
    memory = weakref.ref(memory_of(globals().pop("one")))
    gc.collect()
    assert memory() is not None
    out[:] = -1
    label_rows(X, out)
    assert np.array_equal(out, y)
    del label_rows
    gc.collect()
    assert memory() is None


def test_functions_can_be_pickled(net, functions, tmp_path):
    X = rows(200, 16, 9)
    program = (
        "import pickle, sys; one, many, X = pickle.load(sys.stdin.buffer)\n"
        "import numpy as np; print(many(X, np.empty(len(X), np.int64)).tolist() == [one(x) for x in X], "
        "many(X, np.empty(len(X), np.int64)).sum())"
    )
    sent = pickle.dumps((*functions, X))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, input=sent, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["True", str(net.predict(X).sum())]


def test_addresses_are_not_cached_on_disk(functions, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    one = functions.one

    @numba.njit(cache=True)
    def first(X):
        return one(X[0])

    with pytest.warns(numba.NumbaWarning, match="dynamic globals"):
        first(rows(1, 16))
    assert not list(tmp_path.rglob("*.nbc"))


def test_compile_time_and_code_do_not_grow_with_the_number_of_points():
    sizes = []
    for n in (1000, 100000):
        one = memorize(rows(n, 16), classes(n, np.ones(2)), effort="fast", **SEED).jit().one
        one(np.zeros(16))
        sizes.append(sum(map(len, one.inspect_asm().values())))
    assert sizes[1] < 1.5 * sizes[0]


def test_without_numba_the_error_says_what_to_install(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in [name for name in sys.modules if name.startswith("fastmem.export.jit")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[jit\]"'):
        net.jit()
