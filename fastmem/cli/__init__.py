"""The command line."""

from fastmem.machine.partners import need

need("click", what="the command fastmem")

from fastmem.cli.commands import main  # noqa: E402

__all__ = ["main"]
