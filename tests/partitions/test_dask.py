"""Collections of Dask: one file for all chunks, workers and accidents; networks asked lazily."""

import os
import signal
import threading

import numpy as np
import pytest
from support.partitioned import in_partitions, tiny
from support.partners import partner

import fastmem
from fastmem.distributed import build, ranges
from fastmem.distributed import cluster as on_cluster

pytestmark = [
    pytest.mark.partner,
    # Older versions say so of threads, while the cluster of other tests is there.
    pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler:UserWarning"),
]

N, D = 3000, 10
LIMITS = {"_AT_ONCE": 300, "_LEAST_AT_ONCE": 300, "CODES_A_RANGE": 1000}  # a few rounds: each task takes milliseconds
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((N, D)), RNG.integers(0, 3, N)


def some_limits(monkeypatch):
    """Low limits, with which there are a few rounds and ranges."""
    tiny(monkeypatch)
    for home, name in ((build, "_AT_ONCE"), (build, "_LEAST_AT_ONCE"), (ranges, "CODES_A_RANGE")):
        monkeypatch.setattr(home, name, LIMITS[name])


@pytest.fixture(scope="module")
def da():
    """Arrays of Dask."""
    return partner("dask.array")


@pytest.fixture(scope="module")
def client():
    """The client of a cluster of two processes."""
    distributed = partner("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def threads(da, monkeypatch):
    """No cluster: tasks run in this process."""
    import dask

    monkeypatch.setattr(fastmem.api, "current_client", lambda: None)
    with dask.config.set(scheduler="synchronous"):
        yield da


CHUNKS = {"even": 700, "one": N, "uneven": (7, 1900, 1, N - 1908)}


@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize("chunks", CHUNKS)
def test_the_file_is_that_of_one_machine(chunks, separate, client, da, monkeypatch):
    some_limits(monkeypatch)
    rows = da.from_array(X, chunks=(CHUNKS[chunks], D))
    net = fastmem.memorize(rows, da.from_array(Y, chunks=400), separate=separate, random_state=0)
    assert net.to_bytes() == in_partitions(X, Y, separate=separate).to_bytes()


def test_an_exchange_on_disk_is_the_same(client, da, monkeypatch):
    some_limits(monkeypatch)
    monkeypatch.setattr(on_cluster, "_MOST_PIECES", 0)
    rows, labels = da.from_array(X[:900], chunks=(300, D)), da.from_array(Y[:900], chunks=300)
    near = X[:3] + 1e-3
    net = fastmem.memorize(rows, labels, fingerprint_bits=6, negatives=near, random_state=0)
    expected = in_partitions(X[:900], Y[:900], fingerprint_bits=6, negatives=fastmem.data.as_points.as_points(near))
    assert net.to_bytes() == expected.to_bytes()


def test_a_worker_that_dies_costs_its_work_alone(client, da, monkeypatch):
    some_limits(monkeypatch)
    expected = in_partitions(X, Y).to_bytes()
    rows, labels = da.from_array(X, chunks=(500, D)), da.from_array(Y, chunks=500)
    extend, died = build.Build._extend, []

    def extended(self, *hyperplanes):
        extend(self, *hyperplanes)
        if not died:
            died.append(next(iter(client.run(os.getpid).values())))
            threading.Timer(0.05, os.kill, (died[0], signal.SIGKILL)).start()

    monkeypatch.setattr(build.Build, "_extend", extended)
    assert fastmem.memorize(rows, labels, random_state=0).to_bytes() == expected
    assert died


def test_errors_of_workers_are_those_of_one_machine(client, da, monkeypatch):
    some_limits(monkeypatch)
    bad = X.copy()
    bad[2222, 3] = np.nan
    labels = da.from_array(Y, chunks=600)
    with pytest.raises(fastmem.InvalidInput, match=r"X\[2222, 3\] is nan"):
        fastmem.memorize(da.from_array(bad, chunks=(700, D)), labels)
    twice, other = np.concatenate([X, X[5:6]]), np.append(Y, Y[5] + 1)
    with pytest.raises(fastmem.ContradictoryLabels, match=f"rows 5 .* and {N} "):
        fastmem.memorize(da.from_array(twice, chunks=(700, D)), da.from_array(other, chunks=700))
    floats = np.where(np.arange(N) == 1500, np.nan, 1.0)
    with pytest.raises(fastmem.InvalidInput, match=r"y\[1500\] is nan"):
        fastmem.memorize(da.from_array(X, chunks=(700, D)), da.from_array(floats, chunks=700))
    with pytest.raises(fastmem.InvalidInput, match="workers of Dask have their own"):
        fastmem.memorize(da.from_array(X, chunks=(700, D)), labels, scratch=".")


def test_a_network_goes_to_workers_and_answers_there(client, da):
    net = fastmem.memorize(X, Y, random_state=0, fingerprint_bits=8)
    rows = da.from_array(X, chunks=(700, D))
    assert np.array_equal(net.predict(rows, unknown=-1).compute(), Y)
    assert net.contains(rows).all().compute()


def test_without_a_cluster_threads_build(threads, monkeypatch, tmp_path):
    some_limits(monkeypatch)
    rows, labels = threads.from_array(X, chunks=(700, D)), threads.from_array(Y, chunks=400)
    expected = in_partitions(X, Y).to_bytes()
    assert fastmem.memorize(rows, labels, random_state=0).to_bytes() == expected
    assert fastmem.memorize(rows, labels, random_state=0, scratch=tmp_path, n_threads=2).to_bytes() == expected


LABELS = {
    "integers": Y,
    "text": np.array(["a", "bb", "ccc"])[Y],
    "rows": np.column_stack([Y, Y % 2]),
    "objects": np.array([None, 1, "x"], object)[Y],
}


@pytest.mark.parametrize("kind", LABELS)
def test_methods_are_lazy_and_say_what_they_say_of_arrays(kind, threads):
    y = LABELS[kind]
    net = fastmem.memorize(X, y, random_state=0, fingerprint_bits=8)
    rows = threads.from_array(X, chunks=(700, D))
    for method in ("predict", "forward", "contains", "codes", "certified_radius"):
        lazy, now = getattr(net, method)(rows), getattr(net, method)(X)
        assert isinstance(lazy, threads.Array)
        assert (lazy.dtype, lazy.shape) == (now.dtype, now.shape)
        assert np.array_equal(lazy.compute(), now)
    some = rows[rows[:, 0] > 0]  # chunks of unknown sizes
    assert np.array_equal(net.predict(some).compute(), y[X[:, 0] > 0])
    assert net.predict(rows[:0]).compute().shape == (0, *y.shape[1:])


def test_frames_give_series_with_their_index(threads):
    pandas, dd = partner("pandas"), partner("dask.dataframe")
    frame = pandas.DataFrame(X, columns=[f"x{j}" for j in range(D)], index=np.arange(N) * 3)
    frames, labels = dd.from_pandas(frame, npartitions=4), dd.from_pandas(pandas.Series(Y), npartitions=3)
    net = fastmem.memorize(frames, labels, random_state=0)
    assert net.feature_names == tuple(frame.columns)
    answer = net.predict(frames).compute()
    assert np.array_equal(answer.to_numpy(), Y)
    assert answer.index.equals(frame.index)
    assert np.array_equal(net.predict(frames[frames.columns[::-1].tolist()]).compute().to_numpy(), Y)


def test_equal_networks_have_one_token(threads):
    import dask

    net, other = (fastmem.memorize(X[:100], Y[:100], random_state=seed) for seed in (0, 1))
    assert dask.base.tokenize(net) == dask.base.tokenize(fastmem.from_bytes(net.to_bytes()))
    assert dask.base.tokenize(net) != dask.base.tokenize(other)
    odd = fastmem.memorize(X[:100], np.fromiter([(1,), (2,)], object, 2)[Y[:100] % 2], random_state=0)
    assert dask.base.tokenize(odd) == dask.base.tokenize(odd)


REFUSED = {
    "columns in chunks": (lambda da: (da.from_array(X, chunks=(700, 3)), da.from_array(Y)), "X.rechunk({1: -1})"),
    "unknown sizes": (
        lambda da: (lambda rows: (rows[rows[:, 0] > 0], da.from_array(Y)))(da.from_array(X, chunks=(700, D))),
        "X.compute_chunk_sizes()",
    ),
    "labels in memory": (lambda da: (da.from_array(X, chunks=(700, D)), Y), "dask.array.from_array(y)"),
    "points in memory": (lambda da: (X, da.from_array(Y)), "y.compute()"),
    "too few labels": (
        lambda da: (da.from_array(X, chunks=(700, D)), da.from_array(Y[1:])),
        "each row needs one label",
    ),
    "a line": (lambda da: (da.from_array(X[:, :1], chunks=(700, 1)), da.from_array(Y)), "X.compute(), y.compute()"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_built_is_refused_with_what_helps(name, threads):
    given, remedy = REFUSED[name]
    with pytest.raises(fastmem.InvalidInput) as caught:
        fastmem.memorize(*given(threads))
    assert str(caught.value).endswith(remedy)


def test_options_that_partitions_lack_are_refused(threads):
    rows, labels = threads.from_array(X, chunks=(700, D)), threads.from_array(Y, chunks=700)
    with pytest.raises(fastmem.InvalidInput, match="margin=1 needs all points in memory"):
        fastmem.memorize(rows, labels, margin=1)
    net = fastmem.memorize(X, Y, random_state=0)
    with pytest.raises(fastmem.InvalidInput, match="was built for 10 columns"):
        net.predict(rows[:, :4].rechunk({1: -1}))
    with pytest.raises(fastmem.InvalidInput, match="chunked along columns"):
        net.predict(rows.rechunk({1: 5}))


def test_a_row_that_cannot_be_read_is_named_by_its_number_in_all(threads):
    net = fastmem.memorize(X, Y, random_state=0)
    bad = X.copy()
    bad[1234, 5] = np.inf
    with pytest.raises(fastmem.InvalidInput, match=r"X\[1234, 5\] is inf"):
        net.predict(threads.from_array(bad, chunks=(500, D))).compute()


def test_estimators_predict_lazily(threads):
    from sklearn.linear_model import LogisticRegression

    rows = threads.from_array(X, chunks=(700, D))
    for estimator in (fastmem.MemorizingClassifier(random_state=0), fastmem.CorrectedClassifier(LogisticRegression())):
        estimator.fit(X[:500], Y[:500])
        lazy = estimator.predict(rows)
        assert isinstance(lazy, threads.Array)
        assert np.array_equal(lazy.compute(), estimator.predict(X))


def test_an_exchange_of_few_long_pieces_is_by_tasks(client, da, monkeypatch):
    some_limits(monkeypatch)
    monkeypatch.setattr(on_cluster, "_MOST_PIECES", 0)
    monkeypatch.setattr(on_cluster, "_FEW", 0)
    order = np.argsort(X[:, 0])
    rows, labels = da.from_array(X[order], chunks=(500, D)), da.from_array(Y[order], chunks=500)
    assert fastmem.memorize(rows, labels, random_state=0).to_bytes() == in_partitions(X[order], Y[order]).to_bytes()


def test_a_driver_that_dies_goes_on_elsewhere(client, da, monkeypatch, tmp_path):
    some_limits(monkeypatch)
    rows, labels = da.from_array(X, chunks=(700, D)), da.from_array(Y, chunks=700)
    with monkeypatch.context() as patched:
        patched.setattr(build.Build, "_finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fastmem.memorize(rows, labels, random_state=0, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    net = fastmem.memorize(rows.rechunk((900, D)), labels, random_state=0, resume=tmp_path)
    assert net.to_bytes() == in_partitions(X, Y).to_bytes()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["class", "value"])
def test_networks_of_numbers_are_asked_lazily(output, threads):
    X, y = RNG.standard_normal((90, 4)), RNG.integers(0, 5, 90)
    net = fastmem.memorize(X, y, construction="yun2019", construction_options={"output": output}, random_state=0)
    lazy = threads.from_array(X, chunks=(40, 4))
    assert np.array_equal(net.predict(lazy).compute(), net.predict(X))
    assert np.array_equal(net.forward(lazy).compute(), net.predict(X))
    assert net.predict(lazy).dtype == net.predict(X).dtype
