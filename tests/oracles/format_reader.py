"""A reader of saved networks that follows docs/format.md and imports nothing of fastmem: slow, plain, and exact."""

import bisect
import hashlib
import itertools
import json
import math
from fractions import Fraction

import numpy as np

DTYPES = {
    "F32": "<f4", "F64": "<f8", "I8": "|i1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U8": "|u1", "U16": "<u2",
    "U32": "<u4", "U64": "<u8",
}  # fmt: skip
READ = 15679732462653118464


def mixed(h):
    """The finalizer of MurmurHash3."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor % 2**64
    return h ^ h >> 33


class Saved:
    """A network in a file.

    Attributes
    ----------
    settings : dict
    tensors : dict of str to ndarray
    labels : list
    """

    def __init__(self, data):
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        text = header.pop("__metadata__")["fastmem"]
        self.settings, self.tensors = json.loads(text), {}
        new = {"construction_options", "feature_names", "kind", "label_shape", "labels_as", "n_features", "recognition"}
        is_new = new & self.settings.keys()
        assert self.settings["format_version"] == (2 if is_new else 1)
        for name, entry in header.items():
            start, stop = entry["data_offsets"]
            values = np.frombuffer(data[end + start : end + stop], DTYPES[entry["dtype"]])
            self.tensors[name] = values.reshape(entry["shape"])
        assert self.settings["sha256"] == self._checksum(text)
        self.labels = self._labels()
        self.n = len(self.labels)

    def _checksum(self, text):
        pair = f', "sha256": "{self.settings["sha256"]}"'
        assert text.count(pair) == 1
        digest = hashlib.sha256(text.replace(pair, "").encode("ascii"))
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode() + tensor.tobytes())
        return digest.hexdigest()

    def _labels(self):
        values = self._values()
        (k,) = self.settings.get("label_shape", [0])
        return [values[start : start + k] for start in range(0, len(values), k)] if k else values

    def _values(self):
        kind = self.settings["label_dtype"]
        if "labels_as" in self.settings:
            assert self.settings["labels_as"] == "utf8"
            data, values = self.tensors["labels"].tobytes(), []
            for length in self.tensors["label_lengths"].tolist():
                values.append(data[:length].decode("utf-8"))
                data = data[length:]
            return values
        if kind in ("O", "T"):
            return self.settings["labels"]
        return np.frombuffer(self.tensors["labels"].tobytes(), kind).tolist()

    def predict(self, X):
        """Label of each row."""
        if "kind" in self.settings:
            return [self._label_of_numbers(x) for x in X]
        return [self.labels[min(self._index(self._signs(x)), self.n - 1)] for x in X]

    def _label_of_numbers(self, x):
        """Of a network whose units carry numbers: all of them, over the rational numbers."""
        assert self.settings["kind"] == "numbers"
        values = [Fraction(float(number)) for number in self._columns_of(x)]
        for number in range(1, self.settings["n_layers"] + 1):
            part = f"layer.{number}."
            starts, inputs = (self.tensors[part + name].tolist() for name in ("starts", "inputs"))
            weights, thresholds = (self._integers(part + name) for name in ("weights", "thresholds"))
            kinds = self.tensors.get(part + "activations", np.zeros(len(thresholds))).tolist()
            sums = [
                sum(weights[c] * values[inputs[c]] for c in range(starts[u], starts[u + 1])) - threshold
                for u, threshold in enumerate(thresholds)
            ]
            values = [(int(s >= 0), max(s, 0), s)[int(kind)] for kind, s in zip(kinds, sums, strict=True)]
        if self.settings["output"] == "bits":
            return self.labels[min(sum(bit << b for b, bit in enumerate(values)), self.n - 1)]
        real = Fraction(*values) / Fraction(2) ** self.settings["exponent"] if values else Fraction(0)
        if self.settings["output"] == "value":
            return float(real)
        return self.labels[min(max(math.ceil(real - Fraction(1, 2)), 0), self.n - 1)]

    def _integers(self, name):
        """Integers of any size, or as a tensor has them."""
        if name in self.tensors:
            return self.tensors[name].tolist()
        data, ends = self.tensors[f"{name}.bytes"].tobytes(), self.tensors[f"{name}.ends"].tolist()
        spans = itertools.pairwise([0, *ends])
        return [int.from_bytes(data[start:end], "little", signed=True) for start, end in spans]

    def contains(self, X):
        """Whether each row is known."""
        features = self._features("fingerprint_features")
        n_bits = {"cells": self.settings.get("n_recognition_bits"), "rows": 62}.get(self.settings.get("recognise"))
        codes = [self._code_of_known(x) for x in X]
        return [self._accepts("fingerprints", features, code, n_bits or self.settings["n_bits"]) for code in codes]

    def _code_of_known(self, x):
        """The code of which there are fingerprints."""
        if self.settings.get("recognise") == "rows":
            return self._hash(x if self.settings.get("recognition_reads") == "all" else self._columns_of(x))
        code = self._code(self._signs(x))
        if not self.settings.get("n_recognition"):
            return code
        prefix = "recognition."
        part = {name[len(prefix) :]: tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}
        x = x if self.settings.get("recognition_reads") == "all" else self._columns_of(x)
        if "starts" in part:
            bounds = itertools.pairwise(part["starts"].tolist())
            places, values = part["columns"].tolist(), part["weights"].tolist()
            rows = [list(zip(places[start:end], values[start:end], strict=True)) for start, end in bounds]
        else:
            rows = [list(enumerate(row)) for row in part["weights"].tolist()]
        thresholds, flips = self.tensors["recognition.thresholds"].tolist(), part.get("code")
        for j, (row, t) in enumerate(zip(rows, thresholds, strict=True)):
            if sum(Fraction(w) * Fraction(float(x[column])) for column, w in row) >= Fraction(t):
                code ^= 1 << self.settings["n_bits"] + j if flips is None else int(flips[j])
        return code

    def _columns_of(self, x):
        """The columns that labels are read from, in the order in which they are read."""
        return [x[column] for column in self.tensors["columns_read"].tolist()] if "n_features" in self.settings else x

    def _hash(self, x):
        total = 0
        for i, number in enumerate(x, 1):
            bits = int(np.float64(number + 0.0).view(np.uint64))
            total += mixed((bits + i * 0x9E3779B97F4A7C15) % 2**64)
        return mixed(total % 2**64) >> 2

    def _signs(self, x):
        rows, thresholds = self._rows(len(x)), self.tensors["thresholds"].tolist()
        return [
            sum(Fraction(w) * Fraction(float(x[column])) for column, w in row) >= Fraction(t)
            for row, t in zip(rows, thresholds, strict=True)
        ]

    def _rows(self, d):
        """Of each hyperplane the columns it reads, and their weights."""
        weights = self.tensors["weights"].tolist()
        if "n_features" not in self.settings:
            return [list(enumerate(row)) for row in weights]
        assert self.settings["n_features"] == d
        columns = self.tensors["columns_read"].tolist()
        rows = [list(zip(columns, row, strict=False)) for row in weights]
        if "sparse.starts" in self.tensors:
            starts, places, values = (
                self.tensors[f"sparse.{name}"].tolist() for name in ("starts", "columns", "weights")
            )
            for start, end in itertools.pairwise(starts):
                rows.append([(columns[places[i]], values[i]) for i in range(start, end)])
        return rows

    def _code(self, signs):
        code, columns = 0, self.tensors.get("columns")
        for j, sign in enumerate(signs):
            if sign:
                code ^= 1 << j if columns is None else int(columns[j])
        return code

    def _index(self, signs):
        store = self.settings.get("store")
        if store is None:
            return self._index_of_layers(signs)
        return {"integer": self._index_of_run, "blocks": self._index_of_block, "binary": self._index_of_bits}[store](
            self._code(signs)
        )

    def _index_of_layers(self, bits):
        for number in range(2, self.settings["n_layers"] + 1):
            starts, inputs, weights, thresholds = (
                self.tensors[f"layer.{number}.{name}"].tolist()
                for name in ("starts", "inputs", "weights", "thresholds")
            )
            bits = [
                sum(weights[c] for c in range(starts[u], starts[u + 1]) if bits[inputs[c]]) >= threshold
                for u, threshold in enumerate(thresholds)
            ]
        return sum(bit << b for b, bit in enumerate(bits))

    def _index_of_run(self, code):
        run = bisect.bisect_right(self.tensors["store.starts"].tolist(), code) - 1
        return int(self.tensors["store.run_classes"][run])

    def _index_of_block(self, code):
        block = bisect.bisect_right(self.tensors["store.starts"].tolist(), code) - 1
        weights = self.tensors["store.weights"][block].astype(int)
        places, n_bits = weights.shape
        a = (places // 3).bit_length() - 1
        lifted = [s * 2**a + (code >> s * a) % 2**a for s in range(3)]
        return sum(int(weights[lifted, b].sum() >= 1) << b for b in range(n_bits))

    def _index_of_bits(self, code):
        if self.n == 1:
            return 0
        return self._read_index("store", self.n, self._features("store.features"), code)

    def _read_index(self, name, n, features, code):
        """Index below n, with common classes or without."""
        inner = f"{name}.rare"
        if f"{name}.common" not in self.tensors:
            return self._read_symbol(inner, n, features, code)
        common = self.tensors[f"{name}.common"].tolist()
        index = common[self._read_symbol(f"{name}.common", len(common), features, code)]
        if not self._accepts(f"{name}.filter", features, code):
            return index
        others = [i for i in range(n) if i not in common]
        read = self._read_index if f"{inner}.common" in self.tensors else self._read_symbol
        symbol = read(inner, len(others) + 1, features, code)
        return others[symbol - 1] if symbol else index

    def _read_symbol(self, name, n, features, code):
        if f"{name}_lengths" not in self.tensors:
            depth = (n - 1).bit_length()
            symbol = self._read_ribbon(f"{name}.0", features, code) if depth else 0
            return symbol if symbol < n else symbol - 2 ** (depth - 1)
        lengths = self.tensors[f"{name}_lengths"].tolist()
        depth, symbols = max(lengths), sorted(range(n), key=lengths.__getitem__)
        starts = [0]
        for symbol in symbols[:-1]:
            starts.append(starts[-1] + 2 ** (depth - lengths[symbol]))
        word = 0
        for stage, length in enumerate(sorted(set(lengths))):
            word |= self._read_ribbon(f"{name}.{stage}", features, code) << depth - length
            longer = [start for start, symbol in zip(starts, symbols, strict=True) if lengths[symbol] > length]
            if not longer or word < longer[0]:
                break
        return symbols[bisect.bisect_right(starts, word) - 1]

    def _features(self, name):
        """Shifts, thresholds and seed."""
        shifts, thresholds, seed = (
            self.tensors[f"{name}.{part}"].tolist() for part in ("shifts", "thresholds", "seed")
        )
        return shifts, thresholds, seed[0]

    def _drawn(self, shifts, seed, k):
        """Parities, and for each place the features that read it and their signs."""
        random = np.random.PCG64(seed)
        parities = [word % 2**k for word in random.random_raw(16).tolist()]
        places = [shift + i for shift in shifts for i in range(4)]
        reads = [
            sum((word < READ) << t for t, word in enumerate(random.random_raw(64).tolist())) * (place < k)
            for place in places
        ]
        return parities, list(zip(places, reads, random.random_raw(len(places)).tolist(), strict=True))

    def _feature(self, shifts, thresholds, seed, code, n_bits):
        agreements = [0] * 64
        for place, reads, signs in self._drawn(shifts, seed, n_bits)[1]:
            for t in range(64):
                agreements[t] += (reads >> t & 1) and (code >> place & 1) != (signs >> t & 1)
        return [int(count >= threshold) for count, threshold in zip(agreements, thresholds, strict=True)]

    def _read_ribbon(self, name, features, code, n_bits=None):
        n_bits = n_bits or self.settings["n_bits"]
        firsts, table, sizes = (self.tensors[f"{name}.{part}"] for part in ("firsts", "table", "sizes"))
        zeros, b, _ = sizes.tolist()
        rows = [int.from_bytes(bytes(row), "little") << zeros for row in firsts]
        row = table[bisect.bisect_right(rows, code) - 1]
        parities = self._drawn(features[0], features[2], n_bits)[0][:b]
        beta = sum((code & parity).bit_count() % 2 << i for i, parity in enumerate(parities))
        spacing = -(-((64 * len(row) - 64) << 16) // (2**b - 1)) if b else 0
        start = beta * spacing >> 16
        feature = [1, *self._feature(*features, code, n_bits)[1:]]
        return sum(
            sum(int(row[c // 64, j]) >> c % 64 & feature[c % 64] for c in range(start, start + 64)) % 2 << j
            for j in range(row.shape[1])
        )

    def _accepts(self, name, features, code, n_bits=None):
        shifts, _, seed = features
        n_bits = n_bits or self.settings["n_bits"]
        others = self._feature(shifts, self.tensors[f"{name}.thresholds"].tolist(), seed + 2**32, code, n_bits)
        read = self._read_ribbon(name, features, code, n_bits)
        return all(read >> j & 1 != others[j + 1] for j in range(self.tensors[f"{name}.table"].shape[2]))
