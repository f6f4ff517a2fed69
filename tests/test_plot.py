"""What the pictures say is what the networks are; drawn without a display, as in a report or on a server."""

import io
import itertools
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from scipy.sparse import csr_array

import fastmem
import fastmem.plot
from fastmem import InvalidInput, Layer, LayeredNetwork
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.theory.scaling import PowerLaw, power_law


def rendered(ax):
    """The axes, after the whole figure was drawn to a PNG file."""
    FigureCanvasAgg(ax.figure)
    file = io.BytesIO()
    ax.figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
    return ax


def network(n=60, d=2, classes=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.integers(0, classes, n)
    return X, y, fastmem.memorize(X, y, random_state=0, **options)


def chain(*widths):
    """A network of any widths, every unit connected to the first input or unit before it."""
    layers = []
    for before, units in itertools.pairwise(widths):
        weights = csr_array((np.ones(units, np.int64), (np.arange(units), np.zeros(units, int))), (units, before))
        layers.append(Layer(weights, np.ones(units, np.int64)))
    return of_layers(layers, widths[0])


def of_layers(layers, d, classes=("no", "yes")):
    """Any layers as a network."""
    first = layers[0] if layers else Layer(csr_array((0, d), dtype=np.float32), np.zeros(0))
    frame = np.zeros(d), np.zeros(d, np.int16)
    hyperplanes = Hyperplanes(first.weights.toarray(), first.thresholds, *frame)
    settings = {"n_points": 2, "n_told_apart": 2, "construction": "baum1988", "separate": "labels"}
    distances = {"smallest_distance": 0.0, "largest_norm": 1.0}
    return LayeredNetwork(hyperplanes, layers[1:], np.array(classes), **settings, **distances)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# Every picture


def every_picture(axes=(None,) * 5):
    X, y, net = network()
    return [
        fastmem.plot.architecture(net, axes[0]),
        fastmem.plot.cells(net, X, y, axes[1]),
        fastmem.plot.radii(net, X, axes[2]),
        fastmem.plot.scaling([1, 10, 100], {"a": [1, 2, 4]}, axes[3]),
        fastmem.plot.comparison([{"name": "a", "neurons": 3, "weights": 9}], axes[4]),
    ]


def test_a_new_figure_is_drawn_into_by_default_and_never_shown():
    for ax in every_picture():
        rendered(ax)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_the_axes_given_are_drawn_into_and_returned():
    axes = Figure(figsize=(6, 20), layout="constrained").subplots(5)
    assert every_picture(axes) == axes.tolist()
    assert all(ax.has_data() for ax in axes)
    rendered(axes[0])


def test_a_new_figure_is_of_pyplot_only_where_that_shows_it(monkeypatch):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")  # which needs no display, whatever it is called below
    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel="of a notebook"))
    X, _, net = network()
    for backend, interactive, ipython, shows in (
        ("agg", True, kernel, False),
        ("tkagg", False, kernel, False),
        ("tkagg", True, None, True),
        ("module://matplotlib_inline.backend_inline", False, kernel, True),
    ):
        monkeypatch.setitem(sys.modules, "IPython", ipython or SimpleNamespace(get_ipython=lambda: None))
        monkeypatch.setattr(pyplot, "isinteractive", lambda interactive=interactive: interactive)
        monkeypatch.setattr(pyplot, "get_backend", lambda backend=backend: backend)
        ax = fastmem.plot.radii(net, X)
        assert pyplot.fignum_exists(ax.figure.number if shows else 1) is shows
        pyplot.close("all")


def test_all_texts_lie_within_the_figure():
    many = {f"construction number {k}": [1 + k, 2 + k, 4 + k] for k in range(9)}
    for ax in [*every_picture(), fastmem.plot.scaling([1, 10, 100], many)]:
        rendered(ax)
        renderer, whole = ax.figure.canvas.get_renderer(), ax.figure.bbox
        box = ax.get_tightbbox(renderer)
        assert whole.x0 <= box.x0
        assert box.x1 <= whole.x1
        assert whole.y0 <= box.y0
        assert box.y1 <= whole.y1


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    X, y, net = network()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "fastmem-nn\[plot\]"'):
        fastmem.plot.cells(net, X, y)


def test_plot_is_found_without_being_imported_and_loads_no_matplotlib_before_it_draws(tmp_path):
    code = """if True:
        import sys, fastmem
        print("fastmem.plot" in sys.modules)
        fastmem.plot.cells
        print("fastmem.plot" in sys.modules, "matplotlib" in sys.modules)
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.split() == ["False", "True", "False"]
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        fastmem.plots  # noqa: B018


# Layers


def boxes(ax):
    return {box.get_gid(): box for box in ax.patches if isinstance(box, Rectangle)}


def test_every_layer_is_a_box_with_its_units_and_connections():
    _, _, net = network(500, 8, 5)
    ax = rendered(fastmem.plot.architecture(net))
    assert list(boxes(ax)) == ["inputs", *(f"layer {k + 1}" for k in range(net.depth)), "labels"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["inputs", *net.stages, "labels"]
    written = texts(ax)
    sizes = [f"{size:,}" for size in (8, *net.widths, 5)]
    assert written[: len(sizes)] == sizes
    assert written[len(sizes) : -3] == [f"{layer.n_weights:,}" for layer in net.layers]
    assert written[-3:] == ["layer", "units (log scale)", "connections"]


def test_boxes_grow_with_the_logarithm_of_the_units():
    drawn = boxes(fastmem.plot.architecture(chain(9, 99, 999)))
    lengths = [drawn[name].get_width() for name in ("inputs", "layer 1", "layer 2")]
    np.testing.assert_allclose(np.divide(lengths, lengths[0]), [1, 2, 3])


@pytest.mark.parametrize("depth", [0, 1, 20])
def test_lines_of_text_do_not_overlap_at_any_depth(depth):
    widths = np.random.default_rng(0).integers(1, 10**6, depth)
    widths[:1] = 123  # a first layer is dense
    net = chain(64, *widths.tolist())
    ax = rendered(fastmem.plot.architecture(net))
    assert len(boxes(ax)) == depth + 2
    assert ax.figure.get_size_inches().tolist() == [6.4, 4.8]
    renderer = ax.figure.canvas.get_renderer()
    everything = [*ax.texts, *ax.get_yticklabels()]
    extents = [text.get_window_extent(renderer) for text in everything]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])
    assert min(text.get_fontsize() for text in everything) >= 6


# Cells


def pixel(ax, point):
    """Colour of the image where a point of the plane lies."""
    image = ax.images[0].get_array()
    left, right, bottom, top = ax.images[0].get_extent()
    column = int((point[0] - left) / (right - left) * image.shape[1])
    row = int((point[1] - bottom) / (top - bottom) * image.shape[0])
    return np.array(image[row, column])


@pytest.mark.parametrize("classes", [1, 2, 8, 9, 40])
def test_cells_have_the_colour_of_the_label_predicted(classes):
    X, y, net = network(80, classes=classes)
    ax = rendered(fastmem.plot.cells(net, X, y, resolution=500))
    left, right, bottom, top = ax.images[0].get_extent()
    # A point's pixel is of its cell if the cell holds a circle around it as large as a pixel.
    sure = net.certified_radius(X) > np.hypot(right - left, top - bottom) / 500
    assert sure.sum() > 10
    colours = {}
    for point, label in zip(X[sure], y[sure], strict=True):
        colours.setdefault(int(label), set()).add(tuple(pixel(ax, point)))
    assert all(len(found) == 1 for found in colours.values())
    assert len(set.union(*colours.values())) == len(colours)


def test_every_line_in_the_picture_is_a_hyperplane():
    X, y, net = network()
    ax = fastmem.plot.cells(net, X, y)
    lines = ax.collections[0].get_segments()
    assert 0 < len(lines) <= net.n_hyperplanes
    weights, thresholds = net.encoder.hyperplanes.weights.astype(float), net.encoder.hyperplanes.thresholds
    for ends in lines:
        offsets = np.abs(ends @ weights.T - thresholds) / np.linalg.norm(weights, axis=1)
        assert offsets.max(axis=0).min() < 1e-6


def test_points_of_different_classes_differ_in_colour_and_marker():
    X, y, net = network(classes=3)
    ax = fastmem.plot.cells(net, X, y)
    scatters = ax.collections[1:]
    assert [len(scatter.get_offsets()) for scatter in scatters] == np.bincount(y).tolist()
    assert len({tuple(scatter.get_facecolors()[0]) for scatter in scatters}) == 3
    assert len({scatter.get_paths()[0].vertices.tobytes() for scatter in scatters}) == 3


def test_labels_are_in_the_legend_and_many_on_a_colour_bar():
    X, y, net = network(classes=3)
    names = np.array(["red", "green", "blue"])
    net = fastmem.memorize(X, names[y], random_state=0)
    assert legend(fastmem.plot.cells(net, X, names[y])) == ["blue", "green", "red"]
    assert legend(fastmem.plot.cells(net)) == ["blue", "green", "red"]
    assert fastmem.plot.cells(net).get_legend().get_title().get_text() == "label"
    X, y, net = network(classes=30)
    ax = rendered(fastmem.plot.cells(net, X, y))
    assert ax.get_legend() is None
    bar = ax.images[0].axes.figure.axes[1]
    ticks = [text.get_text() for text in bar.get_yticklabels()]
    assert (ticks[0], ticks[-1]) == (str(net.classes[0]), str(net.classes[-1]))


def test_labels_that_cannot_be_drawn_are_written_escaped():
    net = fastmem.memorize([[0, 0], [1, 1]], ["\ud800", "b\0"], random_state=0)
    texts = fastmem.plot.cells(net, resolution=1).get_legend().get_texts()
    assert {text.get_text() for text in texts} == {"\\ud800", "b\\x00"}


def test_points_without_labels_get_those_predicted():
    X, y, net = network()
    given, predicted = fastmem.plot.cells(net, X, y), fastmem.plot.cells(net, X)
    for a, b in zip(given.collections, predicted.collections, strict=True):
        assert np.array_equal(a.get_facecolors(), b.get_facecolors())


def test_the_limits_hold_the_points_or_are_those_given():
    X, y, net = network()
    ax = fastmem.plot.cells(net, X + 100, y)
    assert ax.get_xlim()[0] < X[:, 0].min() + 100 < X[:, 0].max() + 100 < ax.get_xlim()[1]
    ax = fastmem.plot.cells(net, limits=(-1, 2, -3, 4))
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-1, 2, -3, 4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("X[:, 0]", "X[:, 1]")


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_without_points_all_lines_are_in_the_picture(shift):
    X, y, _ = network()
    net = fastmem.memorize(X + shift, y, random_state=0)
    ax = fastmem.plot.cells(net)
    assert len(ax.collections[0].get_segments()) == net.n_hyperplanes
    assert ax.get_xlim()[0] < shift < ax.get_xlim()[1]
    assert ax.get_xlim()[1] - ax.get_xlim()[0] < 20


def test_networks_of_one_line_or_none_are_drawn():
    one = fastmem.memorize([[0, 0], [1, 1]], [0, 1], random_state=0)
    assert len(rendered(fastmem.plot.cells(one)).collections[0].get_segments()) == 1
    none = fastmem.memorize([[0, 0], [1, 1]], [5, 5], random_state=0)
    assert legend(rendered(fastmem.plot.cells(none))) == ["5"]


def test_cells_of_a_network_given_layer_by_layer():
    X, y, net = network()
    plain = of_layers(net.layers, 2, net.classes)
    # Its signs are those of the layers as they stand, so the pictures agree.
    a, b = fastmem.plot.cells(net, X, y, resolution=100), fastmem.plot.cells(plain, X, y, resolution=100)
    assert np.array_equal(a.images[0].get_array(), b.images[0].get_array())


def test_lines_are_thinner_where_they_are_many():
    widths = []
    for n in (30, 3000):
        X, y, net = network(n, effort="fast")
        widths.append(fastmem.plot.cells(net, X, y, resolution=50).collections[0].get_linewidth()[0])
    assert widths[1] < 0.5 * widths[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [0, 1]}, "give X too"),
        ({"X": [[0.0, np.nan]]}, "finite"),
        ({"X": [[0.0, 1.0, 2.0]]}, "3 columns"),
        ({"X": [[0.0, 1.0]], "y": [7]}, "label 7, which is none"),
        ({"X": [[0.0, 1.0]], "y": [0, 1]}, "1 rows, but y has 2"),
        ({"limits": (0, 1, 2, 2)}, "left < right"),
        ({"limits": (0, 1)}, "left < right"),
        ({"limits": (-1e308, 1e308, 0, 1)}, r"beyond 2\^1020"),
        ({"resolution": 0}, "resolution must be"),
    ],
)
def test_what_cannot_be_drawn_as_cells_is_refused(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        fastmem.plot.cells(network()[2], **arguments)


def test_cells_need_a_plane():
    X, y, net = network(d=3)
    with pytest.raises(InvalidInput, match="takes 3 inputs, not 2"):
        fastmem.plot.cells(net, X, y)


# Radii


def test_the_histogram_counts_every_radius_and_marks_the_median():
    X, _, net = network(1000, 8)
    ax = rendered(fastmem.plot.radii(net, X, bins=25))
    radii = net.certified_radius(X)
    assert len(ax.patches) == 25
    assert sum(bar.get_height() for bar in ax.patches) == 1000
    assert ax.lines[0].get_xdata()[0] == np.median(radii)
    assert legend(ax) == [f"median {np.median(radii):.3g}"]
    assert ax.get_xlabel() == "certified radius (Euclidean distance, units of X)"
    assert ax.get_ylabel() == "number of points"
    assert ax.get_xscale() == "log"


def test_radii_of_one_size_are_on_a_linear_scale():
    X = np.arange(8.0)[:, None]
    net = fastmem.memorize(X, np.arange(8) % 2, random_state=0)
    nearly = SimpleNamespace(certified_radius=lambda X: 0.3 + 2.0**-54 * np.arange(8))
    for drawn in (net, nearly):
        ax = rendered(fastmem.plot.radii(drawn, X))
        assert ax.get_xscale() == "linear"
        assert sum(bar.get_height() for bar in ax.patches) == 8


@pytest.mark.parametrize(("n_zero", "median"), [(2, "0.03"), (30, "0")])
def test_radii_of_0_are_told_beside_a_logarithmic_scale(n_zero, median):
    radii = np.append(np.zeros(n_zero), [0.01, 0.02, 0.03, 0.03, 0.03, 0.04, 1.0])
    ax = rendered(fastmem.plot.radii(SimpleNamespace(certified_radius=np.asarray), radii))
    assert legend(ax) == [f"median {median}", f"{n_zero} at distance 0 not shown"]
    assert sum(bar.get_height() for bar in ax.patches) == 7
    assert sum(line.get_linestyle() == "--" for line in ax.lines) == (median != "0")


def test_radii_that_cannot_be_drawn_are_refused():
    constant = fastmem.memorize([[0.0], [1.0]], [5, 5])
    with pytest.raises(InvalidInput, match="no hyperplane"):
        fastmem.plot.radii(constant, [[0.0]])
    X, _, net = network()
    with pytest.raises(InvalidInput, match="no rows"):
        fastmem.plot.radii(net, X[:0])
    with pytest.raises(InvalidInput, match="bins must be"):
        fastmem.plot.radii(net, X, bins=0)


# Growth


def test_exponents_of_exact_power_laws_are_in_the_legend():
    x = np.array([100, 1000, 10_000, 100_000])
    series = {"paper": 3 * x**0.5, "ours": 0.1 * x**1.25}
    ax = rendered(fastmem.plot.scaling(x, series, xlabel="points", ylabel="weights (count)"))
    assert legend(ax) == ["paper: 0.50 (0.50 to 0.50)", "ours: 1.25 (1.25 to 1.25)"]
    assert "95 %" in ax.get_legend().get_title().get_text()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("points", "weights (count)")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_series_are_told_apart_by_marker_and_line_style():
    ax = fastmem.plot.scaling([1, 10, 100], {f"series {k}": [1 + k, 2 + k, 4 + k] for k in range(20)})
    handles = ax.get_legend_handles_labels()[0]
    assert len(handles) == 20
    assert len({(line.get_marker(), str(line._unscaled_dash_pattern)) for line in handles}) == 20
    assert len({line.get_marker() for line in handles[:8]}) == 8
    assert len({line.get_color() for line in handles[:8]}) == 8
    assert len({(line.get_marker(), line.get_markerfacecolor()) for line in handles[:16]}) == 16


def test_measurements_and_the_fitted_line_are_drawn_and_gaps_left_out():
    x, y = np.array([1.0, 10, 100, 1000]), np.array([np.nan, 20, 50, 200])
    ax = rendered(fastmem.plot.scaling(x, {"a": y}))
    fit, points = ax.lines[:2]
    assert points.get_xdata().tolist() == [10, 100, 1000]
    assert points.get_ydata().tolist() == [20, 50, 200]
    np.testing.assert_allclose(fit.get_ydata(), power_law(x[1:], y[1:])([10, 1000]))


@pytest.mark.parametrize(
    ("x", "series", "message"),
    [
        ([1, 2, 3], {}, "series is empty"),
        ([1, 2, 3], {"a": [1, 2]}, r"'a' has shape \(2,\), but x has \(3,\)"),
        ([1, 2, 3], {"a": [1, 2, np.nan]}, "'a': .* at least 3 different"),
        ([1, 2, 3], {"a": [1, 2, -4]}, r"'a': y\[2\] is -4.0"),
        ([1, 2, 3], {"a": [1, 2, "many"]}, "'a' must be numbers"),
    ],
)
def test_series_that_cannot_be_fitted_are_refused(x, series, message):
    with pytest.raises(InvalidInput, match=message):
        fastmem.plot.scaling(x, series)


@pytest.mark.parametrize("exponent", [-2.0, 0.0, 0.5, 3.0])
def test_an_exact_power_law_is_recovered(exponent):
    x = np.array([1, 3, 10, 500, 2e6])
    law = power_law(x, 7 * x**exponent)
    assert isinstance(law, PowerLaw)
    np.testing.assert_allclose(law, (exponent, exponent, exponent, 7), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(law(x), 7 * x**exponent, rtol=1e-6)


def test_the_confidence_interval_is_that_of_a_line_by_definition():
    """Slope and its standard error by the textbook's sums; Student's t for 3 degrees of freedom is 3.182446."""
    x, y = np.array([1.0, 2, 4, 8, 16]), np.array([3.0, 5, 11, 18, 40])
    u, v = np.log(x) - np.log(x).mean(), np.log(y) - np.log(y).mean()
    slope = (u @ v) / (u @ u)
    error = np.sqrt(((v - slope * u) ** 2).sum() / 3 / (u @ u))
    law = power_law(x, y)
    np.testing.assert_allclose(law[:3], slope + error * 3.182446 * np.array([0, -1, 1]), rtol=1e-6)


def test_the_confidence_interval_holds_the_truth_in_about_95_of_100_trials():
    rng = np.random.default_rng(0)
    x = np.geomspace(100, 1e5, 6)
    laws = [power_law(x, 2 * x**0.5 * np.exp(0.1 * rng.standard_normal(6))) for _ in range(1000)]
    assert 0.92 < np.mean([law.low <= 0.5 <= law.high for law in laws]) < 0.98


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "at least 3 different"),
        ([1, 2, 2, 1], [1, 2, 3, 4], "at least 3 different"),
        ([1, 2, 0], [1, 2, 3], r"x\[2\] is 0.0"),
        ([1, 2, 3], [1, np.inf, 3], r"y\[1\] is inf"),
        ([1, 2, np.nan], [1, 2, 3], r"x\[2\] is nan"),
        ([1, 2, 3], [1, 2, 3, 4], "x has 3 values, but y has 4"),
        ([[1, 2, 3]], [1, 2, 3], r"x has shape \(1, 3\)"),
        (["one", "two", "three"], [1, 2, 3], "x must be numbers"),
    ],
)
def test_what_has_no_power_law_is_refused(x, y, message):
    with pytest.raises(InvalidInput, match=message):
        power_law(x, y)


# Constructions

ROWS = [
    {"name": "compact", "neurons": 1212, "weights": 45_454},
    {"name": "baum1988", "neurons": None, "weights": None},
    {"name": "no layers", "neurons": 0, "weights": 0},
]


def test_sizes_are_written_at_bars_that_end_there():
    ax = rendered(fastmem.plot.comparison(ROWS))
    notes = {text.get_text(): text.xy for text in ax.texts if isinstance(text, Annotation)}
    assert list(notes) == ["1,212", "0", "45,454", "not built"]
    ends = sorted(bar.get_x() + bar.get_width() for bar in ax.patches)
    assert ends == [1, 1, 1, 1, 1212, 45_454]
    assert notes["1,212"][0] == 1212
    assert [label.get_text() for label in ax.get_yticklabels()] == ["compact", "baum1988", "no layers"]
    assert legend(ax) == ["neurons", "weights"]
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "neurons, weights")


def test_the_row_that_was_not_built_says_so_in_its_place():
    ax = fastmem.plot.comparison(ROWS)
    (note,) = [text for text in ax.texts if text.get_text() == "not built"]
    assert note.xy[1] == 1
    assert ax.get_yticks()[1] == 1


def test_a_comparison_is_drawn_as_it_is():
    comparison = fastmem.compare(np.eye(4), [0, 1, 1, 0], constructions=["compact/binary", "baum1988"], random_state=0)
    ax = fastmem.plot.comparison(comparison)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["compact/binary", "baum1988"]
    assert texts(ax)[:2] == [f"{row.neurons:,}" for row in comparison.rows]
    assert texts(fastmem.plot.comparison(comparison.rows[1:])) == [texts(ax)[1], texts(ax)[3]]


def test_means_are_drawn_between_whole_numbers():
    ax = fastmem.plot.comparison([{"name": "of two seeds", "neurons": 12.5, "weights": 1000.0}])
    assert texts(ax) == ["12.5", "1,000.0"]


def test_bytes_are_a_third_bar_where_they_are_given():
    rows = [{**ROWS[0], "n_bytes": 800}, {**ROWS[0], "name": "of unknown size"}]
    ax = rendered(fastmem.plot.comparison(rows))
    assert legend(ax) == ["neurons", "weights", "bytes"]
    assert texts(ax)[-2:] == ["800", "not counted"]
    assert len({(bar.get_hatch(), to_rgb(bar.get_facecolor())) for bar in ax.patches}) == 3


def test_numbers_of_many_constructions_do_not_overlap():
    rows = [{"name": f"construction {k}", "neurons": 10**k, "weights": 2 * 10**k, "n_bytes": 10**k} for k in range(12)]
    ax = rendered(fastmem.plot.comparison(rows))
    renderer = ax.figure.canvas.get_renderer()
    extents = [text.get_window_extent(renderer) for text in (*ax.texts, *ax.get_yticklabels())]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "rows is empty"),
        ([ROWS[0], {"name": "a", "neurons": 3}], r"rows\[1\] lacks weights"),
        ([{"name": "a", "neurons": -3, "weights": 1}], r"rows\[0\]\['neurons'\] must be an integer"),
        ([{"name": "a", "neurons": 3, "weights": np.inf}], r"rows\[0\]\['weights'\] must be an integer"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(rows, message):
    with pytest.raises(InvalidInput, match=message):
        fastmem.plot.comparison(rows)
