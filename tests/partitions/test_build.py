"""Partitioned builds: the contract of every network, with limits so low that every stage runs; and one file for all."""

import contract
import numpy as np
import pytest
from sklearn.datasets import load_digits
from support.partitioned import Sliced, in_partitions, tiny

import fastmem
from fastmem import distributed
from fastmem.data.reading import Reading
from fastmem.distributed import samples

LOW = pytest.mark.usefixtures("low_limits")


@pytest.fixture
def low_limits(monkeypatch):
    tiny(monkeypatch)


def random_points(n, d, n_classes=2, seed=0):
    rng = np.random.default_rng([n, d, seed])
    return rng.standard_normal((n, d)), rng.integers(0, n_classes, n)


BUILDS = [build for build in contract.BUILDS if build["construction"] == "compact"]


@LOW
@pytest.mark.parametrize("build", [*BUILDS, *contract.FINGERPRINTS], ids=contract.name_of)
@pytest.mark.parametrize(("n", "d", "n_classes"), [(2, 2, 2), (250, 2, 3), (500, 16, 2)])
def test_partitioned_builds_keep_the_contract(build, n, d, n_classes, tmp_path):
    X, y = random_points(n, d, n_classes)
    unseen = 2 * np.random.default_rng(1).standard_normal((50, d))
    contract.check(X, y, unseen, tmp_path, some=20, scratch=tmp_path, **build)


@LOW
@pytest.mark.parametrize("separate", ["labels", "all"])
def test_digits_are_memorized_in_partitions(separate, tmp_path):
    digits = load_digits()
    net = fastmem.memorize(digits.data, digits.target, separate=separate, scratch=tmp_path, random_state=0)
    assert np.array_equal(net.predict(digits.data), digits.target)
    assert list(tmp_path.iterdir()) == []


CASES = {
    "random": lambda rng, X: (X, rng.integers(0, 2, len(X))),
    "sorted": lambda rng, X: (X[np.argsort(X[:, 0])], rng.integers(0, 2, len(X))),
    "clusters in order": lambda rng, X: (0.01 * X + np.arange(len(X))[:, None] // 100, rng.integers(0, 2, len(X))),
    "each row three times": lambda rng, X: (np.tile(X[:200], (3, 1)), np.tile(rng.integers(0, 2, 200), 3)),
    "a row often": lambda rng, X: (np.concatenate([X[:1].repeat(500, 0), X]), np.append([1] * 501, X[1:, 0] > 0)),
    "one class": lambda rng, X: (X, np.full(len(X), "a")),
    "ten classes": lambda rng, X: (X, rng.integers(0, 10, len(X))),
    "a class a row": lambda rng, X: (X, rng.permutation(len(X))),
    "a rare class": lambda rng, X: (X, np.arange(len(X)) == 77),
    "skewed classes": lambda rng, X: (X, np.minimum(rng.geometric(0.8, len(X)), 5)),
    "integers": lambda rng, X: (np.round(3 * X[:, :4]), np.round(3 * X[:, 0]) > 0),
    "two columns": lambda rng, X: (X[:, :2], rng.integers(0, 2, len(X))),
    "objects": lambda rng, X: (X, np.array([None, "a", 1, 1.0], object)[rng.integers(0, 4, len(X))]),
    "text as objects": lambda rng, X: (X, np.array(["dog", "cat", "zebra"], object)[rng.integers(0, 3, len(X))]),
    "rows of labels": lambda rng, X: (X, rng.integers(0, 3, (len(X), 2))),
    "other labels in each block": lambda rng, X: (X, np.arange(len(X)) // 70),
    "columns that tell little": lambda rng, X: (np.hstack([X[:, :1] > 0] * 30 + [X]), rng.integers(0, 2, len(X))),
}  # fmt: skip


@LOW
@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize("name", CASES)
def test_a_network_depends_on_no_partition_thread_or_file(name, separate, tmp_path):
    rng = np.random.default_rng(5)
    X, y = CASES[name](rng, rng.standard_normal((600, 12)))
    net = in_partitions(X, y, separate=separate)
    assert np.array_equal(net.predict(X), y)
    for options in ({"rows": 600}, {"rows": 97, "scratch": tmp_path, "n_threads": 2}):
        assert in_partitions(X, y, separate=separate, **options).to_bytes() == net.to_bytes()
    points = fastmem.data.points.Points(np.ascontiguousarray(X, np.float64))
    radii = net.hyperplanes_read.certified_radius(points.on(net.reading)) if net.n_hyperplanes else [np.inf]
    assert net.smallest_distance == min(radii)
    ordinary = fastmem.memorize(X, y, separate=separate, columns=net.columns, random_state=0)
    assert (net.n_told_apart, net.largest_norm, net.fits_float32) == (
        ordinary.n_told_apart, ordinary.largest_norm, ordinary.fits_float32,
    )  # fmt: skip


@LOW
@pytest.mark.parametrize("n_bad", [1, 30, 300])
@pytest.mark.parametrize("separate", ["labels", "all"])
def test_contradictions_across_partitions_are_named_by_rows_of_all(n_bad, separate, tmp_path):
    X, y = random_points(600, 8)
    X[600 - n_bad :], y[600 - n_bad :] = X[:n_bad], 1 - y[:n_bad]
    with pytest.raises(fastmem.ContradictoryLabels) as caught:
        in_partitions(X, y, separate=separate, scratch=tmp_path)
    pairs = {(row, 600 - n_bad + row) for row in range(n_bad)}
    said = set(map(tuple, caught.value.rows))
    assert said == pairs if "at least" not in str(caught.value) else said < pairs
    assert n_bad > 1 or said == pairs


@LOW
@pytest.mark.parametrize("separate", ["labels", "all"])
def test_contradictions_are_found_where_no_sample_shows_an_open_bucket(separate, monkeypatch):
    monkeypatch.setattr(samples, "_COUNTED", 1)
    monkeypatch.setattr(samples, "_LEAST_COUNTED", 1)
    X, y = random_points(600, 4)
    X[300:], y[300:] = X[:300], 1 - y[:300]
    with pytest.raises(fastmem.ContradictoryLabels):
        in_partitions(X, y, separate=separate)
    y[300:] = y[:300]
    net = in_partitions(X, y, separate=separate)
    assert np.array_equal(net.predict(X), y)
    assert net.n_told_apart == (2 if separate == "labels" else 300)


@LOW
def test_columns_asked_for_are_read_and_must_tell_rows_apart(tmp_path):
    X, y = random_points(500, 20)
    net = fastmem.memorize(X, y, columns=[3, 7], scratch=tmp_path, random_state=0)
    assert net.columns.tolist() == [3, 7]
    assert np.array_equal(net.predict(X), y)
    X[400:, [3, 7]], y[400:] = X[:100, [3, 7]], 1 - y[:100]
    with pytest.raises(fastmem.InvalidInput, match=r"rows (\d+) and 4\d\d must be told apart") as caught:
        in_partitions(X, y, columns=Reading([3, 7], 20), rows=1000)
    assert 'columns="auto"' in str(caught.value)


@LOW
def test_more_columns_are_read_where_those_that_were_chosen_do_not_suffice():
    rng = np.random.default_rng(0)
    X = np.hstack([rng.integers(0, 2, (900, 60)), np.arange(900)[:, None] % 450, np.zeros((900, 3))])
    X[450:, :60] = X[:450, :60]
    X[450:, 62] = 1
    y = rng.integers(0, 2, 900)
    net = in_partitions(X, y, columns="auto")
    assert 62 in net.columns
    assert np.array_equal(net.predict(X), y)


@LOW
@pytest.mark.parametrize("recognise", ["cells", "rows"])
@pytest.mark.parametrize("columns", ["all", "auto"])
def test_rows_are_known_and_negatives_are_not(recognise, columns, tmp_path):
    X, y = random_points(900, 24)
    rng = np.random.default_rng(1)
    near = X[::20] + 1e-3 * rng.standard_normal((45, 24))
    net = fastmem.memorize(
        X, y, fingerprint_bits=8, recognise=recognise, negatives=near, columns=columns, scratch=tmp_path, random_state=0
    )
    assert net.contains(X).all()
    assert not net.contains(near).any()
    assert fastmem.from_bytes(net.to_bytes()) == net
    assert net.contains(rng.standard_normal((20_000, 24))).mean() <= 3 * 2.0**-8
    again = in_partitions(
        X, y, fingerprint_bits=8, recognise=recognise, columns=columns, rows=77, n_threads=2,
        negatives=fastmem.data.as_points.as_points(near),
    )  # fmt: skip
    assert again.to_bytes() == net.to_bytes()


@LOW
def test_rates_of_a_sample_are_reported_for_all_points():
    X, y = random_points(2000, 4)
    net = in_partitions(X, y, fingerprint_bits=6)
    fresh = np.random.default_rng(7).standard_normal((40_000, 4))
    of_cells = net.recognition.codes_of(net.points_of(fresh, recognising=True))[1]
    stored = net.recognition.codes_of(net.points_of(X, recognising=True))[1]
    share = np.isin(of_cells, stored).mean()
    assert share <= 2.0**-6
    assert share <= max(net.measured["at_most"], 2.0**-8)


def test_a_row_that_is_memorized_is_no_negative(tmp_path):
    X, y = random_points(200, 5)
    with pytest.raises(fastmem.InvalidInput, match=r"negatives\[1\] equals X\[7\]"):
        fastmem.memorize(X, y, fingerprint_bits=8, negatives=X[[0, 7]] + [[1.0], [0.0]], scratch=tmp_path)


@pytest.mark.parametrize(
    "options", [{"margin": 0.1}, {"effort": "small"}, {"construction": "baum1988"}, {"construction": "rajput2021"}]
)
def test_what_needs_all_points_in_memory_is_refused_with_scratch(options, tmp_path):
    X, y = random_points(20, 3)
    with pytest.raises(fastmem.InvalidInput, match="needs all points in memory"):
        fastmem.memorize(X, y, scratch=tmp_path, **options)


def test_points_are_partitioned_from_a_fixed_number_on(monkeypatch):
    X, y = random_points(50, 3)
    assert distributed.PARTITIONED_FROM == 2**24 + 1
    before = fastmem.memorize(X, y, random_state=0)
    monkeypatch.setattr(distributed.memorize, "PARTITIONED_FROM", 50)
    assert fastmem.memorize(X, y, random_state=0) == in_partitions(X, y)
    assert fastmem.memorize(X, y, random_state=0, effort="small").n_hyperplanes  # in memory, as before
    monkeypatch.setattr(distributed.memorize, "PARTITIONED_FROM", 51)
    assert fastmem.memorize(X, y, random_state=0) == before


@LOW
@pytest.mark.parametrize("d", [1, 3])
def test_points_on_a_line_are_memorized_in_memory(d, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.permutation(500)[:, None] * np.arange(1, d + 1), rng.integers(0, 2, 500)
    net = fastmem.memorize(X, y, scratch=tmp_path, random_state=0)
    assert net == fastmem.memorize(X, y, random_state=0)
    assert fastmem.memorize(Sliced(X), Sliced(y), scratch=tmp_path, random_state=0) == net


@LOW
def test_what_cannot_be_used_is_named_by_its_row_of_all(tmp_path):
    X, y = random_points(500, 3)
    for at, value in (((321, 1), np.nan), ((499, 2), np.inf)):
        bad = X.copy()
        bad[at] = value
        for given in (bad, Sliced(bad)):
            with pytest.raises(fastmem.InvalidInput, match=rf"X\[{at[0]}, {at[1]}\] is {value}"):
                fastmem.memorize(given, y, scratch=tmp_path)
    bad = np.where(np.arange(500) == 333, np.nan, 1.0)
    for given in (bad, Sliced(bad)):
        with pytest.raises(fastmem.InvalidInput, match=r"y\[333\] is nan"):
            fastmem.memorize(X, given, scratch=tmp_path)
    large = np.where(np.arange(500)[:, None] == 222, 2**53 + 1, [[1, 2, 3]])
    with pytest.raises(fastmem.InvalidInput, match=r"X\[222, 0\] is 9007199254740993"):
        fastmem.memorize(Sliced(large), y, scratch=tmp_path)


def test_what_is_sliced_like_an_array_gives_the_same_network_as_the_array(tmp_path):
    X, y = random_points(300, 4)
    net = fastmem.memorize(X, y, scratch=tmp_path, random_state=0)
    assert fastmem.memorize(Sliced(X), Sliced(y), scratch=tmp_path, random_state=0) == net
    assert fastmem.memorize(Sliced(X), Sliced(y), random_state=0) == fastmem.memorize(X, y, random_state=0)
    with pytest.raises(fastmem.InvalidInput, match="each row needs one label"):
        fastmem.memorize(Sliced(X), Sliced(y[1:]), scratch=tmp_path)
    with pytest.raises(fastmem.InvalidInput, match="points are rows, and at least one is needed"):
        fastmem.memorize(Sliced(X[:0]), y[:0], scratch=tmp_path)


def test_labels_of_later_are_taken_by_a_partitioned_network(tmp_path):
    X, y = random_points(300, 4)
    net = fastmem.memorize(X, y, separate="all", scratch=tmp_path, random_state=0)
    other = np.random.default_rng(9).integers(0, 5, 300)
    assert np.array_equal(net.relabel(other, X).predict(X), other)
    with pytest.raises(fastmem.InvalidInput, match="give the points too"):
        net.relabel(other)


@LOW
@pytest.mark.parametrize("in_files", [False, True])
def test_rows_of_equal_hashes_are_told_apart(in_files, monkeypatch, tmp_path):
    of_pairs = distributed.partitions.keys_of
    monkeypatch.setattr(distributed.partitions, "keys_of", lambda *pairs: of_pairs(*pairs) & np.uint64(3))
    X, y = random_points(500, 4)
    X[400:], y[400:] = X[:100], y[:100]
    net = in_partitions(X, y, separate="all", scratch=tmp_path if in_files else None)
    codes = net.codes(X)
    assert len(np.unique(codes)) == net.n_told_apart == 400
    assert np.array_equal(codes[400:], codes[:100])


@LOW
@pytest.mark.parametrize("dtype", [">i4", ">f8", ">U2", "M8[s]"])
def test_labels_keep_their_dtype_where_blocks_differ_in_them(dtype):
    X, _ = random_points(300, 4)
    y = (np.arange(300) // 70).astype(np.int64).astype(dtype)
    assert in_partitions(X, y, rows=64).predict(X).dtype == y.dtype


@LOW
def test_objects_without_an_order_are_one_network_for_all_partitions():
    X, _ = random_points(300, 4)
    y = np.array([3, 2, 1, "a", 5, 4], object)[np.arange(300) // 50]
    nets = [in_partitions(X, given, rows=rows) for rows in (40, 70, 300) for given in (y, Sliced(y))]
    assert {net.to_bytes() for net in nets} == {nets[0].to_bytes()}
    assert np.array_equal(nets[0].predict(X), y)


@LOW
@pytest.mark.parametrize("row", range(0, 500, 60))
def test_what_is_not_finite_in_a_sample_is_named_by_its_row(row):
    X, y = random_points(500, 3)
    X[row, 1] = np.nan
    for separate in ("labels", "all"):
        with pytest.raises(fastmem.InvalidInput, match=rf"X\[{row}, 1\] is nan"):
            in_partitions(X, y, separate=separate)


@LOW
@pytest.mark.parametrize("separate", ["labels", "all"])
def test_a_row_of_half_of_all_points_is_found_to_be_contradicted(separate):
    X, y = random_points(1200, 8)
    X[:700], y[:700] = X[0], 1
    y[650] = 0
    with pytest.raises(fastmem.ContradictoryLabels) as caught:
        in_partitions(X, y, separate=separate)
    assert all(np.array_equal(X[a], X[b]) and y[a] != y[b] for a, b in caught.value.rows)
    assert len(caught.value.rows) == 1 or "at least" in str(caught.value)
    y[650] = 1
    net = in_partitions(X, y, separate=separate)
    assert np.array_equal(net.predict(X), y)


@LOW
def test_a_class_in_a_row_of_a_bucket_of_many_is_told_apart():
    X, _ = random_points(1500, 300)
    y = (np.arange(1500) % 400 == 7).astype(int)
    for seed in range(3):
        assert np.array_equal(in_partitions(X, y, random_state=seed).predict(X), y)


@LOW
def test_numbers_near_the_largest_give_no_warning():
    X, y = random_points(300, 3)
    X = X * 1e307
    assert np.array_equal(in_partitions(X, y).predict(X), y)
