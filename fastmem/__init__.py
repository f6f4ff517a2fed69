"""fastmem: threshold neural networks that provably memorize a labelled dataset, constructed, not trained.

    X (n×d reals)                                              y (n labels, any dtype)
      │                                                          │
      ▼  separate:  m hyperplanes, chosen so that points that must differ fall on different sides of one
    signs (m bits a point)                                       │
      ▼  code:      GF(2)-linear code, m bits → k ≤ 62 bits (identity when m ≤ 62)
    codes (one uint64 a point)                                   │
      ▼  store:     a shallow threshold network from codes to label bits  ◄──── class index of y
    class index → classes → label

``net = fastmem.memorize(X, y)`` builds the network, ``net.predict(X)`` is its compiled evaluation, ``net.layers``
the same network unit by unit and ``net.forward(X)`` its evaluation through all of them.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

from fastmem._moved import HOMES as _HOMES
from fastmem._moved import leave_addresses as _leave_addresses
from fastmem._version import __version__ as __version__
from fastmem.api import memorize
from fastmem.compare import Built, Comparison, compare
from fastmem.errors import (
    ContradictoryLabels,
    FastmemError,
    FormatError,
    InvalidInput,
    MarginNotReached,
    MarginTooSmall,
    MemorizationError,
    NeedsBigIntegers,
    NetworkTooLarge,
    NotInGeneralPosition,
    NotOnSphere,
    RecognitionWarning,
)
from fastmem.io import from_bytes, load
from fastmem.layers.layer import Layer
from fastmem.network import EncodedNetwork, LayeredNetwork, Network, NumberNetwork
from fastmem.network.report import Report
from fastmem.noise import ToleranceSuggestion, suggest_tolerance
from fastmem.streamed import from_blocks
from fastmem.theory.bounds import Bounds, bounds
from fastmem.theory.separation import Separation, separation

__all__ = [
    "Bounds",
    "Built",
    "Comparison",
    "ContradictoryLabels",
    "EncodedNetwork",
    "FastmemError",
    "FormatError",
    "InvalidInput",
    "Layer",
    "LayeredNetwork",
    "MarginNotReached",
    "MarginTooSmall",
    "MemorizationError",
    "NeedsBigIntegers",
    "Network",
    "NetworkTooLarge",
    "NotInGeneralPosition",
    "NotOnSphere",
    "NumberNetwork",
    "RecognitionWarning",
    "Report",
    "Separation",
    "ToleranceSuggestion",
    "bounds",
    "compare",
    "from_blocks",
    "from_bytes",
    "load",
    "memorize",
    "separation",
    "suggest_tolerance",
]


_leave_addresses()

_ESTIMATORS = {
    "CorrectedClassifier": "corrected",
    "CorrectedRegressor": "corrected",
    "MemorizingClassifier": "memorizing",
    "MemorizingRegressor": "memorizing_regressor",
}


if TYPE_CHECKING:  # so that checkers know these, and report any other name
    from fastmem import plot as plot
    from fastmem import theory as theory
    from fastmem.estimators.corrected import CorrectedClassifier as CorrectedClassifier
    from fastmem.estimators.corrected import CorrectedRegressor as CorrectedRegressor
    from fastmem.estimators.memorizing import MemorizingClassifier as MemorizingClassifier
    from fastmem.estimators.memorizing_regressor import MemorizingRegressor as MemorizingRegressor
else:

    def __getattr__(name):
        if name == "plot":  # loaded when it is used
            return importlib.import_module("fastmem.plot")
        if name in _ESTIMATORS:  # which need scikit-learn
            return getattr(importlib.import_module(f"fastmem.estimators.{_ESTIMATORS[name]}"), name)
        if name in _HOMES:  # a module of version 0.1
            return importlib.import_module(f"fastmem.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    # What dir() names must be there: help() reads every name, and stops at an ImportError.
    needs_scikit_learn = [*_ESTIMATORS] if importlib.util.find_spec("sklearn") else []
    special = [name for name in globals() if name.startswith("__")]
    return sorted([*__all__, *needs_scikit_learn, "plot", "theory", *special])
