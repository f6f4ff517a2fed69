"""Writes the networks of version 1 that lie here, each with points and what Python prints of the labels they get.

They are read by every later version (tests/network/test_format.py), so they are never written again: what this shows is
how they were made. A file that is there is left as it is.

    cd tests && python -m files.make
"""

import json
from pathlib import Path

import numpy as np

import fastmem

FOLDER = Path(__file__).parent


def points(n, d, seed):
    """Memorized points and as many others, with coordinates that are short in JSON."""
    rng = np.random.default_rng(seed)
    memorized = np.unique(np.round(16 * rng.standard_normal((n, d))) / 16, axis=0)
    return memorized, np.round(16 * rng.standard_normal((n // 2, d))) / 16


def network(n, d, classes, **options):
    """A network, and points to ask it about."""
    X, others = points(n, d, n)
    y = np.random.default_rng(d).choice(len(classes), len(X), p=options.pop("shares", None))
    net = fastmem.memorize(X, np.asarray(classes)[y], random_state=0, **options)
    return net, np.concatenate([X, others])


def line(n, run, **options):
    """The same on the line, where labels change after each `run` points, so that there are many hyperplanes."""
    X = np.arange(float(n))[:, None]
    net = fastmem.memorize(X, np.arange(n) // run % 3, random_state=0, **options)
    return net, np.concatenate([X, X[: n // 4] + 0.25])


def given():
    """Layers of a user."""
    layers = [([[1, 0.5], [1, 1], [-1, 0.25]], [1, 2, 0]), ([[1, -1, 0], [0, 3, 0.5]], [1, 0.5])]
    return fastmem.Network.from_layers(layers, ["north", "east", "south", "west"]), points(30, 2, 0)[1]


def objects():
    """Labels of several types."""
    labels = np.empty(6, object)
    labels[:] = [None, True, 7, 0.5, "seven", "Zürich"]
    return network(24, 2, labels, store="integer")


SAVED = {
    "integer": lambda: network(60, 3, ["red", "green", "blue"], store="integer"),
    "integer_linear_code": lambda: line(90, 1, store="integer"),
    "integer_fingerprints": lambda: network(60, 3, [1, 2], store="integer", fingerprint_bits=6, separate="all"),
    "integer_objects": objects,
    "binary": lambda: network(120, 3, [10, 20, 30]),
    "binary_linear_code": lambda: line(400, 5),
    "binary_words": lambda: network(400, 6, list("abcdef"), shares=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]),
    "binary_filter": lambda: network(
        700, 6, list("abcdef"), shares=[0.5, 0.25, 0.2, 0.03, 0.01, 0.01], separate="all", fingerprint_bits=3
    ),
    "binary_two_filters": lambda: network(8000, 8, [-1, 0, 1], shares=[0.9, 0.09, 0.01]),
    "one_class": lambda: network(20, 2, ["only"]),
    "rajput2021": lambda: network(8, 3, [1.5, -0.0, 2.5], construction="rajput2021"),
    "baum1988": lambda: network(30, 5, [b"x", b"yz"], construction="baum1988"),
    "given": given,
}


def main():
    """Write what is missing."""
    for name, make in SAVED.items():
        path = FOLDER / f"{name}.safetensors"
        if path.exists():
            print(f"{path.name} is there")
            continue
        net, X = make()
        X = X[:: -(-len(X) // 200)]
        net.save(path)
        expected = {"X": X.tolist(), "labels": list(map(repr, net.predict(X).tolist()))}
        if net.fingerprint_bits:
            expected["known"] = net.contains(X).tolist()
        path.with_suffix(".json").write_text(json.dumps(expected) + "\n", encoding="ascii", newline="\n")
        print(f"{path.name}: {net!r}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
