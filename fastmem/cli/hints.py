"""What a command adds for people, where standard output is a terminal: what to do next, on standard error.

Where a file or another program takes what a command prints, nothing is said, and no table is folded.
"""

import shlex
import shutil
import sys

import click

__all__ = ["after_build", "after_compare", "after_demo", "after_export", "terminal_width"]

_USES = {
    "onnx": "in Python, onnxruntime.InferenceSession({!r}) loads it",
    "torch": "in Python, torch.export.load({!r}).module() is the module",
    "c": "cc -O2 -c {} compiles it; its first lines say how it is called",
    "js": "import {{ predict }} from {!r} in a module of JavaScript",
}


def after_demo():
    """Say how to build from files of one's own."""
    _say("fastmem build data.csv -o net.safetensors", "of your own points, with their labels in the last column")


def after_build(network, data, labels, label, table):
    """Say what a network can be asked; `data` and what follows it are arguments that it was built with."""
    again = "DATA" if str(data) == "-" else " ".join([_quoted(data), *_words(labels, label, table)])
    network = _quoted(network)
    _say(
        f"fastmem predict {network} DATA",
        f"fastmem verify {network} {again}",
        f"fastmem report {network} --data DATA -o page.html",
    )


def after_export(runtime, path):
    """Say what compiles or loads a file."""
    if runtime == "c":
        path = _quoted(path)
    _say(_USES[runtime].format(f"./{path}" if runtime == "js" and not path.is_absolute() else str(path)))


def after_compare(plot):
    """Say how else to look at a table, unless it is drawn already."""
    forms = "--format csv, latex or json prints it for other programs"
    _say(*([] if plot else ["--plot sizes.png draws it"]), forms)


def terminal_width():
    """Columns of the terminal that standard output is; None of anything else."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _words(labels, label, table):
    """Arguments and options by which the same points and labels are read again."""
    words = [] if labels is None else [_quoted(labels)]
    if label is not None:
        words += ["--label", _quoted(label)]
    if table.header is not None:
        words.append("--header" if table.header else "--no-header")
    if table.delimiter is not None:
        words += ["--delimiter", "tab" if table.delimiter == "\t" else _quoted(table.delimiter)]
    if table.decimal != ".":
        words += ["--decimal", table.decimal]
    for name in ("use", "drop"):
        words += [word for column in getattr(table, name) for word in (f"--{name}", _quoted(column))]
    return words


def _quoted(word):
    """A word as a shell takes it."""
    return shlex.quote(str(word))


def _say(*lines):
    if sys.stdout.isatty():
        click.echo("\n".join(f"{'      ' if i else 'Next: '}{line}" for i, line in enumerate(lines)), err=True)
