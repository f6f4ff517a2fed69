"""C files written for networks compile without a warning, and give the labels of `predict` for every input."""

import ctypes
import platform
import shutil
import subprocess
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from oracles.c_programs import FREE, STRICT, Program, as_dtype, compiled, find_compiler, hard_rows
from support.exported import digits, patches
from support.partners import missing

import fastmem
from fastmem import InvalidInput, MarginTooSmall, Network, NetworkTooLarge, memorize
from fastmem.export.c import program as export

SEED = {"random_state": 0}


@pytest.fixture(scope="session")
def compiler():
    found = find_compiler()
    if found is None:
        missing("there is no C compiler")
    return found


@pytest.fixture
def program(compiler, tmp_path):
    """A function that compiles a network, in a folder of its own each time."""
    count = iter(range(100))

    def build(net, *flags, **options):
        folder = tmp_path / str(next(count))
        folder.mkdir()
        return Program(compiler, folder, net, *flags, **options)

    return build


def rows(n, d, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def labels(n, n_classes=2, seed=1):
    return np.random.default_rng(seed).integers(0, n_classes, n)


def sphere(n, d):
    X = rows(n, d)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def built(X, y, **options):
    return X, y, memorize(X, y, **SEED, **options)


def circle(n):
    instance = fastmem.theory.instances.circle(n)
    X = instance.X.astype(np.float32)
    return built(X, instance.y)


NETWORKS = {
    "digits": lambda: built(*digits()),
    "digits, random labels": lambda: built(digits()[0], labels(1797, 10)),
    "image patches": lambda: built(X := patches(5000), labels(len(X))),
    "sphere": lambda: built(sphere(5000, 16), labels(5000)),
    "integer store": lambda: built(sphere(5000, 16), labels(5000, 3), store="integer"),
    "many lines in the plane": lambda: circle(400),
    "on the line": lambda: built(rows(300, 1), labels(300, 4)),
    "on the line, integer store": lambda: built(rows(300, 1), labels(300), store="integer"),
    "one class": lambda: built(rows(50, 3), np.full(50, 7)),
    "one point with a fingerprint": lambda: built(rows(1, 3), np.ones(1, int), separate="all", fingerprint_bits=4),
    "negative labels": lambda: built(rows(2000, 8), -5 * labels(2000, 3) - 100_000),
    "booleans": lambda: built(rows(500, 8), labels(500) == 1),
    "skewed labels": lambda: built(rows(5000, 8), (labels(5000, 50) == 0) * labels(5000, 3)),
    "fingerprints": lambda: built(rows(2000, 8), labels(2000, 10), separate="all", fingerprint_bits=7),
    "rajput2021": lambda: built(sphere(500, 16), labels(500, 3), construction="rajput2021"),
    "baum1988": lambda: built(rows(500, 8), labels(500, 4), construction="baum1988"),
    "baum1988 on the line": lambda: built(rows(200, 1), labels(200), construction="baum1988"),
}  # fmt: skip


@cache
def network(name):
    """Points, labels and their network."""
    return NETWORKS[name]()


WITHOUT_CODES = ("baum1988", "baum1988 on the line")
FORMS = [(name, form) for name in NETWORKS for form in ("lookup", "layers") if (form, name) not in
         {("lookup", without) for without in WITHOUT_CODES}]  # fmt: skip


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_labels_are_those_of_predict_for_every_input(program, name, form):
    X, y, net = network(name)
    c = program(net, form=form)
    assert np.array_equal(c.predict(X), y)
    for inputs in (rows(5000, X.shape[1], 9), hard_rows(net, "float32")):
        assert np.array_equal(c.predict(inputs), net.predict(inputs))
    if net.fingerprint_bits:
        assert np.array_equal(c.contains(X), np.ones(len(X)))
        assert np.array_equal(c.contains(inputs), net.contains(inputs))
        assert np.array_equal(c.contains(rows(5000, X.shape[1], 9)), net.contains(rows(5000, X.shape[1], 9)))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "lookup") for name in ("sphere", "on the line", "many lines in the plane", "fingerprints")),
        *((name, "layers") for name in ("baum1988", "many lines in the plane", "fingerprints")),
    ],
)
def test_double_points_get_the_labels_of_predict(program, name, form):
    X, y, net = network(name)
    c = program(net, dtype="float64", form=form)
    assert np.array_equal(c.predict(X.astype(np.float64)), y)
    for inputs in (rows(5000, X.shape[1], 9, np.float64), hard_rows(net, "float64")):
        assert np.array_equal(c.predict(inputs), net.predict(inputs))


def test_labels_are_those_of_predict_for_a_hundred_thousand_points(program):
    net = network("sphere")[2]
    others = np.concatenate([rows(50_000, 16, 4), 0.25 * rows(50_000, 16, 5)])
    assert np.array_equal(program(net).predict(others), net.predict(others))


def test_answers_do_not_depend_on_flags_of_the_compiler(program):
    for name, dtype, form in (
        ("digits", "float32", "lookup"),
        ("digits", "float32", "layers"),
        ("integer store", "float64", "lookup"),
        ("baum1988", "float32", None),
    ):
        X, _, net = network(name)
        inputs = np.concatenate([X.astype(dtype), hard_rows(net, dtype)])
        assert np.array_equal(program(net, FREE, dtype=dtype, form=form).predict(inputs), net.predict(inputs))


def adversarial(seed, dtype):
    """16 hyperplanes with weights of all magnitudes, and points for which some sums are the thresholds, or nearly."""
    rng = np.random.default_rng(seed)
    tiny, huge = np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max
    pool = np.array([0.0, 1.0, -1.0, 0.5, 3.0, -7.0, 1 / 3, 1e30, -1e30, 1e-30, tiny, -3 * tiny, huge, -huge], dtype)
    weights = as_dtype(rng.choice(pool, (16, 4)), "float32")
    X = rng.choice(pool, (400, 4)).astype(dtype)
    X[200:] = rng.integers(-3, 4, (200, 4))
    weights[8:] = rng.integers(-3, 4, (8, 4))
    thresholds = np.zeros(16)
    for j, w in enumerate(weights.tolist()):
        x = X[rng.integers(0, 400)].tolist()
        total = sum(Fraction(a) * Fraction(b) for a, b in zip(w, x, strict=True))
        nearest = float(max(min(total, Fraction(1e308)), Fraction(-1e308)))
        thresholds[j] = rng.choice([nearest, np.nextafter(nearest, -1e308), np.nextafter(nearest, 1e308)])
    return Network.from_layers([(weights, thresholds)]), X


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(4))
def test_signs_are_exact_where_rounding_could_change_them(program, dtype, seed):
    net, X = adversarial(seed, dtype)
    assert np.array_equal(program(net, FREE if seed % 2 else STRICT, dtype=dtype).predict(X), net.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_signs_are_exact_where_products_underflow(program, dtype):
    rng = np.random.default_rng(0)
    thresholds = np.append(np.zeros(8), 5e-324 * rng.integers(-3, 4, 8))
    net = Network.from_layers([(rng.uniform(-1, 1, (16, 4)).astype(np.float32), thresholds)])
    X = (rng.integers(-3, 4, (3000, 4)) * np.finfo(dtype).smallest_subnormal).astype(dtype)
    assert np.array_equal(program(net, dtype=dtype).predict(X), net.predict(X))


@pytest.mark.parametrize("largest", [1, 2**20, 2**40, 2**61])
def test_units_of_any_weights_are_exact(program, largest):
    rng = np.random.default_rng(largest)
    shapes = [(40, 70), (90, 40), (5, 90)]
    layers = []
    for shape in shapes:
        weights = rng.integers(-largest, largest, shape, endpoint=True) // (1 << rng.integers(0, 60, shape))
        weights[: len(weights) // 2] = np.sign(weights[: len(weights) // 2]) << rng.integers(0, largest.bit_length())
        weights //= 128 if largest > 2**50 else 1
        weights[3] = (-1) ** np.arange(shape[1])
        weights[4] = 0
        layers.append((weights, weights.sum(axis=1) // 2))
    X = rows(3000, 6, 1)
    net = Network.from_layers([(rows(70, 6, 2), np.zeros(70)), *layers])
    assert len(set(net.predict(X).tolist())) > 4
    assert np.array_equal(program(net).predict(X), net.predict(X))


def test_a_code_of_many_bits_is_exact(program):
    X = rows(3000, 1)
    net = memorize(X, labels(3000), separate="all", store="integer", **SEED)
    assert net.largest_integer_weight > 2**31
    assert np.array_equal(program(net, form="layers").predict(X), net.predict(X))


# What is returned


def test_text_labels_are_named_in_a_table(program, compiler):
    names = np.array(['say "hi"', "back\\slash", "what??/", "tab\tnul\0end", "größe", "100%", ""], object)
    X, y = rows(700, 6), names[np.arange(700) % 7]
    net = memorize(X, y, **SEED)
    c = program(net, output="index", name="net1")
    index = c.predict(X)
    assert np.array_equal(net.classes[index], y)
    table = (ctypes.c_char_p * 7).in_dll(c.library, "net1_classes")
    assert [text.decode() for text in table] == [name.split("\0")[0] for name in net.classes]
    with pytest.raises(InvalidInput, match='output="index"'):
        net.to_c(c.folder / "no.c", unsafe=True)
    assert not (c.folder / "no.c").exists()


@pytest.mark.parametrize("y", [[0.5, 1.5], [0, 2**31], [-(2**31), 0], [None, "a"]])
def test_labels_that_are_no_int_of_c_are_refused(tmp_path, y):
    net = memorize(rows(2, 2), np.array(y, object if None in y else None))
    with pytest.raises(InvalidInput, match="index"):
        net.to_c(tmp_path / "net.c", unsafe=True)
    net.to_c(tmp_path / "net.c", output="index", unsafe=True)


def test_points_that_are_not_finite_are_refused(program):
    lowest = np.iinfo(np.intc).min
    for name in ("fingerprints", "one class", "on the line"):
        X, _, net = network(name)
        c = program(net)
        for bad in (np.nan, np.inf, -np.inf):
            points = X[:3].copy()
            points[:, -1] = bad
            assert c.predict(points).tolist() == [lowest] * 3
            if net.fingerprint_bits:
                assert c.contains(points).tolist() == [0] * 3


def test_fast_math_is_refused_by_the_file(compiler, tmp_path):
    for form, flag in (("lookup", "-ffast-math"), ("lookup", "-ffinite-math-only"), ("layers", "-ffast-math")):
        memorize(rows(100, 4), labels(100), **SEED).to_c(tmp_path / "net.c", form=form, unsafe=True)
        done = subprocess.run([compiler, "-O2", flag, "-c", "net.c"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode != 0
        assert "signs are exact" in done.stderr


def test_a_name_is_a_c_identifier(tmp_path):
    net = memorize(rows(10, 2), labels(10), **SEED)
    for name in ("", "2net", "a-b", "größe", "a b", "x\n", 3, None):
        with pytest.raises(InvalidInput, match="identifier"):
            net.to_c(tmp_path / "net.c", name=name, unsafe=True)
    for option in ({"dtype": "float16"}, {"output": "text"}):
        with pytest.raises(InvalidInput, match=next(iter(option))):
            net.to_c(tmp_path / "net.c", **option)


def test_two_networks_fit_in_one_program(compiler, tmp_path):
    for name in ("one", "other"):
        memorize(rows(100, 4), labels(100), **SEED).to_c(tmp_path / f"{name}.c", name=name, unsafe=True)
    main = "int one_predict(const float *); int other_predict(const float *);\n"
    main += "int main(void) { float x[4] = {0, 1, 2, 3}; return one_predict(x) != other_predict(x); }\n"
    (tmp_path / "main.c").write_text(main)
    compiled([compiler, "-std=c99", "main.c", "one.c", "other.c", "-o", "program"], tmp_path)
    compiled(["./program"], tmp_path)


@pytest.mark.parametrize("form", ["lookup", "layers"])
def test_the_same_network_gives_the_same_bytes(tmp_path, form):
    X, y = rows(1000, 8), labels(1000)
    net = memorize(X, y, **SEED)
    net.save(tmp_path / "net.safetensors")
    for name, each in (("a", net), ("b", fastmem.load(tmp_path / "net.safetensors"))):
        each.to_c(tmp_path / name, form=form, unsafe=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# Points rounded to float32


def pair(gap):
    """Two points in the plane that differ by a gap, a wide one apart from it, and their labels."""
    return np.array([[1.0, 0.0], [1.0 + gap, 0.0]]), np.array([0, 1])


def test_points_that_rounding_may_move_across_are_refused(tmp_path):
    X, y = pair(1e-9)
    net = memorize(X, y, **SEED)
    path = tmp_path / "net.c"
    with pytest.raises(MarginTooSmall, match="float64") as error:
        net.to_c(path)
    assert error.value.rows == []
    with pytest.raises(MarginTooSmall, match=r"1 of 2 rows \(1\) lose labels") as error:
        net.to_c(path, X=X)
    assert len(error.value.rows) == 1
    assert not path.exists()
    net.to_c(path, dtype="float64")
    net.to_c(path, unsafe=True)


def test_points_far_from_hyperplanes_need_no_check(program):
    X, y = pair(0.5)
    X += 1e-3 / 3
    c = program(memorize(X, y, **SEED), unsafe=False)
    assert np.array_equal(c.predict(X.astype(np.float32)), y)


def test_float32_points_lose_nothing(tmp_path):
    X, y = pair(2.0**-23)
    net = memorize(X, y, **SEED)
    assert net.smallest_distance < 2.0**-24 * net.largest_norm * (1 + 1e-9)
    net.to_c(tmp_path / "net.c")
    net.to_c(tmp_path / "net.c", X=X)
    net.to_c(tmp_path / "net.c", X=X.astype(np.float32))
    with pytest.raises(InvalidInput, match="2 points were memorized"):
        net.to_c(tmp_path / "net.c", X=X[:1])
    with pytest.raises(InvalidInput, match="2 points were memorized"):
        net.to_c(tmp_path / "net.c", dtype="float64", unsafe=True, X=X[:1])


def test_points_that_rounding_does_not_move_across_need_to_be_given(tmp_path):
    X = np.append(pair(2.0**-23)[0], [[1 / 3, 0.0]], axis=0)
    net = memorize(X, [0, 1, 0], **SEED)
    with pytest.raises(MarginTooSmall, match="give X"):
        net.to_c(tmp_path / "net.c")
    net.to_c(tmp_path / "net.c", X=X)


def test_points_beyond_float32_are_lost(tmp_path):
    X = np.array([[1e39], [2.0], [-1e39]])
    net = memorize(X, [0, 1, 0], **SEED)
    with pytest.raises(MarginTooSmall):
        net.to_c(tmp_path / "net.c")
    with pytest.raises(MarginTooSmall) as error:
        net.to_c(tmp_path / "net.c", X=X)
    assert error.value.rows == [0, 2]


# Sizes


def test_the_size_report_counts_what_the_compiler_stores(compiler, tmp_path):
    if shutil.which("size") is None or platform.system() != "Linux":
        pytest.skip("needs the command size, for sections of an object file")
    for name, form in (
        ("digits", "layers"),
        ("integer store", "layers"),
        ("rajput2021", "layers"),
        ("sphere", "lookup"),
        ("integer store", "lookup"),
        ("fingerprints", "lookup"),
    ):
        size = network(name)[2].to_c(tmp_path / "net.c", form=form, unsafe=True)
        compiled([compiler, *STRICT, "-c", "net.c", "-o", "net.o"], tmp_path)
        done = subprocess.run(["size", "-A", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True)
        sections = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(".")}
        stored = sum(size for section, size in sections.items() if section.startswith(".rodata"))
        assert size.table_bytes <= stored < 1.1 * size.table_bytes + 512
        assert sections.get(".data", 0) == sections.get(".bss", 0) == 0


def test_the_binary_store_takes_few_bits_a_label(tmp_path):
    net = memorize(sphere(20_000, 16), labels(20_000), **SEED)
    size = net.to_c(tmp_path / "net.c", form="layers", unsafe=True)
    assert net.store.name == "binary"
    assert sum(size.layer_bytes[1:]) < 20_000 / 8 * 4
    assert size.layer_bytes[0] == 4 * net.n_hyperplanes * 16 + 8 * net.n_hyperplanes
    assert size.to_dict()["table_bytes"] == size.table_bytes
    assert f"{size.table_bytes:,} bytes of read-only tables" in str(size)
    assert f"{size.table_bytes:,} bytes of read-only tables" in (tmp_path / "net.c").read_text()


def test_a_network_that_is_too_large_is_refused(tmp_path, monkeypatch):
    net = memorize(rows(1000, 8), labels(1000), **SEED)
    monkeypatch.setattr(export, "_MOST_BYTES", 1000)
    with pytest.raises(NetworkTooLarge, match=r"a C file would take .* more than 1,000"):
        net.to_c(tmp_path / "net.c", unsafe=True)
    assert not list(tmp_path.iterdir())
