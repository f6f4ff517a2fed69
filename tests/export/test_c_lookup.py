"""C files of the shortcut: every part of a plan, every step of signs, and the labels of `predict` for every input."""

import ctypes
import platform
import warnings
from functools import cache

import numpy as np
import pytest
from oracles.c_programs import (
    FREE,
    SANITIZED,
    STRICT,
    Program,
    answers_of_program,
    as_dtype,
    compiled,
    find_compiler,
    hard_rows,
)
from support import near_hyperplanes, saved
from support.partners import missing

import fastmem
from fastmem import InvalidInput, MarginTooSmall, memorize
from fastmem.errors import RecognitionWarning

SMALL = (*STRICT[:-1], "-Os", "-DFASTMEM_NO_DOUBLE")


@pytest.fixture(scope="session")
def compiler():
    found = find_compiler()
    if found is None:
        missing("there is no C compiler")
    return found


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def of(X, n_classes=3, **options):
    return memorize(X, np.random.default_rng(1).integers(0, n_classes, len(X)), random_state=0, **options)


def shrunk(net, factor):
    """A network with weights and thresholds so many times as large, weights rounded to what float32 holds."""
    tensors, settings = net.parameters()
    weights = (tensors["weights"] * np.float64(factor)).astype(np.float32)
    tensors |= {"weights": weights, "thresholds": tensors["thresholds"] * factor}
    return fastmem.Network.from_parameters(tensors, settings, net.classes)


NETWORKS = {
    "codes in runs": saved.NETWORKS["identity code, uint32 starts"][0],
    "a line": saved.NETWORKS["binary, linear code"][0],
    "a line, known": saved.NETWORKS["binary, fingerprints of a linear code"][0],
    "one class, known": saved.NETWORKS["binary, fingerprints of one class"][0],
    "one point, known": saved.NETWORKS["binary, fingerprints of one point"][0],
    "words of several lengths": saved.huffman_network,
    "filters and fingerprints": saved.filtering_network,
    "a thousand classes": saved.NETWORKS["binary, thousand classes"][0],
    "cuts": saved.cuts_network,
    "scattered columns": saved.columns_network,
    "known by all columns": saved.known_by_all_columns,
    "rows known, few columns read": lambda: saved.known_by_all_columns(recognise="rows"),
    "theorem": lambda: saved.theorem_network("rajput2021"),
    "a linear code of cells": lambda: of(normal(500, 2), separate="all", fingerprint_bits=9),
    "far from 0": lambda: of(1000 + normal(300, 5)),
    "columns of unlike scales": lambda: of(normal(300, 5) * 10.0 ** np.arange(-6, 9, 3)),
    "beyond float": lambda: of(1e200 * normal(100, 4)),
    "subnormal weights": lambda: shrunk(of(normal(100, 3)), 2.0**-137),
    "tiny": lambda: of(1e-42 * normal(100, 4)),
}


@cache
def network(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecognitionWarning)
        return NETWORKS[name]()


def inputs(net, dtype, n=1000):
    """Rows as large as those memorized, and hard ones."""
    rng = np.random.default_rng(5)
    X = min(net.largest_norm, 1e300) * rng.standard_normal((n, net.n_features_in))
    whole = np.arange(n)[:, None] * np.ones(net.n_features_in)
    return np.concatenate([*(as_dtype(part, dtype) for part in (X, np.round(X), whole)), hard_rows(net, dtype)])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_part_of_a_plan_gives_the_answers_of_predict(compiler, tmp_path, name):
    net = network(name)
    c, X = Program(compiler, tmp_path, net, output="index"), inputs(net, "float32")
    assert np.array_equal(net.classes[c.predict(X)], net.predict(X))
    if net.fingerprint_bits:
        assert np.array_equal(c.contains(X), net.contains(X))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("known by all columns", "float64"),
        ("a line, known", "float64"),
        ("rows known, few columns read", "float64"),
        ("far from 0", "float64"),
        ("columns of unlike scales", "float32"),
        ("beyond float", "float64"),
    ],
)
def test_answers_need_no_arithmetic_in_double(compiler, tmp_path, name, dtype):
    net = network(name)
    c, X = Program(compiler, tmp_path, net, SMALL, dtype=dtype, output="index"), inputs(net, dtype)
    assert np.array_equal(net.classes[c.predict(X)], net.predict(X))
    if net.fingerprint_bits:
        assert np.array_equal(c.contains(X), net.contains(X))


@pytest.mark.parametrize("name", ["filters and fingerprints", "known by all columns", "rows known, few columns read"])
def test_sanitizers_find_nothing(compiler, tmp_path, name):
    net = network(name)
    X = inputs(net, "float32", 300)
    X[::50, -1] = np.nan
    finite = np.isfinite(X).all(axis=1)
    try:
        found = answers_of_program(compiler, tmp_path, net, X, *SANITIZED, output="index")
    except AssertionError as error:
        if "asan" not in str(error) or "cannot find" not in str(error):
            raise
        pytest.skip("the compiler has no sanitizers")
    assert np.array_equal(net.classes[found[finite, 0]], net.predict(X[finite]))
    assert np.array_equal(found[:, 0], found[:, 1])
    assert np.array_equal(found[finite, 2], net.contains(X[finite]))
    assert not found[~finite, 2].any()


@pytest.mark.parametrize("flags", [STRICT, SMALL, FREE])
def test_rows_on_hyperplanes_and_one_ulp_beside_get_the_labels_of_predict(compiler, tmp_path, flags):
    X = normal(150, 3).astype(np.float32)
    net = of(X)
    hard, n_near = near_hyperplanes.inputs(net, X, 300, np.random.default_rng(0))
    assert n_near > 50
    assert np.array_equal(Program(compiler, tmp_path, net, flags).predict(hard), net.predict(hard))


MODES = """
#include <fenv.h>
#include <stddef.h>
#include "net.c"
int rows_in_mode(const coordinate *X, size_t n, int mode, unsigned flush, int *out)
{
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    const int before = fegetround();
#ifdef __SSE2__
    const unsigned state = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(state | (flush ? 0x8040 : 0));
#endif
    fesetround(modes[mode]);
    for (size_t i = 0; i < n; i++)
        out[i] = fastmem_predict(X + i * D);
    fesetround(before);
#ifdef __SSE2__
    __builtin_ia32_ldmxcsr(state);
#endif
    return 0;
}
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="sets a register of x86-64")
@pytest.mark.parametrize(
    ("name", "dtype", "form"),
    [
        ("far from 0", "float32", "lookup"),
        ("subnormal weights", "float64", "lookup"),
        ("subnormal weights", "float64", "layers"),
        ("tiny", "float64", "lookup"),
        ("cuts", "float64", "lookup"),
    ],
)
def test_answers_are_the_same_in_every_mode_of_the_processor(compiler, tmp_path, name, dtype, form):
    net = network(name)
    net.to_c(tmp_path / "net.c", form=form, dtype=dtype, unsafe=True)
    (tmp_path / "modes.c").write_text(MODES)
    compiled(
        [
            compiler,
            "-O2",
            f"-DD={net.n_features_in}",
            "-frounding-math",
            "-shared",
            "-fPIC",
            "modes.c",
            "-o",
            "modes.so",
            "-lm",
        ],
        tmp_path,
    )
    library = ctypes.CDLL(str(tmp_path / "modes.so"))
    X = np.ascontiguousarray(inputs(net, dtype))
    for mode in range(4):
        for flush in (0, 1):
            found = np.empty(len(X), np.intc)
            library.rows_in_mode(
                ctypes.c_void_p(X.ctypes.data), ctypes.c_size_t(len(X)), mode, flush, ctypes.c_void_p(found.ctypes.data)
            )
            assert np.array_equal(found, net.predict(X)), (mode, flush)


def test_many_rows_at_once_get_the_labels_of_each(compiler, tmp_path):
    net = network("scattered columns")
    c, X = Program(compiler, tmp_path, net, name="trees"), inputs(net, "float32")
    X[7, 3] = np.inf  # is read
    X[8, 4] = np.nan  # is not
    found = np.empty(len(X), np.intc)
    c.library.trees_predict_many(
        ctypes.c_void_p(X.ctypes.data), ctypes.c_size_t(len(X)), ctypes.c_void_p(found.ctypes.data)
    )
    assert np.array_equal(found, c.predict(X))
    assert found[7] == np.iinfo(np.intc).min
    assert found[8] == net.predict(X[8:9])[0]


def test_what_is_read_to_know_a_row_does_not_matter_for_its_label(compiler, tmp_path):
    net = network("known by all columns")
    c, X = Program(compiler, tmp_path, net), inputs(net, "float32")[:20]
    X[:, 0] = np.nan
    assert 0 not in net.columns
    assert np.array_equal(c.predict(X), net.predict(X))
    assert not c.contains(X).any()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("scattered columns", "float32"), ("far from 0", "float64"), ("columns of unlike scales", "float32")],
)
def test_hardly_a_sign_is_left_open_by_float(compiler, tmp_path, name, dtype):
    net = network(name)
    net.to_c(tmp_path / "net.c", dtype=dtype, unsafe=True)
    source = (tmp_path / "net.c").read_text()
    source = source.replace("static uint32_t near_sign(", "long n_left;\nstatic uint32_t near_sign(")
    source = source.replace("const float *next = w;", "const float *next = (n_left++, w);")
    (tmp_path / "net.c").write_text(source)
    compiled([compiler, "-O1", "-shared", "-fPIC", "net.c", "-o", "net.so"], tmp_path)
    library = ctypes.CDLL(str(tmp_path / "net.so"))
    hyperplanes, columns = net.hyperplanes_read, net.columns
    X = np.zeros((1000, net.n_features_in), dtype)
    X[:, columns] = hyperplanes.centre + normal(1000, len(columns)) * np.ldexp(1.0, hyperplanes.exponents)
    found = np.empty(len(X), np.intc)
    library.fastmem_predict_many(
        ctypes.c_void_p(X.ctypes.data), ctypes.c_size_t(len(X)), ctypes.c_void_p(found.ctypes.data)
    )
    assert ctypes.c_long.in_dll(library, "n_left").value < 1e-3 * len(X) * net.n_hyperplanes
    assert np.array_equal(found, net.predict(X))


def test_tables_take_little_more_than_the_network(tmp_path):
    X = normal(20_000, 16)
    net = of(X / np.linalg.norm(X, axis=1, keepdims=True), 2)
    size = net.to_c(tmp_path / "net.c", unsafe=True)
    assert size.form == "lookup"
    assert size.table_bytes < 1.2 * net.nbytes
    assert size.table_bytes == size.layer_bytes[0] + size.store_bytes + size.known_bytes + size.label_bytes
    assert size.table_bytes < net.to_c(tmp_path / "layers.c", form="layers", unsafe=True).table_bytes
    assert f"{size.table_bytes:,} bytes of read-only tables" in (tmp_path / "net.c").read_text()
    assert size.to_dict()["store_bytes"] == size.store_bytes


def test_forms_that_a_network_has_not_are_refused(tmp_path):
    path = tmp_path / "net.c"
    layered = fastmem.Network.from_layers([([[1.0, 1.0]], [1.0])])
    assert layered.to_c(path, unsafe=True).form == "layers"
    with pytest.raises(InvalidInput, match=r'to_c\(form="lookup"\) needs codes'):
        layered.to_c(path, form="lookup", unsafe=True)
    with pytest.raises(InvalidInput, match='recognise="cells"'):
        network("rows known, few columns read").to_c(path, form="layers", unsafe=True)
    with pytest.raises(InvalidInput, match="form must be one of 'lookup', 'layers', not 'units'"):
        layered.to_c(path, form="units")


def test_rows_known_by_their_numbers_must_be_float32_numbers(compiler, tmp_path):
    X, y = normal(50, 3), np.arange(50) % 2
    net = memorize(X, y, recognise="rows", fingerprint_bits=9, random_state=0)
    with pytest.raises(MarginTooSmall, match="known by a hash of their numbers"):
        net.to_c(tmp_path / "net.c")
    with pytest.raises(MarginTooSmall, match="50 of 50 rows"):
        net.to_c(tmp_path / "net.c", X=X)
    c = Program(compiler, tmp_path, net, dtype="float64", unsafe=False)
    assert c.contains(X).all()
    rounded = X.astype(np.float32).astype(np.float64)
    net = memorize(rounded, y, recognise="rows", fingerprint_bits=9, random_state=0)
    net.to_c(tmp_path / "net.c")
    net.to_c(tmp_path / "net.c", X=rounded)
