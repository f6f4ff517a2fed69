"""Every error fastmem raises on purpose: what is wrong, where, and what to do about it."""

__all__ = [
    "ContradictoryLabels",
    "FastmemError",
    "FormatError",
    "InvalidInput",
    "MarginNotReached",
    "MemorizationError",
]


class FastmemError(Exception):
    """Base of all errors of this package."""


class InvalidInput(FastmemError, ValueError):
    """The points, labels or options cannot be used as they are; the message names the place."""


class ContradictoryLabels(FastmemError, ValueError):
    """Equal rows of X carry different labels.

    Attributes
    ----------
    rows : list of (int, int)
        Pairs of equal rows with different labels; for each such row, the row itself comes second and the
        first row equal to it comes first.
    """

    def __init__(self, message, rows=()):
        super().__init__(message, rows)
        self.rows = list(rows)

    def __str__(self):
        return self.args[0]


class FormatError(FastmemError, ValueError):
    """The file is not a network this version can read: truncated, damaged, foreign or newer."""


class MemorizationError(FastmemError):
    """Verification found a memorized row with a wrong label. It must never happen: please report it.

    Attributes
    ----------
    rows : list of int
        The rows of X whose label the network does not return.
    """

    def __init__(self, message, rows=()):
        super().__init__(message, rows)
        self.rows = list(rows)

    def __str__(self):
        return self.args[0]


class MarginNotReached(FastmemError, ValueError):
    """Points that must differ could not be separated at the distance asked for.

    Attributes
    ----------
    margin : float
        The distance asked for.
    largest : float
        The largest distance that a hyperplane was found to keep which parts two of the points still together.
    """

    def __init__(self, message, margin, largest):
        super().__init__(message)
        self.margin = margin
        self.largest = largest
