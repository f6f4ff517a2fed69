"""The command ``fastmem predict``: labels of points, block by block."""

import math

import click

import fastmem
from fastmem.cli.appending import refuse_other_files, writing_table
from fastmem.cli.files import (
    about_file,
    as_json,
    is_table,
    read_points,
    read_points_of_table,
    refuse_as_output,
    refuse_more_columns,
    suffix,
    writing_labels,
)
from fastmem.cli.group import Command
from fastmem.cli.options import (
    DATA,
    EXISTING,
    OUTPUT,
    wants_progress,
    with_json,
    with_progress,
    with_table_options,
    with_threads,
)
from fastmem.data.as_points import as_points
from fastmem.data.columns import in_order, names_of
from fastmem.machine.progress import progress_bar
from fastmem.network.near_codes import MAX_PROBES

__all__ = ["predict"]

# Rows and bytes predicted at a time at most, of points as of labels: enough for many threads.
_BLOCK_ROWS, _BLOCK_BYTES = 2**19, 2**27


def _name(context, parameter, text):
    """The name of a column."""
    if text is not None and not text.strip():
        raise click.BadParameter("it is the name of a column")
    return text


@click.command(cls=Command)
@click.argument("network", type=EXISTING)
@click.argument("data", type=DATA)
@click.option("-o", "--output", type=OUTPUT, help="Where to write labels, .npy or text (default: standard output).")
@click.option("--unknown", metavar="LABEL", help="What points get that were never stored (needs fingerprints).")
@click.option("--tolerance", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="Distance by which unknown points may have crossed hyperplanes.")  # fmt: skip
@click.option("--max-probes", type=click.IntRange(min=1),
              help=f"Codes that --tolerance tries for a point at most.  [default: {MAX_PROBES}]")  # fmt: skip
@click.option("--label", metavar="COLUMN", help="Column of a .csv or .parquet file to leave out, by name or number.")
@click.option("--append", metavar="NAME", callback=_name,
              help="Write the table that DATA is, with the labels as one more column of this name.",
              )  # fmt: skip
@click.option("--keep", multiple=True, metavar="COLUMN",
              help="Column of a table to write before each label, as an id; it is not part of the points. Repeatable.",
              )  # fmt: skip
@with_table_options
@with_json
@with_threads
@with_progress
def predict(network, data, output, unknown, tolerance, max_probes, label, append, json, threads, progress, table):
    """Print the labels that NETWORK gives to the points in DATA.

    Each is a line of its own, or with --json an entry of one array. Labels of several values are written with commas
    between them.

    DATA holds points only, but for columns that --label, --drop and --keep name: .npy, .npz with an array X, .csv or
    .parquet. A .npy file and the labels may be larger than memory: they are read and written block by block. An output
    file is written whole or not at all, and with --json described; standard output ends early, with exit status 1,
    where a row is wrong.

    With --append or --keep, rows of the table are written with their labels, a text table as it stands.
    """
    takes_rows = append is not None or bool(table.keep)
    is_whole = takes_rows and not table.keep and not data.is_dir()  # then data may become itself with one more column
    refuse_as_output(output, network, None if is_whole else data)
    if takes_rows:
        refuse_other_files(data, output, json)
    elif output is not None and suffix(output) in (".npz", ".safetensors", ".parquet"):
        raise click.UsageError(f"{output}: labels are written as .npy or as text, one a line")
    net = fastmem.load(network)
    options = _options_to_know(net, unknown, tolerance, max_probes)
    rows = None
    if takes_rows:
        X, rows = read_points_of_table(data, label, table, net.feature_names)
    else:
        X = read_points(data, label, table, net.feature_names)
    if is_table(data) and (net.feature_names is None or names_of(X) is None):
        refuse_more_columns(data, X, net.n_features_in)
    net, X = _matched(net, X, bool(options))
    points = as_points(X, net.n_features_in, empty=True, names=net.feature_names)
    empty = net.predict(points.array[:0], **options)
    if rows is None:
        writing = writing_labels(output, empty, points.n, json_array=json)
    else:
        writing = writing_table(output, rows, empty, append, table.keep)
    with writing as write:
        for labels in _predicted(net, points, empty, wants_progress(progress), n_threads=threads, **options):
            write(labels)
    if json and output is not None:
        click.echo(as_json({**about_file(output), "n": points.n, "dtype": str(empty.dtype)}))


def _options_to_know(net, unknown, tolerance, max_probes):
    """Options of `Network.predict` that take fingerprints, if any was given."""
    options = {} if unknown is None else {"unknown": _as_label(unknown, net.classes.dtype)}
    if max_probes is not None and not tolerance:
        raise click.UsageError("--max-probes is how many codes --tolerance tries, and nothing without it")
    if tolerance:
        options |= {"tolerance": tolerance} | ({} if max_probes is None else {"max_probes": max_probes})
    if options and not net.fingerprint_bits:
        raise click.ClickException(
            "--unknown and --tolerance need fingerprints: build the network with --fingerprint-bits 16, say, and "
            "--construction compact"
        )
    return options


def _matched(net, X, to_know):
    """A network and points of the columns that it reads, which are enough, if both have names."""
    if names_of(X) is None or net.feature_names is None:
        return net, X
    if not to_know:
        return net.without_fingerprints().on_columns(), in_order(X, net.feature_names, net.columns.tolist())
    X = in_order(X, net.feature_names, net.columns_to_know.tolist())
    return net if len(net.columns_to_know) == net.n_features_in else net.on_columns(), X


def _predicted(net, points, empty, progress, **options):
    """Labels of the points, block by block."""
    row_bytes = max(points.array.itemsize * points.d, empty.itemsize * math.prod(empty.shape[1:]))
    size = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // max(row_bytes, 1)))
    with progress_bar(progress, points.n, "predicting") as bar:
        for start in range(0, points.n, size):
            stop = min(start + size, points.n)
            try:
                labels = net.predict(points.array[start:stop], **options)
            except fastmem.InvalidInput:
                points.check_finite(start, stop)  # names the row of the whole
                raise
            bar.update(stop - start)
            yield labels


def _as_label(text, dtype):
    """A label given as text: a number where labels are numbers that it can stand among, else the text."""
    if dtype.kind == "S":
        return text.encode()
    if dtype.kind in "biufc":
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    return text
