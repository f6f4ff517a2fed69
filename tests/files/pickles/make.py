"""Writes pickles of version 0.1 of all that it pickles, each with what is said of it, to be read by later versions.

They are never written again: what this shows is how they were made, by commit b9e9f36, whose modules had other names.
A file that is there is left as it is.

    cd tests && python -m files.pickles.make
"""

import json
import pickle
import tempfile
from pathlib import Path

import numpy as np

import fastmem
from fastmem.theory import instances, scaling

FOLDER = Path(__file__).parent


def data():
    """Points and labels of three classes."""
    rng = np.random.default_rng(0)
    return np.round(16 * rng.standard_normal((60, 3))) / 16, rng.choice(["red", "green", "blue"], 60)


def size_of_c(net):
    """What `to_c` returns."""
    with tempfile.TemporaryDirectory() as folder:
        return net.to_c(Path(folder, "net.c"), output="index", dtype="float64")


def objects():
    """All that is pickled, by name."""
    from fastmem.estimator import MemorizingClassifier
    from fastmem.points import Points
    from fastmem.validation import as_labels

    from fastmem.constructions.rajput2021 import bound

    X, y = data()
    net = fastmem.memorize(X, y, separate="all", fingerprint_bits=8, random_state=0)
    baum = fastmem.memorize(X, y, construction="baum1988", random_state=0)
    circle = instances.circle(20)
    numbers = np.arange(1.0, 6)
    yield from {
        "encoded": net,
        "layered": baum,
        "theorem": fastmem.memorize(X[:8], y[:8], construction="rajput2021", random_state=0),
        "estimator": MemorizingClassifier(random_state=0).fit(X, y),
        "linear_code": net.encoder.code,
        "integer_store": fastmem.memorize(X, y, store="integer", random_state=0).store,
        "layer": net.layers[1],
        "points": Points(X),
        "labels": as_labels(y, len(y)),
        "report": net.report(0.1),
        "comparison": fastmem.compare(X, y, constructions=["compact/binary", "baum1988"], delta=0.01, random_state=0),
        "bounds": fastmem.bounds(100, 3, 0.1),
        "size": bound(100, 3, 0.1),
        "size_of_c": size_of_c(net),
        "separation": fastmem.separation(X),
        "instance": circle,
        "power_law": scaling.power_law(numbers, 3 * numbers**2),
        "InvalidInput": fastmem.InvalidInput("what is wrong"),
        "ContradictoryLabels": fastmem.ContradictoryLabels("equal rows", [(0, 1)]),
        "FormatError": fastmem.FormatError("what is wrong"),
        "MemorizationError": fastmem.MemorizationError("wrong rows", [1, 2]),
        "MarginTooSmall": fastmem.MarginTooSmall("near rows", [3]),
        "NetworkTooLarge": fastmem.NetworkTooLarge("too large", 10, 20),
        "NotInGeneralPosition": fastmem.NotInGeneralPosition("on a hyperplane", [1], [2, 3]),
    }.items()


def said(thing):
    """What JSON holds of an object: its text, and the numbers in its attributes and arrays."""
    X, _ = data()
    parts = {"type": type(thing).__name__}
    if isinstance(thing, BaseException):
        return json.loads(json.dumps(parts | {"text": str(thing), "attributes": vars(thing)}))
    if hasattr(thing, "predict"):
        parts["labels"] = list(thing.predict(X))
    if type(thing).__name__ in ("Report", "Comparison", "Bounds", "EncodedNetwork", "LayeredNetwork", "PowerLaw"):
        parts["text"] = str(thing)
    for name in ("weights", "thresholds", "columns", "starts", "run_classes", "X", "y", "indices", "array"):
        value = getattr(thing, name, None)
        if hasattr(value, "toarray"):
            value = value.toarray()
        if isinstance(value, np.ndarray):
            parts[name] = value.tolist()
    if isinstance(thing, tuple):
        parts["values"] = [str(value) for value in thing]
    return json.loads(json.dumps(parts, default=str))


def main():
    """Write what is missing."""
    for name, thing in objects():
        path = FOLDER / f"{name}.pickle"
        if path.exists():
            print(f"{path.name} is there")
            continue
        path.write_bytes(pickle.dumps(thing, protocol=4))
        path.with_suffix(".json").write_text(json.dumps(said(thing)) + "\n", encoding="ascii", newline="\n")
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
