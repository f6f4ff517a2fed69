"""Networks that read some columns: the answers of the same hyperplanes over all columns, and nothing of the others."""

import pickle

import numpy as np
import pytest
from oracles.format_reader import Saved
from support.partners import partner
from support.saved import read_parts, sealed

import fastmem
from fastmem import EncodedNetwork, FormatError, InvalidInput, LayeredNetwork
from fastmem.data.columns import Named
from fastmem.data.reading import Reading
from fastmem.hyperplanes.encoder import Encoder
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.hyperplanes.recognition import Cells

D = 40
UNITS = {"smallest_distance": 0.0, "largest_norm": 0.0, "fits_float32": False}
RNG = np.random.default_rng(0)
X = np.round(16 * RNG.standard_normal((300, D))).astype(np.float32)
Y = RNG.integers(0, 5, 300)
UNSEEN = np.round(16 * RNG.standard_normal((200, D))).astype(np.float32)
COLUMNS = {
    "scattered": [3, 8, 21, 22, 39],
    "one run": slice(5, 21),
    "the first": range(8),
    "the last": slice(-9, None),
    "booleans": np.arange(D) % 7 == 1,
    "all but one": [column for column in range(D) if column != 17],
}
LAYOUTS = {
    "C": lambda X: X,
    "Fortran": np.asfortranarray,
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "every other": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "unaligned": lambda X: np.frombuffer(b"." + X.tobytes(), X.dtype, X.size, 1).reshape(X.shape),
    "float64": lambda X: X.astype(np.float64),
    "float16": lambda X: X.astype(np.float16),
    "integers": lambda X: X.astype(np.int64),
    "big-endian": lambda X: X.astype(">f8"),
    "long doubles": lambda X: X.astype(np.longdouble),
    "objects": lambda X: X.astype(object),
    "lists": lambda X: X.tolist(),
}


def build(columns, **options):
    return fastmem.memorize(X, Y, columns=columns, random_state=0, **options)


@pytest.fixture(scope="module", params=COLUMNS)
def net(request):
    return build(COLUMNS[request.param], separate="all", fingerprint_bits=10)


@pytest.fixture(scope="module")
def scattered():
    return build(COLUMNS["scattered"])


def over_all_columns(net):
    """The same network by its hyperplanes in R^d, most of whose weights are 0."""
    facts = {name: getattr(net, name) for name in fastmem.network.base.SETTINGS}
    encoder = Encoder(net.hyperplanes, net.encoder.code)
    reading, cells = Reading(net.columns, D), net.recognition
    weights, centre, exponents = map(
        reading.of_all, (cells.further.weights, cells.further.centre, cells.further.exponents)
    )
    further = Hyperplanes(weights, cells.further.thresholds, centre, exponents)
    everywhere = Cells(encoder, further, cells.columns, cells.n_bits)
    return EncodedNetwork(
        encoder, net.store, net.classes, fingerprints=net.fingerprints, recognition=everywhere,
        measured=net.measured, of_units=UNITS, **facts,
    )  # fmt: skip


def test_the_columns_asked_for_are_read(net):
    assert net.columns.dtype == np.int64
    assert 0 < len(net.columns) < D
    assert net.hyperplanes.weights.shape == (net.n_hyperplanes, D)
    units = net.layers[0].weights.toarray()
    assert units.shape == (net.n_hyperplanes + net.n_recognition_hyperplanes, D)
    assert not np.delete(units, net.columns, axis=1).any()
    assert np.array_equal(units[: net.n_hyperplanes], net.hyperplanes.weights)
    assert f"{len(net.columns)} columns read" in repr(net)


def test_columns_are_named_by_numbers_slices_booleans_and_names():
    named = Named(X, [f"x{i}" for i in range(D)])
    expected = build([3, 8, 21, 22, 39])
    for same in (np.array([39, 3, 21, 8, 22]), (3, -32, 21, 22, -1), np.isin(np.arange(D), [3, 8, 21, 22, 39])):
        assert build(same) == expected
    by_name = fastmem.memorize(named, Y, columns=["x3", "x8", "x39", "x22", "x21"], random_state=0)
    assert by_name.columns.tolist() == expected.columns.tolist()
    assert np.array_equal(by_name.predict(UNSEEN), expected.predict(UNSEEN))
    assert build(range(D)) == build("all")
    assert build("all").columns.tolist() == list(range(D))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "names no column"),
        ([3, 40], "names column 40, but X has 40 columns, 0 to 39"),
        ([-41], "names column -41"),
        ([10**30], "but X has 40 columns"),
        ([3, 5, 3], "names column 3 twice"),
        ([3, -37], "names column 3 twice"),
        (["x3"], "columns of X have no names"),
        ([True, False], "has 2 booleans"),
        ([0.5], "names 0.5"),
        ([1, True], "names True"),
        ("few", "columns is 'few': it must be 'auto', 'all' or a list"),
        (3, "must be a list of column numbers or names, not 3"),
        (np.array([[1, 2], [3, 4]]), "must be a list of column numbers or names"),
        (slice("a", "b"), "must be a list of column numbers or names"),
        (range(10**12), "columns names 1000000000000 columns, but X has 40"),
        (None, "must be a list"),
    ],
)
def test_columns_that_are_not_there_are_refused(columns, message):
    with pytest.raises(InvalidInput, match=message):
        build(columns)


def test_names_that_are_not_there_are_refused():
    named = Named(X, [f"x{i}" for i in range(D)])
    with pytest.raises(InvalidInput, match="names 'p', but X has no such column"):
        fastmem.memorize(named, Y, columns=["x1", "p"])
    with pytest.raises(InvalidInput, match=r"columns is 'x1'.*columns=\['x1'\]"):
        fastmem.memorize(named, Y, columns="x1")


def test_points_that_are_equal_in_the_columns_asked_for_are_refused():
    Z, y = np.eye(6), np.arange(6) % 2
    with pytest.raises(InvalidInput, match=r'rows 3 and 4 must be told apart.*columns="auto"'):
        fastmem.memorize(Z, y, columns=[0, 1, 2])
    net = fastmem.memorize(Z, [0, 1, 0, 1, 1, 1], columns=[0, 1, 2])
    assert net.predict(Z).tolist() == [0, 1, 0, 1, 1, 1]
    with pytest.raises(InvalidInput, match="rows 3 and 4 must be told apart"):
        fastmem.memorize(Z, [0, 1, 0, 1, 1, 1], columns=[0, 1, 2], separate="all")
    with pytest.raises(InvalidInput, match="rows 3 and 4 must be told apart"):
        fastmem.memorize(Z, [0, 1, 0, 1, 1, 1], columns=[0, 1, 2], construction="rajput2021")


def test_answers_are_those_of_the_hyperplanes_over_all_columns(net):
    wide = over_all_columns(net)
    for Z in (X, UNSEEN, np.asfortranarray(UNSEEN)):
        assert np.array_equal(net.predict(Z), wide.predict(Z))
        assert np.array_equal(net.forward(Z), wide.forward(Z))
        assert np.array_equal(net.codes(Z), wide.codes(Z))
        assert np.array_equal(net.contains(Z), wide.contains(Z))
        options = {"unknown": -1, "tolerance": 3.0}
        assert np.array_equal(net.predict(Z, **options), wide.predict(Z, **options))
        np.testing.assert_allclose(net.certified_radius(Z), wide.certified_radius(Z), rtol=2.0**-18)
    assert np.array_equal(net.predict(X), Y)
    assert net.contains(X).all()
    assert net.n_neurons == wide.n_neurons
    assert net.n_weights == wide.n_weights
    assert net.nbytes < wide.nbytes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("which", ["scattered", "one run"])
def test_answers_do_not_depend_on_layout_dtype_and_threads(which, layout):
    net = build(COLUMNS[which])
    Z = LAYOUTS[layout](UNSEEN)
    assert np.array_equal(net.predict(Z), net.predict(UNSEEN))
    assert np.array_equal(net.certified_radius(Z, n_threads=2), net.certified_radius(UNSEEN))
    Z = LAYOUTS[layout](X)
    assert np.array_equal(net.predict(Z), Y)
    again = fastmem.memorize(Z, Y, columns=COLUMNS[which], random_state=0, n_threads=2)
    assert np.array_equal(again.predict(X), Y)


def test_one_row_many_rows_and_none_agree(net):
    many = np.concatenate([UNSEEN] * 200)
    expected = net.predict(UNSEEN)
    assert np.array_equal(net.predict(many, n_threads=2), np.tile(expected, 200))
    assert np.array_equal(np.concatenate([net.predict(row[None]) for row in UNSEEN]), expected)
    assert net.predict(UNSEEN[:0]).shape == (0,)


def test_what_stands_in_other_columns_changes_nothing(net):
    other = np.delete(np.arange(D), net.columns)
    Z = UNSEEN.copy()
    Z[:, other] += RNG.standard_normal((len(Z), len(other))).astype(np.float32)
    Z[3, other[0]], Z[4, other[-1]] = np.nan, np.inf
    for method in ("predict", "forward", "codes", "contains", "certified_radius"):
        assert np.array_equal(getattr(net, method)(Z), getattr(net, method)(UNSEEN))
        with pytest.raises(InvalidInput, match=rf"X\[3, {other[0]}\] is nan"):
            getattr(net, method)(Z, check_all=True)
        clean = getattr(net, method)(UNSEEN, check_all=True)
        assert np.array_equal(clean, getattr(net, method)(UNSEEN))


@pytest.mark.parametrize("layout", ["C", "Fortran", "float16", "objects", "lists"])
def test_a_number_that_is_not_finite_is_named_by_its_column(net, layout):
    Z = UNSEEN.copy()
    Z[7, net.columns[-1]] = Z[9, net.columns[0]] = np.nan
    for method in ("predict", "forward", "certified_radius"):
        with pytest.raises(InvalidInput, match=rf"X\[7, {net.columns[-1]}\] is nan"):
            getattr(net, method)(LAYOUTS[layout](Z))


@pytest.mark.parametrize("value", ["abc", None, np.longdouble(1) + np.longdouble(2) ** -60])
def test_what_is_no_number_is_named_by_its_column(value, scattered):
    Z = UNSEEN.astype(object) if not isinstance(value, np.longdouble) else UNSEEN.astype(np.longdouble)
    Z[4, 21] = value
    if isinstance(value, np.longdouble) and float(value) == value:
        return  # as on Windows
    with pytest.raises(InvalidInput, match=r"X\[4, 21\] is"):
        scattered.predict(Z)
    Z[4, 21], Z[4, 20] = UNSEEN[4, 21], value
    assert np.array_equal(scattered.predict(Z), scattered.predict(UNSEEN))


def test_figures_are_those_of_the_columns_that_are_read(tmp_path):
    Z = X[:100, :20].astype(np.float64)
    Z[:, 0], Z[:, 1] = 1e300, 0.1
    net = fastmem.memorize(Z, Y[:100], columns=range(5, 15), margin=1e-3, random_state=0)
    assert net.on_columns() == fastmem.memorize(Z[:, 5:15], Y[:100], margin=1e-3, random_state=0)
    assert net.largest_norm < 1e3
    assert net.fits_float32
    assert net.is_safe("float64")
    net.to_c(tmp_path / "net.c")
    Z[3, 0] = np.nan
    net.to_c(tmp_path / "net.c", X=Z)
    assert net.unsafe_rows(Z, "float64").tolist() == []
    Z[3, 7] = np.nan
    with pytest.raises(InvalidInput, match=r"X\[3, 7\] is nan"):
        net.to_c(tmp_path / "net.c", X=Z)


def test_a_graph_of_very_many_inputs_is_refused():
    pytest.importorskip("networkx")
    tensors, settings = read_parts(build([3, 8, 21, 22, 39]).to_bytes())
    tensors["columns_read"] = tensors["columns_read"].astype(np.uint32)
    net = fastmem.from_bytes(sealed(tensors, settings | {"n_features": 2**28}))
    assert net.report().n_columns == 5
    with pytest.raises(fastmem.NetworkTooLarge):
        net.to_networkx()


def test_an_integer_that_float64_does_not_hold_is_named_by_its_column(scattered):
    Z = UNSEEN.astype(np.int64)
    Z[5, 21] = 2**53 + 1
    with pytest.raises(InvalidInput, match=r"X\[5, 21\] is 9007199254740993"):
        scattered.predict(Z)
    Z[5, 21], Z[5, 20] = UNSEEN[5, 21], 2**53 + 1
    assert np.array_equal(scattered.predict(Z), scattered.predict(UNSEEN))
    with pytest.raises(InvalidInput, match=r"X\[5, 20\] is 9007199254740993"):
        scattered.predict(Z, check_all=True)


def test_memorize_refuses_what_is_not_finite_in_any_column():
    Z = X.copy()
    Z[11, 17] = np.inf
    with pytest.raises(InvalidInput, match=r"X\[11, 17\] is inf"):
        fastmem.memorize(Z, Y, columns=[0, 1, 2, 3])


def test_another_number_of_columns_is_refused(net):
    with pytest.raises(InvalidInput, match=f"{len(net.columns)} columns|features|shape"):
        net.predict(UNSEEN[:, net.columns])


def test_the_network_on_its_columns_takes_these_alone(net):
    narrow = net.on_columns()
    Z = UNSEEN[:, net.columns]
    assert narrow.n_features_in == len(net.columns)
    assert np.array_equal(narrow.predict(Z), net.predict(UNSEEN))
    assert np.array_equal(narrow.forward(Z), net.forward(UNSEEN))
    assert np.array_equal(narrow.certified_radius(Z), net.certified_radius(UNSEEN))
    assert np.array_equal(narrow.contains(Z), net.contains(UNSEEN))
    assert narrow.columns.tolist() == list(range(len(net.columns)))
    assert narrow.on_columns() is narrow
    assert fastmem.from_bytes(narrow.to_bytes()) == narrow
    assert np.array_equal(narrow.relabel(Y[::-1], X[:, net.columns]).predict(X[:, net.columns]), Y[::-1])


def test_named_points_need_only_the_columns_that_are_read():
    names = [f"x{i}" for i in range(D)]
    net = fastmem.memorize(Named(X, names), Y, columns=[30, 2, 11, 12], random_state=0)
    few = Named(UNSEEN[:, [12, 2, 30, 7, 11]], ["x12", "x2", "x30", "x7", "x11"])
    assert np.array_equal(net.predict(few), net.predict(UNSEEN))
    assert np.array_equal(net.certified_radius(few), net.certified_radius(UNSEEN))
    assert net.on_columns().feature_names == ("x2", "x11", "x12", "x30")
    with pytest.raises(InvalidInput, match="X has no column 'x11'"):
        net.predict(few.select(["x12", "x2", "x30"]))
    with pytest.raises(InvalidInput, match="X has column 'p', of which the network was not built"):
        net.predict(Named(UNSEEN[:, :5], ["x2", "x11", "x12", "x30", "p"]))
    with pytest.raises(InvalidInput, match="X has no columns 'x0'"):
        net.predict(few, check_all=True)
    wrong = UNSEEN[:, [12, 2, 30, 11]].copy()
    wrong[4, 2] = np.nan
    with pytest.raises(InvalidInput, match=r"X\[4, 30\] is nan"):
        net.predict(Named(wrong, ["x12", "x2", "x30", "x11"]))


@pytest.mark.partner
def test_data_frames_need_only_the_columns_that_are_read():
    pd = partner("pandas")
    frame = pd.DataFrame(UNSEEN, columns=[f"x{i}" for i in range(D)])
    net = fastmem.memorize(pd.DataFrame(X, columns=frame.columns), Y, columns=["x5", "x1", "x39"], random_state=0)
    assert np.array_equal(net.predict(frame[["x39", "x1", "x5"]]), net.predict(UNSEEN))
    text = frame.assign(x0="text")
    assert np.array_equal(net.predict(text), net.predict(UNSEEN))


def test_relabelled_networks_read_the_same_columns(net):
    for other in (net.relabel(Y[::-1]), pickle.loads(pickle.dumps(net)).relabel(Y[::-1], X)):
        assert np.array_equal(other.predict(X), Y[::-1])
        assert other.columns.tolist() == net.columns.tolist()


@pytest.mark.parametrize("construction", ["rajput2021", "baum1988"])
@pytest.mark.parametrize("which", ["scattered", "one run", "booleans"])
def test_theorems_read_the_columns_asked_for(construction, which, tmp_path):
    rows = np.arange(60)
    options = {"delta": 0.05} if construction == "rajput2021" else {}
    net = fastmem.memorize(
        X[rows], Y[rows], construction=construction, columns=COLUMNS[which], random_state=0, **options
    )
    assert len(net.columns) < D
    assert np.array_equal(net.predict(X[rows]), Y[rows])
    assert np.array_equal(net.forward(X[rows]), Y[rows])
    assert isinstance(net, LayeredNetwork) == (construction == "baum1988")
    net.save(tmp_path / "net")
    assert fastmem.load(tmp_path / "net") == net
    assert np.array_equal(net.on_columns().predict(UNSEEN[:, net.columns]), net.predict(UNSEEN))


def test_theorems_read_all_columns_of_their_own_accord():
    for construction in ("rajput2021", "baum1988"):
        options = {"delta": 0.05} if construction == "rajput2021" else {}
        net = fastmem.memorize(X[:40], Y[:40], construction=construction, random_state=0, **options)
        assert net.columns.tolist() == list(range(D))


@pytest.mark.parametrize("options", [{"store": "integer"}, {"effort": "small"}, {"effort": "fast"}, {"margin": 0.05}])
def test_columns_go_with_every_option(options):
    net = build(COLUMNS["one run"], **options)
    assert np.array_equal(net.predict(X), Y)
    assert net.columns.tolist() == list(range(5, 21))
    assert net.certified_radius(X).min() >= options.get("margin", 0.0)


# Files


def parted_network():
    """Few columns for most, and others for two points that are equal in these."""
    rng = np.random.default_rng(5)
    Z = rng.standard_normal((400, 30)).astype(np.float32)
    Z[1] = Z[0]
    Z[1, 28] += 1
    return Z, np.arange(400) % 2


def reads_as_predicted(net, Z, tmp_path):
    net.save(tmp_path / "net")
    data = (tmp_path / "net").read_bytes()
    saved = Saved(data)
    assert saved.predict(Z[:25]) == net.predict(Z[:25]).tolist()
    again = fastmem.from_bytes(data)
    assert again == net
    assert again.to_bytes() == data
    assert np.array_equal(again.predict(Z), net.predict(Z))
    return saved


def test_a_reader_that_follows_the_page_reads_few_columns(net, tmp_path):
    saved = reads_as_predicted(net, UNSEEN, tmp_path)
    assert saved.settings["format_version"] == 2
    assert saved.settings["n_features"] == D
    assert saved.tensors["columns_read"].tolist() == net.columns.tolist()
    assert saved.tensors["columns_read"].dtype == np.uint8


def test_networks_that_read_all_columns_are_written_as_before():
    assert read_parts(build("all").to_bytes())[1]["format_version"] == 1
    assert "n_features" not in read_parts(build("all").to_bytes())[1]


DAMAGE = {
    "a column twice": lambda t, s: t["columns_read"].__setitem__(1, t["columns_read"][0]),
    "a column that is not there": lambda t, s: t["columns_read"].__setitem__(1, D),
    "fewer features": lambda t, s: s.__setitem__("n_features", 20),
    "no number of features": lambda t, s: s.__setitem__("n_features", 40.0),
    "true features": lambda t, s: s.__setitem__("n_features", True),
    "very many features": lambda t, s: s.__setitem__("n_features", 2**40),
    "no features": lambda t, s: s.pop("n_features"),
    "no columns": lambda t, s: t.pop("columns_read"),
    "another dtype": lambda t, s: t.__setitem__("columns_read", t["columns_read"].astype(np.int32)),
    "fewer columns": lambda t, s: t.__setitem__("columns_read", t["columns_read"][:-1]),
    "a sparse hyperplane more": lambda t, s: t.__setitem__("thresholds", np.append(t["thresholds"], 0.0)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_columns_that_do_not_fit_are_refused(damage, scattered):
    tensors, settings = read_parts(scattered.to_bytes())
    tensors = {name: tensor.copy() for name, tensor in tensors.items()}
    DAMAGE[damage](tensors, settings)
    with pytest.raises(FormatError):
        fastmem.from_bytes(sealed(tensors, settings))
