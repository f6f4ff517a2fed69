"""The command line: ``fastmem demo | build | predict | verify | info | report | compare | export | completion``.

Points and labels are read from .npy, .npz (arrays X and y), .csv or .parquet (`fastmem.cli.files`). Errors are one
line on standard error and exit status 1; a wrong use of the command line is exit status 2. With ``--json`` a command
prints one line of JSON in place of text.
"""

import io
import time
import warnings
from typing import get_args

import click
import numpy as np
from click.shell_completion import get_completion_class

import fastmem
from fastmem.api import DEFAULTS
from fastmem.cli.delimited import TableOptions
from fastmem.cli.exporting import export
from fastmem.cli.files import (
    about_file,
    as_json,
    as_text,
    labelled_blocks,
    labels_are_text,
    read_labelled,
    read_points,
    refuse_as_network,
    refuse_other_columns,
    suffix,
)
from fastmem.cli.group import Commands
from fastmem.cli.hints import after_build, after_compare, after_demo, terminal_width
from fastmem.cli.options import (
    DATA,
    DELTA,
    EXISTING,
    FOLDER,
    LABELS,
    OUTPUT,
    column_numbers,
    own_options,
    wants_progress,
    with_json,
    with_label,
    with_progress,
    with_table_options,
    with_threads,
)
from fastmem.cli.predicting import predict
from fastmem.cli.reporting import report
from fastmem.cli.wording import in_options
from fastmem.compare import CONTESTANTS
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data.differing import differing_rows, expected_labels
from fastmem.data.options import Recognise, Separate
from fastmem.data.plain import label_text
from fastmem.errors import RecognitionWarning
from fastmem.machine.disk import write_whole
from fastmem.machine.partners import need
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES
from fastmem.store.filter import MOST_BITS as MOST_FINGERPRINT_BITS

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fastmem.__version__, "-V", "--version", prog_name="fastmem", message="%(prog)s %(version)s")
def main():
    """Construct threshold networks that return the label of every given point, exactly."""


main.add_command(predict)
main.add_command(export)
main.add_command(report)


@main.command()
@click.option("--points", "n", default=100_000, show_default=True, type=click.IntRange(min=2), help="Number of points.")
@click.option("--features", "d", default=8, show_default=True, type=click.IntRange(min=1), help="Dimension.")
@click.option("--classes", default=2, show_default=True, type=click.IntRange(1, 2**31), help="Number of random labels.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of data and network.")
@with_json
@with_threads
@with_progress
def demo(n, d, classes, seed, json, threads, progress):
    """Memorize random points, and show what it took.

    They are points of the unit sphere, and their labels are drawn at random.
    """
    progress = wants_progress(progress)
    X, y = _random_points(n, d, classes, np.random.default_rng(seed))
    if not json:
        where = f"of the unit sphere in R^{d}" if d > 1 else "between -1 and 1"
        click.echo(f"{n:,} random points {where}, labels drawn at random from {classes}")
    net, built = _timed(fastmem.memorize, X, y, random_state=seed, n_threads=threads, progress=progress)
    labels, predicted = _timed(net.predict, X, n_threads=threads)
    report = net.report(fastmem.separation(X, n_threads=threads, progress=progress).delta)
    wrong = int(np.count_nonzero(labels != y))
    if json:
        speed = {"build_seconds": built, "predictions_per_second": n / predicted}
        click.echo(as_json({"n": n, "n_wrong": wrong, **speed, "report": report.to_dict()}))
    else:
        click.echo(report)
        click.echo(f"built and verified in {built:.2f} s; predicted {n / predicted / 1e6:.2f} million points a second")
        click.echo(f"labels returned: {n - wrong:,} of {n:,}")
    if wrong:
        raise click.exceptions.Exit(1)
    if not json:
        after_demo()


def _random_points(n, d, classes, rng):
    """Different points of the unit sphere, which has two in one dimension: there of the segment; and random labels."""
    X = rng.standard_normal((n, d))
    dtype = np.float32 if d > 2 else np.float64  # so many points of a circle have equal ones among them in float32
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(dtype)
    y = rng.integers(0, classes, n)
    return X if d > 1 else rng.permutation(np.linspace(-1, 1, n))[:, None], y


@main.command()
@click.argument("data", type=DATA)
@click.argument("labels", type=LABELS, required=False)
@click.option("-o", "--output", type=OUTPUT, required=True, help="Network file to write (.safetensors).")
@with_label
@click.option("--construction", type=click.Choice(list(CONSTRUCTIONS)), default=DEFAULTS["construction"],
              show_default=True,
              help="How the network is built: the smallest we know, or as a paper's theorem does.")  # fmt: skip
@click.option("--delta", type=DELTA, help="For rajput2021: smallest distance in the unit ball (default: computed).")
@click.option("--option", "construction_options", metavar="NAME=VALUE", multiple=True, callback=own_options,
              help="Option that the construction alone takes, as form=theorem of dirksen2024. May be repeated.",
              )  # fmt: skip
@click.option("--store", type=click.Choice(list(STORES)), default=DEFAULTS["store"], show_default=True,
              help="How labels are kept: in the fewest bits, or the fewest units.")  # fmt: skip
@click.option("--separate", type=click.Choice(get_args(Separate)), default=DEFAULTS["separate"], show_default=True,
              help="Which points get different codes.")  # fmt: skip
@click.option("--effort", type=click.Choice(list(EFFORTS)), default=DEFAULTS["effort"], show_default=True,
              help="How hard to search for few hyperplanes.")  # fmt: skip
@click.option("--columns", callback=column_numbers, default=DEFAULTS["columns"], show_default=True,
              help="Columns of the points that are read: auto, all, or numbers from 0 (3,8-15) or names with commas.",
              )  # fmt: skip
@click.option("--margin", type=click.FloatRange(min=0), default=DEFAULTS["margin"], show_default=True,
              help="Distance that every point keeps from every hyperplane.")  # fmt: skip
@click.option("--fingerprint-bits", type=click.IntRange(0, MOST_FINGERPRINT_BITS), default=DEFAULTS["fingerprint_bits"],
              show_default=True,
              help="Bits a point by which inputs never stored are recognised.")  # fmt: skip
@click.option("--recognise", type=click.Choice(get_args(Recognise)), default=DEFAULTS["recognise"], show_default=True,
              help="With fingerprints: whether what lies in the cell of a point is known, or equal rows alone.",
              )  # fmt: skip
@click.option("--negatives", type=DATA, help="With fingerprints: points that must not be known, as DATA of predict.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed and data give the same network on one machine.")
@click.option("--scratch", type=FOLDER,
              help="Folder for files, to build from more points than memory holds.")  # fmt: skip
@click.option("--resume", type=FOLDER,
              help="With --scratch: folder for a few kilobytes, with which a killed build goes on.")  # fmt: skip
@with_table_options
@with_json
@with_threads
@with_progress
def build(data, labels, output, label, seed, json, threads, progress, negatives, table, **options):
    """Memorize DATA and write the network.

    DATA is a .npy file of points with LABELS another one, a .npz file with arrays X and y, or a .csv or .parquet file
    whose label column (default: the last) is chosen by --label. A folder of .parquet files is one table; .zarr holds
    an array, or a group with arrays X and y.
    """
    refuse_as_network(output)
    blocks = None if options["scratch"] is None else labelled_blocks(data, labels, label, table)
    data_given = (blocks,) if blocks is not None else read_labelled(data, labels, label, options=table)
    memorize = fastmem.memorize if blocks is None else fastmem.from_blocks
    if negatives is not None:
        options["negatives"] = read_points(
            negatives, options=table if suffix(negatives) == suffix(data) else TableOptions()
        )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", RecognitionWarning)
        net, seconds = _timed(
            memorize, *data_given, random_state=seed, n_threads=threads, progress=wants_progress(progress), **options
        )
    for warning in said:
        click.echo(f"Warning: {in_options(str(warning.message))}", err=True)
    net.save(output)
    if json:
        click.echo(as_json({**about_file(output), "build_seconds": seconds, "report": net.report().to_dict()}))
    else:
        click.echo(f"{output}: {net!r}, built and verified in {seconds:.2f} s")
        after_build(output, data, labels, label, table)


@main.command()
@click.argument("network", type=EXISTING)
@click.argument("data", type=DATA)
@click.argument("labels", type=LABELS, required=False)
@with_label
@with_table_options
@with_json
@with_threads
@with_progress
def verify(network, data, labels, label, json, threads, progress, table):
    """Check that NETWORK returns every label of DATA.

    The exit status is 1 if it does not. DATA and LABELS are given as for build.
    """
    net = fastmem.load(network)
    X, y = read_labelled(data, labels, label, text=True, options=table)
    refuse_other_columns(data, X, net.feature_names)
    predicted = net.predict(X, n_threads=threads, progress=wants_progress(progress))
    if (
        labels_are_text(y) and predicted.ndim == 1 and predicted.dtype.kind not in "UOT"
    ):  # text: compare with what `predict` writes
        predicted, y = np.array([as_text(label) for label in predicted], object), np.array(y, object)
    expected = expected_labels(y, predicted)
    wrong = differing_rows(predicted, expected)
    first = int(wrong[0]) if len(wrong) else None
    if json:
        pair = {"predicted": None, "expected": None}
        if len(wrong):
            pair = {"predicted": predicted[first], "expected": expected[first]}
        click.echo(as_json({"n": len(predicted), "n_wrong": len(wrong), "first_wrong_row": first, **pair}))
        if len(wrong):
            raise click.exceptions.Exit(1)
        return
    if len(wrong):
        raise click.ClickException(
            f"{len(wrong):,} of {len(predicted):,} labels differ, the first in row {first}: the network gives "
            f"{label_text(predicted[first])}, the data {label_text(expected[first])}; rows are counted from 0, "
            "without a line of names"
        )
    click.echo(f"all {len(predicted):,} labels returned")


@main.command()
@click.argument("network", type=EXISTING)
@click.option("--delta", type=DELTA, help="Smallest distance in the unit ball.")
@with_json
def info(network, delta, json):
    """Show what NETWORK is made of.

    With --delta, the sizes of the theorem stand beside its own.
    """
    report = fastmem.load(network).report(delta)
    click.echo(as_json(report.to_dict()) if json else report)


_FORMS = {  # of a comparison
    "table": lambda comparison: in_options(comparison.to_text(terminal_width())),
    "json": lambda comparison: as_json(comparison.to_dict()),
    "csv": fastmem.Comparison.to_csv,
    "latex": fastmem.Comparison.to_latex,
}


@main.command()
@click.argument("data", type=DATA)
@click.argument("labels", type=LABELS, required=False)
@with_label
@click.option("--construction", "constructions", multiple=True, type=click.Choice([*{**CONTESTANTS, **CONSTRUCTIONS}]),
              help="Build only this one; may be given several times.")  # fmt: skip
@click.option("--separate", type=click.Choice(get_args(Separate)), default="labels", show_default=True,
              help="Which points must be told apart, by the constructions that take it.")  # fmt: skip
@click.option("--delta", type=DELTA, help="Smallest distance in the unit ball (default: computed).")
@click.option("--format", "form", type=click.Choice(list(_FORMS)),
              help="What to print (default: table; --json is --format json).")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True,
              help="How many networks of each to build, with --seed and what follows it; means are shown.")  # fmt: skip
@click.option("--plot", type=OUTPUT, help="Draw neurons and weights of each to this picture (.png, .svg, .pdf).")
@click.option(
    "--seed", type=click.IntRange(min=0), help="The same seed and data give the same networks on one machine."
)
@with_table_options
@with_json
@with_threads
@with_progress
def compare(
    data, labels, label, constructions, separate, delta, form, seeds, plot, seed, json, threads, progress, table
):
    """Build every construction on DATA, and compare their sizes.

    Each is verified. DATA and LABELS are given as for build.
    """
    if json and form not in (None, "json"):
        raise click.UsageError(f"--json is --format json, and not --format {form}")
    form = "json" if json else form or "table"
    kind = None if plot is None else _kind_of_picture(plot)
    X, y = read_labelled(data, labels, label, options=table)
    comparison = fastmem.compare(
        X,
        y,
        constructions=list(constructions) or None,
        separate=separate,
        delta=delta,
        seeds=seeds,
        random_state=seed,
        n_threads=threads,
        progress=wants_progress(progress),
    )
    click.echo(_FORMS[form](comparison).removesuffix("\n"))
    if plot is not None:
        content = io.BytesIO()
        axes = fastmem.plot.comparison(comparison)
        axes.figure.savefig(content, format=kind, dpi=150)
        write_whole(plot, content.getvalue())
    if form == "table":
        after_compare(plot)


def _kind_of_picture(path):
    """The format that a file's name asks for, before anything is built for it."""
    try:
        matplotlib = need("matplotlib.figure", what="--plot", extra="plot")
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    kind, kinds = suffix(path).removeprefix("."), matplotlib.Figure().canvas.get_supported_filetypes()
    if kind not in kinds:
        raise click.UsageError(f"{path}: pictures are written as {', '.join(kinds)}")
    return kind


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell):
    """Print a script that makes SHELL complete commands of fastmem.

    It completes options and names of files too.

    \b
    Where it goes:
    bash: ~/.local/share/bash-completion/completions/fastmem
    zsh:  a file that ~/.zshrc sources after compinit
    fish: ~/.config/fish/completions/fastmem.fish
    """  # noqa: D301 - \b keeps the lines
    complete = get_completion_class(shell)(main, {}, "fastmem", "_FASTMEM_COMPLETE")
    click.echo(complete.source(), nl=False)


def _timed(function, *args, **kwargs):
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start
