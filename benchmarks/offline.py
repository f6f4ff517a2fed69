"""An asv plugin, named in asv.conf.json: `asv publish` then writes a dashboard that needs no other server.

The page that asv ships loads its scripts and its style sheet from three other servers, and shows only an error where
one cannot be reached. Here the same files lie in vendor/ (vendor/README.md names them and their licences); this copies
them into the dashboard and lets the page refer to them. It also leaves out what was not measured, and gives graphs the
axes that axes.py describes.
"""

import json
import re
import shutil
from pathlib import Path

import axes
from asv.publishing import OutputPublisher

VENDOR = Path(__file__).parent / "vendor"
REFERENCE = re.compile(
    r'(src|href)="https://[^"]*?/(?P<file>[^"/]+\.(?:js|css))"(?: (?:integrity|crossorigin|referrerpolicy)="[^"]*")*'
)


class Measured(OutputPublisher):
    """Leaves out benchmarks without a result, before asv writes its pages, and regressions of what is not fastmem's."""

    name = "measured"
    button_label = "Measured"
    description = "What was measured"
    order = -1

    @classmethod
    def publish(cls, conf, repo, benchmarks, graphs, revisions):
        lines = {name: [graph.get_data() for graph in graphs.get_graph_group(name)] for name in benchmarks}
        for name in axes.without_results(lines):
            del benchmarks[name]
        conf.regressions_first_commits = conf.regressions_first_commits | {axes.REFERENCES: None}


class Axes(OutputPublisher):
    """Gives graphs their axes and the list the rows that have a value, in what asv has written."""

    name = "axes"
    button_label = "Axes"
    description = "Axes that fit"

    @classmethod
    def publish(cls, conf, repo, benchmarks, graphs, revisions):
        folder = Path(conf.html_dir)
        axes.change(folder)
        for path in folder.glob("graphs/*/**/summary.json"):
            rows = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(json.dumps(list(axes.shown(rows))), encoding="utf-8")


class Offline(OutputPublisher):
    """Makes the published page refer to copies of the files that it would load from elsewhere."""

    name = "offline"
    button_label = "Offline"
    description = "Self-contained page"

    @classmethod
    def publish(cls, conf, repo, benchmarks, graphs, revisions):
        folder = Path(conf.html_dir)
        shutil.copytree(VENDOR, folder / "vendor")
        for page in folder.glob("*.html"):
            page.write_text(local_references(page.read_text(encoding="utf-8")), encoding="utf-8")


def local_references(page):
    """The page with each script and style sheet of another server replaced by the one in vendor/."""

    def local(match):
        name = file_name(match["file"])
        if not (VENDOR / name).is_file():
            raise FileNotFoundError(f"asv's page loads {match['file']}, which is not in {VENDOR.name}/: add it there")
        return f'{match[1]}="vendor/{name}"'

    return REFERENCE.sub(local, page)


def file_name(name):
    """The name in vendor/ of a file that a page refers to: without its version and, where it is not, without .min."""
    name = re.sub(r"-\d+(\.\d+)*", "", name)
    return name if (VENDOR / name).is_file() else name.replace(".min.", ".")
