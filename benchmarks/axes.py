"""What offline.py changes in asv's page, and what of the results it shows; nothing here needs asv.

- A graph whose largest value is more than `SPREAD` times its smallest gets a logarithmic axis, which "log scale" and
  `y-axis-scale=linear` in the address switch off; a value of 0 stands at its lower edge.
- Commits stand at equal distances, with what came with each (commits.txt) below it.
- Units are those one would say: 27.7 ms, 250,000 neurons.
- Benchmarks, lines and rows without a result are left out.

asv's scripts are changed where they are copied to, text by text (`CHANGES`), and call axes.js. Another release of asv
may hold other texts: publishing stops then, and says which is missing.
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
SPREAD = 100
# Benchmarks of what fastmem stands beside: their changes are those of the machine, and no regressions.
REFERENCES = r".*matrix_product|.*numpy|.*data_alone|peers\.Peers.*\('(?!fastmem')"
END_OF_LINES = "lineWidth: 2\n                        },\n"
POINTS = "                        points: { show: true, radius: 2 },\n"
# By file: what stands there once or more, and what stands there instead.
CHANGES = {
    "index.html": [
        (
            "<title>airspeed velocity</title>",
            '<title>Benchmarks</title>\n    <meta name="viewport" content="width=device-width, initial-scale=1">',
        ),
        (
            '<a href="https://github.com/airspeed-velocity/asv/" class="navbar-link" target="_blank">'
            '<img src="swallow.png" width="22" height="22" alt="swallow"></img>airspeed velocity</a>\n'
            "            of an unladen\n",
            "Benchmarks of\n",
        ),
        (
            '<script language="javascript" type="text/javascript"\n            src="asv.js">',
            '<script src="axes.js"></script>\n'
            '    <script language="javascript" type="text/javascript"\n            src="asv.js">',
        ),
        (
            '<link href="summarylist.css" rel="stylesheet" type="text/css"/>',
            '<link href="summarylist.css" rel="stylesheet" type="text/css"/>\n'
            '    <link href="axes.css" rel="stylesheet" type="text/css"/>',
        ),
        # The legend stands above the graph, where it hides no line.
        ('<div id="graph">', '<div id="graph">\n          <div id="legend"></div>'),
    ],
    "asv.js": [
        ('"airspeed velocity of an unladen " + index.project', '"Benchmarks of " + index.project'),
        ("function pretty_unit(x, unit) {", "function pretty_unit(x, unit) {\n        return axes.amount(x, unit);"),
    ],
    # A line of one point is no line, and one along the edge is hard to see.
    "summarygrid.js": [
        (END_OF_LINES, END_OF_LINES + POINTS),
        ("xaxis: {\n", "xaxis: {\n                        autoscaleMargin: 0.03,\n"),
        ("yaxis: {\n", "yaxis: {\n                        autoscaleMargin: 0.1,\n"),
    ],
    "asv_ui.js": [(END_OF_LINES, END_OF_LINES + POINTS)],
    "graphdisplay.js": [
        # The y axis: logarithmic, linear or zoomed by the address, else by the lines.
        ("    var log_scale = false;\n", "    var log_scale = false;\n    var automatic_scale = true;\n"),
        ("log_scale ? ['log']: []", "log_scale ? ['log'] : ['linear']"),
        (
            "        if (params['y-axis-scale']) {\n",
            "        automatic_scale = !params['y-axis-scale'];\n"
            "        log_scale = zoom_y_axis = false;\n"
            "        $('#log-scale, #zoom-y-axis').removeClass('active');\n"
            "        if (params['y-axis-scale']) {\n",
        ),
        (
            "        handle_x_scale(options);\n",
            "        if (automatic_scale && !reference_scale) {\n"
            "            log_scale = axes.logarithmic(graphs);\n"
            "            $('#log-scale').toggleClass('active', log_scale);\n"
            "        }\n"
            "        handle_x_scale(options);\n",
        ),
        (
            "if (v <= 0) {\n                    return null;",
            "if (v <= 0) {\n                    return min - 1;",
        ),
        (
            "            options.yaxis.min = Math.pow(10, min) * reference;\n",
            "            options.yaxis.min = Math.pow(10, min) * reference;\n"
            "            if (!reference_scale && axes.hasZero(graphs)) {\n"
            "                options.yaxis.min = 0;\n"
            "                ticks.unshift(0);\n"
            "            }\n",
        ),
        (
            '                return "10" + (\n',
            "                if (!reference_scale) {\n"
            "                    return axes.tick(v, $.asv.main_json.benchmarks[current_benchmark].unit);\n"
            "                }\n"
            '                return "10" + (\n',
        ),
        (
            "options.yaxis.axisLabel = $.asv.main_json.benchmarks[current_benchmark].unit;",
            "options.yaxis.axisLabel = axes.label($.asv.main_json.benchmarks[current_benchmark].unit);",
        ),
        # From 0 on, whatever the unit, with no line along the edge.
        (
            "            if (unit_list !== null) {\n"
            "                if (!zoom_y_axis) {\n"
            "                    options.yaxis.min = 0.0;\n"
            "                    options.yaxis.max = max * 1.3;\n"
            "                }\n",
            "            if (!zoom_y_axis) {\n"
            "                options.yaxis.min = 0.0;\n"
            "                options.yaxis.max = max * 1.1 || 1;\n"
            "            }\n"
            "            if (unit_list !== null) {\n",
        ),
        # The unit of the largest value, and no 1.6e+6.
        ("if (min < unit_list[i+1][2]) {", "if (max < unit_list[i+1][2]) {"),
        ("return (v / multiplier).toPrecision(3);", "return axes.number(v / multiplier, 6);"),
        # The small graph below follows.
        (
            "            overview = $.plot(overview_div, graphs, overview_options);\n",
            "            if (log_scale) {\n"
            "                overview_options.yaxis = {\n"
            "                    ticks: [], min: options.yaxis.min, max: options.yaxis.max,\n"
            "                    transform: options.yaxis.transform,\n"
            "                    inverseTransform: options.yaxis.inverseTransform\n"
            "                };\n"
            "            }\n"
            "            overview = $.plot(overview_div, graphs, overview_options);\n",
        ),
        # The x axis: commits evenly spaced, unless the address says otherwise, and named.
        ("even_spacing ? ['even'] : []", "even_spacing ? ['even'] : ['history']"),
        (
            "        if (params['x-axis-scale']) {\n",
            "        even_spacing = !params['x-axis-scale'];\n"
            "        date_scale = false;\n"
            "        $('#even-spacing').toggleClass('active', even_spacing);\n"
            "        $('#date-scale').removeClass('active');\n"
            "        if (params['x-axis-scale']) {\n",
        ),
        (
            '                options.xaxis.tickFormatter = function (v, axis) { return ""; };\n',
            "                options.xaxis.ticks = axes.commits(graphs);\n",
        ),
        (
            "                options.xaxis.transform = even_spacing_transform;\n",
            "                options.xaxis.min = even_spacing_revisions[0] - 0.5;\n"
            "                options.xaxis.max = even_spacing_revisions[even_spacing_revisions.length - 1] + 0.5;\n"
            "                options.xaxis.transform = even_spacing_transform;\n",
        ),
        (
            "        /* Map timestamp value to commit index */\n",
            "        return axes.position(value, even_spacing_revisions);\n",
        ),
        (
            "        /* Map commit index to timestamp value */\n",
            "        return axes.revision(value, even_spacing_revisions);\n",
        ),
        (
            '$.asv.pretty_unit(y, unit) + " @ " + commit_hash);',
            '$.asv.pretty_unit(y, unit) + " @ " + commit_hash + " " + axes.words(commit_hash));',
        ),
        ('position: "nw",', 'container: "#legend", noColumns: $(window).width() > 700 ? 4 : 2,'),
        # Lines without a point have no place in the legend.
        (
            "                    orig_graphs.push({\n",
            "                    if (series.every(function (point) { return point[1] === null; })) {\n"
            "                        return;\n"
            "                    }\n"
            "                    orig_graphs.push({\n",
        ),
    ],
}


def changed(text, changes, name):
    """The text of asv's file after the changes: pairs of what stands there and what shall."""
    for old, new in changes:
        if old not in text:
            raise RuntimeError(
                f"asv's {name} does not hold {old.strip()!r}, as that of asv 0.6.6 does: install asv 0.6.6, "
                "or give CHANGES in benchmarks/axes.py the text of this asv"
            )
        text = text.replace(old, new)
    return text


def change(folder):
    """Change asv's files in a folder, and add what they call."""
    for name, changes in CHANGES.items():
        path = folder / name
        path.write_text(changed(path.read_text(encoding="utf-8"), changes, name), encoding="utf-8")
    constants = f"const COMMITS = {json.dumps(commits())}, SPREAD = {SPREAD};\n"
    (folder / "axes.js").write_text(constants + (FOLDER / "axes.js").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "axes.css").write_text((FOLDER / "axes.css").read_text(encoding="utf-8"), encoding="utf-8")


def commits():
    """What came with each measured commit, oldest first: hashes of eight digits to words."""
    lines = (FOLDER / "commits.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def without_results(lines):
    """Names of the benchmarks none of whose lines has a point; `lines` holds lists of points by name."""
    return [name for name, points in lines.items() if not any(points)]


def shown(rows):
    """Rows of the list of benchmarks that have a value; what fastmem stands beside has no changes."""
    for row in rows:
        if row["last_value"] is not None:
            reference = re.match(REFERENCES, row["pretty_name"])
            yield row | {"prev_value": None, "change_rev": None} if reference else row
