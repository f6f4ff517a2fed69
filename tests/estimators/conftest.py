"""Models are fitted on one thread: those of BLAS wait for each other where all cores are busy with tests."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield
