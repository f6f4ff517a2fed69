"""The command line."""

from fastmem.cli.commands import main

__all__ = ["main"]
