"""Every error fastmem raises on purpose: what is wrong, where, and what to do about it."""

import math
from collections.abc import Iterable
from typing import Generic, TypeVar

__all__ = [
    "ContradictoryLabels",
    "FastmemError",
    "FormatError",
    "InvalidInput",
    "MarginNotReached",
    "MarginTooSmall",
    "MemorizationError",
    "NeedsBigIntegers",
    "NetworkTooLarge",
    "NotInGeneralPosition",
    "NotOnSphere",
    "RecognitionWarning",
]

Row = TypeVar("Row")


class RecognitionWarning(UserWarning):
    """More unseen inputs would be taken for memorized rows than fingerprints were asked for: by `memorize`."""


class FastmemError(Exception):
    """Base of all errors of this package."""


class _HoldsFacts(FastmemError):
    """An error that holds more than its message, which is all that is printed; all of it survives pickling."""

    def __str__(self) -> str:
        return str(self.args[0])


class _NamesRows(_HoldsFacts, Generic[Row]):
    """An error that holds the rows it speaks of, beside a message that names the first of them."""

    def __init__(self, message: str, rows: Iterable[Row] = ()) -> None:
        super().__init__(message, rows)
        self.rows = list(rows)


class InvalidInput(_HoldsFacts, ValueError):
    """The points, labels or options cannot be used as they are; the message names the place.

    Attributes
    ----------
    what : str
        The message without Python code, as the command line shows it.
    in_python : str
        How Python does what the message advises, which the message ends with; "" if it needs no code.
    """

    def __init__(self, what: str, in_python: str = "") -> None:
        super().__init__(what, *([in_python] if in_python else []))

    @property
    def what(self) -> str:
        return str(self.args[0])

    @property
    def in_python(self) -> str:
        return str(self.args[1]) if len(self.args) > 1 else ""

    def __str__(self) -> str:
        return f"{self.what}, {self.in_python}" if self.in_python else self.what


class ContradictoryLabels(_NamesRows[tuple[int, int]], ValueError):
    """Equal rows of X carry different labels.

    Attributes
    ----------
    rows : list of (int, int)
        Pairs of equal rows with different labels; for each such row, the row itself comes second and the
        first row equal to it comes first.
    """


class FormatError(FastmemError, ValueError):
    """The file is not a network this version can read: truncated, damaged, foreign or newer."""


class MemorizationError(_NamesRows[int]):
    """Verification found a memorized row with a wrong label. It must never happen: please report it.

    Attributes
    ----------
    rows : list of int
        The rows of X whose label the network does not return.
    """


class MarginNotReached(_HoldsFacts, ValueError):
    """Points that must differ could not be separated at the distance asked for.

    Attributes
    ----------
    margin : float
        The distance asked for.
    largest : float
        The largest distance that a hyperplane was found to keep which parts two of the points still together.
    """

    def __init__(self, message: str, margin: float = math.nan, largest: float = math.nan) -> None:
        super().__init__(message, margin, largest)
        self.margin = margin
        self.largest = largest


class MarginTooSmall(_NamesRows[int], ValueError):
    """Points are so near a hyperplane that another runtime's arithmetic may get their signs wrong.

    Attributes
    ----------
    rows : list of int
        The rows of the points given to the export that may lose their labels; empty if none were given.
    """


class NeedsBigIntegers(_NamesRows[int], ValueError):
    """Another runtime's floating-point arithmetic may get labels of a network wrong whose units carry numbers.

    Attributes
    ----------
    bits : int
        Binary digits that count of the longest number: a float64 has 53.
    rows : list of int
        The rows of the points given to the export that may lose their labels; empty if none were given.
    """

    def __init__(self, message: str, bits: int = 0, rows: Iterable[int] = ()) -> None:
        super().__init__(message, rows)
        self.args = message, bits, rows
        self.bits = bits


class NetworkTooLarge(_HoldsFacts, ValueError):
    """The theorem asks for a network that is too large to build; nothing was allocated.

    Attributes
    ----------
    neurons, weights : int
        How many it would have at most.
    """

    def __init__(self, message: str, neurons: int = 0, weights: int = 0) -> None:
        super().__init__(message, neurons, weights)
        self.neurons = neurons
        self.weights = weights


class NotInGeneralPosition(_HoldsFacts, ValueError):
    """Baum's construction needs points in general position: no d + 1 of them on a hyperplane of R^d.

    Attributes
    ----------
    rows : list of int
        Rows that lie, within rounding errors, on a hyperplane through those of the group, and differ from them in a
        bit of the class index. None where those of the group lie on a plane of fewer dimensions.
    group : list of int
    """

    def __init__(self, message: str, rows: Iterable[int] = (), group: Iterable[int] = ()) -> None:
        super().__init__(message, rows, group)
        self.rows = list(rows)
        self.group = list(group)


class NotOnSphere(_HoldsFacts, ValueError):
    """Vershynin's construction needs points on a sphere: equally far from one place.

    Attributes
    ----------
    rows : list of int
        A row nearest to the place tried, and one farthest from it.
    radii : list of float
        How far these are.
    """

    def __init__(self, message: str, rows: Iterable[int] = (), radii: Iterable[float] = ()) -> None:
        super().__init__(message, rows, radii)
        self.rows = list(rows)
        self.radii = list(radii)
