"""A browser says of points what Python says: the pages of the documentation, in headless Chromium.

Promised: a JavaScript module gives the labels of `predict` in browsers too. The page of `docs/digits.py` is written,
loaded from a file without a server, and the answers that it shows under its pictures, of memorized digits and of
others, are compared with those of `predict` and `contains`. The page of `docs/recipes/browser.md`, with its worker, is
loaded from a server on this machine; what it shows are the labels of all points, and *unknown* for others.

    cd tests && python -m reliability.browser [--browser chromium]

needs scikit-learn, and Chromium: ``apt-get install chromium``.
"""

import argparse
import functools
import html
import http.server
import importlib.util
import queue
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from support.pages import files_of

import fastmem

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def digits():
    """The module that writes the page of digits."""
    spec = importlib.util.spec_from_file_location("digits", DOCS / "digits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seen(browser, address):
    """The page as a browser leaves it after its scripts have run."""
    with tempfile.TemporaryDirectory() as profile:
        # As root it has no sandbox; the page is ours.
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--virtual-time-budget=10000", "--dump-dom", address]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def of_digits(browser):
    """Answers of the page of digits, and those that are right."""
    module = digits()
    net, X = module.network(), module.pictures()
    with tempfile.TemporaryDirectory() as folder:
        page = seen(browser, module.write(folder).resolve().as_uri())
    found = re.findall(r"<button><canvas[^>]*></canvas>([^<]*)</button>", page)
    return [html.unescape(text) for text in found], module.answers(net, X)


# Tells the server what the page says once its worker has answered.
TELL = """<script>
const shown = document.getElementById("answer");
const tell = () => fetch("told", { method: "POST", body: shown.textContent });
new MutationObserver(tell).observe(shown, { childList: true });
</script>
"""


class Server(http.server.SimpleHTTPRequestHandler):
    """The files of a folder; what is posted is kept."""

    def do_POST(self):
        self.server.told.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def told(browser, folder, page):
    """What a page tells the server of its folder; the browser is ended then."""
    handler = functools.partial(Server, directory=folder)
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        server.told = queue.Queue()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
            # A page that is to be debugged stays open.
            command += ["--remote-debugging-port=0", f"http://localhost:{server.server_port}/{page}"]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
                try:
                    return server.told.get(timeout=120)
                finally:
                    running.terminate()
                    server.shutdown()


def of_recipe(browser):
    """Answers of the page of the recipe, and those that are right."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 8)).astype(np.float32), rng.choice(["ash", "beech", "cedar"], 2000)
    net = fastmem.memorize(X, y, separate="all", fingerprint_bits=16, random_state=0)
    points = np.concatenate([X, rng.normal(size=(500, 8)).astype(np.float32)])
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files_of(DOCS / "recipes" / "browser.md").items():
            Path(folder, name).write_text(text + TELL * name.endswith(".html"), encoding="utf-8")
        net.to_js(Path(folder, "net.mjs"))
        points.tofile(Path(folder, "points.bin"))
        found = told(browser, folder, "page.html").split()
    return found, net.predict(points, unknown="unknown").tolist()


def wrong(found, expected):
    """Which answers are not those of Python: (place, shown, expected)."""
    if len(found) != len(expected):
        return [("answers", len(found), len(expected))]
    return [(i, *pair) for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]


def main():
    """Say how many answers were compared; exit status 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", default="chromium")
    browser, faults = parser.parse_args().browser, []
    for name, answers in (("digits", of_digits), ("recipe", of_recipe)):
        found, expected = answers(browser)
        faults += wrong(found, expected)
        print(f"browser, {name}: {len(expected)} answers, {len(wrong(found, expected))} wrong")
    for fault in faults:
        print(*fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
