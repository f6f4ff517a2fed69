"""Values as text and as JSON: labels as they are printed, numbers of NumPy as those of Python."""

import json
import math

import numpy as np

__all__ = ["as_json", "as_text", "label_text"]


def as_text(label):
    """A label as it is printed."""
    return label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else str(label)


def label_text(label):
    """A label as text, of several values with commas between them."""
    return ", ".join(map(as_text, label)) if isinstance(label, np.ndarray) else as_text(label)


def as_json(value):
    """JSON of plain values, of NumPy's, and of labels: those that JSON lacks as text, NaN and infinities as null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic) and value.dtype.kind in "biu":
        return value.item()
    if isinstance(value, float | np.float32 | np.float16):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else as_text(value)
