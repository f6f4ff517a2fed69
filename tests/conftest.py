"""As many workers as cores, and none for tests that are named one by one."""

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """None, where workers take longer to start than the tests; in a debugger pytest-xdist takes none by itself."""
    return 0 if any("::" in argument for argument in config.args) else None
