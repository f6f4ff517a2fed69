"""The command ``fastmem report``: a page about one network."""

import click
import numpy as np

import fastmem
from fastmem.cli.files import (
    about_file,
    as_json,
    as_text,
    has_labels,
    labels_are_text,
    read_labelled,
    read_points,
    refuse_as_output,
    refuse_as_page,
    refuse_other_columns,
)
from fastmem.cli.group import Command
from fastmem.cli.options import (
    DATA,
    DELTA,
    EXISTING,
    LABELS,
    OUTPUT,
    with_json,
    with_label,
    with_table_options,
    with_threads,
)

__all__ = ["report"]


@click.command(cls=Command)
@click.argument("network", type=EXISTING)
@click.option("-o", "--output", type=OUTPUT, required=True, help="Page to write (.html).")
@click.option("--data", type=DATA, help="Points to ask the network about, as DATA of build or of predict.")
@click.option("--labels", type=LABELS, help="Their labels, if they are in a file of their own.")
@with_label
@click.option("--delta", type=DELTA, help="Smallest distance in the unit ball, for the sizes of theorems.")
@click.option("--title", help="Heading of the page (default: how many points were memorized).")
@click.option("--date", help="What stands above it; the page names no day of its own.")
@with_table_options
@with_json
@with_threads
def report(network, output, data, labels, label, delta, title, date, json, threads, table):
    """Write a page about NETWORK: one file of HTML.

    It loads nothing from anywhere. It shows the layers, the bytes by part, and all numbers; with --delta what theorems
    say; with --data how far points may move, and the cells of points of the plane; and how many of them get their
    label, if labels come with them.
    """
    if data is None and (labels, label) != (None, None):
        raise click.UsageError("--labels and --label are about the points of --data")
    refuse_as_page(output)
    refuse_as_output(output, network, data, labels)
    net = fastmem.load(network)
    X, y = (None, None) if data is None else _points_and_labels(net, data, labels, label, table)
    built = net.report(delta)
    built.to_html(output, X, y, title=title, date=date, n_threads=threads)
    if json:
        click.echo(as_json({**about_file(output), "report": built.to_dict()}))
    else:
        click.echo(f"{output}: a page, {output.stat().st_size:,} bytes")


def _points_and_labels(net, data, labels, label, table):
    """Points of a file, and the labels that come with them or None: those of text as the network has them."""
    if labels is None and label is None and not has_labels(data):
        return read_points(data, None, table, net.feature_names), None
    X, y = read_labelled(data, labels, label, text=True, options=table)
    refuse_other_columns(data, X, net.feature_names)
    if labels_are_text(y) and net.classes.ndim == 1 and net.classes.dtype.kind not in "UOT":
        classes = {as_text(value): value for value in net.classes}
        other = next((text for text in y if text not in classes), None)
        if other is not None:
            raise fastmem.InvalidInput(f"{data}: {other!r:.100} is no label of the network: is --label that column?")
        y = np.array([classes[text] for text in y], net.classes.dtype)
    return X, y
