"""Random numbers that no machine and no version of NumPy changes: made of the words of PCG64 by integer arithmetic."""

import numpy as np


class Words:
    """The methods of numpy.random.Generator that are needed, on words that are the same everywhere."""

    def __init__(self, seed):
        self._bits = np.random.PCG64(seed)

    def words(self, n):
        """N words of 64 bits."""
        return self._bits.random_raw(n)

    def integers(self, low, high=None, size=None):
        """Integers from low up to high, which is left out; from 0 if one bound is given."""
        low, high = (0, low) if high is None else (low, high)
        numbers = low + (self.words(1 if size is None else int(np.prod(size))) % np.uint64(high - low)).astype(np.int64)
        return int(numbers[0]) if size is None else numbers.reshape(size)

    def random(self):
        """A number from 0 to 1."""
        return float(self.words(1)[0] >> np.uint64(11)) * 2.0**-53

    def choice(self, values):
        """One of the values."""
        return values[self.integers(len(values))]

    def permutation(self, values):
        """The rows, or the numbers below an integer, in another order."""
        values = np.arange(values) if np.ndim(values) == 0 else np.asarray(values)
        return values[np.argsort(self.words(len(values)), kind="stable")]

    def bell(self, n, d):
        """About normal: sums of three numbers of 53 digits, shape (n, d)."""
        parts = (self.words(3 * n * d) >> np.uint64(11)).astype(np.float64).reshape(3, n, d)
        first, second, third = np.ldexp(parts - 2.0**52, -52)
        return first + second + third
