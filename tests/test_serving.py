"""What serves needs little: NumPy and safetensors beside the package, and none of its other dependencies."""

import json
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import fastmem

SERVE = """
import json, sys
import numpy as np
import fastmem
net, X = fastmem.load("net"), np.load("X.npy")
nearby = net.predict(X + 1e-6, unknown=-1, tolerance=1e-3)
print(json.dumps([
    net.predict(X).tolist(), net.contains(X).tolist(), net.predict(100 * X, unknown=-1).tolist(), nearby.tolist(),
    net.codes(X).tolist(), net.certified_radius(X).tolist(),
    sorted(set(sys.modules) & {"scipy", "click", "tqdm", "threadpoolctl"}),
]))
"""


def folders(package):
    """The folders of an installed package: its own, and the one with the libraries that its wheel brings."""
    folder = Path(find_spec(package).origin).parent
    return [path for path in (folder, folder.with_name(f"{package}.libs")) if path.exists()]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment that holds the package, NumPy and safetensors alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    (site,) = folder.rglob("site-packages")
    for path in [path for package in ("numpy", "safetensors", "fastmem") for path in folders(package)]:
        (site / path.name).symlink_to(path, target_is_directory=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two networks and their points."""
    folder = tmp_path_factory.mktemp("served")
    X = np.random.default_rng(0).normal(size=(300, 5))
    y = np.arange(300) % 3
    np.save(folder / "X.npy", X)
    fastmem.memorize(X, y, separate="all", fingerprint_bits=12, random_state=0).save(folder / "net")
    fastmem.memorize(X, y, construction="baum1988", random_state=0).save(folder / "baum")
    return folder


def run(python, folder, program):
    return subprocess.run([python, "-P", "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def test_networks_are_loaded_and_asked_with_numpy_and_safetensors_alone(python, folder):
    result = run(python, folder, SERVE)
    assert result.returncode == 0, result.stderr
    here = run(sys.executable, folder, SERVE)
    labels, known, others, nearby, *_, loaded = answers = json.loads(result.stdout)
    assert answers[:-1] == json.loads(here.stdout)[:-1]
    assert labels == nearby == (np.arange(300) % 3).tolist()
    assert all(known)
    assert -1 in others
    assert loaded == []


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("fastmem.memorize([[0], [1]], [0, 1])", "memorize needs threadpoolctl, which is not installed"),
        ("fastmem.load('net').predict(np.load('X.npy'), progress=True)", "progress=True needs tqdm, which is not"),
        ("fastmem.separation(np.eye(3))", "separation needs scipy, which is not installed: pip install fastmem-nn"),
        (
            "fastmem.load('net').layers",
            "what is read from the layers of a network needs scipy, which is not installed: pip install fastmem-nn",
        ),
        (
            "fastmem.load('baum')",
            "what is read from the layers of a network needs scipy, which is not installed: pip install fastmem-nn",
        ),
    ],
)
def test_what_needs_more_says_what_it_needs(python, folder, program, message):
    result = run(python, folder, f"import numpy as np, fastmem\n{program}")
    assert result.returncode == 1
    assert message in result.stderr.splitlines()[-1]


def test_the_command_without_its_packages_is_one_line(python, folder):
    result = subprocess.run([python, "-P", "-m", "fastmem", "demo"], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == "Error: the command fastmem needs click, which is not installed: pip install fastmem-nn\n"
