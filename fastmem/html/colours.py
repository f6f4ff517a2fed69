"""Colours of classes and series: those of Okabe & Ito ("Color Universal Design", 2008), and viridis for more."""

import numpy as np

__all__ = ["OKABE_ITO", "colours_of", "in_order"]

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""With grey in the place of black, which lines have."""

_VIRIDIS = ("#440154", "#472D7B", "#3B528B", "#2C728E", "#21918C", "#28AE80", "#5EC962", "#ADDC30", "#FDE725")


def colours_of(n):
    """Colours of n classes, red, green and blue: uint8 array of shape (n, 3)."""
    if n <= len(OKABE_ITO):
        return _parts(OKABE_ITO[:n])
    return in_order(np.linspace(0, 1, n))


def in_order(places):
    """Colours of viridis from 0 to 1: uint8 array of shape (n, 3)."""
    steps = _parts(_VIRIDIS)
    at = np.linspace(0, 1, len(steps))
    return np.stack([np.interp(places, at, part) for part in steps.T], axis=-1).round().astype(np.uint8)


def _parts(colours):
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours], np.uint8).reshape(-1, 3)
