"""The command ``fastmem export``: a network for another runtime."""

from typing import get_args

import click

import fastmem
from fastmem.cli.files import about_file, as_json, read_points, refuse_as_output, suffix
from fastmem.cli.group import Command
from fastmem.cli.hints import after_export
from fastmem.cli.options import EXISTING, OUTPUT, with_json, with_table_options
from fastmem.data.options import Form, Output
from fastmem.machine.disk import writing_whole

__all__ = ["export"]

_RUNTIMES = {".onnx": "onnx", ".pt2": "torch", ".c": "c", ".js": "js", ".mjs": "js"}  # by the end of a file's name


@click.command(cls=Command)
@click.argument("network", type=EXISTING)
@click.option("--to", "runtime", type=click.Choice(["onnx", "torch", "c", "js"]),
              help="What to write (default: what the file's name ends with).")  # fmt: skip
@click.option("-o", "--output", type=OUTPUT, required=True,
              help="File to write: .onnx, .pt2 of torch.export, .c, or .js or .mjs.")  # fmt: skip
@click.option("--form", type=click.Choice(get_args(Form)),
              help="Look labels up, as predict does, or evaluate every unit of the layers, which js does not "
              "(default: lookup, if the network has codes).")  # fmt: skip
@click.option("--dtype", type=click.Choice(["float64", "float32"]),
              help="Dtype of the points that it takes (default: float32 for c and js, else float64).")  # fmt: skip
@click.option("--returns", type=click.Choice(get_args(Output)), default="label", show_default=True,
              help="Return labels or their positions among the classes.")  # fmt: skip
@click.option("--data", type=EXISTING, help="The memorized points, of which each is checked in the export.")
@click.option("--label", metavar="COLUMN", help="Column of a .csv or .parquet file of points to leave out.")
@click.option("--unsafe", is_flag=True, help="Go on although rounding may change the labels of some points.")
@with_table_options
@with_json
def export(network, runtime, output, form, dtype, returns, data, label, unsafe, json, table):
    """Write NETWORK for ONNX, PyTorch, C or JavaScript.

    The end of the name of the file says for which, unless --to does.
    """
    if label is not None and data is None:
        raise click.UsageError("--label chooses a column of --data")
    runtime = runtime or _RUNTIMES.get(suffix(output))
    if runtime is None:
        raise click.UsageError(f"{output}: say with --to what to write, or end the name with {', '.join(_RUNTIMES)}")
    if runtime == "js" and form == "layers":
        raise click.UsageError("--form layers is not for --to js, which looks labels up")
    refuse_as_output(output, network, data)
    net = fastmem.load(network)
    X = None if data is None else read_points(data, label, table, net.feature_names)
    options = {"output": returns, "unsafe": unsafe, "X": X}
    if dtype is not None:
        options["dtype"] = dtype
    if runtime != "js":
        options["form"] = form
    report = _export(net, runtime, output, dtype or "float64", options)
    written = {**about_file(output), "format": runtime}
    if json:
        click.echo(as_json(written if report is None else {**written, "report": report.to_dict()}))
        return
    if report is not None:
        click.echo(report)
    click.echo(f"{output}: {runtime}, {written['bytes']:,} bytes")
    after_export(runtime, output)


def _export(net, runtime, path, dtype, options):
    """Write a network for another runtime; what `Network.to_c` reports."""
    if runtime == "c":
        return net.to_c(path, **options)
    if runtime == "js":
        return net.to_js(path, **options)
    if runtime == "onnx":
        return net.to_onnx(path, **options)
    return _save_program(net.to_torch(**options), net.n_features_in, dtype, path)


def _save_program(module, d, dtype, path):
    """Write a PyTorch module as a program for any number of points."""
    import torch

    example = torch.zeros((2, d), dtype=getattr(torch, dtype))
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")},))
    with writing_whole(path) as file:
        torch.export.save(program, file)
