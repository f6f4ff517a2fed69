"""Modules of version 0.1 by their old names: pickles made by it, and code written for it, name their classes there.

A finder, asked after all others, makes a module for such a name; that looks a name up in the modules that hold it now.
"""

import importlib
import importlib.machinery
import sys
import types

__all__ = ["HOMES", "leave_addresses"]

HOMES = {
    "_kernels.blocks": ("_kernels.lifts",),
    "_kernels.environment": ("_kernels.floats",),
    "_kernels.store": ("_kernels.runs",),
    "blas": ("machine.blas",),
    "blocks": ("machine.threads",),
    "clearance": ("separate.clearance",),
    "encoder": (
        "hyperplanes.hyperplanes",
        "hyperplanes.encoder",
        "hyperplanes.code",
        "hyperplanes.margins",
        "hyperplanes.frame",
        "hyperplanes.tables",
    ),
    "environment": ("machine.floats",),
    "estimator": ("estimators.memorizing",),
    "export.arithmetic": ("export.exact_sums",),
    "export.c_layers": ("export.c.layers",),
    "export.c_text": ("export.c.text",),
    "export.graph": ("export.networkx",),
    "files": ("cli.files",),
    "given": ("network.given",),
    "jit": ("export.jit.predictor",),
    "layer": ("layers.layer",),
    "lazy": ("machine.once",),
    "parity": ("layers.parity",),
    "parquet": ("cli.parquet",),
    "points": ("data.points",),
    "progress": ("machine.progress",),
    "recognition": ("network.near_codes",),
    "report": ("network.report",),
    "room": ("machine.memory",),
    "runs": ("data.sorting",),
    "separate.exact": ("hyperplanes.passes",),
    "separate.slab": ("separate.margin",),
    "separate.slabs_through": ("separate.slabs",),
    "store.blocks": ("store.lifts",),
    "store.suitable": ("store.choose_features",),
    "validation": ("data.as_points", "data.as_labels", "data.options", "data.arrays"),
    "wiring": ("layers.wiring",),
}
"""Old modules, and those that hold now what they held, all without ``fastmem.`` in front."""


class _Moved(types.ModuleType):
    def __init__(self, name, homes):
        super().__init__(name, f"What was here is in {' and '.join(homes)} now.")
        self.__dict__["_homes"] = homes

    def __getattr__(self, name):
        if name == "__all__":
            return [public for module in self._modules() for public in getattr(module, "__all__", ())]
        if not name.startswith("__"):
            for module in self._modules():
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r}; what it held is in {' and '.join(self._homes)} now"
        )

    def __dir__(self):
        return sorted({*super().__dir__(), *self.__all__})

    def _modules(self):
        return [importlib.import_module(home) for home in self._homes]


class _Finder:
    """Finds the old modules, and makes them."""

    def find_spec(self, name, path=None, target=None):
        """As `importlib.abc.MetaPathFinder` has it."""
        if name.startswith("fastmem.") and name.removeprefix("fastmem.") in HOMES:
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def create_module(self, spec):
        """As `importlib.abc.Loader` has it."""
        homes = HOMES[spec.name.removeprefix("fastmem.")]
        return _Moved(spec.name, [f"fastmem.{home}" for home in homes])

    def exec_module(self, module):
        """There is nothing to run."""


_FINDER = _Finder()


def leave_addresses():
    """Let the old modules be imported."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
