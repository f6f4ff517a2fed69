"""Open every page of the documentation in headless Chromium, and say what is wrong with it.

    sphinx-build -q docs html && python benchmarks/check_pages.py html [--screenshots FOLDER] [PAGE ...]

Each page is opened as on a telephone and as on a desk, 390 and 1,280 pixels wide, in light and in dark. It must load
without errors and without other computers, all pictures must be there, nothing may be wider than the window but in a
box of its own, and no letters smaller than 10 pixels. Chromium is Debian's package `chromium`, or what --chromium
names. The exit status is 1 if something is wrong.
"""

import argparse
import itertools
import sys
from pathlib import Path

from browsing import Browser, served

WIDTHS = (390, 1280)
SMALLEST = 10  # pixels
# What is seen of a page: its width, that of the window, pictures that did not load, and words in small letters.
LOOK = """(async () => {
    await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
    const small = new Set(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text; text = walker.nextNode();) {
        const element = text.parentElement;
        if (text.data.trim() && element.checkVisibility() && parseFloat(getComputedStyle(element).fontSize) < SMALLEST)
            small.add(text.data.trim());
    }
    const page = document.documentElement;
    return {
        overflow: page.scrollWidth - page.clientWidth,
        broken: [...document.images].filter(image => !image.naturalWidth).map(image => image.src),
        small: [...small].slice(0, 3),
    };
})()""".replace("SMALLEST", str(SMALLEST))


def look(browser, address, page, screenshots):
    """What is wrong with a page in any window and theme, and a picture of each where they are asked for."""
    for width, theme in itertools.product(WIDTHS, ("light", "dark")):
        for fault in faults(browser, address, page, width, dark=theme == "dark"):
            yield f"{page} at {width} pixels, {theme}: {fault}"
        if screenshots:
            screenshots.mkdir(parents=True, exist_ok=True)
            name = page.removesuffix(".html").replace("/", "_")
            browser.screenshot(screenshots / f"{name}_{width}_{theme}.png")


def faults(browser, address, page, width, *, dark):
    """What is wrong with a page, in words."""
    browser.open(address + page, width, dark=dark)
    seen = browser.evaluate(LOOK)
    if seen["overflow"] > 0:
        yield f"{seen['overflow']} pixels wider than the window"
    yield from (f"the picture {source} does not load" for source in seen["broken"])
    if seen["small"]:
        yield f"letters smaller than {SMALLEST} pixels: {seen['small']}"
    for event in browser.events:
        yield from told(event.get("method"), event.get("params"), address)


def told(method, about, address):
    """What an event of the browser says is wrong."""
    if method == "Runtime.exceptionThrown":
        yield about["exceptionDetails"].get("exception", {}).get("description", "an error of a script")
    elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
        yield f"the console says {[argument.get('value') for argument in about['args']]}"
    elif method == "Log.entryAdded" and about["entry"]["level"] == "error":
        yield f"{about['entry']['text']} {about['entry'].get('url', '')}"
    elif method == "Network.requestWillBeSent" and not about["request"]["url"].startswith((address, "data:", "blob:")):
        yield f"it loads {about['request']['url']}"


def main():
    """Look at all pages, print what is wrong, and exit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the pages that sphinx-build wrote")
    parser.add_argument("pages", nargs="*", help="index.html, ...; all by default")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--screenshots", type=Path, help="where to write a picture of each")
    arguments = parser.parse_intermixed_args()
    written = (path.relative_to(arguments.folder).as_posix() for path in arguments.folder.rglob("*.html"))
    pages = arguments.pages or sorted(written)
    with served(str(arguments.folder)) as address, Browser(arguments.chromium) as browser:
        found = [fault for page in pages for fault in look(browser, address, page, arguments.screenshots)]
    print(*found, f"{len(pages)} pages, {len(found)} faults", sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
