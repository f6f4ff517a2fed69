"""What constructions of units that carry numbers share: what is memorized, and the network with its measured errors."""

import numpy as np

from fastmem.errors import InvalidInput
from fastmem.layers.numbers import NumberTables, width_of_blocks
from fastmem.network import NumberNetwork
from fastmem.network.numbers import without_hyperplanes

__all__ = ["network_of", "targets_of"]

_REAL = "biuf"
_TOO_LARGE = 2.0**1023  # outputs are near labels, not below them


def targets_of(labels, output):
    """The real number that the output of each point is to be near: float64 array of shape (n,).

    Parameters
    ----------
    labels : Labels
    output : {"class", "value"}
        The index of its class, or the label itself.

    Raises
    ------
    InvalidInput
        Labels that are to be returned themselves are no real numbers, or so large that outputs near them are not.
    """
    if output == "class":
        return labels.indices.astype(np.float64)
    classes = labels.classes
    values = classes.astype(np.float64) if classes.ndim == 1 and classes.dtype.kind in _REAL else np.array([np.nan])
    if not np.isfinite(values).all():
        raise InvalidInput(
            'construction_options["output"]="value" returns labels as real numbers, and y holds others: take "class"'
        )
    largest = np.abs(values).max()
    if largest >= _TOO_LARGE:
        raise InvalidInput(
            f"y holds a label of size {largest:g}, and real outputs near that may lie beyond float64: divide all by 2, "
            'or take construction_options["output"]="class"'
        )
    return values[labels.indices]


def network_of(points, labels, targets, layers, exponent, n_threads, *, output, **settings):
    """The `NumberNetwork` of some layers, with how far its outputs are from the targets.

    Parameters
    ----------
    points : Points
    labels : Labels
    targets : float64 array of shape (n,)
    layers : tuple of Layer
        None where there is one class.
    exponent : int
    n_threads : int
    output : {"class", "value"}
    **settings
        ``construction``, ``construction_options``, ``drawn``, ``stages``.
    """
    errors = _errors(points, targets, layers, exponent, n_threads) if layers else (0.0, 0.0)
    return NumberNetwork(
        layers,
        labels.classes if output == "class" else np.empty(0),
        d=points.d,
        exponent=exponent,
        output=output,
        output_error=errors[0],
        float64_error=errors[1],
        n_points=points.n,
        n_told_apart=len(labels.classes),
        separate="labels",
        smallest_distance=without_hyperplanes(points.d).smallest_distance(points, n_threads),
        largest_norm=points.largest_norm(n_threads),
        fits_float32=points.fit_float32(n_threads),
        reading=points.reading,
        **settings,
    )


def _errors(points, targets, layers, exponent, n_threads):
    """How far outputs are from targets at most: exact ones, and those of float64 arithmetic; both rounded up."""
    tables, exact, in_float64 = NumberTables(layers, exponent), [], []

    def work(start, stop, block):
        expected = targets[start:stop]
        values = tables.values(block)[:, 0]
        exact.append(np.max(np.abs(values - expected) + np.spacing(np.abs(values))))
        values, reach = (array[:, 0] for array in tables.in_float64(block))
        in_float64.append(np.max((np.abs(values - expected) + reach) * (1 + 2.0**-50)))

    points.over_rows(work, n_threads, width=width_of_blocks(layers))
    return float(max(exact)), float(max(in_float64))
