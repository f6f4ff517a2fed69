"""Gaussian hyperplanes, drawn until they are enough, and on which side of each the points lie."""

import numpy as np

from fastmem.data.sorting import distinct
from fastmem.errors import InvalidInput, NetworkTooLarge
from fastmem.hyperplanes.frame import column_frame
from fastmem.hyperplanes.hyperplanes import Hyperplanes
from fastmem.layers.rows import as_rows

__all__ = ["GaussianRows", "are_draws", "counts", "refuse_more_than"]

_MOST_WEIGHTS = 2**28
_MOST_SIGNS = 2**33
_SAMPLE = 512
_WORD = 64
_WORDS = 2**15  # looked at together


def refuse_more_than(m, n, d, size, why):
    """Raise `NetworkTooLarge` if m hyperplanes of R^d, or the signs of n points, are too many to be drawn.

    Parameters
    ----------
    m, n, d : int
    size : Size
        What the theorem promises.
    why : str
        How many points, and how near.
    """
    if m * d <= _MOST_WEIGHTS and m * n <= _MOST_SIGNS:
        return
    neurons, weights, m = map(_shown, (*size, m))
    raise NetworkTooLarge(
        f"for {why} the theorem takes up to {neurons} neurons and {weights} weights, and {m} hyperplanes of R^{d} are "
        'more than are drawn: use construction="compact", whose size does not depend on delta',
        *size,
    )


def are_draws(drawn, most, names=("hyperplanes",)):
    """Whether a network may say that this was drawn: for a delta, each of these at most so often."""
    return (
        type(drawn) is dict
        and drawn.keys() == {"delta", *names}
        and type(drawn["delta"]) is float
        and 0 < drawn["delta"] <= 2
        and all(type(drawn[name]) is int and 0 < drawn[name] <= most for name in names)
    )


def _shown(count):
    return f"{count:,}" if count < 10**15 else f"{count:.3g}"


class GaussianRows:
    """Hyperplanes w.(x - c) >= s with w ~ N(0, I), and the signs of some points.

    Parameters
    ----------
    points : Points
    centre : float64 array of shape (d,)
    draw : callable
        Draws so many numbers s from a generator: float64 array of shape (m,).
    random_state : numpy.random.Generator
    n_threads : int

    Attributes
    ----------
    n, d, m : int
    signs : uint64 array of shape (words, n)
        A bit of a word for each hyperplane, 64 of those drawn together in a word.
    is_drawn : uint64 array of shape (words,)
        Bits that belong to a hyperplane.
    """

    def __init__(self, points, centre, draw, random_state, n_threads):
        self.n, self.d = points.n, points.d
        self._points, self._centre, self._draw = points, centre, draw
        self._random_state, self._n_threads = random_state, n_threads
        self._frame = column_frame(points.take(distinct(np.linspace(0, points.n - 1, _SAMPLE).astype(np.int64))))
        self.forget()

    def forget(self):
        """Have none again, to draw all anew."""
        self._parts, self.m = [], 0
        self.signs, self.is_drawn = np.empty((0, self.n), np.uint64), np.empty(0, np.uint64)

    def back_to(self, m):
        """Forget those drawn after the first m, which were all there once."""
        n_parts = 1 + int(np.searchsorted(np.cumsum([part.m for part in self._parts]), m))
        self._parts, self.m = self._parts[:n_parts], m
        n_words = sum(-(-part.m // _WORD) for part in self._parts)
        self.signs, self.is_drawn = self.signs[:n_words], self.is_drawn[:n_words]

    def grow_to(self, m):
        """Draw more until there are m."""
        more = m - self.m
        weights = self._random_state.standard_normal((more, self.d), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            thresholds = weights.astype(np.float64) @ self._centre + self._draw(self._random_state, more)
        if not np.isfinite(thresholds).all():
            raise InvalidInput("a threshold of a hyperplane overflows float64: rescale the columns of X")
        part = Hyperplanes(weights, thresholds, *self._frame)
        self._parts.append(part)
        self.m = m
        self.signs = np.vstack([self.signs, part.signs(self._points, self._n_threads).T])
        self.is_drawn = np.append(self.is_drawn, _ones(more))

    def reading(self, masks):
        """Rows of weights that read the hyperplanes of masks: int64 csr_array of shape (k, m) of ones.

        Parameters
        ----------
        masks : list of uint64 array
            Words like those of `signs`, or of the first of them, of when there were fewer hyperplanes.
        """
        words = np.zeros((len(masks), len(self.is_drawn)), np.uint64)
        for row, mask in zip(words, masks, strict=True):
            row[: len(mask)] = mask
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        is_drawn = np.unpackbits(self.is_drawn.view(np.uint8), bitorder="little") == 1
        return as_rows(bits[:, is_drawn])

    def hyperplanes(self):
        """All of them, as `Hyperplanes`."""
        weights = np.concatenate([np.empty((0, self.d), np.float32), *(part.weights for part in self._parts)])
        thresholds = np.concatenate([np.empty(0), *(part.thresholds for part in self._parts)])
        return Hyperplanes(weights, thresholds, *self._frame)


def counts(signs, mask):
    """How many hyperplanes of a mask are 1 at each point: uint32 array.

    Parameters
    ----------
    signs : uint64 array of shape (words, n)
    mask : uint64 array of shape (words,)
    """
    total, words = np.zeros(signs.shape[1], np.uint32), np.flatnonzero(mask)
    size = max(_WORDS // signs.shape[1], 1)
    for start in range(0, len(words), size):
        some = words[start : start + size]
        total += np.bitwise_count(signs[some] & mask[some, None]).sum(axis=0, dtype=np.uint32)
    return total


def _ones(n):
    """N bits that are 1, in words."""
    words = np.full(-(-n // _WORD), ~np.uint64(0))
    if n % _WORD:
        words[-1] = (1 << n % _WORD) - 1
    return words
