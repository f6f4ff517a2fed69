"""Rows of weights that many networks share: the weights of one threshold unit are a row of integers.

A *relay* repeats one input. The *number row* of bits z reads N(z) = sum_i 2^i z_i. *Counters* of a sum s are the units
a_r = [s >= r], r = 1, 2, ...; since they fall as r grows, their *alternating sum* a_1 - a_2 + a_3 - ... is 1 where an
odd number of them is, which is the parity of s.

Matrices are int64 csr_array of shape (units, inputs). SciPy is slow to import: the first one made does that.
"""

import numpy as np

from fastmem.machine.partners import need

__all__ = [
    "added_up", "alternating_sums", "as_rows", "beside", "block_diagonal", "counters", "number_row", "ranks", "relays",
    "stacked",
]  # fmt: skip


def as_rows(matrix, shape=None):
    """A matrix as it is, or made of what `scipy.sparse.csr_array` takes: a dense one, or its entries and a shape."""
    csr_array = _sparse().csr_array
    return matrix if isinstance(matrix, csr_array) else csr_array(matrix, shape=shape, dtype=np.int64)


def number_row(n_bits):
    """The row that reads N(z): int64 array of shape (n_bits,)."""
    return np.int64(1) << np.arange(n_bits, dtype=np.int64)


def relays(n_inputs, places=None):
    """Row i repeats input places[i], and reads nothing if there is none; without places, row i repeats input i."""
    if places is None:
        return _sparse().eye_array(n_inputs, dtype=np.int64, format="csr")
    places = np.asarray(places)
    exist = (places >= 0) & (places < n_inputs)
    values = np.ones(np.count_nonzero(exist), np.int64)
    return as_rows((values, places[exist], _starts(exist)), (len(places), n_inputs))


def alternating_sums(counts):
    """Row i is the alternating sum of the next counts[i] inputs, of as many as the counts add up to."""
    signs = 1 - 2 * (ranks(counts) % 2)
    return as_rows((signs, np.arange(len(signs)), _starts(counts)), (len(counts), len(signs)))


def added_up(rows, counts):
    """Row i is the sum of the next counts[i] rows of a matrix, no two of which read the same input."""
    return as_rows((rows.data, rows.indices, rows.indptr[_starts(counts)]), (len(counts), rows.shape[1]))


def counters(rows, counts):
    """Units [s >= 1], ..., [s >= counts[i]] for the sum s of each row i: their weights, and int64 thresholds."""
    return as_rows(rows)[np.repeat(np.arange(len(counts)), counts)], ranks(counts) + 1


def ranks(counts):
    """0..counts[0]-1, 0..counts[1]-1, ...: int64 array of shape (sum of counts,)."""
    starts = _starts(counts)
    return np.arange(starts[-1]) - np.repeat(starts[:-1], counts)


def stacked(parts):
    """Units of all parts, matrices or arrays, that read the same inputs."""
    return _sparse().vstack([as_rows(part) for part in parts], format="csr")


def beside(parts):
    """Units that read the inputs of all parts, matrices or arrays, one part after the other."""
    return _sparse().hstack([as_rows(part) for part in parts], format="csr")


def block_diagonal(parts):
    """Units of all parts, matrices or arrays, each of which reads inputs of its own."""
    return _sparse().block_diag([as_rows(part) for part in parts], format="csr")


def _starts(counts):
    """Where the entries of each row begin, and where the last ones end."""
    return np.append(0, np.cumsum(counts, dtype=np.int64))


def _sparse():
    return need("scipy.sparse", what="what is read from the layers of a network")
