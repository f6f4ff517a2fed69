"""The page of a network: one file that loads nothing, whose numbers are those of the report, whatever was built."""

import base64
import json
import math
import pickle
import re
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

import fastmem
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.columns import Named
from fastmem.html.script import SCRIPT
from fastmem.html.style import STYLE
from fastmem.network.page.parts import bytes_by_part

VOID = {"meta", "br", "hr", "input", "link", "img"}
ANGLES = np.linspace(0, 2 * np.pi, 8, endpoint=False)
CIRCLE, ALTERNATING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1), np.arange(8) % 2
IN_SPACE = np.column_stack([CIRCLE, np.zeros(8)])
CLOUD = np.random.default_rng(0).standard_normal((120, 3))
THREE = np.arange(120) % 3
NASTY = ["</script><img src=x onerror=alert(1)>", "a & b", '"quoted" \u2028']


class Page(HTMLParser):
    """What a page holds; every element must be closed where it belongs."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.addresses, self.titles = [], [], [], [], []
        self.texts, self.tables, self.in_section, self.data = [], {}, None, ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [attributes[name] for name in ("href", "src", "data", "action") if name in attributes]
        if tag == "section":
            self.in_section = attributes["id"]
        elif tag == "tr":
            self.tables.setdefault(self.in_section, []).append([])
        elif tag in ("td", "th"):
            self.tables[self.in_section][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.data = self.data or data
            return
        self.texts.append(data)
        if self.open[-1:] == ["title"]:
            self.titles.append(data)
        if {"td", "th"} & set(self.open) and "title" not in self.open:
            self.tables[self.in_section][-1][-1] += data

    @property
    def text(self):
        return " ".join(self.texts)


def as_read(values):
    """Plain values as JSON returns them: tuples as lists, no number as null."""
    return json.loads(re.sub(r"\b(NaN|-?Infinity)\b", "null", json.dumps(values)))


def check(report, X=None, y=None, **options):
    """The page of a report, after what is true of every page."""
    text = report.to_html(None, X, y, **options)
    page = Page(text)
    assert json.loads(page.data) == as_read(report.to_dict())
    assert len(page.ids) == len(set(page.ids))
    assert {"report", "numbers", "architecture", "bytes", "words"} <= set(page.ids)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in page.addresses)
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert not re.search(r"https?:|url\(|@import|import\(", STYLE + SCRIPT)
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert page.tags.count("script") == 2
    return page


@pytest.fixture(scope="module")
def cloud():
    return fastmem.memorize(CLOUD, THREE, fingerprint_bits=8, random_state=0)


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_every_construction_has_a_page_of_whole_parts(name):
    net = fastmem.memorize(IN_SPACE, ALTERNATING, construction=name, random_state=0)
    page = check(net.report(0.7), IN_SPACE, ALTERNATING)
    assert "All 8 points get the label that was given with them" in page.text
    assert sum(bytes_by_part(net).values()) == net.nbytes
    sizes = [int(row[1].replace(",", "")) for row in page.tables["bytes"][1:]]
    assert sum(sizes) == net.nbytes + net.report().label_nbytes
    units = [int(row[2].replace(",", "")) for row in page.tables["architecture"][1:]]
    assert units == [max(net.widths)] or max(units) == max(net.widths)


@pytest.mark.parametrize(
    "options",
    [
        {"store": "integer"},
        {"store": "binary", "separate": "all"},
        {"columns": [0, 2]},
        {"fingerprint_bits": 16, "separate": "all"},
        {"fingerprint_bits": 8, "recognise": "rows"},
        {"construction": "yun2019", "construction_options": {"output": "value"}},
    ],
    ids=str,
)
def test_parts_add_up_whatever_is_stored(options, tmp_path):
    net = fastmem.memorize(CLOUD, THREE.astype(float), random_state=0, **options)
    assert sum(bytes_by_part(net).values()) == net.nbytes
    net.save(tmp_path / "net")
    page = check(net.report(), CLOUD, THREE.astype(float), n_threads=1)
    assert "All 120 points get" in page.text
    assert fastmem.load(tmp_path / "net").report().to_html(X=CLOUD) == net.report().to_html(X=CLOUD)


def test_networks_without_points_and_without_units_have_a_page():
    layers = [([[1, 1], [1, 1]], [1, 2]), ([[1, -1]], [1])]
    page = check(fastmem.Network.from_layers(layers).report(), [[0, 1]])
    assert "it has memorized no points" in page.text
    page = check(fastmem.memorize([[0.0], [1.0]], ["a", "a"]).report(), [[3.0]])
    assert "every radius is infinite" in page.text
    assert "The network has no unit" in page.text


def test_a_file_is_written_and_the_same_network_gives_the_same_bytes(cloud, tmp_path):
    assert cloud.report().to_html(tmp_path / "page.html", CLOUD, THREE, title="A cloud", date="2026-11-28") is None
    content = (tmp_path / "page.html").read_bytes()
    assert content.decode() == cloud.report().to_html(X=CLOUD, y=THREE, title="A cloud", date="2026-11-28")
    page = Page(content.decode())
    assert page.titles[0] == "A cloud"
    assert "A network of fastmem, 2026-11-28" in page.text
    assert len(content) < 100_000


def test_text_of_users_is_text_wherever_it_stands():
    X = Named(CIRCLE, ["<b>x</b>", "y & z"])
    y = np.array(NASTY)[np.arange(8) % 3]
    net = fastmem.memorize(X, y, random_state=0)
    page = check(net.report(), X, y, title="<script>", date="</header>")
    assert page.titles[0] == "<script>"
    for text in (*NASTY, "<b>x</b>", "y & z"):
        assert text in page.text
    assert "b" not in page.tags
    assert any(title.startswith("row 0 at (1, 0)\nlabel </script><img") for title in page.titles)
    other = Named(CIRCLE[:, ::-1], ["y & z", "<b>x</b>"])  # columns in another order are the same points
    assert net.report().to_html(X=other, y=y) == net.report().to_html(X=X, y=y)


def test_what_cannot_be_seen_in_a_label_is_written_escaped(tmp_path):
    unseen = {"\ud800": "\\ud800", "b\0": "b\\x00", "\x1b[1m": "\\x1b[1m", "\u202etxet": "\\u202etxet"}
    net = fastmem.memorize(np.arange(4.0)[:, None], list(unseen), random_state=0)
    net.report().to_html(tmp_path / "page.html", title="\u2066")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert text == net.report().to_html(title="\u2066")
    assert all(seen in text and label not in text for label, seen in unseen.items())
    assert "<h1>\\u2066</h1>" in text


def test_labels_are_checked(cloud):
    y = THREE.copy()
    y[[7, 30]] = 99
    assert "118 of 120 points get the label that was given with them" in check(cloud.report(), CLOUD, y).text
    assert "whether they get theirs was not looked at" in check(cloud.report(), CLOUD).text
    with pytest.raises(fastmem.InvalidInput, match="y holds labels of points: give X too"):
        cloud.report().to_html(y=y)
    with pytest.raises(fastmem.InvalidInput, match=r"X has no rows.*: leave X out"):
        cloud.report().to_html(X=CLOUD[:0])
    assert "All 120 points" not in cloud.report().to_html()


def test_columns_of_the_histogram_count_all_radii(cloud):
    page = check(cloud.report(), CLOUD)
    counts = [int(found[1]) for title in page.titles if (found := re.fullmatch(r".* to .*: (\d+) points?", title))]
    radii = cloud.certified_radius(CLOUD)
    assert sum(counts) == np.count_nonzero(radii)
    assert f"The median is {np.median(radii):.4g}" in page.text


def test_units_that_carry_numbers_say_what_is_known_of_radii():
    net = fastmem.memorize(IN_SPACE, ALTERNATING, construction="vardi2021", random_state=0)
    assert f"Every input nearer than {net.radius:.4g}" in check(net.report(), IN_SPACE).text
    net = fastmem.memorize(IN_SPACE, ALTERNATING, construction="yun2019", random_state=0)
    assert "no such radius is known" in check(net.report(), IN_SPACE).text
    plane = check(fastmem.memorize(CIRCLE, ALTERNATING, construction="yun2019").report(), CIRCLE)
    assert "Every place has the colour of the label that the network gives it." in plane.text


def test_recognition_is_shown_by_kind_of_input(cloud):
    rows = dict(row[:2] for row in check(cloud.report()).tables["recognition"][1:])
    assert rows.keys() >= cloud.report().recognition["kinds"].keys()
    assert float(rows[f"{cloud.report().recognition['by']} (at most)"]) == pytest.approx(
        cloud.report().recognition["at_most"], rel=1e-3
    )


def test_theorems_stand_beside_the_network_where_delta_is_known(cloud):
    report = cloud.report(0.01)
    rows = {row[0]: row for row in check(report).tables["beside"]}
    assert rows["Rajput et al. 2021"][1] == f"~ {report.theorem_neurons:.4g}"
    ratio = float(rows["Rajput et al. 2021"][2].rstrip("×"))
    assert ratio == pytest.approx(report.n_neurons / report.theorem_neurons, rel=1e-2)
    assert rows["cells"][1] == f"≥ {fastmem.theory.bounds.hyperplanes_for_cells(120, 3)}"
    page = check(cloud.report())
    assert "fastmem.separation(X).delta" in page.text
    assert "beside" not in page.tables
    crowded = check(fastmem.memorize([[0.0], [1.0], [1.0]], [0, 1, 1], random_state=0).report(2.0))
    assert "No theorem is about such points" in crowded.text


def test_an_instance_is_named():
    circle = fastmem.theory.instances.circle(8)
    report = fastmem.memorize(circle.X, circle.y, random_state=0).report(instance=circle)
    assert "No fewer hyperplanes separate these points: 4 for circle, since all 8 gaps" in check(report).text


def pixels(page):
    """Numbers of colours of the one picture of a page, from above, and its colours."""
    (address,) = (address for address in page.addresses if address.startswith("data:"))
    content, at, parts = base64.b64decode(address.partition(",")[2]), 8, {}
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        parts[content[at + 4 : at + 8]] = content[at + 8 : at + 8 + length]
        assert zlib.crc32(content[at + 4 : at + 8 + length]) == struct.unpack(">I", content[at + 8 + length :][:4])[0]
        at += length + 12
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, width + 1)
    return lines[:, 1:], np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)


def test_the_plane_has_the_colours_of_predicted_labels():
    net = fastmem.memorize(CIRCLE, np.array(["a", "b"])[ALTERNATING], random_state=0)
    page = check(net.report(), CIRCLE)
    picture, palette = pixels(page)
    assert palette.tolist() == [[0x00, 0x72, 0xB2], [0xE6, 0x9F, 0x00]]
    steps = -1.1 + 2.2 * (np.arange(400) + 0.5) / 400
    for line, column in [(0, 0), (0, 399), (399, 0), (200, 7), (31, 250)]:
        (label,) = net.predict([[steps[column], steps[399 - line]]])
        assert "ab"[picture[line, column]] == label
    radius = net.certified_radius(CIRCLE)[2]
    (said,) = (title for title in page.titles if title.startswith("row 2 at "))
    assert said.splitlines()[1:] == ["label a", f"radius {radius:.4g}"]


@pytest.mark.parametrize(
    ("X", "is_drawn"),
    [
        ([[1e17, 3]], True),
        ([[1e17, 3], [1e17, 4]], True),
        ([[1e300, 1e300]], True),
        ([[0, 0], [0, 5e-324]], True),
        ([[1.5e308, 1e308], [1.6e308, 1.2e308]], False),
        ([[1.7e308, 3], [-1.7e308, 4]], False),
    ],
)
def test_points_anywhere_have_a_page(X, is_drawn):
    y = list(range(len(X)))
    text = fastmem.memorize(X, y, random_state=0).report().to_html(X=X, y=y)
    assert ("<image" in text) == is_drawn
    assert ("Nothing is drawn" in text) != is_drawn
    assert "nan" not in text.partition('id="numbers"')[0]


def test_pages_of_much_stay_small():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 2))
    net = fastmem.memorize(X, np.arange(1500), effort="fast", random_state=0)
    text = net.report().to_html(X=X)
    assert "1,000 of the 1,500 points are drawn" in text
    assert "and 1,480 more" in text
    assert len(text) < 400_000
    relay, first = ([[1]], [1]), ([[1.0, 1.0]], [1.0])
    deep = fastmem.Network.from_layers([first, *[relay] * 300]).report()
    assert len(check(deep).tables["architecture"]) == 62
    assert "241 further parts" in deep.to_html()


def test_a_report_is_its_numbers_and_remembers_its_network_beside_them(cloud):
    report = cloud.report()
    again = pickle.loads(pickle.dumps(report))
    assert again == report == cloud.report()
    assert "network" not in " ".join(report.to_dict())
    assert len(pickle.dumps(report)) < 5000
    with pytest.raises(fastmem.InvalidInput, match=r"has lost its network.*net\.report\(\)\.to_html\(path\)"):
        again.to_html()


def test_endless_integers_are_told_and_not_written():
    net = fastmem.Network.from_layers([([[2**20_000]], [0], "relu"), ([[1]], [0], "identity")])
    text = net.report().to_html()
    assert "an integer of 20,001 bits" in text
    assert int(json.loads(Page(text).data)["largest_integer_weight"], 16) == 2**20_000
    assert math.isnan(net.report().bits_per_label)
