"""What a store is: a shallow threshold network from codes to classes, and all that the rest of fastmem asks of one."""

from abc import ABC, abstractmethod

from fastmem.data.as_labels import bits_for

__all__ = ["Store"]


class Store(ABC):
    """A function from codes of `n_bits` bits to classes, as units and as a compiled lookup.

    Attributes
    ----------
    name : str
        In files, and as `fastmem.memorize` takes it.
    n_bits : int
        Length k of the codes.
    n_classes : int
    cells_per_bit : float or None
        One-bit weights for each bit stored, where a store consists of such.
    """

    name: str
    n_bits: int
    n_classes: int
    cells_per_bit: float | None = None

    @classmethod
    @abstractmethod
    def build(cls, codes, classes, n_bits, n_classes):
        """Store the classes of sorted codes.

        Parameters
        ----------
        codes : uint64 array of shape (n,), ascending
        classes : int32 array of shape (n,)

        Raises
        ------
        MemorizationError
            Equal codes have different classes.
        """

    @abstractmethod
    def lookup(self, codes):
        """Class index of each code, stored or not, any from 0 to n_classes - 1: int32 or int64 array of shape (n,)."""

    @abstractmethod
    def layers(self):
        """The store as layers of threshold units, from code bits to the bits of the class index; () for one class."""

    @property
    @abstractmethod
    def stages(self) -> tuple[str, ...]:
        """What each layer does: tuple of str."""

    @abstractmethod
    def tensors(self):
        """Parameters by name: all that is saved."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors, n_bits, n_classes):
        """Store with the given parameters; `FormatError` if they are not what `tensors` gives."""

    @property
    def n_label_bits(self) -> int:
        """K, the number of binary digits of a class index."""
        return bits_for(self.n_classes)

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.stages)

    @property
    def nbytes(self) -> int:
        """Size of the parameters in bytes, as saved; what a lookup derives from them is not counted."""
        return sum(tensor.nbytes for tensor in self.tensors().values())
