"""What is common to all commands of the command line: how they fail."""

import click

from fastmem.cli.wording import in_options
from fastmem.errors import FastmemError

__all__ = ["Command"]


class Command(click.Command):
    """Command whose expected errors are one line and exit status 1."""

    def invoke(self, ctx):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click ends quietly: nobody reads what is printed
            raise
        except (FastmemError, ImportError, OSError, MemoryError, UnicodeEncodeError) as error:
            raise click.ClickException(in_options(error)) from error
