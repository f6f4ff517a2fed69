"""Coordinates of comparable scale, in which hyperplanes are looked for, and the way back to float32 weights."""

import math

import numpy as np

from fastmem._kernels import rows as kernels
from fastmem._kernels import search
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.tables import split_exactly

__all__ = ["Frame", "threshold_between"]

_ROWS, _NUMBERS = 128, 2**17  # that show where columns lie
_FARTHEST = 1e30
# Weights reach over fewer powers of two in float32; columns of much larger scale are left out.
_WIDEST = 120
_ZERO = -100_000


def threshold_between(below, above):
    """Numbers t with below < t <= above, in the middle wherever float64 has a number there."""
    middle = below / 2 + above / 2
    return np.where((below < middle) & (middle <= above), middle, above)


class Frame:
    """Centre and scale of the columns of some points.

    Parameters
    ----------
    X : float array of shape (t, d)
    """

    def __init__(self, X):
        self.d = X.shape[1]
        rows = max(_ROWS, _NUMBERS // self.d)
        self._centre, exponents = column_frame(X[:: -(-len(X) // rows)])
        self._centre_parts = split_exactly(self._centre)
        self._exponents = exponents.astype(np.int32)
        self._varies = X.max(axis=0) > X.min(axis=0)
        self._scales = np.where(self._varies, np.ldexp(1.0, -self._exponents), 0.0)

    def coordinates(self, X, dtype=np.float64):
        """Rows in the frame, and the largest absolute value of a coordinate.

        Columns that do not vary are 0.
        """
        coordinates = np.empty(X.shape, dtype)
        X = np.ascontiguousarray(X)
        return coordinates, kernels.place_rows(X, self._centre, self._scales, _FARTHEST, coordinates)

    def length(self, distance):
        """A distance of points in the frame's units, those of its middle column."""
        with np.errstate(over="ignore", under="ignore"):
            return min(float(np.ldexp(distance, -int(np.median(self._exponents)))), _FARTHEST)

    def direction(self, weights):
        """Weights for the points' own coordinates as a direction in the frame."""
        fractions, powers = np.frexp(weights.astype(np.float64))
        powers = np.where(fractions != 0, powers + self._exponents, _ZERO)
        return np.where(self._varies, np.ldexp(fractions, np.maximum(powers - powers.max(), -1000)), 0.0)

    def across(self, differences):
        """Directions of hyperplanes at right angles, in the points' own coordinates, to differences in the frame's."""
        return np.ldexp(differences, 2 * (self._exponents - self._exponents.max()))

    def round(self, directions):
        """float32 weights for the points' own coordinates, and the directions in the frame that they stand for.

        Weights are scaled to a largest entry of about 1, or 2^120 where they differ by more than that; entries too
        small for float32 beside it become 0. If the columns' scales differ by more still, direction t leaves out
        columns of much smaller scale than column t modulo d, which would silence all others.

        Parameters
        ----------
        directions : float64 array of shape (T, d)

        Returns
        -------
        weights : float32 array of shape (T, d)
        rounded : float64 array of shape (T, d)
            `directions`, rounded.
        powers : int array of shape (T,)
            ``weights @ (x - centre) == 2.0**powers * (rounded @ coordinates of x)``.
        """
        shape = directions.shape
        weights, rounded, powers = np.empty(shape, np.float32), np.empty(shape), np.empty(len(directions), np.int64)
        search.round_directions(
            np.ascontiguousarray(directions, np.float64), self._exponents, self._varies.view(np.uint8), _WIDEST,
            np.empty(self.d, np.int32), weights, rounded, powers,
        )  # fmt: skip
        return weights, rounded, powers

    def threshold(self, weights, level, power):
        """A level in the frame as a threshold for the points' own coordinates; infinite if it overflows."""
        with np.errstate(over="ignore"):
            parts = [weights.astype(np.float64) * part for part in self._centre_parts]
            level = float(np.ldexp(level, power))
        try:
            return math.fsum([level, *parts[0].tolist(), *parts[1].tolist()])
        except (OverflowError, ValueError):
            return math.inf
