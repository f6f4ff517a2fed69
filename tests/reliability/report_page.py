"""The page of a network in headless Chromium, as a reader meets it: on a phone and on a screen, light and dark.

Promised: `Report.to_html` writes one file that loads nothing, whose numbers are those of `to_dict`. Pages of several
networks are opened at 390 and 1280 pixels. Each must load without an error and without asking for another resource, fit
the width, hold the numbers of its report, sort a table by a button, and say what a mark of a chart stands for when the
keyboard reaches it.

    cd tests && python -m reliability.report_page [--browser chromium] [--shots FOLDER]

needs Chromium: ``apt-get install chromium``. With --shots it keeps a picture of each page, in every width and colour.
"""

import argparse
import functools
import html
import http.server
import json
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

import fastmem

WIDTHS = (390, 1280)
# Opens the page in a frame of a width, tries it, and writes down what is there.
PROBE = """<!doctype html>
<iframe id="frame" style="border: 0; width: WIDTHpx; height: 2000px"></iframe>
<pre id="found"></pre>
<script>
const frame = document.getElementById("frame"), found = { errors: [] };
frame.onload = () => {
    try {
        const view = frame.contentWindow, page = frame.contentDocument;
        view.addEventListener("error", event => found.errors.push(event.message));
        found.width = view.innerWidth;
        found.needed = page.documentElement.scrollWidth;
        found.dark = view.matchMedia("(prefers-color-scheme: dark)").matches;
        found.loaded = view.performance.getEntriesByType("resource").map(entry => entry.name.slice(0, 80));
        found.report = page.getElementById("report").textContent;
        const table = page.querySelector("#numbers table"), name = table.tHead.rows[0].cells[0];
        name.querySelector("button").click();
        name.querySelector("button").click();
        found.sort = name.getAttribute("aria-sort");
        found.names = [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
        const values = page.querySelector("#bytes tbody");
        page.querySelectorAll("#bytes thead button")[1].click();
        found.bytes = values ? [...values.rows].map(row => row.cells[1].textContent) : [];
        found.said = [...page.querySelectorAll("[data-marks]")].map(chart => {
            const marks = chart.querySelectorAll(".mark");
            marks[0].focus();
            const first = page.getElementById("said").textContent;
            marks[0].dispatchEvent(new view.KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
            const second = page.getElementById("said").textContent;
            const isThere = page.activeElement === marks[Math.min(1, marks.length - 1)];
            const box = page.getElementById("said").getBoundingClientRect();
            return [chart.dataset.marks, first, second, isThere, box.left >= 0 && box.right <= view.innerWidth];
        });
        page.activeElement.blur();
        found.after = page.documentElement.scrollWidth;
    } catch (error) { found.errors.push(String(error)); }
    document.getElementById("found").textContent = JSON.stringify(found);
};
frame.src = "page.html";
</script>
"""
SHOT = """<!doctype html><body style="margin: 0"><iframe src="page.html"
style="border: 0; width: WIDTHpx; height: HEIGHTpx"></iframe>"""


def networks():
    """Reports, points and labels by a name."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), np.array(["lower </script>", "upper & <b>"])[rng.integers(0, 2, 300)]
    net = fastmem.memorize(X, y, random_state=0)
    yield "plane", net.report(fastmem.separation(X).delta), X, y
    X, y = rng.normal(size=(2000, 16)), rng.integers(0, 10, 2000)
    net = fastmem.memorize(X, y, fingerprint_bits=16, random_state=0)
    yield "fingerprints", net.report(fastmem.separation(X).delta), X, y
    X, y = rng.normal(size=(300, 6)), rng.integers(0, 5, 300)
    net = fastmem.memorize(X, y, construction="vardi2021", random_state=0)
    yield "numbers", net.report(fastmem.separation(X).delta), X, y
    X, y = rng.normal(size=(1500, 2)), rng.integers(0, 40, 1500)
    yield "classes", fastmem.memorize(X, y, separate="all", random_state=0).report(), X, y
    yield "one class", fastmem.memorize([[0.0, 1], [1, 1]], ["a", "a"]).report(), [[0.0, 1], [1, 1]], ["a", "a"]
    xor = fastmem.Network.from_layers([([[1, 1], [1, 1]], [1, 2]), ([[1, -1]], [1])])
    yield "given", xor.report(), None, None


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_):
        pass


def browse(browser, address, *options):
    """What headless Chromium prints, and what it says of errors."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # As root it has no sandbox; the page is ours.
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
                "--enable-logging=stderr", "--virtual-time-budget=10000", *options, address,
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def look(browser, folder, address, width):
    """What is found in a page of a width: a dict."""
    (folder / "probe.html").write_text(PROBE.replace("WIDTH", str(width)), encoding="utf-8")
    size = f"--window-size={max(width, 800) + 40},2100"
    page, said = browse(browser, f"{address}/probe.html", size, "--dump-dom")
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', page, re.DOTALL)[1]))
    return found | {"console": said}


def faults(found, report, width):
    """What is wrong with a page, in words."""
    yield from (f"error: {error}" for error in [*found["errors"], *found["console"]])
    if found["errors"]:
        return
    yield from (f"it asked for {name}" for name in found["loaded"])
    if found["width"] != width or max(found["needed"], found["after"]) > width:
        yield f"at {found['width']} of {width} pixels it needs {found['needed']}, {found['after']} after use"
    if json.loads(found["report"]) != as_read(report.to_dict()):
        yield "its JSON is not what to_dict returns"
    if found["sort"] != "descending" or found["names"] != sorted(found["names"], reverse=True):
        yield f"names are not sorted: {found['names'][:3]}"
    sizes = [int(text.replace(",", "")) for text in found["bytes"]]
    if sizes != sorted(sizes) or sum(sizes) != report.nbytes + (report.label_nbytes or 0):
        yield f"bytes are not sorted, or do not add up: {sizes}"
    if not found["said"] and report.depth:
        yield "no chart has marks"
    for chart, first, second, is_there, is_seen in found["said"]:
        if not first or not second or not is_there or not is_seen:
            yield f"marks of {chart} say {first!r} and {second!r}, focus moved: {is_there}, in sight: {is_seen}"


def as_read(values):
    """Plain values as the page's JSON returns them: tuples as lists, no number as null."""
    text = re.sub(r"\b(NaN|-?Infinity)\b", "null", json.dumps(values))
    return json.loads(text)


def shoot(browser, folder, address, name, shots):
    """Pictures of a page in every width and colour."""
    for width in WIDTHS:
        for scheme, number in (("dark", 0), ("light", 1)):
            height = 5200 if width < 800 else 3800
            frame = SHOT.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
            (folder / "shot.html").write_text(frame, encoding="utf-8")
            path = shots.absolute() / f"report_{name.replace(' ', '_')}_{width}_{scheme}.png"
            browse(browser, f"{address}/shot.html", f"--window-size={width},{height}", f"--screenshot={path}",
                   f"--blink-settings=preferredColorScheme={number}")  # fmt: skip


def main():
    """Say what was looked at; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--shots", type=Path)
    arguments = parser.parse_args()
    n_wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(Quiet, directory=name))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}"
        for name, report, X, y in networks():
            report.to_html(folder / "page.html", X, y)
            size = (folder / "page.html").stat().st_size
            for width in WIDTHS:
                found = look(arguments.browser, folder, address, width)
                wrong = list(faults(found, report, width))
                n_wrong += len(wrong)
                print(
                    f"{name}, {width} pixels: {size:,} bytes, {len(found.get('said', []))} charts, {len(wrong)} wrong"
                )
                print(*(f"    {fault}" for fault in wrong), sep="\n", end="\n" if wrong else "")
            if arguments.shots:
                shoot(arguments.browser, folder, address, name, arguments.shots)
        server.shutdown()
    sys.exit(bool(n_wrong))


if __name__ == "__main__":
    main()
