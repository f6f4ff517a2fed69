"""Packages that fastmem works with and does not install: imported where needed, or named with what installs them."""

import importlib

__all__ = ["DISTRIBUTION", "missing", "need"]

DISTRIBUTION = "fastmem-nn"
"""Under which the package is installed; it is imported as fastmem."""


def missing(what, package, extra=None):
    """The ImportError that says that something needs a package, and what installs it.

    Parameters
    ----------
    what : str
        What needs it, as the user calls it: a method, an option.
    package : str
        As people call it, with the least version where that matters.
    extra : str, optional
        The extra that brings it; without, it comes with the package itself, unless that was installed without.
    """
    command = f'pip install "{DISTRIBUTION}[{extra}]"' if extra else f"pip install {DISTRIBUTION}"
    return ImportError(f"{what} needs {package}, which is not installed: {command}")


def need(module, *, what, extra=None, package=None):
    """Import a module of a package that may be missing.

    Parameters
    ----------
    module, what, extra : str
        What to import, and as for `missing`.
    package : str, optional
        By default the first part of the module's name.

    Raises
    ------
    ImportError
        It is not installed, or it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != top:  # it is there, but broken
            raise
        raise missing(what, package or top, extra) from error
