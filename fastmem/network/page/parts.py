"""What the bytes of a network are: a bar and a table of its parts, which add up to all of them."""

from __future__ import annotations

from fastmem.html.elements import Keyed, element
from fastmem.html.page import section
from fastmem.html.svg import stacked
from fastmem.html.tables import sortable, swatched
from fastmem.hyperplanes.columns import FRAME
from fastmem.network.known import FURTHER_FRAME

__all__ = ["bytes_by_part", "size"]

LABELS = "labels"
_FEW_LAYERS = 8
_NAMES = {
    "weights": "hyperplanes: weights",
    "sparse": "hyperplanes: weights",
    "thresholds": "hyperplanes: thresholds",
    "columns_read": "numbers of the columns read",
    "columns": "linear code",
    "fingerprint_features": "fingerprints",
    "fingerprints": "fingerprints",
    "recognition": "hyperplanes for recognition",
}
_OF_STORE = {
    "table": "store: tables",
    "firsts": "store: where rows of tables begin",
    "sizes": "store: sizes",
    "shifts": "store: hash functions",
    "thresholds": "store: hash functions",
    "seed": "store: hash functions",
    "starts": "store: where runs of codes begin",
    "run_classes": "store: class of each run",
    "weights": "store: weights of lifts",
}


def bytes_by_part(network):
    """Bytes of the parameters by what they are: a dict, whose values add up to ``network.nbytes``."""
    tensors, _ = network.parameters()
    parts: dict[str, int] = {}
    for name, tensor in tensors.items():
        if name not in FRAME and name not in FURTHER_FRAME:
            part = _part(name, network)
            parts[part] = parts.get(part, 0) + tensor.nbytes
    return parts


def _part(name, network):
    first, _, rest = name.partition(".")
    if first == "store":
        return _OF_STORE.get(rest.rpartition(".")[2], "store: code of the labels")
    if first == "layer":
        number = int(rest.partition(".")[0])
        stage = network.stages[number - 1]
        return stage if network.depth > _FEW_LAYERS else f"layer {number}: {stage}"
    return _NAMES[first]


def size(report, network):
    """The section of the bytes."""
    parts = sorted(bytes_by_part(network).items(), key=lambda part: -part[1])
    text = f"Parameters take {report.nbytes:,} bytes"
    if report.label_nbytes is None:
        text += "; the labels are Python objects, which no file holds."
    else:
        parts.append((LABELS, report.label_nbytes))
        text += (
            f", the distinct labels {report.label_nbytes:,}, together {report.nbytes + report.label_nbytes:,}. A file "
            "holds a header besides, and numbers by which signs are found faster."
        )
    parts = [part for part in parts if part[1]]
    total = sum(nbytes for _, nbytes in parts)
    if not total:
        return section("bytes", "Bytes by part", element("p", text))
    bar = stacked("Bytes by part", [(nbytes, f"{name}: {_described(nbytes, total)}") for name, nbytes in parts])
    return section("bytes", "Bytes by part", element("p", text), bar, _table(report, parts, total))


def _described(nbytes, total):
    return f"{nbytes:,} bytes, {_share(nbytes, total)}"


def _share(nbytes, total):
    return "<0.1%" if nbytes < 0.001 * total else f"{nbytes / total:.1%}"


def _table(report, parts, total):
    def row(k, name, nbytes):
        cells = [swatched(f"k{k % 8}", name), Keyed(f"{nbytes:,}", nbytes)]
        cells += [Keyed(_share(nbytes, total), nbytes)]
        return [*cells, Keyed(f"{8 * nbytes / report.n_points:.3f}", nbytes)] if report.n_points else cells

    headings = ["part", "bytes", "share", *(["bits a point"] if report.n_points else [])]
    rows = [row(k, *part) for k, part in enumerate(parts)]
    return sortable("Parts, in the order of the bar", headings, rows, numbers=range(1, len(headings)))
