"""A build whose driver ends goes on where it was, and gives the same file."""

import numpy as np
import pytest
from support.partitioned import in_partitions, tiny

import fastmem
from fastmem.distributed.build import Build


class Killed(BaseException):
    """The driver's death."""


def points(n=900, d=12):
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, d)), rng.integers(0, 3, n)


@pytest.mark.parametrize("separate", ["labels", "all"])
@pytest.mark.parametrize("passes", [1, 2, 3, 4])
def test_a_build_goes_on_after_any_pass(passes, separate, monkeypatch, tmp_path):
    tiny(monkeypatch)
    X, y = points()
    expected = in_partitions(X, y, separate=separate)
    extend, counted = Build._extend, []

    def dying(self, *hyperplanes):
        counted.append(None)
        if len(counted) > passes:
            raise Killed
        extend(self, *hyperplanes)

    with monkeypatch.context() as patched:
        patched.setattr(Build, "_extend", dying)
        with pytest.raises(Killed):
            in_partitions(X, y, separate=separate, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    counted = []
    with monkeypatch.context() as patched:
        patched.setattr(Build, "_first", lambda self: pytest.fail("it begins anew"))
        net = in_partitions(X, y, separate=separate, resume=tmp_path, rows=77, n_threads=2)
    assert net.to_bytes() == expected.to_bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_other_data_is_refused(monkeypatch, tmp_path):
    tiny(monkeypatch)
    X, y = points()
    with monkeypatch.context() as patched:
        patched.setattr(Build, "_finish", lambda self: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            in_partitions(X, y, resume=tmp_path)
    for other in ((X[1:], y[1:]), (X, y + 1)):
        with pytest.raises(fastmem.InvalidInput, match="of other points, labels or options: remove it"):
            in_partitions(*other, resume=tmp_path)
    (state,) = tmp_path.iterdir()
    state.write_bytes(b"no state")
    with pytest.raises(fastmem.InvalidInput, match="is no state of a build: remove it"):
        in_partitions(X, y, resume=tmp_path)
    state.unlink()
    assert in_partitions(X, y, resume=tmp_path) == in_partitions(X, y)


def test_a_build_in_memory_has_no_state(tmp_path):
    X, y = points()
    with pytest.raises(fastmem.InvalidInput, match="is for builds in partitions"):
        fastmem.memorize(X, y, resume=tmp_path)
    with pytest.raises(fastmem.InvalidInput, match="which is no folder"):
        fastmem.memorize(X, y, scratch=tmp_path, resume=tmp_path / "none")
