"""Draw the pictures of docs/pictures.md and docs/theory.md from networks with fixed seeds.

    python docs/pictures.py [NAME ...]

writes docs/pictures/NAME.svg, all by default, in some seconds, and says which have changed. Those of a theorem have the
name of its construction, and show its units in the plane or on a line. It needs matplotlib and scikit-learn:
``pip install ".[plot,test]"``.
"""

import csv
import itertools
import math
import sys
from functools import cache
from pathlib import Path

import how
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.datasets import load_digits, make_moons
from themed import CELLS, PALE, PALE_ORANGE, themed

import fastmem
import fastmem.plot
from fastmem.theory.instances import sphere
from fastmem.theory.park2021 import fold_of

FOLDER = Path(__file__).parent / "pictures"
SIZES = Path(__file__).parent.parent / "benchmarks" / "scaling.csv"
STORES = ("binary", "integer")
SEED = 0
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"  # of Okabe & Ito, as in `fastmem.plot`
SMALL = (5, 3.75)  # inches: letters of 10 points are 10 pixels on a telephone


@cache
def digits():
    """The 1,797 handwritten digits, and the network that memorizes them."""
    X, y = load_digits(return_X_y=True)
    return X, fastmem.memorize(X, y, random_state=SEED)


def architecture():
    """Layers of the network of the digits."""
    return fastmem.plot.architecture(digits()[1], small_axes())


def cells():
    """Cells of a network of two inputs: two moons, labels at random."""
    X, _ = make_moons(90, noise=0.1, random_state=SEED)
    X = apart(X, 0.07)[:60]
    y = np.random.default_rng(SEED).integers(0, 2, len(X))
    return translucent(fastmem.plot.cells(fastmem.memorize(X, y, random_state=SEED), X, y, small_axes()))


def apart(X, distance):
    """Points one by one, but for those that come close to an earlier one and would hide it."""
    kept = X[:1]
    for point in X[1:]:
        if (np.linalg.norm(kept - point, axis=1) > distance).all():
            kept = np.vstack([kept, point])
    return kept


def translucent(ax):
    """Axes whose image of cells lets a dark page shine through."""
    ax.images[0].set_gid(CELLS)
    return ax


def radii():
    """Certified radii of the digits."""
    X, net = digits()
    return fastmem.plot.radii(net, X, small_axes())


def scaling():
    """Neurons against points of the sphere in 16 dimensions, for both stores."""
    sizes = np.array([100, 300, 1000, 3000, 10_000, 30_000, 100_000])
    neurons = {f"{store} store": [neurons_of_sphere(n, store) for n in sizes] for store in STORES}
    return fastmem.plot.scaling(sizes, neurons, small_axes(), xlabel="number of points n")


def neurons_of_sphere(n, store):
    """Neurons for n points with random labels, or NaN where the store asked for does not suit so few points."""
    points = sphere(n, 16, SEED)
    net = fastmem.memorize(points.X, points.y, store=store, random_state=SEED)
    return np.nan if net.store_reason else net.n_neurons


def comparison():
    """Every construction on 1,000 points with random labels."""
    points = sphere(1000, 8, SEED)
    return fastmem.plot.comparison(fastmem.compare(points.X, points.y, random_state=SEED), tall_axes())


def measured(varied):
    """Rows of benchmarks/scaling.csv."""
    with SIZES.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["varied"] == varied]


def theorem():
    """How the theorem's network grows with 1/delta, n and d, as benchmarks/scaling.py measured it."""
    delta, n, d = map(measured, ("delta", "n", "d"))
    large = [row for row in n if int(row["n"]) >= 1000]
    panels = Figure((11, 4.8), layout="constrained").subplots(1, 3)
    of_delta = (
        [1 / float(row["delta"]) for row in delta],
        columns(delta, "neurons", "hyperplanes", "hyperplanes needed"),
    )
    of_n = [int(row["n"]) for row in large], columns(large, "weights after the code", "units after the code")
    of_d = [int(row["d"]) for row in d], columns(d, "first weights")
    fastmem.plot.scaling(*of_delta, panels[0], xlabel="1/delta (points in the unit ball)", ylabel="units")
    fastmem.plot.scaling(*of_n, panels[1], xlabel="number of points n", ylabel="units, weights")
    fastmem.plot.scaling(*of_d, panels[2], xlabel="dimension d", ylabel="weights of layer 1")
    for ax in panels:  # legends of one, two and three lines begin at the same height
        place = {"loc": "upper left", "bbox_to_anchor": (-0.05, -0.16), "alignment": "left", "frameon": False}
        ax.legend(title="exponent (95 % interval)", fontsize="small", title_fontsize="small", **place)
    return panels[0]


def columns(rows, *names):
    """Numbers of some columns, by name."""
    return {name: [float(row[name]) for row in rows] for name in names}


def constructions():
    """Neurons, weights and bits a label of every construction, as benchmarks/scaling.py measured them."""
    rows = measured("construction")
    counts = sorted({int(row["n"]) for row in rows})
    rows.sort(key=lambda row: (-int(row["n"]), -float(row["neurons"])))
    names = list(dict.fromkeys(row["construction"] for row in rows))  # as curves end, from the top
    figure = Figure((11, 6.4), layout="constrained")
    panels = figure.subplots(1, 3)
    for row in rows:
        row["bits a label"] = float(row["bits"]) / int(row["n"])
    for ax, size in zip(panels, ("neurons", "weights", "bits a label"), strict=True):
        at = {(row["construction"], int(row["n"])): float(row[size]) for row in rows}
        series = {name: [at.get((name, n), np.nan) for n in counts] for name in names}
        fastmem.plot.scaling(counts, series, ax, ylabel=size)
        ax.get_legend().remove()
    handles, labels = panels[0].get_legend_handles_labels()
    labels = zip(labels, *(ax.get_legend_handles_labels()[1] for ax in panels[1:]), strict=True)
    texts = [f"{name}: {', '.join(map(exponent_of, some))}" for name, some in zip(names, labels, strict=True)]
    options = {"title": "exponents of neurons, of weights, of bits a label", "ncols": 3}
    figure.legend(handles, texts, loc="outside lower center", **options)
    return panels[0]


def exponent_of(label):
    """The exponent that a label of `fastmem.plot.scaling` states."""
    return label.split(" (")[0].rpartition(": ")[2]


def paper_figure():
    """The figure of the recipe for papers, of more points than its page builds."""
    names = {"baum1988": "Baum", "yun2019": "Yun et al.", "rajput2021": "Rajput et al.", "compact/integer": "compact"}
    counts = [(n, seed) for n in (100, 200, 400, 800, 1600, 3200, 6400) for seed in range(3)]
    built = []
    for n, seed in counts:
        points = sphere(n, 16, seed)
        built += fastmem.compare(points.X, points.y, constructions=list(names), random_state=seed).rows
    panels = Figure((8, 3.6), layout="constrained").subplots(1, 2)
    for ax, size in zip(panels, ("neurons", "weights"), strict=True):
        series = {title: [getattr(row, size) for row in built if row.name == name] for name, title in names.items()}
        fastmem.plot.scaling([n for n, _ in counts], series, ax, ylabel=size)
    return panels[0]


def words():
    """Weights and bits of networks against the length of their words, as benchmarks/scaling.py measured them."""
    rows = measured("words")
    names = ("word bits", "weights", "bits of numbers", "code bits")
    bits, weights, numbers, codes = (np.array([float(row[name]) for row in rows]) for name in names)
    ax = small_axes()
    ax.plot(bits, weights, "o-", color=BLUE, markeredgecolor="black", label="weights")
    ax.plot(bits, numbers, "s-", color=ORANGE, markeredgecolor="black", label="bits of all weights and thresholds")
    slot, n = int(codes[0]) + 1, int(rows[0]["n"])
    ax.plot(bits, 4 * n * slot / bits, "--", color="0.4", label=f"4 n · {slot}/b")
    ax.set(xscale="log", yscale="log", xlabel="bits b of a word", ylim=(10**3, 10**6))
    ax.set(xticks=bits, xticklabels=[f"{one:.0f}" for one in bits])
    ax.minorticks_off()
    ax.legend()
    return ax


def small_axes(**settings):
    """Axes of a small figure."""
    ax = Figure(SMALL, layout="constrained").add_subplot()
    ax.set(**settings)
    return ax


def tall_axes():
    """Axes of a figure with many rows."""
    return Figure((5, 5.5), layout="constrained").add_subplot()


def wide_axes(**settings):
    """Axes of a wide figure."""
    ax = Figure((8, 3.2), layout="constrained").add_subplot()
    ax.set(**settings)
    return ax


def rajput2021():
    """Layers of the theorem's network for 1,000 points."""
    points = sphere(1000, 16, SEED)
    net = fastmem.memorize(points.X, points.y, construction="rajput2021", random_state=SEED)
    return fastmem.plot.architecture(net, tall_axes())


def random_points(n):
    """Random points of the plane, and random labels of two classes."""
    rng = np.random.default_rng(SEED)
    return rng.standard_normal((n, 2)), rng.integers(0, 2, n)


def baum1988():
    """Slabs around pairs of points of one label."""
    X, y = random_points(60)
    net = fastmem.memorize(X, y, construction="baum1988", random_state=SEED)
    return translucent(fastmem.plot.cells(net, X, y, small_axes()))


def bubeck2020():
    """Slabs again; in each the output is an affine function, which takes the labels of two points."""
    X, _ = random_points(16)
    y = np.random.default_rng(SEED + 1).random(len(X))
    options = {"output": "value"}
    net = fastmem.memorize(X, y, construction="bubeck2020", construction_options=options, random_state=SEED)
    ax = small_axes(xlabel="X[:, 0]", ylabel="X[:, 1]")
    grid, extent = pixels(X)
    values = net.predict(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    colours = {"cmap": "cividis", "vmin": -0.5, "vmax": 1.5}
    ax.imshow(values, extent=extent, origin="lower", aspect="auto", **colours)
    # White would turn dark with the page, which the image does not.
    drawn = ax.scatter(*X.T, c=y, edgecolors="ivory", s=60, **colours)
    ax.figure.colorbar(drawn, ax=ax, label="label, output")
    return ax


def pixels(X, side=500):
    """Centres of pixels of a picture that holds points of the plane, shape (side, side, 2), and its edges."""
    margin = 0.1 * (X.max(axis=0) - X.min(axis=0))
    (left, bottom), (right, top) = X.min(axis=0) - margin, X.max(axis=0) + margin
    steps = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(left + (right - left) * steps, bottom + (top - bottom) * steps), axis=-1), (
        left, right, bottom, top,
    )  # fmt: skip


def yun2019():
    """Labels of points on a line, which are joined by straight pieces within each group."""
    rng = np.random.default_rng(SEED)
    X, y = (np.arange(25) + 0.6 * rng.random(25))[:, None] / 25, rng.random(25)
    options = {"output": "value"}
    net = fastmem.memorize(X, y, construction="yun2019", construction_options=options, random_state=SEED)
    ax = small_axes(xlabel="point on the line", ylabel="label, output", xlim=(-0.02, 1), ylim=(-0.6, 1.6))
    for group in np.split(X[:, 0], 5):
        ax.axvspan(group[0], group[-1], color=PALE, zorder=0)
    at = np.linspace(-0.02, 1, 5000)
    ax.plot(at, net.predict(at[:, None]), color="black", linewidth=1)
    ax.plot(X[:, 0], y, "o", color=ORANGE, markeredgecolor="black", markersize=5)
    return ax


def vershynin2020():
    """How many hyperplanes a perceptron counts, around a circle; of all that which is 1 at most points."""
    angles = 2 * np.pi * (np.arange(16) + 0.5) / 16
    y = np.random.default_rng(SEED).integers(0, 2, 16)
    net = fastmem.memorize(on_circle(angles), y, construction="vershynin2020", random_state=SEED)
    ax = small_axes(xlabel="angle of a point on the circle", ylabel="hyperplanes counted")
    at = np.linspace(0, 2 * np.pi, 2000)
    counted, of_points = (net.layers[1].weights @ signs(net, on_circle(some)) for some in (at, angles))
    thresholds = net.layers[1].thresholds
    unit = (of_points >= thresholds[:, None]).sum(axis=1).argmax()
    ax.plot(at, counted[unit], color="0.4", linewidth=1)
    ax.axhline(thresholds[unit], color="black", linestyle="--")
    for value, marker, colour in ((0, "o", BLUE), (1, "s", ORANGE)):
        points = angles[y == value], of_points[unit, y == value]
        ax.plot(*points, marker, color=colour, markeredgecolor="black", label=value)
    ax.legend(title="label")
    return ax


def on_circle(angles):
    """Points of the unit circle."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def signs(net, X):
    """Outputs of the first layer of a threshold network, a column for each point."""
    return (net.layers[0].weights @ X.T >= net.layers[0].thresholds[:, None]).astype(int)


def outputs_of(net, X, number):
    """Outputs of a layer of integers, a column for each point."""
    values = X.T.astype(np.int64).astype(object)
    for layer in net.layers[: number + 1]:
        sums = layer.weights.toarray().astype(object) @ values - layer.thresholds[:, None]
        kind = layer.activations[:, None]
        values = np.where(kind == 0, (sums >= 0).astype(int), np.where(kind == 1, np.maximum(sums, 0), sums))
    return values


def park2021():
    """Cells of a line, folded until few are left, and the table of labels for these."""
    X, y = np.array([0, 3, 4, 12, 17, 23, 35])[:, None], np.array([0, 1, 0, 1, 0, 1, 1])
    net = fastmem.memorize(X, y, construction="park2021", random_state=SEED)
    z = outputs_of(net, X, 0)[0]
    width = 1 << int(np.diff(np.sort(z)).min()).bit_length() - 1  # of a cell
    rows = [((z // width).astype(int), int(z.max()) // width + 1)]
    while fold := fold_of(rows[-1][1], len(X)):
        rows.append(((outputs_of(net, X, len(rows) + 1)[0] // width).astype(int), fold[0]))
    ax = Figure((8, 2.8), layout="constrained").add_subplot()
    for height, ((before, _), (after, left)) in enumerate(itertools.pairwise(rows)):
        for one, other in zip(before, after, strict=True):
            colour = ORANGE if one >= left else "0.6"
            ax.plot([one + 0.5, other + 0.5], [0.5 - 2 * height, -1.5 - 2 * height], color=colour, linewidth=1)
        ax.plot([left, left], [-0.3 - 2 * height, 1.3 - 2 * height], color="black", linewidth=3)
    for height, (cells, n_cells) in enumerate(rows):
        draw_cells(ax, -2 * height, n_cells)
        draw_classes(ax, np.stack([cells + 0.5, np.full(len(X), 0.5 - 2 * height)], axis=1), y)
    draw_table(ax, -2 * len(rows), *rows[-1], y)
    ax.set(xlim=(-0.5, rows[0][1] + 0.5), ylim=(-2 * len(rows) - 0.5, 1.5))
    ax.set_axis_off()
    return ax


def draw_cells(ax, height, n_cells):
    """A row of cells."""
    for cell in range(n_cells):
        ax.add_patch(Rectangle((cell, height), 1, 1, facecolor="white", edgecolor="0.7"))


def draw_table(ax, height, cells, n_cells, y):
    """The labels of all cells, cut into words."""
    labels = dict(zip(cells.tolist(), y.tolist(), strict=True))
    size = -(-n_cells // (math.isqrt(n_cells - 1) + 1))
    for cell in range(-(-n_cells // size) * size):
        ax.text(cell + 0.5, height + 0.45, labels.get(cell, 0), ha="center", va="center", fontsize="small")
    for start in range(0, n_cells, size):
        ax.add_patch(Rectangle((start, height), size, 1, facecolor=PALE, edgecolor="black", linewidth=2, zorder=0))


def vardi2021():
    """The word of a group of points, code and label of each; below it the line, and the output of the network."""
    rng = np.random.default_rng(SEED)
    X, y = np.rint(100 * (np.arange(12) + 0.7 * rng.random(12)))[:, None], rng.integers(0, 2, 12)
    options = {"word_bits": 28}
    net = fastmem.memorize(X, y, construction="vardi2021", construction_options=options, random_state=SEED)
    n_slots, slot = net.drawn["slots"], net.drawn["code_bits"] + net.drawn["label_bits"]
    ax = wide_axes(xlabel="point on the line", ylim=(-0.35, 2.9), yticks=[0, 1], ylabel="output")
    at = np.linspace(X.min() - 40, X.max() + 40, 20_000)
    ax.plot(at, net.predict(at[:, None]), color="0.4", linewidth=0.8)
    for start in range(0, len(X), n_slots):
        group = X[start : start + n_slots, 0]
        ax.axvspan(group[0] - 15, group[-1] + 15, ymax=0.45, color=PALE, alpha=0.5, zorder=0)
    for point in X[:, 0]:
        ax.plot(
            [point - net.radius, point + net.radius], [-0.2, -0.2], color="black", linewidth=3, solid_capstyle="butt"
        )
    draw_classes(ax, np.stack([X[:, 0], y], axis=1), y)
    chosen = X[n_slots : 2 * n_slots]
    word = outputs_of(net, chosen, net.stages.index("bits"))[1, 0]
    draw_word(ax, f"{word:0{n_slots * slot}b}", slot, chosen[:, 0])
    return ax


def draw_word(ax, bits, slot, points):
    """A strip of bits above a line: slots of a code and a label, each joined to its point."""
    low, high = ax.get_xlim()
    width = 0.9 * (high - low) / len(bits)
    left = low + 0.05 * (high - low)
    for place, bit in enumerate(bits):
        colour = "white" if (place + 1) % slot else PALE_ORANGE
        ax.add_patch(Rectangle((left + place * width, 2.1), width, 0.35, facecolor=colour, edgecolor="0.4"))
        ax.text(left + (place + 0.5) * width, 2.275, bit, ha="center", va="center", fontsize="small")
    for start, point in zip(range(0, len(bits), slot), points, strict=True):
        box = Rectangle((left + start * width, 2.1), slot * width, 0.35, fill=False, linewidth=2)
        ax.add_patch(box)
        ax.plot([box.get_center()[0], point], [2.07, 1.15], color="0.4", linewidth=0.8, linestyle="--")
    ax.text(left, 2.6, "word of the second group: code and label (orange) of each point")


def dirksen2024():
    """Covering units of two moons."""
    X, y = make_moons(200, noise=0.08, random_state=SEED)
    net = fastmem.memorize(X, y, construction="dirksen2024", random_state=SEED)
    ax = small_axes(xlabel="X[:, 0]", ylabel="X[:, 1]")
    grid, (left, right, bottom, top) = pixels(X, 300)
    units = net.layers[1].weights @ signs(net, grid.reshape(-1, 2)) >= net.layers[1].thresholds[:, None]
    for unit in units.astype(float).reshape(-1, *grid.shape[:2]):
        ax.contourf(grid[..., 0], grid[..., 1], unit, [0.5, 1.5], colors=[BLUE], alpha=0.15)
        ax.contour(grid[..., 0], grid[..., 1], unit, [0.5], colors="black", linewidths=0.7)
    draw_classes(ax, X, y)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    return ax


def draw_classes(ax, X, y):
    """Points of two classes."""
    for value, marker, colour in ((0, "o", BLUE), (1, "s", ORANGE)):
        ax.plot(*X[y == value].T, marker, color=colour, markeredgecolor="black", markeredgewidth=0.4, markersize=4)


def boxes():
    """Boxes, and in them the cubes around points in which every input has their label."""
    X, y = make_moons(40, noise=0.08, random_state=SEED)
    net = fastmem.memorize(X, y, construction="boxes", random_state=SEED)
    ax = translucent(fastmem.plot.cells(net, X, y, small_axes(aspect="equal")))
    radius = net.construction_options["radius"]
    for point in X:
        ax.add_patch(Rectangle(point - radius, 2 * radius, 2 * radius, fill=False, linewidth=0.6, linestyle=":"))
    return ax


PICTURES = {
    draw.__name__: draw
    for draw in (
        architecture, cells, radii, scaling, comparison, theorem, constructions, paper_figure, words, rajput2021,
        baum1988, vershynin2020, bubeck2020, yun2019, park2021, vardi2021, dirksen2024, boxes,
    )
}  # fmt: skip


def drawn(name):
    """A picture, as text of an SVG file."""
    return how.picture() if name == "how" else themed(PICTURES[name]().figure)


def main(names):
    """Write pictures, and print which have changed."""
    names = names or ["how", *PICTURES]
    others = [name for name in names if name not in ("how", *PICTURES)]
    if others:
        sys.exit(f"no picture {others[0]}, only how, {', '.join(PICTURES)}")
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        path, text = FOLDER / f"{name}.svg", drawn(name)
        is_new = not path.exists() or path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path, "changed" if is_new else "as before")


if __name__ == "__main__":
    main(sys.argv[1:])
