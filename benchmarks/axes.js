"use strict";
/* What asv's scripts call where axes.py has changed them. COMMITS and SPREAD stand above, written by axes.py. */
const axes = {
    UNITS: {
        seconds: [[1e-9, "ns"], [1e-6, "µs"], [1e-3, "ms"], [1, "s"]],
        bytes: [[1, "bytes"], [1e3, "kB"], [1e6, "MB"], [1e9, "GB"]],
    },

    /* Values of all lines of a graph, without gaps. */
    values(graphs) {
        return graphs.flatMap(graph => graph.data.map(point => point[1])).filter(value => value !== null);
    },

    /* Whether the largest value is more than SPREAD times the smallest; zeros do not count. */
    logarithmic(graphs) {
        const values = axes.values(graphs).filter(value => value > 0);
        return Math.max(...values) > SPREAD * Math.min(...values);
    },

    hasZero(graphs) {
        return axes.values(graphs).includes(0);
    },

    number(value, digits = 3) {
        return Number(value).toLocaleString("en", {maximumSignificantDigits: digits});
    },

    /* A value with its unit: 0.0277 seconds are 27.7 ms. */
    amount(value, unit) {
        if (!axes.UNITS[unit])
            return axes.number(value) + (unit && unit != "unit" ? " " + unit : "");
        // 0.001 may be a little less than a thousandth.
        const size = Math.abs(value) * (1 + 1e-9);
        const fitting = axes.UNITS[unit].filter(([factor]) => factor <= size);
        const [factor, name] = fitting.length ? fitting[fitting.length - 1] : axes.UNITS[unit][0];
        return axes.number(value / factor) + " " + name;
    },

    /* What stands at a tick of a logarithmic axis, and beside the axis. */
    tick(value, unit) {
        return axes.UNITS[unit] && value ? axes.amount(value, unit) : axes.number(value);
    },
    label(unit) {
        return axes.UNITS[unit] ? "" : unit;
    },

    /* What came with a commit, as HTML; "" of a commit that commits.txt does not name. */
    words(hash) {
        return $("<span>").text(COMMITS[hash] || "").html();
    },

    /* A tick for each commit of a graph; where there is little room only the first and the last have words. */
    commits(graphs) {
        const revisions = [...new Set(graphs.flatMap(graph => graph.data.map(point => point[0])))].sort((a, b) => a - b);
        return revisions.map((revision, i) => {
            const hash = $.asv.get_commit_hash(revision);
            const shown = $(window).width() > 700 || i == 0 || i == revisions.length - 1;
            return [revision, shown ? axes.words(hash) || hash : ""];
        });
    },

    /* Where a revision stands among evenly spaced ones, which are sorted, and which revision stands there. */
    position(revision, revisions) {
        const last = revisions.length - 1, next = revisions.findIndex(other => other > revision);
        if (next == 0)
            return revision - revisions[0];
        if (next == -1)
            return last + revision - revisions[last];
        return next - 1 + (revision - revisions[next - 1]) / (revisions[next] - revisions[next - 1]);
    },
    revision(position, revisions) {
        const last = revisions.length - 1, whole = Math.floor(position);
        if (position < 0)
            return revisions[0] + position;
        if (position >= last)
            return revisions[last] + position - last;
        return revisions[whole] + (position - whole) * (revisions[whole + 1] - revisions[whole]);
    },
};
