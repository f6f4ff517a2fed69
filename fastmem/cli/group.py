"""What all commands of the command line have in common: how they fail, and the examples at the end of their help."""

import click

from fastmem.cli.examples import EXAMPLES, START
from fastmem.cli.wording import in_options
from fastmem.errors import FastmemError

__all__ = ["Command", "Commands"]


class Command(click.Command):
    """Command whose expected errors are one line and exit status 1, and whose help ends with examples."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click ends quietly: nobody reads what is printed
            raise
        except (FastmemError, ImportError, OSError, MemoryError, UnicodeEncodeError) as error:
            raise click.ClickException(in_options(error)) from error

    def format_epilog(self, ctx, formatter):
        """Write the examples."""
        _write_lines(formatter, "Examples", EXAMPLES[self.name])


class Commands(click.Group):
    """Commands, with the first that somebody new may type."""

    command_class = Command

    def format_epilog(self, ctx, formatter):
        """Write where to start."""
        _write_lines(formatter, "Start here", START)


def _write_lines(formatter, heading, lines):
    """Lines as they are, since one that is wrapped cannot be copied."""
    with formatter.section(heading):
        for line in lines:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
