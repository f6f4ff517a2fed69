"""Open the published dashboard in headless Chromium, and say whether it works.

    asv publish && python check_dashboard.py [--benchmark network.Predict.time_predict] [--screenshot graph.png]

in benchmarks/; Chromium is Debian's package `chromium`, or what --chromium names. The page is served on this computer
and the browser reaches no other. It must list every benchmark, as a grid and as a table, and the graph of a benchmark
must hold points of at least `COMMITS` commits, drawn. The exit status is 1 if it does not.
"""

import argparse
import functools
import html
import http.server
import json
import re
import sys
import threading
from pathlib import Path

from browsing import browse

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
function texts(elements) { return elements.toArray().map(element => element.getAttribute("href")); }
(async () => {
    try {
        frame.src = "/index.html#/";
        found.grid = await until($ => $("a.benchmark-container").length && texts($("a.benchmark-container")));
        frame.contentWindow.location.hash = "#/summarylist";
        found.list = await until($ => $("#summarylist-body td a").length && texts($("#summarylist-body td a")));
        frame.contentWindow.location.hash = "#BENCHMARK?x-axis=commit";
        const plot = await until($ => $("#main-graph").data("plot"));
        found.series = plot.getData().map(series => series.data.filter(point => point[1] !== null));
        const canvas = plot.getCanvas(), context = canvas.getContext("2d");
        const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data.buffer;
        found.colours = new Set(new Uint32Array(pixels)).size;
    } catch (error) { found.error = String(error); }
    document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>
"""


class Dashboard(http.server.SimpleHTTPRequestHandler):
    """The published files, and the page that looks at them."""

    probe = ""

    def do_GET(self):
        if self.path != "/probe.html":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.probe.encode())
        return None

    def log_message(self, *_):
        pass


def look(folder, benchmark, chromium, screenshot):
    """What the browser finds in the dashboard: a dict."""
    handler = type("Probe", (Dashboard,), {"probe": PROBE.replace("BENCHMARK", benchmark)})
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://localhost:{server.server_port}/"
    try:
        page = browse(chromium, address + "probe.html", "--dump-dom")
        if screenshot:
            browse(chromium, f"{address}index.html#{benchmark}?x-axis=commit", f"--screenshot={screenshot}")
    finally:
        server.shutdown()
    return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', page, re.DOTALL)[1]))


def faults(found, names, measured):
    """What is wrong with the dashboard, in words: all names belong in the grid, those with results in the list."""
    if "error" in found:
        yield found["error"]
        return
    for place, expected in (("grid", names), ("list", measured)):
        listed = {address.lstrip("#").split("?")[0] for address in found[place] if address}
        missing = sorted(set(expected) - listed)
        if missing:
            yield f"the {place} lacks {len(missing)} benchmarks, {missing[0]} for one"
    if most_points(found) < COMMITS:
        yield f"no line of the graph has points of {COMMITS} commits"
    if found["colours"] < 3:
        yield "the graph is blank"


def most_points(found):
    """Number of points of the longest line."""
    return max(map(len, found["series"]), default=0)


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
    found = look(str(arguments.folder), arguments.benchmark, arguments.chromium, screenshot)
    measured = [path.name.removesuffix(".json") for path in (arguments.folder / "graphs" / "summary").iterdir()]
    wrong = list(faults(found, names, measured))
    if not wrong:
        print(
            f"{len(names)} benchmarks are listed, {len(measured)} with results; "
            f"the graph of {arguments.benchmark} has {len(found['series'])} lines, "
            f"the longest of {most_points(found)} points, drawn in {found['colours']} colours"
        )
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
