"""Files attacked: whatever the bytes, `load` returns a network that is safe to use, or raises `FormatError`.

Promised: a file that was damaged is refused, or is still the network that was saved. A file that somebody changed and
sealed with a checksum of its own is refused, or is another network that keeps the contract: `predict` and `forward`
agree, nothing is read out of bounds, all that a user asks of it is answered, and saving it gives an equal network.
With the file mapped, `load` gives an equal network or the same error. Neither crashes, hangs or takes memory that the
file does not hold.

Attacked by changing saved networks of every kind at random: bytes, JSON and entries of tensors as they are; tensors,
settings and labels also with the checksum computed again, so that what is tested is the reader's own checks. Every case
runs in a child process with a limit on its memory and on its time; where it dies, the next one goes on.

    cd tests && python -m reliability.files --cases 100000 --seed 0
    cd tests && python -m reliability.files --only 1234 --seed 0    # one case again
"""

import argparse
import collections
import contextlib
import copy
import faulthandler
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from support.saved import (
    INTEGER,
    LABELS,
    changed_at_random,
    columns_network,
    huffman_network,
    named_network,
    on_the_line,
    parted_columns_network,
    random_network,
    raw_safetensors,
    read_parts,
    rows_of_labels_network,
    sealed,
    texts_network,
    theorem_network,
    uneven_network,
)

import fastmem
from fastmem import FormatError

SECONDS = 5  # of processor time for one file of some kilobytes
WAITING = 120  # seconds, however busy the machine is
MEMORY = 512 * 2**20  # bytes beyond what the process has when it starts
MOST_FAULTS = 20


def given_network():
    """Two layers of a user, with weights of several sizes."""
    layers = [([[1, 0.5], [1, 1], [-1, 0.25]], [1, 2, 0]), ([[1, -1, 0], [0, 3, 0.5]], [1, 0.5])]
    return fastmem.Network.from_layers(layers, ["a", "b", "c", "d"])


def of_labels(name):
    """A small network with labels of one dtype."""
    values = LABELS[name]
    return random_network(n=20, y=values[np.arange(20) % len(values)], store="integer")


NETWORKS = {
    "integer": lambda: random_network(n=30, **INTEGER),
    "integer, 50 hyperplanes": lambda: on_the_line(50, 1, **INTEGER),
    "integer, linear code": lambda: on_the_line(80, 1, **INTEGER),
    "integer, fingerprints": lambda: random_network(n=30, fingerprint_bits=8, **INTEGER),
    "integer, one class": lambda: random_network(n=30, y=np.full(30, "a"), **INTEGER),
    "integer, one point": lambda: fastmem.memorize([[1.0, 2.0]], [5], **INTEGER),
    "binary": random_network,
    "binary, linear code": lambda: on_the_line(600, 3),
    "binary, words of several lengths": huffman_network,
    "binary, filter and fingerprints": lambda: uneven_network(
        [0.5, 0.25, 0.2, 0.03, 0.01, 0.01], n=1000, separate="all", fingerprint_bits=3
    ),
    "binary, two filters": lambda: uneven_network([0.9, 0.09, 0.01], n=8000),
    "binary, one class": lambda: random_network(n=30, y=np.ones(30)),
    "binary, one point": lambda: fastmem.memorize([[1.0, 2.0]], [5]),
    "binary, fingerprints of one class": lambda: random_network(n=30, y=np.ones(30), fingerprint_bits=8),
    "binary, fingerprints of one point": lambda: fastmem.memorize([[1.0, 2.0]], [5], fingerprint_bits=4),
    "rajput2021": lambda: theorem_network("rajput2021"),
    "rajput2021, one class": lambda: theorem_network("rajput2021", classes=1),
    "baum1988": lambda: theorem_network("baum1988"),
    "baum1988, one class": lambda: theorem_network("baum1988", classes=1),
    "given": given_network,
    "names of columns": named_network,
    "few columns": columns_network,
    "few columns, fingerprints": lambda: columns_network(fingerprint_bits=8),
    "few columns, and others for few points": parted_columns_network,
    "labels of two values": rows_of_labels_network,
    "labels: text in UTF-8": texts_network,
} | {f"labels: {name}": lambda name=name: of_labels(name) for name in LABELS}


def corpus(names=NETWORKS):
    """Saved networks by name: the network, and its file."""
    saved = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            net = NETWORKS[name]()
            net.save(Path(folder, "net"))
            saved[name] = net, Path(folder, "net").read_bytes()
    return saved


# Bytes

HEADS = (0, 1, 7, 8, 2**16, 2**31, 2**32, 2**40, 2**62, 2**63, 2**64 - 9, 2**64 - 8, 2**64 - 1)


def span(data, rng):
    """Two places in the data, in order."""
    return sorted(rng.randrange(len(data) + 1) for _ in range(2))


def bits_flipped(data, others, rng):
    """Some bits inverted."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def bytes_replaced(data, others, rng):
    """Some bytes at random."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] = rng.choice((0, 255, 0x22, 0x30, 0x39, 0x7D, rng.randrange(256)))
    return data


def truncated(data, others, rng):
    """Without an end or a beginning."""
    place = rng.randrange(len(data))
    return data[:place] if rng.random() < 0.8 else data[place:]


def extended(data, others, rng):
    """With more at the end, at the beginning or inside."""
    more = rng.choice((rng.randbytes(rng.randrange(1, 99)), bytes(8), b" ", b"}", data))
    place = rng.choice((len(data), len(data), 0, rng.randrange(len(data))))
    return data[:place] + more + data[place:]


def spliced(data, others, rng):
    """The beginning of one file and the end of another."""
    other = rng.choice(others)
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def blocks_swapped(data, others, rng):
    """Two blocks that follow each other, exchanged."""
    start, middle = span(data, rng)
    stop = rng.randrange(middle, len(data) + 1)
    return data[:start] + data[middle:stop] + data[start:middle] + data[stop:]


def zeroed(data, others, rng):
    """A range of zeros."""
    start, stop = span(data, rng)
    return data[:start] + bytes(stop - start) + data[stop:]


def wrong_length(data, others, rng):
    """Another length of the header."""
    length = int.from_bytes(data[:8], "little")
    length = rng.choice((*HEADS, length - 1, length + 1, length - 8, length + 8, len(data) - 8, len(data)))
    return (length % 2**64).to_bytes(8, "little") + data[8:]


# JSON

_DEEP, _LONG = "@deep@", "@long@"
NUMBERS = (
    *(0, -1, 1, 2, 3, 62, 63, 64, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**61, 2**62, 2**63 - 1, 2**63),
    *(2**64 - 1, 2**64, 10**30, 10**300, 10**400, 10**4000, -(2**31), -(2**63), -(10**400)),
    *(0.0, -0.0, 0.5, 1.0, 1.5, 5e-324, 1e-300, 1e300, -1e308, float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", "a", "\ud800", "\0", "\x1b[2J", "*/", "a\nb", _LONG, "nan", "inf", "-inf", "0x1p-1074", "0x1.8p+1023"),
    *("integer", "binary", "blocks", "compact", "rajput2021", "baum1988", "given", "labels", "all", "fastmem"),
)
LISTS = ([], {}, [[]], [0], [1, 2], {"a": 1}, {"delta": 1.0, "hyperplanes": 1, "codes": 1}, {"delta": 1e-300}, _DEEP)
HOSTILE = (*NUMBERS, *TEXTS, *LISTS, True, False, None)
DTYPES = (
    *("U1000000000", "<U1000000000", "O", "|O", "T", "V8", "|V8", "<M8[as]", "M8[25s]", "<M8", "<m8", ">i8", "<i7"),
    *("i4,i4", "<i8,", "(2,)<i8", "2<i8", "()<i8", "(1,)<i8", "(2,2)|i1", "((((", "{'names': ['a']}", "|b1", "?"),
    *("<f2", "<f8", "<f16", "<c8", "<c16", "<c32", ">f8", "|S1", "|S8", "<U1", ">U1", "<U2", "|i1", "|u1", "<u8"),
    *("<M8[99999999999s]", "<M8[-1s]", "<m8[generic]", "float128", "int", "str", "object", "S\n1", "<i8\0", "a5", "S0"),
)
TENSOR_DTYPES = (
    *("BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "BF16", "F32", "F64", "F8_E4M3", "C64"),
)
SIZES = (0, 1, 2, 3, 2**31, 2**32, 2**53, 2**60, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -1)


def to_json(value, rng):
    """Text of a value, with what `json` itself would not write."""
    depth = rng.choice((10, 300, 900, 940, 960, 970, 980, 985, 990, 995, 1000, 1100, 5000, 100_000))
    text = json.dumps(value, ensure_ascii=rng.random() < 0.8 or not is_unicode(value))
    text = text.replace(f'"{_DEEP}"', "[" * depth + "]" * depth).replace(_LONG, "x" * 30_000)
    if rng.random() < 0.1:  # a key twice
        place = text.find("{", rng.randrange(len(text)))
        if place >= 0:
            keys = [part for part in text.split('"')[1::2] if part.isidentifier()] or ["a"]
            text = (
                f'{text[: place + 1]}"{rng.choice(keys)}": {json.dumps(rng.choice(HOSTILE[:60]))}, {text[place + 1 :]}'
            )
    return text


def is_unicode(value):
    """Whether UTF-8 holds all strings of a JSON value."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def nodes(value):
    """Every container in a JSON value, itself first."""
    if isinstance(value, dict | list):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from nodes(part)


def changed_json(value, rng, values=HOSTILE):
    """The JSON value itself, with one place changed."""
    node = rng.choice([node for node in nodes(value) if node] or [value])
    if not node:
        return copy.deepcopy(rng.choice(values))
    key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
    kind = rng.randrange(8)
    if kind == 0:
        del node[key]
    elif kind == 1 and isinstance(node, dict):
        node[rng.choice(("", "a", "\ud800", "__metadata__", "labels", "store", "sha256", key + "x"))] = node.pop(key)
    elif kind == 2:
        other = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node[key], node[other] = node[other], node[key]
    elif kind == 3 and type(node[key]) is int:
        node[key] += rng.choice((-2, -1, 1, 2, 8, 2**32, 2**63))
    else:
        node[key] = copy.deepcopy(rng.choice(values))
    return value


def outer(data):
    """The safetensors header as JSON, and the bytes behind it."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def rebuilt(text, rest, rng):
    """A file with another header, filled up as it has to be, or not."""
    text = text.encode("utf-8", "surrogatepass")
    return raw_safetensors(text + b" " * (-len(text) % 8 if rng.random() < 0.9 else 0), rest)


def frame_changed(data, others, rng):
    """The JSON around the settings."""
    header, rest = outer(data)
    for _ in range(rng.choice((1, 1, 2))):
        header = changed_json(header, rng)
    return rebuilt(to_json(header, rng), rest, rng)


def settings_changed(data, others, rng):
    """The settings, and the checksum as it was."""
    header, rest = outer(data)
    settings = changed_json(json.loads(header["__metadata__"]["fastmem"]), rng)
    header["__metadata__"]["fastmem"] = to_json(settings, rng)
    return rebuilt(json.dumps(header), rest, rng)


def entries_changed(data, others, rng):
    """What the header says of tensors: dtype, shape, and where they lie."""
    header, rest = outer(data)
    for _ in range(rng.choice((1, 1, 2))):
        entry = header[rng.choice([name for name in header if name != "__metadata__"])]
        kind = rng.randrange(6)
        if kind == 0:
            entry["dtype"] = rng.choice(TENSOR_DTYPES)
        elif kind == 1:
            entry["shape"] = [rng.choice(SIZES) for _ in range(rng.choice((0, 1, 2, 3, 40)))]
        elif kind == 2:  # zeros, and what would overflow beside them; no bytes
            entry["shape"] = rng.sample((0, rng.choice(SIZES), rng.choice(SIZES)), 3)
            entry["data_offsets"][1] = entry["data_offsets"][0]
        elif kind == 3:
            entry["shape"] = rng.sample(entry["shape"] + [1], len(entry["shape"]) + 1)
        elif kind == 4:
            entry["data_offsets"] = [rng.choice((*SIZES, *entry["data_offsets"])) for _ in range(2)]
        else:
            other = header[rng.choice([name for name in header if name != "__metadata__"])]
            entry["data_offsets"], other["data_offsets"] = other["data_offsets"], entry["data_offsets"]
    return rebuilt(json.dumps(header), rest, rng)


# With a checksum of their own


def settings_sealed(data, others, rng):
    """Settings changed, and sealed again."""
    tensors, header = read_parts(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        header = changed_json(header, rng)
        if not isinstance(header, dict):
            header = {}
    while _DEEP in json.dumps(header):
        header = json.loads(json.dumps(header).replace(_DEEP, _LONG))
    return sealed(tensors, header)


def labels_sealed(data, others, rng):
    """Labels and their dtype changed, and sealed again."""
    tensors, header = read_parts(data)
    if rng.random() < 0.7 or "labels" not in tensors:
        header["label_dtype"] = rng.choice(DTYPES)
    if rng.random() < 0.3:
        header["labels"] = [rng.choice(HOSTILE) for _ in range(rng.randrange(9))]
    if rng.random() < 0.2:
        header["label_shape"] = [rng.choice((1, 2, 3, 0, -1))]
    if rng.random() < 0.2:
        header["labels_as"] = rng.choice(("utf8", "utf-8", 8))
    if "labels" in tensors and rng.random() < 0.5:
        size = rng.choice((len(tensors["labels"]), rng.randrange(99), 4 * rng.randrange(30), 8 * rng.randrange(30)))
        tensors["labels"] = np.frombuffer(rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size)), np.uint8)
    return sealed(tensors, header) if _DEEP not in json.dumps(header) else data


def tensors_sealed(data, others, rng):
    """Tensors changed, and sealed again."""
    tensors, header = read_parts(data)
    numbers = np.random.default_rng(rng.randrange(2**32))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        name = rng.choice(sorted(tensors))
        tensors[name] = hostile_array(tensors[name], rng) if rng.random() < 0.5 else changed(tensors[name], numbers)
    return sealed(tensors, header)


def changed(array, numbers):
    """An array of another shape or dtype, or with other values, if it has any."""
    return changed_at_random(array, numbers) if array.size and array.ndim else array.copy()


def hostile_array(array, rng):
    """An array with extreme values, another order, or another shape of the same values."""
    kind = rng.randrange(6)
    if kind == 0 or not array.size:
        shape = rng.choice(((0,), (0, 2**40), (2**40, 0), (0, 0, 0), (1, 0), ()))
        return np.zeros(shape, array.dtype)
    if kind == 1:
        return np.ascontiguousarray(array[::-1] if array.ndim else array)
    if kind == 2:
        factors = [n for n in range(1, array.size + 1) if array.size % n == 0]
        first = rng.choice(factors)
        shape = [first, array.size // first] + [1] * max(array.ndim - 2, 0)
        return array.reshape(rng.choice((shape, [first, 1, array.size // first], [array.size], [1, 1, array.size])))
    if kind == 3:
        return np.ascontiguousarray(array.T)
    limits = np.finfo(array.dtype) if array.dtype.kind == "f" else np.iinfo(array.dtype)
    values = [limits.min, limits.max, 0, 1, limits.max // 2]
    if array.dtype.kind == "f":
        values += [-0.0, limits.smallest_subnormal, limits.tiny, limits.eps, -1, np.inf, np.nan]
    array = array.copy()
    for _ in range(rng.choice((1, 1, 2, 9))):
        array.reshape(-1)[rng.randrange(array.size)] = rng.choice(values)
    if kind == 5:
        array.fill(rng.choice(values))
    return array


def parts_sealed(data, others, rng):
    """Tensors left out, renamed, copied or taken from another file, and sealed again."""
    tensors, header = read_parts(data)
    more, other_header = read_parts(rng.choice(others))
    for _ in range(rng.choice((1, 1, 2, 3))):
        name, kind = rng.choice(sorted(tensors)), rng.randrange(5)
        if kind == 0 and len(tensors) > 1:
            del tensors[name]
        elif kind == 1:
            tensors[rng.choice(sorted(more))] = tensors[name].copy()
        elif kind == 2:
            other = rng.choice(sorted(more))
            tensors[other] = more[other]
        elif kind == 3:
            prefix = rng.choice(sorted(more)).partition(".")[0]
            tensors |= {key: array for key, array in more.items() if key.startswith(prefix)}
        else:
            key = rng.choice(sorted(other_header))
            header[key] = other_header[key]
    return sealed(tensors, header)


def sizes_sealed(data, others, rng):
    """Small numbers that say how large the network is, and sealed again."""
    tensors, header = read_parts(data)
    names = [name for name in sorted(tensors) if name.endswith(("sizes", "lengths", "shifts", "seed", "common"))]
    for _ in range(rng.choice((1, 1, 2, 3))):
        if names and rng.random() < 0.8:
            name = rng.choice(names)
            array = tensors[name].copy()
            number = rng.choice((0, 1, 2, 3, 4, 8, 13, 16, 31, 60, rng.randrange(128)))
            array.reshape(-1)[rng.randrange(array.size)] = number
            tensors[name] = array
        else:
            key = rng.choice(("n_bits", "n_layers", "fingerprint_bits", "n_points", "n_told_apart"))
            header[key] = rng.choice((0, 1, 2, 3, 8, 31, 32, 60, 61, 62, rng.randrange(64)))
    return sealed(tensors, header)


def column_frame_sealed(data, others, rng):
    """Where columns lie and how widely they spread, which may change no label, and sealed again."""
    tensors, header = read_parts(data)
    centre, exponents = (tensors[name].copy() for name in ("centre", "exponents"))
    for place in rng.sample(range(len(centre)), rng.randrange(1, len(centre) + 1)):
        centre[place] = rng.choice(
            (0.0, 1e308, -1e308, 5e-324, -1e-300, 2.0**-1000, rng.gauss(0, 1), rng.gauss(0, 1e9))
        )
        exponents[place] = rng.choice((0, 900, -900, 1, -1, 127, -126, 100, -100, rng.randrange(-900, 901)))
    return sealed(tensors | {"centre": centre, "exponents": exponents}, header)


DAMAGES = (
    *(bits_flipped, bytes_replaced, truncated, extended, spliced, blocks_swapped, zeroed, wrong_length),
    *(frame_changed, settings_changed, entries_changed),
)
SEALED = (
    *(settings_sealed, labels_sealed, tensors_sealed, parts_sealed, sizes_sealed, column_frame_sealed),
    *(tensors_sealed, tensors_sealed),
)


# What must hold


class Fault(AssertionError):
    """Something that was promised does not hold."""


def require(holds, what):
    """Raise a fault unless it holds."""
    if not holds:
        raise Fault(what)


def inputs(net):
    """Points that any network of this dimension must take: near the origin, far away, and on a hyperplane's weights."""
    d = net.n_features_in
    X = np.random.default_rng(d).standard_normal((8, d))
    X[4:] *= np.array([1e-300, 1e9, 1e308, 1e150])[:, None] / np.abs(X[4:]).max()
    extra = [np.zeros(d), *net.hyperplanes.weights[:2].astype(np.float64)]
    return np.concatenate([X, np.stack(extra)])


def assert_usable(net, path):
    """All that a user asks of a network is answered, and `predict`, `forward` and a saved copy agree."""
    X = inputs(net)
    predicted = net.predict(X, n_threads=1)
    shape = (len(X), *net.classes.shape[1:])
    require(predicted.dtype == net.classes.dtype and predicted.shape == shape, "predict has another shape or dtype")
    require(same(net.forward(X, n_threads=1), predicted), "forward and predict differ")
    require(not np.isnan(net.certified_radius(X, n_threads=1)).any(), "a certified radius is NaN")
    net.unsafe_rows(X, np.float32, n_threads=1)
    report = net.report()
    require(str(report) and report.to_dict() and repr(net), "nothing to print")
    require(len(net.stages) == net.depth == len(net.layers), "stages are not those of the layers")
    net.relative_margin, net.rounding_reach(np.float64)
    f"{predicted.tolist()}".encode("utf-8", "surrogatepass")
    require(net.classes.dtype.kind in "OT" or np.array_equal(net.classes, net.classes), "a label is not itself")
    said = [net.construction, getattr(net, "store_reason", ""), *net.stages]
    require(all(map(str.isprintable, said)), "what is printed may hide or change what is on a terminal")
    if isinstance(net, fastmem.EncodedNetwork):
        require(not (net.codes(X, n_threads=1) >> np.uint64(net.encoder.n_bits)).any(), "a code is too long")
    if net.fingerprint_bits:
        unknown, known = net.classes[0], net.contains(X, n_threads=1)
        require(known.shape == (len(X),), "contains has another shape")
        require(
            same(net.predict(X, unknown=unknown, n_threads=1), net.forward(X, unknown=unknown, n_threads=1)),
            "forward and predict differ on unknown rows",
        )
        net.predict(X, unknown=unknown, tolerance=1.0, max_probes=20, n_threads=1)
    net.save(path)
    require(fastmem.load(path) == net, "a saved copy is not equal")


def same(a, b):
    """Whether labels are equal, as bytes where they are numbers."""
    return a.dtype == b.dtype and (a.tolist() == b.tolist() if a.dtype.kind in "OT" else a.tobytes() == b.tobytes())


class Attack:
    """Cases by number: each is a file, made from the seed and the number alone."""

    def __init__(self, seed, folder, names=NETWORKS):
        self.seed = seed
        self.saved = corpus(names)
        self.files = [data for _, data in self.saved.values()]
        self.path, self.copy = Path(folder, "net"), Path(folder, "copy")

    def file(self, case):
        """Name of the network, the change, and the bytes."""
        rng = random.Random(f"{self.seed} {case}")
        name = rng.choice(list(self.saved))
        change = rng.choice(DAMAGES if rng.random() < 0.4 else SEALED)
        return name, change, bytes(change(self.saved[name][1], self.files, rng))

    def mapped(self):
        """The network of the file, mapped, or what the error says."""
        try:
            return fastmem.load(self.path, mmap=True)
        except FormatError as error:
            return str(error)

    def run(self, case):
        """Load the file and use what comes out; name of the change, and "refused", "equal" or "another network"."""
        name, change, data = self.file(case)
        original = self.saved[name][0]
        self.path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                net = fastmem.load(self.path)
            except FormatError as error:
                require(str(error).encode("utf-8", "surrogatepass"), "the error says nothing")
                require(self.mapped() == str(error), "a file that is refused is mapped, or with another error")
                return change.__name__, "refused"
            require(self.mapped() == net, "the file gives another network when it is mapped")
            if net == original:
                return change.__name__, "equal"
            if change not in SEALED:
                other = change is spliced and any(net == other for other, _ in self.saved.values())
                require(other, "what was damaged was loaded")
                return change.__name__, "equal"
            if change is column_frame_sealed:
                X = inputs(net)
                require(same(net.predict(X), original.predict(X)), "the frame of the columns changed a label")
            assert_usable(net, self.copy)
        return change.__name__, "another network"


# Children


def run_in_children(attack, cases):
    """Results of all cases, each as (case, change, outcome); what a child dies of is an outcome too."""
    cases = list(cases)
    while cases:
        done = 0
        for case, change, outcome in run_in_child(attack, cases):
            done += 1
            yield case, change, outcome
        cases = cases[done:]


def run_in_child(attack, cases):
    """The same up to the case that ends the process, with its signal or exit status as the outcome."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            work(attack, cases, writing)
        os._exit(0)
    os.close(writing)
    done = 0
    with os.fdopen(reading, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
            done += 1
    _, status = os.waitpid(child, 0)
    if done < len(cases):
        change = attack.file(cases[done])[1].__name__
        yield cases[done], change, f"fault: the process ended with status {os.waitstatus_to_exitcode(status)}"


def work(attack, cases, writing):
    """What a child does: every case, a line of JSON each."""
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # shows where, and ends the process
    for case in cases:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        faulthandler.dump_traceback_later(WAITING, exit=True)
        try:
            change, outcome = attack.run(case)
        except BaseException:
            change, outcome = attack.file(case)[1].__name__, f"fault: {traceback.format_exc(limit=-6)}"
        os.write(writing, (json.dumps([case, change, outcome]) + "\n").encode())
    signal.setitimer(signal.ITIMER_PROF, 0)
    faulthandler.cancel_dump_traceback_later()


def main():
    """Run all cases; 1 if something does not hold, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="run this case alone, in this process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(options.seed, folder)
        if options.only is not None:
            name, change, data = attack.file(options.only)
            print(f"{change.__name__} of {name!r}, {len(data)} bytes")
            print(*attack.run(options.only))
            return 0
        return run_all(attack, range(options.first, options.first + options.cases))


def run_all(attack, cases):
    """All cases, with a line now and then, a table and a summary; 1 if there was a fault."""
    counts, faults, start = collections.Counter(), 0, time.monotonic()
    for case, change, outcome in run_in_children(attack, cases):
        if outcome.startswith("fault"):
            faults += 1
            print(f"--seed {attack.seed} --only {case}: {change} of {attack.file(case)[0]!r}\n{outcome}", flush=True)
            outcome = "fault"
        counts[change, outcome] += 1
        if sum(counts.values()) % 10_000 == 0:
            print(f"{sum(counts.values()):,} files, {faults} faults, {time.monotonic() - start:.0f} s", flush=True)
        if faults == MOST_FAULTS:
            break
    outcomes = ("refused", "equal", "another network", "fault")
    print(f"{'':<22}" + "".join(f"{outcome:>17}" for outcome in outcomes))
    for change in dict.fromkeys((*DAMAGES, *SEALED)):
        print(f"{change.__name__:<22}" + "".join(f"{counts[change.__name__, outcome]:>17,}" for outcome in outcomes))
    total = {outcome: sum(n for (_, o), n in counts.items() if o == outcome) for outcome in outcomes}
    print(
        f"files: {sum(counts.values()):,} of {len(attack.saved)} networks, seed {attack.seed} from {cases.start}: "
        + ", ".join(f"{n:,} {outcome}" for outcome, n in total.items())
        + f"; {time.monotonic() - start:.0f} s"
    )
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
