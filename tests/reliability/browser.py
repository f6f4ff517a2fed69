"""A browser says of pictures what Python says: the page of the documentation, in headless Chromium.

Promised: a JavaScript module gives the labels of `predict` in browsers too. The page of `docs/digits.py` is written,
loaded from a file without a server, and the answers that it shows under its pictures, of memorized digits and of
others, are compared with those of `predict` and `contains`.

    cd tests && python -m reliability.browser [--browser chromium]

needs scikit-learn, and Chromium: ``apt-get install chromium``.
"""

import argparse
import html
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DIGITS = Path(__file__).resolve().parent.parent.parent / "docs" / "digits.py"


def digits():
    """The module that writes the page."""
    spec = importlib.util.spec_from_file_location("digits", DIGITS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seen(browser, path):
    """The page as a browser leaves it after its scripts have run."""
    with tempfile.TemporaryDirectory() as profile:
        # As root it has no sandbox; the page is ours.
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += ["--virtual-time-budget=10000", "--dump-dom", path.resolve().as_uri()]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def wrong(browser):
    """How many answers the page shows, and which are not those of Python: (place, shown, expected)."""
    module = digits()
    net, X = module.network(), module.pictures()
    expected = module.answers(net, X)
    with tempfile.TemporaryDirectory() as folder:
        page = seen(browser, module.write(folder))
    found = [html.unescape(text) for text in re.findall(r"<button><canvas[^>]*></canvas>([^<]*)</button>", page)]
    if len(found) != len(expected):
        return len(found), [("answers", len(found), len(expected))]
    return len(found), [(i, *pair) for i, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]


def main():
    """Say how many answers were compared; exit status 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", default="chromium")
    n, faults = wrong(parser.parse_args().browser)
    print(f"browser: {n} answers, {len(faults)} wrong")
    for fault in faults:
        print(*fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
