"""Packages that fastmem works with and that the test extra does not install.

Tests that need one are marked ``@pytest.mark.partner`` and get it from `partner`. Without it they are skipped;
``FASTMEM_PARTNERS=required pytest -m partner`` runs exactly these tests, and fails where a package is missing.
"""

import importlib
import os

import pytest


def partner(name):
    """Import a package by name; where it is not installed, skip the test, or fail it if partners are required."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:  # it is there, but broken
            raise
    missing(f"{name} is not installed")


def missing(reason):
    """Skip the test for what the machine lacks, or fail it if partners are required."""
    if os.environ.get("FASTMEM_PARTNERS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
