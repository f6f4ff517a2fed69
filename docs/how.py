"""The picture of how it works, docs/pictures/how.svg: points, lines, the code of a point, and the label read from it.

Everything in it is that of a network which `fastmem.memorize` builds. It is written by hand, not by matplotlib: its
letters must be large enough for a telephone, 20 of 620 units, which are 11 pixels of 360. An ``<img>`` shows it in
light and in dark, since its colours are a style of its own.
"""

import numpy as np

import fastmem
from fastmem.html.elements import Html, element

WIDTH, HEIGHT, SIDE = 620, 690, 250  # of the picture, and of the square with the points
LEFT, RIGHT, TOP, BOTTOM = 20, 350, 82, 430  # corners of the four panels, below their two lines of text
CHOSEN = 3  # the point whose code is shown
ROWS = 5  # of the table of codes
MINUS = "\N{MINUS SIGN}"  # as wide as the plus
STYLE = """
svg { font: 20px "Helvetica Neue", Helvetica, Arial, sans-serif; }
text { fill: #1f2328; }
.title { font-size: 23px; font-weight: bold; }
.said { fill: #59636e; }
.middle { text-anchor: middle; dominant-baseline: central; }
.large { font-size: 26px; font-weight: bold; }
.frame { fill: #f6f8fa; stroke: #d0d7de; }
.cell, .chosen { fill: #d3ebdf; }
.line { stroke: #1f2328; stroke-width: 2.5; }
.number { fill: #1f2328; }
.on { fill: #ffffff; font-size: 20px; font-weight: bold; }
.ring, .arrow { fill: none; stroke: #007a59; stroke-width: 3.5; }
.box { fill: none; stroke: #818b98; stroke-width: 1.5; }
.circle { fill: #0072b2; }
.square { fill: #e69f00; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .said { fill: #a8b1bb; }
  .frame { fill: #1b2027; stroke: #3d444d; }
  .cell, .chosen { fill: #14493a; }
  .line { stroke: #f0f6fc; }
  .number { fill: #f0f6fc; }
  .on { fill: #10141a; }
  .ring, .arrow { stroke: #2fc79a; }
  .circle { fill: #56b4e9; }
}
"""


def picture():
    """The picture, as text of an SVG file."""
    X, y = points(12, seed=57)
    net = fastmem.memorize(X, y, random_state=0)
    style = element("style", Html(STYLE))
    content = [points_panel(X, y), lines_panel(net, X, y), code_panel(net, X, y), label_panel(net, X, y), *arrows()]
    title = element("title", "How fastmem memorizes: points, lines between them, the code of a point, its label")
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "width": WIDTH, "height": HEIGHT}
    return element("svg", title, style, *content, xmlns="http://www.w3.org/2000/svg", role="img", **size) + "\n"


def points(n, seed, apart=0.17):
    """Points of the unit square that do not touch each other when drawn, half of either label in a random order."""
    rng = np.random.default_rng(seed)
    found = np.empty((0, 2))
    while len(found) < n:
        point = rng.random(2)
        if (np.abs(point - 0.5) < 0.43).all() and (np.linalg.norm(found - point, axis=1) > apart).all():
            found = np.vstack([found, point])
    return found, rng.permutation(np.arange(n) % 2)


def on_paper(X, left, top=TOP):
    """Where points of the unit square are in a panel."""
    return np.array([left, top + SIDE]) + np.array([SIDE, -SIDE]) * X


# Panels


def points_panel(X, y):
    """The points and their labels."""
    drawn = markers(on_paper(X, LEFT), y)
    return panel("1 Points with labels", "any labels, even random", LEFT, TOP, square(LEFT), *drawn)


def lines_panel(net, X, y):
    """The lines of the network, and the cell of one point."""
    normals, offsets = net.hyperplanes.weights.astype(float), net.hyperplanes.thresholds
    side = np.where(normals @ X[CHOSEN] >= offsets, 1, -1)
    corners = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    cell = clipped(corners, side[:, None] * normals, side * offsets)
    drawn = [element("polygon", points=" ".join(map(pair, on_paper(cell, RIGHT))), class_="cell")]
    taken, numbers = list(X), []
    for number, (normal, offset) in enumerate(zip(normals, offsets, strict=True), 1):
        ends = ends_of(normal, offset)
        (x1, y1), (x2, y2) = on_paper(ends, RIGHT)
        drawn.append(element("line", x1=tidy(x1), y1=tidy(y1), x2=tidy(x2), y2=tidy(y2), class_="line"))
        taken.append(clearest(ends, taken))
        numbers += numbered(on_paper(taken[-1], RIGHT), number)
    drawn += [*markers(on_paper(X, RIGHT), y), ring(*on_paper(X[CHOSEN], RIGHT)), *numbers]
    return panel("2 Lines between them", "no cell has both labels", RIGHT, TOP, square(RIGHT), *drawn)


def code_panel(net, X, y):
    """On which side of each line the point is."""
    middle, boxes = LEFT + SIDE / 2, BOTTOM + 104
    drawn = [*markers([[middle, BOTTOM + 28]], y[[CHOSEN]]), ring(middle, BOTTOM + 28)]
    drawn += [arrow(middle, BOTTOM + 52, middle, BOTTOM + 92)]
    code = signs(net, X[CHOSEN])
    width = SIDE / len(code)
    for k, sign in enumerate(code):
        x = LEFT + k * width
        drawn += [element("rect", x=tidy(x), y=boxes, width=tidy(width), height=56, class_="chosen")]
        drawn += [element("rect", x=tidy(x), y=boxes, width=tidy(width), height=56, class_="box")]
        drawn += [element("text", sign, x=tidy(x + width / 2), y=boxes + 28, class_="middle large")]
        drawn += numbered([x + width / 2, boxes + 82], k + 1)
    return panel(f"3 A code of + and {MINUS}", "its side of lines 1 to 4", LEFT, BOTTOM, *drawn)


def label_panel(net, X, y):
    """Codes of some cells and their labels, with that of the point."""
    codes = {signs(net, x): label for x, label in zip(X, y, strict=True)}
    chosen = signs(net, X[CHOSEN])
    others = [code for code in codes if code != chosen][: ROWS - 1]
    drawn, height = [], SIDE / ROWS
    for row, code in enumerate([*others[: ROWS // 2], chosen, *others[ROWS // 2 :]]):
        middle = BOTTOM + (row + 0.5) * height
        box = {"x": RIGHT, "y": tidy(middle - height / 2 + 3), "width": SIDE, "height": tidy(height - 6), "rx": 6}
        drawn += [element("rect", **box, class_="chosen" if code == chosen else "frame")]
        for k, sign in enumerate(code):
            drawn += [element("text", sign, x=RIGHT + 24 + 32 * k, y=tidy(middle), class_="middle large")]
        drawn += [element("text", "→", x=RIGHT + SIDE - 82, y=tidy(middle), class_="middle")]
        drawn += markers([[RIGHT + SIDE - 36, middle]], [codes[code]])
        drawn += [ring(RIGHT + SIDE - 36, middle)] if code == chosen else []
    return panel("4 The label", "read from the code", RIGHT, BOTTOM, *drawn)


def signs(net, x):
    """The code of a point: a plus or a minus for every line."""
    sides = net.hyperplanes.weights @ x >= net.hyperplanes.thresholds
    return "".join("+" if side else MINUS for side in sides)


# Their parts


def panel(title, said, left, top, *content):
    """Content below two lines of text."""
    head = element("text", title, x=left, y=top - 42, class_="title")
    return element("g", head, element("text", said, x=left, y=top - 14, class_="said"), *content)


def square(left):
    """The frame of a panel with points."""
    return element("rect", x=left, y=TOP, width=SIDE, height=SIDE, rx=6, class_="frame")


def markers(places, labels):
    """A circle or a square for each point."""
    return [marker(x, y, label) for (x, y), label in zip(places, labels, strict=True)]


def marker(x, y, label):
    """A circle or a square."""
    if label:
        return element("rect", x=tidy(x - 8.5), y=tidy(y - 8.5), width=17, height=17, class_="square")
    return element("circle", cx=tidy(x), cy=tidy(y), r=9.5, class_="circle")


def ring(x, y):
    """What marks the point that is followed."""
    return element("circle", cx=tidy(x), cy=tidy(y), r=17, class_="ring")


def numbered(place, number):
    """The number of a line."""
    x, y = map(tidy, place)
    return [element("circle", cx=x, cy=y, r=14, class_="number"), element("text", number, x=x, y=y, class_="middle on")]


def arrows():
    """From panel to panel."""
    between = (LEFT + SIDE + 16, RIGHT - 16)
    return [arrow(between[0], y, between[1], y) for y in (TOP + SIDE / 2, BOTTOM + SIDE / 2 + 7)]


def arrow(x1, y1, x2, y2):
    """An arrow to the right or down."""
    across, down = np.sign([x2 - x1, y2 - y1])
    head = [f"{x2 - 11 * (across or sign):g} {y2 - 11 * (down or sign):g}" for sign in (1, -1)]
    return element("path", d=f"M{x1:g} {y1:g}L{x2:g} {y2:g}M{head[0]}L{x2:g} {y2:g}L{head[1]}", class_="arrow")


def ends_of(normal, offset):
    """Where a line enters and leaves the unit square."""
    found = []
    for axis in (0, 1):
        for edge in (0.0, 1.0):
            other = (offset - normal[axis] * edge) / normal[1 - axis]
            if 0 <= other <= 1:
                found.append((edge, other) if axis == 0 else (other, edge))
    return np.array(sorted(found)[:: len(found) - 1])


def clearest(ends, taken):
    """The place on a line that is farthest from all that is taken, and not at its very ends."""
    steps = np.linspace(0, 1, 50)[:, None]
    places = (1 - steps) * ends[0] + steps * ends[1]
    places = places[(np.abs(places - 0.5) < 0.44).all(axis=1)]
    distances = np.linalg.norm(places[:, None] - np.array(taken), axis=2).min(axis=1)
    return places[distances.argmax()]


def clipped(corners, normals, offsets):
    """What is left of a convex polygon on the positive side of every line."""
    for normal, offset in zip(normals, offsets, strict=True):
        heights = corners @ normal - offset
        kept = []
        for k, corner in enumerate(corners):
            before = k - 1
            if (heights[before] >= 0) != (heights[k] >= 0):
                share = heights[before] / (heights[before] - heights[k])
                kept.append(corners[before] + share * (corner - corners[before]))
            if heights[k] >= 0:
                kept.append(corner)
        corners = np.array(kept)
    return corners


def pair(place):
    """A place as SVG writes it."""
    return f"{tidy(place[0])},{tidy(place[1])}"


def tidy(value):
    """A number with one decimal: the same on every machine."""
    return f"{value:.1f}"
