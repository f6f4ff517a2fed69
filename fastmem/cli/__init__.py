"""The command line."""

from fastmem.machine.partners import need

try:
    need("click", what="the command fastmem")
except ImportError as error:
    _MISSING = f"Error: {error}"

    def main():
        """End with one line: the command cannot run."""
        raise SystemExit(_MISSING)

else:
    from fastmem.cli.commands import main

__all__ = ["main"]
