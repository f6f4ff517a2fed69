"""Headless Chromium, for the scripts that open pages as a reader would: nothing but the standard library.

`served` puts a folder on this computer, and the browser reaches no other. `browse` runs it once for one page; `Browser`
keeps it running for many, and speaks its DevTools protocol through a pair of pipes.
"""

import base64
import contextlib
import functools
import http.server
import json
import os
import subprocess
import tempfile
import threading
import time

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
)  # fmt: skip
PATIENCE = 30  # seconds for one page
FIRST_FREE = 10  # descriptors below may be those that the browser reads and writes, 3 and 4


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each request."""

    def do_GET(self):
        if self.path != "/favicon.ico":
            return super().do_GET()
        self.send_response(204)  # the browser asks for it once, of itself, at some page or other
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder, handler=Quiet):
    """The address at which a folder is served as long as it is needed."""
    server = http.server.ThreadingHTTPServer(("localhost", 0), functools.partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()


def browse(chromium, address, *options):
    """What headless Chromium prints."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium, *OPTIONS, f"--user-data-dir={profile}", "--window-size=1400,1000"]
        command += ["--virtual-time-budget=20000", *options, address]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


class Browser:
    """A browser with one page.

    Parameters
    ----------
    chromium : str
        The program.

    Attributes
    ----------
    events : list of dict
        What the browser has told since the page was last opened, as the DevTools protocol names it.
    """

    def __init__(self, chromium="chromium"):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        theirs = [_moved(theirs_in), _moved(theirs_out)]

        def connect():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self._process = subprocess.Popen(
            [chromium, *OPTIONS, f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=connect, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for descriptor in theirs:
            os.close(descriptor)
        self._out, self._in = os.fdopen(ours_out, "wb", buffering=0), os.fdopen(ours_in, "rb")
        self._number, self._session, self._pending, self.events = 0, None, b"", []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._send("Browser.close", {}, None)
        self._process.wait(timeout=PATIENCE)
        self._out.close()
        self._in.close()
        self._profile.cleanup()

    def call(self, method, **parameters):
        """What a method of the protocol returns."""
        number = self._send(method, parameters, self._session)
        while True:
            message = self._receive()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def open(self, address, width, height=900, *, dark=False):
        """Load a page, in a window of such a size and in light or dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events = []
        self.call("Page.navigate", url=address)
        end = time.monotonic() + PATIENCE
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            if time.monotonic() > end:
                raise TimeoutError(f"{address} is not loaded after {PATIENCE} s")
            self.events.append(self._receive())

    def evaluate(self, script):
        """The value of an expression of JavaScript, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def screenshot(self, path, highest=12_000):
        """Write a picture of the whole page, or of its first so many pixels."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], highest), "scale": 1}
        picture = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(picture))

    def _send(self, method, parameters, session):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        return self._number

    def _receive(self):
        while b"\0" not in self._pending:
            read = self._in.read1(1 << 16)
            if not read:
                raise ConnectionError("the browser has ended")
            self._pending += read
        message, _, self._pending = self._pending.partition(b"\0")
        return json.loads(message)


def _moved(descriptor):
    """The same pipe under a number that is not 3 or 4."""
    import fcntl

    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD, FIRST_FREE)
    os.close(descriptor)
    return high
