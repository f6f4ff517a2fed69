"""Pictures of networks: their layers, cells and radii, how their sizes grow, and constructions side by side.

Every function draws into `ax`, or into a new figure of its own, and returns the Axes. In a notebook the new figure
appears below the cell, as those of pyplot do. In a script it belongs to no window and to no pyplot state:
``ax.figure.savefig("cells.png")`` writes it. For a window, give the axes:

    figure, ax = matplotlib.pyplot.subplots(layout="constrained")
    fastmem.plot.cells(net, X, y, ax=ax)

Nothing is told by colour alone: classes and series differ in their markers or line styles too, and the colours are
those of Okabe & Ito ("Color Universal Design", 2008), which colour-blind readers tell apart. The module needs
matplotlib: ``pip install "fastmem-nn[plot]"``.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastmem.data.options import as_count
from fastmem.errors import InvalidInput
from fastmem.html.colours import OKABE_ITO
from fastmem.html.wording import shortened
from fastmem.machine.partners import need
from fastmem.network.pictures import (
    bars,
    label_positions,
    layers_together,
    limits_of,
    pixel_centres,
    points_and_positions,
    segments,
    unit_hyperplanes,
)
from fastmem.theory.scaling import power_law

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from fastmem.network import Network

__all__ = ["architecture", "cells", "comparison", "radii", "scaling"]

_BLUE, _ORANGE, _GREEN = "#0072B2", "#E69F00", "#009E73"
_COLOURS = OKABE_ITO
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (1, 3)))
_LONGEST_NAME = 20


def _axes(ax, n_lines=0):
    """The axes given, or those of a new figure, which is taller than usual where so many lines of text ask for it."""
    matplotlib = need("matplotlib.figure", what="fastmem.plot", extra="plot")
    if ax is not None:
        return ax
    figure = _new_figure(matplotlib.Figure)
    figure.set_figheight(max(figure.get_figheight(), 0.17 * n_lines + 0.8))
    return figure.add_subplot()


def _new_figure(kind):
    """A figure of pyplot where that shows it without being asked to; elsewhere one that nobody else knows."""
    pyplot = _pyplot()
    if pyplot is None or not _shows_figures(pyplot):
        return kind(layout="constrained")
    settings, name = pyplot.rcParams, "figure.max_open_warning"
    most, settings[name] = settings[name], 0  # a cell may draw more than 20
    try:  # rc_context would undo what pyplot sets when it begins to draw
        return pyplot.figure(layout="constrained")
    finally:
        settings[name] = most


def _pyplot():
    """The module, if it is in use: in a notebook always, for its kernel shows and forgets all figures after a cell."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is not None:
        from matplotlib import pyplot

        return pyplot
    return sys.modules.get("matplotlib.pyplot")


def _shows_figures(pyplot):
    from matplotlib.backends import BackendFilter, backend_registry

    backend, without = pyplot.get_backend().lower(), backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
    return "inline" in backend or (pyplot.isinteractive() and backend not in without)


# Layers


def architecture(network: Network, ax: Axes | None = None) -> Axes:
    """Draw the layers of a network, from the inputs at the top to the labels.

    A box's length grows with the logarithm of the number of units, which is written in it. What the layer does stands
    on the left, the number of connections that lead to it on the right. Of more than 40 layers those that do the same,
    one after the other, are one box, as wide as the widest.

    Parameters
    ----------
    network : Network
    ax : matplotlib Axes, optional
        Its ticks and limits are set. A new figure by default.

    Returns
    -------
    matplotlib Axes
        The boxes have the group ids "inputs", "layer 1", "layer 2", ..., "labels", or "layers 2 to 90".

    Raises
    ------
    ImportError
        There is no matplotlib.

    Examples
    --------
    >>> import fastmem, fastmem.plot
    >>> net = fastmem.memorize([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], random_state=0)
    >>> ax = fastmem.plot.architecture(net)
    >>> [box.get_gid() for box in ax.patches][:2]
    ['inputs', 'layer 1']
    """
    parts = layers_together(network)
    sizes = (network.n_features_in, *(part.width for part in parts), len(network.classes))
    names = ("inputs", *(part.name for part in parts), "labels")
    ax = _axes(ax, len(sizes) + 1)
    text = {"fontsize": _font_size(ax, len(sizes) + 1)}
    lengths = np.log1p(sizes) / np.log1p(max(sizes))
    for row, (size, name, length) in enumerate(zip(sizes, names, lengths, strict=True)):
        _draw_box(ax, row, size, name, length, text)
    for row, part in enumerate(parts, 1):
        _draw_connections(ax, row, lengths[row - 1 : row + 1], part.n_weights, text)
    _draw_columns(ax, ("inputs", *(part.stage for part in parts), "labels"), text)
    return ax


_BOX_HEIGHT = 0.56  # of the distance of two rows
_FEWEST_ROWS = 6  # that fill the axes


def _draw_box(ax, row, size, name, length, text):
    from matplotlib.patches import Rectangle

    is_layer = name.startswith("layer")
    corner = -length / 2, row - _BOX_HEIGHT / 2
    colours = {"facecolor": "#B9DCF2" if is_layer else "0.88", "edgecolor": _BLUE if is_layer else "0.45"}
    ax.add_patch(Rectangle(corner, length, _BOX_HEIGHT, gid=name, linewidth=0.8, zorder=2, **colours))
    ax.text(0, row, f"{size:,}", ha="center", va="center_baseline", zorder=3, **text)


def _draw_connections(ax, row, lengths, n_connections, text):
    """The connections between the boxes of row - 1 and row."""
    above, below = lengths / 2
    top, bottom = row - 1 + _BOX_HEIGHT / 2, row - _BOX_HEIGHT / 2
    ax.fill([-above, above, below, -below], [top, top, bottom, bottom], color="0.93", linewidth=0, zorder=1)
    beside = ax.get_yaxis_transform()
    ax.text(1.02, row - 0.5, f"{n_connections:,}", transform=beside, ha="left", va="center_baseline", **text)


def _draw_columns(ax, words, text):
    """Words on the left, heads of the columns above; nothing else of the axes is seen."""
    margin = max(_FEWEST_ROWS - len(words), 0) / 2
    ax.set(xlim=(-0.52, 0.52), ylim=(len(words) - 0.6 + margin, -1.2 - margin), xticks=[])
    ax.set_yticks(range(len(words)), [shortened(word) for word in words], **text)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    head = {"transform": ax.get_yaxis_transform(), "va": "center_baseline", "fontweight": "bold", **text}
    ax.text(-0.02, -0.85, "layer", ha="right", **head)
    ax.text(0.5, -0.85, "units (log scale)", ha="center", **head)
    ax.text(1.02, -0.85, "connections", ha="left", **head)


def _font_size(ax, n_lines):
    """A size in points at which so many lines of text fit the height of the axes."""
    height = 72 * ax.figure.get_figheight() * ax.get_position().height
    return min(max(0.7 * height / n_lines, 4), 10)


# Cells


def cells(
    network: Network,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    limits: Sequence[float] | None = None,
    resolution: int = 400,
) -> Axes:
    """Draw the plane as a network of two inputs sees it: hyperplanes, cells, and the label of each.

    Every pixel has the colour of the label predicted for its centre; the lines are the hyperplanes of the first layer.
    The labels of up to 8 classes are in a legend; those of more classes on a colour bar, in the order of
    ``network.classes``, where the eight markers take turns.

    Parameters
    ----------
    network : Network
        With ``n_features_in == 2``.
    X : array_like of shape (n, 2), optional
        Points to draw on top.
    y : array_like of shape (n,), optional
        Their labels, out of ``network.classes``; those predicted by default.
    ax : matplotlib Axes, optional
        A new figure by default.
    limits : sequence of 4 floats, optional
        Left, right, bottom and top of the picture, in the units of X. By default what holds X with a margin of 5 %;
        without X, a square that all lines pass through.
    resolution : int
        Number of pixels along either side, 1 to 4096.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidInput
        The network takes another number of inputs than 2; X or y cannot be used, or y comes without X or holds labels
        that the network never returns; or the limits do not span a rectangle.
    ImportError
        There is no matplotlib.

    Examples
    --------
    >>> import fastmem, fastmem.plot
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"]
    >>> net = fastmem.memorize(X, y, random_state=0)
    >>> ax = fastmem.plot.cells(net, X, y)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['even', 'odd']
    """
    if network.n_features_in != 2:
        raise InvalidInput(f"cells are drawn in the plane, but the network takes {network.n_features_in} inputs, not 2")
    resolution = as_count("resolution", resolution, most=4096)
    points, positions = points_and_positions(network, X, y)
    weights, offsets = unit_hyperplanes(network)
    limits = limits_of(limits, points, weights, offsets)
    ax = _axes(ax)
    colours, pale = _class_colours(len(network.classes))
    grid = label_positions(network.predict(pixel_centres(limits, resolution)), network.classes)
    image = pale[grid].reshape(resolution, resolution, 3)
    ax.imshow(image, extent=limits, origin="lower", aspect="auto", interpolation="nearest")
    _draw_lines(ax, segments(weights, offsets, limits))
    _draw_points(ax, points, positions, colours)
    if len(colours) > len(_COLOURS):
        _add_colour_bar(ax, network.classes, colours)
    else:
        _add_class_legend(ax, network.classes, pale if X is None else colours, "s" * 8 if X is None else _MARKERS)
    ax.set(xlabel="X[:, 0]", ylabel="X[:, 1]", xlim=limits[:2], ylim=limits[2:])
    return ax


def _draw_lines(ax, segments):
    """The lines, so thin and pale where they are many that what lies below can be seen."""
    from matplotlib.collections import LineCollection

    width = (1 + len(segments) / 10) ** (-1 / 3)
    opacity = min(0.8, 100 / (width * max(len(segments), 1)))
    ax.add_collection(LineCollection(segments, colors="black", linewidths=width, alpha=opacity), autolim=False)


def _class_colours(n_classes):
    """Colours of points and of cells: two float64 arrays of shape (n_classes, 3)."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if n_classes > len(_COLOURS):
        # Lighter than the map, for black lines to be seen everywhere.
        colours = 0.65 * colormaps["viridis"](np.linspace(0, 1, n_classes))[:, :3] + 0.35
        return colours, colours
    colours = np.array([to_rgb(colour) for colour in _COLOURS[:n_classes]])
    return colours, 0.5 * colours + 0.5


def _draw_points(ax, points, positions, colours):
    area = 36 * min(1, 100 / max(len(points), 1)) ** 0.6
    for k, marker in enumerate(_MARKERS):
        chosen = positions % len(_MARKERS) == k
        if chosen.any():
            face = colours[positions[chosen]]
            style = {"marker": marker, "edgecolors": "black", "linewidths": 0.1 * area**0.5, "zorder": 3}
            ax.scatter(*points[chosen].T, s=area, c=face, **style)


def _add_class_legend(ax, classes, colours, markers):
    from matplotlib.lines import Line2D

    style = {"linestyle": "", "markeredgecolor": "black", "markeredgewidth": 0.6}
    signs = [
        Line2D([], [], marker=marker, markerfacecolor=colour, label=shortened(label, _LONGEST_NAME), **style)
        for label, colour, marker in zip(classes, colours, markers, strict=False)
    ]
    longest = max(len(sign.get_label()) for sign in signs)
    columns = min(len(signs), max(60 // (longest + 5), 1))
    _legend_above(ax, handles=signs, ncols=columns, title="label", alignment="left")


def _legend_above(ax, **options):
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, frameon=False, **options)


def _add_colour_bar(ax, classes, colours):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    scale = ScalarMappable(Normalize(-0.5, len(classes) - 0.5), ListedColormap(colours))
    bar = ax.figure.colorbar(scale, ax=ax, label="label")
    chosen = np.linspace(0, len(classes) - 1, min(len(classes), 9)).round().astype(int)
    bar.set_ticks(chosen, labels=[shortened(classes[i], _LONGEST_NAME) for i in chosen], minor=False)


# Radii


def radii(network: Network, X: ArrayLike, ax: Axes | None = None, *, bins: int = 40) -> Axes:
    """Draw how far points may move before their label can change: a histogram of the certified radius.

    The scale is logarithmic where the largest radius is more than 10 times the smallest that is not 0.

    Parameters
    ----------
    network : Network
    X : array_like of shape (n, d)
        At least one point.
    ax : matplotlib Axes, optional
        A new figure by default.
    bins : int
        Number of bars, 1 to 10,000.

    Returns
    -------
    matplotlib Axes
        The median is a dashed line, whose value is in the legend.

    Raises
    ------
    InvalidInput
        X is not points of the network, or is empty; or the radii are infinite, for the network has no hyperplane.
    ImportError
        There is no matplotlib.

    Examples
    --------
    >>> import fastmem, fastmem.plot
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> net = fastmem.memorize(X, [0, 1, 0, 1], random_state=0)
    >>> fastmem.plot.radii(net, X).get_xlabel()
    'certified radius (Euclidean distance, units of X)'
    """
    bins = as_count("bins", bins, most=10_000)
    distances = network.certified_radius(X)
    if not len(distances):
        raise InvalidInput("X has no rows: a histogram takes at least one point")
    if np.isinf(distances).any():
        raise InvalidInput("the network has no hyperplane, so that every radius is infinite: no label can ever change")
    ax = _axes(ax)
    from matplotlib.ticker import MaxNLocator

    scale, edges = bars(distances, bins)
    ax.set(xscale=scale, xlabel="certified radius (Euclidean distance, units of X)", ylabel="number of points")
    ax.hist(distances, edges, color="#56B4E9", edgecolor="white", linewidth=0.3)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    # The mean of the two in the middle, whose sum may be no number.
    median, n_zero = float(np.quantile(distances, 0.5)), np.count_nonzero(distances == 0)
    name = f"median {median:.3g}"
    if median > 0 or scale == "linear":
        ax.axvline(median, color="black", linestyle="--", linewidth=1.2, label=name)
    else:
        ax.plot([], [], " ", label=name)
    if n_zero and scale == "log":
        ax.plot([], [], " ", label=f"{n_zero:,} at distance 0 not shown")
    _legend_above(ax, ncols=2)
    return ax


# Growth


def scaling(
    x: ArrayLike,
    series: Mapping[str, ArrayLike],
    ax: Axes | None = None,
    *,
    xlabel: str = "number of points n",
    ylabel: str = "neurons",
) -> Axes:
    """Draw how sizes grow: measurements on logarithmic axes, and the power law fitted to each series.

    The legend holds the exponent and its 95 % confidence interval, as `fastmem.theory.scaling.power_law` finds them.

    Parameters
    ----------
    x : array_like of shape (n,)
        Positive numbers.
    series : mapping of str to array_like of shape (n,)
        Positive numbers, or NaN where there is no measurement.
    ax : matplotlib Axes, optional
        A new figure by default.
    xlabel, ylabel : str
        What is on the axes, with the units.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidInput
        There is no series, one has another length than x or numbers that are not positive, or fewer than 3 different
        x are left to fit.
    ImportError
        There is no matplotlib.

    Examples
    --------
    >>> import fastmem.plot
    >>> ax = fastmem.plot.scaling([1, 10, 100], {"paper": [5, 50, 500]}, ylabel="weights")
    >>> ax.get_legend().get_texts()[0].get_text()
    'paper: 1.00 (1.00 to 1.00)'
    """
    curves = [(name, *_fitted(name, x, values)) for name, values in series.items()]
    if not curves:
        raise InvalidInput("series is empty: give at least one name with its measurements")
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    for k, (name, at, values, law) in enumerate(curves):
        turn, place = divmod(k, len(_COLOURS))
        style = {
            "color": _COLOURS[place],
            "marker": _MARKERS[place],
            "markerfacecolor": "white" if turn % 2 else _COLOURS[place],
            "linestyle": _LINE_STYLES[(place + turn) % len(_LINE_STYLES)],
            "markeredgecolor": "black",
            "markeredgewidth": 0.6,
        }
        label = f"{shortened(name)}: {law.exponent:.2f} ({law.low:.2f} to {law.high:.2f})"
        ends = np.array([at.min(), at.max()])
        ax.plot(ends, law(ends), **{**style, "marker": ""})
        ax.plot(at, values, **{**style, "linestyle": ""})
        ax.plot([], [], label=label, **style)
    _add_series_legend(ax)
    return ax


def _add_series_legend(ax):
    """Above the curves, where it hides none."""
    labels = ax.get_legend_handles_labels()[1]
    columns = 2 if len(labels) > 4 and max(map(len, labels)) <= 38 else 1
    options = {"title": "exponent (95 % confidence interval)", "alignment": "left", "ncols": columns}
    _legend_above(ax, fontsize="small" if len(labels) > 4 else None, **options)


def _fitted(name, x, values):
    """The x and the values that were measured, and their power law."""
    try:
        x, values = np.asarray(x, np.float64), np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"x and series {name!r} must be numbers: {error}") from error
    if x.shape != values.shape or x.ndim != 1:
        raise InvalidInput(f"series {name!r} has shape {values.shape}, but x has {x.shape}: each x needs one value")
    x, values = x[~np.isnan(values)], values[~np.isnan(values)]
    try:
        return x, values, power_law(x, values)
    except InvalidInput as error:
        raise InvalidInput(f"series {name!r}: {error}") from error


# Constructions


class _HasRows(Protocol):
    """What `fastmem.compare` returns, which stands above this module."""

    def to_dict(self) -> dict[str, Any]: ...


class _HasSizes(Protocol):
    """A row of it, which is a dataclass."""

    @property
    def name(self) -> str: ...

    @property
    def neurons(self) -> int | float | None: ...

    @property
    def weights(self) -> int | float | None: ...


def comparison(rows: _HasRows | Sequence[Mapping[str, Any] | _HasSizes], ax: Axes | None = None) -> Axes:
    """Draw the sizes of several constructions as bars, on a logarithmic scale that begins at 1.

    Parameters
    ----------
    rows : Comparison, or sequence of mappings or Built
        What `fastmem.compare` returns, or some of its rows. Or one mapping a construction, from the top: "name" (str),
        "neurons" and "weights" (int, a mean of some, or None where the network could not be built), and optionally
        "n_bytes" (alike), the size of the parameters in bytes.
    ax : matplotlib Axes, optional
        A new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InvalidInput
        There are no rows, a key is missing, or a size is neither a finite number from 0 nor None.
    ImportError
        There is no matplotlib.

    Examples
    --------
    >>> import fastmem.plot
    >>> rows = [{"name": "one", "neurons": 40, "weights": 900}, {"name": "two", "neurons": None, "weights": None}]
    >>> ax = fastmem.plot.comparison(rows)
    >>> [text.get_text() for text in ax.texts]
    ['40', '900', 'not built']
    """
    rows = rows.to_dict()["rows"] if hasattr(rows, "to_dict") else rows
    names, sizes = _names_and_sizes([asdict(row) if is_dataclass(row) else row for row in rows])
    places, thickness = np.arange(len(names)), 0.8 / len(sizes)
    n_lines = math.ceil(len(names) / thickness)
    ax = _axes(ax, n_lines)
    ax.set(xscale="log", xlabel=", ".join(sizes))
    text = {"fontsize": _font_size(ax, n_lines), "va": "center_baseline"}
    # The end of a bar, in points to its right.
    text |= {"xytext": (3, 0), "textcoords": "offset points"}
    built = [any(values[i] is not None for values in sizes.values()) for i in places]
    for k, (what, values) in enumerate(sizes.items()):
        heights = places + (k - (len(sizes) - 1) / 2) * thickness
        ends = [max(value or 1, 1) for value in values]
        style = {"color": _COLOURS[k], "hatch": _HATCHES[k], "edgecolor": "white", "linewidth": 0}
        ax.barh(heights, np.subtract(ends, 1.0), thickness, left=1, label=what, **style)
        for i in np.flatnonzero(built):
            written = "not counted" if values[i] is None else _count(values[i])
            ax.annotate(written, (ends[i], heights[i]), **text)
    for i in np.flatnonzero(np.logical_not(built)):
        ax.annotate("not built", (1, i), style="italic", **text)
    largest = max((value or 1 for values in sizes.values() for value in values), default=1)
    # The numbers beside the longest bars may reach into the margin: the axes have no line there.
    ax.set_xlim(1, max(largest, 10) ** 1.12)
    ax.set_yticks(places, [shortened(name) for name in names])
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    _legend_above(ax, ncols=len(sizes))
    return ax


_HATCHES = ("", "////", "....")


def _names_and_sizes(rows):
    """Names of the rows, and their sizes by what is counted."""
    keys = {"neurons": "neurons", "weights": "weights"}
    if any("n_bytes" in row for row in rows):
        keys["bytes"] = "n_bytes"
    if not len(rows):
        raise InvalidInput("rows is empty: give at least one construction")
    for i, row in enumerate(rows):
        missing = {"name", "neurons", "weights"} - set(row)
        if missing:
            raise InvalidInput(f"rows[{i}] lacks {', '.join(sorted(missing))}")
    return [row["name"] for row in rows], {
        what: [_size(row.get(key), f"rows[{i}][{key!r}]") for i, row in enumerate(rows)] for what, key in keys.items()
    }


def _size(value, name):
    if isinstance(value, float) and 0 <= value < math.inf:
        return value
    return value if value is None else as_count(name, value, least=0, most=2**63)


def _count(size):
    return f"{size:,}" if isinstance(size, int) else f"{size:,.1f}"
