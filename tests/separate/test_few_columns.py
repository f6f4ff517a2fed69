"""Hyperplanes on few chosen columns: what is equal there is parted by others, or more columns are read."""

import numpy as np
import pytest
from oracles.format_reader import Saved

import fastmem
from fastmem.separate import few_columns
from fastmem.separate.columns import ColumnPlan

D = 30
RNG = np.random.default_rng(0)
X = RNG.standard_normal((500, D)).astype(np.float32)
X[:24:2] = X[1:24:2]  # twelve pairs, of which each differs in one column only
X[np.arange(0, 24, 2), [25, 26, 27, 25, 29, 28, 25, 26, 25, 8, 9, 8]] += 1
Y = np.arange(500) % 2


@pytest.fixture
def plans(monkeypatch):
    """Sets the columns that are chosen."""

    def choose(*columns, n_hyperplanes=30.0):
        chosen = [ColumnPlan(np.asarray(c, np.int64), n_hyperplanes, float(i + 1)) for i, c in enumerate(columns)]
        monkeypatch.setattr(few_columns, "column_plans", lambda *_: chosen)

    return choose


def check(net, X, y, tmp_path):
    """Exact by every way, from a file too, as a reader that follows the page reads it."""
    assert np.array_equal(net.predict(X), y)
    assert np.array_equal(net.forward(X), y)
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net
    assert np.array_equal(fastmem.load(tmp_path / "net").predict(X), y)
    assert Saved((tmp_path / "net").read_bytes()).predict(X[:20]) == net.predict(X[:20]).tolist()
    radii = net.certified_radius(X)
    assert radii.min() == net.smallest_distance > 0


@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize("effort", ["fast", "balanced", "small"])
def test_points_that_are_equal_in_the_columns_chosen_get_hyperplanes_of_their_own(separate, effort, plans, tmp_path):
    chosen = [*range(8), *range(10, 24)]
    plans(chosen)
    net = fastmem.memorize(X, Y, separate=separate, effort=effort, random_state=0)
    check(net, X, Y, tmp_path)
    assert set(chosen) < set(net.columns.tolist()) <= {*chosen, 8, 9, 25, 26, 27, 28, 29}
    weights = net.hyperplanes.weights
    on_chosen = weights[:, chosen].any(axis=1)
    others = np.setdiff1d(net.columns, chosen)
    assert not (on_chosen & weights[:, others].any(axis=1)).any()
    assert 1 <= np.count_nonzero(~on_chosen) <= 6
    saved = Saved((tmp_path / "net").read_bytes())
    assert len(saved.tensors["weights"]) == np.count_nonzero(on_chosen)
    assert np.count_nonzero(weights) == len(saved.tensors["sparse.weights"]) + np.count_nonzero(
        saved.tensors["weights"]
    )


def test_the_same_network_is_built_by_any_number_of_threads(plans):
    plans(range(8))
    nets = [fastmem.memorize(X, Y, random_state=0, n_threads=n_threads) for n_threads in (1, 2)]
    assert nets[0] == nets[1]


def test_equal_rows_of_three_classes_are_parted_on_other_columns(plans, tmp_path):
    Z = np.zeros((200, 60))
    Z[:, :8] = np.random.default_rng(1).standard_normal((200, 8))
    Z[:9, :8] = Z[0, :8]
    Z[:9, 10:13] = np.stack(np.meshgrid([0, 1, 2], [0, 1, 2]), -1).reshape(9, 2) @ [[1, 0, 0], [0, 0, 1]]
    y = np.arange(200) % 3
    plans(range(8))
    net = fastmem.memorize(Z, y, random_state=0)
    check(net, Z, y, tmp_path)
    assert set(net.columns.tolist()) <= {*range(8), 10, 12}


def test_all_columns_are_read_where_too_many_points_are_equal_in_few(plans):
    Z = np.round(X)
    plans([0], [1])
    net = fastmem.memorize(Z, Y, random_state=0)
    assert net.columns.tolist() == list(range(D))
    assert np.array_equal(net.predict(Z), Y)


def test_more_columns_are_read_where_more_hyperplanes_are_needed_than_expected(plans):
    plans([3], range(8), n_hyperplanes=20.0)
    net = fastmem.memorize(X[24:], Y[24:], random_state=0)
    assert net.columns.tolist() == list(range(8))
    plans([3], n_hyperplanes=20.0)
    net = fastmem.memorize(X[24:], Y[24:], random_state=0)
    assert net.columns.tolist() == list(range(D))


def test_a_margin_that_few_columns_do_not_reach_is_reached_on_more(plans):
    X = np.random.default_rng(2).standard_normal((120, D))
    plans([0, 1], range(20))
    net = fastmem.memorize(X, np.arange(120) % 2, margin=0.1, random_state=0)
    assert len(net.columns) >= 20
    assert net.certified_radius(X).min() >= 0.1
    with pytest.raises(fastmem.MarginNotReached):
        fastmem.memorize(X, np.arange(120) % 2, margin=10.0, random_state=0)


def test_a_margin_is_kept_where_points_are_equal_in_few_columns(plans):
    plans(range(8), range(12))
    net = fastmem.memorize(X, Y, margin=1e-4, random_state=0)
    assert np.array_equal(net.predict(X), Y)
    assert net.certified_radius(X).min() >= 1e-4


def test_points_on_a_line_are_read_by_one_column():
    t = np.random.default_rng(0).permutation(300.0 * np.arange(200))[:, None]
    X = t @ np.linspace(-1, 2, 40)[None] + 5
    net = fastmem.memorize(X, np.arange(200) % 2, random_state=0)
    assert len(net.columns) == 1
    assert np.array_equal(net.predict(X), np.arange(200) % 2)


def test_points_that_are_equal_in_the_column_along_their_line_are_told_apart():
    X = np.arange(1000.0)[:, None] * np.ones(17)
    X[5], X[9] = X[4], X[8]
    X[5, 3], X[9, 4] = np.nextafter(4, 5), np.nextafter(8, 9)
    net = fastmem.memorize(X, np.arange(1000) % 2, random_state=0)
    assert np.array_equal(net.predict(X), np.arange(1000) % 2)
    X = np.repeat([[1.0], [2.0]], 2, axis=0) * np.ones(17)
    X[1, 0] += 1e-15
    X[3, 1] += 1e-15
    assert fastmem.memorize(X, [0, 1, 2, 3], random_state=0).predict(X).tolist() == [0, 1, 2, 3]


def test_errors_of_numpy_that_a_user_asks_for_do_not_end_the_choice():
    X = np.random.default_rng(0).standard_normal((200, 20)) * 1e-3
    with np.errstate(all="raise", under="ignore"):
        assert np.array_equal(fastmem.memorize(X, np.arange(200) % 2, random_state=0).predict(X), np.arange(200) % 2)


def test_a_margin_of_points_on_a_line_is_looked_for_in_all_columns():
    X = np.arange(0.0, 50)[:, None] * np.ones((1, 25))
    net = fastmem.memorize(X, np.arange(50) % 2, margin=0.4, random_state=0)
    assert net.columns.tolist() == list(range(25))
    assert net.certified_radius(X).min() >= 0.4


@pytest.mark.parametrize("options", [{"columns": "all"}, {"construction": "baum1988"}])
def test_all_columns_are_read_where_that_is_asked_for(options, plans):
    plans(range(8))
    net = fastmem.memorize(X[24:124], Y[24:124], random_state=0, **options)
    assert net.columns.tolist() == list(range(D))


def test_few_dimensions_are_all_read():
    X = np.random.default_rng(0).standard_normal((3000, 16))
    net = fastmem.memorize(X, np.arange(3000) % 2, random_state=0)
    assert net.columns.tolist() == list(range(16))
    assert fastmem.memorize(X, np.arange(3000) % 2, columns="all", random_state=0).to_bytes() == net.to_bytes()


def test_one_class_reads_what_it_always_did():
    net = fastmem.memorize(X, np.zeros(500), random_state=0)
    assert np.array_equal(net.predict(X), np.zeros(500))
    assert net.n_hyperplanes == 0
