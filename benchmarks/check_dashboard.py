"""Open the published dashboard in headless Chromium, and say whether it works.

    asv publish && python check_dashboard.py [--benchmark network.Predict.time_predict] [--screenshot graph.png]

in benchmarks/; Chromium is Debian's package `chromium`, or what --chromium names. The page is served on this computer
and the browser reaches no other. It must list every benchmark, as a grid without empty boxes and as a table without
empty rows. Every line of every graph must have points, and exactly those graphs logarithmic axes whose values differ by
more than axes.SPREAD times. The graph of one benchmark must hold points of at least `COMMITS` commits, drawn. The exit
status is 1 if any of this is not so.
"""

import argparse
import html
import json
import re
import sys
from pathlib import Path

from axes import SPREAD
from browsing import Quiet, browse, served

COMMITS = 5
# Opens the dashboard in a frame, as a reader would one page after the other, and writes down what is there.
PROBE = """<!doctype html>
<iframe id="frame" style="border: 0; width: 1400px; height: 1000px"></iframe>
<pre id="found"></pre>
<script>
const frame = document.getElementById("frame"), found = {};
async function until(test) {
    for (let tries = 0; tries < 200; tries++) {
        try { const result = test(frame.contentWindow.$); if (result) return result; } catch (error) { }
        await new Promise(done => setTimeout(done, 50));
    }
    throw new Error("nothing there: " + test);
}
// Points drawn in each box of the grid; a box is drawn when a reader comes to it.
async function boxes(view) {
    const points = {};
    for (const box of view.$(".benchmark-plot").toArray()) {
        box.scrollIntoView();
        view.$(view).trigger("scroll");
        const plot = await until($ => $(box).data("plot"));
        points[box.id] = plot.getData().flatMap(series => series.data).filter(point => point[1] !== null).length;
    }
    return points;
}
function texts(elements) { return elements.toArray().map(element => element.getAttribute("href")); }
(async () => {
    try {
        frame.src = "/index.html#/";
        found.grid = await until($ => $("a.benchmark-container").length && texts($("a.benchmark-container")));
        found.boxes = await boxes(frame.contentWindow);
        frame.contentWindow.location.hash = "#/summarylist";
        found.list = await until($ => $("#summarylist-body td a").length && texts($("#summarylist-body td a")));
        found.rowsWithoutValue = frame.contentWindow.$("#summarylist-body td.value:empty").length;
        found.graphs = {};
        let plot = null;
        for (const name of [...NAMES, "BENCHMARK"]) {
            const before = plot;
            frame.contentWindow.location.hash = `#${name}?x-axis=commit`;
            plot = await until($ => $("#main-graph").data("plot") !== before && $("#main-graph").data("plot"));
            found.graphs[name] = {
                series: plot.getData().map(series => series.data.filter(point => point[1] !== null)),
                logarithmic: Boolean(plot.getYAxes()[0].options.transform),
            };
        }
        const canvas = plot.getCanvas(), context = canvas.getContext("2d");
        const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data.buffer;
        found.colours = new Set(new Uint32Array(pixels)).size;
    } catch (error) { found.error = String(error); }
    document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>
"""


class Dashboard(Quiet):
    """The published files, and the page that looks at them."""

    probe = ""

    def do_GET(self):  # noqa: N802 - as http.server calls it
        if self.path != "/probe.html":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.probe.encode())
        return None


def look(folder, names, benchmark, chromium, screenshot):
    """What the browser finds in the dashboard: a dict."""
    probe = PROBE.replace("BENCHMARK", benchmark).replace("NAMES", json.dumps(sorted(names)))
    handler = type("Probe", (Dashboard,), {"probe": probe})
    with served(folder, handler) as address:
        page = browse(chromium, address + "probe.html", "--dump-dom")
        if screenshot:
            browse(chromium, f"{address}index.html#{benchmark}?x-axis=commit", f"--screenshot={screenshot}")
    return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', page, re.DOTALL)[1]))


def faults(found, names, benchmark):
    """What is wrong with the dashboard, in words."""
    if "error" in found:
        yield found["error"]
        return
    for place in ("grid", "list"):
        listed = {address.lstrip("#").split("?")[0] for address in found[place] if address}
        missing = sorted(set(names) - listed)
        if missing:
            yield f"the {place} lacks {len(missing)} benchmarks, {missing[0]} for one"
    for box, points in found["boxes"].items():
        if not points:
            yield f"the box of {box.removeprefix('summarygrid-')} is empty"
    if found["rowsWithoutValue"]:
        yield f"{found['rowsWithoutValue']} rows of the list have no value"
    for name, graph in found["graphs"].items():
        yield from faults_of_graph(name, **graph)
    if most_points(found["graphs"][benchmark]) < COMMITS:
        yield f"no line of the graph has points of {COMMITS} commits"
    if found["colours"] < 3:
        yield "the graph is blank"


def faults_of_graph(name, series, logarithmic):
    """What is wrong with the lines of a graph and their axis, in words."""
    if not all(series):
        yield f"{series.count([])} lines of the graph of {name} have no point"
    if logarithmic != differs(series):
        yield f"the axis of {name} is {'logarithmic' if logarithmic else 'linear'}, which does not suit its lines"


def differs(series):
    """Whether the largest value of the lines is more than `SPREAD` times the smallest above 0."""
    values = [value for line in series for _, value in line if value > 0]
    return bool(values) and max(values) > SPREAD * min(values)


def most_points(graph):
    """Number of points of the longest line."""
    return max(map(len, graph["series"]), default=0)


def main():
    """Look, print what was found, and exit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "html")
    parser.add_argument("--benchmark", default="network.Predict.time_predict")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--screenshot", type=Path)
    arguments = parser.parse_args()
    names = json.loads((arguments.folder / "index.json").read_text(encoding="utf-8"))["benchmarks"]
    screenshot = arguments.screenshot and arguments.screenshot.absolute()
    found = look(str(arguments.folder), names, arguments.benchmark, arguments.chromium, screenshot)
    wrong = list(faults(found, names, arguments.benchmark))
    if not wrong:
        graph, graphs = found["graphs"][arguments.benchmark], found["graphs"].values()
        print(
            f"{len(names)} benchmarks are listed, none without results, "
            f"{sum(graph['logarithmic'] for graph in graphs)} with logarithmic axes; "
            f"the graph of {arguments.benchmark} has {len(graph['series'])} lines, "
            f"the longest of {most_points(graph)} points, drawn in {found['colours']} colours"
        )
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
