"""A filter: recognises the codes it was built for, and takes another for one of them with probability about 2^-f.

A ribbon of f planes stores the fingerprint of each code: f more features of its bits (`fastmem.store.features`). A code
is accepted if each plane reads the fingerprint's bit (Dillinger, Hübschle-Schneider, Sanders & Walzer, "Fast succinct
retrieval and approximate membership using ribbon", SEA 2022). Where the codes fill most of the 2^k there are, for
small k, more of the few others are accepted.
"""

import numpy as np

from fastmem.errors import FormatError
from fastmem.layers.layer import Layer
from fastmem.layers.rows import as_rows
from fastmem.store.choose_features import suitable_features
from fastmem.store.ranges import Ranges
from fastmem.store.ribbon import Ribbon

__all__ = ["Filter"]

MOST_BITS = 32


class Filter:
    """Accepts all codes stored, and of any others a share of about 2^-f.

    Parameters
    ----------
    ribbon : Ribbon
        f planes.
    added : CodeFeatures
        Feature j + 1 is bit j of the fingerprint.
    """

    def __init__(self, ribbon, added):
        self.ribbon = ribbon
        self.added = added

    @classmethod
    def build(cls, features, ranges, n_filter_bits, more_parities=0, **options):
        """Filter of f = n_filter_bits planes for the codes of `Ranges`; options as for `Ribbon.build`."""
        added = features.draw_others(ranges)
        stored = ranges.those(_stored_fingerprints, added, n_filter_bits)
        return cls(Ribbon.build(features, stored, n_filter_bits, more_parities, **options), added)

    @classmethod
    def recognising(cls, codes, n_bits, n_filter_bits, attempt=0):
        """Filter that tells even similar codes apart, with features of its own; others in each attempt.

        Features read every bit of the codes, and starts are fine and many: two codes with equal features have others.

        Parameters
        ----------
        codes : uint64 array of shape (n,), ascending, all different, or Ranges
        n_bits, n_filter_bits, attempt : int
        """
        ranges = codes if isinstance(codes, Ranges) else Ranges.whole(codes, codes)
        columns = {"least_columns": 128}
        features, more_parities = suitable_features(
            ranges, n_bits, n_filter_bits, all_bits=True, first_seed=2 * attempt, **columns
        )
        return cls.build(features, ranges, n_filter_bits, more_parities, **columns)

    @property
    def n_filter_bits(self):
        """Number f of planes."""
        return self.ribbon.n_planes

    def accepts(self, codes):
        """Whether each code is stored, or taken for one that is: bool array of shape (n,)."""
        differing = self.ribbon.read(codes) ^ _fingerprints(self.added, codes)
        return (~differing & np.uint64((1 << self.n_filter_bits) - 1)) == 0

    def layers(self):
        """As `Ribbon.layers`: a code is accepted where all linear forms are 1."""
        return self.ribbon.layers(self.added)

    def accepting_layers(self):
        """Layers of threshold units from code bits to one output: whether the code is accepted."""
        layers, form = self.layers()
        every = as_rows(form.sum(axis=0)[None])
        return (*layers, Layer(every, np.array([self.n_filter_bits])))

    def tensors(self):
        """Parameters by name, without those of the ribbon's features."""
        return self.ribbon.tensors() | {"thresholds": self.added.thresholds}

    @classmethod
    def from_tensors(cls, tensors, features):
        """Filter with the given parameters; `FormatError` if they are not what `tensors` gives."""
        added = features.others(features.checked_thresholds(tensors["thresholds"]))
        ribbon = Ribbon.from_tensors(tensors, features)
        if ribbon.n_planes > MOST_BITS:
            raise FormatError(f"a filter has {ribbon.n_planes} planes, and {MOST_BITS} are the most")
        return cls(ribbon, added)


def _fingerprints(added, codes):
    return added.words(codes) >> np.uint64(1)


def _stored_fingerprints(codes, symbols, added, n_filter_bits):
    """Codes and what the planes store for them: as the other functions that `Ranges.those` takes."""
    return codes, ~_fingerprints(added, codes) & np.uint64((1 << n_filter_bits) - 1)
